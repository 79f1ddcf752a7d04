//! Edits of files as they are found.

mod corpus;
mod generated;
mod places;
mod wrap;

use super::{Op, Place, intend, same, splice};
use crate::pipeline::graph::{Path, Seg};
use crate::pipeline::yaml::{self, Plain};

/// `jobs.a.steps[0]`, without dots in keys.
pub(super) fn path(text: &str) -> Path {
    let mut out = Vec::new();
    for part in text.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        if let Some(key) = pieces.next().filter(|key| !key.is_empty()) {
            out.push(Seg::Key(key.to_owned()));
        }
        for index in pieces {
            out.push(Seg::Index(index.trim_end_matches(']').parse().unwrap()));
        }
    }
    out
}

pub(super) fn insert(at: &str, key: &str, value: impl Into<Plain>, place: Place) -> Op {
    Op::Insert { at: path(at), key: key.to_owned(), value: value.into(), place }
}

pub(super) fn push(at: &str, index: usize, value: impl Into<Plain>) -> Op {
    Op::Push { at: path(at), index, value: value.into() }
}

pub(super) fn replace(at: &str, value: impl Into<Plain>) -> Op {
    Op::Replace { at: path(at), value: value.into() }
}

pub(super) fn remove(at: &str) -> Op {
    Op::Remove { at: path(at) }
}

pub(super) fn text(at: &str, find: &str, replace: &str) -> Op {
    Op::Text { at: path(at), find: find.to_owned(), replace: replace.to_owned() }
}

/// What comes of ops: the new text, or why not.
pub(super) fn made(before: &str, ops: &[Op]) -> Result<String, String> {
    let tree = yaml::parse(before).map_err(|broken| broken.why)?;
    let after = splice(before, &tree, ops).map_err(|refused| refused.reason.to_string())?;
    verify(before, &tree, ops, &after)?;
    Ok(after)
}

/// Fails where the text does not mean what it has to.
pub(super) fn verify(
    before: &str,
    tree: &yaml::Tree,
    ops: &[Op],
    after: &str,
) -> Result<(), String> {
    let wrong = |why: String| {
        let diff = similar::TextDiff::from_lines(before, after);
        let diff = diff.unified_diff().context_radius(3).to_string();
        format!("WRONG: {why}\n{ops:?}\n{diff}")
    };
    let root = tree.root().ok_or("no root")?;
    let intended = intend(&tree.plain(root), ops).map_err(|refused| wrong(refused.to_string()))?;
    let again = yaml::parse(after).map_err(|broken| wrong(broken.why))?;
    let plain = again.root().map(|root| again.plain(root)).ok_or_else(|| wrong("empty".into()))?;
    if !same(&plain, &intended) {
        return Err(wrong(differ(&plain, &intended)));
    }
    let crlf = |text: &str| text.matches("\r\n").count();
    let lf = |text: &str| text.matches('\n').count();
    if crlf(before) == lf(before) && lf(before) > 0 && crlf(after) != lf(after) {
        return Err(wrong("line ends are mixed".into()));
    }
    if crlf(before) == 0 && crlf(after) != 0 {
        return Err(wrong("line ends changed".into()));
    }
    if before.ends_with('\n') != after.ends_with('\n') {
        return Err(wrong("the final line end changed".into()));
    }
    Ok(())
}

/// Where two values part.
fn differ(a: &Plain, b: &Plain) -> String {
    match (a, b) {
        (Plain::Map(x), Plain::Map(y)) if x.len() == y.len() => {
            let apart =
                x.iter().find(|(key, value)| b.get(key).is_none_or(|other| !same(value, other)));
            match apart {
                Some((key, value)) => match b.get(key) {
                    Some(other) => format!("{key}.{}", differ(value, other)),
                    None => format!("{key} is not meant"),
                },
                None => "twice".to_owned(),
            }
        }
        (Plain::Seq(x), Plain::Seq(y)) if x.len() == y.len() => x
            .iter()
            .zip(y)
            .enumerate()
            .find(|(_, (a, b))| !same(a, b))
            .map_or_else(String::new, |(index, (a, b))| format!("[{index}].{}", differ(a, b))),
        _ => format!("{a:?} for {b:?}"),
    }
}
