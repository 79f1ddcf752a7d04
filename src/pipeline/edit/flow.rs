//! Collections in brackets and braces.

use super::plan::Plan;
use super::render;
use super::splice::{Done, Site, Splice, Spot};
use super::tree::slot;
use super::{Op, Reason};
use crate::pipeline::graph::Seg;
use crate::pipeline::yaml::{Id, Style, Value};

/// An entry or item between commas.
struct Child {
    start: usize,
    end: usize,
    after: usize,
    colon: bool,
    id: Id,
    seg: Seg,
}

/// What stands in the collection afterwards.
enum Out {
    Kept(usize),
    New(String),
}

impl Splice<'_> {
    /// Does what is planned for a flow collection that is not empty.
    pub(super) fn flow(&mut self, id: Id, plan: &Plan<'_>, path: &mut Vec<Seg>) -> Done {
        let children = self.flow_children(id, path)?;
        self.flow_known(id, plan, &children, path)?;
        let planned = |child: &Child| match &child.seg {
            Seg::Key(key) => plan.key(key),
            Seg::Index(index) => plan.item(*index),
        };
        let mut goes = vec![false; children.len()];
        for (nth, child) in children.iter().enumerate() {
            let Some(below) = planned(child) else { continue };
            path.push(child.seg.clone());
            if below.removes() {
                goes[nth] = true;
                self.must_own(child.id, path)?;
            } else {
                let spot = Spot { after: child.after, behind: Site::Flow { colon: child.colon } };
                self.visit(child.id, below, spot, path)?;
            }
            path.pop();
        }
        if plan.inner.is_empty() && !goes.contains(&true) {
            return Ok(());
        }
        let out = self.flow_out(id, plan, &children, &goes, path)?;
        let span = self.tree.span(id);
        if self.lines.text[span].contains('\n') {
            self.flow_lines(&children, &out, path)
        } else {
            self.flow_line(&children, &out);
            Ok(())
        }
    }

    fn flow_children(&self, id: Id, path: &[Seg]) -> Result<Vec<Child>, super::Refused> {
        let tree = self.tree;
        let odd = || Reason::Form("the brackets hold a form that is not edited").at(path);
        let text = self.lines.text;
        let span = tree.span(id);
        if tree.has_hidden(id) {
            return Err(odd());
        }
        let open = match tree.value(id) {
            Value::Map(_) => '{',
            _ => '[',
        };
        let mut at = text[span.clone()].find(open).map(|at| span.start + at + 1).ok_or_else(odd)?;
        let mut children = Vec::new();
        let mut add = |key_end: Option<usize>, id: Id, seg: Seg| -> Option<()> {
            let start = skip(text, at)?;
            let node = tree.span(id);
            let (after, colon, end) = match key_end {
                None => (start, true, node.end),
                Some(key_end) => {
                    let colon = skip(text, key_end).filter(|at| text[*at..].starts_with(':'));
                    match colon {
                        None => (key_end, false, key_end),
                        Some(colon) => {
                            // An empty value is said to stand where the next token is.
                            let empty = node.is_empty() && tree.style(id) == Style::Plain;
                            let end = if empty && !tree.is_anchored(id) && tree.tag(id).is_none() {
                                colon + 1
                            } else {
                                node.end.max(colon + 1)
                            };
                            (colon + 1, true, end)
                        }
                    }
                }
            };
            if start >= span.end || end > span.end || start > end {
                return None;
            }
            let next = skip(text, end)?;
            at = if text[next..].starts_with(',') { next + 1 } else { next };
            children.push(Child { start, end, after, colon, id, seg });
            Some(())
        };
        let all = match tree.value(id) {
            Value::Map(entries) => entries.iter().try_for_each(|entry| {
                add(Some(entry.key_span.end), entry.value, Seg::Key(entry.key.clone()))
            }),
            _ => tree.items(id).iter().enumerate().try_for_each(|(nth, item)| {
                let pair = tree.style(*item) == Style::Block && !tree.is_alias(*item);
                if pair { None } else { add(None, *item, Seg::Index(nth)) }
            }),
        };
        all.ok_or_else(odd)?;
        for child in &children {
            if text[child.start..].starts_with('?') {
                return Err(odd());
            }
        }
        Ok(children)
    }

    fn flow_known(&self, id: Id, plan: &Plan<'_>, children: &[Child], path: &mut Vec<Seg>) -> Done {
        let is_map = matches!(self.tree.value(id), Value::Map(_));
        for seg in plan.below.keys() {
            let count = children.iter().filter(|child| child.seg == **seg).take(2).count();
            if count != 1 {
                let reason = match seg {
                    Seg::Key(_) if !is_map => Reason::Kind,
                    Seg::Index(_) if is_map => Reason::Kind,
                    _ if count == 0 => Reason::Missing,
                    _ => Reason::Twice,
                };
                path.push((*seg).clone());
                return Err(reason.at(path));
            }
        }
        Ok(())
    }

    /// What stands there afterwards, in order.
    fn flow_out(
        &self,
        id: Id,
        plan: &Plan<'_>,
        children: &[Child],
        goes: &[bool],
        path: &[Seg],
    ) -> Result<Vec<Out>, super::Refused> {
        let is_map = matches!(self.tree.value(id), Value::Map(_));
        let mut goes = goes.to_vec();
        let mut slots: Vec<Vec<Out>> = (0..=children.len()).map(|_| Vec::new()).collect();
        for op in &plan.inner {
            match op {
                Op::Insert { key, value, place, .. } if is_map => {
                    if self.tree.get(id, key).is_some() {
                        return Err(Reason::Exists.at(path));
                    }
                    let keys =
                        || self.tree.entries(id).iter().map(|entry| entry.key.as_str()).collect();
                    slots[slot(place, keys)].push(Out::New(render::flow_entry(key, value)));
                }
                Op::Push { index, value, .. } if !is_map && *index <= children.len() => {
                    slots[*index].push(Out::New(render::flow(value)));
                }
                Op::Move { from, to, .. }
                    if !is_map && *from < children.len() && (*to == *from || *to == *from + 1) => {}
                Op::Move { from, to, .. }
                    if !is_map && *from < children.len() && *to <= children.len() =>
                {
                    let place = children.get(*to).map_or(usize::MAX, |child| child.start);
                    self.may_move(children[*from].id, place, path)?;
                    goes[*from] = true;
                    slots[*to].push(Out::Kept(*from));
                }
                Op::Wrap { .. } => {
                    return Err(Reason::Form("items in brackets are not wrapped").at(path));
                }
                Op::Push { .. } | Op::Move { .. } if !is_map => {
                    return Err(Reason::Missing.at(path));
                }
                _ => return Err(Reason::Kind.at(path)),
            }
        }
        let mut out = Vec::new();
        for (nth, goes) in goes.iter().enumerate() {
            out.append(&mut slots[nth]);
            if !goes {
                out.push(Out::Kept(nth));
            }
        }
        out.append(&mut slots[children.len()]);
        Ok(out)
    }

    /// On one line: what stands between two neighbours stays where they stay
    /// neighbours, and is as elsewhere where they are new ones.
    fn flow_line(&mut self, children: &[Child], out: &[Out]) {
        let text = self.lines.text;
        let between = |nth: usize| &text[children[nth].end..children[nth + 1].start];
        let usual = if children.len() > 1 { between(0) } else { ", " };
        // What stays at the front or at the back is not touched, so that other ops
        // may be at work within.
        let kept =
            |at: usize, nth: usize| matches!(out.get(at), Some(Out::Kept(kept)) if *kept == nth);
        let front = (0..children.len()).take_while(|nth| kept(*nth, *nth)).count();
        let mut back = 0;
        while back < children.len() - front
            && back < out.len() - front.min(out.len())
            && kept(out.len() - 1 - back, children.len() - 1 - back)
        {
            back += 1;
        }
        let (old_end, new_end) = (children.len() - back, out.len() - back);
        let mut new = String::new();
        for (at, piece) in out.iter().enumerate().take(new_end).skip(front) {
            if at > 0 {
                let neighbours = match (&out[at - 1], piece) {
                    (Out::Kept(a), Out::Kept(b)) if *b == a + 1 => Some(*a),
                    _ => None,
                };
                new.push_str(neighbours.map_or(usual, between));
            }
            match piece {
                Out::Kept(nth) => new.push_str(&text[children[*nth].start..children[*nth].end]),
                Out::New(text) => new.push_str(text),
            }
        }
        let start = if front > 0 { children[front - 1].end } else { children[0].start };
        let end = if back > 0 {
            if new_end > 0 {
                new.push_str(usual);
            }
            children[old_end].start
        } else {
            children[children.len() - 1].end
        };
        if front > 0 && new_end == front && back > 0 {
            // Only removals between two that stay.
            new = usual.to_owned();
        }
        self.cut(start..end, new);
    }

    /// Over several lines, each child on lines of its own.
    fn flow_lines(&mut self, children: &[Child], out: &[Out], path: &[Seg]) -> Done {
        let odd =
            || Reason::Form("brackets over several lines hold more than one thing a line").at(path);
        let lines = &self.lines;
        let text = lines.text;
        let moved = {
            let order: Vec<usize> = out
                .iter()
                .filter_map(|out| if let Out::Kept(nth) = out { Some(*nth) } else { None })
                .collect();
            !order.is_sorted()
        };
        let alone =
            children.windows(2).all(|pair| lines.of(pair[0].end - 1) < lines.of(pair[1].start))
                && children.iter().all(|child| lines.is_first(child.start));
        if moved || !alone {
            return Err(odd());
        }
        // Each child with the comma behind it, if there is one.
        let comma =
            |nth: usize| skip(text, children[nth].end).filter(|at| text[*at..].starts_with(','));
        let count = children.len();
        let closing_apart =
            skip(text, comma(count - 1).map_or(children[count - 1].end, |at| at + 1))
                .is_some_and(|at| lines.of(at) > lines.of(children[count - 1].end - 1));
        if !closing_apart {
            return Err(odd());
        }
        let trailing = comma(count - 1).is_some();
        let kept: Vec<usize> = out
            .iter()
            .filter_map(|out| if let Out::Kept(nth) = out { Some(*nth) } else { None })
            .collect();
        let Some(&last_kept) = kept.last() else { return Err(odd()) };
        let pad = " ".repeat(lines.column(children[0].start));
        // New ones stand before the next that stays, or at the end.
        let mut puts: Vec<(usize, Vec<String>)> = Vec::new();
        let mut waiting: Vec<String> = Vec::new();
        for piece in out {
            match piece {
                Out::New(text) => waiting.push(format!("{pad}{text},")),
                Out::Kept(nth) => {
                    if !waiting.is_empty() {
                        let first = lines.of(children[*nth].start);
                        let floor = nth
                            .checked_sub(1)
                            .map_or(lines.of(tree_open(lines, children)), |before| {
                                lines.of(children[before].end - 1)
                            });
                        let column = lines.column(children[*nth].start);
                        puts.push((
                            lines.attached(first, floor + 1, column),
                            std::mem::take(&mut waiting),
                        ));
                    }
                }
            }
        }
        let drops: Vec<(usize, usize)> = (0..count)
            .filter(|nth| !kept.contains(nth))
            .map(|nth| (lines.of(children[nth].start), lines.of(children[nth].end - 1)))
            .collect();
        let mut cuts: Vec<(std::ops::Range<usize>, String)> = Vec::new();
        if waiting.is_empty() {
            // The last that stays has a comma only where the last one had one.
            if !trailing && let Some(at) = comma(last_kept) {
                cuts.push((at..at + 1, String::new()));
            }
        } else {
            if comma(last_kept).is_none() {
                cuts.push((children[last_kept].end..children[last_kept].end, ",".to_owned()));
            }
            if !trailing && let Some(last) = waiting.last_mut() {
                last.pop();
            }
            let line = lines.of(children[last_kept].end - 1) + 1;
            puts.push((line, waiting));
        }
        for (line, new) in puts {
            self.put_lines(line, &new);
        }
        for (first, last) in drops {
            self.drop_lines(first, last);
        }
        for (range, new) in cuts {
            self.cut(range, new);
        }
        Ok(())
    }
}

/// The byte before the first child.
fn tree_open(lines: &super::lines::Lines<'_>, children: &[Child]) -> usize {
    let before = &lines.text[..children[0].start];
    before.rfind(['[', '{']).unwrap_or(0)
}

/// The next byte that is neither blank nor in a comment.
fn skip(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'#' if at == from || bytes[at - 1].is_ascii_whitespace() => {
                at += memchr::memchr(b'\n', &bytes[at..])?;
            }
            _ => return Some(at),
        }
    }
    None
}
