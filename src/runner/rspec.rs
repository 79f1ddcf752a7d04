//! RSpec: its JSON, and the text of `progress` and `documentation`.
//! <https://rspec.info/features/3-13/rspec-core/command-line/format-option/>

use serde::Deserialize;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &[".rspec", "Gemfile", "spec_helper.rb"],
    is_used: |place| {
        let asks = |name: &str| place.text(name).contains("rspec");
        if place.has(".rspec") {
            Some("`.rspec`".to_owned())
        } else if place.has("Gemfile") && asks("Gemfile") {
            Some("`Gemfile`".to_owned())
        } else {
            let spec = place
                .paths()
                .find(|path| path.starts_with("spec/") && path.ends_with("_spec.rb"))?;
            place.has("Gemfile").then(|| format!("`{spec}`"))
        }
    },
    commands,
    one: Tail::Append("-e {name}"),
    variables: &[("RUBYOPT", "-W0")],
    read,
};

/// Coverage is a matter of the project's own helper (SimpleCov).
fn commands(place: &Place<'_>) -> Commands {
    let rspec = if place.has("Gemfile") { "bundle exec rspec" } else { "rspec" };
    let rspec = format!("{rspec} --no-color --format json");
    Commands::of(Kind::Rspec, format!("{rspec} --order defined"))
        .one(format!("{rspec} -e {{name}}"))
        .quick(format!("{rspec} --order defined --fail-fast"))
        .shuffled(format!("{rspec} --order random --seed {{seed}}"))
        .build(format!("{rspec} --dry-run"))
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    examples: Vec<Example>,
    #[serde(default)]
    messages: Vec<String>,
    summary: Summary,
}

#[derive(Deserialize)]
struct Example {
    full_description: String,
    status: String,
    #[serde(default)]
    file_path: Option<String>,
    #[serde(default)]
    exception: Option<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(default)]
    class: String,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct Summary {
    example_count: usize,
    failure_count: usize,
    #[serde(default)]
    pending_count: usize,
    #[serde(default)]
    errors_outside_of_examples_count: usize,
}

fn read(heard: &Heard<'_>) -> Found {
    // Tests may have printed before it, on the same line. Only the last one is
    // the runner's.
    let report = heard.text.rfind("{\"version\":\"").and_then(|at| {
        let text = &heard.text[at..];
        serde_json::Deserializer::from_str(text).into_iter::<Report>().next()?.ok()
    });
    match report {
        Some(report) => of_json(report),
        None => of_text(heard),
    }
}

fn of_json(report: Report) -> Found {
    let mut found = Found::default();
    for example in report.examples {
        let (outcome, said) = match (example.status.as_str(), example.exception) {
            ("passed", _) => (Outcome::Passed, String::new()),
            ("pending", _) => (Outcome::Skipped, String::new()),
            (_, exception) => {
                let Exception { class, message } =
                    exception.unwrap_or(Exception { class: String::new(), message: None });
                let said = format!("{class}: {}", message.unwrap_or_default().trim());
                let by = class.starts_with("RSpec::Expectations::")
                    || class.starts_with("RSpec::Mocks::MockExpectationError");
                (if by { Outcome::Failed } else { Outcome::Crashed }, said)
            }
        };
        let file = example.file_path.as_deref().map(|path| path.trim_start_matches("./"));
        found.push(&example.full_description, file, outcome, said);
    }
    let summary = report.summary;
    found.totals = Some(Totals {
        ran: summary.example_count.saturating_sub(summary.pending_count),
        failed: summary.failure_count,
        skipped: summary.pending_count,
    });
    if summary.errors_outside_of_examples_count > 0 {
        found
            .breaks(Outcome::DidNotImport, text::cut(&report.messages.join("\n"), text::MOST_TOLD));
    } else if summary.example_count == 0 {
        found.breaks(Outcome::NotRun, "");
    }
    found
}

/// `5 examples, 4 failures, 1 pending, 1 error occurred outside of examples`
fn summary(line: &str) -> Option<(Totals, usize)> {
    let all = text::number(line)?;
    let count = |words: [&str; 2]| words.iter().find_map(|word| text::count(line, word));
    count(["example", "examples"])?;
    let failed = count(["failure", "failures"])?;
    let pending = text::count(line, "pending").unwrap_or(0);
    let outside =
        if line.contains("outside of examples") { count(["error", "errors"]) } else { None };
    let totals = Totals { ran: all.saturating_sub(pending), failed, skipped: pending };
    Some((totals, outside.unwrap_or(0)))
}

fn of_text(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let lines: Vec<&str> = heard.text.lines().collect();
    let last = lines.iter().rposition(|line| summary(line).is_some());
    let Some((totals, outside)) = last.and_then(|at| summary(lines[at])) else {
        let is_error = |line: &str| line.contains("LoadError") || line.contains("SyntaxError");
        if heard.exit != Some(0) && lines.iter().any(|line| is_error(line)) {
            found.breaks(Outcome::DidNotImport, text::from_first(heard.text, is_error));
        }
        return found;
    };
    let last = last.unwrap_or(lines.len());
    let start = lines[..last].iter().rposition(|line| *line == "Failures:").unwrap_or(last);
    let mut open: Option<(String, String)> = None;
    let mut number = 0;
    for line in &lines[start..last] {
        let next = format!("  {}) ", number + 1);
        if let Some(name) = line.strip_prefix(&next) {
            close(&mut open, &mut found);
            number += 1;
            open = Some((name.to_owned(), String::new()));
        } else if line.starts_with("Finished in ") {
            close(&mut open, &mut found);
        } else if let Some((_, said)) = &mut open
            && said.len() < 2 * text::MOST_SAID
        {
            said.push_str(line);
            said.push('\n');
        }
    }
    close(&mut open, &mut found);
    if outside == 0 {
        tree(&mut found, &lines[..start]);
    }
    found.totals = Some(totals);
    found.listed = Some(number);
    if outside > 0 {
        let is_error = |line: &str| line.starts_with("An error occurred ");
        found.breaks(Outcome::DidNotImport, text::from_first(heard.text, is_error));
    } else if totals == Totals::default() {
        found.breaks(Outcome::NotRun, "");
    }
    found
}

fn close(open: &mut Option<(String, String)>, found: &mut Found) {
    if let Some((name, said)) = open.take() {
        found.push(&name, None, judge(&said), &said);
    }
}

/// Every exception but RSpec's own stands with its class on a line of its own,
/// behind the code that failed.
fn judge(said: &str) -> Outcome {
    let crashed = said.lines().any(|line| {
        let line = line.strip_prefix("     ").unwrap_or(line).trim_end();
        line.trim_start().strip_suffix(':').is_some_and(|class| {
            !class.is_empty()
                && class.starts_with(|c: char| c.is_ascii_uppercase())
                && class.chars().all(|c| c.is_alphanumeric() || c == ':' || c == '_')
        })
    });
    let known = said.contains("Failure/Error:");
    if crashed || !known { Outcome::Crashed } else { Outcome::Failed }
}

/// The tree of `documentation`: groups and examples by indentation. A passing
/// example is a line without deeper ones behind it.
fn tree(found: &mut Found, lines: &[&str]) {
    let mut groups: Vec<(usize, &str)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let depth = text::indent(line);
        let name = line.trim();
        if name.is_empty()
            || (depth == 0
                && groups.is_empty()
                && lines.get(at + 1).is_none_or(|next| text::indent(next) != 2))
        {
            groups.clear();
            continue;
        }
        groups.retain(|(other, _)| *other < depth);
        let deeper = lines
            .get(at + 1)
            .is_some_and(|next| !next.trim().is_empty() && text::indent(next) > depth);
        if deeper {
            groups.push((depth, name));
            continue;
        }
        if depth == 0 || groups.len() * 2 != depth {
            continue;
        }
        let (name, outcome) = match name.rsplit_once(" (") {
            Some((_, state)) if state.starts_with("FAILED - ") => continue,
            Some((name, state)) if state.starts_with("PENDING: ") => (name, Outcome::Skipped),
            _ => (name, Outcome::Passed),
        };
        let mut full = String::new();
        for part in groups.iter().map(|(_, name)| *name).chain([name]) {
            // RSpec puts `.method` and `#method` right behind a class.
            if !full.is_empty() && !part.starts_with(['.', '#']) && !part.starts_with("::") {
                full.push(' ');
            }
            full.push_str(part);
        }
        found.push(&full, None, outcome, "");
    }
}
