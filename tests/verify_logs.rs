//! Lines from Loki and from pods of Kubernetes, on loopback.

#[allow(dead_code, reason = "a part is used")]
#[path = "support/server.rs"]
mod server;
#[allow(dead_code, reason = "a part is used")]
#[path = "support/verify.rs"]
mod verify;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pipewright::decide::spec::{Logs, Source, Spec, Strategy};
use pipewright::deploy::logs::{Bounds, Fetched, Settings, fetch, kubernetes};
use pipewright::deploy::{Auth, Server};
use pipewright::http::Url;
use pipewright::redact::Secret;
use serde_json::{Value, json};
use server::{Reply, Request};
use verify::{MINUTE, START, client, source};

fn with(strategy: Strategy, from: Source) -> Spec {
    let logs = Logs { source: Some(from), ..Logs::default() };
    Spec { logs, ..verify::spec(Some(strategy), Vec::new()) }
}

fn settings(url: &str) -> Settings {
    let auth = Auth::Bearer(Secret::new("zq-token"));
    let server =
        Server { url: Some(Url::parse(url).unwrap()), auth, tenant: Some("team-a".into()) };
    Settings {
        loki: server.clone(),
        kubernetes: server,
        now: Some(START + 90 * MINUTE),
        ..Settings::default()
    }
}

fn run(spec: &Spec, settings: &Settings) -> Result<Fetched, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fetch(spec, &client(), settings)).map_err(|error| format!("{error:#}"))
}

/// A Loki that holds lines of nanoseconds and texts, and gives at most `most` at once.
fn loki(held: Vec<(i64, String)>, most: usize) -> (server::Server, Arc<Mutex<usize>>) {
    let asked: Arc<Mutex<usize>> = Arc::default();
    let count = Arc::clone(&asked);
    let server = server::Server::start(move |request: Request| {
        *count.lock().unwrap() += 1;
        assert_eq!(request.path(), "/loki/api/v1/query_range");
        assert_eq!(request.header("x-scope-orgid"), Some("team-a"));
        assert_eq!(request.header("authorization"), Some("Bearer zq-token"));
        let number = |name: &str| request.query(name).unwrap().parse::<i64>().unwrap();
        let (start, end, limit) = (number("start"), number("end"), number("limit") as usize);
        if limit > most {
            let text = format!(
                "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {most})"
            );
            return Reply::new(400, "text/plain", text.into_bytes());
        }
        assert!(start < end && limit > 0, "{start} {end} {limit}");
        let query = request.query("query").unwrap();
        let mut found: Vec<&(i64, String)> = held
            .iter()
            .filter(|(at, text)| {
                *at >= start && *at < end && (query.contains("1.8.0") || !text.contains("new"))
            })
            .collect();
        found.sort();
        if request.query("direction").as_deref() == Some("backward") {
            found.reverse();
        }
        found.truncate(limit);
        let mut streams: BTreeMap<bool, Vec<Value>> = BTreeMap::new();
        for (at, text) in found {
            let entry = json!([at.to_string(), format!("{text}\n")]);
            streams.entry(text.contains('7')).or_default().push(entry);
        }
        let result: Vec<Value> = streams
            .into_iter()
            .map(|(odd, values)| json!({"stream": {"pod": odd.to_string()}, "values": values}))
            .collect();
        Reply::json(
            200,
            &json!({"status": "success", "data": {"resultType": "streams", "result": result, "stats": {}}}),
        )
    });
    (server, asked)
}

/// `count` lines over the half hour, several of a time.
fn lines(count: i64) -> Vec<(i64, String)> {
    (0..count)
        .map(|n| {
            let at = START * 1_000_000 + (n / 7) * 7 * (30 * MINUTE * 1_000_000 / count);
            (at, format!("new line {n}"))
        })
        .collect()
}

#[test]
fn all_pages_of_loki_are_read_once_in_either_direction() {
    for (direction, most, count) in [
        ("forward", 5_000, 20_000),
        ("backward", 5_000, 20_000),
        ("forward", 500, 3_000),
        ("backward", 500, 3_000),
    ] {
        let (server, _) = loki(lines(count), most);
        let from =
            source("loki", "{app=\"shop\",version=\"$version\"}", json!({"direction": direction}));
        let fetched = run(&with(Strategy::Canary, from), &settings(&server.url)).unwrap();
        let mut texts: Vec<&str> = fetched.canary.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts.len() as i64, count, "{direction} {most}");
        assert!(fetched.canary.is_sorted_by_key(|line| line.at));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len() as i64, count, "{direction} {most}");
        assert!(fetched.baseline.is_empty() && fetched.remarks.is_empty(), "{:?}", fetched.remarks);
    }
}

#[test]
fn too_many_lines_are_taken_from_the_whole_time() {
    let (server, asked) = loki(lines(20_000), 5_000);
    let from = source("loki", "{version=\"$version\"}", json!({"limit": 800}));
    let fetched = run(&with(Strategy::Canary, from), &settings(&server.url)).unwrap();
    assert_eq!(fetched.canary.len(), 800);
    assert!(fetched.remarks[0].contains("more lines"), "{:?}", fetched.remarks);
    let last = fetched.canary.last().unwrap().at.unwrap();
    assert!(last > START + 26 * MINUTE, "{}", (last - START) / MINUTE);
    assert!(*asked.lock().unwrap() <= 17);
}

#[test]
fn what_loki_refuses_is_said() {
    for (reply, expect) in [
        (
            Reply::new(400, "text/plain", b"parse error at line 1, col 3: syntax error".to_vec()),
            "syntax error",
        ),
        (Reply::json(200, &json!({"data": {"resultType": "matrix", "result": []}})), "not lines"),
        (Reply::new(200, "text/html", b"<h1>log in</h1>".to_vec()), "not the JSON"),
    ] {
        let server = server::Server::start(move |_| reply.clone());
        let from = source("loki", "{version=\"$version\"}", json!({}));
        let error = run(&with(Strategy::Canary, from), &settings(&server.url)).unwrap_err();
        assert!(error.contains(expect), "{error}");
    }
    let from = source("loki", "{app=\"shop\"}", json!({}));
    let (server, _) = loki(Vec::new(), 5_000);
    let error = run(&with(Strategy::Canary, from), &settings(&server.url)).unwrap_err();
    assert!(error.contains("$version"), "{error}");
}

/// Two pods of the new version, one of which was started again, and one of the old.
fn cluster(seen: Arc<Mutex<Vec<Request>>>) -> server::Server {
    server::Server::start(move |request: Request| {
        seen.lock().unwrap().push(request.clone());
        assert_eq!(request.header("authorization"), Some("Bearer zq-token"));
        let base = "/api/v1/namespaces/shop/pods";
        let pod = |name: &str, restarts: u64| {
            json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "app"}, {"name": "proxy"}]},
                "status": {"containerStatuses": [{"name": "app", "restartCount": restarts}, {"name": "proxy", "restartCount": 0}]}})
        };
        if request.path() == base {
            let selector = request.query("labelSelector").unwrap();
            let list = match (selector.contains("1.8.0"), request.query("continue").as_deref()) {
                (true, None) => {
                    json!({"metadata": {"continue": "next"}, "items": [pod("new-1", 0)]})
                }
                (true, Some("next")) => json!({"metadata": {}, "items": [pod("new-2", 3)]}),
                (false, None) => json!({"metadata": {}, "items": [pod("old-1", 0)]}),
                other => panic!("{other:?}"),
            };
            return Reply::json(200, &list);
        }
        let name =
            request.path().strip_prefix(&format!("{base}/")).unwrap().strip_suffix("/log").unwrap();
        assert_eq!(request.query("container").as_deref(), Some("app"));
        assert_eq!(request.query("sinceTime").as_deref(), Some("2026-01-01T10:00:00Z"));
        assert!(request.query("limitBytes").unwrap().parse::<u64>().unwrap() >= 65536);
        let previous = request.query("previous").is_some();
        if name == "old-1" {
            let status = json!({"kind": "Status", "status": "Failure", "code": 400,
                "message": "container \"app\" in pod \"old-1\" is waiting to start"});
            return Reply::json(400, &status);
        }
        let text = format!(
            "2026-01-01T10:01:00.123456789Z {name} {previous} one\n2026-01-01T10:59:00Z {name} too late\nno time\n"
        );
        Reply::new(200, "text/plain", text.into_bytes())
    })
}

#[test]
fn pods_are_found_by_labels_and_read_with_what_ran_before_a_restart() {
    let seen = Arc::default();
    let server = cluster(Arc::clone(&seen));
    let options = json!({"namespace": "shop", "container": "app"});
    let from = source("kubernetes", "app=checkout,version=$version", options);
    let fetched = run(&with(Strategy::Canary, from), &settings(&server.url)).unwrap();
    let texts: Vec<&str> = fetched.canary.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        texts,
        ["new-1 false one", "no time", "new-2 true one", "no time", "new-2 false one", "no time"]
    );
    assert_eq!(fetched.canary[0].at, Some(START + MINUTE + 123));
    assert!(fetched.baseline.is_empty());
    assert_eq!(seen.lock().unwrap().len(), 7);
}

#[test]
fn a_cluster_that_refuses_is_an_error() {
    let server = server::Server::start(|_| {
        let message = "pods is forbidden: User \"system:serviceaccount:shop:ci\" cannot list resource \"pods\"";
        Reply::json(
            403,
            &json!({"kind": "Status", "status": "Failure", "message": message, "code": 403}),
        )
    });
    let from = source("kubernetes", "app=checkout,version=$version", json!({}));
    let error = run(&with(Strategy::Canary, from), &settings(&server.url)).unwrap_err();
    assert!(error.contains("cannot list resource"), "{error}");
}

#[test]
fn a_pod_knows_its_cluster() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("token", "zq-account-token\n"), ("ca.crt", "PEM"), ("namespace", "shop\n")]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    for (host, expect) in [("10.0.0.1", "https://10.0.0.1/"), ("fd00::1", "https://[fd00::1]/")] {
        let cluster = kubernetes::in_cluster(folder.path(), host, "443").unwrap();
        assert_eq!(cluster.server.url.unwrap().as_str(), expect);
        assert_eq!((cluster.namespace.as_deref(), &cluster.ca[..]), (Some("shop"), &b"PEM"[..]));
    }
    assert!(kubernetes::in_cluster(&folder.path().join("none"), "10.0.0.1", "443").is_err());
    assert_eq!(Bounds::default(), Bounds { lines: 200_000, bytes: 256 << 20 });
}
