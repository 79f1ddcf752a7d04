//! A model asked through its provider's batch interface: at half the price, and
//! within a day instead of at once.
//!
//! [`Batched`] collects what conversations side by side ask for: when no request
//! has come for a moment, those that wait are sent as one batch, which is looked
//! at from time to time until it has ended; then every request gets its own
//! reply, and what follows from the replies makes up the next batch.
//!
//! What was sent is kept in a [`Ledger`], so that a run that was killed is taken
//! up by one that asks the same instead of being paid twice.

mod follow;
mod ledger;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

pub use self::ledger::{KEPT_DAYS, Ledger};
use super::exchange::Failure;
use super::price::Price;
use super::{About, Limits, Model, ModelError, Reply, Request};
use crate::http::Bytes;

/// What a batch's tokens cost, cached ones included, as a share of the usual price
/// (<https://platform.claude.com/docs/en/build-with-claude/batch-processing>,
/// <https://developers.openai.com/api/docs/guides/batch>).
pub const PRICE_FACTOR: f64 = 0.5;

/// Most requests that are worth having under way at one time: all of a run's.
const SIDE_BY_SIDE: usize = 10_000;

/// Times that a request is sent again which failed in a way that passes.
const SENT_AGAIN: u32 = 2;

/// How many hexadecimal digits of a request's digest name it: with its ordinal
/// they stay below the 64 characters that providers allow.
const DIGEST_DIGITS: usize = 48;

/// A request of a batch: the name that its result will carry, and its body.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Letters, digits, `-` and `_`; at most 64; unique in its batch.
    pub id: String,
    /// JSON, as the provider's ordinary interface takes it.
    pub body: Bytes,
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Some requests have yet to be answered.
    Running,
    /// Results are there, for as many requests as got one.
    Ended,
}

/// Takes a request's result: its name, and the reply or why there is none.
pub(super) type Sink<'a> = &'a mut (dyn FnMut(&str, Result<Reply, Failure>) + Send);

/// A provider's batch interface.
#[async_trait]
pub(super) trait Service: Send + Sync {
    /// Most requests of one batch, and most bytes.
    fn most(&self) -> (usize, usize);

    /// A request's body.
    fn body(&self, request: &Request) -> Vec<u8>;

    /// Sends a batch; gives the provider's name for it. `Failure::Passing` only
    /// where it is certain that none was made.
    async fn create(&self, entries: &[Entry]) -> Result<String, Failure>;

    /// Asks where a batch stands.
    async fn status(&self, batch: &str) -> Result<Status, Failure>;

    /// Has a batch end early. Requests that were not begun are not billed.
    async fn cancel(&self, batch: &str) -> Result<(), Failure>;

    /// Reads the results of a batch that has ended, in any order. An error means
    /// that not all were read.
    async fn results(&self, batch: &str, sink: Sink<'_>) -> Result<(), Failure>;

    /// After this refusal, whether requests are made in a plainer form from now on.
    fn learn(&self, refusal: &ModelError) -> bool;
}

/// How patient a batching model is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// A batch is sent when no request has come for so long.
    pub quiet: Duration,
    /// Longest time that a request waits for others.
    pub longest_quiet: Duration,
    /// Wait before a batch is first looked at; each further one is half as long again.
    pub first_look: Duration,
    /// Longest wait between looks.
    pub longest_look: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            quiet: Duration::from_secs(1),
            longest_quiet: Duration::from_secs(60),
            first_look: Duration::from_secs(1),
            longest_look: Duration::from_secs(60),
        }
    }
}

/// A model asked in batches.
pub struct Batched {
    inner: Arc<dyn Model>,
    price: Option<Price>,
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    service: Box<dyn Service>,
    pace: Pace,
    ledger: Ledger,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: Vec<Waiting>,
    bytes: usize,
    /// When the first and the last of those in the queue came.
    since: Option<(Instant, Instant)>,
    /// How often each request was asked for: equal ones differ by their ordinal.
    asked: HashMap<String, u32>,
}

/// A request that waits for its reply.
struct Waiting {
    entry: Entry,
    deadline: Option<Instant>,
    reply: oneshot::Sender<Result<Reply, Failure>>,
}

impl Batched {
    /// `inner` tells name and limits; the rest is asked of `service`.
    pub(super) fn new(
        inner: Arc<dyn Model>,
        service: Box<dyn Service>,
        pace: Pace,
        ledger: Ledger,
    ) -> Self {
        let price = inner.price().map(|price| price.times(PRICE_FACTOR));
        let shared = Shared { name: inner.name(), service, pace, ledger, state: Mutex::default() };
        Batched { inner, price, shared: Arc::new(shared) }
    }
}

#[async_trait]
impl Model for Batched {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn price(&self) -> Option<Price> {
        self.price
    }

    fn calls_tools(&self) -> bool {
        self.inner.calls_tools()
    }

    fn about(&self) -> About {
        self.inner.about()
    }

    fn side_by_side(&self) -> Option<usize> {
        Some(SIDE_BY_SIDE)
    }

    fn is_batched(&self) -> bool {
        true
    }

    async fn ask(&self, request: &Request) -> Result<Reply, ModelError> {
        self.ask_by(request, None).await
    }

    async fn ask_by(
        &self,
        request: &Request,
        deadline: Option<Instant>,
    ) -> Result<Reply, ModelError> {
        let shared = &self.shared;
        let mut again = 0;
        let mut named: Option<(String, String)> = None;
        loop {
            let body = shared.service.body(request);
            let digest = digest(&body);
            let id = match named.take() {
                Some((of, id)) if of == digest => id,
                _ => shared.name_of(&digest),
            };
            named = Some((digest, id.clone()));
            let failure = match shared.put(Entry { id, body: body.into() }, deadline).await {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Passing(anyhow!("the batch was lost")),
            };
            match failure {
                Failure::Final(refusal) if shared.service.learn(&refusal) => {
                    tracing::warn!(%refusal, "asking in a plainer form from here on");
                }
                Failure::Final(error) => return Err(error),
                Failure::Passing(error) | Failure::Stale(error) if again < SENT_AGAIN => {
                    tracing::warn!(error = format!("{error:#}"), "asking in another batch");
                    again += 1;
                }
                Failure::Passing(error) | Failure::Stale(error) => {
                    let error = error.context(format!("{} did not answer", shared.name));
                    return Err(ModelError::Unavailable(error));
                }
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the lock is given back.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of the next request with this digest: the same in every run that
    /// asks the same.
    fn name_of(&self, digest: &str) -> String {
        let mut state = self.lock();
        let ordinal = state.asked.entry(digest.to_owned()).or_default();
        *ordinal += 1;
        format!("{digest}-{ordinal}")
    }

    /// Put a request into the queue; somebody empties it.
    fn put(
        self: &Arc<Self>,
        entry: Entry,
        deadline: Option<Instant>,
    ) -> oneshot::Receiver<Result<Reply, Failure>> {
        let (reply, receiver) = oneshot::channel();
        let now = Instant::now();
        let mut state = self.lock();
        state.bytes += entry.body.len();
        state.queue.push(Waiting { entry, deadline, reply });
        match &mut state.since {
            Some((_, last)) => *last = now,
            None => {
                state.since = Some((now, now));
                tokio::spawn(Arc::clone(self).collect());
            }
        }
        receiver
    }

    /// Wait until no more requests come, then send those that wait.
    async fn collect(self: Arc<Self>) {
        let (most, most_bytes) = self.service.most();
        let Pace { quiet, longest_quiet, .. } = self.pace;
        let waiting = loop {
            let until = {
                let mut state = self.lock();
                let now = Instant::now();
                let due = match state.since {
                    Some((first, last)) => (last + quiet).min(first + longest_quiet),
                    None => now,
                };
                if due <= now || state.queue.len() >= most || state.bytes >= most_bytes {
                    state.since = None;
                    state.bytes = 0;
                    break std::mem::take(&mut state.queue);
                }
                // A size limit may be reached before that.
                due.min(now + Duration::from_millis(200))
            };
            sleep_until(until).await;
        };
        self.send(waiting);
    }

    /// Send requests; those that an earlier run has sent are taken up there.
    fn send(self: &Arc<Self>, waiting: Vec<Waiting>) {
        let (most, most_bytes) = self.service.most();
        let mut known: HashMap<String, Vec<Waiting>> = HashMap::new();
        let mut fresh: Vec<Waiting> = Vec::new();
        let mut bytes = 0;
        for one in waiting.into_iter().filter(|one| !one.reply.is_closed()) {
            if let Some(batch) = self.ledger.batch_of(&one.entry.id) {
                known.entry(batch).or_default().push(one);
                continue;
            }
            let full = fresh.len() == most || bytes + one.entry.body.len() > most_bytes;
            if full && !fresh.is_empty() {
                tokio::spawn(Arc::clone(self).start(std::mem::take(&mut fresh)));
                bytes = 0;
            }
            bytes += one.entry.body.len();
            fresh.push(one);
        }
        if !fresh.is_empty() {
            tokio::spawn(Arc::clone(self).start(fresh));
        }
        for (batch, waiting) in known {
            tracing::info!(batch, requests = waiting.len(), "taking up a batch sent before");
            tokio::spawn(Arc::clone(self).follow(batch, waiting, true));
        }
    }
}

/// A request's digest, without the most tokens that it may be answered with: they
/// depend on what is left of the caps, and a shorter answer is better than paying
/// for another.
fn digest(body: &[u8]) -> String {
    const FIELD: &[u8] = b"\"max_tokens\":";
    // It stands at the front, before any text of the conversation.
    let front = &body[..body.len().min(256)];
    let (before, after) = match memchr::memmem::find(front, FIELD) {
        Some(at) => body.split_at(at + FIELD.len()),
        None => (body, &[][..]),
    };
    let after = after.trim_ascii_start();
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hash = Sha256::new().chain_update(before).chain_update(&after[digits..]).finalize();
    let mut text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(DIGEST_DIGITS);
    text
}
