//! A signal's `source` as something that can be asked.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

use super::datadog::Datadog;
use super::file::{self, Content};
use super::prometheus::Prometheus;
use super::records::Columns;
use super::{Answer, MetricSource, Settings, cloudwatch, json, path};
use crate::decide::spec::{Signal, Source};
use crate::deploy::ask::Api;
use crate::deploy::times;
use crate::deploy::variables::{Language, Variables, substitute, uses};
use crate::http::Client;

/// A source that was opened.
pub(super) struct Asked {
    kind: Kind,
    /// What its queries are written in.
    pub(super) language: Language,
    /// Whether a point may tell of the time before it.
    pub(super) reaches_back: bool,
    /// What has to be said of it.
    pub(super) remark: Option<String>,
}

enum Kind {
    Queried(Box<dyn MetricSource>),
    Read(Box<Reading>),
}

/// What is read as a whole: variables stand in its place and its path.
struct Reading {
    place: Place,
    /// Where the points are, in JSON, with variables.
    points: Option<String>,
    columns: Columns,
    /// Whether it has the form of CloudWatch.
    cloudwatch: bool,
}

enum Place {
    /// A file's folder and path, the latter with variables.
    File {
        folder: PathBuf,
        path: String,
        within: Option<Vec<PathBuf>>,
    },
    Address(Box<json::Address>),
}

impl Asked {
    /// [`MetricSource::step`].
    pub(super) fn step(&self, signal: &Signal, query: &str, window: (i64, i64)) -> i64 {
        match &self.kind {
            Kind::Queried(source) => source.step(signal, query, window),
            Kind::Read(_) => 60_000,
        }
    }

    /// [`MetricSource::answer`].
    pub(super) async fn answer(
        &self,
        signal: &Signal,
        query: &str,
        window: (i64, i64),
        names: &Variables,
    ) -> anyhow::Result<Answer> {
        match &self.kind {
            Kind::Queried(source) => source.answer(signal, query, window).await,
            Kind::Read(reading) => reading.answer(signal, query, window, names).await,
        }
    }
}

impl Reading {
    async fn answer(
        &self,
        signal: &Signal,
        query: &str,
        window: (i64, i64),
        names: &Variables,
    ) -> anyhow::Result<Answer> {
        let plain = |text: &str| {
            substitute(text, names, Language::Plain)
                .map_err(|name| anyhow!("`{text}` names `${name}`, which the spec does not give"))
        };
        let mut filter = query;
        let (content, name) = match &self.place {
            Place::File { folder, path, within } => {
                let file = folder.join(plain(path)?);
                stays(&file, within.as_deref())?;
                (file::open(&file).await?, file.display().to_string())
            }
            Place::Address(address) => {
                let mut names = names.clone();
                if address.takes_query() {
                    names.query = Some(query.to_owned());
                    filter = "";
                }
                let what = format!("the series of `{}`", signal.name);
                let value = address.get(&names, &what).await?;
                (Content::Json(value), "the answer".to_owned())
            }
        };
        let points = match &self.points {
            Some(text) => Some(path::Path::parse(&plain(text)?).map_err(|why| anyhow!("{why}"))?),
            None => None,
        };
        match content {
            Content::Json(value) if self.cloudwatch => cloudwatch::read(value, filter, window),
            Content::Json(value) => {
                let points = points.as_ref();
                file::of_json(&value, points, &self.columns, filter, signal, window)
            }
            Content::Table(_) if self.cloudwatch => Err(anyhow!("it is a table")),
            Content::Table(rows) => file::of_table(rows, &self.columns, filter, signal, window),
        }
        .with_context(|| format!("cannot use {name}"))
    }
}

/// Whether a source of this kind gives something without a query.
pub(super) fn needs_no_query(kind: &str) -> bool {
    matches!(kind, "file" | "json" | "cloudwatch")
}

/// Whether a share in this kind's language can be asked for as its two sides.
pub(super) fn divides(kind: &str) -> bool {
    matches!(kind, "prometheus" | "datadog")
}

/// Whether a source tells versions apart by something beside its query.
pub(super) fn tells_versions(from: &Source) -> bool {
    ["url", "path", "file", "body"].iter().filter_map(|key| from.options.get(*key)).any(|value| {
        let text = value.to_string();
        ["version", "previous", "role"].iter().any(|name| uses(&text, name))
    })
}

/// Makes a signal's source.
///
/// # Errors
/// Its kind is unknown, a key is wrong, or there is no address for it.
pub(super) fn open(from: &Source, client: &Client, settings: &Settings) -> anyhow::Result<Asked> {
    let text = |key: &str| text(from, key);
    let url = text("url")?;
    let step = length(from, "step")?;
    Ok(match from.kind.as_str() {
        "prometheus" => {
            let api = Api::new(client, "Prometheus", &settings.prometheus, url)?;
            Asked {
                remark: api.remark.clone(),
                language: Language::PromQl,
                reaches_back: true,
                kind: Kind::Queried(Box::new(Prometheus { api, step })),
            }
        }
        "datadog" => {
            let api = Api::new(client, "Datadog", &settings.datadog, url)?;
            Asked {
                remark: api.remark.clone(),
                language: Language::Datadog,
                reaches_back: false,
                kind: Kind::Queried(Box::new(Datadog { api, step })),
            }
        }
        kind @ ("file" | "json" | "cloudwatch") => {
            let place = match (text("file")?, kind, url) {
                (Some(file), ..) => Place::File {
                    folder: settings.folder.clone(),
                    path: file.to_owned(),
                    within: settings.within.clone(),
                },
                (None, "json" | "cloudwatch", _) => {
                    Place::Address(Box::new(address(from, client, settings)?))
                }
                _ => bail!("`file` is missing in its source"),
            };
            if let Some(path) = text("path")? {
                path::Path::parse(path).map_err(|why| anyhow!("{why}"))?;
            }
            Asked {
                remark: match &place {
                    Place::Address(address) => address.api.remark.clone(),
                    Place::File { .. } => None,
                },
                language: Language::Plain,
                reaches_back: false,
                kind: Kind::Read(Box::new(Reading {
                    place,
                    points: text("path")?.map(str::to_owned),
                    columns: columns(from)?,
                    cloudwatch: kind == "cloudwatch",
                })),
            }
        }
        other => bail!(
            "there is no source `{other}`: there are `prometheus`, `datadog`, `cloudwatch`, `json` and `file`"
        ),
    })
}

/// Keeps a change from having foreign files shown.
fn stays(file: &Path, within: Option<&[PathBuf]>) -> anyhow::Result<()> {
    let Some(folders) = within else { return Ok(()) };
    let real = file.canonicalize().with_context(|| format!("cannot read {}", file.display()))?;
    let mut folders = folders.iter().filter_map(|folder| folder.canonicalize().ok());
    if !folders.any(|folder| real.starts_with(folder)) {
        bail!("cannot read {}: it lies outside the checkout", file.display());
    }
    Ok(())
}

/// The address of a source, which the spec or the inputs give.
fn address(from: &Source, client: &Client, settings: &Settings) -> anyhow::Result<json::Address> {
    let of_spec = text(from, "url")?;
    let api = Api::new(client, "the source", &settings.json, of_spec)?;
    let url = match of_spec {
        Some(url) => url.trim().to_owned(),
        None => api.url("", &[]).to_string(),
    };
    let body = match from.options.get("body") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(value) => Some(value.to_string()),
    };
    Ok(json::Address { api, url, body })
}

/// A key that has to be a text.
pub(super) fn text<'s>(from: &'s Source, key: &str) -> anyhow::Result<Option<&'s str>> {
    match from.options.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => bail!("`{key}` of its source has to be a text"),
    }
}

fn length(from: &Source, key: &str) -> anyhow::Result<Option<i64>> {
    let length = match from.options.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(seconds)) => times::length(&seconds.to_string()),
        Some(Value::String(text)) => times::length(text),
        Some(_) => None,
    };
    length
        .map(Some)
        .ok_or_else(|| anyhow!("`{key}` of its source has to be a length of time, such as `30s`"))
}

/// The keys that name columns.
pub(super) fn columns(from: &Source) -> anyhow::Result<Columns> {
    let owned = |key: &str| anyhow::Ok(text(from, key)?.map(str::to_owned));
    Ok(Columns {
        at: owned("at")?,
        value: owned("value")?,
        bad: owned("bad")?,
        // Beside `bad` it is a column, else a second query.
        total: from.total.clone().filter(|_| from.options.contains_key("bad")),
        label: owned("label")?,
    })
}
