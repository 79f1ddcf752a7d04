//! What the platform would refuse: by its schema, and by what its schema misses.

use crate::finding::Severity;
use crate::pipeline::File;
use crate::pipeline::check::Lines;

/// Something that the platform would refuse, or pass over without a word.
pub struct Problem {
    /// Its name in JSON and in remarks.
    pub slug: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// First and last line.
    pub lines: (u32, u32),
    /// What is wrong, in one line.
    pub message: String,
}

/// All of a file, in order.
pub fn problems(_file: &File, _lines: &Lines) -> Vec<Problem> {
    Vec::new()
}
