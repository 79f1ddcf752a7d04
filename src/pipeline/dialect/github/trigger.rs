//! What sets a workflow off: all forms of `on`.

use crate::pipeline::dialect::walk::{Field, Node};
use crate::pipeline::graph::{Span, Trigger, TriggerKind};

/// Reads `on`: an event, a list of events, or a mapping. Patterns of
/// `branches-ignore` and the like come with a `!` before them.
pub(super) fn read(on: &Field<'_>) -> Vec<Trigger> {
    if on.value.is_map() {
        return on
            .value
            .fields()
            .map(|event| trigger(event.key, event.span(), Some(&event.value)))
            .collect();
    }
    on.value
        .one_or_many()
        .iter()
        .filter_map(|event| Some(trigger(event.filled()?, event.word(), None)))
        .collect()
}

fn trigger(name: &str, span: Span, body: Option<&Node<'_>>) -> Trigger {
    let patterns = |key: &str| {
        let list = |key: &str| {
            body.and_then(|body| body.get(key)).map(|node| node.texts()).unwrap_or_default()
        };
        let mut patterns = list(key);
        patterns.extend(list(&format!("{key}-ignore")).iter().map(|one| format!("!{one}")));
        patterns
    };
    let (branches, tags, paths) = (patterns("branches"), patterns("tags"), patterns("paths"));
    let cron = match body {
        Some(body) if name == "schedule" => {
            body.items().filter_map(|item| Some(item.get("cron")?.filled()?.to_owned())).collect()
        }
        _ => Vec::new(),
    };
    let only_tags = branches.is_empty() && !tags.is_empty();
    Trigger {
        kind: kind(name, only_tags),
        name: name.to_owned(),
        branches,
        tags,
        path_filter: !paths.is_empty(),
        paths,
        cron,
        span,
    }
}

fn kind(name: &str, only_tags: bool) -> TriggerKind {
    match name {
        "push" if only_tags => TriggerKind::Tag,
        "push" => TriggerKind::Push,
        "release" => TriggerKind::Tag,
        "pull_request" => TriggerKind::Change,
        "pull_request_target" => TriggerKind::ChangeWithSecrets,
        "schedule" => TriggerKind::Schedule,
        "workflow_dispatch" | "repository_dispatch" => TriggerKind::Manual,
        "workflow_run" | "workflow_call" => TriggerKind::Pipeline,
        _ => TriggerKind::Other,
    }
}
