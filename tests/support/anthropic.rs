//! A Messages API on loopback that answers from a script, checks every request
//! as the real one would, and keeps a log.
//!
//! Requests are held to the published types with unknown keys refused, and to
//! what the documentation adds: forced tools, sampling and prefill are refused
//! where the model refuses them, breakpoints are counted, tool results answer
//! tool calls. What is wrong gets a 400 and a line in [`Anthropic::violations`].

#![allow(dead_code, reason = "each test binary uses its part")]

#[path = "anthropic_check.rs"]
mod check;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

#[allow(unused_imports, reason = "each test binary uses its part")]
pub use check::{check_body, specs};
use check::{check_event, check_message, check_request};

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answer with these content blocks and stop reason.
    Message(Vec<Value>, &'static str),
    /// Answer with an error: status, headers, error type.
    Status(u16, Vec<(String, String)>, &'static str),
    /// Answer 400 in these words.
    Refuse(&'static str),
    /// Send the first events of the message, then an `error` event of this type.
    ErrorEvent(&'static str),
    /// Send the first events of the message, then nothing, for so long.
    Stall(Duration),
    /// Send the first events of the message, then end the stream properly.
    Truncate,
    /// Send the first events of the message, then break the connection.
    Break,
    /// Break the connection before answering.
    Reset,
    /// Answer with these bytes as an event stream.
    Raw(Vec<u8>),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Path with query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub raw: Vec<u8>,
    /// As JSON; null if it is none.
    pub body: Value,
}

impl Logged {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

struct Rule {
    needle: String,
    act: Act,
    times: usize,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    /// For requests that judge a finding.
    verdicts: Vec<Rule>,
    log: Vec<Logged>,
    judged: Vec<Logged>,
    violations: Vec<String>,
    /// Prompts whose prefix is cached.
    cached: HashSet<String>,
    plain: bool,
    uncached: bool,
    answered: u64,
    /// What was last sent as an event stream.
    streams: Vec<Vec<u8>>,
}

/// The server. It ends with the process.
pub struct Anthropic {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Anthropic {
    /// Listen on a free port of 127.0.0.1.
    pub fn start() -> Self {
        // Not while a client waits.
        check::load();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(connection, &state));
            }
        });
        Anthropic { address, state }
    }

    /// What to set `ANTHROPIC_BASE_URL` to.
    pub fn url(&self) -> &str {
        &self.address
    }

    /// Answer also streaming requests with one JSON message.
    pub fn plain(&self) -> &Self {
        self.lock().plain = true;
        self
    }

    /// Count as a provider without a cache does: alike in any order.
    pub fn uncached(&self) -> &Self {
        self.lock().uncached = true;
        self
    }

    /// Do this once with the next request whose body contains `needle`. Rules
    /// are tried in the order in which they were given.
    pub fn on(&self, needle: &str, act: Act) -> &Self {
        self.rule(needle, act, 1)
    }

    /// Do this with every request whose body contains `needle` that no rule
    /// before took.
    pub fn always(&self, needle: &str, act: Act) -> &Self {
        self.rule(needle, act, usize::MAX)
    }

    fn rule(&self, needle: &str, act: Act, times: usize) -> &Self {
        self.lock().rules.push(Rule { needle: needle.to_owned(), act, times });
        self
    }

    /// Do this once with the next request that judges a finding and contains
    /// `needle`. Where no rule takes such a request, the finding holds.
    pub fn judge(&self, needle: &str, act: Act) -> &Self {
        self.lock().verdicts.push(Rule { needle: needle.to_owned(), act, times: 1 });
        self
    }

    /// Answer the next request with these findings through `report_findings`.
    pub fn answer(&self, findings: Value) -> &Self {
        self.on("", answer(findings))
    }

    /// Answer the next request by calling a tool.
    pub fn tool_call(&self, name: &str, input: Value) -> &Self {
        self.on("", calls([(name, input)]))
    }

    /// Answer the next request in prose.
    pub fn text(&self, text: &str) -> &Self {
        self.on("", Act::Message(vec![json!({"type": "text", "text": text})], "end_turn"))
    }

    /// Answer the next request with an error.
    pub fn status(&self, status: u16, headers: &[(&str, &str)]) -> &Self {
        self.on("", failure(status, headers))
    }

    /// The requests so far that judge a finding.
    pub fn judged(&self) -> Vec<Logged> {
        self.lock().judged.clone()
    }

    /// The other requests so far.
    pub fn requests(&self) -> Vec<Logged> {
        self.lock().log.clone()
    }

    /// What was wrong with requests, or with our own replies.
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// The event streams sent so far, byte by byte.
    pub fn streams(&self) -> Vec<Vec<u8>> {
        self.lock().streams.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Findings through `report_findings`, after some thinking.
pub fn answer(findings: Value) -> Act {
    let input = json!({"summary": "A change.", "findings": findings});
    let Act::Message(mut content, stop) = calls([("report_findings", input)]) else {
        unreachable!("calls are a message");
    };
    content.insert(0, json!({"type": "thinking", "thinking": "", "signature": "c2lnbmVk"}));
    Act::Message(content, stop)
}

/// A verdict on a finding.
pub fn verdict(verdict: &str, probability: f64) -> Act {
    let input = json!({"reason": "Line 1.", "verdict": verdict, "probability": probability});
    calls([("judge_finding", input)])
}

/// Calls of tools, all in one turn.
pub fn calls<'a>(calls: impl IntoIterator<Item = (&'a str, Value)>) -> Act {
    let calls = calls.into_iter().enumerate().map(|(index, (name, input))| {
        json!({"type": "tool_use", "id": format!("toolu_{index:04}"), "name": name, "input": input})
    });
    Act::Message(calls.collect(), "tool_use")
}

/// An error with the type that belongs to its status.
pub fn failure(status: u16, headers: &[(&str, &str)]) -> Act {
    let kind = match status {
        400 | 422 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Act::Status(status, headers.collect(), kind)
}

/// One finding as a model reports it.
pub fn finding(path: &str, line: u32, quote: &str, title: &str) -> Value {
    json!({"path": path, "line": line, "quote": quote, "severity": "high",
           "category": "correctness", "confidence": 0.9, "title": title, "body": "Because."})
}

fn serve(connection: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    while let Some(request) = read_request(&mut reader) {
        if !respond(&connection, request, state) {
            let _ = connection.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Logged> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(&head).ok()?;
    let path = parsed.path?.to_owned();
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|h| (h.name.to_lowercase(), String::from_utf8_lossy(h.value).into_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut raw = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    reader.read_exact(&mut raw).ok()?;
    let body = serde_json::from_slice(&raw).unwrap_or_default();
    Some(Logged { path, headers, raw, body })
}

/// Whether the connection may go on.
fn respond(mut to: &TcpStream, request: Logged, state: &Mutex<State>) -> bool {
    let problems = check_request(&request);
    let body = request.body.clone();
    let text = String::from_utf8_lossy(&request.raw).into_owned();
    let raw_length = request.raw.len();
    let (act, usage, plain, number) = {
        let mut state = state.lock().unwrap();
        let mut usage = usage(&body, &mut state.cached);
        if state.uncached {
            usage = json!({"input_tokens": raw_length / 4, "cache_creation_input_tokens": 0,
                           "cache_read_input_tokens": 0});
        }
        let judges = text.contains("Answer through `judge_finding`");
        if judges {
            state.judged.push(request);
        } else {
            state.log.push(request);
        }
        state.violations.extend(problems.iter().cloned());
        let rules = if judges { &mut state.verdicts } else { &mut state.rules };
        let rule = rules.iter_mut().find(|r| r.times > 0 && text.contains(&r.needle));
        let act = match rule {
            _ if !problems.is_empty() => failure(400, &[]),
            Some(rule) => {
                rule.times = rule.times.saturating_sub(usize::from(rule.times != usize::MAX));
                rule.act.clone()
            }
            None if judges => verdict("holds", 0.9),
            None => {
                state.violations.push("a request that the script does not expect".to_owned());
                failure(400, &[])
            }
        };
        state.answered += 1;
        (act, usage, state.plain || body["stream"] != true, state.answered)
    };
    let partly = || Act::Message(vec![json!({"type": "text", "text": "Let me see."})], "end_turn");
    let (message, act) = match &act {
        Act::Message(content, stop) => (message(number, &body, content, stop, &usage), &act),
        _ => match partly() {
            Act::Message(content, stop) => (message(number, &body, &content, stop, &usage), &act),
            _ => unreachable!("it is a message"),
        },
    };
    let send = |to: &mut &TcpStream, bytes: &[u8]| to.write_all(bytes).is_ok();
    let chunk = |bytes: &[u8]| {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        chunk
    };
    const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_fake\r\ntransfer-encoding: chunked\r\n\r\n";
    let first_events = || -> Vec<u8> { events(&message).concat().into_iter().take(700).collect() };
    match act {
        Act::Message(..) if plain => {
            note(state, check_message(&message));
            send_json(to, 200, &[], &message)
        }
        Act::Message(..) => {
            let events = events(&message);
            note(state, events.iter().flat_map(|event| check_event(event)).collect());
            state.lock().unwrap().streams.push(events.concat());
            send(&mut to, STREAM)
                && events.iter().all(|event| send(&mut to, &chunk(event)))
                && send(&mut to, b"0\r\n\r\n")
        }
        Act::Status(status, headers, kind) => {
            let why = problems.first().map_or("scripted", String::as_str);
            let error = json!({"type": "error", "error": {"type": kind, "message": why},
                               "request_id": "req_fake"});
            send_json(to, *status, headers, &error)
        }
        Act::Refuse(why) => {
            let error = json!({"type": "invalid_request_error", "message": why});
            send_json(to, 400, &[], &json!({"type": "error", "error": error}))
        }
        Act::ErrorEvent(kind) => {
            let error = json!({"type": "error", "error": {"type": kind, "message": "scripted"}});
            let mut bytes = events(&message)[..2].concat();
            bytes.extend_from_slice(&event(&error));
            send(&mut to, STREAM) && send(&mut to, &chunk(&bytes)) && send(&mut to, b"0\r\n\r\n")
        }
        Act::Stall(long) => {
            send(&mut to, STREAM);
            send(&mut to, &chunk(&first_events()));
            std::thread::sleep(*long);
            false
        }
        Act::Truncate => {
            let bytes = events(&message)[..3].concat();
            send(&mut to, STREAM) && send(&mut to, &chunk(&bytes)) && send(&mut to, b"0\r\n\r\n")
        }
        Act::Break => {
            send(&mut to, STREAM);
            send(&mut to, &chunk(&first_events()));
            false
        }
        Act::Reset => false,
        Act::Raw(bytes) => {
            state.lock().unwrap().streams.push(bytes.clone());
            send(&mut to, STREAM) && send(&mut to, &chunk(bytes)) && send(&mut to, b"0\r\n\r\n")
        }
    }
}

fn note(state: &Mutex<State>, problems: Vec<String>) {
    state.lock().unwrap().violations.extend(problems);
}

fn send_json(mut to: &TcpStream, status: u16, headers: &[(String, String)], body: &Value) -> bool {
    let body = body.to_string();
    let mut head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\nrequest-id: req_fake\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    to.write_all(head.as_bytes()).is_ok() && to.write_all(body.as_bytes()).is_ok()
}

/// Counts as the API would: what stands before the last breakpoint of the shared
/// prefix is written to the cache the first time and read from it afterwards.
fn usage(body: &Value, cached: &mut HashSet<String>) -> Value {
    let tokens = |value: &Value| if value.is_null() { 0 } else { value.to_string().len() / 4 };
    let prefix = json!([body["tools"], body["system"]]);
    let all = tokens(&body["messages"]);
    let shared = tokens(&prefix);
    if !prefix.to_string().contains("cache_control") {
        return json!({"input_tokens": all + shared, "cache_creation_input_tokens": 0,
                      "cache_read_input_tokens": 0});
    }
    let new = cached.insert(prefix.to_string());
    json!({"input_tokens": all, "cache_creation_input_tokens": if new { shared } else { 0 },
           "cache_read_input_tokens": if new { 0 } else { shared }})
}

fn message(number: u64, body: &Value, content: &[Value], stop: &str, usage: &Value) -> Value {
    let mut usage = usage.clone();
    usage["output_tokens"] = json!((json!(content).to_string().len() / 4).max(1));
    json!({"id": format!("msg_{number:04}"), "type": "message", "role": "assistant",
           "model": body["model"], "content": content, "stop_reason": stop, "stop_sequence": null,
           "usage": usage})
}

fn event(value: &Value) -> Vec<u8> {
    let name = value["type"].as_str().unwrap_or("message");
    format!("event: {name}\ndata: {value}\n\n").into_bytes()
}

/// The events of a message, with a ping, and deltas of a few characters. A
/// `tool_use` whose input is a string is cut JSON and sent as it is.
pub fn events(message: &Value) -> Vec<Vec<u8>> {
    let mut start = message.clone();
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["usage"]["output_tokens"] = json!(1);
    let mut events = vec![json!({"type": "message_start", "message": start})];
    for (index, block) in message["content"].as_array().unwrap().iter().enumerate() {
        let mut empty = block.clone();
        let mut deltas = Vec::new();
        match block["type"].as_str().unwrap() {
            "text" => {
                empty["text"] = json!("");
                deltas.extend(
                    pieces(block["text"].as_str().unwrap())
                        .into_iter()
                        .map(|piece| json!({"type": "text_delta", "text": piece})),
                );
            }
            "tool_use" => {
                empty["input"] = json!({});
                let input = &block["input"];
                let input = input.as_str().map_or_else(|| input.to_string(), str::to_owned);
                deltas.push(json!({"type": "input_json_delta", "partial_json": ""}));
                deltas.extend(
                    pieces(&input)
                        .into_iter()
                        .map(|piece| json!({"type": "input_json_delta", "partial_json": piece})),
                );
            }
            "thinking" => {
                empty["thinking"] = json!("");
                empty["signature"] = json!("");
                deltas.extend(
                    pieces(block["thinking"].as_str().unwrap())
                        .into_iter()
                        .map(|piece| json!({"type": "thinking_delta", "thinking": piece})),
                );
                deltas.push(json!({"type": "signature_delta", "signature": block["signature"]}));
            }
            _ => {}
        }
        events.push(json!({"type": "content_block_start", "index": index, "content_block": empty}));
        if index == 0 {
            events.push(json!({"type": "ping"}));
        }
        events.extend(
            deltas.into_iter().map(
                |delta| json!({"type": "content_block_delta", "index": index, "delta": delta}),
            ),
        );
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({"type": "message_delta",
        "delta": {"stop_reason": message["stop_reason"], "stop_sequence": null},
        "usage": {"output_tokens": message["usage"]["output_tokens"]}}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(event).collect()
}

fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(37).map(|piece| piece.iter().collect()).collect()
}
