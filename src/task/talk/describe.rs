//! `describe`: the change request's description, completed below the author's own
//! words, and its title where it says nothing yet.

use std::fmt::Write as _;

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};

use super::ask;
use super::evidence;
use super::model::{self, Put};
use super::prompt::{self, Task};
use super::result::Reply;
use super::scene::Scene;
use crate::diff::Change;
use crate::failure::Failure;
use crate::forge::{ForgeError, Operation};
use crate::inputs;
use crate::model::Tool;
use crate::policy::ProposePermit;
use crate::publish::answer::Ended;
use crate::publish::{description, walkthrough, wording};
use crate::task::models;
use crate::task::review::background;
use crate::task::review::collect::Collected;
use crate::task::review::contents::Contents;
use crate::task::review::prompt::Nonce;

/// The name of the answer tool.
pub const DESCRIBE_CHANGE: &str = "describe_change";

/// Most files in the table.
const MOST_FILES: usize = 30;
/// Longest title, in characters.
const LONGEST_TITLE: usize = 120;

/// What a description says, its paths proven.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// One line; empty if there is none to offer.
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// Files of the change, and what happens in each.
    pub walkthrough: Vec<(String, String)>,
    /// Markdown.
    pub risk: String,
    /// Markdown.
    pub test_notes: String,
    /// How many files were named that are not part of the change.
    pub dropped: usize,
}

/// Write the description.
///
/// # Errors
/// The change could not be read or the host could not be reached.
pub async fn reply(scene: &Scene<'_>, permit: &ProposePermit) -> Result<Reply, Failure> {
    let mut collected = scene.collect().await.map_err(Failure::Platform)?;
    let models =
        models::of(scene.inputs, scene.client, inputs::Task::Auto).map_err(Failure::Inputs)?;
    let mut reply = Reply::said("");
    let described = if models.heavy.is_none() {
        // With a model they come with the rest.
        match scene.forge.commits(scene.request.number).await {
            Ok(commits) => collected.commits = background::messages(&commits),
            Err(error) => tracing::debug!(%error, "the commits could not be read"),
        }
        offline(&collected)
    } else {
        let got = ask_for(scene, &collected, &models).await?;
        reply.model = got.model;
        reply.usage = got.usage;
        match got.answer {
            Ok(described) => prove(described, &collected.change),
            Err(why) => {
                reply.failure = Some(scene.scrubber.sanitize_line(&why));
                reply.ended = Ended::Failed;
                reply.text = ask::could_not(scene, "Nothing was changed.");
                return Ok(reply);
            }
        }
    };
    let block = block(scene, &described, &reply.model);
    write(scene, permit, &described, &block, &mut reply).await?;
    Ok(reply)
}

async fn ask_for(
    scene: &Scene<'_>,
    collected: &Collected,
    models: &models::Models,
) -> Result<model::Got<Described>, Failure> {
    let contents = Contents::new(None, scene.local, collected.head_commit.as_deref());
    let nonce = Nonce::new();
    let scrubber = scene.scrubber.clone();
    let clean = move |text: &str| scrubber.scrub(text).into_owned();
    let instructions = scene.inputs.tables.instructions.as_deref();
    let system = prompt::system(&nonce, Task::Describe, collected, instructions, &clean);
    let (change, note) = evidence::change(scene, collected, &contents);
    let mut text = nonce.fence("change", &change);
    text.extend(note);
    let words = scene.talk.asked.words.trim();
    if !words.is_empty() && words != "title" {
        text.push_str("\nThe asker wants of the description:\n");
        text.push_str(&nonce.fence("question", &clean(words)));
    }
    text.push_str("\nDescribe it with `describe_change`.");
    model::put(Put {
        models,
        inputs: scene.inputs,
        deadline: scene.deadline,
        system,
        text,
        tool: tool(),
        tools: None,
        nonce: &nonce,
        validate: &parse,
    })
    .await
    .context("there is no model")
    .map_err(Failure::Model)
}

/// Put the block into the description, and the title in its place where it may be
/// replaced; where the host does not take them, the answer holds them instead.
async fn write(
    scene: &Scene<'_>,
    _permit: &ProposePermit,
    described: &Described,
    block: &str,
    reply: &mut Reply,
) -> Result<(), Failure> {
    let number = scene.request.number;
    if super::still_asks(scene.forge, scene.talk, scene.phrase).await?.is_err() {
        // Nothing is said of it either.
        reply.text = "Nothing was changed.".to_owned();
        return Ok(());
    }
    // Once more, and right before: what the author writes meanwhile must not be lost.
    let now = scene
        .forge
        .change_request(number)
        .await
        .with_context(|| format!("cannot read #{number}"))
        .map_err(Failure::Platform)?;
    let asked_for_title = scene.talk.asked.words.split_whitespace().next() == Some("title");
    let title =
        crate::redact::shorten(&scene.scrubber.sanitize_line(&described.title), LONGEST_TITLE)
            .into_owned();
    let may_replace = asked_for_title || description::is_bare_title(&now.title, &now.head_ref);
    let title = Some(title).filter(|title| may_replace && !title.is_empty() && *title != now.title);
    let Some(body) = description::with_block(&now.body, block) else {
        reply.text = format!("The description has no room for this:\n\n{block}");
        return Ok(());
    };
    let body = Some(body).filter(|body| *body != now.body);
    let operation = Operation::UpdateDescription { title: title.clone(), body };
    match scene.forge.apply(Some(number), &operation).await {
        Ok(_) => {
            let mut said = "The description is completed, below the author's own words.".to_owned();
            if let Some(title) = &title {
                let _ = write!(
                    said,
                    " The title was {} and is now {}.",
                    or_empty(scene.code(&now.title)),
                    scene.code(title)
                );
            }
            reply.done.push("the description".to_owned());
            reply.text = said;
            Ok(())
        }
        Err(ForgeError::Denied(why) | ForgeError::Rejected(why)) => {
            tracing::warn!("the description could not be edited: {why:#}");
            reply.text = format!(
                "I may not edit the description here, so this is what it would say:\n\n{block}"
            );
            Ok(())
        }
        Err(error) => Err(Failure::Platform(anyhow!("cannot edit the description: {error}"))),
    }
}

fn or_empty(code: String) -> String {
    if code.is_empty() { "empty".to_owned() } else { code }
}

/// The block, fit to be posted.
fn block(scene: &Scene<'_>, described: &Described, model: &str) -> String {
    let mut text = scene.markdown(&described.summary);
    if !described.walkthrough.is_empty() {
        text.push_str("\n\n| File | What |\n|---|---|\n");
        for (path, what) in described.walkthrough.iter().take(MOST_FILES) {
            let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(
                text,
                "| {} | {} |",
                scene.code(path),
                scene.markdown(&what).replace('|', "∣")
            );
        }
        if described.walkthrough.len() > MOST_FILES {
            let more = described.walkthrough.len() - MOST_FILES;
            let _ = writeln!(text, "| and {} | |", wording::plural(more, "more file"));
        }
    }
    for (name, said) in [("Risk", &described.risk), ("Tests", &described.test_notes)] {
        if !said.trim().is_empty() {
            let _ = write!(text, "\n\n**{name}.** {}", scene.markdown(said));
        }
    }
    let _ = write!(text, "\n\n<sub>Written on request by pipewright ({model}).</sub>");
    text.replace("\n\n\n", "\n\n")
}

/// What plain code knows of the change.
fn offline(collected: &Collected) -> Described {
    let mut summary = walkthrough::sentence(&collected.change);
    if !collected.commits.is_empty() {
        summary.push_str("\n\n");
        for commit in collected.commits.iter().take(MOST_FILES) {
            let _ = writeln!(summary, "- {}", commit.lines().next().unwrap_or_default());
        }
    }
    let files = collected.change.files.iter().map(|file| {
        let (added, removed) = walkthrough::lines_of(file);
        (file.path().display(), walkthrough::plus_minus(added, removed))
    });
    Described {
        title: match &collected.commits[..] {
            [only] => only.lines().next().unwrap_or_default().to_owned(),
            _ => String::new(),
        },
        summary,
        walkthrough: files.collect(),
        ..Described::default()
    }
}

/// Keep what is part of the change, each file once.
fn prove(described: Described, change: &Change) -> Described {
    let mut proven = Described { walkthrough: Vec::new(), ..described.clone() };
    for (path, what) in described.walkthrough {
        let path = path.trim().trim_start_matches("./").to_owned();
        if change.file(&path).is_none() {
            proven.dropped += 1;
        } else if !proven.walkthrough.iter().any(|(known, _)| *known == path) {
            proven.walkthrough.push((path, what));
        }
    }
    if proven.dropped > 0 {
        tracing::warn!(
            dropped = proven.dropped,
            "files that are not part of the change were left out"
        );
    }
    proven
}

/// The answer tool.
pub fn tool() -> Tool {
    let text = |description: &str| json!({"type": "string", "description": description});
    Tool {
        name: DESCRIBE_CHANGE.to_owned(),
        description: "Describe the change. Call it exactly once.".to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "title": text("What the change does, in the imperative, at most ten words."),
                "summary": text("Two to six sentences of Markdown without headings."),
                "walkthrough": {
                    "type": "array",
                    "description": "The files that matter, the most important first.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "path": text("The file, exactly as the change names it."),
                            "what": text("One sentence."),
                        },
                        "required": ["path", "what"],
                        "additionalProperties": false,
                    },
                },
                "risk": text("What breaks if this is wrong, and who should look."),
                "test_notes": text("Which tests cover it, and what to try by hand."),
            },
            "required": ["title", "summary", "walkthrough", "risk", "test_notes"],
            "additionalProperties": false,
        }),
    }
}

/// Read an answer; not yet proven.
///
/// # Errors
/// There is no summary: in words that tell a model what to mend.
pub fn parse(value: &Value) -> Result<Described, String> {
    let text = |key: &str| {
        let text = value.get(key).and_then(Value::as_str).unwrap_or_default().trim();
        prompt::bounded(text, 8_000)
    };
    let summary = text("summary");
    if summary.is_empty() {
        return Err("`summary` is missing or empty".to_owned());
    }
    let walkthrough = value.get("walkthrough").and_then(Value::as_array);
    let walkthrough = walkthrough.into_iter().flatten().filter_map(|entry| {
        let of = |key: &str| Some(entry.get(key)?.as_str()?.to_owned());
        Some((of("path")?, of("what")?))
    });
    Ok(Described {
        title: text("title").lines().next().unwrap_or_default().to_owned(),
        summary,
        walkthrough: walkthrough.take(200).collect(),
        risk: text("risk"),
        test_notes: text("test_notes"),
        dropped: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse::parse as parse_diff;

    #[test]
    fn only_files_of_the_change_are_described_and_each_once() {
        let diff = "diff --git a/a.rs b/a.rs\n--- a/a.rs\n+++ b/a.rs\n@@ -1 +1 @@\n-x\n+y\n";
        let change = parse_diff(diff.into()).unwrap();
        let value = json!({
            "title": "Mend it\nand more", "summary": "s", "risk": 3,
            "walkthrough": [
                {"path": "./a.rs", "what": "one"}, {"path": "a.rs", "what": "two"},
                {"path": "b.rs", "what": "none"}, {"path": "x"}, 5,
            ],
        });
        let described = prove(parse(&value).unwrap(), &change);
        assert_eq!(described.walkthrough, [("a.rs".to_owned(), "one".to_owned())]);
        assert_eq!((described.dropped, described.title.as_str()), (1, "Mend it"));
        for bad in [json!(null), json!([]), json!({"summary": " "}), json!("text")] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }
}
