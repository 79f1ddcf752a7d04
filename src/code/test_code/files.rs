//! Which files hold tests, by their paths.

use crate::code::language::Language;

/// Folders of others' code, and of what tools make.
const FOREIGN: &[&str] =
    &["node_modules", "vendor", "third_party", "target", "site-packages", ".git", "dist", ".tox"];

/// Whether a path is a test file's by the conventions of its language and
/// runners. A path that leads out of its root is none.
pub fn is_test_file(language: Language, path: &str) -> bool {
    if !is_plain(path) {
        return false;
    }
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    if Language::of_path(name).is_none_or(|of| of != language && !of.is_kin(language)) {
        return false;
    }
    let below = |known: &[&str]| folders.split('/').any(|folder| known.contains(&folder));
    if below(FOREIGN) {
        return false;
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let ends = |known: &[&str]| known.iter().any(|end| stem.ends_with(end));
    match language {
        Language::Rust => {
            below(&["tests", "benches"])
                || matches!(stem, "tests" | "test")
                || ends(&["_test", "_tests"]) && !matches!(stem, "_test" | "_tests")
        }
        Language::Python => {
            stem.starts_with("test_")
                || ends(&["_test", "_tests"])
                || matches!(stem, "tests" | "test" | "conftest")
                || below(&["tests", "test"])
        }
        Language::Go => stem.ends_with("_test"),
        Language::Java => {
            let test_folder = folders.split('/').zip(folders.split('/').skip(1)).any(|(a, b)| {
                a == "src" && (b.ends_with("Test") || b.ends_with("test") || b == "it")
            });
            test_folder
                || ends(&["Test", "Tests", "IT", "TestCase", "Spec"])
                    && !folders.contains("src/main")
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let stem = stem.strip_suffix(".d").unwrap_or(stem);
            [".test", ".spec", "-test", "_test", ".tests", ".cy", ".e2e", ".bench"]
                .iter()
                .any(|end| stem.len() > end.len() && stem.ends_with(end))
                || stem.starts_with("test-")
                || stem == "test"
                || below(&["__tests__", "tests", "test", "e2e", "spec", "specs"])
        }
        Language::Ruby => {
            ends(&["_spec", "_test"]) || below(&["spec", "test"]) || stem.starts_with("test_")
        }
        Language::Php => stem.ends_with("Test") || below(&["tests", "Tests", "test"]),
        Language::C => language.is_test_path(path),
    }
}

/// Whether a path is relative, without detours and odd characters.
pub(super) fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 1_000
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".." | ".git"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_whether_tests_stand_there() {
        for (path, expect) in [
            ("tests/cli.rs", true),
            ("crates/a/tests/common/mod.rs", true),
            ("src/parse/tests.rs", true),
            ("src/parse_tests.rs", true),
            ("src/parse.rs", false),
            ("src/contest.rs", false),
            ("tests/../src/lib.rs", false),
            ("/tests/a.rs", false),
            ("./tests/a.rs", false),
            ("tests\\a.rs", false),
            ("vendor/a/tests/a.rs", false),
            ("tests/a.py", true),
            ("test_a.py", true),
            ("pkg/a_test.py", true),
            ("pkg/tests.py", true),
            ("pkg/latest.py", false),
            ("pkg/testing.py", false),
            ("a_test.go", true),
            ("a.go", false),
            ("testdata/a.go", false),
            ("src/test/java/a/B.java", true),
            ("app/src/integrationTest/java/a/B.java", true),
            ("src/main/java/a/LoadTest.java", false),
            ("src/main/java/a/B.java", false),
            ("a/BTest.java", true),
            ("src/a.test.ts", true),
            ("src/a.spec.tsx", true),
            ("test/a.mjs", true),
            ("src/a.ts", false),
            ("src/latest.js", false),
            ("node_modules/x/test/a.js", false),
            ("spec/a_spec.rb", true),
            ("lib/a.rb", false),
            ("tests/Unit/ATest.php", true),
            ("src/A.php", false),
            ("", false),
        ] {
            let language = Language::of_path(path).unwrap_or(Language::Rust);
            assert_eq!(is_test_file(language, path), expect, "{path}");
        }
        assert!(is_test_file(Language::TypeScript, "test/a.js"));
        assert!(!is_test_file(Language::Rust, "tests/a.py"));
    }
}
