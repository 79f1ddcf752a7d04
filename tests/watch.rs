//! `pipewright watch`, black box: the binary against a Harness on loopback that checks
//! every request, and a GitHub that is commented on.

mod support;

use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::event::{self, Job};
use crate::support::github::GitHub;
use crate::support::harness::run::{Run, Stage, Step};
use crate::support::harness::{Harness, PIPELINE, page, refuse, zipped};
use crate::support::server::{Reply, Server};

const FILE: &str = include_str!("fixtures/harness/deploy_prod.yaml");

/// Most of the new version's instances crash: a clear-cut rollback, unless `act_on` says
/// otherwise.
const SICK: &str = "\
service: checkout
deployment: {version: 1.8.0, previous: 1.7.3}
health:
  - {instance: pod-1, ready: false, restarts: 9, reason: CrashLoopBackOff}
  - {instance: pod-2, ready: false, restarts: 8, reason: CrashLoopBackOff}
";

/// Two regions that are deployed side by side.
fn running() -> Run {
    let step = || Step::new("rollingDeployment", "K8sRollingDeploy", "Running");
    Run::new(
        "run-1",
        "Running",
        vec![
            Stage::new("deploy_eu", "Running", vec![step()]),
            Stage::new("deploy_us", "Running", vec![step()]).beside(),
        ],
    )
}

/// The binary in a folder of its own, with that Harness.
struct Watch {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Watch {
    fn new(server: &Harness) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut variables: Vec<(String, String)> =
            server.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        variables.push(("HOME".to_owned(), folder.path().display().to_string()));
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Watch { folder, variables }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = support::binary();
        command.current_dir(self.folder.path().join("work"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(["watch", "--harness", PIPELINE, "--format", "json"]).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn spec(&self, text: &str) -> String {
        let path = self.folder.path().join("spec.yaml");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn run(&self, args: &[&str]) -> Seen {
        seen(&self.command(args).output().expect("the binary starts"))
    }
}

/// What a run left.
struct Seen {
    code: Option<i32>,
    json: Value,
    stderr: String,
}

fn seen(output: &Output) -> Seen {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if !json.is_null() {
        let schema: Value =
            serde_json::from_str(include_str!("../schemas/pipewright.watch-1.json")).unwrap();
        let errors: Vec<String> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&json)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{json:#}");
    }
    Seen { code: output.status.code(), json, stderr }
}

#[test]
fn an_execution_is_followed_to_its_end() {
    let server = Harness::start(running(), FILE);
    server.after(3, |run| run.end("Success"));
    let seen = Watch::new(&server).run(&[]);
    assert_eq!(seen.code, Some(0), "{}", seen.stderr);
    assert_eq!(seen.json["outcome"], "succeeded");
    assert_eq!(seen.json["execution"]["id"], "run-1");
    assert!(seen.json["polls"].as_u64() >= Some(3), "{}", seen.json);
    // A line for each change, and no more.
    for line in ["rollingDeployment runs", "rollingDeployment succeeded"] {
        assert_eq!(seen.stderr.matches(line).count(), 2, "{line}: {}", seen.stderr);
    }
    server.assert_clean();
}

#[test]
fn what_failed_is_told_with_its_log() {
    let mut run = running();
    run.stage("deploy_eu").steps = vec![
        Step::new("rollingDeployment", "K8sRollingDeploy", "Failed")
            .failed("Task failed with exit code 1", "log-eu"),
    ];
    run.stage("deploy_eu").status = "Failed".to_owned();
    run.end("Failed");
    run.stage("deploy_us").steps[0].status = "Success".to_owned();
    let server = Harness::start(run, FILE);
    let log = zipped(&[
        ("INFO", "Applying manifests"),
        ("ERROR", "Failed to pull image \"shop:1.8.0\": manifest unknown"),
        ("INFO", "Done"),
    ]);
    server.state().logs.insert("log-eu".to_owned(), (1, log));
    let seen = Watch::new(&server).run(&[]);
    assert_eq!(seen.code, Some(1), "{}", seen.stderr);
    let failures = seen.json["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert_eq!(failures[0]["step"], "rollingDeployment");
    assert_eq!(failures[0]["cause"], "image-pull", "{:#}", failures[0]);
    assert!(failures[0]["lines"][0]["text"].as_str().unwrap().contains("manifest unknown"));
    server.assert_clean();
}

#[test]
fn every_end_has_its_word_and_code() {
    for (status, cause, code) in [
        ("Expired", Some("time-out"), 1),
        ("Aborted", Some("aborted"), 1),
        ("AbortedByFreeze", Some("freeze"), 1),
        ("ApprovalRejected", Some("approval-rejected"), 1),
        ("Errored", None, 1),
        ("IgnoreFailed", None, 0),
    ] {
        let mut run = running();
        run.end(status);
        let server = Harness::start(run, FILE);
        let seen = Watch::new(&server).run(&[]);
        assert_eq!(seen.code, Some(code), "{status}: {}", seen.stderr);
        let found = seen.json["failures"][0]["cause"].as_str();
        assert_eq!(found, cause, "{status}: {}", seen.json["failures"]);
        server.assert_clean();
    }
}

#[test]
fn an_unknown_status_is_followed_and_faults_in_between_are_survived() {
    let server = Harness::start(running(), FILE);
    server.after(2, |run| run.status = "Melting".to_owned());
    server.after(4, |run| run.end("Success"));
    server.fault("/execution/v2/", page(502, "Bad gateway"));
    server.fault("/execution/v2/", page(200, "Please log in"));
    let limited = Reply { status: 429, ..refuse(429, "TOO_MANY_REQUESTS", "slow down") };
    server.fault("/execution/v2/", limited.with("retry-after", "1"));
    let seen = Watch::new(&server).run(&[]);
    assert_eq!(seen.code, Some(0), "{}", seen.stderr);
    assert!(seen.stderr.contains("`Melting`"), "{}", seen.stderr);
    server.assert_clean();
}

#[test]
fn a_platform_that_refuses_is_an_error_and_no_verdict() {
    let server = Harness::start(running(), FILE);
    for _ in 0..4 {
        server.fault("/execution/", refuse(403, "ACCESS_DENIED", "Missing permission"));
    }
    let watch = Watch::new(&server);
    let spec = watch.spec(SICK);
    let seen = watch.run(&["--spec", &spec, "--autonomy", "act"]);
    assert_eq!(seen.code, Some(3), "{}", seen.stderr);
    assert!(seen.stderr.contains("Missing permission"), "{}", seen.stderr);
    assert_eq!(server.state().rollbacks, 0);

    let mut none = support::binary();
    let output = none.arg("watch").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_clear_cut_rollback_is_carried_out_once_at_act_only() {
    for (autonomy, act_on, state, rollbacks) in [
        ("act", "[health]", "carried-out", 2),
        ("alert", "[health]", "recommended", 0),
        ("observe", "[health]", "recommended", 0),
        ("act", "[]", "recommended", 0),
    ] {
        let server = Harness::start(running(), FILE);
        let watch = Watch::new(&server);
        let spec = watch.spec(&format!("{SICK}policy: {{act_on: {act_on}}}\n"));
        let args = ["--spec", spec.as_str(), "--autonomy", autonomy, "--timeout-minutes", "1"];
        // What is only recommended is known before the end: there is nothing to wait for.
        if act_on == "[]" {
            server.after(2, |run| run.end("Success"));
        }
        let seen = watch.run(&args);
        assert_eq!(seen.code, Some(10), "{autonomy} {act_on}: {}", seen.stderr);
        assert_eq!(seen.json["action"]["state"], state, "{autonomy} {act_on}: {:#}", seen.json);
        // Both regions, each once.
        assert_eq!(server.count("PUT /pipeline/api/pipeline/execute/interrupt"), rollbacks);
        if rollbacks == 0 {
            continue;
        }
        assert_eq!(seen.json["outcome"], "rolled-back");
        // Started again, it says the same and does nothing.
        let again = watch.run(&args);
        assert_eq!(again.code, Some(10), "{}", again.stderr);
        assert_eq!(again.json["action"]["state"], "done", "{:#}", again.json);
        assert_eq!(server.count("PUT /pipeline/api/pipeline/execute/interrupt"), rollbacks);
        server.assert_clean();
    }
}

#[test]
fn shadow_and_our_own_step_leave_it_alone() {
    let server = Harness::start(running(), FILE);
    let mut watch = Watch::new(&server);
    let spec = watch.spec(SICK);
    let seen = watch.run(&["--spec", &spec, "--autonomy", "act", "--shadow", "on"]);
    assert_eq!(seen.code, Some(0), "{}", seen.stderr);
    assert_eq!(seen.json["decision"]["action"], "rollback");
    // A step of the execution cannot wait for its end: its exit code is what acts.
    watch.variables.push(("HARNESS_EXECUTION_ID".to_owned(), "run-1".to_owned()));
    let seen = watch.run(&["--spec", &spec, "--autonomy", "act"]);
    assert_eq!(seen.code, Some(10), "{}", seen.stderr);
    assert_eq!(seen.json["action"]["state"], "by-exit", "{:#}", seen.json);
    assert_eq!(server.count("PUT "), 0);
    server.assert_clean();
}

#[test]
fn one_that_waits_for_an_approval_is_told_so() {
    let mut run = running();
    run.status = "ApprovalWaiting".to_owned();
    let server = Harness::start(run, FILE);
    let watch = Watch::new(&server);
    let spec = watch.spec(&format!("{SICK}policy: {{act_on: []}}\n"));
    let seen = watch.run(&["--spec", &spec, "--autonomy", "act"]);
    assert_eq!(seen.code, Some(10), "{}", seen.stderr);
    assert_eq!(seen.json["outcome"], "waiting");
    assert_eq!(seen.json["action"]["state"], "recommended");
    server.assert_clean();
}

/// Run it, and kill it when its `nth` request to Harness is at hand (`before`) or done.
fn killed_at(server: &Harness, mut command: Command, nth: usize, before: bool) -> bool {
    let (hit, reached) = mpsc::channel();
    let (killed, go_on) = mpsc::channel::<()>();
    let mut count = 0;
    let mut is_over = false;
    server.at(move |_, is_before| {
        if is_over || is_before != before {
            return;
        }
        count += 1;
        if count == nth {
            is_over = true;
            let _ = hit.send(());
            let _ = go_on.recv_timeout(Duration::from_secs(20));
        }
    });
    let mut child: Child = command.spawn().expect("the binary starts");
    let start = Instant::now();
    loop {
        if reached.try_recv().is_ok() {
            child.kill().expect("the process can be killed");
            child.wait().expect("the process ends");
            let _ = killed.send(());
            return true;
        }
        if child.try_wait().expect("the process can be waited for").is_some() {
            return false;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "the process hangs");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Killed at one of its requests and started again; whether it came that far.
fn completes_after_a_kill(nth: usize, before: bool) -> bool {
    let server = Harness::start(running(), FILE);
    let watch = Watch::new(&server);
    let spec = watch.spec(SICK);
    let args = ["--spec", spec.as_str(), "--autonomy", "act"];
    let was_killed = killed_at(&server, watch.command(&args), nth, before);
    server.at(|_, _| {});
    let seen = watch.run(&args);
    let at = format!("killed at request {nth}, before it: {before}");
    assert_eq!(seen.code, Some(10), "{at}: {}", seen.stderr);
    // Each of the two regions once: the server takes a second mark for a violation.
    assert_eq!(server.state().rollbacks, 2, "{at}: {:#}", seen.json);
    server.assert_clean();
    was_killed
}

#[test]
fn killed_anywhere_and_run_again_it_rolls_back_once() {
    // They mostly wait: side by side.
    let kills = std::thread::scope(|scope| {
        let all: Vec<_> = (1..=8_usize)
            .flat_map(|nth| [(nth, true), (nth, false)])
            .map(|(nth, before)| scope.spawn(move || completes_after_a_kill(nth, before)))
            .collect();
        all.into_iter()
            .map(|one| one.join().expect("it rolls back once"))
            .filter(|one| *one)
            .count()
    });
    assert!(kills > 6, "{kills}");
}

/// A job of GitHub on a change request, with that Harness.
fn job(github: &GitHub, server: &Harness) -> Job {
    let event = event::pull_request(github, 7, "synchronize");
    let mut job = Job::new(github, "pull_request", &event).set("PIPEWRIGHT_FORMAT", "json");
    for (name, value) in server.variables() {
        job = job.set(name, &value);
    }
    job
}

fn bodies(github: &GitHub) -> Vec<String> {
    let state = github.state();
    let bodies = state.comments.iter().map(|(_, one)| one["body"].as_str().unwrap_or_default());
    bodies.filter(|body| body.starts_with("<!-- pipewright:watch ")).map(str::to_owned).collect()
}

#[test]
fn one_comment_says_what_became_of_it() {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.base("a.txt", "a\n").head("a.txt", "b\n");
    });
    let mut run = running();
    run.end("Expired");
    let server = Harness::start(run, FILE);
    let job = job(&github, &server);
    for _ in 0..2 {
        let output =
            job.command().args(["watch", "--harness", PIPELINE]).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let bodies = bodies(&github);
        assert_eq!(bodies.len(), 1, "{bodies:#?}");
        assert!(bodies[0].contains("ran out of time"), "{}", bodies[0]);
    }
    server.assert_clean();
}

#[test]
fn without_a_change_the_commit_has_a_check() {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.base("a.txt", "a\n").head("a.txt", "b\n");
    });
    let (before, after) = {
        let state = github.state();
        (state.pulls[&7].base.clone(), state.pulls[&7].head.clone())
    };
    let mut run = running();
    run.end("Failed");
    let server = Harness::start(run, FILE);
    let event = event::push(&github, &before, &after);
    let mut job = Job::new(&github, "push", &event)
        .set("PIPEWRIGHT_FORMAT", "json")
        .set("GITHUB_SHA", &after);
    for (name, value) in server.variables() {
        job = job.set(name, &value);
    }
    for _ in 0..2 {
        let output =
            job.command().args(["watch", "--harness", PIPELINE]).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let state = github.state();
        assert_eq!(state.checks.len(), 1, "{:#?}", state.checks);
    }
    server.assert_clean();
}

#[test]
fn a_comment_of_somebody_who_may_push_approves() {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.base("a.txt", "a\n").head("a.txt", "b\n");
    });
    github.permission("alice", "write", "write").permission("mallory", "read", "read");
    let mut run = running();
    run.status = "ApprovalWaiting".to_owned();
    let server = Harness::start(run, FILE);
    let job = job(&github, &server);
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("spec.yaml");
    std::fs::write(&spec, format!("{SICK}policy: {{act_on: []}}\n")).unwrap();
    let mut command = job.command();
    command.args(["watch", "--harness", PIPELINE, "--autonomy", "act", "--approval", "comment"]);
    command.arg("--spec").arg(&spec).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the binary starts");
    let start = Instant::now();
    let word = loop {
        let asked = bodies(&github).into_iter().find(|body| body.contains(" approve "));
        if let Some(body) = asked {
            let rest = body.split("approve ").nth(1).unwrap().to_owned();
            break rest.chars().take_while(char::is_ascii_hexdigit).collect::<String>();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is asked");
        std::thread::sleep(Duration::from_millis(20));
    };
    github.comment(7, "mallory", &format!("@pipewright approve {word}"));
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(server.count("PUT "), 0, "somebody who may only read has approved");
    github.comment(7, "alice", &format!("@pipewright approve {word}"));
    let seen = seen(&child.wait_with_output().unwrap());
    assert_eq!(seen.code, Some(10), "{}", seen.stderr);
    assert_eq!(seen.json["action"]["state"], "carried-out", "{:#}", seen.json);
    assert_eq!(seen.json["action"]["answered_by"], "alice");
    assert_eq!(server.state().rollbacks, 2);
    let bodies = bodies(&github);
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    assert!(bodies[0].contains("alice approved it"), "{}", bodies[0]);
    server.assert_clean();
}

#[test]
fn people_are_told_once_from_alert_on() {
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = told.clone();
    let hook = Server::start(move |request| {
        kept.lock().unwrap().push(request.json());
        Reply::new(200, "text/plain", b"ok".to_vec())
    });
    let mut run = running();
    run.end("Failed");
    let server = Harness::start(run, FILE);
    let mut watch = Watch::new(&server);
    watch.variables.push(("PIPEWRIGHT_ALERT_URL".to_owned(), format!("{}/hook", hook.url)));
    assert_eq!(watch.run(&["--autonomy", "propose"]).code, Some(1));
    assert_eq!(told.lock().unwrap().len(), 0);
    for _ in 0..2 {
        let seen = watch.run(&["--autonomy", "alert"]);
        assert_eq!(seen.code, Some(1), "{}", seen.stderr);
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].to_string().contains("run-1"), "{:#}", told[0]);
    }
    server.assert_clean();
}
