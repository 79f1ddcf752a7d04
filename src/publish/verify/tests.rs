//! What people see of a decision.

use std::collections::BTreeMap;

use super::*;
use crate::decide::decision::{
    Attribution, Compared, DataProblem, DataQuality, Evidence, LogResult, ModelResult,
};
use crate::decide::series::Point;
use crate::decide::spec::{Class, Deployment, Direction, Role};
use crate::redact::Secret;

const START: i64 = 1_767_261_600_000; // 2026-01-01T10:00:00Z

fn ratio(name: &str, canary: f64, limit: f64) -> Signal {
    let points = |share: f64, from: i64| -> Vec<Point> {
        (0..30)
            .map(|at| Point {
                at: START + (from + at) * 60_000,
                value: share * 400.0,
                total: 400.0,
            })
            .collect()
    };
    Signal {
        name: name.to_owned(),
        kind: Kind::Ratio,
        class: Class::Reliability,
        direction: Direction::Lower,
        unit: None,
        limit: Some(limit),
        critical: true,
        required: true,
        series: BTreeMap::from([
            (Role::Canary, points(canary, 0)),
            (Role::Baseline, points(0.004, 0)),
        ]),
        source: None,
    }
}

fn result(name: &str, verdict: Verdict) -> SignalResult {
    SignalResult {
        name: name.to_owned(),
        verdict,
        test: Some("two-proportion score test"),
        effect: Some(0.051),
        interval: Some([0.045, 0.058]),
        p: Some(1e-9),
        n: Compared { canary: 12_000, baseline: 12_000 },
        why: "5.5% of requests fail, 0.4% did on 1.7.3.".to_owned(),
        critical: verdict == Verdict::Worse,
        canary: Some(0.055),
        baseline: Some(0.004),
        beyond_limit: verdict == Verdict::Worse,
    }
}

fn sample() -> (Spec, Decision) {
    let spec = Spec {
        service: "checkout".to_owned(),
        deployment: Deployment {
            version: Some("1.8.0".to_owned()),
            previous: Some("1.7.3".to_owned()),
            started_at: Some(START),
            ..Deployment::default()
        },
        signals: vec![ratio("well", 0.004, 0.5), ratio("error_rate", 0.055, 0.05)],
        ..Spec::default()
    };
    let decision = Decision {
        action: Action::Rollback,
        reason: "error_rate is above its limit of 5% since 10:05 and worse than on 1.7.3."
            .to_owned(),
        rule: "error_rate",
        confidence: 0.999,
        clear_cut: true,
        signals: vec![
            SignalResult { test: None, effect: None, ..result("well", Verdict::Same) },
            result("error_rate", Verdict::Worse),
        ],
        logs: LogResult {
            new: 1,
            known: 12,
            examples: vec![LogExample {
                class: "new",
                template: "cannot charge <*>".to_owned(),
                canary: 31,
                baseline: 0,
                line: "cannot charge 17: s3cret-token @everyone ::error:: <b>".to_owned(),
            }],
            ..LogResult::default()
        },
        attribution: Attribution {
            whose: Whose::NewVersion,
            names: vec![],
            why: "Only the new version is worse, on all instances.".to_owned(),
        },
        data_quality: DataQuality {
            ok: true,
            problems: vec![DataProblem {
                rule: "gap",
                signal: None,
                why: "Two points are missing.".to_owned(),
            }],
        },
        model: ModelResult {
            said: Some("Charging fails | since the new client.".to_owned()),
            changed_action: false,
        },
        evidence: vec![Evidence {
            rule: "error_rate",
            action: Some(Action::Rollback),
            why: "Above its limit.".to_owned(),
        }],
    };
    (spec, decision)
}

fn scrubber() -> Scrubber {
    Scrubber::new([&Secret::new("s3cret-token")])
}

#[test]
fn a_terminal_shows_the_worst_first() {
    let (spec, decision) = sample();
    let notes = ["A key `foo` is not known.".to_owned()];
    let judged = Judged { spec: &spec, decision: &decision, shadow: false, notes: &notes };
    let text = terminal(&judged, Options { color: false, width: 90 }, &scrubber());
    insta::assert_snapshot!("terminal", text);
}

#[test]
fn markdown_shows_the_grounds_and_no_foreign_markup() {
    let (spec, decision) = sample();
    let judged = Judged { spec: &spec, decision: &decision, shadow: true, notes: &[] };
    let text = markdown(&judged, &scrubber(), &ForgeHost::nowhere());
    assert!(!text.contains("s3cret-token"));
    insta::assert_snapshot!("markdown", text);
}

#[test]
fn a_picture_is_well_formed_and_shows_limit_and_warm_up() {
    let (mut spec, decision) = sample();
    spec.service = "<script>&\"".to_owned();
    let picture = plot::svg(&spec, &decision, &scrubber());
    let mut reader = quick_xml::Reader::from_str(&picture);
    let mut texts = 0;
    loop {
        match reader.read_event().expect("well-formed XML") {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Text(_) => texts += 1,
            _ => {}
        }
    }
    assert!(texts > 10);
    for part in ["limit 5%", "warm-up", "ROLL BACK", "worse, critical", "10:05"] {
        assert!(picture.contains(part), "{part} is missing");
    }
    assert!(!picture.contains("<script>"));
    // The worse signal stands above the one that is well.
    assert!(picture.find("error_rate") < picture.find(">well<"));
}

#[test]
fn series_of_any_values_can_be_drawn() {
    let (mut spec, decision) = sample();
    for points in [
        vec![],
        vec![Point { at: START, value: 1.0, total: 2.0 }],
        vec![
            Point { at: i64::MIN, value: f64::MAX, total: 1.0 },
            Point { at: i64::MAX, value: -f64::MAX, total: 1e-300 },
        ],
        vec![Point { at: START, value: f64::NAN, total: 0.0 }; 3],
    ] {
        for kind in [Kind::Ratio, Kind::Gauge, Kind::Counter] {
            spec.signals[0].kind = kind;
            spec.signals[0].series.insert(Role::Canary, points.clone());
            let picture = plot::svg(&spec, &decision, &scrubber());
            assert!(picture.ends_with("</svg>\n"));
        }
    }
}

#[test]
fn long_series_are_drawn_by_pixel() {
    let (mut spec, decision) = sample();
    let points = (0..100_000)
        .map(|at| Point { at: START + at * 1000, value: (at % 97) as f64, total: 100.0 })
        .collect();
    spec.signals[0].series.insert(Role::Canary, points);
    let picture = plot::svg(&spec, &decision, &scrubber());
    assert!(picture.len() < 200_000, "{} bytes", picture.len());
}
