//! Where measurements come from: one file a source, all behind [`MetricSource`].
//!
//! [`fill()`] asks for what a spec names and puts the series in their place.
//! `docs/verify/sources.md` lists the keys.

mod cloudwatch;
mod csv;
pub mod datadog;
mod file;
mod fill;
mod json;
mod path;
mod prometheus;
mod promql;
mod ratio;
mod records;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
use async_trait::async_trait;

use super::ask::Server;
use crate::decide::series::{Point, Series};
use crate::decide::spec::{Role, Signal};

pub use fill::fill;

/// What the inputs say of the servers that are asked.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Prometheus, or what speaks as it does (Mimir, Thanos, VictoriaMetrics, Cortex).
    pub prometheus: Server,
    /// Datadog, as [`datadog::server`] makes it.
    pub datadog: Server,
    /// Any other server that gives JSON.
    pub json: Server,
    /// The folder that paths of files are relative to: the spec's own.
    pub folder: PathBuf,
    /// The folders that files have to lie in, where a change wrote the spec; `None`:
    /// anywhere.
    pub within: Option<Vec<PathBuf>>,
    /// The end of time, in milliseconds since 1970; the clock where `None`.
    pub now: Option<i64>,
}

/// One series of an answer, with what tells it from the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labelled {
    /// Its labels, tags or columns.
    pub labels: BTreeMap<String, String>,
    /// Its points.
    pub points: Series,
}

/// What a source answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The series; none where nothing was measured.
    pub series: Vec<Labelled>,
    /// What has to be said of it (warnings of the server), a sentence each.
    pub remarks: Vec<String>,
}

/// A source of measurements.
#[async_trait]
pub trait MetricSource: Send + Sync {
    /// All series that a query gives between two times (milliseconds since 1970).
    /// Points hold a value, or of files and JSON `bad` and `total` at once.
    ///
    /// # Errors
    /// The source could not be reached, refused, or did not understand the query.
    async fn answer(
        &self,
        signal: &Signal,
        query: &str,
        window: (i64, i64),
    ) -> anyhow::Result<Answer>;

    /// Time between two points of a query, in milliseconds: what `$step` stands for.
    fn step(&self, _signal: &Signal, _query: &str, _window: (i64, i64)) -> i64 {
        60_000
    }

    /// The series of a role: the only one there is, or the one of several whose
    /// labels name the role.
    ///
    /// # Errors
    /// As [`MetricSource::answer`]; also where several series cannot be told apart.
    async fn series(
        &self,
        signal: &Signal,
        query: &str,
        role: &Role,
        window: (i64, i64),
    ) -> anyhow::Result<Series> {
        let answer = self.answer(signal, query, window).await?;
        let name = match role {
            Role::Dependency(name) | Role::Sibling(name) | Role::Instance(name) => Some(&**name),
            Role::Canary | Role::Baseline | Role::History => None,
        };
        one(answer.series, name)
    }
}

/// The only series, or the only one with a label of this value.
fn one(mut series: Vec<Labelled>, name: Option<&str>) -> anyhow::Result<Series> {
    if series.len() > 1
        && let Some(name) = name
    {
        let named = |one: &Labelled| one.labels.values().any(|value| value == name);
        if series.iter().filter(|one| named(one)).count() == 1 {
            series.retain(named);
        }
    }
    if series.len() > 1 {
        bail!(
            "the query gives {} series where one is wanted ({}): aggregate them, as by `sum(…)`",
            series.len(),
            differing(&series)
        );
    }
    Ok(series.pop().map(|one| one.points).unwrap_or_default())
}

/// The labels by which series differ, with some of their values.
fn differing(series: &[Labelled]) -> String {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in series {
        for (name, value) in &one.labels {
            let seen = values.entry(name).or_default();
            if !seen.contains(&value.as_str()) {
                seen.push(value);
            }
        }
    }
    values.retain(|name, seen| {
        seen.len() > 1 || series.iter().any(|one| !one.labels.contains_key(*name))
    });
    if values.is_empty() {
        return "without labels".to_owned();
    }
    let shown = values.iter().take(3).map(|(name, seen)| {
        let more = if seen.len() > 3 { ", …" } else { "" };
        format!("{name}: {}{more}", seen.iter().take(3).copied().collect::<Vec<_>>().join(", "))
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// A role as it is written in a spec.
fn named(role: &Role) -> String {
    match role {
        Role::Canary => "canary".to_owned(),
        Role::Baseline => "baseline".to_owned(),
        Role::History => "history".to_owned(),
        Role::Dependency(name) => format!("dependency:{name}"),
        Role::Sibling(name) => format!("sibling:{name}"),
        Role::Instance(name) => format!("instance:{name}"),
    }
}

/// A point of a value.
fn point(at: i64, value: f64) -> Point {
    Point { at, value, total: 0.0 }
}
