//! The result: JSON, a table for people, a diff.

use serde::Serialize;

use super::api::Symbol;
use super::mentions::Mention;
use crate::publish::wording;
use crate::redact::Scrubber;
use crate::report::Usage;

/// The value of `schema` in the JSON.
pub const SCHEMA: &str = "pipewright.docs/1";

/// Most rows of the table.
const MOST_ROWS: usize = 50;
/// Most documents that are named in a row.
const MOST_NAMED: usize = 4;

/// What is known of a change's public definitions and their documents.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Who proposed edits; `offline` if nobody was asked.
    pub model: String,
    /// The revision the change starts from.
    pub base: String,
    /// The revision under review.
    pub head: String,
    /// The list of changes, if there is one.
    pub changelog: Option<String>,
    /// What changed.
    pub symbols: Vec<Row>,
    /// Edits that hold.
    pub edits: Vec<Edited>,
    /// What was proposed and does not hold.
    pub dropped: Vec<Dropped>,
    /// The edits as a unified diff.
    pub diff: String,
    /// What has to be known beside, one sentence each.
    pub notes: Vec<String>,
    /// What the model used.
    pub usage: Usage,
}

/// A definition with its documents.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The definition.
    #[serde(flatten)]
    pub symbol: Symbol,
    /// Lines that name it.
    pub mentions: Vec<Mention>,
    /// Whether the list of changes names it.
    pub changelog: Entry,
}

/// Whether the list of changes names a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// It does.
    Present,
    /// It does not.
    Missing,
    /// There is none.
    None,
}

/// An edit that holds.
#[derive(Debug, Clone, Serialize)]
pub struct Edited {
    /// The document.
    pub path: String,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// The lines as they stand.
    pub before: String,
    /// What takes their place.
    pub after: String,
}

/// A proposed edit that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The document.
    pub path: String,
    /// Why, in words.
    pub reason: String,
}

/// The table, with what was left out. Fit to be posted.
pub fn markdown(report: &Report, scrubber: &Scrubber) -> String {
    let code = |text: &str| wording::code(&scrubber.sanitize_line(text)).replace('|', "∣");
    let mut text = String::new();
    if report.symbols.is_empty() {
        text.push_str("No public definition changed.\n");
    } else {
        text.push_str("| symbol | what changed | documents that mention it | changelog |\n");
        text.push_str("|---|---|---|---|\n");
    }
    for row in report.symbols.iter().take(MOST_ROWS) {
        let named = row.mentions.iter().take(MOST_NAMED);
        let mut named: Vec<String> =
            named.map(|m| code(&format!("{}:{}", m.path, m.line))).collect();
        if row.mentions.len() > MOST_NAMED {
            named.push(format!("and {} more", row.mentions.len() - MOST_NAMED));
        }
        let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
        let entry = match row.changelog {
            Entry::Present => "present",
            Entry::Missing => "**missing**",
            Entry::None => "no changelog",
        };
        text += &format!(
            "| {} | {} | {named} | {entry} |\n",
            code(&row.symbol.name),
            row.symbol.change.as_str()
        );
    }
    if report.symbols.len() > MOST_ROWS {
        text += &format!("\nAnd {} more.\n", report.symbols.len() - MOST_ROWS);
    }
    if !report.dropped.is_empty() {
        text.push_str("\nProposed edits that did not hold:\n");
        for dropped in report.dropped.iter().take(MOST_ROWS) {
            text += &format!(
                "- {}: {}\n",
                code(&dropped.path),
                scrubber.sanitize_line(&dropped.reason)
            );
        }
    }
    for note in &report.notes {
        text += &format!("\n{}\n", scrubber.sanitize_line(note));
    }
    text
}

/// A unified diff of one file, as `git diff` writes it.
pub fn diff(path: &str, before: &[u8], after: &[u8]) -> String {
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    similar::TextDiff::from_lines(before.as_ref(), after.as_ref())
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string()
}
