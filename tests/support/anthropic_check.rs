//! What Anthropic's API would find wrong with a request, and its clients with a reply.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Logged;

/// Where the published descriptions are; none: say so, and check less.
pub fn specs() -> Option<PathBuf> {
    let shared = std::env::var_os("PIPEWRIGHT_SHARED").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let specs = shared.unwrap_or(beside).join("specs");
    if specs.is_dir() {
        return Some(specs);
    }
    eprintln!("SKIPPED: no {}: the published schemas are not checked", specs.display());
    None
}

struct Schemas {
    request: jsonschema::Validator,
    streaming_request: jsonschema::Validator,
    message: jsonschema::Validator,
    event: jsonschema::Validator,
}

static SCHEMAS: LazyLock<Option<Schemas>> = LazyLock::new(|| {
    let specs = specs()?;
    let load = |name: &str| {
        let text = std::fs::read(specs.join(format!("anthropic-{name}.schema.json"))).unwrap();
        let mut schema: Value = serde_json::from_slice(&text).unwrap();
        close(&mut schema);
        jsonschema::validator_for(&schema).unwrap()
    };
    Some(Schemas {
        request: load("messages-request"),
        streaming_request: load("messages-request-stream"),
        message: load("message-response"),
        event: load("stream-event"),
    })
});

/// Read the descriptions, which takes a moment.
pub fn load() {
    LazyLock::force(&SCHEMAS);
}

/// Refuse keys that the description does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let of_properties = fields
                .get("properties")
                .is_some_and(|p| p.as_object().is_some_and(|p| p.values().all(Value::is_object)));
            if of_properties && fields.get("type").is_some_and(|kind| kind == "object") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn violations(validator: &jsonschema::Validator, value: &Value) -> Vec<String> {
    let error = |error: jsonschema::ValidationError<'_>| {
        let text: String = error.to_string().chars().take(300).collect();
        format!("{}: {text}", error.instance_path())
    };
    validator.iter_errors(value).map(error).collect()
}

/// What is wrong with a reply of ours.
pub fn check_message(message: &Value) -> Vec<String> {
    SCHEMAS.as_ref().map_or_else(Vec::new, |schemas| violations(&schemas.message, message))
}

/// What is wrong with an event of ours.
pub fn check_event(event: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(event).unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let value: Value = serde_json::from_str(data).unwrap();
    if value["type"] == "ping" {
        return Vec::new();
    }
    SCHEMAS.as_ref().map_or_else(Vec::new, |schemas| violations(&schemas.event, &value))
}

/// What is wrong with a request.
pub fn check_request(request: &Logged) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let body = &request.body;
    must(request.path == "/v1/messages", "another path than /v1/messages");
    must(request.header("anthropic-version") == Some("2023-06-01"), "no anthropic-version");
    must(request.header("content-type") == Some("application/json"), "no JSON content type");
    let key = request.header("x-api-key").is_some();
    let bearer = request.header("authorization").is_some_and(|a| a.starts_with("Bearer "));
    must(key != bearer, "not exactly one of x-api-key and authorization");
    must(body.is_object(), "the body is not a JSON object");
    wrong.extend(check_body(body));
    wrong
}

/// What is wrong with a request's body.
pub fn check_body(body: &Value) -> Vec<String> {
    let mut wrong = SCHEMAS.as_ref().map_or_else(Vec::new, |schemas| {
        let streams = body["stream"] == true;
        violations(if streams { &schemas.streaming_request } else { &schemas.request }, body)
    });
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let model = body["model"].as_str().unwrap_or_default();
    let line_5 = model.contains("-5") && !model.contains("-4-5");
    let choice = body["tool_choice"]["type"].as_str().unwrap_or("auto");
    must(!line_5 || matches!(choice, "auto" | "none"), "this model refuses forced tool use");
    let sampled = ["temperature", "top_p", "top_k"].iter().any(|key| body.get(*key).is_some());
    must(!sampled, "sampling parameters");
    must(body.get("tools").is_some() || body.get("tool_choice").is_none(), "a choice of no tools");
    must(body.to_string().matches("\"cache_control\"").count() <= 4, "more than 4 breakpoints");
    let none = Vec::new();
    let messages = body["messages"].as_array().unwrap_or(&none);
    must(messages.first().is_some_and(|m| m["role"] == "user"), "the first turn is not the user's");
    let blocks = |value: &Value| value.as_array().cloned().unwrap_or_default();
    // A turn that paused in a tool of the server's own is sent back as it is.
    let ends_well = |m: &Value| {
        m["role"] == "user" || blocks(&m["content"]).iter().any(|b| b["type"] == "server_tool_use")
    };
    must(messages.last().is_some_and(ends_well), "the last turn is not the user's");
    let mut called: Vec<String> = Vec::new();
    for message in messages {
        let content = blocks(&message["content"]);
        must(!content.is_empty(), "an empty turn");
        let results: Vec<_> = content.iter().filter(|b| b["type"] == "tool_result").collect();
        let answered: Vec<String> = results.iter().map(|b| id(&b["tool_use_id"])).collect();
        must(called == answered, "tool results that do not answer the calls before them");
        let first = results.len();
        let in_front = content.iter().take(first).all(|b| b["type"] == "tool_result");
        must(in_front, "tool results behind other content");
        called = content.iter().filter(|b| b["type"] == "tool_use").map(|b| id(&b["id"])).collect();
    }
    let texts = messages.iter().flat_map(|m| blocks(&m["content"])).chain(blocks(&body["system"]));
    let blank = |block: &Value| {
        block["type"] == "text" && block["text"].as_str().unwrap_or_default().trim().is_empty()
    };
    must(!texts.into_iter().any(|block| blank(&block)), "a blank text");
    let tools = blocks(&body["tools"]);
    let names: HashSet<String> = tools.iter().map(|tool| id(&tool["name"])).collect();
    must(names.len() == tools.len(), "two tools with one name");
    let named = body["tool_choice"]["name"].as_str();
    must(named.is_none_or(|name| names.contains(name)), "a choice of a tool that is not there");
    for tool in tools.iter().filter(|tool| tool["strict"] == true) {
        must(is_strict(&tool["input_schema"]), "a strict tool whose schema is open");
    }
    wrong
}

fn id(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn is_strict(schema: &Value) -> bool {
    let closed = schema["type"] != "object" || schema["additionalProperties"] == false;
    let plain = ["minimum", "maximum", "minLength", "maxLength", "pattern", "maxItems", "oneOf"];
    closed
        && plain.iter().all(|key| schema.get(*key).is_none())
        && schema.get("items").is_none_or(is_strict)
        && schema["properties"].as_object().is_none_or(|p| p.values().all(is_strict))
}
