//! GitHub Actions: a workflow's runs and their jobs.
//! <https://docs.github.com/en/rest/actions/workflow-runs>,
//! <https://docs.github.com/en/rest/actions/workflow-jobs>.

use anyhow::ensure;
use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::ask::{Api, segment};
use super::runs::{PAGE, newest, paged, past};
use super::{CiServer, Past, PipelineId};
use crate::http::{Client, Credential, Error};
use crate::redact::Secret;

const RIGHTS: &str = "`actions: read`";

/// One repository.
pub(super) struct GitHub {
    api: Api,
    /// `/repos/<owner>/<name>`.
    path: String,
    default_branch: OnceCell<String>,
}

#[derive(Deserialize)]
struct Repository {
    default_branch: String,
}

#[derive(Deserialize)]
struct Runs {
    workflow_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
}

#[derive(Deserialize)]
struct Jobs {
    total_count: usize,
}

impl GitHub {
    /// `api_url` as in `GITHUB_API_URL`, `repository` as `owner/name`.
    pub(super) fn new(
        client: Client,
        api_url: &str,
        repository: &str,
        token: &Secret,
    ) -> anyhow::Result<Self> {
        let parts: Vec<&str> = repository.split('/').collect();
        ensure!(
            parts.len() == 2 && parts.iter().all(|part| !part.is_empty()),
            "`{repository}` is not a repository: expected owner/name in `GITHUB_REPOSITORY`"
        );
        let path: String = parts.iter().map(|part| format!("/{}", segment(part))).collect();
        let api =
            Api::new(client, "GitHub", api_url, |base| Credential::bearer(token.expose(), base))?
                .with_header("accept", "application/vnd.github+json")
                .with_header("x-github-api-version", "2022-11-28");
        Ok(GitHub { api, path: format!("/repos{path}"), default_branch: OnceCell::new() })
    }

    async fn default_branch(&self) -> Result<&str, Error> {
        let asked = self.default_branch.get_or_try_init(|| async {
            let repository: Repository = self.api.value(&self.path, &[]).await?;
            Ok(repository.default_branch)
        });
        asked.await.map(String::as_str)
    }

    /// Successful runs of a workflow, newest first.
    async fn runs(
        &self,
        workflow: &str,
        branch: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let path = format!("{}/actions/workflows/{}/runs", self.path, segment(workflow));
        let size = limit.clamp(1, PAGE);
        let (size_text, mut found) = (size.to_string(), Vec::new());
        for number in 1..=limit.div_ceil(size) {
            let number = number.to_string();
            let mut query = vec![
                ("status", "success"),
                ("exclude_pull_requests", "true"),
                ("per_page", size_text.as_str()),
                ("page", number.as_str()),
            ];
            query.extend(branch.as_deref().map(|branch| ("branch", branch)));
            let page: Runs = self.api.value(&path, &query).await?;
            let is_last = page.workflow_runs.len() < size;
            found.extend(page.workflow_runs.into_iter().map(|run| run.id.to_string()));
            if is_last {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}

#[async_trait]
impl CiServer for GitHub {
    async fn history(&self, pipeline: &PipelineId<'_>, limit: usize) -> anyhow::Result<Past> {
        let workflow = pipeline.path.rsplit('/').next().unwrap_or(pipeline.path);
        let what = format!("the runs of {workflow}");
        let explain = |error| self.api.explain(error, &what, RIGHTS);
        let branch = self.default_branch().await.map_err(explain)?;
        let mut notes = Vec::new();
        let list = |branch| self.runs(workflow, branch, limit);
        let runs = newest(branch, workflow, list, &mut notes).await.map_err(explain)?;
        let page = |run: String, number: usize| async move {
            let path = format!("{}/actions/runs/{run}/jobs", self.path);
            let (number, size) = (number.to_string(), PAGE.to_string());
            let query = [("filter", "latest"), ("per_page", size.as_str()), ("page", &number)];
            self.api.get(&path, &query).await
        };
        let count = |answer: &super::ask::Answer| Ok(answer.parse::<Jobs>()?.total_count);
        let fetched = paged(&runs, page, count, &mut notes).await;
        past(&self.api, fetched, pipeline.pipeline, RIGHTS, notes)
    }
}
