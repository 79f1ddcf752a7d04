//! `go test`: its text, that of `-v`, and the events of `-json`.
//! <https://pkg.go.dev/cmd/go#hdr-Test_packages>,
//! <https://pkg.go.dev/cmd/test2json>

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard};
use super::{Kind, Outcome, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["go.mod"],
    is_used: |place| place.has("go.mod").then(|| "`go.mod`".to_owned()),
    commands,
    one: Tail::Append("-run '^{pattern}$'"),
    variables: &[("GOFLAGS", "-v -count=1"), ("GOTRACEBACK", "single")],
    read,
};

fn commands(_: &Place<'_>) -> Commands {
    let mut commands = Commands::of(Kind::Go, "go test -json -count=1 ./...")
        .one("go test -json -count=1 -run '^{pattern}$' ./...")
        .shuffled("go test -json -count=1 -shuffle={seed} ./...")
        .quick("go test -json -count=1 -failfast ./...")
        .build("go test -count=1 -run '^$' ./...");
    commands.coverage = coverage(
        "go test -count=1 -covermode=set -coverpkg=./... -coverprofile=.pipewright-cover.out ./...",
        &[".pipewright-cover.out"],
    );
    commands
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: Option<String>,
    #[serde(default)]
    test: Option<String>,
    #[serde(default)]
    output: Option<String>,
}

/// One test of one package.
#[derive(Default)]
struct Case {
    ended: Vec<Outcome>,
    said: String,
}

/// One package's run.
#[derive(Default)]
struct Package {
    name: Option<String>,
    cases: HashMap<String, Case>,
    order: Vec<String>,
    /// The test that ran last, and the one whose words come now.
    running: Option<String>,
    /// The test that was last said to fail, outermost, with those inside it.
    last_failed: Vec<String>,
    panicked: Vec<String>,
    outcome: Option<Outcome>,
    nothing: bool,
    is_verbose: bool,
}

static RESULT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<indent> *)--- (?P<state>PASS|FAIL|SKIP): (?P<name>\S+) \([\d.]+s\)$")
        .expect("the pattern is valid")
});

/// `ok`, `FAIL` or `?`, a tab, the package, and `0.01s` or `[build failed]`.
static PACKAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<state>ok  |FAIL|\?   |---)?\t(?P<name>\S+)(?:\t| )(?P<rest>.*)$")
        .expect("the pattern is valid")
});

fn read(heard: &Heard<'_>) -> Found {
    let mut packages: Vec<Package> = Vec::new();
    let mut events: HashMap<String, usize> = HashMap::new();
    let mut text = Package::default();
    let mut builds = false;
    for line in heard.text.lines() {
        let event = line
            .trim_start()
            .strip_prefix('{')
            .and_then(|_| serde_json::from_str::<Event>(line.trim()).ok());
        match event {
            Some(event) => {
                let Some(name) = event.package.clone() else {
                    builds |= event.action == "build-fail";
                    continue;
                };
                let at = *events.entry(name.clone()).or_insert_with(|| {
                    packages.push(Package {
                        name: Some(name),
                        is_verbose: true,
                        ..Package::default()
                    });
                    packages.len() - 1
                });
                event_of(&mut packages[at], event);
            }
            None if line.starts_with("FAIL\t") && line.ends_with(" failed]") => {
                builds = true;
                packages.push(std::mem::take(&mut text));
            }
            None => {
                if line_of(&mut text, line) {
                    packages.push(std::mem::take(&mut text));
                }
            }
        }
    }
    // What follows on the last package line is not a package.
    if !text.order.is_empty() || !text.panicked.is_empty() {
        packages.push(std::mem::take(&mut text));
    }
    conclude(heard, packages, builds)
}

fn conclude(heard: &Heard<'_>, packages: Vec<Package>, builds: bool) -> Found {
    let mut found = Found::default();
    let mut whole = !packages.is_empty();
    let mut ran = false;
    let mut known = false;
    for package in packages {
        known |= package.outcome.is_some() || package.nothing;
        whole &= package.nothing || (package.is_verbose && package.outcome.is_some());
        ran |= !package.nothing && package.outcome.is_some();
        add(&mut found, package);
    }
    found.is_whole = whole;
    let telling = |line: &str| {
        line.starts_with("# ")
            || line.starts_with("go: ")
            || line.ends_with(" failed]")
            || line.contains(": cannot find ")
            || line.contains("no required module provides")
    };
    if builds {
        found.breaks(Outcome::DidNotBuild, text::from_first(&unquoted(heard.text), telling));
    } else if !known && heard.exit != Some(0) && heard.text.lines().any(telling) {
        found.breaks(Outcome::DidNotBuild, text::from_first(heard.text, telling));
    } else if known && !ran && found.tests.is_empty() {
        found.breaks(Outcome::NotRun, "");
    }
    found
}

/// The text of events, so that people can read it.
fn unquoted(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        match serde_json::from_str::<Event>(line) {
            Ok(event) => out.push_str(&event.output.unwrap_or_default()),
            Err(_) => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    text::plain(&out)
}

impl Package {
    fn case(&mut self, name: &str) -> &mut Case {
        if !self.cases.contains_key(name) {
            self.order.push(name.to_owned());
        }
        self.cases.entry(name.to_owned()).or_default()
    }

    fn say(&mut self, name: &str, line: &str) {
        let case = self.case(name);
        if case.said.len() < 2 * text::MOST_SAID {
            case.said.push_str(line);
            case.said.push('\n');
        }
    }

    /// A test's last line.
    fn end(&mut self, name: &str, state: &str) {
        let outcome = match state {
            "PASS" | "pass" => Outcome::Passed,
            "SKIP" | "skip" => Outcome::Skipped,
            _ => Outcome::Failed,
        };
        self.case(name).ended.push(outcome);
        if outcome == Outcome::Failed {
            if !name.contains('/') {
                self.last_failed.clear();
            }
            self.last_failed.push(name.to_owned());
        }
    }

    /// What the test binary says when it goes down.
    fn panics(&mut self) {
        let mut down = std::mem::take(&mut self.last_failed);
        if down.is_empty() {
            down.extend(self.running.clone());
        }
        self.panicked.extend(down);
    }
}

fn is_panic(line: &str) -> bool {
    line.starts_with("panic: ") || line.starts_with("fatal error: ")
}

/// Goes over a line of text. Whether it ends a package.
fn line_of(package: &mut Package, line: &str) -> bool {
    // A test's words may stand before the mark, without a line end of their own.
    if let Some(rest) = line.strip_prefix("=== ") {
        package.is_verbose = true;
        let mut words = rest.split_whitespace();
        let (verb, name) = (words.next(), words.next());
        if let (Some(verb), Some(name)) = (verb, name) {
            if verb == "RUN" {
                package.case(name);
            }
            if verb != "PAUSE" {
                package.running = Some(name.to_owned());
            }
        }
        return false;
    }
    if let Some(parts) = RESULT.captures(line) {
        package.end(&parts["name"], &parts["state"]);
        package.running = Some(parts["name"].to_owned());
        return false;
    }
    if let Some(parts) = PACKAGE.captures(line) {
        let state = parts.name("state").map_or("", |state| state.as_str());
        let rest = &parts["rest"];
        if state != "---" && (!state.is_empty() || rest.contains("coverage:")) {
            package.name = Some(parts["name"].to_owned());
            package.nothing =
                state == "?   " || rest.contains("[no tests to run]") || state.is_empty();
            package.outcome = Some(if state == "FAIL" { Outcome::Failed } else { Outcome::Passed });
            return true;
        }
    }
    if is_panic(line) {
        package.panics();
    }
    if let Some(name) = package.panicked.last().cloned().or_else(|| package.running.clone()) {
        package.say(&name, line);
    }
    false
}

fn event_of(package: &mut Package, event: Event) {
    let test = event.test.unwrap_or_default();
    match event.action.as_str() {
        "run" if !test.is_empty() => {
            package.case(&test);
            package.running = Some(test);
        }
        state @ ("pass" | "fail" | "skip") => {
            if test.is_empty() {
                package.outcome =
                    Some(if state == "fail" { Outcome::Failed } else { Outcome::Passed });
                package.nothing |= state == "skip";
            } else {
                package.end(&test, state);
            }
        }
        "output" => {
            let output = text::plain(event.output.as_deref().unwrap_or_default());
            for line in output.lines() {
                package.nothing |=
                    line.contains("[no tests to run]") || line.contains("[no test files]");
                if is_panic(line) {
                    package.panics();
                }
                if line.starts_with("=== ") || RESULT.is_match(line) {
                    // Before Go 1.20 a panic's words come ahead of the test's own
                    // last event, which is known by this line.
                    if let Some(parts) = RESULT.captures(line)
                        && &parts["state"] == "FAIL"
                    {
                        if !parts["name"].contains('/') {
                            package.last_failed.clear();
                        }
                        package.last_failed.push(parts["name"].to_owned());
                    }
                    continue;
                }
                let to = if test.is_empty() {
                    package.panicked.last().cloned()
                } else {
                    Some(test.clone())
                };
                if let Some(to) = to {
                    package.say(&to, line);
                }
            }
        }
        _ => {}
    }
}

fn add(found: &mut Found, mut package: Package) {
    let name = package.name.clone();
    let failed = package.outcome != Some(Outcome::Passed);
    let mut any = false;
    for test in std::mem::take(&mut package.order) {
        let Some(case) = package.cases.remove(&test) else { continue };
        let down = package.panicked.contains(&test)
            || case.said.contains("race detected during execution of test");
        let passed = case.ended.contains(&Outcome::Passed);
        let fell = case.ended.contains(&Outcome::Failed);
        let outcome = match (down, passed, fell) {
            (true, _, _) => Outcome::Crashed,
            // Said to have passed and failed, or failed in a package that did not.
            (_, true, true) => Outcome::Crashed,
            (_, _, true) if !failed => Outcome::Crashed,
            (_, _, true) => Outcome::Failed,
            (_, true, _) => Outcome::Passed,
            _ if case.ended.contains(&Outcome::Skipped) => Outcome::Skipped,
            // Started, and never ended.
            _ if failed => Outcome::Crashed,
            _ => continue,
        };
        any |= outcome.is_failure();
        let said = if outcome.is_failure() { case.said.as_str() } else { "" };
        found.push(&test, name.as_deref(), outcome, said);
    }
    if package.outcome == Some(Outcome::Failed) && !any && !package.nothing {
        let said = format!(
            "{} failed, though no test of it is said to have failed.",
            name.as_deref().unwrap_or("A package")
        );
        found.breaks(Outcome::Crashed, said);
    }
}
