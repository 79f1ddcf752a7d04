//! Jenkins: the builds of a job, by the Pipeline Stage View plugin's `wfapi`.
//! <https://plugins.jenkins.io/pipeline-rest-api/>.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::ask::{Api, segment};
use super::runs::{fetch, past};
use super::{CiServer, Past, PipelineId};
use crate::http::{Client, Credential, HeaderName};
use crate::redact::Secret;

const RIGHTS: &str = "to read the job, and Jenkins the plugin `pipeline-rest-api`";

/// One job.
pub(super) struct Jenkins {
    api: Api,
}

#[derive(Deserialize)]
struct Job {
    builds: Vec<Build>,
}

#[derive(Deserialize)]
struct Build {
    number: u64,
    #[serde(default)]
    result: Option<String>,
}

impl Jenkins {
    /// `job_url` as in `JOB_URL`; in the job of a change, `target` is the branch that
    /// it goes to, whose job stands beside it.
    pub(super) fn new(
        client: Client,
        job_url: &str,
        target: Option<&str>,
        user: &str,
        token: &Secret,
    ) -> anyhow::Result<Self> {
        let job = match (target, job_url.trim_end_matches('/').rsplit_once('/')) {
            // Jenkins encodes a branch's name for its job, and the job's name for the URL.
            (Some(branch), Some((folder, _))) => {
                format!("{folder}/{}", segment(&segment(branch)))
            }
            _ => job_url.to_owned(),
        };
        let api = Api::new(client, "Jenkins", &job, |base| {
            let who = STANDARD.encode(format!("{user}:{}", token.expose()));
            let header = HeaderName::from_static("authorization");
            Credential::header(header, &format!("Basic {who}"), base)
        })?;
        Ok(Jenkins { api })
    }
}

#[async_trait]
impl CiServer for Jenkins {
    async fn history(&self, pipeline: &PipelineId<'_>, limit: usize) -> anyhow::Result<Past> {
        let query = [("tree", "builds[number,result]{0,100}")];
        let job: Job = self
            .api
            .value("/api/json", &query)
            .await
            .map_err(|error| self.api.explain(error, "the builds of the job", RIGHTS))?;
        let succeeded = job.builds.iter().filter(|one| one.result.as_deref() == Some("SUCCESS"));
        let runs: Vec<u64> = succeeded.map(|build| build.number).take(limit).collect();
        let fetched = fetch(runs, |run| async move {
            let answer = self.api.get(&format!("/{run}/wfapi/describe"), &[]).await?;
            answer.parse::<IgnoredAny>()?;
            Ok(vec![answer.body])
        })
        .await;
        past(&self.api, fetched, pipeline.pipeline, RIGHTS, Vec::new())
    }
}
