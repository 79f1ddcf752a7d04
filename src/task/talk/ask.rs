//! `ask`: a question, answered from the code, with the lines that the answer
//! rests on. Without a model it says what plain code knows.

use anyhow::Context as _;

use super::evidence;
use super::explain;
use super::model::{self, Put};
use super::prompt::{self, Task};
use super::prove::{self, Proven, Quoted};
use super::result::Reply;
use super::scene::Scene;
use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::finding::Side;
use crate::forge::local::Local;
use crate::inputs;
use crate::publish::answer::Ended;
use crate::publish::{github_permalink, wording};
use crate::task::models;
use crate::task::review::Base;
use crate::task::review::collect::Collected;
use crate::task::review::contents::Contents;
use crate::task::review::prompt::Nonce;
use crate::task::review::tools::{HostFiles, Tools};

/// Most places that are listed below an answer.
const MOST_PLACES: usize = 8;

/// Answer the question.
///
/// # Errors
/// The change could not be read, or the model is not set up.
pub async fn reply(scene: &Scene<'_>) -> Result<Reply, Failure> {
    let words = &scene.talk.asked.words;
    if words.trim().is_empty() {
        return explain::reply(scene).await;
    }
    about(scene, words).await
}

/// Answer `question` about the place where it was asked.
///
/// # Errors
/// The change could not be read, or the model is not set up.
pub async fn about(scene: &Scene<'_>, question: &str) -> Result<Reply, Failure> {
    let collected = scene.collect().await.map_err(Failure::Platform)?;
    let models =
        models::of(scene.inputs, scene.client, inputs::Task::Auto).map_err(Failure::Inputs)?;
    if models.heavy.is_none() {
        return Ok(Reply::said(explain::offline(scene, &collected)));
    }
    let root = scene.local.and_then(Local::workdir).unwrap_or(&scene.context.workspace);
    let checkout = Checkout::new(root).ok();
    let contents = Contents::new(checkout.as_ref(), scene.local, collected.head_commit.as_deref());
    let scrubber = scene.scrubber.clone();
    let clean = move |text: &str| scrubber.scrub(text).into_owned();
    let host = HostFiles::new(scene.forge);
    let base = Base { local: scene.local, host: Some(&host), revision: &collected.base };
    let shows_head = crate::task::review::shows_head(&collected.change, &contents);
    let head = collected.head_commit.as_deref();
    let shown = checkout.as_ref().filter(|_| shows_head);
    let tools = Tools::on_either(shown, Some(&host), head, &base, &clean);

    let nonce = Nonce::new();
    let system = prompt::system(
        &nonce,
        Task::Answer,
        &collected,
        scene.inputs.tables.instructions.as_deref(),
        &clean,
    );
    let text = put_together(scene, &collected, &contents, &nonce, question).await;
    let got = model::put(Put {
        models: &models,
        inputs: scene.inputs,
        deadline: scene.deadline,
        system,
        text,
        tool: prove::tool(),
        tools: tools.as_ref(),
        nonce: &nonce,
        validate: &prove::parse,
    })
    .await
    .context("there is no model")
    .map_err(Failure::Model)?;
    let mut reply = Reply::said("");
    reply.model = got.model;
    reply.usage = got.usage;
    match got.answer {
        Ok(answer) => {
            let paths = prove::paths(&answer);
            let heads = evidence::heads(scene, &collected, &contents, paths).await;
            let proven = prove::prove(&answer, &collected.change, &heads);
            reply.text = show(scene, &collected, &proven);
        }
        Err(why) => {
            reply.text = could_not(scene, &explain::offline(scene, &collected));
            reply.ended = Ended::Failed;
            reply.failure = Some(scene.scrubber.sanitize_line(&why));
        }
    }
    Ok(reply)
}

/// What is said where the model could not answer. Why stands in the job's log:
/// a provider's words may name accounts.
pub fn could_not(scene: &Scene<'_>, facts: &str) -> String {
    let log = scene.context.run_url.as_deref().map_or_else(
        || "the job's log says why".to_owned(),
        |url| format!("[the job's log]({url}) says why"),
    );
    format!("The model could not answer; {log}. Run the job again to try again.\n\n{facts}")
}

/// The question with its surroundings, each fenced.
async fn put_together(
    scene: &Scene<'_>,
    collected: &Collected,
    contents: &Contents<'_>,
    nonce: &Nonce,
    question: &str,
) -> String {
    let clean = |text: &str| scene.scrubber.scrub(text).into_owned();
    let (change, note) = evidence::change(scene, collected, contents);
    let mut text = nonce.fence("change", &change);
    if let Some(note) = note {
        text.push_str(&note);
        text.push('\n');
    }
    if let Some(line) = &scene.line {
        let head = evidence::head(scene, collected, contents, &line.comment.path).await;
        text.push_str("\nWhere the question stands:\n");
        text.push_str(&nonce.fence("place", &evidence::line(scene, line, head.as_deref())));
    }
    if let Some((_, comment, known)) = evidence::finding(scene, collected) {
        text.push_str("\nThe thread began with this remark of ours; it may be wrong:\n");
        let mut said = evidence::visible(&comment.body);
        if let Some(known) = known {
            said += &format!("\n\n{} ({})\n{}", known.title, known.source, known.body);
        }
        text.push_str(&nonce.fence("our remark", &clean(&said)));
    }
    let discussion = evidence::discussion(scene);
    if !discussion.is_empty() {
        text.push_str("\nWhat was said before, oldest first:\n");
        text.push_str(&nonce.fence("discussion", &discussion));
    }
    text.push_str("\nThe question:\n");
    text.push_str(&nonce.fence("question", &clean(question)));
    text.push_str("\nAnswer it with `answer`.");
    text
}

/// A proven answer, fit to be posted.
pub fn show(scene: &Scene<'_>, collected: &Collected, proven: &Proven) -> String {
    let mut text = scene.markdown(&proven.text);
    let place = |quoted: &Quoted| {
        let revision = if quoted.side == Side::New { &collected.head } else { &collected.base };
        let before = if quoted.side == Side::Old { " (before)" } else { "" };
        let lines = wording::span(quoted.line, quoted.end_line);
        let name = scene.code(&format!("{}:{lines}{before}", quoted.path));
        let code = wording::code(&scene.scrubber.sanitize_code(&quoted.text));
        let link = scene
            .host
            .repository_url()
            .map(|url| github_permalink(url, revision, &quoted.path, quoted.line, quoted.end_line));
        match link.filter(|link| scene.host.allows(link)) {
            Some(link) => format!("- [{name}]({link}) {code}"),
            None => format!("- {name} {code}"),
        }
    };
    if !proven.quotes.is_empty() {
        let places: Vec<String> = proven.quotes.iter().take(MOST_PLACES).map(place).collect();
        text += &format!("\n\n{}", places.join("\n"));
    }
    let unproven = proven.dropped + proven.marked;
    if unproven > 0 {
        text += &format!(
            "\n\n_{} to code did not hold: quoted lines that are not there were left out._",
            wording::plural(unproven, "reference")
        );
    }
    text
}
