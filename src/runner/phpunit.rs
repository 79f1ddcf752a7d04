//! PHPUnit: its text, and the lines of `--teamcity`.
//! <https://docs.phpunit.de/en/11.5/textui.html>

use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml", "composer.json"],
    is_used: |place| {
        let own = ["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"];
        own.iter().find(|name| place.has(name)).map(|name| format!("`{name}`")).or_else(|| {
            place
                .text("composer.json")
                .contains("phpunit/phpunit")
                .then(|| "`composer.json`".to_owned())
        })
    },
    commands,
    one: Tail::Append("--filter {pattern}"),
    variables: &[("XDEBUG_MODE", "off")],
    read,
};

fn commands(place: &Place<'_>) -> Commands {
    let program = if place.has("composer.json") { "vendor/bin/phpunit" } else { "phpunit" };
    let phpunit = format!("{program} --colors=never --teamcity");
    let mut commands = Commands::of(Kind::Phpunit, phpunit.as_str())
        .one(format!("{phpunit} --filter {{pattern}}"))
        .quick(format!("{phpunit} --stop-on-error --stop-on-failure"))
        .shuffled(format!("{phpunit} --order-by=random --random-order-seed={{seed}}"))
        .build(format!("{program} --list-tests"));
    commands.coverage = coverage(
        format!("XDEBUG_MODE=coverage {phpunit} --coverage-clover .pipewright-clover.xml"),
        &[".pipewright-clover.xml"],
    );
    commands
}

/// `There were 3 failures:`, `There was 1 error:`, `There was 1 risky test:`
static SECTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:There (?:was|were) )?\d+ (?P<what>.*?)(?: test)?s?:$")
        .expect("the pattern is valid")
});

static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<number>\d+)\) (?P<name>\S.*)$").expect("the pattern is valid")
});

static TEAMCITY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^##teamcity\[(?P<event>\w+) (?P<rest>.*)\]$").expect("the pattern is valid")
});

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let totals = heard.text.lines().rev().find_map(totals);
    let failures = sections(heard.text, &mut found);
    found.listed = Some(failures);
    let events = teamcity(heard.text, &mut found);
    found.totals = totals;
    if let (true, None) = (events, totals) {
        // The totals are not printed beside the events before PHPUnit 10.
        found.is_whole =
            heard.text.lines().any(|line| line.starts_with("##teamcity[testSuiteFinished"));
        if found.tests.is_empty() {
            found.breaks(Outcome::NotRun, "");
        }
    }
    let has = |words: &str| heard.text.lines().any(|line| line.starts_with(words));
    if has("No tests executed!") || heard.text.contains("\nNo tests found in class ") {
        found.breaks(Outcome::NotRun, "");
        found.totals = Some(Totals::default());
        found.tests.clear();
        found.listed = None;
    } else if heard.exit == Some(255) || (totals.is_none() && has("PHP Fatal error:")) {
        let fatal = |line: &str| {
            line.contains("Fatal error:")
                || line.contains("Parse error:")
                || line.starts_with("An error occurred inside PHPUnit.")
        };
        let said = text::from_first(heard.text, fatal);
        // Before any test ran, a file did not load.
        let unloaded = totals.is_none()
            && !heard.text.contains("##teamcity[testStarted")
            && (said.contains("TestSuite->addTestFile")
                || said.contains("ParseError")
                || said.contains("Parse error:")
                || said.contains("Failed opening required"));
        found.breaks(if unloaded { Outcome::DidNotImport } else { Outcome::Crashed }, said);
    }
    found
}

/// `OK (2 tests, 2 assertions)`, `Tests: 6, Assertions: 5, Failures: 3, Risky: 1.`
fn totals(line: &str) -> Option<Totals> {
    if let Some(rest) = line.strip_prefix("OK (") {
        return Some(Totals { ran: text::number(rest)?, ..Totals::default() });
    }
    let rest = line.strip_prefix("Tests: ")?;
    let count = |label: &str| text::labelled(line, label).unwrap_or(0);
    let skipped = count(" Skipped: ").saturating_add(count(" Incomplete: "));
    Some(Totals {
        ran: text::number(rest)?.saturating_sub(skipped),
        failed: count(" Failures: ").saturating_add(count(" Errors: ")),
        skipped,
    })
}

/// The numbered failures and errors. Gives how many there are.
fn sections(text: &str, found: &mut Found) -> usize {
    let mut outcome: Option<Outcome> = None;
    let mut open: Option<(String, Outcome, String)> = None;
    let mut listed = 0;
    let mut expected = 1;
    let close = |open: &mut Option<(String, Outcome, String)>, found: &mut Found| {
        if let Some((name, outcome, said)) = open.take() {
            found.push(&bare(&name), None, outcome, &said);
        }
    };
    for line in text.lines() {
        if let Some(parts) = SECTION.captures(line) {
            close(&mut open, found);
            expected = 1;
            outcome = match &parts["what"] {
                "failure" => Some(Outcome::Failed),
                "error" => Some(Outcome::Crashed),
                _ => None,
            };
        } else if line == "--" || totals(line).is_some() || line == "FAILURES!" || line == "ERRORS!"
        {
            close(&mut open, found);
        } else if let (Some(outcome), Some(parts)) = (outcome, ITEM.captures(line))
            && parts["number"].parse() == Ok(expected)
        {
            close(&mut open, found);
            expected += 1;
            listed += 1;
            open = Some((parts["name"].to_owned(), outcome, String::new()));
        } else if let Some((_, _, said)) = &mut open
            && said.len() < 2 * text::MOST_SAID
        {
            said.push_str(line);
            said.push('\n');
        }
    }
    close(&mut open, found);
    listed
}

/// `CalcTest::testEach with data set "high end" (7)` without the data itself.
fn bare(name: &str) -> String {
    match name.find(" with data set ") {
        Some(at) => match name[at..].rfind(" (") {
            Some(end) if name.ends_with(')') => name[..at + end].to_owned(),
            _ => name.to_owned(),
        },
        None => name.to_owned(),
    }
}

/// The value of an attribute of a TeamCity line, with `|'` for `'`.
fn attribute(rest: &str, name: &str) -> Option<String> {
    let start = format!("{name}='");
    let at = if rest.starts_with(&start) {
        start.len()
    } else {
        rest.find(&format!(" {start}"))? + 1 + start.len()
    };
    let mut value = String::new();
    let mut chars = rest[at..].chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => return Some(value),
            '|' => match chars.next()? {
                'n' => value.push('\n'),
                'r' => {}
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

/// The events of `--teamcity`. Whether there are any.
fn teamcity(text: &str, found: &mut Found) -> bool {
    let mut class = String::new();
    let mut ended: Option<(Outcome, String)> = None;
    let mut any = false;
    let mut failures = 0;
    for line in text.lines() {
        let Some(parts) = TEAMCITY.captures(line.trim_start()) else { continue };
        any = true;
        let rest = &parts["rest"];
        match &parts["event"] {
            "testStarted" => {
                ended = None;
                if let Some(hint) = attribute(rest, "locationHint")
                    && let Some((_, place)) = hint.rsplit_once("::\\")
                {
                    class = place.split("::").next().unwrap_or(place).to_owned();
                }
            }
            "testFailed" => {
                let message = attribute(rest, "message").unwrap_or_default();
                let details = attribute(rest, "details").unwrap_or_default();
                failures += 1;
                let outcome = judge(&message, rest.contains("type='comparisonFailure'"));
                ended = Some((outcome, format!("{message}\n{details}")));
            }
            "testIgnored" => ended = Some((Outcome::Skipped, String::new())),
            "testFinished" => {
                let name = attribute(rest, "name").unwrap_or_default();
                let (outcome, said) = ended.take().unwrap_or((Outcome::Passed, String::new()));
                let full = if class.is_empty() { name } else { format!("{class}::{name}") };
                found.push(&full, None, outcome, said);
            }
            _ => {}
        }
    }
    if any && found.listed == Some(0) {
        found.listed = Some(failures);
    }
    any
}

/// Whether a message is that of an assertion: other exceptions begin with their class.
fn judge(message: &str, compares: bool) -> Outcome {
    let says = message.lines().any(|line| {
        line.starts_with("Failed asserting that ") || line.starts_with("Expectation failed for ")
    });
    let class = message.split([':', ' ', '\n']).next().unwrap_or_default();
    let is_class = (class.ends_with("Error") || class.ends_with("Exception"))
        && message[class.len()..].trim_start().starts_with(':')
        && !class.ends_with("ExpectationFailedException")
        && !class.ends_with("AssertionFailedError");
    if (says || compares) && !is_class { Outcome::Failed } else { Outcome::Crashed }
}
