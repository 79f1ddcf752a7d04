//! The body of a Messages API request
//! (<https://platform.claude.com/docs/en/api/messages/create>).

use serde::Serialize;
use serde_json::Value;

use super::super::budget::content_bytes;
use super::super::{Content, Request, Role, Tool, ToolChoice};
use super::capability::{self, Capability};

/// Most cache breakpoints in a request.
const BREAKPOINTS: usize = 4;

/// How hard the model should think, where it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Cheapest and fastest.
    Low,
    /// Between.
    Medium,
    /// What most models do by default.
    High,
    /// More than by default.
    Xhigh,
    /// All it can.
    Max,
}

/// What stands around the conversation: it differs by who carries the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope<'a> {
    /// Anthropic's own API: the body names the model.
    Api {
        /// The model's name.
        model: &'a str,
        /// Whether to ask for a stream.
        stream: bool,
    },
    /// An entry of a batch of Anthropic's own API: nothing is said of streaming.
    Batch {
        /// The model's name.
        model: &'a str,
    },
    /// A cloud's: the address names the model, and the body the form it is in.
    Platform {
        /// `bedrock-2023-05-31`, `vertex-2023-10-16`.
        version: &'static str,
        /// Whether to ask for a stream, where the address does not say so.
        stream: Option<bool>,
    },
}

/// The JSON of a request to `model`; see [`body_in`].
pub fn body(
    model: &str,
    capability: Capability,
    effort: Option<Effort>,
    stream: bool,
    request: &Request,
) -> Vec<u8> {
    body_in(Envelope::Api { model, stream }, capability, effort, request)
}

/// The JSON of a request. Text is written once, from where it lies.
///
/// - A `tool_choice` that the model would refuse is sent as `auto`.
/// - Tools whose schema allows it are `strict`, so that calls fit the schema.
/// - Cache breakpoints stand where the request marks them and, in a tool loop,
///   on the last user turn; of more than four, the first and the last three stay.
/// - Blank text is left out, as the API refuses it.
pub fn body_in(
    envelope: Envelope<'_>,
    capability: Capability,
    effort: Option<Effort>,
    request: &Request,
) -> Vec<u8> {
    let marks = breakpoints(request);
    let (model, anthropic_version, stream) = match envelope {
        Envelope::Api { model, stream } => (Some(model), None, Some(stream)),
        Envelope::Batch { model } => (Some(model), None, None),
        Envelope::Platform { version, stream } => (None, Some(version), stream),
    };
    let body = Body {
        model,
        anthropic_version,
        max_tokens: request.max_tokens.max(1),
        output_config: effort.filter(|_| capability.effort).map(|effort| OutputConfig { effort }),
        system: system(request, &marks),
        tools: tools(request, capability, &marks),
        tool_choice: tool_choice(request, capability),
        messages: messages(request, &marks),
        stream,
    };
    let mut bytes = Vec::with_capacity(size_hint(request));
    // Writing to memory and string keys only: it cannot fail; an empty body
    // would be refused by the server with a clear message.
    if serde_json::to_writer(&mut bytes, &body).is_err() {
        bytes.clear();
    }
    bytes
}

/// About how many bytes the body takes, a little above.
fn size_hint(request: &Request) -> usize {
    let text = request.system.iter().map(|block| block.text.len()).sum::<usize>()
        + request
            .messages
            .iter()
            .flat_map(|message| &message.content)
            .map(content_bytes)
            .sum::<usize>();
    text + text / 8 + 4_096 * (1 + request.tools.len())
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anthropic_version: Option<&'static str>,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoicePart<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<MessagePart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
}

#[derive(Serialize)]
struct OutputConfig {
    effort: Effort,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ToolChoicePart<'a> {
    Auto,
    Any,
    Tool { name: &'a str },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum CacheControl {
    Ephemeral,
}

#[derive(Serialize)]
struct ToolPart<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a Value,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct MessagePart<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Block<'a> {
    Ours(OurBlock<'a>),
    Theirs(&'a Value),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum OurBlock<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Input<'a>,
    },
    ToolResult {
        tool_use_id: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
}

/// The input of a call, which the API takes only as an object.
#[derive(Serialize)]
#[serde(untagged)]
enum Input<'a> {
    Object(&'a Value),
    Empty {},
}

/// Where a breakpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    LastTool,
    System(usize),
    Message(usize, usize),
}

fn breakpoints(request: &Request) -> Vec<Mark> {
    let mut marks = Vec::new();
    let blank = |text: &str| text.trim().is_empty();
    for (index, block) in request.system.iter().enumerate() {
        if block.cache && !blank(&block.text) {
            marks.push(Mark::System(index));
        }
    }
    if request.system.iter().all(|block| blank(&block.text)) && !request.tools.is_empty() {
        marks.push(Mark::LastTool);
    }
    for (turn, message) in request.messages.iter().enumerate() {
        for (index, content) in message.content.iter().enumerate() {
            if matches!(content, Content::Text { text, cache: true } if !blank(text)) {
                marks.push(Mark::Message(turn, index));
            }
        }
    }
    marks.extend(moving_breakpoint(request).filter(|mark| marks.last() != Some(mark)));
    while marks.len() > BREAKPOINTS {
        // The first is the prefix that most requests share, the last ones move
        // with the conversation.
        marks.remove(1);
    }
    marks
}

/// In a tool loop: the end of the last user turn, so that the next turn finds
/// the whole conversation so far in the cache.
fn moving_breakpoint(request: &Request) -> Option<Mark> {
    let (turn, message) = request
        .messages
        .iter()
        .enumerate()
        .rev()
        .find(|(_, message)| message.role == Role::User)?;
    let is_result = |content: &Content| matches!(content, Content::ToolResult { .. });
    let can_hold = |content: &Content| match content {
        Content::Text { text, .. } => !text.trim().is_empty(),
        Content::ToolResult { .. } => true,
        Content::ToolUse { .. } | Content::Opaque(_) => false,
    };
    message.content.iter().any(is_result).then_some(())?;
    Some(Mark::Message(turn, message.content.iter().rposition(can_hold)?))
}

fn control(marks: &[Mark], mark: Mark) -> Option<CacheControl> {
    marks.contains(&mark).then_some(CacheControl::Ephemeral)
}

fn system<'a>(request: &'a Request, marks: &[Mark]) -> Vec<Block<'a>> {
    let blocks = request.system.iter().enumerate();
    blocks
        .filter(|(_, block)| !block.text.trim().is_empty())
        .map(|(index, block)| {
            let cache_control = control(marks, Mark::System(index));
            Block::Ours(OurBlock::Text { text: &block.text, cache_control })
        })
        .collect()
}

fn tools<'a>(request: &'a Request, capability: Capability, marks: &[Mark]) -> Vec<ToolPart<'a>> {
    let (mut strict_tools, mut optional_left) = (0, capability::STRICT_OPTIONAL);
    let mut strict = |tool: &Tool| {
        if !capability.strict_tools || strict_tools == capability::STRICT_TOOLS {
            return false;
        }
        let left = capability::strict_optional(&tool.input_schema)
            .and_then(|optional| optional_left.checked_sub(optional));
        strict_tools += usize::from(left.is_some());
        optional_left = left.unwrap_or(optional_left);
        left.is_some()
    };
    let last = request.tools.len().saturating_sub(1);
    let tools = request.tools.iter().enumerate();
    tools
        .map(|(index, tool)| ToolPart {
            name: &tool.name,
            description: &tool.description,
            input_schema: &tool.input_schema,
            strict: strict(tool),
            cache_control: control(marks, Mark::LastTool).filter(|_| index == last),
        })
        .collect()
}

fn tool_choice(request: &Request, capability: Capability) -> Option<ToolChoicePart<'_>> {
    if request.tools.is_empty() {
        return None;
    }
    Some(match &request.tool_choice {
        _ if !capability.forced_tools => ToolChoicePart::Auto,
        ToolChoice::Auto => ToolChoicePart::Auto,
        ToolChoice::Any | ToolChoice::Towards(_) => ToolChoicePart::Any,
        ToolChoice::Tool(name) => ToolChoicePart::Tool { name },
    })
}

fn messages<'a>(request: &'a Request, marks: &[Mark]) -> Vec<MessagePart<'a>> {
    let turns = request.messages.iter().enumerate();
    turns
        .map(|(turn, message)| MessagePart {
            role: match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: message
                .content
                .iter()
                .enumerate()
                .filter_map(|(index, content)| {
                    block(content, control(marks, Mark::Message(turn, index)))
                })
                .collect(),
        })
        .filter(|message| !message.content.is_empty())
        .collect()
}

fn block(content: &Content, cache_control: Option<CacheControl>) -> Option<Block<'_>> {
    Some(match content {
        Content::Text { text, .. } if text.trim().is_empty() => return None,
        Content::Text { text, .. } => Block::Ours(OurBlock::Text { text, cache_control }),
        Content::ToolUse { id, name, input } => Block::Ours(OurBlock::ToolUse {
            id,
            name,
            input: if input.is_object() { Input::Object(input) } else { Input::Empty {} },
        }),
        Content::ToolResult { id, text, is_error } => Block::Ours(OurBlock::ToolResult {
            tool_use_id: id,
            content: text,
            is_error: *is_error,
            cache_control,
        }),
        Content::Opaque(value) => Block::Theirs(value),
    })
}
