//! Keywords whose value says something by itself: variables, rules, runners,
//! caches, artifacts, matrices.

use super::value::Val;
use crate::pipeline::graph::{Access, At, Checkout, Matrix, Os, Resource, Runner, Variable};

/// `variables`: texts, or mappings with `value`.
pub(super) fn variables(value: &Val) -> Vec<Variable> {
    let entries = value.entries().iter();
    entries
        .map(|item| {
            let value = item.value.get("value").unwrap_or(&item.value);
            let written = if value.is_map() { String::new() } else { value.written() };
            Variable { name: item.key.clone(), value: written, span: value.span }
        })
        .collect()
}

/// How the source is fetched, by the variables that say so.
pub(super) fn checkout(variables: &[Variable]) -> Checkout {
    let get = |name: &str| variables.iter().find(|variable| variable.name == name);
    let strategy = |text: &str| matches!(text, "none" | "empty");
    Checkout {
        depth: get("GIT_DEPTH").and_then(|variable| {
            Some(At { value: variable.value.trim().parse().ok()?, span: variable.span })
        }),
        submodules: get("GIT_SUBMODULE_STRATEGY")
            .map(|variable| At { value: variable.value.clone(), span: variable.span }),
        lfs: get("GIT_LFS_SKIP_SMUDGE").map(|variable| At {
            value: !matches!(variable.value.as_str(), "1" | "true"),
            span: variable.span,
        }),
        none: get("GIT_STRATEGY").is_some_and(|variable| strategy(&variable.value)),
    }
}

/// When and how a job runs, by `rules`, `only`, `except` and `when`.
pub(super) struct When {
    /// As written, one rule a line.
    pub condition: Option<At<String>>,
    /// Whether a person must start it, whichever rule holds.
    pub manual: bool,
    /// Whether its failure is let pass, whichever rule holds.
    pub soft: bool,
    /// Whether it waits to see how others end.
    pub on_result: Option<At<String>>,
}

/// Reads them. `when` and `allow_failure` of the job count for rules without.
pub(super) fn when(job: &Val) -> When {
    let own = job.get("when");
    let word = own.and_then(Val::filled).unwrap_or("on_success");
    let allowed = job.get("allow_failure").map(soft);
    let on_result =
        own.and_then(Val::at).filter(|when| matches!(when.value.as_str(), "on_failure" | "always"));
    if let Some(rules) = job.get("rules") {
        let all = rules.flat();
        let live: Vec<(&str, Option<bool>)> = all
            .iter()
            .map(|rule| {
                let when = rule.get("when").and_then(Val::filled).unwrap_or(word);
                (when, rule.get("allow_failure").map(soft).or(allowed))
            })
            .filter(|(when, _)| *when != "never")
            .collect();
        let text: Vec<String> = all.iter().map(|rule| line(rule)).collect();
        let result = all.iter().filter_map(|rule| rule.get("when")?.at());
        return When {
            condition: Some(At { value: text.join("\n"), span: rules.span }),
            manual: !live.is_empty() && live.iter().all(|(when, _)| *when == "manual"),
            soft: !live.is_empty() && live.iter().all(|(_, soft)| *soft == Some(true)),
            on_result: on_result.or_else(|| {
                result.into_iter().find(|at| matches!(at.value.as_str(), "on_failure" | "always"))
            }),
        };
    }
    let mut text = Vec::new();
    let mut span = None;
    for key in ["only", "except", "when", "start_in"] {
        let Some(value) = job.get(key) else { continue };
        if key == "when" && word == "on_success" {
            continue;
        }
        text.push(format!("{key}: {}", value.written()));
        span = span.or(Some(value.span));
    }
    When {
        condition: span.map(|span| At { value: text.join("\n"), span }),
        manual: word == "manual",
        // Without rules, a job that is started by hand does not block.
        soft: allowed.unwrap_or(word == "manual"),
        on_result,
    }
}

/// `allow_failure`: a word, or the exit codes that are let pass.
fn soft(value: &Val) -> bool {
    value.bool().unwrap_or_else(|| value.get("exit_codes").is_some())
}

fn line(rule: &Val) -> String {
    if rule.entries().is_empty() {
        return rule.written();
    }
    let parts: Vec<String> = rule
        .entries()
        .iter()
        .map(|item| format!("{}: {}", item.key, item.value.written()))
        .collect();
    parts.join(", ")
}

/// `tags`. Runners that GitLab hosts are told by their tags.
pub(super) fn runner(tags: Option<&Val>) -> Runner {
    let Some(tags) = tags else { return Runner::default() };
    let labels = tags.texts();
    let lower: Vec<String> = labels.iter().map(|tag| tag.to_ascii_lowercase()).collect();
    let has = |words: &[&str]| lower.iter().any(|tag| words.iter().any(|word| tag.contains(word)));
    let os = if has(&["linux", "ubuntu", "debian", "docker", "kubernetes"]) {
        Some(Os::Linux)
    } else if has(&["macos", "osx", "darwin"]) {
        Some(Os::MacOs)
    } else if has(&["windows"]) {
        Some(Os::Windows)
    } else {
        None
    };
    let hosted = lower.iter().find(|tag| tag.starts_with("saas-"));
    let size = hosted.and_then(|tag| {
        let known = ["2xlarge", "xlarge", "large", "medium", "small"];
        tag.split('-').find(|part| known.contains(part)).map(str::to_owned)
    });
    let named = lower.iter().any(|tag| {
        tag.contains('$')
            || tag.starts_with("gitlab-org")
            || tag.starts_with("shared")
            || tag.starts_with("gce")
    });
    let own = !labels.is_empty() && hosted.is_none() && !named;
    Runner { labels, os, size, self_hosted: own, span: Some(tags.span) }
}

/// `parallel`: a number, or a matrix as a list of mappings.
pub(super) fn matrix(value: &Val) -> Option<Matrix> {
    let span = value.span;
    if let Some(text) = value.filled() {
        let cells = text.trim().parse().ok();
        return Some(Matrix { cells, axes: Vec::new(), fail_fast: None, span });
    }
    let mut axes: Vec<(String, Vec<String>)> = Vec::new();
    let mut cells = Some(0usize);
    for row in value.get("matrix")?.flat() {
        let mut product = Some(1usize);
        for item in row.entries() {
            let values = item.value.texts();
            product = product.and_then(|all| all.checked_mul(values.len()));
            match axes.iter_mut().find(|(name, _)| *name == item.key) {
                Some((_, known)) => {
                    let new: Vec<String> =
                        values.into_iter().filter(|value| !known.contains(value)).collect();
                    known.extend(new);
                }
                None => axes.push((item.key.clone(), values)),
            }
        }
        cells = cells.and_then(|all| all.checked_add(product?));
    }
    Some(Matrix { cells, axes, fail_fast: None, span })
}

/// `cache`: what is restored, and what is kept.
pub(super) fn caches(value: &Val) -> (Vec<Access>, Vec<Access>) {
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for cache in value.flat() {
        if cache.entries().is_empty() {
            continue;
        }
        let access = Access { what: Resource::Cache(key(cache)), span: cache.span };
        let policy = cache.get("policy").and_then(Val::filled).unwrap_or("pull-push");
        if policy != "push" {
            reads.push(access.clone());
            let fallback = cache.get("fallback_keys").map(Val::texts).unwrap_or_default();
            for key in fallback {
                reads.push(Access { what: Resource::Cache(key), span: cache.span });
            }
        }
        if policy != "pull" {
            writes.push(access);
        }
    }
    (reads, writes)
}

/// A cache's key as it is written; of one made from files, their names.
fn key(cache: &Val) -> String {
    let Some(key) = cache.get("key") else { return "default".to_owned() };
    if let Some(text) = key.filled() {
        return text.to_owned();
    }
    let prefix = key.get("prefix").and_then(Val::filled);
    let files = key.get("files").or_else(|| key.get("files_commits"));
    let files = files.map(Val::texts).unwrap_or_default().join(",");
    match prefix {
        Some(prefix) => format!("{prefix}-files({files})"),
        None if files.is_empty() => "default".to_owned(),
        None => format!("files({files})"),
    }
}

/// Whether later jobs are given files: reports alone are not.
pub(super) fn hands_on(artifacts: &Val) -> bool {
    artifacts.get("paths").is_some_and(|paths| !paths.texts().is_empty())
        || artifacts.get("untracked").and_then(Val::bool) == Some(true)
}
