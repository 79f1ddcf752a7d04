//! What holds for any data.

use proptest::prelude::*;

use crate::decide::series::Point;
use crate::decide::spec::{
    Class, Deployment, Direction, Kind, Role, Signal, Spec, Strategy as Rollout,
};
use crate::decide::{Action, ModelOpinion, decide, restrain};

const START: i64 = 1_767_261_600_000;

fn points() -> impl Strategy<Value = Vec<Point>> {
    proptest::collection::vec((-10i64..45, -5.0f64..120.0, 0.0f64..400.0), 0..60).prop_map(
        |points| {
            points
                .into_iter()
                .map(|(minute, value, total)| Point { at: START + minute * 60_000, value, total })
                .collect()
        },
    )
}

fn signal() -> impl Strategy<Value = Signal> {
    let kind = prop_oneof![Just(Kind::Ratio), Just(Kind::Gauge), Just(Kind::Counter)];
    let class = prop_oneof![Just(Class::Reliability), Just(Class::Latency), Just(Class::Business)];
    let way = prop_oneof![Just(Direction::Lower), Just(Direction::Higher), Just(Direction::Either)];
    let flags = (any::<bool>(), any::<bool>(), proptest::option::of(0.01f64..1.0));
    (kind, class, way, flags, points(), points(), points()).prop_map(
        |(kind, class, direction, (critical, required, limit), canary, baseline, other)| Signal {
            name: "signal".to_owned(),
            kind,
            class,
            direction,
            unit: None,
            limit,
            critical,
            required,
            series: [
                (Role::Canary, canary),
                (Role::Baseline, baseline),
                (Role::Instance("a".to_owned()), other.clone()),
                (Role::Dependency("b".to_owned()), other),
            ]
            .into(),
            source: None,
        },
    )
}

fn spec(signals: Vec<Signal>, beside: bool) -> Spec {
    let strategy = if beside { Rollout::Canary } else { Rollout::Rolling };
    Spec {
        service: "checkout".to_owned(),
        deployment: Deployment {
            previous: Some("1".to_owned()),
            started_at: Some(START),
            strategy: Some(strategy),
            ..Deployment::default()
        },
        signals,
        ..Spec::default()
    }
}

/// A signal that is alike on both sides.
fn healthy() -> Signal {
    let at = |minute: i64| START + minute * 60_000;
    let series: Vec<Point> = (-60..=40)
        .map(|minute| Point { at: at(minute), value: 100.0 + (minute * 7 % 5) as f64, total: 0.0 })
        .collect();
    let canary = series.iter().filter(|point| point.at >= START).copied().collect();
    Signal {
        name: "healthy".to_owned(),
        kind: Kind::Gauge,
        class: Class::Latency,
        direction: Direction::Lower,
        unit: None,
        limit: None,
        critical: false,
        required: false,
        series: [(Role::Canary, canary), (Role::Baseline, series)].into(),
        source: None,
    }
}

fn bytes(spec: &Spec) -> String {
    serde_json::to_string(&decide(spec, None)).expect("JSON")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_order_of_points_is_no_matter(signal in signal(), beside: bool, turn in 0usize..60) {
        let one = spec(vec![signal.clone()], beside);
        let mut other = one.clone();
        for series in other.signals.iter_mut().flat_map(|signal| signal.series.values_mut()) {
            series.reverse();
            let turn = turn.min(series.len());
            series.rotate_left(turn);
        }
        prop_assert_eq!(bytes(&one), bytes(&other));
    }

    #[test]
    fn a_healthy_signal_more_makes_nothing_bolder(signal in signal(), beside: bool) {
        let one = decide(&spec(vec![signal.clone()], beside), None);
        let two = decide(&spec(vec![signal, healthy()], beside), None);
        prop_assert!(two.action <= one.action || one.action == Action::Proceed);
        prop_assert!(!(two.action == Action::Rollback && one.action != Action::Rollback));
    }

    #[test]
    fn a_model_makes_nothing_bolder(signal in signal(), beside: bool, opinion in 0u8..4) {
        let decision = decide(&spec(vec![signal], beside), None);
        let (was, clear) = (decision.action, decision.clear_cut);
        let action = [None, Some(Action::Proceed), Some(Action::Investigate), Some(Action::Rollback)][opinion as usize];
        let after = restrain(decision, ModelOpinion { action, said: String::new() });
        prop_assert!(after.action == was || after.action == Action::Investigate);
        prop_assert!(!clear || after.action == was);
        prop_assert!(!after.clear_cut || clear);
    }

    #[test]
    fn what_is_written_is_finite(signal in signal(), beside: bool) {
        let decision = decide(&spec(vec![signal], beside), None);
        for result in &decision.signals {
            let numbers = [result.effect, result.p, result.canary, result.baseline];
            prop_assert!(numbers.into_iter().flatten().all(f64::is_finite));
            prop_assert!(result.p.is_none_or(|p| (0.0..=1.0).contains(&p)));
        }
    }
}
