//! From a scanner's edit, in columns, to a suggestion, in whole lines.

use bstr::ByteSlice;

use super::lines::{NewLines, Span};
use crate::evidence::sarif::Fix;
use crate::finding::Suggestion;

/// The edit as a replacement of whole lines, applied to the lines as the diff
/// shows them; `None` if the diff does not show them all in one hunk, none of
/// them is added, they end with carriage returns, or nothing would change.
pub(super) fn suggestion(lines: &NewLines<'_>, fix: &Fix) -> Option<(Span, Suggestion)> {
    let region = fix.region;
    let start_column = region.start_column.unwrap_or(1);
    // Up to the first column of a line: the lines before it, with their ends.
    let ends = region.end_column == Some(1) && region.end > region.start;
    let last_line = if ends { region.end - 1 } else { region.end };
    let span = Span { first: lines.at(region.start)?, last: lines.at(last_line)? };
    let shown = &lines.lines[span.first..=span.last];
    let whole = shown.iter().all(|line| line.hunk == shown[0].hunk && !line.text.ends_with(b"\r"));
    if !whole || !shown.iter().any(|line| line.added) {
        return None;
    }
    let first = shown[0].text.to_str().ok()?;
    let front = &first[..offset(first, start_column, fix.columns_are_chars)?];
    let replacement = if ends {
        let text = format!("{front}{}", fix.text);
        match text.strip_suffix('\n') {
            // An empty replacement means that the lines go; one empty line
            // cannot be said.
            Some("") => return None,
            Some(text) => text.to_owned(),
            None if text.is_empty() => text,
            // What is inserted would run into the next line.
            None => return None,
        }
    } else {
        let last = shown[shown.len() - 1].text.to_str().ok()?;
        let back = match region.end_column {
            Some(column) => &last[offset(last, column, fix.columns_are_chars)?..],
            None => "",
        };
        let mut text = format!("{front}{}{back}", fix.text);
        if region.end_column.is_none() && text.ends_with('\n') {
            text.pop();
        }
        if text.is_empty() {
            return None;
        }
        text
    };
    (replacement != lines.quote(span)).then_some((span, Suggestion { replacement }))
}

/// The byte that a column, from 1, stands before; one behind the end is allowed.
fn offset(text: &str, column: u32, columns_are_chars: bool) -> Option<usize> {
    let mut left = column.checked_sub(1)? as usize;
    for (at, c) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        // A column inside a character is no place.
        left = left.checked_sub(if columns_are_chars { 1 } else { c.len_utf16() })?;
    }
    (left == 0).then_some(text.len())
}
