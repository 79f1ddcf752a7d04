//! The diff from one text to another, shown to apply before anybody sees it.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;

use super::{FileDiff, Mode, RepoPath, Status, apply, complete, parse, write};

/// Lines around a change.
const CONTEXT: u32 = 3;

/// The diff from one text to another, in git's form; `None` stands for no file. Empty
/// where they are equal.
///
/// # Errors
/// It does not read back, or what it makes is not the new text.
pub fn between(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> Result<String> {
    if old == new {
        return Ok(String::new());
    }
    // A name with a leading slash would not be one below the working directory.
    let name = RepoPath(Bytes::from(path.trim_start_matches('/').to_owned()));
    let plain = Some(Mode(0o100_644));
    let (status, old_mode, new_mode) = match (old, new) {
        (None, _) => (Status::Added, None, plain),
        (_, None) => (Status::Deleted, plain, None),
        _ => (Status::Modified, None, None),
    };
    let file = FileDiff {
        old_path: old.is_some().then(|| name.clone()),
        new_path: new.is_some().then_some(name),
        status,
        old_mode,
        new_mode,
        content: complete::from_contents(old, new, CONTEXT),
    };
    let mut text = Vec::new();
    write::write_file(&file, &mut text);
    let read = parse::parse(Bytes::from(text.clone()))
        .with_context(|| format!("cannot read the diff of {path} back"))?;
    ensure!(read.files.len() == 1, "the diff of {path} reads back as {} files", read.files.len());
    let applied = apply::apply(&read.files[0], old.unwrap_or_default())
        .with_context(|| format!("cannot apply the diff of {path}"))?;
    ensure!(applied == new.unwrap_or_default(), "the diff of {path} makes another text");
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
            let diff = between("ci.yml", Some(old.as_bytes()), Some(new.as_bytes())).unwrap();
            assert!(
                diff.starts_with("diff --git a/ci.yml b/ci.yml\n--- a/ci.yml\n+++ b/ci.yml\n"),
                "{diff}"
            );
        }
        assert_eq!(between("ci.yml", Some(b"a\n"), Some(b"a\n")).unwrap(), "");
    }

    #[test]
    fn files_come_and_go() {
        let diff = between("t/a.py", None, Some(b"x = 1\n")).unwrap();
        assert_eq!(
            diff,
            "diff --git a/t/a.py b/t/a.py\nnew file mode 100644\n--- /dev/null\n+++ b/t/a.py\n\
             @@ -0,0 +1 @@\n+x = 1\n"
        );
        let diff = between("t/a.py", Some(b"x = 1\n"), None).unwrap();
        assert!(diff.contains("deleted file mode 100644\n"), "{diff}");
    }
}
