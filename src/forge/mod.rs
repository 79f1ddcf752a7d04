//! Code hosts: what a review reads from one and writes to one.
//!
//! [`Forge`] is cut by capability. A host that lacks something says so in
//! [`Capabilities`], and publishing degrades. Everything a run writes is an
//! [`Operation`], made by `publish::plan` and bound to one [`Target`], which
//! comes from the event and never from a model.

pub mod github;
pub mod local;
mod operation;

pub use self::operation::*;

use async_trait::async_trait;

use crate::diff::{Change, RepoPath};
use crate::finding::Side;

/// The change under review, fixed by the event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// `owner/name`, or the host's like.
    pub repository: String,
    /// The change request's number; `None` for a bare commit (`push`, `merge_group`).
    pub number: Option<u64>,
    /// The revision under review, in full.
    pub head: String,
    /// The revision it goes onto, in full: where configuration is read from.
    pub base: String,
}

/// What the host says of a change request, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRequest {
    /// Its number.
    pub number: u64,
    /// Title. Untrusted text.
    pub title: String,
    /// Description. Untrusted text.
    pub body: String,
    /// Who opened it.
    pub author: String,
    /// Tip of the base branch.
    pub base: String,
    /// The base branch.
    pub base_ref: String,
    /// Tip of the change's branch.
    pub head: String,
    /// The change's branch. Untrusted text.
    pub head_ref: String,
    /// Whether the branch lies in another repository: its token can write nothing.
    pub from_fork: bool,
    /// Whether it may still be merged.
    pub open: bool,
    /// Whether it is marked as work in progress.
    pub draft: bool,
    /// Changed files, by the host's count.
    pub changed_files: usize,
    /// Commits, by the host's count.
    pub commits: usize,
}

/// A comment in the change request's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The host's number for it.
    pub id: u64,
    /// Login of who wrote it.
    pub author: String,
    /// Whether the author is an app or a bot account.
    pub author_is_bot: bool,
    /// Markdown. Untrusted unless we wrote it.
    pub body: String,
}

/// A comment on a line of the change, as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewComment {
    /// The host's number for it.
    pub id: u64,
    /// The comment that this one answers.
    pub in_reply_to: Option<u64>,
    /// Login of who wrote it.
    pub author: String,
    /// Whether the author is an app or a bot account.
    pub author_is_bot: bool,
    /// Markdown. Untrusted unless we wrote it.
    pub body: String,
    /// The file.
    pub path: String,
    /// Its last line now; `None` once the line is gone from the diff (outdated).
    pub line: Option<u32>,
    /// Which version the line counts in.
    pub side: Side,
    /// How many thumbs down it has.
    pub thumbs_down: u64,
}

/// A comment on a line of the change, with the line as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineComment {
    /// As listed.
    pub comment: ReviewComment,
    /// Its first line in the revision that it was made on, if it has several.
    pub original_start_line: Option<u32>,
    /// Its last line in the revision that it was made on.
    pub original_line: Option<u32>,
    /// The revision that it was made on.
    pub original_commit: Option<String>,
    /// The diff up to the line, as it was. Untrusted text.
    pub diff_hunk: String,
}

/// A comment that can be reacted to, changed or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommentRef {
    /// In the conversation.
    Conversation(u64),
    /// On a line of the change.
    Line(u64),
}

/// A mark that people see under a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It was seen.
    Eyes,
    /// Done.
    ThumbsUp,
    /// It was not understood, or failed.
    Confused,
}

/// A thread of review comments, with what can be done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Opaque: what [`Operation::ResolveThread`] takes.
    pub id: String,
    /// The first comment's number.
    pub first_comment: u64,
    /// Whether it is resolved.
    pub resolved: bool,
    /// Login of who resolved it.
    pub resolved_by: Option<String>,
    /// Whether its line is gone from the diff.
    pub outdated: bool,
}

/// A commit of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name, in full.
    pub sha: String,
    /// Its whole message. Untrusted text.
    pub message: String,
    /// Whether it has several parents.
    pub is_merge: bool,
}

/// An issue of the same repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Title. Untrusted text.
    pub title: String,
    /// Description, in Markdown. Untrusted text.
    pub body: String,
    /// Whether it is still to be done.
    pub open: bool,
    /// Names of its labels.
    pub labels: Vec<String>,
}

/// The words that come with a review, beside its comments on lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewBody {
    /// Login of who wrote it.
    pub author: String,
    /// Whether the author is an app or a bot account.
    pub author_is_bot: bool,
    /// Whether it asks for changes.
    pub asks_for_changes: bool,
    /// Markdown; not empty. Untrusted unless we wrote it.
    pub body: String,
}

/// What is known of a change request beside its diff and its comments. What the
/// host would not say is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Background {
    /// The newest commits, at most 100, oldest first.
    pub commits: Option<Vec<Commit>>,
    /// Issues that it closes or mentions.
    pub issues: Option<Vec<Issue>>,
    /// What reviews say as a whole, oldest first.
    pub reviews: Option<Vec<ReviewBody>>,
    /// Threads on lines, if these are all of them.
    pub threads: Option<Vec<Thread>>,
}

/// A change request that is over, with what was said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastRequest {
    /// Its number.
    pub number: u64,
    /// The conversation, oldest first, at most 30.
    pub comments: Vec<Comment>,
    /// Threads on lines, at most 60.
    pub threads: Vec<PastThread>,
}

/// A thread on a line of a change request that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastThread {
    /// The file.
    pub path: String,
    /// Whether it is resolved.
    pub resolved: bool,
    /// Login of who resolved it.
    pub resolved_by: Option<String>,
    /// Whether its line was changed afterwards.
    pub outdated: bool,
    /// What was said, oldest first, at most 12.
    pub comments: Vec<PastComment>,
}

/// What somebody said in such a thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastComment {
    /// Login of who wrote it.
    pub author: String,
    /// Whether the author is an app or a bot account.
    pub author_is_bot: bool,
    /// Whether the author belongs to the repository.
    pub author_is_member: bool,
    /// Markdown. Untrusted unless we wrote it.
    pub body: String,
    /// Its address.
    pub url: String,
    /// Logins of those who gave it a thumbs down.
    pub thumbs_down: Vec<String>,
}

/// Names of files, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileList {
    /// With slashes, from the repository's root. Ordinary files only.
    pub files: Vec<String>,
    /// Whether the host left some out.
    pub truncated: bool,
}

/// A check that exists on a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The host's number for it.
    pub id: u64,
    /// Our own mark, as given in [`CheckContent::external_id`].
    pub external_id: String,
    /// Whether it has a conclusion.
    pub completed: bool,
}

/// What a person may do in a repository, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Manage issues and change requests.
    Triage,
    /// Push.
    Write,
    /// Everything.
    Admin,
}

/// What this host can do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Reviews with comments on lines.
    pub reviews: bool,
    /// Checks with annotations.
    pub checks: bool,
    /// Commit statuses.
    pub statuses: bool,
    /// Threads that can be resolved.
    pub resolve_threads: bool,
}

/// Why a read or a write failed, as far as a caller acts on it.
#[derive(Debug)]
pub enum ForgeError {
    /// The token may not do this (401, 403, 404 on a write). Publishing degrades.
    Denied(anyhow::Error),
    /// The host did not take what was sent (422): a line outside the diff, a closed change.
    Rejected(anyhow::Error),
    /// Not there (404 on a read).
    NotFound(anyhow::Error),
    /// The host could not be reached, or kept failing.
    Unreachable(anyhow::Error),
}

impl std::fmt::Display for ForgeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (ForgeError::Denied(inner)
        | ForgeError::Rejected(inner)
        | ForgeError::NotFound(inner)
        | ForgeError::Unreachable(inner)) = self;
        write!(f, "{inner:#}")
    }
}

impl std::error::Error for ForgeError {}

/// Result of a call to a host.
pub type Result<T> = std::result::Result<T, ForgeError>;

/// A code host, bound to one [`Target`]'s repository and change.
#[async_trait]
pub trait Forge: Send + Sync {
    /// What this host can do at all.
    fn capabilities(&self) -> Capabilities;

    /// The change request as it is now.
    async fn change_request(&self, number: u64) -> Result<ChangeRequest>;

    /// The change request's diff. Files whose patch the host leaves out come as
    /// [`crate::diff::Content::Missing`]; none is left out. `expected_files` is a
    /// hint that lets pages be asked for side by side.
    async fn diff(&self, number: u64, expected_files: Option<usize>) -> Result<Change>;

    /// What differs between two revisions, from their merge base, which comes first.
    async fn compare(&self, base: &str, head: &str) -> Result<(String, Change)>;

    /// A file at a revision; `None` if it is not there.
    async fn file(&self, revision: &str, path: &RepoPath) -> Result<Option<Vec<u8>>>;

    /// The names in the root folder at a revision.
    async fn root_entries(&self, revision: &str) -> Result<Vec<String>>;

    /// The text files at a revision among `paths`, and those below `folder` (two
    /// levels deep): path and text, as many in one request as the host allows.
    /// What is not there, or is no text, is left out. A link reads as its target's
    /// name or as the file it leads to, as the host has it.
    async fn texts(
        &self,
        revision: &str,
        paths: &[String],
        folder: Option<&str>,
    ) -> Result<Vec<(String, String)>> {
        let _ = folder;
        let mut found = Vec::new();
        for path in paths {
            let content = self.file(revision, &RepoPath::from(path.as_str())).await?;
            if let Some(text) = content.and_then(|bytes| String::from_utf8(bytes).ok()) {
                found.push((path.clone(), text));
            }
        }
        Ok(found)
    }

    /// The files below `dir` (empty: all) at a revision.
    async fn list_files(&self, revision: &str, dir: &str) -> Result<FileList> {
        Err(ForgeError::Rejected(anyhow::anyhow!(
            "this host does not list the files of `{dir}` at {revision}"
        )))
    }

    /// Commits of the change request, oldest first, at most 250.
    async fn commits(&self, number: u64) -> Result<Vec<Commit>> {
        Err(ForgeError::Rejected(anyhow::anyhow!(
            "this host does not list the commits of #{number}"
        )))
    }

    /// What is known of a change request beside its diff, in one request where the
    /// host can. `mentioned` are numbers of issues that its text names.
    async fn background(&self, number: u64, mentioned: &[u64]) -> Result<Background> {
        let _ = (number, mentioned);
        Ok(Background::default())
    }

    /// The newest `most` change requests that are over, by their last update, not
    /// before the day `since` (`2026-01-31`).
    async fn past_requests(&self, since: Option<&str>, most: usize) -> Result<Vec<PastRequest>> {
        let _ = (since, most);
        Err(ForgeError::Rejected(anyhow::anyhow!("this host does not list past change requests")))
    }

    /// The branch that changes go onto where nobody says otherwise.
    async fn default_branch(&self) -> Result<String> {
        Err(ForgeError::Rejected(anyhow::anyhow!("this host does not tell its default branch")))
    }

    /// Names of the labels on a change request.
    async fn labels(&self, number: u64) -> Result<Vec<String>> {
        Err(ForgeError::Rejected(anyhow::anyhow!(
            "this host does not list the labels of #{number}"
        )))
    }

    /// The conversation, oldest first.
    async fn comments(&self, number: u64) -> Result<Vec<Comment>>;

    /// One comment of the conversation.
    async fn comment(&self, id: u64) -> Result<Comment>;

    /// Comments on lines, oldest first.
    async fn review_comments(&self, number: u64) -> Result<Vec<ReviewComment>>;

    /// One comment on a line.
    async fn line_comment(&self, id: u64) -> Result<LineComment> {
        let error = anyhow::anyhow!("cannot read line comment {id}: this host has none");
        Err(ForgeError::NotFound(error))
    }

    /// The text of a review.
    async fn review_text(&self, number: u64, id: u64) -> Result<Comment> {
        let error = anyhow::anyhow!("cannot read review {id} of #{number}: this host has none");
        Err(ForgeError::NotFound(error))
    }

    /// Threads on lines.
    async fn threads(&self, number: u64) -> Result<Vec<Thread>>;

    /// A branch of the repository; `None` if there is none of this name.
    async fn branch(&self, branch: &str) -> Result<Option<Branch>> {
        Err(ForgeError::Rejected(anyhow::anyhow!("this host does not show the branch `{branch}`")))
    }

    /// The number of the change request that is open from a branch of the repository.
    async fn open_change(&self, branch: &str) -> Result<Option<u64>> {
        Err(ForgeError::Rejected(anyhow::anyhow!(
            "this host does not list the change requests from `{branch}`"
        )))
    }

    /// Our checks on a revision, newest first.
    async fn checks(&self, head: &str) -> Result<Vec<Check>>;

    /// Login of the token's own account.
    async fn own_login(&self) -> Result<String>;

    /// What a person may do in the repository.
    async fn permission(&self, login: &str) -> Result<Permission>;

    /// Carry out one write on the change request `number` (`None`: a bare commit).
    async fn apply(&self, number: Option<u64>, operation: &Operation) -> Result<Applied>;
}
