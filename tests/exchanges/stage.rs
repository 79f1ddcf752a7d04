//! The stage: a pull request, people, and a job for each comment.

use serde_json::{Value, json};

use crate::support::anthropic::{Anthropic, calls};
use crate::support::event::{self, Job};
use crate::support::github::GitHub;

pub const BASE: &str = "fn total(items: &[u32]) -> u32 {\n    items.iter().sum()\n}\n";
pub const HEAD: &str = "fn total(items: &[u32]) -> u32 {\n    let first = items[0];\n    first + items.iter().sum::<u32>()\n}\n\nfn mean(items: &[u32]) -> u32 {\n    total(items) / items.len() as u32\n}\n";
pub const DIVISION: &str = "    total(items) / items.len() as u32";

/// bob may push, tim triages, eve reads; alice opened the change.
pub fn world() -> GitHub {
    let github = GitHub::start();
    github
        .permission("alice", "write", "write")
        .permission("bob", "write", "write")
        .permission("tim", "read", "triage")
        .permission("eve", "read", "read");
    github.pull(7, |pull| {
        pull.base("src/total.rs", BASE).head("src/total.rs", HEAD);
    });
    github
}

pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn finished(output: std::process::Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub fn job(github: &GitHub, model: Option<&Anthropic>, name: &str, event: &Value) -> Job {
    let job = Job::new(github, name, event).set("PIPEWRIGHT_FORMAT", "markdown");
    match model {
        Some(model) => job
            .set("ANTHROPIC_API_KEY", "sk-test-key-0123456789")
            .set("ANTHROPIC_BASE_URL", model.url()),
        None => job,
    }
}

pub fn run(github: &GitHub, model: Option<&Anthropic>, name: &str, event: &Value) -> Ran {
    finished(job(github, model, name, event).command().output().expect("the binary starts"))
}

/// Somebody writes a comment in the conversation, and the job it sets off runs.
pub fn says(github: &GitHub, model: Option<&Anthropic>, login: &str, body: &str) -> Ran {
    let event = event::issue_comment(github, 7, login, body);
    run(github, model, "issue_comment", &event)
}

/// The same for a comment on a line that is there already.
pub fn on_line(github: &GitHub, model: Option<&Anthropic>, comment: u64) -> Ran {
    let event = event::line_comment(github, 7, comment);
    run(github, model, "pull_request_review_comment", &event)
}

pub fn answering(text: &str, quotes: Value) -> crate::support::anthropic::Act {
    calls([("answer", json!({"text": text, "quotes": quotes}))])
}

pub fn division() -> Value {
    json!([{"path": "src/total.rs", "line": 99, "quote": DIVISION}])
}

/// What our account wrote, in the conversation and on lines.
pub fn ours(github: &GitHub) -> Vec<Value> {
    let login = github.state().login.clone();
    let mut all = github.comments(7);
    all.extend(github.review_comments(7));
    all.retain(|comment| comment["user"]["login"] == login.as_str());
    all
}

pub fn bodies(github: &GitHub) -> Vec<String> {
    ours(github).iter().map(|c| c["body"].as_str().unwrap_or("").to_owned()).collect()
}

/// Writes, reactions left aside.
pub fn writes(github: &GitHub) -> Vec<String> {
    let calls = github.calls().into_iter();
    calls
        .filter(|call| !call.starts_with("GET") && !call.contains("graphql"))
        .filter(|call| !call.ends_with("/reactions"))
        .collect()
}

/// The text without what differs from run to run.
pub fn steady(github: &GitHub, text: &str) -> String {
    let pull = github.state().pulls[&7].clone();
    let text = text.replace(&pull.head, "HEAD").replace(&pull.base, "BASE");
    let ids = regex::Regex::new(r"50000000\d\d").unwrap();
    let text = ids.replace_all(&text, "ID").into_owned();
    let cost = regex::Regex::new(r"\$0\.\d+").unwrap();
    cost.replace_all(&text, "$$COST").into_owned()
}

pub fn description() -> crate::support::anthropic::Act {
    calls([(
        "describe_change",
        json!({
            "title": "Add a mean over totals",
            "summary": "Adds `mean` and counts the first item twice in `total`.",
            "walkthrough": [
                {"path": "src/total.rs", "what": "Adds `mean` | changes `total`."},
                {"path": "src/invented.rs", "what": "Nothing."},
            ],
            "risk": "An empty list panics; whoever calls `mean` should look.",
            "test_notes": "No test covers it.",
        }),
    )])
}
