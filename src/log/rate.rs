//! Whether a count is higher than another, given how much each side was looked at.

use statrs::function::beta::checked_beta_reg;

/// The chance of at least `count` of `count + other`, were the true rates equal
/// (conditional on the sum binomial with `share` = this side's part of what was looked
/// at; Przyborowski and Wilenski 1940). One-sided and exact.
pub fn chance_of_more(count: u64, other: u64, share: f64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    let share = share.clamp(1e-12, 1.0 - 1e-12);
    // P(X >= k) of a binomial is the regularized incomplete beta I_p(k, n - k + 1).
    checked_beta_reg(count as f64, other as f64 + 1.0, share).unwrap_or(1.0).clamp(0.0, 1.0)
}

/// The chance of `count` or more of `all`, each with this chance: exact, binomial.
pub fn chance_of_at_least(count: u64, all: u64, chance: f64) -> f64 {
    chance_of_more(count, all.saturating_sub(count), chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_binomial() {
        for (count, other, share, expect) in [
            (0, 0, 0.5, 1.0),
            (1, 0, 0.5, 0.5),
            (5, 0, 0.5, 0.03125),
            (3, 1, 0.5, 0.3125),
            (10, 10, 0.5, 0.588_098_526),
            (30, 10, 0.5, 0.001_110_716),
            (2, 8, 0.1, 0.263_901_071),
        ] {
            let chance = chance_of_more(count, other, share);
            assert!((chance - expect).abs() < 1e-6, "{count} {other}: {chance}");
        }
    }
}
