//! Posts of JSON to addresses that are secrets themselves.

use anyhow::{anyhow, bail};

use crate::http::{
    Bytes, Client, Credential, Error, HeaderName, HeaderValue, Repeat, Request, Response, Url,
};
use crate::redact::Secret;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 1 << 20;

/// A webhook's address: from here on it is masked, as is its path alone.
///
/// # Errors
/// It is none, or others could read it on the way.
pub(super) fn address(secret: &Secret, input: &str) -> anyhow::Result<Url> {
    let url = Url::parse(secret.expose().trim())
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| anyhow!("`{input}` is no address"))?;
    guard(&url, input)?;
    super::learn(secret);
    for part in [url.path(), url.query().unwrap_or_default()] {
        // Short paths are names (`/hook`), long ones are secrets.
        if part.len() >= 20 {
            super::learn(&Secret::new(part));
        }
    }
    Ok(url)
}

/// Secrets and alerts go over https, or stay on this machine.
///
/// # Errors
/// The address is another one.
pub(super) fn guard(url: &Url, input: &str) -> anyhow::Result<()> {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stays =
        host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if url.scheme() != "https" && !(url.scheme() == "http" && stays) {
        bail!("`{input}` has to be an address of https");
    }
    Ok(())
}

/// A POST of JSON.
pub(super) struct Post<'a> {
    /// The service's name, for messages.
    pub(super) service: &'static str,
    pub(super) url: Url,
    pub(super) body: String,
    /// `authorization: Bearer`.
    pub(super) token: Option<&'a Secret>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) repeat: Repeat,
}

impl Post<'_> {
    /// Sends it.
    ///
    /// # Errors
    /// The service could not be reached, or refused: in a sentence without the address.
    pub(super) async fn send(self, client: &Client) -> anyhow::Result<Response> {
        let service = self.service;
        let credential =
            self.token.map(|token| Credential::bearer(token.expose(), &self.url)).transpose()?;
        let mut request = Request::post_json(self.url, Bytes::from(self.body));
        // Slack warns where the characters' encoding is not said.
        let kind = HeaderValue::from_static("application/json; charset=utf-8");
        request.headers.insert("content-type", kind);
        request.headers.extend(self.headers);
        request.credential = credential;
        request.max_bytes = Some(MAX_ANSWER);
        client.send(&request.with_repeat(self.repeat)).await.map_err(|error| match &error {
            Error::Status(answer) => {
                let said = match answer.message() {
                    said if said.is_empty() => String::new(),
                    said => format!(" ({said})"),
                };
                let hint = match answer.status.as_u16() {
                    _ if answer.is_rate_limit() => "too many messages",
                    401 | 403 => "the key or the address is not accepted",
                    404 | 410 => "the webhook is not there any more",
                    413 => "the message is too long",
                    _ => "the message is not taken",
                };
                anyhow!("{service} answered {}{said}: {hint}", answer.status.as_u16())
            }
            Error::NotSent(_) => anyhow!("{service} could not be reached"),
            Error::Deadline(_) => anyhow!("{service} was not told: the run's time is over"),
            Error::Broken(_) => anyhow!("{service} did not answer: perhaps it was told"),
            Error::TooLarge(_) | Error::Refused(_) => {
                anyhow!("{service} gave an answer that cannot be used")
            }
        })
    }
}
