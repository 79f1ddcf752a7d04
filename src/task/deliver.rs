//! What tasks share on their way to people: one comment that is kept up to date, a
//! commit on the change's branch, and a change request of our own.

use anyhow::{Context as _, anyhow};

use crate::diff::RepoPath;
use crate::failure::Failure;
use crate::forge::{Applied, Comment, CommentRef, FileContent, Forge, ForgeError, Operation};
use crate::policy::{ActPermit, ProposePermit};
use crate::publish::apply::Outcome;
use crate::publish::existing::same_account;
use crate::redact::{ForgeHost, Scrubber};

/// A comment that a task keeps up to date.
pub struct Standing<'a> {
    /// Its first line, by which it is found again.
    pub marker: &'a str,
    /// What it is, for messages: `the table`.
    pub what: &'a str,
    /// What it says, below the marker. Markdown, fit to be posted.
    pub text: &'a str,
    /// Whether it is worth a new comment; one that is there is brought up to date anyway.
    pub any: bool,
    /// Whether one that is there, though it reads otherwise, says the same.
    pub same: &'a dyn Fn(&str) -> bool,
}

/// Our own comment with a marker, if there is one.
///
/// # Errors
/// The host did not give the comments.
pub async fn standing(
    forge: &dyn Forge,
    number: u64,
    marker: &str,
) -> Result<Option<Comment>, ForgeError> {
    let comments = forge.comments(number).await?;
    let marked = comments.into_iter().filter(|one| one.body.lines().next() == Some(marker));
    let marked: Vec<_> = marked.collect();
    if marked.is_empty() {
        return Ok(None);
    }
    let own = forge.own_login().await?;
    Ok(marked.into_iter().find(|one| same_account(&own, &one.author, one.author_is_bot)))
}

/// Write the comment, in place; none where there is nothing to say and none is there.
/// What came of it is booked in `outcome`.
pub async fn comment(
    forge: &dyn Forge,
    _permit: &ProposePermit,
    number: u64,
    said: &Standing<'_>,
    outcome: &mut Outcome,
    scrubber: &Scrubber,
) {
    let what = said.what.to_owned();
    let there = match standing(forge, number, said.marker).await {
        Ok(there) => there,
        Err(error) => return book(outcome, what, &error, scrubber),
    };
    let body = format!("{}\n{}", said.marker, said.text.trim_end());
    let same = |there: &str| {
        there.trim_end().replace("\r\n", "\n") == body || (said.same)(there.trim_end())
    };
    let operation = match there {
        Some(comment) if same(&comment.body) => return,
        Some(comment) => Operation::UpdateComment { id: comment.id, body },
        None if said.any => Operation::CreateComment { body },
        None => return,
    };
    match forge.apply(Some(number), &operation).await {
        Ok(applied) => {
            outcome.posted.push(what);
            outcome.could_post_nothing = false;
            if let (Applied::Done { id: Some(id) }, Operation::CreateComment { .. }) =
                (applied, operation)
            {
                settle(forge, number, id, said.marker).await;
            }
        }
        Err(error) => {
            outcome.could_post_nothing |= outcome.posted.is_empty();
            book(outcome, what, &error, scrubber);
        }
    }
}

/// Look again: of two runs at once, the one that posted later takes its comment back.
async fn settle(forge: &dyn Forge, number: u64, id: u64, marker: &str) {
    let Ok(comments) = forge.comments(number).await else { return };
    let Some(mine) = comments.iter().find(|one| one.id == id) else { return };
    let earlier = |one: &&Comment| {
        one.id < id && one.author == mine.author && one.body.lines().next() == Some(marker)
    };
    if comments.iter().any(|one| earlier(&one)) {
        let operation = Operation::DeleteComment { comment: CommentRef::Conversation(id) };
        if let Err(error) = forge.apply(Some(number), &operation).await {
            tracing::warn!(%error, "a second comment could not be taken back");
        }
    }
}

/// Note what the host refused, and what failed for another reason.
pub fn book(outcome: &mut Outcome, what: String, error: &ForgeError, scrubber: &Scrubber) {
    let why = scrubber.sanitize_line(&error.to_string());
    match error {
        ForgeError::Denied(_) | ForgeError::Rejected(_) => outcome.refused.push((what, why)),
        ForgeError::NotFound(_) | ForgeError::Unreachable(_) => outcome.failed.push((what, why)),
    }
}

/// A commit on the change's branch.
pub struct Commit<'a> {
    /// The revision that the files were made for.
    pub head: &'a str,
    /// The message's first line.
    pub headline: &'a str,
    /// The rest of the message, our mark its last line.
    pub body: String,
    /// Files with their whole content.
    pub files: Vec<FileContent>,
    /// Said where the token may not.
    pub denied: &'a str,
    /// Said where the host does not take it.
    pub rejected: &'a str,
}

/// What became of a commit.
pub enum Committed {
    /// It is there; its name.
    Done(String),
    /// The branch is not where it was read.
    Moved,
    /// It may not be; why.
    Withheld(String),
}

/// Commit to the change's branch, on the head that the files were made for or not at all.
///
/// # Errors
/// The host could not be reached.
pub async fn commit(
    forge: &dyn Forge,
    _permit: &ActPermit,
    number: u64,
    commit: Commit<'_>,
) -> Result<Committed, Failure> {
    let change = forge
        .change_request(number)
        .await
        .with_context(|| format!("cannot read #{number}"))
        .map_err(Failure::Platform)?;
    if change.from_fork {
        let why = "The branch lies in a fork, where this repository's token may not commit.";
        return Ok(Committed::Withheld(why.to_owned()));
    }
    if change.head != commit.head {
        return Ok(Committed::Moved);
    }
    let operation = Operation::Commit {
        branch: change.head_ref,
        parent: commit.head.to_owned(),
        headline: commit.headline.to_owned(),
        body: commit.body,
        files: commit.files,
    };
    match forge.apply(Some(number), &operation).await {
        Ok(Applied::Committed { sha, .. }) => Ok(Committed::Done(sha)),
        Ok(Applied::Moved) => Ok(Committed::Moved),
        Ok(other) => Err(Failure::Platform(anyhow!("cannot commit: the host answers {other:?}"))),
        Err(ForgeError::Denied(why)) => {
            tracing::warn!("the commit was refused: {why:#}");
            Ok(Committed::Withheld(commit.denied.to_owned()))
        }
        Err(ForgeError::Rejected(why) | ForgeError::NotFound(why)) => {
            tracing::warn!("the commit was not taken: {why:#}");
            Ok(Committed::Withheld(commit.rejected.to_owned()))
        }
        Err(error) => Err(Failure::Platform(anyhow!("cannot commit: {error}"))),
    }
}

/// Names of our commits on the change's branch, those that end in `trailer`, newest
/// first; none where they are unknown.
pub async fn commits_before(forge: &dyn Forge, number: u64, trailer: &str) -> Vec<String> {
    let read = async {
        let change = forge.change_request(number).await?;
        if change.from_fork {
            return Ok(None);
        }
        forge.branch(&change.head_ref).await
    };
    let commits = match read.await {
        Ok(branch) => branch.map(|branch| branch.commits).unwrap_or_default(),
        Err(error) => {
            tracing::info!(%error, "the branch's commits are unknown");
            Vec::new()
        }
    };
    commits
        .into_iter()
        .filter(|commit| commit.message.trim_end().lines().last() == Some(trailer))
        .map(|commit| commit.sha)
        .collect()
}

/// A commit's short name, linked where the host is known.
pub fn link(sha: &str, host: &ForgeHost) -> String {
    let name = sha.get(..7).unwrap_or(sha);
    match host.repository_url() {
        Some(url) => format!("[`{name}`]({url}/commit/{sha})"),
        None => format!("`{name}`"),
    }
}

/// A change request of our own.
pub struct Proposal<'a> {
    /// Its branch, ours alone.
    pub branch: &'a str,
    /// The branch it goes onto.
    pub onto: &'a str,
    /// The revision of it at which the files have to read as they did; `None` where that
    /// was looked at already.
    pub at: Option<&'a str>,
    /// Its title and its commit's message.
    pub title: &'a str,
    /// Its text; the last line tells one proposal from another.
    pub body: String,
    /// Path, text that the change was made for (`None`: no such file), text with it.
    pub files: Vec<(String, Option<Vec<u8>>, Vec<u8>)>,
    /// Said where the token may not.
    pub denied: &'a str,
    /// Said where the host does not take it.
    pub rejected: &'a str,
}

/// What became of a change request.
pub enum Proposed {
    /// It stands under this number.
    Open(u64),
    /// It is not there; why.
    Withheld(String),
}

/// Open it, or bring the one that is open up to date.
///
/// # Errors
/// The host could not be reached.
pub async fn propose(
    forge: &dyn Forge,
    _permit: &ProposePermit,
    proposal: Proposal<'_>,
) -> Result<Proposed, Failure> {
    let (denied, rejected) = (proposal.denied, proposal.rejected);
    match tried(forge, proposal).await {
        Ok(proposed) => Ok(proposed),
        Err(ForgeError::Denied(why)) => {
            tracing::warn!("the change request was refused: {why:#}");
            Ok(Proposed::Withheld(denied.to_owned()))
        }
        Err(ForgeError::Rejected(why)) => {
            tracing::warn!("the change request was not taken: {why:#}");
            Ok(Proposed::Withheld(rejected.to_owned()))
        }
        Err(error) => Err(Failure::Platform(anyhow!("cannot propose the changes: {error}"))),
    }
}

async fn tried(forge: &dyn Forge, proposal: Proposal<'_>) -> Result<Proposed, ForgeError> {
    let Proposal { branch, onto, at, title, .. } = proposal;
    if let Some(at) = at
        && let Some(path) = differs(forge, at, &proposal.files).await?
    {
        tracing::info!(%path, "it reads otherwise on the branch");
        return Ok(Proposed::Withheld(format!(
            "The branch `{onto}` has moved on since this checkout: nothing was proposed."
        )));
    }
    if forge.open_change(branch).await?.is_some()
        && let Some(there) = forge.branch(branch).await?
        && there.commits.first().is_some_and(|commit| commit.message.lines().next() != Some(title))
    {
        // Files are replaced whole: what people did there would be lost.
        return Ok(Proposed::Withheld(format!(
            "Somebody has committed to `{branch}`: it is left as it is."
        )));
    }
    let operation = Operation::ProposeChange {
        branch: branch.to_owned(),
        base: onto.to_owned(),
        files: proposal.files.into_iter().map(|(path, _, after)| (path, after)).collect(),
        title: title.to_owned(),
        body: proposal.body,
    };
    Ok(match forge.apply(None, &operation).await? {
        Applied::Done { id: Some(number) } => Proposed::Open(number),
        _ => Proposed::Withheld(
            "People closed this proposal before, or the branch has it; it is not made again."
                .to_owned(),
        ),
    })
}

/// A file: its path, its text before (`None` where there was none), and after.
pub type Replaced = (String, Option<Vec<u8>>, Vec<u8>);

/// The first file that reads otherwise at a revision than what its change was made for.
///
/// # Errors
/// The host did not give a file.
pub async fn differs(
    forge: &dyn Forge,
    revision: &str,
    files: &[Replaced],
) -> Result<Option<String>, ForgeError> {
    for (path, before, _) in files {
        let there = forge.file(revision, &RepoPath::from(path.as_str())).await?;
        if there != *before {
            return Ok(Some(path.clone()));
        }
    }
    Ok(None)
}
