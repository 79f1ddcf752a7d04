//! The other side of a file from one side and its patch.

use bstr::ByteSlice;

use crate::diff::{FileDiff, LineKind, Patch};
use crate::finding::Side;

/// A file's whole text on `side`, where its hunks alone hold it: an added
/// file's new side, a deleted file's old one.
pub(crate) fn from_hunks(file: &FileDiff, side: Side) -> Option<Vec<u8>> {
    let whole = match side {
        Side::New => file.old_path.is_none(),
        Side::Old => file.new_path.is_none(),
    };
    let patch = file.patch().filter(|_| whole)?;
    let mut text = Vec::with_capacity(patch.text.len());
    for line in &patch.lines {
        text.extend_from_slice(patch.text_of(line));
        if line.newline {
            text.push(b'\n');
        }
    }
    Some(text)
}

/// The text before, from the text after. `None` if the hunks do not fit it.
pub(crate) fn old_from_new(new: &[u8], patch: &Patch) -> Option<Vec<u8>> {
    let mut rest = new.lines_with_terminator();
    let mut next = 1u32;
    let mut old = Vec::with_capacity(new.len());
    for (index, hunk) in patch.hunks.iter().enumerate() {
        // A hunk without new lines stands after `new_start`, else before it.
        let first = if hunk.new_lines == 0 { hunk.new_start + 1 } else { hunk.new_start };
        while next < first {
            old.extend_from_slice(rest.next()?);
            next += 1;
        }
        for line in patch.numbered_hunk(index) {
            if line.kind != LineKind::Removed {
                let standing = rest.next()?;
                next += 1;
                if standing.strip_suffix(b"\n").unwrap_or(standing) != line.text.as_bytes() {
                    return None;
                }
            }
            if line.kind != LineKind::Added {
                old.extend_from_slice(line.text);
                if line.newline {
                    old.push(b'\n');
                }
            }
        }
    }
    rest.for_each(|line| old.extend_from_slice(line));
    Some(old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::testing::change;

    #[track_caller]
    fn check(diff: &str, new: &str, expect: Option<&str>) {
        let change = change(diff);
        let old = old_from_new(new.as_bytes(), change.files[0].patch().unwrap());
        assert_eq!(old.map(|text| String::from_utf8(text).unwrap()).as_deref(), expect);
    }

    #[test]
    fn hunks_are_taken_back() {
        let diff = "--- a/f\n+++ b/f\n@@ -2,2 +2,3 @@\n b\n-c\n+C\n+D\n@@ -6,1 +6,0 @@\n-g\n";
        // old: a b c d e g, new: a b C D d e
        check(diff, "a\nb\nC\nD\nd\ne\n", Some("a\nb\nc\nd\ne\ng\n"));
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        let diff = "--- a/f\n+++ b/f\n@@ -1,1 +1,1 @@\n-a\n+b\n";
        check(diff, "b", Some("a\n"));
        check(diff, "c\n", None);
        check(diff, "", None);
    }
}
