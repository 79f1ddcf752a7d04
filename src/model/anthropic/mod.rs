//! Anthropic's Messages API: one request out, one reply in, by streaming.
//!
//! The key goes only to the host it is given for and is never logged. What the
//! network layer retries (rate limits, overload, failures before the first
//! byte) it retries by itself, honouring `retry-after`; a stream that breaks,
//! stalls or ends early, or brings an error that passes, is asked for again here.

mod capability;
mod errors;
pub mod reply;
pub mod request;
pub mod sse;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use async_trait::async_trait;

use self::errors::Failure;
use self::reply::{Assembler, StreamError};
use super::price::{self, Price};
use super::{About, Limits, Model, ModelError, Reply, Request, Structure};
use crate::http::{self, Bytes, Client, Credential, HeaderName, HeaderValue, Repeat, Retry, Url};
use crate::report::Usage;

pub use self::capability::{Capability, capability, strict_optional};
pub use self::request::Effort;

/// Where the API is, unless `ANTHROPIC_BASE_URL` says otherwise.
pub const DEFAULT_BASE_URL: &str = "https://api.anthropic.com";

/// The version of the API that this client speaks.
const API_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// Most bytes of a reply; the longest real ones have about 1 MB.
const MAX_REPLY: usize = 32 << 20;

/// What proves who asks.
#[derive(Clone)]
pub enum Key {
    /// An API key, sent as `x-api-key`.
    ApiKey(String),
    /// A token, sent as `authorization: Bearer`.
    AuthToken(String),
}

/// How to ask. `Options::new` gives what fits real use.
#[derive(Clone)]
pub struct Options {
    /// The model's name, as the API knows it.
    pub model: String,
    /// Scheme, host and, behind a gateway, a path; `/v1/messages` is added.
    pub base_url: Url,
    /// Sent to that host and nowhere else.
    pub key: Key,
    /// What it costs; by the table where `Options::new` makes it.
    pub price: Option<Price>,
    /// How much fits; likewise.
    pub limits: Limits,
    /// How hard to think; `None` leaves it to the model.
    pub effort: Option<Effort>,
    /// Whether to ask for a stream. Without one a long reply runs into timeouts.
    pub stream: bool,
    /// Longest silence, before the first event and between events.
    pub stall_timeout: Duration,
    /// Longest time for one reply.
    pub timeout: Duration,
    /// Most times a reply is asked for that breaks off after it began.
    pub attempts: u32,
    /// When the network layer tries again.
    pub retry: Retry,
}

impl Options {
    /// The usual ones: silence for a minute, a quarter of an hour for a reply.
    pub fn new(model: impl Into<String>, base_url: Url, key: Key) -> Self {
        let model = model.into();
        Options {
            price: price::price(&model),
            limits: price::limits(&model),
            model,
            base_url,
            key,
            effort: None,
            stream: true,
            stall_timeout: Duration::from_secs(60),
            timeout: Duration::from_secs(15 * 60),
            attempts: 3,
            // A rate limit counts by the minute and nearly always says how long.
            retry: Retry {
                limit_wait: Duration::from_secs(5),
                longest_limit_wait: Duration::from_secs(10 * 60),
                ..Retry::default()
            },
        }
    }
}

/// A model of Anthropic's.
pub struct Anthropic {
    client: Client,
    url: Url,
    credential: Credential,
    options: Options,
    capability: Capability,
    /// The provider refused what `capability` says that the model takes.
    bare: AtomicBool,
    price: Option<Price>,
}

impl Anthropic {
    /// Make one. Nothing is sent yet. `client` brings proxies and the run's
    /// deadline. Fails if the base URL cannot be a host's or the key is no header.
    pub fn new(client: &Client, options: Options) -> anyhow::Result<Self> {
        let url = messages_url(&options.base_url)?;
        if url.scheme() == "http" && !is_loopback(&url) {
            tracing::warn!(host = url.host_str(), "the model's key is sent without encryption");
        }
        let credential = match &options.key {
            Key::ApiKey(key) => {
                Credential::header(HeaderName::from_static("x-api-key"), key, &url)?
            }
            Key::AuthToken(token) => Credential::bearer(token, &url)?,
        };
        Ok(Anthropic {
            client: client.with_retry(options.retry.clone()),
            url,
            credential,
            capability: capability(&options.model),
            bare: AtomicBool::new(false),
            price: options.price,
            options,
        })
    }

    /// Where requests go.
    pub fn url(&self) -> &Url {
        &self.url
    }

    fn capability(&self) -> Capability {
        if self.bare.load(Ordering::Relaxed) { Capability::BARE } else { self.capability }
    }

    fn http_request(&self, request: &Request, capability: Capability) -> http::Request {
        let Options { model, effort, stream, .. } = &self.options;
        let body = request::body(model, capability, *effort, *stream, request);
        let version = HeaderName::from_static("anthropic-version");
        let mut http = http::Request::post_json(self.url.clone(), Bytes::from(body))
            .with_header(version, API_VERSION)
            .with_credential(self.credential.clone())
            // Asking twice changes nothing at the provider; it may cost twice.
            .with_repeat(Repeat::Harmless);
        http.timeout = Some(self.options.timeout);
        http.stall_timeout = Some(self.options.stall_timeout);
        http
    }

    /// One attempt. `spent` grows by what a reply that broke off had cost by then.
    async fn once(&self, request: &http::Request, spent: &mut Usage) -> Result<Reply, Failure> {
        let answer = self.client.send_streaming(request).await.map_err(errors::of_http)?;
        let is_json = answer
            .headers
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.contains("json"));
        let price = self.price.as_ref();
        if is_json {
            let response = answer.collect(MAX_REPLY).await.map_err(errors::broken)?;
            return reply::from_message(&response.body, price).map_err(errors::of_stream);
        }
        let mut assembler = Assembler::default();
        match read_events(answer, &mut assembler).await {
            Ok(()) => {
                let begun = assembler.usage(price);
                assembler.finish(price).map_err(|error| {
                    *spent += begun;
                    errors::of_stream(error)
                })
            }
            Err(failure) => {
                *spent += assembler.usage(price);
                Err(failure)
            }
        }
    }
}

async fn read_events(
    mut answer: http::Streaming,
    assembler: &mut Assembler,
) -> Result<(), Failure> {
    let mut parser = sse::Parser::default();
    while let Some(chunk) = answer.chunk().await.map_err(errors::broken)? {
        let mut result = Ok(());
        let parsed = parser.push(&chunk, |event| {
            if result.is_ok() {
                result = assembler.event(&event);
            }
        });
        result.map_err(errors::of_stream)?;
        let too_long = |_| StreamError::Broken("an event is too long");
        parsed.map_err(too_long).map_err(errors::of_stream)?;
        if assembler.stopped() {
            // The end of the body mostly follows at once, and a connection read
            // to its end can be used again; it is not worth waiting for.
            let _ = tokio::time::timeout(Duration::from_millis(50), answer.chunk()).await;
            break;
        }
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn messages_url(base: &Url) -> anyhow::Result<Url> {
    let mut url = base.clone();
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(anyhow!("cannot use {base} as the model's base URL: it names no host"));
    }
    let prefix = url.path().trim_end_matches('/');
    let prefix = prefix.strip_suffix("/v1").unwrap_or(prefix);
    let path = format!("{prefix}/v1/messages");
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[async_trait]
impl Model for Anthropic {
    fn name(&self) -> String {
        format!("anthropic:{}", self.options.model)
    }

    fn limits(&self) -> Limits {
        self.options.limits
    }

    fn price(&self) -> Option<Price> {
        self.price
    }

    fn about(&self) -> About {
        let structure = match self.capability() {
            Capability { strict_tools: true, .. } => Structure::StrictTool,
            Capability { forced_tools: true, .. } => Structure::ForcedTool,
            _ => Structure::Instruction,
        };
        About {
            endpoint: Some(self.url.to_string()),
            structure: Some(structure),
            caches: Some(true),
        }
    }

    async fn ask(&self, request: &Request) -> Result<Reply, ModelError> {
        let mut capability = self.capability();
        let mut http = self.http_request(request, capability);
        let mut spent = Usage::default();
        let mut attempt = 1;
        loop {
            let failure = match self.once(&http, &mut spent).await {
                Ok(mut reply) => {
                    reply.usage += spent;
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            match failure {
                Failure::Passing(error) if attempt < self.options.attempts => {
                    let wait = self.options.retry.first_wait.saturating_mul(1 << attempt.min(6));
                    tracing::warn!(error = format!("{error:#}"), ?wait, "asking the model again");
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
                Failure::Passing(error) => {
                    return Err(error)
                        .with_context(|| format!("{} did not answer", self.name()))
                        .map_err(ModelError::Unavailable);
                }
                Failure::Final(error)
                    if capability != Capability::BARE && errors::is_about_extras(&error) =>
                {
                    tracing::warn!(%error, "asking in the plainest form from here on");
                    self.bare.store(true, Ordering::Relaxed);
                    capability = Capability::BARE;
                    http = self.http_request(request, capability);
                }
                Failure::Final(error) => return Err(error),
            }
        }
    }
}
