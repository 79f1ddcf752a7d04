//! `cargo test`: what libtest prints for each test binary, and rustc before it.
//! <https://doc.rust-lang.org/rustc/tests/index.html>

use std::collections::{HashMap, HashSet};

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, panics, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["Cargo.toml"],
    is_used: |place| place.has("Cargo.toml").then(|| "`Cargo.toml`".to_owned()),
    commands,
    one: Tail::Append("{name}"),
    variables: &[
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_TERM_PROGRESS_WHEN", "never"),
        ("RUST_BACKTRACE", "0"),
        ("RUST_LIB_BACKTRACE", "0"),
        ("INSTA_UPDATE", "no"),
    ],
    read,
};

/// `--workspace` where the root is a workspace.
pub(super) fn scope(place: &Place<'_>) -> &'static str {
    let is_workspace = place.text("Cargo.toml").lines().any(|line| line.trim() == "[workspace]");
    if is_workspace { " --workspace" } else { "" }
}

/// libtest shuffles only on nightly.
fn commands(place: &Place<'_>) -> Commands {
    let all = scope(place);
    let mut commands = Commands::of(Kind::Cargo, format!("cargo test{all} --no-fail-fast"))
        .one(format!("cargo test{all} --no-fail-fast {{name}}"))
        .quick(format!("cargo test{all}"))
        .build(format!("cargo test{all} --no-run"));
    commands.coverage = coverage(
        format!(
            "cargo llvm-cov test{all} --no-fail-fast --lcov --output-path target/pipewright.lcov"
        ),
        &["target/pipewright.lcov"],
    );
    commands
}

/// One test binary's part of the output.
#[derive(Default)]
struct Binary {
    file: Option<String>,
    /// How many tests it said it would run; `None` before it said.
    announced: Option<usize>,
    /// Printed without an outcome so far.
    pending: Option<(String, String)>,
    outcomes: Vec<(String, Outcome)>,
    /// What failing tests printed, by name.
    said: HashMap<String, String>,
    totals: Option<Totals>,
}

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let binaries = binaries(heard.text);
    let mut totals = Totals::default();
    let mut any = false;
    let mut listed = 0;
    for binary in binaries {
        let Some(announced) = binary.announced else { continue };
        any = true;
        listed += finish(binary, announced, heard, &mut totals, &mut found);
    }
    // Without `--no-fail-fast` the first binary that fails is the last.
    let has = |start: &str, end: &str| {
        heard.text.lines().any(|line| line.starts_with(start) && line.ends_with(end))
    };
    found.is_partial = has("error: test failed, to rerun pass", "`")
        && !has("error: ", " target failed:")
        && !has("error: ", " targets failed:");
    found.listed = any.then_some(listed);
    found.totals = any.then_some(totals);
    if let Some(built) = unbuilt(heard, any) {
        found.breaks(built.0, built.1);
    }
    found
}

/// What befell before tests ran.
pub(super) fn unbuilt(heard: &Heard<'_>, ran: bool) -> Option<(Outcome, String)> {
    if ran || heard.exit == Some(0) {
        return None;
    }
    let is_error = |line: &str| line.starts_with("error: ") || line.starts_with("error[");
    if !heard.text.lines().any(is_error) {
        return None;
    }
    let said = text::from_first(heard.text, is_error);
    let is_absent = said.starts_with("error: no test target")
        || said.starts_with("error: no tests to run")
        || said.contains("error: package ID specification");
    Some((if is_absent { Outcome::NotRun } else { Outcome::DidNotBuild }, said))
}

/// Splits the output at what cargo says it runs, and at `running N tests`.
fn binaries(text: &str) -> Vec<Binary> {
    let mut binaries = vec![Binary::default()];
    let mut block: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let header = trimmed
            .strip_prefix("Running ")
            .filter(|_| line.starts_with("     Running ") && line.ends_with(')'))
            .map(|rest| rest.strip_prefix("unittests ").unwrap_or(rest))
            .map(|rest| rest.split(" (").next().unwrap_or(rest).to_owned())
            .or_else(|| {
                trimmed
                    .strip_prefix("Doc-tests ")
                    .filter(|_| line.starts_with("   Doc-"))
                    .map(|_| String::new())
            });
        if let Some(file) = header {
            let file = Some(file).filter(|file| !file.is_empty());
            binaries.push(Binary { file, ..Binary::default() });
            block = None;
            continue;
        }
        if let Some(count) = announced(line)
            && block.is_none()
        {
            let last = binaries.last_mut();
            match last {
                Some(last) if last.announced.is_none() => last.announced = Some(count),
                // `-q` and `--nocapture` leave the headers out, or a test printed it.
                Some(last) if last.totals.is_none() && last.file.is_some() => {}
                _ => binaries.push(Binary { announced: Some(count), ..Binary::default() }),
            }
            continue;
        }
        let Some(binary) = binaries.last_mut() else { continue };
        line_of(binary, &mut block, line);
    }
    binaries
}

/// 2 for `running 2 tests`.
fn announced(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("running ")?;
    let count = text::number(rest)?;
    rest.ends_with(if count == 1 { " test" } else { " tests" }).then_some(count)
}

fn line_of(binary: &mut Binary, block: &mut Option<String>, line: &str) {
    if let Some(totals) = totals(line) {
        // The last one counts: a test's own lines come before.
        binary.totals = Some(totals);
        *block = None;
        return;
    }
    let name = line.strip_prefix("---- ").and_then(|rest| {
        rest.strip_suffix(" ----")
            .and_then(|rest| rest.strip_suffix(" stdout").or_else(|| rest.strip_suffix(" stderr")))
    });
    if let Some(name) = name {
        let name = bare(name);
        binary.said.entry(name.clone()).or_default();
        *block = Some(name);
        return;
    }
    if line == "failures:" {
        *block = None;
        return;
    }
    if let Some(name) = block {
        let said = binary.said.entry(name.clone()).or_default();
        if said.len() < 4 * text::MOST_SAID {
            said.push_str(line);
            said.push('\n');
        }
        return;
    }
    if let Some((name, said)) = &mut binary.pending {
        if let Some(outcome) = outcome(line) {
            let name = std::mem::take(name);
            let words = std::mem::take(said);
            binary.said.entry(name.clone()).or_default().push_str(&words);
            binary.outcomes.push((name, outcome));
            binary.pending = None;
            return;
        }
        if !line.starts_with("test ") {
            if said.len() < 4 * text::MOST_SAID {
                said.push_str(line);
                said.push('\n');
            }
            return;
        }
    }
    if let Some(rest) = line.strip_prefix("test ")
        && let Some((name, state)) = rest.split_once(" ... ")
    {
        match outcome(state) {
            Some(outcome) => binary.outcomes.push((bare(name), outcome)),
            None => {
                if let Some((name, _)) = binary.pending.take() {
                    binary.outcomes.push((name, Outcome::Crashed));
                }
                binary.pending = Some((bare(name), format!("{state}\n")));
            }
        }
    } else if let Some((name, "FAILED")) = line.split_once(" --- ") {
        // Quiet: only failures are named.
        binary.outcomes.push((bare(name), Outcome::Crashed));
    }
}

/// A test's name without what libtest adds to it.
fn bare(name: &str) -> String {
    const NOTES: [&str; 3] = [" - should panic", " - compile fail", " - compile"];
    let name = name.trim();
    NOTES.iter().find_map(|note| name.strip_suffix(note)).unwrap_or(name).to_owned()
}

fn outcome(state: &str) -> Option<Outcome> {
    // With `--report-time` the time follows.
    let state = state.trim().split(" <").next().unwrap_or(state).trim();
    match state {
        "ok" => Some(Outcome::Passed),
        "FAILED" | "FAILED (time limit exceeded)" => Some(Outcome::Crashed),
        "ignored" => Some(Outcome::Skipped),
        _ if state.starts_with("ignored, ") => Some(Outcome::Skipped),
        _ if state.starts_with("bench: ") => Some(Outcome::Passed),
        _ => None,
    }
}

/// libtest's last line.
fn totals(line: &str) -> Option<Totals> {
    let rest = line.strip_prefix("test result: ")?;
    let count = |word| text::count(rest, word);
    let failed = count("failed")?;
    Some(Totals {
        ran: count("passed")?.saturating_add(failed).saturating_add(count("measured")?),
        failed,
        skipped: count("ignored")?,
    })
}

/// Adds one binary's tests. Gives how many failures it listed.
fn finish(
    mut binary: Binary,
    announced: usize,
    heard: &Heard<'_>,
    totals: &mut Totals,
    found: &mut Found,
) -> usize {
    let ended = binary.totals.is_some();
    if let Some((name, _)) = binary.pending.take() {
        binary.outcomes.push((name, Outcome::Crashed));
    }
    // Names that only the words of failing tests know (`-q` of older versions).
    let known: HashSet<String> = binary.outcomes.iter().map(|(name, _)| name.clone()).collect();
    let mut more: Vec<&String> = binary.said.keys().filter(|name| !known.contains(*name)).collect();
    more.sort_unstable();
    binary.outcomes.extend(more.into_iter().map(|name| (name.clone(), Outcome::Crashed)));
    let mut failures = 0;
    let mut seen = HashSet::new();
    for (name, outcome) in &binary.outcomes {
        let said = binary.said.get(name).map_or("", String::as_str);
        let outcome = match outcome {
            Outcome::Crashed if said.contains("Couldn't compile the test.") => Outcome::DidNotBuild,
            Outcome::Crashed => panics::judge(said, heard.source),
            other => *other,
        };
        if outcome.is_failure() && seen.insert(name) {
            failures += 1;
        }
        let said = if outcome.is_failure() { said } else { "" };
        found.push(name, binary.file.as_deref(), outcome, said);
    }
    match binary.totals {
        Some(own) => totals.add(own),
        None => totals.add(Totals { ran: announced, failed: failures, skipped: 0 }),
    }
    if !ended && announced > 0 {
        // It went down with its tests: an abort, a signal, an exit.
        let said = heard.text.find("Caused by:\n  process didn't exit successfully").map_or_else(
            || "A test binary ended before it reported its results.".to_owned(),
            |at| text::cut(&heard.text[at..], 500),
        );
        found.breaks(Outcome::Crashed, said);
    }
    failures
}
