//! Makes the diff of a file from its two contents, where a source gives none.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use memchr::memchr;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::{Content, Hunk, Line, LineKind, Patch};

/// How long a file's diff may be searched for; then a coarser one, which is
/// right but longer, has to do.
const DEADLINE: Duration = Duration::from_millis(500);

/// How far git looks for a NUL before it takes a file for text.
const BINARY_SCAN: usize = 8000;

/// git's default for how much of the enclosing definition a hunk shows.
const SECTION_LEN: usize = 80;

/// Whether git takes a content for binary: a NUL in its first 8,000 bytes.
pub fn is_binary(content: &[u8]) -> bool {
    memchr(0, &content[..content.len().min(BINARY_SCAN)]).is_some()
}

/// What differs between two contents (`None`: no such file on that side), with
/// up to `context` lines around each change (git's default is 3).
///
/// Never fails: binary contents, and such as do not fit a diff of 4 GiB, come
/// as [`Content::Binary`].
pub fn from_contents(old: Option<&[u8]>, new: Option<&[u8]>, context: u32) -> Content {
    from_contents_by(old, new, context, Instant::now() + DEADLINE)
}

/// [`from_contents`] with a deadline of the caller's own.
pub fn from_contents_by(
    old: Option<&[u8]>,
    new: Option<&[u8]>,
    context: u32,
    deadline: Instant,
) -> Content {
    let size = |content: Option<&[u8]>| content.map(|content| content.len() as u64);
    let binary = Content::Binary { old_size: size(old), new_size: size(new) };
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let fits = old.len().checked_add(new.len()).is_some_and(|sum| sum < (u32::MAX / 2) as usize);
    if !fits || is_binary(old) || is_binary(new) {
        return binary;
    }
    if old == new {
        return Content::Text(Patch::default());
    }
    let old = lines(old);
    let new = lines(new);
    let edits = edits(&old, &new, deadline);
    Content::Text(patch(&old, &new, &edits, context as usize))
}

/// Lines with their line feeds.
fn lines(content: &[u8]) -> Vec<&[u8]> {
    content.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Where the two differ: `old` lines from `old_at` give way to `new` lines.
#[derive(Debug, Clone, Copy)]
struct Edit {
    old_at: usize,
    old_len: usize,
    new_at: usize,
    new_len: usize,
}

fn edits(old: &[&[u8]], new: &[&[u8]], deadline: Instant) -> Vec<Edit> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = tail.take_while(|(a, b)| a == b).count();
    let old = &old[head..old.len() - tail];
    let new = &new[head..new.len() - tail];
    // Numbers for lines: compared many times, hashed once.
    let mut numbers: HashMap<&[u8], u32> = HashMap::with_capacity(old.len().max(new.len()));
    let mut intern = |line| {
        let next = numbers.len() as u32;
        *numbers.entry(line).or_insert(next)
    };
    let old: Vec<u32> = old.iter().map(|line| intern(*line)).collect();
    let new: Vec<u32> = new.iter().map(|line| intern(*line)).collect();
    let ops = capture_diff_slices_deadline(Algorithm::Myers, &old, &new, Some(deadline));
    let mut edits: Vec<Edit> = Vec::new();
    for op in ops {
        let edit = match op {
            DiffOp::Equal { .. } => continue,
            DiffOp::Delete { old_index, old_len, new_index } => {
                Edit { old_at: old_index, old_len, new_at: new_index, new_len: 0 }
            }
            DiffOp::Insert { old_index, new_index, new_len } => {
                Edit { old_at: old_index, old_len: 0, new_at: new_index, new_len }
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                Edit { old_at: old_index, old_len, new_at: new_index, new_len }
            }
        };
        let edit = Edit { old_at: edit.old_at + head, new_at: edit.new_at + head, ..edit };
        match edits.last_mut() {
            Some(last)
                if last.old_at + last.old_len == edit.old_at
                    && last.new_at + last.new_len == edit.new_at =>
            {
                last.old_len += edit.old_len;
                last.new_len += edit.new_len;
            }
            _ => edits.push(edit),
        }
    }
    edits
}

fn patch(old: &[&[u8]], new: &[&[u8]], edits: &[Edit], context: usize) -> Patch {
    let mut made = Patch::default();
    let mut text = Vec::new();
    let mut sections = Sections { lines: old, next: 0, found: None };
    let near = context.saturating_mul(2);
    let mut rest = edits;
    while let Some(first) = rest.first() {
        let count = 1 + rest
            .windows(2)
            .take_while(|pair| pair[1].old_at - (pair[0].old_at + pair[0].old_len) <= near)
            .count();
        let (group, later) = rest.split_at(count);
        rest = later;
        let last = group[count - 1];
        let before = context.min(first.old_at);
        let after = context.min(old.len() - (last.old_at + last.old_len));
        let old_from = first.old_at - before;
        let new_from = first.new_at - before;
        let section = sections.above(old_from);
        let section_start = text.len() as u32;
        text.extend_from_slice(section);
        let section = section_start..text.len() as u32;
        let lines_start = made.lines.len() as u32;
        let mut push = |kind: LineKind, line: &[u8]| {
            let (body, newline) = match line.strip_suffix(b"\n") {
                Some(body) => (body, true),
                None => (line, false),
            };
            made.lines.push(Line {
                kind,
                newline,
                start: text.len() as u32, // both contents together are under 2 GiB
                len: body.len() as u32,
            });
            text.extend_from_slice(body);
        };
        let mut at = old_from;
        for edit in group {
            old[at..edit.old_at].iter().for_each(|line| push(LineKind::Context, line));
            at = edit.old_at + edit.old_len;
            old[edit.old_at..at].iter().for_each(|line| push(LineKind::Removed, line));
            new[edit.new_at..edit.new_at + edit.new_len]
                .iter()
                .for_each(|line| push(LineKind::Added, line));
        }
        old[at..at + after].iter().for_each(|line| push(LineKind::Context, line));
        let old_lines = at + after - old_from;
        let new_lines = last.new_at + last.new_len + after - new_from;
        // An empty side names the line it stands behind.
        let start = |from: usize, lines: usize| (from + usize::from(lines > 0)) as u32;
        made.hunks.push(Hunk {
            old_start: start(old_from, old_lines),
            old_lines: old_lines as u32,
            new_start: start(new_from, new_lines),
            new_lines: new_lines as u32,
            section,
            lines: lines_start..made.lines.len() as u32,
        });
    }
    made.text = Bytes::from(text);
    made
}

/// Finds what stands behind a hunk's `@@`: the nearest line above that starts
/// with a letter, `_` or `$`. Asked in ascending order, it looks at a line once.
struct Sections<'l> {
    lines: &'l [&'l [u8]],
    next: usize,
    found: Option<usize>,
}

impl<'l> Sections<'l> {
    fn above(&mut self, line: usize) -> &'l [u8] {
        for at in self.next..line {
            let first = self.lines[at].first();
            if first.is_some_and(|byte| byte.is_ascii_alphabetic() || b"_$".contains(byte)) {
                self.found = Some(at);
            }
        }
        self.next = self.next.max(line);
        let Some(at) = self.found else { return b"" };
        let text = self.lines[at];
        text[..text.len().min(SECTION_LEN)].trim_ascii_end()
    }
}

#[cfg(test)]
mod tests;
