//! Step 5: what calls for a rollback.

use super::Finding;
use super::signals::sentence;
use crate::decide::case::{Case, Judged};
use crate::decide::decision::{Action, Verdict};
use crate::decide::judge::Way;
use crate::decide::spec::{Class, Kind, Policy};
use crate::decide::text;

/// The signals that call for a rollback, by rule.
pub fn rules(case: &Case) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for judged in case.worse() {
        let found = if error_rate(judged) {
            Some(("error_rate", "Its lower confidence bound is beyond the limit, too, and it lasts."))
        } else if critical_limit(&case.spec.policy, judged) {
            Some(("critical_limit", "It is critical, and beyond its limit to the end."))
        } else {
            None
        };
        if let Some((rule, how)) = found {
            let since = match judged.tested.limit.since {
                Some(at) => format!(" Since {}.", text::time(at)),
                None => String::new(),
            };
            findings.push(Finding {
                action: Some(Action::Rollback),
                sure: 1.0 - judged.p.min(1.0),
                signal: Some(judged.signal.name.clone()),
                ..Finding::pass(rule, format!("{} {how}{since}", sentence(case.spec, judged)))
            });
        }
    }
    // Those that may act come first.
    findings.sort_by_key(|finding| {
        (!acts(&case.spec.policy, finding), finding.rule != "error_rate")
    });
    findings
}

/// A ratio of failures above its limit, its lower bound too, worse than the baseline,
/// and for `consecutive` windows.
fn error_rate(judged: &Judged) -> bool {
    let limit = &judged.tested.limit;
    judged.signal.kind == Kind::Ratio
        && judged.signal.class == Class::Reliability
        && judged.verdict == Verdict::Worse
        && judged.tested.way != Way::FromNothing
        && limit.beyond
        && limit.surely
        && limit.persistent
}

/// A critical signal beyond its limit to the end and worse than the baseline, or a leak
/// that has reached it.
fn critical_limit(policy: &Policy, judged: &Judged) -> bool {
    let limit = &judged.tested.limit;
    let leaked = judged.tested.leak.is_some_and(|leak| leak.reached && leak.matters(policy.practical_gauge));
    judged.signal.critical
        && judged.verdict == Verdict::Worse
        && (limit.to_the_end || leaked && limit.at_the_end)
        && (judged.signal.kind != Kind::Ratio || limit.surely)
}

/// Whether the policy lets a finding's rollback be carried out: its rule or its signal is
/// named in `act_on`, `-` and `_` alike; `limit` also means a critical signal's limit.
pub fn acts(policy: &Policy, finding: &Finding) -> bool {
    let plain = |text: &str| text.trim().to_ascii_lowercase().replace('-', "_");
    policy.act_on.iter().map(|entry| plain(entry)).any(|entry| {
        entry == finding.rule
            || (entry == "limit" && finding.rule == "critical_limit")
            || finding.signal.as_deref().is_some_and(|signal| plain(signal) == entry)
    })
}
