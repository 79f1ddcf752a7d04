//! What a change would save: wall-clock time on the critical path, and money by what
//! the host charges. Never a sum over jobs; several effects are worked out together.

#[cfg(test)]
mod coverage;
mod model;
pub(super) mod sample;
#[cfg(test)]
mod tests;
mod worlds;

use super::history::{Matched, match_jobs};
use super::path::{Times, critical};
use super::rates;
use super::{Effect, History};
use crate::pipeline::graph::Pipeline;
use crate::pipeline::words::Does;
use model::Copy;
use sample::Middle;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use worlds::{Ground, Table, Worlds};

/// What a change would save.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Saving {
    /// Seconds from the start of a run to its end: P10, P50 and P90. Below 0 where it
    /// takes longer.
    pub wall_seconds: [f64; 3],
    /// US dollars a run at list prices: P10, P50 and P90. `None` where nothing is
    /// charged by the minute, or no price is known.
    pub cost_usd: Option<[f64; 3]>,
    /// What it rests on.
    pub basis: Basis,
    /// What a reader should know, in sentences.
    pub note: String,
}

/// What a figure rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Times of past runs.
    History,
    /// What such things usually take.
    Estimate,
}

/// Most past runs that are looked at, the latest ones: older ones tell little of how
/// the pipeline is today.
const RUNS: usize = 50;

/// Less than this is no saving: a second is what clocks of hosts round to.
const NOTHING: f64 = 0.5;

/// What these effects save together. `None` where that cannot be told: there is
/// nothing to save, they only make runs fewer, or the edges make a cycle.
pub fn saving(
    pipeline: &Pipeline,
    effects: &[Effect],
    history: Option<&History>,
) -> Option<Saving> {
    savings(pipeline, &[effects], history).pop().flatten()
}

/// What each of these sets of effects saves by itself: one after the other, in their
/// order. Costs little more for a thousand of them than for one, as what is known of
/// the runs is worked out once.
pub fn savings(
    pipeline: &Pipeline,
    sets: &[&[Effect]],
    history: Option<&History>,
) -> Vec<Option<Saving>> {
    if sets.is_empty() {
        return Vec::new();
    }
    let ground = Ground::new(pipeline, history);
    let comparisons: Vec<Comparison<'_>> = sets
        .iter()
        .map(|effects| Comparison {
            pipeline,
            needs: edges(&ground.needs, effects),
            effects,
            gone: BTreeSet::new(),
            come: BTreeSet::new(),
        })
        .collect();
    told(&ground, &comparisons)
}

/// The edges that effects leave.
fn edges<'n>(known: &'n [Vec<usize>], effects: &[Effect]) -> Cow<'n, [Vec<usize>]> {
    let mut needs = Cow::Borrowed(known);
    for effect in effects {
        match effect {
            Effect::DropEdges(edges) => {
                for (job, need) in edges {
                    if let Some(needs) = needs.to_mut().get_mut(*job) {
                        needs.retain(|known| known != need);
                    }
                }
            }
            Effect::AddEdges(edges) => {
                for (job, need) in edges {
                    if let Some(needs) = needs.to_mut().get_mut(*job)
                        && !needs.contains(need)
                    {
                        needs.push(*need);
                    }
                }
            }
            _ => {}
        }
    }
    needs
}

/// What lies between two states of a pipeline: the edges of `after` in place of those
/// of `before`, and these effects on times. Jobs are the same by their ids; what is
/// only in `after` is taken at what it usually takes. `None` as of [`saving`].
pub fn saving_between(
    before: &Pipeline,
    after: &Pipeline,
    effects: &[Effect],
    history: Option<&History>,
) -> Option<Saving> {
    // One graph with the jobs of both: those that come take no time before, those that
    // go none after, which an edge through them does not lengthen.
    let mut both = before.clone();
    let mut places: HashMap<&str, usize> =
        before.jobs.iter().enumerate().map(|(place, job)| (job.id.as_str(), place)).collect();
    for job in &after.jobs {
        if !places.contains_key(job.id.as_str()) {
            let mut job_new = job.clone();
            job_new.needs.clear();
            job_new.entry = 0;
            places.insert(&job.id, both.jobs.len());
            both.jobs.push(job_new);
        }
    }
    let mut needs = vec![Vec::new(); both.jobs.len()];
    for job in &after.jobs {
        let named = job.needs.iter().filter_map(|need| after.jobs.get(need.job));
        let of = named.filter_map(|need| places.get(need.id.as_str()).copied()).collect();
        if let Some(place) = places.get(job.id.as_str())
            && let Some(needs) = needs.get_mut(*place)
        {
            *needs = of;
        }
    }
    let gone: BTreeSet<usize> = (before.jobs.iter().enumerate())
        .filter(|(_, job)| after.job(&job.id).is_none())
        .map(|(place, _)| place)
        .collect();
    let come: BTreeSet<usize> = (before.jobs.len()..both.jobs.len()).collect();
    let needs = Cow::Owned(needs);
    let comparison = Comparison { pipeline: &both, needs, effects, gone, come };
    told(&Ground::new(&both, history), &[comparison]).pop().flatten()
}

/// The middle time of each job, for drawings and for rules: of the runs it ran in, or
/// what it usually takes. [`Basis::History`] where any job has times.
pub fn typical(pipeline: &Pipeline, history: Option<&History>) -> (Times, Basis) {
    let matched = history.map(|history| match_jobs(pipeline, history)).unwrap_or_default();
    let mut times = Times::default();
    let mut basis = Basis::Estimate;
    for (place, job) in pipeline.jobs.iter().enumerate() {
        let longest: Vec<Copy> = (matched.runs.iter())
            .filter_map(|run| longest(run.get(place)?.iter().map(|time| Copy::of(job, time))))
            .collect();
        if longest.is_empty() {
            let copy = model::usual(job, || 0.5);
            times.queue.push(copy.queue);
            times.seconds.push(copy.seconds);
        } else {
            basis = Basis::History;
            let mut queue: Vec<f64> = longest.iter().map(|copy| copy.queue).collect();
            let mut seconds: Vec<f64> = longest.iter().map(|copy| copy.seconds).collect();
            times.queue.push(sample::median(&mut queue));
            times.seconds.push(sample::median(&mut seconds));
        }
    }
    (times, basis)
}

fn longest(copies: impl Iterator<Item = Copy>) -> Option<Copy> {
    copies.max_by(|one, two| (one.queue + one.seconds).total_cmp(&(two.queue + two.seconds)))
}

/// The figures of each comparison on the same ground.
fn told(ground: &Ground<'_>, comparisons: &[Comparison<'_>]) -> Vec<Option<Saving>> {
    let worlds: Vec<Option<Worlds<'_>>> =
        comparisons.iter().map(|comparison| Worlds::new(ground, comparison)).collect();
    let tables = worlds::tables(ground, &worlds);
    let each = worlds.iter().zip(tables);
    each.map(|(worlds, table)| worlds.as_ref().map(|worlds| worlds.told(table))).collect()
}

/// Two states of one graph.
struct Comparison<'a> {
    pipeline: &'a Pipeline,
    /// The edges afterwards; borrowed where they are those before.
    needs: Cow<'a, [Vec<usize>]>,
    effects: &'a [Effect],
    /// Jobs that are there only before, or only afterwards.
    gone: BTreeSet<usize>,
    come: BTreeSet<usize>,
}

/// Jobs by what changes for them.
struct Touched {
    /// Those whose own time changes.
    times: BTreeSet<usize>,
    /// All, with those whose edges change.
    all: BTreeSet<usize>,
}

impl Comparison<'_> {
    fn touched(&self) -> Touched {
        let mut times: BTreeSet<usize> = self.gone.union(&self.come).copied().collect();
        for effect in self.effects {
            match effect {
                Effect::CacheDependencies(jobs)
                | Effect::CacheLayers(jobs)
                | Effect::ShallowClone(jobs) => times.extend(jobs),
                Effect::ReuseImage(jobs) => {
                    times.extend(jobs);
                    times.extend((0..self.pipeline.jobs.len()).filter(|job| {
                        !jobs.contains(job) && model::builds_for(*job, self.pipeline, jobs)
                    }));
                }
                Effect::SmallerRunner { job, .. } | Effect::Shard { job, .. } => {
                    times.insert(*job);
                }
                Effect::DropEdges(_) | Effect::AddEdges(_) | Effect::FewerRuns => {}
            }
        }
        times.retain(|job| *job < self.pipeline.jobs.len());
        let mut all = times.clone();
        let (jobs, needs) = match &self.needs {
            Cow::Borrowed(_) => return Touched { times, all },
            Cow::Owned(needs) => (&self.pipeline.jobs, needs),
        };
        for (place, (job, after)) in jobs.iter().zip(needs).enumerate() {
            if job.needs.iter().map(|need| need.job).eq(after.iter().copied()) {
                continue;
            }
            let before: BTreeSet<usize> = job.needs.iter().map(|need| need.job).collect();
            if before != after.iter().copied().collect() {
                all.insert(place);
            }
        }
        Touched { times, all }
    }

    /// The graph among those that start apart that has most of what changes.
    fn entry(&self, touched: &Touched) -> usize {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for job in touched.all.iter().filter_map(|job| self.pipeline.jobs.get(*job)) {
            *counts.entry(job.entry).or_default() += 1;
        }
        counts
            .into_iter()
            .max_by_key(|(entry, count)| (*count, std::cmp::Reverse(*entry)))
            .map_or(0, |(entry, _)| entry)
    }

    /// The latest runs that say something of what changes, by their places: where there
    /// are enough, those in which all of it ran and nothing failed.
    fn runs(&self, matched: &Matched<'_>, touched: &Touched) -> Vec<usize> {
        const ENOUGH: usize = 5;
        let seen: Vec<usize> =
            (touched.all.iter()).filter(|job| !matched.unseen.contains(job)).copied().collect();
        let whole = |run: &usize| {
            let run = matched.runs.get(*run);
            let ran =
                |job: &usize| run.and_then(|run| run.get(*job)).is_some_and(|c| !c.is_empty());
            seen.iter().all(ran)
        };
        let green = |run: &usize| {
            let run = matched.runs.get(*run);
            let mut jobs = run.into_iter().flatten().zip(&self.pipeline.jobs);
            jobs.all(|(copies, job)| job.soft_fail || copies.iter().all(|time| time.succeeded))
        };
        let all: Vec<usize> = (0..matched.runs.len()).collect();
        let complete: Vec<usize> = all.iter().filter(|run| whole(run)).copied().collect();
        let best: Vec<usize> = complete.iter().filter(|run| green(run)).copied().collect();
        let chosen = [best, complete.clone()].into_iter().find(|runs| runs.len() >= ENOUGH);
        let chosen = chosen.unwrap_or(if complete.is_empty() { all } else { complete });
        let latest = chosen.len().saturating_sub(RUNS);
        chosen.into_iter().skip(latest).collect()
    }

    /// The figures in words.
    fn told(
        &self,
        table: Table,
        touched: &Touched,
        basis: Basis,
        runs: usize,
        matched: &Matched<'_>,
        unknown: &[usize],
    ) -> Saving {
        let wall_seconds = match basis {
            Basis::History => sample::coming(&table.wall, Middle::Median),
            Basis::Estimate => {
                sample::wider(sample::quantiles(&mut table.wall.concat()), &table.wall)
            }
        };
        let priced = touched.all.iter().filter_map(|job| self.pipeline.jobs.get(*job));
        let cost_usd = priced
            .filter_map(|job| rates::rate(self.pipeline.platform, job))
            .next()
            .map(|_| match basis {
                Basis::History => sample::coming(&table.cost, Middle::Mean),
                Basis::Estimate => {
                    sample::wider(sample::quantiles(&mut table.cost.concat()), &table.cost)
                }
            });
        let mut note = match basis {
            Basis::History => format!("From {}.", many(runs, "past run")),
            Basis::Estimate if runs == 0 => format!(
                "An estimate from what such steps usually take (as of {}).",
                super::defaults::date()
            ),
            Basis::Estimate => {
                format!("An estimate: the history has no times of {}.", self.names(unknown.iter()))
            }
        };
        let (mut still, mut count) = (0usize, 0usize);
        for figure in table.wall.iter().flatten() {
            count += 1;
            still += usize::from(figure.abs() < NOTHING);
        }
        if still == count {
            note += &format!(
                " {} off the critical path: no wall time is saved.",
                self.are(touched.all.iter())
            );
        } else if still * 4 >= count {
            note += &format!(
                " In {} of 100 runs {} off the critical path, which saves no wall time.",
                (still * 100 + count / 2) / count.max(1),
                self.are(touched.all.iter())
            );
        }
        if let [_, middle, _] = wall_seconds
            && middle < -NOTHING
        {
            note += " A run takes longer.";
        }
        note += &self.failing(matched);
        if self.effects.contains(&Effect::FewerRuns) {
            note += " Runs that do not happen are not counted.";
        }
        if cost_usd.is_none() {
            let (why, _) = rates::note(self.pipeline.platform);
            let own = self.pipeline.jobs.iter().any(|job| job.runner.self_hosted);
            let why = if own { "machines of one's own have no price by the minute" } else { why };
            note += &format!(" No cost: {why}.");
        }
        Saving { wall_seconds, cost_usd, basis, note }
    }

    /// What an earlier scan would have stopped.
    fn failing(&self, matched: &Matched<'_>) -> String {
        let edges = self.effects.iter().filter_map(|effect| match effect {
            Effect::AddEdges(edges) => Some(edges),
            _ => None,
        });
        let scans: BTreeSet<usize> = (edges.flatten())
            .map(|(_, need)| *need)
            .filter(|need| {
                let steps = self.pipeline.jobs.get(*need).map(|job| job.steps.as_slice());
                let does = steps.unwrap_or_default().iter().flat_map(|step| &step.does);
                does.into_iter().any(|does| matches!(does, Does::Scan { .. }))
            })
            .collect();
        let mut told = String::new();
        for scan in scans {
            let ran = matched.runs.iter().filter_map(|run| run.get(scan)).filter(|c| !c.is_empty());
            let (mut all, mut failed) = (0, 0);
            for copies in ran {
                all += 1;
                failed += usize::from(copies.iter().any(|time| !time.succeeded));
            }
            if failed > 0 {
                told += &format!(
                    " {} failed in {failed} of {}; what now waits for it would not have run.",
                    self.names([scan].iter()),
                    many(all, "run")
                );
            }
        }
        told
    }

    fn names<'a>(&self, jobs: impl Iterator<Item = &'a usize>) -> String {
        let names: Vec<&str> = jobs
            .filter_map(|job| self.pipeline.jobs.get(*job))
            .map(|job| job.id.as_str())
            .collect();
        match names.as_slice() {
            [one] => format!("`{one}`"),
            [one, two] => format!("`{one}` and `{two}`"),
            [one, two, rest @ ..] => format!("`{one}`, `{two}` and {} more", rest.len()),
            [] => "its jobs".to_owned(),
        }
    }

    fn are<'a>(&self, jobs: impl Iterator<Item = &'a usize> + Clone) -> String {
        let verb = if jobs.clone().count() == 1 { "is" } else { "are" };
        format!("{} {verb}", self.names(jobs))
    }
}

fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Whether a job is on the critical path at middle times, for rules that only mean
/// such: its share of the whole, 0 where it is not.
pub fn share(pipeline: &Pipeline, history: Option<&History>, job: usize) -> f64 {
    let (times, _) = typical(pipeline, history);
    let path = critical(pipeline, &times);
    if path.jobs.contains(&job) && path.seconds > 0.0 {
        times.total(job) / path.seconds
    } else {
        0.0
    }
}
