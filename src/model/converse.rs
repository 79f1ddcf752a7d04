//! A conversation with a model that ends in an answer: the same for every provider.
//!
//! The model may call read-only tools, several at a time; the answer is the
//! input of one more tool. What goes wrong is mended where that is worth a
//! request: an answer that does not fit is repaired once, one that was cut is
//! salvaged and continued once. Everything else ends the conversation with a
//! word for why ([`End`]).

mod prompts;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget::{Budget, Cap, Need, input_tokens, tokens_of_bytes};
use super::{
    Content, Message, Model, ModelError, Reply, Request, Role, Stop, Tool, ToolChoice, salvage,
};
use crate::report::Usage;

/// Most bytes of a bad answer that are sent back to be mended.
const LONGEST_BAD_ANSWER: usize = 60_000;

/// Most tool calls carried out in one turn; more get an error back.
const MOST_CALLS: usize = 16;

/// What carries out the model's calls. It only ever reads.
#[async_trait]
pub trait ToolHost: Send + Sync {
    /// Carry out one call. The input is the model's: nothing about it is checked.
    async fn call(&self, name: &str, input: &Value) -> ToolOutcome;

    /// The tools that it can carry out, as the model is told of them.
    fn specs(&self) -> Vec<Tool> {
        Vec::new()
    }
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOutcome {
    /// What the model is told.
    pub text: String,
    /// Whether it failed.
    pub is_error: bool,
}

/// Why a conversation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// With the whole answer.
    Answered,
    /// The answer was cut twice, or filled the context: what was complete is
    /// kept; the rest has to be asked for in smaller parts.
    Split,
    /// The answer did not fit, nor did its repair: what was wrong.
    Malformed(String),
    /// The model will not answer.
    Refused,
    /// A cap of the run was reached.
    CapReached(Cap),
    /// The request is longer than the model's context.
    TooLong,
    /// The provider could not be reached or kept failing.
    Unavailable(String),
    /// The key may not do this.
    Denied(String),
    /// The provider does not take the request.
    Rejected(String),
}

/// What came of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<T> {
    /// The answers that fit: none, one, or several where the model called the
    /// answer tool more than once or its answer was cut and continued. They
    /// count whatever the end is.
    pub answers: Vec<T>,
    /// Why it ended.
    pub end: End,
    /// What it used, by the provider's count.
    pub usage: Usage,
    /// Requests that were answered or not.
    pub turns: u32,
    /// Calls carried out.
    pub tool_calls: u32,
    /// Whether an answer had to be repaired.
    pub repaired: bool,
}

/// What to talk about, with what help, and how to read the answer.
pub struct Conversation<'a, T> {
    /// The first request: its tools are the answer tool and those that `tools`
    /// carries out.
    pub request: Request,
    /// The name of the answer tool.
    pub answer_tool: &'a str,
    /// Carries out all other tools.
    pub tools: &'a dyn ToolHost,
    /// The run's caps.
    pub budget: &'a Budget,
    /// The share of them that may be used up when this is over; see [`Need::share`].
    pub share: f64,
    /// The share of the time after which no reply is waited for.
    pub time_share: f64,
    /// How many bytes of the request an earlier one has put into the provider's cache.
    pub cached_bytes: usize,
    /// Answer tools of other conversations, which are here only so that all
    /// requests of a run begin alike. Calling one ends this conversation.
    pub other_answers: &'a [&'a str],
    /// Most turns before the answer is asked for; at least 1 is taken.
    pub max_turns: u32,
    /// Reads the answer tool's input; the error tells the model what to mend.
    pub validate: &'a (dyn Fn(&Value) -> Result<T, String> + Send + Sync),
    /// What a bad answer speaks of, for its repair: the part of the change whose
    /// files it names; empty if it names none.
    pub excerpt: &'a (dyn Fn(&str) -> String + Send + Sync),
}

/// Talk until there is an answer or a reason why there is none.
pub async fn converse<T>(model: &dyn Model, conversation: Conversation<'_, T>) -> Outcome<T> {
    let mut talk = Talk {
        model,
        outcome: Outcome {
            answers: Vec::new(),
            end: End::Answered,
            usage: Usage::default(),
            turns: 0,
            tool_calls: 0,
            repaired: false,
        },
        continued: false,
        asked_to_answer: false,
        conversation,
    };
    loop {
        if let Err(end) = talk.turn().await {
            talk.outcome.end = end;
            return talk.outcome;
        }
    }
}

struct Talk<'a, T> {
    model: &'a dyn Model,
    conversation: Conversation<'a, T>,
    outcome: Outcome<T>,
    /// A cut answer was continued.
    continued: bool,
    /// The answer tool was demanded: no further tool calls are carried out.
    asked_to_answer: bool,
}

/// An answer that cannot be used.
struct Bad {
    answer: String,
    error: String,
}

impl<T> Talk<'_, T> {
    /// One request and what follows from its reply; an error is the end.
    async fn turn(&mut self) -> Result<(), End> {
        if self.outcome.turns + 1 >= self.conversation.max_turns && !self.asked_to_answer {
            let demand = (self.outcome.turns > 0)
                .then(|| prompts::answer_now(self.conversation.answer_tool));
            self.demand_answer(demand);
        }
        let reply = self.ask().await?;
        self.outcome.turns += 1;
        match reply.stop {
            Stop::Refusal => Err(End::Refused),
            Stop::MaxTokens => self.cut(&reply, true),
            Stop::ContextOverflow => self.cut(&reply, false),
            _ => self.whole(reply).await,
        }
    }

    async fn ask(&mut self) -> Result<Reply, End> {
        let request = &mut self.conversation.request;
        let budget = self.conversation.budget;
        let wanted = request.max_tokens.min(self.model.limits().output);
        let price = self.model.price();
        let share = self.conversation.share;
        let cached = tokens_of_bytes(self.conversation.cached_bytes);
        let need = Need { input: input_tokens(request), cached, output: wanted, price, share };
        let deadline = budget.deadline(self.conversation.time_share);
        let reserved = match deadline {
            Some(deadline) => {
                let reserved = tokio::time::timeout_at(deadline, budget.reserve(need)).await;
                reserved.unwrap_or(Err(Cap::Time))
            }
            None => budget.reserve(need).await,
        };
        let permit = reserved.map_err(End::CapReached)?;
        request.max_tokens = permit.output();
        let asked = self.model.ask_by(request, deadline);
        let result = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, asked).await,
            None => Ok(asked.await),
        };
        request.max_tokens = wanted;
        let error = match result {
            Ok(Ok(reply)) => {
                permit.settle(&reply.usage);
                self.outcome.usage += reply.usage;
                return Ok(reply);
            }
            Ok(Err(error)) => error,
            Err(_) => {
                // The provider has read the input, and will bill it.
                let cached = need.cached.min(need.input);
                let cost_usd = price.map_or(0.0, |price| {
                    price.most_for_input(need.input - cached) + price.cached_input(cached)
                });
                let used = Usage {
                    input_tokens: need.input,
                    cached_tokens: cached,
                    cost_usd,
                    ..Usage::default()
                };
                permit.settle(&used);
                self.outcome.usage += used;
                return Err(End::CapReached(Cap::Time));
            }
        };
        drop(permit);
        let late = deadline.is_some_and(|d| tokio::time::Instant::now() >= d);
        tracing::warn!(%error, "the model gave no reply");
        Err(match error {
            ModelError::Unavailable(_) if late => End::CapReached(Cap::Time),
            ModelError::Unavailable(error) => End::Unavailable(format!("{error:#}")),
            ModelError::Denied(error) => End::Denied(format!("{error:#}")),
            ModelError::Rejected(error) => End::Rejected(format!("{error:#}")),
            ModelError::TooLong(_) => End::TooLong,
            ModelError::Late(_) => End::CapReached(Cap::Time),
        })
    }

    /// A reply that was not cut.
    async fn whole(&mut self, reply: Reply) -> Result<(), End> {
        let answer_tool = self.conversation.answer_tool;
        let calls = |to_answer: bool| {
            reply.content.iter().filter_map(move |content| match content {
                Content::ToolUse { id, name, input } if (name == answer_tool) == to_answer => {
                    Some((id.as_str(), name.as_str(), input))
                }
                _ => None,
            })
        };
        let before = self.outcome.answers.len();
        let mut bad = None;
        let mut answers = 0;
        for (_, _, input) in calls(true) {
            answers += 1;
            match (self.conversation.validate)(input) {
                Ok(answer) => self.outcome.answers.push(answer),
                Err(error) => bad = bad.or(Some(Bad { answer: as_text(input), error })),
            }
        }
        if answers > 0 {
            return match bad {
                Some(bad) => {
                    // What fits comes again with the repair.
                    self.outcome.answers.truncate(before);
                    self.repair(bad, reply)
                }
                None => Err(End::Answered),
            };
        }
        let others: Vec<_> = calls(false).collect();
        let strays = self.conversation.other_answers;
        if let Some((_, name, _)) = others.iter().find(|(_, name, _)| strays.contains(name)) {
            return Err(End::Malformed(format!("`{name}` was called in place of `{answer_tool}`")));
        }
        if !others.is_empty() && !self.asked_to_answer {
            let results = self.carry_out(&others).await;
            self.outcome.tool_calls += others.len() as u32;
            self.say(reply.content, results);
            return Ok(());
        }
        if reply.stop == Stop::Pause && others.is_empty() {
            if self.asked_to_answer && self.outcome.turns > self.conversation.max_turns + 2 {
                return Err(End::Malformed("the model paused and did not answer".to_owned()));
            }
            let content = reply.content;
            self.conversation.request.messages.push(Message { role: Role::Assistant, content });
            return Ok(());
        }
        let prose = prose(&reply);
        let validate = self.conversation.validate;
        let found = salvage::in_prose(&prose, |value| {
            // Prose is full of brackets: only what looks like an answer is one.
            let looks_like_one = value.as_object().is_some_and(|fields| !fields.is_empty());
            looks_like_one.then(|| validate(value).ok()).flatten()
        });
        if let Some(answer) = found {
            self.outcome.answers.push(answer);
            return Err(End::Answered);
        }
        let error = format!("`{answer_tool}` was not called");
        self.repair(Bad { answer: prose, error }, reply)
    }

    /// A reply that was cut at the output limit or at the end of the context.
    fn cut(&mut self, reply: &Reply, may_continue: bool) -> Result<(), End> {
        let mut recorded = Vec::new();
        for content in &reply.content {
            let Content::ToolUse { name, input, .. } = content else { continue };
            if name != self.conversation.answer_tool {
                continue;
            }
            let part = match input {
                Value::String(text) => salvage::complete_part(text),
                whole => Some(whole.clone()),
            };
            let answer = part.and_then(|part| {
                let answer = (self.conversation.validate)(&part).ok()?;
                recorded.extend(prompts::recorded(&part));
                Some(answer)
            });
            self.outcome.answers.extend(answer);
        }
        tracing::warn!(recorded = recorded.len(), "the model's answer was cut");
        if self.continued || !may_continue {
            return Err(End::Split);
        }
        self.continued = true;
        let request = &mut self.conversation.request;
        request.max_tokens = request.max_tokens.saturating_mul(2).min(self.model.limits().output);
        // The cut turn is left out: half a call cannot be sent back.
        let text = prompts::go_on(self.conversation.answer_tool, &recorded);
        self.demand_answer(Some(text));
        Ok(())
    }

    /// Ask once more for an answer that fits.
    fn repair(&mut self, bad: Bad, reply: Reply) -> Result<(), End> {
        if self.outcome.repaired {
            return Err(End::Malformed(bad.error));
        }
        tracing::warn!(error = bad.error, "the model's answer does not fit and is asked for again");
        self.outcome.repaired = true;
        let answer_tool = self.conversation.answer_tool;
        let answer = cut_at(&bad.answer, LONGEST_BAD_ANSWER);
        let excerpt = (self.conversation.excerpt)(answer);
        if excerpt.trim().is_empty() {
            // It speaks of nothing that could be shown again: go on where we are.
            let refuse = |content: &Content| match content {
                Content::ToolUse { id, .. } => Some(Content::ToolResult {
                    id: id.clone(),
                    text: "Not carried out.".to_owned(),
                    is_error: true,
                }),
                _ => None,
            };
            let results = reply.content.iter().filter_map(refuse).collect();
            self.say(reply.content, results);
            self.demand_answer(Some(prompts::mend(answer_tool, &bad.error)));
            return Ok(());
        }
        let text = prompts::repair(answer_tool, answer, &bad.error, &excerpt);
        let request = &mut self.conversation.request;
        request.tools.retain(|tool| tool.name == answer_tool);
        request.messages = Vec::new();
        self.demand_answer(Some(text));
        Ok(())
    }

    /// From here on only the answer tool counts.
    fn demand_answer(&mut self, text: Option<String>) {
        self.asked_to_answer = true;
        let request = &mut self.conversation.request;
        request.tool_choice = ToolChoice::Tool(self.conversation.answer_tool.to_owned());
        let Some(text) = text else { return };
        let content = Content::Text { text, cache: false };
        match request.messages.last_mut() {
            Some(last) if last.role == Role::User => last.content.push(content),
            _ => request.messages.push(Message { role: Role::User, content: vec![content] }),
        }
    }

    /// Append the model's turn and our results.
    fn say(&mut self, theirs: Vec<Content>, ours: Vec<Content>) {
        let messages = &mut self.conversation.request.messages;
        if !theirs.is_empty() {
            messages.push(Message { role: Role::Assistant, content: theirs });
        }
        if !ours.is_empty() {
            messages.push(Message { role: Role::User, content: ours });
        }
    }

    /// The results of calls, side by side, in the order of the calls.
    async fn carry_out(&self, calls: &[(&str, &str, &Value)]) -> Vec<Content> {
        let one = async |index: usize, (id, name, input): (&str, &str, &Value)| {
            let outcome = if index >= MOST_CALLS {
                failed("Not carried out: too many calls in one turn.")
            } else if !input.is_object() {
                failed("Not carried out: the input is not a JSON object.")
            } else {
                self.conversation.tools.call(name, input).await
            };
            Content::ToolResult {
                id: id.to_owned(),
                text: outcome.text,
                is_error: outcome.is_error,
            }
        };
        join_all(calls.iter().enumerate().map(|(index, call)| one(index, *call))).await
    }
}

fn failed(text: &str) -> ToolOutcome {
    ToolOutcome { text: text.to_owned(), is_error: true }
}

/// What the model wrote outside calls and thinking.
fn prose(reply: &Reply) -> String {
    let texts = reply.content.iter().filter_map(|content| match content {
        Content::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn as_text(input: &Value) -> String {
    match input {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cut_at(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
