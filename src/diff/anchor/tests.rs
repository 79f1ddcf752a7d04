//! Tests of anchoring.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::diff::parse::parse;

/// Lines 10 to 17 old, 10 to 18 new, then a second hunk.
const DIFF: &str = "\
diff --git a/src/x.rs b/src/x.rs
--- a/src/x.rs
+++ b/src/x.rs
@@ -10,6 +10,7 @@ fn main() {
     let a = 1;
-    let b = 2;
+    let b = 3;
+    let c = 4;
     if a {
         return;
     }
     done();
@@ -40,6 +41,8 @@ fn other() {
     let a = 1;
     if b {
+        return;
+    }
+    if c {
         stop();
-    let z = 1;
     }
     done();
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
--- a/gone.txt
+++ /dev/null
@@ -1,2 +0,0 @@
-one
-two
diff --git a/from.rs b/to.rs
similarity index 90%
rename from from.rs
rename to to.rs
--- a/from.rs
+++ b/to.rs
@@ -1 +1 @@
-x();
+y();
diff --git a/pic.png b/pic.png
Binary files a/pic.png and b/pic.png differ
";

fn change() -> Change {
    parse(Bytes::from_static(DIFF.as_bytes())).unwrap()
}

/// `side line-end`, with `~` if not exact and `#n` for the nth alike.
fn check(path: &str, line: u32, end: Option<u32>, quote: &str, expect: &str) {
    let change = change();
    let claim = Claim { path, line, end_line: end, quote };
    let found = match anchor(&change, &claim) {
        Ok(anchor) => {
            let side = if anchor.side == Side::Old { "old" } else { "new" };
            let exact = if anchor.exact { "" } else { "~" };
            let nth = if anchor.nth == 0 { String::new() } else { format!("#{}", anchor.nth) };
            format!("{side} {}-{}{exact}{nth}", anchor.line, anchor.end_line)
        }
        Err(reason) => format!("{reason:?}"),
    };
    assert_eq!(found, expect, "{path}:{line} {quote:?}");
}

#[test]
fn a_quote_finds_its_line_whatever_the_number() {
    for line in [0, 1, 12, 99, u32::MAX] {
        check("src/x.rs", line, None, "    let c = 4;", "new 12-12");
        check("src/x.rs", line, None, "    let b = 2;", "old 11-11");
    }
}

#[test]
fn what_is_not_there_is_dropped() {
    check("src/x.rs", 12, None, "let c = 5;", "QuoteMismatch");
    check("src/x.rs", 12, None, "let c = 4; }", "QuoteMismatch");
    check("src/y.rs", 12, None, "let c = 4;", "NotInDiff");
    check("pic.png", 1, None, "x", "QuoteMismatch");
    check("gone.txt", 1, None, "y();", "QuoteMismatch");
}

#[test]
fn files_are_found_by_either_name() {
    check("to.rs", 1, None, "y();", "new 1-1");
    check("from.rs", 1, None, "x();", "old 1-1");
    check("./src/x.rs", 12, None, "    let c = 4;", "new 12-12");
    check("b/src/x.rs", 12, None, "    let c = 4;", "new 12-12");
    check("gone.txt", 2, None, "two", "old 2-2");
}

#[test]
fn equal_lines_are_settled_by_a_near_number_then_change_then_distance() {
    // `return;` stands as context on new 14 and, added, on new 43.
    check("src/x.rs", 43, None, "        return;", "new 43-43");
    check("src/x.rs", 14, None, "        return;", "new 14-14#1");
    check("src/x.rs", 17, None, "        return;", "new 14-14#1");
    check("src/x.rs", 25, None, "        return;", "new 43-43");
    check("src/x.rs", 1, None, "        return;", "new 43-43");
    // `let a = 1;` is context on new 10 and 41.
    check("src/x.rs", 12, None, "    let a = 1;", "new 10-10");
    check("src/x.rs", 35, None, "    let a = 1;", "new 41-41#1");
}

#[test]
fn white_space_signs_gutters_and_backticks_are_tolerated() {
    for quote in [
        "let c = 4;",
        "  let c = 4;\r",
        "+    let c = 4;",
        "+let c = 4;",
        "`let c = 4;`",
        "```rust\n    let c = 4;\n```",
        "12 |+    let c = 4;",
        "  99 |+    let c = 4;",
        "`12 |+    let c = 4;`",
    ] {
        check("src/x.rs", 12, None, quote, "new 12-12~");
    }
    check("src/x.rs", 12, None, "-    let c = 4;", "QuoteMismatch");
    check("src/x.rs", 12, None, "-    let b = 2;", "old 11-11~");
    check("src/x.rs", 12, None, "+    let b = 2;", "QuoteMismatch");
    // The gutter's number is nearer the truth than the claim's.
    check("src/x.rs", 10, None, "41 |     let a = 1;", "new 41-41~#1");
}

#[test]
fn a_text_that_says_too_little_needs_its_number() {
    check("src/x.rs", 15, None, "    }", "new 15-15#1");
    check("src/x.rs", 44, None, "}", "new 44-44~");
    check("src/x.rs", 45, None, "}", "new 44-44~");
    check("src/x.rs", 46, None, "}", "new 47-47~#2");
    check("src/x.rs", 200, None, "}", "QuoteMismatch");
    check("src/x.rs", 12, None, "", "QuoteMismatch");
    check("src/x.rs", 12, None, "  \n ", "QuoteMismatch");
    check("src/x.rs", 12, None, "` `", "QuoteMismatch");
    check("src/x.rs", 12, None, "`+`", "QuoteMismatch");
}

#[test]
fn many_lines_stand_on_one_side_of_one_hunk() {
    check("src/x.rs", 1, None, "    let b = 3;\n    let c = 4;", "new 11-12");
    check("src/x.rs", 1, None, "let b = 3;\nlet c = 4;\n\n", "new 11-12~");
    check("src/x.rs", 1, None, "    let a = 1;\n    let b = 3;", "new 10-11");
    check("src/x.rs", 1, None, "    let a = 1;\n    let b = 2;\n    if a {", "old 10-12");
    check("src/x.rs", 1, None, "    let b = 2;\n    let b = 3;", "QuoteMismatch");
    check("src/x.rs", 1, None, "-    let b = 2;\n+    let b = 3;\n+    let c = 4;", "new 11-12~");
    check("src/x.rs", 1, None, "    done();\n    let a = 1;", "QuoteMismatch");
    check("src/x.rs", 1, Some(30), "    let b = 3;\n    let c = 4;", "new 11-12");
    check("src/x.rs", 1, None, "    }\n    done();", "new 15-16");
}

#[test]
fn a_span_moves_with_its_anchor_and_ends_with_the_hunk() {
    check("src/x.rs", 20, Some(21), "    let b = 3;", "new 11-12");
    check("src/x.rs", 11, Some(99), "    let b = 3;", "new 11-16");
    check("src/x.rs", 11, Some(99), "    let b = 2;", "old 11-15");
    check("src/x.rs", 11, Some(3), "    let b = 3;", "new 11-11");
    check("src/x.rs", u32::MAX - 1, Some(u32::MAX), "    let b = 3;", "new 11-12");
}

#[test]
fn the_anchored_text_is_what_stands_there() {
    let change = change();
    let claim = Claim { path: "src/x.rs", line: 11, end_line: Some(12), quote: "let b = 3;" };
    let anchor = anchor(&change, &claim).unwrap();
    assert_eq!(anchor.quote, "    let b = 3;\n    let c = 4;");
    assert_eq!((anchor.file, anchor.hunk), (0, 0));
}

#[test]
fn places_known_by_number_are_anchored_alike() {
    let change = change();
    let index = Index::new(&change);
    let by_number = index.at(0, Side::New, 43, 43).unwrap();
    let claim = Claim { path: "src/x.rs", line: 43, end_line: None, quote: "        return;" };
    assert_eq!(by_number, index.anchor(&claim).unwrap());
    assert_eq!(index.at(0, Side::Old, 11, 11).unwrap().quote, "    let b = 2;");
    assert_eq!(index.at(0, Side::New, 41, 99).unwrap().end_line, 48);
    for (file, side, line) in [
        (0, Side::New, 9),
        (0, Side::New, 17),
        (0, Side::Old, 99),
        (3, Side::New, 1),
        (9, Side::New, 1),
    ] {
        assert_eq!(index.at(file, side, line, line), None, "{file} {side:?} {line}");
    }
}

#[test]
fn names_and_lines_that_are_not_utf_8_are_found_as_shown() {
    let diff = b"--- \"a/\\377\"\n+++ \"b/\\377\"\n@@ -1 +1 @@\n-a\n+caf\xe9 ole\r\n";
    let change = parse(Bytes::from_static(diff)).unwrap();
    let quote = "caf\u{fffd} ole";
    let anchor =
        anchor(&change, &Claim { path: "\u{fffd}", line: 1, end_line: None, quote }).unwrap();
    assert_eq!((anchor.exact, anchor.quote.as_str()), (true, quote));
}

/// What a quote may stand for: itself, or itself without a mark that was copied.
fn readings(quote: &str) -> Vec<String> {
    quote::forms(quote).map(|form| trim(form[0].text).to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is asked, an anchor's lines are lines of the diff that read so.
    #[test]
    fn an_anchor_always_reads_like_its_quote(
        pick in 0usize..25, at in 0usize..40, with in "[ +`|a-c}1-]?", cut in any::<bool>(),
        line in 0u32..60, span in proptest::option::of(0u32..70),
    ) {
        let change = change();
        let lines: Vec<_> = change.files.iter().flat_map(|file| file.lines().map(move |line| (file, line))).collect();
        let (file, picked) = &lines[pick % lines.len()];
        let mut quote: Vec<char> = picked.text.to_str_lossy().chars().collect();
        let at = at % (quote.len() + 1);
        if cut && at < quote.len() { quote.remove(at); }
        if let Some(c) = with.chars().next() { quote.insert(at.min(quote.len()), c); }
        let quote: String = quote.into_iter().collect();
        let path = file.path().display();
        if let Ok(anchor) = anchor(&change, &Claim { path: &path, line, end_line: span, quote: &quote }) {
            let file = &change.files[anchor.file];
            let on_side = |line: &crate::diff::NumberedLine<'_>| match anchor.side {
                Side::New => line.new,
                Side::Old => line.old,
            };
            let stands: Vec<String> = file.patch().unwrap().numbered_hunk(anchor.hunk)
                .filter(|line| on_side(line).is_some_and(|n| (anchor.line..=anchor.end_line).contains(&n)))
                .map(|line| line.text.to_str_lossy().trim_end_matches('\r').to_owned())
                .collect();
            prop_assert_eq!(stands.len() as u32, anchor.end_line - anchor.line + 1);
            prop_assert_eq!(stands.join("\n"), anchor.quote.clone());
            prop_assert!(readings(&quote).iter().any(|text| text == trim(&stands[0])), "{:?}", quote);
        }
    }

    /// Claims that tell nothing of a diff's shape do no harm.
    #[test]
    fn any_quote_is_answered(quote in "\\PC{0,20}(\n\\PC{0,9})?", line in any::<u32>(), end in any::<Option<u32>>()) {
        let _ = anchor(&change(), &Claim { path: "src/x.rs", line, end_line: end, quote: &quote });
    }
}
