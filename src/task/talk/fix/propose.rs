//! The model is asked for edits: where a finding carries none that holds.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Wanted;
use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::forge::local::Local;
use crate::inputs;
use crate::model::Tool;
use crate::task::edit;
use crate::task::models;
use crate::task::review::Base;
use crate::task::review::collect::Collected;
use crate::task::review::contents::Contents;
use crate::task::review::prompt::Nonce;
use crate::task::review::tools::{HostFiles, Tools};
use crate::task::talk::evidence;
use crate::task::talk::model::{self, Got, Put};
use crate::task::talk::prompt::{self, Task};
use crate::task::talk::scene::Scene;

/// The name of the answer tool.
pub const PROPOSE_FIX: &str = "propose_fix";

/// What the model proposes; not proven.
#[derive(Debug, Clone, Default)]
pub struct Proposed {
    /// The edits.
    pub wanted: Wanted,
    /// Why so, or why none.
    pub why: String,
}

/// Ask for edits that mend what the thread is about; `None` offline.
///
/// # Errors
/// The model is not set up.
pub async fn ask(
    scene: &Scene<'_>,
    collected: &Collected,
) -> Result<Option<Got<Proposed>>, Failure> {
    let models =
        models::of(scene.inputs, scene.client, inputs::Task::Auto).map_err(Failure::Inputs)?;
    if models.heavy.is_none() {
        return Ok(None);
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
    let instructions = scene.inputs.tables.instructions.as_deref();
    let system = prompt::system(&nonce, Task::Fix, collected, instructions, &clean);
    let text = put_together(scene, collected, &contents, &nonce).await;
    let known = evidence::finding(scene, collected);
    let path = scene.line.as_ref().map(|line| line.comment.path.clone());
    let title = known.as_ref().and_then(|(_, _, known)| Some(known.as_ref()?.title.clone()));
    let on = known.and(path.clone());
    let title = title.unwrap_or_else(|| format!("a remark on {}", path.unwrap_or_default()));
    let validate = |value: &Value| {
        let edits = edit::parse_edits(value);
        let why = value.get("why").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        if edits.is_empty() && why.is_empty() {
            return Err("`edits` is empty and `why` does not say why".to_owned());
        }
        let wanted = Wanted { title: title.clone(), on: on.clone(), edits };
        Ok(Proposed { wanted, why: prompt::bounded(&why, 2_000) })
    };
    model::put(Put {
        models: &models,
        inputs: scene.inputs,
        deadline: scene.deadline,
        system,
        text,
        tool: tool(),
        tools: tools.as_ref(),
        nonce: &nonce,
        validate: &validate,
    })
    .await
    .context("there is no model")
    .map_err(Failure::Model)
    .map(Some)
}

async fn put_together(
    scene: &Scene<'_>,
    collected: &Collected,
    contents: &Contents<'_>,
    nonce: &Nonce,
) -> String {
    let clean = |text: &str| scene.scrubber.scrub(text).into_owned();
    let (change, note) = evidence::change(scene, collected, contents);
    let mut text = nonce.fence("change", &change);
    text.extend(note);
    if let Some(line) = &scene.line {
        let head = evidence::head(scene, collected, contents, &line.comment.path).await;
        text.push_str("\nWhere it is to be mended:\n");
        text.push_str(&nonce.fence("place", &evidence::line(scene, line, head.as_deref())));
    }
    if let Some((_, comment, known)) = evidence::finding(scene, collected) {
        let mut said = evidence::visible(&comment.body);
        if let Some(known) = known {
            said += &format!("\n\n{}\n{}", known.title, known.body);
        }
        text.push_str("\nThe remark of ours that is to be mended; it may be wrong:\n");
        text.push_str(&nonce.fence("our remark", &clean(&said)));
    }
    let discussion = evidence::discussion(scene);
    if !discussion.is_empty() {
        text.push_str("\nWhat was said of it, oldest first:\n");
        text.push_str(&nonce.fence("discussion", &discussion));
    }
    let words = scene.talk.asked.words.trim();
    if !words.is_empty() {
        text.push_str("\nThe asker wants of it:\n");
        text.push_str(&nonce.fence("question", &clean(words)));
    }
    text.push_str("\nMend it with `propose_fix`.");
    text
}

/// The answer tool.
pub fn tool() -> Tool {
    let text = |description: &str| json!({"type": "string", "description": description});
    Tool {
        name: PROPOSE_FIX.to_owned(),
        description: "Propose the edits. Call it exactly once.".to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "edits": {
                    "type": "array",
                    "description": "The edits that mend it, all of which are needed; none if it needs none.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "path": text("A file of the change, exactly as the change names it."),
                            "line": {"type": "integer", "description": "The first line's number in the file as the change leaves it."},
                            "end_line": {"type": "integer", "description": "The last line's number."},
                            "quote": text("The whole lines to replace, copied character by character, without numbers and signs."),
                            "replacement": text("What takes their place, indented as it has to be; empty deletes them."),
                        },
                        "required": ["path", "line", "end_line", "quote", "replacement"],
                        "additionalProperties": false,
                    },
                },
                "why": text("In one or two sentences why this mends it, or why nothing is to be mended."),
            },
            "required": ["edits", "why"],
            "additionalProperties": false,
        }),
    }
}
