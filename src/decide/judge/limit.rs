//! How a signal stands to its limit.

use super::sides::Sides;
use super::two::{CONFIDENCE, factor, parts, sign};
use super::windows::{Window, medians, runs, shares, sum, windows};
use crate::decide::frame::Frame;
use crate::decide::series::Point;
use crate::decide::spec::{Kind, Signal, Spec};
use crate::stats::{Share, proportion};

/// How a signal stands to its limit. All false without one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limit {
    /// Whether the new version as a whole, or its last windows, lie beyond it.
    pub beyond: bool,
    /// Whether their confidence bound does, too.
    pub surely: bool,
    /// Whether `consecutive` windows in a row were beyond it, and the last ones
    /// together still are.
    pub persistent: bool,
    /// Whether all windows at the end, `consecutive` at least, are beyond it.
    pub to_the_end: bool,
    /// Whether its last points are.
    pub at_the_end: bool,
    /// Windows beyond it.
    pub windows: usize,
    /// Windows in all.
    pub of: usize,
    /// When the windows at the end that are beyond it begin.
    pub since: Option<i64>,
}

/// Measures the new version by its limit.
pub fn limit(spec: &Spec, signal: &Signal, frame: &Frame, sides: &Sides) -> Limit {
    let Some(limit) = signal.limit else { return Limit::default() };
    let sign = sign(signal);
    let beyond = |value: f64| sign * value > sign * limit;
    let cut = windows(&sides.canary, frame.from, frame.end, spec.policy.window);
    let consecutive = spec.policy.consecutive.max(1) as usize;
    let found = if signal.kind == Kind::Ratio {
        ratio(&cut, &sides.canary, spec, beyond, sign, limit)
    } else {
        let middles = medians(&sides.canary, frame.from, frame.end, spec.policy.window);
        let flags: Vec<bool> = middles.iter().map(|middle| beyond(*middle)).collect();
        let (longest, last) = runs(flags.iter().copied());
        let late = middles.len() - middles.len().min(consecutive);
        let still = crate::stats::robust::median(middles.get(late..).unwrap_or_default())
            .is_some_and(beyond);
        let whole = super::two::values(&sides.canary);
        Limit {
            beyond: crate::stats::robust::median(&whole).is_some_and(beyond) || last >= consecutive,
            surely: last >= consecutive,
            persistent: longest >= consecutive && still,
            to_the_end: last >= consecutive,
            at_the_end: false,
            windows: flags.iter().filter(|flag| **flag).count(),
            of: flags.len(),
            since: begin(&cut, last),
        }
    };
    let tail = sides.canary.len() - sides.canary.len().min(3);
    let at_the_end = sides.canary.len() >= 3
        && sides.canary.get(tail..).unwrap_or_default().iter().all(|point| {
            let value = match signal.kind {
                Kind::Ratio => Share { bad: point.value, total: point.total }.rate(),
                _ => point.value,
            };
            beyond(value)
        });
    Limit { at_the_end, ..found }
}

fn begin(cut: &[Window], last: usize) -> Option<i64> {
    let first = cut.len().checked_sub(last).filter(|_| last > 0)?;
    cut.get(first).map(|window| window.at)
}

fn ratio(
    cut: &[Window],
    points: &[Point],
    spec: &Spec,
    beyond: impl Fn(f64) -> bool,
    sign: f64,
    limit: f64,
) -> Limit {
    let consecutive = spec.policy.consecutive.max(1) as usize;
    let least = spec.policy.min_requests.max(1) as f64;
    let all = shares(cut);
    let flags: Vec<bool> =
        all.iter().map(|share| share.total >= least && beyond(share.rate())).collect();
    let (longest, last) = runs(flags.iter().copied());
    let tail = |count: usize| all.get(all.len() - all.len().min(count)..).unwrap_or_default();
    let surely = |part: &[Share], points: &[Point]| {
        let (whole, factor) = (sum(part), factor(&parts(points, &spec.policy)));
        let scaled = Share { bad: whole.bad / factor, total: whole.total / factor };
        let [low, high] = proportion::bounds(scaled, CONFIDENCE);
        let bound = if sign > 0.0 { low } else { high };
        whole.total > 0.0 && beyond(whole.rate()) && sign * bound > sign * limit
    };
    let whole = sum(&all);
    let run = if last >= consecutive { tail(last) } else { &[] };
    let count: usize = cut.iter().rev().take(run.len()).map(|window| window.points).sum();
    let of_run = points.get(points.len() - points.len().min(count)..).unwrap_or_default();
    Limit {
        beyond: whole.total > 0.0 && (beyond(whole.rate()) || !run.is_empty()),
        surely: surely(&all, points) || surely(run, of_run),
        persistent: longest >= consecutive && beyond(sum(tail(consecutive)).rate()),
        to_the_end: last >= consecutive,
        at_the_end: false,
        windows: flags.iter().filter(|flag| **flag).count(),
        of: flags.len(),
        since: begin(cut, last),
    }
}
