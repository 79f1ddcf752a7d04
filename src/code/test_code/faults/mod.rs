//! What bars a test from being trusted.

use std::ops::Range;

use tree_sitter::Node;

use super::assertions::{Assertion, Shape, find, reach};
use super::items::{Item, items};
use super::source::{Code, Reading};
use super::{Fault, FaultKind};
use crate::code::language::Language;
use crate::code::parse::parse;

mod calls;
mod fakes;
mod mocks;
mod skips;
mod swallow;
mod tables;
mod values;

/// More are not listed.
const MOST: usize = 100;

/// What bars a test from being trusted: in the code of `lines` (from 1, end not
/// held), and in the functions of the file that it calls, as far as those are
/// code of tests. One fault of a kind for a line.
pub fn faults(language: Language, text: &[u8], lines: Range<u32>) -> Vec<Fault> {
    let Some(parsed) = parse(language, text) else { return Vec::new() };
    let code = Code::new(&parsed);
    let scene = Scene::of(&code, &lines);
    let mut found = Vec::new();
    calls::find(&code, &scene, &mut found);
    skips::find(&code, &scene, &mut found);
    swallow::find(&code, &scene, &mut found);
    values::find(&code, &scene, &mut found);
    let tests = items(&code);
    let inside = |item: &&Item| item.lines.start < lines.end && lines.start < item.lines.end;
    for test in tests.iter().filter(inside) {
        let scene = Scene::of(&code, &test.lines);
        let asserts = scene.assertions.iter().any(counts) || calls_a_check(&code, &scene);
        let is_example = language == Language::Go && test.own.starts_with("Example");
        if !(asserts || is_example) {
            let why = format!("`{}` asserts nothing; assert what the code gives.", test.own);
            let line = code.line_at(first_word(&code, &scene.ranges[0]));
            found.push(Fault { kind: FaultKind::NoAssertion, line, why });
        } else {
            mocks::find(&code, &scene, &test.own, &mut found);
        }
    }
    found.sort_by_key(|fault| (fault.line, fault.kind));
    found.dedup_by_key(|fault| (fault.line, fault.kind));
    found.truncate(MOST);
    found
}

/// A test with what it reaches.
struct Scene<'t> {
    /// The test first, then its helpers.
    ranges: Vec<Range<usize>>,
    readings: Vec<Reading<'t>>,
    assertions: Vec<Assertion>,
}

impl<'t> Scene<'t> {
    fn of(code: &Code<'t>, lines: &Range<u32>) -> Self {
        let ranges = reach(code, lines);
        let readings = ranges.iter().map(|range| Reading::of(code, range)).collect();
        let assertions = find(code, &ranges);
        Scene { ranges, readings, assertions }
    }

    /// Whether an assertion that counts begins in a range.
    fn asserts_in(&self, range: &Range<usize>) -> bool {
        self.assertions.iter().any(|one| counts(one) && range.contains(&one.range.start))
    }
}

/// Whether an assertion looks at something: those that only say that others do
/// are none.
fn counts(one: &Assertion) -> bool {
    !(one.shape == Shape::Other && one.operands.is_empty() && one.strip.is_ok())
}

/// Whether a helper of another file is called that asserts by its name.
fn calls_a_check(code: &Code<'_>, scene: &Scene<'_>) -> bool {
    const LEADS: &[&str] =
        &["assert", "check", "verify", "expect", "ensure", "should", "must", "approve", "golden"];
    scene.readings.iter().any(|reading| {
        reading.chains.iter().any(|chain| {
            let last = chain.path.rsplit('.').next().unwrap_or_default();
            let lower = last.to_lowercase();
            let lower = lower.trim_start_matches('_');
            // `expect` of Rust only unwraps, `check` of a value may be product code.
            let is_unwrap =
                code.language == Language::Rust && matches!(last, "expect" | "expect_err");
            LEADS.iter().any(|lead| lower.starts_with(lead))
                && !is_unwrap
                && !code.definitions.iter().any(|one| one.name == last)
                && (lower.starts_with("assert")
                    || !chain.path.contains('.')
                    || chain.is_bound
                    || lower == "expect")
                && chain.path != "expect.assertions"
                && chain.path != "expect.hasAssertions"
                && reading.is_called(code, chain)
        })
    })
}

fn first_word(code: &Code<'_>, range: &Range<usize>) -> usize {
    let text = code.at(range.clone());
    range.start + text.len() - text.trim_start().len()
}

/// The text of a node's first line, short.
fn shown(code: &Code<'_>, node: Node<'_>) -> String {
    code.str(node).lines().next().unwrap_or_default().chars().take(60).collect()
}

#[cfg(test)]
mod tests;
