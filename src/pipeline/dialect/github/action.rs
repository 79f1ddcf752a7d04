//! Action metadata (`action.yml`), and why other files are no workflows.

use super::{expression, step};
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::dialect::{Refusal, Source};
use crate::pipeline::graph::{Access, Job, Pipeline, Resource};

/// Reads a file without `jobs`: a composite action, or nothing we read.
pub(super) fn read(
    source: &Source<'_>,
    root: &Node<'_>,
    mut pipeline: Pipeline,
) -> Result<Pipeline, Refusal> {
    let Some(runs) = root.field("runs") else {
        return Err(Refusal::Declined(why_not(root)));
    };
    let using = runs.value.get("using").and_then(|using| using.filled()).unwrap_or_default();
    if !using.eq_ignore_ascii_case("composite") {
        return Err(Refusal::Declined(if using.is_empty() {
            "it is an action that does not say what it runs with".to_owned()
        } else {
            format!("it is an action that runs with {using}, not a workflow")
        }));
    }
    pipeline.name = root.get("name").and_then(|name| name.at());
    let mut job = Job::new("composite", runs.span(), runs.value.path());
    job.key_span = runs.key_span;
    job.shared = runs.value.shared();
    step::read_all(
        source,
        &runs.value,
        None,
        &mut job,
        &mut step::Actions::default(),
        &mut pipeline,
    );
    if let Some(outputs) = root.get("outputs") {
        for output in outputs.fields() {
            let Some(value) = output.value.get("value") else { continue };
            job.outputs.push((output.key.to_owned(), value.written()));
            job.writes.push(Access {
                what: Resource::Output(job.id.clone(), output.key.to_owned()),
                span: value.span(),
            });
        }
    }
    expression::reads(source, &runs.value, &mut job);
    pipeline.jobs.push(job);
    Ok(pipeline)
}

/// Says what a file is that is no workflow, as far as its keys tell.
fn why_not(root: &Node<'_>) -> String {
    let has = |key: &str| root.field(key).is_some();
    let why = if has("updates") && has("version") {
        "it is a configuration of Dependabot"
    } else if has("body") && (has("name") || has("description")) {
        "it is an issue form"
    } else if has("blank_issues_enabled") || has("contact_links") {
        "it configures the issue chooser"
    } else if has("on") {
        "it has no `jobs`"
    } else {
        "it has no `jobs`, so it is no workflow"
    };
    why.to_owned()
}
