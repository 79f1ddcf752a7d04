//! The command, and what is said in a conversation.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use tokio::time::Instant;

use super::deliver::{self, Delivered, Offer};
use super::{Examined, Subject, examine, report};
use crate::checkout::Checkout;
use crate::context::{self, Context, Decision, Request};
use crate::failure::Failure;
use crate::forge::local::Local;
use crate::forge::{ChangeRequest, Forge, Operation};
use crate::inputs::{Format, Gathered, Inputs};
use crate::policy::{self, Grounds, ProposePermit, Token};
use crate::publish::answer::Ended;
use crate::publish::existing::same_account;
use crate::publish::files;
use crate::redact::{Scrubber, break_commands};
use crate::task::review::{self, collect, finish};
use crate::task::talk;
use crate::task::talk::result::Reply;
use crate::task::talk::scene::Scene;

/// The first line of our comment, where the run's event is the change's own.
const MARKER: &str = "<!-- pipewright:docs -->";

/// Longest piece of a diff that is posted, in bytes.
const MOST_DIFF: usize = 30_000;

/// Look at the change that the event or the command line names. Gives the exit code.
///
/// # Errors
/// As the exit codes say.
pub fn run(gathered: &Gathered, first: &Inputs) -> Result<u8, Failure> {
    let context = context::read(&first.host).map_err(Failure::Inputs)?;
    let request = match context::request_of(&context, first) {
        Decision::Review(request) => request,
        Decision::Talk(asked) => return talk::run(gathered, first, &context, &asked),
        Decision::Nothing { why } => return finish::nothing(first, &why),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    runtime.block_on(look(gathered, first, &context, &request))
}

async fn look(
    gathered: &Gathered,
    first: &Inputs,
    context: &Context,
    request: &Request,
) -> Result<u8, Failure> {
    let start = Instant::now();
    let client = review::client(first, start + first.timeout).map_err(Failure::Inputs)?;
    let github = review::github(first, context, &client).map_err(Failure::Inputs)?;
    let forge = github.as_ref().map(|github| github as &dyn Forge);
    let local = collect::repository(&context.workspace);
    let collected = review::collect(first, context, request, forge, local.as_ref()).await?;
    let inputs = review::configured(gathered, &collected.base, &collected.base_files)?;
    let scrubber = Scrubber::new(&inputs.secrets);
    let root = local.as_ref().and_then(Local::workdir).unwrap_or(&context.workspace);
    let checkout = Checkout::new(root).ok();
    let subject = Subject {
        inputs: &inputs,
        client: &client,
        forge,
        local: local.as_ref(),
        checkout: checkout.as_ref(),
        collected: &collected,
        deadline: start + inputs.timeout.min(first.timeout),
        scrubber: &scrubber,
    };
    let mut examined = examine(&subject).await?;
    let number = collected.target.as_ref().and_then(|target| target.number);
    let ruling = policy::rule(&Grounds {
        input: inputs.autonomy,
        base: inputs.tables.max_autonomy,
        token: if forge.is_some() { Token::Writes } else { Token::Absent },
        asker: None,
        asker_needs: None,
    });
    if let (Some(forge), Some(number), Some(permit)) = (forge, number, ruling.propose()) {
        let change = forge
            .change_request(number)
            .await
            .with_context(|| format!("cannot read #{number}"))
            .map_err(Failure::Platform)?;
        let text =
            offered(forge, &permit, &change, &mut examined, &collected.head, &scrubber).await?;
        post(forge, number, &text, !examined.report.symbols.is_empty()).await?;
    }
    tell(&inputs, &examined, &scrubber)
}

/// Offer what holds; gives the table with what became of it.
async fn offered(
    forge: &dyn Forge,
    permit: &ProposePermit,
    change: &ChangeRequest,
    examined: &mut Examined,
    head: &str,
    scrubber: &Scrubber,
) -> Result<String, Failure> {
    let table = report::markdown(&examined.report, scrubber);
    if examined.held.files.is_empty() {
        return Ok(table);
    }
    let delivered = if change.from_fork {
        Delivered::Withheld(
            "The branch lies in a fork, onto which I open no change request.".into(),
        )
    } else {
        let texts = examined.texts();
        let known = examined.known(&texts);
        let body = format!(
            "What #{} does to the public interface, and where the documentation follows:\n\n{table}",
            change.number
        );
        let offer = Offer {
            request: change,
            head,
            proposed: &examined.proposed,
            known: &known,
            documents: &examined.documents,
            body: &body,
        };
        deliver::deliver(forge, permit, &offer, scrubber).await.map_err(Failure::Platform)?
    };
    Ok(match delivered {
        Delivered::Open(number) => {
            examined.report.notes.push(format!("The edits stand in #{number}."));
            format!("{table}\nThe edits stand in #{number}.\n")
        }
        Delivered::Withheld(why) => {
            examined.report.notes.push(why.clone());
            let diff = &examined.report.diff;
            let longest = diff.split(|c| c != '`').map(str::len).max().unwrap_or(0);
            let fence = "`".repeat((longest + 1).max(3));
            let shown = diff.len() <= MOST_DIFF && !crate::redact::orders_bots(diff);
            let diff = match shown {
                true => format!("\n{fence}diff\n{diff}{fence}\n"),
                false => String::new(),
            };
            format!("{table}\n{why}\n{diff}")
        }
    })
}

/// One comment, in place; none where nothing changed and none is there.
async fn post(forge: &dyn Forge, number: u64, text: &str, any: bool) -> Result<(), Failure> {
    let read = async {
        let comments = forge.comments(number).await.context("cannot read the comments")?;
        let own = forge.own_login().await.context("cannot tell whose the token is")?;
        anyhow::Ok((comments, own))
    };
    let (comments, own) = read.await.map_err(Failure::Platform)?;
    let there = comments.iter().find(|comment| {
        same_account(&own, &comment.author, comment.author_is_bot)
            && comment.body.lines().next() == Some(MARKER)
    });
    let body = format!("{MARKER}\n### Documentation\n\n{}", text.trim_end());
    let operation = match there {
        Some(comment) if comment.body.trim_end() == body => return Ok(()),
        Some(comment) => Operation::UpdateComment { id: comment.id, body },
        None if any => Operation::CreateComment { body },
        None => return Ok(()),
    };
    match forge.apply(Some(number), &operation).await {
        Ok(_) => Ok(()),
        Err(crate::forge::ForgeError::Denied(why)) => {
            tracing::warn!("the token may not comment: {why:#}");
            Ok(())
        }
        Err(error) => Err(Failure::Platform(anyhow!("cannot post the table: {error}"))),
    }
}

fn tell(inputs: &Inputs, examined: &Examined, scrubber: &Scrubber) -> Result<u8, Failure> {
    let table = report::markdown(&examined.report, scrubber);
    let text = match inputs.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&examined.report)
                .context("cannot write the result")
                .map_err(Failure::Inputs)?;
            scrubber.scrub(&json).into_owned() + "\n"
        }
        Format::Diff => examined.report.diff.clone(),
        _ => break_commands(&table).into_owned(),
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &format!("### Documentation\n\n{table}\n")).map_err(Failure::Inputs)?;
    }
    match &examined.failure {
        Some(why) => Err(Failure::Model(anyhow!("the model could not answer: {why}"))),
        None => Ok(0),
    }
}

/// The answer to a comment that asks for it.
///
/// # Errors
/// The change could not be read or the host could not be reached.
pub async fn reply(scene: &Scene<'_>, permit: &ProposePermit) -> Result<Reply, Failure> {
    let collected = scene.collect().await.map_err(Failure::Platform)?;
    let root = scene.local.and_then(Local::workdir).unwrap_or(&scene.context.workspace);
    let checkout = Checkout::new(root).ok();
    let scrubber = Arc::clone(&scene.scrubber);
    let subject = Subject {
        inputs: scene.inputs,
        client: scene.client,
        forge: Some(scene.forge),
        local: scene.local,
        checkout: checkout.as_ref(),
        collected: &collected,
        deadline: scene.deadline,
        scrubber: &scrubber,
    };
    let mut examined = examine(&subject).await?;
    let mut reply = Reply::said("");
    reply.model.clone_from(&examined.report.model);
    reply.usage = examined.report.usage;
    if let Some(why) = examined.failure.take() {
        let table = report::markdown(&examined.report, &scrubber);
        reply.text = talk::ask::could_not(scene, &table);
        reply.ended = Ended::Failed;
        reply.failure = Some(why);
        return Ok(reply);
    }
    if !examined.held.files.is_empty()
        && talk::still_asks(scene.forge, scene.talk, scene.phrase).await?.is_err()
    {
        reply.text = "Nothing was done.".to_owned();
        return Ok(reply);
    }
    let (forge, change) = (scene.forge, scene.request);
    reply.text = offered(forge, permit, change, &mut examined, &collected.head, &scrubber).await?;
    Ok(reply)
}
