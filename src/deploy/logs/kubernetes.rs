//! What pods write, through the API of Kubernetes
//! (<https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>).

use std::path::Path;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

use super::{Bounds, Line, Lines, LogSource};
use crate::deploy::ask::{self, Api, Auth, Server, segment};
use crate::deploy::times;
use crate::http::{Error, StatusCode, Url};
use crate::redact::{self, Secret};

/// Most pods of a side whose logs are read.
const MOST_PODS: usize = 50;

/// Most pods on a page of the list.
const PAGE: &str = "200";

/// Logs that are fetched at the same time.
const SIDE_BY_SIDE: usize = 6;

/// Where a pod finds who it is to its cluster.
pub const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A cluster as a pod in it sees it.
#[derive(Debug, Clone)]
pub struct InCluster {
    /// The API, with the pod's own token.
    pub server: Server,
    /// The cluster's CA as PEM: the client has to trust it.
    pub ca: Vec<u8>,
    /// The pod's namespace.
    pub namespace: Option<String>,
}

/// The cluster that this program runs in: `folder` is [`SERVICE_ACCOUNT`], `host` and
/// `port` are `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`.
///
/// # Errors
/// A file of the service account cannot be read, or host and port are no address.
pub fn in_cluster(folder: &Path, host: &str, port: &str) -> anyhow::Result<InCluster> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let token = Secret::new(String::from_utf8(read("token")?)?.trim());
    redact::learn(&token);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let url = Url::parse(&format!("https://{host}:{port}"))
        .with_context(|| format!("cannot use {host}:{port} as the address of Kubernetes"))?;
    let namespace = read("namespace").ok().and_then(|name| String::from_utf8(name).ok());
    Ok(InCluster {
        server: Server { url: Some(url), auth: Auth::Bearer(token), tenant: None },
        ca: read("ca.crt")?,
        namespace: namespace.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
    })
}

/// A namespace of a cluster.
pub(super) struct Kubernetes {
    pub(super) api: Api,
    pub(super) namespace: String,
    /// The container; all of a pod where `None`.
    pub(super) container: Option<String>,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMetadata,
    #[serde(default)]
    items: Vec<Pod>,
}

#[derive(Deserialize, Default)]
struct ListMetadata {
    #[serde(rename = "continue", default)]
    more: Option<String>,
}

#[derive(Deserialize)]
struct Pod {
    metadata: Metadata,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize, Default)]
struct PodSpec {
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(default)]
    restart_count: u64,
}

/// A log: of a container that runs, or of the one before its last restart.
struct Log {
    pod: String,
    container: String,
    previous: bool,
}

#[async_trait]
impl LogSource for Kubernetes {
    /// The query is a selector of labels (`app=checkout,version=1.8.0`).
    async fn lines(
        &self,
        query: &str,
        window: (i64, i64),
        bounds: Bounds,
    ) -> anyhow::Result<Lines> {
        let mut lines = Lines::default();
        let logs = self.logs(query, &mut lines.remarks).await?;
        if logs.is_empty() {
            lines.remarks.push(format!("no pod of {} is selected by `{query}`", self.namespace));
            return Ok(lines);
        }
        let bytes = (bounds.bytes / logs.len()).max(64 << 10);
        let share = (bounds.lines / logs.len()).max(100);
        let all: Vec<_> = stream::iter(logs)
            .map(|log| async move {
                let got = self.log(&log, window, bytes).await;
                (log, got)
            })
            .buffered(SIDE_BY_SIDE)
            .collect()
            .await;
        let (mut failed, mut worst) = (0, None);
        let count = all.len();
        for (log, got) in all {
            match got {
                Ok(Some(mut got)) => {
                    if got.len() > share {
                        let whole = got.len();
                        got.truncate(share);
                        lines.remarks.push(format!(
                            "of the {whole} lines of {} the first {share} are taken",
                            log.pod
                        ));
                    }
                    lines.lines.append(&mut got);
                }
                // It wrote nothing yet, or its log is gone.
                Ok(None) => {}
                Err(error) => {
                    failed += 1;
                    worst = worst.or(Some(format!("{error:#}")));
                }
            }
        }
        if let Some(why) = worst {
            if failed == count {
                bail!("{why}");
            }
            lines.remarks.push(format!("{failed} of {count} logs cannot be read: {why}"));
        }
        Ok(lines)
    }
}

impl Kubernetes {
    /// The logs of all pods that a selector selects.
    async fn logs(&self, selector: &str, remarks: &mut Vec<String>) -> anyhow::Result<Vec<Log>> {
        let path = format!("/api/v1/namespaces/{}/pods", segment(&self.namespace));
        let mut pods: Vec<Pod> = Vec::new();
        let mut more: Option<String> = None;
        loop {
            let mut form = vec![("labelSelector", selector), ("limit", PAGE)];
            form.extend(more.as_deref().map(|more| ("continue", more)));
            let answer = self.api.get(&path, &form).await;
            let answer = answer.map_err(|error| self.api.explain(&error, "the pods"))?;
            let list: List = ask::json(&answer, "Kubernetes")?;
            pods.extend(list.items);
            more = list.metadata.more.filter(|more| !more.is_empty());
            if more.is_none() || pods.len() > MOST_PODS {
                break;
            }
        }
        if pods.len() > MOST_PODS {
            remarks.push(format!("of more pods, the logs of {MOST_PODS} are read"));
            pods.truncate(MOST_PODS);
        }
        let mut logs = Vec::new();
        for pod in pods {
            for Container { name } in pod.spec.containers {
                if self.container.as_ref().is_some_and(|wanted| *wanted != name) {
                    continue;
                }
                let statuses = &pod.status.container_statuses;
                let restarted = statuses.iter().any(|s| s.name == name && s.restart_count > 0);
                let log = |previous| Log {
                    pod: pod.metadata.name.clone(),
                    container: name.clone(),
                    previous,
                };
                if restarted {
                    logs.push(log(true));
                }
                logs.push(log(false));
            }
        }
        Ok(logs)
    }

    /// A log's lines in the window; `None` where there is none.
    async fn log(
        &self,
        log: &Log,
        window: (i64, i64),
        bytes: usize,
    ) -> anyhow::Result<Option<Vec<Line>>> {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}/log",
            segment(&self.namespace),
            segment(&log.pod)
        );
        let (since, bytes) = (times::rfc3339(window.0), bytes.to_string());
        let mut form = vec![
            ("container", log.container.as_str()),
            ("sinceTime", since.as_str()),
            ("limitBytes", bytes.as_str()),
            ("timestamps", "true"),
        ];
        if log.previous {
            form.push(("previous", "true"));
        }
        let answer = match self.api.get(&path, &form).await {
            Ok(answer) => answer,
            // Waiting to start, gone since, or no log of the one before.
            Err(Error::Status(answer))
                if matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) =>
            {
                return Ok(None);
            }
            Err(error) => {
                return Err(self.api.explain(&error, &format!("the log of {}", log.pod)));
            }
        };
        let text = String::from_utf8_lossy(&answer.body);
        let lines = text.lines().filter_map(|line| {
            let (at, text) = match line.split_once(' ') {
                Some((time, text)) => match time.parse::<jiff::Timestamp>() {
                    Ok(time) => (Some(time.as_millisecond()), text),
                    Err(_) => (None, line),
                },
                None => (None, line),
            };
            let inside = at.is_none_or(|at| (window.0..=window.1).contains(&at));
            inside.then(|| Line { at, text: text.to_owned() })
        });
        Ok(Some(lines.collect()))
    }
}
