//! What whoever deploys can be asked for: an execution, its logs, approvals, and taking it
//! back. Cut by capability; a host that lacks something says so.

use async_trait::async_trait;
use serde::Serialize;

use super::Status;
use crate::policy::RollbackPermit;

/// An execution as far as it came. Times are milliseconds since 1970.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Execution {
    /// Its id at the host.
    pub id: String,
    /// What is executed: a pipeline, an environment, a rollout.
    pub name: String,
    /// Its page.
    pub url: Option<String>,
    /// How far it is.
    pub status: Status,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// What the host says went wrong with it as a whole.
    pub message: Option<String>,
    /// The commit that it deploys, where the host says.
    pub commit: Option<String>,
    /// Whether it is itself the rollback of another one.
    pub is_rollback: bool,
    /// Its stages in order, parallel ones side by side; empty where the host has none.
    pub stages: Vec<Stage>,
    /// Its steps in order.
    pub steps: Vec<Step>,
}

/// A stage of an execution.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stage {
    /// The id by which the host is told to act on it; empty before it begins.
    pub id: String,
    /// Its name in the pipeline's file.
    pub identifier: String,
    /// Its name for people.
    pub name: String,
    /// Its kind (`Deployment`, `Approval`, `Custom` …).
    pub kind: String,
    /// How far it is.
    pub status: Status,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// What went wrong.
    pub message: Option<String>,
    /// What is deployed, and where to.
    pub target: Target,
}

/// What a stage deploys, and where to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The service.
    pub service: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// `Production` or `PreProduction`.
    pub environment_kind: Option<String>,
    /// The infrastructure.
    pub infrastructure: Option<String>,
}

/// A step of an execution.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Step {
    /// Its id at the host.
    pub id: String,
    /// Its name in the pipeline's file.
    pub identifier: String,
    /// Its name for people.
    pub name: String,
    /// The identifier of its stage.
    pub stage: String,
    /// Its kind (`K8sRollingDeploy`, `HarnessApproval` …).
    pub kind: String,
    /// How far it is.
    pub status: Status,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// What the host says went wrong.
    pub message: Option<String>,
    /// What its log is asked for by.
    pub log_key: Option<String>,
    /// Whether it takes something back.
    pub is_rollback: bool,
    /// Whether somebody has marked it as failed.
    pub is_marked_failed: bool,
}

/// How an execution can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// While it runs: these stages are marked as failed and so go into their rollback.
    Stage {
        /// The execution.
        execution: String,
        /// The nodes of the stages, each parallel one.
        nodes: Vec<String>,
        /// What should be known of it, if anything.
        note: Option<String>,
    },
    /// After it succeeded: the host deploys what was there before.
    AfterSuccess {
        /// The execution.
        execution: String,
        /// What is taken back, one a stage.
        instances: Vec<Instance>,
    },
    /// This very run is a step of it: its exit code takes it back.
    ByFailing,
    /// The host's own call does it (an environment's previous deployment, a rollout's
    /// abort).
    Host {
        /// What it is done to.
        what: String,
    },
    /// It cannot, and why.
    Impossible {
        /// In a sentence that says what to do.
        why: String,
    },
}

/// One running instance of what was deployed, which stands for its stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// `instanceKey`.
    pub key: String,
    /// `infrastructureMappingId`.
    pub infrastructure: String,
}

/// What became of taking an execution back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolledBack {
    /// How far it is.
    pub state: RollbackState,
    /// In a sentence.
    pub said: String,
    /// The execution that does it, where it is another one.
    pub execution: Option<String>,
}

/// How far taking back is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackState {
    /// It was asked for now.
    Started,
    /// It was under way already: nothing was asked for.
    UnderWay,
    /// It was done already: nothing was asked for.
    Done,
    /// A later execution is in its place: nothing was asked for.
    Superseded,
    /// The exit code of this run does it.
    ByExit,
}

/// A question for approval that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// Its id.
    pub id: String,
    /// The step that asks.
    pub step: Option<String>,
    /// What is asked.
    pub message: Option<String>,
    /// How it stands.
    pub status: ApprovalStatus,
}

/// How an approval stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalStatus {
    /// Nobody has answered.
    #[default]
    Waiting,
    /// Yes.
    Approved,
    /// No.
    Rejected,
    /// It failed, was aborted, or its time ran out.
    Over,
}

/// Whoever deploys.
#[async_trait]
pub trait Deployer: Send + Sync {
    /// Its name, for people: `Harness`.
    fn host(&self) -> &'static str;

    /// The execution as it is now. The first call finds the latest where none was named;
    /// every later one is about the same.
    async fn execution(&self) -> anyhow::Result<Execution>;

    /// A step's log as lines, at most as much of its end as is worth reading.
    async fn log(&self, step: &Step) -> anyhow::Result<Vec<u8>>;

    /// How it can be taken back now.
    async fn can_roll_back(&self, execution: &Execution) -> anyhow::Result<Means>;

    /// Take it back. Looks first whether that is done or under way: twice does what once
    /// does.
    async fn roll_back(&self, permit: &RollbackPermit, means: &Means)
    -> anyhow::Result<RolledBack>;

    /// Questions for approval of an execution; none where the host has no such thing.
    async fn approvals(&self, _execution: &Execution) -> anyhow::Result<Vec<Approval>> {
        Ok(Vec::new())
    }
}
