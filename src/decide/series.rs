//! Points over time, packed.

/// A point. What is missing is NaN and counts as no point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Milliseconds since 1970 (UTC).
    pub at: i64,
    /// The value; of a ratio, how many were bad.
    pub value: f64,
    /// Of a ratio, out of how many; 0 for the other kinds.
    pub total: f64,
}

/// Points as they came: perhaps out of order, twice, or missing.
pub type Series = Vec<Point>;
