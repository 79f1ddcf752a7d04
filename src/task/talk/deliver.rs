//! The answer's way to where it was asked for: once, whatever else runs.

use anyhow::anyhow;

use super::result::Reply;
use super::scene::Scene;
use crate::failure::Failure;
use crate::forge::{Applied, CommentRef, ForgeError, Operation, Reaction};
use crate::policy::ProposePermit;
use crate::publish::answer::{self, Answer, Ended, Kind, Standing};

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// It stands; how, in words.
    Done(String),
    /// It was not posted, or taken back; why.
    Withheld(String),
}

/// The answer that the comment has already: the first, and one that succeeded
/// before one that did not.
pub fn standing(scene: &Scene<'_>) -> Option<Standing> {
    first(ours(scene), scene)
}

fn ours(scene: &Scene<'_>) -> Vec<Standing> {
    match scene.question.kind {
        Kind::Line => answer::on_lines(scene.own, &scene.remarks),
        Kind::Conversation | Kind::Review => answer::in_conversation(scene.own, &scene.comments),
    }
}

fn first(standing: Vec<Standing>, scene: &Scene<'_>) -> Option<Standing> {
    let mine: Vec<Standing> =
        standing.into_iter().filter(|answer| answer.question == scene.question).collect();
    mine.iter().find(|answer| answer.ended != Ended::Failed).or(mine.first()).copied()
}

/// Whether another comment of the asker's was answered here before, as far as it
/// can be told; with `ended`, only answers that ended so count.
pub fn answered_before(scene: &Scene<'_>, ended: Option<Ended>) -> bool {
    let author = |id: u64| -> Option<&str> {
        let comments = scene.comments.iter().map(|c| (c.id, c.author.as_str()));
        let remarks = scene.remarks.iter().map(|c| (c.id, c.author.as_str()));
        comments.chain(remarks).find(|(number, _)| *number == id).map(|(_, author)| author)
    };
    let asker = &scene.talk.comment.author;
    ours(scene)
        .iter()
        .filter(|answer| ended.is_none_or(|ended| answer.ended == ended))
        .filter(|answer| answer.question != scene.question)
        .any(|answer| author(answer.question.id).is_some_and(|who| who.eq_ignore_ascii_case(asker)))
}

/// A mark that the comment was seen. Reviews take none, and where the token may
/// set none it is done without. False if the token may not.
pub async fn acknowledge(scene: &Scene<'_>, _permit: &ProposePermit) -> bool {
    let comment = match scene.question.kind {
        Kind::Conversation => CommentRef::Conversation(scene.question.id),
        Kind::Line => CommentRef::Line(scene.question.id),
        Kind::Review => return true,
    };
    let operation = Operation::React { comment, kind: Reaction::Eyes };
    match scene.forge.apply(Some(scene.request.number), &operation).await {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(%error, "no reaction");
            !matches!(error, ForgeError::Denied(_))
        }
    }
}

/// Post the answer, or put it in the place of one that failed. Of two runs at
/// once, the answer that came later is taken back by the run that posted it.
///
/// # Errors
/// The host could not be reached, or refuses the answer.
pub async fn post(
    scene: &Scene<'_>,
    _permit: &ProposePermit,
    reply: &Reply,
    failed: Option<Standing>,
) -> Result<Posted, Failure> {
    let number = Some(scene.request.number);
    let body = answer::body(
        &Answer {
            question: scene.question,
            asked: &scene.talk.comment.body,
            page: &scene.page(),
            text: &with_remainder(scene, &reply.text),
            foot: &reply.foot(),
            ended: reply.ended,
        },
        &scene.scrubber,
        &scene.host,
    );
    let operation = match (failed.map(|answer| answer.comment), scene.thread()) {
        (Some(CommentRef::Conversation(id)), _) => Operation::UpdateComment { id, body },
        (Some(CommentRef::Line(id)), _) => Operation::UpdateReply { id, body },
        (None, Some(to)) => Operation::Reply { to, body },
        (None, None) => Operation::CreateComment { body },
    };
    let applied = match scene.forge.apply(number, &operation).await {
        Ok(applied) => applied,
        // The thread was deleted, or the conversation is locked.
        Err(ForgeError::Denied(error) | ForgeError::Rejected(error)) => {
            let error = error.context("cannot post the answer: the host does not take it");
            return Err(Failure::Platform(error));
        }
        Err(error) => {
            return Err(Failure::Platform(anyhow!("cannot post the answer: {error}")));
        }
    };
    let Applied::Done { id: Some(id) } = applied else {
        return Ok(Posted::Done("an answer".to_owned()));
    };
    if failed.is_some() {
        return Ok(Posted::Done("an answer, in the place of one that failed".to_owned()));
    }
    let comment = match scene.question.kind {
        Kind::Line => CommentRef::Line(id),
        Kind::Conversation | Kind::Review => CommentRef::Conversation(id),
    };
    settle(scene, comment).await
}

/// Look again: if another run was first, take ours back.
async fn settle(scene: &Scene<'_>, comment: CommentRef) -> Result<Posted, Failure> {
    let number = scene.request.number;
    let there = match scene.question.kind {
        Kind::Line => scene
            .forge
            .review_comments(number)
            .await
            .map(|comments| answer::on_lines(scene.own, &comments)),
        Kind::Conversation | Kind::Review => scene
            .forge
            .comments(number)
            .await
            .map(|comments| answer::in_conversation(scene.own, &comments)),
    };
    let there = match there {
        Ok(there) => there,
        Err(error) => {
            tracing::warn!(%error, "whether another run answered as well is unknown");
            Vec::new()
        }
    };
    let stands = first(there.clone(), scene).map_or(comment, |answer| answer.comment);
    if stands != comment {
        withdraw(scene, comment).await;
        return Ok(Posted::Withheld("another run answered first".to_owned()));
    }
    // What another run could not answer is answered now.
    let failed = |answer: &&Standing| {
        answer.question == scene.question
            && answer.ended == Ended::Failed
            && answer.comment != comment
    };
    for answer in there.iter().filter(failed) {
        withdraw(scene, answer.comment).await;
    }
    Ok(Posted::Done("an answer".to_owned()))
}

async fn withdraw(scene: &Scene<'_>, comment: CommentRef) {
    let operation = Operation::DeleteComment { comment };
    if let Err(error) = scene.forge.apply(Some(scene.request.number), &operation).await {
        tracing::warn!(%error, "a second answer could not be taken back");
    }
}

/// The answer, with a word on what else the comment asked for.
fn with_remainder(scene: &Scene<'_>, text: &str) -> String {
    if scene.talk.asked.more == 0 {
        return text.to_owned();
    }
    format!(
        "{}\n\n_A comment asks for one thing: of its commands, only the first was read._",
        text.trim_end()
    )
}
