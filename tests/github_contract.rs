//! The in-memory GitHub can fail: its checks find what GitHub would refuse,
//! and its kill points kill.

mod support;

use std::process::Command;

use serde_json::json;
use support::contract::{check_answer, check_request, shared};
use support::github::{GitHub, Phase};
use support::server::Request;

fn request(method: &str, target: &str, body: serde_json::Value) -> Request {
    let header = |name: &str| (name.to_owned(), "x".to_owned());
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let headers = vec![header("user-agent"), header("x-github-api-version")];
    Request { method: method.into(), target: target.into(), headers, body }
}

#[test]
fn what_github_would_refuse_is_found() {
    if shared("specs/github-contract.json").is_none() {
        return;
    }
    let check = |method: &str, target: &str, body: serde_json::Value, expect: &str| {
        let request = request(method, target, body);
        let wrong = check_request(&request, request.path());
        if expect.is_empty() {
            assert!(wrong.is_empty(), "{target}: {wrong:?}");
        } else {
            assert!(wrong.iter().any(|w| w.contains(expect)), "{target}: {wrong:?}");
        }
    };
    let none = serde_json::Value::Null;
    check("GET", "/repos/a/b/pulls/7/files?per_page=100", none.clone(), "");
    check("GET", "/repos/a/b/pulls/x/files", none.clone(), "no such operation");
    check("GET", "/repos/a/b/pulls/7/files?size=100", none.clone(), "no query parameter");
    check("GET", "/repos/a/b/pulls/7/files?page=x", none.clone(), "integer");
    check("GET", "/repos/a/b/commits/f/check-runs?filter=none", none.clone(), "none");
    check("GET", "/repos/a/b/pulls/7", json!({}), "a body");
    check("POST", "/repos/a/b/issues/7/comments", none.clone(), "no body");
    check("POST", "/repos/a/b/issues/7/comments", json!({ "text": 1 }), "text");
    let comment =
        |extra: &str| json!({ "comments": [{ "path": "a", "body": "b", extra: "RIGHT" }] });
    check("POST", "/repos/a/b/pulls/7/reviews", comment("side"), "");
    check("POST", "/repos/a/b/pulls/7/reviews", comment("sides"), "sides");
    let query = |query: &str| json!({ "query": query });
    check("POST", "/graphql", query("{ viewer { login } }"), "");
    check("POST", "/graphql", query("{ viewer { logout } }"), "no field `logout` on `User`");
    check("POST", "/graphql", query("{ viewer }"), "nothing is asked");
    check("POST", "/graphql", query("{ viewer { login { x } } }"), "has no fields");
    check("POST", "/graphql", query("{ repository(own: 1) { id } }"), "no argument `own`");
    check("POST", "/graphql", query("{ viewer {"), "GraphQL");
    let mut bare = request("GET", "/user", none);
    bare.headers.clear();
    assert_eq!(check_request(&bare, "/user").len(), 2);
    assert!(!check_answer("GET", "/repos/a/b/pulls/7", 200, &json!({ "number": 7 })).is_empty());
}

#[test]
fn a_process_is_killed_before_or_after_its_request_is_processed() {
    for (phase, comments) in [(Phase::Before, 0), (Phase::After, 1)] {
        let github = GitHub::start();
        github.pull(7, |_| {});
        let address = github.url().trim_start_matches("http://").to_owned();
        let (host, port) = address.split_once(':').unwrap();
        let head = "POST /repos/acme/widgets/issues/7/comments HTTP/1.1\\r\\nuser-agent: x\\r\\n\
                    x-github-api-version: x\\r\\nauthorization: Bearer ghs_test\\r\\n\
                    content-length: 12\\r\\n\\r\\n{\"body\":\"x\"}";
        let script = format!(
            "exec 3<>/dev/tcp/{host}/{port}; printf '{head}' >&3; cat <&3 >/dev/null; sleep 20"
        );
        let mut command = Command::new("bash");
        command.args(["-c", &script]);
        let output = support::run_killed_at(&mut command, &github, 0, phase);
        assert!(output.is_none(), "{output:?}");
        // The server goes on when the process is gone.
        assert_eq!(github.comments(7).len(), comments, "{phase:?}");
        let mut command = Command::new("true");
        assert!(support::run_killed_at(&mut command, &github, 9, phase).is_some());
    }
}

#[test]
fn a_job_has_the_variables_of_a_runner_and_nothing_else() {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.head("a", "b\n");
    });
    let event = support::event::pull_request(&github, 7, "opened");
    let job = support::event::Job::new(&github, "pull_request", &event).set("INPUT_MODEL", "x");
    let command = job.command();
    let get = |name: &str| {
        command
            .get_envs()
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| value)
            .map(|value| value.to_string_lossy().into_owned())
    };
    assert_eq!(get("GITHUB_API_URL"), Some(github.api_url()));
    assert_eq!(get("INPUT_MODEL").as_deref(), Some("x"));
    assert_eq!(get("GITHUB_REF").as_deref(), Some("refs/pull/7/merge"));
    let event = std::fs::read_to_string(get("GITHUB_EVENT_PATH").unwrap()).unwrap();
    assert!(event.contains("\"changed_files\":1"));
    for (name, event) in [
        ("issue_comment", support::event::issue_comment(&github, 7, "bob", "@pipewright review")),
        ("workflow_dispatch", support::event::workflow_dispatch(&github, json!({}))),
        ("merge_group", support::event::merge_group(&github, "a", "b")),
        ("push", support::event::push(&github, "a", "b")),
    ] {
        assert!(support::event::Job::new(&github, name, &event).outputs().is_empty());
    }
}
