//! A large machine for light work.

use std::sync::LazyLock;

use regex::Regex;

use super::{Context, Fix, FixKind, Group, Hit, Rule, order};
use crate::finding::Severity;
use crate::pipeline::File;
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Job, JobKind, Os, Seg};
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::history::match_jobs;
use crate::pipeline::timing::path::critical;
use crate::pipeline::timing::saving::typical;
use crate::pipeline::timing::{Effect, History};
use crate::pipeline::words::{self, Does, ScanTarget};
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "oversized-runner",
    title: "A large machine does light work",
    doc: "\
Large machines cost two to thirty times as much by the minute. A pipeline file alone does not tell \
what a job makes of its cores: timings do.

With times of past runs: a job whose run would be done no later even if its time grew by all the \
cores it lost, since others take longer beside it. Without: only jobs that do nothing but check \
style on one core, with little confidence.

**Suggests** a smaller machine: `runs-on` on GitHub, `tags` on GitLab, `size` on Bitbucket and \
Harness; a pool on Azure and a label in Jenkins, whose names only the project knows.

**Silent** for jobs on ordinary machines, for matrices over machines, and for checkers that use \
all cores.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &Platform::ALL,
    check,
};

/// Runs that are needed before their times count.
const FEWEST: usize = 5;

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let file = context.file;
    for (place, job) in file.pipeline.jobs.iter().enumerate() {
        if job.kind != JobKind::Work || job.matrix.is_some() {
            continue;
        }
        let Some(size) = large(file.pipeline.platform, job) else { continue };
        let spare = context.history.and_then(|history| spare(file, history, place, &size));
        let light = is_light(file.pipeline.platform, job);
        let (why, confidence) = match (&spare, light) {
            (Some(seconds), _) => (
                format!(
                    "It takes about {} there. Were it slower by all the cores it would lose, the \
                     whole run would take no longer, since other jobs take longer beside it.",
                    spoken(*seconds)
                ),
                if light { 0.9 } else { 0.75 },
            ),
            (None, true) => (
                "It only checks style, which mostly runs on one core, and the larger machine is \
                 billed by its cores. Timings of past runs on both would tell."
                    .to_owned(),
                0.55,
            ),
            (None, false) => continue,
        };
        let span = job.runner.span.filter(|span| span.file == 0).unwrap_or(job.key_span);
        hits.push(Hit {
            span,
            title: format!("`{}` runs on a large machine (`{}`)", job.title(), size.name),
            why,
            severity: spare.map(|_| Severity::Medium),
            confidence,
            fix: smaller(file, job, &size),
            effect: Some(Effect::SmallerRunner { job: place, from: size.cores, to: size.usual }),
        });
    }
}

fn spoken(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.0} seconds")
    } else {
        format!("{:.0} minutes", seconds / 60.0)
    }
}

/// A machine's size.
struct Size {
    /// As it is written.
    name: String,
    /// Its cores, or memory in units of the smallest.
    cores: f64,
    /// Those of an ordinary one.
    usual: f64,
}

static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) (?: ^ | [-_./\ ,(] )
        (?: (?P<cores> \d{1,3} ) [-_]? (?: cores? | v?cpus? ) | (?P<many> \d{1,2} ) x-?large | (?P<x> x+ )-?large | (?P<large> large ) )
        (?: $ | [-_./\ ,)] )",
    )
    .expect("the pattern is fixed")
});

/// The size, where it is at least four times an ordinary one's.
fn large(platform: Platform, job: &Job) -> Option<Size> {
    let named = job.runner.size.iter().chain(&job.runner.labels);
    // A label that names two machines is one of a choice.
    if job.runner.labels.iter().any(|label| label.contains("${{") || label.contains("<+")) {
        return None;
    }
    let usual = match platform {
        Platform::GitHub => 4.0,
        Platform::Bitbucket => 1.0,
        _ => 2.0,
    };
    let mac = job.runner.os == Some(Os::MacOs);
    let mut found: Option<Size> = None;
    for name in named {
        let cores = match platform {
            Platform::Bitbucket => {
                name.trim_end_matches('x').parse().ok().filter(|_| name.ends_with('x'))
            }
            _ => cores(name, platform),
        };
        let enough = if mac { usual * 2.0 } else { usual * 4.0 };
        if let Some(cores) = cores.filter(|cores| *cores >= enough)
            && found.is_none()
        {
            found = Some(Size { name: name.clone(), cores, usual });
        }
    }
    let size = found?;
    // The whole label says more than the size alone.
    let label = job.runner.labels.iter().find(|label| label.contains(&size.name)).cloned();
    Some(Size { name: label.unwrap_or(size.name.clone()), ..size })
}

fn cores(name: &str, platform: Platform) -> Option<f64> {
    let found = WORDS.captures(name)?;
    if let Some(cores) = found.name("cores") {
        return cores.as_str().parse().ok();
    }
    // GitLab's and Harness' `large` has 8 cores, `xlarge` 16, `2xlarge` 32; on clouds'
    // machines `4xlarge` has 16.
    let hosted = matches!(platform, Platform::GitLab | Platform::Harness);
    let step = match (found.name("many"), found.name("x")) {
        (Some(many), _) => many.as_str().parse::<f64>().ok()?,
        (None, Some(x)) => x.as_str().len() as f64,
        (None, None) => 0.5,
    };
    Some(step * if hosted { 16.0 } else { 4.0 })
}

/// Seconds a job takes, where the run would take no longer were it slower by all the
/// cores it would lose.
fn spare(file: &File, history: &History, place: usize, size: &Size) -> Option<f64> {
    let pipeline = &file.pipeline;
    let matched = match_jobs(pipeline, history);
    let seen = matched.runs.iter().filter(|run| run.get(place).is_some_and(|of| !of.is_empty()));
    if seen.count() < FEWEST {
        return None;
    }
    let (mut times, _) = typical(pipeline, Some(history));
    let before = critical(pipeline, &times).seconds;
    let seconds = times.running(place);
    *times.seconds.get_mut(place)? = seconds * size.cores / size.usual;
    let after = critical(pipeline, &times).seconds;
    (after <= before + 1.0).then_some(seconds)
}

/// Whether a job only checks style, with tools that mostly use one core.
fn is_light(platform: Platform, job: &Job) -> bool {
    let mut lints = false;
    for step in &job.steps {
        let reading = words::step(platform, job, step);
        if !reading.unknown.is_empty() || !reading.outside.is_empty() {
            return false;
        }
        let text = step.script.as_ref().map_or("", |script| script.text.as_str());
        let name = step.uses.as_ref().map_or("", |uses| uses.name.as_str());
        let busy =
            ["clippy", "golangci", "gradle", "mvn", "bazel", "clang-tidy", "sonar", "cargo check"];
        if busy.iter().any(|tool| text.contains(tool) || name.contains(tool)) {
            return false;
        }
        for does in &step.does {
            match does {
                Does::Lint => lints = true,
                Does::Checkout
                | Does::Setup(_)
                | Does::Install(_)
                | Does::Cache { .. }
                | Does::Upload(_)
                | Does::Download(_)
                | Does::Notify(_)
                | Does::History
                | Does::Scan { target: ScanTarget::Source, .. } => {}
                _ => return false,
            }
        }
    }
    lints
}

static SIZED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^((?:ubuntu|windows)-(?:latest|\d\d\.\d\d|20\d\d))-\d+-?cores?$")
        .expect("the pattern is fixed")
});

/// The edit, where the smaller machine's name is the platform's own.
fn smaller(file: &File, job: &Job, size: &Size) -> Option<Fix> {
    // A step that stands elsewhere in the file may be of other pipelines too.
    if order::is_borrowed(&file.tree, &job.path) {
        return None;
    }
    if job.span.file != 0 || job.path.is_empty() {
        return None;
    }
    let tree = &file.tree;
    let node = order::node_at(tree, &job.path)?;
    let (at, value) = match file.pipeline.platform {
        Platform::GitHub => {
            let value = tree.get(node, "runs-on")?.value;
            let stem = SIZED.captures(tree.text(value)?)?.get(1)?.as_str().to_owned();
            (order::under(&job.path, "runs-on"), stem)
        }
        Platform::GitLab => {
            let tags = tree.get(node, "tags")?.value;
            let mut found = None;
            for (index, item) in tree.items(tags).iter().enumerate() {
                let text = tree.text(*item)?;
                if let Some(rest) = text.strip_prefix("saas-linux-")
                    && let Some((_, arch)) = rest.split_once('-')
                {
                    let mut path = order::under(&job.path, "tags");
                    path.push(Seg::Index(index));
                    found = Some((path, format!("saas-linux-small-{arch}")));
                }
            }
            found?
        }
        Platform::Bitbucket => {
            tree.get(node, "size")?;
            (order::under(&job.path, "size"), "1x".to_owned())
        }
        Platform::Harness => {
            let mut path = job.path.clone();
            let mut node = node;
            for key in ["spec", "runtime", "spec", "size"] {
                node = tree.resolve(tree.get(node, key)?.value);
                path.push(Seg::Key(key.to_owned()));
            }
            (path, "small".to_owned())
        }
        Platform::Azure | Platform::Jenkins => return None,
    };
    Some(Fix {
        title: format!("Run `{}` on `{value}` in place of `{}`", job.title(), size.name),
        ops: vec![Op::Replace { at, value: Value::text(value) }],
        safe: false,
        proof: vec!["Compare the times of some runs on both.".to_owned()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::NoFiles;
    use crate::pipeline::rule::testing::{self, hits_timed, time};

    const GITHUB: &str = "\
on: push
jobs:
  lint:
    runs-on: ubuntu-latest-16-cores # fast
    steps:
      - uses: actions/checkout@v4
      - run: npm ci && npm run lint
  unit:
    runs-on: ubuntu-latest
    steps:
      - run: npm test
";

    #[test]
    fn light_work_on_a_large_machine_is_spoken_of() {
        let fixed = testing::fixed(&RULE, Platform::GitHub, GITHUB, false);
        assert_eq!(fixed, GITHUB.replace("-16-cores", ""));
        for (from, to) in [
            ("-16-cores", ""),
            ("-16-cores", "-4-cores"),
            ("npm run lint", "npm test"),
            ("npm run lint", "cargo clippy"),
            ("npm run lint", "./unknown.sh"),
        ] {
            testing::finds(&RULE, Platform::GitHub, &GITHUB.replacen(from, to, 1), &[]);
        }
    }

    #[test]
    fn each_platform_has_its_lever() {
        let cases = [
            (
                Platform::GitLab,
                "lint:\n  tags: [saas-linux-xlarge-amd64]\n  script: [npm ci, npm run lint]\n",
                "saas-linux-xlarge-amd64",
                "saas-linux-small-amd64",
            ),
            (
                Platform::Bitbucket,
                "pipelines:\n  default:\n    - step:\n        name: lint\n        size: 8x\n        script: [npm ci, npm run lint]\n",
                "8x",
                "1x",
            ),
            (
                Platform::Harness,
                "pipeline:\n  name: a\n  identifier: a\n  stages:\n    - stage:\n        name: lint\n        identifier: lint\n        type: CI\n        spec:\n          cloneCodebase: true\n          runtime:\n            type: Cloud\n            spec:\n              size: xlarge\n          execution:\n            steps:\n              - step:\n                  type: Run\n                  name: l\n                  identifier: l\n                  spec:\n                    shell: Sh\n                    command: npm ci && npm run lint\n",
                "xlarge",
                "small",
            ),
        ];
        for (platform, text, from, to) in cases {
            let fixed = testing::fixed(&RULE, platform, text, false);
            assert_eq!(fixed, text.replace(from, to), "{platform}");
        }
        for (platform, text) in [
            (
                Platform::Azure,
                "trigger: [main]\npool: linux-16-cores\nsteps:\n- script: npm ci && npm run lint\n",
            ),
            (
                Platform::Jenkins,
                "pipeline {\n  agent { label 'linux-2xlarge' }\n  stages { stage('Lint') { agent { label 'linux-4xlarge' }\n steps { sh 'npm ci && npm run lint' } } }\n}\n",
            ),
        ] {
            let (_, hits) = testing::hits(&RULE, platform, text, &NoFiles);
            assert_eq!(hits.len(), 1, "{platform} {hits:?}");
            assert!(hits.iter().all(|hit| hit.fix.is_none()));
        }
    }

    #[test]
    fn timings_tell_whether_the_cores_are_worth_it() {
        let text = GITHUB.replacen("npm run lint", "npm run build-all", 1);
        let found = |lint: f64, runs: usize| {
            let run = vec![time("lint", lint), time("unit", 600.0)];
            hits_timed(&RULE, Platform::GitHub, &text, vec![run; runs]).1.len()
        };
        assert_eq!(found(100.0, 10), 1);
        // Four times as long would be longer than the rest; or too few runs.
        assert_eq!(found(200.0, 10), 0);
        assert_eq!(found(100.0, 3), 0);
    }
}
