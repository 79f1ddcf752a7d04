//! The body of a Converse request, which every model on Bedrock takes
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>).

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{Content, Limits, Message, Request, Role, ToolChoice};

/// Most cache points in a request.
const CACHE_POINTS: usize = 4;

/// What differs between models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// The prefix can be cached (<https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>).
    pub cache: bool,
    /// `toolChoice` may be `any`.
    pub any: bool,
    /// `toolChoice` may name a tool.
    pub tool: bool,
    /// Context window and longest output.
    pub limits: Limits,
}

impl Traits {
    /// What every model takes.
    pub const PLAIN: Traits = Traits {
        cache: false,
        any: false,
        tool: false,
        limits: Limits { context: 128_000, output: 8_192 },
    };
}

/// What a model takes; one that is not known gets only what all take. What an
/// ARN stands for cannot be told: caching is tried, and left out once refused.
pub fn traits(model: &str) -> Traits {
    if model.contains("amazon.nova") {
        let limits = Limits {
            context: if model.contains("micro") { 128_000 } else { 300_000 },
            output: 10_000,
        };
        return Traits { cache: true, any: true, tool: true, limits };
    }
    if model.contains("mistral.") {
        return Traits { any: true, ..Traits::PLAIN };
    }
    Traits { cache: model.starts_with("arn:"), ..Traits::PLAIN }
}

/// The JSON of a request. Blank text is left out, as the API refuses it; cache
/// points stand where the request marks them and at the end of a tool loop.
pub fn body(traits: Traits, request: &Request) -> Vec<u8> {
    let mut points = if traits.cache { CACHE_POINTS } else { 0 };
    // The last user turn moves with the conversation, so it counts first.
    let last = last_results(request).filter(|_| points > 0);
    points -= usize::from(last.is_some());
    let mut point = |wanted: bool| {
        let given = wanted && points > 0;
        points -= usize::from(given);
        given
    };
    let mut system = Vec::new();
    for block in request.system.iter().filter(|block| !is_blank(&block.text)) {
        system.push(Block::Text(&block.text));
        if point(block.cache) {
            system.push(Block::CachePoint);
        }
    }
    let mut messages: Vec<Turn<'_>> = Vec::new();
    for (index, message) in request.messages.iter().enumerate() {
        let mut content = Vec::with_capacity(message.content.len() + 1);
        for piece in &message.content {
            content.extend(block(piece));
            if matches!(piece, Content::Text { text, cache: true } if point(!is_blank(text))) {
                content.push(Block::CachePoint);
            }
        }
        if last == Some(index) && !matches!(content.last(), Some(Block::CachePoint)) {
            content.push(Block::CachePoint);
        }
        if !content.is_empty() {
            messages.push(Turn { role: role(message), content });
        }
    }
    let body = Body {
        messages,
        system,
        inference_config: InferenceConfig { max_tokens: request.max_tokens.max(1) },
        tool_config: tools(traits, request),
    };
    // Writing to memory and string keys only: it cannot fail; an empty body
    // would be refused by the server with a clear message.
    serde_json::to_vec(&body).unwrap_or_default()
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn role(message: &Message) -> &'static str {
    match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// The last user turn, if it answers calls.
fn last_results(request: &Request) -> Option<usize> {
    let index = request.messages.iter().rposition(|message| message.role == Role::User)?;
    let is_result = |content: &Content| matches!(content, Content::ToolResult { .. });
    request.messages[index].content.iter().any(is_result).then_some(index)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    inference_config: InferenceConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InferenceConfig {
    max_tokens: u32,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

enum Block<'a> {
    Text(&'a str),
    CachePoint,
    /// Calls, results, and what the model sent of its own.
    Other(Value),
}

impl Serialize for Block<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Text<'a> {
            text: &'a str,
        }
        match self {
            Block::Text(text) => Text { text }.serialize(serializer),
            Block::CachePoint => cache_point().serialize(serializer),
            Block::Other(value) => value.serialize(serializer),
        }
    }
}

fn cache_point() -> Value {
    json!({"cachePoint": {"type": "default"}})
}

fn block(content: &Content) -> Option<Block<'_>> {
    Some(match content {
        Content::Text { text, .. } if is_blank(text) => return None,
        Content::Text { text, .. } => Block::Text(text),
        Content::ToolUse { id, name, input } => {
            let input = if input.is_object() { input.clone() } else { json!({}) };
            Block::Other(json!({"toolUse": {"toolUseId": id, "name": name, "input": input}}))
        }
        Content::ToolResult { id, text, is_error } => {
            // An empty text is refused, an answer without one as well.
            let text = if is_blank(text) { "(nothing)" } else { text };
            let mut result = json!({"toolUseId": id, "content": [{"text": text}]});
            if *is_error {
                result["status"] = json!("error");
            }
            Block::Other(json!({"toolResult": result}))
        }
        // Only what came from this very API, and only what it can check.
        Content::Opaque(value) => {
            let signed = value.pointer("/reasoningContent/reasoningText/signature").is_some();
            let hidden = value.pointer("/reasoningContent/redactedContent").is_some();
            if !signed && !hidden {
                return None;
            }
            Block::Other(value.clone())
        }
    })
}

fn tools(traits: Traits, request: &Request) -> Option<Value> {
    if request.tools.is_empty() {
        return None;
    }
    let tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| {
            json!({"toolSpec": {"name": tool.name, "description": tool.description,
                                "inputSchema": {"json": tool.input_schema}}})
        })
        .collect();
    let mut config = json!({ "tools": tools });
    match &request.tool_choice {
        ToolChoice::Tool(name) if traits.tool => {
            config["toolChoice"] = json!({"tool": {"name": name}});
        }
        ToolChoice::Any | ToolChoice::Towards(_) | ToolChoice::Tool(_) if traits.any => {
            config["toolChoice"] = json!({"any": {}});
        }
        // Not all take it, and it is what they do without.
        ToolChoice::Auto | ToolChoice::Any | ToolChoice::Towards(_) | ToolChoice::Tool(_) => {}
    }
    Some(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SystemBlock, Tool};

    fn request() -> Request {
        Request {
            system: vec![SystemBlock { text: "Be brief.".into(), cache: true }],
            messages: vec![
                Message {
                    role: Role::User,
                    content: vec![
                        Content::Text { text: "Look.".into(), cache: true },
                        Content::Text { text: " ".into(), cache: true },
                    ],
                },
                Message {
                    role: Role::Assistant,
                    content: vec![
                        Content::Opaque(json!({"type": "thinking", "thinking": "x"})),
                        Content::ToolUse {
                            id: "t1".into(),
                            name: "read".into(),
                            input: json!("{\"a"),
                        },
                    ],
                },
                Message {
                    role: Role::User,
                    content: vec![Content::ToolResult {
                        id: "t1".into(),
                        text: String::new(),
                        is_error: true,
                    }],
                },
            ],
            tools: vec![Tool {
                name: "read".into(),
                description: "Reads.".into(),
                input_schema: json!({"type": "object"}),
            }],
            tool_choice: ToolChoice::Tool("read".into()),
            max_tokens: 100,
        }
    }

    fn written(model: &str) -> Value {
        serde_json::from_slice(&body(traits(model), &request())).unwrap()
    }

    #[test]
    fn a_model_that_caches_gets_points_and_one_that_does_not_gets_none() {
        let point = json!({"cachePoint": {"type": "default"}});
        let nova = written("us.amazon.nova-pro-v1:0");
        assert_eq!(nova["system"], json!([{"text": "Be brief."}, point]));
        assert_eq!(nova["messages"][0]["content"], json!([{"text": "Look."}, point]));
        assert_eq!(
            nova["messages"][1]["content"],
            json!([{"toolUse": {"toolUseId": "t1", "name": "read", "input": {}}}])
        );
        let result = json!({"toolResult": {"toolUseId": "t1", "content": [{"text": "(nothing)"}],
                                           "status": "error"}});
        assert_eq!(nova["messages"][2]["content"], json!([result, point]));
        assert_eq!(nova["toolConfig"]["toolChoice"], json!({"tool": {"name": "read"}}));
        assert_eq!(nova["inferenceConfig"], json!({"maxTokens": 100}));

        let llama = written("meta.llama4-maverick-17b-instruct-v1:0");
        assert!(!llama.to_string().contains("cachePoint"), "{llama}");
        assert!(llama["toolConfig"].get("toolChoice").is_none());
        let mistral = written("mistral.mistral-large-2407-v1:0");
        assert_eq!(mistral["toolConfig"]["toolChoice"], json!({"any": {}}));
        assert!(
            written("arn:aws:bedrock:us-east-1:1:application-inference-profile/a")
                .to_string()
                .contains("cachePoint")
        );
    }

    #[test]
    fn no_more_points_than_the_api_takes() {
        let mut request = request();
        request.system =
            (0..6).map(|n| SystemBlock { text: format!("Part {n}").into(), cache: true }).collect();
        let body = body(traits("amazon.nova-lite-v1:0"), &request);
        let text = String::from_utf8(body).unwrap();
        assert_eq!(text.matches("cachePoint").count(), CACHE_POINTS);
        // The one that moves with the conversation is never the one left out.
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["messages"][2]["content"][1], cache_point());
    }
}
