//! Edits made on the text: whole lines or stretches of a line are spliced, every
//! other byte stays.
//!
//! Ops become cuts of the text as it is, found by walking the tree; at the end
//! all cuts are made at once. Nothing is written back from the tree, so comments,
//! anchors, quoting and line ends stay without anybody caring for them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use super::lines::Lines;
use super::plan::Plan;
use super::render::Layout;
use super::{Op, Reason, Refused};
use crate::pipeline::graph::Seg;
use crate::pipeline::yaml::{Id, Style, Tree, Value, parse};

/// One stretch of text that gives way to another.
#[derive(Debug)]
struct Cut {
    range: Range<usize>,
    text: String,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// The byte behind its key's colon or its dash.
    pub after: usize,
    /// Behind what.
    pub behind: Site,
}

/// Behind what a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    /// It is the document.
    Root,
    /// A key at this column.
    Key(usize),
    /// A dash at this column.
    Dash(usize),
    /// Within brackets or braces.
    Flow {
        /// Whether it has a colon or needs none; else one has to come before it.
        colon: bool,
    },
}

/// What a splice knows and gathers.
pub(super) struct Splice<'a> {
    pub lines: Lines<'a>,
    pub tree: &'a Tree,
    pub layout: Layout,
    /// Of the sequences that were looked at; `None` of those that are not edited.
    pub dashes: &'a RefCell<HashMap<Id, Option<Rc<[usize]>>>>,
    cuts: Vec<Cut>,
}

pub(super) type Done = Result<(), Refused>;

/// A text that ops are made on.
#[derive(Debug)]
pub struct Text<'a> {
    tree: &'a Tree,
    /// With a line end at the end, all lines are alike; what was added goes again.
    whole: Cow<'a, str>,
    starts: Vec<usize>,
    ended: bool,
    layout: Layout,
    /// Whether blank lines below a block scalar may be part of it.
    blanks: bool,
    /// Where the items of sequences stand: dear to find where there are thousands.
    dashes: RefCell<HashMap<Id, Option<Rc<[usize]>>>>,
}

/// A text after ops, and where its lines come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spliced {
    /// The text.
    pub text: String,
    /// For each of its lines, the line it was, or before which it was put; from 0.
    pub origin: Vec<u32>,
}

/// The text after these ops, addressed as [`super::intend`] says. `tree` is of `text`.
///
/// # Errors
/// As of `intend`; moreover where an anchor, an alias or a merge key would make the
/// change reach elsewhere, and where the text is written in a form that is not edited.
pub fn splice(text: &str, tree: &Tree, ops: &[Op]) -> Result<String, Refused> {
    if ops.is_empty() {
        return Ok(text.to_owned());
    }
    Ok(Text::new(text, tree).splice(ops)?.text)
}

impl<'a> Text<'a> {
    /// Looks at a text, of which `tree` is the tree.
    pub fn new(text: &'a str, tree: &'a Tree) -> Self {
        let ended = text.ends_with('\n') || tree.root().is_none();
        let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let whole = if ended { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}{ending}")) };
        let starts = Lines::starts(&whole);
        let layout = layout(&Lines::with(&whole, &starts), tree);
        let blanks = keeps_blanks(&whole);
        Text { tree, whole, starts, ended, layout, blanks, dashes: RefCell::default() }
    }

    /// The text after these ops.
    ///
    /// # Errors
    /// As of [`splice`].
    pub fn splice(&self, ops: &[Op]) -> Result<Spliced, Refused> {
        let mut spliced = join(&self.whole, self.cuts(ops)?)?;
        if !self.ended {
            let text = &mut spliced.text;
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        if self.blanks {
            self.verify(&spliced.text, ops)?;
        }
        Ok(spliced)
    }

    /// Whether these ops can be made, without making them where that can be told so:
    /// cheap enough to be asked for every finding of a large file.
    pub fn takes(&self, ops: &[Op]) -> bool {
        if ops.is_empty() {
            return true;
        }
        if self.blanks {
            return self.splice(ops).is_ok();
        }
        self.cuts(ops).is_ok_and(|mut cuts| {
            sort(&mut cuts);
            let mut at = 0;
            cuts.iter().all(|cut| {
                let kept = self.whole.get(at..cut.range.start).is_some();
                at = cut.range.end;
                kept
            }) && self.whole.get(at..).is_some()
        })
    }

    /// Where a block scalar keeps the blank lines below it (`|+`), lines that go
    /// further down may change it: there, the result is read again.
    fn verify(&self, after: &str, ops: &[Op]) -> Result<(), Refused> {
        let changes = || Reason::Form("blank lines that a text keeps would change it").at(&[]);
        let Some(root) = self.tree.root() else { return Ok(()) };
        let intended = super::intend(&self.tree.plain(root), ops)?;
        let again = parse(after).map_err(|_| changes())?;
        let same = again.root().is_some_and(|root| super::same(&again.plain(root), &intended));
        if same { Ok(()) } else { Err(changes()) }
    }

    /// Which stretches of the text ops would replace; an empty one is an insertion.
    ///
    /// # Errors
    /// As of [`splice`].
    pub fn stretches(&self, ops: &[Op]) -> Result<Vec<Range<usize>>, Refused> {
        Ok(self.cuts(ops)?.into_iter().map(|cut| cut.range).collect())
    }

    fn cuts(&self, ops: &[Op]) -> Result<Vec<Cut>, Refused> {
        let Some(root) = self.tree.root() else { return bytes(&self.whole, ops) };
        let plan = Plan::of(ops)?;
        let mut splice = Splice {
            lines: Lines::with(&self.whole, &self.starts),
            tree: self.tree,
            layout: self.layout,
            dashes: &self.dashes,
            cuts: Vec::new(),
        };
        let spot = Spot { after: self.tree.span(root).start, behind: Site::Root };
        splice.visit(root, &plan, spot, &mut Vec::new())?;
        Ok(splice.cuts)
    }
}

/// Whether a text may hold a block scalar that keeps the blank lines below it.
fn keeps_blanks(text: &str) -> bool {
    memchr::memchr_iter(b'+', text.as_bytes()).any(|plus| {
        let before = text[..plus].trim_end_matches(|c: char| c.is_ascii_digit());
        let behind = text[plus + 1..].trim_start_matches(|c: char| c.is_ascii_digit());
        before.ends_with(['|', '>']) && behind.starts_with([' ', '\t', '\r', '\n'])
    })
}

/// Bytes of a file without a tree.
fn bytes(text: &str, ops: &[Op]) -> Result<Vec<Cut>, Refused> {
    let mut cuts = Vec::new();
    for op in ops {
        let Op::Splice { span, text: new } = op else {
            return Err(Reason::Missing.at(op.path()));
        };
        let range = span.range();
        if span.file != 0 || range.start > range.end || text.get(range.clone()).is_none() {
            return Err(Reason::Missing.at(&[]));
        }
        cuts.push(Cut { range, text: new.clone() });
    }
    Ok(cuts)
}

/// Those at one place stay in order, before what goes from there.
fn sort(cuts: &mut [Cut]) {
    cuts.sort_by_key(|cut| (cut.range.start, !cut.range.is_empty()));
}

/// Makes all cuts; those at one place in order, and before what goes from there.
fn join(text: &str, mut cuts: Vec<Cut>) -> Result<Spliced, Refused> {
    sort(&mut cuts);
    let added = cuts.iter().map(|cut| cut.text.len()).sum::<usize>();
    let mut out = String::with_capacity(text.len() + added);
    let mut origin = vec![0];
    let mut line = 0;
    let count = |text: &str| u32::try_from(memchr::memchr_iter(b'\n', text.as_bytes()).count());
    let mut at = 0;
    let end = Cut { range: text.len()..text.len(), text: String::new() };
    for cut in cuts.into_iter().chain([end]) {
        let kept = text.get(at..cut.range.start).ok_or_else(|| Reason::Overlap.at(&[]))?;
        for _ in 0..count(kept).unwrap_or(0) {
            line += 1;
            origin.push(line);
        }
        origin.extend(std::iter::repeat_n(line, count(&cut.text).unwrap_or(0) as usize));
        line += text.get(cut.range.clone()).map_or(0, |gone| count(gone).unwrap_or(0));
        out.push_str(kept);
        out.push_str(&cut.text);
        if let Some(last) = origin.last_mut()
            && (out.is_empty() || out.ends_with('\n'))
        {
            *last = line;
        }
        at = cut.range.end;
    }
    Ok(Spliced { text: out, origin })
}

/// How a file lays out its blocks, by what most of it does.
fn layout(lines: &Lines<'_>, tree: &Tree) -> Layout {
    let mut votes: [[u32; 9]; 3] = [[0; 9]; 3];
    let mut vote = |which: usize, columns: usize| {
        if let Some(count) = votes[which].get_mut(columns) {
            *count += 1;
        }
    };
    let bytes = lines.text.as_bytes();
    tree.each_entry(&mut |entry| {
        let id = entry.value;
        if tree.is_alias(id) || tree.style(id) != Style::Block || entry.merged {
            return;
        }
        let start = tree.span(id).start;
        let own = lines.column(entry.key_span.start);
        let Some(below) = lines.column(start).checked_sub(own) else { return };
        match tree.value(id) {
            Value::Map(entries) if !entries.is_empty() && below > 0 => vote(0, below),
            Value::Seq(items) if !items.is_empty() => {
                vote(1, below);
                let gap = bytes[start + 1..].iter().take_while(|byte| **byte == b' ').count();
                let inline = bytes
                    .get(start + 1 + gap)
                    .is_some_and(|byte| !matches!(byte, b'\r' | b'\n' | b'#'));
                if inline {
                    vote(2, gap + 1);
                }
            }
            _ => {}
        }
    });
    let most = |which: usize, fallback: usize| {
        let best = votes[which].iter().enumerate().rev().max_by_key(|(_, count)| **count);
        best.filter(|(_, count)| **count > 0).map_or(fallback, |(columns, _)| columns)
    };
    let step = most(0, 2).max(1);
    Layout { step, dash: most(1, step.min(2)), gap: most(2, 2).max(2) }
}

impl Splice<'_> {
    /// Replaces a stretch of text.
    pub(super) fn cut(&mut self, range: Range<usize>, text: impl Into<String>) {
        let text = text.into();
        if !range.is_empty() || !text.is_empty() {
            self.cuts.push(Cut { range, text });
        }
    }

    /// Puts whole lines before a line.
    pub(super) fn put_lines(&mut self, line: usize, new: &[String]) {
        if new.is_empty() {
            return;
        }
        // Below a block scalar, a line of blanks alone would become part of it.
        let line = if line == 0 { 0 } else { self.lines.ragged(line - 1) + 1 };
        let ending = self.lines.ending(line.saturating_sub(1));
        let text: String = new.iter().flat_map(|line| [line.as_str(), ending]).collect();
        let at = self.lines.start(line);
        self.cut(at..at, text);
    }

    /// Takes whole lines away, the last one included.
    pub(super) fn drop_lines(&mut self, first: usize, last: usize) {
        if first <= last {
            self.cut(self.lines.start(first)..self.lines.start(last + 1), "");
        }
    }

    /// Does what is planned at and below a node.
    pub(super) fn visit(
        &mut self,
        id: Id,
        plan: &Plan<'_>,
        spot: Spot,
        path: &mut Vec<Seg>,
    ) -> Done {
        if plan.is_empty() {
            return Ok(());
        }
        let tree = self.tree;
        if let Some(Op::Replace { value, .. }) = plan.own {
            self.must_own(id, path)?;
            return self.replace(id, spot, value, path);
        }
        if tree.is_alias(id) {
            return Err(Reason::Alias.at(path));
        }
        if tree.is_aliased(id) {
            return Err(Reason::Shared.at(path));
        }
        match plan.own {
            Some(Op::Text { find, replace, .. }) => self.text(id, spot, find, replace, path),
            Some(Op::Remark { find, replace, remark, .. }) => {
                self.text(id, spot, find, replace, path)?;
                self.remark(id, remark);
                Ok(())
            }
            Some(op) => Err(Reason::Kind.at(op.path())),
            None => self.container(id, plan, spot, path),
        }
    }

    fn container(&mut self, id: Id, plan: &Plan<'_>, spot: Spot, path: &mut Vec<Seg>) -> Done {
        let tree = self.tree;
        let in_flow = matches!(spot.behind, Site::Flow { .. });
        let empty = match tree.value(id) {
            Value::Scalar { .. } if tree.is_null(id) => plan.below.is_empty(),
            Value::Scalar { .. } => {
                let reason = if plan.below.is_empty() { Reason::Kind } else { Reason::Missing };
                return Err(reason.at(path));
            }
            Value::Map(entries) => entries.is_empty() && !tree.has_hidden(id),
            Value::Seq(items) => items.is_empty(),
        };
        if empty {
            // There is no style to follow: it is written anew.
            let value = super::tree::applied(&tree.plain(id), plan, path)?;
            return self.replace(id, spot, &value, path);
        }
        match (tree.value(id), tree.style(id)) {
            (Value::Scalar { .. }, _) => Err(Reason::Missing.at(path)),
            (_, Style::Flow) => self.flow(id, plan, path),
            _ if in_flow => {
                Err(Reason::Form("a pair in brackets without braces is not edited").at(path))
            }
            _ => self.block(id, plan, spot, path),
        }
    }

    /// Refuses where a node would come before an anchor that it uses, or takes one
    /// along that is used elsewhere.
    pub(super) fn may_move(&self, id: Id, to: usize, path: &[Seg]) -> Done {
        self.must_own(id, path)?;
        let (tree, span) = (self.tree, self.tree.span(id));
        let within = |at: usize| at >= span.start && at < span.end.max(span.start + 1);
        let early = tree.aliases().iter().any(|(at, target)| {
            let anchor = tree.span(*target).start;
            within(at.start) && !within(anchor) && anchor >= to
        });
        if early || tree.is_aliased(id) { Err(Reason::Shared.at(path)) } else { Ok(()) }
    }

    /// Refuses where what would go with a node is used elsewhere.
    pub(super) fn must_own(&self, id: Id, path: &[Seg]) -> Done {
        let tree = self.tree;
        if tree.is_alias(id) {
            return Ok(());
        }
        let span = tree.span(id);
        let within = |at: usize| at >= span.start && at < span.end;
        let lost = tree.aliases().iter().any(|(at, target)| {
            (*target == id || within(tree.span(*target).start)) && !within(at.start)
        });
        if lost { Err(Reason::Shared.at(path)) } else { Ok(()) }
    }
}
