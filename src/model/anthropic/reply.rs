//! Replies, from a stream of events or from one JSON message
//! (<https://platform.claude.com/docs/en/build-with-claude/streaming>).

use serde::Deserialize;
use serde_json::Value;

use super::super::price::{Price, Tokens};
use super::super::{Content, Reply, Stop};
use super::sse::Event;
use crate::report::Usage;

/// Most content blocks taken; a real reply has a few dozen at the most.
const MOST_BLOCKS: usize = 4_096;

/// Why a stream of events gives no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamError {
    /// The server said so: its error type and message.
    Api {
        /// `overloaded_error`, `invalid_request_error`, …
        kind: String,
        /// In words.
        message: String,
    },
    /// It ended before `message_stop`, or is not a stream of messages.
    Broken(&'static str),
}

/// Puts a reply together from events.
#[derive(Debug, Default)]
pub struct Assembler {
    blocks: Vec<Option<Building>>,
    stop_reason: Option<String>,
    refusal: Option<String>,
    tokens: Tokens,
    started: bool,
    stopped: bool,
}

#[derive(Debug)]
enum Building {
    Text(String),
    Thinking { value: Value, thinking: String, signature: String },
    ToolUse { id: String, name: String, input: Value, json: String },
    Other(Value),
}

/// Counts as the API gives them: in events all are running totals, and any may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UsagePart {
    #[serde(deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    output_tokens: Option<u64>,
}

/// A count, or nothing where the server has something else in its place.
fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_u64())
}

impl Assembler {
    /// Takes the next event. Events, blocks and deltas of kinds that are not
    /// known are passed over, as the API asks of its clients.
    pub fn event(&mut self, event: &Event) -> Result<(), StreamError> {
        if event.data.is_empty() {
            return Ok(());
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(&event.data) else {
            return Err(StreamError::Broken("an event is not JSON"));
        };
        let kind = value.get("type").and_then(Value::as_str).unwrap_or(&event.name).to_owned();
        match kind.as_str() {
            "message_start" => {
                self.started = true;
                self.count(value.pointer("/message/usage"));
            }
            "content_block_start" => {
                let block = value.get_mut("content_block").map(Value::take);
                let block = block.ok_or(StreamError::Broken("a block starts without a block"))?;
                let index = index(&value)?;
                if self.blocks.len() <= index {
                    self.blocks.resize_with(index + 1, || None);
                }
                self.blocks[index] = Some(Building::start(block));
            }
            "content_block_delta" => {
                let index = index(&value)?;
                let delta = value.get("delta");
                if let (Some(Some(block)), Some(delta)) = (self.blocks.get_mut(index), delta) {
                    block.delta(delta);
                }
            }
            "message_delta" => {
                self.count(value.get("usage"));
                if let Some(delta) = value.get("delta") {
                    self.stop(delta);
                }
            }
            "message_stop" => self.stopped = true,
            "error" => return Err(api_error(&value)),
            _ => {}
        }
        Ok(())
    }

    /// Whether `message_stop` came: nothing that follows matters.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// The reply, if the stream came to its end.
    pub fn finish(mut self, price: Option<&Price>) -> Result<Reply, StreamError> {
        if !self.started {
            return Err(StreamError::Broken("the stream has no message"));
        }
        if !self.stopped {
            return Err(StreamError::Broken("the stream ended before the message did"));
        }
        let blocks = std::mem::take(&mut self.blocks);
        let content = blocks.into_iter().flatten().map(Building::finish).collect();
        Ok(self.reply(content, price))
    }

    fn reply(self, content: Vec<Content>, price: Option<&Price>) -> Reply {
        if let Some(why) = &self.refusal {
            tracing::warn!(why, "the model refused");
        }
        let usage = Usage { requests: 1, ..self.usage(price) };
        Reply { content, stop: stop(self.stop_reason.as_deref()), usage }
    }

    /// What was counted so far, as of a request that is not answered.
    pub fn usage(&self, price: Option<&Price>) -> Usage {
        Usage {
            requests: 0,
            input_tokens: self.tokens.prompt(),
            cached_tokens: self.tokens.cache_read,
            output_tokens: self.tokens.output,
            cost_usd: price.map_or(0.0, |price| price.cost(&self.tokens)),
        }
    }

    fn count(&mut self, usage: Option<&Value>) {
        let usage = usage.and_then(|usage| UsagePart::deserialize(usage).ok()).unwrap_or_default();
        let set = |to: &mut u64, from: Option<u64>| *to = from.unwrap_or(*to);
        set(&mut self.tokens.input, usage.input_tokens);
        set(&mut self.tokens.cache_write, usage.cache_creation_input_tokens);
        set(&mut self.tokens.cache_read, usage.cache_read_input_tokens);
        set(&mut self.tokens.output, usage.output_tokens);
    }

    fn stop(&mut self, from: &Value) {
        if let Some(reason) = from.get("stop_reason").and_then(Value::as_str) {
            self.stop_reason = Some(reason.to_owned());
        }
        let details = from.get("stop_details");
        let detail = |name| details.and_then(|d| d.get(name)).and_then(Value::as_str);
        if let Some(why) = detail("explanation").or_else(|| detail("category")) {
            self.refusal = Some(why.to_owned());
        }
    }
}

/// A reply from one JSON message, as it comes without streaming.
pub fn from_message(body: &[u8], price: Option<&Price>) -> Result<Reply, StreamError> {
    let Ok(mut message) = serde_json::from_slice::<Value>(body) else {
        return Err(StreamError::Broken("the reply is not JSON"));
    };
    if message.get("type").is_some_and(|kind| kind == "error") {
        return Err(api_error(&message));
    }
    let Some(Value::Array(blocks)) = message.get_mut("content").map(Value::take) else {
        return Err(StreamError::Broken("the reply has no content"));
    };
    let mut assembler = Assembler::default();
    assembler.count(message.get("usage"));
    assembler.stop(&message);
    let content = blocks.into_iter().map(|block| Building::start(block).finish()).collect();
    Ok(assembler.reply(content, price))
}

fn index(event: &Value) -> Result<usize, StreamError> {
    event
        .get("index")
        .and_then(Value::as_u64)
        .and_then(|index| usize::try_from(index).ok())
        .filter(|index| *index < MOST_BLOCKS)
        .ok_or(StreamError::Broken("an event names no block"))
}

fn api_error(value: &Value) -> StreamError {
    let part = |name: &str, default: &str| {
        let text = value.pointer(name).and_then(Value::as_str).unwrap_or(default);
        text.to_owned()
    };
    StreamError::Api {
        kind: part("/error/type", "api_error"),
        message: part("/error/message", "no message"),
    }
}

fn stop(reason: Option<&str>) -> Stop {
    match reason {
        Some("end_turn" | "stop_sequence") => Stop::EndTurn,
        Some("tool_use") => Stop::ToolUse,
        Some("max_tokens") => Stop::MaxTokens,
        Some("refusal") => Stop::Refusal,
        Some("pause_turn") => Stop::Pause,
        Some("model_context_window_exceeded") => Stop::ContextOverflow,
        Some(other) => Stop::Other(other.to_owned()),
        None => Stop::Other(String::new()),
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Building {
    fn start(block: Value) -> Self {
        match block.get("type").and_then(Value::as_str) {
            Some("text") => Building::Text(text(&block, "text")),
            Some("thinking") => Building::Thinking {
                thinking: text(&block, "thinking"),
                signature: text(&block, "signature"),
                value: block,
            },
            Some("tool_use") => Building::ToolUse {
                id: text(&block, "id"),
                name: text(&block, "name"),
                input: block.get("input").cloned().unwrap_or_default(),
                json: String::new(),
            },
            _ => Building::Other(block),
        }
    }

    fn delta(&mut self, delta: &Value) {
        let part = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        match (delta.get("type").and_then(Value::as_str), self) {
            (Some("text_delta"), Building::Text(text)) => text.push_str(part("text")),
            (Some("input_json_delta"), Building::ToolUse { json, .. }) => {
                json.push_str(part("partial_json"));
            }
            (Some("thinking_delta"), Building::Thinking { thinking, .. }) => {
                thinking.push_str(part("thinking"));
            }
            (Some("signature_delta"), Building::Thinking { signature, .. }) => {
                signature.push_str(part("signature"));
            }
            _ => {}
        }
    }

    fn finish(self) -> Content {
        match self {
            Building::Text(text) => Content::Text { text, cache: false },
            Building::Thinking { mut value, thinking, signature } => {
                if let Some(block) = value.as_object_mut() {
                    block.insert("thinking".to_owned(), Value::String(thinking));
                    block.insert("signature".to_owned(), Value::String(signature));
                }
                Content::Opaque(value)
            }
            // Input that is cut or not JSON is kept as the text it is.
            Building::ToolUse { id, name, input, json } => {
                let input = match json.trim() {
                    "" if input.is_null() => Value::Object(serde_json::Map::new()),
                    "" => input,
                    _ => serde_json::from_str(&json).unwrap_or(Value::String(json)),
                };
                Content::ToolUse { id, name, input }
            }
            Building::Other(value) => Content::Opaque(value),
        }
    }
}
