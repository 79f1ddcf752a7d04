//! What sets an Azure pipeline off.

use super::super::super::{Filter, Input, InputKind, Trigger};
use super::super::context::Context;
use super::super::yaml::{Map, Yaml};
use super::id;

pub(super) fn parameters(cx: &Context<'_>, top: &mut Map) {
    let all: Vec<Map> = cx.portable.inputs().map(parameter).collect();
    if !all.is_empty() {
        top.set("parameters", Yaml::list(all)).apart();
    }
}

pub(super) fn parameter(input: &Input) -> Map {
    let mut map = Map::new();
    map.set("name", id(&input.name));
    if !input.description.is_empty() {
        map.set("displayName", input.description.as_str());
    }
    let default = input.default.clone();
    match &input.kind {
        InputKind::Text => {
            map.set("type", "string");
            if let Some(default) = default {
                map.set("default", default);
            } else if !input.required {
                // A parameter without a default has to be answered.
                map.set("default", " ");
            }
        }
        InputKind::Bool => {
            let value = default.is_some_and(|default| default == "true");
            map.set("type", "boolean").set("default", value);
        }
        InputKind::Number => {
            map.set("type", "number");
            let number = default.filter(|text| text.parse::<f64>().is_ok());
            map.set("default", Yaml::Raw(number.unwrap_or_else(|| "0".to_owned())));
        }
        InputKind::Choice(options) => {
            let first = default.filter(|default| options.contains(default));
            map.set("type", "string");
            map.maybe("default", first.or_else(|| options.first().cloned()));
            map.set("values", Yaml::list(options.iter().map(String::as_str)));
        }
    }
    map
}

/// Globs as Azure reads them: `*` does not stop at `/`.
pub(super) fn globs(items: &[String]) -> Yaml {
    Yaml::flow(items.iter().map(|item| item.replace("**", "*")))
}

pub(super) fn lists(include: &[String], exclude: &[String]) -> Map {
    let mut map = Map::new();
    map.filled("include", globs(include));
    map.filled("exclude", globs(exclude));
    map
}

pub(super) fn filter(filter: &Filter) -> Map {
    let mut map = Map::new();
    let mut branches = lists(&filter.branches, &filter.not_branches);
    if !branches.has("include") {
        branches = lists(&["*".to_owned()], &filter.not_branches);
    }
    map.set("branches", branches);
    map.filled("paths", lists(&filter.paths, &filter.not_paths));
    map
}

pub(super) fn triggers(cx: &Context<'_>, top: &mut Map) {
    let mut push = None;
    let mut change = None;
    let mut tags: Option<Vec<String>> = None;
    let mut schedules = Vec::new();
    for trigger in &cx.portable.triggers {
        match trigger {
            Trigger::Push(one) if push.is_none() => push = Some(filter(one)),
            Trigger::Change(one) if change.is_none() => change = Some(filter(one)),
            Trigger::Push(_) | Trigger::Change(_) => {
                cx.lose(
                    "a second trigger of one kind",
                    "There is one `trigger` and one `pr`",
                    None,
                );
            }
            Trigger::Tag(globs) => {
                let globs = if globs.is_empty() { vec!["*".to_owned()] } else { globs.clone() };
                tags.get_or_insert_default().extend(globs);
            }
            Trigger::Schedule { cron, branches } => {
                let default = [cx.portable.branch().to_owned()];
                let branches = if branches.is_empty() { &default } else { &branches[..] };
                let mut map = Map::new();
                map.set("cron", cron.as_str()).set("displayName", format!("At {cron}"));
                map.set("branches", lists(branches, &[]));
                map.set("always", true);
                schedules.push(map);
            }
            Trigger::Manual { .. } => {}
            Trigger::Foreign(foreign) => cx.lose_foreign("", foreign),
        }
    }
    match (push, tags) {
        (None, None) => {
            top.set("trigger", "none");
        }
        (push, tags) => {
            let mut map = push.unwrap_or_else(|| {
                let mut map = Map::new();
                map.set("branches", lists(&[], &["*".to_owned()]));
                map
            });
            if let Some(tags) = tags {
                map.set("tags", lists(&tags, &[]));
            }
            top.set("trigger", map);
        }
    }
    top.apart();
    match change {
        Some(mut filter) => {
            let mut map = Map::new();
            map.set("autoCancel", cx.portable.cancel_superseded);
            for key in ["branches", "paths"] {
                if let Some(value) = filter.get_mut(key) {
                    map.set(key, value.clone());
                }
            }
            top.set("pr", map);
            cx.remark(
                "In Azure Repos, `pr` is not read: add a build validation policy to the branch",
            );
        }
        None => {
            top.set("pr", "none");
        }
    }
    top.filled("schedules", Yaml::list(schedules));
}
