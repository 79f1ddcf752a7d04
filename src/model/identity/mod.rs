//! Who this job is to a cloud: identity tokens of the CI host, and credentials
//! that they are exchanged for, kept until shortly before they expire.
//!
//! Nothing here is written to disk, and everything secret is made known to
//! [`crate::redact`] before it is used.

mod job;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

pub use self::job::JobIdentity;
use super::ModelError;
use crate::http::{self, Bytes, Client, Credential, HeaderValue, Request, Retry, Url};
use crate::redact::{self, Secret};

/// The largest file that holds a token or a key, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// Most bytes of an answer that holds a token.
const MAX_ANSWER: usize = 1 << 20;

/// Credentials are replaced this long before they expire, or in the last
/// quarter of their life if that is shorter.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// Something secret, and until when it holds.
#[derive(Debug, Clone)]
pub struct Timed<T> {
    /// What proves who asks.
    pub value: T,
    /// When it was made.
    pub since: SystemTime,
    /// When it ends; `None` if it does not say.
    pub until: Option<SystemTime>,
}

impl<T> Timed<T> {
    /// Holds so long from now on.
    pub fn for_seconds(value: T, seconds: Option<u64>) -> Self {
        let since = SystemTime::now();
        // Years from now is as good as never, and cannot overflow.
        let until = seconds.map(|s| since + Duration::from_secs(s.min(1 << 31)));
        Timed { value, since, until }
    }

    /// Holds until a point in time in RFC 3339, as clouds write it.
    pub fn until(value: T, end: Option<&str>) -> anyhow::Result<Self> {
        let parse = |end: &str| -> anyhow::Result<SystemTime> {
            let end: jiff::Timestamp = end.parse().context("cannot read when it expires")?;
            let seconds = u64::try_from(end.as_second()).unwrap_or(0);
            Ok(UNIX_EPOCH + Duration::from_secs(seconds))
        };
        let until = end.map(parse).transpose()?;
        Ok(Timed { value, since: SystemTime::now(), until })
    }

    /// Whether it holds for a while yet.
    fn is_fresh(&self, now: SystemTime) -> bool {
        let Some(until) = self.until else { return true };
        let life = until.duration_since(self.since).unwrap_or_default();
        now + MARGIN.min(life / 4) < until
    }

    fn is_valid(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// One credential for all requests of a run: made when first needed, and anew
/// before it expires. Requests that come meanwhile wait for it.
#[derive(Debug)]
pub struct Cached<T>(Mutex<Option<Timed<T>>>);

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Cached(Mutex::new(None))
    }
}

impl<T: Clone> Cached<T> {
    /// The one that is kept, or what `make` makes. If that fails while the kept
    /// one still holds, the kept one is used.
    pub async fn get<F>(&self, make: impl FnOnce() -> F) -> Result<T, ModelError>
    where
        F: Future<Output = Result<Timed<T>, ModelError>>,
    {
        let mut kept = self.0.lock().await;
        let now = SystemTime::now();
        if let Some(fresh) = kept.as_ref().filter(|kept| kept.is_fresh(now)) {
            return Ok(fresh.value.clone());
        }
        match make().await {
            Ok(made) => Ok(kept.insert(made).value.clone()),
            Err(error) => match kept.as_ref().filter(|kept| kept.is_valid(SystemTime::now())) {
                Some(old) => {
                    tracing::warn!(%error, "the credential could not be renewed; the old one still holds");
                    Ok(old.value.clone())
                }
                None => Err(error),
            },
        }
    }

    /// Drops it: the provider does not take it.
    pub async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

pub use crate::http::is_loopback;

/// An address that may see a secret: over https, or on this machine.
///
/// # Errors
/// It is no address, or the secret could be read on its way there.
pub fn safe_url(text: &str, what: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| format!("cannot read {what} as an address"))?;
    let safe = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
    if !safe || url.host_str().is_none() {
        return Err(anyhow!("cannot use {what}: it must be an https address"));
    }
    Ok(url)
}

/// A token as a header for the host of `owner`.
///
/// # Errors
/// It holds what no header may hold.
pub fn bearer(token: &Secret, owner: &Url) -> Result<Credential, ModelError> {
    Credential::bearer(token.expose(), owner).map_err(ModelError::Denied)
}

/// A header value that is not logged.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, ModelError> {
    let mut value = HeaderValue::from_str(text.trim())
        .map_err(|_| ModelError::Denied(anyhow!("cannot send a secret that holds a line break")))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A file that holds a token, a key or a description of them, read anew each
/// time since the platform replaces it.
///
/// # Errors
/// It cannot be read, or is too large to be one.
pub fn read_file(path: &Path, what: &str) -> anyhow::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {what} {}", path.display()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(anyhow!("cannot use {what} {}: it is larger than 64 KB", path.display()));
    }
    Ok(bytes)
}

/// A file that holds nothing but a token.
///
/// # Errors
/// It cannot be read, is empty, or holds no token.
pub fn read_token(path: &Path, what: &str) -> anyhow::Result<Secret> {
    let bytes = read_file(path, what)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(anyhow!("cannot use {what} {}: it holds no token", path.display()));
    }
    Ok(keep(text))
}

/// A secret that came in at run time: from here on it is masked everywhere.
pub fn keep(text: &str) -> Secret {
    let secret = Secret::new(text);
    redact::learn(&secret);
    secret
}

/// Parameters as a form, as OAuth and AWS take them.
pub(super) fn form(url: Url, fields: &[(&str, &str)]) -> Request {
    let mut encoded = url.clone();
    encoded.query_pairs_mut().clear().extend_pairs(fields);
    let body = encoded.query().unwrap_or_default().to_owned();
    let mut request = Request::new(http::Method::POST, url);
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers.insert(CONTENT_TYPE, kind);
    request.body = Bytes::from(body);
    // Another token is no harm.
    request.with_repeat(http::Repeat::Harmless)
}

const CONTENT_TYPE: http::HeaderName = http::HeaderName::from_static("content-type");

/// Asks an issuer of tokens.
///
/// # Errors
/// `Denied` if it refuses (with `hint`, which says what to do), `Unavailable` if
/// it cannot be reached or fails.
pub(super) async fn ask(
    client: &Client,
    request: &Request,
    what: &str,
    hint: &str,
) -> Result<http::Response, ModelError> {
    let mut request = request.clone();
    request.max_bytes = Some(MAX_ANSWER);
    let client = client.with_retry(Retry {
        attempts: 3,
        limit_wait: Duration::from_secs(2),
        longest_limit_wait: Duration::from_secs(60),
        ..Retry::default()
    });
    client.send(&request).await.map_err(|error| {
        let denied = match &error {
            http::Error::Status(response) => {
                response.status.is_client_error() && !response.is_rate_limit()
            }
            http::Error::Refused(_) | http::Error::TooLarge(_) => true,
            _ => false,
        };
        let error = anyhow::Error::new(error);
        if denied {
            ModelError::Denied(error.context(format!("cannot {what} ({hint})")))
        } else {
            ModelError::Unavailable(error.context(format!("cannot {what}")))
        }
    })
}

/// The JSON of an answer that may hold secrets: an error never repeats it.
pub(super) fn json<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, ModelError> {
    serde_json::from_slice(body)
        .map_err(|_| ModelError::Denied(anyhow!("cannot {what}: the answer is not as documented")))
}

/// A client for addresses of this machine's own surroundings (metadata
/// services): no proxy, one try, and not for long.
pub(super) fn nearby() -> Result<Client, ModelError> {
    let config = http::Config {
        connect_timeout: NEARBY,
        stall_timeout: NEARBY,
        timeout: NEARBY * 2,
        max_bytes: MAX_ANSWER,
        retry: Retry { attempts: 1, ..Retry::default() },
        ..http::Config::default()
    };
    Client::new(config).map_err(ModelError::Unavailable)
}

/// How long a metadata service may take to connect or to answer.
const NEARBY: Duration = Duration::from_secs(1);
