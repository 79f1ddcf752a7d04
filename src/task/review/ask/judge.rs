//! The second look: each claim, on its line by now, is put before the model
//! alone with the code, to be refuted. Where that decides nothing and a light
//! model's word is cheap, three votes do.

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;

use super::talk::{Talk, excerpts, talk};
use super::{JUDGE_SHARE, Part, Question};
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::model::converse::End;
use crate::model::judgement::{self, Judgement, Verdict};
use crate::report::{DropReason, Dropped, Usage};
use crate::task::review::{prompt, prove};

const MOST_TURNS: u32 = 8;
const MOST_OUTPUT: u32 = 8_000;
/// Votes of the light model on what the second look left open.
const VOTES: usize = 3;
/// A light model's output has to cost at most a third of the heavy one's.
const CHEAP: f64 = 3.0;
/// What is left of the confidence that the author would change the code for
/// something that is true and small: such remarks are folded away.
const MINOR: f64 = 0.5;
/// What is left of a finding's confidence if nothing decided it.
const UNSURE: f64 = 0.7;

/// A finding of a part, what a second look made of it, and what that took.
type Judged = (usize, Finding, Option<Judgement>, Usage);

/// Put every part's claims on their lines, and judge what stands there.
pub(super) async fn judge(question: &Question<'_>, parts: &mut [Part]) {
    let mut jobs: Vec<(usize, Finding)> = Vec::new();
    for (at, part) in parts.iter_mut().enumerate() {
        let claims = std::mem::take(&mut part.claims);
        let (found, dropped) = prove::anchor_claims(
            question.change,
            question.heads,
            question.scrub,
            &part.model,
            claims,
        );
        part.dropped.extend(dropped);
        let (found, repeated) = prove::agree(found);
        part.dropped.extend(repeated);
        for finding in found {
            if (question.is_settled)(&finding) {
                part.findings.push(finding);
            } else {
                jobs.push((at, finding));
            }
        }
    }
    let total = jobs.len();
    if total == 0 {
        return;
    }
    (question.progress)("findings examined", 0, total);
    let shared: &[Part] = parts;
    let mut judged: Vec<(usize, Judged)> = stream::iter(jobs.into_iter().enumerate())
        .map(|(nth, (at, finding))| async move {
            let (judgement, usage) = examine(question, &shared[at], &finding).await;
            (nth, (at, finding, judgement, usage))
        })
        .buffer_unordered(question.side_by_side())
        .enumerate()
        .map(|(done, judged)| {
            (question.progress)("findings examined", done + 1, total);
            judged
        })
        .collect()
        .await;
    judged.sort_by_key(|(nth, _)| *nth);
    for (_, (at, mut finding, judgement, usage)) in judged {
        let part = &mut parts[at];
        part.usage += usage;
        match judgement {
            None => part.unjudged += 1,
            Some(Judgement { verdict: Verdict::Refuted, reason, .. }) => {
                tracing::info!(path = finding.path, line = finding.line, reason, "refuted");
                part.dropped.push(Dropped {
                    reason: DropReason::Refuted,
                    path: finding.path,
                    line: finding.line,
                    title: finding.title,
                });
                continue;
            }
            Some(Judgement { verdict: Verdict::Holds, probability, .. }) => {
                // Two who looked apart.
                finding.confidence = f64::midpoint(finding.confidence, probability);
            }
            Some(Judgement { verdict: Verdict::Minor, .. }) => {
                finding.severity = finding.severity.min(Severity::Low);
                finding.confidence *= MINOR;
            }
            Some(Judgement { verdict: Verdict::Unsure, .. }) => finding.confidence *= UNSURE,
        }
        part.findings.push(finding);
    }
}

/// What a second look and, where it is open and cheap, votes make of a finding.
async fn examine(
    question: &Question<'_>,
    part: &Part,
    finding: &Finding,
) -> (Option<Judgement>, Usage) {
    let mut usage = Usage::default();
    let Some(model) = question.model(&part.model) else { return (None, usage) };
    // The whole part is cheaper from the cache than a piece of it is new.
    let caches = model.price().is_some_and(|price| price.cache_read * 4.0 <= price.input);
    let looked = look(question, model, part, finding, caches).await;
    usage += looked.1;
    let Some(judgement) = looked.0 else { return (None, usage) };
    let light = question.models.light.as_deref().filter(|light| is_cheap(*light, model));
    let (Verdict::Unsure, Some(light)) = (judgement.verdict, light) else {
        return (Some(judgement), usage);
    };
    let votes = (0..VOTES).map(|_| look(question, light, part, finding, false));
    let votes = futures_util::future::join_all(votes).await;
    let mut verdicts = Vec::new();
    for (vote, used) in votes {
        usage += used;
        verdicts.extend(vote.map(|vote| vote.verdict));
    }
    // A light model is not asked how much something matters.
    let most = |verdict| verdicts.iter().filter(|one| **one == verdict).count() * 2 > VOTES;
    let verdict = [Verdict::Refuted, Verdict::Holds].into_iter().find(|verdict| most(*verdict));
    let verdict = verdict.unwrap_or(Verdict::Unsure);
    (Some(Judgement { verdict, ..judgement }), usage)
}

fn is_cheap(light: &dyn Model, heavy: &dyn Model) -> bool {
    match (light.price(), heavy.price()) {
        (Some(light), Some(heavy)) => light.output * CHEAP <= heavy.output,
        _ => false,
    }
}

async fn look(
    question: &Question<'_>,
    model: &dyn Model,
    part: &Part,
    finding: &Finding,
    whole: bool,
) -> (Option<Judgement>, Usage) {
    let shown = if whole { String::new() } else { excerpts(question, &part.pack)(&finding.path) };
    let ground = if shown.is_empty() { &part.ground } else { &shown };
    let outcome = talk(
        question,
        Talk {
            model,
            ground,
            task: prompt::judge_task(question.nonce, finding),
            answer_tool: judgement::JUDGE_FINDING,
            validate: &|value: &Value| judgement::parse_judgement(value),
            excerpt: &|_: &str| String::new(),
            max_turns: MOST_TURNS,
            max_output: MOST_OUTPUT,
            share: JUDGE_SHARE,
            time_share: JUDGE_SHARE,
            cached: whole,
        },
    )
    .await;
    if outcome.end != End::Answered {
        tracing::debug!(end = ?outcome.end, path = finding.path, "no second look");
    }
    (outcome.answers.into_iter().next(), outcome.usage)
}
