//! A signal: what it is where the spec leaves it out, and its series by role.

use std::collections::BTreeMap;

use super::fields::{Fields, Notes, cut};
use super::raw::{RawSeries, RawSignal};
use super::words;
use crate::decide::spec::{Class, Direction, Kind, Role, Signal, Source};

const KINDS: &[(&str, Kind)] =
    &[("ratio", Kind::Ratio), ("gauge", Kind::Gauge), ("counter", Kind::Counter)];

const CLASSES: &[(&str, Class)] = &[
    ("reliability", Class::Reliability),
    ("latency", Class::Latency),
    ("saturation", Class::Saturation),
    ("traffic", Class::Traffic),
    ("business", Class::Business),
];

const DIRECTIONS: &[(&str, Direction)] =
    &[("lower", Direction::Lower), ("higher", Direction::Higher), ("either", Direction::Either)];

/// Validates a signal.
pub fn signal(path: &str, raw: RawSignal, notes: &mut Notes) -> Option<Signal> {
    let RawSignal { fields, series } = raw;
    let mut fields = Fields::new(path, fields, notes);
    let unreadable = fields.has("name") && fields.bare();
    let name = fields.name("name");
    let kind = fields.word("kind", KINDS);
    let class = fields.word("class", CLASSES);
    let direction = fields.word("direction", DIRECTIONS);
    let unit = fields.name("unit");
    let limit = fields.number("limit");
    let critical = fields.truth("critical").unwrap_or(false);
    let required = fields.truth("required").unwrap_or(false);
    fields.known("series");
    let source = source(&mut fields);
    if name.is_none() && !unreadable {
        fields.wrong("name", "is missing: name the signal");
    }
    let kind = kind.unwrap_or_else(|| {
        let told = told_kind(&series);
        if !unreadable && !fields.notes.problems.iter().any(|problem| problem.path == fields.path("kind")) {
            let (word, _) = KINDS.iter().find(|(_, kind)| *kind == told).unwrap_or(&KINDS[0]);
            fields.wrong("kind", format!("is missing: ratio, gauge or counter; its points look like `{word}`"));
        }
        told
    });
    if kind == Kind::Ratio && limit.is_some_and(|limit| !(0.0..=1.0).contains(&limit)) {
        fields.wrong("limit", "must be a share from 0 to 1 (0.05 for 5 %), as the signal is a ratio");
    }
    let mut by_role = BTreeMap::new();
    for (role, raw) in series {
        let path = fields.path(&format!("series.{}", cut(&role)));
        let named = fields.notes.problems.len();
        check_points(&path, name.as_deref().unwrap_or_default(), kind, &raw, fields.notes);
        let readable = fields.notes.problems.len() == named;
        match role_of(&role) {
            Ok(role) if readable => {
                by_role.insert(role, raw.points);
            }
            Ok(_) => {}
            Err(why) => fields.notes.problem(path, why),
        }
    }
    let source = match source {
        Some(mut source) => {
            source.options.extend(fields.rest());
            Some(source)
        }
        None => {
            fields.finish();
            None
        }
    };
    let name = name?;
    let class = class.unwrap_or_else(|| told_class(&name, kind, unit.as_deref()));
    let direction = direction.unwrap_or(match class {
        Class::Traffic | Class::Business => Direction::Higher,
        _ => Direction::Lower,
    });
    Some(Signal {
        name,
        kind,
        class,
        direction,
        unit,
        limit,
        critical,
        required,
        series: by_role,
        source,
    })
}

/// Where series come from, if it is said: `source: prometheus` with its keys beside it,
/// or `source: {kind: prometheus, …}`.
pub fn source(fields: &mut Fields) -> Option<Source> {
    let (query, total) = (fields.text("query"), fields.text("total"));
    match fields.take("source") {
        Some(serde_json::Value::String(kind)) => {
            known_source("source", &kind, fields);
            Some(Source { query, total, ..super::source_of(kind) })
        }
        Some(value @ serde_json::Value::Object(_)) => {
            let path = fields.path("source");
            let mut inner = Fields::of(&path, value, fields.notes);
            let kind = inner.name("kind");
            let query = inner.text("query").or(query);
            let total = inner.text("total").or(total);
            if kind.is_none() {
                inner.wrong("kind", "is missing: say `prometheus`, `datadog`, `file` …");
            }
            if let Some(kind) = &kind {
                known_source("kind", kind, &mut inner);
            }
            let options = inner.rest().into_iter().collect();
            Some(Source { query, total, options, ..super::source_of(kind?) })
        }
        Some(_) => {
            fields.wrong("source", "must be the name of a source, such as `prometheus`");
            None
        }
        None => {
            if query.is_some() {
                fields.wrong("query", "has no `source`: say where it is asked, such as `prometheus`");
            }
            None
        }
    }
}

/// Where series and logs can come from.
const SOURCES: &[&str] =
    &["prometheus", "datadog", "cloudwatch", "json", "file", "loki", "kubernetes", "harness"];

fn known_source(key: &str, kind: &str, fields: &mut Fields) {
    if SOURCES.contains(&kind.trim()) {
        return;
    }
    let meant = match words::nearest(kind, SOURCES) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    };
    let all = SOURCES.join(", ");
    fields.wrong(key, format!("must be one of {all}, not `{}`{meant}", cut(kind)));
}

/// Points that cannot be meant, and points of another kind.
fn check_points(path: &str, name: &str, kind: Kind, raw: &RawSeries, notes: &mut Notes) {
    for (index, why) in &raw.wrong {
        notes.problem(format!("{path}[{index}]"), why.clone());
    }
    if raw.wrongs > raw.wrong.len() {
        let more = raw.wrongs - raw.wrong.len();
        notes.problem(path, format!("has {more} more points that cannot be read"));
    }
    match kind {
        Kind::Ratio if raw.values > 0 => {
            let why = format!("has points with `value`, but `{name}` is a ratio: its points have `bad` and `total`");
            notes.problem(path, why);
        }
        Kind::Gauge | Kind::Counter if raw.values == 0 && raw.ratios > 0 => {
            let why = "has points with `bad` and `total`; say `kind: ratio`, or write `value`";
            notes.problem(path, why);
        }
        _ => {}
    }
}

fn role_of(text: &str) -> Result<Role, String> {
    let trimmed = text.trim();
    let named = |name: &str| {
        let name = name.trim();
        if name.is_empty() { Err(format!("`{trimmed}` names nothing")) } else { Ok(name.to_owned()) }
    };
    match trimmed.split_once(':') {
        None => match trimmed {
            "canary" => return Ok(Role::Canary),
            "baseline" => return Ok(Role::Baseline),
            "history" => return Ok(Role::History),
            _ => {}
        },
        Some(("dependency", name)) => return named(name).map(Role::Dependency),
        Some(("sibling", name)) => return named(name).map(Role::Sibling),
        Some(("instance", name)) => return named(name).map(Role::Instance),
        Some(_) => {}
    }
    let roles = ["canary", "baseline", "history", "dependency:", "sibling:", "instance:"];
    let meant = match words::nearest(trimmed, &roles) {
        Some(role) => format!("; did you mean `{role}`?"),
        None => String::new(),
    };
    Err(format!(
        "is no role: canary, baseline, history, dependency:NAME, sibling:NAME, instance:NAME{meant}"
    ))
}

/// A signal's kind by its points.
fn told_kind(series: &[(String, RawSeries)]) -> Kind {
    if series.iter().any(|(_, raw)| raw.ratios > 0) { Kind::Ratio } else { Kind::Gauge }
}

/// A signal's class by its kind, unit and the words in its name.
fn told_class(name: &str, kind: Kind, unit: Option<&str>) -> Class {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["error", "fail", "5xx", "exception", "crash", "availab", "success"]) {
        return Class::Reliability;
    }
    if has(&["order", "revenue", "conver", "signup", "checkout_", "purchase", "payment_"]) {
        return Class::Business;
    }
    if kind == Kind::Ratio {
        return Class::Reliability;
    }
    if has(&["latency", "duration", "response_time", "p50", "p90", "p95", "p99"])
        || unit.is_some_and(|unit| matches!(unit, "ms" | "s" | "us" | "µs"))
    {
        return Class::Latency;
    }
    if has(&["request", "rps", "qps", "throughput", "traffic"]) {
        return Class::Traffic;
    }
    Class::Saturation
}
