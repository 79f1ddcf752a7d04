//! A unified diff of a pipeline file.

use anyhow::Result;

use crate::diff::between::between;

/// The diff from one text to another, in git's form; empty where they are equal.
///
/// # Errors
/// It does not read back, or what it makes is not the new text.
pub fn unified(path: &str, old: &str, new: &str) -> Result<String> {
    between(path, Some(old.as_bytes()), Some(new.as_bytes()))
}
