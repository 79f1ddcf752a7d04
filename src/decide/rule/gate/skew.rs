//! Clocks that do not agree: nothing can be compared over time then.

use crate::decide::frame::{AHEAD, Extents, Frame};
use crate::decide::spec::Spec;
use crate::decide::text;

/// When series end, over all signals.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The last point of all that can be right, of either version where both run.
    pub now: i64,
}

impl Times {
    /// Of these series.
    pub fn new(frame: &Frame, extents: &[Extents]) -> Self {
        let mut now = frame.end.saturating_sub(1);
        if frame.beside {
            let lasts = extents.iter().flat_map(|both| [both.canary, both.baseline]);
            let near = lasts
                .filter(|extent| extent.count > 0)
                .map(|extent| extent.last)
                .filter(|last| last.saturating_sub(now) <= AHEAD);
            now = near.max().unwrap_or(now).max(now);
        }
        Times { now }
    }
}

/// What is wrong with a signal's times.
pub fn signal(spec: &Spec, frame: &Frame, times: &Times, extents: Extents) -> Option<String> {
    const HOUR: i64 = 3_600_000;
    let Extents { canary, baseline } = extents;
    if canary.stray + baseline.stray > 0 {
        let many = canary.stray + baseline.stray;
        return Some(format!("{many} points lie far in the future of all others."));
    }
    if canary.count == 0 {
        return None;
    }
    let usual = canary.spacing.unwrap_or(60_000).clamp(1_000, 5 * 60_000);
    if spec.deployment.started_at.is_some() {
        let early = frame.start.saturating_sub(canary.first);
        if early > usual {
            return Some(format!(
                "the new version has points from {}, {} before it started at {}.",
                text::time(canary.first),
                text::duration(early),
                text::time(frame.start)
            ));
        }
        let late = canary.first.saturating_sub(frame.start);
        let span = canary.last.saturating_sub(canary.first);
        if late > HOUR.max(spec.windows.warmup).max(span) {
            return Some(format!(
                "the new version's first point is from {}, {} after its start.",
                text::time(canary.first),
                text::duration(late)
            ));
        }
    }
    if canary.last.saturating_sub(times.now) > AHEAD {
        return Some(format!(
            "the new version's points end {} after those of other signals.",
            text::duration(canary.last.saturating_sub(times.now))
        ));
    }
    let beside = spec.deployment.strategy.is_some_and(|strategy| strategy.runs_beside());
    let apart = baseline.last < canary.first || baseline.first > canary.last;
    if beside && baseline.count > 0 && apart {
        return Some(format!(
            "the baseline is said to run beside the new version, but it has points from {} to {} \
             and the new version from {} to {}.",
            text::time(baseline.first),
            text::time(baseline.last),
            text::time(canary.first),
            text::time(canary.last)
        ));
    }
    if baseline.count > 0 && baseline.last.saturating_sub(times.now) > AHEAD {
        return Some(format!(
            "the baseline's points end {} after the new version's.",
            text::duration(baseline.last.saturating_sub(times.now))
        ));
    }
    None
}
