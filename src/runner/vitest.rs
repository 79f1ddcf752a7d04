//! Vitest: its reporters `default` and `verbose`.
//! <https://vitest.dev/guide/reporters>

use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, jest, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["package.json"],
    is_used: |place| jest::uses(place, "vitest", &["vitest.config.", "vitest.workspace."]),
    commands,
    one: Tail::Append("-t '{pattern}$'"),
    variables: &[("FORCE_COLOR", "0"), ("NODE_ENV", "test")],
    read,
};

fn commands(place: &Place<'_>) -> Commands {
    let vitest = format!("{} vitest run --reporter=verbose", jest::call(place));
    let mut commands = Commands::of(Kind::Vitest, vitest.as_str())
        .one(format!("{vitest} -t '{{pattern}}$'"))
        .quick(format!("{vitest} --bail=1"))
        .shuffled(format!("{vitest} --sequence.shuffle --sequence.seed={{seed}}"));
    commands.coverage = coverage(
        format!(
            "{vitest} --coverage --coverage.reportOnFailure --coverage.reporter=lcovonly --coverage.reportsDirectory=coverage"
        ),
        &["coverage/lcov.info"],
    );
    commands
}

static MARK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^ *(?P<mark>[✓×↓✗❯√]) (?P<name>.+?)(?: \[.*\])?(?: +(?:\(retry x\d+\) )?[\d.]+ ?m?s)?$",
    )
    .expect("the pattern is valid")
});

static FILE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<file>(?:\|[^|]+\| )?\S+\.[cm]?[jt]sx?)(?: > (?P<name>.+?))?(?: \[ .* \])?$")
        .expect("the pattern is valid")
});

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let mut totals: Option<Totals> = None;
    let mut listed = 0_usize;
    // The tests that failed with the words that follow.
    let mut open: Vec<String> = Vec::new();
    let mut said = String::new();
    for line in heard.text.lines() {
        if let Some(rest) = line.trim_start().strip_prefix("Tests  ")
            && let Some(own) = counts(rest)
        {
            close(&mut open, &mut said, &mut found, &mut listed);
            found.is_doubtful |= totals.is_some();
            totals = Some(own);
        } else if let Some(title) = line.strip_prefix(" FAIL  ") {
            // Several tests may fail with the same words.
            if !said.trim().is_empty() {
                close(&mut open, &mut said, &mut found, &mut listed);
            }
            open.push(title.trim().to_owned());
        } else if line.starts_with("⎯⎯") {
            if !open.is_empty() && !said.contains("Serialized Error") {
                close(&mut open, &mut said, &mut found, &mut listed);
            }
        } else if !open.is_empty() {
            if said.len() < 2 * text::MOST_SAID {
                said.push_str(line);
                said.push('\n');
            }
        } else if let Some(parts) = MARK.captures(line)
            && let Some(place) = FILE.captures(&parts["name"])
            && let Some(name) = place.name("name")
        {
            let file = Some(&place["file"]);
            match &parts["mark"] {
                "✓" | "√" => found.push(name.as_str(), file, Outcome::Passed, ""),
                "↓" => found.push(name.as_str(), file, Outcome::Skipped, ""),
                _ => {}
            }
        }
    }
    close(&mut open, &mut said, &mut found, &mut listed);
    found.listed = Some(listed);
    found.totals = totals;
    let has = |words: &str| heard.text.lines().any(|line| line.trim_start().starts_with(words));
    let empty = totals.is_some_and(|totals| totals.ran == 0) && found.tests.is_empty();
    if empty || has("No test files found") || has("No test suite found") {
        found.breaks(Outcome::NotRun, "");
    }
    if heard.exit != Some(0) && heard.text.lines().any(|line| line.contains(" Unhandled Error")) {
        let is_error = |line: &str| line.contains(" Unhandled Error");
        found.breaks(Outcome::Crashed, text::from_first(heard.text, is_error));
    }
    found
}

fn close(open: &mut Vec<String>, said: &mut String, found: &mut Found, listed: &mut usize) {
    let words = std::mem::take(said);
    for title in std::mem::take(open) {
        let Some(place) = FILE.captures(&title) else {
            *listed += 1;
            found.push(&title, None, judge(&words), &words);
            continue;
        };
        let file = &place["file"];
        match place.name("name") {
            Some(name) => {
                *listed += 1;
                found.push(name.as_str(), Some(file), judge(&words), &words);
            }
            None if words.contains("No test suite found in file") => {
                found.breaks(Outcome::NotRun, text::cut(&words, text::MOST_TOLD));
            }
            None => found.push(file, Some(file), Outcome::DidNotImport, &words),
        }
    }
}

fn judge(said: &str) -> Outcome {
    let first = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let by_assertion = jest::is_assertion_error(first)
        || (first.starts_with("Error: Snapshot ") && first.contains("mismatched"));
    if by_assertion { Outcome::Failed } else { Outcome::Crashed }
}

/// `5 failed | 1 passed | 2 skipped (8)`
fn counts(text: &str) -> Option<Totals> {
    if text.trim() == "no tests" {
        return Some(Totals::default());
    }
    let all = text.trim_end().strip_suffix(')')?;
    all.rsplit_once('(')?.1.parse::<usize>().ok()?;
    let count = |word| text::count(text, word).unwrap_or(0);
    let failed = count("failed");
    Some(Totals {
        ran: count("passed").saturating_add(failed),
        failed,
        skipped: count("skipped").saturating_add(count("todo")),
    })
}
