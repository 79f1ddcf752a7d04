//! Single files, folders and facts of a repository.

use anyhow::Context as _;
use gix::bstr::ByteSlice as _;
use gix::{ObjectId, Repository};

use super::{Local, LocalError, WORKTREE, range, store, worktree};
use crate::diff::{Mode, RepoPath};

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Where.
    pub path: RepoPath,
    /// What kind.
    pub mode: Mode,
}

impl Local {
    /// The commit that is checked out, in full; `None` before the first one.
    ///
    /// # Errors
    /// `HEAD` cannot be read.
    pub fn head_sha(&self) -> anyhow::Result<Option<String>> {
        Ok(range::checked_out(&self.repository())?.map(|id| id.to_string()))
    }

    /// The name of the branch that is checked out, without `refs/heads/`.
    pub fn branch(&self) -> Option<String> {
        let name = self.repository().head_name().ok().flatten()?;
        Some(name.shorten().to_str_lossy().into_owned())
    }

    /// The commit that `revision` names, in full.
    ///
    /// # Errors
    /// [`LocalError::UnknownRevision`] or [`LocalError::Shallow`].
    pub fn resolve(&self, revision: &str) -> anyhow::Result<String> {
        Ok(range::commit(&self.repository(), revision)?.0.to_string())
    }

    /// Whether this clone holds the commit with this full id.
    pub fn has_commit(&self, sha: &str) -> bool {
        let Ok(id) = ObjectId::from_hex(sha.as_bytes()) else { return false };
        self.repository().find_commit(id).is_ok()
    }

    /// Whether the working tree differs from `HEAD`: edits, staged or not, and
    /// untracked files that are not ignored.
    ///
    /// # Errors
    /// [`LocalError::Bare`], or a file cannot be read.
    pub fn is_dirty(&self) -> anyhow::Result<bool> {
        let repo = self.repository();
        let workdir = self.workdir().ok_or(LocalError::Bare)?;
        let tree =
            worktree::snapshot(&repo, workdir, &mut store::Extra::default(), &mut Vec::new())?;
        Ok(tree != head_tree(&repo)?)
    }

    /// A file at a revision as git stores it; a link's bytes are its target.
    /// `None` if it is not there or is a folder or a submodule. The revision
    /// [`WORKTREE`] reads the checkout, refusing what lies behind links.
    ///
    /// # Errors
    /// [`LocalError::UnknownRevision`], [`LocalError::Shallow`]; the file is
    /// larger than [`super::MAX_FILE_BYTES`].
    pub fn file_at(&self, revision: &str, path: &RepoPath) -> anyhow::Result<Option<Vec<u8>>> {
        let repo = self.repository();
        if revision == WORKTREE {
            let workdir = self.workdir().ok_or(LocalError::Bare)?;
            return worktree::file(&repo, workdir, path.as_bstr());
        }
        let tree = self.tree(&repo, revision)?;
        let parts = path.as_bstr().split(|&byte| byte == b'/');
        let Some(entry) = tree.lookup_entry(parts)? else { return Ok(None) };
        if !entry.mode().is_blob_or_symlink() {
            return Ok(None);
        }
        let id = entry.object_id();
        let objects = store::Objects::new(repo.clone(), store::Extra::default());
        match objects.blob(&id, super::MAX_FILE_BYTES)? {
            store::Blob::Bytes(data) => Ok(Some(data)),
            store::Blob::TooLarge(size) => {
                anyhow::bail!("cannot read {path} at {revision}: {size} bytes are too many")
            }
            store::Blob::Absent => {
                anyhow::bail!("cannot read {path} at {revision}: it is not in this clone")
            }
        }
    }

    /// The names in the root folder at a revision, in order. [`WORKTREE`]
    /// answers as of `HEAD`.
    ///
    /// # Errors
    /// [`LocalError::UnknownRevision`], [`LocalError::Shallow`].
    pub fn root_entries(&self, revision: &str) -> anyhow::Result<Vec<String>> {
        let repo = self.repository();
        let tree = self.tree(&repo, revision)?;
        tree.iter().map(|entry| Ok(entry?.filename().to_str_lossy().into_owned())).collect()
    }

    /// Every ordinary file below the folder `dir` at a revision (a commit's full
    /// name), in order of path; none if there is no such folder.
    ///
    /// # Errors
    /// [`LocalError::UnknownRevision`], [`LocalError::Shallow`].
    pub fn files_below(&self, revision: &str, dir: &str) -> anyhow::Result<Vec<String>> {
        let repo = self.repository();
        let tree = self.tree(&repo, revision)?;
        let entry = tree.lookup_entry(dir.split('/').map(str::as_bytes))?;
        let Some(entry) = entry.filter(|entry| entry.mode().is_tree()) else {
            return Ok(Vec::new());
        };
        let mut recorder = gix::traverse::tree::Recorder::default();
        entry
            .object()?
            .into_tree()
            .traverse()
            .breadthfirst(&mut recorder)
            .with_context(|| format!("cannot list the files of {dir} at {revision}"))?;
        let files = recorder.records.into_iter().filter(|entry| entry.mode.is_blob());
        let mut files: Vec<String> =
            files.map(|entry| format!("{dir}/{}", entry.filepath.to_str_lossy())).collect();
        files.sort();
        Ok(files)
    }

    /// Every file at a revision, in order of path. [`WORKTREE`] answers as of
    /// `HEAD`.
    ///
    /// # Errors
    /// [`LocalError::UnknownRevision`], [`LocalError::Shallow`].
    pub fn list_tree(&self, revision: &str) -> anyhow::Result<Vec<TreeFile>> {
        let repo = self.repository();
        let tree = self.tree(&repo, revision)?;
        let mut recorder = gix::traverse::tree::Recorder::default();
        tree.traverse()
            .breadthfirst(&mut recorder)
            .with_context(|| format!("cannot list the files at {revision}"))?;
        let mut files: Vec<TreeFile> = recorder
            .records
            .into_iter()
            .filter(|entry| !entry.mode.is_tree())
            .map(|entry| TreeFile {
                path: RepoPath(bytes::Bytes::from(Vec::from(entry.filepath))),
                mode: Mode(u32::from(entry.mode.value())),
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// `owner/name` by the address of the remote `origin` (or the only one).
    /// A guess: nothing that is written may rest on it.
    pub fn repository_name(&self) -> Option<String> {
        let (_, path) = self.remote()?;
        Some(path)
    }

    /// Host and path of the remote `origin` (or the only one): `github.com`
    /// and `owner/name`. Credentials in the address are left out.
    pub fn remote(&self) -> Option<(String, String)> {
        let repo = self.repository();
        let name = range::remote_name(&repo)?;
        let remote = repo.try_find_remote_without_url_rewrite(name.as_str())?.ok()?;
        let url = remote.url(gix::remote::Direction::Fetch)?;
        let host = url.host()?.to_owned();
        let path = url.path.to_str().ok()?.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        (path.contains('/') && !path.contains("..")).then(|| (host, path.to_owned()))
    }

    fn tree<'repo>(
        &self,
        repo: &'repo Repository,
        revision: &str,
    ) -> anyhow::Result<gix::Tree<'repo>> {
        if revision == WORKTREE {
            return Ok(repo.find_tree(head_tree(repo)?)?);
        }
        if let Ok(id) = ObjectId::from_hex(revision.as_bytes())
            && let Ok(object) = repo.find_object(id)
            && let Ok(tree) = object.peel_to_tree()
        {
            return Ok(tree);
        }
        let (id, _) = range::commit(repo, revision)?;
        Ok(repo.find_commit(id)?.tree()?)
    }
}

fn head_tree(repo: &Repository) -> anyhow::Result<ObjectId> {
    Ok(match range::checked_out(repo)? {
        Some(id) => repo.find_commit(id)?.tree_id()?.detach(),
        None => repo.empty_tree().id,
    })
}
