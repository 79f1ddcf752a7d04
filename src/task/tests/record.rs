//! The record of a run: what was asked for, each test with its verdict and what showed
//! it, and what was handed over.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;

use super::tell::Ended;
use crate::audit::{self, Places, Record};
use crate::forge::Conclusion;

/// Write the record.
///
/// # Errors
/// It cannot be made.
pub fn write(ended: &Ended<'_>, conclusion: Conclusion) -> Result<()> {
    let Ended { inputs, context, collected, examined, delivered, ruling, scrubber } = *ended;
    let report = &examined.report;
    let host = &inputs.host;
    let now = Timestamp::now();
    let name = match (&host.run_id, &host.run_attempt) {
        (Some(id), Some(attempt)) => format!("{id}-{attempt}-{}", now.as_millisecond()),
        _ => format!("{}-{}", now.as_millisecond(), std::process::id()),
    };
    let path = audit::place(&Places::of(inputs), &name)?;
    let scrubber = scrubber.clone();
    let scrub = Box::new(move |text: &str| scrubber.scrub(text).into_owned());
    let identity = json!({
        "program": concat!("pipewright ", env!("CARGO_PKG_VERSION")),
        "task": "tests",
        "repository": context.repository,
        "change": collected.target.as_ref().and_then(|target| target.number),
        "base": report.base,
        "head": report.head,
        "actor": context.actor,
        "run": context.run_url,
        "model": report.model,
        "kind": report.kind,
        "autonomy": ruling.level().as_str(),
        "limited_by": ruling.limited_by().to_string(),
    });
    let record = Record::create(&path, identity, now, scrub)?;
    for project in &report.projects {
        record.add(now, "project", json!(project));
    }
    for gap in &report.gap {
        let details = json!({
            "path": gap.path, "function": gap.function, "uncovered": gap.uncovered,
            "tried": gap.mutants.tried, "survived": gap.mutants.survived.len(),
        });
        record.add(now, "gap", details);
    }
    for one in &report.candidates {
        let ran: Vec<_> = one
            .evidence
            .iter()
            .map(|ran| json!({ "on": ran.on, "command": ran.command, "outcome": ran.outcome }))
            .collect();
        let details = json!({
            "name": one.name, "path": one.path, "verdict": one.verdict.as_str(),
            "reason": one.reason, "guards": one.guards, "evidence": ran, "diff": one.diff,
        });
        record.add(now, "candidate", details);
    }
    let files: Vec<&str> = examined.files.iter().map(|(path, _, _)| path.as_str()).collect();
    let outcome = &delivered.outcome;
    let posted = json!({
        "posted": outcome.posted, "refused": outcome.refused, "failed": outcome.failed,
        "commit": delivered.commit, "change_request": delivered.change,
        "withheld": delivered.withheld,
        "files": match delivered.commit.is_some() || delivered.change.is_some() {
            true => files,
            false => Vec::new(),
        },
    });
    record.add(now, "published", posted);
    let end = json!({
        "conclusion": conclusion.as_str(),
        "failure": examined.failure,
        "usage": report.usage,
        "notes": report.notes,
    });
    if let Some(hash) = record.end(Timestamp::now(), end) {
        tracing::info!("record {} ends with {hash}", path.display());
    }
    Ok(())
}
