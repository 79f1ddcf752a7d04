//! A copy of a checkout that is thrown away.

mod dependencies;
mod files;
mod list;

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::{Access, Shown, Walls};

/// How the folders of copies start.
const PREFIX: &str = "pipewright-copy-";
/// Held locked while the copy is used: one that is not was left behind.
const LOCK: &str = ".lock";

/// A copy of a checkout: what git tracks, and what is new and not ignored. No `.git`, no
/// ignored file but a few kinds that are generated code, and packages as
/// [`shown`](Copy::shown) says. Files are never shared with the checkout. It is removed
/// when dropped.
#[derive(Debug)]
pub struct Copy {
    root: PathBuf,
    shown: Vec<Shown>,
    notes: Vec<String>,
    folder: Option<TempDir>,
    /// Unlocked when closed.
    _lock: File,
}

impl Copy {
    /// The folder that stands for the checkout's root. It has the same name.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// What a [`Run`](super::Run) in the copy is to be shown: packages that git ignores
    /// (`node_modules`, `.venv`, `vendor`, …), and the copy itself at the checkout's own
    /// place, so that absolute paths (of builds, of packages installed in place) lead into
    /// the copy. Empty where no such walls stand: then packages are links to the
    /// checkout's, or copies.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// What of the checkout is not as it was, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            remove(&folder.keep());
        }
    }
}

/// Copy the checkout at `root` into a new folder below `temp`. Copies that a killed
/// process left there are removed.
///
/// # Errors
/// A file cannot be read, or there is no room.
pub fn copy_of(root: &Path, temp: &Path, walls: &Walls) -> Result<Copy> {
    let root = fs::canonicalize(root)
        .with_context(|| format!("cannot find the checkout at {}", root.display()))?;
    let temp = fs::canonicalize(temp).with_context(|| format!("cannot find {}", temp.display()))?;
    ensure!(!temp.starts_with(&root), "a copy cannot lie inside of its checkout");
    let name = root.file_name().context("the root folder of a machine is no checkout")?;
    remove_left_behind(&temp);
    let folder = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(&temp)
        .with_context(|| format!("cannot make a folder in {}", temp.display()))?;
    let lock = File::create(folder.path().join(LOCK))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).context("cannot lock the copy")?;
    let target = folder.path().join(name);
    fs::create_dir(&target)?;
    let mut copy = Copy {
        root: target,
        shown: Vec::new(),
        notes: Vec::new(),
        folder: Some(folder),
        _lock: lock,
    };

    let found = list::list(&root)?;
    let skipped = files::copy(&root, &copy.root, &found.files)?;
    if let Some(first) = skipped.first() {
        let count = skipped.len();
        copy.notes
            .push(format!("Left out of the copy: {count} links out of the checkout ({first})."));
    }
    for path in &found.packages {
        let (source, place) = (root.join(path), copy.root.join(path));
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        if walls.files && source.is_dir() && !source.is_symlink() {
            fs::create_dir_all(&place)?;
            copy.shown.push(Shown { source, target: place, access: Access::Discard });
        } else {
            let note = dependencies::provide(&source, &place)
                .with_context(|| format!("cannot provide {}", path.display()))?;
            copy.notes.extend(note);
        }
    }
    if walls.files {
        let source = copy.root.clone();
        copy.shown.push(Shown { source, target: root, access: Access::Write });
    }
    Ok(copy)
}

/// Remove a folder, whatever its permissions became.
fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_ok() {
        return;
    }
    let mut next = vec![folder.to_path_buf()];
    while let Some(folder) = next.pop() {
        // Never a link's target: only folders come in here.
        let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                next.push(entry.path());
            }
        }
    }
    if let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!("the copy in {} could not be removed: {error}", folder.display());
    }
}

/// A process that is killed cannot remove its copies; the next one does.
fn remove_left_behind(temp: &Path) {
    let Ok(entries) = fs::read_dir(temp) else { return };
    let us = rustix::process::geteuid().as_raw();
    for entry in entries.filter_map(Result::ok) {
        let is_copy = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_ours =
            is_copy && entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == us);
        if is_ours
            && let Ok(lock) = File::open(entry.path().join(LOCK))
            && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            remove(&entry.path());
        }
    }
}
