//! Replies of `/responses`, from a stream of events or from one JSON object
//! (<https://developers.openai.com/api/docs/api-reference/responses-streaming>).

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::super::anthropic::sse::Event;
use super::super::super::price::Price;
use super::super::super::{Content, Reply, Stop};
use super::super::errors::{ApiError, StreamError};
use super::super::reply::{Counted, input};
use crate::report::Usage;

/// Most output items taken; a real reply has a few dozen.
const MOST_ITEMS: usize = 4_096;

/// Puts a reply together from events.
#[derive(Debug, Default)]
pub struct Assembler {
    items: BTreeMap<u64, Building>,
    tokens: Counted,
    /// The response as its last event tells it.
    end: Option<Value>,
}

/// An item as far as it has come.
#[derive(Debug, Default)]
struct Building {
    item: Value,
    text: String,
    whole: bool,
}

impl Assembler {
    /// Takes the next event. What is not known in it is passed over.
    pub fn event(&mut self, event: &Event) -> Result<(), StreamError> {
        let data = event.data.trim_ascii();
        if data.is_empty() || data == b"[DONE]" || self.end.is_some() {
            return Ok(());
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(data) else {
            return Err(StreamError::Broken("an event is not JSON"));
        };
        let kind = value.get("type").and_then(Value::as_str).unwrap_or(&event.name).to_owned();
        match kind.as_str() {
            "response.output_item.added" | "response.output_item.done" => {
                let item = value.get_mut("item").map(Value::take).unwrap_or_default();
                let building = self.building(&value)?;
                building.item = item;
                building.whole = kind.ends_with("done");
            }
            "response.output_text.delta"
            | "response.refusal.delta"
            | "response.function_call_arguments.delta" => {
                let delta = value.get("delta").and_then(Value::as_str).unwrap_or_default();
                let building = self.building(&value)?;
                building.text.push_str(delta);
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                let response = value.get_mut("response").map(Value::take).unwrap_or_default();
                self.tokens.take(response.get("usage"));
                if kind == "response.failed" {
                    let error = response.get("error").map(ApiError::of).unwrap_or_default();
                    return Err(StreamError::Api(error));
                }
                self.end = Some(response);
            }
            "error" => {
                let error = ApiError::find(&value);
                return Err(StreamError::Api(error.unwrap_or_else(|| ApiError {
                    // Its type is only `error`.
                    kind: String::new(),
                    ..ApiError::of(&value)
                })));
            }
            _ if value.get("type").is_none() => {
                if let Some(error) = ApiError::find(&value) {
                    return Err(StreamError::Api(error));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn building(&mut self, event: &Value) -> Result<&mut Building, StreamError> {
        let index = event.get("output_index").and_then(Value::as_u64).unwrap_or(0);
        if self.items.len() == MOST_ITEMS && !self.items.contains_key(&index) {
            return Err(StreamError::Broken("the reply has too many parts"));
        }
        Ok(self.items.entry(index).or_default())
    }

    /// Whether the last event came: nothing that follows matters.
    pub fn stopped(&self) -> bool {
        self.end.is_some()
    }

    /// What was counted so far, as of a request that is not answered.
    pub fn usage(&self, price: Option<&Price>) -> Usage {
        self.tokens.usage(price)
    }

    /// The reply, if the stream came to its end.
    pub fn finish(self, price: Option<&Price>) -> Result<Reply, StreamError> {
        let Some(end) = self.end else {
            return Err(StreamError::Broken("the stream ended before the reply did"));
        };
        let mut parts = Parts::default();
        if self.items.is_empty() {
            let output = end.get("output").and_then(Value::as_array);
            output.into_iter().flatten().for_each(|item| parts.item(item));
        }
        for building in self.items.into_values() {
            let Building { item, text, whole } = building;
            if whole {
                parts.item(&item);
            } else {
                parts.partial(&item, text);
            }
        }
        Ok(parts.reply(&end, self.tokens.usage(price)))
    }
}

/// A reply from one JSON object, as it comes without streaming.
pub fn from_message(body: &[u8], price: Option<&Price>) -> Result<Reply, StreamError> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Err(StreamError::Broken("the reply is not JSON"));
    };
    if let Some(error) = ApiError::find(&body) {
        return Err(StreamError::Api(error));
    }
    let Some(output) = body.get("output").and_then(Value::as_array) else {
        return Err(StreamError::Broken("the reply has no output"));
    };
    let mut tokens = Counted::default();
    tokens.take(body.get("usage"));
    let mut parts = Parts::default();
    output.iter().for_each(|item| parts.item(item));
    Ok(parts.reply(&body, tokens.usage(price)))
}

/// The content of a reply, and what it refuses.
#[derive(Default)]
struct Parts {
    content: Vec<Content>,
    refusal: String,
    called: bool,
}

impl Parts {
    /// A whole item.
    fn item(&mut self, item: &Value) {
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        match item.get("type").and_then(Value::as_str) {
            Some("message") => {
                let parts = item.get("content").and_then(Value::as_array);
                for part in parts.into_iter().flatten() {
                    self.refusal.push_str(&text(part, "refusal"));
                    self.text(text(part, "text"));
                }
            }
            Some("function_call") => self.call(item, text(item, "arguments")),
            // Without its encrypted form it means nothing to a server that stored nothing.
            Some("reasoning") if item.get("encrypted_content").is_some_and(Value::is_string) => {
                self.content.push(Content::Opaque(item.clone()));
            }
            _ => {}
        }
    }

    /// An item that was not finished.
    fn partial(&mut self, item: &Value, text: String) {
        match item.get("type").and_then(Value::as_str) {
            Some("message") => self.text(text),
            Some("function_call") => self.call(item, text),
            _ => {}
        }
    }

    fn text(&mut self, text: String) {
        if !text.is_empty() {
            self.content.push(Content::Text { text, cache: false });
        }
    }

    fn call(&mut self, item: &Value, arguments: String) {
        let part = |names: [&str; 2]| {
            let text = |name: &str| item.get(name).and_then(Value::as_str);
            names.into_iter().find_map(text).unwrap_or_default().to_owned()
        };
        self.called = true;
        self.content.push(Content::ToolUse {
            id: part(["call_id", "id"]),
            name: part(["name", "name"]),
            input: input(arguments),
        });
    }

    fn reply(self, response: &Value, usage: Usage) -> Reply {
        if !self.refusal.is_empty() {
            tracing::warn!(why = self.refusal, "the model refused");
        }
        let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
        let stop = match reason {
            _ if !self.refusal.is_empty() => Stop::Refusal,
            Some("max_output_tokens") => Stop::MaxTokens,
            Some("content_filter") => Stop::Refusal,
            Some(other) => Stop::Other(other.to_owned()),
            None if self.called => Stop::ToolUse,
            None => Stop::EndTurn,
        };
        Reply { content: self.content, stop, usage: Usage { requests: 1, ..usage } }
    }
}
