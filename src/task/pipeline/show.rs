//! What people read of pipeline files beyond what a review shows.

use std::fmt::Write as _;

use serde_json::Value;

use super::report::{CheckReport, CheckedFile, Status};
use crate::publish::{View, json, wording};
use crate::redact::Scrubber;

/// Columns where no terminal tells.
const WIDTH: usize = 100;

/// Columns of the terminal.
pub fn width() -> usize {
    terminal_size::terminal_size().map_or(WIDTH, |(width, _)| width.0.into())
}

/// A sentence for each file that was not read.
pub fn notes(files: &[CheckedFile]) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.status == Status::Declined)
        .map(|file| {
            let reason = file.reason.as_deref().unwrap_or("it is of no kind that is read");
            format!("{} was not read: {reason}.", wording::code(&file.path))
        })
        .collect()
}

/// A result as JSON, secrets masked everywhere but in diffs and files: those have to
/// apply, and show nothing that the checkout does not.
///
/// # Errors
/// It cannot be written.
pub fn json<T: serde::Serialize>(result: &T, scrubber: &Scrubber) -> anyhow::Result<String> {
    fn mask(value: &mut Value, scrubber: &Scrubber) {
        match value {
            Value::String(text) => {
                if let std::borrow::Cow::Owned(masked) = scrubber.scrub(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| mask(item, scrubber)),
            Value::Object(entries) => entries
                .iter_mut()
                .filter(|(key, _)| !matches!(key.as_str(), "diff" | "content" | "patch"))
                .for_each(|(_, value)| mask(value, scrubber)),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(result)?;
    mask(&mut value, scrubber);
    Ok(json::inert(serde_json::to_string_pretty(&value)?) + "\n")
}

/// The result of `check` as Markdown.
pub fn checked(result: &CheckReport, view: &View<'_>) -> String {
    let read = result.files.iter().filter(|file| file.status == Status::Read).count();
    let mut text = format!(
        "### Pipeline files\n\n{} checked, {}.\n",
        wording::plural(read, "pipeline file"),
        match result.findings.len() {
            0 => "nothing found".to_owned(),
            count => wording::plural(count, "finding"),
        }
    );
    if !result.findings.is_empty() {
        text.push_str("\n| | where | what | rule |\n|---|---|---|---|\n");
    }
    for finding in &result.findings {
        let rule = finding.source.to_string();
        let _ = writeln!(
            text,
            "| {} {} | {} | {} | {} |",
            wording::badge(finding.severity),
            finding.severity,
            view.code(&wording::place(finding)),
            view.markdown_line(&finding.title).replace('|', "\\|"),
            view.code(rule.strip_prefix("rule:").unwrap_or(&rule)),
        );
    }
    for note in &result.notes {
        let _ = write!(text, "\n{}\n", view.markdown_line(note));
    }
    text
}
