//! A checkout on this machine, read with `gix`: no git binary, no hooks, no
//! filter or diff drivers, nothing written.
//!
//! A working tree is compared as git would: its files are normalised (line
//! ends, `ident`, encodings) and hashed into objects that live in memory only,
//! so that every comparison is one of two trees.

mod compare;
mod history;
mod range;
mod read;
mod rename;
mod store;
mod suggest;
mod worktree;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use gix::sec::{Permission, Trust};

use crate::diff::Change;
pub use history::{History, HistoryEnd, Touch};
pub use read::TreeFile;

/// What [`LocalChange::head`] says when the working tree is under review.
pub const WORKTREE: &str = "worktree";

/// Files beyond this many bytes are compared by hash only.
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// A repository found on this machine. Cheap to share between threads.
#[derive(Clone)]
pub struct Local {
    repo: gix::ThreadSafeRepository,
    workdir: Option<PathBuf>,
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").field("git_dir", &self.repo.git_dir()).finish_non_exhaustive()
    }
}

/// A change read from a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalChange {
    /// The commit the change starts from, in full; the empty tree's id for a
    /// first commit.
    pub base: String,
    /// What the base was found by: `origin/main`, `HEAD~1`, or as given.
    pub base_ref: String,
    /// The commit under review in full; [`WORKTREE`] if the change has
    /// uncommitted parts.
    pub head: String,
    /// The commit that is checked out or was given; `None` before the first one.
    pub head_commit: Option<String>,
    /// What differs.
    pub change: Change,
    /// One line: the branch's or its only commit's subject. Untrusted text.
    pub title: String,
    /// The commits' messages, oldest first; at most 50, each at most 4 KiB.
    /// Untrusted text.
    pub messages: Vec<String>,
    /// What the reader has to know of how this was read, one sentence each.
    pub notes: Vec<String>,
}

/// Why a checkout cannot be reviewed as asked: the inputs are wrong, exit code 2.
/// Found in an [`anyhow::Error`] by `downcast_ref`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalError {
    /// No repository in this folder or above it.
    NoRepository {
        /// Where the search began.
        dir: PathBuf,
    },
    /// The history that is needed was not fetched.
    Shallow {
        /// What could not be found, in words.
        wanted: String,
    },
    /// No such revision.
    UnknownRevision {
        /// As given.
        revision: String,
        /// Names that are near, nearest first.
        nearest: Vec<String>,
    },
    /// A working tree was asked for, but the repository has none.
    Bare,
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LocalError::NoRepository { dir } => write!(
                f,
                "no git repository in {} or above it; run inside a checkout",
                dir.display()
            ),
            LocalError::Shallow { wanted } => write!(
                f,
                "cannot find {wanted}: this clone is shallow; run `git fetch --unshallow`, \
                 set `fetch-depth: 0` in the checkout step, or name a commit with `--base`"
            ),
            LocalError::UnknownRevision { revision, nearest } => {
                write!(f, "`{revision}` is not a revision of this repository")?;
                match nearest.as_slice() {
                    [] => Ok(()),
                    names => write!(f, "; did you mean `{}`?", names.join("`, `")),
                }
            }
            LocalError::Bare => {
                write!(f, "this repository is bare; name a commit with `--head`")
            }
        }
    }
}

impl std::error::Error for LocalError {}

/// Find the repository that `dir` lies in.
///
/// The checkout may belong to another user, as it does in containers: nothing
/// its configuration names is ever run, so it is read all the same. `GIT_*`
/// variables are not looked at.
///
/// # Errors
/// [`LocalError::NoRepository`], or the repository's own files are broken.
pub fn open(dir: &Path) -> anyhow::Result<Local> {
    let upwards = gix::discover::upwards::Options {
        trust: gix::discover::upwards::TrustPolicy::Assume(Trust::Full),
        ..Default::default()
    };
    let options = || options().with(Trust::Full);
    let map = gix::sec::trust::Mapping { full: options(), reduced: options() };
    let repo = match gix::ThreadSafeRepository::discover_opts(dir, upwards, map) {
        Ok(repo) => repo,
        Err(error) if is_absent(&error) => {
            return Err(LocalError::NoRepository { dir: dir.to_owned() }.into());
        }
        Err(error) => {
            return Err(anyhow::Error::new(error))
                .with_context(|| format!("cannot open the repository at {}", dir.display()));
        }
    };
    let workdir = match repo.work_dir() {
        Some(workdir) => Some(own_workdir(workdir, dir)?),
        None => None,
    };
    Ok(Local { repo, workdir })
}

fn is_absent(error: &gix::Error) -> bool {
    error.downcast_any_ref::<gix::discover::upwards::Error>().is_some()
}

/// `core.worktree` may name any folder of the machine; only one around `dir`
/// is taken, or else a configuration could have foreign files reviewed.
fn own_workdir(workdir: &Path, dir: &Path) -> anyhow::Result<PathBuf> {
    let workdir = workdir
        .canonicalize()
        .with_context(|| format!("cannot find the working tree {}", workdir.display()))?;
    let dir =
        dir.canonicalize().with_context(|| format!("cannot find the folder {}", dir.display()))?;
    if dir.starts_with(&workdir) {
        return Ok(workdir);
    }
    Err(anyhow!(
        "cannot use the working tree {}: the repository's configuration names it, but {} lies outside",
        workdir.display(),
        dir.display()
    ))
}

/// No environment but the home folder, and no program is ever started: what
/// could start one (filters, drivers, hooks) is not called or not configured.
fn options() -> gix::open::Options {
    let permissions = gix::open::Permissions {
        env: gix::open::permissions::Environment {
            home: Permission::Allow,
            xdg_config_home: Permission::Allow,
            ..gix::open::permissions::Environment::isolated()
        },
        config: gix::open::permissions::Config {
            git_binary: false,
            env: false,
            ..gix::open::permissions::Config::all()
        },
        attributes: gix::open::permissions::Attributes::all(),
    };
    gix::open::Options::default().permissions(permissions).filter_config_section(|_| true)
}

impl Local {
    /// The top folder of the working tree, canonical; `None` if bare.
    pub fn workdir(&self) -> Option<&Path> {
        self.workdir.as_deref()
    }

    /// The change between `base` and `head`.
    ///
    /// Without a `head` it ends in the working tree: commits, staged and
    /// unstaged edits, and untracked files that are not ignored. It starts at
    /// the merge base of `head` (or `HEAD`) and `base`. Without a `base`, that
    /// is the default branch; where it has all of `HEAD`, the uncommitted work
    /// alone is the change; where there is none, the last commit is.
    ///
    /// # Errors
    /// A [`LocalError`] where the inputs or the clone's depth are the cause.
    pub fn change(&self, base: Option<&str>, head: Option<&str>) -> anyhow::Result<LocalChange> {
        let repo = self.repository();
        let mut notes = Vec::new();
        let mut range = range::resolve(self, &repo, base, head, &mut notes)?;
        let new_tree = range.new_tree;
        let objects = store::Objects::new(repo.clone(), std::mem::take(&mut range.extra));
        let copies = repo
            .config_snapshot()
            .string("diff.renames")
            .is_some_and(|value| matches!(value.as_slice(), b"copies" | b"copy"));
        let change = compare::trees(&objects, range.old_tree, new_tree, copies, &mut notes)?;
        Ok(LocalChange {
            base: range.base,
            base_ref: range.base_ref,
            head: range.head,
            head_commit: range.head_commit,
            change,
            title: range.title,
            messages: range.messages,
            notes,
        })
    }

    fn repository(&self) -> gix::Repository {
        let mut repo = self.repo.to_thread_local();
        repo.object_cache_size_if_unset(4 << 20);
        repo
    }
}
