//! What a copy holds, so that a test that changes files of the checkout is noticed, and
//! what it left behind does not touch the next one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Folders that builds and runners fill: what is new below them is theirs.
const BUILD: &[&str] = &[
    "target",
    "build",
    "dist",
    "out",
    "bin",
    "obj",
    ".gradle",
    ".pytest_cache",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".nyc_output",
    "coverage",
    "node_modules",
    ".venv",
    "venv",
    ".tox",
    "vendor",
    ".git",
    ".phpunit.cache",
    ".cache",
    "htmlcov",
    ".vitest",
    ".jest-cache",
];

/// What tells a file from what it was: a test can set its times back, but not the one
/// of its last change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    inode: u64,
    mode: u32,
    changed: (i64, i64),
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::symlink_metadata(path).ok()?;
    Some(Stamp {
        size: meta.len(),
        inode: meta.ino(),
        mode: meta.mode(),
        changed: (meta.ctime(), meta.ctime_nsec()),
    })
}

/// The files of a copy.
#[derive(Debug)]
pub struct Manifest {
    copy: PathBuf,
    files: BTreeMap<String, Stamp>,
}

impl Manifest {
    /// As a copy is now.
    pub fn of(copy: &Path) -> Manifest {
        let mut files = BTreeMap::new();
        walk(copy, &mut |path, whole| {
            if let Some(stamp) = stamp(whole) {
                files.insert(path.to_owned(), stamp);
            }
        });
        Manifest { copy: copy.to_path_buf(), files }
    }

    /// Files that are no longer as they were, but for `known`; what is new is taken away.
    pub fn altered(&self, known: &[&str]) -> Vec<String> {
        let mut altered: Vec<String> = self
            .files
            .iter()
            .filter(|(path, _)| !known.contains(&path.as_str()))
            .filter(|(path, before)| stamp(&self.copy.join(path)) != Some(**before))
            .map(|(path, _)| path.clone())
            .collect();
        let mut new = Vec::new();
        walk(&self.copy, &mut |path, whole| {
            if !self.files.contains_key(path) && !known.contains(&path) {
                new.push(whole.to_path_buf());
            }
        });
        for path in new {
            let _ = fs::remove_file(path);
        }
        altered.sort();
        altered
    }

    /// Put files back from another folder, and remember them as they are then.
    ///
    /// # Errors
    /// One cannot be written.
    pub fn restore(
        &mut self,
        paths: &[String],
        text: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<()> {
        for path in paths {
            let whole = self.copy.join(path);
            let meta = fs::symlink_metadata(&whole);
            if meta.as_ref().is_ok_and(|meta| meta.is_symlink()) {
                let _ = fs::remove_file(&whole);
            } else if meta.is_ok_and(|meta| meta.is_dir()) {
                let _ = fs::remove_dir_all(&whole);
            }
            let Some(text) = text(path) else {
                anyhow::bail!("{path} was altered by a test and cannot be put back")
            };
            if let Some(folder) = whole.parent() {
                fs::create_dir_all(folder).context("cannot put a copy back as it was")?;
            }
            fs::write(&whole, text).with_context(|| format!("cannot put {path} back"))?;
            self.renew(path);
        }
        Ok(())
    }

    /// A file is no longer looked for.
    pub fn forget(&mut self, path: &str) {
        self.files.remove(path);
    }

    /// A file was written by us.
    pub fn renew(&mut self, path: &str) {
        match stamp(&self.copy.join(path)) {
            Some(stamp) => self.files.insert(path.to_owned(), stamp),
            None => self.files.remove(path),
        };
    }
}

/// Every file outside of build folders, links not followed.
fn walk(copy: &Path, each: &mut dyn FnMut(&str, &Path)) {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(copy.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let Ok(kind) = entry.file_type() else { continue };
            let path = folder.join(name);
            if kind.is_dir() {
                if !BUILD.contains(&name) {
                    folders.push(path);
                }
            } else if let Some(path) = path.to_str() {
                each(path, &entry.path());
            }
        }
    }
}
