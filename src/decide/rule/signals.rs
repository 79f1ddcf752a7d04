//! Step 3: what the signals say, in words.

use super::Finding;
use crate::decide::case::{Case, Judged};
use crate::decide::decision::{SignalResult, Verdict};
use crate::decide::judge::{Enough, Way};
use crate::decide::spec::{Kind, Spec};
use crate::decide::text;

/// The finding over all signals: any that is worse calls for a person at least.
pub fn rule(case: &Case) -> Finding {
    const RULE: &str = "worse_signal";
    let mut worse: Vec<&Judged> = case.worse().collect();
    worse.sort_by(|a, b| {
        b.signal.critical.cmp(&a.signal.critical).then(a.p.total_cmp(&b.p))
    });
    let Some(first) = worse.first() else {
        let judged = case
            .signals
            .iter()
            .filter(|judged| matches!(judged.verdict, Verdict::Same | Verdict::Better))
            .count();
        let why = match (judged, case.signals.len()) {
            (0, 0) => "There are no signals to compare.".to_owned(),
            (0, _) => "No signal could be compared.".to_owned(),
            (1, 1) => "The signal is no worse than the baseline.".to_owned(),
            (judged, all) if judged == all => {
                format!("All {all} signals are no worse than the baseline.")
            }
            (judged, all) => format!(
                "{judged} of {all} signals could be judged and are no worse than the baseline."
            ),
        };
        return Finding::pass(RULE, why);
    };
    let mut why = sentence(case.spec, first);
    let others: Vec<String> =
        worse.iter().skip(1).map(|judged| format!("`{}`", judged.signal.name)).collect();
    if !others.is_empty() {
        let verb = if others.len() == 1 { "is" } else { "are" };
        why += &format!(" {} {verb} worse, too.", text::names(&others));
    }
    Finding {
        sure: 1.0 - first.p.min(1.0),
        signal: Some(first.signal.name.clone()),
        ..Finding::investigate(RULE, why)
    }
}

/// What a signal that is worse shows, in a sentence.
pub fn sentence(spec: &Spec, judged: &Judged) -> String {
    let signal = judged.signal;
    let name = &signal.name;
    let limit = match signal.limit {
        Some(limit) if judged.tested.limit.beyond => {
            let side = if crate::decide::judge::two::sign(signal) > 0.0 { "above" } else { "below" };
            format!(", {side} its limit of {}", text::level(signal, limit))
        }
        _ => String::new(),
    };
    let Some(two) = judged.tested.two else {
        return format!("`{name}` is beyond its limit{limit}.").replace("is beyond its limit, ", "is ");
    };
    let (a, b) = (text::level(signal, two.a), text::level(signal, two.b));
    let levels = format!("{a} against {b}");
    match judged.tested.way {
        Way::Level | Way::Late => {
            let late = if judged.tested.way == Way::Late { " towards the end" } else { "" };
            let effect = text::effect(signal, two.effect);
            format!("`{name}` is worse than the baseline{late}: {levels} ({effect}){limit}.")
        }
        Way::Spikes => format!(
            "`{name}` is worse than the baseline in single windows of {}: {levels} on the whole{limit}.",
            text::duration(spec.policy.window)
        ),
        Way::Spread => format!(
            "`{name}` varies more than the baseline and its upper end is worse: its median is {levels}{limit}."
        ),
        Way::Shape => format!(
            "`{name}` is spread in another shape than the baseline: its median is {levels}{limit}."
        ),
        Way::FromNothing => {
            format!("`{name}` comes up again and again where the baseline has none: {levels}{limit}.")
        }
        Way::Season => format!(
            "`{name}` is {levels}, but on earlier days it became better at these hours{limit}."
        ),
        Way::Leak => {
            let leak = judged.tested.leak;
            let growth = leak.map_or(0.0, |leak| leak.growth);
            let then = match (leak, signal.limit) {
                (Some(leak), Some(limit)) if leak.reached => {
                    format!(" and has reached its limit of {}", text::level(signal, limit))
                }
                (Some(leak), Some(limit)) => leak
                    .reaches_in
                    .map(|time| {
                        let limit = text::level(signal, limit);
                        format!(" and will reach its limit of {limit} in {}", text::duration(time))
                    })
                    .unwrap_or_default(),
                _ => String::new(),
            };
            format!("`{name}` grows without settling (+{} in the window){then}.", text::percent(growth))
        }
    }
}

/// A signal's result as it is written.
pub fn result(case: &Case, judged: &Judged) -> SignalResult {
    let signal = judged.signal;
    let tested = &judged.tested;
    let shown = match judged.verdict {
        Verdict::NoData => None,
        _ => tested.two,
    };
    let test = match (judged.verdict, tested.way) {
        (Verdict::NoData, _) => None,
        (Verdict::Insufficient, _) => None,
        (_, _) if tested.enough == Enough::First => signal.limit.map(|_| "limit"),
        (Verdict::Worse, Way::Leak) => Some("Mann-Kendall"),
        (Verdict::Worse, Way::Spread | Way::Shape) => Some("Fligner-Killeen"),
        (Verdict::Worse, Way::FromNothing) => Some("conditional binomial"),
        _ => shown.map(|two| two.test),
    };
    let p = match judged.verdict {
        Verdict::Worse | Verdict::Same => Some(judged.p),
        Verdict::Better => Some(tested.better),
        Verdict::NoData | Verdict::Insufficient => None,
    };
    SignalResult {
        name: signal.name.clone(),
        verdict: judged.verdict,
        test,
        effect: shown.map(|two| rounded(two.effect)),
        interval: shown.map(|two| two.interval.map(rounded)),
        p: p.map(rounded),
        n: tested.n,
        why: why(case, judged),
        critical: signal.critical,
        canary: shown.map(|two| rounded(two.a)),
        baseline: shown.map(|two| rounded(two.b)),
        beyond_limit: tested.limit.to_the_end,
    }
}

/// Digits enough for a person and a plot, the same on every machine.
pub fn rounded(value: f64) -> f64 {
    if !value.is_finite() {
        return if value.is_nan() { 0.0 } else { value.clamp(-1e308, 1e308) };
    }
    format!("{value:.6e}").parse().unwrap_or(value)
}

fn why(case: &Case, judged: &Judged) -> String {
    let signal = judged.signal;
    let tested = &judged.tested;
    match &tested.enough {
        Enough::Nothing(why) | Enough::Few(why) => return why.clone(),
        Enough::First => {
            return match (signal.limit, judged.verdict) {
                (Some(limit), Verdict::Worse) => format!(
                    "There is nothing to compare with; it is beyond its limit of {}.",
                    text::level(signal, limit)
                ),
                (Some(limit), _) => format!(
                    "There is nothing to compare with; it keeps its limit of {}.",
                    text::level(signal, limit)
                ),
                (None, _) => "There is nothing to compare with, and it has no limit.".to_owned(),
            };
        }
        Enough::Yes => {}
    }
    if judged.verdict == Verdict::Worse {
        return sentence(case.spec, judged);
    }
    let Some(two) = tested.two else { return "There is nothing to compare.".to_owned() };
    let (a, b) = (text::level(signal, two.a), text::level(signal, two.b));
    let mut why = match judged.verdict {
        Verdict::Better => format!("{a} against {b}: better than the baseline."),
        _ if tested.seasonal => {
            format!("{a} against {b}, as on earlier days at these hours.")
        }
        _ if tested.settled => {
            format!("It was worse at first and has settled: {a} against {b} on the whole.")
        }
        _ if a == b => format!("{a}, as the baseline."),
        _ if two.badness(signal, &case.spec.policy) >= 1.0 => {
            format!("{a} against {b}: within what chance explains.")
        }
        _ => format!("{a} against {b}: too small a difference to matter."),
    };
    if tested.limit.beyond {
        why += " It is beyond its limit, as before.";
    }
    if signal.kind != Kind::Ratio && tested.leak.is_some() {
        why += " It grows slowly.";
    }
    why
}
