//! Ratios: shares of all requests, their windows pooled.

use super::sides::Sides;
use super::two::{factor, parts, ratios, sign, smallest};
use super::windows::{Window, shares, sum, windows};
use super::{Enough, Tested, Way};
use crate::decide::decision::Compared;
use crate::decide::frame::Frame;
use crate::decide::spec::{Direction, Signal, Spec};
use crate::decide::text;
use crate::stats::{Share, proportion};

/// A window this many times as bad as the worst of the baseline's stands out.
const STANDS_OUT: f64 = 1.5;

/// Tests a ratio.
pub fn test(spec: &Spec, signal: &Signal, frame: &Frame, sides: &Sides) -> Tested {
    let policy = &spec.policy;
    let canary = windows(&sides.canary, frame.from, frame.end, policy.window);
    let begin = sides.baseline.first().map_or(frame.from, |point| point.at);
    let anchor = if frame.beside { frame.from } else { begin };
    let behind = sides.baseline.last().map_or(anchor, |point| point.at.saturating_add(1));
    let end = if frame.beside { frame.end } else { behind };
    let baseline = windows(&sides.baseline, anchor, end, policy.window);
    let (a, b) = (shares(&canary), shares(&baseline));
    let (whole_a, whole_b) = (sum(&a), sum(&b));
    let n = Compared { canary: whole_a.total as u64, baseline: whole_b.total as u64 };
    let mut tested = Tested::new(enough(spec, frame, sides, &canary, &baseline), n);
    let warm: Vec<Share> = sides
        .warmup
        .iter()
        .map(|point| Share { bad: point.value, total: point.total })
        .collect();
    tested.warmup = Some(sum(&warm)).filter(|sum| sum.total > 0.0).map(Share::rate);
    if whole_a.total <= 0.0 || whole_b.total <= 0.0 {
        return tested;
    }
    let two = ratios(signal, &parts(&sides.canary, policy), &parts(&sides.baseline, policy), None);
    tested.two = Some(two);
    let badness = two.badness(signal, policy);
    if badness >= 1.0 {
        tested.consider(two.worse, Way::Level, badness);
    }
    late(spec, signal, &a, &b, &mut tested);
    spikes(spec, signal, &a, &b, &mut tested);
    from_nothing(spec, signal, &canary, sides, &mut tested);
    if badness <= -1.0 {
        tested.better = two.better;
    }
    tested
}

/// Whether both sides have the requests to be judged: in half of their windows at least.
fn enough(
    spec: &Spec,
    frame: &Frame,
    sides: &Sides,
    canary: &[Window],
    baseline: &[Window],
) -> Enough {
    let least = spec.policy.min_requests.max(1) as f64;
    if sides.canary.is_empty() {
        return Enough::Nothing(if sides.warmup.is_empty() {
            "There are no points of the new version.".to_owned()
        } else {
            "There are no points of the new version after its warm-up.".to_owned()
        });
    }
    let few = |cut: &[Window], who: &str| {
        let busy = cut.iter().filter(|window| window.share.total >= least).count();
        if 2 * busy >= cut.len().max(1) {
            return None;
        }
        let mean = sum(&shares(cut)).total / cut.len().max(1) as f64;
        Some(format!(
            "{who} has {} requests in a window of {}, {} are needed to judge a ratio.",
            text::number(mean.floor()),
            text::duration(spec.policy.window),
            text::number(least)
        ))
    };
    if let Some(why) = few(canary, "The new version") {
        return Enough::Few(why);
    }
    if spec.deployment.first && sides.baseline.is_empty() {
        return Enough::First;
    }
    if sides.baseline.is_empty() {
        let when = if frame.beside { "beside" } else { "before" };
        return Enough::Nothing(format!("There are no points of a baseline {when} it."));
    }
    match few(baseline, "The baseline") {
        Some(why) => Enough::Few(why),
        None => Enough::Yes,
    }
}

/// What got worse in the window's last part: looked at apart, since windows that differ
/// within the new version would otherwise hide it.
fn late(spec: &Spec, signal: &Signal, a: &[Share], b: &[Share], tested: &mut Tested) {
    let count = (spec.policy.consecutive as usize).max(a.len().div_ceil(3)).max(1);
    if a.len() <= count {
        return;
    }
    let tail = a.get(a.len() - count..).unwrap_or_default();
    let two = ratios(signal, tail, b, Some(factor(b)));
    let badness = two.badness(signal, &spec.policy);
    if badness >= 2.0 {
        tested.consider((3.0 * two.worse).min(1.0), Way::Late, badness);
    }
}

/// Single windows that stand out from all of the baseline's.
fn spikes(spec: &Spec, signal: &Signal, a: &[Share], b: &[Share], tested: &mut Tested) {
    if signal.direction == Direction::Either || b.len() < 2 {
        return;
    }
    let sign = sign(signal);
    let least = spec.policy.min_requests.max(1) as f64;
    let worst =
        b.iter().filter(|share| share.total >= least).map(|share| sign * share.rate()).fold(
            f64::NEG_INFINITY,
            f64::max,
        );
    if !worst.is_finite() {
        return;
    }
    let beyond = match signal.limit {
        Some(limit) => sign * limit,
        None => sign * sum(b).rate() + (5.0 * smallest(signal, &spec.policy)).max(0.01),
    };
    // Of a signal where more is better a level is compared, not a multiple.
    let stands_out = if sign > 0.0 { worst * STANDS_OUT } else { worst };
    let bar = (stands_out + smallest(signal, &spec.policy)).max(beyond);
    let whole = sum(b);
    let factor = factor(b);
    for share in a.iter().filter(|share| share.total >= least && sign * share.rate() > bar) {
        let scaled = |share: Share| Share { bad: share.bad / factor, total: share.total / factor };
        let found = proportion::proportions(scaled(*share), scaled(whole), super::two::CONFIDENCE);
        let p = if sign > 0.0 { found.p_greater } else { found.p_less };
        tested.consider((p * a.len() as f64).min(1.0), Way::Spikes, super::LARGE);
    }
}

/// Failures again and again where the baseline has none at all.
fn from_nothing(
    spec: &Spec,
    signal: &Signal,
    canary: &[Window],
    sides: &Sides,
    tested: &mut Tested,
) {
    let whole = sum(&shares(canary));
    let none = sides.baseline.iter().all(|point| point.value == 0.0);
    let times = sides.canary.iter().filter(|point| point.value > 0.0).count();
    let old: f64 = sides.baseline.iter().map(|point| point.total).sum();
    if signal.direction == Direction::Higher || !none || times < 3 || old <= 0.0 {
        return;
    }
    // Given how many failed, all of them on this side by chance.
    let p = (whole.total / (whole.total + old)).powf(whole.bad);
    if whole.rate() >= spec.policy.practical_ratio && p <= 0.1 && tested.enough == Enough::Yes {
        tested.consider(p, Way::FromNothing, super::LARGE);
        tested.certain = true;
    }
}
