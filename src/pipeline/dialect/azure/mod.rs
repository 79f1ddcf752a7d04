//! Azure Pipelines: stages of jobs of steps, with the levels left out that a file
//! leaves out; local templates are followed.
//!
//! Source: <https://learn.microsoft.com/azure/devops/pipelines/yaml-schema/>. Keys are
//! compared without case, as the service does.

mod condition;
mod edges;
mod expression;
mod include;
mod job;
mod step;
#[cfg(test)]
mod tests;
mod trigger;
mod value;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::{Refusal, Source};
use crate::pipeline::Platform;
use crate::pipeline::graph::{
    At, Concurrency, Entry, Job, JobKind, Pipeline, Span, Stage, Unread, Variable,
};
use crate::pipeline::yaml::Tree;
use expression::Dependency;
use value::{Builder, Scope, Val};

/// Most nodes that are made of a file and its templates.
const MAX_NODES: u32 = 600_000;

/// A pipeline that is being read.
struct Reader<'s> {
    source: Source<'s>,
    pipeline: Pipeline,
    fuel: Cell<u32>,
    trees: HashMap<String, Rc<Tree>>,
    /// Templates that are being read, outermost first.
    stack: Vec<String>,
    loads: usize,
    /// Images by the name of their container resource.
    containers: HashMap<String, String>,
    /// Repositories by their alias.
    repositories: HashMap<String, String>,
    ids: HashSet<String>,
    /// For each job, what waits to be linked.
    links: Vec<Link>,
    /// For each stage, the same.
    stage_links: Vec<Link>,
}

/// What a job or stage names before all others are known.
#[derive(Default)]
struct Link {
    /// Its own name, in lower case.
    name: String,
    /// What it depends on; `None` is the default.
    depends: Option<Vec<(String, Span)>>,
    /// What its expressions read.
    reads: Vec<(Dependency, Span)>,
}

/// What the levels above say for a job.
#[derive(Clone, Default)]
struct Above {
    stage: Option<usize>,
    pool: Option<Val>,
    concurrency: Option<Concurrency>,
    manual: bool,
}

/// Reads an Azure pipeline, or a template of stages, jobs or steps.
///
/// # Errors
/// It has none of them.
pub fn read(source: &Source<'_>) -> Result<Pipeline, Refusal> {
    let declined = |why: &str| Refusal::Declined(why.to_owned());
    let mut reader = Reader {
        source: *source,
        pipeline: Pipeline::new(Platform::Azure),
        fuel: Cell::new(MAX_NODES),
        trees: HashMap::new(),
        stack: vec![source.path.to_owned()],
        loads: 0,
        containers: HashMap::new(),
        repositories: HashMap::new(),
        ids: HashSet::new(),
        links: Vec::new(),
        stage_links: Vec::new(),
    };
    let root = reader.root().ok_or_else(|| declined("it is empty"))?;
    if !root.is_map() {
        return Err(declined("it is no mapping"));
    }
    let parts = ["stages", "jobs", "steps", "extends"];
    if !parts.iter().any(|key| root.get(key).is_some()) {
        let variables = root.get("variables").is_some();
        return Err(declined(if variables {
            "it is a template of variables"
        } else {
            "it has no `stages`, `jobs` or `steps`"
        }));
    }
    reader.whole(&root);
    if reader.pipeline.jobs.is_empty() {
        return Err(declined("it has no jobs"));
    }
    edges::link(&mut reader);
    Ok(reader.pipeline)
}

impl Reader<'_> {
    /// The file's own tree. Its parameters can be chosen at the start, so only lists
    /// and mappings take their defaults.
    fn root(&mut self) -> Option<Val> {
        let builder = Builder { tree: self.source.tree, file: 0, fuel: &self.fuel };
        let first = builder.root(&Scope::default())?;
        let Some(declared) = first.get("parameters") else { return Some(first) };
        let mut defaults = include::defaults(declared);
        defaults.retain(|one| !one.value.items().is_empty() || !one.value.members().is_empty());
        if defaults.is_empty() {
            return Some(first);
        }
        let scope = Scope::default().with("parameters", Val::map(defaults, declared));
        builder.root(&scope)
    }

    fn whole(&mut self, root: &Val) {
        self.pipeline.name = root.get("name").and_then(Val::at);
        self.pipeline.entries.push(Entry { name: String::new(), span: root.span });
        self.resources(root);
        trigger::read(&mut self.pipeline, root);
        let body = self.body(root);
        for variables in [root.get("variables"), body.get("variables")].into_iter().flatten() {
            if self.pipeline.env.is_empty() {
                self.pipeline.env = self.variables(variables);
            }
        }
        let above = Above {
            pool: root.get("pool").or_else(|| body.get("pool")).cloned(),
            ..Above::default()
        };
        if let Some(lock) = lock(root, "pipeline") {
            self.pipeline.concurrency = Some(lock);
        }
        if let Some(list) = body.get("stages") {
            let mut stages = Vec::new();
            self.expand(list, "stages", &mut stages);
            for stage in &stages {
                self.stage(stage, &above);
            }
        } else if let Some(list) = body.get("jobs") {
            self.jobs(list, &above);
        } else if let Some(member) = body.member("steps") {
            let span = member.span();
            self.job(&body, Some(span), &above);
        } else if let Some(extends) = root.member("extends") {
            let template = extends.value.get("template").unwrap_or(&extends.value);
            let named = include::stem(&template.written()).to_owned();
            let mut job = Job::new(self.id(&named), extends.span(), extends.value.path());
            job.kind = JobKind::Call;
            job.calls = template.at();
            self.push(job, Link::default());
        }
    }

    /// What holds the stages, jobs or steps: the file, the template it extends, or
    /// what it hands to one that cannot be read.
    fn body(&mut self, root: &Val) -> Val {
        let Some(extends) = root.get("extends") else { return root.clone() };
        let Some(template) = extends.get("template") else { return root.clone() };
        let parameters = extends.get("parameters");
        match self.load(template, parameters) {
            // Its place stays on the stack: what it extends may not come back to it.
            Some(inner) => self.body(&inner),
            None => parameters.cloned().unwrap_or_else(|| root.clone()),
        }
    }

    /// Names that jobs use for containers and templates for repositories.
    fn resources(&mut self, root: &Val) {
        let Some(resources) = root.get("resources") else { return };
        for item in resources.get("containers").iter().flat_map(|list| list.items()) {
            let name = item.get("container").and_then(Val::filled);
            let image = item.get("image").and_then(Val::filled);
            if let (Some(name), Some(image)) = (name, image) {
                self.containers.insert(name.to_owned(), image.to_owned());
            }
        }
        for item in resources.get("repositories").iter().flat_map(|list| list.items()) {
            let alias = item.get("repository").and_then(Val::filled);
            let name = item.get("name").and_then(Val::filled);
            if let (Some(alias), Some(name)) = (alias, name) {
                self.repositories.insert(alias.to_owned(), name.to_owned());
            }
        }
    }

    fn stage(&mut self, node: &Val, above: &Above) {
        let index = self.pipeline.stages.len();
        let named = node.member("stage").or_else(|| node.member("template"));
        let word = named.and_then(|member| member.value.filled());
        let template = node.get("stage").is_none() && node.get("template").is_some();
        let id = match word {
            Some(word) if template => include::stem(word).to_owned(),
            Some(word) => word.to_owned(),
            None => format!("Stage_{}", index + 1),
        };
        let depends = node.member("dependsOn");
        self.pipeline.stages.push(Stage {
            id: id.clone(),
            needs: Vec::new(),
            explicit: depends.map(|member| member.value.span),
            condition: runs_when(node, node.get("condition")),
            span: node.span,
            path: node.path(),
        });
        let mut reads = Vec::new();
        for text in [node.get("condition"), node.get("variables")].into_iter().flatten() {
            job::dependencies(text, &mut reads);
        }
        self.stage_links.push(Link {
            name: id.to_ascii_lowercase(),
            depends: depends.map(|member| names(&member.value)),
            reads,
        });
        let manual = node.get("trigger").and_then(Val::filled);
        let above = Above {
            stage: Some(index),
            pool: node.get("pool").or(above.pool.as_ref()).cloned(),
            concurrency: lock(node, &id),
            manual: manual.is_some_and(|word| word.eq_ignore_ascii_case("manual")),
        };
        let variables = node.get("variables").map(|one| self.variables(one)).unwrap_or_default();
        let from = self.pipeline.jobs.len();
        if template {
            self.call(node, &above, id);
        } else if let Some(list) = node.get("jobs") {
            self.jobs(list, &above);
        } else if node.get("steps").is_some() {
            self.job(node, None, &above);
        }
        for job in self.pipeline.jobs.iter_mut().skip(from) {
            let own: HashSet<String> = job.env.iter().map(|one| one.name.clone()).collect();
            let more = variables.iter().filter(|one| !own.contains(&one.name));
            job.env.extend(more.cloned());
        }
    }

    fn jobs(&mut self, list: &Val, above: &Above) {
        let mut jobs = Vec::new();
        self.expand(list, "jobs", &mut jobs);
        for node in &jobs {
            let work = ["job", "deployment", "steps"].iter().any(|key| node.member(key).is_some());
            match node.get("template") {
                Some(template) if !work => {
                    let stem = include::stem(template.filled().unwrap_or("template")).to_owned();
                    let id = self.stage_id(above).map_or(stem.clone(), |id| format!("{id}.{stem}"));
                    self.call(node, above, id);
                }
                _ if node.is_map() => self.job(node, None, above),
                _ => {}
            }
        }
    }

    fn stage_id(&self, above: &Above) -> Option<&str> {
        above.stage.and_then(|at| self.pipeline.stages.get(at)).map(|stage| stage.id.as_str())
    }

    /// Jobs of a template that is not read.
    fn call(&mut self, node: &Val, above: &Above, id: String) {
        let mut job = Job::new(self.id(&id), node.span, node.path());
        job.kind = JobKind::Call;
        job.stage = above.stage;
        job.condition = runs_when(node, None);
        job.calls = node.get("template").and_then(Val::at);
        job.key_span = job.calls.as_ref().map_or(node.span, |at| at.span);
        let depends = node.get("parameters").and_then(|one| one.get("dependsOn"));
        let depends = depends.map(names);
        self.push(job, Link { depends, ..Link::default() });
    }

    fn push(&mut self, job: Job, link: Link) {
        self.pipeline.jobs.push(job);
        self.links.push(link);
    }

    /// An id that no other job has.
    fn id(&mut self, word: &str) -> String {
        let mut id = word.to_owned();
        let mut copy = 2;
        while !self.ids.insert(id.clone()) {
            id = format!("{word} {copy}");
            copy += 1;
        }
        id
    }

    /// Variables: a mapping, or a list of names, groups and templates.
    fn variables(&mut self, node: &Val) -> Vec<Variable> {
        let mut found = Vec::new();
        for member in node.members() {
            found.push(Variable {
                name: member.key.clone(),
                value: member.value.written(),
                span: member.value.span,
            });
        }
        for item in node.items() {
            if let Some(name) = item.get("name").and_then(Val::filled) {
                let value = item.get("value");
                found.push(Variable {
                    name: name.to_owned(),
                    value: value.map(Val::written).unwrap_or_default(),
                    span: value.map_or(item.span, |value| value.span),
                });
            } else if let Some(group) = item.get("group") {
                let what = format!("variable group {}", group.written());
                let unread = Unread { what, why: "remote", span: group.span };
                if !self.pipeline.unread.contains(&unread) {
                    self.pipeline.unread.push(unread);
                }
            } else if let Some(template) = item.get("template")
                && let Some(inner) = self.load(template, item.get("parameters"))
            {
                if let Some(variables) = inner.get("variables") {
                    found.extend(self.variables(variables));
                }
                self.stack.pop();
            }
        }
        found
    }
}

/// Runs of a pipeline or stage that take turns at its protected resources.
fn lock(node: &Val, group: &str) -> Option<Concurrency> {
    let lock = node.get("lockBehavior")?;
    let latest = lock.filled()?.eq_ignore_ascii_case("runLatest");
    Some(Concurrency {
        group: group.to_owned(),
        cancel: latest.then(|| "true".to_owned()),
        span: lock.span,
    })
}

/// The names in a `dependsOn`.
fn names(node: &Val) -> Vec<(String, Span)> {
    let one = |name: &Val| Some((name.filled()?.to_owned(), name.span));
    node.one_or_many().into_iter().filter_map(one).collect()
}

/// When a node runs: what it says, and what it was inserted under.
fn runs_when(node: &Val, said: Option<&Val>) -> Option<At<String>> {
    let said = said.and_then(Val::at);
    match (&node.when, said) {
        (None, said) => said,
        (Some(when), None) => Some(At { value: format!("${{{{ {when} }}}}"), span: node.span }),
        (Some(when), Some(said)) => {
            Some(At { value: format!("and(${{{{ {when} }}}}, {})", said.value), span: said.span })
        }
    }
}
