//! Any webhook: JSON, signed. `schemas/pipewright.alert-1.json` has its shape.
//!
//! `x-pipewright-signature-256: sha256=<hex>` is the HMAC-SHA256 of the body by
//! `alert_secret`; `sent_at` is in the body, so that an old message can be told.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::{Value, json};

use super::Alert;
use super::post::{self, Post};
use crate::http::{Client, HeaderName, HeaderValue, Repeat};
use crate::redact::Secret;

/// Name of the header that holds the signature.
const SIGNATURE: &str = "x-pipewright-signature-256";

/// `sha256=` and the HMAC of a body in hexadecimal.
fn signature(secret: &Secret, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut text = "sha256=".to_owned();
    for byte in hmac::sign(&key, body).as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The body of an alert.
fn body(alert: &Alert, sent_at: i64) -> Value {
    let time = |ms| jiff::Timestamp::from_millisecond(ms).ok().map(|time| time.to_string());
    json!({
        "schema": "pipewright.alert/1",
        "key": alert.key,
        "state": alert.state,
        "severity": alert.severity,
        "title": alert.title,
        "text": alert.text,
        "facts": alert.facts.iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>(),
        "link": alert.link,
        "source": alert.source,
        "at": time(alert.at),
        "sent_at": time(sent_at),
    })
}

/// Sends it.
pub(super) async fn send(
    client: &Client,
    url: &Secret,
    secret: Option<&Secret>,
    alert: &Alert,
) -> anyhow::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let body = body(alert, i64::try_from(since.as_millis()).unwrap_or(i64::MAX)).to_string();
    let mut headers = Vec::new();
    if let Some(secret) = secret {
        super::learn(secret);
        let value = HeaderValue::from_str(&signature(secret, body.as_bytes()))?;
        headers.push((HeaderName::from_static(SIGNATURE), value));
    }
    let post = Post {
        service: "the webhook",
        url: post::address(url, "alert_url")?,
        body,
        token: None,
        headers,
        repeat: Repeat::OnlyUnprocessed,
    };
    post.send(client).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub's published example of the same scheme
    /// (<https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>).
    #[test]
    fn signatures_are_those_that_receivers_know() {
        assert_eq!(
            signature(&Secret::new("It's a Secret to Everybody"), b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
