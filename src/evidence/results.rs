//! What test reports have in common: cases, their outcome, and what they said.

use super::Format;

/// The result of a test run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// What it was read from.
    pub format: Format,
    /// In the report's order.
    pub cases: Vec<Case>,
    /// Counts of suites that give counts but no cases.
    pub uncounted: Counts,
    /// What was read, in the format's own elements: one case may have several.
    pub elements: Elements,
}

/// One test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// Its class, module or package, else its suite.
    pub class: String,
    /// Its name.
    pub name: String,
    /// How it ended; the worst, if it has several results.
    pub outcome: Outcome,
    /// The file, if the report names it.
    pub file: Option<String>,
    /// The line in `file`, from 1.
    pub line: Option<u32>,
    /// What it said when it failed: message and trace. Empty otherwise.
    pub said: String,
}

/// How a test ended, best first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It passed.
    #[default]
    Passed,
    /// It failed, was run again, and passed.
    Flaky,
    /// It was not run.
    Skipped,
    /// A check in it failed.
    Failed,
    /// It broke before or beside its checks.
    Error,
}

impl Outcome {
    /// Whether it failed or broke.
    pub fn is_failure(self) -> bool {
        self >= Outcome::Failed
    }
}

/// How many tests there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub tests: usize,
    /// Failed or in error.
    pub failed: usize,
    /// Skipped or disabled.
    pub skipped: usize,
}

/// Elements of a report; `failures`, `errors` and `skipped` may stand in one case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Elements {
    /// Test cases.
    pub cases: usize,
    /// Failures.
    pub failures: usize,
    /// Errors.
    pub errors: usize,
    /// Skips.
    pub skipped: usize,
}

impl TestReport {
    /// Over all cases, and suites without.
    pub fn counts(&self) -> Counts {
        let mut counts = self.uncounted;
        counts.tests = counts.tests.saturating_add(self.cases.len());
        for case in &self.cases {
            counts.failed = counts.failed.saturating_add(usize::from(case.outcome.is_failure()));
            counts.skipped =
                counts.skipped.saturating_add(usize::from(case.outcome == Outcome::Skipped));
        }
        counts
    }
}
