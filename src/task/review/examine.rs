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
    /// Whole files.
    pub contents: &'a Contents<'a>,
    /// Reads files for the model.
    pub tools: &'a Tools<'a>,
    /// When everything has to be over.
    pub deadline: tokio::time::Instant,
    /// Shows what is done.
    pub progress: &'a Progress,
}

/// Look at everything, ask, prove, and say what holds.
pub async fn examine(subject: &Subject<'_>) -> Examined {
    let Subject { collected, inputs, model, checkout, contents, progress, .. } = *subject;
    let change = &collected.change;
    let model_name = model.map_or_else(|| "offline".to_owned(), Model::name);
    let mut notes = collected.notes.clone();

    progress.stage("checking the change against the rules");
    let mut ruled = rules(change, inputs, contents, checkout);
    progress.stage("reading reports");
    let reports = read_reports(checkout, inputs, &mut notes);
    ruled.extend(evidence::change::findings(change, &reports));
    let tests = evidence::change::test_evidence(change, &reports);

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
