//! Lays a change out over as many requests as it needs, related files
//! together, and renders each with numbered lines.
//!
//! What is promised: every changed line of a file that is not skipped is in
//! exactly one pack; nothing is cut. A pack is longer than the budget only
//! where a single line is.

mod relate;
mod render;

use std::ops::Range;

use bytes::Bytes;

use super::skip::{self, Attributes, Selection};
use super::{Change, FileDiff, LineKind, NumberedLine, Patch, Status};
use crate::code::enclosing::Outline;
use crate::report::Skipped;
use render::Count;

/// A good size for a pack of a model with a window of 200,000 tokens, in bytes:
/// it leaves room for instructions, tools and the answer.
pub const DEFAULT_BUDGET: usize = 140_000;

/// A definition of up to so many lines is shown whole around its hunk.
const WHOLE_DEFINITION: u32 = 60;

/// Gives a file's content at the head, where it is at hand.
pub type Heads<'h> = dyn Fn(&FileDiff) -> Option<Bytes> + 'h;

/// How a change is put before a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One request each.
    pub packs: Vec<Pack>,
    /// Files that are in none, and why.
    pub skipped: Vec<Skipped>,
}

/// What goes into one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pack {
    /// By path; as the change has them if there is only one pack.
    pub files: Vec<PackedFile>,
    /// Length of the rendered text.
    pub bytes: usize,
}

/// A file's part in a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// Index into [`Change::files`].
    pub file: usize,
    /// Whether other packs hold more of the file's diff.
    pub partial: bool,
    /// In order.
    pub parts: Vec<Part>,
}

/// A hunk, or lines of one that is too long for a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which hunk of the file, from 0.
    pub hunk: usize,
    /// Its lines, in [`Patch::lines`].
    pub lines: Range<u32>,
    /// Lines at the head, from 1, that are shown above though they are not in
    /// the diff: headers of the enclosing definitions, and what leads to here.
    pub above: Vec<Range<u32>>,
    /// The like below: the rest of the enclosing definition.
    pub below: Range<u32>,
}

impl Pack {
    /// The text for the model, with `heads` as given to [`pack`]: per file a line
    /// `=== path (what happened)`, per hunk its `@@` line, then each line as
    /// number, ` |`, sign, text. A removed line has its old number, any other its
    /// new one. Lines that are not in the diff have ` :` in the place of ` |`.
    pub fn render(&self, change: &Change, heads: &Heads<'_>) -> String {
        let mut out = String::with_capacity(self.bytes);
        for packed in &self.files {
            if let Some(file) = change.files.get(packed.file) {
                let shown = packed.parts.iter().any(Part::shows_head);
                let head = if shown { heads(file) } else { None };
                render::file(file, packed, head.as_ref(), &mut out);
            }
        }
        out
    }

    /// How many added and removed lines it holds.
    pub fn changed_lines(&self, change: &Change) -> usize {
        let of_file = |packed: &PackedFile| {
            let patch = change.files.get(packed.file).and_then(FileDiff::patch);
            let of_part = |part: &Part| {
                let lines = patch.map_or(&[][..], |patch| lines_of(patch, &part.lines));
                lines.iter().filter(|line| line.kind != LineKind::Context).count()
            };
            packed.parts.iter().map(of_part).sum::<usize>()
        };
        self.files.iter().map(of_file).sum()
    }
}

impl Part {
    fn shows_head(&self) -> bool {
        !self.above.is_empty() || !self.below.is_empty()
    }
}

fn lines_of<'p>(patch: &'p Patch, range: &Range<u32>) -> &'p [super::Line] {
    &patch.lines[range.start as usize..range.end as usize]
}

/// For each file of the change, why it is left out, if it is.
pub fn skips(
    change: &Change,
    selection: &Selection,
    attributes: &Attributes,
) -> Vec<Option<&'static str>> {
    let of_file = |file: &FileDiff| {
        let path = file.path().as_bstr().to_string();
        selection.reason(&path).or_else(|| skip::reason(file, attributes))
    };
    change.files.iter().map(of_file).collect()
}

/// Roughly how many tokens a text is; rather too many than too few. Measured
/// on source with line numbers, a token is some 3 bytes; text that is not
/// ASCII has more of them.
pub fn estimate_tokens(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let other = text.len() as u64 - ascii;
    (ascii * 10).div_ceil(33) + other.div_ceil(2)
}

/// Plans the packs. `skips` is by file, as [`skips`] gives it; `heads` may
/// answer `None` for any file, which then has no enclosing definitions shown.
/// A pack's rendered text has at most `budget` bytes, unless one line has more.
pub fn pack(
    change: &Change,
    skips: &[Option<&'static str>],
    heads: &Heads<'_>,
    budget: usize,
) -> Plan {
    let mut plan = Plan::default();
    let mut units = Vec::new();
    for (index, file) in change.files.iter().enumerate() {
        let reason = match (skips.get(index).copied().flatten(), file.patch()) {
            (Some(reason), _) => Some(reason),
            (None, Some(patch)) if !patch.hunks.is_empty() => None,
            (None, _) => Some(skip::reason(file, &Attributes::default()).unwrap_or("no lines")),
        };
        match reason {
            Some(reason) => plan
                .skipped
                .push(Skipped { path: file.path().display(), reason: reason.to_owned() }),
            None => cut(index, file, heads, budget, &mut units),
        }
    }
    let total: usize = units.iter().map(|unit| unit.bytes).sum();
    let groups = match (units.is_empty(), total <= budget) {
        (true, _) => Vec::new(),
        (_, true) => vec![(0..units.len()).collect()],
        _ => relate::group(change, &units, budget),
    };
    let mut units: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
    for group in groups {
        let taken: Vec<Unit> =
            group.into_iter().filter_map(|unit: usize| units[unit].take()).collect();
        plan.packs.push(Pack {
            bytes: taken.iter().map(|unit| unit.bytes).sum(),
            files: taken.into_iter().map(|unit| unit.packed).collect(),
        });
    }
    plan
}

/// What cannot be parted: a file, or a piece of one that is larger than a pack.
#[derive(Debug)]
struct Unit {
    packed: PackedFile,
    bytes: usize,
}

/// Makes a file's units: one, unless it is larger than the budget.
fn cut(index: usize, file: &FileDiff, heads: &Heads<'_>, budget: usize, units: &mut Vec<Unit>) {
    let Some(patch) = file.patch() else { return };
    let head_of = || heads(file).filter(|head| agrees(patch, head));
    // Of a file that is new the diff shows all.
    let head = if file.status == Status::Added { None } else { head_of() };
    let outline = head.as_ref().map(|head| Outline::new(head));
    let mut packed = PackedFile {
        file: index,
        partial: false,
        parts: (0..patch.hunks.len()).map(|hunk| whole(patch, hunk)).collect(),
    };
    let bare = measure(file, &packed, None);
    if let (Some(head), Some(outline)) = (&head, &outline) {
        surround(patch, outline, head, bare, &mut packed.parts);
    }
    let bytes = if head.is_some() { measure(file, &packed, head.as_ref()) } else { bare };
    if bytes <= budget {
        units.push(Unit { packed, bytes });
        return;
    }
    // Too large with what surrounds it, or at all: hunk by hunk, then line by line.
    packed.partial = true;
    let parts = std::mem::take(&mut packed.parts);
    let title = measure(file, &packed, None);
    let size = |part: &Part, head: Option<&Bytes>| {
        let mut count = Count::default();
        render::part(file, part, head, &mut count);
        count.0
    };
    let mut bytes = title;
    let mut push = |packed: &mut PackedFile, bytes: &mut usize| {
        if !packed.parts.is_empty() {
            let parts = std::mem::take(&mut packed.parts);
            let packed = PackedFile { parts, ..packed.clone() };
            units.push(Unit { packed, bytes: std::mem::replace(bytes, title) });
        }
    };
    for mut part in parts {
        let mut len = size(&part, head.as_ref());
        if title + len > budget {
            (part.above, part.below) = (Vec::new(), 0..0);
            len = size(&part, None);
        }
        if bytes + len > budget {
            push(&mut packed, &mut bytes);
        }
        if bytes + len <= budget {
            bytes += len;
            packed.parts.push(part);
            continue;
        }
        for piece in pieces(patch, &part, budget.saturating_sub(title)) {
            let len = size(&piece, None);
            packed.parts.push(piece);
            bytes += len;
            push(&mut packed, &mut bytes);
        }
    }
    push(&mut packed, &mut bytes);
    // All of it fits one pack once nothing surrounds it.
    if let Some(unit) = units.last_mut()
        && unit.packed.file == index
        && unit.packed.parts.iter().map(|part| part.lines.len()).sum::<usize>() == patch.lines.len()
    {
        unit.packed.partial = false;
        unit.bytes = measure(file, &unit.packed, head.as_ref());
    }
}

fn whole(patch: &Patch, hunk: usize) -> Part {
    Part { hunk, lines: patch.hunks[hunk].lines.clone(), above: Vec::new(), below: 0..0 }
}

fn measure(file: &FileDiff, packed: &PackedFile, head: Option<&Bytes>) -> usize {
    let mut count = Count::default();
    render::file(file, packed, head, &mut count);
    count.0
}

/// Cuts a hunk between lines so that each piece, with its own `@@` line, has at
/// most `budget` bytes, or one line. Pieces without a changed line are left
/// out: they would say nothing.
fn pieces(patch: &Patch, part: &Part, budget: usize) -> Vec<Part> {
    let mut pieces = Vec::new();
    let mut start = part.lines.start;
    let mut bytes = 0;
    // An `@@` line with the longest numbers there are and the section.
    let head = 64 + 3 * patch.section_of(&patch.hunks[part.hunk]).len();
    let lines = patch.numbered_hunk(part.hunk).zip(patch.hunks[part.hunk].lines.clone());
    for (line, at) in lines {
        let mut count = Count::default();
        render::line(&line, &mut count);
        if at > start && head + bytes + count.0 > budget {
            pieces.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += count.0;
    }
    pieces.push(start..part.lines.end);
    let changed = |range: &Range<u32>| {
        lines_of(patch, range).iter().any(|line| line.kind != LineKind::Context)
    };
    let piece = |lines| Part { hunk: part.hunk, lines, above: Vec::new(), below: 0..0 };
    pieces.into_iter().filter(changed).map(piece).collect()
}

/// Whether a content reads as the diff's new side, as far as each hunk's first
/// and last lines tell.
fn agrees(patch: &Patch, head: &[u8]) -> bool {
    let lines = Lines::new(head);
    (0..patch.hunks.len()).all(|hunk| {
        let mut new = patch.numbered_hunk(hunk).filter(|line| line.new.is_some());
        let first = new.next();
        let last = new.last();
        let same = |line: NumberedLine<'_>| {
            line.new.and_then(|number| lines.get(number)) == Some(line.text.as_ref())
        };
        first.is_none_or(same) && last.is_none_or(same)
    })
}

/// A content's lines by number.
struct Lines<'c> {
    content: &'c [u8],
    starts: Vec<u32>,
}

impl<'c> Lines<'c> {
    fn new(content: &'c [u8]) -> Self {
        let starts = memchr::memchr_iter(b'\n', content).map(|at| at as u32 + 1);
        Lines { content, starts: std::iter::once(0).chain(starts).collect() }
    }

    /// The line with this number, from 1, without its line feed.
    fn get(&self, number: u32) -> Option<&'c [u8]> {
        let at = (number as usize).checked_sub(1)?;
        let start = *self.starts.get(at)? as usize;
        let end = self.starts.get(at + 1).map_or(self.content.len(), |next| *next as usize - 1);
        let line = self.content.get(start..end)?;
        (start < self.content.len()).then_some(line)
    }
}

/// Decides which lines around the hunks are shown: the headers of the
/// definitions they are in, and small definitions whole, as long as that does
/// not come to more than the diff itself.
fn surround(patch: &Patch, outline: &Outline, head: &[u8], bare: usize, parts: &mut [Part]) {
    let lines = Lines::new(head);
    let len = |range: &Range<u32>| -> usize {
        range.clone().filter_map(|n| lines.get(n)).map(|line| line.len() + 8).sum()
    };
    let mut allowance = bare.max(4_000);
    // The first line that nothing above shows yet.
    let mut free = 1;
    for part in parts {
        let hunk = &patch.hunks[part.hunk];
        let first = hunk.before().1 + 1;
        let end = first + hunk.new_lines;
        let next_first =
            patch.hunks.get(part.hunk + 1).map_or(u32::MAX, |hunk| hunk.before().1 + 1);
        let mut changed = patch
            .numbered_hunk(part.hunk)
            .scan(first, |next, line| {
                // A removed line is where the next new one would be.
                let here = line.new.unwrap_or(*next);
                *next = here + u32::from(line.new.is_some());
                Some((line.kind != LineKind::Context, here))
            })
            .filter_map(|(changed, here)| changed.then_some(here));
        let Some(first_changed) = changed.next() else { continue };
        let last_changed = changed.last().unwrap_or(first_changed);
        let chain = outline.enclosing(first_changed);
        let mut above: Vec<Range<u32>> = chain
            .iter()
            .map(|definition| definition.header_line)
            .filter(|line| (free..first).contains(line))
            .map(|line| line..line + 1)
            .collect();
        if let Some(inner) = chain.last().filter(|d| d.end - d.start < WHOLE_DEFINITION) {
            let lead = inner.start.max(free)..first;
            if !lead.is_empty() && len(&lead) <= allowance {
                allowance -= len(&lead);
                above.retain(|line| line.end <= lead.start);
                above.push(lead);
            }
        }
        let mut below = 0..0;
        if let Some(inner) =
            outline.enclosing(last_changed).last().filter(|d| d.end - d.start < WHOLE_DEFINITION)
        {
            let rest = end..(inner.end + 1).min(next_first);
            if !rest.is_empty() && len(&rest) <= allowance {
                allowance -= len(&rest);
                below = rest;
            }
        }
        free = below.end.max(end);
        part.above = above;
        part.below = below;
    }
}

#[cfg(test)]
mod tests;
