//! Exact tests of a table of two rows and two columns: Fisher's, from the
//! hypergeometric distribution.

use super::tails::binomial_mass;

/// Exact probabilities of a table at least as extreme.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exact {
    /// Either way: tables at most as probable as the one seen, as R and SciPy count.
    pub two_sided: f64,
    /// As many or more bad ones among `a`.
    pub greater: f64,
    /// As many or fewer.
    pub less: f64,
}

/// Fisher's exact test of `bad_a` of `total_a` against `bad_b` of `total_b`
/// (counts; bad at most total). It walks from the table seen outwards until what
/// is left no longer counts, so that large tables with few bad ones are quick.
pub fn fisher(bad_a: f64, total_a: f64, bad_b: f64, total_b: f64) -> Exact {
    let (all, bad) = (total_a + total_b, bad_a + bad_b);
    let low = (bad - total_b).max(0.0);
    let high = bad.min(total_a);
    if high <= low {
        return Exact { two_sided: 1.0, greater: 1.0, less: 1.0 };
    }
    // As a ratio of binomial masses, which keeps its digits (Loader 2000).
    let part = total_a / all;
    let whole = binomial_mass(total_a, all, part);
    let mass =
        |k: f64| binomial_mass(k, bad, part) * binomial_mass(total_a - k, all - bad, part) / whole;
    // mass(k + 1) / mass(k), and the inverse at k + 1.
    let up = |k: f64| (bad - k) / (k + 1.0) * ((total_a - k) / (all - bad - total_a + k + 1.0));
    let seen = mass(bad_a);
    // The sum of the masses from `k` on outwards, given the first.
    let outwards = |mut k: f64, first: f64, rising: bool| {
        let (mut sum, mut term) = (0.0, first);
        while term > sum * 1e-17 && k >= low && k <= high {
            sum += term;
            if rising {
                term *= up(k);
                k += 1.0;
            } else {
                k -= 1.0;
                term /= up(k);
            }
        }
        sum.min(1.0)
    };
    let mean = bad / all * total_a;
    let (greater, less);
    if bad_a >= mean {
        greater = outwards(bad_a, seen, true);
        less = (1.0 - greater + seen).clamp(0.0, 1.0);
    } else {
        less = outwards(bad_a, seen, false);
        greater = (1.0 - less + seen).clamp(0.0, 1.0);
    }
    // The other side: from the mode outwards to the first table as rare as this one.
    let mode = ((bad + 1.0) * (total_a + 1.0) / (all + 2.0)).floor().clamp(low, high);
    let rare = seen * (1.0 + 1e-7);
    let rising = bad_a < mode;
    let two_sided = if mass(mode) <= rare {
        1.0
    } else {
        let mut k = mode;
        let mut term = mass(mode);
        while term > rare && k >= low && k <= high {
            if rising {
                term *= up(k);
                k += 1.0;
            } else {
                k -= 1.0;
                term /= up(k);
            }
        }
        let other = if k >= low && k <= high { outwards(k, term, rising) } else { 0.0 };
        let own = if rising { less } else { greater };
        (own + other).min(1.0)
    };
    Exact { two_sided, greater, less }
}
