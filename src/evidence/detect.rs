//! What a report is, by its content; and where reports lie when nobody says.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Evidence, Format, ReadError, clover, cobertura, codecov, coveragepy, gocover, gotest, istanbul,
    jacoco, junit, lcov, llvm_cov, sarif, text,
};

/// Globs of report names that are looked for without configuration, relative
/// to the checkout. Case does not matter.
pub const USUAL_NAMES: &[&str] = &[
    "**/*.sarif",
    "**/*.sarif.json",
    "**/lcov.info",
    "**/*.lcov",
    "**/lcov/*.info",
    "**/coverage*.xml",
    "**/coverage/*.xml",
    "**/*cobertura*.xml",
    "**/clover.xml",
    "**/jacoco*.xml",
    "**/jacoco/**/*.xml",
    "**/coverage*.json",
    "**/codecov.json",
    "**/llvm-cov*.json",
    "**/coverage.out",
    "**/cover.out",
    "**/coverage.txt",
    "**/c.out",
    "**/*.coverprofile",
    "**/*junit*.xml",
    "**/TEST-*.xml",
    "**/test-results/**/*.xml",
    "**/test-reports/**/*.xml",
    "**/surefire-reports/*.xml",
    "**/failsafe-reports/*.xml",
    "**/TestResults/**/*.xml",
    "**/test-results.xml",
    "**/test_results.xml",
    "**/test-report.json",
    "**/gotest*.json",
];

/// Directories below which nothing is looked for, by name.
const NOT_WORTH: [&str; 16] = [
    "node_modules",
    "bower_components",
    "jspm_packages",
    "vendor",
    "third_party",
    "venv",
    "virtualenv",
    "site-packages",
    "__pycache__",
    "Pods",
    "DerivedData",
    // What lies here was written to be read by tests.
    "fixtures",
    "__fixtures__",
    "testdata",
    "__snapshots__",
    "snapshots",
];

/// What is worth looking at in a build directory of Maven, Cargo or sbt.
const IN_TARGET: [&str; 13] = [
    "surefire-reports",
    "failsafe-reports",
    "site",
    "jacoco",
    "jacoco-report",
    "coverage",
    "cobertura",
    "nextest",
    "llvm-cov",
    "tarpaulin",
    "test-reports",
    "test-results",
    "reports",
];

/// Whether a walk that looks for reports should go into this directory: a path
/// relative to the checkout, with slashes. Directories of dependencies, of
/// fixtures, and hidden ones hold nothing; of `target` only the usual report
/// directories are worth it.
pub fn worth_descending(dir: &str) -> bool {
    let mut names = dir.trim_end_matches('/').rsplit('/');
    let name = names.next().unwrap_or_default();
    if names.next() == Some("target") {
        return IN_TARGET.contains(&name) || name.starts_with("scala-");
    }
    let hidden = name.starts_with('.') && !matches!(name, "." | ".." | ".nyc_output");
    !hidden && !NOT_WORTH.contains(&name)
}

/// Whether a file's path, relative to the checkout and with slashes, is one
/// of [`USUAL_NAMES`].
pub fn is_usual_name(path: &str) -> bool {
    static GLOBS: LazyLock<GlobSet> = LazyLock::new(|| {
        let mut set = GlobSetBuilder::new();
        for pattern in USUAL_NAMES {
            // A test holds that every one of them is a glob.
            if let Ok(glob) = GlobBuilder::new(pattern).case_insensitive(true).build() {
                set.add(glob);
            }
        }
        set.build().unwrap_or_default()
    });
    // Nearly every file of a checkout ends here.
    let Some((_, extension)) = path.rsplit_once('.') else { return false };
    let known = ["xml", "json", "sarif", "info", "lcov", "out", "txt", "coverprofile"];
    known.iter().any(|known| extension.eq_ignore_ascii_case(known)) && GLOBS.is_match(path)
}

/// Reads a report of any format. The content decides; `name` (a path or a
/// file name) only settles what a broken file was meant to be. What no reader
/// knows is [`Evidence::Unknown`].
pub fn read(name: &str, bytes: &[u8]) -> Result<Evidence, ReadError> {
    let Some(format) = detect(name, bytes) else { return Ok(Evidence::Unknown) };
    Ok(match format {
        Format::Sarif => Evidence::Sarif(sarif::read(bytes)?),
        Format::Junit => Evidence::Tests(junit::read(bytes)?),
        Format::GoTest => Evidence::Tests(gotest::read(bytes)?),
        Format::Lcov => Evidence::Coverage(lcov::read(bytes)?),
        Format::Cobertura => Evidence::Coverage(cobertura::read(bytes)?),
        Format::Jacoco => Evidence::Coverage(jacoco::read(bytes)?),
        Format::Clover => Evidence::Coverage(clover::read(bytes)?),
        Format::GoCover => Evidence::Coverage(gocover::read(bytes)?),
        Format::CoveragePy => Evidence::Coverage(coveragepy::read(bytes)?),
        Format::LlvmCov => Evidence::Coverage(llvm_cov::read(bytes)?),
        Format::Istanbul => Evidence::Coverage(istanbul::read(bytes)?),
        Format::Codecov => Evidence::Coverage(codecov::read(bytes)?),
    })
}

/// A report's format, without reading it whole where its first bytes tell.
pub fn detect(name: &str, bytes: &[u8]) -> Option<Format> {
    let text = text::decode(bytes);
    let start = text.trim_start();
    match start.as_bytes().first()? {
        b'<' => xml(start),
        b'{' => json(name, start),
        _ if start.starts_with("mode: ") => {
            let mode = start.lines().next().unwrap_or_default().trim_end();
            matches!(mode, "mode: set" | "mode: count" | "mode: atomic").then_some(Format::GoCover)
        }
        _ => lines(name, start),
    }
}

/// By the root element, and for `coverage`, which three formats use, by what
/// only one of them writes.
fn xml(text: &str) -> Option<Format> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    let mut coverage = false;
    loop {
        let (Event::Start(element) | Event::Empty(element)) = (match reader.read_event() {
            Ok(Event::Eof) | Err(_) => return coverage.then_some(Format::Cobertura),
            Ok(event) => event,
        }) else {
            continue;
        };
        let name = element.local_name();
        if coverage {
            return Some(match name.as_ref() {
                "project" | "testproject" => Format::Clover,
                _ => Format::Cobertura,
            });
        }
        match name.as_ref() {
            "testsuites" | "testsuite" => return Some(Format::Junit),
            "report" => {
                // Many tools write a `report`; JaCoCo's children tell.
                let children = text::head(text, 1 << 16);
                let known = ["JACOCO", "<sessioninfo", "<package", "<group", "<counter"];
                return known
                    .iter()
                    .any(|child| children.contains(child))
                    .then_some(Format::Jacoco);
            }
            "coverage" if element.attributes_raw().contains("clover") => {
                return Some(Format::Clover);
            }
            "coverage" => coverage = true,
            _ => return None,
        }
    }
}

/// By the keys on top, and by one value where a key is not enough.
fn json(name: &str, text: &str) -> Option<Format> {
    let mut shape = Shape::default();
    // A broken file still has the keys in front of the break.
    let whole = shape.read(text).is_ok();
    let has = |key: &str| shape.keys.iter().any(|known| known == key);
    if has("Action") && (has("Time") || has("Package") || has("ImportPath")) {
        return Some(Format::GoTest);
    }
    if has("runs") && (has("version") || has("$schema") || text::head(text, 4096).contains("sarif"))
    {
        return Some(Format::Sarif);
    }
    if has("data") && shape.kind.as_deref() == Some("llvm.coverage.json.export") {
        return Some(Format::LlvmCov);
    }
    if has("files") && has("meta") {
        return Some(Format::CoveragePy);
    }
    if has("coverage") && shape.keys.len() == 1 {
        return Some(Format::Codecov);
    }
    let inner = |key: &str| shape.first.iter().any(|known| known == key);
    if (inner("statementMap") && inner("s"))
        || (inner("lines") && inner("statements") && inner("functions"))
    {
        return Some(Format::Istanbul);
    }
    let sarif = name.to_ascii_lowercase().ends_with(".sarif");
    ((has("runs") || !whole) && sarif).then_some(Format::Sarif)
}

/// What an object looks like from above.
#[derive(Default)]
struct Shape {
    keys: Vec<String>,
    /// The keys of its first value.
    first: Vec<String>,
    /// The value of `type`.
    kind: Option<String>,
}

impl Shape {
    fn read(&mut self, text: &str) -> Result<(), serde_json::Error> {
        serde_json::Deserializer::from_str(text).deserialize_map(self)
    }
}

/// The most keys that are kept: Istanbul has one for every file.
const MOST_KEYS: usize = 32;

impl<'de> Visitor<'de> for &mut Shape {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let first = self.keys.is_empty();
            if self.keys.len() < MOST_KEYS {
                self.keys.push(key.clone().into_owned());
            }
            let mut glance = Glance::default();
            if first || key == "type" {
                map.next_value_seed(&mut glance)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if first {
                self.first = glance.keys;
            }
            if key == "type" {
                self.kind = glance.text;
            }
        }
        Ok(())
    }
}

/// A value's text, or its keys; nothing of what is deeper is kept.
#[derive(Default)]
struct Glance {
    text: Option<String>,
    keys: Vec<String>,
}

impl<'de> DeserializeSeed<'de> for &mut Glance {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Glance {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.text = Some(text::head(text, 100).to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, _)) = map.next_entry::<Cow<'de, str>, IgnoredAny>()? {
            if self.keys.len() < MOST_KEYS {
                self.keys.push(key.into_owned());
            }
        }
        Ok(())
    }
}

/// lcov, or a `go test -json` stream behind other programs' words.
fn lines(name: &str, text: &str) -> Option<Format> {
    let mut first = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let head: Vec<&str> = first.by_ref().take(20).collect();
    if head.iter().any(|line| line.starts_with("{\"Time\":") && line.contains("\"Action\":")) {
        return Some(Format::GoTest);
    }
    // A comment or a test's name may stand in front of the first file.
    let lcov = head
        .iter()
        .find(|line| !line.starts_with('#') && !line.starts_with("TN:"))
        .map(|line| line.starts_with("SF:"));
    match lcov {
        Some(true) => Some(Format::Lcov),
        Some(false) => {
            let lower = name.to_ascii_lowercase();
            let named = lower.ends_with(".info") || lower.ends_with(".lcov");
            (named && text.lines().any(|line| line.starts_with("SF:") || line == "end_of_record"))
                .then_some(Format::Lcov)
        }
        // Nothing but a test's name: no file was instrumented.
        None => head.iter().any(|line| line.starts_with("TN:")).then_some(Format::Lcov),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_the_format() {
        for (name, text, format) in [
            ("x", "<testsuites/>", Some(Format::Junit)),
            (
                "x",
                "\u{feff}<?xml version='1.0'?>\n<!-- c --><testsuite name='a'>",
                Some(Format::Junit),
            ),
            ("junit.xml", "<suites/>", None),
            ("x", "<!DOCTYPE coverage><coverage><sources/></coverage>", Some(Format::Cobertura)),
            ("x", "<coverage clover='3'><project/></coverage>", Some(Format::Clover)),
            ("x", "<coverage generated='1'><project/></coverage>", Some(Format::Clover)),
            ("x", "<report name='a'><package name='p'/></report>", Some(Format::Jacoco)),
            ("x", "<report><finding/></report>", None),
            ("x", "<html><body></body></html>", None),
            ("x", r#"{"version":"2.1.0","runs":[]}"#, Some(Format::Sarif)),
            ("x", r#"{"runs":[{"a":1}],"$schema":"s"}"#, Some(Format::Sarif)),
            ("a.sarif", r#"{"version":"2.1.0","ru"#, Some(Format::Sarif)),
            ("a.json", r#"{"version":"2.1.0","ru"#, None),
            ("x", r#"{"data":[],"type":"llvm.coverage.json.export"}"#, Some(Format::LlvmCov)),
            ("x", r#"{"data":[],"type":"other"}"#, None),
            ("x", r#"{"meta":{},"files":{}}"#, Some(Format::CoveragePy)),
            ("x", r#"{"coverage":{"a":{"1":1}}}"#, Some(Format::Codecov)),
            ("x", r#"{"a":{"statementMap":{},"s":{}}}"#, Some(Format::Istanbul)),
            (
                "x",
                r#"{"total":{"lines":{},"statements":{},"functions":{}}}"#,
                Some(Format::Istanbul),
            ),
            ("package.json", r#"{"name":"a","version":"1"}"#, None),
            ("x", "{\"Time\":\"t\",\"Action\":\"run\"}\n{", Some(Format::GoTest)),
            ("x", "go: downloading x\n{\"Time\":\"t\",\"Action\":\"run\"}\n", Some(Format::GoTest)),
            ("x", "mode: atomic\n", Some(Format::GoCover)),
            ("x", "mode: dark\n", None),
            ("x", "TN:\nSF:a\n", Some(Format::Lcov)),
            ("x", "# c\nSF:a\n", Some(Format::Lcov)),
            ("x", "TN:a\n", Some(Format::Lcov)),
            ("lcov.info", "DA:1,1\nend_of_record\n", Some(Format::Lcov)),
            ("x", "DA:1,1\nend_of_record\n", None),
            ("notes.info", "hello", None),
            ("lcov.info", "", None),
            ("x", "[1,2]", None),
        ] {
            assert_eq!(detect(name, text.as_bytes()), format, "{text}");
        }
    }

    #[test]
    fn usual_names_are_globs_that_match() {
        for pattern in USUAL_NAMES {
            assert!(GlobBuilder::new(pattern).build().is_ok(), "{pattern}");
        }
        for (path, usual) in [
            ("results.sarif", true),
            ("a/b/semgrep.SARIF", true),
            ("lcov.info", true),
            ("coverage/lcov.info", true),
            ("coverage.xml", true),
            ("TestResults/1f/coverage.cobertura.xml", true),
            ("app/build/reports/jacoco/test/jacocoTestReport.xml", true),
            ("target/surefire-reports/TEST-p.CalcTest.xml", true),
            ("build/test-results/test/TEST-a.xml", true),
            ("coverage/coverage-final.json", true),
            ("coverage.out", true),
            ("junit.xml", true),
            ("reports/my-junit-report.xml", true),
            ("pom.xml", false),
            ("package.json", false),
            ("src/info.rs", false),
            ("README", false),
        ] {
            assert_eq!(is_usual_name(path), usual, "{path}");
        }
    }

    #[test]
    fn walks_stay_out_of_dependencies_and_builds() {
        for (dir, worth) in [
            ("src", true),
            ("a/node_modules", false),
            (".git", false),
            ("a/.venv", false),
            (".nyc_output", true),
            ("target", true),
            ("target/debug", false),
            ("core/target/surefire-reports", true),
            ("target/site/jacoco", true),
            ("tests/fixtures", false),
            ("vendor/", false),
        ] {
            assert_eq!(worth_descending(dir), worth, "{dir}");
        }
    }
}
