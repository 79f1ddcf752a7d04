//! Flagger's webhooks. It reads the status alone, and each kind of hook differently:
//!
//! - `confirm-*` hooks wait until they get 200: only `proceed` answers so;
//! - a failed `rollout` hook counts towards the rollback: only `rollback` fails it;
//! - a `rollback` hook rolls back when it gets 200: only `rollback` answers so.
//!
//! Flagger sends no header of ours, so the token stands in the hook's `metadata`.
//! <https://docs.flagger.app/usage/webhooks>

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};

use super::App;
use super::answer::{Gate, Refusal};
use super::judge::{Ask, judge};
use super::params::{NAMES, Params, is_safe};

/// `confirm-rollout`, `confirm-traffic-increase`, `confirm-promotion`.
pub async fn confirm(State(app): State<Arc<App>>, request: Request) -> Response {
    answered(&app, request, |gate| gate.answer == "proceed").await
}

/// `rollout`, `pre-rollout`.
pub async fn rollout(State(app): State<Arc<App>>, request: Request) -> Response {
    answered(&app, request, |gate| gate.answer != "rollback").await
}

/// `rollback`.
pub async fn rollback(State(app): State<Arc<App>>, request: Request) -> Response {
    answered(&app, request, |gate| gate.answer == "rollback").await
}

async fn answered(app: &Arc<App>, request: Request, passes: fn(&Gate) -> bool) -> Response {
    let params = match entered(app, request).await {
        Ok(params) => params,
        Err(refusal) => return refusal.into_response(),
    };
    let gate = match judge(app, Ask::Of(params), app.soon()).await {
        Ok(judged) => Gate::of(app, &judged),
        Err(refusal) if refusal.is_ours() => Gate::without(app, &refusal),
        Err(refusal) => return refusal.into_response(),
    };
    // 403 is what Flagger's own gate answers when it is closed; it is not tried again.
    gate.reply(if passes(&gate) { StatusCode::OK } else { StatusCode::FORBIDDEN })
}

async fn entered(app: &Arc<App>, request: Request) -> Result<Params, Refusal> {
    let token = |body: &Bytes| {
        let payload: Value = serde_json::from_slice(body).ok()?;
        Some(payload.get("metadata")?.get("token")?.as_str()?.to_owned())
    };
    let (_, body) = app.door.enter_with(request, token).await?;
    let Ok(Value::Object(payload)) = serde_json::from_slice::<Value>(&body) else {
        return Err(Refusal::wrong("the body is no JSON object"));
    };
    params(&payload)
}

/// `{name, namespace, phase, checksum, metadata: {…}}`: the service is the canary's
/// name unless `metadata` says otherwise; further keys there are other people's.
fn params(payload: &Map<String, Value>) -> Result<Params, Refusal> {
    let said = payload.get("metadata").and_then(Value::as_object);
    let said: Map<String, Value> = said
        .into_iter()
        .flatten()
        .filter(|(name, _)| NAMES.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut params = Params::of_object(&said)?;
    if params.service.is_none() {
        let name = payload.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| Refusal::wrong("`name` is missing"))?;
        if !is_safe(name) {
            return Err(Refusal::wrong("`name` is no name of a canary"));
        }
        params.service = Some(name.to_owned());
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_the_canarys_name_unless_metadata_says_otherwise() {
        let service = |payload: Value| {
            params(payload.as_object().unwrap()).map(|params| params.service.unwrap_or_default())
        };
        let payload = |metadata: Value| {
            serde_json::json!({
                "name": "podinfo", "namespace": "test", "phase": "Progressing",
                "checksum": "85d557f47b", "metadata": metadata,
            })
        };
        let cases = [
            (serde_json::json!({"test": "all", "token": "16688eb5e9f289f1991c"}), "podinfo"),
            (serde_json::json!({"service": "cart"}), "cart"),
            (Value::Null, "podinfo"),
        ];
        for (metadata, expect) in cases {
            assert_eq!(service(payload(metadata)).unwrap(), expect);
        }
        assert!(service(serde_json::json!({})).is_err());
        assert!(service(serde_json::json!({"name": "a\"b"})).is_err());
        assert!(service(payload(serde_json::json!({"version": "a\"b"}))).is_err());
    }
}
