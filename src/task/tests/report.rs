//! The result of `tests` as JSON has it: `pipewright.tests/1`.

use serde::Serialize;

use crate::report::Usage;

/// The value of `schema`.
pub const SCHEMA: &str = "pipewright.tests/1";

/// All that a run found, tried and proved.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// `offline`, or provider and name.
    pub model: String,
    /// The revision the change starts from.
    pub base: String,
    /// The revision under test, or `worktree`.
    pub head: String,
    /// Which tests were asked for: `unit`, `data`, `security`, `benchmark`.
    pub kind: &'static str,
    /// The command that runs the suite; of several projects, the first one's.
    pub command: String,
    /// The projects that the change touches, and how each is tested.
    pub projects: Vec<ProjectReport>,
    /// What changed functions lack, the riskiest first.
    pub gap: Vec<Gap>,
    /// Changed files that no test can be written for here, and why.
    pub untestable: Vec<Untestable>,
    /// Every test that was proposed, accepted or not.
    pub candidates: Vec<Candidate>,
    /// A unified diff of the accepted tests; empty if there are none.
    pub diff: String,
    /// What the model took.
    pub usage: Usage,
    /// What the reader has to know, one sentence each.
    pub notes: Vec<String>,
}

/// A project and its tests.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ProjectReport {
    /// Its folder, `.` for the whole checkout.
    pub root: String,
    /// `cargo`, `pytest`, …
    pub kind: String,
    /// What told so.
    pub why: String,
    /// Runs its suite.
    pub command: String,
    /// Runs one test, with `{name}`.
    pub one: Option<String>,
    /// The suite on the head, before anything was added.
    pub baseline: Option<Baseline>,
}

/// A run of the suite.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Baseline {
    /// `passed`, `failed`, `did-not-build`, …
    pub outcome: String,
    /// Tests that it names; 0 where it names none.
    pub tests: usize,
    /// Of them, failed already.
    pub failing: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// What a changed function lacks.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Gap {
    /// Its file.
    pub path: String,
    /// Its name, behind that of its container.
    pub function: String,
    /// Its first and last line.
    pub lines: [u32; 2],
    /// Changed lines of it that no test reaches; empty where coverage is not known.
    pub uncovered: Vec<u32>,
    /// Whether coverage is known.
    pub coverage: bool,
    /// Changed lines with branches of which not all were taken.
    pub half_covered: Vec<u32>,
    /// What mutants of its changed lines showed.
    pub mutants: Mutants,
}

/// What mutants of a function showed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Mutants {
    /// Made and run, or known to live since no test reaches them.
    pub tried: usize,
    /// The suite noticed them.
    pub killed: usize,
    /// The suite did not.
    pub survived: Vec<Survivor>,
    /// Did not build, so they tell nothing.
    pub set_aside: usize,
}

/// A mutant that the suite lets live.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Survivor {
    /// `path:line:operator`.
    pub id: String,
    /// Its line.
    pub line: u32,
    /// What it changes, in words.
    pub change: String,
}

/// A changed file that no test can be written for here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Untestable {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What a candidate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It fails by assertion without the change.
    ProvenBase,
    /// It kills a mutant of the change that lived.
    ProvenMutant,
    /// It holds and reaches the change, and guards nothing that could be shown.
    CoverageOnly,
    /// It fails on the head, each time, by assertion.
    SuspectedBug,
    /// It does not hold.
    Rejected,
}

impl Verdict {
    /// Whether it is accepted: shown to guard something.
    pub fn is_proven(self) -> bool {
        matches!(self, Verdict::ProvenBase | Verdict::ProvenMutant)
    }

    /// As people and JSON have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::ProvenBase => "proven-base",
            Verdict::ProvenMutant => "proven-mutant",
            Verdict::CoverageOnly => "coverage-only",
            Verdict::SuspectedBug => "suspected-bug",
            Verdict::Rejected => "rejected",
        }
    }
}

/// A proposed test and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    /// As the runner prints it.
    pub name: String,
    /// Its file.
    pub path: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Why, a sentence.
    pub reason: String,
    /// What it guards, in the model's words.
    pub guards: String,
    /// What was run, in order.
    pub evidence: Vec<Evidence>,
    /// A unified diff of this test alone, against the head; empty if it has no place.
    pub diff: String,
}

/// One thing that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// `head`, `base`, `mutant ID`, or `stripped` behind one of them.
    pub on: String,
    /// The command, run in the project's folder.
    pub command: String,
    /// What it came to, with how often.
    pub outcome: String,
    /// What to apply first, for a mutant or a test without its assertions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
}
