//! What a cumulative counter counted, over its resets.

/// What was counted between two points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Increment {
    /// The earlier point, in milliseconds.
    pub from: i64,
    /// The later point.
    pub to: i64,
    /// How much was counted; after a reset what it shows again, as Prometheus takes it.
    pub by: f64,
    /// Whether the counter started again in between.
    pub reset: bool,
}

impl Increment {
    /// Counts a second.
    pub fn rate(&self) -> f64 {
        let seconds = (self.to - self.from) as f64 / 1_000.0;
        if seconds > 0.0 { self.by / seconds } else { 0.0 }
    }
}

/// The increments between points (milliseconds, value), in any order; what is no number
/// or negative is no point, and of several at one time the largest counts.
pub fn increments(points: &[(i64, f64)]) -> Vec<Increment> {
    let mut points: Vec<(i64, f64)> =
        points.iter().copied().filter(|(_, value)| value.is_finite() && *value >= 0.0).collect();
    points.sort_by(|x, y| x.0.cmp(&y.0).then(y.1.total_cmp(&x.1)));
    points.dedup_by_key(|point| point.0);
    points
        .windows(2)
        .filter_map(|pair| {
            let [(from, before), (to, after)] = pair else { return None };
            let reset = after < before;
            let by = if reset { *after } else { after - before };
            Some(Increment { from: *from, to: *to, by, reset })
        })
        .collect()
}
