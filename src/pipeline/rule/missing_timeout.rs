//! A job that may hang for hours.

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, JobKind};
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::History;
use crate::pipeline::words::Does;
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "missing-timeout",
    title: "A job has no time limit of its own",
    doc: "\
A job that hangs holds its runner until the platform's own limit: six hours on GitHub, two on \
Bitbucket, none at all on a Jenkins agent. Nobody learns of it sooner, and the minutes are billed.

**Fix.** With timings of past runs, a limit of twice the 95th percentile, at least ten minutes. \
Without, GitHub jobs get 30 minutes where they only check style, else 60; jobs that are known to \
take long (wheels for many platforms, emulation, fuzzing, benchmarks, end-to-end suites) and all \
other platforms are only spoken of, since a limit that is too tight breaks what worked.

**Silent** where a limit stands at the job, its defaults or its workflow call, and on GitLab and \
Azure's own machines, where the platform's limit is one hour.",
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
];

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    // An action runs within its caller's limit.
    if pipeline.platform == Platform::GitHub && pipeline.triggers.is_empty() {
        return;
    }
    for job in &pipeline.jobs {
        if job.timeout.is_some() || job.kind != JobKind::Work || job.manual {
            continue;
        }
        let measured = context.history.and_then(|history| limit(history, job));
        let hidden = match pipeline.platform {
            Platform::GitHub => "six hours",
            Platform::Bitbucket => "two hours",
            Platform::Azure if job.runner.self_hosted => "no limit on the project's own machines",
            Platform::Jenkins => "none",
            // An hour, or what the step says.
            Platform::GitLab | Platform::Azure | Platform::Harness if measured.is_none() => {
                continue;
            }
            Platform::GitLab | Platform::Azure => "one hour",
            Platform::Harness => "as long as the pipeline may take",
        };
        // A limit around the whole Jenkins pipeline is asked for once, by the first stage.
        if pipeline.platform == Platform::Jenkins && !std::ptr::eq(job, &pipeline.jobs[0]) {
            continue;
        }
        let minutes =
            measured.or_else(|| fallback(pipeline.platform, job, context.file.text.as_str()));
        let fix =
            minutes.and_then(|minutes| fix(pipeline.platform, job, minutes, measured.is_some()));
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
            title: match pipeline.platform {
                Platform::Jenkins => "The pipeline has no time limit".to_owned(),
                _ => format!("Job `{}` has no time limit of its own", job.id),
            },
            why: format!("If it hangs, what ends it is the platform's limit: {hidden}. {advice}"),
            severity: None,
            confidence: 0.95,
            fix,
            effect: None,
        });
    }
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
    Some(if light { 30 } else { 60 })
}

fn fix(platform: Platform, job: &Job, minutes: i64, measured: bool) -> Option<Fix> {
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
        safe: true,
        proof: vec![match measured {
            true => "The limit is twice the 95th percentile of past successful runs.".to_owned(),
            false => format!("{minutes} minutes, where the platform's own limit is six hours."),
        }],
    })
}
