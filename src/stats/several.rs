//! p values of many signals at once.

/// Holm's correction (1979), in the order given: chance calls any of them false
/// with at most the level asked for. NaN counts as 1.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let count = p.len();
    let mut corrected = vec![1.0; count];
    let mut highest = 0.0_f64;
    for (place, (value, index)) in order.into_iter().enumerate() {
        highest = highest.max(value * (count - place) as f64).min(1.0);
        if let Some(slot) = corrected.get_mut(index) {
            *slot = highest;
        }
    }
    corrected
}

/// Benjamini and Hochberg's correction (1995), in the order given: of those called, at
/// most the level asked for are false in the mean. NaN counts as 1.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let count = p.len();
    let mut corrected = vec![1.0; count];
    let mut lowest = 1.0_f64;
    for (place, (value, index)) in order.into_iter().enumerate().rev() {
        lowest = lowest.min(value * count as f64 / (place + 1) as f64);
        if let Some(slot) = corrected.get_mut(index) {
            *slot = lowest;
        }
    }
    corrected
}

/// The values within 0 and 1 with their places, lowest first.
fn ascending(p: &[f64]) -> Vec<(f64, usize)> {
    let clean = |value: f64| if value.is_nan() { 1.0 } else { value.clamp(0.0, 1.0) };
    let mut order: Vec<(f64, usize)> =
        p.iter().enumerate().map(|(index, value)| (clean(*value), index)).collect();
    order.sort_by(|x, y| x.0.total_cmp(&y.0));
    order
}
