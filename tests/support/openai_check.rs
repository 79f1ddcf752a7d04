//! What a strict server of OpenAI's protocol would find wrong with a request:
//! keys and values after the published description, unknown keys refused.

use std::collections::HashSet;

use serde_json::Value;

/// Findings of the checks, with where they are.
struct Wrong(Vec<String>);

impl Wrong {
    fn must(&mut self, holds: bool, what: &str) {
        if !holds {
            self.0.push(what.to_owned());
        }
    }

    /// The value is an object with no other keys than these.
    fn keys(&mut self, value: &Value, known: &[&str], of: &str) {
        let Some(fields) = value.as_object() else {
            self.0.push(format!("{of} is no object"));
            return;
        };
        for key in fields.keys().filter(|key| !known.contains(&key.as_str())) {
            self.0.push(format!("unknown key {key} in {of}"));
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What is wrong with the body of a chat-completions request.
pub fn check_chat(body: &Value) -> Vec<String> {
    let mut wrong = Wrong(Vec::new());
    let keys = [
        "model",
        "messages",
        "tools",
        "tool_choice",
        "response_format",
        "max_completion_tokens",
        "max_tokens",
        "reasoning_effort",
        "prompt_cache_key",
        "stream",
        "stream_options",
    ];
    wrong.keys(body, &keys, "the body");
    wrong.must(!text(&body["model"]).is_empty(), "no model");
    let limits = ["max_completion_tokens", "max_tokens"];
    let limits: Vec<_> = limits.iter().filter_map(|key| body.get(*key)).collect();
    wrong.must(limits.len() == 1 && limits[0].as_u64() >= Some(1), "not exactly one limit");
    wrong.must(
        body.get("stream_options").is_none_or(|_| body["stream"] == true),
        "stream_options without stream",
    );
    if let Some(options) = body.get("stream_options") {
        wrong.keys(options, &["include_usage"], "stream_options");
    }
    wrong.must(
        body.get("prompt_cache_key").is_none_or(|key| (1..=64).contains(&text(key).len())),
        "a cache key that is none",
    );
    let mut names = HashSet::new();
    for tool in list(&body["tools"]) {
        wrong.keys(tool, &["type", "function"], "a tool");
        wrong.must(tool["type"] == "function", "a tool of another type");
        let function = &tool["function"];
        wrong.keys(function, &["name", "description", "parameters", "strict"], "a function");
        check_tool(&mut wrong, function, &mut names);
    }
    wrong.must(body.get("tools").is_none_or(|tools| !list(tools).is_empty()), "no tool in tools");
    match body.get("tool_choice") {
        None => {}
        Some(Value::String(word)) => {
            wrong.must(matches!(word.as_str(), "auto" | "none" | "required"), "an unknown choice");
        }
        Some(choice) => {
            wrong.keys(choice, &["type", "function"], "tool_choice");
            wrong.keys(&choice["function"], &["name"], "tool_choice.function");
            wrong.must(names.contains(text(&choice["function"]["name"])), "a choice of no tool");
        }
    }
    wrong.must(
        body.get("tool_choice").is_none() || body.get("tools").is_some(),
        "a choice without tools",
    );
    if let Some(format) = body.get("response_format") {
        wrong.keys(format, &["type", "json_schema"], "response_format");
        let schema = &format["json_schema"];
        wrong.keys(schema, &["name", "schema", "strict"], "json_schema");
        check_strict(&mut wrong, schema["strict"] == true, &schema["schema"]);
    }
    check_messages(&mut wrong, list(&body["messages"]), body.get("tools").is_some());
    wrong.0
}

fn check_tool<'a>(wrong: &mut Wrong, function: &'a Value, names: &mut HashSet<&'a str>) {
    let name = text(&function["name"]);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    wrong.must((1..=64).contains(&name.len()) && name.chars().all(plain), "a tool's name");
    wrong.must(names.insert(name), "two tools with one name");
    wrong.must(function["parameters"].is_object(), "a tool without parameters");
    check_strict(wrong, function["strict"] == true, &function["parameters"]);
}

/// Strict schemas: every object closed, every property required.
fn check_strict(wrong: &mut Wrong, strict: bool, schema: &Value) {
    if !strict {
        return;
    }
    for key in ["minimum", "maximum", "minLength", "pattern", "minItems", "oneOf", "not", "default"]
    {
        wrong.must(schema.get(key).is_none(), "a keyword that no strict schema holds");
    }
    if schema["type"] == "object" {
        wrong.must(schema["additionalProperties"] == false, "a strict object that is open");
        let required: HashSet<_> = list(&schema["required"]).iter().map(text).collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            wrong.must(required.contains(name.as_str()), "a strict property that is optional");
            check_strict(wrong, true, property);
        }
    }
    if let Some(items) = schema.get("items") {
        check_strict(wrong, true, items);
    }
    for branch in list(&schema["anyOf"]) {
        check_strict(wrong, true, branch);
    }
}

fn check_messages(wrong: &mut Wrong, messages: &[Value], tools: bool) {
    let first = messages.iter().position(|m| m["role"] != "system").unwrap_or(messages.len());
    wrong.must(first <= 1, "more than one system message");
    wrong.must(messages.get(first).is_some_and(|m| m["role"] == "user"), "the user is not first");
    let last = messages.last().map(|m| text(&m["role"]));
    wrong.must(matches!(last, Some("user" | "tool")), "the last turn is the model's");
    // Calls that wait for their results.
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        let role = text(&message["role"]);
        wrong.must(role == "tool" || open.is_empty(), "calls without results");
        match role {
            "system" | "user" => {
                wrong.keys(message, &["role", "content"], "a message");
                check_content(wrong, &message["content"], "text");
            }
            "assistant" => {
                let keys = ["role", "content", "tool_calls", "reasoning_content", "extra_content"];
                wrong.keys(message, &keys, "an assistant message");
                let calls = list(&message["tool_calls"]);
                wrong.must(
                    !calls.is_empty() || !text(&message["content"]).is_empty(),
                    "an empty assistant message",
                );
                wrong.must(tools || calls.is_empty(), "calls where there are no tools");
                wrong.must(
                    message["content"].is_null() || !text(&message["content"]).is_empty(),
                    "an empty content",
                );
                for call in calls {
                    wrong.keys(call, &["id", "type", "function", "extra_content"], "a call");
                    wrong.keys(&call["function"], &["name", "arguments"], "a call's function");
                    wrong.must(call["type"] == "function", "a call of another type");
                    let arguments = text(&call["function"]["arguments"]);
                    let object = serde_json::from_str::<Value>(arguments);
                    wrong.must(object.is_ok_and(|v| v.is_object()), "arguments that are no object");
                    wrong.must(!open.contains(&text(&call["id"])), "two calls with one id");
                    open.push(text(&call["id"]));
                }
            }
            "tool" => {
                wrong.keys(message, &["role", "tool_call_id", "content"], "a tool message");
                wrong.must(message["content"].is_string(), "a result that is no text");
                let at = open.iter().position(|id| *id == text(&message["tool_call_id"]));
                wrong.must(at.is_some(), "a result of no call");
                if let Some(at) = at {
                    open.remove(at);
                }
            }
            _ => wrong.must(false, "an unknown role"),
        }
    }
    wrong.must(open.is_empty(), "calls without results");
}

fn check_content(wrong: &mut Wrong, content: &Value, kind: &str) {
    match content {
        Value::String(text) => wrong.must(!text.trim().is_empty(), "a blank text"),
        Value::Array(parts) => {
            wrong.must(!parts.is_empty(), "an empty content");
            let marks = parts.iter().filter(|p| p.get("prompt_cache_breakpoint").is_some()).count();
            wrong.must(marks <= 4, "more than four breakpoints");
            for part in parts {
                wrong.keys(part, &["type", "text", "prompt_cache_breakpoint"], "a part");
                wrong.must(part["type"] == kind, "a part of another type");
                wrong.must(!text(&part["text"]).trim().is_empty(), "a blank part");
                if let Some(mark) = part.get("prompt_cache_breakpoint") {
                    wrong.keys(mark, &["mode", "ttl"], "a breakpoint");
                    wrong.must(mark["mode"] == "explicit", "a breakpoint's mode");
                }
            }
        }
        _ => wrong.must(false, "a content that is neither text nor parts"),
    }
}

/// What is wrong with the body of a `/responses` request.
pub fn check_responses(body: &Value) -> Vec<String> {
    let mut wrong = Wrong(Vec::new());
    let keys = [
        "model",
        "input",
        "tools",
        "tool_choice",
        "text",
        "max_output_tokens",
        "reasoning",
        "prompt_cache_key",
        "store",
        "stream",
    ];
    wrong.keys(body, &keys, "the body");
    wrong.must(!text(&body["model"]).is_empty(), "no model");
    wrong.must(body["max_output_tokens"].as_u64() >= Some(16), "too few output tokens");
    wrong.must(body["store"] == false, "the provider is left to store it");
    let mut names = HashSet::new();
    for tool in list(&body["tools"]) {
        wrong.keys(tool, &["type", "name", "description", "parameters", "strict"], "a tool");
        wrong.must(tool["type"] == "function", "a tool of another type");
        wrong.must(tool["strict"].is_boolean(), "a tool that leaves strict open");
        check_tool(&mut wrong, tool, &mut names);
    }
    match body.get("tool_choice") {
        None => {}
        Some(Value::String(word)) => {
            wrong.must(matches!(word.as_str(), "auto" | "none" | "required"), "an unknown choice");
        }
        Some(choice) => {
            wrong.keys(choice, &["type", "name"], "tool_choice");
            wrong.must(names.contains(text(&choice["name"])), "a choice of no tool");
        }
    }
    if let Some(format) = body.get("text") {
        wrong.keys(format, &["format"], "text");
        let format = &format["format"];
        wrong.keys(format, &["type", "name", "schema", "strict"], "text.format");
        check_strict(&mut wrong, format["strict"] == true, &format["schema"]);
    }
    let mut open: Vec<&str> = Vec::new();
    let marks = body["input"].to_string().matches("\"prompt_cache_breakpoint\"").count();
    wrong.must(marks <= 4, "more than four breakpoints");
    for item in list(&body["input"]) {
        let kind = text(&item["type"]);
        wrong.must(
            kind != "message" || open.is_empty() || item["role"] == "assistant",
            "calls without results",
        );
        match kind {
            "message" => {
                wrong.keys(item, &["type", "role", "content"], "a message");
                match text(&item["role"]) {
                    "developer" | "user" => {
                        check_content(&mut wrong, &item["content"], "input_text")
                    }
                    "assistant" => wrong.must(
                        !text(&item["content"]).trim().is_empty(),
                        "an assistant message that is no text",
                    ),
                    _ => wrong.must(false, "an unknown role"),
                }
            }
            "function_call" => {
                wrong.keys(item, &["type", "call_id", "name", "arguments"], "a call");
                let object = serde_json::from_str::<Value>(text(&item["arguments"]));
                wrong.must(object.is_ok_and(|v| v.is_object()), "arguments that are no object");
                open.push(text(&item["call_id"]));
            }
            "function_call_output" => {
                wrong.keys(item, &["type", "call_id", "output"], "an output");
                let at = open.iter().position(|id| *id == text(&item["call_id"]));
                wrong.must(at.is_some(), "an output of no call");
                if let Some(at) = at {
                    open.remove(at);
                }
            }
            "reasoning" => wrong.must(
                item["encrypted_content"].is_string(),
                "reasoning that nothing can be made of",
            ),
            _ => wrong.must(false, "an unknown item"),
        }
    }
    wrong.must(open.is_empty(), "calls without results");
    wrong.0
}
