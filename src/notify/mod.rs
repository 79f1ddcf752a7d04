//! Tells people: Slack, Teams, PagerDuty, any webhook.
//!
//! An [`Alert`] has a key: what is told twice under one key is one message or one
//! incident, kept up to date where the service can. Texts of an alert are anybody's:
//! they are masked, cut to what the service takes, and mention nobody.

mod pagerduty;
mod post;
mod slack;
mod teams;
mod text;
mod webhook;

use anyhow::{Context as _, bail};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::http::{Client, Url};
use crate::inputs::Alerts;
use crate::policy::AlertPermit;
use crate::redact::{self, Scrubber, Secret};

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Names what it is about: a later alert of the same key goes to the same place.
    pub key: String,
    /// Whether it is still so.
    pub state: State,
    /// How bad it is.
    pub severity: Severity,
    /// What is the matter, in a line.
    pub title: String,
    /// More of it, plain.
    pub text: String,
    /// Names and values, in order.
    pub facts: Vec<(String, String)>,
    /// Where to look: an address of the run or the deployment, never of a log.
    pub link: Option<String>,
    /// The service it is about.
    pub source: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// Whether what an alert says is still so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is.
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// How bad it is, in PagerDuty's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// People are harmed now.
    Critical,
    /// Something failed.
    Error,
    /// Somebody should look.
    Warning,
    /// Good to know.
    Info,
}

/// Where people are told.
#[derive(Debug, Clone)]
pub enum Channel {
    /// Slack's incoming webhook: a new message for each new state.
    SlackWebhook(Secret),
    /// Slack's API: one message, kept up to date.
    Slack {
        /// `https://slack.com/api`.
        url: Url,
        /// A bot's token.
        token: Secret,
        /// The channel's id or name.
        channel: String,
    },
    /// A webhook of Teams' Workflows: a new message for each new state.
    Teams(Secret),
    /// PagerDuty's Events API v2: one incident.
    PagerDuty {
        /// `https://events.pagerduty.com`.
        url: Url,
        /// The integration's key.
        routing_key: Secret,
    },
    /// Any address, as JSON.
    Webhook {
        /// The address, which may hold a secret itself.
        url: Secret,
        /// What messages are signed with.
        secret: Option<Secret>,
    },
}

/// What was told where: kept by the caller, and given again with the next alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The channel, by a digest that tells nothing of its address.
    pub channel: String,
    /// The alert's key.
    pub key: String,
    /// Its state then.
    pub state: State,
    /// How bad it was then.
    pub severity: Severity,
    /// Digest of what was told.
    pub content: String,
    /// The message, where it can be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}

/// A message that can be changed (Slack).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The channel's id.
    pub channel: String,
    /// The message's time, which names it.
    pub ts: String,
}

/// What became of an alert at a channel.
#[derive(Debug)]
pub struct Told {
    /// The service's name.
    pub service: &'static str,
    /// What to keep, and whether anything was sent; or why it could not be.
    pub outcome: anyhow::Result<(Sent, bool)>,
}

impl Channel {
    /// The service's name.
    pub fn service(&self) -> &'static str {
        match self {
            Channel::SlackWebhook(_) | Channel::Slack { .. } => "Slack",
            Channel::Teams(_) => "Teams",
            Channel::PagerDuty { .. } => "PagerDuty",
            Channel::Webhook { .. } => "the webhook",
        }
    }

    /// A name for it that tells nothing of its address.
    fn name(&self) -> String {
        let (kind, place) = match self {
            Channel::SlackWebhook(url) => ("slack-webhook", url.expose().to_owned()),
            Channel::Slack { url, channel, .. } => ("slack", format!("{url} {channel}")),
            Channel::Teams(url) => ("teams", url.expose().to_owned()),
            Channel::PagerDuty { routing_key, .. } => {
                ("pagerduty", routing_key.expose().to_owned())
            }
            Channel::Webhook { url, .. } => ("webhook", url.expose().to_owned()),
        };
        format!("{kind}-{}", &digest(&[kind, place.trim()])[..16])
    }

    /// Whether the service itself knows an alert by its key, or its message can be changed.
    fn updates(&self) -> bool {
        matches!(self, Channel::Slack { .. } | Channel::PagerDuty { .. } | Channel::Webhook { .. })
    }
}

/// The channels that the inputs name. Their secrets are masked from here on.
///
/// # Errors
/// An address is none, a channel is missing beside a token, or a key cannot be one.
pub fn channels(alerts: &Alerts) -> anyhow::Result<Vec<Channel>> {
    let mut channels = Vec::new();
    if let Some(url) = &alerts.slack_webhook_url {
        post::address(url, "slack_webhook_url")?;
        channels.push(Channel::SlackWebhook(url.clone()));
    }
    if let Some(token) = &alerts.slack_token {
        let Some(channel) = alerts.slack_channel.clone() else {
            bail!("`slack_token` is given without `slack_channel`: say where to post");
        };
        let url = parse(&alerts.slack_url, "https://slack.com/api", "slack_url")?;
        channels.push(Channel::Slack { url, token: token.clone(), channel });
    }
    if let Some(url) = &alerts.teams_webhook_url {
        post::address(url, "teams_webhook_url")?;
        channels.push(Channel::Teams(url.clone()));
    }
    if let Some(key) = &alerts.pagerduty_routing_key {
        pagerduty::check(key)?;
        let url = parse(&alerts.pagerduty_url, "https://events.pagerduty.com", "pagerduty_url")?;
        channels.push(Channel::PagerDuty { url, routing_key: key.clone() });
    }
    if let Some(url) = &alerts.alert_url {
        post::address(url, "alert_url")?;
        let secret = alerts.alert_secret.clone();
        channels.push(Channel::Webhook { url: url.clone(), secret });
    }
    Ok(channels)
}

fn parse(text: &str, usual: &str, input: &str) -> anyhow::Result<Url> {
    let text = if text.is_empty() { usual } else { text };
    let url = Url::parse(text).with_context(|| format!("cannot use `{text}` as `{input}`"))?;
    post::guard(&url, input)?;
    Ok(url)
}

/// Tells all channels, side by side. What was sent before under the same key is not
/// sent again; a message that can be changed is changed.
pub async fn send(
    permit: &AlertPermit,
    client: &Client,
    channels: &[Channel],
    alert: &Alert,
    before: &[Sent],
    scrubber: &Scrubber,
) -> Vec<Told> {
    let clean = text::clean(alert, scrubber);
    let all = channels.iter().map(|channel| {
        let clean = &clean;
        async move {
            let outcome = tell(permit, client, channel, clean, before).await;
            // A service may say anything, and quote what it was sent.
            let outcome = outcome.map_err(|error| {
                anyhow::anyhow!("{}", scrubber.sanitize_line(&format!("{error:#}")))
            });
            Told { service: channel.service(), outcome }
        }
    });
    join_all(all).await
}

async fn tell(
    _permit: &AlertPermit,
    client: &Client,
    channel: &Channel,
    alert: &Alert,
    before: &[Sent],
) -> anyhow::Result<(Sent, bool)> {
    let name = channel.name();
    let last = before.iter().rev().find(|sent| sent.channel == name && sent.key == alert.key);
    let mut sent = Sent {
        channel: name,
        key: alert.key.clone(),
        state: alert.state,
        severity: alert.severity,
        content: content(alert),
        message: last.and_then(|last| last.message.clone()),
    };
    if let Some(last) = last {
        let same_state = last.state == alert.state && last.severity == alert.severity;
        let nothing_new = last.content == sent.content || !channel.updates() && same_state;
        if nothing_new {
            return Ok((Sent { content: last.content.clone(), ..sent }, false));
        }
    } else if alert.state == State::Resolved {
        // Nobody was told that it began. An incident of another run may still be open.
        if !matches!(channel, Channel::PagerDuty { .. } | Channel::Webhook { .. }) {
            return Ok((sent, false));
        }
    }
    match channel {
        Channel::SlackWebhook(url) => slack::webhook(client, url, alert).await?,
        Channel::Slack { url, token, channel } => {
            let at = slack::Place { url, token, channel };
            sent.message = Some(slack::post_or_update(client, &at, alert, sent.message).await?);
        }
        Channel::Teams(url) => teams::send(client, url, alert).await?,
        Channel::PagerDuty { url, routing_key } => {
            pagerduty::send(client, url, routing_key, alert).await?;
        }
        Channel::Webhook { url, secret } => {
            webhook::send(client, url, secret.as_ref(), alert).await?;
        }
    }
    Ok((sent, true))
}

/// Digest of what people would read; the time is not part of it.
fn content(alert: &Alert) -> String {
    let state = format!("{:?} {:?}", alert.state, alert.severity);
    let mut parts = vec![state.as_str(), &alert.title, &alert.text, &alert.source];
    parts.push(alert.link.as_deref().unwrap_or_default());
    parts.extend(alert.facts.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    digest(&parts)[..32].to_owned()
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Masks a secret from here on.
fn learn(secret: &Secret) {
    redact::learn(secret);
}
