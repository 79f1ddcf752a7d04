//! `!reference` and `extends`, in the order in which the service resolves them:
//! references see jobs as they are written, before what they extend.

use std::collections::HashMap;

use super::value::{Item, Kind, MOST_MERGED, Val, merge};
use crate::pipeline::graph::{Pipeline, Unread};

/// Deepest chain of references; the service's own limit.
const DEEPEST_REFERENCE: usize = 10;
/// Deepest chain of `extends`; the service's own limit.
const DEEPEST_EXTENDS: usize = 11;

/// The same configuration with every `!reference` replaced by what it names. One that
/// leads nowhere, or in a circle, becomes nothing and is noted.
pub(super) fn references(root: &Val, pipeline: &mut Pipeline) -> Val {
    let mut resolver = References {
        top: root.entries().iter().map(|item| (item.key.as_str(), &item.value)).collect(),
        known: HashMap::new(),
        unread: Vec::new(),
    };
    let value = resolver.resolve(root, 0).unwrap_or_else(|| root.clone());
    pipeline.unread.append(&mut resolver.unread);
    value
}

struct References<'v> {
    top: HashMap<&'v str, &'v Val>,
    known: HashMap<Vec<String>, Option<Val>>,
    unread: Vec<Unread>,
}

impl References<'_> {
    /// `None` where nothing changes.
    fn resolve(&mut self, value: &Val, depth: usize) -> Option<Val> {
        if value.tag.as_deref().is_some_and(|tag| tag.ends_with("reference")) && value.is_seq() {
            let path = value.texts();
            let found = self.target(&path, depth);
            if found.is_none() {
                let why = if depth >= DEEPEST_REFERENCE { "cyclic" } else { "missing" };
                self.note(format!("!reference [{}]", path.join(", ")), why, value);
            }
            let empty = || value.with(Kind::Scalar(String::new(), true));
            let found = found.unwrap_or_else(empty);
            return Some(Val { span: value.span, shared: true, ..found });
        }
        match &*value.kind {
            Kind::Scalar(..) => None,
            Kind::Seq(items) => {
                let new: Vec<Option<Val>> =
                    items.iter().map(|item| self.resolve(item, depth)).collect();
                new.iter().any(Option::is_some).then(|| {
                    let pairs = new.into_iter().zip(items);
                    value.with(Kind::Seq(
                        pairs.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect(),
                    ))
                })
            }
            Kind::Map(items) => {
                let new: Vec<Option<Val>> =
                    items.iter().map(|item| self.resolve(&item.value, depth)).collect();
                new.iter().any(Option::is_some).then(|| {
                    let pairs = new.into_iter().zip(items);
                    value.with(Kind::Map(
                        pairs
                            .map(|(new, old)| match new {
                                Some(value) => Item { value, ..old.clone() },
                                None => old.clone(),
                            })
                            .collect(),
                    ))
                })
            }
        }
    }

    fn target(&mut self, path: &[String], depth: usize) -> Option<Val> {
        if depth >= DEEPEST_REFERENCE {
            return None;
        }
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let (first, rest) = path.split_first()?;
        let mut value = *self.top.get(first.as_str())?;
        for key in rest {
            value = value.get(key)?;
        }
        let value = value.clone();
        // While it is being resolved, a reference back to it leads nowhere.
        self.known.insert(path.to_vec(), None);
        let value = self.resolve(&value, depth + 1).unwrap_or(value);
        self.known.insert(path.to_vec(), Some(value.clone()));
        Some(value)
    }

    fn note(&mut self, what: String, why: &'static str, value: &Val) {
        if self.unread.iter().all(|known| known.span != value.span) {
            self.unread.push(Unread { what, why, span: value.span });
        }
    }
}

/// Jobs with all that they extend laid below them.
pub(super) struct Extends<'v> {
    top: HashMap<&'v str, &'v Val>,
    known: HashMap<String, Val>,
    unread: Vec<Unread>,
    budget: usize,
}

impl<'v> Extends<'v> {
    /// Of this configuration.
    pub fn new(root: &'v Val) -> Self {
        Extends {
            top: root.entries().iter().map(|item| (item.key.as_str(), &item.value)).collect(),
            known: HashMap::new(),
            unread: Vec::new(),
            budget: MOST_MERGED,
        }
    }

    /// The job of this name in full; itself where it extends nothing.
    pub fn job(&mut self, name: &str, value: &Val) -> Val {
        let mut trail = vec![name.to_owned()];
        self.full(value, &mut trail)
    }

    /// What could not be found, or leads in a circle.
    pub fn finish(self) -> Vec<Unread> {
        self.unread
    }

    fn full(&mut self, value: &Val, trail: &mut Vec<String>) -> Val {
        let Some(extends) = value.get("extends") else { return value.clone() };
        let mut below: Option<Val> = None;
        for parent in extends.flat() {
            let Some(name) = parent.filled() else { continue };
            let unread = |why| Unread { what: name.to_owned(), why, span: parent.word };
            if trail.iter().any(|known| known == name) || trail.len() > DEEPEST_EXTENDS {
                self.unread.push(unread("cyclic"));
                continue;
            }
            let full = match (self.known.get(name), self.top.get(name).copied()) {
                (Some(known), _) => known.clone(),
                (None, Some(found)) if found.is_map() => {
                    trail.push(name.to_owned());
                    let full = self.full(found, trail);
                    trail.pop();
                    self.known.insert(name.to_owned(), full.clone());
                    full
                }
                _ => {
                    self.unread.push(unread("missing"));
                    continue;
                }
            };
            below = Some(match below {
                Some(below) => merge(&below, &full, &mut self.budget),
                None => full,
            });
        }
        match below {
            Some(below) => merge(&below, value, &mut self.budget),
            None => value.clone(),
        }
    }
}
