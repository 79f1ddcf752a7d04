//! `pipeline check`: what is wrong, by rule.

use std::collections::HashMap;
use std::io::Write as _;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;

use super::collect::{Subject, Workspace};
use super::history::Known;
use super::report::{CHECK, CheckReport, CheckedFile, Status};
use super::{propose, settings, show};
use crate::diff::{self, Change, Content, FileDiff, LineKind, RepoPath, complete};
use crate::failure::Failure;
use crate::finding::{Finding, Fingerprint, Severity, Side, Source, Suggestion};
use crate::inputs::{Format, Inputs};
use crate::pipeline::check::{Lines, check};
use crate::pipeline::rule::Group;
use crate::pipeline::{Files, Outcome};
use crate::publish::{View, annotations, files, json, sarif, terminal};
use crate::redact::{ForgeHost, Scrubber};
use crate::report::{Coverage, Report, SCHEMA, Usage};

/// Most lines that a finding marks: what it is about stands in the first ones.
const MOST_LINES: u32 = 12;

/// Check the files and tell. Gives the exit code.
///
/// # Errors
/// A result could not be written.
pub fn run(
    inputs: &Inputs,
    subjects: &[Subject],
    workspace: &Workspace,
    known: &Known,
) -> Result<u8, Failure> {
    let mut findings = examine(inputs, subjects, workspace, known);
    let said = asked(inputs, subjects, workspace, &mut findings)?;
    let failure = said.failure.clone();
    let code = tell(inputs, subjects, findings, said).map_err(Failure::Inputs)?;
    match failure {
        Some(why) => Err(Failure::Model(anyhow!("{why}; the rules answered alone"))),
        None => Ok(code),
    }
}

/// Who was asked, and what that took.
#[derive(Default)]
struct Asked {
    model: String,
    usage: Usage,
    failure: Option<String>,
}

/// What a model adds: proposals that hold, as findings with a suggestion.
fn asked(
    inputs: &Inputs,
    subjects: &[Subject],
    files: &dyn Files,
    findings: &mut Vec<Finding>,
) -> Result<Asked, Failure> {
    let mut all = Asked { model: "offline".to_owned(), ..Asked::default() };
    if propose::is_offline(inputs) {
        return Ok(all);
    }
    let scrubber = Scrubber::new(&inputs.secrets);
    for subject in subjects {
        let Some(file) = subject.file().filter(|_| inputs.wants(&subject.path)) else { continue };
        let asked = propose::ask(inputs, file, &scrubber)?;
        all.usage += asked.usage;
        all.failure = asked.failure.or(all.failure);
        if !asked.model.is_empty() {
            all.model.clone_from(&asked.model);
        }
        for one in &asked.proposed {
            let held = match propose::prove(file, one, files, &scrubber) {
                Ok(held) => held,
                Err(why) => {
                    tracing::info!("a proposal for {} does not hold: {why}", subject.path);
                    continue;
                }
            };
            let (line, end_line) = held.lines;
            let quote = subject.text.lines().nth(line as usize - 1).unwrap_or_default();
            findings.push(Finding {
                id: Fingerprint::new(&subject.path, Side::New, quote, 0, "proposal"),
                path: subject.path.clone(),
                side: Side::New,
                line,
                end_line,
                severity: Severity::Low,
                category: "proposal".to_owned(),
                confidence: 0.7,
                title: held.title,
                body: held.why,
                suggestion: Some(Suggestion { replacement: held.replacement }),
                source: Source::Model(asked.model.clone()),
            });
        }
    }
    Ok(all)
}

/// A place in a file with what is said of it, not yet a finding.
struct Said {
    source: String,
    category: &'static str,
    severity: Severity,
    confidence: f64,
    lines: (u32, u32),
    title: String,
    body: String,
}

/// What the rules, the schema and the checks of meaning say of every file, worst first.
pub fn examine(
    inputs: &Inputs,
    subjects: &[Subject],
    files: &dyn Files,
    known: &Known,
) -> Vec<Finding> {
    let chosen = settings::chosen(inputs);
    let mut findings = Vec::new();
    for subject in subjects {
        let mut said: Vec<Said> = Vec::new();
        match &subject.outcome {
            Outcome::Read(file) => {
                let lines = Lines::new(&file.text);
                said.extend(check(file, &chosen, files, known.of(file)).into_iter().map(|found| {
                    Said {
                        source: found.rule.slug.to_owned(),
                        category: category(found.group),
                        severity: found.severity,
                        confidence: found.hit.confidence,
                        lines: (found.line, found.end_line),
                        title: found.hit.title,
                        body: found.hit.why,
                    }
                }));
                said.extend(super::validity::problems(file, &lines).into_iter().map(|problem| {
                    Said {
                        source: problem.slug.to_owned(),
                        category: "validity",
                        severity: problem.severity,
                        confidence: 0.95,
                        lines: problem.lines,
                        title: problem.message,
                        body: String::new(),
                    }
                }));
            }
            Outcome::Invalid { line, why } => said.push(Said {
                source: "invalid-file".to_owned(),
                category: "validity",
                severity: Severity::High,
                confidence: 1.0,
                lines: (*line, *line),
                title: format!("The file cannot be read: {why}"),
                body: "The platform will not run a file that does not parse.".to_owned(),
            }),
            Outcome::Declined(_) => {}
        }
        findings.extend(named(subject, said));
    }
    findings.retain(|finding| {
        inputs.wants(&finding.path)
            && !inputs.ignores(finding)
            && finding.confidence >= inputs.min_confidence
    });
    findings.sort_by(|a, b| {
        let place = |f: &Finding| (f.path.clone(), f.line, f.title.clone());
        b.severity.cmp(&a.severity).then_with(|| place(a).cmp(&place(b)))
    });
    findings
}

/// Findings with names that last: by the text they stand on, not by its line.
fn named(subject: &Subject, said: Vec<Said>) -> Vec<Finding> {
    let texts: Vec<&str> = subject.text.lines().collect();
    let count = u32::try_from(texts.len()).unwrap_or(u32::MAX).max(1);
    let mut seen: HashMap<(String, String), usize> = HashMap::new();
    said.into_iter()
        .map(|said| {
            let line = said.lines.0.clamp(1, count);
            let end_line = said.lines.1.clamp(line, count).min(line + MOST_LINES - 1);
            let quote = texts.get(line as usize - 1).copied().unwrap_or_default().trim();
            let nth = seen.entry((quote.to_owned(), said.source.clone())).or_default();
            let id = Fingerprint::new(&subject.path, Side::New, quote, *nth, &said.source);
            *nth += 1;
            Finding {
                id,
                path: subject.path.clone(),
                side: Side::New,
                line,
                end_line,
                severity: said.severity,
                category: said.category.to_owned(),
                confidence: said.confidence,
                title: said.title,
                body: said.body,
                suggestion: None,
                source: Source::Rule(said.source),
            }
        })
        .collect()
}

fn category(group: Group) -> &'static str {
    match group {
        Group::Performance => "performance",
        Group::Security => "security",
        Group::Delivery => "delivery",
    }
}

/// The files' states, as all results list them.
pub fn states(subjects: &[Subject]) -> Vec<CheckedFile> {
    let state = |subject: &Subject| {
        let (status, reason) = match &subject.outcome {
            Outcome::Read(_) => (Status::Read, None),
            Outcome::Declined(why) => (Status::Declined, Some(why.clone())),
            Outcome::Invalid { line, why } => {
                (Status::Invalid, Some(format!("line {line}: {why}")))
            }
        };
        CheckedFile {
            path: subject.path.clone(),
            platform: subject.platform.map(|platform| platform.as_str()),
            status,
            reason,
        }
    };
    subjects.iter().map(state).collect()
}

/// The files as a change that leaves every line as it is: what the renderers walk.
pub fn as_change(subjects: &[Subject]) -> Change {
    let files = subjects.iter().map(|subject| {
        let path = RepoPath(Bytes::from(subject.path.clone()));
        let text = subject.text.as_bytes();
        FileDiff {
            old_path: Some(path.clone()),
            new_path: Some(path),
            status: diff::Status::Modified,
            old_mode: None,
            new_mode: None,
            content: unchanged(complete::from_contents(None, Some(text), 0)),
        }
    });
    Change { files: files.collect() }
}

fn unchanged(mut content: Content) -> Content {
    if let Content::Text(patch) = &mut content {
        patch.lines.iter_mut().for_each(|line| line.kind = LineKind::Context);
        for hunk in &mut patch.hunks {
            (hunk.old_start, hunk.old_lines) = (hunk.new_start, hunk.new_lines);
        }
    }
    content
}

fn tell(inputs: &Inputs, subjects: &[Subject], findings: Vec<Finding>, said: Asked) -> Result<u8> {
    let scrubber = Scrubber::new(&inputs.secrets);
    let host = ForgeHost::new("", "");
    let states = states(subjects);
    let change = as_change(subjects);
    let mut notes = show::notes(&states);
    notes.extend(said.failure);
    let report = Report {
        schema: SCHEMA.to_owned(),
        model: said.model.clone(),
        base: String::new(),
        head: String::new(),
        summary: String::new(),
        findings: findings.clone(),
        dropped: Vec::new(),
        coverage: Coverage {
            files: subjects.len(),
            files_reviewed: subjects.iter().filter(|subject| subject.file().is_some()).count(),
            ..Coverage::default()
        },
        usage: said.usage,
        tests: None,
        notes: notes.clone(),
        assessment: None,
    };
    let view = View {
        report: &report,
        change: &change,
        scrubber: &scrubber,
        host: &host,
        fail_on: inputs.fail_on,
        incomplete: false,
    };
    let result = CheckReport {
        schema: CHECK,
        model: said.model,
        files: states,
        findings: json::scrubbed(&report, &scrubber).findings,
        notes,
        usage: said.usage,
    };
    let data = show::json(&result, &scrubber)?;
    if let Some(file) = &inputs.findings_file {
        files::write_atomic(file, data.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &inputs.sarif_file {
        files::write_atomic(file, sarif::render(&view)?.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let markdown = show::checked(&result, &view);
    if let Some(file) = &inputs.summary_file {
        files::write_atomic(file, markdown.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &markdown).context("cannot write the step summary")?;
    }
    let text = match inputs.format {
        Format::Json => data,
        Format::Sarif => sarif::render(&view)?,
        Format::Github => annotations::workflow_commands(&view),
        Format::Markdown => markdown,
        Format::Text => {
            let options = terminal::Options { color: inputs.color_stdout(), width: show::width() };
            terminal::render(&view, options)
        }
        Format::Diff => {
            return Err(anyhow!(
                "`pipeline check` has no format `diff`: `pipeline optimize` makes one"
            ));
        }
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(u8::from(report.at_or_above(inputs.fail_on) > 0))
}
