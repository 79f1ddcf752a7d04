//! Tails and quantiles of the distributions that tests refer to.
//!
//! The incomplete beta function is our own: a continued fraction (Abramowitz and
//! Stegun 26.5.8, by Lentz's method) that goes on until it has settled, since
//! shares come with millions of requests.

use statrs::function::erf::{erfc, erfc_inv};
use statrs::function::gamma::{checked_gamma_ur, ln_gamma};

/// From this many degrees of freedom on, Student's t is taken for normal.
const MANY: f64 = 1e7;

/// P(Z > z) of the standard normal distribution.
pub fn normal_above(z: f64) -> f64 {
    if z.is_nan() {
        return 1.0;
    }
    (0.5 * erfc(z / std::f64::consts::SQRT_2)).clamp(0.0, 1.0)
}

/// The value that a standard normal variable stays below with probability `p`,
/// which is held within (1e-300, 1 − 1e-16).
pub fn normal_quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p.clamp(1e-300, 1.0 - 1.2e-16))
}

/// z such that a normal variable is within ±z with probability `confidence`.
pub fn two_sided(confidence: f64) -> f64 {
    let confidence = if confidence.is_finite() { confidence.clamp(0.0, 1.0 - 1e-15) } else { 0.95 };
    -normal_quantile((1.0 - confidence) / 2.0)
}

/// The regularized incomplete beta function I_x(a, b); `a` and `b` above 0.
pub fn beta_below(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x.is_nan() {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // x^a (1 − x)^b / B(a, b), as a binomial mass: that keeps its digits where a and b
    // are in the millions.
    let front = binomial_mass(a, a + b, x) * a * b / (a + b);
    let value = if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    };
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.5 }
}

/// The mass of a binomial distribution at `k` of `n` (not necessarily whole) with share
/// `p` within (0, 1), after Loader (2000): from deviances, so that large counts cancel
/// no digits.
pub fn binomial_mass(k: f64, n: f64, p: f64) -> f64 {
    if k <= 0.0 {
        return (n * (-p).ln_1p()).exp();
    }
    if k >= n {
        return (n * p.ln()).exp();
    }
    let rest = n - k;
    let exponent = stirling_error(n)
        - stirling_error(k)
        - stirling_error(rest)
        - deviance(k, n * p)
        - deviance(rest, n * (1.0 - p));
    exponent.exp() * (n / (k * rest * std::f64::consts::TAU)).sqrt()
}

/// ln Γ(n + 1) less Stirling's formula.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let half_ln_tau = 0.5 * std::f64::consts::TAU.ln();
        return ln_gamma(n + 1.0) - (n + 0.5) * n.ln() + n - half_ln_tau;
    }
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / 1680.0 / square) / square) / square) / n
}

/// x ln(x / m) + m − x, by a series where x is near m.
fn deviance(x: f64, m: f64) -> f64 {
    let v = (x - m) / (x + m);
    if v.abs() >= 0.1 {
        return x * (x / m).ln() + m - x;
    }
    let mut sum = (x - m) * v;
    let mut term = 2.0 * x * v;
    for step in 1..1_000 {
        term *= v * v;
        let next = sum + term / f64::from(2 * step + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// The continued fraction of the incomplete beta function.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let keep = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / keep(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for step in 1..200_000 {
        let m = f64::from(step);
        for coefficient in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / keep(1.0 + coefficient * d);
            c = keep(1.0 + coefficient / c);
            result *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

/// The value that a beta variable stays below with probability `p`, by bisection.
pub fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    // The normal approximation's bracket saves most of the halvings.
    let mean = a / (a + b);
    let sd = (mean * (1.0 - mean) / (a + b + 1.0)).sqrt();
    let (try_low, try_high) = (mean - 9.0 * sd, mean + 9.0 * sd);
    if try_low > 0.0 && beta_below(a, b, try_low) < p {
        low = try_low;
    }
    if try_high < 1.0 && beta_below(a, b, try_high) > p {
        high = try_high;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high || high - low <= 1e-15 * high {
            break;
        }
        if beta_below(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// P(T > t) of Student's t.
pub fn t_above(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() || freedom <= 0.0 {
        return 1.0;
    }
    if freedom >= MANY {
        return normal_above(t);
    }
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let half = 0.5 * beta_below(0.5 * freedom, 0.5, freedom / (freedom + t * t));
    if t >= 0.0 { half } else { 1.0 - half }
}

/// t such that a Student variable is within ±t with probability `confidence`.
pub fn t_two_sided(confidence: f64, freedom: f64) -> f64 {
    if freedom >= MANY {
        return two_sided(confidence);
    }
    let tail = (1.0 - confidence.clamp(0.0, 1.0 - 1e-15)) / 2.0;
    let (mut low, mut high) = (0.0, 2.0 * two_sided(confidence).max(1.0));
    while t_above(high, freedom) > tail && high < 1e12 {
        low = high;
        high *= 4.0;
    }
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if high - low <= 1e-12 * high {
            break;
        }
        if t_above(middle, freedom) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// P(F > f) of Fisher's F.
pub fn f_above(f: f64, over: f64, under: f64) -> f64 {
    if f.is_nan() || f <= 0.0 || over <= 0.0 || under <= 0.0 {
        return 1.0;
    }
    if f.is_infinite() {
        return 0.0;
    }
    beta_below(0.5 * under, 0.5 * over, under / (under + over * f))
}

/// P(X > x) of chi-squared.
pub fn chi_squared_above(x: f64, freedom: f64) -> f64 {
    if x.is_nan() || x <= 0.0 || freedom <= 0.0 {
        return 1.0;
    }
    checked_gamma_ur(0.5 * freedom, 0.5 * x).unwrap_or(0.0).clamp(0.0, 1.0)
}
