//! What earlier runs left on the change request, as far as it is really ours.

use std::collections::{BTreeMap, BTreeSet};

use super::{inline, markdown};
use crate::finding::Fingerprint;
use crate::forge::{Check, Comment, ReviewComment, Thread};

/// How the external ids of our checks begin.
pub const CHECK_PREFIX: &str = "pipewright:review:";

/// What is there already. Everything in here was written by our own account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Existing {
    /// The summary comment: its number and its body.
    pub summary: Option<(u64, String)>,
    /// Findings that have a comment which stands. A comment whose thread we
    /// resolved because its finding was gone does not: if the finding comes
    /// back, it is said again. A thread that a person resolved stands.
    pub commented: BTreeSet<Fingerprint>,
    /// Our threads that are not resolved, by their finding.
    pub open_threads: BTreeMap<Fingerprint, Vec<String>>,
    /// Our newest check on the head.
    pub check: Option<Check>,
}

impl Existing {
    /// Sorts out what is ours from what the host lists. `own_login` is the
    /// token's account; a comment of anyone else counts for nothing, whatever
    /// markers it has. Without threads (a host that has none, or did not
    /// answer), every comment stands.
    pub fn collect(
        own_login: &str,
        comments: &[Comment],
        review_comments: &[ReviewComment],
        threads: &[Thread],
        checks: &[Check],
    ) -> Self {
        let summary = comments
            .iter()
            .filter(|comment| same_account(own_login, &comment.author, comment.author_is_bot))
            .find(|comment| markdown::is_summary(&comment.body))
            .map(|comment| (comment.id, comment.body.clone()));
        let by_comment: BTreeMap<u64, &Thread> =
            threads.iter().map(|thread| (thread.first_comment, thread)).collect();
        let mut existing = Existing { summary, ..Existing::default() };
        for comment in review_comments {
            if comment.in_reply_to.is_some()
                || !same_account(own_login, &comment.author, comment.author_is_bot)
            {
                continue;
            }
            let Some(id) = inline::finding_id(&comment.body) else { continue };
            let thread = by_comment.get(&comment.id);
            let ours_resolved = thread.is_some_and(|thread| {
                let by = thread.resolved_by.as_deref();
                thread.resolved && by.is_some_and(|login| same_account(own_login, login, true))
            });
            if let Some(thread) = thread.filter(|thread| !thread.resolved) {
                existing.open_threads.entry(id.clone()).or_default().push(thread.id.clone());
            }
            if !ours_resolved {
                existing.commented.insert(id);
            }
        }
        existing.check =
            checks.iter().find(|check| check.external_id.starts_with(CHECK_PREFIX)).cloned();
        existing
    }

    /// The state that the last complete run kept in the summary.
    pub fn state(&self) -> Option<&str> {
        markdown::summary_state(&self.summary.as_ref()?.1)
    }
}

/// REST calls an app `name[bot]`, GraphQL calls it `name`. A person cannot be
/// taken for an app, since only apps are marked as bots; nor an app for the
/// person whose name it took.
pub fn same_account(own: &str, author: &str, author_is_bot: bool) -> bool {
    let bare = |login: &str| login.strip_suffix("[bot]").unwrap_or(login).to_ascii_lowercase();
    let is_app = own.to_ascii_lowercase().ends_with("[bot]");
    own.eq_ignore_ascii_case(author) || (is_app && author_is_bot && bare(own) == bare(author))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Side;

    fn remark(id: u64, author: &str, bot: bool, finding: &str) -> ReviewComment {
        ReviewComment {
            id,
            in_reply_to: None,
            author: author.into(),
            author_is_bot: bot,
            body: format!("x\n<!-- pipewright:finding {finding} -->"),
            path: "a".into(),
            line: Some(1),
            side: Side::New,
            thumbs_down: 0,
        }
    }

    fn thread(first: u64, resolved_by: Option<&str>) -> Thread {
        Thread {
            id: format!("T{first}"),
            first_comment: first,
            resolved: resolved_by.is_some(),
            resolved_by: resolved_by.map(str::to_owned),
            outdated: false,
        }
    }

    #[test]
    fn only_what_our_account_wrote_is_ours() {
        let body = "<!-- pipewright:summary -->\n<!-- pipewright:state v1 QUJD -->\n";
        let comment = |id, author: &str, bot| Comment {
            id,
            author: author.into(),
            author_is_bot: bot,
            body: body.into(),
        };
        let existing = Existing::collect(
            "github-actions[bot]",
            &[
                comment(1, "mallory", false),
                comment(2, "github-actions", false),
                comment(3, "github-actions[bot]", true),
            ],
            &[
                remark(7, "mallory", false, "aaaaaaaaaaaaaaaa"),
                remark(8, "github-actions[bot]", true, "bbbbbbbbbbbbbbbb"),
            ],
            &[],
            &[],
        );
        assert_eq!(existing.summary.as_ref().map(|(id, _)| *id), Some(3));
        assert_eq!(existing.state(), Some("QUJD"));
        assert_eq!(existing.commented, [Fingerprint("bbbbbbbbbbbbbbbb".into())].into());
    }

    #[test]
    fn accounts_are_told_apart() {
        for (own, author, bot, expect) in [
            ("alice", "Alice", false, true),
            ("alice", "alice[bot]", true, false),
            ("helper[bot]", "helper", true, true),
            ("helper[bot]", "helper", false, false),
            ("helper[bot]", "Helper[bot]", true, true),
        ] {
            assert_eq!(same_account(own, author, bot), expect, "{own} {author}");
        }
    }

    #[test]
    fn a_thread_we_resolved_may_be_said_again_but_not_one_a_person_resolved() {
        let remarks = [
            remark(1, "bot[bot]", true, "aaaaaaaaaaaaaaaa"),
            remark(2, "bot[bot]", true, "bbbbbbbbbbbbbbbb"),
            remark(3, "bot[bot]", true, "cccccccccccccccc"),
        ];
        let threads = [thread(1, Some("bot")), thread(2, Some("alice")), thread(3, None)];
        let existing = Existing::collect("bot[bot]", &[], &remarks, &threads, &[]);
        let id = |text: &str| Fingerprint(text.into());
        assert_eq!(existing.commented, [id("bbbbbbbbbbbbbbbb"), id("cccccccccccccccc")].into());
        assert_eq!(existing.open_threads, [(id("cccccccccccccccc"), vec!["T3".to_owned()])].into());
    }
}
