//! Step 6: what the new version writes that the old one does not.

use super::Finding;
use crate::decide::decision::{LogExample, LogResult};
use crate::decide::spec::Spec;
use crate::decide::text;
use crate::log::compare::Lengths;
use crate::log::{Allow, Classed, Classes, Severity, compare};

/// The lines of a spec by class; `None` if it carries none.
pub fn classes(spec: &Spec, lengths: Lengths) -> Option<Classes> {
    let logs = &spec.logs;
    if logs.canary.is_empty() && logs.baseline.is_empty() {
        return None;
    }
    let allow = Allow::new(&logs.allow).unwrap_or_default();
    Some(compare(&logs.canary, &logs.baseline, allow, lengths))
}

/// Examples that are written out.
const EXAMPLES: usize = 10;

/// What lines are trouble: errors that come again and again.
fn trouble(classed: &&Classed) -> bool {
    classed.severity == Severity::Error && classed.stable
}

/// What the logs say and call for.
pub fn rule(classes: Option<&Classes>) -> (LogResult, Finding) {
    const RULE: &str = "new_errors";
    let Some(classes) = classes else {
        return (LogResult::default(), Finding::pass(RULE, "There are no logs."));
    };
    let new: Vec<&Classed> = classes.new.iter().filter(trouble).collect();
    let rising: Vec<&Classed> = classes.rising.iter().filter(trouble).collect();
    let telling = |list: &[Classed]| {
        list.iter().filter(|classed| classed.severity == Severity::Error).count()
    };
    let example = |class| {
        move |classed: &&Classed| LogExample {
            class,
            template: classed.template.clone(),
            canary: classed.canary,
            baseline: classed.baseline,
            line: classed.line.clone(),
        }
    };
    let result = LogResult {
        new: telling(&classes.new),
        rising: telling(&classes.rising),
        known: classes.known,
        allowed: classes.allowed,
        examples: new
            .iter()
            .map(example("new"))
            .chain(rising.iter().map(example("rising")))
            .take(EXAMPLES)
            .collect(),
    };
    let finding = match (new.first(), rising.first()) {
        (Some(first), _) => Finding::investigate(
            RULE,
            format!(
                "The new version writes {} that the old one does not, again and again: {} ({} lines).",
                if new.len() == 1 {
                    "an error".to_owned()
                } else {
                    format!("{} errors", new.len())
                },
                shown(first),
                first.canary
            ),
        ),
        (None, Some(first)) => Finding::investigate(
            "rising_errors",
            format!(
                "The new version writes {} far more often than the old one: {} ({} lines against {}).",
                if rising.len() == 1 {
                    "an error".to_owned()
                } else {
                    format!("{} errors", rising.len())
                },
                shown(first),
                first.canary,
                first.baseline
            ),
        ),
        (None, None) => Finding::pass(
            RULE,
            format!(
                "No errors that are new and come again ({} lines of the new version).",
                text::number(classes.canary_lines as f64)
            ),
        ),
    };
    (result, finding)
}

/// A template on one line, cut where long.
fn shown(classed: &Classed) -> String {
    const MOST: usize = 160;
    let line: String = classed.template.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("“{}…”", line.get(..end).unwrap_or_default()),
        None => format!("“{line}”"),
    }
}
