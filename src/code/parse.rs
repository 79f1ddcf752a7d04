//! Reads a file by its language's grammar, within bounds. Where the text is not
//! quite the language, what can be made out of it is.

use std::ops::{ControlFlow, Range};

use tree_sitter::{ParseOptions, Parser, Point};

use super::Lines;
use super::enclosing::Outline;
use super::language::Language;

/// Longer texts are not parsed: nobody wrote them by hand.
pub const MOST_BYTES: usize = 1 << 20;

/// A parser asks whether to go on every hundred steps or so. In 9,000 files of
/// source it asked at most 200 times, and once more for each 50 bytes; never
/// 5,000 times. What takes much longer is no source: broken texts may take a
/// hundred times as long. Steps are counted, and not time, so that the same
/// text always gives the same answer.
fn most_questions(bytes: usize) -> usize {
    (500 + bytes / 20).min(8_000)
}

/// Texts up to this long are always read whole: it takes a few milliseconds.
const SHORT: usize = 24 << 10;

/// A text with its syntax tree.
pub struct Parsed<'t> {
    pub(super) language: Language,
    pub(super) text: &'t [u8],
    pub(super) tree: tree_sitter::Tree,
}

/// Reads a text; `None` if it is too long or takes too many steps.
pub fn parse(language: Language, text: &[u8]) -> Option<Parsed<'_>> {
    parse_ranges(language, text, &[])
}

/// Reads of a long text only the outermost definitions, and what stands between
/// them, that hold some of the `lines` (from 1). Places are those in the whole
/// text. A short text is read whole.
pub fn parse_around(
    language: Language,
    text: &[u8],
    lines: impl IntoIterator<Item = u32>,
) -> Option<Parsed<'_>> {
    // PHP begins where a mark says so.
    if text.len() <= SHORT || language == Language::Php {
        return parse(language, text);
    }
    let ranges = ranges_around(text, lines);
    let bytes: usize = ranges.iter().map(|range| range.end_byte - range.start_byte).sum();
    if ranges.is_empty() || bytes > text.len() / 2 {
        return parse(language, text);
    }
    parse_ranges(language, text, &ranges)
}

/// The outermost definitions and gaps that hold some of the lines.
fn ranges_around(text: &[u8], wanted: impl IntoIterator<Item = u32>) -> Vec<tree_sitter::Range> {
    let lines = Lines::new(text);
    let end = u32::try_from(lines.len()).unwrap_or(u32::MAX - 1) + 1;
    // Where one ends and the next begins, in ascending order.
    let mut bounds = vec![1];
    for one in Outline::of(&lines).definitions() {
        let last = bounds.last().copied().unwrap_or(1);
        // Inside of the one before.
        if one.start < last {
            continue;
        }
        bounds.extend([one.start, one.end + 1]);
    }
    bounds.push(end);
    bounds.dedup();
    let mut chosen: Vec<Range<u32>> = Vec::new();
    let mut wanted: Vec<u32> = wanted.into_iter().filter(|line| (1..end).contains(line)).collect();
    wanted.sort_unstable();
    for line in wanted {
        let next = bounds.partition_point(|bound| *bound <= line);
        let (Some(from), Some(to)) = (bounds.get(next.wrapping_sub(1)), bounds.get(next)) else {
            continue;
        };
        match chosen.last_mut() {
            Some(last) if last.end >= *to => {}
            Some(last) if last.end == *from => last.end = *to,
            _ => chosen.push(*from..*to),
        }
    }
    let at = |line: u32| lines.span(line as usize - 1).map_or(text.len(), |span| span.start);
    let point = |line: u32| Point { row: line as usize - 1, column: 0 };
    let range = |range: &Range<u32>| tree_sitter::Range {
        start_byte: at(range.start),
        end_byte: at(range.end),
        start_point: point(range.start),
        end_point: point(range.end),
    };
    chosen.iter().map(range).collect()
}

/// Without ranges, all of it.
fn parse_ranges<'t>(
    language: Language,
    text: &'t [u8],
    ranges: &[tree_sitter::Range],
) -> Option<Parsed<'t>> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language.reader()?.grammar).ok()?;
    parser.set_included_ranges(ranges).ok()?;
    let mut left = most_questions(text.len());
    let mut go_on = |_: &tree_sitter::ParseState| match left.checked_sub(1) {
        Some(rest) => {
            left = rest;
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    };
    let options = ParseOptions::new().progress_callback(&mut go_on);
    let mut read = |at: usize, _| text.get(at..).unwrap_or_default();
    let tree = parser.parse_with_options(&mut read, None, Some(options))?;
    Some(Parsed { language, text, tree })
}

impl<'t> Parsed<'t> {
    /// The language it was read as.
    pub fn language(&self) -> Language {
        self.language
    }

    /// What was read.
    pub fn text(&self) -> &'t [u8] {
        self.text
    }

    /// How many places of the text are not the language: what had to be passed over,
    /// and what is missing. Stops counting at 1,000.
    pub fn errors(&self) -> usize {
        const MOST: usize = 1_000;
        let mut cursor = self.tree.walk();
        let mut found = 0;
        loop {
            let node = cursor.node();
            found += usize::from(node.is_error() || node.is_missing());
            // Only what holds an error is entered.
            if found < MOST && node.has_error() && cursor.goto_first_child() {
                continue;
            }
            loop {
                if found >= MOST {
                    return found;
                }
                if cursor.goto_next_sibling() {
                    break;
                }
                if !cursor.goto_parent() {
                    return found;
                }
            }
        }
    }

    /// Whether a name in the code itself, not in a comment or a literal, begins
    /// at the byte `at`.
    pub fn is_name_at(&self, at: usize) -> bool {
        let end = at.saturating_add(1);
        if end > self.text.len() {
            return false;
        }
        let Some(node) = self.tree.root_node().descendant_for_byte_range(at, end) else {
            return false;
        };
        let kind = node.kind();
        node.start_byte() == at
            && (kind.ends_with("identifier") || matches!(kind, "constant" | "name" | "word"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::calls::calls;
    use crate::code::definitions::{Definition, definitions};

    #[test]
    fn of_a_long_text_only_what_is_wanted_is_read_at_its_own_place() {
        for (language, one) in [
            (
                Language::Go,
                "// F# does.\nfunc F#(x int) int {\n\treturn g#(x)\n}\n\nvar v# = 1\n\n",
            ),
            (Language::Python, "@deco\ndef f#(x):\n    return g#(x)\n\nV# = 1\n\n"),
            (
                Language::Rust,
                "/// Does.\nfn f#(x: u8) -> u8 {\n    g#(x)\n}\n\nconst V#: u8 = 1;\n\n",
            ),
        ] {
            let text: String = (0..1_000).map(|n| one.replace('#', &n.to_string())).collect();
            assert!(text.len() > SHORT);
            let whole = parse(language, text.as_bytes()).expect("it is source");
            let all = definitions(&whole);
            let per = text.lines().count() as u32 / 1_000;
            let wanted = [per * 500 + 3, per * 501 + 2, per * 501 + 3, per * 700 + 5, 1, u32::MAX];
            let parsed = parse_around(language, text.as_bytes(), wanted).expect("it is source");
            let some = definitions(&parsed);
            assert!((3..16).contains(&some.len()), "{language:?} {some:?}");
            for line in &wanted[..3] {
                let holds = |one: &&Definition| one.lines.contains(line);
                assert_eq!(some.iter().find(holds), all.iter().find(holds), "{language:?}");
                let at = *line..line + 2;
                assert_eq!(calls(&parsed, at.clone()), calls(&whole, at), "{language:?}");
            }
            assert!(some.iter().all(|one| all.contains(one)), "{language:?}");
        }
    }
}
