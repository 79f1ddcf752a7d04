//! Teams: a webhook of Workflows with an adaptive card
//! (<https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>,
//! <https://adaptivecards.io/explorer/>).
//!
//! Texts of others are runs of a `RichTextBlock`, which know no Markdown; mentions need
//! entities that are never made.

use serde_json::{Value, json};

use super::post::{self, Post};
use super::text::cut;
use super::{Alert, Severity, State};
use crate::http::{Client, Repeat};
use crate::redact::Secret;

/// Teams takes 28 KB; its own frame is part of that.
const MOST_BYTES: usize = 24_000;

fn run(text: &str) -> Value {
    json!({"type": "TextRun", "text": text})
}

fn paragraph(runs: Vec<Value>) -> Value {
    json!({"type": "RichTextBlock", "inlines": runs})
}

/// The message with a card, as long as Teams takes it.
pub(super) fn message(alert: &Alert) -> Value {
    let mut most = alert.text.chars().count().max(1);
    loop {
        let message = card(alert, &cut(&alert.text, most));
        if message.to_string().len() <= MOST_BYTES || most < 50 {
            return message;
        }
        most /= 2;
    }
}

fn card(alert: &Alert, text: &str) -> Value {
    let (word, style, color) = match (alert.state, alert.severity) {
        (State::Resolved, _) => ("Resolved", "good", "Good"),
        (State::Acknowledged, _) => ("Acknowledged", "accent", "Accent"),
        (State::Open, Severity::Critical) => ("Critical", "attention", "Attention"),
        (State::Open, Severity::Error) => ("Error", "attention", "Attention"),
        (State::Open, Severity::Warning) => ("Warning", "warning", "Warning"),
        (State::Open, Severity::Info) => ("Info", "accent", "Accent"),
    };
    let headline = paragraph(vec![
        json!({"type": "TextRun", "text": format!("{word}: "), "weight": "Bolder", "size": "Medium", "color": color}),
        json!({"type": "TextRun", "text": alert.title, "weight": "Bolder", "size": "Medium"}),
    ]);
    let mut body = vec![json!({"type": "Container", "style": style, "items": [headline]})];
    for part in text.split('\n').filter(|line| !line.trim().is_empty()).take(60) {
        body.push(paragraph(vec![run(part)]));
    }
    for (name, value) in &alert.facts {
        body.push(paragraph(vec![
            json!({"type": "TextRun", "text": format!("{name}: "), "weight": "Bolder"}),
            run(value),
        ]));
    }
    body.push(paragraph(vec![
        json!({"type": "TextRun", "text": format!("{} · {}", alert.source, alert.key), "isSubtle": true, "size": "Small"}),
    ]));
    let mut content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": format!("{word}: {}", alert.title),
        "body": body,
    });
    if let Some(link) = &alert.link {
        content["actions"] = json!([{"type": "Action.OpenUrl", "title": "Details", "url": link}]);
    }
    json!({"type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": content,
    }]})
}

/// Sends it.
pub(super) async fn send(client: &Client, url: &Secret, alert: &Alert) -> anyhow::Result<()> {
    let post = Post {
        service: "Teams",
        url: post::address(url, "teams_webhook_url")?,
        body: message(alert).to_string(),
        token: None,
        headers: Vec::new(),
        repeat: Repeat::OnlyUnprocessed,
    };
    post.send(client).await?;
    Ok(())
}
