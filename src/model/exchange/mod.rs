//! One request out, one reply in: what every provider that streams over HTTP shares.
//!
//! A [`Wire`] knows a provider's address, proof of identity and forms; the
//! [`Exchange`] sends, tries again and adds up what broken replies cost. Rate
//! limits, overload and failures before the first byte are tried again as the
//! network layer would, but the request is made anew each time, since a
//! signature or a token may have aged; a stream that breaks, stalls or ends
//! early, or brings an error that passes, is asked for again.

mod failure;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;

pub(super) use self::failure::{Failure, Kind, broken, of_kind};
use super::price::Price;
use super::{ModelError, Reply, Request};
use crate::http::{self, Bytes, Client, Retry};
use crate::report::Usage;

/// Most bytes of a reply; the longest real ones have about 1 MB.
const MAX_REPLY: usize = 32 << 20;

/// What a wire has learned to do without: each field is only ever set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// Only what every model takes.
    pub bare: bool,
    /// The reply in one piece, not as a stream.
    pub whole: bool,
}

/// A provider's protocol.
#[async_trait]
pub(super) trait Wire: Send + Sync {
    /// Provider and name, as [`super::Model::name`].
    fn name(&self) -> String;

    /// The body of a request.
    fn body(&self, request: &Request, form: Form) -> Vec<u8>;

    /// A request ready to send, made anew for every attempt.
    async fn http(&self, body: Bytes, form: Form) -> Result<http::Request, ModelError>;

    /// What puts a streamed reply together.
    fn reading(&self) -> Box<dyn Reading>;

    /// A reply that came in one piece.
    fn whole(&self, body: &[u8], price: Option<&Price>) -> Result<Reply, Failure>;

    /// What a request without a reply means.
    fn failure(&self, error: http::Error) -> Failure;

    /// A plainer form that this refusal asks for, if `form` is not that plain already.
    fn plainer(&self, form: Form, refusal: &ModelError) -> Option<Form>;

    /// Drops a credential that the provider took for stale.
    async fn renew(&self) {}
}

/// Puts a reply together from the bytes of a stream.
pub(super) trait Reading: Send {
    /// Takes the next bytes, cut anywhere.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure>;

    /// Whether the reply is complete: nothing that follows matters.
    fn stopped(&self) -> bool;

    /// What was counted so far, as of a request that is not answered.
    fn usage(&self, price: Option<&Price>) -> Usage;

    /// The reply, if the stream came to its end.
    fn finish(self: Box<Self>, price: Option<&Price>) -> Result<Reply, Failure>;
}

/// How often and how long to try.
pub(super) struct Exchange {
    /// Sends once.
    sender: Client,
    /// Knows how long to wait after what.
    patience: Client,
    first_wait: Duration,
    attempts: u32,
    form: Mutex<Form>,
    price: Option<Price>,
}

impl Exchange {
    /// `attempts`: most times a reply is asked for that breaks off after it began.
    pub(super) fn new(client: &Client, retry: &Retry, attempts: u32, price: Option<Price>) -> Self {
        Exchange {
            sender: client.with_retry(Retry { attempts: 1, ..retry.clone() }),
            patience: client.with_retry(retry.clone()),
            first_wait: retry.first_wait,
            attempts,
            form: Mutex::default(),
            price,
        }
    }

    /// What tokens cost.
    pub(super) fn price(&self) -> Option<Price> {
        self.price
    }

    /// One request, one reply.
    pub(super) async fn ask(
        &self,
        wire: &dyn Wire,
        request: &Request,
    ) -> Result<Reply, ModelError> {
        let mut form = self.form();
        let mut body = Bytes::from(wire.body(request, form));
        let mut spent = Usage::default();
        let (mut attempt, mut renewed) = (1, false);
        loop {
            let failure = match self.once(wire, body.clone(), form, &mut spent).await {
                Ok(mut reply) => {
                    reply.usage += spent;
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            match failure {
                Failure::Passing(error) if attempt < self.attempts => {
                    let wait = self.first_wait.saturating_mul(1 << attempt.min(6));
                    tracing::warn!(error = format!("{error:#}"), ?wait, "asking the model again");
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
                Failure::Passing(error) => {
                    return Err(error)
                        .with_context(|| format!("{} did not answer", wire.name()))
                        .map_err(ModelError::Unavailable);
                }
                Failure::Stale(error) if !renewed => {
                    tracing::warn!(error = format!("{error:#}"), "asking for a new credential");
                    wire.renew().await;
                    renewed = true;
                }
                Failure::Stale(error) => return Err(ModelError::Denied(error)),
                Failure::Final(error) => {
                    let Some(plainer) = wire.plainer(form, &error) else { return Err(error) };
                    tracing::warn!(%error, "asking in a plainer form from here on");
                    self.learn(plainer);
                    form = plainer;
                    body = Bytes::from(wire.body(request, form));
                }
            }
        }
    }

    fn form(&self) -> Form {
        *self.form.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, plainer: Form) {
        let mut form = self.form.lock().unwrap_or_else(PoisonError::into_inner);
        form.bare |= plainer.bare;
        form.whole |= plainer.whole;
    }

    /// One attempt. `spent` grows by what a reply that broke off had cost by then.
    async fn once(
        &self,
        wire: &dyn Wire,
        body: Bytes,
        form: Form,
        spent: &mut Usage,
    ) -> Result<Reply, Failure> {
        let answer = self.send(wire, body, form).await?;
        let is_json = answer
            .headers
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.contains("json"));
        let price = self.price.as_ref();
        if is_json {
            let response = answer.collect(MAX_REPLY).await.map_err(|error| broken(wire, error))?;
            return wire.whole(&response.body, price);
        }
        let mut reading = wire.reading();
        match read(wire, answer, reading.as_mut()).await {
            Ok(()) => {
                let begun = reading.usage(price);
                reading.finish(price).inspect_err(|_| *spent += begun)
            }
            Err(failure) => {
                *spent += reading.usage(price);
                Err(failure)
            }
        }
    }

    async fn send(
        &self,
        wire: &dyn Wire,
        body: Bytes,
        form: Form,
    ) -> Result<http::Streaming, Failure> {
        let mut failures = 0;
        loop {
            let request = wire.http(body.clone(), form).await.map_err(Failure::Final)?;
            let error = match self.sender.send_streaming(&request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let waited = self.patience.give_up_or_wait(&request, error, &mut failures).await;
            waited.map_err(|error| wire.failure(error))?;
        }
    }
}

async fn read(
    wire: &dyn Wire,
    mut answer: http::Streaming,
    reading: &mut dyn Reading,
) -> Result<(), Failure> {
    while let Some(chunk) = answer.chunk().await.map_err(|error| broken(wire, error))? {
        reading.push(&chunk)?;
        if reading.stopped() {
            // The end of the body mostly follows at once, and a connection read
            // to its end can be used again; it is not worth waiting for.
            let _ = tokio::time::timeout(Duration::from_millis(50), answer.chunk()).await;
            break;
        }
    }
    Ok(())
}
