//! What two samples tell of each other: shares, locations, spreads, quantiles,
//! shapes and trends. Pure arithmetic without randomness: equal numbers give
//! equal answers, to the last bit.
//!
//! Inputs are finite (`robust::finite`); empty and constant ones are answered
//! with p = 1 or `None`, never with a NaN or a panic. `a` is the new version and
//! `b` what it is compared with, so "greater" means the new version is above.

pub mod counter;
pub mod dependence;
pub mod exact;
pub mod location;
pub mod power;
pub mod proportion;
pub mod quantile;
pub mod robust;
pub mod sample;
mod select;
pub mod several;
pub mod shape;
pub mod spread;
pub mod tails;
pub mod trend;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod reference;

pub use dependence::effective;
pub use location::{Shift, brunner_munzel, location};
pub use proportion::{Compared, Share, bounds, pooled, proportions};
pub use quantile::{Quantile, upper_quantile};
pub use sample::Sample;
pub use several::{benjamini_hochberg, holm};
pub use shape::{Shape, kolmogorov_smirnov};
pub use spread::{Spread, spread};
pub use trend::{Trend, trend};
