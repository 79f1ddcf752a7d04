//! Who may ask: by token or signature, compared in constant time; and how much a
//! request may bring, how slowly.

use std::time::Duration;

use anyhow::anyhow;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::SystemRandom;

use super::answer::Refusal;
use crate::redact::Secret;

/// Longest time until a body is there.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// Largest payload of a webhook.
pub const WEBHOOK: usize = 1 << 20;
/// Largest spec that a request may bring along.
pub const SPEC: usize = 8 << 20;

/// GitHub's, and who else signs as it does.
/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
const SIGNATURES: &[&str] = &["x-hub-signature-256", "x-pipewright-signature-256"];

/// Lets in who knows the secret; everybody from this machine where there is none.
pub struct Door {
    keys: Option<Keys>,
}

struct Keys {
    /// The secret, for signatures of bodies.
    signs: hmac::Key,
    /// A key of this process with the secret's tag under it: tags of what is given are
    /// compared, in a time that does not depend on how much of it is right.
    compares: hmac::Key,
    tag: hmac::Tag,
}

impl Door {
    /// A door for a secret.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(secret: Option<&Secret>) -> anyhow::Result<Self> {
        let Some(secret) = secret else { return Ok(Door { keys: None }) };
        let secret = secret.expose().as_bytes();
        let compares = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| anyhow!("the system gives no random numbers"))?;
        let tag = hmac::sign(&compares, secret);
        let signs = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Ok(Door { keys: Some(Keys { signs, compares, tag }) })
    }

    /// Whether a text is the secret.
    pub fn knows(&self, given: &str) -> bool {
        self.keys.as_ref().is_none_or(|keys| {
            hmac::verify(&keys.compares, given.as_bytes(), keys.tag.as_ref()).is_ok()
        })
    }

    /// Whether nothing is asked of those who come.
    pub fn is_open(&self) -> bool {
        self.keys.is_none()
    }

    /// Read a request's body, if who sends it may ask: with the secret as bearer token,
    /// as the password of basic authentication, or with the body signed.
    ///
    /// # Errors
    /// Nobody who may ask, or too large, or too slow.
    pub async fn enter(
        &self,
        request: Request,
        limit: usize,
    ) -> Result<(HeaderMap, Bytes), Refusal> {
        self.refuse_browsers(request.headers())?;
        let given = password(request.headers());
        let let_in = match (&given, signature(request.headers())) {
            _ if self.is_open() => true,
            (Some(given), _) if self.knows(given) => true,
            (Some(_), _) | (None, None) => return Err(Refusal::nobody()),
            (None, Some(_)) => false,
        };
        // Of somebody who is not known yet less is read.
        let limit = if let_in { limit } else { limit.min(WEBHOOK) };
        let (headers, body) = read(request, limit).await?;
        if !let_in && !self.is_signed(&headers, &body) {
            return Err(Refusal::nobody());
        }
        Ok((headers, body))
    }

    /// Read a body that has to be signed.
    ///
    /// # Errors
    /// As [`Door::enter`].
    pub async fn enter_signed(&self, request: Request) -> Result<(HeaderMap, Bytes), Refusal> {
        self.refuse_browsers(request.headers())?;
        if !self.is_open() && signature(request.headers()).is_none() {
            return Err(Refusal::nobody());
        }
        let (headers, body) = read(request, WEBHOOK).await?;
        if !self.is_signed(&headers, &body) {
            return Err(Refusal::nobody());
        }
        Ok((headers, body))
    }

    /// Read a body whose sender shows the secret inside of it, if not before.
    ///
    /// # Errors
    /// As [`Door::enter`].
    pub async fn enter_with(
        &self,
        request: Request,
        inside: impl FnOnce(&Bytes) -> Option<String>,
    ) -> Result<(HeaderMap, Bytes), Refusal> {
        self.refuse_browsers(request.headers())?;
        let before = password(request.headers());
        if before.as_ref().is_some_and(|given| !self.knows(given)) {
            return Err(Refusal::nobody());
        }
        let (headers, body) = read(request, WEBHOOK).await?;
        let let_in = self.is_open()
            || before.is_some()
            || inside(&body).is_some_and(|given| self.knows(&given))
            || self.is_signed(&headers, &body);
        if let_in { Ok((headers, body)) } else { Err(Refusal::nobody()) }
    }

    fn is_signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let Some(keys) = &self.keys else { return true };
        let tag = signature(headers).and_then(|text| text.strip_prefix("sha256="));
        let tag = tag.and_then(unhex);
        tag.is_some_and(|tag| hmac::verify(&keys.signs, body, &tag).is_ok())
    }

    /// Without a secret, a page in a browser on this machine must not get in: neither
    /// as itself nor by a name that it lets point here.
    fn refuse_browsers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if !self.is_open() {
            return Ok(());
        }
        let host =
            headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let is_here = host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if headers.contains_key(header::ORIGIN) || !is_here {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "without `webhook_secret` only programs on this machine may ask",
            ));
        }
        Ok(())
    }
}

/// What stands in `authorization`: a bearer token, or the password of basic
/// authentication, which is what Azure's generic connection sends.
fn password(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Some(String::new());
    }
    let pair = STANDARD.decode(rest.trim()).ok().and_then(|pair| String::from_utf8(pair).ok());
    let pair = pair.unwrap_or_default();
    Some(pair.split_once(':').map(|(_, password)| password.to_owned()).unwrap_or_default())
}

fn signature(headers: &HeaderMap) -> Option<&str> {
    SIGNATURES.iter().find_map(|name| headers.get(*name)).and_then(|value| value.to_str().ok())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..32).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

async fn read(request: Request, limit: usize) -> Result<(HeaderMap, Bytes), Refusal> {
    let (parts, body) = request.into_parts();
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {} KiB", limit >> 10),
        )
    };
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_WITHIN, to_bytes(body, limit)).await {
        Ok(Ok(body)) => Ok((parts.headers, body)),
        // With no length said beforehand, what is too large is found while reading.
        Ok(Err(why)) if is_limit(&why) => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::wrong("the body broke off")),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")),
    }
}

fn is_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_githubs_own() {
        // The example of GitHub's page on validating deliveries.
        let door = Door::new(Some(&Secret::new("It's a Secret to Everybody"))).unwrap();
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let check = |value: &str, body: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("x-hub-signature-256", value.parse().unwrap());
            door.is_signed(&headers, body)
        };
        assert!(check(right, b"Hello, World!"));
        assert!(!check(right, b"Hello, World"));
        assert!(!check(&right.replace("sha256=", "sha1="), b"Hello, World!"));
        assert!(!check(&right[..60], b"Hello, World!"));
        assert!(!check("sha256=", b"Hello, World!"));
        assert!(!check("", b"Hello, World!"));
        assert!(!door.is_signed(&HeaderMap::new(), b"Hello, World!"));
    }

    #[test]
    fn a_token_is_the_whole_secret() {
        let door = Door::new(Some(&Secret::new("correct horse battery"))).unwrap();
        assert!(door.knows("correct horse battery"));
        for wrong in ["", "correct horse batter", "correct horse battery ", "Correct horse battery"]
        {
            assert!(!door.knows(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn what_authorization_says() {
        let cases = [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic dXNlcjphOmI=", Some("a:b")),
            ("Basic !!!", Some("")),
            ("Digest x", Some("")),
            ("abc", None),
        ];
        for (text, expect) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, text.parse().unwrap());
            assert_eq!(password(&headers).as_deref(), expect, "{text}");
        }
    }
}
