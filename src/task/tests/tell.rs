//! What the person and the job read, and the exit code.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, Result, anyhow};

use super::deliver::{Delivered, shown};
use super::gaps::{is_open, ranges};
use super::report::{Candidate, Report as Tests, Verdict};
use super::{Examined, record};
use crate::context::Context;
use crate::failure::Failure;
use crate::forge::Conclusion;
use crate::inputs::{Format, Inputs};
use crate::policy::Ruling;
use crate::publish::outputs::{self, Outputs};
use crate::publish::{View, annotations, files, proven, sarif, wording};
use crate::redact::{ForgeHost, Scrubber, break_commands};
use crate::report::{Coverage, Report, SCHEMA};
use crate::task::pipeline::show;
use crate::task::review::collect::Collected;

/// How a run ended.
pub struct Ended<'a> {
    /// What the program was told.
    pub inputs: &'a Inputs,
    /// Which job.
    pub context: &'a Context,
    /// The change.
    pub collected: &'a Collected,
    /// What was found out.
    pub examined: &'a Examined,
    /// What was done about it.
    pub delivered: &'a Delivered,
    /// What the run might do.
    pub ruling: Ruling,
    /// Knows this run's secrets.
    pub scrubber: &'a Scrubber,
}

/// Write the result where it was asked for, the outputs and the record. Gives the exit
/// code.
///
/// # Errors
/// A file cannot be written, or the host or the model failed.
pub fn tell(ended: &Ended<'_>) -> Result<u8, Failure> {
    let Ended { examined, delivered, .. } = *ended;
    let conclusion = written(ended).map_err(Failure::Inputs)?;
    if let Err(why) = record::write(ended, conclusion) {
        tracing::warn!("no record of this run: {why:#}");
    }
    let outcome = &delivered.outcome;
    if let Some((what, why)) = outcome.failed.first() {
        return Err(Failure::Platform(anyhow!("could not post {what}: {why}")));
    }
    if outcome.could_post_nothing
        && !ended.collected.from_fork
        && let Some((what, why)) = outcome.refused.first()
    {
        return Err(Failure::Platform(anyhow!(
            "could not post {what}: {why}; give the job `permissions: pull-requests: write`"
        )));
    }
    if conclusion == Conclusion::Failure {
        return Ok(1);
    }
    match &examined.failure {
        Some(why) => Err(Failure::Model(anyhow!("{why}; the gap was told without it"))),
        None => Ok(0),
    }
}

fn written(ended: &Ended<'_>) -> Result<Conclusion> {
    let Ended { inputs, collected, examined, delivered, scrubber, .. } = *ended;
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
    let markdown = proven::markdown(&shown(tests, &delivered.done), scrubber, &host);
    let sarif = || sarif::render(&view);
    let results = files::Results { json: &data, sarif: &sarif, markdown: &markdown };
    let written = files::write_results(inputs, &results)?;
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &markdown).context("cannot write the step summary")?;
    }
    let conclusion = view.conclusion();
    if let Some(file) = &inputs.host.output {
        let outputs = Outputs {
            conclusion,
            findings_count: report.findings.len(),
            findings_file: written.findings,
            sarif_file: written.sarif,
            summary_file: written.summary,
            cost_usd: report.usage.cost_usd,
        };
        files::append(file, &outputs::render(&outputs)).context("cannot write the outputs")?;
    }
    let text = match inputs.format {
        Format::Json => data,
        Format::Diff => tests.diff.clone(),
        Format::Sarif => sarif()?,
        Format::Github => annotations::workflow_commands(&view),
        Format::Markdown => break_commands(&markdown).into_owned(),
        Format::Text => text(tests, scrubber, inputs.color_stdout()),
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = anstream::stdout().write_all(text.as_bytes());
    if inputs.host.github_actions {
        let mut stderr = std::io::stderr().lock();
        let outcome = &delivered.outcome;
        if (!delivered.tried || outcome.could_post_nothing) && inputs.format != Format::Github {
            let _ = stderr.write_all(annotations::workflow_commands(&view).as_bytes());
        }
        for (what, why) in outcome.refused.iter().chain(&outcome.failed) {
            let text = format!("Could not post {what}: {why}.");
            let _ = writeln!(stderr, "{}", annotations::warning_command(&text));
        }
    }
    Ok(conclusion)
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
                "  the suite {} on the head{} in {:.1} s",
                baseline.outcome,
                match baseline.tests {
                    // The runner names none by default.
                    0 => String::new(),
                    count => format!(": {}", wording::plural(count, "test")),
                },
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
