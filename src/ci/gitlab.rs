//! GitLab CI/CD: a project's pipelines and their jobs.
//! <https://docs.gitlab.com/api/pipelines/>, <https://docs.gitlab.com/api/jobs/>.

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::ask::{Answer, Api, segment};
use super::runs::{PAGE, newest, paged, past};
use super::{CiServer, Past, PipelineId};
use crate::http::{Client, Credential, Error, HeaderName};
use crate::redact::Secret;

const RIGHTS: &str = "`read_api` (the job's own token may not everywhere: set `GITLAB_TOKEN`)";

/// One project.
pub(super) struct GitLab {
    api: Api,
    /// `/projects/<id>`.
    path: String,
    default_branch: Option<String>,
}

/// Who asks.
pub(super) enum Token<'a> {
    /// A project's, a group's or a person's.
    Own(&'a Secret),
    /// The job's.
    Job(&'a Secret),
}

#[derive(Deserialize)]
struct Project {
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
}

impl GitLab {
    /// `api_url` ends in `/api/v4`; `project` is a number or a path.
    pub(super) fn new(
        client: Client,
        api_url: &str,
        project: &str,
        default_branch: Option<String>,
        token: Token<'_>,
    ) -> anyhow::Result<Self> {
        let api = Api::new(client, "GitLab", api_url, |base| {
            let (name, secret) = match token {
                Token::Own(secret) => ("private-token", secret),
                Token::Job(secret) => ("job-token", secret),
            };
            Credential::header(HeaderName::from_static(name), secret.expose(), base)
        })?;
        Ok(GitLab { api, path: format!("/projects/{}", segment(project)), default_branch })
    }

    async fn default_branch(&self) -> Result<String, Error> {
        if let Some(known) = &self.default_branch {
            return Ok(known.clone());
        }
        let project: Project = self.api.value(&self.path, &[]).await?;
        Ok(project.default_branch.unwrap_or_default())
    }

    async fn runs(&self, branch: Option<String>, limit: usize) -> Result<Vec<String>, Error> {
        let size = limit.clamp(1, PAGE).to_string();
        let mut query = vec![
            ("status", "success"),
            ("order_by", "id"),
            ("sort", "desc"),
            ("per_page", size.as_str()),
        ];
        query.extend(branch.as_deref().map(|branch| ("ref", branch)));
        let path = format!("{}/pipelines", self.path);
        let runs: Vec<Run> = self.api.value(&path, &query).await?;
        Ok(runs.into_iter().take(limit).map(|run| run.id.to_string()).collect())
    }
}

/// GitLab tells in a header how many there are, unless there are ten thousand.
fn count(answer: &Answer) -> Result<usize, Error> {
    let here = answer.parse::<Vec<IgnoredAny>>()?.len();
    Ok(answer.number("x-total").unwrap_or(here).max(here))
}

#[async_trait]
impl CiServer for GitLab {
    async fn history(&self, pipeline: &PipelineId<'_>, limit: usize) -> anyhow::Result<Past> {
        let what = "the project's pipelines";
        let explain = |error| self.api.explain(error, what, RIGHTS);
        let branch = self.default_branch().await.map_err(explain)?;
        let mut notes = Vec::new();
        let list = |branch| self.runs(branch, limit);
        let runs = newest(&branch, pipeline.path, list, &mut notes).await.map_err(explain)?;
        let page = |run: String, number: usize| async move {
            let path = format!("{}/pipelines/{run}/jobs", self.path);
            let (number, size) = (number.to_string(), PAGE.to_string());
            self.api.get(&path, &[("per_page", size.as_str()), ("page", &number)]).await
        };
        let fetched = paged(&runs, page, count, &mut notes).await;
        past(&self.api, fetched, pipeline.pipeline, RIGHTS, notes)
    }
}
