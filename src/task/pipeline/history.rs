//! Times of past runs, from a file or from the CI server.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use tokio::time::Instant;

use crate::ci::{self, CiServer, Missing, PipelineId};
use crate::failure::Failure;
use crate::http::{Client, Retry};
use crate::inputs::Inputs;
use crate::pipeline::timing::History;
use crate::pipeline::timing::history;
use crate::pipeline::{File, Platform};
use crate::redact::Scrubber;
use crate::task::review;

/// Largest file of times, in bytes.
const LARGEST: u64 = 256 << 20;

/// What `history` says to ask the CI server.
const SERVER: &str = "server";

/// Most runs of one pipeline: the usual page, enough for steady percentiles.
const MOST_RUNS: usize = 30;

/// Most runs of all pipelines together. A job's own token may send a thousand
/// requests an hour, and other jobs need some.
const MOST_RUNS_OF_ALL: usize = 300;

/// Fewest runs of one pipeline, however many pipelines there are.
const FEWEST_RUNS: usize = 5;

/// What is known of past runs.
#[derive(Debug, Default)]
pub struct Known {
    /// Of every file that was asked for: one file of times speaks of one pipeline.
    all: Option<History>,
    /// Of one pipeline, by its path.
    by_path: HashMap<String, History>,
    /// What the reader has to know.
    notes: Vec<String>,
}

impl Known {
    /// The times that speak of this file.
    pub fn of(&self, file: &File) -> Option<&History> {
        self.all.as_ref().or_else(|| self.by_path.get(&file.path))
    }

    /// What could not be had, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// Read what `history` names; in a CI job where it names nothing, ask the server, and
/// go on with estimates where it does not answer.
///
/// # Errors
/// The file is not there, or of no form that is read; the server was named and cannot
/// be asked, or refused.
pub fn load(inputs: &Inputs, files: &[&File]) -> Result<Known, Failure> {
    match &inputs.history {
        Some(word) if word == Path::new(SERVER) => from_server(inputs, files, true),
        Some(path) => from_file(inputs, path, files).map_err(Failure::Inputs),
        None => from_server(inputs, files, false),
    }
}

fn from_file(inputs: &Inputs, path: &Path, files: &[&File]) -> Result<Known> {
    let shown = path.display();
    let place = inputs.host.workspace.join(path);
    let meta = std::fs::metadata(&place).with_context(|| format!("cannot read {shown}"))?;
    ensure!(meta.len() <= LARGEST, "cannot read {shown}: {} bytes are too many", meta.len());
    let bytes = std::fs::read(&place).with_context(|| format!("cannot read {shown}"))?;
    // Hosts that tell only when jobs began need the graph to tell what they waited for.
    let pipeline = match files {
        [one] => Some(&one.pipeline),
        _ => None,
    };
    let all = history::read_for(&bytes, pipeline)
        .with_context(|| format!("cannot read the times in {shown}"))?;
    Ok(Known { all: Some(all), ..Known::default() })
}

/// Ask the CI server. Where it was not `named`, nothing that goes wrong is an error.
fn from_server(inputs: &Inputs, files: &[&File], named: bool) -> Result<Known, Failure> {
    let here = inputs.servers.here;
    let wanted = files.iter().copied().filter(|file| {
        let platform = file.pipeline.platform;
        let is_run = ci::is_run(platform, &file.path, inputs);
        inputs.wants(&file.path) && (named || here == Some(platform) && is_run)
    });
    let wanted: Vec<&File> = wanted.collect();
    if wanted.is_empty() {
        return Ok(Known::default());
    }
    let scrubber = Scrubber::new(&inputs.secrets);
    let said = |text: &str| scrubber.sanitize_line(text);
    // A thread of its own: who asks may be in a runtime already.
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("cannot start the runtime")?;
            runtime.block_on(async {
                let client = client(inputs, named)?;
                Ok(ask(inputs, &wanted, &client).await)
            })
        });
        asking.join().unwrap_or_else(|_| Err(anyhow!("asking the CI server broke off")))
    });
    let asked: Asked = match asked {
        Ok(asked) => asked,
        Err(error) if named => return Err(Failure::Inputs(error)),
        Err(error) => Asked { missing: vec![format!("{error:#}")], ..Asked::default() },
    };
    let mut known = Known { by_path: asked.found, ..Known::default() };
    if named && known.by_path.is_empty() && asked.empty.is_empty() {
        if let Some(why) = asked.failed.first() {
            return Err(Failure::Platform(anyhow!("{}", said(why))));
        }
        if let Some(why) = asked.missing.first() {
            return Err(Failure::Inputs(anyhow!("{}", said(why))));
        }
    }
    let notes = asked.failed.iter().chain(&asked.missing).map(|why| {
        format!("Savings are estimates where past runs could not be read: {}.", said(why))
    });
    known.notes.extend(notes);
    known.notes.extend(asked.notes.iter().map(|note| said(note)));
    known.notes.extend(asked.empty.iter().map(|path| {
        format!("{} has no successful run yet: its savings are estimates.", said(path))
    }));
    for note in &known.notes {
        tracing::warn!("{note}");
    }
    Ok(known)
}

/// The network. A run that did not ask for the server's times does not wait long for
/// them.
fn client(inputs: &Inputs, named: bool) -> Result<Client> {
    let (seconds, attempts, wait) = if named { (180, 4, 60) } else { (30, 2, 5) };
    let deadline = Instant::now() + Duration::from_secs(seconds).min(inputs.timeout);
    let retry =
        Retry { attempts, longest_limit_wait: Duration::from_secs(wait), ..Retry::default() };
    Ok(review::client(inputs, deadline)?.until(deadline).with_retry(retry))
}

/// What came of asking.
#[derive(Default)]
struct Asked {
    found: HashMap<String, History>,
    /// Files that never ran to the end.
    empty: Vec<String>,
    /// Why a server did not answer, each once.
    failed: Vec<String>,
    /// Why a server could not be asked, each once.
    missing: Vec<String>,
    /// What is missing from what was found.
    notes: Vec<String>,
}

async fn ask(inputs: &Inputs, files: &[&File], client: &Client) -> Asked {
    let mut asked = Asked::default();
    let mut servers: HashMap<Platform, Option<Box<dyn CiServer>>> = HashMap::new();
    let limit = (MOST_RUNS_OF_ALL / files.len()).clamp(FEWEST_RUNS, MOST_RUNS);
    for file in files {
        let platform = file.pipeline.platform;
        let server = servers.entry(platform).or_insert_with(|| {
            match ci::server(platform, inputs, client.clone()) {
                Ok(server) => Some(server),
                Err(Missing(why)) => {
                    asked.missing.push(why);
                    None
                }
            }
        });
        let Some(server) = server else { continue };
        match server.history(&PipelineId::of(file), limit).await {
            Ok(past) => {
                asked.notes.extend(past.notes);
                match past.history.runs.is_empty() {
                    true => asked.empty.push(file.path.clone()),
                    false => drop(asked.found.insert(file.path.clone(), past.history)),
                }
            }
            Err(error) => {
                let why = format!("{error:#}");
                if !asked.failed.contains(&why) {
                    asked.failed.push(why);
                }
            }
        }
    }
    asked
}
