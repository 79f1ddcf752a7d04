//! Asking a person before a rollback that the policy does not name.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::{Room, Watched};
use crate::context::Command;
use crate::deploy::{Approval as Asked, ApprovalStatus, Execution};
use crate::forge::{Comment, Permission};
use crate::inputs::Approval;
use crate::policy;
use crate::task::review::access_of;

/// The longest wait between two looks.
const LONGEST: Duration = Duration::from_secs(15);

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes, and whose.
    Approved(String),
    /// No, and whose.
    Rejected(String),
    /// Nothing, in all that time.
    None,
    /// There is nobody to ask, and why.
    CannotAsk(String),
}

/// A name for the decision: the same for the same execution and rule, so that an answer
/// holds for a run that is started again, and for nothing else.
pub fn id(room: &Room<'_>, watched: &Watched) -> String {
    let rule = watched.judged.as_ref().map_or("", |judged| judged.decision.rule);
    let mut hash = Sha256::new();
    for part in [room.deployer.host(), &watched.execution.id, rule] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// Wait for an answer, as long as the inputs say.
pub async fn wait(room: &Room<'_>, execution: &Execution, id: &str) -> Answer {
    room.progress.stage("waiting for an approval");
    let end = Instant::now() + room.inputs.deployment.approval_wait;
    let mut pause = Duration::from_secs(1);
    loop {
        let answer = match room.inputs.deployment.approval {
            Approval::Comment => by_comment(room, id).await,
            Approval::Harness | Approval::Environment => by_host(room, execution).await,
            Approval::None => Answer::CannotAsk("`approval` names nobody to ask".to_owned()),
        };
        if answer != Answer::None {
            return answer;
        }
        let now = Instant::now();
        if now >= end {
            return Answer::None;
        }
        sleep(pause.min(end - now)).await;
        pause = pause.mul_f64(1.5).min(LONGEST);
    }
}

/// The first answer in the conversation by somebody who may give one.
async fn by_comment(room: &Room<'_>, id: &str) -> Answer {
    let (Some(forge), Some(number)) = (room.forge, room.number) else {
        let why = "there is no change to comment on: give `number` and `github_token`";
        return Answer::CannotAsk(why.to_owned());
    };
    if room.ruling.propose().is_none() {
        let why = "the autonomy does not let the question be posted";
        return Answer::CannotAsk(why.to_owned());
    }
    let comments = match forge.comments(number).await {
        Ok(comments) => comments,
        Err(error) => {
            tracing::warn!("{}", room.scrubber.sanitize_line(&error.to_string()));
            return Answer::None;
        }
    };
    for comment in &comments {
        let Some(yes) = answer_of(comment, &room.inputs.trigger_phrase, id) else { continue };
        let permission = match forge.permission(&comment.author).await {
            Ok(permission) => permission,
            Err(error) => {
                tracing::warn!("{}", room.scrubber.sanitize_line(&error.to_string()));
                continue;
            }
        };
        if permission < Permission::Write || access_of(permission) < least() {
            tracing::warn!("{} may not answer: it takes write permission", comment.author);
            continue;
        }
        let by = comment.author.clone();
        return if yes { Answer::Approved(by) } else { Answer::Rejected(by) };
    }
    Answer::None
}

/// What an answer takes: it has the world changed, so as much as to push.
fn least() -> crate::inputs::Access {
    policy::asker_needs(&Command::Fix, None)
}

/// Whether a comment answers the question: `@pipewright approve 0a1b2c3d4e`.
fn answer_of(comment: &Comment, phrase: &str, id: &str) -> Option<bool> {
    // Our own question names the words; bots that answer each other never stop.
    if comment.author_is_bot || comment.body.contains("<!-- pipewright:") {
        return None;
    }
    let words = crate::context::asks(&comment.body, phrase)?;
    match words.as_slice() {
        [word, of, ..] if of == id => match word.as_str() {
            "approve" => Some(true),
            "reject" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The answer to a question of whoever deploys.
async fn by_host(room: &Room<'_>, execution: &Execution) -> Answer {
    match room.deployer.approvals(execution).await {
        Ok(asked) => of_host(&asked, room.deployer.host()),
        Err(error) => {
            tracing::warn!("{}", room.scrubber.sanitize_line(&format!("{error:#}")));
            Answer::None
        }
    }
}

/// A question named after the rollback (`approve_rollback`) is about it: yes means yes.
/// Any other asks whether to go on: no means that the host takes it back by itself, and
/// yes that a person wants it as it is. Those that were answered before this decision
/// cannot be told from later ones, so only a rollback's own question may say yes to it.
fn of_host(asked: &[Asked], host: &str) -> Answer {
    let is_rollback = |one: &&Asked| {
        let name = one.step.as_deref().unwrap_or_default().to_ascii_lowercase();
        name.contains("rollback") || name.contains("roll_back") || name.contains("roll-back")
    };
    let by = |what: &str| format!("{what} at {host}");
    if let Some(own) = asked.iter().rfind(is_rollback) {
        let name = own.step.clone().unwrap_or_default();
        return match own.status {
            ApprovalStatus::Approved => Answer::Approved(by(&format!("The approver of `{name}`"))),
            ApprovalStatus::Rejected => Answer::Rejected(by(&format!("The approver of `{name}`"))),
            ApprovalStatus::Waiting => Answer::None,
            ApprovalStatus::Over => Answer::CannotAsk(format!(
                "the approval `{name}` at {host} is over without an answer"
            )),
        };
    }
    if asked.iter().any(|one| one.status == ApprovalStatus::Waiting) {
        return Answer::None;
    }
    Answer::CannotAsk(format!("no approval whose name has `rollback` in it waits at {host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(body: &str, bot: bool) -> Comment {
        Comment { id: 1, author: "ann".into(), author_is_bot: bot, body: body.into() }
    }

    #[test]
    fn an_answer_names_the_decision() {
        for (body, bot, expect) in [
            ("@pipewright approve 0a1b2c3d4e", false, Some(true)),
            ("@pipewright Approve `0a1b2c3d4e`.", false, Some(true)),
            ("@pipewright reject 0a1b2c3d4e", false, Some(false)),
            ("@pipewright approve ffffffffff", false, None),
            ("@pipewright approve", false, None),
            ("> @pipewright approve 0a1b2c3d4e", false, None),
            ("please @pipewright approve 0a1b2c3d4e", false, None),
            ("@pipewright approve 0a1b2c3d4e", true, None),
            ("<!-- pipewright:x -->\n@pipewright approve 0a1b2c3d4e", false, None),
        ] {
            assert_eq!(
                answer_of(&comment(body, bot), "@pipewright", "0a1b2c3d4e"),
                expect,
                "{body}"
            );
        }
    }

    #[test]
    fn only_a_rollbacks_own_question_says_yes_to_it() {
        let one = |step: &str, status| Asked {
            id: "a".into(),
            step: Some(step.into()),
            message: None,
            status,
        };
        use ApprovalStatus::{Approved, Over, Rejected, Waiting};
        for (asked, expect) in [
            (vec![one("approve_rollback", Approved)], "yes"),
            (vec![one("Approve-Rollback", Rejected)], "no"),
            (vec![one("rollback", Waiting)], "wait"),
            (vec![one("rollback", Over)], "cannot"),
            (vec![one("go_live", Waiting)], "wait"),
            (vec![one("go_live", Approved)], "cannot"),
            (vec![one("go_live", Approved), one("rollback", Approved)], "yes"),
            (vec![], "cannot"),
        ] {
            let got = match of_host(&asked, "Harness") {
                Answer::Approved(_) => "yes",
                Answer::Rejected(_) => "no",
                Answer::None => "wait",
                Answer::CannotAsk(_) => "cannot",
            };
            assert_eq!(got, expect, "{asked:?}");
        }
    }
}
