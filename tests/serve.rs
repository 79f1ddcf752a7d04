//! `serve`, black box: a real process on loopback, asked over real sockets as Argo
//! Rollouts, Flagger, GitHub, Azure and strangers would.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ring::hmac;
use serde_json::{Value, json};
use support::binary;
use support::server::{Reply, Request, Server};
use tempfile::TempDir;

const SECRET: &str = "correct-horse-battery-staple";
/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(40);

/// A canary beside its baseline, both with `bad` of 400 requests a minute that failed.
fn spec(service: &str, rest: &str) -> String {
    let series = |bad: u32| {
        let point = |minute: u32| {
            format!("{{at: 2026-01-01T10:{minute:02}:00Z, bad: {}, total: 400}}", bad + minute % 2)
        };
        (0..40).map(point).collect::<Vec<_>>().join(", ")
    };
    format!(
        "schema: pipewright.verify/1\nservice: {service}\n\
         deployment: {{id: d-1, version: 1.8.0, previous: 1.7.3, started_at: 2026-01-01T10:00:00Z, strategy: canary}}\n\
         signals:\n  - {{name: error_rate, kind: ratio, class: reliability, direction: lower, limit: 0.05, critical: true,\n\
         \x20    series: {{canary: [{}], baseline: [{}]}}}}\n{rest}\n",
        series(1),
        series(1)
    )
}

/// All instances crash: a rollback that the policy names, or does not.
fn crashing(service: &str, act_on: &str) -> String {
    let pod = |number: u32| {
        format!("{{instance: pod-{number}, ready: false, restarts: 6, reason: CrashLoopBackOff}}")
    };
    let pods = (1..=3).map(pod).collect::<Vec<_>>().join(", ");
    spec(service, &format!("health: [{pods}]\npolicy: {{act_on: {act_on}}}"))
}

/// One instance of three crashes.
fn doubtful(service: &str) -> String {
    spec(
        service,
        "health: [{instance: a, ready: true}, {instance: b, ready: true}, {instance: c, ready: false, restarts: 6, reason: CrashLoopBackOff}]",
    )
}

/// A signal that has to be asked for.
fn asking(service: &str) -> String {
    format!(
        "schema: pipewright.verify/1\nservice: {service}\n\
         deployment: {{version: 1.8.0, previous: 1.7.3, started_at: 2026-01-01T10:00:00Z, strategy: canary}}\n\
         windows: {{canary: 30m}}\n\
         signals:\n  - {{name: latency, kind: gauge, source: prometheus, query: 'latency{{version=\"$version\", service=\"$service\"}}'}}\n"
    )
}

/// A folder with a spec for each outcome.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let specs = [
        ("good", spec("good", "")),
        ("doubtful", doubtful("doubtful")),
        ("crashing", crashing("crashing", "[health, error_rate]")),
        ("advised", crashing("advised", "[error_rate]")),
        ("asking", asking("asking")),
    ];
    for (name, text) in specs {
        std::fs::write(folder.path().join(format!("{name}.yaml")), text).unwrap();
    }
    folder
}

/// `serve`, running.
struct Served {
    child: Child,
    address: String,
    home: TempDir,
    stderr: Arc<Mutex<String>>,
}

impl Served {
    fn start(spec: &Path, vars: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = binary();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--spec"])
            .arg(spec)
            .current_dir(home.path())
            .env("HOME", home.path())
            .env("PIPEWRIGHT_WEBHOOK_SECRET", SECRET)
            .env("PIPEWRIGHT_RECORD", format!("{}/records/", home.path().display()))
            .env("PIPEWRIGHT_LOG", "info");
        for (name, value) in vars {
            match value.is_empty() {
                true => command.env_remove(name),
                false => command.env(name, value),
            };
        }
        // The checkout is another folder than the one for records.
        let work = home.path().join("work");
        std::fs::create_dir(&work).unwrap();
        command.current_dir(&work);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut address = None;
        for line in lines.by_ref() {
            let line = line.unwrap();
            let found = line.split_once("listening on http://").map(|(_, rest)| rest.to_owned());
            let mut kept = stderr.lock().unwrap();
            kept.push_str(&line);
            kept.push('\n');
            if found.is_some() {
                address = found;
                break;
            }
        }
        let kept = Arc::clone(&stderr);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let Some(address) = address else {
            panic!("serve did not start: {}", stderr.lock().unwrap());
        };
        Served { child, address, home, stderr }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A refusal may come, and the connection go, before all is written.
        let _ = stream.write_all(&message(&self.address, method, path, headers, body));
        Answer::read(stream)
    }

    /// With the token.
    fn post(&self, path: &str, body: &Value) -> Answer {
        let token = format!("Bearer {SECRET}");
        self.ask("POST", path, &[("authorization", &token)], body.to_string().as_bytes())
    }

    /// As GitHub sends it.
    fn deliver(&self, delivery: &str, payload: &Value) -> Answer {
        let body = payload.to_string();
        let headers = [
            ("x-github-event", "deployment_protection_rule"),
            ("x-github-delivery", delivery),
            ("x-hub-signature-256", &signed(SECRET, body.as_bytes())),
        ];
        self.ask("POST", "/github", &headers, body.as_bytes())
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(status.success());
    }

    /// Wait for its end.
    fn ended(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it did not end: {}", self.stderr.lock().unwrap());
    }

    /// The texts of the records.
    fn records(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.home.path().join("records")) else {
            return Vec::new();
        };
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn message(host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text += &format!("host: {host}\r\n");
    }
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        text += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[derive(Debug)]
struct Answer {
    status: u16,
    text: String,
    json: Value,
}

impl Answer {
    fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        Answer { status, json: serde_json::from_str(body).unwrap_or_default(), text }
    }
}

fn signed(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body);
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// What Flagger sends.
fn flagger(service: &str, token: &str) -> Value {
    json!({
        "name": service, "namespace": "test", "phase": "Progressing", "checksum": "85d557f47b",
        "metadata": {"token": token, "cmd": "somebody else's"},
    })
}

/// What GitHub sends, as its page on webhook events lists the fields.
fn rule(api: &str, service: &str) -> Value {
    json!({
        "action": "requested",
        "environment": "production",
        "event": "push",
        "sha": "0123456789abcdef0123456789abcdef01234567",
        "ref": "refs/tags/v1.8.0",
        "deployment_callback_url": format!("{api}/repos/shop/{service}/actions/runs/77/deployment_protection_rule"),
        "deployment": {
            "id": 9, "sha": "0123456789abcdef0123456789abcdef01234567", "ref": "v1.8.0",
            "task": "deploy", "environment": "production", "payload": {},
        },
        "pull_requests": [],
        "repository": {"id": 1, "name": service, "full_name": format!("shop/{service}")},
        "installation": {"id": 5},
        "sender": {"login": "somebody", "id": 3},
    })
}

/// A host that keeps what it is told.
fn listener() -> (Server, Arc<Mutex<Vec<Request>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&told);
    let server = Server::start(move |request| {
        keeps.lock().unwrap().push(request);
        Reply { status: 204, ..Reply::default() }
    });
    (server, told)
}

/// Wait until a host was told `count` times.
fn until_told(told: &Mutex<Vec<Request>>, count: usize) -> Vec<Request> {
    let start = Instant::now();
    loop {
        let now = told.lock().unwrap().clone();
        if now.len() >= count {
            return now;
        }
        assert!(start.elapsed() < PATIENCE, "told {} of {count} times", now.len());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A Prometheus that takes its time, and keeps the queries.
fn slow_prometheus(time: Duration) -> (Server, Arc<Mutex<Vec<Request>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&asked);
    let server = Server::start(move |request| {
        keeps.lock().unwrap().push(request);
        std::thread::sleep(time);
        Reply::json(
            200,
            &json!({"status": "success", "data": {"resultType": "matrix", "result": []}}),
        )
    });
    (server, asked)
}

#[test]
fn every_tool_gets_its_own_kind_of_answer() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let schema = include_str!("../schemas/pipewright.serve-1.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    // service, action, answer at a gate, and the statuses of Flagger's hooks:
    // confirm, rollout, rollback.
    let cases = [
        ("good", "proceed", "proceed", [200, 200, 403]),
        ("doubtful", "investigate", "investigate", [403, 200, 403]),
        ("crashing", "rollback", "rollback", [403, 403, 200]),
        ("advised", "rollback", "investigate", [403, 200, 403]),
    ];
    for (service, action, answer, statuses) in cases {
        let whole = served.post("/verify", &json!({"service": service}));
        assert_eq!((whole.status, &whole.json["action"]), (200, &action.into()), "{}", whole.text);
        assert_eq!(whole.json["schema"], "pipewright.verify/1");
        for path in ["/argo", "/azure"] {
            let gate = served.post(path, &json!({"service": service, "version": "1.9.0"}));
            assert_eq!(gate.status, 200, "{}", gate.text);
            assert_eq!(gate.json["answer"], answer, "{service} {path}");
            assert_eq!(gate.json["action"], action);
            assert_eq!(gate.json["version"], "1.9.0");
            assert!(schema.is_valid(&gate.json), "{}", gate.text);
        }
        let token = format!("Bearer {SECRET}");
        let path = format!("/argo?service={service}");
        let gate = served.ask("GET", &path, &[("authorization", &token)], b"");
        assert_eq!((gate.status, &gate.json["answer"]), (200, &answer.into()), "{}", gate.text);
        for (hook, status) in ["confirm", "rollout", "rollback"].iter().zip(statuses) {
            let path = format!("/flagger/{hook}");
            let body = flagger(service, SECRET).to_string();
            let hooked = served.ask("POST", &path, &[], body.as_bytes());
            assert_eq!(hooked.status, status, "{service} {hook}: {}", hooked.text);
        }
    }
    assert_eq!(served.ask("GET", "/healthz", &[], b"").status, 200);
    assert_eq!(served.ask("GET", "/nothing", &[], b"").status, 404);
    assert_eq!(served.ask("GET", "/verify", &[], b"").status, 405);
    // A decision, a record.
    let records = served.records();
    assert_eq!(records.len(), 4 * 7, "{records:?}");
    assert!(records.iter().all(|record| record.contains("\"decision\"")));
}

#[test]
fn nobody_gets_in_without_the_secret() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let body = json!({"service": "good"}).to_string();
    let basic = |text: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let right = signed(SECRET, body.as_bytes());
    let cases = [
        (vec![], 401),
        (vec![("authorization", "Bearer wrong".to_owned())], 401),
        (vec![("authorization", format!("Bearer {SECRET}x"))], 401),
        (vec![("authorization", format!("Bearer {}", &SECRET[1..]))], 401),
        (vec![("authorization", "Bearer".to_owned())], 401),
        (vec![("authorization", SECRET.to_owned())], 401),
        (vec![("authorization", basic("any:wrong"))], 401),
        (vec![("authorization", basic(&format!("any:{SECRET}")))], 200),
        (vec![("authorization", format!("bearer {SECRET}"))], 200),
        (vec![("x-hub-signature-256", right.clone())], 200),
        (vec![("x-pipewright-signature-256", right.clone())], 200),
        (vec![("x-hub-signature-256", signed("another", body.as_bytes()))], 401),
        (vec![("x-hub-signature-256", signed(SECRET, b"another body"))], 401),
        (vec![("x-hub-signature-256", "sha256=".to_owned())], 401),
        // A wrong token is not mended by a right signature.
        (vec![("authorization", "Bearer wrong".to_owned()), ("x-hub-signature-256", right)], 401),
    ];
    for (headers, expect) in cases {
        let borrowed: Vec<_> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = served.ask("POST", "/verify", &borrowed, body.as_bytes());
        assert_eq!(answer.status, expect, "{headers:?}: {}", answer.text);
        assert!(!answer.text.contains(SECRET));
    }
    for token in ["", "wrong", &SECRET[..8]] {
        let body = flagger("crashing", token).to_string();
        assert_eq!(served.ask("POST", "/flagger/rollback", &[], body.as_bytes()).status, 401);
    }
    assert_eq!(served.ask("GET", "/argo?service=good", &[], b"").status, 401);
    // GitHub has to sign: a token is not enough.
    let payload = rule("https://api.github.com", "good").to_string();
    let token = format!("Bearer {SECRET}");
    let headers =
        [("authorization", token.as_str()), ("x-github-event", "deployment_protection_rule")];
    assert_eq!(served.ask("POST", "/github", &headers, payload.as_bytes()).status, 401);
    assert_eq!(served.records().len(), 4, "nothing is decided for strangers");
}

#[test]
fn without_a_secret_only_programs_on_this_machine_may_ask() {
    let folder = folder();
    let none = ("PIPEWRIGHT_WEBHOOK_SECRET", "");
    let home = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let output = binary()
            .args(["serve", "--listen", listen, "--spec"])
            .arg(folder.path())
            .current_dir(home.path())
            .env("HOME", home.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("webhook_secret"), "{stderr}");
    }
    let served = Served::start(folder.path(), &[none]);
    let body = json!({"service": "good"}).to_string();
    let cases: [(&[(&str, &str)], u16); 5] = [
        (&[], 200),
        (&[("host", "localhost:8080")], 200),
        (&[("host", "[::1]:8080")], 200),
        (&[("host", "rebound.example:8080")], 403),
        (&[("origin", "https://evil.example")], 403),
    ];
    for (headers, expect) in cases {
        let answer = served.ask("POST", "/verify", headers, body.as_bytes());
        assert_eq!(answer.status, expect, "{headers:?}: {}", answer.text);
    }
}

#[test]
fn what_is_wrong_before_the_first_request_is_said() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("wrong.yaml"), "service: [").unwrap();
    std::fs::write(home.path().join("good.yaml"), spec("good", "")).unwrap();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&[], "no spec is named"),
        (&["--spec", "missing.yaml"], "missing.yaml"),
        (&["--spec", "wrong.yaml"], "wrong.yaml"),
        (&["--spec", "empty"], "holds no spec"),
        (&["--spec", "good.yaml", "--listen", "nowhere"], "nowhere"),
        (&["--spec", "good.yaml", "--record", "/tmp/one.jsonl"], "must be a folder"),
    ];
    for (args, says) in cases {
        let mut command = binary();
        command.arg("serve").args(args).current_dir(home.path()).env("HOME", home.path());
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(says), "{args:?}: {stderr}");
    }
}

#[test]
fn a_request_fills_names_and_never_a_query() {
    let (prometheus, asked) = slow_prometheus(Duration::ZERO);
    let folder = folder();
    let served = Served::start(folder.path(), &[("PROMETHEUS_URL", &prometheus.url)]);
    let version =
        |version: &str| served.post("/argo", &json!({"service": "asking", "version": version}));
    let answer = version("2.0.0-rc.1");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let queries: Vec<_> = asked.lock().unwrap().iter().filter_map(sent_query).collect();
    assert!(queries.iter().any(|query| query.contains("2.0.0-rc.1")), "{queries:?}");
    let before = asked.lock().unwrap().len();
    let hostile = [
        "1\"} or vector(1) or latency{version=\"1",
        "1.8.0'",
        "$previous",
        "../../etc/passwd",
        "a b",
        "a\nb",
        ".*",
        "",
    ];
    for text in &hostile[..hostile.len() - 1] {
        let answer = version(text);
        assert_eq!(answer.status, 400, "{text:?}: {}", answer.text);
        let body = json!({"name": "asking", "metadata": {"token": SECRET, "version": text}});
        let body = body.to_string();
        let hook = served.ask("POST", "/flagger/rollback", &[], body.as_bytes());
        assert_eq!(hook.status, 400, "{text:?}: {}", hook.text);
        let service = served.post("/verify", &json!({"service": text}));
        assert_eq!(service.status, 400, "{text:?}: {}", service.text);
    }
    let unknown = [
        json!({"query": "up"}),
        json!({"url": "http://169.254.169.254/"}),
        json!({"service": 7}),
        json!({"service": "asking", "started_at": "yesterday"}),
        json!({"service": "asking", "since": "10"}),
    ];
    for body in unknown {
        assert_eq!(served.post("/verify", &body).status, 400, "{body}");
    }
    assert_eq!(served.post("/verify", &json!({"service": "none"})).status, 404);
    assert_eq!(served.post("/verify", &json!({})).status, 400, "which of them?");
    assert_eq!(served.post("/verify", &json!([1])).status, 400);
    assert_eq!(asked.lock().unwrap().len(), before, "nothing of it was asked");
}

fn sent_query(request: &Request) -> Option<String> {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let form = Request { target: format!("/?{body}"), ..request.clone() };
    request.query("query").or_else(|| form.query("query"))
}

#[test]
fn a_spec_in_a_request_holds_its_data_itself() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let token = format!("Bearer {SECRET}");
    let post =
        |text: &str| served.ask("POST", "/verify", &[("authorization", &token)], text.as_bytes());
    let own = post(&crashing("mine", "[health]"));
    assert_eq!((own.status, &own.json["action"]), (200, &"rollback".into()), "{}", own.text);
    assert_eq!(own.json["service"], "mine");
    let refused = [
        (asking("mine"), "names a source"),
        (spec("mine", "logs: {canary_file: /etc/passwd, baseline_file: /etc/hosts}"), "`logs`"),
        ("service: [".to_owned(), "cannot use the spec"),
        ("just words".to_owned(), "cannot use the spec"),
    ];
    for (text, says) in refused {
        let answer = post(&text);
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains(says), "{}", answer.text);
    }
}

#[test]
fn a_source_that_is_away_never_means_roll_back() {
    let folder = folder();
    // A port that nothing listens on.
    let vars = [("PROMETHEUS_URL", "http://127.0.0.1:9"), ("PIPEWRIGHT_TIMEOUT_MINUTES", "1")];
    let served = Served::start(folder.path(), &vars);
    let whole = served.post("/verify", &json!({"service": "asking"}));
    let gate = served.post("/argo", &json!({"service": "asking"}));
    assert_eq!((gate.status, &gate.json["answer"]), (200, &"investigate".into()), "{}", gate.text);
    if whole.status == 200 {
        assert_eq!(whole.json["action"], "investigate", "{}", whole.text);
    } else {
        assert!(whole.status >= 500, "{}", whole.text);
        assert_eq!(gate.json["action"], Value::Null);
        assert!(!whole.text.contains("127.0.0.1"), "addresses stay here: {}", whole.text);
    }
    for (hook, status) in [("confirm", 403), ("rollout", 200), ("rollback", 403)] {
        let body = flagger("asking", SECRET).to_string();
        let answer = served.ask("POST", &format!("/flagger/{hook}"), &[], body.as_bytes());
        assert_eq!(answer.status, status, "{hook}: {}", answer.text);
    }
    // A spec that was broken meanwhile.
    std::fs::write(folder.path().join("crashing.yaml"), "service: [").unwrap();
    let gate = served.post("/argo", &json!({"service": "crashing"}));
    assert_eq!((gate.status, &gate.json["answer"]), (200, &"investigate".into()), "{}", gate.text);
    assert_eq!(served.post("/verify", &json!({"service": "crashing"})).status, 500);
}

#[test]
fn in_shadow_every_gate_is_open() {
    let folder = folder();
    let served = Served::start(folder.path(), &[("PIPEWRIGHT_SHADOW", "on")]);
    let gate = served.post("/argo", &json!({"service": "crashing"}));
    assert_eq!(gate.json["answer"], "proceed");
    assert_eq!(gate.json["action"], "rollback");
    assert_eq!(gate.json["shadow"], true);
    let body = flagger("crashing", SECRET).to_string();
    assert_eq!(served.ask("POST", "/flagger/rollback", &[], body.as_bytes()).status, 403);
    assert_eq!(served.ask("POST", "/flagger/confirm", &[], body.as_bytes()).status, 200);
}

#[test]
fn github_is_answered_by_its_api() {
    let (github, told) = listener();
    let folder = folder();
    let token = "ghs_0123456789abcdefghijABCDEFGHIJ012345";
    let vars = [("GITHUB_API_URL", github.url.as_str()), ("GITHUB_TOKEN", token)];
    let served = Served::start(folder.path(), &vars);
    let cases = [
        ("good", Some("approved")),
        ("crashing", Some("rejected")),
        ("doubtful", None),
        ("advised", None),
    ];
    for (number, (service, state)) in cases.iter().enumerate() {
        let delivery = format!("72d3162e-cc78-11e3-81ab-4c9367dc095{number}");
        let answer = served.deliver(&delivery, &rule(&github.url, service));
        assert_eq!(answer.status, 202, "{}", answer.text);
        let told = until_told(&told, number + 1);
        let last = told.last().unwrap();
        assert_eq!(last.method, "POST");
        let path = format!("/repos/shop/{service}/actions/runs/77/deployment_protection_rule");
        assert_eq!(last.target, path);
        assert_eq!(last.header("authorization"), Some(format!("Bearer {token}").as_str()));
        let body = last.json();
        assert_eq!(body["environment_name"], "production");
        assert_eq!(body.get("state").and_then(Value::as_str), *state, "{body}");
        let comment = body["comment"].as_str().unwrap();
        assert!(comment.starts_with("Pipewright: "), "{comment}");
        assert_eq!(comment.contains("waits for a person"), state.is_none(), "{comment}");
        // The same delivery again is refused, and judged no second time.
        assert_eq!(served.deliver(&delivery, &rule(&github.url, service)).status, 409);
    }
    let body = rule(&github.url, "good").to_string();
    // Other events are none of ours.
    let ping = json!({"zen": "Keep it logically awesome.", "hook_id": 1}).to_string();
    for (event, text, status) in [
        ("ping", &ping, 200),
        ("deployment_protection_rule", &ping, 400),
        ("check_run", &body, 200),
    ] {
        let headers = [
            ("x-github-event", event),
            ("x-github-delivery", "other-1"),
            ("x-hub-signature-256", &signed(SECRET, text.as_bytes())),
        ];
        let answer = served.ask("POST", "/github", &headers, text.as_bytes());
        assert_eq!(answer.status, status, "{event}: {}", answer.text);
    }
    // Signed, but with no delivery, or signed by another.
    let right = signed(SECRET, body.as_bytes());
    let wrong = signed("another-secret", body.as_bytes());
    for (delivery, signature, status) in [("", &right, 400), ("other-2", &wrong, 401)] {
        let headers = [
            ("x-github-event", "deployment_protection_rule"),
            ("x-github-delivery", delivery),
            ("x-hub-signature-256", signature),
        ];
        let answer = served.ask("POST", "/github", &headers, body.as_bytes());
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    // The token goes nowhere but to the API that is set up here.
    let (elsewhere, stolen) = listener();
    let mut payloads = vec![rule(&elsewhere.url, "good")];
    for url in [
        format!("{}/user/keys", github.url),
        format!("{}/repos/other/good/actions/runs/77/deployment_protection_rule", github.url),
        "not an address".to_owned(),
    ] {
        let mut payload = rule(&github.url, "good");
        payload["deployment_callback_url"] = url.into();
        payloads.push(payload);
    }
    for (number, payload) in payloads.iter().enumerate() {
        let answer = served.deliver(&format!("evil-{number}"), payload);
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    // No service of that name.
    assert_eq!(served.deliver("unknown-1", &rule(&github.url, "unknown")).status, 404);
    assert_eq!(told.lock().unwrap().len(), cases.len());
    assert!(stolen.lock().unwrap().is_empty());
    assert!(!served.stderr.lock().unwrap().contains(token));
    assert!(served.records().iter().all(|record| !record.contains(token)));
}

#[test]
fn azure_is_answered_by_an_event_of_the_plan() {
    let (azure, told) = listener();
    let folder = folder();
    let collection = format!("{}/org/", azure.url);
    let served = Served::start(folder.path(), &[("SYSTEM_COLLECTIONURI", &collection)]);
    let id =
        |digit: u32| format!("{0}{0}{0}{0}{0}{0}{0}{0}-0000-4000-8000-000000000000", digit % 10);
    let run_token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.payload.signature";
    let ask = |service: &str, plan_url: &str, task: u32| {
        let task = id(task);
        let token = format!("Bearer {SECRET}");
        let (project, plan, job) = (id(1), id(2), id(3));
        let headers = [
            ("authorization", token.as_str()),
            ("PlanUrl", plan_url),
            ("ProjectId", &project),
            ("HubName", "build"),
            ("PlanId", &plan),
            ("JobId", &job),
            ("TaskInstanceId", &task),
            ("AuthToken", run_token),
        ];
        served.ask("POST", &format!("/azure/callback?service={service}"), &headers, b"")
    };
    for (number, (service, result)) in
        [("good", "succeeded"), ("crashing", "failed")].iter().enumerate()
    {
        let task = 4 + number as u32;
        assert_eq!(ask(service, &collection, task).status, 202);
        let told = until_told(&told, number + 1);
        let last = told.last().unwrap();
        let path = format!(
            "/org/{}/_apis/distributedtask/hubs/build/plans/{}/events?api-version=2.0-preview.1",
            id(1),
            id(2)
        );
        assert_eq!(last.target, path);
        let expect = json!({
            "name": "TaskCompleted", "taskId": id(task), "jobId": id(3), "result": result,
        });
        assert_eq!(last.json(), expect);
        assert!(last.header("authorization").is_some_and(|value| value.starts_with("Basic ")));
        // Delivered again: acknowledged, and judged no second time.
        assert_eq!(ask(service, &collection, task).status, 202);
    }
    // What needs a person is not answered.
    assert_eq!(ask("doubtful", &collection, 8).status, 202);
    let (elsewhere, stolen) = listener();
    for url in [&format!("{}/org/", elsewhere.url), "https://dev.azure.com.evil.example/", ""] {
        assert_eq!(ask("good", url, 9).status, 400, "{url}");
    }
    let start = Instant::now();
    while served.records().len() < 3 && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(served.records().len(), 3);
    assert_eq!(told.lock().unwrap().len(), 2);
    assert!(stolen.lock().unwrap().is_empty());
    assert!(!served.stderr.lock().unwrap().contains(run_token));
}

#[test]
fn large_and_slow_requests_are_turned_away() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let token = format!("Bearer {SECRET}");
    let auth = ("authorization", token.as_str());
    let large = vec![b' '; (1 << 20) + 1];
    assert_eq!(served.ask("POST", "/argo", &[auth], &large).status, 413);
    // Only said to be large: nothing of it is waited for.
    let length = ("content-length", "99999999999");
    assert_eq!(served.ask("POST", "/verify", &[auth, length], b"").status, 413);
    // Of a stranger less is read than of a friend.
    let unsigned = ("x-hub-signature-256", "sha256=00");
    let length = ("content-length", "2000000");
    assert_eq!(served.ask("POST", "/verify", &[unsigned, length], b"").status, 413);
    // Chunks without a length beforehand.
    let mut stream = served.connect();
    let head = format!(
        "POST /argo HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..40 {
        let chunk = vec![b' '; 32 << 10];
        let sent = stream
            .write_all(b"8000\r\n")
            .and_then(|()| stream.write_all(&chunk))
            .and_then(|()| stream.write_all(b"\r\n"));
        if sent.is_err() {
            break;
        }
    }
    let answer = Answer::read(stream);
    assert!(matches!(answer.status, 413 | 0), "{}", answer.text);
    // A head that is too large.
    let long = "a".repeat(64 << 10);
    let status = served.ask("GET", "/healthz", &[("x-long", &long)], b"").status;
    assert!(matches!(status, 431 | 400 | 0), "{status}");
    // Bodies and heads that do not come, many at once; others are answered meanwhile.
    let start = Instant::now();
    let slow: Vec<_> = (0..40)
        .map(|number| {
            let mut stream = served.connect();
            let head =
                message(&served.address, "POST", "/argo", &[auth, ("content-length", "9")], b"");
            let part = if number % 2 == 0 { &head[..] } else { &head[..20] };
            stream.write_all(part).unwrap();
            stream
        })
        .collect();
    assert_eq!(served.ask("GET", "/healthz", &[], b"").status, 200);
    assert!(start.elapsed() < Duration::from_secs(5), "somebody waited for the slow ones");
    for (number, stream) in slow.into_iter().enumerate() {
        let answer = Answer::read(stream);
        let expect: &[u16] = if number % 2 == 0 { &[408] } else { &[0, 408] };
        assert!(expect.contains(&answer.status), "{number}: {}", answer.text);
    }
    let took = start.elapsed();
    assert!(took > Duration::from_secs(5) && took < Duration::from_secs(30), "{took:?}");
    assert!(served.records().is_empty());
}

#[test]
fn many_at_once_are_answered_or_told_to_come_again() {
    let (prometheus, _asked) = slow_prometheus(Duration::from_millis(300));
    let folder = folder();
    let served = Served::start(folder.path(), &[("PROMETHEUS_URL", &prometheus.url)]);
    let served = &served;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asks: Vec<_> = (0..100)
            .map(|_| scope.spawn(|| served.post("/verify", &json!({"service": "asking"})).status))
            .collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    });
    let count = |status: u16| statuses.iter().filter(|one| **one == status).count();
    assert_eq!(count(200) + count(503), 100, "{statuses:?}");
    assert!(count(503) > 0 && count(200) >= 60, "{statuses:?}");
    // Nobody is left over: the next one is answered.
    assert_eq!(served.post("/verify", &json!({"service": "good"})).status, 200);
    assert_eq!(served.records().len(), count(200) + 1);
}

#[test]
fn a_stop_waits_for_what_is_under_way() {
    let (prometheus, asked) = slow_prometheus(Duration::from_secs(2));
    let (github, told) = listener();
    let folder = folder();
    let vars = [
        ("PROMETHEUS_URL", prometheus.url.as_str()),
        ("GITHUB_API_URL", github.url.as_str()),
        ("GITHUB_TOKEN", "ghs_0123456789abcdefghijABCDEFGHIJ012345"),
    ];
    for signal in ["TERM", "INT"] {
        asked.lock().unwrap().clear();
        told.lock().unwrap().clear();
        let mut served = Served::start(folder.path(), &vars);
        // A connection that only lies there holds nothing up for long.
        let idle = served.connect();
        let delivered = served.deliver("stop-1", &rule(&github.url, "asking"));
        assert_eq!(delivered.status, 202, "{}", delivered.text);
        let mut waiting = served.connect();
        let token = format!("Bearer {SECRET}");
        let body = json!({"service": "asking"}).to_string();
        let headers = [("authorization", token.as_str())];
        waiting
            .write_all(&message(&served.address, "POST", "/verify", &headers, body.as_bytes()))
            .unwrap();
        until_told(&asked, 3);
        let start = Instant::now();
        served.signal(signal);
        let answer = Answer::read(waiting);
        assert_eq!(answer.status, 200, "{signal}: {}", answer.text);
        assert_eq!(served.ended(), Some(0), "{}", served.stderr.lock().unwrap());
        assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
        assert_eq!(told.lock().unwrap().len(), 1, "GitHub was told before the end");
        assert!(TcpStream::connect(&served.address).is_err(), "nobody listens any more");
        assert_eq!(served.records().len(), 2);
        drop(idle);
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    let (prometheus, asked) = slow_prometheus(Duration::from_secs(20));
    let folder = folder();
    let mut served = Served::start(folder.path(), &[("PROMETHEUS_URL", &prometheus.url)]);
    let mut waiting = served.connect();
    let token = format!("Bearer {SECRET}");
    let body = json!({"service": "asking"}).to_string();
    let headers = [("authorization", token.as_str())];
    let request = message(&served.address, "POST", "/verify", &headers, body.as_bytes());
    waiting.write_all(&request).unwrap();
    until_told(&asked, 1);
    let start = Instant::now();
    served.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(served.child.try_wait().unwrap().is_none(), "the first one waits");
    served.signal("TERM");
    assert_eq!(served.ended(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}
