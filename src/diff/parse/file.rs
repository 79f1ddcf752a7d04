//! From what a file's header lines say to the file.

use bytes::Bytes;

use super::super::name::{self, Pair};
use super::super::{Content, FileDiff, Mode, Patch, RepoPath, Status};
use super::trimmed_end;

/// What git's header lines say of a file.
#[derive(Default)]
pub(super) struct Header {
    pub(super) pair: Pair,
    pub(super) from: Option<RepoPath>,
    pub(super) to: Option<RepoPath>,
    pub(super) old_marked: Option<name::Marked>,
    pub(super) new_marked: Option<name::Marked>,
    pub(super) added: bool,
    pub(super) deleted: bool,
    pub(super) copied: bool,
    pub(super) old_mode: Option<Mode>,
    pub(super) new_mode: Option<Mode>,
    pub(super) binary: Option<(Option<u64>, Option<u64>)>,
}

/// From the header's parts to a file; `None` if it has no name.
pub(super) fn finish(header: Header, patch: Patch) -> Option<FileDiff> {
    let Header { pair, from, to, old_marked, new_marked, copied, .. } = header;
    let mut added = header.added;
    let mut deleted = header.deleted;
    if let (Some(old), Some(new)) = (&old_marked, &new_marked) {
        if old.absent && new.absent {
            return None;
        }
        added |= old.absent;
        deleted |= new.absent;
    }
    if added && deleted {
        return None;
    }
    let (old, new) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (None, None) => match (pair.same, old_marked, new_marked) {
            (Some(same), _, _) => (same.clone(), same),
            (None, Some(old), Some(new)) => marked_names(&old, &new),
            _ => return None,
        },
        _ => return None,
    };
    let moved = old != new;
    let status = match (added, deleted) {
        (true, _) => Status::Added,
        (_, true) => Status::Deleted,
        _ if copied => Status::Copied,
        _ if moved => Status::Renamed,
        _ => Status::Modified,
    };
    // A mode change may name one side only where the other is the `index` line's.
    let old_mode = header.old_mode.filter(|_| !added);
    let new_mode = header.new_mode.filter(|_| !deleted);
    let content = match header.binary {
        Some((old_size, new_size)) => Content::Binary { old_size, new_size },
        None => {
            let submodule = [old_mode, new_mode].into_iter().flatten().all(Mode::is_submodule)
                && (old_mode.is_some() || new_mode.is_some());
            match patch.submodule_with(7) {
                Some(content) if submodule => content,
                None if submodule && patch.hunks.is_empty() => {
                    Content::Submodule { old: None, new: None }
                }
                _ => Content::Text(patch),
            }
        }
    };
    Some(FileDiff {
        old_path: (!added).then_some(old),
        new_path: (!deleted).then_some(new),
        status,
        old_mode,
        new_mode,
        content,
    })
}

/// The names behind `--- ` and `+++ `, where nothing better is there.
fn marked_names(old: &name::Marked, new: &name::Marked) -> (RepoPath, RepoPath) {
    if old.absent && old.name[..] == *b"/dev/null" {
        let path = name::without_prefix(&new.name, b"b/");
        return (path.clone(), path);
    }
    if new.absent && new.name[..] == *b"/dev/null" {
        let path = name::without_prefix(&old.name, b"a/");
        return (path.clone(), path);
    }
    if let Some(same) = name::same_behind_prefixes(&old.name, &new.name).same {
        return (same.clone(), same);
    }
    let both_usual = old.name.starts_with(b"a/") && new.name.starts_with(b"b/");
    let strip = |name: &Bytes, usual: &[u8]| {
        if both_usual { name::without_prefix(name, usual) } else { RepoPath(name.clone()) }
    };
    let (old, new) = (strip(&old.name, b"a/"), strip(&new.name, b"b/"));
    // `diff -u x.orig x` is a change of `x`, not a rename.
    let backup = [&b".orig"[..], b".old", b".bak", b"~"]
        .iter()
        .any(|end| old.0.strip_suffix(*end) == Some(&new.0[..]));
    if backup { (new.clone(), new) } else { (old, new) }
}

/// `git diff --submodule=short|log` writes a line of its own:
/// `Submodule <path> <old>..<new>:`, with three dots where history was rewritten.
pub(super) fn submodule_summary(text: &Bytes, start: usize, end: usize) -> Option<FileDiff> {
    let from = start + b"Submodule ".len();
    let line = std::str::from_utf8(&text[from..trimmed_end(text, start, end)]).ok()?;
    let (path, rest) = line
        .match_indices(' ')
        .map(|(at, _)| (&line[..at], &line[at + 1..]))
        .rfind(|(_, rest)| rest.bytes().take_while(u8::is_ascii_hexdigit).count() >= 7)?;
    let hex = |text: &str| text.bytes().take_while(u8::is_ascii_hexdigit).count();
    let (old, rest) = rest.split_at(hex(rest));
    let rest = rest.strip_prefix("...").or_else(|| rest.strip_prefix(".."))?;
    let (new, rest) = rest.split_at(hex(rest));
    if new.len() < 7 || !(rest.starts_with(':') || rest.starts_with(" (")) {
        return None;
    }
    let commit = |id: &str| id.bytes().any(|byte| byte != b'0').then(|| id.to_owned());
    let (old, new) = (commit(old), commit(new));
    let path = RepoPath(text.slice(from..from + path.len()));
    let mode = Mode(0o160_000);
    Some(FileDiff {
        old_path: old.is_some().then(|| path.clone()),
        new_path: (new.is_some() || old.is_none()).then_some(path),
        status: match (&old, &new) {
            (None, Some(_)) => Status::Added,
            (Some(_), None) => Status::Deleted,
            _ => Status::Modified,
        },
        old_mode: old.is_some().then_some(mode),
        new_mode: (new.is_some() || old.is_none()).then_some(mode),
        content: Content::Submodule { old, new },
    })
}
