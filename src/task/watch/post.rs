//! The comment on the change: one for each pipeline, kept up to date.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Room, Watched, tell};
use crate::decide::Action;
use crate::forge::{CheckContent, Conclusion, ForgeError, Operation};
use crate::inputs::Approval;
use crate::publish::apply::Outcome;
use crate::publish::watch as words;
use crate::redact::{ForgeHost, shorten};
use crate::task::deliver::{self, Standing};

/// Names a pipeline's deployments.
fn name(host: &str, pipeline: &str) -> String {
    let hash = Sha256::digest(format!("{host}\n{pipeline}"));
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The first line of the comment, by which it is found again.
fn marker(host: &str, pipeline: &str) -> String {
    format!("<!-- pipewright:watch {} -->", name(host, pipeline))
}

/// Where text of the repository may link to.
pub fn place(room: &Room<'_>) -> ForgeHost {
    match &room.context.repository {
        Some(repository) => ForgeHost::new(&room.inputs.host.server_url, repository),
        None => ForgeHost::nowhere(),
    }
}

/// Post the question before a rollback.
pub async fn ask(room: &Room<'_>, watched: &mut Watched, id: &str) {
    if room.inputs.deployment.approval != Approval::Comment {
        return;
    }
    let phrase = &room.inputs.trigger_phrase;
    let minutes = room.inputs.deployment.approval_wait.as_secs() / 60;
    let question = format!(
        "**Roll back?** Somebody with write permission answers by a comment, within {minutes} \
         minutes:\n\n- `{phrase} approve {id}`\n- `{phrase} reject {id}`"
    );
    write(room, watched, &question, true).await;
}

/// Post how it ended, where that is worth a comment or one is there.
pub async fn post(room: &Room<'_>, watched: &mut Watched) {
    if room.inputs.deployment.shadow || !room.inputs.publish.summary {
        return;
    }
    let decided = watched.judged.as_ref().map(|judged| judged.decision.action);
    let is_news = !watched.execution.status.is_good()
        || decided.is_some_and(|action| action != Action::Proceed);
    match room.number {
        Some(_) => write(room, watched, "", is_news).await,
        None => on_commit(room, watched).await,
    }
}

/// Where no change is known: a check on the commit, or its status where checks are not
/// allowed. One an execution's pipeline, kept up to date.
async fn on_commit(room: &Room<'_>, watched: &mut Watched) {
    let execution = &watched.execution;
    let commit = execution.commit.clone().or_else(|| room.inputs.host.sha.clone());
    let is_name = |sha: &String| sha.len() >= 40 && sha.bytes().all(|b| b.is_ascii_hexdigit());
    let (Some(forge), Some(_permit), Some(head)) =
        (room.forge, room.ruling.propose(), commit.filter(is_name))
    else {
        return;
    };
    // How far it is says nothing of the commit yet.
    if !execution.status.is_final() && watched.judged.is_none() {
        return;
    }
    let host = room.deployer.host();
    let decided = watched.judged.as_ref().map(|judged| judged.decision.action);
    let conclusion = match decided {
        Some(Action::Rollback) => Conclusion::Failure,
        _ if execution.status.is_bad() => Conclusion::Failure,
        Some(Action::Investigate) => Conclusion::Neutral,
        _ if !execution.status.is_final() => Conclusion::Neutral,
        _ => Conclusion::Success,
    };
    let view = tell::view(host, watched, false);
    let title = room.scrubber.sanitize_line(&words::headline(&view));
    let check = CheckContent {
        external_id: format!("pipewright:watch:{}", name(host, &execution.name)),
        conclusion,
        title: title.clone(),
        summary: words::markdown(&view, room.scrubber, &place(room)),
        annotations: Vec::new(),
    };
    let checks = match forge.checks(&head).await {
        Ok(checks) => checks,
        Err(error) => {
            let why = room.scrubber.sanitize_line(&error.to_string());
            watched.notes.push(format!("What became of it could not be posted: {why}"));
            return;
        }
    };
    let there = checks.into_iter().find(|one| one.external_id == check.external_id);
    let operation = match there {
        Some(there) => Operation::UpdateCheck { id: there.id, check },
        None => Operation::CreateCheck { head: head.clone(), check },
    };
    let mut done = forge.apply(None, &operation).await;
    if let Err(ForgeError::Denied(_)) = done {
        let description = shorten(&title, 140).into_owned();
        let success = conclusion != Conclusion::Failure;
        done = forge.apply(None, &Operation::SetStatus { head, success, description }).await;
    }
    if let Err(error) = done {
        let why = room.scrubber.sanitize_line(&error.to_string());
        watched.notes.push(format!("What became of it could not be posted: {why}"));
    }
}

async fn write(room: &Room<'_>, watched: &mut Watched, question: &str, any: bool) {
    let (Some(forge), Some(number), Some(permit)) =
        (room.forge, room.number, room.ruling.propose())
    else {
        return;
    };
    let mut text = words::markdown(
        &tell::view(room.deployer.host(), watched, false),
        room.scrubber,
        &place(room),
    );
    if !question.is_empty() {
        let _ = write!(text, "\n{question}\n");
    }
    let marker = marker(room.deployer.host(), &watched.execution.name);
    let said = Standing {
        marker: &marker,
        what: "what became of the deployment",
        text: &text,
        any,
        same: &|_| false,
    };
    let mut outcome = Outcome::default();
    deliver::comment(forge, &permit, number, &said, &mut outcome, room.scrubber).await;
    for (what, why) in outcome.refused.iter().chain(&outcome.failed) {
        watched.notes.push(format!("{what} could not be posted: {why}"));
    }
}
