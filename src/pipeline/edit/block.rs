//! Collections by indentation: entries and items come, go and move as whole lines.

use std::ops::Range;
use std::rc::Rc;

use super::plan::Plan;
use super::render::{self, Behind};
use super::splice::{Done, Site, Splice, Spot};
use super::tree::slot;
use super::{Op, Place, Reason};
use crate::pipeline::graph::Seg;
use crate::pipeline::yaml::{Id, Plain, Value};

/// An entry or item that stands in a block collection's own source.
struct Child {
    /// Its key or dash.
    start: usize,
    /// Behind its colon or dash.
    after: usize,
    id: Id,
    seg: Seg,
    /// Its lines, from 0.
    first: usize,
    last: usize,
}

/// Where something new goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Directly behind a child.
    Behind(usize),
    /// Before a child and the comments that belong to it.
    Ahead(usize),
    /// At the end.
    End,
}

impl Splice<'_> {
    /// Does what is planned for a block collection that is not empty.
    pub(super) fn block(
        &mut self,
        id: Id,
        plan: &Plan<'_>,
        spot: Spot,
        path: &mut Vec<Seg>,
    ) -> Done {
        if plan.inner.is_empty() && !plan.below.values().any(Plan::removes) {
            return match self.tree.value(id) {
                Value::Map(_) => self.entries(id, plan, path),
                _ => self.items(id, plan, path),
            };
        }
        let children = self.children(id, path)?;
        let hidden = self.tree.has_hidden(id);
        self.known(id, plan, &children, path)?;
        let planned = |child: &Child| match &child.seg {
            Seg::Key(key) => plan.key(key),
            Seg::Index(index) => plan.item(*index),
        };
        let goes: Vec<bool> =
            children.iter().map(|child| planned(child).is_some_and(Plan::removes)).collect();
        for (child, goes) in children.iter().zip(&goes) {
            path.push(child.seg.clone());
            if *goes {
                self.must_own(child.id, path)?;
            } else if let Some(below) = planned(child) {
                let column = self.lines.column(child.start);
                let behind = match child.seg {
                    Seg::Key(_) => Site::Key(column),
                    Seg::Index(_) => Site::Dash(column),
                };
                self.visit(child.id, below, Spot { after: child.after, behind }, path)?;
            }
            path.pop();
        }
        if !hidden && !children.is_empty() && goes.iter().all(|goes| *goes) {
            let value = super::tree::applied(&self.tree.plain(id), plan, path)?;
            return self.replace(id, spot, &value, path);
        }
        self.remove(id, &children, &goes, path)?;
        for op in &plan.inner {
            self.add(id, &children, op, path)?;
        }
        Ok(())
    }

    /// Does what is planned for values of a mapping, whose entries stay. It looks at
    /// these alone: a file may have thousands of jobs.
    fn entries(&mut self, id: Id, plan: &Plan<'_>, path: &mut Vec<Seg>) -> Done {
        let entries = self.tree.entries(id);
        for (seg, below) in &plan.below {
            path.push((*seg).clone());
            let Seg::Key(key) = seg else { return Err(Reason::Kind.at(path)) };
            let mut found = entries.iter().filter(|entry| entry.key == *key);
            let entry = found.next().ok_or_else(|| Reason::Missing.at(path))?;
            if entry.merged {
                return Err(Reason::Merged.at(path));
            }
            if found.next().is_some() {
                return Err(Reason::Twice.at(path));
            }
            let after = self.after_key(&entry.key_span, path)?;
            let behind = Site::Key(self.lines.column(entry.key_span.start));
            self.visit(entry.value, below, Spot { after, behind }, path)?;
            path.pop();
        }
        Ok(())
    }

    /// The same for a sequence, whose items stay.
    fn items(&mut self, id: Id, plan: &Plan<'_>, path: &mut Vec<Seg>) -> Done {
        let dashes = self.dashes(id, path)?;
        for (seg, below) in &plan.below {
            path.push((*seg).clone());
            let Seg::Index(index) = seg else { return Err(Reason::Kind.at(path)) };
            let found = dashes.get(*index).zip(self.tree.items(id).get(*index));
            let (dash, item) = found.ok_or_else(|| Reason::Missing.at(path))?;
            let behind = Site::Dash(self.lines.column(*dash));
            self.visit(*item, below, Spot { after: dash + 1, behind }, path)?;
            path.pop();
        }
        Ok(())
    }

    /// Where the dashes of a sequence stand, found once for all ops on a text.
    fn dashes(&self, id: Id, path: &[Seg]) -> Result<Rc<[usize]>, super::Refused> {
        let mut known = self.dashes.borrow_mut();
        let found =
            known.entry(id).or_insert_with(|| self.lines.dashes(self.tree, id).map(Rc::from));
        found.clone().ok_or_else(|| {
            Reason::Form("the items do not stand behind dashes of one column").at(path)
        })
    }

    /// The byte behind a key's colon.
    fn after_key(&self, key: &Range<usize>, path: &[Seg]) -> Result<usize, super::Refused> {
        let after = self.lines.colon(key.end);
        if after == key.end || self.lines.before(key.start).contains('?') {
            return Err(Reason::Form("a key behind `?` is not edited").at(path));
        }
        Ok(after)
    }

    /// The collection's own children with their lines.
    fn children(&self, id: Id, path: &[Seg]) -> Result<Vec<Child>, super::Refused> {
        let tree = self.tree;
        let mut children = Vec::new();
        let mut add = |start: usize, after: usize, id: Id, seg: Seg| {
            let end = self.lines.value_end(tree, id, after);
            let first = self.lines.of(start);
            children.push(Child {
                start,
                after,
                id,
                seg,
                first,
                last: self.lines.of(end).max(first),
            });
        };
        match tree.value(id) {
            Value::Map(entries) => {
                for entry in entries.iter().filter(|entry| !entry.merged) {
                    let after = self.after_key(&entry.key_span, path)?;
                    add(entry.key_span.start, after, entry.value, Seg::Key(entry.key.clone()));
                }
            }
            _ => {
                let dashes = self.dashes(id, path)?;
                for (index, (dash, id)) in dashes.iter().zip(tree.items(id)).enumerate() {
                    add(*dash, dash + 1, *id, Seg::Index(index));
                }
            }
        }
        Ok(children)
    }

    /// Refuses what names no child, or one that stands elsewhere.
    fn known(&self, id: Id, plan: &Plan<'_>, children: &[Child], path: &mut Vec<Seg>) -> Done {
        for seg in plan.below.keys() {
            let reason = match (seg, self.tree.value(id)) {
                (Seg::Key(key), Value::Map(_)) => {
                    match children.iter().filter(|child| child.seg == **seg).take(2).count() {
                        0 if self.tree.get(id, key).is_some() => Some(Reason::Merged),
                        0 => Some(Reason::Missing),
                        1 => None,
                        _ => Some(Reason::Twice),
                    }
                }
                (Seg::Index(index), Value::Seq(items)) => {
                    (*index >= items.len()).then_some(Reason::Missing)
                }
                _ => Some(Reason::Kind),
            };
            if let Some(reason) = reason {
                path.push((*seg).clone());
                return Err(reason.at(path));
            }
        }
        Ok(())
    }

    /// Takes away some children, not all of them.
    fn remove(&mut self, id: Id, children: &[Child], goes: &[bool], path: &[Seg]) -> Done {
        let mut from = 0;
        let inline = |child: &Child| !self.lines.is_first(child.start);
        if let Some(first) = children.first()
            && goes.first() == Some(&true)
            && inline(first)
        {
            // The dash before it stays, for the next one.
            let next = goes
                .iter()
                .position(|goes| !goes)
                .and_then(|next| Some((next, children.get(next)?)));
            let Some((nth, next)) = next.filter(|_| !self.tree.has_hidden(id)) else {
                return Err(Reason::Form("only a merge key would be left behind the dash").at(path));
            };
            let last = children[nth - 1].last;
            let end = if next.first == last + 1 { next.start } else { self.lines.end(last) };
            let start = if next.first == last + 1 {
                first.start
            } else {
                let before = self.lines.before(first.start).trim_end_matches(' ').len();
                self.lines.start(first.first) + before
            };
            self.cut(start..end, "");
            from = nth;
        }
        for (child, goes) in children.iter().zip(goes).skip(from) {
            if *goes {
                let column = self.lines.column(child.start);
                let last = self.lines.inside(child.last, column);
                self.drop_lines(child.first, last);
            }
        }
        Ok(())
    }

    fn add(&mut self, id: Id, children: &[Child], op: &Op, path: &[Seg]) -> Done {
        let count = children.len();
        let start = self.tree.span(id).start;
        let column = self.lines.column(start);
        let layout = self.layout;
        let is_map = matches!(self.tree.value(id), Value::Map(_));
        match op {
            Op::Insert { key, value, place, .. } if is_map => {
                if self.tree.get(id, key).is_some() {
                    return Err(Reason::Exists.at(path));
                }
                let keys = || {
                    let key = |child: &Child| match &child.seg {
                        Seg::Key(key) => key.clone(),
                        Seg::Index(_) => String::new(),
                    };
                    children.iter().map(key).collect::<Vec<_>>()
                };
                let keys = keys();
                let at = slot(place, || keys.iter().map(String::as_str).collect());
                let spread = self.spread(children, value);
                let lines = render::entry(key, value, column, spread.unwrap_or(layout));
                let place = match place {
                    _ if at == count => Where::End,
                    Place::After(_) => Where::Behind(at - 1),
                    _ => Where::Ahead(at),
                };
                self.put(id, children, place, lines);
                Ok(())
            }
            Op::Push { index, value, .. } if !is_map => {
                if *index > count {
                    return Err(Reason::Missing.at(path));
                }
                let mut layout = layout;
                if let Some(child) = children.first() {
                    let gap = self.lines.text[child.after..]
                        .bytes()
                        .take_while(|byte| *byte == b' ')
                        .count();
                    if gap > 0 {
                        layout.gap = gap + 1;
                    }
                }
                let lines = render::item(value, column, layout);
                let place = if *index == count { Where::End } else { Where::Ahead(*index) };
                self.put(id, children, place, lines);
                Ok(())
            }
            Op::Move { from, to, .. } if !is_map => {
                if *from >= count || *to > count {
                    return Err(Reason::Missing.at(path));
                }
                self.shift(id, children, *from, *to, path)
            }
            Op::Wrap { from, to, keys, beside, .. } if !is_map => {
                self.wrap(children, (*from, *to), keys, beside, path)
            }
            _ => Err(Reason::Kind.at(path)),
        }
    }

    /// Puts items deeper, below keys of a new item.
    fn wrap(
        &mut self,
        children: &[Child],
        (from, to): (usize, usize),
        keys: &[&'static str],
        beside: &[(&'static str, Plain)],
        path: &[Seg],
    ) -> Done {
        let (Some(first), Some(last)) =
            (children.get(from), to.checked_sub(1).and_then(|last| children.get(last)))
        else {
            return Err(Reason::Missing.at(path));
        };
        if !self.lines.is_first(first.start) {
            return Err(Reason::Form("an item behind another dash is not wrapped").at(path));
        }
        let column = self.lines.column(first.start);
        let top = self.top(children, from);
        let foot = self.lines.inside(last.last, column);
        let (step, dash) = (self.layout.step, self.layout.dash);
        let mut head = Vec::new();
        let mut inner = column + self.layout.gap;
        for (depth, key) in keys.iter().enumerate() {
            if depth + 1 == keys.len() {
                for (key, value) in beside {
                    head.extend(render::entry(key, value, inner, self.layout));
                }
            }
            head.push(format!("{}{}:", " ".repeat(inner), render::key(key)));
            if depth + 1 < keys.len() {
                inner += step;
            }
        }
        if let Some(line) = head.first_mut() {
            line.replace_range(column..=column, "-");
        }
        let deeper = " ".repeat(inner + dash - column);
        self.put_lines(top, &head);
        for line in top..=foot {
            if !self.lines.line(line).is_empty() {
                let start = self.lines.start(line);
                self.cut(start..start, deeper.clone());
            }
        }
        Ok(())
    }

    /// The layout of a sibling, where it is not the file's.
    fn spread(
        &self,
        children: &[Child],
        _value: &crate::pipeline::yaml::Plain,
    ) -> Option<render::Layout> {
        let child = children.iter().find(|child| {
            matches!(self.tree.value(child.id), Value::Map(entries) if !entries.is_empty())
                && !self.tree.is_alias(child.id)
                && self.tree.style(child.id) == crate::pipeline::yaml::Style::Block
                && matches!(child.seg, Seg::Key(_))
        })?;
        let below = self.lines.column(self.tree.span(child.id).start);
        let step = below.checked_sub(self.lines.column(child.start)).filter(|step| *step > 0)?;
        Some(render::Layout { step, ..self.layout })
    }

    /// Whether a blank line parts a child from the next one.
    fn is_parted(&self, before: &Child, after: &Child) -> bool {
        (before.last + 1..after.first).any(|line| self.lines.is_blank(line))
    }

    /// Whether blank lines part the children.
    fn is_spaced(&self, children: &[Child]) -> bool {
        children.len() > 1 && children.windows(2).all(|pair| self.is_parted(&pair[0], &pair[1]))
    }

    /// Whether a blank line is to part something new from its neighbours: where all
    /// are parted, and at the top of a file, where `name` and `on` often stand close,
    /// as it is at the place itself.
    fn is_loose(&self, children: &[Child], place: Where) -> bool {
        let top = children.iter().all(|child| self.lines.column(child.start) == 0);
        let parted = |pair: &[Child]| self.is_parted(&pair[0], &pair[1]);
        let near = match place {
            _ if !top => None,
            Where::Ahead(nth) => nth.checked_sub(1).and_then(|from| children.get(from..=nth)),
            Where::Behind(nth) => children.get(nth..=nth + 1),
            Where::End => {
                let count = children.windows(2).filter(|pair| parted(pair)).count();
                return self.is_spaced(children) || (top && count * 2 > children.len());
            }
        };
        near.map_or_else(|| self.is_spaced(children), parted)
    }

    /// The first line of a child with the comments that belong to it.
    fn top(&self, children: &[Child], nth: usize) -> usize {
        let child = &children[nth];
        let column = self.lines.column(child.start);
        let floor = match nth.checked_sub(1) {
            Some(before) => children[before].last + 1,
            None => {
                // The comments at the top of a file are about the file.
                let mut floor = child.first;
                while floor > 0 && self.lines.is_comment(floor - 1) {
                    floor -= 1;
                }
                if column == 0 && floor == 0 { child.first } else { floor }
            }
        };
        self.lines.attached(child.first, floor, column)
    }

    /// The line behind the collection, where something new goes at its end.
    fn foot(&self, id: Id, children: &[Child]) -> usize {
        let after = children.first().map_or(self.tree.span(id).end, |child| child.after);
        let end = self.lines.value_end(self.tree, id, after);
        let last = self.lines.of(end);
        let column = self.lines.column(self.tree.span(id).start);
        // Comments below belong to it where they are indented like it and nothing
        // that follows is.
        let next = self.lines.content(last + 1).map(|line| self.lines.indent(line));
        let mut foot = self.lines.inside(last, column);
        while foot + 1 < self.lines.count()
            && self.lines.is_comment(foot + 1)
            && self.lines.indent(foot + 1) >= column
            && next.is_none_or(|next| self.lines.indent(foot + 1) > next)
            && (column > 0 || next.is_some())
        {
            foot += 1;
        }
        foot + 1
    }

    /// Puts the lines of a new child in.
    fn put(&mut self, id: Id, children: &[Child], place: Where, mut lines: Vec<String>) {
        let spaced = self.is_loose(children, place);
        match place {
            Where::End => {
                if spaced {
                    lines.insert(0, String::new());
                }
                let foot = self.foot(id, children);
                self.put_lines(foot, &lines);
            }
            Where::Behind(nth) => {
                if spaced {
                    lines.insert(0, String::new());
                }
                let column = self.lines.column(children[nth].start);
                let last = self.lines.inside(children[nth].last, column);
                self.put_lines(last + 1, &lines);
            }
            Where::Ahead(nth) => {
                let child = &children[nth];
                let start = if nth == 0 { self.tree.span(id).start } else { child.start };
                if self.lines.is_first(start) {
                    if spaced {
                        lines.push(String::new());
                    }
                    let top = self.top(children, nth);
                    self.put_lines(top, &lines);
                } else {
                    // Behind a dash: the dash is for the new one now.
                    let line = self.lines.of(start);
                    let column = self.lines.column(start);
                    let ending = self.lines.ending(line);
                    let mut text = lines.join(ending).trim_start().to_owned();
                    text.push_str(ending);
                    text.push_str(&" ".repeat(column));
                    self.cut(start..start, text);
                }
            }
        }
    }

    /// Moves an item with its comments.
    fn shift(&mut self, id: Id, children: &[Child], from: usize, to: usize, path: &[Seg]) -> Done {
        if to == from || to == from + 1 {
            return Ok(());
        }
        let ends_inline = [Some(from), (to < children.len()).then_some(to)]
            .into_iter()
            .flatten()
            .any(|nth| !self.lines.is_first(children[nth].start));
        if ends_inline {
            return Err(Reason::Form("an item behind another dash is not moved").at(path));
        }
        let place = children.get(to).map_or(usize::MAX, |child| child.start);
        self.may_move(children[from].id, place, path)?;
        let column = self.lines.column(children[from].start);
        let top = self.top(children, from);
        let last = self.lines.inside(children[from].last, column);
        let text = |first: usize, last: usize| -> Vec<String> {
            (first..=last).map(|line| self.lines.line(line).to_owned()).collect()
        };
        let mut moved = text(top, last);
        // Blank lines that part items move along.
        let (mut first_gone, mut last_gone) = (top, last);
        if self.is_spaced(children) {
            if from > 0 {
                while first_gone > children[from - 1].last + 1
                    && self.lines.is_blank(first_gone - 1)
                {
                    first_gone -= 1;
                }
            } else {
                while last_gone + 1 < children[1].first && self.lines.is_blank(last_gone + 1) {
                    last_gone += 1;
                }
            }
            let gap = (top - first_gone).max(last_gone - last);
            for _ in 0..gap {
                if to == children.len() {
                    moved.insert(0, String::new());
                } else {
                    moved.push(String::new());
                }
            }
        }
        self.drop_lines(first_gone, last_gone);
        let line =
            if to == children.len() { self.foot(id, children) } else { self.top(children, to) };
        self.put_lines(line, &moved);
        Ok(())
    }
}

impl From<Site> for Option<Behind> {
    fn from(site: Site) -> Self {
        match site {
            Site::Key(column) => Some(Behind::Key(column)),
            Site::Dash(column) => Some(Behind::Dash(column)),
            Site::Root | Site::Flow { .. } => None,
        }
    }
}
