//! A job that may hang for hours.

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, JobKind, Path};
use crate::pipeline::groovy;
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::History;
use crate::pipeline::words::{self, Does};
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "missing-timeout",
    title: "A job has no time limit of its own",
    doc: "\
A job that hangs holds its runner until the platform's own limit: six hours on GitHub, two on \
Bitbucket, none at all on a Jenkins agent. Nobody learns of it sooner, and the minutes are billed.

**Fix.** With timings of past runs, a limit of twice the 95th percentile, at least ten minutes. \
Without, GitHub jobs get 30 minutes where they only check style, 120 where they compile much or \
test whole systems, or on Windows, else 60; jobs that are known to take long (wheels for many \
platforms, emulation, fuzzing, benchmarks, end-to-end suites) and all other platforms are only \
spoken of, since a limit that is too tight breaks what worked. Such a limit is made unread only \
where every step is a known one that checks, tests or builds; where a step is not known, or \
delivers, it is suggested. For \
Jenkins, `options { timeout(…) }` around the whole pipeline is suggested, or made where timings \
are known; never where a person is waited for, since the waiting counts.

**Silent** where a limit stands at the job, its defaults or its workflow call, and on GitLab and \
Azure, where the platform's limit is one hour.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Proven,
    platforms: &[
        Platform::GitHub,
        Platform::GitLab,
        Platform::Azure,
        Platform::Jenkins,
        Platform::Bitbucket,
        Platform::Harness,
    ],
    check,
};

/// Words of work that may rightly take hours.
const LONG: &[&str] = &[
    "cibuildwheel",
    "qemu",
    "fuzz",
    "bench",
    "e2e",
    "end-to-end",
    "soak",
    "stress",
    "nightly",
    "mutation",
    "mutants",
    "conformance",
    "vagrant",
    "emulator",
    "android",
    "sleep",
    "miri",
    "valgrind",
    "sanitizer",
    "kernel",
    "bootstrap",
    "buildroot",
    "yocto",
    "torch",
    "llvm",
    "haskell",
    "cabal",
    "stack build",
    "stack setup",
    "vcpkg",
    "conan",
    "bottle",
    "webkit",
    "chromium",
    "openjdk",
    "playwright",
    "cypress",
];

/// Words of work that may take an hour.
const HEAVY: &[&str] = &[
    "windows",
    "macos",
    "integration",
    "run-its",
    "msys2",
    "mingw",
    "ccache",
    "gfortran",
    "cmake",
    "make -j",
    "bazel",
    "xcodebuild",
    "msbuild",
    "mvn ",
    "gradlew",
    "compose up",
    "compose run",
    "acceptance",
    "regression",
];

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    // An action runs within its caller's limit.
    if pipeline.platform == Platform::GitHub && pipeline.triggers.is_empty() {
        return;
    }
    if pipeline.platform == Platform::Jenkins {
        hits.extend(jenkins(context));
        return;
    }
    for job in &pipeline.jobs {
        if job.timeout.is_some() || job.kind != JobKind::Work || job.manual {
            continue;
        }
        if pipeline.platform == Platform::GitHub && each_step_limited(job, &context.file.text) {
            continue;
        }
        let measured = context.history.and_then(|history| limit(history, job));
        let hidden = match pipeline.platform {
            Platform::GitHub => "six hours",
            Platform::Bitbucket => "two hours",
            Platform::Jenkins => "none",
            // An hour, on the project's own machines too, or what the step says.
            Platform::GitLab | Platform::Azure | Platform::Harness if measured.is_none() => {
                continue;
            }
            Platform::GitLab | Platform::Azure => "one hour",
            Platform::Harness => "as long as the pipeline may take",
        };
        let minutes =
            measured.or_else(|| fallback(pipeline.platform, job, context.file.text.as_str()));
        let safe = measured.is_some() || is_known(pipeline.platform, job);
        let fix = minutes
            .and_then(|minutes| fix(pipeline.platform, job, minutes, measured.is_some(), safe));
        let advice = match (measured, minutes) {
            (Some(minutes), _) => {
                format!("Past runs need less than half of {minutes} minutes; that is a good limit.")
            }
            (None, Some(minutes)) => {
                format!("{minutes} minutes are ample for most jobs of this kind.")
            }
            (None, None) => "Set about twice what it usually takes.".to_owned(),
        };
        hits.push(Hit {
            span: job.key_span,
            title: format!("Job `{}` has no time limit of its own", job.id),
            why: format!("If it hangs, what ends it is the platform's limit: {hidden}. {advice}"),
            severity: None,
            confidence: 0.95,
            fix,
            effect: None,
        });
    }
}

/// Whether every step that works has a limit of its own.
fn each_step_limited(job: &Job, text: &str) -> bool {
    let mut works = job.steps.iter().filter(|step| {
        !step.does.iter().any(|does| matches!(does, Does::Checkout | Does::Setup(_)))
    });
    !job.steps.is_empty()
        && works.all(|step| {
            text.get(step.span.range()).is_some_and(|own| own.contains("timeout-minutes:"))
        })
}

/// One limit for the whole pipeline, where no part of it has one.
fn jenkins(context: &Context<'_>) -> Option<Hit> {
    let (pipeline, text) = (context.pipeline(), context.file.text.as_str());
    let first = pipeline.jobs.iter().find(|job| job.span.file == 0)?;
    // Where a stage or some steps have one, somebody has thought of it.
    let limited = pipeline.jobs.iter().any(|job| job.timeout.is_some())
        || ["timeout(", "timeout time", "timeout "]
            .iter()
            .any(|call| text.lines().any(|line| line.trim_start().starts_with(call)));
    if limited {
        return None;
    }
    let waits = pipeline.jobs.iter().any(|job| {
        job.manual
            || job.kind == JobKind::Approval
            || job.steps.iter().flat_map(|step| &step.does).any(|does| *does == Does::Approval)
    });
    // All stages one behind the other take longer than the pipeline ever does.
    let limits = || pipeline.jobs.iter().filter(|job| job.kind == JobKind::Work);
    let measured: Option<i64> = context
        .history
        .and_then(|history| limits().map(|job| limit(history, job)).sum::<Option<i64>>());
    let lower = text.to_ascii_lowercase();
    let long = LONG.iter().any(|word| lower.contains(word));
    // Waiting for an agent counts, but for the pipeline's own, which is there before.
    let mut agents = text.lines().map(str::trim_start).filter(|line| line.starts_with("agent"));
    let one_agent =
        agents.next().is_some_and(|line| !line.contains("none")) && agents.next().is_none();
    let minutes = measured.or((!long).then_some(60)).filter(|_| !waits);
    let fix = minutes.and_then(|minutes| {
        let option = format!("timeout(time: {minutes}, unit: 'MINUTES')");
        let ops = groovy::write::insert_option(text, &Path::new(), &option)?;
        Some(Fix {
            title: format!("Give the pipeline a limit of {minutes} minutes"),
            ops,
            safe: measured.is_some() && one_agent,
            proof: vec![
                "The limit is the sum of twice the 95th percentile of each stage's past \
                 successful runs."
                    .to_owned(),
            ],
        })
    });
    let advice = match (waits, measured) {
        (true, _) => {
            "A person is waited for in it, which would count: give the stages that work \
             `options { timeout(…) }`, each its own."
        }
        (false, Some(_)) => "Past runs of all stages together need less than half of this limit.",
        (false, None) => {
            "Set about twice what it usually takes, the time that it waits for agents included: \
             `options { timeout(time: 60, unit: 'MINUTES') }`."
        }
    };
    Some(Hit {
        span: first.key_span,
        title: "The pipeline has no time limit".to_owned(),
        why: format!("If it hangs, it holds its agents until somebody sees it. {advice}"),
        severity: None,
        confidence: 0.9,
        fix,
        effect: None,
    })
}

/// Twice the 95th percentile of what the job took when it succeeded, in whole
/// minutes, at least ten; `None` with fewer than five such runs.
fn limit(history: &History, job: &Job) -> Option<i64> {
    let ran = history.runs.iter().flat_map(|run| &run.jobs);
    let named = ran.filter(|time| time.name == job.id || time.name == job.title());
    let mut seconds: Vec<f64> =
        named.filter(|time| time.succeeded).map(|time| time.seconds).collect();
    if seconds.len() < 5 {
        return None;
    }
    seconds.sort_by(f64::total_cmp);
    let at = ((seconds.len() as f64 * 0.95).ceil() as usize).clamp(1, seconds.len());
    let minutes = (seconds[at - 1] * 2.0 / 60.0).ceil();
    // Percentiles of jobs are far below what a whole number holds.
    Some((minutes as i64).max(10))
}

/// What is ample without timings; `None` where nothing is known.
fn fallback(platform: Platform, job: &Job, text: &str) -> Option<i64> {
    if platform != Platform::GitHub || job.runner.self_hosted || job.calls.is_some() {
        return None;
    }
    let own = text.get(job.span.range()).unwrap_or_default().to_ascii_lowercase();
    if LONG.iter().any(|word| own.contains(word)) {
        return None;
    }
    let does = || job.steps.iter().flat_map(|step| &step.does);
    let light = does().any(|does| matches!(does, Does::Lint))
        && does().all(|does| {
            matches!(
                does,
                Does::Lint
                    | Does::Checkout
                    | Does::Setup(_)
                    | Does::Install(_)
                    | Does::Cache { .. }
            )
        });
    let heavy = HEAVY.iter().any(|word| own.contains(word));
    Some(match (light, heavy) {
        (true, _) => 30,
        (false, true) => 120,
        (false, false) => 60,
    })
}

/// Whether all that a job does is known and mostly short: a limit that ends a delivery
/// half way does harm, and a script of the project may take any time.
fn is_known(platform: Platform, job: &Job) -> bool {
    let harmless = |does: &Does| {
        matches!(
            does,
            Does::Lint
                | Does::Test
                | Does::Build
                | Does::Checkout
                | Does::Setup(_)
                | Does::Install(_)
                | Does::Cache { .. }
                | Does::Scan { .. }
                | Does::Upload(_)
                | Does::Download(_)
                | Does::History
        )
    };
    job.environment.is_none()
        && job.steps.iter().all(|step| {
            let reading = words::step(platform, job, step);
            reading.unknown.is_empty()
                && reading.outside.is_empty()
                && reading.made.is_empty()
                && reading.does.iter().all(harmless)
        })
}

fn fix(platform: Platform, job: &Job, minutes: i64, measured: bool, safe: bool) -> Option<Fix> {
    let (key, value, after): (_, _, &[&'static str]) = match platform {
        Platform::GitHub => ("timeout-minutes", Value::Int(minutes), &["runs-on"]),
        Platform::GitLab => {
            ("timeout", Value::text(format!("{minutes} minutes")), &["stage", "image"])
        }
        Platform::Azure => (
            "timeoutInMinutes",
            Value::Int(minutes),
            &["pool", "displayName", "dependsOn", "job", "deployment"],
        ),
        Platform::Bitbucket => ("max-time", Value::Int(minutes), &["image", "size", "name"]),
        Platform::Harness => {
            ("timeout", Value::text(format!("{minutes}m")), &["type", "identifier"])
        }
        Platform::Jenkins => return None,
    };
    if job.shared || job.span.file != 0 {
        return None;
    }
    let ops = vec![Op::Insert {
        at: job.path.clone(),
        key: key.to_owned(),
        value,
        place: Place::After(after.to_vec()),
    }];
    Some(Fix {
        title: format!("Give `{}` a limit of {minutes} minutes", job.id),
        ops,
        safe,
        proof: vec![match measured {
            true => "The limit is twice the 95th percentile of past successful runs.".to_owned(),
            false => format!("{minutes} minutes, where the platform's own limit is six hours."),
        }],
    })
}

#[cfg(test)]
#[path = "missing_timeout/tests.rs"]
mod tests;
