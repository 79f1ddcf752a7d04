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
