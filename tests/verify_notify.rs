//! Alerts on loopback, each body against what the service documents.

#[allow(dead_code, reason = "a part is used")]
#[path = "support/alerts.rs"]
mod alerts;
#[allow(dead_code, reason = "a part is used")]
#[path = "support/server.rs"]
mod server;

use std::sync::{Arc, Mutex};

use pipewright::http::{Client, Config, Retry, Url};
use pipewright::inputs::{Alerts, Autonomy};
use pipewright::notify::{Alert, Channel, Sent, Severity, State, Told, channels, send};
use pipewright::policy::{AlertPermit, Grounds, Token, rule};
use pipewright::redact::{Scrubber, Secret};
use serde_json::{Value, json};
use server::{Reply, Request};

const ROUTING_KEY: &str = "zq0123456789abcdef0123456789abcd";

fn permit() -> AlertPermit {
    let grounds = Grounds {
        input: Autonomy::Alert,
        base: None,
        token: Token::Writes,
        asker: None,
        asker_needs: None,
    };
    rule(&grounds).alert().expect("a permit at `alert`")
}

fn alert() -> Alert {
    Alert {
        key: "checkout/d-1".to_owned(),
        state: State::Open,
        severity: Severity::Critical,
        title: "checkout 1.8.0: roll back".to_owned(),
        text: "Errors rose from 0.1 % to 20 %.".to_owned(),
        facts: vec![("rule".to_owned(), "error_rate".to_owned())],
        link: Some("https://ci.example/run/7?a=1&b=2".to_owned()),
        source: "checkout".to_owned(),
        at: 1_767_261_600_000,
    }
}

/// A text with all that a chat might act on, long enough for every limit.
fn hostile() -> Alert {
    let bad = "<!channel> <@U12345> <https://evil.test|here> @here @everyone <at>Ann</at> [x](https://evil.test) *b* `c` &amp; \u{202e}ghp_0123456789abcdefghijABCDEFGHIJ \"}],\n";
    Alert {
        key: format!("k<!here>{}", "x".repeat(400)),
        title: bad.repeat(30),
        text: bad.repeat(300),
        facts: (0..30).map(|n| (format!("{n} {bad}"), bad.repeat(50))).collect(),
        link: Some("https://evil.test/|x>".to_owned()),
        source: bad.to_owned(),
        ..alert()
    }
}

fn tell(channels: &[Channel], alert: &Alert, before: &[Sent]) -> Vec<Told> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let retry = Retry { attempts: 1, ..Retry::default() };
    let client = Client::new(Config { retry, ..Config::default() }).unwrap();
    let scrubber = Scrubber::new([&Secret::new("hunter2-hunter2")]);
    runtime.block_on(send(&permit(), &client, channels, alert, before, &scrubber))
}

#[track_caller]
fn only(told: Vec<Told>) -> (Sent, bool) {
    let [one] = <[Told; 1]>::try_from(told).unwrap();
    one.outcome.unwrap()
}

/// A server that keeps what came and checks it by a schema.
fn service(
    schema: impl Fn(&Request) -> Value + Send + Sync + 'static,
    reply: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (server::Server, Arc<Mutex<Vec<Request>>>) {
    let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let server = server::Server::start(move |request| {
        kept.lock().unwrap().push(request.clone());
        assert_eq!(request.method, "POST");
        assert!(request.header("content-type").unwrap().starts_with("application/json"));
        let problems = alerts::problems(&schema(&request), &request.json());
        if !problems.is_empty() {
            return Reply::json(
                400,
                &json!({"ok": false, "error": "invalid", "message": problems.join("; ")}),
            );
        }
        reply(&request)
    });
    (server, seen)
}

/// Nothing of a message may be what a chat acts on, nor a secret.
#[track_caller]
fn is_harmless(body: &Value) {
    let text = body.to_string();
    for bad in [
        "<!",
        "<@",
        "@here",
        "@everyone",
        "<at>",
        "https://evil",
        "ghp_0123",
        "\u{202e}",
        "&lt;!",
        "&lt;@",
    ] {
        assert!(!text.contains(bad), "{bad} in {text}");
    }
}

fn slack_api() -> (server::Server, Arc<Mutex<Vec<Request>>>) {
    service(
        |request| alerts::slack(request.path().strip_prefix("/api/").unwrap()),
        |request| {
            assert_eq!(request.header("authorization"), Some("Bearer zq-slack-token"));
            let body = request.json();
            match request.path() {
                "/api/chat.update" if body["ts"] == "1.000" => {
                    Reply::json(200, &json!({"ok": false, "error": "message_not_found"}))
                }
                "/api/chat.postMessage" if body["channel"] == "#secret" => {
                    Reply::json(200, &json!({"ok": false, "error": "not_in_channel"}))
                }
                _ => Reply::json(
                    200,
                    &json!({"ok": true, "channel": "C024BE91L", "ts": "1767261600.000100", "message": {}}),
                ),
            }
        },
    )
}

fn slack(url: &str, channel: &str) -> Vec<Channel> {
    let url = Url::parse(&format!("{url}/api")).unwrap();
    vec![Channel::Slack { url, token: Secret::new("zq-slack-token"), channel: channel.to_owned() }]
}

#[test]
fn one_message_of_slack_is_kept_up_to_date() {
    let (server, seen) = slack_api();
    let channels = slack(&server.url, "#deployments");
    let methods =
        || -> Vec<String> { seen.lock().unwrap().iter().map(|r| r.path().to_owned()).collect() };
    let (first, sent) = only(tell(&channels, &alert(), &[]));
    assert!(sent && first.message.as_ref().unwrap().ts == "1767261600.000100");
    // The same again is not sent; the time alone makes no other message.
    let later = Alert { at: 1_767_261_700_000, ..alert() };
    assert!(!only(tell(&channels, &later, std::slice::from_ref(&first))).1);
    let over = Alert { state: State::Resolved, ..alert() };
    let (second, sent) = only(tell(&channels, &over, std::slice::from_ref(&first)));
    assert!(sent && second.message == first.message);
    assert_eq!(methods(), ["/api/chat.postMessage", "/api/chat.update"]);
    assert!(
        seen.lock().unwrap()[1].json()["blocks"][0]["text"]["text"]
            .as_str()
            .unwrap()
            .starts_with("Resolved: ")
    );
    // What is kept survives being written down.
    let kept: Sent = serde_json::from_str(&serde_json::to_string(&second).unwrap()).unwrap();
    assert_eq!(kept, second);
    // A message that was deleted is written anew.
    let mut gone = first.clone();
    gone.message.as_mut().unwrap().ts = "1.000".to_owned();
    assert!(only(tell(&channels, &over, &[gone])).1);
    assert_eq!(methods()[2..], ["/api/chat.update", "/api/chat.postMessage"]);
    // What ended before anybody was told is nobody's concern.
    assert!(!only(tell(&channels, &over, &[])).1);
    let error = tell(&slack(&server.url, "#secret"), &alert(), &[]).remove(0).outcome.unwrap_err();
    assert!(error.to_string().contains("not_in_channel: invite the app"), "{error}");
}

#[test]
fn hostile_texts_reach_every_service_as_text() {
    let (slack_server, seen) = slack_api();
    let (teams_server, teams_seen) =
        service(|_| alerts::teams(), |_| Reply::new(202, "text/plain", Vec::new()));
    let (pager, pager_seen) = service(
        |_| alerts::pagerduty(),
        |_| {
            Reply::json(
                202,
                &json!({"status": "success", "message": "Event processed", "dedup_key": "k"}),
            )
        },
    );
    let (hook, hook_seen) = service(
        |_| serde_json::from_str(include_str!("../schemas/pipewright.alert-1.json")).unwrap(),
        |_| Reply::new(204, "text/plain", Vec::new()),
    );
    let (plain, plain_seen) =
        service(|_| alerts::slack("webhook"), |_| Reply::new(200, "text/plain", b"ok".to_vec()));
    let inputs = Alerts {
        slack_webhook_url: Some(Secret::new(format!(
            "{}/services/T0/B0/zqzqzqzqzqzqzqzqzq",
            plain.url
        ))),
        slack_token: Some(Secret::new("zq-slack-token")),
        slack_channel: Some("#deployments".to_owned()),
        slack_url: format!("{}/api", slack_server.url),
        teams_webhook_url: Some(Secret::new(format!(
            "{}/workflows/zqzqzqzqzqzqzq?sig=zqzqzqzqzqzqzqzqzqzq",
            teams_server.url
        ))),
        pagerduty_routing_key: Some(Secret::new(ROUTING_KEY)),
        pagerduty_url: pager.url.clone(),
        alert_url: Some(Secret::new(format!("{}/hook", hook.url))),
        alert_secret: Some(Secret::new("zq-alert-secret")),
    };
    let channels = channels(&inputs).unwrap();
    for alert in
        [hostile(), alert(), Alert { facts: vec![], text: String::new(), link: None, ..alert() }]
    {
        let told = tell(&channels, &alert, &[]);
        assert_eq!(told.len(), 5);
        for one in told {
            assert!(one.outcome.unwrap().1, "{}", one.service);
        }
    }
    for seen in [&seen, &teams_seen, &pager_seen, &hook_seen, &plain_seen] {
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 3);
        is_harmless(&seen[0].json());
        assert!(seen[0].body.len() < 28_000, "{}", seen[0].body.len());
    }
    let link = "https://ci.example/run/7?a=1&b=2";
    assert!(
        seen.lock().unwrap()[1]
            .json()
            .to_string()
            .contains("<https://ci.example/run/7?a=1&amp;b=2|Details>")
    );
    assert_eq!(
        teams_seen.lock().unwrap()[1].json()["attachments"][0]["content"]["actions"][0]["url"],
        link
    );
    let signed = hook_seen.lock().unwrap()[1].clone();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"zq-alert-secret");
    let hex = signed
        .header("x-pipewright-signature-256")
        .unwrap()
        .strip_prefix("sha256=")
        .unwrap()
        .to_owned();
    let bytes: Vec<u8> =
        (0..32).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect();
    ring::hmac::verify(&key, &signed.body, &bytes).unwrap();
}

#[test]
fn an_incident_is_opened_acknowledged_and_resolved_under_one_key() {
    let (server, seen) = service(
        |_| alerts::pagerduty(),
        |_| {
            Reply::json(
                202,
                &json!({"status": "success", "message": "Event processed", "dedup_key": "k"}),
            )
        },
    );
    let url = Url::parse(&server.url).unwrap();
    let channels = [Channel::PagerDuty { url, routing_key: Secret::new(ROUTING_KEY) }];
    let mut before = Vec::new();
    for state in [State::Open, State::Open, State::Acknowledged, State::Resolved] {
        let (sent, _) = only(tell(&channels, &Alert { state, ..alert() }, &before));
        before.push(sent);
    }
    // Another run may have opened what this one sees the end of.
    assert!(only(tell(&channels, &Alert { state: State::Resolved, ..alert() }, &[])).1);
    let actions: Vec<Value> =
        seen.lock().unwrap().iter().map(|r| r.json()["event_action"].clone()).collect();
    assert_eq!(actions, ["trigger", "acknowledge", "resolve", "resolve"]);
    let keys: Vec<Value> =
        seen.lock().unwrap().iter().map(|r| r.json()["dedup_key"].clone()).collect();
    assert!(keys.iter().all(|key| key == "checkout/d-1"));
    let first = seen.lock().unwrap()[0].json();
    assert_eq!(first["payload"]["severity"], "critical");
    assert_eq!(first["payload"]["timestamp"], "2026-01-01T10:00:00Z");
}

#[test]
fn a_webhook_that_cannot_change_its_message_hears_of_new_states_alone() {
    let (server, seen) =
        service(|_| alerts::teams(), |_| Reply::new(202, "text/plain", Vec::new()));
    let channels = [Channel::Teams(Secret::new(format!("{}/zqzqzqzqzqzqzqzqzqzqzq", server.url)))];
    let (first, _) = only(tell(&channels, &alert(), &[]));
    let more = Alert { text: "More of the same.".to_owned(), ..alert() };
    assert!(!only(tell(&channels, &more, std::slice::from_ref(&first))).1);
    let other = Alert { key: "checkout/d-2".to_owned(), ..alert() };
    assert!(only(tell(&channels, &other, std::slice::from_ref(&first))).1);
    assert!(only(tell(&channels, &Alert { state: State::Resolved, ..more }, &[first])).1);
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[test]
fn what_goes_wrong_is_said_without_the_address() {
    for (status, body, expect) in [
        (404, "no_service", "not there any more"),
        (403, "action_prohibited", "not accepted"),
        (429, "", "too many messages"),
        (400, "invalid_payload", "invalid_payload"),
        (500, "hunter2-hunter2 rollup_error", "rollup_error"),
    ] {
        let server = server::Server::start(move |_| {
            Reply::new(status, "text/plain", body.as_bytes().to_vec())
        });
        let channels = [Channel::SlackWebhook(Secret::new(format!(
            "{}/services/T0/zqzqzqzqzqzqzqzqzqzq",
            server.url
        )))];
        let error = tell(&channels, &alert(), &[]).remove(0).outcome.unwrap_err().to_string();
        assert!(error.contains(expect) && error.starts_with("Slack"), "{error}");
        assert!(!error.contains("zqzq") && !error.contains("hunter2"), "{error}");
    }
    let channels = [Channel::Teams(Secret::new("http://127.0.0.1:9/zqzqzqzqzqzqzqzqzqzq"))];
    let error = tell(&channels, &alert(), &[]).remove(0).outcome.unwrap_err().to_string();
    assert_eq!(error, "Teams could not be reached");
}

#[test]
fn inputs_that_cannot_be_meant_are_refused() {
    let none = || Alerts {
        slack_webhook_url: None,
        slack_token: None,
        slack_channel: None,
        teams_webhook_url: None,
        pagerduty_routing_key: None,
        pagerduty_url: String::new(),
        slack_url: String::new(),
        alert_url: None,
        alert_secret: None,
    };
    let secret = |text: &str| Some(Secret::new(text));
    for (inputs, expect) in [
        (Alerts { slack_webhook_url: secret("http://hooks.example/x"), ..none() }, "https"),
        (
            Alerts { teams_webhook_url: secret("nothing"), ..none() },
            "`teams_webhook_url` is no address",
        ),
        (Alerts { slack_token: secret("xoxb-1"), ..none() }, "slack_channel"),
        (
            Alerts {
                slack_token: secret("x"),
                slack_channel: Some("#a".into()),
                slack_url: "http://slack.example".into(),
                ..none()
            },
            "slack_url",
        ),
        (Alerts { pagerduty_routing_key: secret("short"), ..none() }, "32 letters"),
        (Alerts { alert_url: secret("ftp://x/y"), ..none() }, "https"),
    ] {
        let error = channels(&inputs).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
    assert!(channels(&none()).unwrap().is_empty());
}
