//! A subject made ready: each file's path read once, pipeline files parsed once.

use std::borrow::Cow;

use bstr::ByteSlice;

use crate::diff::{FileDiff, LineKind};
use crate::scan::Subject;
use crate::scan::ci::{self, Pipeline};

/// What rules are given.
pub struct Scope<'a> {
    pub(super) subject: &'a Subject<'a>,
    /// One for each of the change's files, in their order.
    pub(super) files: Vec<File<'a>>,
    pub(super) pipelines: Vec<Pipeline>,
}

/// A file of the change, with what its path tells.
pub(super) struct File<'a> {
    pub diff: &'a FileDiff,
    pub index: usize,
    /// The path in lower case.
    pub lower: String,
    /// Tests, fixtures, examples, samples, mocks.
    pub test: bool,
    /// Documentation.
    pub docs: bool,
    /// Added lines with their numbers, in order.
    pub added: Vec<(u32, &'a [u8])>,
    /// Written by a machine or copied from elsewhere: vendored, minified,
    /// generated, a lock file.
    pub foreign: bool,
}

impl<'a> Scope<'a> {
    pub(super) fn new(subject: &'a Subject<'a>) -> Self {
        let files: Vec<File<'a>> = subject
            .change
            .files
            .iter()
            .enumerate()
            .map(|(index, diff)| File::new(index, diff))
            .collect();
        let pipelines = ci::read(subject, &files);
        Scope { subject, files, pipelines }
    }
}

impl<'a> File<'a> {
    fn new(index: usize, diff: &'a FileDiff) -> Self {
        let lower = diff.path().display().to_lowercase();
        let (test, docs, foreign) = (is_test(&lower), is_docs(&lower), is_foreign(&lower));
        let added = diff
            .lines()
            .filter(|line| line.kind == LineKind::Added)
            .filter_map(|line| Some((line.new?, line.text.as_bytes())))
            .collect();
        File { diff, index, lower, test, docs, added, foreign }
    }

    /// The name without its folders, in lower case.
    pub fn name(&self) -> &str {
        self.lower.rsplit('/').next().unwrap_or_default()
    }

    /// What stands behind the name's last dot, in lower case; empty if nothing does.
    pub fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

pub(super) fn is_test(lower: &str) -> bool {
    let parts = || lower.split('/');
    let name = parts().next_back().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    parts().rev().skip(1).any(|folder| {
        matches!(
            folder,
            "test"
                | "tests"
                | "testing"
                | "testdata"
                | "test-data"
                | "test_data"
                | "testutil"
                | "testutils"
                | "__tests__"
                | "__mocks__"
                | "__snapshots__"
                | "spec"
                | "specs"
                | "fixture"
                | "fixtures"
                | "mock"
                | "mocks"
                | "example"
                | "examples"
                | "sample"
                | "samples"
                | "demo"
                | "demos"
                | "e2e"
                | "cypress"
                | "cassettes"
                | "benches"
                | "benchmarks"
        ) || folder.starts_with("test-")
            || folder.starts_with("test_")
            || folder.ends_with("-test")
            || folder.ends_with("-tests")
            || folder.ends_with("_test")
            || folder.ends_with("_tests")
    }) || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || stem.ends_with("_spec")
        || stem == "tests"
        || stem == "conftest"
        || stem.ends_with("test") && matches_source(name, &["java", "kt", "scala", "groovy", "php"])
        || stem.ends_with("tests") && matches_source(name, &["java", "kt", "cs", "swift"])
        || [".test.", ".spec.", ".mock.", ".stories.", ".fixture.", ".example", ".sample"]
            .iter()
            .any(|mark| name.contains(mark))
}

fn matches_source(name: &str, extensions: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
}

fn is_docs(lower: &str) -> bool {
    lower.split('/').any(|folder| matches!(folder, "doc" | "docs" | "documentation"))
        || matches_source(lower, &["md", "mdx", "rst", "adoc", "asciidoc", "txt", "ipynb", "man"])
        || lower.rsplit('/').next().is_some_and(|name| name.starts_with("changelog"))
}

fn is_foreign(lower: &str) -> bool {
    let name = lower.rsplit('/').next().unwrap_or_default();
    lower.split('/').rev().skip(1).any(|folder| {
        matches!(
            folder,
            "vendor"
                | "vendored"
                | "third_party"
                | "third-party"
                | "thirdparty"
                | "node_modules"
                | "bower_components"
                | "pods"
                | "dist"
                | "generated"
                | "__generated__"
                | "_vendor"
        )
    }) || is_lockfile(name)
        || name.contains(".min.")
        || name.ends_with(".map")
        || name.ends_with(".svg")
        || name.ends_with(".snap")
        || name.contains(".pb.")
        || name.contains("_pb2")
        || name.contains(".generated.")
        || name.contains("_generated.")
        || name.contains(".g.")
        || name.starts_with("zz_generated")
}

/// Whether this file name, in lower case, is one of a package manager's lock file.
pub(super) fn is_lockfile(name: &str) -> bool {
    matches!(
        name,
        "package-lock.json"
            | "npm-shrinkwrap.json"
            | "pnpm-lock.yaml"
            | "bun.lock"
            | "deno.lock"
            | "go.sum"
            | "go.work.sum"
            | "composer.lock"
            | "packages.lock.json"
            | "pubspec.lock"
            | "module.bazel.lock"
            | ".terraform.lock.hcl"
            | "gradle.lockfile"
            | "package.resolved"
            | "flake.lock"
    ) || name.ends_with(".lock")
}

/// The path of a file as text for a message, without control characters.
pub(super) fn shown(path: &str) -> Cow<'_, str> {
    if path.contains(|c: char| c.is_control() || c == '`') {
        Cow::Owned(path.replace(|c: char| c.is_control() || c == '`', "\u{fffd}"))
    } else {
        Cow::Borrowed(path)
    }
}
