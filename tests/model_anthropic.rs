//! The Anthropic client against a Messages API on loopback.

#[path = "support/anthropic.rs"]
mod anthropic;

use std::time::{Duration, Instant};

use pipewright::http::{Client, Config, Retry};
use pipewright::model::anthropic::{Anthropic as Claude, Key, Options, capability, request};
use pipewright::model::findings::{REPORT_FINDINGS, parse_findings, report_findings_tool};
use pipewright::model::price::DEFAULT_MODEL;
use pipewright::model::{
    Content, Message, Model, ModelError, Request, Role, Stop, SystemBlock, Tool, ToolChoice,
};
use serde_json::{Value, json};

use anthropic::{Act, Anthropic, answer, finding};

fn options(server: &Anthropic) -> Options {
    let key = Key::ApiKey("sk-ant-test".to_owned());
    let mut options = Options::new(DEFAULT_MODEL, server.url().parse().unwrap(), key);
    options.stall_timeout = Duration::from_millis(600);
    options.retry = Retry {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
        limit_wait: Duration::from_millis(5),
        longest_limit_wait: Duration::from_secs(3),
        ..options.retry
    };
    options
}

fn claude(options: Options) -> Claude {
    Claude::new(&Client::new(Config::default()).unwrap(), options).unwrap()
}

fn text(text: &str) -> Content {
    Content::Text { text: text.to_owned(), cache: false }
}

fn review() -> Request {
    Request {
        system: vec![SystemBlock { text: "Review the change.".into(), cache: true }],
        messages: vec![Message {
            role: Role::User, content: vec![text("The change: é\u{1F600}")]
        }],
        tools: vec![
            Tool {
                name: "read_file".to_owned(),
                description: "Read a file.".to_owned(),
                input_schema: json!({"type": "object", "properties": {"path": {"type": "string"},
                    "line": {"type": "integer", "minimum": 1}}, "required": ["path"]}),
            },
            report_findings_tool(),
        ],
        tool_choice: ToolChoice::Auto,
        max_tokens: 16_000,
    }
}

/// Turns of a tool loop: a call after thinking, and its result.
fn tool_loop(turns: usize) -> Request {
    let mut request = review();
    for turn in 0..turns {
        let id = format!("toolu_{turn}");
        request.messages.push(Message {
            role: Role::Assistant,
            content: vec![
                Content::Opaque(json!({"type": "thinking", "thinking": "", "signature": "c2ln"})),
                text(" "),
                Content::ToolUse {
                    id: id.clone(),
                    name: "read_file".into(),
                    input: json!({"path": "a"}),
                },
            ],
        });
        request.messages.push(Message {
            role: Role::User,
            content: vec![Content::ToolResult { id, text: String::new(), is_error: turn % 2 == 1 }],
        });
    }
    request
}

fn body(model: &str, request: &Request) -> Value {
    let bytes = request::body(model, capability(model), None, true, request);
    serde_json::from_slice(&bytes).unwrap()
}

const MODELS: [&str; 12] = [
    "claude-sonnet-5-5",
    "claude-opus-5-5",
    "claude-haiku-5-5",
    "claude-fable-5-1",
    "claude-fable-5-2",
    "claude-opus-5",
    "claude-sonnet-5",
    "claude-opus-4-8",
    "claude-sonnet-4-6",
    "claude-haiku-4-5-20251001",
    "claude-sonnet-4-20250514",
    "somebody-elses",
];

#[test]
fn every_model_gets_a_request_it_takes() {
    let mut only_answer = review();
    only_answer.tools.remove(0);
    only_answer.system.clear();
    let mut marked = tool_loop(3);
    for message in &mut marked.messages {
        if let [Content::Text { cache, .. }] = message.content.as_mut_slice() {
            *cache = true;
        }
    }
    marked.system = (0..6)
        .map(|index| SystemBlock { text: format!("Part {index}").into(), cache: true })
        .chain([SystemBlock { text: " ".into(), cache: true }])
        .collect();
    let mut bare = review();
    bare.tools.clear();
    let mut broken = tool_loop(1);
    if let Content::ToolUse { input, .. } = &mut broken.messages[1].content[2] {
        *input = json!("{\"path");
    }
    for request in [review(), tool_loop(1), tool_loop(4), only_answer, marked, bare, broken] {
        for choice in [ToolChoice::Auto, ToolChoice::Any, ToolChoice::Tool(REPORT_FINDINGS.into())]
        {
            let request = Request { tool_choice: choice, ..request.clone() };
            for model in MODELS {
                for effort in [None, Some(request::Effort::Xhigh)] {
                    for stream in [true, false] {
                        let bytes =
                            request::body(model, capability(model), effort, stream, &request);
                        let body = serde_json::from_slice(&bytes).unwrap();
                        let wrong = anthropic::check_body(&body);
                        assert!(wrong.is_empty(), "{model}: {wrong:#?}\n{body:#}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_shared_prefix_and_the_end_of_a_tool_loop_are_cached() {
    let at = |body: &Value, path: &str| body.pointer(path).cloned().unwrap_or_default();
    let ephemeral = json!({"type": "ephemeral"});
    let first = body(DEFAULT_MODEL, &review());
    assert_eq!(at(&first, "/system/0/cache_control"), ephemeral);
    assert_eq!(first.to_string().matches("cache_control").count(), 1);
    let third = body(DEFAULT_MODEL, &tool_loop(2));
    assert_eq!(at(&third, "/messages/4/content/0/cache_control"), ephemeral);
    assert_eq!(third.to_string().matches("cache_control").count(), 2);
    let mut tools_only = review();
    tools_only.system.clear();
    assert_eq!(at(&body(DEFAULT_MODEL, &tools_only), "/tools/1/cache_control"), ephemeral);
    // The earlier turns are sent byte by byte as before.
    assert_eq!(third["messages"][0], first["messages"][0]);
}

#[test]
fn tools_are_strict_where_they_can_be_and_forced_where_they_may() {
    let mut request = review();
    request.tool_choice = ToolChoice::Tool(REPORT_FINDINGS.into());
    let new = body(DEFAULT_MODEL, &request);
    assert_eq!(new["tool_choice"], json!({"type": "auto"}));
    assert_eq!(
        (&new["tools"][0]["strict"], &new["tools"][1]["strict"]),
        (&Value::Null, &json!(true))
    );
    let old = body("claude-sonnet-4-5", &request);
    assert_eq!(old["tool_choice"], json!({"type": "tool", "name": REPORT_FINDINGS}));
    assert_eq!(body("claude-sonnet-4", &request)["tools"][1]["strict"], Value::Null);
}

#[tokio::test]
async fn a_stream_becomes_a_reply() {
    let server = Anthropic::start();
    let input =
        json!([finding("a.rs", 3, "let é = \"😀\\n\";", "T"), finding("b.rs", 4, "x", "U")]);
    server.answer(input.clone()).answer(json!([]));
    let claude = claude(options(&server));
    let reply = claude.ask(&review()).await.unwrap();
    assert_eq!(reply.stop, Stop::ToolUse);
    let thinking = json!({"type": "thinking", "thinking": "", "signature": "c2lnbmVk"});
    assert_eq!(reply.content[0], Content::Opaque(thinking));
    let Content::ToolUse { name, input: read, .. } = &reply.content[1] else { panic!() };
    assert_eq!((name.as_str(), &read["findings"]), (REPORT_FINDINGS, &input));
    assert_eq!(parse_findings(read).unwrap().findings.len(), 2);
    assert_eq!((reply.usage.requests, reply.usage.cached_tokens), (1, 0));
    assert!(reply.usage.cost_usd > 0.0 && reply.usage.input_tokens > 100);
    let again = claude.ask(&review()).await.unwrap().usage;
    assert!(again.cached_tokens > 100 && again.input_tokens > again.cached_tokens);
    assert!(again.cost_usd < reply.usage.cost_usd);
    let request = &server.requests()[0];
    assert_eq!(request.header("x-api-key"), Some("sk-ant-test"));
    assert_eq!(request.header("authorization"), None);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let server = Anthropic::start();
    server.plain().answer(json!([finding("a.rs", 3, "x", "T")])).answer(json!([]));
    let reply = claude(options(&server)).ask(&review()).await.unwrap();
    assert_eq!((reply.content.len(), &reply.stop), (2, &Stop::ToolUse));
    let plain = claude(Options { stream: false, ..options(&server) });
    assert_eq!(plain.ask(&review()).await.unwrap().stop, Stop::ToolUse);
    assert_eq!(server.requests()[1].body["stream"], false);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn tokens_go_as_bearer() {
    let server = Anthropic::start();
    server.text("hello");
    let key = Key::AuthToken("token".to_owned());
    claude(Options { key, ..options(&server) }).ask(&review()).await.unwrap();
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer token"));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let faults = [
        anthropic::failure(429, &[("retry-after", "0")]),
        anthropic::failure(429, &[]),
        anthropic::failure(529, &[]),
        anthropic::failure(500, &[]),
        anthropic::failure(502, &[]),
        Act::Reset,
        Act::Break,
        Act::Truncate,
        Act::Stall(Duration::from_millis(1_500)),
        Act::ErrorEvent("overloaded_error"),
        Act::ErrorEvent("api_error"),
        Act::Raw(b"event: message_start\ndata: {\"type\": \"mess\n\n".to_vec()),
        Act::Raw(Vec::new()),
    ];
    for fault in faults {
        let server = Anthropic::start();
        server.on("", fault.clone()).on("", fault.clone()).on("", answer(json!([])));
        let reply = claude(options(&server)).ask(&review()).await;
        assert!(reply.is_ok(), "{fault:?}: {reply:?}");
        assert_eq!(server.requests().len(), 3, "{fault:?}");
        assert_eq!(server.violations(), [""; 0]);
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_up_to_a_limit() {
    let server = Anthropic::start();
    server.status(429, &[("retry-after", "1")]).answer(json!([]));
    let start = Instant::now();
    claude(options(&server)).ask(&review()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    let server = Anthropic::start();
    server.status(429, &[("retry-after", "3600")]);
    let error = claude(options(&server)).ask(&review()).await.unwrap_err();
    assert!(matches!(error, ModelError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn what_does_not_pass_is_told_apart() {
    let check = async |act: Act, expect: fn(&ModelError) -> bool, requests: usize| {
        let server = Anthropic::start();
        server.always("", act.clone());
        let error = claude(options(&server)).ask(&review()).await.unwrap_err();
        assert!(expect(&error), "{act:?}: {error:?}");
        assert_eq!(server.requests().len(), requests, "{act:?}");
        assert!(!format!("{error:?}{error}").contains("sk-ant-test"), "the key is not told");
    };
    let denied = |error: &ModelError| matches!(error, ModelError::Denied(_));
    let unavailable = |error: &ModelError| matches!(error, ModelError::Unavailable(_));
    check(anthropic::failure(401, &[]), denied, 1).await;
    check(anthropic::failure(403, &[]), denied, 1).await;
    check(anthropic::failure(404, &[]), denied, 1).await;
    check(anthropic::failure(400, &[]), |e| matches!(e, ModelError::Rejected(_)), 1).await;
    check(anthropic::failure(413, &[]), |e| matches!(e, ModelError::TooLong(_)), 1).await;
    check(anthropic::failure(529, &[]), unavailable, 5).await;
    check(Act::Truncate, unavailable, 3).await;
    check(Act::ErrorEvent("authentication_error"), denied, 1).await;
}

#[tokio::test]
async fn a_gateway_that_knows_less_is_asked_in_the_plainest_form() {
    let server = Anthropic::start();
    let refusal = Act::Refuse("tools.1.strict: Extra inputs are not permitted");
    server.always("\"strict\":true", refusal).always("", answer(json!([])));
    let claude = claude(Options { model: "claude-sonnet-4-6".into(), ..options(&server) });
    let mut request = review();
    request.tool_choice = ToolChoice::Tool(REPORT_FINDINGS.into());
    claude.ask(&request).await.unwrap();
    claude.ask(&request).await.unwrap();
    let choices: Vec<_> =
        server.requests().iter().map(|r| r.body["tool_choice"]["type"].clone()).collect();
    assert_eq!(choices, ["tool", "auto", "auto"]);

    let server = Anthropic::start();
    server.always("", Act::Refuse("tools: strict schemas are never taken"));
    let error = self::claude(options(&server)).ask(&review()).await.unwrap_err();
    assert!(matches!(error, ModelError::Rejected(_)));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_a_broken_reply_cost_is_counted() {
    let server = Anthropic::start();
    server.on("", Act::Truncate).answer(json!([])).answer(json!([]));
    let claude = claude(options(&server));
    let twice = claude.ask(&review()).await.unwrap().usage;
    let once = claude.ask(&review()).await.unwrap().usage;
    assert_eq!((twice.requests, once.requests), (1, 1));
    assert!(twice.input_tokens >= 2 * once.input_tokens - 10);
}

#[tokio::test]
async fn cut_input_is_kept_as_text() {
    let server = Anthropic::start();
    let half = json!({"type": "tool_use", "id": "toolu_1", "name": REPORT_FINDINGS,
                      "input": "{\"summary\": \"s\", \"findings\": [{\"path\""});
    server.on("", Act::Message(vec![half.clone()], "max_tokens"));
    let reply = claude(options(&server)).ask(&review()).await.unwrap();
    assert_eq!(reply.stop, Stop::MaxTokens);
    let Content::ToolUse { input, .. } = &reply.content[0] else { panic!() };
    assert_eq!(input, &half["input"]);
}

#[tokio::test]
async fn stop_reasons_are_known() {
    let check = async |reason: &'static str, expect: Stop| {
        let server = Anthropic::start();
        server.on("", Act::Message(vec![json!({"type": "text", "text": "x"})], reason));
        assert_eq!(claude(options(&server)).ask(&review()).await.unwrap().stop, expect);
    };
    check("end_turn", Stop::EndTurn).await;
    check("stop_sequence", Stop::EndTurn).await;
    check("max_tokens", Stop::MaxTokens).await;
    check("refusal", Stop::Refusal).await;
    check("pause_turn", Stop::Pause).await;
    check("model_context_window_exceeded", Stop::ContextOverflow).await;
    check("something_new", Stop::Other("something_new".to_owned())).await;
}

#[test]
fn base_urls_may_have_a_path() {
    let client = Client::new(Config::default()).unwrap();
    let make = |url: &str| {
        let key = Key::ApiKey("k".to_owned());
        Claude::new(&client, Options::new("m", url.parse().unwrap(), key))
            .map(|c| c.url().to_string())
    };
    let check = |url: &str, expect: &str| assert_eq!(make(url).unwrap(), expect);
    check("https://api.anthropic.com", "https://api.anthropic.com/v1/messages");
    check("https://gateway.example/claude/", "https://gateway.example/claude/v1/messages");
    check("https://gateway.example/v1", "https://gateway.example/v1/messages");
    assert!(make("file:///tmp").is_err());
    let broken = Key::ApiKey("a\nb".to_owned());
    let url = "https://api.anthropic.com".parse().unwrap();
    assert!(Claude::new(&client, Options::new("m", url, broken)).is_err());
}

#[test]
fn the_checks_of_the_loopback_api_catch_what_the_real_one_refuses() {
    let good = body(DEFAULT_MODEL, &tool_loop(2));
    let check = |change: fn(&mut Value), expect: &str| {
        let mut bad = good.clone();
        change(&mut bad);
        let wrong = anthropic::check_body(&bad);
        assert!(wrong.iter().any(|what| what.contains(expect)), "{expect}: {wrong:?}");
    };
    assert_eq!(anthropic::check_body(&good), [""; 0]);
    check(|b| b["temperature"] = json!(0), "sampling");
    check(|b| b["tool_choice"] = json!({"type": "any"}), "refuses forced");
    check(|b| b["tool_choice"] = json!({"type": "tool", "name": "x"}), "not there");
    check(|b| b["messages"][2]["content"][0]["tool_use_id"] = json!("x"), "do not answer");
    check(|b| b["messages"][0]["content"][0]["text"] = json!(" "), "blank");
    check(|b| b["messages"][0]["role"] = json!("assistant"), "first turn");
    check(|b| b["messages"].as_array_mut().unwrap().truncate(2), "last turn");
    check(|b| b["tools"][0]["strict"] = json!(true), "open");
    if anthropic::specs().is_some() {
        check(|b| b["speling"] = json!(1), "speling");
        check(|b| b["tools"][0]["speling"] = json!(1), "not valid under any");
        check(|b| b["max_tokens"] = json!("1"), "max_tokens");
        check(|b| b["messages"][0]["content"][0]["speling"] = json!(1), "messages/0");
    }
}
