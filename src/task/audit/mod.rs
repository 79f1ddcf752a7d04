//! `pipewright audit`: whether a record is whole, and what records of deployments show.

pub mod report;

use std::io::Write as _;
use std::path::Path;

use crate::audit;
use crate::failure::Failure;

/// Check a record's chain and say what was found. Exit code 1 if it is broken.
pub fn verify(file: &Path) -> Result<u8, Failure> {
    let verdict = audit::verify(file).map_err(Failure::Inputs)?;
    let _ = writeln!(anstream::stdout(), "{verdict}");
    Ok(u8::from(!verdict.holds()))
}
