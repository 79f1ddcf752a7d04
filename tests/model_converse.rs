//! Whole conversations against a Messages API on loopback, faults included.

#[path = "support/anthropic.rs"]
mod anthropic;

use std::time::Duration;

use async_trait::async_trait;
use pipewright::http::{Client, Config, Retry};
use pipewright::model::anthropic::{Anthropic as Claude, Key, Options};
use pipewright::model::budget::{Budget, Cap, Caps};
use pipewright::model::converse::{Conversation, End, Outcome, ToolHost, ToolOutcome, converse};
use pipewright::model::findings::{Answer, REPORT_FINDINGS, parse_findings, report_findings_tool};
use pipewright::model::price::DEFAULT_MODEL;
use pipewright::model::{Content, Message, Request, Role, SystemBlock, Tool, ToolChoice};
use serde_json::{Value, json};

use anthropic::{Act, Anthropic, answer, calls, finding};

struct Files;

#[async_trait]
impl ToolHost for Files {
    async fn call(&self, name: &str, input: &Value) -> ToolOutcome {
        let known = name == "read_file" && input["path"].is_string();
        let text = if known { "fn main() {}" } else { "no such tool or file" };
        ToolOutcome { text: text.to_owned(), is_error: !known }
    }
}

fn request(pack: usize) -> Request {
    let text = format!("Pack {pack}: src/{pack}.rs\n  3 + let x = {pack};\n");
    Request {
        system: vec![SystemBlock { text: "Review the change.".into(), cache: true }],
        messages: vec![Message {
            role: Role::User,
            content: vec![Content::Text { text, cache: false }],
        }],
        tools: vec![
            Tool {
                name: "read_file".into(),
                description: "Read a file of the checkout.".into(),
                input_schema: json!({"type": "object", "properties": {"path": {"type": "string"}},
                                     "required": ["path"], "additionalProperties": false}),
            },
            report_findings_tool(),
        ],
        tool_choice: ToolChoice::Auto,
        max_tokens: 8_000,
    }
}

fn claude(server: &Anthropic) -> Claude {
    let key = Key::ApiKey("sk-ant-test".to_owned());
    let mut options = Options::new(DEFAULT_MODEL, server.url().parse().unwrap(), key);
    options.stall_timeout = Duration::from_millis(600);
    options.retry = Retry {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
        limit_wait: Duration::from_millis(5),
        ..options.retry
    };
    Claude::new(&Client::new(Config::default()).unwrap(), options).unwrap()
}

async fn talk(claude: &Claude, pack: usize, budget: &Budget) -> Outcome<Answer> {
    let excerpt =
        |bad: &str| if bad.contains("src/") { format!("src/{pack}.rs") } else { String::new() };
    let conversation = Conversation {
        request: request(pack),
        answer_tool: REPORT_FINDINGS,
        tools: &Files,
        budget,
        share: 1.0,
        time_share: 1.0,
        cached_bytes: 0,
        other_answers: &[],
        max_turns: 4,
        validate: &parse_findings,
        excerpt: &excerpt,
    };
    converse(claude, conversation).await
}

async fn alone(server: &Anthropic) -> Outcome<Answer> {
    let outcome = talk(&claude(server), 1, &Budget::new(Caps::default())).await;
    let violations = server.violations();
    assert!(violations.is_empty(), "{violations:#?}");
    outcome
}

fn found(outcome: &Outcome<Answer>) -> usize {
    outcome.answers.iter().map(|answer| answer.findings.len()).sum()
}

fn half(message: &Value) -> String {
    let text = message.to_string();
    text[..text.len() - 30].to_owned()
}

#[tokio::test]
async fn every_way_to_an_answer_is_a_valid_request() {
    let one = || json!([finding("src/1.rs", 3, "let x = 1;", "T")]);
    let read = || json!({"path": "src/1.rs"});

    let server = Anthropic::start();
    server.on("", calls([("read_file", read()), ("bash", json!({})), ("read_file", json!({}))]));
    server.tool_call("read_file", read()).answer(one());
    let outcome = alone(&server).await;
    assert_eq!((found(&outcome), outcome.end, outcome.tool_calls), (1, End::Answered, 4));

    // Only calls, until the answer is demanded.
    let server = Anthropic::start();
    server.on("No further look-ups", answer(one()));
    server.always("", calls([("read_file", read())]));
    let outcome = alone(&server).await;
    assert_eq!((found(&outcome), outcome.end, outcome.turns), (1, End::Answered, 4));

    // Prose, then the repair.
    let server = Anthropic::start();
    server.text("In src/1.rs, x is wrong.").answer(one());
    let outcome = alone(&server).await;
    assert_eq!((found(&outcome), outcome.end, outcome.repaired), (1, End::Answered, true));
    assert_eq!(server.requests()[1].body["tools"].as_array().unwrap().len(), 1);

    // A misfit that names no file, in the middle of a tool loop.
    let server = Anthropic::start();
    server.tool_call("read_file", read()).tool_call(REPORT_FINDINGS, json!({"a": 1})).answer(one());
    let outcome = alone(&server).await;
    assert_eq!((found(&outcome), outcome.end, outcome.repaired), (1, End::Answered, true));

    // Cut, salvaged and continued after a call.
    let server = Anthropic::start();
    let two = json!({"summary": "s", "findings": [finding("src/1.rs", 3, "x", "A"),
                                                  finding("src/1.rs", 4, "y", "B")]});
    let cut =
        json!({"type": "tool_use", "id": "toolu_9", "name": REPORT_FINDINGS, "input": half(&two)});
    server
        .tool_call("read_file", read())
        .on("", Act::Message(vec![cut], "max_tokens"))
        .answer(one());
    let outcome = alone(&server).await;
    assert_eq!((found(&outcome), outcome.end), (2, End::Answered));
    let third = &server.requests()[2].body;
    assert_eq!(third["max_tokens"], 16_000);
    assert!(third.to_string().contains("src/1.rs:3 A"));

    // A pause.
    let server = Anthropic::start();
    server.on(
        "",
        Act::Message(
            vec![json!({"type": "server_tool_use", "id": "srvtoolu_1",
        "name": "web_search", "input": {}})],
            "pause_turn",
        ),
    );
    server.answer(one());
    let outcome = alone(&server).await;
    assert_eq!((found(&outcome), outcome.end, outcome.turns), (1, End::Answered, 2));
}

#[tokio::test]
async fn a_run_of_many_packs_is_complete_through_faults() {
    let server = Anthropic::start();
    let faults = [
        anthropic::failure(529, &[]),
        anthropic::failure(429, &[("retry-after", "0")]),
        Act::Truncate,
        Act::Break,
        Act::Reset,
        anthropic::failure(500, &[]),
        Act::ErrorEvent("overloaded_error"),
        Act::Stall(Duration::from_millis(1_500)),
    ];
    for (pack, fault) in (0..).zip(&faults) {
        server.on(&format!("Pack {pack}:"), fault.clone());
    }
    for pack in 0..24 {
        let found = json!([finding(&format!("src/{pack}.rs"), 3, "x", "T")]);
        server.on(&format!("Pack {pack}:"), answer(found));
    }
    let claude = claude(&server);
    let budget = Budget::new(Caps { max_cost_usd: Some(5.0), ..Caps::default() });
    let talks = (0..24).map(|pack| talk(&claude, pack, &budget));
    let outcomes = futures_util::future::join_all(talks).await;
    for (pack, outcome) in outcomes.iter().enumerate() {
        assert_eq!((&outcome.end, found(outcome)), (&End::Answered, 1), "pack {pack}");
    }
    assert_eq!(server.requests().len(), 24 + faults.len());
    let spent = budget.spent();
    assert_eq!(spent.requests, 24);
    assert!(spent.cached_tokens > 0 && spent.cost_usd < 5.0);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_cost_cap_is_never_passed() {
    let server = Anthropic::start();
    server.always("", answer(json!([finding("src/1.rs", 3, "x", "T")])));
    let claude = claude(&server);
    // One request costs about $0.003 and may cost $0.09.
    let budget = Budget::new(Caps { max_cost_usd: Some(0.05), ..Caps::default() });
    let outcomes = futures_util::future::join_all((0..60).map(|p| talk(&claude, p, &budget))).await;
    let capped = outcomes.iter().filter(|o| o.end == End::CapReached(Cap::Cost)).count();
    let answered = outcomes.iter().filter(|o| o.end == End::Answered).count();
    assert!(answered > 5 && capped > 5, "{answered} answered, {capped} capped");
    assert_eq!(answered + capped, 60);
    assert!(budget.spent().cost_usd <= 0.05);
    assert_eq!(server.violations(), [""; 0]);
}
