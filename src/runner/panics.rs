//! Rust panics: whether what a test printed when it failed is an assertion.

use std::sync::LazyLock;

use regex::Regex;

use super::Outcome;

static PANICKED: LazyLock<Regex> = LazyLock::new(|| {
    // Since 1.73 the message follows on the place; before, it stands before it.
    Regex::new(r"^thread '.*' (?:\(\d+\) )?panicked at (?:(?P<path>[^':][^:]*):(?P<line>\d+):\d+:|'(?P<old>.*)', (?P<oldpath>[^:]+):(?P<oldline>\d+):\d+)$")
        .expect("the pattern is valid")
});

/// A line that asserts, or says outright that it fails the test.
static ASSERTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:(?:debug_|prop_|static_)?assert\w*|\w+_assert|panic|verify\w*|expect_\w+|ensure\w*|check)!\s*[(\[{]")
        .expect("the pattern is valid")
});

/// How a test ended that failed with these words. By assertion only if every
/// panic in them is one, at a place that is no library's; a test that gave back
/// an error crashed. `source` gives the text of a file by its printed path.
pub(super) fn judge(said: &str, source: &dyn Fn(&str) -> Option<String>) -> Outcome {
    if said.contains("note: test did not panic as expected")
        || said.contains("note: panic did not contain expected string")
    {
        return Outcome::Failed;
    }
    if said.lines().any(|line| line.starts_with("Error: ")) {
        return Outcome::Crashed;
    }
    let mut lines = said.lines();
    let mut panics = 0;
    while let Some(line) = lines.next() {
        let Some(parts) = PANICKED.captures(line.trim()) else {
            // A panic in a form that is not known.
            if line.contains(" panicked at ") && line.starts_with("thread '") {
                // Its message may go over several lines, before the place.
                return Outcome::Crashed;
            }
            continue;
        };
        panics += 1;
        let (path, number, message) = match parts.name("path") {
            Some(path) => {
                (path.as_str(), &parts["line"], lines.next().unwrap_or_default().trim_start())
            }
            None => (
                parts.name("oldpath").map_or("", |path| path.as_str()),
                parts.name("oldline").map_or("", |line| line.as_str()),
                parts.name("old").map_or("", |old| old.as_str()),
            ),
        };
        if !is_assertion(path, number.parse().unwrap_or(0), message, source) {
            return Outcome::Crashed;
        }
    }
    if panics == 0 { Outcome::Crashed } else { Outcome::Failed }
}

/// Panics of the language and its library, by how they begin.
const CRASHES: &[&str] = &[
    "called `Option::",
    "called `Result::",
    "index out of bounds",
    "attempt to ",
    "range start index",
    "range end index",
    "slice index",
    "byte index",
    "already borrowed",
    "already mutably borrowed",
    "RefCell already",
    "internal error: entered unreachable code",
    "not implemented",
    "not yet implemented",
    "no entry found for key",
    "explicit panic",
    "capacity overflow",
    "mid > len",
    "division by zero",
    "Box<dyn Any>",
    "a scoped thread panicked",
    "unsafe precondition",
];

fn is_assertion(
    path: &str,
    line: usize,
    message: &str,
    source: &dyn Fn(&str) -> Option<String>,
) -> bool {
    let library = path.starts_with("/rustc/")
        || path.contains("/library/std/")
        || path.contains("/library/core/")
        || path.contains("/library/alloc/");
    if library {
        return false;
    }
    let text = source(path);
    if !is_test_code(path, line, text.as_deref()) {
        return false;
    }
    // `assert!`, its kin and those of `proptest`; snapshots of `insta`.
    let says = message.starts_with("assertion failed")
        || message.starts_with("assertion `")
        || message.starts_with("snapshot assertion")
        || message.starts_with("Test failed: assertion")
        || message.starts_with("assert_");
    if says {
        return true;
    }
    if CRASHES.iter().any(|crash| message.starts_with(crash)) {
        return false;
    }
    // A message of the test's own. The place is that of the macro's name.
    let here = text.as_deref().and_then(|text| text.lines().nth(line.checked_sub(1)?));
    here.is_some_and(|line| ASSERTS.is_match(line.split("//").next().unwrap_or(line)))
}

/// Whether a place is a test's by its path, else by what stands above it.
/// Without the text nothing speaks against it.
fn is_test_code(path: &str, line: usize, text: Option<&str>) -> bool {
    let by_path = path.split(['/', '\\']).any(|part| {
        let stem = part.strip_suffix(".rs").unwrap_or(part);
        matches!(stem, "tests" | "test" | "benches" | "examples" | "testing")
            || stem.starts_with("test_")
            || stem.ends_with("_test")
            || stem.ends_with("_tests")
    });
    let Some(text) = text.filter(|_| !by_path) else { return true };
    text.lines().take(line).any(|line| {
        let line = line.trim_start();
        line.starts_with("#[cfg(test)]")
            || line.starts_with("#[cfg(all(test")
            || line.starts_with("#[cfg(any(test")
            || line.starts_with("mod tests")
            || (line.starts_with("#[") && line.contains("test]"))
            || (line.starts_with("#[") && line.contains("test("))
    })
}
