//! Gathers what a spec names: metrics from their sources, logs from files and servers.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};

use super::{Question, execution_logs, sources};
use crate::decide::spec::Spec;
use crate::deploy::{self, metrics};
use crate::failure::Failure;
use crate::log::{Allow, Classes, Comparison, Lengths, Settings};

/// What was fetched beside the series, which are in the spec.
#[derive(Default)]
pub struct Findings {
    /// The logs, where some came from files or servers.
    pub classes: Option<Classes>,
    /// What was noticed, a sentence each.
    pub remarks: Vec<String>,
}

/// Fill in the series of all signals with a source, and class the logs.
///
/// # Errors
/// A file cannot be read (the inputs are wrong), or a server could not be reached.
pub async fn gather(question: &Question<'_>, spec: &mut Spec) -> Result<Findings, Failure> {
    let mut remarks = Vec::new();
    if spec.signals.iter().any(|signal| signal.source.is_some()) {
        let settings = sources::of_metrics(question).map_err(Failure::Inputs)?;
        let filled = metrics::fill(spec, question.client, &settings).await;
        remarks.extend(filled.map_err(failure)?);
    }
    let classes = logs(question, spec, &mut remarks).await?;
    Ok(Findings { classes, remarks })
}

/// What a server refused or could not be asked is the platform's; anything else about a
/// source (a kind that is not there, a file that is missing, several series where one is
/// wanted) is the spec's.
fn failure(error: anyhow::Error) -> Failure {
    match error.chain().any(|cause| cause.is::<crate::http::Error>()) {
        true => Failure::Platform(error),
        false => Failure::Inputs(error),
    }
}

/// The logs' classes; `None` where all lines stand in the spec, which the decision reads
/// by itself.
async fn logs(
    question: &Question<'_>,
    spec: &Spec,
    remarks: &mut Vec<String>,
) -> Result<Option<Classes>, Failure> {
    let logs = &spec.logs;
    if logs.canary_file.is_none() && logs.baseline_file.is_none() && logs.source.is_none() {
        return Ok(None);
    }
    let allow = Allow::new(&logs.allow).map_err(|(at, why)| {
        Failure::Inputs(anyhow!("cannot use the spec: logs.allow[{at}]: {why}"))
    })?;
    let mut comparison = Comparison::new(Settings::default(), allow);
    for line in &logs.canary {
        comparison.canary(line, None);
    }
    for line in &logs.baseline {
        comparison.baseline(line, None);
    }
    if let Some(source) = logs.source.as_ref().filter(|source| source.kind == "harness") {
        let read = execution_logs::read(question, source, &mut comparison).await;
        remarks.extend(read.map_err(failure)?);
    } else if logs.source.is_some() {
        let settings = sources::of_logs(question).map_err(Failure::Inputs)?;
        let fetched =
            deploy::logs::fetch(spec, question.client, &settings).await.map_err(failure)?;
        for line in &fetched.canary {
            comparison.canary(&line.text, line.at);
        }
        for line in &fetched.baseline {
            comparison.baseline(&line.text, line.at);
        }
        remarks.extend(fetched.remarks);
    }
    if let Some(name) = &logs.canary_file {
        let file = open(question, name).map_err(Failure::Inputs)?;
        comparison.read_canary(file).with_context(|| cannot(name)).map_err(Failure::Inputs)?;
    }
    if let Some(name) = &logs.baseline_file {
        let file = open(question, name).map_err(Failure::Inputs)?;
        comparison.read_baseline(file).with_context(|| cannot(name)).map_err(Failure::Inputs)?;
    }
    Ok(Some(comparison.finish(lengths(spec))))
}

fn cannot(name: &str) -> String {
    format!("cannot read the log file {name}")
}

/// How long both sides were listened to, as far as the spec says.
fn lengths(spec: &Spec) -> Lengths {
    let length = |window: Option<i64>| {
        window.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)
    };
    Lengths { canary: length(spec.windows.canary), baseline: length(spec.windows.baseline) }
}

/// A file that a spec names, relative to the spec's own folder.
///
/// # Errors
/// It is not there; or, in a job of a change, it lies outside the checkout and the job's
/// own folder: a change could else have foreign files shown.
pub fn open(question: &Question<'_>, name: &str) -> anyhow::Result<File> {
    let path = question.folder.join(name);
    if question.within().is_some_and(|folders| !is_within_any(&path, &folders)) {
        bail!("{}: it lies outside the checkout and RUNNER_TEMP", cannot(name));
    }
    File::open(&path).with_context(|| cannot(name))
}

fn is_within_any(path: &Path, folders: &[PathBuf]) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    folders
        .iter()
        .filter_map(|folder| folder.canonicalize().ok())
        .any(|folder| path.starts_with(folder))
}
