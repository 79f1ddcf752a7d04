//! One conversation with the model, for one answer: the first model that can.

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;

use crate::inputs::Inputs;
use crate::model::budget::{Budget, Caps};
use crate::model::converse::{Conversation, End, ToolHost, ToolOutcome, converse};
use crate::model::{Content, Message, Model, Request, Role, SystemBlock, Tool, ToolChoice};
use crate::report::Usage;
use crate::task::models::Models;
use crate::task::review::prompt::Nonce;
use crate::task::review::tools::Tools;

/// Most turns of one conversation, reading included.
const MOST_TURNS: u32 = 10;
/// Most output tokens of one reply, where nothing else is said: an answer is a page at most.
const MOST_OUTPUT: u32 = 8_000;

/// What one question may take of the run's caps.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Most output tokens of one reply.
    pub output: u32,
    /// What questions before it have used: the caps hold for all of them together.
    pub spent: Usage,
}

impl Default for Room {
    fn default() -> Self {
        Room { output: MOST_OUTPUT, spent: Usage::default() }
    }
}

/// What is put before the model.
pub struct Put<'a, T> {
    /// Whom to ask.
    pub models: &'a Models,
    /// The run's caps.
    pub inputs: &'a Inputs,
    /// When everything has to be over.
    pub deadline: Instant,
    /// Instructions, and what all questions about the change share.
    pub system: Vec<SystemBlock>,
    /// The question with its surroundings.
    pub text: String,
    /// The answer tool.
    pub tool: Tool,
    /// Reads files for the model, where the checkout shows the change.
    pub tools: Option<&'a Tools<'a>>,
    /// Fences outside text.
    pub nonce: &'a Nonce,
    /// Reads the answer tool's input.
    pub validate: &'a (dyn Fn(&Value) -> Result<T, String> + Send + Sync),
}

/// What came of it.
#[derive(Debug)]
pub struct Got<T> {
    /// The answer; else why there is none.
    pub answer: Result<T, String>,
    /// Provider and name of who answered, or was asked last.
    pub model: String,
    /// What was used, by all that were asked.
    pub usage: Usage,
}

/// Tools whose answers are marked as data.
struct Fenced<'a> {
    tools: Option<&'a Tools<'a>>,
    nonce: &'a Nonce,
}

#[async_trait]
impl ToolHost for Fenced<'_> {
    async fn call(&self, name: &str, input: &Value) -> ToolOutcome {
        let Some(tools) = self.tools else {
            let text = format!("there is no tool `{name}` in this run");
            return ToolOutcome { text, is_error: true };
        };
        let outcome = tools.call(name, input).await;
        ToolOutcome { text: self.nonce.fence("tool result", &outcome.text), ..outcome }
    }
}

/// Ask; `None` offline.
pub async fn put<T>(put: Put<'_, T>) -> Option<Got<T>> {
    put_within(put, &Room::default()).await
}

/// Ask, with this much room; `None` offline.
pub async fn put_within<T>(put: Put<'_, T>, room: &Room) -> Option<Got<T>> {
    let heavy = put.models.heavy.as_deref()?;
    let tokens = room.spent.input_tokens + room.spent.output_tokens;
    let budget = Budget::new(Caps {
        max_cost_usd: Some((put.inputs.max_cost_usd - room.spent.cost_usd).max(0.0)),
        max_tokens: put.inputs.max_tokens.map(|most| most.saturating_sub(tokens)),
        deadline: Some(put.deadline),
    });
    let fallbacks = put.models.fallbacks.iter().map(AsRef::as_ref);
    let mut got = Got { answer: Err(String::new()), model: String::new(), usage: Usage::default() };
    for model in std::iter::once(heavy).chain(fallbacks) {
        got.model = model.name();
        let (answer, usage, again) = one(model, &put, &budget, room.output).await;
        got.usage += usage;
        got.answer = answer;
        if !again {
            break;
        }
        tracing::warn!("{} could not answer", got.model);
    }
    Some(got)
}

/// The answer, what it took, and whether another model may do better.
async fn one<T>(
    model: &dyn Model,
    put: &Put<'_, T>,
    budget: &Budget,
    output: u32,
) -> (Result<T, String>, Usage, bool) {
    let mut toolbox = vec![put.tool.clone()];
    if model.calls_tools() {
        toolbox.extend(put.tools.iter().flat_map(|tools| tools.specs()));
    }
    let request = Request {
        system: put.system.clone(),
        messages: vec![Message {
            role: Role::User,
            content: vec![Content::Text { text: put.text.clone(), cache: false }],
        }],
        tools: toolbox,
        tool_choice: ToolChoice::Towards(put.tool.name.clone()),
        max_tokens: output.min(model.limits().output),
    };
    let tools = Fenced { tools: put.tools, nonce: put.nonce };
    let outcome = converse(
        model,
        Conversation {
            request,
            answer_tool: &put.tool.name,
            tools: &tools,
            budget,
            share: 1.0,
            time_share: 1.0,
            cached_bytes: 0,
            other_answers: &[],
            max_turns: MOST_TURNS,
            validate: put.validate,
            excerpt: &|_| String::new(),
        },
    )
    .await;
    if let Some(answer) = outcome.answers.into_iter().next() {
        return (Ok(answer), outcome.usage, false);
    }
    let (why, again) = match outcome.end {
        End::CapReached(cap) => (format!("`{}` was reached", cap.input()), false),
        End::Refused => ("it declined to answer".to_owned(), true),
        End::TooLong | End::Split => ("the question is too long for it".to_owned(), true),
        End::Malformed(why) => (format!("its answer could not be read: {why}"), true),
        End::Unavailable(why) | End::Denied(why) | End::Rejected(why) => (why, true),
        End::Answered => ("it gave no answer".to_owned(), true),
    };
    (Err(why), outcome.usage, again)
}
