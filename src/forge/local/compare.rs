//! Two trees, file by file.

use anyhow::Context as _;
use bytes::Bytes;
use gix::ObjectId;
use gix::bstr::BString;
use gix::objs::{FindExt as _, TreeRefIter};

use super::store::{Blob, Objects, parallel};
use super::worktree::SUBMODULE;
use super::{MAX_FILE_BYTES, rename};
use crate::diff::complete::from_contents;
use crate::diff::{Change, Content, FileDiff, Mode, Patch, RepoPath, Status};

/// A changed file before its content is looked at.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    /// Its new name, or the only one.
    pub path: BString,
    /// Its old name, if another.
    pub old_path: Option<BString>,
    /// Mode and object before.
    pub old: Option<(u32, ObjectId)>,
    /// Mode and object after.
    pub new: Option<(u32, ObjectId)>,
    pub status: Status,
}

/// Equal lines around each change, as many as git shows.
const CONTEXT: u32 = 3;

/// What differs between two trees; renames found, files in order of path.
pub(super) fn trees(
    objects: &Objects,
    old: ObjectId,
    new: ObjectId,
    copies: bool,
    notes: &mut Vec<String>,
) -> anyhow::Result<Change> {
    if old == new {
        return Ok(Change::default());
    }
    let mut raw = list(objects, old, new)?;
    if !rename::detect(objects, &mut raw, copies)? {
        notes.push(
            "Too many files were added and removed to look for renames by content: \
             some renamed files are shown as removed and added."
                .to_owned(),
        );
    }
    let raw = split_kinds(raw);
    let files = parallel(objects, raw.len(), |objects, index| file(objects, &raw[index]))?;
    let mut change = Change { files: Vec::with_capacity(files.len()) };
    let (mut large, mut absent) = (Vec::new(), Vec::new());
    for (file, gap) in files {
        match gap {
            Some(Gap::TooLarge) => large.push(file.path().display()),
            Some(Gap::Absent) => absent.push(file.path().display()),
            None => {}
        }
        change.files.push(file);
    }
    if !large.is_empty() {
        notes.push(format!(
            "Larger than {} MiB and not looked into: {}.",
            MAX_FILE_BYTES >> 20,
            some(&large)
        ));
    }
    if !absent.is_empty() {
        notes.push(format!(
            "Not in this clone, which was fetched without all contents: {}.",
            some(&absent)
        ));
    }
    Ok(change)
}

/// The first few names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn list(objects: &Objects, old: ObjectId, new: ObjectId) -> anyhow::Result<Vec<Raw>> {
    use gix::diff::tree::recorder::Change as Found;
    let (mut old_buffer, mut new_buffer) = (Vec::new(), Vec::new());
    let tree = |id: ObjectId, buffer| -> anyhow::Result<TreeRefIter<'_>> {
        objects.find_tree_iter(&id, buffer).with_context(|| format!("cannot read the tree {id}"))
    };
    let (old, new) = (tree(old, &mut old_buffer)?, tree(new, &mut new_buffer)?);
    let mut recorder = gix::diff::tree::Recorder::default();
    gix::diff::tree(old, new, gix::diff::tree::State::default(), objects, &mut recorder)
        .context("cannot compare the trees")?;
    let mut raw = Vec::with_capacity(recorder.records.len());
    for found in recorder.records {
        let (path, old, new, status) = match found {
            Found::Addition { entry_mode, oid, path, .. } => {
                (path, None, Some((entry_mode, oid)), Status::Added)
            }
            Found::Deletion { entry_mode, oid, path, .. } => {
                (path, Some((entry_mode, oid)), None, Status::Deleted)
            }
            Found::Modification { previous_entry_mode, previous_oid, entry_mode, oid, path } => (
                path,
                Some((previous_entry_mode, previous_oid)),
                Some((entry_mode, oid)),
                Status::Modified,
            ),
        };
        let leaf = |side: Option<(gix::objs::tree::EntryMode, ObjectId)>| {
            side.filter(|(mode, _)| !mode.is_tree()).map(|(mode, id)| (mode_of(mode), id))
        };
        let (old, new) = (leaf(old), leaf(new));
        if old.is_some() || new.is_some() {
            raw.push(Raw { path, old_path: None, old, new, status });
        }
    }
    raw.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(raw)
}

/// Old repositories hold modes that git no longer writes; it reads them so.
fn mode_of(mode: gix::objs::tree::EntryMode) -> u32 {
    use gix::objs::tree::EntryKind;
    match mode.kind() {
        EntryKind::Tree => super::worktree::TREE,
        EntryKind::Blob => super::worktree::FILE,
        EntryKind::BlobExecutable => super::worktree::EXECUTABLE,
        EntryKind::Link => super::worktree::LINK,
        EntryKind::Commit => SUBMODULE,
    }
}

/// A file that became a link or a submodule is, as in git's patches, one file
/// that went and one that came.
fn split_kinds(raw: Vec<Raw>) -> Vec<Raw> {
    let kind = |side: Option<(u32, ObjectId)>| side.map(|(mode, _)| mode & 0o170000);
    let mut all = Vec::with_capacity(raw.len());
    for change in raw {
        let both = change.old.is_some() && change.new.is_some();
        if both && kind(change.old) != kind(change.new) {
            let gone = Raw { new: None, status: Status::Deleted, ..change.clone() };
            all.push(gone);
            all.push(Raw { old: None, status: Status::Added, ..change });
        } else {
            all.push(change);
        }
    }
    all
}

/// Why a file's content is not shown.
enum Gap {
    TooLarge,
    Absent,
}

fn file(objects: &Objects, raw: &Raw) -> anyhow::Result<(FileDiff, Option<Gap>)> {
    let (content, gap) = content(objects, raw)
        .with_context(|| format!("cannot compare the versions of {}", raw.path))?;
    let name = |path: &BString| RepoPath(Bytes::copy_from_slice(path));
    let old_path = raw.old.map(|_| name(raw.old_path.as_ref().unwrap_or(&raw.path)));
    let file = FileDiff {
        old_path,
        new_path: raw.new.map(|_| name(&raw.path)),
        status: raw.status,
        old_mode: raw.old.map(|(mode, _)| Mode(mode)),
        new_mode: raw.new.map(|(mode, _)| Mode(mode)),
        content,
    };
    Ok((file, gap))
}

fn content(objects: &Objects, raw: &Raw) -> anyhow::Result<(Content, Option<Gap>)> {
    let is_submodule = |side: Option<(u32, ObjectId)>| side.is_some_and(|(m, _)| m == SUBMODULE);
    if is_submodule(raw.old) || is_submodule(raw.new) {
        let commit = |side: Option<(u32, ObjectId)>| side.map(|(_, id)| id.to_string());
        return Ok((Content::Submodule { old: commit(raw.old), new: commit(raw.new) }, None));
    }
    if let (Some((_, old)), Some((_, new))) = (raw.old, raw.new)
        && old == new
    {
        return Ok((Content::Text(Patch::default()), None));
    }
    let blob = |side: Option<(u32, ObjectId)>| {
        side.map(|(_, id)| objects.blob(&id, MAX_FILE_BYTES)).transpose()
    };
    let (old, new) = (blob(raw.old)?, blob(raw.new)?);
    let size = |blob: &Option<Blob>| match blob {
        Some(Blob::Bytes(data)) => Some(data.len() as u64),
        Some(Blob::TooLarge(size)) => Some(*size),
        Some(Blob::Absent) | None => None,
    };
    if matches!(old, Some(Blob::Absent)) || matches!(new, Some(Blob::Absent)) {
        return Ok((Content::Missing { additions: 0, deletions: 0 }, Some(Gap::Absent)));
    }
    let sizes = Content::Binary { old_size: size(&old), new_size: size(&new) };
    if matches!(old, Some(Blob::TooLarge(_))) || matches!(new, Some(Blob::TooLarge(_))) {
        return Ok((sizes, Some(Gap::TooLarge)));
    }
    let bytes = |blob: Option<Blob>| match blob {
        Some(Blob::Bytes(data)) => Some(data),
        _ => None,
    };
    let (old, new) = (bytes(old), bytes(new));
    // Attributes are not asked: a change could declare its own files binary.
    Ok((from_contents(old.as_deref(), new.as_deref(), CONTEXT), None))
}
