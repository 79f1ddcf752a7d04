//! What is left of tests without their assertions.

use proptest::prelude::*;

use super::*;
use crate::code::test_code::tests_in;

mod compiled;
mod dynamic;

/// Of a text as a whole.
fn stripped(language: Language, source: &str) -> Stripped {
    without_assertions(language, source.as_bytes(), 1..source.lines().count() as u32 + 2)
}

/// A line or some, and what is left of them inside of a test.
fn check(language: Language, frame: (&str, &str), cases: &[(&str, &str)]) {
    for (code, expect) in cases {
        let source = format!("{}{code}{}", frame.0, frame.1);
        match stripped(language, &source) {
            Stripped::Text(text) => {
                let text = String::from_utf8(text).unwrap();
                assert_eq!(text, format!("{}{expect}{}", frame.0, frame.1), "{code}");
            }
            Stripped::NoAssertions => assert_eq!(*expect, "none", "{code}"),
            Stripped::Unclear(why) => {
                assert_eq!(*expect, "unclear", "{code}: {why}");
                assert!(why.starts_with("line ") || why.contains("parse"), "{why}");
            }
        }
    }
}

#[test]
fn only_the_test_and_its_helpers_are_changed() {
    let source = "def check(x):\n    assert x\n\ndef other(x):\n    assert x\n\ndef test_a():\n    check(f())\n\ndef test_b():\n    assert g()\n";
    let lines = tests_in(Language::Python, "test_a.py", source.as_bytes())[0].lines.clone();
    let expect = "def check(x):\n    not (x)\n\ndef other(x):\n    assert x\n\ndef test_a():\n    check(f())\n\ndef test_b():\n    assert g()\n";
    assert_eq!(
        without_assertions(Language::Python, source.as_bytes(), lines),
        Stripped::Text(expect.into())
    );
    // In a source file, what is tested stays as it is.
    let source = "pub fn add(a: u8) -> u8 {\n    assert!(a < 9);\n    a + 1\n}\n#[cfg(test)]\nmod tests {\n    fn check(a: u8) {\n        assert!(a > 0);\n    }\n    #[test]\n    fn a() {\n        check(add(1));\n    }\n}\n";
    let lines = tests_in(Language::Rust, "src/a.rs", source.as_bytes())[0].lines.clone();
    let expect = source.replace("assert!(a > 0);", "{ let _ = !(a > 0); }");
    assert_eq!(
        without_assertions(Language::Rust, source.as_bytes(), lines),
        Stripped::Text(expect.into())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever stands there, nothing panics, and what is left parses as well.
    #[test]
    fn what_is_left_parses(
        code in "(assert|expect|t\\.Fatal|self\\.assertEqual|assert_eq!|panic!|\\(|\\)|,| |x|1|\\.|toBe|\\{|\\}|;|\n){0,25}",
        which in 0usize..7,
    ) {
        let (language, open, close) = [
            (Language::Rust, "#[test]\nfn a() { ", " }\n"),
            (Language::Python, "def test_a():\n    ", "\n"),
            (Language::Go, "package a\nfunc TestA(t *testing.T) { ", " }\n"),
            (Language::Java, "class A { @Test void a() { ", " } }\n"),
            (Language::TypeScript, "it('a', () => { ", " });\n"),
            (Language::Ruby, "it 'a' do\n", "\nend\n"),
            (Language::Php, "<?php class A { function testA() { ", " } }\n"),
        ][which];
        let source = format!("{open}{code}{close}");
        if let Stripped::Text(text) = stripped(language, &source) {
            let before = parse(language, source.as_bytes()).unwrap().errors();
            prop_assert!(parse(language, &text).unwrap().errors() <= before);
        }
    }
}
