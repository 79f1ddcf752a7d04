//! How far values of a series depend on the ones before, and what that leaves of
//! their number.

use super::location::{self, Shift};
use super::robust::mean;
use super::sample::Sample;

/// A series around its mean, ready for its autocorrelations.
struct Around {
    away: Vec<f64>,
    whole: f64,
}

impl Around {
    /// `None` where nothing varies.
    fn new(values: &[f64]) -> Option<Around> {
        let middle = mean(values)?;
        // Scaled by the largest, so that squares stay within range.
        let mut away: Vec<f64> = values.iter().map(|value| value - middle).collect();
        let largest = away.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        if largest <= 1e-12 * middle.abs() || !largest.is_finite() || largest <= 0.0 {
            return None;
        }
        away.iter_mut().for_each(|value| *value /= largest);
        let whole = away.iter().map(|value| value * value).sum();
        Some(Around { away, whole })
    }

    fn lag(&self, lag: usize) -> f64 {
        let later = self.away.get(lag..).unwrap_or_default();
        self.away.iter().zip(later).map(|(x, y)| x * y).sum::<f64>() / self.whole
    }
}

/// Autocorrelations of the lags 1 to `most`; empty where nothing varies.
pub fn autocorrelations(values: &[f64], most: usize) -> Vec<f64> {
    let Some(around) = Around::new(values) else { return Vec::new() };
    (1..=most.min(values.len().saturating_sub(1))).map(|lag| around.lag(lag)).collect()
}

/// Autocorrelation of neighbours; 0 where there is nothing to tell.
pub fn lag_one(values: &[f64]) -> f64 {
    autocorrelations(values, 1).first().copied().unwrap_or(0.0)
}

/// How many neighbouring values say the same thing: the integrated autocorrelation time
/// of a series, at least 1, by Geyer's initial positive sequence (1992) or as a
/// first-order process has it (its coefficient corrected for the small sample, Marriott
/// and Pope 1954), whichever is longer. A correlation within chance is none.
pub fn correlation_time(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    // What chance gives a single correlation (Bartlett 1946), in one of twenty, one-sided.
    let chance = 1.645 / count.sqrt();
    let Some(around) = Around::new(values) else { return 1.0 };
    let most = (values.len() / 3).clamp(2, 120).min(values.len().saturating_sub(1));
    let first = if most > 0 { around.lag(1) } else { 0.0 };
    if first <= chance {
        return 1.0;
    }
    let mut sum = 1.0 + first;
    for even in (2..most).step_by(2) {
        let pair = around.lag(even) + around.lag(even + 1);
        if pair <= 0.0 {
            break;
        }
        sum += pair;
    }
    let corrected = (first + (1.0 + 4.0 * first) / count).min(0.98);
    let of_first_order = (1.0 + corrected) / (1.0 - corrected);
    (2.0 * sum - 1.0).max(of_first_order).max(1.0)
}

/// How many independent values a series in time order is worth: n over the integrated
/// autocorrelation time of its ranks, at least 1 and at most n.
pub fn effective(values: &[f64]) -> f64 {
    Sample::new(values).effective()
}

/// Fewer values are worth their number.
pub(super) const LEAST: usize = 8;

/// What a series is worth whose ranks are these.
pub(super) fn effective_of_ranks(ranks: &[f64]) -> f64 {
    let count = ranks.len() as f64;
    (count / correlation_time(ranks)).clamp(1.0, count)
}

/// `location` of two series in time order, with each counted as many values as it is
/// worth.
pub fn location_over_time(a: &[f64], b: &[f64], confidence: f64) -> Shift {
    location_of(&Sample::new(a), &Sample::new(b), Some(confidence))
}

/// `location_over_time` of samples that are in order. Without a confidence its interval is
/// not worked out and is all there is.
pub fn location_of(a: &Sample, b: &Sample, confidence: Option<f64>) -> Shift {
    let worth = (a.effective(), b.effective());
    location::of_sorted(a.sorted(), b.sorted(), confidence, Some(worth))
}
