//! `task: tests` in a workflow, black box: one comment with what is proven, and the
//! proven tests as a change request or as a commit, each once.

#[allow(dead_code, reason = "each test binary uses its own part of the stage")]
#[path = "exchanges/stage.rs"]
mod exchanges;
mod support;

use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::exchanges::{Ran, finished, job, ours, writes};
use crate::support::anthropic::{Anthropic, calls};
use crate::support::event::{self, Job};
use crate::support::github::GitHub;

const CODE: &str = "price.py";
const TESTS: &str = "test_price.py";
const BASE: &str = "def delivery(total):\n    return 5\n";
const HEAD: &str = "def delivery(total):\n    if total >= 50:\n        return 0\n    return 5\n";
const THERE: &str = "import unittest\n\nfrom price import delivery\n\n\nclass Price(unittest.TestCase):\n    def test_small(self):\n        self.assertEqual(delivery(10), 5)\n";

/// The change adds a bound that no test looks at.
fn world(fork: bool) -> GitHub {
    let github = GitHub::start();
    github.permission("bob", "write", "write").permission("eve", "read", "read");
    github.pull(7, |pull| {
        pull.fork = fork;
        pull.base(CODE, BASE).base(TESTS, THERE).head(CODE, HEAD);
    });
    github
}

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: there is no `python3` here");
    }
    found
}

/// One that holds, one that shows a bug or is one, one that fails now and then.
fn proposals(name: &str) -> Value {
    json!({ "tests": [
        {
            "path": TESTS, "name": format!("test_price.Price.{name}"), "placement": "append",
            "code": format!("    def {name}(self):\n        self.assertEqual(delivery(50), 0)\n"),
            "guards": "Orders of 50 | are `free` for @octocat.",
        },
        {
            "path": TESTS, "name": "test_price.Price.test_negative", "placement": "append",
            "code": "    def test_negative(self):\n        self.assertEqual(delivery(-1), 0)\n",
            "guards": "Nobody pays for less than nothing.",
        },
        {
            "path": TESTS, "name": "test_price.Price.test_nothing", "placement": "append",
            "code": "    def test_nothing(self):\n        delivery(50)\n",
            "guards": "It runs.",
        },
    ] })
}

fn model() -> Anthropic {
    let model = Anthropic::start();
    model.on("", calls([("propose_tests", proposals("test_free"))]));
    model.always("", calls([("propose_tests", json!({ "tests": [] }))]));
    model
}

/// The job's checkout is what the head of the pull request has.
fn check_out(github: &GitHub, folder: &Path) {
    for path in [CODE, TESTS] {
        std::fs::write(folder.join(path), github.at_head(7, path)).unwrap();
    }
}

fn task(github: &GitHub, model: Option<&Anthropic>, autonomy: &str) -> Job {
    let event = event::pull_request(github, 7, "opened");
    let job = job(github, model, "pull_request", &event)
        .set("PIPEWRIGHT_TASK", "tests")
        .set("PIPEWRIGHT_AUTONOMY", autonomy)
        .set("PIPEWRIGHT_COMMAND", "python3 -m unittest")
        .set("PIPEWRIGHT_FORMAT", "json");
    check_out(github, &job.workspace());
    job
}

fn ran(job: &Job) -> Ran {
    finished(job.command().output().expect("the binary starts"))
}

fn run(github: &GitHub, autonomy: &str) -> (Ran, Value) {
    let ran = ran(&task(github, Some(&model()), autonomy));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    (ran, result)
}

fn verdicts(result: &Value) -> Vec<String> {
    let candidates = result["candidates"].as_array().unwrap();
    let mut all: Vec<String> = candidates
        .iter()
        .map(|one| {
            let name = one["name"].as_str().unwrap().rsplit('.').next().unwrap();
            format!("{name} {}", one["verdict"].as_str().unwrap())
        })
        .collect();
    all.sort();
    all
}

fn comment(github: &GitHub) -> Option<String> {
    let mut all: Vec<String> = github
        .comments(7)
        .iter()
        .filter_map(|comment| comment["body"].as_str().map(str::to_owned))
        .filter(|body| body.starts_with("<!-- pipewright:tests -->\n"))
        .collect();
    assert!(all.len() <= 1, "{all:?}");
    all.pop()
}

fn fits_the_schema(result: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/pipewright.tests-1.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(result).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Only what is proven, and nothing that was there is gone.
fn holds_the_proven_test_alone(text: &str) {
    assert!(text.starts_with(THERE), "{text}");
    assert!(text.contains("def test_free(self)"), "{text}");
    assert!(!text.contains("test_negative") && !text.contains("test_nothing"), "{text}");
}

#[test]
fn proven_tests_become_one_comment_and_one_change_request_however_often_it_runs() {
    if !has_python() {
        return;
    }
    let github = world(false);
    let mut bodies = Vec::new();
    for round in 0..2 {
        github.forget_requests();
        let (_, result) = run(&github, "propose");
        fits_the_schema(&result);
        assert_eq!(
            verdicts(&result),
            ["test_free proven-base", "test_negative suspected-bug", "test_nothing rejected"],
            "{result:#}"
        );
        let body = comment(&github).expect("a comment");
        assert!(body.contains("The proven tests stand in #8, onto this branch."), "{body}");
        assert!(body.contains("1 suspected bug") && body.contains("1 test rejected"), "{body}");
        assert!(body.contains("+        self.assertEqual(delivery(50), 0)"), "{body}");
        assert!(body.contains("python3 -m unittest"), "{body}");
        assert!(!body.replace("`@octocat`", "").contains("@octocat"), "{body}");
        bodies.push(body);
        let state = github.state();
        assert_eq!((state.pulls.len(), state.made.len()), (2, 1), "round {round}");
        let pull = state.pulls[&8].clone();
        drop(state);
        assert_eq!(
            (pull.head_ref.as_str(), pull.base_ref.as_str()),
            ("pipewright/tests-7", "feature")
        );
        holds_the_proven_test_alone(&github.at_head(8, TESTS));
        assert_eq!(github.at_head(7, TESTS), THERE, "the change's own branch stays");
        assert_eq!(github.violations(), Vec::<String>::new());
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(writes(&github), Vec::<String>::new(), "the second run changes nothing");
}

#[test]
fn what_people_closed_is_not_proposed_again() {
    if !has_python() {
        return;
    }
    let github = world(false);
    run(&github, "propose");
    github.pull(8, |pull| pull.open = false);
    let (_, result) = run(&github, "propose");
    assert_eq!(github.state().pulls.len(), 2, "{result:#}");
    let body = comment(&github).unwrap();
    assert!(body.contains("closed this proposal before"), "{body}");
}

#[test]
fn act_commits_what_is_proven_once_and_asks_no_more() {
    if !has_python() {
        return;
    }
    let github = world(false);
    let (_, result) = run(&github, "act");
    fits_the_schema(&result);
    holds_the_proven_test_alone(&github.at_head(7, TESTS));
    let made = github.commits_made();
    assert_eq!(made.len(), 1);
    assert!(made[0].contains("test_price.Price.test_free (proven-base)"), "{made:?}");
    assert!(made[0].ends_with("Pipewright-Task: tests"), "{made:?}");
    let body = comment(&github).unwrap();
    assert!(body.contains("committed to this branch: [`"), "{body}");
    // The commit sets off a run of its own.
    github.forget_requests();
    let model = model();
    let again = ran(&task(&github, Some(&model), "act"));
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(model.requests().is_empty());
    assert_eq!(writes(&github), Vec::<String>::new());
    assert_eq!((github.commits_made().len(), comment(&github).unwrap()), (1, body));
}

#[test]
fn a_fork_gets_the_diff_and_nothing_else() {
    if !has_python() {
        return;
    }
    for autonomy in ["propose", "act"] {
        let github = world(true);
        let (_, result) = run(&github, autonomy);
        let body = comment(&github).unwrap();
        assert!(body.contains("lies in a fork"), "{body}");
        assert!(body.contains("+        self.assertEqual(delivery(50), 0)"), "{body}");
        assert!(result["notes"].to_string().contains("lies in a fork"), "{result:#}");
        assert!(github.commits_made().is_empty() && github.state().pulls.len() == 1);
    }
}

#[test]
fn without_a_model_the_gap_is_told() {
    if !has_python() {
        return;
    }
    let github = world(false);
    let job = task(&github, None, "act");
    let ran = ran(&job);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    fits_the_schema(&result);
    assert_eq!((result["model"].as_str(), &result["candidates"]), (Some("offline"), &json!([])));
    let body = comment(&github).unwrap();
    assert!(body.contains("No model was asked") && body.contains("`delivery`"), "{body}");
    assert!(github.commits_made().is_empty() && github.state().pulls.len() == 1);
    let outputs = job.outputs();
    assert!(outputs.contains(&("conclusion".to_owned(), "success".to_owned())), "{outputs:?}");
}

#[test]
fn a_head_that_moves_gets_no_commit_and_is_told() {
    if !has_python() {
        return;
    }
    let github = world(false);
    let (tell, told) = mpsc::channel::<()>();
    let result = std::thread::scope(|scope| {
        let github = &github;
        scope.spawn(move || {
            if told.recv_timeout(Duration::from_secs(120)).is_ok() {
                github.push(7, |pull| {
                    pull.head("notes.txt", "meanwhile\n");
                });
            }
        });
        github.before_commits(1, move || {
            let _ = tell.send(());
        });
        run(github, "act").1
    });
    assert!(github.commits_made().is_empty());
    let body = comment(&github).unwrap();
    assert!(body.contains("The branch moved while tests were being proven"), "{body}");
    assert!(result["notes"].to_string().contains("The branch moved"), "{result:#}");
}

#[test]
fn a_checkout_that_is_not_the_head_gets_no_commit() {
    if !has_python() {
        return;
    }
    let github = world(false);
    let job = task(&github, Some(&model()), "act");
    // The merge commit has what the base branch got meanwhile.
    let merged = THERE.replace("import unittest\n", "# merged\nimport unittest\n");
    std::fs::write(job.workspace().join(TESTS), merged).unwrap();
    let ran = ran(&job);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(github.commits_made().is_empty());
    let body = comment(&github).unwrap();
    assert!(body.contains("`test_price.py` reads otherwise on the branch"), "{body}");
}

#[test]
fn a_token_that_may_not_commit_leaves_the_diff() {
    if !has_python() {
        return;
    }
    let github = world(false);
    github.token_can_commit(false);
    run(&github, "act");
    let body = comment(&github).unwrap();
    assert!(body.contains("It takes `contents: write`"), "{body}");
    assert!(body.contains("+        self.assertEqual(delivery(50), 0)"), "{body}");
}

#[test]
fn observe_posts_nothing() {
    if !has_python() {
        return;
    }
    let github = world(false);
    let job = task(&github, Some(&model()), "observe");
    let ran = ran(&job);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ours(&github).is_empty() && writes(&github).is_empty());
    assert!(job.summary().contains("proven-base"), "{}", job.summary());
    // What was done and why is on record.
    let folder = job.temp().join("pipewright");
    let record = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .find(|entry| entry.path().extension().is_some_and(|extension| extension == "jsonl"));
    let record = std::fs::read_to_string(record.expect("a record").path()).unwrap();
    for word in ["\"candidate\"", "suspected-bug", "test_free", "\"observe\""] {
        assert!(record.contains(word), "{word}: {record}");
    }
}

#[test]
fn asked_in_a_comment_it_answers_where_the_change_is_checked_out() {
    if !has_python() {
        return;
    }
    let github = world(false);
    let ask = |is_checked_out: bool| {
        let event = event::issue_comment(&github, 7, "bob", "@pipewright tests");
        let model = model();
        let job = job(&github, Some(&model), "issue_comment", &event)
            .set("PIPEWRIGHT_COMMAND", "python3 -m unittest");
        if is_checked_out {
            check_out(&github, &job.workspace());
        }
        let ran = ran(&job);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        (ours(&github).pop().unwrap()["body"].as_str().unwrap().to_owned(), model)
    };
    let (said, model) = ask(false);
    assert!(said.contains("does not have #7 checked out") && model.requests().is_empty(), "{said}");
    let (said, _) = ask(true);
    assert!(said.contains("test_free") && said.contains("stand in #8"), "{said}");
    holds_the_proven_test_alone(&github.at_head(8, TESTS));
}
