//! A place in the syntax tree as operators see it, and where their changes go.

use std::borrow::Cow;
use std::ops::Range;

use bstr::ByteSlice as _;
use tree_sitter::Node;

use super::Mutant;
use crate::code::Lines;
use crate::code::language::Language;
use crate::code::parse::Parsed;

/// A change over more lines than this counts for its first line only.
const MOST_LINES: usize = 10;
/// Longest change in words, in characters, and of each side of it.
const MOST_CHANGE: usize = 120;
const MOST_SIDE: usize = 44;

/// A node on the way from the root.
pub(super) struct Step<'a> {
    pub node: Node<'a>,
    /// What it is to its parent.
    pub field: Option<&'static str>,
    /// Whether an attribute that stands before the next child makes it a test.
    pub is_test_next: bool,
}

impl<'a> Step<'a> {
    pub fn new(node: Node<'a>, field: Option<&'static str>) -> Self {
        Step { node, field, is_test_next: false }
    }
}

/// A node with what stands around it.
pub(super) struct Site<'w, 'a> {
    pub parsed: &'a Parsed<'a>,
    /// From the root to the node.
    pub path: &'w [Step<'a>],
}

impl<'w, 'a> Site<'w, 'a> {
    /// The node itself. A path is never empty.
    pub fn node(&self) -> Node<'a> {
        self.path.last().map_or_else(|| self.parsed.tree.root_node(), |step| step.node)
    }

    pub fn kind(&self) -> &'static str {
        self.node().kind()
    }

    pub fn language(&self) -> Language {
        self.parsed.language
    }

    /// What the node is to its parent.
    pub fn field(&self) -> Option<&'static str> {
        self.path.last()?.field
    }

    /// Those around the node, the nearest first.
    pub fn above(&self) -> impl Iterator<Item = &'w Step<'a>> {
        self.path.iter().rev().skip(1)
    }

    pub fn parent(&self) -> Option<Node<'a>> {
        self.above().next().map(|step| step.node)
    }

    pub fn parent_kind(&self) -> &'static str {
        self.parent().map_or("", |node| node.kind())
    }

    /// The place of the node around.
    pub fn up(&self) -> Option<Site<'w, 'a>> {
        let path = self.path.get(..self.path.len().checked_sub(1)?)?;
        (!path.is_empty()).then_some(Site { parsed: self.parsed, path })
    }

    /// The source of a node; empty if it is no UTF-8.
    pub fn text(&self, node: Node<'_>) -> &'a str {
        let bytes = self.parsed.text.get(node.byte_range()).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The source of bytes; empty if it is no UTF-8.
    pub fn slice(&self, bytes: Range<usize>) -> &'a str {
        std::str::from_utf8(self.parsed.text.get(bytes).unwrap_or_default()).unwrap_or_default()
    }

    /// Whether the language is written like JavaScript.
    pub fn is_script(&self) -> bool {
        self.language().is_kin(Language::JavaScript)
    }

    /// A statement that is never run, where the language wants what it names to
    /// be used.
    pub fn never(&self, statement: &str) -> String {
        match self.language() {
            Language::Rust | Language::Go => format!("if false {{ {statement} }}"),
            Language::Java => format!("if (false) {{ {statement} }}"),
            Language::Python => "pass".to_owned(),
            Language::Ruby => "nil".to_owned(),
            _ => ";".to_owned(),
        }
    }
}

/// The operator's token of a node, if it has one.
pub(super) fn operator_of(node: Node<'_>) -> Option<Node<'_>> {
    node.child_by_field_name("operator")
}

/// The first child that is no comment and no token.
pub(super) fn first_named(node: Node<'_>) -> Option<Node<'_>> {
    named(node).into_iter().next()
}

/// The children that are no comments and no tokens.
pub(super) fn named(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !is_comment(child.kind())).collect()
}

/// What stands inside of parentheses, however many.
pub(super) fn bare(node: Node<'_>) -> Node<'_> {
    let mut inner = node;
    while matches!(inner.kind(), "parenthesized_expression" | "parenthesized_statements") {
        match first_named(inner) {
            Some(child) => inner = child,
            None => break,
        }
    }
    inner
}

pub(super) fn is_comment(kind: &str) -> bool {
    kind.ends_with("comment")
}

/// Whether two sources differ in their white space only.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    plain(a) == plain(b)
}

/// Which lines are wanted.
pub(super) struct Wanted {
    /// For each line, how many before it are.
    before: Vec<u32>,
}

impl Wanted {
    pub fn new(text: &[u8], wanted: &dyn Fn(u32) -> bool) -> Self {
        let count = u32::try_from(Lines::new(text).len()).unwrap_or(u32::MAX - 1);
        let mut before = Vec::with_capacity(count as usize + 1);
        let mut sum = 0;
        before.push(0);
        for line in 1..=count {
            sum += u32::from(wanted(line));
            before.push(sum);
        }
        Wanted { before }
    }

    fn sum(&self, row: usize) -> u32 {
        self.before.get(row).or(self.before.last()).copied().unwrap_or(0)
    }

    /// Whether any of the rows, from 0, is; the last one counts.
    pub fn any(&self, first: usize, last: usize) -> bool {
        self.sum(last + 1) > self.sum(first)
    }

    /// The first line, from 1, of the rows that is.
    pub fn first(&self, first: usize, last: usize) -> Option<u32> {
        if !self.any(first, last) {
            return None;
        }
        let row = self.before.partition_point(|sum| *sum <= self.sum(first));
        u32::try_from(row).ok()
    }
}

/// A mutant with its place in the order.
pub(super) struct Draft {
    rank: usize,
    pub mutant: Mutant,
}

impl Draft {
    pub fn order(&self) -> impl Ord + '_ {
        let Mutant { line, bytes, replacement, .. } = &self.mutant;
        (*line, self.rank, bytes.start, bytes.end, replacement)
    }
}

/// Where the changes go.
pub(super) struct Sink<'w> {
    text: &'w [u8],
    wanted: &'w Wanted,
    /// Of the operator that speaks.
    pub rank: usize,
    pub drafts: Vec<Draft>,
}

impl<'w> Sink<'w> {
    pub fn new(text: &'w [u8], wanted: &'w Wanted) -> Self {
        Sink { text, wanted, rank: 0, drafts: Vec::new() }
    }

    /// Takes a change of `bytes` that is to be seen in `shown`: "`shown` became …".
    pub fn became(
        &mut self,
        operator: &'static str,
        shown: Node<'_>,
        bytes: Range<usize>,
        replacement: String,
    ) {
        let (from, to) = (shown.start_byte(), shown.end_byte());
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default().to_str_lossy();
        let after = [
            &*part(from..bytes.start.max(from)),
            replacement.as_str(),
            &*part(bytes.end.min(to)..to),
        ]
        .concat();
        let (before, after) = sides(&part(from..to), &after);
        let change = format!("`{before}` became `{after}`");
        self.add(operator, shown, bytes, replacement, change);
    }

    /// Takes a change in the place of a node.
    pub fn replace(&mut self, operator: &'static str, node: Node<'_>, replacement: String) {
        self.became(operator, node, node.byte_range(), replacement);
    }

    /// Takes a change that is told in other words. It stands on a wanted line of
    /// the node.
    pub fn add(
        &mut self,
        operator: &'static str,
        node: Node<'_>,
        bytes: Range<usize>,
        replacement: String,
        change: String,
    ) {
        let (first, last) = (node.start_position().row, node.end_position().row);
        let last = if last - first > MOST_LINES { first } else { last };
        self.add_within(operator, first..last + 1, bytes, replacement, change);
    }

    /// Takes a change that counts for the first wanted one of the rows, from 0.
    pub fn add_within(
        &mut self,
        operator: &'static str,
        rows: Range<usize>,
        bytes: Range<usize>,
        replacement: String,
        change: String,
    ) {
        let last = rows.end.saturating_sub(1).max(rows.start);
        let Some(line) = self.wanted.first(rows.start, last) else { return };
        let change = clipped(&change, MOST_CHANGE).into_owned();
        let mutant = Mutant { line, operator, bytes, replacement, change };
        self.drafts.push(Draft { rank: self.rank, mutant });
    }
}

/// A source on one line, and short.
pub(super) fn shown(source: &str) -> String {
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    clipped(&line, 2 * MOST_SIDE).into_owned()
}

/// Both sides of a change on one line, short, and so that the change is seen.
fn sides(before: &str, after: &str) -> (String, String) {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, after) = (line(before), line(after));
    let same = before.chars().zip(after.chars()).take_while(|(a, b)| a == b).count();
    // Without what both begin with, but for some of it.
    let cut = |text: &str| match same.saturating_sub(MOST_SIDE / 2) {
        skip if skip > 0 && text.chars().count() > MOST_SIDE => {
            let rest: String = text.chars().skip(skip).collect();
            clipped(&format!("…{rest}"), MOST_SIDE).into_owned()
        }
        _ => clipped(text, MOST_SIDE).into_owned(),
    };
    (cut(&before), cut(&after))
}

fn clipped(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.chars().take(most - 1).chain(['…']).collect()),
    }
}
