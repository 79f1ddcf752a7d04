//! The new version is worse: from what one can argue about to what breaks all. To go
//! back from a worse version is never wrong here, whatever its limits; to let it through
//! is, but for what chance explains.

use pipewright::decide::Spec;
use pipewright::decide::spec::{Direction, Instance, Kind as SignalKind, Role, Strategy};

use super::Group::{Clear, Harmful, Other};
use super::{IR, Kind, PI, R, kind};
use crate::random::Random;
use crate::world::{Plan, coarse};

pub const KINDS: &[Kind] = &[
    kind("failures +0.3%, 5,000 a minute", Harmful, IR, |r| errors(r, 5_000.0, 0.003)),
    // Some twenty of 5,000 against five in as many: within what chance does now and then.
    kind("failures +0.3%, 200 a minute", Other, PI, |r| errors(r, 200.0, 0.003)),
    // At some half of the limit.
    kind("failures +1%", Harmful, IR, |r| errors(r, 1_000.0, 0.01)),
    kind("failures +5%", Clear, R, |r| errors(r, 1_000.0, 0.05)),
    kind("failures +20%", Clear, R, |r| errors(r, 1_000.0, 0.2)),
    kind("failures +20%, 60 a minute", Clear, R, |r| errors(r, 60.0, 0.2)),
    kind("all requests fail", Clear, R, |r| errors(r, 1_000.0, 1.0)),
    kind("failures +5%, 1% of the traffic", Clear, R, |r| {
        let mut plan = Plan::new(r, 5_000.0);
        plan.spec.deployment.weight = Some(0.01);
        plan.with_traffic = true;
        plan.on_new(|_, level| level.errors += 0.05);
        plan.draw(r)
    }),
    kind("failures +20%, rolling with history", Clear, R, |r| {
        let mut plan = Plan::rolling(r, 3_000.0, true);
        plan.on_new(|_, level| level.errors += 0.2);
        plan.draw(r)
    }),
    kind("failures +20%, rolling, seasonal", Clear, R, |r| {
        let mut plan = Plan::rolling(r, 3_000.0, true);
        plan.season = 0.5;
        plan.on_new(|_, level| level.errors += 0.2);
        plan.draw(r)
    }),
    kind("failures +10%, blue-green", Clear, R, |r| {
        let mut plan = Plan::new(r, 2_000.0);
        plan.spec.deployment.strategy = Some(Strategy::BlueGreen);
        plan.spec.deployment.weight = Some(0.5);
        plan.on_new(|_, level| level.errors += 0.1);
        plan.draw(r)
    }),
    kind("failures +10%, overdispersed", Clear, R, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.clumped = 0.02;
        plan.on_new(|_, level| level.errors += 0.1);
        plan.draw(r)
    }),
    kind("failures +5%, among fifty signals", Clear, R, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.more = 44;
        plan.on_new(|_, level| level.errors += 0.05);
        plan.draw(r)
    }),
    kind("failures +10%, dependency well", Clear, R, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.dependency = true;
        plan.sibling = true;
        plan.spec.depends_on = vec!["payments-db".to_owned()];
        plan.on_new(|_, level| level.errors += 0.1);
        plan.draw(r)
    }),
    kind("failures +10% on all four instances", Clear, R, |r| {
        let mut plan = Plan::new(r, 2_000.0);
        plan.instances = 4;
        plan.on_new(|_, level| level.errors += 0.1);
        plan.draw(r)
    }),
    kind("failures +20%, rolling without history", Clear, R, |r| {
        let mut plan = Plan::rolling(r, 3_000.0, false);
        plan.on_new(|_, level| level.errors += 0.2);
        plan.draw(r)
    }),
    kind("failures +20%, points of five minutes", Clear, R, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| level.errors += 0.2);
        coarse(plan.draw(r), 5)
    }),
    kind("failures +5%, nine tenths of the traffic", Clear, R, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.spec.deployment.weight = Some(0.9);
        plan.on_new(|_, level| level.errors += 0.05);
        plan.draw(r)
    }),
    kind("failures +20%, a day of points", Clear, R, |r| {
        let mut plan = Plan::new(r, 500.0);
        plan.last(1_440);
        plan.season = 0.5;
        plan.on_new(|_, level| level.errors += 0.2);
        plan.draw(r)
    }),
    kind("availability falls below its limit", Clear, R, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| level.errors += 0.05);
        let mut spec = plan.draw(r);
        for signal in &mut spec.signals {
            if signal.name == "error_rate" {
                signal.name = "availability".to_owned();
                signal.kind = SignalKind::Gauge;
                signal.direction = Direction::Higher;
                signal.limit = Some(98.0);
                for point in signal.series.values_mut().flatten() {
                    point.value = 100.0 * (1.0 - point.value / point.total);
                    point.total = 0.0;
                }
            }
        }
        spec
    }),
    // Five minutes after the warm-up: half of what the policy wants to see.
    kind("failures +20%, ten minutes seen", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.last(10);
        plan.on_new(|_, level| level.errors += 0.2);
        plan.draw(r)
    }),
    // Two windows in a row are enough to act on; a person who sees only the second half
    // bad may also want to know what set it off.
    kind("failures +20% in the last ten minutes", Harmful, IR, |r| during(r, 20.0, 30.0)),
    // It came back by itself, after six minutes of failures that only it had.
    kind("failures +20% for six minutes, then well", Harmful, IR, |r| during(r, 10.0, 16.0)),
    // The mean is above the limit, most minutes are not.
    kind("failures that come and go", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|minute, level| {
            if minute as i64 % 4 == 0 {
                level.errors += 0.12;
            }
        });
        plan.draw(r)
    }),
    // Worse and above the limit, from a service that was near it before.
    kind("failures of 1.5% become 4%", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.base.errors = 0.015;
        plan.on_new(|_, level| level.errors = 0.04);
        plan.draw(r)
    }),
    // Six failures of 1,500 where there were none in 13,500.
    kind("few failures where there were none", Other, PI, |r| {
        let mut plan = Plan::new(r, 60.0);
        plan.base.errors = 0.0;
        plan.on_new(|_, level| level.errors = 0.004);
        plan.draw(r)
    }),
    kind("steady failures where there were none", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.base.errors = 0.0;
        plan.on_new(|_, level| level.errors = 0.006);
        plan.draw(r)
    }),
    kind("cold start that never ends", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|minute, level| {
            level.latency *= 2.5 + 1.5 * (-minute / 2.0).exp();
            level.cpu = (level.cpu * 1.6).min(1.0);
        });
        plan.draw(r)
    }),
    kind("latency 20% up", Harmful, IR, |r| latency(r, 1.2, false)),
    // Beyond its limit to the end, but the limit is nobody's promise.
    kind("latency doubled", Harmful, IR, |r| latency(r, 2.0, false)),
    kind("latency doubled, critical", Clear, R, |r| latency(r, 2.2, true)),
    kind("latency 30% up, rolling, seasonal", Harmful, IR, |r| {
        let mut plan = Plan::rolling(r, 3_000.0, true);
        plan.season = 0.4;
        plan.on_new(|_, level| level.latency *= 1.3);
        plan.draw(r)
    }),
    // The slowest requests alone: the median does not move.
    kind("latency's tail alone", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| level.second = (0.03, 3.5));
        plan.draw(r)
    }),
    kind("latency of two ways", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| level.second = (0.3, 3.0));
        plan.draw(r)
    }),
    // Fast in one minute and slow in the next, the middle as before.
    kind("latency swings from minute to minute", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|minute, level| {
            level.latency *= if minute as i64 % 2 == 0 { 0.6 } else { 1.45 };
        });
        plan.draw(r)
    }),
    kind("a third fewer orders, no failures", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| level.orders *= 0.67);
        plan.draw(r)
    }),
    kind("a third fewer orders, rolling", Harmful, IR, |r| {
        let mut plan = Plan::rolling(r, 3_000.0, true);
        plan.on_new(|_, level| level.orders *= 0.67);
        plan.draw(r)
    }),
    kind("processors 60% busier", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| level.cpu = (level.cpu * 1.6).min(0.85));
        plan.draw(r)
    }),
    kind("leak that reaches its limit", Clear, R, |r| {
        let mut plan = leak(r, 1.5);
        plan.memory_critical = true;
        plan.draw(r)
    }),
    kind("leak that would reach its limit in an hour", Harmful, IR, |r| {
        let mut plan = leak(r, 0.5);
        plan.memory_critical = true;
        plan.draw(r)
    }),
    kind("leak, rolling", Harmful, IR, |r| {
        let mut plan = Plan::rolling(r, 3_000.0, true);
        plan.on_new(|minute, level| level.memory *= 1.0 + 0.4 * minute / 30.0);
        plan.draw(r)
    }),
    kind("most instances crash, no traffic", Clear, R, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| level.traffic = 0.0);
        crash(&mut plan, 4, 5, "CrashLoopBackOff");
        plan.draw(r)
    }),
    kind("most instances crash, no telemetry", Clear, R, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        crash(&mut plan, 3, 4, "ImagePullBackOff");
        let mut spec = plan.draw(r);
        for signal in &mut spec.signals {
            signal.series.remove(&Role::Canary);
        }
        spec
    }),
    kind("all instances killed for memory", Clear, R, |r| {
        let mut plan = leak(r, 1.5);
        plan.on_new(|minute, level| {
            if minute > 20.0 {
                level.errors += 0.3;
            }
        });
        crash(&mut plan, 6, 6, "OOMKilled");
        plan.draw(r)
    }),
    kind("new errors in the logs", Harmful, IR, |r| {
        let mut spec = Plan::new(r, 1_000.0).draw(r);
        for index in 0..400 {
            let (order, took) = (r.whole(10_000, 99_999), r.whole(3, 400));
            let line = format!("INFO order {order} placed in {took} ms");
            spec.logs.baseline.push(line.clone());
            spec.logs.canary.push(line);
            if index % 9 == 4 {
                let customer = r.whole(100, 99_999);
                spec.logs.canary.push(format!(
                    "ERROR could not book points for customer {customer}: missing tier"
                ));
            }
        }
        spec
    }),
];

fn errors(r: &mut Random, traffic: f64, more: f64) -> Spec {
    let mut plan = Plan::new(r, traffic);
    plan.on_new(move |_, level| level.errors += more);
    plan.draw(r)
}

fn during(r: &mut Random, from: f64, to: f64) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.on_new(move |minute, level| {
        if (from..to).contains(&minute) {
            level.errors += 0.2;
        }
    });
    plan.draw(r)
}

fn latency(r: &mut Random, slower: f64, critical: bool) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.latency_critical = critical;
    plan.on_new(move |_, level| level.latency *= slower);
    plan.draw(r)
}

/// Memory that grows evenly to `by` times the usual more at the end; the limit is at 1.5
/// times the usual.
fn leak(r: &mut Random, by: f64) -> Plan {
    let mut plan = Plan::new(r, 1_000.0);
    plan.on_new(move |minute, level| level.memory *= 1.0 + by * 0.6 * minute / 30.0);
    plan
}

fn crash(plan: &mut Plan, bad: usize, all: usize, reason: &str) {
    plan.spec.health = (0..all)
        .map(|index| Instance {
            instance: format!("pod-{index}"),
            ready: Some(index >= bad),
            restarts: if index < bad { 6 } else { 0 },
            reason: (index < bad).then(|| reason.to_owned()),
        })
        .collect();
}
