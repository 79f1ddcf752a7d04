//! Step 1: instances that are not ready, crash or are killed. Evidence by itself,
//! traffic or none.

use std::collections::BTreeMap;

use super::Finding;
use crate::decide::decision::Action;
use crate::decide::spec::{Instance, Spec};
use crate::decide::text;

/// Words of platforms for an instance that does not run as it should (the waiting and
/// terminated reasons of Kubernetes' container states, and its eviction).
const BROKEN: &[&str] = &[
    "crashloopbackoff",
    "oomkilled",
    "imagepullbackoff",
    "errimagepull",
    "errimageneverpull",
    "invalidimagename",
    "createcontainerconfigerror",
    "createcontainererror",
    "runcontainererror",
    "containercannotrun",
    "starterror",
    "deadlineexceeded",
    "error",
    "failed",
    "evicted",
    "unhealthy",
    "crashed",
    "killed",
];

/// An instance that was started again this often is crashing, whatever it says now.
const CRASHING: u64 = 3;

/// How an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Well,
    Restarted,
    Broken,
}

fn state(entries: &[&Instance]) -> State {
    let Some(last) = entries.last() else { return State::Well };
    let restarts = entries.iter().map(|entry| entry.restarts);
    let growing = match (restarts.clone().min(), restarts.max()) {
        (Some(low), Some(high)) => entries.len() > 1 && high > low,
        _ => false,
    };
    let word = last.reason.as_deref().unwrap_or_default().replace([' ', '_', '-'], "");
    let broken = BROKEN.iter().any(|known| word.eq_ignore_ascii_case(known));
    if last.ready == Some(true) && last.restarts == 0 && !growing {
        return State::Well;
    }
    if last.ready == Some(false) || broken || growing || last.restarts >= CRASHING {
        return State::Broken;
    }
    if last.restarts > 0 { State::Restarted } else { State::Well }
}

/// The health of the instances.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Instances in all.
    pub all: usize,
    /// Those that are not ready, crash or were killed.
    pub broken: Vec<String>,
    /// Why, the most frequent word first.
    pub reasons: Vec<String>,
    /// Those that were started again and run.
    pub restarted: Vec<String>,
}

/// Counts the instances; several entries of one are its state over time.
pub fn health(spec: &Spec) -> Health {
    let mut by_name: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
    for instance in &spec.health {
        by_name.entry(&instance.instance).or_default().push(instance);
    }
    let mut health = Health { all: by_name.len(), ..Health::default() };
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for (name, entries) in by_name {
        match state(&entries) {
            State::Well => {}
            State::Restarted => health.restarted.push(name.to_owned()),
            State::Broken => {
                health.broken.push(name.to_owned());
                let Some(last) = entries.last() else { continue };
                let reason = match (&last.reason, last.restarts) {
                    (Some(reason), _) => reason.clone(),
                    (None, 0) => "not ready".to_owned(),
                    (None, restarts) => format!("{restarts} restarts"),
                };
                *reasons.entry(reason).or_default() += 1;
            }
        }
    }
    let mut reasons: Vec<(String, usize)> = reasons.into_iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    health.reasons = reasons.into_iter().map(|(reason, _)| reason).collect();
    health
}

/// What the instances' health calls for.
pub fn rule(spec: &Spec, health: &Health) -> Finding {
    const RULE: &str = "health";
    let Health { all, broken, reasons, restarted } = health;
    if *all == 0 {
        return Finding::pass(RULE, "Nothing is known of the instances' health.");
    }
    let share = broken.len() as f64 / *all as f64;
    let of = format!("{} of {all} instances", broken.len());
    if !broken.is_empty() && share >= spec.policy.unready_share {
        let verb = if broken.len() == 1 { "does" } else { "do" };
        let why = format!(
            "{of} of the new version {verb} not run as they should ({}): {}.",
            text::names(reasons),
            text::names(broken)
        );
        return Finding { action: Some(Action::Rollback), ..Finding::pass(RULE, why) };
    }
    if !broken.is_empty() {
        let why = format!(
            "{of} of the new version in trouble ({}): {}. The others are well.",
            text::names(reasons),
            text::names(broken)
        );
        return Finding::investigate(RULE, why);
    }
    if 2 * restarted.len() >= *all {
        let why = format!(
            "{} of {all} instances of the new version were started again: {}.",
            restarted.len(),
            text::names(restarted)
        );
        return Finding::investigate(RULE, why);
    }
    let why = if *all == 1 {
        "The new version's instance is well.".to_owned()
    } else {
        format!("All {all} instances of the new version are well.")
    };
    Finding::pass(RULE, why)
}
