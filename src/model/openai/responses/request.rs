//! The body of a `/responses` request.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::super::{Content, Request, Role, ToolChoice};
use super::super::dialect::{Choice, Dialect, Form};
use super::super::request::{
    Breakpoint, Marks, answer_tool, arguments, cache_key, call_names, result_text, spoken_demand,
    to_json,
};
use super::super::strict;

/// The JSON of a request to `model`, with at most `max_tokens` output tokens.
pub fn body(model: &str, dialect: &Dialect, max_tokens: u32, request: &Request) -> Vec<u8> {
    let with_tools = dialect.form == Form::Tools;
    let body = Body {
        model,
        tools: if with_tools { tools(request, dialect) } else { Vec::new() },
        tool_choice: if with_tools { tool_choice(request, dialect) } else { None },
        text: text_format(request, dialect),
        input: items(request, dialect),
        max_output_tokens: max_tokens.max(LEAST_OUTPUT),
        reasoning: dialect.no_reasoning.then(|| json!({"effort": "none"})),
        prompt_cache_key: dialect.cache_key.then(|| cache_key(request)),
        store: false,
        stream: dialect.stream,
    };
    to_json(&body, request)
}

/// The interface takes no fewer.
const LEAST_OUTPUT: u32 = 16;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Value>,
    input: Vec<Item<'a>>,
    max_output_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<String>,
    store: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct ToolPart<'a> {
    r#type: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: Cow<'a, Value>,
    // Left out, it would mean true.
    strict: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Ours(OurItem<'a>),
    Theirs(&'a Value),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum OurItem<'a> {
    Message { role: &'static str, content: Said<'a> },
    FunctionCall { call_id: &'a str, name: &'a str, arguments: String },
    FunctionCallOutput { call_id: &'a str, output: Cow<'a, str> },
}

/// The model's own words are sent back as a plain text.
#[derive(Serialize)]
#[serde(untagged)]
enum Said<'a> {
    Parts(Vec<TextPart<'a>>),
    Text(Cow<'a, str>),
}

#[derive(Serialize)]
struct TextPart<'a> {
    r#type: &'static str,
    text: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_breakpoint: Option<Breakpoint>,
}

fn tools<'a>(request: &'a Request, dialect: &Dialect) -> Vec<ToolPart<'a>> {
    let tools = request.tools.iter().map(|tool| {
        let (parameters, strict) = strict::schema(&tool.input_schema, dialect.strict);
        ToolPart {
            r#type: "function",
            name: &tool.name,
            description: &tool.description,
            parameters,
            strict,
        }
    });
    tools.collect()
}

fn tool_choice(request: &Request, dialect: &Dialect) -> Option<Value> {
    if request.tools.is_empty() {
        return None;
    }
    match (&request.tool_choice, dialect.choice) {
        (ToolChoice::Auto, _) | (_, Choice::Auto) => None,
        (ToolChoice::Tool(name), Choice::Named) => Some(json!({"type": "function", "name": name})),
        (ToolChoice::Any | ToolChoice::Towards(_) | ToolChoice::Tool(_), _) => {
            Some(json!("required"))
        }
    }
}

fn text_format(request: &Request, dialect: &Dialect) -> Option<Value> {
    let tool = answer_tool(request).filter(|_| dialect.form == Form::Schema)?;
    let (schema, strict) = strict::schema(&tool.input_schema, dialect.strict);
    let format =
        json!({"type": "json_schema", "name": tool.name, "schema": schema, "strict": strict});
    Some(json!({"format": format}))
}

fn items<'a>(request: &'a Request, dialect: &Dialect) -> Vec<Item<'a>> {
    let mut items = Vec::with_capacity(request.messages.len() + 1);
    let names = call_names(request);
    let mut marks = Marks::of(request, dialect);
    let mut part = |text: Cow<'a, str>, cache: bool| TextPart {
        r#type: "input_text",
        prompt_cache_breakpoint: marks.take(&text, cache),
        text,
    };
    let message = |role: &'static str, parts: Vec<TextPart<'a>>| {
        let parts: Vec<_> = parts.into_iter().filter(|p| !p.text.trim().is_empty()).collect();
        let content = Said::Parts(parts);
        let said = !matches!(&content, Said::Parts(parts) if parts.is_empty());
        said.then_some(Item::Ours(OurItem::Message { role, content }))
    };
    let system = request.system.iter().map(|block| (Cow::Borrowed(&*block.text), block.cache));
    let demand = spoken_demand(request, dialect.form).map(|text| (Cow::Owned(text), false));
    let system = system.chain(demand).map(|(text, cache)| part(text, cache));
    items.extend(message("developer", system.collect()));
    for turn in &request.messages {
        let mut said = Vec::new();
        for content in &turn.content {
            match content {
                Content::Text { text, cache } if turn.role == Role::User => {
                    said.push(part(Cow::Borrowed(text), *cache));
                }
                Content::Text { text, .. } if text.trim().is_empty() => {}
                Content::Text { text, .. } => {
                    let content = Said::Text(Cow::Borrowed(text));
                    items.push(Item::Ours(OurItem::Message { role: "assistant", content }));
                }
                Content::ToolUse { id, name, input } if dialect.form == Form::Tools => {
                    let arguments = arguments(input);
                    let call = OurItem::FunctionCall { call_id: id, name, arguments };
                    items.push(Item::Ours(call));
                }
                Content::ToolUse { input, .. } => {
                    let text = input.as_str().map_or_else(|| input.to_string(), str::to_owned);
                    let content = Said::Text(Cow::Owned(text));
                    items.push(Item::Ours(OurItem::Message { role: "assistant", content }));
                }
                Content::ToolResult { id, text, is_error } if dialect.form == Form::Tools => {
                    let output = result_text(text, *is_error);
                    let output = OurItem::FunctionCallOutput { call_id: id, output };
                    items.push(Item::Ours(output));
                }
                Content::ToolResult { id, text, is_error } => {
                    let name = names.get(id.as_str()).copied().unwrap_or("the call");
                    let text = result_text(text, *is_error);
                    said.push(part(Cow::Owned(format!("What `{name}` gave:\n\n{text}")), false));
                }
                // Reasoning belongs before the call that it led to, where it came.
                Content::Opaque(value)
                    if dialect.form == Form::Tools
                        && value.get("type").is_some_and(|kind| kind == "reasoning") =>
                {
                    items.push(Item::Theirs(value));
                }
                Content::Opaque(_) => {}
            }
        }
        items.extend(message("user", said));
    }
    items
}
