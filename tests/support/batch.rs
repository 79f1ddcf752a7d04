//! The Message Batches API on loopback. Every request of a batch is put to the
//! Messages API of [`Anthropic`], which checks it and answers from its script.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use super::anthropic::Anthropic;
use super::server::{Reply, Request, Server, Wire};

/// What is done with a request of a batch instead of answering it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    Errored(&'static str),
    Expired,
    /// It is not in the results at all.
    Missing,
    /// It is under way until the batch is ended early.
    Slow,
}

#[derive(Default)]
struct Batch {
    requests: Vec<(String, Value)>,
    looks: usize,
    canceled: bool,
    /// Lines of the results, once made.
    lines: Option<Vec<String>>,
}

#[derive(Default)]
struct State {
    batches: Vec<Batch>,
    /// Taken once each, by a piece of the request.
    instead: Vec<(String, Instead)>,
    /// Answers to the next creations.
    refusals: Vec<Reply>,
    /// How many times results break off half-way.
    broken: usize,
    /// Looks until a batch has ended.
    looks: usize,
    violations: Vec<String>,
    log: Vec<String>,
}

pub struct Batches {
    server: Server,
    pub messages: Arc<Anthropic>,
    state: Arc<Mutex<State>>,
}

impl Batches {
    pub fn start() -> Self {
        let messages = Arc::new(Anthropic::start());
        let state = Arc::new(Mutex::new(State { looks: 1, ..State::default() }));
        let (shared, asked) = (Arc::clone(&state), Arc::clone(&messages));
        let server = Server::start(move |request| answer(&shared, &asked, &request));
        Batches { server, messages, state }
    }

    /// `ANTHROPIC_BASE_URL`.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Do this once with the next request that contains `needle`.
    pub fn instead(&self, needle: &str, instead: Instead) -> &Self {
        self.lock().instead.push((needle.to_owned(), instead));
        self
    }

    /// Answer the next creation so.
    pub fn refuse(&self, reply: Reply) -> &Self {
        self.lock().refusals.push(reply);
        self
    }

    /// Break the results off so many times.
    pub fn break_results(&self, times: usize) -> &Self {
        self.lock().broken = times;
        self
    }

    /// Let batches end at this look.
    pub fn ends_at_look(&self, looks: usize) -> &Self {
        self.lock().looks = looks;
        self
    }

    /// How many requests each batch had.
    pub fn sizes(&self) -> Vec<usize> {
        self.lock().batches.iter().map(|batch| batch.requests.len()).collect()
    }

    /// Methods and paths so far.
    pub fn calls(&self) -> Vec<String> {
        self.lock().log.clone()
    }

    /// What was wrong with requests, those inside batches included.
    pub fn violations(&self) -> Vec<String> {
        let mut all = self.lock().violations.clone();
        all.extend(self.messages.violations());
        all
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn error(status: u16, kind: &str, message: &str) -> Reply {
    let error = json!({"type": kind, "message": message});
    Reply::json(status, &json!({"type": "error", "error": error, "request_id": "req_fake"}))
}

/// A rate limit that passes at once.
pub fn rate_limit() -> Reply {
    error(429, "rate_limit_error", "too many batches").with("retry-after", "0")
}

/// More than fits.
pub fn too_large() -> Reply {
    error(413, "request_too_large", "Request exceeds the maximum size")
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

fn answer(shared: &Mutex<State>, messages: &Anthropic, request: &Request) -> Reply {
    let mut state = shared.lock().unwrap();
    let path = request.path().to_owned();
    state.log.push(format!("{} {path}", request.method));
    let key = request.header("x-api-key").is_some();
    if request.header("anthropic-version") != Some("2023-06-01") || !key {
        state.violations.push(format!("{path}: no version or no key"));
        return error(401, "authentication_error", "no key");
    }
    let rest = path.strip_prefix("/v1/messages/batches").map(|rest| rest.trim_start_matches('/'));
    let Some(rest) = rest else {
        state.violations.push(format!("{path}: not the batch interface"));
        return error(404, "not_found_error", "no such path");
    };
    let (id, verb) = rest.split_once('/').unwrap_or((rest, ""));
    let number = id.strip_prefix("msgbatch_").and_then(|number| number.parse::<usize>().ok());
    match (request.method.as_str(), number, verb) {
        ("POST", None, "") if id.is_empty() => create(&mut state, request),
        ("GET" | "POST", Some(number), _) if number >= state.batches.len() => {
            error(404, "not_found_error", "no such batch")
        }
        ("GET", Some(number), "") => {
            state.batches[number].looks += 1;
            describe(&state, number)
        }
        ("POST", Some(number), "cancel") => {
            state.batches[number].canceled = true;
            describe(&state, number)
        }
        ("GET", Some(number), "results") => results(&mut state, messages, number),
        _ => {
            state.violations.push(format!("{} {path}: no such operation", request.method));
            error(404, "not_found_error", "no such path")
        }
    }
}

fn create(state: &mut State, request: &Request) -> Reply {
    if !state.refusals.is_empty() {
        return state.refusals.remove(0);
    }
    let mut refuse = |why: &str| {
        state.violations.push(format!("a batch: {why}"));
        error(400, "invalid_request_error", why)
    };
    if request.header("content-type") != Some("application/json") {
        return refuse("no JSON content type");
    }
    let body = request.json();
    let fields: Vec<&String> = body.as_object().into_iter().flat_map(|body| body.keys()).collect();
    if fields != ["requests"] {
        return refuse("other fields than `requests`");
    }
    let Some(requests) = body["requests"].as_array().filter(|list| !list.is_empty()) else {
        return refuse("no requests");
    };
    let mut seen = HashSet::new();
    let mut batch = Batch::default();
    for one in requests {
        let keys: Vec<&String> = one.as_object().into_iter().flat_map(|one| one.keys()).collect();
        let id = one["custom_id"].as_str().unwrap_or_default();
        if !is_name(id) || !seen.insert(id) {
            return refuse("a custom_id that does not fit, or twice");
        }
        if keys != ["custom_id", "params"] || one["params"].get("stream").is_some() {
            return refuse("a request with other fields");
        }
        batch.requests.push((id.to_owned(), one["params"].clone()));
    }
    state.batches.push(batch);
    describe(state, state.batches.len() - 1)
}

fn has_ended(state: &State, number: usize) -> bool {
    let batch = &state.batches[number];
    let slow = |(_, params): &(String, Value)| {
        let text = params.to_string();
        state.instead.iter().any(|(n, what)| *what == Instead::Slow && text.contains(n.as_str()))
    };
    batch.lines.is_some()
        || batch.canceled
        || batch.looks >= state.looks && !batch.requests.iter().any(slow)
}

fn describe(state: &State, number: usize) -> Reply {
    let ended = has_ended(state, number);
    let batch = &state.batches[number];
    let count = batch.requests.len();
    let time = "2026-11-20T18:37:24.100435Z";
    let id = format!("msgbatch_{number}");
    Reply::json(
        200,
        &json!({
            "id": id, "type": "message_batch", "created_at": time, "expires_at": time,
            "archived_at": null, "cancel_initiated_at": batch.canceled.then_some(time),
            "ended_at": ended.then_some(time),
            "processing_status": if ended { "ended" } else { "in_progress" },
            "request_counts": {
                "processing": if ended { 0 } else { count }, "succeeded": if ended { count } else { 0 },
                "errored": 0, "canceled": 0, "expired": 0,
            },
            // Another host: the key must not go there.
            "results_url": ended.then(|| format!("http://127.0.0.1:9/v1/messages/batches/{id}/results")),
        }),
    )
}

fn results(state: &mut State, messages: &Anthropic, number: usize) -> Reply {
    if !has_ended(state, number) {
        state.violations.push("results before the end".to_owned());
        return error(400, "invalid_request_error", "not ended");
    }
    if state.batches[number].lines.is_none() {
        let requests = state.batches[number].requests.clone();
        let mut lines = Vec::new();
        for (id, params) in requests {
            let text = params.to_string();
            let at = state.instead.iter().position(|(needle, _)| text.contains(needle.as_str()));
            let result = match at.map(|at| state.instead.remove(at).1) {
                Some(Instead::Missing) => continue,
                Some(Instead::Expired) => json!({"type": "expired"}),
                Some(Instead::Slow) => json!({"type": "canceled"}),
                Some(Instead::Errored(kind)) => {
                    let error = json!({"type": kind, "message": "scripted"});
                    json!({"type": "errored", "error": {"type": "error", "error": error,
                           "request_id": "req_fake"}})
                }
                None => match post(messages.url(), &params) {
                    (200, message) => json!({"type": "succeeded", "message": message}),
                    (_, error) => json!({"type": "errored", "error": error}),
                },
            };
            lines.push(json!({"custom_id": id, "result": result}).to_string());
        }
        // In another order than they came.
        lines.reverse();
        state.batches[number].lines = Some(lines);
    }
    let lines = state.batches[number].lines.clone().unwrap_or_default();
    let body = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let mut reply = Reply::new(200, "application/x-jsonl", body.into_bytes());
    if state.broken > 0 {
        state.broken -= 1;
        reply.wire = Wire::Half;
    }
    reply
}

/// Ask the Messages API.
fn post(url: &str, params: &Value) -> (u16, Value) {
    let mut to = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let body = params.to_string();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    to.write_all(head.as_bytes()).unwrap();
    to.write_all(body.as_bytes()).unwrap();
    to.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = Vec::new();
    to.read_to_end(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}
