//! What bars a test, and what does not.

use proptest::prelude::*;

use super::*;
use crate::code::test_code::tests_in;

mod bad;
mod good;

/// The faults of the last test of a file, as `Kind line`.
fn faults_of_last(language: Language, source: &str) -> Vec<String> {
    let path = match language {
        Language::Go => "a_test.go",
        _ => "tests/a",
    };
    let all = tests_in(language, path, source.as_bytes());
    let lines = all.last().unwrap_or_else(|| panic!("a test in {source}")).lines.clone();
    let found = faults(language, source.as_bytes(), lines.clone());
    for fault in &found {
        assert!(fault.why.ends_with('.') && !fault.why.contains('\n'), "{}", fault.why);
    }
    found.iter().map(|fault| format!("{:?} {}", fault.kind, fault.line)).collect()
}

/// The kinds of what bars the body of a test.
fn check(language: Language, frame: (&str, &str), cases: &[(&str, &[FaultKind])]) {
    for (code, expect) in cases {
        let source = format!("{}{code}{}", frame.0, frame.1);
        let all = tests_in(language, "tests/a", source.as_bytes());
        let lines = all.last().unwrap_or_else(|| panic!("a test in {source}")).lines.clone();
        let found = faults(language, source.as_bytes(), lines);
        let mut kinds: Vec<FaultKind> = found.iter().map(|fault| fault.kind).collect();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds, *expect, "{code}\n{found:?}");
    }
}

#[test]
fn a_fault_says_where_it_is_and_what_to_do() {
    let source = "import time\n\ndef wait():\n    time.sleep(1)\n\ndef test_a():\n    wait()\n    assert f() == 1\n";
    assert_eq!(faults_of_last(Language::Python, source), ["Sleep 4"]);
    let found = faults(Language::Python, source.as_bytes(), 6..9);
    assert_eq!(
        found[0].why,
        "`time.sleep` waits for time to pass; wait for the event itself, or fake the clock."
    );
    // What is tested may do as it likes.
    let source = "pub fn f() -> u8 { std::thread::sleep(d); 1 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() { assert_eq!(f(), 1); }\n}\n";
    assert_eq!(faults_of_last(Language::Rust, source), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever stands there, nothing panics.
    #[test]
    fn any_text_is_read(
        code in "(assert|expect|try|except|catch|recover|time|sleep|mock|==|Date|new|import|random|\\(|\\)|,| |x|1|\\.|:|\\{|\\}|;|\"|'|\n){0,30}",
        which in 0usize..7,
    ) {
        let language = [
            Language::Rust, Language::Python, Language::Go, Language::Java, Language::TypeScript, Language::Ruby,
            Language::Php,
        ][which];
        let lines = code.lines().count() as u32 + 2;
        let found = faults(language, code.as_bytes(), 1..lines);
        prop_assert!(found.iter().all(|fault| (1..=lines).contains(&fault.line)));
    }
}
