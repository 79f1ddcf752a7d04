//! Anthropic's Messages API: one request out, one reply in, by streaming.
//!
//! The key goes only to the host it is given for and is never logged. Body
//! ([`request`]), reply ([`reply`]) and event stream ([`sse`]) are apart from
//! the transport here: the clouds carry the same ones.

mod batch;
mod capability;
pub(super) mod errors;
pub mod federation;
pub mod reply;
pub mod request;
pub mod sse;

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use async_trait::async_trait;

use self::federation::Federation;
use self::reply::{Assembler, StreamError};
use super::exchange::{Exchange, Failure, Form, Reading, Wire};
use super::price::{self, Price};
use super::{About, Limits, Model, ModelError, Reply, Request, Structure, identity};
use crate::http::{self, Bytes, Client, Credential, HeaderName, HeaderValue, Repeat, Retry, Url};
use crate::report::Usage;

pub use self::capability::{Capability, capability, strict_optional};
pub use self::request::Effort;

/// Where the API is, unless `ANTHROPIC_BASE_URL` says otherwise.
pub const DEFAULT_BASE_URL: &str = "https://api.anthropic.com";

/// The version of the API that this client speaks.
const API_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// What proves who asks.
#[derive(Clone)]
pub enum Key {
    /// An API key, sent as `x-api-key`.
    ApiKey(String),
    /// A token, sent as `authorization: Bearer`.
    AuthToken(String),
    /// Tokens that the job's own identity is exchanged for.
    Federated(Arc<Federation>),
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
    /// What tokens cost; by default as the price table says.
    pub price: Option<Price>,
    /// How many fit; the same.
    pub limits: Limits,
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
    wire: Api,
    exchange: Exchange,
}

impl Anthropic {
    /// Make one. Nothing is sent yet. `client` brings proxies and the run's
    /// deadline. Fails if the base URL cannot be a host's or the key is no header.
    pub fn new(client: &Client, options: Options) -> anyhow::Result<Self> {
        let url = messages_url(&options.base_url)?;
        if url.scheme() == "http" && !identity::is_loopback(&url) {
            tracing::warn!(host = url.host_str(), "the model's key is sent without encryption");
        }
        let proof = match &options.key {
            Key::ApiKey(key) => {
                let name = HeaderName::from_static("x-api-key");
                Proof::Fixed(Credential::header(name, key, &url)?)
            }
            Key::AuthToken(token) => Proof::Fixed(Credential::bearer(token, &url)?),
            Key::Federated(federation) => Proof::Federated(Arc::clone(federation)),
        };
        let exchange = Exchange::new(client, &options.retry, options.attempts, options.price);
        let capability = capability(&options.model);
        Ok(Anthropic { wire: Api { url, proof, capability, options }, exchange })
    }

    /// Where requests go.
    pub fn url(&self) -> &Url {
        &self.wire.url
    }
}

enum Proof {
    Fixed(Credential),
    Federated(Arc<Federation>),
}

/// Anthropic's own transport.
struct Api {
    url: Url,
    proof: Proof,
    capability: Capability,
    options: Options,
}

impl Api {
    /// A request that says which interface it speaks and who asks.
    async fn prove(&self, http: http::Request) -> Result<http::Request, ModelError> {
        let version = HeaderName::from_static("anthropic-version");
        let http = http.with_header(version, API_VERSION);
        Ok(match &self.proof {
            Proof::Fixed(credential) => http.with_credential(credential.clone()),
            Proof::Federated(federation) => {
                let token = federation.token().await?;
                let credential = identity::bearer(&token, &self.url)?;
                let beta = HeaderName::from_static("anthropic-beta");
                http.with_header(beta, federation::API_BETA).with_credential(credential)
            }
        })
    }
}

#[async_trait]
impl Wire for Api {
    fn name(&self) -> String {
        format!("anthropic:{}", self.options.model)
    }

    fn body(&self, request: &Request, form: Form) -> Vec<u8> {
        let Options { model, effort, stream, .. } = &self.options;
        request::body(model, self.capability.in_form(form), *effort, *stream, request)
    }

    async fn http(&self, body: Bytes, _: Form) -> Result<http::Request, ModelError> {
        let http = http::Request::post_json(self.url.clone(), body)
            // Asking twice changes nothing at the provider; it may cost twice.
            .with_repeat(Repeat::Harmless);
        let mut http = self.prove(http).await?;
        http.timeout = Some(self.options.timeout);
        http.stall_timeout = Some(self.options.stall_timeout);
        Ok(http)
    }

    fn reading(&self) -> Box<dyn Reading> {
        Box::new(EventReading::default())
    }

    fn whole(&self, body: &[u8], price: Option<&Price>) -> Result<Reply, Failure> {
        reply::from_message(body, price).map_err(errors::of_stream)
    }

    fn failure(&self, error: http::Error) -> Failure {
        let unauthorized = matches!(&error, http::Error::Status(response) if response.status == http::StatusCode::UNAUTHORIZED);
        match self.proof {
            Proof::Federated(_) if unauthorized => Failure::Stale(anyhow::Error::new(error)),
            _ => errors::of_http(error),
        }
    }

    fn plainer(&self, form: Form, refusal: &ModelError) -> Option<Form> {
        plainer(self.capability, form, refusal)
    }

    async fn renew(&self) {
        if let Proof::Federated(federation) = &self.proof {
            federation.forget().await;
        }
    }
}

/// The plainest form, where the refusal is of what goes beyond it.
pub(super) fn plainer(capability: Capability, form: Form, refusal: &ModelError) -> Option<Form> {
    (!form.bare && capability != Capability::BARE && errors::is_about_extras(refusal))
        .then_some(Form { bare: true, ..form })
}

/// A reply from server-sent events.
#[derive(Default)]
pub(super) struct EventReading {
    parser: sse::Parser,
    assembler: Assembler,
}

impl Reading for EventReading {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let assembler = &mut self.assembler;
        let mut result = Ok(());
        let parsed = self.parser.push(bytes, |event| {
            if result.is_ok() {
                result = assembler.event(&event);
            }
        });
        result.map_err(errors::of_stream)?;
        let too_long = |_| StreamError::Broken("an event is too long");
        parsed.map_err(too_long).map_err(errors::of_stream)
    }

    fn stopped(&self) -> bool {
        self.assembler.stopped()
    }

    fn usage(&self, price: Option<&Price>) -> Usage {
        self.assembler.usage(price)
    }

    fn finish(self: Box<Self>, price: Option<&Price>) -> Result<Reply, Failure> {
        self.assembler.finish(price).map_err(errors::of_stream)
    }
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
        self.wire.name()
    }

    fn about(&self) -> About {
        let structure = match self.wire.capability {
            Capability { strict_tools: true, .. } => Structure::StrictTool,
            Capability { forced_tools: true, .. } => Structure::ForcedTool,
            _ => Structure::Instruction,
        };
        About {
            endpoint: Some(self.wire.url.to_string()),
            structure: Some(structure),
            caches: Some(true),
        }
    }

    fn limits(&self) -> Limits {
        self.wire.options.limits
    }

    fn price(&self) -> Option<Price> {
        self.exchange.price()
    }

    async fn ask(&self, request: &Request) -> Result<Reply, ModelError> {
        self.exchange.ask(&self.wire, request).await
    }
}
