//! Values given back, bodies, and what holds for all mutants.

use super::*;
use Language::{C, Go, Java, JavaScript, Php, Python, Ruby, Rust, TypeScript};

#[test]
fn another_value_is_given_back() {
    for (language, code, line, expect) in [
        (Rust, "fn f() -> bool {\n a(b)\n}", 2, &["a(b) became true", "a(b) became false"][..]),
        (Rust, "fn f() -> u8 {\n a(b)\n}", 2, &["a(b) became 0", "a(b) became 1"]),
        (
            Rust,
            "fn f() -> u8 {\n if a { b } else { c }\n}",
            2,
            &["b became 0", "b became 1", "c became 0", "c became 1"],
        ),
        (Rust, "fn f() -> u8 {\n match a { A => 0, _ => panic!() }\n}", 2, &["0 became 1"]),
        (Rust, "fn f() -> Option<A> {\n return Some(a);\n}", 2, &["Some(a) became None"]),
        (Rust, "fn f() -> Option<A> {\n None\n}", 2, &[]),
        (Rust, "fn f() -> Result<(), E> {\n Err(a)\n}", 2, &["Err(a) became Ok(())"]),
        (Rust, "fn f() -> A {\n a\n}", 2, &[]),
        (Rust, "fn f() -> impl Iterator<Item = u8> {\n a\n}", 2, &[]),
        (Rust, "fn f() -> bool {\n let a = || { return b; }; true\n}", 2, &[]),
        (Python, "def f() -> int:\n    return a", 2, &["a became 0", "a became 1"]),
        (Python, "def f():\n    return a", 2, &["a became None"]),
        (Python, "def f():\n    return a < b", 2, &["a < b became True", "a < b became False"]),
        (Python, "def f():\n    return None", 2, &[]),
        (Python, "def f():\n    yield a\n    return b", 3, &[]),
        (Python, "f = lambda:\\\n    a", 2, &[]),
        (
            Go,
            "package p\nfunc f() (A, error) { return a, err }",
            2,
            &["return a, err became return *new(A), err", "return a, err became return a, nil"],
        ),
        (Go, "package p\nfunc f() (int, error) { return g() }", 2, &[]),
        (Go, "package p\nfunc f() error { return nil }", 2, &[]),
        (
            Go,
            "package p\nfunc f() (a, b bool) { return true, c }",
            2,
            &[
                "return true, c became return true, true",
                "return true, c became return true, false",
            ],
        ),
        (
            Java,
            "class A {\nString f() { return a; } }",
            2,
            &["a became \"\"", "a became \"xyzzy\""],
        ),
        (Java, "class A {\nA f() { return a; } }", 2, &["a became null"]),
        (Java, "class A {\nA f() { g(() -> { return a; }); return null; } }", 2, &[]),
        (JavaScript, "function f() {\n return a }", 2, &["a became undefined"]),
        (JavaScript, "const f = () =>\n a && b", 2, &["a && b became undefined"]),
        (TypeScript, "function f(): number {\n return a }", 2, &["a became 0", "a became 1"]),
        (
            TypeScript,
            "async function f(): Promise<boolean> {\n return a }",
            2,
            &["a became true", "a became false"],
        ),
        (Ruby, "def f\n  return a\nend", 2, &["a became nil"]),
        (Php, "<?php\nfunction f(): int { return $a; }", 2, &["$a became 0", "$a became 1"]),
        (C, "int f(void) {\n return a; }", 2, &["a became 0", "a became 1"]),
    ] {
        check(language, "replace-return", code, line, expect);
    }
}

#[test]
fn functions_come_back_at_once() {
    for (language, code, line, expect) in [
        (
            Rust,
            "fn f() -> bool {\n a();\n b\n}",
            1,
            &["f returns true at once", "f returns false at once"][..],
        ),
        (Rust, "fn f() {\n a();\n}", 1, &["f returns at once"]),
        (Rust, "fn f() -> A {\n a();\n b\n}", 1, &[]),
        (Rust, "fn f() -> bool {\n a\n}", 1, &[]),
        (Rust, "unsafe fn f() {\n a();\n}", 1, &[]),
        (Python, "def f():\n    a()\n    return b\n", 1, &["f returns None at once"]),
        (Python, "def f():\n    pass\n", 1, &[]),
        (Python, "def f():\n    raise A\n", 1, &[]),
        (
            Go,
            "package p\nfunc f() (A, error) { a(); return b, nil }",
            2,
            &["f returns *new(A), nil at once"],
        ),
        (
            Java,
            "class A {\nint f() { a(); return b; } }",
            2,
            &["f returns 0 at once", "f returns 1 at once"],
        ),
        (JavaScript, "class A { constructor() { a(); b(); } }", 1, &[]),
        (JavaScript, "function f() { a(); return b }", 1, &["f returns undefined at once"]),
        (Ruby, "def f\n  a\n  b\nend", 1, &["f returns nil at once"]),
        (C, "int f(void) { a(); return b; }", 1, &["f returns 0 at once", "f returns 1 at once"]),
    ] {
        check(language, "replace-body", code, line, expect);
    }
}

#[test]
fn a_docstring_and_what_is_below_stay() {
    let code = "def f():\n    \"\"\"Does.\"\"\"\n    if a:\n        return b\n    return c\n";
    let body = all(Python, code).into_iter().find(|one| one.operator == "replace-body");
    let changed = String::from_utf8(apply(code.as_bytes(), &body.expect("one"))).expect("text");
    assert_eq!(changed, code.replace("    if", "    return None\n    if"));
}

#[test]
fn only_wanted_lines_count() {
    let code =
        "fn f(a: u8) -> bool {\n    let b = a < 3;\n    g(\n        a + 9,\n    );\n    b\n}\n";
    let parsed = parse(Rust, code.as_bytes()).expect("it is source");
    for wanted in 1..=7 {
        let some = mutants(&parsed, &|line| line == wanted);
        assert!(some.iter().all(|mutant| mutant.line == wanted), "{wanted}");
        assert_eq!(some.iter().any(|one| one.operator == "swap-comparison"), wanted == 2);
        // A statement over several lines is changed by any of them.
        let dropped = some.iter().any(|one| one.operator == "drop-statement");
        assert_eq!(dropped, (3..=5).contains(&wanted), "{wanted}");
        assert!(some.iter().any(|one| one.operator == "replace-body"));
    }
    assert!(mutants(&parsed, &|_| false).is_empty());
}

#[test]
fn no_two_have_the_same_result() {
    let code = "fn f() {\n    if !a { g(); g(); }\n    let b = !!a;\n}\n";
    let mut results: Vec<_> =
        all(Rust, code).iter().map(|mutant| apply(code.as_bytes(), mutant)).collect();
    let count = results.len();
    results.sort();
    results.dedup();
    assert_eq!(results.len(), count);
    assert!(!results.contains(&code.as_bytes().to_vec()));
}

#[test]
fn the_most_telling_stand_first_on_a_line() {
    let code = "fn f() -> bool {\n    a();\n    a < 3 && g(7)\n}\n";
    let lines: Vec<_> = all(Rust, code).iter().map(|one| (one.line, one.operator)).collect();
    assert_eq!(
        lines,
        [
            (1, "replace-body"),
            (1, "replace-body"),
            (2, "drop-statement"),
            (3, "swap-comparison"),
            (3, "swap-comparison"),
            (3, "swap-logical"),
            (3, "replace-return"),
            (3, "replace-return"),
            (3, "off-by-one"),
            (3, "off-by-one"),
        ]
    );
}

#[test]
fn ids_tell_mutants_of_a_line_apart() {
    let found = all(Rust, "fn f() {\n    let a = b < c;\n    g(1);\n}\n");
    assert_eq!(
        ids("src/a.rs", &found),
        [
            "src/a.rs:1:replace-body",
            "src/a.rs:2:swap-comparison",
            "src/a.rs:2:swap-comparison-2",
            "src/a.rs:3:drop-statement",
            "src/a.rs:3:off-by-one",
        ]
    );
}

#[test]
fn a_change_is_told_on_one_short_line() {
    let long = "a_very_long_name_of_a_thing".repeat(9);
    let code = format!("fn f() -> u8 {{\n    if {long} <\n  {long}.b {{ {long}(\n1); }}\n 1\n}}\n");
    let found = all(Rust, &code);
    assert!(found.iter().any(|one| one.operator == "swap-comparison"));
    for mutant in found {
        assert!(mutant.change.chars().count() <= 120, "{}", mutant.change);
        assert!(!mutant.change.contains('\n'));
        let (before, after) = mutant.change.split_once(" became ").unwrap_or(("", "."));
        assert_ne!(before, after);
    }
}

#[test]
fn a_change_beyond_the_text_changes_nothing_else() {
    let mutant = Mutant {
        line: 1,
        operator: "x",
        bytes: 5..9,
        replacement: "b".to_owned(),
        change: String::new(),
    };
    assert_eq!(apply(b"a", &mutant), b"ab");
}
