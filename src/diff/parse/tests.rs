//! Tests of the diff parser.

use proptest::prelude::*;

use super::*;
use crate::diff::write::write;
use crate::diff::{Content, RepoPath};

fn read(text: &str) -> Change {
    parse(Bytes::copy_from_slice(text.as_bytes())).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// One line per file: status, names, modes, content; then its hunks' lines.
fn show(change: &Change) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for file in &change.files {
        let path = |p: &Option<RepoPath>| p.as_ref().map_or("-".into(), RepoPath::display);
        let mode = |m: Option<Mode>| m.map_or("-".into(), |m| format!("{:o}", m.0));
        let _ = write!(
            out,
            "{:?} {} {} {} {}",
            file.status,
            path(&file.old_path),
            path(&file.new_path),
            mode(file.old_mode),
            mode(file.new_mode)
        );
        match &file.content {
            Content::Text(patch) => {
                for hunk in &patch.hunks {
                    let _ = write!(
                        out,
                        " @{},{} {},{} [{}]",
                        hunk.old_start,
                        hunk.old_lines,
                        hunk.new_start,
                        hunk.new_lines,
                        patch.section_of(hunk)
                    );
                }
                for line in file.lines() {
                    let sign = match line.kind {
                        LineKind::Context => ' ',
                        LineKind::Added => '+',
                        LineKind::Removed => '-',
                    };
                    let end = if line.newline { "" } else { "$" };
                    let _ = write!(out, "|{}{sign}{}{end}", line.number(), line.text);
                }
            }
            other => {
                let _ = write!(out, " {other:?}");
            }
        }
        out.push('\n');
    }
    out
}

fn check(text: &str, expect: &str) {
    assert_eq!(show(&read(text)), expect, "of\n{text}");
}

#[test]
fn an_edit_with_mode_and_section() {
    check(
        "diff --git a/x.rs b/x.rs\nindex 1234567..89abcde 100644\n--- a/x.rs\n+++ b/x.rs\n\
         @@ -3,3 +3,4 @@ fn main() {\n a\n-b\n+c\n+d\n e\n@@ -20 +21 @@\n-x\n+y\n",
        "Modified x.rs x.rs 100644 100644 @3,3 3,4 [fn main() {] @20,1 21,1 []|3 a|4-b|4+c|5+d|6 e|20-x|21+y\n",
    );
}

#[test]
fn added_deleted_and_empty_files() {
    check(
        "diff --git a/n b/n\nnew file mode 100755\nindex 0000000..e69de29\n\
         diff --git a/e b/e\nnew file mode 100644\nindex 0000000..257cc56\n--- /dev/null\n+++ b/e\n@@ -0,0 +1 @@\n+foo\n\
         diff --git a/d b/d\ndeleted file mode 100644\nindex 257cc56..0000000\n--- a/d\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-foo\n-bar\n\\ No newline at end of file\n",
        "Added - n - 100755\nAdded - e - 100644 @0,0 1,1 []|1+foo\nDeleted d - 100644 - @1,2 0,0 []|1-foo|2-bar$\n",
    );
}

#[test]
fn renames_copies_and_modes() {
    check(
        "diff --git a/old name.txt b/new/name.txt\nsimilarity index 100%\nrename from old name.txt\nrename to new/name.txt\n\
         diff --git a/src.c b/copy.c\nsimilarity index 90%\ncopy from src.c\ncopy to copy.c\nindex 1..2 100644\n--- a/src.c\n+++ b/copy.c\n@@ -1 +1 @@\n-a\n+b\n\
         diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n",
        "Renamed old name.txt new/name.txt - -\nCopied src.c copy.c 100644 100644 @1,1 1,1 []|1-a|1+b\nModified run.sh run.sh 100644 100755\n",
    );
}

#[test]
fn quoted_and_odd_names() {
    check(
        "diff --git \"a/tab\\there\" \"b/tab\\there\"\nold mode 100644\nnew mode 100755\n\
         diff --git a/with space b/with space\nindex 1..2 100644\n--- a/with space\t\n+++ b/with space\t\n@@ -1 +1 @@\n-a\n+b\n\
         diff --git x y x y\nold mode 100644\nnew mode 100755\n",
        "Modified tab\there tab\there 100644 100755\nModified with space with space 100644 100644 @1,1 1,1 []|1-a|1+b\nModified x y x y 100644 100755\n",
    );
}

#[test]
fn names_that_are_not_utf_8() {
    let change = read("diff --git \"a/\\377\" \"b/\\377\"\nold mode 100644\nnew mode 100755\n");
    assert_eq!(&change.files[0].path().0[..], b"\xff");
    let raw = b"diff --git a/\xfe b/\xfe\nold mode 100644\nnew mode 100755\n";
    let change = parse(Bytes::from_static(raw)).unwrap();
    assert_eq!(&change.files[0].path().0[..], b"\xfe");
}

#[test]
fn prefixes_are_told() {
    for (old, new) in [("", ""), ("i/", "w/"), ("old/", "new/"), ("a/", "b/"), ("b/", "a/")] {
        check(
            &format!(
                "diff --git {old}src/x.c {new}src/x.c\nindex 1..2 100644\n--- {old}src/x.c\n+++ {new}src/x.c\n@@ -1 +1 @@\n-a\n+b\n"
            ),
            "Modified src/x.c src/x.c 100644 100644 @1,1 1,1 []|1-a|1+b\n",
        );
        check(
            &format!(
                "diff --git {old}src/x.c {new}src/x.c\nnew file mode 100644\nindex 0..2\n--- /dev/null\n+++ {new}src/x.c\n@@ -0,0 +1 @@\n+b\n"
            ),
            "Added - src/x.c - 100644 @0,0 1,1 []|1+b\n",
        );
    }
    // `a/` is part of the name where both sides have it.
    check(
        "diff --git a/x a/x\nindex 1..2 100644\n--- a/x\n+++ a/x\n@@ -1 +1 @@\n-a\n+b\n",
        "Modified a/x a/x 100644 100644 @1,1 1,1 []|1-a|1+b\n",
    );
}

#[test]
fn binary_files() {
    check(
        "diff --git a/x.png b/x.png\nindex 1..2 100644\nBinary files a/x.png and b/x.png differ\n\
         diff --git a/y b/y\nnew file mode 100644\nindex 0..2\nGIT binary patch\nliteral 3\nKcmZQzWMT#Y01f~L\n\nliteral 0\nHcmV?d00001\n\n\
         diff --git a/z b/z\nindex 1..2 100644\nGIT binary patch\ndelta 9\nQcmX@fc$#s-Nv5hQ02Cbq<^TWy\n\ndelta 6\nNcmX@jc#?6#NdO7m0`LF;\n\n",
        "Modified x.png x.png 100644 100644 Binary { old_size: None, new_size: None }\n\
         Added - y - 100644 Binary { old_size: Some(0), new_size: Some(3) }\n\
         Modified z z 100644 100644 Binary { old_size: None, new_size: None }\n",
    );
}

#[test]
fn submodules() {
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    check(
        &format!(
            "diff --git a/sub b/sub\nindex 1111111..2222222 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n-Subproject commit {one}\n+Subproject commit {two}-dirty\n"
        ),
        &format!(
            "Modified sub sub 160000 160000 Submodule {{ old: Some(\"{one}\"), new: Some(\"{two}\") }}\n"
        ),
    );
    check(
        &format!(
            "diff --git a/s b/s\nnew file mode 160000\nindex 0..2\n--- /dev/null\n+++ b/s\n@@ -0,0 +1 @@\n+Subproject commit {two}\n"
        ),
        &format!("Added - s - 160000 Submodule {{ old: None, new: Some(\"{two}\") }}\n"),
    );
    check(
        "Submodule libs/one 1111111..2222222:\n  > fix\nSubmodule two 0000000...3333333 (new submodule)\n",
        "Modified libs/one libs/one 160000 160000 Submodule { old: Some(\"1111111\"), new: Some(\"2222222\") }\n\
         Added - two - 160000 Submodule { old: None, new: Some(\"3333333\") }\n",
    );
}

#[test]
fn line_ends() {
    check(
        "diff --git a/x b/x\r\nindex 1..2 100644\r\n--- a/x\r\n+++ b/x\r\n@@ -1,2 +1,2 @@ sec\r\n-a\r\n+b\r\n \r\n",
        "Modified x x 100644 100644 @1,2 1,2 [sec]|1-a\r|1+b\r|2 \r\n",
    );
    check(
        "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n",
        "Modified x x - - @1,2 1,2 []|1 a|2-b$|2+b\n",
    );
    // Stripped to nothing by a tool that hates spaces at line ends.
    check(
        "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c",
        "Modified x x - - @1,3 1,3 []|1 a|2 |3-b|3+c\n",
    );
}

#[test]
fn plain_patches() {
    let hunk = "@@ -1 +1 @@\n-a\n+b\n";
    for (old, new, expect) in [
        ("x.c\t2020-01-01 10:00:00.0 +0100", "x.c\t2020-01-02", "Modified x.c x.c"),
        ("a/dir/x.c", "b/dir/x.c", "Modified dir/x.c dir/x.c"),
        ("orig-1.0/src/x.c", "new-1.0/src/x.c", "Modified src/x.c src/x.c"),
        ("x.c.orig", "x.c", "Modified x.c x.c"),
        ("one.c", "two.c", "Renamed one.c two.c"),
        ("\"a/\\303\\244\"", "\"b/\\303\\244\"", "Modified ä ä"),
    ] {
        check(
            &format!("--- {old}\n+++ {new}\n{hunk}"),
            &format!("{expect} - - @1,1 1,1 []|1-a|1+b\n"),
        );
    }
    check("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+b\n", "Added - x - - @0,0 1,1 []|1+b\n");
    check(
        "--- x\t1970-01-01 00:00:00.000000000 +0000\n+++ x\t2020-01-01 10:00:00 +0000\n@@ -0,0 +1 @@\n+b\n",
        "Added - x - - @0,0 1,1 []|1+b\n",
    );
    check(
        "Index: x\n====\n--- x\n+++ x\n@@ -1 +1 @@\n-a\n+b\n--- y\n+++ y\n@@ -1 +1 @@\n-a\n+b\n",
        "Modified x x - - @1,1 1,1 []|1-a|1+b\nModified y y - - @1,1 1,1 []|1-a|1+b\n",
    );
}

#[test]
fn mail_around_the_diff_is_passed_over() {
    check(
        "From 1234 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.com>\nSubject: [PATCH] x\n\n- a list\n+ of things\n---\n x | 2 +-\n 1 file changed\n\n\
         diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n c\n-- \n2.39.5\n\n",
        "Modified x x 100644 100644 @1,2 1,2 []|1-a|1+b|2 c\n",
    );
}

#[test]
fn lines_that_look_like_headers_stay_lines() {
    check(
        "--- a/x.sql\n+++ b/x.sql\n@@ -1,4 +1,4 @@\n--- comment\n-+++ b\n+++ plus\n+diff --git a/x b/x\n @@ -1 +1 @@\n \\ No newline\n",
        "Modified x.sql x.sql - - @1,4 1,4 []|1--- comment|2-+++ b|1+++ plus|2+diff --git a/x b/x|3 @@ -1 +1 @@|4 \\ No newline\n",
    );
}

#[test]
fn what_breaks_the_grammar_is_refused_with_its_line() {
    use ParseErrorKind::*;
    let head = "--- a/x\n+++ b/x\n";
    let fail = |text: &str, line: usize, kind: ParseErrorKind| {
        let found = parse(Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(found, Err(ParseError { line, kind }), "of\n{text}");
    };
    fail("no diff here", 1, NoDiff);
    fail("diff --cc x\nindex 1,2..3\n", 1, Combined);
    fail("diff --combined x\n", 1, Combined);
    fail("diff --git a/x b/x\nindex 1..2 100644\n@@@ -1,1 -1,1 +1,1 @@@\n", 3, Combined);
    fail("@@ -1 +1 @@\n-a\n+b\n", 1, NoFile);
    fail(&format!("{head}@@ -1,2 +1,2 @@\n a\n"), 5, Truncated { old: 1, new: 1 });
    fail(
        &format!("{head}@@ -1,2 +1 @@\n-a\ndiff --git a/y b/y\n"),
        5,
        Truncated { old: 1, new: 1 },
    );
    fail(&format!("{head}@@ -1 +1 @@\n-a\n-b\n+c\n"), 5, Excess);
    fail(&format!("{head}@@ -1 +1 @@\n-a\n+b\n+c\n"), 6, Excess);
    fail(&format!("{head}@@ -1 +1 @@\n-a\n+b\n--\n+c\n"), 6, Excess);
    fail(&format!("{head}@@ -5 +5 @@\n-a\n+b\n@@ -5 +5 @@\n-a\n+b\n"), 6, Order);
    fail(&format!("{head}@@ -1 +1 @@\n-a\n+b\n@@ nonsense\n"), 6, HunkHeader);
    fail(&format!("{head}@@ -x +1 @@\n"), 3, HunkHeader);
    fail(&format!("{head}@@ -0 +1 @@\n-a\n+b\n"), 3, HunkHeader);
    fail(&format!("{head}@@ -4294967295,2 +1 @@\n-a\n"), 3, HunkHeader);
    fail(&format!("{head}@@ -1 +1 @@\n\\ No newline\n"), 4, StrayMarker);
    fail(&format!("{head}@@ -1 +1,2 @@\n-a\n+b\n\\ No newline at end of file\n+c\n"), 7, AfterLast);
    fail("diff --git a/x b/y\nindex 1..2 100644\n", 1, NoName);
    fail("diff --git a/x b/x\nold mode 9\n", 2, Header);
    fail("diff --git a/x b/x\nGIT binary patch\nliteral 4\n!!\n", 4, BinaryPatch);
    fail("diff --git a/x b/x\nGIT binary patch\nnothing\n", 3, BinaryPatch);
    assert!(parse(Bytes::new()).unwrap().files.is_empty());
    assert!(parse(Bytes::from_static(b"\n\n")).unwrap().files.is_empty());
}

#[test]
fn bare_hunks() {
    let patch = parse_hunks(Bytes::from_static(b"@@ -1,2 +1,2 @@ x\n a\n-b\n+c")).unwrap();
    assert_eq!(patch.hunks.len(), 1);
    assert_eq!(patch.text_of(&patch.lines[2]), "c");
    assert!(patch.lines[2].newline);
    let patch =
        parse_hunks(Bytes::from_static(b"@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file"));
    assert!(!patch.unwrap().lines[1].newline);
    assert_eq!(parse_hunks(Bytes::new()), Ok(Patch::default()));
    for (text, line) in [("x", 1), ("@@ -1 +1 @@\n-a\n+b\nx", 4), ("@@ -1 +1 @@\n-a", 3)] {
        let error = parse_hunks(Bytes::copy_from_slice(text.as_bytes())).unwrap_err();
        assert_eq!(error.line, line, "{text}");
    }
}

#[test]
fn nothing_is_copied() {
    let text = Bytes::from_static(b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n");
    let change = parse(text.clone()).unwrap();
    let patch = change.files[0].patch().unwrap();
    let inside = text.as_ptr_range().contains(&patch.text.as_ptr());
    assert!(inside, "the patch's text is a slice of the diff's");
}

#[test]
fn what_is_written_reads_the_same() {
    let text = "diff --git a/old b/new x\nsimilarity index 90%\nrename from old\nrename to new x\nindex 1..2 100644\n--- a/old\n+++ b/new x\t\n@@ -1,2 +1,2 @@ fn x\n a\n-b\n\\ No newline at end of file\n+c\n\
         diff --git \"a/\\303\\244\" \"b/\\303\\244\"\nnew file mode 100755\nindex 0..1\n--- /dev/null\n+++ \"b/\\303\\244\"\n@@ -0,0 +1 @@\n+x\n\
         diff --git a/p b/p\nindex 1..2 100644\nBinary files a/p and b/p differ\n\
         diff --git a/e b/e\ndeleted file mode 100644\n";
    let change = read(text);
    let again = parse(Bytes::from(write(&change))).unwrap();
    let without_kept_modes = |shown: String| shown.replace("100644 100644", "- -");
    assert_eq!(without_kept_modes(show(&again)), without_kept_modes(show(&change)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any bytes: an answer or an error, and what is read obeys the invariants.
    #[test]
    fn any_text_is_read_or_refused(lines in proptest::collection::vec(
        prop_oneof![
            Just("diff --git a/x b/x".to_owned()), Just("--- a/x".to_owned()),
            Just("+++ b/x".to_owned()), Just("@@ -1,2 +1,2 @@ s".to_owned()),
            Just("@@ -7 +7,0 @@".to_owned()), Just("rename from q".to_owned()),
            Just("rename to r".to_owned()), Just("\\ No newline at end of file".to_owned()),
            Just("GIT binary patch".to_owned()), Just("literal 2".to_owned()),
            Just("new file mode 100644".to_owned()), Just("index 1..2 160000".to_owned()),
            Just("\"".to_owned()), "[ +-][a-c]{0,3}\r?", "\\PC{0,12}",
        ], 0..24))
    {
        let text = lines.join("\n");
        if let Ok(change) = parse(Bytes::from(text)) {
            crate::diff::check_invariants(&change);
            let again = parse(Bytes::from(write(&change))).expect("what is written can be read");
            prop_assert_eq!(show(&again).lines().count(), show(&change).lines().count());
        }
    }
}
