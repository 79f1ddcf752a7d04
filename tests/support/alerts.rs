//! What Slack, Teams and PagerDuty take, as closed schemas written from their pages.

use serde_json::{Value, json};

/// Slack's message: <https://docs.slack.dev/reference/block-kit/blocks/>,
/// <https://docs.slack.dev/reference/block-kit/composition-objects/text-object>.
pub fn slack(method: &str) -> Value {
    let plain = |most: usize| {
        json!({"type": "object", "additionalProperties": false, "required": ["type", "text"], "properties": {
            "type": {"const": "plain_text"}, "emoji": {"type": "boolean"},
            "text": {"type": "string", "minLength": 1, "maxLength": most}}})
    };
    let mrkdwn = json!({"type": "object", "additionalProperties": false, "required": ["type", "text"], "properties": {
        "type": {"const": "mrkdwn"}, "verbatim": {"const": true},
        "text": {"type": "string", "minLength": 1, "maxLength": 3000}}});
    let block = |kind: &str, required: Value, mut properties: Value| {
        properties["type"] = json!({"const": kind});
        json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
    };
    let blocks = json!({"type": "array", "minItems": 1, "maxItems": 50, "items": {"oneOf": [
        block("header", json!(["type", "text"]), json!({"text": plain(150)})),
        block("section", json!(["type", "text"]), json!({"text": plain(3000)})),
        block("section", json!(["type", "fields"]),
            json!({"fields": {"type": "array", "minItems": 1, "maxItems": 10, "items": plain(2000)}})),
        block("context", json!(["type", "elements"]),
            json!({"elements": {"type": "array", "minItems": 1, "maxItems": 10, "items": {"oneOf": [plain(2000), mrkdwn]}}})),
    ]}});
    let mut properties =
        json!({"text": {"type": "string", "minLength": 1, "maxLength": 4000}, "blocks": blocks});
    let required = match method {
        "chat.update" => {
            properties["channel"] = json!({"type": "string", "pattern": "^[CDG][A-Z0-9]+$"});
            properties["ts"] = json!({"type": "string", "pattern": "^[0-9]+\\.[0-9]+$"});
            json!(["channel", "ts", "text"])
        }
        "chat.postMessage" => {
            properties["channel"] = json!({"type": "string", "minLength": 1});
            properties["unfurl_links"] = json!({"type": "boolean"});
            properties["unfurl_media"] = json!({"type": "boolean"});
            json!(["channel", "text"])
        }
        _ => {
            properties["unfurl_links"] = json!({"type": "boolean"});
            properties["unfurl_media"] = json!({"type": "boolean"});
            json!(["text"])
        }
    };
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

/// A card of version 1.4 in a message of Workflows:
/// <https://learn.microsoft.com/connectors/teams/#microsoft-teams-webhook>,
/// <https://adaptivecards.io/explorer/RichTextBlock.html>.
pub fn teams() -> Value {
    let inline = json!({"type": "object", "additionalProperties": false, "required": ["type", "text"], "properties": {
        "type": {"const": "TextRun"}, "text": {"type": "string"}, "isSubtle": {"type": "boolean"},
        "weight": {"enum": ["Default", "Lighter", "Bolder"]},
        "size": {"enum": ["Default", "Small", "Medium", "Large", "ExtraLarge"]},
        "color": {"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]}}});
    let rich = json!({"type": "object", "additionalProperties": false, "required": ["type", "inlines"], "properties": {
        "type": {"const": "RichTextBlock"}, "inlines": {"type": "array", "minItems": 1, "items": inline}}});
    let container = json!({"type": "object", "additionalProperties": false, "required": ["type", "items"], "properties": {
        "type": {"const": "Container"}, "style": {"enum": ["default", "emphasis", "good", "attention", "warning", "accent"]},
        "items": {"type": "array", "minItems": 1, "items": rich}}});
    let open = json!({"type": "object", "additionalProperties": false, "required": ["type", "url"], "properties": {
        "type": {"const": "Action.OpenUrl"}, "title": {"type": "string"}, "url": {"type": "string", "pattern": "^https?://"}}});
    let card = json!({"type": "object", "additionalProperties": false, "required": ["type", "version", "body"], "properties": {
        "$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"},
        "type": {"const": "AdaptiveCard"}, "version": {"const": "1.4"}, "fallbackText": {"type": "string"},
        "body": {"type": "array", "minItems": 1, "items": {"oneOf": [rich, container]}},
        "actions": {"type": "array", "maxItems": 6, "items": open}}});
    json!({"type": "object", "additionalProperties": false, "required": ["type", "attachments"], "properties": {
        "type": {"const": "message"},
        "attachments": {"type": "array", "minItems": 1, "maxItems": 1, "items": {
            "type": "object", "additionalProperties": false, "required": ["contentType", "content"], "properties": {
                "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                "contentUrl": {"type": "null"}, "content": card}}}}})
}

/// PagerDuty's alert event: <https://developer.pagerduty.com/docs/send-alert-event>.
pub fn pagerduty() -> Value {
    let payload = json!({"type": "object", "additionalProperties": false, "required": ["summary", "source", "severity"], "properties": {
        "summary": {"type": "string", "minLength": 1, "maxLength": 1024}, "source": {"type": "string", "minLength": 1},
        "severity": {"enum": ["critical", "warning", "error", "info"]},
        "timestamp": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$"},
        "component": {"type": "string"}, "group": {"type": "string"}, "class": {"type": "string"},
        "custom_details": {"type": "object"}}});
    let key = json!({"type": "string", "minLength": 32, "maxLength": 32});
    let dedup = json!({"type": "string", "minLength": 1, "maxLength": 255});
    json!({"oneOf": [
        {"type": "object", "additionalProperties": false, "required": ["routing_key", "event_action", "payload"], "properties": {
            "routing_key": key, "event_action": {"const": "trigger"}, "dedup_key": dedup, "payload": payload,
            "client": {"type": "string"}, "client_url": {"type": "string"},
            "links": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["href"],
                "properties": {"href": {"type": "string"}, "text": {"type": "string"}}}},
            "images": {"type": "array"}}},
        {"type": "object", "additionalProperties": false, "required": ["routing_key", "event_action", "dedup_key"], "properties": {
            "routing_key": key, "event_action": {"enum": ["acknowledge", "resolve"]}, "dedup_key": dedup}},
    ]})
}

/// What is wrong with a body by a schema.
pub fn problems(schema: &Value, body: &Value) -> Vec<String> {
    let valid = jsonschema::validator_for(schema).expect("a schema");
    valid.iter_errors(body).map(|error| error.to_string()).collect()
}
