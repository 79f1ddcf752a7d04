//! A person asks for something by a comment, and gets an answer where they asked.
//!
//! The stages: who asks and whether they may; whether the comment still says so;
//! whether it was answered already; a mark that it was seen; the command; the
//! answer. A run that is killed anywhere leaves at most the mark, and the next one
//! does the rest. docs/conversation.md says what people may rely on.

pub mod ask;
pub mod deliver;
pub mod describe;
pub mod evidence;
pub mod explain;
pub mod fix;
pub mod help;
pub mod model;
pub mod pause;
pub mod pipeline;
pub mod prompt;
pub mod prove;
pub mod record;
pub mod result;
pub mod scene;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::time::Instant;

use self::deliver::Posted;
use self::result::Reply;
use self::scene::Scene;
use crate::context::{Asker, Command, CommentPlace, Context, Request, Requested, Talk};
use crate::failure::Failure;
use crate::forge::{Comment, Forge, ForgeError, Permission};
use crate::inputs::{Access, Gathered, Inputs};
use crate::policy::{self, Grounds, Token};
use crate::publish::answer::{Ended, Kind, Question};
use crate::publish::existing::same_account;
use crate::redact::{ForgeHost, Scrubber};
use crate::task::progress::Progress;
use crate::task::review::{self, base, collect, finish};

/// Answer a comment. Gives the exit code.
///
/// # Errors
/// As the exit codes say; a model that could not answer is one, though the asker
/// was told.
pub fn run(
    gathered: &Gathered,
    first: &Inputs,
    context: &Context,
    talk: &Talk,
) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    runtime.block_on(answer(gathered, first, context, talk))
}

async fn answer(
    gathered: &Gathered,
    first: &Inputs,
    context: &Context,
    talk: &Talk,
) -> Result<u8, Failure> {
    let start = Instant::now();
    let mut progress = Progress::new(first.host.stderr_terminal);
    let client = review::client(first, start + first.timeout).map_err(Failure::Inputs)?;
    let github = review::github(first, context, &client).map_err(Failure::Inputs)?;
    let Some(forge) = github.as_ref().map(|github| github as &dyn Forge) else {
        return finish::nothing(first, "there is no `github_token` to answer with");
    };
    let who = &talk.comment.author;
    let number = talk.comment.number;
    let permission = forge
        .permission(who)
        .await
        .with_context(|| format!("cannot read the permission of {who}"))
        .map_err(Failure::Platform)?;
    // Before anything is read for them; who has none at all gets no answer either.
    if permission == Permission::None {
        return finish::nothing(first, &format!("{who} may not ask for anything here"));
    }
    let access = review::access_of(permission);

    progress.stage("reading what was asked");
    let request = forge
        .change_request(number)
        .await
        .with_context(|| format!("cannot read #{number}"))
        .map_err(Failure::Platform)?;
    if !request.open && !talk.asked.command.suits_closed() {
        return finish::nothing(first, &format!("#{number} is closed"));
    }
    let local = collect::repository(&context.workspace);
    let base_files =
        collect::base_files(forge, local.as_ref(), &request.base, &base::Root::default())
            .await
            .map_err(Failure::Platform)?;
    let inputs = review::configured(gathered, &request.base, &base_files)?;
    let ruling = policy::rule(&Grounds {
        input: inputs.autonomy,
        base: inputs.tables.max_autonomy,
        token: Token::Writes,
        asker: Some(access),
        asker_needs: Some(policy::asker_needs(&talk.asked.command, inputs.tables.asker)),
    });
    let refused = format!("{who} may not ask for `{}` here", talk.asked.command.name());
    if ruling.is_refused() && access != Access::Triage {
        return finish::nothing(&inputs, &refused);
    }
    let (now, line) = match still_asks(forge, talk, &first.trigger_phrase).await? {
        Ok(now) => now,
        Err(why) => return finish::nothing(&inputs, &why),
    };
    let own = forge
        .own_login()
        .await
        .context("cannot tell which account the token belongs to")
        .map_err(Failure::Platform)?;
    if same_account(&own, &now.author, now.author_is_bot) {
        return finish::nothing(&inputs, "the comment is by our own account");
    }
    let repository = context.repository.as_deref().unwrap_or_default();
    let scrubber = Arc::new(Scrubber::new(&inputs.secrets));
    let deadline = start + inputs.timeout.min(first.timeout);
    let mut scene = Scene {
        inputs: &inputs,
        phrase: &first.trigger_phrase,
        context,
        client: &client,
        forge,
        local: local.as_ref(),
        request: &request,
        base_files: &base_files,
        repository,
        talk,
        question: question_of(talk),
        line,
        access,
        own: &own,
        comments: Vec::new(),
        remarks: Vec::new(),
        ruling,
        deadline,
        host: ForgeHost::new(&inputs.host.server_url, repository),
        scrubber,
    };
    scene.read_discussion().await.map_err(Failure::Platform)?;
    if ruling.is_refused() {
        return turn_away(&scene, &refused).await;
    }
    if let Command::Review { full } = talk.asked.command {
        if let Some(permit) = &ruling.propose() {
            deliver::acknowledge(&scene, permit).await;
        }
        let asked_by = Some(Asker { login: who.clone(), comment: talk.comment.id });
        let change = Requested::PullRequest { number, known: None };
        let request = Request { change, asked_by, full };
        return review::review(gathered, first, context, &request).await;
    }
    let Some(permit) = ruling.propose() else {
        let limit = ruling.limited_by();
        return finish::nothing(&inputs, &format!("{limit} allows no answers"));
    };
    // Help costs no model, but it is a comment: strangers get one.
    if access == Access::Read
        && talk.asked.command == Command::Help
        && deliver::answered_before(&scene, None)
    {
        return finish::nothing(&inputs, &format!("{who} was told what can be asked for"));
    }
    let failed = match deliver::standing(&scene) {
        Some(answer) if answer.ended == Ended::Failed => Some(answer),
        Some(_) => return finish::nothing(&inputs, "the comment was answered already"),
        None => None,
    };
    let may_react = deliver::acknowledge(&scene, &permit).await;
    // A run for a line of a fork's change has a token that may only read: an answer
    // that nobody would see is not worth a model's time.
    if !may_react && request.from_fork && talk.comment.at != CommentPlace::Conversation {
        let why = "the token of a run for a fork's change may only read; ask in the conversation";
        return finish::nothing(&inputs, why);
    }
    progress.stage("answering");
    let reply = reply(&scene, &permit).await?;
    // A model takes its time: what was asked may be gone or changed by now.
    let posted = match still_asks(forge, talk, &first.trigger_phrase).await? {
        Ok(_) => deliver::post(&scene, &permit, &reply, failed).await?,
        Err(why) => Posted::Withheld(why),
    };
    progress.finish();
    result::tell(&scene, &reply, &posted)
}

/// What the command has to say. Each is answered in its own file.
async fn reply(scene: &Scene<'_>, permit: &policy::ProposePermit) -> Result<Reply, Failure> {
    match &scene.talk.asked.command {
        Command::Help => Ok(help::reply(scene)),
        Command::Unknown { word, nearest } => Ok(help::unknown(scene, word, *nearest)),
        Command::Ask => ask::reply(scene).await,
        Command::Explain => explain::reply(scene).await,
        Command::Describe => describe::reply(scene, permit).await,
        Command::Pause => pause::reply(scene, permit, true).await,
        Command::Resume => pause::reply(scene, permit, false).await,
        Command::Pipeline => pipeline::reply(scene).await,
        Command::Fix => fix::reply(scene, permit).await,
        Command::Docs => crate::task::docs::reply(scene, permit).await,
        Command::Tests => crate::task::tests::asked::reply(scene, permit).await,
        // It is answered by the review itself, before this.
        Command::Review { .. } => Ok(help::reply(scene)),
    }
}

/// Someone whom the repository knows asks for more than they may: said once a
/// person and change request, with no model asked.
async fn turn_away(scene: &Scene<'_>, why: &str) -> Result<u8, Failure> {
    let grounds = Grounds {
        input: scene.inputs.autonomy,
        base: scene.inputs.tables.max_autonomy,
        token: Token::Writes,
        asker: None,
        asker_needs: None,
    };
    let Some(permit) = policy::rule(&grounds).propose() else {
        return finish::nothing(scene.inputs, why);
    };
    if deliver::standing(scene).is_some() || deliver::answered_before(scene, Some(Ended::Refused)) {
        return finish::nothing(scene.inputs, why);
    }
    let needs = policy::asker_needs(&scene.talk.asked.command, scene.inputs.tables.asker);
    let name = scene.talk.asked.command.name();
    let text = format!(
        "`{name}` needs {needs} access to this repository; you have {}. Nothing was done.",
        scene.access
    );
    let reply = Reply { ended: Ended::Refused, ..Reply::said(text) };
    deliver::post(scene, &permit, &reply, None).await?;
    finish::nothing(scene.inputs, why)
}

/// The comment as it is now, if it is there and asks for the same, by the same
/// person; else why it does not. Who may edit a comment need not be who wrote it.
pub(crate) async fn still_asks(
    forge: &dyn Forge,
    talk: &Talk,
    phrase: &str,
) -> Result<Result<(Comment, Option<crate::forge::LineComment>), String>, Failure> {
    let id = talk.comment.id;
    let read = match talk.comment.at {
        CommentPlace::Conversation => forge.comment(id).await.map(|comment| (comment, None)),
        CommentPlace::Review => {
            forge.review_text(talk.comment.number, id).await.map(|comment| (comment, None))
        }
        CommentPlace::Line(_) => forge.line_comment(id).await.map(|line| {
            let comment = Comment {
                id,
                author: line.comment.author.clone(),
                author_is_bot: line.comment.author_is_bot,
                body: line.comment.body.clone(),
            };
            (comment, Some(line))
        }),
    };
    let (comment, line) = match read {
        Ok(read) => read,
        Err(ForgeError::NotFound(_)) => return Ok(Err("the comment was deleted".to_owned())),
        Err(error) => {
            let error = anyhow::Error::new(error).context("cannot read the comment again");
            return Err(Failure::Platform(error));
        }
    };
    let on_line = line.is_some();
    let asks = crate::context::command::asked(&comment.body, phrase, on_line);
    if !comment.author.eq_ignore_ascii_case(&talk.comment.author) {
        return Ok(Err("the comment is by someone else than the event says".to_owned()));
    }
    if asks.as_ref() != Some(&talk.asked) {
        return Ok(Err("the comment was edited and asks for something else".to_owned()));
    }
    Ok(Ok((comment, line)))
}

fn question_of(talk: &Talk) -> Question {
    let kind = match talk.comment.at {
        CommentPlace::Conversation => Kind::Conversation,
        CommentPlace::Line(_) => Kind::Line,
        CommentPlace::Review => Kind::Review,
    };
    Question { id: talk.comment.id, kind }
}
