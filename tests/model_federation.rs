//! Claude's own API without a key: the job's identity is exchanged for a token,
//! against an API with its token endpoint and GitHub's issuer on loopback.

#[path = "support/anthropic.rs"]
mod anthropic;
#[path = "support/cloud.rs"]
mod cloud;
mod local_support;
#[path = "support/server.rs"]
#[allow(dead_code, reason = "a part is used")]
mod server;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pipewright::model::{Model, ModelError, Stop};
use pipewright::redact::Scrubber;
use pipewright::task::models;
use serde_json::json;

use cloud::{block_on, client, finding, request};
use server::{Reply, Request, Server};

struct State {
    log: Vec<Request>,
    wrong: Vec<String>,
    /// Tokens that the API takes.
    tokens: Vec<String>,
    issued: usize,
    /// Of a token, in seconds.
    life: u64,
    /// No token is taken.
    closed: bool,
    /// Failures of the token endpoint that come first.
    failing: Vec<u16>,
}

struct Api {
    server: Server,
    state: Arc<Mutex<State>>,
}

const RULE: [(&str, &str); 3] = [
    ("ANTHROPIC_FEDERATION_RULE_ID", "fdrl_01abc"),
    ("ANTHROPIC_ORGANIZATION_ID", "00000000-0000-4000-8000-000000000001"),
    ("ANTHROPIC_SERVICE_ACCOUNT_ID", "svac_01abc"),
];

impl Api {
    fn start() -> Self {
        let state = State {
            log: Vec::new(),
            wrong: Vec::new(),
            tokens: Vec::new(),
            issued: 0,
            life: 600,
            closed: false,
            failing: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| answer(&request, &mut shared.lock().unwrap()));
        Api { server, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn variables(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let base = ("ANTHROPIC_BASE_URL", self.server.url.as_str());
        let all = RULE.iter().chain([&base]).chain(more);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn github(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all = self.variables(more);
        all.extend(cloud::github_oidc_variables(&self.server.url));
        all
    }

    fn issued(&self) -> usize {
        self.state().issued
    }

    fn count(&self, path: &str) -> usize {
        self.state().log.iter().filter(|request| request.path() == path).count()
    }
}

fn model(variables: &[(String, String)]) -> Arc<dyn Model> {
    let inputs = cloud::inputs(variables.iter().map(|(n, v)| (n.as_str(), v.clone())));
    // A rule and an identity are as good as a key: nobody needs to name a model.
    models::of(&inputs, &client(), pipewright::inputs::Task::Review)
        .unwrap()
        .heavy
        .expect("a model")
}

fn answer(request: &Request, state: &mut State) -> Reply {
    state.log.push(request.clone());
    if let Some(reply) = cloud::github_oidc(request, state.issued) {
        return reply;
    }
    let error = |status: u16, kind: &str| {
        Reply::json(status, &json!({"type": "error", "error": {"type": kind, "message": kind}}))
    };
    match request.path() {
        "/v1/oauth/token" => {
            if let Some(status) = state.failing.pop() {
                return error(status, "overloaded_error");
            }
            token(request, state)
        }
        "/v1/messages" => {
            let bearer = request.header("authorization").unwrap_or_default();
            let token = bearer.strip_prefix("Bearer ").unwrap_or_default();
            if request.header("x-api-key").is_some() {
                state.wrong.push("a key as well".to_owned());
            }
            if request.header("anthropic-beta") != Some("oauth-2025-04-20") {
                state.wrong.push("not the beta that takes such tokens".to_owned());
            }
            if state.closed || !state.tokens.iter().any(|have| have == token) {
                return error(401, "authentication_error");
            }
            state.wrong.extend(anthropic::check_body(&request.json()));
            cloud::sse(&finding())
        }
        _ => error(404, "not_found_error"),
    }
}

fn token(request: &Request, state: &mut State) -> Reply {
    let body = request.json();
    let beta = request.header("anthropic-beta").unwrap_or_default();
    if !beta.split(',').any(|flag| flag == "oidc-federation-2026-04-01") {
        state.wrong.push("not the beta of the exchange".to_owned());
    }
    let known = [
        "grant_type",
        "assertion",
        "federation_rule_id",
        "organization_id",
        "service_account_id",
        "workspace_id",
    ];
    for key in body.as_object().unwrap().keys().filter(|key| !known.contains(&key.as_str())) {
        state.wrong.push(format!("an unknown field {key}"));
    }
    let matches = body["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        && body["federation_rule_id"] == RULE[0].1
        && body["organization_id"] == RULE[1].1
        && body["service_account_id"] == RULE[2].1
        && cloud::audience(body["assertion"].as_str().unwrap_or_default())
            == "https://api.anthropic.com";
    if !matches {
        let body = json!({"error": "invalid_grant", "error_description": "Token rejected"});
        return Reply::json(401, &body);
    }
    state.issued += 1;
    let token = format!("federated-access-token-{}", state.issued);
    state.tokens.push(token.clone());
    Reply::json(
        200,
        &json!({"access_token": token, "token_type": "Bearer", "expires_in": state.life}),
    )
}

fn works(model: &dyn Model) -> bool {
    block_on(model.ask(&request())).is_ok_and(|reply| reply.stop == Stop::ToolUse)
}

#[test]
fn githubs_identity_stands_for_a_key() {
    let api = Api::start();
    let model = model(&api.github(&[]));
    assert_eq!(model.name(), "anthropic:claude-sonnet-5-5");
    assert!(works(&*model) && works(&*model));
    assert_eq!(
        (api.count("/oidc"), api.count("/v1/oauth/token"), api.count("/v1/messages")),
        (1, 1, 2)
    );
    assert_eq!(api.state().wrong, [""; 0]);
    let text = "the token is federated-access-token-1.";
    assert_eq!(Scrubber::new([]).scrub(text), "the token is ***.");
}

#[test]
fn a_token_is_renewed_before_it_expires_and_when_it_is_refused() {
    let api = Api::start();
    api.state().life = 2;
    let model = model(&api.github(&[]));
    assert!(works(&*model));
    std::thread::sleep(Duration::from_millis(1_700));
    assert!(works(&*model));
    assert_eq!(api.issued(), 2);
    api.state().life = 600;
    api.state().tokens.clear();
    assert!(works(&*model));
    assert_eq!((api.issued(), api.count("/v1/messages")), (3, 4));
    // A token that is new and refused all the same is not asked for again and again.
    let closed = Api::start();
    let model = self::model(&closed.github(&[("ANTHROPIC_WORKSPACE_ID", "default")]));
    assert!(works(&*model));
    closed.state().closed = true;
    let error = block_on(model.ask(&request())).unwrap_err();
    assert!(matches!(error, ModelError::Denied(_)), "{error}");
    assert_eq!((closed.issued(), closed.count("/v1/messages")), (2, 3));
}

#[test]
fn every_source_of_the_identity_is_found() {
    let api = Api::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let token = |n| cloud::identity_token("https://api.anthropic.com", n);
    std::fs::write(&file, token(1)).unwrap();
    let path = file.display().to_string();
    for (name, value) in [
        ("ANTHROPIC_IDENTITY_TOKEN_FILE", path.clone()),
        ("ANTHROPIC_IDENTITY_TOKEN", token(2)),
        ("GITLAB_OIDC_TOKEN", token(3)),
    ] {
        assert!(works(&*model(&api.variables(&[(name, &value)]))), "{name}");
    }
    assert_eq!((api.issued(), api.count("/oidc")), (3, 0));
    // The file is read again for each exchange: the platform replaces it.
    let model = model(&api.variables(&[("ANTHROPIC_IDENTITY_TOKEN_FILE", &path)]));
    assert!(works(&*model));
    std::fs::write(&file, "").unwrap();
    api.state().tokens.clear();
    let error = block_on(model.ask(&request())).unwrap_err();
    assert!(error.to_string().contains("it holds no token"), "{error}");
}

#[test]
fn a_key_comes_first_and_half_a_rule_is_none() {
    let api = Api::start();
    let model = model(&api.github(&[("ANTHROPIC_API_KEY", "sk-ant-test-0123456789")]));
    let _ = block_on(model.ask(&request()));
    assert_eq!(api.count("/v1/oauth/token"), 0);
    let mut variables = api.github(&[]);
    variables.retain(|(name, _)| name != RULE[1].0);
    variables.retain(|(name, _)| name != "ANTHROPIC_BASE_URL");
    let inputs = cloud::inputs(variables.iter().map(|(n, v)| (n.as_str(), v.clone())));
    assert!(
        models::of(&inputs, &client(), pipewright::inputs::Task::Review).unwrap().heavy.is_none()
    );
}

#[test]
fn a_refused_exchange_says_what_to_compare() {
    let api = Api::start();
    let check = |variables: &[(String, String)], says: &str| {
        let error = block_on(model(variables).ask(&request())).unwrap_err();
        assert!(matches!(error, ModelError::Denied(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
        assert!(!text.contains("eyJ"), "{text}");
    };
    let audience = ("PIPEWRIGHT_ANTHROPIC_OIDC_AUDIENCE", "somebody-else");
    check(&api.github(&[audience]), "federation rule");
    check(&api.github(&[audience]), "anthropic_workspace_id");
    let mut stale = api.github(&[]);
    stale
        .iter_mut()
        .filter(|(name, _)| name.ends_with("REQUEST_TOKEN"))
        .for_each(|v| v.1 = "x".into());
    check(&stale, "id-token: write");
    assert_eq!(api.count("/v1/messages"), 0);
}

#[test]
fn a_token_endpoint_that_is_busy_is_asked_again() {
    let api = Api::start();
    api.state().failing = vec![503];
    assert!(works(&*model(&api.github(&[]))));
    assert_eq!(api.count("/v1/oauth/token"), 2);
}

#[test]
fn a_review_by_the_binary() {
    let Some(checkout) = cloud::checkout() else { return };
    let api = Api::start();
    let output = cloud::review(&checkout.path(), "claude-sonnet-5-5", &api.github(&[]));
    let secrets = ["federated-access-token-1", "github-request-token"];
    cloud::assert_reviewed(&output, "anthropic:claude-sonnet-5-5", &secrets);
    assert_eq!((api.issued(), api.count("/v1/oauth/token")), (1, 1));
    assert_eq!(api.state().wrong, [""; 0]);
}
