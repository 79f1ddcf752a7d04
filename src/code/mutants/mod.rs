//! Small changes of a code's sense: what a good test notices.
//!
//! Each operator reads one place of the syntax tree at a time. A change that
//! would most likely not build, or not matter, is not made: where taking
//! something away would leave a name unused or a type unknown, it stays, under
//! a condition that never holds.

mod aside;
mod drop_branch;
mod drop_statement;
mod functions;
mod negate_condition;
mod off_by_one;
mod replace_body;
mod replace_return;
mod site;
mod swap_arithmetic;
mod swap_comparison;
mod swap_literal;
mod swap_logical;
mod values;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::parse::Parsed;
use site::{Draft, Sink, Site, Step, Wanted};

/// A small change of the code's sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The first wanted line, from 1, of what is changed.
    pub line: u32,
    /// The kind of change, in kebab case: `negate-condition`.
    pub operator: &'static str,
    /// What is replaced; empty where something is only put in.
    pub bytes: Range<usize>,
    /// What is there instead.
    pub replacement: String,
    /// The change for people: "`a < b` became `a <= b`". One line of at most 120
    /// characters.
    pub change: String,
}

/// An operator looks at one node of the tree.
type Operator = fn(&Site<'_, '_>, &mut Sink<'_>);

/// The most telling first: in this order they stand within a line.
const OPERATORS: [Operator; 10] = [
    swap_comparison::at,
    negate_condition::at,
    swap_logical::at,
    replace_return::at,
    drop_statement::at,
    swap_arithmetic::at,
    off_by_one::at,
    swap_literal::at,
    drop_branch::at,
    replace_body::at,
];

/// The changes to what stands on wanted lines (from 1), in the order of lines, on
/// a line the most telling first. No two have the same text for result. None is in
/// tests, comments, messages, imports, types or attributes.
pub fn mutants(parsed: &Parsed<'_>, wanted: &dyn Fn(u32) -> bool) -> Vec<Mutant> {
    let text = parsed.text;
    let wanted = Wanted::new(text, wanted);
    let mut sink = Sink::new(text, &wanted);
    walk(parsed, &wanted, &mut sink);
    let mut drafts = sink.drafts;
    drafts.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut results = HashSet::new();
    drafts.retain(|draft| result(text, &draft.mutant).is_some_and(|one| results.insert(one)));
    drafts.into_iter().map(|draft: Draft| draft.mutant).collect()
}

/// Shows every operator every node that may be changed.
fn walk(parsed: &Parsed<'_>, wanted: &Wanted, sink: &mut Sink<'_>) {
    let mut cursor = parsed.tree.walk();
    let mut path: Vec<Step<'_>> = Vec::new();
    loop {
        let node = cursor.node();
        let is_under_test_attribute = aside::take_attribute(parsed, &mut path, node);
        path.push(Step::new(node, cursor.field_name()));
        let site = Site { parsed, path: &path };
        let enter = wanted.any(node.start_position().row, node.end_position().row)
            && !is_under_test_attribute
            && !aside::is_aside(&site);
        if enter && !node.has_error() {
            for (rank, operator) in OPERATORS.iter().enumerate() {
                sink.rank = rank;
                operator(&site, sink);
            }
        }
        if enter && cursor.goto_first_child() {
            continue;
        }
        loop {
            path.pop();
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// The text with the change made.
pub fn apply(text: &[u8], mutant: &Mutant) -> Vec<u8> {
    let start = mutant.bytes.start.min(text.len());
    let end = mutant.bytes.end.clamp(start, text.len());
    let mut changed = Vec::with_capacity(text.len() + mutant.replacement.len());
    changed.extend_from_slice(&text[..start]);
    changed.extend_from_slice(mutant.replacement.as_bytes());
    changed.extend_from_slice(&text[end..]);
    changed
}

/// What mutants are called: `path:line:operator`; a second of the same kind on the
/// line gets `-2`, and so on.
pub fn ids(path: &str, mutants: &[Mutant]) -> Vec<String> {
    let mut seen: HashMap<(u32, &str), usize> = HashMap::new();
    let mut id = |mutant: &Mutant| {
        let count = seen.entry((mutant.line, mutant.operator)).or_default();
        *count += 1;
        let plain = format!("{path}:{}:{}", mutant.line, mutant.operator);
        if *count == 1 { plain } else { format!("{plain}-{count}") }
    };
    mutants.iter().map(&mut id).collect()
}

/// The change in its only form: two changes with the same text for result have the
/// same. It is where the texts part, how much goes there, and what comes. `None` if
/// nothing changes.
fn result(text: &[u8], mutant: &Mutant) -> Option<(usize, usize, Vec<u8>)> {
    let old = text.get(mutant.bytes.clone())?;
    let tail = text.get(mutant.bytes.end..)?;
    let new = mutant.replacement.as_bytes();
    if old == new {
        return None;
    }
    let both = || old.iter().chain(tail).zip(new.iter().chain(tail));
    let same = both().take_while(|(a, b)| a == b).count();
    let start = mutant.bytes.start + same;
    let least = old.len().min(new.len());
    if same >= least {
        // One is the other with something put in: `a(); a();` for `a();`.
        let more = new.iter().chain(tail).skip(same).take(new.len() - least);
        return Some((start, old.len() - least, more.copied().collect()));
    }
    let (old, new) = (&old[same..], &new[same..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    Some((start, old.len() - end, new[..new.len() - end].to_vec()))
}
