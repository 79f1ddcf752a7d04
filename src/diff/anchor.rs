//! Finds the line of a change that a remark is about. The quote decides; the
//! claimed number only settles which of several lines that read alike.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use bstr::ByteSlice;

use super::quote::{self, QuotedLine, trim};
use super::{Change, FileDiff, LineKind, Patch};
use crate::finding::Side;
use crate::report::DropReason;

/// How many lines a claimed number may be off and still be taken at its word:
/// people and models miscount by a few. A quote without a letter or digit (`}`)
/// that stands on several lines is not looked for any farther away.
const NEAR: u32 = 10;

/// Where a remark says it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The file, by its new name or its old one.
    pub path: &'a str,
    /// The first line's number, from 1: a hint.
    pub line: u32,
    /// The last line's number: only its distance from `line` counts.
    pub end_line: Option<u32>,
    /// The text of the first line, or of all of them.
    pub quote: &'a str,
}

/// A proven place: lines that exist in the diff, on one side and in one hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Index into [`Change::files`].
    pub file: usize,
    /// Which version the numbers count in.
    pub side: Side,
    /// First line, from 1.
    pub line: u32,
    /// Last line, at least `line`; every line between is in the hunk too.
    pub end_line: u32,
    /// Which hunk of the file, from 0.
    pub hunk: usize,
    /// Whether the quote was the lines' text to the letter (a carriage return
    /// at the end aside), not only up to white space, sign, gutter or backticks.
    pub exact: bool,
    /// Which of the file's places that read alike on this side, from 0. Places
    /// with a changed line count first, so that it does not depend on how much
    /// context the diff has.
    pub nth: usize,
    /// The lines' text, without carriage returns, joined by line feeds.
    pub quote: String,
}

/// Finds the place of one claim. For many, make an [`Index`] once.
///
/// # Errors
/// [`DropReason::NotInDiff`] if the file is not in the change,
/// [`DropReason::QuoteMismatch`] if no line of its diff reads like the quote or
/// the quote says too little to tell which.
pub fn anchor(change: &Change, claim: &Claim<'_>) -> Result<Anchor, DropReason> {
    Index::new(change).anchor(claim)
}

/// A change whose lines can be found by their text. A file is indexed when it
/// is first asked for.
pub struct Index<'c> {
    change: &'c Change,
    by_name: HashMap<Cow<'c, str>, Vec<u32>>,
    files: Vec<OnceLock<FileIndex<'c>>>,
    hasher: RandomState,
}

/// A file's lines by number and by text.
struct FileIndex<'c> {
    patch: &'c Patch,
    /// For each of the patch's lines.
    places: Vec<Place>,
    /// Hash of the trimmed text and position in `places`, sorted.
    by_text: Vec<(u64, u32)>,
}

#[derive(Clone, Copy)]
struct Place {
    kind: LineKind,
    hunk: u32,
    old: u32,
    new: u32,
}

/// Lines that read like the quote: positions in [`FileIndex::places`].
struct Candidate {
    first: usize,
    last: usize,
    side: Side,
}

impl<'c> Index<'c> {
    /// Indexes the file names; cheap.
    pub fn new(change: &'c Change) -> Self {
        let mut by_name: HashMap<Cow<'c, str>, Vec<u32>> = HashMap::new();
        // Old names go behind every new one: a file now called so comes first.
        for old in [false, true] {
            for (index, file) in change.files.iter().enumerate() {
                let path = if old { &file.old_path } else { &file.new_path };
                if let Some(path) = path {
                    let files = by_name.entry(path.0.to_str_lossy()).or_default();
                    if !files.contains(&(index as u32)) {
                        files.push(index as u32);
                    }
                }
            }
        }
        let files = change.files.iter().map(|_| OnceLock::new()).collect();
        Index { change, by_name, files, hasher: RandomState::new() }
    }

    /// Finds the place of a claim; see [`anchor`](fn@anchor) for errors.
    ///
    /// Of several lines that read alike, those equal to the letter come before
    /// those equal up to white space. Then the nearest to the claimed number,
    /// counted on the line's own side, if it is at most ten lines away; else
    /// added and removed lines before context, and of them the nearest. Of two
    /// equally near, the changed one, and then the one on the new side.
    pub fn anchor(&self, claim: &Claim<'_>) -> Result<Anchor, DropReason> {
        let files = self.named(claim.path).ok_or(DropReason::NotInDiff)?;
        let places = files.iter().filter_map(|index| {
            let index = *index as usize;
            let file = self.file(index)?;
            for (reading, form) in quote::forms(claim.quote).enumerate() {
                for exact in [true, false] {
                    let found = self.candidates(file, &form, exact);
                    if found.is_empty() {
                        continue;
                    }
                    // The text is found: whether it tells a place is settled here.
                    let hint = form[0].number.unwrap_or(claim.line);
                    let chosen = settle(file, &found, &form, hint)?;
                    let literal = exact && reading == 0;
                    return Some(self.place(index, file, chosen, &form, claim, literal));
                }
            }
            None
        });
        places.into_iter().next().ok_or(DropReason::QuoteMismatch)
    }

    /// The place of lines that are known by number, as rules know them; `None`
    /// if `line` is not in the file's diff on that side. `end_line` is clamped
    /// to the hunk.
    pub fn at(&self, file: usize, side: Side, line: u32, end_line: u32) -> Option<Anchor> {
        let index = self.file(file)?;
        let on_side = |place: &Place| place.number(side) == Some(line);
        // Numbers ascend on a side, but lines of the other side lie between.
        let hunk = index.patch.hunks.partition_point(|hunk| {
            let (old, new) = hunk.before();
            match side {
                Side::Old => old + hunk.old_lines < line,
                Side::New => new + hunk.new_lines < line,
            }
        });
        let lines = index.patch.hunks.get(hunk)?.lines.clone();
        let lines = lines.start as usize..lines.end as usize;
        let first = lines.start + index.places[lines].iter().position(on_side)?;
        let chosen = Candidate { first, last: first, side };
        Some(self.anchored(file, index, &chosen, end_line.max(line), true))
    }

    fn named(&self, path: &str) -> Option<&[u32]> {
        let bare = path.trim().trim_start_matches("./").trim_start_matches('/');
        let prefixed = || bare.strip_prefix("a/").or_else(|| bare.strip_prefix("b/"));
        self.by_name
            .get(path)
            .or_else(|| self.by_name.get(bare))
            .or_else(|| self.by_name.get(prefixed()?))
            .map(Vec::as_slice)
    }

    fn file(&self, index: usize) -> Option<&FileIndex<'c>> {
        let file = self.change.files.get(index)?;
        let patch = file.patch()?;
        let make = || FileIndex::new(file, patch, &self.hasher);
        Some(self.files.get(index)?.get_or_init(make))
    }

    /// Every place that reads like the quote.
    fn candidates(
        &self,
        file: &FileIndex<'_>,
        form: &[QuotedLine<'_>],
        exact: bool,
    ) -> Vec<Candidate> {
        let mut found = Vec::new();
        for first in file.alike(form[0].text, &self.hasher) {
            if !file.reads(first, &form[0], exact) {
                continue;
            }
            let kind = file.places[first].kind;
            if form.len() == 1 {
                let side = if kind == LineKind::Removed { Side::Old } else { Side::New };
                found.push(Candidate { first, last: first, side });
                continue;
            }
            let new = file.run(first, Some(Side::New), form, exact);
            let old = file.run(first, Some(Side::Old), form, exact);
            found.extend(new.map(|last| Candidate { first, last, side: Side::New }));
            // A run of context alone is on both sides, and stands on the new one.
            found.extend(
                old.filter(|last| new.is_none() || file.changed(first, *last, Side::Old))
                    .map(|last| Candidate { first, last, side: Side::Old }),
            );
            if new.is_none() && old.is_none() && form.iter().all(|line| line.kind.is_some()) {
                // Copied across a change, with signs: it stands on its new lines.
                let span = file.run(first, None, form, exact).map(|last| first..=last);
                let mut on_new = span
                    .into_iter()
                    .flatten()
                    .filter(|at| file.places[*at].kind != LineKind::Removed);
                if let Some(first) = on_new.next() {
                    let last = on_new.next_back().unwrap_or(first);
                    found.push(Candidate { first, last, side: Side::New });
                }
            }
        }
        found
    }

    fn place(
        &self,
        index: usize,
        file: &FileIndex<'_>,
        chosen: &Candidate,
        form: &[QuotedLine<'_>],
        claim: &Claim<'_>,
        exact: bool,
    ) -> Anchor {
        let line = file.number(chosen.first, chosen.side);
        let span = match form.len() {
            1 => claim.end_line.unwrap_or(claim.line).saturating_sub(claim.line),
            _ => file.number(chosen.last, chosen.side) - line,
        };
        self.anchored(index, file, chosen, line.saturating_add(span), exact)
    }

    /// From a first line and a wished end to an anchor.
    fn anchored(
        &self,
        index: usize,
        file: &FileIndex<'_>,
        chosen: &Candidate,
        end_line: u32,
        exact: bool,
    ) -> Anchor {
        let &Candidate { first, side, .. } = chosen;
        let span: Vec<usize> = file
            .on_side(first, side)
            .take_while(|at| *at == first || file.number(*at, side) <= end_line)
            .collect();
        let last = *span.last().unwrap_or(&first);
        let texts: Vec<Cow<'_, str>> = span.iter().map(|at| file.text(*at)).collect();
        let form: Vec<QuotedLine<'_>> =
            texts.iter().map(|text| QuotedLine { text, kind: None, number: None }).collect();
        let changed = file.changed(first, last, side);
        let nth = file
            .alike(form[0].text, &self.hasher)
            .filter(|at| file.places[*at].number(side).is_some())
            .filter_map(|at| Some((at, file.run(at, Some(side), &form, false)?)))
            .filter(|(at, last)| match (file.changed(*at, *last, side), changed) {
                (true, true) | (false, false) => *at < first,
                (true, false) => true,
                (false, true) => false,
            })
            .count();
        Anchor {
            file: index,
            side,
            line: file.number(first, side),
            end_line: file.number(last, side),
            hunk: file.places[first].hunk as usize,
            exact,
            nth,
            quote: texts.join("\n"),
        }
    }
}

impl Place {
    fn number(&self, side: Side) -> Option<u32> {
        match (side, self.kind) {
            (Side::Old, LineKind::Added) | (Side::New, LineKind::Removed) => None,
            (Side::Old, _) => Some(self.old),
            (Side::New, _) => Some(self.new),
        }
    }
}

impl<'c> FileIndex<'c> {
    fn new(file: &'c FileDiff, patch: &'c Patch, hasher: &RandomState) -> Self {
        let mut places = Vec::with_capacity(patch.lines.len());
        let mut by_text = Vec::with_capacity(patch.lines.len());
        for (at, line) in file.lines().enumerate() {
            places.push(Place {
                kind: line.kind,
                hunk: line.hunk as u32,
                old: line.old.unwrap_or(0),
                new: line.new.unwrap_or(0),
            });
            by_text.push((hasher.hash_one(trim(&line.text.to_str_lossy())), at as u32));
        }
        by_text.sort_unstable();
        FileIndex { patch, places, by_text }
    }

    /// A line's text, without a carriage return at its end.
    fn text(&self, at: usize) -> Cow<'c, str> {
        let text = self.patch.text_of(&self.patch.lines[at]);
        text.strip_suffix(b"\r").unwrap_or(text).to_str_lossy()
    }

    fn number(&self, at: usize, side: Side) -> u32 {
        self.places[at].number(side).unwrap_or(0)
    }

    /// Lines equal to `text` up to white space, in order.
    fn alike(&self, text: &str, hasher: &RandomState) -> impl Iterator<Item = usize> {
        let text = trim(text);
        let hash = hasher.hash_one(text);
        let from = self.by_text.partition_point(|(other, _)| *other < hash);
        self.by_text[from..]
            .iter()
            .take_while(move |(other, _)| *other == hash)
            .map(|(_, at)| *at as usize)
            .filter(move |at| trim(&self.text(*at)) == text)
    }

    fn reads(&self, at: usize, quoted: &QuotedLine<'_>, exact: bool) -> bool {
        if quoted.kind.is_some_and(|kind| kind != self.places[at].kind) {
            return false;
        }
        let text = self.text(at);
        text == quoted.text || (!exact && trim(&text) == trim(quoted.text))
    }

    /// The hunk's lines from `first` on that are on a side.
    fn on_side(&self, first: usize, side: Side) -> impl Iterator<Item = usize> {
        let hunk = &self.patch.hunks[self.places[first].hunk as usize];
        (first..hunk.lines.end as usize).filter(move |at| self.places[*at].number(side).is_some())
    }

    /// The last line of the consecutive ones from `first` on, on a side or on
    /// either, that read like the quote.
    fn run(
        &self,
        first: usize,
        side: Option<Side>,
        form: &[QuotedLine<'_>],
        exact: bool,
    ) -> Option<usize> {
        let hunk = &self.patch.hunks[self.places[first].hunk as usize];
        if side.is_some_and(|side| self.places[first].number(side).is_none()) {
            return None;
        }
        let mut at = (first..hunk.lines.end as usize)
            .filter(|at| side.is_none_or(|side| self.places[*at].number(side).is_some()));
        let mut last = None;
        for quoted in form {
            last = Some(at.next().filter(|at| self.reads(*at, quoted, exact))?);
        }
        last
    }

    /// Whether one of the side's lines from `first` to `last` is added or removed.
    fn changed(&self, first: usize, last: usize, side: Side) -> bool {
        self.places[first..=last]
            .iter()
            .any(|place| place.kind != LineKind::Context && place.number(side).is_some())
    }
}

/// Chooses among places that read alike; see [`Index::anchor`].
fn settle<'f>(
    file: &FileIndex<'_>,
    found: &'f [Candidate],
    form: &[QuotedLine<'_>],
    hint: u32,
) -> Option<&'f Candidate> {
    let distance = |place: &Candidate| file.number(place.first, place.side).abs_diff(hint);
    let best = found.iter().min_by_key(|place| {
        let distance = distance(place);
        let near = if distance <= NEAR { distance } else { u32::MAX };
        let context = !file.changed(place.first, place.last, place.side);
        (near, context, distance, place.side == Side::Old, place.first)
    })?;
    let blank = form.iter().all(|line| trim(line.text).is_empty());
    let vague = form.iter().all(|line| !line.text.contains(char::is_alphanumeric));
    let far = if blank { 0 } else { NEAR };
    // A blank quote says nothing: even the only blank line has to be hit exactly.
    if (blank || vague && found.len() > 1) && distance(best) > far {
        return None;
    }
    Some(best)
}

#[cfg(test)]
mod tests;
