//! What a judge after Kayenta's published one (`NetflixACAJudge`, Apache-2.0) says of
//! the same data: Mann and Whitney's interval of the shift beyond a quarter of the
//! shift's estimate at 98%, effect sizes, critical metrics, and the share of metrics
//! that pass. It is a measure to compare with and no part of the product.
//!
//! It follows Kayenta where that differs from textbooks: the interval's ends and the
//! estimate are roots of the test's statistic found to within 0.0001, whatever the
//! metric's scale, and constant samples get noise.

#![allow(dead_code, reason = "each program that includes this file uses a part of it")]

use pipewright::stats::tails::normal_quantile;

/// Which way a metric may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Increase,
    Decrease,
    Either,
}

/// A metric's classification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    Pass,
    High,
    Low,
    Nodata,
    Error,
}

/// What a metric is classified by; the default is what the judge sets.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub tolerance: f64,
    pub confidence: f64,
    /// A decrease or an increase to these effect sizes is allowed.
    pub allowed: (f64, f64),
    /// From these on a critical metric fails the canary.
    pub critical_at: (f64, f64),
    /// Common language effect size in place of the ratio of means.
    pub cles: bool,
    pub direction: Direction,
    pub critical: bool,
    /// Missing values are 0 instead of left out.
    pub replace: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            tolerance: 0.25,
            confidence: 0.98,
            allowed: (1.0, 1.0),
            critical_at: (1.0, 1.0),
            cles: false,
            direction: Direction::Either,
            critical: false,
            replace: false,
        }
    }
}

/// What came of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Classified {
    pub label: Label,
    pub critical: bool,
    /// Ratio of means; NaN if one is 0.
    pub deviation: f64,
}

/// Classifies a metric; NaN is a missing value.
pub fn classify(experiment: &[f64], control: &[f64], settings: &Settings) -> Classified {
    let missing = |values: &[f64]| -> Vec<f64> {
        if settings.replace {
            values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect()
        } else {
            values.iter().copied().filter(|value| !value.is_nan()).collect()
        }
    };
    let (mut experiment, mut control) = (missing(experiment), missing(control));
    let pass = Classified { label: Label::Pass, critical: false, deviation: 1.0 };
    if experiment.is_empty() || control.is_empty() {
        if settings.replace {
            return pass;
        }
        return Classified { label: Label::Nodata, critical: settings.critical, ..pass };
    }
    experiment.sort_by(f64::total_cmp);
    control.sort_by(f64::total_cmp);
    let constant = |values: &[f64]| values.first() == values.last();
    if experiment == control {
        return pass;
    }
    if constant(&experiment) && constant(&control) {
        if experiment.first() == control.first() {
            return pass;
        }
        add_noise(&mut experiment);
        add_noise(&mut control);
    }
    let Some([low, high, estimate]) = interval(&experiment, &control, settings.confidence) else {
        return Classified { label: Label::Error, critical: settings.critical, ..pass };
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (of_experiment, of_control) = (mean(&experiment), mean(&control));
    let deviation = if of_experiment == 0.0 || of_control == 0.0 {
        f64::NAN
    } else {
        of_experiment / of_control
    };
    let effect = if settings.cles { above(&experiment, &control) } else { deviation };
    let bound = settings.tolerance * estimate.abs();
    let either = settings.direction == Direction::Either;
    let up = either || settings.direction == Direction::Increase;
    let down = either || settings.direction == Direction::Decrease;
    // An effect size that cannot be computed is left out of account.
    let label = if up && low > bound && (effect.is_nan() || effect >= settings.allowed.1) {
        Label::High
    } else if down && high < -bound && (effect.is_nan() || effect <= settings.allowed.0) {
        Label::Low
    } else {
        Label::Pass
    };
    let critical = settings.critical
        && match label {
            Label::High => effect.is_nan() || effect >= settings.critical_at.1,
            Label::Low => effect.is_nan() || effect <= settings.critical_at.0,
            _ => false,
        };
    Classified { label, critical, deviation }
}

/// Noise of a hundred thousandth of a constant sample's value: normal quantiles, so
/// that it is the same each time.
fn add_noise(values: &mut [f64]) {
    let count = values.len() as f64;
    for (index, value) in values.iter_mut().enumerate() {
        *value += *value * 1e-5 * normal_quantile((index as f64 + 0.5) / count);
    }
    values.sort_by(f64::total_cmp);
}

/// The share of pairs with the experiment above, ties counted half.
fn above(experiment: &[f64], control: &[f64]) -> f64 {
    let pairs: f64 = experiment
        .iter()
        .map(|value| {
            let less = control.partition_point(|other| other < value);
            let upto = control.partition_point(|other| other <= value);
            0.5 * (less + upto) as f64
        })
        .sum();
    pairs / (experiment.len() * control.len()) as f64
}

/// The test's statistic for samples in order with `mu` taken from the experiment; `None`
/// where all values are tied.
fn statistic(mu: f64, experiment: &[f64], control: &[f64]) -> Option<f64> {
    let (n, m) = (experiment.len() as f64, control.len() as f64);
    let (mut i, mut j) = (0, 0);
    let (mut pairs, mut ties) = (0.0, 0.0);
    while i < experiment.len() || j < control.len() {
        let x = experiment.get(i).map_or(f64::INFINITY, |value| value - mu);
        let y = control.get(j).copied().unwrap_or(f64::INFINITY);
        let value = x.min(y);
        let (from_i, from_j) = (i, j);
        while experiment.get(i).is_some_and(|other| other - mu == value) {
            i += 1;
        }
        while control.get(j).is_some_and(|other| *other == value) {
            j += 1;
        }
        if i == from_i && j == from_j {
            return None;
        }
        let (of_x, of_y) = ((i - from_i) as f64, (j - from_j) as f64);
        pairs += of_x * (from_j as f64 + 0.5 * of_y);
        ties += (of_x + of_y).powi(3) - (of_x + of_y);
    }
    let away = pairs - 0.5 * n * m;
    let correction = if away == 0.0 { 0.0 } else { 0.5 * away.signum() };
    let variance = n * m / 12.0 * (n + m + 1.0 - ties / ((n + m) * (n + m - 1.0)));
    (variance > 0.0).then(|| (away - correction) / variance.sqrt())
}

/// The interval's ends and the estimate of the shift.
fn interval(experiment: &[f64], control: &[f64], confidence: f64) -> Option<[f64; 3]> {
    let low = experiment.first()? - control.last()?;
    let high = experiment.last()? - control.first()?;
    let z = normal_quantile((1.0 - confidence) / 2.0);
    let (at_low, at_high) =
        (statistic(low, experiment, control)?, statistic(high, experiment, control)?);
    let end = |z: f64| {
        if at_low - z <= 0.0 {
            Some(low)
        } else if at_high - z >= 0.0 {
            Some(high)
        } else {
            root([low, high], [at_low - z, at_high - z], |mu| {
                statistic(mu, experiment, control).map(|value| value - z)
            })
        }
    };
    let ends = (end(-z)?, end(z)?);
    let estimate = root([low, high], [at_low, at_high], |mu| statistic(mu, experiment, control))?;
    Some([ends.0, ends.1, estimate])
}

/// A root between two places by Brent's method (1973, chapter 4), to within 0.0001. The
/// statistic is a step function, so where it ends depends on the way there: steps and
/// bounds are those of the published algorithm.
fn root(
    [mut last, mut best]: [f64; 2],
    [mut of_last, mut of_best]: [f64; 2],
    f: impl Fn(f64) -> Option<f64>,
) -> Option<f64> {
    const ZERO: f64 = f64::MIN_POSITIVE;
    if of_last.abs() < ZERO {
        return Some(last);
    }
    if of_best.abs() < ZERO {
        return Some(best);
    }
    // The root lies between `best` and `other`; `last` is the best one before.
    let (mut other, mut of_other) = (last, of_last);
    for _ in 0..1_001 {
        let before = best - last;
        if of_other.abs() < of_best.abs() {
            (last, best, other) = (best, other, best);
            (of_last, of_best, of_other) = (of_best, of_other, of_best);
        }
        let slack = 2.0 * f64::EPSILON * best.abs() + 0.5e-4;
        let half = 0.5 * (other - best);
        if half.abs() <= slack || of_best.abs() < ZERO {
            return Some(best);
        }
        let mut step = half;
        if before.abs() >= slack && of_last.abs() > of_best.abs() {
            let width = other - best;
            let s = of_best / of_last;
            let (p, q) = if last == other {
                (width * s, 1.0 - s)
            } else {
                let (t, u) = (of_last / of_other, of_best / of_other);
                (
                    s * (width * t * (t - u) - (best - last) * (u - 1.0)),
                    (t - 1.0) * (u - 1.0) * (s - 1.0),
                )
            };
            let (p, q) = if p > 0.0 { (p, -q) } else { (-p, q) };
            if p < 0.75 * width * q - 0.5 * (slack * q).abs() && p < (0.5 * before * q).abs() {
                step = p / q;
            }
        }
        if step.abs() < slack {
            step = if step > 0.0 { slack } else { -slack };
        }
        (last, of_last) = (best, of_best);
        best += step;
        of_best = f(best)?;
        if of_best * of_other > 0.0 {
            (other, of_other) = (last, of_last);
        }
    }
    Some(best)
}

/// Kayenta's other classifier, which compares means.
pub fn by_means(experiment: &[f64], control: &[f64]) -> Label {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    if experiment.is_empty() || control.is_empty() {
        return Label::Nodata;
    }
    match mean(experiment).total_cmp(&mean(control)) {
        std::cmp::Ordering::Greater => Label::High,
        std::cmp::Ordering::Less => Label::Low,
        std::cmp::Ordering::Equal => Label::Pass,
    }
}

/// The score of a canary with its metrics in one group, 0 to 100.
pub fn score(metrics: &[Classified]) -> f64 {
    if metrics.iter().any(|metric| metric.critical && metric.label != Label::Pass) {
        return 0.0;
    }
    let count = |label: Label| metrics.iter().filter(|metric| metric.label == label).count() as f64;
    if count(Label::Nodata) / metrics.len().max(1) as f64 >= 0.5 {
        return 0.0;
    }
    let passed = count(Label::Pass);
    let all = passed + count(Label::High) + count(Label::Low);
    if all > 0.0 { 100.0 * passed / all } else { 100.0 }
}

/// From this score on a canary passes, and from this one on it is marginal.
pub const PASS: f64 = 75.0;
pub const MARGINAL: f64 = 50.0;
