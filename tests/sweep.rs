//! A sweep over two repositories, black box.

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Output;
use std::sync::Arc;

use serde_json::{Value, json};
use support::anthropic::{answer, finding};
use support::batch::Batches;
use support::github::{Fault, GitHub, On};
use support::server::{Reply, Request, Server};

const BASE: &str = "def mean(items):\n    return sum(items) / max(len(items), 1)\n";
const HEAD: &str = "def mean(items):\n    return sum(items) / len(items)\n";
const TITLE: &str = "Divides by zero for an empty list";

/// Several repositories behind one address.
struct World {
    front: Server,
    repositories: BTreeMap<&'static str, Arc<GitHub>>,
    model: Batches,
}

/// What the lists say of a pull request, beside what the repository knows.
fn listed(github: &GitHub, state: &str) -> Value {
    let pulls = github.state().pulls.clone();
    let wanted = |open: bool| state == "all" || (state == "open") == open;
    let mut all: Vec<Value> = pulls
        .values()
        .filter(|pull| wanted(pull.open))
        .map(|pull| {
            // The higher its number, the later it was updated; the first long ago.
            let day = if pull.number == 1 { "2020-01-01".into() } else { today(pull.number) };
            json!({"number": pull.number, "title": pull.title, "draft": pull.draft,
                   "head": {"sha": pull.head}, "updated_at": format!("{day}T00:00:00Z")})
        })
        .collect();
    all.sort_by_key(|pull| std::cmp::Reverse(pull["updated_at"].to_string()));
    Value::Array(all)
}

/// So many days from now.
fn today(days: u64) -> String {
    let now = std::time::SystemTime::now() + std::time::Duration::from_secs(days * 86_400);
    jiff::Timestamp::try_from(now).unwrap().strftime("%Y-%m-%d").to_string()
}

impl World {
    fn new() -> Self {
        let repository = |name: &str| {
            let github = GitHub::start();
            github.state().repository = name.to_owned();
            Arc::new(github)
        };
        let names = ["acme/gears", "acme/widgets"];
        let repositories: BTreeMap<_, _> = names.map(|name| (name, repository(name))).into();
        let known = repositories.clone();
        let front = Server::start(move |request| route(&known, &request));
        let model = Batches::start();
        model.messages.uncached();
        World { front, repositories, model }
    }

    fn github(&self, name: &str) -> &GitHub {
        &self.repositories[name]
    }

    /// A pull request that breaks a function of this file, or does not.
    fn pull(&self, repository: &str, number: u64, path: &str, breaks: bool) {
        self.github(repository).pull(number, |pull| {
            pull.title = format!("Change {number}");
            pull.base(path, BASE).head(path, if breaks { HEAD } else { "mean = None\n" });
        });
        let found = finding(path, 2, "    return sum(items) / len(items)", TITLE);
        let found = if breaks { json!([found]) } else { json!([]) };
        self.model.messages.always(path, answer(found));
    }

    fn sweep(&self, arguments: &[&str]) -> (i32, Value, Output) {
        let home = std::env::temp_dir().join(format!("pipewright-sweep-{}", std::process::id()));
        let output = support::binary()
            .arg("sweep")
            .args(arguments)
            .args(["--format", "json"])
            .current_dir(std::env::temp_dir())
            .env("HOME", home)
            .env("GITHUB_API_URL", &self.front.url)
            .env("GITHUB_GRAPHQL_URL", format!("{}/graphql", self.front.url))
            .env("GITHUB_TOKEN", "ghs_test")
            .env("ANTHROPIC_BASE_URL", self.model.url())
            .env("ANTHROPIC_API_KEY", "sk-ant-secret-1234567")
            .output()
            .expect("the binary starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|why| panic!("standard output is no report: {why}\n{stderr}"));
        (output.status.code().unwrap_or(-1), report, output)
    }
}

fn route(repositories: &BTreeMap<&'static str, Arc<GitHub>>, request: &Request) -> Reply {
    let path = request.path();
    let describe = |name: &str| {
        json!({"full_name": name, "archived": false, "disabled": false, "fork": false,
               "permissions": {"pull": true, "push": true, "triage": true}})
    };
    if request.header("authorization") != Some("Bearer ghs_test") {
        return Reply::json(401, &json!({"message": "Bad credentials"}));
    }
    if path == "/orgs/acme/repos" {
        let mut all: Vec<Value> = repositories.keys().map(|name| describe(name)).collect();
        let mut odd = |name: &str, field: &str| {
            let mut one = describe(name);
            one[field] = json!(true);
            all.push(one);
        };
        odd("acme/attic", "archived");
        odd("acme/copied", "fork");
        let mut closed = describe("acme/closed");
        closed["permissions"]["pull"] = json!(false);
        all.push(closed);
        return Reply::json(200, &Value::Array(all));
    }
    for (name, github) in repositories {
        if path == format!("/repos/{name}") {
            return Reply::json(200, &describe(name));
        }
        if path == format!("/repos/{name}/pulls") {
            return Reply::json(200, &listed(github, &request.query("state").unwrap_or_default()));
        }
        let short = name.split_once('/').map_or("", |(_, short)| short);
        let asks = path == "/graphql" && request.json()["variables"].to_string().contains(short);
        if asks || path.starts_with(&format!("/repos/{name}/")) {
            return forward(github, request);
        }
    }
    if path == "/user" {
        return Reply::json(403, &json!({"message": "Resource not accessible by integration"}));
    }
    if path == "/graphql" {
        return forward(&repositories["acme/widgets"], request);
    }
    Reply::json(404, &json!({"message": "Not Found"}))
}

/// Put a request to another server.
fn forward(github: &GitHub, request: &Request) -> Reply {
    let mut to = TcpStream::connect(github.url().trim_start_matches("http://")).unwrap();
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    to.write_all(head.as_bytes()).unwrap();
    to.write_all(&request.body).unwrap();
    to.shutdown(std::net::Shutdown::Write).unwrap();
    let mut bytes = Vec::new();
    to.read_to_end(&mut bytes).unwrap();
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(502);
    let mut reply =
        Reply::new(status, "application/json", bytes.split_off((at + 4).min(bytes.len())));
    reply.headers = lines
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    reply
}

fn row<'a>(report: &'a Value, repository: &str, number: u64) -> &'a Value {
    let rows = report["changes"].as_array().unwrap();
    let found = rows.iter().find(|row| row["repository"] == repository && row["number"] == number);
    found.unwrap_or_else(|| panic!("no {repository}#{number} in {report:#}"))
}

/// The report against its published description.
fn fits_its_schema(report: &Value) {
    let schema = |name: &str| -> Value {
        let path = format!("{}/schemas/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let validator = jsonschema::validator_for(&schema("pipewright.sweep-1.json")).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(report)
        .map(|why| format!("{}: {why}", why.instance_path()))
        .collect();
    assert_eq!(wrong, [""; 0], "{report:#}");
}

#[test]
fn changes_of_two_repositories_are_read_in_one_batch_and_failures_stay_apart() {
    let world = World::new();
    world.pull("acme/widgets", 1, "old.py", true);
    world.pull("acme/widgets", 2, "two.py", true);
    world.pull("acme/widgets", 3, "three.py", false);
    world.pull("acme/gears", 4, "four.py", true);
    world.pull("acme/gears", 5, "five.py", true);
    world.github("acme/widgets").pull(6, |pull| {
        pull.draft = true;
        pull.base("six.py", BASE).head("six.py", HEAD);
    });
    world
        .github("acme/gears")
        .fault(On::every("GET", "/pulls/4/files"), Fault::Status(404, &[], "{}"));
    let (code, report, output) = world.sweep(&["--organization", "acme", "--since", "30d"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(world.model.violations(), [""; 0], "{stderr}");
    fits_its_schema(&report);
    assert_eq!(code, 3, "one change could not be read\n{stderr}");
    assert_eq!(report["batch"], true);
    // What was read side by side was one batch, and so was what was judged.
    assert_eq!(world.model.sizes()[0], 3, "{:?}", world.model.sizes());
    for (repository, number) in [("acme/widgets", 2), ("acme/gears", 5)] {
        let row = row(&report, repository, number);
        assert_eq!(row["status"], "reviewed", "{row:#}");
        assert_eq!(row["counts"]["high"], 1, "{row:#}");
        assert_eq!(row["worst"], "high");
        assert_eq!(row["findings"][0]["title"], TITLE);
        assert_eq!(row["posted"], false);
        assert!(row["usage"]["cost_usd"].as_f64() > Some(0.0));
    }
    let clean = row(&report, "acme/widgets", 3);
    assert_eq!((&clean["status"], &clean["worst"]), (&json!("reviewed"), &Value::Null));
    let failed = row(&report, "acme/gears", 4);
    assert_eq!(failed["status"], "failed", "{failed:#}");
    assert_eq!(row(&report, "acme/widgets", 1)["reason"], "it was not updated since");
    assert_eq!(row(&report, "acme/widgets", 6)["reason"], "it is a draft");
    let left: Vec<String> = report["repositories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}: {}", one["repository"], one["reason"]).replace('"', ""))
        .collect();
    let expect = [
        "acme/copied: it is a fork",
        "acme/attic: it is archived",
        "acme/closed: the token may not read it",
    ];
    assert_eq!(left, expect);
    for name in ["acme/widgets", "acme/gears"] {
        let writes = world.github(name).calls().into_iter().filter(|call| !call.starts_with("GET"));
        let writes: Vec<String> = writes.filter(|call| !call.contains("graphql")).collect();
        assert_eq!(writes, [""; 0], "a sweep only reads unless it is told to write");
    }
}

#[test]
fn what_was_posted_is_not_asked_again() {
    let world = World::new();
    world.pull("acme/widgets", 2, "two.py", true);
    let arguments =
        ["--repositories", "acme/widgets", "--autonomy", "propose", "--fail-on", "none"];
    let (code, report, output) = world.sweep(&arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(row(&report, "acme/widgets", 2)["posted"], true, "{report:#}\n{stderr}");
    assert_eq!(world.github("acme/widgets").review_comments(2).len(), 1);
    let sizes = world.model.sizes();
    let (_, report, _) = world.sweep(&arguments);
    assert_eq!(row(&report, "acme/widgets", 2)["reason"], "its head was reviewed before");
    assert_eq!(world.model.sizes(), sizes);
}

#[test]
fn all_changes_share_one_cap() {
    let world = World::new();
    for number in 2..8 {
        world.pull("acme/widgets", number, &format!("n{number}.py"), true);
    }
    let run = |cap: &str| {
        let arguments = ["--repositories", "acme/widgets", "--max-cost-usd", cap];
        let (_, report, output) = world.sweep(&arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let rows = report["changes"].as_array().unwrap().clone();
        let count = |status: &str| rows.iter().filter(|row| row["status"] == status).count();
        let cost = report["usage"]["cost_usd"].as_f64().unwrap();
        assert!(cost <= cap.parse().unwrap(), "{cost} of {cap}\n{stderr}");
        (count("reviewed"), count("incomplete"))
    };
    assert_eq!(run("0.000001"), (0, 6));
    let (reviewed, incomplete) = run("0.02");
    assert!(reviewed > 0 && incomplete > 0, "{reviewed} {incomplete}");
}

#[test]
fn a_repository_keeps_out_of_the_model_by_its_own_configuration() {
    let world = World::new();
    world.github("acme/widgets").pull(2, |pull| {
        pull.base(".pipewright.toml", "model = \"offline\"\n");
        pull.base("two.py", BASE).head("two.py", HEAD);
    });
    let (code, report, output) = world.sweep(&["--repositories", "acme/widgets"]);
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(row(&report, "acme/widgets", 2)["status"], "reviewed", "{report:#}");
    assert_eq!(world.model.sizes(), [0; 0]);
}

#[test]
fn wrong_words_are_said_before_anything_is_read() {
    let check = |arguments: &[&str], expect: &str| {
        let output = support::binary().arg("sweep").args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expect), "{arguments:?}: {stderr}");
    };
    check(&[], "--repositories");
    check(&["--organization", "acme", "--since", "soon"], "`12h`");
    check(&["--organization", "acme", "--limit", "0"], "--limit");
    check(&["--organization", "acme", "--format", "sarif"], "no format");
    check(&["--repositories", "acme/x", "--format", "json"], "github_token");
}
