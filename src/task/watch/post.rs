//! The comment on the change: one for each pipeline, kept up to date.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Room, Watched, tell};
use crate::decide::Action;
use crate::inputs::Approval;
use crate::publish::apply::Outcome;
use crate::publish::watch as words;
use crate::redact::ForgeHost;
use crate::task::deliver::{self, Standing};

/// The first line of the comment, by which it is found again.
pub fn marker(host: &str, name: &str) -> String {
    let hash = Sha256::digest(format!("{host}\n{name}"));
    let short: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("<!-- pipewright:watch {short} -->")
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
    write(room, watched, "", is_news).await;
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
