//! Copies files and links as they are, but none that leads out.

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};

/// Copies at once: most of the time is spent waiting for the disk.
const THREADS: usize = 4;

/// Copy `files` from one root to another. Returns links that were left out, since they
/// lead out of the checkout.
pub(super) fn copy(from: &Path, to: &Path, files: &BTreeSet<PathBuf>) -> Result<Vec<String>> {
    let folders: BTreeSet<&Path> = files.iter().filter_map(|path| path.parent()).collect();
    for folder in folders {
        fs::create_dir_all(to.join(folder))
            .with_context(|| format!("cannot make {} in the copy", folder.display()))?;
    }
    let files: Vec<&PathBuf> = files.iter().collect();
    let next = AtomicUsize::new(0);
    let skipped = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let is_whole =
                one(from, to, path).with_context(|| format!("cannot copy {}", path.display()))?;
            if !is_whole && let Ok(mut skipped) = skipped.lock() {
                skipped.push(path.display().to_string());
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the copying broke off")))
        })
    })?;
    let mut skipped = skipped.into_inner().unwrap_or_default();
    skipped.sort();
    Ok(skipped)
}

/// Copy one; false if it is a link that leads out.
fn one(from: &Path, to: &Path, path: &Path) -> io::Result<bool> {
    let (source, target) = (from.join(path), to.join(path));
    let found = match fs::symlink_metadata(&source) {
        // Tracked, but taken away.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        found => found?,
    };
    if found.is_symlink() {
        let Some(link) = link_inside(from, path)? else { return Ok(false) };
        symlink(link, target)?;
    } else if found.is_file() {
        file(&source, &target)?;
    }
    Ok(true)
}

/// Copy an ordinary file with its time and its permissions.
pub(super) fn file(source: &Path, target: &Path) -> io::Result<()> {
    // A new file, never another name of the old one; on some file systems it shares its
    // blocks until one of them is written.
    fs::copy(source, target)?;
    let found = fs::metadata(source)?;
    let mode = found.permissions().mode() & 0o777;
    // What is made of the copy can be thrown away.
    fs::set_permissions(target, fs::Permissions::from_mode(mode | 0o600))?;
    let times = FileTimes::new().set_modified(found.modified()?);
    File::options().append(true).open(target)?.set_times(times)?;
    if mode & 0o600 != 0o600 {
        fs::set_permissions(target, fs::Permissions::from_mode(mode | 0o400))?;
    }
    Ok(())
}

/// Where a link leads, relative to itself; none if that is outside of the root.
fn link_inside(root: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let whole = root.join(path);
    let link = fs::read_link(&whole)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let inner = if link.is_absolute() {
        match link.strip_prefix(root) {
            Ok(inner) => inner.to_path_buf(),
            Err(_) => return Ok(None),
        }
    } else {
        folder.join(&link)
    };
    // By name, and where it is there, in fact: a link to a link may lead elsewhere than
    // its name tells.
    let mut depth = 0i32;
    for part in inner.components() {
        depth += match part {
            Component::Normal(_) => 1,
            Component::ParentDir => -1,
            _ => 0,
        };
        if depth < 0 {
            return Ok(None);
        }
    }
    match fs::canonicalize(&whole) {
        Ok(end) if !end.starts_with(root) || end.starts_with(root.join(".git")) => return Ok(None),
        Ok(_) => {}
        // A link to nothing: behind another link, `..` may lead anywhere.
        Err(_) if turns_back(&link) => return Ok(None),
        Err(_) => {}
    }
    if link.is_absolute() {
        let up: PathBuf = folder.components().map(|_| Component::ParentDir).collect();
        return Ok(Some(up.join(inner)));
    }
    Ok(Some(link))
}

/// Whether a path goes up after it went down.
fn turns_back(path: &Path) -> bool {
    let mut parts = path.components().skip_while(|part| *part == Component::ParentDir);
    parts.any(|part| part == Component::ParentDir)
}
