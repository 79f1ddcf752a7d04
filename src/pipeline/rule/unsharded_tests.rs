//! One job runs all tests, and everything waits for it.

use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::{Job, JobKind};
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::Effect;
use crate::pipeline::timing::history::match_jobs;
use crate::pipeline::timing::saving::{share, typical};
use crate::pipeline::words;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "unsharded-tests",
    title: "One job runs all tests while everything waits",
    doc: "\
Where one test job takes the largest part of the critical path, nothing else makes the run shorter. \
Most test runners can run a part of the tests: `--shard 1/4`, `--split-tests`, a list by timing.

It needs times of past runs: a test job of at least five minutes that takes more than 40% of the \
critical path.

**Suggests** a matrix of shards on GitHub, `parallel: N` on GitLab, `strategy: parallel` on Azure, \
a `parallel` group on Bitbucket, `matrix` in Jenkins, `parallelism` on Harness.

**Silent** without times, for jobs that are split already and for matrices.",
    group: Group::Performance,
    severity: Severity::Medium,
    fix: FixKind::Suggest,
    platforms: &Platform::ALL,
    check,
};

/// Runs that are needed before their times count.
const FEWEST: usize = 5;
/// Seconds below which splitting gains little beside what each part sets up.
const LONG: f64 = 300.0;

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let (pipeline, Some(history)) = (context.pipeline(), context.history) else { return };
    let matched = match_jobs(pipeline, history);
    let (times, _) = typical(pipeline, Some(history));
    for (place, job) in pipeline.jobs.iter().enumerate() {
        let seconds = times.running(place);
        if job.kind != JobKind::Work
            || job.matrix.is_some()
            || seconds < LONG
            || !words::is_test(job)
            || is_split(job)
        {
            continue;
        }
        let runs =
            matched.runs.iter().filter(|run| run.get(place).is_some_and(|of| !of.is_empty()));
        let part = share(pipeline, Some(history), place);
        if runs.count() < FEWEST || part <= 0.4 {
            continue;
        }
        // Parts of about three minutes.
        let parts = (seconds / 180.0).ceil().clamp(2.0, 8.0) as u32;
        let how = match pipeline.platform {
            Platform::GitHub => format!("a matrix `shard: [1, …, {parts}]`"),
            Platform::GitLab => format!("`parallel: {parts}` with `$CI_NODE_INDEX`"),
            Platform::Azure => {
                format!("`strategy: {{parallel: {parts}}}` with `$(System.JobPositionInPhase)`")
            }
            Platform::Jenkins => "a `matrix` over the parts".to_owned(),
            Platform::Bitbucket => format!("a `parallel` group of {parts} steps"),
            Platform::Harness => format!("`strategy: {{parallelism: {parts}}}`"),
        };
        hits.push(Hit {
            span: job.key_span,
            title: format!(
                "`{}` takes {:.0}% of the critical path in one piece",
                job.title(),
                part * 100.0
            ),
            why: format!(
                "It takes about {:.0} minutes, and no other change makes the run much shorter. \
                 Split its tests into {parts} by {how}, where each runs its part.",
                seconds / 60.0
            ),
            severity: None,
            confidence: 0.8,
            fix: None,
            effect: Some(Effect::Shard { job: place, parts }),
        });
    }
}

/// Whether its words say that it runs a part of the tests.
fn is_split(job: &Job) -> bool {
    let splits =
        ["shard", "split-tests", "CI_NODE_INDEX", "--partition", "knapsack", "JobPositionInPhase"];
    let scripts = job.steps.iter().filter_map(|step| step.script.as_ref());
    scripts
        .map(|script| script.text.as_str())
        .any(|text| splits.iter().any(|word| text.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{hits_timed, time};

    fn found(script: &str, seconds: f64, other: f64, runs: usize) -> usize {
        let text = format!(
            "on: push\njobs:\n  unit:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {script}\n  image:\n    needs: unit\n    runs-on: ubuntu-latest\n    steps:\n      - run: docker build .\n"
        );
        let run = vec![time("unit", seconds), time("image", other)];
        hits_timed(&RULE, Platform::GitHub, &text, vec![run; runs]).1.len()
    }

    #[test]
    fn long_tests_on_the_critical_path_are_found() {
        assert_eq!(found("npm test", 900.0, 100.0, 8), 1);
        assert_eq!(found("npm test", 900.0, 2000.0, 8), 0);
        assert_eq!(found("npm test", 200.0, 10.0, 8), 0);
        assert_eq!(found("npm test", 900.0, 100.0, 3), 0);
        assert_eq!(found("npx jest --shard=1/4", 900.0, 100.0, 8), 0);
        assert_eq!(found("npm run build", 900.0, 100.0, 8), 0);
    }
}
