//! From a report and what is already there to the operations that are left to do.
//!
//! The order makes a run that is killed anywhere safe to repeat: the review
//! first (its comments carry the findings' ids), then threads, then the check,
//! and the summary with the state last. While the summary lacks the new state,
//! the next run does the rest; once it has it, there is nothing left to do.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::existing::{CHECK_PREFIX, Existing};
use super::frame::Index;
use super::markdown::{self, Progress, StatePayload, Summary, Unplaced};
use super::{Permalink, View, annotations, inline, wording};
use crate::finding::{Finding, Fingerprint, Severity};
use crate::forge::{Capabilities, CheckContent, Conclusion, InlineComment, Operation, Target};
use crate::redact::shorten;

/// Less is listed in the summary: a comment on a line asks for an answer.
const MIN_INLINE: Severity = Severity::Low;

/// What the input `publish` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Comments on lines.
    pub review: bool,
    /// The summary comment.
    pub summary: bool,
    /// A check, or a commit status where checks are not allowed.
    pub check: bool,
}

impl Selection {
    /// Everything.
    pub const ALL: Selection = Selection { review: true, summary: true, check: true };
}

/// Makes what the next run needs, given the findings that have no comment on
/// their line, and whether everything was delivered that can be.
pub type StateOf<'a> =
    dyn Fn(&BTreeMap<Fingerprint, Unplaced>, bool) -> StatePayload + Send + Sync + 'a;

/// What a plan is made from.
#[derive(Clone, Copy)]
pub struct PlanInput<'a> {
    /// The report and its surroundings.
    pub view: View<'a>,
    /// The change, fixed by the event.
    pub target: &'a Target,
    /// What the host can do.
    pub capabilities: Capabilities,
    /// What is asked for.
    pub publish: Selection,
    /// What earlier runs left.
    pub existing: &'a Existing,
    /// What the next run needs.
    pub state: &'a StateOf<'a>,
    /// Findings of earlier runs that no longer hold: their threads are resolved.
    pub gone: &'a [Fingerprint],
    /// Files whose patch the host left out; it takes no comments on their lines.
    pub missing_patches: &'a BTreeSet<String>,
    /// Most comments on lines, those of earlier runs included; worst first.
    pub max_inline: usize,
    /// Since the head reviewed before.
    pub progress: Option<Progress>,
    /// Addresses of lines.
    pub permalink: Option<&'a Permalink<'a>>,
}

/// What became known while the plan was carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Comments that were not taken, and why.
    pub unplaced: BTreeMap<Fingerprint, Unplaced>,
    /// Sentences for the summary.
    pub notes: Vec<String>,
    /// Whether something was refused or failed that the next run has to try again.
    pub unfinished: bool,
}

/// The operations in their order; none if everything is there already.
pub fn plan(input: &PlanInput<'_>) -> Vec<Operation> {
    let mut operations = Vec::new();
    let (inline, _) = place(input);
    let new: Vec<&Finding> =
        inline.into_iter().filter(|f| !input.existing.commented.contains(&f.id)).collect();
    if !new.is_empty() {
        operations.push(review(input, &new));
    }
    if input.target.number.is_some() && input.capabilities.resolve_threads {
        let holding: BTreeSet<&Fingerprint> =
            input.view.report.findings.iter().map(|finding| &finding.id).collect();
        let gone = input.gone.iter().filter(|id| !holding.contains(id)).collect::<BTreeSet<_>>();
        for thread in gone.into_iter().filter_map(|id| input.existing.open_threads.get(id)) {
            operations.extend(
                thread.iter().map(|thread| Operation::ResolveThread { thread: thread.clone() }),
            );
        }
    }
    let summary = summary_operation(input, &Delivery::default());
    operations.extend(check(input, summary.is_some()));
    operations.extend(summary);
    operations
}

/// Which findings get a comment on their line, worst first, and why the others do not.
pub fn place<'a>(input: &PlanInput<'a>) -> (Vec<&'a Finding>, BTreeMap<Fingerprint, Unplaced>) {
    let index = Index::new(input.view.change);
    let possible =
        input.publish.review && input.capabilities.reviews && input.target.number.is_some();
    let refused: BTreeSet<Fingerprint> = match &input.existing.summary {
        Some((_, body)) => markdown::refused_before(body, &input.target.head).into_iter().collect(),
        None => BTreeSet::new(),
    };
    let mut inline: Vec<&Finding> = Vec::new();
    let mut unplaced = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for finding in input.view.worst_first() {
        if !seen.insert(&finding.id) {
            continue;
        }
        let shown = !input.missing_patches.contains(&finding.path) && index.hunk(finding).is_some();
        let why = if input.existing.commented.contains(&finding.id) && possible {
            None
        } else if possible && finding.severity < MIN_INLINE {
            Some(Unplaced::Minor)
        } else if !possible {
            Some(Unplaced::NoReview)
        } else if !shown {
            Some(Unplaced::NoLine)
        } else if refused.contains(&finding.id) {
            Some(Unplaced::Refused)
        } else if inline.len() >= input.max_inline {
            Some(Unplaced::OverLimit)
        } else {
            None
        };
        match why {
            Some(why) => {
                unplaced.insert(finding.id.clone(), why);
            }
            None => inline.push(finding),
        }
    }
    (inline, unplaced)
}

fn review(input: &PlanInput<'_>, findings: &[&Finding]) -> Operation {
    let comments = findings
        .iter()
        .map(|finding| InlineComment {
            path: finding.path.clone(),
            side: finding.side,
            start_line: finding.line,
            line: finding.end_line,
            body: inline::body(&input.view, finding),
        })
        .collect();
    let place =
        if input.publish.summary { "; the summary comment has the whole picture" } else { "" };
    let body = format!("{}{place}.", wording::plural(findings.len(), "remark"));
    Operation::PostReview { head: input.target.head.clone(), body, comments }
}

/// The check, unless an equal one is there. A status cannot be looked up, so it
/// is set only while the summary is still to be written.
fn check(input: &PlanInput<'_>, unfinished: bool) -> Option<Operation> {
    if !input.publish.check {
        return None;
    }
    if !input.capabilities.checks {
        return (input.capabilities.statuses && unfinished).then(|| status(input));
    }
    let check = check_content(input);
    let head = input.target.head.clone();
    match &input.existing.check {
        Some(there) if there.completed && there.external_id == check.external_id => None,
        Some(there) => Some(Operation::UpdateCheck { id: there.id, check }),
        None => Some(Operation::CreateCheck { head, check }),
    }
}

/// The commit status that says what the check would.
pub fn status(input: &PlanInput<'_>) -> Operation {
    Operation::SetStatus {
        head: input.target.head.clone(),
        success: input.view.conclusion() != Conclusion::Failure,
        description: shorten(&wording::verdict(&input.view), 140).into_owned(),
    }
}

fn check_content(input: &PlanInput<'_>) -> CheckContent {
    let view = &input.view;
    let mut lines = vec![view.markdown(&wording::verdict(view))];
    lines.extend(
        view.report
            .notes
            .iter()
            .take(20)
            .map(|note| format!("- {}", view.markdown_line(&view.short(note, 500)))),
    );
    let mut check = CheckContent {
        external_id: String::new(),
        conclusion: view.conclusion(),
        title: shorten(&wording::verdict(view), 255).into_owned(),
        summary: lines.join("\n"),
        annotations: annotations::annotations(view),
    };
    // The content's digest tells a later run whether this check says the same.
    let mut hash = Sha256::new();
    hash.update(format!("{}\0{check:?}", input.target.head));
    let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    check.external_id = format!("{CHECK_PREFIX}{digest}");
    check
}

/// The summary comment as it has to be now; `None` if it is so already, or not wanted.
pub fn summary_operation(input: &PlanInput<'_>, delivery: &Delivery) -> Option<Operation> {
    if !input.publish.summary || input.target.number.is_none() {
        return None;
    }
    let (_, mut unplaced) = place(input);
    unplaced.extend(delivery.unplaced.clone());
    let body = markdown::summary(&Summary {
        view: input.view,
        permalink: input.permalink,
        state: &(input.state)(&unplaced, !delivery.unfinished),
        progress: input.progress,
        unplaced: &unplaced,
        notes: &delivery.notes,
    });
    match &input.existing.summary {
        Some((_, there)) if same_summary(there, &body) => None,
        Some((id, _)) => Some(Operation::UpdateComment { id: *id, body }),
        None => Some(Operation::CreateComment { body }),
    }
}

/// Equal but for line ends and space at the end, which hosts change, and for the
/// last line: that a run cost something else is no reason to write again.
fn same_summary(a: &str, b: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let mut lines: Vec<String> = text.trim_end().lines().map(str::to_owned).collect();
        lines.pop();
        lines
    };
    lines(a) == lines(b)
}
