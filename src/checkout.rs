//! Files of the working tree, for the model and for evidence: read only, and
//! nothing outside, no link, no `.git`, no credentials, no device.
//!
//! A path is refused by its spelling first and then by what is found on disk,
//! part by part, so that no link is ever followed. Paths that are refused and
//! paths that are not there are told apart only where that gives nothing away.

mod jail;
mod search;
mod walk;

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub use jail::is_credential;
pub use search::{Hit, Search, SearchError};
pub use walk::Listing;

/// The set that one glob of the model's stands for: without a slash it matches
/// file names, with one whole paths from the root.
///
/// # Errors
/// [`SearchError::Glob`].
pub fn globs(glob: &str) -> Result<globset::GlobSet, SearchError> {
    walk::globs([glob])
}

/// The working tree's files.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
}

/// A path that is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// As asked for, control characters replaced, at most 200 characters.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// Why a path is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is absolute, climbs with `..`, or is not a plain path.
    Outside,
    /// It lies in git's own folder.
    GitFolder,
    /// A part of it is a symbolic link.
    Link,
    /// It looks like a place where credentials are kept.
    Credentials,
    /// Nothing there.
    NotFound,
    /// A folder where a file was asked for.
    Folder,
    /// A file where a folder was asked for.
    NotAFolder,
    /// A pipe, socket or device.
    Special,
    /// More bytes than were allowed.
    TooLarge {
        /// How many it has.
        size: u64,
    },
    /// The system would not let it be read.
    Unreadable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Outside => {
                "only plain relative paths with slashes are answered, without `..` or backslashes"
            }
            Reason::GitFolder => "git's own folder is not answered",
            Reason::Link => "symbolic links are not followed",
            Reason::Credentials => "files that may hold credentials are not answered",
            Reason::NotFound => "there is no such file",
            Reason::Folder => "it is a folder; list it instead",
            Reason::NotAFolder => "it is not a folder",
            Reason::Special => "it is not an ordinary file",
            Reason::TooLarge { size } => return write!(f, "{size} bytes are too many"),
            Reason::Unreadable => "it cannot be read",
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read `{}`: {}", self.path, self.reason)
    }
}

impl std::error::Error for Refused {}

impl Checkout {
    /// The files below `root`.
    ///
    /// # Errors
    /// `root` is not a folder.
    pub fn new(root: impl AsRef<Path>) -> anyhow::Result<Self> {
        let root = root.as_ref();
        let canonical = root
            .canonicalize()
            .with_context(|| format!("cannot find the checkout {}", root.display()))?;
        anyhow::ensure!(canonical.is_dir(), "cannot use {}: it is not a folder", root.display());
        Ok(Checkout { root: canonical })
    }

    /// The top folder, canonical.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file's bytes, at most `max_bytes`.
    ///
    /// # Errors
    /// See [`Reason`].
    pub fn read(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, Refused> {
        self.read_file(path, max_bytes).map_err(|reason| refused(path, reason))
    }

    /// The path as it is answered: plain parts joined by slashes. Says nothing
    /// of whether there is a file; for files that do not lie on disk.
    ///
    /// # Errors
    /// [`Reason::Outside`], [`Reason::GitFolder`], [`Reason::Credentials`].
    pub fn plain_path(path: &str) -> Result<String, Refused> {
        let parts = jail::parse(path).map_err(|reason| refused(path, reason))?;
        Ok(parts.join("/"))
    }

    fn read_file(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, Reason> {
        let parts = jail::parse(path)?;
        if parts.is_empty() {
            return Err(Reason::Folder);
        }
        let (full, found) = jail::locate(&self.root, &parts)?;
        read_found(&full, &found, max_bytes)
    }

    /// Files below the folder `dir` (empty: everywhere) that match `glob`, in
    /// order, at most `limit`. What `.gitignore` names, installed packages,
    /// build output, links and credentials are left out. A glob without a
    /// slash matches file names, one with a slash whole paths from the root.
    ///
    /// # Errors
    /// [`SearchError::Refused`] or [`SearchError::Glob`].
    pub fn list(
        &self,
        dir: &str,
        glob: Option<&str>,
        limit: usize,
    ) -> Result<Listing, SearchError> {
        walk::list(self, dir, glob, limit)
    }

    /// Lines that match the regular expression `pattern`, in files that match
    /// `glob` among those of [`list`](Self::list). Binary files and those over
    /// 1 MiB are left out; `limit` lines, 256 MiB and two seconds are the caps.
    ///
    /// # Errors
    /// [`SearchError::Pattern`] or [`SearchError::Glob`].
    pub fn search(
        &self,
        pattern: &str,
        glob: Option<&str>,
        limit: usize,
    ) -> Result<Search, SearchError> {
        search::search(self, pattern, glob, limit)
    }

    /// Files that match any of `globs`, in order: where reports lie, which is
    /// mostly in folders that git ignores. Installed packages, compilers'
    /// intermediate folders, links and git's folder are left out.
    ///
    /// # Errors
    /// [`SearchError::Glob`].
    pub fn walk_reports(&self, globs: &[String]) -> Result<Listing, SearchError> {
        walk::reports(self, globs)
    }
}

/// Read what [`jail::locate`] found.
fn read_found(full: &Path, found: &std::fs::Metadata, max_bytes: u64) -> Result<Vec<u8>, Reason> {
    if found.is_dir() {
        return Err(Reason::Folder);
    }
    if !found.is_file() {
        return Err(Reason::Special);
    }
    if found.len() > max_bytes {
        return Err(Reason::TooLarge { size: found.len() });
    }
    let file = File::open(full).map_err(|_| Reason::Unreadable)?;
    let opened = file.metadata().map_err(|_| Reason::Unreadable)?;
    // Another file may have been put there in between.
    if !jail::same_file(found, &opened) {
        return Err(Reason::Link);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|_| Reason::Unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Reason::TooLarge { size: bytes.len() as u64 });
    }
    Ok(bytes)
}

fn refused(path: &str, reason: Reason) -> Refused {
    const SHOWN: usize = 200;
    let path =
        path.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    Refused { path, reason }
}
