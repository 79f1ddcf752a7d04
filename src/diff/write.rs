//! Writes a change as a unified diff in git's format, as git-apply(1) takes it.

use std::io::Write;

use super::name::write_quoted;
use super::{Change, Content, FileDiff, Hunk, LineKind, Mode, Patch, RepoPath, Status};

/// Writes every file's diff; see [`write_file`].
pub fn write(change: &Change) -> Vec<u8> {
    let mut out = Vec::new();
    for file in &change.files {
        write_file(file, &mut out);
    }
    out
}

/// Writes one file's diff. What a [`FileDiff`] does not hold is not there:
/// blob ids, the bytes of binary files, the lines of a missing patch, and the
/// mode of a file that keeps it (but a submodule's, which `index` carries).
pub fn write_file(file: &FileDiff, out: &mut Vec<u8>) {
    let old = file.old_path.as_ref().unwrap_or_else(|| file.path());
    let new = file.new_path.as_ref().unwrap_or_else(|| file.path());
    out.extend_from_slice(b"diff --git ");
    write_quoted("a/", &old.0, out);
    out.push(b' ');
    write_quoted("b/", &new.0, out);
    out.push(b'\n');
    write_modes(file, out);
    let moved = match file.status {
        Status::Renamed => Some("rename"),
        Status::Copied => Some("copy"),
        _ => None,
    };
    if let Some(moved) = moved {
        for (end, path) in [("from", old), ("to", new)] {
            let _ = write!(out, "{moved} {end} "); // writing to memory cannot fail
            write_quoted("", &path.0, out);
            out.push(b'\n');
        }
    }
    match &file.content {
        Content::Text(patch) if !patch.hunks.is_empty() => {
            write_names(file, out);
            write_hunks(patch, out);
        }
        Content::Text(_) | Content::Missing { .. } => {}
        Content::Binary { .. } => {
            out.extend_from_slice(b"Binary files ");
            write_side("a/", file.old_path.as_ref(), out);
            out.extend_from_slice(b" and ");
            write_side("b/", file.new_path.as_ref(), out);
            out.extend_from_slice(b" differ\n");
        }
        Content::Submodule { old, new } => write_submodule(file, old.as_ref(), new.as_ref(), out),
    }
}

fn write_modes(file: &FileDiff, out: &mut Vec<u8>) {
    // git's default for a file whose mode nobody told.
    let mode = |mode: Option<Mode>| mode.map_or(0o100_644, |mode| mode.0);
    let _ = match (file.status, file.old_mode, file.new_mode) {
        (Status::Added, _, new) => writeln!(out, "new file mode {:06o}", mode(new)),
        (Status::Deleted, old, _) => writeln!(out, "deleted file mode {:06o}", mode(old)),
        (_, Some(old), Some(new)) if old != new => {
            writeln!(out, "old mode {:06o}\nnew mode {:06o}", old.0, new.0)
        }
        _ => Ok(()),
    };
}

fn write_side(prefix: &str, path: Option<&RepoPath>, out: &mut Vec<u8>) {
    match path {
        Some(path) => write_quoted(prefix, &path.0, out),
        None => out.extend_from_slice(b"/dev/null"),
    }
}

fn write_names(file: &FileDiff, out: &mut Vec<u8>) {
    let sides = [("--- ", "a/", &file.old_path), ("+++ ", "b/", &file.new_path)];
    for (mark, prefix, path) in sides {
        out.extend_from_slice(mark.as_bytes());
        let from = out.len();
        write_side(prefix, path.as_ref(), out);
        // A name with a space ends at a tab, lest it be read as a time stamp.
        if out[from] != b'"' && out[from..].contains(&b' ') {
            out.push(b'\t');
        }
        out.push(b'\n');
    }
}

fn write_submodule(file: &FileDiff, old: Option<&String>, new: Option<&String>, out: &mut Vec<u8>) {
    if old.is_none() && new.is_none() {
        return;
    }
    if !matches!(file.status, Status::Added | Status::Deleted) {
        let [old, new] = [old, new].map(|commit| commit.map_or("0", String::as_str));
        let _ = writeln!(out, "index {old}..{new} 160000");
    }
    write_names(file, out);
    let extent = |commit: Option<&String>| if commit.is_some() { "1" } else { "0,0" };
    let _ = writeln!(out, "@@ -{} +{} @@", extent(old), extent(new));
    for (sign, commit) in [('-', old), ('+', new)] {
        if let Some(commit) = commit {
            let _ = writeln!(out, "{sign}Subproject commit {commit}");
        }
    }
}

/// Writes hunks alone, as code hosts' APIs give them; a line feed ends each line.
pub fn write_hunks(patch: &Patch, out: &mut Vec<u8>) {
    for hunk in &patch.hunks {
        write_hunk_header(patch, hunk, out);
        for line in &patch.lines[hunk.lines.start as usize..hunk.lines.end as usize] {
            out.push(match line.kind {
                LineKind::Context => b' ',
                LineKind::Added => b'+',
                LineKind::Removed => b'-',
            });
            out.extend_from_slice(patch.text_of(line));
            out.push(b'\n');
            if !line.newline {
                out.extend_from_slice(b"\\ No newline at end of file\n");
            }
        }
    }
}

fn write_hunk_header(patch: &Patch, hunk: &Hunk, out: &mut Vec<u8>) {
    out.extend_from_slice(b"@@ ");
    for (sign, start, count) in
        [('-', hunk.old_start, hunk.old_lines), ('+', hunk.new_start, hunk.new_lines)]
    {
        let _ = match count {
            1 => write!(out, "{sign}{start} "),
            _ => write!(out, "{sign}{start},{count} "),
        };
    }
    out.extend_from_slice(b"@@");
    let section = patch.section_of(hunk);
    if !section.is_empty() {
        out.push(b' ');
        out.extend_from_slice(section);
    }
    out.push(b'\n');
}
