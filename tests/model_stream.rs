//! Event streams, cut everywhere, read as the official client reads them.

#[path = "support/anthropic.rs"]
mod anthropic;

use std::io::Write;
use std::path::Path;
use std::process::Command;

use pipewright::http::{Client, Config};
use pipewright::model::anthropic::reply::{Assembler, StreamError, from_message};
use pipewright::model::anthropic::{Anthropic as Claude, Key, Options, sse};
use pipewright::model::findings::{REPORT_FINDINGS, report_findings_tool};
use pipewright::model::price::DEFAULT_MODEL;
use pipewright::model::{
    Content, Message, Model, Reply, Request, Role, Stop, SystemBlock, Tool, ToolChoice,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Reply, StreamError> {
    let mut parser = sse::Parser::default();
    let mut assembler = Assembler::default();
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

fn message() -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": DEFAULT_MODEL,
        "stop_reason": "tool_use", "stop_sequence": null,
        "content": [
            {"type": "thinking", "thinking": "Hm… é", "signature": "c2lnbmVk"},
            {"type": "redacted_thinking", "data": "abc"},
            {"type": "text", "text": "Look:\r\n\u{1F600} \u{2028} ok"},
            {"type": "tool_use", "id": "toolu_1", "name": "read_file",
             "input": {"path": "a\"b\\c.rs", "n": [1, 2.5, null, true]}},
            {"type": "tool_use", "id": "toolu_2", "name": "nothing", "input": {}},
        ],
        "usage": {"input_tokens": 7, "cache_creation_input_tokens": 11,
                  "cache_read_input_tokens": 13, "output_tokens": 17}})
}

#[test]
fn a_stream_cut_at_any_byte_gives_the_same_reply() {
    let whole = anthropic::events(&message()).concat();
    let expect = read([whole.as_slice()]).unwrap();
    assert_eq!(expect, from_message(message().to_string().as_bytes(), None).unwrap());
    assert_eq!((expect.content.len(), expect.usage.input_tokens), (5, 31));
    for at in 0..=whole.len() {
        let (left, right) = whole.split_at(at);
        assert_eq!(read([left, right]).as_ref(), Ok(&expect), "cut at {at}");
        if at < whole.len() - 1 {
            assert!(read([left]).is_err(), "ends at {at}");
        }
    }
    assert_eq!(read(whole.chunks(1)).as_ref(), Ok(&expect));
    let crlf = String::from_utf8(whole).unwrap().replace('\n', "\r\n").into_bytes();
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(read(crlf.chunks(size)).as_ref(), Ok(&expect), "pieces of {size}");
    }
}

#[test]
fn what_is_not_known_is_passed_over() {
    let mut events = anthropic::events(&message());
    let event = |value: &str| format!("event: x\ndata: {value}\n\n").into_bytes();
    events.insert(3, event(r#"{"type": "something_new", "index": 0}"#));
    events.insert(
        3,
        event(r#"{"type": "content_block_delta", "index": 0, "delta": {"type": "new", "a": 1}}"#),
    );
    events.insert(3, event(r#"{"type": "content_block_delta", "index": 77, "delta": {"type": "text_delta", "text": "a"}}"#));
    events.insert(3, b": a comment\n\nevent: ping\ndata: {}\n\n".to_vec());
    let block =
        r#"{"type": "content_block_start", "index": 9, "content_block": {"type": "new", "a": 1}}"#;
    events.insert(3, event(block));
    let reply = read([events.concat().as_slice()]).unwrap();
    assert_eq!(reply.content.len(), 6);
    assert_eq!(reply.content[5], Content::Opaque(json!({"type": "new", "a": 1})));
}

#[test]
fn what_is_broken_is_said() {
    let event = |value: &str| format!("data: {value}\n\n").into_bytes();
    let check = |events: &[&str]| {
        let bytes: Vec<u8> = events.iter().flat_map(|value| event(value)).collect();
        assert!(read([bytes.as_slice()]).is_err(), "{events:?}");
    };
    check(&[]);
    check(&["{"]);
    check(&[r#"{"type": "message_stop"}"#]);
    check(&[r#"{"type": "message_start"}"#, r#"{"type": "content_block_start", "index": 0}"#]);
    check(&[r#"{"type": "content_block_start", "index": 99999999, "content_block": {}}"#]);
    check(&[r#"{"type": "content_block_delta", "index": -1}"#]);
    check(&[r#"{"type": "error"}"#]);
    check(&[r#"{"type": "message_start", "message": {"usage": "none"}}"#]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_message_survives_streaming(
        texts in prop::collection::vec("\\PC{0,50}", 0..3),
        quotes in prop::collection::vec(any::<String>(), 0..3),
        size in 1usize..50,
    ) {
        let mut message = message();
        let mut content: Vec<Value> =
            texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
        content.push(json!({"type": "tool_use", "id": "t", "name": "n", "input": {"q": quotes}}));
        message["content"] = json!(content);
        let expect = from_message(message.to_string().as_bytes(), None);
        let stream = anthropic::events(&message).concat();
        prop_assert_eq!(read(stream.chunks(size)), expect);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read([bytes.as_slice()]);
        let _ = from_message(&bytes, None);
    }
}

/// A reply in the form that `tests/sdk/check.py` compares.
fn plain(reply: &Reply) -> Value {
    let content: Vec<Value> = reply
        .content
        .iter()
        .map(|content| match content {
            Content::Text { text, .. } => json!({"type": "text", "text": text}),
            Content::ToolUse { id, name, input } => {
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            }
            Content::Opaque(value) => value.clone(),
            Content::ToolResult { .. } => panic!("no reply holds a result"),
        })
        .collect();
    let stop = match &reply.stop {
        Stop::EndTurn => "end_turn",
        Stop::ToolUse => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::Refusal => "refusal",
        Stop::Pause => "pause_turn",
        Stop::ContextOverflow => "model_context_window_exceeded",
        Stop::Other(other) => other,
    };
    let usage = &reply.usage;
    json!({"content": content, "stop_reason": stop, "input_tokens": usage.input_tokens,
           "cached_tokens": usage.cached_tokens, "output_tokens": usage.output_tokens})
}

/// A Python that has the official client, if there is one: `PIPEWRIGHT_PYTHON`
/// names it, else `python3` is tried.
fn python() -> Option<String> {
    let python = std::env::var("PIPEWRIGHT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import anthropic"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("SKIPPED: `{python} -c 'import anthropic'` fails; see tests/sdk/check.py");
    None
}

#[tokio::test]
async fn the_official_client_takes_our_requests_and_reads_replies_as_we_do() {
    let Some(python) = python() else { return };
    let server = anthropic::Anthropic::start();
    let dir = tempfile::tempdir().unwrap();
    let mut request = Request {
        system: vec![SystemBlock { text: "Review.".into(), cache: true }],
        messages: vec![Message {
            role: Role::User,
            content: vec![Content::Text { text: "The change \u{1F600}".into(), cache: true }],
        }],
        tools: vec![
            Tool {
                name: "read_file".into(),
                description: "Read.".into(),
                input_schema: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
            },
            report_findings_tool(),
        ],
        tool_choice: ToolChoice::Tool(REPORT_FINDINGS.into()),
        max_tokens: 4_000,
    };
    let mut replies = Vec::new();
    for (index, model) in [DEFAULT_MODEL, "claude-sonnet-4-5", "claude-opus-5-5"].iter().enumerate()
    {
        for stop in ["tool_use", "end_turn", "refusal", "pause_turn"] {
            let content = message()["content"].as_array().unwrap().clone();
            server.on("", anthropic::Act::Message(content, stop));
            let key = Key::ApiKey("k".into());
            let options = Options::new(*model, server.url().parse().unwrap(), key);
            let claude = Claude::new(&Client::new(Config::default()).unwrap(), options).unwrap();
            let reply = claude.ask(&request).await.unwrap();
            replies.push(plain(&reply));
            if stop == "tool_use" {
                // The next ones hold the call and its result.
                let calls = reply.content.iter().filter_map(|content| match content {
                    Content::ToolUse { id, .. } => Some(Content::ToolResult {
                        id: id.clone(),
                        text: "found".into(),
                        is_error: index == 1,
                    }),
                    _ => None,
                });
                let results = calls.collect();
                request.messages.push(Message { role: Role::Assistant, content: reply.content });
                request.messages.push(Message { role: Role::User, content: results });
            }
        }
    }
    let violations = server.violations();
    assert!(violations.is_empty(), "{violations:#?}");
    let write = |name: String, bytes: &[u8]| {
        std::fs::File::create(dir.path().join(name)).unwrap().write_all(bytes).unwrap();
    };
    for (index, logged) in server.requests().iter().enumerate() {
        write(format!("{index:03}.request.json"), &logged.raw);
    }
    for (index, (stream, reply)) in server.streams().iter().zip(&replies).enumerate() {
        write(format!("{index:03}.stream"), stream);
        write(format!("{index:03}.reply.json"), reply.to_string().as_bytes());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/check.py");
    let output = Command::new(python).arg(script).arg(dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("12 requests accepted, 12 replies equal"), "{said}");
}
