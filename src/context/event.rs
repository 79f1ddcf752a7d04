//! Events, read from their payload: what is needed and no more, tolerant of
//! whatever else is there. <https://docs.github.com/webhooks/webhook-events-and-payloads>

use anyhow::{Result, bail};
use serde_json::Value;

use crate::finding::Side;

/// What set the run off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Nothing: a run by hand, or in a CI system without events.
    None,
    /// `pull_request`, and reviews of one: the head's own workflow, no secrets for forks.
    PullRequest(PullRequest),
    /// `pull_request_target`: the base's workflow with all its secrets.
    PullRequestTarget(PullRequest),
    /// `issue_comment`, `pull_request_review_comment`, `pull_request_review`.
    Comment(Comment),
    /// `workflow_dispatch`, with its input `number` if it has one.
    WorkflowDispatch {
        /// The pull request to review.
        number: Option<u64>,
        /// The branch it was dispatched on and the default branch, if they differ.
        branch: Option<(String, String)>,
    },
    /// `merge_group`: a queue's candidate.
    MergeGroup {
        /// `checks_requested` or `destroyed`.
        action: String,
        /// The revision it goes onto.
        base: String,
        /// The candidate.
        head: String,
    },
    /// `push`.
    Push(Push),
    /// Another event: `schedule`, `workflow_run`, …
    Other {
        /// Its name.
        name: String,
    },
}

/// A commit that a pull request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// In full, in hexadecimal.
    pub sha: String,
    /// The branch. Untrusted text for a head.
    pub git_ref: String,
    /// `owner/name`; `None` once a fork is deleted.
    pub repository: Option<String>,
}

/// A pull request, by its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// `opened`, `synchronize`, `reopened`, `ready_for_review`, …
    pub action: String,
    /// Its number.
    pub number: u64,
    /// Tip of its branch.
    pub head: Commit,
    /// Tip of the branch it goes onto.
    pub base: Commit,
    /// Whether its branch lies in another repository, or in one that is gone.
    pub from_fork: bool,
    /// Whether it may still be merged.
    pub open: bool,
    /// Whether it is marked as work in progress.
    pub draft: bool,
    /// Untrusted text.
    pub title: String,
    /// Untrusted text.
    pub body: String,
    /// Login of who opened it.
    pub author: String,
    /// Changed files, by the host's count, where told.
    pub changed_files: Option<usize>,
    /// Commits, by the host's count, where told.
    pub commits: Option<usize>,
}

/// A comment in a conversation, on a line, or of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// `created`, `edited`, `deleted` or `dismissed`.
    pub action: String,
    /// The or pull request's number.
    pub number: u64,
    /// The comment's number.
    pub id: u64,
    /// Untrusted text.
    pub body: String,
    /// Login of who wrote it.
    pub author: String,
    /// Whether the author is an app or a bot account.
    pub author_is_bot: bool,
    /// `OWNER`, `MEMBER`, `COLLABORATOR`, `CONTRIBUTOR`, `NONE`, … A hint: the
    /// permission on the repository is what counts.
    pub author_association: String,
    /// Whether it is on a pull request.
    pub on_pull_request: bool,
    /// Where on it.
    pub at: CommentPlace,
    /// Whether that is open.
    pub open: bool,
}

/// Where a comment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommentPlace {
    /// In the conversation.
    Conversation,
    /// On a line of the change.
    Line(Box<LinePlace>),
    /// In the text of a review.
    Review,
}

/// The line that a comment stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePlace {
    /// The file. Untrusted text.
    pub path: String,
    /// Its last line now; `None` once the line is gone from the diff (outdated).
    pub line: Option<u32>,
    /// Its last line in the revision that it was made on.
    pub original_line: Option<u32>,
    /// Which version the lines count in.
    pub side: Side,
    /// The revision it stands on now.
    pub commit: Option<String>,
    /// The comment that this one answers: the first of its thread.
    pub in_reply_to: Option<u64>,
    /// The diff up to the line, as it was. Untrusted text.
    pub diff_hunk: String,
}

/// A push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// `refs/heads/…` or `refs/tags/…`.
    pub git_ref: String,
    /// The tip before; `None` for a new branch.
    pub before: Option<String>,
    /// The tip after.
    pub after: String,
    /// The repository's default branch, where told.
    pub default_branch: Option<String>,
    /// Whether the branch is new.
    pub created: bool,
    /// Whether the branch is gone; `after` is zeros.
    pub deleted: bool,
    /// Whether history was rewritten.
    pub forced: bool,
}

/// Reads an event's payload.
///
/// # Errors
/// A field that the event needs is missing or of another type; the message names it.
pub fn parse(name: &str, payload: &Value) -> Result<Event> {
    let root = Fields { value: payload };
    Ok(match name {
        "pull_request" => Event::PullRequest(pull_request(&root)?),
        "pull_request_target" => Event::PullRequestTarget(pull_request(&root)?),
        "issue_comment" => {
            Event::Comment(comment(&root, "/issue", "/comment", CommentPlace::Conversation)?)
        }
        "pull_request_review_comment" => {
            let place = CommentPlace::Line(Box::new(line_place(&root)));
            Event::Comment(comment(&root, "/pull_request", "/comment", place)?)
        }
        "pull_request_review" => {
            Event::Comment(comment(&root, "/pull_request", "/review", CommentPlace::Review)?)
        }
        "workflow_dispatch" => {
            Event::WorkflowDispatch { number: dispatched(&root)?, branch: dispatched_on(&root) }
        }
        "merge_group" => Event::MergeGroup {
            action: root.text("/action")?,
            base: root.sha("/merge_group/base_sha")?,
            head: root.sha("/merge_group/head_sha")?,
        },
        "push" => Event::Push(push(&root)?),
        name => Event::Other { name: name.to_owned() },
    })
}

fn pull_request(root: &Fields<'_>) -> Result<PullRequest> {
    let commit = |side: &str| -> Result<Commit> {
        Ok(Commit {
            sha: root.sha(&format!("/pull_request/{side}/sha"))?,
            git_ref: root.text(&format!("/pull_request/{side}/ref"))?,
            repository: root.maybe_text(&format!("/pull_request/{side}/repo/full_name")),
        })
    };
    let (head, base) = (commit("head")?, commit("base")?);
    Ok(PullRequest {
        action: root.text("/action")?,
        number: root.number("/pull_request/number")?,
        // A head without a repository is a deleted fork.
        from_fork: head.repository.is_none() || head.repository != base.repository,
        head,
        base,
        open: root.text("/pull_request/state")? == "open",
        draft: root.flag("/pull_request/draft"),
        title: root.maybe_text("/pull_request/title").unwrap_or_default(),
        body: root.maybe_text("/pull_request/body").unwrap_or_default(),
        // A deleted account leaves `null` behind.
        author: root.maybe_text("/pull_request/user/login").unwrap_or_else(|| "ghost".to_owned()),
        changed_files: root.count("/pull_request/changed_files"),
        commits: root.count("/pull_request/commits"),
    })
}

fn line_place(root: &Fields<'_>) -> LinePlace {
    let at = |field: &str| root.at(&format!("/comment/{field}"));
    let text = |field: &str| at(field).and_then(Value::as_str).map(str::to_owned);
    let line = |field: &str| at(field)?.as_u64().and_then(|line| u32::try_from(line).ok());
    LinePlace {
        path: text("path").unwrap_or_default(),
        line: line("line"),
        original_line: line("original_line"),
        side: if text("side").as_deref() == Some("LEFT") { Side::Old } else { Side::New },
        commit: text("commit_id"),
        in_reply_to: at("in_reply_to_id").and_then(Value::as_u64),
        diff_hunk: text("diff_hunk").unwrap_or_default(),
    }
}

fn comment(root: &Fields<'_>, on: &str, comment: &str, place: CommentPlace) -> Result<Comment> {
    let of = |field: &str| root.maybe_text(&format!("{comment}/{field}"));
    let author = of("user/login").unwrap_or_else(|| "ghost".to_owned());
    let app = format!("{comment}/performed_via_github_app");
    let by_app = root.at(&app).is_some_and(|app| !app.is_null());
    let action = root.text("/action")?;
    Ok(Comment {
        // A review is a comment that is submitted.
        action: if action == "submitted" { "created".to_owned() } else { action },
        number: root.number(&format!("{on}/number"))?,
        id: root.number(&format!("{comment}/id"))?,
        body: of("body").unwrap_or_default(),
        author_is_bot: of("user/type").as_deref() == Some("Bot")
            || author.ends_with("[bot]")
            || by_app,
        author,
        author_association: of("author_association").unwrap_or_default(),
        on_pull_request: on == "/pull_request"
            || root.at("/issue/pull_request").is_some_and(Value::is_object),
        at: place,
        open: root.maybe_text(&format!("{on}/state")).is_none_or(|state| state == "open"),
    })
}

/// The workflow's own input `number` (or `pull_request`), which the host hands over as text.
/// The branch and the default branch, where a branch other than that was named.
fn dispatched_on(root: &Fields<'_>) -> Option<(String, String)> {
    let branch = root.at("/ref")?.as_str()?.strip_prefix("refs/heads/")?;
    let default = root.at("/repository/default_branch")?.as_str()?;
    (branch != default && !default.is_empty()).then(|| (branch.to_owned(), default.to_owned()))
}

fn dispatched(root: &Fields<'_>) -> Result<Option<u64>> {
    const NAMES: [&str; 5] = [
        "/inputs/number",
        "/inputs/pull_request",
        "/inputs/pull_request_number",
        "/inputs/pr",
        "/inputs/pr_number",
    ];
    for pointer in NAMES {
        let Some(value) = root.at(pointer) else { continue };
        let number = match value {
            Value::Null => continue,
            Value::String(text) if text.trim().is_empty() => continue,
            Value::String(text) => text.trim().trim_start_matches('#').parse().ok(),
            value => value.as_u64(),
        };
        match number {
            Some(number) if number > 0 => return Ok(Some(number)),
            _ => bail!("`{}` is not a pull request's number", dotted(pointer)),
        }
    }
    Ok(None)
}

fn push(root: &Fields<'_>) -> Result<Push> {
    let after = root.sha("/after")?;
    let before = root.sha("/before")?;
    let is_none = |sha: &str| sha.bytes().all(|byte| byte == b'0');
    Ok(Push {
        git_ref: root.text("/ref")?,
        deleted: root.flag("/deleted") || is_none(&after),
        created: root.flag("/created") || is_none(&before),
        before: Some(before).filter(|sha| !is_none(sha)),
        after,
        default_branch: root.maybe_text("/repository/default_branch"),
        forced: root.flag("/forced"),
    })
}

/// A payload, with errors that name the field.
struct Fields<'a> {
    value: &'a Value,
}

impl<'a> Fields<'a> {
    fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.value.pointer(pointer)
    }

    fn maybe_text(&self, pointer: &str) -> Option<String> {
        self.at(pointer)?.as_str().map(str::to_owned)
    }

    fn text(&self, pointer: &str) -> Result<String> {
        match self.at(pointer) {
            None | Some(Value::Null) => bail!("`{}` is missing", dotted(pointer)),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => bail!("`{}` is not text", dotted(pointer)),
        }
    }

    /// A commit's full name: 40 or 64 hexadecimal digits. It goes into paths of
    /// requests, so nothing else may pass.
    fn sha(&self, pointer: &str) -> Result<String> {
        let text = self.text(pointer)?;
        let is_sha = matches!(text.len(), 40 | 64)
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_sha {
            bail!("`{}` is not a commit", dotted(pointer));
        }
        Ok(text)
    }

    fn number(&self, pointer: &str) -> Result<u64> {
        match self.at(pointer) {
            None | Some(Value::Null) => bail!("`{}` is missing", dotted(pointer)),
            Some(value) => match value.as_u64() {
                Some(number) => Ok(number),
                None => bail!("`{}` is not a number", dotted(pointer)),
            },
        }
    }

    fn count(&self, pointer: &str) -> Option<usize> {
        self.at(pointer)?.as_u64().and_then(|count| usize::try_from(count).ok())
    }

    fn flag(&self, pointer: &str) -> bool {
        self.at(pointer).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// `/pull_request/head/sha` as people write it: `pull_request.head.sha`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}
