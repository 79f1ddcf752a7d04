//! Kind, effort, risk and owners on a pull request: black box, against an in-memory
//! GitHub, without a model.

mod support;

use serde_json::{Value, json};

use support::event::{self, Job};
use support::github::GitHub;

fn world() -> GitHub {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.title = "fix(login): check the token".into();
        pull.base(".github/CODEOWNERS", "* @everyone\n/src/auth/ @acme/identity @zoe\n");
        pull.head(".github/CODEOWNERS", "* @mallory\n");
        pull.base("src/auth/login.rs", "pub fn login(a: u8) {}\n");
        pull.head("src/auth/login.rs", "pub fn login(a: u16) {}\n");
    });
    github
}

fn review(github: &GitHub, labels: &str) -> Value {
    let event = event::pull_request(github, 7, "opened");
    let job = Job::new(github, "pull_request", &event).set("INPUT_LABELS", labels);
    let output = job.command().output().expect("the binary starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    serde_json::from_slice(&output.stdout).expect("the result is JSON")
}

#[test]
fn a_change_is_assessed_by_the_base_and_nobody_is_notified() {
    let github = world();
    let report = review(&github, "");
    let expect = json!({
        "kind": "bugfix", "effort": 1, "risk": "high",
        "reasons": [
            "touches authentication or permissions (src/auth/login.rs)",
            "changes or removes 1 public declaration",
        ],
        "owners": ["acme/identity", "zoe", "everyone"],
    });
    assert_eq!(report["assessment"], expect);
    let summary = github.comments(7)[0]["body"].as_str().unwrap().to_owned();
    assert!(summary.contains("**Risk: high**") && summary.contains("`acme/identity`"), "{summary}");
    assert!(!summary.contains("@acme") && !summary.contains("mallory"), "{summary}");
    assert!(github.state().labels.is_empty());
}

#[test]
fn labels_are_set_where_asked_for_and_those_of_people_stay() {
    let github = world();
    let there = ["risk: low", "risk: accepted", "effort: 4"].map(str::to_owned).to_vec();
    github.state().labels.insert(7, there);
    review(&github, "kind,risk");
    let labels = github.state().labels[&7].clone();
    assert_eq!(labels, ["risk: accepted", "effort: 4", "kind: bugfix", "risk: high"]);
}

#[test]
fn a_token_that_may_not_label_is_a_note() {
    let github = world();
    github.deny("/labels");
    let report = review(&github, "risk");
    assert!(report["notes"].to_string().contains("labels"), "{report:#}");
    assert_eq!(github.comments(7).len(), 1);
}
