//! Too few requests or points to tell anything, and a window that has only begun.

use super::super::Finding;
use super::missing::lower;
use super::several;
use crate::decide::case::{Case, Judged};
use crate::decide::decision::{DataProblem, Verdict};
use crate::decide::judge::{ALPHA, Enough};
use crate::decide::spec::{Class, Kind};
use crate::decide::text;

/// Signals with too little data: a problem each, and a finding where it stands in the way.
pub fn rule(case: &Case) -> (Option<Finding>, Vec<DataProblem>) {
    let mut problems = Vec::new();
    let mut blocking: Vec<(&Judged, String)> = Vec::new();
    for judged in &case.signals {
        let Enough::Few(why) = &judged.tested.enough else { continue };
        let name = &judged.signal.name;
        let mut why = format!("`{name}`: {}", lower(why));
        let suspect = judged.tested.two.filter(|two| {
            two.worse < ALPHA && two.badness(judged.signal, &case.spec.policy) >= 1.0
        });
        if let Some(two) = suspect {
            why += &format!(
                " What there is looks bad: {} against {}.",
                text::level(judged.signal, two.a),
                text::level(judged.signal, two.b)
            );
        }
        let ratio = judged.signal.kind == Kind::Ratio;
        let failures = ratio && judged.signal.class == Class::Reliability;
        if judged.needed() || failures || suspect.is_some() || judged.tested.limit.beyond {
            blocking.push((judged, why.clone()));
        }
        let rule = rule_of(judged);
        problems.push(DataProblem { rule, signal: Some(name.clone()), why });
    }
    let unjudged =
        |judged: &Judged| matches!(judged.verdict, Verdict::NoData | Verdict::Insufficient);
    let none = !case.signals.is_empty()
        && case.signals.iter().all(unjudged)
        && problems.iter().any(|problem| problem.rule.starts_with("too_few"));
    let finding = if let Some((judged, why)) = blocking.first() {
        let finding = Finding::investigate(rule_of(judged), several(why, blocking.len()));
        Some(Finding { signal: Some(judged.signal.name.clone()), ..finding })
    } else if none {
        let first = problems.first();
        let why = first.map(|problem| problem.why.clone()).unwrap_or_default();
        let rule = first.map_or("too_few_requests", |problem| problem.rule);
        Some(Finding::investigate(rule, format!("No signal could be judged. {why}")))
    } else if case.frame.only_warmup {
        let why = format!(
            "The points end within the warm-up of {}: it is too early to judge.",
            text::duration(case.spec.windows.warmup)
        );
        Some(Finding::investigate("too_early", why))
    } else {
        None
    };
    (finding, problems)
}

fn rule_of(judged: &Judged) -> &'static str {
    if judged.signal.kind == Kind::Ratio { "too_few_requests" } else { "too_few_points" }
}
