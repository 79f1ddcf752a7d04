//! A deployment put before the Kayenta-style judge as its users would: each signal a
//! metric over the same minutes of both sides, the warm-up left out.

use pipewright::decide::spec::{Direction as Better, Kind, Role, Signal, Strategy};
use pipewright::decide::{Action, Spec};
use pipewright::stats::counter::increments;

use super::kayenta::{Classified, Direction, MARGINAL, PASS, Settings, classify, score};

/// What the judge calls for: a canary that passes proceeds, a marginal one is looked at,
/// and one that fails goes back.
pub fn kayenta(spec: &Spec) -> Action {
    let metrics: Vec<Classified> = spec.signals.iter().map(|signal| metric(spec, signal)).collect();
    match score(&metrics) {
        score if score >= PASS => Action::Proceed,
        score if score >= MARGINAL => Action::Investigate,
        _ => Action::Rollback,
    }
}

fn metric(spec: &Spec, signal: &Signal) -> Classified {
    let begin = spec.deployment.started_at.unwrap_or(0) + spec.windows.warmup;
    let beside = spec.deployment.strategy.is_some_and(Strategy::runs_beside);
    let experiment = values(signal, &Role::Canary, begin);
    let mut control = values(signal, &Role::Baseline, if beside { begin } else { i64::MIN });
    // Its users give it a baseline of the canary's size.
    let weight = spec.deployment.weight.filter(|weight| beside && (0.0..1.0).contains(weight));
    if let (Some(weight), true) = (weight, grows(signal)) {
        control.iter_mut().for_each(|value| *value *= weight / (1.0 - weight));
    }
    let direction = match signal.direction {
        Better::Lower => Direction::Increase,
        Better::Higher => Direction::Decrease,
        Better::Either => Direction::Either,
    };
    let settings = Settings { direction, critical: signal.critical, ..Settings::default() };
    classify(&experiment, &control, &settings)
}

/// Whether a signal is a count a minute, which grows with the share of the traffic.
fn grows(signal: &Signal) -> bool {
    signal.kind == Kind::Counter || signal.name == "orders"
}

/// A role's values from a time on: percents of a ratio, counts between points of a
/// counter.
fn values(signal: &Signal, role: &Role, from: i64) -> Vec<f64> {
    let Some(series) = signal.series.get(role) else { return Vec::new() };
    let points = series.iter().filter(|point| point.at >= from);
    match signal.kind {
        Kind::Ratio => points
            .map(
                |point| {
                    if point.total > 0.0 { 100.0 * point.value / point.total } else { f64::NAN }
                },
            )
            .collect(),
        Kind::Gauge => points.map(|point| point.value).collect(),
        Kind::Counter => {
            let points: Vec<(i64, f64)> = points.map(|point| (point.at, point.value)).collect();
            increments(&points).iter().map(|one| one.by).collect()
        }
    }
}
