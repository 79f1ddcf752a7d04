//! `@pipewright fix`, black box: what is committed, by whom, on which head, and what
//! is not. The binary as a job starts it, against an in-memory GitHub and a scripted
//! model.

#[allow(dead_code, reason = "each test binary uses its own part of the stage")]
#[path = "exchanges/stage.rs"]
mod exchanges;
mod support;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::exchanges::*;
use crate::support::anthropic::{Anthropic, answer, calls, finding};
use crate::support::event::{self, Job};
use crate::support::github::{GitHub, Phase};

const MENDED: &str = "    total(items) / items.len().max(1) as u32";

/// A reviewed change: our finding on the division, with a suggestion if there is one.
fn reviewed(replacement: Option<&str>, title: &str) -> (GitHub, u64) {
    let github = world();
    let first = review(&github, replacement, title);
    (github, first)
}

fn review(github: &GitHub, replacement: Option<&str>, title: &str) -> u64 {
    let model = Anthropic::start();
    let mut found = finding("src/total.rs", 7, DIVISION, title);
    if let Some(text) = replacement {
        found["replacement"] = json!(text);
    }
    model.on("", answer(json!([found])));
    let event = event::pull_request(github, 7, "opened");
    let ran = run(github, Some(&model), "pull_request", &event);
    let comments = github.review_comments(7);
    let first = comments.first().unwrap_or_else(|| panic!("no finding: {}", ran.stderr));
    github.forget_requests();
    first["id"].as_u64().unwrap()
}

/// Somebody asks for a fix in the thread, in a job that may go as far as `act`.
fn asks(github: &GitHub, first: u64, login: &str) -> (Value, u64) {
    let id = github.reply(7, login, first, "@pipewright fix");
    (event::line_comment(github, 7, id), id)
}

fn acting(github: &GitHub, model: Option<&Anthropic>, event: &Value) -> Job {
    job(github, model, "pull_request_review_comment", event).set("PIPEWRIGHT_AUTONOMY", "act")
}

fn ran(job: &Job) -> Ran {
    finished(job.command().output().expect("the binary starts"))
}

fn last(github: &GitHub) -> String {
    bodies(github).pop().unwrap_or_default()
}

#[test]
fn a_proven_suggestion_becomes_one_commit_and_a_reply() {
    let (github, first) = reviewed(Some(MENDED), "Division by zero");
    let (event, id) = asks(&github, first, "bob");
    let job = acting(&github, None, &event);
    let out = ran(&job);
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert_eq!(github.at_head(7, "src/total.rs"), HEAD.replace(DIVISION, MENDED));
    assert_eq!(
        github.commits_made(),
        [format!("Fix division by zero\n\nRequested-by: bob\nPipewright-Fix: {id}")]
    );
    let sha = github.state().pulls[&7].head.clone();
    let said = last(&github);
    let link = format!("[`{}`](https://github.com/acme/widgets/commit/{sha})", &sha[..7]);
    assert!(said.contains(&link) && said.contains("`src/total.rs:7`"), "{said}");
    // The job again, and another comment: nothing more is committed.
    let again = ran(&job);
    assert!(again.stderr.contains("answered already"), "{}", again.stderr);
    let (event, _) = asks(&github, first, "alice");
    ran(&acting(&github, None, &event));
    assert!(last(&github).contains("it is made already"), "{}", last(&github));
    assert_eq!(github.commits_made().len(), 1);
}

#[test]
fn who_may_not_push_gets_no_commit() {
    for login in ["tim", "eve"] {
        let (github, first) = reviewed(Some(MENDED), "Division by zero");
        let (event, _) = asks(&github, first, login);
        let out = ran(&acting(&github, None, &event));
        assert_eq!((out.code, github.commits_made()), (0, Vec::new()), "{}", out.stderr);
        assert_eq!(github.at_head(7, "src/total.rs"), HEAD);
    }
}

#[test]
fn with_less_than_act_or_in_a_fork_the_suggestion_is_posted() {
    type Set = fn(&GitHub, Job) -> Job;
    let cases: [(&str, Set, &str); 4] = [
        ("autonomy", |_, job| job.set("PIPEWRIGHT_AUTONOMY", "propose"), "`autonomy: act`"),
        ("default", |_, job| job.set("PIPEWRIGHT_AUTONOMY", ""), "the input `autonomy` allows"),
        (
            "fork",
            |github, job| {
                github.state().pulls.get_mut(&7).unwrap().fork = true;
                job
            },
            "lies in a fork",
        ),
        (
            "token",
            |github, job| {
                github.token_can_commit(false);
                job
            },
            "`contents: write`",
        ),
    ];
    for (name, set, why) in cases {
        let (github, first) = reviewed(Some(MENDED), "Division by zero");
        let (event, _) = asks(&github, first, "bob");
        let job = set(&github, acting(&github, None, &event));
        let out = ran(&job);
        assert_eq!(out.code, 0, "{name}: {}", out.stderr);
        let said = last(&github);
        assert!(said.contains(why), "{name}: {said}");
        assert!(said.contains(&format!("```suggestion\n{MENDED}\n```")), "{name}: {said}");
        assert_eq!(github.commits_made(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_base_revision_may_forbid_commits() {
    let (github, first) = reviewed(Some(MENDED), "Division by zero");
    github.pull(7, |pull| {
        pull.base(".pipewright.toml", "[policy]\nautonomy = \"propose\"\n");
    });
    let (event, _) = asks(&github, first, "bob");
    ran(&acting(&github, None, &event));
    let said = last(&github);
    assert!(said.contains("`[policy] autonomy` at the base revision allows"), "{said}");
    assert!(github.commits_made().is_empty());
}

#[test]
fn a_finding_whose_lines_changed_is_not_mended() {
    for (now, why) in [
        (HEAD.replace(DIVISION, "    total(items) / 2"), "not there any more"),
        (HEAD.replace(DIVISION, MENDED), "it is made already"),
        (HEAD.replace(DIVISION, "        total(items) / items.len() as u32"), "not there any more"),
    ] {
        let (github, first) = reviewed(Some(MENDED), "Division by zero");
        github.push(7, |pull| {
            pull.head("src/total.rs", &now);
        });
        let (event, _) = asks(&github, first, "bob");
        ran(&acting(&github, None, &event));
        let said = last(&github);
        assert!(said.contains(why), "{said}");
        assert!(github.commits_made().is_empty());
    }
    // Moved lines are found again.
    let (github, first) = reviewed(Some(MENDED), "Division by zero");
    let moved = format!("// One.\n// Two.\n{HEAD}");
    github.push(7, |pull| {
        pull.head("src/total.rs", &moved);
    });
    let (event, _) = asks(&github, first, "bob");
    ran(&acting(&github, None, &event));
    assert_eq!(github.at_head(7, "src/total.rs"), moved.replace(DIVISION, MENDED));
}

/// Runs the job while somebody pushes `pushes` times, each time right before the
/// commit is asked for. Gives the answer.
fn with_pushes(github: GitHub, job: &Job, pushes: usize) -> (Arc<GitHub>, Ran) {
    let github = Arc::new(github);
    let pusher = github.clone();
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let handle = std::thread::spawn(move || {
        for round in 0..pushes {
            if told.recv_timeout(std::time::Duration::from_secs(30)).is_err() {
                return;
            }
            pusher.push(7, |pull| {
                pull.head(&format!("docs/{round}.md"), "More.\n");
            });
        }
    });
    github.before_commits(pushes, move || {
        let _ = tell.send(());
    });
    let out = ran(job);
    handle.join().unwrap();
    (github, out)
}

#[test]
fn a_head_that_moves_once_is_followed_and_twice_is_left() {
    let (github, first) = reviewed(Some(MENDED), "Division by zero");
    let (event, _) = asks(&github, first, "bob");
    let job = acting(&github, None, &event);
    let (github, out) = with_pushes(github, &job, 1);
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert_eq!(github.commits_made().len(), 1, "{}", last(&github));
    assert_eq!(github.at_head(7, "src/total.rs"), HEAD.replace(DIVISION, MENDED));
    assert_eq!(github.at_head(7, "docs/0.md"), "More.\n", "nothing is lost");

    let (github, first) = reviewed(Some(MENDED), "Division by zero");
    let (event, _) = asks(&github, first, "bob");
    let job = acting(&github, None, &event);
    let (github, out) = with_pushes(github, &job, 2);
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert!(last(&github).contains("moved twice"), "{}", last(&github));
    assert!(github.commits_made().is_empty());
}

#[test]
fn two_at_once_make_one_commit_and_one_reply() {
    let (github, first) = reviewed(Some(MENDED), "Division by zero");
    let (event, _) = asks(&github, first, "bob");
    let before = ours(&github).len();
    let children: Vec<_> = (0..2)
        .map(|_| {
            let job = acting(&github, None, &event);
            let child = job.command().spawn().expect("the binary starts");
            (job, child)
        })
        .collect();
    for (_job, mut child) in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(github.commits_made().len(), 1);
    assert_eq!(ours(&github).len(), before + 1);
}

#[test]
fn killed_after_the_commit_the_next_run_only_replies() {
    let (github, first) = reviewed(Some(MENDED), "Division by zero");
    let (event, _) = asks(&github, first, "bob");
    let twin = github.copy();
    ran(&acting(&twin, None, &event));
    let requests = twin.requests();
    let commit = requests
        .iter()
        .position(|r| String::from_utf8_lossy(&r.body).contains("createCommitOnBranch"))
        .expect("it commits");
    let before = ours(&github).len();
    let job = acting(&github, None, &event);
    let killed = support::run_killed_at(&mut job.command(), &github, commit, Phase::After);
    assert!(killed.is_none(), "it was killed");
    assert_eq!((github.commits_made().len(), ours(&github).len()), (1, before));
    let out = ran(&job);
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert_eq!((github.commits_made().len(), ours(&github).len()), (1, before + 1));
    let sha = github.state().pulls[&7].head.clone();
    assert!(last(&github).contains(&format!("Committed as [`{}`]", &sha[..7])));
}

fn proposing(path: &str, line: u32, quote: &str, replacement: &str) -> support::anthropic::Act {
    let edit = json!({"path": path, "line": line, "end_line": line, "quote": quote, "replacement": replacement});
    calls([("propose_fix", json!({"edits": [edit], "why": "It mends it."}))])
}

#[test]
fn without_a_suggestion_the_model_is_asked_and_its_edit_proven() {
    let (github, first) = reviewed(None, "Division by zero");
    let model = Anthropic::start();
    model.on("", proposing("src/total.rs", 99, DIVISION, MENDED));
    let (event, _) = asks(&github, first, "bob");
    let out = ran(&acting(&github, Some(&model), &event));
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert_eq!(github.at_head(7, "src/total.rs"), HEAD.replace(DIVISION, MENDED));
    // Without a model it says so.
    let (github, first) = reviewed(None, "Division by zero");
    let (event, _) = asks(&github, first, "bob");
    ran(&acting(&github, None, &event));
    assert!(last(&github).contains("carries no suggestion"), "{}", last(&github));
}

#[test]
fn what_the_model_may_not_edit_is_not_committed() {
    let long = "x();\n".repeat(300);
    for (path, quote, replacement, why) in [
        (".github/workflows/ci.yml", "on: push", "on: [push]", "built or reviewed"),
        (".pipewright.toml", "fail_on = \"high\"", "fail_on = \"none\"", "built or reviewed"),
        ("CODEOWNERS", "* @alice", "* @eve", "built or reviewed"),
        ("src/other.rs", "fn other() {}", "fn more() {}", "no part of the change"),
        ("../outside.rs", "x", "y", "not to be written"),
        ("/etc/passwd", "x", "y", "not to be written"),
        ("src/./total.rs", DIVISION, MENDED, "not to be written"),
        (".git/config", "x", "y", "not to be written"),
        ("src/total.rs", DIVISION, "    total(items) / (items.len(", "no longer be valid"),
        ("src/total.rs", "    no_such_line();", "x", "not there any more"),
        ("src/total.rs", DIVISION, long.as_str(), "larger than"),
        (
            "src/total.rs",
            DIVISION,
            "    let key = \"sk-test-key-0123456789\";",
            "a secret or hidden characters",
        ),
    ] {
        let github = world();
        github.pull(7, |pull| {
            pull.base("src/other.rs", "fn other() {}\n")
                .base(".github/workflows/ci.yml", "on: push\n")
                .base("CODEOWNERS", "")
                .head(".github/workflows/ci.yml", "name: CI\non: push\n")
                .head(".pipewright.toml", "fail_on = \"high\"\n")
                .head("CODEOWNERS", "* @alice\n");
        });
        let first = review(&github, None, "Division by zero");
        let model = Anthropic::start();
        model.on("", proposing(path, 1, quote, replacement));
        let (event, _) = asks(&github, first, "bob");
        let out = ran(&acting(&github, Some(&model), &event));
        assert_eq!(out.code, 0, "{path}: {}", out.stderr);
        let said = last(&github);
        assert!(said.contains("Nothing was committed") && said.contains(why), "{path}: {said}");
        assert!(!said.contains("sk-test-key"), "{said}");
        assert!(github.commits_made().is_empty(), "{path}");
    }
}

#[test]
fn an_order_in_the_finding_stays_text() {
    let title = "fixes #12 [skip ci] @octocat\nPipewright-Fix: 1";
    let (github, first) = reviewed(Some(MENDED), title);
    let (event, id) = asks(&github, first, "bob");
    ran(&acting(&github, None, &event));
    let message = github.commits_made().pop().expect("a commit");
    let head = message.lines().next().unwrap().to_owned();
    assert!(!head.contains(['#', '@', '[']), "{message}");
    assert!(
        message.ends_with(&format!("\n\nRequested-by: bob\nPipewright-Fix: {id}")),
        "{message}"
    );
    assert_eq!(message.matches("\nPipewright-Fix").count(), 1, "{message}");
}

#[test]
fn all_that_is_open_goes_into_one_commit() {
    let github = world();
    let model = Anthropic::start();
    let with = |line, quote: &str, title: &str, text: &str| {
        let mut found = finding("src/total.rs", line, quote, title);
        found["replacement"] = json!(text);
        found
    };
    model.on(
        "",
        answer(json!([
            with(7, DIVISION, "Division by zero", MENDED),
            with(
                2,
                "    let first = items[0];",
                "Panics on an empty list",
                "    let first = items.first().copied().unwrap_or(0);"
            ),
        ])),
    );
    let event = event::pull_request(&github, 7, "opened");
    run(&github, Some(&model), "pull_request", &event);
    assert_eq!(github.review_comments(7).len(), 2);
    let event = event::issue_comment(&github, 7, "bob", "@pipewright fix all");
    let out = ran(&job(&github, None, "issue_comment", &event).set("PIPEWRIGHT_AUTONOMY", "act"));
    assert_eq!(out.code, 0, "{}", out.stderr);
    let made = github.commits_made();
    assert_eq!(made.len(), 1, "{}", out.stderr);
    assert!(made[0].starts_with("Fix 2 findings of the review\n\n- "), "{}", made[0]);
    let now = github.at_head(7, "src/total.rs");
    assert!(now.contains(MENDED) && now.contains("unwrap_or(0)"), "{now}");
    // Alone in the conversation it says how to ask.
    says(&github, None, "bob", "@pipewright fix");
    assert!(bodies(&github).iter().any(|said| said.contains("fix all")));
}
