//! Nothing is wrong with the new version, however it may look.

use pipewright::decide::Spec;
use pipewright::decide::spec::{ChangeKind, Concurrent, Role, Strategy};

use super::Group::Healthy;
use super::{Kind, P, PI, kind};
use crate::random::Random;
use crate::world::{MINUTE, Plan, START, change, coarse, is_new, is_own};

pub const KINDS: &[Kind] = &[
    kind("healthy, 10,000 a minute", Healthy, P, |r| Plan::new(r, 10_000.0).draw(r)),
    kind("healthy, 1,000 a minute", Healthy, P, |r| Plan::new(r, 1_000.0).draw(r)),
    kind("healthy, 60 a minute", Healthy, P, |r| Plan::new(r, 60.0).draw(r)),
    kind("healthy, rolling", Healthy, P, |r| Plan::rolling(r, 5_000.0, false).draw(r)),
    kind("healthy, rolling with history", Healthy, P, |r| Plan::rolling(r, 5_000.0, true).draw(r)),
    kind("healthy, blue-green", Healthy, P, blue_green),
    kind("healthy, traffic by weight of 1%", Healthy, P, one_percent),
    kind("healthy, without failures", Healthy, P, without_failures),
    kind("noise that hangs together", Healthy, P, autocorrelated),
    kind("heavy-tailed latencies", Healthy, P, heavy),
    kind("overdispersed failures", Healthy, P, overdispersed),
    // Each side has bursts of its own; where the new version happens to have more of them,
    // a look does no harm.
    kind("bursts of failures, each side its own", Healthy, PI, own_bursts),
    // A mean of 1.5% that wanders widely around a limit of 2%.
    kind("overdispersed failures near the limit", Healthy, PI, near_the_limit),
    kind("slow minutes now and then", Healthy, P, slow_minutes),
    kind("seasonal, canary", Healthy, P, seasonal_canary),
    kind("seasonal, rolling with history", Healthy, P, |r| {
        let mut plan = Plan::rolling(r, 5_000.0, true);
        plan.season = 0.5;
        plan.draw(r)
    }),
    // The morning's rise moves traffic and latency by a third, and nothing tells it from
    // the new version's own doing.
    kind("seasonal, rolling without history", Healthy, PI, |r| {
        let mut plan = Plan::rolling(r, 5_000.0, false);
        plan.season = 0.5;
        plan.draw(r)
    }),
    kind("bursts of failures on both sides", Healthy, P, bursts),
    // The load is the same on both, yet what few seconds of both are compared may differ.
    kind("surge of traffic on both sides", Healthy, PI, surge),
    kind("cold start", Healthy, P, cold_start),
    kind("cold start, rolling with history", Healthy, P, cold_start_rolling),
    kind("memory fills up to the usual", Healthy, P, memory_fills),
    kind("failures as before, below the limit", Healthy, P, |r| as_before(r, 0.008)),
    kind("failures as before, above the limit", Healthy, P, |r| as_before(r, 0.06)),
    kind("failures as before, rolling", Healthy, P, |r| {
        let mut plan = Plan::rolling(r, 3_000.0, true);
        plan.base.errors = 0.04;
        plan.draw(r)
    }),
    // A client with broken requests that happens to be routed to the new version.
    kind("one client's failures for three minutes", Healthy, PI, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        let at = r.range(6.0, 25.0).floor();
        plan.on_new(move |minute, level| {
            if (at..at + 3.0).contains(&minute) {
                level.errors += 0.08;
            }
        });
        plan.draw(r)
    }),
    // Machines a little slower than the others, which is less than what matters.
    kind("the new version's machines 4% slower", Healthy, PI, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| {
            level.latency *= 1.04;
            level.cpu *= 1.04;
        });
        plan.draw(r)
    }),
    kind("nine tenths of the traffic", Healthy, P, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.spec.deployment.weight = Some(0.9);
        plan.draw(r)
    }),
    // Five minutes are left after the warm-up: some want to see more.
    kind("ten minutes seen", Healthy, PI, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.last(10);
        plan.draw(r)
    }),
    kind("a day of points, seasonal", Healthy, P, |r| {
        let mut plan = Plan::new(r, 500.0);
        plan.last(1_440);
        plan.season = 0.5;
        plan.draw(r)
    }),
    kind("points of five minutes", Healthy, P, |r| coarse(Plan::new(r, 1_000.0).draw(r), 5)),
    // All requests of the first two minutes fail, as they do where all is taken down first.
    kind("recreated, two minutes down", Healthy, PI, |r| {
        let mut plan = Plan::rolling(r, 2_000.0, true);
        plan.spec.deployment.strategy = Some(Strategy::Recreate);
        plan.on_new(|minute, level| {
            if minute < 2.0 {
                level.errors = 1.0;
            }
        });
        plan.draw(r)
    }),
    // The signal is not required; some would want it there.
    kind("a signal not required is missing", Healthy, PI, |r| {
        let mut spec = Plan::new(r, 1_000.0).draw(r);
        for signal in &mut spec.signals {
            if signal.name == "conversion" {
                signal.series.clear();
            }
        }
        spec
    }),
    // One minute in thirty is nothing to go back for; a look at it does no harm.
    kind("single spike of failures", Healthy, PI, spike),
    kind("counter starts again with the process", Healthy, P, reset_at_start),
    kind("points unordered, twice and missing", Healthy, P, untidy),
    // The newest points of all series are always late; two minutes are not an outage.
    kind("last points late", Healthy, P, late),
    kind("a flag changed meanwhile, no trouble", Healthy, P, flag),
    // Both sides were slow while the migration ran: neither is worse, yet somebody may
    // want to look at ten minutes of a slow service.
    kind("migration slows both at first", Healthy, PI, migration),
    kind("better version", Healthy, P, better),
    kind("fifty signals", Healthy, P, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.more = 44;
        plan.draw(r)
    }),
    // There is nothing to compare with nor to go back to: some want a person to look at
    // each first deployment.
    kind("first deployment, good", Healthy, PI, first),
    kind("log lines of a fresh process", Healthy, P, fresh_lines),
    kind("latency 5% up", Healthy, PI, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| level.latency *= 1.05);
        plan.draw(r)
    }),
];

fn blue_green(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 2_000.0);
    plan.spec.deployment.strategy = Some(Strategy::BlueGreen);
    plan.spec.deployment.weight = Some(0.5);
    plan.draw(r)
}

fn one_percent(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 5_000.0);
    plan.spec.deployment.weight = Some(0.01);
    plan.with_traffic = true;
    plan.draw(r)
}

fn without_failures(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 500.0);
    plan.base.errors = 0.0;
    plan.draw(r)
}

fn autocorrelated(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.own = (0.9, 0.06);
    plan.draw(r)
}

fn heavy(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 300.0);
    plan.heavy = true;
    plan.draw(r)
}

fn overdispersed(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 2_000.0);
    plan.base.errors = 0.005;
    plan.clumped = 0.01;
    plan.draw(r)
}

fn seasonal_canary(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 2_000.0);
    plan.season = 0.5;
    plan.draw(r)
}

fn bursts(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 2_000.0);
    let starts: Vec<f64> = (0..4).map(|_| r.range(-30.0, 27.0).floor()).collect();
    let height = r.range(0.03, 0.1);
    plan.effect(move |role, minute, level| {
        let inside = starts.iter().any(|start| (*start..start + 3.0).contains(&minute));
        if is_own(role) && inside {
            level.errors += height;
        }
    });
    plan.draw(r)
}

fn own_bursts(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    let starts = |r: &mut Random| -> Vec<f64> {
        (-30..30).filter(|_| r.chance(0.05)).map(f64::from).collect()
    };
    let (new, old) = (starts(r), starts(r));
    plan.effect(move |role, minute, level| {
        let starts = if is_new(role) { &new } else { &old };
        if is_own(role) && starts.iter().any(|start| (*start..start + 2.0).contains(&minute)) {
            level.errors += 0.1;
        }
    });
    plan.draw(r)
}

fn near_the_limit(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.base.errors = 0.015;
    plan.clumped = 0.05;
    plan.draw(r)
}

/// Garbage collection, backups: a minute in twenty is three times as slow, on each side
/// at its own times.
fn slow_minutes(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    let minutes = |r: &mut Random| -> Vec<f64> {
        (-60..60).filter(|_| r.chance(0.05)).map(f64::from).collect()
    };
    let (new, old) = (minutes(r), minutes(r));
    plan.effect(move |role, minute, level| {
        if (if is_new(role) { &new } else { &old }).contains(&minute) {
            level.latency *= 3.0;
        }
    });
    plan.draw(r)
}

fn surge(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    let start = r.range(8.0, 18.0);
    plan.effect(move |role, minute, level| {
        if is_own(role) && minute >= start && minute < start + 10.0 {
            level.traffic *= 2.5;
            level.latency *= 1.4;
            level.cpu = (level.cpu * 1.8).min(0.95);
        }
    });
    plan.draw(r)
}

/// The first minutes of a process without caches, connections and compiled code.
fn warming(minute: f64) -> f64 {
    (-minute / 1.2).exp()
}

fn cold_start(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.on_new(|minute, level| {
        level.latency *= 1.0 + 3.0 * warming(minute);
        level.errors += 0.05 * warming(minute);
        level.cpu = (level.cpu * (1.0 + warming(minute))).min(1.0);
    });
    plan.draw(r)
}

fn cold_start_rolling(r: &mut Random) -> Spec {
    let mut plan = Plan::rolling(r, 4_000.0, true);
    plan.on_new(|minute, level| {
        level.latency *= 1.0 + 1.5 * warming(minute);
        level.errors += 0.02 * warming(minute);
    });
    plan.draw(r)
}

fn memory_fills(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.filling = 12.0;
    plan.memory_critical = true;
    plan.on_new(|minute, level| level.memory *= 1.0 - 0.3 * (-minute / 12.0).exp());
    plan.draw(r)
}

fn as_before(r: &mut Random, errors: f64) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.base.errors = errors * r.range(0.8, 1.3);
    plan.draw(r)
}

fn spike(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    let at = r.range(8.0, 25.0).floor();
    plan.on_new(move |minute, level| {
        if minute == at {
            level.errors += 0.3;
        }
    });
    plan.draw(r)
}

fn reset_at_start(r: &mut Random) -> Spec {
    let mut spec = Plan::rolling(r, 3_000.0, true).draw(r);
    // The first scrapes still show the old process.
    let old = r.range(1e6, 1e8).floor();
    for signal in &mut spec.signals {
        if let Some(series) = signal.series.get_mut(&Role::Canary)
            && signal.name == "requests_total"
        {
            for (index, point) in series.iter_mut().take(2).enumerate() {
                point.value = old + 3_000.0 * index as f64;
            }
        }
    }
    spec
}

fn untidy(r: &mut Random) -> Spec {
    let mut spec = Plan::new(r, 1_000.0).draw(r);
    for signal in &mut spec.signals {
        for series in signal.series.values_mut() {
            let count = series.len() as i64;
            for _ in 0..count {
                let (from, to) = (r.whole(0, count) as usize, r.whole(0, count) as usize);
                series.swap(from, to);
            }
            let twice = series[r.whole(0, count) as usize];
            series.push(twice);
            for _ in 0..count / 25 {
                series[r.whole(0, count) as usize].value = f64::NAN;
            }
        }
    }
    spec
}

fn late(r: &mut Random) -> Spec {
    let mut spec = Plan::new(r, 1_000.0).draw(r);
    for role in [Role::Canary, Role::Baseline] {
        change(&mut spec, &role, |series| series.truncate(series.len().saturating_sub(2)));
    }
    spec
}

fn flag(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    let at = Some(START + r.whole(2, 20) * MINUTE);
    plan.spec.deployment.concurrent =
        vec![Concurrent { kind: ChangeKind::Flag, service: Some("checkout".to_owned()), at }];
    plan.draw(r)
}

fn migration(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.effect(|role, minute, level| {
        if is_own(role) && (0.0..10.0).contains(&minute) {
            level.latency *= 2.5;
            level.errors += 0.002;
        }
    });
    plan.draw(r)
}

fn better(r: &mut Random) -> Spec {
    let mut plan = Plan::new(r, 1_000.0);
    plan.effect(|role, _, level| {
        if is_new(role) {
            level.latency *= 0.7;
            level.errors = 0.001;
        } else {
            level.errors = 0.008;
        }
    });
    plan.draw(r)
}

fn first(r: &mut Random) -> Spec {
    let mut plan = Plan::rolling(r, 1_000.0, false);
    plan.spec.deployment.first = true;
    plan.spec.deployment.previous = None;
    let mut spec = plan.draw(r);
    for signal in &mut spec.signals {
        signal.series.remove(&Role::Baseline);
    }
    spec
}

fn fresh_lines(r: &mut Random) -> Spec {
    let mut spec = Plan::new(r, 500.0).draw(r);
    let usual = |r: &mut Random, version: &str, lines: &mut Vec<String>| {
        for _ in 0..300 {
            let (order, took) = (r.whole(10_000, 99_999), r.whole(3, 400));
            lines.push(format!("INFO [{version}] order {order} placed in {took} ms"));
            if r.chance(0.03) {
                lines.push(format!("WARN slow query on orders took {took}00 ms"));
            }
        }
    };
    for line in [
        "INFO starting checkout 1.8.0 (build 5f3a9c1)",
        "INFO loaded 412 keys of configuration from /etc/checkout/app.yaml",
        "WARN no cache file found, starting with an empty cache",
        "INFO connected to payments-db at 10.0.4.17:5432",
        "INFO listening on 0.0.0.0:8080",
    ] {
        spec.logs.canary.push(line.to_owned());
    }
    usual(r, "1.8.0", &mut spec.logs.canary);
    usual(r, "1.7.3", &mut spec.logs.baseline);
    spec
}
