//! Harness as a deployer: executions are followed, taken back once and no more, whatever
//! comes in between; every request is held against the description of its API.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipewright::deploy::harness::{Harness, Place, Subject};
use pipewright::deploy::{ApprovalStatus, Deployer as _, Execution, Means, RollbackState, Status};
use pipewright::http::{Client, Config};
use pipewright::inputs::Autonomy;
use pipewright::policy::{Grounds, RollbackPermit, Token, rule};
use pipewright::redact::Secret;
use serde_json::json;

use crate::support::harness::run::{Run, START, Stage, Step};
use crate::support::harness::{self as fake, KEY, PIPELINE, PLACE};
use crate::support::server::{Reply, Wire};

const FILE: &str = include_str!("fixtures/harness/deploy_prod.yaml");

/// An execution that deploys two regions side by side after a build.
fn running() -> Run {
    let step = |status| Step::new("rollingDeployment", "K8sRollingDeploy", status);
    let mut build = Stage::new("build", "Success", vec![Step::new("image", "Run", "Success")]);
    build.kind = "CI".to_owned();
    Run::new(
        "run-1",
        "Running",
        vec![
            build,
            Stage::new("deploy_eu", "Running", vec![step("Running")]),
            Stage::new("deploy_us", "Running", vec![step("AsyncWaiting")]).beside(),
            Stage::new("after", "NotStarted", Vec::new()),
        ],
    )
}

fn succeeded() -> Run {
    let mut run = running();
    run.end("Success");
    run.stages.truncate(2);
    run
}

/// A client of that Harness with the waits that it took, which take no time.
struct Asked {
    harness: Harness,
    waits: Arc<Mutex<Vec<Duration>>>,
}

fn ask(server: &fake::Harness) -> Asked {
    ask_with(server, Subject { pipeline: Some(PIPELINE.to_owned()), ..Subject::default() })
}

fn ask_with(server: &fake::Harness, subject: Subject) -> Asked {
    let waits: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let seen = waits.clone();
    let config = Config {
        sleep: Arc::new(move |wait| {
            seen.lock().unwrap().push(wait);
            Box::pin(async {})
        }),
        ..Config::default()
    };
    let place = Place {
        account: PLACE[0].to_owned(),
        organization: PLACE[1].to_owned(),
        project: PLACE[2].to_owned(),
    };
    let client = Client::new(config).unwrap();
    let harness = Harness::new(&client, server.url(), place, &Secret::new(KEY), subject).unwrap();
    Asked { harness, waits }
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn permit() -> RollbackPermit {
    let grounds = Grounds {
        input: Autonomy::Act,
        base: None,
        token: Token::Writes,
        asker: None,
        asker_needs: None,
    };
    rule(&grounds).roll_back(true, false).expect("the policy allows it")
}

fn look(server: &fake::Harness) -> Execution {
    block(ask(server).harness.execution()).unwrap()
}

/// Finds the means and acts on them, as one run of the program does.
fn act(server: &fake::Harness) -> anyhow::Result<RollbackState> {
    block(async {
        let asked = ask(server);
        let execution = asked.harness.execution().await?;
        let means = asked.harness.can_roll_back(&execution).await?;
        if let Means::Impossible { why } = &means {
            anyhow::bail!("{why}");
        }
        Ok(asked.harness.roll_back(&permit(), &means).await?.state)
    })
}

#[test]
fn an_execution_is_seen_with_its_stages_and_steps() {
    let server = fake::Harness::start(running(), FILE);
    server.after(2, |run| {
        run.stage("deploy_us").step("rollingDeployment").status = "Melting".to_owned();
    });
    let execution = look(&server);
    assert_eq!((execution.id.as_str(), &execution.status), ("run-1", &Status::Running));
    assert_eq!(execution.started_at, Some(START));
    let url = execution.url.clone().unwrap();
    assert!(
        url.ends_with(
            "/cd/orgs/default/projects/proj/pipelines/deploy_prod/executions/run-1/pipeline"
        ),
        "{url}"
    );
    let stages: Vec<(&str, &str)> =
        execution.stages.iter().map(|one| (one.identifier.as_str(), one.status.as_str())).collect();
    assert_eq!(
        stages,
        [
            ("build", "Success"),
            ("deploy_eu", "Running"),
            ("deploy_us", "Running"),
            ("after", "NotStarted")
        ]
    );
    assert_eq!(execution.stages[1].id, "run-1-deploy_eu-node");
    assert_eq!(execution.stages[1].target.service.as_deref(), Some("checkout"));
    let steps: Vec<(&str, &str)> =
        execution.steps.iter().map(|one| (one.stage.as_str(), one.identifier.as_str())).collect();
    assert_eq!(
        steps,
        [
            ("build", "image"),
            ("deploy_eu", "rollingDeployment"),
            ("deploy_us", "rollingDeployment")
        ]
    );
    // A status that nobody knows is no end.
    let execution = look(&server);
    assert_eq!(execution.steps[2].status, Status::Unknown("Melting".to_owned()));
    assert!(execution.steps[2].status.is_under_way());
    server.assert_clean();
}

#[test]
fn graphs_of_one_stage_at_a_time_are_put_together() {
    let server = fake::Harness::start(running(), FILE);
    server.state().is_old = true;
    let execution = look(&server);
    let stages: Vec<&str> = execution.steps.iter().map(|one| one.stage.as_str()).collect();
    assert_eq!(stages, ["build", "deploy_eu", "deploy_us"]);
    server.assert_clean();
}

#[test]
fn logs_of_failed_steps_come_without_the_key() {
    let mut run = running();
    let eu = run.stage("deploy_eu");
    eu.steps[0] = eu.steps[0].clone().failed(
        "Timed out",
        "accountId:acc/orgId:default/runSequence:7/level0:pipeline/level1:deploy_eu",
    );
    run.end("Failed");
    let server = fake::Harness::start(run, FILE);
    let lines = fake::zipped(&[("INFO", "waiting"), ("ERROR", "ImagePullBackOff")]);
    let key = "accountId:acc/orgId:default/runSequence:7/level0:pipeline/level1:deploy_eu";
    server.state().logs.insert(key.to_owned(), (2, lines));
    block(async {
        let asked = ask(&server);
        let execution = asked.harness.execution().await.unwrap();
        let failed = execution.steps.iter().find(|step| step.log_key.is_some()).unwrap();
        assert_eq!(failed.message.as_deref(), Some("Timed out"));
        let log = asked.harness.log(failed).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&log), "waiting\nERROR: ImagePullBackOff\n");
        let mut lost = failed.clone();
        lost.log_key = Some("gone".to_owned());
        let error = asked.harness.log(&lost).await.unwrap_err().to_string();
        assert!(error.contains("no logs under this prefix"), "{error}");
    });
    assert_eq!(server.count("log-service"), 4);
    server.assert_clean();
}

#[test]
fn each_parallel_stage_is_marked_once() {
    let server = fake::Harness::start(running(), FILE);
    server.state().delay = 1;
    assert_eq!(act(&server).unwrap(), RollbackState::Started);
    assert_eq!(server.count("PUT "), 2);
    assert_eq!(server.state().rollbacks, 2, "one a stage");
    // Another run, before and while the rollback is seen, sends nothing.
    for _ in 0..3 {
        let state = act(&server);
        let said = format!("{state:?}");
        assert!(
            state.is_ok_and(|state| state == RollbackState::UnderWay)
                || said.contains("way back")
                || said.contains("rolled back"),
            "{said}"
        );
    }
    let execution = look(&server);
    assert_eq!(execution.status, Status::Failed);
    assert!(
        execution
            .steps
            .iter()
            .filter(|step| step.is_rollback)
            .all(|step| step.status == Status::Success)
    );
    assert_eq!((server.count("PUT "), server.state().rollbacks), (2, 2));
    server.assert_clean();
}

#[test]
fn what_was_killed_between_two_stages_is_completed() {
    // One stage is being stopped, or is on its way back already; the other goes on.
    for is_stopping in [true, false] {
        let mut run = running();
        let eu = run.stage("deploy_eu");
        match is_stopping {
            true => eu.step("rollingDeployment").status = "Discontinuing".to_owned(),
            false => eu.fail_by_mark(),
        }
        let server = fake::Harness::start(run, FILE);
        assert_eq!(act(&server).unwrap(), RollbackState::Started, "{is_stopping}");
        assert_eq!((server.count("deploy_us-node"), server.count("PUT ")), (1, 1));
        assert_eq!(server.state().rollbacks, 1);
        // Nothing is left to do.
        let again = act(&server);
        assert!(!matches!(again, Ok(RollbackState::Started)), "{again:?}");
        assert_eq!(server.count("PUT "), 1);
        server.assert_clean();
    }
}

#[test]
fn what_would_not_roll_back_is_said_and_left() {
    let without = FILE.replace("UserMarkedFailure", "Timeout").replace("AllErrors", "Verification");
    let ignored = FILE.replace("type: StageRollback", "type: Ignore");
    let no_steps = FILE.replace("rollbackSteps:", "formerSteps:");
    for (file, part) in [
        (without.as_str(), "has no failure strategy for UserMarkedFailure"),
        (&ignored, "answers a mark as failed with `Ignore`"),
        (&no_steps, "has no `rollbackSteps`"),
        ("pipeline:\n  template: {templateRef: golden}\n", "template `golden`"),
        ("- [", "no YAML"),
    ] {
        let server = fake::Harness::start(running(), file);
        let error = act(&server).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert_eq!(server.count("PUT "), 0);
        server.assert_clean();
    }
    // Nothing runs that a mark would end.
    let mut run = running();
    run.stage("deploy_eu").step("rollingDeployment").status = "Success".to_owned();
    let server = fake::Harness::start(run, FILE);
    let error = act(&server).unwrap_err().to_string();
    assert!(error.contains("no step of the stage `deploy_eu` runs"), "{error}");
}

#[test]
fn templates_and_inputs_are_looked_through() {
    let template = "pipeline:\n  template: {templateRef: golden}\n";
    let server = fake::Harness::start(running(), template);
    server.state().resolved = Some(FILE.to_owned());
    assert_eq!(act(&server).unwrap(), RollbackState::Started);
    server.assert_clean();

    let start = FILE.find("            failureStrategies:").unwrap();
    let end = FILE.find("            spec:").unwrap();
    let by_input =
        FILE.replace(&FILE[start..end], "            failureStrategies: &strategies <+input>\n");
    let server = fake::Harness::start(running(), &by_input);
    let error = act(&server).unwrap_err().to_string();
    assert!(error.contains("are an input of the execution"), "{error}");
    server.state().inputs = FILE.to_owned();
    assert_eq!(act(&server).unwrap(), RollbackState::Started);
    server.assert_clean();
}

#[test]
fn what_succeeded_is_taken_back_after_a_check_and_once() {
    let server = fake::Harness::start(succeeded(), FILE);
    let asked = ask(&server);
    let (means, done) = block(async {
        let execution = asked.harness.execution().await.unwrap();
        let means = asked.harness.can_roll_back(&execution).await.unwrap();
        let done = asked.harness.roll_back(&permit(), &means).await.unwrap();
        (means, done)
    });
    assert!(
        matches!(&means, Means::AfterSuccess { instances, .. } if instances.len() == 1),
        "{means:?}"
    );
    assert_eq!((done.state, done.execution.as_deref()), (RollbackState::Started, Some("back-1")));
    assert_eq!((server.count("rollback/check"), server.count("rollback/trigger")), (1, 1));
    // The same means again, as after a kill; then once that one has ended.
    let again = block(asked.harness.roll_back(&permit(), &means)).unwrap();
    assert_eq!(
        (again.state, again.execution.as_deref()),
        (RollbackState::UnderWay, Some("back-1"))
    );
    server.state().runs[0].status = "Success".to_owned();
    let again = block(asked.harness.roll_back(&permit(), &means)).unwrap();
    assert_eq!(again.state, RollbackState::Done);
    assert_eq!((server.count("rollback/trigger"), server.state().rollbacks), (1, 1));
    // Harness itself says so where its list does not show it yet.
    server.state().runs.remove(0);
    let again = block(asked.harness.roll_back(&permit(), &means)).unwrap();
    assert_eq!(again.state, RollbackState::UnderWay);
    assert_eq!((server.count("rollback/trigger"), server.state().rollbacks), (1, 1));
    server.assert_clean();
}

#[test]
fn an_older_execution_is_not_taken_back_from_under_a_newer_one() {
    let server = fake::Harness::start(succeeded(), FILE);
    let subject = Subject { execution: Some("run-1".to_owned()), ..Subject::default() };
    let asked = ask_with(&server, subject);
    block(async {
        let execution = asked.harness.execution().await.unwrap();
        let means = asked.harness.can_roll_back(&execution).await.unwrap();
        let mut newer = running();
        newer.id = "run-2".to_owned();
        newer.started = START + 60_000;
        server.state().runs.insert(0, newer);
        let done = asked.harness.roll_back(&permit(), &means).await.unwrap();
        assert_eq!(
            (done.state, done.execution.as_deref()),
            (RollbackState::Superseded, Some("run-2"))
        );
    });
    assert_eq!(server.count("rollback/"), 0);
    server.assert_clean();
}

#[test]
fn refusals_for_the_rate_are_waited_out_and_nothing_is_done_twice() {
    let server = fake::Harness::start(running(), FILE);
    for path in ["execution/v2", "execution/v2", "execution/v2", "interrupt", "interrupt"] {
        server.fault(path, fake::refuse(429, "TOO_MANY_REQUESTS", "Too many requests"));
    }
    let asked = ask(&server);
    block(async {
        let execution = asked.harness.execution().await.unwrap();
        let means = asked.harness.can_roll_back(&execution).await.unwrap();
        let done = asked.harness.roll_back(&permit(), &means).await.unwrap();
        assert_eq!(done.state, RollbackState::Started);
    });
    let waits = asked.waits.lock().unwrap().clone();
    assert_eq!(waits.len(), 5);
    // Two to four seconds, then twice and four times that.
    assert!(
        waits[0].as_secs() >= 2 && waits[0].as_secs() <= 4 && waits[2] == waits[0] * 4,
        "{waits:?}"
    );
    assert_eq!((server.count("PUT "), server.state().rollbacks), (4, 2));
    server.assert_clean();
}

#[test]
fn a_proxys_pages_are_survived() {
    let server = fake::Harness::start(running(), FILE);
    server.fault("execution/v2", fake::page(502, "502 Bad Gateway"));
    assert_eq!(look(&server).id, "run-1");
    server.fault("execution/v2", fake::page(200, "Please sign in"));
    let error = block(ask(&server).harness.execution()).unwrap_err().to_string();
    assert!(error.contains("a page came in place of an answer (Please sign in"), "{error}");
    server.fault("execution/v2", fake::page(403, "Blocked by the firewall"));
    let error = block(ask(&server).harness.execution()).unwrap_err().to_string();
    assert!(error.contains("403: Blocked by the firewall") && error.contains("proxy"), "{error}");
    server.fault("execution/v2", fake::refuse(404, "ENTITY_NOT_FOUND", "no such execution"));
    let error = block(ask(&server).harness.execution()).unwrap_err().to_string();
    assert!(error.contains("ENTITY_NOT_FOUND: no such execution (correlation corr-1)"), "{error}");
    // Some errors come as a success.
    let body = json!({ "status": "FAILURE", "code": "X", "message": "not today", "data": null });
    server.fault("execution/v2", Reply::json(200, &body));
    let error = block(ask(&server).harness.execution()).unwrap_err().to_string();
    assert!(error.contains("not today"), "{error}");
    server.assert_clean();
}

#[test]
fn a_lost_answer_to_the_mark_is_looked_up() {
    // The call arrives, its answer does not; then the same in a run of its own.
    let mut run = running();
    run.stages.remove(2);
    let server = fake::Harness::start(run, FILE);
    server.state().delay = 3;
    let lost = Reply { wire: Wire::Nothing, ..fake::refuse(500, "X", "lost") };
    let asked = ask(&server);
    block(async {
        let execution = asked.harness.execution().await.unwrap();
        let means = asked.harness.can_roll_back(&execution).await.unwrap();
        // The connection breaks after Harness has done it.
        {
            let mut state = server.state();
            let stage = state.runs[0].stage("deploy_eu");
            stage.marked = Some(3);
            stage.step("rollingDeployment").status = "Discontinuing".to_owned();
            state.rollbacks += 1;
        }
        server.fault("interrupt", lost);
        let done = asked.harness.roll_back(&permit(), &means).await.unwrap();
        assert_eq!(done.state, RollbackState::UnderWay);
    });
    assert_eq!((server.count("PUT "), server.state().rollbacks), (0, 1));
    server.assert_clean();
}

#[test]
fn ends_that_are_no_success_are_named_and_not_rolled_back_again() {
    for (status, words) in [
        ("Expired", "ran out of time"),
        ("Aborted", "was aborted"),
        ("AbortedByFreeze", "was stopped by a deployment freeze"),
        ("ApprovalRejected", "was not approved"),
        ("Errored", "could not be run"),
    ] {
        let server = fake::Harness::start(running(), FILE);
        server.after(2, move |run| run.end(status));
        assert_eq!(look(&server).status, Status::Running);
        let execution = look(&server);
        assert_eq!(execution.status.words(), words);
        assert!(execution.ended_at.is_some());
        let error = act(&server).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!((server.count("PUT "), server.count("rollback/")), (0, 0));
        server.assert_clean();
    }
}

#[test]
fn approvals_are_listed_and_answered_once() {
    let server = fake::Harness::start(running(), FILE);
    server.state().approvals = vec![
        json!({"id": "ap-1", "type": "HarnessApproval", "status": "WAITING", "approval_message": "ship it?"}),
        json!({"id": "ap-0", "type": "HarnessApproval", "status": "EXPIRED"}),
        json!({"type": "HarnessApproval"}),
    ];
    let asked = ask(&server);
    block(async {
        let execution = asked.harness.execution().await.unwrap();
        let list = asked.harness.approvals(&execution).await.unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(
            (list[0].status, list[1].status),
            (ApprovalStatus::Waiting, ApprovalStatus::Over)
        );
        assert_eq!(list[0].message.as_deref(), Some("ship it?"));
        asked.harness.answer(&permit(), &list[0], false, "error rate 4%").await.unwrap();
        assert_eq!(server.state().approvals[0]["status"], "REJECTED");
        let error = asked.harness.answer(&permit(), &list[0], true, "").await.unwrap_err();
        assert!(error.to_string().contains("already completed"), "{error}");
    });
    server.assert_clean();
}

#[test]
fn rights_are_those_that_harness_names() {
    let server = fake::Harness::start(running(), FILE);
    let wanted = [
        ("PIPELINE", "core_pipeline_view"),
        ("PIPELINE", "core_pipeline_edit"),
        ("PIPELINE", "core_pipeline_execute"),
    ];
    let held = block(ask(&server).harness.rights(&wanted)).unwrap();
    let held: Vec<bool> = held.iter().map(|one| one.is_held).collect();
    assert_eq!(held, [true, false, true]);
    server.assert_clean();
}

#[test]
fn the_step_that_watches_its_own_execution_takes_it_back_by_failing() {
    let server = fake::Harness::start(running(), FILE);
    let subject = Subject {
        own: Some("run-1".to_owned()),
        pipeline: Some(PIPELINE.to_owned()),
        ..Subject::default()
    };
    let asked = ask_with(&server, subject);
    block(async {
        let execution = asked.harness.execution().await.unwrap();
        let means = asked.harness.can_roll_back(&execution).await.unwrap();
        assert_eq!(means, Means::ByFailing);
        let done = asked.harness.roll_back(&permit(), &means).await.unwrap();
        assert_eq!(done.state, RollbackState::ByExit);
    });
    assert_eq!(server.count("PUT "), 0);
    server.assert_clean();
}

#[test]
fn keys_go_to_harness_over_https_only() {
    let client = Client::new(Config::default()).unwrap();
    let make = |url: &str| {
        let place = Place { account: "a".into(), organization: "o".into(), project: "p".into() };
        Harness::new(&client, url, place, &Secret::new(KEY), Subject::default()).err()
    };
    for (url, is_fine) in [
        ("https://app.harness.io", true),
        ("https://app.harness.io/gateway/", true),
        ("http://127.0.0.1:1", true),
        ("http://harness.example", false),
        ("harness", false),
    ] {
        assert_eq!(make(url).is_none(), is_fine, "{url}");
    }
}

#[test]
fn an_execution_of_another_pipeline_is_refused() {
    let mut run = running();
    run.pipeline = "other".to_owned();
    let server = fake::Harness::start(run, FILE);
    let subject = Subject {
        pipeline: Some(PIPELINE.to_owned()),
        execution: Some("run-1".to_owned()),
        own: None,
    };
    let error = block(ask_with(&server, subject).harness.execution()).unwrap_err().to_string();
    assert!(error.contains("one of the pipeline other, not of deploy_prod"), "{error}");
    let error = block(ask(&server).harness.execution()).unwrap_err().to_string();
    assert!(error.contains("has no execution yet"), "{error}");
    server.assert_clean();
}
