//! The record of a watch: what was seen, decided, asked, answered and done.

use jiff::Timestamp;
use serde_json::json;

use super::{Room, Watched};
use crate::audit::{self, Places, Record};
use crate::context::Context;
use crate::inputs::{Inputs, Watch};
use crate::redact::Scrubber;
use crate::task::verify::Judged;

/// Begin a record, before anything is asked. One that cannot be made stops nothing.
pub fn begin(
    inputs: &Inputs,
    context: &Context,
    deployer: &str,
    asked: &Watch,
    scrubber: &Scrubber,
) -> Record {
    let host = &inputs.host;
    let now = Timestamp::now();
    let name = match (&host.run_id, &host.run_attempt) {
        (Some(id), Some(attempt)) => format!("{id}-{attempt}-{}", now.as_millisecond()),
        _ => format!("{}-{}", now.as_millisecond(), std::process::id()),
    };
    let scrubber = scrubber.clone();
    let scrub = Box::new(move |text: &str| scrubber.scrub(text).into_owned());
    let identity = json!({
        "program": concat!("pipewright ", env!("CARGO_PKG_VERSION")),
        "task": "watch",
        "repository": context.repository,
        "run": context.run_url,
        "actor": context.actor,
        "autonomy": inputs.autonomy.as_str(),
        "shadow": inputs.deployment.shadow,
        "deployer": deployer,
        "pipeline": asked.harness,
        "execution": asked.execution,
        "environment": asked.github_deployment,
        "rollout": asked.argo,
    });
    audit::place(&Places::of(inputs), &name)
        .and_then(|path| Record::create(&path, identity, now, scrub))
        .unwrap_or_else(|why| {
            tracing::warn!("no record of this run: {why:#}");
            Record::none()
        })
}

/// What was decided, and on what grounds.
pub fn decision(room: &Room<'_>, judged: &Judged) {
    let decision = &judged.decision;
    for step in &decision.evidence {
        room.note("rule", json!({"rule": step.rule, "action": step.action, "why": step.why}));
    }
    let deployment = &judged.spec.deployment;
    let details = json!({
        "action": decision.action, "rule": decision.rule, "reason": decision.reason,
        "confidence": decision.confidence, "clear_cut": decision.clear_cut,
        "changed_by_model": decision.model.changed_action, "model": judged.model,
        "service": judged.spec.service, "deployment": deployment.id,
        "version": deployment.version, "previous": deployment.previous,
        "started_at": deployment.started_at,
    });
    room.note("decision", details);
}

/// How it ended.
pub fn end(record: &Record, watched: &Watched, exit: u8) {
    let now = Timestamp::now();
    let execution = &watched.execution;
    let details = json!({
        "id": execution.id, "name": execution.name, "status": execution.status,
        "polls": watched.polls,
    });
    record.add(now, "execution", details);
    for trouble in &watched.troubles {
        let details = json!({
            "step": trouble.step, "status": trouble.status, "cause": trouble.cause,
            "what": trouble.what,
        });
        record.add(now, "trouble", details);
    }
    if let Some(hash) = record.end(now, json!({"exit": exit})) {
        tracing::info!("the record ends with {hash}");
    }
}
