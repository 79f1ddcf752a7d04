//! What a review found, in the shape of `pipewright.review/1`.
//!
//! Others read this JSON: fields are only ever added, and the number in
//! [`SCHEMA`] changes when one is removed or changes its meaning.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity};

/// The value of `schema` in the JSON.
pub const SCHEMA: &str = "pipewright.review/1";

/// The result of a review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// `offline`, or provider and name: `anthropic:claude-sonnet-5-5`.
    pub model: String,
    /// The revision the change starts from (the merge base).
    pub base: String,
    /// The revision under review; a checkout with uncommitted work says `worktree`.
    pub head: String,
    /// What the change does and the verdict, in Markdown.
    pub summary: String,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// What was said but did not hold.
    pub dropped: Vec<Dropped>,
    /// How much of the change was looked at.
    pub coverage: Coverage,
    /// What it cost.
    pub usage: Usage,
    /// Coverage of the change's own lines by tests, where a report was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestEvidence>,
    /// What the reader has to know: a cap reached, a file that could not be
    /// read, a host that refused. One sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What kind of change it is, how much work to review, what could break, and
    /// who knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
}

impl Report {
    /// The worst severity found, if anything was.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// How many findings are at or above `limit`; none if there is no limit.
    pub fn at_or_above(&self, limit: Option<Severity>) -> usize {
        limit.map_or(0, |limit| self.findings.iter().filter(|f| f.severity >= limit).count())
    }
}

/// Something that was said but is not published, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// Where it was said to be.
    pub path: String,
    /// The line as claimed.
    pub line: u32,
    /// What was said, in one line.
    pub title: String,
}

/// Why something that was said is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropReason {
    /// Its file or its line is not part of the change.
    NotInDiff,
    /// No line of the file's diff reads like its quote.
    QuoteMismatch,
    /// Another finding says the same about the same place.
    Duplicate,
    /// A person resolved or dismissed it before.
    Dismissed,
    /// Below `min_confidence`.
    LowConfidence,
    /// Beyond `max_findings`.
    OverLimit,
    /// A second pass found it wrong.
    Refuted,
}

/// How much of the change was looked at. Lines are changed (added or removed)
/// lines; without a model, "reviewed" means by the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Changed files.
    pub files: usize,
    /// Of them, looked at whole.
    pub files_reviewed: usize,
    /// Changed lines.
    pub lines: usize,
    /// Of them, looked at.
    pub lines_reviewed: usize,
    /// Files that were left out, wholly or in part, and why.
    pub skipped: Vec<Skipped>,
}

/// A file that was left out, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// Which.
    pub path: String,
    /// In words: `generated`, `lock file`, `binary`, `beyond max_cost_usd`, …
    pub reason: String,
}

/// What the model was asked and what that cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Requests that were answered.
    pub requests: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Of them, read from the provider's cache.
    pub cached_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// By the price table, in US dollars.
    pub cost_usd: f64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, more: Usage) {
        self.requests += more.requests;
        self.input_tokens += more.input_tokens;
        self.cached_tokens += more.cached_tokens;
        self.output_tokens += more.output_tokens;
        self.cost_usd += more.cost_usd;
    }
}

/// Whether tests reach the change's new lines, and what the tests said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestEvidence {
    /// New lines that a coverage report knows as executable.
    pub lines: usize,
    /// Of them, executed by a test.
    pub covered: usize,
    /// Per file, only files with new executable lines.
    pub files: Vec<FileCoverage>,
    /// Tests run, by the JUnit reports found.
    pub tests: usize,
    /// Of them, failed or in error.
    pub failed: usize,
    /// Of them, skipped.
    pub skipped: usize,
    /// The report files that were read, relative to the checkout.
    pub reports: Vec<String>,
}

/// Coverage of one file's new lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCoverage {
    /// The file.
    pub path: String,
    /// New lines that are executable.
    pub lines: usize,
    /// Of them, executed.
    pub covered: usize,
    /// New lines that no test executes, ascending.
    pub uncovered: Vec<u32>,
}

/// What plain code can say of a change as a whole; `scan::assess` makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// What the change is; `None` where nothing tells.
    pub kind: Option<ChangeKind>,
    /// Work to review it, 1 (minutes) to 5 (better divided).
    pub effort: u8,
    /// What a mistake in it could break.
    pub risk: Risk,
    /// The facts that decided the risk, weightiest first; three at most.
    pub reasons: Vec<String>,
    /// Who should look, without `@`, so that nobody is notified; best first.
    pub owners: Vec<String>,
}

/// What a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Something new.
    Feature,
    /// Something mended.
    Bugfix,
    /// The same in another form.
    Refactor,
    /// Documentation alone.
    Docs,
    /// Tests alone.
    Tests,
    /// Other versions of what others made.
    Dependencies,
    /// Pipelines alone.
    Ci,
    /// Settings alone.
    Config,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [ChangeKind; 8] = [
        ChangeKind::Feature,
        ChangeKind::Bugfix,
        ChangeKind::Refactor,
        ChangeKind::Docs,
        ChangeKind::Tests,
        ChangeKind::Dependencies,
        ChangeKind::Ci,
        ChangeKind::Config,
    ];

    /// The word in JSON, comments and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Feature => "feature",
            ChangeKind::Bugfix => "bugfix",
            ChangeKind::Refactor => "refactor",
            ChangeKind::Docs => "docs",
            ChangeKind::Tests => "tests",
            ChangeKind::Dependencies => "dependencies",
            ChangeKind::Ci => "ci",
            ChangeKind::Config => "config",
        }
    }
}

/// What a mistake in a change could break, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Little.
    Low,
    /// Something that people would notice.
    Medium,
    /// Data, money, access, or everybody's work.
    High,
}

impl Risk {
    /// Every level, least first.
    pub const ALL: [Risk; 3] = [Risk::Low, Risk::Medium, Risk::High];

    /// The word in JSON, comments and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
        }
    }
}
