//! What the fault tests share: two scenes, what is to be seen after a run, and a
//! pool that tries many cases side by side.

use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::anthropic::{Anthropic, answer, finding};
use crate::support::event::{self, Job};
use crate::support::github::GitHub;

const BASE_CODE: &str = "\
pub fn total(items: &[u32]) -> u32 {
    items.iter().sum()
}

pub fn one() -> u32 {
    1
}

pub fn two() -> u32 {
    2
}

pub fn name() -> &'static str {
    \"total\"
}
";

const WORKFLOW: &str = "\
name: ci
on: push
permissions: {}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: cargo test
";

/// Which run the faults hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The first on a pull request.
    First,
    /// The next, after a push that mends one finding and brings another.
    Push,
}

fn head_code() -> String {
    BASE_CODE
        .replace("    items.iter().sum()\n", "    let first = items[0];\n    first + items[1]\n")
        .replace("    \"total\"\n", "    let names = [\"total\"];\n    names[1]\n")
}

fn medium(mut finding: Value) -> Value {
    finding["severity"] = json!("medium");
    finding
}

fn first_answer() -> Value {
    let mut first =
        medium(finding("src/total.rs", 2, "    let first = items[0];", "Panics when empty"));
    first["replacement"] = json!("    let first = items.first().copied().unwrap_or(0);");
    // Longer than what a summary's state keeps of a finding.
    first["body"] = json!(format!("{}The end.", "An empty slice has no first item. ".repeat(30)));
    let second = medium(finding("src/total.rs", 3, "    first + items[1]", "Adds two items only"));
    let third = medium(finding("src/total.rs", 16, "    names[1]", "There is no second name"));
    json!([first, second, third])
}

fn push_answer() -> Value {
    json!([medium(finding("src/more.rs", 2, "    items.len() / 0", "Divides by zero"))])
}

/// A GitHub before a run. What the base says (`ignore`, guidelines) changes the
/// result, so that a base that was not read is seen.
pub fn scene(phase: Phase) -> GitHub {
    let github = GitHub::start();
    github.trust_answers();
    github.pull(7, |pull| {
        pull.base(".pipewright.toml", "ignore = [\"gen/\"]\n")
            .base("REVIEW.md", "Be brief.\n")
            .base("src/total.rs", BASE_CODE)
            .base(".github/workflows/ci.yml", WORKFLOW)
            .head("src/total.rs", head_code())
            .head(".github/workflows/ci.yml", format!("{WORKFLOW}      - uses: acme/lint@v1\n"))
            .head("gen/out.rs", "<<<<<<< ours\nfn a() {}\n=======\nfn b() {}\n>>>>>>> theirs\n");
    });
    if phase == Phase::Push {
        let ran = run(&github, &answering(Phase::First));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        github.push(7, |pull| {
            pull.head("src/total.rs", head_code().replace("    names[1]\n", "    names[0]\n"))
                .head(
                    "src/more.rs",
                    "pub fn more(items: &[u32]) -> usize {\n    items.len() / 0\n}\n",
                );
        });
        github.forget_requests();
    }
    github
}

/// A model that answers as it would in that phase, whenever it is asked.
pub fn answering(phase: Phase) -> Anthropic {
    let model = Anthropic::start();
    answer_always(&model, phase);
    model
}

/// From here on, answer.
pub fn answer_always(model: &Anthropic, phase: Phase) {
    let findings = match phase {
        Phase::First => first_answer(),
        Phase::Push => push_answer(),
    };
    model.always("", answer(findings));
}

/// A run's end.
pub struct Ran {
    pub code: i32,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Whether a person who looks at the job learns that something went wrong.
    pub fn told(&self) -> bool {
        let marked = |line: &str| line.starts_with("::error") || line.starts_with("::warning");
        self.code > 1 || self.stderr.lines().any(marked)
    }
}

/// The job, as a runner starts it.
pub fn job(github: &GitHub, model: &Anthropic) -> Job {
    let event = event::pull_request(github, 7, "synchronize");
    Job::new(github, "pull_request", &event)
        .set("ANTHROPIC_API_KEY", "sk-test-key-0123456789")
        .set("ANTHROPIC_BASE_URL", model.url())
}

/// Run it to its end.
pub fn run(github: &GitHub, model: &Anthropic) -> Ran {
    job(github, model).command().output().expect("the binary starts").into()
}

/// What is to be seen on the pull request, without the host's numbers and
/// without what a run cost; and what the next run will know.
pub fn seen(github: &GitHub) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let mut all: Vec<String> = Vec::new();
    all.extend(github.review_comments(7).iter().map(|c| {
        let place = [&c["path"], &c["side"], &c["start_line"], &c["line"]];
        let place: Vec<String> = place.iter().map(|v| v.to_string()).collect();
        format!("remark {}: {}", place.join(" "), text(&c["body"]))
    }));
    all.extend(github.threads().iter().map(|t| format!("thread resolved: {}", t["isResolved"])));
    all.extend(github.comments(7).iter().map(|c| {
        let body = text(&c["body"]);
        let shown: Vec<&str> = body
            .lines()
            .filter(|line| !line.starts_with("<!-- pipewright:state"))
            .filter(|line| !line.starts_with("<sub>Pipewright"))
            .collect();
        format!("summary: {} {}", shown.join("\n"), state(&body))
    }));
    all.extend(github.checks().iter().map(|c| {
        let marks = [&c["head_sha"], &c["status"], &c["conclusion"], &c["external_id"]];
        let marks: Vec<String> = marks.iter().map(|v| v.to_string()).collect();
        // What an earlier run left comes first.
        let mut notes: Vec<String> =
            c["annotations"].as_array().into_iter().flatten().map(Value::to_string).collect();
        notes.sort();
        format!("check {}: {} {}", marks.join(" "), c["output"]["summary"], notes.join("\n"))
    }));
    all.sort();
    all
}

/// The state in a summary's second line, without texts.
fn state(body: &str) -> Value {
    let payload = body.lines().nth(1).and_then(|line| line.split(' ').nth(3)).unwrap_or("");
    let bytes = base64::engine::general_purpose::STANDARD.decode(payload).unwrap_or_default();
    let mut state: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    for known in state["findings"].as_array_mut().into_iter().flatten() {
        *known = json!([known["id"], known["i"]]);
    }
    json!([state["head"], state["done"], state["read"], state["findings"], state["dismissed"]])
}

/// Panics where something stands twice.
pub fn assert_no_duplicate(github: &GitHub, what: &str) {
    let bodies = |list: Vec<Value>| -> Vec<String> {
        list.iter().map(|one| one["body"].as_str().unwrap_or("").to_owned()).collect()
    };
    let ids: Vec<String> = bodies(github.review_comments(7))
        .iter()
        .filter_map(|body| body.lines().last().map(str::to_owned))
        .collect();
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "{what}: a remark stands twice: {ids:#?}");
    assert!(github.comments(7).len() <= 1, "{what}: two summaries");
    let mut heads: Vec<Value> = github.checks().iter().map(|c| c["head_sha"].clone()).collect();
    let all = heads.len();
    heads.dedup();
    assert_eq!(heads.len(), all, "{what}: two checks on a head");
}

/// What was written so far: calls that change something.
pub fn writes(github: &GitHub) -> Vec<String> {
    let changes = github.requests().into_iter().zip(github.calls()).filter(|(request, _)| {
        let query = request.path().ends_with("/graphql")
            && !String::from_utf8_lossy(&request.body).contains("mutation");
        request.method != "GET" && !query
    });
    changes.map(|(_, call)| call).collect()
}

/// Try all cases, several side by side: most of their time is waiting. Panics
/// with all that went wrong.
pub fn all<C: Sync>(cases: &[C], check: impl Fn(&C) -> Result<(), String> + Sync) {
    side_by_side(12, cases, check);
}

/// The same, so many at a time.
pub fn side_by_side<C: Sync>(
    many: usize,
    cases: &[C],
    check: impl Fn(&C) -> Result<(), String> + Sync,
) {
    let next = AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..many.min(cases.len()) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = check(case) {
                        wrong.lock().expect("no check panics while it holds this").push(why);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no check panics while it holds this");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Where two lists of lines differ.
pub fn difference(is: &[String], expect: &[String]) -> String {
    let (is, expect) = (is.join("\n"), expect.join("\n"));
    let diff = similar::TextDiff::from_lines(&expect, &is);
    diff.unified_diff().context_radius(1).to_string()
}
