//! From a portable pipeline to a platform's file.

use super::NotCarried;

/// A platform's file and what became of the pipeline in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The file.
    pub text: String,
    /// What it does not do, in order of place.
    pub not_carried: Vec<NotCarried>,
    /// What a person has to set up for it (connections, environments, secrets), a
    /// sentence each.
    pub remarks: Vec<String>,
}
