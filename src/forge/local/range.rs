//! Which two trees a change lies between.

use anyhow::Context as _;
use gix::bstr::ByteSlice as _;
use gix::{ObjectId, Repository};

use super::store::Extra;
use super::{Local, LocalError, WORKTREE, suggest, worktree};

const MAX_MESSAGES: usize = 50;
const MAX_MESSAGE_BYTES: usize = 4096;

/// Branches that are taken for the default one where nothing says which is.
const USUAL_DEFAULTS: [&str; 4] = ["main", "master", "trunk", "develop"];

pub(super) struct Range {
    pub old_tree: ObjectId,
    pub new_tree: ObjectId,
    /// Objects of the working tree.
    pub extra: Extra,
    pub base: String,
    pub base_ref: String,
    pub head: String,
    pub head_commit: Option<String>,
    pub title: String,
    pub messages: Vec<String>,
}

/// Where a change starts.
struct Start {
    /// `None`: from nothing.
    commit: Option<ObjectId>,
    name: String,
    /// Whether the commits from here to the head belong to the change.
    linear: bool,
}

pub(super) fn resolve(
    local: &Local,
    repo: &Repository,
    base: Option<&str>,
    head: Option<&str>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Range> {
    let given_head = head.map(|revision| commit(repo, revision)).transpose()?;
    let head_id = match given_head {
        Some((id, _)) => Some(id),
        None => checked_out(repo)?,
    };
    let mut extra = Extra::default();
    let head_tree = match head_id {
        Some(id) => repo.find_commit(id)?.tree_id()?.detach(),
        None => repo.empty_tree().id,
    };
    let new_tree = match (head, local.workdir()) {
        (None, Some(workdir)) => worktree::snapshot(repo, workdir, &mut extra, notes)
            .context("cannot read the working tree")?,
        (None, None) if head_id.is_none() => return Err(LocalError::Bare.into()),
        (None, None) => {
            notes.push("The repository is bare: HEAD is reviewed.".to_owned());
            head_tree
        }
        (Some(_), _) => head_tree,
    };
    let on_worktree = head.is_none() && local.workdir().is_some();
    let dirty = new_tree != head_tree;
    let start = match (base, head_id) {
        (Some(base), Some(head_id)) => from_named(repo, base, head_id, notes)?,
        (Some(base), None) => {
            let (id, name) = commit(repo, base)?;
            Start { commit: Some(id), name, linear: false }
        }
        (None, Some(head_id)) => from_default(repo, head_id, head.is_none(), dirty, notes)?,
        (None, None) => {
            notes.push("There is no commit yet: every file is new.".to_owned());
            Start { commit: None, name: "the empty tree".to_owned(), linear: false }
        }
    };
    let old_tree = match start.commit {
        Some(id) => match repo.find_commit(id) {
            Ok(commit) => commit.tree_id()?.detach(),
            Err(_) if is_shallow(repo) => {
                return Err(LocalError::Shallow { wanted: format!("commit {id}") }.into());
            }
            Err(error) => return Err(error.into()),
        },
        None => repo.empty_tree().id,
    };
    let messages = head_id.map_or_else(Vec::new, |head_id| messages(repo, &start, head_id));
    let head_is_checked_out = head.is_none();
    Ok(Range {
        old_tree,
        new_tree,
        extra,
        base: start.commit.unwrap_or(old_tree).to_string(),
        base_ref: start.name,
        head: match head_id {
            Some(id) if !on_worktree || !dirty => id.to_string(),
            _ => WORKTREE.to_owned(),
        },
        head_commit: head_id.map(|id| id.to_string()),
        title: title(repo, &messages, head_is_checked_out),
        messages,
    })
}

/// The commit that is checked out; `None` before the first one.
pub(super) fn checked_out(repo: &Repository) -> anyhow::Result<Option<ObjectId>> {
    let mut head = repo.head().context("cannot read HEAD")?;
    if head.is_unborn() {
        return Ok(None);
    }
    let commit = head.peel_to_commit().context("cannot read the commit at HEAD")?;
    Ok(Some(commit.id))
}

/// The commit a revision names, and the name it was found by: `origin/topic`
/// also answers to `topic`, as only that exists in a CI checkout.
pub(super) fn commit(repo: &Repository, revision: &str) -> anyhow::Result<(ObjectId, String)> {
    for name in [revision.to_owned(), format!("origin/{revision}")] {
        if let Ok(id) = repo.rev_parse_single(name.as_str())
            && let Ok(object) = id.object()
            && let Ok(commit) = object.peel_to_commit()
        {
            return Ok((commit.id, name));
        }
    }
    let is_id = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_relative = revision.contains(['~', '^']);
    if is_shallow(repo) && (is_id || is_relative) {
        return Err(LocalError::Shallow { wanted: format!("revision {revision}") }.into());
    }
    let nearest = suggest::nearest(revision, names(repo));
    Err(LocalError::UnknownRevision { revision: revision.to_owned(), nearest }.into())
}

fn names(repo: &Repository) -> Vec<String> {
    let Ok(platform) = repo.references() else { return Vec::new() };
    let Ok(all) = platform.all() else { return Vec::new() };
    all.filter_map(Result::ok)
        .filter_map(|reference| {
            let full = reference.name().as_bstr().to_str().ok()?;
            ["refs/heads/", "refs/remotes/", "refs/tags/"]
                .into_iter()
                .find_map(|prefix| full.strip_prefix(prefix))
                .map(str::to_owned)
        })
        .collect()
}

fn is_shallow(repo: &Repository) -> bool {
    repo.is_shallow().unwrap_or(false)
}

fn merge_base(repo: &Repository, one: ObjectId, two: ObjectId) -> anyhow::Result<Option<ObjectId>> {
    if one == two {
        return Ok(Some(one));
    }
    let base = repo
        .merge_base(one, two)
        .with_context(|| format!("cannot find the merge base of {one} and {two}"))?;
    Ok(base.map(gix::Id::detach))
}

fn from_named(
    repo: &Repository,
    base: &str,
    head: ObjectId,
    notes: &mut Vec<String>,
) -> anyhow::Result<Start> {
    let (id, name) = commit(repo, base)?;
    if let Some(merge_base) = merge_base(repo, id, head)? {
        return Ok(Start { commit: Some(merge_base), name, linear: true });
    }
    let why = if is_shallow(repo) {
        "the clone is too shallow to hold a common ancestor"
    } else {
        "they have no common ancestor"
    };
    notes.push(format!("The change is compared with {name} itself: {why}."));
    Ok(Start { commit: Some(id), name, linear: false })
}

fn from_default(
    repo: &Repository,
    head: ObjectId,
    is_checked_out: bool,
    dirty: bool,
    notes: &mut Vec<String>,
) -> anyhow::Result<Start> {
    let current = if is_checked_out { repo.head_name().ok().flatten() } else { None };
    let default = default_branch(repo);
    let upstream = current.as_ref().and_then(|current| {
        let name = repo
            .branch_remote_tracking_ref_name(current.as_ref(), gix::remote::Direction::Fetch)?
            .ok()?;
        let id = repo.find_reference(name.as_ref()).ok()?.into_fully_peeled_id().ok()?;
        Some((name.shorten().to_string(), id.detach()))
    });
    // On the default branch the upstream says what is new; elsewhere it only
    // says what was pushed, and stands in where no default branch is known.
    let on_default = default.as_ref().is_some_and(|(name, _)| {
        let short = name.rsplit_once('/').map_or(name.as_str(), |(_, short)| short);
        current.as_ref().is_some_and(|current| current.shorten() == short)
    });
    let use_upstream = on_default || default.is_none();
    let candidates = default.into_iter().chain(upstream.filter(|_| use_upstream));
    let mut nothing_new = None;
    for (name, id) in candidates {
        match merge_base(repo, id, head)? {
            Some(base) if base == head => nothing_new = Some(name),
            Some(base) => return Ok(Start { commit: Some(base), name, linear: true }),
            None if is_shallow(repo) => {
                let wanted = format!("where this branch left {name}");
                return Err(LocalError::Shallow { wanted }.into());
            }
            None => {
                notes.push(format!(
                    "The change is compared with {name} itself: they have no common ancestor."
                ));
                return Ok(Start { commit: Some(id), name, linear: false });
            }
        }
    }
    if dirty {
        return Ok(Start { commit: Some(head), name: "HEAD".to_owned(), linear: true });
    }
    last_commit(repo, head, nothing_new.as_deref(), notes)
}

/// `HEAD~1`, or nothing for a first commit.
fn last_commit(
    repo: &Repository,
    head: ObjectId,
    nothing_new: Option<&str>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Start> {
    let why = match nothing_new {
        Some(name) => format!("Nothing differs from {name}"),
        None => "There is no default branch to compare with".to_owned(),
    };
    let commit = repo.find_commit(head)?;
    let Some(parent) = commit.parent_ids().next().map(gix::Id::detach) else {
        notes.push(format!("{why}: the first commit is reviewed, and every file is new."));
        return Ok(Start { commit: None, name: "the empty tree".to_owned(), linear: true });
    };
    let grafted = repo
        .shallow_commits()
        .ok()
        .flatten()
        .is_some_and(|boundary| boundary.binary_search(&head).is_ok());
    if grafted || !repo.has_object(parent) {
        return Err(LocalError::Shallow { wanted: format!("the parent of commit {head}") }.into());
    }
    notes.push(format!("{why}: the last commit is reviewed."));
    Ok(Start { commit: Some(parent), name: "HEAD~1".to_owned(), linear: true })
}

/// The branch that changes go onto, by its short name, and its tip.
fn default_branch(repo: &Repository) -> Option<(String, ObjectId)> {
    let tip = |full: &str| -> Option<ObjectId> {
        Some(repo.find_reference(full).ok()?.into_fully_peeled_id().ok()?.detach())
    };
    if let Some(remote) = remote_name(repo) {
        let head = format!("refs/remotes/{remote}/HEAD");
        if let Ok(reference) = repo.find_reference(head.as_str())
            && let gix::refs::TargetRef::Symbolic(target) = reference.target()
            && let Ok(full) = target.as_bstr().to_str()
            && let Some(id) = tip(full)
        {
            let name = full.strip_prefix("refs/remotes/").unwrap_or(full);
            return Some((name.to_owned(), id));
        }
        let found = USUAL_DEFAULTS.iter().find_map(|branch| {
            let id = tip(&format!("refs/remotes/{remote}/{branch}"))?;
            Some((format!("{remote}/{branch}"), id))
        });
        if found.is_some() {
            return found;
        }
    }
    let configured = repo.config_snapshot().string("init.defaultBranch");
    let configured = configured.as_ref().and_then(|name| name.to_str().ok());
    USUAL_DEFAULTS
        .into_iter()
        .chain(configured)
        .find_map(|branch| Some((branch.to_owned(), tip(&format!("refs/heads/{branch}"))?)))
}

/// `origin`, or the only remote there is.
pub(super) fn remote_name(repo: &Repository) -> Option<String> {
    let names = repo.remote_names();
    let mut names = names.iter().filter_map(|name| name.to_str().ok());
    let first = names.next()?;
    if first == "origin" || names.clone().any(|name| name == "origin") {
        return Some("origin".to_owned());
    }
    names.next().is_none().then(|| first.to_owned())
}

/// The messages of the commits from `start` to `head`, oldest first, without
/// merges. What of the history cannot be read is left out: messages are context, not evidence.
fn messages(repo: &Repository, start: &Start, head: ObjectId) -> Vec<String> {
    let message = |id: ObjectId| -> Option<String> {
        let commit = repo.find_commit(id).ok()?;
        let text = commit.message_raw().ok()?.to_str_lossy();
        Some(clip(text.trim(), MAX_MESSAGE_BYTES).to_owned())
    };
    let base = match start.commit {
        _ if !start.linear => return message(head).into_iter().collect(),
        None => return message(head).into_iter().collect(),
        Some(base) if base == head => return Vec::new(),
        Some(base) => base,
    };
    let sorting = gix::revision::walk::Sorting::ByCommitTime(
        gix::traverse::commit::simple::CommitTimeOrder::NewestFirst,
    );
    let Ok(walk) = repo.rev_walk([head]).sorting(sorting).with_hidden([base]).all() else {
        return message(head).into_iter().collect();
    };
    let (mut messages, mut merges) = (Vec::new(), Vec::new());
    for info in walk.map_while(Result::ok).take(MAX_MESSAGES) {
        let list = if info.parent_ids.len() > 1 { &mut merges } else { &mut messages };
        list.extend(message(info.id));
    }
    // A merge says something only where there is nothing else.
    let mut messages = if messages.is_empty() { merges } else { messages };
    messages.reverse();
    messages
}

fn title(repo: &Repository, messages: &[String], head_is_checked_out: bool) -> String {
    let subject = |message: &String| message.lines().next().unwrap_or_default().to_owned();
    match messages {
        [] => "Uncommitted changes".to_owned(),
        [only] => subject(only),
        [.., newest] => {
            let branch = repo.head_name().ok().flatten().filter(|_| head_is_checked_out);
            branch.map_or_else(|| subject(newest), |name| name.shorten().to_str_lossy().into())
        }
    }
}

/// At most `limit` bytes of `text`, whole characters.
pub(super) fn clip(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}
