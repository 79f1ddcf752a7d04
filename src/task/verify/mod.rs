//! `verify`: judge a deployment by a spec, and say: proceed, investigate or roll back.

pub mod execution_logs;
pub mod explain;
pub mod judge;
pub mod policy;
pub mod record;
pub mod sources;
pub mod tell;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tokio::time::Instant;

use self::judge::Findings;
use crate::context::{self, Context, Event};
use crate::decide::spec::Spec;
use crate::decide::{self, Decision};
use crate::failure::Failure;
use crate::http::Client;
use crate::inputs::{Format, Gathered, Inputs};
use crate::redact::Scrubber;
use crate::task::progress::Progress;
use crate::task::review;

/// Name and version of the JSON.
pub const SCHEMA: &str = "pipewright.verify/1";
/// Largest spec that is read, in bytes: 10,000 signals with a day of minutes each.
const LARGEST: u64 = 4 << 30;

/// Judge the deployment of a spec. Gives the exit code: 0 proceed, 10 roll back,
/// 20 investigate; always 0 in shadow.
///
/// # Errors
/// The spec is wrong, or what it names cannot be reached. Neither means: roll back.
pub fn run(gathered: &Gathered, first: &Inputs, named: Option<&Path>) -> Result<u8, Failure> {
    let context = context::read(&first.host).map_err(Failure::Inputs)?;
    let config = crate::task::config::config_at_base(first);
    let inputs =
        gathered.resolve(config.as_ref()).map_err(|errors| Failure::Inputs(anyhow!("{errors}")))?;
    if let Format::Sarif | Format::Diff = inputs.format {
        return Err(Failure::Inputs(anyhow!(
            "a decision has no form `{}`: `format` is text, json, markdown or github here",
            inputs.format.as_str()
        )));
    }
    let path = named.map(Path::to_owned).or_else(|| inputs.deployment.spec.clone());
    let path = path.ok_or_else(|| {
        Failure::Inputs(anyhow!("no spec is named: write `pipewright verify SPEC`, or give `spec`"))
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    runtime.block_on(judged(&inputs, &context, &path))
}

/// A deployment with what was decided on it.
pub struct Judged {
    /// What it was judged by, series filled in.
    pub spec: Spec,
    /// What was decided.
    pub decision: Decision,
    /// What was noticed on the way, a sentence each.
    pub notes: Vec<String>,
    /// Who explained it: provider and name; `offline`.
    pub model: String,
    /// What that cost.
    pub usage: crate::report::Usage,
}

async fn judged(inputs: &Inputs, context: &Context, path: &Path) -> Result<u8, Failure> {
    let start = Instant::now();
    let mut progress = Progress::new(inputs.host.stderr_terminal);
    let client = review::client(inputs, start + inputs.timeout).map_err(Failure::Inputs)?;
    progress.stage("reading the spec");
    let (spec, notes) = load(inputs, context, path).map_err(Failure::Inputs)?;
    let scrubber = Scrubber::new(&inputs.secrets);
    let folder = folder_of(path);
    let judged = decided(
        &Question {
            inputs,
            client: &client,
            folder: &folder,
            scrubber: &scrubber,
            progress: &progress,
            deadline: start + inputs.timeout,
            is_change: base(context).is_some(),
        },
        spec,
        notes,
    )
    .await?;
    progress.finish();
    tell::tell(inputs, context, &judged, &scrubber)
}

/// What a decision needs beside its spec.
pub struct Question<'a> {
    /// What the program was told.
    pub inputs: &'a Inputs,
    /// Asks sources of metrics and logs.
    pub client: &'a Client,
    /// What relative paths of the spec stand in.
    pub folder: &'a Path,
    /// Knows this run's secrets.
    pub scrubber: &'a Scrubber,
    /// What a person sees meanwhile.
    pub progress: &'a Progress,
    /// When everything has to be over.
    pub deadline: Instant,
    /// Whether the job is a change's, whose spec names no files of the machine.
    pub is_change: bool,
}

impl Question<'_> {
    /// The folders that the spec's files have to lie in; `None`: anywhere. A change could
    /// else have foreign files shown.
    fn within(&self) -> Option<Vec<PathBuf>> {
        let host = &self.inputs.host;
        let temp = host.runner_temp.iter().cloned();
        self.is_change.then(|| std::iter::once(host.workspace.clone()).chain(temp).collect())
    }
}

/// Fetch what the spec names, decide, and have the decision explained.
///
/// # Errors
/// A source cannot be reached, or a file cannot be read.
pub async fn decided(
    question: &Question<'_>,
    mut spec: Spec,
    mut notes: Vec<String>,
) -> Result<Judged, Failure> {
    question.progress.stage("fetching metrics and logs");
    let Findings { classes, remarks } = judge::gather(question, &mut spec).await?;
    notes.extend(remarks);
    question.progress.stage("deciding");
    let decision = decide::decide(&spec, classes.as_ref());
    question.progress.stage("asking the model to explain");
    let explained = explain::explain(question, &spec, decision).await?;
    notes.extend(explained.note);
    Ok(Judged {
        spec,
        decision: explained.decision,
        notes,
        model: explained.model,
        usage: explained.usage,
    })
}

/// The spec of a file, with the policy that holds for it, and what was odd in it.
///
/// # Errors
/// It cannot be read, or is none.
pub fn load(
    inputs: &Inputs,
    context: &Context,
    path: &Path,
) -> anyhow::Result<(Spec, Vec<String>)> {
    let shown = path.display();
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(LARGEST)
            .read_to_string(&mut text)
            .context("cannot read the spec from standard input")?;
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST).read_to_string(&mut text))
            .with_context(|| format!("cannot read the spec {shown}"))?;
    }
    let mut spec = read(&text).map_err(|why| anyhow!("cannot use the spec {shown}: {why}"))?;
    let mut notes = std::mem::take(&mut spec.remarks);
    notes.extend(policy::from_base(inputs, path, base(context), &mut spec));
    Ok((spec, notes))
}

/// The spec of a text; else all that is wrong with it.
///
/// # Errors
/// In one sentence.
pub fn read(text: &str) -> Result<Spec, String> {
    decide::read(text).map_err(|problems| {
        let each = |problem: &decide::read::Problem| match problem.path.as_str() {
            "" => problem.why.clone(),
            path => format!("{path}: {}", problem.why),
        };
        problems.iter().map(each).collect::<Vec<_>>().join("; ")
    })
}

/// What the event's change starts from.
fn base(context: &Context) -> Option<&str> {
    match &context.event {
        Event::PullRequest(pull) | Event::PullRequestTarget(pull) => Some(&pull.base.sha),
        Event::MergeGroup { base, .. } => Some(base),
        _ => None,
    }
}

/// The folder of a file; the working directory for standard input.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
