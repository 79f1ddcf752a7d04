//! The other platforms: folders of the job that are kept under a key.

use super::install::Install;
use super::{Context, Remedy};
use crate::pipeline::graph::Job;

/// What would keep the packages.
pub(super) fn remedy(_: &Context<'_>, _: &Job, _: &[Install]) -> Option<Remedy> {
    None
}
