//! Packages for a copy where no walls stand: links to the checkout's, or copies.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::files;

/// Folders that find their project by where they lie: a link would lead them back to the
/// checkout. They are copied.
const COPIED: [&str; 4] = ["vendor", "deps", ".yarn", ".bundle"];
/// Tools write here in passing.
const CACHES: [&str; 5] = [".cache", ".vite", ".vite-temp", ".vitest", ".tmp"];

/// Provide the packages at `source` at `place`, and say what that means.
pub(super) fn provide(source: &Path, place: &Path) -> io::Result<Option<String>> {
    let name = source.file_name().unwrap_or_default();
    let shown = name.to_string_lossy();
    if source.is_symlink() || !source.is_dir() {
        let end = fs::canonicalize(source)?;
        symlink(end, place)?;
        return Ok(None);
    }
    if name == "node_modules" || name == "bower_components" {
        farm(source, place)?;
        return Ok(Some(format!(
            "The packages in `{shown}` are links to those of the checkout: a test could alter them."
        )));
    }
    if source.iter().any(|part| COPIED.iter().any(|copied| part == *copied)) {
        tree(source, place)?;
        return Ok(None);
    }
    symlink(source, place)?;
    Ok(Some(format!(
        "`{shown}` is a link to the checkout's: packages that are installed in place there (`pip \
         install -e`) are the checkout's, not the copy's."
    )))
}

/// A real folder with a link for each package: links between packages of the checkout
/// itself stay relative, and so lead into the copy.
fn farm(source: &Path, place: &Path) -> io::Result<()> {
    fs::create_dir_all(place)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let target = place.join(&name);
        let is_group = name == ".bin" || name.to_string_lossy().starts_with('@');
        if CACHES.iter().any(|cache| name == *cache) {
            continue;
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_dir() && is_group {
            farm(&entry.path(), &target)?;
        } else {
            symlink(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A copy of a whole folder, links as they are.
fn tree(source: &Path, place: &Path) -> io::Result<()> {
    fs::create_dir_all(place)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, place.join(entry.file_name()));
        if entry.file_name() == OsStr::new(".git") {
            continue;
        } else if kind.is_dir() {
            tree(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_file() {
            files::file(&entry.path(), &target)?;
        }
    }
    Ok(())
}
