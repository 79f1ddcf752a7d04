//! `pause` and `resume`: whether pushes set off reviews of this change request.
//! The switch is part of the state in the summary comment, which says so too.

use anyhow::Context as _;

use super::result::Reply;
use super::scene::Scene;
use crate::failure::Failure;
use crate::forge::Operation;
use crate::policy::ProposePermit;
use crate::publish::existing::Existing;
use crate::publish::markdown::StatePayload;
use crate::publish::paused;
use crate::task::review::state::State;

/// Set the switch.
///
/// # Errors
/// The summary comment could not be read or written.
pub async fn reply(
    scene: &Scene<'_>,
    _permit: &ProposePermit,
    pause: bool,
) -> Result<Reply, Failure> {
    let number = scene.request.number;
    // A question on a line has read the comments on lines only.
    let comments = scene
        .forge
        .comments(number)
        .await
        .with_context(|| format!("cannot read the comments of #{number}"))
        .map_err(Failure::Platform)?;
    let existing = Existing::collect(scene.own, &comments, &[], &[], &[]);
    let state =
        existing.state().and_then(StatePayload::decode).and_then(|bytes| State::decode(&bytes));
    let mut state = state.unwrap_or_else(State::empty);
    let was = state.paused;
    state.paused = pause;
    let payload = StatePayload::encode(&state.encode());
    let operation = match &existing.summary {
        _ if was == pause => None,
        Some((id, body)) => paused::with_state(body, &payload, pause)
            .map(|body| Operation::UpdateComment { id: *id, body }),
        None => Some(Operation::CreateComment { body: paused::first_summary(&payload) }),
    };
    let phrase = scene.scrubber.sanitize_line(&scene.inputs.trigger_phrase);
    let after = if pause {
        format!("`{phrase} resume` lets them go on, `{phrase} review` asks for one.")
    } else {
        format!("The next push is reviewed; `{phrase} review` asks for one now.")
    };
    let Some(operation) = operation else {
        let word = if pause { "already paused" } else { "not paused" };
        return Ok(Reply::said(format!("Automatic reviews are {word}. {after}")));
    };
    scene
        .forge
        .apply(Some(number), &operation)
        .await
        .context("cannot write the summary comment")
        .map_err(Failure::Platform)?;
    let word = if pause { "paused" } else { "on again" };
    let mut reply =
        Reply::said(format!("Automatic reviews of this pull request are {word}. {after}"));
    reply.done.push("the summary comment".to_owned());
    Ok(reply)
}
