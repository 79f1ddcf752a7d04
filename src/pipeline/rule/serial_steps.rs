//! Long checks that run one after another in one job.

use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::{Job, JobKind, Phase, Pipeline, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::history::match_jobs;
use crate::pipeline::timing::saving::share;
use crate::pipeline::timing::{History, JobTime};
use crate::pipeline::words::{self, Does, ScanTarget};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "serial-steps",
    title: "Long checks of one job wait for each other",
    doc: "\
Steps of a job run one after another. Where neighbours are checks and tests that need nothing of \
each other, and past runs show that both are long, the job takes as long as all of them together \
instead of the longest.

It needs times of past runs with their steps: at least two steps next to each other of a minute or \
more, and a minute and a fifth of the job to win.

**Suggests** a job for each of them, or steps side by side where the platform has them: `parallel` \
on Harness and in Jenkins.

**Silent** without times, where a step has a condition, is not known or changes something, and \
where the job is not a large part of the run.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &Platform::ALL,
    check,
};

/// Runs that are needed before their times count.
const FEWEST: usize = 5;
/// Seconds that a step has to take, and that have to be won.
const LONG: f64 = 60.0;
/// Part of the critical path below which a job is not worth splitting.
const PART: f64 = 0.2;

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let (pipeline, Some(history)) = (context.pipeline(), context.history) else { return };
    let matched = match_jobs(pipeline, history);
    for (place, job) in pipeline.jobs.iter().enumerate() {
        if job.kind != JobKind::Work || job.span.file != 0 || job.steps.len() < 2 {
            continue;
        }
        let times: Vec<&JobTime> = matched
            .runs
            .iter()
            .filter_map(|run| run.get(place)?.iter().find(|time| time.succeeded))
            .copied()
            .collect();
        if times.len() < FEWEST {
            continue;
        }
        let whole = median(times.iter().map(|time| time.seconds).collect());
        let mut best: Option<(f64, Vec<(&Step, f64)>)> = None;
        for run in runs(pipeline, job) {
            let timed: Vec<(&Step, f64)> = run
                .iter()
                .map(|step| (*step, seconds(step, &times)))
                .filter(|(_, seconds)| *seconds >= LONG)
                .collect();
            let sum: f64 = timed.iter().map(|(_, seconds)| seconds).sum();
            let most = timed.iter().map(|(_, seconds)| *seconds).fold(0.0, f64::max);
            let won = sum - most;
            if timed.len() > 1 && best.as_ref().is_none_or(|(known, _)| won > *known) {
                best = Some((won, timed));
            }
        }
        let Some((won, steps)) = best else { continue };
        if won < LONG.max(whole * 0.2) || share(pipeline, Some(history), place) < PART {
            continue;
        }
        hits.push(hit(pipeline, history, job, &steps, won));
    }
}

fn hit(pipeline: &Pipeline, history: &History, job: &Job, steps: &[(&Step, f64)], won: f64) -> Hit {
    let told: Vec<String> = steps
        .iter()
        .map(|(step, seconds)| format!("`{}` ({:.1} min)", label(step), seconds / 60.0))
        .collect();
    let how = match pipeline.platform {
        Platform::Harness => "Put them into a `parallel` group of steps",
        Platform::Jenkins => "Put them into `parallel` stages",
        Platform::Bitbucket => "Put them into steps of a `parallel` group",
        _ => "Give each a job of its own",
    };
    Hit {
        span: steps.last().map_or(job.key_span, |(step, _)| {
            step.script.as_ref().map_or(step.span, |script| script.span)
        }),
        title: format!("Checks of `{}` wait for each other: {}", job.title(), told.join(", ")),
        why: format!(
            "In {} past runs they took as long as all together; side by side the job would be done \
             about {:.1} minutes sooner. {how}, which costs setting up once more.",
            history.runs.len(),
            won / 60.0
        ),
        severity: None,
        confidence: 0.65,
        fix: None,
        effect: None,
    }
}

/// Neighbouring steps that only check.
fn runs<'a>(pipeline: &Pipeline, job: &'a Job) -> Vec<Vec<&'a Step>> {
    let mut runs: Vec<Vec<&Step>> = vec![Vec::new()];
    for step in &job.steps {
        if checks(pipeline, job, step) {
            if let Some(run) = runs.last_mut() {
                run.push(step);
            }
        } else {
            runs.push(Vec::new());
        }
    }
    runs.retain(|run| run.len() > 1);
    runs
}

/// Whether a step is known, checks, and does nothing else.
fn checks(pipeline: &Pipeline, job: &Job, step: &Step) -> bool {
    let reading = words::step(pipeline.platform, job, step);
    let only = |does: &Does| {
        matches!(does, Does::Lint | Does::Test | Does::Scan { target: ScanTarget::Source, .. })
    };
    step.phase == Phase::Main
        && step.condition.is_none()
        && !reading.does.is_empty()
        && reading.does.iter().all(only)
        && reading.unknown.is_empty()
        && reading.made.is_empty()
        && reading.outside.is_empty()
        && reading.fetches.is_empty()
}

/// What a step usually takes; zero where its time is not known in most runs.
fn seconds(step: &Step, times: &[&JobTime]) -> f64 {
    let name = label(step);
    let ran = format!("Run {name}");
    let found: Vec<f64> = times
        .iter()
        .filter_map(|time| {
            let mut named = time.steps.iter().filter(|(known, _)| *known == name || *known == ran);
            // A name that two steps bear tells nothing of either.
            let (_, seconds) = named.next()?;
            named.next().is_none().then_some(*seconds)
        })
        .collect();
    if found.len() * 2 > times.len() { median(found) } else { 0.0 }
}

/// As the host names it: its name, or the first line of its script.
fn label(step: &Step) -> String {
    let script = step.script.as_ref().and_then(|script| script.text.lines().next());
    let used = step.uses.as_ref().map(|used| used.name.as_str());
    step.name.as_deref().or(script).or(used).unwrap_or("a step").trim().to_owned()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{hits_timed, time};

    fn found(second: &str, times: [f64; 2], runs: usize) -> Vec<Hit> {
        let text = format!(
            "on: push\njobs:\n  all:\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm ci\n      - name: Unit\n        run: npm test\n      - {second}\n"
        );
        let steps = vec![
            ("Run npm ci".to_owned(), 20.0),
            ("Unit".to_owned(), times[0]),
            ("Run npm run lint".to_owned(), times[1]),
        ];
        let job = JobTime { steps, ..time("all", times[0] + times[1] + 20.0) };
        hits_timed(&RULE, Platform::GitHub, &text, vec![vec![job]; runs]).1
    }

    #[test]
    fn long_checks_next_to_each_other_are_found() {
        let hits = found("run: npm run lint", [300.0, 120.0], 6);
        assert_eq!(hits.len(), 1);
        assert!(hits[0].title.contains("`Unit` (5.0 min), `npm run lint` (2.0 min)"), "{hits:?}");
        assert!(hits[0].why.contains("2.0 minutes sooner"), "{hits:?}");
    }

    #[test]
    fn short_conditional_and_unknown_steps_stay() {
        let cases = [
            ("run: npm run lint", [300.0, 30.0], 6),
            ("run: npm run lint", [900.0, 70.0], 6),
            ("run: npm run lint", [300.0, 120.0], 4),
            ("run: npm run lint && ./more", [300.0, 120.0], 6),
            ("run: npm run build", [300.0, 120.0], 6),
            ("{run: npm run lint, if: always()}", [300.0, 120.0], 6),
        ];
        for (second, times, runs) in cases {
            assert_eq!(found(second, times, runs).len(), 0, "{second} {times:?} {runs}");
        }
    }
}
