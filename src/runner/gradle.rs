//! Gradle's `test` task: its text and its reports.
//! <https://docs.gradle.org/current/userguide/java_testing.html>

use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, junit, jvm, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"],
    is_used: |place| {
        RUNNER.marks.iter().find(|name| place.has(name)).map(|name| format!("`{name}`"))
    },
    commands,
    one: Tail::Append("--tests {name}"),
    variables: &[("GRADLE_OPTS", "-Dorg.gradle.console=plain -Dorg.gradle.daemon=false")],
    read,
};

const REPORTS: &[&str] = &["**/build/test-results/test/TEST-*.xml"];

/// Gradle itself has no order of tests that a seed gives.
fn commands(place: &Place<'_>) -> Commands {
    let gradle = jvm::program(place, "gradlew", "gradle");
    // `cleanTest`, or a run with the same inputs is taken from the last one.
    let test = format!("{gradle} --console=plain --no-daemon --continue cleanTest test");
    let mut commands = Commands::of(Kind::Gradle, test.as_str())
        .one(format!("{test} --tests {{name}}"))
        .build(format!("{gradle} --console=plain --no-daemon testClasses"));
    let asks =
        ["build.gradle", "build.gradle.kts"].iter().any(|name| place.text(name).contains("jacoco"));
    if asks {
        commands.coverage = coverage(
            format!("{test} jacocoTestReport"),
            &["**/build/reports/jacoco/test/jacocoTestReport.xml"],
        );
    }
    commands.results = REPORTS.iter().map(|&glob| glob.to_owned()).collect();
    commands
}

/// `CalcTest > above() FAILED`
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<path>[\w.$]+(?: > .+?)+) (?P<state>PASSED|FAILED|SKIPPED|STANDARD_OUT|STANDARD_ERROR)$")
        .expect("the pattern is valid")
});

static TOTALS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<run>\d+) tests? completed(?:, (?P<failed>\d+) failed)?(?:, (?P<skipped>\d+) skipped)?$")
        .expect("the pattern is valid")
});

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let mut totals: Option<Totals> = None;
    let mut open: Option<(String, String)> = None;
    let close = |open: &mut Option<(String, String)>, found: &mut Found| {
        let Some((name, said)) = open.take() else { return };
        let last = name.rsplit('.').next().unwrap_or(&name);
        let outcome = if matches!(last, "initializationError" | "executionError" | "classMethod") {
            Outcome::DidNotImport
        } else {
            jvm::by_trace(&said)
        };
        found.push(&name, None, outcome, &said);
    };
    for line in heard.text.lines() {
        if let Some(parts) = LINE.captures(line) {
            close(&mut open, &mut found);
            let name = printed(&parts["path"]);
            match &parts["state"] {
                "PASSED" => found.push(&name, None, Outcome::Passed, ""),
                "SKIPPED" => found.push(&name, None, Outcome::Skipped, ""),
                "FAILED" => open = Some((name, String::new())),
                _ => {}
            }
        } else if let Some(parts) = TOTALS.captures(line) {
            close(&mut open, &mut found);
            let number = |name: &str| {
                parts.name(name).and_then(|text| text.as_str().parse::<usize>().ok()).unwrap_or(0)
            };
            let skipped = number("skipped");
            totals.get_or_insert_default().add(Totals {
                ran: number("run").saturating_sub(skipped),
                failed: number("failed"),
                skipped,
            });
        } else if let Some((_, said)) = &mut open {
            if !line.is_empty() && !line.starts_with(' ') {
                close(&mut open, &mut found);
            } else if said.len() < 2 * text::MOST_SAID {
                said.push_str(line);
                said.push('\n');
            }
        }
    }
    close(&mut open, &mut found);
    let mut by_report = Found::default();
    if junit::add(&mut by_report, heard.reports, jvm::name, jvm::judge) > 0 {
        // The number of tests is only printed when one failed.
        totals = Some(totals.unwrap_or_else(|| junit::totals(&by_report)));
        found.listed = Some(junit::totals(&by_report).failed);
        found.tests = by_report.tests;
    }
    found.totals = totals;
    broke(heard, &mut found);
    found
}

/// `x.CalcTest > each(int) > [2] 7` as reports have it: `x.CalcTest.each(int)[2]`.
fn printed(path: &str) -> String {
    let mut name = String::new();
    for part in path.split(" > ") {
        if part.starts_with('[') {
            name.push_str(part.split_inclusive(']').next().unwrap_or(part));
        } else {
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(part.trim_end_matches("()"));
        }
    }
    name
}

fn broke(heard: &Heard<'_>, found: &mut Found) {
    let failed_task = |line: &str| {
        line.strip_prefix("> Task ").and_then(|rest| rest.strip_suffix(" FAILED")).is_some_and(
            |task| {
                let task = task.rsplit(':').next().unwrap_or(task);
                task.starts_with("compile") || task.ends_with("Classes") || task.starts_with("kapt")
            },
        )
    };
    let has = |words: &str| heard.text.contains(words);
    if heard.exit != Some(0) {
        let is_error = |line: &str| {
            failed_task(line)
                || line.contains(": error: ")
                || line.starts_with("e: ")
                || line.starts_with("* What went wrong")
        };
        if heard.text.lines().any(failed_task)
            || has("Compilation failed; see the compiler")
            || has("Could not resolve all ")
            || has("Could not compile build file")
            || has("A problem occurred evaluating")
            || has("A problem occurred configuring")
        {
            found.tests.clear();
            found.listed = None;
            found.totals = None;
            found.breaks(Outcome::DidNotBuild, text::from_first(heard.text, is_error));
        } else if has("No tests found for given includes") {
            found.breaks(Outcome::NotRun, text::from_first(heard.text, is_error));
        }
    } else if found.tests.is_empty()
        && heard
            .text
            .lines()
            .any(|line| line.starts_with("> Task ") && line.ends_with("test NO-SOURCE"))
    {
        found.breaks(Outcome::NotRun, "");
    }
}
