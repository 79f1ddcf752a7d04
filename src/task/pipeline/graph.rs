//! `pipeline graph`: the job graph as a drawing.

use std::io::Write as _;

use anyhow::{Result, anyhow, ensure};
use serde::Serialize;

use super::collect::Subject;
use super::{check, show};
use crate::failure::Failure;
use crate::inputs::{self, Format, Inputs};
use crate::pipeline::draw::{Drawing, Layout};
use crate::pipeline::graph::Pipeline;
use crate::pipeline::timing::path::{Times, critical_of};
use crate::pipeline::timing::saving::{Basis, typical};
use crate::pipeline::{File, Outcome};
use crate::redact::Scrubber;

use super::history::Known;

/// The value of `schema` in the JSON.
const SCHEMA: &str = "pipewright.pipeline-graph/1";

/// How it is asked for.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// As what.
    pub drawing: inputs::Drawing,
    /// By time.
    pub timeline: bool,
    /// Whether what `optimize` makes stands beside.
    pub after: bool,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    files: Vec<Drawn>,
}

#[derive(Serialize)]
struct Drawn {
    path: String,
    platform: Option<&'static str>,
    status: super::report::Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    jobs: Vec<Job>,
    /// Ids along the critical path, for each graph that starts by itself.
    critical_paths: Vec<Path>,
}

#[derive(Serialize)]
struct Job {
    id: String,
    title: String,
    needs: Vec<String>,
    seconds: f64,
}

#[derive(Serialize)]
struct Path {
    entry: String,
    jobs: Vec<String>,
    seconds: f64,
    basis: &'static str,
}

/// Draw the files. Gives the exit code.
///
/// # Errors
/// Nothing can be drawn, or several files were asked for as one picture.
pub fn run(
    inputs: &Inputs,
    subjects: &[Subject],
    wanted: Wanted,
    histories: &Known,
    after: &dyn Fn(&File) -> Option<Box<File>>,
) -> Result<u8, Failure> {
    let text = draw(inputs, subjects, wanted, histories, after).map_err(Failure::Inputs)?;
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(0)
}

fn draw(
    inputs: &Inputs,
    subjects: &[Subject],
    wanted: Wanted,
    histories: &Known,
    after: &dyn Fn(&File) -> Option<Box<File>>,
) -> Result<String> {
    let scrubber = Scrubber::new(&inputs.secrets);
    if inputs.format == Format::Json {
        return json(subjects, histories, &scrubber);
    }
    let states = check::states(subjects);
    for note in show::notes(&states) {
        tracing::warn!("{note}");
    }
    let drawn: Vec<(&Subject, &File)> = subjects
        .iter()
        .filter_map(|subject| match &subject.outcome {
            Outcome::Read(file) => Some((subject, &**file)),
            _ => None,
        })
        .collect();
    if drawn.is_empty() {
        let why = states.iter().find_map(|state| state.reason.clone()).unwrap_or_default();
        return Err(anyhow!("there is nothing to draw: {why}"));
    }
    ensure!(
        drawn.len() == 1 || wanted.drawing != inputs::Drawing::Svg,
        "an SVG shows one file, and {} are meant: name one",
        drawn.len()
    );
    let mut out = String::new();
    for (subject, file) in &drawn {
        let history = histories.of(file);
        let (times, basis) = typical(&file.pipeline, history);
        let changed = if wanted.after { after(file) } else { None };
        let later = changed.as_ref().map(|file| typical(&file.pipeline, history).0);
        let drawing = Drawing {
            before: &file.pipeline,
            after: changed.as_ref().map(|file| &file.pipeline),
            times: Some(&times),
            times_after: later.as_ref(),
            estimated: basis == Basis::Estimate,
            layout: if wanted.timeline { Layout::Timeline } else { Layout::Graph },
        };
        let name = scrubber.sanitize_line(&subject.path);
        match wanted.drawing {
            inputs::Drawing::Mermaid => {
                if drawn.len() > 1 {
                    out += &format!("%% {name}\n");
                }
                out += &drawing.mermaid();
            }
            inputs::Drawing::Dot => {
                if drawn.len() > 1 {
                    out += &format!("// {name}\n");
                }
                out += &drawing.dot();
            }
            inputs::Drawing::Svg => out += &drawing.svg(),
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
    Ok(scrubber.scrub(&out).into_owned())
}

fn json(subjects: &[Subject], histories: &Known, scrubber: &Scrubber) -> Result<String> {
    let drawn = subjects.iter().zip(check::states(subjects)).map(|(subject, state)| {
        let (jobs, critical_paths) = match &subject.outcome {
            Outcome::Read(file) => {
                let (times, basis) = typical(&file.pipeline, histories.of(file));
                (jobs(&file.pipeline, &times), paths(&file.pipeline, &times, basis))
            }
            _ => (Vec::new(), Vec::new()),
        };
        let super::report::CheckedFile { path, platform, status, reason } = state;
        Drawn { path, platform, status, reason, jobs, critical_paths }
    });
    let report = Report { schema: SCHEMA, files: drawn.collect() };
    show::json(&report, scrubber)
}

fn jobs(pipeline: &Pipeline, times: &Times) -> Vec<Job> {
    let id = |index: usize| pipeline.jobs.get(index).map(|job| job.id.clone());
    let jobs = pipeline.jobs.iter().enumerate();
    jobs.map(|(index, job)| Job {
        id: job.id.clone(),
        title: job.title().to_owned(),
        needs: job.needs.iter().filter_map(|need| id(need.job)).collect(),
        seconds: times.seconds.get(index).copied().unwrap_or_default(),
    })
    .collect()
}

fn paths(pipeline: &Pipeline, times: &Times, basis: Basis) -> Vec<Path> {
    let entries = pipeline.entries.iter().enumerate();
    entries
        .map(|(index, entry)| {
            let critical = critical_of(pipeline, index, times);
            let ids = critical.jobs.iter().filter_map(|job| pipeline.jobs.get(*job));
            Path {
                entry: entry.name.clone(),
                jobs: ids.map(|job| job.id.clone()).collect(),
                seconds: critical.seconds,
                basis: match basis {
                    Basis::History => "history",
                    Basis::Estimate => "estimate",
                },
            }
        })
        .collect()
}
