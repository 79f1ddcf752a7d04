//! Which runners a checkout's files speak of.

use super::Kind;
use super::kinds::{self, Place};

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
    let mut roots: Vec<&str> = Vec::new();
    for path in files.paths() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if ORDER.iter().any(|&kind| kinds::runner(kind).marks.iter().any(|mark| is(name, mark)))
            && !folder.split('/').any(|part| FOREIGN.contains(&part))
        {
            roots.push(folder);
        }
    }
    // Python needs no file of its own to be a project of unittest's.
    if files.paths().iter().any(|path| path.ends_with(".py")) {
        roots.push("");
    }
    roots.sort_unstable();
    roots.dedup();
    let mut projects: Vec<Project> = Vec::new();
    for root in roots {
        let place = Place { files, root };
        let mut taken = Vec::new();
        for kind in ORDER {
            let family = family(kind);
            let outer = projects.iter().any(|project| {
                is_nested(kind, project.kind) && is_below(root, &project.root)
            });
            if taken.contains(&family) || outer {
                continue;
            }
            if let Some(why) = (kinds::runner(kind).is_used)(&place) {
                taken.push(family);
                projects.push(Project { kind, root: root.to_owned(), why });
            }
        }
    }
    projects
}

/// Whether a project of the first kind below one of the second is part of it.
fn is_nested(inner: Kind, outer: Kind) -> bool {
    match inner {
        // Cargo's members are found from a package's folder as well, but the
        // workspace's folder is where all tests run.
        Kind::Cargo | Kind::Nextest | Kind::Maven | Kind::Gradle | Kind::Dotnet => {
            family(inner) == family(outer)
        }
        Kind::Unittest => matches!(outer, Kind::Unittest | Kind::Pytest),
        _ => false,
    }
}

/// Whether a folder lies in another, or is it.
fn is_below(folder: &str, outer: &str) -> bool {
    outer.is_empty()
        || folder
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
