//! Bitbucket Pipelines, whose schema leaves the keys of a step open.
//!
//! Source: <https://support.atlassian.com/bitbucket-cloud/docs/step-options/>.

use std::collections::HashSet;

use super::{Found, keys};
use crate::pipeline::dialect::walk::Node;

/// Keys of a step, from the documentation and the schema.
const STEP: [&str; 27] = [
    "after-script",
    "artifacts",
    "auth",
    "caches",
    "clone",
    "concurrency-group",
    "condition",
    "custom",
    "deployment",
    "environment",
    "fail-fast",
    "image",
    "input-variables",
    "max-time",
    "name",
    "oidc",
    "output-variables",
    "retry",
    "runs-on",
    "runtime",
    "script",
    "services",
    "size",
    "trigger",
    "type",
    "on-fail",
    "variables",
];
/// Caches that need no definition
/// (<https://support.atlassian.com/bitbucket-cloud/docs/cache-dependencies/>).
const CACHES: [&str; 11] = [
    "docker",
    "node",
    "composer",
    "dotnetcore",
    "gradle",
    "ivy2",
    "maven",
    "pip",
    "sbt",
    "bundler",
    "npm",
];
/// Keys of `pipelines` that hold pipelines by name.
const BY_NAME: [&str; 5] = ["branches", "tags", "bookmarks", "pull-requests", "custom"];
/// Most steps of one pipeline.
const MOST_STEPS: usize = 100;

pub(super) fn problems(root: &Node<'_>, found: &mut Found) {
    let defined = |what: &str| {
        let node = root.get("definitions").and_then(|definitions| definitions.get(what));
        node.map(|node| keys(&node).into_iter().map(str::to_owned).collect()).unwrap_or_default()
    };
    let known = Known { caches: defined("caches"), services: defined("services") };
    let Some(pipelines) = root.get("pipelines") else { return };
    for field in pipelines.fields() {
        if BY_NAME.contains(&field.key) {
            for inner in field.value.fields() {
                pipeline(&format!("{}.{}", field.key, inner.key), &inner.value, &known, found);
            }
        } else if field.key == "default" {
            pipeline(field.key, &field.value, &known, found);
        } else {
            let said = format!("`pipelines` has no section `{}`", field.key);
            let sections = BY_NAME.iter().copied().chain(["default"]);
            found.unknown("unknown-section", field.key_span, &said, field.key, sections);
        }
    }
}

struct Known {
    caches: Vec<String>,
    services: Vec<String>,
}

#[derive(Default)]
struct Seen<'t> {
    steps: usize,
    deployments: HashSet<&'t str>,
}

fn pipeline<'t>(entry: &str, list: &Node<'t>, known: &Known, found: &mut Found) {
    let mut seen = Seen::default();
    let mut first = true;
    for item in list.items() {
        if let Some(step) = item.get("step") {
            if first && is_manual(&step) {
                let said = format!("the first step of `{entry}` may not be started by hand");
                found.at("manual-first-step", step.span(), said.clone(), &said);
            }
            self::step(entry, &step, known, &mut seen, found);
            first = false;
        } else if let Some(parallel) = item.get("parallel") {
            self::parallel(entry, &parallel, known, &mut seen, found);
            first = false;
        } else if let Some(stage) = item.get("stage") {
            if first && is_manual(&stage) {
                let said = format!("the first stage of `{entry}` may not be started by hand");
                found.at("manual-first-step", stage.span(), said.clone(), &said);
            }
            let steps = stage.get("steps");
            for step in steps.iter().flat_map(Node::items).filter_map(|item| item.get("step")) {
                self::step(entry, &step, known, &mut seen, found);
            }
            deployment(entry, &stage, &mut seen, found);
            first = false;
        }
    }
    if seen.steps > MOST_STEPS {
        let said = format!("`{entry}` has {} steps, and {MOST_STEPS} is the most", seen.steps);
        found.at("too-many-steps", list.span(), said, entry);
    }
}

fn is_manual(node: &Node<'_>) -> bool {
    let trigger = node.get("trigger");
    trigger.is_some_and(|trigger| {
        trigger.text() == Some("manual")
            || trigger.get("type").is_some_and(|kind| kind.text() == Some("manual"))
    })
}

fn parallel<'t>(
    entry: &str,
    parallel: &Node<'t>,
    known: &Known,
    seen: &mut Seen<'t>,
    found: &mut Found,
) {
    let steps = parallel.get("steps").filter(|_| parallel.is_map());
    let list = steps.as_ref().unwrap_or(parallel);
    let items: Vec<Node<'t>> = list.items().collect();
    for item in &items {
        if let Some(nested) = item.get("parallel") {
            let said = format!("`{entry}` has a parallel group within another");
            found.at("nested-parallel", nested.span(), said.clone(), &said);
        }
        if let Some(step) = item.get("step") {
            self::step(entry, &step, known, seen, found);
        }
    }
    if items.len() == 1 {
        let said = format!("a parallel group of `{entry}` has one step: there must be two");
        found.at("single-parallel", list.span(), said.clone(), &said);
    }
}

fn deployment<'t>(entry: &str, node: &Node<'t>, seen: &mut Seen<'t>, found: &mut Found) {
    let Some(field) = node.field("deployment") else { return };
    let Some(name) = field.value.filled() else { return };
    if !seen.deployments.insert(name) {
        let said = format!("`{entry}` deploys to `{name}` twice, and may only once");
        found.at("duplicate-deployment", field.value.span(), said.clone(), &said);
    }
}

fn step<'t>(entry: &str, step: &Node<'t>, known: &Known, seen: &mut Seen<'t>, found: &mut Found) {
    seen.steps += 1;
    deployment(entry, step, seen, found);
    let name = step.get("name").and_then(|name| name.filled());
    let step_name =
        name.map_or_else(|| format!("a step of `{entry}`"), |name| format!("the step `{name}`"));
    for field in step.fields() {
        if !STEP.contains(&field.key) {
            let said = format!("{step_name} has the unknown key `{}`", field.key);
            found.unknown("unknown-step-key", field.key_span, &said, field.key, STEP.into_iter());
        }
    }
    let calls = ["type", "custom"].iter().any(|key| step.get(key).is_some());
    if step.is_map() && step.get("script").is_none() && !calls {
        let said = format!("{step_name} has no `script`");
        found.at("empty-step", step.span(), said.clone(), &format!("{entry}|{said}"));
    }
    for (key, slug, defined, built_in) in [
        ("caches", "unknown-cache", &known.caches, &CACHES[..]),
        ("services", "unknown-service", &known.services, &["docker"][..]),
    ] {
        let list = step.get(key).filter(Node::is_seq);
        for item in list.iter().flat_map(Node::items) {
            let Some(text) = item.filled() else { continue };
            if !built_in.contains(&text) && !defined.iter().any(|name| name == text) {
                let said = format!("{step_name} has `{text}` in `{key}`, which is not defined");
                let all = built_in.iter().copied().chain(defined.iter().map(String::as_str));
                found.unknown(slug, item.span(), &said, text, all);
            }
        }
    }
}
