//! Replies of Converse, from a stream of events or in one piece.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::errors;
use super::eventstream::{Malformed, Message, Parser};
use crate::model::anthropic::errors::of_stream;
use crate::model::anthropic::reply::{Assembler as Claude, StreamError};
use crate::model::anthropic::sse::Event;
use crate::model::exchange::{Failure, Reading};
use crate::model::price::{Price, Tokens};
use crate::model::{Content, Reply, Stop};
use crate::report::Usage;

/// Most content blocks taken; a real reply has a few dozen at the most.
const MOST_BLOCKS: usize = 4_096;

/// Anthropic's events inside Amazon's: `{"bytes": base64 of an event}`.
#[derive(Default)]
pub(super) struct ClaudeReading {
    parser: Parser,
    assembler: Claude,
}

/// Converse's own events.
#[derive(Default)]
pub(super) struct ConverseReading {
    parser: Parser,
    assembler: Assembler,
}

fn malformed(why: Malformed) -> Failure {
    of_stream(StreamError::Broken(why.as_str()))
}

/// Hands the events on; exceptions and errors end the stream.
fn each_event(
    parser: &mut Parser,
    bytes: &[u8],
    mut each: impl FnMut(&str, &[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut result = Ok(());
    let parsed = parser.push(bytes, |message| {
        if result.is_ok() {
            result = match message {
                Message::Event { kind, payload } => each(&kind, &payload),
                Message::Exception { kind, payload } => Err(errors::in_stream(&kind, &payload)),
                Message::Error { code, message } => Err(errors::of_words(&code, &message)),
            };
        }
    });
    result?;
    parsed.map_err(malformed)
}

impl Reading for ClaudeReading {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let assembler = &mut self.assembler;
        each_event(&mut self.parser, bytes, |kind, payload| {
            if kind != "chunk" {
                return Ok(());
            }
            let event = serde_json::from_slice::<Value>(payload).ok();
            let event = event.and_then(|chunk| STANDARD.decode(chunk.get("bytes")?.as_str()?).ok());
            let data =
                event.ok_or(StreamError::Broken("a chunk holds no bytes")).map_err(of_stream)?;
            assembler.event(&Event { name: String::new(), data }).map_err(of_stream)
        })
    }

    fn stopped(&self) -> bool {
        self.assembler.stopped()
    }

    fn usage(&self, price: Option<&Price>) -> Usage {
        self.assembler.usage(price)
    }

    fn finish(self: Box<Self>, price: Option<&Price>) -> Result<Reply, Failure> {
        self.assembler.finish(price).map_err(of_stream)
    }
}

impl Reading for ConverseReading {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let assembler = &mut self.assembler;
        each_event(&mut self.parser, bytes, |kind, payload| {
            assembler.event(kind, payload).map_err(of_stream)
        })
    }

    fn stopped(&self) -> bool {
        self.assembler.counted
    }

    fn usage(&self, price: Option<&Price>) -> Usage {
        usage(&self.assembler.tokens, 0, price)
    }

    fn finish(self: Box<Self>, price: Option<&Price>) -> Result<Reply, Failure> {
        self.assembler.finish(price).map_err(of_stream)
    }
}

/// Puts a reply together from Converse's events.
#[derive(Debug, Default)]
pub struct Assembler {
    blocks: BTreeMap<u64, Building>,
    stop: Option<String>,
    tokens: Tokens,
    /// `metadata`, which is the last event, has come.
    counted: bool,
}

#[derive(Debug)]
enum Building {
    Text(String),
    ToolUse { id: String, name: String, json: String },
    Reasoning { text: String, signature: String, redacted: String },
}

impl Assembler {
    /// Takes the next event. Kinds that are not known are passed over.
    ///
    /// # Errors
    /// It is not as documented.
    pub fn event(&mut self, kind: &str, payload: &[u8]) -> Result<(), StreamError> {
        let known = ["contentBlockStart", "contentBlockDelta", "messageStop", "metadata"];
        if !known.contains(&kind) {
            return Ok(());
        }
        let Ok(value) = serde_json::from_slice::<Value>(payload) else {
            return Err(StreamError::Broken("an event is not JSON"));
        };
        match kind {
            "contentBlockStart" => {
                if let Some(call) = value.pointer("/start/toolUse") {
                    let (id, name) = (text(call, "toolUseId"), text(call, "name"));
                    let block = Building::ToolUse { id, name, json: String::new() };
                    self.insert(index(&value)?, block)?;
                }
            }
            "contentBlockDelta" => {
                if let Some(delta) = value.get("delta") {
                    self.delta(index(&value)?, delta)?;
                }
            }
            "messageStop" => self.stop = Some(text(&value, "stopReason")),
            _ => {
                self.tokens = tokens(&value);
                self.counted = true;
            }
        }
        Ok(())
    }

    fn insert(&mut self, index: u64, block: Building) -> Result<&mut Building, StreamError> {
        if self.blocks.len() >= MOST_BLOCKS {
            return Err(StreamError::Broken("too many blocks"));
        }
        Ok(self.blocks.entry(index).or_insert(block))
    }

    /// Text and reasoning begin with their first piece.
    fn delta(&mut self, index: u64, delta: &Value) -> Result<(), StreamError> {
        if let Some(piece) = delta.get("text").and_then(Value::as_str) {
            if let Building::Text(text) = self.insert(index, Building::Text(String::new()))? {
                text.push_str(piece);
            }
        } else if let Some(piece) = delta.pointer("/toolUse/input").and_then(Value::as_str) {
            if let Some(Building::ToolUse { json, .. }) = self.blocks.get_mut(&index) {
                json.push_str(piece);
            }
        } else if let Some(piece) = delta.get("reasoningContent") {
            let empty = Building::Reasoning {
                text: String::new(),
                signature: String::new(),
                redacted: String::new(),
            };
            if let Building::Reasoning { text: all, signature, redacted } =
                self.insert(index, empty)?
            {
                all.push_str(&text(piece, "text"));
                signature.push_str(&text(piece, "signature"));
                redacted.push_str(&text(piece, "redactedContent"));
            }
        }
        Ok(())
    }

    /// The reply, if the stream came to its end.
    ///
    /// # Errors
    /// It broke off.
    pub fn finish(self, price: Option<&Price>) -> Result<Reply, StreamError> {
        let Some(stop) = &self.stop else {
            return Err(StreamError::Broken("the stream ended before the message did"));
        };
        let stop = stop_of(stop);
        let usage = usage(&self.tokens, 1, price);
        let content = self.blocks.into_values().filter_map(Building::finish).collect();
        Ok(Reply { content, stop, usage })
    }
}

impl Building {
    fn finish(self) -> Option<Content> {
        Some(match self {
            Building::Text(text) => Content::Text { text, cache: false },
            Building::ToolUse { id, name, json } => Content::ToolUse {
                id,
                name,
                input: match json.trim() {
                    "" => json!({}),
                    _ => serde_json::from_str(&json).unwrap_or(Value::String(json)),
                },
            },
            Building::Reasoning { redacted, .. } if !redacted.is_empty() => {
                Content::Opaque(json!({"reasoningContent": {"redactedContent": redacted}}))
            }
            Building::Reasoning { text, signature, .. } => {
                let mut reasoning = json!({ "text": text });
                if !signature.is_empty() {
                    reasoning["signature"] = json!(signature);
                }
                Content::Opaque(json!({"reasoningContent": {"reasoningText": reasoning}}))
            }
        })
    }
}

/// A reply in one piece, as Converse gives it.
///
/// # Errors
/// It is not as documented.
pub fn from_message(body: &[u8], price: Option<&Price>) -> Result<Reply, StreamError> {
    let Ok(mut message) = serde_json::from_slice::<Value>(body) else {
        return Err(StreamError::Broken("the reply is not JSON"));
    };
    let blocks = message.pointer_mut("/output/message/content").map(Value::take);
    let Some(Value::Array(blocks)) = blocks else {
        return Err(StreamError::Broken("the reply has no content"));
    };
    let content = blocks.into_iter().filter_map(|block| {
        if let Some(text) = block.get("text").and_then(Value::as_str) {
            return Some(Content::Text { text: text.to_owned(), cache: false });
        }
        if let Some(call) = block.get("toolUse") {
            return Some(Content::ToolUse {
                id: text(call, "toolUseId"),
                name: text(call, "name"),
                input: call.get("input").cloned().unwrap_or_else(|| json!({})),
            });
        }
        block.get("reasoningContent").is_some().then_some(Content::Opaque(block))
    });
    let content = content.collect();
    let stop = stop_of(&text(&message, "stopReason"));
    Ok(Reply { content, stop, usage: usage(&tokens(&message), 1, price) })
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn index(event: &Value) -> Result<u64, StreamError> {
    let index = event.get("contentBlockIndex").and_then(Value::as_u64);
    index.ok_or(StreamError::Broken("an event names no block"))
}

/// `inputTokens` leaves out what was read from or written to the cache.
fn tokens(value: &Value) -> Tokens {
    let count = |name: &str| {
        value.get("usage").and_then(|usage| usage.get(name)?.as_u64()).unwrap_or_default()
    };
    Tokens {
        input: count("inputTokens"),
        cache_write: count("cacheWriteInputTokens"),
        cache_read: count("cacheReadInputTokens"),
        output: count("outputTokens"),
    }
}

fn usage(tokens: &Tokens, requests: u64, price: Option<&Price>) -> Usage {
    Usage {
        requests,
        input_tokens: tokens.prompt(),
        cached_tokens: tokens.cache_read,
        output_tokens: tokens.output,
        cost_usd: price.map_or(0.0, |price| price.cost(tokens)),
    }
}

fn stop_of(reason: &str) -> Stop {
    match reason {
        "end_turn" | "stop_sequence" => Stop::EndTurn,
        "tool_use" => Stop::ToolUse,
        "max_tokens" => Stop::MaxTokens,
        "guardrail_intervened" | "content_filtered" => Stop::Refusal,
        "model_context_window_exceeded" => Stop::ContextOverflow,
        other => Stop::Other(other.to_owned()),
    }
}
