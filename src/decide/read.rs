//! A spec of `pipewright.verify/1`, YAML or JSON, read and validated. Every problem is
//! told at once, each with its path and what to do.

mod fields;
mod point;
mod raw;
mod signal;
#[cfg(test)]
mod tests;
mod words;

use serde::de::DeserializeSeed;
use serde_json::Value;

use super::spec::{
    ChangeKind, Concurrent, Deployment, Instance, Logs, Policy, Rollback, Source, Spec, State,
    Strategy, Windows,
};
use crate::pipeline::yaml;
use fields::{Fields, Notes, cut};
use raw::{Raw, SpecSeed};

/// The schema that is read.
const SCHEMA: &str = "pipewright.verify/1";

/// What is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `deployment.started_at`, `signals[0].limit`; empty for the whole file.
    pub path: String,
    /// What, and what to do about it.
    pub why: String,
}

/// Reads a spec. A text that starts with a brace is JSON, or else YAML.
///
/// # Errors
/// All that is wrong with it.
pub fn read(text: &str) -> Result<Spec, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw = parse(text).map_err(|why| vec![Problem { path: String::new(), why }])?;
    let mut notes = Notes::default();
    for (path, why) in raw.problems.iter() {
        notes.problem(path.clone(), why.clone());
    }
    let mut spec = validate(raw, &mut notes);
    if notes.problems.is_empty() {
        spec.remarks = notes.remarks;
        Ok(spec)
    } else {
        Err(notes.problems)
    }
}

fn parse(text: &str) -> Result<Raw, String> {
    if text.trim_start().is_empty() {
        return Err("the spec is empty: it needs `service`, `deployment` and `signals`".to_owned());
    }
    if !text.trim_start().starts_with('{') {
        return from_yaml(text);
    }
    let broken = match from_json(text) {
        Ok(raw) => return Ok(raw),
        Err(broken) => broken,
    };
    // Python writes NaN and Infinity, which are not JSON, and YAML may start with a brace.
    if let Some(mended) = without_nan(text)
        && let Ok(raw) = from_json(&mended)
    {
        return Ok(raw);
    }
    from_yaml(text).map_err(|_| format!("the spec is no JSON: {broken}"))
}

fn from_json(text: &str) -> serde_json::Result<Raw> {
    let mut from = serde_json::Deserializer::from_str(text);
    let raw = SpecSeed.deserialize(&mut from)?;
    from.end()?;
    Ok(raw)
}

fn from_yaml(text: &str) -> Result<Raw, String> {
    let tree = yaml::parse(text).map_err(|broken| {
        let hint = if broken.limit { "; write a spec of this size as JSON" } else { "" };
        format!("the spec is no YAML: line {}: {}{hint}", broken.line, broken.why)
    })?;
    let Some(root) = tree.root() else {
        return Err("the spec is empty: it needs `service`, `deployment` and `signals`".to_owned());
    };
    SpecSeed.deserialize(tree.plain(root).to_json()).map_err(|broken| broken.to_string())
}

/// The text with `NaN`, `Infinity` and `-Infinity` outside of texts as null; `None` if
/// there is none.
fn without_nan(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut kept, mut at, mut inside) = (0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if inside => at += 1,
            b'"' => inside = !inside,
            b'N' | b'I' | b'-' if !inside => {
                let word = ["NaN", "-NaN", "Infinity", "-Infinity"]
                    .into_iter()
                    .find(|word| bytes[at..].starts_with(word.as_bytes()));
                if let Some(word) = word {
                    out.push_str(text.get(kept..at)?);
                    out.push_str("null");
                    at += word.len();
                    kept = at;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    out.push_str(text.get(kept..)?);
    (kept > 0).then_some(out)
}

fn validate(raw: Raw, notes: &mut Notes) -> Spec {
    let Raw { fields, signals, problems } = raw;
    if fields.is_empty() && signals.is_none() && !problems.is_empty() {
        return Spec::default();
    }
    let mut spec = Spec::default();
    let mut top = Fields::new("", fields, notes);
    match top.name("schema") {
        Some(schema) if schema == SCHEMA => {}
        Some(schema) => {
            let why = format!("must be `{SCHEMA}`: `{}` is another kind of file", cut(&schema));
            top.wrong("schema", why);
        }
        None => {
            let remark = format!("`schema` is missing; it was read as `{SCHEMA}`.");
            top.notes.remarks.push(remark);
        }
    }
    match top.name("service") {
        Some(service) => spec.service = service,
        None => top.wrong("service", "is missing: name the service that was deployed"),
    }
    let part = |top: &mut Fields, key| top.take(key).unwrap_or(Value::Null);
    let value = part(&mut top, "deployment");
    spec.deployment = deployment(value, top.notes);
    let value = part(&mut top, "windows");
    spec.windows = windows(value, top.notes);
    let value = part(&mut top, "logs");
    spec.logs = logs(value, top.notes);
    let value = part(&mut top, "policy");
    spec.policy = policy(value, top.notes);
    spec.depends_on = top.texts("depends_on");
    for (index, value) in top.list("health").into_iter().enumerate() {
        let instance = instance(&format!("health[{index}]"), value, top.notes);
        spec.health.extend(instance);
    }
    let mut names = std::collections::HashSet::new();
    for (index, raw) in signals.unwrap_or_default().into_iter().enumerate() {
        let path = format!("signals[{index}]");
        if let Some(signal) = signal::signal(&path, raw, top.notes) {
            if !names.insert(signal.name.clone()) {
                let why = format!("`{}` is the name of another signal, too", cut(&signal.name));
                top.notes.problem(format!("{path}.name"), why);
            }
            spec.signals.push(signal);
        }
    }
    top.known("signals");
    top.finish();
    spec
}

fn deployment(value: Value, notes: &mut Notes) -> Deployment {
    let mut fields = Fields::of("deployment", value, notes);
    let state = fields.word(
        "state",
        &[
            ("succeeded", State::Succeeded),
            ("running", State::Running),
            ("failed", State::Failed),
            ("expired", State::Expired),
            ("aborted", State::Aborted),
            ("frozen", State::Frozen),
            ("waiting-approval", State::WaitingApproval),
        ],
    );
    let mut deployment = Deployment {
        id: fields.name("id"),
        version: fields.name("version"),
        previous: fields.name("previous"),
        state: state.unwrap_or_default(),
        state_said: state.is_some(),
        started_at: fields.time("started_at"),
        first: fields.truth("first").unwrap_or(false),
        rollback: Rollback::default(),
        concurrent: Vec::new(),
        strategy: fields.word(
            "strategy",
            &[
                ("canary", Strategy::Canary),
                ("blue-green", Strategy::BlueGreen),
                ("rolling", Strategy::Rolling),
                ("recreate", Strategy::Recreate),
            ],
        ),
        weight: fields.within("weight", 0.0, 1.0),
    };
    if let Some(value) = fields.take("rollback") {
        let path = fields.path("rollback");
        let mut inner = Fields::of(&path, value, fields.notes);
        deployment.rollback = Rollback {
            safe: inner.truth("safe"),
            target: inner.name("target"),
            running: inner.truth("running").unwrap_or(false),
        };
        inner.finish();
    }
    for (index, value) in fields.list("concurrent").into_iter().enumerate() {
        let path = fields.path(&format!("concurrent[{index}]"));
        let mut inner = Fields::of(&path, value, fields.notes);
        let kind = inner.word(
            "kind",
            &[
                ("deployment", ChangeKind::Deployment),
                ("flag", ChangeKind::Flag),
                ("config", ChangeKind::Config),
                ("infrastructure", ChangeKind::Infrastructure),
            ],
        );
        let (service, at) = (inner.name("service"), inner.time("at"));
        // A change of an unsaid kind is still a change.
        let kind = kind.unwrap_or(ChangeKind::Config);
        deployment.concurrent.push(Concurrent { kind, service, at });
        inner.finish();
    }
    fields.finish();
    deployment
}

fn windows(value: Value, notes: &mut Notes) -> Windows {
    let mut fields = Fields::of("windows", value, notes);
    let windows = Windows {
        warmup: fields.duration("warmup").unwrap_or(Windows::default().warmup),
        canary: fields.duration("canary"),
        baseline: fields.duration("baseline"),
    };
    for (key, length) in [("canary", windows.canary), ("baseline", windows.baseline)] {
        if length == Some(0) {
            fields.wrong(key, "must be longer than nothing");
        }
    }
    if windows.canary.is_some_and(|canary| canary > 0 && canary <= windows.warmup) {
        let remark = "`windows.canary` is no longer than `windows.warmup`, its first part: nothing \
                      is left to judge.";
        fields.notes.remarks.push(remark.to_owned());
    }
    fields.finish();
    windows
}

fn logs(value: Value, notes: &mut Notes) -> Logs {
    let mut fields = Fields::of("logs", value, notes);
    let mut logs = Logs {
        canary: fields.texts("canary"),
        baseline: fields.texts("baseline"),
        canary_file: fields.name("canary_file"),
        baseline_file: fields.name("baseline_file"),
        allow: fields.texts("allow"),
        source: None,
    };
    for (index, pattern) in logs.allow.iter().enumerate() {
        if let Err(broken) = regex::Regex::new(pattern) {
            let why = broken.to_string();
            let why =
                why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            fields.wrong(&format!("allow[{index}]"), format!("is no regular expression: {why}"));
        }
    }
    match signal::source(&mut fields) {
        Some(mut source) => {
            source.options.extend(fields.rest());
            logs.source = Some(source);
        }
        None => fields.finish(),
    }
    logs
}

fn instance(path: &str, value: Value, notes: &mut Notes) -> Option<Instance> {
    let mut fields = Fields::of(path, value, notes);
    let instance = fields.name("instance");
    let ready = fields.truth("ready");
    let restarts = fields.count("restarts", 0.0).unwrap_or(0);
    let reason = fields.name("reason");
    if instance.is_none() {
        fields.wrong("instance", "is missing: name the instance");
    }
    fields.finish();
    Some(Instance { instance: instance?, ready, restarts, reason })
}

fn policy(value: Value, notes: &mut Notes) -> Policy {
    let mut fields = Fields::of("policy", value, notes);
    let default = Policy::default();
    let mut policy = Policy {
        min_requests: fields.count("min_requests", 0.0).unwrap_or(default.min_requests),
        window: fields.duration("window").unwrap_or(default.window),
        consecutive: fields
            .count("consecutive", 1.0)
            .map_or(default.consecutive, |count| u32::try_from(count).unwrap_or(u32::MAX)),
        unready_share: fields.within("unready_share", 0.0, 1.0).unwrap_or(default.unready_share),
        ..default
    };
    if policy.window == 0 {
        fields.wrong("window", "must be longer than nothing");
    }
    if let Some(value) = fields.take("practical") {
        let path = fields.path("practical");
        let mut inner = Fields::of(&path, value, fields.notes);
        policy.practical_ratio = inner.within("ratio", 0.0, 1.0).unwrap_or(policy.practical_ratio);
        policy.practical_gauge =
            inner.within("gauge", 0.0, f64::INFINITY).unwrap_or(policy.practical_gauge);
        inner.finish();
    }
    let said = fields.has("act_on");
    let act_on = fields.texts("act_on");
    if said {
        policy.act_on = act_on;
    }
    fields.finish();
    policy
}

/// Makes a source of a kind with its query.
fn source_of(kind: String) -> Source {
    Source { kind, ..Source::default() }
}
