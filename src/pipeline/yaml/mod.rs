//! A YAML tree that knows where in the source it stands: what the dialects read,
//! the rules walk and the edits splice.
//!
//! Nodes live in an arena. An alias is a node of its own, with the place where it
//! stands, that reads as its target: a document of aliases costs no memory, and
//! `MAX_SIZE` bounds what a walk of the whole tree can see. Merge keys (`<<`) are
//! followed. Every document of a stream is read; [`Tree::root`] is the main one.

pub mod value;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};

pub use value::Value as Plain;

/// Most nodes a walk may meet, aliases counted as often as they stand.
const MAX_SIZE: u32 = 400_000;
/// Deepest nesting, aliases included.
const MAX_DEPTH: u32 = 64;
/// Longest text that is read, in bytes.
const MAX_TEXT: usize = 4 << 20;

/// A node of a [`Tree`].
pub type Id = usize;

/// The parsed documents of one text.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    /// Top nodes of the documents that are not empty.
    roots: Vec<Id>,
    /// Documents in the stream, empty ones too.
    documents: usize,
    /// Where aliases stand, in order, and what for.
    aliases: Vec<(Range<usize>, Id)>,
}

#[derive(Debug)]
struct Node {
    value: Value,
    /// Bytes of source. Of a block collection: from its first key or dash to the
    /// end of its last value.
    span: Range<usize>,
    /// First and last line of source, from 1.
    lines: (u32, u32),
    style: Style,
    tag: Option<String>,
    /// Whether it has an anchor.
    anchored: bool,
    /// Whether an alias stands for it.
    aliased: bool,
    /// What it stands for, if it is an alias.
    target: Option<Id>,
    /// Whether it has entries that are not among its own: merged ones, or keys that
    /// are no scalars.
    hidden: bool,
    /// Nodes below and including this one, aliases expanded.
    size: u32,
    depth: u32,
}

/// What a node holds.
#[derive(Debug)]
pub enum Value {
    /// Text, with whether it stands unquoted.
    Scalar {
        /// As the parser reads it: unescaped, folded, dedented.
        text: String,
        /// Whether it stands unquoted on its line.
        plain: bool,
    },
    /// Items in order.
    Seq(Vec<Id>),
    /// Entries in order, with the key's line. A key that is no scalar is left out.
    Map(Vec<Entry>),
}

/// How a node is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A collection by indentation.
    Block,
    /// A collection in brackets or braces.
    Flow,
    /// A scalar without quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// One `key: value` of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where the key stands, in bytes, quotes included.
    pub key_span: Range<usize>,
    /// The key's line, from 1.
    pub line: u32,
    /// The value.
    pub value: Id,
    /// Whether it came in through a merge key.
    pub merged: bool,
}

/// Why a text is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Where, from 1.
    pub line: u32,
    /// What the parser says.
    pub why: String,
    /// Whether it is YAML, but more of it than is read.
    pub limit: bool,
}

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    tag: Option<String>,
    start: usize,
    line: u32,
    /// Children so far: of a mapping, keys and values in turn.
    children: Vec<Id>,
    mapping: bool,
}

/// Turns the parser's character positions into bytes of the source.
struct Offsets {
    /// Byte of each character; `None` where all are one byte long.
    table: Option<Vec<u32>>,
    /// What was taken off the front (a byte order mark).
    shift: usize,
    len: usize,
}

impl Offsets {
    fn new(text: &str, shift: usize) -> Self {
        let table = (!text.is_ascii()).then(|| {
            text.char_indices().map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX)).collect()
        });
        Offsets { table, shift, len: text.len() }
    }

    fn byte(&self, index: usize) -> usize {
        let at = match &self.table {
            None => index,
            Some(table) => table.get(index).map_or(self.len, |at| *at as usize),
        };
        at.min(self.len) + self.shift
    }
}

/// Reads the documents of `text`.
///
/// # Errors
/// The text is no YAML, or more of it than is read.
pub fn parse(source: &str) -> Result<Tree, Broken> {
    let failed = |line: usize, why: &str, limit: bool| Broken {
        line: u32::try_from(line).unwrap_or(u32::MAX).max(1),
        why: why.to_owned(),
        limit,
    };
    let too_large = |line: usize, why: &str| failed(line, why, true);
    if source.len() > MAX_TEXT {
        return Err(too_large(1, "the file is too large"));
    }
    let mut tree = Tree::default();
    let mut anchors: HashMap<usize, Id> = HashMap::new();
    let mut open: Vec<Open> = Vec::new();
    let text = source.strip_prefix('\u{feff}').unwrap_or(source);
    let offsets = Offsets::new(text, source.len() - text.len());
    let text =
        if text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) };
    for event in Parser::new_from_str(&text) {
        let (event, span) =
            event.map_err(|error| failed(error.marker().line(), error.info(), false))?;
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let end_line = u32::try_from(span.end.line()).unwrap_or(u32::MAX).max(line);
        let start = offsets.byte(span.start.index());
        let end = offsets.byte(span.end.index()).max(start);
        let finished = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                };
                let block = matches!(style, Style::Literal | Style::Folded);
                let (start, end) = scalar_span(source, start..end, style, text.is_empty());
                // A block scalar's span ends on the line behind it.
                let end_line = if block { end_line.saturating_sub(1) } else { end_line };
                let id = tree.push(Node {
                    value: Value::Scalar {
                        text: text.into_owned(),
                        plain: matches!(style, Style::Plain),
                    },
                    span: start..end,
                    lines: (line, end_line.max(line)),
                    style,
                    tag: tag.map(|tag| format!("{}{}", tag.handle, tag.suffix)),
                    anchored: anchor != 0,
                    aliased: false,
                    target: None,
                    hidden: false,
                    size: 1,
                    depth: 1,
                });
                anchors.insert(anchor, id);
                Some(id)
            }
            Event::Alias(anchor) => {
                // An alias inside its own anchor is not known yet: an empty value.
                let target = anchors.get(&anchor).copied();
                if let Some(target) = target {
                    tree.aliases.push((start..end, target));
                    tree.nodes[target].aliased = true;
                }
                let (size, depth) =
                    target.map_or((1, 1), |id| (tree.nodes[id].size, tree.nodes[id].depth));
                Some(tree.push(Node {
                    value: Value::Scalar { text: String::new(), plain: true },
                    span: start..end,
                    lines: (line, line),
                    style: Style::Plain,
                    tag: None,
                    anchored: false,
                    aliased: false,
                    target,
                    hidden: false,
                    size,
                    depth,
                }))
            }
            Event::SequenceStart(anchor, ref tag) | Event::MappingStart(anchor, ref tag) => {
                if open.len() as u32 >= MAX_DEPTH {
                    return Err(too_large(line as usize, "nested too deeply"));
                }
                let mapping = matches!(event, Event::MappingStart(..));
                open.push(Open {
                    anchor,
                    tag: tag.as_ref().map(|tag| format!("{}{}", tag.handle, tag.suffix)),
                    start,
                    line,
                    children: Vec::new(),
                    mapping,
                });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                let anchor = done.anchor;
                // Only brackets have an end of their own.
                let style = if end > start { Style::Flow } else { Style::Block };
                // A comment behind a bracket is not part of it.
                let end = if end > start { bracket_end(source, start) } else { end };
                let id = tree.close(source, done, style, end, end_line);
                anchors.insert(anchor, id);
                let node = &tree.nodes[id];
                if node.size > MAX_SIZE || node.depth > MAX_DEPTH {
                    return Err(too_large(
                        node.lines.0 as usize,
                        "aliases make the document too large",
                    ));
                }
                Some(id)
            }
            Event::DocumentEnd => {
                tree.documents += 1;
                anchors.clear();
                None
            }
            _ => None,
        };
        if let Some(id) = finished {
            match open.last_mut() {
                Some(parent) => parent.children.push(id),
                None => tree.roots.push(id),
            }
        }
    }
    Ok(tree)
}

/// Where a scalar's text stands, without what the parser counts beyond it: of a
/// block scalar from its first line of text to its last; of an empty value nothing.
fn scalar_span(source: &str, span: Range<usize>, style: Style, empty: bool) -> (usize, usize) {
    let text = source.get(span.clone()).unwrap_or_default();
    match style {
        Style::Literal | Style::Folded => {
            // The indentation of the line behind it is not its own.
            let unended = span.end >= source.len() && !source.ends_with('\n');
            let end = if unended { Some(text.len()) } else { text.rfind('\n') };
            let text = end.map_or("", |end| &text[..end]);
            (span.start, span.start + text.trim_end().len())
        }
        // An empty value is a point behind its anchor or tag.
        Style::Plain if empty => (span.end, span.end),
        // The parser counts a comment behind the quotes as their own.
        Style::Single | Style::Double => (span.start, span.start + quoted_end(text, style)),
        _ => (span.start, span.end),
    }
}

/// Where the bracket ends that closes a collection, looked for from where the parser
/// says: it may point at a comma before it, or count a comment behind it.
fn bracket_end(source: &str, from: usize) -> usize {
    let bytes = source.as_bytes();
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b']' | b'}' => return at + 1,
            b'#' => at += memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at),
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Where the quotes end that stand in a scalar's source, behind its anchor and tag.
fn quoted_end(text: &str, style: Style) -> usize {
    let quote = if style == Style::Single { b'\'' } else { b'"' };
    let bytes = text.as_bytes();
    let Some(open) = memchr::memchr(quote, bytes) else { return text.len() };
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 2,
            b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 2,
            byte if *byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Where the dash of a block sequence's first item stands, before `first`.
fn first_dash(source: &str, start: usize, first: usize) -> usize {
    let before = source.get(..first).unwrap_or_default();
    let mut end = before.len();
    while end > 0 {
        let from = memchr::memrchr(b'\n', &before.as_bytes()[..end - 1]).map_or(0, |at| at + 1);
        let line = &before[from..end];
        let code = line.trim_start();
        if !code.starts_with('#') {
            // `- - a`: the nearest dash is this sequence's own.
            let dash = line.char_indices().rev().find(|(at, c)| {
                *c == '-'
                    && line[at + 1..].chars().next().is_none_or(char::is_whitespace)
                    && line[..*at].chars().next_back().is_none_or(char::is_whitespace)
            });
            if let Some((at, _)) = dash {
                return from + at;
            }
        }
        end = from;
        if end < start.saturating_sub(4096) {
            break;
        }
    }
    start
}

impl Tree {
    fn push(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn close(&mut self, source: &str, done: Open, style: Style, end: usize, end_line: u32) -> Id {
        let (mut size, mut depth) = (1u32, 0);
        for id in &done.children {
            size = size.saturating_add(self.nodes[*id].size);
            depth = depth.max(self.nodes[*id].depth);
        }
        let last = done.children.last().map(|id| &self.nodes[*id]);
        let (span, lines) = if style == Style::Flow {
            (done.start..end, (done.line, end_line))
        } else {
            let first = done.children.first().map_or(done.start, |id| self.nodes[*id].span.start);
            let start = if done.mapping { first } else { first_dash(source, done.start, first) };
            let end = last.map_or(start, |node| node.span.end).max(start);
            (start..end, (done.line, last.map_or(done.line, |node| node.lines.1).max(done.line)))
        };
        let own = done.children.len() / 2;
        let value =
            if done.mapping { self.mapping(&done.children) } else { Value::Seq(done.children) };
        let hidden = match &value {
            Value::Map(entries) => entries.iter().filter(|entry| !entry.merged).count() < own,
            _ => false,
        };
        self.push(Node {
            value,
            span,
            lines,
            style,
            tag: done.tag,
            anchored: done.anchor != 0,
            aliased: false,
            hidden,
            target: None,
            size,
            depth: depth + 1,
        })
    }

    /// Pairs keys with values and follows merge keys; an own key wins over a merged one.
    fn mapping(&self, children: &[Id]) -> Value {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Id> = Vec::new();
        for pair in children.chunks_exact(2) {
            let key = &self.nodes[pair[0]];
            let Value::Scalar { text, .. } = self.value(pair[0]) else { continue };
            if text == "<<" && key.style == Style::Plain {
                match self.value(pair[1]) {
                    Value::Seq(items) => merged.extend(items),
                    _ => merged.push(pair[1]),
                }
            } else {
                entries.push(Entry {
                    key: text.clone(),
                    key_span: key.span.clone(),
                    line: key.lines.0,
                    value: pair[1],
                    merged: false,
                });
            }
        }
        if !merged.is_empty() {
            let mut own: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
            for id in merged {
                let Value::Map(more) = self.value(id) else { continue };
                for entry in more {
                    if own.insert(entry.key.clone()) {
                        entries.push(Entry { merged: true, ..entry.clone() });
                    }
                }
            }
        }
        Value::Map(entries)
    }

    /// The main document's top node: the first document's, or the second's where the
    /// first is a header (GitLab's `spec:`). `None` where there is nothing.
    pub fn root(&self) -> Option<Id> {
        let first = *self.roots.first()?;
        let header = self.get(first, "spec").is_some() && self.entries(first).len() == 1;
        if header { self.roots.get(1).copied().or(Some(first)) } else { Some(first) }
    }

    /// The top nodes of all documents that are not empty, in order.
    pub fn roots(&self) -> &[Id] {
        &self.roots
    }

    /// Documents in the stream, empty ones too.
    pub fn documents(&self) -> usize {
        self.documents
    }

    /// The node that is meant: an alias's target, else itself.
    pub fn resolve(&self, id: Id) -> Id {
        let mut id = id;
        while let Some(target) = self.nodes[id].target {
            id = target;
        }
        id
    }

    /// What a node holds; of an alias, what its target holds.
    pub fn value(&self, id: Id) -> &Value {
        &self.nodes[self.resolve(id)].value
    }

    /// A node's first and last line; of an alias, where the alias stands.
    pub fn lines(&self, id: Id) -> (u32, u32) {
        self.nodes[id].lines
    }

    /// Where a node stands, in bytes; of an alias, where the alias stands. Of a block
    /// scalar, its lines of text without the header; of a flow collection, from its
    /// anchor, tag or bracket on; of an empty value, the point where it would stand.
    pub fn span(&self, id: Id) -> Range<usize> {
        self.nodes[id].span.clone()
    }

    /// How a node is written; of an alias, how its target is.
    pub fn style(&self, id: Id) -> Style {
        self.nodes[self.resolve(id)].style
    }

    /// Whether an alias stands here.
    pub fn is_alias(&self, id: Id) -> bool {
        self.nodes[id].target.is_some()
    }

    /// Whether the node has an anchor, so that it may be read elsewhere.
    pub fn is_anchored(&self, id: Id) -> bool {
        self.nodes[id].anchored
    }

    /// Whether an alias stands for the node somewhere.
    pub fn is_aliased(&self, id: Id) -> bool {
        self.nodes[id].aliased
    }

    /// Where aliases stand, in bytes and in order of source, with what each stands for.
    pub fn aliases(&self) -> &[(Range<usize>, Id)] {
        &self.aliases
    }

    /// Whether a mapping has entries in its source that are not among its own ones:
    /// merge keys, or keys that are no scalars.
    pub fn has_hidden(&self, id: Id) -> bool {
        self.nodes[self.resolve(id)].hidden
    }

    /// The node's tag (`!reference`), if it has one.
    pub fn tag(&self, id: Id) -> Option<&str> {
        self.nodes[self.resolve(id)].tag.as_deref()
    }

    /// Whether the node is an empty or null plain scalar.
    pub fn is_null(&self, id: Id) -> bool {
        matches!(self.value(id), Value::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// A scalar's text.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// A plain `true` or `false`, as YAML 1.2 writes them.
    pub fn bool(&self, id: Id) -> Option<bool> {
        match self.value(id) {
            Value::Scalar { text, plain: true } => match text.as_str() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A mapping's entries; none if it is no mapping.
    pub fn entries(&self, id: Id) -> &[Entry] {
        match self.value(id) {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A sequence's items; none if it is no sequence.
    pub fn items(&self, id: Id) -> &[Id] {
        match self.value(id) {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// The entry with this key.
    pub fn get(&self, id: Id, key: &str) -> Option<&Entry> {
        self.entries(id).iter().find(|entry| entry.key == key)
    }

    /// The value under a chain of keys from the root.
    pub fn at(&self, path: &[&str]) -> Option<&Entry> {
        let (first, rest) = path.split_first()?;
        let mut entry = self.get(self.root()?, first)?;
        for key in rest {
            entry = self.get(entry.value, key)?;
        }
        Some(entry)
    }

    /// A scalar, or each scalar of a sequence, with its line.
    pub fn strings(&self, id: Id) -> Vec<(&str, u32)> {
        match self.value(id) {
            Value::Scalar { text, .. } => vec![(text.as_str(), self.lines(id).0)],
            Value::Seq(items) => items
                .iter()
                .filter_map(|item| Some((self.text(*item)?, self.lines(*item).0)))
                .collect(),
            Value::Map(_) => Vec::new(),
        }
    }

    /// Calls `visit` with every mapping entry, outermost first, each shared node once.
    pub fn each_entry<'t>(&'t self, visit: &mut dyn FnMut(&'t Entry)) {
        let mut seen = vec![false; self.nodes.len()];
        let mut todo: Vec<Id> = self.root().into_iter().collect();
        while let Some(id) = todo.pop() {
            let id = self.resolve(id);
            if std::mem::replace(&mut seen[id], true) {
                continue;
            }
            match &self.nodes[id].value {
                Value::Scalar { .. } => {}
                Value::Seq(items) => todo.extend(items.iter().rev()),
                Value::Map(entries) => {
                    entries.iter().for_each(&mut *visit);
                    todo.extend(entries.iter().rev().map(|entry| entry.value));
                }
            }
        }
    }

    /// The whole value below a node, aliases and merge keys expanded.
    pub fn plain(&self, id: Id) -> Plain {
        match self.value(id) {
            Value::Scalar { text, plain } => {
                if *plain && self.tag(id).is_none() {
                    Plain::from_plain_scalar(text)
                } else {
                    Plain::Text(text.clone())
                }
            }
            Value::Seq(items) => Plain::Seq(items.iter().map(|id| self.plain(*id)).collect()),
            Value::Map(entries) => Plain::Map(
                entries.iter().map(|entry| (entry.key.clone(), self.plain(entry.value))).collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn brackets_are_told_from_indentation() {
        let check = |text: &str, expect: Style| {
            let tree = parse(text).unwrap();
            let id = tree.at(&["a"]).unwrap().value;
            assert_eq!(tree.style(id), expect, "{text:?}");
        };
        for text in ["a: []\n", "a: [ ]\n", "a: &x [ # why\n  b ]\n", "a: !t\n  { }\n"] {
            check(text, Style::Flow);
        }
        for text in ["a:\n- b\n", "a: &x\n- [b]\n", "a:\n  {b: c}: d\n"] {
            check(text, Style::Block);
        }
    }

    #[test]
    fn keys_and_values_know_their_lines() {
        let tree = parse("on: push\njobs:\n  a:\n    steps:\n      - run: |\n          x\n          y\n      - uses: b\n").unwrap();
        let steps = tree.at(&["jobs", "a", "steps"]).unwrap();
        assert_eq!(steps.line, 4);
        let items = tree.items(steps.value);
        let run = tree.get(items[0], "run").unwrap();
        assert_eq!((run.line, tree.lines(run.value)), (5, (6, 7)));
        let uses = tree.get(items[1], "uses").unwrap();
        assert_eq!((uses.line, tree.text(uses.value)), (8, Some("b")));
    }

    #[test]
    fn aliases_and_merge_keys_are_followed_and_own_keys_win() {
        let tree =
            parse("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\nc: *x\nd:\n  <<: [*x, {m: 4}]\n")
                .unwrap();
        let text = |path: &[&str]| tree.at(path).and_then(|entry| tree.text(entry.value));
        assert_eq!(text(&["b", "k"]), Some("3"));
        assert_eq!(text(&["b", "l"]), Some("2"));
        assert_eq!(text(&["c", "k"]), Some("1"));
        assert_eq!(text(&["d", "m"]), Some("4"));
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let below = level - 1;
            bomb.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                vec![format!("*a{below}"); 9].join(",")
            ));
        }
        assert_eq!(parse(&bomb).unwrap_err().why, "aliases make the document too large");
    }

    #[test]
    fn broken_text_says_where() {
        assert!(parse("a: [1\nb: 2\n").is_err());
        assert!(parse(&"[".repeat(5000)).is_err());
        assert_eq!(parse("").unwrap().root(), None);
    }

    #[test]
    fn a_block_scalar_without_a_line_end_has_its_last_line() {
        for ending in ["", "\n", "\n\n"] {
            let text = format!("a: |\n  x\n  y{ending}");
            let tree = parse(&text).unwrap();
            assert_eq!(&text[tree.span(tree.at(&["a"]).unwrap().value)], "x\n  y", "{ending:?}");
        }
    }

    #[test]
    fn quotes_end_where_they_close() {
        for quoted in ["'a'", "'it''s'", "\"a\"", "\"\\\"#\"", "&x 'a'", "'a\n  b'", "\"é\""] {
            let text = format!("k: {quoted} # why\nl: [{quoted} , b] # \"why\"\n");
            let tree = parse(&text).unwrap();
            let at = |id: Id| &text[tree.span(id)];
            assert_eq!(at(tree.at(&["k"]).unwrap().value), quoted);
            let list = tree.at(&["l"]).unwrap().value;
            assert_eq!(at(list), format!("[{quoted} , b]"));
            assert_eq!(at(tree.items(list)[0]), quoted);
        }
    }

    /// What stands at every scalar is what it was written as.
    #[test]
    fn nodes_know_their_bytes() {
        let text = "é: 1\r\na: &x {k: 1, l: [2, 3]}\nb: &y\n  c: |\n    foo\n    bar\n\n  # note\n  d: >-\n    x\ne: &z !foo [a, b]\nf:\n- 1\n-   'q''q'\n-\n  # why\n  - \"dq\"\ng: *x\nh:\ni: one\n  two\n# end\nk: &n\n";
        let tree = parse(text).unwrap();
        let at = |path: &[&str]| {
            let entry = tree.at(path).unwrap();
            (&text[entry.key_span.clone()], &text[tree.span(entry.value)])
        };
        assert_eq!(at(&["é"]), ("é", "1"));
        assert_eq!(at(&["a"]), ("a", "&x {k: 1, l: [2, 3]}"));
        assert_eq!(at(&["a", "l"]), ("l", "[2, 3]"));
        assert_eq!(at(&["b"]).1, "c: |\n    foo\n    bar\n\n  # note\n  d: >-\n    x");
        assert_eq!(at(&["b", "c"]), ("c", "foo\n    bar"));
        assert_eq!(at(&["e"]), ("e", "&z !foo [a, b]"));
        assert_eq!(at(&["f"]).1, "- 1\n-   'q''q'\n-\n  # why\n  - \"dq\"");
        let items = tree.items(tree.at(&["f"]).unwrap().value);
        assert_eq!(&text[tree.span(items[1])], "'q''q'");
        assert_eq!(&text[tree.span(items[2])], "- \"dq\"");
        assert_eq!(at(&["g"]), ("g", "*x"));
        assert_eq!(at(&["g", "k"]), ("k", "1"));
        assert_eq!(at(&["h"]), ("h", ""));
        assert_eq!(at(&["i"]), ("i", "one\n  two"));
        assert_eq!(at(&["k"]), ("k", ""));
        assert!(tree.is_alias(tree.at(&["g"]).unwrap().value));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_text_panics(text in "[a-z:\\-\\[\\]{}&*#|>\"' \n\t<?!%@]{0,200}") {
            if let Ok(tree) = parse(&text) {
                let mut count = 0;
                tree.each_entry(&mut |_| count += 1);
                prop_assert!(count <= text.len());
            }
        }
    }
}
