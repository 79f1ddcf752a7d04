//! Argo Rollouts through the API of Kubernetes
//! (<https://argo-rollouts.readthedocs.io/en/stable/features/specification/>).
//!
//! Its phases are read as `kubectl argo rollouts` reads them. A rollout on its way is
//! taken back by its own abort (`status.abort`); one that has arrived, by putting the
//! previous revision's template back, as `undo` does.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{Api, Server, json as read, segment};
use super::logs::kubernetes::Kubernetes;
use super::logs::{Bounds, LogSource as _};
use super::{Deployer, Execution, Means, RollbackState, RolledBack, Status, Step, times};
use crate::http::{Client, Error, Method, Repeat, StatusCode};
use crate::policy::RollbackPermit;

/// Where the controller writes a revision's number.
const REVISION: &str = "rollout.argoproj.io/revision";
/// The label by which the controller tells its pods apart.
const HASH: &str = "rollouts-pod-template-hash";
/// What Argo CD writes on what it keeps as it stands in git.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";

/// A rollout in a cluster.
pub struct Argo {
    api: Api,
    namespace: String,
    name: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Rollout {
    metadata: Metadata,
    #[serde(default)]
    spec: RolloutSpec,
    #[serde(default)]
    status: RolloutStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    creation_timestamp: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    owner_references: Vec<Owner>,
}

#[derive(Debug, Clone, Deserialize)]
struct Owner {
    #[serde(default)]
    uid: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RolloutSpec {
    #[serde(default)]
    workload_ref: Option<Value>,
    #[serde(default)]
    strategy: Value,
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    selector: Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RolloutStatus {
    #[serde(default)]
    phase: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    abort: bool,
    #[serde(default)]
    aborted_at: Option<String>,
    #[serde(default)]
    observed_generation: String,
    #[serde(default)]
    controller_pause: bool,
    #[serde(default)]
    pause_conditions: Vec<Value>,
    #[serde(default, rename = "stableRS")]
    stable_rs: String,
    #[serde(default)]
    current_pod_hash: String,
    #[serde(default)]
    current_step_index: Option<usize>,
}

#[derive(Deserialize)]
struct ReplicaSets {
    #[serde(default)]
    items: Vec<ReplicaSet>,
}

#[derive(Debug, Clone, Deserialize)]
struct ReplicaSet {
    metadata: Metadata,
    #[serde(default)]
    spec: ReplicaSetSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct ReplicaSetSpec {
    #[serde(default)]
    template: Value,
}

/// What has to be done to take it back.
#[derive(Debug, PartialEq)]
enum Plan {
    Abort,
    Undo { revision: i64, template: Value },
    Nothing(RolledBack),
    Impossible(String),
}

impl Argo {
    /// `rollout` is `namespace/name`, or a name in `default`.
    ///
    /// # Errors
    /// There is no address, or the token would be readable on the way.
    pub fn new(client: &Client, server: &Server, rollout: &str) -> anyhow::Result<Self> {
        let (namespace, name) = rollout.split_once('/').unwrap_or(("default", rollout));
        if namespace.is_empty() || name.is_empty() || name.contains('/') {
            bail!("`{rollout}` is no `namespace/name`");
        }
        let api = Api::new(client, "Kubernetes", server, None)?;
        Ok(Argo { api, namespace: namespace.to_owned(), name: name.to_owned() })
    }

    fn path(&self) -> String {
        format!(
            "/apis/argoproj.io/v1alpha1/namespaces/{}/rollouts/{}",
            segment(&self.namespace),
            segment(&self.name)
        )
    }

    /// Names the rollout's revision.
    fn id(&self, rollout: &Rollout) -> String {
        let revision = rollout.metadata.annotations.get(REVISION);
        let revision = revision.unwrap_or(&rollout.status.current_pod_hash);
        format!("{}@{revision}", self.title())
    }

    fn title(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    async fn rollout(&self) -> anyhow::Result<Rollout> {
        let answer = self.api.get(&self.path(), &[]).await;
        let what = format!("the rollout {}", self.title());
        read(&answer.map_err(|error| self.api.explain(&error, &what))?, "Kubernetes")
    }

    /// The revisions of a rollout that are kept, the newest first.
    async fn revisions(&self, rollout: &Rollout) -> anyhow::Result<Vec<(i64, ReplicaSet)>> {
        let path = format!("/apis/apps/v1/namespaces/{}/replicasets", segment(&self.namespace));
        let selector = selector(&rollout.spec.selector);
        let query = [("labelSelector", selector.as_str())];
        let answer = self.api.get(&path, if selector.is_empty() { &[] } else { &query }).await;
        let answer =
            answer.map_err(|error| self.api.explain(&error, "the revisions of the rollout"))?;
        let sets: ReplicaSets = read(&answer, "Kubernetes")?;
        let owned = |set: &ReplicaSet| {
            set.metadata.owner_references.iter().any(|owner| owner.uid == rollout.metadata.uid)
        };
        let mut revisions: Vec<(i64, ReplicaSet)> = sets
            .items
            .into_iter()
            .filter(owned)
            .filter_map(|set| Some((set.metadata.annotations.get(REVISION)?.parse().ok()?, set)))
            .collect();
        revisions.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
        Ok(revisions)
    }

    async fn plan(&self, rollout: &Rollout) -> anyhow::Result<Plan> {
        let status = &rollout.status;
        if status.abort {
            let done = phase(rollout).0 == Status::Failed;
            let state = if done { RollbackState::Done } else { RollbackState::UnderWay };
            return Ok(Plan::Nothing(RolledBack {
                state,
                said: format!("the rollout {} is aborted: the stable version serves", self.title()),
                execution: None,
            }));
        }
        if status.stable_rs.is_empty() {
            return Ok(Plan::Impossible(format!(
                "the rollout {} has no stable version yet: there is nothing to go back to",
                self.title()
            )));
        }
        if status.stable_rs != status.current_pod_hash {
            return Ok(Plan::Abort);
        }
        if rollout.spec.workload_ref.is_some() {
            return Ok(Plan::Impossible(format!(
                "the rollout {} takes its template from another workload: undo it there",
                self.title()
            )));
        }
        if rollout.metadata.annotations.contains_key(TRACKING) {
            return Ok(Plan::Impossible(format!(
                "Argo CD keeps the rollout {} as it stands in git and would put an undo back: revert the commit",
                self.title()
            )));
        }
        let mut revisions = self.revisions(rollout).await?.into_iter();
        // The newest is what runs.
        let (_, previous) = (revisions.next(), revisions.next());
        let Some((revision, set)) = previous else {
            return Ok(Plan::Impossible(format!(
                "no earlier revision of the rollout {} is kept",
                self.title()
            )));
        };
        let mut template = set.spec.template;
        if let Some(labels) =
            template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut)
        {
            labels.remove(HASH);
        }
        Ok(Plan::Undo { revision, template })
    }

    /// What is done, and to which revision: after it another one is current.
    fn said(&self, rollout: &Rollout, plan: &Plan) -> String {
        let id = self.id(rollout);
        match plan {
            Plan::Abort => format!("abort the rollout {id}"),
            Plan::Undo { revision, .. } => format!("undo the rollout {id} to revision {revision}"),
            Plan::Nothing(done) => done.said.clone(),
            Plan::Impossible(why) => why.clone(),
        }
    }

    async fn abort(&self) -> anyhow::Result<()> {
        let merge = "application/merge-patch+json";
        let body = json!({"status": {"abort": true}});
        // The state is a resource of its own; in old installations it is part of the whole.
        for path in [format!("{}/status", self.path()), self.path()] {
            let url = self.api.url(&path, &[]);
            // Twice is what once is.
            match self.api.send_as(merge, Method::PATCH, url, &body, Repeat::Harmless).await {
                Ok(_) => return Ok(()),
                Err(Error::Status(answer)) if answer.status == StatusCode::NOT_FOUND => {}
                Err(error) => return Err(self.api.explain(&error, "the abort of the rollout")),
            }
        }
        Err(anyhow!("the rollout {} is not there any more", self.title()))
    }

    async fn undo(&self, rollout: &Rollout, template: &Value) -> anyhow::Result<()> {
        let patch = json!([
            // Somebody may have changed it since it was looked at.
            {"op": "test", "path": "/metadata/resourceVersion", "value": rollout.metadata.resource_version},
            {"op": "replace", "path": "/spec/template", "value": template},
        ]);
        let url = self.api.url(&self.path(), &[]);
        let kind = "application/json-patch+json";
        let sent =
            self.api.send_as(kind, Method::PATCH, url, &patch, Repeat::OnlyUnprocessed).await;
        sent.map(drop).map_err(|error| match &error {
            Error::Status(answer)
                if matches!(
                    answer.status,
                    StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY
                ) =>
            {
                anyhow!("the rollout {} was changed by somebody else just now", self.title())
            }
            error => self.api.explain(error, "the undo of the rollout"),
        })
    }
}

/// `matchLabels` and `matchExpressions` as a query.
fn selector(selector: &Value) -> String {
    let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let mut parts: Vec<String> =
        labels.filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?))).collect();
    for one in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
        let values: Vec<&str> = one
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        match text("operator") {
            "In" => parts.push(format!("{} in ({})", text("key"), values.join(","))),
            "NotIn" => parts.push(format!("{} notin ({})", text("key"), values.join(","))),
            "Exists" => parts.push(text("key").to_owned()),
            "DoesNotExist" => parts.push(format!("!{}", text("key"))),
            _ => {}
        }
    }
    parts.join(",")
}

/// How far a rollout is, and what it says of itself.
fn phase(rollout: &Rollout) -> (Status, Option<String>) {
    let status = &rollout.status;
    // A number, in all but the oldest versions.
    let observed = status.observed_generation.parse::<i64>();
    if observed.is_ok_and(|observed| observed < rollout.metadata.generation) {
        return (Status::Running, Some("its change is not observed yet".to_owned()));
    }
    if status.controller_pause && status.pause_conditions.is_empty() {
        return (Status::Running, Some("it goes on after a pause".to_owned()));
    }
    let message = status.message.clone().filter(|text| !text.is_empty());
    let phase = match status.phase.as_str() {
        "Healthy" => Status::Success,
        "Degraded" => Status::Failed,
        "Progressing" => Status::Running,
        "Paused" => Status::Paused,
        // Before version 1.0 it was for the reader to work out.
        "" if rollout.spec.paused || !status.pause_conditions.is_empty() => Status::Paused,
        "" if status.abort => Status::Failed,
        "" if !status.stable_rs.is_empty() && status.stable_rs == status.current_pod_hash => {
            Status::Success
        }
        "" => Status::Running,
        other => Status::Unknown(other.to_owned()),
    };
    (phase, message)
}

/// The canary's steps with how far each is.
fn steps(rollout: &Rollout, phase: &Status) -> Vec<Step> {
    let steps = rollout.spec.strategy.pointer("/canary/steps").and_then(Value::as_array);
    let at = rollout.status.current_step_index;
    let hash = &rollout.status.current_pod_hash;
    let mut found: Vec<Step> = Vec::new();
    for (index, step) in steps.into_iter().flatten().enumerate() {
        let kind = step.as_object().and_then(|step| step.keys().next()).cloned();
        let kind = kind.unwrap_or_default();
        let value = step.get(&kind).cloned().unwrap_or_default();
        let shown = match &value {
            Value::Number(number) => format!("{kind}: {number}"),
            Value::Object(fields) if fields.is_empty() => kind.clone(),
            other => format!("{kind}: {other}"),
        };
        let status = match at {
            _ if rollout.status.abort => Status::Aborted,
            None => Status::NotStarted,
            Some(at) if index < at => Status::Success,
            Some(at) if index == at => phase.clone(),
            Some(_) => Status::NotStarted,
        };
        let here = at == Some(index);
        found.push(Step {
            id: format!("step-{index}"),
            identifier: format!("step-{index}"),
            name: shown.chars().take(120).collect(),
            kind,
            status,
            log_key: Some(hash.clone()).filter(|hash| here && !hash.is_empty()),
            ..Step::default()
        });
    }
    if found.is_empty() {
        found.push(Step {
            id: "rollout".to_owned(),
            identifier: "rollout".to_owned(),
            name: rollout.metadata.name.clone(),
            kind: "rollout".to_owned(),
            status: phase.clone(),
            log_key: Some(hash.clone()).filter(|hash| !hash.is_empty()),
            ..Step::default()
        });
    }
    found
}

#[async_trait]
impl Deployer for Argo {
    fn host(&self) -> &'static str {
        "Argo Rollouts"
    }

    async fn execution(&self) -> anyhow::Result<Execution> {
        let rollout = self.rollout().await?;
        let revisions = self.revisions(&rollout).await?;
        let hash = &rollout.status.current_pod_hash;
        let current = revisions
            .iter()
            .find(|(_, set)| set.metadata.labels.get(HASH).is_some_and(|label| label == hash));
        let (status, message) = phase(&rollout);
        let time = |text: Option<&String>| text.and_then(|text| times::of_text(text));
        Ok(Execution {
            id: self.id(&rollout),
            name: self.title(),
            started_at: time(current.and_then(|(_, set)| set.metadata.creation_timestamp.as_ref())),
            ended_at: time(rollout.status.aborted_at.as_ref()).filter(|_| status.is_final()),
            steps: steps(&rollout, &status),
            status,
            message,
            ..Execution::default()
        })
    }

    /// What the pods of the current revision wrote.
    async fn log(&self, step: &Step) -> anyhow::Result<Vec<u8>> {
        let Some(hash) = &step.log_key else { bail!("`{}` has no log", step.name) };
        let pods = Kubernetes {
            api: self.api.clone(),
            namespace: self.namespace.clone(),
            container: None,
        };
        let bounds = Bounds { lines: 20_000, bytes: 8 << 20 };
        let lines =
            pods.lines(&format!("{HASH}={hash}"), (0, i64::MAX / 2_000_000), bounds).await?;
        let mut text = String::new();
        for line in lines.lines {
            text.push_str(&line.text);
            text.push('\n');
        }
        Ok(text.into_bytes())
    }

    async fn can_roll_back(&self, execution: &Execution) -> anyhow::Result<Means> {
        let rollout = self.rollout().await?;
        if execution.id != self.id(&rollout) {
            let why = format!("{} is in the place of {}", self.id(&rollout), execution.id);
            return Ok(Means::Impossible { why });
        }
        let plan = self.plan(&rollout).await?;
        Ok(match plan {
            Plan::Impossible(why) => Means::Impossible { why },
            plan => Means::Host { what: self.said(&rollout, &plan) },
        })
    }

    async fn roll_back(
        &self,
        _permit: &RollbackPermit,
        means: &Means,
    ) -> anyhow::Result<RolledBack> {
        let what = match means {
            Means::Host { what } => what,
            Means::Impossible { why } => bail!("it cannot be rolled back: {why}"),
            _ => bail!("Argo Rollouts has no such means"),
        };
        let rollout = self.rollout().await?;
        let plan = self.plan(&rollout).await?;
        match &plan {
            Plan::Nothing(done) => return Ok(done.clone()),
            Plan::Impossible(why) => bail!("it cannot be rolled back: {why}"),
            plan if self.said(&rollout, plan) != *what => {
                return Ok(RolledBack {
                    state: RollbackState::Superseded,
                    said: format!("{} is in its place: nothing was done", self.id(&rollout)),
                    execution: None,
                });
            }
            Plan::Abort => self.abort().await?,
            Plan::Undo { template, .. } => self.undo(&rollout, template).await?,
        }
        Ok(RolledBack {
            state: RollbackState::Started,
            said: format!("done: {what}"),
            execution: None,
        })
    }
}
