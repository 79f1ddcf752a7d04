//! The closer look: the lenses that each part calls for, the most valuable
//! first over all parts, as far as the caps allow.

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;

use super::talk::{Talk, excerpts, talk};
use super::{CLOSER_SHARE, Part, Question, SIDE_BY_SIDE, ends_the_run};
use crate::model::converse::End;
use crate::model::findings::{self, Answer};
use crate::report::Usage;
use crate::task::review::lens::{self, Lens};
use crate::task::review::prompt;

const MOST_TURNS: u32 = 10;
/// A lens has less to say than the first reading.
const MOST_OUTPUT: u32 = 10_000;

/// What a lens saw.
struct Seen {
    at: usize,
    lens: Lens,
    end: End,
    answers: Vec<Answer>,
    usage: Usage,
}

/// Look again at the parts that were read.
pub(super) async fn look(question: &Question<'_>, parts: &mut [Part]) {
    let mut jobs: Vec<(Lens, usize)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if part.end == End::Answered && !part.halved {
            let lenses = lens::chosen(question.change, &part.pack);
            jobs.extend(lenses.into_iter().map(|lens| (lens, at)));
        }
    }
    jobs.sort_by_key(|&(lens, at)| (lens, parts[at].order));
    let total = jobs.len();
    if total == 0 {
        return;
    }
    let stopped = std::cell::Cell::new(false);
    let shared: &[Part] = parts;
    let seen: Vec<Seen> = stream::iter(jobs)
        .map(|(lens, at)| {
            let stopped = &stopped;
            async move {
                let skipped =
                    |end| Seen { at, lens, end, answers: vec![], usage: Usage::default() };
                if stopped.get() {
                    return skipped(End::Unavailable(String::new()));
                }
                let seen = through(question, lens, at, &shared[at]).await;
                let seen = seen.unwrap_or_else(|| skipped(End::Unavailable(String::new())));
                if ends_the_run(&seen.end) {
                    stopped.set(true);
                }
                seen
            }
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .enumerate()
        .map(|(done, seen)| {
            (question.progress)("closer looks taken", done + 1, total);
            seen
        })
        .collect()
        .await;
    let mut seen = seen;
    seen.sort_by_key(|seen| (seen.at, seen.lens));
    for Seen { at, lens, end, answers, usage } in seen {
        let part = &mut parts[at];
        part.usage += usage;
        if answers.is_empty() {
            part.left_out.push(lens);
            tracing::debug!(lens = lens.name(), ?end, "no answer of a closer look");
        }
        for answer in answers {
            // What the part does was said by the first reading.
            part.rejected += answer.rejected;
            part.claims.extend(answer.findings);
        }
    }
}

async fn through(question: &Question<'_>, lens: Lens, at: usize, part: &Part) -> Option<Seen> {
    let model = question.model(&part.model)?;
    let outcome = talk(
        question,
        Talk {
            model,
            ground: &part.ground,
            task: prompt::review_task(lens.task()),
            answer_tool: findings::REPORT_FINDINGS,
            validate: &|value: &Value| findings::parse_findings(value),
            excerpt: &excerpts(question, &part.pack),
            max_turns: MOST_TURNS,
            max_output: MOST_OUTPUT,
            share: CLOSER_SHARE,
            cached: true,
        },
    )
    .await;
    Some(Seen { at, lens, end: outcome.end, answers: outcome.answers, usage: outcome.usage })
}
