//! Two sets of a signal's points against each other: the test by the signal's kind.

use super::windows::{shares, sum, windows};
use crate::decide::series::Point;
use crate::decide::spec::{Direction, Kind, Policy, Signal};
use crate::stats::proportion::dispersion;
use crate::stats::{Sample, Share, dependence, proportion, tails};

/// Confidence of all intervals and bounds.
pub const CONFIDENCE: f64 = 0.95;
/// A gauge with fewer points on a side is not judged.
pub const LEAST_POINTS: usize = 4;

/// What came out, `a` against `b`.
#[derive(Debug, Clone, Copy)]
pub struct Two {
    /// The test.
    pub test: &'static str,
    /// The difference: absolute of a ratio, relative to `b` of the others.
    pub effect: f64,
    /// Its interval.
    pub interval: [f64; 2],
    /// p value of `a` being worse.
    pub worse: f64,
    /// p value of `a` being better.
    pub better: f64,
    /// Level of `a`.
    pub a: f64,
    /// Level of `b`.
    pub b: f64,
}

impl Two {
    /// How far `a` is on the worse side, in multiples of what matters. To pass a gauge's
    /// limit that `b` keeps always matters.
    pub fn badness(&self, signal: &Signal, policy: &Policy) -> f64 {
        let sign = sign(signal);
        let passes = signal.kind != Kind::Ratio
            && signal
                .limit
                .is_some_and(|limit| sign * self.a > sign * limit && sign * self.b <= sign * limit);
        let least = if passes { 2.0 } else { f64::NEG_INFINITY };
        let towards = match signal.direction {
            Direction::Lower => self.effect,
            Direction::Higher => -self.effect,
            Direction::Either => self.effect.abs(),
        };
        (towards / smallest(signal, policy)).max(least)
    }

    /// Whether `a` is worse beyond doubt and by this many times of what matters.
    pub fn clearly_worse(&self, signal: &Signal, policy: &Policy, times: f64) -> bool {
        let badness = self.badness(signal, policy);
        badness >= times && (self.worse < 0.001 || self.worse < 0.02 && badness >= 2.0 * times)
    }
}

/// The smallest difference of a signal that matters; never nothing.
pub fn smallest(signal: &Signal, policy: &Policy) -> f64 {
    let smallest =
        if signal.kind == Kind::Ratio { policy.practical_ratio } else { policy.practical_gauge };
    smallest.max(1e-12)
}

/// +1 where more is worse, −1 where less is.
pub fn sign(signal: &Signal) -> f64 {
    if signal.direction == Direction::Higher { -1.0 } else { 1.0 }
}

/// The values of points.
pub fn values(points: &[Point]) -> Vec<f64> {
    points.iter().map(|point| point.value).collect()
}

/// Compares two sets of points in order of time; `None` where one is too small for it.
pub fn two(signal: &Signal, policy: &Policy, a: &[Point], b: &[Point]) -> Option<Two> {
    if signal.kind == Kind::Ratio {
        let (a, b) = (parts(a, policy), parts(b, policy));
        let enough = |shares: &[Share]| sum(shares).total >= 20.0;
        (enough(&a) && enough(&b)).then(|| ratios(signal, &a, &b, None))
    } else {
        if a.len() < LEAST_POINTS || b.len() < LEAST_POINTS {
            return None;
        }
        Some(levels(signal, &Sample::new(&values(a)), &Sample::new(&values(b))))
    }
}

/// A ratio's points in parts by which overdispersion is estimated: windows, but two dozen
/// where there are fewer, so that the estimate itself is worth something.
pub fn parts(points: &[Point], policy: &Policy) -> Vec<Share> {
    const LEAST: i64 = 24;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let end = last.at.saturating_add(1);
    let length = policy.window.min(end.saturating_sub(first.at) / LEAST);
    shares(&windows(points, first.at, end, length))
}

/// Compares windows of a ratio. `factor` is the overdispersion where it is known better
/// than from both sides' own windows.
pub fn ratios(signal: &Signal, a: &[Share], b: &[Share], factor: Option<f64>) -> Two {
    let (whole_a, whole_b) = (sum(a), sum(b));
    let compared = match factor {
        None => proportion::pooled(a, b, CONFIDENCE),
        Some(factor) => {
            let scaled =
                |share: Share| Share { bad: share.bad / factor, total: share.total / factor };
            proportion::proportions(scaled(whole_a), scaled(whole_b), CONFIDENCE)
        }
    };
    let (worse, better) = oriented(signal, compared.p, compared.p_greater, compared.p_less);
    Two {
        test: compared.test,
        effect: whole_a.rate() - whole_b.rate(),
        interval: compared.interval,
        worse,
        better,
        a: whole_a.rate(),
        b: whole_b.rate(),
    }
}

/// The overdispersion of a side's windows.
pub fn factor(windows: &[Share]) -> f64 {
    if windows.len() < 3 { 1.0 } else { dispersion(&[windows]).factor.max(1.0) }
}

/// Compares levels, allowing for what points owe to their neighbours.
pub fn levels(signal: &Signal, a: &Sample, b: &Sample) -> Two {
    compared(signal, a, b, Some(CONFIDENCE))
}

/// [`levels`] with an interval that leaves everything open, for where nobody asks for it.
pub fn levels_alone(signal: &Signal, a: &Sample, b: &Sample) -> Two {
    compared(signal, a, b, None)
}

fn compared(signal: &Signal, a: &Sample, b: &Sample, confidence: Option<f64>) -> Two {
    let shift = dependence::location_of(a, b, confidence);
    let (middle_a, middle_b) = (a.median().unwrap_or(0.0), b.median().unwrap_or(0.0));
    let scale = scale(a, b);
    let (worse, better) = oriented(signal, shift.p, shift.p_greater, shift.p_less);
    Two {
        test: shift.test,
        effect: shift.shift / scale,
        interval: shift.interval.map(|end| end / scale),
        worse,
        better,
        a: middle_a,
        b: middle_b,
    }
}

/// What a difference is relative to: the baseline's median, its mean size where that is
/// nothing, or else the new version's own size.
pub fn scale(a: &Sample, b: &Sample) -> f64 {
    scale_by(b, || a.size())
}

/// [`scale`] where the new version's own size is perhaps never asked for.
pub fn scale_by(b: &Sample, own: impl FnOnce() -> f64) -> f64 {
    let told = |size: &f64| *size > 1e-300;
    Some(b.median().unwrap_or(0.0).abs())
        .filter(told)
        .or_else(|| Some(b.size()).filter(told))
        .or_else(|| Some(own()).filter(told))
        .unwrap_or(1.0)
}

fn oriented(signal: &Signal, p: f64, greater: f64, less: f64) -> (f64, f64) {
    match signal.direction {
        Direction::Lower => (greater, less),
        Direction::Higher => (less, greater),
        Direction::Either => (p, 1.0),
    }
}

/// A p value as if it came from fewer values: its z shrunk by the root of their share.
pub fn deflated(p: f64, share: f64) -> f64 {
    if share >= 1.0 || p >= 0.5 || p <= 0.0 {
        return p;
    }
    tails::normal_above(-tails::normal_quantile(p) * share.max(0.0).sqrt())
}
