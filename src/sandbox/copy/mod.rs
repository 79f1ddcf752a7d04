//! x
use std::path::{Path, PathBuf};
/// x
#[derive(Debug)]
pub struct Copy;
/// x
/// # Errors
/// x
pub fn copy_of(_r: &Path, _t: &Path) -> anyhow::Result<Copy> {
    Ok(Copy)
}
