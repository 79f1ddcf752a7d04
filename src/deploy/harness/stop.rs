//! Taking back what still runs: the stages are marked as failed, each parallel one, and
//! their failure strategy rolls them back. `AbortAll` would leave everything as it is.
//! <https://apidocs.harness.io/pipeline-execute/handlestageinterrupt>.

use serde::Deserialize;
use serde_json::Value;

use super::ask::{Api, Call, part};
use super::strategy::{self, Effect};
use crate::deploy::{Execution, Means, RollbackState, RolledBack, Stage, Status, Step};
use crate::http::{Method, Repeat};
use crate::pipeline::yaml;

const RIGHT: &str = "Execute on Pipelines, and the account's setting `Allow users to mark a \
                     running Step as failure`";

/// The pipeline's file as Harness keeps it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct File {
    yaml_pipeline: Option<String>,
    resolved_templates_pipeline_yaml: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Inputs {
    input_set_yaml: Option<String>,
}

/// How far the rollback of an execution is by its own nodes.
pub(super) fn state(execution: &Execution) -> Option<RollbackState> {
    let steps: Vec<&Step> = execution
        .steps
        .iter()
        .filter(|step| step.is_rollback)
        .filter(|step| {
            !matches!(step.status, Status::NotStarted | Status::Skipped | Status::Suspended)
        })
        .collect();
    let stages: Vec<&Stage> = execution
        .stages
        .iter()
        .filter(|stage| stage.kind == "PipelineRollback" && stage.status != Status::NotStarted)
        .collect();
    let statuses =
        || steps.iter().map(|step| &step.status).chain(stages.iter().map(|one| &one.status));
    if statuses().next().is_none() {
        return None;
    }
    // Of stages side by side one may be on its way back and another not yet: a run that
    // was killed in between has to be completed.
    if running(execution).into_iter().any(|stage| is_untouched(execution, stage)) {
        return None;
    }
    match execution.status.is_final() && statuses().all(Status::is_final) {
        true => Some(RollbackState::Done),
        false => Some(RollbackState::UnderWay),
    }
}

/// Whether a stage that deploys goes on as if nothing were.
fn is_untouched(execution: &Execution, stage: &Stage) -> bool {
    let of_stage = || execution.steps.iter().filter(|step| step.stage == stage.identifier);
    stage.kind == "Deployment"
        && stage.status != Status::Discontinuing
        && !of_stage().any(|step| step.is_marked_failed || step.is_rollback)
        && !steps_of(execution, stage).is_empty()
}

/// Stages that run now and in which something would be taken back.
fn running(execution: &Execution) -> Vec<&Stage> {
    execution
        .stages
        .iter()
        .filter(|stage| stage.status.is_under_way() && !stage.id.is_empty())
        .collect()
}

/// Those of them that are not on their way back already.
fn to_mark(execution: &Execution) -> Vec<&Stage> {
    let is_back = |stage: &Stage| {
        let mut of_stage = execution.steps.iter().filter(|step| step.stage == stage.identifier);
        stage.status == Status::Discontinuing
            || of_stage.any(|step| step.is_marked_failed || step.is_rollback)
    };
    running(execution).into_iter().filter(|stage| !is_back(stage)).collect()
}

/// Steps of a stage that a mark as failed would end.
fn steps_of<'a>(execution: &'a Execution, stage: &Stage) -> Vec<&'a Step> {
    execution
        .steps
        .iter()
        .filter(|step| step.stage == stage.identifier && !step.is_rollback)
        .filter(|step| step.status.is_under_way())
        .collect()
}

/// How an execution that runs can be taken back; asks for the pipeline's file.
pub(super) async fn means(
    api: &Api,
    pipeline: &str,
    execution: &Execution,
) -> anyhow::Result<Means> {
    let stages = to_mark(execution);
    if stages.is_empty() {
        let why = format!(
            "no stage runs that could be marked as failed: the execution {}",
            execution.status.words()
        );
        return Ok(Means::Impossible { why });
    }
    let mut file = file(api, pipeline).await?;
    let mut inputs: Option<Value> = None;
    let mut nodes = Vec::new();
    let mut notes = Vec::new();
    let mut why = Vec::new();
    for stage in stages {
        let steps = steps_of(execution, stage);
        let names: Vec<&str> = steps.iter().map(|step| step.identifier.as_str()).collect();
        let mut effect = strategy::effect(&file, &stage.identifier, &names);
        if effect == Effect::Input {
            if inputs.is_none() {
                inputs = Some(given(api, &execution.id).await?);
            }
            let is_known = inputs
                .as_ref()
                .is_some_and(|inputs| strategy::put_in(&mut file, inputs, &stage.identifier));
            effect = match is_known {
                true => strategy::effect(&file, &stage.identifier, &names),
                false => Effect::Not {
                    why: format!(
                        "the failure strategies of `{}` are an input of the execution that \
                         Harness does not show",
                        stage.identifier
                    ),
                },
            };
        }
        match effect {
            Effect::RollsBack { note } => {
                nodes.push(stage.id.clone());
                notes.extend(note);
            }
            Effect::Not { why: reason } => why.push(reason),
            Effect::Input => {}
        }
    }
    notes.dedup();
    // Half of a deployment taken back is worse than a person who is told.
    let deploys = |stage: &&Stage| stage.kind == "Deployment";
    let left_out =
        to_mark(execution).into_iter().filter(deploys).any(|stage| !nodes.contains(&stage.id));
    if nodes.is_empty() || left_out {
        return Ok(Means::Impossible { why: why.join("; ") });
    }
    // A stage that only waits or tests beside them is left as it is.
    notes.extend(why);
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Ok(Means::Stage { execution: execution.id.clone(), nodes, note })
}

/// Whether a mark as failed has reached a stage: its steps are being stopped, have ended
/// by it, or are being taken back. A second one would stop the rollback itself.
fn is_marked(execution: &Execution, stage: &Stage) -> bool {
    let mut steps = execution.steps.iter().filter(|step| step.stage == stage.identifier);
    stage.status == Status::Discontinuing
        || steps.any(|step| {
            step.is_marked_failed
                || step.status == Status::Discontinuing
                || step.is_rollback && step.status.is_under_way()
        })
}

/// Whether one of these nodes has been marked.
pub(super) fn any_marked(execution: &Execution, nodes: &[String]) -> bool {
    let mut stages = execution.stages.iter().filter(|stage| nodes.contains(&stage.id));
    stages.any(|stage| is_marked(execution, stage))
}

/// Marks those stages as failed that are not marked yet and still run.
pub(super) async fn roll_back(
    api: &Api,
    execution: &Execution,
    nodes: &[String],
) -> anyhow::Result<RolledBack> {
    let mut marked = Vec::new();
    let mut earlier = Vec::new();
    let mut refused = None;
    for node in nodes {
        let Some(stage) = execution.stages.iter().find(|stage| &stage.id == node) else { continue };
        if is_marked(execution, stage) {
            earlier.push(stage.name.as_str());
            continue;
        }
        if !stage.status.is_under_way() || steps_of(execution, stage).is_empty() {
            continue;
        }
        let path = format!(
            "/pipeline/api/pipeline/execute/interrupt/{}/{}",
            part(&execution.id),
            part(node)
        );
        let call = Call {
            method: Method::PUT,
            path: &path,
            query: vec![("interruptType", "UserMarkedFailure")],
            body: None,
            // Whether it arrived is looked up before it is sent again.
            repeat: Repeat::OnlyUnprocessed,
            what: "the rollback of a running stage",
            right: RIGHT,
        };
        match api.data::<Value>(call).await {
            Ok(_) => marked.push(stage.name.as_str()),
            Err(error) => refused = Some(error),
        }
    }
    match (refused, marked.is_empty(), earlier.is_empty()) {
        (Some(error), ..) => Err(match marked.is_empty() {
            true => error,
            false => error.context(format!("only {} went into rollback", marked.join(", "))),
        }),
        (None, false, _) => Ok(RolledBack {
            state: RollbackState::Started,
            said: format!("marked as failed, into its rollback: {}", marked.join(", ")),
            execution: None,
        }),
        (None, true, false) => Ok(RolledBack {
            state: RollbackState::UnderWay,
            said: format!("{} is being stopped or taken back already", earlier.join(", ")),
            execution: None,
        }),
        (None, true, true) => {
            anyhow::bail!("the stages no longer run: look at the execution before anything else")
        }
    }
}

/// The pipeline's file with its templates put in place.
async fn file(api: &Api, pipeline: &str) -> anyhow::Result<Value> {
    let path = format!("/pipeline/api/pipelines/{}", part(pipeline));
    let what = format!("the pipeline {pipeline}");
    let call = Call::get(&path, &what).with("getTemplatesResolvedPipeline", "true");
    let file: File = api.data(call).await?;
    let texts = [file.resolved_templates_pipeline_yaml, file.yaml_pipeline];
    let text = texts.into_iter().flatten().find(|text| !text.trim().is_empty());
    let Some(text) = text else { anyhow::bail!("Harness does not show the file of {pipeline}") };
    read(&text).ok_or_else(|| anyhow::anyhow!("the file of {pipeline} at Harness is no YAML"))
}

/// What the execution was given.
async fn given(api: &Api, execution: &str) -> anyhow::Result<Value> {
    let path = format!("/pipeline/api/pipelines/execution/{}/inputsetV2", part(execution));
    let call = Call::get(&path, "the inputs of the execution").with("resolveExpressions", "true");
    let inputs: Inputs = api.data(call).await?;
    Ok(inputs.input_set_yaml.and_then(|text| read(&text)).unwrap_or_default())
}

fn read(text: &str) -> Option<Value> {
    let tree = yaml::parse(text).ok()?;
    Some(tree.plain(tree.root()?).to_json())
}
