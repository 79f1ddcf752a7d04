//! Slack: incoming webhooks (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>),
//! or one message by `chat.postMessage` and `chat.update`
//! (<https://docs.slack.dev/reference/methods/chat.postMessage>).
//!
//! Texts of others go in as `plain_text`, which Slack does not format.

use anyhow::bail;
use serde::Deserialize;
use serde_json::{Value, json};

use super::post::{self, Post};
use super::text::cut;
use super::{Alert, Message, Severity, State};
use crate::http::{Client, Repeat, Url};
use crate::redact::Secret;

/// Most characters of a header block.
const HEADER: usize = 150;
/// Most characters of a section's text.
const SECTION: usize = 3_000;
/// Most sections of text: all blocks of a message together are limited as well.
const SECTIONS: usize = 3;
/// Most characters of the text that notifications show.
const FALLBACK: usize = 1_000;

/// A channel of a workspace.
pub(super) struct Place<'a> {
    pub(super) url: &'a Url,
    pub(super) token: &'a Secret,
    pub(super) channel: &'a str,
}

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    #[serde(default)]
    error: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    ts: String,
}

/// What stands before the title.
fn mark(alert: &Alert) -> &'static str {
    match (alert.state, alert.severity) {
        (State::Resolved, _) => "Resolved",
        (State::Acknowledged, _) => "Acknowledged",
        (State::Open, Severity::Critical) => "Critical",
        (State::Open, Severity::Error) => "Error",
        (State::Open, Severity::Warning) => "Warning",
        (State::Open, Severity::Info) => "Info",
    }
}

/// Slack's three characters.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn plain(text: &str, most: usize) -> Value {
    json!({"type": "plain_text", "text": cut(text, most), "emoji": false})
}

/// Text and blocks of a message.
pub(super) fn message(alert: &Alert) -> serde_json::Map<String, Value> {
    let headline = format!("{}: {}", mark(alert), alert.title);
    let mut blocks = vec![json!({"type": "header", "text": plain(&headline, HEADER)})];
    let characters: Vec<char> = alert.text.chars().collect();
    for part in characters.chunks(SECTION).take(SECTIONS) {
        let part: String = part.iter().collect();
        if !part.trim().is_empty() {
            blocks.push(json!({"type": "section", "text": plain(&part, SECTION)}));
        }
    }
    if !alert.facts.is_empty() {
        let fields: Vec<Value> = alert
            .facts
            .iter()
            .take(10)
            .map(|(name, value)| plain(&format!("{name}\n{value}"), 2_000))
            .collect();
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    let mut context = vec![plain(&format!("{} · {}", alert.source, alert.key), 300)];
    if let Some(link) = &alert.link {
        let text = format!("<{}|Details>", escape(link));
        context.push(json!({"type": "mrkdwn", "text": text, "verbatim": true}));
    }
    blocks.push(json!({"type": "context", "elements": context}));
    serde_json::Map::from_iter([
        ("text".to_owned(), Value::from(escape(&cut(&headline, FALLBACK)))),
        ("blocks".to_owned(), Value::from(blocks)),
    ])
}

/// A message by an incoming webhook.
pub(super) async fn webhook(client: &Client, url: &Secret, alert: &Alert) -> anyhow::Result<()> {
    let mut body = message(alert);
    body.insert("unfurl_links".to_owned(), Value::from(false));
    body.insert("unfurl_media".to_owned(), Value::from(false));
    let post = Post {
        service: "Slack",
        url: post::address(url, "slack_webhook_url")?,
        body: Value::from(body).to_string(),
        token: None,
        headers: Vec::new(),
        repeat: Repeat::OnlyUnprocessed,
    };
    post.send(client).await?;
    Ok(())
}

/// The message as it now should be: changed where there is one, else a new one.
pub(super) async fn post_or_update(
    client: &Client,
    at: &Place<'_>,
    alert: &Alert,
    before: Option<Message>,
) -> anyhow::Result<Message> {
    if let Some(before) = before {
        let mut body = message(alert);
        body.insert("channel".to_owned(), Value::from(before.channel.as_str()));
        body.insert("ts".to_owned(), Value::from(before.ts.as_str()));
        // The same text twice is the same message.
        let reply = call(client, at, "chat.update", body, Repeat::Harmless).await?;
        match reply.error.as_str() {
            _ if reply.ok => return Ok(before),
            // It was deleted, or may not be changed any more: people are told anew.
            "message_not_found"
            | "cant_update_message"
            | "edit_window_closed"
            | "channel_not_found" => {}
            error => bail!("Slack did not change its message: {}", explain(error)),
        }
    }
    let mut body = message(alert);
    body.insert("channel".to_owned(), Value::from(at.channel));
    body.insert("unfurl_links".to_owned(), Value::from(false));
    body.insert("unfurl_media".to_owned(), Value::from(false));
    let reply = call(client, at, "chat.postMessage", body, Repeat::OnlyUnprocessed).await?;
    if !reply.ok {
        bail!("Slack did not post the message: {}", explain(&reply.error));
    }
    Ok(Message { channel: reply.channel, ts: reply.ts })
}

async fn call(
    client: &Client,
    at: &Place<'_>,
    method: &str,
    body: serde_json::Map<String, Value>,
    repeat: Repeat,
) -> anyhow::Result<Reply> {
    let mut url = at.url.clone();
    url.set_path(&format!("{}/{method}", at.url.path().trim_end_matches('/')));
    let post = Post {
        service: "Slack",
        url,
        body: Value::from(body).to_string(),
        token: Some(at.token),
        headers: Vec::new(),
        repeat,
    };
    let answer = post.send(client).await?;
    serde_json::from_slice(&answer.body)
        .map_err(|_| anyhow::anyhow!("the answer of Slack is not the JSON that was expected"))
}

/// Slack's word for an error, and what to do.
fn explain(error: &str) -> String {
    let todo = match error {
        "not_in_channel" => ": invite the app to the channel",
        "channel_not_found" => ": look at `slack_channel`; the app has to be in a private one",
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
            ": look at `slack_token`"
        }
        "missing_scope" => ": the app needs `chat:write`",
        "is_archived" => ": the channel is archived",
        "ratelimited" | "rate_limited" => ": too many messages",
        _ => "",
    };
    format!("{error}{todo}")
}
