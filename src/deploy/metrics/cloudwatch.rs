//! Metric data in the form of CloudWatch's `GetMetricData`
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>),
//! from a file or an address: `aws cloudwatch get-metric-data … > metrics.json` makes
//! one. The query names a result by its `Id` or `Label`.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;

use super::{Answer, Labelled, point};
use crate::decide::series::Series;
use crate::deploy::times;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    metric_data_results: Vec<Found>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    #[serde(default)]
    id: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    timestamps: Vec<Value>,
    #[serde(default)]
    values: Vec<Value>,
    #[serde(default)]
    status_code: Option<String>,
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(default)]
    code: String,
    #[serde(default)]
    value: String,
}

/// The results that a query names, between two times: newest first or not, of one
/// page or several (a list of pages).
///
/// # Errors
/// It has another form, or no result of that name.
pub(super) fn read(value: Value, query: &str, window: (i64, i64)) -> anyhow::Result<Answer> {
    let pages: Vec<Page> = match value {
        list @ Value::Array(_) => serde_json::from_value(list),
        one => serde_json::from_value(one).map(|page| vec![page]),
    }
    .context(
        "it has not the form of GetMetricData: `MetricDataResults` with `Timestamps` and `Values`",
    )?;
    let mut answer = Answer::default();
    if pages.last().is_some_and(|page| page.next_token.as_ref().is_some_and(|t| !t.is_empty())) {
        answer
            .remarks
            .push("the metric data goes on behind `NextToken`, which was not fetched".to_owned());
    }
    let mut known = Vec::new();
    let mut series: BTreeMap<(String, String), Series> = BTreeMap::new();
    for page in pages {
        answer.remarks.extend(page.messages.iter().map(said));
        for found in page.metric_data_results {
            known.push(found.id.clone());
            if !query.is_empty() && found.id != query && found.label != query {
                continue;
            }
            if let Some(code) =
                found.status_code.filter(|code| code == "InternalError" || code == "Forbidden")
            {
                bail!("the result `{}` is not there: {code}", found.id);
            }
            answer.remarks.extend(found.messages.iter().map(said));
            // The same result goes on on the next page.
            let points = series.entry((found.id, found.label)).or_default();
            points.extend(found.timestamps.iter().zip(&found.values).filter_map(|(at, value)| {
                let at = times::of_json(at).filter(|at| (window.0..=window.1).contains(at))?;
                Some(point(at, times::number(value)))
            }));
        }
    }
    if series.is_empty() && !query.is_empty() {
        bail!("there is no result `{query}` in it: there are {}", known.join(", "));
    }
    for ((id, label), mut points) in series {
        points.sort_by_key(|point| point.at);
        let labels = BTreeMap::from([("Id".to_owned(), id), ("Label".to_owned(), label)]);
        answer.series.push(Labelled { labels, points });
    }
    Ok(answer)
}

fn said(message: &Message) -> String {
    format!("the metric data says {}: {}", message.code, message.value)
}
