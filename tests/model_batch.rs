//! A model asked in batches, against a server that speaks the batch interface.

mod local_support;
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pipewright::http::{Client, Config, Retry, Url};
use pipewright::model::anthropic::{Anthropic, Key, Options};
use pipewright::model::batch::{Batched, Ledger, Pace};
use pipewright::model::{
    Content, Message, Model, ModelError, Reply, Request, Role, SystemBlock, ToolChoice,
};
use serde_json::{Value, json};
use support::anthropic::{Act, answer, finding};
use support::batch::{Batches, Instead, rate_limit, too_large};

const MODEL: &str = "claude-sonnet-5-5";

fn request(text: &str) -> Request {
    Request {
        system: vec![SystemBlock { text: "Answer.".into(), cache: true }],
        messages: vec![Message {
            role: Role::User,
            content: vec![Content::Text { text: text.to_owned(), cache: false }],
        }],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        max_tokens: 1_000,
    }
}

fn says(text: &str) -> Act {
    Act::Message(vec![json!({"type": "text", "text": text})], "end_turn")
}

fn plain(server: &Batches) -> (Client, Anthropic) {
    let client = Client::new(Config::default()).unwrap();
    let key = Key::ApiKey("k".to_owned());
    let mut options = Options::new(MODEL, Url::parse(server.url()).unwrap(), key);
    options.retry = Retry { first_wait: Duration::from_millis(5), ..Retry::default() };
    (client.clone(), Anthropic::new(&client, options).unwrap())
}

fn batched(server: &Batches, ledger: Ledger) -> Batched {
    let (client, model) = plain(server);
    let pace = Pace {
        quiet: Duration::from_millis(30),
        longest_quiet: Duration::from_millis(300),
        first_look: Duration::from_millis(10),
        longest_look: Duration::from_millis(30),
    };
    model.in_batches(&client, pace, ledger)
}

fn text(reply: &Result<Reply, ModelError>) -> String {
    match reply {
        Ok(reply) => match &reply.content[..] {
            [Content::Text { text, .. }] => text.clone(),
            other => panic!("{other:?}"),
        },
        Err(error) => panic!("{error}"),
    }
}

/// Ask these things side by side.
async fn ask(model: &Batched, texts: &[&str]) -> Vec<Result<Reply, ModelError>> {
    let requests: Vec<Request> = texts.iter().map(|text| request(text)).collect();
    join_all(requests.iter().map(|request| model.ask(request))).await
}

/// A server that answers `question N` with `answer N`.
fn server(count: usize) -> Batches {
    let server = Batches::start();
    for number in 0..count {
        let (question, answer) = (format!("question {number}."), format!("answer {number}"));
        server.messages.always(&question, says(&answer));
    }
    server
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder =
        std::env::temp_dir().join(format!("pipewright-model-batch-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn what_is_asked_side_by_side_is_one_batch_and_each_gets_its_own_reply() {
    let server = server(5);
    server.ends_at_look(3);
    let model = batched(&server, Ledger::none());
    let texts = ["question 0.", "question 1.", "question 2.", "question 3.", "question 3."];
    let replies = ask(&model, &texts).await;
    let got: Vec<String> = replies.iter().map(text).collect();
    assert_eq!(got, ["answer 0", "answer 1", "answer 2", "answer 3", "answer 3"]);
    let more = ask(&model, &["question 4."]).await;
    assert_eq!(text(&more[0]), "answer 4");
    assert_eq!(server.sizes(), [5, 1]);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_batch_costs_half() {
    let server = server(1);
    server.messages.uncached();
    let (client, direct) = plain(&server);
    drop(client);
    let model = batched(&server, Ledger::none());
    let (whole, half) = (direct.price().unwrap(), model.price().unwrap());
    for (half, whole) in [
        (half.input, whole.input),
        (half.cache_write, whole.cache_write),
        (half.cache_read, whole.cache_read),
        (half.output, whole.output),
    ] {
        assert!((half * 2.0 - whole).abs() < 1e-12);
    }
    let reply = ask(&model, &["question 0."]).await.remove(0).unwrap();
    let usage = reply.usage;
    let expect =
        (usage.input_tokens as f64 * whole.input + usage.output_tokens as f64 * whole.output) / 2e6;
    assert!(usage.cost_usd > 0.0 && (usage.cost_usd - expect).abs() < 1e-12, "{usage:?}");
    assert_eq!(model.name(), direct.name());
}

#[tokio::test]
async fn what_fails_in_a_way_that_passes_is_asked_again() {
    for instead in [
        Instead::Errored("overloaded_error"),
        Instead::Errored("api_error"),
        Instead::Expired,
        Instead::Missing,
    ] {
        let server = server(3);
        server.instead("question 1.", instead);
        let model = batched(&server, Ledger::none());
        let replies = ask(&model, &["question 0.", "question 1.", "question 2."]).await;
        let got: Vec<String> = replies.iter().map(text).collect();
        assert_eq!(got, ["answer 0", "answer 1", "answer 2"], "{instead:?}");
        assert_eq!(server.sizes(), [3, 1], "{instead:?}");
        assert_eq!(server.violations(), [""; 0]);
    }
}

#[tokio::test]
async fn what_fails_for_good_fails_alone() {
    let server = server(2);
    server.instead("question 1.", Instead::Errored("invalid_request_error"));
    let model = batched(&server, Ledger::none());
    let replies = ask(&model, &["question 0.", "question 1."]).await;
    assert_eq!(text(&replies[0]), "answer 0");
    assert!(matches!(replies[1], Err(ModelError::Rejected(_))), "{:?}", replies[1]);
    assert_eq!(server.sizes(), [2]);
}

#[tokio::test]
async fn what_always_fails_is_given_up() {
    let server = server(0);
    for _ in 0..10 {
        server.instead("question 0.", Instead::Errored("overloaded_error"));
    }
    let model = batched(&server, Ledger::none());
    let replies = ask(&model, &["question 0."]).await;
    assert!(matches!(replies[0], Err(ModelError::Unavailable(_))), "{:?}", replies[0]);
    assert_eq!(server.sizes(), [1, 1, 1]);
}

#[tokio::test]
async fn a_batch_that_is_refused_for_now_is_sent_again() {
    let server = server(2);
    server.refuse(rate_limit()).refuse(rate_limit());
    let model = batched(&server, Ledger::none());
    let replies = ask(&model, &["question 0.", "question 1."]).await;
    assert_eq!(text(&replies[1]), "answer 1");
    assert_eq!(server.sizes(), [2]);
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved() {
    let server = server(4);
    server.refuse(too_large());
    let model = batched(&server, Ledger::none());
    let texts = ["question 0.", "question 1.", "question 2.", "question 3."];
    let got: Vec<String> = ask(&model, &texts).await.iter().map(text).collect();
    assert_eq!(got, ["answer 0", "answer 1", "answer 2", "answer 3"]);
    assert_eq!(server.sizes(), [2, 2]);
}

#[tokio::test]
async fn a_key_that_may_not_is_said_to_all() {
    let server = server(2);
    let refusal = json!({"type": "error", "error": {"type": "permission_error", "message": "no"}});
    server.refuse(support::server::Reply::json(403, &refusal));
    let model = batched(&server, Ledger::none());
    for reply in ask(&model, &["question 0.", "question 1."]).await {
        assert!(matches!(reply, Err(ModelError::Denied(_))), "{reply:?}");
    }
}

#[tokio::test]
async fn results_that_break_off_are_read_again() {
    let server = server(3);
    server.break_results(2);
    let model = batched(&server, Ledger::none());
    let replies = ask(&model, &["question 0.", "question 1.", "question 2."]).await;
    let got: Vec<String> = replies.iter().map(text).collect();
    assert_eq!(got, ["answer 0", "answer 1", "answer 2"]);
    assert_eq!(server.sizes(), [3], "nothing is paid twice");
}

#[tokio::test]
async fn what_is_done_when_the_time_is_over_is_used() {
    let server = server(2);
    server.instead("question 1.", Instead::Slow);
    let model = batched(&server, Ledger::none());
    let start = Instant::now();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(1);
    let (done, slow) = (request("question 0."), request("question 1."));
    let (done, slow) =
        tokio::join!(model.ask_by(&done, Some(deadline)), model.ask_by(&slow, Some(deadline)));
    assert_eq!(text(&done), "answer 0");
    assert!(matches!(slow, Err(ModelError::Late(_))), "{slow:?}");
    assert!(start.elapsed() < Duration::from_secs(1), "before the caller gives up");
    assert!(server.calls().iter().any(|call| call.ends_with("/cancel")));
    assert_eq!(server.sizes(), [2]);
}

#[tokio::test]
async fn a_batch_that_nobody_waits_for_is_ended() {
    let server = server(0);
    server.instead("question 0.", Instead::Slow);
    let model = batched(&server, Ledger::none());
    let given_up =
        tokio::time::timeout(Duration::from_millis(150), ask(&model, &["question 0."])).await;
    assert!(given_up.is_err());
    for _ in 0..100 {
        if server.calls().iter().any(|call| call.ends_with("/cancel")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was not ended: {:?}", server.calls());
}

#[test]
fn a_run_that_was_killed_is_taken_up_and_paid_once() {
    let server = server(2);
    server.ends_at_look(1_000);
    let folder = folder("killed");
    let run = |time: Duration| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let model = batched(&server, Ledger::open(&folder, "owner"));
            // Other caps leave other numbers of tokens, and ask the same.
            let mut requests = [request("question 0."), request("question 1.")];
            requests[0].max_tokens -= time.as_secs() as u32;
            let asked = join_all(requests.iter().map(|request| model.ask(request)));
            tokio::time::timeout(time, asked).await.ok()
        })
        // The runtime ends here, and with it all that it was doing.
    };
    assert!(run(Duration::from_millis(300)).is_none());
    assert_eq!(server.sizes(), [2]);
    server.ends_at_look(1);
    let replies = run(Duration::from_secs(5)).expect("the second run ends");
    let got: Vec<String> = replies.iter().map(text).collect();
    assert_eq!(got, ["answer 0", "answer 1"]);
    assert_eq!(server.sizes(), [2], "no second batch");
    let other = Ledger::open(&folder, "another account");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let model = batched(&server, other);
        assert_eq!(text(&ask(&model, &["question 0."]).await[0]), "answer 0");
    });
    assert_eq!(server.sizes(), [2, 1]);
    assert_eq!(
        Ledger::open(&folder, "owner").seed(),
        Ledger::open(&folder, "owner").seed(),
        "what is made up at random is the same in each run"
    );
}

#[tokio::test]
async fn a_batch_that_the_provider_has_forgotten_is_asked_anew() {
    let first = server(1);
    let folder = folder("forgotten");
    let model = batched(&first, Ledger::open(&folder, "owner"));
    ask(&model, &["question 0."]).await;
    let second = server(1);
    let model = batched(&second, Ledger::open(&folder, "owner"));
    assert_eq!(text(&ask(&model, &["question 0."]).await[0]), "answer 0");
    assert_eq!(second.sizes(), [1]);
    // Garbage is no reason to fail.
    let file = std::fs::read_dir(&folder).unwrap().flatten().next().unwrap().path();
    std::fs::write(&file, b"{\"time\":1,\"batch\":\xff\n[]\n{\"ti").unwrap();
    let model = batched(&second, Ledger::open(&folder, "owner"));
    assert_eq!(text(&ask(&model, &["question 0."]).await[0]), "answer 0");
}

const BASE: &str = "def mean(items):\n    return sum(items) / max(len(items), 1)\n";
const HEAD: &str = "def mean(items):\n    return sum(items) / len(items)\n";

fn review(scratch: &Path, home: &Path, url: &str, batch: &str) -> (Value, String) {
    let output = support::binary()
        .args(["review", "--base", "HEAD", "--format", "json", "--batch", batch])
        .current_dir(scratch)
        .env("HOME", home)
        .env("ANTHROPIC_BASE_URL", url)
        .env("ANTHROPIC_API_KEY", "sk-ant-secret-1234567")
        .output()
        .expect("the binary starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| {
        panic!("standard output is no report: {why}\n{stderr}");
    });
    (report, stderr)
}

#[test]
fn a_review_in_batches_finds_the_same_at_half_the_cost() {
    let Some(scratch) = local_support::scratch() else { return };
    scratch.write("mean.py", BASE).commit("base");
    scratch.write("mean.py", HEAD);
    let home = folder("home");
    let title = "Divides by zero for an empty list";
    let found = || json!([finding("mean.py", 2, "    return sum(items) / len(items)", title)]);
    let direct = Arc::new(support::anthropic::Anthropic::start());
    direct.uncached().always("", answer(found()));
    let (whole, _) = review(&scratch.path(), &home, direct.url(), "off");
    let server = Batches::start();
    server.messages.uncached().always("", answer(found()));
    let (half, stderr) = review(&scratch.path(), &home, server.url(), "on");
    assert_eq!(server.violations(), [""; 0], "{stderr}");
    assert_eq!(whole["findings"].to_string(), half["findings"].to_string());
    assert_eq!(half["findings"][0]["title"], title, "{half:#}");
    assert_eq!(half["dropped"], whole["dropped"]);
    let cost = |report: &Value| report["usage"]["cost_usd"].as_f64().unwrap();
    // The nonces' and the bodies' lengths differ by a few bytes.
    assert!((cost(&half) / cost(&whole) - 0.5).abs() < 0.01, "{} {}", cost(&half), cost(&whole));
    assert!(half["notes"].to_string().contains("half the price"), "{half:#}");
    let sizes = server.sizes();
    // The same again asks nothing.
    let (again, _) = review(&scratch.path(), &home, server.url(), "on");
    assert_eq!(again["findings"], half["findings"]);
    assert_eq!(server.sizes(), sizes);
}

#[test]
fn a_model_without_a_batch_interface_is_refused() {
    let Some(scratch) = local_support::scratch() else { return };
    scratch.write("mean.py", BASE).commit("base");
    let output = support::binary()
        .args(["review", "--batch", "on", "--model", "openai:gpt-5"])
        .current_dir(scratch.path())
        .env("OPENAI_API_KEY", "sk-secret-1234567")
        .output()
        .expect("the binary starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("batch: off"), "{stderr}");
}
