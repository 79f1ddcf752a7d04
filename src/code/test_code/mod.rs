//! The code of tests: where they stand, how one is put into a file, what bars
//! it from being trusted, and what it is without its assertions.

use std::ops::Range;

mod assertions;
mod bindings;
mod faults;
mod files;
mod items;
mod place;
mod source;
mod strip;

pub use faults::faults;
pub use files::is_test_file;
pub use items::tests_in;
pub use place::place;
pub use strip::without_assertions;

/// A text without its assertions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stripped {
    /// The new text.
    Text(Vec<u8>),
    /// There are none to take out.
    NoAssertions,
    /// They cannot surely be taken out; says why.
    Unclear(String),
}

/// What may bar a test from being trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// It waits for time to pass.
    Sleep,
    /// It uses the network, be it loopback.
    Network,
    /// It reads the clock.
    Clock,
    /// It draws random values without a seed.
    Random,
    /// It, or others by it, may not run.
    Skip,
    /// It catches its own failure, or never waits for it.
    SwallowsFailure,
    /// It only calls.
    NoAssertion,
    /// An assertion holds whatever the code does.
    Tautology,
    /// It asserts what its own mocks give.
    MockOnly,
    /// It starts, ends or signals a process.
    Process,
    /// It reads what surrounds the process: variables, `/proc`.
    Environment,
    /// It reads or writes files at places of its own choice.
    Files,
}

/// A place in a test that bars it from being trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Where, from 1.
    pub line: u32,
    /// A sentence that says what is wrong and what to do instead.
    pub why: String,
}

/// Where proposed code goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Into a test file that exists.
    Append,
    /// Into a test file of its own.
    NewFile,
    /// Into the test module of a Rust file, made where missing.
    Module,
}

/// Code that somebody proposes as a test. Nothing in it is trusted.
#[derive(Debug, Clone, Copy)]
pub struct Proposed<'a> {
    /// Where it goes, with `/`, relative to the checkout's root.
    pub path: &'a str,
    /// The test's name as the runner prints it, qualified or not.
    pub name: &'a str,
    /// The test, perhaps with helpers.
    pub code: &'a str,
    /// Imports that it needs, one each. A `package` line gives a new file's package.
    pub imports: &'a [String],
    /// How it is put there.
    pub placement: Placement,
}

/// A file's text with proposed code in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The whole text.
    pub text: Vec<u8>,
    /// The lines that are new, in the new text: from 1, ends not held, ascending.
    pub lines: Vec<Range<u32>>,
    /// Where the named test itself stands.
    pub test: Range<u32>,
    /// What it stands in, by name, outermost first.
    pub containers: Vec<String>,
}

impl Placed {
    /// The name under which a Rust test runs in the module that it was put into: a name
    /// that lacks the module gets it (`parse::adds` in `mod tests` is
    /// `parse::tests::adds`).
    pub fn name_in_module(&self, name: &str) -> String {
        let (front, own) = name.rsplit_once("::").map_or(("", name), |(front, own)| (front, own));
        let front: Vec<&str> = front.split("::").filter(|part| !part.is_empty()).collect();
        let inner: Vec<&str> = self.containers.iter().map(String::as_str).collect();
        // What of the module the name has already.
        let had = (0..=inner.len()).rev().find(|had| front.ends_with(&inner[..*had])).unwrap_or(0);
        let whole: Vec<&str> =
            front.into_iter().chain(inner[had..].iter().copied()).chain([own]).collect();
        whole.join("::")
    }
}

/// A test in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestItem {
    /// As runners print it: `parse::tests::adds`, `tests/test_a.py::TestA::test_b`,
    /// `TestA`, `a.b.FooTest.adds`, `group > adds` (of scripts), `Group adds` (of
    /// RSpec), `a\FooTest::testAdds`.
    pub name: String,
    /// What it stands in: a class, a module, groups; as the language joins them.
    pub container: Option<String>,
    /// Its lines, with comments and attributes right above: from 1, end not held.
    pub lines: Range<u32>,
}
