//! What this Harness answers, and what becomes of its executions.

use serde_json::{Value, json};

use super::super::server::{Reply, Request, decode};
use super::run::{self, Run, Stage};
use super::{State, refuse};

fn ok(data: Value) -> Reply {
    Reply::json(
        200,
        &json!({ "status": "SUCCESS", "data": data, "metaData": null, "correlationId": "corr" }),
    )
}

fn missing(what: &str) -> Reply {
    refuse(404, "ENTITY_NOT_FOUND", &format!("{what} not found"))
}

/// Answers a request that is as it should be.
pub fn route(state: &mut State, url: String, request: &Request, path: &str) -> Reply {
    let parts: Vec<String> = path.trim_start_matches('/').split('/').map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["pipeline", "api", "pipelines", "execution", "summary"]) => {
            let pipeline = request.query("pipelineIdentifier").unwrap_or_default();
            let size: usize =
                request.query("size").and_then(|size| size.parse().ok()).unwrap_or(10);
            let list: Vec<Value> = state
                .runs
                .iter()
                .filter(|run| pipeline.is_empty() || run.pipeline == pipeline)
                .take(size)
                .map(run::summary)
                .collect();
            ok(json!({ "totalElements": list.len(), "content": list }))
        }
        ("GET", ["pipeline", "api", "pipelines", "execution", "v2", id]) => {
            detail(state, request, id)
        }
        ("GET", ["pipeline", "api", "pipelines", "execution", _, "inputsetV2"]) => {
            ok(json!({ "inputSetYaml": state.inputs }))
        }
        ("GET", ["pipeline", "api", "pipelines", id]) if *id == super::PIPELINE => {
            let resolved =
                request.query("getTemplatesResolvedPipeline").is_some_and(|on| on == "true");
            let mut data = json!({ "yamlPipeline": state.file });
            if let Some(text) = state.resolved.as_ref().filter(|_| resolved) {
                data["resolvedTemplatesPipelineYaml"] = json!(text);
            }
            ok(data)
        }
        ("PUT", ["pipeline", "api", "pipeline", "execute", "interrupt", id, node]) => {
            mark(state, request, id, node)
        }
        ("POST", ["gateway", "log-service", "blob", "download"]) => log(state, &url, request),
        ("POST", ["ng", "api", "rollback", what]) => roll_back(state, request, what),
        ("GET", ["ng", "api", "dashboard", _]) => {
            let Some(run) = state.runs.first() else { return missing("an execution") };
            ok(json!({ "instanceDetailGroupedByPipelineExecutionList": [{
                "pipelineId": run.pipeline, "planExecutionId": run.id, "lastDeployedAt": run.started,
                "instances": [
                    { "podName": "checkout-1", "instanceKey": "key-1", "infrastructureMappingId": "infra-1" },
                    { "podName": "checkout-2", "instanceKey": "key-2", "infrastructureMappingId": "infra-1" },
                ],
                "stageStatus": "SUCCEEDED", "rollbackStatus": state.rollback_status,
            }] }))
        }
        ("GET", ["v1", "orgs", _, "projects", _, "approvals", "execution", _]) => {
            Reply::json(200, &json!(state.approvals))
        }
        ("POST", ["pipeline", "api", "approvals", id, "harness", "activity"]) => {
            approve(state, request, id)
        }
        ("POST", ["authz", "api", "acl"]) => {
            let body = request.json();
            let list: Vec<Value> = body["permissions"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| {
                    let mut one = one.clone();
                    let name = one["permission"].as_str().unwrap_or_default();
                    one["permitted"] = json!(state.rights.contains(&name));
                    one
                })
                .collect();
            let principal =
                json!({ "principalIdentifier": "bot", "principalType": "SERVICE_ACCOUNT" });
            ok(json!({ "principal": principal, "accessControlList": list }))
        }
        _ => missing(path),
    }
}

fn detail(state: &mut State, request: &Request, id: &str) -> Reply {
    state.looks += 1;
    let looks = state.looks;
    let Some(at) = state.runs.iter().position(|run| run.id == id) else {
        return missing("the execution");
    };
    let due: Vec<usize> =
        (0..state.moves.len()).rev().filter(|&one| state.moves[one].0 <= looks).collect();
    // In the order in which they were written down.
    let mut changes: Vec<_> = due.into_iter().map(|one| state.moves.remove(one)).collect();
    changes.reverse();
    for (_, change) in changes {
        change(&mut state.runs[at]);
    }
    progress(&mut state.runs[at]);
    let run = &state.runs[at];
    let only = match request.query("stageNodeId") {
        Some(key) => Some(key.trim_start_matches("setup-").to_owned()),
        // Of one stage at a time, the first.
        None if state.is_old => run.stages.first().map(|stage| stage.name.clone()),
        None => None,
    };
    let graph = run::graph(run, only.as_deref());
    ok(json!({ "pipelineExecutionSummary": run::summary(run), "executionGraph": graph }))
}

/// Marks take effect, rollbacks go on, and an execution ends with its stages.
fn progress(run: &mut Run) {
    let mut was_marked = false;
    for stage in &mut run.stages {
        match stage.marked {
            Some(0) => {
                stage.marked = None;
                stage.fail_by_mark();
                was_marked = true;
                continue;
            }
            Some(looks) => {
                stage.marked = Some(looks - 1);
                was_marked = true;
                continue;
            }
            None => {}
        }
        for step in stage.steps.iter_mut().filter(|step| step.is_rollback) {
            if step.status == "Running" {
                was_marked = true;
                step.status = "Success".to_owned();
                stage.status = "Failed".to_owned();
            }
        }
    }
    let is_rolled_back = run
        .stages
        .iter()
        .any(|stage| stage.status == "Failed" && stage.steps.iter().any(|step| step.is_rollback));
    if is_rolled_back && !run.stages.iter().any(Stage::is_running) && !was_marked {
        run.status = "Failed".to_owned();
    }
}

fn mark(state: &mut State, request: &Request, id: &str, node: &str) -> Reply {
    let delay = state.delay;
    if request.query("interruptType").as_deref() != Some("UserMarkedFailure") {
        // It would leave half of a deployment as it is.
        state.violations.push(format!("an interrupt that takes nothing back: {}", request.target));
        return refuse(400, "INVALID_REQUEST", "not here");
    }
    let Some(run) = state.runs.iter_mut().find(|run| run.id == id) else {
        return missing("the execution");
    };
    if !run::is_running(&run.status) {
        let why = format!("Execution is already finished with status: [{}]", run.status);
        return refuse(400, "INVALID_REQUEST", &why);
    }
    let run_id = run.id.clone();
    let Some(stage) = run.stages.iter_mut().find(|stage| stage.node(&run_id) == node) else {
        return missing("the node");
    };
    if stage.marked.is_some() || stage.steps.iter().any(|step| step.is_marked || step.is_rollback) {
        state.violations.push(format!("{node} was marked as failed twice"));
    } else {
        stage.marked = Some(delay);
        if stage.rolls_back {
            state.rollbacks += 1;
        }
        // What runs is told to stop before the call is answered.
        for step in &mut stage.steps {
            if run::is_running(&step.status) {
                step.status = "Discontinuing".to_owned();
            }
        }
    }
    ok(json!({ "id": "interrupt-1", "type": "USER_MARKED_FAIL_ALL", "planExecutionId": id }))
}

fn log(state: &mut State, url: &str, request: &Request) -> Reply {
    let key = request.query("prefix").unwrap_or_default();
    match state.logs.get_mut(&key) {
        None => {
            Reply::json(200, &json!({ "status": "error", "message": "no logs under this prefix" }))
        }
        Some((looks @ 1.., _)) => {
            *looks -= 1;
            Reply::json(200, &json!({ "status": "queued", "link": "", "expires": "" }))
        }
        Some(_) => {
            let link = format!("{url}/blob/{}?X-Signature=s", key.replace('/', "%2F"));
            Reply::json(
                200,
                &json!({ "status": "success", "link": link, "expires": "2026-01-02T00:00:00Z" }),
            )
        }
    }
}

fn roll_back(state: &mut State, request: &Request, what: &str) -> Reply {
    if request.json()["infrastructureMappingId"] != "infra-1" {
        return refuse(400, "INVALID_REQUEST", "Could not find the instance");
    }
    let is_allowed = state.rollback_status == "NOT_STARTED";
    let message = (!is_allowed).then(|| {
        format!(
            "Can not start the Rollback. Rollback has already been triggered and the previous \
             rollback status is: {}",
            state.rollback_status
        )
    });
    match (what, is_allowed) {
        ("check", _) => ok(json!({ "isRollbackAllowed": is_allowed, "message": message })),
        ("trigger", false) => ok(json!({ "isRollbackTriggered": false, "message": message })),
        ("trigger", true) => {
            state.rollbacks += 1;
            state.rollback_status = "STARTED";
            let mut run = Run::new("back-1", "Running", Vec::new());
            run.mode = "POST_EXECUTION_ROLLBACK".to_owned();
            run.started = run::START + 900_000;
            state.runs.insert(0, run);
            ok(json!({
                "isRollbackTriggered": true, "instanceKey": request.json()["instanceKey"],
                "infraMappingId": "infra-1", "planExecutionId": "back-1",
            }))
        }
        _ => missing(what),
    }
}

fn approve(state: &mut State, request: &Request, id: &str) -> Reply {
    let status = match request.json()["action"].as_str() {
        Some("APPROVE") => "APPROVED",
        _ => "REJECTED",
    };
    let Some(one) = state.approvals.iter_mut().find(|one| one["id"] == id) else {
        return missing("the approval");
    };
    if one["status"] != "WAITING" {
        return refuse(400, "INVALID_REQUEST", "Approval instance is already completed");
    }
    one["status"] = json!(status);
    ok(json!({ "id": id, "status": status }))
}
