//! A test without its assertions.

use std::ops::Range;

use super::Stripped;
use super::assertions::{Edit, Part, find, reach};
use super::source::Code;
use crate::code::language::Language;
use crate::code::parse::parse;

/// Assertions inside of assertions are followed so deep.
const MOST_DEPTH: usize = 30;

/// The text with every assertion in `lines` (from 1, end not held) taken out, and
/// in the functions of the file that they call. What an assertion evaluates is
/// still evaluated, so that a crash in it stays a crash; where code must fail, it
/// may fail or not.
pub fn without_assertions(language: Language, text: &[u8], lines: Range<u32>) -> Stripped {
    let Some(parsed) = parse(language, text) else {
        return Stripped::Unclear("the file is too long to be read".to_owned());
    };
    let code = Code::new(&parsed);
    let ranges = reach(&code, &lines);
    let found = find(&code, &ranges);
    if found.is_empty() {
        return match super::faults::helper(&code, &lines) {
            Some(name) => {
                Stripped::Unclear(format!("`{name}` may assert, and its code is in another file"))
            }
            None => Stripped::NoAssertions,
        };
    }
    let mut edits = Vec::new();
    for one in found {
        match one.strip {
            Ok(all) => edits.extend(all),
            Err(why) => return Stripped::Unclear(format!("line {}: {why}", one.line)),
        }
    }
    // The outer before the inner.
    edits.sort_by_key(|edit: &Edit| {
        (edit.range.start, !edit.range.is_empty(), std::cmp::Reverse(edit.range.end))
    });
    let crosses = edits.windows(2).any(|pair| {
        let (a, b) = (&pair[0].range, &pair[1].range);
        a == b && !a.is_empty() || b.start < a.end && a.end < b.end
    });
    if crosses {
        return Stripped::Unclear("assertions overlap".to_owned());
    }
    let mut made = Vec::with_capacity(text.len() + 256);
    if render(text, &edits, 0..text.len(), 0, 0, &mut made).is_none() {
        return Stripped::Unclear("assertions stand too deep in each other".to_owned());
    }
    made.extend_from_slice(super::assertions::tail(&code, &edits).as_bytes());
    match parse(language, &made) {
        Some(new) if new.errors() <= parsed.errors() => Stripped::Text(made),
        _ => Stripped::Unclear("the code without its assertions does not parse".to_owned()),
    }
}

/// Writes a range with the edits from `next` on that lie in it; gives the first
/// that lies behind it.
fn render(
    text: &[u8],
    edits: &[Edit],
    range: Range<usize>,
    mut next: usize,
    depth: usize,
    made: &mut Vec<u8>,
) -> Option<usize> {
    if depth > MOST_DEPTH {
        return None;
    }
    let mut at = range.start;
    while let Some(edit) = edits.get(next).filter(|edit| edit.range.start < range.end) {
        next += 1;
        if edit.range.start < at || edit.range.end > range.end {
            continue;
        }
        made.extend_from_slice(text.get(at..edit.range.start)?);
        for part in &edit.parts {
            match part {
                Part::New(new) => made.extend_from_slice(new.as_bytes()),
                Part::Old(old) => {
                    render(text, edits, old.clone(), next, depth + 1, made)?;
                }
            }
        }
        at = edit.range.end;
    }
    made.extend_from_slice(text.get(at..range.end)?);
    Some(next)
}

#[cfg(test)]
mod tests;
