//! What an earlier run left, held against the change as it is now: which of its
//! findings still hold, which are gone, which a person put aside, and what the
//! model need not read again.

use std::collections::{HashMap, HashSet};

use super::state::{self, HunkDigest, Known, State};
use crate::diff::{Change, FileDiff};
use crate::finding::{Finding, Fingerprint, Source};
use crate::forge::{Check, Comment, ReviewComment, Thread};
use crate::publish::inline;
use crate::publish::marker;

/// What is there already, as the host lists it, of our own making only.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// Our summary comment.
    pub summary: Option<Comment>,
    /// What its marker carries.
    pub state: Option<State>,
    /// Our comments on lines, by the finding they carry.
    pub inline: HashMap<Fingerprint, Posted>,
    /// Our checks on the head, newest first.
    pub checks: Vec<Check>,
}

/// One of our comments on a line.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The comment.
    pub comment: ReviewComment,
    /// What it remembers of its finding.
    pub known: Option<Known>,
    /// Its thread, where the host has threads.
    pub thread: Option<Thread>,
}

/// Two logins name one account: hosts write an app's with and without `[bot]`.
pub fn same_login(a: &str, b: &str) -> bool {
    a.trim_end_matches("[bot]").eq_ignore_ascii_case(b.trim_end_matches("[bot]"))
}

/// Whether anything listed could be ours: only then is it worth asking the host
/// who we are.
pub fn has_marks(comments: &[Comment], review_comments: &[ReviewComment]) -> bool {
    comments.iter().any(|comment| marker::is_summary(&comment.body))
        || review_comments.iter().any(|comment| inline::finding_id(&comment.body).is_some())
}

impl Before {
    /// Sort out what is ours. Text that carries our marks but was written by
    /// someone else is ignored: state is believed from our own account only.
    pub fn read(
        own: &str,
        comments: Vec<Comment>,
        review_comments: Vec<ReviewComment>,
        threads: Vec<Thread>,
        checks: Vec<Check>,
    ) -> Before {
        let summary = comments
            .into_iter()
            .find(|comment| same_login(&comment.author, own) && marker::is_summary(&comment.body));
        let state = summary
            .as_ref()
            .and_then(|comment| marker::summary_state(&comment.body))
            .and_then(State::decode);
        let mut threads: HashMap<u64, Thread> =
            threads.into_iter().map(|thread| (thread.first_comment, thread)).collect();
        let mut inline = HashMap::new();
        for comment in review_comments {
            if !same_login(&comment.author, own) || comment.in_reply_to.is_some() {
                continue;
            }
            let Some(id) = inline::finding_id(&comment.body) else { continue };
            let known = inline::payload(&comment.body).and_then(Known::decode);
            let thread = threads.remove(&comment.id);
            // A finding that came back was posted again; its last comment counts.
            inline.insert(id, Posted { comment, known, thread });
        }
        Before { summary, state, inline, checks }
    }

    /// Whether this very head was reviewed to the end by this model.
    pub fn is_complete(&self, head: &str, model: &str) -> bool {
        self.state
            .as_ref()
            .is_some_and(|state| state.complete && state.head == head && state.model == model)
    }
}

/// What of an earlier run counts for this one.
#[derive(Debug, Clone, Default)]
pub struct Resumed {
    /// Model findings whose line still stands in hunks that need not be read again.
    pub standing: Vec<Finding>,
    /// Model findings whose line stands in hunks that changed: they hold only if
    /// the model says so again.
    pub in_question: Vec<Finding>,
    /// Findings that a person put aside.
    pub dismissed: Vec<Known>,
    /// Hunks that the model has read and that did not change.
    pub read: HashSet<HunkDigest>,
}

/// Hold what is remembered against the change. `own` is our login.
pub fn resume(change: &Change, before: &Before, own: &str, model: &str) -> Resumed {
    let mut resumed = Resumed::default();
    // What another model read (or none) has to be read again.
    if let Some(state) = before.state.as_ref().filter(|state| state.model == model) {
        resumed.read = state.read.clone();
    }
    let mut seen = HashSet::new();
    let remembered = before.state.iter().flat_map(|state| state.findings.iter().cloned());
    // Comments remember their finding too: a run that was killed before it
    // could write the summary has left only these.
    let posted = before.inline.values().filter_map(|posted| posted.known.clone());
    let mut known: Vec<Known> =
        remembered.chain(posted).filter(|known| seen.insert(known.id.clone())).collect();
    known.sort_by(|a, b| (&a.path, a.line, &a.id).cmp(&(&b.path, b.line, &b.id)));
    let put_aside: HashSet<&Fingerprint> =
        before.state.iter().flat_map(|state| state.dismissed.iter()).collect();
    for known in known {
        if put_aside.contains(&known.id) || is_dismissed(&known, before, own) {
            resumed.dismissed.push(known);
            continue;
        }
        if withdrawn_by_us(before.inline.get(&known.id), own) {
            continue;
        }
        // Rules are run again in full: what they no longer say is gone.
        if matches!(known.source, Source::Rule(_)) {
            continue;
        }
        let Some(line) = state::locate(change, &known) else { continue };
        let body = before
            .inline
            .get(&known.id)
            .map(|posted| inline::remark(&posted.comment.body).to_owned())
            .unwrap_or_default();
        let finding = known.at(line, body);
        if resumed.read.contains(&digest_at(change, &finding)) {
            resumed.standing.push(finding);
        } else {
            resumed.in_question.push(finding);
        }
    }
    for id in put_aside {
        if !resumed.dismissed.iter().any(|known| known.id == *id) {
            resumed.dismissed.push(Known::only(id.clone()));
        }
    }
    resumed.dismissed.sort_by(|a, b| a.id.cmp(&b.id));
    resumed
}

/// The digest under which the finding's hunk was or was not read.
fn digest_at(change: &Change, finding: &Finding) -> HunkDigest {
    let Some(file) = change.file(&finding.path) else { return HunkDigest::default() };
    let hunk = file
        .lines()
        .find(|line| line.side() == finding.side && line.number() == finding.line)
        .map(|line| line.hunk);
    hunk.map(|hunk| state::hunk_digest(file, hunk)).unwrap_or_default()
}

/// A person resolved the thread, deleted the comment, or gave it a thumbs down.
/// A rule's finding is only put aside by who may resolve threads: a stranger's
/// thumb must not turn a leaked key green.
fn is_dismissed(known: &Known, before: &Before, own: &str) -> bool {
    let Some(posted) = before.inline.get(&known.id) else {
        return known.inline;
    };
    let resolved = posted.thread.as_ref().is_some_and(|thread| {
        thread.resolved && !thread.resolved_by.as_deref().is_some_and(|who| same_login(who, own))
    });
    resolved || posted.comment.thumbs_down > 0 && matches!(known.source, Source::Model(_))
}

/// We resolved its thread ourselves, because it was gone.
pub fn withdrawn_by_us(posted: Option<&Posted>, own: &str) -> bool {
    posted.and_then(|posted| posted.thread.as_ref()).is_some_and(|thread| {
        thread.resolved && thread.resolved_by.as_deref().is_some_and(|who| same_login(who, own))
    })
}

/// Which hunks of a file the model still has to read.
pub fn unread(file: &FileDiff, read: &HashSet<HunkDigest>) -> Vec<usize> {
    if read.is_empty() {
        return (0..file.patch().map_or(0, |patch| patch.hunks.len())).collect();
    }
    if read.contains(&state::file_digest(file)) {
        return Vec::new();
    }
    let digests = state::hunk_digests(file);
    (0..digests.len()).filter(|&hunk| !read.contains(&digests[hunk])).collect()
}
