//! What sets a pipeline off: told by `workflow:rules`, else by what jobs run on.

use std::sync::LazyLock;

use regex::Regex;

use super::nowhere;
use super::value::Val;
use crate::pipeline::graph::{Span, Trigger, TriggerKind};

static SOURCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\$CI_PIPELINE_SOURCE"?\s*==\s*["']?(\w+)"#).expect("the pattern is fixed")
});
static BRANCH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\$CI_COMMIT_(?:BRANCH|REF_NAME)\s*==\s*(?:["']([^"']+)["']|(\$\w+))"#)
        .expect("the pattern is fixed")
});

/// Reads them. Without `workflow:rules` every push of a branch or tag sets one off,
/// and merge requests do if a job says that it runs for them.
pub(super) fn read(root: &Val, bodies: &[Val]) -> Vec<Trigger> {
    let mut triggers = Vec::new();
    if let Some(rules) = root.get("workflow").and_then(|workflow| workflow.get("rules")) {
        for rule in rules.flat() {
            let mut these = Vec::new();
            of_rule(rule, true, &mut these);
            triggers.append(&mut these);
        }
        return triggers;
    }
    add(&mut triggers, TriggerKind::Push, "push", nowhere());
    add(&mut triggers, TriggerKind::Tag, "tag", nowhere());
    for body in bodies {
        if let Some(rules) = body.get("rules") {
            for rule in rules.flat() {
                of_rule(rule, false, &mut triggers);
            }
        }
        let Some(only) = body.get("only") else { continue };
        for word in only.get("refs").unwrap_or(only).flat() {
            let Some((kind, name)) = word.filled().and_then(of_word) else { continue };
            add(&mut triggers, kind, name, word.word);
        }
    }
    triggers
}

/// What a rule lets in. Of a job's rule only what it names by source counts: its
/// other conditions choose among pipelines that run anyway.
fn of_rule(rule: &Val, of_workflow: bool, triggers: &mut Vec<Trigger>) {
    if rule.get("when").and_then(Val::filled) == Some("never") {
        return;
    }
    let condition = rule.get("if").and_then(Val::filled).unwrap_or_default();
    let changes = rule.get("changes");
    let start = triggers.len();
    for source in SOURCE.captures_iter(condition) {
        let Some((kind, name)) = source.get(1).and_then(|word| of_source(word.as_str())) else {
            continue;
        };
        add(triggers, kind, name, rule.span);
    }
    if condition.contains("$CI_MERGE_REQUEST_") {
        add(triggers, TriggerKind::Change, "merge_request_event", rule.span);
    }
    if !of_workflow {
        return;
    }
    let branches: Vec<String> = BRANCH
        .captures_iter(condition)
        .filter_map(|found| found.get(1).or_else(|| found.get(2)))
        .map(|name| name.as_str().to_owned())
        .collect();
    if condition.contains("$CI_COMMIT_TAG") && !condition.contains("$CI_COMMIT_TAG == null") {
        add(triggers, TriggerKind::Tag, "tag", rule.span);
    }
    if condition.contains("$CI_COMMIT_BRANCH") || !branches.is_empty() {
        add(triggers, TriggerKind::Push, "push", rule.span);
    }
    if triggers.len() == start && condition.is_empty() {
        for (kind, name) in [
            (TriggerKind::Push, "push"),
            (TriggerKind::Tag, "tag"),
            (TriggerKind::Change, "merge_request_event"),
        ] {
            add(triggers, kind, name, rule.span);
        }
    }
    for trigger in triggers.iter_mut().skip(start) {
        if trigger.kind == TriggerKind::Push {
            trigger.branches.clone_from(&branches);
        }
        if let Some(changes) = changes {
            trigger.path_filter = true;
            trigger.paths = changes.get("paths").unwrap_or(changes).texts();
        }
    }
}

fn add(triggers: &mut Vec<Trigger>, kind: TriggerKind, name: &str, span: Span) {
    if triggers.iter().any(|known| known.kind == kind && known.name == name) {
        return;
    }
    triggers.push(Trigger {
        kind,
        name: name.to_owned(),
        branches: Vec::new(),
        tags: Vec::new(),
        paths: Vec::new(),
        path_filter: false,
        cron: Vec::new(),
        span,
    });
}

/// Values of `CI_PIPELINE_SOURCE`.
fn of_source(word: &str) -> Option<(TriggerKind, &'static str)> {
    Some(match word {
        "push" => (TriggerKind::Push, "push"),
        "merge_request_event" | "external_pull_request_event" => {
            (TriggerKind::Change, "merge_request_event")
        }
        "schedule" => (TriggerKind::Schedule, "schedule"),
        "web" => (TriggerKind::Manual, "web"),
        "api" => (TriggerKind::Manual, "api"),
        "trigger" => (TriggerKind::Manual, "trigger"),
        "pipeline" | "parent_pipeline" => (TriggerKind::Pipeline, "pipeline"),
        _ => return None,
    })
}

/// Words of `only`.
fn of_word(word: &str) -> Option<(TriggerKind, &'static str)> {
    Some(match word {
        "merge_requests" | "external_pull_requests" => (TriggerKind::Change, "merge_request_event"),
        "schedules" => (TriggerKind::Schedule, "schedule"),
        "web" => (TriggerKind::Manual, "web"),
        "api" => (TriggerKind::Manual, "api"),
        "triggers" => (TriggerKind::Manual, "trigger"),
        "pipelines" => (TriggerKind::Pipeline, "pipeline"),
        _ => return None,
    })
}
