//! Health, the data gate, what a rollback needs, whose trouble it is, and logs.

use super::build::{Made, Wanted, before, beside, gauge, ratio, ratio_by};
use super::{INVESTIGATE, PROCEED, ROLLBACK, check};
use crate::decide::decision::Whose;

const LIMITS: &str = "limit: 0.05, critical: true, required: true";

fn good() -> Made {
    Made::new().with(ratio("error_rate", LIMITS, 0.01, 0.01))
}

fn bad() -> Made {
    Made::new().with(ratio("error_rate", LIMITS, 0.2, 0.01))
}

#[test]
fn health_is_evidence_by_itself() {
    let well = (true, 0, "");
    let crash = (false, 6, "CrashLoopBackOff");
    for (name, instances, action, rule) in [
        ("all well", vec![well; 4], PROCEED, "no_regression"),
        ("one of four", vec![well, well, well, crash], INVESTIGATE, "health"),
        ("three of four", vec![well, crash, crash, crash], ROLLBACK, "health"),
        ("the only one", vec![crash], ROLLBACK, "health"),
        ("unready without a reason", vec![(false, 0, ""); 3], ROLLBACK, "health"),
        ("killed for memory", vec![(true, 2, "OOMKilled"); 3], ROLLBACK, "health"),
        ("no image", vec![(false, 0, "ImagePullBackOff"); 2], ROLLBACK, "health"),
        ("many restarts", vec![(true, 5, ""); 2], ROLLBACK, "health"),
        (
            "one restart of one of four",
            vec![well, well, well, (true, 1, "")],
            PROCEED,
            "no_regression",
        ),
        ("every instance restarted once", vec![(true, 1, ""); 3], INVESTIGATE, "health"),
        ("ready with an old reason", vec![(true, 0, "Error"); 3], PROCEED, "no_regression"),
    ] {
        check(name, &good().health(&instances), action, rule);
    }
    let alone = Made::new().health(&[crash, crash]);
    check("without any signal", &alone, ROLLBACK, "health");
    let strict = good().and("\"policy\": {\"unready_share\": 0.2}");
    check("share of the policy", &strict.health(&[crash, well, well, well]), ROLLBACK, "health");
}

#[test]
fn the_data_gate_names_what_stands_in_the_way() {
    let signal = || Wanted::new("error_rate", "ratio", LIMITS);
    let gauge = || Wanted::new("latency", "gauge", "limit: 500");
    let low = |_: i64| 0.01;
    let high = |_: i64| 0.2;
    for (name, wanted, rule) in [
        (
            "before the start",
            signal().role("canary", -10, 30, &high).role("baseline", -10, 30, &low),
            "clock_skew",
        ),
        (
            "apart",
            signal().role("canary", 0, 30, &low).role("baseline", -60, -20, &low),
            "clock_skew",
        ),
        (
            "hours later",
            signal().role("canary", 120, 150, &low).role("baseline", 0, 150, &low),
            "clock_skew",
        ),
        ("ends early", signal().role("canary", 0, 12, &low).role("baseline", 0, 30, &low), "gap"),
        ("no baseline", signal().role("canary", 0, 30, &low), "missing_series"),
        ("no canary", signal().role("baseline", 0, 30, &low), "missing_series"),
        ("nothing", signal(), "missing_series"),
        ("nights", beside(signal().total(3), &low, &low), "too_few_requests"),
        ("nights and bad", beside(signal().total(3), &|_| 1.0, &low), "too_few_requests"),
        ("no traffic", beside(signal().total(0), &low, &low), "too_few_requests"),
        (
            "warm-up only",
            signal().role("canary", 0, 4, &low).role("baseline", 0, 4, &low),
            "too_early",
        ),
        ("optional and gone", gauge().role("canary", 0, 30, &|_| f64::NAN), "missing_data"),
    ] {
        check(name, &Made::new().with(wanted), INVESTIGATE, rule);
    }
    let hole = |minute: i64| if (8..20).contains(&minute) { f64::NAN } else { 100.0 };
    let holes = Wanted::new("latency", "gauge", "required: true");
    check("a hole", &Made::new().with(beside(holes, &hole, &|_| 100.0)), INVESTIGATE, "gap");
    check("nothing at all", &Made::new(), INVESTIGATE, "missing_data");
}

#[test]
fn a_counter_may_start_again_with_its_process_only() {
    let counter = || Wanted::new("requests_total", "counter", "class: traffic");
    let old = |minute: i64| 1e6 + 1_000.0 * minute as f64;
    let since = |at: i64| {
        move |minute: i64| 1_000.0 * (if minute < at { minute + 500 } else { minute - at }) as f64
    };
    for (name, at, action, rule) in
        [("at the start", 2, PROCEED, "no_regression"), ("later", 15, INVESTIGATE, "counter_reset")]
    {
        check(name, &good().with(beside(counter(), &since(at), &old)), action, rule);
    }
}

#[test]
fn the_deployment_itself_may_stand_in_the_way() {
    for (name, made, key, value, action, rule) in [
        ("running passes", good(), "state", "\"running\"", PROCEED, "no_regression"),
        ("failed", good(), "state", "\"failed\"", INVESTIGATE, "deployment_state"),
        ("expired", good(), "state", "\"expired\"", INVESTIGATE, "deployment_state"),
        ("aborted", bad(), "state", "\"aborted\"", INVESTIGATE, "deployment_state"),
        ("frozen", good(), "state", "\"frozen\"", INVESTIGATE, "deployment_state"),
        ("waits", good(), "state", "\"waiting-approval\"", INVESTIGATE, "deployment_state"),
        ("no previous", good(), "previous", "", INVESTIGATE, "no_previous_version"),
        ("unsafe", bad(), "rollback", "{\"safe\": false}", INVESTIGATE, "rollback_unsafe"),
        ("unsafe, but well", good(), "rollback", "{\"safe\": false}", PROCEED, "no_regression"),
        ("under way", bad(), "rollback", "{\"running\": true}", INVESTIGATE, "rollback_running"),
        (
            "to itself",
            bad(),
            "rollback",
            "{\"target\": \"1.8.0\"}",
            INVESTIGATE,
            "rollback_impossible",
        ),
        ("to a target", bad(), "rollback", "{\"target\": \"1.6\"}", ROLLBACK, "error_rate"),
    ] {
        let decision = check(name, &made.set(key, value), action, rule);
        if rule.starts_with("rollback") {
            assert!(decision.reason.starts_with("A rollback is called for"), "{name}");
            assert!(!decision.clear_cut);
        }
    }
    let crash = [(false, 6, "CrashLoopBackOff"); 2];
    let first = Made::new().set("previous", "").set("first", "true").health(&crash);
    check("nowhere to go back to", &first, INVESTIGATE, "rollback_impossible");
    check(
        "failed and crashing",
        &good().set("state", "\"failed\"").health(&crash),
        ROLLBACK,
        "health",
    );
}

#[test]
fn other_changes_matter_with_trouble_or_in_the_baseline() {
    let change = |at: &str| {
        format!("[{{\"kind\": \"flag\", \"service\": \"cart\", \"at\": \"2026-01-01T{at}:00Z\"}}]")
    };
    let rolling = |level: f64| {
        let signal = Wanted::new("error_rate", "ratio", LIMITS);
        Made::new().set("strategy", "\"rolling\"").with(before(signal, &|_| level, &|_| 0.01))
    };
    for (name, made, at, action, rule) in [
        ("in the window, well", good(), "10:10", PROCEED, "no_regression"),
        ("in the window, bad", bad(), "10:10", INVESTIGATE, "concurrent_change"),
        ("long before, bad", bad(), "08:00", ROLLBACK, "error_rate"),
        ("in the hour before", rolling(0.01), "09:30", INVESTIGATE, "baseline_touched"),
        ("before the hour before", rolling(0.01), "08:30", PROCEED, "no_regression"),
    ] {
        check(name, &made.set("concurrent", &change(at)), action, rule);
    }
}

#[test]
fn shared_trouble_is_not_this_deployments() {
    let since = |at: i64, high: f64| move |minute: i64| if minute >= at { high } else { 0.01 };
    let signal = || ratio("error_rate", LIMITS, 0.2, 0.01);
    let calm = |_: i64| 0.01;
    let all = |bad: usize| {
        (0..4).fold(signal(), |signal, index| {
            let level = if index < bad { 0.2 } else { 0.01 };
            signal.role(&format!("instance:pod-{index}"), 0, 30, &|_| level)
        })
    };
    let both = ratio_by("error_rate", LIMITS, &since(8, 0.3), &since(8, 0.15))
        .role("history", -1500, -1380, &calm);
    for (name, wanted, action, rule, whose) in [
        ("alone", signal(), ROLLBACK, "error_rate", Whose::NewVersion),
        (
            "dependency",
            signal().role("dependency:db", -60, 30, &since(0, 0.3)),
            INVESTIGATE,
            "dependency",
            Whose::Dependency,
        ),
        (
            "dependency well",
            signal().role("dependency:db", -60, 30, &calm),
            ROLLBACK,
            "error_rate",
            Whose::NewVersion,
        ),
        (
            "dependency always bad",
            signal().role("dependency:db", -60, 30, &|_| 0.02),
            ROLLBACK,
            "error_rate",
            Whose::NewVersion,
        ),
        (
            "sibling",
            signal().role("sibling:cart", -60, 30, &since(0, 0.3)),
            INVESTIGATE,
            "shared_trouble",
            Whose::Sibling,
        ),
        ("both sides", both, INVESTIGATE, "shared_trouble", Whose::Baseline),
        ("one instance", all(1), INVESTIGATE, "one_instance", Whose::OneInstance),
        ("all instances", all(4), ROLLBACK, "error_rate", Whose::NewVersion),
    ] {
        let decision = check(name, &Made::new().with(wanted), action, rule);
        assert_eq!(decision.attribution.whose, whose, "{name}");
    }
}

#[test]
fn new_errors_again_and_again_want_a_person() {
    let logs = |line: &dyn Fn(usize) -> Option<String>, allow: &str| {
        let base: Vec<String> =
            (0..200).map(|n| format!("INFO order {n} placed in {} ms", n % 37)).collect();
        let new: Vec<String> =
            (0..200).flat_map(|n| [Some(base[n].clone()), line(n)].into_iter().flatten()).collect();
        format!(
            "\"logs\": {}",
            serde_json::json!({"canary": new, "baseline": base, "allow": [allow]})
        )
    };
    let again =
        |n: usize| (n % 8 == 3).then(|| format!("ERROR cannot book points for customer {n}"));
    let once = |n: usize| (n == 3).then(|| "ERROR cannot warm the cache".to_owned());
    let none = |_: usize| None;
    for (name, line, allow, action, rule) in [
        ("none", &none as &dyn Fn(usize) -> Option<String>, "^x$", PROCEED, "no_regression"),
        ("once", &once, "^x$", PROCEED, "no_regression"),
        ("again", &again, "^x$", INVESTIGATE, "new_errors"),
        ("allowed", &again, "book points", PROCEED, "no_regression"),
    ] {
        check(name, &good().and(&logs(line, allow)), action, rule);
    }
    let decision =
        check("rollback first", &bad().and(&logs(&again, "^x$")), ROLLBACK, "error_rate");
    assert_eq!(decision.logs.new, 1);
    let slow = gauge("latency", "limit: 900", 300.0, 100.0);
    check(
        "signals first",
        &good().with(slow).and(&logs(&again, "^x$")),
        INVESTIGATE,
        "worse_signal",
    );
}
