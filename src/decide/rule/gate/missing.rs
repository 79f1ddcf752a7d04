//! Series that are not there.

use super::super::Finding;
use super::several;
use crate::decide::case::Case;
use crate::decide::decision::{DataProblem, Verdict};
use crate::decide::judge::Enough;

/// Signals without data: a problem each, and a finding where there is no decision
/// without one.
pub fn rule(case: &Case) -> (Option<Finding>, Vec<DataProblem>) {
    let mut problems = Vec::new();
    let mut needed = Vec::new();
    for judged in &case.signals {
        let Enough::Nothing(why) = &judged.tested.enough else { continue };
        let name = judged.signal.name.clone();
        let why = format!("`{name}`: {}", lower(why));
        // Beyond its limit, a missing baseline cannot be shrugged off.
        let beyond = judged.tested.limit.beyond;
        if judged.signal.required || judged.signal.critical || beyond {
            needed.push((name.clone(), why.clone()));
        }
        problems.push(DataProblem { rule: "missing_series", signal: Some(name), why });
    }
    let nothing = !case.signals.is_empty()
        && case.signals.iter().all(|judged| judged.verdict == Verdict::NoData);
    let finding = if let Some((name, why)) = needed.first() {
        let finding = Finding::investigate("missing_series", several(why, needed.len()));
        Some(Finding { signal: Some(name.clone()), ..finding })
    } else if nothing {
        let why = "No signal has data of both versions: there is nothing to decide by.";
        Some(Finding::investigate("missing_data", why))
    } else if case.signals.is_empty() && case.spec.health.is_empty() && case.classes.is_none() {
        let why = "There are no signals, no health and no logs: there is nothing to decide by.";
        Some(Finding::investigate("missing_data", why))
    } else {
        None
    };
    (finding, problems)
}

/// A sentence to stand behind a colon.
pub fn lower(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
