//! Whether a series goes up or down over time, how fast, and when it reaches a limit.

use super::dependence::{autocorrelations, correlation_time, lag_one};
use super::robust::{mad, median};
use super::tails::{t_above, t_two_sided};

/// A trend over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Theil and Sen's slope, in the value's unit a second.
    pub slope: f64,
    /// The line's value at second 0.
    pub intercept: f64,
    /// The slope's interval at 95% (Sen 1968).
    pub interval: [f64; 2],
    /// Two-sided p value (Mann and Kendall, with the variance corrected for
    /// autocorrelation after Hamed and Rao 1998).
    pub p: f64,
    /// Kendall's tau-b, −1 to 1.
    pub tau: f64,
}

impl Trend {
    /// No trend at a level.
    fn level(value: f64) -> Trend {
        Trend { slope: 0.0, intercept: value, interval: [0.0, 0.0], p: 1.0, tau: 0.0 }
    }

    /// The line's value at a second.
    pub fn at(&self, second: f64) -> f64 {
        self.intercept + self.slope * second
    }

    /// The second at which the line reaches a limit; `None` if it does not move.
    pub fn reaches(&self, limit: f64) -> Option<f64> {
        let second = (limit - self.intercept) / self.slope;
        (self.slope != 0.0 && second.is_finite()).then_some(second)
    }
}

/// Longer series are brought to so many blocks of equal length in points, each told by
/// its medians: what takes pairs stays quick, and neighbours depend less on each other.
const BLOCKS: usize = 180;

/// The trend of points (second, value), in any order. Fewer than three tell of none.
pub fn trend(points: &[(f64, f64)]) -> Trend {
    let (start, points) = in_blocks(points);
    of_blocks(start, &points)
}

/// The trend of points whose tau is `least` or more; `None` of all others, which is told
/// without its slopes.
pub fn trend_of_tau(points: &[(f64, f64)], least: f64) -> Option<Trend> {
    let (start, points) = in_blocks(points);
    let mut score = Score::default();
    for (index, one) in points.iter().enumerate() {
        points.iter().skip(index + 1).for_each(|later| score.add(*one, *later));
    }
    (score.tau(points.len()) >= least).then(|| of_blocks(start, &points))
}

/// What pairs of points say.
#[derive(Debug, Clone, Copy, Default)]
struct Score {
    /// Pairs that rise less those that fall.
    sum: i64,
    tied_values: i64,
    tied_times: i64,
}

impl Score {
    fn add(&mut self, (at, value): (f64, f64), (later, other): (f64, f64)) {
        let same_time = later - at <= 0.0;
        self.tied_values += i64::from(other == value);
        self.tied_times += i64::from(same_time);
        let way = i64::from(other > value) - i64::from(other < value);
        self.sum += if same_time { 0 } else { way };
    }

    /// Kendall's tau-b of so many points.
    fn tau(&self, count: usize) -> f64 {
        let count = count as f64;
        let pairs = 0.5 * count * (count - 1.0);
        let below =
            ((pairs - self.tied_values as f64) * (pairs - self.tied_times as f64)).max(0.0).sqrt();
        if below > 0.0 { (self.sum as f64 / below).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

/// The points in order and in blocks, and the second from which on theirs are counted.
fn in_blocks(points: &[(f64, f64)]) -> (f64, Vec<(f64, f64)>) {
    let mut points: Vec<(f64, f64)> =
        points.iter().copied().filter(|(at, value)| at.is_finite() && value.is_finite()).collect();
    points.sort_by(|x, y| x.0.total_cmp(&y.0));
    // From the first on, so that seconds since 1970 lose no digits.
    let start = points.first().map_or(0.0, |point| point.0);
    (start, blocks(&points, start))
}

fn of_blocks(start: f64, points: &[(f64, f64)]) -> Trend {
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let Some(middle) = median(&values) else { return Trend::level(0.0) };
    if points.len() < 3 {
        return Trend::level(middle);
    }
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    let mut score = Score::default();
    for (index, (at, value)) in points.iter().enumerate() {
        for (later, other) in points.iter().skip(index + 1) {
            let apart = later - at;
            score.add((*at, *value), (*later, *other));
            if apart > 0.0 {
                slopes.push((other - value) / apart);
            }
        }
    }
    if slopes.is_empty() {
        return Trend::level(middle);
    }
    let last = slopes.len() - 1;
    let mut at = |rank: f64| {
        let rank = rank.clamp(0.0, last as f64) as usize;
        finite(*slopes.select_nth_unstable_by(rank, f64::total_cmp).1)
    };
    let half = 0.5 * (last + 1) as f64;
    let slope = 0.5 * at((0.5 * last as f64).floor()) + 0.5 * at((0.5 * last as f64).ceil());
    let rest: Vec<f64> = points.iter().map(|(at, value)| value - slope * at).collect();
    let intercept = median(&rest).unwrap_or(middle) - slope * start;
    let count = points.len() as f64;
    let tau = score.tau(points.len());
    let inflation = inflation(&values, &rest);
    let deviation = (variance(&values) * inflation).sqrt();
    let freedom = if inflation > 1.0 { (count / inflation).max(2.0) } else { f64::INFINITY };
    let (mut p, mut reach) = (1.0, 0.0);
    if deviation > 0.0 {
        let z = ((score.sum.abs() - 1).max(0)) as f64 / deviation;
        p = (2.0 * t_above(z, freedom)).min(1.0);
        reach = t_two_sided(0.95, freedom) * deviation;
    }
    let interval = [
        at((half - 0.5 * reach).floor() - 1.0).min(slope),
        at((half + 0.5 * reach).ceil()).max(slope),
    ];
    Trend { slope, intercept: finite(intercept), interval, p, tau }
}

/// A value that overflowed brought back to the largest.
fn finite(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) }
}

/// The points with seconds from `start` on, brought to `BLOCKS` if they are more.
fn blocks(points: &[(f64, f64)], start: f64) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(BLOCKS).max(1);
    points
        .chunks(size)
        .filter_map(|block| {
            let at: Vec<f64> = block.iter().map(|point| point.0 - start).collect();
            let value: Vec<f64> = block.iter().map(|point| point.1).collect();
            Some((median(&at)?, median(&value)?))
        })
        .collect()
}

/// The variance of Kendall's score if there is no trend, with ties.
fn variance(values: &[f64]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let values = super::robust::sorted(values);
    let ties: f64 = values.chunk_by(|x, y| x == y).map(|group| term(group.len() as f64)).sum();
    ((term(values.len() as f64) - ties) / 18.0).max(0.0)
}

/// Hamed and Rao's factor of the variance, from the autocorrelations of what is left
/// without the trend; at least 1, since the correction must not find trends.
fn inflation(values: &[f64], rest: &[f64]) -> f64 {
    let (varies, left) = (mad(values).unwrap_or(0.0), mad(rest).unwrap_or(0.0));
    if left <= 1e-9 * varies {
        // All but a straight line: what is left is rounding.
        return 1.0;
    }
    let n = rest.len() as f64;
    let chance = 1.96 / n.sqrt();
    let mut sum = 0.0;
    for (index, r) in autocorrelations(rest, rest.len() / 3).into_iter().enumerate() {
        let k = (index + 1) as f64;
        if r.abs() > chance {
            sum += (n - k) * (n - k - 1.0) * (n - k - 2.0) * r;
        }
    }
    let factor = 1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * sum;
    // Their sum of significant lags alone calls a trend too often in short red noise: as a
    // first-order process has it, the coefficient corrected for what the line took away.
    let first = lag_one(rest);
    let corrected = (first + (2.0 + 4.0 * first) / n).clamp(0.0, 0.95);
    let factor = factor.max(correlation_time(rest)).max((1.0 + corrected) / (1.0 - corrected));
    if factor.is_finite() { factor.max(1.0) } else { 1.0 }
}
