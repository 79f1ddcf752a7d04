//! Asks a model one tiny question, to see whether it answers at all and in the
//! form that it is asked for.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{
    Content, Message, Model, Request, Role, Stop, SystemBlock, Tool, ToolChoice, salvage,
};
use crate::redact::Scrubber;

/// Room for an answer of one word, and for thought before it.
const MOST_OUTPUT: u32 = 2_000;
/// Longest wait for it.
const LONGEST: Duration = Duration::from_secs(120);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Whether it answered in the form it was asked for.
    pub answers: bool,
    /// How long that took.
    pub seconds: f64,
    /// What is wrong, if anything is; one sentence.
    pub problem: Option<String>,
    /// Input tokens, by the provider's count.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// In US dollars, by its own word or the price list.
    pub cost_usd: f64,
}

impl Check {
    /// It cannot even be asked.
    pub fn unusable(problem: String) -> Self {
        Check {
            answers: false,
            seconds: 0.0,
            problem: Some(problem),
            input_tokens: 0,
            output_tokens: 0,
            cost_usd: 0.0,
        }
    }
}

/// Ask it.
pub async fn check(model: &dyn Model, most: Duration, scrubber: &Scrubber) -> Check {
    let request = question();
    let start = Instant::now();
    let limit = most.min(LONGEST);
    let asked = tokio::time::timeout(limit, model.ask(&request)).await;
    let seconds = (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    let failed =
        |problem: String| Check { seconds, ..Check::unusable(scrubber.sanitize_line(&problem)) };
    let reply = match asked {
        Err(_) => return failed(format!("no answer within {} s", limit.as_secs())),
        Ok(Err(error)) => return failed(error.to_string()),
        Ok(Ok(reply)) => reply,
    };
    let fits = |value: &Value| (value["ready"] == true).then_some(());
    let called = reply.content.iter().any(|content| {
        matches!(content, Content::ToolUse { name, input, .. }
            if name == ANSWER && fits(input).is_some())
    });
    let told = reply.content.iter().any(|content| {
        matches!(content, Content::Text { text, .. } if salvage::in_prose(text, fits).is_some())
    });
    let problem = match &reply.stop {
        _ if called || told => None,
        Stop::Refusal => Some("it declined to answer".to_owned()),
        Stop::MaxTokens => Some("its answer was cut".to_owned()),
        _ => Some("it answered, but not in the form it was asked for".to_owned()),
    };
    Check {
        answers: problem.is_none(),
        seconds,
        problem,
        input_tokens: reply.usage.input_tokens,
        output_tokens: reply.usage.output_tokens,
        cost_usd: reply.usage.cost_usd,
    }
}

const ANSWER: &str = "report_ready";

fn question() -> Request {
    Request {
        system: vec![SystemBlock {
            text: "This is a check that you can be reached. Nothing else is asked of you.".into(),
            cache: false,
        }],
        messages: vec![Message {
            role: Role::User,
            content: vec![Content::Text {
                text: format!("Call `{ANSWER}` with `ready` set to true. Do not think about it."),
                cache: false,
            }],
        }],
        tools: vec![Tool {
            name: ANSWER.to_owned(),
            description: "Report that you can be reached.".to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": { "ready": { "type": "boolean", "description": "Always true." } },
                "required": ["ready"],
                "additionalProperties": false,
            }),
        }],
        tool_choice: ToolChoice::Tool(ANSWER.to_owned()),
        max_tokens: MOST_OUTPUT,
    }
}
