//! Histories of runs: our own JSON, what the hosts' APIs answer, and CSV, told apart
//! by their shape. `docs/pipeline-history.md` shows each.

mod hosts;
mod names;
mod table;
#[cfg(test)]
mod tests;

use super::{History, JobTime, Run};
use crate::pipeline::graph::Pipeline;
use anyhow::{Context as _, Result, bail};
pub use names::{Matched, Of, match_jobs};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What our own JSON says in `schema`.
pub const SCHEMA: &str = "pipewright.history/1";

const EXPECTED: &str = "expected a `pipewright.history/1` object, jobs as GitHub's, GitLab's, Azure \
                        Pipelines', Jenkins', Bitbucket's or Harness' API answers them, or CSV \
                        with the columns `run,job,seconds`";

/// A job of a run, with the clock as far as the host tells it.
#[derive(Debug, Clone, Default)]
struct Raw {
    /// Which run; runs are told apart by it and sorted by it where it is a number.
    run: String,
    time: Option<JobTime>,
    /// Seconds since 1970: when it came to be, began and ended.
    created: Option<f64>,
    started: Option<f64>,
    ended: Option<f64>,
}

/// Reads a history. What did not run (skipped, still queued, cancelled before it
/// began) is left out.
///
/// # Errors
/// Says what was expected where the bytes are of no known shape, and where a shape
/// breaks off.
pub fn read(bytes: &[u8]) -> Result<History> {
    read_for(bytes, None)
}

/// Reads a history and, where the host gives only the clock, counts as waiting for a
/// runner what lies between the end of what a job needed in this pipeline and its
/// start.
///
/// # Errors
/// As [`read`].
pub fn read_for(bytes: &[u8], pipeline: Option<&Pipeline>) -> Result<History> {
    let text = std::str::from_utf8(bytes).context("the history is not UTF-8 text")?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        bail!("the history is empty; {EXPECTED}");
    }
    if !text.starts_with(['{', '[']) {
        return table::read(text);
    }
    let mut raws = Vec::new();
    let mut own: Vec<Run> = Vec::new();
    for (place, value) in serde_json::Deserializer::from_str(text).into_iter().enumerate() {
        let value: Value = value.context("the history is not valid JSON")?;
        if value
            .get("schema")
            .and_then(Value::as_str)
            .is_some_and(|at| at.starts_with("pipewright."))
        {
            own.extend(ours(value)?.runs);
        } else {
            hosts::collect(&value, &format!("#{place}"), &mut raws)?;
        }
    }
    own.extend(runs(raws, pipeline));
    if own.iter().all(|run| run.jobs.is_empty()) {
        bail!("the history has no job that ran to its end; {EXPECTED}");
    }
    Ok(History { runs: own })
}

/// Our own shape.
#[derive(Debug, Serialize, Deserialize)]
struct Own {
    schema: String,
    runs: Vec<OwnRun>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OwnRun {
    jobs: Vec<OwnJob>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OwnJob {
    name: String,
    seconds: f64,
    #[serde(default)]
    queue: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    steps: Vec<OwnStep>,
    #[serde(default = "yes")]
    succeeded: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct OwnStep {
    name: String,
    seconds: f64,
}

fn yes() -> bool {
    true
}

fn ours(value: Value) -> Result<History> {
    let own: Own = serde_json::from_value(value).context("the history is no valid one of ours")?;
    if own.schema != SCHEMA {
        bail!("the history is of schema `{}`; expected `{SCHEMA}`", own.schema);
    }
    let job = |job: OwnJob| JobTime {
        name: job.name,
        queue: sane(job.queue),
        seconds: sane(job.seconds),
        steps: job.steps.into_iter().map(|step| (step.name, sane(step.seconds))).collect(),
        succeeded: job.succeeded,
    };
    let run = |run: OwnRun| Run { jobs: run.jobs.into_iter().map(job).collect() };
    Ok(History { runs: own.runs.into_iter().map(run).collect() })
}

/// A history in our own shape, indented.
pub fn write(history: &History) -> String {
    let job = |job: &JobTime| OwnJob {
        name: job.name.clone(),
        seconds: job.seconds,
        queue: job.queue,
        steps: (job.steps.iter())
            .map(|(name, seconds)| OwnStep { name: name.clone(), seconds: *seconds })
            .collect(),
        succeeded: job.succeeded,
    };
    let run = |run: &Run| OwnRun { jobs: run.jobs.iter().map(job).collect() };
    let own = Own { schema: SCHEMA.to_owned(), runs: history.runs.iter().map(run).collect() };
    serde_json::to_string_pretty(&own).unwrap_or_default()
}

/// Finite, not negative, and no more than a month: clocks of hosts go wrong.
fn sane(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds.clamp(0.0, 31.0 * 86_400.0) } else { 0.0 }
}

/// Jobs by run, oldest first where the clock or the runs' numbers tell.
fn runs(raws: Vec<Raw>, pipeline: Option<&Pipeline>) -> Vec<Run> {
    let mut by_run: BTreeMap<String, Vec<Raw>> = BTreeMap::new();
    for raw in raws {
        by_run.entry(raw.run.clone()).or_default().push(raw);
    }
    let mut ordered: Vec<(f64, u64, Vec<Raw>)> = (by_run.into_iter())
        .map(|(run, raws)| {
            let first = raws.iter().filter_map(|raw| raw.started).fold(f64::INFINITY, f64::min);
            (first, run.parse().unwrap_or(u64::MAX), raws)
        })
        .collect();
    ordered.sort_by(|one, two| one.0.total_cmp(&two.0).then(one.1.cmp(&two.1)));
    ordered.into_iter().map(|(_, _, raws)| run(raws, pipeline)).collect()
}

fn run(mut raws: Vec<Raw>, pipeline: Option<&Pipeline>) -> Run {
    if let Some(pipeline) = pipeline {
        waits(&mut raws, pipeline);
    }
    let mut jobs: Vec<JobTime> = raws.iter().filter_map(|raw| raw.time.clone()).collect();
    jobs.extend(calls(&raws));
    Run { jobs }
}

/// Waiting counts from when the job came to be or the last of what it needed ended,
/// whichever is later.
fn waits(raws: &mut [Raw], pipeline: &Pipeline) {
    let names: Vec<&str> =
        raws.iter().map(|raw| raw.time.as_ref().map_or("", |time| time.name.as_str())).collect();
    let found = names::Index::new(pipeline);
    let places: Vec<Vec<Of>> = names.iter().map(|name| found.find(name)).collect();
    let mut ended: Vec<f64> = vec![f64::NEG_INFINITY; pipeline.jobs.len()];
    for (raw, places) in raws.iter().zip(&places) {
        for of in places {
            if let (Some(ended), Some(end)) = (ended.get_mut(of.job), raw.ended) {
                *ended = ended.max(end);
            }
        }
    }
    for (raw, places) in raws.iter_mut().zip(&places) {
        let [of] = places.as_slice() else { continue };
        // Jobs inside a call wait for each other, which this graph does not show.
        if of.inner {
            continue;
        }
        let needs = pipeline.jobs.get(of.job).map(|job| job.needs.as_slice()).unwrap_or_default();
        let ready = needs
            .iter()
            .filter_map(|need| ended.get(need.job))
            .copied()
            .fold(raw.created.unwrap_or(f64::NEG_INFINITY), f64::max);
        if let (Some(time), Some(started)) = (raw.time.as_mut(), raw.started)
            && ready.is_finite()
        {
            time.queue = sane(started - ready);
        }
    }
}

/// The jobs of a called workflow as one job by the caller's name, from the first
/// start to the last end: `call / build` and `call / test` make `call`.
fn calls(raws: &[Raw]) -> Vec<JobTime> {
    let mut spans: BTreeMap<&str, (f64, f64, f64, bool)> = BTreeMap::new();
    for raw in raws {
        let (Some(time), Some(started), Some(ended)) = (&raw.time, raw.started, raw.ended) else {
            continue;
        };
        let Some((caller, _)) = time.name.split_once(" / ") else { continue };
        let span = spans.entry(caller).or_insert((started, ended, time.queue, true));
        if started < span.0 {
            (span.0, span.2) = (started, time.queue);
        }
        span.1 = span.1.max(ended);
        span.3 &= time.succeeded;
    }
    let taken =
        |name: &str| raws.iter().filter_map(|raw| raw.time.as_ref()).any(|t| t.name == name);
    spans
        .into_iter()
        .filter(|(name, _)| !taken(name))
        .map(|(name, (started, ended, queue, succeeded))| JobTime {
            name: name.to_owned(),
            queue,
            seconds: sane(ended - started),
            steps: Vec::new(),
            succeeded,
        })
        .collect()
}
