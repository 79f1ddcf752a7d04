//! Placeholder.

use super::{Refusal, Source};
use crate::pipeline::graph::Pipeline;

/// Reads a file.
///
/// # Errors
/// It has no graph.
pub fn read(_source: &Source<'_>) -> Result<Pipeline, Refusal> {
    Err(Refusal::Declined("it is not read yet".to_owned()))
}
