//! The jobs of several runs, fetched side by side: whole runs, or none of a run.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;
use serde::de::IgnoredAny;

use super::Past;
use super::ask::Api;
use crate::http::{Bytes, Error, StatusCode};
use crate::pipeline::graph::Pipeline;
use crate::pipeline::timing::History;
use crate::pipeline::timing::history::read_for;

/// Most requests at the same time: hosts limit those too.
const SIDE_BY_SIDE: usize = 6;

/// Most items that servers give on a page.
pub(super) const PAGE: usize = 100;

/// Most jobs that are fetched of all runs together, beyond the newest run's: what
/// more would tell is little, and each hundred costs a request.
const MOST_JOBS: usize = 20_000;

/// Each run's answers, newest first, with what could not be had.
pub(super) struct Fetched<T> {
    /// What was fetched.
    pub(super) got: Vec<T>,
    /// How many were not.
    pub(super) failed: usize,
    /// Why the first of them was not.
    pub(super) error: Option<Error>,
}

/// Fetch something for each of these. After a refusal, which the others would get as
/// well, nothing more is asked.
pub(super) async fn fetch<I, T, Fut>(
    items: impl IntoIterator<Item = I>,
    one: impl Fn(I) -> Fut,
) -> Fetched<T>
where
    Fut: Future<Output = Result<T, Error>>,
{
    let refused = AtomicBool::new(false);
    let asked: Vec<Option<Result<T, Error>>> = stream::iter(items)
        .map(|item| {
            let (refused, asking) = (&refused, one(item));
            async move {
                if refused.load(Ordering::Relaxed) {
                    return None;
                }
                let answer = asking.await;
                if let Err(error) = &answer
                    && is_for_all(error)
                {
                    refused.store(true, Ordering::Relaxed);
                }
                Some(answer)
            }
        })
        .buffered(SIDE_BY_SIDE)
        .collect()
        .await;
    let mut fetched = Fetched { got: Vec::new(), failed: 0, error: None };
    for answer in asked {
        match answer {
            Some(Ok(value)) => fetched.got.push(value),
            Some(Err(error)) => {
                fetched.failed += 1;
                fetched.error.get_or_insert(error);
            }
            None => fetched.failed += 1,
        }
    }
    fetched
}

/// Whether the next request would end the same way.
fn is_for_all(error: &Error) -> bool {
    match error {
        Error::Status(answer) => {
            answer.is_rate_limit()
                || matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        }
        Error::Deadline(_) | Error::NotSent(_) => true,
        _ => false,
    }
}

/// The newest runs of the default branch as `list` gives them; where there is none,
/// those of all branches: pipelines for changes alone never run on it.
pub(super) async fn newest<Fut>(
    branch: &str,
    name: &str,
    list: impl Fn(Option<String>) -> Fut,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, Error>
where
    Fut: Future<Output = Result<Vec<String>, Error>>,
{
    let runs = list(Some(branch.to_owned())).await?;
    if !runs.is_empty() {
        return Ok(runs);
    }
    let runs = list(None).await?;
    if !runs.is_empty() {
        let branch = branch.trim_start_matches("refs/heads/");
        notes.push(format!(
            "{name} has no successful run on {branch}: runs of other branches are read."
        ));
    }
    Ok(runs)
}

/// The first page of a run's jobs, and how many pages there are.
pub(super) struct First {
    /// The run, as the server names it.
    pub(super) run: String,
    /// The page's JSON.
    pub(super) page: Bytes,
    /// All jobs of the run.
    pub(super) jobs: usize,
}

/// The jobs of these runs, newest first, page by page: `page(run, number)` fetches
/// one, from 1; `count` tells how many jobs the run of a first page has.
///
/// Gives whole runs only: each run's pages in order.
pub(super) async fn paged<Fut>(
    runs: &[String],
    page: impl Fn(String, usize) -> Fut,
    count: impl Fn(&super::ask::Answer) -> Result<usize, Error>,
    notes: &mut Vec<String>,
) -> Fetched<Vec<Bytes>>
where
    Fut: Future<Output = Result<super::ask::Answer, Error>>,
{
    let (page, count) = (&page, &count);
    let first = fetch(runs.iter().cloned(), |run| async move {
        let answer = page(run.clone(), 1).await?;
        let jobs = count(&answer)?;
        Ok(First { run, page: answer.body, jobs })
    })
    .await;
    // Decided from the newest on, so that the same runs are taken each time.
    let mut jobs = 0;
    let taken = first.got.iter().take_while(|run| {
        let is_newest = jobs == 0;
        jobs += run.jobs;
        is_newest || jobs <= MOST_JOBS
    });
    let taken = taken.count();
    if taken < first.got.len() {
        notes.push(format!(
            "Only the newest {taken} runs are read: they have {MOST_JOBS} jobs together."
        ));
    }
    let more: Vec<(usize, String, usize)> = (first.got.iter().take(taken).enumerate())
        .flat_map(|(place, run)| {
            (2..=run.jobs.div_ceil(PAGE)).map(move |number| (place, run.run.clone(), number))
        })
        .collect();
    let rest = fetch(more, |(place, run, number)| async move {
        let answer = page(run, number).await?;
        answer.parse::<IgnoredAny>()?;
        Ok((place, answer.body))
    })
    .await;
    let mut whole: Vec<(usize, Vec<Bytes>)> = (first.got.into_iter().take(taken))
        .map(|run| (run.jobs.div_ceil(PAGE).max(1), vec![run.page]))
        .collect();
    for (place, body) in rest.got {
        if let Some((_, pages)) = whole.get_mut(place) {
            pages.push(body);
        }
    }
    let before = whole.len();
    let got: Vec<Vec<Bytes>> = whole
        .into_iter()
        .filter(|(expected, pages)| pages.len() == *expected)
        .map(|(_, pages)| pages)
        .collect();
    let failed = first.failed + (before - got.len());
    Fetched { got, failed, error: first.error.or(rest.error) }
}

/// What was fetched as a history.
///
/// # Errors
/// Nothing was fetched though there was something, or it does not read.
pub(super) fn past(
    api: &Api,
    fetched: Fetched<Vec<Bytes>>,
    pipeline: &Pipeline,
    rights: &str,
    mut notes: Vec<String>,
) -> anyhow::Result<Past> {
    let Fetched { got, failed, error } = fetched;
    if let Some(error) = error {
        let why = api.explain(error, "the jobs of past runs", rights);
        if got.is_empty() {
            return Err(why);
        }
        let all = got.len() + failed;
        notes.push(format!("{failed} of {all} past runs are missing: {why:#}."));
    }
    let mut text = Vec::new();
    for page in got.iter().flatten() {
        text.extend_from_slice(page);
        text.push(b'\n');
    }
    let history = match got.is_empty() {
        true => History::default(),
        false => match read_for(&text, Some(pipeline)) {
            Ok(history) => history,
            Err(error) if format!("{error}").contains("no job that ran") => History::default(),
            Err(error) => {
                return Err(error.context(format!("cannot read what {} told", api.host)));
            }
        },
    };
    Ok(Past { history, notes })
}
