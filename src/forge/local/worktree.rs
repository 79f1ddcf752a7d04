//! The working tree as a tree object: what `git add --all` would make of it,
//! kept in memory.
//!
//! Tracked files whose times and size stand in the index as they are on disk
//! are taken from there; others are read, normalised as git does and hashed.

mod clean;
mod trees;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::index::entry::{Flags, Mode, Stat};
use gix::{ObjectId, Repository};

use super::store::Extra;
use clean::Cleaner;
use trees::Leaf;

/// Untracked files beyond this many are left out, and the notes say so.
const MAX_UNTRACKED: usize = 10_000;

/// From this many files on, reading them is worth a second thread.
const WORTH_THREADS: usize = 64;

pub(super) const FILE: u32 = 0o100644;
pub(super) const EXECUTABLE: u32 = 0o100755;
pub(super) const LINK: u32 = 0o120000;
pub(super) const SUBMODULE: u32 = 0o160000;
pub(super) const TREE: u32 = 0o040000;

/// A file that has to be read to know what it is.
#[derive(Debug, Clone)]
struct Candidate {
    path: BString,
    /// What the index says, if it is tracked and not merely announced.
    tracked: Option<(u32, ObjectId)>,
}

/// The working tree's tree. New objects go to `extra`.
pub(super) fn snapshot(
    repo: &Repository,
    workdir: &Path,
    extra: &mut Extra,
    notes: &mut Vec<String>,
) -> anyhow::Result<ObjectId> {
    let mut index = open_index(repo)?;
    let mut leaves = Vec::with_capacity(index.entries().len());
    let mut candidates = compare_with_index(repo, workdir, &mut index, &mut leaves, notes)?;
    add_untracked(repo, &index, &mut candidates, notes)?;
    read_all(repo, workdir, &index, candidates, &mut leaves, extra, notes)?;
    leaves.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    leaves.dedup_by(|a, b| a.path == b.path);
    trees::write(&leaves, extra)
}

/// Push what is unchanged to `leaves`; return what has to be read.
fn compare_with_index(
    repo: &Repository,
    workdir: &Path,
    index: &mut gix::index::File,
    leaves: &mut Vec<Leaf>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Vec<Candidate>> {
    // Nanoseconds tell a fresh checkout's files from those edited in the same
    // second. Where a file system loses them, the file is merely read.
    let options = gix::index::entry::stat::Options { use_nsec: true, ..repo.stat_options()? };
    let capabilities = repo.filesystem_options()?;
    let timestamp = index.timestamp();
    let mut folders = Folders { workdir, real: HashSet::new() };
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut unmerged = 0_usize;
    let backing = index.path_backing().to_owned();
    for entry in index.entries_mut() {
        let path = entry.path_in(&backing);
        if !is_ordinary(path) {
            continue;
        }
        let mode = entry.mode.bits();
        if entry.mode == Mode::DIR {
            leaves.push(Leaf { path: path.to_owned(), mode: TREE, id: entry.id });
            continue;
        }
        let full = on_disk(workdir, path)?;
        let stage = entry.flags.stage_raw();
        if stage != 0 {
            if candidates.last().is_some_and(|last| last.path == path) {
                continue;
            }
            unmerged += 1;
        }
        let found = if folders.hold(path) {
            gix::index::fs::Metadata::from_path_no_follow(&full).ok()
        } else {
            None
        };
        let Some(found) = found else {
            if entry.flags.intersects(Flags::SKIP_WORKTREE | Flags::ASSUME_VALID) {
                leaves.push(Leaf { path: path.to_owned(), mode, id: entry.id });
            }
            continue;
        };
        entry.flags.insert(Flags::UPTODATE);
        if entry.mode == Mode::COMMIT {
            if found.is_dir() {
                let id = submodule_head(&full).unwrap_or(entry.id);
                leaves.push(Leaf { path: path.to_owned(), mode: SUBMODULE, id });
            } else if found.is_file() || found.is_symlink() {
                candidates.push(Candidate { path: path.to_owned(), tracked: None });
            }
            continue;
        }
        if !found.is_file() && !found.is_symlink() {
            continue;
        }
        let announced = entry.flags.contains(Flags::INTENT_TO_ADD);
        if stage != 0 || announced {
            candidates.push(Candidate { path: path.to_owned(), tracked: None });
            continue;
        }
        let mode_now = mode_on_disk(&found, mode, capabilities);
        let same_kind = (mode_now == LINK) == (mode == LINK);
        let untouched = same_kind
            && (entry.flags.contains(Flags::ASSUME_VALID)
                || Stat::from_fs(&found).is_ok_and(|stat| entry.stat.matches(&stat, options))
                    && !entry.stat.is_racy(timestamp, options));
        if untouched {
            leaves.push(Leaf { path: path.to_owned(), mode: mode_now, id: entry.id });
        } else {
            candidates.push(Candidate { path: path.to_owned(), tracked: Some((mode, entry.id)) });
        }
    }
    if unmerged > 0 {
        notes
            .push(format!("{unmerged} files have merge conflicts; they are reviewed as they are."));
    }
    Ok(candidates)
}

/// No tool of git's makes such an entry; one that is there was put there.
fn is_ordinary(path: &BStr) -> bool {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    !path.is_empty()
        && path
            .split(|&byte| byte == b'/')
            .all(|part| !matches!(part, b"" | b"." | b"..") && !part.eq_ignore_ascii_case(b".git"))
}

fn on_disk(workdir: &Path, path: &BStr) -> anyhow::Result<PathBuf> {
    let relative = gix::path::from_bstr(path)
        .with_context(|| format!("cannot name the file {path} on this system"))?;
    Ok(workdir.join(relative))
}

fn mode_on_disk(
    found: &gix::index::fs::Metadata,
    indexed: u32,
    capabilities: gix::fs::Capabilities,
) -> u32 {
    // Where links cannot be made, git leaves their targets in plain files.
    if found.is_symlink() || indexed == LINK && !capabilities.symlink {
        LINK
    } else if !capabilities.executable_bit {
        if indexed == EXECUTABLE { EXECUTABLE } else { FILE }
    } else if found.is_executable() {
        EXECUTABLE
    } else {
        FILE
    }
}

/// The commit that is checked out in a submodule, if it is set up.
fn submodule_head(folder: &Path) -> Option<ObjectId> {
    if !folder.join(".git").exists() {
        return None;
    }
    let repo = gix::open_opts(folder, super::options().with(gix::sec::Trust::Full)).ok()?;
    super::range::checked_out(&repo).ok().flatten()
}

/// Folders of the working tree that are folders and not links: what lies
/// behind a link is not in the repository.
struct Folders<'a> {
    workdir: &'a Path,
    real: HashSet<BString>,
}

impl Folders<'_> {
    /// Whether every folder on the way to `path` is a real one.
    fn hold(&mut self, path: &BStr) -> bool {
        let Some(end) = path.rfind_byte(b'/') else { return true };
        let folder: &BStr = path[..end].as_bstr();
        if self.real.contains(folder) {
            return true;
        }
        let is_real = self.hold(folder)
            && on_disk(self.workdir, folder)
                .ok()
                .and_then(|full| full.symlink_metadata().ok())
                .is_some_and(|found| found.is_dir());
        if is_real {
            self.real.insert(folder.to_owned());
        }
        is_real
    }
}

struct Untracked<'a> {
    candidates: &'a mut Vec<Candidate>,
    room: usize,
}

impl gix::dir::walk::Delegate for Untracked<'_> {
    fn emit(
        &mut self,
        entry: gix::dir::EntryRef<'_>,
        _collapsed: Option<gix::dir::entry::Status>,
    ) -> gix::dir::walk::Action {
        use gix::dir::entry::{Kind, Status};
        let is_file = matches!(entry.disk_kind, Some(Kind::File | Kind::Symlink));
        if entry.status != Status::Untracked || !is_file {
            return ControlFlow::Continue(());
        }
        if self.room == 0 {
            return ControlFlow::Break(());
        }
        self.room -= 1;
        self.candidates.push(Candidate { path: entry.rela_path.into_owned(), tracked: None });
        ControlFlow::Continue(())
    }
}

fn add_untracked(
    repo: &Repository,
    index: &gix::index::File,
    candidates: &mut Vec<Candidate>,
    notes: &mut Vec<String>,
) -> anyhow::Result<()> {
    let options = repo.dirwalk_options()?.emit_untracked(gix::dir::walk::EmissionMode::Matching);
    let mut untracked = Untracked { candidates, room: MAX_UNTRACKED };
    let interrupt = AtomicBool::new(false);
    let patterns: [&BStr; 0] = [];
    repo.dirwalk(index, patterns, &interrupt, options, &mut untracked)
        .context("cannot list untracked files")?;
    if untracked.room == 0 {
        notes.push(format!(
            "Only the first {MAX_UNTRACKED} untracked files are reviewed: \
             ignore what does not belong to the repository."
        ));
    }
    Ok(())
}

fn read_all(
    repo: &Repository,
    workdir: &Path,
    index: &gix::index::File,
    candidates: Vec<Candidate>,
    leaves: &mut Vec<Leaf>,
    extra: &mut Extra,
    notes: &mut Vec<String>,
) -> anyhow::Result<()> {
    let threads = if candidates.len() < WORTH_THREADS { 1 } else { super::store::threads() };
    let share = candidates.len().div_ceil(threads).max(1);
    let shared = repo.clone().into_sync();
    let read = |part: &[Candidate]| -> anyhow::Result<Vec<clean::Cleaned>> {
        let repo = shared.to_thread_local();
        let mut cleaner = Cleaner::new(&repo, workdir, index)?;
        part.iter().map(|candidate| cleaner.read(candidate)).collect()
    };
    let results: Vec<anyhow::Result<Vec<clean::Cleaned>>> = std::thread::scope(|scope| {
        let mut parts = candidates.chunks(share);
        let own = parts.next();
        let handles: Vec<_> = parts.map(|part| scope.spawn(|| read(part))).collect();
        let own = own.map(&read);
        own.into_iter().chain(handles.into_iter().map(super::store::join)).collect()
    });
    let cleaned = results.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    for (candidate, cleaned) in candidates.into_iter().zip(cleaned.into_iter().flatten()) {
        let path = candidate.path;
        match cleaned {
            clean::Cleaned::Gone => {}
            clean::Cleaned::Same { mode, id } => leaves.push(Leaf { path, mode, id }),
            clean::Cleaned::New { mode, data } => {
                let id = extra.insert(gix::objs::Kind::Blob, data)?;
                leaves.push(Leaf { path, mode, id });
            }
            clean::Cleaned::Large { mode, size } => {
                let id = extra.insert_large(&path, size)?;
                leaves.push(Leaf { path, mode, id });
            }
            clean::Cleaned::Filtered { filter } => {
                notes.push(format!(
                    "{path} passes through the filter `{filter}`, which is not run: \
                     uncommitted edits of it are not reviewed."
                ));
                if let Some((mode, id)) = candidate.tracked {
                    leaves.push(Leaf { path, mode, id });
                }
            }
            clean::Cleaned::Unreadable { error } => {
                notes.push(format!(
                    "{path} cannot be read ({error}): edits of it are not reviewed."
                ));
                if let Some((mode, id)) = candidate.tracked {
                    leaves.push(Leaf { path, mode, id });
                }
            }
        }
    }
    Ok(())
}

/// One file as git would store it; `None` if it is not there, is not a file or
/// lies behind a link.
pub(super) fn file(
    repo: &Repository,
    workdir: &Path,
    path: &BStr,
) -> anyhow::Result<Option<Vec<u8>>> {
    let mut folders = Folders { workdir, real: HashSet::new() };
    if !is_ordinary(path) || !folders.hold(path) {
        return Ok(None);
    }
    let index = open_index(repo)?;
    let mut cleaner = Cleaner::new(repo, workdir, &index)?;
    let candidate = Candidate { path: path.to_owned(), tracked: None };
    match cleaner.read(&candidate)? {
        clean::Cleaned::New { data, .. } => Ok(Some(data)),
        clean::Cleaned::Gone | clean::Cleaned::Same { .. } => Ok(None),
        clean::Cleaned::Large { size, .. } => {
            anyhow::bail!("cannot read {path}: {size} bytes are too many")
        }
        clean::Cleaned::Filtered { filter } => {
            anyhow::bail!("cannot read {path}: its filter `{filter}` is not run")
        }
        clean::Cleaned::Unreadable { error } => {
            Err(error).with_context(|| format!("cannot read {path}"))
        }
    }
}

fn open_index(repo: &Repository) -> anyhow::Result<gix::index::File> {
    let path = repo.index_path();
    if path.exists() {
        return repo.open_index().context("cannot read the index");
    }
    Ok(gix::index::File::from_state(gix::index::State::new(repo.object_hash()), path))
}
