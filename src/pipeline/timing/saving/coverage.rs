//! How often the interval holds the truth: past runs are drawn from stated
//! distributions, the saving is predicted from them, and compared with what a long
//! run of further draws would have saved.

use super::sample::Random;
use super::tests::{graph, time};
use super::*;
use crate::pipeline::timing::path::Order;
use crate::pipeline::timing::{JobTime, Run};

/// Jobs: build → lint → test, build → e2e, both → image → ship, docs beside.
const JOBS: [(&str, &[usize], f64); 7] = [
    ("build", &[], 120.0),
    ("lint", &[0], 50.0),
    ("test", &[1], 240.0),
    ("e2e", &[0], 280.0),
    ("image", &[2, 3], 90.0),
    ("ship", &[4], 60.0),
    ("docs", &[0], 40.0),
];

/// Where times come from.
#[derive(Debug, Clone, Copy)]
enum World {
    /// Lognormal, jobs of a run slow or fast together: sigma 0.3, correlation 0.5.
    Correlated,
    /// Tests and builds hit or miss a cache they have already: 40 % of runs take 90 s
    /// more in `test`, and 40 % of their own in `e2e`; sigma 0.1.
    Bimodal,
    /// Sigma 0.25, waiting with a Pareto tail (alpha 1.6, from 5 s), and 5 % of jobs
    /// taking three times as long.
    Heavy,
}

fn draw(world: World, random: &mut Random) -> Run {
    let run_wide = random.normal();
    let jobs = JOBS.iter().map(|(name, _, seconds)| {
        let own = random.normal();
        let (mut seconds, mut queue) = (*seconds, 4.0 + 4.0 * random.unit());
        match world {
            World::Correlated => {
                seconds *= (0.3 * (0.5f64.sqrt() * run_wide + 0.5f64.sqrt() * own)).exp();
            }
            World::Bimodal => {
                if matches!(*name, "test" | "e2e") && random.unit() < 0.4 {
                    seconds += 90.0;
                }
                seconds *= (0.1 * own).exp();
            }
            World::Heavy => {
                seconds *= (0.25 * own).exp();
                if random.unit() < 0.05 {
                    seconds *= 3.0;
                }
                queue = 5.0 * (1.0 - random.unit()).powf(-1.0 / 1.6);
            }
        }
        JobTime { queue, ..time(name, seconds) }
    });
    Run { jobs: jobs.collect() }
}

/// What is changed, and what that really does to a job's time in a run.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// `test` no longer waits for `lint`.
    Parallel,
    /// Dependencies of `test` and `e2e` come from a cache, which hits in some runs.
    Cache,
    /// Both.
    Both,
}

fn effects(change: Change) -> Vec<Effect> {
    let parallel = vec![Effect::DropEdges(vec![(2, 1)]), Effect::AddEdges(vec![(2, 0)])];
    let cache = vec![Effect::CacheDependencies(vec![2, 3])];
    match change {
        Change::Parallel => parallel,
        Change::Cache => cache,
        Change::Both => [parallel, cache].concat(),
    }
}

/// The median of what many runs really save: each run hits the cache or does not.
fn truth(world: World, change: Change, random: &mut Random) -> f64 {
    use super::super::defaults::range;
    let pipeline = graph(&JOBS.map(|(name, needs, _)| (name, needs)));
    let before = Order::new(&pipeline);
    let mut needs = Ground::new(&pipeline, None).needs;
    if !matches!(change, Change::Cache) {
        needs[2] = vec![0];
    }
    let after = Order::of(needs);
    // A project's own figures, of which the prediction knows the ranges alone.
    let hits = range("cache-hits").at(random.unit()).min(1.0);
    let restore = range("cache-restore").at(random.unit());
    let save = range("cache-save").at(random.unit());
    let remaining = range("cache-remaining").at(random.unit());
    let install = super::super::defaults::install(crate::pipeline::words::Manager::Npm);
    let install = install.at(random.unit());
    let mut saved: Vec<f64> = (0..800)
        .map(|_| {
            let run = draw(world, random);
            let total = |job: usize| run.jobs[job].queue + run.jobs[job].seconds;
            let hit = random.unit() < hits;
            let then = |job: usize| {
                if matches!(change, Change::Parallel) || !matches!(job, 2 | 3) {
                    return total(job);
                }
                let spared = if hit { install * (1.0 - remaining) - restore } else { -save };
                total(job) - spared
            };
            before.seconds(total, &mut Vec::new()) - after.seconds(then, &mut Vec::new())
        })
        .collect();
    sample::median(&mut saved)
}

/// Of so many trials, in how many the truth lies in P10 to P90, and how wide that is
/// to what is saved.
fn covered(world: World, change: Change, past: usize, trials: usize) -> (usize, f64) {
    let pipeline = graph(&JOBS.map(|(name, needs, _)| (name, needs)));
    let seed = [world as u8 as f64, change as u8 as f64, past as f64];
    let mut random = Random::seeded(&seed);
    let (mut inside, mut widths) = (0, Vec::new());
    // Without a cache in it the truth is one; with one each trial is a project.
    let fixed = matches!(change, Change::Parallel).then(|| truth(world, change, &mut random));
    for _ in 0..trials {
        let truth = fixed.unwrap_or_else(|| truth(world, change, &mut random));
        let history = History { runs: (0..past).map(|_| draw(world, &mut random)).collect() };
        let found = saving(&pipeline, &effects(change), Some(&history)).unwrap();
        let [low, _, high] = found.wall_seconds;
        inside += usize::from(low <= truth && truth <= high);
        widths.push((high - low) / truth.abs().max(1.0));
    }
    (inside, sample::median(&mut widths))
}

fn table(past: &[usize], trials: usize) -> Vec<(String, usize)> {
    let mut cells = Vec::new();
    for world in [World::Correlated, World::Bimodal, World::Heavy] {
        for change in [Change::Parallel, Change::Cache, Change::Both] {
            for past in past {
                let (inside, width) = covered(world, change, *past, trials);
                let cell = format!(
                    "| {world:?} | {change:?} | {past} | {inside} of {trials} | {:.0} % |",
                    width * 100.0
                );
                cells.push((cell, inside));
            }
        }
    }
    cells
}

#[test]
fn the_true_saving_lies_in_the_interval_nine_times_of_ten() {
    const TRIALS: usize = 12;
    for (cell, inside) in table(&[10, 40], TRIALS) {
        // Nine of ten, less what twelve trials can be off by chance.
        assert!(inside * 12 >= TRIALS * 9, "{cell}");
    }
}

#[test]
#[ignore = "takes a minute: prints the table of `benches/savings.sh`"]
fn coverage_table() {
    println!("| times | change | past runs | truth in P10–P90 | width to saving |");
    println!("|---|---|---|---|---|");
    let cells = table(&[3, 10, 30, 100], 100);
    for (cell, _) in &cells {
        println!("{cell}");
    }
}
