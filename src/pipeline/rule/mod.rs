//! The rules: one file each, with its documentation, its test and its fix.

mod artifact_without_retention;
mod concurrent_deploys;
mod constant_cache_key;
mod deploy_without_environment;
mod deployment;
pub mod docs;
mod double_run;
mod excessive_permissions;
mod expression_injection;
mod full_history_clone;
mod full_submodules_or_lfs;
mod idle_schedule;
mod late_lint;
mod matrix_explosion;
mod missing_dependency_cache;
mod missing_timeout;
mod no_build_discarder;
mod no_rollback;
mod order;
mod oversized_runner;
mod poisonable_cache;
mod portable_step_on_costly_runner;
mod pull_request_path_filter;
mod rebuilt_image;
mod repeated_setup;
mod scan_after_deploy;
mod scripts;
mod secret_in_file;
mod self_hosted_on_public_change;
mod sequential_independent_jobs;
mod serial_steps;
mod soft_scan;
mod superseded_runs;
#[cfg(test)]
mod testing;
mod uncached_image_layers;
mod unpinned_dependency;
mod unsharded_tests;
mod untrusted_checkout;
mod unverified_download;
mod widely_shared_secrets;

use super::edit::Op;
use super::graph::{Pipeline, Span};
use super::platform::Platform;
use super::timing::{Effect, History};
use super::{File, Files};
use crate::finding::Severity;

/// Every rule, in the order they run and are listed.
pub static RULES: &[Rule] = &[
    excessive_permissions::RULE,
    expression_injection::RULE,
    sequential_independent_jobs::RULE,
    scan_after_deploy::RULE,
    constant_cache_key::RULE,
    full_history_clone::RULE,
    missing_dependency_cache::RULE,
    missing_timeout::RULE,
    superseded_runs::RULE,
    rebuilt_image::RULE,
    double_run::RULE,
    late_lint::RULE,
    matrix_explosion::RULE,
    oversized_runner::RULE,
    uncached_image_layers::RULE,
    unsharded_tests::RULE,
    unpinned_dependency::RULE,
    artifact_without_retention::RULE,
    concurrent_deploys::RULE,
    deploy_without_environment::RULE,
    full_submodules_or_lfs::RULE,
    idle_schedule::RULE,
    no_build_discarder::RULE,
    no_rollback::RULE,
    poisonable_cache::RULE,
    portable_step_on_costly_runner::RULE,
    pull_request_path_filter::RULE,
    repeated_setup::RULE,
    secret_in_file::RULE,
    self_hosted_on_public_change::RULE,
    serial_steps::RULE,
    soft_scan::RULE,
    untrusted_checkout::RULE,
    unverified_download::RULE,
    widely_shared_secrets::RULE,
];

/// The rule of this name.
pub fn find(slug: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.slug == slug)
}

/// A rule. `check` only reads; what it finds is proven and filtered elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name in configuration, comments and JSON: `sequential-independent-jobs`.
    pub slug: &'static str,
    /// What is wrong, in one line.
    pub title: &'static str,
    /// Markdown: what it looks for, why, when it is silent, what its fix does.
    pub doc: &'static str,
    /// What it is about.
    pub group: Group,
    /// How bad a finding is, unless the finding says otherwise.
    pub severity: Severity,
    /// Whether its fixes may be made unread.
    pub fix: FixKind,
    /// Where it has a meaning.
    pub platforms: &'static [Platform],
    /// Looks at a file.
    pub check: fn(&Context<'_>, &mut Vec<Hit>),
}

/// What rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Time and money.
    Performance,
    /// Ways in.
    Security,
    /// Getting it out safely.
    Delivery,
}

/// Whether a rule's fixes may be made unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FixKind {
    /// Its fixes are safe.
    Safe,
    /// A fix is safe where the rule proves it so (`Fix::safe`).
    Proven,
    /// It only suggests.
    Suggest,
}

/// What a rule sees.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The file.
    pub file: &'a File,
    /// What else lies in the checkout.
    pub files: &'a dyn Files,
    /// How long its jobs took, where that is known.
    pub history: Option<&'a History>,
}

impl<'a> Context<'a> {
    /// The job graph.
    pub fn pipeline(&self) -> &'a Pipeline {
        &self.file.pipeline
    }
}

/// Something a rule found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Where.
    pub span: Span,
    /// What is wrong here, in one line.
    pub title: String,
    /// Why, and what to do.
    pub why: String,
    /// Where it differs from the rule's.
    pub severity: Option<Severity>,
    /// From 0 to 1.
    pub confidence: f64,
    /// What would mend it.
    pub fix: Option<Fix>,
    /// What the fix would do to the times.
    pub effect: Option<Effect>,
}

/// An edit that mends a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// What it does, in one line.
    pub title: String,
    /// All of it or nothing.
    pub ops: Vec<Op>,
    /// Whether it may be made unread; what is not is shown as a suggestion.
    pub safe: bool,
    /// What shows that it is safe, in words for a reviewer.
    pub proof: Vec<String>,
}
