//! The rules put together into one decision.

use std::time::Duration;

use super::case::Case;
use super::decision::{Action, Attribution, DataQuality, Decision, ModelResult, Verdict, Whose};
use super::frame::Frame;
use super::rule::health::Health;
use super::rule::{Finding, attribution, clear_cut, gate, health, logs, signals};
use super::spec::Spec;
use crate::log::Classes;
use crate::log::compare::Lengths;

/// Decides on a deployment: arithmetic alone, the same spec gives the same bytes.
/// `classes` are those of log files that were read elsewhere; without them the spec's own
/// lines are compared.
///
/// `confidence` of a decision by a test is one less its corrected p value; of one by a
/// fact (an instance that crashes, a series that is missing) it is 1; of `proceed` it is
/// the share of the signals, the required and critical ones counted three times, that were
/// judged and whose interval leaves no room for a difference of twice what matters, from
/// 0.5 for none to 0.99 for all.
pub fn decide(spec: &Spec, classes: Option<&Classes>) -> Decision {
    concluded(Case::new(spec, classes.cloned()))
}

fn concluded(mut case: Case) -> Decision {
    let spec = case.spec;
    if case.classes.is_none() {
        case.classes = logs::classes(spec, lengths(&case.frame));
    }
    weigh(&case)
}

/// How long each side was listened to.
fn lengths(frame: &Frame) -> Lengths {
    let of = |from: i64, to: i64| {
        let length = u64::try_from(to.saturating_sub(from)).ok()?;
        // An open end is no length.
        (length > 0 && length < 10 * 365 * 86_400_000).then(|| Duration::from_millis(length))
    };
    Lengths { canary: of(frame.start, frame.end), baseline: of(frame.baseline.0, frame.baseline.1) }
}

fn weigh(case: &Case) -> Decision {
    let spec = case.spec;
    let health = health::health(spec);
    let of_health = health::rule(spec, &health);
    let of_signals = signals::rule(case);
    let (logs, of_logs) = logs::rule(case.classes.as_ref());
    let trouble = [&of_health, &of_signals, &of_logs].iter().any(|found| found.action.is_some());
    let (gates, problems) = gate::gate(case, trouble);
    let (attribution, of_attribution) = attribution::attribute(case);
    let clear_cut = clear_cut::rules(case);

    let chosen = choose(&Steps {
        health: &of_health,
        gates: &gates,
        attribution: of_attribution.as_ref(),
        clear_cut: &clear_cut,
        signals: &of_signals,
        logs: &of_logs,
        explained: explained(case, &health, &attribution),
    });
    let mut evidence = vec![of_health.evidence()];
    if gates.iter().all(|found| found.action.is_none()) {
        evidence.push(Finding::pass("data_gate", "The data can carry a decision.").evidence());
    }
    evidence.extend(gates.iter().map(Finding::evidence));
    evidence.push(of_signals.evidence());
    let passed = Finding::pass("attribution", attribution.why.clone());
    evidence.push(of_attribution.as_ref().unwrap_or(&passed).evidence());
    if clear_cut.is_empty() {
        let why = "No signal calls for a rollback.";
        evidence.push(Finding::pass("clear_cut", why).evidence());
    }
    evidence.extend(clear_cut.iter().map(Finding::evidence));
    evidence.push(of_logs.evidence());

    let quality = DataQuality { ok: gates.iter().all(|found| found.action.is_none()), problems };
    let (action, rule, reason, confidence) = match chosen {
        Some(found) => {
            (found.action.unwrap_or(Action::Proceed), found.rule, found.why.clone(), found.sure)
        }
        None => {
            let (why, confidence) = proceed(case, &of_signals, &of_health);
            (Action::Proceed, "no_regression", why, confidence)
        }
    };
    let clear = action == Action::Rollback
        && chosen.is_some_and(|found| clear_cut::acts(&spec.policy, found));
    let mut decision = Decision {
        action,
        reason,
        rule,
        confidence: (confidence.clamp(0.0, 1.0) * 1000.0).round() / 1000.0,
        clear_cut: clear,
        signals: case.signals.iter().map(|judged| signals::result(case, judged)).collect(),
        logs,
        attribution: told(attribution, &health),
        data_quality: quality,
        model: ModelResult::default(),
        evidence,
    };
    if decision.action == Action::Rollback {
        hold_back(spec, &mut decision);
    }
    decision
}

/// Instances in trouble are named where the signals name nobody.
fn told(attribution: Attribution, health: &Health) -> Attribution {
    if attribution.whose != Whose::Nobody || health.broken.is_empty() {
        return attribution;
    }
    let all = health.broken.len() == health.all;
    let names = health.broken.clone();
    if all || 2 * health.broken.len() > health.all {
        let why = "The new version's instances themselves do not run as they should.".to_owned();
        return Attribution { whose: Whose::NewVersion, names, why };
    }
    let why = "Only few of the new version's instances are in trouble.".to_owned();
    Attribution { whose: Whose::OneInstance, names, why }
}

/// Whether the instances in trouble explain the failures that are seen.
fn explained(case: &Case, health: &Health, attribution: &Attribution) -> bool {
    if health.broken.is_empty() || health.all == 0 || attribution.whose != Whose::NewVersion {
        return false;
    }
    let share = health.broken.len() as f64 / health.all as f64;
    case.worse().filter_map(|judged| judged.tested.two).all(|two| two.a <= 1.2 * share)
}

struct Steps<'f> {
    health: &'f Finding,
    gates: &'f [Finding],
    attribution: Option<&'f Finding>,
    clear_cut: &'f [Finding],
    signals: &'f Finding,
    logs: &'f Finding,
    explained: bool,
}

/// The finding that decides: a rollback for the instances' health; what stands in the way
/// of the data; whose trouble it is; what calls for a rollback; then what a person has to
/// look at.
fn choose<'f>(steps: &Steps<'f>) -> Option<&'f Finding> {
    if steps.health.action == Some(Action::Rollback) {
        return Some(steps.health);
    }
    let gate = steps.gates.iter().find(|found| found.action.is_some());
    let unwell = Some(steps.health).filter(|found| found.action.is_some());
    gate.or(steps.attribution)
        .or(unwell.filter(|_| steps.explained))
        .or(steps.clear_cut.first())
        .or(unwell)
        .or(Some(steps.signals).filter(|found| found.action.is_some()))
        .or(Some(steps.logs).filter(|found| found.action.is_some()))
}

/// A rollback that cannot or must not be carried out becomes a call for a person, as loud
/// as words are.
fn hold_back(spec: &Spec, decision: &mut Decision) {
    let deployment = &spec.deployment;
    let target = deployment.rollback.target.as_ref().or(deployment.previous.as_ref());
    let (rule, why) = if deployment.rollback.running {
        ("rollback_running", "but one is under way already: follow it")
    } else if target.is_none() {
        ("rollback_impossible", "but it is impossible: there is no version to go back to")
    } else if target == deployment.version.as_ref() {
        ("rollback_impossible", "but it is impossible: the version to go back to is this one")
    } else if deployment.rollback.safe == Some(false) {
        ("rollback_unsafe", "but it is not safe: somebody has to decide now")
    } else {
        return;
    };
    decision.action = Action::Investigate;
    decision.clear_cut = false;
    decision.reason = format!("A rollback is called for, {why}. {}", decision.reason);
    decision.evidence.push(Finding::investigate(rule, decision.reason.clone()).evidence());
    decision.rule = rule;
}

fn proceed(case: &Case, of_signals: &Finding, of_health: &Finding) -> (String, f64) {
    let (mut sum, mut whole) = (0.0, 0.0);
    for judged in &case.signals {
        let weight = if judged.needed() { 3.0 } else { 1.0 };
        whole += weight;
        let room = 2.0 * super::judge::two::smallest(judged.signal, &case.spec.policy);
        let sign = super::judge::two::sign(judged.signal);
        let judged_well = match judged.verdict {
            Verdict::Better => true,
            Verdict::Same => judged
                .tested
                .two
                .is_some_and(|two| two.interval.iter().all(|end| sign * end <= room)),
            _ => false,
        };
        if judged_well {
            sum += weight;
        }
    }
    let share = if whole > 0.0 { sum / whole } else { 0.5 };
    let health = if case.spec.health.is_empty() { "" } else { &of_health.why };
    let why = format!("{} {health}", of_signals.why).trim().to_owned();
    (why, 0.5 + 0.49 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::series::Point;
    use crate::decide::spec::{Class, Direction, Kind, Role, Signal};

    /// A signal of a number, by turns a gauge and a ratio, some of them worse, some with
    /// points missing.
    fn signal(number: usize) -> Signal {
        let ratio = number.is_multiple_of(3);
        let side = |worse: f64| {
            let keeps = |minute: &i64| !number.is_multiple_of(7) || !(10..22).contains(minute);
            let wave = |minute: i64| ((minute * 37 + 11 * number as i64) % 23) as f64;
            (0..40)
                .filter(keeps)
                .map(|minute| Point {
                    at: 60_000 * minute,
                    value: worse * (if ratio { 1.0 } else { 100.0 } + wave(minute)),
                    total: if ratio { 1_000.0 } else { 0.0 },
                })
                .collect()
        };
        let worse = if number.is_multiple_of(5) { 4.0 } else { 1.0 };
        Signal {
            name: format!("signal_{number}"),
            kind: if ratio { Kind::Ratio } else { Kind::Gauge },
            class: if ratio { Class::Reliability } else { Class::Latency },
            direction: Direction::Lower,
            unit: None,
            limit: number.is_multiple_of(4).then_some(0.02),
            critical: false,
            required: false,
            series: [(Role::Canary, side(worse)), (Role::Baseline, side(1.0))].into(),
            source: None,
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_byte() {
        let spec = Spec { signals: (0..203).map(signal).collect(), ..Spec::default() };
        let bytes = |threads| {
            let decision = concluded(Case::on(threads, &spec, None));
            serde_json::to_string(&decision).expect("JSON")
        };
        let alone = bytes(1);
        assert!(alone.contains("worse") && alone.contains("\"gap\""), "{alone}");
        for threads in [2, 3, 8] {
            assert_eq!(bytes(threads), alone, "{threads} threads");
        }
    }
}
