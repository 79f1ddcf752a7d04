//! Harness: executions of a pipeline and the stages of their layout.
//! <https://apidocs.harness.io/tag/Pipeline-Execution-Details>.

use anyhow::Context as _;
use async_trait::async_trait;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::ask::{Api, segment};
use super::runs::{PAGE, fetch, past};
use super::{CiServer, Past, PipelineId};
use crate::http::{Client, Credential, HeaderName};
use crate::redact::Secret;

const RIGHTS: &str = "to view pipelines and their executions";

/// One project.
pub(super) struct Harness {
    api: Api,
    account: String,
    organization: String,
    project: String,
}

#[derive(Deserialize)]
struct Listed {
    data: Executions,
}

#[derive(Deserialize)]
struct Executions {
    content: Vec<Execution>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Execution {
    plan_execution_id: String,
}

impl Harness {
    /// `place` is account, organisation and project.
    pub(super) fn new(
        client: Client,
        base_url: &str,
        place: [&str; 3],
        key: &Secret,
    ) -> anyhow::Result<Self> {
        let api = Api::new(client, "Harness", base_url, |base| {
            Credential::header(HeaderName::from_static("x-api-key"), key.expose(), base)
        })?;
        let [account, organization, project] = place.map(str::to_owned);
        Ok(Harness { api, account, organization, project })
    }

    fn place(&self) -> [(&str, &str); 3] {
        [
            ("accountIdentifier", &self.account),
            ("orgIdentifier", &self.organization),
            ("projectIdentifier", &self.project),
        ]
    }
}

/// `pipeline.identifier` of a file: the key of that name among the first level's.
pub(super) fn identifier(text: &str) -> Option<&str> {
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.find(|line| line.trim_end() == "pipeline:")?;
    let mut depth = None;
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let own = line.len() - line.trim_start().len();
        if own == 0 {
            return None;
        }
        if own != *depth.get_or_insert(own) {
            continue;
        }
        if let Some(value) = line.trim_start().strip_prefix("identifier:") {
            let value = value.split(" #").next().unwrap_or_default().trim();
            let bare = value.trim_matches(['"', '\'']);
            return (!bare.is_empty()).then_some(bare);
        }
    }
    None
}

#[async_trait]
impl CiServer for Harness {
    async fn history(&self, pipeline: &PipelineId<'_>, limit: usize) -> anyhow::Result<Past> {
        let identifier = identifier(pipeline.text)
            .with_context(|| format!("{} says no `pipeline.identifier`", pipeline.path))?;
        let size = limit.clamp(1, PAGE).to_string();
        let mut query = self.place().to_vec();
        query.extend([
            ("pipelineIdentifier", identifier),
            ("page", "0"),
            ("size", size.as_str()),
            ("status", "Success"),
        ]);
        // The one list of executions that there is takes a POST; it changes nothing.
        let body = r#"{"filterType":"PipelineExecution"}"#;
        let listed: Listed = self
            .api
            .post("/pipeline/api/pipelines/execution/summary", &query, body)
            .await
            .map_err(|error| {
                self.api.explain(error, &format!("the executions of {identifier}"), RIGHTS)
            })?;
        let runs = listed.data.content.into_iter().map(|one| one.plan_execution_id).take(limit);
        let fetched = fetch(runs, |run| async move {
            let path = format!("/pipeline/api/pipelines/execution/v2/{}", segment(&run));
            let answer = self.api.get(&path, &self.place()).await?;
            answer.parse::<IgnoredAny>()?;
            Ok(vec![answer.body])
        })
        .await;
        past(&self.api, fetched, pipeline.pipeline, RIGHTS, Vec::new())
    }
}
