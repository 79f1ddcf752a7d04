//! The tree of a text: the parser's events, put together, with where each node stands.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{Broken, Entry, Id, Node, Style, Tree, Value};

/// Most nodes a walk may meet, aliases counted as often as they stand.
const MAX_SIZE: u32 = 400_000;
/// Deepest nesting, aliases included.
const MAX_DEPTH: u32 = 64;
/// Longest text that is read, in bytes.
const MAX_TEXT: usize = 4 << 20;

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
}
