//! Helpers for this room's tests: a change from the text of a unified diff.

use bytes::Bytes;

use super::{Options, Subject, scan};
use crate::diff::{Change, Content, FileDiff, Hunk, Line, LineKind, Mode, Patch, RepoPath, Status};
use crate::finding::Finding;

/// Reads the subset of git's patch grammar that tests write. Panics on anything else.
pub(crate) fn change(text: &str) -> Change {
    let mut files: Vec<FileDiff> = Vec::new();
    let mut left = (0u32, 0u32);
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let mut at = 0usize;
    for raw in text.split_inclusive('\n') {
        let start = at;
        at += raw.len();
        let line = raw.strip_suffix('\n').unwrap_or(raw);
        if left == (0, 0) || !line.starts_with([' ', '+', '-']) {
            if let Some(rest) = line.strip_prefix("diff --git ") {
                let (old, new) = rest.split_once(" b/").unwrap();
                let mut file = blank();
                file.old_path = Some(old.strip_prefix("a/").unwrap().into());
                file.new_path = Some(new.into());
                files.push(file);
                continue;
            }
            if let Some(old) = line.strip_prefix("--- ") {
                let made = files.last().is_some_and(|f| {
                    f.patch().is_some_and(|p| p.hunks.is_empty()) && f.old_path != f.new_path
                        || f.old_path == f.new_path && f.patch().is_some_and(|p| p.hunks.is_empty())
                });
                if !made {
                    files.push(blank());
                }
                files.last_mut().unwrap().old_path = path(old, "a/");
                continue;
            }
            let Some(file) = files.last_mut() else { continue };
            let mode = |text: &str| Some(Mode(u32::from_str_radix(text, 8).unwrap()));
            if let Some(new) = line.strip_prefix("+++ ") {
                file.new_path = path(new, "b/");
                file.status = match (&file.old_path, &file.new_path) {
                    (None, _) => Status::Added,
                    (_, None) => Status::Deleted,
                    (old, new) if old != new => Status::Renamed,
                    _ => Status::Modified,
                };
            } else if let Some(text) = line.strip_prefix("new file mode ") {
                file.status = Status::Added;
                file.old_path = None;
                file.new_mode = mode(text);
            } else if let Some(text) = line.strip_prefix("deleted file mode ") {
                file.status = Status::Deleted;
                file.new_path = None;
                file.old_mode = mode(text);
            } else if let Some(text) = line.strip_prefix("old mode ") {
                file.old_mode = mode(text);
            } else if let Some(text) = line.strip_prefix("new mode ") {
                file.new_mode = mode(text);
            } else if line.starts_with("Binary files") {
                file.content = Content::Binary { old_size: None, new_size: None };
            } else if let Some(rest) = line.strip_prefix("@@ -") {
                let (old, rest) = rest.split_once(" +").unwrap();
                let (new, _) = rest.split_once(" @@").unwrap();
                let pair = |text: &str| match text.split_once(',') {
                    Some((start, count)) => (start.parse().unwrap(), count.parse().unwrap()),
                    None => (text.parse().unwrap(), 1),
                };
                let ((old_start, old_lines), (new_start, new_lines)) = (pair(old), pair(new));
                left = (old_lines, new_lines);
                let Content::Text(patch) = &mut file.content else { panic!("hunk in a binary") };
                patch.text = bytes.clone();
                let count = patch.lines.len() as u32;
                patch.hunks.push(Hunk {
                    old_start,
                    old_lines,
                    new_start,
                    new_lines,
                    section: 0..0,
                    lines: count..count,
                });
            } else if line.starts_with("\\ No newline") {
                let Content::Text(patch) = &mut file.content else { continue };
                patch.lines.last_mut().unwrap().newline = false;
            }
            continue;
        }
        let kind = match line.as_bytes()[0] {
            b'+' => LineKind::Added,
            b'-' => LineKind::Removed,
            _ => LineKind::Context,
        };
        left.0 -= u32::from(kind != LineKind::Added);
        left.1 -= u32::from(kind != LineKind::Removed);
        let Content::Text(patch) = &mut files.last_mut().unwrap().content else { panic!() };
        patch.lines.push(Line {
            kind,
            newline: true,
            start: start as u32 + 1,
            len: line.len() as u32 - 1,
        });
        patch.hunks.last_mut().unwrap().lines.end += 1;
    }
    assert_eq!(left, (0, 0), "a hunk's counts are wrong");
    Change { files }
}

fn blank() -> FileDiff {
    FileDiff {
        old_path: None,
        new_path: None,
        status: Status::Modified,
        old_mode: None,
        new_mode: None,
        content: Content::Text(Patch::default()),
    }
}

fn path(text: &str, prefix: &str) -> Option<RepoPath> {
    (text != "/dev/null").then(|| text.strip_prefix(prefix).unwrap_or(text).into())
}

/// A diff that adds a file with this text.
pub(crate) fn added(path: &str, text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut diff = format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{} @@\n",
        lines.len()
    );
    for line in lines {
        diff.push('+');
        diff.push_str(line);
        diff.push('\n');
    }
    diff
}

/// A change from `old` to `new` in one file, with three lines of context.
pub(crate) fn edited(path: &str, old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    let body = diff.unified_diff().context_radius(3).to_string();
    format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{body}")
}

/// What the rule finds in a diff, with no contents at hand.
pub(crate) fn found(rule: &str, diff: &str) -> Vec<Finding> {
    found_with(rule, diff, &|_| None, &Options::default())
}

/// What the rule finds when `old` becomes `new`, contents at hand.
pub(crate) fn found_edit(rule: &str, path: &str, old: &str, new: &str) -> Vec<Finding> {
    let new_bytes = Bytes::copy_from_slice(new.as_bytes());
    let diff = if old.is_empty() { added(path, new) } else { edited(path, old, new) };
    found_with(rule, &diff, &|_| Some(new_bytes.clone()), &Options::default())
}

/// What the rule finds in a diff, with contents after and options.
pub(crate) fn found_with(
    rule: &str,
    diff: &str,
    new: &dyn Fn(&FileDiff) -> Option<Bytes>,
    options: &Options,
) -> Vec<Finding> {
    let change = change(diff);
    let subject = Subject { change: &change, old: &|_| None, new, exists: &|_| None, options };
    scan(&subject)
        .into_iter()
        .filter(|finding| finding.source == crate::finding::Source::Rule(rule.to_owned()))
        .collect()
}
