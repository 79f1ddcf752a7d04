//! Datadog, metric data in CloudWatch's form, and any JSON over HTTP, on loopback.

#[allow(dead_code, reason = "a part is used")]
#[path = "support/server.rs"]
mod server;
#[path = "support/verify.rs"]
mod verify;

use std::sync::{Arc, Mutex};

use pipewright::decide::spec::{Kind, Role, Strategy};
use pipewright::deploy::Server;
use pipewright::deploy::metrics::{Settings, datadog};
use pipewright::http::Url;
use pipewright::redact::Secret;
use serde_json::{Value, json};
use server::{Reply, Request};
use verify::{MINUTE, START, run, settings, signal, source, spec};

fn of_datadog(url: &str) -> Settings {
    let auth = datadog::keys(Secret::new("zq-api-key"), Secret::new("zq-application-key"));
    let url = Some(Url::parse(url).unwrap());
    Settings { datadog: Server { url, auth, tenant: None }, ..settings("http://127.0.0.1:9") }
}

#[track_caller]
fn has_keys(request: &Request) {
    assert_eq!(request.header("dd-api-key"), Some("zq-api-key"));
    assert_eq!(request.header("dd-application-key"), Some("zq-application-key"));
}

#[test]
fn datadog_is_asked_by_version_with_both_keys() {
    let server = server::Server::start(|request| {
        has_keys(&request);
        assert_eq!((request.method.as_str(), request.path()), ("GET", "/api/v1/query"));
        let number = |name: &str| request.query(name).unwrap().parse::<i64>().unwrap();
        assert_eq!((number("from"), number("to")), (START / 1000, START / 1000 + 1800));
        let query = request.query("query").unwrap().replace('+', " ");
        let value = match query.as_str() {
            "sum:shop.errors{version:1.8.0_rc1}.as_rate()" => 0.5,
            "sum:shop.hits{version:1.8.0_rc1}.as_rate()" => 5.0,
            "sum:shop.errors{version:1.7.3}.as_rate()" => {
                return Reply::json(200, &json!({"status": "ok", "series": []}));
            }
            "sum:shop.hits{version:1.7.3}.as_rate()" => 50.0,
            other => panic!("{other}"),
        };
        let points: Vec<Value> = (-1..30)
            .map(|n| {
                json!([
                    (START + n * MINUTE) as f64,
                    if n == 3 { Value::Null } else { json!(value) }
                ])
            })
            .collect();
        let series = json!([{"metric": "shop", "tag_set": [], "scope": "*", "interval": 60, "pointlist": points}]);
        Reply::json(
            200,
            &json!({"status": "ok", "series": series, "from_date": START, "query": query}),
        )
    });
    let query =
        "sum:shop.errors{version:$version}.as_rate() / sum:shop.hits{version:$version}.as_rate()";
    let errors = signal("errors", Kind::Ratio, source("datadog", query, json!({})));
    let mut spec = spec(Some(Strategy::Canary), vec![errors]);
    spec.deployment.version = Some("1.8.0+RC1".to_owned());
    run(&mut spec, &of_datadog(&server.url)).unwrap();
    let series = &spec.signals[0].series;
    let canary = &series[&Role::Canary];
    assert_eq!((canary.len(), canary[0].value, canary[0].total), (30, 30.0, 300.0));
    assert!(canary[3].value.is_nan() && canary[3].total.is_nan());
    assert_eq!((series[&Role::Baseline][0].value, series[&Role::Baseline][0].total), (0.0, 3000.0));
}

#[test]
fn a_step_takes_version_2_of_datadog() {
    let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
    let told = Arc::clone(&seen);
    let server = server::Server::start(move |request| {
        has_keys(&request);
        assert_eq!((request.method.as_str(), request.path()), ("POST", "/api/v2/query/timeseries"));
        told.lock().unwrap().push(request.json());
        let attributes = json!({
            "series": [{"group_tags": ["version:1.7.3"], "query_index": 0, "unit": null},
                       {"group_tags": ["version:1.8.0"], "query_index": 0, "unit": null}],
            "times": [START + MINUTE, START + 2 * MINUTE], "values": [[1.0, null], [2.0, 3.0]]});
        Reply::json(
            200,
            &json!({"data": {"type": "timeseries_response", "attributes": attributes}}),
        )
    });
    let query = "avg:shop.latency{version:$version OR version:$previous} by {version}";
    let latency = signal("p99", Kind::Gauge, source("datadog", query, json!({"step": "30s"})));
    let mut spec = spec(Some(Strategy::BlueGreen), vec![latency]);
    run(&mut spec, &of_datadog(&server.url)).unwrap();
    let series = &spec.signals[0].series;
    assert_eq!(series[&Role::Canary].iter().map(|p| p.value).collect::<Vec<_>>(), [2.0, 3.0]);
    assert_eq!(series[&Role::Baseline][0].value, 1.0);
    // <https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-data-across-multiple-products>
    let closed = json!({"type": "object", "additionalProperties": false, "required": ["data"], "properties": {"data": {
        "type": "object", "additionalProperties": false, "required": ["type", "attributes"], "properties": {
            "type": {"const": "timeseries_request"},
            "attributes": {"type": "object", "additionalProperties": false, "required": ["from", "to", "queries"], "properties": {
                "from": {"type": "integer"}, "to": {"type": "integer"}, "interval": {"type": "integer", "const": 30000},
                "formulas": {"type": "array", "items": {"type": "object", "required": ["formula"], "additionalProperties": false,
                    "properties": {"formula": {"type": "string"}, "limit": {}}}},
                "queries": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": false,
                    "required": ["data_source", "query"], "properties": {
                        "data_source": {"enum": ["metrics", "cloud_cost"]}, "name": {"type": "string"}, "query": {"type": "string"}}}}}}}}}});
    for body in seen.lock().unwrap().iter() {
        let valid = jsonschema::validator_for(&closed).unwrap();
        let wrong: Vec<String> = valid.iter_errors(body).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn what_datadog_refuses_is_said() {
    for (status, body, expect) in [
        (403, json!({"errors": ["Forbidden"]}), "Forbidden"),
        (200, json!({"status": "error", "error": "Rule 'scope_expr' didn't match"}), "scope_expr"),
        (400, json!({"errors": ["Error parsing query"]}), "parsing query"),
    ] {
        let server = server::Server::start(move |_| Reply::json(status, &body));
        let one = source("datadog", "avg:x{version:$version}", json!({}));
        let mut spec = spec(Some(Strategy::Canary), vec![signal("x", Kind::Gauge, one)]);
        let error = run(&mut spec, &of_datadog(&server.url)).unwrap_err();
        assert!(error.contains(expect), "{error}");
    }
    for (site, host) in
        [("datadoghq.eu", Some("api.datadoghq.eu")), ("a/b", None), ("", None), ("x@y", None)]
    {
        let made = datadog::server(site, Secret::new("a"), Secret::new("b")).ok();
        let made =
            made.and_then(|server| server.url).and_then(|url| url.host_str().map(str::to_owned));
        assert_eq!(made.as_deref(), host, "{site}");
    }
}

#[test]
fn metric_data_of_cloudwatch_is_read_newest_first_and_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let result = |id: &str, factor: i64, minutes: std::ops::Range<i64>| {
        let newest: Vec<i64> = minutes.rev().collect();
        json!({"Id": id, "Label": format!("shop {id}"), "StatusCode": "Complete",
            "Timestamps": newest.iter().map(|n| json!((START + n * MINUTE) as f64 / 1000.0)).collect::<Vec<_>>(),
            "Values": newest.iter().map(|n| json!((n + 100) * factor)).collect::<Vec<_>>()})
    };
    let pages = json!([
        {"MetricDataResults": [result("bad", 1, 0..20), result("all", 10, -60..30)], "Messages": [], "NextToken": "n"},
        {"MetricDataResults": [result("bad", 1, -60..0)], "Messages": [{"Code": "Note", "Value": "rounded"}]},
    ]);
    std::fs::write(folder.path().join("all.json"), pages.to_string()).unwrap();
    let mut errors = source("cloudwatch", "bad", json!({"file": "all.json", "history_days": 0}));
    errors.total = Some("shop all".to_owned());
    let mut both = spec(Some(Strategy::Rolling), vec![signal("errors", Kind::Ratio, errors)]);
    let settings = Settings { folder: folder.path().to_owned(), ..settings("http://127.0.0.1:9") };
    let remarks = run(&mut both, &settings).unwrap();
    assert!(remarks.iter().any(|r| r.contains("rounded")), "{remarks:?}");
    let canary = &both.signals[0].series[&Role::Canary];
    assert_eq!(
        (canary.len(), canary[0].at, canary[0].value, canary[0].total),
        (30, START, 100.0, 1000.0)
    );
    assert_eq!((canary[25].value, canary[25].total), (0.0, 1250.0));
    let wrong = source("cloudwatch", "nope", json!({"file": "all.json"}));
    let mut spec = spec(Some(Strategy::Rolling), vec![signal("x", Kind::Gauge, wrong)]);
    let error = run(&mut spec, &settings).unwrap_err();
    assert!(error.contains("`nope`") && error.contains("bad, all"), "{error}");
}

#[test]
fn json_of_any_form_is_found_by_a_path() {
    let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
    let told = Arc::clone(&seen);
    let server = server::Server::start(move |request| {
        told.lock().unwrap().push(request.clone());
        let rows: Vec<Value> = (0..3)
            .map(|n| json!({"when": format!("2026-01-01T10:0{n}:00Z"), "stats": {"p99": n.to_string(), "ok": null}}))
            .collect();
        Reply::json(
            200,
            &json!({"data": [{"v": "1.7.3", "rows": []}, {"v": "1.8.0", "rows": rows}]}),
        )
    });
    let url = format!("{}/q?service=$service&q=$query&from=$from_ms&to=$to_time", server.url);
    let get = json!({"url": url, "path": "data[v=\"$version\"].rows[*]", "at": "when", "value": "stats.p99", "history_days": 0});
    let post = json!({"url": format!("{}/q", server.url), "path": "data[1].rows", "at": "when", "value": "stats.p99",
        "body": {"q": "$query", "v": "$version"}, "history_days": 0});
    let signals = vec![
        signal("a", Kind::Gauge, source("json", "p99 & \"more\"", get)),
        signal("b", Kind::Gauge, source("json", "say \"p99\"", post)),
    ];
    let mut spec = spec(Some(Strategy::Canary), signals);
    run(&mut spec, &settings("http://127.0.0.1:9")).unwrap();
    for signal in &spec.signals {
        let values: Vec<f64> = signal.series[&Role::Canary].iter().map(|p| p.value).collect();
        assert_eq!(values, [0.0, 1.0, 2.0]);
    }
    let seen = seen.lock().unwrap();
    let first = seen.iter().find(|r| r.method == "GET").unwrap();
    assert_eq!(first.query("q").as_deref(), Some("p99 & \"more\""));
    assert_eq!(first.query("from").as_deref(), Some("1767261600000"));
    assert_eq!(first.query("to").as_deref(), Some("2026-01-01T10:30:00Z"));
    let bodies: Vec<Value> =
        seen.iter().filter(|r| r.method == "POST").map(Request::json).collect();
    assert!(bodies.contains(&json!({"q": "say \"p99\"", "v": "1.8.0"})), "{bodies:?}");
}

#[test]
fn json_that_leads_nowhere_is_said() {
    let server =
        server::Server::start(|_| Reply::json(200, &json!({"data": {"rows": [{"x": "y"}]}})));
    for (options, expect) in [
        (json!({"url": server.url}), "no time is found"),
        (json!({"url": server.url, "path": "data.cols"}), "nothing is at the `path`"),
        (json!({"url": server.url, "path": "data..x"}), "a name is missing"),
        (json!({"url": format!("{}/$instance", server.url)}), "$instance"),
        (json!({"url": 3}), "`url`"),
        (json!({}), "no address"),
    ] {
        let one = source("json", "", options.clone());
        let mut spec = spec(Some(Strategy::Rolling), vec![signal("x", Kind::Gauge, one)]);
        let error = run(&mut spec, &settings("http://127.0.0.1:9")).unwrap_err();
        assert!(error.contains(expect), "{options}: {error}");
    }
}
