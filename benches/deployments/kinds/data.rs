//! The data does not bear a decision.

use pipewright::decide::Spec;
use pipewright::decide::spec::{ChangeKind, Concurrent, Role};

use super::Group::{Harmful, NotItsFault};
use super::{I, IR, Kind, kind};
use crate::random::Random;
use crate::world::{MINUTE, Plan, START, change};

pub const KINDS: &[Kind] = &[
    kind("night traffic", NotItsFault, I, |r| Plan::new(r, 2.0).draw(r)),
    // Twenty of fifty against none: who goes back is right, who wakes somebody too.
    kind("night traffic, two fifths fail", Harmful, IR, |r| {
        let mut plan = Plan::new(r, 2.0);
        plan.on_new(|_, level| level.errors += 0.4);
        plan.draw(r)
    }),
    kind("no traffic at the new version", NotItsFault, I, |r| {
        let mut plan = Plan::new(r, 1_000.0);
        plan.on_new(|_, level| level.traffic = 0.0);
        plan.draw(r)
    }),
    kind("no traffic at all", NotItsFault, I, |r| Plan::new(r, 0.0).draw(r)),
    kind("telemetry of the new version gone", NotItsFault, I, |r| {
        let mut spec = Plan::new(r, 1_000.0).draw(r);
        change(&mut spec, &Role::Canary, Vec::clear);
        spec
    }),
    kind("telemetry of the new version ends early", NotItsFault, I, |r| {
        let mut spec = Plan::new(r, 1_000.0).draw(r);
        let left = r.whole(6, 12) as usize;
        change(&mut spec, &Role::Canary, move |series| series.truncate(left));
        spec
    }),
    kind("telemetry of both gone", NotItsFault, I, |r| {
        let mut spec = Plan::new(r, 1_000.0).draw(r);
        for role in [Role::Canary, Role::Baseline] {
            change(&mut spec, &role, Vec::clear);
        }
        spec
    }),
    kind("a gap of ten minutes in all series", NotItsFault, I, |r| {
        let mut spec = Plan::new(r, 1_000.0).draw(r);
        let from = START + r.whole(7, 14) * MINUTE;
        for role in [Role::Canary, Role::Baseline] {
            change(&mut spec, &role, move |series| {
                series.retain(|point| point.at < from || point.at >= from + 10 * MINUTE);
            });
        }
        spec
    }),
    kind("baseline missing", NotItsFault, I, |r| {
        let mut spec = Plan::new(r, 1_000.0).draw(r);
        change(&mut spec, &Role::Baseline, Vec::clear);
        spec
    }),
    kind("a required signal is missing", NotItsFault, I, |r| {
        let mut spec = Plan::new(r, 1_000.0).draw(r);
        for signal in &mut spec.signals {
            if signal.required {
                signal.series.clear();
            }
        }
        spec
    }),
    kind("clock of the new version two hours off", NotItsFault, I, |r| {
        let mut spec = Plan::new(r, 1_000.0).draw(r);
        let sign = if r.chance(0.5) { 1 } else { -1 };
        change(&mut spec, &Role::Canary, move |series| {
            for point in series.iter_mut() {
                point.at += sign * 120 * MINUTE;
            }
        });
        spec
    }),
    kind("counter starts again in the middle", NotItsFault, I, |r| {
        let mut plan = Plan::rolling(r, 3_000.0, true);
        plan.with_traffic = true;
        let mut spec = plan.draw(r);
        let at = r.whole(12, 24) as usize;
        for signal in &mut spec.signals {
            if let Some(series) = signal.series.get_mut(&Role::Canary)
                && signal.name == "requests_total"
            {
                let before = series.get(at).map_or(0.0, |point| point.value);
                for point in series.iter_mut().skip(at) {
                    point.value -= before;
                }
            }
        }
        spec
    }),
    kind("baseline touched by another deployment", NotItsFault, I, touched),
];

fn touched(r: &mut Random) -> Spec {
    let mut plan = Plan::rolling(r, 3_000.0, false);
    let minute = r.whole(-30, -15);
    plan.spec.deployment.concurrent = vec![Concurrent {
        kind: ChangeKind::Deployment,
        service: Some("checkout".to_owned()),
        at: Some(START + minute * MINUTE),
    }];
    // Whatever came then made the hour before no measure for the hour after.
    plan.effect(move |role, now, level| {
        if *role == Role::Baseline && now >= minute as f64 {
            level.errors += 0.03;
            level.latency *= 1.5;
        }
    });
    plan.draw(r)
}
