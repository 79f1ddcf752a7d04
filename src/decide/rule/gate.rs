//! Step 2: whether the data can carry a decision, and whether there is anything to
//! decide.

pub mod change;
pub mod deployment;
pub mod few;
pub mod gap;
pub mod missing;
pub mod reset;
pub mod skew;

use super::Finding;
use crate::decide::case::Case;
use crate::decide::decision::DataProblem;

/// What stands in the way, in order, and what is wrong with the data but does not.
pub fn gate(case: &Case, trouble: bool) -> (Vec<Finding>, Vec<DataProblem>) {
    let mut problems: Vec<DataProblem> = Vec::new();
    let mut findings = Vec::new();
    for rule in ["clock_skew", "counter_reset", "gap"] {
        let own: Vec<DataProblem> = case
            .signals
            .iter()
            .flat_map(|judged| &judged.problems)
            .filter(|problem| problem.rule == rule)
            .cloned()
            .collect();
        if let Some(first) = own.first() {
            findings.push(Finding {
                signal: first.signal.clone(),
                ..Finding::investigate(rule, several(&first.why, own.len()))
            });
        }
        problems.extend(own);
    }
    for found in [missing::rule(case), few::rule(case)] {
        findings.extend(found.0);
        problems.extend(found.1);
    }
    findings.extend(change::baseline_touched(case));
    findings.extend(change::concurrent(case, trouble));
    findings.extend(deployment::state(case));
    findings.extend(deployment::no_previous(case));
    (findings, problems)
}

/// The first of several reasons, with how many more there are.
pub fn several(first: &str, count: usize) -> String {
    match count {
        0 | 1 => first.to_owned(),
        2 => format!("{first} Another signal has the same."),
        count => format!("{first} {} further signals have the same.", count - 1),
    }
}
