//! Differences in differences: what earlier days did at the same hours is no news.

use super::sides::Sides;
use super::two::{levels_alone, sign, two, values};
use super::windows::{shares, sum, windows};
use crate::decide::frame::Frame;
use crate::decide::series::Point;
use crate::decide::spec::{Direction, Kind, Signal, Spec};
use crate::stats::{Sample, Share};

/// Fewer points tell nothing of earlier days.
const LEAST: usize = 6;

/// Whether earlier days explain that the new version is worse than the time before it.
/// Where a baseline runs beside there is nothing to explain.
pub fn explains(spec: &Spec, signal: &Signal, frame: &Frame, sides: &Sides) -> bool {
    if frame.beside || sides.then.len() < LEAST || sides.canary.is_empty() {
        return false;
    }
    let policy = &spec.policy;
    // Against the same hours directly.
    let direct = two(signal, policy, &sides.canary, &sides.then);
    let same_as_then = direct.is_some_and(|two| two.badness(signal, policy) < 1.0);
    if sides.then_before.len() < LEAST {
        return same_as_then;
    }
    // Against the baseline moved as earlier days moved.
    let moved = moved(signal, sides);
    let against = match signal.kind {
        Kind::Ratio => two(signal, policy, &sides.canary, &moved),
        _ => {
            let (a, b) = (values(&sides.canary), values(&moved));
            Some(levels_alone(signal, &Sample::new(&a), &Sample::new(&b)))
        }
    };
    let explained = against.is_some_and(|two| two.badness(signal, policy) < 1.0);
    let end_explained = late_explained(spec, signal, frame, sides, &moved);
    explained && end_explained
}

/// A regression that the hour hides: earlier days moved, this one did not. Its p value and
/// by how many times of what matters.
pub fn hidden(spec: &Spec, signal: &Signal, frame: &Frame, sides: &Sides) -> Option<(f64, f64)> {
    if frame.beside || sides.then.len() < LEAST || sides.then_before.len() < LEAST {
        return None;
    }
    let policy = &spec.policy;
    // Earlier days have to have moved the other way, beyond doubt.
    let then = two(signal, policy, &sides.then, &sides.then_before)?;
    if then.better >= 0.001 || then.badness(signal, policy) > -2.0 {
        return None;
    }
    let against = two(signal, policy, &sides.canary, &moved(signal, sides))?;
    let badness = against.badness(signal, policy);
    (badness >= 2.0).then_some(((2.0 * against.worse).min(1.0), badness))
}

/// Whether the last windows, too, are as earlier days would have it.
fn late_explained(
    spec: &Spec,
    signal: &Signal,
    frame: &Frame,
    sides: &Sides,
    moved: &[Point],
) -> bool {
    let half = sides.canary.get(sides.canary.len() / 2..).unwrap_or_default();
    let badness = if signal.kind == Kind::Ratio {
        let cut = |points: &[Point]| {
            sum(&shares(&windows(points, frame.from, frame.end, spec.policy.window)))
        };
        let effect = cut(half).rate() - cut(moved).rate();
        let towards = if signal.direction == Direction::Either {
            effect.abs()
        } else {
            sign(signal) * effect
        };
        towards / super::two::smallest(signal, &spec.policy)
    } else {
        let (a, b) = (values(half), values(moved));
        levels_alone(signal, &Sample::new(&a), &Sample::new(&b)).badness(signal, &spec.policy)
    };
    badness < 3.0
}

/// The baseline, moved by what earlier days moved between both windows: a ratio and
/// what is near nothing by the difference, the others by the factor.
fn moved(signal: &Signal, sides: &Sides) -> Vec<Point> {
    if signal.kind == Kind::Ratio {
        let rate = |points: &[Point]| {
            let (bad, total) = points
                .iter()
                .fold((0.0, 0.0), |(bad, total), point| (bad + point.value, total + point.total));
            Share { bad, total }.rate()
        };
        let rise = rate(&sides.then) - rate(&sides.then_before);
        return sides
            .baseline
            .iter()
            .map(|point| {
                let bad = (point.value + rise * point.total).clamp(0.0, point.total);
                Point { value: bad, ..*point }
            })
            .collect();
    }
    let middle = |points: &[Point]| crate::stats::robust::median(&values(points)).unwrap_or(0.0);
    let (then, before) = (middle(&sides.then), middle(&sides.then_before));
    let factor = then / before;
    let by_factor = factor.is_finite() && factor > 0.0 && before.abs() > 1e-12;
    sides
        .baseline
        .iter()
        .map(|point| {
            let value =
                if by_factor { point.value * factor } else { point.value + (then - before) };
            Point { value, ..*point }
        })
        .collect()
}
