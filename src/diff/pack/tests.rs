//! Tests of packing.

use std::collections::HashMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;

use super::*;
use crate::diff::complete::from_contents;
use crate::diff::parse::parse;
use crate::diff::{Content, RepoPath};

fn none(_: &FileDiff) -> Option<Bytes> {
    None
}

fn modified(path: &str, old: &str, new: &str) -> FileDiff {
    FileDiff {
        old_path: Some(path.into()),
        new_path: Some(path.into()),
        status: Status::Modified,
        old_mode: None,
        new_mode: None,
        content: from_contents(Some(old.as_bytes()), Some(new.as_bytes()), 3),
    }
}

fn plan(change: &Change, budget: usize) -> Plan {
    pack(change, &vec![None; change.files.len()], &none, budget)
}

/// How a reader who knows nothing of us tells signs from gutters.
static GUTTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\sLRNO|:]*\d*[\s|:]*\d*[\s|:]*([+-])(.*)$").unwrap());

#[test]
fn a_pack_reads_well() {
    let diff = "diff --git a/old.rs b/new.rs\nold mode 100644\nnew mode 100755\nsimilarity index 90%\nrename from old.rs\nrename to new.rs\n\
                --- a/old.rs\n+++ b/new.rs\n@@ -9,3 +9,3 @@ impl X {\n a\n-    b\n+    c\n d\n\\ No newline at end of file\n\
                diff --git a/x.png b/x.png\nBinary files a/x.png and b/x.png differ\n";
    let change = parse(Bytes::from_static(diff.as_bytes())).unwrap();
    let plan = plan(&change, 10_000);
    assert_eq!(plan.packs.len(), 1);
    assert_eq!(
        plan.packs[0].render(&change, &none),
        "=== new.rs (renamed from old.rs, mode 100644 to 100755)\n@@ -9,3 +9,3 @@ impl X {\n9 | a\n10 |-    b\n10 |+    c\n11 | d\n\\ No newline at end of file\n"
    );
    assert_eq!(plan.skipped, [Skipped { path: "x.png".into(), reason: "binary".into() }]);
    assert_eq!(plan.packs[0].changed_lines(&change), 2);
}

#[test]
fn what_surrounds_a_hunk_is_shown_as_not_in_the_diff() {
    let body: String = (0..12).map(|i| format!("        line{i}();\n")).collect();
    let old =
        format!("use a;\n\nimpl X {{\n    fn f() {{\n{body}    }}\n\n    fn g() {{\n    }}\n}}\n");
    let new = old.replace("line6", "LINE6");
    let change = Change { files: vec![modified("x.rs", &old, &new)] };
    let head = Bytes::from(new);
    let heads = |_: &FileDiff| Some(head.clone());
    let plan = pack(&change, &[None], &heads, 10_000);
    let text = plan.packs[0].render(&change, &heads);
    assert_eq!(
        text,
        "=== x.rs (modified)\n@@ -8,7 +8,7 @@ impl X {\n3 : impl X {\n4 :     fn f() {\n5 :         line0();\n6 :         line1();\n7 :         line2();\n\
         8 |         line3();\n9 |         line4();\n10 |         line5();\n11 |-        line6();\n11 |+        LINE6();\n12 |         line7();\n13 |         line8();\n14 |         line9();\n\
         15 :         line10();\n16 :         line11();\n17 :     }\n"
    );
    assert_eq!(text.len(), plan.packs[0].bytes);
    // A content of another revision is not shown.
    let other = |_: &FileDiff| Some(Bytes::from_static(b"something else\n"));
    let plan = pack(&change, &[None], &other, 10_000);
    assert!(!plan.packs[0].render(&change, &other).contains(" : "));
}

#[test]
fn changed_line_ends_are_said() {
    let change = Change { files: vec![modified("x", "a\r\nb\r\n", "a\nb\n")] };
    let text = plan(&change, 1_000).packs[0].render(&change, &none);
    assert!(text.starts_with("=== x (modified, line ends CRLF to LF)\n"), "{text}");
}

#[test]
fn a_name_cannot_break_out_of_its_line() {
    let mut file = modified("x", "a\n", "b\n");
    file.new_path = Some(RepoPath::from("x\n=== y\u{1b}"));
    let change = Change { files: vec![file] };
    let text = plan(&change, 1_000).packs[0].render(&change, &none);
    assert!(text.starts_with("=== x\\n=== y\\u{1b} (modified)\n"), "{text}");
}

#[test]
fn a_hunk_too_long_for_a_pack_is_cut_between_lines() {
    let new: String = (1..=500).map(|i| format!("line number {i}\n")).collect();
    let mut file = modified("x.txt", "", &new);
    file.status = Status::Added;
    let change = Change { files: vec![file] };
    let plan = plan(&change, 1_000);
    assert!(plan.packs.len() > 8);
    let mut next = 1;
    for pack in &plan.packs {
        let text = pack.render(&change, &none);
        assert!(text.len() <= 1_000 && text.len() == pack.bytes, "{}", text.len());
        assert!(text.starts_with("=== x.txt (added; a part of its diff)\n@@ -0,0 +"), "{text}");
        assert!(text.contains(&format!(" +{next},")), "{next}: {text}");
        for line in text.lines().skip(2) {
            assert_eq!(line, format!("{next} |+line number {next}"));
            next += 1;
        }
    }
    assert_eq!(next, 501);
}

#[test]
fn a_line_longer_than_a_pack_is_not_cut() {
    let long = "x".repeat(5_000);
    let change = Change { files: vec![modified("x", "a\nb\nc\n", &format!("a\n{long}\nc\n"))] };
    let plan = plan(&change, 1_000);
    let texts: String = plan.packs.iter().map(|pack| pack.render(&change, &none)).collect();
    assert!(texts.contains(&long) && texts.contains("2 |-b\n"));
}

#[test]
fn related_files_share_a_pack() {
    let filler = |n: usize| (0..30).map(|i| format!("filler {n} {i} text\n")).collect::<String>();
    let files = [
        ("a/one.go", "func HandleOrder() {\n"),
        ("b/two.go", "nothing\n"),
        ("c/one_test.go", "nothing\n"),
        ("d/three.go", "x := HandleOrder()\n"),
        ("e/four.go", "nothing\n"),
        ("f/five.go", "nothing\n"),
    ];
    let files = files.iter().enumerate();
    let files = files.map(|(n, (path, line))| modified(path, "", &(filler(n) + line))).collect();
    let change = Change { files };
    let plan = plan(&change, 2_600);
    assert_eq!(plan.packs.len(), 2, "{plan:#?}");
    let together = plan.packs.iter().find(|pack| pack.files.iter().any(|f| f.file == 0)).unwrap();
    let files: Vec<usize> = together.files.iter().map(|file| file.file).collect();
    assert_eq!(files, [0, 2, 3]);
}

#[test]
fn tokens_are_not_underestimated() {
    assert_eq!(estimate_tokens(""), 0);
    assert!(estimate_tokens(&"x".repeat(3_500)) >= 1_000);
    assert!(estimate_tokens(&"\u{4e2d}".repeat(100)) >= 100);
}

fn text() -> impl Strategy<Value = String> {
    let line = proptest::sample::select(vec![
        "fn aaaaa() {",
        "fn bbbbb() {",
        "}",
        "+plus",
        "-minus",
        "x",
        "",
        "  aaaaa();",
        "  a somewhat longer line of text",
        "\u{e9}\r",
        "  y",
        "z: 1",
    ]);
    proptest::collection::vec(line, 0..40)
        .prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every changed line in exactly one pack, none over the budget, and all of
    /// them found again by the gutter.
    #[test]
    fn nothing_is_lost_or_doubled(
        files in proptest::collection::vec((proptest::sample::select(vec!["a/x", "a/y", "b/x", "a/x_test", "c", "b/y_test", "d/z"]), text(), text()), 1..8),
        budget in 150usize..3_000, with_heads in any::<bool>(),
    ) {
        let mut contents = HashMap::new();
        let mut change = Change::default();
        for (path, old, new) in &files {
            if contents.insert((*path).to_owned(), new.clone()).is_none() {
                change.files.push(modified(path, old, new));
            }
        }
        let heads = |file: &FileDiff| {
            with_heads.then(|| Bytes::from(contents[&file.path().display()].clone()))
        };
        let plan = pack(&change, &vec![None; change.files.len()], &heads, budget);
        let mut seen: HashMap<(usize, u32), u32> = HashMap::new();
        let mut rendered: HashMap<(String, String), i64> = HashMap::new();
        for pack in &plan.packs {
            let text = pack.render(&change, &heads);
            prop_assert_eq!(text.len(), pack.bytes);
            prop_assert!(text.len() <= budget, "{} > {}", text.len(), budget);
            for line in text.lines().filter(|line| line.contains(" |+") || line.contains(" |-")) {
                let found = GUTTER.captures(line).unwrap();
                *rendered.entry((found[1].to_owned(), found[2].to_owned())).or_default() += 1;
            }
            for packed in &pack.files {
                let patch = change.files[packed.file].patch().unwrap();
                for at in packed.parts.iter().flat_map(|part| part.lines.clone()) {
                    if patch.lines[at as usize].kind != LineKind::Context {
                        *seen.entry((packed.file, at)).or_default() += 1;
                    }
                }
            }
        }
        prop_assert!(seen.values().all(|count| *count == 1));
        prop_assert_eq!(seen.len(), change.changed_lines());
        for file in &change.files {
            for line in file.lines() {
                let sign = match line.kind {
                    LineKind::Context => continue,
                    LineKind::Added => "+",
                    LineKind::Removed => "-",
                };
                let text = line.text.to_string();
                let text = text.strip_suffix('\r').unwrap_or(&text);
                *rendered.entry((sign.to_owned(), text.to_owned())).or_default() -= 1;
            }
        }
        let lost: Vec<_> = rendered.iter().filter(|(_, count)| **count < 0).collect();
        prop_assert!(lost.is_empty(), "{:?}", lost);
    }
}

#[test]
fn files_left_out_are_named() {
    let missing = FileDiff {
        content: Content::Missing { additions: 1, deletions: 0 },
        ..modified("big.txt", "", "a\n")
    };
    let change = Change {
        files: vec![modified("Cargo.lock", "a\n", "b\n"), missing, modified("x.md", "a\n", "b\n")],
    };
    let selection = Selection::new(&[], &["*.md"]).unwrap();
    let skips = skips(&change, &selection, &Attributes::default());
    let plan = pack(&change, &skips, &none, 1_000);
    assert!(plan.packs.is_empty());
    let named: Vec<_> = plan.skipped.iter().map(|s| (s.path.as_str(), s.reason.as_str())).collect();
    assert_eq!(
        named,
        [("Cargo.lock", "lock file"), ("big.txt", "no diff to be had"), ("x.md", "ignored")]
    );
}
