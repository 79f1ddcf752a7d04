//! A sample put in order once, for all that asks for its order: quantiles, ranks and
//! how much it is worth.

use std::cell::OnceCell;

use super::dependence::effective_of_ranks;
use super::robust::{mean_of, quantile_of_sorted};

/// Values in time order, and what their order by size tells.
#[derive(Debug)]
pub struct Sample<'v> {
    values: &'v [f64],
    /// Places of the values from the least on.
    order: Vec<u32>,
    /// The values in order, without those that are no numbers.
    sorted: Vec<f64>,
    effective: OnceCell<f64>,
    size: OnceCell<f64>,
}

impl<'v> Sample<'v> {
    /// Of values in time order.
    pub fn new(values: &'v [f64]) -> Self {
        let mut keyed: Vec<(i64, u32)> =
            values.iter().zip(0..).map(|(value, place)| (key(*value), place)).collect();
        keyed.sort_unstable();
        let order: Vec<u32> = keyed.into_iter().map(|(_, place)| place).collect();
        let sorted = order
            .iter()
            .filter_map(|place| values.get(*place as usize).copied())
            .filter(|value| value.is_finite())
            .collect();
        Sample { values, order, sorted, effective: OnceCell::new(), size: OnceCell::new() }
    }

    /// The values in time order.
    pub fn values(&self) -> &'v [f64] {
        self.values
    }

    /// The values from the least on.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// Median; `None` of nothing.
    pub fn median(&self) -> Option<f64> {
        quantile_of_sorted(&self.sorted, 0.5)
    }

    /// The values' mean size without their signs; 0 of nothing.
    pub fn size(&self) -> f64 {
        *self
            .size
            .get_or_init(|| mean_of(self.values.iter().map(|value| value.abs())).unwrap_or(0.0))
    }

    /// How many independent values it is worth, see [`super::effective`].
    pub fn effective(&self) -> f64 {
        *self.effective.get_or_init(|| {
            if self.values.len() < super::dependence::LEAST {
                return self.values.len() as f64;
            }
            effective_of_ranks(&self.ranks())
        })
    }

    /// Ranks in time order, from 0; ties share one, so that single extremes weigh little.
    fn ranks(&self) -> Vec<f64> {
        let value = |place: &u32| self.values.get(*place as usize).copied();
        let mut ranks = vec![0.0; self.values.len()];
        let mut start = 0;
        for tied in self.order.chunk_by(|one, next| value(one) == value(next)) {
            let rank = start as f64 + 0.5 * (tied.len() - 1) as f64;
            for place in tied {
                if let Some(slot) = ranks.get_mut(*place as usize) {
                    *slot = rank;
                }
            }
            start += tied.len();
        }
        ranks
    }
}

/// A number's place in the order of all floating-point numbers (`f64::total_cmp`).
fn key(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{dependence, robust};

    #[test]
    fn a_sample_tells_what_its_values_do() {
        let wave: Vec<f64> = (0..50).map(|n| (f64::from(n) * 0.3).sin()).collect();
        let steps: Vec<f64> = (0..40).map(|n| f64::from(n / 7 % 3)).collect();
        let cases: [&[f64]; 6] =
            [&[], &[3.0], &[2.0, -1.0, -0.0, 0.0, f64::INFINITY], &[5.0; 9], &wave, &steps];
        for values in cases {
            let sample = Sample::new(values);
            assert_eq!(sample.sorted(), robust::sorted(values), "{values:?}");
            assert_eq!(sample.median(), robust::median(values), "{values:?}");
            assert_eq!(sample.effective(), dependence::effective(values), "{values:?}");
        }
        assert!(Sample::new(&wave).effective() < 25.0);
        assert_eq!(Sample::new(&[-1.0, 2.0]).size(), 1.5);
    }

    #[test]
    fn ties_share_a_rank() {
        assert_eq!(Sample::new(&[4.0, 1.0, 4.0, -0.0, 0.0]).ranks(), [3.5, 2.0, 3.5, 0.5, 0.5]);
    }
}
