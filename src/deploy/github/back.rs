//! Takes a deployment of GitHub back: one call, after a look at what is there.

use anyhow::{anyhow, bail};
use serde_json::json;

use super::GitHub;
use super::shape::{Deployment, Run, short, state};
use crate::deploy::ask::{Api, json as read, segment};
use crate::deploy::{RollbackState, RolledBack, Status};
use crate::http::{Error, Method, Repeat, StatusCode};

/// What descriptions of our deployments begin with.
pub(super) const MARK: &str = "Roll back to ";

impl GitHub {
    /// A later deployment is there: ours, or somebody's.
    pub(super) async fn instead(
        &self,
        later: &Deployment,
        earlier: &Deployment,
    ) -> anyhow::Result<RolledBack> {
        let statuses = self.statuses(later.id).await?;
        let status = statuses.first().map_or(Status::Queued, |one| state(&one.state));
        let back = later.sha == earlier.sha;
        let state = match (back, status.is_final(), status.is_good()) {
            (true, false, _) => RollbackState::UnderWay,
            (true, true, true) => RollbackState::Done,
            (true, true, false) => bail!(
                "the rollback to {} is deployment {}, which {}: a person has to look",
                short(&earlier.sha),
                later.id,
                status.words()
            ),
            (false, ..) => RollbackState::Superseded,
        };
        Ok(RolledBack {
            state,
            said: format!(
                "deployment {} of {} is in its place and {}",
                later.id,
                short(&later.sha),
                status.words()
            ),
            execution: Some(later.id.to_string()),
        })
    }

    pub(super) async fn dispatch(
        &self,
        current: &Deployment,
        earlier: &Deployment,
    ) -> anyhow::Result<RolledBack> {
        let Some(workflow) = &self.workflow else { bail!("no workflow is named") };
        let path =
            format!("{}/actions/workflows/{}/dispatches", self.repository, segment(&workflow.file));
        let body = json!({"ref": workflow.branch, "inputs": {
            "environment": current.environment,
            "sha": earlier.sha,
            "deployment": current.id.to_string(),
        }});
        let url = self.api.url(&path, &[]);
        let answer = self.api.send_json(Method::POST, url, &body, Repeat::OnlyUnprocessed).await;
        answer.map_err(|error| refused(&self.api, &error, &format!("start {}", workflow.file), "`actions: write`, and the workflow `on: workflow_dispatch` with the inputs `environment`, `sha` and `deployment`"))?;
        Ok(RolledBack {
            state: RollbackState::Started,
            said: format!("{} was started for {}", workflow.file, short(&earlier.sha)),
            execution: None,
        })
    }

    pub(super) async fn rerun(
        &self,
        (run, job): (u64, u64),
        earlier: &Deployment,
    ) -> anyhow::Result<RolledBack> {
        // Twice would deploy twice: a run that is under way is left alone.
        let answer = self.get(&format!("/actions/runs/{run}"), &[], "the earlier run").await?;
        let found: Run = read(&answer, "GitHub")?;
        if found.status.as_deref() != Some("completed") {
            return Ok(RolledBack {
                state: RollbackState::UnderWay,
                said: format!("the run that deployed {} is under way already", short(&earlier.sha)),
                execution: None,
            });
        }
        let url = self.api.url(&format!("{}/actions/jobs/{job}/rerun", self.repository), &[]);
        let answer =
            self.api.send_json(Method::POST, url, &json!({}), Repeat::OnlyUnprocessed).await;
        answer.map_err(|error| {
            refused(&self.api, &error, "run the earlier job again", "`actions: write`")
        })?;
        Ok(RolledBack {
            state: RollbackState::Started,
            said: format!("job {job}, which deployed {}, runs again", short(&earlier.sha)),
            execution: None,
        })
    }

    pub(super) async fn deploy(
        &self,
        current: &Deployment,
        earlier: &Deployment,
    ) -> anyhow::Result<RolledBack> {
        let body = json!({
            "ref": earlier.sha,
            "task": if earlier.task.is_empty() { "deploy" } else { &earlier.task },
            // That commit was deployed before: nothing is merged into it, and its checks
            // are not waited for.
            "auto_merge": false,
            "required_contexts": [],
            "payload": if earlier.payload.is_null() { json!({}) } else { earlier.payload.clone() },
            "environment": current.environment,
            "description": format!("{MARK}{} ({}) from deployment {}", short(&earlier.sha), earlier.reference, current.id)
                .chars().take(140).collect::<String>(),
            "production_environment": current.production_environment.unwrap_or(false),
            "transient_environment": current.transient_environment.unwrap_or(false),
        });
        let url = self.api.url(&format!("{}/deployments", self.repository), &[]);
        let answer = self.api.send_json(Method::POST, url, &body, Repeat::OnlyUnprocessed).await;
        let answer = answer.map_err(|error| {
            refused(&self.api, &error, "create the deployment", "`deployments: write`")
        })?;
        let made: Deployment = read(&answer, "GitHub")?;
        Ok(RolledBack {
            state: RollbackState::Started,
            said: format!("deployment {} of {} was created", made.id, short(&earlier.sha)),
            execution: Some(made.id.to_string()),
        })
    }
}

/// A refusal with the right that is needed.
fn refused(api: &Api, error: &Error, what: &str, rights: &str) -> anyhow::Error {
    match error {
        Error::Status(answer)
            if matches!(
                answer.status,
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY
            ) =>
        {
            let said = answer.message();
            anyhow!(
                "cannot {what} on GitHub ({}: {said}): it needs {rights}",
                answer.status.as_u16()
            )
        }
        error => anyhow!("cannot {what} on GitHub: {:#}", api.explain(error, "an answer")),
    }
}
