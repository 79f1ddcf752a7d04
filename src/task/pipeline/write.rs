//! `pipeline generate` and `pipeline convert`: a whole file. Offline from building
//! blocks; with a model, its file goes through the same checks, which it hears of, at
//! most three times.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::collect::{Subject, Workspace};
use super::propose::is_offline;
use super::show;
use crate::failure::Failure;
use crate::inputs::{Format, Inputs, Task};
use crate::model::{SystemBlock, Tool};
use crate::pipeline::convert::convert;
use crate::pipeline::generate::{generate, prompt};
use crate::pipeline::portable::NotCarried;
use crate::pipeline::prove::rewrite::{self, Keep};
use crate::pipeline::{File, Files, NoFiles, Outcome, Platform};
use crate::publish::files;
use crate::redact::Scrubber;
use crate::report::Usage;
use crate::task::models;
use crate::task::review;
use crate::task::review::prompt::Nonce;
use crate::task::talk::model::{self, Put, Room};

/// The value of `schema` in the JSON.
const SCHEMA: &str = "pipewright.pipeline-file/1";
/// How often a model may mend its file.
const ROUNDS: usize = 3;
/// Most output tokens of one reply: a whole file, of many stages.
const MOST_OUTPUT: u32 = 32_000;
/// Most complaints that are handed back.
const MOST_COMPLAINTS: usize = 20;

/// A file that was written.
#[derive(Debug, Default, Serialize)]
struct Made {
    schema: &'static str,
    model: String,
    platform: &'static str,
    /// The file it was converted from.
    path: Option<String>,
    content: String,
    not_carried: Vec<Lost>,
    remarks: Vec<String>,
    usage: Usage,
    /// Whether a model was asked, whatever came of it.
    #[serde(skip)]
    asked: bool,
}

#[derive(Debug, Serialize)]
struct Lost {
    what: String,
    why: String,
    line: Option<u32>,
}

/// What has no equal, as it is told.
fn told(entries: Vec<NotCarried>) -> Vec<Lost> {
    let entries = entries.into_iter();
    entries.map(|NotCarried { what, why, line }| Lost { what, why, line }).collect()
}

/// Write a file from plain language. Gives the exit code.
///
/// # Errors
/// No platform is named, or the model could not answer.
pub fn from_wish(inputs: &Inputs, wish: &str) -> Result<u8, Failure> {
    let Some(platform) = inputs.platform else {
        return Err(Failure::Inputs(anyhow!(
            "say whose file is to be written: --platform github, gitlab, azure, jenkins, bitbucket \
             or harness"
        )));
    };
    if wish.trim().is_empty() {
        return Err(Failure::Inputs(anyhow!(
            "say what the pipeline should do: pipewright pipeline generate --platform {platform} \
             \"test, then build the image and deploy it to staging\""
        )));
    }
    let workspace = Workspace::around(&inputs.host.workspace);
    let generated = generate(wish, platform, &workspace);
    let mut made = Made {
        schema: SCHEMA,
        model: "offline".to_owned(),
        platform: platform.as_str(),
        path: None,
        content: generated.text,
        not_carried: told(generated.not_carried),
        remarks: generated.remarks,
        usage: Usage::default(),
        asked: false,
    };
    let text = |nonce: &Nonce| nonce.fence("request", &prompt::request(wish, platform, &workspace));
    let failure = improve(inputs, platform, &workspace, &text, &mut made, Keep::Purpose)?;
    finish(inputs, &made, failure)
}

/// Write each file's pipeline for another platform. Gives the exit code.
///
/// # Errors
/// A file was not read, several were named, or the model could not answer.
pub fn converted(
    inputs: &Inputs,
    subjects: &[Subject],
    files: &dyn Files,
    to: Platform,
) -> Result<u8, Failure> {
    let [subject] = subjects else {
        return Err(Failure::Inputs(anyhow!(
            "one file becomes one file, and {} are meant: name one",
            subjects.len()
        )));
    };
    let Some(file) = subject.file() else {
        let state = super::check::states(std::slice::from_ref(subject));
        let why = state.into_iter().find_map(|state| state.reason).unwrap_or_default();
        return Err(Failure::Inputs(anyhow!("cannot convert {}: {why}", subject.path)));
    };
    if file.pipeline.platform == to {
        return Err(Failure::Inputs(anyhow!("{} is for {} already", subject.path, to.name())));
    }
    let result = convert(file, to, files);
    let mut made = Made {
        schema: SCHEMA,
        model: "offline".to_owned(),
        platform: to.as_str(),
        path: Some(subject.path.clone()),
        content: result.text,
        not_carried: told(result.not_carried),
        remarks: result.remarks,
        usage: Usage::default(),
        asked: false,
    };
    // What is not mechanical is all that a model is asked for.
    if made.not_carried.is_empty() {
        return finish(inputs, &made, None);
    }
    let lost: String =
        made.not_carried.iter().map(|lost| format!("- {}: {}\n", lost.what, lost.why)).collect();
    let sample = made.content.clone();
    let text = |nonce: &Nonce| {
        format!(
            "Carry this pipeline over from {} to {}. A mechanical conversion stands below; it is \
             valid, and lacks what is listed. Keep what it does, and add what is lacking as far as \
             {} can do it. Drop no job, step, condition, approval or secret.\n\n{}\n\n{}\n\n{}",
            file.pipeline.platform.name(),
            to.name(),
            to.name(),
            nonce.fence("source file", &file.text),
            nonce.fence("conversion", &sample),
            nonce.fence("what it lacks", &lost),
        )
    };
    let failure = improve(inputs, to, files, &text, &mut made, Keep::Everything)?;
    finish(inputs, &made, failure)
}

/// What the checks say of a model's file and did not of the one of building blocks, and
/// what it has lost against that; nothing where it holds. A conversion carries faults of
/// its source over, and a model is not asked to mend them.
fn complaints(
    platform: Platform,
    text: &str,
    base: Option<&File>,
    keep: Keep,
    files: &dyn Files,
) -> Vec<String> {
    let mut said = prompt::judge(platform, text, files);
    let Some(base) = base else { return said };
    let mut known = prompt::judge(platform, &base.text, files);
    said.retain(|new| match known.iter().position(|old| unplaced(old) == unplaced(new)) {
        Some(at) => {
            known.swap_remove(at);
            false
        }
        None => true,
    });
    if let Some(file) = graph(platform, text) {
        said.extend(rewrite::lost(base, &file, keep));
    }
    said
}

/// A complaint without its line, which moves.
fn unplaced(said: &str) -> &str {
    said.strip_prefix("Line ").and_then(|rest| rest.split_once(": ")).map_or(said, |(_, rest)| rest)
}

/// A file that was written, read back.
fn graph(platform: Platform, text: &str) -> Option<Box<File>> {
    match crate::pipeline::read(platform, platform.usual_path(), text, &NoFiles) {
        Outcome::Read(file) => Some(file),
        Outcome::Declined(_) | Outcome::Invalid { .. } => None,
    }
}

/// Let a model write the file, and take it if it holds.
fn improve(
    inputs: &Inputs,
    platform: Platform,
    files: &dyn Files,
    text: &dyn Fn(&Nonce) -> String,
    made: &mut Made,
    keep: Keep,
) -> Result<Option<String>, Failure> {
    if is_offline(inputs) {
        return Ok(None);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    let deadline = Instant::now() + inputs.timeout;
    let scrubber = Scrubber::new(&inputs.secrets);
    let nonce = Nonce::new();
    let base = graph(platform, &made.content);
    let question = text(&nonce);
    let mut feedback = String::new();
    let mut left = Vec::new();
    for round in 1..=ROUNDS {
        // What a model wrote may hold what it must not be sent again.
        let asked = scrubber.scrub(&format!("{question}{feedback}")).into_owned();
        let got = runtime.block_on(async {
            let client = review::client(inputs, deadline).map_err(Failure::Inputs)?;
            let models = models::of(inputs, &client, Task::Pipeline).map_err(Failure::Inputs)?;
            let put = Put {
                models: &models,
                inputs,
                deadline,
                system: vec![SystemBlock {
                    text: Arc::from(prompt::instructions(platform)),
                    cache: true,
                }],
                text: asked,
                tool: Tool {
                    name: prompt::TOOL.to_owned(),
                    description: "Hand in the whole pipeline file. Call it once.".to_owned(),
                    input_schema: prompt::answer_schema(),
                },
                tools: None,
                nonce: &nonce,
                validate: &parse,
            };
            let room = Room { output: MOST_OUTPUT, spent: made.usage };
            Ok::<_, Failure>(model::put_within(put, &room).await)
        })?;
        let Some(got) = got else { return Ok(None) };
        made.asked = true;
        made.usage += got.usage;
        let (content, remarks) = match got.answer {
            Ok(answer) => answer,
            Err(why) => return Ok(Some(scrubber.sanitize_line(&why))),
        };
        left = complaints(platform, &content, base.as_deref(), keep, files);
        if scrubber.scrub(&content) != content {
            left.push("A secret stands in the file; refer to it by name".to_owned());
        }
        if left.is_empty() {
            made.model = got.model;
            made.content = content;
            if keep == Keep::Everything {
                // What it added is for a person to compare: the list stays as it was.
                made.remarks.push(format!(
                    "{} wrote on from the mechanical conversion; compare what is listed as not \
                     carried.",
                    made.model
                ));
            } else {
                // What was said of the file of building blocks does not hold for this one.
                made.remarks.clear();
                made.not_carried.clear();
            }
            made.remarks.extend(remarks);
            return Ok(None);
        }
        tracing::info!(round, complaints = left.len(), "the model's file does not hold");
        let list: String =
            left.iter().take(MOST_COMPLAINTS).map(|said| format!("- {said}\n")).collect();
        feedback = format!(
            "\n\nYour last file, and what is wrong with it. Mend just that.\n{}\n{}",
            nonce.fence("your file", &content),
            nonce.fence("complaints", &list),
        );
    }
    made.remarks.push(format!(
        "The model's file did not pass the checks in {ROUNDS} rounds ({}); this one is made of \
         building blocks.",
        left.first().cloned().unwrap_or_default()
    ));
    Ok(None)
}

fn parse(value: &Value) -> Result<(String, Vec<String>), String> {
    let content = value.get("content").and_then(Value::as_str).unwrap_or_default();
    if content.trim().is_empty() {
        return Err("`content` is empty: it takes the whole file".to_owned());
    }
    let remarks = value.get("remarks").and_then(Value::as_array).map(Vec::as_slice);
    let remarks = remarks.unwrap_or_default().iter().filter_map(Value::as_str);
    let mut content = content.to_owned();
    if !content.ends_with('\n') {
        content.push('\n');
    }
    Ok((content, remarks.map(str::to_owned).collect()))
}

/// The file on standard output, what to know on standard error.
fn finish(inputs: &Inputs, made: &Made, failure: Option<String>) -> Result<u8, Failure> {
    tell(inputs, made).map_err(Failure::Inputs)?;
    match failure {
        Some(why) => Err(Failure::Model(anyhow!("{why}; the file is made of building blocks"))),
        None => Ok(0),
    }
}

fn tell(inputs: &Inputs, made: &Made) -> Result<()> {
    let scrubber = Scrubber::new(&inputs.secrets);
    let data = show::json(made, &scrubber)?;
    if let Some(file) = &inputs.findings_file {
        files::write_atomic(file, data.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let text = match inputs.format {
        Format::Json => data,
        Format::Text => {
            let mut stderr = anstream::stderr();
            let line = |text: &str| scrubber.sanitize_line(text);
            for lost in &made.not_carried {
                let place = lost.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                let _ = writeln!(
                    stderr,
                    "not carried: {place}{}: {}",
                    line(&lost.what),
                    line(&lost.why)
                );
            }
            for remark in &made.remarks {
                let _ = writeln!(stderr, "note: {}", line(remark));
            }
            if !made.asked {
                let _ = writeln!(stderr, "note: made of building blocks, no model was asked");
            }
            made.content.clone()
        }
        other => {
            return Err(anyhow!("a pipeline file has no format `{other}`: use `text` or `json`"));
        }
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(())
}
