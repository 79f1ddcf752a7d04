//! `cargo nextest run`: a line for every test, and what failing ones printed.
//! <https://nexte.st/docs/reporting/>

use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, cargo, panics, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["Cargo.toml"],
    is_used: |place| {
        [".config/nextest.toml", "nextest.toml"]
            .iter()
            .find(|name| place.has("Cargo.toml") && place.has(name))
            .map(|name| format!("`{name}`"))
    },
    commands,
    one: Tail::Append("{name}"),
    variables: &[
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_TERM_PROGRESS_WHEN", "never"),
        ("RUST_BACKTRACE", "0"),
        ("RUST_LIB_BACKTRACE", "0"),
        ("INSTA_UPDATE", "no"),
        ("NEXTEST_RETRIES", "0"),
        ("NEXTEST_STATUS_LEVEL", "all"),
        ("NEXTEST_FINAL_STATUS_LEVEL", "fail"),
        ("NEXTEST_FAILURE_OUTPUT", "immediate"),
        ("NEXTEST_SUCCESS_OUTPUT", "never"),
        ("NEXTEST_HIDE_PROGRESS_BAR", "1"),
    ],
    read,
};

/// Every test has a process of its own, so that their order is without effect.
fn commands(place: &Place<'_>) -> Commands {
    let all = cargo::scope(place);
    let mut commands =
        Commands::of(Kind::Nextest, format!("cargo nextest run{all} --no-fail-fast"))
            .one(format!("cargo nextest run{all} --no-fail-fast {{name}}"))
            .quick(format!("cargo nextest run{all} --fail-fast"))
            .build(format!("cargo nextest run{all} --no-run"));
    commands.coverage = coverage(
        format!(
            "cargo llvm-cov nextest{all} --no-fail-fast --lcov --output-path target/pipewright.lcov"
        ),
        &["target/pipewright.lcov"],
    );
    commands
}

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ {0,11}(?P<state>[A-Z][A-Za-z0-9/ +-]*?) \[ *>? *[\d.]+s\] (?:\( *\d+/\d+\) )?(?P<binary>\S+) (?P<name>\S.*)$")
        .expect("the pattern is valid")
});

static SUMMARY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ *Summary \[ *[\d.]+s\] +(?:\d+/)?\d+ tests? run: (?P<counts>.*)$")
        .expect("the pattern is valid")
});

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    // The test whose words follow.
    let mut open: Option<(String, String, Outcome, String)> = None;
    let close = |open: &mut Option<(String, String, Outcome, String)>, found: &mut Found| {
        if let Some((binary, name, outcome, said)) = open.take() {
            let outcome = match outcome {
                Outcome::Failed => panics::judge(&said, heard.source),
                other => other,
            };
            let said = if outcome.is_failure() { said.as_str() } else { "" };
            found.push(&name, Some(&binary), outcome, said);
        }
    };
    let mut totals: Option<Totals> = None;
    for line in heard.text.lines() {
        if let Some(parts) = SUMMARY.captures(line) {
            close(&mut open, &mut found);
            found.is_doubtful |= totals.is_some();
            totals = Some(counts(&parts["counts"]));
            continue;
        }
        // Behind the totals the failures are listed again.
        let parts = LINE.captures(line).filter(|_| totals.is_none());
        if let Some((parts, outcome)) =
            parts.and_then(|parts| outcome(&parts["state"]).map(|outcome| (parts, outcome)))
        {
            close(&mut open, &mut found);
            open = Some((
                parts["binary"].to_owned(),
                parts["name"].to_owned(),
                outcome,
                String::new(),
            ));
        } else if let Some((_, _, _, said)) = &mut open
            && said.len() < 4 * text::MOST_SAID
        {
            said.push_str(line.strip_prefix("    ").unwrap_or(line));
            said.push('\n');
        }
    }
    close(&mut open, &mut found);
    found.is_partial = heard.text.lines().any(|line| {
        line.starts_with("warning: ") && line.contains(" were not run due to ")
            || line.starts_with("warning: ") && line.contains(" was not run due to ")
    });
    let none =
        heard.exit == Some(4) || heard.text.lines().any(|line| line == "error: no tests to run");
    let ran = totals.is_some();
    if let Some(totals) = totals {
        found.totals = Some(totals);
        if none && totals.ran == 0 {
            found.breaks(Outcome::NotRun, "");
        }
    }
    if let Some((outcome, said)) = cargo::unbuilt(heard, ran) {
        found.breaks(outcome, said);
    }
    found
}

/// How a test ended by its status. Failures are `Failed` until their words are read.
fn outcome(state: &str) -> Option<Outcome> {
    let last = state.rsplit(' ').next().unwrap_or(state);
    match state {
        "PASS" | "LEAK" | "SETUP PASS" => Some(Outcome::Passed),
        "FAIL" | "FAIL + LEAK" => Some(Outcome::Failed),
        "SKIP" => Some(Outcome::Skipped),
        "SLOW" | "TERMINATING" | "START" | "RETRY" | "DELAY" => None,
        "TIMEOUT" | "ABORT" | "XFAIL" | "LEAK-FAIL" | "TERMINATED" => Some(Outcome::Crashed),
        _ if state.starts_with("SIG") => Some(Outcome::Crashed),
        // Passed at a later try.
        _ if state.starts_with("FLAKY") => Some(Outcome::Crashed),
        _ if state.starts_with("TRY ") => outcome(last),
        _ => None,
    }
}

fn counts(text: &str) -> Totals {
    // `11 failed (1 due to being leaky), 2 timed out, 1 exec failed`
    let mut totals = Totals::default();
    let mut depth = 0_usize;
    let flat: String = text
        .chars()
        .filter(|&c| {
            if c == '(' {
                depth += 1;
            }
            let keep = depth == 0;
            if c == ')' {
                depth = depth.saturating_sub(1);
            }
            keep
        })
        .collect();
    for part in flat.split(',') {
        let part = part.trim();
        let count = text::number(part).unwrap_or(0);
        if part.ends_with("passed") {
            totals.ran = totals.ran.saturating_add(count);
        } else if part.ends_with("failed") || part.ends_with("timed out") {
            totals.ran = totals.ran.saturating_add(count);
            totals.failed = totals.failed.saturating_add(count);
        } else if part.ends_with("skipped") {
            totals.skipped = totals.skipped.saturating_add(count);
        }
    }
    totals
}
