//! A small YAML tree that knows its lines: what the pipeline rules walk.
//!
//! Nodes live in an arena and aliases share them, so a document of aliases
//! costs no memory; [`MAX_SIZE`] bounds what a walk of the whole tree can see.
//! Merge keys (`<<`) are followed. Only the first document of a stream is read.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Most nodes a walk may meet, aliases counted as often as they stand.
const MAX_SIZE: u32 = 50_000;
/// Deepest nesting, aliases included.
const MAX_DEPTH: u32 = 64;
/// Longest text that is read, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// A node of a [`Tree`].
pub(crate) type Id = usize;

/// A parsed document.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    root: Option<Id>,
}

#[derive(Debug)]
struct Node {
    value: Value,
    /// First and last line of source, from 1.
    lines: (u32, u32),
    /// Nodes below and including this one, aliases expanded.
    size: u32,
    depth: u32,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Value {
    /// Text, with whether it stands unquoted.
    Scalar { text: String, plain: bool },
    /// Items in order.
    Seq(Vec<Id>),
    /// Entries in order, with the key's line. A key that is no scalar is left out.
    Map(Vec<Entry>),
}

/// One `key: value` of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The key's text.
    pub key: String,
    /// The key's line, from 1.
    pub line: u32,
    /// The value.
    pub value: Id,
}

/// Why a text is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
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
    line: u32,
    /// Children so far: of a mapping, keys and values in turn.
    children: Vec<Id>,
    mapping: bool,
}

/// Reads the first document of `text`.
pub(crate) fn parse(text: &str) -> Result<Tree, Broken> {
    let failed = |line: usize, why: &str, limit: bool| Broken {
        line: u32::try_from(line).unwrap_or(u32::MAX).max(1),
        why: why.to_owned(),
        limit,
    };
    let too_large = |line: usize, why: &str| failed(line, why, true);
    if text.len() > MAX_TEXT {
        return Err(too_large(1, "the file is too large"));
    }
    let mut tree = Tree::default();
    let mut anchors: std::collections::HashMap<usize, Id> = std::collections::HashMap::new();
    let mut open: Vec<Open> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text =
        if text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) };
    for event in Parser::new_from_str(&text) {
        let (event, span) =
            event.map_err(|error| failed(error.marker().line(), error.info(), false))?;
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let end = u32::try_from(span.end.line()).unwrap_or(u32::MAX).max(line);
        let finished = match event {
            Event::Scalar(text, style, anchor, _) => {
                // A block scalar's span ends on the line behind it.
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let end = if block { end.saturating_sub(1) } else { end };
                let id = tree.push(
                    Value::Scalar {
                        text: text.into_owned(),
                        plain: matches!(style, ScalarStyle::Plain),
                    },
                    (line, end.max(line)),
                );
                anchors.insert(anchor, id);
                Some(id)
            }
            Event::Alias(anchor) => {
                // An alias inside its own anchor is not known yet: an empty value.
                let known = anchors.get(&anchor).copied();
                Some(known.unwrap_or_else(|| {
                    tree.push(Value::Scalar { text: String::new(), plain: true }, (line, line))
                }))
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() as u32 >= MAX_DEPTH {
                    return Err(too_large(line as usize, "nested too deeply"));
                }
                let mapping = matches!(event, Event::MappingStart(..));
                open.push(Open { anchor, line, children: Vec::new(), mapping });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                let last = done.children.last().map_or(done.line, |id| tree.nodes[*id].lines.1);
                let value = if done.mapping {
                    tree.mapping(&done.children)
                } else {
                    Value::Seq(done.children)
                };
                let id = tree.push(value, (done.line, last.max(done.line)));
                let node = &tree.nodes[id];
                if node.size > MAX_SIZE || node.depth > MAX_DEPTH {
                    return Err(too_large(
                        done.line as usize,
                        "aliases make the document too large",
                    ));
                }
                anchors.insert(done.anchor, id);
                Some(id)
            }
            Event::DocumentEnd => break,
            _ => None,
        };
        if let Some(id) = finished {
            match open.last_mut() {
                Some(parent) => parent.children.push(id),
                None => tree.root = Some(id),
            }
        }
    }
    Ok(tree)
}

impl Tree {
    fn push(&mut self, value: Value, lines: (u32, u32)) -> Id {
        let (mut size, mut depth) = (1u32, 0);
        let mut below = |id: Id| {
            size = size.saturating_add(self.nodes[id].size);
            depth = depth.max(self.nodes[id].depth);
        };
        match &value {
            Value::Scalar { .. } => {}
            Value::Seq(items) => items.iter().for_each(|id| below(*id)),
            Value::Map(entries) => entries.iter().for_each(|entry| below(entry.value)),
        }
        self.nodes.push(Node { value, lines, size, depth: depth + 1 });
        self.nodes.len() - 1
    }

    /// Pairs keys with values and follows merge keys; an own key wins over a merged one.
    fn mapping(&self, children: &[Id]) -> Value {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Id> = Vec::new();
        for pair in children.chunks_exact(2) {
            let key = &self.nodes[pair[0]];
            let Value::Scalar { text, .. } = &key.value else { continue };
            if text == "<<" {
                match &self.nodes[pair[1]].value {
                    Value::Seq(items) => merged.extend(items),
                    _ => merged.push(pair[1]),
                }
            } else {
                entries.push(Entry { key: text.clone(), line: key.lines.0, value: pair[1] });
            }
        }
        if !merged.is_empty() {
            let mut own: std::collections::HashSet<String> =
                entries.iter().map(|entry| entry.key.clone()).collect();
            for id in merged {
                let Value::Map(more) = &self.nodes[id].value else { continue };
                for entry in more {
                    if own.insert(entry.key.clone()) {
                        entries.push(entry.clone());
                    }
                }
            }
        }
        Value::Map(entries)
    }

    /// The document's top node; `None` for an empty document.
    pub fn root(&self) -> Option<Id> {
        self.root
    }

    /// What a node holds.
    pub fn value(&self, id: Id) -> &Value {
        &self.nodes[id].value
    }

    /// A node's first and last line.
    pub fn lines(&self, id: Id) -> (u32, u32) {
        self.nodes[id].lines
    }

    /// A scalar's text.
    pub fn text(&self, id: Id) -> Option<&str> {
        match &self.nodes[id].value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// A mapping's entries; none if it is no mapping.
    pub fn entries(&self, id: Id) -> &[Entry] {
        match &self.nodes[id].value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A sequence's items; none if it is no sequence.
    pub fn items(&self, id: Id) -> &[Id] {
        match &self.nodes[id].value {
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
        let mut entry = self.get(self.root?, first)?;
        for key in rest {
            entry = self.get(entry.value, key)?;
        }
        Some(entry)
    }

    /// A scalar, or each scalar of a sequence, with its line.
    pub fn strings(&self, id: Id) -> Vec<(&str, u32)> {
        match &self.nodes[id].value {
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
        let mut todo: Vec<Id> = self.root.into_iter().collect();
        while let Some(id) = todo.pop() {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
