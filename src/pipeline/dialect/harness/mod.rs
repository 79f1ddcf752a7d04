//! Harness pipelines: stages are jobs, one after the other but for parallel groups;
//! step groups and parallel steps are steps of their stage.
//!
//! Source: <https://developer.harness.io/docs/platform/pipelines/harness-yaml-quickstart/>
//! and the schema of pipelines, version 0.

mod expression;
mod stage;
mod step;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use super::walk::{Field, Node};
use super::{Refusal, Source};
use crate::pipeline::Platform;
use crate::pipeline::graph::{
    Access, At, Checkout, Entry, Job, JobKind, Need, NeedKind, Pipeline, Span, Unread, Variable,
};

/// Files of other kinds than pipelines, by their top key.
const OTHERS: [(&str, &str); 14] = [
    ("template", "it is a template"),
    ("inputSet", "it is an input set"),
    ("overlayInputSet", "it is an overlay of input sets"),
    ("service", "it is a service"),
    ("environment", "it is an environment"),
    ("environmentGroup", "it is a group of environments"),
    ("infrastructureDefinition", "it is an infrastructure definition"),
    ("trigger", "it is a trigger"),
    ("connector", "it is a connector"),
    ("secret", "it is a secret"),
    ("serviceOverrides", "it is a set of overrides"),
    ("overrides", "it is a set of overrides"),
    ("monitoredService", "it is a monitored service"),
    ("featureFlag", "it is a feature flag"),
];

/// Reads a pipeline of version 0.
///
/// # Errors
/// It is no pipeline, or one of version 1.
pub fn read(source: &Source<'_>) -> Result<Pipeline, Refusal> {
    let declined = |why: &str| Refusal::Declined(why.to_owned());
    let root = Node::root(source.tree).ok_or_else(|| declined("it is empty"))?;
    if !root.is_map() {
        return Err(declined("it is no mapping"));
    }
    let Some(main) = root.field("pipeline").filter(|field| field.value.is_map()) else {
        return Err(declined(no_pipeline(&root)));
    };
    if source.tree.roots().len() > 1 {
        return Err(declined("it holds several documents, and a pipeline has one"));
    }
    let pipeline = &main.value;
    let mut reader = Reader::new(pipeline, root.span());
    if let Some(template) = pipeline.get("template") {
        reader.templated(&main, &template);
        return Ok(reader.pipeline);
    }
    let stages = pipeline.get("stages");
    if stages.iter().flat_map(Node::items).any(|item| item.field("steps").is_some()) {
        return Err(declined("it is written in version 1 of the syntax, which is not read"));
    }
    reader.stages(&stages.ok_or_else(|| declined("its `pipeline` has no `stages`"))?);
    if reader.pipeline.jobs.is_empty() {
        return Err(declined("its `stages` are empty"));
    }
    reader.references();
    Ok(reader.pipeline)
}

/// Why a file without `pipeline` is none.
fn no_pipeline(root: &Node<'_>) -> &'static str {
    if let Some((_, why)) = OTHERS.iter().find(|(key, _)| root.field(key).is_some()) {
        return why;
    }
    let version = root.get("version").and_then(|node| node.filled());
    let nested = root.get("spec").is_some_and(|spec| spec.field("stages").is_some());
    if root.field("kind").is_some() || (nested && version.is_some()) {
        "it is written in version 1 of the syntax, which is not read"
    } else if root.field("stages").is_some() || root.field("spec").is_some() {
        "it is part of a pipeline: it has no `pipeline`"
    } else {
        "it has no `pipeline`"
    }
}

/// A pipeline that is being read.
struct Reader<'t> {
    pipeline: Pipeline,
    ids: HashSet<String>,
    /// Jobs by the identifier of their stage.
    places: HashMap<String, usize>,
    /// The stage of each job.
    nodes: Vec<Node<'t>>,
}

impl<'t> Reader<'t> {
    fn new(node: &Node<'_>, span: Span) -> Self {
        let mut pipeline = Pipeline::new(Platform::Harness);
        pipeline.name = node.get("name").and_then(|name| name.at());
        pipeline.entries.push(Entry { name: String::new(), span });
        pipeline.env = variables(node);
        let codebase = node.get("properties").and_then(|node| node.get("ci")?.get("codebase"));
        if let Some(codebase) = codebase {
            pipeline.clone = checkout(&codebase);
        }
        Reader { pipeline, ids: HashSet::new(), places: HashMap::new(), nodes: Vec::new() }
    }

    /// A pipeline that stands in a template: one call.
    fn templated(&mut self, field: &Field<'_>, template: &Node<'_>) {
        let node = &field.value;
        let id = node.get("identifier").and_then(|id| id.filled()).unwrap_or("pipeline");
        let mut job = Job::new(id, field.span(), node.path());
        job.key_span = field.key_span;
        job.kind = JobKind::Call;
        job.calls = template.get("templateRef").and_then(|node| node.at());
        self.pipeline.jobs.push(job);
        self.unread(template);
    }

    /// Names a template, which stands in Harness.
    fn unread(&mut self, template: &Node<'_>) {
        let named = template.get("templateRef").unwrap_or_else(|| template.clone());
        let version = template.get("versionLabel");
        let what = match version.as_ref().and_then(Node::filled) {
            Some(version) => format!("{}@{version}", named.written()),
            None => named.written(),
        };
        self.pipeline.unread.push(Unread { what, why: "remote", span: named.span() });
    }

    /// Stages in order; those of a `parallel` group start together.
    fn stages(&mut self, list: &Node<'t>) {
        let mut last: Vec<usize> = Vec::new();
        for item in list.items() {
            let mut done = Vec::new();
            for field in item.fields() {
                match field.key {
                    "stage" => done.push(self.stage(&field, &item, &last)),
                    "parallel" => {
                        for inner in field.value.items() {
                            for field in inner.fields().filter(|field| field.key == "stage") {
                                done.push(self.stage(&field, &inner, &last));
                            }
                        }
                    }
                    _ => {}
                }
            }
            if !done.is_empty() {
                last = done;
            }
        }
    }

    fn stage(&mut self, field: &Field<'t>, item: &Node<'t>, last: &[usize]) -> usize {
        let node = &field.value;
        let named = node.get("identifier").or_else(|| node.get("name"));
        let word = named.as_ref().and_then(Node::filled).map(str::to_owned);
        let word = word.unwrap_or_else(|| format!("stage {}", self.pipeline.jobs.len() + 1));
        let mut id = word.clone();
        let mut copy = 2;
        while !self.ids.insert(id.clone()) {
            id = format!("{word} {copy}");
            copy += 1;
        }
        let mut unread = Vec::new();
        let mut job = stage::job(id, field, item, &mut unread);
        for template in &unread {
            self.unread(template);
        }
        if let Some(from) = stage::runs_like(node).and_then(|stage| self.places.get(stage))
            && let Some(other) = self.pipeline.jobs.get(*from)
        {
            job.runner = other.runner.clone();
        }
        job.needs = (last.iter())
            .map(|job| Need {
                job: *job,
                kind: NeedKind::Sequence,
                span: None,
                optional: false,
                artifacts: false,
            })
            .collect();
        let place = self.pipeline.jobs.len();
        self.places.entry(word).or_insert(place);
        self.pipeline.jobs.push(job);
        self.nodes.push(node.clone());
        place
    }

    /// What stages read of each other, by the expressions that stand in them.
    fn references(&mut self) {
        let mut found = Vec::new();
        for (place, (job, stage)) in self.pipeline.jobs.iter().zip(&self.nodes).enumerate() {
            expression::reads(stage, &mut |stage, make, span| {
                let known = self.places.get(stage).and_then(|at| self.pipeline.jobs.get(*at));
                if let Some(other) = known.filter(|other| other.id != job.id) {
                    found.push((place, make(&other.id), span));
                }
            });
        }
        for (place, what, span) in found {
            if let Some(job) = self.pipeline.jobs.get_mut(place) {
                let access = Access { what, span };
                if !job.reads.contains(&access) {
                    job.reads.push(access);
                }
            }
        }
    }
}

/// The variables of a pipeline, a stage or a group.
fn variables(node: &Node<'_>) -> Vec<Variable> {
    let lists = ["variables", "pipelineVariables"].into_iter().filter_map(|key| node.get(key));
    let items = lists.flat_map(|list| list.items().collect::<Vec<_>>());
    let one = |item: Node<'_>| {
        let value = item.get("value").or_else(|| item.get("default"));
        Some(Variable {
            name: item.get("name")?.filled()?.to_owned(),
            value: value.as_ref().map(Node::written).unwrap_or_default(),
            span: value.map_or(item.span(), |value| value.span()),
        })
    };
    items.filter_map(one).collect()
}

/// `properties.ci.codebase`.
fn checkout(node: &Node<'_>) -> Checkout {
    Checkout {
        depth: node.get("depth").and_then(|depth| {
            Some(At { value: depth.filled()?.parse().ok()?, span: depth.span() })
        }),
        submodules: node.get("submoduleStrategy").and_then(|node| node.at()),
        lfs: node.get("lfs").and_then(|lfs| lfs.bool().map(|value| At { value, span: lfs.span() })),
        none: false,
    }
}
