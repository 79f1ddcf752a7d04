//! A unified diff of a file, shown to apply before anybody sees it.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;

use crate::diff::{FileDiff, RepoPath, Status, apply, complete, parse, write};

/// Lines around a change.
const CONTEXT: u32 = 3;

/// The diff from one text to another, in git's form; empty where they are equal.
///
/// # Errors
/// It does not read back, or what it makes is not the new text.
pub fn unified(path: &str, old: &str, new: &str) -> Result<String> {
    if old == new {
        return Ok(String::new());
    }
    // A name with a leading slash would not be one below the working directory.
    let name = RepoPath(Bytes::from(path.trim_start_matches('/').to_owned()));
    let file = FileDiff {
        old_path: Some(name.clone()),
        new_path: Some(name),
        status: Status::Modified,
        old_mode: None,
        new_mode: None,
        content: complete::from_contents(Some(old.as_bytes()), Some(new.as_bytes()), CONTEXT),
    };
    let mut text = Vec::new();
    write::write_file(&file, &mut text);
    let read = parse::parse(Bytes::from(text.clone()))
        .with_context(|| format!("cannot read the diff of {path} back"))?;
    ensure!(read.files.len() == 1, "the diff of {path} reads back as {} files", read.files.len());
    let applied = apply::apply(&read.files[0], old.as_bytes())
        .with_context(|| format!("cannot apply the diff of {path}"))?;
    ensure!(applied == new.as_bytes(), "the diff of {path} makes another text");
    String::from_utf8(text).with_context(|| format!("the diff of {path} is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diffs_keep_line_ends_and_missing_ones() {
        for (old, new) in [
            ("a\nb\nc\n", "a\nx\nc\n"),
            ("a\r\nb\r\n", "a\r\nb\r\nc\r\n"),
            ("a\nb", "a\nb\nc"),
            ("a\nb", "x\nb"),
            ("a\n", "a\nb"),
        ] {
            let diff = unified("ci.yml", old, new).unwrap();
            assert!(
                diff.starts_with("diff --git a/ci.yml b/ci.yml\n--- a/ci.yml\n+++ b/ci.yml\n"),
                "{diff}"
            );
        }
        assert_eq!(unified("ci.yml", "a\n", "a\n").unwrap(), "");
    }
}
