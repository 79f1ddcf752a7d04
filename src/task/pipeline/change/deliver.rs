//! The way to people: comments on lines, one comment with the table, a commit on the
//! change's branch, or a change request of our own.

use std::collections::BTreeSet;

use anyhow::{Context as _, anyhow};

use super::look::Looked;
use crate::diff::{Content, RepoPath};
use crate::failure::Failure;
use crate::finding::Fingerprint;
use crate::forge::{Applied, CommentRef, FileContent, Forge, ForgeError, Operation, Target};
use crate::inputs::Inputs;
use crate::pipeline::rule::RULES;
use crate::policy::{ActPermit, ProposePermit};
use crate::publish::apply::{self, Outcome};
use crate::publish::existing::same_account;
use crate::publish::markdown::StatePayload;
use crate::publish::plan::{self, PlanInput, Selection};
use crate::publish::{View, inline, pipeline as shown};
use crate::redact::{ForgeHost, Scrubber};
use crate::task::pipeline::optimize;
use crate::task::review::collect::Collected;

/// The first line of our comment.
const MARKER: &str = "<!-- pipewright:pipeline -->";
/// Begins the comment's last line where a model was asked.
const MODEL_AT: &str = "<!-- pipewright:pipeline-at ";
/// The last line of our commits.
const TRAILER: &str = "Pipewright-Task: pipeline";
/// Begins the last line of our change request, which tells one proposal from another.
const PROPOSAL: &str = "<!-- pipewright:pipelines ";
/// The branch of our change request.
const BRANCH: &str = "pipewright/pipelines";
/// What the change request and its commit are called.
const TITLE: &str = "Apply proven fixes to the pipeline files";

/// The table as a comment has it, with what became of its changes.
pub fn table(looked: &Looked, done: &str, scrubber: &Scrubber, host: &ForgeHost) -> String {
    let files = optimize::shown(&looked.result);
    let problems: Vec<(&str, u32, &str)> = looked
        .problems
        .iter()
        .map(|(path, line, what)| (path.as_str(), *line, what.as_str()))
        .collect();
    // A file that was not read stands with its reason already.
    let unread: Vec<String> = crate::task::pipeline::show::notes(&looked.states);
    let notes: Vec<String> =
        looked.report.notes.iter().filter(|note| !unread.contains(note)).cloned().collect();
    let beside = shown::Beside { problems: &problems, done, notes: &notes };
    shown::comment(&files, &beside, scrubber, host)
}

/// The table with the head that a model has looked at, where one has.
pub fn marked(table: &str, looked: &Looked) -> String {
    let report = &looked.report;
    if report.model == "offline" || looked.failure.is_some() {
        return table.to_owned();
    }
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_:./".contains(*c);
    let model: String = report.model.chars().filter(plain).collect::<String>().replace("--", "-");
    format!("{}\n\n{MODEL_AT}{} {model} -->", table.trim_end(), report.head)
}

/// Comments on the change's lines, each once; threads whose finding is gone are
/// resolved.
pub async fn remarks(
    forge: &dyn Forge,
    _permit: &ProposePermit,
    inputs: &Inputs,
    collected: &Collected,
    looked: &Looked,
    view: View<'_>,
    target: &Target,
) -> Outcome {
    let missing: BTreeSet<String> = collected
        .change
        .files
        .iter()
        .filter(|file| matches!(file.content, Content::Missing { .. }))
        .map(|file| file.path().display())
        .chain(collected.unlisted.iter().cloned())
        .collect();
    let gone: Vec<Fingerprint> = collected
        .before
        .posted
        .iter()
        .filter(|(id, (comment, _))| {
            let rule = inline::rule(&comment.body);
            let ours = rule.is_some_and(|rule| RULES.iter().any(|known| known.slug == rule));
            // Of a file that could not be read this time, nothing is known.
            let read = looked.states.iter().any(|state| {
                state.path == comment.path
                    && state.status == crate::task::pipeline::report::Status::Read
            });
            ours && read && !looked.holding.contains(*id)
        })
        .map(|(id, _)| id.clone())
        .collect();
    let state = |_: &_, _| StatePayload::default();
    let input = PlanInput {
        view,
        target,
        capabilities: forge.capabilities(),
        publish: Selection { review: inputs.publish.review, summary: false, check: false },
        existing: &collected.before.existing,
        state: &state,
        gone: &gone,
        missing_patches: &missing,
        max_inline: inputs.max_findings,
        progress: None,
        permalink: None,
    };
    let operations = plan::plan(&input);
    apply::apply(forge, &input, operations).await
}

/// The comment with the table, in place; none where there is nothing to say and none
/// is there. What came of it is booked like the rest.
pub async fn comment(
    forge: &dyn Forge,
    _permit: &ProposePermit,
    number: u64,
    text: &str,
    any: bool,
    outcome: &mut Outcome,
    scrubber: &Scrubber,
) {
    let read = async {
        let comments = forge.comments(number).await?;
        let marked = comments.into_iter().filter(|one| one.body.lines().next() == Some(MARKER));
        let marked: Vec<_> = marked.collect();
        if marked.is_empty() {
            return Ok(None);
        }
        let own = forge.own_login().await?;
        Ok(marked.into_iter().find(|one| same_account(&own, &one.author, one.author_is_bot)))
    };
    let what = "the table".to_owned();
    let there = match read.await {
        Ok(there) => there,
        Err(error) => return book(outcome, what, &error, scrubber),
    };
    let body = format!("{MARKER}\n### Pipeline files\n\n{}", text.trim_end());
    // A model says the same in other words each time: that is no reason to write again.
    let last = |text: &str| text.trim_end().lines().last().map(str::to_owned);
    let by_model = last(&body).filter(|line| line.starts_with(MODEL_AT));
    let same = |there: &str| {
        there.trim_end().replace("\r\n", "\n") == body
            || (by_model.is_some() && by_model == last(there))
    };
    let operation = match there {
        Some(comment) if same(&comment.body) => return,
        Some(comment) => Operation::UpdateComment { id: comment.id, body },
        None if any => Operation::CreateComment { body },
        None => return,
    };
    match forge.apply(Some(number), &operation).await {
        Ok(applied) => {
            outcome.posted.push(what);
            outcome.could_post_nothing = false;
            if let (Applied::Done { id: Some(id) }, Operation::CreateComment { .. }) =
                (applied, operation)
            {
                settle(forge, number, id).await;
            }
        }
        Err(error) => {
            outcome.could_post_nothing |= outcome.posted.is_empty();
            book(outcome, what, &error, scrubber);
        }
    }
}

/// Look again: of two runs at once, the one that posted later takes its comment back.
async fn settle(forge: &dyn Forge, number: u64, id: u64) {
    let Ok(comments) = forge.comments(number).await else { return };
    let Some(mine) = comments.iter().find(|one| one.id == id) else { return };
    let earlier = |one: &&crate::forge::Comment| {
        one.id < id && one.author == mine.author && one.body.lines().next() == Some(MARKER)
    };
    if comments.iter().any(|one| earlier(&one)) {
        let operation = Operation::DeleteComment { comment: CommentRef::Conversation(id) };
        if let Err(error) = forge.apply(Some(number), &operation).await {
            tracing::warn!(%error, "a second table could not be taken back");
        }
    }
}

fn book(outcome: &mut Outcome, what: String, error: &ForgeError, scrubber: &Scrubber) {
    let why = scrubber.sanitize_line(&error.to_string());
    match error {
        ForgeError::Denied(_) | ForgeError::Rejected(_) => outcome.refused.push((what, why)),
        ForgeError::NotFound(_) | ForgeError::Unreachable(_) => outcome.failed.push((what, why)),
    }
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

/// Commit the proven changes to the change's branch, on the head that they were proven
/// on or not at all.
///
/// # Errors
/// The host could not be reached.
pub async fn commit(
    forge: &dyn Forge,
    _permit: &ActPermit,
    collected: &Collected,
    number: u64,
    looked: &Looked,
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
    if change.head != collected.head {
        return Ok(Committed::Moved);
    }
    let operation = Operation::Commit {
        branch: change.head_ref,
        parent: collected.head.clone(),
        headline: TITLE.to_owned(),
        body: message(looked),
        files: looked
            .files
            .iter()
            .map(|(path, _, after)| FileContent {
                path: path.clone(),
                content: after.clone().into_bytes(),
            })
            .collect(),
    };
    match forge.apply(Some(number), &operation).await {
        Ok(Applied::Committed { sha, .. }) => Ok(Committed::Done(sha)),
        Ok(Applied::Moved) => Ok(Committed::Moved),
        Ok(other) => Err(Failure::Platform(anyhow!("cannot commit: the host answers {other:?}"))),
        Err(ForgeError::Denied(why)) => {
            tracing::warn!("the commit was refused: {why:#}");
            Ok(Committed::Withheld(
                "Nothing was committed: the token may not. It takes `contents: write`, and for \
                 files in `.github/workflows` a token of an app that has `workflows: write`."
                    .to_owned(),
            ))
        }
        Err(ForgeError::Rejected(why) | ForgeError::NotFound(why)) => {
            tracing::warn!("the commit was not taken: {why:#}");
            Ok(Committed::Withheld(
                "Nothing was committed: the host does not take it. A rule of the branch may \
                 forbid it, or the token may not change workflows."
                    .to_owned(),
            ))
        }
        Err(error) => Err(Failure::Platform(anyhow!("cannot commit: {error}"))),
    }
}

/// The commit's message below its first line: which rules, and our mark.
fn message(looked: &Looked) -> String {
    let mut rules: Vec<&str> = looked
        .result
        .files
        .iter()
        .flat_map(|file| file.changes.iter().map(|change| change.rule.as_str()))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_:. ".contains(*c);
    let rules: String = rules.join(" ").chars().filter(plain).collect();
    format!("Rules: {rules}.\n\n{TRAILER}")
}

/// Names of our commits on the change's branch, newest first; none where they are
/// unknown.
pub async fn commits_before(forge: &dyn Forge, number: u64) -> Vec<String> {
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
        .filter(|commit| commit.message.trim_end().lines().last() == Some(TRAILER))
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

/// What became of a change request.
pub enum Proposed {
    /// It stands under this number.
    Open(u64),
    /// It is not there; why.
    Withheld(String),
}

/// A change request with the proven changes onto `onto`; run again, the same one.
///
/// # Errors
/// The host could not be reached.
pub async fn propose(
    forge: &dyn Forge,
    permit: &ProposePermit,
    onto: &str,
    is_default: bool,
    looked: &mut Looked,
    (scrubber, host): (&Scrubber, &ForgeHost),
) -> Result<Proposed, Failure> {
    match tried(forge, permit, onto, is_default, looked, (scrubber, host)).await {
        Ok(proposed) => Ok(proposed),
        Err(ForgeError::Denied(why)) => {
            tracing::warn!("the change request was refused: {why:#}");
            Ok(Proposed::Withheld(
                "The token may not open a change request: it takes `contents: write` and \
                 `pull-requests: write`, the repository has to allow GitHub Actions to create \
                 pull requests, and files in `.github/workflows` take a token of an app that \
                 has `workflows: write`."
                    .to_owned(),
            ))
        }
        Err(ForgeError::Rejected(why)) => {
            tracing::warn!("the change request was not taken: {why:#}");
            Ok(Proposed::Withheld(
                "The host takes no change request with these changes: a rule may forbid it."
                    .to_owned(),
            ))
        }
        Err(error) => Err(Failure::Platform(anyhow!("cannot propose the changes: {error}"))),
    }
}

async fn tried(
    forge: &dyn Forge,
    _permit: &ProposePermit,
    onto: &str,
    is_default: bool,
    looked: &Looked,
    (scrubber, host): (&Scrubber, &ForgeHost),
) -> Result<Proposed, ForgeError> {
    let mut files = Vec::new();
    for (path, before, after) in &looked.files {
        let there = forge.file(onto, &RepoPath::from(path.as_str())).await?;
        if there.as_deref() != Some(before.as_bytes()) {
            return Ok(Proposed::Withheld(format!(
                "The branch `{onto}` has moved on since this checkout: nothing was proposed."
            )));
        }
        files.push((path.clone(), after.clone().into_bytes()));
    }
    let branch = if is_default { BRANCH.to_owned() } else { branch_for(onto) };
    if forge.open_change(&branch).await?.is_some()
        && let Some(there) = forge.branch(&branch).await?
        && there.commits.first().is_some_and(|commit| commit.message.lines().next() != Some(TITLE))
    {
        // Files are replaced whole: what people did there would be lost.
        return Ok(Proposed::Withheld(format!(
            "Somebody has committed to `{branch}`: it is left as it is."
        )));
    }
    let table = table(looked, "", scrubber, host);
    let operation = Operation::ProposeChange {
        branch,
        base: onto.to_owned(),
        files,
        title: TITLE.to_owned(),
        body: format!("{}\n\n{PROPOSAL}{} -->", table.trim_end(), looked.digest()),
    };
    Ok(match forge.apply(None, &operation).await? {
        Applied::Done { id: Some(number) } => Proposed::Open(number),
        _ => Proposed::Withheld(
            "People closed this proposal before, or the branch has it; it is not made again."
                .to_owned(),
        ),
    })
}

/// The branch for changes onto a branch that is not the default one.
fn branch_for(onto: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let name: String = onto.chars().take(60).map(plain).collect();
    let hash = Sha256::digest(onto);
    let short: String = hash.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    format!("{BRANCH}-{}-{short}", name.trim_matches('-'))
}

/// Whether a branch is one that we propose from.
pub fn is_ours(branch: &str) -> bool {
    branch == BRANCH || branch.starts_with("pipewright/pipelines-")
}
