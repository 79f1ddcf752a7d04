//! Argo Rollouts' `web` metric: an object out of which `jsonPath` reads `answer`.
//!
//! A measurement that is neither a success nor a failure is inconclusive and pauses the
//! rollout; one that errs more than `consecutiveErrorLimit` times aborts it. So what
//! goes wrong here is answered with 200 and `investigate`.
//! <https://argo-rollouts.readthedocs.io/en/stable/analysis/web/>,
//! <https://argo-rollouts.readthedocs.io/en/stable/features/analysis/#inconclusive-runs>

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::App;
use super::answer::{Gate, Refusal};
use super::door;
use super::judge::{Ask, judge};
use super::params::Params;
use crate::http::Url;

/// Judge what the query or the body names.
pub async fn asked(State(app): State<Arc<App>>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = match app.door.enter(request, door::WEBHOOK).await {
        Ok((_, body)) => body,
        Err(refusal) => return refusal.into_response(),
    };
    let params = match params(&query, &body) {
        Ok(params) => params,
        Err(refusal) => return refusal.into_response(),
    };
    answered(&app, params).await
}

/// A decision on what was named, for whoever reads JSON.
pub async fn answered(app: &Arc<App>, params: Params) -> Response {
    match judge(app, Ask::Of(params), app.soon()).await {
        Ok(judged) => Gate::of(app, &judged).reply(StatusCode::OK),
        Err(refusal) if refusal.is_ours() => Gate::without(app, &refusal).reply(StatusCode::OK),
        Err(refusal) => refusal.into_response(),
    }
}

/// Parameters from the query, or from the object in the body.
pub fn params(query: &str, body: &[u8]) -> Result<Params, Refusal> {
    if !body.trim_ascii().is_empty() {
        return match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Params::of_object(&object),
            _ => Err(Refusal::wrong("the body is no JSON object")),
        };
    }
    let url = Url::parse(&format!("http://localhost/?{query}"))
        .map_err(|_| Refusal::wrong("the query cannot be read"))?;
    let pairs: Vec<_> = url.query_pairs().collect();
    Params::read(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
}
