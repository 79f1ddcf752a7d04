//! Edits made on the plain tree: what the text has to mean afterwards.

use std::mem::take;

use super::plan::Plan;
use super::{Op, Place, Reason, Refused};
use crate::pipeline::graph::Seg;
use crate::pipeline::yaml::value::Value;

/// The tree after these ops. All of them are addressed against `before` as it is:
/// no index shifts under another op. What comes in at one place stands in the order
/// of the ops.
///
/// # Errors
/// A path leads nowhere or to a node of another kind, a new key is there already,
/// two ops want the same node, or a text does not stand exactly once.
pub fn intend(before: &Value, ops: &[Op]) -> Result<Value, Refused> {
    let plan = Plan::of(ops)?;
    let mut path = Vec::new();
    match plan.own {
        Some(Op::Replace { value, .. }) => Ok(value.clone()),
        Some(op) => Err(Reason::Kind.at(op.path())),
        None => apply(before, &plan, &mut path),
    }
}

/// Whether two values mean the same: the order of a mapping's entries means
/// nothing, equal keys count as often as they stand.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Seq(a), Value::Seq(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let in_order = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0);
            if in_order {
                return a.iter().zip(b).all(|(a, b)| same(&a.1, &b.1));
            }
            let sorted = |entries: &'_ [(String, Value)]| {
                let mut order: Vec<usize> = (0..entries.len()).collect();
                order.sort_by(|x, y| entries[*x].0.cmp(&entries[*y].0));
                order
            };
            a.len() == b.len()
                && sorted(a)
                    .into_iter()
                    .zip(sorted(b))
                    .all(|(x, y)| a[x].0 == b[y].0 && same(&a[x].1, &b[y].1))
        }
        _ => a == b,
    }
}

/// A value after what is planned for it.
pub(super) fn applied(
    value: &Value,
    plan: &Plan<'_>,
    path: &mut Vec<Seg>,
) -> Result<Value, Refused> {
    apply(value, plan, path)
}

/// Where in a mapping with these keys a new entry goes: before which one, by number.
pub(in crate::pipeline) fn slot<'k>(place: &Place, keys: impl Fn() -> Vec<&'k str>) -> usize {
    let find = |wanted: &[&'static str]| {
        let keys = keys();
        wanted.iter().find_map(|want| keys.iter().position(|key| key == want))
    };
    match place {
        Place::First => 0,
        Place::Last => keys().len(),
        Place::After(wanted) => find(wanted).map_or_else(|| keys().len(), |at| at + 1),
        Place::Before(wanted) => find(wanted).unwrap_or_else(|| keys().len()),
    }
}

fn apply(value: &Value, plan: &Plan<'_>, path: &mut Vec<Seg>) -> Result<Value, Refused> {
    if plan.is_empty() {
        return Ok(value.clone());
    }
    match plan.own {
        Some(Op::Replace { value, .. }) => return Ok(value.clone()),
        Some(Op::Text { find, replace, .. } | Op::Remark { find, replace, .. }) => {
            return text(value, find, replace).map_err(|reason| reason.at(path));
        }
        _ => {}
    }
    match value {
        Value::Map(entries) => mapping(entries, plan, path).map(Value::Map),
        Value::Seq(items) => sequence(items, plan, path).map(Value::Seq),
        Value::Null if plan.below.is_empty() => {
            if plan.inner.iter().all(|op| matches!(op, Op::Insert { .. })) {
                mapping(&[], plan, path).map(Value::Map)
            } else {
                sequence(&[], plan, path).map(Value::Seq)
            }
        }
        _ if plan.below.is_empty() => Err(Reason::Kind.at(path)),
        _ => Err(Reason::Missing.at(path)),
    }
}

fn mapping(
    entries: &[(String, Value)],
    plan: &Plan<'_>,
    path: &mut Vec<Seg>,
) -> Result<Vec<(String, Value)>, Refused> {
    for seg in plan.below.keys() {
        let count = match seg {
            Seg::Key(key) => entries.iter().filter(|(name, _)| name == key).take(2).count(),
            Seg::Index(_) => return Err(Reason::Kind.at(path)),
        };
        if count != 1 {
            let reason = if count == 0 { Reason::Missing } else { Reason::Twice };
            path.push((*seg).clone());
            return Err(reason.at(path));
        }
    }
    let mut slots: Vec<Vec<(String, Value)>> = vec![Vec::new(); entries.len() + 1];
    for op in &plan.inner {
        let Op::Insert { key, value, place, .. } = op else { return Err(Reason::Kind.at(path)) };
        let known = entries.iter().any(|(name, _)| name == key)
            || slots.iter().flatten().any(|(name, _)| name == key);
        if known {
            return Err(Reason::Exists.at(path));
        }
        let at = slot(place, || entries.iter().map(|(key, _)| key.as_str()).collect());
        slots[at].push((key.clone(), value.clone()));
    }
    let mut out = Vec::with_capacity(entries.len() + plan.inner.len());
    for (index, (key, value)) in entries.iter().enumerate() {
        out.append(&mut slots[index]);
        let value = match plan.key(key) {
            None => value.clone(),
            Some(below) if below.removes() => continue,
            Some(below) => {
                path.push(Seg::Key(key.clone()));
                let value = apply(value, below, path)?;
                path.pop();
                value
            }
        };
        out.push((key.clone(), value));
    }
    out.append(&mut slots[entries.len()]);
    Ok(out)
}

fn sequence(items: &[Value], plan: &Plan<'_>, path: &mut Vec<Seg>) -> Result<Vec<Value>, Refused> {
    for seg in plan.below.keys() {
        match seg {
            Seg::Index(index) if *index < items.len() => {}
            Seg::Index(_) => return Err(Reason::Missing.at(path)),
            Seg::Key(_) => return Err(Reason::Kind.at(path)),
        }
    }
    let mut slots: Vec<Vec<Value>> = vec![Vec::new(); items.len() + 1];
    let mut moved = vec![false; items.len()];
    for op in &plan.inner {
        match op {
            Op::Wrap { from, to, keys, beside, .. } if *to <= items.len() => {
                let inner = items.get(*from..*to).unwrap_or_default().to_vec();
                slots[*from].push(wrapped(keys, beside, inner));
                moved[*from..*to].fill(true);
            }
            Op::Push { index, value, .. } if *index <= items.len() => {
                slots[*index].push(value.clone());
            }
            // It stays where it is.
            Op::Move { from, to, .. }
                if *from < items.len() && (*to == *from || *to == *from + 1) => {}
            Op::Move { from, to, .. } if *from < items.len() && *to <= items.len() => {
                slots[*to].push(items[*from].clone());
                moved[*from] = true;
            }
            Op::Push { .. } | Op::Move { .. } | Op::Wrap { .. } => {
                return Err(Reason::Missing.at(path));
            }
            _ => return Err(Reason::Kind.at(path)),
        }
    }
    let mut out = Vec::with_capacity(items.len() + plan.inner.len());
    for (index, item) in items.iter().enumerate() {
        out.append(&mut take(&mut slots[index]));
        if moved[index] {
            continue;
        }
        match plan.item(index) {
            None => out.push(item.clone()),
            Some(below) if below.removes() => {}
            Some(below) => {
                path.push(Seg::Index(index));
                out.push(apply(item, below, path)?);
                path.pop();
            }
        }
    }
    out.append(&mut take(&mut slots[items.len()]));
    Ok(out)
}

/// The item that takes the place of wrapped ones.
fn wrapped(keys: &[&'static str], beside: &[(&'static str, Value)], items: Vec<Value>) -> Value {
    let mut value = Value::Seq(items);
    for (depth, key) in keys.iter().rev().enumerate() {
        let mut entries: Vec<(String, Value)> = Vec::new();
        if depth == 0 {
            entries.extend(beside.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        }
        entries.push(((*key).to_owned(), value));
        value = Value::Map(entries);
    }
    value
}

/// Text that stands exactly once gives way. A number stays one where it can.
pub(super) fn text(value: &Value, find: &str, replace: &str) -> Result<Value, Reason> {
    let (text, typed) = match value {
        Value::Text(text) => (text.clone(), false),
        Value::Float(text) => (text.clone(), true),
        Value::Int(number) => (number.to_string(), true),
        Value::Bool(value) => (value.to_string(), true),
        Value::Null | Value::Seq(_) | Value::Map(_) => return Err(Reason::Kind),
    };
    let after = once(&text, find, replace).ok_or(Reason::Ambiguous)?;
    Ok(if typed { Value::from_plain_scalar(&after) } else { Value::Text(after) })
}

/// `text` with `find`, which stands in it exactly once, replaced. Overlapping places count.
fn once(text: &str, find: &str, replace: &str) -> Option<String> {
    let at = only(text, find)?;
    Some(format!("{}{replace}{}", &text[..at], &text[at + find.len()..]))
}

/// Where `find` stands in `text`, if exactly once.
pub(super) fn only(text: &str, find: &str) -> Option<usize> {
    let first = text.find(find).filter(|_| !find.is_empty())?;
    let step = find.chars().next().map_or(1, char::len_utf8);
    text[first + step..].find(find).is_none().then_some(first)
}
