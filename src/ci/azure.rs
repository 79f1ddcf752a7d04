//! Azure Pipelines: the builds of a definition and their timelines.
//! <https://learn.microsoft.com/rest/api/azure/devops/build/>.

use anyhow::{anyhow, ensure};
use async_trait::async_trait;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::ask::{Api, segment};
use super::runs::{PAGE, fetch, newest, past};
use super::{CiServer, Past, PipelineId};
use crate::http::{Client, Credential, Error};
use crate::inputs::AzureServer;
use crate::redact::Secret;

const VERSION: (&str, &str) = ("api-version", "7.1");

const RIGHTS: &str = "to read builds";

/// One project.
pub(super) struct Azure {
    api: Api,
    /// `/<project>/_apis/build`.
    path: String,
    repository: Option<String>,
    definition: Option<String>,
}

#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
}

#[derive(Deserialize)]
struct Definition {
    id: u64,
    #[serde(default)]
    repository: Option<Repository>,
    #[serde(default)]
    process: Option<Process>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    default_branch: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    #[serde(default)]
    yaml_filename: Option<String>,
}

#[derive(Deserialize)]
struct Build {
    id: u64,
}

impl Azure {
    /// `collection` as in `SYSTEM_COLLECTIONURI`.
    pub(super) fn new(
        client: Client,
        collection: &str,
        project: &str,
        token: &Secret,
        server: &AzureServer,
    ) -> anyhow::Result<Self> {
        let api = Api::new(client, "Azure DevOps", collection, |base| {
            Credential::bearer(token.expose(), base)
        })?;
        Ok(Azure {
            api,
            path: format!("/{}/_apis/build", segment(project)),
            repository: server.repository_id.clone(),
            definition: server.definition_id.clone(),
        })
    }

    /// The definition that is made of this file.
    async fn definition(&self, file: &str) -> Result<Option<Definition>, Error> {
        let path = format!("{}/definitions", self.path);
        let query = [("yamlFilename", file), ("includeAllProperties", "true"), VERSION];
        let all: List<Definition> = self.api.value(&path, &query).await?;
        let is_of = |one: &Definition| {
            let named = one.process.as_ref().and_then(|process| process.yaml_filename.as_deref());
            let of = one.repository.as_ref().and_then(|repository| repository.id.as_ref());
            named.is_none_or(|named| named.trim_start_matches('/') == file)
                && (self.repository.is_none() || of.is_none() || of == self.repository.as_ref())
        };
        let mut fitting: Vec<Definition> = all.value.into_iter().filter(is_of).collect();
        let own = fitting.iter().position(|one| Some(one.id.to_string()) == self.definition);
        let place = own.unwrap_or(0);
        Ok((place < fitting.len()).then(|| fitting.swap_remove(place)))
    }

    async fn runs(
        &self,
        definition: u64,
        branch: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let (definition, top) = (definition.to_string(), limit.clamp(1, PAGE).to_string());
        let mut query = vec![
            ("definitions", definition.as_str()),
            ("statusFilter", "completed"),
            ("resultFilter", "succeeded"),
            ("queryOrder", "finishTimeDescending"),
            ("$top", top.as_str()),
            VERSION,
        ];
        query.extend(branch.as_deref().map(|branch| ("branchName", branch)));
        let builds: List<Build> = self.api.value(&format!("{}/builds", self.path), &query).await?;
        Ok(builds.value.into_iter().take(limit).map(|build| build.id.to_string()).collect())
    }
}

#[async_trait]
impl CiServer for Azure {
    async fn history(&self, pipeline: &PipelineId<'_>, limit: usize) -> anyhow::Result<Past> {
        let file = pipeline.path;
        let what = format!("the builds of {file}");
        let explain = |error| self.api.explain(error, &what, RIGHTS);
        let definition = self.definition(file).await.map_err(explain)?.ok_or_else(|| {
            anyhow!("Azure DevOps has no pipeline that is made of {file}; or give `--history FILE`")
        })?;
        let branch = definition.repository.and_then(|repository| repository.default_branch);
        let branch = branch.unwrap_or_else(|| "refs/heads/main".to_owned());
        ensure!(!branch.is_empty(), "Azure DevOps tells no default branch for {file}");
        let mut notes = Vec::new();
        let list = |branch| self.runs(definition.id, branch, limit);
        let runs = newest(&branch, file, list, &mut notes).await.map_err(explain)?;
        let fetched = fetch(runs, |run| async move {
            let path = format!("{}/builds/{run}/timeline", self.path);
            let answer = self.api.get(&path, &[VERSION]).await?;
            answer.parse::<IgnoredAny>()?;
            Ok(vec![answer.body])
        })
        .await;
        past(&self.api, fetched, pipeline.pipeline, RIGHTS, notes)
    }
}
