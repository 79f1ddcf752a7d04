//! Specs as people and programs write them.

use super::*;
use crate::decide::spec::{Class, Direction, Kind, Role};

const LEAST: &str = "schema: pipewright.verify/1\nservice: checkout\n";

#[track_caller]
fn problems(text: &str, expect: &[(&str, &str)]) {
    let problems = read(text).expect_err(text);
    for (path, why) in expect {
        assert!(
            problems.iter().any(|problem| problem.path == *path && problem.why.contains(why)),
            "{path}: {why} not among {problems:#?}"
        );
    }
    assert_eq!(problems.len(), expect.len(), "{problems:#?}");
}

#[test]
fn the_whole_spec_is_read() {
    let text = r#"
schema: pipewright.verify/1
service: checkout
deployment:
  id: d-1
  version: 1.8
  previous: 1.7.3
  state: waiting-approval
  started_at: 2026-01-01T10:00:00Z
  first: false
  rollback: {safe: true, running: false}
  concurrent: [{kind: flag, service: cart, at: 2026-01-01T10:05:00+00:00}]
  strategy: blue-green
  weight: 10%
windows: {warmup: 5m, canary: 1h30m, baseline: 90}
depends_on: [payments-db]
signals:
  - name: error_rate
    kind: ratio
    limit: 0.05
    critical: true
    required: true
    series:
      canary: [{at: 2026-01-01T10:00:00Z, bad: 1, total: 100}, {at: 1767261660, bad: null, total: 5}, null]
      "dependency:payments-db": [[1767261600, 1, 2]]
  - {name: latency_p99, kind: gauge, unit: ms, series: {canary: [{at: 1767261600000, value: .nan}]}}
  - {name: orders, kind: gauge, class: business}
  - {name: cpu, kind: gauge, source: prometheus, query: 'x{y="$version"}', step: 30s}
logs: {canary: [a, 1], allow: ["^b"]}
health: [{instance: pod-1, ready: true, restarts: 0}]
policy: {min_requests: 50, window: 1m, practical: {gauge: 0.2}, act_on: []}
owner: me
"#;
    let spec = read(text).expect("a spec");
    assert_eq!(spec.deployment.version.as_deref(), Some("1.8"));
    assert_eq!(spec.deployment.weight, Some(0.1));
    assert_eq!(spec.deployment.concurrent[0].at, Some(1_767_261_900_000));
    assert_eq!(spec.windows.canary, Some(5_400_000));
    assert_eq!(spec.windows.baseline, Some(90_000));
    let canary = &spec.signals[0].series[&Role::Canary];
    assert_eq!(canary.len(), 2);
    assert!(canary[1].value.is_nan());
    assert_eq!(spec.signals[0].class, Class::Reliability);
    assert_eq!(spec.signals[0].series[&Role::Dependency("payments-db".into())][0].total, 2.0);
    assert_eq!((spec.signals[1].class, spec.signals[1].kind), (Class::Latency, Kind::Gauge));
    assert_eq!(spec.signals[2].direction, Direction::Higher);
    let source = spec.signals[3].source.as_ref().expect("a source");
    assert_eq!((source.kind.as_str(), source.options.len()), ("prometheus", 1));
    assert_eq!(spec.logs.canary, ["a", "1"]);
    assert_eq!(spec.policy.practical_gauge, 0.2);
    assert_eq!(spec.policy.practical_ratio, 0.002);
    assert!(spec.policy.act_on.is_empty());
    assert_eq!(spec.remarks, ["`owner` is not known and was left out."]);
}

#[test]
fn json_reads_as_yaml_does() {
    let json = r#"{"schema": "pipewright.verify/1", "service": "s", "signals": [
        {"name": "e", "kind": "ratio", "series": {"canary": [{"at": "2026-01-01T10:00:00Z", "bad": 1, "total": NaN}]}}]}"#;
    let spec = read(json).expect("a spec with Python's NaN");
    assert!(spec.signals[0].series[&Role::Canary][0].total.is_nan());
    let yaml = read(&json.replace("NaN", "null").replace('"', "'")).expect("YAML in braces");
    assert_eq!(yaml.signals[0].name, "e");
}

#[test]
fn all_problems_are_told_at_once() {
    problems(
        "schema: pipewright.review/1\nsignals: [{kind: gage, limit: x}, 5]\nwindows: {warmup: 5x}\n\
         deployment: {state: suceeded, weight: 2, started_at: noon}\nhealht: []\n",
        &[
            ("schema", "another kind"),
            ("service", "missing"),
            ("signals[0].name", "missing"),
            ("signals[0].kind", "did you mean `gauge`"),
            ("signals[0].limit", "must be a number"),
            ("signals[1]", "must be a mapping"),
            ("windows.warmup", "duration"),
            ("deployment.state", "did you mean `succeeded`"),
            ("deployment.weight", "from 0 to 1"),
            ("deployment.started_at", "must be a time"),
            ("healht", "did you mean `health`"),
        ],
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let with = |rest: &str| format!("{LEAST}{rest}");
    let signal = |rest: &str| {
        with(&{
            let kind = if rest.contains("kind") { "" } else { "kind: gauge, " };
            format!("signals: [{{name: e, {kind}{rest}}}]")
        })
    };
    for (text, path, why) in [
        (String::new(), "", "empty"),
        ("[1]".into(), "", "mapping"),
        ("{\"a\": ".into(), "", "no JSON"),
        ("a: [".into(), "", "no YAML"),
        (with("signals: {a: 1}"), "signals", "list"),
        (with("policy: {window: 0}"), "policy.window", "longer"),
        (with("policy: {consecutive: 0}"), "policy.consecutive", "at least 1"),
        (with("policy: {min_requests: 1.5}"), "policy.min_requests", "whole"),
        (with("logs: {allow: ['(']}"), "logs.allow[0]", "regular expression"),
        (with("health: [{ready: true}]"), "health[0].instance", "missing"),
        (with("health: [{instance: a, ready: perhaps}]"), "health[0].ready", "true or false"),
        (signal("kind: ratio, limit: 5"), "signals[0].limit", "0 to 1"),
        (signal("series: [1]"), "signals[0].series", "mapping"),
        (signal("series: {canari: []}"), "signals[0].series.canari", "did you mean `canary`"),
        (signal("series: {'instance:': []}"), "signals[0].series.instance:", "names nothing"),
        (signal("series: {canary: 5}"), "signals[0].series.canary", "list of points"),
        (signal("series: {canary: [{value: 1}]}"), "signals[0].series.canary[0]", "no `at`"),
        (signal("series: {canary: [{at: x, value: 1}]}"), "signals[0].series.canary[0]", "no time"),
        (
            signal("series: {canary: [{at: 1, value: x}]}"),
            "signals[0].series.canary[0]",
            "no number",
        ),
        (
            signal("kind: ratio, series: {canary: [{at: 1, value: 1}]}"),
            "signals[0].series.canary",
            "`bad` and `total`",
        ),
        (signal("query: x"), "signals[0].query", "no `source`"),
        (
            with("signals: [{name: e, kind: gauge}, {name: e, kind: gauge}]"),
            "signals[1].name",
            "another signal",
        ),
    ] {
        problems(&text, &[(path, why)]);
    }
}

mod properties {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = super::read(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn no_torn_spec_makes_it_panic(cut in 0usize..400, with in "[\\[\\]{}:,\"'a-z0-9. \n-]{0,8}") {
            let whole = "{\"schema\": \"pipewright.verify/1\", \"service\": \"s\", \"deployment\": {\"started_at\": 1, \"concurrent\": [{}]}, \"signals\": [{\"name\": \"e\", \"series\": {\"canary\": [{\"at\": 1e300, \"value\": -1}, [1, 2, 3]]}}], \"health\": [{\"instance\": \"a\"}]}";
            let cut = cut.min(whole.len());
            let torn = format!("{}{with}{}", &whole[..cut], &whole[cut..]);
            if let Ok(spec) = super::read(&torn) {
                let _ = crate::decide::decide(&spec, None);
            }
        }
    }
}
