//! Other changes: in the baseline they spoil the comparison, in the new version's window
//! they may be the cause of trouble.

use super::super::Finding;
use crate::decide::case::Case;
use crate::decide::spec::{ChangeKind, Concurrent};
use crate::decide::text;

fn told(change: &Concurrent) -> String {
    let kind = match change.kind {
        ChangeKind::Deployment => "a deployment",
        ChangeKind::Flag => "a flag",
        ChangeKind::Config => "a change of configuration",
        ChangeKind::Infrastructure => "a change of infrastructure",
    };
    let of = change.service.as_ref().map(|service| format!(" of {service}")).unwrap_or_default();
    let at = change.at.map(|at| format!(" at {}", text::time(at))).unwrap_or_default();
    format!("{kind}{of}{at}")
}

fn list(changes: &[&Concurrent]) -> String {
    text::names(&changes.iter().map(|change| told(change)).collect::<Vec<_>>())
}

/// A change within the time that the new version is compared with.
pub fn baseline_touched(case: &Case) -> Option<Finding> {
    let frame = &case.frame;
    let first = case
        .signals
        .iter()
        .filter_map(|judged| {
            let sides = case.sides(judged.signal);
            let own = if frame.beside { &sides.earlier } else { &sides.baseline };
            own.first().map(|point| point.at)
        })
        .min();
    if case.spec.deployment.concurrent.is_empty() {
        return None;
    }
    let mut from = first?;
    if let Some(length) = case.spec.windows.baseline {
        from = from.max(frame.start.saturating_sub(length));
    }
    let changes: Vec<&Concurrent> = case
        .spec
        .deployment
        .concurrent
        .iter()
        .filter(|change| change.at.is_some_and(|at| at > from && at < frame.start))
        .collect();
    (!changes.is_empty()).then(|| {
        Finding::investigate(
            "baseline_touched",
            format!("The baseline was touched by {}: it is no measure.", list(&changes)),
        )
    })
}

/// A change in the new version's window together with trouble.
pub fn concurrent(case: &Case, trouble: bool) -> Option<Finding> {
    let frame = &case.frame;
    let before = frame.start.saturating_sub(case.spec.policy.window);
    let changes: Vec<&Concurrent> = case
        .spec
        .deployment
        .concurrent
        .iter()
        .filter(|change| change.at.is_none_or(|at| at >= before && at <= frame.end))
        .collect();
    if changes.is_empty() {
        return None;
    }
    let what = list(&changes);
    Some(if trouble {
        Finding::investigate(
            "concurrent_change",
            format!("There is trouble, and {what} fell into the same time: it may be the cause."),
        )
    } else {
        Finding::pass("concurrent_change", format!("{what} fell into the window, without trouble."))
    })
}
