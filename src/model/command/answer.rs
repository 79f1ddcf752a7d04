//! Reads an answer out of whatever a program writes: plain JSON, JSON in a fence
//! or in prose, lines of JSON, or an object that wraps the text (`result` of
//! `claude`, `response` of `gemini`, `item.text` of `codex`).

use serde_json::Value;

use super::super::budget::input_tokens;
use super::super::price::{Price, Tokens};
use super::super::{Content, Reply, Request, Stop, Tool, salvage};
use crate::report::Usage;

/// How deep wrappers are opened.
const DEEPEST: usize = 6;
/// Most places in a text where an answer may begin.
const MOST_STARTS: usize = 256;
/// Bytes of text per token, about.
const BYTES_PER_TOKEN: u64 = 4;

/// What a program wrote, and to what.
pub struct Said<'a> {
    /// Its standard output.
    pub text: &'a str,
    /// What it was asked.
    pub request: &'a Request,
    /// What its tokens cost, if that is known.
    pub price: Option<&'a Price>,
}

/// The reply that a program's output holds: a call of the answer tool where an
/// object in it fits, else its text.
pub fn read(said: &Said<'_>, tool: Option<&Tool>) -> Reply {
    let values = values(said.text);
    let usage = usage(said, &values);
    if let Some(tool) = tool {
        let found = values.iter().rev().find_map(|value| find(value, tool, DEEPEST));
        if let Some(input) = found.or_else(|| find_in_text(said.text, tool)) {
            return Reply { content: vec![tool_use(tool, input)], stop: Stop::ToolUse, usage };
        }
    }
    // What a wrapper holds is what was said; of several, the last.
    let wrapped = values.iter().rev().find_map(|value| text_of(value, DEEPEST));
    let text = wrapped.unwrap_or(said.text).trim().to_owned();
    Reply { content: vec![Content::Text { text, cache: false }], stop: Stop::EndTurn, usage }
}

/// A call of the answer tool.
pub fn tool_use(tool: &Tool, input: Value) -> Content {
    Content::ToolUse { id: "answer".to_owned(), name: tool.name.clone(), input }
}

/// The JSON values of an output that is JSON, or lines of it; none of prose.
pub fn values(text: &str) -> Vec<Value> {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => return vec![value],
        Ok(_) => return Vec::new(),
        Err(_) => {}
    }
    text.lines()
        .map(str::trim)
        .filter(|line| line.starts_with(['{', '[']))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Whether a value can be the input of a tool: an object with all properties that
/// the schema requires, each of the type it names. The schema itself, as some
/// programs repeat their prompt, is not.
fn fits(value: &Value, tool: &Tool) -> bool {
    let Some(fields) = value.as_object() else { return false };
    let schema = &tool.input_schema;
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut required = required.iter().filter_map(Value::as_str);
    !fields.is_empty()
        && required.all(|name| {
            fields.get(name).is_some_and(|field| has_type(field, &schema["properties"][name]))
        })
}

fn has_type(value: &Value, schema: &Value) -> bool {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        // Numbers in quotes are read where the answer is.
        "number" | "integer" => value.is_number() || value.is_string(),
        "null" => value.is_null(),
        _ => true,
    };
    match &schema["type"] {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

/// The answer in a value, or in the text that it wraps; the last one counts.
fn find(value: &Value, tool: &Tool, depth: usize) -> Option<Value> {
    if fits(value, tool) {
        return Some(value.clone());
    }
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(fields) => fields.values().rev().find_map(|field| find(field, tool, depth)),
        Value::Array(items) => items.iter().rev().find_map(|item| find(item, tool, depth)),
        Value::String(text) if text.contains('{') => find_in_text(text, tool),
        _ => None,
    }
}

/// The answer in a text: all of it, else the last object in it that fits.
pub fn find_in_text(text: &str, tool: &Tool) -> Option<Value> {
    let fitting = |value: &Value| fits(value, tool).then(|| value.clone());
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return fitting(&value);
    }
    // From the end: what stands before may be the prompt, repeated.
    let starts = memchr::memrchr_iter(b'{', text.as_bytes()).take(MOST_STARTS);
    let last = starts.filter_map(|start| {
        let mut read = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        read.next()?.ok().filter(|value| fits(value, tool))
    });
    { last }.next().or_else(|| salvage::in_prose(text, fitting))
}

/// The text that a wrapper holds.
fn text_of(value: &Value, depth: usize) -> Option<&str> {
    const HOLDERS: [&str; 9] =
        ["result", "response", "text", "message", "content", "item", "msg", "output", "choices"];
    let depth = depth.checked_sub(1)?;
    match value {
        Value::String(text) => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
        Value::Array(items) => items.iter().rev().find_map(|item| text_of(item, depth)),
        Value::Object(fields) => HOLDERS.iter().find_map(|name| text_of(fields.get(*name)?, depth)),
        _ => None,
    }
}

/// What a request used, by the program's own count where it gives one: tokens in
/// the words of Anthropic's, OpenAI's or Gemini's interfaces, the cost in
/// `total_cost_usd`. Tokens it does not count are estimated, so that the caps hold.
pub fn usage(said: &Said<'_>, values: &[Value]) -> Usage {
    let counts = values.iter().rev().find_map(|value| counts(value, DEEPEST));
    let cost = values.iter().rev().find_map(|value| number_of(value, "total_cost_usd", DEEPEST));
    let tokens = counts.unwrap_or_else(|| Tokens {
        input: input_tokens(said.request),
        output: said.text.len() as u64 / BYTES_PER_TOKEN,
        ..Tokens::default()
    });
    let by_price = || said.price.map_or(0.0, |price| price.cost(&tokens));
    Usage {
        requests: 1,
        input_tokens: tokens.prompt(),
        cached_tokens: tokens.cache_read,
        output_tokens: tokens.output,
        cost_usd: cost.filter(|cost| cost.is_finite() && *cost >= 0.0).unwrap_or_else(by_price),
    }
}

/// The counts in a value: an object that has both of a pair of names.
fn counts(value: &Value, depth: usize) -> Option<Tokens> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(fields) => {
            let number = |name: &str| fields.get(name).and_then(Value::as_u64);
            let pairs = [
                ("input_tokens", "output_tokens"),
                ("prompt_tokens", "completion_tokens"),
                ("promptTokenCount", "candidatesTokenCount"),
                ("prompt", "candidates"),
            ];
            let pair =
                pairs.iter().find_map(|(input, output)| Some((number(input)?, number(output)?)));
            let Some((input, output)) = pair else {
                return fields.values().find_map(|field| counts(field, depth));
            };
            // Anthropic counts cached input beside `input_tokens`, all others within.
            let beside = number("cache_read_input_tokens");
            let within = ["cached_input_tokens", "cachedContentTokenCount", "cached"]
                .iter()
                .find_map(|name| number(name))
                .unwrap_or_default()
                .min(input);
            Some(Tokens {
                input: input - within,
                cache_write: number("cache_creation_input_tokens").unwrap_or_default(),
                cache_read: beside.unwrap_or(within),
                output,
            })
        }
        Value::Array(items) => items.iter().rev().find_map(|item| counts(item, depth)),
        _ => None,
    }
}

fn number_of(value: &Value, name: &str, depth: usize) -> Option<f64> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(fields) => fields
            .get(name)
            .and_then(Value::as_f64)
            .or_else(|| fields.values().find_map(|field| number_of(field, name, depth))),
        Value::Array(items) => items.iter().rev().find_map(|item| number_of(item, name, depth)),
        _ => None,
    }
}
