//! Which runners a checkout's files speak of.

use std::collections::HashMap;

use super::Kind;
use super::kinds::{self, Place, Tree};

/// The files of a checkout.
pub trait Files {
    /// The paths of all files, from the checkout's root, with `/`.
    fn paths(&self) -> &[String];
    /// A file's bytes; `None` if it is not there or cannot be read.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
}

/// A folder whose tests one runner runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its runner.
    pub kind: Kind,
    /// Its folder from the checkout's root: `""` or `sub/dir`.
    pub root: String,
    /// What shows it, for people: `` `Cargo.toml` ``.
    pub why: String,
}

/// The kinds in the order in which a folder is asked for them: of those that
/// share a file, the more special one first.
const ORDER: [Kind; 13] = [
    Kind::Nextest,
    Kind::Cargo,
    Kind::Go,
    Kind::Pytest,
    Kind::Unittest,
    Kind::Maven,
    Kind::Gradle,
    Kind::Vitest,
    Kind::Jest,
    Kind::NodeTest,
    Kind::Dotnet,
    Kind::Rspec,
    Kind::Phpunit,
];

/// Kinds of which a folder has one at most.
fn family(kind: Kind) -> u8 {
    match kind {
        Kind::Cargo | Kind::Nextest => 0,
        Kind::Pytest | Kind::Unittest => 1,
        Kind::Maven | Kind::Gradle => 2,
        Kind::Vitest | Kind::Jest | Kind::NodeTest => 3,
        other => 4 + other as u8,
    }
}

/// Folders that hold other people's code.
const FOREIGN: &[&str] = &[
    "node_modules",
    "vendor",
    "third_party",
    "target",
    "dist",
    "build",
    "testdata",
    "fixtures",
    "__fixtures__",
    "site-packages",
    ".venv",
    "venv",
    ".git",
    ".tox",
];

/// The projects of a checkout, by folder. A member of a workspace (Cargo,
/// Maven, Gradle) is no project of its own: its tests run from the outermost
/// folder. A Python project needs a sign of tests, not only of Python.
pub fn detect(files: &dyn Files) -> Vec<Project> {
    let tree = Tree::of(files);
    let mut roots: Vec<&str> = Vec::new();
    for path in tree.paths() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if ORDER.iter().any(|&kind| kinds::runner(kind).marks.iter().any(|mark| is(name, mark)))
            && !folder.split('/').any(|part| FOREIGN.contains(&part))
        {
            roots.push(folder);
        }
    }
    // Python needs no file of its own to be a project of unittest's.
    if tree.paths().iter().any(|path| path.ends_with(".py")) {
        roots.push("");
    }
    roots.sort_unstable();
    roots.dedup();
    let mut projects: Vec<Project> = Vec::new();
    let mut kinds_at: HashMap<&str, Vec<Kind>> = HashMap::new();
    for root in roots {
        let place = Place { tree: &tree, root };
        let mut here: Vec<Kind> = Vec::new();
        for kind in ORDER {
            let is_taken = here.iter().any(|&other| family(other) == family(kind));
            let is_part = || {
                above(root).any(|folder| {
                    let outer = Place { tree: &tree, root: folder };
                    let kinds = kinds_at.get(folder).map_or(&[][..], Vec::as_slice);
                    kinds.iter().any(|&other| is_part_of(kind, &place, other, &outer))
                })
            };
            if is_taken || is_part() {
                continue;
            }
            if let Some(why) = (kinds::runner(kind).is_used)(&place) {
                here.push(kind);
                projects.push(Project { kind, root: root.to_owned(), why });
            }
        }
        kinds_at.insert(root, here);
    }
    projects
}

/// The folders around a folder, the nearest first, `""` the last.
fn above(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(outer(folder), |inner| outer(inner))
}

/// The folder that a folder lies in.
fn outer(folder: &str) -> Option<&str> {
    (!folder.is_empty()).then(|| folder.rsplit_once('/').map_or("", |(outer, _)| outer))
}

/// Whether what could be a project of a kind belongs to one of a folder around it.
fn is_part_of(inner: Kind, place: &Place<'_>, outer: Kind, around: &Place<'_>) -> bool {
    if family(inner) != family(outer) {
        return false;
    }
    let says = |place: &Place<'_>, file: &str, word: &str| place.text(file).contains(word);
    match inner {
        Kind::Cargo | Kind::Nextest => {
            says(around, "Cargo.toml", "[workspace") && !says(place, "Cargo.toml", "[workspace]")
        }
        Kind::Maven => says(around, "pom.xml", "<module>"),
        Kind::Gradle => {
            let settings = ["settings.gradle", "settings.gradle.kts"];
            settings.iter().any(|name| around.has(name))
                && !settings.iter().any(|name| place.has(name))
        }
        Kind::Dotnet => true,
        // A `conftest.py` or `requirements.txt` alone makes no project of its own.
        Kind::Pytest | Kind::Unittest => {
            const OWN: [&str; 5] =
                ["pytest.ini", ".pytest.ini", "pyproject.toml", "setup.cfg", "tox.ini"];
            !OWN.iter().any(|name| place.has(name))
        }
        _ => false,
    }
}

/// Whether a folder lies in another, or is it.
fn is_below(folder: &str, outer: &str) -> bool {
    outer.is_empty()
        || folder.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a file's name is as a mark says: `*.csproj` is any of that end.
fn is(name: &str, mark: &str) -> bool {
    match mark.strip_prefix('*') {
        Some(end) => name.ends_with(end),
        None => name == mark,
    }
}

/// The project that a file belongs to: the innermost one around it whose runner
/// tests files of that language, else the innermost one around it.
pub fn project_of<'p>(projects: &'p [Project], path: &str) -> Option<&'p Project> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let around = projects.iter().filter(|project| is_below(folder, &project.root));
    around.max_by_key(|project| {
        (speaks(project.kind, path), project.root.len(), std::cmp::Reverse(project.kind))
    })
}

/// Whether a runner tests files of that name.
fn speaks(kind: Kind, path: &str) -> bool {
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    match kind {
        Kind::Cargo | Kind::Nextest => end == "rs",
        Kind::Pytest | Kind::Unittest => matches!(end, "py" | "pyi" | "pyx"),
        Kind::Go => end == "go",
        Kind::Maven | Kind::Gradle => matches!(end, "java" | "kt" | "kts" | "groovy" | "scala"),
        Kind::Vitest | Kind::Jest | Kind::NodeTest => matches!(
            end,
            "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" | "vue" | "svelte"
        ),
        Kind::Dotnet => matches!(end, "cs" | "fs" | "vb"),
        Kind::Rspec => matches!(end, "rb" | "rake"),
        Kind::Phpunit => end == "php",
        Kind::Other => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Files in memory, each `path` or `path: text`.
    pub(in crate::runner) struct Fake {
        paths: Vec<String>,
        texts: Vec<String>,
    }

    impl Fake {
        pub(in crate::runner) fn of(files: &[&str]) -> Fake {
            let split = |file: &&str| match file.split_once(": ") {
                Some((path, text)) => (path.to_owned(), text.to_owned()),
                None => ((*file).to_owned(), String::new()),
            };
            let (paths, texts) = files.iter().map(split).unzip();
            Fake { paths, texts }
        }
    }

    impl Files for Fake {
        fn paths(&self) -> &[String] {
            &self.paths
        }

        fn read(&self, path: &str) -> Option<Vec<u8>> {
            let at = self.paths.iter().position(|other| other == path)?;
            Some(self.texts[at].clone().into_bytes())
        }
    }

    /// `expect`: `kind root why`.
    fn check(files: &[&str], expect: &[(Kind, &str, &str)]) {
        let projects = detect(&Fake::of(files));
        let got: Vec<(Kind, &str, &str)> = projects
            .iter()
            .map(|project| (project.kind, project.root.as_str(), project.why.as_str()))
            .collect();
        assert_eq!(got, expect, "{files:?}");
    }

    #[test]
    fn files_tell_the_runner() {
        check(&["Cargo.toml", "src/lib.rs"], &[(Kind::Cargo, "", "`Cargo.toml`")]);
        check(
            &["Cargo.toml: [workspace]", ".config/nextest.toml", "crates/a/Cargo.toml"],
            &[(Kind::Nextest, "", "`.config/nextest.toml`")],
        );
        check(&["go.mod", "a/go.mod"], &[(Kind::Go, "", "`go.mod`"), (Kind::Go, "a", "`go.mod`")]);
        check(&["pytest.ini", "tests/test_a.py"], &[(Kind::Pytest, "", "`pytest.ini`")]);
        check(
            &["pyproject.toml: [tool.pytest.ini_options]"],
            &[(Kind::Pytest, "", "`pyproject.toml`")],
        );
        check(
            &["test_a.py: import unittest\nclass A(unittest.TestCase): pass"],
            &[(Kind::Unittest, "", "`test_a.py`")],
        );
        check(&["test_a.py: def test_x(): pass"], &[(Kind::Pytest, "", "`test_a.py`")]);
        check(&["a.py: import os", "setup.cfg: [metadata]"], &[]);
        check(
            &["tests/conftest.py", "tests/test_a.py: def test_x(): pass", "a/go.mod"],
            &[(Kind::Pytest, "", "`tests/test_a.py`"), (Kind::Go, "a", "`go.mod`")],
        );
        check(
            &["pytest.ini", "sub/pyproject.toml: [tool.pytest]", "docs/requirements.txt: pytest"],
            &[(Kind::Pytest, "", "`pytest.ini`"), (Kind::Pytest, "sub", "`pyproject.toml`")],
        );
        check(
            &["Cargo.toml", "tools/a/Cargo.toml"],
            &[(Kind::Cargo, "", "`Cargo.toml`"), (Kind::Cargo, "tools/a", "`Cargo.toml`")],
        );
        check(
            &["pom.xml: <module>core</module>", "core/pom.xml"],
            &[(Kind::Maven, "", "`pom.xml`")],
        );
        check(
            &["pom.xml", "core/pom.xml"],
            &[(Kind::Maven, "", "`pom.xml`"), (Kind::Maven, "core", "`pom.xml`")],
        );
        check(&["settings.gradle", "app/build.gradle"], &[(Kind::Gradle, "", "`settings.gradle`")]);
        check(&["a/build.gradle.kts"], &[(Kind::Gradle, "a", "`build.gradle.kts`")]);
        check(
            &["package.json: {\"devDependencies\":{\"vitest\":\"1\",\"jest\":\"1\"}}"],
            &[(Kind::Vitest, "", "`vitest` in `package.json`")],
        );
        check(
            &["web/package.json: {\"scripts\":{\"test\":\"NODE_ENV=test jest --ci\"}}"],
            &[(Kind::Jest, "web", "`scripts.test` in `web/package.json`")],
        );
        check(
            &["package.json: {\"scripts\":{\"test\":\"node --test\"}}"],
            &[(Kind::NodeTest, "", "`scripts.test` in `package.json`")],
        );
        check(&["package.json: {}", "a.js"], &[]);
        check(&["package.json: not json"], &[]);
        check(&["All.sln", "a/A.csproj"], &[(Kind::Dotnet, "", "`All.sln`")]);
        check(
            &["t/T.csproj: <PackageReference Include=\"Microsoft.NET.Test.Sdk\"/>"],
            &[(Kind::Dotnet, "t", "`T.csproj`")],
        );
        check(&["Gemfile: gem 'rspec'"], &[(Kind::Rspec, "", "`Gemfile`")]);
        check(&["phpunit.xml.dist", "composer.json"], &[(Kind::Phpunit, "", "`phpunit.xml.dist`")]);
        check(&["node_modules/a/Cargo.toml", "vendor/b/go.mod"], &[]);
        check(
            &["Cargo.toml", "py/pytest.ini"],
            &[(Kind::Cargo, "", "`Cargo.toml`"), (Kind::Pytest, "py", "`pytest.ini`")],
        );
    }

    #[test]
    fn a_file_belongs_to_the_nearest_project_of_its_language() {
        let projects = detect(&Fake::of(&[
            "Cargo.toml",
            "web/package.json: {\"devDependencies\":{\"jest\":\"1\"}}",
            "web/api/go.mod",
        ]));
        for (path, expect) in [
            ("src/lib.rs", Some(Kind::Cargo)),
            ("web/src/a.ts", Some(Kind::Jest)),
            ("web/api/a.go", Some(Kind::Go)),
            ("web/api/a.ts", Some(Kind::Jest)),
            ("web/src/build.rs", Some(Kind::Cargo)),
            ("webby/a.ts", Some(Kind::Cargo)),
        ] {
            let got = project_of(&projects, path).map(|project| project.kind);
            assert_eq!(got, expect, "{path}");
        }
        assert_eq!(project_of(&[], "a.rs"), None);
    }
}
