//! Whether two samples are of one shape at all.

use super::robust::sorted;

/// A difference of distributions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// The greatest distance between the two distribution functions.
    pub distance: f64,
    /// Two-sided p value.
    pub p: f64,
    /// The test's name in the literature.
    pub test: &'static str,
}

/// Up to so many pairs the p value is counted out.
const EXACT_UP_TO: usize = 10_000;

/// Kolmogorov and Smirnov's test of two samples: exact by counting paths where the
/// samples are small (Hodges 1958), else by the limiting distribution. With ties it is
/// on the safe side.
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> Shape {
    let (a, b) = (sorted(a), sorted(b));
    let (n, m) = (a.len(), b.len());
    if n == 0 || m == 0 {
        return Shape { distance: 0.0, p: 1.0, test: "none" };
    }
    let (mut i, mut j) = (0, 0);
    // In units of 1 / (n m), so that it is exact.
    let mut farthest = 0_usize;
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let value = x.min(*y);
        while a.get(i).is_some_and(|x| *x <= value) {
            i += 1;
        }
        while b.get(j).is_some_and(|y| *y <= value) {
            j += 1;
        }
        farthest = farthest.max((i * m).abs_diff(j * n));
    }
    let distance = farthest as f64 / (n * m) as f64;
    if n * m <= EXACT_UP_TO {
        return Shape { distance, p: exact(n, m, farthest), test: "Kolmogorov-Smirnov exact" };
    }
    let size = (n as f64 * m as f64 / (n + m) as f64).sqrt();
    Shape { distance, p: limit(size * distance), test: "Kolmogorov-Smirnov" }
}

/// The share of paths through the lattice that reach the distance `farthest`, which is
/// in units of 1 / (n m).
fn exact(n: usize, m: usize, farthest: usize) -> f64 {
    if farthest == 0 {
        return 1.0;
    }
    // The probability that a path through (i, j) has reached it; each step's share is
    // that of the paths which come by it.
    let mut row = vec![0.0_f64; m + 1];
    for i in 0..=n {
        for j in 0..=m {
            let reached = (i * m).abs_diff(j * n) >= farthest;
            let value = if reached {
                1.0
            } else {
                let from_left = if j > 0 { row[j - 1] } else { 0.0 };
                let from_below = if i > 0 { row[j] } else { 0.0 };
                let all = (i + j).max(1) as f64;
                (i as f64 * from_below + j as f64 * from_left) / all
            };
            row[j] = value;
        }
    }
    row.last().copied().unwrap_or(1.0).clamp(0.0, 1.0)
}

/// Kolmogorov's limiting distribution, P(K > x).
fn limit(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0;
    }
    let mut sum = 0.0;
    for k in 1..=100 {
        let k = f64::from(k);
        let term = (-2.0 * k * k * x * x).exp();
        sum += if k % 2.0 == 1.0 { term } else { -term };
        if term < 1e-17 {
            break;
        }
    }
    (2.0 * sum).clamp(0.0, 1.0)
}
