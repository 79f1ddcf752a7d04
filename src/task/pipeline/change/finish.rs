//! What the job and the person read, the record, and the exit code.

use std::io::Write as _;

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;
use serde_json::json;

use super::look::Looked;
use crate::audit::{self, Places, Record};
use crate::context::Context;
use crate::failure::Failure;
use crate::forge::Conclusion;
use crate::inputs::{Format, Inputs};
use crate::policy::Ruling;
use crate::publish::apply::Outcome;
use crate::publish::outputs::{self, Outputs};
use crate::publish::{View, annotations, files, json as published, sarif, terminal};
use crate::redact::{Scrubber, break_commands};
use crate::task::pipeline::report::{CHECK, CheckReport};
use crate::task::pipeline::show;

/// How a run ended.
pub struct Ended<'a> {
    /// What the program was told.
    pub inputs: &'a Inputs,
    /// Which job.
    pub context: &'a Context,
    /// What was seen.
    pub looked: &'a Looked,
    /// The findings as renderers take them.
    pub view: View<'a>,
    /// The table as Markdown, fit to be shown.
    pub table: &'a str,
    /// What was posted.
    pub outcome: &'a Outcome,
    /// The change request's number, where there is one.
    pub number: Option<u64>,
    /// Whether the change's branch lies in another repository.
    pub from_fork: bool,
    /// Whether the host shows nothing of it.
    pub is_invisible: bool,
    /// What the run might do.
    pub ruling: Ruling,
}

/// Write files, outputs and summary, print, record, and settle the exit code.
///
/// # Errors
/// Something could not be written; the host or the model failed.
pub fn finish(ended: &Ended<'_>) -> Result<u8, Failure> {
    let Ended { inputs, view, outcome, .. } = *ended;
    let scrubber = view.scrubber;
    let markdown = format!("### Pipeline files\n\n{}\n", ended.table.trim_end());
    let json = findings(ended).map_err(Failure::Inputs)?;
    let sarif = || sarif::render(&view);
    let results = files::Results { json: &json, sarif: &sarif, markdown: &markdown };
    let written = files::write_results(inputs, &results).map_err(Failure::Inputs)?;
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &markdown)
            .context("cannot write the step summary")
            .map_err(Failure::Inputs)?;
    }
    let conclusion = view.conclusion();
    if let Some(file) = &inputs.host.output {
        let outputs = Outputs {
            conclusion,
            findings_count: view.report.findings.len(),
            findings_file: written.findings,
            sarif_file: written.sarif,
            summary_file: written.summary,
            cost_usd: view.report.usage.cost_usd,
        };
        files::append(file, &outputs::render(&outputs))
            .context("cannot write the outputs")
            .map_err(Failure::Inputs)?;
    }
    print(ended, json, &markdown).map_err(Failure::Inputs)?;
    if let Err(why) = record(ended, conclusion, scrubber) {
        tracing::warn!("no record of this run: {why:#}");
    }
    if let Some((what, why)) = outcome.failed.first() {
        return Err(Failure::Platform(anyhow!("could not post {what}: {why}")));
    }
    if outcome.could_post_nothing
        && !ended.from_fork
        && let Some((what, why)) = outcome.refused.first()
    {
        return Err(Failure::Platform(anyhow!(
            "could not post {what}: {why}; give the job `permissions: pull-requests: write`"
        )));
    }
    if conclusion == Conclusion::Failure {
        return Ok(1);
    }
    match &ended.looked.failure {
        Some(why) => Err(Failure::Model(anyhow!("{why}; the rules answered alone"))),
        None => Ok(0),
    }
}

fn findings(ended: &Ended<'_>) -> Result<String> {
    let report = ended.view.report;
    let result = CheckReport {
        schema: CHECK,
        model: report.model.clone(),
        files: ended.looked.states.clone(),
        findings: published::scrubbed(report, ended.view.scrubber).findings,
        notes: report.notes.clone(),
        usage: report.usage,
    };
    show::json(&result, ended.view.scrubber)
}

/// The result on standard output; where nothing could be posted, workflow commands on
/// standard error, which GitHub's runner reads as well.
fn print(ended: &Ended<'_>, json: String, markdown: &str) -> Result<()> {
    let Ended { inputs, view, outcome, .. } = *ended;
    let text = match inputs.format {
        Format::Json => json,
        Format::Markdown => break_commands(markdown).into_owned(),
        Format::Sarif => sarif::render(&view)?,
        Format::Github => annotations::workflow_commands(&view),
        Format::Diff => ended.looked.result.files.iter().map(|file| file.diff.as_str()).collect(),
        Format::Text => {
            let options = terminal::Options { color: inputs.color_stdout(), width: show::width() };
            let mut text = terminal::render(&view, options);
            let shown = crate::task::pipeline::optimize::shown(&ended.looked.result);
            text += "\n";
            text += &crate::publish::pipeline::terminal(&shown, false, options, view.scrubber);
            text
        }
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let in_github = inputs.host.github_actions;
    let mut stderr = std::io::stderr().lock();
    if in_github && ended.is_invisible && inputs.format != Format::Github {
        let _ = stderr.write_all(annotations::workflow_commands(&view).as_bytes());
    }
    if in_github {
        for (what, why) in outcome.refused.iter().chain(&outcome.failed) {
            let text = format!("Could not post {what}: {why}.");
            let _ = writeln!(stderr, "{}", annotations::warning_command(&text));
        }
    }
    Ok(())
}

fn record(ended: &Ended<'_>, conclusion: Conclusion, scrubber: &Scrubber) -> Result<()> {
    let Ended { inputs, context, view, outcome, .. } = *ended;
    let host = &inputs.host;
    let now = Timestamp::now();
    let name = match (&host.run_id, &host.run_attempt) {
        (Some(id), Some(attempt)) => format!("{id}-{attempt}-{}", now.as_millisecond()),
        _ => format!("{}-{}", now.as_millisecond(), std::process::id()),
    };
    let places = Places {
        record: inputs.record.as_deref(),
        temp: host.runner_temp.as_deref(),
        state: host.state_home.as_deref(),
        checkout: &context.workspace,
    };
    let path = audit::place(&places, &name)?;
    let scrub = {
        let scrubber = scrubber.clone();
        Box::new(move |text: &str| scrubber.scrub(text).into_owned())
    };
    let identity = json!({
        "program": concat!("pipewright ", env!("CARGO_PKG_VERSION")),
        "task": "pipeline",
        "repository": context.repository,
        "change": ended.number,
        "base": view.report.base,
        "head": view.report.head,
        "actor": context.actor,
        "run": context.run_url,
        "model": view.report.model,
        "autonomy": ended.ruling.level().as_str(),
        "limited_by": ended.ruling.limited_by().to_string(),
    });
    let record = Record::create(&path, identity, now, scrub)?;
    for finding in &view.report.findings {
        let details = json!({
            "id": finding.id, "path": finding.path, "line": finding.line,
            "severity": finding.severity, "source": finding.source, "title": finding.title,
        });
        record.add(now, "finding", details);
    }
    for file in &ended.looked.result.files {
        for change in &file.changes {
            let details = json!({
                "path": file.path, "line": change.line, "rule": change.rule,
                "title": change.title, "proof": change.proof,
            });
            record.add(now, "change", details);
        }
        for held in &file.withheld {
            let details = json!({
                "path": file.path, "line": held.line, "rule": held.rule, "reason": held.reason,
            });
            record.add(now, "withheld", details);
        }
    }
    let posted = json!({
        "posted": outcome.posted, "refused": outcome.refused, "failed": outcome.failed,
    });
    record.add(now, "published", posted);
    let end = json!({
        "conclusion": conclusion.as_str(),
        "usage": view.report.usage,
        "notes": view.report.notes,
    });
    if let Some(hash) = record.end(Timestamp::now(), end) {
        tracing::info!("record {} ends with {hash}", path.display());
    }
    Ok(())
}
