//! Places named in what a failing test says: messages and stack traces.

use std::sync::LazyLock;

use regex::Regex;

/// A line of a file as some runner names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: u32,
}

/// The most places looked at in one failure: deep recursion repeats itself.
const MOST_PLACES: usize = 64;

static PLACES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // Python's traceback; a frame of the JVM; and `path:line` or `path(line)`,
    // which everybody else writes: pytest, Go, Node, Rust, Ruby, PHP, C++, .NET.
    Regex::new(concat!(
        r#"File "(?<python>[^"\r\n]+)", line (?<python_line>\d+)"#,
        r"|\bat (?:[\w.$@-]+/)*(?<class>[\w.$]+)\.[\w$<>]+\((?<java>[\w$-]+\.\w+):(?<java_line>\d+)\)",
        r"|(?<path>(?:[A-Za-z]:)?[\w@.+~/\\-]*[\w@+~-]\.[A-Za-z]\w{0,9})(?::(?:line )?|\()(?<line>\d+)",
    ))
    .ok()
});

/// Where other people's code lies: a change cannot have touched it.
const FOREIGN: [&str; 8] = [
    "/node_modules/",
    "/site-packages/",
    "/dist-packages/",
    "/rustc/",
    "/.cargo/registry/",
    "/pkg/mod/",
    "/vendor/bundle/",
    "/usr/lib/",
];

/// The places that `said` names, in its order.
pub(super) fn places(said: &str) -> Vec<Place> {
    let Some(regex) = &*PLACES else { return Vec::new() };
    let mut places = Vec::new();
    for found in regex.captures_iter(said) {
        let get = |name: &str| found.name(name).map(|group| group.as_str());
        let (path, line) = if let Some(file) = get("java") {
            let class = get("class").unwrap_or_default();
            let package = class.rsplit_once('.').map_or("", |(package, _)| package);
            let folder = package.replace('.', "/");
            let path = if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
            (path, get("java_line"))
        } else if let Some(path) = get("python") {
            (path.to_owned(), get("python_line"))
        } else {
            (get("path").unwrap_or_default().to_owned(), get("line"))
        };
        let Some(line) = line.and_then(|line| line.parse().ok()).filter(|&line| line > 0) else {
            continue;
        };
        if FOREIGN.iter().any(|folder| path.contains(folder)) {
            continue;
        }
        let place = Place { path, line };
        if !places.contains(&place) {
            places.push(place);
        }
        if places.len() == MOST_PLACES {
            break;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_every_runners_words() {
        let check = |said: &str, expect: &[(&str, u32)]| {
            let places = places(said);
            let got: Vec<_> = places.iter().map(|p| (p.path.as_str(), p.line)).collect();
            assert_eq!(got, expect, "{said}");
        };
        check("tests/test_price.py:6: AssertionError", &[("tests/test_price.py", 6)]);
        check("  File \"/ci/a b.py\", line 3, in <module>", &[("/ci/a b.py", 3)]);
        check("    calc_test.go:7: Div(6,3)=2 want 3", &[("calc_test.go", 7)]);
        check(
            "\t/usr/lib/go-1.19/src/testing/testing.go:1396 +0x24e\n\t/ci/calc/calc_test.go:12 +0x2e",
            &[("/ci/calc/calc_test.go", 12)],
        );
        check("\tat p.CalcTest.boom(CalcTest.java:7)", &[("p/CalcTest.java", 7)]);
        check("at java.base/java.util.List$A.get(List.java:7)", &[("java/util/List.java", 7)]);
        check(
            "at Object.toBe (/ci/test/price.test.js:4:62)\n at x (/ci/node_modules/jest/a.js:1:2)",
            &[("/ci/test/price.test.js", 4)],
        );
        check("panicked at src/lib.rs:10:5:\nassertion failed", &[("src/lib.rs", 10)]);
        check("   at T.M() in C:\\ci\\A.cs:line 12", &[("C:\\ci\\A.cs", 12)]);
        check("/ci/main.cpp:72: error: check_eq(1, 2)", &[("/ci/main.cpp", 72)]);
        check("..\\a.cc(9): error", &[("..\\a.cc", 9)]);
        check("a.py:3\na.py:3", &[("a.py", 3)]);
        check("took 0.5s, 10:30, 1.5:2, a.py:0, a.py:99999999999", &[]);
    }
}
