//! Vertex AI's client against Vertex, the token services and the metadata service
//! of Google Cloud, and GitHub's issuer, on loopback.

#[path = "support/anthropic.rs"]
mod anthropic;
#[path = "support/cloud.rs"]
mod cloud;
mod local_support;
#[path = "support/server.rs"]
#[allow(dead_code, reason = "a part is used")]
mod server;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pipewright::model::vertex::{Google, Issuers, Options, Vertex};
use pipewright::model::{Model, ModelError, Reply as Answer, Stop};
use pipewright::redact::Scrubber;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use cloud::{block_on, client, finding, message, request};
use server::{Reply, Request, Server, Wire};

const KEY: &str = include_str!("fixtures/keys/service_account.pem");
const OLD_KEY: &str = include_str!("fixtures/keys/service_account_pkcs1.pem");
const ACCOUNT: &str = "review@acme-ci.iam.gserviceaccount.com";
const PROVIDER: &str = "projects/1/locations/global/workloadIdentityPools/ci/providers/github";
const MODEL: &str = "claude-sonnet-4-5@20250929";

#[derive(Default)]
struct State {
    url: String,
    /// Replies to models' requests; Claude's finding where there are none.
    acts: VecDeque<Reply>,
    log: Vec<Request>,
    wrong: Vec<String>,
    tokens: Vec<String>,
    issued: usize,
    life: u64,
}

struct Cloud {
    server: Server,
    state: Arc<Mutex<State>>,
    folder: tempfile::TempDir,
}

impl Cloud {
    fn start() -> Self {
        let state = Arc::new(Mutex::new(State { life: 3_600, ..State::default() }));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| answer(&request, &mut shared.lock().unwrap()));
        state.lock().unwrap().url = server.url.clone();
        Cloud { server, state, folder: tempfile::tempdir().unwrap() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn count(&self, path: &str) -> usize {
        self.state().log.iter().filter(|request| request.path() == path).count()
    }

    fn asked(&self) -> Vec<Request> {
        let log = self.state().log.clone();
        log.into_iter().filter(|request| request.path().ends_with("RawPredict")).collect()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A credential file, and the variables that name it.
    fn with(&self, file: &Value) -> Vec<(&'static str, String)> {
        let path = self.file("credentials.json", &file.to_string());
        self.variables(&[("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap())])
    }

    fn variables(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("ANTHROPIC_VERTEX_BASE_URL", format!("{}/v1", self.server.url)),
            ("ANTHROPIC_VERTEX_PROJECT_ID", "acme-ci".to_owned()),
        ];
        all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        all
    }

    fn github(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut all = self.variables(more);
        all.push(("PIPEWRIGHT_GCP_WORKLOAD_IDENTITY_PROVIDER", PROVIDER.to_owned()));
        all.push(("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/oidc?v=2", self.server.url)));
        all.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "github-request-token".to_owned()));
        all
    }

    fn google(&self, variables: &[(&'static str, String)]) -> anyhow::Result<Google> {
        let url = &self.server.url;
        let issuers = Issuers { sts: format!("{url}/sts"), iam: url.clone() };
        let inputs = cloud::inputs(variables.iter().cloned());
        Google::with_issuers(&client(), &inputs.cloud, issuers)
    }

    fn model(&self, variables: &[(&'static str, String)]) -> Vertex {
        let options = Options {
            stall_timeout: Duration::from_millis(600),
            retry: cloud::retry(),
            ..Options::new(MODEL)
        };
        let google = Arc::new(self.google(variables).unwrap());
        Vertex::new(&client(), google, options).unwrap()
    }

    fn service_account(&self, key: &str) -> Value {
        json!({"type": "service_account", "project_id": "acme-ci", "private_key_id": "key-1",
               "private_key": key, "client_email": ACCOUNT,
               "token_uri": format!("{}/token", self.server.url)})
    }

    fn external(&self, source: Value) -> Value {
        json!({"type": "external_account", "universe_domain": "googleapis.com",
               "audience": format!("//iam.googleapis.com/{PROVIDER}"),
               "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
               "token_url": format!("{}/sts", self.server.url), "credential_source": source})
    }
}

fn issue(state: &mut State, kind: &str) -> String {
    state.issued += 1;
    let token = format!("gc-{kind}-token-{}", state.issued);
    state.tokens.push(token.clone());
    token
}

fn answer(request: &Request, state: &mut State) -> Reply {
    state.log.push(request.clone());
    if let Some(reply) = cloud::github_oidc(request, state.issued) {
        return reply;
    }
    let field = |name: &str| cloud::field(&request.body, name);
    let invalid =
        || Reply::json(400, &json!({"error": "invalid_grant", "error_description": "Bad"}));
    let impersonate = format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken");
    match request.path() {
        "/token" => {
            let right = match field("grant_type").as_str() {
                "refresh_token" => {
                    field("refresh_token") == "1//refresh-token"
                        && field("client_secret") == "d-client-secret"
                        && field("client_id") == "client-1"
                }
                "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                    let checked = check_assertion(&field("assertion"), &state.url);
                    state.wrong.extend(checked.clone().err());
                    checked.is_ok()
                }
                _ => false,
            };
            if !right {
                return invalid();
            }
            let (token, life) = (issue(state, "account"), state.life);
            Reply::json(
                200,
                &json!({"access_token": token, "expires_in": life, "token_type": "Bearer"}),
            )
        }
        "/sts" => {
            let right = field("grant_type") == "urn:ietf:params:oauth:grant-type:token-exchange"
                && field("audience") == format!("//iam.googleapis.com/{PROVIDER}")
                && field("scope") == "https://www.googleapis.com/auth/cloud-platform"
                && field("requested_token_type") == "urn:ietf:params:oauth:token-type:access_token"
                && field("subject_token_type") == "urn:ietf:params:oauth:token-type:jwt"
                && cloud::audience(&field("subject_token"))
                    == format!("https://iam.googleapis.com/{PROVIDER}");
            if !right {
                return invalid();
            }
            let (token, life) = (issue(state, "federated"), state.life);
            Reply::json(
                200,
                &json!({"access_token": token, "expires_in": life,
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}),
            )
        }
        path if path == impersonate => {
            let bearer = bearer(request);
            if !bearer.starts_with("gc-federated-token") || !state.tokens.contains(&bearer) {
                return Reply::json(403, &json!({"error": {"message": "Permission denied"}}));
            }
            if request.json()
                != json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "3600s"})
            {
                return invalid();
            }
            let (token, until) = (issue(state, "impersonated"), cloud::rfc3339(state.life));
            Reply::json(200, &json!({"accessToken": token, "expireTime": until}))
        }
        "/subject" if request.header("x-source") == Some("yes-please") => {
            let token = cloud::identity_token(&format!("https://iam.googleapis.com/{PROVIDER}"), 1);
            Reply::json(200, &json!({ "value": token }))
        }
        path if path.starts_with("/computeMetadata/v1/") => {
            if request.header("metadata-flavor") != Some("Google") {
                return Reply::new(403, "text/html", Vec::new());
            }
            match path.trim_start_matches("/computeMetadata/v1/") {
                "project/project-id" => Reply::new(200, "text/plain", b"acme-ci".to_vec()),
                "instance/service-accounts/default/token" => {
                    let (token, life) = (issue(state, "machine"), state.life);
                    Reply::json(200, &json!({"access_token": token, "expires_in": life}))
                }
                _ => Reply::new(404, "text/plain", Vec::new()),
            }
        }
        path if path.ends_with("RawPredict") => predict(request, state),
        _ => Reply::new(404, "text/plain", Vec::new()),
    }
}

fn bearer(request: &Request) -> String {
    let header = request.header("authorization").unwrap_or_default();
    header.strip_prefix("Bearer ").unwrap_or_default().to_owned()
}

fn predict(request: &Request, state: &mut State) -> Reply {
    let refuse = |code: u16, status: &str| {
        Reply::json(code, &json!([{"error": {"code": code, "message": status, "status": status}}]))
    };
    if !state.tokens.contains(&bearer(request)) {
        return refuse(401, "UNAUTHENTICATED");
    }
    let path = "/v1/projects/acme-ci/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict";
    if request.path() != path {
        return refuse(404, "NOT_FOUND");
    }
    let wrong = cloud::claude_violations(&request.json(), "vertex-2023-10-16");
    if request.json()["stream"] != true {
        state.wrong.push("no stream".to_owned());
    }
    if request.json().to_string().contains("\"strict\"") {
        state.wrong.push("strict tools, which a policy forbids".to_owned());
    }
    state.wrong.extend(wrong);
    state.acts.pop_front().unwrap_or_else(|| cloud::sse(&finding()))
}

/// What Google would find wrong with a service account's assertion: the
/// signature is checked with the public half of the test's key.
fn check_assertion(assertion: &str, url: &str) -> Result<(), String> {
    let (text, signature) = assertion.rsplit_once('.').ok_or("no JWT")?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "no base64".to_owned());
    let PrivateKeyDer::Pkcs8(der) = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap() else {
        panic!("the test's key is PKCS#8");
    };
    let pair = ring::rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    ring::signature::UnparsedPublicKey::new(
        &ring::signature::RSA_PKCS1_2048_8192_SHA256,
        pair.public(),
    )
    .verify(text.as_bytes(), &decode(signature)?)
    .map_err(|_| "the signature does not match".to_owned())?;
    let (header, claims) = text.split_once('.').ok_or("no claims")?;
    let json = |part| serde_json::from_slice::<Value>(&decode(part)?).map_err(|e| e.to_string());
    let (header, claims) = (json(header)?, json(claims)?);
    let now = jiff::Timestamp::now().as_second();
    let near = |value: &Value, at: i64| value.as_i64().is_some_and(|time| (time - at).abs() < 60);
    let right = header == json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"})
        && claims["iss"] == ACCOUNT
        && claims["aud"] == format!("{url}/token")
        && claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        && near(&claims["iat"], now)
        && near(&claims["exp"], now + 3_600);
    if right { Ok(()) } else { Err(format!("{header} {claims}")) }
}

fn ask(model: &Vertex) -> Result<Answer, ModelError> {
    block_on(model.ask(&request()))
}

fn works(model: &Vertex) -> bool {
    ask(model).is_ok_and(|reply| reply.stop == Stop::ToolUse)
}

#[test]
fn claude_is_asked_in_its_own_form_and_answers_by_events() {
    let cloud = Cloud::start();
    cloud.state().tokens.push("ya29.a-fixed-token".into());
    let model =
        cloud.model(&cloud.variables(&[("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.a-fixed-token")]));
    let reply = ask(&model).unwrap();
    assert_eq!(reply.stop, Stop::ToolUse);
    let usage = reply.usage;
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (1_110, 1_000, 20));
    assert!((usage.cost_usd - 0.001_005).abs() < 1e-9, "{}", usage.cost_usd);
    assert_eq!(model.name(), format!("vertex:{MODEL}"));
    let body = cloud.asked()[0].json();
    assert_eq!(body["system"][0]["cache_control"]["type"], "ephemeral");
    assert_eq!(cloud.state().wrong, [""; 0]);
}

#[test]
fn every_source_of_credentials_is_found() {
    let cloud = Cloud::start();
    let url = cloud.server.url.clone();
    let token = cloud::identity_token(&format!("https://iam.googleapis.com/{PROVIDER}"), 7);
    cloud.file("token.txt", &format!("{token}\n"));
    cloud.file("token.json", &json!({"access_token": token}).to_string());
    let json_field = |field: &str| json!({"type": "json", "subject_token_field_name": field});
    let by_url = json!({"url": format!("{url}/subject"), "headers": {"X-Source": "yes-please"},
                        "format": json_field("value")});
    let mut impersonated = cloud.external(by_url.clone());
    impersonated["service_account_impersonation_url"] =
        json!(format!("{url}/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"));
    let user = json!({"type": "authorized_user", "client_id": "client-1",
                      "client_secret": "d-client-secret", "refresh_token": "1//refresh-token",
                      "token_uri": format!("{url}/token")});
    let files = [
        ("account", cloud.service_account(KEY)),
        ("account", cloud.service_account(OLD_KEY)),
        ("account", user),
        ("federated", cloud.external(json!({"file": "token.txt"}))),
        (
            "federated",
            cloud.external(json!({"file": "token.json", "format": json_field("access_token")})),
        ),
        ("federated", cloud.external(by_url)),
        ("impersonated", impersonated),
    ];
    let check = |kind: &str, variables: &[(&'static str, String)]| {
        let reply = ask(&cloud.model(variables));
        assert!(reply.is_ok(), "{kind}: {reply:?}");
        let sent = bearer(cloud.asked().last().unwrap());
        assert!(sent.starts_with(&format!("gc-{kind}-token-")), "{kind}: {sent}");
    };
    for (kind, file) in files {
        check(kind, &cloud.with(&file));
    }
    check("federated", &cloud.github(&[]));
    check("impersonated", &cloud.github(&[("PIPEWRIGHT_GCP_SERVICE_ACCOUNT", ACCOUNT)]));
    let mut gitlab = cloud.variables(&[("GITLAB_OIDC_TOKEN", &token)]);
    gitlab.push((
        "PIPEWRIGHT_GCP_WORKLOAD_IDENTITY_PROVIDER",
        format!("//iam.googleapis.com/{PROVIDER}"),
    ));
    check("federated", &gitlab);
    // On a machine of Google's nothing needs to be said, not even the project.
    let mut machine = cloud.variables(&[("GCE_METADATA_HOST", url.trim_start_matches("http://"))]);
    machine.retain(|(name, _)| *name != "ANTHROPIC_VERTEX_PROJECT_ID");
    check("machine", &machine);
    assert_eq!(cloud.state().wrong, [""; 0]);
}

#[test]
fn an_assertion_by_another_key_or_with_other_claims_is_noticed() {
    let cloud = Cloud::start();
    assert!(works(&cloud.model(&cloud.with(&cloud.service_account(KEY)))));
    let log = cloud.state().log.clone();
    let sent = log.into_iter().find(|request| request.path() == "/token").unwrap();
    let assertion = cloud::field(&sent.body, "assertion");
    let url = cloud.server.url.clone();
    assert_eq!(check_assertion(&assertion, &url), Ok(()));
    let parts: Vec<&str> = assertion.split('.').collect();
    let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let claims = String::from_utf8(claims).unwrap().replace("review@", "admin@");
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims), parts[2]);
    assert_eq!(check_assertion(&forged, &url), Err("the signature does not match".to_owned()));
    // A key that is none is said to be none, without being repeated.
    let broken = KEY.replace("MII", "AAA");
    let error = ask(&cloud.model(&cloud.with(&cloud.service_account(&broken)))).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no RSA key") && !text.contains("BEGIN"), "{text}");
}

#[test]
fn a_token_is_kept_renewed_before_it_expires_and_when_it_is_refused() {
    let cloud = Cloud::start();
    cloud.state().life = 2;
    let model = cloud.model(&cloud.github(&[]));
    assert!(works(&model) && works(&model));
    assert_eq!((cloud.count("/sts"), cloud.count("/oidc")), (1, 1));
    std::thread::sleep(Duration::from_millis(1_700));
    assert!(works(&model));
    assert_eq!((cloud.count("/sts"), cloud.count("/oidc")), (2, 2));
    cloud.state().life = 3_600;
    cloud.state().tokens.clear();
    assert!(works(&model));
    assert_eq!((cloud.count("/sts"), cloud.asked().len()), (3, 5));
    assert_eq!(Scrubber::new([]).scrub("<gc-federated-token-3>"), "<***>");
}

#[test]
fn failures_say_what_to_do() {
    let refuse = |code: u16, status: &str, message: &str| {
        Reply::json(code, &json!({"error": {"code": code, "message": message, "status": status}}))
    };
    let check = |reply: Reply, kind: &str, says: &str| {
        let cloud = Cloud::start();
        cloud.state().acts.extend(std::iter::repeat_n(reply, 6));
        let error = ask(&cloud.model(&cloud.github(&[]))).unwrap_err();
        let found = match &error {
            ModelError::Denied(_) => "denied",
            ModelError::TooLong(_) => "too long",
            ModelError::Rejected(_) => "rejected",
            ModelError::Unavailable(_) => "unavailable",
            ModelError::Late(_) => "late",
        };
        assert_eq!(found, kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    };
    check(
        refuse(403, "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied"),
        "denied",
        "Vertex AI User",
    );
    check(refuse(404, "NOT_FOUND", "Publisher Model was not found"), "denied", "Model Garden");
    check(refuse(401, "UNAUTHENTICATED", "expired"), "denied", "id-token: write");
    check(
        refuse(400, "INVALID_ARGUMENT", "prompt is too long: 3 tokens > 2 maximum"),
        "too long",
        "too long",
    );
    check(refuse(400, "INVALID_ARGUMENT", "messages.0: bad"), "rejected", "messages.0");
    check(refuse(429, "RESOURCE_EXHAUSTED", "Quota exceeded"), "unavailable", "Quota");
    check(refuse(503, "UNAVAILABLE", "try later"), "unavailable", "try later");
}

#[test]
fn what_passes_is_tried_again() {
    let whole = cloud::sse(&finding());
    let overloaded = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n";
    let passing = [
        Reply::json(429, &json!({"error": {"code": 429, "message": "slow down"}})),
        Reply::json(503, &json!({})),
        Reply { wire: Wire::Half, ..whole.clone() },
        Reply { wire: Wire::Nothing, ..whole },
        Reply::new(200, "text/event-stream", overloaded.to_vec()),
    ];
    for reply in passing {
        let cloud = Cloud::start();
        cloud.state().acts.push_back(reply.clone());
        assert!(works(&cloud.model(&cloud.github(&[]))), "{reply:?}");
        assert_eq!(cloud.asked().len(), 2);
    }
    // A gateway that does not stream is understood as well.
    let cloud = Cloud::start();
    cloud.state().acts.push_back(Reply::json(
        200,
        &message(json!([{"type": "text", "text": "Fine."}]), "end_turn"),
    ));
    assert_eq!(ask(&cloud.model(&cloud.github(&[]))).unwrap().stop, Stop::EndTurn);
}

#[test]
fn what_cannot_work_is_said_before_anything_is_asked() {
    let cloud = Cloud::start();
    let check = |variables: Vec<(&'static str, String)>, says: &str| {
        let text = format!("{:#}", cloud.google(&variables).err().expect("an error"));
        assert!(text.contains(says), "{text}");
    };
    let fixed = ("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.a-fixed-token");
    let mut nowhere = cloud.variables(&[fixed]);
    nowhere.retain(|(name, _)| *name != "ANTHROPIC_VERTEX_PROJECT_ID");
    check(nowhere, "vertex_project");
    check(
        cloud.variables(&[("RUNNER_ENVIRONMENT", "github-hosted")]),
        "gcp_workload_identity_provider",
    );
    check(
        cloud.variables(&[("PIPEWRIGHT_GCP_WORKLOAD_IDENTITY_PROVIDER", PROVIDER)]),
        "id-token: write",
    );
    check(cloud.variables(&[fixed, ("CLOUD_ML_REGION", "evil.example/x")]), "not a region");
    check(
        cloud.variables(&[
            fixed,
            ("GOOGLE_CLOUD_PROJECT", "x"),
            ("PIPEWRIGHT_VERTEX_PROJECT", "../x"),
        ]),
        "not a project",
    );
    check(cloud.with(&cloud.external(json!({"executable": {"command": "x"}}))), "a program to run");
    let google = Arc::new(cloud.google(&cloud.variables(&[fixed])).unwrap());
    for name in ["google/gemini-3-pro", "claude-x/../../y", ""] {
        assert!(Vertex::new(&client(), Arc::clone(&google), Options::new(name)).is_err(), "{name}");
    }
    assert_eq!(cloud.state().log.len(), 0);
}

#[test]
fn google_s_own_models_have_an_address_and_a_token() {
    let cloud = Cloud::start();
    let mut variables = cloud.github(&[("PIPEWRIGHT_VERTEX_REGION", "europe-west1")]);
    variables.retain(|(name, _)| *name != "ANTHROPIC_VERTEX_BASE_URL");
    let google = cloud.google(&variables).unwrap();
    let (url, token) = block_on(async {
        (google.openai_base_url().await.unwrap(), google.token().await.unwrap())
    });
    assert_eq!(
        url.as_str(),
        "https://europe-west1-aiplatform.googleapis.com/v1/projects/acme-ci/locations/europe-west1/endpoints/openapi"
    );
    assert_eq!(token.expose(), "gc-federated-token-1");
}

#[test]
fn a_review_by_the_binary() {
    let Some(checkout) = cloud::checkout() else { return };
    let cloud = Cloud::start();
    let mut external = cloud.external(json!({
        "url": format!("{}/oidc?v=2&audience=https%3A%2F%2Fiam.googleapis.com%2F{}", cloud.server.url, PROVIDER.replace('/', "%2F")),
        "headers": {"Authorization": "Bearer github-request-token"},
        "format": {"type": "json", "subject_token_field_name": "value"},
    }));
    external["service_account_impersonation_url"] = json!(format!(
        "{}/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken",
        cloud.server.url
    ));
    for file in [cloud.service_account(KEY), external] {
        let variables: Vec<(String, String)> =
            cloud.with(&file).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let model = format!("vertex:{MODEL}");
        let output = cloud::review(&checkout.path(), &model, &variables);
        let secrets = ["gc-account-token-1", "gc-federated-token-2", "gc-impersonated-token-3"];
        cloud::assert_reviewed(&output, &model, &secrets);
    }
    assert_eq!(cloud.state().wrong, [""; 0]);
    assert_eq!(cloud.state().issued, 3);
}
