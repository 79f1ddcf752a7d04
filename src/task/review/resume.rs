//! What an earlier run left, held against the change as it is now: which of its
//! findings still hold, which are gone, which a person put aside, and what the
//! model need not read again.

use std::collections::{HashMap, HashSet};

use super::state::{self, HunkDigest, Known, State};
use crate::diff::{Change, FileDiff};
use crate::finding::{Finding, Fingerprint, Source};
use crate::forge::{Check, Comment, ReviewComment, Thread};
use crate::publish::existing::{Existing, same_account};
use crate::publish::markdown::StatePayload;
use crate::publish::{inline, markdown};

/// What is there already, as far as it is of our own making.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// What publishing has to know.
    pub existing: Existing,
    /// What the summary's marker carries.
    pub state: Option<State>,
    /// Our comments on lines, by the finding they carry, with their threads
    /// where the host has threads.
    pub posted: HashMap<Fingerprint, (ReviewComment, Option<Thread>)>,
}

/// Whether anything listed could be ours: only then is it worth asking the host
/// who we are.
pub fn has_marks(comments: &[Comment], review_comments: &[ReviewComment]) -> bool {
    comments.iter().any(|comment| markdown::is_summary(&comment.body))
        || review_comments.iter().any(|comment| inline::finding_id(&comment.body).is_some())
}

impl Before {
    /// Sort out what is ours. Text that carries our marks but was written by
    /// someone else is ignored: state is believed from our own account only.
    pub fn read(
        own: &str,
        comments: &[Comment],
        review_comments: Vec<ReviewComment>,
        threads: &[Thread],
        checks: &[Check],
    ) -> Before {
        let existing = Existing::collect(own, comments, &review_comments, threads, checks);
        let state =
            existing.state().and_then(StatePayload::decode).and_then(|bytes| State::decode(&bytes));
        let threads: HashMap<u64, &Thread> =
            threads.iter().map(|thread| (thread.first_comment, thread)).collect();
        let mut posted = HashMap::new();
        for comment in review_comments {
            let ours = same_account(own, &comment.author, comment.author_is_bot);
            if !ours || comment.in_reply_to.is_some() {
                continue;
            }
            let Some(id) = inline::finding_id(&comment.body) else { continue };
            let thread = threads.get(&comment.id).map(|&thread| thread.clone());
            // A finding that came back was said again; its last comment counts.
            posted.insert(id, (comment, thread));
        }
        Before { existing, state, posted }
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
    let put_aside: HashSet<&Fingerprint> =
        before.state.iter().flat_map(|state| state.dismissed.iter()).collect();
    for known in before.state.iter().flat_map(|state| &state.findings) {
        if put_aside.contains(&known.id) || is_dismissed(known, before, own) {
            resumed.dismissed.push(known.clone());
            continue;
        }
        // Rules are run again in full: what they no longer say is gone.
        if matches!(known.source, Source::Rule(_)) {
            continue;
        }
        let Some(line) = state::locate(change, known) else { continue };
        let mut finding = known.at(line);
        if digest_at(change, &finding).is_some_and(|digest| resumed.read.contains(&digest)) {
            resumed.standing.push(finding);
        } else {
            // Its lines may not be those that the edit was made for.
            finding.suggestion = None;
            resumed.in_question.push(finding);
        }
    }
    // A run that was killed before it could write the summary has left only comments.
    for (id, (comment, thread)) in &before.posted {
        let known = resumed.dismissed.iter().any(|known| known.id == *id);
        if !known && is_put_aside(thread.as_ref(), own) {
            resumed.dismissed.push(Known::only(id.clone(), &comment.path));
        }
    }
    for id in put_aside {
        if !resumed.dismissed.iter().any(|known| known.id == *id) {
            resumed.dismissed.push(Known::only(id.clone(), ""));
        }
    }
    resumed.dismissed.sort_by(|a, b| a.id.cmp(&b.id));
    resumed
}

/// The digest under which the finding's hunk was or was not read.
pub fn digest_at(change: &Change, finding: &Finding) -> Option<HunkDigest> {
    let file = change.file(&finding.path)?;
    let line =
        file.lines().find(|line| line.side() == finding.side && line.number() == finding.line)?;
    Some(state::hunk_digest(file, line.hunk))
}

/// A person resolved the thread, deleted the comment, or gave it a thumbs down.
/// A rule's finding is only put aside by those who may resolve threads: a
/// stranger's thumb must not turn a leaked key green.
fn is_dismissed(known: &Known, before: &Before, own: &str) -> bool {
    let Some((comment, thread)) = before.posted.get(&known.id) else {
        return known.inline;
    };
    is_put_aside(thread.as_ref(), own)
        || comment.thumbs_down > 0 && matches!(known.source, Source::Model(_))
}

/// Whether someone other than us resolved the thread.
fn is_put_aside(thread: Option<&Thread>, own: &str) -> bool {
    thread.is_some_and(|thread| {
        let by_us = thread.resolved_by.as_deref().is_some_and(|who| same_account(own, who, true));
        thread.resolved && !by_us
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
