//! OpenAI's protocol: OpenAI itself, Azure OpenAI, Gemini's compatible interface,
//! Ollama, vLLM, llama.cpp and whatever else speaks it. One request out, one
//! reply in, by streaming where the server streams.
//!
//! The key goes only to the host it is given for and is never logged. What the
//! network layer retries (rate limits, overload, failures before the first
//! byte) it retries by itself; a stream that breaks, stalls or ends early is
//! asked for again here. A refusal that names something a request can do without
//! is answered by leaving it out, from then on ([`Dialect`]).

mod dialect;
mod errors;
pub mod reply;
pub mod request;
pub mod responses;
mod server;
mod stream;
mod strict;

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use async_trait::async_trait;
use serde_json::Value;

use self::dialect::{Api, Form};
use self::errors::{Failure, Refusal};
use super::budget::{content_bytes, input_tokens, tokens_of_bytes};
use super::price::openai as price_table;
use super::price::{self, Book, Known, Price, Tokens};
use super::{About, Content, Limits, Model, ModelError, Reply, Request, Stop, Structure};
use crate::http::{self, Bytes, Client, Credential, HeaderName, Repeat};
use crate::report::Usage;

pub use self::dialect::{Api as Interface, Form as AnswerForm};
pub use self::dialect::{Choice, Dialect, Limit, System, generation};
pub use self::errors::{ApiError, StreamError};
pub use self::server::{GEMINI_URL, Key, OPENAI_URL, Options, ollama_url};
pub use self::strict::{strict, without_nulls};

/// Most things that are left out after refusals of one request.
const MOST_LESSONS: u32 = 12;

/// What a server of one's own is taken to hold, where the model is not known:
/// most are started with no more.
pub const LOCAL_LIMITS: Limits = Limits { context: 32_768, output: 8_192 };

/// A model behind OpenAI's protocol.
pub struct OpenAi {
    client: Client,
    credential: Option<Credential>,
    options: Options,
    /// How the server is asked, by what it has taught so far.
    dialect: Mutex<Dialect>,
    price: Option<Price>,
    limits: Limits,
}

impl OpenAi {
    /// Make one. Nothing is sent yet. `client` brings proxies and the run's
    /// deadline.
    ///
    /// # Errors
    /// The key is no header.
    pub fn new(client: &Client, options: Options) -> anyhow::Result<Self> {
        let url = &options.chat_url;
        let credential = match &options.key {
            Key::None => None,
            Key::Bearer(token) => Some(Credential::bearer(token, url)?),
            Key::ApiKey(key) => {
                Some(Credential::header(HeaderName::from_static("api-key"), key, url)?)
            }
        };
        let local = server::is_loopback(url);
        if url.scheme() == "http" && !local && credential.is_some() {
            tracing::warn!(host = url.host_str(), "the model's key is sent without encryption");
        }
        let unknown = if local || options.provider == "ollama" {
            LOCAL_LIMITS
        } else {
            price::UNKNOWN_LIMITS
        };
        Ok(OpenAi {
            client: client.with_retry(options.retry.clone()),
            credential,
            dialect: Mutex::new(options.dialect),
            price: price_table::price(&options.model),
            limits: price_table::limits_of(&options.model).unwrap_or(unknown),
            options,
        })
    }

    /// The same at the prices and limits of `book`, as far as it knows any.
    pub fn on_terms(mut self, book: &Book) -> Self {
        let Options { provider, model, .. } = &self.options;
        if let (Some(price), _) = book.price(provider, model) {
            self.price = Some(price);
        }
        if let (limits, Known::Rule(_)) = book.limits(provider, model) {
            self.limits = limits;
        }
        self
    }

    /// How the server is asked, by what it has taught so far.
    pub fn dialect(&self) -> Dialect {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Dialect> {
        // One plain value: a panic elsewhere cannot have left it half changed.
        self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn http_request(&self, request: &Request, dialect: &Dialect, most: u32) -> http::Request {
        let model = &self.options.model;
        let (url, body) = match (dialect.api, &self.options.responses_url) {
            (Api::Responses, Some(url)) => {
                (url, responses::request::body(model, dialect, most, request))
            }
            _ => (&self.options.chat_url, request::body(model, dialect, most, request)),
        };
        let mut http = http::Request::post_json(url.clone(), Bytes::from(body))
            // Asking twice changes nothing at the provider; it may cost twice.
            .with_repeat(Repeat::Harmless);
        http.credential = self.credential.clone();
        http.timeout = Some(self.options.timeout);
        http.stall_timeout = Some(self.options.stall_timeout);
        http
    }

    /// One attempt. `spent` grows by what a reply that broke off had cost by then.
    async fn once(
        &self,
        http: &http::Request,
        api: Api,
        spent: &mut Usage,
    ) -> Result<Reply, Failure> {
        let answer = self.client.send_streaming(http).await.map_err(errors::of_http)?;
        stream::read(answer, api, self.price.as_ref(), spent).await
    }

    /// A reply as the caller wants it, whatever the server made of the request.
    fn settled(&self, mut reply: Reply, request: &Request, dialect: &Dialect) -> Reply {
        if dialect.form != Form::Tools && reply.stop != Stop::Refusal {
            answer_from_text(&mut reply, request);
        } else if dialect.strict {
            for content in &mut reply.content {
                let Content::ToolUse { name, input, .. } = content else { continue };
                if let Some(tool) = request.tools.iter().find(|tool| tool.name == *name) {
                    *input = without_nulls(input.take(), &tool.input_schema);
                }
            }
        }
        let estimate = input_tokens(request);
        if reply.usage.input_tokens + reply.usage.output_tokens == 0 {
            // Not counted by the server: better too much than nothing, for the caps.
            let bytes = reply.content.iter().map(content_bytes).sum();
            let output = tokens_of_bytes(bytes);
            let tokens = Tokens { input: estimate, output, ..Tokens::default() };
            reply.usage.input_tokens = tokens.input;
            reply.usage.output_tokens = tokens.output;
            reply.usage.cost_usd = self.price.map_or(0.0, |price| price.cost(&tokens));
        } else if reply.usage.input_tokens.saturating_mul(4) < estimate {
            tracing::warn!(
                read = reply.usage.input_tokens,
                sent = estimate,
                "the server seems to have cut the request: raise its context length"
            );
        }
        reply
    }

    /// What to try after a refusal.
    fn learn(&self, asked: Dialect, known: &mut Dialect, refusal: &Refusal) -> Option<Dialect> {
        let now = self.dialect();
        if now != *known && now != asked {
            // Another request has learnt it meanwhile.
            *known = now;
            return Some(now);
        }
        let asked =
            Dialect { only_api: asked.only_api || self.options.responses_url.is_none(), ..asked };
        asked.learn(refusal)
    }
}

/// Without tools the answer is a text: taken as the input of the answer tool
/// where it is JSON, or was cut in the middle of it.
fn answer_from_text(reply: &mut Reply, request: &Request) {
    let Some(tool) = request::answer_tool(request) else { return };
    let texts = reply.content.iter().filter_map(|content| match content {
        Content::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let text = texts.collect::<String>();
    let input = match (&reply.stop, serde_json::from_str::<Value>(text.trim())) {
        (_, Ok(value)) if value.is_object() => value,
        (Stop::MaxTokens, Err(_)) => match text.find('{') {
            Some(at) => Value::String(text[at..].to_owned()),
            None => return,
        },
        // Prose, which the caller looks through.
        _ => return,
    };
    let input = without_nulls(input, &tool.input_schema);
    reply.content =
        vec![Content::ToolUse { id: "answer".to_owned(), name: tool.name.clone(), input }];
    if reply.stop == Stop::EndTurn {
        reply.stop = Stop::ToolUse;
    }
}

#[async_trait]
impl Model for OpenAi {
    fn name(&self) -> String {
        format!("{}:{}", self.options.provider, self.options.model)
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn about(&self) -> About {
        let dialect = self.dialect();
        let structure = match (dialect.form, dialect.strict) {
            (Form::Tools, true) => Structure::StrictTool,
            (Form::Tools, false) => Structure::ForcedTool,
            (Form::Schema, _) => Structure::Schema,
            _ => Structure::Instruction,
        };
        About {
            endpoint: Some(self.options.chat_url.to_string()),
            structure: Some(structure),
            caches: self.price.map(|price| price.cache_read < price.input),
        }
    }

    fn price(&self) -> Option<Price> {
        self.price
    }

    async fn ask(&self, request: &Request) -> Result<Reply, ModelError> {
        let mut known = self.dialect();
        let mut dialect = known;
        let mut most = request.max_tokens;
        let mut http = self.http_request(request, &dialect, most);
        let mut spent = Usage::default();
        let (mut attempt, mut lessons) = (1, 0);
        loop {
            let failure = match self.once(&http, dialect.api, &mut spent).await {
                Ok(reply) => {
                    if dialect != known {
                        *self.lock() = dialect;
                    }
                    let mut reply = self.settled(reply, request, &dialect);
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
                Failure::Filtered(why) => {
                    tracing::warn!(why, "a filter in front of the model refused");
                    return Ok(Reply { content: Vec::new(), stop: Stop::Refusal, usage: spent });
                }
                Failure::Final(error, refusal) => {
                    let refusal = refusal.filter(|_| lessons < MOST_LESSONS);
                    let Some(refusal) = refusal else { return Err(error) };
                    lessons += 1;
                    if let Some(room) = refusal.room(most) {
                        most = room;
                    } else if let Some(next) = self.learn(dialect, &mut known, &refusal) {
                        tracing::warn!(%error, "asking in a plainer form from here on");
                        dialect = next;
                    } else {
                        return Err(error);
                    }
                    http = self.http_request(request, &dialect, most);
                }
            }
        }
    }
}
