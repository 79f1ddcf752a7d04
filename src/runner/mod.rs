//! Test runners: which one a project uses, how it is called, and what its
//! output says of every test. Pure: commands go out as text, output comes in.
//!
//! What a runner prints is mixed with what tests print, and a test may be
//! hostile. The readers hold three things against each other: the list of
//! tests, the runner's own totals, and the exit code. Where they disagree,
//! nothing passes and nothing failed *by assertion*: a claim that is trusted
//! neither way is [`Outcome::Crashed`], and `is_complete` is false. What no
//! reader can see is a test that ends the process itself after it printed a
//! whole summary, or that writes the runner's report file: that has to be seen
//! in the test's code.

mod benchmark;
mod cargo;
mod command;
mod detect;
mod dotnet;
mod fill;
mod go;
mod gradle;
mod jest;
mod junit;
mod jvm;
mod kinds;
mod maven;
mod nextest;
mod node_test;
mod panics;
mod phpunit;
mod pytest;
mod rspec;
mod sum;
mod tap;
mod text;
mod unittest;
mod vitest;

#[cfg(test)]
mod tests;

use std::fmt;

pub use benchmark::{benchmark, iteration};
pub use command::{Commands, Coverage, commands, kind_of_command};
pub use detect::{Files, Project, detect, project_of};
pub use fill::fill;

/// A test runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `cargo test`, with libtest.
    Cargo,
    /// `cargo nextest run`.
    Nextest,
    /// pytest.
    Pytest,
    /// Python's own `unittest`.
    Unittest,
    /// `go test`.
    Go,
    /// Maven with surefire.
    Maven,
    /// Gradle's `test` task.
    Gradle,
    /// Vitest.
    Vitest,
    /// Jest.
    Jest,
    /// Node's own `node --test`.
    NodeTest,
    /// `dotnet test`, with xUnit, NUnit or MSTest.
    Dotnet,
    /// RSpec.
    Rspec,
    /// PHPUnit.
    Phpunit,
    /// Anything else: only its exit code is understood.
    Other,
}

impl Kind {
    /// Every runner, `Other` last.
    pub const ALL: [Kind; 14] = [
        Kind::Cargo,
        Kind::Nextest,
        Kind::Pytest,
        Kind::Unittest,
        Kind::Go,
        Kind::Maven,
        Kind::Gradle,
        Kind::Vitest,
        Kind::Jest,
        Kind::NodeTest,
        Kind::Dotnet,
        Kind::Rspec,
        Kind::Phpunit,
        Kind::Other,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Cargo => "cargo test",
            Kind::Nextest => "cargo nextest",
            Kind::Pytest => "pytest",
            Kind::Unittest => "unittest",
            Kind::Go => "go test",
            Kind::Maven => "Maven",
            Kind::Gradle => "Gradle",
            Kind::Vitest => "Vitest",
            Kind::Jest => "Jest",
            Kind::NodeTest => "node --test",
            Kind::Dotnet => "dotnet test",
            Kind::Rspec => "RSpec",
            Kind::Phpunit => "PHPUnit",
            Kind::Other => "an unknown runner",
        })
    }
}

/// How a test or a run ended, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It ran and held.
    Passed,
    /// It was left out on purpose: skipped, ignored, pending, or known to fail.
    Skipped,
    /// The runner ran no test, or none of that name.
    NotRun,
    /// An assertion of the test did not hold.
    Failed,
    /// It failed otherwise: an exception, a panic, a time-out, a signal, or
    /// claims that contradict each other.
    Crashed,
    /// Its module could not be loaded or collected, or a fixture around it broke.
    DidNotImport,
    /// It was not compiled.
    DidNotBuild,
}

impl Outcome {
    /// Whether it ended badly: by assertion or worse.
    pub fn is_failure(self) -> bool {
        self >= Outcome::Failed
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Outcome::Passed => "passed",
            Outcome::Skipped => "skipped",
            Outcome::NotRun => "not run",
            Outcome::Failed => "failed by assertion",
            Outcome::Crashed => "crashed",
            Outcome::DidNotImport => "did not load",
            Outcome::DidNotBuild => "did not build",
        })
    }
}

/// What a run says of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// As the runner prints it.
    pub name: String,
    /// Where it lives, as far as the runner says: a file, a Go package, a test
    /// binary of nextest.
    pub file: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Its failure in the runner's words, at most 4 kB. Empty if it has none.
    pub said: String,
}

/// What a run's output says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport {
    /// The worst of what happened. `Passed` only with exit code 0; `Skipped`
    /// if all tests were, `NotRun` if there was none.
    pub whole: Outcome,
    /// In the order of first mention; one entry for each file and name.
    pub tests: Vec<TestResult>,
    /// Whether every test is in `tests` (skipped ones may lack), none was left
    /// out because others failed, and the list, the runner's totals and the exit
    /// code agree.
    pub is_complete: bool,
    /// The telling part of the output: the compiler's errors, the failing
    /// assertion, or the end of the output. At most 6 kB. Empty when all is well.
    pub said: String,
}

/// What a run's output says. All of it is untrusted text: nothing in it can
/// make this panic. `reports` are files the run wrote (path, bytes): JUnit XML
/// where the runner makes it. Only give those of this run, since a build that
/// fails leaves older ones where they are. An `exit` of `None` means that the
/// run was stopped from outside.
pub fn read(
    kind: Kind,
    exit: Option<i32>,
    output: &str,
    reports: &[(String, Vec<u8>)],
) -> RunReport {
    read_with(kind, exit, output, reports, &|_| None)
}

/// As [`read`], with the source files at hand (by path as the runner prints it,
/// relative or absolute). With them a Rust panic that carries only a message of
/// its own is seen as an assertion where the line that panicked is one.
pub fn read_with(
    kind: Kind,
    exit: Option<i32>,
    output: &str,
    reports: &[(String, Vec<u8>)],
    source: &dyn Fn(&str) -> Option<String>,
) -> RunReport {
    let text = text::plain(output);
    let heard = sum::Heard { exit, text: &text, reports, source };
    let found = (kinds::runner(kind).read)(&heard);
    sum::conclude(kind, &heard, found)
}

/// The result of one named test: the one of exactly that name, else those whose
/// printed name ends or begins with it at a boundary (`add` for `tests::add`,
/// `test_add` for `test_add[1]`), the worst of several; else the module or file
/// of that test, if that could not be loaded or built.
pub fn result_of<'r>(report: &'r RunReport, name: &str) -> Option<&'r TestResult> {
    sum::result_of(report, name)
}

/// Environment variables that make a runner's output readable and steady
/// whatever command calls it: no colours, no progress bars, names of passing
/// tests where a variable can ask for them.
pub fn instrument(kind: Kind) -> Vec<(String, String)> {
    let common = [("CI", "1"), ("NO_COLOR", "1"), ("TERM", "dumb"), ("COLUMNS", "200")];
    let own = kinds::runner(kind).variables;
    common.iter().chain(own).map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}
