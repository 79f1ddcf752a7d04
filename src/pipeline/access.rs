//! What jobs read and leave, told from their steps.

use super::graph::Pipeline;

/// Adds to every job what its steps read and leave, beyond what its dialect knows.
pub fn infer(_pipeline: &mut Pipeline) {}
