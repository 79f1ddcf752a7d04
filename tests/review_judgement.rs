//! What a review makes of what the model says, black box: the lenses that look
//! at a change, the second look that refutes, agreement, rank and the rest.

mod support;

use serde_json::{Value, json};

use support::anthropic::{Act, Anthropic, Logged, answer, failure, finding, verdict};
use support::event::{self, Job};
use support::github::GitHub;

/// More changed lines than one pass takes: locks, errors and an export.
fn large() -> String {
    let mut text = String::from("package pool\n\nimport \"sync\"\n\nvar mu sync.Mutex\n");
    for n in 0..30 {
        text.push_str(&format!(
            "\nfunc Put{n}(v int) error {{\n\tmu.Lock()\n\treturn store({n}, v)\n}}\n"
        ));
    }
    text
}

fn world(content: &str) -> GitHub {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.base("go.mod", "module pool\n").head("go.mod", "module pool\n");
        pull.head("pool.go", content);
    });
    github
}

struct Ran {
    code: i32,
    report: Value,
    stderr: String,
}

fn run(github: &GitHub, model: &Anthropic, more: &[(&str, &str)]) -> Ran {
    let event = event::pull_request(github, 7, "opened");
    let mut job = Job::new(github, "pull_request", &event)
        .set("ANTHROPIC_API_KEY", "sk-test-key-0123456789")
        .set("ANTHROPIC_BASE_URL", model.url());
    for (name, value) in more {
        job = job.set(name, value);
    }
    let output = job.command().output().expect("the binary starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ran {
        code: output.status.code().unwrap_or(-1),
        report: serde_json::from_slice(&output.stdout).unwrap_or_else(|why| {
            panic!("standard output is no report: {why}\n{stderr}");
        }),
        stderr,
    }
}

fn titles(report: &Value, list: &str) -> Vec<String> {
    let list = report[list].as_array().cloned().unwrap_or_default();
    list.iter().map(|one| one["title"].as_str().unwrap_or_default().to_owned()).collect()
}

fn reasons(report: &Value) -> Vec<String> {
    let list = report["dropped"].as_array().cloned().unwrap_or_default();
    list.iter().map(|one| one["reason"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What a request says last.
fn task(request: &Logged) -> String {
    let content = request.body["messages"][0]["content"].as_array().cloned().unwrap_or_default();
    content.last().and_then(|last| last["text"].as_str()).unwrap_or_default().to_owned()
}

fn locked(n: usize, title: &str) -> Value {
    let mut finding = finding("pool.go", 0, &format!("func Put{n}(v int) error {{"), title);
    finding["line"] = json!(5 + n * 5 + 2);
    finding
}

const NONE: [Value; 0] = [];

#[test]
fn a_large_part_is_looked_at_through_the_lenses_it_calls_for() {
    let github = world(&large());
    let model = Anthropic::start();
    model.always("", answer(json!(NONE)));
    let ran = run(&github, &model, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let requests = model.requests();
    let looks_for = |what: &str| requests.iter().filter(|one| task(one).contains(what)).count();
    assert_eq!(looks_for("Look for behaviour that is wrong"), 1);
    assert_eq!(looks_for("Look only at what runs side by side"), 1, "it takes locks");
    assert_eq!(looks_for("Look only at what happens when something fails"), 1);
    assert_eq!(looks_for("Look only at what others rely on"), 1, "it exports functions");
    assert_eq!(looks_for("Look only at pipelines"), 0, "there is no pipeline");
    assert_eq!(looks_for("Look only for what someone could exploit"), 0);
    assert!(ran.report["summary"].as_str().is_some_and(|said| said.contains("A change.")));
}

#[test]
fn requests_about_a_part_differ_only_in_their_last_words() {
    let github = world(&large());
    let model = Anthropic::start();
    model.on("Look for behaviour", answer(json!([locked(3, "Never unlocks")])));
    model.always("", answer(json!(NONE)));
    run(&github, &model, &[]);
    let ground = |request: &Logged| {
        let mut body = request.body.clone();
        body["max_tokens"] = Value::Null;
        let content = body["messages"][0]["content"].as_array_mut().expect("content");
        assert_eq!(content[0]["cache_control"]["type"], "ephemeral");
        content.truncate(1);
        body.to_string()
    };
    let (requests, judged) = (model.requests(), model.judged());
    assert!(requests.len() == 3 && judged.len() == 1, "{}", requests.len());
    let first = ground(&requests[0]);
    assert!(requests.iter().chain(&judged).all(|request| ground(request) == first));
    assert!(judged.iter().all(|request| task(request).contains("Never unlocks")));
}

#[test]
fn a_small_change_is_looked_at_once() {
    let github = world("package pool\n\nfunc Put(v int) error {\n\tmu.Lock()\n\treturn nil\n}\n");
    let model = Anthropic::start();
    model.answer(json!(NONE));
    run(&github, &model, &[]);
    let requests = model.requests();
    assert_eq!(requests.len(), 1);
    assert!(task(&requests[0]).contains("races, deadlocks"), "{}", task(&requests[0]));
}

#[test]
fn a_refuted_finding_is_not_published() {
    let github = world(&large());
    let model = Anthropic::start();
    model.on("Look for", answer(json!([locked(3, "Never unlocks"), locked(9, "Overflows")])));
    model.always("", answer(json!(NONE)));
    model.judge("Overflows", verdict("refuted", 0.05));
    let ran = run(&github, &model, &[]);
    assert_eq!(titles(&ran.report, "findings"), ["Never unlocks"]);
    assert_eq!(reasons(&ran.report), ["refuted"]);
    assert_eq!(github.review_comments(7).len(), 1);
    assert!(!github.review_comments(7)[0].to_string().contains("Overflows"));
    assert!(!github.comments(7)[0].to_string().contains("Overflows"));
}

#[test]
fn the_second_look_sees_the_finding_and_the_code_and_not_the_first_opinion_of_it() {
    let github = world(&large());
    let model = Anthropic::start();
    model.on("Look for", answer(json!([locked(3, "Never unlocks"), locked(9, "Overflows")])));
    model.always("", answer(json!(NONE)));
    run(&github, &model, &[]);
    let judged = model.judged();
    assert_eq!(judged.len(), 2);
    for request in &judged {
        let task = task(request);
        assert!(!(task.contains("Never unlocks") && task.contains("Overflows")), "one at a time");
        assert!(!task.contains("0.9") && !task.contains("high"), "no verdict of the first: {task}");
    }
}

#[test]
fn where_no_second_look_can_be_had_the_finding_stays_and_that_is_said() {
    let github = world(&large());
    for act in [failure(529, &[("retry-after", "0")]), answer(json!(NONE))] {
        let model = Anthropic::start();
        model.on("Look for", answer(json!([locked(3, "Never unlocks")])));
        model.always("", answer(json!(NONE)));
        for _ in 0..10 {
            model.judge("", act.clone());
        }
        let ran = run(&github, &model, &[("PIPEWRIGHT_AUTONOMY", "observe")]);
        assert_eq!(titles(&ran.report, "findings"), ["Never unlocks"], "{}", ran.stderr);
        let notes = ran.report["notes"].to_string();
        assert!(notes.contains("One finding had no second look"), "{notes}");
    }
}

#[test]
fn what_the_second_look_leaves_open_counts_for_less() {
    let github = world(&large());
    let model = Anthropic::start();
    model.on("Look for", answer(json!([locked(3, "Never unlocks"), locked(9, "Overflows")])));
    model.always("", answer(json!(NONE)));
    for _ in 0..4 {
        model.judge("Overflows", verdict("unsure", 0.4));
    }
    let ran = run(&github, &model, &[("PIPEWRIGHT_MIN_CONFIDENCE", "0.7")]);
    assert_eq!(titles(&ran.report, "findings"), ["Never unlocks"]);
    assert_eq!(reasons(&ran.report), ["low-confidence"]);
    let summary = github.comments(7)[0].to_string();
    assert!(summary.contains("Overflows"), "it is in the folded list: {summary}");
}

#[test]
fn lenses_that_agree_make_one_surer_finding() {
    let github = world(&large());
    let model = Anthropic::start();
    let mut again = locked(3, "The lock is never given back, so callers hang");
    again["confidence"] = json!(0.6);
    model.on("Look only at what runs side by side", answer(json!([again])));
    let mut first = locked(3, "Lock is never given back");
    first["confidence"] = json!(0.6);
    model.on("Look for behaviour", answer(json!([first])));
    model.always("", answer(json!(NONE)));
    model.judge("", verdict("holds", 0.9));
    let ran = run(&github, &model, &[]);
    assert_eq!(ran.report["findings"].as_array().map(Vec::len), Some(1));
    assert_eq!(reasons(&ran.report), ["duplicate"]);
    assert_eq!(model.judged().len(), 1);
    let confidence = ran.report["findings"][0]["confidence"].as_f64().unwrap_or_default();
    assert!((confidence - (0.76 + 0.9) / 2.0).abs() < 1e-9, "{confidence}");
}

#[test]
fn findings_are_ranked_by_severity_times_confidence_and_the_rest_is_folded() {
    let github = world(&large());
    let model = Anthropic::start();
    let ranked = |n: usize, title: &str, severity: &str, confidence: f64| {
        let mut finding = locked(n, title);
        finding["severity"] = json!(severity);
        finding["confidence"] = json!(confidence);
        finding["category"] = json!("correctness");
        finding
    };
    let found = [
        ranked(1, "Medium doubt", "medium", 0.5),
        ranked(6, "High doubt", "high", 0.5),
        ranked(11, "Medium sure", "medium", 1.0),
        ranked(16, "High sure", "high", 1.0),
    ];
    model.on("Look for behaviour", answer(json!(found)));
    model.always("", answer(json!(NONE)));
    for (needle, probability) in
        [("Medium doubt", 0.5), ("High doubt", 0.5), ("Medium sure", 1.0), ("High sure", 1.0)]
    {
        model.judge(needle, verdict("holds", probability));
    }
    let ran = run(&github, &model, &[("PIPEWRIGHT_MAX_FINDINGS", "3")]);
    assert_eq!(titles(&ran.report, "findings"), ["High sure", "High doubt", "Medium sure"]);
    assert_eq!(titles(&ran.report, "dropped"), ["Medium doubt"]);
    assert!(github.comments(7)[0].to_string().contains("Medium doubt"));
}

#[test]
fn the_failing_case_is_part_of_the_comment() {
    let github = world("package pool\n\nfunc Mean(v []int) int {\n\treturn sum(v) / len(v)\n}\n");
    let model = Anthropic::start();
    let mut division = finding("pool.go", 4, "\treturn sum(v) / len(v)", "Divides by zero");
    division["fails_when"] = json!("Mean(nil) panics with an integer division by zero.");
    model.answer(json!([division]));
    let ran = run(&github, &model, &[]);
    let body = ran.report["findings"][0]["body"].as_str().unwrap_or_default();
    assert!(body.contains("**Fails when:** Mean(nil) panics"), "{body}");
    assert!(github.review_comments(7)[0].to_string().contains("Mean(nil) panics"));
}

#[test]
fn a_part_that_one_model_refuses_is_read_by_the_next() {
    let github = world(&large());
    let model = Anthropic::start();
    model.on("claude-sonnet-5-5", Act::Message(vec![], "refusal"));
    model.always("", answer(json!(NONE)));
    let more = [("PIPEWRIGHT_FALLBACK_MODEL", "claude-opus-5-5, claude-opus-4-6")];
    let ran = run(&github, &model, &more);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.report["coverage"]["files_reviewed"], ran.report["coverage"]["files"]);
    let notes = ran.report["notes"].to_string();
    assert!(notes.contains("claude-opus-5-5 read the rest"), "{notes}");
}

#[test]
fn money_goes_to_reading_before_closer_looks() {
    let github = world(&large());
    let model = Anthropic::start();
    model.always("", answer(json!(NONE)));
    // Enough for one request of this size and a little more.
    let ran = run(&github, &model, &[("PIPEWRIGHT_MAX_TOKENS", "8000")]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.report["coverage"]["lines"], ran.report["coverage"]["lines_reviewed"]);
    let notes = ran.report["notes"].to_string();
    assert!(notes.contains("closer look"), "{notes} {}", ran.report["usage"]);
}
