//! From stages to jobs and what they wait for.

use std::collections::{HashMap, HashSet};

use super::flow::{self, Scope};
use super::model::{Inner, Model, Stage};
use super::sections::{self, Agent, Options};
use super::steps::{Found, Walk, below};
use crate::pipeline::Platform;
use crate::pipeline::graph::{
    At, Concurrency, Entry, Job, JobKind, Matrix, Need, NeedKind, Path, Pipeline, Span,
    Stage as Group, Trigger, TriggerKind, Unread, Variable,
};
use crate::pipeline::groovy::tree::{Method, Tree};
use crate::pipeline::groovy::{Call, Statement};

/// What stages inherit from what is around them.
#[derive(Clone)]
struct Around<'t> {
    agent: Agent,
    /// The workspace of the agent, by a name of our own; `None` without an agent.
    workspace: Option<Scope>,
    timeout: Option<At<f64>>,
    lock: Option<Concurrency>,
    no_checkout: bool,
    env: Vec<Variable>,
    condition: Option<At<String>>,
    manual: bool,
    matrix: Option<Matrix>,
    tools: Option<&'t Call>,
    names: String,
    group: Option<usize>,
    /// Sections around that name variables.
    heads: Vec<std::ops::Range<usize>>,
}

struct Builder<'t> {
    text: &'t str,
    pipeline: Pipeline,
    ids: HashSet<String>,
    walk: Walk<'t>,
    flows: Vec<flow::Facts>,
    scopes: usize,
}

/// Makes the graph.
pub fn pipeline(text: &str, tree: &Tree, model: &Model<'_>) -> Pipeline {
    let mut methods: HashMap<&str, &Method> = HashMap::new();
    for statement in &tree.statements {
        if let Statement::Method(method) = statement
            && method.body.find("pipeline").is_none()
        {
            methods.entry(&method.name).or_insert(method);
        }
    }
    let mut pipeline = Pipeline::new(Platform::Jenkins);
    pipeline.entries.push(Entry { name: String::new(), span: Span::new(model.call.span.clone()) });
    let body = model.body;
    let options = sections::options(text, body.find("options"));
    pipeline.concurrency.clone_from(&options.exclusive);
    pipeline.auto_cancel.clone_from(&options.abort_previous);
    pipeline.clone.none = options.no_checkout;
    sections::triggers(text, body.find("triggers"), &mut pipeline.triggers);
    if let Some(call) = body.find("parameters") {
        pipeline.triggers.push(Trigger {
            kind: TriggerKind::Manual,
            name: "parameters".to_owned(),
            branches: Vec::new(),
            tags: Vec::new(),
            paths: Vec::new(),
            path_filter: false,
            cron: Vec::new(),
            span: Span::new(call.span.clone()),
        });
        pipeline.env = sections::parameters(text, Some(call));
    }
    pipeline.env.extend(sections::environment(text, body.find("environment")));
    unread(text, tree, &mut pipeline);

    let agent = body.find("agent").map(|call| sections::agent(text, call)).unwrap_or_default();
    let workspace = (!agent.none && body.find("agent").is_some()).then(|| match &agent.workspace {
        Some(named) => Scope::Named(named.clone()),
        None => Scope::Top,
    });
    let around = Around {
        agent,
        workspace,
        timeout: options.timeout.clone(),
        lock: options.lock.clone(),
        no_checkout: options.no_checkout,
        env: Vec::new(),
        condition: None,
        manual: false,
        matrix: None,
        tools: body.find("tools"),
        names: String::new(),
        group: None,
        heads: Vec::new(),
    };
    let walk = Walk::new(text, &methods);
    let mut builder =
        Builder { text, pipeline, ids: HashSet::new(), walk, flows: Vec::new(), scopes: 0 };
    let exits = builder.sequence(&model.stages, &around, Vec::new());
    if let Some(post) = body.find("post") {
        builder.post(post, &around, &Vec::new(), &exits);
    }
    let Builder { mut pipeline, flows, .. } = builder;
    flow::fill(text, tree, &methods, &mut pipeline, flows);
    pipeline
}

/// Shared libraries: what the steps of the file may mean stands there.
fn unread(text: &str, tree: &Tree, pipeline: &mut Pipeline) {
    for statement in &tree.statements {
        let span = statement.span();
        let written = text.get(span.clone()).unwrap_or_default();
        let library = matches!(statement, Statement::Other { .. })
            && written.starts_with("@Library")
            || matches!(statement, Statement::Call(call) if call.name == "library");
        if library {
            pipeline.unread.push(Unread {
                what: written.to_owned(),
                why: "remote",
                span: Span::new(span),
            });
        }
    }
}

impl<'t> Builder<'t> {
    /// Stages one after the other; gives the jobs that end last.
    fn sequence(
        &mut self,
        stages: &[Stage<'t>],
        around: &Around<'t>,
        mut waits: Vec<usize>,
    ) -> Vec<usize> {
        let mut group = None;
        for stage in stages {
            let groups = self.pipeline.stages.len();
            waits = self.stage(stage, around, waits);
            let made = (self.pipeline.stages.len() > groups).then_some(groups);
            if let (Some(before), Some(made)) = (group, made)
                && let Some(made) = self.pipeline.stages.get_mut(made)
            {
                made.needs.push(before);
            }
            group = made;
        }
        waits
    }

    fn stage(&mut self, stage: &Stage<'t>, around: &Around<'t>, waits: Vec<usize>) -> Vec<usize> {
        let mut inside = self.inside(stage, around);
        if matches!(stage.inner, Inner::Steps) {
            return self.leaf(stage, inside, &waits);
        }
        let id = self.unique(&inside.names);
        // The names of those inside begin with what people see, not with what makes it unique.
        self.ids.remove(&id);
        inside.group = Some(self.pipeline.stages.len());
        self.pipeline.stages.push(Group {
            id,
            needs: Vec::new(),
            explicit: None,
            condition: stage.section("when").and_then(|call| self.source_of(call)),
            span: Span::new(stage.call.span.clone()),
            path: stage.path.clone(),
        });
        let first = self.pipeline.jobs.len();
        let mut exits = match &stage.inner {
            Inner::Sequence(stages) => self.sequence(stages, &inside, waits.clone()),
            Inner::Matrix(block, stages) => {
                let fail_fast =
                    fail_fast(stage.section("failFast")).or(fail_fast(block.find("failFast")));
                let span = Span::new(
                    stage.section("matrix").map_or(block.span.clone(), |call| call.span.clone()),
                );
                let mut cell = inside.clone();
                cell.matrix = Some(sections::matrix(self.text, block, span, fail_fast));
                self.directives(block, &mut cell);
                self.sequence(stages, &cell, waits.clone())
            }
            Inner::Parallel(stages) => {
                let mut exits = Vec::new();
                for branch in stages {
                    exits.extend(self.stage(branch, &inside, waits.clone()));
                }
                exits
            }
            Inner::Steps => Vec::new(),
        };
        if exits.is_empty() {
            exits = waits;
        }
        let in_matrix = match &stage.inner {
            Inner::Matrix(block, _) => block.find("post"),
            _ => None,
        };
        for post in stage.section("post").into_iter().chain(in_matrix) {
            if self.pipeline.jobs.len() > first {
                exits = self.post(post, &inside, &stage.path, &exits);
            }
        }
        exits
    }

    /// What holds in a stage.
    fn inside(&mut self, stage: &Stage<'t>, around: &Around<'t>) -> Around<'t> {
        let mut inside = around.clone();
        inside.names = if around.names.is_empty() {
            stage.name.clone()
        } else {
            format!("{} / {}", around.names, stage.name)
        };
        self.directives(stage.body, &mut inside);
        inside
    }

    /// Takes in the directives of a stage or matrix.
    fn directives(&mut self, body: &'t crate::pipeline::groovy::Block, inside: &mut Around<'t>) {
        if let Some(call) = body.find("agent") {
            let agent = sections::agent(self.text, call);
            if agent.none {
                inside.workspace = None;
            } else if !agent.reuses || inside.workspace.is_none() {
                self.scopes += 1;
                inside.workspace = Some(match &agent.workspace {
                    Some(named) => Scope::Named(named.clone()),
                    None => Scope::Own(self.scopes),
                });
            }
            inside.agent = agent;
        }
        let Options { timeout, lock, no_checkout, .. } =
            sections::options(self.text, body.find("options"));
        inside.timeout = timeout.or(inside.timeout.take());
        inside.lock = lock.or(inside.lock.take());
        inside.no_checkout |= no_checkout;
        inside.env.extend(sections::environment(self.text, body.find("environment")));
        if let Some(call) = body.find("when") {
            inside.condition = self.source_of(call).or(inside.condition.take());
        }
        if body.find("input").is_some() {
            inside.manual = true;
        }
        inside.tools = body.find("tools").or(inside.tools);
        for name in ["when", "environment", "options", "input", "agent", "tools"] {
            inside.heads.extend(body.find(name).map(|call| call.span.clone()));
        }
    }

    fn leaf(&mut self, stage: &Stage<'t>, inside: Around<'t>, waits: &[usize]) -> Vec<usize> {
        if let Some(tools) = inside.tools.filter(|_| inside.workspace.is_some()) {
            self.walk.tools(tools, &stage.path);
        }
        if let Some(block) = stage.section("steps").and_then(|call| call.block.as_ref()) {
            self.walk.steps(block, &stage.path);
        }
        if let Some(block) = stage.section("post").and_then(|call| call.block.as_ref()) {
            self.walk.post(block, &stage.path);
        }
        let found = self.walk.finish();
        let id = self.unique(&inside.names);
        let mut job = Job::new(id, Span::new(stage.call.span.clone()), stage.path.clone());
        let name_span =
            stage.call.arg("name").map_or(stage.call.name_span.clone(), |value| value.span());
        job.key_span = Span::new(name_span);
        if job.id != stage.name {
            job.name = Some(At { value: stage.name.clone(), span: job.key_span });
        }
        self.job(job, found, inside, waits, Some(&stage.body.statements))
    }

    /// The job of a `post` section around several stages.
    fn post(
        &mut self,
        call: &'t Call,
        around: &Around<'t>,
        path: &Path,
        waits: &[usize],
    ) -> Vec<usize> {
        let Some(block) = &call.block else { return waits.to_vec() };
        self.walk.post(block, path);
        let found = self.walk.finish();
        let names = if around.names.is_empty() {
            super::POST.to_owned()
        } else {
            format!("{} / {}", around.names, super::POST)
        };
        let id = self.unique(&names);
        let span = Span::new(call.span.clone());
        let mut job = Job::new(id, span, below(path, &["post"]));
        job.key_span = Span::new(call.name_span.clone());
        let mut around = around.clone();
        around.condition = Some(At { value: "post".to_owned(), span: job.key_span });
        around.manual = false;
        around.matrix = None;
        let exits = self.job(job, found, around, waits, Some(&block.statements));
        if let Some(facts) = self.flows.last_mut() {
            facts.status = true;
        }
        exits
    }

    fn job(
        &mut self,
        mut job: Job,
        found: Found,
        inside: Around<'t>,
        waits: &[usize],
        code: Option<&'t [Statement]>,
    ) -> Vec<usize> {
        job.stage = inside.group;
        job.needs = waits
            .iter()
            .map(|job| Need {
                job: *job,
                kind: NeedKind::Sequence,
                span: None,
                optional: false,
                artifacts: false,
            })
            .collect();
        let fetches = found.steps.iter().any(|step| {
            step.uses
                .as_ref()
                .is_some_and(|uses| matches!(uses.name.as_str(), "checkout" | "git" | "unstash"))
        });
        job.clone.none = (inside.no_checkout || inside.workspace.is_none()) && !fetches;
        let mut facts = flow::Facts::of(code.unwrap_or_default(), &found);
        facts.heads.clone_from(&inside.heads);
        // Without a checkout of its own, a stage works on what is left from before.
        let scope = inside.workspace.clone();
        facts.workspace = match scope {
            Some(Scope::Own(_)) if inside.no_checkout && !fetches => Some(Scope::Top),
            other => other,
        };
        job.runner = inside.agent.runner;
        job.image = inside.agent.image;
        job.services = inside.agent.services;
        job.condition = inside.condition;
        job.manual = inside.manual || found.input;
        job.timeout = found.timeout.or(inside.timeout);
        job.concurrency = found.lock.or(inside.lock);
        job.matrix = inside.matrix;
        job.env = inside.env;
        job.shared = found.shared;
        job.steps = found.steps;
        let names: Vec<&str> = job
            .steps
            .iter()
            .filter_map(|step| step.uses.as_ref())
            .map(|uses| uses.name.as_str())
            .collect();
        let quiet =
            |name: &&str| matches!(*name, "input" | "echo" | "timeout" | "milestone" | "tools");
        if job.steps.iter().all(|step| step.script.is_none())
            && names.iter().all(|name| quiet(name) || *name == "build")
        {
            if names.contains(&"build") {
                job.kind = JobKind::Call;
                let target = job
                    .steps
                    .iter()
                    .filter_map(|step| step.uses.as_ref())
                    .find(|uses| uses.name == "build");
                let input =
                    target.and_then(|uses| uses.inputs.iter().find(|(key, _)| key == "job"));
                job.calls = input.map(|(_, at)| at.clone());
            } else if job.manual {
                job.kind = JobKind::Approval;
            }
        }
        self.flows.push(facts);
        self.pipeline.jobs.push(job);
        vec![self.pipeline.jobs.len() - 1]
    }

    fn unique(&mut self, wanted: &str) -> String {
        let mut id = wanted.to_owned();
        let mut count = 1;
        while !self.ids.insert(id.clone()) {
            count += 1;
            id = format!("{wanted}#{count}");
        }
        id
    }

    /// What stands between the braces of a section.
    fn source_of(&self, call: &Call) -> Option<At<String>> {
        let inner = call.block.as_ref()?.inner();
        let written = self.text.get(inner.clone())?;
        let start = inner.start + (written.len() - written.trim_start().len());
        let value = written.trim().to_owned();
        let span = Span::new(start..start + value.len());
        Some(At { value, span })
    }
}

/// What `failFast` says.
fn fail_fast(call: Option<&Call>) -> Option<bool> {
    let value = call?.first()?;
    match value {
        crate::pipeline::groovy::Value::Name(name, _) => Some(name == "true"),
        _ => None,
    }
}
