//! Amazon on loopback: Bedrock's runtime, a token service, container and
//! instance credentials. Every signature is computed anew; every body is held
//! to what the API takes.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pipewright::model::bedrock::{Bedrock, Options};
use serde_json::{Value, json};

use super::cloud::{self, Keys, client, event, verify_sigv4};
use super::server::{self, Reply, Request, Server, Wire};

pub const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
pub const NOVA: &str = "eu.amazon.nova-pro-v1:0";
pub const PROFILE: &str =
    "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/ab12cd34ef56";

#[derive(Clone)]
pub enum Act {
    Frames(Vec<Vec<u8>>),
    Json(Value),
    Refuse(u16, &'static str, &'static str),
    Broken(Wire, Vec<Vec<u8>>),
}

#[derive(Default)]
pub struct State {
    pub acts: VecDeque<Act>,
    pub log: Vec<Request>,
    pub wrong: Vec<String>,
    pub keys: Vec<Keys>,
    pub bearer: Option<String>,
    /// Of temporary keys, in seconds.
    pub life: u64,
    pub issued: usize,
}

pub struct Aws {
    pub server: Server,
    pub state: Arc<Mutex<State>>,
}

impl Aws {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State { life: 3_600, ..State::default() }));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| answer(&request, &mut shared.lock().unwrap()));
        Aws { server, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn act(&self, act: Act) -> &Self {
        self.state().acts.push_back(act);
        self
    }

    pub fn acts(&self, times: usize, act: Act) {
        self.state().acts.extend(std::iter::repeat_n(act, times));
    }

    pub fn keys(&self) -> &Self {
        let keys = Keys { id: "AKIATEST".into(), secret: "static/Secret+Key".into(), token: None };
        self.state().keys.push(keys);
        self
    }

    /// Requests to models.
    pub fn asked(&self) -> Vec<Request> {
        let log = self.state().log.clone();
        log.into_iter().filter(|request| request.path().starts_with("/model/")).collect()
    }

    pub fn variables(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let url = self.server.url.clone();
        let mut all = vec![
            ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url.clone()),
            ("AWS_ENDPOINT_URL_STS", url),
            ("AWS_REGION", "eu-west-1".to_owned()),
        ];
        all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        all
    }

    pub fn model(&self, model: &str, more: &[(&'static str, &str)]) -> Bedrock {
        let options = Options {
            stall_timeout: Duration::from_millis(600),
            retry: cloud::retry(),
            ..Options::new(model)
        };
        Bedrock::new(&client(), &cloud::cloud(self.variables(more)), options).unwrap()
    }

    pub fn signed(&self, model: &str) -> Bedrock {
        self.keys();
        self.model(model, &STATIC)
    }
}

pub const STATIC: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "static/Secret+Key")];

pub fn answer(request: &Request, state: &mut State) -> Reply {
    state.log.push(request.clone());
    if let Some(reply) = cloud::github_oidc(request, state.issued) {
        return reply;
    }
    match (request.method.as_str(), request.path()) {
        ("POST", "/") => assume(request, state),
        ("GET", "/container") if request.header("authorization") != Some("container-token") => {
            Reply::json(401, &json!({"message": "no"}))
        }
        ("GET", "/container") => handed(state),
        ("PUT", "/latest/api/token") => {
            let life = request.header("x-aws-ec2-metadata-token-ttl-seconds").is_some();
            Reply::new(if life { 200 } else { 400 }, "text/plain", b"metadata-token-1".to_vec())
        }
        ("GET", path) if path.starts_with("/latest/") => {
            if request.header("x-aws-ec2-metadata-token") != Some("metadata-token-1") {
                return Reply::new(401, "text/plain", Vec::new());
            }
            match path.strip_prefix("/latest/meta-data/iam/security-credentials/") {
                Some("") => Reply::new(200, "text/plain", b"build-role\n".to_vec()),
                Some("build-role") => handed(state),
                _ => Reply::new(404, "text/plain", Vec::new()),
            }
        }
        ("POST", path) if path.starts_with("/model/") => runtime(request, state),
        _ => Reply::new(404, "text/plain", Vec::new()),
    }
}

pub fn issue(state: &mut State) -> Keys {
    state.issued += 1;
    let n = state.issued;
    let keys = Keys {
        id: format!("ASIATEMP{n}"),
        secret: format!("temporary/Secret+{n}"),
        token: Some(format!("FwoGZXIvYXdzEJr//session-token-{n}==")),
    };
    state.keys.push(keys.clone());
    keys
}

pub fn handed(state: &mut State) -> Reply {
    let keys = issue(state);
    Reply::json(
        200,
        &json!({"AccessKeyId": keys.id, "SecretAccessKey": keys.secret, "Token": keys.token,
                "Expiration": cloud::rfc3339(state.life), "Code": "Success"}),
    )
}

pub fn assume(request: &Request, state: &mut State) -> Reply {
    let field = |name| cloud::field(&request.body, name);
    let token = field("WebIdentityToken");
    let right = field("Action") == "AssumeRoleWithWebIdentity"
        && field("Version") == "2011-06-15"
        && field("RoleArn") == "arn:aws:iam::123456789012:role/review"
        && field("RoleSessionName") == "pipewright"
        && cloud::audience(&token) == "sts.amazonaws.com";
    if !right {
        let body = "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>Not \
                    authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>";
        return Reply::new(400, "text/xml", body.as_bytes().to_vec());
    }
    let keys = issue(state);
    let body = format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n\
         <AssumeRoleWithWebIdentityResult>\n<Credentials>\n<SessionToken>{}</SessionToken>\n\
         <SecretAccessKey>{}</SecretAccessKey>\n<Expiration>{}</Expiration>\n\
         <AccessKeyId>{}</AccessKeyId>\n</Credentials>\n</AssumeRoleWithWebIdentityResult>\n\
         </AssumeRoleWithWebIdentityResponse>",
        keys.token.unwrap_or_default(),
        keys.secret,
        cloud::rfc3339(state.life),
        keys.id,
    );
    Reply::new(200, "text/xml", body.into_bytes())
}

pub fn refuse(status: u16, name: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "message": message }))
        .with("x-amzn-errortype", &format!("{name}:http://internal.amazon.com/coral/"))
}

pub fn runtime(request: &Request, state: &mut State) -> Reply {
    let bearer = request.header("authorization").and_then(|a| a.strip_prefix("Bearer "));
    let is_key = bearer.is_some() && bearer == state.bearer.as_deref();
    let signed = || verify_sigv4(request, &state.keys, "eu-west-1/bedrock");
    if let Some(why) = (!is_key).then(signed).and_then(Result::err) {
        let name = match why.as_str() {
            "unknown key" => "ExpiredTokenException",
            "no signature" => "AccessDeniedException",
            _ => "InvalidSignatureException",
        };
        return refuse(403, name, &why);
    }
    let segments: Vec<&str> = request.path().split('/').collect();
    let [_, "model", model, operation] = segments[..] else {
        return refuse(404, "UnknownOperationException", "");
    };
    let wrong = match operation {
        "invoke-with-response-stream" => {
            cloud::claude_violations(&request.json(), "bedrock-2023-05-31")
        }
        "converse-stream" | "converse" => converse_violations(&request.json()),
        _ => vec![format!("no operation {operation}")],
    };
    let model = server::decode(model);
    let known = [CLAUDE, NOVA, PROFILE, "meta.llama4-maverick-17b-instruct-v1:0"];
    if !known.contains(&model.as_str()) {
        return refuse(404, "ResourceNotFoundException", "no such model");
    }
    if !wrong.is_empty() {
        state.wrong.extend(wrong.iter().cloned());
        return refuse(400, "ValidationException", &wrong.join("; "));
    }
    let stream = |frames: Vec<Vec<u8>>, wire: Wire| {
        let kind = "application/vnd.amazon.eventstream";
        Reply { wire, ..Reply::new(200, kind, frames.concat()) }
    };
    match state.acts.pop_front() {
        Some(Act::Frames(frames)) => stream(frames, Wire::Chunked),
        Some(Act::Broken(wire, frames)) => stream(frames, wire),
        Some(Act::Json(value)) => Reply::json(200, &value),
        Some(Act::Refuse(status, name, message)) => refuse(status, name, message),
        None => refuse(400, "ValidationException", "the script expects no request"),
    }
}

/// What the API's description (2023-09-30) would refuse, as far as we use it.
pub fn converse_violations(body: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let only = |value: &Value, allowed: &[&str], wrong: &mut Vec<String>| {
        for key in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
            if !allowed.contains(&key.as_str()) {
                wrong.push(format!("a key `{key}`"));
            }
        }
    };
    only(body, &["messages", "system", "inferenceConfig", "toolConfig"], &mut wrong);
    only(&body["toolConfig"], &["tools", "toolChoice"], &mut wrong);
    only(&body["toolConfig"]["toolChoice"], &["auto", "any", "tool"], &mut wrong);
    only(&body["inferenceConfig"], &["maxTokens"], &mut wrong);
    if body["inferenceConfig"]["maxTokens"].as_u64().is_none_or(|tokens| tokens > 10_000) {
        wrong.push("more tokens than the model gives".to_owned());
    }
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for tool in list(&body["toolConfig"]["tools"]) {
        only(&tool, &["toolSpec"], &mut wrong);
        only(&tool["toolSpec"], &["name", "description", "inputSchema"], &mut wrong);
        only(&tool["toolSpec"]["inputSchema"], &["json"], &mut wrong);
    }
    let messages = list(&body["messages"]);
    let turns = messages.iter().flat_map(|message| list(&message["content"]));
    for block in list(&body["system"]).into_iter().chain(turns) {
        let kinds = ["text", "toolUse", "toolResult", "cachePoint", "reasoningContent"];
        only(&block, &kinds, &mut wrong);
        if block["text"].as_str().is_some_and(|text| text.trim().is_empty()) {
            wrong.push("a blank text".to_owned());
        }
        if !block["toolUse"].is_null() && !block["toolUse"]["input"].is_object() {
            wrong.push("a call without an object".to_owned());
        }
        if !block["toolResult"].is_null() && list(&block["toolResult"]["content"]).is_empty() {
            wrong.push("an empty result".to_owned());
        }
    }
    if body.to_string().matches("cachePoint").count() > 4 {
        wrong.push("more than 4 cache points".to_owned());
    }
    wrong
}

/// A reply of Converse's as events: a text, a call, reasoning before both.
pub fn converse_events() -> Vec<Vec<u8>> {
    let delta = |index: u64, delta: Value| {
        event("contentBlockDelta", &json!({"contentBlockIndex": index, "delta": delta, "p": "ab"}))
    };
    vec![
        event("messageStart", &json!({"role": "assistant", "p": "abc"})),
        delta(0, json!({"reasoningContent": {"text": "Hm"}})),
        delta(0, json!({"reasoningContent": {"text": "m."}})),
        delta(0, json!({"reasoningContent": {"signature": "c2ln"}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 0})),
        delta(1, json!({"text": "Let me "})),
        delta(1, json!({"text": "see. é"})),
        event("contentBlockStop", &json!({"contentBlockIndex": 1})),
        event(
            "contentBlockStart",
            &json!({"contentBlockIndex": 2, "start":
            {"toolUse": {"toolUseId": "t_1", "name": "report_findings"}}}),
        ),
        delta(2, json!({"toolUse": {"input": "{\"summary\": \"A ch"}})),
        delta(2, json!({"toolUse": {"input": "ange.\", \"findings\": []}"}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 2})),
        event("messageStop", &json!({"stopReason": "tool_use"})),
        event("somethingNew", &json!({})),
        event(
            "metadata",
            &json!({"usage": {"inputTokens": 10, "outputTokens": 20,
            "totalTokens": 1_130, "cacheReadInputTokens": 1_000, "cacheWriteInputTokens": 100},
            "metrics": {"latencyMs": 5}}),
        ),
    ]
}
