//! Reads a file by its language's grammar, within bounds. Where the text is not
//! quite the language, what can be made out of it is.

use std::ops::ControlFlow;

use tree_sitter::{ParseOptions, Parser};

use super::language::Language;

/// Longer texts are not parsed: nobody wrote them by hand.
pub const MOST_BYTES: usize = 1 << 20;

/// A parser asks whether to go on every hundred steps. Source takes fewer than
/// one such question for 100 bytes; what takes a hundred times as many is no
/// source. Steps are counted, and not time, so that the same text always gives
/// the same answer.
const MOST_QUESTIONS_BASE: usize = 10_000;

/// A text with its syntax tree.
pub struct Parsed<'t> {
    pub(super) language: Language,
    pub(super) text: &'t [u8],
    pub(super) tree: tree_sitter::Tree,
}

/// Reads a text; `None` if it is too long or takes too many steps.
pub fn parse(language: Language, text: &[u8]) -> Option<Parsed<'_>> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language.reader()?.grammar).ok()?;
    let mut left = MOST_QUESTIONS_BASE + text.len();
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
