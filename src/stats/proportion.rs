//! Shares of bad requests: bounds, differences and their tests.

use super::dependence::correlation_time;
use super::exact::fisher;
use super::tails::{beta_quantile, normal_above, t_above, t_two_sided, two_sided};

/// How many were bad, of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Share {
    /// How many were bad.
    pub bad: f64,
    /// Of how many.
    pub total: f64,
}

impl Share {
    /// `bad` / `total`; 0 of nothing.
    pub fn rate(self) -> f64 {
        if self.total > 0.0 { self.bad / self.total } else { 0.0 }
    }

    /// The same with 0 ≤ bad ≤ total, both numbers.
    fn clean(self) -> Share {
        let total = if self.total.is_finite() { self.total.max(0.0) } else { 0.0 };
        let bad = if self.bad.is_finite() { self.bad.clamp(0.0, total) } else { 0.0 };
        Share { bad, total }
    }
}

/// A difference of two shares, a − b.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// The difference seen.
    pub effect: f64,
    /// Its interval at the confidence asked for.
    pub interval: [f64; 2],
    /// Two-sided p value.
    pub p: f64,
    /// p value of a being above b.
    pub p_greater: f64,
    /// p value of a being below b.
    pub p_less: f64,
    /// The test's name in the literature.
    pub test: &'static str,
}

impl Compared {
    /// What there is to say without data.
    fn nothing() -> Compared {
        Compared {
            effect: 0.0,
            interval: [-1.0, 1.0],
            p: 1.0,
            p_greater: 1.0,
            p_less: 1.0,
            test: "none",
        }
    }
}

/// Below this many expected in any cell of the table the test is exact (Cochran 1954).
const EXACT_BELOW: f64 = 5.0;

/// Above this many good and bad ones, the exact bounds are told from Wilson's by
/// less than a hundredth of their width.
const LARGE: f64 = 5_000.0;

/// Bounds of a share: exact (Clopper and Pearson 1934), for large counts Wilson's
/// with continuity correction, which then are the same for all purposes.
/// Nothing seen gives [0, 1].
pub fn bounds(share: Share, confidence: f64) -> [f64; 2] {
    let Share { bad, total } = share.clean();
    if total <= 0.0 {
        return [0.0, 1.0];
    }
    let good = total - bad;
    if bad > LARGE && good > LARGE {
        return wilson(share.clean(), two_sided(confidence), true);
    }
    let tail = (1.0 - confidence.clamp(0.0, 1.0 - 1e-15)) / 2.0;
    let low = if bad <= 0.0 { 0.0 } else { beta_quantile(bad, good + 1.0, tail) };
    let high = if good <= 0.0 { 1.0 } else { beta_quantile(bad + 1.0, good, 1.0 - tail) };
    [low, high]
}

/// Wilson's score interval (1927), with Newcombe's continuity correction (1998).
fn wilson(share: Share, z: f64, corrected: bool) -> [f64; 2] {
    let (n, p) = (share.total, share.rate());
    let z2 = z * z;
    let below = 2.0 * (n + z2);
    let middle = 2.0 * n * p + z2;
    if corrected {
        let root = |sign: f64| {
            (z2 - 1.0 / n + 4.0 * n * p * (1.0 - p) + sign * (4.0 * p - 2.0)).max(0.0).sqrt()
        };
        let low = if p <= 0.0 { 0.0 } else { (middle - (z * root(1.0) + 1.0)) / below };
        let high = if p >= 1.0 { 1.0 } else { (middle + z * root(-1.0) + 1.0) / below };
        return [low.clamp(0.0, p), high.clamp(p, 1.0)];
    }
    let root = z * (z2 + 4.0 * n * p * (1.0 - p)).max(0.0).sqrt();
    [((middle - root) / below).clamp(0.0, p), ((middle + root) / below).clamp(p, 1.0)]
}

/// Newcombe's hybrid score interval of a difference (1998, method 10).
fn newcombe(a: Share, b: Share, z: f64) -> [f64; 2] {
    let ([low_a, high_a], [low_b, high_b]) = (wilson(a, z, false), wilson(b, z, false));
    let (p, q) = (a.rate(), b.rate());
    let down = ((p - low_a).powi(2) + (high_b - q).powi(2)).sqrt();
    let up = ((high_a - p).powi(2) + (q - low_b).powi(2)).sqrt();
    [(p - q - down).max(-1.0), (p - q + up).min(1.0)]
}

/// The least number expected in a cell if both shares were the same, and that share.
fn expected(a: Share, b: Share) -> (f64, f64) {
    let share = (a.bad + b.bad) / (a.total + b.total);
    (a.total.min(b.total) * share.min(1.0 - share), share)
}

/// The score statistic of a difference with pooled variance.
fn score(a: Share, b: Share, share: f64) -> f64 {
    let variance = share * (1.0 - share) * (1.0 / a.total + 1.0 / b.total);
    if variance > 0.0 { (a.rate() - b.rate()) / variance.sqrt() } else { 0.0 }
}

/// Compares two shares, a − b: Newcombe's hybrid score interval, and Fisher's exact
/// test or, where at least five are expected in each cell, the score test.
pub fn proportions(a: Share, b: Share, confidence: f64) -> Compared {
    compare(a.clean(), b.clean(), confidence, None)
}

/// `proportions` of cleaned shares, with Student's t in place of the normal
/// distribution where the dispersion was estimated with so many degrees of freedom.
fn compare(a: Share, b: Share, confidence: f64, freedom: Option<f64>) -> Compared {
    if a.total <= 0.0 || b.total <= 0.0 {
        return Compared::nothing();
    }
    let z = freedom.map_or_else(|| two_sided(confidence), |f| t_two_sided(confidence, f));
    let effect = a.rate() - b.rate();
    let interval = newcombe(a, b, z);
    let (least, share) = expected(a, b);
    if share <= 0.0 || share >= 1.0 {
        return Compared { effect: 0.0, interval, ..Compared::nothing() };
    }
    if least < EXACT_BELOW {
        let whole = |side: Share| (side.bad.round(), side.total.round().max(side.bad.round()));
        let ((bad_a, total_a), (bad_b, total_b)) = (whole(a), whole(b));
        let exact = fisher(bad_a, total_a, bad_b, total_b);
        return Compared {
            effect,
            interval,
            p: exact.two_sided,
            p_greater: exact.greater,
            p_less: exact.less,
            test: "Fisher exact",
        };
    }
    let z = score(a, b, share);
    let above = |z: f64| freedom.map_or_else(|| normal_above(z), |f| t_above(z, f));
    Compared {
        effect,
        interval,
        p: (2.0 * above(z.abs())).min(1.0),
        p_greater: above(z),
        p_less: above(-z),
        test: if freedom.is_some() { "score, overdispersed" } else { "score" },
    }
}

/// How much more windows differ among each other than chance alone explains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dispersion {
    /// The factor of the variance, at least 1.
    pub factor: f64,
    /// Degrees of freedom it was estimated with; 0 if there were none.
    pub freedom: f64,
}

/// Pearson's estimate of overdispersion (McCullagh and Nelder 1989, 4.5), times the
/// residuals' autocorrelation time, so that bursts over several windows count as one.
pub fn dispersion(sides: &[&[Share]]) -> Dispersion {
    let (mut sum, mut windows, mut freedom) = (0.0, 0.0, 0.0);
    for side in sides {
        let side: Vec<Share> =
            side.iter().map(|share| share.clean()).filter(|share| share.total > 0.0).collect();
        let total: f64 = side.iter().map(|share| share.total).sum();
        let bad: f64 = side.iter().map(|share| share.bad).sum();
        if side.len() < 2 || bad <= 0.0 || bad >= total {
            continue;
        }
        let rate = bad / total;
        let residuals: Vec<f64> = side
            .iter()
            .map(|share| {
                (share.bad - share.total * rate) / (share.total * rate * (1.0 - rate)).sqrt()
            })
            .collect();
        let time = if side.len() < 8 { 1.0 } else { correlation_time(&residuals) };
        sum += time * residuals.iter().map(|r| r * r).sum::<f64>();
        windows += (side.len() - 1) as f64;
        freedom += ((side.len() as f64) / time - 1.0).max(1.0);
    }
    if windows <= 0.0 {
        return Dispersion { factor: 1.0, freedom: 0.0 };
    }
    let factor = (sum / windows).max(1.0);
    Dispersion { factor: if factor.is_finite() { factor } else { 1.0 }, freedom }
}

/// Compares the windows of both sides pooled, a − b, with the overdispersion
/// between windows of a side allowed for: the counts are divided by its factor
/// (quasi-likelihood, Wedderburn 1974), and its own uncertainty by Student's t.
pub fn pooled(a: &[Share], b: &[Share], confidence: f64) -> Compared {
    let sum = |side: &[Share]| {
        side.iter().fold(Share::default(), |sum, share| {
            let share = share.clean();
            Share { bad: sum.bad + share.bad, total: sum.total + share.total }
        })
    };
    let Dispersion { factor, freedom } = dispersion(&[a, b]);
    let scale = |share: Share| Share { bad: share.bad / factor, total: share.total / factor };
    let freedom = (factor > 1.0 && freedom >= 1.0).then_some(freedom);
    compare(scale(sum(a)), scale(sum(b)), confidence, freedom)
}
