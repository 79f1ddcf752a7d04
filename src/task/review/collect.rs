//! The evidence: the change itself, what is said of it, what an earlier run
//! left, and the base revision's files. From a host, or from the checkout.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::future::{join, join_all, try_join};

use super::background;
use super::base::{self, BaseFiles};
use super::discussion::{Discussion, Said};
use super::guidelines::{self, Guideline};
use super::resume::{self, Before};
use crate::context::PullRequest;
use crate::diff::{Change, Content, FileDiff, RepoPath, complete};
use crate::forge::local::{self, Local, LocalChange};
use crate::forge::{Background, ChangeRequest, Forge, Issue, Target};

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
    /// The commits' messages: subject and body, oldest first. Untrusted text.
    pub commits: Vec<String>,
    /// Issues that it closes or mentions. Untrusted text.
    pub issues: Vec<Issue>,
    /// What people have said of it. Untrusted text.
    pub discussion: Discussion,
    /// Guidelines at the base revision that hold for a part of the repository.
    pub nested: Vec<Guideline>,
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

/// That a model will be asked, and how people call it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What begins an order to us: an order is no part of the discussion.
    pub trigger_phrase: &'a str,
}

/// The checkout's own change.
pub fn from_checkout(local: &Local, base: Option<&str>, head: Option<&str>) -> Result<Collected> {
    let LocalChange { base, head, head_commit, change, title, messages, notes, .. } =
        local.change(base, head)?;
    // The base may be the empty tree, which has no files.
    let base_files = base::from_repository(local, &base).unwrap_or_default();
    let commits = background::tidied(messages.iter().map(String::as_str));
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
/// the change is read again, until one head stands before and after. What only a
/// `model` has a use for is read where there is one.
pub async fn from_pull_request(
    forge: &dyn Forge,
    repository: &str,
    number: u64,
    known: Option<&PullRequest>,
    local: Option<&Local>,
    model: Option<Asked<'_>>,
) -> Result<Collected> {
    let asked = model.is_some();
    // An event that does not describe the change leaves that to the host.
    let first = match known {
        Some(_) => None,
        None => Some(request(forge, number).await?),
    };
    let (title, body) = match (known, &first) {
        (Some(known), _) => (known.title.as_str(), known.body.as_str()),
        (None, Some(first)) => (first.title.as_str(), first.body.as_str()),
        (None, None) => ("", ""),
    };
    let behind = async {
        match asked {
            true => anyhow::Ok(background::read(forge, number, title, body, repository).await),
            false => Ok(Background::default()),
        }
    };
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
        let (base, head, expected) = match (known, &first) {
            (Some(known), _) => (&known.base.sha, &known.head.sha, known.changed_files),
            (None, Some(first)) => (&first.base, &first.head, Some(first.changed_files)),
            (None, None) => anyhow::bail!("nothing is known of #{number}"),
        };
        let read = read_change(forge, number, local, (base, head), expected, asked);
        let (first, read) = match &first {
            Some(first) => (first.clone(), read.await?),
            None => try_join(request(forge, number), read).await?,
        };
        if first.head == *head && first.base == *base {
            return anyhow::Ok((first, read));
        }
        let revisions = (first.base.as_str(), first.head.as_str());
        let expected = Some(first.changed_files);
        let read = read_change(forge, number, local, revisions, expected, asked).await?;
        let now = request(forge, number).await?;
        anyhow::ensure!(
            now.head == first.head,
            "cannot read #{number}: its head moves while it is read; the next push's run reviews it"
        );
        Ok((now, read))
    };
    let (read, ((comments, review_comments), behind)) =
        try_join(described, try_join(talk, behind)).await?;
    let (request, Read { mut change, base_files, checks, nested }) = read;
    let target = Target {
        repository: repository.to_owned(),
        number: Some(number),
        head: request.head.clone(),
        base: request.base.clone(),
    };
    let mut own = String::new();
    let mut threads_known = None;
    if resume::has_marks(&comments, &review_comments) {
        own = forge.own_login().await.context("cannot tell which account the token belongs to")?;
        let threads = match &behind.threads {
            _ if review_comments.is_empty() => Vec::new(),
            Some(threads) => threads.clone(),
            None => {
                let read = forge.threads(number).await;
                read.with_context(|| format!("cannot read the review threads of #{number}"))?
            }
        };
        threads_known = Some(threads);
    }
    let mut discussion = Discussion::default();
    if let Some(Asked { trigger_phrase }) = model {
        let threads = threads_known.as_deref().or(behind.threads.as_deref());
        let reviews = behind.reviews.as_deref().unwrap_or_default();
        let said = Said { comments: &comments, lines: &review_comments, reviews, threads };
        discussion = Discussion::read(&own, trigger_phrase, &said);
    }
    let before = match &threads_known {
        Some(threads) => Before::read(&own, &comments, review_comments, threads, &checks),
        None => Before::read("", &[], Vec::new(), &[], &checks),
    };
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
        commits: background::messages(behind.commits.as_deref().unwrap_or_default()),
        issues: behind.issues.unwrap_or_default(),
        discussion,
        nested,
        target: Some(target),
        from_fork,
        base_files,
        before,
        own,
        unlisted,
        notes,
    })
}

/// What a model has a use for, where it was not read with the change: of a change
/// that is no pull request, and (`unread`) where only the base's configuration
/// names a model.
pub async fn with_background(
    collected: Collected,
    forge: Option<&dyn Forge>,
    local: Option<&Local>,
    model: Asked<'_>,
    unread: bool,
) -> Collected {
    let number = collected.target.as_ref().and_then(|target| target.number);
    if number.is_some() && !unread {
        return collected;
    }
    let Collected { change, base_files, base, .. } = &collected;
    let source = guidelines::Source::new(forge, local, base);
    let found = guidelines::find(&source, change, None).await;
    let nested = guidelines::settle(&source, found, change, base_files).await;
    let (Some(forge), Some(number)) = (forge, number) else {
        return Collected { nested, ..collected };
    };
    let Collected { title, body, own, .. } = &collected;
    let repository = collected.target.as_ref().map_or("", |target| &target.repository);
    let talk = join(
        background::spare("the comments", forge.comments(number)),
        background::spare("the comments on lines", forge.review_comments(number)),
    );
    let behind = background::read(forge, number, title, body, repository);
    let (behind, (comments, review_comments)) = join(behind, talk).await;
    let said = Said {
        comments: &comments,
        lines: &review_comments,
        reviews: behind.reviews.as_deref().unwrap_or_default(),
        threads: behind.threads.as_deref(),
    };
    Collected {
        nested,
        commits: background::messages(behind.commits.as_deref().unwrap_or_default()),
        discussion: Discussion::read(own, model.trigger_phrase, &said),
        issues: behind.issues.unwrap_or_default(),
        ..collected
    }
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
    let root = base::Root::new();
    let files = base_files(forge, local, base, &root);
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

/// What hangs on the two revisions of a pull request.
struct Read {
    change: Change,
    base_files: BaseFiles,
    checks: Vec<crate::forge::Check>,
    nested: Vec<Guideline>,
}

async fn read_change(
    forge: &dyn Forge,
    number: u64,
    local: Option<&Local>,
    (base, head): (&str, &str),
    expected: Option<usize>,
    asked: bool,
) -> Result<Read> {
    let root = base::Root::new();
    let source = guidelines::Source::new(Some(forge), local, base);
    // The guidelines of folders come beside the base's own files, not after them.
    let change = async {
        let change = diff(forge, number, expected).await?;
        let mut found = Vec::new();
        if asked {
            let names = match source.is_local() {
                true => None,
                false => base::listed(forge, base, &root).await.ok(),
            };
            found = guidelines::find(&source, &change, names).await;
        }
        anyhow::Ok((change, found))
    };
    let files = base_files(forge, local, base, &root);
    let (((change, found), base_files), checks) =
        try_join(try_join(change, files), read_checks(forge, head)).await?;
    let nested = match asked {
        true => guidelines::settle(&source, found, &change, &base_files).await,
        false => Vec::new(),
    };
    Ok(Read { change, base_files, checks, nested })
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
    root: &base::Root,
) -> Result<BaseFiles> {
    match local.filter(|local| local.has_commit(base)) {
        Some(local) => base::from_repository(local, base),
        None => base::from_forge(forge, base, root).await,
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
