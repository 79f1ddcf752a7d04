//! Claude on Google's Vertex AI: Anthropic's own form through `streamRawPredict`
//! (<https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude>).
//!
//! Google's own models are asked there through an interface that is compatible
//! with OpenAI's; [`Google::openai_base_url`] and [`Google::token`] are what a
//! client of that interface needs.

mod credentials;
mod file;
mod google;
mod jwt;

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use async_trait::async_trait;

pub use self::credentials::Issuers;
pub use self::google::Google;
use super::anthropic::errors::{kind_of, of_stream};
use super::anthropic::request::{Envelope, body_in};
use super::anthropic::{self, Capability, EventReading};
use super::exchange::{Exchange, Failure, Form, Kind, Reading, Wire};
use super::price::{self, Price};
use super::{Limits, Model, ModelError, Reply, Request, identity};
use crate::http::{self, Bytes, Client, Repeat, Retry, StatusCode};

/// The form of Claude's body on Vertex AI.
const CLAUDE_VERSION: &str = "vertex-2023-10-16";

/// How to ask. `Options::new` gives what fits real use.
#[derive(Debug, Clone)]
pub struct Options {
    /// The model's name there: `claude-sonnet-4-5@20250929`.
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

/// A model of Anthropic's on Vertex AI.
pub struct Vertex {
    wire: Predict,
    exchange: Exchange,
}

impl Vertex {
    /// Make one. Nothing is sent yet. `google` says where and who.
    ///
    /// # Errors
    /// The model is none of Anthropic's.
    pub fn new(client: &Client, google: Arc<Google>, options: Options) -> anyhow::Result<Self> {
        let model = options.model.strip_prefix("anthropic/").unwrap_or(&options.model).to_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-@._".contains(c);
        if !model.starts_with("claude-") || !model.chars().all(plain) {
            return Err(anyhow!("`vertex:{model}` is not a model of Claude's on Vertex AI"));
        }
        // Strict tools are off there unless an organisation's policy allows them
        // (`constraints/vertexai.allowedPartnerModelFeatures`).
        let capability = Capability { strict_tools: false, ..anthropic::capability(&model) };
        let exchange =
            Exchange::new(client, &options.retry, options.attempts, price::price(&model));
        Ok(Vertex { wire: Predict { google, model, capability, options }, exchange })
    }
}

struct Predict {
    google: Arc<Google>,
    model: String,
    capability: Capability,
    options: Options,
}

#[async_trait]
impl Wire for Predict {
    fn name(&self) -> String {
        format!("vertex:{}", self.model)
    }

    fn body(&self, request: &Request, form: Form) -> Vec<u8> {
        let envelope = Envelope::Platform { version: CLAUDE_VERSION, stream: Some(true) };
        body_in(envelope, self.capability.in_form(form), None, request)
    }

    async fn http(&self, body: Bytes, _: Form) -> Result<http::Request, ModelError> {
        let token = self.google.token().await?;
        let path = format!("publishers/anthropic/models/{}:streamRawPredict", self.model);
        let url = self.google.url(&path).await?;
        let credential = identity::bearer(&token, &url)?;
        let mut request = http::Request::post_json(url, body)
            .with_credential(credential)
            // Asking twice changes nothing at the provider; it may cost twice.
            .with_repeat(Repeat::Harmless);
        request.timeout = Some(self.options.timeout);
        request.stall_timeout = Some(self.options.stall_timeout);
        Ok(request)
    }

    fn reading(&self) -> Box<dyn Reading> {
        Box::new(EventReading::default())
    }

    fn whole(&self, body: &[u8], price: Option<&Price>) -> Result<Reply, Failure> {
        anthropic::reply::from_message(body, price).map_err(of_stream)
    }

    fn failure(&self, error: http::Error) -> Failure {
        let status = match &error {
            http::Error::Status(response) => Some(response.status),
            _ => None,
        };
        let kind = kind_of(&error);
        let error = anyhow::Error::new(error);
        match status {
            Some(StatusCode::UNAUTHORIZED) => Failure::Stale(error.context(
                "Vertex AI does not take the credential (set GOOGLE_APPLICATION_CREDENTIALS, or \
                 `gcp_workload_identity_provider` with `permissions: id-token: write`)",
            )),
            Some(StatusCode::FORBIDDEN) if kind == Kind::Denied => {
                Failure::Final(ModelError::Denied(error.context(
                    "Vertex AI denies access (the account needs `aiplatform.endpoints.predict`, as \
                     in the role Vertex AI User, and the API must be enabled in the project)",
                )))
            }
            Some(StatusCode::NOT_FOUND) => Failure::Final(ModelError::Denied(error.context(
                "Vertex AI does not have the model there (enable it in Model Garden, and compare \
                 `vertex_project` and `vertex_region`)",
            ))),
            _ => Failure::Final(kind.error(error)),
        }
    }

    fn plainer(&self, form: Form, refusal: &ModelError) -> Option<Form> {
        anthropic::plainer(self.capability, form, refusal)
    }

    async fn renew(&self) {
        self.google.forget().await;
    }
}

#[async_trait]
impl Model for Vertex {
    fn name(&self) -> String {
        self.wire.name()
    }

    fn limits(&self) -> Limits {
        price::limits(&self.wire.model)
    }

    fn price(&self) -> Option<Price> {
        self.exchange.price()
    }

    async fn ask(&self, request: &Request) -> Result<Reply, ModelError> {
        self.exchange.ask(&self.wire, request).await
    }
}
