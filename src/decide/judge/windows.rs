//! A ratio's points put together into windows.

use crate::decide::series::Point;
use crate::stats::Share;

/// Points of one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// When it begins.
    pub at: i64,
    /// How many points it has.
    pub points: usize,
    /// Their sum.
    pub share: Share,
}

/// Windows of a length from a time on, those without points left out. A last one of less
/// than half the length is added to the one before.
pub fn windows(points: &[Point], from: i64, end: i64, length: i64) -> Vec<Window> {
    let length = length.max(1);
    let mut windows: Vec<Window> = Vec::new();
    let mut last_index = None;
    for point in points {
        let index = point.at.saturating_sub(from).div_euclid(length);
        let begins = from.saturating_add(index.saturating_mul(length));
        // Of an ordinary window, so that a short rest at the end joins it.
        let rest = end.saturating_sub(begins) < length / 2;
        match windows.last_mut() {
            Some(window) if last_index == Some(index) || rest => {
                window.points += 1;
                window.share.bad += point.value;
                window.share.total += point.total;
            }
            _ => {
                let share = Share { bad: point.value, total: point.total };
                windows.push(Window { at: begins, points: 1, share });
                last_index = Some(index);
            }
        }
    }
    windows
}

/// Medians of windows of a length, as [`windows`] cuts them.
pub fn medians(points: &[Point], from: i64, end: i64, length: i64) -> Vec<f64> {
    let mut medians = Vec::new();
    let mut rest = points;
    for window in windows(points, from, end, length) {
        let (own, later) = rest.split_at(window.points.min(rest.len()));
        let values: Vec<f64> = own.iter().map(|point| point.value).collect();
        medians.extend(crate::stats::robust::median(&values));
        rest = later;
    }
    medians
}

/// The shares of windows.
pub fn shares(windows: &[Window]) -> Vec<Share> {
    windows.iter().map(|window| window.share).collect()
}

/// The sum of shares.
pub fn sum(shares: &[Share]) -> Share {
    shares.iter().fold(Share::default(), |sum, share| Share {
        bad: sum.bad + share.bad,
        total: sum.total + share.total,
    })
}

/// The longest run of `true`, and the one at the end.
pub fn runs(flags: impl IntoIterator<Item = bool>) -> (usize, usize) {
    let (mut longest, mut current) = (0, 0);
    for flag in flags {
        current = if flag { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    (longest, current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_rest_joins_the_window_before() {
        let points: Vec<Point> =
            (0..=10).map(|n| Point { at: n * 60_000, value: 1.0, total: 10.0 }).collect();
        let windows = windows(&points, 0, 600_001, 300_000);
        let counts: Vec<usize> = windows.iter().map(|window| window.points).collect();
        assert_eq!(counts, [5, 6]);
        assert_eq!(windows[1].share, Share { bad: 6.0, total: 60.0 });
    }

    #[test]
    fn runs_are_counted_at_the_end_and_anywhere() {
        for (flags, expect) in [
            (vec![], (0, 0)),
            (vec![true, true, false], (2, 0)),
            (vec![true, false, true, true], (2, 2)),
        ] {
            assert_eq!(runs(flags.clone()), expect, "{flags:?}");
        }
    }
}
