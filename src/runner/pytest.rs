//! pytest, with its own output or that of `-q`, `-v`, `-rA`.
//! <https://docs.pytest.org/en/stable/how-to/output.html>

use std::collections::{HashMap, VecDeque};
use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &[
        "pytest.ini",
        ".pytest.ini",
        "pyproject.toml",
        "setup.cfg",
        "tox.ini",
        "conftest.py",
        "requirements.txt",
    ],
    is_used,
    commands,
    one: Tail::InsteadOfPaths("-rA {name}"),
    variables: &[
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("PY_COLORS", "0"),
        ("PYTEST_ADDOPTS", "-rA -p no:cacheprovider"),
    ],
    read,
};

fn is_used(place: &Place<'_>) -> Option<String> {
    for name in ["pytest.ini", ".pytest.ini", "conftest.py"] {
        if place.has(name) {
            return Some(format!("`{name}`"));
        }
    }
    let asks = |name: &str, words: &[&str]| {
        let text = place.text(name);
        words.iter().any(|word| text.contains(word)).then(|| format!("`{name}`"))
    };
    asks("pyproject.toml", &["[tool.pytest", "pytest"])
        .or_else(|| asks("setup.cfg", &["[tool:pytest]", "pytest"]))
        .or_else(|| asks("tox.ini", &["[pytest]", "pytest"]))
        .or_else(|| asks("requirements.txt", &["pytest"]))
        .or_else(|| {
            // A test file that imports it, or has bare test functions.
            let first = place.paths().filter(|path| is_test(path)).take(50).find(|path| {
                let text = place.text(path);
                text.lines().any(|line| {
                    line.starts_with("import pytest")
                        || line.starts_with("from pytest")
                        || line.starts_with("def test_")
                        || line.starts_with("async def test_")
                })
            });
            first.map(|path| format!("`{path}`"))
        })
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py"))
}

/// Whether the project says that it has a plugin.
fn has_plugin(place: &Place<'_>, plugin: &str) -> bool {
    let files =
        ["pyproject.toml", "setup.cfg", "tox.ini", "setup.py", "Pipfile", "poetry.lock", "uv.lock"];
    let named = files.iter().any(|name| place.text(name).contains(plugin));
    named
        || place
            .paths()
            .filter(|path| {
                let name = path.rsplit('/').next().unwrap_or(path);
                name.contains("requirements") && name.ends_with(".txt")
            })
            .take(20)
            .any(|path| place.text(path).contains(plugin))
}

fn commands(place: &Place<'_>) -> Commands {
    const PLAIN: &str = "python3 -m pytest -rA --color=no --tb=short -p no:cacheprovider";
    // A random order by itself would make two runs differ.
    let randomly = has_plugin(place, "pytest-randomly");
    let random_order = has_plugin(place, "pytest-random-order");
    let still = if randomly { " -p no:randomly" } else { "" };
    let mut commands = Commands::of(Kind::Pytest, format!("{PLAIN}{still}"))
        .one(format!("{PLAIN}{still} {{name}}"))
        .quick(format!("{PLAIN}{still} -x"))
        .build(format!("{PLAIN}{still} --collect-only -q"));
    if randomly {
        commands = commands.shuffled(format!("{PLAIN} --randomly-seed={{seed}}"));
    } else if random_order {
        commands =
            commands.shuffled(format!("{PLAIN} --random-order --random-order-seed={{seed}}"));
    }
    commands.coverage = if has_plugin(place, "pytest-cov") {
        coverage(
            format!(
                "{PLAIN}{still} --cov --cov-branch --cov-report=json:.pipewright-coverage.json"
            ),
            &[".pipewright-coverage.json"],
        )
    } else {
        let run = PLAIN.trim_start_matches("python3 ");
        coverage(
            format!(
                "python3 -m coverage run --branch {run}{still}; code=$?; \
                 python3 -m coverage json -q -o .pipewright-coverage.json; exit $code"
            ),
            &[".pipewright-coverage.json"],
        )
    };
    commands
}

/// `1 failed, 2 passed in 0.01s`, between `=` or not.
static TOTALS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:=+ )?(?P<counts>no tests ran|\d+ [a-z]+(?: passed)?(?:, \d+ [a-z]+(?: passed)?)*) in [\d.]+s(?: \([\d:, a-z]+\))?(?: =+)?$")
        .expect("the pattern is valid")
});

/// `test_calc.py::test_x PASSED [ 10%]`, and that of xdist.
static VERBOSE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\[gw\d+\] \[ *\d+%\] (?P<first>[A-Z]+) (?P<worker>\S.*?)|(?P<name>\S+::.*?) (?P<state>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?: \(.*\))? *(?:\[ *\d+%\])?) *$")
        .expect("the pattern is valid")
});

static TITLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^_+ (?P<title>.+?) _+$").expect("the pattern is valid"));

/// The place at a trace's end: `calc.py:2: TypeError`.
static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\S.*:\d+: (?P<kind>[A-Za-z_][\w.]*)").expect("the pattern is valid")
});

/// A part of the output between lines like `==== FAILURES ====`.
fn section(line: &str) -> Option<&str> {
    let inner = line.strip_prefix("==")?.trim_start_matches('=');
    let inner = inner.strip_prefix(' ')?.trim_end_matches('=').strip_suffix(' ')?;
    line.ends_with("==").then_some(inner)
}

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let lines: Vec<&str> = heard.text.lines().collect();
    let end = lines.iter().rposition(|line| TOTALS.is_match(line));
    let totals =
        end.and_then(|at| TOTALS.captures(lines[at])).map(|parts| counts(&parts["counts"]));
    let end = end.unwrap_or(lines.len());
    // Only the last summary is the runner's: those above it were printed by tests.
    let summary = lines[..end]
        .iter()
        .rposition(|line| section(line) == Some("short test summary info"))
        .unwrap_or(end);
    let mut blocks = failures(&lines[..summary]);
    for line in &lines[..summary] {
        if let Some(parts) = VERBOSE.captures(line) {
            let name = parts.name("name").or(parts.name("worker")).map_or("", |name| name.as_str());
            let state =
                parts.name("state").or(parts.name("first")).map_or("", |name| name.as_str());
            match state {
                "PASSED" | "XPASS" => push(&mut found, name, Outcome::Passed, ""),
                "SKIPPED" | "XFAIL" => push(&mut found, name, Outcome::Skipped, ""),
                _ => {}
            }
        }
    }
    let mut listed = 0;
    let mut parts: Vec<String> = Vec::new();
    let mut at = summary + 1;
    while at < end {
        let line = lines[at];
        at += 1;
        let Some((state, rest)) = line.split_once(' ') else { continue };
        let (name, reason) = split_reason(rest);
        match state {
            "PASSED" | "XPASS" => push(&mut found, name, Outcome::Passed, ""),
            "XFAIL" => push(&mut found, name, Outcome::Skipped, ""),
            "FAILED" | "ERROR" => {
                listed += 1;
                failed(&mut found, state, name, reason, &mut blocks);
            }
            // `SUBFAILED(value=7)`; the test around it is said to have passed.
            _ if state.starts_with("SUBFAIL") => {
                listed += 1;
                parts.push(name.to_owned());
                failed(&mut found, "SUBFAIL", name, reason, &mut blocks);
            }
            _ => {}
        }
    }
    if summary == end {
        // No summary: the failures alone tell (without their files).
        for (title, bodies) in std::mem::take(&mut blocks) {
            for body in bodies {
                listed += 1;
                let (state, name) = match title.strip_prefix("ERROR at ") {
                    Some(rest) => ("ERROR", rest.rsplit(" of ").next().unwrap_or(rest)),
                    None => match title.strip_prefix("ERROR collecting ") {
                        Some(rest) => ("ERROR", rest),
                        None => ("FAILED", title.as_str()),
                    },
                };
                let outcome =
                    if state == "ERROR" { Outcome::DidNotImport } else { judge("", &body) };
                found.push(name, None, outcome, &body);
            }
        }
    }
    found.tests.retain(|test| test.outcome != Outcome::Passed || !parts.contains(&test.name));
    found.listed = Some(listed);
    found.totals =
        totals.map(|totals| Totals { ran: totals.ran.saturating_sub(parts.len()), ..totals });
    found.is_partial = lines[end.min(lines.len())..]
        .iter()
        .chain(&lines[summary.min(lines.len())..end.min(lines.len())])
        .any(|line| line.contains(" stopping after ") && line.starts_with("!!"));
    by_exit(heard, &mut found);
    found
}

/// What the exit codes say: <https://docs.pytest.org/en/stable/reference/exit-codes.html>
fn by_exit(heard: &Heard<'_>, found: &mut Found) {
    let says = |words: &str| heard.text.lines().any(|line| line.starts_with(words));
    let tail = || text::cut(text::tail(heard.text, text::MOST_TOLD), text::MOST_TOLD);
    match heard.exit {
        Some(5) => found.breaks(Outcome::NotRun, ""),
        Some(4) if says("ImportError while loading conftest") => {
            found.breaks(Outcome::DidNotImport, tail());
        }
        Some(4) if found.tests.iter().any(|test| test.outcome.is_failure()) => {}
        Some(4)
            if says("ERROR: not found: ")
                || says("ERROR: file or directory not found")
                || says("ERROR: found no collectors") =>
        {
            found.breaks(Outcome::NotRun, tail());
        }
        Some(3 | 4) => found.breaks(Outcome::Crashed, tail()),
        _ => {}
    }
    if found.totals.is_none() && says("ImportError while loading conftest") {
        found.breaks(Outcome::DidNotImport, tail());
    }
    // An error outside of any test: the totals have it, a name has none.
    if found.totals == Some(Totals::default()) && found.tests.is_empty() {
        found.breaks(Outcome::NotRun, "");
    }
}

fn push(found: &mut Found, id: &str, outcome: Outcome, said: &str) {
    let file = id.split_once("::").map(|(file, _)| file);
    found.push(id, file, outcome, said);
}

/// `name - reason`, where the name's parameters may hold ` - ` themselves.
fn split_reason(rest: &str) -> (&str, &str) {
    let first = rest.find(" - ");
    let open = rest.find('[');
    if let (Some(first), Some(open)) = (first, open)
        && open < first
    {
        if let Some(at) = rest.find("] - ") {
            return (&rest[..=at], &rest[at + 4..]);
        }
        if rest.ends_with(']') {
            return (rest, "");
        }
    }
    first.map_or((rest, ""), |at| (&rest[..at], &rest[at + 3..]))
}

type Blocks = HashMap<String, VecDeque<String>>;

/// What the failures say, by their titles, from the sections `FAILURES` and `ERRORS`.
fn failures(lines: &[&str]) -> Blocks {
    let mut blocks: Blocks = HashMap::new();
    let mut inside = false;
    let mut title: Option<String> = None;
    let mut body = String::new();
    let close = |title: &mut Option<String>, body: &mut String, blocks: &mut Blocks| {
        if let Some(title) = title.take() {
            blocks.entry(title).or_default().push_back(std::mem::take(body));
        }
        body.clear();
    };
    for line in lines {
        if let Some(name) = section(line) {
            close(&mut title, &mut body, &mut blocks);
            inside = matches!(name, "FAILURES" | "ERRORS");
        } else if !inside {
        } else if let Some(parts) = TITLE.captures(line)
            && !line.starts_with("_ _")
        {
            close(&mut title, &mut body, &mut blocks);
            title = Some(parts["title"].to_owned());
        } else if title.is_some() && body.len() < 4 * text::MOST_SAID {
            body.push_str(line);
            body.push('\n');
        }
    }
    close(&mut title, &mut body, &mut blocks);
    blocks
}

/// One failure of the summary.
fn failed(found: &mut Found, state: &str, id: &str, reason: &str, blocks: &mut Blocks) {
    let short = id.split_once("::").map(|(_, inner)| inner.replace("::", "."));
    let mut take = |title: &str| blocks.get_mut(title).and_then(VecDeque::pop_front);
    let said = match (state, &short) {
        ("ERROR", None) => take(&format!("ERROR collecting {id}")),
        ("ERROR", Some(short)) => take(&format!("ERROR at setup of {short}"))
            .or_else(|| take(&format!("ERROR at teardown of {short}")))
            .or_else(|| take(&format!("ERROR collecting {id}"))),
        (_, Some(short)) => take(short),
        _ => None,
    };
    let said = said.unwrap_or_else(|| reason.to_owned());
    let outcome = if state == "ERROR" { Outcome::DidNotImport } else { judge(reason, &said) };
    if short.is_none() {
        found.push(id, Some(id), outcome, &said);
    } else {
        push(found, id, outcome, &said);
    }
}

/// Whether a failure is an assertion: by the summary's reason, else by what
/// stands last in the failure's words.
fn judge(reason: &str, said: &str) -> Outcome {
    let by = |what: &str| {
        let what = what.trim();
        let by_assertion = what.starts_with("assert ")
            || what == "AssertionError"
            || what.starts_with("AssertionError:")
            || what.starts_with("AssertionError ")
            || (what.starts_with("Failed: ") && !what.starts_with("Failed: Timeout"));
        if by_assertion { Outcome::Failed } else { Outcome::Crashed }
    };
    if !reason.trim().is_empty() {
        return by(reason);
    }
    if let Some(kind) = said.lines().rev().find_map(|line| PLACE.captures(line))
        && &kind["kind"] != "in"
    {
        return match &kind["kind"] {
            "AssertionError" | "Failed" => Outcome::Failed,
            _ => Outcome::Crashed,
        };
    }
    // `E   AssertionError: …`: the first line of the last such lines.
    let mut first = "";
    let mut previous = false;
    for line in said.lines() {
        let error = line.strip_prefix("E  ");
        if let Some(error) = error
            && !previous
        {
            first = error;
        }
        previous = error.is_some();
    }
    by(first)
}

fn counts(text: &str) -> Totals {
    let count = |words: &[&str]| {
        words.iter().filter_map(|word| text::count(text, word)).fold(0, usize::saturating_add)
    };
    let failed = count(&["failed"]);
    let errors = count(&["error", "errors"]);
    Totals {
        ran: count(&["passed", "xpassed"]).saturating_add(failed),
        failed: failed.saturating_add(errors),
        skipped: count(&["skipped", "xfailed"]),
    }
}
