//! A ratio from two series: failures and all.

use std::collections::BTreeMap;

use crate::decide::series::{Point, Series};

/// Failures joined to totals by time. Where nothing is said of failures, there were
/// none. Also what is odd, in a sentence.
pub(super) fn join(bad: &[Point], total: &[Point]) -> (Series, Option<String>) {
    let bad: BTreeMap<i64, f64> = bad.iter().map(|point| (point.at, point.value)).collect();
    let mut beyond = 0;
    let points: Series = total
        .iter()
        .map(|point| {
            let failed = bad.get(&point.at).copied().unwrap_or(0.0);
            if failed > point.value * 1.05 + 1.0 {
                beyond += 1;
            }
            // Extrapolated counts may differ by a little.
            let value = if failed.is_nan() || point.value.is_nan() {
                f64::NAN
            } else {
                failed.clamp(0.0, point.value.max(0.0))
            };
            Point { at: point.at, value, total: point.value }
        })
        .collect();
    let odd = (beyond > 0).then(|| {
        format!(
            "more failed than there were in {beyond} of {} points: `query` counts what `total` does not",
            points.len()
        )
    });
    (points, odd)
}
