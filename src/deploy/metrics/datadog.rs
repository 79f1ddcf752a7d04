//! Datadog: timeseries of a metric query
//! (<https://docs.datadoghq.com/api/latest/metrics/>), by version 1 of its interface,
//! or by version 2 where a step is wanted.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Labelled, MetricSource, point};
use crate::decide::series::Series;
use crate::decide::spec::{Kind, Signal};
use crate::deploy::ask::{self, Api, Auth, Server};
use crate::deploy::times;
use crate::http::{HeaderName, Method, Repeat, Url};
use crate::redact::Secret;

/// Datadog's servers.
pub(super) struct Datadog {
    pub(super) api: Api,
    /// Time between two points, in milliseconds, where the spec says.
    pub(super) step: Option<i64>,
}

/// Datadog as the inputs name it: `site` is `datadoghq.com`, `datadoghq.eu` and the like.
///
/// # Errors
/// The site is no name of a host.
pub fn server(site: &str, api_key: Secret, application_key: Secret) -> anyhow::Result<Server> {
    let site = site.trim().trim_start_matches("https://").trim_end_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let host = if site.starts_with("api.") { site.to_owned() } else { format!("api.{site}") };
    let url = Url::parse(&format!("https://{host}"))
        .ok()
        .filter(|_| !site.is_empty() && site.chars().all(plain))
        .ok_or_else(|| anyhow!("`{site}` is no site of Datadog: write `datadoghq.com`"))?;
    Ok(Server { url: Some(url), auth: keys(api_key, application_key), tenant: None })
}

/// The two keys, in the headers that Datadog wants them in.
pub fn keys(api_key: Secret, application_key: Secret) -> Auth {
    Auth::Headers(vec![
        (HeaderName::from_static("dd-api-key"), api_key),
        (HeaderName::from_static("dd-application-key"), application_key),
    ])
}

#[derive(Deserialize)]
struct First {
    #[serde(default)]
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    series: Vec<FirstSeries>,
}

#[derive(Deserialize)]
struct FirstSeries {
    #[serde(default)]
    tag_set: Vec<String>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    interval: Option<f64>,
    #[serde(default)]
    pointlist: Vec<(Option<f64>, Option<f64>)>,
}

#[derive(Deserialize)]
struct Second {
    data: SecondData,
    #[serde(default)]
    errors: Option<String>,
}

#[derive(Deserialize)]
struct SecondData {
    attributes: SecondAttributes,
}

#[derive(Deserialize)]
struct SecondAttributes {
    #[serde(default)]
    series: Vec<SecondSeries>,
    #[serde(default)]
    times: Vec<f64>,
    #[serde(default)]
    values: Vec<Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct SecondSeries {
    #[serde(default)]
    group_tags: Option<Vec<String>>,
}

#[async_trait]
impl MetricSource for Datadog {
    fn step(&self, _signal: &Signal, _query: &str, window: (i64, i64)) -> i64 {
        // Datadog itself takes steps that give some hundred points.
        self.step.unwrap_or_else(|| ((window.1 - window.0) / 300 / 1000 * 1000).max(20_000))
    }

    async fn answer(
        &self,
        signal: &Signal,
        query: &str,
        window: (i64, i64),
    ) -> anyhow::Result<Answer> {
        let what = format!("the series of `{}`", signal.name);
        let mut series = match self.step {
            None => self.first(query, window, &what).await?,
            Some(step) => self.second(query, window, step, &what).await?,
        };
        for (one, interval) in &mut series {
            one.points.retain(|point| (window.0..=window.1).contains(&point.at));
            // A share is made of counts.
            if signal.kind == Kind::Ratio && query.contains(".as_rate()") {
                for point in &mut one.points {
                    point.value *= *interval;
                }
            }
        }
        Ok(Answer { series: series.into_iter().map(|(one, _)| one).collect(), remarks: Vec::new() })
    }
}

impl Datadog {
    /// `GET /api/v1/query`: series, each with its interval in seconds.
    async fn first(
        &self,
        query: &str,
        window: (i64, i64),
        what: &str,
    ) -> anyhow::Result<Vec<(Labelled, f64)>> {
        let (from, to) = ((window.0 / 1000).to_string(), (window.1 / 1000).to_string());
        let form = [("from", from.as_str()), ("to", to.as_str()), ("query", query)];
        let answer = self.api.get("/api/v1/query", &form).await;
        let answer = answer.map_err(|error| self.api.explain(&error, what))?;
        let reply: First = ask::json(&answer, self.api.product)?;
        if reply.status != "ok" {
            let why = reply.error.or(reply.message).unwrap_or_else(|| "it says no more".to_owned());
            bail!("cannot get {what} from {}: {why}", self.api.product);
        }
        let series = reply.series.into_iter().map(|one| {
            let points: Series = one
                .pointlist
                .iter()
                .filter_map(|(at, value)| {
                    Some(point(times::of_number((*at)?)?, value.unwrap_or(f64::NAN)))
                })
                .collect();
            let tags: Vec<&str> = match one.tag_set.is_empty() {
                true => one.scope.split(',').collect(),
                false => one.tag_set.iter().map(String::as_str).collect(),
            };
            let interval = one.interval.unwrap_or_else(|| between(&points));
            (Labelled { labels: labels(&tags), points }, interval)
        });
        Ok(series.collect())
    }

    /// `POST /api/v2/query/timeseries`.
    async fn second(
        &self,
        query: &str,
        window: (i64, i64),
        step: i64,
        what: &str,
    ) -> anyhow::Result<Vec<(Labelled, f64)>> {
        let body = json!({"data": {"type": "timeseries_request", "attributes": {
            "formulas": [{"formula": "a"}],
            "queries": [{"data_source": "metrics", "name": "a", "query": query}],
            "from": window.0, "to": window.1, "interval": step,
        }}});
        let url = self.api.url("/api/v2/query/timeseries", &[]);
        // It only asks: twice does no harm.
        let answer = self.api.send_json(Method::POST, url, &body, Repeat::Harmless).await;
        let answer = answer.map_err(|error| self.api.explain(&error, what))?;
        let reply: Second = ask::json(&answer, self.api.product)?;
        if let Some(why) = reply.errors.filter(|why| !why.is_empty()) {
            bail!("cannot get {what} from {}: {why}", self.api.product);
        }
        let SecondAttributes { series, times: at, values } = reply.data.attributes;
        let all = values.into_iter().enumerate().map(|(index, values)| {
            let points: Series = at
                .iter()
                .zip(values)
                .filter_map(|(at, value)| {
                    Some(point(times::of_number(*at)?, value.unwrap_or(f64::NAN)))
                })
                .collect();
            let tags = series.get(index).and_then(|one| one.group_tags.as_deref());
            let tags: Vec<&str> = tags.unwrap_or_default().iter().map(String::as_str).collect();
            let interval = between(&points);
            (Labelled { labels: labels(&tags), points }, interval)
        });
        Ok(all.collect())
    }
}

/// Seconds between the first two points.
fn between(points: &[super::Point]) -> f64 {
    match points {
        [first, second, ..] => (second.at - first.at) as f64 / 1000.0,
        _ => 1.0,
    }
}

/// `version:1.8.0` as a name and a value.
fn labels(tags: &[&str]) -> BTreeMap<String, String> {
    tags.iter()
        .filter_map(|tag| tag.trim().split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
