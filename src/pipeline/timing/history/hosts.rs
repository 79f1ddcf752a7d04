//! What the hosts' APIs answer about the jobs of a run.

use super::{EXPECTED, JobTime, Raw, sane};
use anyhow::{Result, bail};
use serde_json::Value;

/// Takes the jobs out of one answer, or of a list of answers. `run` names the run
/// where the answer does not.
///
/// # Errors
/// Says what was expected where the value has no known shape.
pub(super) fn collect(value: &Value, run: &str, raws: &mut Vec<Raw>) -> Result<()> {
    if let Some(items) = value.as_array() {
        // A page of jobs, or a list of answers.
        for (place, item) in items.iter().enumerate() {
            if item.is_array() || !job(item, run, raws) {
                collect(item, &format!("{run}.{place}"), raws)?;
            }
        }
        return Ok(());
    }
    if value.is_object() && whole(value, run, raws)? {
        return Ok(());
    }
    if job(value, run, raws) {
        return Ok(());
    }
    let keys: Vec<&str> = value
        .as_object()
        .map(|object| object.keys().take(6).map(String::as_str).collect())
        .unwrap_or_default();
    bail!("the history has a value with the keys {keys:?}; {EXPECTED}")
}

/// An object that holds the jobs of a run.
fn whole(value: &Value, run: &str, raws: &mut Vec<Raw>) -> Result<bool> {
    let own = ["run_id", "runId", "id", "databaseId"].iter().find_map(|key| id(&value[*key]));
    let run = own.as_deref().unwrap_or(run);
    // GitHub: `{total_count, jobs: […]}`; a run with its jobs beside it.
    if let Some(jobs) = value["jobs"].as_array() {
        for item in jobs {
            job(item, run, raws);
        }
        return Ok(true);
    }
    // Azure: a build's timeline.
    if let Some(records) = value["records"].as_array() {
        azure(records, run, raws);
        return Ok(true);
    }
    // Jenkins: `wfapi/describe` of a run, or `wfapi/runs` inside a list.
    if let Some(stages) = value["stages"].as_array() {
        for stage in stages {
            jenkins(stage, run, raws);
        }
        return Ok(true);
    }
    // Harness: the summary of an execution.
    for summary in
        [&value["data"]["pipelineExecutionSummary"], &value["pipelineExecutionSummary"], value]
    {
        if let Some(nodes) = summary["layoutNodeMap"].as_object() {
            let own = id(&summary["planExecutionId"]);
            for node in nodes.values() {
                harness(node, own.as_deref().unwrap_or(run), raws);
            }
            return Ok(true);
        }
    }
    // Bitbucket: a page of steps. Others wrap a list in `value`, `items`, `data`.
    for key in ["values", "value", "items", "data", "workflow_runs", "runs", "pipelines"] {
        if value[key].is_array() {
            collect(&value[key], run, raws)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// A single job of GitHub, GitLab or Bitbucket; `false` where it is none.
fn job(value: &Value, run: &str, raws: &mut Vec<Raw>) -> bool {
    if value["build_seconds_used"].is_number()
        || (value["started_on"].is_string() && value["state"].is_object())
    {
        bitbucket(value, run, raws);
        true
    } else if value["name"].is_string()
        && (value.get("queued_duration").is_some()
            || (value.get("stage").is_some() && value.get("duration").is_some()))
    {
        gitlab(value, run, raws);
        true
    } else if value["name"].is_string()
        && (value.get("started_at").is_some() || value.get("startedAt").is_some())
    {
        github(value, run, raws);
        true
    } else {
        false
    }
}

/// <https://docs.github.com/en/rest/actions/workflow-jobs>, and `gh run view --json jobs`.
fn github(value: &Value, run: &str, raws: &mut Vec<Raw>) {
    let either = |snake: &str, camel: &str| match &value[snake] {
        Value::Null => clock(&value[camel]),
        found => clock(found),
    };
    let (started, ended) =
        (either("started_at", "startedAt"), either("completed_at", "completedAt"));
    let conclusion = text(&value["conclusion"]);
    let ran = !matches!(conclusion, "skipped" | "cancelled" | "action_required" | "stale");
    let own = id(&value["run_id"]).map(|own| match value["run_attempt"].as_u64() {
        Some(attempt) if attempt > 1 => format!("{own}.{attempt}"),
        _ => own,
    });
    let mut raw = Raw {
        run: own.unwrap_or_else(|| run.to_owned()),
        time: None,
        created: either("created_at", "createdAt"),
        started,
        ended,
    };
    if let (Some(started), Some(ended)) = (started, ended)
        && ran
        && ended >= started
    {
        raw.time = Some(JobTime {
            name: text(&value["name"]).to_owned(),
            queue: sane(raw.created.map_or(0.0, |created| started - created)),
            seconds: sane(ended - started),
            steps: github_steps(&value["steps"]),
            succeeded: matches!(conclusion, "success" | "neutral"),
        });
    }
    raws.push(raw);
}

fn github_steps(steps: &Value) -> Vec<(String, f64)> {
    let seconds = |step: &Value| {
        let pick = |snake: &str, camel: &str| clock(&step[snake]).or_else(|| clock(&step[camel]));
        let from = pick("started_at", "startedAt")?;
        let to = pick("completed_at", "completedAt")?;
        Some((text(&step["name"]).to_owned(), sane(to - from)))
    };
    steps.as_array().into_iter().flatten().filter_map(seconds).collect()
}

/// <https://docs.gitlab.com/api/jobs/#list-pipeline-jobs>.
fn gitlab(value: &Value, run: &str, raws: &mut Vec<Raw>) {
    let own = id(&value["pipeline"]["id"]);
    let (created, started, ended) =
        (clock(&value["created_at"]), clock(&value["started_at"]), clock(&value["finished_at"]));
    let status = text(&value["status"]);
    let seconds = value["duration"].as_f64().or_else(|| Some(ended? - started?));
    let mut raw = Raw {
        run: own.unwrap_or_else(|| run.to_owned()),
        // All jobs of a pipeline come to be at once: the queue is the host's own figure.
        created: None,
        started: None,
        ended: None,
        time: None,
    };
    if let Some(seconds) = seconds
        && matches!(status, "success" | "failed" | "")
    {
        raw.time = Some(JobTime {
            name: text(&value["name"]).to_owned(),
            queue: sane(value["queued_duration"].as_f64().unwrap_or(0.0)),
            seconds: sane(seconds),
            steps: Vec::new(),
            succeeded: status != "failed",
        });
        // Kept for the order of runs alone.
        raw.started = started.or(created);
    }
    raws.push(raw);
}

/// <https://learn.microsoft.com/rest/api/azure/devops/build/timeline/get>: records of
/// type `Stage`, `Phase`, `Job` and `Task`, each naming its parent.
fn azure(records: &[Value], run: &str, raws: &mut Vec<Raw>) {
    let find = |id: &str| records.iter().find(|record| record["id"].as_str() == Some(id));
    let of_type =
        |kind: &'static str| records.iter().filter(move |record| text(&record["type"]) == kind);
    let mut tasks: std::collections::HashMap<&str, Vec<(String, f64)>> = Default::default();
    for task in of_type("Task") {
        if let (Some(from), Some(to)) = (clock(&task["startTime"]), clock(&task["finishTime"])) {
            let step = (text(&task["name"]).to_owned(), sane(to - from));
            tasks.entry(text(&task["parentId"])).or_default().push(step);
        }
    }
    for job in of_type("Job") {
        let result = text(&job["result"]);
        let (Some(started), Some(ended)) = (clock(&job["startTime"]), clock(&job["finishTime"]))
        else {
            continue;
        };
        if matches!(result, "skipped" | "canceled" | "abandoned") {
            continue;
        }
        // Up through the phase to the stage; a few steps at most.
        let (mut stage, mut phase, mut up) = ("", "", text(&job["parentId"]));
        for _ in 0..4 {
            let Some(record) = find(up) else { break };
            let called = record["refName"].as_str().or_else(|| record["identifier"].as_str());
            match text(&record["type"]) {
                "Stage" => stage = called.unwrap_or_else(|| text(&record["name"])),
                "Phase" => phase = called.unwrap_or_else(|| text(&record["name"])),
                _ => {}
            }
            up = text(&record["parentId"]);
        }
        let shown = text(&job["name"]);
        let inner = phase.rsplit('.').next().unwrap_or_default();
        let named = if inner.is_empty() { shown } else { inner };
        // `__default` is what Azure calls what has no name of its own.
        let name = match stage {
            "" | "__default" => named.to_owned(),
            stage => format!("{stage}.{named}"),
        };
        let copy = shown.strip_prefix(named).unwrap_or_default().trim();
        raws.push(Raw {
            run: run.to_owned(),
            created: None,
            started: Some(started),
            ended: Some(ended),
            time: Some(JobTime {
                name: if copy.is_empty() { name } else { format!("{name} ({copy})") },
                queue: sane(clock(&job["queueTime"]).map_or(0.0, |queued| started - queued)),
                seconds: sane(ended - started),
                steps: tasks.remove(text(&job["id"])).unwrap_or_default(),
                succeeded: result.starts_with("succeeded") || result.is_empty(),
            }),
        });
    }
}

/// The pipeline stage view plugin's `wfapi/describe`: milliseconds.
fn jenkins(stage: &Value, run: &str, raws: &mut Vec<Raw>) {
    let status = text(&stage["status"]);
    let (Some(all), "SUCCESS" | "FAILED" | "UNSTABLE" | "") =
        (stage["durationMillis"].as_f64(), status)
    else {
        return;
    };
    let pause = stage["pauseDurationMillis"].as_f64().unwrap_or(0.0);
    let started = stage["startTimeMillis"].as_f64().map(|millis| millis / 1000.0);
    let step = |node: &Value| {
        Some((text(&node["name"]).to_owned(), sane(node["durationMillis"].as_f64()? / 1000.0)))
    };
    raws.push(Raw {
        run: run.to_owned(),
        created: None,
        started,
        ended: started.map(|started| started + all / 1000.0),
        time: Some(JobTime {
            name: text(&stage["name"]).to_owned(),
            // Paused is: waiting for a person or for a lock, neither of which is work.
            queue: 0.0,
            seconds: sane((all - pause) / 1000.0),
            steps: (stage["stageFlowNodes"].as_array().into_iter().flatten())
                .filter_map(step)
                .collect(),
            succeeded: status != "FAILED",
        }),
    });
}

/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pipelines/>: steps.
fn bitbucket(step: &Value, run: &str, raws: &mut Vec<Raw>) {
    let own = id(&step["pipeline"]["uuid"]).or_else(|| id(&step["pipeline"]["build_number"]));
    let (started, ended) = (clock(&step["started_on"]), clock(&step["completed_on"]));
    let result = text(&step["state"]["result"]["name"]);
    let used = step["duration_in_seconds"]
        .as_f64()
        .or_else(|| Some(ended? - started?))
        .or_else(|| step["build_seconds_used"].as_f64());
    if let Some(seconds) = used
        && !matches!(result, "NOT_RUN" | "STOPPED" | "EXPIRED")
    {
        // Seconds of set-up, where they are told, are spent before the script starts.
        raws.push(Raw {
            run: own.unwrap_or_else(|| run.to_owned()),
            created: None,
            started,
            ended,
            time: Some(JobTime {
                name: text(&step["name"]).to_owned(),
                queue: 0.0,
                seconds: sane(seconds),
                steps: Vec::new(),
                succeeded: matches!(result, "" | "SUCCESSFUL"),
            }),
        });
    }
}

/// Harness' `pipelines/execution/v2/{id}`: nodes of the layout, milliseconds.
fn harness(node: &Value, run: &str, raws: &mut Vec<Raw>) {
    let millis = |key: &str| node[key].as_f64().filter(|millis| *millis > 0.0);
    let (Some(started), Some(ended)) = (millis("startTs"), millis("endTs")) else { return };
    let status = text(&node["status"]);
    let group = matches!(text(&node["nodeType"]), "parallel" | "MATRIX" | "LOOP" | "PARALLELISM");
    if group || matches!(status, "Skipped" | "NotStarted" | "Aborted" | "Expired") {
        return;
    }
    let name = match text(&node["nodeIdentifier"]) {
        "" => text(&node["name"]),
        known => known,
    };
    raws.push(Raw {
        run: run.to_owned(),
        created: None,
        started: Some(started / 1000.0),
        ended: Some(ended / 1000.0),
        time: Some(JobTime {
            name: name.to_owned(),
            queue: 0.0,
            seconds: sane((ended - started) / 1000.0),
            steps: Vec::new(),
            succeeded: matches!(status, "Success" | "IgnoreFailed" | ""),
        }),
    });
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// Seconds since 1970, of RFC 3339.
fn clock(value: &Value) -> Option<f64> {
    let at: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(at.as_millisecond() as f64 / 1000.0)
}
