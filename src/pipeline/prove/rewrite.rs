//! What a file that was written anew has lost against one that does what it should:
//! jobs may be cut otherwise, but no kind of work, approval, environment or way back
//! may be gone.

use std::collections::BTreeSet;

use super::graph::{Ancestors, delivers, is_gate};
use super::secrets;
use crate::pipeline::File;
use crate::pipeline::graph::{Job, JobKind, Phase, Pipeline, Step};
use crate::pipeline::words::Does;

/// How much has to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// What the file is for: kinds of work, environments, approvals, checks of health and
    /// ways back. Jobs may be cut otherwise.
    Purpose,
    /// That, and every job under its name, every command, condition and secret.
    Everything,
}

/// Whether a thing that is done is of a kind.
type Kind = fn(&Does) -> bool;

/// Kinds of work that are compared, with the words for them.
const KINDS: &[(&str, Kind)] = &[
    ("checks style", |does| matches!(does, Does::Lint)),
    ("runs tests", |does| matches!(does, Does::Test)),
    ("builds", |does| matches!(does, Does::Build | Does::BuildImage(_))),
    ("builds an image", |does| matches!(does, Does::BuildImage(_))),
    ("scans and fails on what it finds", |does| matches!(does, Does::Scan { gating: true, .. })),
    ("publishes", |does| matches!(does, Does::Publish(_))),
    ("plans infrastructure", |does| matches!(does, Does::Plan(_))),
    ("tells people", |does| matches!(does, Does::Notify(_))),
];

/// What `before` has and `after` has not, a sentence without its full stop each; none
/// where all is kept. Both are files of one platform.
pub fn lost(before: &File, after: &File, keep: Keep) -> Vec<String> {
    let (old, new) = (&before.pipeline, &after.pipeline);
    let mut said = Vec::new();
    for (words, kind) in KINDS {
        let any = |pipeline: &Pipeline| pipeline.jobs.iter().any(|job| does(job, kind));
        if any(old) && !any(new) {
            said.push(format!("No job {words} any more"));
        }
    }
    let environments = |pipeline: &Pipeline| -> BTreeSet<String> {
        pipeline.jobs.iter().filter_map(environment).collect()
    };
    for gone in environments(old).difference(&environments(new)) {
        said.push(format!("No job runs in the environment `{gone}` any more"));
    }
    let (was, is) = (Counts::of(old), Counts::of(new));
    let mut fewer = |what: &str, was: usize, is: usize| {
        if is < was {
            said.push(format!("There were {was} {what}, now there are {is}"));
        }
    };
    fewer("approvals", was.approvals, is.approvals);
    fewer("jobs in an environment", was.environments, is.environments);
    fewer("jobs that deliver", was.delivers, is.delivers);
    fewer("jobs that deliver behind an approval", was.approved, is.approved);
    fewer("jobs that deliver behind tests", was.tested, is.tested);
    fewer("jobs that deliver behind a scan that can fail", was.scanned, is.scanned);
    fewer("checks of a deployment's health", was.healthy, is.healthy);
    fewer("ways back from a deployment", was.rollbacks, is.rollbacks);
    if keep == Keep::Everything {
        said.extend(whole(before, after));
    }
    said
}

/// What is counted: fewer is a loss, however the jobs are cut.
#[derive(Debug, Default)]
struct Counts {
    approvals: usize,
    environments: usize,
    delivers: usize,
    approved: usize,
    tested: usize,
    scanned: usize,
    healthy: usize,
    rollbacks: usize,
}

impl Counts {
    fn of(pipeline: &Pipeline) -> Self {
        let ancestors = Ancestors::of(pipeline);
        let mut counts = Counts::default();
        for (at, job) in pipeline.jobs.iter().enumerate() {
            // A step of its own or the job itself: either is one approval.
            let steps = of_kind(job, |does| matches!(does, Does::Approval));
            counts.approvals += steps.max(usize::from(waits(job)));
            counts.environments += usize::from(job.environment.is_some());
            counts.healthy += of_kind(job, |does| matches!(does, Does::HealthCheck));
            counts.rollbacks += takes_back(job);
            if !delivers(job) {
                continue;
            }
            let behind = |passes: &dyn Fn(&Job) -> bool| {
                passes(job) || ancestors.each(at).any(|other| passes(&pipeline.jobs[other]))
            };
            counts.delivers += 1;
            counts.approved += usize::from(behind(&waits));
            counts.tested += usize::from(behind(&|job| {
                !job.soft_fail && does(job, &|does| matches!(does, Does::Test))
            }));
            counts.scanned += usize::from(behind(&|job| {
                !job.soft_fail && does(job, &|does| matches!(does, Does::Scan { gating: true, .. }))
            }));
        }
        counts
    }
}

/// That every job, command, condition and secret is there.
fn whole(before: &File, after: &File) -> Vec<String> {
    let mut said = Vec::new();
    let (old, new) = (&before.pipeline, &after.pipeline);
    let waits_for = (Ancestors::of(old), Ancestors::of(new));
    // Ids are made of places where a platform has none: names count there too.
    let twin = |job: &Job| {
        let same_id = || new.jobs.iter().position(|other| other.id == job.id);
        new.jobs.iter().position(|other| other.title() == job.title()).or_else(same_id)
    };
    let text = squeezed(&after.text);
    for (at, job) in old.jobs.iter().enumerate() {
        let title = job.title();
        let Some(now) = twin(job) else {
            said.push(format!("The job `{title}` is gone, or has another name"));
            continue;
        };
        let conditions = |pipeline: &Pipeline, job: &Job| {
            let stage = job.stage.and_then(|stage| pipeline.stages.get(stage));
            usize::from(job.condition.is_some())
                + usize::from(stage.is_some_and(|stage| stage.condition.is_some()))
                + job.steps.iter().filter(|step| step.condition.is_some()).count()
        };
        let other = &new.jobs[now];
        if conditions(new, other) < conditions(old, job) {
            said.push(format!("The job `{title}` has lost a condition"));
        }
        if other.soft_fail && !job.soft_fail {
            said.push(format!("The failure of the job `{title}` is let pass"));
        }
        for gate in waits_for.0.each(at) {
            let above = &old.jobs[gate];
            let kept = twin(above).is_none_or(|above| waits_for.1.has(now, above));
            if is_gate(old, above) && !kept {
                said.push(format!("The job `{title}` does not wait for `{}`", above.title()));
            }
        }
        for line in job.steps.iter().flat_map(commands) {
            if !text.contains(&squeezed(line)) {
                said.push(format!("The job `{title}` does not run `{line}` any more"));
            }
        }
    }
    let named = |file: &File| {
        let mut names = BTreeSet::new();
        secrets::named(&file.text, &mut names);
        names
    };
    for gone in named(before).difference(&named(after)) {
        said.push(format!("The reference to `{gone}` is gone"));
    }
    let kinds =
        |pipeline: &Pipeline| pipeline.triggers.iter().map(|one| one.kind).collect::<Vec<_>>();
    let (had, has) = (kinds(old), kinds(new));
    if let Some(gone) = old.triggers.iter().find(|one| !has.contains(&one.kind)) {
        said.push(format!("The trigger `{}` is gone", gone.name));
    }
    if let Some(added) = new.triggers.iter().find(|one| !had.contains(&one.kind)) {
        said.push(format!("The trigger `{}` was not there", added.name));
    }
    said
}

/// Lines of a step's script that do something.
fn commands(step: &Step) -> impl Iterator<Item = &str> {
    let text = step.script.as_ref().map_or("", |script| script.text.as_str());
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Text without spaces and without what quoting adds.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\\' | '"' | '\'')).collect()
}

fn does(job: &Job, kind: &dyn Fn(&Does) -> bool) -> bool {
    job.steps.iter().flat_map(|step| &step.does).any(kind)
}

fn of_kind(job: &Job, kind: Kind) -> usize {
    job.steps.iter().filter(|step| step.does.iter().any(kind)).count()
}

fn environment(job: &Job) -> Option<String> {
    job.environment.as_ref().map(|at| at.value.trim().to_ascii_lowercase())
}

fn waits(job: &Job) -> bool {
    job.manual || job.kind == JobKind::Approval || does(job, &|does| matches!(does, Does::Approval))
}

/// Steps that take a deployment back, or that run where one that delivers has failed.
fn takes_back(job: &Job) -> usize {
    let back = |step: &&Step| {
        step.does.contains(&Does::Rollback) || (step.phase == Phase::Failure && delivers(job))
    };
    job.steps.iter().filter(back).count()
}
