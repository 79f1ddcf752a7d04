//! A syntax tree as tests are read: its leaves, and the dotted names in them.

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::Node;

use super::bindings::bindings;
use crate::code::Lines;
use crate::code::definitions::{Definition, definitions};
use crate::code::language::Language;
use crate::code::parse::Parsed;

/// A file read by its grammar, with what its names are bound to.
pub(super) struct Code<'p> {
    pub language: Language,
    pub text: &'p [u8],
    pub root: Node<'p>,
    pub lines: Lines<'p>,
    pub definitions: Vec<Definition>,
    /// What imported names stand for, joined by `.`.
    pub bindings: HashMap<String, String>,
}

impl<'p> Code<'p> {
    pub fn new(parsed: &'p Parsed<'p>) -> Self {
        let root = parsed.tree.root_node();
        Code {
            language: parsed.language,
            text: parsed.text,
            root,
            lines: Lines::new(parsed.text),
            definitions: definitions(parsed),
            bindings: bindings(parsed.language, parsed.text, root),
        }
    }

    /// A node's text; empty if that is no UTF-8.
    pub fn str(&self, node: Node<'_>) -> &'p str {
        self.at(node.byte_range())
    }

    /// The text of a range; empty if that is no UTF-8.
    pub fn at(&self, range: Range<usize>) -> &'p str {
        std::str::from_utf8(self.text.get(range).unwrap_or_default()).unwrap_or_default()
    }

    /// The bytes of lines (from 1, end not held).
    pub fn bytes_of(&self, lines: &Range<u32>) -> Range<usize> {
        let at = |line: u32| {
            let span = self.lines.span(line.saturating_sub(1) as usize);
            span.map_or(self.text.len(), |span| span.start)
        };
        let start = at(lines.start.max(1));
        start..at(lines.end).max(start)
    }

    /// The line that a byte stands on, from 1.
    pub fn line_at(&self, at: usize) -> u32 {
        let before = self.text.get(..at).unwrap_or(self.text);
        u32::try_from(memchr::memchr_iter(b'\n', before).count()).unwrap_or(u32::MAX - 1) + 1
    }

    /// Whether the language is JavaScript or one of its kin.
    pub fn is_script(&self) -> bool {
        self.language.is_kin(Language::JavaScript)
    }
}

/// A node's first line, from 1.
pub(super) fn line_of(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).unwrap_or(u32::MAX - 2) + 1
}

/// Visits nodes from the outside in, in order; those for which `enter` gives
/// `false` are not entered.
pub(super) fn walk<'t>(node: Node<'t>, enter: &mut dyn FnMut(Node<'t>) -> bool) {
    let mut cursor = node.walk();
    loop {
        if enter(cursor.node()) && cursor.goto_first_child() {
            continue;
        }
        loop {
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// Every node that lies within a range and satisfies, from the outside in.
pub(super) fn nodes_in<'t>(
    root: Node<'t>,
    range: &Range<usize>,
    wanted: &dyn Fn(Node<'t>) -> bool,
) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    walk(root, &mut |node| {
        if node.end_byte() <= range.start || node.start_byte() >= range.end {
            return false;
        }
        if node.start_byte() >= range.start && wanted(node) {
            found.push(node);
        }
        true
    });
    found
}

/// The named children, without comments.
pub(super) fn parts(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|node| !is_comment(*node)).collect()
}

/// All children, without comments.
pub(super) fn tokens(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).filter(|node| !is_comment(*node)).collect()
}

/// The child of a field.
pub(super) fn field<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    node.child_by_field_name(name)
}

/// Whether a node is a comment.
pub(super) fn is_comment(node: Node<'_>) -> bool {
    matches!(node.kind(), "comment" | "line_comment" | "block_comment")
}

/// Whether a node is text between quotes.
pub(super) fn is_string(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "string"
            | "string_literal"
            | "raw_string_literal"
            | "interpreted_string_literal"
            | "template_string"
            | "concatenated_string"
            | "encapsed_string"
            | "char_literal"
            | "character_literal"
            | "heredoc"
            | "heredoc_body"
            | "nowdoc_body"
            | "byte_string_literal"
            | "rune_literal"
    )
}

/// What is around a node, innermost first, without the node itself.
pub(super) fn around<'t>(node: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    std::iter::successors(node.parent(), |node| node.parent())
}

/// The leaves in a range, in order, comments left out.
pub(super) fn leaves<'t>(root: Node<'t>, range: &Range<usize>) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    walk(root, &mut |node| {
        if node.end_byte() <= range.start || node.start_byte() >= range.end || is_comment(node) {
            return false;
        }
        let is_leaf = node.child_count() == 0;
        if is_leaf && node.start_byte() >= range.start && !node.byte_range().is_empty() {
            found.push(node);
        }
        !is_leaf
    });
    found
}

/// A dotted name: `a.b.c`, `A::b`, `x?.y`.
#[derive(Debug)]
pub(super) struct Chain {
    /// Joined by `.`, what is imported by its full name; `()` stands for the
    /// result of a call.
    pub path: String,
    /// Whether the first word is imported.
    pub is_bound: bool,
    /// The first word as written.
    pub head: String,
    pub at: usize,
    /// The leaf before it, the leaf behind it.
    pub leaves: Range<usize>,
}

/// A range as leaves, and the dotted names among them.
pub(super) struct Reading<'t> {
    pub leaves: Vec<Node<'t>>,
    pub chains: Vec<Chain>,
}

impl<'t> Reading<'t> {
    pub fn of(code: &Code<'t>, range: &Range<usize>) -> Self {
        let all = leaves(code.root, range);
        let imports = nodes_in(code.root, range, &|node| is_import(node.kind()));
        let mut chains: Vec<Chain> = Vec::new();
        let mut open: Option<Chain> = None;
        let mut joined = false;
        let mut last = "";
        let mut import = 0;
        for (index, leaf) in all.iter().enumerate() {
            while imports.get(import).is_some_and(|node| node.end_byte() <= leaf.start_byte()) {
                import += 1;
            }
            if imports.get(import).is_some_and(|node| node.start_byte() <= leaf.start_byte()) {
                chains.extend(open.take());
                joined = false;
                last = "";
                continue;
            }
            let text = code.str(*leaf);
            if is_word(*leaf, text) {
                match &mut open {
                    Some(chain) if joined => {
                        chain.path.push('.');
                        chain.path.push_str(text);
                        chain.leaves.end = index + 1;
                    }
                    _ => {
                        chains.extend(open.take());
                        open = Some(start(code, leaf, text, index, joined));
                    }
                }
                joined = false;
            } else if separates(code.language, text) {
                joined = open.is_some() || matches!(last, ")" | "]" | "}" | "?" | "\"" | "'" | "`");
            } else {
                chains.extend(open.take());
                joined = false;
            }
            last = text;
        }
        chains.extend(open);
        Reading { leaves: all, chains }
    }

    /// The leaf behind a chain.
    pub fn next(&self, chain: &Chain) -> Option<Node<'t>> {
        self.leaves.get(chain.leaves.end).copied()
    }

    /// The leaf before a chain.
    pub fn before(&self, chain: &Chain) -> Option<Node<'t>> {
        self.leaves.get(chain.leaves.start.checked_sub(1)?).copied()
    }

    /// Whether the chain is called: parentheses follow, or a macro's mark.
    pub fn is_called(&self, code: &Code<'_>, chain: &Chain) -> bool {
        self.arguments(code, chain).is_some()
    }

    /// The leaves between the parentheses behind a chain.
    pub fn arguments(&self, code: &Code<'_>, chain: &Chain) -> Option<Range<usize>> {
        let mut at = chain.leaves.end;
        let text = |at: usize| self.leaves.get(at).map(|leaf| code.str(*leaf));
        if text(at) == Some("!") {
            at += 1;
        }
        // `f::<T>(…)`, `new List<T>(…)`.
        if text(at) == Some("::") {
            at += 1;
        }
        if text(at) == Some("<") {
            let mut depth = 0i32;
            for _ in 0..24 {
                match text(at) {
                    Some("<") => depth += 1,
                    Some(">") => depth -= 1,
                    Some(">>") => depth -= 2,
                    _ => {}
                }
                at += 1;
                if depth <= 0 {
                    break;
                }
            }
        }
        if !matches!(text(at), Some("(" | "[" | "{"))
            || text(at) != Some("(") && text(chain.leaves.end) != Some("!")
        {
            return None;
        }
        let mut depth = 0i32;
        for end in at..self.leaves.len() {
            match text(end) {
                Some("(" | "[" | "{" | "${" | "#{") => depth += 1,
                Some(")" | "]" | "}") => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(at + 1..end);
            }
        }
        Some(at + 1..self.leaves.len())
    }
}

fn start(code: &Code<'_>, leaf: &Node<'_>, text: &str, index: usize, joined: bool) -> Chain {
    let bound = (!joined).then(|| code.bindings.get(text)).flatten();
    let path = match bound {
        Some(path) => path.clone(),
        None if joined => format!("().{text}"),
        None => text.to_owned(),
    };
    Chain {
        path,
        is_bound: bound.is_some(),
        head: text.to_owned(),
        at: leaf.start_byte(),
        leaves: index..index + 1,
    }
}

/// Whether a token joins names.
fn separates(language: Language, token: &str) -> bool {
    match token {
        "." | "::" | "?." | "&." => true,
        "->" | "?->" => language == Language::Php,
        _ => false,
    }
}

fn is_word(leaf: Node<'_>, text: &str) -> bool {
    let kind = leaf.kind();
    let is_name = kind.ends_with("identifier")
        || kind.ends_with("identifier_pattern")
        || matches!(
            kind,
            "constant"
                | "name"
                | "self"
                | "this"
                | "super"
                | "crate"
                | "import"
                | "metavariable"
                | "instance_variable"
                | "global_variable"
                | "await"
        );
    is_name && text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '@'))
}

/// Whether a node of this kind imports.
pub(super) fn is_import(kind: &str) -> bool {
    matches!(
        kind,
        "import_statement"
            | "import_from_statement"
            | "future_import_statement"
            | "use_declaration"
            | "import_declaration"
            | "extern_crate_declaration"
            | "namespace_use_declaration"
            | "package_declaration"
            | "package_clause"
    )
}
