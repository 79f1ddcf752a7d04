//! Step 4: whose trouble it is. What is shared is not this deployment's.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::decide::case::{Case, Judged};
use crate::decide::clean::between;
use crate::decide::decision::{Attribution, Verdict, Whose};
use crate::decide::judge::sides::points;
use crate::decide::judge::two::{Two, sign, two};
use crate::decide::series::Point;
use crate::decide::spec::{Class, Kind, Role, Signal};
use crate::decide::text;
use crate::stats::robust;

/// Whose trouble it is, and what that calls for.
pub fn attribute(case: &Case) -> (Attribution, Option<Finding>) {
    let worse: Vec<&Judged> = case.worse().collect();
    let baseline = baseline(case);
    if !worse.is_empty() || baseline.is_some() {
        let (dependencies, siblings) = others(case);
        if !dependencies.is_empty() {
            let why = format!(
                "{} {} worse since the start as well: the trouble is shared and not this \
                 deployment's alone.",
                services("dependency", "dependencies", &dependencies),
                are(&dependencies)
            );
            return shared(Whose::Dependency, dependencies, "dependency", why);
        }
        if !siblings.is_empty() {
            let why = format!(
                "{} {} worse since the start as well: the trouble is shared and not this \
                 deployment's alone.",
                services("other service", "other services", &siblings),
                are(&siblings)
            );
            return shared(Whose::Sibling, siblings, "shared_trouble", why);
        }
    }
    if let Some((names, why)) = baseline {
        return shared(Whose::Baseline, names, "shared_trouble", why);
    }
    if let Some((names, all, signals)) = instances(case) {
        let why = format!(
            "{} of {all} instances of the new version {} in trouble ({}): {}. The others are well.",
            names.len(),
            if names.len() == 1 { "is" } else { "are" },
            signals.join(", "),
            text::names(&names)
        );
        return shared(Whose::OneInstance, names, "one_instance", why);
    }
    if worse.is_empty() {
        let why = "There is no trouble to attribute.".to_owned();
        return (Attribution { whose: Whose::Nobody, names: Vec::new(), why }, None);
    }
    let beside = case.frame.beside;
    let why = if beside {
        "It is worse on the new version only, not on the one that runs beside it."
    } else {
        "It is worse since the new version runs; nothing else is known to have changed."
    };
    (Attribution { whose: Whose::NewVersion, names: Vec::new(), why: why.to_owned() }, None)
}

fn shared(
    whose: Whose,
    names: Vec<String>,
    rule: &'static str,
    why: String,
) -> (Attribution, Option<Finding>) {
    let finding = Finding::investigate(rule, why.clone());
    (Attribution { whose, names, why }, Some(finding))
}

fn are(names: &[String]) -> &'static str {
    if names.len() == 1 { "is" } else { "are" }
}

fn services(one: &str, many: &str, names: &[String]) -> String {
    let word = if names.len() == 1 { one } else { many };
    format!("The {word} {}", text::names(names))
}

/// Dependencies and siblings that are worse since the start.
fn others(case: &Case) -> (Vec<String>, Vec<String>) {
    let (mut dependencies, mut siblings) = (BTreeSet::new(), BTreeSet::new());
    for judged in &case.signals {
        for role in judged.signal.series.keys() {
            let (name, into) = match role {
                Role::Dependency(name) => (name, &mut dependencies),
                Role::Sibling(name) => (name, &mut siblings),
                _ => continue,
            };
            if !into.contains(name) && other_in_trouble(case, judged.signal, role) {
                into.insert(name.clone());
            }
        }
    }
    (dependencies.into_iter().collect(), siblings.into_iter().collect())
}

/// Whether another service is worse since the start: than itself before, or where that
/// is not known, than its limit or the baseline.
fn other_in_trouble(case: &Case, signal: &Signal, role: &Role) -> bool {
    let (series, _) = points(signal, role);
    let frame = &case.frame;
    let now = between(&series, frame.from, frame.end);
    let before = between(&series, i64::MIN, frame.start);
    let policy = &case.spec.policy;
    if before.len() >= 4 {
        let whole = two(signal, policy, now, before);
        let late = now.get(now.len() / 2..).unwrap_or_default();
        let late = two(signal, policy, late, before);
        return [whole, late].into_iter().flatten().any(|two| risen(case, signal, &two));
    }
    let level = level(signal, now);
    if let (Some(limit), Some(level)) = (signal.limit, level) {
        let sign = sign(signal);
        if sign * level > sign * limit {
            return true;
        }
    }
    // Trouble that began within the window shows in its later part.
    let (early, late) = beginning(&series, case);
    if two(signal, policy, late, early).is_some_and(|two| risen(case, signal, &two)) {
        return true;
    }
    let sides = case.sides(signal);
    signal.kind == Kind::Ratio
        && two(signal, policy, now, &sides.baseline)
            .is_some_and(|two| risen(case, signal, &two) && two.badness(signal, policy) >= 10.0)
}

/// The first quarter of a series since the start, and its second half.
fn beginning<'p>(series: &'p [Point], case: &Case) -> (&'p [Point], &'p [Point]) {
    let since = between(series, case.frame.start, case.frame.end);
    let quarter = (since.len() / 4).max(4).min(since.len());
    let half = since.len() / 2;
    (since.get(..quarter).unwrap_or_default(), since.get(half..).unwrap_or_default())
}

/// A rise of another service's series that matters and is beyond doubt.
fn risen(case: &Case, signal: &Signal, two: &Two) -> bool {
    two.clearly_worse(signal, &case.spec.policy, 3.0)
}

/// The level of points: a ratio's pooled share, the others' median.
fn level(signal: &Signal, points: &[Point]) -> Option<f64> {
    if signal.kind != Kind::Ratio {
        return robust::median(&points.iter().map(|point| point.value).collect::<Vec<_>>());
    }
    let (bad, total) = points
        .iter()
        .fold((0.0, 0.0), |(bad, total), point| (bad + point.value, total + point.total));
    (total > 0.0).then(|| bad / total)
}

/// Signals of which the old version that runs beside got worse at the same time.
fn baseline(case: &Case) -> Option<(Vec<String>, String)> {
    if !case.frame.beside {
        return None;
    }
    let mut found: Vec<(&Judged, f64, f64)> = Vec::new();
    for judged in &case.signals {
        let signal = judged.signal;
        if matches!(signal.class, Class::Traffic) || judged.verdict == Verdict::NoData {
            continue;
        }
        let sides = case.sides(signal);
        let half = |points: &[Point]| points.get(points.len() / 2..).unwrap_or_default().to_vec();
        let (late, late_own) = (half(&sides.baseline), half(&sides.canary));
        // Against what it was before; or the first part of the window, which is less.
        let (before, times) = if sides.earlier.len() >= 4 {
            (sides.earlier.clone(), 5.0)
        } else if sides.then.len() >= 4 {
            (sides.then.clone(), 5.0)
        } else {
            let (series, _) = points(signal, &Role::Baseline);
            (beginning(&series, case).0.to_vec(), 10.0)
        };
        let policy = &case.spec.policy;
        let rose = |now: &[Point]| {
            two(signal, policy, now, &before)
                .filter(|two| two.clearly_worse(signal, policy, times) && two.a.abs() >= 1.5 * two.b.abs())
        };
        let (Some(two), Some(_)) = (rose(&late), rose(&late_own)) else { continue };
        // Earlier days at these hours may have risen alike.
        let usual = sides.then.len() >= 4
            && level(signal, &sides.then).is_some_and(|then| {
                let sign = sign(signal);
                sign * two.a <= sign * then + 0.2 * then.abs()
            });
        let beyond = signal.limit.is_some_and(|limit| {
            let sign = sign(signal);
            sign * two.a > sign * limit
        });
        let serious = judged.verdict == Verdict::Worse
            || beyond
            || (signal.class == Class::Reliability && two.a >= 3.0 * two.b);
        if !usual && serious {
            found.push((judged, two.a, two.b));
        }
    }
    // Only what rose on both sides where something is worse explains it.
    let any_worse = case.worse().next().is_some();
    let (judged, now, before) = found.iter().find(|(judged, _, _)| {
        !any_worse || judged.verdict == Verdict::Worse || judged.signal.class == Class::Reliability
    })?;
    let signal = judged.signal;
    let names = found.iter().map(|(judged, _, _)| judged.signal.name.clone()).collect();
    let why = format!(
        "The old version got worse at the same time: its `{}` rose from {} to {}. The trouble is \
         shared and not this deployment's alone.",
        signal.name,
        text::level(signal, *before),
        text::level(signal, *now)
    );
    Some((names, why))
}

/// Few instances of many that are worse than the rest: their names, how many there are,
/// and by which signals.
fn instances(case: &Case) -> Option<(Vec<String>, usize, Vec<String>)> {
    let policy = &case.spec.policy;
    let frame = &case.frame;
    let mut all: BTreeSet<&str> = BTreeSet::new();
    let mut bad: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for judged in &case.signals {
        let signal = judged.signal;
        let mut own: Vec<(&str, Vec<Point>)> = Vec::new();
        for role in signal.series.keys() {
            let Role::Instance(name) = role else { continue };
            let (series, _) = points(signal, role);
            all.insert(name);
            own.push((name, between(&series, frame.from, frame.end).to_vec()));
        }
        if own.len() < 2 || signal.class == Class::Traffic {
            continue;
        }
        let sides = case.sides(signal);
        for (index, (name, series)) in own.iter().enumerate() {
            let mut rest: Vec<Point> = own
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .flat_map(|(_, (_, points))| points.iter().copied())
                .collect();
            rest.sort_by(|a, b| {
                a.at.cmp(&b.at).then(a.value.total_cmp(&b.value)).then(a.total.total_cmp(&b.total))
            });
            let against = if sides.baseline.len() >= 4 { &sides.baseline } else { &rest };
            let worse = two(signal, policy, series, against)
                .is_some_and(|two| two.clearly_worse(signal, policy, 2.0));
            if worse {
                bad.entry(name).or_default().insert(&signal.name);
            }
        }
    }
    let few = !bad.is_empty() && (bad.len() as f64) < policy.unready_share * all.len() as f64;
    let half = bad.len() == 1 && all.len() == 2;
    if !(few || half) || all.len() < 2 {
        return None;
    }
    let names = bad.keys().map(|name| (*name).to_owned()).collect();
    let signals: BTreeSet<&str> = bad.values().flatten().copied().collect();
    Some((names, all.len(), signals.into_iter().map(|name| format!("`{name}`")).collect()))
}
