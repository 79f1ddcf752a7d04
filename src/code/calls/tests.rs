//! Calls, language by language.

use super::*;
use crate::code::language::Language;
use crate::code::parse::parse;

/// Each call as `receiver.name`, with `?` for a receiver that has no name.
fn check(language: Language, source: &str, expect: &[&str]) {
    let parsed = parse(language, source.as_bytes()).expect("it is short");
    let found: Vec<String> = calls(&parsed, 1..u32::MAX)
        .iter()
        .map(|call| {
            let name = call.name(source.as_bytes()).to_str_lossy();
            match call.receiver(source.as_bytes()) {
                None => name.into_owned(),
                Some("") => format!("?.{name}"),
                Some(receiver) => format!("{receiver}.{name}"),
            }
        })
        .collect();
    assert_eq!(found, expect, "{language:?}:\n{source}");
}

#[test]
fn each_language_tells_its_calls() {
    check(
        Language::Rust,
        "fn f() { a(); x.y().b(1); c::<T>(); m::d(); S::new()?; P { x: 1 }; q!(e(1), z.g()); \
         h.collect::<Vec<_>>(); if (x) {} // no()\n let s = \"no()\"; }",
        &["a", "x.y", "?.b", "c", "m.d", "S.new", "P", "q", "e", "g", "h.collect"],
    );
    check(
        Language::Python,
        "@route('/x')\n@deco\ndef f():\n    a(b(1))\n    self.store.get(k)\n    'no()'\n    x[0].go()\n",
        &["route", "deco", "a", "b", "store.get", "?.go"],
    );
    check(
        Language::Go,
        "package p\nfunc f() {\n a(1)\n labels.New(b...)\n m[string](2)\n \
         _ = &Head{x: 1}\n _ = tsdb.Options{}\n go func() { c() }()\n}\n",
        &["a", "labels.New", "m", "Head", "tsdb.Options", "c"],
    );
    check(
        Language::Java,
        "class A { void f() { a(); this.b(); new C<D>(1); new E(); x.y().z(); l.map(A::g); } }",
        &["a", "this.b", "C", "E", "x.y", "?.z", "l.map", "A.g"],
    );
    check(
        Language::JavaScript,
        "a(); x?.b(); new C(1); new n.D(); this.#e(); const f = <G h={i()} />; `no()`;",
        &["a", "x.b", "C", "n.D", "this.#e", "G", "i"],
    );
    check(
        Language::TypeScript,
        "a<string>(1); (x as Y).b(); this.c!.d(); await import('m');",
        &["a", "?.b", "?.d"],
    );
    check(
        Language::C,
        "int f() { a(1); p->b(); s.c(); return sizeof(int); }",
        &["a", "p.b", "s.c"],
    );
    check(
        Language::Ruby,
        "def f\n  a(1)\n  x.b\n  C.new(d: 1)\n  self.class.e\nend\n",
        &["a", "x.b", "C.new", "self.class", "class.e"],
    );
    check(
        Language::Php,
        "<?php a(1); $x->b(); $x?->c(); D::e(); new F(); new \\G\\H(); \\i\\j();",
        &["a", "x.b", "x.c", "D.e", "F", "H", "j"],
    );
}

#[test]
fn only_the_lines_asked_for_count() {
    let source = b"a()\nb(\n  c())\nd()\n";
    let parsed = parse(Language::Python, source).expect("it is short");
    let names = |lines: Range<u32>| -> Vec<(String, u32)> {
        calls(&parsed, lines)
            .iter()
            .map(|call| (call.name(source).to_str_lossy().into_owned(), call.line))
            .collect()
    };
    assert_eq!(names(2..3), [("b".to_owned(), 2)]);
    assert_eq!(names(3..5), [("c".to_owned(), 3), ("d".to_owned(), 4)]);
    assert_eq!(names(9..12), []);
}

#[test]
fn names_are_told_from_comments_and_literals() {
    let source = "x = foo  # foo\ny = 'foo'\n";
    let parsed = parse(Language::Python, source.as_bytes()).expect("it is short");
    let names: Vec<bool> =
        source.match_indices("foo").map(|(at, _)| parsed.is_name_at(at)).collect();
    assert_eq!(names, [true, false, false]);
    assert!(!parsed.is_name_at(0_usize.wrapping_sub(1)));
}
