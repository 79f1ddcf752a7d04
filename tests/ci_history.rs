//! `--history server`: times of past runs come from the CI server's API.

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::ci::{Actions, Ci};
use support::ci_others::{self, OTHERS, Other};

/// A repository with one pipeline file.
fn repository(path: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    folder
}

fn pipeline(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = support::binary();
    command.current_dir(folder).args(["pipeline"]).args(args).args(["--format", "json"]);
    command.envs(env.iter().copied());
    command
}

const WORKFLOW: &str = include_str!("fixtures/pipelines/github.yml");

fn github(ci: &Ci, token: &str, args: &[&str]) -> Output {
    let folder = repository(".github/workflows/ci.yml", WORKFLOW);
    let env = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "acme/widgets"),
        ("GITHUB_API_URL", ci.server.url.as_str()),
        ("GITHUB_TOKEN", token),
    ];
    pipeline(folder.path(), args, &env).output().unwrap()
}

const TOKEN: &str = "ghs_history_test";
const SERVER: &[&str] = &["optimize", "--history", "server"];

fn shop() -> Actions {
    Actions::new(&[("Lint", 60), ("Unit tests", 600), ("image", 300), ("deploy", 90), ("scan", 30)])
}

#[track_caller]
fn json(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    serde_json::from_slice(&output.stdout).expect("JSON on standard output")
}

/// Bases of all savings, each once.
fn bases(report: &Value) -> Vec<&str> {
    let file = &report["files"][0];
    let changes = file["changes"].as_array().into_iter().flatten();
    let all = std::iter::once(&file["saving"]).chain(changes.map(|change| &change["saving"]));
    let mut bases: Vec<&str> = all.filter_map(|saving| saving["basis"].as_str()).collect();
    bases.sort_unstable();
    bases.dedup();
    bases
}

fn notes(report: &Value) -> String {
    let notes = report["notes"].as_array().into_iter().flatten();
    notes.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Exit code 2 or 3, with these words.
#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no `{word}` in: {stderr}");
    }
    assert!(!stderr.contains(TOKEN) && !stderr.contains(ci_others::TOKEN), "{stderr}");
}

#[test]
fn times_come_from_github() {
    let ci = shop().start();
    let report = json(&github(&ci, TOKEN, SERVER));
    ci.is_content();
    assert_eq!(bases(&report), ["history"], "{report:#}");
    assert_eq!(notes(&report), "");
    let calls = ci.calls();
    // The repository, the runs, and thirty runs' jobs.
    assert_eq!(calls.len(), 32, "{calls:#?}");
    assert!(calls.iter().any(|call| call.contains("branch=main")), "{calls:?}");
}

#[test]
fn in_a_job_the_server_is_asked_without_being_named() {
    let ci = shop().start();
    let report = json(&github(&ci, TOKEN, &["optimize"]));
    ci.is_content();
    assert_eq!(bases(&report), ["history"]);
    let graph = json(&github(&ci, TOKEN, &["graph"]));
    assert_eq!(graph["files"][0]["critical_paths"][0]["basis"], "history");
    let check = github(&ci, TOKEN, &["check", "--fail-on", "none"]);
    json(&check);
    // Elsewhere nobody is asked.
    let folder = repository(".github/workflows/ci.yml", WORKFLOW);
    let asked = ci.calls().len();
    let env = [("GITHUB_API_URL", ci.server.url.as_str()), ("GITHUB_TOKEN", TOKEN)];
    let report = json(&pipeline(folder.path(), &["optimize"], &env).output().unwrap());
    assert_eq!(bases(&report), ["estimate"]);
    assert_eq!(ci.calls().len(), asked);
}

#[test]
fn without_a_token_it_is_an_error_or_an_estimate() {
    let ci = shop().start();
    let words = ["GITHUB_TOKEN", "--history FILE"];
    refused(&github(&ci, "", SERVER), 2, &words);
    let report = json(&github(&ci, "", &["optimize"]));
    assert_eq!(bases(&report), ["estimate"]);
    assert!(notes(&report).contains("GITHUB_TOKEN"), "{report:#}");
    assert!(ci.calls().is_empty());
}

#[test]
fn a_refusal_is_an_error_or_an_estimate() {
    for (status, header, words, most) in [
        (401, "", "not accepted", 1),
        (403, "", "`actions: read`", 1),
        (404, "", "there is none", 1),
        (429, "retry-after: 7200", "too many requests", 1),
        (403, "retry-after: 7200", "too many requests", 1),
        (500, "", "the server failed", 4),
    ] {
        let mut actions = shop();
        actions.faults.push(("/actions/workflows/".to_owned(), status, header));
        let ci = actions.start();
        let output = github(&ci, TOKEN, SERVER);
        refused(&output, 3, &[words, "--history FILE", &status.to_string()]);
        // The repository came first.
        assert_eq!(ci.calls().len() - 1, most, "{status}: {:?}", ci.calls());
        let report = json(&github(&ci, TOKEN, &["optimize"]));
        assert_eq!(bases(&report), ["estimate"], "{status}");
        assert!(notes(&report).contains(words), "{status}: {report:#}");
        ci.is_content();
    }
}

#[test]
fn a_run_that_cannot_be_had_is_left_out_and_said() {
    let mut actions = shop();
    actions.faults.push(("/runs/5000000038/jobs".to_owned(), 404, ""));
    let ci = actions.start();
    let report = json(&github(&ci, TOKEN, SERVER));
    assert_eq!(bases(&report), ["history"]);
    assert!(notes(&report).contains("1 of 30 past runs are missing"), "{report:#}");
    // What is refused to all is not asked thirty times.
    let mut actions = shop();
    actions.faults.push(("/jobs".to_owned(), 403, ""));
    let ci = actions.start();
    refused(&github(&ci, TOKEN, SERVER), 3, &["`actions: read`"]);
    assert!(ci.calls().len() < 12, "{:?}", ci.calls());
}

#[test]
fn other_branches_stand_in_and_a_new_workflow_is_estimated() {
    let mut actions = shop();
    (actions.runs, actions.elsewhere) = (0, 12);
    let ci = actions.start();
    let report = json(&github(&ci, TOKEN, SERVER));
    assert_eq!(bases(&report), ["history"]);
    assert!(notes(&report).contains("no successful run on main"), "{report:#}");
    let mut actions = shop();
    actions.runs = 0;
    let ci = actions.start();
    let report = json(&github(&ci, TOKEN, SERVER));
    assert_eq!(bases(&report), ["estimate"]);
    assert!(notes(&report).contains("no successful run yet"), "{report:#}");
    ci.is_content();
}

#[test]
fn runs_of_two_thousand_jobs_are_read_whole_and_bounded() {
    let mut actions = shop();
    actions.jobs.extend((0..1_995).map(|number| (format!("extra ({number})"), 20)));
    let ci = actions.start();
    let start = Instant::now();
    let report = json(&github(&ci, TOKEN, SERVER));
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    ci.is_content();
    assert_eq!(bases(&report), ["history"]);
    assert!(notes(&report).contains("Only the newest 10 runs"), "{}", notes(&report));
    // Thirty first pages, nineteen more of each of ten.
    assert_eq!(ci.calls().len(), 2 + 30 + 10 * 19);
}

#[test]
fn a_token_is_sent_over_https_or_to_this_machine() {
    let folder = repository(".github/workflows/ci.yml", WORKFLOW);
    let env = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "acme/widgets"),
        ("GITHUB_API_URL", "http://ghe.example.test/api/v3"),
        ("GITHUB_TOKEN", TOKEN),
    ];
    let output = pipeline(folder.path(), SERVER, &env).output().unwrap();
    refused(&output, 2, &["no token is sent to http://ghe.example.test"]);
}

#[test]
fn a_redirect_takes_no_token_along() {
    let other = Ci::start(|request| match request.header("authorization") {
        None => Ok(support::server::Reply::json(401, &serde_json::json!({}))),
        Some(_) => Err("the token came along".to_owned()),
    });
    let mut actions = shop();
    let to = format!("location: {}/elsewhere", other.server.url);
    actions.faults.push(("/actions/workflows/".to_owned(), 302, to.leak()));
    let ci = actions.start();
    refused(&github(&ci, TOKEN, SERVER), 3, &["--history FILE"]);
    assert_eq!(other.calls(), ["GET /elsewhere"]);
    other.is_content();
}

/// In a job of another host.
fn elsewhere(other: &Other, ci: &Ci, token: &str, args: &[&str]) -> Output {
    let folder = repository(other.file, other.text);
    let values: Vec<(&str, String)> = (other.env.iter())
        .map(|(name, value)| (*name, value.replace("URL", &ci.server.url)))
        .collect();
    let mut env: Vec<(&str, &str)> =
        values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    env.extend([("CI", "true"), (other.token, token)]);
    pipeline(folder.path(), args, &env).output().unwrap()
}

#[test]
fn times_come_from_the_other_servers() {
    for other in OTHERS {
        for args in [&["graph"][..], &["graph", "--history", "server"]] {
            let ci = other.start(None);
            let report = json(&elsewhere(other, &ci, ci_others::TOKEN, args));
            ci.is_content();
            let basis = &report["files"][0]["critical_paths"][0]["basis"];
            assert_eq!(basis, "history", "{}: {report:#} {:#?}", other.name, ci.calls());
            let expected = other.lists + ci_others::RUNS as usize;
            assert_eq!(ci.calls().len(), expected, "{}: {:#?}", other.name, ci.calls());
            // Every job was found by its name.
            let jobs = report["files"][0]["jobs"].as_array().unwrap();
            let seconds = jobs.iter().filter_map(|job| job["seconds"].as_f64());
            let mut seconds: Vec<f64> = seconds.collect();
            seconds.sort_by(f64::total_cmp);
            for (place, seconds) in seconds.iter().enumerate() {
                let told = 60.0 + 90.0 * place as f64;
                assert!((told..told + 5.0).contains(seconds), "{}: {jobs:#?}", other.name);
            }
        }
        let ci = other.start(None);
        let report = json(&elsewhere(other, &ci, ci_others::TOKEN, SERVER));
        assert!(!bases(&report).contains(&"estimate"), "{}: {report:#}", other.name);
    }
}

#[test]
fn the_other_servers_may_refuse() {
    for other in OTHERS {
        let ci = other.start(None);
        let output = elsewhere(other, &ci, "", SERVER);
        refused(&output, 2, &[other.token, "--history FILE"]);
        assert!(ci.calls().is_empty(), "{}", other.name);
        for status in [401, 403, 404] {
            let ci = other.start(Some(status));
            let output = elsewhere(other, &ci, ci_others::TOKEN, SERVER);
            refused(&output, 3, &[other.name, &status.to_string(), "--history FILE"]);
            assert_eq!(ci.calls().len(), 1, "{}: {:?}", other.name, ci.calls());
            ci.is_content();
        }
        let ci = other.start(Some(403));
        let report = json(&elsewhere(other, &ci, ci_others::TOKEN, &["optimize"]));
        assert!(!bases(&report).contains(&"history"), "{}", other.name);
        assert!(notes(&report).contains("403"), "{}: {report:#}", other.name);
    }
}
