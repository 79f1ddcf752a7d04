//! Holds the Kayenta-style judge of the measurements to Kayenta's published vectors, our
//! own verdicts on them to the table that explains each difference
//! (`docs/verify/kayenta.md`), and what users complained of to what they wanted.
//!
//! The vectors are those of Kayenta's `ClassifierSuite` (Apache-2.0), under
//! `data/canary` of the folder that `PIPEWRIGHT_SHARED` names, beside the repository where
//! unset; without it these tests say that they were skipped. With `UPDATE_DOCS=1` the
//! table's verdicts are written anew, and its explanations stay.

#[path = "../benches/deployments/kayenta.rs"]
mod kayenta;

use std::path::{Path, PathBuf};

use kayenta::{Classified, Label, Settings};
use pipewright::decide::decision::{SignalResult, Verdict};
use pipewright::decide::series::Point;
use pipewright::decide::spec::{Class, Direction, Kind, Policy, Role, Signal, Strategy, Windows};
use pipewright::decide::{Action, Decision, Spec, decide};
use serde_json::Value;

const DOCS: &str = "docs/verify/kayenta.md";

/// A file of the shared samples, or `None` after saying loudly that it is missing.
fn shared(name: &str) -> Option<Value> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let root = std::env::var_os("PIPEWRIGHT_SHARED").map_or_else(beside, PathBuf::from);
    let path = root.join("data/canary").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {} is not there (PIPEWRIGHT_SHARED names its root)", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("the samples are JSON"))
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().expect("a list of numbers");
    values.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

fn words<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

/// A vector: what was compared, how, and what Kayenta's suite asserts.
struct Vector {
    name: String,
    experiment: Vec<f64>,
    control: Vec<f64>,
    settings: Settings,
    by_means: bool,
    asserts: Vec<String>,
}

/// The number or the pair after a key of Kayenta's parameters.
fn parameter(text: &str, key: &str) -> Option<Vec<f64>> {
    let rest = text.split(key).nth(1)?.trim_start().strip_prefix('=')?;
    let end = if rest.trim_start().starts_with('(') { ')' } else { ',' };
    let value = rest.split(end).next()?.trim().trim_start_matches('(');
    value.split(',').map(|number| number.trim().parse().ok()).collect()
}

fn vectors() -> Option<Vec<Vector>> {
    let all = shared("classifier_cases.json")?;
    let read = |case: &Value| {
        let (params, call) = (words(case, "params"), words(case, "call"));
        let mut settings = Settings { confidence: 0.95, ..Settings::default() };
        let one = |key| parameter(params, key).and_then(|values| values.first().copied());
        let two = |key| match parameter(params, key).as_deref() {
            Some([low, high]) => Some((*low, *high)),
            _ => None,
        };
        settings.tolerance = one("tolerance").unwrap_or(settings.tolerance);
        settings.confidence = one("confLevel").unwrap_or(settings.confidence);
        settings.allowed = two("effectSizeThresholds").unwrap_or(settings.allowed);
        settings.critical_at = two("criticalThresholds").unwrap_or(settings.critical_at);
        settings.cles = params.contains("cles");
        settings.replace = call.contains("NaNStrategy.Replace");
        settings.critical = call.contains("isCriticalMetric = true");
        settings.direction = if call.contains("MetricDirection.Increase") {
            kayenta::Direction::Increase
        } else if call.contains("MetricDirection.Decrease") {
            kayenta::Direction::Decrease
        } else {
            kayenta::Direction::Either
        };
        let asserts = case["asserts"].as_array().into_iter().flatten();
        Vector {
            name: words(case, "name").to_owned(),
            experiment: numbers(&case["experiment"]),
            control: numbers(&case["control"]),
            settings,
            by_means: words(case, "classifier") == "MeanInequalityClassifier",
            asserts: asserts.filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    };
    Some(all["cases"].as_array().expect("a list of cases").iter().map(read).collect())
}

/// What the Kayenta-style judge says of a vector.
fn theirs(vector: &Vector) -> Classified {
    if vector.by_means {
        let label = kayenta::by_means(&vector.experiment, &vector.control);
        return Classified { label, critical: false, deviation: 1.0 };
    }
    kayenta::classify(&vector.experiment, &vector.control, &vector.settings)
}

#[test]
fn the_judge_beside_ours_gives_kayentas_published_verdicts() {
    let Some(vectors) = vectors() else { return };
    assert_eq!(vectors.len(), 37);
    let mut held = 0;
    for vector in &vectors {
        let found = theirs(vector);
        for assert in &vector.asserts {
            let holds = match assert.as_str() {
                "result.classification == Pass" => found.label == Label::Pass,
                "result.classification == High" => found.label == Label::High,
                "result.classification == Low" => found.label == Label::Low,
                "result.classification == Nodata" => found.label == Label::Nodata,
                "result.critical" => found.critical,
                "!result.critical" => !found.critical,
                "result.deviation.isNaN" => found.deviation.is_nan(),
                "result.deviation == 1.0" => found.deviation == 1.0,
                other => panic!("{other} is not known"),
            };
            assert!(holds, "{}: {assert}, but {found:?}", vector.name);
            held += 1;
        }
    }
    // One vector asserts a sentence only.
    assert!(held >= 36, "{held}");
}

/// A canary of one gauge with a point a minute and no warm-up.
fn canary(experiment: &[f64], control: &[f64], direction: Direction, critical: bool) -> Spec {
    // Both end at the same minute: one side may have begun earlier.
    let end = 1_767_261_600_000 + 60_000 * experiment.len() as i64;
    let series = |values: &[f64]| {
        let first = end - 60_000 * values.len() as i64;
        let point = |(minute, value): (usize, &f64)| Point {
            at: first + 60_000 * minute as i64,
            value: *value,
            total: 0.0,
        };
        values.iter().enumerate().map(point).collect()
    };
    let mut spec = Spec { service: "checkout".to_owned(), ..Spec::default() };
    spec.deployment.started_at = Some(1_767_261_600_000);
    spec.deployment.previous = Some("1.7.3".to_owned());
    spec.deployment.strategy = Some(Strategy::Canary);
    spec.windows = Windows { warmup: 0, canary: None, baseline: None };
    spec.policy = Policy::default();
    spec.signals.push(Signal {
        name: "metric".to_owned(),
        kind: Kind::Gauge,
        class: Class::Reliability,
        direction,
        unit: None,
        limit: None,
        critical,
        required: critical,
        series: [(Role::Canary, series(experiment)), (Role::Baseline, series(control))].into(),
        source: None,
    });
    spec
}

/// Our verdict of a vector.
fn ours(vector: &Vector) -> (Decision, SignalResult) {
    let direction = match vector.settings.direction {
        kayenta::Direction::Increase => Direction::Lower,
        kayenta::Direction::Decrease => Direction::Higher,
        kayenta::Direction::Either => Direction::Either,
    };
    let critical = vector.settings.critical;
    let mut spec = canary(&vector.experiment, &vector.control, direction, critical);
    let (down, up) = vector.settings.allowed;
    if !vector.settings.cles && (down, up) != (1.0, 1.0) {
        // What Kayenta allows of a ratio of means is the smallest effect that matters.
        spec.policy.practical_gauge = (1.0 - down).max(up - 1.0);
    }
    let decision = decide(&spec, None);
    let signal = decision.signals.first().expect("one signal, one verdict").clone();
    (decision, signal)
}

fn verdict(signal: &SignalResult) -> &'static str {
    match signal.verdict {
        Verdict::Better => "better",
        Verdict::Same => "same",
        Verdict::Worse => "worse",
        Verdict::NoData => "no data",
        Verdict::Insufficient => "insufficient",
    }
}

#[test]
fn each_vector_is_explained() {
    let Some(vectors) = vectors() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCS);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    // By name: (theirs, ours, why).
    let row = |name: &str| -> Option<[String; 3]> {
        let line = text.lines().find(|line| line.starts_with(&format!("| {name} |")))?;
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        Some([cells.get(1)?, cells.get(2)?, cells.get(3)?].map(|cell| (*cell).to_owned()))
    };
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for vector in &vectors {
        let found = theirs(vector);
        let critical = if found.critical { ", critical" } else { "" };
        let theirs = format!("{:?}{critical}", found.label);
        let (decision, signal) = ours(vector);
        let ours =
            format!("{}: {}", verdict(&signal), format!("{:?}", decision.action).to_lowercase());
        let why = row(&vector.name).map(|[.., why]| why).unwrap_or_default();
        if row(&vector.name) != Some([theirs.clone(), ours.clone(), why.clone()]) || why.is_empty()
        {
            wrong.push(format!("{}: {theirs}, {ours} ({})", vector.name, signal.why));
        }
        lines.push(format!("| {} | {theirs} | {ours} | {why} |", vector.name));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let kept: Vec<&str> = text.lines().take_while(|line| !line.starts_with("| Mann")).collect();
        let after: Vec<&str> =
            text.lines().skip(kept.len()).skip_while(|line| line.starts_with('|')).collect();
        let all: Vec<&str> =
            kept.into_iter().chain(lines.iter().map(String::as_str)).chain(after).collect();
        std::fs::write(&path, all.join("\n") + "\n").expect("the page can be written");
        return;
    }
    assert!(wrong.is_empty(), "not as {DOCS} says:\n{}", wrong.join("\n"));
}

#[test]
fn what_users_complained_of_is_worse() {
    let Some(complaints) = shared("user_complaints.json") else { return };
    let complaints = complaints.as_array().expect("a list of complaints");
    assert_eq!(complaints.len(), 4);
    let mut missed = Vec::new();
    for complaint in complaints {
        let (experiment, control) =
            (numbers(&complaint["experiment"]), numbers(&complaint["control"]));
        // All of them are of metrics where more is worse.
        let decision = decide(&canary(&experiment, &control, Direction::Lower, false), None);
        let signal = decision.signals.first().expect("one signal, one verdict");
        if signal.verdict != Verdict::Worse || decision.action == Action::Proceed {
            missed.push(format!(
                "{}: {:?}, {}",
                words(complaint, "id"),
                decision.action,
                signal.why
            ));
        }
    }
    assert!(missed.is_empty(), "let through:\n{}", missed.join("\n"));
}
