//! Language models: one request in, one reply out.
//!
//! A [`Model`] holds no tools and no credentials but its own key; it returns
//! data. Looping over tool calls, repairing answers and keeping to the caps is
//! `model::converse`'s, which is the same for every provider.

pub mod anthropic;
pub mod batch;
pub mod bedrock;
pub mod budget;
pub mod command;
pub mod converse;
mod exchange;
pub mod findings;
pub mod identity;
pub mod judgement;
pub mod openai;
pub mod price;
pub mod salvage;
pub mod vertex;

use async_trait::async_trait;
use serde_json::Value;

use crate::report::Usage;

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Instructions, in order. The provider caches up to the last block marked so.
    pub system: Vec<SystemBlock>,
    /// The conversation, the user first.
    pub messages: Vec<Message>,
    /// Tools the model may call.
    pub tools: Vec<Tool>,
    /// Whether it has to.
    pub tool_choice: ToolChoice,
    /// Most output tokens.
    pub max_tokens: u32,
}

/// A piece of the instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemBlock {
    /// Text; shared between requests.
    pub text: std::sync::Arc<str>,
    /// Whether everything up to here is equal in many requests and worth caching.
    pub cache: bool,
}

/// One turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Whose.
    pub role: Role,
    /// In order.
    pub content: Vec<Content>,
}

/// Whose turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Ours.
    User,
    /// The model's.
    Assistant,
}

/// A piece of a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Prose. `cache` asks the provider to cache up to here.
    Text {
        /// The text.
        text: String,
        /// Whether to cache up to here.
        cache: bool,
    },
    /// The model calls a tool.
    ToolUse {
        /// The provider's name for the call.
        id: String,
        /// Which tool.
        name: String,
        /// Its input, not yet checked against the tool's schema. Input that was
        /// cut, or is not JSON, is kept as a string: the text as it came.
        input: Value,
    },
    /// Our answer to a call.
    ToolResult {
        /// The call.
        id: String,
        /// What the tool found.
        text: String,
        /// Whether it failed.
        is_error: bool,
    },
    /// Something of the provider's own that must be sent back as it came
    /// (thinking blocks with their signatures).
    Opaque(Value),
}

/// A tool: a name, what it is for, and the schema of its input.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does and when to call it.
    pub description: String,
    /// JSON Schema of its input.
    pub input_schema: Value,
}

/// Whether the model has to call a tool. Providers that cannot force one treat
/// all as `Auto`; the caller deals with prose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Some tool.
    Any,
    /// Some tool, and in the end this one: on the wire the same as `Any`, so that
    /// requests which end in different answers begin alike. Who cannot call tools
    /// is asked for this one's input.
    Towards(String),
    /// This one.
    Tool(String),
}

impl ToolChoice {
    /// The tool whose input is the answer, as far as it is said.
    pub fn answer(&self) -> Option<&str> {
        match self {
            ToolChoice::Towards(name) | ToolChoice::Tool(name) => Some(name),
            ToolChoice::Auto | ToolChoice::Any => None,
        }
    }
}

/// One reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// In order.
    pub content: Vec<Content>,
    /// Why it ended.
    pub stop: Stop,
    /// Tokens and cost of this one request.
    pub usage: Usage,
}

/// Why a reply ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It was done.
    EndTurn,
    /// It waits for tool results.
    ToolUse,
    /// `max_tokens` was reached: the last block may be cut.
    MaxTokens,
    /// It will not answer.
    Refusal,
    /// It paused a long turn and wants to go on.
    Pause,
    /// The context window was exceeded.
    ContextOverflow,
    /// Something this program does not know.
    Other(String),
}

/// Why there is no reply, as far as a caller acts on it.
#[derive(Debug)]
pub enum ModelError {
    /// The key is missing, wrong or may not use this model (401, 403, 404).
    Denied(anyhow::Error),
    /// The request is longer than the model's context.
    TooLong(anyhow::Error),
    /// The provider does not take the request as it is (400, 422).
    Rejected(anyhow::Error),
    /// Overloaded, rate limited, failing or unreachable, after all retries.
    Unavailable(anyhow::Error),
    /// The time was over before it was answered; nothing is billed.
    Late(anyhow::Error),
}

impl std::fmt::Display for ModelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (ModelError::Denied(inner)
        | ModelError::TooLong(inner)
        | ModelError::Rejected(inner)
        | ModelError::Unavailable(inner)
        | ModelError::Late(inner)) = self;
        write!(f, "{inner:#}")
    }
}

impl std::error::Error for ModelError {}

/// A language model.
#[async_trait]
pub trait Model: Send + Sync {
    /// Provider and name, as in reports: `anthropic:claude-sonnet-5-5`.
    fn name(&self) -> String;

    /// Context window and longest output, in tokens.
    fn limits(&self) -> Limits;

    /// What tokens cost; `None` if unknown (then `max_cost_usd` cannot be held,
    /// and the report says so).
    fn price(&self) -> Option<price::Price>;

    /// Whether it can call tools besides the one it answers with. Others are not
    /// to be offered to one that cannot.
    fn calls_tools(&self) -> bool {
        true
    }

    /// How it is asked, for `pipewright models`.
    fn about(&self) -> About {
        About::default()
    }

    /// One request, one reply. Retries what is safe to retry by itself.
    async fn ask(&self, request: &Request) -> Result<Reply, ModelError>;

    /// The same, where the reply is of use only until `deadline`: whoever waits
    /// long for a reply can give up in time. The caller gives up by itself.
    async fn ask_by(
        &self,
        request: &Request,
        deadline: Option<tokio::time::Instant>,
    ) -> Result<Reply, ModelError> {
        let _ = deadline;
        self.ask(request).await
    }

    /// Most requests that are worth having under way at one time, where it is not
    /// what is usual.
    fn side_by_side(&self) -> Option<usize> {
        None
    }

    /// Whether it is asked through its provider's batch interface.
    fn is_batched(&self) -> bool {
        false
    }
}

/// How a model is asked. What a provider does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The address, or the command line; without secrets.
    pub endpoint: Option<String>,
    /// What holds an answer to its schema.
    pub structure: Option<Structure>,
    /// Whether the provider caches what requests have in common.
    pub caches: Option<bool>,
}

/// What holds an answer to its schema, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// The provider makes the answer tool's input fit.
    StrictTool,
    /// The provider makes the whole reply fit.
    Schema,
    /// The provider makes it call the tool, whose input may still be wrong.
    ForcedTool,
    /// Words alone; answers are read tolerantly.
    Instruction,
}

/// How much fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Input and output together, in tokens.
    pub context: u64,
    /// Longest output, in tokens.
    pub output: u32,
}
