//! The record of a decision: what it was on, every rule with what it saw, and what was
//! said. `audit report` reads it back.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;

use super::Judged;
use crate::audit::{self, Places, Record};
use crate::context::Context;
use crate::inputs::Inputs;
use crate::redact::Scrubber;

/// Records that this process has written.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Write the record. Gives its last hash.
///
/// # Errors
/// It cannot be made.
pub fn write(
    inputs: &Inputs,
    context: &Context,
    judged: &Judged,
    exit: u8,
    scrubber: &Scrubber,
) -> Result<Option<String>> {
    let host = &inputs.host;
    let now = Timestamp::now();
    let mut name = match (&host.run_id, &host.run_attempt) {
        (Some(id), Some(attempt)) => format!("{id}-{attempt}-{}", now.as_millisecond()),
        _ => format!("{}-{}", now.as_millisecond(), std::process::id()),
    };
    // `serve` decides several times in one process, perhaps within one millisecond.
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    if number > 0 {
        name = format!("{name}-{number}");
    }
    let path = audit::place(&Places::of(inputs), &name)?;
    let scrubber = scrubber.clone();
    let scrub = Box::new(move |text: &str| scrubber.scrub(text).into_owned());
    let deployment = &judged.spec.deployment;
    let identity = json!({
        "program": concat!("pipewright ", env!("CARGO_PKG_VERSION")),
        "task": "verify",
        "repository": context.repository,
        "run": context.run_url,
        "actor": context.actor,
        "model": judged.model,
        "autonomy": inputs.autonomy.as_str(),
        "shadow": inputs.deployment.shadow,
        "service": judged.spec.service,
        "deployment": deployment.id,
        "version": deployment.version,
        "previous": deployment.previous,
        "started_at": deployment.started_at,
    });
    let record = Record::create(&path, identity, now, scrub)?;
    let decision = &judged.decision;
    for step in &decision.evidence {
        record.add(now, "rule", json!({"rule": step.rule, "action": step.action, "why": step.why}));
    }
    for signal in &decision.signals {
        let details = json!({
            "name": signal.name, "verdict": signal.verdict, "test": signal.test,
            "effect": signal.effect, "interval": signal.interval, "p": signal.p,
        });
        record.add(now, "signal", details);
    }
    let details = json!({
        "action": decision.action, "rule": decision.rule, "reason": decision.reason,
        "confidence": decision.confidence, "clear_cut": decision.clear_cut,
        "changed_by_model": decision.model.changed_action,
    });
    record.add(now, "decision", details);
    Ok(record.end(now, json!({"exit": exit})))
}
