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
    let values = finite(values);
    let count = values.len() as f64;
    // Divided before summed, so that huge values do not overflow.
    (!values.is_empty()).then(|| values.iter().map(|value| value / count).sum())
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
    quantile_of_sorted(&sorted(values), q)
}

/// `quantile` of values that are in order already.
pub fn quantile_of_sorted(values: &[f64], q: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let q = if q.is_finite() { q.clamp(0.0, 1.0) } else { 0.5 };
    let place = q * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let part = place - below as f64;
    let (low, high) = (*values.get(below)?, *values.get(above)?);
    Some(if part == 0.0 || low == high { low } else { low * (1.0 - part) + high * part })
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
