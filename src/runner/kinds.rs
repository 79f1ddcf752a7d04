//! What every runner brings: its files, its commands, its words.

use super::command::{Commands, Coverage};
use super::detect::Files;
use super::sum::{Found, Heard};
use super::{Kind, Outcome};
use super::{
    cargo, dotnet, go, gradle, jest, maven, nextest, node_test, phpunit, pytest, rspec, unittest,
    vitest,
};

/// The files of a checkout, so that a folder's are found at once.
pub(super) struct Tree<'a> {
    files: &'a dyn Files,
    sorted: Vec<&'a str>,
}

impl<'a> Tree<'a> {
    pub(super) fn of(files: &'a dyn Files) -> Tree<'a> {
        let mut sorted: Vec<&str> = files.paths().iter().map(String::as_str).collect();
        sorted.sort_unstable();
        Tree { files, sorted }
    }

    pub(super) fn paths(&self) -> &[&'a str] {
        &self.sorted
    }
}

/// A folder of a checkout that may be a project.
pub(super) struct Place<'a> {
    pub(super) tree: &'a Tree<'a>,
    /// `""` or `sub/dir`.
    pub(super) root: &'a str,
}

impl Place<'_> {
    /// The path of a file of this place, from the checkout's root.
    pub(super) fn path(&self, name: &str) -> String {
        if self.root.is_empty() { name.to_owned() } else { format!("{}/{name}", self.root) }
    }

    /// The text of one of its files; empty if it has none of that name.
    pub(super) fn text(&self, name: &str) -> String {
        if !self.has(name) {
            return String::new();
        }
        let bytes = self.tree.files.read(&self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether it has a file of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tree.sorted.binary_search(&self.path(name).as_str()).is_ok()
    }

    /// The paths below it, from its root.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        let front = self.path("");
        let start = self.tree.sorted.partition_point(|path| **path < *front);
        let length = front.len();
        self.tree.sorted[start..]
            .iter()
            .take_while(move |path| path.starts_with(&front))
            .filter_map(move |path| path.get(length..))
    }
}

/// A runner.
pub(super) struct Runner {
    /// Files that may make a folder its project, in the order they are printed.
    pub(super) marks: &'static [&'static str],
    /// Whether the folder is one: what to print as the reason.
    pub(super) is_used: fn(&Place<'_>) -> Option<String>,
    /// Its own commands there.
    pub(super) commands: fn(&Place<'_>) -> Commands,
    /// What a given command gets at its end to run one test.
    pub(super) one: Tail,
    /// Variables that make its output readable and steady.
    pub(super) variables: &'static [(&'static str, &'static str)],
    /// The reader of its output.
    pub(super) read: fn(&Heard<'_>) -> Found,
}

/// How a command that was given is narrowed to one test.
#[derive(Clone, Copy)]
pub(super) enum Tail {
    /// Appended.
    Append(&'static str),
    /// Put behind a word of the command.
    After(&'static str, &'static str),
    /// Appended, once paths and names of tests are taken away.
    InsteadOfPaths(&'static str),
    /// Appended to the runner's own words alone: all arguments are dropped.
    InsteadOfAll(&'static str),
    /// It cannot be.
    None,
}

/// A runner by its kind.
pub(super) fn runner(kind: Kind) -> &'static Runner {
    match kind {
        Kind::Cargo => &cargo::RUNNER,
        Kind::Nextest => &nextest::RUNNER,
        Kind::Pytest => &pytest::RUNNER,
        Kind::Unittest => &unittest::RUNNER,
        Kind::Go => &go::RUNNER,
        Kind::Maven => &maven::RUNNER,
        Kind::Gradle => &gradle::RUNNER,
        Kind::Vitest => &vitest::RUNNER,
        Kind::Jest => &jest::RUNNER,
        Kind::NodeTest => &node_test::RUNNER,
        Kind::Dotnet => &dotnet::RUNNER,
        Kind::Rspec => &rspec::RUNNER,
        Kind::Phpunit => &phpunit::RUNNER,
        Kind::Other => &OTHER,
    }
}

/// The runner that nobody knows: its exit code speaks alone.
static OTHER: Runner = Runner {
    marks: &[],
    is_used: |_| None,
    commands: |_| Commands::of(Kind::Other, ""),
    one: Tail::None,
    variables: &[],
    read: |heard| Found {
        broke: (heard.exit != Some(0)).then(|| (Outcome::Crashed, String::new())),
        ..Found::default()
    },
};

/// A command that also writes coverage, and the globs of what it writes.
pub(super) fn coverage(command: impl Into<String>, reports: &[&str]) -> Option<Coverage> {
    let reports = reports.iter().map(|&glob| glob.to_owned()).collect();
    Some(Coverage { command: command.into(), reports })
}
