//! Harness pipelines: what its schema leaves open.

use std::collections::HashMap;

use super::Found;
use crate::pipeline::dialect::walk::{Field, Node};
use crate::pipeline::graph::Span;

/// Errors that a failure strategy may name
/// (<https://developer.harness.io/docs/platform/pipelines/failure-handling/define-a-failure-strategy-on-stages-and-steps>).
const ERRORS: [&str; 18] = [
    "Unknown",
    "AllErrors",
    "Authentication",
    "Connectivity",
    "Timeout",
    "Authorization",
    "Verification",
    "DelegateProvisioning",
    "PolicyEvaluationFailure",
    "InputTimeoutError",
    "ApprovalRejection",
    "DelegateRestart",
    "UserMarkedFailure",
    "InfrastructureFailure",
    "PluginImageFailure",
    "ResourceLimitsFailure",
    "ConfigurationFailure",
    "RetryableTransientFailure",
];
/// What may be done when something failed (the same page).
const ACTIONS: [&str; 11] = [
    "Ignore",
    "Retry",
    "MarkAsSuccess",
    "Abort",
    "StageRollback",
    "StepGroupRollback",
    "PipelineRollback",
    "ManualIntervention",
    "ProceedWithDefaultValues",
    "MarkAsFailure",
    "RetryStepGroup",
];
/// Longest identifier.
const LONGEST: usize = 128;

pub(super) fn problems(root: &Node<'_>, found: &mut Found) {
    let Some(field) = root.field("pipeline") else { return };
    let pipeline = &field.value;
    for key in ["identifier", "name"] {
        if pipeline.get(key).and_then(|node| node.filled()).is_none() {
            let said = format!("the pipeline has no `{key}`");
            found.at("missing-identifier", field.key_span, said.clone(), &said);
        }
    }
    identifier("the pipeline", pipeline, found);
    let mut stages = Vec::new();
    if let Some(list) = pipeline.get("stages") {
        collect(&list, &["stage"], &mut stages);
    }
    doubles("stages", &stages, found);
    if stages.is_empty() && pipeline.get("template").is_none() {
        let said = "the pipeline has no stages".to_owned();
        found.at("empty-pipeline", field.key_span, said.clone(), &said);
    }
    for stage in &stages {
        self::stage(stage, found);
    }
    failures(pipeline, found);
}

/// Every node under one of these keys, parallel groups opened.
fn collect<'t>(list: &Node<'t>, keys: &[&str], out: &mut Vec<Node<'t>>) {
    for item in list.items() {
        for field in item.fields() {
            if field.key == "parallel" {
                collect(&field.value, keys, out);
            } else if keys.contains(&field.key) {
                out.push(field.value);
            }
        }
    }
}

fn called(node: &Node<'_>, kind: &str) -> String {
    let name = ["identifier", "name"].iter().find_map(|key| node.get(key)?.filled());
    name.map_or_else(|| format!("a {kind}"), |name| format!("the {kind} `{name}`"))
}

fn stage(stage: &Node<'_>, found: &mut Found) {
    let name = called(stage, "stage");
    named(&name, stage, found);
    let spec = stage.get("spec");
    let execution = spec.as_ref().and_then(|spec| spec.get("execution"));
    let mut steps = Vec::new();
    for key in ["steps", "rollbackSteps"] {
        if let Some(list) = execution.as_ref().and_then(|execution| execution.get(key)) {
            collect_steps(&list, &mut steps);
        }
    }
    for (step, kind) in &steps {
        named(&called(step, kind), step, found);
    }
    let all: Vec<Node<'_>> = steps.iter().map(|(step, _)| step.clone()).collect();
    doubles(&format!("steps of {name}"), &all, found);
    if stage.get("type").and_then(|kind| kind.text()) == Some("Deployment")
        && stage.get("template").is_none()
    {
        deployment(&name, stage, execution.as_ref(), found);
    }
}

fn collect_steps<'t>(list: &Node<'t>, out: &mut Vec<(Node<'t>, &'static str)>) {
    for item in list.items() {
        for field in item.fields() {
            match field.key {
                "parallel" => collect_steps(&field.value, out),
                "step" => out.push((field.value, "step")),
                "stepGroup" => {
                    let inner = field.value.get("steps");
                    out.push((field.value, "step group"));
                    if let Some(inner) = inner {
                        collect_steps(&inner, out);
                    }
                }
                _ => {}
            }
        }
    }
}

fn deployment(name: &str, stage: &Node<'_>, execution: Option<&Node<'_>>, found: &mut Found) {
    let filled = |node: Option<Node<'_>>| {
        node.is_some_and(|node| !node.is_seq() || node.items().next().is_some())
    };
    if !filled(stage.get("failureStrategies")) {
        let said = format!("{name} deploys and has no `failureStrategies`");
        found.at("missing-failure-strategy", stage.span(), said.clone(), &said);
    }
    let Some(execution) = execution.filter(|execution| execution.is_map()) else { return };
    if !filled(execution.get("rollbackSteps")) {
        let said = format!("{name} deploys and has no `rollbackSteps`");
        found.at("missing-rollback", stage.span(), said.clone(), &said);
    }
}

/// What a stage and a step must have, and how it must look.
fn named(name: &str, node: &Node<'_>, found: &mut Found) {
    if node.get("identifier").and_then(|id| id.filled()).is_none() && node.is_map() {
        let said = format!("{name} has no `identifier`");
        found.at("missing-identifier", node.span(), said.clone(), &said);
    }
    identifier(name, node, found);
}

fn identifier(owner: &str, node: &Node<'_>, found: &mut Found) {
    let Some(id) = node.get("identifier") else { return };
    let Some(text) = id.filled().filter(|text| !text.contains("<+")) else { return };
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
    if !first || !rest || text.len() > LONGEST {
        let said = format!(
            "the identifier of {owner} may only have letters, digits, `_` and `$`, no digit in front, and {LONGEST} characters at most"
        );
        found.at("bad-identifier", id.span(), said, &format!("{owner}|{text}"));
    }
}

fn doubles(of: &str, nodes: &[Node<'_>], found: &mut Found) {
    let ids: Vec<(&str, Span)> = nodes
        .iter()
        .filter_map(|node| node.get("identifier"))
        .filter_map(|id| Some((id.filled()?, id.span())))
        .filter(|(id, _)| !id.contains("<+"))
        .collect();
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for (id, span) in ids {
        if seen.insert(id, ()).is_some() {
            let said = format!("two {of} have the identifier `{id}`");
            found.at("duplicate-identifier", span, said.clone(), &said);
        }
    }
}

/// Errors and actions of failure strategies, wherever they stand.
fn failures(node: &Node<'_>, found: &mut Found) {
    for field in node.fields() {
        if field.key == "failureStrategies" {
            for strategy in field.value.items() {
                self::strategy(&strategy, found);
            }
        } else {
            failures(&field.value, found);
        }
    }
    for item in node.items() {
        failures(&item, found);
    }
}

fn strategy(strategy: &Node<'_>, found: &mut Found) {
    let Some(on) = strategy.get("onFailure") else { return };
    for error in on.get("errors").iter().flat_map(Node::items) {
        let Some(text) = error.filled().filter(|text| !text.contains("<+")) else { continue };
        if !ERRORS.contains(&text) {
            let said = format!("`{text}` is no error of a failure strategy");
            found.unknown("unknown-failure-error", error.span(), &said, text, ERRORS.into_iter());
        }
    }
    actions(on.field("action").as_ref(), found);
}

/// An action, and those that follow it when it does not help.
fn actions(field: Option<&Field<'_>>, found: &mut Found) {
    let Some(field) = field else { return };
    let node = &field.value;
    if let Some(kind) = node.get("type")
        && let Some(text) = kind.filled().filter(|text| !text.contains("<+"))
        && !ACTIONS.contains(&text)
    {
        let said = format!("`{text}` is no action of a failure strategy");
        found.unknown("unknown-failure-action", kind.span(), &said, text, ACTIONS.into_iter());
    }
    let Some(spec) = node.get("spec") else { return };
    for key in ["onRetryFailure", "onTimeout"] {
        let next = spec.get(key);
        actions(next.as_ref().and_then(|next| next.field("action")).as_ref(), found);
    }
}
