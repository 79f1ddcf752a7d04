//! Tests of making diffs from contents.

use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;
use crate::diff::apply::{apply, unapply};
use crate::diff::parse::parse_hunks;
use crate::diff::write::{write_file, write_hunks};
use crate::diff::{Change, FileDiff, RepoPath, Status, check_invariants};

fn file(content: Content) -> FileDiff {
    FileDiff {
        old_path: Some(RepoPath::from("x")),
        new_path: Some(RepoPath::from("x")),
        status: Status::Modified,
        old_mode: None,
        new_mode: None,
        content,
    }
}

fn check(old: &str, new: &str, context: u32, expect: &str) {
    let content = from_contents(Some(old.as_bytes()), Some(new.as_bytes()), context);
    let Content::Text(patch) = content else { panic!("{content:?}") };
    let mut shown = Vec::new();
    write_hunks(&patch, &mut shown);
    assert_eq!(String::from_utf8(shown).unwrap(), expect, "{old:?} {new:?}");
}

#[test]
fn hunks_read_as_gits() {
    check("a\nb\nc\n", "a\nx\nc\n", 3, "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
    check("", "a\n", 3, "@@ -0,0 +1 @@\n+a\n");
    check("a\nb\n", "", 3, "@@ -1,2 +0,0 @@\n-a\n-b\n");
    check("a", "a\n", 3, "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
    check(
        "a\nb",
        "a\nc",
        1,
        "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n",
    );
    check("a\nb\nc\n", "a\nb\nx\nc\n", 0, "@@ -2,0 +3 @@ b\n+x\n");
    check("a\nb\nc\n", "a\nc\n", 0, "@@ -2 +1,0 @@ a\n-b\n");
    check("same\n", "same\n", 3, "");
    check(
        "fn f() {\n 1\n 2\n 3\n 4\n 5\n}\n",
        "fn f() {\n 1\n 2\n 3\n 4\n x\n}\n",
        1,
        "@@ -5,3 +5,3 @@ fn f() {\n  4\n- 5\n+ x\n }\n",
    );
    // Two changes share a hunk as long as their context touches.
    check("a\n1\n2\nb\n", "x\n1\n2\ny\n", 1, "@@ -1,4 +1,4 @@\n-a\n+x\n 1\n 2\n-b\n+y\n");
    check(
        "a\n1\n2\n3\nb\n",
        "x\n1\n2\n3\ny\n",
        1,
        "@@ -1,2 +1,2 @@\n-a\n+x\n 1\n@@ -4,2 +4,2 @@ a\n 3\n-b\n+y\n",
    );
}

#[test]
fn a_nul_makes_it_binary() {
    let sizes = |old: Option<&[u8]>, new: Option<&[u8]>| match from_contents(old, new, 3) {
        Content::Binary { old_size, new_size } => Some((old_size, new_size)),
        _ => None,
    };
    assert_eq!(sizes(None, Some(b"a\0b")), Some((None, Some(3))));
    assert_eq!(sizes(Some(b"\0"), Some(b"a")), Some((Some(1), Some(1))));
    let late = [vec![b'a'; 8000], vec![0]].concat();
    assert_eq!(sizes(None, Some(&late)), None);
}

#[test]
fn a_deadline_in_the_past_still_gives_a_right_diff() {
    let mut old = Vec::new();
    let mut new = Vec::new();
    for i in 0..20_000u32 {
        old.extend_from_slice(format!("{}\n", i.wrapping_mul(2_654_435_761) % 1000).as_bytes());
        new.extend_from_slice(format!("{}\n", i.wrapping_mul(40_503) % 1000).as_bytes());
    }
    let from = Instant::now();
    let content = from_contents_by(Some(&old), Some(&new), 3, from);
    assert!(from.elapsed() < Duration::from_secs(5), "{:?}", from.elapsed());
    assert_eq!(apply(&file(content), &old).unwrap(), new);
}

/// Files of few different lines, so that they have much in common.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = proptest::sample::select(vec![
        "a",
        "b",
        "fn c() {",
        "",
        " d",
        "e\r",
        "}",
        "--- x",
        "+++ y",
        "\\ z",
        "@@ -1 +1 @@",
        "\u{e9}",
    ]);
    (proptest::collection::vec(line, 0..30), any::<bool>()).prop_map(|(lines, ended)| {
        let mut text = lines.join("\n").into_bytes();
        if ended && !text.is_empty() {
            text.push(b'\n');
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_made_diff_leads_from_one_content_to_the_other(old in content(), new in content(), context in 0u32..5) {
        let file = file(from_contents(Some(&old), Some(&new), context));
        check_invariants(&Change { files: vec![file.clone()] });
        prop_assert_eq!(apply(&file, &old).unwrap(), new.clone());
        prop_assert_eq!(unapply(&file, &new).unwrap(), old.clone());
        // And so it does once written and read.
        let mut text = Vec::new();
        write_hunks(file.patch().unwrap(), &mut text);
        let read = FileDiff { content: Content::Text(parse_hunks(Bytes::from(text)).unwrap()), ..file };
        prop_assert_eq!(apply(&read, &old).unwrap(), new);
    }
}

fn git(dir: &std::path::Path, arguments: &[&str]) -> Option<std::process::Output> {
    Command::new("git").args(arguments).current_dir(dir).output().ok()
}

/// What we make, git applies; what git makes, we read and apply.
#[test]
fn git_agrees() {
    let dir = tempfile::tempdir().unwrap();
    if git(dir.path(), &["init", "-q"]).is_none() {
        eprintln!("SKIPPED: no git here");
        return;
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let pair = (content(), content());
    for _ in 0..25 {
        let (old, new) = pair.new_tree(&mut runner).unwrap().current();
        if old.is_empty() || new.is_empty() {
            continue;
        }
        let file = file(from_contents(Some(&old), Some(&new), 3));
        let mut text = Vec::new();
        write_file(&file, &mut text);
        std::fs::write(dir.path().join("x"), &old).unwrap();
        std::fs::write(dir.path().join("y"), &new).unwrap();
        std::fs::write(dir.path().join("p"), &text).unwrap();
        let made = git(dir.path(), &["diff", "--no-index", "--no-color", "x", "y"]).unwrap();
        if old != new {
            let applied = git(dir.path(), &["apply", "--whitespace=nowarn", "p"]).unwrap();
            assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
            assert_eq!(std::fs::read(dir.path().join("x")).unwrap(), new);
            let theirs = crate::diff::parse::parse(Bytes::from(made.stdout)).unwrap();
            assert_eq!(apply(&theirs.files[0], &old).unwrap(), new);
        }
    }
}
