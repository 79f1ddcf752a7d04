//! What is answered: refusals, and what a gate makes of a decision.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::App;
use crate::decide::Action;
use crate::task::verify::{Judged, tell};

/// Name and version of a gate's JSON.
pub const SCHEMA: &str = "pipewright.serve/1";

/// Why there is no decision. Never means: roll back.
#[derive(Debug)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// In a sentence.
    pub why: String,
}

impl Refusal {
    /// With any status.
    pub fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Refusal { status, why: why.into() }
    }

    /// The request is wrong.
    pub fn wrong(why: impl Into<String>) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, why)
    }

    /// There is no such service.
    pub fn unknown(why: impl Into<String>) -> Self {
        Refusal::new(StatusCode::NOT_FOUND, why)
    }

    /// Who asks has not shown that they may.
    pub fn nobody() -> Self {
        Refusal::new(StatusCode::UNAUTHORIZED, "the token or signature is missing or wrong")
    }

    /// Whether it is not the request's fault, but a spec, a source or the load is.
    pub fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = reply(self.status, json!({"error": self.why}).to_string());
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        }
        response
    }
}

/// A JSON text as a response.
pub fn reply(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What a tool at a gate needs to know of a decision, or of why there is none.
#[derive(Debug, Clone, Serialize)]
pub struct Gate {
    schema: &'static str,
    /// What follows: `proceed`, `investigate` or `rollback`. Without a decision
    /// `investigate`, in shadow `proceed`, and `rollback` only where the policy names
    /// its rule: these tools carry it out without asking.
    pub answer: &'static str,
    /// The verdict; `None` where nothing could be decided.
    pub action: Option<&'static str>,
    rule: Option<&'static str>,
    /// Why, in a sentence.
    pub reason: String,
    confidence: Option<f64>,
    clear_cut: bool,
    service: Option<String>,
    version: Option<String>,
    shadow: bool,
    error: Option<String>,
}

impl Gate {
    /// For a decision.
    pub fn of(app: &App, judged: &Judged) -> Self {
        let line = |text: &str| app.scrubber.sanitize_line(text);
        let decision = &judged.decision;
        let shadow = app.inputs.deployment.shadow;
        let answer = match decision.action {
            _ if shadow => Action::Proceed,
            Action::Rollback if !decision.clear_cut => Action::Investigate,
            action => action,
        };
        Gate {
            schema: SCHEMA,
            answer: tell::action_word(answer),
            action: Some(tell::action_word(decision.action)),
            rule: Some(decision.rule),
            reason: line(&decision.reason),
            confidence: Some(decision.confidence),
            clear_cut: decision.clear_cut,
            service: Some(line(&judged.spec.service)),
            version: judged.spec.deployment.version.as_deref().map(line),
            shadow,
            error: None,
        }
    }

    /// For none.
    pub fn without(app: &App, refusal: &Refusal) -> Self {
        let shadow = app.inputs.deployment.shadow;
        let why = app.scrubber.sanitize_line(&refusal.why);
        Gate {
            schema: SCHEMA,
            answer: tell::action_word(if shadow { Action::Proceed } else { Action::Investigate }),
            action: None,
            rule: None,
            reason: format!("nothing could be decided: {why}"),
            confidence: None,
            clear_cut: false,
            service: None,
            version: None,
            shadow,
            error: Some(why),
        }
    }

    /// As a response.
    pub fn reply(&self, status: StatusCode) -> Response {
        reply(status, serde_json::to_string(self).unwrap_or_default())
    }

    /// What a person reads at the gate.
    pub fn sentence(&self) -> String {
        let verdict = match self.action {
            Some("rollback") if self.clear_cut => "roll back",
            Some("rollback") => "roll back, which a person has to decide",
            Some(action) => action,
            None => "investigate",
        };
        let shadow = if self.shadow { " (in shadow: nothing follows)" } else { "" };
        let rule = self.rule.map(|rule| format!(" (rule {rule})")).unwrap_or_default();
        format!("Pipewright: {verdict}{shadow}. {}{rule}", self.reason)
    }
}
