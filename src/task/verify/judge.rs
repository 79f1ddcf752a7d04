//! Gathers what a spec names: metrics from their sources, logs from files and servers.

use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::Context as _;

use super::Question;
use crate::decide::spec::Spec;
use crate::failure::Failure;
use crate::log::Classes;

/// What was fetched beside the series, which are in the spec.
#[derive(Default)]
pub struct Findings {
    /// The logs, where they came from files or servers.
    pub classes: Option<Classes>,
    /// What was noticed, a sentence each.
    pub remarks: Vec<String>,
}
