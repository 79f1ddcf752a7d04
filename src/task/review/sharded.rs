//! The runs of a review in several jobs: the plan, and one shard. The last, which
//! merges, is a review like any other but for who answers.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde_json::json;

use super::examine::{self, Prepared, Subject};
use super::shard::{self, SCHEMA, ShardFile};
use crate::failure::Failure;
use crate::inputs::{Command, Format, Inputs, Shard, Task};
use crate::publish::files;
use crate::report::Usage;
use crate::task::models::Models;

/// The value of `schema` in a plan.
const PLAN_SCHEMA: &str = "pipewright.review-plan/1";
/// How shards' files are named where nobody says otherwise.
const USUAL: &str = "pipewright-shard-";
/// Folders below the working directory in which shards' files are looked for.
const DEEPEST: usize = 3;

/// What of a review this run does.
pub enum Work {
    /// All of it.
    Whole,
    /// Says how it is best divided.
    Plan,
    /// Asks about some parts.
    Shard(Shard),
    /// Puts together what the shards learned.
    Merge(Vec<PathBuf>),
}

/// What this run is to do.
pub fn work(inputs: &Inputs) -> Work {
    match (&inputs.command, inputs.task, inputs.shard) {
        (Command::Merge { files }, ..) => Work::Merge(files.clone()),
        (Command::Plan, ..) | (Command::Auto, Task::Plan, _) => Work::Plan,
        (Command::Auto, Task::Merge, _) => Work::Merge(Vec::new()),
        (.., Some(shard)) => Work::Shard(shard),
        _ => Work::Whole,
    }
}

/// Say into how many jobs the review is best divided.
pub fn plan(subject: &Subject<'_>, prepared: &Prepared, model: &str) -> Result<u8, Failure> {
    let inputs = subject.inputs;
    let parts = prepared.packs.len();
    let shards = inputs.shards.unwrap_or_else(|| shard::shards_for(parts)).min(parts.max(1));
    let names: Vec<String> =
        (1..=shards).map(|number| Shard { number, of: shards }.to_string()).collect();
    let matrix = json!({ "shard": names });
    let lines: usize =
        prepared.packs.iter().map(|pack| pack.changed_lines(&subject.collected.change)).sum();
    if let Some(file) = &inputs.host.output {
        let text = format!("shards={shards}\nmatrix={matrix}\n");
        files::append(file, &text).context("cannot write the outputs").map_err(Failure::Inputs)?;
    }
    let text = if inputs.format == Format::Text {
        format!(
            "{lines} changed lines in {parts} parts to be read by {model}: {shards} {}\n",
            if shards == 1 { "job" } else { "jobs" }
        )
    } else {
        let plan = json!({
            "schema": PLAN_SCHEMA,
            "base": subject.collected.base,
            "head": subject.collected.head,
            "model": model,
            "parts": parts,
            "lines": lines,
            "shards": shards,
            "matrix": matrix,
        });
        format!("{plan:#}\n")
    };
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(0)
}

/// Ask about the parts of one shard, and leave what was learned in its file.
pub async fn shard(
    subject: &Subject<'_>,
    models: &Models,
    prepared: &Prepared,
    model: &str,
    shard: Shard,
) -> Result<u8, Failure> {
    let inputs = subject.inputs;
    let numbers = shard.parts(prepared.packs.len());
    let said = examine::put(subject, models, prepared, &numbers).await;
    let mut usage = Usage::default();
    said.parts.iter().for_each(|part| usage += part.usage);
    let file = ShardFile {
        schema: SCHEMA.to_owned(),
        shard,
        head: subject.collected.head.clone(),
        division: shard::division(subject.collected, &prepared.packs),
        model: model.to_owned(),
        prices_known: said.prices_known,
        parts: said.parts,
    };
    let usual = || format!("{USUAL}{}-of-{}.json", shard.number, shard.of).into();
    let path = inputs.shard_file.clone().unwrap_or_else(usual);
    let failed = file.parts.iter().filter(|part| !part.is_read()).count();
    let mut bytes = serde_json::to_vec(&file)
        .context("cannot write what the shard learned")
        .map_err(Failure::Inputs)?;
    bytes.push(b'\n');
    files::write_atomic(&path, &bytes).map_err(Failure::Inputs)?;
    let summary = json!({
        "schema": "pipewright.review-shard-summary/1",
        "shard": shard.to_string(),
        "file": path,
        "parts": file.parts.len(),
        "unread": failed,
        "usage": usage,
    });
    let text = match inputs.format {
        Format::Text => format!(
            "shard {shard}: {} parts asked about, {failed} of them not read; written to {}\n",
            file.parts.len(),
            path.display()
        ),
        _ => format!("{summary:#}\n"),
    };
    let _ = anstream::stdout().write_all(text.as_bytes());
    // What could not be read is in the file and is told by the run that merges.
    Ok(0)
}

/// The files to merge: those named, or those that lie around under their usual names.
///
/// # Errors
/// There are none.
pub fn files(named: &[PathBuf], folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let mut found = Vec::new();
    look_for(folder, DEEPEST, &mut found);
    found.sort();
    if found.is_empty() {
        return Err(Failure::Inputs(anyhow!(
            "there is no `{USUAL}*.json` below {}: name the files that the shards left",
            folder.display()
        )));
    }
    Ok(found)
}

fn look_for(folder: &Path, deep: usize, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && deep > 0 => look_for(&path, deep - 1, found),
            Ok(kind) if kind.is_file() && name.starts_with(USUAL) && name.ends_with(".json") => {
                found.push(path);
            }
            _ => {}
        }
    }
}
