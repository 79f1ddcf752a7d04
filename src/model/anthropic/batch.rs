//! Anthropic's Message Batches API
//! (<https://platform.claude.com/docs/en/build-with-claude/batch-processing>).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Anthropic, Api, Capability, errors, reply, request};
use crate::http::{self, Bytes, Client, Method, Repeat, Retry, Url};
use crate::model::batch::{Batched, Entry, Ledger, PRICE_FACTOR, Pace, Service, Sink, Status};
use crate::model::exchange::{Failure, Form};
use crate::model::price::Price;
use crate::model::{Model, ModelError, Request};

/// Most requests of one batch; the provider takes 100,000.
const MOST_REQUESTS: usize = 50_000;
/// Most bytes of the requests of one batch. The provider takes 256 MB; smaller
/// batches cost the same, and less memory.
const MOST_BYTES: usize = 48 << 20;
/// Longest line of the results.
const LONGEST_LINE: usize = 32 << 20;
/// Longest time for sending a batch, or for reading its results.
const TRANSFER: Duration = Duration::from_secs(15 * 60);

impl Anthropic {
    /// The same model, asked in batches at half the price.
    pub fn in_batches(self, client: &Client, pace: Pace, ledger: Ledger) -> Batched {
        let inner = Arc::new(self);
        let service = Batches {
            client: client.with_retry(inner.wire.options.retry.clone()),
            once: client.with_retry(Retry { attempts: 1, ..inner.wire.options.retry.clone() }),
            price: inner.price().map(|price| price.times(PRICE_FACTOR)),
            bare: AtomicBool::new(false),
            model: Arc::clone(&inner),
        };
        Batched::new(inner, Box::new(service), pace, ledger)
    }
}

struct Batches {
    model: Arc<Anthropic>,
    client: Client,
    /// Sends once: what breaks is repeated by who follows the batch.
    once: Client,
    price: Option<Price>,
    bare: AtomicBool,
}

/// A batch as the provider describes it.
#[derive(Deserialize)]
struct Described {
    id: String,
    #[serde(default)]
    processing_status: String,
}

/// A line of the results.
#[derive(Deserialize)]
struct Line {
    custom_id: String,
    result: Value,
}

impl Batches {
    fn api(&self) -> &Api {
        &self.model.wire
    }

    fn url(&self, rest: &[&str]) -> Url {
        let mut url = self.api().url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push("batches").extend(rest);
        }
        url
    }

    async fn request(
        &self,
        method: Method,
        url: Url,
        body: Option<Bytes>,
    ) -> Result<http::Request, Failure> {
        let http = match body {
            Some(body) => http::Request::post_json(url, body),
            None => http::Request::new(method, url),
        };
        self.api().prove(http).await.map_err(Failure::Final)
    }

    /// Where a credential has aged, the next attempt takes a new one.
    async fn failure(&self, error: http::Error) -> Failure {
        let broken = matches!(error, http::Error::Broken(_) | http::Error::NotSent(_));
        let passing = matches!(&error, http::Error::Status(response)
            if response.status.is_server_error() || response.is_rate_limit());
        if broken || passing {
            return Failure::Passing(anyhow::Error::new(error));
        }
        let failure = super::Wire::failure(self.api(), error);
        if matches!(failure, Failure::Stale(_)) {
            super::Wire::renew(self.api()).await;
        }
        failure
    }

    async fn describe(&self, http: &http::Request) -> Result<Described, Failure> {
        match self.client.send(http).await {
            Ok(response) => serde_json::from_slice(&response.body)
                .map_err(|_| Failure::Passing(anyhow!("the provider describes no batch"))),
            Err(error) => Err(self.failure(error).await),
        }
    }

    fn result(&self, result: &Value) -> Result<crate::model::Reply, Failure> {
        match result["type"].as_str() {
            Some("succeeded") => {
                let message = result["message"].to_string();
                let read = reply::from_message(message.as_bytes(), self.price.as_ref());
                read.map_err(errors::of_stream)
            }
            Some("errored") => {
                // The error stands in an envelope of its own.
                let error = &result["error"];
                let error = if error["error"].is_object() { &error["error"] } else { error };
                let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
                let (kind, message) = (text("type"), text("message"));
                Err(errors::of_stream(reply::StreamError::Api { kind, message }))
            }
            Some("expired") => {
                Err(Failure::Passing(anyhow!("the batch expired before the request was answered")))
            }
            Some("canceled") => Err(Failure::Passing(anyhow!(
                "the batch was ended before the request was answered: a batch may take up to a \
                 day, which `timeout_minutes` has to allow"
            ))),
            _ => Err(Failure::Passing(anyhow!("the result of a request cannot be read"))),
        }
    }
}

#[async_trait]
impl Service for Batches {
    fn most(&self) -> (usize, usize) {
        (MOST_REQUESTS, MOST_BYTES)
    }

    fn body(&self, request: &Request) -> Vec<u8> {
        let Api { options, capability, .. } = self.api();
        let form = Form { bare: self.bare.load(Ordering::Relaxed), ..Form::default() };
        let envelope = request::Envelope::Batch { model: &options.model };
        request::body_in(envelope, capability.in_form(form), options.effort, request)
    }

    async fn create(&self, entries: &[Entry]) -> Result<String, Failure> {
        let bytes: usize = entries.iter().map(|entry| entry.body.len() + 128).sum();
        let mut body = Vec::with_capacity(bytes + 32);
        body.extend_from_slice(b"{\"requests\":[");
        for (at, Entry { id, body: params }) in entries.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            // Names are letters, digits and hyphens: nothing to escape.
            body.extend_from_slice(format!("{{\"custom_id\":\"{id}\",\"params\":").as_bytes());
            body.extend_from_slice(params);
            body.push(b'}');
        }
        body.extend_from_slice(b"]}");
        let http = self.request(Method::POST, self.url(&[]), Some(body.into())).await?;
        let mut http = http.with_repeat(Repeat::OnlyUnprocessed);
        http.timeout = Some(TRANSFER);
        http.stall_timeout = Some(TRANSFER);
        let described: Described = match self.client.send(&http).await {
            Ok(response) => serde_json::from_slice(&response.body).map_err(|_| {
                Failure::Final(ModelError::Unavailable(anyhow!("the provider names no batch")))
            })?,
            // Whether there is one now is not known, and it must not be paid twice.
            Err(error @ http::Error::Broken(_)) => {
                return Err(Failure::Final(ModelError::Unavailable(anyhow::Error::new(error))));
            }
            Err(error) => return Err(self.failure(error).await),
        };
        Ok(described.id)
    }

    async fn status(&self, batch: &str) -> Result<Status, Failure> {
        let http = self.request(Method::GET, self.url(&[batch]), None).await?;
        let described = self.describe(&http).await?;
        Ok(match described.processing_status.as_str() {
            "ended" => Status::Ended,
            _ => Status::Running,
        })
    }

    async fn cancel(&self, batch: &str) -> Result<(), Failure> {
        let http = self.request(Method::POST, self.url(&[batch, "cancel"]), None).await?;
        self.describe(&http.with_repeat(Repeat::Harmless)).await.map(drop)
    }

    /// From the batch's own address: the one that the description names may lie on
    /// another host, which has no claim to the key.
    async fn results(&self, batch: &str, sink: Sink<'_>) -> Result<(), Failure> {
        let mut http = self.request(Method::GET, self.url(&[batch, "results"]), None).await?;
        http.timeout = Some(TRANSFER);
        let mut answer = match self.once.send_streaming(&http).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.failure(error).await),
        };
        let mut rest: Vec<u8> = Vec::new();
        let mut take = |line: &[u8]| -> Result<(), Failure> {
            if line.trim_ascii().is_empty() {
                return Ok(());
            }
            let line: Line = serde_json::from_slice(line)
                .map_err(|_| Failure::Passing(anyhow!("a line of the results is not JSON")))?;
            sink(&line.custom_id, self.result(&line.result));
            Ok(())
        };
        loop {
            let chunk = match answer.chunk().await {
                Ok(chunk) => chunk,
                Err(error) => return Err(Failure::Passing(anyhow::Error::new(error))),
            };
            let Some(chunk) = chunk else { break };
            let mut chunk = &chunk[..];
            while let Some(at) = memchr::memchr(b'\n', chunk) {
                rest.extend_from_slice(&chunk[..at]);
                take(&rest)?;
                rest.clear();
                chunk = &chunk[at + 1..];
            }
            if rest.len() + chunk.len() > LONGEST_LINE {
                return Err(Failure::Passing(anyhow!("a line of the results is too long")));
            }
            rest.extend_from_slice(chunk);
        }
        take(&rest)
    }

    fn learn(&self, refusal: &ModelError) -> bool {
        let extras = self.api().capability != Capability::BARE && errors::is_about_extras(refusal);
        extras && !self.bare.swap(true, Ordering::Relaxed)
    }
}
