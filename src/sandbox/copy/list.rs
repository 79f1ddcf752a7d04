//! What of a checkout goes into a copy.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, ensure};
use gix::bstr::{BStr, ByteSlice as _};
use gix::dir::entry::{Kind, Status};
use gix::dir::walk::EmissionMode;

/// Files of a checkout before it is refused.
const MOST_FILES: usize = 500_000;
/// Repositories within repositories that are entered.
const MOST_DEPTH: usize = 8;

/// Names of folders that hold packages.
const PACKAGES: [&str; 12] = [
    "node_modules",
    "bower_components",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    "vendor",
    "Pods",
    "deps",
    ".yarn",
    ".bundle",
    ".pub-cache",
];
/// Names of folders that hold what a build makes, where nothing says what is ignored.
const BUILDS: [&str; 5] = ["target", "__pycache__", ".gradle", ".next", ".pytest_cache"];

/// What was found, relative to the root.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files and symbolic links.
    pub files: BTreeSet<PathBuf>,
    /// Ignored folders with packages.
    pub packages: BTreeSet<PathBuf>,
}

/// List a checkout: as git sees it where it is a repository.
pub(super) fn list(root: &Path) -> Result<Found> {
    let mut found = Found::default();
    if fs::symlink_metadata(root.join(".git")).is_ok() {
        repository(root, Path::new(""), 0, &mut found)?;
    } else {
        plain(root, Path::new(""), &mut found)?;
    }
    ensure!(found.files.len() < MOST_FILES, "more than {MOST_FILES} files are too many to copy");
    Ok(found)
}

/// No environment but the home folder, and no program is ever started.
fn options() -> gix::open::Options {
    use gix::open::permissions::{Attributes, Config, Environment};
    use gix::sec::Permission;
    let permissions = gix::open::Permissions {
        // What the user ignores everywhere is said below the home.
        env: Environment {
            home: Permission::Allow,
            xdg_config_home: Permission::Allow,
            ..Environment::isolated()
        },
        config: Config { git_binary: false, env: false, ..Config::all() },
        attributes: Attributes::all(),
    };
    gix::open::Options::default().permissions(permissions).with(gix::sec::Trust::Full)
}

fn repository(root: &Path, inner: &Path, depth: usize, found: &mut Found) -> Result<()> {
    let folder = root.join(inner);
    let repo = gix::open_opts(&folder, options())
        .with_context(|| format!("cannot read the repository at {}", folder.display()))?;
    let index = repo.index_or_empty().context("cannot read the index")?;
    let options = repo
        .dirwalk_options()?
        .emit_tracked(true)
        .emit_untracked(EmissionMode::Matching)
        .emit_ignored(Some(EmissionMode::CollapseDirectory));
    let mut seen = Seen::default();
    let patterns: [&BStr; 0] = [];
    repo.dirwalk(&index, patterns, &AtomicBool::new(false), options, &mut seen)
        .context("cannot list the checkout")?;
    found.files.extend(seen.files.into_iter().map(|path| inner.join(path)));
    found.packages.extend(seen.packages.into_iter().map(|path| inner.join(path)));
    for path in seen.repositories {
        let inner = inner.join(path);
        // A submodule that is not checked out is an empty folder.
        if depth < MOST_DEPTH && root.join(&inner).join(".git").exists() {
            repository(root, &inner, depth + 1, found)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Seen {
    files: Vec<PathBuf>,
    packages: Vec<PathBuf>,
    repositories: Vec<PathBuf>,
}

impl gix::dir::walk::Delegate for Seen {
    fn emit(
        &mut self,
        entry: gix::dir::EntryRef<'_>,
        _collapsed: Option<Status>,
    ) -> gix::dir::walk::Action {
        let Ok(path) = entry.rela_path.to_path() else { return ControlFlow::Continue(()) };
        let path = path.to_path_buf();
        match (entry.status, entry.disk_kind.or(entry.index_kind)) {
            (Status::Pruned, _) | (_, None | Some(Kind::Untrackable)) => {}
            (Status::Ignored(_), Some(kind)) => {
                if path.iter().any(|part| PACKAGES.iter().any(|name| part == *name)) {
                    self.packages.push(path);
                } else if kind == Kind::File && is_generated(&path) {
                    self.files.push(path);
                }
            }
            (_, Some(Kind::File | Kind::Symlink)) => self.files.push(path),
            (_, Some(Kind::Repository)) => self.repositories.push(path),
            (_, Some(Kind::Directory)) => {}
        }
        if self.files.len() < MOST_FILES {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

/// Ignored files without which the code is not whole: made once by a setup, and no place
/// for a secret.
fn is_generated(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    matches!(name, "_version.py" | "version.py" | ".pnp.cjs" | ".pnp.loader.mjs")
        || ["_pb2.py", "_pb2.pyi", "_pb2_grpc.py", ".pb.go", ".so", ".pyd"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// A folder that is no repository: all of it but packages and builds.
fn plain(root: &Path, inner: &Path, found: &mut Found) -> Result<()> {
    let mut next = vec![inner.to_path_buf()];
    while let Some(inner) = next.pop() {
        let folder = root.join(&inner);
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let (kind, name) = (entry.file_type()?, entry.file_name());
            let path = inner.join(&name);
            let is = |names: &[&str]| names.iter().any(|one| name == *one);
            if is(&PACKAGES[..6]) && !kind.is_file() {
                found.packages.insert(path);
            } else if kind.is_dir() && !is(&BUILDS) && name != ".git" {
                next.push(path);
            } else if kind.is_file() || kind.is_symlink() {
                found.files.insert(path);
            }
        }
        if found.files.len() >= MOST_FILES {
            break;
        }
    }
    Ok(())
}
