//! Inputs of a configuration: `spec:inputs` in its header, `$[[ inputs.x ]]` where
//! they are used.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::value::{self, Item, Kind, Val};
use crate::pipeline::yaml::Tree;

static USE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$\[\[\s*inputs\.([A-Za-z0-9_-]+)[^\]]*\]\]").expect("the pattern is fixed")
});

/// Puts in what is given, else the header's default. What has neither stays as it is
/// written.
pub(super) fn fill(tree: &Tree, given: &[Item], root: Val) -> Val {
    let header = tree.roots().first().copied().filter(|first| Some(*first) != tree.root());
    let Some(header) = header.map(|header| value::load_at(tree, header)) else { return root };
    let declared = header.get("spec").and_then(|spec| spec.get("inputs"));
    let mut inputs: HashMap<&str, &Val> = HashMap::new();
    for item in declared.map(Val::entries).unwrap_or_default() {
        inputs.extend(item.value.get("default").map(|value| (item.key.as_str(), value)));
    }
    inputs.extend(given.iter().map(|item| (item.key.as_str(), &item.value)));
    if inputs.is_empty() { root } else { put(&root, &inputs).unwrap_or(root) }
}

/// `None` where nothing changes.
fn put(value: &Val, inputs: &HashMap<&str, &Val>) -> Option<Val> {
    let kind = match &*value.kind {
        Kind::Scalar(text, plain) => {
            // A value that is an input and nothing else may be a list or a mapping.
            let whole = USE
                .captures(text)
                .filter(|found| found.get(0).is_some_and(|all| all.as_str() == text.trim()))
                .and_then(|found| inputs.get(found.get(1)?.as_str()));
            match whole {
                Some(input) => Rc::clone(&input.kind),
                None => Rc::new(Kind::Scalar(text_of(text, inputs)?, *plain)),
            }
        }
        Kind::Seq(items) => {
            let new: Vec<Option<Val>> = items.iter().map(|item| put(item, inputs)).collect();
            if new.iter().all(Option::is_none) {
                return None;
            }
            let pairs = new.into_iter().zip(items);
            Rc::new(Kind::Seq(pairs.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect()))
        }
        Kind::Map(items) => {
            let mut changed = false;
            let new: Vec<Item> = items
                .iter()
                .map(|item| {
                    let (key, value) = (text_of(&item.key, inputs), put(&item.value, inputs));
                    changed |= key.is_some() || value.is_some();
                    Item {
                        key: key.unwrap_or_else(|| item.key.clone()),
                        value: value.unwrap_or_else(|| item.value.clone()),
                        key_span: item.key_span,
                    }
                })
                .collect();
            if !changed {
                return None;
            }
            Rc::new(Kind::Map(new))
        }
    };
    Some(Val { kind, shared: true, ..value.clone() })
}

/// A text with its inputs put in; `None` where there are none.
fn text_of(text: &str, inputs: &HashMap<&str, &Val>) -> Option<String> {
    if !text.contains("$[[") {
        return None;
    }
    let new = USE.replace_all(text, |found: &Captures<'_>| {
        let name = found.get(1).map(|name| name.as_str()).unwrap_or_default();
        match inputs.get(name) {
            Some(value) => value.written(),
            None => found.get(0).map(|all| all.as_str().to_owned()).unwrap_or_default(),
        }
    });
    match new {
        Cow::Owned(new) if new != text => Some(new),
        _ => None,
    }
}
