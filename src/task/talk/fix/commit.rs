//! The commit: made on the head that its edits were proven on, or not at all.

use anyhow::anyhow;

use super::{Refused, Wanted, message, nothing_holds, prove, show, still_asked};
use crate::failure::Failure;
use crate::forge::{Applied, ForgeError, Operation};
use crate::policy::ActPermit;
use crate::task::edit::Proven;
use crate::task::review::collect::Collected;
use crate::task::talk::result::Reply;
use crate::task::talk::scene::Scene;

/// How often a commit is tried: once more on a head that moved meanwhile.
const ATTEMPTS: usize = 2;

/// The answer of a run that was ended between its commit and its reply.
///
/// # Errors
/// The host could not be reached.
pub async fn made_before(scene: &Scene<'_>) -> Result<Option<Reply>, Failure> {
    let branch = match scene.forge.branch(&scene.request.head_ref).await {
        Ok(branch) => branch,
        Err(ForgeError::Unreachable(error)) => {
            let error = error.context("cannot read the change's branch");
            return Err(Failure::Platform(error));
        }
        Err(error) => {
            tracing::info!(%error, "the branch's commits are unknown");
            None
        }
    };
    let made = branch.into_iter().flat_map(|branch| branch.commits);
    let made = made.into_iter().find(|commit| message::is_for(&commit.message, scene.question.id));
    Ok(made.map(|commit| {
        let mut reply = Reply::said(format!("Committed as {}.", link(scene, &commit.sha)));
        reply.done.push("a commit, by an earlier run".to_owned());
        reply
    }))
}

/// Commit what holds of `wanted`.
///
/// # Errors
/// The host could not be reached.
pub async fn commit(
    scene: &Scene<'_>,
    _permit: &ActPermit,
    mut collected: Collected,
    wanted: &[Wanted],
    mut reply: Reply,
) -> Result<Reply, Failure> {
    for attempt in 1..=ATTEMPTS {
        if attempt > 1 {
            collected = scene.collect().await.map_err(Failure::Platform)?;
        }
        let (proven, refused) = prove(scene, &collected, wanted).await;
        if proven.edits.is_empty() {
            // Another run for the same comment may have made it a moment ago.
            if let Some(made) = made_before(scene).await? {
                return Ok(made);
            }
            reply.text = nothing_holds(scene, &refused);
            return Ok(reply);
        }
        if still_asked(scene).await?.is_err() {
            // Nothing is said of it either.
            reply.text = "Nothing was done.".to_owned();
            return Ok(reply);
        }
        let operation = operation(scene, &collected, wanted, &proven, &refused);
        match scene.forge.apply(Some(scene.request.number), &operation).await {
            Ok(Applied::Committed { sha, .. }) => {
                reply.text = done(scene, &sha, &proven, &refused);
                reply.done.push(format!("commit {sha}"));
                return Ok(reply);
            }
            Ok(Applied::Moved) => {
                tracing::info!(attempt, "the branch moved meanwhile");
            }
            Ok(other) => {
                let error = anyhow!("cannot commit: the host answers {other:?}");
                return Err(Failure::Platform(error));
            }
            Err(ForgeError::Denied(why)) => {
                tracing::warn!("the commit was refused: {why:#}");
                let why = "The token may not commit: give the job `contents: write`. This is \
                           what the commit would change.";
                reply.text = format!("{why}\n\n{}", show::blocks(scene, &proven, &refused));
                return Ok(reply);
            }
            Err(ForgeError::Rejected(why) | ForgeError::NotFound(why)) => {
                tracing::warn!("the commit was not taken: {why:#}");
                let why = "The host does not take the commit: a rule of the branch may forbid \
                           it. This is what it would change.";
                reply.text = format!("{why}\n\n{}", show::blocks(scene, &proven, &refused));
                return Ok(reply);
            }
            Err(error) => {
                let error = anyhow::Error::new(error);
                return Err(Failure::Platform(error.context("cannot commit")));
            }
        }
    }
    reply.text = "The branch moved twice while this was proven. Nothing was committed; ask again \
                  when it rests."
        .to_owned();
    Ok(reply)
}

fn operation(
    scene: &Scene<'_>,
    collected: &Collected,
    wanted: &[Wanted],
    proven: &Proven,
    refused: &[Refused],
) -> Operation {
    let is_refused = |one: &&Wanted| {
        !refused.iter().any(|(other, ..)| other.edits == one.edits && other.title == one.title)
    };
    let titles: Vec<String> = wanted
        .iter()
        .filter(is_refused)
        .map(|wanted| scene.scrubber.sanitize_line(&wanted.title))
        .collect();
    let asker = &scene.talk.comment.author;
    let (headline, body) = message::message(&titles, asker, scene.question.id);
    Operation::Commit {
        branch: scene.request.head_ref.clone(),
        parent: collected.head.clone(),
        headline,
        body,
        files: proven.files.clone(),
    }
}

fn done(scene: &Scene<'_>, sha: &str, proven: &Proven, refused: &[Refused]) -> String {
    let places: Vec<String> = proven.edits.iter().map(|edit| show::place(scene, edit)).collect();
    let mut text = format!("Committed as {}: {}.", link(scene, sha), places.join(", "));
    if !refused.is_empty() {
        text += "\n\nLeft out:";
        for (wanted, path, why) in refused {
            text += &format!("\n{}", show::refusal(scene, wanted, path, why));
        }
    }
    text
}

/// The commit's short name, linked.
fn link(scene: &Scene<'_>, sha: &str) -> String {
    let name = scene.code(sha.get(..7).unwrap_or(sha));
    match scene.host.repository_url() {
        Some(url) => format!("[{name}]({url}/commit/{sha})"),
        None => name,
    }
}
