//! Taking back what has succeeded: the post-deployment rollback. Harness names what runs
//! by instances, so those of the execution are looked up first.
//! <https://developer.harness.io/docs/continuous-delivery/manage-deployments/rollback-deployments>.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{Api, Call};
use crate::deploy::{Execution, Instance, Means, RollbackState, RolledBack};
use crate::http::{Method, Repeat};

const RIGHT: &str = "Rollback on Environments";

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Groups {
    instance_detail_grouped_by_pipeline_execution_list: Vec<Group>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Group {
    plan_execution_id: Option<String>,
    instances: Vec<Running>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Running {
    instance_key: Option<String>,
    infrastructure_mapping_id: Option<String>,
}

/// What `check` and `trigger` answer.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    #[serde(alias = "rollbackAllowed")]
    is_rollback_allowed: bool,
    #[serde(alias = "rollbackTriggered")]
    is_rollback_triggered: bool,
    message: Option<String>,
    plan_execution_id: Option<String>,
}

/// How an execution that succeeded can be taken back.
pub(super) async fn means(api: &Api, execution: &Execution) -> anyhow::Result<Means> {
    let impossible = |why: String| Ok(Means::Impossible { why });
    let deployments = execution.stages.iter().filter(|stage| stage.kind == "Deployment");
    let deployed: Vec<_> = deployments.filter(|stage| stage.status.is_good()).collect();
    if deployed.is_empty() {
        return impossible("the execution has no stage that deployed something".to_owned());
    }
    let mut instances: Vec<Instance> = Vec::new();
    let mut why = Vec::new();
    for stage in deployed {
        let target = &stage.target;
        let (Some(service), Some(environment)) = (&target.service, &target.environment) else {
            why.push(format!(
                "of the stage `{}` Harness names no service and environment",
                stage.identifier
            ));
            continue;
        };
        let what = format!("what runs of {service} in {environment}");
        let path = "/ng/api/dashboard/getActiveServiceInstanceDetailsGroupedByPipelineExecution";
        let mut call = Call::get(path, &what).with("serviceId", service).with("envId", environment);
        call.right = "View on Services and Environments";
        if let Some(kind) = &target.environment_kind {
            call = call.with("environmentType", kind);
        }
        if let Some(infrastructure) = &target.infrastructure {
            call = call.with("infraIdentifier", infrastructure);
        }
        let groups: Groups = api.data(call).await?;
        let groups = groups.instance_detail_grouped_by_pipeline_execution_list;
        let own =
            groups.iter().find(|group| group.plan_execution_id.as_deref() == Some(&execution.id));
        let Some(own) = own else {
            why.push(match groups.iter().find_map(|group| group.plan_execution_id.as_ref()) {
                Some(other) => {
                    format!("{what} comes from the execution {other}, not from this one")
                }
                None => format!("Harness knows no instance of {service} in {environment}"),
            });
            continue;
        };
        // One stands for the stage: Harness rolls the stage back as a whole.
        let found = own.instances.iter().find_map(|one| {
            let key = one.instance_key.clone()?;
            let infrastructure = one.infrastructure_mapping_id.clone()?;
            Some(Instance { key, infrastructure })
        });
        match found {
            Some(found) if !instances.contains(&found) => instances.push(found),
            Some(_) => {}
            None => why.push(format!("Harness names no instance of {service} in {environment}")),
        }
    }
    if instances.is_empty() {
        return impossible(why.join("; "));
    }
    Ok(Means::AfterSuccess { execution: execution.id.clone(), instances })
}

/// Check, then trigger, each once.
pub(super) async fn roll_back(api: &Api, instances: &[Instance]) -> anyhow::Result<RolledBack> {
    let mut said = Vec::new();
    let mut started = None;
    let mut before = None;
    for instance in instances {
        let body = json!({
            "instanceKey": instance.key,
            "infrastructureMappingId": instance.infrastructure,
        });
        let checked: Answer = post(api, "/ng/api/rollback/check", &body, Repeat::Harmless).await?;
        if !checked.is_rollback_allowed {
            let why = checked.message.unwrap_or_default();
            match earlier(&why) {
                Some(state) => before = before.or(Some(state)),
                None if started.is_some() => {}
                None => anyhow::bail!("Harness does not allow the rollback: {why}"),
            }
            said.push(why);
            continue;
        }
        let path = "/ng/api/rollback/trigger";
        let answer: Answer = post(api, path, &body, Repeat::OnlyUnprocessed).await?;
        match (answer.is_rollback_triggered, answer.plan_execution_id) {
            (true, id) => {
                let id = id.unwrap_or_default();
                said.push(format!("Harness rolls back by the execution {id}"));
                started = started.or(Some(id));
            }
            (false, _) => {
                // Somebody else was faster, between the check and now.
                let why = answer.message.unwrap_or_default();
                match earlier(&why) {
                    Some(state) => before = before.or(Some(state)),
                    None => anyhow::bail!("Harness did not start the rollback: {why}"),
                }
                said.push(why);
            }
        }
    }
    let state = match (&started, before) {
        (Some(_), _) => RollbackState::Started,
        (None, Some(state)) => state,
        (None, None) => anyhow::bail!("there is nothing to roll back"),
    };
    let execution = started.filter(|id| !id.is_empty());
    Ok(RolledBack { state, said: said.join("; "), execution })
}

/// "Rollback has already been triggered and the previous rollback status is: STARTED".
fn earlier(message: &str) -> Option<RollbackState> {
    let text = message.to_ascii_lowercase();
    if !text.contains("already been triggered") {
        return None;
    }
    Some(match text.contains("success") {
        true => RollbackState::Done,
        false if text.contains("fail") => return None,
        false => RollbackState::UnderWay,
    })
}

async fn post(api: &Api, path: &str, body: &Value, repeat: Repeat) -> anyhow::Result<Answer> {
    api.data(Call {
        method: Method::POST,
        path,
        query: Vec::new(),
        body: Some(body.clone()),
        repeat,
        what: "the rollback of what was deployed",
        right: RIGHT,
    })
    .await
}
