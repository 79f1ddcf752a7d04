//! Gauges and rates of counters: where they lie, how they spread, and what shape they
//! have.

use super::sides::Sides;
use super::two::{
    LEAST_POINTS, deflated, levels, levels_alone, scale, scale_by, sign, smallest, values,
};
use super::windows::{medians, windows};
use super::{Enough, LARGE, Tested, Way};
use crate::decide::decision::Compared;
use crate::decide::frame::Frame;
use crate::decide::spec::{Class, Direction, Kind, Signal, Spec};
use crate::stats::spread::ratio_of_sorted;
use crate::stats::{Sample, robust, spread, upper_quantile};

/// What was worse at first by less than so many times of what matters may have settled.
const SETTLES: f64 = 4.0;

/// Tests a gauge.
pub fn test(spec: &Spec, signal: &Signal, frame: &Frame, sides: &Sides) -> Tested {
    let policy = &spec.policy;
    let (a, b) = (values(&sides.canary), values(&sides.baseline));
    let n = Compared { canary: a.len() as u64, baseline: b.len() as u64 };
    let mut tested = Tested::new(enough(spec, frame, sides), n);
    tested.warmup = robust::median(&values(&sides.warmup));
    if a.is_empty() || b.is_empty() {
        return tested;
    }
    // Each side is put in order once for all that follows.
    let (a, b) = (Sample::new(&a), Sample::new(&b));
    let (a, b) = (&a, &b);
    let two = levels(signal, a, b);
    tested.two = Some(two);
    if tested.enough != Enough::Yes {
        return tested;
    }
    // Without the new version's share, its traffic cannot be compared with all the rest.
    if frame.beside && signal.class == Class::Traffic && spec.deployment.weight.is_none() {
        collapse(signal, sides, &mut tested);
        return tested;
    }
    let badness = two.badness(signal, policy);
    if badness >= 1.0 {
        tested.consider(two.worse, Way::Level, badness);
        apart(signal, a.values(), b.values(), badness, &mut tested);
    }
    let half = a.values().len() / 2;
    let (early, late) = a.values().split_at(half);
    // Medians are quick, and tell where a test has nothing to find.
    let hint = |part: &[f64]| quick(spec, signal, part, b);
    if late.len() >= LEAST_POINTS && hint(late) >= 0.5 {
        let of_late = levels_alone(signal, &Sample::new(late), b);
        let lately = of_late.badness(signal, policy);
        if lately >= 1.0 {
            tested.consider((2.0 * of_late.worse).min(1.0), Way::Late, lately);
            apart(signal, late, b.values(), lately, &mut tested);
        }
    } else if late.len() >= LEAST_POINTS && (0.5..SETTLES + 1.0).contains(&hint(early)) {
        let first = levels_alone(signal, &Sample::new(early), b).badness(signal, policy);
        tested.settled = matches!(signal.class, Class::Latency | Class::Saturation)
            && (1.0..SETTLES).contains(&first);
    }
    episodes(spec, signal, frame, sides, (a, b), &mut tested);
    wider(spec, signal, a, b, &mut tested);
    from_nothing(signal, a.values(), b.values(), &mut tested);
    if badness <= -1.0 {
        tested.better = two.better;
    }
    tested
}

/// How much worse by the medians alone, in multiples of what matters.
fn quick(spec: &Spec, signal: &Signal, part: &[f64], b: &Sample) -> f64 {
    let (Some(own), Some(other)) = (robust::median(part), b.median()) else { return 0.0 };
    let sign = sign(signal);
    if let Some(limit) = signal.limit
        && sign * own > sign * limit
    {
        return LARGE;
    }
    let apart = match signal.direction {
        Direction::Either => (own - other).abs(),
        _ => sign * (own - other),
    };
    apart / scale_by(b, || Sample::new(part).size()) / smallest(signal, &spec.policy)
}

fn enough(spec: &Spec, frame: &Frame, sides: &Sides) -> Enough {
    let (a, b) = (sides.canary.len(), sides.baseline.len());
    if a == 0 {
        return Enough::Nothing(if sides.warmup.is_empty() {
            "There are no points of the new version.".to_owned()
        } else {
            "There are no points of the new version after its warm-up.".to_owned()
        });
    }
    if spec.deployment.first && b == 0 {
        return Enough::First;
    }
    if b == 0 {
        let when = if frame.beside { "beside" } else { "before" };
        return Enough::Nothing(format!("There are no points of a baseline {when} it."));
    }
    if a.min(b) < LEAST_POINTS {
        return Enough::Few(format!(
            "There are {a} points of the new version and {b} of the baseline, {LEAST_POINTS} of \
             each are needed."
        ));
    }
    Enough::Yes
}

/// Windows, or the last few points, that lie beyond everything the baseline has, and beyond
/// the limit where there is one: trouble that came and went, or has just begun.
fn episodes(
    spec: &Spec,
    signal: &Signal,
    frame: &Frame,
    sides: &Sides,
    (a, b): (&Sample, &Sample),
    tested: &mut Tested,
) {
    const LEAST: usize = 3;
    // What is counted in a share of the traffic has a share's noise: only its limit tells.
    let counted = matches!(signal.class, Class::Traffic | Class::Business);
    if signal.direction == Direction::Either
        || sides.baseline.len() < 5
        || counted && signal.limit.is_none()
    {
        return;
    }
    let sign = sign(signal);
    let highest = b.values().iter().map(|value| sign * value).fold(f64::NEG_INFINITY, f64::max);
    let room = smallest(signal, &spec.policy) * scale(a, b);
    let middle = b.median().unwrap_or(0.0);
    let others = b.values().len();
    let beyond = match signal.limit {
        Some(limit) => (sign * limit).max(sign * middle + 2.0 * room),
        None => sign * middle + 5.0 * room,
    };
    let bar = beyond.max(highest + room);
    let cut = windows(&sides.canary, frame.from, frame.end, spec.policy.window);
    let middles = medians(&sides.canary, frame.from, frame.end, spec.policy.window);
    let tries = middles.len() as f64 + 1.0;
    // The chance that this many points are the highest of all.
    let p =
        |count: usize| (1..=count).map(|n| n as f64 / (others + n) as f64).product::<f64>() * tries;
    for (window, median) in cut.iter().zip(&middles) {
        if window.points >= LEAST && sign * median > bar {
            // The median lies beyond, so half of the window's points do.
            let p = p(window.points.div_ceil(2).max(LEAST));
            tested.consider(p.min(1.0), Way::Spikes, super::LARGE);
        }
    }
    // A fifth of all points far beyond is trouble below the limit, too.
    let far = (sign * middle + 10.0 * room).max(highest + room);
    let many = sides.canary.iter().filter(|point| sign * point.value > far).count();
    if many >= LEAST && 5 * many >= sides.canary.len() {
        tested.consider(p(many).min(1.0), Way::Spikes, super::LARGE);
    }
    let tail = sides.canary.get(sides.canary.len().saturating_sub(LEAST)..).unwrap_or_default();
    if tail.len() == LEAST && tail.iter().all(|point| sign * point.value > bar) {
        tested.consider(p(LEAST).min(1.0), Way::Late, super::LARGE);
    }
}

/// Nearly all of one side beyond nearly all of the other, by more than twice what
/// matters: neighbours may hang together as they like.
fn apart(signal: &Signal, a: &[f64], b: &[f64], badness: f64, tested: &mut Tested) {
    if a.len() < 5 || b.len() < 5 || badness < 2.0 || signal.direction == Direction::Either {
        return;
    }
    let sign = sign(signal);
    let turned = |values: &[f64]| values.iter().map(|value| sign * value).collect::<Vec<_>>();
    let (a, b) = (turned(a), turned(b));
    let low = robust::quantile(&a, 0.1);
    let high = b.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low.is_some_and(|low| low > high) {
        tested.consider(0.005, Way::Level, badness);
        tested.certain = true;
    }
}

/// The same middle with a worse upper end, and another shape.
fn wider(spec: &Spec, signal: &Signal, a: &Sample, b: &Sample, tested: &mut Tested) {
    const WIDER: f64 = 1.5;
    const OTHER_SHAPE: f64 = 4.0;
    let least = a.values().len().min(b.values().len());
    let counted = matches!(signal.class, Class::Traffic | Class::Business);
    if signal.kind == Kind::Counter || counted || least < 8 {
        return;
    }
    // Turned, what is in order stays so from behind.
    let turned = |sample: &Sample| -> Vec<f64> {
        match sign(signal) < 0.0 {
            true => sample.sorted().iter().rev().map(|value| -value).collect(),
            false => sample.sorted().to_vec(),
        }
    };
    let (sorted_a, sorted_b) = (turned(a), turned(b));
    let ratio = ratio_of_sorted(&sorted_a, &sorted_b);
    let extreme = ratio >= OTHER_SHAPE || ratio <= 1.0 / OTHER_SHAPE;
    if ratio < WIDER && !extreme {
        return;
    }
    let scale = scale(a, b);
    let smallest = smallest(signal, &spec.policy);
    let spread = spread(&sorted_a, &sorted_b);
    let worth = |sample: &Sample| sample.effective() / sample.values().len() as f64;
    let q = match least {
        0..20 => 0.75,
        20..60 => 0.8,
        _ => 0.9,
    };
    let upper = upper_quantile(&sorted_a, &sorted_b, q, super::two::CONFIDENCE);
    if spread.ratio >= WIDER && upper.difference / scale >= 2.0 * smallest {
        // What varies this much more owes it to no neighbour.
        let share = if spread.ratio >= 3.0 { 1.0 } else { worth(a).min(worth(b)) };
        let p = deflated(spread.p.max(upper.p_greater), share);
        let badness = upper.difference / scale / smallest;
        tested.consider((2.0 * p).min(1.0), Way::Spread, badness);
    }
    // Far steadier, or far less so, and worse somewhere: not the same distribution.
    let worse_somewhere = [0.1, 0.25, 0.5, 0.75, 0.9].iter().any(|q| {
        let quantile = |sorted| robust::quantile_of_sorted(sorted, *q);
        match (quantile(&sorted_a), quantile(&sorted_b)) {
            (Some(a), Some(b)) => a - b >= 5.0 * smallest * b.abs().max(0.05 * scale),
            _ => false,
        }
    });
    if extreme && worse_somewhere {
        let p = deflated(spread.p, worth(b));
        tested.consider((2.0 * p).min(1.0), Way::Shape, super::LARGE);
    }
}

/// Something again and again where the baseline has nothing at all.
fn from_nothing(signal: &Signal, a: &[f64], b: &[f64], tested: &mut Tested) {
    let times = a.iter().filter(|value| **value > 0.0).count();
    let whole = a.iter().all(|value| value.fract() == 0.0);
    if signal.direction != Direction::Lower
        || b.len() < LEAST_POINTS
        || b.iter().any(|value| *value != 0.0)
        || times < 3
    {
        return;
    }
    let events = if whole { a.iter().sum() } else { times as f64 };
    let p = (a.len() as f64 / (a.len() + b.len()) as f64).powf(events);
    if p <= 0.1 {
        tested.consider(p, Way::FromNothing, super::LARGE);
        tested.certain = true;
    }
}

/// Traffic of an unknown share that breaks off while the baseline's does not.
fn collapse(signal: &Signal, sides: &Sides, tested: &mut Tested) {
    if signal.direction == Direction::Lower || sides.canary.len() < 9 {
        return;
    }
    let third = sides.canary.len() / 3;
    let early = values(sides.canary.get(..third).unwrap_or_default());
    let late = values(sides.canary.get(sides.canary.len() - third..).unwrap_or_default());
    let third = sides.baseline.len() / 3;
    let old_early = values(sides.baseline.get(..third).unwrap_or_default());
    let old_late = values(sides.baseline.get(sides.baseline.len() - third..).unwrap_or_default());
    let ratio = |late: &[f64], early: &[f64]| {
        let (late, early) = (robust::median(late)?, robust::median(early)?);
        (early > 0.0).then_some(late / early)
    };
    if let (Some(own), Some(other)) = (ratio(&late, &early), ratio(&old_late, &old_early))
        && own < 0.3 * other
    {
        tested.consider(0.005, Way::Late, super::LARGE);
        tested.certain = true;
    }
}
