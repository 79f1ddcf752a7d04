//! Node's own runner, `node --test`: its reporters `tap` and `spec`.
//! <https://nodejs.org/api/test.html>

use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::tap::{self, Point};
use super::{Kind, Outcome, jest, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["package.json"],
    is_used,
    commands,
    one: Tail::After("--test", " --test-name-pattern='{leaf}$'"),
    variables: &[("FORCE_COLOR", "0"), ("NODE_ENV", "test"), ("NODE_DISABLE_COLORS", "1")],
    read,
};

fn is_used(place: &Place<'_>) -> Option<String> {
    if !place.has("package.json") {
        return None;
    }
    let package: serde_json::Value = serde_json::from_str(&place.text("package.json")).ok()?;
    let script = package["scripts"]["test"].as_str().unwrap_or_default();
    if script.split_whitespace().any(|word| word == "--test") {
        return Some(format!("`scripts.test` in `{}`", place.path("package.json")));
    }
    let first = place.paths().filter(|path| is_test(path)).take(50).find(|path| {
        let text = place.text(path);
        text.contains("'node:test'") || text.contains("\"node:test\"")
    })?;
    Some(format!("`{first}`"))
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let script = [".js", ".mjs", ".cjs", ".ts", ".mts"].iter().any(|end| name.ends_with(end));
    script && !path.contains("node_modules/") && (path.contains("test") || name.contains("spec"))
}

/// Names of tests inside others are matched by themselves: the pattern is that
/// of the innermost name.
fn commands(_: &Place<'_>) -> Commands {
    let node = "node --test --test-reporter=tap";
    let mut commands =
        Commands::of(Kind::NodeTest, node).one(format!("{node} --test-name-pattern='{{leaf}}$'"));
    commands.coverage = coverage(
        "node --test --experimental-test-coverage --test-reporter=lcov --test-reporter-destination=.pipewright.lcov --test-reporter=tap --test-reporter-destination=stdout",
        &[".pipewright.lcov"],
    );
    commands
}

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let is_tap =
        heard.text.lines().any(|line| line == "TAP version 13" || line == "TAP version 14");
    if is_tap {
        tap(heard, &mut found)
    } else {
        spec(heard, &mut found)
    }
    let count = |name: &str| {
        let line = heard.text.lines().rev().find_map(|line| {
            let rest = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "))?;
            rest.strip_prefix(name)?.strip_prefix(' ')
        });
        line.and_then(text::number)
    };
    if let Some(tests) = count("tests") {
        let skipped = count("skipped").unwrap_or(0).saturating_add(count("todo").unwrap_or(0));
        let failed = count("fail").unwrap_or(0).saturating_add(count("cancelled").unwrap_or(0));
        found.totals = Some(Totals { ran: tests.saturating_sub(skipped), failed, skipped });
        if tests == skipped && failed == 0 && found.tests.is_empty() {
            found.breaks(Outcome::NotRun, "");
        }
        // A file that did not load counts as a test.
        let unloaded =
            found.tests.iter().filter(|test| test.outcome == Outcome::DidNotImport).count();
        if let Some(totals) = &mut found.totals {
            totals.ran = totals.ran.saturating_sub(unloaded);
        }
    }
    found
}

/// Why Node left a test out that the pattern did not match.
const NO_MATCH: &str = "test name does not match pattern";

fn tap(heard: &Heard<'_>, found: &mut Found) {
    // Outcomes in the order of the results, for those around others.
    let mut outcomes: Vec<Outcome> = Vec::new();
    for point in tap::read(heard.text) {
        let inside = outcomes.len().saturating_sub(point.inside);
        let worst = outcomes[inside..].iter().max().copied();
        outcomes.push(if point.ok { Outcome::Passed } else { worst.unwrap_or(Outcome::Crashed) });
        let is_file = point.path.len() == 1 && is_script(&point.path[0]);
        if point.key("type") == Some("suite") || (is_file && point.inside > 0) {
            continue;
        }
        let mut path = point.path.as_slice();
        if path.len() > 1 && is_script(&path[0]) {
            path = &path[1..];
        }
        let name = path.join(" > ");
        if point.directive.as_deref().is_some_and(|why| why.contains(NO_MATCH)) {
            continue;
        }
        let outcome = match (&point.directive, point.ok) {
            (Some(_), _) => Outcome::Skipped,
            (None, true) => Outcome::Passed,
            (None, false) if point.key("failureType") == Some("subtestsFailed") => {
                worst.unwrap_or(Outcome::Crashed)
            }
            (None, false) => judge(&point, is_file),
        };
        if let Some(last) = outcomes.last_mut() {
            *last = outcome;
        }
        let said = if outcome.is_failure() {
            format!("{}{}", point.comments, point.block)
        } else {
            String::new()
        };
        found.push(&name, None, outcome, &said);
    }
}

fn is_script(name: &str) -> bool {
    let end = name.rsplit('.').next().unwrap_or(name);
    matches!(end, "js" | "mjs" | "cjs" | "ts" | "mts" | "cts") && !name.contains(' ')
}

fn judge(point: &Point, is_file: bool) -> Outcome {
    if is_file && point.key("exitCode").is_some() {
        return by_file(&point.comments);
    }
    match point.key("failureType") {
        // The test's own code ran to its end; what it threw is told by the keys.
        None
        | Some("testCodeFailure" | "subtestsFailed" | "uncaughtException" | "unhandledRejection") =>
            {}
        Some("hookFailed") => return Outcome::DidNotImport,
        Some(_) => return Outcome::Crashed,
    }
    let by_assertion =
        point.key("code") == Some("ERR_ASSERTION") || point.key("name") == Some("AssertionError");
    if by_assertion { Outcome::Failed } else { Outcome::Crashed }
}

/// A file that ended badly as a whole.
fn by_file(said: &str) -> Outcome {
    let unloaded = [
        "MODULE_NOT_FOUND",
        "SyntaxError: ",
        "Cannot find module",
        "ERR_UNKNOWN_FILE_EXTENSION",
        "ERR_UNSUPPORTED_DIR_IMPORT",
        "does not provide an export named",
    ];
    if unloaded.iter().any(|word| said.contains(word)) {
        Outcome::DidNotImport
    } else {
        Outcome::Crashed
    }
}

static MARK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?P<indent> *)(?P<mark>[✔✖﹣▶⚠]) (?P<name>.+?)(?: \([\d.]+m?s\)(?: # (?P<why>.*))?)?$",
    )
    .expect("the pattern is valid")
});

fn spec(heard: &Heard<'_>, found: &mut Found) {
    // Groups that are open, by depth.
    let mut groups: Vec<(usize, String)> = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    let mut before = String::new();
    for line in heard.text.lines() {
        if line.trim() == "✖ failing tests:" || line.starts_with("ℹ tests ") {
            break;
        }
        let Some(parts) = MARK.captures(line) else {
            let words = open.as_mut().map_or(&mut before, |(_, _, said)| said);
            if words.len() < 2 * text::MOST_SAID {
                words.push_str(line);
                words.push('\n');
            }
            continue;
        };
        close(&mut open, found, &mut before);
        let depth = parts["indent"].len();
        let name = parts["name"].to_owned();
        let mark = &parts["mark"];
        // A group's own end repeats its name at its depth.
        let ends = groups.last().is_some_and(|(other, group)| *other == depth && *group == name);
        groups.retain(|(other, _)| *other < depth);
        if ends {
            continue;
        }
        if mark == "▶" {
            groups.push((depth, name));
            continue;
        }
        let mut path: Vec<&str> = groups
            .iter()
            .map(|(_, group)| group.as_str())
            .filter(|group| !is_script(group))
            .collect();
        path.push(&name);
        let name = path.join(" > ");
        let why = parts.name("why").map_or("", |why| why.as_str());
        if why.contains(NO_MATCH) {
            continue;
        }
        match mark {
            _ if why.starts_with("TODO") => found.push(&name, None, Outcome::Skipped, ""),
            "✔" => found.push(&name, None, Outcome::Passed, ""),
            "﹣" => found.push(&name, None, Outcome::Skipped, ""),
            _ => open = Some((name, depth, String::new())),
        }
    }
    close(&mut open, found, &mut before);
}

fn close(open: &mut Option<(String, usize, String)>, found: &mut Found, before: &mut String) {
    let Some((name, _, said)) = open.take() else { return };
    let first = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if is_script(&name) && first == "'test failed'" {
        let said = std::mem::take(before);
        found.push(&name, None, by_file(&said), &said);
        return;
    }
    let outcome = if jest::is_assertion_error(first) { Outcome::Failed } else { Outcome::Crashed };
    found.push(&name, None, outcome, &said);
}
