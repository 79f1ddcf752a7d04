//! Which files are put before the model, and why the others are not.

use super::collect::Collected;
use crate::diff::skip::{self, Attributes};
use crate::diff::{Change, Content, FileDiff};
use crate::inputs::Inputs;

/// Skipped by `include`, `ignore` or a `[[path]]` rule.
pub const IGNORED: &str = "ignored by configuration";
/// Skipped since neither the host nor the checkout gave its diff.
pub const UNREADABLE: &str = "its diff could not be read";

/// Why each file is not put before the model; `None` if it is.
pub fn select(
    change: &Change,
    inputs: &Inputs,
    collected: &Collected,
) -> Vec<Option<&'static str>> {
    let text = collected.base_files.attributes.as_deref().unwrap_or_default();
    let attributes = Attributes::parse(text);
    let why = |file: &FileDiff| -> Option<&'static str> {
        if !inputs.wants(&file.path().display()) {
            return Some(IGNORED);
        }
        if matches!(file.content, Content::Missing { .. }) {
            return Some(UNREADABLE);
        }
        skip::reason(file, &attributes)
    };
    change.files.iter().map(why).collect()
}
