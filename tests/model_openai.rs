//! The client of OpenAI's protocol against servers of it on loopback, each with
//! its oddities.

#[path = "support/openai.rs"]
mod openai;

use std::time::{Duration, Instant};

use pipewright::http::{Client, Config, Retry};
use pipewright::model::findings::{REPORT_FINDINGS, parse_findings, report_findings_tool};
use pipewright::model::openai::{
    AnswerForm, Choice, Dialect, Interface, Key, LOCAL_LIMITS, Limit, OpenAi as Client_, Options,
    System, request, responses,
};
use pipewright::model::{
    Content, Message, Model, ModelError, Reply, Request, Role, Stop, SystemBlock, Tool, ToolChoice,
};
use serde_json::{Value, json};

use openai::{Act, OpenAi, answer, answer_in_text, failure, finding};

fn quick(mut options: Options) -> Options {
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

fn client(options: Options) -> Client_ {
    Client_::new(&Client::new(Config::default()).unwrap(), quick(options)).unwrap()
}

/// A server of which nothing is known.
fn compatible(server: &OpenAi) -> Options {
    let url = server.url().parse().unwrap();
    Options::openai("some-model", &url, Some("sk-test-123".into())).unwrap()
}

/// As OpenAI's own, for a model.
fn official(server: &OpenAi, model: &str) -> Options {
    let url = server.url().parse().unwrap();
    let options = Options::openai(model, &url, Some("sk-test-123".into())).unwrap();
    Options { dialect: Dialect::openai(model), ..options }
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

fn demanded() -> Request {
    Request { tool_choice: ToolChoice::Tool(REPORT_FINDINGS.into()), ..review() }
}

/// What a tool loop adds after a reply with calls.
fn went_on(mut request: Request, reply: Reply) -> Request {
    let calls = reply.content.iter().filter_map(|content| match content {
        Content::ToolUse { id, .. } => Some(Content::ToolResult {
            id: id.clone(),
            text: "fn main() {}".into(),
            is_error: false,
        }),
        _ => None,
    });
    let results = calls.collect();
    request.messages.push(Message { role: Role::Assistant, content: reply.content });
    request.messages.push(Message { role: Role::User, content: results });
    request
}

fn found(reply: &Reply) -> usize {
    let inputs = reply.content.iter().filter_map(|content| match content {
        Content::ToolUse { name, input, .. } if name == REPORT_FINDINGS => Some(input),
        _ => None,
    });
    inputs.map(|input| parse_findings(input).unwrap().findings.len()).sum()
}

fn one() -> Value {
    json!([finding("a.rs", 3, "let é = \"😀\\n\";", "T")])
}

fn no_violations(server: &OpenAi) {
    assert_eq!(server.violations(), [""; 0]);
}

/// Turns of a tool loop, marked everywhere.
fn marked() -> Request {
    let mut request = review();
    request.system = (0..6)
        .map(|index| SystemBlock { text: format!("Part {index}").into(), cache: true })
        .chain([SystemBlock { text: " ".into(), cache: true }])
        .collect();
    for turn in 0..3 {
        let ids = [format!("call_{turn}"), format!("call_{turn}b")];
        let mut theirs = vec![
            Content::Opaque(json!({"type": "thinking", "thinking": "of another provider"})),
            Content::Opaque(json!({"type": "reasoning_text", "text": "Hm."})),
            text(" "),
        ];
        let mut ours = vec![Content::Text { text: format!("Turn {turn}"), cache: true }];
        for id in ids {
            let input = if turn == 1 { json!("{\"pa") } else { json!({"path": "a"}) };
            theirs.push(Content::ToolUse { id: id.clone(), name: "read_file".into(), input });
            ours.push(Content::ToolResult { id, text: String::new(), is_error: turn == 2 });
        }
        request.messages.push(Message { role: Role::Assistant, content: theirs });
        request.messages.push(Message { role: Role::User, content: ours });
    }
    request
}

#[test]
fn every_form_of_every_request_is_one_that_a_strict_server_takes() {
    let mut only_answer = review();
    only_answer.tools.remove(0);
    only_answer.system.clear();
    let mut bare = review();
    bare.tools.clear();
    let mut checked = 0;
    for request in [review(), marked(), only_answer, bare] {
        let choices = [ToolChoice::Auto, ToolChoice::Any, ToolChoice::Tool(REPORT_FINDINGS.into())];
        for tool_choice in choices {
            let request = Request { tool_choice, ..request.clone() };
            for start in [Dialect::openai("gpt-6-sol"), Dialect::compatible()] {
                // An odd step meets every value of each setting.
                for bits in (0..256).step_by(5) {
                    let bit = |at: u32| bits & (1 << at) != 0;
                    let dialect = Dialect {
                        form: [
                            AnswerForm::Tools,
                            AnswerForm::Schema,
                            AnswerForm::Prose,
                            AnswerForm::Tools,
                        ][bits & 3],
                        choice: [Choice::Named, Choice::Required, Choice::Auto, Choice::Named]
                            [(bits >> 2) & 3],
                        system: if bit(4) { System::InUser } else { System::Own },
                        strict: bit(5),
                        limit: if bit(6) { Limit::Completion } else { Limit::Tokens },
                        counts: bit(7),
                        reasoning_back: bit(7),
                        ..start
                    };
                    let chat = request::body("m", &dialect, 100, &request);
                    let chat: Value = serde_json::from_slice(&chat).unwrap();
                    let wrong = openai::check_chat(&chat);
                    assert!(wrong.is_empty(), "{wrong:#?}\n{chat:#}");
                    let other = responses::request::body("m", &dialect, 100, &request);
                    let other: Value = serde_json::from_slice(&other).unwrap();
                    let wrong = openai::check_responses(&other);
                    assert!(wrong.is_empty(), "{wrong:#?}\n{other:#}");
                    checked += 2;
                }
            }
        }
    }
    assert_eq!(checked, 4 * 3 * 2 * 52 * 2);
}

#[tokio::test]
async fn a_stream_becomes_a_reply() {
    let server = OpenAi::start();
    server.always("", answer(one()));
    let model = client(official(&server, "gpt-4.1"));
    let reply = model.ask(&demanded()).await.unwrap();
    assert_eq!((found(&reply), &reply.stop), (1, &Stop::ToolUse));
    assert_eq!((reply.usage.requests, reply.usage.cached_tokens), (1, 0));
    assert!(reply.usage.input_tokens > 100 && reply.usage.output_tokens == 20);
    let again = model.ask(&demanded()).await.unwrap().usage;
    assert!(again.cached_tokens > 100 && again.cost_usd < reply.usage.cost_usd);
    let request = &server.requests()[0];
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.header("authorization"), Some("Bearer sk-test-123"));
    let body = &request.body;
    assert_eq!(body["tool_choice"]["function"]["name"], REPORT_FINDINGS);
    assert_eq!((&body["max_completion_tokens"], body.get("max_tokens")), (&json!(16_000), None));
    assert_eq!(body["tools"][1]["function"]["strict"], true);
    assert_eq!(body["tools"][0]["function"].get("strict"), None);
    no_violations(&server);
}

#[tokio::test]
async fn the_shared_beginning_is_the_same_in_every_request() {
    let server = OpenAi::start();
    server.always("", answer(one()));
    let model = client(official(&server, "gpt-4.1"));
    let mut other = review();
    other.messages[0].content = vec![text("Another change.")];
    model.ask(&review()).await.unwrap();
    model.ask(&other).await.unwrap();
    let bodies: Vec<_> = server.requests().iter().map(|r| r.body.clone()).collect();
    assert_eq!(bodies[0]["tools"], bodies[1]["tools"]);
    assert_eq!(bodies[0]["messages"][0], bodies[1]["messages"][0]);
    assert_eq!(bodies[0]["prompt_cache_key"], bodies[1]["prompt_cache_key"]);
    let beginning = |index: usize| {
        let raw = String::from_utf8(server.requests()[index].raw.clone()).unwrap();
        raw[..raw.find("The change").or(raw.find("Another")).unwrap()].to_owned()
    };
    assert_eq!(beginning(0), beginning(1));
    other.system[0].text = "Other instructions.".into();
    model.ask(&other).await.unwrap();
    assert_ne!(server.requests()[2].body["prompt_cache_key"], bodies[0]["prompt_cache_key"]);
    no_violations(&server);
}

#[tokio::test]
async fn models_that_think_and_call_tools_are_asked_at_the_other_interface() {
    let server = OpenAi::start();
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": [],
                           "encrypted_content": "b3BhcXVl"});
    let lost = json!({"type": "reasoning", "id": "rs_0", "summary": []});
    let read = json!({"type": "function_call", "id": "fc_1", "call_id": "call_1",
                      "name": "read_file", "arguments": "{\"path\": \"a.rs\"}", "status": "completed"});
    let said = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                      "content": [{"type": "output_text", "text": "Let me look. é", "annotations": []}]});
    let report = json!({"summary": "s", "findings": one()});
    let report = json!({"type": "function_call", "id": "fc_2", "call_id": "call_2",
                        "name": REPORT_FINDINGS, "arguments": report.to_string()});
    server.on("", Act::Output(vec![lost, reasoning.clone(), said, read], ""));
    server.on("", Act::Output(vec![report], ""));
    let model = client(official(&server, "gpt-6.2-sol"));
    let reply = model.ask(&review()).await.unwrap();
    assert_eq!(reply.stop, Stop::ToolUse);
    assert_eq!(reply.content[0], Content::Opaque(reasoning.clone()));
    assert_eq!(reply.content[1], text("Let me look. é"));
    assert!(reply.usage.cost_usd > 0.0 && reply.usage.cached_tokens == 0);
    let request = went_on(review(), reply);
    let reply = model.ask(&request).await.unwrap();
    assert_eq!(found(&reply), 1);
    assert!(reply.usage.cached_tokens > 0);
    let second = &server.requests()[1];
    assert_eq!(second.path, "/v1/responses");
    let input = second.body["input"].as_array().unwrap();
    let kinds: Vec<_> = input.iter().map(|item| item["type"].as_str().unwrap()).collect();
    let expect =
        ["message", "message", "reasoning", "message", "function_call", "function_call_output"];
    assert_eq!(kinds, expect);
    assert_eq!(input[2], reasoning);
    assert_eq!(input[0]["content"][0]["prompt_cache_breakpoint"], json!({"mode": "explicit"}));
    no_violations(&server);

    // Cut, refused, failed.
    let server = OpenAi::start();
    let half = json!({"type": "function_call", "call_id": "c", "name": REPORT_FINDINGS,
                      "arguments": "{\"summary\": \"s\", \"find", "status": "incomplete"});
    server.on("", Act::Output(vec![half], "max_output_tokens"));
    let refusal = json!({"type": "message", "role": "assistant",
                         "content": [{"type": "refusal", "refusal": "No."}]});
    server.on("", Act::Output(vec![refusal], ""));
    let failed = json!({"type": "response.failed", "response": {"status": "failed",
        "error": {"code": "server_error", "message": "oops"}}});
    server.on("", Act::Raw(format!("data: {failed}\n\n").into_bytes()));
    server.on("", Act::Output(vec![], ""));
    let model = client(official(&server, "gpt-6.2-sol"));
    let reply = model.ask(&review()).await.unwrap();
    assert_eq!(reply.stop, Stop::MaxTokens);
    let Content::ToolUse { input, .. } = &reply.content[0] else { panic!("{reply:?}") };
    assert_eq!(input, "{\"summary\": \"s\", \"find");
    assert_eq!(model.ask(&review()).await.unwrap().stop, Stop::Refusal);
    assert_eq!(model.ask(&review()).await.unwrap().stop, Stop::EndTurn);
    no_violations(&server);
}

#[tokio::test]
async fn a_server_tells_where_to_ask() {
    let server = OpenAi::start();
    let why = "Function tools with reasoning_effort are not supported for gpt-9 in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.";
    server.on("\"messages\"", failure(400, "", why));
    let report = json!({"type": "function_call", "call_id": "c", "name": REPORT_FINDINGS,
        "arguments": json!({"summary": "s", "findings": one()}).to_string()});
    server.always("\"input\"", Act::Output(vec![report], ""));
    let model = client(compatible(&server));
    assert_eq!(found(&model.ask(&review()).await.unwrap()), 1);
    assert_eq!(found(&model.ask(&review()).await.unwrap()), 1);
    assert_eq!(model.dialect().api, Interface::Responses);
    let paths: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/v1/chat/completions", "/v1/responses", "/v1/responses"]);

    // Where there is no other interface: without thinking, and where that cannot
    // be turned off, without tools.
    let server = OpenAi::start();
    let endpoint = server.root().parse().unwrap();
    let key = Key::ApiKey("az-key-1".into());
    let azure = Options::azure("my-deployment", &endpoint, Some("2024-10-21"), key).unwrap();
    let cannot = "Unsupported value: 'reasoning_effort' does not support 'none' with this model.";
    server.on("\"reasoning_effort\":\"none\"", failure(400, "unsupported_value", cannot));
    server.on("\"tools\"", failure(400, "", why));
    server.on("\"response_format\"", answer_in_text(one()));
    let model = client(azure);
    assert_eq!(found(&model.ask(&review()).await.unwrap()), 1);
    let last = &server.requests()[2];
    assert_eq!(
        last.path,
        "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"
    );
    assert_eq!((last.header("api-key"), last.header("authorization")), (Some("az-key-1"), None));
    no_violations(&server);
}

#[tokio::test]
async fn what_a_server_does_not_take_is_left_out_from_then_on() {
    let check = async |needle: &str, status: u16, why: &str, gone: &str| {
        let server = OpenAi::start();
        server.always(needle, failure(status, "", why)).always("", answer(one()));
        let model = client(official(&server, "gpt-4.1"));
        assert_eq!(found(&model.ask(&demanded()).await.unwrap()), 1, "{why}");
        assert_eq!(found(&model.ask(&demanded()).await.unwrap()), 1, "{why}");
        let requests = server.requests();
        assert_eq!(requests.len(), 3, "{why}");
        assert!(!requests[2].body.to_string().contains(gone), "{why}");
        no_violations(&server);
    };
    check(
        "\"max_completion_tokens\"",
        400,
        "Unrecognized request argument supplied: max_completion_tokens",
        "max_completion_tokens",
    )
    .await;
    check("\"stream_options\"", 400, "Unknown parameter: 'stream_options'", "stream_options").await;
    check(
        "\"prompt_cache_key\"",
        422,
        "body.prompt_cache_key: Extra inputs are not permitted",
        "prompt_cache_key",
    )
    .await;
    check(
        "\"strict\":true",
        400,
        "Invalid schema for function 'report_findings'",
        "\"strict\":true",
    )
    .await;
    check(
        "\"stream\":true",
        400,
        "Your organization must be verified to stream this model.",
        "\"stream\"",
    )
    .await;
    check("\"tool_choice\":{", 400, "tool_choice must be a string", "x-none").await;
    check("\"prompt_cache_key\"", 400, "Extra inputs are not permitted", "stream_options").await;
    check("\"role\":\"system\"", 400, "System role not supported", "\"system\"").await;
}

#[tokio::test]
async fn an_answer_that_has_no_room_is_asked_for_shorter() {
    let server = OpenAi::start();
    let why = "maximum context length is 8192 tokens and your request has 500 input tokens";
    server.always("\"max_tokens\":16000", failure(400, "", why)).always("", answer(one()));
    let model = client(compatible(&server));
    model.ask(&review()).await.unwrap();
    assert_eq!(server.requests()[1].body["max_tokens"], 7_692);
    // The next may be shorter, and have room.
    model.ask(&Request { max_tokens: 1_000, ..review() }).await.unwrap();
    assert_eq!(server.requests()[2].body["max_tokens"], 1_000);
    no_violations(&server);
}

#[tokio::test]
async fn what_did_not_help_is_not_left_out_for_the_next() {
    let server = OpenAi::start();
    server.on("", failure(400, "", "Invalid value somewhere"));
    server.on("", failure(400, "", "Invalid value somewhere"));
    server.always("", answer(one()));
    let model = client(official(&server, "gpt-4.1"));
    let before = model.dialect();
    assert!(matches!(model.ask(&review()).await, Err(ModelError::Rejected(_))));
    assert_eq!(model.dialect(), before);
    model.ask(&review()).await.unwrap();
    assert_eq!(server.requests()[2].body["tools"][1]["function"]["strict"], true);
}

#[tokio::test]
async fn servers_without_tools_answer_by_schema_and_else_by_word() {
    let server = OpenAi::start();
    server.always("\"tools\"", failure(400, "", "gemma:2b does not support tools"));
    server.always("\"response_format\"", answer_in_text(one()));
    let options = Options::ollama("gemma:2b", &server.root().parse().unwrap()).unwrap();
    let model = client(options);
    let reply = model.ask(&review()).await.unwrap();
    assert_eq!((found(&reply), &reply.stop), (1, &Stop::ToolUse));
    let sent = &server.requests()[1];
    assert_eq!(sent.header("authorization"), None);
    assert_eq!(sent.body["response_format"]["json_schema"]["name"], REPORT_FINDINGS);
    assert!(sent.body["messages"][0]["content"].as_str().unwrap().contains("No tools"));
    // What was said before the answer still reads as a conversation.
    let request = went_on(review(), reply);
    assert_eq!(found(&model.ask(&request).await.unwrap()), 1);
    assert_eq!(model.limits(), LOCAL_LIMITS);
    assert_eq!(model.name(), "ollama:gemma:2b");
    assert_eq!(model.price(), None);
    no_violations(&server);

    let server = OpenAi::start();
    let no_parser =
        "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set";
    server.always("\"tools\"", failure(400, "", no_parser));
    server.always("\"response_format\"", failure(400, "", "response_format is not supported"));
    let prose = format!("<think>Hm {{</think>{}", json!({"summary": "s", "findings": one()}));
    let cut =
        "```json\n{\"summary\": \"s\", \"findings\": [{\"path\": \"a\", \"title\": \"t\"}, {\"pa";
    let cut = json!({"role": "assistant", "content": cut});
    server.on("", openai::text(&prose)).on("", Act::Message(cut, "length"));
    let model = client(compatible(&server));
    assert_eq!(found(&model.ask(&review()).await.unwrap()), 1);
    assert_eq!(model.dialect().form, AnswerForm::Prose);
    let reply = model.ask(&review()).await.unwrap();
    assert_eq!(reply.stop, Stop::MaxTokens);
    let Content::ToolUse { input: Value::String(input), .. } = &reply.content[0] else {
        panic!("{reply:?}")
    };
    assert!(input.starts_with("{\"summary\""));
    no_violations(&server);
}

#[tokio::test]
async fn each_servers_way_to_answer_is_understood() {
    let chunk = |delta: Value, finish: Value| {
        format!(
            "data: {}\n\n",
            json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        )
    };
    let report = json!({"summary": "s", "findings": one()});
    let whole = |index: Value, id: Value| {
        let mut call = openai::call("x", REPORT_FINDINGS, &report.to_string());
        (call["index"], call["id"]) = (index, id);
        call
    };
    let mut object = whole(json!(0), json!("a"));
    object["function"]["arguments"] = report.clone();
    let twice = openai::call("a", REPORT_FINDINGS, &json!(report.to_string()).to_string());
    let done = "data: [DONE]\n\n";
    let streams = [
        // The whole call in one chunk, and `stop` although there is one (Ollama).
        chunk(json!({"tool_calls": [whole(json!(0), json!("a"))]}), Value::Null)
            + &chunk(json!({}), json!("stop"))
            + done,
        // Neither id nor index; no [DONE].
        chunk(json!({"tool_calls": [whole(Value::Null, Value::Null)]}), json!("tool_calls")),
        // No reason to finish, only [DONE], without an empty line behind it.
        chunk(json!({"tool_calls": [whole(json!(0), json!("a"))]}), Value::Null) + "data: [DONE]",
        // Arguments as an object, and encoded twice.
        chunk(json!({"tool_calls": [object]}), json!("stop")) + done,
        chunk(json!({"tool_calls": [twice]}), json!("stop")) + done,
        // Comments, an empty choice list and reasoning before it (OpenRouter, Azure).
        format!(
            ": OPENROUTER PROCESSING\n\ndata: {}\n\n",
            json!({"choices": [], "prompt_filter_results": []})
        ) + &chunk(json!({"role": "assistant", "content": null, "reasoning": "Hm"}), Value::Null)
            + &chunk(json!({"reasoning_content": "Hm"}), Value::Null)
            + &chunk(json!({"tool_calls": [whole(json!(0), json!("a"))]}), json!("tool_calls"))
            + done,
        // A whole message in place of a delta.
        format!(
            "data: {}\n\n",
            json!({"choices": [{"message": {"tool_calls": [whole(json!(0), json!("a"))]}, "finish_reason": "stop"}]})
        ),
    ];
    for stream in streams {
        for line_end in ["\n", "\r\n"] {
            let server = OpenAi::start();
            server.on("", Act::Raw(stream.replace('\n', line_end).into_bytes()));
            let reply = client(compatible(&server)).ask(&review()).await.unwrap();
            assert_eq!((found(&reply), &reply.stop), (1, &Stop::ToolUse), "{stream}");
            assert!(reply.usage.input_tokens > 0 && reply.usage.output_tokens > 0, "{stream}");
        }
    }
    // JSON in place of a stream, rightly and wrongly named.
    let Act::Message(message, _) = answer(one()) else { panic!() };
    let whole = openai::completion(
        &json!({"model": "m"}),
        &message,
        "tool_calls",
        &json!({"prompt_tokens": 9, "completion_tokens": 2}),
    );
    for kind in ["application/json", "text/event-stream", "text/plain"] {
        let server = OpenAi::start();
        server.on("", Act::Typed(kind, format!("\n {whole}").into_bytes()));
        let reply = client(compatible(&server)).ask(&review()).await.unwrap();
        assert_eq!((found(&reply), reply.usage.input_tokens), (1, 9), "{kind}");
    }
}

#[tokio::test]
async fn several_calls_are_kept_apart() {
    let delta = |calls: Value| {
        format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}))
    };
    let piece = |index: Value, id: &str, name: &str, arguments: &str| {
        let mut call = json!({"function": {"arguments": arguments}});
        if !index.is_null() {
            call["index"] = index;
        }
        if !id.is_empty() {
            call["id"] = json!(id);
        }
        if !name.is_empty() {
            call["function"]["name"] = json!(name);
        }
        call
    };
    let end = "data: {\"choices\": [{\"delta\": {}, \"finish_reason\": \"tool_calls\"}]}\n\n";
    let streams = [
        // In turns, by index.
        delta(json!([
            piece(json!(0), "a", "read_file", ""),
            piece(json!(1), "b", "read_file", "{\"pa")
        ])) + &delta(json!([piece(json!(0), "", "", "{\"path\": \"1\"}")]))
            + &delta(json!([piece(json!(1), "", "", "th\": \"2\"}")])),
        // The same index for all (Gemini).
        delta(json!([piece(json!(0), "a", "read_file", "{\"path\": \"1\"}")]))
            + &delta(json!([piece(json!(0), "b", "read_file", "{\"path\": \"2\"}")])),
        // No index; ids again and again.
        delta(json!([piece(Value::Null, "a", "read_file", "{\"path\"")]))
            + &delta(json!([piece(Value::Null, "a", "", ": \"1\"}")]))
            + &delta(json!([piece(Value::Null, "b", "read_file", "{\"path\": \"2\"}")])),
        // Neither; the name begins another.
        delta(json!([piece(Value::Null, "", "read_file", "{\"path\"")]))
            + &delta(json!([piece(Value::Null, "", "", ": \"1\"}")]))
            + &delta(json!([piece(Value::Null, "", "read_file", "{\"path\": \"2\"}")])),
        // One id for both.
        delta(json!([piece(json!(0), "a", "read_file", "{\"path\": \"1\"}")]))
            + &delta(json!([piece(json!(1), "a", "read_file", "{\"path\": \"2\"}")])),
    ];
    for stream in streams {
        let server = OpenAi::start();
        server.on("", Act::Raw((stream.clone() + end).into_bytes())).on("", answer(one()));
        let model = client(compatible(&server));
        let reply = model.ask(&review()).await.unwrap();
        let calls: Vec<_> = reply
            .content
            .iter()
            .filter_map(|content| match content {
                Content::ToolUse { id, input, .. } => Some((id.clone(), input["path"].clone())),
                _ => None,
            })
            .collect();
        assert_eq!(calls.len(), 2, "{stream}");
        assert_eq!((&calls[0].1, &calls[1].1), (&json!("1"), &json!("2")), "{stream}");
        assert_ne!(calls[0].0, calls[1].0, "{stream}");
        model.ask(&went_on(review(), reply)).await.unwrap();
        no_violations(&server);
    }
}

#[tokio::test]
async fn what_a_server_adds_to_a_call_is_sent_back_as_it_came() {
    let server = OpenAi::start();
    let signature = json!({"google": {"thought_signature": "c2lnbmVk+/="}});
    let mut signed = openai::call("call_1", "read_file", "{\"path\": \"a\"}");
    signed["extra_content"] = signature.clone();
    let plain = openai::call("call_2", "read_file", "{\"path\": \"b\"}");
    let message = json!({"role": "assistant", "content": null, "reasoning_content": "Hm.",
                         "tool_calls": [signed, plain]});
    let back = "The reasoning_content in the thinking mode must be passed back to the API.";
    server.on("", Act::Message(message, "stop"));
    server.on("", failure(400, "", back)).on("", answer(one()));
    let url = server.url().parse().unwrap();
    let model = client(Options::gemini("gemini-3.8-flash", &url, Some("k-123".into())).unwrap());
    let reply = model.ask(&review()).await.unwrap();
    assert!(reply.usage.cost_usd > 0.0);
    model.ask(&went_on(review(), reply)).await.unwrap();
    let turn = &server.requests()[1].body["messages"][2];
    assert_eq!(turn["tool_calls"][0]["extra_content"], signature);
    assert_eq!(turn["tool_calls"][1].get("extra_content"), None);
    assert_eq!(turn.get("reasoning_content"), None);
    assert_eq!(server.requests()[2].body["messages"][2]["reasoning_content"], "Hm.");
    no_violations(&server);
}

#[tokio::test]
async fn nulls_for_what_is_optional_are_left_out() {
    let server = OpenAi::start();
    let mut nulled = finding("a.rs", 3, "x", "T");
    (nulled["end_line"], nulled["replacement"]) = (Value::Null, Value::Null);
    server.on("", answer(json!([nulled])));
    let reply = client(official(&server, "gpt-4.1")).ask(&review()).await.unwrap();
    let Content::ToolUse { input, .. } = &reply.content[0] else { panic!("{reply:?}") };
    assert_eq!(input["findings"][0], finding("a.rs", 3, "x", "T"));
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let status = |status: u16| failure(status, "server_error", "scripted");
    let faults = [
        openai::failure_with(429, "rate_limit_exceeded", &[("retry-after-ms", "1")]),
        openai::failure_with(
            429,
            "rate_limit_exceeded",
            &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "2ms")],
        ),
        failure(429, "rate_limit_exceeded", "Please try again in 3ms."),
        status(429),
        status(500),
        status(503),
        status(529),
        Act::Reset,
        Act::Break,
        Act::Truncate,
        Act::Stall(Duration::from_millis(1_500)),
        Act::ErrorChunk(json!({"message": "overloaded", "type": "server_error", "code": null})),
        Act::ErrorChunk(json!({"message": "upstream", "code": 502})),
        Act::Raw(b"data: {\"choi\n\n".to_vec()),
        Act::Raw(Vec::new()),
        Act::Typed("application/json", b"{\"choices\": []}".to_vec()),
        Act::Typed(
            "application/json",
            b"{\"error\": {\"code\": 503, \"message\": \"busy\"}}".to_vec(),
        ),
    ];
    for fault in faults {
        let server = OpenAi::start();
        server.on("", fault.clone()).on("", fault.clone()).on("", answer(one()));
        let reply = client(compatible(&server)).ask(&review()).await;
        assert!(reply.is_ok(), "{fault:?}: {reply:?}");
        assert_eq!(server.requests().len(), 3, "{fault:?}");
        no_violations(&server);
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_up_to_a_limit() {
    let server = OpenAi::start();
    server.on("", openai::failure_with(429, "rate_limit_exceeded", &[("retry-after", "1")]));
    server.on("", answer(one()));
    let start = Instant::now();
    client(compatible(&server)).ask(&review()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    let server = OpenAi::start();
    server.on("", openai::failure_with(429, "rate_limit_exceeded", &[("retry-after", "3600")]));
    let error = client(compatible(&server)).ask(&review()).await.unwrap_err();
    assert!(matches!(error, ModelError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn what_does_not_pass_is_told_apart() {
    let check = async |act: Act, expect: &str, requests: usize| {
        let server = OpenAi::start();
        server.always("", act.clone());
        let error = client(official(&server, "gpt-4.1")).ask(&review()).await.unwrap_err();
        let kind = match &error {
            ModelError::Denied(_) => "denied",
            ModelError::TooLong(_) => "too long",
            ModelError::Rejected(_) => "rejected",
            ModelError::Unavailable(_) => "unavailable",
            ModelError::Late(_) => "late",
        };
        assert_eq!(kind, expect, "{act:?}: {error:?}");
        assert_eq!(server.requests().len(), requests, "{act:?}");
        assert!(!format!("{error:?}{error}").contains("sk-test"), "the key is not told");
    };
    check(failure(401, "invalid_api_key", "Incorrect API key provided"), "denied", 1).await;
    check(failure(403, "", "Project has no access"), "denied", 1).await;
    check(failure(404, "model_not_found", "The model `x` does not exist"), "denied", 1).await;
    check(failure(429, "insufficient_quota", "You exceeded your current quota"), "denied", 1).await;
    check(failure(413, "", ""), "too long", 1).await;
    check(failure(400, "context_length_exceeded", "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens."), "too long", 1).await;
    check(failure(400, "", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."), "too long", 1).await;
    check(failure(400, "", "messages: something is off"), "rejected", 1).await;
    check(failure(503, "", "busy"), "unavailable", 5).await;
    check(Act::Truncate, "unavailable", 3).await;
    let long = json!({"message": "too long", "code": "context_length_exceeded"});
    check(Act::ErrorChunk(long), "too long", 1).await;
    check(Act::ErrorChunk(json!({"message": "no", "code": "invalid_api_key"})), "denied", 1).await;
    let list = json!([{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}}]);
    check(Act::Status(400, Vec::new(), list), "denied", 1).await;
}

#[tokio::test]
async fn refusals_are_told() {
    let check = async |act: Act| {
        let server = OpenAi::start();
        server.on("", act.clone());
        let reply = client(compatible(&server)).ask(&review()).await.unwrap();
        assert_eq!(reply.stop, Stop::Refusal, "{act:?}");
    };
    let refusal = json!({"role": "assistant", "content": null, "refusal": "I cannot help."});
    check(Act::Message(refusal.clone(), "stop")).await;
    check(Act::Plain(refusal, "stop")).await;
    check(Act::Message(json!({"role": "assistant", "content": "x"}), "content_filter")).await;
    let filter = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.";
    check(failure(400, "content_filter", filter)).await;
}

#[tokio::test]
async fn stop_reasons_are_known() {
    let check = async |reason: &'static str, expect: Stop| {
        let server = OpenAi::start();
        let message = json!({"role": "assistant", "content": "x"});
        server.on("", Act::Message(message, reason));
        assert_eq!(client(compatible(&server)).ask(&review()).await.unwrap().stop, expect);
    };
    check("stop", Stop::EndTurn).await;
    check("length", Stop::MaxTokens).await;
    check("content_filter", Stop::Refusal).await;
    check("something_new", Stop::Other("something_new".to_owned())).await;
}

#[tokio::test]
async fn cut_arguments_are_kept_as_text() {
    let server = OpenAi::start();
    let half = "{\"summary\": \"s\", \"findings\": [{\"path\"";
    let message = json!({"role": "assistant", "content": null,
                         "tool_calls": [openai::call("a", REPORT_FINDINGS, half)]});
    server.on("", Act::Message(message, "length"));
    let reply = client(compatible(&server)).ask(&review()).await.unwrap();
    assert_eq!(reply.stop, Stop::MaxTokens);
    let Content::ToolUse { input, .. } = &reply.content[0] else { panic!("{reply:?}") };
    assert_eq!(input, half);
}

#[tokio::test]
async fn many_at_once_learn_together() {
    let server = OpenAi::start();
    server.always("\"tools\"", failure(400, "", "this model does not support tools"));
    server.always("", answer_in_text(one()));
    let model = client(compatible(&server));
    let requests: Vec<_> = (0..12).map(|_| review()).collect();
    let asked = requests.iter().map(|request| model.ask(request));
    for reply in futures_util::future::join_all(asked).await {
        assert_eq!(found(&reply.unwrap()), 1);
    }
    assert!(server.requests().len() <= 24);
    no_violations(&server);
}

#[test]
fn the_checks_of_the_loopback_server_catch_what_a_strict_one_refuses() {
    let good = request::body("m", &Dialect::openai("gpt-4.1"), 100, &marked());
    let good: Value = serde_json::from_slice(&good).unwrap();
    assert_eq!(openai::check_chat(&good), [""; 0]);
    let check = |change: fn(&mut Value), expect: &str| {
        let mut bad = good.clone();
        change(&mut bad);
        let wrong = openai::check_chat(&bad);
        assert!(wrong.iter().any(|what| what.contains(expect)), "{expect}: {wrong:?}");
    };
    check(|b| b["temperature"] = json!(0), "unknown key temperature");
    check(|b| b["max_tokens"] = json!(5), "exactly one limit");
    check(|b| b["tools"][0]["function"]["speling"] = json!(1), "unknown key speling");
    check(|b| b["tools"][0]["function"]["strict"] = json!(true), "strict");
    check(|b| b["tool_choice"] = json!({"type": "function", "function": {"name": "x"}}), "no tool");
    check(|b| b["messages"][3]["tool_call_id"] = json!("x"), "a result of no call");
    check(|b| b["messages"][2]["tool_calls"][0]["function"]["arguments"] = json!("{"), "no object");
    check(|b| b["messages"][1]["content"] = json!(" "), "blank");
    check(|b| b["messages"].as_array_mut().unwrap().truncate(3), "without results");
    let good = responses::request::body("m", &Dialect::openai("gpt-6-sol"), 100, &marked());
    let good: Value = serde_json::from_slice(&good).unwrap();
    assert_eq!(openai::check_responses(&good), [""; 0]);
    let check = |change: fn(&mut Value), expect: &str| {
        let mut bad = good.clone();
        change(&mut bad);
        let wrong = openai::check_responses(&bad);
        assert!(wrong.iter().any(|what| what.contains(expect)), "{expect}: {wrong:?}");
    };
    check(|b| b["store"] = json!(true), "store");
    check(|b| b["input"][0]["role"] = json!("robot"), "unknown role");
    check(|b| b["input"].as_array_mut().unwrap().truncate(3), "without results");
    check(|b| b["max_output_tokens"] = json!(1), "too few");
}
