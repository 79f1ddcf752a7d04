//! What a command says, and how the run tells of it.

use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use serde_json::json;

use super::deliver::Posted;
use super::record;
use super::scene::Scene;
use crate::failure::Failure;
use crate::forge::Conclusion;
use crate::inputs::Format;
use crate::publish::answer::Ended;
use crate::publish::files;
use crate::publish::outputs::{self, Outputs};
use crate::publish::wording;
use crate::redact::break_commands;
use crate::report::Usage;

/// The value of `schema` in the JSON.
pub const SCHEMA: &str = "pipewright.answer/1";

/// What a command has to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Markdown, fit to be posted.
    pub text: String,
    /// `offline`, or provider and name.
    pub model: String,
    /// What the model used.
    pub usage: Usage,
    /// How it ended.
    pub ended: Ended,
    /// Why the model could not answer, if it could not.
    pub failure: Option<String>,
    /// What was written beside the answer, in words.
    pub done: Vec<String>,
}

impl Reply {
    /// Something that needed no model.
    pub fn said(text: impl Into<String>) -> Self {
        Reply {
            text: text.into(),
            model: "offline".to_owned(),
            usage: Usage::default(),
            ended: Ended::Done,
            failure: None,
            done: Vec::new(),
        }
    }

    /// The line below the answer.
    pub fn foot(&self) -> String {
        if self.model == "offline" {
            return String::new();
        }
        format!(
            "{} · {} · {}",
            self.model,
            wording::plural(self.usage.requests as usize, "request"),
            wording::dollars(self.usage.cost_usd),
        )
    }
}

/// Say it on standard output, in the step summary, in the outputs and in the
/// record, and settle the exit code.
///
/// # Errors
/// The model could not answer, or a file could not be written.
pub fn tell(scene: &Scene<'_>, reply: &Reply, posted: &Posted) -> Result<u8, Failure> {
    let inputs = scene.inputs;
    let name = scene.talk.asked.command.name();
    if let Posted::Withheld(why) = posted {
        let why = scene.scrubber.sanitize_line(why);
        let _ = writeln!(anstream::stderr(), "pipewright: nothing was posted: {why}");
    }
    let conclusion = match reply.ended {
        Ended::Done => Conclusion::Success,
        Ended::Failed | Ended::Refused => Conclusion::Neutral,
    };
    let text = match inputs.format {
        Format::Json => {
            let json = json!({
                "schema": SCHEMA,
                "command": name,
                "change": scene.request.number,
                "comment": scene.question.id,
                "answer": reply.text,
                "posted": matches!(posted, Posted::Done(_)),
                "model": reply.model,
                "usage": reply.usage,
            });
            scene.scrubber.scrub(&json.to_string()).into_owned()
        }
        _ => break_commands(&reply.text).into_owned(),
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
    if let Some(file) = &inputs.host.step_summary {
        let asker = scene.code(&scene.talk.comment.author);
        let title = format!("### `{name}` for {asker} on #{}\n\n", scene.request.number);
        files::append(file, &format!("{title}{}\n", reply.text))
            .context("cannot write the step summary")
            .map_err(Failure::Inputs)?;
    }
    if let Some(file) = &inputs.host.output {
        let outputs = Outputs {
            conclusion,
            findings_count: 0,
            findings_file: None,
            sarif_file: None,
            summary_file: None,
            cost_usd: reply.usage.cost_usd,
        };
        files::append(file, &outputs::render(&outputs))
            .context("cannot write the outputs")
            .map_err(Failure::Inputs)?;
    }
    record::write(scene, reply, posted);
    match &reply.failure {
        Some(why) => Err(Failure::Model(anyhow!("the model could not answer: {why}"))),
        None => Ok(0),
    }
}
