//! Series as they came made fit for counting: sorted, each time once, what is missing
//! left out, and what is odd about them noted.

use std::borrow::Cow;

use super::series::Point;
use super::spec::Kind;
use crate::stats::counter;

/// The points of a signal in order of time, each time once, all numbers finite. Of
/// several points at one time the one with the largest total (then value) stands,
/// whatever order they came in.
///
/// Points that are so already are not copied.
pub fn clean(points: &[Point], kind: Kind) -> Cow<'_, [Point]> {
    let ascending = points.iter().zip(points.iter().skip(1)).all(|(one, next)| one.at < next.at);
    if ascending && points.iter().all(|point| sound(*point, kind) == Some(*point)) {
        return Cow::Borrowed(points);
    }
    let mut kept: Vec<Point> = points.iter().filter_map(|point| sound(*point, kind)).collect();
    kept.sort_by(|a, b| {
        a.at.cmp(&b.at).then(b.total.total_cmp(&a.total)).then(b.value.total_cmp(&a.value))
    });
    kept.dedup_by_key(|point| point.at);
    Cow::Owned(kept)
}

/// A point with its numbers within what they can mean; `None` for a missing one.
fn sound(point: Point, kind: Kind) -> Option<Point> {
    // Sums of squares must stay finite.
    const LARGEST: f64 = 1e100;
    let fits = |number: f64| number.is_finite() && number.abs() <= LARGEST;
    match kind {
        Kind::Ratio => {
            let Point { at, value, total } = point;
            let whole = fits(value) && fits(total) && value >= 0.0 && total >= 0.0;
            whole.then(|| Point { at, value: value.min(total), total })
        }
        Kind::Gauge => fits(point.value).then_some(Point { total: 0.0, ..point }),
        Kind::Counter => {
            (fits(point.value) && point.value >= 0.0).then_some(Point { total: 0.0, ..point })
        }
    }
}

/// A cleaned counter as its rate a second at the end of each step, and when it started
/// again from nothing.
pub fn rates(points: &[Point]) -> (Vec<Point>, Vec<i64>) {
    let pairs: Vec<(i64, f64)> = points.iter().map(|point| (point.at, point.value)).collect();
    let steps = counter::increments(&pairs);
    let resets = steps.iter().filter(|step| step.reset).map(|step| step.to).collect();
    let rates = steps
        .iter()
        .filter(|step| !step.reset)
        .map(|step| Point { at: step.to, value: step.rate(), total: 0.0 })
        .collect();
    (rates, resets)
}

/// The usual time between points in order, in milliseconds; `None` of fewer than two.
pub fn spacing(points: &[Point]) -> Option<i64> {
    let mut steps: Vec<i64> = points
        .iter()
        .zip(points.iter().skip(1))
        .map(|(one, next)| next.at.saturating_sub(one.at))
        .collect();
    let first = *steps.first()?;
    if steps.iter().all(|step| *step == first) {
        return Some(first.max(1));
    }
    let middle = (steps.len() - 1) / 2;
    Some((*steps.select_nth_unstable(middle).1).max(1))
}

/// How many points at the end lie so far behind all others that their times cannot be
/// right.
pub fn stray(points: &[Point]) -> usize {
    const HOUR: i64 = 3_600_000;
    let (Some(usual), Some(first)) = (spacing(points), points.first()) else { return 0 };
    let most = (points.len() / 10).max(1);
    if points.len() < 5 {
        return 0;
    }
    (1..=most)
        .rev()
        .find(|tail| {
            let (Some(last), Some(next)) =
                (points.get(points.len() - tail - 1), points.get(points.len() - tail))
            else {
                return false;
            };
            let span = last.at.saturating_sub(first.at);
            next.at.saturating_sub(last.at) > span.max(HOUR).max(usual.saturating_mul(20))
        })
        .unwrap_or(0)
}

/// The part of points in order whose times lie from `from` to before `to`.
pub fn between(points: &[Point], from: i64, to: i64) -> &[Point] {
    let first = points.partition_point(|point| point.at < from);
    let last = points.partition_point(|point| point.at < to);
    points.get(first..last).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(points: &[(i64, f64)]) -> Vec<Point> {
        let point = |(at, value): &(i64, f64)| Point { at: *at, value: *value, total: 0.0 };
        points.iter().map(point).collect()
    }

    #[test]
    fn points_in_any_order_twice_or_missing_clean_alike() {
        let points = gauge(&[(3, 1.0), (1, 5.0), (2, f64::NAN), (1, 4.0), (4, f64::INFINITY)]);
        assert_eq!(*clean(&points, Kind::Gauge), gauge(&[(1, 5.0), (3, 1.0)]));
        let mut turned = points;
        turned.reverse();
        assert_eq!(*clean(&turned, Kind::Gauge), gauge(&[(1, 5.0), (3, 1.0)]));
    }

    #[test]
    fn a_ratio_never_has_more_bad_than_there_are() {
        let points = [
            Point { at: 1, value: 7.0, total: 5.0 },
            Point { at: 2, value: -1.0, total: 5.0 },
            Point { at: 3, value: 1.0, total: f64::NAN },
            Point { at: 4, value: 0.0, total: 0.0 },
        ];
        let kept = clean(&points, Kind::Ratio);
        assert_eq!(kept.len(), 2);
        assert_eq!((kept[0].value, kept[1].total), (5.0, 0.0));
    }

    #[test]
    fn a_counter_becomes_a_rate_over_its_resets() {
        let (points, resets) =
            rates(&gauge(&[(0, 100.0), (1_000, 110.0), (2_000, 3.0), (3_000, 9.0)]));
        assert_eq!(points, gauge(&[(1_000, 10.0), (3_000, 6.0)]));
        assert_eq!(resets, [2_000]);
    }

    #[test]
    fn a_point_from_next_week_is_stray() {
        let mut points: Vec<(i64, f64)> = (0..30).map(|n| (n * 60_000, 1.0)).collect();
        assert_eq!(stray(&gauge(&points)), 0);
        points.push((604_800_000, 1.0));
        assert_eq!(stray(&gauge(&points)), 1);
    }
}
