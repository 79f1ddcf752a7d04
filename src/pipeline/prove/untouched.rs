//! That no line changed which no op names, told from the ops and the tree alone.
//!
//! Every line of the text before is either loose (an op is about it) or fixed; and
//! there are gaps, where ops put new lines in. Runs of fixed lines between loose
//! lines and gaps have to stand in the new text unbroken and in order, the first one
//! at its start and the last one at its end.

use std::collections::HashMap;

use crate::pipeline::File;
use crate::pipeline::edit::{Op, slot};
use crate::pipeline::graph::Seg;
use crate::pipeline::yaml::{Id, Style, Tree, Value};

/// Which lines may change, from 0.
struct Marks<'a> {
    lines: Vec<&'a str>,
    loose: Vec<bool>,
    /// Whether lines may come before this one; one more for the end.
    gap: Vec<bool>,
}

/// A node with its lines, from 0, its key's or dash's line included.
struct Place {
    id: Id,
    first: usize,
    last: usize,
}

/// Checks `after` against the file before; gives how many of its lines the ops could
/// have changed.
pub(super) fn check(before: &File, after: &str, ops: &[Op]) -> Result<usize, String> {
    let lines: Vec<&str> = split(&before.text);
    let count = lines.len();
    let mut marks = Marks { lines, loose: vec![false; count], gap: vec![false; count + 1] };
    for op in ops {
        match op {
            Op::Splice { span, text } => marks.bytes(&before.text, span.range(), text),
            _ => {
                marks
                    .op(&before.tree, op, ops)
                    .ok_or("the change names a place that is not there")?;
            }
        }
    }
    let new = split(after);
    marks.find(&new)?;
    for op in ops {
        if let Op::Move { at, from, .. } = op {
            marks.moved(&before.tree, at, *from, &new)?;
        }
    }
    Ok(marks.loose.iter().filter(|loose| **loose).count())
}

fn split(text: &str) -> Vec<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect()
}

fn walk(tree: &Tree, path: &[Seg], lines: &[&str]) -> Option<Place> {
    let mut id = tree.root()?;
    let (mut first, mut floor) = (0, 0);
    for seg in path {
        match seg {
            Seg::Key(key) => {
                let entry = tree.get(id, key)?;
                first = (entry.line as usize).checked_sub(1)?;
                id = entry.value;
            }
            Seg::Index(index) => {
                let items = tree.items(id);
                let above = index.checked_sub(1).and_then(|above| items.get(above));
                if let Some(above) = above {
                    floor = tree.lines(*above).1 as usize;
                }
                id = *items.get(*index)?;
                first = (tree.lines(id).0 as usize).checked_sub(1)?;
                // Its dash may stand above it.
                while first > floor && !lines.get(first)?.trim_start().starts_with('-') {
                    first -= 1;
                }
            }
        }
        floor = first;
    }
    let last = (tree.lines(id).1 as usize).checked_sub(1)?.max(first);
    Some(Place { id, first, last: last.min(lines.len() - 1) })
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

impl Marks<'_> {
    /// Loosens what a splice takes out, and the line that it puts something into.
    fn bytes(&mut self, text: &str, range: std::ops::Range<usize>, new: &str) {
        let line = |at: usize| {
            let before = text.as_bytes().get(..at).unwrap_or_default();
            memchr::memchr_iter(b'\n', before).count()
        };
        let (first, last) = (line(range.start), line(range.end));
        let at_start = text
            .get(..range.start)
            .is_some_and(|before| before.is_empty() || before.ends_with('\n'));
        if range.is_empty() && at_start && new.ends_with('\n') {
            self.gap[first.min(self.lines.len())] = true;
        } else {
            self.loosen(first, last);
        }
    }

    fn loosen(&mut self, first: usize, last: usize) {
        let last = last.min(self.lines.len() - 1);
        for line in first..=last {
            self.loose[line] = true;
        }
        self.gap[first] = true;
        self.gap[last + 1] = true;
    }

    /// Loosens what stands at a place with the comments inside, and blank lines that
    /// may be part of a block scalar at its end.
    fn place(&mut self, place: &Place) {
        let column = self
            .lines
            .get(place.first)
            .map_or(0, |line| line.len() - line.trim_start_matches([' ', '-']).len());
        let dash = self.lines.get(place.first).map_or(0, |line| indent(line));
        let mut last = place.last;
        let mut next = last + 1;
        while let Some(line) = self.lines.get(next) {
            let inside = line.trim_start().starts_with('#') && indent(line) > dash.min(column);
            if inside || line.trim().is_empty() {
                last = next;
            } else {
                break;
            }
            next += 1;
        }
        self.loosen(place.first, last);
    }

    fn op(&mut self, tree: &Tree, op: &Op, ops: &[Op]) -> Option<()> {
        let path = op.path();
        match op {
            Op::Replace { .. } | Op::Text { .. } | Op::Remark { .. } => {
                let place = walk(tree, path, &self.lines)?;
                self.around_flow(tree, path);
                self.place(&place);
            }
            Op::Remove { .. } => {
                let (seg, parent) = path.split_last()?;
                let place = walk(tree, path, &self.lines)?;
                self.around_flow(tree, path);
                self.place(&place);
                let above = walk(tree, parent, &self.lines)?;
                let children = children(tree, above.id);
                let gone = |other: &Seg| {
                    ops.iter().any(|op| matches!(op, Op::Remove { at } if at.split_last() == Some((other, parent))))
                };
                if !tree.has_hidden(above.id) && children.iter().all(|(seg, ..)| gone(seg)) {
                    self.place(&above);
                }
                // Behind a dash, the next entry takes its place.
                let mut rest = children.iter().skip_while(|(other, ..)| other != seg).skip(1);
                let line = self.lines.get(place.first)?;
                if line.trim_start().starts_with('-')
                    && let Some((_, line, _)) = rest.find(|(other, ..)| !gone(other))
                    && matches!(seg, Seg::Key(_))
                {
                    self.loosen(*line, *line);
                }
            }
            Op::Insert { .. } | Op::Push { .. } => {
                let place = walk(tree, path, &self.lines)?;
                let at = self.slot(tree, place.id, op)?;
                self.around_flow(tree, path);
                self.opening(tree, &place, at, path);
            }
            Op::Move { from, to, .. } => {
                let place = walk(tree, path, &self.lines)?;
                self.around_flow(tree, path);
                self.opening(tree, &place, *to, path);
                let (first, last) = self.item(tree, path, *from)?;
                self.loosen(first, last);
            }
            Op::Wrap { from, to, .. } => {
                self.around_flow(tree, path);
                for index in *from..*to {
                    let (first, last) = self.item(tree, path, index)?;
                    self.loosen(first, last);
                }
            }
            Op::Splice { .. } => {}
        }
        Some(())
    }

    /// The lines of an item that moves: with its comments and the blank lines around.
    fn item(&self, tree: &Tree, path: &[Seg], index: usize) -> Option<(usize, usize)> {
        let mut at = path.to_vec();
        at.push(Seg::Index(index));
        let place = walk(tree, &at, &self.lines)?;
        let free = |line: usize| {
            self.lines
                .get(line)
                .is_some_and(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
        };
        let (mut first, mut last) = (place.first, place.last);
        while first > 0 && free(first - 1) {
            first -= 1;
        }
        while free(last + 1) {
            last += 1;
        }
        Some((first, last))
    }

    /// Before which child something new comes.
    fn slot(&self, tree: &Tree, id: Id, op: &Op) -> Option<usize> {
        match op {
            Op::Insert { place, .. } => Some(slot(place, || {
                let own = tree.entries(id).iter().filter(|entry| !entry.merged);
                own.map(|entry| entry.key.as_str()).collect()
            })),
            Op::Push { index, .. } => Some(*index),
            _ => None,
        }
    }

    /// Opens the gap before a child of a collection.
    fn opening(&mut self, tree: &Tree, place: &Place, at: usize, path: &[Seg]) {
        let children = children(tree, place.id);
        if children.is_empty() || tree.style(place.id) == Style::Flow {
            let from = if path.is_empty() { place.first } else { place.first.min(place.last) };
            self.loosen(from, place.last);
            return;
        }
        let hidden = tree.has_hidden(place.id);
        let mut first = match at.checked_sub(1).and_then(|above| children.get(above)) {
            Some((_, _, last)) => last + 1,
            None => place.first + usize::from(!path.is_empty()),
        };
        let mut last = match children.get(at) {
            Some((_, line, _)) => *line,
            None => {
                let mut line = place.last.max(first.saturating_sub(1)) + 1;
                while self.lines.get(line).is_some_and(|line| {
                    line.trim().is_empty() || line.trim_start().starts_with('#')
                }) {
                    line += 1;
                }
                line
            }
        };
        if hidden {
            first = first.min(place.first);
            last = last.max(place.last + 1);
        }
        // The first one behind a dash, or on the line of the sequence around it.
        if at == 0
            && let Some((_, line, _)) = children.first()
            && self.lines.get(*line).is_some_and(|line| line.trim_start().starts_with('-'))
        {
            let (line, in_items) = (*line, matches!(tree.value(place.id), Value::Seq(_)));
            if !in_items || self.lines[line].trim_start().starts_with("- -") {
                self.loosen(line, line);
            }
        }
        for line in first.min(self.lines.len())..=last.min(self.lines.len()) {
            self.gap[line] = true;
        }
    }

    /// Within brackets and braces all lines of the outermost ones are loose.
    fn around_flow(&mut self, tree: &Tree, path: &[Seg]) {
        for end in 0..=path.len() {
            let Some(place) = walk(tree, &path[..end], &self.lines) else { return };
            let collection = !matches!(tree.value(place.id), Value::Scalar { .. });
            if collection && tree.style(place.id) == Style::Flow && !tree.is_alias(place.id) {
                self.loosen(place.first, place.last);
                return;
            }
        }
    }

    /// Looks for the runs of fixed lines.
    fn find(&self, new: &[&str]) -> Result<(), String> {
        let count = self.lines.len();
        let (mut at, mut line) = (0, 0);
        while line < count {
            if self.loose[line] {
                line += 1;
                continue;
            }
            let mut end = line + 1;
            while end < count && !self.loose[end] && !self.gap[end] {
                end += 1;
            }
            let run = &self.lines[line..end];
            let fits = |at: usize| new.get(at..at + run.len()) == Some(run);
            let opens = line > 0 || self.gap[0];
            let closes = end < count || self.gap[count];
            let found = match (opens, closes) {
                (false, _) => fits(0).then_some(0),
                (true, false) => {
                    let last = new.len().checked_sub(run.len());
                    last.filter(|last| *last >= at && fits(*last))
                }
                (true, true) => (at..new.len()).find(|at| fits(*at)),
            };
            let Some(found) = found else {
                return Err(format!(
                    "line {} would change, which the change does not name",
                    line + 1
                ));
            };
            at = found + run.len();
            if !closes && at != new.len() {
                return Err("lines would come at the end of the file".to_owned());
            }
            line = end;
        }
        Ok(())
    }

    /// Every line of an item that moved is still there, comments included.
    fn moved(&self, tree: &Tree, path: &[Seg], from: usize, new: &[&str]) -> Result<(), String> {
        let Some((first, last)) = self.item(tree, path, from) else { return Ok(()) };
        let mut counts: HashMap<&str, i64> = HashMap::new();
        for line in new {
            *counts.entry(line.trim()).or_default() += 1;
        }
        for line in &self.lines {
            *counts.entry(line.trim()).or_default() -= 1;
        }
        let lost = self.lines[first..=last].iter().find(|line| {
            !line.trim().is_empty() && counts.get(line.trim()).is_some_and(|left| *left < 0)
        });
        match lost {
            Some(line) => Err(format!("`{}` would be lost on the move", line.trim())),
            None => Ok(()),
        }
    }
}

/// A collection's own children: first and last line, from 0.
fn children(tree: &Tree, id: Id) -> Vec<(Seg, usize, usize)> {
    let line = |line: u32| (line as usize).saturating_sub(1);
    match tree.value(id) {
        Value::Map(entries) => entries
            .iter()
            .filter(|entry| !entry.merged)
            .map(|entry| {
                let last = line(tree.lines(entry.value).1).max(line(entry.line));
                (Seg::Key(entry.key.clone()), line(entry.line), last)
            })
            .collect(),
        Value::Seq(items) => items
            .iter()
            .enumerate()
            .map(|(index, id)| {
                let (first, last) = tree.lines(*id);
                (Seg::Index(index), line(first), line(last))
            })
            .collect(),
        Value::Scalar { .. } => Vec::new(),
    }
}
