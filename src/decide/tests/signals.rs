//! What series lead to.

use super::build::{By, Made, Wanted, before, beside, gauge, gauge_by, ratio, ratio_by};
use super::{Action, INVESTIGATE, PROCEED, ROLLBACK, check, decided};
use crate::decide::decision::Verdict::{self, Better, Insufficient, NoData, Same, Worse};

const LIMITS: &str = "limit: 0.05, critical: true, required: true";

/// A signal alone: the action, the rule, and the signal's verdict.
#[track_caller]
fn alone(name: &str, wanted: Wanted, action: Action, rule: &str, verdict: Verdict) {
    let decision = check(name, &Made::new().with(wanted), action, rule);
    assert_eq!(decision.signals[0].verdict, verdict, "{name}: {:#?}", decision.signals);
}

#[test]
fn ratios() {
    let calm = |_: i64| 0.01;
    let from = |at: i64, high: f64| move |minute: i64| if minute >= at { high } else { 0.01 };
    let warming = |minute: i64| if minute < 5 { 0.5 } else { 0.01 };
    let spike = |minute: i64| if (12..14).contains(&minute) { 0.5 } else { 0.01 };
    let flapping = |minute: i64| if minute / 5 % 2 == 0 { 0.15 } else { 0.01 };
    let over = |minute: i64| if minute < 16 { 0.2 } else { 0.01 };
    let by = |canary: By, baseline: By| ratio_by("error_rate", LIMITS, canary, baseline);
    for (name, wanted, action, rule, verdict) in [
        ("alike", by(&calm, &calm), PROCEED, "no_regression", Same),
        ("none on both", by(&|_| 0.0, &|_| 0.0), PROCEED, "no_regression", Same),
        ("better", by(&|_| 0.001, &|_| 0.03), PROCEED, "no_regression", Better),
        ("far above the limit", by(&|_| 0.2, &calm), ROLLBACK, "error_rate", Worse),
        ("all of them", by(&|_| 1.0, &|_| 0.0), ROLLBACK, "error_rate", Worse),
        ("below the limit", by(&|_| 0.03, &calm), INVESTIGATE, "worse_signal", Worse),
        ("as bad before", by(&|_| 0.2, &|_| 0.2), PROCEED, "no_regression", Same),
        ("a little above as before", by(&|_| 0.06, &|_| 0.06), PROCEED, "no_regression", Same),
        ("too little to matter", by(&|_| 0.0115, &calm), PROCEED, "no_regression", Same),
        ("in the warm-up only", by(&warming, &calm), PROCEED, "no_regression", Same),
        ("to the end", by(&from(15, 0.3), &calm), ROLLBACK, "error_rate", Worse),
        (
            "growing",
            by(&|minute| 0.01 + 0.02 * minute as f64, &calm),
            ROLLBACK,
            "error_rate",
            Worse,
        ),
        ("one spike", by(&spike, &calm), INVESTIGATE, "worse_signal", Worse),
        ("now and then", by(&flapping, &calm), INVESTIGATE, "worse_signal", Worse),
        ("came and went", by(&over, &calm), INVESTIGATE, "worse_signal", Worse),
    ] {
        alone(name, wanted, action, rule, verdict);
    }
    let bare = |head: &str, canary: f64| ratio("error_rate", head, canary, 0.01);
    alone("no limit", bare("critical: true", 0.2), INVESTIGATE, "worse_signal", Worse);
    alone("not critical", bare("limit: 0.05", 0.2), ROLLBACK, "error_rate", Worse);
    let other = "class: business, limit: 0.05";
    let wanted = beside(
        Wanted::new("refunds", "ratio", &format!("{other}, direction: lower")),
        &|_| 0.2,
        &calm,
    );
    alone("of another class", wanted, INVESTIGATE, "worse_signal", Worse);
    let critical = format!("{other}, direction: lower, critical: true");
    let wanted = beside(Wanted::new("refunds", "ratio", &critical), &|_| 0.2, &calm);
    alone("of another class, critical", wanted, ROLLBACK, "critical_limit", Worse);
}

#[test]
fn small_counts_are_seen_when_they_persist() {
    let points = |bad: &[u32], total: u32| -> String {
        let points: Vec<String> = bad
            .iter()
            .enumerate()
            .map(|(n, bad)| format!("[{}, {bad}, {total}]", super::build::START + 300 * n as i64))
            .collect();
        format!("[{}]", points.join(", "))
    };
    for (name, canary, baseline, total, action) in [
        ("0, 1, 2, 1, 0, 0 against none", vec![0, 1, 2, 1, 0, 0], vec![0; 6], 200, INVESTIGATE),
        ("two of a hundred each time", vec![2; 6], vec![0; 6], 100, INVESTIGATE),
        ("one in all", vec![0, 0, 1, 0, 0, 0], vec![0; 6], 200, PROCEED),
        ("5 of 10,000 against none", vec![1, 1, 0, 1, 1, 1], vec![0; 6], 1_700, PROCEED),
    ] {
        let series = format!(
            "{{\"canary\": {}, \"baseline\": {}}}",
            points(&canary, total),
            points(&baseline, total)
        );
        let text = Made::new().and("\"windows\": {\"warmup\": 0}").text().replace(
            "\"signals\": []",
            &format!(
                "\"signals\": [{{\"name\": \"e\", \"kind\": \"ratio\", \"series\": {series}}}]"
            ),
        );
        assert_eq!(decided(&text).action, action, "{name}: {:#?}", decided(&text));
    }
}

#[test]
fn gauges() {
    let with = |head: &str, canary: By, baseline: By| {
        gauge_by("latency", &format!("class: latency, unit: ms, {head}"), canary, baseline)
    };
    let flat = |_: i64| 200.0;
    let tail = |minute: i64| if minute % 4 == 0 { 900.0 } else { 200.0 };
    let swing = |minute: i64| if minute % 2 == 0 { 80.0 } else { 330.0 };
    let cold = |minute: i64| if minute < 4 { 900.0 } else { 200.0 };
    let stays = |minute: i64| if minute < 4 { 900.0 } else { 420.0 };
    let settles = |minute: i64| if minute < 15 { 250.0 } else { 200.0 };
    let late = |minute: i64| if minute < 20 { 200.0 } else { 600.0 };
    for (name, wanted, action, rule, verdict) in [
        ("alike", with("limit: 500", &flat, &flat), PROCEED, "no_regression", Same),
        ("5 % more", with("limit: 500", &|_| 210.0, &flat), PROCEED, "no_regression", Same),
        ("half more", with("limit: 500", &|_| 300.0, &flat), INVESTIGATE, "worse_signal", Worse),
        ("less", with("limit: 500", &|_| 150.0, &flat), PROCEED, "no_regression", Better),
        (
            "beyond the limit",
            with("limit: 500", &|_| 800.0, &flat),
            INVESTIGATE,
            "worse_signal",
            Worse,
        ),
        (
            "critical",
            with("limit: 500, critical: true", &|_| 800.0, &flat),
            ROLLBACK,
            "critical_limit",
            Worse,
        ),
        (
            "critical, as before",
            with("limit: 500, critical: true", &|_| 800.0, &|_| 800.0),
            PROCEED,
            "no_regression",
            Same,
        ),
        (
            "critical, late",
            with("limit: 500, critical: true", &late, &flat),
            ROLLBACK,
            "critical_limit",
            Worse,
        ),
        (
            "critical below",
            with("limit: 500, critical: true", &|_| 400.0, &flat),
            INVESTIGATE,
            "worse_signal",
            Worse,
        ),
        ("upper end", with("limit: 2000", &tail, &flat), INVESTIGATE, "worse_signal", Worse),
        ("swings", with("limit: 2000", &swing, &flat), INVESTIGATE, "worse_signal", Worse),
        ("cold start", with("limit: 500", &cold, &flat), PROCEED, "no_regression", Same),
        ("cold for ever", with("limit: 500", &stays, &flat), INVESTIGATE, "worse_signal", Worse),
        ("settles", with("limit: 500", &settles, &flat), PROCEED, "no_regression", Same),
        (
            "two points",
            Wanted::new("latency", "gauge", "required: true")
                .role("canary", 5, 7, &flat)
                .role("baseline", 5, 7, &flat),
            INVESTIGATE,
            "too_few_points",
            Insufficient,
        ),
    ] {
        alone(name, wanted, action, rule, verdict);
    }
    let floor = |canary: f64, head: &str| {
        gauge(
            "availability",
            &format!("class: reliability, direction: higher, limit: 98{head}"),
            canary,
            99.9,
        )
    };
    let rolled = Made::new().with(gauge(
        "throughput",
        "class: business, direction: higher, limit: 80, critical: true",
        40.0,
        100.0,
    ));
    check("below a floor", &rolled, ROLLBACK, "critical_limit");
    check("above a floor", &Made::new().with(floor(99.9, "")), PROCEED, "no_regression");
    let orders = gauge("orders", "class: business, direction: higher", 60.0, 100.0);
    alone("fewer orders", orders, INVESTIGATE, "worse_signal", Worse);
    let more = gauge("orders", "class: business, direction: higher", 160.0, 100.0);
    alone("more orders", more, PROCEED, "no_regression", Better);
    let either = |canary: f64| gauge("mix", "direction: either", canary, 100.0);
    alone("either way down", either(60.0), INVESTIGATE, "worse_signal", Worse);
    alone("either way alike", either(101.0), PROCEED, "no_regression", Same);
}

#[test]
fn leaks() {
    let grows = |by: f64| move |minute: i64| 500.0 + by * minute as f64;
    let fills = |minute: i64| 500.0 * (1.0 - 0.5 * (-minute as f64 / 2.0).exp());
    let memory = |head: &str, canary: By, baseline: By| {
        gauge_by("memory", &format!("class: saturation, unit: MB, {head}"), canary, baseline)
    };
    let flat = |_: i64| 500.0;
    for (name, wanted, action, rule, verdict) in [
        (
            "reaches",
            memory("limit: 900, critical: true", &grows(20.0), &flat),
            ROLLBACK,
            "critical_limit",
            Worse,
        ),
        (
            "will reach",
            memory("limit: 900, critical: true", &grows(10.0), &flat),
            INVESTIGATE,
            "worse_signal",
            Worse,
        ),
        (
            "not critical",
            memory("limit: 900", &grows(20.0), &flat),
            INVESTIGATE,
            "worse_signal",
            Worse,
        ),
        ("fills up", memory("limit: 900", &fills, &flat), PROCEED, "no_regression", Same),
        (
            "both grow",
            memory("limit: 1500", &grows(8.0), &grows(8.0)),
            PROCEED,
            "no_regression",
            Same,
        ),
    ] {
        alone(name, wanted, action, rule, verdict);
    }
}

#[test]
fn the_time_before_and_earlier_days() {
    let signal = || Wanted::new("latency", "gauge", "class: latency, limit: 900");
    let day = |from: i64, to: i64| (from - 1440, to - 1440);
    let rolling = |wanted: Wanted| Made::new().set("strategy", "\"rolling\"").with(wanted);
    let morning = |minute: i64| if minute.rem_euclid(1440) < 720 { 300.0 } else { 200.0 };
    let (from, to) = day(-60, 30);
    let seasonal = before(signal(), &|_| 300.0, &|_| 200.0).role("history", from, to, &morning);
    check("as on earlier days", &rolling(seasonal), PROCEED, "no_regression");
    let quiet = before(signal(), &|_| 300.0, &|_| 200.0).role("history", from, to, &|_| 200.0);
    check("not as on earlier days", &rolling(quiet), INVESTIGATE, "worse_signal");
    let falls = |minute: i64| if minute.rem_euclid(1440) < 720 { 100.0 } else { 200.0 };
    let hidden = before(signal(), &|_| 200.0, &|_| 200.0).role("history", from, to, &falls);
    check("hidden by the hour", &rolling(hidden), INVESTIGATE, "worse_signal");
    let plain = before(signal(), &|_| 200.0, &|_| 200.0);
    check(
        "told from the times",
        &Made::new().set("strategy", "").with(plain),
        PROCEED,
        "no_regression",
    );
    let errors = before(Wanted::new("error_rate", "ratio", LIMITS), &|_| 0.2, &|_| 0.01);
    check("no history", &rolling(errors), ROLLBACK, "error_rate");
}

#[test]
fn traffic_is_held_against_its_weight() {
    let counter = |a: f64, b: f64| {
        beside(
            Wanted::new("requests_total", "counter", "class: traffic"),
            &move |m| a * m as f64,
            &move |m| b * (m + 1_000) as f64,
        )
    };
    for (name, wanted, weight, action) in [
        ("a tenth of it", counter(100.0, 900.0), "0.1", PROCEED),
        ("a hundredth of it", counter(10.0, 900.0), "0.1", INVESTIGATE),
        ("unknown share", counter(100.0, 900.0), "", PROCEED),
    ] {
        let made = Made::new()
            .set("weight", weight)
            .with(ratio("error_rate", LIMITS, 0.01, 0.01))
            .with(wanted);
        let rule = if action == PROCEED { "no_regression" } else { "worse_signal" };
        check(name, &made, action, rule);
    }
}

#[test]
fn the_policy_says_what_may_act() {
    let bad = || Made::new().with(ratio("error_rate", LIMITS, 0.2, 0.01));
    let slow = || {
        Made::new().with(gauge(
            "p99-latency",
            "class: latency, limit: 300, critical: true",
            500.0,
            200.0,
        ))
    };
    for (name, made, act_on, clear) in [
        ("by default", bad(), None, true),
        ("by nothing", bad(), Some("[]"), false),
        ("by its dashes", bad(), Some("[\"error-rate\"]"), true),
        ("a limit by default", slow(), None, false),
        ("a limit by its rule", slow(), Some("[\"critical_limit\"]"), true),
        ("a limit by its short name", slow(), Some("[\"limit\"]"), true),
        ("by the signal's name", slow(), Some("[\"p99_latency\"]"), true),
    ] {
        let made = match act_on {
            Some(list) => made.and(&format!("\"policy\": {{\"act_on\": {list}}}")),
            None => made,
        };
        let decision = decided(&made.text());
        assert_eq!((decision.action, decision.clear_cut), (ROLLBACK, clear), "{name}");
    }
    let patient = Made::new()
        .with(ratio("error_rate", LIMITS, 0.2, 0.01))
        .and("\"policy\": {\"consecutive\": 9}");
    check("not long enough", &patient, INVESTIGATE, "worse_signal");
    let easy = Made::new()
        .with(ratio("error_rate", LIMITS, 0.03, 0.01))
        .and("\"policy\": {\"practical\": {\"ratio\": 0.05}}");
    check("too small to matter", &easy, PROCEED, "no_regression");
}

#[test]
fn among_many_signals_chance_finds_nothing_and_trouble_stands_out() {
    let many = |made: Made| {
        (0..60).fold(made, |made, n| {
            made.with(gauge(&format!("gauge_{n}"), "", 100.0 + f64::from(n), 101.0 + f64::from(n)))
        })
    };
    check("all alike", &many(Made::new()), PROCEED, "no_regression");
    let bad = many(Made::new()).with(ratio("error_rate", LIMITS, 0.12, 0.01));
    check("one worse", &bad, ROLLBACK, "error_rate");
    let gone = many(Made::new()).with(Wanted::new("optional", "gauge", ""));
    let decision = check("one gone", &gone, PROCEED, "no_regression");
    assert_eq!(decision.signals[60].verdict, NoData);
}
