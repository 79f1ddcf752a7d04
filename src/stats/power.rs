//! The smallest difference that a comparison of this size could have seen.

use super::proportion::Share;
use super::tails::two_sided;

/// The z of a power: the chance to see what is there.
fn z_of_power(power: f64) -> f64 {
    -super::tails::normal_quantile(1.0 - power.clamp(0.5, 1.0 - 1e-15))
}

/// The smallest rise of a share above the baseline's that `total` requests would show
/// at this confidence (two-sided) with this power; `None` without requests (Fleiss 1981,
/// 3.2, solved by halving). At most 1.
pub fn smallest_share(baseline: Share, total: f64, confidence: f64, power: f64) -> Option<f64> {
    if baseline.total <= 0.0 || total <= 0.0 || !(baseline.total + total).is_finite() {
        return None;
    }
    let (z, w) = (two_sided(confidence), z_of_power(power));
    let share = baseline.rate().clamp(0.0, 1.0);
    let seen = |rise: f64| {
        let raised = (share + rise).min(1.0);
        let both = (share * baseline.total + raised * total) / (baseline.total + total);
        let null = both * (1.0 - both) * (1.0 / total + 1.0 / baseline.total);
        let other = share * (1.0 - share) / baseline.total + raised * (1.0 - raised) / total;
        rise >= z * null.sqrt() + w * other.sqrt()
    };
    let (mut low, mut high) = (0.0, 1.0 - share);
    if !seen(high) {
        return Some(1.0);
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if seen(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The smallest shift, in standard deviations, that samples of these (effective) sizes
/// would show (Lehmann 1975: ranks lose 3/π against means); `None` of empty ones.
pub fn smallest_shift(of_a: f64, of_b: f64, confidence: f64, power: f64) -> Option<f64> {
    if of_a <= 0.0 || of_b <= 0.0 || !(of_a + of_b).is_finite() {
        return None;
    }
    let z = two_sided(confidence) + z_of_power(power);
    Some(z * ((1.0 / of_a + 1.0 / of_b) * std::f64::consts::PI / 3.0).sqrt())
}
