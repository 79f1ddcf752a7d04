//! Growth without end: memory, connections, queues that never come down.

use super::sides::Sides;
use crate::decide::frame::Frame;
use crate::decide::series::Point;
use crate::decide::spec::{Class, Signal};
use crate::stats::trend::trend_of_tau;
use crate::stats::{Trend, robust, trend};

/// A series that grows and does not settle, while the baseline does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leak {
    /// p value of the growth.
    pub p: f64,
    /// How much it grew in the window, relative to its level at the start.
    pub growth: f64,
    /// Whether its last points are beyond the limit.
    pub reached: bool,
    /// In how many milliseconds after the window it reaches the limit.
    pub reaches_in: Option<i64>,
}

/// Growth that ends beyond the limit within this time matters now.
const HORIZON: i64 = 12 * 3_600_000;

impl Leak {
    /// Whether it is so fast that it matters; `practical` is the smallest relative change
    /// that does.
    pub fn matters(&self, practical: f64) -> bool {
        let soon = self.reaches_in.is_some_and(|time| time <= HORIZON);
        self.reached || (soon && self.growth >= practical) || self.growth >= 2.0 * practical
    }
}

fn pairs(points: &[Point], from: i64) -> Vec<(f64, f64)> {
    points
        .iter()
        .map(|point| (point.at.saturating_sub(from) as f64 / 1000.0, point.value))
        .collect()
}

fn of(points: &[Point], from: i64) -> Trend {
    trend(&pairs(points, from))
}

/// Whether the new version's series grows without end.
pub fn leak(signal: &Signal, frame: &Frame, sides: &Sides) -> Option<Leak> {
    const LEAST: usize = 8;
    let canary = &sides.canary;
    if canary.len() < LEAST || matches!(signal.class, Class::Traffic | Class::Business) {
        return None;
    }
    // Latencies wander; what never turns back is another thing.
    let straight = if signal.class == Class::Latency { 0.9 } else { 0.5 };
    let own = trend_of_tau(&pairs(canary, frame.from), straight)?;
    if own.p >= 0.001 || own.slope <= 0.0 {
        return None;
    }
    let (first, last) = canary.split_at(canary.len() / 2);
    // What fills up and then stays is a fresh process, not a leak.
    if of(last, frame.from).slope < 0.35 * of(first, frame.from).slope {
        return None;
    }
    for other in [&sides.baseline, &sides.then] {
        if other.len() >= LEAST {
            let other = of(other, frame.from);
            if other.p < 0.05 && other.interval[1] >= 0.5 * own.slope {
                return None;
            }
        }
    }
    let (begin, end) = (canary.first()?.at, canary.last()?.at);
    let seconds = end.saturating_sub(begin) as f64 / 1000.0;
    let values: Vec<f64> = canary.iter().map(|point| point.value.abs()).collect();
    let level = own.at(begin.saturating_sub(frame.from) as f64 / 1000.0).abs();
    let level = level.max(0.05 * robust::median(&values)?).max(f64::MIN_POSITIVE);
    let now = own.at(end.saturating_sub(frame.from) as f64 / 1000.0);
    let tail = canary.get(canary.len() - 3..)?;
    let reached = signal.limit.is_some_and(|limit| tail.iter().all(|point| point.value > limit));
    let reaches_in = signal.limit.filter(|limit| *limit > now).map(|limit| {
        let milliseconds = 1000.0 * (limit - now) / own.slope;
        milliseconds.min(1e15) as i64
    });
    Some(Leak { p: own.p, growth: own.slope * seconds / level, reached, reaches_in })
}
