//! What sets an Azure pipeline off. Where nothing is said, pushes to all branches do,
//! and on GitHub and Bitbucket repositories pull requests too.

use super::value::Val;
use crate::pipeline::graph::{At, Pipeline, Span, Trigger, TriggerKind};

/// Reads `trigger`, `pr`, `schedules` and the triggers of `resources`.
pub(super) fn read(pipeline: &mut Pipeline, root: &Val) {
    let implied = !is_template(root);
    push(pipeline, root.get("trigger"), implied);
    change(pipeline, root.get("pr"), implied);
    for schedule in root.get("schedules").iter().flat_map(|list| list.items()) {
        let mut one = made(TriggerKind::Schedule, "schedules", schedule.span);
        one.cron = schedule.get("cron").map(Val::texts).unwrap_or_default();
        filter(&mut one, schedule);
        pipeline.triggers.push(one);
    }
    let Some(resources) = root.get("resources") else { return };
    for (list, kind) in [
        ("pipelines", TriggerKind::Pipeline),
        ("repositories", TriggerKind::Other),
        ("containers", TriggerKind::Other),
        ("packages", TriggerKind::Other),
        ("webhooks", TriggerKind::Other),
    ] {
        for item in resources.get(list).iter().flat_map(|list| list.items()) {
            let said = item.member("trigger");
            let off = said.and_then(|one| one.value.filled()).is_some_and(|word| {
                word.eq_ignore_ascii_case("none") || word.eq_ignore_ascii_case("false")
            });
            let span = match said {
                Some(said) if !off => said.span(),
                // A webhook is nothing but a trigger.
                None if list == "webhooks" => item.span,
                _ => continue,
            };
            let mut one = made(kind, list, span);
            if let Some(said) = said {
                filter(&mut one, &said.value);
            }
            pipeline.triggers.push(one);
        }
    }
}

/// Whether a file can only be a template: it declares parameters and nothing that
/// belongs to a run.
fn is_template(root: &Val) -> bool {
    let run = ["trigger", "pr", "schedules", "resources", "name", "pool", "extends"];
    root.get("parameters").is_some() && !run.iter().any(|key| root.get(key).is_some())
}

fn made(kind: TriggerKind, name: &str, span: Span) -> Trigger {
    Trigger {
        kind,
        name: name.to_owned(),
        branches: Vec::new(),
        tags: Vec::new(),
        paths: Vec::new(),
        path_filter: false,
        cron: Vec::new(),
        span,
    }
}

fn push(pipeline: &mut Pipeline, said: Option<&Val>, implied: bool) {
    let Some(said) = said else {
        if implied {
            pipeline.triggers.push(made(TriggerKind::Push, "trigger", Span::default()));
        }
        return;
    };
    if is_off(said) {
        return;
    }
    let mut one = made(TriggerKind::Push, "trigger", said.span);
    filter(&mut one, said);
    if !one.tags.is_empty() {
        let tagged = Trigger { kind: TriggerKind::Tag, branches: Vec::new(), ..one.clone() };
        pipeline.triggers.push(tagged);
        if one.branches.is_empty() {
            return;
        }
        one.tags.clear();
    }
    pipeline.triggers.push(one);
}

fn change(pipeline: &mut Pipeline, said: Option<&Val>, implied: bool) {
    let Some(said) = said else {
        if implied {
            pipeline.triggers.push(made(TriggerKind::Change, "pr", Span::default()));
        }
        return;
    };
    if is_off(said) {
        return;
    }
    let mut one = made(TriggerKind::Change, "pr", said.span);
    filter(&mut one, said);
    pipeline.triggers.push(one);
    if let Some(cancel) = said.get("autoCancel") {
        pipeline.auto_cancel = cancel.bool().map(|value| At { value, span: cancel.span });
    }
}

fn is_off(said: &Val) -> bool {
    let word = said.filled().unwrap_or_default();
    word.eq_ignore_ascii_case("none")
        || said.get("enabled").and_then(Val::bool) == Some(false)
        || (said.is_seq() && said.items().is_empty())
}

/// Branches, tags and paths: a list is of branches; a mapping has `include` and
/// `exclude`. What is excluded of paths stands behind `!`.
fn filter(one: &mut Trigger, said: &Val) {
    if said.is_seq() || said.filled().is_some_and(|word| !word.eq_ignore_ascii_case("true")) {
        one.branches = said.texts();
        return;
    }
    let list = |key: &str, part: &str| {
        let node = said.get(key)?;
        match node.get(part) {
            Some(list) => Some(list.texts()),
            None if part == "include" && !node.is_map() => Some(node.texts()),
            None => None,
        }
    };
    one.branches = list("branches", "include").unwrap_or_default();
    one.tags = list("tags", "include").unwrap_or_default();
    one.paths = list("paths", "include").unwrap_or_default();
    let excluded = list("paths", "exclude").unwrap_or_default();
    one.paths.extend(excluded.into_iter().map(|path| format!("!{path}")));
    one.path_filter = !one.paths.is_empty();
}
