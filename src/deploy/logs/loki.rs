//! Loki: lines of a range
//! (<https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time>).

use std::collections::{BTreeMap, HashSet};

use anyhow::bail;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Bounds, Line, Lines, LogSource};
use crate::deploy::ask::{self, Api};
use crate::http::{Error, StatusCode};

/// Lines of one answer: what servers allow unless they were told otherwise.
const PAGE: usize = 5_000;

/// The same for servers that allow less.
const SMALL_PAGE: usize = 500;

/// Parts of the time that are asked for one after the other, each to its share of the
/// lines: where there are too many, they are of the whole time and not of its start.
const PARTS: i64 = 8;

/// A server.
pub(super) struct Loki {
    pub(super) api: Api,
    /// Whether the newest lines of each part are wanted where there are too many.
    pub(super) backward: bool,
}

#[derive(Deserialize)]
struct Reply {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    stream: BTreeMap<String, String>,
    /// Nanoseconds as text, the line, and perhaps its metadata.
    #[serde(default)]
    values: Vec<Vec<Value>>,
}

/// A line with its time in nanoseconds and its writer.
type Entry = (i64, String, String);

#[async_trait]
impl LogSource for Loki {
    async fn lines(
        &self,
        query: &str,
        window: (i64, i64),
        bounds: Bounds,
    ) -> anyhow::Result<Lines> {
        let mut lines = Lines::default();
        let (mut bytes, mut page, mut cut) = (0usize, PAGE, false);
        for part in 0..PARTS {
            let nanoseconds = |part: i64| {
                window
                    .0
                    .saturating_add((window.1 - window.0) * part / PARTS)
                    .saturating_mul(1_000_000)
            };
            let share = bounds.lines * (part as usize + 1) / PARTS as usize;
            let room = share.saturating_sub(lines.lines.len());
            let limit = bounds.bytes * (part as usize + 1) / PARTS as usize;
            let (mut entries, whole) = self
                .part(
                    query,
                    (nanoseconds(part), nanoseconds(part + 1)),
                    room,
                    limit.saturating_sub(bytes),
                    &mut page,
                )
                .await?;
            cut |= !whole;
            entries.sort_by_key(|(at, ..)| *at);
            for (at, _, text) in entries {
                bytes += text.len();
                lines.lines.push(Line { at: Some(at / 1_000_000), text });
            }
        }
        if cut {
            lines.remarks.push(format!(
                "Loki has more lines than are taken: {} of them, spread over the whole time",
                lines.lines.len()
            ));
        }
        Ok(lines)
    }
}

impl Loki {
    /// The lines of a part, and whether they are all.
    async fn part(
        &self,
        query: &str,
        (mut start, mut end): (i64, i64),
        room: usize,
        bytes: usize,
        page: &mut usize,
    ) -> anyhow::Result<(Vec<Entry>, bool)> {
        let mut found: Vec<Entry> = Vec::new();
        let mut taken = 0usize;
        // What came with the page's last time may come again with the next.
        let mut edge: HashSet<Entry> = HashSet::new();
        loop {
            if start >= end {
                return Ok((found, true));
            }
            if found.len() >= room || taken >= bytes {
                return Ok((found, false));
            }
            let limit = (*page).min(room - found.len() + edge.len());
            let answer = match self.page(query, (start, end), limit).await {
                Ok(answer) => answer,
                Err(Error::Status(answer))
                    if *page > SMALL_PAGE
                        && answer.status == StatusCode::BAD_REQUEST
                        && answer.message().contains("max entries limit") =>
                {
                    *page = SMALL_PAGE;
                    continue;
                }
                Err(error) => return Err(self.api.explain(&error, "the logs")),
            };
            let entries = entries(&answer)?;
            let (count, last) = (entries.len(), self.last(&entries));
            let Some(last) = last else { return Ok((found, true)) };
            let at_last: HashSet<Entry> =
                entries.iter().filter(|(at, ..)| *at == last).cloned().collect();
            let fresh: Vec<Entry> =
                entries.into_iter().filter(|entry| !edge.contains(entry)).collect();
            let none_fresh = fresh.is_empty();
            taken += fresh.iter().map(|(.., text)| text.len()).sum::<usize>();
            edge = if none_fresh { HashSet::new() } else { at_last };
            found.extend(fresh);
            if count < limit {
                return Ok((found, true));
            }
            // A page of one time alone: what else was written then cannot be reached.
            let step = i64::from(none_fresh);
            if self.backward {
                end = if none_fresh { last } else { last.saturating_add(1) };
            } else {
                start = last.saturating_add(step);
            }
        }
    }

    /// The time that the next page goes on from.
    fn last(&self, entries: &[Entry]) -> Option<i64> {
        let times = entries.iter().map(|(at, ..)| *at);
        if self.backward { times.min() } else { times.max() }
    }

    async fn page(
        &self,
        query: &str,
        (start, end): (i64, i64),
        limit: usize,
    ) -> Result<crate::http::Response, Error> {
        let (start, end, limit) = (start.to_string(), end.to_string(), limit.to_string());
        let direction = if self.backward { "backward" } else { "forward" };
        let form = [
            ("query", query),
            ("start", start.as_str()),
            ("end", end.as_str()),
            ("limit", limit.as_str()),
            ("direction", direction),
        ];
        self.api.get("/loki/api/v1/query_range", &form).await
    }
}

fn entries(answer: &crate::http::Response) -> anyhow::Result<Vec<Entry>> {
    let value: Value = ask::json(answer, "Loki")?;
    if value.pointer("/data/resultType").and_then(Value::as_str) == Some("matrix") {
        bail!("the query of `logs` gives numbers, not lines: leave `rate(…)` and its like out");
    }
    let Reply { data } = serde_json::from_value(value)
        .map_err(|error| anyhow::anyhow!("cannot read the answer of Loki: {error}"))?;
    if data.result_type != "streams" {
        bail!("the answer of Loki holds no lines, but `{}`", data.result_type);
    }
    let mut entries = Vec::new();
    for Stream { stream, values } in data.result {
        let writer =
            stream.iter().map(|(name, value)| format!("{name}={value};")).collect::<String>();
        entries.extend(values.into_iter().filter_map(|value| {
            let at = value.first()?.as_str()?.parse().ok()?;
            Some((
                at,
                writer.clone(),
                value.get(1)?.as_str()?.trim_end_matches(['\n', '\r']).to_owned(),
            ))
        }));
    }
    Ok(entries)
}
