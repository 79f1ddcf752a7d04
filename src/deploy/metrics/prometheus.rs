//! Prometheus and what speaks as it does: range queries
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>).

use std::collections::BTreeMap;

use anyhow::bail;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::promql::{self, Counted};
use super::{Answer, Labelled, MetricSource, point};
use crate::decide::series::Series;
use crate::decide::spec::{Kind, Signal};
use crate::deploy::ask::{Api, json};
use crate::deploy::times;

/// Most points of a series that Prometheus gives.
const MOST_POINTS: i64 = 11_000;

/// Longer questions go as a form: servers and proxies refuse long addresses.
const LONGEST_ADDRESS: usize = 2_000;

/// The finest step where none is said: the usual time between two scrapes.
const FINEST: i64 = 15_000;

/// The same where the query's range is the step: a rate wants several scrapes.
const FINEST_RANGE: i64 = 60_000;

/// A server.
pub(super) struct Prometheus {
    pub(super) api: Api,
    /// Time between two points, in milliseconds, where the spec says.
    pub(super) step: Option<i64>,
}

#[derive(Deserialize)]
struct Reply {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Deserialize)]
struct Matrix {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, Value)>,
    #[serde(default)]
    histograms: Vec<Value>,
}

#[async_trait]
impl MetricSource for Prometheus {
    fn step(&self, signal: &Signal, query: &str, window: (i64, i64)) -> i64 {
        let span = (window.1 - window.0).max(1);
        let usual = || {
            let finest = if ["$step", "$__rate_interval", "$__interval"]
                .iter()
                .any(|name| query.contains(name))
            {
                FINEST_RANGE
            } else {
                FINEST
            };
            let own = promql::range(query).filter(|_| signal.kind == Kind::Ratio);
            // Points of a share that overlap would count requests twice.
            match own {
                Some(range) if span / range >= 4 => range,
                Some(_) => finest.max(span / 30),
                None => finest.max(span / 240),
            }
        };
        let step = self.step.unwrap_or_else(usual);
        // One point more than steps: both ends are given.
        let least = span / (MOST_POINTS - 1) + 1;
        let step = step.max(least).max(1);
        // Whole seconds where it is at least one.
        if step > 1000 { (step + 999) / 1000 * 1000 } else { step }
    }

    async fn answer(
        &self,
        signal: &Signal,
        query: &str,
        window: (i64, i64),
    ) -> anyhow::Result<Answer> {
        let step = self.step(signal, query, window);
        // A point of a range tells of the time before it.
        let lead = if promql::range(query).is_some() { step } else { 0 };
        let start = (window.0 + lead).min(window.1);
        let (start_text, end_text) = (seconds(start), seconds(window.1));
        let step_text = seconds(step);
        let form = [
            ("query", query),
            ("start", start_text.as_str()),
            ("end", end_text.as_str()),
            ("step", step_text.as_str()),
        ];
        let path = "/api/v1/query_range";
        let answer = if self.api.url(path, &form).as_str().len() <= LONGEST_ADDRESS {
            self.api.get(path, &form).await
        } else {
            self.api.ask_form(path, &form).await
        };
        let what = format!("the series of `{}`", signal.name);
        let answer = answer.map_err(|error| self.api.explain(&error, &what))?;
        let reply: Reply = json(&answer, self.api.product)?;
        if reply.status != "success" {
            let why = reply.error.unwrap_or_else(|| format!("status {:?}", reply.status));
            bail!("cannot get {what} from {}: {why}", self.api.product);
        }
        let Some(data) = reply.data.filter(|data| data.result_type == "matrix") else {
            bail!("{}: the answer holds no series over time for {what}", self.api.product);
        };
        let matrix: Vec<Matrix> = serde_json::from_value(data.result).map_err(|error| {
            anyhow::anyhow!("cannot read {what} from {}: {error}", self.api.product)
        })?;
        let mut remarks: Vec<String> = reply
            .warnings
            .iter()
            .take(3)
            .map(|warning| format!("{} warns on `{}`: {warning}", self.api.product, signal.name))
            .collect();
        let counted = promql::counted(query);
        let mut series = Vec::with_capacity(matrix.len());
        for one in matrix {
            if one.values.is_empty() && !one.histograms.is_empty() {
                bail!(
                    "`{}`: the query gives histograms where numbers are wanted: use `histogram_quantile(…)`, `histogram_count(…)` or their like",
                    signal.name
                );
            }
            let infinite = one.values.iter().filter(|(_, value)| is_infinite(value)).count();
            if infinite > 0 {
                remarks.push(format!(
                    "`{}`: {infinite} of {} values are infinite and count as missing",
                    signal.name,
                    one.values.len()
                ));
            }
            let points: Series = one
                .values
                .iter()
                .filter_map(|(at, value)| Some(point(times::of_number(*at)?, times::number(value))))
                .collect();
            let points = match signal.kind {
                Kind::Ratio => counts(points, counted, step, query),
                Kind::Gauge | Kind::Counter => points,
            };
            series.push(Labelled { labels: one.metric, points });
        }
        if signal.kind == Kind::Counter
            && matches!(counted, Counted::PerSecond | Counted::Within(_))
        {
            remarks.push(format!(
                "`{}` is a counter, but its query gives rates: say `kind: gauge`",
                signal.name
            ));
        }
        Ok(Answer { series, remarks })
    }
}

fn is_infinite(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with("Inf"))
}

/// How many there were in the step before each point, whatever the query counts.
fn counts(mut points: Series, counted: Counted, step: i64, query: &str) -> Series {
    match counted {
        Counted::EachStep | Counted::Within(None) => {}
        Counted::PerSecond => {
            for point in &mut points {
                point.value *= step as f64 / 1000.0;
            }
        }
        Counted::Within(Some(range)) => {
            for point in &mut points {
                point.value *= step as f64 / range.max(1) as f64;
            }
        }
        Counted::Cumulative => {
            // A sum that falls does not say by whom: nothing can be told of that step.
            let summed = query.contains("sum");
            let mut before: Option<f64> = None;
            for point in &mut points {
                let now = point.value;
                point.value = match before {
                    Some(before) if now >= before => now - before,
                    Some(_) if !summed && now.is_finite() => now,
                    _ => f64::NAN,
                };
                if now.is_finite() {
                    before = Some(now);
                }
            }
        }
    }
    points
}

/// Seconds with milliseconds behind the point.
fn seconds(ms: i64) -> String {
    if ms % 1000 == 0 { (ms / 1000).to_string() } else { format!("{:.3}", ms as f64 / 1000.0) }
}
