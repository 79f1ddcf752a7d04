//! From the evidence to the report: rules, reports, the model, the proof.

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;

use super::ask::{self, Asked, Question};
use super::collect::Collected;
use super::contents::Contents;
use super::prompt::{self, Nonce, Overview};
use super::prove::{self, Bars};
use super::resume::{self, Resumed};
use super::state::{self, HunkDigest, Known, State};
use super::tools::Tools;
use crate::checkout::Checkout;
use crate::diff::pack::{self, Pack};
use crate::diff::skip::{self, Attributes};
use crate::diff::{Change, FileDiff};
use crate::evidence::{self, Evidence, detect};
use crate::finding::{Finding, Fingerprint};
use crate::inputs::Inputs;
use crate::model::Model;
use crate::model::budget::{Budget, Caps};
use crate::report::{Coverage, Dropped, Report, SCHEMA, Skipped, Usage};
use crate::scan;
use crate::task::progress::Progress;

/// Bytes of rendered change in one request: about 40,000 tokens, which models
/// read with care, and few enough requests for the largest changes.
const PACK_BYTES: usize = 140_000;
/// Reports larger than this are not read.
const MOST_REPORT_BYTES: u64 = 64 << 20;
/// No more report files than this are read.
const MOST_REPORTS: usize = 500;

/// What came of a review, before it is published.
pub struct Examined {
    /// The result.
    pub report: Report,
    /// What the next run has to know.
    pub state: State,
    /// Findings of earlier runs that hold no longer.
    pub gone: Vec<Fingerprint>,
    /// Whether a cap or a failure left something out.
    pub incomplete: bool,
    /// Why the model could not answer, if it could not.
    pub failure: Option<String>,
}

/// Everything that is looked at.
pub struct Subject<'a> {
    /// The evidence.
    pub collected: &'a Collected,
    /// What the program was told.
    pub inputs: &'a Inputs,
    /// The model, if there is one.
    pub model: Option<&'a dyn Model>,
    /// The working tree, if there is one.
    pub checkout: Option<&'a Checkout>,
    /// The checkout's repository.
    pub local: Option<&'a Local>,
    /// Whole files.
    pub contents: &'a Contents<'a>,
    /// Reads files for the model.
    pub tools: Option<&'a Tools<'a>>,
    /// When everything has to be over.
    pub deadline: tokio::time::Instant,
    /// Shows what is done.
    pub progress: &'a Progress,
}

/// Look at everything, ask, prove, and say what holds.
pub async fn examine(subject: &Subject<'_>) -> Examined {
    let Subject { collected, inputs, model, checkout, local, contents, progress, .. } = *subject;
    let change = &collected.change;
    let model_name = model.map_or_else(|| "offline".to_owned(), Model::name);
    let mut notes = collected.notes.clone();

    progress.stage("checking the change against the rules");
    let mut ruled = rules(change, contents, checkout);
    progress.stage("reading reports");
    let reports = read_reports(checkout, local, inputs, &mut notes);
    let reported = said_by_reports(change, local, checkout, &reports, &mut notes);
    ruled.extend(reported.0);
    let tests = reported.1;
    ruled.retain(|finding| !is_ignored(inputs, &finding.path));

    let resumed = resume::resume(change, &collected.before, &collected.own, &model_name);
    let selected = select(change, inputs, collected);
    let mut asked = Asked::default();
    let mut plan = Plan::default();
    if let Some(model) = model {
        progress.stage("dividing the change");
        plan = divide(change, &selected, &resumed, contents);
        asked = put(subject, model, &mut plan, &ruled, &resumed).await;
    }
    notes.append(&mut asked.notes);

    let heads = |file: &FileDiff| contents.head(file);
    let claims = std::mem::take(&mut asked.claims);
    let (proven, mut dropped) = prove::anchor_claims(change, &heads, &model_name, claims);
    // A pass that tries to refute what is proven so far belongs here.
    let read_now: HashSet<HunkDigest> = asked
        .read
        .iter()
        .flat_map(|pack| pack.hunks(change))
        .map(|(file, hunk)| state::hunk_digest(&change.files[file], hunk))
        .collect();
    let (adopted, standing) = prove::stand(proven, &resumed, |finding| {
        resume::digest_at(change, finding).is_some_and(|digest| read_now.contains(&digest))
    });
    ruled.extend(adopted);
    let bars = Bars {
        min_confidence: inputs.min_confidence,
        max_findings: inputs.max_findings,
        standing: &standing,
        dismissed: &resumed.dismissed,
    };
    let (findings, more_dropped) = prove::settle(ruled, &bars);
    dropped.extend(more_dropped);

    let incomplete = asked.capped || asked.failure.is_some() || !asked.unread.is_empty();
    let coverage = coverage(change, &selected, &asked, model.is_some());
    let state = remember(change, &collected.head, &model_name, &findings, &dropped, &resumed, &asked, incomplete);
    let gone = gone(&collected.before, &findings, &resumed);
    let report = Report {
        schema: SCHEMA.to_owned(),
        model: model_name,
        base: collected.base.clone(),
        head: collected.head.clone(),
        summary: summary(&asked.summaries),
        findings,
        dropped,
        coverage,
        usage: asked.usage,
        tests,
        notes,
    };
    Examined { report, state, gone, incomplete, failure: asked.failure }
}

/// What our own rules say.
fn rules(change: &Change, contents: &Contents<'_>, checkout: Option<&Checkout>) -> Vec<Finding> {
    let new = |file: &FileDiff| contents.head(file);
    let old = |file: &FileDiff| contents.base(file);
    let exists = |path: &str| checkout.map(|checkout| checkout.read(path, u64::MAX).is_ok());
    let options = scan::Options::default();
    scan::scan(&scan::Subject { change, old: &old, new: &new, exists: &exists, options: &options })
}

/// Whether the maintainers want to hear nothing of a file.
fn is_ignored(inputs: &Inputs, path: &str) -> bool {
    inputs.ignore.is_match(path)
        || !inputs.include.is_empty() && !inputs.include.is_match(path)
        || inputs.tables.rules_for(path).any(|rule| rule.ignore)
}

/// Read the reports that are named, or those that lie around under usual names.
/// A usual name that git tracks is no report of this run but somebody's fixture.
fn read_reports(
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
fn said_by_reports(
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

/// Why each file is not put before the model; `None` if it is.
fn select(change: &Change, inputs: &Inputs, collected: &Collected) -> Vec<Option<String>> {
    let text = collected.base_files.attributes.as_deref().unwrap_or_default();
    let attributes = Attributes::parse(text);
    let why = |file: &FileDiff| -> Option<String> {
        if is_ignored(inputs, &file.path().display()) {
            return Some("ignored by configuration".into());
        }
        if matches!(file.content, Content::Missing { .. }) {
            return Some("its diff could not be read".into());
        }
        skip::reason(file, &attributes).map(str::to_owned)
    };
    change.files.iter().map(why).collect()
}

/// What the parts do, in the model's words.
fn summary(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.trim().to_owned(),
        parts => {
            let mut text = String::new();
            for part in parts {
                let line = part.split_whitespace().collect::<Vec<_>>().join(" ");
                let _ = writeln!(text, "- {line}");
            }
            text
        }
    }
}

/// Findings of earlier runs, still open on the host, that nobody says any more.
fn gone(before: &Before, findings: &[Finding], resumed: &Resumed) -> Vec<Fingerprint> {
    let holds: HashSet<&Fingerprint> = findings
        .iter()
        .map(|finding| &finding.id)
        .chain(resumed.dismissed.iter().map(|known| &known.id))
        .collect();
    let mut gone: Vec<Fingerprint> =
        before.posted.keys().filter(|id| !holds.contains(id)).cloned().collect();
    gone.sort();
    gone
}
