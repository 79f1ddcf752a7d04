//! Sources of measurements against servers on loopback that check every question.

#[allow(dead_code, reason = "a part is used")]
#[path = "support/server.rs"]
mod server;
#[path = "support/verify.rs"]
mod verify;

use std::sync::{Arc, Mutex};

use pipewright::decide::series::Series;
use pipewright::decide::spec::{Instance, Kind, Role, Strategy};
use pipewright::deploy::Auth;
use pipewright::deploy::metrics::Settings;
use pipewright::redact::Secret;
use serde_json::{Value, json};
use server::{Reply, Request, decode};
use verify::{MINUTE, START, run, settings, signal, source, spec};

/// A field of the question, from the address or the form.
fn field(request: &Request, name: &str) -> String {
    if let Some(value) = request.query(name) {
        return value.replace('+', " ");
    }
    let body = String::from_utf8_lossy(&request.body);
    let pair = body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    pair.map(|value| decode(&value.replace('+', " "))).unwrap_or_default()
}

/// Answers as Prometheus does, with a value that `value` gives for a query, or none;
/// refuses what Prometheus refuses.
fn prometheus(
    seen: Arc<Mutex<Vec<Request>>>,
    value: impl Fn(&str, f64) -> Option<String> + Send + Sync + 'static,
) -> server::Server {
    server::Server::start(move |request| {
        seen.lock().unwrap().push(request.clone());
        assert_eq!(request.path(), "/api/v1/query_range");
        let query = field(&request, "query");
        let number = |name: &str| field(&request, name).parse::<f64>().expect("a number");
        let (start, end, step) = (number("start"), number("end"), number("step"));
        let refuse = |why: &str| {
            let body = json!({"status": "error", "errorType": "bad_data", "error": why});
            Reply::json(400, &body)
        };
        if end < start {
            return refuse("end timestamp must not be before start time");
        }
        if (end - start) / step > 11_000.0 {
            return refuse("exceeded maximum resolution of 11,000 points per timeseries");
        }
        let mut values = Vec::new();
        let mut at = start;
        while at <= end {
            if let Some(value) = value(&query, at) {
                values.push(json!([at, value]));
            }
            at += step;
        }
        let result = match values.is_empty() {
            true => json!([]),
            false => json!([{"metric": {}, "values": values}]),
        };
        let data = json!({"resultType": "matrix", "result": result});
        Reply::json(200, &json!({"status": "success", "data": data}))
    })
}

fn span(series: &Series) -> (i64, i64) {
    let minutes = |at: i64| (at - START) / MINUTE;
    (minutes(series.first().unwrap().at), minutes(series.last().unwrap().at))
}

#[test]
fn a_ratio_beside_its_baseline_is_asked_for_by_version() {
    let seen = Arc::default();
    let server = prometheus(Arc::clone(&seen), |query, _| {
        let canary = query.contains(r#"version="1.8.0""#);
        match (query.contains("5.."), canary) {
            (true, true) => Some("0.5".to_owned()),
            (true, false) => None,
            (false, _) => Some("10".to_owned()),
        }
    });
    let query = r#"sum(rate(http_requests_total{version="$version",code=~"5.."}[1m])) / sum(rate(http_requests_total{version="$version"}[1m]))"#;
    let errors = signal("error_rate", Kind::Ratio, source("prometheus", query, json!({})));
    let mut spec = spec(Some(Strategy::Canary), vec![errors]);
    let remarks = run(&mut spec, &settings(&server.url)).unwrap();
    assert_eq!(remarks, [""; 0]);
    let series = &spec.signals[0].series;
    assert_eq!(series.keys().collect::<Vec<_>>(), [&Role::Canary, &Role::Baseline]);
    let canary = &series[&Role::Canary];
    // 30 minutes at the query's own range, which no two points share.
    assert_eq!((canary.len(), span(canary)), (30, (1, 30)));
    assert!(canary.iter().all(|p| p.value == 30.0 && p.total == 600.0));
    // What never failed is not there: no failures, not no data.
    let baseline = &series[&Role::Baseline];
    assert_eq!((baseline.len(), span(baseline)), (30, (1, 30)));
    assert!(baseline.iter().all(|p| p.value == 0.0 && p.total == 600.0));
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[test]
fn before_and_earlier_days_stand_in_for_a_baseline_beside() {
    let seen = Arc::default();
    let server = prometheus(Arc::clone(&seen), |_, at| {
        Some(if at as i64 % 600 == 0 { "NaN" } else { "+Inf" }.to_owned())
            .filter(|_| at as i64 % 300 == 0)
            .or_else(|| Some((at % 60.0).to_string()))
    });
    let latency = source(
        "prometheus",
        "histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m])))",
        json!({}),
    );
    let mut spec = spec(Some(Strategy::Rolling), vec![signal("p99", Kind::Gauge, latency)]);
    let remarks = run(&mut spec, &settings(&server.url)).unwrap();
    assert!(remarks.iter().any(|r| r.contains("infinite")), "{remarks:?}");
    let series = &spec.signals[0].series;
    // The first five minutes would still hold the old version.
    assert_eq!(span(&series[&Role::Canary]), (5, 30));
    assert_eq!(span(&series[&Role::Baseline]).1, 0);
    assert_eq!(span(&series[&Role::Baseline]).0, -59);
    let days: std::collections::BTreeSet<i64> =
        series[&Role::History].iter().map(|p| (START - p.at) / (24 * 60 * MINUTE)).collect();
    assert!((6..=7).all(|day| days.contains(&day)), "{days:?}");
    assert_eq!(seen.lock().unwrap().len(), 9);
    let missing = series[&Role::Canary].iter().filter(|p| p.value.is_nan()).count();
    assert!(missing > 0 && missing < series[&Role::Canary].len() / 5, "{missing}");
}

#[test]
fn long_questions_go_as_a_form_and_long_times_in_coarser_steps() {
    let seen = Arc::default();
    let server = prometheus(Arc::clone(&seen), |_, _| Some("1".to_owned()));
    let query = format!("max(x{{pod=~\"{}\"}})", "a-pod-of-a-long-name|".repeat(200));
    let long = source("prometheus", &query, json!({"step": "100ms", "history_days": 0}));
    let mut spec = spec(Some(Strategy::Recreate), vec![signal("x", Kind::Gauge, long)]);
    run(&mut spec, &settings(&server.url)).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    for request in seen.iter() {
        assert_eq!(request.method, "POST");
        assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(field(request, "query"), query);
    }
    let most = spec.signals[0].series.values().map(Vec::len).max().unwrap();
    assert!((9_000..=11_001).contains(&most), "{most}");
}

fn several(labels: &'static [(&'static str, &'static str)]) -> server::Server {
    server::Server::start(move |_| {
        let result: Vec<Value> = labels
            .iter()
            .enumerate()
            .map(|(n, (name, value))| {
                json!({"metric": {*name: *value, "job": "shop"},
                       "values": [[START / 1000 + 60, n.to_string()]]})
            })
            .collect();
        let data = json!({"resultType": "matrix", "result": result});
        Reply::json(200, &json!({"status": "success", "data": data, "warnings": ["partial"]}))
    })
}

#[test]
fn several_series_are_told_apart_by_labels_or_refused() {
    let canary = |server: &server::Server, query: &str| {
        let one = source("prometheus", query, json!({"history_days": 0}));
        let mut spec = spec(Some(Strategy::Canary), vec![signal("x", Kind::Gauge, one)]);
        run(&mut spec, &settings(&server.url)).map(|remarks| (spec, remarks))
    };
    let server = several(&[("version", "1.7.3"), ("version", "1.8.0")]);
    let (spec, remarks) = canary(&server, "x{v=~\"$version|$previous\"}").unwrap();
    assert!(remarks[0].contains("partial"), "{remarks:?}");
    let series = &spec.signals[0].series;
    assert_eq!((series[&Role::Canary][0].value, series[&Role::Baseline][0].value), (1.0, 0.0));
    let server = several(&[("pod", "a"), ("pod", "b")]);
    let error = canary(&server, "x{v=\"$version\"}").unwrap_err();
    assert!(error.contains("2 series") && error.contains("pod: a, b"), "{error}");
    let error = canary(&server, "x").unwrap_err();
    assert!(error.contains("$version"), "{error}");
}

#[test]
fn instances_are_the_series_of_one_query_or_one_query_each() {
    let server = several(&[("pod", "a"), ("pod", "b")]);
    for query in ["sum by (pod) (x)", "x{pod=\"$instance\"}"] {
        let queries = json!({"history_days": 0, "queries": {"instance": query, "canary": "x", "baseline": "x"}});
        let mut spec = spec(
            Some(Strategy::Canary),
            vec![signal("x", Kind::Gauge, source("prometheus", "", queries))],
        );
        for name in ["a", "b"] {
            let health =
                Instance { instance: name.to_owned(), ready: None, restarts: 0, reason: None };
            spec.health.push(health);
        }
        for role in [Role::Canary, Role::Baseline] {
            spec.signals[0].series.insert(role, Series::new());
        }
        run(&mut spec, &settings(&server.url)).unwrap();
        let series = &spec.signals[0].series;
        assert_eq!(series[&Role::Instance("a".to_owned())][0].value, 0.0, "{query}");
        assert_eq!(series[&Role::Instance("b".to_owned())][0].value, 1.0, "{query}");
    }
}

#[test]
fn a_secret_goes_to_the_server_of_the_inputs_alone() {
    let record = |auth: Auth, of_spec: bool, input: bool| {
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let server = prometheus(Arc::clone(&seen), |_, _| Some("1".to_owned()));
        let other = prometheus(Arc::default(), |_, _| None);
        let options = match of_spec {
            true => json!({"url": server.url, "history_days": 0}),
            false => json!({"history_days": 0}),
        };
        let one = source("prometheus", "x{v=\"$version\"}", options);
        let mut spec = spec(Some(Strategy::Canary), vec![signal("x", Kind::Gauge, one)]);
        let mut settings = settings(if of_spec { &other.url } else { &server.url });
        if !input {
            settings.prometheus.url = None;
        }
        settings.prometheus.auth = auth;
        settings.prometheus.tenant = Some("team-a".to_owned());
        let remarks = run(&mut spec, &settings).unwrap();
        let first = seen.lock().unwrap()[0].clone();
        let header = |name: &str| first.header(name).unwrap_or("").to_owned();
        (header("authorization"), header("x-scope-orgid"), remarks)
    };
    let bearer = || Auth::Bearer(Secret::new("zq-secret-1"));
    let basic = || Auth::Basic { user: "u".to_owned(), password: Secret::new("zq-secret-2") };
    assert_eq!(
        record(bearer(), false, true),
        ("Bearer zq-secret-1".into(), "team-a".into(), vec![])
    );
    assert_eq!(record(basic(), false, true).0, "Basic dTp6cS1zZWNyZXQtMg==");
    for input in [true, false] {
        let (authorization, _, remarks) = record(bearer(), true, input);
        assert_eq!(authorization, "");
        assert!(remarks[0].contains("without the secret"), "{remarks:?}");
    }
    for (url, expect) in [
        ("http://169.254.169.254/latest", "credentials"),
        ("http://[::ffff:169.254.169.254]/", "credentials"),
        ("http://metadata.google.internal/x", "credentials"),
        ("http://u:p@127.0.0.1/x", "secrets come by inputs"),
        ("file:///etc/passwd", "cannot use"),
    ] {
        let one = source("prometheus", "x{v=\"$version\"}", json!({"url": url}));
        let mut spec = spec(Some(Strategy::Canary), vec![signal("x", Kind::Gauge, one)]);
        let error = run(&mut spec, &settings("http://127.0.0.1:9")).unwrap_err();
        assert!(error.contains(expect), "{url}: {error}");
    }
    let one = source("prometheus", "x{v=\"$version\"}", json!({}));
    let mut spec = spec(Some(Strategy::Canary), vec![signal("x", Kind::Gauge, one)]);
    let mut plain = settings("http://prometheus.example.test:9090");
    plain.prometheus.auth = bearer();
    let error = run(&mut spec, &plain).unwrap_err();
    assert!(error.contains("over https"), "{error}");
}

#[test]
fn what_a_server_refuses_is_said_in_its_words() {
    for (status, body, expect) in [
        (
            400,
            r#"{"status":"error","errorType":"bad_data","error":"1:3: parse error: unexpected <eof>"}"#,
            "parse error",
        ),
        (401, "no", "wants to know who asks"),
        (503, "<html><h1>Gone away</h1>", "Gone away"),
        (200, "<html>log in", "not the JSON"),
        (
            200,
            r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#,
            "no series over time",
        ),
    ] {
        let server = server::Server::start(move |_| Reply::new(status, "text/plain", body.into()));
        let one = source("prometheus", "x{v=\"$version\"}", json!({}));
        let mut spec = spec(Some(Strategy::Canary), vec![signal("x", Kind::Gauge, one)]);
        let error = run(&mut spec, &settings(&server.url)).unwrap_err();
        assert!(error.contains(expect) && error.contains("`x`"), "{error}");
    }
}

#[test]
fn a_signal_that_is_not_needed_is_left_out_and_said() {
    let server = server::Server::start(|request: Request| {
        if field(&request, "query").contains("good") {
            let result = json!([{"metric": {}, "values": [[START / 1000 + 60, "1"]]}]);
            let data = json!({"resultType": "matrix", "result": result});
            return Reply::json(200, &json!({"status": "success", "data": data}));
        }
        Reply::json(422, &json!({"status": "error", "errorType": "execution", "error": "too much"}))
    });
    let one = |name: &str| {
        let query = format!("{name}{{v=\"$version\"}}");
        signal(name, Kind::Gauge, source("prometheus", &query, json!({})))
    };
    let mut bad = one("bad");
    bad.required = false;
    let mut both = spec(Some(Strategy::Canary), vec![one("good"), bad.clone()]);
    let remarks = run(&mut both, &settings(&server.url)).unwrap();
    assert!(remarks.iter().any(|r| r.contains("too much") && r.contains("canary")), "{remarks:?}");
    assert!(both.signals[1].series.is_empty() && both.signals[0].series.len() == 2);
    bad.critical = true;
    let mut needed = spec(Some(Strategy::Canary), vec![one("good"), bad]);
    assert!(run(&mut needed, &settings(&server.url)).is_err());
}

#[test]
fn files_give_rows_by_filter_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let at = |minute: i64| (START + minute * MINUTE) / 1000;
    let mut table = String::from("time,version,p99,failed,all\n");
    for minute in -60..60 {
        for (version, p99) in [("1.7.3", 100), ("1.8.0", 200)] {
            table += &format!("{},{version},{},1,50\n", at(minute), p99 + minute.abs());
        }
    }
    std::fs::write(folder.path().join("m.csv"), table).unwrap();
    let lines: String = (0..30)
        .map(|n| json!({"at": START + n * MINUTE, "v": {"p99": n}}).to_string() + "\n")
        .collect();
    std::fs::write(folder.path().join("m.jsonl"), lines).unwrap();
    let nested =
        json!({"data": {"rows": (0..30).map(|n| json!([at(n), n, 100])).collect::<Vec<_>>()}});
    std::fs::write(folder.path().join("m.json"), nested.to_string()).unwrap();
    let inline = json!({"history_days": 0});
    let with = |more: Value| {
        let mut all = inline.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all)
    };
    let mut ratio =
        source("file", "version=$version", with(json!({"file": "m.csv", "bad": "failed"})));
    ratio.total = Some("all".to_owned());
    let signals = vec![
        signal(
            "p99",
            Kind::Gauge,
            source("file", "version=$version", with(json!({"file": "m.csv"}))),
        ),
        signal("errors", Kind::Ratio, ratio),
        signal(
            "deep",
            Kind::Gauge,
            source("file", "", with(json!({"file": "m.jsonl", "value": "v.p99"}))),
        ),
        signal(
            "share",
            Kind::Ratio,
            source("file", "", with(json!({"file": "m.json", "path": "data.rows"}))),
        ),
    ];
    let mut spec = spec(Some(Strategy::Rolling), signals);
    let settings = Settings { folder: folder.path().to_owned(), ..settings("http://127.0.0.1:9") };
    run(&mut spec, &settings).unwrap();
    let first = |signal: usize, role: Role| spec.signals[signal].series[&role][0];
    assert_eq!(first(0, Role::Canary).value, 200.0);
    assert_eq!(
        (first(0, Role::Baseline).value, first(0, Role::Baseline).at),
        (160.0, START - 60 * MINUTE)
    );
    assert_eq!((first(1, Role::Canary).value, first(1, Role::Canary).total), (1.0, 50.0));
    assert_eq!(spec.signals[2].series[&Role::Canary].len(), 30);
    assert_eq!((first(3, Role::Canary).value, first(3, Role::Canary).total), (0.0, 100.0));
}
