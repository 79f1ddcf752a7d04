//! The run's record: which change, which model, what was said, what held, what
//! was posted.

use jiff::Timestamp;
use serde_json::json;

use super::collect::Collected;
use super::examine::Examined;
use super::{Run, finish};
use crate::audit::{self, Places, Record};
use crate::forge::Conclusion;
use crate::publish::apply::Outcome;
use crate::redact::Scrubber;

/// Write the record. A run never fails for want of one.
pub fn write(
    run: &Run<'_>,
    collected: &Collected,
    examined: &Examined,
    outcome: &Outcome,
    conclusion: Conclusion,
    scrubber: &Scrubber,
) {
    if let Err(why) = try_write(run, collected, examined, outcome, conclusion, scrubber) {
        tracing::warn!("no record of this run: {why:#}");
    }
}

fn try_write(
    run: &Run<'_>,
    collected: &Collected,
    examined: &Examined,
    outcome: &Outcome,
    conclusion: Conclusion,
    scrubber: &Scrubber,
) -> anyhow::Result<()> {
    let host = &run.inputs.host;
    let now = Timestamp::now();
    let name = match (&host.run_id, &host.run_attempt) {
        (Some(id), Some(attempt)) => format!("{id}-{attempt}-{}", now.as_millisecond()),
        _ => format!("{}-{}", now.as_millisecond(), std::process::id()),
    };
    let places = Places {
        record: run.inputs.record.as_deref(),
        temp: host.runner_temp.as_deref(),
        state: host.state_home.as_deref(),
        checkout: &run.context.workspace,
    };
    let path = audit::place(&places, &name)?;
    let scrub = {
        let scrubber = scrubber.clone();
        Box::new(move |text: &str| scrubber.scrub(text).into_owned())
    };
    let report = &examined.report;
    let identity = json!({
        "program": concat!("pipewright ", env!("CARGO_PKG_VERSION")),
        "task": "review",
        "repository": run.context.repository,
        "change": collected.target.as_ref().and_then(|target| target.number),
        "base": report.base,
        "head": report.head,
        "actor": run.context.actor,
        "run": run.context.run_url,
        "model": report.model,
        "autonomy": run.ruling.level().as_str(),
        "limited_by": run.ruling.limited_by().to_string(),
    });
    let record = Record::create(&path, identity, now, scrub)?;
    record.add(now, "coverage", json!(report.coverage));
    for finding in &report.findings {
        let details = json!({
            "id": finding.id, "path": finding.path, "line": finding.line,
            "severity": finding.severity, "source": finding.source, "title": finding.title,
        });
        record.add(now, "finding", details);
    }
    for dropped in &report.dropped {
        record.add(now, "dropped", json!(dropped));
    }
    record.add(now, "published", finish::posted(outcome));
    let end = json!({
        "conclusion": conclusion.as_str(),
        "usage": report.usage,
        "notes": report.notes,
    });
    if let Some(hash) = record.end(Timestamp::now(), end) {
        tracing::info!("record {} ends with {hash}", path.display());
    }
    Ok(())
}
