//! Put every part of the change before the model, side by side, within the caps.

use std::collections::HashSet;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;

use super::prompt::{self, Nonce};
use super::tools;
use crate::diff::Change;
use crate::diff::pack::Pack;
use crate::finding::Finding;
use crate::model::budget::{Budget, Cap};
use crate::model::converse::{Conversation, End, ToolHost, ToolOutcome, converse};
use crate::model::findings::{self, Answer, RawFinding};
use crate::model::{Content, Message, Model, Request, Role, SystemBlock, Tool, ToolChoice};
use crate::report::Usage;

/// Requests under way at one time. Providers' ordinary rate limits allow it,
/// and more would not end sooner: the caps are checked between requests.
const SIDE_BY_SIDE: usize = 8;
/// Most turns of one conversation, reading included.
const MOST_TURNS: u32 = 12;
/// Most output tokens of one reply: room for thought and for 25 findings.
const MOST_OUTPUT: u32 = 16_000;

/// What is asked, and of whom.
pub struct Question<'a> {
    /// Whom.
    pub model: &'a dyn Model,
    /// The change.
    pub change: &'a Change,
    /// Its parts.
    pub packs: Vec<Pack>,
    /// Shared by all parts.
    pub system: &'a [SystemBlock],
    /// Fences outside text.
    pub nonce: &'a Nonce,
    /// What plain code has already said.
    pub known: &'a [Finding],
    /// Reads files for the model.
    pub tools: Option<&'a dyn ToolHost>,
    /// The run's caps.
    pub budget: &'a Budget,
    /// Renders a part as the model sees it.
    pub render: &'a (dyn Fn(&Pack) -> String + Send + Sync),
    /// Called after each part with the number done and the number known of.
    pub progress: &'a dyn Fn(usize, usize),
}

/// What came back.
#[derive(Debug, Default)]
pub struct Asked {
    /// Claims, not yet proven, in the order of the parts, by the model that makes them.
    pub claims: Vec<(String, Vec<RawFinding>)>,
    /// What the parts do, in the model's words, in their order.
    pub summaries: Vec<String>,
    /// Parts that were read to the end.
    pub read: Vec<Pack>,
    /// Parts that were not, with the reason.
    pub unread: Vec<(Pack, String)>,
    /// Tokens and cost.
    pub usage: Usage,
    /// What the reader has to know, one sentence each.
    pub notes: Vec<String>,
    /// Why the model could not answer some part, if a failure (not a cap) was the cause.
    pub failure: Option<String>,
    /// Whether a cap ended the asking.
    pub capped: bool,
}

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

/// One part's outcome.
struct Part {
    order: (usize, usize),
    pack: Pack,
    end: End,
    answers: Vec<Answer>,
    usage: Usage,
}

/// Ask about every part. Parts that turn out too long for one answer are halved.
pub async fn ask(question: Question<'_>) -> Asked {
    let Question { model, change, packs, system, nonce, known, tools, budget, render, progress } =
        question;
    let total = packs.len();
    let mut waiting: Vec<((usize, usize), Pack)> =
        packs.into_iter().enumerate().map(|(at, pack)| ((at, 0), pack)).collect();
    waiting.reverse();
    let mut toolbox: Vec<Tool> = vec![findings::report_findings_tool()];
    let tools = tools.filter(|_| model.calls_tools());
    if tools.is_some() {
        toolbox.extend(tools::specs());
    }
    let tools = &Fenced { tools: tools.unwrap_or(&NoTools), nonce };
    let converse_about = |order: (usize, usize), pack: Pack| {
        let toolbox = &toolbox;
        async move {
            let rendered = render(&pack);
            let paths: HashSet<String> = pack
                .files
                .iter()
                .map(|packed| change.files[packed.file].path().display())
                .collect();
            let about: Vec<&Finding> =
                known.iter().filter(|finding| paths.contains(&finding.path)).collect();
            let text = prompt::part(nonce, order.0 + 1, total, &rendered, &about);
            let request = Request {
                system: system.to_vec(),
                messages: vec![Message {
                    role: Role::User,
                    content: vec![Content::Text { text, cache: false }],
                }],
                tools: toolbox.clone(),
                tool_choice: ToolChoice::Any,
                max_tokens: MOST_OUTPUT.min(model.limits().output),
            };
            let excerpt = |answer: &str| excerpt(change, &pack, render, nonce, answer);
            let outcome = converse(
                model,
                Conversation {
                    request,
                    answer_tool: findings::REPORT_FINDINGS,
                    tools,
                    budget,
                    max_turns: MOST_TURNS,
                    validate: &|value: &Value| findings::parse_findings(value),
                    excerpt: &excerpt,
                },
            )
            .await;
            Part { order, pack, end: outcome.end, answers: outcome.answers, usage: outcome.usage }
        }
    };
    let mut asked = Asked::default();
    let mut under_way = FuturesUnordered::new();
    let mut parts: Vec<Part> = Vec::new();
    let mut done = 0;
    let mut known_of = total;
    let mut stop: Option<End> = None;
    loop {
        while under_way.len() < SIDE_BY_SIDE && stop.is_none() {
            let Some((order, pack)) = waiting.pop() else { break };
            under_way.push(converse_about(order, pack));
        }
        let Some(mut part) = under_way.next().await else { break };
        done += 1;
        asked.usage += part.usage;
        if matches!(part.end, End::Split | End::TooLong)
            && let Some((first, second)) = part.pack.halve(change)
        {
            known_of += 2;
            let (at, depth) = part.order;
            waiting.push(((at, depth * 2 + 2), second));
            waiting.push(((at, depth * 2 + 1), first));
            // What was said before the cut holds; the halves say it again
            // and are merged as duplicates.
            part.end = End::Answered;
            part.pack = Pack::default();
        }
        if ends_the_run(&part.end) {
            stop.get_or_insert(part.end.clone());
        }
        parts.push(part);
        progress(done, known_of);
    }
    parts.sort_by_key(|part| part.order);
    gather(&model.name(), parts, waiting, stop, &mut asked);
    asked
}

impl Asked {
    /// The parts that the model failed at, taken out to be asked of another.
    pub fn take_failed(&mut self) -> Vec<Pack> {
        if self.failure.is_none() || self.capped {
            return Vec::new();
        }
        self.unread.drain(..).map(|(pack, _)| pack).collect()
    }

    /// Add what another model made of the parts that were taken out.
    pub fn add(&mut self, other: Asked) {
        self.claims.extend(other.claims);
        self.summaries.extend(other.summaries);
        self.read.extend(other.read);
        self.unread.extend(other.unread);
        self.usage += other.usage;
        self.notes.extend(other.notes);
        self.failure = other.failure;
        self.capped |= other.capped;
    }
}

/// Whether asking on would give the same: a cap, a key that may not, a provider
/// that is down after all retries.
fn ends_the_run(end: &End) -> bool {
    matches!(end, End::CapReached(_) | End::Denied(_) | End::Unavailable(_))
}

fn gather(
    model: &str,
    parts: Vec<Part>,
    waiting: Vec<((usize, usize), Pack)>,
    stop: Option<End>,
    asked: &mut Asked,
) {
    let mut claims = Vec::new();
    let mut malformed = 0;
    let mut refused = 0;
    let mut rejected = 0;
    for part in parts {
        for answer in part.answers {
            rejected += answer.rejected;
            if !answer.summary.trim().is_empty() {
                asked.summaries.push(answer.summary);
            }
            claims.extend(answer.findings);
        }
        match &part.end {
            End::Answered => asked.read.push(part.pack),
            end => {
                match end {
                    End::Malformed(_) => malformed += 1,
                    End::Refused => refused += 1,
                    End::CapReached(_) => asked.capped = true,
                    _ => {}
                }
                if let Some(failure) = failure_of(end) {
                    asked.failure.get_or_insert(failure);
                }
                asked.unread.push((part.pack, reason_of(end)));
            }
        }
    }
    asked.claims.push((model.to_owned(), claims));
    if let Some(stop) = &stop {
        for (_, pack) in waiting.into_iter().rev() {
            asked.unread.push((pack, reason_of(stop)));
        }
        if let End::CapReached(cap) = stop {
            asked.notes.push(cap_note(*cap));
        }
    }
    let mut count = |number: usize, one: &str, many: &str| match number {
        0 => {}
        1 => asked.notes.push(format!("One {one}")),
        _ => asked.notes.push(format!("{number} {many}")),
    };
    count(
        malformed,
        "answer of the model could not be read, even after asking it to mend it; it was dropped.",
        "answers of the model could not be read, even after asking it to mend them; they were dropped.",
    );
    count(
        refused,
        "part of the change was declined by the model.",
        "parts of the change were declined by the model.",
    );
    count(
        rejected,
        "finding in the model's answers was unreadable and was dropped.",
        "findings in the model's answers were unreadable and were dropped.",
    );
}

fn cap_note(cap: Cap) -> String {
    format!(
        "`{}` was reached: what the model had not read by then is listed as skipped.",
        cap.input()
    )
}

/// Why a part was not read, as the list of skipped files says it.
fn reason_of(end: &End) -> String {
    match end {
        End::Answered => String::new(),
        End::CapReached(cap) => format!("beyond {}", cap.input()),
        End::Refused => "declined by the model".into(),
        End::Malformed(_) => "the model's answer could not be read".into(),
        End::Split | End::TooLong => "too long for the model".into(),
        End::Unavailable(_) | End::Denied(_) | End::Rejected(_) => {
            "the model could not answer".into()
        }
    }
}

/// What failed, if it is a failure that exit code 4 stands for.
fn failure_of(end: &End) -> Option<String> {
    match end {
        End::Answered | End::CapReached(_) => None,
        End::Refused => Some("the model declined to answer".into()),
        End::Malformed(why) => Some(format!("the model's answer could not be read: {why}")),
        End::Split | End::TooLong => Some("a part of the change is too long for the model".into()),
        End::Unavailable(why) | End::Denied(why) | End::Rejected(why) => Some(why.clone()),
    }
}

/// The files of a part that a bad answer names, as the model saw them: enough to
/// mend the answer, far less than the part.
fn excerpt(
    change: &Change,
    pack: &Pack,
    render: &(dyn Fn(&Pack) -> String + Send + Sync),
    nonce: &Nonce,
    answer: &str,
) -> String {
    let named = pack.only(|file| answer.contains(&change.files[file].path().display()));
    if named.files.is_empty() {
        return String::new();
    }
    nonce.fence("change", &render(&named))
}
