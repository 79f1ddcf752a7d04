//! What tokens cost: a dated table.

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Input, not cached.
    pub input: f64,
    /// Written to the provider's cache.
    pub cache_write: f64,
    /// Read from the provider's cache.
    pub cache_read: f64,
    /// Output.
    pub output: f64,
}
