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
use serde::{Deserialize, Serialize};

use super::skip::{self, Attributes, Selection};
use super::{Change, FileDiff, LineKind, Patch, Status};
use crate::code::Lines;
use crate::code::enclosing::{Definition, Outline};
use crate::report::Skipped;
use render::Count;

/// A good size for a pack of a model with a window of 200,000 tokens, in bytes:
/// it leaves room for instructions, tools and the answer.
pub const DEFAULT_BUDGET: usize = 140_000;

/// A definition of up to so many lines is shown whole around its hunk.
const WHOLE_DEFINITION: u32 = 60;

/// Gives a file's content at the head, where it is at hand.
pub type Heads<'h> = dyn Fn(&FileDiff) -> Option<Bytes> + 'h;

/// Whether a hunk, by its file's index and its own, is to be put before the model.
pub type Wanted<'w> = dyn Fn(usize, usize) -> bool + 'w;

/// How a change is put before a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One request each.
    pub packs: Vec<Pack>,
    /// Files that are in none, and why.
    pub skipped: Vec<Skipped>,
}

/// What goes into one request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// By path; as the change has them if there is only one pack.
    pub files: Vec<PackedFile>,
    /// Length of the rendered text.
    pub bytes: usize,
}

/// A file's part in a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedFile {
    /// Index into [`Change::files`].
    pub file: usize,
    /// Whether other packs hold more of the file's diff.
    pub partial: bool,
    /// In order.
    pub parts: Vec<Part>,
}

/// A hunk, or lines of one that is too long for a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which hunk of the file, from 0.
    pub hunk: usize,
    /// Its lines, in [`Patch::lines`].
    pub lines: Range<u32>,
    /// Shown above: headers of the enclosing definitions, and what leads to here.
    pub above: Vec<Excerpt>,
    /// Shown below: the rest of the enclosing definition.
    pub below: Option<Excerpt>,
}

/// Lines of the head that are shown though they are not in the diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// Their numbers, from 1.
    pub lines: Range<u32>,
    /// Where they lie in the head's content.
    pub bytes: Range<usize>,
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
                render::file(file, packed, head.as_deref(), &mut out);
            }
        }
        out
    }

    /// Two packs with half of it each; `None` if it is a single line.
    pub fn halve(&self, change: &Change) -> Option<(Pack, Pack)> {
        if self.files.len() > 1 {
            let half = self.files.len() / 2;
            return Some((self.of(&self.files[..half]), self.of(&self.files[half..])));
        }
        let packed = self.files.first()?;
        let with = |parts: &[Part]| {
            self.of(&[PackedFile { file: packed.file, partial: true, parts: parts.to_vec() }])
        };
        if packed.parts.len() > 1 {
            let half = packed.parts.len() / 2;
            return Some((with(&packed.parts[..half]), with(&packed.parts[half..])));
        }
        let part = packed.parts.first()?;
        let middle = part.lines.start + (part.lines.end - part.lines.start) / 2;
        let lines = change.files.get(packed.file)?.patch()?;
        let changed = |range: &Range<u32>| {
            lines_of(lines, range).iter().any(|line| line.kind != LineKind::Context)
        };
        let piece =
            |lines: Range<u32>| Part { hunk: part.hunk, lines, above: Vec::new(), below: None };
        let (first, second) = (part.lines.start..middle, middle..part.lines.end);
        if first.is_empty() || !changed(&first) || !changed(&second) {
            return None;
        }
        Some((with(&[piece(first)]), with(&[piece(second)])))
    }

    /// A pack of the files, by their index in the change, that are wanted.
    pub fn only(&self, wanted: impl Fn(usize) -> bool) -> Pack {
        let files: Vec<PackedFile> =
            self.files.iter().filter(|packed| wanted(packed.file)).cloned().collect();
        self.of(&files)
    }

    /// Some of this pack's files. Its size is an estimate: it only reserves room.
    fn of(&self, files: &[PackedFile]) -> Pack {
        Pack { files: files.to_vec(), bytes: self.bytes }
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
        !self.above.is_empty() || self.below.is_some()
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

/// Roughly how many tokens a text is, to plan with: one for 3.3 bytes of ASCII
/// and for 2 of anything else. What a request really took, its answer says.
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
    wanted: &Wanted<'_>,
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
            None => cut(index, file, wanted, heads, budget, &mut units),
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
fn cut(
    index: usize,
    file: &FileDiff,
    wanted: &Wanted<'_>,
    heads: &Heads<'_>,
    budget: usize,
    units: &mut Vec<Unit>,
) {
    let Some(patch) = file.patch() else { return };
    let hunks: Vec<usize> = (0..patch.hunks.len()).filter(|&hunk| wanted(index, hunk)).collect();
    if hunks.is_empty() {
        return;
    }
    let mut packed = PackedFile {
        file: index,
        partial: hunks.len() < patch.hunks.len(),
        parts: hunks.iter().map(|&hunk| whole(patch, hunk)).collect(),
    };
    let mut bytes = measure(|out| render::file(file, &packed, None, out));
    // Of a file that is new the diff shows all.
    let head = if file.status == Status::Added { None } else { heads(file) };
    if let Some(head) = &head {
        let lines = Lines::new(head);
        if agrees(patch, &lines) {
            bytes += surround(patch, head, &lines, bytes, &mut packed.parts);
        }
    }
    if bytes <= budget {
        units.push(Unit { packed, bytes });
        return;
    }
    cut_up(file, patch, packed, head.as_deref(), budget, units);
}

/// Cuts a file that is too large, with what surrounds its hunks or at all: hunk
/// by hunk, then line by line.
fn cut_up(
    file: &FileDiff,
    patch: &Patch,
    mut packed: PackedFile,
    head: Option<&[u8]>,
    budget: usize,
    units: &mut Vec<Unit>,
) {
    let parts = std::mem::take(&mut packed.parts);
    packed.partial = true;
    let title = measure(|out| render::file(file, &packed, None, out));
    let first_unit = units.len();
    let mut bytes = title;
    let mut push = |packed: &mut PackedFile, bytes: &mut usize| {
        if !packed.parts.is_empty() {
            let parts = std::mem::take(&mut packed.parts);
            let packed = PackedFile { parts, ..packed.clone() };
            units.push(Unit { packed, bytes: std::mem::replace(bytes, title) });
        }
    };
    for mut part in parts {
        let mut len = measure(|out| render::part(file, &part, head, out));
        if title + len > budget {
            (part.above, part.below) = (Vec::new(), None);
            len = measure(|out| render::part(file, &part, None, out));
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
            bytes += measure(|out| render::part(file, &piece, None, out));
            packed.parts.push(piece);
            push(&mut packed, &mut bytes);
        }
    }
    push(&mut packed, &mut bytes);
    // All of it may fit one pack once nothing surrounds it.
    if let [unit] = &mut units[first_unit..]
        && unit.packed.parts.iter().map(|part| part.lines.len()).sum::<usize>() == patch.lines.len()
    {
        unit.packed.partial = false;
        unit.bytes = measure(|out| render::file(file, &unit.packed, head, out));
    }
}

fn whole(patch: &Patch, hunk: usize) -> Part {
    Part { hunk, lines: patch.hunks[hunk].lines.clone(), above: Vec::new(), below: None }
}

fn measure(render: impl FnOnce(&mut Count)) -> usize {
    let mut count = Count::default();
    render(&mut count);
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
        let len = measure(|out| render::line(&line, out));
        if at > start && head + bytes + len > budget {
            pieces.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += len;
    }
    pieces.push(start..part.lines.end);
    let changed = |range: &Range<u32>| {
        lines_of(patch, range).iter().any(|line| line.kind != LineKind::Context)
    };
    let piece = |lines| Part { hunk: part.hunk, lines, above: Vec::new(), below: None };
    pieces.into_iter().filter(changed).map(piece).collect()
}

/// Whether a content reads as the diff's new side, as far as each hunk's first
/// and last lines tell.
fn agrees(patch: &Patch, lines: &Lines<'_>) -> bool {
    patch.hunks.iter().enumerate().all(|(index, hunk)| {
        let first = patch.numbered_hunk(index).find(|line| line.new.is_some());
        let last_at = hunk.before().1 + hunk.new_lines;
        let last = lines_of(patch, &hunk.lines).iter().rfind(|l| l.kind != LineKind::Removed);
        let reads = |number: u32, text: &[u8]| {
            (number as usize).checked_sub(1).and_then(|at| lines.get(at)) == Some(text)
        };
        first.is_none_or(|line| line.new.is_some_and(|number| reads(number, line.text)))
            && last.is_none_or(|line| reads(last_at, patch.text_of(line)))
    })
}

/// Decides which lines around the hunks are shown: the headers of the
/// definitions they are in, and small definitions whole, as long as that does
/// not come to more than the diff itself (`bare` bytes). Gives their length.
fn surround(
    patch: &Patch,
    head: &[u8],
    lines: &Lines<'_>,
    bare: usize,
    parts: &mut [Part],
) -> usize {
    let outline = Outline::of(lines);
    let excerpt = |numbers: Range<u32>| -> Option<(Excerpt, usize)> {
        let first = lines.span(numbers.start.checked_sub(1)? as usize)?;
        let last = lines.span(numbers.end.checked_sub(2)? as usize)?;
        if numbers.is_empty() {
            return None;
        }
        let excerpt = Excerpt { lines: numbers, bytes: first.start..last.end };
        let len = measure(|out| render::excerpt(&excerpt, Some(head), out));
        Some((excerpt, len))
    };
    let mut allowance = bare.max(4_000);
    let mut total = 0;
    // The first line that nothing above shows yet.
    let mut free = 1;
    for part in parts {
        let hunk = &patch.hunks[part.hunk];
        let first = hunk.before().1 + 1;
        let end = first + hunk.new_lines;
        let next = patch.hunks.get(part.hunk + 1).map_or(u32::MAX, |hunk| hunk.before().1 + 1);
        let (first_changed, last_changed) = changed_span(patch, part.hunk, first);
        let chain = outline.enclosing(first_changed);
        let mut headers: Vec<Range<u32>> = chain
            .iter()
            .map(|definition| definition.header_line)
            .filter(|line| (free..first).contains(line))
            .map(|line| line..line + 1)
            .collect();
        let small = |definitions: &[&Definition]| {
            definitions.last().map(|d| (d.start, d.end)).filter(|(a, b)| b - a < WHOLE_DEFINITION)
        };
        let lead = small(&chain).and_then(|(start, _)| excerpt(start.max(free)..first));
        let lead = lead.filter(|(_, len)| *len <= allowance);
        if let Some((lead, len)) = &lead {
            allowance -= len;
            headers.retain(|line| line.end <= lead.lines.start);
        }
        part.above = headers
            .into_iter()
            .filter_map(excerpt)
            .chain(lead)
            .map(|(excerpt, len)| {
                total += len;
                excerpt
            })
            .collect();
        let rest = small(&outline.enclosing(last_changed));
        let rest = rest.and_then(|(_, last)| excerpt(end..(last + 1).min(next)));
        if let Some((rest, len)) = rest.filter(|(_, len)| *len <= allowance) {
            allowance -= len;
            total += len;
            part.below = Some(rest);
        }
        free = part.below.as_ref().map_or(end, |below| below.lines.end);
    }
    total
}

/// The first and the last new line that a hunk changes; a removed line counts
/// as the new one that stands where it was.
fn changed_span(patch: &Patch, hunk: usize, first: u32) -> (u32, u32) {
    let mut next = first;
    let mut span = None;
    for line in patch.numbered_hunk(hunk) {
        let here = line.new.unwrap_or(next);
        next = here + u32::from(line.new.is_some());
        if line.kind != LineKind::Context {
            span = Some((span.map_or(here, |(from, _)| from), here));
        }
    }
    span.unwrap_or((first, first))
}

#[cfg(test)]
mod tests;
