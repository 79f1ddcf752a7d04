//! Jest: its tree of tests, what failing ones say, and its totals.
//! <https://jestjs.io/docs/cli>

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["package.json"],
    is_used: |place| uses(place, "jest", &["jest.config."]),
    commands,
    one: Tail::Append("-t '{pattern}$'"),
    variables: &[("FORCE_COLOR", "0"), ("NODE_ENV", "test")],
    read,
};

/// What shows that a folder's `package.json` asks for a runner: a dependency or
/// script of that name, or the runner's own file.
pub(super) fn uses(place: &Place<'_>, runner: &str, configs: &[&str]) -> Option<String> {
    if !place.has("package.json") {
        return None;
    }
    let own = place
        .paths()
        .find(|path| !path.contains('/') && configs.iter().any(|config| path.starts_with(config)));
    if let Some(own) = own {
        return Some(format!("`{own}`"));
    }
    let package: serde_json::Value = serde_json::from_str(&place.text("package.json")).ok()?;
    let script = package["scripts"]["test"].as_str().unwrap_or_default();
    let words = script.split(|c: char| !(c.is_alphanumeric() || "-_@/.".contains(c)));
    if words.into_iter().any(|word| word.rsplit('/').next() == Some(runner)) {
        return Some(format!("`scripts.test` in `{}`", place.path("package.json")));
    }
    let depends = ["devDependencies", "dependencies"]
        .iter()
        .any(|group| package[*group].get(runner).is_some());
    let configured = package.get(runner).is_some_and(serde_json::Value::is_object);
    (depends || configured).then(|| format!("`{runner}` in `{}`", place.path("package.json")))
}

/// How a program of `node_modules` is called: by the package manager whose lock
/// file is there.
pub(super) fn call(place: &Place<'_>) -> &'static str {
    if place.has(".pnp.cjs") {
        "yarn"
    } else if place.has("pnpm-lock.yaml") {
        "pnpm exec"
    } else {
        "npx --no-install"
    }
}

fn commands(place: &Place<'_>) -> Commands {
    let jest = format!("{} jest --ci --verbose --colors=false", call(place));
    let mut commands = Commands::of(Kind::Jest, jest.as_str())
        .one(format!("{jest} -t '{{pattern}}$'"))
        .quick(format!("{jest} --bail"))
        .shuffled(format!("{jest} --randomize --seed={{seed}}"));
    commands.coverage = coverage(
        format!("{jest} --coverage --coverageReporters=lcovonly --coverageDirectory=coverage"),
        &["coverage/lcov.info"],
    );
    commands
}

static MARK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<indent> +)(?P<mark>[✓✕○✎√×]) (?P<name>.+?)(?: \([\d.]+ m?s\))?$")
        .expect("the pattern is valid")
});

static FILE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<state>PASS|FAIL)(?:  ?\S+)?? (?P<file>\S+)(?: \([\d.]+ m?s\))?$")
        .expect("the pattern is valid")
});

const UNLOADED: &str = "Test suite failed to run";

/// A failure that is being read: its title, and its words.
struct Open {
    title: String,
    said: String,
}

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let mut file: Option<String> = None;
    // The groups around the next test, by their indentation.
    let mut groups: Vec<(usize, String)> = Vec::new();
    let mut open: Option<Open> = None;
    let mut totals: Option<Totals> = None;
    let mut listed = 0_usize;
    let mut suites = 0_usize;
    let mut seen = HashSet::new();
    for line in heard.text.lines() {
        if let Some(rest) = line.strip_prefix("Tests: ")
            && let Some(own) = counts(rest)
        {
            close(&mut open, &mut found, file.as_deref(), &mut listed, &mut seen);
            found.is_doubtful |= totals.is_some();
            totals = Some(own);
        } else if let Some(rest) = line.strip_prefix("Test Suites: ") {
            close(&mut open, &mut found, file.as_deref(), &mut listed, &mut seen);
            suites = text::count(rest, "failed").unwrap_or(0);
        } else if line.starts_with("Summary of all failing tests") {
            close(&mut open, &mut found, file.as_deref(), &mut listed, &mut seen);
        } else if let Some(parts) = FILE.captures(line) {
            close(&mut open, &mut found, file.as_deref(), &mut listed, &mut seen);
            file = Some(parts["file"].trim_start_matches("./").to_owned());
            groups.clear();
        } else if let Some(title) = line.strip_prefix("  ● ") {
            close(&mut open, &mut found, file.as_deref(), &mut listed, &mut seen);
            open = Some(Open { title: title.trim().to_owned(), said: String::new() });
        } else if let Some(open) = &mut open {
            if open.said.len() < 2 * text::MOST_SAID {
                open.said.push_str(line);
                open.said.push('\n');
            }
        } else if file.is_some() {
            tree(&mut found, file.as_deref(), &mut groups, line);
        }
    }
    close(&mut open, &mut found, file.as_deref(), &mut listed, &mut seen);
    found.listed = Some(listed);
    found.totals = totals;
    let none = heard.text.lines().any(|line| line.starts_with("No tests found"));
    let empty = totals.is_some_and(|totals| totals.ran == 0);
    if none || (empty && suites == 0) {
        found.breaks(Outcome::NotRun, "");
    }
    found
}

/// A line of the tree: a group's name, or a test's with its mark.
fn tree(found: &mut Found, file: Option<&str>, groups: &mut Vec<(usize, String)>, line: &str) {
    if let Some(parts) = MARK.captures(line) {
        let depth = parts["indent"].len();
        groups.retain(|(other, _)| *other < depth);
        let name = parts["name"].trim_start_matches("skipped ").trim_start_matches("todo ");
        let mut path: Vec<&str> = groups.iter().map(|(_, name)| name.as_str()).collect();
        path.push(if matches!(&parts["mark"], "○" | "✎") { name } else { &parts["name"] });
        let name = path.join(" › ");
        match &parts["mark"] {
            "✓" | "√" => found.push(&name, file, Outcome::Passed, ""),
            "○" | "✎" => found.push(&name, file, Outcome::Skipped, ""),
            // Its words follow.
            _ => {}
        }
    } else if line.starts_with("  ") && !line.trim().is_empty() {
        let depth = text::indent(line);
        groups.retain(|(other, _)| *other < depth);
        groups.push((depth, line.trim().to_owned()));
    } else {
        groups.clear();
    }
}

fn close(
    open: &mut Option<Open>,
    found: &mut Found,
    file: Option<&str>,
    listed: &mut usize,
    seen: &mut HashSet<(Option<String>, String)>,
) {
    let Some(Open { title, said }) = open.take() else { return };
    // With a summary at the end, failures stand there twice.
    if title == "Console" || !seen.insert((file.map(str::to_owned), title.clone())) {
        return;
    }
    if title == UNLOADED {
        if said.contains("Your test suite must contain at least one test") {
            found.breaks(Outcome::NotRun, text::cut(&said, text::MOST_TOLD));
        } else {
            found.push(file.unwrap_or(UNLOADED), file, Outcome::DidNotImport, &said);
        }
        return;
    }
    *listed += 1;
    found.push(&title, file, judge(&said), &said);
}

/// Whether a failure's words are those of an assertion: by their first line. An
/// error of the test's own with such words is told by the line it marks.
pub(super) fn judge(said: &str) -> Outcome {
    let first = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let by_assertion = first.starts_with("expect(")
        || first.starts_with("expect.")
        || first.starts_with("assert.")
        || first.starts_with("assert(")
        || is_assertion_error(first);
    let marked = said.lines().find(|line| line.trim_start().starts_with("> "));
    let throws = marked.is_some_and(|line| line.contains("throw "));
    if by_assertion && !throws { Outcome::Failed } else { Outcome::Crashed }
}

/// `AssertionError: …`, `AssertionError [ERR_ASSERTION]: …`, `JestAssertionError: …`
pub(super) fn is_assertion_error(line: &str) -> bool {
    let name = line.split([':', ' ']).next().unwrap_or(line);
    name == "AssertionError" || name == "JestAssertionError"
}

/// `5 failed, 1 skipped, 2 todo, 6 passed, 14 total`
fn counts(text: &str) -> Option<Totals> {
    text::count(text, "total")?;
    let count = |word| text::count(text, word).unwrap_or(0);
    let failed = count("failed");
    Some(Totals {
        ran: count("passed").saturating_add(failed),
        failed,
        skipped: count("skipped").saturating_add(count("todo")),
    })
}
