//! Which times are compared: where the new version's window begins and ends, and where
//! the baseline's lies.

use super::clean;
use super::series::Point;
use super::spec::{Role, Signal, Spec};

/// The times of a comparison, in milliseconds since 1970. A window is from its first to
/// before its second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// When the new version began to run.
    pub start: i64,
    /// When its warm-up is over.
    pub from: i64,
    /// Behind the last point that is judged.
    pub end: i64,
    /// Whether the baseline is measured at the same time.
    pub beside: bool,
    /// The baseline's window.
    pub baseline: (i64, i64),
    /// Whether the warm-up is all there is, so that it is judged instead of nothing.
    pub only_warmup: bool,
}

/// What is known of a series before anything is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Points with a value.
    pub count: usize,
    /// The first one's time.
    pub first: i64,
    /// The last one's time, stray ones left out.
    pub last: i64,
    /// The usual time between them.
    pub spacing: Option<i64>,
    /// How many at the end cannot be right.
    pub stray: usize,
}

/// The extents of a signal's own series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extents {
    /// The new version's.
    pub canary: Extent,
    /// The baseline's.
    pub baseline: Extent,
}

/// The extent of a cleaned series.
pub fn extent(points: &[Point]) -> Extent {
    let stray = clean::stray(points);
    let kept = points.get(..points.len() - stray).unwrap_or_default();
    Extent {
        count: kept.len(),
        first: kept.first().map_or(0, |point| point.at),
        last: kept.last().map_or(0, |point| point.at),
        spacing: clean::spacing(kept),
        stray,
    }
}

/// The extents of a signal's series.
pub fn extents(signal: &Signal) -> Extents {
    let of = |role: Role| {
        signal
            .series
            .get(&role)
            .map(|points| extent(&clean::clean(points, signal.kind)))
            .unwrap_or_default()
    };
    Extents { canary: of(Role::Canary), baseline: of(Role::Baseline) }
}

/// The times of a spec's comparison. Without `started_at` the new version starts with
/// its first point; "now" is the last one.
pub fn frame(spec: &Spec, extents: &[Extents]) -> Frame {
    let canaries = || extents.iter().map(|both| both.canary).filter(|extent| extent.count > 0);
    let baselines = || extents.iter().map(|both| both.baseline).filter(|extent| extent.count > 0);
    let first = canaries().map(|extent| extent.first).min();
    let start = spec.deployment.started_at.or(first).unwrap_or(0);
    let from = start.saturating_add(spec.windows.warmup);
    let last = now(canaries().map(|extent| extent.last).collect()).unwrap_or(start);
    let mut end = last.saturating_add(1).max(start);
    if let Some(length) = spec.windows.canary {
        // A point that stands at the window's very end belongs to it.
        end = end.min(start.saturating_add(length).saturating_add(1));
    }
    let only_warmup = end <= from && end > start && first.is_some();
    let from = if only_warmup { start } else { from };
    // Told from the times where it is left out: beside it if half of the baselines or more
    // have points after the start.
    let beside = match spec.deployment.strategy {
        Some(strategy) => strategy.runs_beside(),
        None => {
            let beside = baselines().filter(|extent| extent.last > from).count();
            beside > 0 && 2 * beside >= baselines().count()
        }
    };
    // A rolling deployment whose baseline is only known from the same time is compared
    // with that.
    let any_before = baselines().any(|extent| extent.first < start);
    let beside = beside || (!any_before && baselines().count() > 0);
    let baseline = if beside {
        (from, end)
    } else {
        let length = spec.windows.baseline.unwrap_or(i64::MAX);
        (start.saturating_sub(length), start)
    };
    Frame { start, from, end, beside, baseline, only_warmup }
}

/// The last time of all that is not far ahead of the others.
fn now(mut lasts: Vec<i64>) -> Option<i64> {
    lasts.sort_unstable();
    let middle = *lasts.get((lasts.len().saturating_sub(1)) / 2)?;
    lasts.into_iter().rfind(|last| last.saturating_sub(middle) <= AHEAD)
}

/// How far a series may end after the others before its clock is in doubt.
pub const AHEAD: i64 = 6 * 3_600_000;
