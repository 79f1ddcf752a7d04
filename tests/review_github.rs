//! A review of a pull request, black box: the binary as a job starts it, against
//! an in-memory GitHub and a scripted model.

mod support;

use serde_json::{Value, json};

use support::anthropic::{Anthropic, answer, finding};
use support::event::{self, Job};
use support::github::GitHub;

const BASE: &str = "fn total(items: &[u32]) -> u32 {\n    items.iter().sum()\n}\n";
const HEAD: &str = "fn total(items: &[u32]) -> u32 {\n    let first = items[0];\n    first + items.iter().sum::<u32>()\n}\n\nfn mean(items: &[u32]) -> u32 {\n    total(items) / items.len() as u32\n}\n";

fn world() -> GitHub {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.base("src/total.rs", BASE).head("src/total.rs", HEAD);
    });
    github
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
    job: Job,
}

impl Ran {
    fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| {
            panic!("standard output is no report: {why}\n{}\n{}", self.stdout, self.stderr)
        })
    }
}

fn run(job: Job) -> Ran {
    let output = job.command().output().expect("the binary starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        job,
    }
}

fn job(github: &GitHub, model: &Anthropic) -> Job {
    let event = event::pull_request(github, 7, "opened");
    Job::new(github, "pull_request", &event)
        .set("ANTHROPIC_API_KEY", "sk-test-key-0123456789")
        .set("ANTHROPIC_BASE_URL", model.url())
}

fn division() -> Value {
    finding(
        "src/total.rs",
        99,
        "    total(items) / items.len() as u32",
        "Divides by zero when empty",
    )
}

fn writes(github: &GitHub) -> Vec<String> {
    github.calls().into_iter().filter(|call| !call.starts_with("GET")).collect()
}

#[test]
fn a_finding_is_posted_once_on_its_line_with_summary_and_check() {
    let github = world();
    let model = Anthropic::start();
    model.answer(json!([division()]));
    let ran = run(job(&github, &model));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let report = ran.report();
    assert_eq!(report["schema"], "pipewright.review/1");
    assert_eq!(report["findings"][0]["line"], 7, "the quote anchors, not the number");
    assert_eq!(report["coverage"]["lines"], report["coverage"]["lines_reviewed"]);

    let comments = github.review_comments(7);
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0]["line"], 7);
    assert_eq!(comments[0]["side"], "RIGHT");
    assert_eq!(github.comments(7).len(), 1);
    assert_eq!(github.checks().len(), 1);
    assert_eq!(github.checks()[0]["conclusion"], "failure");
    let outputs = ran.job.outputs();
    assert!(outputs.contains(&("conclusion".into(), "failure".into())), "{outputs:?}");
    assert!(outputs.contains(&("findings_count".into(), "1".into())), "{outputs:?}");
    assert!(ran.job.summary().contains("Divides by zero"), "{}", ran.job.summary());
    assert_eq!(model.violations(), Vec::<String>::new());
}

#[test]
fn running_again_on_the_same_head_asks_and_posts_nothing() {
    let github = world();
    let model = Anthropic::start();
    model.answer(json!([division()]));
    run(job(&github, &model));
    github.forget_requests();
    let ran = run(job(&github, &model));
    assert_eq!(
        writes(&github).iter().filter(|c| !c.contains("graphql")).count(),
        0,
        "{:?}",
        writes(&github)
    );
    assert_eq!(model.requests().len(), 1, "the model is not asked again");
    assert_eq!(ran.code, 1, "what stands still fails the job: {}", ran.stderr);
    assert_eq!(ran.report()["findings"][0]["line"], 7);
}

#[test]
fn a_push_is_reviewed_only_where_it_differs_and_what_holds_stays() {
    let github = world();
    let model = Anthropic::start();
    model.answer(json!([division()]));
    run(job(&github, &model));
    github.push(7, |pull| {
        pull.head("src/other.rs", "pub fn other() -> u32 {\n    41\n}\n");
    });
    model.answer(json!([]));
    let ran = run(job(&github, &model));
    let requests = model.requests();
    assert_eq!(requests.len(), 2);
    let asked = requests[1].body.to_string();
    assert!(asked.contains("pub fn other()"), "the new file is asked about");
    assert!(!asked.contains("|+    total(items) / items.len()"), "the old hunk is not");
    assert_eq!(github.review_comments(7).len(), 1);
    assert_eq!(github.comments(7).len(), 1);
    assert_eq!(ran.report()["findings"].as_array().map(Vec::len), Some(1));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
}

#[test]
fn a_finding_whose_line_is_gone_is_resolved() {
    let github = world();
    let model = Anthropic::start();
    model.answer(json!([division()]));
    run(job(&github, &model));
    github.push(7, |pull| {
        pull.head(
            "src/total.rs",
            HEAD.replace(
                "total(items) / items.len() as u32",
                "total(items) / items.len().max(1) as u32",
            ),
        );
    });
    model.answer(json!([]));
    let ran = run(job(&github, &model));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let threads = github.threads();
    assert_eq!(threads.len(), 1);
    assert_eq!(threads[0]["isResolved"], true, "{threads:?}");
    assert_eq!(github.comments(7).len(), 1);
    assert_eq!(github.checks().last().map(|c| c["conclusion"].clone()), Some(json!("success")));
}

#[test]
fn what_a_person_resolved_is_not_argued_again() {
    let github = world();
    let model = Anthropic::start();
    model.answer(json!([division()]));
    run(job(&github, &model));
    let first = github.review_comments(7)[0]["id"].as_u64().unwrap();
    github.resolve(first, "alice");
    github.push(7, |pull| {
        pull.head("src/total.rs", HEAD.replace("let first = items[0];", "let first = items[1];"));
    });
    model.answer(json!([division()]));
    let ran = run(job(&github, &model));
    assert_eq!(github.review_comments(7).len(), 1, "nothing new");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.report();
    assert_eq!(report["dropped"][0]["reason"], "dismissed", "{report}");
}

#[test]
fn a_fork_gets_annotations_where_nothing_can_be_posted() {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.base("src/total.rs", BASE).head("src/total.rs", HEAD);
        pull.fork = true;
    });
    github.token_can_write(false);
    let model = Anthropic::start();
    model.answer(json!([division()]));
    let ran = run(job(&github, &model));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("::error file=src/total.rs,line=7"), "{}", ran.stderr);
    assert!(ran.stderr.contains("::warning"), "{}", ran.stderr);
}

#[test]
fn a_comment_asks_for_a_review_if_its_author_may() {
    let github = world();
    github.permission("bob", "write", "write").permission("eve", "read", "read");
    let model = Anthropic::start();
    for (login, body, asks) in [
        ("eve", "@pipewright review", false),
        ("bob", "I like @pipewright review", false),
        ("bob", "@pipewright review", true),
    ] {
        if asks {
            model.on("", answer(json!([division()])));
        }
        let before = model.requests().len();
        let event = event::issue_comment(&github, 7, login, body);
        let job = Job::new(&github, "issue_comment", &event)
            .set("ANTHROPIC_API_KEY", "sk-test-key-0123456789")
            .set("ANTHROPIC_BASE_URL", model.url());
        let ran = run(job);
        assert_eq!(
            model.requests().len() - before,
            usize::from(asks),
            "{login}: {body}: {}",
            ran.stderr
        );
        assert_eq!(github.review_comments(7).len(), usize::from(asks), "{login}: {body}");
    }
}

#[test]
fn without_a_key_the_review_is_offline_and_says_so() {
    let github = world();
    let event = event::pull_request(&github, 7, "opened");
    let ran = run(Job::new(&github, "pull_request", &event));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.report()["model"], "offline");
    let body = github.comments(7)[0]["body"].as_str().unwrap_or_default().to_owned();
    assert!(body.contains("offline"), "{body}");
}

#[test]
fn merge_groups_and_pushes_get_a_check() {
    let github = GitHub::start();
    let base = github.commit(&[("src/total.rs", BASE)]);
    let head = github.commit(&[("src/total.rs", HEAD)]);
    for (name, event) in [
        ("merge_group", event::merge_group(&github, &base, &head)),
        ("push", event::push(&github, &base, &head)),
    ] {
        let before = github.checks().len();
        let model = Anthropic::start();
        model.answer(json!([division()]));
        let job = Job::new(&github, name, &event)
            .set("ANTHROPIC_API_KEY", "sk-test-key-0123456789")
            .set("ANTHROPIC_BASE_URL", model.url());
        let ran = run(job);
        assert_eq!(ran.code, 1, "{name}: {}", ran.stderr);
        // The same head has the same check: the second event finds it.
        assert!(github.checks().len() >= before.max(1), "{name}");
        assert_eq!(github.checks()[0]["conclusion"], "failure", "{name}");
    }
    assert_eq!(github.checks().len(), 1);
}

#[test]
fn a_model_that_cannot_answer_is_a_failure_that_is_told() {
    let github = world();
    let model = Anthropic::start();
    model.always("", support::anthropic::failure(401, &[]));
    let ran = run(job(&github, &model));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(github.checks()[0]["conclusion"], "neutral");
    assert_eq!(github.comments(7).len(), 1);
}
