//! Statements, branches and arms that are left out.

use super::*;
use Language::{C, Go, Java, JavaScript, Php, Python, Ruby, Rust, TypeScript};

#[test]
fn statements_are_left_out() {
    check_all(
        "drop-statement",
        &[
            (Rust, "a.push(b);", &["a.push(b); was left out"]),
            (Rust, "a(b)?;", &["a(b)?; was left out"]),
            (Rust, "self.a = b;", &["self.a = b; was left out"]),
            (Rust, "writeln!(a, \"b\")?;", &["writeln!(a, \"b\")?; was left out"]),
            (Rust, "let a; a = b;", &[]),
            (Rust, "let a = b();", &[]),
            (Rust, "println!(\"a\"); debug_assert!(a); log::info!(\"a\");", &[]),
            (Rust, "drop(a);", &[]),
            (Rust, "a.reserve(9);", &[]),
            (Rust, "a(b)", &["a(b) was left out"]),
            (Python, "a.append(b)", &["a.append(b) was left out"]),
            (Python, "self.a = b", &["self.a = b was left out"]),
            (Python, "a = b", &[]),
            (Python, "a = b; a = c", &["a = c was left out"]),
            (Python, "a += b", &["a += b was left out"]),
            (Python, "\"a is here\"; a = b", &[]),
            (Python, "del a", &[]),
            (Python, "del a[b]", &["del a[b] was left out"]),
            (Python, "logger.info(a); print(a); self.log.debug(a)", &[]),
            (Python, "\"words\"", &[]),
            (Python, "super().a()", &[]),
            (Go, "a.b(c)", &["a.b(c) was left out"]),
            (Go, "a = b", &["a = b was left out"]),
            (Go, "a := b", &[]),
            (Go, "_ = a", &[]),
            (Go, "defer a.b()", &[]),
            (Go, "log.Printf(a); fmt.Println(a); panic(a)", &[]),
            (Go, "a.mu.Lock()", &[]),
            (Java, "a.b(c);", &["a.b(c); was left out"]),
            (Java, "int a; a = 1;", &[]),
            (Java, "int a = 2; a = 1;", &["a = 1; was left out"]),
            (Java, "LOG.info(a); System.out.println(a);", &[]),
            (JavaScript, "a.b(c)", &["a.b(c) was left out"]),
            (JavaScript, "await a(b)", &["await a(b) was left out"]),
            (JavaScript, "delete a.b", &["delete a.b was left out"]),
            (JavaScript, "console.log(a)", &[]),
            (JavaScript, "'use strict'", &[]),
            (TypeScript, "this.a = b", &["this.a = b was left out"]),
            (Ruby, "a.b(c)", &["a.b(c) was left out"]),
            (Ruby, "puts a", &[]),
            (Ruby, "a <<~EOS\n  b\n  EOS", &[]),
            (Php, "$a->b($c);", &["$a->b($c); was left out"]),
            (Php, "error_log($a);", &[]),
            (C, "a(b);", &["a(b); was left out"]),
            (C, "printf(\"a\");", &[]),
        ],
    );
}

#[test]
fn early_exits_are_left_out() {
    check_all(
        "drop-statement",
        &[
            (Rust, "if a { return Err(b); } c", &["return Err(b); was left out"]),
            (Rust, "if a { return Err(b) } c", &["return Err(b) was left out"]),
            (Rust, "if a { return b; } else { c } d", &[]),
            (Rust, "let Some(a) = b else { return; };", &[]),
            (Rust, "return a;", &[]),
            // Nothing comes after it.
            (Rust, "if a { return; }", &[]),
            (Rust, "for a in b { if a { continue; } c }", &["continue became break"]),
            (Rust, "loop { if a { break 1; } }", &[]),
            (Rust, "loop { break; }", &[]),
            (Python, "if a: raise B(\"c\")", &["raise B(\"c\") was left out"]),
            (Python, "while a: break", &["break became continue"]),
            (Go, "if a { return }; b()", &["return was left out", "b() was left out"]),
            (Go, "for a { switch b { case c: break } }", &[]),
            (
                Java,
                "if (a) { throw new B(); } c = d;",
                &["throw new B(); was left out", "c = d; was left out"],
            ),
            (Java, "throw new B();", &[]),
            (JavaScript, "if (a) return b; c()", &["return b; was left out", "c() was left out"]),
            (JavaScript, "switch (a) { case 1: break }", &[]),
            (Ruby, "raise A, 'b' if c", &["raise A, 'b' was left out"]),
            (
                Php,
                "if ($a) { throw new B('c'); } $d->e();",
                &["throw new B('c'); was left out", "$d->e(); was left out"],
            ),
            (C, "if (a) return; b();", &["return; was left out", "b(); was left out"]),
        ],
    );
}

#[test]
fn what_is_left_out_stays_where_names_must_be_used() {
    for (language, statement, expect) in [
        (Rust, "a.push(b);", "if false { a.push(b); }"),
        (Go, "a = b", "if false { a = b }"),
        (Java, "a(b);", "if (false) { a(b); }"),
        (Python, "a(b)", "pass"),
        (JavaScript, "a(b)", ";"),
    ] {
        let code = in_function(language, statement);
        let found = all(language, &code);
        let dropped = found.iter().find(|one| one.operator == "drop-statement").expect("one");
        let changed = String::from_utf8(apply(code.as_bytes(), dropped)).expect("it is text");
        assert_eq!(changed, code.replace(statement, expect), "{language:?}");
    }
}

#[test]
fn other_branches_are_never_taken() {
    check_all(
        "drop-else",
        &[
            (Rust, "if a { b(); } else { c(); }", &["else with c(); was left out"]),
            (Rust, "let x = if a { b } else { c };", &[]),
            (Rust, "if a { b } else { c }", &[]),
            (Rust, "if a { b(); } else { return; }", &[]),
            (Python, "if a: b()\n    else: c()", &[]),
            (Go, "if a { b() } else { c() }", &["else with c() was left out"]),
            (Go, "if a { return } else { return }", &[]),
            (Java, "if (a) b(); else if (c) d(); else e();", &["else with e(); was left out"]),
            (JavaScript, "if (a) b(); else { c() }", &["else with c() was left out"]),
            (Php, "if ($a) b(); else { c(); }", &["else with c(); was left out"]),
            (C, "if (a) b(); else c();", &["else with c(); was left out"]),
        ],
    );
    let python = "def f():\n    if a:\n        b()\n    else:\n        c()\n    return d\n";
    check(Python, "drop-else", python, 4, &["else with c() was left out"]);
    check(Python, "drop-else", &python.replace("c()", "continue"), 4, &[]);
    check(Python, "drop-else", &python.replace("c()", "log.info(c)"), 4, &[]);
    let python = "def f():\n    for a in b:\n        b()\n    else:\n        c()\n    return d\n";
    check(Python, "drop-else", python, 4, &[]);
}

#[test]
fn arms_are_never_taken_where_another_takes_all() {
    check_all(
        "drop-match-arm",
        &[
            (Rust, "match a { 1 => b(), _ => c() }", &["the arm 1 was left out"]),
            (Rust, "match a { A::B => b(), A::C => c() }", &[]),
            (Rust, "match a { 1 => c(), _ => c() }", &[]),
            (Rust, "match a { 1 if b => b(), _ => c() }", &[]),
        ],
    );
    let python = "match a:\n    case [x]:\n        b()\n    case _:\n        c()\n";
    check(Python, "drop-match-arm", python, 2, &["the case [x] was left out"]);
    check(Python, "drop-match-arm", python, 4, &[]);
}
