//! Harness: executions of a pipeline, their logs, approvals, and taking them back.
//! <https://apidocs.harness.io>.

pub mod access;
mod after;
mod approvals;
mod ask;
mod graph;
mod logs;
mod stop;
mod strategy;
mod wrong;

use std::sync::OnceLock;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

pub use self::ask::Place;
use self::ask::{Api, Call, part};
use self::graph::{Detail, Summary};
use super::{Approval, Deployer, Execution, Means, RollbackState, RolledBack, Step};
use crate::http::Client;
use crate::inputs::HarnessServer;
use crate::policy::RollbackPermit;
use crate::redact::Secret;

/// How many of the latest executions are looked through.
const LATEST: &str = "20";
/// How many parts of a graph are asked for beside the first.
const MOST_PARTS: usize = 20;

/// What is watched.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// The pipeline's identifier; found by the execution where unsaid.
    pub pipeline: Option<String>,
    /// The execution; the pipeline's latest where unsaid.
    pub execution: Option<String>,
    /// The execution that this very run is a step of, if any.
    pub own: Option<String>,
}

/// A pipeline's execution at Harness.
pub struct Harness {
    api: Api,
    subject: Subject,
    /// The execution that is meant, once known, and its pipeline.
    meant: OnceLock<(String, String)>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Page {
    content: Vec<Summary>,
}

impl Harness {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// The address is none, or one on the way to which the key could be read; nothing
    /// says which execution is meant.
    pub fn new(
        client: &Client,
        address: &str,
        place: Place,
        key: &Secret,
        subject: Subject,
    ) -> anyhow::Result<Self> {
        Ok(Harness { api: Api::new(client, address, place, key)?, subject, meant: OnceLock::new() })
    }

    /// The same with what the variables of a job say.
    ///
    /// # Errors
    /// Some are not set: all that are missing, at once.
    pub fn of(server: &HarnessServer, client: &Client, subject: Subject) -> anyhow::Result<Self> {
        let needed = [
            ("HARNESS_ACCOUNT_ID", server.account.as_ref()),
            ("HARNESS_ORG_ID", server.organization.as_ref()),
            ("HARNESS_PROJECT_ID", server.project.as_ref()),
        ];
        let mut missing: Vec<&str> =
            needed.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        if server.key.is_none() {
            missing.push("HARNESS_API_KEY");
        }
        let [account, organization, project] =
            needed.map(|(_, value)| value.cloned().unwrap_or_default());
        let Some(key) = server.key.as_ref().filter(|_| missing.is_empty()) else {
            let are = if missing.len() == 1 { "is" } else { "are" };
            anyhow::bail!("Harness cannot be asked: {} {are} not set", missing.join(", "));
        };
        let place = Place { account, organization, project };
        Harness::new(client, &server.base_url, place, key, subject)
    }

    /// What the key is allowed of these rights (type of resource, permission).
    ///
    /// # Errors
    /// Harness cannot be asked.
    pub async fn rights(
        &self,
        wanted: &[(&'static str, &'static str)],
    ) -> anyhow::Result<Vec<access::Held>> {
        access::ask(&self.api, wanted, self.subject.pipeline.as_deref()).await
    }

    /// Answer a question for approval.
    ///
    /// # Errors
    /// Harness does not take the answer.
    pub async fn answer(
        &self,
        permit: &RollbackPermit,
        approval: &Approval,
        approve: bool,
        comments: &str,
    ) -> anyhow::Result<()> {
        approvals::answer(&self.api, permit, approval, approve, comments).await
    }

    /// The latest executions of the pipeline, the latest first.
    async fn latest(&self, pipeline: &str) -> anyhow::Result<Vec<Summary>> {
        let what = format!("the executions of {pipeline}");
        // The one list that there is takes a POST; it changes nothing.
        let body = json!({ "filterType": "PipelineExecution" });
        let call = Call::ask("/pipeline/api/pipelines/execution/summary", &what, Some(body))
            .with("pipelineIdentifier", pipeline)
            .with("page", "0")
            .with("size", LATEST);
        let mut page: Page = self.api.data(call).await?;
        page.content.sort_by_key(|one| std::cmp::Reverse(one.start_ts.unwrap_or_default()));
        Ok(page.content)
    }

    /// The execution that is meant.
    async fn find(&self) -> anyhow::Result<String> {
        if let Some((id, _)) = self.meant.get() {
            return Ok(id.clone());
        }
        if let Some(id) = &self.subject.execution {
            return Ok(id.clone());
        }
        let Some(pipeline) = &self.subject.pipeline else {
            anyhow::bail!("neither a pipeline nor an execution is named");
        };
        let latest = self.latest(pipeline).await?;
        let id = latest.into_iter().find_map(|one| one.plan_execution_id);
        id.ok_or_else(|| anyhow::anyhow!("the pipeline {pipeline} has no execution yet"))
    }

    async fn detail(&self, id: &str) -> anyhow::Result<Execution> {
        let path = format!("/pipeline/api/pipelines/execution/v2/{}", part(id));
        let what = format!("the execution {id}");
        let call = Call::get(&path, &what).with("renderFullBottomGraph", "true");
        let mut detail: Detail = self.api.data(call).await?;
        let page = |pipeline: &str, id: &str| self.page(pipeline, id);
        let mut execution = graph::read(&detail, page);
        // Older servers send the graph of one stage at a time.
        let lacking: Vec<String> = graph::lacking(&detail, &execution);
        for key in lacking.iter().take(MOST_PARTS) {
            let call = Call::get(&path, &what).with("stageNodeId", key);
            let more: Detail = self.api.data(call).await?;
            if let Some(more) = more.execution_graph {
                detail.execution_graph.get_or_insert_default().add(more);
            }
        }
        if !lacking.is_empty() {
            execution = graph::read(&detail, page);
        }
        if execution.id.is_empty() {
            execution.id = id.to_owned();
        }
        let pipeline = detail.pipeline_execution_summary.pipeline_identifier;
        let pipeline = pipeline.or(self.subject.pipeline.clone()).unwrap_or_default();
        if let Some(wanted) = &self.subject.pipeline
            && wanted != &pipeline
        {
            anyhow::bail!("the execution {id} is one of the pipeline {pipeline}, not of {wanted}");
        }
        // Later calls are about the same one.
        let _ = self.meant.set((execution.id.clone(), pipeline));
        Ok(execution)
    }

    /// <https://developer.harness.io/docs/platform/pipelines/executions-and-logs/view-and-compare-pipeline-executions>.
    fn page(&self, pipeline: &str, id: &str) -> String {
        let place = &self.api.place;
        self.api.page(&format!(
            "/ng/account/{}/cd/orgs/{}/projects/{}/pipelines/{}/executions/{}/pipeline",
            part(&place.account),
            part(&place.organization),
            part(&place.project),
            part(pipeline),
            part(id)
        ))
    }

    fn pipeline(&self) -> &str {
        self.meant.get().map_or("", |(_, pipeline)| pipeline.as_str())
    }

    /// A later execution of the same pipeline, which makes this one's rollback wrong or
    /// is it.
    async fn later(&self, execution: &Execution) -> anyhow::Result<Option<RolledBack>> {
        let started = execution.started_at.unwrap_or(i64::MAX);
        for one in self.latest(self.pipeline()).await? {
            let id = one.plan_execution_id.clone().unwrap_or_default();
            if id == execution.id || one.start_ts.unwrap_or_default() <= started {
                continue;
            }
            let status = super::Status::read(one.status.as_deref().unwrap_or_default());
            let (state, said) = match (one.is_rollback(), status.is_final()) {
                (true, false) => (RollbackState::UnderWay, "already rolls it back"),
                (true, true) if status.is_good() => {
                    (RollbackState::Done, "has already rolled it back")
                }
                (true, true) => (RollbackState::Done, "was to roll it back and did not succeed"),
                (false, _) => {
                    (RollbackState::Superseded, "came after it: that one is to be judged")
                }
            };
            let said = format!("the execution {id} {said}");
            return Ok(Some(RolledBack { state, said, execution: Some(id) }));
        }
        Ok(None)
    }
}

#[async_trait]
impl Deployer for Harness {
    fn host(&self) -> &'static str {
        "Harness"
    }

    async fn execution(&self) -> anyhow::Result<Execution> {
        let id = self.find().await?;
        self.detail(&id).await
    }

    async fn log(&self, step: &Step) -> anyhow::Result<Vec<u8>> {
        match &step.log_key {
            Some(key) => logs::fetch(&self.api, key).await,
            None => anyhow::bail!("the step has no log"),
        }
    }

    async fn can_roll_back(&self, execution: &Execution) -> anyhow::Result<Means> {
        let impossible = |why: &str| Ok(Means::Impossible { why: why.to_owned() });
        if self.subject.own.as_deref() == Some(&execution.id) {
            return Ok(Means::ByFailing);
        }
        if execution.is_rollback {
            return impossible("the execution is itself a rollback");
        }
        match stop::state(execution) {
            Some(RollbackState::Done) => return impossible("it is already rolled back"),
            Some(_) => return impossible("it is already on its way back"),
            None => {}
        }
        if execution.status.is_under_way() {
            return stop::means(&self.api, self.pipeline(), execution).await;
        }
        if execution.status.is_good() {
            return after::means(&self.api, execution).await;
        }
        Ok(Means::Impossible {
            why: format!(
                "the execution {}: Harness rolls back what runs, and what has succeeded; \
                 deploy the version before it",
                execution.status.words()
            ),
        })
    }

    async fn roll_back(
        &self,
        _permit: &RollbackPermit,
        means: &Means,
    ) -> anyhow::Result<RolledBack> {
        let id = match means {
            Means::Stage { execution, .. } | Means::AfterSuccess { execution, .. } => execution,
            Means::ByFailing => {
                let said = "the exit code of this step takes it back".to_owned();
                return Ok(RolledBack { state: RollbackState::ByExit, said, execution: None });
            }
            Means::Host { .. } => anyhow::bail!("Harness has no such rollback"),
            Means::Impossible { why } => anyhow::bail!("it cannot be rolled back: {why}"),
        };
        // As it is now, not as it was when somebody decided.
        let execution = self.detail(id).await?;
        if let Some(state) = stop::state(&execution) {
            let said = match state {
                RollbackState::Done => "it is already rolled back",
                _ => "it is already on its way back",
            };
            return Ok(RolledBack { state, said: said.to_owned(), execution: None });
        }
        if let Some(later) = self.later(&execution).await? {
            return Ok(later);
        }
        match means {
            Means::Stage { nodes, .. } => {
                let done = stop::roll_back(&self.api, &execution, nodes).await;
                let Err(error) = done else { return done };
                // An answer that is lost says nothing of what became of the call.
                match self.detail(id).await {
                    Ok(now) if stop::any_marked(&now, nodes) => Ok(RolledBack {
                        state: RollbackState::UnderWay,
                        said: "it is on its way back, though the call was not answered".to_owned(),
                        execution: None,
                    }),
                    _ => Err(error),
                }
            }
            Means::AfterSuccess { instances, .. } => after::roll_back(&self.api, instances).await,
            _ => anyhow::bail!("there is nothing to roll back"),
        }
    }

    async fn approvals(&self, execution: &Execution) -> anyhow::Result<Vec<Approval>> {
        approvals::list(&self.api, &execution.id).await
    }
}
