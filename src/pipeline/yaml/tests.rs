//! How texts are read, and what is known of their nodes.

use super::*;
use proptest::prelude::*;

#[test]
fn brackets_are_told_from_indentation() {
    let check = |text: &str, expect: Style| {
        let tree = parse(text).unwrap();
        let id = tree.at(&["a"]).unwrap().value;
        assert_eq!(tree.style(id), expect, "{text:?}");
    };
    for text in ["a: []\n", "a: [ ]\n", "a: &x [ # why\n  b ]\n", "a: !t\n  { }\n"] {
        check(text, Style::Flow);
    }
    for text in ["a:\n- b\n", "a: &x\n- [b]\n", "a:\n  {b: c}: d\n"] {
        check(text, Style::Block);
    }
}

#[test]
fn keys_and_values_know_their_lines() {
    let tree = parse("on: push\njobs:\n  a:\n    steps:\n      - run: |\n          x\n          y\n      - uses: b\n").unwrap();
    let steps = tree.at(&["jobs", "a", "steps"]).unwrap();
    assert_eq!(steps.line, 4);
    let items = tree.items(steps.value);
    let run = tree.get(items[0], "run").unwrap();
    assert_eq!((run.line, tree.lines(run.value)), (5, (6, 7)));
    let uses = tree.get(items[1], "uses").unwrap();
    assert_eq!((uses.line, tree.text(uses.value)), (8, Some("b")));
}

#[test]
fn aliases_and_merge_keys_are_followed_and_own_keys_win() {
    let tree =
        parse("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\nc: *x\nd:\n  <<: [*x, {m: 4}]\n").unwrap();
    let text = |path: &[&str]| tree.at(path).and_then(|entry| tree.text(entry.value));
    assert_eq!(text(&["b", "k"]), Some("3"));
    assert_eq!(text(&["b", "l"]), Some("2"));
    assert_eq!(text(&["c", "k"]), Some("1"));
    assert_eq!(text(&["d", "m"]), Some("4"));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let below = level - 1;
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            vec![format!("*a{below}"); 9].join(",")
        ));
    }
    assert_eq!(parse(&bomb).unwrap_err().why, "aliases make the document too large");
}

#[test]
fn broken_text_says_where() {
    assert!(parse("a: [1\nb: 2\n").is_err());
    assert!(parse(&"[".repeat(5000)).is_err());
    assert_eq!(parse("").unwrap().root(), None);
}

#[test]
fn a_block_scalar_without_a_line_end_has_its_last_line() {
    for ending in ["", "\n", "\n\n"] {
        let text = format!("a: |\n  x\n  y{ending}");
        let tree = parse(&text).unwrap();
        assert_eq!(&text[tree.span(tree.at(&["a"]).unwrap().value)], "x\n  y", "{ending:?}");
    }
}

#[test]
fn quotes_end_where_they_close() {
    for quoted in ["'a'", "'it''s'", "\"a\"", "\"\\\"#\"", "&x 'a'", "'a\n  b'", "\"é\""] {
        let text = format!("k: {quoted} # why\nl: [{quoted} , b] # \"why\"\n");
        let tree = parse(&text).unwrap();
        let at = |id: Id| &text[tree.span(id)];
        assert_eq!(at(tree.at(&["k"]).unwrap().value), quoted);
        let list = tree.at(&["l"]).unwrap().value;
        assert_eq!(at(list), format!("[{quoted} , b]"));
        assert_eq!(at(tree.items(list)[0]), quoted);
    }
}

/// What stands at every scalar is what it was written as.
#[test]
fn nodes_know_their_bytes() {
    let text = "é: 1\r\na: &x {k: 1, l: [2, 3]}\nb: &y\n  c: |\n    foo\n    bar\n\n  # note\n  d: >-\n    x\ne: &z !foo [a, b]\nf:\n- 1\n-   'q''q'\n-\n  # why\n  - \"dq\"\ng: *x\nh:\ni: one\n  two\n# end\nk: &n\n";
    let tree = parse(text).unwrap();
    let at = |path: &[&str]| {
        let entry = tree.at(path).unwrap();
        (&text[entry.key_span.clone()], &text[tree.span(entry.value)])
    };
    assert_eq!(at(&["é"]), ("é", "1"));
    assert_eq!(at(&["a"]), ("a", "&x {k: 1, l: [2, 3]}"));
    assert_eq!(at(&["a", "l"]), ("l", "[2, 3]"));
    assert_eq!(at(&["b"]).1, "c: |\n    foo\n    bar\n\n  # note\n  d: >-\n    x");
    assert_eq!(at(&["b", "c"]), ("c", "foo\n    bar"));
    assert_eq!(at(&["e"]), ("e", "&z !foo [a, b]"));
    assert_eq!(at(&["f"]).1, "- 1\n-   'q''q'\n-\n  # why\n  - \"dq\"");
    let items = tree.items(tree.at(&["f"]).unwrap().value);
    assert_eq!(&text[tree.span(items[1])], "'q''q'");
    assert_eq!(&text[tree.span(items[2])], "- \"dq\"");
    assert_eq!(at(&["g"]), ("g", "*x"));
    assert_eq!(at(&["g", "k"]), ("k", "1"));
    assert_eq!(at(&["h"]), ("h", ""));
    assert_eq!(at(&["i"]), ("i", "one\n  two"));
    assert_eq!(at(&["k"]), ("k", ""));
    assert!(tree.is_alias(tree.at(&["g"]).unwrap().value));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_text_panics(text in "[a-z:\\-\\[\\]{}&*#|>\"' \n\t<?!%@]{0,200}") {
        if let Ok(tree) = parse(&text) {
            let mut count = 0;
            tree.each_entry(&mut |_| count += 1);
            prop_assert!(count <= text.len());
        }
    }
}
