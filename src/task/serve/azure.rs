//! Azure's `Invoke REST API` check, in both of its modes.
//!
//! In the synchronous one the answer is the response; the success criteria
//! `eq(root['answer'], 'proceed')` reads it. In the other one the response only says
//! that it is being decided, and the decision goes back as an event of the plan, with
//! the token of that run, which came with the request.
//! <https://learn.microsoft.com/azure/devops/pipelines/process/invoke-checks>

use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::App;
use super::answer::{Gate, Refusal, reply};
use super::judge::{Ask, judge};
use super::params::{NAMES, Params};
use super::{argo, door};
use crate::http::{self, Credential, Repeat, Url};
use crate::redact::{Scrubber, Secret};

/// Hosts of Azure DevOps Services; a server of one's own is named by
/// `SYSTEM_COLLECTIONURI`.
const HOST: &str = "dev.azure.com";
const OLD_HOSTS: &str = ".visualstudio.com";

/// Judge, and answer at once.
pub async fn asked(State(app): State<Arc<App>>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = match app.door.enter(request, door::WEBHOOK).await {
        Ok((_, body)) => body,
        Err(refusal) => return refusal.into_response(),
    };
    let params = object(&body).and_then(|object| params(&query, &object));
    match params {
        Ok(params) => argo::answered(&app, params).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Take it on, and tell the plan later.
pub async fn asked_back(State(app): State<Arc<App>>, request: Request) -> Response {
    match taken_on(&app, request).await {
        Ok(waiting) => {
            // Azure delivers up to ten times until it hears of it: once is enough.
            if let Some((plan, params)) = waiting {
                let ours = Arc::clone(&app);
                app.go_on_with(async move { answer(&ours, plan, params).await });
            }
            reply(StatusCode::ACCEPTED, json!({"status": "deciding"}).to_string())
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn taken_on(app: &Arc<App>, request: Request) -> Result<Option<(Plan, Params)>, Refusal> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (headers, body) = app.door.enter(request, door::WEBHOOK).await?;
    let object = object(&body)?;
    let collection = app.inputs.servers.azure.collection.as_deref();
    let plan = Plan::read(&headers, &object, collection)
        .map_err(|why| Refusal::wrong(format!("{why:#}")))?;
    let params = params(&query, &object)?;
    app.specs.find(params.service.as_deref())?;
    let is_new = app.seen.take(&format!("azure {} {}", plan.job, plan.task));
    Ok(is_new.then_some((plan, params)))
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Refusal::wrong("the body is no JSON object")),
    }
}

/// Parameters stand in the query or beside Azure's own keys in the body.
fn params(query: &str, object: &Map<String, Value>) -> Result<Params, Refusal> {
    let ours: Map<String, Value> = object
        .iter()
        .filter(|(name, _)| NAMES.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if ours.is_empty() { argo::params(query, b"") } else { Params::of_object(&ours) }
}

/// The check's place in a run, and the token for it.
struct Plan {
    events: Url,
    job: String,
    task: String,
    token: Secret,
}

impl Plan {
    /// From headers, where Azure puts them unless told otherwise, or from the body.
    fn read(
        headers: &HeaderMap,
        object: &Map<String, Value>,
        collection: Option<&str>,
    ) -> anyhow::Result<Self> {
        let get = |name: &str| {
            let header = headers.get(name).and_then(|value| value.to_str().ok());
            header
                .or_else(|| object.get(name)?.as_str())
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let id = |name: &str| {
            let text = get(name).with_context(|| format!("`{name}` is missing"))?;
            let is_id = text.len() == 36
                && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            if !is_id {
                bail!("`{name}` is no id");
            }
            Ok(text.to_owned())
        };
        let base = get("PlanUrl").context("`PlanUrl` is missing")?;
        let base = ours(base, collection)?;
        let hub = get("HubName").context("`HubName` is missing")?;
        if hub.len() > 32 || !hub.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            bail!("`HubName` is no name of a hub");
        }
        let (project, plan) = (id("ProjectId")?, id("PlanId")?);
        let path = format!(
            "{}/{project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/events",
            base.path().trim_end_matches('/')
        );
        let mut events = base;
        events.set_path(&path);
        events.set_query(Some("api-version=2.0-preview.1"));
        let token = get("AuthToken").context("`AuthToken` is missing")?;
        let token = Secret::new(token);
        Ok(Plan { events, job: id("JobId")?, task: id("TaskInstanceId")?, token })
    }
}

/// An address of Azure DevOps: of the service, or of the server that is set up here.
fn ours(given: &str, collection: Option<&str>) -> anyhow::Result<Url> {
    let url = Url::parse(given).context("`PlanUrl` is no address")?;
    let host = url.host_str().unwrap_or_default();
    let is_service = url.scheme() == "https"
        && url.port().is_none()
        && (host == HOST || host.strip_suffix(OLD_HOSTS).is_some_and(|name| !name.is_empty()));
    let known = collection.and_then(|collection| Url::parse(collection).ok());
    let is_known = known.is_some_and(|known| known.origin() == url.origin());
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !(is_service || is_known) || !is_bare {
        bail!("`PlanUrl` is no address of Azure DevOps that is known here (SYSTEM_COLLECTIONURI)");
    }
    Ok(url)
}

/// Judge, and tell the plan. What needs a person is not answered: the check waits until
/// its own time is up, and somebody may bypass it.
async fn answer(app: &Arc<App>, plan: Plan, params: Params) {
    let gate = match judge(app, Ask::Of(params), app.later()).await {
        Ok(judged) => Gate::of(app, &judged),
        Err(refusal) => Gate::without(app, &refusal),
    };
    let result = match gate.answer {
        "proceed" => "succeeded",
        "rollback" => "failed",
        _ => {
            tracing::warn!("Azure's check waits for a person. {}", gate.sentence());
            return;
        }
    };
    if let Err(why) = post(app, &plan, result).await {
        let scrubber = Scrubber::new(app.inputs.secrets.iter().chain([&plan.token]));
        let why = scrubber.sanitize_line(&format!("{why:#}"));
        tracing::error!("Azure was not told of the decision: {why}");
    }
}

async fn post(app: &App, plan: &Plan, result: &str) -> anyhow::Result<()> {
    let body = json!({
        "name": "TaskCompleted",
        "taskId": plan.task,
        "jobId": plan.job,
        "result": result,
    });
    let pair = STANDARD.encode(format!(":{}", plan.token.expose()));
    let credential =
        Credential::header(header::AUTHORIZATION, &format!("Basic {pair}"), &plan.events)?;
    let request = http::Request::post_json(plan.events.clone(), body.to_string())
        .with_credential(credential)
        .with_repeat(Repeat::Harmless);
    let response = app.client.until(app.later()).send(&request).await?;
    if !response.status.is_success() {
        bail!("Azure answered {}: {}", response.status.as_u16(), response.message());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_token_goes_to_azure_only() {
        let server = Some("https://tfs.example.com/tfs/Collection/");
        let cases = [
            ("https://dev.azure.com/org/", None, true),
            ("https://org.visualstudio.com/", None, true),
            ("https://tfs.example.com/tfs/Collection/", server, true),
            ("https://tfs.example.com/tfs/Collection/", None, false),
            ("http://dev.azure.com/org/", None, false),
            ("https://dev.azure.com:8443/org/", None, false),
            ("https://dev.azure.com.evil.example/", None, false),
            ("https://evil.example/dev.azure.com", None, false),
            ("https://dev.azure.com@evil.example/", None, false),
            ("https://u:p@dev.azure.com/org/", None, false),
            ("https://visualstudio.com/", None, false),
            ("https://.visualstudio.com/", None, false),
            ("https://evilvisualstudio.com/", None, false),
            ("https://dev.azure.com/org/?x=", None, false),
            ("", None, false),
        ];
        for (url, collection, expect) in cases {
            assert_eq!(ours(url, collection).is_ok(), expect, "{url}");
        }
    }

    #[test]
    fn a_plan_is_read_from_headers_or_the_body() {
        let id = |digit: &str| format!("{}-0000-4000-8000-{}", digit.repeat(8), digit.repeat(12));
        let keys = json!({
            "PlanUrl": "https://dev.azure.com/org/", "ProjectId": id("1"), "HubName": "build",
            "PlanId": id("2"), "JobId": id("3"), "TaskInstanceId": id("4"), "AuthToken": "eyJ0",
        });
        let keys = keys.as_object().unwrap();
        let expect = format!(
            "https://dev.azure.com/org/{}/_apis/distributedtask/hubs/build/plans/{}/events?api-version=2.0-preview.1",
            id("1"),
            id("2")
        );
        let body = Plan::read(&HeaderMap::new(), keys, None).unwrap();
        assert_eq!(body.events.as_str(), expect);
        let mut headers = HeaderMap::new();
        for (name, value) in keys {
            let name: axum::http::HeaderName = name.to_ascii_lowercase().parse().unwrap();
            headers.insert(name, value.as_str().unwrap().parse().unwrap());
        }
        assert_eq!(Plan::read(&headers, &Map::new(), None).unwrap().events.as_str(), expect);
        for (name, _) in keys {
            let mut less = keys.clone();
            less.remove(name);
            let why = Plan::read(&HeaderMap::new(), &less, None).err().unwrap().to_string();
            assert!(why.contains(name.as_str()), "{why}");
        }
        for (name, value) in [("PlanId", "../x"), ("HubName", "a/b"), ("ProjectId", "p")] {
            let mut other = keys.clone();
            other.insert(name.to_owned(), value.into());
            assert!(Plan::read(&HeaderMap::new(), &other, None).is_err(), "{name}");
        }
    }
}
