//! `fix`: the suggestion of a finding, proven on the head as it is now, as one
//! commit on the change's branch; where that may not be, as a block to apply.

mod carried;
mod commit;
mod message;
mod propose;
mod show;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::result::Reply;
use super::scene::Scene;
use super::{ask, evidence};
use crate::checkout::Checkout;
use crate::diff::{Change, FileDiff};
use crate::failure::Failure;
use crate::policy::ProposePermit;
use crate::publish::answer::Ended;
use crate::task::edit::{self, Edit, Proven, Refusal};
use crate::task::review::base;
use crate::task::review::collect::Collected;
use crate::task::review::contents::Contents;

/// Something to mend: edits that belong together, not yet proven.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What they mend, in one line. Untrusted text.
    pub title: String,
    /// The file that the finding is on, if it is one of ours.
    pub on: Option<String>,
    /// The edits.
    pub edits: Vec<Edit>,
}

/// Mend what was asked for.
///
/// # Errors
/// The change could not be read or the host could not be reached.
pub async fn reply(scene: &Scene<'_>, _permit: &ProposePermit) -> Result<Reply, Failure> {
    let all = scene.talk.asked.words.split_whitespace().next() == Some("all");
    if !all && scene.line.is_none() {
        let phrase = scene.scrubber.sanitize_line(&scene.inputs.trigger_phrase);
        return Ok(Reply::said(format!(
            "Ask in the thread of a finding, where `{phrase} fix` mends that one, or ask here for \
             `{phrase} fix all`. Nothing was done."
        )));
    }
    if may_commit(scene).is_ok()
        && let Some(done) = commit::made_before(scene).await?
    {
        return Ok(done);
    }
    let collected = scene.collect().await.map_err(Failure::Platform)?;
    let mut reply = Reply::said("");
    let wanted = if all {
        carried::all(scene, &collected).await
    } else {
        match one(scene, &collected, &mut reply).await? {
            Some(wanted) => vec![wanted],
            None => return Ok(reply),
        }
    };
    if wanted.is_empty() {
        reply.text = "No finding of ours that stands open carries a suggestion. Nothing was done."
            .to_owned();
        return Ok(reply);
    }
    let (proven, refused) = prove(scene, &collected, &wanted).await;
    if proven.edits.is_empty() {
        reply.text = nothing_holds(scene, &refused);
        return Ok(reply);
    }
    match may_commit(scene) {
        Ok(permit) => commit::commit(scene, &permit, collected, &wanted, reply).await,
        Err(why) => {
            reply.text = format!("{why}\n\n{}", show::blocks(scene, &proven, &refused));
            Ok(reply)
        }
    }
}

/// The permit, or what would allow a commit.
fn may_commit(scene: &Scene<'_>) -> Result<crate::policy::ActPermit, String> {
    if scene.request.from_fork {
        return Err("The branch lies in a fork, where this repository's token may not commit. \
                    This is what the commit would change."
            .to_owned());
    }
    scene.ruling.act().ok_or_else(|| {
        format!(
            "Nothing was committed: {} allows `{}` at most. A commit needs `autonomy: act` in the \
             workflow, no lower `[policy] autonomy` at the base revision, and a token with \
             `contents: write`. This is what it would change.",
            scene.ruling.limited_by(),
            scene.ruling.level()
        )
    })
}

/// What mends the thread's finding: what it carries, if that still holds, else what
/// the model proposes. `None`: the reply says why there is nothing.
async fn one(
    scene: &Scene<'_>,
    collected: &Collected,
    reply: &mut Reply,
) -> Result<Option<Wanted>, Failure> {
    let carried = carried::here(scene, collected).await;
    if let Some(wanted) = carried {
        let (_, refused) = prove(scene, collected, std::slice::from_ref(&wanted)).await;
        match refused.into_iter().next() {
            None => return Ok(Some(wanted)),
            // Asking again would mend what is gone, or mend it twice.
            Some((wanted, _, why @ (Refusal::Done | Refusal::NotThere))) => {
                reply.text = nothing_holds(scene, &[(wanted, String::new(), why)]);
                return Ok(None);
            }
            Some((_, path, why)) => {
                tracing::info!(path, %why, "the finding's own suggestion does not hold");
            }
        }
    }
    let outdated = scene.line.as_ref().is_some_and(|line| line.comment.line.is_none());
    if outdated {
        reply.text = "The line of this thread is outdated: the change no longer has it as it \
                      was. Nothing was done."
            .to_owned();
        return Ok(None);
    }
    let Some(got) = propose::ask(scene, collected).await? else {
        reply.text = "This finding carries no suggestion that still holds, and no model is set \
                      that could write one. Nothing was done."
            .to_owned();
        return Ok(None);
    };
    reply.model = got.model;
    reply.usage = got.usage;
    match got.answer {
        Ok(proposed) if proposed.wanted.edits.is_empty() => {
            let why = scene.markdown(&proposed.why);
            reply.text = format!("There is nothing to commit. {why}");
            Ok(None)
        }
        Ok(proposed) => Ok(Some(proposed.wanted)),
        Err(why) => {
            reply.text = ask::could_not(scene, "Nothing was done.");
            reply.ended = Ended::Failed;
            reply.failure = Some(scene.scrubber.sanitize_line(&why));
            Ok(None)
        }
    }
}

/// A thing to mend that does not hold, the file, and why.
pub type Refused = (Wanted, String, Refusal);

/// What holds on the head as it was collected: each thing to mend whole or not at
/// all, the earlier before the later.
async fn prove(
    scene: &Scene<'_>,
    collected: &Collected,
    wanted: &[Wanted],
) -> (Proven, Vec<Refused>) {
    let contents = Contents::new(None, scene.local, collected.head_commit.as_deref());
    let paths = wanted.iter().flat_map(|wanted| &wanted.edits).map(|edit| edit.path.clone());
    // Only files of the change are read.
    let paths: std::collections::BTreeSet<String> =
        paths.filter(|path| collected.change.file(path).is_some()).collect();
    let heads = evidence::heads(scene, collected, &contents, paths).await;
    let heads: BTreeMap<String, Bytes> =
        heads.into_iter().filter_map(|(path, content)| Some((path, content?))).collect();
    let mut kept: Vec<Edit> = Vec::new();
    let mut best = Proven::default();
    let mut refused = Vec::new();
    for one in wanted {
        let allowed = |path: &str| may_edit(&collected.change, path, wanted);
        let alone = |path: &str| may_edit(&collected.change, path, std::slice::from_ref(one));
        // What does not hold alone is told so; then what does not fit the rest.
        if let Err((path, why)) = edit::together(&one.edits, &heads, &alone, &scene.scrubber) {
            refused.push((one.clone(), path, why));
            continue;
        }
        let with: Vec<Edit> = kept.iter().chain(&one.edits).cloned().collect();
        match edit::together(&with, &heads, &allowed, &scene.scrubber) {
            Ok(proven) => {
                best = proven;
                kept = with;
            }
            Err((path, why)) => refused.push((one.clone(), path, why)),
        }
    }
    (best, refused)
}

/// Whether a file may be edited: one of the change, and one that says how the
/// repository is built or reviewed only for a finding of ours on that very file.
fn may_edit(change: &Change, path: &str, wanted: &[Wanted]) -> Result<(), Refusal> {
    let plain = Checkout::plain_path(path).is_ok_and(|plain| plain == path);
    if !plain || crate::checkout::is_credential(path) {
        return Err(Refusal::Forbidden("that path is not to be written"));
    }
    let file = change
        .file(path)
        .filter(|file| file.new_path.as_ref().and_then(|path| path.to_str()) == Some(path))
        .ok_or(Refusal::Forbidden("the file is no part of the change"))?;
    let odd = file.new_mode.is_some_and(|mode| mode.is_symlink() || mode.is_submodule());
    if odd || file.patch().is_none() {
        return Err(Refusal::Forbidden("the file is a link or no text"));
    }
    let on_it = wanted.iter().any(|wanted| wanted.on.as_deref() == Some(path));
    if is_guarded(path, file) && !on_it {
        return Err(Refusal::Forbidden(
            "the file says how this repository is built or reviewed, and the finding is not on it",
        ));
    }
    Ok(())
}

/// Whether a file says how the repository is built, owned or reviewed.
fn is_guarded(path: &str, file: &FileDiff) -> bool {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    crate::scan::needs_content(file)
        || lower.starts_with(".github/")
        || lower.contains("/.github/")
        || matches!(name, ".pipewright.toml" | "codeowners" | ".gitattributes" | ".gitmodules")
        || base::GUIDELINES.iter().any(|guideline| {
            name == guideline.rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
        })
}

fn nothing_holds(scene: &Scene<'_>, refused: &[Refused]) -> String {
    let mut text = "Nothing was committed:".to_owned();
    for (wanted, path, why) in refused {
        text += &format!("\n{}", show::refusal(scene, wanted, path, why));
    }
    text
}

/// Whether the comment still asks for it; else why not.
async fn still_asked(scene: &Scene<'_>) -> Result<Result<(), String>, Failure> {
    let now = super::still_asks(scene.forge, scene.talk, scene.phrase).await?;
    Ok(now.map(|_| ()))
}
