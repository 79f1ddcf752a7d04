//! Configuration as GitLab sees it once files are put together: values that know
//! the file, the bytes and the path where they stand.

use std::collections::HashMap;
use std::rc::Rc;

use crate::pipeline::graph::{At, Path, Seg, Span};
use crate::pipeline::yaml::value::Value as Plain;
use crate::pipeline::yaml::{Id, Style, Tree, Value};

/// Most nodes that one list is flattened from, or one value is written from.
const MOST_FLAT: usize = 20_000;
/// Most entries that are laid over others when a configuration is put together.
pub(super) const MOST_MERGED: usize = 1_000_000;
/// Deepest nesting of lists in a script; the service allows 10.
const DEEPEST_LIST: usize = 10;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Val {
    /// What it is. Aliases share their target's.
    pub kind: Rc<Kind>,
    /// Where it stands; of an alias, where the alias stands.
    pub span: Span,
    /// A scalar's text without quotes, where it was first written.
    pub word: Span,
    /// The path in its file.
    pub path: Path,
    /// The tag, such as `!reference`.
    pub tag: Option<String>,
    /// Whether it stands elsewhere or is read elsewhere.
    pub shared: bool,
}

/// Kinds of values.
#[derive(Debug)]
pub(super) enum Kind {
    /// A text, and whether it is unquoted.
    Scalar(String, bool),
    /// A list.
    Seq(Vec<Val>),
    /// Entries in order, of each key the first.
    Map(Vec<Item>),
}

/// An entry of a mapping.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Its key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// What stands behind it.
    pub value: Val,
}

impl Item {
    /// From the key to the end of the value, as far as they stand together.
    pub fn span(&self) -> Span {
        let value = self.value.span;
        let end = if value.file == self.key_span.file { value.end } else { 0 };
        Span { end: end.max(self.key_span.end), ..self.key_span }
    }
}

/// Reads a tree's main document.
pub(super) fn load(tree: &Tree, file: u16) -> Option<Val> {
    let root = tree.root()?;
    Some(Loader { tree, file, known: HashMap::new() }.load(root, Path::new()))
}

/// Reads one top node of the file itself: its header.
pub(super) fn load_at(tree: &Tree, root: Id) -> Val {
    Loader { tree, file: 0, known: HashMap::new() }.load(root, Path::new())
}

struct Loader<'t> {
    tree: &'t Tree,
    file: u16,
    known: HashMap<Id, Val>,
}

impl Loader<'_> {
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span { file: self.file, ..Span::new(range) }
    }

    fn load(&mut self, id: Id, path: Path) -> Val {
        let target = self.tree.resolve(id);
        if let Some(known) = self.known.get(&target) {
            let span = self.span(self.tree.span(id));
            // A merged entry has the path of where it stands, an alias its own.
            let path = if target == id { known.path.clone() } else { path };
            return Val { span, path, shared: true, ..known.clone() };
        }
        let kind = match self.tree.value(target) {
            Value::Scalar { text, plain } => Kind::Scalar(text.clone(), *plain),
            Value::Seq(items) => Kind::Seq(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.load(*item, step(&path, Seg::Index(index))))
                    .collect(),
            ),
            Value::Map(entries) => {
                let mut items: Vec<Item> = Vec::with_capacity(entries.len());
                let mut seen = std::collections::HashSet::new();
                for entry in entries {
                    if !seen.insert(entry.key.as_str()) {
                        continue;
                    }
                    let path = step(&path, Seg::Key(entry.key.clone()));
                    let mut value = self.load(entry.value, path);
                    value.shared |= entry.merged;
                    items.push(Item {
                        key: entry.key.clone(),
                        key_span: self.span(entry.key_span.clone()),
                        value,
                    });
                }
                Kind::Map(items)
            }
        };
        let range = self.tree.span(target);
        let quoted = matches!(self.tree.style(target), Style::Single | Style::Double);
        let word = if quoted && range.len() >= 2 { range.start + 1..range.end - 1 } else { range };
        let shared = self.tree.is_alias(id) || self.tree.is_anchored(id);
        let value = Val {
            kind: Rc::new(kind),
            span: self.span(self.tree.span(id)),
            word: self.span(word),
            path,
            tag: self.tree.tag(target).map(str::to_owned),
            shared,
        };
        // Entries of an anchored mapping come again through aliases and merge keys.
        self.known.insert(target, value.clone());
        value
    }
}

fn step(path: &Path, seg: Seg) -> Path {
    let mut path = path.clone();
    path.push(seg);
    path
}

impl Val {
    /// The same value with other contents.
    pub fn with(&self, kind: Kind) -> Val {
        Val { kind: Rc::new(kind), tag: None, ..self.clone() }
    }

    /// A mapping's entries; none of anything else.
    pub fn entries(&self) -> &[Item] {
        match &*self.kind {
            Kind::Map(items) => items,
            _ => &[],
        }
    }

    /// A list's items; none of anything else.
    pub fn items(&self) -> &[Val] {
        match &*self.kind {
            Kind::Seq(items) => items,
            _ => &[],
        }
    }

    /// The entry with this key.
    pub fn entry(&self, key: &str) -> Option<&Item> {
        self.entries().iter().find(|item| item.key == key)
    }

    /// The value with this key.
    pub fn get(&self, key: &str) -> Option<&Val> {
        self.entry(key).map(|item| &item.value)
    }

    /// Whether it is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(*self.kind, Kind::Map(_))
    }

    /// Whether it is a list.
    pub fn is_seq(&self) -> bool {
        matches!(*self.kind, Kind::Seq(_))
    }

    /// A scalar's text; a null's is empty.
    pub fn text(&self) -> Option<&str> {
        match &*self.kind {
            Kind::Scalar(text, true) if matches!(text.as_str(), "~" | "null" | "Null" | "NULL") => {
                Some("")
            }
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar that is neither null nor empty.
    pub fn filled(&self) -> Option<&str> {
        self.text().filter(|text| !text.is_empty())
    }

    /// A scalar that is not empty, with its place.
    pub fn at(&self) -> Option<At<String>> {
        self.filled().map(|text| At { value: text.to_owned(), span: self.span })
    }

    /// `true` or `false`, as YAML 1.1 spells them too, which the service reads.
    pub fn bool(&self) -> Option<bool> {
        match &*self.kind {
            Kind::Scalar(text, true) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Some(true),
                "false" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Itself where it is anything but a list or empty, else its items, lists within
    /// lists laid out flat: what references and aliases in lists come to.
    pub fn flat(&self) -> Vec<&Val> {
        let mut all = Vec::new();
        self.flatten(0, &mut { MOST_FLAT }, &mut all);
        all
    }

    fn flatten<'v>(&'v self, depth: usize, budget: &mut usize, all: &mut Vec<&'v Val>) {
        *budget = budget.saturating_sub(1);
        if *budget == 0 || depth > DEEPEST_LIST {
            return;
        }
        match &*self.kind {
            Kind::Seq(items) => items.iter().for_each(|item| item.flatten(depth + 1, budget, all)),
            Kind::Scalar(..) if self.text() == Some("") => {}
            _ => all.push(self),
        }
    }

    /// The texts of [`Val::flat`].
    pub fn texts(&self) -> Vec<String> {
        self.flat().iter().filter_map(|val| val.filled().map(str::to_owned)).collect()
    }

    /// The value as text: a scalar as it reads, a collection as JSON.
    pub fn written(&self) -> String {
        match self.text() {
            Some(text) => text.to_owned(),
            None => self.plain(&mut { MOST_FLAT }).to_json().to_string(),
        }
    }

    fn plain(&self, budget: &mut usize) -> Plain {
        *budget = budget.saturating_sub(1);
        if *budget == 0 {
            return Plain::Null;
        }
        match &*self.kind {
            Kind::Scalar(text, true) => Plain::from_plain_scalar(text),
            Kind::Scalar(text, false) => Plain::text(text.as_str()),
            Kind::Seq(items) => Plain::Seq(items.iter().map(|item| item.plain(budget)).collect()),
            Kind::Map(items) => Plain::Map(
                items.iter().map(|item| (item.key.clone(), item.value.plain(budget))).collect(),
            ),
        }
    }

    /// Whether part of it stands elsewhere or is read elsewhere.
    pub fn is_shared(&self) -> bool {
        self.shared
            || self.items().iter().any(Val::is_shared)
            || self.entries().iter().any(|item| item.value.is_shared())
    }
}

/// Lays `over` on `base` as the service does: mappings entry by entry, all else is
/// replaced. References can make values far larger than their text: no more than
/// `budget` entries are laid over others.
pub(super) fn merge(base: &Val, over: &Val, budget: &mut usize) -> Val {
    let (Kind::Map(below), Kind::Map(above)) = (&*base.kind, &*over.kind) else {
        return over.clone();
    };
    *budget = budget.saturating_sub(above.len());
    if *budget == 0 || Rc::ptr_eq(&base.kind, &over.kind) {
        return over.clone();
    }
    let mut items = below.clone();
    let places: HashMap<&str, usize> =
        below.iter().enumerate().map(|(place, item)| (item.key.as_str(), place)).collect();
    for item in above {
        match places.get(item.key.as_str()).and_then(|place| items.get_mut(*place)) {
            Some(known) => {
                let value = merge(&known.value, &item.value, budget);
                *known = Item { value, ..item.clone() };
            }
            None => items.push(item.clone()),
        }
    }
    over.with(Kind::Map(items))
}
