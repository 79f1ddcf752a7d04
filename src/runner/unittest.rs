//! Python's `unittest`, and what builds on it (Django's runner).
//! <https://docs.python.org/3/library/unittest.html>

use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, TestResult, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &[],
    is_used,
    commands,
    one: Tail::InsteadOfAll("-v {name}"),
    variables: &[
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("PYTHON_COLORS", "0"),
        ("PYTHONUNBUFFERED", "1"),
    ],
    read,
};

/// A test file that imports it is sign enough.
fn is_used(place: &Place<'_>) -> Option<String> {
    let named = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.ends_with(".py") && name.starts_with("test")
    };
    let first = place.paths().filter(|path| named(path)).take(50).find(|path| {
        place
            .text(path)
            .lines()
            .any(|line| line.starts_with("import unittest") || line.starts_with("from unittest"))
    })?;
    Some(format!("`{first}`"))
}

fn commands(place: &Place<'_>) -> Commands {
    // Without a package its modules are found from the folder itself.
    let folder = ["tests", "test"].into_iter().find(|folder| {
        let start = format!("{folder}/test");
        place.paths().any(|path| path.starts_with(&start))
            && !place.has(&format!("{folder}/__init__.py"))
    });
    let (front, at) = match folder {
        Some(folder) => (
            format!("PYTHONPATH=\"{folder}${{PYTHONPATH:+:$PYTHONPATH}}\" "),
            format!(" discover -s {folder}"),
        ),
        None => (String::new(), String::new()),
    };
    let mut commands = Commands::of(Kind::Unittest, format!("python3 -m unittest{at} -v"))
        .one(format!("{front}python3 -m unittest -v {{name}}"))
        .quick(format!("python3 -m unittest{at} -v -f"))
        .build("python3 -m compileall -q .");
    commands.coverage = coverage(
        format!(
            "python3 -m coverage run --branch -m unittest{at} -v; code=$?; \
             python3 -m coverage json -q -o .pipewright-coverage.json; exit $code"
        ),
        &[".pipewright-coverage.json"],
    );
    commands
}

/// `test_x (m.C.test_x)`, before 3.11 `test_x (m.C)`, then the outcome.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ *(?P<test>\w+) \((?P<place>[\w.<>]+)\)(?P<sub>.*?)(?: \.\.\. ?(?P<state>.*))?$")
        .expect("the pattern is valid")
});

static RAN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^Ran (\d+) tests? in [\d.]+s$").expect("the pattern is valid"));

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let lines: Vec<&str> = heard.text.lines().collect();
    let mut summaries = 0_usize;
    let mut totals = Totals::default();
    let mut blocks = 0_usize;
    let mut failures = 0_usize;
    let mut at = 0;
    let mut pending: Option<String> = None;
    while let Some(&line) = lines.get(at) {
        at += 1;
        if is_rule(line, '=')
            && let Some((state, header)) = lines.get(at).and_then(|line| header(line))
        {
            let end = block_end(&lines, at + 1);
            let body = lines[(at + 1).min(end)..end].join("\n");
            blocks += 1;
            failures += usize::from(block(&mut found, state, header, &body));
            at = end;
        } else if let Some(parts) = RAN.captures(line) {
            summaries += 1;
            let verdict = lines[at..].iter().find(|line| !line.is_empty()).copied();
            totals.add(summary(parts[1].parse().unwrap_or(0), verdict.unwrap_or_default()));
            pending = None;
        } else {
            progress(&mut found, &mut pending, line);
        }
    }
    if summaries == 0 {
        let is_error = |line: &str| {
            ["ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "TabError"]
                .iter()
                .any(|name| line.starts_with(name))
        };
        if heard.exit != Some(0) && heard.text.lines().any(is_error) {
            found.breaks(Outcome::DidNotImport, text::cut(heard.text, text::MOST_TOLD));
        }
        return found;
    }
    // Several runs in one, or a test that prints what a run does.
    if summaries > 1 {
        found.is_doubtful |= blocks > totals.failed;
        found.totals = Some(totals).filter(|totals| *totals == Totals::default());
        return found;
    }
    // A name that is not there counts as a test that failed.
    let absent = blocks.saturating_sub(failures);
    let unloaded = found.tests.iter().filter(|test| is_module(test)).count();
    totals.ran = totals.ran.saturating_sub(absent).saturating_sub(unloaded);
    totals.failed = totals.failed.saturating_sub(absent);
    found.listed = Some(failures);
    found.totals = Some(totals);
    if totals.ran == 0 && totals.failed == 0 {
        found.breaks(Outcome::NotRun, "");
    }
    found
}

/// What the loader stands in for.
fn is_module(test: &TestResult) -> bool {
    test.outcome == Outcome::DidNotImport && test.said.starts_with("ImportError: Failed to import")
}

fn is_rule(line: &str, c: char) -> bool {
    line.len() >= 60 && line.chars().all(|other| other == c)
}

/// `FAIL: test_x (m.C.test_x)`
fn header(line: &str) -> Option<(&str, &str)> {
    let (state, rest) = line.split_once(": ")?;
    matches!(state, "FAIL" | "ERROR" | "UNEXPECTED SUCCESS").then_some((state, rest))
}

/// The line where a failure's words end: the next rule of `=`, or the rule of
/// `-` with `Ran` behind it.
fn block_end(lines: &[&str], from: usize) -> usize {
    let mut at = from;
    while let Some(line) = lines.get(at) {
        let ends = is_rule(line, '=')
            || (is_rule(line, '-') && lines.get(at + 1).is_some_and(|line| RAN.is_match(line)));
        if ends {
            return at;
        }
        at += 1;
    }
    lines.len()
}

/// `module.Class.test` of a header or a line.
fn full_name(test: &str, place: &str) -> String {
    if place == test || place.ends_with(&format!(".{test}")) {
        place.to_owned()
    } else {
        format!("{place}.{test}")
    }
}

/// One failure. Gives whether it counts among the runner's failures.
fn block(found: &mut Found, state: &str, header: &str, body: &str) -> bool {
    let Some(parts) = LINE.captures(header) else {
        found.push(header, None, Outcome::Crashed, body);
        return true;
    };
    let (test, place) = (&parts["test"], &parts["place"]);
    if place.starts_with("unittest.loader.") {
        // A module that does not load, or a name that is not in it.
        let is_absent = place.contains("_FailedTest")
            && !body.contains("ImportError: Failed to import test module")
            && body.lines().any(|line| line.starts_with("AttributeError: "));
        if is_absent {
            found.breaks(Outcome::NotRun, body);
            return false;
        }
        found.push(test, None, Outcome::DidNotImport, body);
        return true;
    }
    let around = matches!(test, "setUpClass" | "tearDownClass" | "setUpModule" | "tearDownModule");
    if around {
        found.push(place, None, Outcome::DidNotImport, body);
        return true;
    }
    let outcome = if state == "FAIL" { Outcome::Failed } else { Outcome::Crashed };
    found.push(&full_name(test, place), None, outcome, body);
    true
}

/// The lines of `-v`.
fn progress(found: &mut Found, pending: &mut Option<String>, line: &str) {
    if let Some(parts) = LINE.captures(line) {
        let (test, place) = (&parts["test"], &parts["place"]);
        if !place.contains('.') && !matches!(test, "setUpModule" | "tearDownModule") {
            return;
        }
        if place.starts_with("unittest.loader.")
            || test.starts_with("setUp")
            || test.starts_with("tearDown")
        {
            return;
        }
        let name = full_name(test, place);
        match parts.name("state").map(|state| state.as_str()) {
            Some(state) if state_of(state).is_some() => {
                if let Some(outcome) = state_of(state) {
                    settle(found, &name, outcome);
                }
                *pending = None;
            }
            // Its own words, or its first line of documentation, come between.
            _ => *pending = Some(name),
        }
        return;
    }
    let Some(name) = pending.clone() else { return };
    let state = line.rsplit_once(" ... ").map_or(line, |(_, state)| state);
    if let Some(outcome) = state_of(state) {
        settle(found, &name, outcome);
        *pending = None;
    }
}

/// Failures are told at the end, with their words.
fn settle(found: &mut Found, name: &str, outcome: Outcome) {
    if matches!(outcome, Outcome::Passed | Outcome::Skipped) {
        found.push(name, None, outcome, "");
    }
}

fn state_of(state: &str) -> Option<Outcome> {
    match state.trim() {
        "ok" => Some(Outcome::Passed),
        "FAIL" => Some(Outcome::Failed),
        "ERROR" | "unexpected success" => Some(Outcome::Crashed),
        "expected failure" => Some(Outcome::Skipped),
        state if state.starts_with("skipped") => Some(Outcome::Skipped),
        _ => None,
    }
}

/// `FAILED (failures=2, errors=1, skipped=1)` behind `Ran 6 tests in 0.1s`.
fn summary(ran: usize, verdict: &str) -> Totals {
    let count = |label| text::labelled(verdict, label).unwrap_or(0);
    let expected = count("expected failures=");
    // `failures=` is also the end of `expected failures=`.
    let failures = match verdict.find("(failures=").or(verdict.find(", failures=")) {
        Some(at) => text::labelled(&verdict[at..], "failures=").unwrap_or(0),
        None => 0,
    };
    let failed =
        failures.saturating_add(count("errors=")).saturating_add(count("unexpected successes="));
    let skipped = count("skipped=").saturating_add(expected);
    Totals { ran: ran.saturating_sub(skipped), failed, skipped }
}
