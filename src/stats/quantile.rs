//! Whether the upper end of one sample lies above that of another.

use super::proportion::{Share, proportions};
use super::robust::{quantile_of_sorted, sorted};
use super::tails::two_sided;

/// A difference of quantiles, a − b.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// The difference seen.
    pub difference: f64,
    /// Its interval at the confidence asked for.
    pub interval: [f64; 2],
    /// Two-sided p value.
    pub p: f64,
    /// p value of a's quantile being above.
    pub p_greater: f64,
    /// p value of a's quantile being below.
    pub p_less: f64,
    /// The test's name in the literature.
    pub test: &'static str,
}

/// Compares quantile `q` of both. The p values are those of the shares of both
/// above the quantile of all values (Johnson et al. 1987, the quantile test; with `q`
/// at one half it is Mood's median test); the interval is put together from those
/// of each side's order statistics (Zou and Donner 2008).
pub fn upper_quantile(a: &[f64], b: &[f64], q: f64, confidence: f64) -> Quantile {
    let test = "quantile";
    let (a, b) = (sorted(a), sorted(b));
    let q = if q.is_finite() { q.clamp(0.0, 1.0) } else { 0.5 };
    let mut all: Vec<f64> = a.iter().chain(&b).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let values = (quantile_of_sorted(&a, q), quantile_of_sorted(&b, q));
    let ((Some(of_a), Some(of_b)), Some(split)) = (values, quantile_of_sorted(&all, q)) else {
        let interval = [f64::NEG_INFINITY, f64::INFINITY];
        return Quantile { difference: 0.0, interval, p: 1.0, p_greater: 1.0, p_less: 1.0, test };
    };
    let above = |values: &[f64]| Share {
        bad: (values.len() - values.partition_point(|value| *value <= split)) as f64,
        total: values.len() as f64,
    };
    let compared = proportions(above(&a), above(&b), confidence);
    let z = two_sided(confidence);
    let ([low_a, high_a], [low_b, high_b]) = (ends(&a, q, z), ends(&b, q, z));
    let difference = of_a - of_b;
    let down = (of_a - low_a).hypot(high_b - of_b);
    let up = (high_a - of_a).hypot(of_b - low_b);
    Quantile {
        difference,
        interval: [difference - down, difference + up],
        p: compared.p,
        p_greater: compared.p_greater,
        p_less: compared.p_less,
        test,
    }
}

/// The order statistics between which a sample's quantile lies (normal approximation
/// of the binomial; Conover 1999, 3.2), interpolated; the ends of the sample bound them.
fn ends(values: &[f64], q: f64, z: f64) -> [f64; 2] {
    let count = values.len() as f64;
    let half = z * (q * (1.0 - q) / count).sqrt();
    let end = |q: f64| quantile_of_sorted(values, q).unwrap_or(0.0);
    [end(q - half), end(q + half)]
}
