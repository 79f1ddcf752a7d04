//! `POST /verify` and `GET /healthz`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::App;
use super::answer::{Refusal, reply};
use super::door;
use super::judge::{Ask, judge};
use super::params::Params;
use crate::decide::Spec;
use crate::task::verify::{self, tell};

/// It is alive.
pub async fn health() -> Response {
    reply(StatusCode::OK, r#"{"status":"ok"}"#.to_owned())
}

/// Any other path.
pub async fn nothing_here() -> Response {
    Refusal::unknown("there is nothing here: see docs/verify/serve.md").into_response()
}

/// A path with another method.
pub async fn wrong_method() -> Response {
    let why = "this path takes another method: see docs/verify/serve.md";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why).into_response()
}

/// Judge a spec that is brought along, or that of a service. Answers as
/// `verify --format json` does, with 200 whatever was decided.
pub async fn verify(State(app): State<Arc<App>>, request: Request) -> Response {
    match verified(&app, request).await {
        Ok(text) => reply(StatusCode::OK, text),
        Err(refusal) => refusal.into_response(),
    }
}

async fn verified(app: &Arc<App>, request: Request) -> Result<String, Refusal> {
    let (_, body) = app.door.enter(request, door::SPEC).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Refusal::wrong("the body is no text"))?;
    let judged = judge(app, asked(text)?, app.soon()).await?;
    tell::as_json(&judged, app.inputs.deployment.shadow, &app.scrubber).map_err(|why| {
        tracing::warn!("{why:#}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the result cannot be written")
    })
}

/// A whole spec is told by its schema or signals; anything else is parameters.
fn asked(text: &str) -> Result<Ask, Refusal> {
    let object = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) => return Err(Refusal::wrong("the body is neither a spec nor an object")),
        Err(_) if text.trim().is_empty() => Some(serde_json::Map::new()),
        Err(_) => None,
    };
    if let Some(object) = &object
        && !object.contains_key("schema")
        && !object.contains_key("signals")
        && !object.contains_key("deployment")
    {
        return Params::of_object(object).map(Ask::Of);
    }
    let spec = verify::read(text)
        .map_err(|why| Refusal::wrong(format!("cannot use the spec in the body: {why}")))?;
    brings_only_data(&spec)?;
    Ok(Ask::Given(Box::new(spec)))
}

/// A spec from outside holds its data itself: it could otherwise have this machine's
/// files read, or have anything asked with the tokens that lie here.
fn brings_only_data(spec: &Spec) -> Result<(), Refusal> {
    let signal = spec.signals.iter().find(|signal| signal.source.is_some());
    if let Some(signal) = signal {
        let name: String = signal.name.chars().take(80).collect();
        return Err(Refusal::wrong(format!(
            "a spec in a request holds its series itself: `{name}` names a source"
        )));
    }
    let logs = &spec.logs;
    if logs.source.is_some() || logs.canary_file.is_some() || logs.baseline_file.is_some() {
        return Err(Refusal::wrong(
            "a spec in a request holds its log lines itself: `logs` names a file or a source",
        ));
    }
    Ok(())
}
