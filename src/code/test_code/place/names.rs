//! Names that a test may not take from others.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::imports::top;
use super::script;
use crate::code::definitions::{Definition, Kind};
use crate::code::language::Language;
use crate::code::test_code::items::{Item, items};
use crate::code::test_code::source::{Code, parts};

/// What two definitions may not share.
type Key = (Option<String>, String);

/// Looks whether what stood there still does, and whether something new has a
/// name that is taken.
pub(super) fn check(old: &Code<'_>, new: &Code<'_>, lines: &[Range<u32>]) -> Result<(), String> {
    let is_new = |range: &Range<u32>| {
        let last = range.end.saturating_sub(1);
        lines.iter().any(|new| new.contains(&last) && range.start < new.end)
    };
    if new.is_script() {
        scopes(new, lines)?;
    } else {
        let (fresh, kept): (Vec<&Definition>, Vec<&Definition>) =
            named(new).into_iter().partition(|one| is_new(&one.signature));
        let before: Vec<Key> = named(old).into_iter().map(key).collect();
        let after: Vec<Key> = kept.into_iter().map(key).collect();
        if before != after {
            return Err("The code would change what other code of the file belongs to; give whole definitions only.".to_owned());
        }
        let taken: HashSet<&Key> = before.iter().collect();
        let mut seen = HashSet::new();
        for one in fresh {
            let name = key(one);
            let is_overload = new.language == Language::Java && !one.is_test && one.is_callable();
            if taken.contains(&name) && !is_overload {
                return Err(exists(&one.name, one.kind));
            }
            let is_import = one.container.is_none() && old.bindings.contains_key(&one.name);
            if is_import && matches!(new.language, Language::Python | Language::Go) {
                return Err(exists(&one.name, one.kind));
            }
            if !seen.insert(name) && !is_overload && one.kind != Kind::Constant {
                return Err(format!(
                    "The code defines `{}` twice; give each its own name.",
                    one.name
                ));
            }
        }
    }
    tests(new, &is_new)
}

fn exists(name: &str, kind: Kind) -> String {
    let what = match kind {
        Kind::Type | Kind::Interface => "class",
        Kind::Constant => "value",
        Kind::Module => "module",
        _ => "function",
    };
    format!(
        "A {what} `{name}` exists in this file already and would be shadowed; take another name, or use the one that is there."
    )
}

fn key(one: &Definition) -> Key {
    (one.container.clone(), one.name.clone())
}

/// The definitions that others can see: none inside of functions, no `impl`.
fn named<'c>(code: &'c Code<'_>) -> Vec<&'c Definition> {
    let mut functions: Vec<u32> = Vec::new();
    let mut found = Vec::new();
    for one in &code.definitions {
        functions.retain(|end| *end > one.signature.start);
        let is_inner = !functions.is_empty();
        // Ruby's tests are calls in groups.
        if one.is_callable() {
            functions.push(one.lines.end);
        }
        if !is_inner && one.kind != Kind::Impl {
            found.push(one);
        }
    }
    found
}

/// No two tests of one name in one place.
fn tests(new: &Code<'_>, is_new: &dyn Fn(&Range<u32>) -> bool) -> Result<(), String> {
    let all = items(new);
    let mut counts: HashMap<(&[String], &str), usize> = HashMap::new();
    for item in &all {
        *counts.entry((&item.containers, &item.own)).or_default() += 1;
    }
    let twice = |item: &&Item| {
        is_new(&item.lines)
            && counts.get(&(item.containers.as_slice(), item.own.as_str())) > Some(&1)
    };
    match all.iter().find(twice) {
        Some(item) => {
            Err(format!("A test `{}` exists in this file already; take another name.", item.own))
        }
        None => Ok(()),
    }
}

/// What a script's code declares must be new in its scope and in those around it.
fn scopes(new: &Code<'_>, lines: &[Range<u32>]) -> Result<(), String> {
    let is_new = |line: u32| lines.iter().any(|range| range.contains(&line));
    let mut taken: HashSet<String> = HashSet::new();
    let nodes = top(new);
    let mut levels = vec![nodes.clone()];
    for node in nodes {
        let inner = parts(node).first().copied().and_then(script::body);
        // A group that is new as a whole is a scope of its own.
        if let Some(body) = inner.filter(|_| !is_new(crate::code::test_code::source::line_of(node)))
        {
            levels.push(parts(body));
        }
    }
    let file_level: HashSet<String> = {
        let imported = new.bindings.keys().cloned();
        let old: Vec<_> = levels[0]
            .iter()
            .copied()
            .filter(|node| !is_new(crate::code::test_code::source::line_of(*node)))
            .collect();
        imported.chain(script::declared(new, &old)).collect()
    };
    for (depth, level) in levels.into_iter().enumerate() {
        taken.clear();
        taken.extend(file_level.iter().cloned());
        let (fresh, kept): (Vec<_>, Vec<_>) = level
            .into_iter()
            .partition(|node| is_new(crate::code::test_code::source::line_of(*node)));
        taken.extend(script::declared(new, &kept));
        let fresh: Vec<_> = fresh
            .into_iter()
            .filter(|node| depth > 0 || !new.str(*node).contains("require("))
            .collect();
        if let Some(name) =
            script::declared(new, &fresh).into_iter().find(|name| taken.contains(name))
        {
            return Err(exists(&name, Kind::Constant));
        }
    }
    Ok(())
}
