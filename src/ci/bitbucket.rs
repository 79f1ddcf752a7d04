//! Bitbucket Pipelines: a repository's pipelines and their steps.
//! <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pipelines/>.

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::ask::{Answer, Api, segment};
use super::runs::{PAGE, newest, paged, past};
use super::{CiServer, Past, PipelineId};
use crate::http::{Client, Credential, Error};
use crate::redact::Secret;

const RIGHTS: &str = "`pipeline`";

/// One repository.
pub(super) struct Bitbucket {
    api: Api,
    /// `/repositories/<workspace>/<slug>`.
    path: String,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(default)]
    mainbranch: Option<Branch>,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
}

#[derive(Deserialize)]
struct Page<T> {
    values: Vec<T>,
    #[serde(default)]
    size: Option<usize>,
}

#[derive(Deserialize)]
struct Run {
    uuid: String,
    #[serde(default)]
    state: Option<State>,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    result: Option<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    name: String,
}

impl Bitbucket {
    /// `api_url` ends in `/2.0`.
    pub(super) fn new(
        client: Client,
        api_url: &str,
        workspace: &str,
        repository: &str,
        token: &Secret,
    ) -> anyhow::Result<Self> {
        let api = Api::new(client, "Bitbucket", api_url, |base| {
            Credential::bearer(token.expose(), base)
        })?;
        let path = format!("/repositories/{}/{}", segment(workspace), segment(repository));
        Ok(Bitbucket { api, path })
    }

    /// Of the newest hundred pipelines those that succeeded, which no filter asks for.
    async fn runs(&self, branch: Option<String>, limit: usize) -> Result<Vec<String>, Error> {
        let size = PAGE.to_string();
        let mut query = vec![("sort", "-created_on"), ("pagelen", size.as_str())];
        query.extend(branch.as_deref().map(|branch| ("target.branch", branch)));
        let path = format!("{}/pipelines", self.path);
        let page: Page<Run> = self.api.value(&path, &query).await?;
        let succeeded = page.values.into_iter().filter(|run| {
            let result = run.state.as_ref().and_then(|state| state.result.as_ref());
            result.is_some_and(|result| result.name == "SUCCESSFUL")
        });
        Ok(succeeded.take(limit).map(|run| run.uuid).collect())
    }
}

fn count(answer: &Answer) -> Result<usize, Error> {
    let page: Page<IgnoredAny> = answer.parse()?;
    Ok(page.size.unwrap_or_default().max(page.values.len()))
}

#[async_trait]
impl CiServer for Bitbucket {
    async fn history(&self, pipeline: &PipelineId<'_>, limit: usize) -> anyhow::Result<Past> {
        let explain = |error| self.api.explain(error, "the repository's pipelines", RIGHTS);
        let repository: Repository = self.api.value(&self.path, &[]).await.map_err(explain)?;
        let branch = repository.mainbranch.map_or_else(|| "main".to_owned(), |main| main.name);
        let mut notes = Vec::new();
        let list = |branch| self.runs(branch, limit);
        let runs = newest(&branch, pipeline.path, list, &mut notes).await.map_err(explain)?;
        let page = |run: String, number: usize| async move {
            let path = format!("{}/pipelines/{}/steps", self.path, segment(&run));
            let (number, size) = (number.to_string(), PAGE.to_string());
            self.api.get(&path, &[("pagelen", size.as_str()), ("page", &number)]).await
        };
        let fetched = paged(&runs, page, count, &mut notes).await;
        past(&self.api, fetched, pipeline.pipeline, RIGHTS, notes)
    }
}
