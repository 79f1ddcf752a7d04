//! One batch from its creation to its results.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use super::{Entry, Shared, Status, Waiting};
use crate::model::ModelError;
use crate::model::exchange::Failure;

/// Looks and reads that may fail in a row before a batch is given up.
const FAILURES: u32 = 8;
/// Times that a batch is sent which the provider would not take for now.
const SENDINGS: u32 = 4;
/// The share of a batch's time that is kept for ending it early, and the most of it.
const MARGIN_SHARE: f64 = 0.1;
const LONGEST_MARGIN: Duration = Duration::from_secs(180);

impl Shared {
    /// Create a batch of these requests and follow it.
    pub(super) async fn start(self: Arc<Self>, waiting: Vec<Waiting>) {
        let entries: Vec<Entry> = waiting.iter().map(|one| one.entry.clone()).collect();
        let mut wait = self.pace.first_look;
        let mut sendings = 0;
        loop {
            sendings += 1;
            match self.service.create(&entries).await {
                Ok(batch) => {
                    tracing::info!(batch, requests = entries.len(), "a batch was sent");
                    let ids = entries.iter().map(|entry| entry.id.as_str());
                    self.ledger.note(&batch, ids);
                    return self.follow(batch, waiting, false).await;
                }
                Err(Failure::Passing(error) | Failure::Stale(error)) if sendings < SENDINGS => {
                    tracing::warn!(error = format!("{error:#}"), ?wait, "sending a batch again");
                    sleep(wait).await;
                    wait *= 2;
                }
                Err(Failure::Final(ModelError::TooLong(_))) if waiting.len() > 1 => {
                    tracing::info!(requests = waiting.len(), "the batch is too large; halving it");
                    let mut waiting = waiting;
                    let second = waiting.split_off(waiting.len() / 2);
                    for half in [waiting, second] {
                        tokio::spawn(Arc::clone(&self).start_boxed(half));
                    }
                    return;
                }
                Err(failure) => return refuse_all(waiting, &failure),
            }
        }
    }

    /// The same, for its own use.
    fn start_boxed(self: Arc<Self>, waiting: Vec<Waiting>) -> BoxFuture<'static, ()> {
        Box::pin(self.start(waiting))
    }

    /// Look at a batch until it has ended, then hand the results out. `resumed`:
    /// an earlier run has sent it.
    pub(super) async fn follow(
        self: Arc<Self>,
        batch: String,
        waiting: Vec<Waiting>,
        resumed: bool,
    ) {
        let due = due(&waiting);
        let mut waiting: HashMap<String, Waiting> =
            waiting.into_iter().map(|one| (one.entry.id.clone(), one)).collect();
        let (mut look, mut failures, mut canceled) = (self.pace.first_look, 0, false);
        // One that was sent before may have ended long ago.
        let mut first = resumed;
        loop {
            if !std::mem::take(&mut first) {
                let until_due = due
                    .filter(|_| !canceled)
                    .map_or(look, |due| due.saturating_duration_since(Instant::now()));
                sleep(look.min(until_due)).await;
            }
            look = (look + look / 2).min(self.pace.longest_look);
            let unwanted = waiting.values().all(|one| one.reply.is_closed());
            let is_due = due.is_some_and(|due| Instant::now() >= due);
            if (is_due || unwanted) && !canceled {
                let why = if unwanted { "nobody waits for it" } else { "the time is nearly over" };
                tracing::warn!(batch, "ending a batch early: {why}");
                if let Err(failure) = self.service.cancel(&batch).await {
                    tracing::warn!(batch, ?failure, "cannot end a batch early");
                }
                canceled = true;
                look = self.pace.first_look;
            }
            if unwanted {
                return;
            }
            let failure = match self.service.status(&batch).await {
                Ok(Status::Running) => {
                    failures = 0;
                    continue;
                }
                Ok(Status::Ended) => {
                    match self.hand_out(&batch, &mut waiting, canceled, resumed).await {
                        Ok(()) => return self.missing(waiting),
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            failures += 1;
            match failure {
                Failure::Passing(error) | Failure::Stale(error) if failures < FAILURES => {
                    tracing::warn!(batch, error = format!("{error:#}"), "looking again later");
                }
                // The provider has forgotten it: these are asked anew.
                Failure::Final(ModelError::Denied(error)) if resumed => {
                    tracing::warn!(batch, error = format!("{error:#}"), "cannot take it up");
                    return self.missing(waiting);
                }
                failure => return refuse_all(waiting.into_values(), &failure),
            }
        }
    }

    /// Give each request its result.
    async fn hand_out(
        &self,
        batch: &str,
        waiting: &mut HashMap<String, Waiting>,
        canceled: bool,
        resumed: bool,
    ) -> Result<(), Failure> {
        let mut sink = |id: &str, result: Result<_, Failure>| {
            let Some(one) = waiting.remove(id) else { return };
            let result = match result {
                // Asking again would not be in time.
                Err(Failure::Passing(error)) if canceled => {
                    Err(Failure::Final(ModelError::Late(error)))
                }
                // What went wrong in another run may be right by now.
                Err(Failure::Final(error)) if resumed => {
                    Err(Failure::Passing(anyhow::Error::new(error)))
                }
                result => result,
            };
            if result.is_err() {
                self.ledger.forget(id);
            }
            let _ = one.reply.send(result);
        };
        self.service.results(batch, &mut sink).await
    }

    /// Requests that a batch has no result for.
    fn missing(&self, waiting: HashMap<String, Waiting>) {
        for (id, one) in waiting {
            self.ledger.forget(&id);
            let error = anyhow!("the batch has no result for the request");
            let _ = one.reply.send(Err(Failure::Passing(error)));
        }
    }
}

/// When a batch has to be ended early, so that its results are there in time.
fn due(waiting: &[Waiting]) -> Option<Instant> {
    let deadline = waiting.iter().filter_map(|one| one.deadline).min()?;
    let left = deadline.saturating_duration_since(Instant::now());
    Some(deadline - left.mul_f64(MARGIN_SHARE).min(LONGEST_MARGIN))
}

/// Tell all of them the same.
fn refuse_all(waiting: impl IntoIterator<Item = Waiting>, failure: &Failure) {
    for one in waiting {
        let _ = one.reply.send(Err(Failure::Final(alike(failure))));
    }
}

/// What a failure of all means for one.
fn alike(failure: &Failure) -> ModelError {
    let told = |error: &anyhow::Error| anyhow!("{error:#}");
    match failure {
        Failure::Passing(error) | Failure::Stale(error) => ModelError::Unavailable(told(error)),
        Failure::Final(error) => match error {
            ModelError::Denied(error) => ModelError::Denied(told(error)),
            ModelError::TooLong(error) => ModelError::TooLong(told(error)),
            ModelError::Rejected(error) => ModelError::Rejected(told(error)),
            ModelError::Unavailable(error) => ModelError::Unavailable(told(error)),
            ModelError::Late(error) => ModelError::Late(told(error)),
        },
    }
}
