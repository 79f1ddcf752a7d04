//! A signal's `source` as something that can be asked.

use anyhow::{anyhow, bail};
use serde_json::Value;

use super::file::File;
use super::prometheus::Prometheus;
use super::records::Columns;
use super::variables::{Language, Variables};
use super::{Answer, MetricSource, Settings, path, times};
use crate::decide::spec::{Signal, Source};
use crate::deploy::ask::Api;
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
    Direct(Box<dyn MetricSource>),
}

impl Asked {
    /// [`MetricSource::step`].
    pub(super) fn step(&self, signal: &Signal, query: &str, window: (i64, i64)) -> i64 {
        match &self.kind {
            Kind::Direct(source) => source.step(signal, query, window),
        }
    }

    /// [`MetricSource::answer`].
    pub(super) async fn answer(
        &self,
        signal: &Signal,
        query: &str,
        window: (i64, i64),
        _names: &Variables,
    ) -> anyhow::Result<Answer> {
        match &self.kind {
            Kind::Direct(source) => source.answer(signal, query, window).await,
        }
    }
}

/// Whether a source of this kind gives something without a query.
pub(super) fn needs_no_query(kind: &str) -> bool {
    matches!(kind, "file" | "json")
}

/// Whether a share in this kind's language can be asked for as its two sides.
pub(super) fn divides(kind: &str) -> bool {
    matches!(kind, "prometheus" | "datadog")
}

/// Texts of a source beside its query that variables may stand in.
pub(super) fn texts(from: &Source) -> impl Iterator<Item = &str> {
    ["url", "path", "file", "body"].iter().filter_map(|key| from.options.get(*key)?.as_str())
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
                kind: Kind::Direct(Box::new(Prometheus { api, step })),
            }
        }
        "file" => {
            let file =
                text("file")?.or(text("path")?.filter(|_| !from.options.contains_key("file")));
            let file = file.ok_or_else(|| anyhow!("`file` is missing in its source"))?;
            let points = match text("path")?.filter(|_| from.options.contains_key("file")) {
                Some(path) => Some(path::Path::parse(path).map_err(|why| anyhow!("{why}"))?),
                None => None,
            };
            Asked {
                remark: None,
                language: Language::Plain,
                reaches_back: false,
                kind: Kind::Direct(Box::new(File {
                    file: settings.folder.join(file),
                    points,
                    columns: columns(from)?,
                })),
            }
        }
        other => bail!(
            "there is no source `{other}`: there are `prometheus`, `datadog`, `cloudwatch`, `json` and `file`"
        ),
    })
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
