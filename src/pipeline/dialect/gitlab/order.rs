//! Which job waits for which: by `needs`, else by the order of stages; and whose
//! artifacts come along.

use std::collections::{HashMap, HashSet};

use super::nowhere;
use super::value::Val;
use crate::pipeline::graph::{
    Access, Need, NeedKind, Pipeline, Resource, Seg, Span, Stage, Unread,
};

/// Stages of a file that names none.
const DEFAULT: [&str; 3] = ["build", "test", "deploy"];
/// Most reads that are told job by job; beyond, a job reads "all of the jobs before".
const MOST_READS: usize = 200_000;

/// Lays out the stages, each behind the nearest one before it that has jobs, and puts
/// the jobs in them. A stage that is used but not declared comes last and is in no
/// order: what declares it was not read.
pub(super) fn stages(root: &Val, bodies: &[Val], pipeline: &mut Pipeline) {
    let declared = root.get("stages").or_else(|| root.get("types"));
    let mut stages: Vec<Stage> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut add = |stages: &mut Vec<Stage>, id: &str, span: Span, path| {
        let place = *places.entry(id.to_owned()).or_insert(stages.len());
        if place == stages.len() {
            let (needs, explicit, condition) = (Vec::new(), None, None);
            stages.push(Stage { id: id.to_owned(), needs, explicit, condition, span, path });
        }
        place
    };
    let used: HashSet<&str> = bodies.iter().map(stage_of).collect();
    let list = declared.map(Val::flat).unwrap_or_default();
    let names: Vec<(&str, Span, Vec<Seg>)> = if declared.is_some() {
        let named = list.iter().filter_map(|one| Some((one.filled()?, one.word, one.path.clone())));
        named.collect()
    } else {
        let used = DEFAULT.iter().filter(|name| used.contains(**name));
        used.map(|name| (*name, nowhere(), Vec::new())).collect()
    };
    if used.contains(".pre") {
        add(&mut stages, ".pre", nowhere(), Vec::new());
    }
    for (name, span, path) in names {
        if !matches!(name, ".pre" | ".post") {
            add(&mut stages, name, span, path);
        }
    }
    if used.contains(".post") {
        add(&mut stages, ".post", nowhere(), Vec::new());
    }
    let ordered = stages.len();
    for (job, body) in pipeline.jobs.iter_mut().zip(bodies) {
        let (span, path) = match body.get("stage") {
            Some(stage) => (stage.word, stage.path.clone()),
            None => (nowhere(), Vec::new()),
        };
        job.stage = Some(add(&mut stages, stage_of(body), span, path));
    }
    let mut before = None;
    let mut has_jobs = vec![false; stages.len()];
    for place in pipeline.jobs.iter().filter_map(|job| job.stage) {
        if let Some(has) = has_jobs.get_mut(place) {
            *has = true;
        }
    }
    for (place, stage) in stages.iter_mut().enumerate().take(ordered) {
        stage.needs.extend(before);
        if has_jobs.get(place) == Some(&true) {
            before = Some(place);
        }
    }
    pipeline.stages = stages;
}

fn stage_of(body: &Val) -> &str {
    body.get("stage").and_then(Val::filled).unwrap_or("test")
}

/// Adds the edges, and what comes along them.
pub(super) fn edges(bodies: &[Val], pipeline: &mut Pipeline) {
    let places: HashMap<String, usize> =
        pipeline.jobs.iter().enumerate().map(|(place, job)| (job.id.clone(), place)).collect();
    let frontiers = frontiers(bodies, pipeline);
    let earlier = earlier(pipeline);
    let mut unread = Vec::new();
    for (place, body) in bodies.iter().enumerate() {
        let only = body.get("dependencies").map(|list| list.texts());
        let only: Option<HashSet<String>> = only.map(|list| list.into_iter().collect());
        let fetched = |name: &str| only.as_ref().is_none_or(|only| only.contains(name));
        let mut needs: Vec<Need> = Vec::new();
        let span = body.get("needs").map(|value| value.span);
        if let Some(value) = body.get("needs") {
            explicit(value, &places, &mut needs, &mut unread);
            for need in &mut needs {
                let name = pipeline.jobs.get(need.job).map(|job| job.id.as_str());
                need.artifacts &= name.is_some_and(fetched);
            }
        } else if let Some(frontier) = pipeline
            .jobs
            .get(place)
            .and_then(|job| job.stage)
            .and_then(|stage| frontiers.get(stage))
        {
            needs.extend(frontier.iter().map(|job| Need {
                job: *job,
                kind: NeedKind::Stage,
                span: None,
                optional: false,
                artifacts: pipeline.jobs.get(*job).is_some_and(|job| fetched(&job.id)),
            }));
        }
        // Files come from the jobs needed, or from all of earlier stages.
        let givers: Vec<usize> = if span.is_some() {
            needs.iter().filter(|need| need.artifacts).map(|need| need.job).collect()
        } else {
            let stage = pipeline.jobs.get(place).and_then(|job| job.stage);
            let all = stage.and_then(|stage| earlier.get(stage)).cloned().unwrap_or_default();
            let kept = all
                .into_iter()
                .filter(|job| pipeline.jobs.get(*job).is_some_and(|job| fetched(&job.id)));
            kept.collect()
        };
        let at = span.or(body.get("dependencies").map(|list| list.span));
        let reads = reads(&givers, pipeline, place, at);
        if let Some(job) = pipeline.jobs.get_mut(place) {
            job.reads.extend(reads);
            job.needs = needs;
            job.needs_span = span;
        }
    }
    pipeline.unread.append(&mut unread);
}

/// Reads `needs`: names, or mappings with `job`. What is of another pipeline or
/// project is no edge.
fn explicit(
    value: &Val,
    places: &HashMap<String, usize>,
    needs: &mut Vec<Need>,
    unread: &mut Vec<Unread>,
) {
    for one in value.flat() {
        let name = if one.filled().is_some() { Some(one) } else { one.get("job") };
        let elsewhere = one.get("project").or_else(|| one.get("pipeline"));
        if let Some(elsewhere) = elsewhere {
            let job = name.and_then(Val::filled).map(|name| format!(":{name}"));
            let what = format!("{}{}", elsewhere.written(), job.unwrap_or_default());
            unread.push(Unread { what, why: "remote", span: elsewhere.word });
            continue;
        }
        let Some(name) = name else { continue };
        let Some(job) = name.filled().and_then(|text| find(text, places)) else { continue };
        if needs.iter().any(|need| need.job == job) {
            continue;
        }
        let flag = |key: &str| one.get(key).and_then(Val::bool);
        needs.push(Need {
            job,
            kind: NeedKind::Explicit,
            span: Some(name.word),
            optional: flag("optional") == Some(true),
            artifacts: flag("artifacts") != Some(false),
        });
    }
}

/// A job by name, or by the name of one of its copies: `a 1/3`, `a: [x, y]`.
fn find(name: &str, places: &HashMap<String, usize>) -> Option<usize> {
    let known = |name: &str| places.get(name).copied();
    known(name).or_else(|| {
        let (base, copy) = name.rsplit_once(' ')?;
        let numbered = copy
            .split_once('/')
            .is_some_and(|(part, all)| part.parse::<u32>().is_ok() && all.parse::<u32>().is_ok());
        let listed = name.ends_with(']').then(|| name.split_once(": [")).flatten();
        match listed {
            Some((base, _)) => known(base),
            None if numbered => known(base),
            None => None,
        }
    })
}

/// For each stage, the jobs that a job without `needs` waits for. Those of the stage
/// before are enough if one of them waited for all before it; else they add to it.
fn frontiers(bodies: &[Val], pipeline: &Pipeline) -> Vec<Vec<usize>> {
    let jobs = in_stages(pipeline);
    let mut all: Vec<Vec<usize>> = Vec::new();
    for stage in &pipeline.stages {
        let mut frontier = Vec::new();
        if let Some(before) = stage.needs.first() {
            let there = jobs.get(*before).cloned().unwrap_or_default();
            let waits = there
                .iter()
                .any(|job| bodies.get(*job).is_some_and(|body| body.get("needs").is_none()));
            if !waits {
                frontier.extend(all.get(*before).into_iter().flatten());
            }
            frontier.extend(there);
        }
        all.push(frontier);
    }
    all
}

/// For each stage, the jobs of all stages before it that leave something.
fn earlier(pipeline: &Pipeline) -> Vec<Vec<usize>> {
    let jobs = in_stages(pipeline);
    let mut all: Vec<Vec<usize>> = Vec::new();
    for stage in &pipeline.stages {
        let mut before = Vec::new();
        if let Some(place) = stage.needs.first() {
            before.extend(all.get(*place).into_iter().flatten());
            before.extend(jobs.get(*place).into_iter().flatten().filter(|job| {
                pipeline.jobs.get(**job).is_some_and(|job| job.writes.iter().any(is_handed_on))
            }));
        }
        all.push(before);
    }
    all
}

fn in_stages(pipeline: &Pipeline) -> Vec<Vec<usize>> {
    let mut jobs: Vec<Vec<usize>> = vec![Vec::new(); pipeline.stages.len()];
    for (place, job) in pipeline.jobs.iter().enumerate() {
        if let Some(list) = job.stage.and_then(|stage| jobs.get_mut(stage)) {
            list.push(place);
        }
    }
    jobs
}

fn is_handed_on(access: &Access) -> bool {
    matches!(access.what, Resource::Artifact(_) | Resource::Dotenv(_))
}

/// What a job is given by these jobs, at the place that says so.
fn reads(givers: &[usize], pipeline: &Pipeline, place: usize, at: Option<Span>) -> Vec<Access> {
    let own = pipeline.jobs.get(place).map(|job| job.key_span).unwrap_or_default();
    let span = at.unwrap_or(own);
    if givers.len().saturating_mul(pipeline.jobs.len()) > MOST_READS && at.is_none() {
        let dotenv = Resource::Dotenv(String::new());
        return [Resource::Artifact(String::new()), dotenv]
            .map(|what| Access { what, span })
            .into();
    }
    givers
        .iter()
        .filter_map(|giver| pipeline.jobs.get(*giver))
        .flat_map(|giver| giver.writes.iter().filter(|access| is_handed_on(access)))
        .map(|access| Access { what: access.what.clone(), span })
        .collect()
}
