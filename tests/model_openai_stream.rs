//! Streams of both interfaces of OpenAI's protocol, cut everywhere.

#[path = "support/openai.rs"]
mod openai;

use std::path::Path;
use std::process::Command;

use pipewright::model::anthropic::sse::Parser;
use pipewright::model::findings::{REPORT_FINDINGS, report_findings_tool};
use pipewright::model::openai::{
    AnswerForm, Choice, Dialect, Limit, StreamError, reply, request, responses,
};
use pipewright::model::{
    Content, Message, Reply, Request, Role, Stop, SystemBlock, Tool, ToolChoice,
};
use proptest::prelude::*;
use serde_json::{Value, json};

macro_rules! reader {
    ($name:ident, $assembler:ty) => {
        fn $name<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Reply, StreamError> {
            let mut parser = Parser::default();
            let mut assembler = <$assembler>::default();
            for piece in pieces {
                let mut result = Ok(());
                let pushed = parser.push(piece, |event| {
                    if result.is_ok() {
                        result = assembler.event(&event);
                    }
                });
                result?;
                assert_eq!(pushed, Ok(()));
            }
            assembler.finish(None)
        }
    };
}

reader!(read_chat, reply::Assembler);
reader!(read_responses, responses::reply::Assembler);

fn usage() -> Value {
    json!({"prompt_tokens": 31, "completion_tokens": 7, "total_tokens": 40,
           "prompt_tokens_details": {"cached_tokens": 13, "cache_write_tokens": 11}})
}

fn message(texts: &[String], inputs: &[Value]) -> Value {
    let calls: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| openai::call(&format!("call_{index}"), "n", &input.to_string()))
        .collect();
    let mut message = json!({"role": "assistant", "content": texts.concat()});
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    message
}

fn chat(message: &Value) -> (Vec<u8>, Result<Reply, StreamError>) {
    let body = json!({"model": "m"});
    let stream = openai::chunks(&body, message, "stop", Some(&usage())).concat();
    let whole = openai::completion(&body, message, "stop", &usage());
    (stream, reply::from_message(whole.to_string().as_bytes(), None))
}

#[test]
fn a_stream_cut_at_any_byte_gives_the_same_reply() {
    let texts = ["Look:\r\n\u{1F600} \u{2028} ok".to_owned()];
    let inputs = [json!({"path": "a\"b\\c.rs", "n": [1, 2.5, null, true]}), json!({})];
    let (whole, expect) = chat(&message(&texts, &inputs));
    let expect = expect.unwrap();
    let usage = expect.usage;
    // What was thought is only in the total.
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (31, 13, 9));
    assert_eq!(expect.content.len(), 3);
    for at in 0..=whole.len() {
        let (left, right) = whole.split_at(at);
        assert_eq!(read_chat([left, right]).as_ref(), Ok(&expect), "cut at {at}");
    }
    assert_eq!(read_chat(whole.chunks(1)).as_ref(), Ok(&expect));
    // Until the reason to finish has come, an end is too early.
    let text = String::from_utf8(whole.clone()).unwrap();
    let reason = text.find("\"finish_reason\":\"stop\"").unwrap();
    for at in (0..reason).step_by(7) {
        assert!(read_chat([&whole[..at]]).is_err(), "ends at {at}");
    }
}

#[test]
fn the_other_interfaces_stream_gives_the_same_reply_too() {
    let items = vec![
        json!({"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "x"}),
        json!({"type": "message", "role": "assistant", "status": "completed",
               "content": [{"type": "output_text", "text": "Look: \u{1F600}", "annotations": []}]}),
        json!({"type": "function_call", "call_id": "c", "name": "n", "arguments": "{\"a\": \"é\"}"}),
        json!({"type": "web_search_call", "id": "w"}),
    ];
    let response = json!({"id": "r", "object": "response", "status": "completed", "output": items,
        "error": null, "incomplete_details": null,
        "usage": {"input_tokens": 31, "output_tokens": 9, "total_tokens": 40,
                  "input_tokens_details": {"cached_tokens": 13, "cache_write_tokens": 11}}});
    let whole = openai::events(&items, &response).concat();
    let expect = responses::reply::from_message(response.to_string().as_bytes(), None).unwrap();
    assert_eq!((expect.content.len(), expect.usage.cached_tokens), (3, 13));
    for at in 0..=whole.len() {
        let (left, right) = whole.split_at(at);
        assert_eq!(read_responses([left, right]).as_ref(), Ok(&expect), "cut at {at}");
        if at < whole.len() - 1 {
            assert!(read_responses([left]).is_err(), "ends at {at}");
        }
    }
}

#[test]
fn what_is_broken_is_said_and_what_is_strange_is_survived() {
    let event = |value: &str| format!("data: {value}\n\n").into_bytes();
    let check = |events: &[&str], good: bool| {
        let bytes: Vec<u8> = events.iter().flat_map(|value| event(value)).collect();
        assert_eq!(read_chat([bytes.as_slice()]).is_ok(), good, "{events:?}");
    };
    check(&[], false);
    check(&["{"], false);
    check(&["[DONE]"], false);
    check(&[r#"{"error": {"message": "x"}}"#], false);
    check(&[r#"{"error": "x"}"#], false);
    check(&[r#"{"choices": [{"delta": {"content": "x"}}]}"#], false);
    check(&[r#"{"choices": [{"delta": {"content": "x"}}]}"#, "[DONE]"], true);
    check(&[r#"{"choices": [{"finish_reason": "stop"}]}"#], true);
    check(&[r#"{"choices": [{"delta": 7, "finish_reason": "stop"}]}"#], true);
    check(
        &[
            r#"{"choices": [{"delta": {"content": [{"type": "text", "text": "x"}, 3], "tool_calls": [7, {}]}, "finish_reason": "stop"}], "usage": "none"}"#,
        ],
        true,
    );
    check(
        &[
            r#"{"choices": [{"delta": {"tool_calls": "x", "content": 3}, "finish_reason": 3}]}"#,
            "[DONE]",
        ],
        true,
    );
    let many = vec![json!({"function": {"name": "n", "arguments": "{}"}}); 300];
    check(&[&json!({"choices": [{"delta": {"tool_calls": many}}]}).to_string(), "[DONE]"], false);
}

/// Any JSON that a tool may be called with.
fn input() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    prop::collection::hash_map("[a-z]{1,6}", leaf, 0..4).prop_map(|fields| json!(fields))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_reply_survives_streaming(
        texts in prop::collection::vec("\\PC{0,50}", 0..3),
        inputs in prop::collection::vec(input(), 0..4),
        size in 1usize..50,
    ) {
        let (stream, expect) = chat(&message(&texts, &inputs));
        let reply = read_chat(stream.chunks(size));
        prop_assert_eq!(&reply, &expect);
        let called = reply.unwrap().content.into_iter().filter_map(|content| match content {
            Content::ToolUse { input, .. } => Some(input),
            _ => None,
        });
        prop_assert_eq!(called.collect::<Vec<_>>(), inputs);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (read_chat([bytes.as_slice()]), read_responses([bytes.as_slice()]));
        let _ = (reply::from_message(&bytes, None), responses::reply::from_message(&bytes, None));
    }

    #[test]
    fn any_json_is_survived(values in prop::collection::vec(input(), 0..6), size in 1usize..9) {
        let wrap = |value: &Value| json!({"type": "response.output_item.added", "item": value,
            "choices": [{"delta": value, "message": value}], "usage": value, "output": [value]});
        let stream: String =
            values.iter().map(|value| format!("data: {}\n\n", wrap(value))).collect();
        let whole = read_chat([stream.as_bytes()]);
        prop_assert_eq!(whole, read_chat(stream.as_bytes().chunks(size)));
        let whole = read_responses([stream.as_bytes()]);
        prop_assert_eq!(whole, read_responses(stream.as_bytes().chunks(size)));
    }
}

/// A Python that has the official client, if there is one: `PIPEWRIGHT_PYTHON`
/// names it, else `python3` is tried.
fn python() -> Option<String> {
    let python = std::env::var("PIPEWRIGHT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import openai"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("SKIPPED: `{python} -c 'import openai'` fails; see tests/sdk/check_openai.py");
    None
}

/// A review, and the same after a turn with calls and reasoning.
fn requests() -> [Request; 2] {
    let text = |text: &str| Content::Text { text: text.to_owned(), cache: true };
    let review = Request {
        system: vec![SystemBlock { text: "Review.".into(), cache: true }],
        messages: vec![Message { role: Role::User, content: vec![text("The change \u{1F600}")] }],
        tools: vec![
            Tool {
                name: "read_file".into(),
                description: "Read.".into(),
                input_schema: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
            },
            report_findings_tool(),
        ],
        tool_choice: ToolChoice::Auto,
        max_tokens: 4_000,
    };
    let mut went_on = review.clone();
    let reasoning = json!({"type": "reasoning", "id": "rs", "summary": [],
                           "encrypted_content": "x", "status": "completed"});
    went_on.messages.push(Message {
        role: Role::Assistant,
        content: vec![
            Content::Opaque(reasoning),
            text("Let me look."),
            Content::ToolUse {
                id: "a".into(),
                name: "read_file".into(),
                input: json!({"path": "a"}),
            },
        ],
    });
    went_on.messages.push(Message {
        role: Role::User,
        content: vec![
            Content::ToolResult { id: "a".into(), text: "found".into(), is_error: true },
            text("Answer now."),
        ],
    });
    [review, went_on]
}

#[test]
fn the_official_client_takes_our_requests_and_reads_streams_as_we_do() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut number = 0;
    let mut write = |kind: &str, bytes: &[u8]| {
        std::fs::write(dir.path().join(format!("{number:03}.{kind}")), bytes).unwrap();
        number += 1;
    };
    let choices = [ToolChoice::Auto, ToolChoice::Any, ToolChoice::Tool(REPORT_FINDINGS.into())];
    for request in requests() {
        for tool_choice in &choices {
            let request = Request { tool_choice: tool_choice.clone(), ..request.clone() };
            for form in [AnswerForm::Tools, AnswerForm::Schema, AnswerForm::Prose] {
                for (choice, limit, strict, stream) in [
                    (Choice::Named, Limit::Completion, true, true),
                    (Choice::Required, Limit::Tokens, false, false),
                ] {
                    let start = Dialect::openai("gpt-6-sol");
                    let no_reasoning = !stream;
                    let dialect =
                        Dialect { form, choice, limit, strict, stream, no_reasoning, ..start };
                    let body = request::body("gpt-6-sol", &dialect, 4_000, &request);
                    write("chat.json", &body);
                    let body = responses::request::body("gpt-6-sol", &dialect, 4_000, &request);
                    write("responses.json", &body);
                }
            }
        }
    }
    for (finish, texts, inputs) in [
        ("stop", vec!["Hello \u{1F600}\r\n".to_owned()], vec![]),
        ("tool_calls", vec![], vec![json!({"path": "a\"b\\c"}), json!({})]),
        ("length", vec!["é".repeat(100)], vec![json!({"n": [1, 2.5, null]})]),
        ("content_filter", vec!["x".to_owned()], vec![]),
    ] {
        let usage = json!({"prompt_tokens": 31, "completion_tokens": 9, "total_tokens": 40,
                           "prompt_tokens_details": {"cached_tokens": 13}});
        let message = message(&texts, &inputs);
        let body = json!({"model": "m"});
        let stream = openai::chunks(&body, &message, finish, Some(&usage)).concat();
        let reply = read_chat([stream.as_slice()]).unwrap();
        let text: String = reply
            .content
            .iter()
            .filter_map(|content| match content {
                Content::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let calls: Vec<_> = reply
            .content
            .iter()
            .filter_map(|content| match content {
                Content::ToolUse { id, name, input } => Some(json!([id, name, input])),
                _ => None,
            })
            .collect();
        let stop = match reply.stop {
            Stop::EndTurn => "stop",
            Stop::ToolUse => "tool_calls",
            Stop::MaxTokens => "length",
            Stop::Refusal => "content_filter",
            other => panic!("{other:?}"),
        };
        let usage = reply.usage;
        let usage = [usage.input_tokens, usage.cached_tokens, usage.output_tokens];
        let ours = json!({"text": text, "calls": calls, "finish": stop, "usage": usage});
        let path = dir.path().join(format!("{number:03}.reply.json"));
        std::fs::write(path, ours.to_string()).unwrap();
        let path = dir.path().join(format!("{number:03}.stream"));
        std::fs::write(path, &stream).unwrap();
        number += 1;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/check_openai.py");
    let output = Command::new(python).arg(script).arg(dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let expect = "36 chat and 36 responses requests accepted, 4 replies equal";
    assert!(said.contains(expect), "{said}");
}
