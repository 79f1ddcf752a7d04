//! A schedule that repeats the same work all day.

use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::{Job, TriggerKind};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "idle-schedule",
    title: "Tests or builds run by the clock many times a day",
    doc: "\
A schedule runs whether anything changed or not. Tests and builds that run every hour or more often \
give the same result again and again, and every run is billed.

**Suggests** one run by night, beside those that changes set off; Azure's `always: false` and \
Jenkins' `pollSCM` run only when something changed.

**Silent** for up to twelve runs a day, where the file asks which schedule started it, and where \
no job tests or builds: probes, mirrors and clean-ups may well run every five minutes.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub, Platform::Azure, Platform::Jenkins],
    check,
};

/// Runs a day that are taken as meant.
const USUAL: f64 = 12.0;

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let works = |job: &&Job| {
        words::main_does(job)
            .any(|does| matches!(does, Does::Test | Does::Build | Does::BuildImage(_)))
            && !words::main_does(job)
                .any(|does| matches!(does, Does::HealthCheck | Does::Deploy(_)))
            && job.condition.as_ref().is_none_or(|at| !at.value.contains("schedule"))
    };
    let Some(job) = pipeline.jobs.iter().find(works) else { return };
    // A file that asks which clock it was decides by it what to do.
    if ["github.event.schedule", "Build.CronSchedule"]
        .iter()
        .any(|asked| context.file.text.contains(asked))
    {
        return;
    }
    for trigger in pipeline.triggers.iter().filter(|t| t.kind == TriggerKind::Schedule) {
        let runs: f64 = trigger.cron.iter().filter_map(|cron| per_day(cron)).sum();
        if runs <= USUAL || trigger.name.eq_ignore_ascii_case("pollSCM") {
            continue;
        }
        hits.push(Hit {
            span: trigger.span,
            title: format!("`{}` runs {runs:.0} times a day by the clock", job.title()),
            why: "Most of those runs look at what the last one looked at, and all are billed. Run \
                  it once by night, and let changes set off the rest."
                .to_owned(),
            severity: None,
            confidence: 0.7,
            fix: None,
            effect: None,
        });
    }
}

/// Runs a day of five cron fields, on a day it runs; `None` where they are not read.
fn per_day(cron: &str) -> Option<f64> {
    let mut fields = cron.split_ascii_whitespace();
    let (minute, hour) = (fields.next()?, fields.next()?);
    if fields.count() != 3 {
        return None;
    }
    Some(times(minute, 60.0)? * times(hour, 24.0)?)
}

/// How many values of a field fit.
fn times(field: &str, of: f64) -> Option<f64> {
    let mut sum = 0.0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<f64>().ok().filter(|step| *step >= 1.0)?),
            None => (part, 1.0),
        };
        // Jenkins' `H` is one value that the name decides.
        let width = match range {
            "*" => of,
            "H" if part.contains('/') => of,
            "H" => 1.0,
            _ if range.starts_with("H(") => 1.0,
            _ => match range.split_once('-') {
                Some((from, to)) => {
                    let (from, to) = (from.parse::<f64>().ok()?, to.parse::<f64>().ok()?);
                    (to - from + 1.0).max(1.0)
                }
                None => range.parse::<f64>().ok().map(|_| if step > 1.0 { of } else { 1.0 })?,
            },
        };
        sum += (width / step).ceil();
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::count;

    #[test]
    fn fields_are_counted() {
        for (cron, expect) in [
            ("0 3 * * *", Some(1.0)),
            ("*/15 * * * *", Some(96.0)),
            ("0 * * * *", Some(24.0)),
            ("0,30 8-17 * * 1-5", Some(20.0)),
            ("H/5 * * * *", Some(288.0)),
            ("H H * * *", Some(1.0)),
            ("@daily", None),
            ("x y * * *", None),
            ("*/0 * * * *", None),
        ] {
            assert_eq!(per_day(cron), expect, "{cron}");
        }
    }

    #[test]
    fn tests_by_the_hour_are_found() {
        for (cron, script, expect) in [
            ("0 * * * *", "npm test", 1),
            ("0 3 * * *", "npm test", 0),
            ("0 * * * *", "./mirror.sh", 0),
        ] {
            let text = format!(
                "on:\n  schedule:\n    - cron: '{cron}'\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {script}\n"
            );
            assert_eq!(count(&RULE, Platform::GitHub, &text), expect, "{text}");
            let asks = format!("{text}        if: github.event.schedule != '0 * * * *'\n");
            assert_eq!(count(&RULE, Platform::GitHub, &asks), 0, "{asks}");
        }
    }
}
