//! What plain code says of a change: our rules, and the reports of scanners and
//! tests that lie in the checkout.

use super::contents::Contents;
use crate::checkout::Checkout;
use crate::diff::{Change, FileDiff, RepoPath};
use crate::evidence::{self, Evidence, detect};
use crate::finding::Finding;
use crate::forge::local::Local;
use crate::inputs::Inputs;
use crate::report::TestEvidence;
use crate::scan;

/// Reports larger than this are not read.
const MOST_REPORT_BYTES: u64 = 64 << 20;
/// No more report files than this are read.
const MOST_REPORTS: usize = 500;

/// What our own rules say. `head` is the commit under review, where there is one.
pub fn rules(
    change: &Change,
    contents: &Contents<'_>,
    local: Option<&Local>,
    head: Option<&str>,
) -> Vec<Finding> {
    let new = |file: &FileDiff| contents.head(file);
    let old = |file: &FileDiff| contents.base(file);
    let exists = |path: &str| {
        if let Some(file) = change.file(path) {
            return Some(file.new_path.is_some());
        }
        // Only what git tracks counts: an ignored lock file is nobody's.
        let local = local.filter(|local| head.is_some_and(|head| local.has_commit(head)))?;
        local.file_at(head?, &RepoPath::from(path)).ok().map(|content| content.is_some())
    };
    let options = scan::Options::default();
    scan::scan(&scan::Subject { change, old: &old, new: &new, exists: &exists, options: &options })
}

/// Read the reports that are named, or those that lie around under usual names.
/// A usual name that git tracks is no report of this run but somebody's fixture.
pub fn read_reports(
    checkout: Option<&Checkout>,
    local: Option<&Local>,
    inputs: &Inputs,
    notes: &mut Vec<String>,
) -> Vec<(String, Evidence)> {
    let Some(checkout) = checkout else { return Vec::new() };
    let named = !inputs.reports.is_empty();
    let globs: Vec<String> = if named {
        inputs.reports.patterns.clone()
    } else {
        detect::USUAL_NAMES.iter().map(|glob| (*glob).to_owned()).collect()
    };
    let listing = match checkout.walk_reports(&globs) {
        Ok(listing) => listing,
        Err(why) => {
            notes.push(format!("Reports could not be looked for: {why}."));
            return Vec::new();
        }
    };
    if named && listing.files.is_empty() {
        notes.push(format!("No report matches `reports` ({}).", globs.join(", ")));
    }
    if listing.truncated || listing.files.len() > MOST_REPORTS {
        notes.push(format!("There are too many reports: {MOST_REPORTS} were read."));
    }
    let tracked = |path: &str| {
        let head = |local: &Local| local.file_at("HEAD", &RepoPath::from(path));
        !named && local.is_some_and(|local| matches!(head(local), Ok(Some(_))))
    };
    let mut reports = Vec::new();
    for path in listing.files.into_iter().filter(|path| !tracked(path)).take(MOST_REPORTS) {
        let bytes = match checkout.read(&path, MOST_REPORT_BYTES) {
            Ok(bytes) => bytes,
            Err(why) => {
                notes.push(format!("The report `{path}` could not be read: {why}."));
                continue;
            }
        };
        match detect::read(&path, &bytes) {
            Ok(Evidence::Unknown) if named => {
                notes.push(format!("The report `{path}` is of no format that is read."));
            }
            Ok(Evidence::Unknown) => {}
            Ok(evidence) => reports.push((path, evidence)),
            // A file that only looks like a report by its name is nobody's concern.
            Err(why) if named => notes.push(format!("The report `{path}`: {why}.")),
            Err(why) => tracing::warn!("the report {path}: {why}"),
        }
    }
    reports
}

/// What the reports say about the change's lines.
pub fn said_by_reports(
    change: &Change,
    local: Option<&Local>,
    checkout: Option<&Checkout>,
    reports: &[(String, Evidence)],
    notes: &mut Vec<String>,
) -> (Vec<Finding>, Option<TestEvidence>) {
    if reports.is_empty() {
        return (Vec::new(), None);
    }
    let tree = local.and_then(|local| local.list_tree("HEAD").ok()).unwrap_or_default();
    let files: Vec<String> = tree.iter().map(|file| file.path.display()).collect();
    let root = checkout.and_then(|checkout| checkout.root().to_str());
    let options = evidence::change::Options { files: &files, root, ..Default::default() };
    notes.extend(evidence::change::stale(change, reports, &options));
    let findings = evidence::change::findings(change, reports, &options);
    (findings, evidence::change::test_evidence(change, reports, &options))
}
