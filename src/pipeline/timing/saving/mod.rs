//! What a change would save: wall-clock time on the critical path, and money by what
//! the host charges. Never a sum over jobs; several effects are worked out together.

#[cfg(test)]
mod coverage;
mod model;
pub(super) mod sample;
#[cfg(test)]
mod tests;

use super::history::{Matched, match_jobs};
use super::path::{Order, Times, critical};
use super::rates;
use super::{Effect, History};
use crate::pipeline::graph::Pipeline;
use crate::pipeline::words::Does;
use model::{Copy, Unknown};
use sample::{Middle, Random};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

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

/// Draws of what is not known: beside a history, and without one.
const ROWS: usize = 48;
const DRAWS: usize = 400;

/// Jobs to be walked in all, more or less.
const STEPS: usize = 1_000_000;

/// Less than this is no saving: a second is what clocks of hosts round to.
const NOTHING: f64 = 0.5;

/// What these effects save together. `None` where that cannot be told: there is
/// nothing to save, they only make runs fewer, or the edges make a cycle.
pub fn saving(
    pipeline: &Pipeline,
    effects: &[Effect],
    history: Option<&History>,
) -> Option<Saving> {
    let mut needs = needs(pipeline);
    for effect in effects {
        match effect {
            Effect::DropEdges(edges) => {
                for (job, need) in edges {
                    if let Some(needs) = needs.get_mut(*job) {
                        needs.retain(|known| known != need);
                    }
                }
            }
            Effect::AddEdges(edges) => {
                for (job, need) in edges {
                    if let Some(needs) = needs.get_mut(*job)
                        && !needs.contains(need)
                    {
                        needs.push(*need);
                    }
                }
            }
            _ => {}
        }
    }
    compare(pipeline, needs, effects, history)
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
    Comparison { pipeline: &both, needs, effects, gone, come }.saving(history)
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

fn needs(pipeline: &Pipeline) -> Vec<Vec<usize>> {
    let of = pipeline.jobs.iter().map(|job| job.needs.iter().map(|need| need.job).collect());
    of.collect()
}

fn compare(
    pipeline: &Pipeline,
    needs: Vec<Vec<usize>>,
    effects: &[Effect],
    history: Option<&History>,
) -> Option<Saving> {
    let (gone, come) = (BTreeSet::new(), BTreeSet::new());
    Comparison { pipeline, needs, effects, gone, come }.saving(history)
}

/// Two states of one graph.
struct Comparison<'a> {
    pipeline: &'a Pipeline,
    /// The edges afterwards.
    needs: Vec<Vec<usize>>,
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
        for (place, (job, after)) in self.pipeline.jobs.iter().zip(&self.needs).enumerate() {
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

    fn saving(&self, history: Option<&History>) -> Option<Saving> {
        let touched = self.touched();
        if touched.all.is_empty() {
            return None;
        }
        let (before, after) = (Order::new(self.pipeline), Order::of(self.needs.clone()));
        if after.cycles() > before.cycles() {
            return None;
        }
        let matched = history.map(|history| match_jobs(self.pipeline, history)).unwrap_or_default();
        let runs = self.runs(&matched, &touched);
        // Without times of what changes, the figures are no better than estimates.
        let known =
            |job: &usize| runs.iter().any(|run| run.get(*job).is_some_and(|c| !c.is_empty()));
        let unknown: Vec<usize> = touched.all.iter().filter(|job| !known(job)).copied().collect();
        let worlds = Worlds {
            comparison: self,
            touched: &touched,
            before,
            after,
            entry: self.entry(&touched),
        };
        if runs.is_empty() || unknown.iter().any(|job| !self.come.contains(job)) {
            let table = worlds.drawn(&runs, &unknown);
            return Some(self.told(
                table,
                &touched,
                Basis::Estimate,
                runs.len(),
                &matched,
                &unknown,
            ));
        }
        let table = worlds.past(&runs);
        Some(self.told(table, &touched, Basis::History, runs.len(), &matched, &unknown))
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

    /// The latest runs that say something of what changes: where there are enough,
    /// those in which all of it ran and nothing failed.
    fn runs(&self, matched: &Matched<'_>, touched: &Touched) -> Vec<Vec<Vec<Copy>>> {
        const ENOUGH: usize = 5;
        let seen: Vec<usize> =
            (touched.all.iter()).filter(|job| !matched.unseen.contains(job)).copied().collect();
        let whole = |run: &&Vec<Vec<&super::JobTime>>| {
            seen.iter().all(|job| run.get(*job).is_some_and(|copies| !copies.is_empty()))
        };
        let green = |run: &&Vec<Vec<&super::JobTime>>| {
            let mut jobs = run.iter().zip(&self.pipeline.jobs);
            jobs.all(|(copies, job)| job.soft_fail || copies.iter().all(|time| time.succeeded))
        };
        let all: Vec<_> = matched.runs.iter().collect();
        let complete: Vec<_> = matched.runs.iter().filter(whole).collect();
        let best: Vec<_> = matched.runs.iter().filter(whole).filter(green).collect();
        let chosen = [best, complete.clone()].into_iter().find(|runs| runs.len() >= ENOUGH);
        let chosen = chosen.unwrap_or(if complete.is_empty() { all } else { complete });
        let latest = chosen.len().saturating_sub(RUNS);
        chosen
            .into_iter()
            .skip(latest)
            .map(|run| {
                let copies = run.iter().zip(&self.pipeline.jobs);
                copies
                    .map(|(times, job)| times.iter().map(|t| Copy::of(job, t)).collect())
                    .collect()
            })
            .collect()
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

/// What each run would have saved: rows are draws of what is not known, columns runs.
#[derive(Debug, Default)]
struct Table {
    wall: Vec<Vec<f64>>,
    cost: Vec<Vec<f64>>,
}

struct Worlds<'a> {
    comparison: &'a Comparison<'a>,
    touched: &'a Touched,
    before: Order,
    after: Order,
    entry: usize,
}

impl Worlds<'_> {
    /// Past runs as they were, again for each draw of what is not known.
    fn past(&self, runs: &[Vec<Vec<Copy>>]) -> Table {
        let seconds: Vec<f64> = runs.iter().flatten().flatten().map(|copy| copy.seconds).collect();
        let mut random = Random::seeded(&seconds);
        // Fewer draws of very large graphs, so that they take no longer than a moment.
        let jobs = self.comparison.pipeline.jobs.len() * runs.len();
        let rows =
            if self.touched.times.is_empty() { 1 } else { (STEPS / jobs.max(1)).clamp(12, ROWS) };
        let mut table = Table::default();
        let base: Vec<(Vec<f64>, f64)> = runs.iter().map(|run| self.base(run)).collect();
        for _ in 0..rows {
            let unknown = Unknown::draw(&mut random);
            let figures = (runs.iter().zip(&base))
                .map(|(run, base)| self.saved(run, base, &unknown.in_run(&mut random)));
            let (wall, cost) = figures.unzip();
            table.wall.push(wall);
            table.cost.push(cost);
        }
        table
    }

    /// Runs that are made up of what things usually take; where there are past runs,
    /// only the jobs they do not know.
    fn drawn(&self, runs: &[Vec<Vec<Copy>>], unknown: &[usize]) -> Table {
        let pipeline = self.comparison.pipeline;
        // The same pipeline gives the same draws, so that fixes compare.
        let mut random = Random::seeded(&[pipeline.jobs.len() as f64, runs.len() as f64]);
        let (mut wall, mut cost) = (Vec::with_capacity(DRAWS), Vec::with_capacity(DRAWS));
        for turn in 0..(STEPS / (5 * pipeline.jobs.len().max(1))).clamp(100, DRAWS) {
            // Half of what is not known is the project's: all its jobs are slow or fast.
            let common = random.unit();
            let mut draw = || if random.unit() < 0.5 { common } else { random.unit() };
            let made: Vec<Vec<Copy>> = match runs.get(turn % runs.len().max(1)) {
                Some(run) => (run.iter().zip(&pipeline.jobs).enumerate())
                    .map(|(place, (copies, job))| {
                        let missing = copies.is_empty() && unknown.contains(&place);
                        if missing { vec![model::usual(job, &mut draw)] } else { copies.clone() }
                    })
                    .collect(),
                None => (pipeline.jobs.iter())
                    .map(|job| {
                        let cells = job.matrix.as_ref().and_then(|matrix| matrix.cells);
                        vec![model::usual(job, &mut draw); cells.unwrap_or(1).clamp(1, 256)]
                    })
                    .collect(),
            };
            let unknown = Unknown::draw(&mut random).in_run(&mut random);
            let (saved, dollars) = self.saved(&made, &self.base(&made), &unknown);
            wall.push(saved);
            cost.push(dollars);
        }
        Table { wall: vec![wall], cost: vec![cost] }
    }

    /// What each job takes in a run as it is, and how long the run takes.
    fn base(&self, run: &[Vec<Copy>]) -> (Vec<f64>, f64) {
        let jobs = self.comparison.pipeline.jobs.iter().zip(run).enumerate();
        let total: Vec<f64> = jobs
            .map(|(place, (job, copies))| {
                let counts = job.entry == self.entry && !self.comparison.come.contains(&place);
                let longest = longest(copies.iter().copied()).filter(|_| counts);
                longest.map_or(0.0, |copy| copy.queue + copy.seconds)
            })
            .collect();
        let wall =
            self.before.seconds(|job| total.get(job).copied().unwrap_or(0.0), &mut Vec::new());
        (total, wall)
    }

    /// Seconds and dollars that a run would have saved.
    fn saved(&self, run: &[Vec<Copy>], base: &(Vec<f64>, f64), unknown: &Unknown) -> (f64, f64) {
        let Comparison { pipeline, effects, gone, come, .. } = self.comparison;
        let (before, wall) = base;
        let mut total = before.clone();
        let mut dollars = 0.0;
        for job in &self.touched.times {
            let (Some(copies), Some(node)) = (run.get(*job), pipeline.jobs.get(*job)) else {
                continue;
            };
            let made;
            let copies = if copies.is_empty() && come.contains(job) {
                made = [model::usual(node, || 0.5)];
                made.as_slice()
            } else {
                copies.as_slice()
            };
            let rate = rates::rate(pipeline.platform, node);
            let mut longest = 0.0f64;
            for copy in copies {
                let after = model::after(*job, pipeline, *copy, effects, unknown);
                let stays = !gone.contains(job);
                if stays {
                    longest = longest.max(copy.queue + after.seconds);
                }
                if let Some(rate) = rate {
                    let was = if come.contains(job) { 0.0 } else { rate.cost(copy.seconds) };
                    let is = rate.scaled(after.price).cost(after.seconds) * after.copies;
                    dollars += was - if stays { is } else { 0.0 };
                }
            }
            if let Some(slot) = total.get_mut(*job) {
                *slot = if node.entry == self.entry { longest } else { 0.0 };
            }
        }
        let of = |job: usize| total.get(job).copied().unwrap_or(0.0);
        (wall - self.after.seconds(of, &mut Vec::new()), dollars)
    }
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
