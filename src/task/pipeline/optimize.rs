//! `pipeline optimize`: what is proven to be safe to change, as one diff; and what a
//! person has to decide.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use anyhow::{Context as _, Result, anyhow};

use super::collect::{Subject, Workspace};
use super::history::Known;
use super::report::{self, OPTIMIZE, OptimizeReport, OptimizedFile, Status};
use super::{check, diff, propose, settings, show};
use crate::failure::Failure;
use crate::inputs::{Format, Inputs};
use crate::pipeline::draw::duration;
use crate::pipeline::edit::{Op, splice};
use crate::pipeline::graph::Pipeline;
use crate::pipeline::optimize::{Optimized, optimize};
use crate::pipeline::prove::Gates;
use crate::pipeline::rule::{Group, Rule};
use crate::pipeline::timing::saving::{Basis, Saving, saving_between, savings};
use crate::pipeline::timing::{Effect, History};
use crate::pipeline::{self, File, Files, Outcome};
use crate::publish::{self, files, terminal};
use crate::redact::{ForgeHost, Scrubber};
use crate::report::Usage;

/// Most bytes that are read again to tell what single changes by one rule save: of a
/// file as large as that, only the first one is told.
const ALONE: usize = 1 << 20;

/// A file with what is to become of it.
pub struct Made {
    /// Its text as it was.
    pub text: String,
    /// The file as it was, where the rules change nothing.
    pub before: Option<Box<File>>,
    /// The file as it is to be; `None` where nothing changes, or it was not read.
    pub after: Option<Box<File>>,
    /// Its part of the result.
    pub report: OptimizedFile,
}

/// Make the files better and tell. Gives the exit code.
///
/// # Errors
/// A file or a result could not be written.
pub fn run(
    inputs: &Inputs,
    subjects: Vec<Subject>,
    workspace: &Workspace,
    known: &Known,
    apply: bool,
) -> Result<u8, Failure> {
    let places: Vec<_> =
        subjects.iter().map(|subject| (subject.place.clone(), subject.text.clone())).collect();
    let mut made = examine(inputs, subjects, workspace, known).map_err(Failure::Inputs)?;
    let said = asked(inputs, &mut made, workspace, known)?;
    if apply {
        for (made, (place, text)) in made.iter().zip(&places) {
            let Some(after) = &made.after else { continue };
            write(place, text, &after.text)
                .with_context(|| format!("cannot write {}", made.report.path))
                .map_err(Failure::Inputs)?;
        }
    }
    let failure = said.failure.clone();
    tell(inputs, made, said, known.notes(), apply).map_err(Failure::Inputs)?;
    match failure {
        Some(why) => Err(Failure::Model(anyhow!("{why}; the rules answered alone"))),
        None => Ok(0),
    }
}

/// What a model adds, on the files as the rules leave them.
///
/// # Errors
/// The model is not set up.
pub fn asked(
    inputs: &Inputs,
    made: &mut [Made],
    files: &dyn Files,
    known: &Known,
) -> Result<Said, Failure> {
    let mut said = Said { model: "offline".to_owned(), ..Said::default() };
    if propose::is_offline(inputs) {
        return Ok(said);
    }
    let scrubber = Scrubber::new(&inputs.secrets);
    for made in made {
        let Some(file) = made.after.take().or_else(|| made.before.take()) else { continue };
        let asked = propose::ask(inputs, &file, &scrubber)?;
        said.usage += asked.usage;
        said.failure = asked.failure.or(said.failure);
        if !asked.model.is_empty() {
            said.model.clone_from(&asked.model);
        }
        let rule = format!("model:{}", asked.model);
        let mut now = file;
        for one in &asked.proposed {
            match propose::prove(&now, one, files, &scrubber) {
                Ok(held) => {
                    let history = known.of(&now);
                    let saving = (!same_edges(&now.pipeline, &held.after.pipeline))
                        .then(|| saving_between(&now.pipeline, &held.after.pipeline, &[], history))
                        .flatten();
                    made.report.changes.push(report::Change {
                        rule: rule.clone(),
                        title: held.title,
                        line: held.lines.0,
                        why: held.why,
                        saving: saving.map(written),
                        proof: held.proof,
                    });
                    now = held.after;
                }
                Err(reason) => made.report.withheld.push(report::Withheld {
                    rule: rule.clone(),
                    line: one.edit.line.max(1),
                    reason: format!("{}: {reason}", one.title),
                }),
            }
        }
        made.report.diff =
            diff::unified(&made.report.path, &made.text, &now.text).map_err(Failure::Inputs)?;
        made.after = (!made.report.diff.is_empty()).then_some(now);
    }
    Ok(said)
}

/// Put the new text in the file's place, unless somebody changed it in between.
fn write(place: &std::path::Path, before: &str, after: &str) -> Result<()> {
    let now = std::fs::read(place).context("cannot read it again")?;
    if now != before.as_bytes() {
        return Err(anyhow!("it was changed by somebody else meanwhile; run again"));
    }
    // The link stays one: what it leads to is written.
    let target = place.canonicalize().context("cannot find it again")?;
    let rights = std::fs::metadata(&target).context("cannot read its rights")?.permissions();
    files::write_atomic(&target, after.as_bytes())?;
    std::fs::set_permissions(&target, rights).context("cannot keep its rights")
}

/// Every file with its proven changes.
///
/// # Errors
/// A diff does not make the text it stands for.
pub fn examine(
    inputs: &Inputs,
    subjects: Vec<Subject>,
    files: &dyn Files,
    known: &Known,
) -> Result<Vec<Made>> {
    let chosen = settings::chosen(inputs);
    let states = check::states(&subjects);
    let mut all = Vec::new();
    for (subject, state) in subjects.into_iter().zip(states) {
        let Subject { path, text, outcome, .. } = subject;
        let mut report = OptimizedFile {
            path: path.clone(),
            platform: state.platform,
            status: state.status,
            reason: state.reason,
            diff: String::new(),
            saving: None,
            changes: Vec::new(),
            suggestions: Vec::new(),
            withheld: Vec::new(),
        };
        let Outcome::Read(file) = outcome else {
            all.push(Made { text, before: None, after: None, report });
            continue;
        };
        if !inputs.wants(&path) {
            continue;
        }
        let history = known.of(&file);
        let platform = file.pipeline.platform;
        let made = match pipeline::read(platform, &file.path, &text, files) {
            Outcome::Read(again) => optimize(again, &chosen, files, history, &Gates::usual()),
            _ => return Err(anyhow!("{path} reads differently the second time")),
        };
        fill(&mut report, &made, &file, files, history);
        report.diff = diff::unified(&path, &text, &made.after.text)?;
        let changed = !report.diff.is_empty();
        let after = changed.then_some(made.after);
        all.push(Made { text, before: (!changed).then_some(file), after, report });
    }
    Ok(all)
}

/// A file as it would be; `None` where it stays as it is.
pub fn after(inputs: &Inputs, file: &File, files: &dyn Files, known: &Known) -> Option<Box<File>> {
    let platform = file.pipeline.platform;
    let Outcome::Read(again) = pipeline::read(platform, &file.path, &file.text, files) else {
        return None;
    };
    let chosen = settings::chosen(inputs);
    let made = optimize(again, &chosen, files, known.of(file), &Gates::usual());
    (!made.changes.is_empty()).then_some(made.after)
}

fn fill(
    report: &mut OptimizedFile,
    made: &Optimized,
    file: &File,
    files: &dyn Files,
    history: Option<&History>,
) {
    let before = &file.pipeline;
    let changed = made.changes.iter().map(|change| &change.effect);
    let named: Vec<&Effect> =
        changed.chain(made.suggestions.iter().map(|one| &one.effect)).flatten().collect();
    let sets: Vec<&[Effect]> = named.into_iter().map(std::slice::from_ref).collect();
    let mut worths = savings(before, &sets, history).into_iter();
    // Where a rule names no effect, the graph with and without the fix tells it: only
    // where edges moved at all, as for each one the whole file is read again.
    let effects: Vec<Effect> =
        made.changes.iter().filter_map(|change| change.effect.clone()).collect();
    let later = aligned(before, &made.after.pipeline);
    let moves = !same_edges(before, &later);
    let most = if moves { (ALONE / file.text.len().max(1)).max(1) } else { 0 };
    let mut alone: BTreeMap<&str, usize> = BTreeMap::new();
    let mut worth = |rule: &Rule, effect: &Option<Effect>, ops: &[Op]| match effect {
        Some(_) => worths.next().flatten().map(written),
        None if rule.group == Group::Performance && !ops.is_empty() => {
            let count = alone.entry(rule.slug).or_default();
            if *count == most {
                return None;
            }
            *count += 1;
            let text = splice(&file.text, &file.tree, ops).ok()?;
            match pipeline::read(before.platform, &file.path, &text, files) {
                Outcome::Read(alone) => {
                    let alone = aligned(before, &alone.pipeline);
                    let moved = !same_edges(before, &alone);
                    moved.then(|| saving_between(before, &alone, &[], history))?.map(written)
                }
                _ => None,
            }
        }
        None => None,
    };
    report.changes = made
        .changes
        .iter()
        .map(|change| report::Change {
            rule: change.rule.slug.to_owned(),
            title: change.title.clone(),
            line: change.line,
            why: change.why.clone(),
            saving: worth(change.rule, &change.effect, &change.ops),
            proof: change.proof.clone(),
        })
        .collect();
    report.suggestions = made
        .suggestions
        .iter()
        .map(|one| report::Suggestion {
            rule: one.rule.slug.to_owned(),
            title: one.title.clone(),
            line: one.line,
            why: one.why.clone(),
            saving: worth(one.rule, &one.effect, &[]),
        })
        .collect();
    report.withheld = made
        .withheld
        .iter()
        .map(|held| report::Withheld {
            rule: held.rule.to_owned(),
            line: held.line,
            reason: held.reason.clone(),
        })
        .collect();
    if !effects.is_empty() || moves {
        report.saving = saving_between(before, &later, &effects, history).map(written);
    }
}

/// The later state with the jobs' ids of the earlier one, where ids are made of places
/// (Jenkins' nested stages): the same jobs by the names that people see.
fn aligned(before: &Pipeline, after: &Pipeline) -> Pipeline {
    let mut after = after.clone();
    let ids: BTreeMap<&str, &str> =
        before.jobs.iter().map(|job| (job.title(), job.id.as_str())).collect();
    let titles: BTreeSet<String> = after.jobs.iter().map(|job| job.title().to_owned()).collect();
    let told_apart = ids.len() == before.jobs.len() && titles.len() == after.jobs.len();
    if told_apart && titles.iter().map(String::as_str).eq(ids.keys().copied()) {
        for job in &mut after.jobs {
            if let Some(id) = ids.get(job.title()) {
                job.id = (*id).to_owned();
            }
        }
    }
    after
}

/// Whether the same jobs wait for the same jobs.
fn same_edges(one: &Pipeline, other: &Pipeline) -> bool {
    let edges = |pipeline: &Pipeline| -> BTreeSet<(String, String)> {
        let id = |index: usize| pipeline.jobs.get(index).map(|job| job.id.clone());
        let jobs = pipeline.jobs.iter();
        jobs.flat_map(|job| {
            job.needs.iter().filter_map(|need| Some((job.id.clone(), id(need.job)?)))
        })
        .collect()
    };
    edges(one) == edges(other)
}

fn written(saving: Saving) -> report::Saving {
    let round = |values: [f64; 3]| values.map(|value| (value * 10_000.0).round() / 10_000.0);
    report::Saving {
        wall_seconds: saving.wall_seconds.map(|seconds| (seconds * 10.0).round() / 10.0),
        cost_usd: saving.cost_usd.map(round),
        basis: match saving.basis {
            Basis::History => "history",
            Basis::Estimate => "estimate",
        },
        note: saving.note,
    }
}

/// A saving in words: `1 min 20 s a run (40 s to 2 min; estimate)`.
fn in_words(saving: &report::Saving) -> String {
    let [low, middle, high] = saving.wall_seconds;
    let basis = match saving.basis {
        "history" => "from history",
        _ => "estimate",
    };
    let money = saving.cost_usd.filter(|cost| cost[1].abs() >= 0.0005);
    let money = money.map(|cost| match cost[1] >= 0.0 {
        true => format!(", ${:.3} a run", cost[1]),
        false => format!(", costs ${:.3} more a run", -cost[1]),
    });
    let money = money.unwrap_or_default();
    let span = |seconds: f64| match seconds < 0.0 {
        true => format!("−{}", duration(-seconds)),
        false => duration(seconds),
    };
    if low.abs() < 0.5 && high.abs() < 0.5 {
        return format!("no wall time: not on the critical path{money} ({basis})");
    }
    format!("{} a run ({} to {}; {basis}){money}", span(middle), span(low), span(high))
}

/// Who was asked, and what that took.
#[derive(Default)]
pub struct Said {
    /// Provider and name, or `offline`.
    pub model: String,
    /// What it took.
    pub usage: Usage,
    /// Why there is no answer, or not all of it.
    pub failure: Option<String>,
}

fn tell(
    inputs: &Inputs,
    made: Vec<Made>,
    said: Said,
    notes: &[String],
    applied: bool,
) -> Result<()> {
    let scrubber = Scrubber::new(&inputs.secrets);
    let host = ForgeHost::new("", "");
    let result = OptimizeReport {
        schema: OPTIMIZE,
        model: said.model,
        files: made.into_iter().map(|made| made.report).collect(),
        notes: notes.iter().cloned().chain(said.failure).collect(),
        usage: said.usage,
    };
    let shown = shown(&result);
    let markdown = || {
        let text = publish::pipeline::markdown(&shown, &scrubber, &host);
        format!("### Pipeline files\n\n{text}")
    };
    let data = || show::json(&result, &scrubber);
    if let Some(file) = &inputs.findings_file {
        files::write_atomic(file, data()?.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &inputs.summary_file {
        files::write_atomic(file, markdown().as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &markdown()).context("cannot write the step summary")?;
    }
    let text = match inputs.format {
        Format::Diff => {
            // People who only see a diff learn the rest here.
            for file in &result.files {
                if let Some(reason) = &file.reason {
                    tracing::warn!("{} was not read: {reason}", file.path);
                }
                for held in &file.withheld {
                    tracing::info!(
                        "{}:{}: {} withheld: {}",
                        file.path,
                        held.line,
                        held.rule,
                        held.reason
                    );
                }
            }
            result.files.iter().map(|file| file.diff.as_str()).collect()
        }
        Format::Json => data()?,
        Format::Markdown => markdown(),
        Format::Text => {
            let options = terminal::Options { color: inputs.color_stdout(), width: show::width() };
            publish::pipeline::terminal(&shown, applied, options, &scrubber)
        }
        Format::Sarif | Format::Github => {
            return Err(anyhow!(
                "`pipeline optimize` has no format `{}`: `pipeline check` has",
                inputs.format
            ));
        }
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(())
}

/// The result as people read it.
pub fn shown(result: &OptimizeReport) -> Vec<publish::pipeline::File<'_>> {
    use publish::pipeline::{File, Row};
    let files = result.files.iter().map(|file| File {
        path: &file.path,
        reason: match file.status {
            Status::Read => None,
            _ => file.reason.as_deref(),
        },
        saving: file.saving.as_ref().map(in_words),
        changes: file
            .changes
            .iter()
            .map(|change| Row {
                rule: &change.rule,
                title: &change.title,
                line: change.line,
                why: &change.why,
                saving: change.saving.as_ref().map(in_words),
                proof: &change.proof,
            })
            .collect(),
        suggestions: file
            .suggestions
            .iter()
            .map(|one| Row {
                rule: &one.rule,
                title: &one.title,
                line: one.line,
                why: &one.why,
                saving: one.saving.as_ref().map(in_words),
                proof: &[],
            })
            .collect(),
        withheld: file
            .withheld
            .iter()
            .map(|held| (held.rule.as_str(), held.line, held.reason.as_str()))
            .collect(),
        diff: &file.diff,
    });
    files.collect()
}
