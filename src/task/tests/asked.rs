//! `tests`, asked for in a comment: the same work, where the job has what it takes.

use std::sync::Arc;

use super::deliver::{self, Delivered, Place, shown};
use super::{Subject, examine};
use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::forge::local::Local;
use crate::policy::ProposePermit;
use crate::publish::answer::Ended;
use crate::publish::proven;
use crate::task::progress::Progress;
use crate::task::review::contents::Contents;
use crate::task::review::shows_head;
use crate::task::talk;
use crate::task::talk::result::Reply;
use crate::task::talk::scene::Scene;

/// The answer to a comment that asks for tests.
///
/// # Errors
/// The change could not be read, or the host could not be reached.
pub async fn reply(scene: &Scene<'_>, _permit: &ProposePermit) -> Result<Reply, Failure> {
    let collected = scene.collect().await.map_err(Failure::Platform)?;
    let root = scene.local.and_then(Local::workdir).unwrap_or(&scene.context.workspace);
    let checkout = Checkout::new(root).ok();
    let head = collected.head_commit.as_deref();
    let contents = Contents::new(checkout.as_ref(), scene.local, head);
    if checkout.is_none() || !shows_head(&collected.change, &contents) {
        return Ok(Reply::said(needs(scene.request.number)));
    }
    let scrubber = Arc::clone(&scene.scrubber);
    let progress = Progress::new(scene.inputs.host.stderr_terminal);
    let examined = examine(&Subject {
        inputs: scene.inputs,
        context: scene.context,
        local: scene.local,
        collected: &collected,
        deadline: scene.deadline,
        scrubber: &scrubber,
        progress: &progress,
        ask: true,
    })
    .await;
    let mut examined = match examined {
        Ok(examined) => examined,
        Err(Failure::Inputs(why)) => {
            // The suite does not run in this job: the asker can do something about it.
            let why = scene.markdown(&format!("{why:#}"));
            return Ok(Reply {
                ended: Ended::Failed,
                ..Reply::said(format!("No test was written: {why}."))
            });
        }
        Err(failure) => return Err(failure),
    };
    let mut reply = Reply::said("");
    reply.model.clone_from(&examined.report.model);
    reply.usage = examined.report.usage;
    let mut delivered = Delivered::default();
    if !examined.files.is_empty()
        && talk::still_asks(scene.forge, scene.talk, scene.phrase).await?.is_ok()
    {
        let place = Place {
            forge: scene.forge,
            request: scene.request,
            ruling: scene.ruling,
            inputs: scene.inputs,
            collected: &collected,
            scrubber: &scrubber,
            host: &scene.host,
        };
        delivered = deliver::hand_over(&place, &examined).await?;
        examined.report.notes.extend(delivered.withheld.clone());
        reply.done.clone_from(&delivered.outcome.posted);
    }
    let table = proven::markdown(&shown(&examined.report, &delivered.done), &scrubber, &scene.host);
    reply.text = table;
    if let Some(why) = examined.failure.take() {
        reply.text = talk::ask::could_not(scene, &reply.text);
        reply.ended = Ended::Failed;
        reply.failure = Some(why);
    }
    Ok(reply)
}

/// What is needed, where the job does not show the change.
fn needs(number: u64) -> String {
    format!(
        "Tests are run before they are offered, and this job does not have #{number} checked \
         out. Nothing was done. Let the job that answers comments check out \
         `refs/pull/{number}/head` and set up what its tests need, or run a workflow with \
         `task: tests` on the change itself: `docs/tests.md` has both."
    )
}
