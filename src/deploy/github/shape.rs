//! What GitHub answers about deployments, runs and jobs, and its words in everybody's.

use serde::Deserialize;
use serde_json::Value;

use crate::deploy::{Status, Step, times};

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
    pub(super) sha: String,
    #[serde(rename = "ref")]
    pub(super) reference: String,
    #[serde(default)]
    pub(super) task: String,
    #[serde(default)]
    pub(super) payload: Value,
    pub(super) environment: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    pub(super) created_at: String,
    #[serde(default)]
    pub(super) production_environment: Option<bool>,
    #[serde(default)]
    pub(super) transient_environment: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct DeploymentStatus {
    pub(super) state: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) log_url: Option<String>,
    #[serde(default)]
    pub(super) target_url: Option<String>,
    pub(super) created_at: String,
}

#[derive(Deserialize)]
pub(super) struct Jobs {
    pub(super) jobs: Vec<Job>,
}

#[derive(Deserialize)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) conclusion: Option<String>,
    #[serde(default)]
    pub(super) started_at: Option<String>,
    #[serde(default)]
    pub(super) completed_at: Option<String>,
    #[serde(default)]
    pub(super) steps: Vec<JobStep>,
}

#[derive(Deserialize)]
pub(super) struct JobStep {
    pub(super) name: String,
    #[serde(default)]
    pub(super) conclusion: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Pending {
    pub(super) environment: PendingEnvironment,
}

/// An answer to a question for approval.
/// <https://docs.github.com/rest/actions/workflow-runs#get-the-review-history-for-a-workflow-run>.
#[derive(Deserialize)]
pub(super) struct Given {
    pub(super) state: String,
    #[serde(default)]
    pub(super) environments: Vec<PendingEnvironment>,
}

#[derive(Deserialize)]
pub(super) struct PendingEnvironment {
    pub(super) id: u64,
    pub(super) name: String,
}

/// A run of Actions.
#[derive(Deserialize)]
pub(super) struct Run {
    pub(super) status: Option<String>,
}

/// The run and the job of Actions that a status points to:
/// `https://github.com/o/r/actions/runs/1/job/2`.
pub(super) fn run_of(status: &DeploymentStatus) -> Option<(u64, Option<u64>)> {
    [&status.log_url, &status.target_url].into_iter().flatten().find_map(|url| {
        let rest = url.split_once("/actions/runs/")?.1;
        let mut parts = rest.split(['/', '?', '#']);
        let run = parts.next()?.parse().ok()?;
        let job = match parts.next() {
            Some("job" | "jobs") => parts.next().and_then(|id| id.parse().ok()),
            _ => None,
        };
        Some((run, job))
    })
}

/// A deployment's state in everybody's words.
pub(super) fn state(text: &str) -> Status {
    match text {
        "success" | "inactive" => Status::Success,
        "failure" => Status::Failed,
        "error" => Status::Errored,
        "in_progress" => Status::Running,
        "queued" | "pending" => Status::Queued,
        "waiting" => Status::ApprovalWaiting,
        other => Status::Unknown(other.to_owned()),
    }
}

/// A job's or a step's.
pub(super) fn job_state(status: &str, conclusion: Option<&str>) -> Status {
    match (status, conclusion) {
        (_, Some("success" | "neutral")) => Status::Success,
        (_, Some("failure" | "startup_failure")) => Status::Failed,
        (_, Some("cancelled")) => Status::Aborted,
        (_, Some("timed_out")) => Status::Expired,
        (_, Some("skipped")) => Status::Skipped,
        (_, Some("action_required")) => Status::ApprovalWaiting,
        (_, Some("stale")) => Status::Suspended,
        ("in_progress", None) => Status::Running,
        ("waiting", None) => Status::ApprovalWaiting,
        ("queued" | "requested" | "pending", None) => Status::Queued,
        (other, _) => Status::Unknown(other.to_owned()),
    }
}

pub(super) fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

pub(super) fn time(text: Option<&str>) -> Option<i64> {
    text.and_then(times::of_text)
}

pub(super) fn step(job: &Job) -> Step {
    let failed = job.steps.iter().find(|step| step.conclusion.as_deref() == Some("failure"));
    Step {
        id: job.id.to_string(),
        identifier: job.name.clone(),
        name: job.name.clone(),
        kind: "job".to_owned(),
        status: job_state(&job.status, job.conclusion.as_deref()),
        started_at: time(job.started_at.as_deref()),
        ended_at: time(job.completed_at.as_deref()),
        message: failed.map(|step| format!("the step `{}` failed", step.name)),
        log_key: Some(job.id.to_string()),
        ..Step::default()
    }
}
