//! All network code: one client with timeouts, retries, proxies and redirects.
//!
//! Rules that hold for every request:
//! - what may have been processed is repeated only if repeating it is harmless
//!   ([`Repeat`]);
//! - a [`Credential`] is sent to its own scheme, host and port, nowhere else,
//!   and is never logged;
//! - a redirect never leads from https to http;
//! - nothing waits past the client's deadline, and nothing is read past a size.

mod address;
mod message;
mod proxy;
mod retry;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION};
use anyhow::{Context, anyhow};
use futures_util::future::BoxFuture;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::{Instant, timeout_at};

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
pub use address::{is_loopback, segment};
pub use bytes::Bytes;
pub use message::{excerpt, request_id};
pub use proxy::Proxies;
pub use reqwest::Url;
pub use retry::Retry;

/// Most redirects followed for one request.
const MAX_REDIRECTS: usize = 5;

/// Most bytes read of an answer that is an error.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// Waits: `tokio::time::sleep`, or what a test puts in its place.
pub type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// How a [`Client`] behaves. It holds what the caller read from its inputs:
/// nothing here looks at the environment.
#[derive(Clone)]
pub struct Config {
    /// What requests call themselves.
    pub user_agent: String,
    /// Which proxy a request goes through.
    pub proxies: Proxies,
    /// Certificates to trust beside the bundled ones, as PEM.
    pub ca_bundle: Option<Vec<u8>>,
    /// Longest time until a connection stands, TLS included.
    pub connect_timeout: Duration,
    /// Longest silence: until the first byte of an answer and between bytes.
    pub stall_timeout: Duration,
    /// Longest time one attempt may take, first to last byte.
    pub timeout: Duration,
    /// Most bytes of one answer, after decompression.
    pub max_bytes: usize,
    /// When to try again.
    pub retry: Retry,
    /// How to wait before trying again.
    pub sleep: Sleep,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            user_agent: concat!("pipewright/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxies: Proxies::default(),
            ca_bundle: None,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            timeout: Duration::from_secs(120),
            max_bytes: 128 * 1024 * 1024,
            retry: Retry::default(),
            sleep: Arc::new(|wait| Box::pin(tokio::time::sleep(wait))),
        }
    }
}

/// A secret header, or several, that belong to one scheme, host and port.
#[derive(Clone)]
pub struct Credential {
    headers: Vec<(HeaderName, HeaderValue)>,
    owner: reqwest::Url,
}

impl Credential {
    /// `authorization: Bearer <token>` for the host of `owner`.
    pub fn bearer(token: &str, owner: &Url) -> anyhow::Result<Self> {
        Credential::header(AUTHORIZATION, &format!("Bearer {token}"), owner)
    }

    /// Any other header (`x-api-key`) for the host of `owner`.
    pub fn header(header: HeaderName, value: &str, owner: &Url) -> anyhow::Result<Self> {
        Credential { headers: Vec::new(), owner: owner.clone() }.and(header, value)
    }

    /// The same with a further header (Datadog wants two keys).
    pub fn and(mut self, header: HeaderName, value: &str) -> anyhow::Result<Self> {
        let mut value = HeaderValue::from_str(value.trim())
            .map_err(|_| anyhow!("cannot send the secret for {}: it holds characters that no header may hold (a line break?)", self.owner.host_str().unwrap_or("the host")))?;
        value.set_sensitive(true);
        self.headers.push((header, value));
        Ok(self)
    }

    fn belongs_to(&self, url: &Url) -> bool {
        self.owner.origin() == url.origin()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "Credential({} for {:?})", names.join(", "), self.owner.host_str())
    }
}

/// Whether a request may be repeated after it may have been processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Twice does what once does, or does no harm.
    Harmless,
    /// Only while it is certain that the host did not process it: the
    /// connection never stood, or the host said so (a rate limit).
    OnlyUnprocessed,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers beside those that the client sets; none of them secret.
    pub headers: HeaderMap,
    /// Body; empty for none.
    pub body: Bytes,
    /// The secret to send along.
    pub credential: Option<Credential>,
    /// Whether it may be repeated.
    pub repeat: Repeat,
    /// In place of [`Config::timeout`].
    pub timeout: Option<Duration>,
    /// In place of [`Config::stall_timeout`].
    pub stall_timeout: Option<Duration>,
    /// In place of [`Config::max_bytes`].
    pub max_bytes: Option<usize>,
}

impl Request {
    /// A request without body. By default only GET, HEAD, PUT and DELETE may
    /// be repeated.
    pub fn new(method: Method, url: Url) -> Self {
        let harmless = method.is_idempotent();
        Request {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            credential: None,
            repeat: if harmless { Repeat::Harmless } else { Repeat::OnlyUnprocessed },
            timeout: None,
            stall_timeout: None,
            max_bytes: None,
        }
    }

    /// A GET.
    pub fn get(url: Url) -> Self {
        Request::new(Method::GET, url)
    }

    /// A POST of JSON that is written already.
    pub fn post_json(url: Url, body: impl Into<Bytes>) -> Self {
        let mut request = Request::new(Method::POST, url);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body = body.into();
        request
    }

    /// Add a header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Send a secret along.
    pub fn with_credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Say whether it may be repeated.
    pub fn with_repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Method and URL, for messages.
    fn name(&self) -> String {
        format!("{} {}", self.method, shown(&self.url))
    }
}

/// A URL without user, password, query and fragment.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Where it came from, after redirects.
    pub url: Url,
    /// Body, decompressed.
    pub body: Bytes,
}

impl Response {
    /// What the host says went wrong, in one line: `message` and `errors` of a
    /// JSON body, or the words of an HTML one.
    pub fn message(&self) -> String {
        message::excerpt(&self.headers, &self.body)
    }

    /// Whether the host refused because of too many requests.
    pub fn is_rate_limit(&self) -> bool {
        retry::is_rate_limit(self)
    }
}

/// An answer whose body is still to come.
pub struct Streaming {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Where it came from, after redirects.
    pub url: Url,
    inner: reqwest::Response,
    name: String,
    stall: Duration,
    ends: Instant,
}

impl Streaming {
    /// The next bytes; `None` at the end. Fails with [`Error::Broken`] if the
    /// connection breaks, stalls or takes longer than it may.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let until = self.ends.min(Instant::now() + self.stall);
        match timeout_at(until, self.inner.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(Error::Broken(
                anyhow::Error::new(error.without_url())
                    .context(format!("{}: the answer broke off", self.name)),
            )),
            Err(_) => Err(Error::Broken(self.too_slow())),
        }
    }

    fn too_slow(&self) -> anyhow::Error {
        if Instant::now() >= self.ends {
            anyhow!("{}: the answer took too long", self.name)
        } else {
            anyhow!("{}: nothing came for {:?}", self.name, self.stall)
        }
    }

    /// Read the rest, at most `max` bytes.
    pub async fn collect(mut self, max: usize) -> Result<Response, Error> {
        let expected = self.inner.content_length().unwrap_or(0) as usize;
        let mut body = Vec::with_capacity(expected.min(max).min(4 << 20));
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > max {
                return Err(Error::TooLarge(anyhow!(
                    "{}: the answer is longer than {max} bytes",
                    self.name
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status: self.status,
            headers: self.headers,
            url: self.url,
            body: Bytes::from(body),
        })
    }

    /// Read what comes of an error's body: its status is known in any case.
    async fn collect_error(mut self) -> Response {
        let mut body = Vec::new();
        while body.len() < MAX_ERROR_BODY
            && let Ok(Some(chunk)) = self.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
        Response {
            status: self.status,
            headers: self.headers,
            url: self.url,
            body: Bytes::from(body),
        }
    }
}

/// Why there is no answer, as far as a caller acts on it.
#[derive(Debug)]
pub enum Error {
    /// The host answered, but not with success, after all retries.
    Status(Box<Response>),
    /// No connection stood: the host has not seen the request.
    NotSent(anyhow::Error),
    /// It broke after sending: whether the host processed it is unknown.
    Broken(anyhow::Error),
    /// The run's time was over before it was sent.
    Deadline(anyhow::Error),
    /// The answer is larger than it may be.
    TooLarge(anyhow::Error),
    /// A redirect that must not be followed, or a URL that cannot be asked.
    Refused(anyhow::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Status(response) => {
                write!(f, "{}: {}", shown(&response.url), response.status)?;
                let message = response.message();
                if message.is_empty() { Ok(()) } else { write!(f, ": {message}") }
            }
            Error::NotSent(inner)
            | Error::Broken(inner)
            | Error::Deadline(inner)
            | Error::TooLarge(inner)
            | Error::Refused(inner) => write!(f, "{inner:#}"),
        }
    }
}

impl std::error::Error for Error {}

/// The client. Clones share connections.
#[derive(Clone)]
pub struct Client {
    inner: reqwest::Client,
    config: Arc<Config>,
    retry: Retry,
    deadline: Option<Instant>,
}

impl Client {
    /// Make a client. No connection is opened and no file is read.
    pub fn new(config: Config) -> anyhow::Result<Self> {
        let inner = reqwest::Client::builder()
            .user_agent(&config.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .tcp_nodelay(true)
            .proxy(config.proxies.as_reqwest())
            .tls_backend_preconfigured(tls(config.ca_bundle.as_deref())?)
            .build()
            .context("cannot set up the network client")?;
        Ok(Client { inner, retry: config.retry.clone(), config: Arc::new(config), deadline: None })
    }

    /// The same client, but nothing it does goes on past `deadline`.
    pub fn until(&self, deadline: Instant) -> Self {
        Client { deadline: Some(deadline), ..self.clone() }
    }

    /// The same client with other rules for trying again.
    pub fn with_retry(&self, retry: Retry) -> Self {
        Client { retry, ..self.clone() }
    }

    /// Send a request and read the whole answer; 2xx and 304 are success.
    pub async fn send(&self, request: &Request) -> Result<Response, Error> {
        let max = request.max_bytes.unwrap_or(self.config.max_bytes);
        let mut failures = 0;
        loop {
            let attempt = async { self.follow(request).await?.collect(max).await };
            match attempt.await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.give_up_or_wait(request, error, &mut failures).await?,
            }
        }
    }

    /// Send a request and hand the answer over as soon as its headers are
    /// there. What breaks after that is the caller's to repeat.
    pub async fn send_streaming(&self, request: &Request) -> Result<Streaming, Error> {
        let mut failures = 0;
        loop {
            match self.follow(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.give_up_or_wait(request, error, &mut failures).await?,
            }
        }
    }

    /// Wait as before another attempt, after `failures` failed ones. False, and
    /// at once, where no attempt is left or the run's time would be over: for
    /// writes that look whether they arrived before they are sent again.
    pub async fn back_off(&self, failures: u32) -> bool {
        let unsent = Error::NotSent(anyhow!("not sent"));
        let Some(wait) = self.retry.wait(Repeat::Harmless, &unsent, failures) else {
            return false;
        };
        if self.deadline.is_some_and(|deadline| Instant::now() + wait >= deadline) {
            return false;
        }
        (self.config.sleep)(wait).await;
        true
    }

    /// Wait until the next attempt, or give the error back if there is none. For
    /// requests that must be made anew for each attempt, such as signed ones:
    /// send them with a client that tries once, and call this after each failure
    /// with a counter that starts at 0.
    pub async fn give_up_or_wait(
        &self,
        request: &Request,
        error: Error,
        failures: &mut u32,
    ) -> Result<(), Error> {
        *failures += 1;
        let Some(wait) = self.retry.wait(request.repeat, &error, *failures) else {
            return Err(error);
        };
        if self.deadline.is_some_and(|deadline| Instant::now() + wait >= deadline) {
            tracing::warn!(%error, ?wait, "not tried again: the run's time would be over");
            return Err(error);
        }
        tracing::warn!(request = request.name(), %error, ?wait, "trying again");
        (self.config.sleep)(wait).await;
        Ok(())
    }

    /// One attempt, redirects included.
    async fn follow(&self, request: &Request) -> Result<Streaming, Error> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.once(request, &url).await?;
            if answer.status.is_success() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            let target = answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection());
            let Some(target) = target else {
                return Err(Error::Status(Box::new(answer.collect_error().await)));
            };
            let next =
                target.to_str().ok().and_then(|target| url.join(target).ok()).ok_or_else(|| {
                    Error::Refused(anyhow!("{}: redirected to no URL", answer.name))
                })?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(Error::Refused(anyhow!(
                    "{}: redirected from https to {}, which is not followed",
                    answer.name,
                    shown(&next)
                )));
            }
            if !request.method.is_safe() && next.origin() != url.origin() {
                return Err(Error::Refused(anyhow!(
                    "{}: redirected to another host ({}), which is not followed for a write",
                    answer.name,
                    shown(&next)
                )));
            }
            tracing::debug!(from = shown(&url), to = shown(&next), "redirected");
            url = next;
        }
        Err(Error::Refused(anyhow!("{}: redirected too often", request.name())))
    }

    async fn once(&self, request: &Request, url: &Url) -> Result<Streaming, Error> {
        let start = Instant::now();
        let name = format!("{} {}", request.method, shown(url));
        let mut ends = start + request.timeout.unwrap_or(self.config.timeout);
        if let Some(deadline) = self.deadline {
            if start >= deadline {
                return Err(Error::Deadline(anyhow!("{name}: not sent, the run's time is over")));
            }
            ends = ends.min(deadline);
        }
        let mut headers = request.headers.clone();
        if url.origin() != request.url.origin() {
            headers.remove(AUTHORIZATION);
            headers.remove(COOKIE);
        }
        if let Some(credential) = request.credential.as_ref().filter(|c| c.belongs_to(url)) {
            for (name, value) in &credential.headers {
                headers.insert(name.clone(), value.clone());
            }
        }
        let mut builder = self.inner.request(request.method.clone(), url.clone()).headers(headers);
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        }
        let stall = request.stall_timeout.unwrap_or(self.config.stall_timeout);
        let inner = match timeout_at(ends.min(start + stall), builder.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::debug!(request = name, %error, "failed");
                return Err(classify(error, &name));
            }
            Err(_) => {
                let waited = start.elapsed();
                return Err(Error::Broken(anyhow!("{name}: no answer within {waited:.1?}")));
            }
        };
        let status = inner.status();
        tracing::debug!(
            request = name,
            status = status.as_u16(),
            ms = start.elapsed().as_millis() as u64,
            id = request_id(inner.headers()),
            "answered"
        );
        Ok(Streaming {
            status,
            headers: inner.headers().clone(),
            url: url.clone(),
            inner,
            name,
            stall,
            ends,
        })
    }
}

fn classify(error: reqwest::Error, name: &str) -> Error {
    let unsent = error.is_connect();
    let refused = error.is_builder();
    let error = anyhow::Error::new(error.without_url());
    if refused {
        Error::Refused(error.context(format!("cannot ask {name}")))
    } else if unsent {
        Error::NotSent(error.context(format!("{name}: cannot connect")))
    } else {
        Error::Broken(error.context(format!("{name}: the connection broke")))
    }
}

/// TLS by the bundled roots and `extra`; no system store is looked at.
fn tls(extra: Option<&[u8]>) -> anyhow::Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in extra.into_iter().flat_map(CertificateDer::pem_slice_iter) {
        let certificate =
            certificate.map_err(|error| anyhow!("cannot read the CA bundle: {error}"))?;
        roots.add(certificate).context("cannot use a certificate of the CA bundle")?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}
