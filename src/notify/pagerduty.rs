//! PagerDuty: events of version 2 (<https://developer.pagerduty.com/docs/send-alert-event>).
//! One key is one incident: it is opened, acknowledged and resolved under it.

use anyhow::bail;
use serde_json::{Value, json};

use super::post::Post;
use super::text::cut;
use super::{Alert, State};
use crate::http::{Client, Repeat, Url};
use crate::redact::Secret;

/// Most characters of a summary.
const SUMMARY: usize = 1_024;

/// # Errors
/// It cannot be an integration's key.
pub(super) fn check(key: &Secret) -> anyhow::Result<()> {
    let text = key.expose().trim();
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        bail!(
            "`pagerduty_routing_key` is no key of an integration with the Events API v2: those have 32 letters and digits"
        );
    }
    Ok(())
}

/// The event of an alert.
pub(super) fn event(routing_key: &Secret, alert: &Alert) -> Value {
    let action = match alert.state {
        State::Open => "trigger",
        State::Acknowledged => "acknowledge",
        State::Resolved => "resolve",
    };
    let mut event = json!({
        "routing_key": routing_key.expose().trim(),
        "event_action": action,
        "dedup_key": alert.key,
    });
    if alert.state != State::Open {
        return event;
    }
    let mut details: serde_json::Map<String, Value> = alert
        .facts
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    details.insert("text".to_owned(), Value::from(alert.text.as_str()));
    let mut payload = json!({
        "summary": cut(&alert.title, SUMMARY),
        "source": alert.source,
        "severity": alert.severity,
        "component": alert.source,
        "class": "deployment",
        "custom_details": details,
    });
    if let Ok(time) = jiff::Timestamp::from_millisecond(alert.at) {
        payload["timestamp"] = Value::from(time.to_string());
    }
    event["payload"] = payload;
    event["client"] = Value::from("pipewright");
    if let Some(link) = &alert.link {
        event["client_url"] = Value::from(link.as_str());
        event["links"] = json!([{"href": link, "text": "Details"}]);
    }
    event
}

/// Sends it. Twice is one incident, by its key.
pub(super) async fn send(
    client: &Client,
    base: &Url,
    routing_key: &Secret,
    alert: &Alert,
) -> anyhow::Result<()> {
    super::learn(routing_key);
    let mut url = base.clone();
    url.set_path(&format!("{}/v2/enqueue", base.path().trim_end_matches('/')));
    let post = Post {
        service: "PagerDuty",
        url,
        body: event(routing_key, alert).to_string(),
        token: None,
        headers: Vec::new(),
        repeat: Repeat::Harmless,
    };
    post.send(client).await?;
    Ok(())
}
