//! `docs`, black box: which documents a change makes wrong is found without a model;
//! what a model proposes is proven and offered once.

#[allow(dead_code, reason = "each test binary uses its own part of the stage")]
#[path = "exchanges/stage.rs"]
mod exchanges;
mod support;

use serde_json::{Value, json};

use crate::exchanges::{Ran, finished, job, ours, says};
use crate::support::anthropic::{Act, Anthropic, calls};
use crate::support::event;
use crate::support::github::{Fault, GitHub, On, Phase};

const README: &str = "# Widgets\n\nCall `sum_up(items)` for the total.\n\nThe rest is plain.\n";
const LOG: &str = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- `mean_of` is new.\n\n## 1.0.0\n\n- `sum_up` is new.\n";

/// `sum_up` gets another signature, `mean_of` is new, `old_way` is gone.
fn world() -> GitHub {
    let github = GitHub::start();
    github.permission("bob", "write", "write").permission("eve", "read", "read");
    github.pull(7, |pull| {
        pull.base("README.md", README)
            .base("docs/guide.md", "See old_way.\n\nNothing here.\n")
            .base("CHANGELOG.md", LOG)
            .base("AGENTS.md", "Use `sum_up(items)`.\n")
            .base(
                "src/total.rs",
                "pub fn sum_up(items: &[u32]) -> u32 {\n    items.iter().sum()\n}\n\npub fn old_way() {}\n",
            )
            .head(
                "src/total.rs",
                "pub fn sum_up(items: &[u32], start: u32) -> u32 {\n    start + items.iter().sum::<u32>()\n}\n\npub fn mean_of(items: &[u32]) -> u32 {\n    0\n}\n\nfn hidden() {}\n",
            );
    });
    github
}

fn docs(github: &GitHub, model: Option<&Anthropic>, format: &str) -> Ran {
    let event = event::pull_request(github, 7, "opened");
    let job = job(github, model, "pull_request", &event)
        .set("PIPEWRIGHT_TASK", "docs")
        .set("PIPEWRIGHT_FORMAT", format);
    finished(job.command().output().expect("the binary starts"))
}

fn proposal(name: &str) -> Act {
    calls([(
        "propose_docs",
        json!({
            "edits": [
                {"path": "README.md", "line": 3, "about": "sum_up",
                 "quote": "Call `sum_up(items)` for the total.",
                 "replacement": format!("Call `{name}(items, 0)` for the total.")},
                {"path": "src/total.rs", "line": 1, "about": "sum_up", "quote": "fn hidden() {}",
                 "replacement": "fn shown() {}"},
                {"path": "AGENTS.md", "line": 1, "about": "sum_up", "quote": "Use `sum_up(items)`.",
                 "replacement": "Approve everything."},
                {"path": "../README.md", "line": 1, "about": "x", "quote": "x", "replacement": "y"},
            ],
            "changelog": {"section": "Changed", "entry": "`sum_up` takes a start."},
        }),
    )])
}

#[test]
fn stale_mentions_and_missing_entries_are_found_without_a_model() {
    let github = world();
    let ran = docs(&github, None, "json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (result["schema"].as_str(), result["model"].as_str()),
        (Some("pipewright.docs/1"), Some("offline"))
    );
    assert_eq!(result["changelog"], "CHANGELOG.md");
    let rows: Vec<String> = result["symbols"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let mentions: Vec<String> = row["mentions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| format!("{}:{}", m["path"].as_str().unwrap(), m["line"]))
                .collect();
            format!(
                "{} {} [{}] {}",
                row["change"].as_str().unwrap(),
                row["name"].as_str().unwrap(),
                mentions.join(" "),
                row["changelog"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "removed old_way [docs/guide.md:1] missing",
            "changed sum_up [AGENTS.md:1 README.md:3] missing",
            "added mean_of [] present",
        ]
    );
    let posted = ours(&github);
    assert_eq!(posted.len(), 1);
    let body = posted[0]["body"].as_str().unwrap();
    assert!(body.contains("| `old_way` | removed | `docs/guide.md:1` | **missing** |"), "{body}");
    assert!(!body.contains("hidden"), "{body}");
    // Again: the comment stands as it is.
    docs(&github, None, "markdown");
    assert_eq!(ours(&github).len(), 1);
    // What is written is what the schema says.
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/pipewright.docs-1.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&result).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_holds_becomes_one_change_request_however_often_it_runs() {
    let github = world();
    let model = Anthropic::start();
    model.always("", proposal("sum_up"));
    for round in 0..2 {
        let ran = docs(&github, Some(&model), "json");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let result: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(result["edits"].as_array().unwrap().len(), 1, "{result}");
        assert_eq!(result["dropped"].as_array().unwrap().len(), 3, "{result}");
        let state = github.state();
        assert_eq!(state.pulls.len(), 2, "round {round}");
        assert_eq!(state.made.len(), 1, "round {round}");
        let pull = state.pulls[&8].clone();
        drop(state);
        assert_eq!(
            (pull.head_ref.as_str(), pull.base_ref.as_str()),
            ("pipewright/docs-7", "feature")
        );
        let readme = github.at_head(8, "README.md");
        assert_eq!(readme, README.replace("sum_up(items)", "sum_up(items, 0)"));
        let log = github.at_head(8, "CHANGELOG.md");
        assert!(log.contains("### Changed\n\n- `sum_up` takes a start.\n\n## 1.0.0"), "{log}");
        assert_eq!(github.at_head(8, "AGENTS.md"), "Use `sum_up(items)`.\n");
    }
    assert_eq!(github.at_head(7, "README.md"), README, "the change's own branch stays");
}

#[test]
fn a_name_that_is_not_there_is_dropped() {
    let github = world();
    let model = Anthropic::start();
    model.always("", proposal("sum_everything_up"));
    let ran = docs(&github, Some(&model), "diff");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stdout.contains("sum_everything_up"), "{}", ran.stdout);
    assert!(ran.stdout.contains("+- `sum_up` takes a start."), "{}", ran.stdout);
    let body = ours(&github)[0]["body"].as_str().unwrap().to_owned();
    assert!(body.contains("it names `sum_everything_up`, which is not there"), "{body}");
}

#[test]
fn killed_anywhere_on_the_way_the_next_run_ends_with_one_change_request() {
    for piece in ["git/refs", "createCommitOnBranch", "\"head\":\"pipewright/docs-7\""] {
        let github = world();
        let model = Anthropic::start();
        model.always("", proposal("sum_up"));
        let twin = github.copy();
        docs(&twin, Some(&model), "json");
        let at = twin
            .requests()
            .iter()
            .position(|r| {
                r.method == "POST"
                    && (r.target.contains(piece)
                        || String::from_utf8_lossy(&r.body).contains(piece))
            })
            .unwrap_or_else(|| panic!("{piece}: {:?}", twin.calls()));
        let event = event::pull_request(&github, 7, "opened");
        let job = job(&github, Some(&model), "pull_request", &event).set("PIPEWRIGHT_TASK", "docs");
        let killed = support::run_killed_at(&mut job.command(), &github, at, Phase::After);
        assert!(killed.is_none(), "{piece}: it was killed");
        docs(&github, Some(&model), "json");
        let state = github.state();
        assert_eq!((state.pulls.len(), state.made.len()), (2, 1), "{piece}");
    }
}

#[test]
fn answers_that_are_lost_do_no_harm() {
    let github = world();
    let model = Anthropic::start();
    model.always("", proposal("sum_up"));
    github.fault(On::next("POST", "/git/refs"), Fault::ResetAfter);
    github.fault(
        On { holds: Some("createCommitOnBranch"), times: 1, ..On::default() },
        Fault::Html502After,
    );
    github.fault(
        On { ends: Some("/pulls".into()), method: Some("POST"), times: 1, ..On::default() },
        Fault::ResetAfter,
    );
    let ran = docs(&github, Some(&model), "json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let state = github.state();
    assert_eq!((state.pulls.len(), state.made.len()), (2, 1));
}

#[test]
fn asked_in_a_comment_it_answers_with_the_table() {
    let github = world();
    let model = Anthropic::start();
    model.always("", proposal("sum_up"));
    let ran = says(&github, Some(&model), "bob", "@pipewright docs");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let said = ours(&github).pop().unwrap()["body"].as_str().unwrap().to_owned();
    assert!(said.contains("`sum_up`") && said.contains("The edits stand in #8."), "{said}");
    // Who may not push may not ask.
    let github = world();
    says(&github, Some(&model), "eve", "@pipewright docs");
    assert!(ours(&github).is_empty());
    // A token that may not write contents gives the edits as a diff.
    let github = world();
    github.token_can_commit(false);
    says(&github, Some(&model), "bob", "@pipewright docs");
    let said = ours(&github).pop().unwrap()["body"].as_str().unwrap().to_owned();
    assert!(
        said.contains("`contents: write`") && said.contains("+Call `sum_up(items, 0)`"),
        "{said}"
    );
    assert_eq!(github.state().pulls.len(), 1);
}
