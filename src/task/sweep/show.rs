//! A sweep as people and programs read it.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, Result, bail};

use super::{Report, Row, Status};
use crate::inputs::{Format, Inputs};
use crate::publish::{files, json};
use crate::redact::{Scrubber, break_commands};

/// Whether a sweep has this form.
///
/// # Errors
/// It has not.
pub(super) fn check(format: Format) -> Result<()> {
    match format {
        Format::Text | Format::Json | Format::Markdown => Ok(()),
        _ => bail!("a sweep has no format `{format}`: use `text`, `json` or `markdown`"),
    }
}

/// Print it, and write it where it was asked for.
pub(super) fn show(report: &Report, inputs: &Inputs) -> Result<()> {
    let data = json::inert(serde_json::to_string_pretty(report)?);
    if let Some(file) = &inputs.findings_file {
        files::write_atomic(file, data.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let scrubber = Scrubber::new(&inputs.secrets);
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &markdown(report, &scrubber))
            .context("cannot write the step summary")?;
    }
    let text = match inputs.format {
        Format::Json => data,
        Format::Markdown => break_commands(&markdown(report, &scrubber)).into_owned(),
        _ => break_commands(&text(report, &scrubber)).into_owned(),
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = stdout.write_all(b"\n");
    }
    Ok(())
}

/// How a change went, in a few words.
fn outcome(row: &Row) -> String {
    let reason = row.reason.as_deref().unwrap_or_default();
    let counts = [
        (row.counts.critical, "critical"),
        (row.counts.high, "high"),
        (row.counts.medium, "medium"),
        (row.counts.low, "low"),
        (row.counts.info, "info"),
    ];
    let found: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let found = if found.is_empty() { "nothing found".to_owned() } else { found.join(", ") };
    match row.status {
        Status::Skipped => format!("skipped: {reason}"),
        Status::Failed => format!("failed: {reason}"),
        Status::Incomplete => format!("{found}; incomplete"),
        Status::Reviewed => found,
    }
}

fn total(report: &Report) -> String {
    let count = |of: Status| report.changes.iter().filter(|row| row.status == of).count();
    let batches = if report.batch { ", in batches at half the price" } else { "" };
    format!(
        "{} reviewed, {} incomplete, {} skipped, {} failed; {} requests to {}{batches}, ${:.4}",
        count(Status::Reviewed),
        count(Status::Incomplete),
        count(Status::Skipped),
        count(Status::Failed),
        report.usage.requests,
        report.model,
        report.usage.cost_usd,
    )
}

fn text(report: &Report, scrubber: &Scrubber) -> String {
    let mut text = String::new();
    for row in &report.changes {
        let cost = row.usage.cost_usd;
        let posted = if row.posted { "  posted" } else { "" };
        let name = format!("{}#{}", row.repository, row.number);
        let _ = writeln!(text, "{name:<32} {:<40} ${cost:.4}{posted}", outcome(row));
        for finding in &row.findings {
            let title = scrubber.sanitize_line(&finding.title);
            let path = scrubber.sanitize_line(&finding.path);
            let _ = writeln!(
                text,
                "    {:<8} {path}:{}  {title}",
                finding.severity.as_str(),
                finding.line
            );
        }
    }
    for one in &report.repositories {
        let reason = scrubber.sanitize_line(&one.reason);
        let _ = writeln!(text, "{:<32} left out: {reason}", one.repository);
    }
    let _ = writeln!(text, "{}", total(report));
    text
}

fn markdown(report: &Report, scrubber: &Scrubber) -> String {
    let cell = |text: &str| scrubber.sanitize_plain(text).replace('|', "\\|").replace('\n', " ");
    let mut text = String::from("| change | result | cost | posted |\n|---|---|---:|---|\n");
    for row in &report.changes {
        let posted = if row.posted { "yes" } else { "" };
        let (repository, number, cost) = (&row.repository, row.number, row.usage.cost_usd);
        let outcome = cell(&outcome(row));
        let _ = writeln!(text, "| {repository}#{number} | {outcome} | ${cost:.4} | {posted} |");
    }
    for one in &report.repositories {
        let _ = writeln!(text, "| {} | left out: {} | | |", one.repository, cell(&one.reason));
    }
    let _ = writeln!(text, "\n{}", cell(&total(report)));
    text
}
