//! What the person and the job read, and the exit code.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, Result, anyhow};

use super::Examined;
use super::gaps::{is_open, ranges};
use super::report::{Candidate, Report as Tests, Verdict};
use crate::failure::Failure;
use crate::inputs::{Format, Inputs};
use crate::publish::{View, annotations, files, sarif, wording};
use crate::redact::{ForgeHost, Scrubber};
use crate::report::{Coverage, Report, SCHEMA};
use crate::task::pipeline::show;
use crate::task::review::collect::Collected;

/// Most functions that a summary lists.
const MOST_GAPS: usize = 30;

/// Write the result where it was asked for. Gives the exit code.
///
/// # Errors
/// A file cannot be written, or the model could not answer.
pub fn tell(
    inputs: &Inputs,
    collected: &Collected,
    examined: &Examined,
    scrubber: &Scrubber,
) -> Result<u8, Failure> {
    let failing = written(inputs, collected, examined, scrubber).map_err(Failure::Inputs)?;
    match &examined.failure {
        Some(why) => Err(Failure::Model(anyhow!("{why}; the gap was told without it"))),
        None => Ok(u8::from(failing)),
    }
}

fn written(
    inputs: &Inputs,
    collected: &Collected,
    examined: &Examined,
    scrubber: &Scrubber,
) -> Result<bool> {
    let host = match &collected.target {
        Some(target) => ForgeHost::new(&inputs.host.server_url, &target.repository),
        None => ForgeHost::nowhere(),
    };
    let tests = &examined.report;
    let report = as_review(examined);
    let view = View {
        report: &report,
        change: &collected.change,
        scrubber,
        host: &host,
        fail_on: inputs.fail_on,
        incomplete: examined.failure.is_some(),
    };
    let data = show::json(tests, scrubber)?;
    let markdown = markdown(tests, &view);
    let write = |file: &std::path::Path, text: &str| {
        files::write_atomic(file, text.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))
    };
    if let Some(file) = &inputs.findings_file {
        write(file, &data)?;
    }
    if let Some(file) = &inputs.sarif_file {
        write(file, &sarif::render(&view)?)?;
    }
    if let Some(file) = &inputs.summary_file {
        write(file, &markdown)?;
    }
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &markdown).context("cannot write the step summary")?;
    }
    let text = match inputs.format {
        Format::Json => data,
        Format::Diff => tests.diff.clone(),
        Format::Sarif => sarif::render(&view)?,
        Format::Github => annotations::workflow_commands(&view),
        Format::Markdown => markdown,
        Format::Text => text(tests, scrubber, inputs.color_stdout()),
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(report.at_or_above(inputs.fail_on) > 0)
}

/// The gaps as a review has findings, for SARIF and annotations.
fn as_review(examined: &Examined) -> Report {
    Report {
        schema: SCHEMA.to_owned(),
        model: examined.report.model.clone(),
        base: examined.report.base.clone(),
        head: examined.report.head.clone(),
        summary: String::new(),
        findings: examined.findings.clone(),
        dropped: Vec::new(),
        coverage: Coverage::default(),
        usage: examined.report.usage,
        tests: None,
        notes: examined.report.notes.clone(),
        assessment: None,
    }
}

/// The candidates, accepted ones first.
fn ordered(tests: &Tests) -> Vec<&Candidate> {
    let mut all: Vec<&Candidate> = tests.candidates.iter().collect();
    all.sort_by_key(|one| one.verdict);
    all
}

/// What the evidence of a candidate comes to, in a few words.
pub fn evidence(one: &Candidate) -> String {
    let told = one.evidence.iter().filter(|evidence| !evidence.on.starts_with("stripped"));
    let told = told.map(|evidence| format!("{}: {}", evidence.on, evidence.outcome));
    told.collect::<Vec<_>>().join("; ")
}

/// The result as Markdown.
pub fn markdown(tests: &Tests, view: &View<'_>) -> String {
    let mut text = String::from("### Tests\n\n");
    let proven = tests.candidates.iter().filter(|one| one.verdict.is_proven()).count();
    let open = tests.gap.iter().filter(|gap| is_open(gap)).count();
    let _ = writeln!(
        text,
        "{} changed, {} without a test that would notice.{}",
        wording::plural(tests.gap.len(), "function"),
        open,
        match tests.candidates.len() {
            0 => String::new(),
            count => format!(" {proven} of {} proven.", wording::plural(count, "proposed test")),
        }
    );
    if !tests.candidates.is_empty() {
        text.push_str("\n| test | what it guards | verdict | evidence |\n|---|---|---|---|\n");
        for one in ordered(tests) {
            let cell = |text: &str| view.markdown_line(text).replace('|', "\\|");
            let _ = writeln!(
                text,
                "| {}<br>{} | {} | **{}** {} | {} |",
                view.code(&one.name),
                view.code(&one.path),
                cell(&one.guards),
                one.verdict.as_str(),
                cell(&one.reason),
                cell(&evidence(one)),
            );
        }
    }
    let gaps: Vec<_> = tests.gap.iter().filter(|gap| is_open(gap)).collect();
    if !gaps.is_empty() {
        text.push_str(
            "\n| function | no test reaches | changes that no test notices |\n|---|---|---|\n",
        );
        for gap in gaps.iter().take(MOST_GAPS) {
            let mutants = &gap.mutants;
            let _ = writeln!(
                text,
                "| {} {} | {} | {} of {} |",
                view.code(&gap.function),
                view.code(&format!("{}:{}", gap.path, gap.lines[0])),
                match gap.coverage {
                    true if gap.uncovered.is_empty() => "-".to_owned(),
                    true => ranges(&gap.uncovered),
                    false => "not measured".to_owned(),
                },
                mutants.survived.len(),
                mutants.tried,
            );
        }
    }
    for note in &tests.notes {
        let _ = write!(text, "\n{}\n", view.markdown_line(note));
    }
    text
}

/// The result for a person at a terminal.
fn text(tests: &Tests, scrubber: &Scrubber, color: bool) -> String {
    let line = |text: &str| scrubber.sanitize_line(text);
    let paint = |code: &str, text: &str| match color {
        true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        false => text.to_owned(),
    };
    let mut out = String::new();
    for project in &tests.projects {
        let _ = writeln!(
            out,
            "{} {} project (by {}), run by `{}`",
            paint("1", &line(&project.root)),
            project.kind,
            line(&project.why),
            line(&project.command)
        );
        if let Some(baseline) = &project.baseline {
            let _ = writeln!(
                out,
                "  the suite {} on the head: {} in {:.1} s",
                baseline.outcome,
                wording::plural(baseline.tests, "test"),
                baseline.seconds
            );
        }
    }
    if !tests.gap.is_empty() {
        let _ = writeln!(out, "\n{}", paint("1", "What no test guards"));
    }
    let mut guarded = 0;
    for gap in &tests.gap {
        if !is_open(gap) && (gap.coverage || gap.mutants.tried > 0) {
            guarded += 1;
            continue;
        }
        let place = format!("{}:{}", gap.path, gap.lines[0]);
        let _ =
            writeln!(out, "  {}  {}", paint("36", &line(&gap.function)), paint("2", &line(&place)));
        match gap.coverage {
            false => {}
            true if gap.uncovered.is_empty() => {}
            true => {
                let _ = writeln!(out, "    no test reaches {}", ranges(&gap.uncovered));
            }
        }
        let mutants = &gap.mutants;
        if mutants.tried == 0 {
            let why = if mutants.set_aside > 0 { "none built" } else { "none was tried" };
            let _ = writeln!(out, "    mutants: {why}");
        } else {
            let _ =
                writeln!(out, "    mutants: {} of {} live", mutants.survived.len(), mutants.tried);
        }
        for one in mutants.survived.iter().take(5) {
            let _ = writeln!(
                out,
                "      {} {}",
                paint("33", &format!("{:>5}", one.line)),
                line(&one.change)
            );
        }
        if mutants.survived.len() > 5 {
            let _ = writeln!(out, "            and {} more", mutants.survived.len() - 5);
        }
    }
    if guarded > 0 {
        let _ = writeln!(out, "  {} guarded", wording::plural(guarded, "changed function"));
    }
    for one in &tests.untestable {
        let _ = writeln!(out, "  {}  {}", line(&one.path), paint("2", &line(&one.reason)));
    }
    if !tests.candidates.is_empty() {
        let _ = writeln!(out, "\n{}", paint("1", "Proposed tests"));
    }
    for one in ordered(tests) {
        let shade = match one.verdict {
            Verdict::ProvenBase | Verdict::ProvenMutant => "32",
            Verdict::SuspectedBug => "31",
            Verdict::CoverageOnly => "33",
            Verdict::Rejected => "2",
        };
        let _ = writeln!(
            out,
            "  {:<13}  {}  {}",
            paint(shade, one.verdict.as_str()),
            line(&one.name),
            paint("2", &line(&one.path))
        );
        let _ = writeln!(out, "    {}", line(&one.reason));
    }
    if !tests.diff.is_empty() {
        let _ = writeln!(out, "\n{}", paint("1", "Accepted"));
        for line in tests.diff.lines() {
            let shade = match line.as_bytes().first() {
                Some(b'+') => "32",
                Some(b'-') => "31",
                Some(b'@') => "36",
                _ => "2",
            };
            let _ = writeln!(out, "{}", paint(shade, &scrubber.sanitize_code(line)));
        }
    }
    if !tests.notes.is_empty() {
        out.push('\n');
    }
    for note in &tests.notes {
        let _ = writeln!(out, "note: {}", line(note));
    }
    if tests.model == "offline" {
        let _ = writeln!(out, "note: no model was asked: this is the gap, no test was written");
    }
    out
}
