//! What a deployment is judged by, as the rest of the room reads it: the spec of
//! `pipewright verify` after validation. `read` makes it, nothing else does.

use std::collections::BTreeMap;

use super::series::Series;

/// A deployment with its signals, logs, health and policy (`pipewright.verify/1`).
#[derive(Debug, Clone, Default)]
pub struct Spec {
    /// The service that was deployed.
    pub service: String,
    /// The deployment.
    pub deployment: Deployment,
    /// Which times are compared.
    pub windows: Windows,
    /// Services that this one calls.
    pub depends_on: Vec<String>,
    /// What is measured.
    pub signals: Vec<Signal>,
    /// What the new version and the baseline wrote.
    pub logs: Logs,
    /// The instances of the new version.
    pub health: Vec<Instance>,
    /// When what is seen is enough to act.
    pub policy: Policy,
    /// What was odd in the file but did not stop it, a sentence each.
    pub remarks: Vec<String>,
}

/// The deployment under judgement. Times are milliseconds since 1970 (UTC).
#[derive(Debug, Clone, Default)]
pub struct Deployment {
    /// Its name at whoever deploys.
    pub id: Option<String>,
    /// The new version.
    pub version: Option<String>,
    /// The version before.
    pub previous: Option<String>,
    /// How far it came.
    pub state: State,
    /// Whether the file says how far: whoever follows the deployment knows it else.
    pub state_said: bool,
    /// When the new version began to run.
    pub started_at: Option<i64>,
    /// Whether this service never ran before.
    pub first: bool,
    /// Whether and to what it can be taken back.
    pub rollback: Rollback,
    /// What else changed around it.
    pub concurrent: Vec<Concurrent>,
    /// How it is brought out.
    pub strategy: Option<Strategy>,
    /// The new version's share of traffic, 0 to 1.
    pub weight: Option<f64>,
}

/// How far a deployment came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// It is done.
    #[default]
    Succeeded,
    /// It is under way, as a canary usually is.
    Running,
    /// It failed.
    Failed,
    /// Its time ran out.
    Expired,
    /// Somebody or something stopped it.
    Aborted,
    /// A freeze holds it.
    Frozen,
    /// It waits for a person.
    WaitingApproval,
}

/// Whether and to what a deployment can be taken back.
#[derive(Debug, Clone, Default)]
pub struct Rollback {
    /// Whether it does no harm (no migration that cannot be undone); unsaid means yes.
    pub safe: Option<bool>,
    /// The version to go back to; `previous` where unsaid.
    pub target: Option<String>,
    /// Whether one is under way already.
    pub running: bool,
}

/// Another change around the same time.
#[derive(Debug, Clone)]
pub struct Concurrent {
    /// What changed.
    pub kind: ChangeKind,
    /// Of which service; `None` where unsaid.
    pub service: Option<String>,
    /// When, in milliseconds since 1970.
    pub at: Option<i64>,
}

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A deployment of the same or another service.
    Deployment,
    /// A feature flag.
    Flag,
    /// Configuration.
    Config,
    /// Machines, networks, databases.
    Infrastructure,
}

/// How a new version is brought out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// A few instances beside the old ones.
    Canary,
    /// A second full set beside the old one.
    BlueGreen,
    /// Instance by instance.
    Rolling,
    /// All at once, the old ones first taken down.
    Recreate,
}

impl Strategy {
    /// Whether the old version runs beside the new one and is measured at the same time.
    pub fn runs_beside(self) -> bool {
        matches!(self, Strategy::Canary | Strategy::BlueGreen)
    }
}

/// Lengths of time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The first part of the new version's series, judged apart.
    pub warmup: i64,
    /// How much of the new version's series counts, warm-up included; `None`: all of it.
    pub canary: Option<i64>,
    /// How much of the baseline's series counts; `None`: all of it.
    pub baseline: Option<i64>,
}

impl Default for Windows {
    fn default() -> Self {
        Windows { warmup: 5 * 60_000, canary: None, baseline: None }
    }
}

/// Something that is measured.
#[derive(Debug, Clone)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// What its points hold.
    pub kind: Kind,
    /// What it says of the service.
    pub class: Class,
    /// Which way is better.
    pub direction: Direction,
    /// Its unit, for people.
    pub unit: Option<String>,
    /// The value that must not be passed, in the signal's own unit (a ratio: 0 to 1).
    pub limit: Option<f64>,
    /// Whether it alone may take a deployment back.
    pub critical: bool,
    /// Whether there is no decision without it.
    pub required: bool,
    /// Its series by role.
    pub series: BTreeMap<Role, Series>,
    /// Where its series come from, while they are not here yet.
    pub source: Option<Source>,
}

/// What a signal's points hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `bad` of `total`.
    Ratio,
    /// A value.
    Gauge,
    /// A cumulative count, which may start again from nothing.
    Counter,
}

/// What a signal says of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Whether it works.
    Reliability,
    /// How long it takes.
    Latency,
    /// What it uses up.
    Saturation,
    /// What it is asked for.
    Traffic,
    /// What it is there for.
    Business,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: any change is told.
    Either,
}

/// Whose series it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The new version's.
    Canary,
    /// The old version's: beside the new one, or before it.
    Baseline,
    /// The same hours on earlier days.
    History,
    /// A service's that this one calls.
    Dependency(String),
    /// Another service's that calls the same dependency.
    Sibling(String),
    /// One instance's of the new version.
    Instance(String),
}

/// Where a signal's series are fetched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// `prometheus`, `datadog`, `cloudwatch`, `json`, `file`.
    pub kind: String,
    /// The query of all roles (`$version`, `$service`, `$instance` are filled in), or a
    /// ratio's failures.
    pub query: Option<String>,
    /// A ratio's total, where failures and total are two queries.
    pub total: Option<String>,
    /// Further keys, as they stand (`url`, `path`, `step`, queries by role …).
    pub options: BTreeMap<String, serde_json::Value>,
}

/// What was written by both versions.
#[derive(Debug, Clone, Default)]
pub struct Logs {
    /// Lines of the new version.
    pub canary: Vec<String>,
    /// Lines of the old one.
    pub baseline: Vec<String>,
    /// A file of lines of the new version, which may be compressed by gzip.
    pub canary_file: Option<String>,
    /// The same of the old one.
    pub baseline_file: Option<String>,
    /// Lines that are never news, as regular expressions.
    pub allow: Vec<String>,
    /// Where they are fetched (`loki`, `kubernetes`, `harness`), while they are not here.
    pub source: Option<Source>,
}

/// An instance of the new version.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its name.
    pub instance: String,
    /// Whether it takes traffic; `None` where unsaid.
    pub ready: Option<bool>,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it is not ready or was ended, in the platform's word.
    pub reason: Option<String>,
}

/// When what is seen is enough to act.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Requests per side and window under which a ratio is not judged.
    pub min_requests: u64,
    /// What "consecutive" counts, in milliseconds.
    pub window: i64,
    /// How many windows in a row.
    pub consecutive: u32,
    /// Smallest difference of a ratio that matters, absolute.
    pub practical_ratio: f64,
    /// Smallest difference of a gauge that matters, relative.
    pub practical_gauge: f64,
    /// From which share of instances unready it is the deployment.
    pub unready_share: f64,
    /// Rules (or names of signals) whose rollback may be carried out.
    pub act_on: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            min_requests: 100,
            window: 5 * 60_000,
            consecutive: 2,
            practical_ratio: 0.002,
            practical_gauge: 0.10,
            unready_share: 0.5,
            act_on: vec!["health".to_owned(), "error_rate".to_owned()],
        }
    }
}
