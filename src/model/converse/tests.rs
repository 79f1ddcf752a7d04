//! Conversations with a scripted model.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::super::budget::Caps;
use super::super::findings::{Answer, REPORT_FINDINGS, parse_findings, report_findings_tool};
use super::super::price::{Price, price};
use super::super::{Limits, SystemBlock, Tool};
use super::*;

/// Answers in turn and keeps what it was asked.
#[derive(Default)]
struct Scripted {
    replies: Mutex<VecDeque<Result<Reply, ModelError>>>,
    asked: Mutex<Vec<Request>>,
    slow: Option<Duration>,
}

impl Scripted {
    fn new(replies: impl IntoIterator<Item = Result<Reply, ModelError>>) -> Self {
        Scripted { replies: Mutex::new(replies.into_iter().collect()), ..Scripted::default() }
    }

    fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    /// All that the user said in the `index`th request.
    fn said(&self, index: usize) -> String {
        let request = &self.asked()[index];
        let texts = request.messages.iter().filter(|message| message.role == Role::User);
        let texts = texts.flat_map(|message| &message.content).map(|content| match content {
            Content::Text { text, .. } | Content::ToolResult { text, .. } => text.clone(),
            _ => String::new(),
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

#[async_trait]
impl Model for Scripted {
    fn name(&self) -> String {
        "scripted".to_owned()
    }

    fn limits(&self) -> Limits {
        Limits { context: 200_000, output: 12_000 }
    }

    fn price(&self) -> Option<Price> {
        price("claude-sonnet-5-5")
    }

    async fn ask(&self, request: &Request) -> Result<Reply, ModelError> {
        self.asked.lock().unwrap().push(request.clone());
        if let Some(slow) = self.slow {
            tokio::time::sleep(slow).await;
        }
        let next = self.replies.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Err(ModelError::Unavailable(anyhow::anyhow!("no more replies"))))
    }
}

/// Says which tool was called with what.
struct Echo;

#[async_trait]
impl ToolHost for Echo {
    async fn call(&self, name: &str, input: &Value) -> ToolOutcome {
        // The later calls finish first.
        let wait = 12 - 4 * input["n"].as_u64().unwrap_or(0).min(3);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        ToolOutcome { text: format!("{name} {input}"), is_error: false }
    }
}

fn reply(content: Vec<Content>, stop: Stop) -> Result<Reply, ModelError> {
    let usage = Usage {
        requests: 1,
        input_tokens: 100,
        cached_tokens: 0,
        output_tokens: 50,
        cost_usd: 0.001,
    };
    Ok(Reply { content, stop, usage })
}

fn call(name: &str, input: Value) -> Content {
    Content::ToolUse { id: format!("id-{input}"), name: name.to_owned(), input }
}

fn text(text: &str) -> Content {
    Content::Text { text: text.to_owned(), cache: false }
}

fn finding(title: &str) -> Value {
    json!({"path": "a.rs", "line": 3, "quote": "x", "severity": "high", "category": "correctness",
           "confidence": 0.9, "title": title, "body": "b"})
}

fn report(titles: &[&str]) -> Value {
    let findings: Vec<Value> = titles.iter().map(|title| finding(title)).collect();
    json!({"summary": "s", "findings": findings})
}

fn answer(titles: &[&str]) -> Result<Reply, ModelError> {
    reply(vec![call(REPORT_FINDINGS, report(titles))], Stop::ToolUse)
}

/// An answer that breaks off in its last finding.
fn cut(titles: &[&str]) -> Result<Reply, ModelError> {
    let mut json = report(titles).to_string();
    json.truncate(json.len() - 20);
    reply(vec![call(REPORT_FINDINGS, Value::String(json))], Stop::MaxTokens)
}

fn titles(outcome: &Outcome<Answer>) -> Vec<&str> {
    let answers = outcome.answers.iter().flat_map(|answer| &answer.findings);
    answers.map(|finding| finding.title.as_str()).collect()
}

fn request() -> Request {
    Request {
        system: vec![SystemBlock { text: "Review.".into(), cache: true }],
        messages: vec![Message { role: Role::User, content: vec![text("The change.")] }],
        tools: vec![
            Tool {
                name: "read_file".to_owned(),
                description: "Read.".to_owned(),
                input_schema: json!({"type": "object"}),
            },
            report_findings_tool(),
        ],
        tool_choice: ToolChoice::Auto,
        max_tokens: 8_000,
    }
}

async fn talk(model: &Scripted) -> Outcome<Answer> {
    talk_within(model, &Budget::new(Caps::default())).await
}

async fn talk_within(model: &Scripted, budget: &Budget) -> Outcome<Answer> {
    let excerpt =
        |bad: &str| if bad.contains("a.rs") { "EXCERPT of a.rs".to_owned() } else { String::new() };
    let conversation = Conversation {
        request: request(),
        answer_tool: REPORT_FINDINGS,
        tools: &Echo,
        budget,
        share: 1.0,
        time_share: 1.0,
        cached_bytes: 0,
        other_answers: &[],
        max_turns: 3,
        validate: &parse_findings,
        excerpt: &excerpt,
    };
    sendable(converse(model, conversation)).await
}

/// Conversations run side by side as tasks.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::test]
async fn an_answer_at_once_ends_it() {
    let model = Scripted::new([answer(&["one", "two"])]);
    let outcome = talk(&model).await;
    assert_eq!((titles(&outcome), &outcome.end), (vec!["one", "two"], &End::Answered));
    assert_eq!((outcome.turns, outcome.usage.requests, outcome.repaired), (1, 1, false));
    assert_eq!(model.asked(), [request()]);
}

#[tokio::test]
async fn calls_are_carried_out_side_by_side_and_answered_in_order() {
    let thinking = Content::Opaque(json!({"type": "thinking", "thinking": "", "signature": "s"}));
    let calls =
        vec![thinking, call("read_file", json!({"n": 1})), call("nothing", json!({"n": 2}))];
    let model = Scripted::new([reply(calls.clone(), Stop::ToolUse), answer(&["one"])]);
    let outcome = talk(&model).await;
    assert_eq!((outcome.tool_calls, outcome.turns, &outcome.end), (2, 2, &End::Answered));
    let second = &model.asked()[1];
    assert_eq!(second.messages[1], Message { role: Role::Assistant, content: calls });
    let results: Vec<_> = second.messages[2]
        .content
        .iter()
        .map(|content| match content {
            Content::ToolResult { id, text, is_error: false } => format!("{id} {text}"),
            other => panic!("{other:?}"),
        })
        .collect();
    let expect = [r#"id-{"n":1} read_file {"n":1}"#, r#"id-{"n":2} nothing {"n":2}"#];
    assert_eq!(results, expect);
}

#[tokio::test]
async fn the_last_turn_demands_the_answer() {
    let read = || reply(vec![call("read_file", json!({}))], Stop::ToolUse);
    let model = Scripted::new([read(), read(), answer(&["one"])]);
    let outcome = talk(&model).await;
    assert_eq!((titles(&outcome), &outcome.end), (vec!["one"], &End::Answered));
    let asked = model.asked();
    assert_eq!(asked[1].tool_choice, ToolChoice::Auto);
    assert_eq!(asked[2].tool_choice, ToolChoice::Tool(REPORT_FINDINGS.to_owned()));
    assert!(model.said(2).contains("No further look-ups"));
    // The tools stay, so that the cached prefix holds.
    assert_eq!(asked[2].tools, asked[0].tools);
}

#[tokio::test]
async fn a_model_that_never_answers_is_given_up() {
    let read = || reply(vec![call("read_file", json!({}))], Stop::ToolUse);
    let model = Scripted::new((0..20).map(|_| read()));
    let outcome = talk(&model).await;
    assert!(matches!(outcome.end, End::Malformed(_)), "{:?}", outcome.end);
    assert_eq!((outcome.turns, outcome.tool_calls), (4, 2));
    let paused = Scripted::new((0..20).map(|_| reply(vec![text("wait")], Stop::Pause)));
    let outcome = talk(&paused).await;
    assert!(matches!(outcome.end, End::Malformed(_)), "{:?}", outcome.end);
    assert!(outcome.turns < 10);
}

#[tokio::test]
async fn an_answer_beside_other_calls_is_the_answer() {
    let both = vec![call("read_file", json!({})), call(REPORT_FINDINGS, report(&["one"]))];
    let outcome = talk(&Scripted::new([reply(both, Stop::ToolUse)])).await;
    assert_eq!(
        (titles(&outcome), outcome.tool_calls, outcome.end.clone()),
        (vec!["one"], 0, End::Answered)
    );
    let two =
        vec![call(REPORT_FINDINGS, report(&["one"])), call(REPORT_FINDINGS, report(&["two"]))];
    let outcome = talk(&Scripted::new([reply(two, Stop::ToolUse)])).await;
    assert_eq!(titles(&outcome), ["one", "two"]);
}

#[tokio::test]
async fn json_in_prose_is_an_answer() {
    let prose = format!("Here you go:\n```json\n{}\n```", report(&["one"]));
    let outcome = talk(&Scripted::new([reply(vec![text(&prose)], Stop::EndTurn)])).await;
    assert_eq!(
        (titles(&outcome), outcome.end.clone(), outcome.turns),
        (vec!["one"], End::Answered, 1)
    );
}

#[tokio::test]
async fn a_bad_answer_is_repaired_once_by_a_compact_request() {
    let prose = "In a.rs line 3 something is wrong.";
    let model = Scripted::new([reply(vec![text(prose)], Stop::EndTurn), answer(&["one"])]);
    let outcome = talk(&model).await;
    assert_eq!((titles(&outcome), &outcome.end), (vec!["one"], &End::Answered));
    assert!(outcome.repaired);
    let repair = &model.asked()[1];
    assert_eq!(repair.messages.len(), 1);
    assert_eq!(repair.tools.len(), 1);
    assert_eq!(repair.tool_choice, ToolChoice::Tool(REPORT_FINDINGS.to_owned()));
    let said = model.said(1);
    assert!(said.contains(prose) && said.contains("EXCERPT") && !said.contains("The change."));

    let misfit = || {
        reply(vec![call(REPORT_FINDINGS, json!({"findings": [{"file": "a.rs"}]}))], Stop::ToolUse)
    };
    let model = Scripted::new([misfit(), misfit(), answer(&["never"])]);
    let outcome = talk(&model).await;
    assert_eq!(outcome.end, End::Malformed("in each finding, `title` is missing".to_owned()));
    assert_eq!((outcome.turns, titles(&outcome).len()), (2, 0));
    assert!(model.said(1).contains("`title` is missing"));
}

#[tokio::test]
async fn a_bad_answer_that_names_nothing_is_repaired_in_place() {
    let misfit = reply(vec![call(REPORT_FINDINGS, json!({"findings": 7}))], Stop::ToolUse);
    let model = Scripted::new([misfit, answer(&["one"])]);
    let outcome = talk(&model).await;
    assert_eq!((titles(&outcome), &outcome.end), (vec!["one"], &End::Answered));
    let second = &model.asked()[1];
    assert_eq!(second.messages.len(), 3);
    assert!(matches!(second.messages[2].content[0], Content::ToolResult { is_error: true, .. }));
    assert!(model.said(1).contains("The change.") && model.said(1).contains("not a list"));
    // Nothing at all.
    let model = Scripted::new([reply(vec![], Stop::EndTurn), answer(&["one"])]);
    let outcome = talk(&model).await;
    assert_eq!((titles(&outcome), model.asked()[1].messages.len()), (vec!["one"], 1));
}

#[tokio::test]
async fn a_cut_answer_is_salvaged_and_continued() {
    let model = Scripted::new([cut(&["one", "two", "three"]), answer(&["three", "four"])]);
    let outcome = talk(&model).await;
    assert_eq!(
        (titles(&outcome), &outcome.end),
        (vec!["one", "two", "three", "four"], &End::Answered)
    );
    let said = model.said(1);
    assert!(said.contains("- a.rs:3 one\n- a.rs:3 two\n"), "{said}");
    assert!(!said.contains("three"));
    let second = &model.asked()[1];
    assert_eq!(second.max_tokens, 12_000, "twice as much, up to the model's limit");
    assert!(second.messages.iter().all(|message| message.role == Role::User));
}

#[tokio::test]
async fn an_answer_cut_twice_is_to_be_split() {
    let model = Scripted::new([cut(&["one", "x"]), cut(&["two", "x"]), answer(&["never"])]);
    let outcome = talk(&model).await;
    assert_eq!(
        (titles(&outcome), outcome.end.clone(), outcome.turns),
        (vec!["one", "two"], End::Split, 2)
    );
    let full = reply(vec![call(REPORT_FINDINGS, report(&["one"]))], Stop::ContextOverflow);
    let outcome = talk(&Scripted::new([full])).await;
    assert_eq!((titles(&outcome), outcome.end.clone()), (vec!["one"], End::Split));
    // Thinking took it all.
    let model = Scripted::new([reply(vec![], Stop::MaxTokens), answer(&["one"])]);
    assert_eq!(talk(&model).await.end, End::Answered);
    assert!(model.said(1).contains("Think less"));
}

#[tokio::test]
async fn a_paused_turn_goes_on() {
    let model = Scripted::new([reply(vec![text("…")], Stop::Pause), answer(&["one"])]);
    let outcome = talk(&model).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(model.asked()[1].messages.len(), 2);
}

#[tokio::test]
async fn what_ends_it_is_said() {
    let check = async |first: Result<Reply, ModelError>, expect: End| {
        assert_eq!(talk(&Scripted::new([first])).await.end, expect);
    };
    let why = || anyhow::anyhow!("why");
    check(reply(vec![], Stop::Refusal), End::Refused).await;
    check(Err(ModelError::Denied(why())), End::Denied("why".into())).await;
    check(Err(ModelError::TooLong(why())), End::TooLong).await;
    check(Err(ModelError::Rejected(why())), End::Rejected("why".into())).await;
    check(Err(ModelError::Unavailable(why())), End::Unavailable("why".into())).await;
}

#[tokio::test]
async fn caps_end_it_and_keep_what_there_is() {
    let poor = Budget::new(Caps { max_cost_usd: Some(0.0), ..Caps::default() });
    let model = Scripted::new([answer(&["one"])]);
    assert_eq!(talk_within(&model, &poor).await.end, End::CapReached(Cap::Cost));
    assert!(model.asked().is_empty());

    let little = Budget::new(Caps { max_tokens: Some(4_000), ..Caps::default() });
    let model = Scripted::new([cut(&["one", "x"]), answer(&["two"])]);
    let outcome = talk_within(&model, &little).await;
    assert_eq!((titles(&outcome), &outcome.end), (vec!["one", "two"], &End::Answered));
    assert!(model.asked()[0].max_tokens < 4_000);

    let deadline = Some(Instant::now() + Duration::from_millis(20));
    let hurried = Budget::new(Caps { deadline, ..Caps::default() });
    let model =
        Scripted { slow: Some(Duration::from_secs(5)), ..Scripted::new([answer(&["one"])]) };
    let outcome = talk_within(&model, &hurried).await;
    assert_eq!(outcome.end, End::CapReached(Cap::Time));
    assert!(hurried.spent().cost_usd > 0.0, "what was sent is counted");
}

#[tokio::test]
async fn several_conversations_share_one_cap() {
    let budget = Budget::new(Caps { max_tokens: Some(20_000), ..Caps::default() });
    let models: Vec<_> = (0..200).map(|_| Scripted::new([answer(&["one"])])).collect();
    let outcomes = join_all(models.iter().map(|model| talk_within(model, &budget))).await;
    let answered = outcomes.iter().filter(|outcome| outcome.end == End::Answered).count();
    let capped = outcomes.iter().filter(|o| o.end == End::CapReached(Cap::Tokens)).count();
    assert_eq!(answered + capped, 200);
    assert!(capped > 0);
    let spent = budget.spent();
    assert!(spent.input_tokens + spent.output_tokens <= 20_000);
}
