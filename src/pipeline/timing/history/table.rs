//! Histories as CSV: `run,job,seconds[,queue[,succeeded]]`, in any order of columns,
//! with commas, semicolons or tabs; quotes as in RFC 4180.

use super::{JobTime, Run, sane};
use crate::pipeline::timing::History;
use anyhow::{Context as _, Result, bail};
use std::collections::HashMap;

pub(super) fn read(text: &str) -> Result<History> {
    let mut rows = rows(text);
    let head = rows.next().map(|(_, row)| row).unwrap_or_default();
    let head: Vec<String> = head.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let column = |names: &[&str]| head.iter().position(|known| names.contains(&known.as_str()));
    let (Some(run), Some(job), Some(seconds)) = (
        column(&["run", "run_id", "pipeline", "pipeline_id", "build", "build_id"]),
        column(&["job", "job_name", "name", "stage", "step"]),
        column(&["seconds", "duration", "duration_seconds", "duration_s"]),
    ) else {
        bail!(
            "the history's first line is `{}`; {}",
            text.lines().next().unwrap_or_default().chars().take(80).collect::<String>(),
            super::EXPECTED
        );
    };
    let queue = column(&["queue", "queue_seconds", "queued", "queued_duration"]);
    let outcome = column(&["succeeded", "success", "conclusion", "status", "result"]);
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut runs: Vec<Run> = Vec::new();
    for (line, row) in rows {
        let cell = |at: usize| row.get(at).map(|cell| cell.trim()).unwrap_or_default();
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let number = |at: usize| -> Result<f64> {
            let cell = cell(at);
            cell.parse::<f64>()
                .ok()
                .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
                .with_context(|| {
                    format!("line {line} of the history: `{cell}` is no number of seconds")
                })
        };
        let outcome = outcome.map(|at| cell(at).to_ascii_lowercase()).unwrap_or_default();
        if matches!(outcome.as_str(), "skipped" | "canceled" | "cancelled") {
            continue;
        }
        let time = JobTime {
            name: cell(job).to_owned(),
            seconds: sane(number(seconds)?),
            queue: match queue {
                Some(at) if !cell(at).is_empty() => sane(number(at)?),
                _ => 0.0,
            },
            steps: Vec::new(),
            succeeded: matches!(
                outcome.as_str(),
                "" | "true" | "1" | "yes" | "success" | "succeeded" | "successful" | "passed"
            ),
        };
        let place = *places.entry(cell(run).to_owned()).or_insert_with(|| {
            runs.push(Run::default());
            runs.len() - 1
        });
        if let Some(run) = runs.get_mut(place) {
            run.jobs.push(time);
        }
    }
    if runs.is_empty() {
        bail!("the history has a first line and no rows; {}", super::EXPECTED);
    }
    Ok(History { runs })
}

/// Rows with the line they begin on, from 1.
fn rows(text: &str) -> impl Iterator<Item = (usize, Vec<String>)> {
    let first = text.lines().next().unwrap_or_default();
    let separator = [',', '\t', ';']
        .into_iter()
        .max_by_key(|mark| (first.matches(*mark).count(), *mark == ','));
    let separator = separator.unwrap_or(',');
    let mut rest = text.chars().peekable();
    let mut line = 1;
    std::iter::from_fn(move || {
        rest.peek()?;
        let begin = line;
        let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        while let Some(next) = rest.next() {
            match next {
                '"' if quoted && rest.peek() == Some(&'"') => {
                    rest.next();
                    cell.push('"');
                }
                '"' if quoted => quoted = false,
                '"' if cell.is_empty() => quoted = true,
                '\n' => {
                    line += 1;
                    if !quoted {
                        break;
                    }
                    cell.push('\n');
                }
                '\r' if !quoted && rest.peek() == Some(&'\n') => {}
                mark if mark == separator && !quoted => row.push(std::mem::take(&mut cell)),
                other => cell.push(other),
            }
        }
        row.push(cell);
        Some((begin, row))
    })
}
