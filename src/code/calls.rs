//! What a file calls: functions, methods, constructors, macros.

use std::ops::Range;

use bstr::ByteSlice as _;
use tree_sitter::{QueryCursor, StreamingIterator as _};

use super::parse::Parsed;

/// States that a query keeps at once; beyond, matches are lost.
const MATCH_LIMIT: u32 = 512;

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Where the called name stands.
    pub name: Range<usize>,
    /// What it is called on: an object, a package, a type.
    pub receiver: Option<Range<usize>>,
    /// The name's line, from 1.
    pub line: u32,
}

impl Call {
    /// The called name.
    pub fn name<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        text.get(self.name.clone()).unwrap_or_default()
    }

    /// The last word of what it is called on: `x` of `a.b().x`, `self` of `self`.
    /// Empty if that is no plain name, `None` if it is called on nothing.
    pub fn receiver<'t>(&self, text: &'t [u8]) -> Option<&'t str> {
        let receiver = text.get(self.receiver.clone()?)?.trim_ascii();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        let start = receiver.iter().rposition(|byte| !is_word(*byte)).map_or(0, |at| at + 1);
        Some(receiver[start..].to_str().unwrap_or_default())
    }
}

/// The calls whose names lie in `lines` (from 1, the end not held), in order.
pub fn calls(parsed: &Parsed<'_>, lines: Range<u32>) -> Vec<Call> {
    let all = super::Lines::new(parsed.text);
    let at = |line: u32| all.span(line.saturating_sub(1) as usize).map(|span| span.start);
    let Some(start) = at(lines.start) else { return Vec::new() };
    let end = at(lines.end).unwrap_or(parsed.text.len());
    calls_in(parsed, start..end)
}

/// The calls whose names begin in a range of bytes, in order.
pub fn calls_in(parsed: &Parsed<'_>, bytes: Range<usize>) -> Vec<Call> {
    let Some(reader) = parsed.language.reader() else { return Vec::new() };
    let query = &reader.calls;
    let Some(name_index) = query.capture_index_for_name("name") else { return Vec::new() };
    let mut cursor = QueryCursor::new();
    cursor.set_match_limit(MATCH_LIMIT);
    cursor.set_byte_range(bytes.clone());
    let mut found = Vec::new();
    let mut matches = cursor.matches(query, parsed.tree.root_node(), parsed.text);
    while let Some(one) = matches.next() {
        let (mut name, mut receiver) = (None, None);
        for capture in one.captures {
            if capture.index == name_index {
                name = Some(capture.node);
            } else {
                receiver = Some(capture.node.byte_range());
            }
        }
        let Some(name) = name.filter(|name| bytes.contains(&name.start_byte())) else { continue };
        let line = u32::try_from(name.start_position().row).unwrap_or(u32::MAX - 1) + 1;
        found.push(Call { name: name.byte_range(), receiver, line });
    }
    // Patterns overlap: the one that saw a receiver counts.
    found.sort_by_key(|call| (call.name.start, call.name.end, call.receiver.is_none()));
    found.dedup_by_key(|call| call.name.start);
    found
}

#[cfg(test)]
mod tests;
