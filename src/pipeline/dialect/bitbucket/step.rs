//! One step of a Bitbucket pipeline: where it runs, what it keeps, its commands and pipes.

use super::super::walk::{Field, Node};
use super::{Defaults, checkout, image};
use crate::pipeline::graph::{
    Access, At, Concurrency, Job, Os, Permissions, Phase, Resource, Runner, Script, Step, Use,
};

/// Minutes, as `max-time` has them.
pub(super) fn minutes(node: &Node<'_>) -> Option<At<f64>> {
    let value = node.filled()?.parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(At { value, span: node.span() })
}

/// Where a step or stage deploys to.
pub(super) fn environment(node: &Node<'_>) -> Option<At<String>> {
    let named = node.get("deployment").or_else(|| node.get("environment"))?;
    named.at().or_else(|| named.get("name").and_then(|name| name.at()))
}

/// When a step or stage runs.
pub(super) fn condition(node: &Node<'_>) -> Option<At<String>> {
    let node = node.get("condition").filter(|node| !node.is_null())?;
    Some(At { value: node.written(), span: node.span() })
}

/// Which others it excludes.
pub(super) fn concurrency(node: &Node<'_>) -> Option<Concurrency> {
    let node = node.get("concurrency-group")?;
    Some(Concurrency { group: node.filled()?.to_owned(), cancel: None, span: node.span() })
}

/// A step with all that it says by itself.
pub(super) fn job(id: String, field: &Field<'_>, item: &Node<'_>, all: &Defaults) -> Job {
    let node = &field.value;
    let span = if item.span().end > item.span().start { item.span() } else { field.span() };
    let mut job = Job::new(id, span, node.path());
    job.key_span = field.key_span;
    job.shared = field.merged || item.shared();
    job.image = node.get("image").and_then(|node| image(&node)).or_else(|| all.image.clone());
    job.timeout = node.get("max-time").and_then(|node| minutes(&node)).or(all.timeout.clone());
    job.manual = node.get("trigger").and_then(|node| node.filled()) == Some("manual");
    job.environment = environment(node);
    job.condition = condition(node);
    job.concurrency = concurrency(node);
    job.runner = runner(node, all);
    if let Some(clone) = node.get("clone") {
        job.clone = checkout(&clone);
    }
    if let Some(oidc) = node.get("oidc").filter(|node| node.bool() == Some(true)) {
        let scopes = vec![("id-token".to_owned(), "write".to_owned())];
        job.permissions = Permissions::Scopes(scopes, oidc.span());
    }
    let on_fail = node.get("on-fail").and_then(|node| node.get("strategy"));
    job.soft_fail = on_fail.and_then(|node| node.filled()) == Some("ignore");
    let services = node.get("services");
    for name in services.iter().flat_map(Node::texts) {
        job.services.push(all.services.get(&name).cloned().flatten().unwrap_or(name));
    }
    if all.docker && !job.services.iter().any(|name| name == "docker") {
        job.services.push("docker".to_owned());
    }
    for cache in node.get("caches").iter().flat_map(Node::one_or_many) {
        let Some(key) = cache.filled() else { continue };
        let access = Access { what: Resource::Cache(key.to_owned()), span: cache.span() };
        job.reads.push(access.clone());
        job.writes.push(access);
    }
    write_artifacts(&mut job, node);
    // Variables that the steps behind it are given.
    for name in node.get("output-variables").iter().flat_map(Node::one_or_many) {
        let Some(text) = name.filled() else { continue };
        job.writes.push(Access { what: Resource::Dotenv(text.to_owned()), span: name.span() });
    }
    if let Some(script) = node.get("script") {
        commands(&mut job, &script, Phase::Main);
    }
    if let Some(script) = node.get("after-script") {
        commands(&mut job, &script, Phase::Always);
    }
    job
}

fn runner(node: &Node<'_>, all: &Defaults) -> Runner {
    let size = node.get("size").and_then(|node| node.at()).or_else(|| all.size.clone());
    let runs_on = node.get("runs-on");
    let labels = runs_on.as_ref().map(Node::texts).unwrap_or_default();
    let is = |word: &str| labels.iter().any(|label| label.split('.').next() == Some(word));
    let os = if is("windows") {
        Os::Windows
    } else if is("macos") {
        Os::MacOs
    } else {
        Os::Linux
    };
    let span = match (&runs_on, &size) {
        (Some(node), _) => Some(node.span()),
        (None, size) => size.as_ref().map(|at| at.span),
    };
    Runner {
        self_hosted: !labels.is_empty(),
        labels,
        os: Some(os),
        size: size.map(|at| at.value),
        span,
    }
}

/// Artifacts are a list of paths, or a mapping with `upload`, `paths` and `download`.
fn write_artifacts(job: &mut Job, node: &Node<'_>) {
    let Some(artifacts) = node.get("artifacts") else { return };
    let paths = |job: &mut Job, list: &Node<'_>, name: Option<&str>| {
        for path in list.one_or_many() {
            let Some(text) = path.filled() else { continue };
            let span = path.span();
            let artifact = name.unwrap_or(text).to_owned();
            job.writes.push(Access { what: Resource::Artifact(artifact), span });
            job.writes.push(Access { what: Resource::Workspace(text.to_owned()), span });
        }
    };
    if artifacts.is_map() {
        if let Some(list) = artifacts.get("paths") {
            paths(job, &list, None);
        }
        for upload in artifacts.get("upload").iter().flat_map(Node::items) {
            match upload.get("paths") {
                Some(list) => {
                    let name = upload.get("name");
                    // A scoped artifact and a test report stay with their step.
                    let kind = upload.get("type").and_then(|node| node.filled());
                    if !matches!(kind, Some("scoped" | "test-reports")) {
                        paths(job, &list, name.as_ref().and_then(Node::filled));
                    }
                }
                None => paths(job, &upload, None),
            }
        }
    } else {
        paths(job, &artifacts, None);
    }
}

/// Whether the artifacts of the steps before are fetched: they are, unless it is said.
pub(super) fn takes_artifacts(node: &Node<'_>) -> bool {
    let download = node.get("artifacts").and_then(|node| node.get("download"));
    download.and_then(|node| node.bool()) != Some(false)
}

/// What a step fetches of the steps before it.
pub(super) fn read_artifacts(job: &mut Job, node: &Node<'_>, all: bool) {
    if !all {
        return;
    }
    let download = node.get("artifacts").and_then(|node| node.get("download"));
    let named: Vec<Node<'_>> = download.filter(Node::is_seq).iter().flat_map(Node::items).collect();
    if named.is_empty() {
        let what = Resource::Artifact(String::new());
        job.reads.push(Access { what, span: job.key_span });
    }
    for name in named {
        if let Some(text) = name.filled() {
            let what = Resource::Artifact(text.to_owned());
            job.reads.push(Access { what, span: name.span() });
        }
    }
}

/// A list of commands and pipes. Commands alone are one step; between pipes each is
/// a step of its own, so that every script has one place in the tree.
fn commands(job: &mut Job, list: &Node<'_>, phase: Phase) {
    let items = list.one_or_many();
    if !items.is_empty() && items.iter().all(|item| item.text().is_some()) {
        let text: Vec<&str> = items.iter().filter_map(Node::text).collect();
        job.steps.push(scripted(list, text.join("\n"), phase));
        return;
    }
    for item in items {
        if let Some(text) = item.text() {
            job.steps.push(scripted(&item, text.to_owned(), phase));
        } else if item.is_seq() {
            commands(job, &item, phase);
        } else if let Some(pipe) = item.get("pipe") {
            let mut step = Step::new(item.span(), item.path());
            step.phase = phase;
            step.name = item.get("name").and_then(|name| name.filled().map(str::to_owned));
            step.uses = Some(used(&pipe, &item));
            job.steps.push(step);
        }
    }
}

fn scripted(node: &Node<'_>, text: String, phase: Phase) -> Step {
    let mut step = Step::new(node.span(), node.path());
    step.phase = phase;
    step.script = Some(Script { text, shell: None, span: node.span(), path: node.path() });
    step
}

fn used(pipe: &Node<'_>, item: &Node<'_>) -> Use {
    let text = pipe.filled().unwrap_or_default();
    let text = text.strip_prefix("docker://").unwrap_or(text);
    // A colon before the last slash belongs to a registry's port.
    let (name, version) = match text.rsplit_once(':') {
        Some((name, version)) if !version.contains('/') => (name, Some(version.to_owned())),
        _ => (text, None),
    };
    let inputs = (item.get("variables").iter().flat_map(Node::fields))
        .map(|field| {
            let at = At { value: field.value.written(), span: field.value.span() };
            (field.key.to_owned(), at)
        })
        .collect();
    Use { name: name.to_owned(), version, inputs, span: pipe.span() }
}
