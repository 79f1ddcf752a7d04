//! Schemas as OpenAI's strict mode wants them
//! (<https://developers.openai.com/api/docs/guides/structured-outputs>): every
//! object closed and every property required, so what is optional may be null.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// Keywords that a strict schema may hold. Others there are, but not every
/// model takes them.
const KEYWORDS: [&str; 9] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "description",
];

/// The schema in its strict form; `None` if it has none that means the same.
pub fn strict(schema: &Value) -> Option<Value> {
    let fields = schema.as_object()?;
    if fields.keys().any(|key| !KEYWORDS.contains(&key.as_str())) {
        return None;
    }
    let mut strict = Map::new();
    for (key, value) in fields {
        let value = match key.as_str() {
            "properties" => properties(fields, value)?,
            "required" => continue,
            "items" => self::strict(value)?,
            "anyOf" => {
                let branches = value.as_array()?.iter().map(self::strict);
                Value::Array(branches.collect::<Option<_>>()?)
            }
            _ => value.clone(),
        };
        strict.insert(key.clone(), value);
    }
    if fields.get("type").is_some_and(|kind| kind == "object") {
        if fields.get("additionalProperties") != Some(&Value::Bool(false)) {
            return None;
        }
        let names = strict.get("properties")?.as_object()?.keys().cloned().collect();
        strict.insert("required".to_owned(), names);
    }
    Some(Value::Object(strict))
}

fn is_required(fields: &Map<String, Value>, name: &str) -> bool {
    let required = fields.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|one| one == name))
}

fn properties(fields: &Map<String, Value>, value: &Value) -> Option<Value> {
    let properties = value.as_object()?.iter().map(|(name, schema)| {
        let schema = strict(schema)?;
        let schema = if is_required(fields, name) { schema } else { nullable(schema)? };
        Some((name.clone(), schema))
    });
    properties.collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// The same, or null.
fn nullable(mut schema: Value) -> Option<Value> {
    let fields = schema.as_object_mut()?;
    if let Some(Value::Array(branches)) = fields.get_mut("anyOf") {
        branches.push(json!({"type": "null"}));
        return Some(schema);
    }
    if fields.contains_key("const") {
        return None;
    }
    if let Some(Value::Array(words)) = fields.get_mut("enum") {
        words.push(Value::Null);
    }
    match fields.get_mut("type")? {
        Value::Array(kinds) => kinds.push(json!("null")),
        kind => *kind = json!([kind.take(), "null"]),
    }
    Some(schema)
}

/// An input without the nulls that stand for optional properties left out.
pub fn without_nulls(input: Value, schema: &Value) -> Value {
    match input {
        Value::Object(fields) => {
            let none = Map::new();
            let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
            let left_out = |name: &str, value: &Value| {
                value.is_null()
                    && properties.contains_key(name)
                    && schema.as_object().is_some_and(|schema| !is_required(schema, name))
            };
            let kept = fields.into_iter().filter(|(name, value)| !left_out(name, value));
            let kept = kept.map(|(name, value)| {
                let value = match properties.get(&name) {
                    Some(schema) => without_nulls(value, schema),
                    None => value,
                };
                (name, value)
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return Value::Array(items) };
            Value::Array(items.into_iter().map(|item| without_nulls(item, schema)).collect())
        }
        other => other,
    }
}

/// The schema to send, and whether it is strict.
pub(super) fn schema(schema: &Value, may_be_strict: bool) -> (Cow<'_, Value>, bool) {
    match may_be_strict.then(|| strict(schema)).flatten() {
        Some(strict) => (Cow::Owned(strict), true),
        None => (Cow::Borrowed(schema), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::findings::report_findings_tool;

    fn closed(properties: Value, required: Value) -> Value {
        json!({"type": "object", "properties": properties, "required": required,
               "additionalProperties": false})
    }

    #[test]
    fn optional_properties_become_nullable() {
        let check = |schema: Value, expect: Option<Value>| {
            assert_eq!(strict(&schema), expect, "{schema}");
        };
        let text = json!({"type": "string"});
        check(
            closed(json!({"a": text, "b": {"type": "integer", "description": "d"}}), json!(["a"])),
            Some(closed(
                json!({"a": text, "b": {"type": ["integer", "null"], "description": "d"}}),
                json!(["a", "b"]),
            )),
        );
        check(
            closed(json!({"a": {"type": "string", "enum": ["x"]}}), json!([])),
            Some(closed(
                json!({"a": {"type": ["string", "null"], "enum": ["x", null]}}),
                json!(["a"]),
            )),
        );
        check(
            closed(json!({"a": {"anyOf": [text]}}), json!([])),
            Some(closed(json!({"a": {"anyOf": [text, {"type": "null"}]}}), json!(["a"]))),
        );
        check(
            closed(
                json!({"a": {"type": "array", "items": closed(json!({"b": text}), json!([]))}}),
                json!(["a"]),
            ),
            Some(closed(
                json!({"a": {"type": "array", "items": closed(json!({"b": {"type": ["string", "null"]}}), json!(["b"]))}}),
                json!(["a"]),
            )),
        );
        check(json!({"type": "object", "properties": {}}), None);
        check(closed(json!({"a": {"type": "integer", "minimum": 1}}), json!(["a"])), None);
        check(closed(json!({"a": {"type": "object", "properties": {}}}), json!(["a"])), None);
        check(closed(json!({"a": {}}), json!([])), None);
        check(json!(true), None);
    }

    #[test]
    fn the_answer_of_a_review_can_be_strict_and_comes_back_as_it_was_meant() {
        let tool = report_findings_tool();
        let strict = strict(&tool.input_schema).expect("the answer's schema is strict");
        let item = strict.pointer("/properties/findings/items").unwrap();
        let required = item["required"].as_array().unwrap().len();
        assert_eq!(required, item["properties"].as_object().unwrap().len());
        let with =
            json!({"summary": "s", "findings": [{"path": "a", "end_line": null, "title": null}]});
        let without = json!({"summary": "s", "findings": [{"path": "a", "title": null}]});
        assert_eq!(without_nulls(with, &tool.input_schema), without);
        assert_eq!(without_nulls(json!("cut {"), &tool.input_schema), json!("cut {"));
        assert_eq!(without_nulls(json!([null]), &tool.input_schema), json!([null]));
    }
}
