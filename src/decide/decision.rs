//! What was decided, and on what grounds: `pipewright.verify/1` as it is written.

use serde::Serialize;

/// What to do with a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing speaks against it.
    Proceed,
    /// A person has to look.
    Investigate,
    /// Take it back.
    Rollback,
}

/// A decision with its grounds. It can be replayed: the same spec gives the same bytes.
#[derive(Debug, Clone, Serialize)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Why, in a sentence.
    pub reason: String,
    /// The rule that decided (`health`, `error_rate`, `critical_limit`, `missing_data` …).
    pub rule: &'static str,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// Whether the policy lets a rollback be carried out without a person.
    pub clear_cut: bool,
    /// Each signal's verdict, in the spec's order.
    pub signals: Vec<SignalResult>,
    /// What the logs say.
    pub logs: LogResult,
    /// Whose trouble it is.
    pub attribution: Attribution,
    /// What the data lacks.
    pub data_quality: DataQuality,
    /// What the model said.
    pub model: ModelResult,
    /// The rules that were gone through, in order, and what each saw.
    pub evidence: Vec<Evidence>,
}

/// What a signal says of the new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Better than the baseline.
    Better,
    /// Not told apart from it, or by too little to matter.
    Same,
    /// Worse.
    Worse,
    /// There is no series.
    NoData,
    /// There is too little to tell.
    Insufficient,
}

/// A signal's verdict.
#[derive(Debug, Clone, Serialize)]
pub struct SignalResult {
    /// The signal's name.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The test that gave it, by its name in the literature.
    pub test: Option<&'static str>,
    /// The difference to the baseline: absolute for a ratio, relative for the others.
    pub effect: Option<f64>,
    /// The effect's confidence interval.
    pub interval: Option<[f64; 2]>,
    /// The p value, corrected for the number of signals.
    pub p: Option<f64>,
    /// How much was compared.
    pub n: Compared,
    /// Why, in a sentence.
    pub why: String,
    /// What the spec says is critical.
    pub critical: bool,
    /// Level of the new version (a ratio: pooled share; else the median).
    pub canary: Option<f64>,
    /// Level of the baseline.
    pub baseline: Option<f64>,
    /// Whether its limit is passed to the end of the window.
    pub beyond_limit: bool,
}

/// How much was compared: requests of a ratio, points of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Of the new version.
    pub canary: u64,
    /// Of the baseline.
    pub baseline: u64,
}

/// What the logs say: how many templates of each class, and examples.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LogResult {
    /// Templates that only the new version writes and that tell of trouble.
    pub new: usize,
    /// Templates of trouble that it writes far more often.
    pub rising: usize,
    /// Templates of both.
    pub known: usize,
    /// Templates that the spec allows.
    pub allowed: usize,
    /// The most telling ones of `new` and `rising`.
    pub examples: Vec<LogExample>,
}

/// A template with a line of it.
#[derive(Debug, Clone, Serialize)]
pub struct LogExample {
    /// `new` or `rising`.
    pub class: &'static str,
    /// The template, with `<*>` where lines differ.
    pub template: String,
    /// Lines of the new version.
    pub canary: u64,
    /// Lines of the baseline.
    pub baseline: u64,
    /// One line as it stands.
    pub line: String,
}

/// Where trouble is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// There is none.
    #[default]
    Nobody,
    /// On the new version, on all its instances as far as known.
    NewVersion,
    /// On one or few instances of the new version.
    OneInstance,
    /// On the old version as well.
    Baseline,
    /// On a service that this one calls.
    Dependency,
    /// On other services as well.
    Sibling,
    /// It cannot be told.
    Unknown,
}

/// Whose trouble it is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Attribution {
    /// Where it is seen.
    pub whose: Whose,
    /// Names of the instances or services.
    pub names: Vec<String>,
    /// In a sentence.
    pub why: String,
}

/// What the data lacks.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DataQuality {
    /// Whether it was enough to decide.
    pub ok: bool,
    /// What is wrong with it.
    pub problems: Vec<DataProblem>,
}

/// Something wrong with the data.
#[derive(Debug, Clone, Serialize)]
pub struct DataProblem {
    /// Which rule saw it (`clock_skew`, `gap`, `missing_series`, `too_few_requests` …).
    pub rule: &'static str,
    /// The signal concerned.
    pub signal: Option<String>,
    /// What it is, in a sentence.
    pub why: String,
}

/// What the model said.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ModelResult {
    /// Its explanation; `None` if it was not asked or did not answer.
    pub said: Option<String>,
    /// Whether it made the decision more careful.
    pub changed_action: bool,
}

/// What a rule saw.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// The rule.
    pub rule: &'static str,
    /// What it called for; `None` if it let the decision pass.
    pub action: Option<Action>,
    /// What it saw, in a sentence.
    pub why: String,
}
