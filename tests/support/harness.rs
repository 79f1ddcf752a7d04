//! A Harness on loopback: executions that move on as they are looked at, stages that are
//! marked as failed and go into their rollback, approvals, logs that become ready, and
//! all the ways in which it refuses. Every request is held against the description of
//! Harness' API (`fixtures/harness/contract.json`); what is wrong is kept.

mod answer;
pub mod run;

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use serde_json::{Value, json};

use self::run::Run;
use super::contract::Contract;
use super::server::{Reply, Request, Server};

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    Contract::read("harness-deploy", include_bytes!("../fixtures/harness/contract.json"))
});

/// The key that it takes.
pub const KEY: &str = "pat.acc.0123456789.a_key_of_the_tests";
/// Account, organisation and project.
pub const PLACE: [&str; 3] = ["acc", "default", "proj"];
/// Its pipeline.
pub const PIPELINE: &str = "deploy_prod";

/// A change of an execution after it was looked at so often.
pub type Move = (usize, Box<dyn FnOnce(&mut Run) + Send>);
/// Called before (`true`) or after a request is processed.
type Hook = Box<dyn FnMut(&Request, bool) + Send>;

/// What it holds.
pub struct State {
    /// What was wrong with requests, in words.
    pub violations: Vec<String>,
    /// `METHOD /path` of each request.
    pub requests: Vec<String>,
    /// Executions, the latest first.
    pub runs: Vec<Run>,
    /// Changes to come.
    pub moves: Vec<Move>,
    /// How often an execution was looked at.
    pub looks: usize,
    /// The pipeline's file.
    pub file: String,
    /// The same with its templates in place, where it has any.
    pub resolved: Option<String>,
    /// The inputs of the execution.
    pub inputs: String,
    /// Logs by key: looks until they are ready, and what the link gives.
    pub logs: HashMap<String, (usize, Vec<u8>)>,
    /// Approvals as Harness lists them.
    pub approvals: Vec<Value>,
    /// Rights of the key.
    pub rights: Vec<&'static str>,
    /// What goes wrong next: for paths that contain this, the reply in place of its own.
    pub faults: Vec<(&'static str, Reply)>,
    /// `rollbackStatus` of the instances.
    pub rollback_status: &'static str,
    /// How often something was taken back.
    pub rollbacks: usize,
    /// Looks until a mark as failed is seen.
    pub delay: usize,
    /// Whether only the graph of one stage is sent at a time.
    pub is_old: bool,
}

/// A Harness.
pub struct Harness {
    server: Server,
    state: Arc<Mutex<State>>,
    hook: Arc<Mutex<Option<Hook>>>,
}

impl Harness {
    /// With one execution of one pipeline.
    pub fn start(run: Run, file: &str) -> Self {
        let state = Arc::new(Mutex::new(State {
            violations: Vec::new(),
            requests: Vec::new(),
            runs: vec![run],
            moves: Vec::new(),
            looks: 0,
            file: file.to_owned(),
            resolved: None,
            inputs: String::new(),
            logs: HashMap::new(),
            approvals: Vec::new(),
            rights: vec!["core_pipeline_view", "core_pipeline_execute"],
            faults: Vec::new(),
            rollback_status: "NOT_STARTED",
            rollbacks: 0,
            delay: 0,
            is_old: false,
        }));
        let hook: Arc<Mutex<Option<Hook>>> = Arc::default();
        let (shared, hooks) = (state.clone(), hook.clone());
        let server = Server::start(move |request| {
            if let Some(hook) = hooks.lock().unwrap().as_mut() {
                hook(&request, true);
            }
            let reply = answer(&shared, &request);
            if let Some(hook) = hooks.lock().unwrap().as_mut() {
                hook(&request, false);
            }
            reply
        });
        Harness { server, state, hook }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// What it holds now.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes an execution after it was looked at `looks` times.
    pub fn after(&self, looks: usize, change: impl FnOnce(&mut Run) + Send + 'static) {
        self.state().moves.push((looks, Box::new(change)));
    }

    /// Answers the next request to such a path with this.
    pub fn fault(&self, path: &'static str, reply: Reply) {
        self.state().faults.push((path, reply));
    }

    /// Calls this around each request, with whether it is before.
    pub fn at(&self, hook: impl FnMut(&Request, bool) + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    /// Requests whose `METHOD /path` contains this.
    pub fn count(&self, part: &str) -> usize {
        self.state().requests.iter().filter(|request| request.contains(part)).count()
    }

    /// Nothing was wrong with any request, and nothing was aborted.
    pub fn assert_clean(&self) {
        let state = self.state();
        assert_eq!(state.violations, Vec::<String>::new(), "{:#?}", state.requests);
    }

    /// The variables of a job that watches.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("HARNESS_BASE_URL", self.url().to_owned()),
            ("HARNESS_ACCOUNT_ID", PLACE[0].to_owned()),
            ("HARNESS_ORG_ID", PLACE[1].to_owned()),
            ("HARNESS_PROJECT_ID", PLACE[2].to_owned()),
            ("HARNESS_API_KEY", KEY.to_owned()),
        ]
    }
}

fn answer(shared: &Mutex<State>, request: &Request) -> Reply {
    let mut state = shared.lock().unwrap();
    let path = request.path().to_owned();
    state.requests.push(format!("{} {path}", request.method));
    if path.starts_with("/blob/") {
        // A link opens by what it says itself.
        if request.header("x-api-key").is_some() {
            state.violations.push(format!("{path}: a link was opened with the key"));
        }
        if request.query("X-Signature").as_deref() != Some("s") {
            return Reply::new(
                403,
                "application/xml",
                b"<Error>SignatureDoesNotMatch</Error>".to_vec(),
            );
        }
        let key = super::server::decode(path.trim_start_matches("/blob/"));
        let bytes = state.logs.get(&key).map(|(_, bytes)| bytes.clone());
        return Reply::new(200, "application/octet-stream", bytes.unwrap_or_default());
    }
    let wrong = check(request, &path);
    if !wrong.is_empty() {
        state
            .violations
            .extend(wrong.iter().map(|why| format!("{} {path}: {why}", request.method)));
        return refuse(400, "INVALID_REQUEST", &wrong.join("; "));
    }
    if request.header("x-api-key") != Some(KEY) {
        return refuse(401, "INVALID_TOKEN", "Token is not valid.");
    }
    if let Some(at) = state.faults.iter().position(|(part, _)| path.contains(part)) {
        return state.faults.remove(at).1;
    }
    let reply = answer::route(&mut state, shared_url(request), request, &path);
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let lies = CONTRACT.check_answer(&request.method, &path, reply.status, &body);
    state.violations.extend(lies.into_iter().map(|why| format!("our answer to {path}: {why}")));
    reply
}

fn shared_url(request: &Request) -> String {
    format!("http://{}", request.header("host").unwrap_or_default())
}

/// What is wrong with a request, in words.
fn check(request: &Request, path: &str) -> Vec<String> {
    let mut wrong = CONTRACT.check_operation(request, path);
    if request.header("user-agent").is_none_or(str::is_empty) {
        wrong.push("no user-agent".to_owned());
    }
    if request.header("x-api-key").is_none() {
        wrong.push("no x-api-key".to_owned());
    }
    if !request.body.is_empty() && request.header("content-type") != Some("application/json") {
        wrong.push("a body that is not called JSON".to_owned());
    }
    if path.contains("/v1/orgs/") && request.header("harness-account") != Some(PLACE[0]) {
        wrong.push("no harness-account".to_owned());
    }
    for (name, expect) in
        ["accountIdentifier", "orgIdentifier", "projectIdentifier"].iter().zip(PLACE)
    {
        if request.query(name).is_some_and(|value| value != expect) {
            wrong.push(format!("another {name}"));
        }
    }
    wrong
}

/// An error as Harness puts it.
pub fn refuse(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({
        "status": "ERROR", "code": code, "message": message, "correlationId": "corr-1",
        "detailedMessage": null,
        "responseMessages": [{ "code": code, "level": "ERROR", "message": message }],
        "metadata": null,
    });
    Reply::json(status, &body)
}

/// A proxy's page.
pub fn page(status: u16, title: &str) -> Reply {
    let text =
        format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
    Reply::new(status, "text/html", text.into_bytes())
}

/// A log as the service packs it.
pub fn zipped(lines: &[(&str, &str)]) -> Vec<u8> {
    let text: String = lines
        .iter()
        .enumerate()
        .map(|(at, (level, out))| {
            let time = format!("2026-01-01T10:00:{:02}Z", at % 60);
            json!({ "level": level, "pos": at, "out": format!("{out}\n"), "time": time })
                .to_string()
                + "\n"
        })
        .collect();
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("log", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}
