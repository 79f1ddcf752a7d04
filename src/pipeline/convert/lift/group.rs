//! Which jobs of the graph become one: Jenkins' stages that follow each other in the same
//! workspace share files, which jobs of other platforms do not.

use std::collections::HashSet;

use crate::pipeline::Platform;
use crate::pipeline::graph::{Job, JobKind, Pipeline, TriggerKind};
use crate::pipeline::portable::write::context::identifier;

/// Jobs by their places, those together that become one.
pub fn groups(pipeline: &Pipeline) -> Vec<Vec<usize>> {
    let mut followers = vec![0usize; pipeline.jobs.len()];
    for need in pipeline.jobs.iter().flat_map(|job| &job.needs) {
        if let Some(count) = followers.get_mut(need.job) {
            *count += 1;
        }
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, job) in pipeline.jobs.iter().enumerate() {
        let last = groups.last().and_then(|group| group.last().copied());
        let joins = pipeline.platform == Platform::Jenkins
            && last.is_some_and(|last| {
                let follows = matches!(job.needs.as_slice(), [need] if need.job == last);
                let one = followers.get(last) == Some(&1);
                follows && one && pipeline.jobs.get(last).is_some_and(|last| alike(last, job))
            });
        match groups.last_mut() {
            Some(group) if joins => group.push(at),
            _ => groups.push(vec![at]),
        }
    }
    groups
}

fn alike(last: &Job, job: &Job) -> bool {
    let plain = |job: &Job| {
        job.kind == JobKind::Work
            && job.matrix.is_none()
            && !job.soft_fail
            && job.services.is_empty()
    };
    plain(last)
        && plain(job)
        && !job.manual
        && last.image.as_ref().map(|at| &at.value) == job.image.as_ref().map(|at| &at.value)
        && last.runner.labels == job.runner.labels
        && last.environment.as_ref().map(|at| &at.value)
            == job.environment.as_ref().map(|at| &at.value)
        && last.concurrency.as_ref().map(|c| &c.group) == job.concurrency.as_ref().map(|c| &c.group)
}

/// Portable ids of the graph's jobs: letters, digits, `-`, `_`; unique by group.
pub fn ids(pipeline: &Pipeline, groups: &[Vec<usize>]) -> Vec<String> {
    let mut ids = vec![String::new(); pipeline.jobs.len()];
    let mut used: HashSet<String> = HashSet::new();
    for group in groups {
        let Some(job) = group.first().and_then(|at| pipeline.jobs.get(*at)) else { continue };
        let wanted = id(pipeline, job);
        let mut made = wanted.clone();
        let mut copy = 2;
        while !used.insert(made.to_ascii_lowercase()) {
            made = format!("{wanted}-{copy}");
            copy += 1;
        }
        for at in group {
            if let Some(slot) = ids.get_mut(*at) {
                slot.clone_from(&made);
            }
        }
    }
    ids
}

fn id(pipeline: &Pipeline, job: &Job) -> String {
    let word = match pipeline.platform {
        // One pipeline needs no name before those of its jobs.
        Platform::Bitbucket if pipeline.entries.len() == 1 => {
            job.id.split_once('/').map_or(job.id.as_str(), |(_, last)| last)
        }
        Platform::Azure => {
            let (stage, last) = job.id.split_once('.').unwrap_or(("", &job.id));
            if last.is_empty() { stage } else { last }
        }
        _ => &job.id,
    };
    let mut out = String::new();
    for c in word.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let out: String = out.trim_end_matches('-').chars().take(60).collect();
    if out.is_empty() {
        "job".to_owned()
    } else if out.starts_with(|c: char| c.is_ascii_digit()) {
        identifier(&out)
    } else {
        out
    }
}

/// The trigger's kind of an entry of Bitbucket, and what it is for.
pub fn entry(name: &str) -> (TriggerKind, &str) {
    let (word, pattern) = name.split_once('.').unwrap_or((name, ""));
    let kind = match word {
        "branches" | "bookmarks" => TriggerKind::Push,
        "tags" => TriggerKind::Tag,
        "pull-requests" => TriggerKind::Change,
        "custom" => TriggerKind::Manual,
        "default" => TriggerKind::Push,
        _ => TriggerKind::Other,
    };
    (kind, pattern)
}
