//! The closer look: the lenses that each part calls for, the most valuable
//! first over all parts, as far as the caps allow.

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;

use super::talk::{Talk, excerpts, talk};
use super::{CLOSER_SHARE, CLOSER_TIME, Part, Question, ends_the_run};
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
    pass: Vec<Lens>,
    end: End,
    answers: Vec<Answer>,
    usage: Usage,
}

/// Look again at the parts that were read.
pub(super) async fn look(question: &Question<'_>, parts: &mut [Part]) {
    let mut jobs: Vec<(Vec<Lens>, usize)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if part.end == End::Answered && !part.halved {
            let passes = lens::passes(question.change, &part.pack);
            jobs.extend(passes.into_iter().map(|pass| (pass, at)));
        }
    }
    jobs.sort_by_key(|(pass, at)| (pass.first().copied(), parts[*at].order));
    let total = jobs.len();
    if total == 0 {
        return;
    }
    let stopped = std::cell::Cell::new(false);
    let shared: &[Part] = parts;
    let seen: Vec<Seen> = stream::iter(jobs)
        .map(|(pass, at)| {
            let stopped = &stopped;
            async move {
                if stopped.get() {
                    let end = End::Unavailable(String::new());
                    return Seen { at, pass, end, answers: vec![], usage: Usage::default() };
                }
                let seen = through(question, pass, at, &shared[at]).await;
                if ends_the_run(&seen.end) {
                    stopped.set(true);
                }
                seen
            }
        })
        .buffer_unordered(question.side_by_side())
        .enumerate()
        .map(|(done, seen)| {
            (question.progress)("closer looks taken", done + 1, total);
            seen
        })
        .collect()
        .await;
    let mut seen = seen;
    seen.sort_by(|a, b| (a.at, &a.pass).cmp(&(b.at, &b.pass)));
    for Seen { at, pass, end, answers, usage } in seen {
        let part = &mut parts[at];
        part.usage += usage;
        if answers.is_empty() {
            let names: Vec<&str> = pass.iter().map(|lens| lens.name()).collect();
            tracing::debug!(lenses = names.join(", "), ?end, "no answer of a closer look");
            part.left_out.push(pass);
        }
        for answer in answers {
            // What the part does was said by the first reading.
            part.rejected += answer.rejected;
            part.claims.extend(answer.findings);
        }
    }
}

async fn through(question: &Question<'_>, pass: Vec<Lens>, at: usize, part: &Part) -> Seen {
    let Some(model) = question.model(&part.model) else {
        let end = End::Unavailable(String::new());
        return Seen { at, pass, end, answers: vec![], usage: Usage::default() };
    };
    let outcome = talk(
        question,
        Talk {
            model,
            ground: &part.ground,
            task: prompt::review_task(&lens::task(&pass)),
            answer_tool: findings::REPORT_FINDINGS,
            validate: &|value: &Value| findings::parse_findings(value),
            excerpt: &excerpts(question, &part.pack),
            max_turns: MOST_TURNS,
            max_output: MOST_OUTPUT,
            share: CLOSER_SHARE,
            time_share: CLOSER_TIME,
            cached: true,
        },
    )
    .await;
    Seen { at, pass, end: outcome.end, answers: outcome.answers, usage: outcome.usage }
}
