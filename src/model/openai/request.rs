//! The body of a chat-completions request
//! (<https://developers.openai.com/api/docs/api-reference/chat/create>).
//!
//! Text is written once, from where it lies. Tools and instructions come out
//! byte by byte the same for every request that shares them: OpenAI, Gemini and
//! vLLM cache by equal beginnings.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::budget::content_bytes;
use super::super::{Content, Message, Request, Role, Tool, ToolChoice};
use super::dialect::{Choice, Dialect, Form, Limit, System};
use super::strict;

/// What a server's own additions to a call are kept under, in a
/// [`Content::Opaque`] beside the call (Gemini's thought signatures).
pub(super) const CALL_EXTRA: &str = "tool_call_extra";
/// The same, of a whole turn.
pub(super) const TURN_EXTRA: &str = "turn_extra";
/// Reasoning text that led to calls.
pub(super) const REASONING: &str = "reasoning_text";

/// The JSON of a request to `model`, with at most `max_tokens` output tokens.
pub fn body(model: &str, dialect: &Dialect, max_tokens: u32, request: &Request) -> Vec<u8> {
    let with_tools = dialect.form == Form::Tools;
    let body = Body {
        model,
        tools: if with_tools { tools(request, dialect) } else { Vec::new() },
        tool_choice: if with_tools { tool_choice(request, dialect) } else { None },
        response_format: response_format(request, dialect),
        messages: messages(request, dialect),
        max_completion_tokens: (dialect.limit == Limit::Completion).then_some(max_tokens.max(1)),
        max_tokens: (dialect.limit == Limit::Tokens).then_some(max_tokens.max(1)),
        reasoning_effort: dialect.no_reasoning.then_some("none"),
        prompt_cache_key: dialect.cache_key.then(|| cache_key(request)),
        stream: dialect.stream,
        stream_options: (dialect.stream && dialect.counts)
            .then_some(StreamOptions { include_usage: true }),
    };
    to_json(&body, request)
}

/// Writing to memory and string keys only: it cannot fail; an empty body would
/// be refused by the server with a clear message.
pub(super) fn to_json(body: &impl Serialize, request: &Request) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_hint(request));
    if serde_json::to_writer(&mut bytes, body).is_err() {
        bytes.clear();
    }
    bytes
}

/// About how many bytes the body takes, a little above.
fn size_hint(request: &Request) -> usize {
    let contents = request.messages.iter().flat_map(|message| &message.content);
    let text = request.system.iter().map(|block| block.text.len()).sum::<usize>()
        + contents.map(content_bytes).sum::<usize>();
    text + text / 8 + 4_096 * (1 + request.tools.len())
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    messages: Vec<MessagePart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", content = "function", rename_all = "lowercase")]
enum ToolPart<'a> {
    Function {
        name: &'a str,
        description: &'a str,
        parameters: Cow<'a, Value>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        strict: bool,
    },
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum MessagePart<'a> {
    System {
        content: Text<'a>,
    },
    User {
        content: Text<'a>,
    },
    Assistant {
        content: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<CallPart<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        extra_content: Option<&'a Value>,
    },
    Tool {
        tool_call_id: &'a str,
        content: Cow<'a, str>,
    },
}

/// Most servers take a text; parts are only written to mark them.
#[derive(Serialize)]
#[serde(untagged)]
enum Text<'a> {
    Whole(Cow<'a, str>),
    Parts(Vec<TextPart<'a>>),
}

#[derive(Serialize)]
struct TextPart<'a> {
    r#type: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_breakpoint: Option<Breakpoint>,
}

/// The end of a beginning that other requests share.
#[derive(Serialize)]
pub(super) struct Breakpoint {
    mode: &'static str,
}

/// Deals out breakpoints where the request marks them. The API takes four and
/// sets one itself, at the end: of more than three, the first and the last two stay.
pub(super) struct Marks {
    left: usize,
    first: bool,
}

impl Marks {
    /// None where the server does not take them.
    pub(super) fn of(request: &Request, dialect: &Dialect) -> Self {
        let in_system = request.system.iter().filter(|b| b.cache && !b.text.trim().is_empty());
        let contents = request.messages.iter().flat_map(|message| &message.content);
        let marked = contents.filter(|content| {
            matches!(content, Content::Text { text, cache: true } if !text.trim().is_empty())
        });
        let left = in_system.count() + marked.count();
        Marks { left: if dialect.breakpoints { left } else { 0 }, first: true }
    }

    /// The breakpoint behind the next text that is not blank.
    pub(super) fn take(&mut self, text: &str, cache: bool) -> Option<Breakpoint> {
        if !cache || self.left == 0 || text.trim().is_empty() {
            return None;
        }
        let kept = std::mem::take(&mut self.first) || self.left <= 2;
        self.left -= 1;
        kept.then_some(Breakpoint { mode: "explicit" })
    }
}

#[derive(Serialize)]
struct CallPart<'a> {
    id: &'a str,
    r#type: &'static str,
    function: FunctionPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<&'a Value>,
}

#[derive(Serialize)]
struct FunctionPart<'a> {
    name: &'a str,
    arguments: String,
}

fn tools<'a>(request: &'a Request, dialect: &Dialect) -> Vec<ToolPart<'a>> {
    let tools = request.tools.iter().map(|tool| {
        let (parameters, strict) = strict::schema(&tool.input_schema, dialect.strict);
        let Tool { name, description, .. } = tool;
        ToolPart::Function { name, description, parameters, strict }
    });
    tools.collect()
}

/// Nothing is sent for `Auto`: it is what every server does where there are tools.
fn tool_choice(request: &Request, dialect: &Dialect) -> Option<Value> {
    if request.tools.is_empty() {
        return None;
    }
    match (&request.tool_choice, dialect.choice) {
        (ToolChoice::Auto, _) | (_, Choice::Auto) => None,
        (ToolChoice::Tool(name), Choice::Named) => {
            Some(json!({"type": "function", "function": {"name": name}}))
        }
        (ToolChoice::Any | ToolChoice::Towards(_) | ToolChoice::Tool(_), _) => {
            Some(json!("required"))
        }
    }
}

/// The tool whose input is asked for where tools cannot be called: the one that
/// is demanded, else the one with the most to say, since reading tools take
/// little more than a path.
pub(super) fn answer_tool(request: &Request) -> Option<&Tool> {
    if let Some(name) = request.tool_choice.answer()
        && let Some(tool) = request.tools.iter().find(|tool| tool.name == *name)
    {
        return Some(tool);
    }
    request.tools.iter().max_by_key(|tool| tool.input_schema.to_string().len())
}

fn response_format(request: &Request, dialect: &Dialect) -> Option<Value> {
    let tool = answer_tool(request).filter(|_| dialect.form == Form::Schema)?;
    let (schema, strict) = strict::schema(&tool.input_schema, dialect.strict);
    let mut format = json!({"name": tool.name, "schema": schema});
    if strict {
        format["strict"] = json!(true);
    }
    Some(json!({"type": "json_schema", "json_schema": format}))
}

/// A name for the beginning that requests share, so that they land where it is
/// cached: 128 bits of a hash of tools and instructions.
pub(super) fn cache_key(request: &Request) -> String {
    let mut hash = Sha256::new();
    for tool in &request.tools {
        hash.update(&tool.name);
        hash.update([0]);
    }
    for block in &request.system {
        hash.update(block.text.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What is said in place of the answer tool where no tool can be called.
pub(super) fn spoken_demand(request: &Request, form: Form) -> Option<String> {
    let tool = answer_tool(request).filter(|_| form != Form::Tools)?;
    let Tool { name, description, input_schema } = tool;
    Some(format!(
        "No tools can be called in this conversation. Where you are told to call `{name}`, answer \
         instead with its input: one JSON object that fits the schema below, and nothing before or \
         after it, neither prose nor a code fence.\n\n{description}\n\nThe schema:\n\n{input_schema}"
    ))
}

/// The instructions as one text.
fn system_text<'a>(request: &'a Request, dialect: &Dialect) -> Cow<'a, str> {
    let blocks = request.system.iter().map(|block| Cow::Borrowed(&*block.text));
    let demand = spoken_demand(request, dialect.form).map(Cow::Owned);
    joined(blocks.chain(demand))
}

/// Blank texts are left out, as some servers refuse them.
fn joined<'a>(texts: impl Iterator<Item = Cow<'a, str>>) -> Cow<'a, str> {
    let mut whole = Cow::Borrowed("");
    for text in texts.filter(|text| !text.trim().is_empty()) {
        if whole.is_empty() {
            whole = text;
        } else {
            let whole = whole.to_mut();
            whole.push_str("\n\n");
            whole.push_str(&text);
        }
    }
    whole
}

fn messages<'a>(request: &'a Request, dialect: &Dialect) -> Vec<MessagePart<'a>> {
    let mut parts = Vec::with_capacity(request.messages.len() + 1);
    let names = call_names(request);
    let system = system_text(request, dialect);
    let mut in_user = None;
    let mut marks = Marks::of(request, dialect);
    match dialect.system {
        _ if system.is_empty() => {}
        System::InUser => in_user = Some(system),
        System::Own => {
            let marked = request.system.iter().any(|block| block.cache);
            let content = match dialect.form {
                Form::Tools if dialect.breakpoints && marked => Text::Parts(
                    request
                        .system
                        .iter()
                        .filter(|block| !block.text.trim().is_empty())
                        .map(|block| text_part(&block.text, marks.take(&block.text, block.cache)))
                        .collect(),
                ),
                _ => Text::Whole(system),
            };
            parts.push(MessagePart::System { content });
        }
    }
    for message in &request.messages {
        match message.role {
            Role::User => {
                user(message, dialect, &names, in_user.take(), &mut marks, &mut parts);
            }
            Role::Assistant => parts.extend(assistant(message, dialect)),
        }
    }
    parts
}

fn text_part(text: &str, prompt_cache_breakpoint: Option<Breakpoint>) -> TextPart<'_> {
    TextPart { r#type: "text", text, prompt_cache_breakpoint }
}

/// Which tool each call was of.
pub(super) fn call_names(request: &Request) -> HashMap<&str, &str> {
    let contents = request.messages.iter().flat_map(|message| &message.content);
    contents
        .filter_map(|content| match content {
            Content::ToolUse { id, name, .. } => Some((id.as_str(), name.as_str())),
            _ => None,
        })
        .collect()
}

/// Results first, each a message of its own, then what we say.
fn user<'a>(
    message: &'a Message,
    dialect: &Dialect,
    names: &HashMap<&'a str, &'a str>,
    system: Option<Cow<'a, str>>,
    marks: &mut Marks,
    parts: &mut Vec<MessagePart<'a>>,
) {
    let mut texts: Vec<Cow<'a, str>> = system.into_iter().collect();
    let mut marked = false;
    for content in &message.content {
        match content {
            Content::Text { text, cache } => {
                marked |= cache;
                texts.push(Cow::Borrowed(text));
            }
            Content::ToolResult { id, text, is_error } if dialect.form == Form::Tools => {
                parts.push(MessagePart::Tool {
                    tool_call_id: id,
                    content: result_text(text, *is_error),
                });
            }
            Content::ToolResult { id, text, is_error } => {
                let name = names.get(id.as_str()).copied().unwrap_or("the call");
                let text = result_text(text, *is_error);
                texts.push(Cow::Owned(format!("What `{name}` gave:\n\n{text}")));
            }
            Content::ToolUse { .. } | Content::Opaque(_) => {}
        }
    }
    let parted = marked && dialect.form == Form::Tools && dialect.system == System::Own;
    let content = if dialect.breakpoints && parted {
        let texts = message.content.iter().filter_map(|content| match content {
            Content::Text { text, cache } if !text.trim().is_empty() => {
                Some(text_part(text, marks.take(text, *cache)))
            }
            _ => None,
        });
        let texts: Vec<_> = texts.collect();
        if texts.is_empty() {
            return;
        }
        Text::Parts(texts)
    } else {
        let text = joined(texts.into_iter());
        if text.is_empty() {
            return;
        }
        Text::Whole(text)
    };
    parts.push(MessagePart::User { content });
}

/// The protocol has no word for a failed call but the text.
pub(super) fn result_text(text: &str, is_error: bool) -> Cow<'_, str> {
    if is_error { Cow::Owned(format!("Error: {text}")) } else { Cow::Borrowed(text) }
}

/// A call's input as the protocol wants it: a text that is a JSON object.
pub(super) fn arguments(input: &Value) -> String {
    if input.is_object() { input.to_string() } else { "{}".to_owned() }
}

fn assistant<'a>(message: &'a Message, dialect: &Dialect) -> Option<MessagePart<'a>> {
    let of_kind = |kind: &'static str| {
        message.content.iter().filter_map(move |content| match content {
            Content::Opaque(value) if value.get("type").is_some_and(|t| t == kind) => Some(value),
            _ => None,
        })
    };
    let texts = message.content.iter().filter_map(|content| match content {
        Content::Text { text, .. } => Some(Cow::Borrowed(text.as_str())),
        Content::ToolUse { input, .. } if dialect.form != Form::Tools => {
            Some(Cow::Owned(input.as_str().map_or_else(|| input.to_string(), str::to_owned)))
        }
        _ => None,
    });
    let text = joined(texts);
    let calls = message.content.iter().filter_map(|content| match content {
        Content::ToolUse { id, name, input } if dialect.form == Form::Tools => Some(CallPart {
            id,
            r#type: "function",
            function: FunctionPart { name, arguments: arguments(input) },
            extra_content: of_kind(CALL_EXTRA)
                .find(|value| value.get("id").is_some_and(|one| one == id))
                .and_then(|value| value.get("extra_content")),
        }),
        _ => None,
    });
    let tool_calls: Vec<_> = calls.collect();
    if text.is_empty() && tool_calls.is_empty() {
        return None;
    }
    let reasoning = of_kind(REASONING).next().filter(|_| dialect.reasoning_back);
    Some(MessagePart::Assistant {
        content: (!text.is_empty()).then_some(text),
        reasoning_content: reasoning.and_then(|value| value.get("text")?.as_str()),
        tool_calls,
        extra_content: of_kind(TURN_EXTRA).next().and_then(|value| value.get("extra_content")),
    })
}
