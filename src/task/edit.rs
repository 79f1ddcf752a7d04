//! Edits that somebody proposes to files, proven: each stands where its quote
//! stands, applies, changes something, and leaves the file as readable as it was.
//! Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;

use crate::code::language::Language;
use crate::code::parse;
use crate::diff::apply::splice;
use crate::forge::FileContent;
use crate::redact::{Scrubber, is_invisible};
use crate::scan;

/// Most lines that the edits of one answer may take out and put in, together.
pub const MOST_LINES: usize = 200;
/// Most edits of one answer.
pub const MOST_EDITS: usize = 50;
/// Longest replacement that is kept, in bytes.
const LONGEST: usize = 60_000;

/// An edit, read but not proven.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub path: String,
    /// Its first line: a hint.
    pub line: u32,
    /// The text of the lines to replace, as they stand.
    pub quote: String,
    /// What takes their place; empty deletes them.
    pub replacement: String,
    /// Whether the lines have to stand there with their indentation.
    pub exact: bool,
}

/// An edit that holds, and what it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The file.
    pub path: String,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// The lines as they stand, joined by line feeds.
    pub before: String,
    /// What takes their place, joined by line feeds.
    pub after: String,
}

/// Why an edit is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The file may not be edited here; why, in words.
    Forbidden(&'static str),
    /// The file is not at hand, or is no text.
    Unreadable,
    /// The lines that it would replace are not there.
    NotThere,
    /// Its text stands there already.
    Done,
    /// The lines that it would replace stand in several places.
    Ambiguous,
    /// It changes nothing.
    NoChange,
    /// It is too large.
    TooLarge,
    /// It overlaps another one.
    Overlaps,
    /// It holds a secret or hidden characters.
    Withheld,
    /// The file could not be read any more by those who read such files.
    Breaks(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Forbidden(why) => write!(f, "{why}"),
            Refusal::Unreadable => write!(f, "the file cannot be read"),
            Refusal::NotThere => write!(f, "the lines are not there any more"),
            Refusal::Done => write!(f, "it is made already"),
            Refusal::Ambiguous => write!(f, "its lines stand in several places"),
            Refusal::NoChange => write!(f, "it changes nothing"),
            Refusal::TooLarge => write!(f, "it is larger than {MOST_LINES} lines"),
            Refusal::Overlaps => write!(f, "it overlaps another edit"),
            Refusal::Withheld => write!(f, "it holds a secret or hidden characters"),
            Refusal::Breaks(kind) => write!(f, "the file would no longer be valid {kind}"),
        }
    }
}

/// Read the `edits` of an answer; what is none is passed over.
pub fn parse_edits(value: &Value) -> Vec<Edit> {
    let edits = value.get("edits").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let read = edits.iter().filter_map(|edit| {
        let text = |key: &str| edit.get(key).and_then(Value::as_str);
        let line = edit
            .get("line")
            .and_then(|line| line.as_u64().or_else(|| line.as_str()?.trim().parse().ok()));
        Some(Edit {
            path: text("path")?.trim().trim_start_matches("./").to_owned(),
            line: line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0),
            quote: text("quote")?.to_owned(),
            replacement: text("replacement")?.to_owned(),
            exact: false,
        })
    });
    read.take(MOST_EDITS + 1).collect()
}

/// Put an edit on its place in the file as it is now. Of several places that read
/// the same, the one at the hinted line counts; else the edit has none.
///
/// # Errors
/// See [`Refusal`].
pub fn place(edit: &Edit, content: &[u8], scrubber: &Scrubber) -> Result<Placed, Refusal> {
    let text = std::str::from_utf8(content).map_err(|_| Refusal::Unreadable)?;
    if content.contains(&0) {
        return Err(Refusal::Unreadable);
    }
    let replacement = cleaned(&edit.replacement);
    if replacement.len() > LONGEST || edit.quote.len() > LONGEST {
        return Err(Refusal::TooLarge);
    }
    if is_withheld(&replacement, scrubber) {
        return Err(Refusal::Withheld);
    }
    let lines: Vec<&str> = text.lines().collect();
    let quote = cleaned(&edit.quote);
    let wanted: Vec<&str> = quote.split('\n').collect();
    let at = match find(&lines, &wanted, edit.line, edit.exact) {
        Ok(at) => at,
        Err(refusal) => {
            let made: Vec<&str> = replacement.split('\n').collect();
            let is_made = !replacement.trim().is_empty()
                && find(&lines, &made, edit.line, edit.exact) != Err(Refusal::NotThere);
            let is_made = is_made && refusal == Refusal::NotThere;
            return Err(if is_made { Refusal::Done } else { refusal });
        }
    };
    let before = lines[at.clone()].join("\n");
    let replacement = reindented(replacement, wanted[0], lines[at.start]);
    if before == replacement {
        return Err(Refusal::NoChange);
    }
    let number = |at: usize| u32::try_from(at).map_err(|_| Refusal::TooLarge);
    let placed = Placed {
        path: edit.path.clone(),
        line: number(at.start + 1)?,
        end_line: number(at.end)?,
        before,
        after: replacement,
    };
    // The replacement may hold the quote: then it may stand there already.
    if stands_already(&lines, &at, &placed) {
        return Err(Refusal::Done);
    }
    Ok(placed)
}

/// Whether the lines around the place read as the edit would leave them: an edit
/// that adds lines to those it quotes is not made twice.
fn stands_already(lines: &[&str], at: &Range<usize>, placed: &Placed) -> bool {
    let after: Vec<&str> = placed.after.split('\n').collect();
    if after.len() <= at.len() {
        return false;
    }
    let quoted = &lines[at.clone()];
    (0..=after.len() - at.len()).any(|offset| {
        after[offset..offset + at.len()] == *quoted
            && at.start >= offset
            && lines.get(at.start - offset..at.start - offset + after.len())
                == Some(after.as_slice())
    })
}

/// Where the quoted lines stand, indices from 0.
fn find(
    lines: &[&str],
    wanted: &[&str],
    hint: u32,
    strictly: bool,
) -> Result<Range<usize>, Refusal> {
    if !wanted.iter().any(|line| line.chars().any(char::is_alphanumeric)) {
        // A brace says nothing of a place; with its exact number it does.
        let at = (hint as usize).checked_sub(1).ok_or(Refusal::Ambiguous)?;
        let there = lines.get(at..at + wanted.len()).ok_or(Refusal::NotThere)?;
        let same = there.iter().zip(wanted).all(|(have, want)| have.trim_end() == want.trim_end());
        return if same { Ok(at..at + wanted.len()) } else { Err(Refusal::NotThere) };
    }
    if wanted.len() > lines.len() {
        return Err(Refusal::NotThere);
    }
    let exact = |have: &str, want: &str| have.trim_end() == want.trim_end();
    let loose = |have: &str, want: &str| have.trim() == want.trim();
    let windows = |same: &dyn Fn(&str, &str) -> bool| -> Vec<usize> {
        lines
            .windows(wanted.len())
            .enumerate()
            .filter(|(_, window)| window.iter().zip(wanted).all(|(have, want)| same(have, want)))
            .map(|(at, _)| at)
            .collect()
    };
    let mut found = windows(&exact);
    if found.is_empty() && !strictly {
        found = windows(&loose);
    }
    let hinted = (hint as usize).checked_sub(1);
    let at = match found[..] {
        [] => return Err(Refusal::NotThere),
        [only] => only,
        _ => *found.iter().find(|at| Some(**at) == hinted).ok_or(Refusal::Ambiguous)?,
    };
    Ok(at..at + wanted.len())
}

/// Without carriage returns and the line feed at the end.
fn cleaned(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

/// Where the quote left the first line's indentation out, so did the replacement.
fn reindented(replacement: String, quoted: &str, stands: &str) -> String {
    let lead = |line: &str| line.len() - line.trim_start().len();
    let (said, real) = (lead(quoted), lead(stands));
    if said != 0 || real == 0 || replacement.starts_with([' ', '\t']) {
        return replacement;
    }
    let indent = &stands[..real];
    let lines = replacement.split('\n').map(|line| match line.trim().is_empty() {
        true => line.to_owned(),
        false => format!("{indent}{line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a text may not be written: it holds a secret of this run or what looks
/// like one, or characters that nobody sees.
pub fn is_withheld(text: &str, scrubber: &Scrubber) -> bool {
    scrubber.scrub(text) != text
        || text.chars().any(|c| is_invisible(c) || (c.is_control() && !matches!(c, '\n' | '\t')))
}

/// Make the edits of a file, and hold what comes of them against what was there.
///
/// # Errors
/// Two overlap, nothing changes, or the file would be broken.
pub fn apply(path: &str, content: &[u8], edits: &[&Placed]) -> Result<Vec<u8>, Refusal> {
    let mut edits = edits.to_vec();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.line));
    let mut out = content.to_vec();
    let mut above = u32::MAX;
    for edit in edits {
        if edit.end_line >= above {
            return Err(Refusal::Overlaps);
        }
        above = edit.line;
        out = splice(&out, edit.line, edit.end_line, &edit.after).ok_or(Refusal::NotThere)?;
    }
    if out == content {
        return Err(Refusal::NoChange);
    }
    match breaks(path, content, &out) {
        Some(kind) => Err(Refusal::Breaks(kind)),
        None => Ok(out),
    }
}

/// Proven edits, and what they leave of each file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proven {
    /// The edits, by file and line.
    pub edits: Vec<Placed>,
    /// Files as the edits leave them, by path.
    pub files: Vec<FileContent>,
}

/// Make all edits that belong together: all of them or none.
///
/// # Errors
/// The first that does not hold, with its file.
pub fn together(
    edits: &[Edit],
    contents: &BTreeMap<String, Bytes>,
    allowed: &dyn Fn(&str) -> Result<(), Refusal>,
    scrubber: &Scrubber,
) -> Result<Proven, (String, Refusal)> {
    let mut placed: Vec<Placed> = Vec::new();
    if edits.len() > MOST_EDITS {
        return Err((String::new(), Refusal::TooLarge));
    }
    for edit in edits {
        let of = |refusal| (edit.path.clone(), refusal);
        allowed(&edit.path).map_err(of)?;
        let content = contents.get(&edit.path).ok_or_else(|| of(Refusal::Unreadable))?;
        placed.push(place(edit, content, scrubber).map_err(of)?);
    }
    let lines: usize = placed.iter().map(size).sum();
    if lines > MOST_LINES {
        return Err((String::new(), Refusal::TooLarge));
    }
    placed.sort_by(|a, b| a.path.cmp(&b.path).then(a.line.cmp(&b.line)));
    let mut files = Vec::new();
    for group in placed.chunk_by(|a, b| a.path == b.path) {
        let path = &group[0].path;
        let content = contents.get(path).ok_or((path.clone(), Refusal::Unreadable))?;
        let group: Vec<&Placed> = group.iter().collect();
        let after = apply(path, content, &group).map_err(|why| (path.clone(), why))?;
        files.push(FileContent { path: path.clone(), content: after });
    }
    Ok(Proven { edits: placed, files })
}

/// Lines that an edit takes out and puts in.
fn size(edit: &Placed) -> usize {
    edit.before.split('\n').count() + edit.after.split('\n').count()
}

/// What kind of file `after` no longer is, though `before` was: as far as there is a
/// reader for it here. Of source, that no more of it is unreadable than before.
fn breaks(path: &str, before: &[u8], after: &[u8]) -> Option<&'static str> {
    if let Some(language) = Language::of_path(path) {
        let errors = |text: &[u8]| parse::parse(language, text).map(|parsed| parsed.errors());
        return match (errors(before), errors(after)) {
            (Some(before), Some(after)) if after > before => Some("source"),
            _ => None,
        };
    }
    let end = path.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
    let (kind, reads): (&'static str, fn(&str) -> bool) = match end.as_str() {
        "json" => ("JSON", |text| serde_json::from_str::<Value>(text).is_ok()),
        "toml" => ("TOML", |text| toml::from_str::<toml::Table>(text).is_ok()),
        "yml" | "yaml" => ("YAML", |text| scan::reads_as_yaml(text)),
        _ => return None,
    };
    let holds = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(reads);
    (holds(before) && !holds(after)).then_some(kind)
}

#[cfg(test)]
mod tests;
