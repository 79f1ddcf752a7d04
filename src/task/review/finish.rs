//! The last stages: publish, write what the job and the person read, record,
//! and settle the exit code.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;

use super::collect::Collected;
use super::examine::Examined;
use super::{Run, record};
use crate::context::Host;
use crate::diff::Content;
use crate::failure::Failure;
use crate::finding::{Fingerprint, Side};
use crate::forge::{Conclusion, Forge, Target};
use crate::inputs::{Format, Inputs};
use crate::policy::ProposePermit;
use crate::publish::apply::{self, Outcome};
use crate::publish::markdown::{Progress as Moves, StatePayload, Summary, Unplaced};
use crate::publish::outputs::{self, Outputs};
use crate::publish::plan::{self, PlanInput, Selection};
use crate::publish::terminal;
use crate::publish::{View, annotations, files, github_permalink, json, sarif, step_summary};
use crate::redact::{ForgeHost, Scrubber, break_commands};
use crate::task::progress::Progress;

/// The columns that text is set in where nobody says otherwise.
const WIDTH: usize = 100;

/// The event asks for nothing: say so, in the log and in the outputs.
pub fn nothing(inputs: &Inputs, why: &str) -> Result<u8, Failure> {
    let why = Scrubber::new(&inputs.secrets).sanitize_line(why);
    let _ = writeln!(anstream::stderr(), "pipewright: nothing to review: {why}");
    if let Some(file) = &inputs.host.output {
        let empty = Outputs {
            conclusion: Conclusion::Neutral,
            findings_count: 0,
            findings_file: None,
            sarif_file: None,
            summary_file: None,
            cost_usd: 0.0,
        };
        files::append(file, &outputs::render(&empty)).map_err(Failure::Inputs)?;
    }
    Ok(0)
}

/// Publish what was found, write it where it was asked for, and say how it ends.
pub async fn finish(
    run: &Run<'_>,
    collected: &Collected,
    mut examined: Examined,
    scrubber: &Scrubber,
    progress: &mut Progress,
) -> Result<u8, Failure> {
    let Run { inputs, context, .. } = *run;
    let host = match &collected.target {
        Some(target) => ForgeHost::new(&inputs.host.server_url, &target.repository),
        None => ForgeHost::nowhere(),
    };
    let in_github = context.host == Host::GitHub;
    progress.stage("publishing");
    let published = match (&collected.target, run.forge, run.ruling.propose()) {
        (Some(target), Some(forge), Some(permit)) => {
            let view = view(&examined, collected, inputs, scrubber, &host);
            publish(forge, &permit, view, target, collected, &examined, inputs).await
        }
        (Some(_), Some(_), None) => {
            let limit = run.ruling.limited_by();
            examined.report.notes.push(format!("Nothing was posted: {limit} allows no more."));
            Published::default()
        }
        _ => Published::default(),
    };
    let troubles = published.notes(collected.from_fork);
    examined.report.notes.extend(troubles.iter().cloned());

    let view = view(&examined, collected, inputs, scrubber, &host);
    let conclusion = view.conclusion();
    let permalink = permalink(inputs, collected);
    let summary = Summary {
        view,
        permalink: Some(&permalink),
        state: &StatePayload::default(),
        progress: moves(&examined),
        unplaced: &BTreeMap::new(),
        notes: &[],
    };
    progress.finish();
    let written = write_files(inputs, &view, &summary).map_err(Failure::Inputs)?;
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &step_summary::render(&summary))
            .context("cannot write the step summary")
            .map_err(Failure::Inputs)?;
    }
    if let Some(file) = &inputs.host.output {
        let outputs = Outputs {
            conclusion,
            findings_count: examined.report.findings.len(),
            findings_file: written.findings,
            sarif_file: written.sarif,
            summary_file: written.summary,
            cost_usd: examined.report.usage.cost_usd,
        };
        files::append(file, &outputs::render(&outputs))
            .context("cannot write the outputs")
            .map_err(Failure::Inputs)?;
    }
    // Where nothing could be posted, the job's own log is where people look.
    let posted_nothing = in_github && published.is_invisible(collected, run);
    print(inputs, &view, &summary, posted_nothing).map_err(Failure::Inputs)?;
    if in_github && !posted_nothing {
        // What was posted in part must not look like all of it.
        let mut stderr = std::io::stderr().lock();
        for trouble in &troubles {
            let _ = writeln!(stderr, "{}", annotations::warning_command(trouble));
        }
    }
    record::write(run, collected, &examined, &published.outcome, conclusion, scrubber);
    exit_code(&examined, &published, conclusion, collected.from_fork)
}

fn view<'a>(
    examined: &'a Examined,
    collected: &'a Collected,
    inputs: &Inputs,
    scrubber: &'a Scrubber,
    host: &'a ForgeHost,
) -> View<'a> {
    View {
        report: &examined.report,
        change: &collected.change,
        scrubber,
        host,
        fail_on: inputs.fail_on,
        incomplete: examined.incomplete,
    }
}

/// What became of publishing.
#[derive(Debug, Default)]
pub struct Published {
    /// What the host took and what it did not.
    pub outcome: Outcome,
    /// Whether publishing was tried at all.
    tried: bool,
}

impl Published {
    /// What the reader of the report has to know.
    fn notes(&self, from_fork: bool) -> Vec<String> {
        let mut notes = Vec::new();
        for (what, why) in &self.outcome.refused {
            let hint = if from_fork {
                "; a pull request from a fork has a token that may only read"
            } else {
                "; the job's `permissions` need `pull-requests: write` and `checks: write`"
            };
            notes.push(format!("Could not post {what}: {why}{hint}."));
        }
        for (what, why) in &self.outcome.failed {
            notes.push(format!("Could not post {what}: {why}. Run again to complete it."));
        }
        notes
    }

    /// Whether nothing on the host shows the findings.
    fn is_invisible(&self, collected: &Collected, run: &Run<'_>) -> bool {
        if self.tried {
            self.outcome.could_post_nothing
        } else {
            collected.target.is_none() || run.forge.is_none()
        }
    }
}

async fn publish(
    forge: &dyn Forge,
    _permit: &ProposePermit,
    view: View<'_>,
    target: &Target,
    collected: &Collected,
    examined: &Examined,
    inputs: &Inputs,
) -> Published {
    if collected.before.is_complete(&collected.head, &examined.report.model) {
        tracing::info!("this head was reviewed before; nothing is posted");
        return Published { outcome: Outcome::default(), tried: true };
    }
    let missing: BTreeSet<String> = collected
        .change
        .files
        .iter()
        .filter(|file| matches!(file.content, Content::Missing { .. }))
        .map(|file| file.path().display())
        .chain(collected.unlisted.iter().cloned())
        .collect();
    let permalink = permalink(inputs, collected);
    let state = |unplaced: &BTreeMap<Fingerprint, Unplaced>, delivered: bool| {
        let without_comment = |id: &Fingerprint| unplaced.contains_key(id);
        let state = examined.state.delivered(without_comment, delivered);
        StatePayload::encode(&state.encode())
    };
    let input = PlanInput {
        view,
        target,
        capabilities: forge.capabilities(),
        publish: Selection {
            review: inputs.publish.review,
            summary: inputs.publish.summary && target.number.is_some(),
            check: inputs.publish.check,
        },
        existing: &collected.before.existing,
        state: &state,
        gone: &examined.gone,
        missing_patches: &missing,
        max_inline: inputs.max_findings,
        progress: moves(examined),
        permalink: Some(&permalink),
    };
    let operations = plan::plan(&input);
    tracing::debug!(operations = operations.len(), "planned");
    let outcome = apply::apply(forge, &input, operations).await;
    for posted in &outcome.posted {
        tracing::info!("posted {posted}");
    }
    Published { outcome, tried: true }
}

/// How findings moved since the head reviewed before.
fn moves(examined: &Examined) -> Option<Moves> {
    let before: BTreeSet<_> = examined.state.earlier.as_ref()?.iter().collect();
    let now: BTreeSet<_> = examined.report.findings.iter().map(|finding| &finding.id).collect();
    Some(Moves {
        new: now.difference(&before).count(),
        open: now.intersection(&before).count(),
        resolved: before.difference(&now).count(),
    })
}

/// The address of lines as the host's pages show them.
fn permalink(
    inputs: &Inputs,
    collected: &Collected,
) -> impl Fn(&str, Side, u32, u32) -> Option<String> + Send + Sync {
    let place = collected.target.as_ref().map(|target| {
        let url = format!("{}/{}", inputs.host.server_url, target.repository);
        (url, target.head.clone(), target.base.clone())
    });
    move |path, side, line, end_line| {
        let (url, head, base) = place.as_ref()?;
        let revision = if side == Side::New { head } else { base };
        Some(github_permalink(url, revision, path, line, end_line))
    }
}

/// Files that were written, as outputs name them.
#[derive(Debug, Default)]
struct Written {
    findings: Option<String>,
    sarif: Option<String>,
    summary: Option<String>,
}

/// Write the files that were asked for; in a job, all three by default, where
/// later steps can read them.
fn write_files(inputs: &Inputs, view: &View<'_>, summary: &Summary<'_>) -> Result<Written> {
    let place = |asked: &Option<PathBuf>, name: &str| -> Option<PathBuf> {
        // In a container the job's own folder may be named and yet not be there.
        let temp = inputs.host.runner_temp.as_ref().filter(|temp| temp.is_dir());
        let default = || temp.map(|temp| temp.join("pipewright").join(name));
        // Only where outputs can tell of it.
        asked.clone().or_else(|| inputs.host.output.as_ref().and_then(|_| default()))
    };
    let write = |path: &Path, text: String| -> Result<String> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        files::write_atomic(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path.display().to_string())
    };
    let mut written = Written::default();
    if let Some(path) = place(&inputs.findings_file, "findings.json") {
        written.findings = Some(write(&path, json::render(view.report, view.scrubber)?)?);
    }
    if let Some(path) = place(&inputs.sarif_file, "findings.sarif") {
        written.sarif = Some(write(&path, sarif::render(view)?)?);
    }
    if let Some(path) = place(&inputs.summary_file, "summary.md") {
        written.summary = Some(write(&path, step_summary::render(summary))?);
    }
    Ok(written)
}

/// The result on standard output; where nothing could be posted, workflow
/// commands on standard error, which GitHub's runner reads as well.
fn print(
    inputs: &Inputs,
    view: &View<'_>,
    summary: &Summary<'_>,
    posted_nothing: bool,
) -> Result<()> {
    let text = match inputs.format {
        Format::Text | Format::Diff => {
            let width = terminal_size::terminal_size().map_or(WIDTH, |(width, _)| width.0.into());
            terminal::render(view, terminal::Options { color: inputs.color_stdout(), width })
        }
        Format::Json => json::render(view.report, view.scrubber)?,
        Format::Markdown => break_commands(&step_summary::render(summary)).into_owned(),
        Format::Sarif => sarif::render(view)?,
        Format::Github => annotations::workflow_commands(view),
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = stdout.write_all(b"\n");
    }
    let _ = stdout.flush();
    if posted_nothing && inputs.format != Format::Github {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(annotations::workflow_commands(view).as_bytes());
        let message = "Pipewright could post nothing on this change: its findings are in the \
                       job's annotations and summary only.";
        let _ = writeln!(stderr, "{}", annotations::warning_command(message));
    }
    Ok(())
}

fn exit_code(
    examined: &Examined,
    published: &Published,
    conclusion: Conclusion,
    from_fork: bool,
) -> Result<u8, Failure> {
    let Outcome { failed, refused, could_post_nothing, .. } = &published.outcome;
    if let Some((what, why)) = failed.first() {
        return Err(Failure::Platform(anyhow!("could not post {what}: {why}")));
    }
    if *could_post_nothing
        && !from_fork
        && let Some((what, why)) = refused.first()
    {
        return Err(Failure::Platform(anyhow!(
            "could not post {what}: {why}; give the job `permissions: pull-requests: write, checks: write`"
        )));
    }
    if conclusion == Conclusion::Failure {
        return Ok(1);
    }
    match &examined.failure {
        Some(why) => Err(Failure::Model(anyhow!("the model could not answer: {why}"))),
        None => Ok(0),
    }
}

/// What the record says of a run that was published.
pub(super) fn posted(outcome: &Outcome) -> serde_json::Value {
    json!({
        "posted": outcome.posted,
        "refused": outcome.refused,
        "failed": outcome.failed,
    })
}
