//! Applies diffs and suggestions in memory, strictly: what is replaced has to
//! stand there to the byte.

use std::fmt;

use anyhow::{Result, bail, ensure};
use bstr::ByteSlice;

use super::anchor::Anchor;
use super::quote::{strip_gutters, unfenced};
use super::{FileDiff, LineKind, NumberedLine, Patch};
use crate::finding::{Side, Suggestion};

/// The content after, from the content before (empty for an added file).
///
/// # Errors
/// If the file's difference is not one of lines, or `old` is not what the diff
/// was made from.
pub fn apply(file: &FileDiff, old: &[u8]) -> Result<Vec<u8>> {
    replay(file, old, Side::Old)
}

/// The content before, from the content after (empty for a deleted file).
///
/// # Errors
/// As [`apply`], with `new` in the place of `old`.
pub fn unapply(file: &FileDiff, new: &[u8]) -> Result<Vec<u8>> {
    replay(file, new, Side::New)
}

/// Takes the lines of side `from` out of `content` and puts the other side's in.
fn replay(file: &FileDiff, content: &[u8], from: Side) -> Result<Vec<u8>> {
    let path = file.path();
    let Some(patch) = file.patch() else { bail!("cannot apply {path}: not a diff of lines") };
    let gone = match from {
        Side::Old => LineKind::Removed,
        Side::New => LineKind::Added,
    };
    let mut out = Vec::with_capacity(content.len());
    let mut lines = content.split_inclusive(|byte| *byte == b'\n');
    let (mut taken, mut made) = (0u32, 0u32);
    let mut ended = false;
    for (index, hunk) in patch.hunks.iter().enumerate() {
        let (old, new) = hunk.before();
        let (before, made_before) = if from == Side::Old { (old, new) } else { (new, old) };
        while taken < before {
            let Some(line) = lines.next() else {
                bail!("cannot apply {path}: it has no line {}", taken + 1)
            };
            out.extend_from_slice(line);
            ended |= !line.ends_with(b"\n");
            taken += 1;
            made += 1;
        }
        ensure!(
            made == made_before,
            "cannot apply {path}: hunk {} starts at a line that the ones before rule out",
            index + 1
        );
        for line in &patch.lines[hunk.lines.start as usize..hunk.lines.end as usize] {
            let text = patch.text_of(line);
            let end: &[u8] = if line.newline { b"\n" } else { b"" };
            if line.kind == LineKind::Context || line.kind == gone {
                let stands = lines.next().is_some_and(|stands| {
                    stands.strip_prefix(text.as_bytes()).is_some_and(|rest| rest == end)
                });
                ensure!(stands, "cannot apply {path}: line {} does not read so", taken + 1);
                taken += 1;
            }
            if line.kind != gone {
                ensure!(!ended, "cannot apply {path}: a line behind its last one");
                out.extend_from_slice(text);
                out.extend_from_slice(end);
                ended = !line.newline;
                made += 1;
            }
        }
    }
    for line in lines {
        ensure!(!ended, "cannot apply {path}: a line behind its last one");
        out.extend_from_slice(line);
    }
    Ok(out)
}

/// Why a proposed text is no suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Its lines are removed ones: there is nothing to replace.
    OldSide,
    /// Its lines are not all in one hunk of the diff.
    NotInDiff,
    /// It says what stands there, up to white space at line ends.
    NoChange,
    /// The content at hand is not what the diff leads to.
    HeadDiffers,
    /// It holds a byte that no text line has (NUL).
    NotText,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unfit::OldSide => "it would replace removed lines",
            Unfit::NotInDiff => "its lines are not in one hunk of the diff",
            Unfit::NoChange => "it changes nothing",
            Unfit::HeadDiffers => "the file does not read as the diff says",
            Unfit::NotText => "it is not text",
        })
    }
}

impl std::error::Error for Unfit {}

/// Makes a suggestion of the text that a model proposes for the anchored lines.
///
/// A code fence around it and line numbers copied from the prompt are taken
/// off, one line feed at its end too. Where the model quoted the lines without
/// their indentation, and proposed it so, the indentation is put back. Lines
/// are joined by `\n` whatever the file has: hosts and [`splice`] give them the
/// file's own line ends.
///
/// With the content at hand (`head`), the suggestion is applied to it.
///
/// # Errors
/// See [`Unfit`].
pub fn replacement(
    file: &FileDiff,
    anchor: &Anchor,
    replacement: &str,
    head: Option<&[u8]>,
) -> Result<Suggestion, Unfit> {
    if anchor.side == Side::Old {
        return Err(Unfit::OldSide);
    }
    let patch = file.patch().ok_or(Unfit::NotInDiff)?;
    let stands = anchored_lines(patch, anchor).ok_or(Unfit::NotInDiff)?;
    let before: Vec<String> =
        stands.iter().map(|line| without_cr(line.text).to_str_lossy().into_owned()).collect();
    let text = cleaned(replacement);
    if text.contains('\0') {
        return Err(Unfit::NotText);
    }
    let text = if anchor.exact { text } else { indented(&text, &before[0]) };
    let said: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    if !text.is_empty() && said.iter().copied().eq(before.iter().map(|line| line.trim_end())) {
        return Err(Unfit::NoChange);
    }
    if let Some(head) = head {
        let mut lines = head.split_inclusive(|byte| *byte == b'\n').skip(anchor.line as usize - 1);
        for line in &stands {
            let end: &[u8] = if line.newline { b"\n" } else { b"" };
            let same = lines.next().is_some_and(|stands| {
                stands.strip_prefix(line.text.as_bytes()).is_some_and(|rest| rest == end)
            });
            if !same {
                return Err(Unfit::HeadDiffers);
            }
        }
        if splice(head, anchor.line, anchor.end_line, &text).is_none_or(|after| after == head) {
            return Err(Unfit::NoChange);
        }
    }
    Ok(Suggestion { replacement: text })
}

/// The anchor's lines, if they are all there.
fn anchored_lines<'p>(patch: &'p Patch, anchor: &Anchor) -> Option<Vec<NumberedLine<'p>>> {
    patch.hunks.get(anchor.hunk)?;
    let wanted = anchor.line..=anchor.end_line;
    let lines: Vec<_> = patch
        .numbered_hunk(anchor.hunk)
        .filter(|line| line.new.is_some_and(|number| wanted.contains(&number)))
        .collect();
    let count = anchor.end_line.checked_sub(anchor.line)? as usize + 1;
    (lines.len() == count).then_some(lines)
}

/// `content` with the lines `line..=end_line` (from 1) replaced; they keep the
/// line end that the first of them has. An empty text deletes them. `None` if
/// there are no such lines.
pub fn splice(content: &[u8], line: u32, end_line: u32, replacement: &str) -> Option<Vec<u8>> {
    let (first, last) = (line.checked_sub(1)? as usize, end_line as usize);
    let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
    let replaced = lines.get(first..last)?;
    let end: &[u8] = match replaced.first()? {
        line if line.ends_with(b"\r\n") => b"\r\n",
        line if line.ends_with(b"\n") => b"\n",
        // The file's last line, without an end: as the one above it.
        _ if first > 0 && lines[first - 1].ends_with(b"\r\n") => b"\r\n",
        _ => b"\n",
    };
    let ended = replaced.last()?.ends_with(b"\n");
    let mut out = lines[..first].concat();
    if !replacement.is_empty() {
        for (at, text) in replacement.split('\n').enumerate() {
            if at > 0 {
                out.extend_from_slice(end);
            }
            out.extend_from_slice(text.strip_suffix('\r').unwrap_or(text).as_bytes());
        }
        if ended {
            out.extend_from_slice(end);
        }
    }
    for line in &lines[last..] {
        out.extend_from_slice(line);
    }
    Some(out)
}

fn without_cr(text: &bstr::BStr) -> &[u8] {
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// A proposed text without what models wrap around it.
fn cleaned(text: &str) -> String {
    let fenced = text.trim_start().starts_with("```");
    let text = if fenced { unfenced(text).unwrap_or(text) } else { text };
    let text = text.replace("\r\n", "\n");
    let text = text.strip_suffix('\n').unwrap_or(&text);
    strip_gutters(text).unwrap_or_else(|| text.to_owned())
}

/// Puts back the indentation of `first`, the line to replace, where the text's
/// first line has none: on every line, or on the first alone where the others
/// have theirs.
fn indented(text: &str, first: &str) -> String {
    let indent = &first[..first.len() - first.trim_start().len()];
    let mut lines = text.split('\n');
    let Some(head) = lines.next().filter(|head| !head.is_empty()) else { return text.to_owned() };
    if indent.is_empty() || head.starts_with(char::is_whitespace) {
        return text.to_owned();
    }
    let rest: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    // A line that opens a block is followed by a deeper one: that tells whether
    // the others are indented from the margin or from the first line.
    let opens = head.trim_end().ends_with([':', '{', '(', '[', ',']);
    let kept = match rest.first() {
        None => false,
        Some(next) => {
            let deeper = next.len() - next.trim_start().len() > indent.len();
            rest.iter().all(|line| line.starts_with(indent)) && (!opens || deeper)
        }
    };
    if kept {
        return format!("{indent}{text}");
    }
    let lines = text.split('\n').map(|line| match line.trim().is_empty() {
        true => line.to_owned(),
        false => format!("{indent}{line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::diff::anchor::{Claim, anchor};
    use crate::diff::parse::parse;

    fn file(hunks: &str) -> FileDiff {
        let text = format!("--- a/x\n+++ b/x\n{hunks}");
        parse(Bytes::from(text)).unwrap().files.remove(0)
    }

    #[test]
    fn a_diff_applies_both_ways() {
        for (hunks, old, new) in [
            ("@@ -1 +1 @@\n-a\n+b\n", "a\n", "b\n"),
            ("@@ -1,3 +1,4 @@\n a\n-b\n+c\n+d\n e\n", "a\nb\ne\nz\n", "a\nc\nd\ne\nz\n"),
            ("@@ -2,0 +3,1 @@\n+x\n", "a\nb\nc\n", "a\nb\nx\nc\n"),
            ("@@ -0,0 +1,2 @@\n+x\n+y\n", "", "x\ny\n"),
            ("@@ -1,2 +0,0 @@\n-x\n-y\n", "x\ny\n", ""),
            ("@@ -1 +1 @@\n-a\n\\ No newline\n+a\n", "a", "a\n"),
            ("@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline\n", "a\nb\n", "a\nc"),
            ("@@ -1 +1 @@\n-a\n+a\r\n@@ -3 +3 @@\n-c\n+d\n", "a\nb\nc\n", "a\r\nb\nd\n"),
        ] {
            let file = file(hunks);
            assert_eq!(apply(&file, old.as_bytes()).unwrap().as_bstr(), new, "{hunks}");
            assert_eq!(unapply(&file, new.as_bytes()).unwrap().as_bstr(), old, "{hunks}");
        }
    }

    #[test]
    fn a_diff_of_other_content_is_refused() {
        for (hunks, old, why) in [
            ("@@ -1 +1 @@\n-a\n+b\n", "x\n", "line 1 does not read so"),
            ("@@ -1 +1 @@\n-a\n+b\n", "a", "line 1 does not read so"),
            ("@@ -1 +1 @@\n-a\n+b\n", "a\r\n", "line 1 does not read so"),
            ("@@ -1 +1 @@\n-a\n+b\n", "", "line 1 does not read so"),
            ("@@ -5 +5 @@\n-a\n+b\n", "a\n", "no line 2"),
            ("@@ -2 +7 @@\n-a\n+b\n", "x\na\n", "rule out"),
            ("@@ -1 +1 @@\n-a\n+b\n\\ No newline\n", "a\nc\n", "behind its last"),
            ("@@ -1,0 +2 @@\n+b\n", "a", "behind its last"),
        ] {
            let error = apply(&file(hunks), old.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}: {hunks}");
        }
    }

    const HUNK: &str =
        "@@ -1,4 +1,5 @@\n fn a() {\n-    b();\n+    c();\n+    if d {\n     }\n }\n";
    const HEAD: &str = "fn a() {\n    c();\n    if d {\n    }\n}\n";

    fn propose(quote: &str, end: u32, text: &str, head: Option<&str>) -> Result<String, Unfit> {
        let change = crate::diff::Change { files: vec![file(HUNK)] };
        let claim = Claim { path: "x", line: 1, end_line: Some(end), quote };
        let anchor = anchor(&change, &claim).unwrap();
        replacement(&change.files[0], &anchor, text, head.map(str::as_bytes))
            .map(|suggestion| suggestion.replacement)
    }

    #[test]
    fn a_suggestion_changes_new_lines_that_stand_there() {
        let exact = "    c();";
        for head in [None, Some(HEAD)] {
            assert_eq!(propose(exact, 1, "    e();", head), Ok("    e();".into()));
            assert_eq!(propose(exact, 1, "    e();\n", head), Ok("    e();".into()));
            assert_eq!(propose(exact, 1, "```rust\n    e();\n```", head), Ok("    e();".into()));
            assert_eq!(propose(exact, 1, "2 |+    e();", head), Ok("    e();".into()));
            assert_eq!(propose(exact, 1, "", head), Ok(String::new()));
            assert_eq!(propose(exact, 1, "    c();", head), Err(Unfit::NoChange));
            assert_eq!(propose(exact, 1, "    c();  \n", head), Err(Unfit::NoChange));
            assert_eq!(propose(exact, 2, "    c();\n    if d {", head), Err(Unfit::NoChange));
            assert_eq!(propose("    b();", 1, "    e();", head), Err(Unfit::OldSide));
        }
        assert_eq!(propose(exact, 1, "    e();", Some("other\n")), Err(Unfit::HeadDiffers));
        assert_eq!(propose(exact, 1, "a\0b", None), Err(Unfit::NotText));
    }

    #[test]
    fn lost_indentation_is_put_back() {
        for (text, expect) in [
            ("e();", "    e();"),
            ("e();\nf();", "    e();\n    f();"),
            ("e();\n    f();", "    e();\n    f();"),
            ("if e {\n    f();\n}", "    if e {\n        f();\n    }"),
            ("if e {\n        f();\n    }", "    if e {\n        f();\n    }"),
            ("if e:\n    f()", "    if e:\n        f()"),
            ("e();\n\nf();", "    e();\n\n    f();"),
            ("  e();", "  e();"),
        ] {
            assert_eq!(propose("c();", 1, text, Some(HEAD)).as_deref(), Ok(expect), "{text:?}");
        }
        // Quoted to the letter, the indentation is meant.
        assert_eq!(propose("    c();", 1, "e();", Some(HEAD)).as_deref(), Ok("e();"));
        // Once put back, it says what stands there.
        assert_eq!(propose("c();", 1, "c();", Some(HEAD)), Err(Unfit::NoChange));
    }

    #[test]
    fn line_ends_are_kept() {
        for (content, line, end, text, expect) in [
            ("a\r\nb\r\nc\r\n", 2, 2, "x\ny", "a\r\nx\r\ny\r\nc\r\n"),
            ("a\nb", 2, 2, "x\ny", "a\nx\ny"),
            ("a\r\nb", 2, 2, "x\ny", "a\r\nx\r\ny"),
            ("a\nb\nc\n", 1, 2, "", "c\n"),
            ("a\nb\nc\n", 2, 3, "x", "a\nx\n"),
        ] {
            let after = splice(content.as_bytes(), line, end, text).unwrap();
            assert_eq!(after.as_bstr(), expect);
        }
        assert_eq!(splice(b"a\n", 2, 2, "x"), None);
        assert_eq!(splice(b"a\n", 0, 1, "x"), None);
        assert_eq!(splice(b"a\nb\n", 2, 1, "x"), None);
    }

    #[test]
    fn a_suggestion_applies_to_a_file_with_carriage_returns() {
        let file = file("@@ -1 +1 @@\n-a\r\n+b\r\n");
        let change = crate::diff::Change { files: vec![file] };
        let claim = Claim { path: "x", line: 1, end_line: None, quote: "b" };
        let anchor = anchor(&change, &claim).unwrap();
        let made = replacement(&change.files[0], &anchor, "c\r\nd", Some(b"b\r\n")).unwrap();
        assert_eq!(made.replacement, "c\nd");
        assert_eq!(
            replacement(&change.files[0], &anchor, "b\r\n", Some(b"b\r\n")),
            Err(Unfit::NoChange)
        );
    }
}
