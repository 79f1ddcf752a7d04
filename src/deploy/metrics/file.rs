//! Measurements in files: tables (CSV) and JSON.
//!
//! The query says which rows or objects count, as `column=value, other=value`; the
//! source's keys say which columns hold what. What is not said is found by the usual
//! names.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use serde_json::Value;

use super::records::{Columns, Record, collect};
use super::{Answer, MetricSource, csv, path};
use crate::decide::spec::Signal;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// A file.
pub(super) struct File {
    /// Where it is.
    pub(super) file: PathBuf,
    /// Where the points are, in JSON.
    pub(super) points: Option<path::Path>,
    /// Which columns hold what.
    pub(super) columns: Columns,
}

#[async_trait]
impl MetricSource for File {
    async fn answer(
        &self,
        signal: &Signal,
        query: &str,
        window: (i64, i64),
    ) -> anyhow::Result<Answer> {
        let text = read(&self.file).await?;
        let name = self.file.display();
        let cannot = || format!("cannot read {name}");
        if text.trim_start().starts_with(['{', '[']) {
            let value = json(&text).with_context(cannot)?;
            return of_json(&value, self.points.as_ref(), &self.columns, query, signal, window)
                .with_context(cannot);
        }
        let mut rows = csv::rows(&text).into_iter();
        let Some(head) = rows.next() else { bail!("cannot read {name}: it is empty") };
        let rows = rows.map(|row| Record::Row(&head, row));
        collect(rows, &self.columns, query, signal, window).with_context(cannot)
    }
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
            if found.is_empty() {
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
pub(super) async fn read(file: &Path) -> anyhow::Result<String> {
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
