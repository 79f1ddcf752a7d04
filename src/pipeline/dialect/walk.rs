//! A place in a tree together with the path to it: what the YAML dialects walk with.

use crate::pipeline::graph::{At, Path, Seg, Span};
use crate::pipeline::yaml::{Id, Style, Tree, Value};

/// A node of a tree, and how it was reached from the root.
#[derive(Clone)]
pub struct Node<'t> {
    tree: &'t Tree,
    id: Id,
    path: Path,
}

/// An entry of a mapping.
#[derive(Clone)]
pub struct Field<'t> {
    /// Its key.
    pub key: &'t str,
    /// Where the key stands, quotes included.
    pub key_span: Span,
    /// Whether it came in through a merge key, so that it stands elsewhere.
    pub merged: bool,
    /// What stands behind the key.
    pub value: Node<'t>,
}

impl Field<'_> {
    /// From the key to the end of the value; the key alone where the value stands
    /// elsewhere.
    pub fn span(&self) -> Span {
        Span { end: self.value.span().end.max(self.key_span.end), ..self.key_span }
    }
}

impl<'t> Node<'t> {
    /// The main document's top node; `None` where the text is empty.
    pub fn root(tree: &'t Tree) -> Option<Self> {
        Some(Node { tree, id: tree.root()?, path: Path::new() })
    }

    /// A top node of a further document, with an empty path.
    pub fn document(tree: &'t Tree, id: Id) -> Self {
        Node { tree, id, path: Path::new() }
    }

    /// From the root to here.
    pub fn path(&self) -> Path {
        self.path.clone()
    }

    /// Which node it is.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The node that is meant: an alias's target, else itself.
    pub fn resolved(&self) -> Id {
        self.tree.resolve(self.id)
    }

    /// Where it stands; of an alias, where the alias stands.
    pub fn span(&self) -> Span {
        Span::new(self.tree.span(self.id))
    }

    /// Its first line, from 1.
    pub fn line(&self) -> u32 {
        self.tree.lines(self.id).0
    }

    /// Where a scalar's text stands, without its quotes; of an alias, the text that
    /// it stands for.
    pub fn word(&self) -> Span {
        let range = self.tree.span(self.tree.resolve(self.id));
        let quoted = matches!(self.tree.style(self.id), Style::Single | Style::Double);
        if quoted && range.len() >= 2 {
            Span::new(range.start + 1..range.end - 1)
        } else {
            Span::new(range)
        }
    }

    /// A scalar's text; a null's is empty.
    pub fn text(&self) -> Option<&'t str> {
        match self.tree.value(self.id) {
            Value::Scalar { .. } if self.is_null() => Some(""),
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar that is neither null nor empty.
    pub fn filled(&self) -> Option<&'t str> {
        self.text().filter(|text| !text.is_empty())
    }

    /// A scalar that is not empty, with the place of its value, quotes included.
    pub fn at(&self) -> Option<At<String>> {
        self.filled().map(|text| At { value: text.to_owned(), span: self.span() })
    }

    /// An unquoted `true` or `false`.
    pub fn bool(&self) -> Option<bool> {
        self.tree.bool(self.id)
    }

    /// Whether nothing stands here.
    pub fn is_null(&self) -> bool {
        self.tree.is_null(self.id)
    }

    /// Whether it is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.tree.value(self.id), Value::Map(_))
    }

    /// Whether it is a sequence.
    pub fn is_seq(&self) -> bool {
        matches!(self.tree.value(self.id), Value::Seq(_))
    }

    /// Its tag, such as `!reference`.
    pub fn tag(&self) -> Option<&'t str> {
        self.tree.tag(self.id)
    }

    /// A mapping's entries in order; none of anything else.
    pub fn fields(&self) -> impl Iterator<Item = Field<'t>> + use<'t> {
        let (tree, path) = (self.tree, self.path.clone());
        tree.entries(self.id).iter().map(move |entry| {
            let mut path = path.clone();
            path.push(Seg::Key(entry.key.clone()));
            Field {
                key: &entry.key,
                key_span: Span::new(entry.key_span.clone()),
                merged: entry.merged,
                value: Node { tree, id: entry.value, path },
            }
        })
    }

    /// The entry with this key.
    pub fn field(&self, key: &str) -> Option<Field<'t>> {
        let entry = self.tree.get(self.id, key)?;
        let mut path = self.path.clone();
        path.push(Seg::Key(entry.key.clone()));
        Some(Field {
            key: &entry.key,
            key_span: Span::new(entry.key_span.clone()),
            merged: entry.merged,
            value: Node { tree: self.tree, id: entry.value, path },
        })
    }

    /// The value with this key.
    pub fn get(&self, key: &str) -> Option<Node<'t>> {
        self.field(key).map(|field| field.value)
    }

    /// A sequence's items; none of anything else.
    pub fn items(&self) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let (tree, path) = (self.tree, self.path.clone());
        tree.items(self.id).iter().enumerate().map(move |(index, id)| {
            let mut path = path.clone();
            path.push(Seg::Index(index));
            Node { tree, id: *id, path }
        })
    }

    /// The node itself where it is a scalar that is not empty, or the items of a
    /// sequence: for keys that take one name or several.
    pub fn one_or_many(&self) -> Vec<Node<'t>> {
        if self.is_seq() {
            self.items().collect()
        } else if self.filled().is_some() {
            vec![self.clone()]
        } else {
            Vec::new()
        }
    }

    /// The texts of [`Node::one_or_many`].
    pub fn texts(&self) -> Vec<String> {
        self.one_or_many().iter().filter_map(|node| node.filled().map(str::to_owned)).collect()
    }

    /// The value as text: a scalar as it reads, a collection as JSON.
    pub fn written(&self) -> String {
        match self.text() {
            Some(text) => text.to_owned(),
            None => self.tree.plain(self.id).to_json().to_string(),
        }
    }

    /// Whether part of it stands elsewhere or is read elsewhere: an alias, an anchor
    /// or a merge key at or below it.
    pub fn shared(&self) -> bool {
        let mut todo = vec![self.id];
        while let Some(id) = todo.pop() {
            if self.tree.is_alias(id) || self.tree.is_anchored(id) {
                return true;
            }
            match self.tree.value(id) {
                Value::Scalar { .. } => {}
                Value::Seq(items) => todo.extend(items),
                Value::Map(entries) => {
                    if entries.iter().any(|entry| entry.merged) {
                        return true;
                    }
                    todo.extend(entries.iter().map(|entry| entry.value));
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::yaml::parse;

    const TEXT: &str = "a: &x {k: 'v', l: [1, 2]}\nb:\n  <<: *x\nc: *x\nd: {e: ~}\n";

    #[test]
    fn nodes_know_their_path_and_words() {
        let tree = parse(TEXT).unwrap();
        let root = Node::root(&tree).unwrap();
        let value = root.get("a").unwrap().get("k").unwrap();
        assert_eq!(value.path(), [Seg::Key("a".to_owned()), Seg::Key("k".to_owned())]);
        assert_eq!(&TEXT[value.word().range()], "v");
        assert_eq!(&TEXT[value.span().range()], "'v'");
        let item = root.get("c").unwrap().get("l").unwrap().items().nth(1).unwrap();
        assert_eq!(item.path().last(), Some(&Seg::Index(1)));
        assert_eq!(item.text(), Some("2"));
        assert_eq!(&TEXT[root.field("d").unwrap().span().range()], "d: {e: ~}");
        assert_eq!(root.get("d").unwrap().get("e").unwrap().at(), None);
    }

    #[test]
    fn what_is_shared_is_told() {
        let tree = parse(TEXT).unwrap();
        let root = Node::root(&tree).unwrap();
        let shared = |key: &str| root.get(key).unwrap().shared();
        assert_eq!([shared("a"), shared("b"), shared("c"), shared("d")], [true, true, true, false]);
    }
}
