//! One decision for one request: a few at a time, the next ones in a short queue, each
//! with an end, each recorded.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::App;
use super::answer::Refusal;
use super::params::Params;
use crate::decide::Spec;
use crate::failure::Failure;
use crate::task::progress::Progress;
use crate::task::verify::{self, Judged, Question, record, tell};

/// Decisions at a time.
const AT_ONCE: usize = 4;
/// Requests that wait for one.
const WAITING: usize = 64;

/// Bounds how much is decided at once.
pub struct Slots {
    free: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Slots {
    fn default() -> Self {
        Slots { free: Semaphore::new(AT_ONCE), waiting: AtomicUsize::new(0) }
    }
}

/// Counts one that waits, as long as it does.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(count: &'a AtomicUsize) -> Option<Self> {
        let waits = Waits(count);
        (count.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn busy() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too much is being decided: ask again later")
}

/// What is judged.
pub enum Ask {
    /// The spec of a service, with what the request says of the deployment.
    Of(Params),
    /// The spec for a service, where a payload only implies what is meant.
    Implied(Params),
    /// A spec that was brought along.
    Given(Box<Spec>),
}

/// Judge, until `deadline`, and record it.
///
/// # Errors
/// There is no spec, something could not be reached, or there was no time.
pub async fn judge(app: &Arc<App>, ask: Ask, deadline: Instant) -> Result<Judged, Refusal> {
    let found = match &ask {
        Ask::Of(params) | Ask::Implied(params) => {
            Some(app.specs.find(params.service.as_deref())?.to_owned())
        }
        Ask::Given(_) => None,
    };
    let permit = {
        let _waits = Waits::new(&app.slots.waiting).ok_or_else(busy)?;
        match tokio::time::timeout_at(deadline, app.slots.free.acquire()).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(busy()),
        }
    };
    let ours = Arc::clone(app);
    let handle = Handle::current();
    // Its own thread: the arithmetic of a large spec would hold up everybody else.
    let work = tokio::task::spawn_blocking(move || {
        handle.block_on(async {
            let in_time = tokio::time::timeout_at(deadline, one(&ours, ask, found, deadline)).await;
            in_time.unwrap_or_else(|_| {
                Err(Refusal::new(StatusCode::GATEWAY_TIMEOUT, "it took too long to decide"))
            })
        })
    });
    let judged = work.await.unwrap_or_else(|_| {
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the decision broke off"))
    });
    drop(permit);
    match &judged {
        Ok(judged) => {
            tracing::info!(
                service = %app.scrubber.sanitize_line(&judged.spec.service),
                action = tell::action_word(judged.decision.action),
                rule = judged.decision.rule,
                "decided"
            );
        }
        Err(refusal) => {
            tracing::warn!("nothing decided: {}", app.scrubber.sanitize_line(&refusal.why));
        }
    }
    judged
}

async fn one(
    app: &App,
    ask: Ask,
    path: Option<PathBuf>,
    deadline: Instant,
) -> Result<Judged, Refusal> {
    let inputs = &app.inputs;
    let (spec, notes) = match (ask, &path) {
        (Ask::Given(mut spec), _) => {
            let notes = std::mem::take(&mut spec.remarks);
            (*spec, notes)
        }
        (Ask::Of(params), Some(path)) => {
            let (mut spec, notes) = load(app, path)?;
            params.fill(&mut spec);
            (spec, notes)
        }
        (Ask::Implied(params), Some(path)) => {
            let (mut spec, notes) = load(app, path)?;
            params.fill_gaps(&mut spec);
            (spec, notes)
        }
        (_, None) => return Err(Refusal::unknown("there is no spec")),
    };
    let folder = path.as_deref().map(verify::folder_of).unwrap_or_else(|| PathBuf::from("."));
    let client = app.client.until(deadline);
    let progress = Progress::new(false);
    let question = Question {
        inputs,
        client: &client,
        folder: &folder,
        scrubber: &app.scrubber,
        progress: &progress,
        deadline,
        is_change: false,
    };
    let judged =
        verify::decided(&question, spec, notes).await.map_err(|failure| ours(app, &failure))?;
    let shadow = inputs.deployment.shadow;
    let exit = if shadow { 0 } else { tell::exit(judged.decision.action) };
    match record::write(inputs, &app.context, &judged, exit, &app.scrubber) {
        Ok(Some(hash)) => tracing::info!("the record ends with {hash}"),
        Ok(None) => {}
        Err(why) => tracing::warn!("no record of this decision: {why:#}"),
    }
    Ok(judged)
}

/// A spec of ours. That it can no longer be read is not the request's fault.
fn load(app: &App, path: &Path) -> Result<(Spec, Vec<String>), Refusal> {
    verify::load(&app.inputs, &app.context, path).map_err(|why| {
        tracing::warn!("{why:#}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the spec of this service is wrong")
    })
}

/// A failure, for whoever asks. Paths and addresses of this machine stay in its log.
fn ours(app: &App, failure: &Failure) -> Refusal {
    tracing::warn!("{}", app.scrubber.sanitize_line(&format!("{failure}")));
    match failure {
        Failure::Inputs(_) => Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something that the spec or the inputs name is wrong; see the log",
        ),
        Failure::Platform(_) | Failure::Model(_) => Refusal::new(
            StatusCode::BAD_GATEWAY,
            "a source of metrics or logs could not be reached; see the log",
        ),
    }
}
