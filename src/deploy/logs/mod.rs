//! Where lines come from that both versions wrote: Loki, and pods of Kubernetes.
//! Files are the caller's to read.
//!
//! All of it is bounded: by lines, by bytes, by requests. What is left out is said.

pub mod kubernetes;
mod loki;

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use async_trait::async_trait;
use serde_json::Value;

use super::ask::{Api, Server};
use super::variables::{Language, Variables, substitute, uses};
use super::window::Times;
use crate::decide::spec::{Source, Spec};
use crate::http::Client;

/// Most lines of a side.
const MOST_LINES: usize = 200_000;

/// Most bytes of a side.
const MOST_BYTES: usize = 256 << 20;

/// A line as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, in milliseconds since 1970, as far as the source says.
    pub at: Option<i64>,
    /// The line, without its end.
    pub text: String,
}

/// Lines of a side, and what has to be said of them.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// The lines, oldest first for each writer.
    pub lines: Vec<Line>,
    /// What was left out and why, a sentence each.
    pub remarks: Vec<String>,
}

/// How much is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most lines.
    pub lines: usize,
    /// Most bytes of them.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { lines: MOST_LINES, bytes: MOST_BYTES }
    }
}

/// A source of lines.
#[async_trait]
pub trait LogSource: Send + Sync {
    /// The lines that a query gives between two times (milliseconds since 1970).
    ///
    /// # Errors
    /// The source could not be reached, refused, or did not understand the query.
    async fn lines(&self, query: &str, window: (i64, i64), bounds: Bounds)
    -> anyhow::Result<Lines>;
}

/// What the inputs say of the servers that are asked.
#[derive(Clone, Default)]
pub struct Settings {
    /// Loki.
    pub loki: Server,
    /// The API of Kubernetes.
    pub kubernetes: Server,
    /// A client that trusts the cluster's own CA; the usual one where `None`.
    pub kubernetes_client: Option<Client>,
    /// The namespace where the spec names none.
    pub namespace: Option<String>,
    /// How much is taken of each side.
    pub bounds: Bounds,
    /// The end of time, in milliseconds since 1970; the clock where `None`.
    pub now: Option<i64>,
}

/// What both versions wrote.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// Lines of the new version.
    pub canary: Vec<Line>,
    /// Lines of the baseline.
    pub baseline: Vec<Line>,
    /// What has to be said, a sentence each.
    pub remarks: Vec<String>,
}

/// Fetches the lines of both sides; nothing where `logs` names no source.
///
/// # Errors
/// The spec does not say what to ask for, or the lines of the new version cannot be
/// had. Those of the baseline are then said to be missing.
pub async fn fetch(spec: &Spec, client: &Client, settings: &Settings) -> anyhow::Result<Fetched> {
    let mut fetched = Fetched::default();
    let Some(from) = &spec.logs.source else { return Ok(fetched) };
    let clock = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    let times = Times::of(spec, settings.now.unwrap_or_else(clock))?;
    let (source, remark, language) = open(from, client, settings).context("`logs`")?;
    fetched.remarks.extend(remark);
    let bounds = bounds(from, settings.bounds)?;
    let text = |role: &str| match from.options.get("queries").and_then(|queries| queries.get(role))
    {
        Some(Value::String(query)) => Ok(Some((query.clone(), true))),
        Some(_) => Err(anyhow!("`logs.queries.{role}` has to be a text")),
        None => Ok(from.query.clone().map(|query| (query, false))),
    };
    let names = |role: &str, version: &Option<String>, (from, to): (i64, i64)| Variables {
        version: version.clone(),
        previous: spec.deployment.previous.clone(),
        service: spec.service.clone(),
        role: role.to_owned(),
        from,
        to,
        ..Variables::default()
    };
    let read = |query: &str, names: &Variables| {
        substitute(query, names, language).map_err(|name| {
            anyhow!("the query names `${name}`, which the spec does not give: {query}")
        })
    };
    let (query, _) =
        text("canary")?.ok_or_else(|| anyhow!("`logs` has a source, but no `query`"))?;
    let canary = read(&query, &names("canary", &spec.deployment.version, times.canary))?;
    let got = source.lines(&canary, times.canary, bounds).await?;
    fetched.canary = got.lines;
    fetched.remarks.extend(got.remarks);

    if spec.deployment.first {
        return Ok(fetched);
    }
    let Some((query, own)) = text("baseline")? else { return Ok(fetched) };
    let told = own || ["version", "previous", "role"].iter().any(|name| uses(&query, name));
    let windows = match times.runs_beside {
        Some(true) if !told => bail!(
            "`logs`: the baseline runs beside the new version, and the query gives both at once: put `$version` into it, or give `queries` with `canary` and `baseline`"
        ),
        Some(true) => vec![times.beside],
        Some(false) => vec![times.before],
        None if told => vec![times.beside, times.before],
        None => vec![times.before],
    };
    for window in windows {
        let asked = read(&query, &names("baseline", &spec.deployment.previous, window));
        let got = match asked {
            Ok(query) => source.lines(&query, window, bounds).await,
            Err(error) => Err(error),
        };
        match got {
            Ok(got) => {
                fetched.baseline = got.lines;
                fetched.remarks.extend(got.remarks);
            }
            Err(error) => {
                fetched.remarks.push(format!("the baseline's logs are missing: {error:#}"));
                break;
            }
        }
        if !fetched.baseline.is_empty() {
            break;
        }
    }
    Ok(fetched)
}

type Opened = (Box<dyn LogSource>, Option<String>, Language);

fn open(from: &Source, client: &Client, settings: &Settings) -> anyhow::Result<Opened> {
    let text = |key: &str| match from.options.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(anyhow!("`{key}` of its source has to be a text")),
    };
    let url = text("url")?;
    Ok(match from.kind.as_str() {
        "loki" => {
            let api = Api::new(client, "Loki", &settings.loki, url)?;
            let backward = match text("direction")? {
                None | Some("forward") => false,
                Some("backward") => true,
                Some(other) => bail!("`direction` is `forward` or `backward`, not `{other}`"),
            };
            let remark = api.remark.clone();
            (Box::new(loki::Loki { api, backward }), remark, Language::PromQl)
        }
        "kubernetes" => {
            let client = settings.kubernetes_client.as_ref().unwrap_or(client);
            let api = Api::new(client, "Kubernetes", &settings.kubernetes, url)?;
            let remark = api.remark.clone();
            let namespace =
                text("namespace")?.map(str::to_owned).or_else(|| settings.namespace.clone());
            let container = text("container")?.map(str::to_owned);
            let namespace = namespace.unwrap_or_else(|| "default".to_owned());
            let source = kubernetes::Kubernetes { api, namespace, container };
            (Box::new(source), remark, Language::Plain)
        }
        other => bail!(
            "there is no source of logs `{other}`: there are `loki`, `kubernetes` and `harness`"
        ),
    })
}

/// `limit`, where the spec gives one that is smaller.
fn bounds(from: &Source, bounds: Bounds) -> anyhow::Result<Bounds> {
    let Some(limit) = from.options.get("limit") else { return Ok(bounds) };
    let limit = limit
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0)
        .ok_or_else(|| anyhow!("`logs.limit` has to be a number of lines"))?;
    Ok(Bounds { lines: bounds.lines.min(limit), ..bounds })
}
