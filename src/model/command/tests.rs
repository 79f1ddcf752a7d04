//! What is read out of programs' output, and how they are asked.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Content, Message, Role, Stop, SystemBlock};
use super::*;
use crate::model::ToolChoice;
use crate::model::findings::report_findings_tool;

fn request() -> Request {
    Request {
        system: vec![
            SystemBlock { text: "Review.".into(), cache: true },
            SystemBlock { text: "  ".into(), cache: false },
        ],
        messages: vec![Message {
            role: Role::User,
            content: vec![Content::Text { text: "/help @secret".into(), cache: false }],
        }],
        tools: vec![report_findings_tool()],
        tool_choice: ToolChoice::Any,
        max_tokens: 1_000,
    }
}

fn read(text: &str) -> Reply {
    let request = request();
    let said = answer::Said { text, request: &request, price: None };
    answer::read(&said, answer_tool(&request))
}

fn claude_says(value: &Value) -> Option<Result<Reply, ModelError>> {
    let (request, text) = (request(), value.to_string());
    let said = answer::Said { text: &text, request: &request, price: None };
    claude::read(&said, &|text| text.to_owned())
}

/// The input of the answer tool, if it was called.
fn input(reply: &Reply) -> Option<&Value> {
    reply.content.iter().find_map(|content| match content {
        Content::ToolUse { input, .. } => Some(input),
        _ => None,
    })
}

#[test]
fn answers_are_found_in_what_programs_write() {
    let answer = json!({"summary": "s", "findings": [{"path": "a.rs", "body": "if x { y }"}]});
    let pretty = serde_json::to_string_pretty(&answer).unwrap();
    let tool = report_findings_tool();
    let lines =
        |values: &[Value]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let check = |what: &str, text: String| {
        let reply = read(&text);
        assert_eq!(input(&reply), Some(&answer), "{what}: {text}");
        assert_eq!(reply.stop, Stop::ToolUse, "{what}");
    };
    check("plain", answer.to_string());
    check("plain over lines", pretty.clone());
    check("fenced", format!("Here it is:\n```json\n{pretty}\n```\nDone."));
    check("in prose", format!("I think {{so}}: {answer} is it."));
    check("after a log", format!("loading…\n[1/2] {{}}\n{answer}\n"));
    check(
        "after the prompt and its schema",
        format!("{}\n{answer}", prompt::whole(&request(), Some(&tool))),
    );
    let draft = json!({"summary": "draft", "findings": []});
    check("the last of several", format!("{draft}\n{answer}"));
    check("the last of several in prose", format!("First {draft}, better {answer}."));
    check("an object in `result`", json!({"type": "result", "result": answer}).to_string());
    check("text in `result`", json!({"result": answer.to_string()}).to_string());
    check(
        "a fence in `response`",
        json!({"response": format!("```json\n{pretty}\n```"), "stats": {}}).to_string(),
    );
    check(
        "an array of events",
        json!([{"type": "init"}, {"type": "result", "result": pretty}]).to_string(),
    );
    check(
        "lines of events",
        lines(&[
            json!({"type": "thread.started", "thread_id": "t"}),
            json!({"type": "item.completed", "item": {"type": "agent_message", "text": answer.to_string()}}),
            json!({"type": "turn.completed", "usage": {"input_tokens": 1, "output_tokens": 2}}),
        ]),
    );
    check(
        "chat completions",
        json!({"choices": [{"message": {"content": answer.to_string()}}]}).to_string(),
    );
    let many: Vec<Value> =
        (0..300).map(|n| json!({"path": "a", "line": n, "body": "{ {"})).collect();
    let many = json!({"summary": "s", "findings": many});
    assert_eq!(input(&read(&many.to_string())), Some(&many));
    assert_eq!(input(&read(&format!("So: {many}"))), Some(&many));
}

#[test]
fn what_is_no_answer_stays_text() {
    let check = |text: &str, expect: &str| {
        let reply = read(text);
        let expect = Content::Text { text: expect.to_owned(), cache: false };
        assert_eq!((reply.content.as_slice(), reply.stop), (&[expect][..], Stop::EndTurn));
    };
    check("It looks fine.", "It looks fine.");
    check(r#"{"result": "It looks fine."}"#, "It looks fine.");
    check(r#"{"item": {"text": "a"}}"#, "a");
    // The schema repeated is no answer.
    let schema = report_findings_tool().input_schema.to_string();
    assert_eq!(input(&read(&schema)), None);
    assert_eq!(input(&read(r#"{"summary": "s"}"#)), None);
    assert_eq!(input(&read(r#"{"summary": 1, "findings": []}"#)), None);
}

#[test]
fn usage_is_the_programs_own_or_estimated() {
    let check = |text: Value, expect: (u64, u64, u64, f64)| {
        let usage = read(&text.to_string()).usage;
        let found = (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.cost_usd);
        assert_eq!((usage.requests, found), (1, expect), "{text}");
    };
    let anthropic = json!({"input_tokens": 10, "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 7, "output_tokens": 3});
    check(json!({"usage": anthropic, "total_cost_usd": 0.5}), (22, 7, 3, 0.5));
    check(json!({"usage": {"prompt_tokens": 10, "completion_tokens": 3}}), (10, 0, 3, 0.0));
    check(
        json!({"usage": {"input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 3}}),
        (10, 4, 3, 0.0),
    );
    check(
        json!({"stats": {"models": {"g": {"tokens": {"prompt": 9, "cached": 2, "candidates": 1}}}}}),
        (9, 2, 1, 0.0),
    );
    let estimated = read("some words of an answer").usage;
    assert!(estimated.input_tokens > 100 && estimated.output_tokens == 5, "{estimated:?}");
}

#[test]
fn claudes_result_is_read() {
    let usage = json!({"input_tokens": 100, "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 7, "output_tokens": 20});
    let result = |more: Value| {
        let mut value = json!({"type": "result", "subtype": "success", "is_error": false,
            "usage": usage, "total_cost_usd": 0.25, "result": "", "stop_reason": "end_turn"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    };
    let answer = json!({"summary": "s", "findings": []});
    let reply = |value: &Value| claude_says(value).unwrap().unwrap();
    let structured = result(json!({"structured_output": answer, "stop_reason": "tool_use"}));
    for value in [structured.clone(), json!([{"type": "system"}, structured])] {
        let reply = reply(&value);
        assert_eq!((input(&reply), &reply.stop), (Some(&answer), &Stop::ToolUse));
        let used = reply.usage;
        assert_eq!((used.input_tokens, used.cached_tokens, used.output_tokens), (112, 7, 20));
        assert_eq!((used.requests, used.cost_usd), (1, 0.25));
    }
    assert_eq!(input(&reply(&result(json!({"result": answer.to_string()})))), Some(&answer));
    for (more, expect) in [
        (json!({"result": "Fine."}), Stop::EndTurn),
        (json!({"stop_reason": "refusal"}), Stop::Refusal),
        (json!({"stop_reason": "max_tokens"}), Stop::MaxTokens),
        (
            json!({"is_error": true, "result": "API Error: Opus 5.5's safeguards flagged this message"}),
            Stop::Refusal,
        ),
        (
            json!({"is_error": true, "subtype": "error_max_structured_output_retries",
                   "stop_reason": "max_tokens", "errors": ["Failed"]}),
            Stop::MaxTokens,
        ),
        (
            json!({"is_error": true, "subtype": "error_max_turns", "stop_reason": "tool_use"}),
            Stop::EndTurn,
        ),
    ] {
        let reply = reply(&result(more.clone()));
        assert_eq!((&reply.stop, reply.usage.cost_usd), (&expect, 0.25), "{more}");
        assert_eq!(input(&reply), None);
    }
    let kind = |error: ModelError| match error {
        ModelError::Denied(_) => "denied",
        ModelError::TooLong(_) => "too long",
        ModelError::Rejected(_) => "rejected",
        ModelError::Unavailable(_) => "unavailable",
        ModelError::Late(_) => "late",
    };
    for (status, text, expect) in [
        (None, "Not logged in · Please run /login", "denied"),
        (Some(401), "Invalid API key · Fix external API key", "denied"),
        (Some(404), "There's an issue with the selected model (x).", "denied"),
        (Some(400), "Prompt is too long · the request is ~2 tokens", "too long"),
        (None, "Prompt is too long", "too long"),
        (Some(400), "tools.0: wrong", "rejected"),
        (Some(529), "API Error: 529 Overloaded.", "unavailable"),
        (Some(429), "API Error: Request rejected (429) · slow down", "unavailable"),
        (None, "Something else", "unavailable"),
    ] {
        let value = result(json!({"is_error": true, "api_error_status": status, "result": text}));
        let error = claude_says(&value).unwrap().unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(kind(error), expect, "{text}");
    }
    assert!(claude_says(&json!({"type": "other"})).is_none());
}

#[test]
fn claude_gets_no_tools_and_keeps_the_users_words() {
    let key = |name: &str| vec![(name.to_owned(), Secret::new("x"))];
    let request = request();
    let arguments = |line: &str, variables: &[(String, Secret)]| {
        let given = split_words(line).unwrap();
        claude::arguments(&given, variables, answer_tool(&request), Path::new("/s"))
            .into_iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
    };
    let all = arguments("", &key("ANTHROPIC_API_KEY"));
    for expect in ["--print", "--bare", "--strict-mcp-config", "--no-session-persistence"] {
        assert!(all.contains(&expect.to_owned()), "{all:?}");
    }
    assert_eq!(value_of(&all, "--tools"), Some(""));
    assert_eq!(value_of(&all, "--output-format"), Some("json"));
    let schema: Value = serde_json::from_str(value_of(&all, "--json-schema").unwrap()).unwrap();
    assert_eq!(schema, report_findings_tool().input_schema);
    let login = arguments("", &key("CLAUDE_CODE_OAUTH_TOKEN"));
    assert!(!login.contains(&"--bare".to_owned()) && login.contains(&"--safe-mode".to_owned()));
    let said = arguments("-p --output-format=stream-json --verbose", &key("ANTHROPIC_API_KEY"));
    assert!(!said.contains(&"--print".to_owned()) && value_of(&said, "--output-format").is_none());
    for (line, expect) in [
        ("--model sonnet --effort low", true),
        ("--tools Bash", false),
        ("--allowedTools=Read", false),
        ("--dangerously-skip-permissions", false),
        ("--mcp-config x.json", false),
        ("--settings {}", false),
    ] {
        assert_eq!(claude::check(&split_words(line).unwrap()).is_ok(), expect, "{line}");
    }
}

#[test]
fn the_whole_conversation_is_laid_out() {
    let mut request = request();
    let text = prompt::whole(&request, answer_tool(&request));
    assert!(text.starts_with("Review.\n\nThe request:\n\n/help @secret"), "{text}");
    assert!(text.contains("exactly one JSON object") && text.contains("\"findings\""), "{text}");
    assert!(prompt::conversation(&request).starts_with("The request"), "an order to the program");
    request.messages.push(Message {
        role: Role::Assistant,
        content: vec![
            Content::Opaque(json!({"type": "thinking"})),
            Content::ToolUse { id: "1".into(), name: "report_findings".into(), input: json!({}) },
        ],
    });
    request.messages.push(Message {
        role: Role::User,
        content: vec![Content::ToolResult { id: "1".into(), text: "No.".into(), is_error: true }],
    });
    let text = prompt::conversation(&request);
    for expect in ["--- From you ---\n\n[called report_findings] {}", "[failed] No."] {
        assert!(text.contains(expect), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_output_is_survived(text in r#"([{}\[\]",:\\a1 `é\n]|"summary"|"findings"|"result"|"usage"){0,60}"#) {
        let _ = read(&text);
        let request = request();
        let said = answer::Said { text: &text, request: &request, price: None };
        let _ = claude::read(&said, &|text| text.to_owned());
    }
}
