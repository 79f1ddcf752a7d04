//! Commands that change something: the description, a pause, a review.

use serde_json::{Value, json};

use super::*;
use crate::support::anthropic::{Anthropic, answer, finding};
use crate::support::event;
use crate::support::github::Phase;

#[test]
fn a_description_is_left_alone_if_nobody_asks_for_it_any_more() {
    let github = world();
    let model = Anthropic::start();
    model.always("", description());
    let event = event::issue_comment(&github, 7, "bob", "@pipewright describe");
    let id = event["comment"]["id"].as_u64().unwrap();
    let twin = github.copy();
    run(&twin, Some(&model), "issue_comment", &event);
    let read = format!("GET /issues/comments/{id}");
    let reads: Vec<usize> =
        twin.calls().iter().enumerate().filter(|(_, c)| **c == read).map(|(at, _)| at).collect();
    let github = std::sync::Arc::new(github);
    let (tell, told) = std::sync::mpsc::channel();
    github.at(reads[1], Phase::Before, move || {
        let _ = tell.send(());
    });
    let editor = github.clone();
    let editor = std::thread::spawn(move || {
        let _ = told.recv_timeout(std::time::Duration::from_secs(20));
        editor.remove_comment(id);
    });
    let ran = run(&github, Some(&model), "issue_comment", &event);
    editor.join().unwrap();
    assert!(ran.stderr.contains("was deleted"), "{}", ran.stderr);
    assert_eq!(github.state().pulls[&7].body, "Because.");
    assert_eq!((ours(&github).len(), ran.code), (0, 0));
}

#[test]
fn a_description_is_completed_and_the_authors_words_stay() {
    let github = world();
    github.pull(7, |pull| pull.body = "My reason.\n\nCloses #3.".into());
    let model = Anthropic::start();
    model.always("", description());
    let ran = says(&github, Some(&model), "bob", "@pipewright describe");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let pull = github.state().pulls[&7].clone();
    insta::assert_snapshot!("description", pull.body);
    assert_eq!(pull.title, "Change things", "the author's title stays");
    assert!(!pull.body.contains("invented"));
    // The author goes on writing around it.
    github.state().pulls.get_mut(&7).unwrap().body = format!("{}\n\nP.S.", pull.body);
    says(&github, Some(&model), "bob", "@pipewright describe title");
    let now = github.state().pulls[&7].clone();
    assert_eq!(now.body, format!("{}\n\nP.S.", pull.body), "in place");
    assert_eq!(now.title, "Add a mean over totals", "it was asked for");
    assert_eq!(ours(&github).len(), 2);
}

#[test]
fn a_title_that_says_nothing_is_replaced_and_a_body_that_is_closed_to_us_is_not() {
    let github = world();
    github.pull(7, |pull| pull.title = "WIP".into());
    let model = Anthropic::start();
    model.always("", description());
    says(&github, Some(&model), "bob", "@pipewright describe");
    assert_eq!(github.state().pulls[&7].title, "Add a mean over totals");
    let github = world();
    github.fault(
        crate::support::github::On::every("PATCH", "/pulls/7"),
        crate::support::github::Fault::Status(
            403,
            &[],
            r#"{"message":"Resource not accessible by integration"}"#,
        ),
    );
    let ran = says(&github, Some(&model), "bob", "@pipewright describe");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let said = bodies(&github).remove(0);
    assert!(said.contains("I may not edit") && said.contains("Adds `mean`"), "{said}");
    let github = world();
    says(&github, None, "bob", "@pipewright describe");
    let body = github.state().pulls[&7].body.clone();
    assert!(body.starts_with("Because.") && body.contains("1 file: 1 modified"), "{body}");
}

#[test]
fn a_paused_change_is_reviewed_only_when_asked() {
    let github = world();
    let model = Anthropic::start();
    model.on("", answer(json!([])));
    let event = event::pull_request(&github, 7, "opened");
    run(&github, Some(&model), "pull_request", &event);
    let summary = || {
        let comments = github.comments(7);
        let ours =
            comments.iter().find(|c| c["body"].as_str().unwrap().contains("pipewright:summary"));
        ours.unwrap()["body"].as_str().unwrap().to_owned()
    };
    let before = summary();
    says(&github, Some(&model), "bob", "@pipewright pause");
    assert!(summary().contains("Automatic reviews of this pull request are paused"));
    says(&github, Some(&model), "bob", "@pipewright pause");
    assert!(bodies(&github).pop().unwrap().contains("already paused"));
    let push = || {
        github.push(7, |pull| {
            let more = format!("{}// {}\n", HEAD, pull.commits);
            pull.head("src/total.rs", more);
        });
        event::pull_request(&github, 7, "synchronize")
    };
    let ran = run(&github, Some(&model), "pull_request", &push());
    assert_eq!((ran.code, model.requests().len()), (0, 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("paused"), "{}", ran.stderr);
    model.on("", answer(json!([])));
    let ran = says(&github, Some(&model), "bob", "@pipewright review");
    assert_eq!((ran.code, model.requests().len()), (0, 2), "{}", ran.stderr);
    assert_eq!(summary().matches("are paused").count(), 1, "{}", summary());
    let ran = run(&github, Some(&model), "pull_request", &push());
    assert_eq!((ran.code, model.requests().len()), (0, 2), "{}", ran.stderr);
    says(&github, Some(&model), "bob", "@pipewright resume");
    assert!(!summary().contains("are paused"), "{}", summary());
    model.on("", answer(json!([])));
    run(&github, Some(&model), "pull_request", &push());
    assert_eq!(model.requests().len(), 3);
    assert!(!before.contains("paused") && !summary().contains("paused"));
}

#[test]
fn a_change_can_be_paused_before_its_first_review() {
    let github = world();
    let model = Anthropic::start();
    says(&github, Some(&model), "bob", "@pipewright pause");
    let event = event::pull_request(&github, 7, "synchronize");
    let ran = run(&github, Some(&model), "pull_request", &event);
    assert_eq!((ran.code, model.requests().len()), (0, 0), "{}", ran.stderr);
    says(&github, Some(&model), "bob", "@pipewright resume");
    model.on("", answer(json!([finding("src/total.rs", 7, DIVISION, "Divides by zero")])));
    let ran = run(&github, Some(&model), "pull_request", &event);
    assert_eq!((ran.code, model.requests().len()), (1, 1), "{}", ran.stderr);
    let summaries = bodies(&github);
    let summaries = summaries.iter().filter(|b| b.starts_with("<!-- pipewright:summary"));
    assert_eq!(summaries.count(), 1);
}

#[test]
fn a_review_asked_for_in_full_reads_everything_again() {
    let github = world();
    let model = Anthropic::start();
    model.on("", answer(json!([])));
    let event = event::pull_request(&github, 7, "opened");
    run(&github, Some(&model), "pull_request", &event);
    says(&github, Some(&model), "bob", "@pipewright review");
    assert_eq!(model.requests().len(), 1, "everything was read");
    model.on("", answer(json!([finding("src/total.rs", 7, DIVISION, "Divides by zero")])));
    let ran = says(&github, Some(&model), "bob", "@pipewright review full");
    assert_eq!((ran.code, model.requests().len()), (1, 2), "{}", ran.stderr);
    assert_eq!(github.review_comments(7).len(), 1);
    assert_eq!(github.reactions().len(), 2, "each is seen");
}

#[test]
fn pipeline_files_are_checked_by_rule() {
    let github = world();
    github.pull(7, |pull| {
        pull.head(
            ".github/workflows/x.yml",
            "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: some/action@main\n      - run: echo ${{ github.event.pull_request.title }}\n",
        );
    });
    let model = Anthropic::start();
    let ran = says(&github, Some(&model), "bob", "@pipewright pipeline");
    assert_eq!((ran.code, model.requests().len()), (0, 0), "{}", ran.stderr);
    insta::assert_snapshot!("pipeline", steady(&github, &bodies(&github)[0]));
}

#[test]
fn the_result_as_json_and_the_record_say_what_was_done() {
    let github = world();
    let model = Anthropic::start();
    model.on("", answering("Because.", json!([])));
    let event = event::issue_comment(&github, 7, "bob", "@pipewright ask why?");
    let job = job(&github, Some(&model), "issue_comment", &event).set("PIPEWRIGHT_FORMAT", "json");
    let ran = finished(job.command().output().unwrap());
    let json: Value = serde_json::from_str(&ran.stdout).expect("one JSON object");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/pipewright.answer-1.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&json)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!((&json["command"], &json["posted"]), (&json!("ask"), &json!(true)));
    assert!(job.summary().contains("Because."), "{}", job.summary());
    assert!(job.outputs().contains(&("conclusion".into(), "success".into())));
    let folder = job.temp().join("pipewright");
    let record = std::fs::read_dir(folder).unwrap().flatten().next().expect("a record");
    let record = std::fs::read_to_string(record.path()).unwrap();
    assert!(
        record.contains("\"task\":\"ask\"") && record.contains("\"access\":\"write\""),
        "{record}"
    );
}
