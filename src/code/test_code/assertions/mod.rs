//! Assertions: what they look at, and what is left of them when they are taken
//! out.

use std::collections::HashSet;
use std::ops::Range;

use tree_sitter::Node;

use super::source::{Code, Reading, line_of, walk};
use crate::code::definitions::Definition;
use crate::code::language::Language;

mod go;
mod java;
mod php;
mod python;
mod ruby;
mod rust;
mod script;

/// What an assertion says of its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The operand is true.
    Truth,
    /// The operand is false.
    Falsehood,
    /// The first two operands are alike, or stand in an order.
    Compare,
    /// The operand fails.
    Raises,
    /// Whoever comes here fails.
    Fails,
    /// A mock was called.
    Calls,
    /// Something else.
    Other,
}

/// A place where a test fails unless what it looks at is as it should be.
#[derive(Debug, Clone)]
pub(super) struct Assertion {
    pub range: Range<usize>,
    pub line: u32,
    pub shape: Shape,
    /// What it looks at, without messages.
    pub operands: Vec<Range<usize>>,
    /// How it is taken out; or why it cannot be.
    pub strip: Result<Vec<Edit>, String>,
}

/// Text to stand in place of a range.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub range: Range<usize>,
    pub parts: Vec<Part>,
}

/// A piece of it.
#[derive(Debug, Clone)]
pub(super) enum Part {
    New(String),
    /// What stands there, itself without assertions.
    Old(Range<usize>),
}

/// New text.
fn new(text: impl Into<String>) -> Part {
    Part::New(text.into())
}

/// Ranges with a text before, between and behind each.
fn each(ranges: &[Range<usize>], before: &str, behind: &str) -> Vec<Part> {
    let wrap = |range: &Range<usize>| [new(before), Part::Old(range.clone()), new(behind)];
    ranges.iter().flat_map(wrap).collect()
}

/// Parts between two texts.
fn framed(open: &str, inner: Vec<Part>, close: &str) -> Vec<Part> {
    std::iter::once(new(open)).chain(inner).chain([new(close)]).collect()
}

fn bytes(nodes: &[Node<'_>]) -> Vec<Range<usize>> {
    nodes.iter().map(|node| node.byte_range()).collect()
}

impl Assertion {
    fn new(node: Node<'_>, shape: Shape, operands: Vec<Range<usize>>) -> Self {
        let strip = Err("an assertion of an unknown kind".to_owned());
        Assertion { range: node.byte_range(), line: line_of(node), shape, operands, strip }
    }

    /// Taken out by putting parts in place of a node.
    fn by(mut self, node: Node<'_>, parts: Vec<Part>) -> Self {
        self.strip = Ok(vec![Edit { range: node.byte_range(), parts }]);
        self
    }

    fn unclear(mut self, why: impl Into<String>) -> Self {
        self.strip = Err(why.into());
        self
    }
}

/// The assertions in ranges, in order.
pub(super) fn find(code: &Code<'_>, ranges: &[Range<usize>]) -> Vec<Assertion> {
    let mut found: Vec<Assertion> = Vec::new();
    for range in ranges {
        walk(code.root, &mut |node| {
            if node.end_byte() <= range.start || node.start_byte() >= range.end {
                return false;
            }
            if node.start_byte() >= range.start {
                found.extend(at(code, node));
            }
            true
        });
    }
    found.sort_by_key(|one| (one.range.start, std::cmp::Reverse(one.range.end)));
    found.dedup_by(|a, b| a.range == b.range);
    found
}

/// The assertion that a node is.
fn at(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    match code.language {
        Language::Rust => rust::at(code, node),
        Language::Python => python::at(code, node),
        Language::Go => go::at(code, node),
        Language::Java => java::at(code, node),
        Language::JavaScript | Language::TypeScript | Language::Tsx => script::at(code, node),
        Language::Ruby => ruby::at(code, node),
        Language::Php => php::at(code, node),
        Language::C => None,
    }
}

/// What must stand at the end of the file when assertions are taken out.
pub(super) fn tail(code: &Code<'_>, edits: &[Edit]) -> String {
    if code.language != Language::Go {
        return String::new();
    }
    let removed: Vec<Range<usize>> = edits.iter().map(|edit| edit.range.clone()).collect();
    go::tail(code, &removed)
}

/// The bytes of lines, and of the functions of this file that they call, as far
/// as they are code of tests.
pub(super) fn reach(code: &Code<'_>, lines: &Range<u32>) -> Vec<Range<usize>> {
    const MOST: usize = 200;
    let start = code.bytes_of(lines);
    let home = home(code, &start);
    let mut all = vec![start];
    let mut seen: HashSet<&str> = HashSet::new();
    let mut at = 0;
    while at < all.len() && all.len() < MOST {
        let range = all[at].clone();
        at += 1;
        let reading = Reading::of(code, &range);
        for chain in &reading.chains {
            let Some(last) = reading.leaves.get(chain.leaves.end - 1) else { continue };
            let name = code.str(*last);
            let is_next = reading.next(chain).is_some_and(|next| {
                matches!(code.str(next), "(" | "!" | "," | ")" | ";")
                    || code.language == Language::Ruby
            });
            if !is_next || !seen.insert(name) {
                continue;
            }
            for one in code.definitions.iter().filter(|one| is_helper(one, name)) {
                let bytes = code.bytes_of(&one.lines);
                let is_home = home.start <= bytes.start && bytes.end <= home.end;
                let is_known =
                    all.iter().any(|old| old.start <= bytes.start && bytes.end <= old.end);
                if is_home && !is_known {
                    all.push(bytes);
                }
            }
        }
    }
    all
}

fn is_helper(one: &Definition, name: &str) -> bool {
    one.name == name && !one.is_test && (one.is_callable())
}

/// Where a test's helpers stand: in Rust not outside of its module.
fn home(code: &Code<'_>, test: &Range<usize>) -> Range<usize> {
    let whole = 0..code.text.len();
    if code.language != Language::Rust {
        return whole;
    }
    let modules =
        super::source::parts(code.root).into_iter().filter(|node| node.kind() == "mod_item");
    let mut around = modules.map(|node| node.byte_range());
    around.find(|range| range.start <= test.start && test.start < range.end).unwrap_or(whole)
}

/// Whether the file itself defines a function of that name.
fn is_defined(code: &Code<'_>, name: &str) -> bool {
    code.definitions.iter().any(|one| one.is_callable() && one.name == name)
}

/// Whether a name is `assert`, or that with more words: `assertSame`, `assert_eq`.
fn is_assert_name(name: &str) -> bool {
    name.strip_prefix("assert").is_some_and(|rest| !rest.starts_with(char::is_lowercase))
}

/// Whether nothing else stands on a node's lines.
fn is_alone(code: &Code<'_>, node: Node<'_>) -> bool {
    let start = code.at(0..node.start_byte()).rfind('\n').map_or(0, |at| at + 1);
    let rest = code.at(node.end_byte()..code.text.len());
    let behind = rest.split('\n').next().unwrap_or_default().trim();
    code.at(start..node.start_byte()).trim().is_empty()
        && (behind.is_empty() || behind.starts_with('#'))
}
