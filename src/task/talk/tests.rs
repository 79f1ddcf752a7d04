//! What people see, and what of an answer holds.

use std::collections::HashMap;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::help::{self, Knows};
use super::prove::{self, RawAnswer, RawQuote};
use crate::diff::Change;
use crate::diff::parse::parse;
use crate::finding::Side;
use crate::inputs::{Access, Autonomy};

const DIFF: &str = "\
diff --git a/src/a.rs b/src/a.rs
--- a/src/a.rs
+++ b/src/a.rs
@@ -1,3 +1,3 @@
 fn a() {
-    gone();
+    one();
 }
";
const HEAD: &str = "fn a() {\n    one();\n}\n\nfn b() {\n    one();\n}\n";

fn change() -> Change {
    parse(DIFF.into()).unwrap()
}

fn heads() -> HashMap<String, Option<Bytes>> {
    let other = Bytes::from_static(b"line one\nline two\n");
    [
        ("src/a.rs".to_owned(), Some(Bytes::from_static(HEAD.as_bytes()))),
        ("lib/b.rs".to_owned(), Some(other)),
        ("gone.rs".to_owned(), None),
    ]
    .into()
}

#[test]
fn help_says_what_this_person_may() {
    let knows = |access, model: Option<&str>| Knows {
        phrase: "@pipewright".into(),
        model: model.map(str::to_owned),
        access,
        asker: None,
        level: Autonomy::Propose,
    };
    insta::assert_snapshot!(
        "help_for_a_writer",
        help::text(&knows(Access::Write, Some("anthropic:x")))
    );
    insta::assert_snapshot!("help_for_a_reader", help::text(&knows(Access::Read, None)));
}

#[test]
fn quotes_hold_where_they_stand() {
    for (path, line, quote, expect) in [
        ("src/a.rs", 2, "one();", Some((Side::New, 2, 2))),
        ("src/a.rs", 7, "    one();", Some((Side::New, 6, 6))),
        ("src/a.rs", 2, "gone();", Some((Side::Old, 2, 2))),
        ("src/a.rs", 1, "fn a() {\n    one();", Some((Side::New, 1, 2))),
        ("lib/b.rs", 9, "line two", Some((Side::New, 2, 2))),
        ("src/a.rs", 3, "}", None),
        ("src/a.rs", 2, "two();", None),
        ("gone.rs", 1, "one();", None),
        ("../etc/passwd", 1, "root", None),
        ("src/a.rs", 2, "", None),
    ] {
        let quotes = vec![RawQuote { path: path.into(), line, quote: quote.into() }];
        let answer = RawAnswer { text: "x".into(), quotes };
        let proven = prove::prove(&answer, &change(), &heads());
        let place = proven.quotes.first().map(|q| (q.side, q.line, q.end_line));
        assert_eq!(place, expect, "{path}:{line} {quote:?}");
        assert_eq!(proven.dropped, usize::from(expect.is_none()));
    }
}

#[test]
fn references_that_lead_nowhere_are_marked() {
    for (text, expect) in [
        ("see `src/a.rs:6`", "see `src/a.rs:6`"),
        ("see `src/a.rs:2-3`", "see `src/a.rs:2-3`"),
        ("see `src/a.rs:99`", "see `src/a.rs:99` _(not found)_"),
        ("see `gone.rs:1`", "see `gone.rs:1` _(not found)_"),
        ("see `src/unknown.rs:1`", "see `src/unknown.rs:1` _(not found)_"),
        ("on `localhost:8080` and `10.0.0.1:80`", "on `localhost:8080` and `10.0.0.1:80`"),
        ("`std::fmt`", "`std::fmt`"),
    ] {
        let answer = RawAnswer { text: text.into(), quotes: Vec::new() };
        assert_eq!(prove::prove(&answer, &change(), &heads()).text, expect);
    }
}

#[test]
fn answers_are_read_tolerantly() {
    let value = json!({"text": " yes ", "quotes": [
        {"path": "./a", "line": "3", "quote": "q"}, {"path": "a"}, 5,
    ]});
    let answer = prove::parse(&value).unwrap();
    assert_eq!(answer.text, "yes");
    assert_eq!(answer.quotes, [RawQuote { path: "a".into(), line: 3, quote: "q".into() }]);
    for bad in [json!(null), json!({"text": ""}), json!({"quotes": []}), json!([1])] {
        assert!(prove::parse(&bad).is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_answer_makes_it_panic(
        text in "(`src/a.rs:[0-9]{0,9}(-[0-9]{1,9})?`|é|\\PC|\n){0,8}",
        quote in "(one\\(\\);|\n|\\}|é| ){0,5}", line in any::<u32>(),
    ) {
        let value = json!({"text": text, "quotes": [{"path": "src/a.rs", "line": line, "quote": quote}]});
        if let Ok(answer) = prove::parse(&value) {
            prop_assert!(prove::paths(&answer).len() <= 10);
            let proven = prove::prove(&answer, &change(), &heads());
            prop_assert!(proven.quotes.len() + proven.dropped == 1);
        }
    }
}
