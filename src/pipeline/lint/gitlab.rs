//! GitLab CI/CD. Where something is included that was not read, names that lead
//! nowhere here are taken to lead there.

use std::collections::BTreeMap;

use super::{Found, chain, circle};
use crate::pipeline::File;
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::{Pipeline, Span};

/// Names that no job may have
/// (<https://docs.gitlab.com/ci/jobs/#job-name-limitations>).
const RESERVED: [&str; 14] = [
    "image",
    "services",
    "stages",
    "types",
    "before_script",
    "after_script",
    "variables",
    "cache",
    "include",
    "true",
    "false",
    "nil",
    "default",
    "workflow",
];
/// Most entries of `needs`, the service's default limit.
const MOST_NEEDS: usize = 50;
/// Stages where none are written.
const DEFAULT_STAGES: [&str; 3] = ["build", "test", "deploy"];

pub(super) fn problems(file: &File, root: &Node<'_>, found: &mut Found) {
    let pipeline = &file.pipeline;
    for field in root.fields() {
        if RESERVED.contains(&field.key) && field.value.get("script").is_some() {
            let said = format!("`{}` is a keyword and cannot be a job's name", field.key);
            found.at("reserved-job-name", field.key_span, said.clone(), &said);
        }
    }
    let open = is_open(root, pipeline);
    if !open {
        unread(root, pipeline, found);
        stages(file, root, found);
    }
    let jobs = pipeline.jobs.iter().enumerate();
    let known: BTreeMap<&str, usize> = jobs.map(|(at, job)| (job.id.as_str(), at)).collect();
    let mut graph = Vec::new();
    for field in root.fields() {
        let (name, job) = (field.key, &field.value);
        let Some(at) = known.get(name).copied().filter(|_| job.is_map()) else { continue };
        let mut edges = Vec::new();
        if let Some(needs) = job.get("needs") {
            let all: Vec<Node<'_>> = needs.items().collect();
            if all.len() > MOST_NEEDS {
                let said = format!(
                    "the job `{name}` needs {} jobs, and {MOST_NEEDS} is the most",
                    all.len()
                );
                found.at("too-many-needs", needs.span(), said.clone(), name);
            }
            for need in &all {
                edges.extend(self::need(name, need, at, pipeline, &known, open, found));
            }
        }
        let dependencies = job.get("dependencies").filter(Node::is_seq);
        for other in dependencies.iter().flat_map(Node::items) {
            let Some(text) = other.filled().filter(|text| !open && !text.contains('$')) else {
                continue;
            };
            if other.tag().is_none() && !known.contains_key(text) {
                let said =
                    format!("the job `{name}` fetches artifacts of `{text}`, which is no job here");
                let known = known.keys().copied();
                found.unknown("unknown-dependency", other.span(), &said, text, known);
            }
        }
        graph.push((name.to_owned(), edges));
        empty(name, &field.value, at, pipeline, open, found);
    }
    if let Some(names) = circle(&graph) {
        let field = names.first().and_then(|name| root.field(name));
        let span = field.map(|field| field.key_span).unwrap_or_default();
        let said = format!("jobs wait for each other in a circle: {}", chain(&names));
        found.at("need-cycle", span, said.clone(), &said);
    }
}

/// Whether something is included that was not read.
fn is_open(root: &Node<'_>, pipeline: &Pipeline) -> bool {
    let Some(include) = root.get("include") else { return false };
    let range = include.span();
    pipeline.unread.iter().any(|unread| {
        unread.span.file != 0 || (unread.span.start >= range.start && unread.span.end <= range.end)
    })
}

/// One item of `needs`; the job that it names, where that is one of this file.
fn need(
    job: &str,
    need: &Node<'_>,
    at: usize,
    pipeline: &Pipeline,
    known: &BTreeMap<&str, usize>,
    open: bool,
    found: &mut Found,
) -> Option<String> {
    let elsewhere = ["pipeline", "project"].iter().any(|key| need.get(key).is_some());
    let optional = need.get("optional").and_then(|node| node.bool()) == Some(true);
    let named = if need.is_map() { need.get("job")? } else { need.clone() };
    let name = named.filled()?;
    if elsewhere || named.tag().is_some() || need.tag().is_some() || name.contains('$') {
        return None;
    }
    if name == job {
        let said = format!("the job `{job}` needs itself");
        found.at("self-need", named.span(), said.clone(), &said);
        return None;
    }
    // A cell of a matrix: `build: [linux]`.
    let base = name.split_once(": [").map_or(name, |(base, _)| base);
    let Some(&other) = known.get(name).or_else(|| known.get(base)) else {
        if !optional && !open {
            let said = format!("the job `{job}` needs `{name}`, which is no job here");
            found.unknown("unknown-need", named.span(), &said, name, known.keys().copied());
        }
        return None;
    };
    let stage = |at: usize| pipeline.jobs.get(at).and_then(|job| job.stage);
    if let (Some(own), Some(others)) = (stage(at), stage(other))
        && others > own
        && !open
    {
        let said = format!("the job `{job}` needs `{name}`, which is of a later stage");
        found.at("need-of-later-stage", named.span(), said.clone(), &said);
    }
    Some(name.to_owned())
}

/// References and parents that lead nowhere, or in a circle.
fn unread(root: &Node<'_>, pipeline: &Pipeline, found: &mut Found) {
    let include = root.get("include").map(|include| include.span());
    let parents: Vec<Span> = root
        .fields()
        .filter_map(|field| field.value.get("extends"))
        .map(|extends| extends.span())
        .collect();
    let known: Vec<&str> = root.fields().map(|field| field.key).collect();
    for unread in pipeline.unread.iter().filter(|unread| unread.span.file == 0) {
        let included = include
            .is_some_and(|span| unread.span.start >= span.start && unread.span.end <= span.end);
        let what = &unread.what;
        let reference = what.starts_with("!reference");
        // Spans of `extends` are in order of source and do not overlap.
        let before = parents.partition_point(|span| span.start <= unread.span.start);
        let extended = before
            .checked_sub(1)
            .and_then(|at| parents.get(at))
            .is_some_and(|span| unread.span.end <= span.end);
        if included || !(reference || extended) {
            continue;
        }
        let (slug, said) = match (reference, unread.why) {
            (true, "cyclic") => ("reference-cycle", format!("`{what}` leads in a circle")),
            (true, "missing") => ("unknown-reference", format!("`{what}` leads nowhere")),
            (false, "cyclic") => ("extends-cycle", format!("`extends: {what}` leads in a circle")),
            (false, "missing") => {
                ("unknown-extends", format!("`extends` names `{what}`, which is no job here"))
            }
            _ => continue,
        };
        found.unknown(slug, unread.span, &said, what, known.iter().copied());
    }
}

/// Stages that are not in the list.
fn stages(file: &File, root: &Node<'_>, found: &mut Found) {
    let written = root.get("stages").filter(Node::is_seq);
    let included = root.get("include").is_some();
    // A part that others include has its stages there.
    let main =
        file.path.rsplit('/').next().is_some_and(|name| {
            name.starts_with(".gitlab-ci.") || name.ends_with(".gitlab-ci.yml")
        });
    let known: Vec<&str> = match &written {
        Some(stages) => stages.items().filter_map(|stage| stage.filled()).collect(),
        None if main && !included => DEFAULT_STAGES.to_vec(),
        None => return,
    };
    if written.is_some_and(|stages| stages.items().any(|stage| stage.tag().is_some())) {
        return;
    }
    for field in root.fields() {
        let Some(stage) = field.value.get("stage") else { continue };
        let Some(name) = stage.filled().filter(|name| !name.contains('$')) else { continue };
        let fixed = matches!(name, ".pre" | ".post") || stage.tag().is_some();
        if !fixed && !known.contains(&name) {
            let said = format!(
                "the job `{}` is of the stage `{name}`, which is not in `stages`",
                field.key
            );
            found.unknown("unknown-stage", stage.span(), &said, name, known.iter().copied());
        }
    }
}

/// Jobs with nothing to run.
fn empty(
    name: &str,
    job: &Node<'_>,
    at: usize,
    pipeline: &Pipeline,
    open: bool,
    found: &mut Found,
) {
    let written = ["script", "trigger", "run", "release", "pages"];
    let Some(full) = pipeline.jobs.get(at) else { return };
    let does = !full.steps.is_empty() || full.calls.is_some();
    if open || does || written.iter().any(|key| job.get(key).is_some()) {
        return;
    }
    // What it inherits may have been out of sight.
    if job.get("extends").is_some() && !pipeline.unread.is_empty() {
        return;
    }
    let field = job.path();
    if field.len() == 1 {
        let said = format!("the job `{name}` has no `script`, `trigger` or `run`");
        found.at("empty-job", full.key_span, said.clone(), &said);
    }
}
