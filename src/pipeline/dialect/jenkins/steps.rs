//! Steps of a stage, in order, those in wrappers and Groovy code included.

use std::collections::HashMap;

use super::sections::{lock, minutes, plain};
use crate::pipeline::graph::{
    At, Concurrency, Path, Phase, Script, Seg, Span, Step, Use, Variable,
};
use crate::pipeline::groovy::tree::{CONTROL, Method};
use crate::pipeline::groovy::{Arg, Block, Call, Statement, Value};

/// Most steps of one file; methods are walked into where they are called.
const MAX_STEPS: usize = 50_000;
/// How far calls of the file's own methods are followed.
const MAX_CALLS: usize = 4;

/// What a walk over steps knows and finds.
pub struct Walk<'t> {
    text: &'t str,
    methods: &'t HashMap<&'t str, &'t Method>,
    /// Images by the variables that hold them, from stage to stage.
    images: HashMap<String, String>,
    total: usize,
    /// Of the stage that is walked now.
    pub found: Found,
}

/// What was found in a stage.
#[derive(Debug, Default)]
pub struct Found {
    /// Its steps.
    pub steps: Vec<Step>,
    /// The first `lock`.
    pub lock: Option<Concurrency>,
    /// A `timeout` around all steps.
    pub timeout: Option<At<f64>>,
    /// Whether a person is asked.
    pub input: bool,
    /// Whether steps of a method elsewhere in the file were taken in.
    pub shared: bool,
    /// Names of methods of the file that it calls.
    pub methods: Vec<String>,
}

#[derive(Clone, Default)]
struct Around {
    env: Vec<Variable>,
    condition: Option<At<String>>,
    soft: bool,
    phase: Phase,
    calls: usize,
    path: Path,
}

/// The parameter that a step's single argument without a name stands for.
fn parameter(step: &str) -> &'static str {
    match step {
        "sh" | "bat" | "powershell" | "pwsh" => "script",
        "echo" | "error" | "input" | "unstable" | "slackSend" => "message",
        "stash" | "unstash" | "tool" | "container" | "dockerNode" => "name",
        "archiveArtifacts" => "artifacts",
        "junit" => "testResults",
        "dir" | "ws" => "path",
        "git" => "url",
        "build" => "job",
        "readFile" | "fileExists" | "writeFile" => "file",
        "lock" => "resource",
        "timeout" | "sleep" => "time",
        "retry" => "count",
        "withEnv" => "overrides",
        "withCredentials" => "bindings",
        "sshagent" => "credentials",
        "checkout" => "scm",
        "docker.build" | "docker.image" => "image",
        "docker.withRegistry" => "url",
        "copyArtifacts" => "projectName",
        _ => "",
    }
}

impl<'t> Walk<'t> {
    /// A walk over a file with these methods of its own.
    pub fn new(text: &'t str, methods: &'t HashMap<&'t str, &'t Method>) -> Self {
        Walk { text, methods, images: HashMap::new(), total: 0, found: Found::default() }
    }

    /// Walks the block of a stage's `steps`.
    pub fn steps(&mut self, block: &Block, path: &Path) {
        let mut calls = block.calls();
        if let (Some(only), None) = (calls.next(), calls.next())
            && only.name == "timeout"
            && block.statements.len() == 1
        {
            self.found.timeout = minutes(only);
        }
        let around = Around { path: below(path, &["steps"]), ..Around::default() };
        self.block(block, &around);
    }

    /// Walks `post { … }` of a stage or pipeline.
    pub fn post(&mut self, block: &Block, path: &Path) {
        for call in block.calls() {
            let Some(body) = &call.block else { continue };
            let name = call.name.as_str();
            let phase = match name {
                "success" => Phase::Main,
                "failure" | "unsuccessful" | "aborted" | "unstable" | "regression" => {
                    Phase::Failure
                }
                _ => Phase::Always,
            };
            let plain = matches!(name, "always" | "failure" | "cleanup");
            let condition = (!plain)
                .then(|| At { value: name.to_owned(), span: Span::new(call.name_span.clone()) });
            let around = Around {
                path: below(path, &["post", name]),
                phase,
                condition,
                ..Around::default()
            };
            self.block(body, &around);
        }
    }

    /// Tools of a stage, as one step.
    pub fn tools(&mut self, call: &Call, path: &Path) {
        let Some(block) = &call.block else { return };
        let mut step = Step::new(Span::new(call.span.clone()), below(path, &["tools"]));
        let inputs = block.calls().filter_map(|tool| {
            tool.first().map(|value| (tool.name.clone(), super::sections::at(self.text, value)))
        });
        step.uses = Some(Use {
            name: "tools".to_owned(),
            version: None,
            inputs: inputs.collect(),
            span: Span::new(call.name_span.clone()),
        });
        self.push(step);
    }

    /// Ends the stage: gives what was found, handlers after the main steps.
    pub fn finish(&mut self) -> Found {
        let mut found = std::mem::take(&mut self.found);
        found.steps.sort_by_key(|step| u8::from(step.phase != Phase::Main));
        found
    }

    fn push(&mut self, step: Step) {
        if self.total < MAX_STEPS {
            self.total += 1;
            self.found.steps.push(step);
        }
    }

    fn block(&mut self, block: &Block, around: &Around) {
        for statement in &block.statements {
            self.statement(statement, around);
        }
    }

    fn statement(&mut self, statement: &Statement, around: &Around) {
        match statement {
            Statement::Call(call) => self.call(call, around),
            Statement::Assign(assign) => {
                if let Some(value) = &assign.value {
                    if let Value::Call(call) = value
                        && matches!(call.name.as_str(), "docker.build" | "docker.image")
                        && let Some(image) = call.first()
                    {
                        self.images.insert(assign.target.clone(), plain(self.text, image));
                    }
                    self.value(value, around);
                }
            }
            Statement::Other { children, .. } => {
                for child in children {
                    self.statement(child, around);
                }
            }
            Statement::Block(block) => self.block(block, around),
            // A method runs where it is called.
            Statement::Method(_) => {}
        }
    }

    fn value(&mut self, value: &Value, around: &Around) {
        match value {
            Value::Call(call) => self.call(call, around),
            Value::Closure(block) => self.block(block, around),
            Value::List(items, _) => items.iter().for_each(|item| self.value(item, around)),
            Value::Map(entries, _) => {
                entries.iter().for_each(|entry| self.value(&entry.value, around));
            }
            Value::Other(_, children) => {
                children.iter().for_each(|child| self.statement(child, around));
            }
            Value::Text(_) | Value::Joined(..) | Value::Name(..) | Value::Number(..) => {}
        }
    }

    fn call(&mut self, call: &Call, around: &Around) {
        let name = call.name.strip_prefix("this.").or(call.name.strip_prefix("steps."));
        let name = name.unwrap_or(&call.name);
        if CONTROL.contains(&name) {
            return self.control(call, around);
        }
        match name {
            "script" | "steps" | "timestamps" | "ansiColor" | "parallel" | "_" | "echo.call" => {
                call.args.iter().for_each(|arg| self.value(&arg.value, around));
                if let Some(block) = &call.block {
                    self.block(block, around);
                }
                return;
            }
            "sh" | "bat" | "powershell" | "pwsh" => return self.script(name, call, around),
            "scm" | "node" if call.block.is_none() => return,
            _ => {}
        }
        if let Some(method) = self.methods.get(name).copied()
            && around.calls < MAX_CALLS
            && self.total < MAX_STEPS
        {
            let before = self.found.steps.len();
            self.found.methods.push(name.to_owned());
            call.args.iter().for_each(|arg| self.value(&arg.value, around));
            let deeper = Around { calls: around.calls + 1, ..around.clone() };
            self.block(&method.body, &deeper);
            if let Some(block) = &call.block {
                self.block(block, around);
            }
            self.found.shared |= self.found.steps.len() > before;
            return;
        }
        // `name.push()` on an image that was built or named before.
        if let Some((holder, "push")) = name.rsplit_once('.')
            && let Some(image) = self.images.get(holder).cloned()
        {
            let value = At {
                value: tagged(&image, call.first().and_then(Value::text)),
                span: Span::new(call.name_span.clone()),
            };
            return self.uses("docker.push", vec![("image".to_owned(), value)], call, around);
        }
        let mut inner = around.clone();
        let text = self.text;
        match name {
            "withEnv" => {
                let items = match call.arg("overrides") {
                    Some(Value::List(items, _)) => items.as_slice(),
                    _ => &[],
                };
                for item in items {
                    let written = plain(text, item);
                    if let Some((name, value)) = written.split_once('=') {
                        let span = Span::new(item.span());
                        inner.env.push(Variable {
                            name: name.to_owned(),
                            value: value.to_owned(),
                            span,
                        });
                    }
                }
            }
            "withCredentials" => inner.env.extend(self.credentials(call)),
            "catchError" | "warnError" => inner.soft = true,
            "lock" => {
                self.found.lock.get_or_insert_with(|| lock(text, call));
            }
            "input" => self.found.input = true,
            _ => {}
        }
        let mut inputs = self.inputs(name, &call.args);
        let mut full = name.to_owned();
        // `docker.image('x').inside { … }`.
        if name == "docker.image" || name == "docker.build" {
            for linked in &call.chain {
                if linked.block.is_some() && name == "docker.image" {
                    full = format!("{name}.{}", linked.name);
                    inputs.extend(self.inputs("", &linked.args));
                }
            }
        }
        self.uses(&full, inputs, call, around);
        for arg in &call.args {
            // Bindings and remotes are no steps.
            if !matches!(name, "withCredentials" | "checkout" | "properties") {
                self.argument(&arg.value, around);
            }
        }
        if let Some(block) = &call.block {
            self.block(block, &inner);
        }
        for linked in &call.chain {
            if linked.name == "push"
                && matches!(name, "docker.build" | "docker.image")
                && let Some(image) = call.first()
            {
                let value = tagged(&plain(self.text, image), linked.first().and_then(Value::text));
                let value = At { value, span: Span::new(image.span()) };
                self.uses("docker.push", vec![("image".to_owned(), value)], linked, around);
            }
            linked.args.iter().for_each(|arg| self.argument(&arg.value, around));
            if let Some(block) = &linked.block {
                self.block(block, &inner);
            }
        }
    }

    /// In arguments only closures and scripts are steps; other calls make values.
    fn argument(&mut self, value: &Value, around: &Around) {
        match value {
            Value::Call(call) => {
                if matches!(
                    call.name.as_str(),
                    "sh" | "bat" | "powershell" | "pwsh" | "input" | "build"
                ) {
                    self.call(call, around);
                } else {
                    call.args.iter().for_each(|arg| self.argument(&arg.value, around));
                    if let Some(block) = &call.block {
                        self.block(block, around);
                    }
                }
            }
            Value::Other(_, children) => {
                for child in children {
                    match child {
                        Statement::Call(call) => {
                            self.argument(&Value::Call(Box::new(call.clone())), around)
                        }
                        other => self.statement(other, around),
                    }
                }
            }
            Value::Closure(_) => self.value(value, around),
            Value::List(items, _) => items.iter().for_each(|item| self.argument(item, around)),
            Value::Map(entries, _) => {
                entries.iter().for_each(|entry| self.argument(&entry.value, around));
            }
            Value::Text(_) | Value::Joined(..) | Value::Name(..) | Value::Number(..) => {}
        }
    }

    fn control(&mut self, call: &Call, around: &Around) {
        call.args.iter().for_each(|arg| self.argument(&arg.value, around));
        let Some(block) = &call.block else { return };
        let mut inner = around.clone();
        match call.name.as_str() {
            "if" | "else" => {
                let span = call.parens.clone().unwrap_or(call.name_span.clone());
                let value = self.text.get(span.clone()).unwrap_or_default().to_owned();
                inner.condition = Some(At { value, span: Span::new(span) });
            }
            "catch" if around.phase == Phase::Main => inner.phase = Phase::Failure,
            "finally" if around.phase == Phase::Main => inner.phase = Phase::Always,
            _ => {}
        }
        self.block(block, &inner);
    }

    fn script(&mut self, name: &str, call: &Call, around: &Around) {
        let value = call.arg("script");
        let mut step = self.step(call.span.clone(), around);
        step.name = call.named("label").map(|value| plain(self.text, value));
        let status = call.named("returnStatus");
        step.soft_fail |= matches!(status, Some(Value::Name(value, _)) if value == "true");
        let span = value.map_or(call.head(), Value::span);
        let mut path = step.path.clone();
        path.push(Seg::Key("script".to_owned()));
        step.script = Some(Script {
            text: value.map(|value| plain(self.text, value)).unwrap_or_default(),
            shell: (name != "sh").then(|| name.to_owned()),
            span: Span::new(span),
            path,
        });
        self.push(step);
        call.args.iter().for_each(|arg| self.argument(&arg.value, around));
    }

    fn uses(
        &mut self,
        name: &str,
        inputs: Vec<(String, At<String>)>,
        call: &Call,
        around: &Around,
    ) {
        let span = if call.block.is_some() { call.head() } else { call.span.clone() };
        let mut step = self.step(span, around);
        step.uses = Some(Use {
            name: name.to_owned(),
            version: None,
            inputs,
            span: Span::new(call.name_span.clone()),
        });
        self.push(step);
    }

    fn step(&self, span: std::ops::Range<usize>, around: &Around) -> Step {
        let mut path = around.path.clone();
        path.push(Seg::Index(self.found.steps.len()));
        let mut step = Step::new(Span::new(span), path);
        step.env.clone_from(&around.env);
        step.condition.clone_from(&around.condition);
        step.soft_fail = around.soft;
        step.phase = around.phase;
        step
    }

    fn inputs(&self, name: &str, args: &[Arg]) -> Vec<(String, At<String>)> {
        let mut place = 0;
        args.iter()
            .map(|arg| {
                let key = arg.key.clone().unwrap_or_else(|| {
                    place += 1;
                    match (place, parameter(name)) {
                        (1, known) if !known.is_empty() => known.to_owned(),
                        _ => (place - 1).to_string(),
                    }
                });
                (key, super::sections::at(self.text, &arg.value))
            })
            .collect()
    }

    /// Variables that `withCredentials` sets.
    fn credentials(&self, call: &Call) -> Vec<Variable> {
        let items = match call.arg("bindings") {
            Some(Value::List(items, _)) => items.as_slice(),
            _ => &[],
        };
        let mut found = Vec::new();
        for item in items {
            let args = match item {
                Value::Call(binding) => binding.args.as_slice(),
                Value::Map(entries, _) => entries.as_slice(),
                _ => &[],
            };
            let id = args.iter().find(|arg| arg.key.as_deref() == Some("credentialsId"));
            let id = id.map(|arg| plain(self.text, &arg.value)).unwrap_or_default();
            for arg in args {
                let key = arg.key.as_deref().unwrap_or_default();
                if key == "variable" || key.ends_with("Variable") {
                    found.push(Variable {
                        name: plain(self.text, &arg.value),
                        value: format!("credentials('{id}')"),
                        span: Span::new(arg.value.span()),
                    });
                }
            }
        }
        found
    }
}

fn tagged(image: &str, tag: Option<&str>) -> String {
    let Some(tag) = tag else { return image.to_owned() };
    let name = image
        .rsplit_once(':')
        .map_or(image, |(name, last)| if last.contains('/') { image } else { name });
    format!("{name}:{tag}")
}

pub(super) fn below(path: &Path, keys: &[&str]) -> Path {
    let mut below = path.clone();
    below.extend(keys.iter().map(|key| Seg::Key((*key).to_owned())));
    below
}
