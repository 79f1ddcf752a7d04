//! The evidence: the change itself, what is said of it, what an earlier run
//! left, and the base revision's files. From a host, or from the checkout.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::future::{join_all, try_join};

use super::base::{self, BaseFiles};
use super::resume::{self, Before};
use crate::context::PullRequest;
use crate::diff::{Change, Content, FileDiff, RepoPath, complete};
use crate::forge::local::{self, Local, LocalChange};
use crate::forge::{ChangeRequest, Forge, Target};

/// Lines of context around a change that is completed here, as git has them.
const CONTEXT: u32 = 3;

/// A change with all that is known of it.
#[derive(Debug, Default)]
pub struct Collected {
    /// File by file, complete.
    pub change: Change,
    /// The revision the change starts from.
    pub base: String,
    /// The revision under review, or `worktree`.
    pub head: String,
    /// The commit under review, where there is one: what git's objects know.
    pub head_commit: Option<String>,
    /// Untrusted text.
    pub title: String,
    /// Untrusted text.
    pub body: String,
    /// The commits' subjects. Untrusted text.
    pub commits: Vec<String>,
    /// Where to write; `None` for a run by hand.
    pub target: Option<Target>,
    /// Whether the branch lies in another repository.
    pub from_fork: bool,
    /// Files of the base revision.
    pub base_files: BaseFiles,
    /// What an earlier run left.
    pub before: Before,
    /// Login of our own account; empty if nothing of ours was found.
    pub own: String,
    /// Files whose patch the host left out: it shows no lines to comment on.
    pub unlisted: Vec<String>,
    /// What the reader has to know, one sentence each.
    pub notes: Vec<String>,
}

/// The checkout's own change.
pub fn from_checkout(local: &Local, base: Option<&str>, head: Option<&str>) -> Result<Collected> {
    let LocalChange { base, head, head_commit, change, title, messages, notes, .. } =
        local.change(base, head)?;
    // The base may be the empty tree, which has no files.
    let base_files = base::from_repository(local, &base).unwrap_or_default();
    let commits = messages.iter().filter_map(|m| m.lines().next()).map(str::to_owned).collect();
    Ok(Collected {
        change,
        base,
        head,
        head_commit,
        title,
        commits,
        base_files,
        notes,
        ..Collected::default()
    })
}

/// A pull request. Everything is asked for side by side: the time is that of the
/// slowest answer. What an event said may be old by now: if the head has moved,
/// the change is read again, until one head stands before and after.
pub async fn from_pull_request(
    forge: &dyn Forge,
    repository: &str,
    number: u64,
    known: Option<&PullRequest>,
    local: Option<&Local>,
) -> Result<Collected> {
    let expected = known.and_then(|known| known.changed_files);
    let talk = async {
        let comments = async {
            let read = forge.comments(number).await;
            read.with_context(|| format!("cannot read the comments of #{number}"))
        };
        let review_comments = async {
            let read = forge.review_comments(number).await;
            read.with_context(|| format!("cannot read the review comments of #{number}"))
        };
        try_join(comments, review_comments).await
    };
    let described = async {
        let (first, (change, files), checks) = match known {
            Some(known) => {
                let base = base_files(forge, local, &known.base.sha);
                let diff = async { try_join(diff(forge, number, expected), base).await };
                let checks = read_checks(forge, &known.head.sha);
                let both = try_join(diff, checks);
                let (request, (read, checks)) = try_join(request(forge, number), both).await?;
                (request, read, checks)
            }
            None => {
                let request = request(forge, number).await?;
                let base = base_files(forge, local, &request.base);
                let diff = diff(forge, number, Some(request.changed_files));
                let read = try_join(diff, base);
                let (read, checks) = try_join(read, read_checks(forge, &request.head)).await?;
                (request, read, checks)
            }
        };
        let stands = known.is_none_or(|k| k.head.sha == first.head && k.base.sha == first.base);
        if stands {
            return anyhow::Ok((first, change, files, checks));
        }
        let (change, files, checks) = {
            let read = try_join(
                diff(forge, number, Some(first.changed_files)),
                base_files(forge, local, &first.base),
            );
            let ((change, files), checks) = try_join(read, read_checks(forge, &first.head)).await?;
            (change, files, checks)
        };
        let now = request(forge, number).await?;
        anyhow::ensure!(
            now.head == first.head,
            "cannot read #{number}: its head moves while it is read; the next push's run reviews it"
        );
        Ok((now, change, files, checks))
    };
    let ((request, mut change, base_files, checks), (comments, review_comments)) =
        try_join(described, talk).await?;
    let target = Target {
        repository: repository.to_owned(),
        number: Some(number),
        head: request.head.clone(),
        base: request.base.clone(),
    };
    let mut own = String::new();
    let mut before = Before::read("", &[], Vec::new(), &[], &checks);
    if resume::has_marks(&comments, &review_comments) {
        own = forge.own_login().await.context("cannot tell which account the token belongs to")?;
        let threads = if review_comments.is_empty() {
            Vec::new()
        } else {
            let read = forge.threads(number).await;
            read.with_context(|| format!("cannot read the review threads of #{number}"))?
        };
        before = Before::read(&own, &comments, review_comments, &threads, &checks);
    }
    let mut notes = Vec::new();
    let unlisted = unlisted(&change);
    complete_missing(forge, local, &request.base, &request.head, &mut change, &mut notes).await?;
    let ChangeRequest { title, body, base, head, from_fork, .. } = request;
    Ok(Collected {
        change,
        base,
        head_commit: Some(head.clone()),
        head,
        title,
        body,
        commits: Vec::new(),
        target: Some(target),
        from_fork,
        base_files,
        before,
        own,
        unlisted,
        notes,
    })
}

/// What differs between two revisions: a push, a merge queue's candidate.
pub async fn from_range(
    forge: &dyn Forge,
    repository: &str,
    base: &str,
    head: &str,
    local: Option<&Local>,
) -> Result<Collected> {
    let compared = async {
        let read = forge.compare(base, head).await;
        read.with_context(|| format!("cannot compare {base} with {head}"))
    };
    let files = base_files(forge, local, base);
    let (((merge_base, mut change), base_files), checks) =
        try_join(try_join(compared, files), read_checks(forge, head)).await?;
    let mut notes = Vec::new();
    complete_missing(forge, local, &merge_base, head, &mut change, &mut notes).await?;
    let target = Target {
        repository: repository.to_owned(),
        number: None,
        head: head.to_owned(),
        base: base.to_owned(),
    };
    Ok(Collected {
        change,
        base: merge_base,
        head: head.to_owned(),
        head_commit: Some(head.to_owned()),
        target: Some(target),
        base_files,
        before: Before::read("", &[], Vec::new(), &[], &checks),
        notes,
        ..Collected::default()
    })
}

async fn request(forge: &dyn Forge, number: u64) -> Result<ChangeRequest> {
    forge.change_request(number).await.with_context(|| format!("cannot read #{number}"))
}

async fn diff(forge: &dyn Forge, number: u64, expected: Option<usize>) -> Result<Change> {
    let read = forge.diff(number, expected).await;
    read.with_context(|| format!("cannot read the changed files of #{number}"))
}

/// Checks are only looked for to be completed: a token that may not see them
/// may not make them either, which publishing finds out and says.
async fn read_checks(forge: &dyn Forge, head: &str) -> Result<Vec<crate::forge::Check>> {
    use crate::forge::ForgeError::{Denied, NotFound};
    match forge.checks(head).await {
        Ok(checks) => Ok(checks),
        Err(Denied(why) | NotFound(why)) => {
            tracing::debug!("checks are not to be seen: {why:#}");
            Ok(Vec::new())
        }
        Err(why) => Err(why).with_context(|| format!("cannot read the checks of {head}")),
    }
}

/// Files of the base revision, from the checkout if it has it.
pub(crate) async fn base_files(
    forge: &dyn Forge,
    local: Option<&Local>,
    base: &str,
) -> Result<BaseFiles> {
    match local.filter(|local| local.has_commit(base)) {
        Some(local) => base::from_repository(local, base),
        None => base::from_forge(forge, base).await,
    }
}

fn unlisted(change: &Change) -> Vec<String> {
    let missing = |file: &&FileDiff| matches!(file.content, Content::Missing { .. });
    change.files.iter().filter(missing).map(|file| file.path().display()).collect()
}

/// Make the patches that the host left out, from both contents. A file that
/// cannot be had stays [`Content::Missing`]: it is named as skipped later.
async fn complete_missing(
    forge: &dyn Forge,
    local: Option<&Local>,
    base: &str,
    head: &str,
    change: &mut Change,
    notes: &mut Vec<String>,
) -> Result<()> {
    let missing: Vec<usize> = (0..change.files.len())
        .filter(|&at| matches!(change.files[at].content, Content::Missing { .. }))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    // Patches count from the merge base, which is not always the base's tip.
    let base = match forge.compare(base, head).await {
        Ok((merge_base, _)) => merge_base,
        Err(why) => {
            tracing::debug!("cannot tell the merge base: {why}");
            base.to_owned()
        }
    };
    let reads = missing.into_iter().map(|at| {
        let file = &change.files[at];
        let base = &base;
        async move { (at, both_contents(forge, local, base, head, file).await) }
    });
    for (at, contents) in join_all(reads).await {
        match contents {
            Ok((old, new)) => {
                change.files[at].content =
                    complete::from_contents(old.as_deref(), new.as_deref(), CONTEXT);
            }
            Err(why) => {
                let path = change.files[at].path().display();
                tracing::warn!("cannot complete the diff of {path}: {why:#}");
                notes.push(format!("The diff of `{path}` could not be read: {why:#}."));
            }
        }
    }
    Ok(())
}

async fn both_contents(
    forge: &dyn Forge,
    local: Option<&Local>,
    base: &str,
    head: &str,
    file: &FileDiff,
) -> Result<(Option<Bytes>, Option<Bytes>)> {
    let old = side(forge, local, base, file.old_path.as_ref());
    let new = side(forge, local, head, file.new_path.as_ref());
    try_join(old, new).await
}

async fn side(
    forge: &dyn Forge,
    local: Option<&Local>,
    revision: &str,
    path: Option<&RepoPath>,
) -> Result<Option<Bytes>> {
    let Some(path) = path else { return Ok(None) };
    if let Some(local) = local.filter(|local| local.has_commit(revision)) {
        return Ok(local.file_at(revision, path)?.map(Bytes::from));
    }
    Ok(forge.file(revision, path).await?.map(Bytes::from))
}

/// Fetch the head's content of files that rules have to see whole.
pub async fn fetch_heads(
    forge: &dyn Forge,
    head: &str,
    files: &[&FileDiff],
) -> Vec<(String, Option<Bytes>)> {
    let reads = files.iter().filter_map(|file| {
        let path = file.new_path.as_ref()?;
        Some(async move {
            let content = forge.file(head, path).await;
            if let Err(why) = &content {
                tracing::warn!("cannot read {path} at {head}: {why}");
            }
            (path.display(), content.ok().flatten().map(Bytes::from))
        })
    });
    join_all(reads).await
}

/// The repository that the job's checkout lies in, if it is one.
pub fn repository(dir: &std::path::Path) -> Option<Local> {
    match local::open(dir) {
        Ok(local) => Some(local),
        Err(why) => {
            tracing::debug!("no checkout at hand: {why:#}");
            None
        }
    }
}
