//! GitLab's `rules`, `only`, `except` and `when`, as the graph writes them.

use std::sync::LazyLock;

use regex::Regex;

use super::{Holds, Lift, all, any, expression, foreign, globs};
use crate::pipeline::graph::Span;
use crate::pipeline::portable::Condition;

static KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|, )(if|when|changes|exists|allow_failure|variables|needs|start_in|interruptible|auto_cancel): ")
        .expect("the pattern is fixed")
});

/// A condition, one rule a line, or `only: …`, `except: …`, `when: …`.
pub fn read(lift: &Lift<'_>, job: Option<usize>, text: &str, span: Span) -> Holds {
    let old = ["only: ", "except: ", "start_in: "];
    let plain_when = text.starts_with("when: ") && !text.contains("\nif: ");
    if plain_when || text.lines().any(|line| old.iter().any(|key| line.starts_with(key))) {
        return only(lift, job, text, span);
    }
    let mut before: Vec<Holds> = Vec::new();
    let mut cases: Vec<Holds> = Vec::new();
    let mut manual = Vec::new();
    for rule in logical(text) {
        let fields = fields(&rule);
        let get = |name: &str| fields.iter().find(|(key, _)| *key == name).map(|(_, v)| v.as_str());
        let mut parts = Vec::new();
        if let Some(code) = get("if") {
            parts.push(expression(lift, job, code, span));
        }
        if let Some(changes) = get("changes") {
            parts.push(Holds::When(Condition::Paths(words(changes))));
        }
        if let Some(exists) = get("exists") {
            parts.push(Holds::When(foreign(lift, &format!("exists: {exists}"), span)));
        }
        let here = all(parts);
        match get("when").unwrap_or("on_success") {
            "never" => {
                // What is never so counts only where others may be.
                before.push(match here {
                    Holds::Always => break,
                    here => here.not(lift, &rule, span),
                });
                continue;
            }
            "on_failure" => {
                cases.push(all(vec![here, Holds::When(Condition::OnFailure)]));
            }
            "always" => {
                let with = all(vec![here, Holds::When(Condition::Always)]);
                cases.push(all(before.iter().cloned().chain([with]).collect()));
                continue;
            }
            word => {
                if word == "manual" {
                    manual.push(rule.clone());
                }
                if get("start_in").is_some() {
                    lift.lose(
                        "the delay `start_in`",
                        "Nothing waits for a time here",
                        lift.line(span),
                    );
                }
                cases.push(all(before.iter().cloned().chain([here]).collect()));
            }
        }
    }
    if !manual.is_empty() && job.is_none_or(|job| !lift.is_manual(job)) {
        for rule in manual {
            lift.lose(
                format!("that a person starts it where `{rule}`"),
                "A job is started by a person always or never here; it runs by itself",
                lift.line(span),
            );
        }
    }
    if cases.is_empty() {
        return Holds::When(foreign(lift, text, span));
    }
    any(cases)
}

/// Rules, one a line; a rule's own text may have several.
fn logical(text: &str) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for line in text.lines() {
        let begins = KEY.find(line).is_some_and(|found| found.start() == 0);
        match rules.last_mut() {
            Some(last) if !begins => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => rules.push(line.to_owned()),
        }
    }
    rules
}

fn fields(rule: &str) -> Vec<(&str, String)> {
    let keys: Vec<(usize, usize, &str)> = KEY
        .captures_iter(rule)
        .filter_map(|found| {
            let whole = found.get(0)?;
            Some((whole.start(), whole.end(), found.get(1)?.as_str()))
        })
        .collect();
    keys.iter()
        .enumerate()
        .map(|(at, (_, start, key))| {
            let end = keys.get(at + 1).map_or(rule.len(), |next| next.0);
            (*key, rule.get(*start..end).unwrap_or_default().trim().to_owned())
        })
        .collect()
}

/// A word, a JSON list of words, or a mapping with `paths` or `refs`.
fn words(text: &str) -> Vec<String> {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    let list = |value: &serde_json::Value| -> Vec<String> {
        let list = value.as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    match value {
        Some(value @ serde_json::Value::Array(_)) => list(&value),
        Some(value) => {
            value.get("paths").or_else(|| value.get("refs")).map(list).unwrap_or_default()
        }
        None => vec![text.trim().to_owned()],
    }
}

fn only(lift: &Lift<'_>, job: Option<usize>, text: &str, span: Span) -> Holds {
    let mut parts = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("only: ") {
            parts.push(refs(lift, job, rest, span));
        } else if let Some(rest) = line.strip_prefix("except: ") {
            parts.push(refs(lift, job, rest, span).not(lift, line, span));
        } else if let Some(rest) = line.strip_prefix("when: ") {
            match rest.trim() {
                "on_failure" => parts.push(Holds::When(Condition::OnFailure)),
                "always" => parts.push(Holds::When(Condition::Always)),
                "manual" => {}
                _ => parts.push(Holds::When(foreign(lift, line, span))),
            }
        } else {
            parts.push(Holds::When(foreign(lift, line, span)));
        }
    }
    all(parts)
}

fn refs(lift: &Lift<'_>, job: Option<usize>, text: &str, span: Span) -> Holds {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    let mut parts = Vec::new();
    let known = words(text);
    if !known.is_empty() {
        let each = known.iter().map(|word| match word.as_str() {
            "branches" => Holds::When(Condition::Push),
            "pushes" => Holds::When(Condition::Push),
            "tags" => Holds::When(Condition::Tag("*".to_owned())),
            "merge_requests" | "external_pull_requests" => Holds::When(Condition::Change),
            "schedules" => Holds::When(Condition::Schedule),
            "web" | "api" | "triggers" => Holds::When(Condition::Manual),
            word if word.starts_with('/') => match globs(word) {
                Some(globs) => {
                    any(globs.into_iter().map(|g| Holds::When(Condition::Branch(g))).collect())
                }
                None => Holds::When(foreign(lift, word, span)),
            },
            word if word.starts_with('$') || word.contains('@') => {
                Holds::When(foreign(lift, word, span))
            }
            word => Holds::When(Condition::Branch(word.to_owned())),
        });
        parts.push(any(each.collect()));
    }
    if let Some(value) = value.as_ref().filter(|value| value.is_object()) {
        let list = |key: &str| -> Vec<String> {
            let list = value.get(key).and_then(|list| list.as_array()).cloned().unwrap_or_default();
            list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
        };
        let changes = list("changes");
        if !changes.is_empty() {
            parts.push(Holds::When(Condition::Paths(changes)));
        }
        let variables = list("variables");
        if !variables.is_empty() {
            let each = variables.iter().map(|code| expression(lift, job, code, span));
            parts.push(any(each.collect()));
        }
        if value.get("kubernetes").is_some() {
            parts.push(Holds::When(foreign(lift, "kubernetes: active", span)));
        }
    }
    all(parts)
}
