//! One stage of a Harness pipeline: its kind, where it runs, what it deploys to.

use super::super::walk::{Field, Node};
use super::{expression, step, variables};
use crate::pipeline::graph::{
    Access, At, Concurrency, Job, JobKind, Matrix, Os, Phase, Resource, Runner, Span, Step,
};

/// Steps that wait for a person.
const APPROVALS: [&str; 4] =
    ["HarnessApproval", "JiraApproval", "ServiceNowApproval", "CustomApproval"];

/// A stage with all that it says by itself. Templates that it uses are added to `unread`.
pub(super) fn job<'t>(
    id: String,
    field: &Field<'t>,
    item: &Node<'t>,
    unread: &mut Vec<Node<'t>>,
) -> Job {
    let node = &field.value;
    let word = |key: &str| node.get(key).and_then(|node| node.filled());
    let mut job = Job::new(id, item.span(), node.path());
    if item.span().end <= item.span().start {
        job.span = field.span();
    }
    job.name = node.get("name").and_then(|name| name.at());
    let named = node.get("name").or_else(|| node.get("identifier"));
    job.key_span = named.map_or(field.key_span, |node| node.span());
    job.shared = field.merged || item.shared();
    job.condition = condition(node, "pipelineStatus");
    job.timeout = timeout(node);
    job.matrix = node.field("strategy").and_then(|field| matrix(&field.value));
    job.env = variables(node);
    if status(node, "pipelineStatus").is_some() {
        let span = node.get("when").map_or(job.key_span, |node| node.span());
        job.reads.push(Access { what: Resource::Status(String::new()), span });
    }
    failure(&mut job, node);
    let spec = node.get("spec");
    let kind = word("type").unwrap_or_default();
    match (&spec, node.get("template")) {
        (_, Some(template)) => {
            job.kind = JobKind::Call;
            job.calls = template.get("templateRef").and_then(|node| node.at());
            unread.push(template);
        }
        (Some(spec), None) if kind == "Pipeline" => {
            job.kind = JobKind::Call;
            job.calls = spec.get("pipeline").and_then(|node| node.at());
        }
        _ => {}
    }
    let Some(spec) = spec else { return job };
    job.environment = environment(&spec);
    job.runner = runner(node, &spec);
    // Stages of other kinds have no codebase.
    let clones = matches!(kind, "CI" | "IACM" | "Security" | "SecurityTests" | "IDP" | "");
    let cloned = spec.get("cloneCodebase").and_then(|node| node.bool());
    job.clone.none = cloned == Some(false) || (!clones && cloned != Some(true));
    caches(&mut job, &spec);
    for service in spec.get("serviceDependencies").iter().flat_map(Node::items) {
        let image = service.get("spec").and_then(|node| node.get("image"));
        job.services.extend(image.as_ref().and_then(Node::filled).map(str::to_owned));
    }
    steps(&mut job, &spec, unread);
    if kind == "Approval" {
        job.kind = JobKind::Approval;
    }
    let waits = |step: &Step| {
        step.uses.as_ref().is_some_and(|used| APPROVALS.contains(&used.name.as_str()))
    };
    let custom = |step: &Step| step.uses.as_ref().is_some_and(|u| u.name == "CustomApproval");
    if kind == "Custom" && !job.steps.is_empty() && job.steps.iter().all(waits) {
        job.kind = JobKind::Approval;
    }
    // A custom approval asks a script, not a person.
    job.manual = job.steps.iter().any(|step| waits(step) && !custom(step))
        || (job.kind == JobKind::Approval && !job.steps.iter().any(custom));
    step::handed_on(&mut job, node);
    job
}

/// When a stage, group or step runs; what says no more than the default is nothing.
/// `status` is the key of the state it asks for.
pub(super) fn condition(node: &Node<'_>, status_key: &str) -> Option<At<String>> {
    let when = node.get("when")?;
    let span = when.span();
    if let Some(at) = when.at() {
        return Some(at);
    }
    let status = status(node, status_key);
    let said = when.get("condition").and_then(|node| node.at());
    match (status, said) {
        (Some(status), Some(said)) => {
            Some(At { value: format!("{status_key} == {status} && ({})", said.value), span })
        }
        (Some(status), None) => Some(At { value: format!("{status_key} == {status}"), span }),
        (None, Some(said)) => Some(said),
        (None, None) => None,
    }
}

/// The state that `when` asks for, where it is not success.
pub(super) fn status<'t>(node: &Node<'t>, key: &str) -> Option<&'t str> {
    let status = node.get("when")?.get(key)?.filled()?;
    (status != "Success").then_some(status)
}

fn timeout(node: &Node<'_>) -> Option<At<f64>> {
    let node = node.get("timeout")?;
    Some(At { value: expression::minutes(node.filled()?)?, span: node.span() })
}

/// What `failureStrategies` do, and whether they let every failure pass.
fn failure(job: &mut Job, node: &Node<'_>) {
    for on in on_failure(node) {
        let Some(kind) = on.get("action").and_then(|node| node.get("type")) else { continue };
        job.on_failure.extend(kind.at());
    }
    job.soft_fail = passes(node);
}

fn on_failure<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    let list = node.get("failureStrategies");
    let items = list.iter().flat_map(Node::items);
    items.filter_map(|item| item.get("onFailure")).collect()
}

/// Whether failures are let pass.
pub(super) fn passes(node: &Node<'_>) -> bool {
    on_failure(node).iter().any(|on| {
        let action = on.get("action").and_then(|node| node.get("type"));
        matches!(action.as_ref().and_then(Node::filled), Some("Ignore" | "MarkAsSuccess"))
    })
}

/// Copies: `matrix`, `parallelism` or `repeat`.
fn matrix(node: &Node<'_>) -> Option<Matrix> {
    let span = node.span();
    let number = |node: &Node<'_>| node.filled().and_then(|text| text.parse::<usize>().ok());
    let made = |cells, axes| Some(Matrix { cells, axes, fail_fast: None, span });
    if let Some(parallel) = node.get("parallelism") {
        return made(number(&parallel), Vec::new());
    }
    if let Some(repeat) = node.get("repeat").or_else(|| node.get("for")) {
        let times = repeat.get("times").or_else(|| repeat.get("iterations"));
        let items = repeat.get("items");
        let listed = items.as_ref().filter(|items| items.is_seq()).map(Node::texts);
        let cells = times.and_then(|node| number(&node)).or(listed.as_ref().map(Vec::len));
        let axes = listed.map(|listed| ("item".to_owned(), listed)).into_iter().collect();
        return made(cells, axes);
    }
    let matrix = node.get("matrix")?;
    let words = ["include", "exclude", "maxConcurrency", "nodeName", "batchSize"];
    let mut cells = matrix.is_map().then_some(1usize);
    let mut axes = Vec::new();
    for field in matrix.fields().filter(|field| !words.contains(&field.key)) {
        let values: Vec<String> = if field.value.is_seq() {
            let values: Vec<String> = field.value.items().map(|item| item.written()).collect();
            cells = cells.map(|cells| cells.saturating_mul(values.len()));
            values
        } else {
            cells = None;
            field.value.at().map(|at| at.value).into_iter().collect()
        };
        axes.push((field.key.to_owned(), values));
    }
    let excluded = matrix.get("exclude").map_or(0, |node| node.items().count());
    made(cells.map(|cells| cells.saturating_sub(excluded)), axes)
}

/// Where a stage deploys to; of several environments, all of them.
fn environment(spec: &Node<'_>) -> Option<At<String>> {
    let reference = |node: &Node<'_>| node.get("environmentRef").and_then(|node| node.at());
    if let Some(node) = spec.get("environment") {
        return reference(&node);
    }
    if let Some(node) = spec.get("environments") {
        let values = node.get("values");
        let names: Vec<At<String>> =
            values.iter().flat_map(Node::items).filter_map(|item| reference(&item)).collect();
        let span = names.first()?.span;
        let names: Vec<String> = names.into_iter().map(|at| at.value).collect();
        return Some(At { value: names.join(","), span });
    }
    if let Some(node) = spec.get("environmentGroup") {
        return node.get("envGroupRef").and_then(|node| node.at());
    }
    spec.get("infrastructure").and_then(|node| reference(&node))
}

/// The stage whose infrastructure a stage uses.
pub(super) fn runs_like<'t>(node: &Node<'t>) -> Option<&'t str> {
    let from = node.get("spec")?.get("infrastructure")?.get("useFromStage")?;
    from.filled().or_else(|| from.get("stage").and_then(|node| node.filled()))
}

fn runner(node: &Node<'_>, spec: &Node<'_>) -> Runner {
    let mut runner = Runner::default();
    let runtime = spec.get("runtime");
    let infrastructure = spec.get("infrastructure").filter(|node| node.field("type").is_some());
    let at = |node: &Node<'_>, path: &[&str]| {
        let mut node = node.clone();
        for key in path {
            node = node.get(key)?;
        }
        node.filled().map(str::to_owned)
    };
    let platform = spec.get("platform");
    let mut os = platform.as_ref().and_then(|node| at(node, &["os"]));
    let arch = platform.as_ref().and_then(|node| at(node, &["arch"]));
    let mut kind = None;
    if let Some(runtime) = &runtime {
        kind = at(runtime, &["type"]);
        runner.size = at(runtime, &["spec", "size"]);
        runner.span = Some(runtime.span());
    } else if let Some(node) = &infrastructure {
        kind = at(node, &["type"]);
        os = os.or_else(|| at(node, &["spec", "os"])).or_else(|| at(node, &["spec", "spec", "os"]));
        runner.size = at(node, &["spec", "size"]);
        let pool = ["poolName", "identifier"];
        let pool = pool.iter().find_map(|key| at(node, &["spec", "spec", key]));
        runner.labels.extend(pool);
        runner.span = Some(node.span());
    }
    runner.self_hosted =
        kind.as_deref().is_some_and(|kind| !matches!(kind, "Cloud" | "HostedVm" | "Hosted"));
    if let Some(kind) = kind {
        runner.labels.insert(0, kind);
    }
    runner.labels.extend(arch);
    if let Some(delegates) = node.get("delegateSelectors") {
        runner.labels.extend(delegates.texts());
        runner.self_hosted |= !delegates.texts().is_empty();
        runner.span = runner.span.or(Some(delegates.span()));
    }
    runner.os = match os.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("linux") => Some(Os::Linux),
        Some("windows") => Some(Os::Windows),
        Some("macos") => Some(Os::MacOs),
        Some(_) => None,
        None => runtime.or(infrastructure).map(|_| Os::Linux),
    };
    runner
}

/// Cache Intelligence keeps dependencies under a key, its own where none is said.
fn caches(job: &mut Job, spec: &Node<'_>) {
    for section in ["caching", "cacheIntel"].into_iter().filter_map(|key| spec.get(key)) {
        if section.get("enabled").and_then(|node| node.bool()) == Some(true) {
            let key = section.get("key").and_then(|node| node.filled()).unwrap_or("automatic");
            let access = Access { what: Resource::Cache(key.to_owned()), span: section.span() };
            job.reads.push(access.clone());
            job.writes.push(access);
        }
    }
}

/// Steps in order: those that make the infrastructure, the stage's own, those that
/// take it back.
fn steps<'t>(job: &mut Job, spec: &Node<'t>, unread: &mut Vec<Node<'t>>) {
    let sections = [
        spec.get("environment").and_then(|node| node.get("provisioner")),
        spec.get("infrastructure")
            .and_then(|node| node.get("infrastructureDefinition")?.get("provisioner")),
        spec.get("execution"),
    ];
    for (key, phase) in [("steps", Phase::Main), ("rollbackSteps", Phase::Failure)] {
        for section in sections.iter().flatten() {
            if let Some(list) = section.get(key) {
                step::list(&list, phase, None, &mut job.steps, unread);
            }
        }
    }
    if let Some(group) = exclusive(&job.steps) {
        job.concurrency = Some(group);
    }
}

/// A queue or a resource constraint lets one run through at a time.
fn exclusive(steps: &[Step]) -> Option<Concurrency> {
    let step = steps.iter().find(|step| {
        let name = step.uses.as_ref().map(|used| used.name.as_str());
        matches!(name, Some("Queue" | "ResourceConstraint"))
    })?;
    let used = step.uses.as_ref()?;
    let group = ["key", "resourceUnit", "name"].iter().find_map(|key| used.input(key))?;
    let span: Span = step.span;
    Some(Concurrency { group: group.to_owned(), cancel: None, span })
}
