//! Conditions, comparisons, arithmetic, literals, by language.

use super::*;
use Language::{C, Go, Java, JavaScript, Php, Python, Ruby, Rust, Tsx, TypeScript};

#[test]
fn conditions_are_negated() {
    check_all(
        "negate-condition",
        &[
            (Rust, "if a && b { g(); }", &["a && b became !(a && b)"]),
            (Rust, "while a.b() { g(); }", &["a.b() became !a.b()"]),
            (Rust, "if matches!(a, B) { g(); }", &["matches!(a, B) became !matches!(a, B)"]),
            (Rust, "if let Some(x) = y && z { g(); }", &["z became !z"]),
            (Rust, "if let Some(x) = y { g(); }", &[]),
            (Rust, "if !a { g(); }", &[]),
            (Rust, "if a == b { g(); }", &[]),
            (Rust, "while true { g(); }", &[]),
            (Rust, "match a { _ if b => g(), _ => h() }", &["b became !b"]),
            (Python, "if a and b: g()", &["a and b became not (a and b)"]),
            (Python, "x = a if b.c() else d", &["b.c() became not b.c()"]),
            (Python, "x = [a for a in b if c]", &["c became not c"]),
            (Python, "while True: g()", &[]),
            (Python, "if not a: g()", &[]),
            (Go, "if ok { g() }", &["ok became !ok"]),
            (Go, "for a() { g() }", &["a() became !a()"]),
            (Go, "for { g() }", &[]),
            (Go, "for range x { g() }", &[]),
            (Go, "for i := 0; a && b; i++ { g() }", &["a && b became !(a && b)"]),
            (Java, "if (a && b) g();", &["a && b became !(a && b)"]),
            (Java, "int x = a ? 1 : 2;", &["a became !a"]),
            (Java, "switch (a) { default: g(); }", &[]),
            (Java, "while (true) { g(); }", &[]),
            (JavaScript, "if ((a)) g()", &["a became !a"]),
            (JavaScript, "while (a = b()) g()", &["a = b() became !(a = b())"]),
            (TypeScript, "const x = a ? b : c", &["a became !a"]),
            (Tsx, "const x = a ? <b/> : c", &["a became !a"]),
            (Ruby, "g if A === b", &["A === b became !(A === b)"]),
            (Ruby, "g if a && b", &["a && b became !(a && b)"]),
            (Ruby, "return 1 unless a?", &["a? became !a?"]),
            (Php, "if ($a) g();", &["$a became !$a"]),
            (C, "if (a) g();", &["a became !a"]),
        ],
    );
}

#[test]
fn comparisons_are_moved_and_turned_around() {
    check_all(
        "swap-comparison",
        &[
            (Rust, "let x = a < b;", &["a < b became a <= b", "a < b became a >= b"]),
            (Rust, "let x = a == b;", &["a == b became a != b"]),
            // `as u8 <` would begin type arguments.
            (
                Rust,
                "let x = a as u8 >= b;",
                &["a as u8 >= b became a as u8 > b", "a as u8 >= b became (a as u8) < b"],
            ),
            (Rust, "let x = a.len() >= 0;", &[]),
            // Of two that are equal, either will do.
            (Rust, "if a > b { b = a; }", &["a > b became a <= b"]),
            (Rust, "if a > b { b = c; }", &["a > b became a >= b", "a > b became a <= b"]),
            (Rust, "let x: Vec<u8> = y;", &[]),
            (Python, "x = a is None", &["a is None became a is not None"]),
            (Python, "x = a not in b", &["a not in b became a in b"]),
            (
                Python,
                "x = 0 <= a < 9",
                &[
                    "0 <= a < 9 became 0 < a < 9",
                    "0 <= a < 9 became 0 > a < 9",
                    "0 <= a < 9 became 0 <= a <= 9",
                    "0 <= a < 9 became 0 <= a >= 9",
                ],
            ),
            (Python, "for a in b: g()", &[]),
            (Go, "x := a != b", &["a != b became a == b"]),
            (Java, "boolean x = a > b;", &["a > b became a >= b", "a > b became a <= b"]),
            (Java, "int x = a > b ? a : b;", &["a > b became a <= b"]),
            (Java, "List<A> x = y;", &[]),
            (JavaScript, "x = a === b", &["a === b became a !== b"]),
            (JavaScript, "x = a in b", &[]),
            (TypeScript, "x = a! <= b", &["a! <= b became a! < b", "a! <= b became a! > b"]),
            (Ruby, "x = A === b", &[]),
            (Ruby, "x = a =~ b", &["a =~ b became a !~ b"]),
            (Php, "$x = $a !== $b;", &["$a !== $b became $a === $b"]),
            (C, "x = a == b;", &["a == b became a != b"]),
        ],
    );
}

#[test]
fn arithmetic_is_swapped_but_not_of_texts() {
    check_all(
        "swap-arithmetic",
        &[
            (Rust, "let x = a + b;", &["a + b became a - b"]),
            (Rust, "a %= b;", &["a %= b became a *= b"]),
            (Rust, "let x = a as u8 >> b;", &["a as u8 >> b became (a as u8) << b"]),
            (Rust, "let x = a + &b;", &[]),
            (Rust, "let x = a + 0;", &[]),
            (Rust, "let x = &a;", &[]),
            (Rust, "let x: Box<dyn A + B> = y;", &[]),
            (Python, "x = a // b", &["a // b became a * b"]),
            (Python, "x = \"a\" + b", &[]),
            (Python, "x = \"%s\" % b", &[]),
            (Python, "x = [a] + b", &[]),
            (Python, "x += 1", &["x += 1 became x -= 1"]),
            (Go, "x := a &^ b", &["a &^ b became a & b"]),
            (Go, "x++", &["x++ became x--"]),
            (Go, "for i := 0; i < n; i++ { }", &[]),
            (Java, "int x = a * b;", &["a * b became a / b"]),
            (Java, "String x = a + \"b\" + c;", &[]),
            (Java, "String b = g(); f(b + c);", &[]),
            (Java, "for (int i = 0; i < n; i++) { }", &[]),
            (JavaScript, "x = a - b", &["a - b became a + b"]),
            (JavaScript, "x = a + `b`", &[]),
            (TypeScript, "x ^= y", &["x ^= y became x &= y"]),
            (TypeScript, "let x: a | b", &[]),
            (Ruby, "x = a * b", &["a * b became a / b"]),
            (Php, "$x = $a . $b;", &[]),
            (C, "x = a << b;", &["a << b became a >> b"]),
        ],
    );
}

#[test]
fn logic_is_swapped_and_negations_go() {
    check_all(
        "swap-logical",
        &[
            (Rust, "let x = a && b;", &["a && b became a || b"]),
            (Rust, "if let Some(a) = b && c && d { g(); }", &[]),
            (Python, "x = a or b", &["a or b became a and b"]),
            (Go, "x := a || b", &["a || b became a && b"]),
            (Java, "boolean x = a && b;", &["a && b became a || b"]),
            (Java, "boolean x = a instanceof B b && b.c();", &[]),
            (JavaScript, "x = a ?? b", &[]),
            (Tsx, "x = a && <b/>", &["a && <b/> became a || <b/>"]),
            (Ruby, "x = (a and b)", &["a and b became a or b"]),
            (Php, "$x = $a || $b;", &["$a || $b became $a && $b"]),
        ],
    );
    check_all(
        "remove-negation",
        &[
            (Rust, "let x = !a;", &["!a became a"]),
            (Rust, "let x = -a;", &["-a became a"]),
            (Rust, "let x = *a;", &[]),
            (Rust, "let x = -1;", &[]),
            (Python, "x = not a", &["not a became a"]),
            (Go, "x := !a", &["!a became a"]),
            (Go, "x := <-a", &[]),
            (Java, "boolean x = !(a && b);", &["!(a && b) became (a && b)"]),
            (JavaScript, "x = !!a", &["!!a became !a"]),
            (JavaScript, "x = typeof a", &[]),
            (Php, "$x = !$a;", &["!$a became $a"]),
            (C, "x = !a;", &["!a became a"]),
        ],
    );
}

#[test]
fn numbers_and_bounds_are_off_by_one() {
    check_all(
        "off-by-one",
        &[
            (Rust, "let x = 7;", &["let x = 7; became let x = 8;"]),
            (Rust, "let x = a[1];", &["a[1] became a[2]", "a[1] became a[0]"]),
            (Rust, "let x = 1_000u64;", &["let x = 1_000u64; became let x = 1001u64;"]),
            // A byte's greatest value has no next.
            (Rust, "let x = 255;", &["let x = 255; became let x = 254;"]),
            (Rust, "let x = 0xff;", &[]),
            (Rust, "let x = 1.5;", &[]),
            (Rust, "let x = a.0;", &[]),
            (Rust, "let x: [u8; 4] = y;", &[]),
            (Rust, "let x = [y; 4];", &[]),
            (Rust, "let x = Vec::with_capacity(8);", &[]),
            (Rust, "for i in a..b { }", &["a..b became a..=b"]),
            (Rust, "for i in a..=b { }", &["a..=b became a..b"]),
            (Rust, "f(a..b.c());", &["a..b.c() became a..b.c() + 1"]),
            (Rust, "f(a..=b);", &[]),
            (Rust, "let x = &a[b..];", &[]),
            (Rust, "let x: Range<u8> = a..b;", &[]),
            // The other side of a boundary is the boundary's own change.
            (Rust, "let x = a < 5;", &["a < 5 became a < 4"]),
            (Rust, "let x = a > 5;", &["a > 5 became a > 6"]),
            (Rust, "let x = a % 1;", &["a % 1 became a % 2"]),
            (
                Python,
                "x = a[1:b]",
                &["a[1:b] became a[0:b]", "a[1:b] became a[2:b]", "a[1:b] became a[1:b-1]"],
            ),
            (Python, "x = a[b:]", &["a[b:] became a[b+1:]"]),
            (Go, "x := make([]int, 0, 9)", &[]),
            (Go, "x := a[:b]", &["a[:b] became a[:b-1]"]),
            (Go, "x := a[len(b)-1]", &["len(b)-1 became len(b)-2", "len(b)-1 became len(b)-0"]),
            (Go, "switch a { case 1: g() }", &[]),
            (Go, "var a [3]int", &[]),
            (Java, "int x = 7;", &["x = 7 became x = 8"]),
            (Java, "switch (a) { case 1: g(); }", &[]),
            (JavaScript, "x = a[0]", &["a[0] became a[1]"]),
            (JavaScript, "x = 08.5", &[]),
            (TypeScript, "let x: 1 = y", &[]),
            (Ruby, "x = a[0...b]", &["0...b became 0..b", "0...b became 1...b"]),
            (Php, "$x = 1;", &["$x = 1 became $x = 2"]),
            (C, "int x[3];", &[]),
        ],
    );
}

#[test]
fn literals_are_swapped_where_they_decide() {
    check_all(
        "swap-literal",
        &[
            (Rust, "let x = true;", &["let x = true; became let x = false;"]),
            (Rust, "let x = a == \"b\";", &["a == \"b\" became a == \"\""]),
            (Rust, "let x = a != \"\";", &["a != \"\" became a != \"xyzzy\""]),
            (Rust, "let x = \"b\";", &[]),
            (Rust, "while true { g(); }", &[]),
            (Python, "return \"a\"", &["\"a\" became \"\""]),
            (Python, "g(a=True)", &["a=True became a=False"]),
            (Python, "return f\"a{b}\"", &[]),
            (Python, "x = a == 'b'", &["a == 'b' became a == ''"]),
            (Go, "x := a == \"b\"", &["a == \"b\" became a == \"\""]),
            (Java, "boolean x = \"a\".equals(b);", &["\"a\" became \"\""]),
            (Java, "while (true) { g(); }", &[]),
            (JavaScript, "g('a')", &[]),
            (JavaScript, "x = a === 'b'", &["a === 'b' became a === ''"]),
            (TypeScript, "let x: true = y", &[]),
            (Php, "$x = true;", &["$x = true became $x = false"]),
            (Ruby, "x = a == 'b'", &["a == 'b' became a == ''"]),
        ],
    );
}
