//! From a query to series against a real Prometheus that scrapes a service of ours
//! each second. Skipped, and said so, where there is no Prometheus.

#[allow(dead_code, reason = "a part is used")]
#[path = "support/verify.rs"]
mod verify;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipewright::decide::series::Series;
use pipewright::decide::spec::{Deployment, Kind, Policy, Role, Signal, Spec, Strategy, Windows};
use pipewright::decide::{Action, decide};
use pipewright::deploy::metrics::Settings;
use pipewright::http::Url;
use serde_json::{Value, json};
use verify::{run, signal, source};

/// Ends the program when the test does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long the service is watched before it is judged.
const WATCHED: Duration = Duration::from_secs(28);

fn is_there(program: &str, argument: &str) -> bool {
    let mut run = Command::new(program);
    run.arg(argument).stdout(Stdio::null()).stderr(Stdio::null());
    let there = run.status().is_ok_and(|status| status.success());
    if !there {
        eprintln!("SKIPPED: there is no `{program}` to test against");
    }
    there
}

/// The shop, and the port of its metrics.
fn shop(bad: &str, slow: &str) -> (Running, u16) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/shop.py");
    let mut command = Command::new("python3");
    command.arg(script).args([bad, slow]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3 starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output is piped");
    let running = Running(child);
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    (running, line.trim().parse().expect("a port"))
}

/// Prometheus with both shops as jobs, once it answers.
fn prometheus(folder: &Path, shops: &[(&str, u16)]) -> (Running, String) {
    let jobs: Vec<Value> = shops
        .iter()
        .map(|(name, port)| {
            json!({"job_name": name, "static_configs": [{"targets": [format!("127.0.0.1:{port}")]}]})
        })
        .collect();
    let config = json!({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs});
    let file = folder.join("prometheus.yml");
    // JSON is YAML.
    std::fs::write(&file, config.to_string()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus starts");
    let running = Running(child);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_ready(port) {
        assert!(Instant::now() < deadline, "Prometheus did not get ready");
        std::thread::sleep(Duration::from_millis(100));
    }
    (running, format!("http://127.0.0.1:{port}"))
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let _ = stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n");
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text.starts_with("HTTP/1.0 200")
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// A canary beside its baseline, judged by errors, latency, traffic and each instance.
fn spec(job: &str, started_at: i64) -> Spec {
    let requests = |code: &str| {
        format!(
            r#"sum(increase(http_requests_total{{job="{job}",version="$version"{code}}}[$step]))"#
        )
    };
    let share = format!("{} / {}", requests(r#",code=~"5..""#), requests(""));
    let p99 = format!(
        r#"histogram_quantile(0.99, sum by (le) (rate(latency_seconds_bucket{{job="{job}",version="$version"}}[4s])))"#
    );
    let total = format!(r#"sum(http_requests_total{{job="{job}",version="$version"}})"#);
    let pods = format!(r#"sum by (pod) (http_requests_total{{job="{job}",version="$version"}})"#);
    let mut errors =
        signal("error_rate", Kind::Ratio, source("prometheus", &share, json!({"step": "4s"})));
    errors.limit = Some(0.05);
    errors.critical = true;
    let mut traffic = source("prometheus", &total, json!({"step": "1s"}));
    traffic.options.insert("queries".to_owned(), json!({"instance": pods}));
    Spec {
        service: "checkout".to_owned(),
        deployment: Deployment {
            version: Some("1.8.0".to_owned()),
            previous: Some("1.7.3".to_owned()),
            started_at: Some(started_at),
            strategy: Some(Strategy::Canary),
            ..Deployment::default()
        },
        windows: Windows { warmup: 0, canary: None, baseline: None },
        signals: vec![
            errors,
            signal("latency_p99", Kind::Gauge, source("prometheus", &p99, json!({"step": "1s"}))),
            signal("requests", Kind::Counter, traffic),
        ],
        ..Spec::default()
    }
}

fn share(series: &Series) -> (f64, f64) {
    let (bad, total) = series
        .iter()
        .filter(|p| p.value.is_finite() && p.total.is_finite())
        .fold((0.0, 0.0), |(bad, total), p| (bad + p.value, total + p.total));
    (bad / total, total)
}

/// What a counter gains a second.
fn grown(series: &Series) -> f64 {
    let (first, last) = (series[0], series[series.len() - 1]);
    (last.value - first.value) * 1000.0 / (last.at - first.at) as f64
}

fn median(series: &Series) -> f64 {
    let mut values: Vec<f64> = series.iter().map(|p| p.value).filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn of<'s>(signal: &'s Signal, role: &Role) -> &'s Series {
    signal.series.get(role).unwrap_or_else(|| panic!("{} has no {role:?}", signal.name))
}

#[test]
fn an_injected_regression_is_seen_from_the_query_on() {
    if !is_there("prometheus", "--version") || !is_there("python3", "--version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_ill, ill) = shop("0.2", "400");
    let (_well, well) = shop("0.001", "40");
    let (_prometheus, url) = prometheus(folder.path(), &[("ill", ill), ("well", well)]);
    // What is asked for reaches back a little: let there be something.
    std::thread::sleep(Duration::from_secs(6));
    let started_at = now();
    std::thread::sleep(WATCHED);
    let settings = Settings {
        prometheus: pipewright::deploy::Server {
            url: Some(Url::parse(&url).unwrap()),
            ..Default::default()
        },
        ..Settings::default()
    };
    for (job, bad, p99) in [("ill", 0.2, 0.5..1.01), ("well", 0.001, 0.05..0.11)] {
        let mut spec = spec(job, started_at);
        let remarks = run(&mut spec, &settings).unwrap();
        assert!(remarks.is_empty(), "{remarks:?}");
        let [errors, latency, requests] = &spec.signals[..] else { panic!("three signals") };
        let (canary, n) = share(of(errors, &Role::Canary));
        assert!((canary - bad).abs() < 0.2 * bad + 0.002, "{job}: {canary}");
        // 50 requests a second: what is counted is what was sent.
        assert!((700.0..2000.0).contains(&n), "{job}: {n}");
        let (baseline, n) = share(of(errors, &Role::Baseline));
        assert!(baseline < 0.004 && (2800.0..8000.0).contains(&n), "{job}: {baseline} of {n}");
        let slow = median(of(latency, &Role::Canary));
        assert!(p99.contains(&slow), "{job}: {slow}");
        assert!((0.05..0.11).contains(&median(of(latency, &Role::Baseline))));
        let rate = grown(of(requests, &Role::Canary));
        assert!((40.0..60.0).contains(&rate), "{job}: {rate}");
        // The whole way: from the query to what is done.
        spec.policy = Policy { window: 8_000, ..Policy::default() };
        let decision = decide(&spec, None);
        let expect = if job == "ill" { Action::Rollback } else { Action::Proceed };
        assert_eq!(decision.action, expect, "{job}: {} ({})", decision.reason, decision.rule);
        assert_eq!(decision.rule == "error_rate", job == "ill", "{}", decision.rule);
        let [_, _, requests] = &spec.signals[..] else { panic!("three signals") };
        for pod in ["1.8.0-a", "1.8.0-b"] {
            let rate = grown(of(requests, &Role::Instance(pod.to_owned())));
            assert!((20.0..30.0).contains(&rate), "{pod}: {rate}");
        }
    }
    // What the server itself says of a query that it cannot read.
    let broken = source("prometheus", r#"sum(x{version="$version""#, json!({}));
    let mut wrong = spec("ill", started_at);
    wrong.signals = vec![signal("x", Kind::Gauge, broken)];
    let error = run(&mut wrong, &settings).unwrap_err();
    assert!(error.contains("parse error") && error.contains("400"), "{error}");
    // Eleven thousand points and no more, by a real server's count.
    let mut long = spec("well", started_at - 86_400_000);
    long.signals = vec![signal(
        "up",
        Kind::Gauge,
        source("prometheus", r#"max(up{job!="$version"})"#, json!({"step": "1s"})),
    )];
    run(&mut long, &settings).unwrap();
}
