//! The lines of a hunk around a finding, and a suggestion as a small diff.

use std::collections::HashMap;

use super::View;
use crate::diff::{Change, FileDiff, LineKind, NumberedLine, Patch};
use crate::finding::{Finding, Side};

/// Finds files by path without walking the change each time.
pub struct Index<'a> {
    by_new: HashMap<&'a [u8], &'a FileDiff>,
    by_old: HashMap<&'a [u8], &'a FileDiff>,
}

impl<'a> Index<'a> {
    /// One pass over the change.
    pub fn new(change: &'a Change) -> Self {
        let mut index = Index { by_new: HashMap::new(), by_old: HashMap::new() };
        for file in &change.files {
            if let Some(path) = &file.new_path {
                index.by_new.entry(&path.0).or_insert(file);
            }
            if let Some(path) = &file.old_path {
                index.by_old.entry(&path.0).or_insert(file);
            }
        }
        index
    }

    /// The file that has this path on this side, else on the other.
    pub fn file(&self, path: &str, side: Side) -> Option<&'a FileDiff> {
        let (first, second) = match side {
            Side::New => (&self.by_new, &self.by_old),
            Side::Old => (&self.by_old, &self.by_new),
        };
        first.get(path.as_bytes()).or_else(|| second.get(path.as_bytes())).copied()
    }

    /// The file and the hunk that hold all of the finding's lines on its side.
    pub fn hunk(&self, finding: &Finding) -> Option<(&'a FileDiff, usize)> {
        let file = self.file(&finding.path, finding.side)?;
        let patch = file.patch()?;
        let holds = |start: u32, lines: u32| {
            start <= finding.line
                && finding.line <= finding.end_line
                && finding.end_line < start.saturating_add(lines)
        };
        let hunk = patch.hunks.iter().position(|hunk| match finding.side {
            Side::New => holds(hunk.new_start, hunk.new_lines),
            Side::Old => holds(hunk.old_start, hunk.old_lines),
        })?;
        Some((file, hunk))
    }
}

/// A line of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameLine {
    /// Its number on its own side.
    pub number: u32,
    /// `+`, `-` or a space.
    pub sign: char,
    /// Whether the finding stands on it.
    pub marked: bool,
    /// Safe to print; tabs are four spaces.
    pub text: String,
}

/// Longest frame: of more lines, the first and the last are shown.
const MAX_LINES: usize = 9;

/// The finding's lines with up to `around` lines before and after; `None` if
/// they are in no hunk. A gap shows as two lines whose numbers do not follow.
pub fn frame(
    view: &View<'_>,
    index: &Index<'_>,
    finding: &Finding,
    around: usize,
) -> Option<Vec<FrameLine>> {
    let (file, hunk) = index.hunk(finding)?;
    let patch = file.patch()?;
    let marked = |line: &NumberedLine<'_>| stands_on(finding, line);
    let first = patch.numbered_hunk(hunk).position(|line| marked(&line))?;
    let count = standing(patch, hunk, finding, first).count();
    let from = first.saturating_sub(around);
    let lines: Vec<_> =
        patch.numbered_hunk(hunk).skip(from).take(first - from + count + around).collect();
    let mut frame = printable(view, &lines, &marked);
    if frame.len() > MAX_LINES {
        frame.drain(MAX_LINES - 2..frame.len() - 2);
    }
    Some(frame)
}

/// From the finding's first line in the hunk to its last, lines of the other side between them.
fn standing<'a>(
    patch: &'a Patch,
    hunk: usize,
    finding: &'a Finding,
    first: usize,
) -> impl Iterator<Item = NumberedLine<'a>> + 'a {
    let on_side = |line: &NumberedLine<'_>| match finding.side {
        Side::New => line.new,
        Side::Old => line.old,
    };
    let mut open = true;
    patch.numbered_hunk(hunk).skip(first).take_while(move |line| {
        let inside = open;
        open &= on_side(line).is_none_or(|number| number < finding.end_line);
        inside
    })
}

fn stands_on(finding: &Finding, line: &NumberedLine<'_>) -> bool {
    let number = match finding.side {
        Side::New => line.new,
        Side::Old => line.old,
    };
    number.is_some_and(|number| (finding.line..=finding.end_line).contains(&number))
}

fn printable(
    view: &View<'_>,
    lines: &[NumberedLine<'_>],
    marked: &dyn Fn(&NumberedLine<'_>) -> bool,
) -> Vec<FrameLine> {
    let raw: Vec<String> = lines.iter().map(|line| line.text.to_string()).collect();
    // A key may run over several lines: then no line of the frame is shown.
    let joined = raw.join("\n");
    let torn = view.scrubber.scrub(&joined).matches('\n').count() != raw.len() - 1;
    lines
        .iter()
        .zip(&raw)
        .map(|(line, text)| FrameLine {
            number: line.number(),
            sign: match line.kind {
                LineKind::Added => '+',
                LineKind::Removed => '-',
                LineKind::Context => ' ',
            },
            marked: marked(line),
            text: if torn { crate::redact::MASK.to_owned() } else { code_line(view, text) },
        })
        .collect()
}

/// A line of code as it may be printed.
pub fn code_line(view: &View<'_>, text: &str) -> String {
    let text = text.strip_suffix('\r').unwrap_or(text).replace('\t', "    ");
    view.scrubber.sanitize_code(&text)
}

/// What a suggestion may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Removed and added lines, as they may be printed.
    Diff {
        /// The lines as they stand.
        removed: Vec<String>,
        /// What takes their place; none deletes them.
        added: Vec<String>,
    },
    /// It holds a secret or hidden characters, so it is neither shown nor offered.
    Withheld,
}

/// The finding's suggestion as a small diff, if it has one.
pub fn edit(view: &View<'_>, index: &Index<'_>, finding: &Finding) -> Option<Edit> {
    let suggestion = finding.suggestion.as_ref()?;
    let Some(replacement) = replacement(view, &suggestion.replacement) else {
        return Some(Edit::Withheld);
    };
    let (file, hunk) = index.hunk(finding)?;
    let patch = file.patch()?;
    let first = patch.numbered_hunk(hunk).position(|line| stands_on(finding, &line))?;
    let lines: Vec<_> =
        standing(patch, hunk, finding, first).filter(|line| stands_on(finding, line)).collect();
    let removed = printable(view, &lines, &|_| true).into_iter().map(|line| line.text);
    let added = (!replacement.is_empty())
        .then(|| replacement.split('\n').map(|line| code_line(view, line)).collect());
    Some(Edit::Diff { removed: removed.collect(), added: added.unwrap_or_default() })
}

/// A replacement with line feeds only; `None` if posting it would need a change.
pub fn replacement(view: &View<'_>, text: &str) -> Option<String> {
    let text = text.replace("\r\n", "\n");
    let hidden = text
        .chars()
        .any(|c| crate::redact::is_invisible(c) || (c.is_control() && !matches!(c, '\n' | '\t')));
    (!hidden && view.scrubber.scrub(&text) == text.as_str()).then_some(text)
}
