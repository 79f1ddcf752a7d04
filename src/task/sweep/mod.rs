//! Review many changes of many repositories in one run: the ordinary review of
//! each, all side by side, with one model and one set of caps. Read side by side,
//! they fill the batches of a model that is asked in batches.

mod list;
mod one;
mod show;

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::finding::{Finding, Severity};
use crate::forge::github::{Access, GitHub};
use crate::http;
use crate::inputs::{Gathered, Inputs, Sweep, Task};
use crate::model::Model;
use crate::model::budget::{Budget, Caps};
use crate::report::Usage;
use crate::task::models::{self, Models};
use crate::task::progress::Progress;
use crate::task::review::{self, examine};

/// The value of `schema` in the JSON.
pub const SCHEMA: &str = "pipewright.sweep/1";

/// Changes and repositories that are read from the host at one time: hosts refuse
/// those who ask for too much at once.
const READ_AT_ONCE: usize = 6;

/// What came of a sweep, in the shape of `pipewright.sweep/1`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Who was asked, as in a review.
    pub model: String,
    /// Whether in batches.
    pub batch: bool,
    /// By repository and number.
    pub changes: Vec<Row>,
    /// Repositories of which no change was looked at, and why.
    pub repositories: Vec<Unread>,
    /// All that it took.
    pub usage: Usage,
    /// What the reader has to know, one sentence each.
    pub notes: Vec<String>,
}

/// A repository that was left out.
#[derive(Debug, Clone, Serialize)]
pub struct Unread {
    /// `owner/name`.
    pub repository: String,
    /// Whether it could not be read; else it was passed over.
    pub failed: bool,
    /// Why.
    pub reason: String,
}

/// How the review of a change went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// As it should.
    Reviewed,
    /// A cap or a failure left something out.
    Incomplete,
    /// It was not looked at.
    Skipped,
    /// It could not be read, reviewed or written to.
    Failed,
}

/// Findings by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// How many of each.
    pub critical: usize,
    /// How many of each.
    pub high: usize,
    /// How many of each.
    pub medium: usize,
    /// How many of each.
    pub low: usize,
    /// How many of each.
    pub info: usize,
}

/// A change.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// `owner/name`.
    pub repository: String,
    /// Its number.
    pub number: u64,
    /// Its title, cleaned.
    pub title: String,
    /// The revision under review.
    pub head: String,
    /// How it went.
    pub status: Status,
    /// Why it was skipped, or failed.
    pub reason: Option<String>,
    /// Its findings, counted.
    pub counts: Counts,
    /// The worst of them.
    pub worst: Option<Severity>,
    /// Its findings, as in a review.
    pub findings: Vec<Finding>,
    /// Whether anything was posted.
    pub posted: bool,
    /// What it took.
    pub usage: Usage,
    /// As in a review.
    pub notes: Vec<String>,
    /// The exit code that its review alone would have had.
    #[serde(skip)]
    pub code: u8,
}

/// What all reviews of a sweep share.
struct Shared<'a> {
    gathered: &'a Gathered,
    first: &'a Inputs,
    client: http::Client,
    models: Models,
    deadline: Instant,
    reading: Semaphore,
    progress: Progress,
}

/// Review what the command line names. Gives the exit code.
///
/// # Errors
/// As the exit codes say, where nothing could be reviewed at all.
pub fn run(gathered: &Gathered, first: &Inputs, sweep: &Sweep) -> Result<u8, Failure> {
    show::check(first.format).map_err(Failure::Inputs)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    runtime.block_on(go(gathered, first, sweep))
}

async fn go(gathered: &Gathered, first: &Inputs, sweep: &Sweep) -> Result<u8, Failure> {
    let deadline = Instant::now() + first.timeout;
    let client = review::client(first, deadline).map_err(Failure::Inputs)?;
    let mut models = models::of(first, &client, Task::Review).map_err(Failure::Inputs)?;
    models.budget = Some(Arc::new(Budget::new(Caps {
        max_cost_usd: Some(first.max_cost_usd),
        max_tokens: first.max_tokens,
        deadline: Some(deadline),
    })));
    let name = models.heavy.as_deref().map(Model::name);
    let shared = Shared {
        gathered,
        first,
        client,
        models,
        deadline,
        reading: Semaphore::new(READ_AT_ONCE),
        progress: Progress::new(first.host.stderr_terminal),
    };
    shared.progress.stage("listing what there is to review");
    let (listed, unread) = list::list(&shared, sweep).await?;
    let total = listed.len();
    let mut under_way: FuturesUnordered<_> =
        listed.into_iter().map(|listed| one::review(&shared, listed)).collect();
    let mut changes: Vec<Row> = Vec::with_capacity(total);
    while let Some(row) = under_way.next().await {
        tracing::info!(repository = row.repository, number = row.number, status = ?row.status, "done");
        changes.push(row);
        shared.progress.stage(format!("reviewing: {} of {total} changes done", changes.len()));
    }
    changes.sort_by(|a, b| (&a.repository, a.number).cmp(&(&b.repository, b.number)));
    let mut usage = Usage::default();
    changes.iter().for_each(|row| usage += row.usage);
    let report = Report {
        schema: SCHEMA,
        model: name.unwrap_or_else(|| examine::OFFLINE.to_owned()),
        batch: first.batch,
        changes,
        repositories: unread,
        usage,
        notes: first.warnings.clone(),
    };
    drop(under_way);
    let mut shared = shared;
    shared.progress.finish();
    show::show(&report, first).map_err(Failure::Inputs)?;
    Ok(exit_code(&report))
}

/// The first that applies: something could not be reached (3), the model could not
/// answer (4), the inputs of a repository are wrong (2), findings (1).
fn exit_code(report: &Report) -> u8 {
    let codes: Vec<u8> = report
        .changes
        .iter()
        .map(|row| row.code)
        .chain(report.repositories.iter().map(|one| if one.failed { 3 } else { 0 }))
        .collect();
    [3, 4, 2, 1].into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

impl Shared<'_> {
    /// The host, as one repository's.
    fn github(&self, repository: &str) -> Result<GitHub, Failure> {
        let token = self.first.github_token.as_ref().ok_or_else(|| {
            Failure::Inputs(anyhow!("a sweep needs a token that reads: set `github_token`"))
        })?;
        let access = Access {
            api_url: &self.first.host.api_url,
            graphql_url: Some(&self.first.host.graphql_url),
            token: token.expose(),
            repository,
        };
        GitHub::new(self.client.clone(), access).map_err(Failure::Inputs)
    }
}
