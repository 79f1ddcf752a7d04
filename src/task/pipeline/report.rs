//! The results as JSON: `pipewright.pipeline-check/1` and its neighbours.

use serde::Serialize;

use crate::finding::Finding;
use crate::report::Usage;

/// The value of `schema` in the JSON of `check`.
pub const CHECK: &str = "pipewright.pipeline-check/1";
/// The value of `schema` in the JSON of `optimize`.
pub const OPTIMIZE: &str = "pipewright.pipeline-optimize/1";

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was read.
    Read,
    /// It is none that is read; the reason says why.
    Declined,
    /// It is broken; the reason says where and how.
    Invalid,
}

/// A file of `check`.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedFile {
    /// As it was named.
    pub path: String,
    /// Whose; `null` where nothing tells.
    pub platform: Option<&'static str>,
    /// What became of it.
    pub status: Status,
    /// Why, where it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The result of `check`.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// [`CHECK`].
    pub schema: &'static str,
    /// `offline`, or provider and name.
    pub model: String,
    /// Every file that was looked at.
    pub files: Vec<CheckedFile>,
    /// As in a review.
    pub findings: Vec<Finding>,
    /// What the reader has to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it cost.
    pub usage: Usage,
}

/// The result of `optimize`.
#[derive(Debug, Clone, Serialize)]
pub struct OptimizeReport {
    /// [`OPTIMIZE`].
    pub schema: &'static str,
    /// `offline`, or provider and name.
    pub model: String,
    /// Every file that was looked at.
    pub files: Vec<OptimizedFile>,
    /// What the reader has to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it cost.
    pub usage: Usage,
}

/// A file of `optimize`.
#[derive(Debug, Clone, Serialize)]
pub struct OptimizedFile {
    /// As it was named.
    pub path: String,
    /// Whose; `null` where nothing tells.
    pub platform: Option<&'static str>,
    /// What became of it.
    pub status: Status,
    /// Why, where it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its part of the unified diff; empty where nothing changes.
    pub diff: String,
    /// All changes of this file together: they are not a sum of the single ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saving: Option<Saving>,
    /// What the diff does.
    pub changes: Vec<Change>,
    /// What a person has to decide.
    pub suggestions: Vec<Suggestion>,
    /// What could not be proven.
    pub withheld: Vec<Withheld>,
}

/// What a change would save.
#[derive(Debug, Clone, Serialize)]
pub struct Saving {
    /// Seconds of a run: 10th, 50th and 90th percentile.
    pub wall_seconds: [f64; 3],
    /// US dollars a run; `null` where the platform has no price a minute.
    pub cost_usd: Option<[f64; 3]>,
    /// `history` or `estimate`.
    pub basis: &'static str,
    /// What it rests on, in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A change that the diff makes.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The rule, or `model:<name>`.
    pub rule: String,
    /// What was wrong.
    pub title: String,
    /// Where, in the file as it was.
    pub line: u32,
    /// Why it matters.
    pub why: String,
    /// What it saves.
    pub saving: Option<Saving>,
    /// What was checked.
    pub proof: Vec<String>,
}

/// Something that a person has to decide.
#[derive(Debug, Clone, Serialize)]
pub struct Suggestion {
    /// The rule.
    pub rule: String,
    /// What is wrong.
    pub title: String,
    /// Where.
    pub line: u32,
    /// Why it matters.
    pub why: String,
    /// What it would save.
    pub saving: Option<Saving>,
}

/// Something that could not be proven.
#[derive(Debug, Clone, Serialize)]
pub struct Withheld {
    /// The rule.
    pub rule: String,
    /// Where.
    pub line: u32,
    /// Which proof failed.
    pub reason: String,
}
