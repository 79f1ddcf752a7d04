//! One conversation about a part. All of a run's begin with the same
//! instructions and tools, all about one part with the same text: what is
//! equal comes first, so that the provider reads it from its cache.

use std::collections::HashSet;

use async_trait::async_trait;
use serde_json::Value;

use super::Question;
use crate::diff::pack::Pack;
use crate::finding::Finding;
use crate::model::converse::{Conversation, Outcome, ToolHost, ToolOutcome, converse};
use crate::model::{Content, Message, Model, Request, Role, Tool, ToolChoice, findings, judgement};
use crate::task::review::prompt::{self, Nonce};

/// Where there is no checkout to read.
struct NoTools;

#[async_trait]
impl ToolHost for NoTools {
    async fn call(&self, name: &str, _: &Value) -> ToolOutcome {
        ToolOutcome { text: format!("there is no tool `{name}` in this run"), is_error: true }
    }
}

/// Tools whose answers are marked as data, like everything else from outside.
struct Fenced<'a> {
    tools: &'a dyn ToolHost,
    nonce: &'a Nonce,
}

#[async_trait]
impl ToolHost for Fenced<'_> {
    async fn call(&self, name: &str, input: &Value) -> ToolOutcome {
        let outcome = self.tools.call(name, input).await;
        ToolOutcome { text: self.nonce.fence("tool result", &outcome.text), ..outcome }
    }
}

/// What one conversation is for.
pub(super) struct Talk<'a, T> {
    pub model: &'a dyn Model,
    /// The text that all about this part begin with.
    pub ground: &'a str,
    /// What is to be done with it.
    pub task: String,
    pub answer_tool: &'a str,
    pub validate: &'a (dyn Fn(&Value) -> Result<T, String> + Send + Sync),
    pub excerpt: &'a (dyn Fn(&str) -> String + Send + Sync),
    pub max_turns: u32,
    pub max_output: u32,
    pub share: f64,
    pub time_share: f64,
    /// Whether a request before this one had the same ground.
    pub cached: bool,
}

/// Hold it.
pub(super) async fn talk<T>(question: &Question<'_>, talk: Talk<'_, T>) -> Outcome<T> {
    let mut toolbox: Vec<Tool> =
        vec![findings::report_findings_tool(), judgement::judge_finding_tool()];
    if talk.model.calls_tools() {
        toolbox.extend(question.tools.iter().flat_map(|tools| tools.specs()));
    }
    let system_bytes: usize = question.system.iter().map(|block| block.text.len()).sum();
    let cached_bytes = if talk.cached { system_bytes + talk.ground.len() } else { 0 };
    let request = Request {
        system: question.system.to_vec(),
        messages: vec![Message {
            role: Role::User,
            content: vec![
                Content::Text { text: talk.ground.to_owned(), cache: true },
                Content::Text { text: talk.task, cache: false },
            ],
        }],
        tools: toolbox,
        // The same in all: another choice would not find the cached text.
        tool_choice: ToolChoice::Towards(talk.answer_tool.to_owned()),
        max_tokens: talk.max_output.min(talk.model.limits().output),
    };
    let others = [findings::REPORT_FINDINGS, judgement::JUDGE_FINDING];
    let others: Vec<&str> = others.into_iter().filter(|name| *name != talk.answer_tool).collect();
    converse(
        talk.model,
        Conversation {
            request,
            answer_tool: talk.answer_tool,
            tools: &Fenced { tools: question.tools.unwrap_or(&NoTools), nonce: question.nonce },
            budget: question.budget,
            share: talk.share,
            time_share: talk.time_share,
            cached_bytes,
            other_answers: &others,
            max_turns: talk.max_turns,
            validate: talk.validate,
            excerpt: talk.excerpt,
        },
    )
    .await
}

/// A part as all requests about it show it.
pub(super) fn ground(question: &Question<'_>, number: usize, pack: &Pack) -> String {
    let Question { change, nonce, known, total, .. } = *question;
    let paths: HashSet<String> =
        pack.files.iter().map(|packed| change.files[packed.file].path().display()).collect();
    let about: Vec<&Finding> =
        known.iter().filter(|finding| paths.contains(&finding.path)).collect();
    let around = (question.around)(pack);
    prompt::part(nonce, number + 1, total, &(question.render)(pack), &around, &about)
}

/// The files of a part that a text names, as the model saw them: enough to mend
/// an answer or to judge a finding, far less than the part.
pub(super) fn excerpts<'a>(
    question: &Question<'a>,
    pack: &'a Pack,
) -> impl Fn(&str) -> String + Send + Sync + 'a {
    let Question { change, nonce, render, .. } = *question;
    move |text| {
        let named = pack.only(|file| text.contains(&change.files[file].path().display()));
        if named.files.is_empty() {
            return String::new();
        }
        nonce.fence("change", &render(&named))
    }
}
