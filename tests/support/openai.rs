//! A server of OpenAI's protocol on loopback that answers from a script, checks
//! every request as a strict server would, and keeps a log. Both interfaces are
//! there: `/v1/chat/completions` and `/v1/responses`.
//!
//! What is wrong with a request gets a 400 and a line in [`OpenAi::violations`].

#![allow(dead_code, reason = "each test binary uses its part")]

#[path = "openai_check.rs"]
mod check;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

#[allow(unused_imports, reason = "each test binary uses its part")]
pub use check::{check_chat, check_responses};

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answer with this `message` and finish reason, streamed if asked.
    Message(Value, &'static str),
    /// The same, never streamed.
    Plain(Value, &'static str),
    /// Answer with these output items of the other interface, and why it is
    /// incomplete (empty: it is not).
    Output(Vec<Value>, &'static str),
    /// Answer with this status, headers and body.
    Status(u16, Vec<(String, String)>, Value),
    /// Send the first chunks, then an error object.
    ErrorChunk(Value),
    /// Send the first chunks, then nothing, for so long.
    Stall(Duration),
    /// Send the first chunks, then end the stream properly.
    Truncate,
    /// Send the first chunks, then break the connection.
    Break,
    /// Break the connection before answering.
    Reset,
    /// Answer with these bytes as an event stream.
    Raw(Vec<u8>),
    /// Answer with these bytes under this content type.
    Typed(&'static str, Vec<u8>),
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
    log: Vec<Logged>,
    violations: Vec<String>,
    /// Beginnings that were seen before.
    cached: HashSet<String>,
}

/// The server. It ends with the process.
pub struct OpenAi {
    address: String,
    state: Arc<Mutex<State>>,
}

impl OpenAi {
    /// Listen on a free port of 127.0.0.1.
    pub fn start() -> Self {
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
        OpenAi { address, state }
    }

    /// Scheme, host and port.
    pub fn root(&self) -> &str {
        &self.address
    }

    /// What to set `OPENAI_BASE_URL` to.
    pub fn url(&self) -> String {
        format!("{}/v1", self.address)
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

    /// The requests so far.
    pub fn requests(&self) -> Vec<Logged> {
        self.lock().log.clone()
    }

    /// What was wrong with requests.
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Findings through `report_findings`.
pub fn answer(findings: Value) -> Act {
    calls([("report_findings", json!({"summary": "A change.", "findings": findings}))])
}

/// Findings as a text that is JSON.
pub fn answer_in_text(findings: Value) -> Act {
    text(&json!({"summary": "A change.", "findings": findings}).to_string())
}

/// A text.
pub fn text(text: &str) -> Act {
    Act::Message(json!({"role": "assistant", "content": text}), "stop")
}

/// Calls of tools, all in one turn.
pub fn calls<'a>(calls: impl IntoIterator<Item = (&'a str, Value)>) -> Act {
    let calls: Vec<_> = calls
        .into_iter()
        .enumerate()
        .map(|(index, (name, input))| call(&format!("call_{index:04}"), name, &input.to_string()))
        .collect();
    Act::Message(json!({"role": "assistant", "content": null, "tool_calls": calls}), "tool_calls")
}

/// One call, its arguments as they are.
pub fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// An error as OpenAI words it.
pub fn failure(status: u16, code: &str, message: &str) -> Act {
    let error = json!({"message": message, "type": "scripted", "param": null, "code": code});
    Act::Status(status, Vec::new(), json!({"error": error}))
}

/// The same with headers.
pub fn failure_with(status: u16, code: &str, headers: &[(&str, &str)]) -> Act {
    let Act::Status(status, _, body) = failure(status, code, "scripted") else { unreachable!() };
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Act::Status(status, headers.collect(), body)
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
    let responses = request.path.contains("/responses");
    let mut problems =
        if responses { check_responses(&request.body) } else { check_chat(&request.body) };
    if request.header("content-type") != Some("application/json") {
        problems.push("no JSON content type".to_owned());
    }
    let body = request.body.clone();
    let raw = String::from_utf8_lossy(&request.raw).into_owned();
    let (act, usage) = {
        let mut state = state.lock().unwrap();
        let usage = usage(&body, responses, &mut state.cached);
        state.log.push(request);
        state.violations.extend(problems.iter().cloned());
        let rule = state.rules.iter_mut().find(|r| r.times > 0 && raw.contains(&r.needle));
        let act = match rule {
            _ if !problems.is_empty() => failure(400, "checked", &problems[0]),
            Some(rule) => {
                rule.times = rule.times.saturating_sub(usize::from(rule.times != usize::MAX));
                rule.act.clone()
            }
            None => {
                state.violations.push("a request that the script does not expect".to_owned());
                failure(400, "unscripted", "not in the script")
            }
        };
        (act, usage)
    };
    let streamed = body["stream"] == true;
    let counted = body["stream_options"]["include_usage"] == true;
    let send = |to: &mut &TcpStream, bytes: &[u8]| to.write_all(bytes).is_ok();
    const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
    let begun = || {
        let message = json!({"role": "assistant", "content": "Let me see what this is about."});
        let chunks = chunks(&body, &message, "stop", counted.then_some(&usage));
        chunks[..2].concat()
    };
    let stream = |to: &mut &TcpStream, parts: &[Vec<u8>]| {
        send(to, STREAM)
            && parts.iter().all(|part| part.is_empty() || send(to, &wire(part)))
            && send(to, b"0\r\n\r\n")
    };
    match &act {
        Act::Message(message, finish) if streamed => {
            stream(&mut to, &chunks(&body, message, finish, counted.then_some(&usage)))
        }
        Act::Message(message, finish) | Act::Plain(message, finish) => {
            send_json(to, 200, &[], &completion(&body, message, finish, &usage))
        }
        Act::Output(items, why) => {
            let response = response(&body, items, why, &usage);
            if streamed {
                stream(&mut to, &events(items, &response))
            } else {
                send_json(to, 200, &[], &response)
            }
        }
        Act::Status(status, headers, body) => send_json(to, *status, headers, body),
        Act::ErrorChunk(error) => {
            let error = format!("data: {}\n\n", json!({"error": error}));
            stream(&mut to, &[begun(), error.into_bytes()])
        }
        Act::Stall(long) => {
            send(&mut to, STREAM);
            send(&mut to, &wire(&begun()));
            std::thread::sleep(*long);
            false
        }
        Act::Truncate => stream(&mut to, &[begun()]),
        Act::Break => {
            send(&mut to, STREAM);
            send(&mut to, &wire(&begun()));
            false
        }
        Act::Reset => false,
        Act::Raw(bytes) => stream(&mut to, std::slice::from_ref(bytes)),
        Act::Typed(kind, bytes) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
                bytes.len()
            );
            send(&mut to, head.as_bytes()) && send(&mut to, bytes)
        }
    }
}

fn wire(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn send_json(mut to: &TcpStream, status: u16, headers: &[(String, String)], body: &Value) -> bool {
    let body = body.to_string();
    let mut head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\nx-request-id: req_fake\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    to.write_all(head.as_bytes()).is_ok() && to.write_all(body.as_bytes()).is_ok()
}

/// Counts as the API would: a beginning (tools and instructions) that was seen
/// before is read from the cache.
fn usage(body: &Value, responses: bool, cached: &mut HashSet<String>) -> Value {
    let tokens = |value: &Value| if value.is_null() { 0 } else { value.to_string().len() / 4 };
    let turns = &body[if responses { "input" } else { "messages" }];
    let prefix = json!([body["tools"], turns[0]]);
    let (all, shared) = (tokens(turns) + tokens(&body["tools"]), tokens(&prefix));
    let known = !cached.insert(format!("{prefix}{}", body["prompt_cache_key"]));
    let read = if known { shared.min(all) } else { 0 };
    let (prompt, written) = (all, if responses && !known { shared.min(all) } else { 0 });
    let details = json!({"cached_tokens": read, "cache_write_tokens": written});
    if responses {
        json!({"input_tokens": prompt, "output_tokens": 20, "total_tokens": prompt + 20,
               "input_tokens_details": details, "output_tokens_details": {"reasoning_tokens": 5}})
    } else {
        json!({"prompt_tokens": prompt, "completion_tokens": 20, "total_tokens": prompt + 20,
               "prompt_tokens_details": details})
    }
}

/// The one JSON object of a reply.
pub fn completion(body: &Value, message: &Value, finish: &str, usage: &Value) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"],
           "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
           "usage": usage})
}

/// The chunks of a reply: the role, pieces of a few characters, the reason, the
/// usage where it is asked for, and the end.
pub fn chunks(body: &Value, message: &Value, finish: &str, usage: Option<&Value>) -> Vec<Vec<u8>> {
    let chunk = |choices: Value, usage: &Value| {
        let mut chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                               "model": body["model"], "choices": choices});
        if !usage.is_null() {
            chunk["usage"] = usage.clone();
        }
        format!("data: {chunk}\n\n").into_bytes()
    };
    let delta = |delta: Value| {
        chunk(
            json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]),
            &Value::Null,
        )
    };
    let mut chunks = vec![delta(json!({"role": "assistant", "content": ""}))];
    for key in ["reasoning_content", "content", "refusal"] {
        let text = message[key].as_str().unwrap_or_default();
        chunks.extend(pieces(text).into_iter().map(|piece| delta(json!({key: piece}))));
    }
    for (index, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let mut first = call.clone();
        first["index"] = json!(index);
        first["function"]["arguments"] = json!("");
        chunks.push(delta(json!({"tool_calls": [first]})));
        let arguments = call["function"]["arguments"].as_str().unwrap();
        chunks.extend(pieces(arguments).into_iter().map(|piece| {
            delta(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
        }));
    }
    chunks.push(chunk(json!([{"index": 0, "delta": {}, "finish_reason": finish}]), &Value::Null));
    if let Some(usage) = usage {
        chunks.push(chunk(json!([]), usage));
    }
    chunks.push(b"data: [DONE]\n\n".to_vec());
    chunks
}

fn response(body: &Value, items: &[Value], why: &str, usage: &Value) -> Value {
    let incomplete = !why.is_empty();
    json!({"id": "resp_1", "object": "response", "created_at": 1, "model": body["model"],
           "status": if incomplete { "incomplete" } else { "completed" },
           "incomplete_details": incomplete.then(|| json!({"reason": why})),
           "error": null, "output": items, "usage": usage})
}

/// The events of a response.
pub fn events(items: &[Value], response: &Value) -> Vec<Vec<u8>> {
    let mut number = 0;
    let mut event = |mut value: Value| {
        value["sequence_number"] = json!(number);
        number += 1;
        let kind = value["type"].as_str().unwrap().to_owned();
        format!("event: {kind}\ndata: {value}\n\n").into_bytes()
    };
    let mut begun = response.clone();
    (begun["output"], begun["usage"], begun["status"]) =
        (json!([]), Value::Null, json!("in_progress"));
    let mut events = vec![
        event(json!({"type": "response.created", "response": begun})),
        event(json!({"type": "response.in_progress", "response": begun})),
    ];
    for (index, item) in items.iter().enumerate() {
        let mut added = item.clone();
        let deltas = match item["type"].as_str().unwrap() {
            "message" => {
                added["content"] = json!([]);
                let text = item["content"][0]["text"].as_str().unwrap_or_default();
                pieces(text)
                    .into_iter()
                    .map(|piece| ("response.output_text.delta", piece))
                    .collect()
            }
            "function_call" => {
                added["arguments"] = json!("");
                let text = item["arguments"].as_str().unwrap();
                let kind = "response.function_call_arguments.delta";
                pieces(text).into_iter().map(|piece| (kind, piece)).collect()
            }
            _ => Vec::new(),
        };
        events.push(event(
            json!({"type": "response.output_item.added", "output_index": index, "item": added}),
        ));
        events.extend(deltas.into_iter().map(|(kind, piece)| {
            event(json!({"type": kind, "output_index": index, "item_id": "i", "content_index": 0, "delta": piece}))
        }));
        events.push(event(
            json!({"type": "response.output_item.done", "output_index": index, "item": item}),
        ));
    }
    let kind = format!("response.{}", response["status"].as_str().unwrap());
    events.push(event(json!({"type": kind, "response": response})));
    events
}

fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(23).map(|piece| piece.iter().collect()).collect()
}
