//! Whether one sample varies more than another.

use super::robust::{mean, quantile_of_sorted, sorted};
use super::tails::{chi_squared_above, f_above, normal_quantile};

/// A difference in spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Mean distance from the median of a over that of b; 1 where neither varies,
    /// infinite where only a does.
    pub ratio: f64,
    /// Two-sided p value.
    pub p: f64,
    /// The test's name in the literature.
    pub test: &'static str,
}

/// Distances from the own median, in the values' order; `None` of nothing.
fn distances(values: &[f64]) -> Option<Vec<f64>> {
    distances_of_sorted(&sorted(values))
}

fn distances_of_sorted(values: &[f64]) -> Option<Vec<f64>> {
    let middle = quantile_of_sorted(values, 0.5)?;
    Some(values.iter().map(|value| (value - middle).abs()).collect())
}

/// The ratio alone, of samples in order: what is quick of [`spread`].
pub fn ratio_of_sorted(a: &[f64], b: &[f64]) -> f64 {
    match (distances_of_sorted(a), distances_of_sorted(b)) {
        (Some(a), Some(b)) => ratio(&a, &b),
        _ => 1.0,
    }
}

/// Mean of `a` over mean of `b`.
fn ratio(a: &[f64], b: &[f64]) -> f64 {
    match (mean(a), mean(b)) {
        (Some(a), Some(b)) if b > 0.0 => (a / b).min(f64::MAX),
        (Some(a), Some(_)) if a > 0.0 => f64::INFINITY,
        _ => 1.0,
    }
}

/// Fligner and Killeen's test with medians (Conover, Johnson and Johnson 1981: the one
/// that heavy tails mislead least).
pub fn spread(a: &[f64], b: &[f64]) -> Spread {
    let test = "Fligner-Killeen";
    let nothing = Spread { ratio: 1.0, p: 1.0, test };
    let (Some(a), Some(b)) = (distances(a), distances(b)) else { return nothing };
    let ratio = ratio(&a, &b);
    let mut all: Vec<(f64, bool)> =
        a.iter().map(|x| (*x, true)).chain(b.iter().map(|x| (*x, false))).collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let count = all.len() as f64;
    let mut scores = Vec::with_capacity(all.len());
    let mut start = 0;
    while let Some((value, _)) = all.get(start) {
        let tied = all.iter().skip(start).take_while(|(other, _)| other == value).count();
        // The mid-rank of the tied ones, from 1.
        let rank = start as f64 + 0.5 * (tied + 1) as f64;
        let score = normal_quantile(0.5 + rank / (2.0 * (count + 1.0)));
        scores.extend(std::iter::repeat_n(score, tied));
        start += tied;
    }
    let whole = scores.iter().sum::<f64>() / count;
    let variance = scores.iter().map(|s| (s - whole).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    if variance <= 1e-20 || a.len() < 2 || b.len() < 2 {
        return Spread { ratio, p: 1.0, test };
    }
    let of_a: f64 =
        scores.iter().zip(&all).filter(|(_, (_, of_a))| *of_a).map(|(score, _)| score).sum();
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mean_a, mean_b) = (of_a / n, (whole * count - of_a) / m);
    let x = (n * (mean_a - whole).powi(2) + m * (mean_b - whole).powi(2)) / variance;
    Spread { ratio, p: chi_squared_above(x, 1.0), test }
}

/// Brown and Forsythe's test (1974): analysis of variance of the distances from the
/// medians.
pub fn brown_forsythe(a: &[f64], b: &[f64]) -> Spread {
    let test = "Brown-Forsythe";
    let nothing = Spread { ratio: 1.0, p: 1.0, test };
    let (Some(a), Some(b)) = (distances(a), distances(b)) else { return nothing };
    let ratio = ratio(&a, &b);
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (Some(mean_a), Some(mean_b)) = (mean(&a), mean(&b)) else { return nothing };
    let whole = (n * mean_a + m * mean_b) / (n + m);
    let between = n * (mean_a - whole).powi(2) + m * (mean_b - whole).powi(2);
    let within = a.iter().map(|x| (x - mean_a).powi(2)).sum::<f64>()
        + b.iter().map(|x| (x - mean_b).powi(2)).sum::<f64>();
    let freedom = n + m - 2.0;
    if freedom < 1.0 || between <= 0.0 || a.len() < 2 || b.len() < 2 {
        return Spread { ratio, p: 1.0, test };
    }
    let f = if within > 0.0 { freedom * between / within } else { f64::INFINITY };
    Spread { ratio, p: f_above(f, 1.0, freedom), test }
}
