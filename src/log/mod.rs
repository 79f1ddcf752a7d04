//! What services write: lines grouped by template as they come, in bounded
//! memory, and what a new version writes that the one before did not. Pure.
//!
//! A line is cleaned ([`clean`]), read ([`record`]), its changing parts are
//! masked ([`mask`]), and it joins the template it is most alike
//! ([`Miner`], after Drain: He et al., ICWS 2017). [`Comparison`] counts both
//! versions' lines in one set of templates.

pub mod allow;
pub mod clean;
pub mod compare;
pub mod mask;
pub mod miner;
pub mod rate;
pub mod record;
pub mod severity;
pub mod spread;
pub mod startup;
pub mod stream;
pub mod trace;
pub mod when;
pub mod whole;

#[cfg(test)]
mod pairs;
#[cfg(test)]
mod tests;

pub use allow::Allow;
pub use compare::{Classed, Classes, Comparison, Lengths, compare};
pub use miner::{Miner, Settings, Template, TemplateId};
pub use severity::Severity;
