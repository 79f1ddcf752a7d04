//! GitHub's deployments and Argo Rollouts on loopback: followed, and taken back once.

#[allow(dead_code, reason = "a part is used")]
#[path = "support/contract.rs"]
mod contract;
#[allow(dead_code, reason = "a part is used")]
#[path = "support/graphql.rs"]
mod graphql;
#[allow(dead_code, reason = "a part is used")]
#[path = "support/server.rs"]
mod server;

use std::sync::{Arc, Mutex, MutexGuard};

use pipewright::deploy::argo::Argo;
use pipewright::deploy::github::{GitHub, Workflow};
use pipewright::deploy::{
    ApprovalStatus, Auth, Deployer, Execution, Means, RollbackState, RolledBack, Server, Status,
};
use pipewright::http::{Client, Config, Retry, Url};
use pipewright::inputs::Autonomy;
use pipewright::policy::{Grounds, RollbackPermit, Token, rule};
use pipewright::redact::Secret;
use serde_json::{Value, json};
use server::{Reply, Request};

fn permit() -> RollbackPermit {
    let grounds = Grounds {
        input: Autonomy::Act,
        base: None,
        token: Token::Writes,
        asker: None,
        asker_needs: None,
    };
    rule(&grounds).roll_back(true, false).expect("a permit at `act`")
}

fn client() -> Client {
    let retry = Retry { attempts: 1, ..Retry::default() };
    Client::new(Config { retry, ..Config::default() }).unwrap()
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// The execution, its means, and what became of them.
fn take_back(deployer: &dyn Deployer) -> anyhow::Result<(Execution, Means, RolledBack)> {
    wait(async {
        let execution = deployer.execution().await?;
        let means = deployer.can_roll_back(&execution).await?;
        let done = deployer.roll_back(&permit(), &means).await?;
        Ok((execution, means, done))
    })
}

/// A repository's deployments: the latest first, each with its states and how it was made.
#[derive(Default)]
struct Repository {
    deployments: Vec<Value>,
    run_status: &'static str,
    writes: Vec<(String, Value)>,
}

impl Repository {
    fn deploy(&mut self, id: u64, sha: char, states: &[&str], by_actions: bool) {
        let sha = sha.to_string().repeat(40);
        let log = match by_actions {
            true => format!("https://github.com/acme/shop/actions/runs/{id}0/job/{id}1"),
            false => String::new(),
        };
        let statuses: Vec<Value> = states
            .iter()
            .rev()
            .map(|state| json!({"id": 1, "state": state, "description": "", "log_url": log, "created_at": "2026-11-20T10:05:00Z"}))
            .collect();
        self.deployments.insert(
            0,
            json!({
            "id": id, "sha": sha, "ref": "main", "task": "deploy", "payload": {"tier": "web"},
            "environment": "production", "description": null, "created_at": "2026-11-20T10:00:00Z",
            "statuses": statuses, "production_environment": true, "transient_environment": false}),
        );
    }
}

/// Bodies that GitHub takes (<https://docs.github.com/rest/deployments/deployments#create-a-deployment>,
/// <https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event>).
fn body_of(path: &str) -> Value {
    if path.ends_with("/deployments") {
        return json!({"type": "object", "additionalProperties": false, "required": ["ref"], "properties": {
            "ref": {"type": "string"}, "task": {"type": "string"}, "auto_merge": {"const": false},
            "required_contexts": {"type": "array", "items": {"type": "string"}}, "payload": {"type": ["object", "string"]},
            "environment": {"type": "string"}, "description": {"type": "string", "maxLength": 140},
            "transient_environment": {"type": "boolean"}, "production_environment": {"type": "boolean"}}});
    }
    if path.ends_with("/dispatches") {
        return json!({"type": "object", "additionalProperties": false, "required": ["ref"], "properties": {
            "ref": {"type": "string", "not": {"pattern": "^[0-9a-f]{40}$"}},
            "inputs": {"type": "object", "maxProperties": 25, "additionalProperties": {"type": "string"}}}});
    }
    json!({"type": "object", "additionalProperties": false, "properties": {"enable_debug_logging": {"type": "boolean"}}})
}

fn github(state: &Arc<Mutex<Repository>>) -> server::Server {
    let state = Arc::clone(state);
    server::Server::start(move |request: Request| {
        assert_eq!(request.header("authorization"), Some("Bearer zq-github-token"));
        assert_eq!(request.header("x-github-api-version"), Some("2022-11-28"));
        let mut repository: MutexGuard<Repository> = state.lock().unwrap();
        let path = request.path().strip_prefix("/repos/acme/shop").unwrap().to_owned();
        if request.method == "POST" {
            let valid = jsonschema::validator_for(&body_of(&path)).unwrap();
            let wrong: Vec<String> =
                valid.iter_errors(&request.json()).map(|e| e.to_string()).collect();
            assert!(wrong.is_empty(), "{path}: {wrong:?}");
            repository.writes.push((path.clone(), request.json()));
            if path == "/deployments" {
                let sha = request.json()["ref"].as_str().unwrap().chars().next().unwrap();
                repository.deploy(99, sha, &[], false);
                return Reply::json(201, &repository.deployments[0]);
            }
            return Reply::json(if path.ends_with("/rerun") { 201 } else { 204 }, &json!({}));
        }
        if path == "/deployments" {
            let most: usize = request.query("per_page").unwrap().parse().unwrap();
            let found: Vec<&Value> = repository.deployments.iter().take(most).collect();
            return Reply::json(200, &json!(found));
        }
        if let Some(rest) = path.strip_prefix("/deployments/") {
            let (id, statuses) = rest.split_once('/').map_or((rest, false), |(id, _)| (id, true));
            let found = repository
                .deployments
                .iter()
                .find(|one| one["id"].as_u64().is_some_and(|number| number.to_string() == id));
            return match found {
                Some(one) if statuses => Reply::json(200, &one["statuses"]),
                Some(one) => Reply::json(200, one),
                None => Reply::json(404, &json!({"message": "Not Found"})),
            };
        }
        // These stand in GitHub's published description.
        if !path.ends_with("/pending_deployments") && !path.ends_with("/approvals") {
            let problems = contract::check_request(&request, request.path());
            assert!(problems.is_empty(), "{problems:?}");
        }
        let mut body = match path.rsplit('/').next().unwrap() {
            "jobs" => json!({"total_count": 2, "jobs": [
                {"id": 71, "run_id": 70, "name": "deploy", "status": "completed", "conclusion": "failure",
                 "started_at": "2026-11-20T10:01:00Z", "completed_at": "2026-11-20T10:04:00Z",
                 "steps": [{"name": "Ship", "status": "completed", "conclusion": "failure", "number": 1}]},
                {"id": 72, "run_id": 70, "name": "lint", "status": "completed", "conclusion": "success",
                 "started_at": "2026-11-20T10:01:00Z", "completed_at": "2026-11-20T10:02:00Z", "steps": []}]}),
            "logs" => return Reply::new(200, "text/plain", b"##[error]no space left".to_vec()),
            "pending_deployments" => json!([{"environment": {"id": 5, "name": "production"},
                "wait_timer": 0, "current_user_can_approve": true, "reviewers": []}]),
            "approvals" => json!([{"state": "approved", "comment": "",
                "environments": [{"id": 6, "name": "rollback"}], "user": {"login": "ann"}}]),
            _ => json!({"id": 70, "status": repository.run_status, "conclusion": null}),
        };
        if !path.ends_with("/pending_deployments") && !path.ends_with("/approvals") {
            contract::fill("GET", request.path(), 200, &mut body);
        }
        Reply::json(200, &body)
    })
}

fn of(url: &str, deployment: Option<u64>, workflow: Option<&str>) -> GitHub {
    let workflow =
        workflow.map(|file| Workflow { file: file.to_owned(), branch: "main".to_owned() });
    let token = Secret::new("zq-github-token");
    let environment = Some("production".to_owned());
    GitHub::new(&client(), url, "acme/shop", Some(&token), environment, deployment, workflow)
        .unwrap()
}

#[test]
fn a_deployment_of_actions_is_followed_with_its_job_and_run_again() {
    let state =
        Arc::new(Mutex::new(Repository { run_status: "completed", ..Repository::default() }));
    {
        let mut repository = state.lock().unwrap();
        repository.deploy(5, 'a', &["in_progress", "success", "inactive"], true);
        repository.deploy(6, 'b', &["failure"], true);
        repository.deploy(7, 'c', &["queued", "in_progress", "failure"], true);
    }
    let server = github(&state);
    let deployer = of(&server.url, None, None);
    let (execution, means, done) = take_back(&deployer).unwrap();
    assert_eq!((execution.id.as_str(), &execution.status), ("7", &Status::Failed));
    assert_eq!(execution.commit.as_deref(), Some("c".repeat(40).as_str()));
    let [job] = &execution.steps[..] else { panic!("{:?}", execution.steps) };
    assert_eq!(
        (job.name.as_str(), job.message.as_deref()),
        ("deploy", Some("the step `Ship` failed"))
    );
    assert_eq!(wait(deployer.log(job)).unwrap(), b"##[error]no space left");
    let approvals = wait(deployer.approvals(&execution)).unwrap();
    let told: Vec<_> = approvals.iter().map(|one| (one.step.as_deref(), one.status)).collect();
    let expect = [
        (Some("rollback"), ApprovalStatus::Approved),
        (Some("production"), ApprovalStatus::Waiting),
    ];
    assert_eq!(told, expect);
    // Not the one that failed, but the one that worked.
    let Means::Host { what } = &means else { panic!("{means:?}") };
    assert!(what.contains("aaaaaaa") && what.contains("job 51"), "{what}");
    assert_eq!(done.state, RollbackState::Started);
    assert_eq!(state.lock().unwrap().writes, [("/actions/jobs/51/rerun".to_owned(), json!({}))]);
    // While it runs nothing is started once more; when it made its deployment, neither.
    state.lock().unwrap().run_status = "in_progress";
    let again = wait(deployer.roll_back(&permit(), &means)).unwrap();
    assert_eq!(again.state, RollbackState::UnderWay);
    for (states, expect) in
        [(&["in_progress"][..], RollbackState::UnderWay), (&["success"], RollbackState::Done)]
    {
        state.lock().unwrap().deploy(8, 'a', states, true);
        let again = wait(deployer.roll_back(&permit(), &means)).unwrap();
        assert_eq!(again.state, expect);
        state.lock().unwrap().deployments.remove(0);
    }
    state.lock().unwrap().deploy(9, 'd', &["success"], true);
    let again = wait(deployer.roll_back(&permit(), &means)).unwrap();
    assert_eq!(again.state, RollbackState::Superseded);
    assert_eq!(state.lock().unwrap().writes.len(), 1);
}

#[test]
fn a_deployment_of_others_is_made_anew_and_a_workflow_is_started_where_named() {
    let state: Arc<Mutex<Repository>> = Arc::default();
    {
        let mut repository = state.lock().unwrap();
        repository.deploy(5, 'a', &["success"], false);
        repository.deploy(7, 'c', &["success"], false);
    }
    let server = github(&state);
    let deployer = of(&server.url, Some(7), None);
    let (_, means, done) = take_back(&deployer).unwrap();
    assert_eq!((done.state, done.execution.as_deref()), (RollbackState::Started, Some("99")));
    let again = wait(deployer.roll_back(&permit(), &means)).unwrap();
    assert_eq!((again.state, again.execution.as_deref()), (RollbackState::UnderWay, Some("99")));
    {
        let repository = state.lock().unwrap();
        let [(path, body)] = &repository.writes[..] else { panic!("{:?}", repository.writes) };
        assert_eq!(path, "/deployments");
        assert_eq!(body["ref"], "a".repeat(40));
        assert_eq!(
            (&body["payload"], &body["environment"]),
            (&json!({"tier": "web"}), &json!("production"))
        );
    }
    {
        let mut repository = state.lock().unwrap();
        repository.deployments.remove(0);
        repository.writes.clear();
    }
    take_back(&of(&server.url, Some(7), Some("rollback.yml"))).unwrap();
    let repository = state.lock().unwrap();
    let [(path, body)] = &repository.writes[..] else { panic!("{:?}", repository.writes) };
    assert_eq!(path, "/actions/workflows/rollback.yml/dispatches");
    assert_eq!(body["ref"], "main");
    assert_eq!(
        body["inputs"],
        json!({"environment": "production", "sha": "a".repeat(40), "deployment": "7"})
    );
}

#[test]
fn the_first_deployment_cannot_be_taken_back() {
    let state: Arc<Mutex<Repository>> = Arc::default();
    state.lock().unwrap().deploy(7, 'c', &["success"], false);
    let server = github(&state);
    let deployer = of(&server.url, None, None);
    let execution = wait(deployer.execution()).unwrap();
    let means = wait(deployer.can_roll_back(&execution)).unwrap();
    assert!(matches!(&means, Means::Impossible { why } if why.contains("nothing to go back to")));
    assert!(wait(deployer.roll_back(&permit(), &means)).is_err());
    assert!(state.lock().unwrap().writes.is_empty());
    state.lock().unwrap().deployments.clear();
    let error = wait(of(&server.url, None, None).execution()).unwrap_err().to_string();
    assert!(error.contains("no deployment to `production`"), "{error}");
}

/// A cluster with one rollout of three revisions, and what was written to it.
struct Cluster {
    rollout: Value,
    old: bool,
    writes: Vec<(String, String, Value)>,
}

impl Cluster {
    fn new(phase: &str, stable: &str, current: &str, revision: u64) -> Arc<Mutex<Cluster>> {
        let rollout = json!({
            "metadata": {"name": "shop", "uid": "u-1", "generation": 9, "resourceVersion": "42",
                "annotations": {"rollout.argoproj.io/revision": revision.to_string()}},
            "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": {"spec": {}},
                "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]}}},
            "status": {"phase": phase, "message": "CanaryPauseStep", "observedGeneration": "9", "stableRS": stable,
                "currentPodHash": current, "currentStepIndex": 1}});
        Arc::new(Mutex::new(Cluster { rollout, old: false, writes: Vec::new() }))
    }
}

fn revisions() -> Value {
    let set = |owner: &str, revision: u64, hash: &str| {
        json!({"metadata": {"name": format!("shop-{hash}"), "ownerReferences": [{"uid": owner}],
            "creationTimestamp": "2026-01-01T10:00:00Z", "labels": {"rollouts-pod-template-hash": hash},
            "annotations": {"rollout.argoproj.io/revision": revision.to_string()}},
            "spec": {"template": {"metadata": {"labels": {"app": "shop", "rollouts-pod-template-hash": hash}},
                "spec": {"containers": [{"name": "app", "image": format!("shop:{revision}")}]}}}})
    };
    json!({"items": [set("u-1", 6, "h6"), set("u-1", 8, "h8"), set("u-1", 7, "h7"), set("u-2", 9, "x9")]})
}

fn kubernetes(state: &Arc<Mutex<Cluster>>) -> server::Server {
    let state = Arc::clone(state);
    server::Server::start(move |request: Request| {
        let mut cluster = state.lock().unwrap();
        let base = "/apis/argoproj.io/v1alpha1/namespaces/web/rollouts/shop";
        let path = request.path().to_owned();
        if request.method == "PATCH" {
            if cluster.old && path.ends_with("/status") {
                return Reply::json(
                    404,
                    &json!({"kind": "Status", "message": "not found", "code": 404}),
                );
            }
            let kind = request.header("content-type").unwrap().to_owned();
            cluster.writes.push((path, kind.clone(), request.json()));
            if kind == "application/merge-patch+json" {
                cluster.rollout["status"]["abort"] = json!(true);
                cluster.rollout["status"]["phase"] = json!("Degraded");
            }
            return Reply::json(200, &cluster.rollout);
        }
        match path.as_str() {
            path if path == base => Reply::json(200, &cluster.rollout),
            "/apis/apps/v1/namespaces/web/replicasets" => {
                assert_eq!(request.query("labelSelector").as_deref(), Some("app=shop"));
                Reply::json(200, &revisions())
            }
            other => Reply::json(
                404,
                &json!({"kind": "Status", "message": format!("no {other}"), "code": 404}),
            ),
        }
    })
}

fn argo(url: &str) -> Argo {
    let auth = Auth::Bearer(Secret::new("zq-cluster-token"));
    let server = Server { url: Some(Url::parse(url).unwrap()), auth, tenant: None };
    Argo::new(&client(), &server, "web/shop").unwrap()
}

#[test]
fn a_rollout_on_its_way_is_aborted_once() {
    for old in [false, true] {
        let state = Cluster::new("Paused", "h7", "h8", 8);
        state.lock().unwrap().old = old;
        let server = kubernetes(&state);
        let deployer = argo(&server.url);
        let (execution, means, done) = take_back(&deployer).unwrap();
        assert_eq!((execution.id.as_str(), &execution.status), ("web/shop@8", &Status::Paused));
        assert_eq!(execution.started_at, Some(1_767_261_600_000));
        let steps: Vec<(&str, &Status)> =
            execution.steps.iter().map(|step| (step.name.as_str(), &step.status)).collect();
        let expect = [
            ("setWeight: 20", &Status::Success),
            ("pause", &Status::Paused),
            ("setWeight: 60", &Status::NotStarted),
        ];
        assert_eq!(steps, expect);
        assert_eq!(done.state, RollbackState::Started);
        let again = wait(deployer.roll_back(&permit(), &means)).unwrap();
        assert_eq!(again.state, RollbackState::Done);
        let writes = &state.lock().unwrap().writes;
        let [(path, kind, body)] = &writes[..] else { panic!("{writes:?}") };
        assert_eq!(path.ends_with("/status"), !old);
        assert_eq!(
            (kind.as_str(), body),
            ("application/merge-patch+json", &json!({"status": {"abort": true}}))
        );
    }
}

#[test]
fn a_rollout_that_has_arrived_gets_its_previous_template_back() {
    let state = Cluster::new("Healthy", "h8", "h8", 8);
    let server = kubernetes(&state);
    let deployer = argo(&server.url);
    let (_, means, done) = take_back(&deployer).unwrap();
    assert_eq!(done.state, RollbackState::Started);
    {
        let writes = &state.lock().unwrap().writes;
        let [(path, kind, body)] = &writes[..] else { panic!("{writes:?}") };
        assert!(path.ends_with("/rollouts/shop") && kind == "application/json-patch+json");
        assert_eq!(
            body[0],
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": "42"})
        );
        assert_eq!(body[1]["path"], "/spec/template");
        assert_eq!(body[1]["value"]["spec"]["containers"][0]["image"], "shop:7");
        assert_eq!(body[1]["value"]["metadata"]["labels"], json!({"app": "shop"}));
    }
    // The revision that came of it is not taken back in its turn.
    state.lock().unwrap().rollout["metadata"]["annotations"]["rollout.argoproj.io/revision"] =
        json!("9");
    let again = wait(deployer.roll_back(&permit(), &means)).unwrap();
    assert_eq!(again.state, RollbackState::Superseded);
    assert_eq!(state.lock().unwrap().writes.len(), 1);
}

#[test]
fn what_cannot_be_undone_says_why() {
    for (change, expect) in [
        (json!({"spec": {"workloadRef": {"name": "shop"}}}), "another workload"),
        (
            json!({"metadata": {"annotations": {"rollout.argoproj.io/revision": "8", "argocd.argoproj.io/tracking-id": "x"}}}),
            "revert the commit",
        ),
        (json!({"status": {"stableRS": ""}}), "no stable version"),
        (
            json!({"metadata": {"uid": "u-2", "annotations": {"rollout.argoproj.io/revision": "8"}}}),
            "no earlier revision",
        ),
    ] {
        let state = Cluster::new("Healthy", "h8", "h8", 8);
        for (part, fields) in change.as_object().unwrap() {
            for (key, value) in fields.as_object().unwrap() {
                state.lock().unwrap().rollout[part][key] = value.clone();
            }
        }
        let server = kubernetes(&state);
        let deployer = argo(&server.url);
        let execution = wait(deployer.execution()).unwrap();
        let means = wait(deployer.can_roll_back(&execution)).unwrap();
        assert!(matches!(&means, Means::Impossible { why } if why.contains(expect)), "{means:?}");
    }
}

#[test]
fn phases_are_read_as_the_plugin_reads_them() {
    for (change, expect) in [
        (json!({"phase": "Healthy"}), Status::Success),
        (json!({"phase": "Degraded"}), Status::Failed),
        (json!({"phase": "Progressing"}), Status::Running),
        (json!({"phase": "Healthy", "observedGeneration": "8"}), Status::Running),
        (json!({"phase": "Healthy", "observedGeneration": "7bf84d8"}), Status::Success),
        (json!({"phase": "Paused", "controllerPause": true}), Status::Running),
        (json!({"phase": ""}), Status::Success),
        (json!({"phase": "Melting"}), Status::Unknown("Melting".to_owned())),
    ] {
        let state = Cluster::new("Healthy", "h8", "h8", 8);
        for (key, value) in change.as_object().unwrap() {
            state.lock().unwrap().rollout["status"][key] = value.clone();
        }
        let server = kubernetes(&state);
        let execution = wait(argo(&server.url).execution()).unwrap();
        assert_eq!(execution.status, expect, "{change}");
    }
    let cluster =
        server::Server::start(|_| Reply::new(502, "text/html", b"<h1>Bad Gateway</h1>".to_vec()));
    let error = format!("{:#}", wait(argo(&cluster.url).execution()).unwrap_err());
    assert!(error.contains("Bad Gateway"), "{error}");
}
