//! GitHub's custom deployment protection rules: the webhook is answered at once, the
//! decision goes back by the API.
//!
//! `proceed` approves, `rollback` rejects. Anything else, an error included, leaves the
//! deployment waiting, with a comment that says why.
//! <https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/create-custom-protection-rules>,
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#deployment_protection_rule>

use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::answer::{Gate, Refusal, reply};
use super::judge::{Ask, judge};
use super::params::{Params, is_safe};
use crate::http::{self, Credential, Repeat, Url, is_loopback};
use crate::redact::shorten;

/// Longest comment, in characters.
const COMMENT: usize = 1_000;

/// What is read of the payload.
#[derive(Debug, Deserialize)]
struct Payload {
    action: String,
    environment: String,
    deployment_callback_url: String,
    #[serde(default)]
    deployment: Option<Deployment>,
    repository: Repository,
}

#[derive(Debug, Deserialize)]
struct Deployment {
    id: u64,
    #[serde(default)]
    sha: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Repository {
    name: String,
    full_name: String,
}

/// A deployment that waits, and where its answer goes.
struct Waiting {
    callback: Url,
    environment: String,
    params: Params,
}

/// Take on a delivery.
pub async fn asked(State(app): State<Arc<App>>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    match taken_on(&app, request, &query).await {
        Ok(Some(waiting)) => {
            let ours = Arc::clone(&app);
            app.go_on_with(async move { answer(&ours, waiting).await });
            reply(StatusCode::ACCEPTED, json!({"status": "deciding"}).to_string())
        }
        Ok(None) => reply(StatusCode::OK, json!({"status": "ignored"}).to_string()),
        Err(refusal) => refusal.into_response(),
    }
}

/// Check a delivery. `None` for an event that is not for us.
async fn taken_on(
    app: &Arc<App>,
    request: Request,
    query: &str,
) -> Result<Option<Waiting>, Refusal> {
    let (headers, body) = app.door.enter_signed(request).await?;
    let event = text(&headers, "x-github-event");
    if event != Some("deployment_protection_rule") {
        return Ok(None);
    }
    let delivery = text(&headers, "x-github-delivery").filter(|delivery| is_safe(delivery));
    let delivery = delivery.ok_or_else(|| Refusal::wrong("X-GitHub-Delivery is missing"))?;
    let payload: Payload = serde_json::from_slice(&body)
        .map_err(|_| Refusal::wrong("the payload is not that of deployment_protection_rule"))?;
    if payload.action != "requested" {
        return Ok(None);
    }
    if app.inputs.github_token.is_none() {
        return Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "there is no `github_token` to answer with",
        ));
    }
    let api = &app.inputs.host.api_url;
    let callback = callback(&payload.deployment_callback_url, api, &payload.repository.full_name)
        .map_err(|why| Refusal::wrong(format!("{why:#}")))?;
    let mut params = super::argo::params(query, b"")?;
    if params.service.is_none() && is_safe(&payload.repository.name) && app.specs.are_named() {
        params.service = Some(payload.repository.name);
    }
    if let Some(deployment) = payload.deployment {
        params.id.get_or_insert_with(|| deployment.id.to_string());
        params.version = params.version.or(deployment.sha.filter(|sha| is_safe(sha)));
    }
    // Found out now rather than in a comment.
    app.specs.find(params.service.as_deref())?;
    if !app.seen.take(&format!("github {delivery}")) {
        return Err(Refusal::new(StatusCode::CONFLICT, "this delivery was here before"));
    }
    Ok(Some(Waiting { callback, environment: payload.environment, params }))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The address that the answer and the token go to. It comes from outside, so it has to
/// be, letter by letter, what GitHub's own would be for that repository.
fn callback(given: &str, api: &str, repository: &str) -> anyhow::Result<Url> {
    let api = Url::parse(api).context("the address of GitHub's API is none")?;
    let url = Url::parse(given).context("`deployment_callback_url` is no address")?;
    let is_readable_on_the_way = api.scheme() != "https" && !is_loopback(&api);
    let base = api.path().trim_end_matches('/');
    let is_name = |part: &str| {
        let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !part.is_empty() && part.chars().all(safe) && part.chars().any(|c| c != '.')
    };
    let named =
        repository.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name));
    let run = url
        .path()
        .strip_prefix(&format!("{base}/repos/{repository}/actions/runs/"))
        .and_then(|rest| rest.strip_suffix("/deployment_protection_rule"));
    let is_run =
        run.is_some_and(|run| !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_digit()));
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if is_readable_on_the_way || url.origin() != api.origin() || !named || !is_run || !is_bare {
        bail!("`deployment_callback_url` does not belong to the API of GitHub that is set up here");
    }
    Ok(url)
}

/// Judge, and tell GitHub.
async fn answer(app: &Arc<App>, waiting: Waiting) {
    let deadline = app.later();
    let gate = match judge(app, Ask::Implied(waiting.params), deadline).await {
        Ok(judged) => Gate::of(app, &judged),
        Err(refusal) => Gate::without(app, &refusal),
    };
    let state = match gate.answer {
        "proceed" => Some("approved"),
        "rollback" => Some("rejected"),
        _ => None,
    };
    if let Err(why) = post(app, &waiting.callback, &waiting.environment, state, &gate).await {
        let why = app.scrubber.sanitize_line(&format!("{why:#}"));
        tracing::error!("GitHub was not told of the decision: {why}");
    }
}

async fn post(
    app: &App,
    callback: &Url,
    environment: &str,
    state: Option<&str>,
    gate: &Gate,
) -> anyhow::Result<()> {
    let token = app.inputs.github_token.as_ref().context("there is no `github_token`")?;
    let sentence = match state {
        Some(_) => gate.sentence(),
        None => format!("{} The deployment waits for a person.", gate.sentence()),
    };
    let mut body = json!({
        "environment_name": environment,
        "comment": shorten(&sentence, COMMENT),
    });
    if let Some(state) = state {
        body["state"] = state.into();
    }
    let request = http::Request::post_json(callback.clone(), body.to_string())
        .with_header(header::ACCEPT, HeaderValue::from_static("application/vnd.github+json"))
        .with_header(
            HeaderName::from_static("x-github-api-version"),
            HeaderValue::from_static("2022-11-28"),
        )
        .with_credential(Credential::bearer(token.expose(), callback)?)
        .with_repeat(Repeat::Harmless);
    let client = app.client.until(app.later());
    let response = client.send(&request).await?;
    if !response.status.is_success() {
        bail!("GitHub answered {}: {}", response.status.as_u16(), response.message());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_goes_to_the_configured_api_only() {
        let api = "https://api.github.com";
        let right = "https://api.github.com/repos/o/r/actions/runs/7/deployment_protection_rule";
        assert_eq!(callback(right, api, "o/r").unwrap().as_str(), right);
        let enterprise =
            "https://ghe.example.com/api/v3/repos/o/r/actions/runs/7/deployment_protection_rule";
        assert!(callback(enterprise, "https://ghe.example.com/api/v3", "o/r").is_ok());
        let wrong = [
            "https://evil.example/repos/o/r/actions/runs/7/deployment_protection_rule",
            "https://api.github.com.evil.example/repos/o/r/actions/runs/7/deployment_protection_rule",
            "https://api.github.com@evil.example/repos/o/r/actions/runs/7/deployment_protection_rule",
            "http://api.github.com/repos/o/r/actions/runs/7/deployment_protection_rule",
            "https://api.github.com:444/repos/o/r/actions/runs/7/deployment_protection_rule",
            "https://u:p@api.github.com/repos/o/r/actions/runs/7/deployment_protection_rule",
            "https://api.github.com/repos/o/other/actions/runs/7/deployment_protection_rule",
            "https://api.github.com/repos/o/r/actions/runs/7x/deployment_protection_rule",
            "https://api.github.com/repos/o/r/actions/runs//deployment_protection_rule",
            "https://api.github.com/repos/o/r/actions/runs/7/../../../../../user/deployment_protection_rule",
            "https://api.github.com/repos/o/r/actions/runs/7/deployment_protection_rule?x=1",
            "https://api.github.com/repos/o/r/actions/runs/7/deployment_protection_rule#x",
            "https://api.github.com/repos/o/r/issues/7/comments",
            "ftp://api.github.com/repos/o/r/actions/runs/7/deployment_protection_rule",
            "",
        ];
        for url in wrong {
            assert!(callback(url, api, "o/r").is_err(), "{url}");
        }
        assert!(callback(right, api, "../..").is_err());
        assert!(callback(&right.replace("https", "http"), "http://api.github.com", "o/r").is_err());
    }
}
