//! GitHub Actions: workflows and composite actions.
//!
//! Source: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>
//! and <https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax>.

mod action;
mod artifact;
mod expression;
mod job;
mod matrix;
mod runner;
mod step;
#[cfg(test)]
mod tests;
mod trigger;

use std::collections::{HashMap, HashSet};

use super::walk::{Field, Node};
use super::{Refusal, Source};
use crate::pipeline::graph::{
    Concurrency, Entry, Need, NeedKind, Permissions, Pipeline, Span, Variable,
};
use crate::pipeline::platform::Platform;

/// Reads a workflow, or a composite action as a pipeline of one job without
/// triggers. Called workflows are looked up but not read; local composite actions
/// are read, and their steps follow the step that uses them.
///
/// # Errors
/// Declined where it is neither; invalid where `jobs` or a job is no mapping.
pub fn read(source: &Source<'_>) -> Result<Pipeline, Refusal> {
    let declined = |why: &str| Err(Refusal::Declined(why.to_owned()));
    let Some(root) = Node::root(source.tree) else {
        return declined("it is empty");
    };
    if root.is_seq() {
        return declined("it is a list and not a workflow");
    }
    if !root.is_map() {
        return declined("it is a text and not a workflow");
    }
    let mut pipeline = Pipeline::new(Platform::GitHub);
    pipeline.entries.push(Entry { name: String::new(), span: root.span() });
    let Some(jobs) = root.field("jobs") else {
        return action::read(source, &root, pipeline);
    };
    pipeline.name = root.get("name").and_then(|name| name.at());
    if let Some(on) = root.field("on") {
        pipeline.triggers = trigger::read(&on);
    }
    pipeline.permissions = permissions(&root);
    pipeline.concurrency = concurrency(&root);
    pipeline.env = variables(&root);
    if !jobs.value.is_map() {
        return Err(invalid(&jobs, "`jobs` is no mapping of jobs"));
    }
    let shell = default_shell(&root);
    let mut actions = step::Actions::default();
    let mut ids: HashSet<&str> = HashSet::new();
    for field in jobs.value.fields() {
        if !field.value.is_map() {
            return Err(invalid(&field, &format!("job `{}` is no mapping", field.key)));
        }
        // Of two jobs with one id, paths and `needs` reach the first alone.
        if ids.insert(field.key) {
            let job = job::read(source, &field, shell.as_deref(), &mut actions, &mut pipeline);
            pipeline.jobs.push(job);
        }
    }
    link(&mut pipeline, &jobs.value);
    artifact::link(&mut pipeline);
    Ok(pipeline)
}

fn invalid(field: &Field<'_>, why: &str) -> Refusal {
    Refusal::Invalid { line: field.value.line(), why: why.to_owned() }
}

/// Turns the names under `needs` into edges. A name that no job has is left out: it
/// is a finding of its own. Ids are compared without case, as the service does.
fn link(pipeline: &mut Pipeline, jobs: &Node<'_>) {
    let places: HashMap<String, usize> = pipeline
        .jobs
        .iter()
        .enumerate()
        .rev()
        .map(|(place, job)| (job.id.to_ascii_lowercase(), place))
        .collect();
    for job in &mut pipeline.jobs {
        let Some(needs) = jobs.get(&job.id).and_then(|node| node.get("needs")) else { continue };
        job.needs_span = Some(needs.span());
        for name in needs.one_or_many() {
            let Some(place) =
                name.text().and_then(|text| places.get(&text.to_ascii_lowercase())).copied()
            else {
                continue;
            };
            if job.needs.iter().any(|need| need.job == place) {
                continue;
            }
            job.needs.push(Need {
                job: place,
                kind: NeedKind::Explicit,
                span: Some(name.word()),
                optional: false,
                artifacts: false,
            });
        }
    }
}

/// `permissions` of a workflow or a job.
fn permissions(node: &Node<'_>) -> Permissions {
    let Some(field) = node.field("permissions") else { return Permissions::Unsaid };
    let span = field.value.span();
    match field.value.text() {
        Some("read-all") => Permissions::ReadAll(span),
        Some("write-all") => Permissions::WriteAll(span),
        Some(_) => Permissions::Unsaid,
        None => Permissions::Scopes(
            field
                .value
                .fields()
                .map(|scope| (scope.key.to_owned(), scope.value.written()))
                .collect(),
            span,
        ),
    }
}

/// `concurrency` of a workflow or a job: a group's name, or a mapping.
fn concurrency(node: &Node<'_>) -> Option<Concurrency> {
    let value = node.get("concurrency")?;
    let span = value.span();
    if let Some(group) = value.filled() {
        return Some(Concurrency { group: group.to_owned(), cancel: None, span });
    }
    let group = value.get("group")?.filled()?.to_owned();
    let cancel = value.get("cancel-in-progress").map(|cancel| cancel.written());
    Some(Concurrency { group, cancel, span })
}

/// `env` of a workflow, a job or a step.
fn variables(node: &Node<'_>) -> Vec<Variable> {
    let Some(env) = node.get("env") else { return Vec::new() };
    env.fields()
        .map(|field| Variable {
            name: field.key.to_owned(),
            value: field.value.written(),
            span: field.value.span(),
        })
        .collect()
}

/// `defaults.run.shell` of a workflow or a job.
fn default_shell(node: &Node<'_>) -> Option<String> {
    Some(node.get("defaults")?.get("run")?.get("shell")?.filled()?.to_owned())
}

/// Moves a place into an included file.
fn within(span: Span, file: u16) -> Span {
    Span { file, ..span }
}
