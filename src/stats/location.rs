//! Whether one sample lies above another, and by how much.

use super::robust::{median, sorted};
use super::select::Differences;
use super::tails::{normal_above, t_above, t_two_sided, two_sided};

/// A shift of a against b.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Hodges and Lehmann's estimate: the median of all differences a − b.
    pub shift: f64,
    /// Its interval at the confidence asked for.
    pub interval: [f64; 2],
    /// Two-sided p value.
    pub p: f64,
    /// p value of a lying above b.
    pub p_greater: f64,
    /// p value of a lying below b.
    pub p_less: f64,
    /// Cliff's delta: P(a > b) − P(a < b).
    pub delta: f64,
    /// The test's name in the literature.
    pub test: &'static str,
}

impl Shift {
    /// What there is to say without data.
    fn nothing() -> Shift {
        Shift {
            shift: 0.0,
            interval: [f64::NEG_INFINITY, f64::INFINITY],
            p: 1.0,
            p_greater: 1.0,
            p_less: 1.0,
            delta: 0.0,
            test: "none",
        }
    }
}

/// Up to so many values together the permutation distribution is counted out.
const EXACT_UP_TO: usize = 24;

/// Two samples in order with what their ranks tell.
struct Ranked<'v> {
    a: &'v [f64],
    b: &'v [f64],
    /// Pairs with a above b, ties counted half (Mann and Whitney's U).
    above: f64,
    /// Sum of t³ − t over groups of t equal values.
    ties: f64,
    /// Twice the mid-rank of each value of both, and whether it is of a.
    ranks: Vec<(usize, bool)>,
}

impl<'v> Ranked<'v> {
    /// Of samples in order; `None` if one side is empty.
    fn new(a: &'v [f64], b: &'v [f64]) -> Option<Self> {
        if a.is_empty() || b.is_empty() {
            return None;
        }
        let count = a.len() + b.len();
        let mut ranks = Vec::with_capacity(count);
        let (mut i, mut j, mut done) = (0, 0, 0);
        let (mut above, mut ties) = (0.0, 0.0);
        while done < count {
            let value = match (a.get(i), b.get(j)) {
                (Some(x), Some(y)) => x.min(*y),
                (Some(x), None) => *x,
                (None, Some(y)) => *y,
                (None, None) => break,
            };
            let of_a = a.iter().skip(i).take_while(|x| **x == value).count();
            let of_b = b.iter().skip(j).take_while(|y| **y == value).count();
            above += of_a as f64 * (j as f64 + 0.5 * of_b as f64);
            let tied = of_a + of_b;
            let t = tied as f64;
            ties += t * t * t - t;
            let rank = 2 * done + tied + 1;
            ranks.extend(std::iter::repeat_n((rank, true), of_a));
            ranks.extend(std::iter::repeat_n((rank, false), of_b));
            (i, j, done) = (i + of_a, j + of_b, done + tied);
        }
        Some(Ranked { a, b, above, ties, ranks })
    }

    /// The standard deviation of U if both were the same, corrected for ties.
    fn deviation(&self) -> f64 {
        let (n, m) = (self.a.len() as f64, self.b.len() as f64);
        let all = n + m;
        let tied = if all > 1.0 { self.ties / (all * (all - 1.0)) } else { 0.0 };
        (n * m / 12.0 * (all + 1.0 - tied)).max(0.0).sqrt()
    }

    /// One-sided p values by counting all ways to deal the ranks out (greater, less).
    fn permutations(&self) -> (f64, f64) {
        // The rank sum of the smaller side tells all.
        let of_a = self.a.len() <= self.b.len();
        let size = self.a.len().min(self.b.len());
        let most: usize = self.ranks.iter().map(|(rank, _)| rank).sum();
        let seen: usize = self.ranks.iter().filter(|(_, a)| *a == of_a).map(|(rank, _)| rank).sum();
        let width = most + 1;
        let mut ways = vec![0.0_f64; (size + 1) * width];
        if let Some(first) = ways.first_mut() {
            *first = 1.0;
        }
        for (taken, (rank, _)) in self.ranks.iter().enumerate() {
            for chosen in (0..size.min(taken + 1)).rev() {
                let (from, to) = ways.split_at_mut((chosen + 1) * width);
                let from = &from[chosen * width..];
                for (to, from) in to[*rank..width].iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
        let last = &ways[size * width..];
        let all: f64 = last.iter().sum();
        let high = (last[seen..].iter().sum::<f64>() / all).min(1.0);
        let low = (last[..=seen].iter().sum::<f64>() / all).min(1.0);
        if of_a { (high, low) } else { (low, high) }
    }

    /// Hodges and Lehmann's estimate with the interval that belongs to the test
    /// (Lehmann 1975), `reach` deviations to either side; all there is without one.
    fn estimate(&self, reach: Option<f64>) -> (f64, [f64; 2]) {
        let pairs = self.a.len() * self.b.len();
        let mut differences = Differences::new(self.a, self.b);
        let mut at = |rank: usize| differences.at(rank.min(pairs - 1)).clamp(f64::MIN, f64::MAX);
        let middle = if pairs % 2 == 1 {
            at(pairs / 2)
        } else {
            0.5 * at(pairs / 2 - 1) + 0.5 * at(pairs / 2)
        };
        let Some(reach) = reach else { return (middle, Shift::nothing().interval) };
        let cut = 0.5 * pairs as f64 - reach * self.deviation();
        let cut = cut.floor().max(0.0) as usize;
        let low = at(cut.saturating_sub(1));
        let high = at(pairs - cut.clamp(1, pairs));
        (middle, [low.min(middle), high.max(middle)])
    }
}

/// Compares two samples by Mann and Whitney's test (exact by counting permutations
/// where both together are few, ties included; else normal with corrections for ties and
/// continuity), with Hodges and Lehmann's shift and Cliff's delta. O(n log n).
pub fn location(a: &[f64], b: &[f64], confidence: f64) -> Shift {
    of_sorted(&sorted(a), &sorted(b), Some(confidence), None)
}

/// `location` where values hang together over time, so that they count only as
/// `effective` (a, b) many: the statistic's deviation is as that of so many values,
/// and it is referred to Student's t.
pub fn location_dependent(a: &[f64], b: &[f64], effective: (f64, f64), confidence: f64) -> Shift {
    of_sorted(&sorted(a), &sorted(b), Some(confidence), Some(effective))
}

/// The same of samples in order. Without a confidence the interval is not worked out.
pub(super) fn of_sorted(
    a: &[f64],
    b: &[f64],
    confidence: Option<f64>,
    effective: Option<(f64, f64)>,
) -> Shift {
    let Some(ranked) = Ranked::new(a, b) else { return Shift::nothing() };
    let (n, m) = (ranked.a.len() as f64, ranked.b.len() as f64);
    let deflated = effective.and_then(|(of_a, of_b)| {
        let (of_a, of_b) = (of_a.clamp(1.0, n), of_b.clamp(1.0, m));
        let wide = ((1.0 / of_a + 1.0 / of_b) / (1.0 / n + 1.0 / m)).sqrt();
        (wide > 1.0 + 1e-9).then_some((wide, (of_a + of_b - 2.0).max(1.0)))
    });
    let (wide, freedom) = deflated.unwrap_or((1.0, f64::INFINITY));
    let z = |confidence: f64| {
        if freedom.is_finite() { t_two_sided(confidence, freedom) } else { two_sided(confidence) }
    };
    let (shift, interval) = ranked.estimate(confidence.map(|confidence| z(confidence) * wide));
    let delta = (2.0 * ranked.above / (n * m) - 1.0).clamp(-1.0, 1.0);
    let result = |p_greater: f64, p_less: f64, test| Shift {
        shift,
        interval,
        p: (2.0 * p_greater.min(p_less)).min(1.0),
        p_greater,
        p_less,
        delta,
        test,
    };
    if deflated.is_none() && ranked.ranks.len() <= EXACT_UP_TO {
        let (greater, less) = ranked.permutations();
        return result(greater, less, "Mann-Whitney exact");
    }
    let deviation = ranked.deviation() * wide;
    if deviation <= 0.0 {
        return result(1.0, 1.0, "Mann-Whitney");
    }
    let above = |u: f64| {
        let z = (u - 0.5 * n * m - 0.5) / deviation;
        if freedom.is_finite() { t_above(z, freedom) } else { normal_above(z) }
    };
    let test = if deflated.is_some() { "Mann-Whitney, autocorrelated" } else { "Mann-Whitney" };
    result(above(ranked.above), above(n * m - ranked.above), test)
}

/// Brunner and Munzel's test (2000), which also holds where the spreads differ. Where
/// the samples do not overlap at all it has no variance, and Mann and Whitney's
/// p values are given.
pub fn brunner_munzel(a: &[f64], b: &[f64], confidence: f64) -> Shift {
    let plain = location(a, b, confidence);
    let (a, b) = (sorted(a), sorted(b));
    let (n, m) = (a.len() as f64, b.len() as f64);
    // Of each value its mean place among the other sample.
    let places = |own: &[f64], other: &[f64]| -> Vec<f64> {
        own.iter()
            .map(|value| {
                let less = other.partition_point(|o| o < value);
                let upto = other.partition_point(|o| o <= value);
                0.5 * (less + upto) as f64
            })
            .collect()
    };
    let (of_a, of_b) = (places(&a, &b), places(&b, &a));
    let variance = |values: &[f64]| super::robust::variance(values).unwrap_or(0.0);
    let (va, vb) = (variance(&of_a), variance(&of_b));
    let spread = n * va + m * vb;
    if a.len() < 2 || b.len() < 2 || spread <= 0.0 {
        return plain;
    }
    let above = of_a.iter().sum::<f64>() / (n * m);
    let t = (above - 0.5) * n * m / spread.sqrt();
    let below = (n * va).powi(2) / (n - 1.0) + (m * vb).powi(2) / (m - 1.0);
    let freedom = if below > 0.0 { spread.powi(2) / below } else { n + m - 2.0 };
    let (p_greater, p_less) = (t_above(t, freedom), t_above(-t, freedom));
    Shift {
        p: (2.0 * p_greater.min(p_less)).min(1.0),
        p_greater,
        p_less,
        test: "Brunner-Munzel",
        ..plain
    }
}

/// The relative difference of medians, a / b − 1; `None` without data or with b at 0.
pub fn relative(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (median(a)?, median(b)?);
    (b != 0.0).then(|| (a - b) / b.abs()).filter(|ratio| ratio.is_finite())
}
