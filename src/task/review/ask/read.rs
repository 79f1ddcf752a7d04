//! The first reading: every part, once, by the first model that answers.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;

use super::talk::{Talk, excerpts, ground, talk};
use super::{Part, Question, READ_SHARE, SIDE_BY_SIDE, ends_the_run, gather};
use crate::diff::pack::Pack;
use crate::model::Model;
use crate::model::converse::End;
use crate::model::findings;
use crate::report::Usage;
use crate::task::review::{lens, prompt};

/// Most turns of one conversation, reading included.
const MOST_TURNS: u32 = 12;
/// Most output tokens of one reply: room for thought and for 25 findings.
const MOST_OUTPUT: u32 = 16_000;

/// A part that waits, and what was already spent on it.
struct Waiting {
    order: (usize, usize),
    pack: Pack,
    usage: Usage,
}

/// Read every part. What one model fails at is put before the next.
pub(super) async fn read(question: &Question<'_>, packs: Vec<(usize, Pack)>) -> Vec<Part> {
    let models: Vec<&dyn Model> =
        question.models.heavy.iter().chain(&question.models.fallbacks).map(AsRef::as_ref).collect();
    let mut waiting: Vec<Waiting> = packs
        .into_iter()
        .map(|(number, pack)| Waiting { order: (number, 0), pack, usage: Usage::default() })
        .collect();
    let mut parts = Vec::new();
    for (at, model) in models.iter().enumerate() {
        if waiting.is_empty() {
            break;
        }
        let read = read_by(question, *model, std::mem::take(&mut waiting)).await;
        let Some(next) = models.get(at + 1) else {
            parts.extend(read);
            break;
        };
        for part in read {
            match gather::failure_of(&part.end) {
                Some(why) if part.summaries.is_empty() && part.claims.is_empty() => {
                    let (before, next) = (model.name(), next.name());
                    tracing::warn!("{before} could not answer ({why}); asking {next}");
                    waiting.push(Waiting { order: part.order, pack: part.pack, usage: part.usage });
                }
                _ => parts.push(part),
            }
        }
    }
    parts
}

/// Read parts, side by side. Those that turn out too long for one answer are halved.
async fn read_by(
    question: &Question<'_>,
    model: &dyn Model,
    mut waiting: Vec<Waiting>,
) -> Vec<Part> {
    let name = model.name();
    let side_by_side = model.side_by_side().unwrap_or(SIDE_BY_SIDE);
    let mut known_of = waiting.len();
    waiting.reverse();
    let mut under_way = FuturesUnordered::new();
    let mut parts: Vec<Part> = Vec::new();
    let mut done = 0;
    let mut stop: Option<End> = None;
    (question.progress)("parts read", done, known_of);
    loop {
        while under_way.len() < side_by_side && stop.is_none() {
            let Some(next) = waiting.pop() else { break };
            under_way.push(read_one(question, model, next));
        }
        let Some(mut part) = under_way.next().await else { break };
        done += 1;
        if matches!(part.end, End::Split | End::TooLong)
            && let Some((first, second)) = part.pack.halve(question.change)
        {
            known_of += 2;
            let (at, depth) = part.order;
            let half = |order, pack| Waiting { order, pack, usage: Usage::default() };
            waiting.push(half((at, depth * 2 + 2), second));
            waiting.push(half((at, depth * 2 + 1), first));
            // What was said before the cut holds; the halves say it again
            // and are merged as duplicates.
            part.end = End::Answered;
            part.halved = true;
        }
        if ends_the_run(&part.end) {
            stop.get_or_insert(part.end.clone());
        }
        parts.push(part);
        (question.progress)("parts read", done, known_of);
    }
    for left in waiting.into_iter().rev() {
        let end = stop.clone().unwrap_or(End::Answered);
        parts.push(Part { usage: left.usage, ..Part::new(left.order, left.pack, &name, end) });
    }
    parts
}

async fn read_one(question: &Question<'_>, model: &dyn Model, part: Waiting) -> Part {
    let Waiting { order, pack, usage } = part;
    let task = prompt::review_task(&lens::first_task(question.change, &pack));
    let ground = ground(question, order.0, &pack);
    let outcome = talk(
        question,
        Talk {
            model,
            ground: &ground,
            task,
            answer_tool: findings::REPORT_FINDINGS,
            validate: &|value: &Value| findings::parse_findings(value),
            excerpt: &excerpts(question, &pack),
            max_turns: MOST_TURNS,
            max_output: MOST_OUTPUT,
            share: READ_SHARE,
            time_share: READ_SHARE,
            cached: false,
        },
    )
    .await;
    let mut part = Part::new(order, pack, &model.name(), outcome.end);
    part.ground = ground;
    part.usage = usage;
    part.usage += outcome.usage;
    for answer in outcome.answers {
        part.take(answer);
    }
    part
}

impl Part {
    pub(in crate::task::review) fn new(
        order: (usize, usize),
        pack: Pack,
        model: &str,
        end: End,
    ) -> Self {
        Part {
            order,
            pack,
            halved: false,
            ground: String::new(),
            model: model.to_owned(),
            end,
            summaries: Vec::new(),
            rejected: 0,
            claims: Vec::new(),
            findings: Vec::new(),
            dropped: Vec::new(),
            left_out: Vec::new(),
            unjudged: 0,
            usage: Usage::default(),
        }
    }

    /// Add what the first reading said.
    fn take(&mut self, answer: findings::Answer) {
        self.rejected += answer.rejected;
        if !answer.summary.trim().is_empty() {
            self.summaries.push(answer.summary);
        }
        self.claims.extend(answer.findings);
    }
}
