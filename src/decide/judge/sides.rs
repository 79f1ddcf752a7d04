//! A signal's series cut to the windows that are compared.

use std::borrow::Cow;

use crate::decide::clean::{between, clean, rates};
use crate::decide::frame::Frame;
use crate::decide::series::{Point, Series};
use crate::decide::spec::{Class, Kind, Role, Signal, Spec};
use crate::stats::robust;

/// The points of each side, in order, counters as rates.
#[derive(Debug, Clone, Default)]
pub struct Sides {
    /// The new version after its warm-up.
    pub canary: Series,
    /// The new version while it warmed up.
    pub warmup: Series,
    /// The baseline in its window.
    pub baseline: Series,
    /// The baseline before the new version began, where it runs beside.
    pub earlier: Series,
    /// Earlier days at the hours of the new version's window.
    pub then: Series,
    /// Earlier days at the hours of a baseline that lies before.
    pub then_before: Series,
    /// When the new version's counter started again after its warm-up.
    pub resets: Vec<i64>,
    /// When the baseline's did within its window.
    pub baseline_resets: Vec<i64>,
    /// Whether the baseline was scaled to the new version's share of traffic.
    pub scaled: bool,
}

/// A role's points, cleaned; of a counter its rates and resets.
pub fn points<'s>(signal: &'s Signal, role: &Role) -> (Cow<'s, [Point]>, Vec<i64>) {
    let Some(series) = signal.series.get(role) else { return Default::default() };
    let points = clean(series, signal.kind);
    if signal.kind == Kind::Counter {
        let (rates, resets) = rates(&points);
        (Cow::Owned(rates), resets)
    } else {
        (points, Vec::new())
    }
}

/// Cuts a signal's series.
pub fn sides(spec: &Spec, signal: &Signal, frame: &Frame) -> Sides {
    let (canary, resets) = points(signal, &Role::Canary);
    let (baseline, baseline_resets) = points(signal, &Role::Baseline);
    let (history, _) = points(signal, &Role::History);
    let within = |from, to| move |at: &i64| (from..to).contains(at);
    // The restart's own reset shows at its first steps.
    let grace = frame.from;
    let mut sides = Sides {
        resets: resets.into_iter().filter(within(grace, frame.end)).collect(),
        ..Sides::default()
    };
    if !frame.only_warmup {
        sides.warmup = between(&canary, frame.start, frame.from).to_vec();
    }
    sides.canary = between(&canary, frame.from, frame.end).to_vec();
    let (mut from, mut to) = frame.baseline;
    if !frame.beside && between(&baseline, from, to).is_empty() {
        (from, to) = (frame.from, frame.end);
    }
    sides.baseline = between(&baseline, from, to).to_vec();
    sides.baseline_resets = baseline_resets.into_iter().filter(within(from, to)).collect();
    if frame.beside {
        sides.earlier = between(&baseline, i64::MIN, frame.start).to_vec();
    }
    sides.then = at_these_hours(&history, frame.from, frame.end);
    sides.then_before =
        at_these_hours(&history, frame.baseline.0.max(day_before(frame)), frame.start);
    scale(spec, signal, frame, &mut sides);
    sides
}

/// A day before the start: what lies further back would fold onto itself.
fn day_before(frame: &Frame) -> i64 {
    frame.start.saturating_sub(DAY)
}

const DAY: i64 = 86_400_000;

/// The points that fall into a window when moved by whole days, in their own order.
fn at_these_hours(history: &[Point], from: i64, to: i64) -> Series {
    let length = to.saturating_sub(from);
    history
        .iter()
        .filter(|point| point.at < from)
        .filter(|point| {
            let days = from.saturating_sub(point.at).saturating_add(DAY - 1) / DAY;
            let moved = point.at.saturating_add(days.saturating_mul(DAY));
            moved.saturating_sub(from) < length
        })
        .copied()
        .collect()
}

/// Counts of a version with a share of the traffic are compared by that share, unless
/// they are alike as they stand (already normalised).
fn scale(spec: &Spec, signal: &Signal, frame: &Frame, sides: &mut Sides) {
    let counts =
        signal.kind == Kind::Counter || matches!(signal.class, Class::Traffic | Class::Business);
    let weight = spec.deployment.weight.filter(|weight| *weight > 0.0 && *weight < 1.0);
    let (true, true, Some(weight)) = (frame.beside, counts && signal.kind != Kind::Ratio, weight)
    else {
        return;
    };
    let middle = |points: &[Point]| {
        let values: Vec<f64> = points.iter().map(|point| point.value).collect();
        robust::median(&values).filter(|middle| *middle > 0.0)
    };
    let Some(baseline) = middle(&sides.baseline) else { return };
    let factor = weight / (1.0 - weight);
    let alike = middle(&sides.canary).is_some_and(|canary| {
        (canary / baseline).ln().abs() <= (canary / (baseline * factor)).ln().abs()
    });
    if alike {
        return;
    }
    for point in sides.baseline.iter_mut().chain(&mut sides.earlier) {
        point.value *= factor;
    }
    sides.scaled = true;
}
