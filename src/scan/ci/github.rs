//! The parts of GitHub's workflows and actions that the rules ask for.

use super::Doc;
use crate::pipeline::yaml::{Entry, Id, Tree};

/// A workflow's events with their lines.
pub(super) fn triggers(tree: &Tree) -> Vec<(&str, u32)> {
    let Some(on) = tree.at(&["on"]).or_else(|| tree.at(&["true"])) else { return Vec::new() };
    let mut events = tree.strings(on.value);
    events.extend(tree.entries(on.value).iter().map(|entry| (entry.key.as_str(), entry.line)));
    events
}

/// The line of an event, if the workflow has it.
pub(super) fn trigger(tree: &Tree, name: &str) -> Option<u32> {
    triggers(tree).into_iter().find(|(event, _)| *event == name).map(|(_, line)| line)
}

/// A workflow's jobs.
pub(super) fn jobs(tree: &Tree) -> &[Entry] {
    tree.at(&["jobs"]).map_or(&[], |jobs| tree.entries(jobs.value))
}

/// Every step, with the id of its job; an action's steps have an empty one.
pub(super) fn steps(tree: &Tree) -> Vec<(&str, Id)> {
    let mut found = Vec::new();
    for job in jobs(tree) {
        let steps = tree.get(job.value, "steps").map_or(&[][..], |steps| tree.items(steps.value));
        found.extend(steps.iter().map(|step| (job.key.as_str(), *step)));
    }
    if let Some(steps) = tree.at(&["runs", "steps"]) {
        found.extend(tree.items(steps.value).iter().map(|step| ("", *step)));
    }
    found
}

/// The step's action without its version, in lower case.
pub(super) fn action(tree: &Tree, step: Id) -> Option<&str> {
    let uses = tree.text(tree.get(step, "uses")?.value)?;
    Some(uses.split('@').next().unwrap_or(uses))
}

/// Whether an outsider can start the workflow while it holds the base's rights.
pub(super) fn privileged(doc: &Doc) -> Option<(&'static str, u32)> {
    let tree = doc.tree.as_ref()?;
    ["pull_request_target", "workflow_run", "issue_comment"]
        .into_iter()
        .find_map(|name| Some((name, trigger(tree, name)?)))
}
