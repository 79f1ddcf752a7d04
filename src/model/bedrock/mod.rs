//! Amazon Bedrock: Claude in Anthropic's own form through `InvokeModel`, every
//! other model through Converse; both as Amazon's event streams.

mod converse;
mod credentials;
mod errors;
pub mod eventstream;
mod region;
pub mod reply;
pub mod sigv4;
mod sts;

use std::time::Duration;

use anyhow::anyhow;
use async_trait::async_trait;

use self::converse::Traits;
use self::credentials::Credentials;
use self::reply::{ClaudeReading, ConverseReading};
use super::anthropic::errors::of_stream;
use super::anthropic::request::{Envelope, body_in};
use super::anthropic::{self, Capability};
use super::exchange::{Exchange, Failure, Form, Reading, Wire};
use super::price::{self, Price};
use super::{Limits, Model, ModelError, Reply, Request};
use crate::http::{self, Bytes, Client, HeaderName, HeaderValue, Repeat, Retry, Url};
use crate::inputs::Cloud;

/// The form of Claude's body on Bedrock
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>).
const CLAUDE_VERSION: &str = "bedrock-2023-05-31";

/// How to ask. `Options::new` gives what fits real use.
#[derive(Debug, Clone)]
pub struct Options {
    /// A model's id, an inference profile's, or an ARN of either.
    pub model: String,
    /// Longest silence, before the first event and between events.
    pub stall_timeout: Duration,
    /// Longest time for one reply.
    pub timeout: Duration,
    /// Most times a reply is asked for that breaks off after it began.
    pub attempts: u32,
    /// When to try again.
    pub retry: Retry,
}

impl Options {
    /// The usual ones: silence for a minute, a quarter of an hour for a reply.
    pub fn new(model: impl Into<String>) -> Self {
        Options {
            model: model.into(),
            stall_timeout: Duration::from_secs(60),
            timeout: Duration::from_secs(15 * 60),
            attempts: 3,
            retry: Retry {
                limit_wait: Duration::from_secs(5),
                longest_limit_wait: Duration::from_secs(10 * 60),
                ..Retry::default()
            },
        }
    }
}

/// A model on Amazon Bedrock.
pub struct Bedrock {
    wire: Runtime,
    exchange: Exchange,
}

impl Bedrock {
    /// Make one. Nothing is sent yet. `client` brings proxies and the run's deadline.
    ///
    /// # Errors
    /// There is no region or nothing that says who the job is, or an address
    /// cannot be used for secrets.
    pub fn new(client: &Client, cloud: &Cloud, options: Options) -> anyhow::Result<Self> {
        let model = &options.model;
        let region = region::of(&cloud.aws, model)?;
        let endpoint = region::endpoint(&cloud.aws, &region)?;
        let credentials = Credentials::new(client, cloud, &region)?;
        let dialect = if is_claude(model) {
            Dialect::Claude(anthropic::capability(model))
        } else {
            Dialect::Converse(converse::traits(model))
        };
        let exchange = Exchange::new(client, &options.retry, options.attempts, price::price(model));
        let wire = Runtime { endpoint, credentials, dialect, options };
        Ok(Bedrock { wire, exchange })
    }
}

/// An ARN of an application's own profile does not say what it stands for: it
/// is asked through Converse, which every model takes.
fn is_claude(model: &str) -> bool {
    model.contains("anthropic.claude")
}

enum Dialect {
    Claude(Capability),
    Converse(Traits),
}

/// Bedrock's runtime in a region.
struct Runtime {
    endpoint: Url,
    credentials: Credentials,
    dialect: Dialect,
    options: Options,
}

impl Runtime {
    fn url(&self, form: Form) -> Result<Url, ModelError> {
        let operation = match (&self.dialect, form.whole) {
            (Dialect::Claude(_), false) => "invoke-with-response-stream",
            (Dialect::Claude(_), true) => "invoke",
            (Dialect::Converse(_), false) => "converse-stream",
            (Dialect::Converse(_), true) => "converse",
        };
        // A profile's ARN holds slashes and colons, and is one segment all the same.
        let model = sigv4::encode(&self.options.model);
        let prefix = self.endpoint.path().trim_end_matches('/');
        let mut url = self.endpoint.clone();
        url.set_path(&format!("{prefix}/model/{model}/{operation}"));
        if url.path().rsplit('/').nth(1) != Some(model.as_str()) {
            let error = anyhow!("cannot ask for `{}`: it is no model's id", self.options.model);
            return Err(ModelError::Denied(error));
        }
        Ok(url)
    }
}

#[async_trait]
impl Wire for Runtime {
    fn name(&self) -> String {
        format!("bedrock:{}", self.options.model)
    }

    fn body(&self, request: &Request, form: Form) -> Vec<u8> {
        match self.dialect {
            Dialect::Claude(capability) => {
                let envelope = Envelope::Platform { version: CLAUDE_VERSION, stream: None };
                body_in(envelope, capability.in_form(form), None, request)
            }
            Dialect::Converse(traits) => {
                converse::body(if form.bare { Traits::PLAIN } else { traits }, request)
            }
        }
    }

    async fn http(&self, body: Bytes, form: Form) -> Result<http::Request, ModelError> {
        let mut request = http::Request::post_json(self.url(form)?, body)
            // Asking twice changes nothing at the provider; it may cost twice.
            .with_repeat(Repeat::Harmless);
        if !form.whole {
            let (name, kind) = match self.dialect {
                Dialect::Claude(_) => ("x-amzn-bedrock-accept", "application/json"),
                Dialect::Converse(_) => ("accept", "application/vnd.amazon.eventstream"),
            };
            let (name, kind) = (HeaderName::from_static(name), HeaderValue::from_static(kind));
            request = request.with_header(name, kind);
        }
        let mut request = self.credentials.authorize(request).await?;
        request.timeout = Some(self.options.timeout);
        // A reply in one piece is silent until it is there.
        let whole = form.whole.then_some(self.options.timeout);
        request.stall_timeout = Some(whole.unwrap_or(self.options.stall_timeout));
        Ok(request)
    }

    fn reading(&self) -> Box<dyn Reading> {
        match self.dialect {
            Dialect::Claude(_) => Box::new(ClaudeReading::default()),
            Dialect::Converse(_) => Box::new(ConverseReading::default()),
        }
    }

    fn whole(&self, body: &[u8], price: Option<&Price>) -> Result<Reply, Failure> {
        match self.dialect {
            Dialect::Claude(_) => anthropic::reply::from_message(body, price).map_err(of_stream),
            Dialect::Converse(_) => reply::from_message(body, price).map_err(of_stream),
        }
    }

    fn failure(&self, error: http::Error) -> Failure {
        errors::of_http(error, self.credentials.advice(), self.credentials.can_renew())
    }

    fn plainer(&self, form: Form, refusal: &ModelError) -> Option<Form> {
        let ModelError::Rejected(error) = refusal else { return None };
        let message = format!("{error:#}").to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        match self.dialect {
            Dialect::Claude(capability) => anthropic::plainer(capability, form, refusal),
            // Some models call tools only in replies of one piece.
            Dialect::Converse(_) if !form.whole && says(&["streaming mode"]) => {
                Some(Form { whole: true, ..form })
            }
            Dialect::Converse(traits) => {
                let about = says(&["cachepoint", "caching", "toolchoice", "tool choice"]);
                let more = traits != Traits { limits: traits.limits, ..Traits::PLAIN };
                (!form.bare && more && about).then_some(Form { bare: true, ..form })
            }
        }
    }

    async fn renew(&self) {
        self.credentials.forget().await;
    }
}

#[async_trait]
impl Model for Bedrock {
    fn name(&self) -> String {
        self.wire.name()
    }

    fn limits(&self) -> Limits {
        match self.wire.dialect {
            Dialect::Claude(_) => price::limits(&self.wire.options.model),
            Dialect::Converse(traits) => traits.limits,
        }
    }

    fn price(&self) -> Option<Price> {
        self.exchange.price()
    }

    async fn ask(&self, request: &Request) -> Result<Reply, ModelError> {
        self.exchange.ask(&self.wire, request).await
    }
}
