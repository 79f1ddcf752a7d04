//! Something is wrong, and going back would not help, cannot be justified or must not be
//! done without a person.

use pipewright::decide::Spec;
use pipewright::decide::spec::{ChangeKind, Concurrent, Instance, Role, State};

use super::Group::NotItsFault;
use super::{I, Kind, PI, kind};
use crate::random::Random;
use crate::world::{MINUTE, Plan, START, is_own};

pub const KINDS: &[Kind] = &[
    kind("dependency fails, both sides suffer", NotItsFault, I, dependency),
    kind("dependency fails, rolling", NotItsFault, I, dependency_rolling),
    kind("dependency slow, both sides suffer", NotItsFault, I, dependency_slow),
    kind("siblings suffer too, rolling", NotItsFault, I, sibling),
    // It is not the new version's doing, and it is no better with the old one: some would
    // let the rollout go on.
    kind("both sides suffer, nobody knows why", NotItsFault, PI, both),
    kind("one bad instance of four", NotItsFault, I, one_bad),
    kind("one instance of five unready", NotItsFault, I, one_unready),
    kind("a flag changed meanwhile, failures", NotItsFault, I, |r| {
        concurrent(r, ChangeKind::Flag, "checkout")
    }),
    kind("the database changed meanwhile, failures", NotItsFault, I, |r| {
        concurrent(r, ChangeKind::Infrastructure, "payments-db")
    }),
    kind("rollback unsafe, failures", NotItsFault, I, |r| {
        let mut plan = failing(r);
        plan.spec.deployment.rollback.safe = Some(false);
        plan.draw(r)
    }),
    kind("rollback under way, failures", NotItsFault, I, |r| {
        let mut plan = failing(r);
        plan.spec.deployment.rollback.running = true;
        plan.draw(r)
    }),
    kind("no previous version, failures", NotItsFault, I, |r| {
        let mut plan = failing(r);
        plan.spec.deployment.previous = None;
        plan.draw(r)
    }),
    kind("first deployment, bad", NotItsFault, I, |r| {
        let mut plan = Plan::rolling(r, 1_000.0, false);
        plan.spec.deployment.first = true;
        plan.spec.deployment.previous = None;
        plan.base.errors = 0.3;
        let mut spec = plan.draw(r);
        for signal in &mut spec.signals {
            signal.series.remove(&Role::Baseline);
        }
        spec
    }),
    kind("deployment failed", NotItsFault, I, |r| state(r, State::Failed)),
    kind("deployment expired", NotItsFault, I, |r| state(r, State::Expired)),
    kind("deployment aborted", NotItsFault, I, |r| state(r, State::Aborted)),
    kind("traffic falls away, rolling", NotItsFault, I, |r| {
        let mut plan = Plan::rolling(r, 4_000.0, true);
        // Perhaps it is the new version's doing, perhaps nobody routes to it.
        plan.on_new(|_, level| level.traffic *= 0.3);
        plan.draw(r)
    }),
];

/// A fifth of the requests fails on the new version.
fn failing(r: &mut Random) -> Plan {
    let mut plan = Plan::new(r, 1_000.0);
    plan.on_new(|_, level| level.errors += 0.2);
    plan
}

/// A dependency's outage from some minute to the end, and what it does to who calls it.
fn outage(plan: &mut Plan, r: &mut Random, failing: f64, slower: f64) {
    plan.spec.depends_on = vec!["payments-db".to_owned()];
    let start = r.range(4.0, 14.0).floor();
    plan.effect(move |role, minute, level| {
        if minute >= start && *role != Role::History {
            let own = if is_own(role) { 0.7 } else { 1.0 };
            level.errors += failing * own;
            level.latency *= 1.0 + (slower - 1.0) * own;
        }
    });
}

fn dependency(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.dependency = true;
    outage(&mut plan, r, 0.3, 1.5);
    plan.draw(r)
}

fn dependency_rolling(r: &mut Random) -> Spec {
    let mut plan = Plan::rolling(r, 3_000.0, true);
    plan.dependency = true;
    outage(&mut plan, r, 0.3, 1.5);
    plan.draw(r)
}

fn dependency_slow(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.dependency = true;
    plan.latency_critical = true;
    outage(&mut plan, r, 0.001, 4.0);
    plan.draw(r)
}

fn sibling(r: &mut Random) -> Spec {
    let mut plan = Plan::rolling(r, 3_000.0, true);
    plan.sibling = true;
    outage(&mut plan, r, 0.25, 1.5);
    plan.draw(r)
}

fn both(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    let start = r.range(6.0, 14.0).floor();
    plan.effect(move |role, minute, level| {
        if is_own(role) && minute >= start {
            level.errors += 0.15;
        }
    });
    plan.draw(r)
}

fn one_bad(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 2_000.0);
    plan.instances = 4;
    // The sum over all instances is a quarter as bad.
    plan.effect(|role, _, level| match role {
        Role::Canary => level.errors += 0.3 / 4.0,
        Role::Instance(name) if name == "pod-2" => level.errors += 0.3,
        _ => {}
    });
    for index in 0..4 {
        plan.spec.health.push(ready(index));
    }
    plan.draw(r)
}

fn ready(index: usize) -> Instance {
    Instance { instance: format!("pod-{index}"), ready: Some(true), restarts: 0, reason: None }
}

fn one_unready(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.spec.health = (0..5).map(ready).collect();
    if let Some(last) = plan.spec.health.last_mut() {
        last.ready = Some(false);
        last.restarts = 7;
        last.reason = Some("CrashLoopBackOff".to_owned());
    }
    plan.draw(r)
}

fn concurrent(r: &mut Random, kind: ChangeKind, service: &str) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    let minute = r.whole(3, 10);
    let change =
        Concurrent { kind, service: Some(service.to_owned()), at: Some(START + minute * MINUTE) };
    plan.spec.depends_on = vec!["payments-db".to_owned()];
    plan.spec.deployment.concurrent = vec![change];
    plan.on_new(move |now, level| {
        if now >= minute as f64 {
            level.errors += 0.1;
        }
    });
    plan.draw(r)
}

fn state(r: &mut Random, state: State) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.spec.deployment.state = state;
    plan.draw(r)
}
