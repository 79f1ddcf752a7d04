//! Edits as people see them: a block that the host applies where it can, else a diff.

use super::{Refused, Wanted};
use crate::publish::wording;
use crate::redact::orders_bots;
use crate::task::edit::{Placed, Proven, Refusal};
use crate::task::talk::scene::Scene;

/// Longest text of all blocks together, in bytes.
const LONGEST: usize = 40_000;

/// The edits to apply by hand, and what does not hold.
pub fn blocks(scene: &Scene<'_>, proven: &Proven, refused: &[Refused]) -> String {
    let mut parts = Vec::new();
    let mut left = LONGEST;
    for edit in &proven.edits {
        let name = place(scene, edit);
        let withheld = orders_bots(&edit.after);
        let block = if is_here(scene, proven, edit) { suggestion(edit) } else { diff(scene, edit) };
        parts.push(if withheld {
            format!("{name}: withheld, since a line of it reads like an order to a bot.")
        } else if block.len() > left {
            format!("{name}: too long to be shown.")
        } else {
            left -= block.len();
            format!("{name}\n\n{block}")
        });
    }
    let refused: Vec<String> =
        refused.iter().map(|(wanted, path, why)| refusal(scene, wanted, path, why)).collect();
    if !refused.is_empty() {
        parts.push(format!("Left out:\n{}", refused.join("\n")));
    }
    parts.join("\n\n")
}

/// `src/a.rs:12–13` as code.
pub fn place(scene: &Scene<'_>, edit: &Placed) -> String {
    scene.code(&format!("{}:{}", edit.path, wording::span(edit.line, edit.end_line)))
}

/// One line of a list.
pub fn refusal(scene: &Scene<'_>, wanted: &Wanted, path: &str, why: &Refusal) -> String {
    let title = scene.code(&wanted.title);
    let file = if path.is_empty() { String::new() } else { format!(" ({})", scene.code(path)) };
    format!("- {title}{file}: {why}")
}

/// Whether the thread stands on the very lines of the only edit: the host then
/// applies a block in it to them.
fn is_here(scene: &Scene<'_>, proven: &Proven, edit: &Placed) -> bool {
    let Some(line) = &scene.line else { return false };
    let span = match (line.original_start_line, line.original_line) {
        (Some(start), Some(end)) => end.saturating_sub(start),
        _ => 0,
    };
    proven.edits.len() == 1
        && line.comment.path == edit.path
        && line.comment.line == Some(edit.end_line)
        && edit.end_line - edit.line == span
}

fn suggestion(edit: &Placed) -> String {
    let fence = fence(&edit.after);
    let content = if edit.after.is_empty() { String::new() } else { format!("{}\n", edit.after) };
    format!("{fence}suggestion\n{content}{fence}")
}

fn diff(scene: &Scene<'_>, edit: &Placed) -> String {
    let signed = |sign: char, text: &str| -> String {
        text.split('\n').map(|line| format!("{sign}{line}\n")).collect()
    };
    let mut text = signed('-', &scene.scrubber.scrub(&edit.before));
    if !edit.after.is_empty() {
        text += &signed('+', &edit.after);
    }
    let fence = fence(&text);
    format!("{fence}diff\n{text}{fence}")
}

/// Longer than any run of backticks inside.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat((longest + 1).max(3))
}
