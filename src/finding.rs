//! What we have to say about a line: findings, their severity, and where they come from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How bad a finding is, least first, so that `>=` reads as "at or above".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, nothing to do.
    Info,
    /// A nit or a small risk.
    Low,
    /// Should be mended, need not block.
    Medium,
    /// A defect or a weakness that should block a merge.
    High,
    /// Data loss, a way in, or an outage.
    Critical,
}

impl Severity {
    /// Every severity, least first.
    pub const ALL: [Severity; 5] =
        [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// The word used in inputs, JSON and comments.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Severity::ALL
            .into_iter()
            .find(|severity| severity.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("`{text}` is not a severity"))
    }
}

/// Which version of the file a line number counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The file as the change leaves it: added and context lines.
    New,
    /// The file as it was: removed lines.
    Old,
}

/// Who says so. Written `rule:<id>` or `model:<name>` in JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A rule of ours (`secrets`), or a scanner's, as `<tool>/<rule>`.
    Rule(String),
    /// A language model, by provider and name: `anthropic:claude-sonnet-5-5`.
    Model(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Rule(id) => write!(f, "rule:{id}"),
            Source::Model(name) => write!(f, "model:{name}"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("rule", id)) => Ok(Source::Rule(id.to_owned())),
            Some(("model", name)) => Ok(Source::Model(name.to_owned())),
            _ => Err(serde::de::Error::custom("expected `rule:<id>` or `model:<name>`")),
        }
    }
}

/// An edit that applies: the text that replaces the finding's lines `line..=end_line`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Without a final line end; empty means "delete these lines".
    pub replacement: String,
}

/// A stable name for a finding, equal across runs, rebases and moved lines.
///
/// It is made of the path, the side, the text the finding stands on, which of
/// several equal lines that is, and the rule or category: not of line numbers
/// and not of wording, which a model changes from run to run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

impl Fingerprint {
    /// `what` is a rule's id or a model finding's category; `quote` the text of
    /// the anchored lines; `nth` counts equal quotes in the file's diff from 0.
    pub fn new(path: &str, side: Side, quote: &str, nth: usize, what: &str) -> Self {
        let mut hash = Sha256::new();
        let side = match side {
            Side::New => "new",
            Side::Old => "old",
        };
        let nth = nth.to_string();
        for part in [path, side, quote.trim(), nth.as_str(), what] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        Fingerprint(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One remark on a proven place. Every finding that leaves the program stands
/// on a line of the diff, on the side it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// See [`Fingerprint`].
    pub id: Fingerprint,
    /// The file, as the side names it; slashes, relative to the repository.
    pub path: String,
    /// Which version `line` counts in.
    pub side: Side,
    /// First line, from 1.
    pub line: u32,
    /// Last line, at least `line`, in the same hunk.
    pub end_line: u32,
    /// How bad.
    pub severity: Severity,
    /// One word: `correctness`, `security`, `secret`, `ci`, `coverage`, …
    pub category: String,
    /// 0 to 1; rules that cannot be wrong say 1.
    pub confidence: f64,
    /// One line, plain text.
    pub title: String,
    /// Markdown: why it matters and what to do.
    pub body: String,
    /// An edit that was applied in memory and changes the file.
    pub suggestion: Option<Suggestion>,
    /// Who says so.
    pub source: Source,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ordered_and_round_trip() {
        assert!(Severity::Critical > Severity::High);
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(severity));
        }
        assert!("blocker".parse::<Severity>().is_err());
    }

    #[test]
    fn fingerprints_tell_places_apart_but_not_indentation() {
        let one = Fingerprint::new("a.rs", Side::New, "  let x = 1;", 0, "correctness");
        assert_eq!(one, Fingerprint::new("a.rs", Side::New, "let x = 1;", 0, "correctness"));
        assert_ne!(one, Fingerprint::new("a.rs", Side::New, "let x = 1;", 1, "correctness"));
        assert_ne!(one, Fingerprint::new("a.rs", Side::Old, "let x = 1;", 0, "correctness"));
        assert_eq!(one.0.len(), 16);
    }

    #[test]
    fn sources_round_trip_as_text() {
        for source in [Source::Rule("secrets".into()), Source::Model("anthropic:x".into())] {
            let json = serde_json::to_string(&source).unwrap();
            assert_eq!(serde_json::from_str::<Source>(&json).unwrap(), source);
        }
        assert!(serde_json::from_str::<Source>("\"someone\"").is_err());
    }
}
