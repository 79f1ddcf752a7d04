//! What each of Anthropic's models takes in a request.
//!
//! From the "What's new" and migration pages of the models
//! (<https://platform.claude.com/docs/en/models/overview>), read 2026-11-20:
//! - Fable 5.1 and 5.2, Opus 5.5 and Sonnet 5.5 answer a forced `tool_choice`
//!   with 400, and models that think by default (all of the 5 line) do not
//!   combine it with thinking. `auto`, a strict schema and a plain instruction
//!   are taken by all.
//! - The whole 5 line and Opus 4.7 on refuse `temperature`, `top_p`, `top_k`
//!   and an assistant turn at the end, so these are never sent.
//! - `thinking` is left out: every model then does what it does best, and each
//!   of `disabled`, `enabled` and `between_tools` is refused by some.

use super::super::exchange::Form;
use super::super::price;

/// What differs between models in the requests that this program makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    /// `tool_choice` may be `any` or `tool`.
    pub forced_tools: bool,
    /// Tools may be `strict`.
    pub strict_tools: bool,
    /// `output_config.effort` is taken.
    pub effort: bool,
}

impl Capability {
    /// Only what every model takes.
    pub const BARE: Capability =
        Capability { forced_tools: false, strict_tools: false, effort: false };

    /// What of it is used in a form.
    pub(in crate::model) fn in_form(self, form: Form) -> Self {
        if form.bare { Capability::BARE } else { self }
    }
}

/// What a model takes. One that is not known gets only what all take.
pub fn capability(model: &str) -> Capability {
    let Some(family) = price::family(model) else { return Capability::BARE };
    let version_4 = family.contains("-4");
    Capability {
        forced_tools: version_4,
        strict_tools: !matches!(family, "claude-opus-4" | "claude-sonnet-4"),
        effort: !version_4
            || family.starts_with("claude-opus-4-") && family != "claude-opus-4-1"
            || family == "claude-sonnet-4-6",
    }
}

/// Most strict tools in a request.
pub const STRICT_TOOLS: usize = 20;

/// Most optional properties over all strict tools of a request.
pub const STRICT_OPTIONAL: usize = 24;

/// Keywords that a strict schema may not hold.
const UNSUPPORTED: [&str; 17] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "oneOf",
    "not",
    "if",
];

/// How many optional properties a schema has, if it may be strict at all: every
/// object is closed, and no keyword is one that strict schemas do not support
/// (<https://platform.claude.com/docs/en/build-with-claude/structured-outputs>).
pub fn strict_optional(schema: &serde_json::Value) -> Option<usize> {
    let object = schema.as_object()?;
    if UNSUPPORTED.iter().any(|keyword| object.contains_key(*keyword)) {
        return None;
    }
    let mut optional = 0;
    if object.get("type").is_some_and(|kind| kind == "object") {
        if object.get("additionalProperties") != Some(&serde_json::Value::Bool(false)) {
            return None;
        }
        let properties = object.get("properties").and_then(|value| value.as_object())?;
        let required = object.get("required").and_then(|value| value.as_array());
        for (name, property) in properties {
            let named = |list: &Vec<serde_json::Value>| list.iter().any(|item| item == name);
            optional += usize::from(!required.is_some_and(named));
            optional += strict_optional(property)?;
        }
    }
    if let Some(items) = object.get("items") {
        optional += strict_optional(items)?;
    }
    if let Some(branches) = object.get("anyOf").and_then(|value| value.as_array()) {
        for branch in branches {
            optional += strict_optional(branch)?;
        }
    }
    Some(optional)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_4_line_is_forced() {
        let check = |model: &str, forced_tools, strict_tools, effort| {
            let expect = Capability { forced_tools, strict_tools, effort };
            assert_eq!(capability(model), expect, "{model}");
        };
        check("claude-sonnet-5-5", false, true, true);
        check("claude-opus-5-5", false, true, true);
        check("claude-haiku-5-5", false, true, true);
        check("claude-fable-5-2", false, true, true);
        check("claude-opus-5", false, true, true);
        check("claude-opus-4-8", true, true, true);
        check("claude-opus-4-5-20251101", true, true, true);
        check("claude-sonnet-4-6", true, true, true);
        check("claude-sonnet-4-5", true, true, false);
        check("claude-haiku-4-5-20251001", true, true, false);
        check("claude-sonnet-4-20250514", true, false, false);
        check("relay", false, false, false);
    }

    #[test]
    fn schemas_are_strict_only_when_closed() {
        let closed = |properties, required| {
            json!({"type": "object", "properties": properties, "required": required,
                   "additionalProperties": false})
        };
        let check = |schema, expect| assert_eq!(strict_optional(&schema), expect, "{schema}");
        check(closed(json!({"a": {"type": "string"}}), json!(["a"])), Some(0));
        check(
            closed(json!({"a": {"type": "string"}, "b": {"type": "number"}}), json!(["a"])),
            Some(1),
        );
        check(closed(json!({"a": {"type": "integer", "minimum": 1}}), json!(["a"])), None);
        check(json!({"type": "object", "properties": {}}), None);
        let inner = closed(json!({"b": {"type": "string"}}), json!([]));
        check(closed(json!({"a": {"type": "array", "items": inner}}), json!(["a"])), Some(1));
        let open = json!({"type": "object", "properties": {}});
        check(closed(json!({"a": {"type": "array", "items": open}}), json!(["a"])), None);
        check(json!(true), None);
    }
}
