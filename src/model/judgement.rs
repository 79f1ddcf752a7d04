//! The answer of a refutation: the tool the model calls, and reading what it says.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Tool;

/// The name of the answer tool.
pub const JUDGE_FINDING: &str = "judge_finding";

/// Longest reason kept, in characters.
const LONGEST_REASON: usize = 1_000;

/// Whether a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The defect was reproduced in thought: input, path, wrong outcome.
    Holds,
    /// It is true, but not worth a change.
    Minor,
    /// Something in the code makes it impossible, or it is none.
    Refuted,
    /// Neither could be shown.
    Unsure,
}

/// What was found out about a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Whether it stands.
    pub verdict: Verdict,
    /// What shows it, in a sentence or two.
    pub reason: String,
    /// How likely it is, from 0 to 1, that the finding is right.
    pub probability: f64,
}

/// The answer tool.
pub fn judge_finding_tool() -> Tool {
    Tool {
        name: JUDGE_FINDING.to_owned(),
        description: "Say whether a finding of another reviewer stands. Only for turns that ask \
            you to judge one."
            .to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "reason": {"type": "string", "description": "The line of code or the path of execution that decides it, in one to three sentences."},
                "verdict": {"type": "string", "enum": ["holds", "minor", "refuted", "unsure"],
                    "description": "holds: you followed the failing case through the code and it fails as claimed. minor: it is true, and yet no reason to change the code. refuted: the code shows that it is not true, that it cannot happen, or that it was so before the change (code that was only moved counts as before). unsure: the code at hand decides neither."},
                "probability": {"type": "number", "description": "From 0 to 1: how likely it is that what the finding says of the code is true."},
            },
            "required": ["reason", "verdict", "probability"],
            "additionalProperties": false,
        }),
    }
}

/// Read an answer.
///
/// # Errors
/// In words for the model: there is no verdict, or none that is known.
pub fn parse_judgement(value: &Value) -> Result<Judgement, String> {
    let word = value.get("verdict").and_then(Value::as_str).unwrap_or_default();
    let verdict = match word.trim().to_ascii_lowercase().as_str() {
        "holds" | "hold" | "confirmed" | "valid" => Verdict::Holds,
        "minor" | "trivial" => Verdict::Minor,
        "refuted" | "refute" | "rejected" | "invalid" | "false" => Verdict::Refuted,
        "unsure" | "uncertain" | "unknown" => Verdict::Unsure,
        _ => return Err("`verdict` is none of `holds`, `minor`, `refuted`, `unsure`".to_owned()),
    };
    let reason = value.get("reason").and_then(Value::as_str).unwrap_or_default();
    let said = value.get("probability").and_then(|number| match number {
        Value::String(text) => text.trim().parse().ok(),
        number => number.as_f64(),
    });
    let usual = match verdict {
        Verdict::Holds | Verdict::Minor => 0.8,
        Verdict::Refuted => 0.1,
        Verdict::Unsure => 0.5,
    };
    let probability = said.filter(|number: &f64| number.is_finite()).unwrap_or(usual);
    Ok(Judgement {
        verdict,
        reason: reason.chars().take(LONGEST_REASON).collect(),
        probability: probability.clamp(0.0, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements_are_read_as_models_write_them() {
        let check = |answer: Value, expect: Option<(Verdict, f64)>| {
            let read = parse_judgement(&answer).ok().map(|j| (j.verdict, j.probability));
            assert_eq!(read, expect, "{answer}");
        };
        check(
            json!({"reason": "r", "verdict": "holds", "probability": 0.9}),
            Some((Verdict::Holds, 0.9)),
        );
        check(json!({"verdict": "Refuted"}), Some((Verdict::Refuted, 0.1)));
        check(json!({"verdict": "unsure", "probability": "0.4"}), Some((Verdict::Unsure, 0.4)));
        check(json!({"verdict": "holds", "probability": 7}), Some((Verdict::Holds, 1.0)));
        check(json!({"verdict": "maybe"}), None);
        check(json!({"findings": []}), None);
        check(json!("holds"), None);
    }

    #[test]
    fn the_tool_can_be_strict() {
        let tool = judge_finding_tool();
        assert_eq!(crate::model::anthropic::strict_optional(&tool.input_schema), Some(0));
    }
}
