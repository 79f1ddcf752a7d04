//! Runs with and without a change: as they were, or drawn of what things usually take.

use super::super::History;
use super::super::history::{Matched, match_jobs};
use super::super::path::{Order, Slack};
use super::super::rates;
use super::model::{self, Copy, Unknown};
use super::sample::Random;
use super::{Basis, Comparison, Saving, Touched, longest};
use crate::pipeline::graph::Pipeline;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};

/// Draws of what is not known: beside a history, and without one.
const ROWS: usize = 48;
const DRAWS: usize = 400;

/// Jobs to be walked in all, more or less.
const STEPS: usize = 1_000_000;

/// Less than this is no distance from the critical path: what floating point leaves.
const NEAR: f64 = 1e-6;

/// What each run would have saved: rows are draws of what is not known, columns runs.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub wall: Vec<Vec<f64>>,
    pub cost: Vec<Vec<f64>>,
}

/// Copies of each job in one run.
type Run = Vec<Vec<Copy>>;

/// What is known of a pipeline before any change, worked out once for all of them.
pub(super) struct Ground<'a> {
    pipeline: &'a Pipeline,
    pub matched: Matched<'a>,
    /// What each job waits for.
    pub needs: Vec<Vec<usize>>,
    order: Order,
    /// The matched runs, each when it is first asked for.
    runs: Vec<OnceCell<Run>>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(pipeline: &'a Pipeline, history: Option<&'a History>) -> Self {
        let matched = history.map(|history| match_jobs(pipeline, history)).unwrap_or_default();
        let needs = pipeline.jobs.iter().map(|job| job.needs.iter().map(|need| need.job).collect());
        let runs = matched.runs.iter().map(|_| OnceCell::new()).collect();
        Ground { pipeline, needs: needs.collect(), order: Order::new(pipeline), runs, matched }
    }

    fn run(&self, place: usize) -> &[Vec<Copy>] {
        let made = || -> Run {
            let run = self.matched.runs.get(place).into_iter().flatten();
            let copies = run.zip(&self.pipeline.jobs);
            copies.map(|(times, job)| times.iter().map(|t| Copy::of(job, t)).collect()).collect()
        };
        self.runs.get(place).map_or(&[], |run| run.get_or_init(made))
    }

    /// What each job of an entry takes in a run as it is, and how far it is from
    /// deciding how long the run takes.
    fn base(&self, run: &[Vec<Copy>], entry: usize, come: &BTreeSet<usize>) -> Base {
        let jobs = self.pipeline.jobs.iter().zip(run).enumerate();
        let total: Vec<f64> = jobs
            .map(|(place, (job, copies))| {
                let counts = job.entry == entry && !come.contains(&place);
                let longest = longest(copies.iter().copied()).filter(|_| counts);
                longest.map_or(0.0, |copy| copy.queue + copy.seconds)
            })
            .collect();
        let slack = self.order.slack(|job| total.get(job).copied().unwrap_or(0.0));
        Base { total, slack }
    }
}

/// A run without the change.
struct Base {
    total: Vec<f64>,
    slack: Slack,
}

/// A change on its ground.
pub(super) struct Worlds<'a> {
    ground: &'a Ground<'a>,
    comparison: &'a Comparison<'a>,
    touched: Touched,
    after: Cow<'a, Order>,
    entry: usize,
    runs: Vec<usize>,
    /// Jobs of which the change tells and no run does.
    unknown: Vec<usize>,
    basis: Basis,
    /// Whether it takes edges and adds none, in a graph whose jobs stay.
    narrows: bool,
}

impl<'a> Worlds<'a> {
    /// `None` where there is nothing to tell.
    pub(super) fn new(ground: &'a Ground<'a>, comparison: &'a Comparison<'a>) -> Option<Self> {
        let touched = comparison.touched();
        if touched.all.is_empty() {
            return None;
        }
        let after = match &comparison.needs {
            Cow::Borrowed(_) => Cow::Borrowed(&ground.order),
            Cow::Owned(needs) => Cow::Owned(Order::of(needs.clone())),
        };
        if after.cycles() > ground.order.cycles() {
            return None;
        }
        let narrows = comparison.gone.is_empty()
            && comparison.come.is_empty()
            && touched.all.iter().all(|job| {
                let before = ground.needs.get(*job).map(Vec::as_slice).unwrap_or_default();
                let now = comparison.needs.get(*job).map(Vec::as_slice).unwrap_or_default();
                now == before || now.iter().all(|need| before.contains(need))
            });
        let runs = comparison.runs(&ground.matched, &touched);
        // Without times of what changes, the figures are no better than estimates.
        let ran = |run: &usize, job: usize| {
            let copies = ground.matched.runs.get(*run).and_then(|run| run.get(job));
            copies.is_some_and(|copies| !copies.is_empty())
        };
        let known = |job: &usize| runs.iter().any(|run| ran(run, *job));
        let unknown: Vec<usize> = touched.all.iter().filter(|job| !known(job)).copied().collect();
        let basis = if runs.is_empty() || unknown.iter().any(|job| !comparison.come.contains(job)) {
            Basis::Estimate
        } else {
            Basis::History
        };
        let entry = comparison.entry(&touched);
        Some(Worlds { ground, comparison, touched, after, entry, runs, unknown, basis, narrows })
    }

    /// The figures in words.
    pub(super) fn told(&self, table: Table) -> Saving {
        let (touched, matched) = (&self.touched, &self.ground.matched);
        self.comparison.told(table, touched, self.basis, self.runs.len(), matched, &self.unknown)
    }

    /// Past runs as they were, again for each draw of what is not known.
    fn past(&self, bases: &mut HashMap<(usize, usize), Base>) -> Table {
        let runs: Vec<&[Vec<Copy>]> = self.runs.iter().map(|run| self.ground.run(*run)).collect();
        let seconds: Vec<f64> =
            runs.iter().copied().flatten().flatten().map(|copy| copy.seconds).collect();
        let mut random = Random::seeded(&seconds);
        // Fewer draws of very large graphs, so that they take no longer than a moment.
        let jobs = self.comparison.pipeline.jobs.len() * runs.len();
        let rows =
            if self.touched.times.is_empty() { 1 } else { (STEPS / jobs.max(1)).clamp(12, ROWS) };
        for (place, run) in self.runs.iter().zip(&runs) {
            let base = || self.ground.base(run, self.entry, &self.comparison.come);
            bases.entry((*place, self.entry)).or_insert_with(base);
        }
        let mut table = Table::default();
        for _ in 0..rows {
            let unknown = Unknown::draw(&mut random);
            let figures = self.runs.iter().zip(&runs).filter_map(|(place, run)| {
                let base = bases.get(&(*place, self.entry))?;
                Some(self.saved(run, base, &unknown.in_run(&mut random)))
            });
            let (wall, cost) = figures.unzip();
            table.wall.push(wall);
            table.cost.push(cost);
        }
        table
    }

    /// Seconds and dollars that a run would have saved.
    fn saved(&self, run: &[Vec<Copy>], base: &Base, unknown: &Unknown) -> (f64, f64) {
        let Comparison { pipeline, effects, gone, come, .. } = self.comparison;
        let (mut dollars, mut longer) = (0.0, 0.0);
        let mut changed: Vec<(usize, f64)> = Vec::with_capacity(self.touched.times.len());
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
            let now = if node.entry == self.entry { longest } else { 0.0 };
            longer += (now - base.total.get(*job).copied().unwrap_or(0.0)).max(0.0);
            changed.push((*job, now));
        }
        // What is far enough off the critical path moves nothing.
        let spare = |job: &usize| base.slack.of(*job);
        let spare = self.touched.all.iter().map(spare).fold(f64::INFINITY, f64::min);
        if self.narrows && spare > NEAR && longer + NEAR < spare {
            return (0.0, dollars);
        }
        let mut total = base.total.clone();
        for (job, now) in changed {
            if let Some(slot) = total.get_mut(job) {
                *slot = now;
            }
        }
        let of = |job: usize| total.get(job).copied().unwrap_or(0.0);
        (base.slack.seconds - self.after.seconds(of, &mut Vec::new()), dollars)
    }
}

/// The figures of each change.
pub(super) fn tables(ground: &Ground<'_>, worlds: &[Option<Worlds<'_>>]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    // Those of which there are no runs at all are drawn together.
    let mut open: Vec<(usize, &Worlds<'_>)> = Vec::new();
    let mut bases = HashMap::new();
    for (place, worlds) in worlds.iter().enumerate() {
        tables.push(match worlds {
            Some(worlds) if worlds.basis == Basis::History => worlds.past(&mut bases),
            Some(worlds) if !worlds.runs.is_empty() => {
                drawn(ground, &[worlds]).pop().unwrap_or_default()
            }
            Some(worlds) => {
                open.push((place, worlds));
                Table::default()
            }
            None => Table::default(),
        });
    }
    let together: Vec<&Worlds<'_>> = open.iter().map(|(_, worlds)| *worlds).collect();
    for ((place, _), table) in open.into_iter().zip(drawn(ground, &together)) {
        if let Some(slot) = tables.get_mut(place) {
            *slot = table;
        }
    }
    tables
}

/// Runs that are made up of what things usually take; where there are past runs, only
/// the jobs they do not know. All changes have the same past runs.
fn drawn(ground: &Ground<'_>, worlds: &[&Worlds<'_>]) -> Vec<Table> {
    let Some(first) = worlds.first() else { return Vec::new() };
    let (pipeline, runs) = (ground.pipeline, &first.runs);
    // The same pipeline gives the same draws, so that fixes compare.
    let mut random = Random::seeded(&[pipeline.jobs.len() as f64, runs.len() as f64]);
    // Every step is drawn, which takes a fraction of walking a job.
    let steps: usize = pipeline.jobs.iter().map(|job| job.steps.len()).sum();
    let size = pipeline.jobs.len().max((pipeline.jobs.len() + steps) / 4).max(1);
    let mut figures: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); worlds.len()];
    for turn in 0..(STEPS / (5 * size)).clamp(100, DRAWS) {
        // Half of what is not known is the project's: all its jobs are slow or fast.
        let common = random.unit();
        let mut draw = || if random.unit() < 0.5 { common } else { random.unit() };
        let made: Run = match runs.get(turn % runs.len().max(1)) {
            Some(run) => (ground.run(*run).iter().zip(&pipeline.jobs).enumerate())
                .map(|(place, (copies, job))| {
                    let missing = copies.is_empty() && first.unknown.contains(&place);
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
        let mut bases: HashMap<usize, Base> = HashMap::new();
        for (worlds, (wall, cost)) in worlds.iter().zip(&mut figures) {
            let base = || ground.base(&made, worlds.entry, &worlds.comparison.come);
            let base = bases.entry(worlds.entry).or_insert_with(base);
            let (saved, dollars) = worlds.saved(&made, base, &unknown);
            wall.push(saved);
            cost.push(dollars);
        }
    }
    figures.into_iter().map(|(wall, cost)| Table { wall: vec![wall], cost: vec![cost] }).collect()
}
