//! One job, with what it extends and inherits.

use super::value::{Item, Kind, Val};
use super::{duration, keyword, step};
use crate::pipeline::dialect::Source;
use crate::pipeline::graph::{
    Access, At, Concurrency, Job, JobKind, Pipeline, Resource, Unread, Variable,
};

/// Keywords that `default` may hold; of these, the first five may stand at the top
/// level as well.
const INHERITED: [&str; 12] = [
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "artifacts",
    "hooks",
    "id_tokens",
    "interruptible",
    "retry",
    "tags",
    "timeout",
];
const OF_TOP: usize = 5;

/// Lays a job on the defaults, unless `inherit` says no; and whether any counted.
pub(super) fn inherit(job: Val, defaults: Option<&Val>, top: &Val) -> (Val, bool) {
    let wanted = job.get("inherit").and_then(|inherit| inherit.get("default"));
    if wanted.and_then(Val::bool) == Some(false) {
        return (job, false);
    }
    let only = wanted.filter(|list| list.is_seq()).map(Val::texts);
    let mut items: Vec<Item> = Vec::new();
    for (place, key) in INHERITED.iter().enumerate() {
        let named = only.as_ref().is_none_or(|only| only.iter().any(|one| one == key));
        if !named || job.entry(key).is_some() {
            continue;
        }
        let default = defaults.and_then(|defaults| defaults.entry(key));
        let global = || top.entry(key).filter(|_| place < OF_TOP);
        items.extend(default.or_else(global).cloned());
    }
    if items.is_empty() {
        return (job, false);
    }
    items.extend(job.entries().iter().cloned());
    (job.with(Kind::Map(items)), true)
}

/// Reads a job: `item` is where it stands, `body` is all of it.
pub(super) fn read(source: &Source<'_>, item: &Item, body: &Val, pipeline: &mut Pipeline) -> Job {
    let mut job = Job::new(&item.key, item.span(), item.value.path.clone());
    job.key_span = item.key_span;
    job.image = body.get("image").and_then(named);
    if let Some(services) = body.get("services") {
        job.services = services.flat().iter().filter_map(|one| Some(named(one)?.value)).collect();
    }
    job.runner = keyword::runner(body.get("tags"));
    job.env = body.get("variables").map(keyword::variables).unwrap_or_default();
    let none = pipeline.clone.none && job.env.iter().all(|one| one.name != "GIT_STRATEGY");
    job.clone = keyword::checkout(&job.env);
    job.clone.none |= none;
    job.matrix = body.get("parallel").and_then(keyword::matrix);
    job.interruptible = body.get("interruptible").and_then(Val::bool);
    job.timeout = body.get("timeout").and_then(|timeout| {
        Some(At { value: duration::minutes(timeout.filled()?)?, span: timeout.span })
    });
    job.concurrency = body.get("resource_group").and_then(|group| {
        Some(Concurrency { group: group.filled()?.to_owned(), cancel: None, span: group.span })
    });
    let when = keyword::when(body);
    (job.condition, job.manual, job.soft_fail) = (when.condition, when.manual, when.soft);
    if let Some(result) = when.on_result {
        job.reads.push(Access { what: Resource::Status(String::new()), span: result.span });
    }
    environment(body, &mut job);
    if let Some(cache) = body.get("cache") {
        let (reads, writes) = keyword::caches(cache);
        job.reads.extend(reads);
        job.writes.extend(writes);
        let fallback = |all: &[Variable]| {
            let found = all.iter().find(|one| one.name == "CACHE_FALLBACK_KEY");
            found.map(|one| Access { what: Resource::Cache(one.value.clone()), span: one.span })
        };
        job.reads.extend(fallback(&job.env).or_else(|| fallback(&pipeline.env)));
    }
    if let Some(artifacts) = body.get("artifacts") {
        if keyword::hands_on(artifacts) {
            let what = Resource::Artifact(format!("job:{}", item.key));
            job.writes.push(Access { what, span: artifacts.span });
        }
        let reports = artifacts.get("reports");
        if let Some(dotenv) = reports.and_then(|reports| reports.get("dotenv")) {
            let what = Resource::Dotenv(item.key.clone());
            job.writes.push(Access { what, span: dotenv.span });
        }
    }
    job.steps = step::read(body);
    if item.key == "pages" && body.get("pages").is_none() {
        step::pages(item, &mut job.steps);
    }
    if let Some(trigger) = body.get("trigger") {
        call(source, trigger, &mut job, pipeline);
    }
    job
}

/// An image or a service: its name, or a mapping with `name`.
fn named(value: &Val) -> Option<At<String>> {
    value.at().or_else(|| value.get("name").and_then(Val::at))
}

/// `environment`: what starts it writes it, what stops or only looks reads it.
fn environment(body: &Val, job: &mut Job) {
    let Some(environment) = body.get("environment") else { return };
    let Some(name) = named(environment) else { return };
    let action = environment.get("action").and_then(Val::filled).unwrap_or("start");
    let access = Access { what: Resource::Environment(name.value.clone()), span: name.span };
    match action {
        "start" => job.writes.push(access),
        "stop" => {
            job.reads.push(access.clone());
            job.writes.push(access);
        }
        _ => job.reads.push(access),
    }
    job.environment = Some(name);
}

/// `trigger`: a child pipeline from files, or another project's.
fn call(source: &Source<'_>, trigger: &Val, job: &mut Job, pipeline: &mut Pipeline) {
    job.kind = JobKind::Call;
    let project = match trigger.filled() {
        Some(_) => Some(trigger),
        None => trigger.get("project"),
    };
    let note = |pipeline: &mut Pipeline, what: &str, why, span| {
        pipeline.unread.push(Unread { what: what.to_owned(), why, span });
    };
    if let Some(project) = project {
        if let Some(name) = project.filled() {
            job.calls = Some(At { value: name.to_owned(), span: project.word });
            let why = if name.contains('$') { "computed" } else { "remote" };
            note(pipeline, name, why, project.word);
        }
        return;
    }
    let Some(include) = trigger.get("include") else { return };
    for part in include.flat() {
        let local = if part.filled().is_some() { Some(part) } else { part.get("local") };
        let at = |value: &Val| At { value: value.written(), span: value.word };
        if let Some(local) = local {
            let name = local.filled().unwrap_or_default();
            let path = name.trim_start_matches("./").trim_start_matches('/');
            job.calls.get_or_insert_with(|| at(local));
            let why = if name.starts_with("http://") || name.starts_with("https://") {
                "remote"
            } else if path.contains('$') {
                "computed"
            } else if source.files.exists(path) {
                continue;
            } else {
                "missing"
            };
            note(pipeline, name, why, local.word);
        } else if let Some(artifact) = part.get("artifact") {
            job.calls.get_or_insert_with(|| at(artifact));
            note(pipeline, &artifact.written(), "computed", artifact.word);
            if let Some(from) = part.get("job").and_then(Val::filled) {
                let what = Resource::Artifact(format!("job:{from}"));
                job.reads.push(Access { what, span: artifact.span });
            }
        } else {
            let key = ["project", "remote", "template", "component"];
            let Some(value) = key.iter().find_map(|key| part.get(key)) else { continue };
            job.calls.get_or_insert_with(|| at(value));
            note(pipeline, &value.written(), "remote", value.word);
        }
    }
}
