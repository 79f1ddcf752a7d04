//! A small language of paths into JSON.
//!
//! | part | selects |
//! |---|---|
//! | `name`, `.name`, `["na.me"]` | a member |
//! | `[0]`, `[-1]` | an element, from the end where negative |
//! | `[*]`, `.*` | all elements or members |
//! | `[name="value"]` | the elements (or the object itself) whose member has this value |
//!
//! A `$` at the start is allowed and means nothing.

use serde_json::Value;

/// A path that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Member(String),
    Element(i64),
    All,
    Where(String, String),
}

impl Path {
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let whole = text.trim();
        let mut rest = whole.strip_prefix('$').unwrap_or(whole);
        let mut parts = Vec::new();
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (part, after) = bracket(inner).ok_or_else(|| {
                    format!("`{whole}`: cannot read what is behind `[`: `{inner}`")
                })?;
                parts.push(part);
                rest = after;
                continue;
            }
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end == 0 && !name.starts_with('[') {
                return Err(format!("`{whole}`: a name is missing"));
            }
            match &name[..end] {
                "" => {}
                "*" => parts.push(Part::All),
                name => parts.push(Part::Member(name.to_owned())),
            }
            rest = &name[end..];
        }
        Ok(Path(parts))
    }

    /// All values that the path leads to.
    pub(super) fn all<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for part in &self.0 {
            found = found.into_iter().flat_map(|value| step(value, part)).collect();
        }
        found
    }

    /// Whether it leads to something, if only to an empty list.
    pub(super) fn leads(&self, value: &Value) -> bool {
        let end = self.0.iter().rposition(|part| *part != Part::All).map_or(0, |at| at + 1);
        !Path(self.0[..end].to_vec()).all(value).is_empty()
    }

    /// The first of them.
    pub(super) fn first<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.all(value).into_iter().next()
    }
}

/// The inside of brackets, and what follows them.
fn bracket(inner: &str) -> Option<(Part, &str)> {
    if let Some((text, after)) = quoted(inner) {
        return Some((Part::Member(text), after.strip_prefix(']')?));
    }
    let end = inner.find([']', '=', '"', '\''])?;
    let (head, rest) = (inner[..end].trim(), &inner[end..]);
    if let Some(after) = rest.strip_prefix(']') {
        let part = match head {
            "*" => Part::All,
            number => Part::Element(number.parse().ok()?),
        };
        return Some((part, after));
    }
    let rest = rest.strip_prefix('=')?;
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let (value, after) = match quoted(rest) {
        Some((text, after)) => (text, after.trim_start().strip_prefix(']')?),
        None => {
            let (text, after) = rest.split_once(']')?;
            (text.trim().to_owned(), after)
        }
    };
    (!head.is_empty()).then(|| (Part::Where(head.to_owned(), value), after))
}

/// A text in quotes at the start, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (inside, after) = text[1..].split_once(quote)?;
    Some((inside.to_owned(), after))
}

fn step<'v>(value: &'v Value, part: &Part) -> Vec<&'v Value> {
    match (part, value) {
        (Part::Member(name), Value::Object(members)) => members.get(name).into_iter().collect(),
        (Part::Element(at), Value::Array(items)) => {
            let length = items.len() as i64;
            let at = if *at < 0 { length.saturating_add(*at) } else { *at };
            usize::try_from(at).ok().and_then(|at| items.get(at)).into_iter().collect()
        }
        (Part::All, Value::Array(items)) => items.iter().collect(),
        (Part::All, Value::Object(members)) => members.values().collect(),
        (Part::Where(name, wanted), Value::Array(items)) => {
            items.iter().filter(|item| has(item, name, wanted)).collect()
        }
        (Part::Where(name, wanted), item @ Value::Object(_)) if has(item, name, wanted) => {
            vec![item]
        }
        _ => Vec::new(),
    }
}

fn has(item: &Value, name: &str, wanted: &str) -> bool {
    match item.get(name) {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Null) | None => false,
        Some(other) => {
            let text = other.to_string();
            text == wanted
        }
    }
}

/// The points of an answer that no path is given for: the first list of objects or
/// lists that is not far down.
pub(super) fn points(value: &Value) -> Vec<&Value> {
    let mut level = vec![value];
    for _ in 0..6 {
        let mut below = Vec::new();
        for value in level {
            match value {
                Value::Array(items)
                    if items
                        .iter()
                        .any(|i| i.is_object() || i.as_array().is_some_and(|a| is_pair(a))) =>
                {
                    return items.iter().collect();
                }
                Value::Array(items) => below.extend(items),
                Value::Object(members) => below.extend(members.values()),
                _ => {}
            }
        }
        level = below;
    }
    Vec::new()
}

/// Whether a list is a time and one or two numbers.
fn is_pair(list: &[Value]) -> bool {
    matches!(list.len(), 2 | 3) && list.iter().all(|item| !item.is_array() && !item.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_select() {
        let value = json!({"data": {"a.b": [1, 2, 3], "s": [
            {"id": "x", "n": 7, "v": [10]}, {"id": "y]", "n": 8, "v": [20, 30]}]}});
        for (path, expect) in [
            ("data.s[0].v[0]", json!([10])),
            ("$.data[\"a.b\"][-1]", json!([3])),
            ("data['a.b'][*]", json!([1, 2, 3])),
            ("data.s[id=x].v", json!([[10]])),
            ("data.s[id=\"y]\"].v.*", json!([20, 30])),
            ("data.s[n==8].id", json!(["y]"])),
            ("data.s[*][id=x].n", json!([7])),
            ("data.s[9]", json!([])),
            ("data.s[-9]", json!([])),
            ("data.s.v", json!([])),
            ("nothing", json!([])),
        ] {
            assert_eq!(json!(Path::parse(path).unwrap().all(&value)), expect, "{path}");
        }
        assert_eq!(Path::parse("$").unwrap().all(&value), [&value]);
        for wrong in ["a..b", "a[", "a[x", "a[]", "a[x=", "a.", "a['x]", "a[=3]"] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn points_are_found_where_answers_hold_them() {
        for (value, expect) in [
            (json!([{"t": 1}]), 1),
            (json!({"status": "ok", "data": {"points": [[1, 2], [3, 4], [5, 6]]}}), 3),
            (json!({"data": {"result": [{"values": [[1, "2"]]}]}}), 1),
            (json!([1, 2]), 0),
            (json!("x"), 0),
        ] {
            assert_eq!(points(&value).len(), expect, "{value}");
        }
    }
}
