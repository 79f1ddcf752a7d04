//! What stages hand to each other: a workspace, stashes, artifacts, variables.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::steps::Found;
use crate::pipeline::graph::{Access, Job, Pipeline, Resource, Span, Step};
use crate::pipeline::groovy::tree::{Method, Tree};
use crate::pipeline::groovy::{Call, Statement, Value};

/// Most jobs of which one variable is said to be read.
const MAX_WRITERS: usize = 64;

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// That of the pipeline's agent.
    Top,
    /// That of a stage's own agent, by number.
    Own(usize),
    /// One with a name (`customWorkspace`).
    Named(String),
}

/// What is known of a job's data.
#[derive(Debug, Default)]
pub struct Facts {
    /// Its workspace.
    pub workspace: Option<Scope>,
    /// Sections around it.
    pub heads: Vec<Range<usize>>,
    /// Whether it depends on what became of the jobs before.
    pub status: bool,
    /// Variables it sets that outlive it, with the place.
    writes: Vec<(String, Range<usize>)>,
    /// Names that it declares for itself.
    local: HashSet<String>,
    /// Methods of the file that it calls.
    methods: Vec<String>,
}

/// Steps that touch no file.
const NO_FILES: [&str; 40] = [
    "echo",
    "sleep",
    "input",
    "milestone",
    "build",
    "timeout",
    "retry",
    "lock",
    "slackSend",
    "mail",
    "emailext",
    "error",
    "unstable",
    "currentBuild",
    "withCredentials",
    "withEnv",
    "catchError",
    "warnError",
    "isUnix",
    "tools",
    "tool",
    "office365ConnectorSend",
    "hipchatSend",
    "pagerduty",
    "pagerdutyChangeEvent",
    "githubNotify",
    "updateGitlabCommitStatus",
    "gitlabCommitStatus",
    "waitUntil",
    "waitForQualityGate",
    "httpRequest",
    "jiraSendBuildInfo",
    "jiraSendDeploymentInfo",
    "container",
    "stage",
    "println",
    "print",
    "pwd",
    "addShortText",
    "telegramSend",
];

/// Steps that mean something only after what stands before them: they wait for a
/// person, for another system, or tell of what happened.
const ORDERED: [&str; 18] = [
    "input",
    "milestone",
    "build",
    "sleep",
    "waitUntil",
    "waitForQualityGate",
    "waitForBuild",
    "httpRequest",
    "slackSend",
    "mail",
    "emailext",
    "office365ConnectorSend",
    "hipchatSend",
    "telegramSend",
    "pagerduty",
    "pagerdutyChangeEvent",
    "jiraSendDeploymentInfo",
    "jiraSendBuildInfo",
];

/// Methods that change the list or map they are called on.
const CHANGES: [&str; 9] =
    ["add", "addAll", "put", "putAll", "remove", "push", "append", "leftShift", "clear"];

impl Facts {
    /// Reads a stage's code.
    pub fn of(code: &[Statement], found: &Found) -> Facts {
        let mut facts = Facts { methods: found.methods.clone(), ..Facts::default() };
        facts.statements(code);
        facts
    }

    fn statements(&mut self, code: &[Statement]) {
        for statement in code {
            match statement {
                Statement::Assign(assign) => {
                    let name = assign.target.as_str();
                    let base = name.split('.').next().unwrap_or(name);
                    if assign.declares {
                        self.local.insert(name.to_owned());
                    } else if let Some(name) = name.strip_prefix("env.") {
                        self.writes.push((name.to_owned(), assign.target_span.clone()));
                    } else if base == "currentBuild" {
                        if name.ends_with(".result") {
                            self.writes
                                .push(("currentBuild".to_owned(), assign.target_span.clone()));
                        }
                    } else {
                        self.writes.push((base.to_owned(), assign.target_span.clone()));
                    }
                    if let Some(value) = &assign.value {
                        self.value(value);
                    }
                }
                // What a stage's `environment` sets is its own.
                Statement::Call(call) if call.name == "environment" => {}
                Statement::Call(call) => self.call(call),
                Statement::Other { children, .. } => self.statements(children),
                Statement::Block(block) => {
                    self.local.extend(block.params.iter().cloned());
                    self.statements(&block.statements);
                }
                Statement::Method(method) => self.statements(&method.body.statements),
            }
        }
    }

    fn call(&mut self, call: &Call) {
        if let Some((base, last)) = call.name.rsplit_once('.')
            && CHANGES.contains(&last)
        {
            let base = base.split('.').next().unwrap_or(base);
            self.writes.push((base.to_owned(), call.name_span.clone()));
        }
        call.args.iter().for_each(|arg| self.value(&arg.value));
        if let Some(block) = &call.block {
            self.local.extend(block.params.iter().cloned());
            self.statements(&block.statements);
        }
        call.chain.iter().for_each(|call| self.call(call));
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Call(call) => self.call(call),
            Value::Closure(block) => {
                self.local.extend(block.params.iter().cloned());
                self.statements(&block.statements);
            }
            Value::List(items, _) => items.iter().for_each(|item| self.value(item)),
            Value::Map(entries, _) => entries.iter().for_each(|entry| self.value(&entry.value)),
            Value::Other(_, children) => self.statements(children),
            Value::Text(_) | Value::Joined(..) | Value::Name(..) | Value::Number(..) => {}
        }
    }
}

/// Fills in what the jobs read and write.
pub fn fill(
    text: &str,
    tree: &Tree,
    methods: &HashMap<&str, &Method>,
    pipeline: &mut Pipeline,
    mut flows: Vec<Facts>,
) {
    // What a method sets, the stage sets that calls it.
    let mut ranges: Vec<Vec<Range<usize>>> = Vec::new();
    for (facts, job) in flows.iter_mut().zip(&pipeline.jobs) {
        let mut own = vec![job.span.range()];
        own.append(&mut facts.heads);
        let mut seen = HashSet::new();
        for name in std::mem::take(&mut facts.methods) {
            if let Some(method) = methods.get(name.as_str())
                && seen.insert(name)
            {
                let mut inner = Facts::default();
                inner.statements(&method.body.statements);
                let Facts { writes, local, .. } = inner;
                facts.writes.extend(writes.into_iter().filter(|(name, _)| !local.contains(name)));
                own.push(method.span.clone());
            }
        }
        let local = std::mem::take(&mut facts.local);
        facts.writes.retain(|(name, _)| !local.contains(name));
        ranges.push(own);
    }
    let mut writers: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, facts) in flows.iter().enumerate() {
        for (name, _) in &facts.writes {
            let of = writers.entry(name.clone()).or_default();
            if of.last() != Some(&place) {
                of.push(place);
            }
        }
    }
    let ids: Vec<String> = pipeline.jobs.iter().map(|job| job.id.clone()).collect();
    let mut shared: HashMap<&Scope, usize> = HashMap::new();
    for scope in flows.iter().filter_map(|facts| facts.workspace.as_ref()) {
        *shared.entry(scope).or_default() += 1;
    }
    for (place, (job, facts)) in pipeline.jobs.iter_mut().zip(&flows).enumerate() {
        let mut told = HashSet::new();
        for (name, span) in &facts.writes {
            if told.insert(name.as_str()) {
                let what = Resource::Output(job.id.clone(), name.clone());
                job.writes.push(Access { what, span: Span::new(span.clone()) });
            }
        }
        let mut read = HashSet::new();
        for range in ranges.get(place).into_iter().flatten() {
            mentions(text, &tree.comments, range, &mut |name, span| {
                if name == "currentBuild" && read.insert(name.to_owned()) {
                    job.reads.push(Access {
                        what: Resource::Status(String::new()),
                        span: Span::new(span.clone()),
                    });
                }
                let Some(of) = writers.get(name) else { return };
                if told.contains(name) && of.len() == 1 || !read.insert(name.to_owned()) {
                    return;
                }
                // Those before it, the nearest first: later ones hand nothing to it.
                let before = of.iter().rev().filter(|writer| **writer < place);
                for writer in before.take(MAX_WRITERS) {
                    let id = ids.get(*writer).cloned().unwrap_or_default();
                    let what = Resource::Output(id, name.to_owned());
                    job.reads.push(Access { what, span: Span::new(span.clone()) });
                }
            });
        }
        let ordered = job.steps.iter().any(|step| {
            step.uses.as_ref().is_some_and(|uses| ORDERED.contains(&uses.name.as_str()))
        });
        if (facts.status || ordered) && !read.contains("currentBuild") {
            job.reads.push(Access { what: Resource::Status(String::new()), span: job.key_span });
        }
        if let Some(scope) = &facts.workspace
            && job.steps.iter().any(touches_files)
        {
            let name = match scope {
                Scope::Top => Some(String::new()),
                Scope::Named(name) => Some(name.clone()),
                Scope::Own(number) => shared
                    .get(scope)
                    .is_some_and(|jobs| *jobs > 1)
                    .then(|| format!("agent {number}")),
            };
            if let Some(name) = name {
                let access = Access { what: Resource::Workspace(name), span: job.key_span };
                job.reads.push(access.clone());
                job.writes.push(access);
            }
        }
        hand_over(job);
    }
}

/// Whether a step may touch a file of the workspace.
fn touches_files(step: &Step) -> bool {
    step.script.is_some()
        || step.uses.as_ref().is_some_and(|uses| !NO_FILES.contains(&uses.name.as_str()))
}

/// Stashes and artifacts.
fn hand_over(job: &mut Job) {
    let mut reads = Vec::new();
    let mut writes = Vec::new();
    for step in &job.steps {
        let Some(uses) = &step.uses else { continue };
        let named = |key: &str| {
            let (name, span) = match uses.inputs.iter().find(|(input, _)| input == key) {
                Some((_, at)) => (at.value.clone(), at.span),
                None => (String::new(), uses.span),
            };
            Access { what: Resource::Artifact(name), span }
        };
        match uses.name.as_str() {
            "stash" => writes.push(named("name")),
            "unstash" => reads.push(named("name")),
            "archiveArtifacts" => writes.push(named("artifacts")),
            "unarchive" => {
                reads.push(Access { what: Resource::Artifact(String::new()), span: uses.span });
            }
            "copyArtifacts" => {
                let project = uses.input("projectName").unwrap_or_default();
                if project.contains("JOB_NAME") || project.contains("env.") {
                    reads.push(Access { what: Resource::Artifact(String::new()), span: uses.span });
                }
            }
            _ => {}
        }
    }
    job.reads.append(&mut reads);
    job.writes.append(&mut writes);
}

/// Names in a range of the text, those in strings too, comments left out.
fn mentions(
    text: &str,
    comments: &[Range<usize>],
    range: &Range<usize>,
    tell: &mut impl FnMut(&str, Range<usize>),
) {
    let bytes = text.as_bytes();
    let mut at = range.start;
    let mut next = comments.partition_point(|comment| comment.end <= at);
    let end = range.end.min(bytes.len());
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    while at < end {
        if let Some(comment) = comments.get(next)
            && comment.start <= at
        {
            at = comment.end.max(at + 1);
            next += 1;
            continue;
        }
        let start = at;
        while at < end && bytes.get(at).copied().is_some_and(is_word) {
            at += 1;
        }
        if at > start {
            tell(text.get(start..at).unwrap_or_default(), start..at);
        } else {
            at += 1;
        }
    }
}
