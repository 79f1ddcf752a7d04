//! Directives of a pipeline or stage: agent, options, environment, triggers,
//! parameters, matrix.

use crate::pipeline::graph::{
    At, Concurrency, Matrix, Os, Runner, Span, Trigger, TriggerKind, Variable,
};
use crate::pipeline::groovy::{Block, Call, Statement, Value};

/// Where a stage runs.
#[derive(Debug, Clone, Default)]
pub struct Agent {
    /// Whether it is `none`.
    pub none: bool,
    /// Labels and system.
    pub runner: Runner,
    /// The container image.
    pub image: Option<At<String>>,
    /// Images beside it, of a pod.
    pub services: Vec<String>,
    /// Whether it runs in the workspace of the agent around it (`reuseNode true`).
    pub reuses: bool,
    /// `customWorkspace`.
    pub workspace: Option<String>,
}

/// A value as text: a string's own, else as written.
pub fn plain(text: &str, value: &Value) -> String {
    match value {
        Value::Text(found) => found.value.clone(),
        Value::Joined(parts, _) => parts.iter().map(|part| part.value.as_str()).collect(),
        other => text.get(other.span()).unwrap_or_default().to_owned(),
    }
}

/// A value as text with its place.
pub fn at(text: &str, value: &Value) -> At<String> {
    At { value: plain(text, value), span: Span::new(value.span()) }
}

/// Reads `agent …`.
pub fn agent(text: &str, call: &Call) -> Agent {
    let mut agent = Agent::default();
    agent.runner.span = Some(Span::new(call.span.clone()));
    agent.runner.self_hosted = true;
    match call.first() {
        Some(Value::Name(name, _)) if name == "none" => {
            agent.none = true;
            agent.runner.self_hosted = false;
            return agent;
        }
        Some(Value::Name(name, _)) => agent.runner.labels.push(name.clone()),
        Some(Value::Call(inner)) => kind(text, inner, &mut agent),
        _ => {}
    }
    if let Some(block) = &call.block {
        for inner in block.calls() {
            kind(text, inner, &mut agent);
        }
    }
    agent
}

fn kind(text: &str, call: &Call, agent: &mut Agent) {
    let label = |agent: &mut Agent, value: &Value| {
        let label = plain(text, value);
        agent.runner.os = os(&label);
        if !label.is_empty() {
            agent.runner.labels.push(label);
        }
    };
    let block = call.block.as_ref();
    let inner = |name: &str| {
        let nested = block.and_then(|block| block.find(name)).and_then(|call| call.first());
        nested.or_else(|| call.named(name))
    };
    match call.name.as_str() {
        "label" => {
            if let Some(value) = call.first() {
                label(agent, value);
            }
            return;
        }
        "node" => {
            if let Some(value) = inner("label") {
                label(agent, value);
            }
        }
        "docker" | "dockerfile" | "dockerContainer" => {
            agent.runner.self_hosted = false;
            let image =
                inner("image").or_else(|| if call.name == "docker" { call.first() } else { None });
            agent.image = image.map(|value| at(text, value));
            if let Some(value) = inner("label") {
                label(agent, value);
            }
            agent.runner.os.get_or_insert(Os::Linux);
            agent.reuses =
                matches!(inner("reuseNode"), Some(Value::Name(value, _)) if value == "true");
            if call.name == "dockerfile" {
                let file =
                    inner("filename").map_or("Dockerfile".to_owned(), |value| plain(text, value));
                agent.runner.labels.push(format!("dockerfile:{file}"));
            }
        }
        "kubernetes" => {
            agent.runner.self_hosted = false;
            agent.runner.labels.push("kubernetes".to_owned());
            agent.runner.os = Some(Os::Linux);
            if let Some(value) = inner("yaml") {
                pod(
                    &plain(text, value),
                    inner("defaultContainer").and_then(Value::text),
                    value,
                    agent,
                );
            }
        }
        name => agent.runner.labels.push(name.to_owned()),
    }
    agent.workspace = inner("customWorkspace").map(|value| plain(text, value));
}

/// Containers of a pod, from the lines `name:` and `image:` of its YAML.
fn pod(yaml: &str, default: Option<&str>, value: &Value, agent: &mut Agent) {
    let mut name = String::new();
    let mut images: Vec<(String, String)> = Vec::new();
    for line in yaml.lines() {
        let line = line.trim_start().trim_start_matches("- ").trim();
        let unquoted = |rest: &str| rest.trim().trim_matches(['"', '\'']).to_owned();
        if let Some(rest) = line.strip_prefix("name:") {
            name = unquoted(rest);
            // The name may stand behind the image.
            if let Some(last) = images.last_mut().filter(|last| last.0.is_empty()) {
                last.0.clone_from(&name);
            }
        } else if let Some(rest) = line.strip_prefix("image:") {
            images.push((std::mem::take(&mut name), unquoted(rest)));
        }
    }
    let main = default.and_then(|wanted| images.iter().position(|(name, _)| name == wanted));
    let main = main.or(if images.len() == 1 { Some(0) } else { None });
    for (place, (_, image)) in images.into_iter().enumerate() {
        if Some(place) == main {
            agent.image = Some(At { value: image, span: Span::new(value.span()) });
        } else {
            agent.services.push(image);
        }
    }
}

fn os(label: &str) -> Option<Os> {
    let label = label.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| label.contains(word));
    if label.contains('!') || label.contains("||") {
        return None;
    }
    if has(&["macos", "osx", "darwin", "mac-"]) || label == "mac" {
        return Some(Os::MacOs);
    }
    if has(&["windows"]) || label == "win" || label.starts_with("win-") {
        return Some(Os::Windows);
    }
    has(&["linux", "ubuntu", "debian", "centos", "rhel", "alpine", "docker"]).then_some(Os::Linux)
}

/// What the options of a pipeline or stage say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Minutes.
    pub timeout: Option<At<f64>>,
    /// `lock(…)`.
    pub lock: Option<Concurrency>,
    /// `disableConcurrentBuilds(…)`.
    pub exclusive: Option<Concurrency>,
    /// `abortPrevious`.
    pub abort_previous: Option<At<bool>>,
    /// `skipDefaultCheckout()`.
    pub no_checkout: bool,
}

/// Reads `options { … }`.
pub fn options(text: &str, call: Option<&Call>) -> Options {
    let mut found = Options::default();
    let Some(block) = call.and_then(|call| call.block.as_ref()) else { return found };
    for option in block.calls() {
        match option.name.as_str() {
            "timeout" => found.timeout = minutes(option),
            "lock" => found.lock = Some(lock(text, option)),
            "disableConcurrentBuilds" => {
                let span = Span::new(option.span.clone());
                let cancel = option.named("abortPrevious");
                found.abort_previous = cancel.map(|value| At {
                    value: plain(text, value) == "true",
                    span: Span::new(value.span()),
                });
                found.exclusive = Some(Concurrency {
                    group: option.name.clone(),
                    cancel: cancel.map(|value| plain(text, value)),
                    span,
                });
            }
            "skipDefaultCheckout" => {
                found.no_checkout =
                    !matches!(option.first(), Some(Value::Name(value, _)) if value == "false");
            }
            _ => {}
        }
    }
    found
}

/// A `lock(…)` as a group of runs.
pub fn lock(text: &str, call: &Call) -> Concurrency {
    let resource = call.named("resource").or_else(|| call.named("label")).or_else(|| call.first());
    Concurrency {
        group: resource.map(|value| plain(text, value)).unwrap_or_default(),
        cancel: None,
        span: Span::new(call.head()),
    }
}

/// The minutes of `timeout(…)`, if they are a plain number.
pub fn minutes(call: &Call) -> Option<At<f64>> {
    let Some(Value::Number(number, _)) = call.arg("time") else { return None };
    let number: f64 = number.replace('_', "").parse().ok()?;
    let factor = match call.named("unit").and_then(Value::text).unwrap_or("MINUTES") {
        "NANOSECONDS" => 1e-9 / 60.0,
        "MICROSECONDS" => 1e-6 / 60.0,
        "MILLISECONDS" => 1e-3 / 60.0,
        "SECONDS" => 1.0 / 60.0,
        "MINUTES" => 1.0,
        "HOURS" => 60.0,
        "DAYS" => 1440.0,
        _ => return None,
    };
    Some(At { value: number * factor, span: Span::new(call.head()) })
}

/// Reads `environment { … }`.
pub fn environment(text: &str, call: Option<&Call>) -> Vec<Variable> {
    let mut found = Vec::new();
    let Some(block) = call.and_then(|call| call.block.as_ref()) else { return found };
    for statement in &block.statements {
        if let Statement::Assign(assign) = statement
            && let Some(value) = &assign.value
        {
            found.push(Variable {
                name: assign.target.clone(),
                value: plain(text, value),
                span: Span::new(value.span()),
            });
        }
    }
    found
}

/// Reads `triggers { … }`.
pub fn triggers(text: &str, call: Option<&Call>, found: &mut Vec<Trigger>) {
    let Some(block) = call.and_then(|call| call.block.as_ref()) else { return };
    for call in block.calls() {
        let kind = match call.name.as_str() {
            "cron" | "parameterizedCron" => TriggerKind::Schedule,
            "pollSCM" | "githubPush" | "gitlab" | "bitbucketPush" | "bitBucketTrigger" => {
                TriggerKind::Push
            }
            "upstream" => TriggerKind::Pipeline,
            "githubPullRequests" | "issueCommentTrigger" | "ghprb" => TriggerKind::Change,
            _ => TriggerKind::Other,
        };
        let clock = matches!(call.name.as_str(), "cron" | "parameterizedCron" | "pollSCM");
        let cron = call.first().or_else(|| call.args.first().map(|arg| &arg.value));
        found.push(Trigger {
            kind,
            name: call.name.clone(),
            branches: Vec::new(),
            tags: Vec::new(),
            paths: Vec::new(),
            path_filter: false,
            cron: cron.filter(|_| clock).map(|value| plain(text, value)).into_iter().collect(),
            span: Span::new(call.span.clone()),
        });
    }
}

/// Reads `parameters { … }`: they reach the steps as variables.
pub fn parameters(text: &str, call: Option<&Call>) -> Vec<Variable> {
    let mut found = Vec::new();
    let Some(block) = call.and_then(|call| call.block.as_ref()) else { return found };
    for call in block.calls() {
        let Some(name) = call.arg("name") else { continue };
        let choices = call.named("choices");
        let value = call.named("defaultValue").or(choices);
        found.push(Variable {
            name: plain(text, name),
            value: value.map(|value| plain(text, value)).unwrap_or_default(),
            span: Span::new(value.map_or_else(|| call.span.clone(), Value::span)),
        });
    }
    found
}

/// Reads the axes of `matrix { … }`, and counts its cells without those excluded.
pub fn matrix(text: &str, block: &Block, span: Span, fail_fast: Option<bool>) -> Matrix {
    let mut axes: Vec<(String, Vec<String>)> = Vec::new();
    for axis in axes_of(block.find("axes")) {
        axes.push((
            axis.0.unwrap_or_default(),
            axis.1.into_iter().map(|value| plain(text, value)).collect(),
        ));
    }
    let excludes: Vec<Vec<(String, Vec<String>, bool)>> = block
        .find("excludes")
        .and_then(|call| call.block.as_ref())
        .map(|block| {
            let excludes = block.calls().filter(|call| call.name == "exclude");
            excludes.map(|call| exclude(text, call)).collect()
        })
        .unwrap_or_default();
    let size = axes.iter().try_fold(1usize, |size, axis| size.checked_mul(axis.1.len()));
    let cells = size.map(|size| {
        if size > 5_000 || excludes.is_empty() { size } else { count(&axes, &excludes, size) }
    });
    Matrix { cells, axes, fail_fast, span }
}

type Axis<'t> = (Option<String>, Vec<&'t Value>, bool);

/// Axes with their values, and whether those are meant as all others (`notValues`).
fn axes_of(call: Option<&Call>) -> Vec<Axis<'_>> {
    let Some(block) = call.and_then(|call| call.block.as_ref()) else { return Vec::new() };
    let axes =
        block.calls().filter(|call| call.name == "axis").filter_map(|call| call.block.as_ref());
    axes.map(|axis| {
        let name = axis.find("name").and_then(|call| call.first()).and_then(Value::text);
        let not = axis.find("notValues");
        let values = axis.find("values").or(not);
        let values = values.map(|call| call.args.iter().map(|arg| &arg.value).collect());
        (name.map(str::to_owned), values.unwrap_or_default(), not.is_some())
    })
    .collect()
}

fn exclude(text: &str, call: &Call) -> Vec<(String, Vec<String>, bool)> {
    axes_of(Some(call))
        .into_iter()
        .map(|(name, values, not)| {
            (
                name.unwrap_or_default(),
                values.into_iter().map(|value| plain(text, value)).collect(),
                not,
            )
        })
        .collect()
}

fn count(
    axes: &[(String, Vec<String>)],
    excludes: &[Vec<(String, Vec<String>, bool)>],
    size: usize,
) -> usize {
    (0..size)
        .filter(|cell| {
            let mut rest = *cell;
            let values: Vec<(&str, &str)> = axes
                .iter()
                .map(|(name, values)| {
                    let value = values.get(rest % values.len().max(1)).map_or("", String::as_str);
                    rest /= values.len().max(1);
                    (name.as_str(), value)
                })
                .collect();
            !excludes.iter().any(|exclude| {
                !exclude.is_empty()
                    && exclude.iter().all(|(name, wanted, not)| {
                        let value =
                            values.iter().find(|(axis, _)| axis == name).map(|found| found.1);
                        value.is_some_and(|value| {
                            wanted.iter().any(|wanted| wanted == value) != *not
                        })
                    })
            })
        })
        .count()
}
