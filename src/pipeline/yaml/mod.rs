//! A YAML tree that knows where in the source it stands: what the dialects read,
//! the rules walk and the edits splice.
//!
//! Nodes live in an arena. An alias is a node of its own, with the place where it
//! stands, that reads as its target: a document of aliases costs no memory, and
//! `parse` bounds what a walk of the whole tree can see. Merge keys (`<<`) are
//! followed. Every document of a stream is read; [`Tree::root`] is the main one.

mod parse;
#[cfg(test)]
mod tests;
pub mod value;

use std::ops::Range;

pub use parse::parse;
pub use value::Value as Plain;

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
impl Tree {
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
