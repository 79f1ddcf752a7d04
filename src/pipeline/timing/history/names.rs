//! Which job of the graph a name in a history means: hosts write display names,
//! copies of a matrix, jobs of called workflows and shards each in their own way.

use super::JobTime;
use crate::pipeline::graph::{Job, JobKind, Pipeline};
use crate::pipeline::timing::History;
use std::collections::{BTreeSet, HashMap};

/// A history laid on a graph.
#[derive(Debug, Clone, Default)]
pub struct Matched<'a> {
    /// For each run, for each job by its place, its copies; none where it did not run.
    /// Runs of which nothing was matched are left out.
    pub runs: Vec<Vec<Vec<&'a JobTime>>>,
    /// Names in the history that mean no job of the graph.
    pub unmatched: BTreeSet<&'a str>,
    /// Jobs of the graph that no run has.
    pub unseen: Vec<usize>,
}

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Of {
    /// The job's place.
    pub job: usize,
    /// Whether the name is of a job inside the one that this one calls.
    pub inner: bool,
}

/// Lays a history on the graph, by names. Where graphs start apart and share a name
/// (Bitbucket), the times are those of all jobs with that name.
pub fn match_jobs<'a>(pipeline: &Pipeline, history: &'a History) -> Matched<'a> {
    let index = Index::new(pipeline);
    let mut known: HashMap<&str, Vec<Of>> = HashMap::new();
    let mut matched = Matched::default();
    let mut seen = vec![false; pipeline.jobs.len()];
    for run in &history.runs {
        let mut jobs: Vec<Vec<&JobTime>> = vec![Vec::new(); pipeline.jobs.len()];
        // Jobs inside a call count only where the call itself has no time.
        let mut inner: Vec<(usize, &JobTime)> = Vec::new();
        for time in &run.jobs {
            let places = known.entry(&time.name).or_insert_with(|| index.find(&time.name));
            if places.is_empty() {
                matched.unmatched.insert(&time.name);
            }
            for of in places.iter() {
                if of.inner {
                    inner.push((of.job, time));
                } else if let Some(copies) = jobs.get_mut(of.job) {
                    copies.push(time);
                }
            }
        }
        let empty: Vec<bool> = jobs.iter().map(Vec::is_empty).collect();
        for (job, time) in inner {
            if let (Some(copies), Some(true)) = (jobs.get_mut(job), empty.get(job)) {
                copies.push(time);
            }
        }
        if jobs.iter().any(|copies| !copies.is_empty()) {
            for (seen, copies) in seen.iter_mut().zip(&jobs) {
                *seen |= !copies.is_empty();
            }
            matched.runs.push(jobs);
        }
    }
    matched.unseen =
        seen.iter().enumerate().filter(|(_, seen)| !**seen).map(|(job, _)| job).collect();
    matched
}

/// Names of jobs, to be looked up.
pub(super) struct Index<'a> {
    exact: HashMap<String, Vec<usize>>,
    folded: HashMap<String, Vec<usize>>,
    /// Names with expressions in them, by the literal parts around these.
    patterns: Vec<(Vec<&'a str>, usize)>,
    calls: Vec<bool>,
}

impl<'a> Index<'a> {
    pub(super) fn new(pipeline: &'a Pipeline) -> Self {
        let mut index = Index {
            exact: HashMap::new(),
            folded: HashMap::new(),
            patterns: Vec::new(),
            calls: pipeline
                .jobs
                .iter()
                .map(|job| job.kind == JobKind::Call || job.calls.is_some())
                .collect(),
        };
        // The last part of an id of several, where only one job has it.
        let mut parts: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, job) in pipeline.jobs.iter().enumerate() {
            for name in names(job) {
                match literals(name) {
                    Some(parts) => index.patterns.push((parts, place)),
                    None => index.add(name, place),
                }
            }
            let stage = job.stage.and_then(|stage| pipeline.stages.get(stage));
            if let Some(stage) = stage {
                for name in names(job) {
                    for mark in [" ", ".", " / "] {
                        index.add(&format!("{}{mark}{name}", stage.id), place);
                    }
                }
            }
            if let Some((_, last)) = job.id.rsplit_once('.') {
                parts.entry(last).or_default().push(place);
            }
        }
        for (part, places) in parts {
            if let ([place], false) = (places.as_slice(), index.exact.contains_key(part)) {
                index.add(part, *place);
            }
        }
        index
    }

    fn add(&mut self, name: &str, place: usize) {
        for (map, key) in [(&mut self.exact, name.to_owned()), (&mut self.folded, fold(name))] {
            let places = map.entry(key).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }

    /// The jobs that a name means, by the closest reading that means any.
    pub(super) fn find(&self, name: &str) -> Vec<Of> {
        let plain = |places: Vec<usize>| -> Vec<Of> {
            places.into_iter().map(|job| Of { job, inner: false }).collect()
        };
        let mut name = name.trim();
        // Copies may be marked more than once: `test (18) (retry)`.
        for _ in 0..3 {
            let found = self.whole(name);
            if !found.is_empty() {
                return plain(found);
            }
            match bare(name) {
                Some(shorter) => name = shorter,
                None => break,
            }
        }
        // A job inside a called workflow: `call / build (18)`.
        for (at, _) in name.match_indices(" / ") {
            let caller = name.get(..at).unwrap_or_default();
            let found = self.whole(caller);
            let found = match (found.is_empty(), bare(caller)) {
                (true, Some(shorter)) => self.whole(shorter),
                _ => found,
            };
            let calls = |job: &usize| self.calls.get(*job) == Some(&true);
            if found.iter().any(calls) {
                let inner = |job| Of { job, inner: true };
                return found.into_iter().filter(calls).map(inner).collect();
            }
        }
        Vec::new()
    }

    fn whole(&self, name: &str) -> Vec<usize> {
        if let Some(found) = self.exact.get(name) {
            return found.clone();
        }
        let fits = |parts: &[&str]| fits(parts, name);
        let found: Vec<usize> =
            self.patterns.iter().filter(|(parts, _)| fits(parts)).map(|(_, job)| *job).collect();
        if !found.is_empty() {
            return found;
        }
        self.folded.get(&fold(name)).cloned().unwrap_or_default()
    }
}

fn names(job: &Job) -> impl Iterator<Item = &str> {
    let shown = job.name.as_ref().map(|name| name.value.as_str());
    std::iter::once(job.id.as_str()).chain(shown)
}

/// Without case, and with any run of other characters as one space.
fn fold(name: &str) -> String {
    let words = name.split(|mark: char| !mark.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// What stands around the expressions of a name; `None` where it has none, or
/// nothing else.
fn literals(name: &str) -> Option<Vec<&str>> {
    let (mut parts, mut rest) = (Vec::new(), name);
    let marks = [("${{", "}}"), ("<+", ">"), ("$(", ")"), ("${", "}")];
    loop {
        let next = marks
            .iter()
            .filter_map(|(open, close)| rest.find(open).map(|at| (at, *close)))
            .min_by_key(|(at, _)| *at);
        let Some((at, close)) = next else { break };
        let behind = rest.get(at..)?;
        let end = behind.find(close)? + close.len();
        parts.push(rest.get(..at)?);
        rest = behind.get(end..)?;
    }
    parts.push(rest);
    let said: usize = parts.iter().map(|part| part.trim().len()).sum();
    (parts.len() > 1 && said > 1).then_some(parts)
}

/// Whether the parts stand in the name in this order, the first at its start and the
/// last at its end.
fn fits(parts: &[&str], name: &str) -> bool {
    let [first, middle @ .., last] = parts else { return false };
    let Some(mut rest) = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// The name without the mark of a copy: `test (18, linux)`, `rspec 1/3`, `test: [18]`.
fn bare(name: &str) -> Option<&str> {
    let shorter = if name.ends_with(')') {
        name.rfind(" (").and_then(|at| name.get(..at))
    } else if name.ends_with(']') {
        name.find(": [").or_else(|| name.find(" [")).and_then(|at| name.get(..at))
    } else {
        let (front, copy) = name.rsplit_once(' ')?;
        let (at, of) = copy.split_once('/')?;
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        (number(at) && number(of)).then_some(front)
    }?;
    let shorter = shorter.trim_end();
    (!shorter.is_empty()).then_some(shorter)
}
