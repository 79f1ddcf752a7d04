//! Replies of chat completions, from a stream of chunks or from one JSON object
//! (<https://developers.openai.com/api/docs/api-reference/chat-streaming>).

use serde_json::{Map, Value, json};

use super::super::anthropic::sse::Event;
use super::super::price::{Price, Tokens};
use super::super::{Content, Reply, Stop};
use super::errors::{ApiError, StreamError};
use super::request::{CALL_EXTRA, REASONING, TURN_EXTRA};
use crate::report::Usage;

/// Most calls taken; a real reply has a dozen at the most.
const MOST_CALLS: usize = 256;

/// Puts a reply together from chunks.
#[derive(Debug, Default)]
pub struct Assembler {
    text: String,
    reasoning: String,
    refusal: String,
    calls: Vec<Call>,
    extra: Option<Value>,
    finish: Option<String>,
    tokens: Counted,
    started: bool,
    done: bool,
}

/// A call as far as it has come.
#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
    extra: Option<Value>,
}

/// The counts of a reply, where the server gave any.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted(Option<Tokens>);

impl Counted {
    /// From a `usage` object of either interface. In a stream the last one counts.
    pub(super) fn take(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
        let count = |names: &[&str]| {
            names.iter().find_map(|name| usage.pointer(name)?.as_u64()).unwrap_or(0)
        };
        let prompt = count(&["/prompt_tokens", "/input_tokens"]);
        let output = count(&["/completion_tokens", "/output_tokens"]);
        let read = count(&[
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
            "/prompt_cache_hit_tokens",
        ]);
        let written = count(&[
            "/prompt_tokens_details/cache_write_tokens",
            "/input_tokens_details/cache_write_tokens",
        ]);
        if prompt == 0 && output == 0 {
            return;
        }
        let read = read.min(prompt);
        let written = written.min(prompt - read);
        // Gemini leaves what it thought out of the completion, not out of the total.
        let total = count(&["/total_tokens"]);
        self.0 = Some(Tokens {
            input: prompt - read - written,
            cache_write: written,
            cache_read: read,
            output: output.max(total.saturating_sub(prompt)),
        });
    }

    /// As of a request that is not answered.
    pub(super) fn usage(&self, price: Option<&Price>) -> Usage {
        let tokens = self.0.unwrap_or_default();
        Usage {
            requests: 0,
            input_tokens: tokens.prompt(),
            cached_tokens: tokens.cache_read,
            output_tokens: tokens.output,
            cost_usd: price.map_or(0.0, |price| price.cost(&tokens)),
        }
    }
}

impl Assembler {
    /// Takes the next event. What is not known in it is passed over.
    pub fn event(&mut self, event: &Event) -> Result<(), StreamError> {
        let data = event.data.trim_ascii();
        if data.is_empty() || self.done {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let Ok(mut chunk) = serde_json::from_slice::<Value>(data) else {
            return Err(StreamError::Broken("a chunk is not JSON"));
        };
        if let Some(error) = ApiError::find(&chunk) {
            return Err(StreamError::Api(error));
        }
        if event.name == "error" {
            return Err(StreamError::Api(ApiError::of(&chunk)));
        }
        self.tokens.take(chunk.get("usage"));
        self.tokens.take(chunk.pointer("/x_groq/usage"));
        let Some(choice) = chunk.pointer_mut("/choices/0") else { return Ok(()) };
        self.started = true;
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str)
            && !reason.is_empty()
        {
            self.finish = Some(reason.to_owned());
        }
        // Some send the whole message in place of a delta.
        let delta = match choice.get_mut("delta") {
            Some(delta) if delta.is_object() => Some(delta.take()),
            _ => choice.get_mut("message").map(Value::take),
        };
        delta.map_or(Ok(()), |delta| self.delta(delta))
    }

    fn delta(&mut self, mut delta: Value) -> Result<(), StreamError> {
        push_text(&mut self.text, delta.get("content"));
        let reasoning = delta.get("reasoning_content").filter(|text| !text.is_null());
        push_text(&mut self.reasoning, reasoning.or_else(|| delta.get("reasoning")));
        push_text(&mut self.refusal, delta.get("refusal"));
        if let Some(extra) = delta.get_mut("extra_content").filter(|extra| extra.is_object()) {
            self.extra = Some(extra.take());
        }
        let calls = delta.get_mut("tool_calls").map(Value::take);
        if let Some(Value::Array(calls)) = calls {
            for call in calls {
                self.call(call)?;
            }
        }
        Ok(())
    }

    /// A piece of a call. Which one it belongs to is said by its index; where
    /// that is missing or the same for all, by its id, or by a name that starts
    /// another call.
    fn call(&mut self, mut piece: Value) -> Result<(), StreamError> {
        let index = piece.get("index").and_then(Value::as_u64);
        let text = |path: &str| piece.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (id, name) = (text("/id").to_owned(), text("/function/name").to_owned());
        let at = match index {
            Some(index) => self.calls.iter().rposition(|call| call.index == Some(index)),
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().rposition(|call| call.id == id),
        };
        let same = at.filter(|at| {
            let call = &self.calls[*at];
            let other_id = !id.is_empty() && !call.id.is_empty() && id != call.id;
            let begun = !name.is_empty() && !call.name.is_empty();
            let again = begun && id.is_empty() && is_complete(&call.arguments);
            !(other_id || again)
        });
        let at = match same {
            Some(at) => at,
            None if self.calls.len() == MOST_CALLS => {
                return Err(StreamError::Broken("the reply calls too many tools"));
            }
            None => {
                self.calls.push(Call { index, ..Call::default() });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
        match piece.pointer("/function/arguments") {
            Some(Value::String(part)) => call.arguments.push_str(part),
            Some(whole @ Value::Object(_)) => call.arguments = whole.to_string(),
            _ => {}
        }
        if let Some(extra) = piece.get_mut("extra_content").filter(|extra| extra.is_object()) {
            call.extra = Some(extra.take());
        }
        Ok(())
    }

    /// Whether `[DONE]` came: nothing that follows matters.
    pub fn stopped(&self) -> bool {
        self.done
    }

    /// The reply, if the stream came to its end: a reason to finish, or `[DONE]`.
    pub fn finish(self, price: Option<&Price>) -> Result<Reply, StreamError> {
        if !self.started {
            return Err(StreamError::Broken("the stream has no reply"));
        }
        if self.finish.is_none() && !self.done {
            return Err(StreamError::Broken("the stream ended before the reply did"));
        }
        Ok(self.reply(price))
    }

    /// What was counted so far, as of a request that is not answered.
    pub fn usage(&self, price: Option<&Price>) -> Usage {
        self.tokens.usage(price)
    }

    fn reply(self, price: Option<&Price>) -> Reply {
        if !self.refusal.is_empty() {
            tracing::warn!(why = self.refusal, "the model refused");
        }
        let called = !self.calls.is_empty();
        let stop = match self.finish.as_deref() {
            _ if !self.refusal.is_empty() => Stop::Refusal,
            Some("content_filter" | "refusal" | "SAFETY") => Stop::Refusal,
            Some("length" | "max_tokens" | "MAX_TOKENS") => Stop::MaxTokens,
            // Several servers say `stop` although they call tools.
            Some("stop" | "tool_calls" | "function_call" | "end_turn" | "STOP" | "eos") | None => {
                if called {
                    Stop::ToolUse
                } else {
                    Stop::EndTurn
                }
            }
            Some(other) => Stop::Other(other.to_owned()),
        };
        let usage = Usage { requests: 1, ..self.tokens.usage(price) };
        let mut content = Vec::new();
        if called && !self.reasoning.is_empty() {
            content.push(Content::Opaque(json!({"type": REASONING, "text": self.reasoning})));
        }
        if let Some(extra) = self.extra {
            content.push(Content::Opaque(json!({"type": TURN_EXTRA, "extra_content": extra})));
        }
        let text = after_thinking(&self.text);
        if !text.is_empty() {
            content.push(Content::Text { text: text.to_owned(), cache: false });
        }
        let mut ids = Vec::new();
        for (number, call) in self.calls.into_iter().enumerate() {
            let Call { id, name, arguments, extra, .. } = call;
            let id = if id.is_empty() || ids.contains(&id) {
                format!("call_{number}_{:08x}", checksum(&arguments))
            } else {
                id
            };
            ids.push(id.clone());
            if let Some(extra) = extra {
                let extra = json!({"type": CALL_EXTRA, "id": id, "extra_content": extra});
                content.push(Content::Opaque(extra));
            }
            content.push(Content::ToolUse { id, name, input: input(arguments) });
        }
        Reply { content, stop, usage }
    }
}

/// A reply from one JSON object, as it comes without streaming.
pub fn from_message(body: &[u8], price: Option<&Price>) -> Result<Reply, StreamError> {
    let Ok(mut body) = serde_json::from_slice::<Value>(body) else {
        return Err(StreamError::Broken("the reply is not JSON"));
    };
    if let Some(error) = ApiError::find(&body) {
        return Err(StreamError::Api(error));
    }
    let mut assembler = Assembler::default();
    assembler.tokens.take(body.get("usage"));
    let choice = body.pointer_mut("/choices/0").ok_or(StreamError::Broken("no reply in it"))?;
    let finish = choice.get("finish_reason").and_then(Value::as_str).unwrap_or("stop");
    assembler.finish = Some(finish.to_owned());
    let message = choice.get_mut("message").map(Value::take).unwrap_or_default();
    if !message.is_object() {
        return Err(StreamError::Broken("the reply has no message"));
    }
    assembler.delta(message)?;
    Ok(assembler.reply(price))
}

/// The text of a `content`: a string, or a list of parts of which some are text.
fn push_text(to: &mut String, content: Option<&Value>) {
    match content {
        Some(Value::String(text)) => to.push_str(text),
        Some(Value::Array(parts)) => {
            for part in parts {
                to.push_str(part.get("text").and_then(Value::as_str).unwrap_or_default());
            }
        }
        _ => {}
    }
}

/// The text behind thinking that a server did not set apart.
fn after_thinking(text: &str) -> &str {
    let Some(thinking) = text.trim_start().strip_prefix("<think>") else { return text };
    thinking.split_once("</think>").map_or("", |(_, rest)| rest.trim_start())
}

fn is_complete(arguments: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(arguments).is_ok()
}

/// The input of a call. What is cut or not JSON is kept as the text it is.
pub(super) fn input(arguments: String) -> Value {
    match arguments.trim() {
        "" | "null" => Value::Object(Map::new()),
        text => match serde_json::from_str(text) {
            // Encoded twice.
            Ok(Value::String(inner)) => serde_json::from_str::<Map<String, Value>>(&inner)
                .map_or(Value::String(arguments), Value::Object),
            Ok(value) => value,
            Err(_) => Value::String(arguments),
        },
    }
}

/// FNV-1a: tells calls of different turns apart, no more.
fn checksum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
