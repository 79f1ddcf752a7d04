//! Measurements in files: tables (CSV) and JSON.
//!
//! The query says which rows or objects count, as `column=value, other=value`; the
//! source's keys say which columns hold what. What is not said is found by the usual
//! names.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::records::{Columns, Record, collect};
use super::{Answer, csv, path};
use crate::decide::spec::Signal;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// What a file holds.
pub(super) enum Content {
    /// JSON, or a list of what stood on its lines.
    Json(Value),
    /// A table, the head first.
    Table(Vec<Vec<String>>),
}

/// Reads a file, by what is in it.
///
/// # Errors
/// It is not there, too large, empty or broken.
pub(super) async fn open(file: &Path) -> anyhow::Result<Content> {
    let text = read(file).await?;
    if text.trim_start().starts_with(['{', '[']) {
        return json(&text)
            .map(Content::Json)
            .with_context(|| format!("cannot read {}", file.display()));
    }
    let rows = csv::rows(&text);
    if rows.is_empty() {
        bail!("cannot read {}: it is empty", file.display());
    }
    Ok(Content::Table(rows))
}

/// The points of a table.
///
/// # Errors
/// [`collect`] fails.
pub(super) fn of_table(
    rows: Vec<Vec<String>>,
    columns: &Columns,
    query: &str,
    signal: &Signal,
    window: (i64, i64),
) -> anyhow::Result<Answer> {
    let mut rows = rows.into_iter();
    let head = rows.next().unwrap_or_default();
    collect(rows.map(|row| Record::Row(&head, row)), columns, query, signal, window)
}

/// JSON, or one value a line.
fn json(text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).or_else(|error| {
        let lines: Result<Vec<Value>, _> =
            text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect();
        lines.map(Value::Array).map_err(|_| error).context("it is neither JSON nor JSON lines")
    })
}

/// The points of a JSON text: at a path, or where they usually are.
///
/// # Errors
/// There are none there, or [`collect`] fails.
pub(super) fn of_json(
    value: &Value,
    points: Option<&path::Path>,
    columns: &Columns,
    query: &str,
    signal: &Signal,
    window: (i64, i64),
) -> anyhow::Result<Answer> {
    let found = match points {
        None => path::points(value),
        Some(path) => {
            let found = path.all(value);
            if found.is_empty() && !path.leads(value) {
                bail!("nothing is at the `path` that the source gives");
            }
            // A path to the list means what is in it.
            match found[..] {
                [Value::Array(items)] if !is_pair(items) => items.iter().collect(),
                _ => found,
            }
        }
    };
    let has_points = !found.is_empty();
    if !has_points && points.is_none() && value.as_array().is_none_or(|list| !list.is_empty()) {
        bail!("no points are found in it: say by `path` where they are");
    }
    collect(found.into_iter().map(Record::Json), columns, query, signal, window)
}

fn is_pair(list: &[Value]) -> bool {
    !list.is_empty() && list.iter().all(|item| !item.is_array() && !item.is_object())
}

/// A text file of a size that can be meant.
async fn read(file: &Path) -> anyhow::Result<String> {
    let name = file.display();
    let about = tokio::fs::metadata(file).await.with_context(|| format!("cannot read {name}"))?;
    if !about.is_file() {
        bail!("cannot read {name}: it is no file");
    }
    if about.len() > MAX_FILE {
        bail!("{name} has {} MB: more than {} are not read", about.len() >> 20, MAX_FILE >> 20);
    }
    let bytes = tokio::fs::read(file).await.with_context(|| format!("cannot read {name}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
