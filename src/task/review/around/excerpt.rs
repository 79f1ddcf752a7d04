//! Lines of a file as they are shown, and which lines a pack already shows.

use std::collections::HashMap;
use std::ops::Range;

use bstr::ByteSlice as _;

use super::is_comment;
use crate::code::Lines;
use crate::code::definitions::Definition;
use crate::code::language::Language;
use crate::diff::pack::{Pack, Part};
use crate::diff::{Change, FileDiff, LineKind};

/// A line's text is cut there.
const MOST_LINE: usize = 240;

/// The lines of the new side that a pack shows, by path.
#[derive(Default)]
pub(super) struct Shown {
    lines: HashMap<String, Vec<Range<u32>>>,
}

impl Shown {
    pub(super) fn of(pack: &Pack, change: &Change) -> Shown {
        let mut lines: HashMap<String, Vec<Range<u32>>> = HashMap::new();
        for packed in &pack.files {
            let Some(file) = change.files.get(packed.file) else { continue };
            let (Some(patch), Some(path)) = (file.patch(), &file.new_path) else { continue };
            let ranges = lines.entry(path.display()).or_default();
            for part in &packed.parts {
                let skip = part.lines.start - patch.hunks[part.hunk].lines.start;
                let of_hunk = patch.numbered_hunk(part.hunk).skip(skip as usize);
                let mut numbers = of_hunk.take(part.lines.len()).filter_map(|line| line.new);
                if let Some(first) = numbers.next() {
                    ranges.push(first..numbers.last().unwrap_or(first) + 1);
                }
                ranges.extend(surroundings(part));
            }
        }
        Shown { lines }
    }

    pub(super) fn has(&self, path: &str, line: u32) -> bool {
        self.lines.get(path).is_some_and(|all| all.iter().any(|range| range.contains(&line)))
    }

    /// Whether most of the lines are shown.
    pub(super) fn has_most(&self, path: &str, lines: &Range<u32>) -> bool {
        let shown = lines.clone().filter(|line| self.has(path, *line)).count();
        shown * 2 > lines.len()
    }
}

fn surroundings(part: &Part) -> impl Iterator<Item = Range<u32>> + '_ {
    part.above.iter().chain(&part.below).map(|excerpt| excerpt.lines.clone())
}

/// The changed lines of one side of a file in a pack, comments and empty ones
/// left out. A line that is only on the other side counts as the place where it
/// would be.
pub(super) fn changed_lines(
    file: &FileDiff,
    language: Language,
    parts: &[Part],
    old_side: bool,
) -> Vec<(u32, LineKind)> {
    let Some(patch) = file.patch() else { return Vec::new() };
    let mut changed = Vec::new();
    for part in parts {
        let hunk = &patch.hunks[part.hunk];
        let (old, new) = hunk.before();
        let mut next = if old_side { old + 1 } else { new + 1 };
        for (at, line) in (hunk.lines.start..).zip(patch.numbered_hunk(part.hunk)) {
            let own = if old_side { line.old } else { line.new };
            let here = own.unwrap_or(next);
            next = here + u32::from(own.is_some());
            let text = line.text.trim_ascii();
            let says = !text.is_empty() && !is_comment(text, language);
            if line.kind != LineKind::Context && says && part.lines.contains(&at) {
                changed.push((here, line.kind));
            }
        }
    }
    changed
}

/// Lines of a file with their numbers, gaps marked; `None` if there are none.
/// The ranges may overlap and lie beyond the end.
pub(super) fn excerpt(text: &[u8], mut ranges: Vec<Range<u32>>) -> Option<(Range<u32>, String)> {
    let lines = Lines::new(text);
    let end = u32::try_from(lines.len()).unwrap_or(u32::MAX - 1) + 1;
    for range in &mut ranges {
        *range = range.start.max(1)..range.end.min(end);
    }
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut out = String::new();
    let first = ranges.first()?.start;
    let mut next = first;
    for range in ranges {
        // A gap of one line is better shown than marked.
        let from = if range.start <= next + 1 { next } else { range.start };
        if from > next {
            out.push_str("…\n");
        }
        for number in from..range.end.max(from) {
            let line = lines.get(number as usize - 1).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            out.push_str(&number.to_string());
            out.push_str(" : ");
            out.push_str(&line[..line.len().min(MOST_LINE)].to_str_lossy());
            if line.len() > MOST_LINE {
                out.push('…');
            }
            out.push('\n');
        }
        next = next.max(range.end);
    }
    Some((first..next, out))
}

/// A definition trimmed to its signature and what stands around some lines.
pub(super) fn trimmed(
    definition: &Definition,
    at: &[u32],
    whole: u32,
    before: u32,
    after: u32,
) -> Vec<Range<u32>> {
    let end = definition.lines.end;
    let code = definition.signature.start..end;
    if code.end - code.start <= whole {
        return vec![code];
    }
    let signature = definition.signature.start..definition.signature.end.min(code.start + 6);
    let mut ranges = vec![signature];
    for line in at {
        ranges.push(line.saturating_sub(before).max(code.start)..(line + after + 1).min(end));
    }
    ranges
}

/// A definition whole, if it is short, else how it begins.
pub(super) fn head_of(definition: &Definition, whole: u32, most: u32) -> Range<u32> {
    let Range { start, end } = definition.lines;
    let signature = &definition.signature;
    // Of a long comment, what is nearest.
    let start = start.max(signature.start.saturating_sub(12));
    if end - signature.start <= whole {
        return start..end;
    }
    let shown = signature.end.min(signature.start + 12).max(signature.start + most);
    start..shown.min(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_number_their_lines_and_mark_gaps() {
        let text = b"a\nb\r\nc\nd\ne\nf\n";
        let check = |ranges: &[Range<u32>], expect: Option<(Range<u32>, &str)>| {
            let found = excerpt(text, ranges.to_vec());
            let found = found.as_ref().map(|(range, text)| (range.clone(), text.as_str()));
            assert_eq!(found, expect);
        };
        check(&[2..3, 2..3], Some((2..3, "2 : b\n")));
        check(&[5..99, 1..2], Some((1..7, "1 : a\n…\n5 : e\n6 : f\n")));
        check(&[1..2, 3..4], Some((1..4, "1 : a\n2 : b\n3 : c\n")));
        check(&[1..4, 2..3], Some((1..4, "1 : a\n2 : b\n3 : c\n")));
        check(&[9..12, 0..1], None);
        check(&[], None);
    }
}
