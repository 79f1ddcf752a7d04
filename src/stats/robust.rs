//! Medians, quantiles and means that a few odd points do not carry away.

/// The values that are numbers.
pub fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| value.is_finite()).collect()
}

/// The values in order, without those that are no numbers.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = finite(values);
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    mean_of(values.iter().copied())
}

/// Arithmetic mean of those that are numbers; `None` of nothing.
pub(super) fn mean_of(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let numbers = || values.clone().filter(|value| value.is_finite());
    let count = numbers().count() as f64;
    // Divided before summed, so that huge values do not overflow.
    (count > 0.0).then(|| numbers().map(|value| value / count).sum())
}

/// Variance with n − 1 below the line; `None` of fewer than two values.
pub fn variance(values: &[f64]) -> Option<f64> {
    let values = finite(values);
    let mean = mean(&values)?;
    let below = values.len().checked_sub(1).filter(|below| *below > 0)? as f64;
    Some(values.iter().map(|value| (value - mean).powi(2) / below).sum())
}

/// Quantile `q` (0 to 1) by linear interpolation (Hyndman and Fan's type 7, as R
/// and NumPy do by default); `None` of nothing.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut values = finite(values);
    let last = values.len().checked_sub(1)?;
    let (below, part) = place(last, q);
    // No more is put in order than is asked for.
    let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    if part == 0.0 {
        return Some(low);
    }
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(within(low, high, part))
}

/// Between which values a quantile lies: the place of the lower one, and how far it is from
/// there to the next.
fn place(last: usize, q: f64) -> (usize, f64) {
    let q = if q.is_finite() { q.clamp(0.0, 1.0) } else { 0.5 };
    let place = q * last as f64;
    let below = (place.floor() as usize).min(last);
    (below, place - below as f64)
}

fn within(low: f64, high: f64, part: f64) -> f64 {
    if part == 0.0 || low == high { low } else { low * (1.0 - part) + high * part }
}

/// `quantile` of values that are in order already.
pub fn quantile_of_sorted(values: &[f64], q: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let (below, part) = place(last, q);
    let above = (below + 1).min(last);
    Some(within(*values.get(below)?, *values.get(above)?, part))
}

/// Median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Median absolute deviation from the median, not scaled (times 1.4826 it is a
/// normal distribution's standard deviation).
pub fn mad(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    let away: Vec<f64> = finite(values).iter().map(|value| (value - middle).abs()).collect();
    median(&away)
}

/// Mean without the `share` (0 to 0.5) of lowest and of highest values.
pub fn trimmed(values: &[f64], share: f64) -> Option<f64> {
    let values = sorted(values);
    let cut = (share.clamp(0.0, 0.5) * values.len() as f64).floor() as usize;
    match values.get(cut..values.len().saturating_sub(cut)) {
        Some(kept) if !kept.is_empty() => mean(kept),
        _ => quantile_of_sorted(&values, 0.5),
    }
}
