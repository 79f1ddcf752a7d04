//! GitLab CI/CD: `.gitlab-ci.yml` and the local files it includes.
//!
//! Source: <https://docs.gitlab.com/ci/yaml/>.

mod duration;
mod extend;
mod include;
mod input;
mod job;
mod keyword;
mod order;
mod step;
#[cfg(test)]
mod tests;
mod trigger;
mod value;

use super::{Refusal, Source};
use crate::pipeline::graph::{At, Entry, Pipeline, Span};
use crate::pipeline::platform::Platform;
use value::{Item, Val};

/// Top-level keys that are no jobs.
const GLOBAL: [&str; 12] = [
    "default",
    "include",
    "stages",
    "types",
    "variables",
    "workflow",
    "image",
    "services",
    "before_script",
    "after_script",
    "cache",
    "spec",
];
/// Keys by which a mapping is known to be a job.
const OF_JOBS: [&str; 14] = [
    "script",
    "stage",
    "extends",
    "trigger",
    "run",
    "image",
    "before_script",
    "rules",
    "only",
    "needs",
    "artifacts",
    "tags",
    "variables",
    "release",
];

/// Reads a configuration: local includes, references and `extends` are followed, and
/// jobs are as the service would see them.
///
/// # Errors
/// Declined where nothing in it is GitLab's.
pub fn read(source: &Source<'_>) -> Result<Pipeline, Refusal> {
    let declined = |why: &str| Err(Refusal::Declined(why.to_owned()));
    let Some(root) = value::load(source.tree, 0) else {
        return declined("it is empty");
    };
    if root.is_seq() {
        return declined("it is a list and not a pipeline");
    }
    if !root.is_map() {
        return declined("it is a text and not a pipeline");
    }
    let own = |item: &Item| {
        (GLOBAL.contains(&item.key.as_str()) && item.key != "spec")
            || item.key.starts_with('.')
            || OF_JOBS.iter().any(|key| item.value.get(key).is_some())
    };
    if !root.entries().iter().any(own) {
        return declined("it has no jobs and no keyword of GitLab's");
    }
    let mut pipeline = Pipeline::new(Platform::GitLab);
    pipeline.entries.push(Entry { name: String::new(), span: root.span });
    let root = input::fill(source.tree, &[], root);
    let root = include::expand(source, root, &mut pipeline);
    let root = extend::references(&root, &mut pipeline);

    if let Some(workflow) = root.get("workflow") {
        pipeline.name = workflow.get("name").and_then(Val::at);
        let on_commit = workflow.get("auto_cancel").and_then(|value| value.get("on_new_commit"));
        pipeline.auto_cancel = on_commit
            .and_then(|value| Some(At { value: value.filled()? != "none", span: value.span }));
    }
    let (defaults, globals) = (root.get("default"), &root);
    pipeline.env = root.get("variables").map(keyword::variables).unwrap_or_default();
    pipeline.clone = keyword::checkout(&pipeline.env);

    let mut extends = extend::Extends::new(&root);
    let mut bodies: Vec<Val> = Vec::new();
    for item in root.entries() {
        let named = !item.key.starts_with('.') && !GLOBAL.contains(&item.key.as_str());
        if !named || !item.value.is_map() {
            continue;
        }
        let full = extends.job(&item.key, &item.value);
        let (body, inherited) = job::inherit(full, defaults, globals);
        let mut job = job::read(source, item, &body, &mut pipeline);
        job.shared = inherited
            || body.get("extends").is_some()
            || item.value.is_shared()
            || item.value.entries().iter().any(|entry| entry.key_span.file != item.key_span.file);
        pipeline.jobs.push(job);
        bodies.push(body);
    }
    pipeline.unread.append(&mut extends.finish());
    order::stages(&root, &bodies, &mut pipeline);
    order::edges(&bodies, &mut pipeline);
    pipeline.triggers = trigger::read(&root, &bodies);
    Ok(pipeline)
}

/// A point at the start of the file: where something stands that is not written.
fn nowhere() -> Span {
    Span::default()
}
