//! Points from rows of a table or objects of JSON: which of them count, and where the
//! time and the numbers are.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};
use serde_json::Value;

use super::{Answer, Labelled, path};
use crate::decide::series::{Point, Series};
use crate::decide::spec::{Kind, Signal};
use crate::deploy::times;

/// Which columns hold what; `None`: by the usual names. In JSON they are paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    pub(super) at: Option<String>,
    pub(super) value: Option<String>,
    pub(super) bad: Option<String>,
    pub(super) total: Option<String>,
    /// What tells several series apart.
    pub(super) label: Option<String>,
}

const AT: &[&str] = &[
    "at",
    "time",
    "timestamp",
    "ts",
    "date",
    "datetime",
    "t",
    "x",
    "_time",
    "@timestamp",
    "Timestamps",
];
const VALUE: &[&str] = &["value", "v", "y", "mean", "avg", "average", "_value", "Values", "values"];
const BAD: &[&str] = &["bad", "errors", "failed", "failures", "error_count"];
const TOTAL: &[&str] = &["total", "count", "requests", "all", "request_count"];

/// A row or an object.
pub(super) enum Record<'a> {
    /// A row with the table's head.
    Row(&'a [String], Vec<String>),
    /// An object, a list of a time and numbers, or an object of lists side by side.
    Json(&'a Value),
}

impl Record<'_> {
    /// What stands in a column.
    fn cell(&self, name: &str) -> Option<Value> {
        match self {
            Record::Row(head, row) => {
                let at = head
                    .iter()
                    .position(|column| column == name)
                    .or_else(|| head.iter().position(|column| column.eq_ignore_ascii_case(name)))?;
                Some(Value::String(row.get(at).cloned().unwrap_or_default()))
            }
            Record::Json(value) => match value.get(name) {
                Some(cell) => Some(cell.clone()),
                None => path::Path::parse(name).ok()?.first(value).cloned(),
            },
        }
    }

    /// The column that is named, or the first of the usual names.
    fn find(&self, named: Option<&String>, usual: &[&str]) -> Option<Value> {
        match named {
            Some(name) => self.cell(name),
            None => usual.iter().find_map(|name| self.cell(name)),
        }
    }
}

/// The series of the records that a filter lets through, between two times.
///
/// # Errors
/// The filter cannot be read, or no record has a time or the number that is wanted.
pub(super) fn collect<'a>(
    records: impl Iterator<Item = Record<'a>>,
    columns: &Columns,
    filter: &str,
    signal: &Signal,
    window: (i64, i64),
) -> anyhow::Result<Answer> {
    let filter = parse(filter)?;
    let mut series: BTreeMap<String, Series> = BTreeMap::new();
    let (mut seen, mut timed, mut numbered) = (0usize, 0usize, 0usize);
    for record in records {
        if !filter.iter().all(|condition| condition.holds(&record)) {
            continue;
        }
        seen += 1;
        let label = columns.label.as_ref().and_then(|name| record.cell(name));
        let points = points(&record, columns, signal);
        timed += usize::from(points.iter().any(|(at, ..)| at.is_some()));
        numbered += usize::from(points.iter().any(|(_, value, _)| value.is_some()));
        let into = series.entry(label.map(|label| text(&label)).unwrap_or_default()).or_default();
        into.extend(points.into_iter().filter_map(|(at, value, total)| {
            let at = at.filter(|at| (window.0..=window.1).contains(at))?;
            Some(Point { at, value: value?, total: total.unwrap_or(0.0) })
        }));
    }
    if seen > 0 && timed == 0 {
        bail!(
            "no time is found in it: say by `at` which column it is, or by `path` where the points are"
        );
    }
    if seen > 0 && numbered == 0 {
        bail!(
            "no number is found for `{}`: say by `value` (a ratio: `bad` and `total`) which column it is",
            signal.name
        );
    }
    let series = series.into_iter().map(|(label, points)| {
        let labels = columns.label.iter().map(|name| (name.clone(), label.clone())).collect();
        Labelled { labels, points }
    });
    Ok(Answer { series: series.collect(), remarks: Vec::new() })
}

/// Time, value (or bad) and total.
type Found = (Option<i64>, Option<f64>, Option<f64>);

/// The points of a record: one, or as many as its lists are long.
fn points(record: &Record<'_>, columns: &Columns, signal: &Signal) -> Vec<Found> {
    if let Record::Json(Value::Array(list)) = record {
        // [time, value] or [time, bad, total]; Datadog and Prometheus write such.
        let number = |at: usize| list.get(at).map(times::number);
        let total = number(2).filter(|_| signal.kind == Kind::Ratio);
        return vec![(list.first().and_then(times::of_json), number(1), total)];
    }
    let at = record.find(columns.at.as_ref(), AT);
    let (value, total) = match signal.kind {
        Kind::Ratio => {
            let total = record.find(columns.total.as_ref(), TOTAL);
            let bad = record.find(columns.bad.as_ref(), BAD);
            match (bad, total) {
                (Some(bad), total @ Some(_)) if columns.value.is_none() => (Some(bad), total),
                _ => (number_of(record, columns, signal), None),
            }
        }
        Kind::Gauge | Kind::Counter => (number_of(record, columns, signal), None),
    };
    match (at, value) {
        (Some(Value::Array(at)), Some(Value::Array(values))) => {
            let totals = total.as_ref().and_then(Value::as_array);
            let side = at.iter().zip(&values).enumerate().map(|(index, (at, value))| {
                let total = totals.and_then(|list| list.get(index)).map(times::number);
                (times::of_json(at), Some(times::number(value)), total)
            });
            side.collect()
        }
        (at, value) => vec![(
            at.as_ref().and_then(times::of_json),
            value.as_ref().map(times::number),
            total.as_ref().map(times::number),
        )],
    }
}

/// The column of the value: the one that is named, the signal's own, the usual ones.
fn number_of(record: &Record<'_>, columns: &Columns, signal: &Signal) -> Option<Value> {
    match &columns.value {
        Some(name) => record.cell(name),
        None => record.cell(&signal.name).or_else(|| record.find(None, VALUE)),
    }
}

struct Condition {
    column: String,
    value: String,
    equal: bool,
}

impl Condition {
    fn holds(&self, record: &Record<'_>) -> bool {
        let has = record.cell(&self.column).is_some_and(|cell| text(&cell) == self.value);
        has == self.equal
    }
}

fn text(cell: &Value) -> String {
    match cell {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `column=value, other!="a, b"`.
fn parse(filter: &str) -> anyhow::Result<Vec<Condition>> {
    let mut conditions = Vec::new();
    let mut rest = filter.trim();
    while !rest.is_empty() {
        let wrong =
            || anyhow!("cannot read the filter `{filter}`: write `column=value, other=value`");
        let (column, behind) = rest.split_once('=').ok_or_else(wrong)?;
        let equal = !column.ends_with('!');
        let column = column.trim_end_matches('!').trim();
        let behind = behind.strip_prefix('=').unwrap_or(behind).trim_start();
        let (value, after) = match behind.strip_prefix('"') {
            Some(inner) => {
                let (value, after) = inner.split_once('"').ok_or_else(wrong)?;
                (value, after.trim_start())
            }
            None => {
                let end = behind.find(',').unwrap_or(behind.len());
                (behind[..end].trim(), &behind[end..])
            }
        };
        if column.is_empty() || !(after.is_empty() || after.starts_with(',')) {
            return Err(wrong());
        }
        conditions.push(Condition { column: column.to_owned(), value: value.to_owned(), equal });
        rest = after.trim_start_matches(',').trim_start();
    }
    Ok(conditions)
}
