//! What can be written to a host: operations, what they carry and what they leave.

use super::{CommentRef, Reaction};
use crate::finding::{Severity, Side};

/// One write. Applying the same one twice is the applier's to prevent: it
/// looks for what is there before it plans.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// One review with its inline comments; one atomic call.
    PostReview {
        /// The revision the lines count in.
        head: String,
        /// Markdown.
        body: String,
        /// Inline comments.
        comments: Vec<InlineComment>,
    },
    /// The summary comment, new.
    CreateComment {
        /// Markdown.
        body: String,
    },
    /// The summary comment, in place.
    UpdateComment {
        /// Which.
        id: u64,
        /// Markdown.
        body: String,
    },
    /// A check with a conclusion; annotations are sent in batches of 50.
    CreateCheck {
        /// The revision.
        head: String,
        /// What it says.
        check: CheckContent,
    },
    /// The same on a check that an earlier, killed run left behind.
    UpdateCheck {
        /// Which.
        id: u64,
        /// What it says.
        check: CheckContent,
    },
    /// A commit status, where checks are not allowed.
    SetStatus {
        /// The revision.
        head: String,
        /// Whether it is green.
        success: bool,
        /// At most 140 characters.
        description: String,
    },
    /// Mark a thread as done.
    ResolveThread {
        /// [`super::Thread::id`].
        thread: String,
    },
    /// A comment in the thread of a line comment.
    Reply {
        /// The thread's first comment.
        to: u64,
        /// Markdown.
        body: String,
    },
    /// The text of a line comment of our own, in place.
    UpdateReply {
        /// Which.
        id: u64,
        /// Markdown.
        body: String,
    },
    /// Take a comment of our own back.
    DeleteComment {
        /// Which.
        comment: CommentRef,
    },
    /// A mark under a comment.
    React {
        /// Which.
        comment: CommentRef,
        /// Which mark.
        kind: Reaction,
    },
    /// The change request's title and description; `None` leaves one as it is.
    UpdateDescription {
        /// One line.
        title: Option<String>,
        /// Markdown.
        body: Option<String>,
    },
    /// Take a label off the change request.
    RemoveLabel {
        /// Its name.
        label: String,
    },
    /// A change request from a branch of our own: the branch is made where it is
    /// missing, the files are committed on it where they differ, and the change
    /// request is opened, or brought up to date.
    ProposeChange {
        /// The branch, ours alone.
        branch: String,
        /// The branch it goes onto.
        base: String,
        /// Path and whole new text of each file.
        files: Vec<(String, Vec<u8>)>,
        /// The change request's title and the commit's message.
        title: String,
        /// Markdown.
        body: String,
    },
    /// Labels on the change request, beside those that are there.
    AddLabels {
        /// Their names.
        labels: Vec<String>,
    },
    /// One commit on a branch of the repository, made and signed by the host. Takes
    /// place only while the branch's tip is `parent`; else [`Applied::Moved`].
    Commit {
        /// The branch's name.
        branch: String,
        /// The tip that the files were made for.
        parent: String,
        /// The message's first line.
        headline: String,
        /// The rest of the message.
        body: String,
        /// Files with their whole content.
        files: Vec<FileContent>,
    },
    /// A branch at a revision; [`Applied::Moved`] if it is there, elsewhere.
    CreateBranch {
        /// Its name.
        branch: String,
        /// The revision.
        at: String,
    },
    /// A change request from a branch of the repository onto another; one that is
    /// open from the same branch is left as it is and its number given.
    OpenChange {
        /// The branch with the change.
        from: String,
        /// The branch it goes onto.
        onto: String,
        /// One line.
        title: String,
        /// Markdown.
        body: String,
    },
}

/// A file with its whole content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// From the repository's root.
    pub path: String,
    /// All of it.
    pub content: Vec<u8>,
}

/// A branch of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its tip.
    pub head: String,
    /// The newest commits, at most 50, newest first.
    pub commits: Vec<BranchCommit>,
}

/// A commit on a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchCommit {
    /// Its name, in full.
    pub sha: String,
    /// Its page.
    pub url: String,
    /// Its whole message. Untrusted text.
    pub message: String,
    /// Its first parent.
    pub parent: Option<String>,
}

/// A comment on lines of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineComment {
    /// The file.
    pub path: String,
    /// Which version the lines count in.
    pub side: Side,
    /// First line; equal to `line` for a single one. Same hunk as `line`.
    pub start_line: u32,
    /// Last line: where the host puts the comment.
    pub line: u32,
    /// Markdown, scrubbed.
    pub body: String,
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckContent {
    /// Our own mark: how a later run finds it again.
    pub external_id: String,
    /// `success`, `failure` or `neutral`.
    pub conclusion: Conclusion,
    /// One line.
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// Remarks on lines, in order of importance.
    pub annotations: Vec<Annotation>,
}

/// How a check ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Nothing at or above `fail_on`.
    Success,
    /// Something at or above `fail_on`.
    Failure,
    /// Incomplete: a cap was reached, or the model could not answer.
    Neutral,
}

impl Conclusion {
    /// The word in outputs and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Conclusion::Success => "success",
            Conclusion::Failure => "failure",
            Conclusion::Neutral => "neutral",
        }
    }
}

/// A check's remark on lines of the new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The file.
    pub path: String,
    /// First line.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// How bad.
    pub severity: Severity,
    /// At most 255 characters.
    pub title: String,
    /// Plain text, at most 64 KB.
    pub message: String,
}

/// What an operation left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// All of it.
    Done {
        /// The host's number for what was made, where it has one.
        id: Option<u64>,
    },
    /// A review without the comments that the host refused (their indices).
    Partly {
        /// Indices into the operation's comments.
        refused: Vec<usize>,
    },
    /// A commit.
    Committed {
        /// Its name, in full.
        sha: String,
        /// Its page.
        url: String,
    },
    /// Nothing: the branch is not where it was expected.
    Moved,
}
