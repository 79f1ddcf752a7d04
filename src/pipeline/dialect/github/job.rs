//! One job of a workflow.

use super::{concurrency, default_shell, expression, matrix, permissions, runner, step, variables};
use crate::pipeline::dialect::Source;
use crate::pipeline::dialect::walk::{Field, Node};
use crate::pipeline::graph::{Access, At, Job, JobKind, Pipeline, Resource, Unread};

/// Minutes after which the service ends a job of its own runners: what a computed
/// limit is taken for.
const LONGEST: f64 = 360.0;

/// Reads a job; `shell` is the workflow's default.
pub(super) fn read(
    source: &Source<'_>,
    field: &Field<'_>,
    shell: Option<&str>,
    actions: &mut step::Actions,
    pipeline: &mut Pipeline,
) -> Job {
    let node = &field.value;
    let mut job = Job::new(field.key, field.span(), node.path());
    job.key_span = field.key_span;
    job.shared = field.merged || node.shared();
    job.name = node.get("name").and_then(|name| name.at());
    job.condition = node.get("if").and_then(|condition| condition.at());
    job.permissions = permissions(node);
    job.concurrency = concurrency(node);
    job.env = variables(node);
    job.image = node.get("container").and_then(|container| image(&container));
    if let Some(services) = node.get("services") {
        let images = services.fields().filter_map(|service| image(&service.value));
        job.services = images.map(|image| image.value).collect();
    }
    job.environment = node.get("environment").and_then(|environment| {
        environment.at().or_else(|| environment.get("name").and_then(|name| name.at()))
    });
    let strategy = node.get("strategy");
    job.matrix = strategy.as_ref().and_then(matrix::read);
    let axes = strategy.as_ref().and_then(|strategy| strategy.get("matrix"));
    if let Some(runs_on) = node.get("runs-on") {
        job.runner = runner::read(&runs_on, axes.as_ref());
    }
    job.timeout = node.get("timeout-minutes").and_then(|limit| timeout(&limit, axes.as_ref()));
    job.soft_fail = node.get("continue-on-error").is_some_and(|soft| is_soft(&soft));
    if let Some(uses) = node.get("uses") {
        call(source, &uses, &mut job, pipeline);
    }
    let own = default_shell(node);
    step::read_all(source, node, own.as_deref().or(shell), &mut job, actions, pipeline);
    if let Some(environment) = &job.environment {
        job.writes.push(Access {
            what: Resource::Environment(environment.value.clone()),
            span: environment.span,
        });
    }
    if let Some(outputs) = node.get("outputs") {
        for output in outputs.fields() {
            job.outputs.push((output.key.to_owned(), output.value.written()));
            job.writes.push(Access {
                what: Resource::Output(job.id.clone(), output.key.to_owned()),
                span: output.value.span(),
            });
        }
    }
    expression::reads(source, node, &mut job);
    job
}

/// `container` or a service: an image's name, or a mapping with `image`.
fn image(node: &Node<'_>) -> Option<At<String>> {
    node.at().or_else(|| node.get("image").and_then(|image| image.at()))
}

/// A number of minutes. What is computed counts as the largest number it can be by
/// the matrix, or as the service's limit.
fn timeout(node: &Node<'_>, axes: Option<&Node<'_>>) -> Option<At<f64>> {
    let text = node.filled()?;
    let value = match text.trim().parse::<f64>() {
        Ok(minutes) if minutes.is_finite() => minutes,
        _ if text.contains("${{") => matrix::expand(text, axes)
            .and_then(|values| {
                values.iter().map(|value| value.parse::<f64>().ok()).collect::<Option<Vec<_>>>()
            })
            .and_then(|minutes| minutes.into_iter().reduce(f64::max))
            .filter(|minutes| minutes.is_finite())
            .unwrap_or(LONGEST),
        _ => return None,
    };
    Some(At { value, span: node.span() })
}

/// `continue-on-error`: literally true, or depending on the matrix, so that some
/// copies may fail.
pub(super) fn is_soft(node: &Node<'_>) -> bool {
    match node.text() {
        Some(text) if text.contains("${{") => {
            let inner = text.trim().trim_start_matches("${{").trim_end_matches("}}").trim();
            inner == "true" || inner.contains("matrix.")
        }
        _ => node.bool() == Some(true),
    }
}

/// A reusable workflow: `./.github/workflows/x.yml` of this checkout, or
/// `owner/repo/.github/workflows/x.yml@ref`.
fn call(source: &Source<'_>, uses: &Node<'_>, job: &mut Job, pipeline: &mut Pipeline) {
    let Some(what) = uses.filled() else { return };
    job.kind = JobKind::Call;
    job.calls = Some(At { value: what.to_owned(), span: uses.word() });
    let why = match what.strip_prefix("./") {
        Some(path) if source.files.exists(path) => return,
        Some(_) => "missing",
        None if what.contains("${{") => "computed",
        None => "remote",
    };
    pipeline.unread.push(Unread { what: what.to_owned(), why, span: uses.word() });
}
