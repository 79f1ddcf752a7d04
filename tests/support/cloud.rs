//! What the tests of clouds share: replies in each framing, an independent check
//! of signatures, a request to ask, a small checkout to review.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pipewright::http::{Client, Config, Retry};
use pipewright::inputs::{Cloud, Env, Inputs};
use pipewright::model::findings::report_findings_tool;
use pipewright::model::{Content, Message, Request, Role, SystemBlock, Tool, ToolChoice};
use serde_json::{Value, json};

use super::anthropic::{check_body, events};
use super::local_support::{Scratch, scratch};
use super::server;

/// A reply of Claude's: blocks and the reason it stopped.
pub fn message(content: Value, stop: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
           "content": content, "stop_reason": stop, "stop_sequence": null,
           "usage": {"input_tokens": 10, "cache_creation_input_tokens": 100,
                     "cache_read_input_tokens": 1_000, "output_tokens": 20}})
}

/// A finding through `report_findings`, as Claude answers.
pub fn finding() -> Value {
    let input = json!({"summary": "A change.", "findings": [super::anthropic::finding(
        "src/total.rs", 2, "    items[0] + items[1]", "Panics when empty")]});
    message(
        json!([{"type": "text", "text": "Let me see."},
               {"type": "tool_use", "id": "toolu_1", "name": "report_findings", "input": input}]),
        "tool_use",
    )
}

/// The events of a reply as JSON, without their framing.
pub fn datas(message: &Value) -> Vec<String> {
    let data = |event: &Vec<u8>| {
        let text = String::from_utf8(event.clone()).unwrap();
        text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap().to_owned()
    };
    events(message).iter().map(data).collect()
}

/// The reply as server-sent events.
pub fn sse(message: &Value) -> server::Reply {
    server::Reply::new(200, "text/event-stream", events(message).concat())
}

/// A message of Amazon's event stream.
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(name.len() as u8);
        head.extend_from_slice(name.as_bytes());
        head.push(7);
        head.extend_from_slice(&(value.len() as u16).to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&((16 + head.len() + payload.len()) as u32).to_be_bytes());
    bytes.extend_from_slice(&(head.len() as u32).to_be_bytes());
    bytes.extend_from_slice(&crc(&bytes).to_be_bytes());
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc(&bytes).to_be_bytes());
    bytes
}

/// CRC 32 of IEEE 802.3, bit by bit: another way than the program's.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

/// An event.
pub fn event(kind: &str, payload: &Value) -> Vec<u8> {
    let headers =
        [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    frame(&headers, payload.to_string().as_bytes())
}

/// An exception.
pub fn exception(kind: &str, message: &str) -> Vec<u8> {
    let headers = [
        (":exception-type", kind),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    frame(&headers, json!({ "message": message }).to_string().as_bytes())
}

/// Claude's events as Bedrock frames them, with its padding.
pub fn chunks(message: &Value) -> Vec<Vec<u8>> {
    let chunk =
        |data: String| event("chunk", &json!({"bytes": STANDARD.encode(data), "p": "abcd"}));
    datas(message).into_iter().map(chunk).collect()
}

/// What is wrong with a request to Claude through a cloud.
pub fn claude_violations(body: &Value, version: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut body = body.clone();
    let Some(fields) = body.as_object_mut() else { return vec!["no object".to_owned()] };
    if fields.remove("anthropic_version") != Some(json!(version)) {
        wrong.push("not the platform's anthropic_version".to_owned());
    }
    if fields.contains_key("model") {
        wrong.push("the body names the model".to_owned());
    }
    fields.insert("model".to_owned(), json!("claude-sonnet-4-6"));
    fields.insert("stream".to_owned(), json!(true));
    wrong.extend(check_body(&body));
    wrong
}

/// Keys that a fake has handed out.
#[derive(Clone, Debug)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

/// Computes a request's signature anew from what came over the wire; `Err` says
/// what AWS would find wrong.
pub fn verify_sigv4(request: &server::Request, keys: &[Keys], scope: &str) -> Result<(), String> {
    let header = |name: &str| request.header(name).unwrap_or_default();
    let authorization = header("authorization");
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("no signature")?;
    let part = |name: &str| {
        rest.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or("")
    };
    let (id, credential) = part("Credential").split_once('/').ok_or("no credential")?;
    let keys = keys.iter().find(|keys| keys.id == id).ok_or("unknown key")?;
    let time = header("x-amz-date");
    let day = time.get(..8).ok_or("no date")?;
    let sent: jiff::Timestamp = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &day[..4],
        &day[4..6],
        &day[6..],
        &time[9..11],
        &time[11..13],
        &time[13..15]
    )
    .parse()
    .map_err(|_| "no date")?;
    if (jiff::Timestamp::now().as_second() - sent.as_second()).abs() > 300 {
        return Err("the date is not now".to_owned());
    }
    if credential != format!("{day}/{scope}/aws4_request") {
        return Err(format!("signed for {credential}"));
    }
    if request.header("x-amz-security-token") != keys.token.as_deref() {
        return Err("not the key's session token".to_owned());
    }
    let signed = part("SignedHeaders");
    let names: Vec<&str> = signed.split(';').collect();
    for must in ["host", "content-type", "x-amz-date"] {
        if !names.contains(&must) {
            return Err(format!("{must} is not signed"));
        }
    }
    let loose = request
        .headers
        .iter()
        .find(|(name, _)| name.starts_with("x-amz") && !names.contains(&name.as_str()));
    if let Some((name, _)) = loose {
        return Err(format!("{name} is not signed"));
    }
    let path: Vec<String> = request.path().split('/').map(encode).collect();
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let lines: String =
        names.iter().map(|name| format!("{name}:{}\n", header(name).trim())).collect();
    let canonical = format!(
        "{}\n{}\n{query}\n{lines}\n{signed}\n{}",
        request.method,
        path.join("/"),
        sha256(&request.body)
    );
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{credential}\n{}", sha256(canonical.as_bytes()));
    let mut key = format!("AWS4{}", keys.secret).into_bytes();
    for part in credential.split('/') {
        key = hmac(&key, part.as_bytes());
    }
    let expect = hex(&hmac(&key, text.as_bytes()));
    if part("Signature") == expect {
        Ok(())
    } else {
        Err("the signature does not match".to_owned())
    }
}

fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            (byte as char).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}

/// RFC 2104 over SHA-256, from its definition.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    let mut block = [0u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&sha2::Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = sha2::Sha256::digest([&padded(0x36)[..], text].concat());
    sha2::Sha256::digest([&padded(0x5c)[..], &inner[..]].concat()).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A time so many seconds from now, as clouds write it.
pub fn rfc3339(seconds: u64) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(seconds);
    jiff::Timestamp::from_second(time.as_secs() as i64).unwrap().to_string()
}

/// The fields of a form.
pub fn form(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body).replace('+', " ");
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (server::decode(name), server::decode(value))
    };
    text.split('&').map(pair).collect()
}

/// A field of a form.
pub fn field(body: &[u8], name: &str) -> String {
    form(body)
        .into_iter()
        .find(|(have, _)| have == name)
        .map(|(_, value)| value)
        .unwrap_or_default()
}

/// An identity token as a CI host signs it: readable, signed by nobody.
pub fn identity_token(audience: &str, number: usize) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "https://token.actions.githubusercontent.com", "aud": audience,
                        "sub": "repo:acme/widgets:pull_request", "jti": number});
    format!("{}.{}.c2lnbmF0dXJl", part(json!({"alg": "RS256"})), part(claims))
}

/// The audience of such a token.
pub fn audience(token: &str) -> String {
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    claims["aud"].as_str().unwrap_or_default().to_owned()
}

/// GitHub's issuer at `/oidc`; `None` if the request is for something else.
pub fn github_oidc(request: &server::Request, number: usize) -> Option<server::Reply> {
    if request.path() != "/oidc" {
        return None;
    }
    if request.header("authorization") != Some("Bearer github-request-token") {
        return Some(server::Reply::json(401, &json!({"message": "who are you?"})));
    }
    let audience = request.query("audience").unwrap_or_default();
    Some(server::Reply::json(200, &json!({"value": identity_token(&audience, number)})))
}

/// What a job is given for [`github_oidc`].
pub fn github_oidc_variables(url: &str) -> [(String, String); 2] {
    [
        ("ACTIONS_ID_TOKEN_REQUEST_URL".into(), format!("{url}/oidc?api-version=2.0")),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN".into(), "github-request-token".into()),
    ]
}

/// What the program makes of these variables.
pub fn inputs<'a>(variables: impl IntoIterator<Item = (&'a str, String)>) -> Inputs {
    let env = Env::from_vars(variables);
    Inputs::gather([], env).resolve(None).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The clouds among them.
pub fn cloud<'a>(variables: impl IntoIterator<Item = (&'a str, String)>) -> Cloud {
    inputs(variables).cloud
}

/// A client without patience.
pub fn client() -> Client {
    Client::new(Config { retry: retry(), ..Config::default() }).unwrap()
}

/// Waits that a test can afford.
pub fn retry() -> Retry {
    Retry {
        attempts: 3,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
        limit_wait: Duration::from_millis(5),
        longest_limit_wait: Duration::from_secs(3),
    }
}

/// Run a future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A request as a review makes it: a prefix worth caching, tools, a result.
pub fn request() -> Request {
    let text = |text: &str| Content::Text { text: text.to_owned(), cache: false };
    Request {
        system: vec![SystemBlock { text: "Review the change.".into(), cache: true }],
        messages: vec![
            Message { role: Role::User, content: vec![text("The change: é\u{1F600}")] },
            Message {
                role: Role::Assistant,
                content: vec![
                    text("I will look."),
                    Content::ToolUse {
                        id: "toolu_1".into(),
                        name: "read_file".into(),
                        input: json!({"path": "a"}),
                    },
                ],
            },
            Message {
                role: Role::User,
                content: vec![Content::ToolResult {
                    id: "toolu_1".into(),
                    text: "fn a() {}".into(),
                    is_error: false,
                }],
            },
        ],
        tools: vec![
            Tool {
                name: "read_file".into(),
                description: "Read a file.".into(),
                input_schema: json!({"type": "object", "properties": {"path": {"type": "string"}},
                                     "required": ["path"]}),
            },
            report_findings_tool(),
        ],
        tool_choice: ToolChoice::Tool("report_findings".into()),
        max_tokens: 4_000,
    }
}

/// A checkout with a change that [`finding`] is about; `None` without git.
pub fn checkout() -> Option<Scratch> {
    let scratch = scratch()?;
    let code = "pub fn total(items: &[u32]) -> u32 {\n    items.iter().sum()\n}\n";
    scratch.write("src/total.rs", code).commit("Add total");
    scratch.git(&["checkout", "-q", "-b", "feature"]);
    scratch
        .write("src/total.rs", code.replace("items.iter().sum()", "items[0] + items[1]"))
        .commit("Be quick");
    Some(scratch)
}

/// `pipewright review` by the binary in a checkout.
pub fn review(folder: &Path, model: &str, variables: &[(String, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipewright"));
    command.env_clear().current_dir(folder).env("HOME", folder.join("../home"));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.args(["review", "--base", "main", "--model", model, "--format", "json"]);
    command.output().expect("the binary starts")
}

/// What a review must have come to: [`finding`], by this model, without a secret.
pub fn assert_reviewed(output: &Output, model: &str, secrets: &[&str]) {
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
    assert_eq!(report["model"], model, "{stderr}");
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().any(|f| f["title"] == "Panics when empty" && f["line"] == 2);
    assert!(found, "{report:#}\n{stderr}");
    for secret in secrets {
        assert!(!stdout.contains(secret) && !stderr.contains(secret), "{secret} is told");
    }
}
