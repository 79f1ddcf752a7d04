//! What test runs say: how many tests there were, and which failed on added lines.

use std::collections::HashMap;

use super::lines::{Span, Touched};
use crate::evidence::results::{Case, Counts, Outcome, TestReport};
use crate::evidence::{text, trace};
use crate::finding::{Finding, Severity, Side, Source};

/// What is shown of a failure, in bytes.
const MOST_SHOWN: usize = 1500;
/// How many tests are named that fail on one line.
const MOST_NAMED: usize = 5;

const RULE: &str = "tests/failed";

/// Over all reports; a test that several of them tell counts once, by its
/// worst outcome. Equal names within one report are different tests.
pub(super) fn counts(reports: &[(&str, &TestReport)]) -> Counts {
    let mut counts = Counts::default();
    let mut worst: HashMap<(&str, &str, usize), Outcome> = HashMap::new();
    for (_, report) in reports {
        let none = report.uncounted;
        counts.tests = counts.tests.saturating_add(none.tests);
        counts.failed = counts.failed.saturating_add(none.failed);
        counts.skipped = counts.skipped.saturating_add(none.skipped);
        let mut nth: HashMap<(&str, &str), usize> = HashMap::new();
        for case in &report.cases {
            let name = (case.class.as_str(), case.name.as_str());
            let nth = nth.entry(name).or_default();
            let outcome = worst.entry((name.0, name.1, *nth)).or_insert(case.outcome);
            *outcome = match (*outcome, case.outcome) {
                // Skipped in one report and run in another: it was run.
                (Outcome::Skipped, other) | (other, Outcome::Skipped) => other,
                (one, other) => one.max(other),
            };
            *nth += 1;
        }
    }
    counts.tests = counts.tests.saturating_add(worst.len());
    for outcome in worst.into_values() {
        counts.failed = counts.failed.saturating_add(usize::from(outcome.is_failure()));
        counts.skipped = counts.skipped.saturating_add(usize::from(outcome == Outcome::Skipped));
    }
    counts
}

/// One finding for every added line on which tests fail.
pub(super) fn findings(
    touched: &Touched<'_>,
    reports: &[(&str, &TestReport)],
    findings: &mut Vec<Finding>,
) {
    // In the order of the reports: the first failure on a line is the one shown.
    let mut order: Vec<(usize, usize)> = Vec::new();
    let mut failing: HashMap<(usize, usize), Vec<&Case>> = HashMap::new();
    for case in reports.iter().flat_map(|(_, report)| &report.cases) {
        if !case.outcome.is_failure() {
            continue;
        }
        let Some(place) = place(touched, case) else { continue };
        let cases = failing.entry(place).or_default();
        if cases.is_empty() {
            order.push(place);
        }
        if !cases.iter().any(|known| known.name == case.name && known.class == case.class) {
            cases.push(case);
        }
    }
    for (file, line) in order {
        let Some(cases) = failing.get(&(file, line)) else { continue };
        let span = Span { first: line, last: line };
        let number = touched.lines(file).lines[line].number;
        findings.push(Finding {
            id: touched.fingerprint(file, span, RULE),
            path: touched.path(file),
            side: Side::New,
            line: number,
            end_line: number,
            severity: Severity::High,
            category: "test".to_owned(),
            confidence: 0.95,
            title: title(cases),
            body: body(cases),
            suggestion: None,
            source: Source::Rule(RULE.to_owned()),
        });
    }
}

/// The first added line that the failure names: file and position among its lines.
fn place(touched: &Touched<'_>, case: &Case) -> Option<(usize, usize)> {
    let on_added = |path: &str, line: u32| {
        let file = touched.resolve(path)?;
        let lines = touched.lines(file);
        let at = lines.at(line)?;
        lines.lines[at].added.then_some((file, at))
    };
    let traced = trace::places(&case.said).into_iter().find_map(|place| {
        if place.path.contains(['/', '\\']) {
            return on_added(&place.path, place.line);
        }
        // Go names a file alone; its package is the test's class. Others give
        // the file itself, or nothing that could be mistaken for it.
        let folder = case.class.as_str();
        let below = format!("{folder}/{}", place.path);
        if folder.contains('/') || place.path.ends_with(".go") {
            return on_added(&below, place.line);
        }
        let named = case.file.as_deref().filter(|file| {
            file.ends_with(&place.path)
                && file[..file.len() - place.path.len()].ends_with(['/', '\\'])
        });
        on_added(named.unwrap_or(&place.path), place.line)
    });
    traced.or_else(|| on_added(case.file.as_deref()?, case.line?))
}

fn title(cases: &[&Case]) -> String {
    match cases {
        [case] => {
            let said = text::first_line(&case.said, 100);
            let name = text::first_line(&case.name, 80).replace('`', "'");
            // Some runners' first line is a word that says nothing.
            match said.as_str() {
                "" | "Failed" | "FAILED" | "Failure" => format!("Test `{name}` fails here"),
                _ => format!("Test `{name}` fails: {said}"),
            }
        }
        cases => format!("{} tests fail here", cases.len()),
    }
}

fn body(cases: &[&Case]) -> String {
    let mut body = String::new();
    if cases.len() > 1 {
        for case in cases.iter().take(MOST_NAMED) {
            let name = text::first_line(&case.name, 120).replace('`', "'");
            body.push_str(&format!("- `{name}`\n"));
        }
        if cases.len() > MOST_NAMED {
            body.push_str(&format!("- and {} more\n", cases.len() - MOST_NAMED));
        }
        body.push('\n');
    }
    let Some(said) = cases.first().map(|case| case.said.trim()).filter(|said| !said.is_empty())
    else {
        body.push_str("The test report names this line and gives no message.");
        return body;
    };
    // A fence longer than any in the text cannot be closed by it.
    let longest = said.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let shown = text::head(said, MOST_SHOWN);
    let more = if shown.len() < said.len() { "\n…" } else { "" };
    body.push_str(&format!("{fence}text\n{shown}{more}\n{fence}"));
    body
}
