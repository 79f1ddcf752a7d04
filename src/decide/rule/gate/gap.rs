//! Points that should be there and are not.

use super::skew::Times;
use crate::decide::clean::{between, clean};
use crate::decide::frame::{Extents, Frame};
use crate::decide::series::Point;
use crate::decide::spec::{Class, Role, Signal, Spec, State};
use crate::decide::text;

/// From which share of missing points on a signal that matters is in doubt.
const MISSING: f64 = 0.3;
/// The same for any other signal.
const MOSTLY_MISSING: f64 = 0.5;

/// Of fewer points than these one at each edge is not missed.
const FEW: i64 = 10;

/// What is missing of a signal.
pub fn signal(
    spec: &Spec,
    signal: &Signal,
    frame: &Frame,
    times: &Times,
    extents: Extents,
) -> Option<String> {
    let telling = signal.required || signal.critical || signal.class == Class::Reliability;
    let allowed = if telling { MISSING } else { MOSTLY_MISSING };
    let points = |role: Role| {
        signal.series.get(&role).map(|series| clean(series, signal.kind)).unwrap_or_default()
    };
    let canary = points(Role::Canary);
    let own = between(&canary, frame.start, frame.end);
    if own.is_empty() {
        return None;
    }
    let mut until = times.now;
    if let Some(length) = spec.windows.canary {
        let whole = frame.start.saturating_add(length);
        // What is done should have been watched for as long as was asked.
        let short = frame.end.saturating_sub(frame.start) < length * 7 / 10;
        until =
            if short && spec.deployment.state != State::Running { whole } else { until.min(whole) };
    }
    let usual = extents.canary.spacing?;
    let why = missing(spec, own, frame.start, until, usual, allowed, spec.windows.warmup);
    if let Some(why) = why {
        return Some(format!("the new version {why}"));
    }
    let baseline = points(Role::Baseline);
    let (from, to) = frame.baseline;
    let other = between(&baseline, from, to);
    let usual = extents.baseline.spacing?;
    let (first, last) = (other.first()?.at, other.last()?.at);
    let until = if frame.beside { times.now.min(to) } else { last };
    let begin = if frame.beside { first } else { from.max(first) };
    let why = missing(spec, other, begin, until, usual, MOSTLY_MISSING, 0)?;
    Some(format!("the baseline {why}"))
}

/// What is missing of points between two times.
fn missing(
    spec: &Spec,
    points: &[Point],
    from: i64,
    until: i64,
    usual: i64,
    allowed: f64,
    late: i64,
) -> Option<String> {
    let (first, last) = (points.first()?.at, points.last()?.at);
    let span = until.saturating_sub(from).max(1);
    let silent = until.saturating_sub(last);
    if silent > usual.saturating_mul(3).max(spec.policy.window) && silent * 10 > span {
        return Some(format!(
            "has no points after {}, for {}.",
            text::time(last),
            text::duration(silent)
        ));
    }
    let hole = points
        .iter()
        .zip(points.iter().skip(1))
        .map(|(one, next)| (next.at.saturating_sub(one.at), one.at))
        .max_by_key(|(length, at)| (*length, -*at));
    if let Some((length, at)) = hole
        && length > usual.saturating_mul(4)
        && length as f64 > allowed * span as f64
    {
        return Some(format!(
            "has no points from {} for {}.",
            text::time(at),
            text::duration(length)
        ));
    }
    // A process that is slow to start may be late.
    let begin = first.min(from.saturating_add(late)).max(from);
    let expected = (until.saturating_sub(begin) / usual).saturating_add(1).max(1);
    if expected < 5 {
        return None;
    }
    // Of few points the first and the last are much, and may fall just outside the window.
    let edge = |length: i64| (length / usual).clamp(0, i64::from(expected < FEW));
    let edges = edge(first.saturating_sub(begin)) + edge(until.saturating_sub(last));
    let expected = (expected - edges) as f64;
    let share = 1.0 - points.len() as f64 / expected;
    (share >= allowed).then(|| {
        format!(
            "has {} of {} points that were to be expected.",
            points.len(),
            text::number(expected)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_few_points_are_not_missed() {
        // Minutes of the points, the window's length in minutes, and whether any are missed.
        let cases: [(&str, &[i64], i64, bool); 9] = [
            ("all of five", &[0, 1, 2, 3, 4], 4, false),
            ("one at each end of five", &[1, 2, 3], 4, false),
            ("the first of five", &[1, 2, 3, 4], 4, false),
            ("within five", &[0, 1, 4], 4, true),
            ("within seven, and the ends", &[1, 3, 5], 6, true),
            ("one at each end of nine", &[1, 2, 3, 4, 5, 6, 7], 8, false),
            ("three at an end of nine", &[3, 4, 5, 6, 7, 8], 8, false),
            ("four at an end of nine", &[4, 5, 6, 7, 8], 8, true),
            ("every other of twenty", &[0, 2, 4, 6, 8, 10, 12, 14, 16, 18], 19, true),
        ];
        for (name, minutes, length, missed) in cases {
            let points: Vec<Point> = minutes
                .iter()
                .map(|at| Point { at: at * 60_000, value: 1.0, total: 0.0 })
                .collect();
            let why = missing(&Spec::default(), &points, 0, length * 60_000, 60_000, MISSING, 0);
            assert_eq!(why.is_some(), missed, "{name}: {why:?}");
        }
    }
}
