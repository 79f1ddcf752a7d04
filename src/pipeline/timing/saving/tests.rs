//! What changes save, on small graphs.

use super::*;
use crate::pipeline::Platform;
use crate::pipeline::graph::{Entry, Job, Need, NeedKind, Span, Step};
use crate::pipeline::timing::{JobTime, Run};
use crate::pipeline::words::{ImageBuild, Manager};

pub(super) fn graph(jobs: &[(&str, &[usize])]) -> Pipeline {
    let mut pipeline = Pipeline::new(Platform::GitHub);
    pipeline.entries.push(Entry { name: String::new(), span: Span::default() });
    for (id, needs) in jobs {
        let mut job = Job::new(*id, Span::default(), Vec::new());
        let need = |job: &usize| Need {
            job: *job,
            kind: NeedKind::Explicit,
            span: None,
            optional: false,
            artifacts: false,
        };
        job.needs = needs.iter().map(need).collect();
        pipeline.jobs.push(job);
    }
    pipeline
}

fn does(pipeline: &mut Pipeline, job: usize, does: Does) {
    let mut step = Step::new(Span::default(), Vec::new());
    step.name = Some("Work".into());
    step.does.push(does);
    pipeline.jobs[job].steps.push(step);
}

pub(super) fn time(name: &str, seconds: f64) -> JobTime {
    JobTime { name: name.into(), queue: 0.0, seconds, steps: Vec::new(), succeeded: true }
}

/// Twenty runs, each job a little different in each.
fn steady(pipeline: &Pipeline, seconds: &[f64]) -> History {
    let run = |turn: usize| Run {
        jobs: (pipeline.jobs.iter().zip(seconds))
            .map(|(job, seconds)| time(&job.id, seconds * (0.98 + 0.002 * turn as f64)))
            .collect(),
    };
    History { runs: (0..20).map(run).collect() }
}

#[track_caller]
fn near(found: f64, expect: f64, within: f64) {
    assert!((found - expect).abs() <= within, "{found} is not {expect} ± {within}");
}

#[track_caller]
fn sane(saving: &Saving) {
    let [low, middle, high] = saving.wall_seconds;
    assert!(low <= middle && middle <= high, "{saving:?}");
    if let Some([low, middle, high]) = saving.cost_usd {
        assert!(low <= middle && middle <= high, "{saving:?}");
    }
    assert!(saving.note.ends_with('.'), "{}", saving.note);
}

#[test]
fn only_what_is_on_the_critical_path_saves_time() {
    // lint → test → ship, docs beside.
    let pipeline = graph(&[("lint", &[]), ("test", &[0]), ("ship", &[1]), ("docs", &[0])]);
    let history = steady(&pipeline, &[60.0, 300.0, 30.0, 20.0]);
    let on = saving(&pipeline, &[Effect::DropEdges(vec![(1, 0)])], Some(&history)).unwrap();
    sane(&on);
    near(on.wall_seconds[1], 60.0, 1.0);
    assert_eq!(on.basis, Basis::History);
    assert_eq!(on.note, "From 20 past runs.");
    // Parallel jobs take the same minutes.
    assert_eq!(on.cost_usd, Some([0.0; 3]));
    let off = saving(&pipeline, &[Effect::DropEdges(vec![(3, 0)])], Some(&history)).unwrap();
    assert_eq!(off.wall_seconds, [0.0; 3]);
    assert!(
        off.note.contains("`docs` is off the critical path: no wall time is saved"),
        "{}",
        off.note
    );
}

#[test]
fn several_effects_are_worked_out_together_not_added() {
    // Two parallel jobs: shortening either alone saves little.
    let pipeline = graph(&[("a", &[]), ("b", &[]), ("end", &[0, 1])]);
    let history = steady(&pipeline, &[300.0, 290.0, 10.0]);
    let of =
        |effects: &[Effect]| saving(&pipeline, effects, Some(&history)).unwrap().wall_seconds[1];
    let smaller = |job| Effect::Shard { job, parts: 2 };
    let (one, other) = (of(&[smaller(0)]), of(&[smaller(1)]));
    let both = of(&[smaller(0), smaller(1)]);
    near(one, 10.0, 1.0);
    near(other, 0.0, 0.5);
    assert!(both > one + other + 50.0, "{both}");
    // And the other way: dropping an edge twice saves once.
    let chain = graph(&[("a", &[]), ("b", &[0])]);
    let history = steady(&chain, &[100.0, 50.0]);
    let drop = Effect::DropEdges(vec![(1, 0)]);
    let twice = saving(&chain, &[drop.clone(), drop], Some(&history)).unwrap();
    near(twice.wall_seconds[1], 50.0, 1.0);
}

#[test]
fn a_cache_saves_what_installing_takes_less_restoring() {
    let mut pipeline = graph(&[("test", &[])]);
    does(&mut pipeline, 0, Does::Install(Manager::Npm));
    let mut history = steady(&pipeline, &[200.0]);
    for run in &mut history.runs {
        run.jobs[0].steps = vec![("Work".into(), 100.0), ("Other".into(), 100.0)];
    }
    let found = saving(&pipeline, &[Effect::CacheDependencies(vec![0])], Some(&history)).unwrap();
    sane(&found);
    // h·(install − restore) − (1−h)·save at the usual figures, 35 % of it staying.
    near(found.wall_seconds[1], 0.85 * (65.0 - 6.0) - 0.15 * 8.0, 14.0);
    assert!(found.wall_seconds[0] < found.wall_seconds[1] - 5.0);
    // Rounded up by the minute, 200 s cost four minutes and some 150 s three.
    near(found.cost_usd.unwrap()[1], 0.006, 0.0025);
}

#[test]
fn images_clones_runners_and_shards_have_their_models() {
    let mut pipeline = graph(&[("build", &[]), ("ship", &[0])]);
    does(&mut pipeline, 0, Does::BuildImage(ImageBuild::default()));
    does(&mut pipeline, 1, Does::BuildImage(ImageBuild::default()));
    let history = steady(&pipeline, &[400.0, 500.0]);
    let of = |effect| saving(&pipeline, &[effect], Some(&history)).unwrap();
    // The later build goes; a push and a pull come.
    let reuse = of(Effect::ReuseImage(vec![1])).wall_seconds;
    assert!(reuse[0] > 20.0 && reuse[2] < 500.0, "{reuse:?}");
    let layers = of(Effect::CacheLayers(vec![0])).wall_seconds;
    assert!(layers[1] > 0.0 && layers[1] < 300.0, "{layers:?}");
    let smaller = of(Effect::SmallerRunner { job: 1, from: 8.0, to: 4.0 });
    assert!(smaller.wall_seconds[1] < -50.0, "{smaller:?}");
    assert!(smaller.note.contains("A run takes longer"), "{}", smaller.note);
    assert!(smaller.cost_usd.unwrap()[1] > 0.0);
    let shard = of(Effect::Shard { job: 1, parts: 4 });
    assert!(shard.wall_seconds[1] > 150.0 && shard.cost_usd.unwrap()[1] < 0.0, "{shard:?}");
    let clone = of(Effect::ShallowClone(vec![0])).wall_seconds;
    assert!(clone[0] >= 0.0 && clone[2] < 180.0, "{clone:?}");
}

#[test]
fn without_a_history_there_is_an_estimate_that_says_so() {
    let mut pipeline = graph(&[("lint", &[]), ("test", &[0])]);
    does(&mut pipeline, 0, Does::Lint);
    does(&mut pipeline, 1, Does::Install(Manager::Npm));
    does(&mut pipeline, 1, Does::Test);
    let found = saving(&pipeline, &[Effect::DropEdges(vec![(1, 0)])], None).unwrap();
    sane(&found);
    assert_eq!(found.basis, Basis::Estimate);
    assert!(found.wall_seconds[0] > 0.0 && found.wall_seconds[2] < 400.0, "{found:?}");
    assert!(found.note.starts_with("An estimate from what such steps usually take"));
    // The same each time.
    assert_eq!(saving(&pipeline, &[Effect::DropEdges(vec![(1, 0)])], None).unwrap(), found);
    // A history of other jobs does not help; one that lacks a job is named.
    let other = History { runs: vec![Run { jobs: vec![time("lint", 9.0)] }; 8] };
    let mixed = saving(&pipeline, &[Effect::DropEdges(vec![(1, 0)])], Some(&other)).unwrap();
    assert_eq!(mixed.basis, Basis::Estimate);
    assert!(mixed.note.contains("the history has no times of `test`"), "{}", mixed.note);
    near(mixed.wall_seconds[1], 9.0, 0.1);
}

#[test]
fn what_cannot_be_told_is_not_told() {
    let pipeline = graph(&[("a", &[]), ("b", &[0])]);
    assert_eq!(saving(&pipeline, &[], None), None);
    assert_eq!(saving(&pipeline, &[Effect::FewerRuns], None), None);
    assert_eq!(saving(&pipeline, &[Effect::AddEdges(vec![(0, 1)])], None), None);
    assert_eq!(saving(&pipeline, &[Effect::DropEdges(vec![(9, 9)])], None), None);
    assert_eq!(saving(&pipeline, &[Effect::CacheDependencies(vec![9])], None), None);
}

#[test]
fn an_earlier_scan_costs_time_and_says_what_it_would_have_stopped() {
    let mut pipeline = graph(&[("build", &[]), ("deploy", &[0]), ("scan", &[0])]);
    does(
        &mut pipeline,
        2,
        Does::Scan {
            tool: "trivy".into(),
            target: crate::pipeline::words::ScanTarget::Image,
            gating: true,
        },
    );
    let mut history = steady(&pipeline, &[100.0, 50.0, 40.0]);
    for run in history.runs.iter_mut().take(3) {
        run.jobs[2].succeeded = false;
    }
    let found = saving(&pipeline, &[Effect::AddEdges(vec![(1, 2)])], Some(&history)).unwrap();
    near(found.wall_seconds[1], -40.0, 1.0);
    assert!(found.note.contains("`scan` failed in 3 of 20 runs"), "{}", found.note);
}

#[test]
fn two_states_of_a_file_are_compared_by_the_names_of_jobs() {
    let before = graph(&[("build", &[]), ("lint", &[0]), ("test", &[1])]);
    // Another order in the file, an edge less, a job less and a job more.
    let after = graph(&[("test", &[2]), ("smoke", &[0]), ("build", &[])]);
    let history = steady(&before, &[100.0, 60.0, 200.0]);
    let found = saving_between(&before, &after, &[], Some(&history)).unwrap();
    sane(&found);
    // The linter's minute goes, and what a step usually takes comes.
    assert!(found.wall_seconds[1] > 30.0 && found.wall_seconds[1] < 60.0, "{found:?}");
    assert_eq!(saving_between(&before, &before, &[], Some(&history)), None);
}

#[test]
fn copies_of_a_matrix_count_as_the_longest_and_cost_each() {
    let pipeline = graph(&[("test", &[])]);
    let run = Run { jobs: vec![time("test (1)", 90.0), time("test (2)", 190.0)] };
    let history = History { runs: vec![run; 12] };
    let (times, basis) = typical(&pipeline, Some(&history));
    assert_eq!((times.seconds[0], basis), (190.0, Basis::History));
    let found = saving(&pipeline, &[Effect::ShallowClone(vec![0])], Some(&history)).unwrap();
    sane(&found);
    assert!(found.wall_seconds[2] <= 190.0);
}

#[test]
fn graphs_that_start_apart_are_not_mixed() {
    let mut pipeline = graph(&[("a", &[]), ("b", &[0]), ("long", &[])]);
    pipeline.entries.push(Entry { name: "other".into(), span: Span::default() });
    pipeline.jobs[2].entry = 1;
    let history = steady(&pipeline, &[100.0, 50.0, 9000.0]);
    let found = saving(&pipeline, &[Effect::DropEdges(vec![(1, 0)])], Some(&history)).unwrap();
    near(found.wall_seconds[1], 50.0, 1.0);
}

#[test]
fn platforms_without_a_price_say_why() {
    let mut pipeline = graph(&[("a", &[]), ("b", &[0])]);
    pipeline.platform = Platform::Azure;
    let found = saving(&pipeline, &[Effect::DropEdges(vec![(1, 0)])], None).unwrap();
    assert_eq!(found.cost_usd, None);
    assert!(found.note.contains("parallel job"), "{}", found.note);
}

#[test]
fn a_graph_of_two_thousand_jobs_is_worked_out() {
    let mut pipeline = graph(&[]);
    for place in 0..2_000usize {
        let needs: &[usize] = &[place.saturating_sub(50), place.saturating_sub(51)];
        let needs = if place < 51 { &[] } else { needs };
        pipeline.jobs.extend(graph(&[(&format!("j{place}"), needs)]).jobs);
    }
    let found = saving(&pipeline, &[Effect::CacheDependencies(vec![7, 1_000])], None).unwrap();
    near(found.wall_seconds[1], 0.0, 0.1);
    assert!(found.note.contains("`j7` and `j1000` are off the critical path"), "{}", found.note);
    // Forty jobs behind each other become one.
    let edges = (51..2_000).flat_map(|job| [(job, job - 50), (job, job - 51)]).collect();
    let all = saving(&pipeline, &[Effect::DropEdges(edges)], None).unwrap();
    assert!(all.wall_seconds[0] > 39.0, "{all:?}");
}
