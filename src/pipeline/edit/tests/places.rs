//! Exactly what stands where after an edit.

use super::*;

#[track_caller]
fn check(before: &str, ops: &[Op], expect: &str) {
    assert_eq!(made(before, ops).as_deref(), Ok(expect), "{before:?}");
    // The same with other line ends, and without one at the end.
    let crlf = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(made(&crlf(before), ops), Ok(crlf(expect)), "{before:?} with CRLF");
    let bare = |text: &str| text.trim_end_matches('\n').to_owned();
    assert_eq!(made(&bare(before), ops), Ok(bare(expect)), "{before:?} without a line end");
    let marked = |text: &str| format!("\u{feff}{text}");
    assert_eq!(made(&marked(before), ops), Ok(marked(expect)), "{before:?} with a mark");
}

#[track_caller]
fn refused(before: &str, ops: &[Op], expect: &str) {
    assert_eq!(made(before, ops), Err(expect.to_owned()), "{before:?}");
}

fn number(value: i64) -> Plain {
    Plain::Int(value)
}

fn one(at: &str, place: Place) -> Op {
    insert(at, "new", number(1), place)
}

#[test]
fn entries_come_where_they_are_wanted() {
    let last = |before: &str, expect: &str| check(before, &[one("a", Place::Last)], expect);
    last("a:\n  b: 1 # why\n\n# end\n", "a:\n  b: 1 # why\n  new: 1\n\n# end\n");
    last("a:\n    b: |\n      x\n\nc: 1\n", "a:\n    b: |\n      x\n    new: 1\n\nc: 1\n");
    last("a:\n  b: |+\n    x\n\nc: 1\n", "a:\n  b: |+\n    x\n\n  new: 1\nc: 1\n");
    last("a:\n  b: 1\n  # c: 2\nd: 3\n", "a:\n  b: 1\n  # c: 2\n  new: 1\nd: 3\n");
    last("a:\n  b: 1\n# about d\nd: 3\n", "a:\n  b: 1\n  new: 1\n# about d\nd: 3\n");
    last("a:\n  <<: {k: 1}\n", "a:\n  <<: {k: 1}\n  new: 1\n");
    last("a:\n  b: 1\n\n  c: 2\n\nd: 3\n", "a:\n  b: 1\n\n  c: 2\n\n  new: 1\n\nd: 3\n");
    last("a: # why\nb: 1\n", "a: # why\n  new: 1\nb: 1\n");
    last("a: ~\n", "a:\n  new: 1\n");
    last("a: {b: 1}\n", "a: {b: 1, new: 1}\n");
    last("a: { b: 1, }\n", "a: { b: 1, new: 1, }\n");
    last("a: {}\n", "a:\n  new: 1\n");
    last("a: {\n  b: 1, # why\n  c: 2\n}\n", "a: {\n  b: 1, # why\n  c: 2,\n  new: 1\n}\n");
    last("\"a\":\n  'b': 1\n", "\"a\":\n  'b': 1\n  new: 1\n");
    last("---\na:\n  b: 1\n---\na:\n  c: 1\n", "---\na:\n  b: 1\n  new: 1\n---\na:\n  c: 1\n");
    let first = |before: &str, expect: &str| check(before, &[one("a", Place::First)], expect);
    first("a:\n  # about b\n  b: 1\n", "a:\n  new: 1\n  # about b\n  b: 1\n");
    first("a: &x\n  b: 1\n", "a: &x\n  new: 1\n  b: 1\n");
    first("a: {b: 1}\n", "a: {new: 1, b: 1}\n");
    let after = |before: &str, expect: &str| {
        check(before, &[one("a", Place::After(vec!["b", "c"]))], expect);
    };
    after("a:\n  c: 1\n  # about d\n  d: 2\n", "a:\n  c: 1\n  new: 1\n  # about d\n  d: 2\n");
    after("a:\n  d: 2\n", "a:\n  d: 2\n  new: 1\n");
    let top = |before: &str, place: Place, expect: &str| check(before, &[one("", place)], expect);
    top("# licence\na: 1\nb: 2\n", Place::First, "# licence\nnew: 1\na: 1\nb: 2\n");
    top("a: 1\n# about b\nb: 2\n", Place::Before(vec!["b"]), "a: 1\nnew: 1\n# about b\nb: 2\n");
    top("a: 1\n# end\n", Place::Last, "a: 1\nnew: 1\n# end\n");
}

#[test]
fn entries_come_into_mappings_behind_a_dash() {
    check("- b: 1\n  c: 2\n", &[one("[0]", Place::First)], "- new: 1\n  b: 1\n  c: 2\n");
    check("- b: 1\n- c\n", &[one("[0]", Place::Last)], "- b: 1\n  new: 1\n- c\n");
    check("-   b:\n      - x\n", &[one("[0]", Place::Last)], "-   b:\n      - x\n    new: 1\n");
    check("-\n- x\n", &[one("[0]", Place::Last)], "- new: 1\n- x\n");
}

#[test]
fn values_are_written_as_the_file_writes_them() {
    let inner = Plain::map([("l", Plain::texts(["x y", "on"]))]);
    let nested = Plain::map([("k", inner), ("m", "a\nb\n".into())]);
    let add = |before: &str, expect: &str| {
        check(before, &[insert("a", "new", nested.clone(), Place::Last)], expect);
    };
    add(
        "a:\n  b: 1\n",
        "a:\n  b: 1\n  new:\n    k:\n      l: [x y, 'on']\n    m: |\n      a\n      b\n",
    );
    add(
        "a:\n    b: 1\n",
        "a:\n    b: 1\n    new:\n        k:\n            l: [x y, 'on']\n        m: |\n            a\n            b\n",
    );
    add("a: {b: 1}\n", "a: {b: 1, new: {k: {l: [x y, 'on']}, m: \"a\\nb\\n\"}}\n");
    let long = Plain::Seq(vec![Plain::map([("x", number(1)), ("z", number(2))])]);
    let add = |before: &str, expect: &str| {
        check(before, &[insert("a", "new", long.clone(), Place::Last)], expect);
    };
    add("a:\n  b:\n  - 1\n", "a:\n  b:\n  - 1\n  new:\n  - x: 1\n    z: 2\n");
    add("a:\n  b:\n    - 1\n", "a:\n  b:\n    - 1\n  new:\n    - x: 1\n      z: 2\n");
}

#[test]
fn items_come_where_they_are_wanted() {
    let item = || Plain::map([("x", number(1)), ("z", number(2))]);
    let add = |before: &str, index: usize, expect: &str| {
        check(before, &[push("a", index, item())], expect);
    };
    add("a:\n- b\n# next\nc: 1\n", 1, "a:\n- b\n- x: 1\n  z: 2\n# next\nc: 1\n");
    add("a:\n  - b\n  # - c\nd: 1\n", 1, "a:\n  - b\n  # - c\n  - x: 1\n    z: 2\nd: 1\n");
    add("a:\n  # about b\n  - b\n", 0, "a:\n  - x: 1\n    z: 2\n  # about b\n  - b\n");
    add("a:\n  - b\n\n  - c\n", 1, "a:\n  - b\n\n  - x: 1\n    z: 2\n\n  - c\n");
    add("a:\n  - b\n\n  - c\n", 2, "a:\n  - b\n\n  - c\n\n  - x: 1\n    z: 2\n");
    add("a:\n  - - b\n", 1, "a:\n  - - b\n  - x: 1\n    z: 2\n");
    add("a: [b]\n", 1, "a: [b, {x: 1, z: 2}]\n");
    add("a: [\n  b,\n  c,\n]\n", 1, "a: [\n  b,\n  {x: 1, z: 2},\n  c,\n]\n");
    add("a: []\n", 0, "a:\n  - x: 1\n    z: 2\n");
    check("- - b\n", &[push("[0]", 0, "new")], "- - new\n  - b\n");
}

#[test]
fn values_give_way_in_their_style() {
    let swap = |before: &str, value: Plain, expect: &str| {
        check(before, &[replace("a", value)], expect);
    };
    swap("a: x # why\n", "u".into(), "a: u # why\n");
    swap("a:   'x' # why\n", "it's".into(), "a:   'it''s' # why\n");
    swap("a: \"x\"\n", "q\"".into(), "a: \"q\\\"\"\n");
    swap("a: x # why\nb: 1\n", Plain::texts(["u", "v"]), "a: [u, v] # why\nb: 1\n");
    swap("a: x # why\nb: 1\n", Plain::map([("u", number(1))]), "a: # why\n  u: 1\nb: 1\n");
    swap("a: x # why\nb: 1\n", "u\nv".into(), "a: |- # why\n  u\n  v\nb: 1\n");
    swap("a: |\n  x\n  y\n\nb: 1\n", "u\nv\n".into(), "a: |\n  u\n  v\n\nb: 1\n");
    swap("a: >- # why\n  x\n  y\nb: 1\n", "z".into(), "a: z # why\nb: 1\n");
    swap("a: # why\n- x\n- y\nb: 1\n", Plain::texts(["x"]), "a: # why\n- x\nb: 1\n");
    swap("a:\n  - x\n  # note\n  - y\nb: 1\n", "z".into(), "a: z\nb: 1\n");
    swap("a: [x,\n    y] # why\nb: 1\n", Plain::texts(["z"]), "a: [z] # why\nb: 1\n");
    swap("a:\nb: 1\n", "z".into(), "a: z\nb: 1\n");
    swap("a: x\n", true.into(), "a: true\n");
    swap("a: x\n", "true".into(), "a: 'true'\n");
    let map = Plain::map([("k", "x".into())]);
    check("- x # why\n- y\n", &[replace("[0]", map)], "- k: x # why\n- y\n");
    check("- k: x\n  l: y\n- y\n", &[replace("[0]", "z")], "- z\n- y\n");
    check("a: [x, {k: 1, l}]\n", &[replace("a[1].l", "z")], "a: [x, {k: 1, l: z}]\n");
    check("b: &x 1\na: *x\n", &[replace("a", "z")], "b: &x 1\na: z\n");
}

#[test]
fn what_goes_leaves_the_rest_as_it_is() {
    let drop = |before: &str, at: &str, expect: &str| check(before, &[remove(at)], expect);
    drop("a: 1\n# about b\nb:\n  - x\n  # inside\nc: 2\n", "b", "a: 1\n# about b\nc: 2\n");
    drop("a: 1\nb: |\n  x\n\nc: 2\n", "b", "a: 1\n\nc: 2\n");
    drop("a:\n  b: 1\nc: 2\n", "a.b", "a: {}\nc: 2\n");
    drop("a:\n  - b\nc: 2\n", "a[0]", "a: []\nc: 2\n");
    drop("- a: 1\n  b: 2\n", "[0].a", "- b: 2\n");
    drop("- a: 1\n  # about b\n  b: 2\n", "[0].a", "-\n  # about b\n  b: 2\n");
    drop("- a: 1\n", "[0].a", "- {}\n");
    drop("a: [x, y, z]\n", "a[1]", "a: [x, z]\n");
    drop("a: [x, y, z]\n", "a[2]", "a: [x, y]\n");
    drop("a: [ x, y ]\n", "a[0]", "a: [ y ]\n");
    drop("a: [\n  x, # one\n  y # two\n]\n", "a[1]", "a: [\n  x # one\n]\n");
    check("a: [x, y, z]\n", &[remove("a[0]"), remove("a[2]")], "a: [y]\n");
    check("a:\n  b: 1\n  c: 2\n", &[remove("a.b"), remove("a.c")], "a: {}\n");
    check("a:\n  b: 1\n", &[remove("a.b"), one("a", Place::Last)], "a:\n  new: 1\n");
}

#[test]
fn items_move_with_their_comments() {
    let shift = |before: &str, from: usize, to: usize, expect: &str| {
        check(before, &[Op::Move { at: path("a"), from, to }], expect);
    };
    shift(
        "a:\n  - x\n  # about y\n  - y: |\n      1\n  - z\n",
        1,
        0,
        "a:\n  # about y\n  - y: |\n      1\n  - x\n  - z\n",
    );
    shift("a:\n- x # one\n- y\nb: 1\n", 0, 2, "a:\n- y\n- x # one\nb: 1\n");
    shift("a:\n- x\n\n- y\n\n- z\nb: 1\n", 2, 0, "a:\n- z\n\n- x\n\n- y\nb: 1\n");
    shift("a: [x, y, z]\n", 2, 0, "a: [z, x, y]\n");
}

#[test]
fn text_changes_within_its_style() {
    let swap = |before: &str, find: &str, new: &str, expect: &str| {
        check(before, &[text("a", find, new)], expect);
    };
    swap("a: npm install -q # why\n", "install", "ci", "a: npm ci -q # why\n");
    swap("a: 'it''s x'\n", "s x", "s 'y'", "a: 'it''s ''y'''\n");
    swap("a: \"x \\\"y\\\"\"\n", "\"y\"", "\"z\"", "a: \"x \\\"z\\\"\"\n");
    swap("a: |\n  one\n  two # no\nb: 1\n", "two # no", "2\n3", "a: |\n  one\n  2\n  3\nb: 1\n");
    swap("a: |\n  one\n  two\n  three\n", "one\ntwo", "1", "a: |\n  1\n  three\n");
    swap("a: >-\n  one\n  two\n", "two", "2", "a: >-\n  one\n  2\n");
    swap("a: v1\n", "v1", "1", "a: '1'\n");
    swap("a: 10\n", "0", "2", "a: 12\n");
    swap("a: x\n", "x", "y: z", "a: 'y: z'\n");
    let twice = "the text does not stand there exactly once";
    refused("a: x x\n", &[text("a", "x", "y")], twice);
    refused("a: one\n  two\n", &[text("a", "one two", "y")], twice);
}

#[test]
fn ops_of_one_call_mean_the_file_as_it_was() {
    check(
        "a:\n- x\n- y\n- z\nb: 1\n",
        &[
            remove("a[0]"),
            push("a", 1, "new"),
            replace("a[2]", "w"),
            push("a", 3, "m"),
            remove("b"),
        ],
        "a:\n- new\n- y\n- w\n- m\n",
    );
    let read = Plain::map([("contents", "read".into())]);
    check(
        "on: push\njobs:\n  a:\n    steps: []\n",
        &[
            replace("on", Plain::map([("push", Plain::Null)])),
            insert("jobs.a", "timeout-minutes", number(5), Place::First),
            insert("", "permissions", read, Place::After(vec!["on"])),
        ],
        "on:\n  push:\npermissions:\n  contents: read\njobs:\n  a:\n    timeout-minutes: 5\n    steps: []\n",
    );
}

#[test]
fn what_reaches_elsewhere_is_refused() {
    let shared = "an anchor there is used elsewhere";
    let base = "x: &x\n  k: 1\ny: *x\nz:\n  <<: *x\n  l: 2\n";
    refused(base, &[one("x", Place::Last)], shared);
    refused(base, &[replace("x.k", number(2))], shared);
    refused(base, &[remove("x")], shared);
    refused(base, &[one("y", Place::Last)], "an alias stands there");
    refused(base, &[replace("z.k", number(2))], "it comes from a merge key");
    refused(base, &[insert("z", "k", number(2), Place::Last)], "the key is there already");
    check(base, &[replace("z.l", number(3))], &base.replace("l: 2", "l: 3"));
    refused("a: 1\na: 2\n", &[replace("a", "b")], "a key of the path stands there twice");
    refused("a: 1\n", &[replace("b", "b")], "there is no such place");
    refused("a: 1\n", &[one("a", Place::Last)], "what stands there is of another kind");
    let overlap = "two changes want the same place";
    refused("a: {b: 1}\n", &[replace("a", "b"), replace("a.b", "c")], overlap);
    refused("a: 1\n", &[replace("a", "b"), replace("a", "c")], overlap);
}

#[test]
fn bytes_are_spliced_where_there_is_no_tree() {
    let tree = yaml::Tree::default();
    let put = |range, text: &str| Op::Splice {
        span: crate::pipeline::graph::Span::new(range),
        text: text.to_owned(),
    };
    let made = |ops: &[Op]| splice("pipeline { x }", &tree, ops).map_err(|refused| refused.reason);
    assert_eq!(made(&[put(11..12, "y"), put(0..0, "// ")]).as_deref(), Ok("// pipeline { y }"));
    assert_eq!(made(&[put(0..8, ""), put(4..9, "")]), Err(super::super::Reason::Overlap));
    assert_eq!(made(&[put(0..99, "")]), Err(super::super::Reason::Missing));
}

#[test]
fn texts_are_quoted_exactly_where_needed() {
    use super::super::render::{flow, scalar};
    for plain in [
        "a",
        "npm ci",
        "ubuntu-latest",
        "${{ github.ref }}",
        "1.2.3",
        "v1",
        "a:b",
        "a#b",
        "--flag",
        "node:22",
        "refs/heads/main",
        "a 'b'",
        "https://x.y/z?a=b",
        "12 3",
        "0.1.x",
        "$X",
        "a, b",
        "[0-9".trim_start_matches('['),
        "yesterday",
        "./x",
        "..",
        "-x",
    ] {
        assert_eq!(scalar(plain, false), plain);
    }
    for quoted in [
        "",
        " a",
        "a ",
        "on",
        "Yes",
        "no",
        "y",
        "off",
        "true",
        "null",
        "~",
        "1",
        "1.10",
        "0o7",
        "0x1f",
        "017",
        "1e3",
        "1_000",
        "12:30",
        ".5",
        ".inf",
        "2024-01-01",
        "a: b",
        "a:",
        "a #b",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "- a",
        "-",
        "? a",
        "[a",
        "]",
        "{a",
        "}",
        "'a",
        "\"a",
        "#a",
        "---",
        "=",
        "<<",
        "+1",
        "0b11",
        "1.",
        "-.5",
        "FALSE",
        "...",
    ] {
        let written = scalar(quoted, false);
        assert!(written.starts_with('\''), "{written}");
        let tree = yaml::parse(&format!("k: {written}\n")).unwrap();
        let root = tree.root().unwrap();
        assert_eq!(tree.plain(root).get("k"), Some(&Plain::text(quoted)));
    }
    assert_eq!(scalar("a\tb\u{7}", false), "\"a\\tb\\x07\"");
    assert_eq!(flow(&Plain::texts(["${{ x }}", "a, b", "c"])), "['${{ x }}', 'a, b', c]");
}
