//! What a failure means: by HTTP status, and by the error type in the body
//! (<https://platform.claude.com/docs/en/api/errors>).

use anyhow::anyhow;
use serde_json::Value;

use super::super::ModelError;
use super::reply::StreamError;
use crate::http::{self, StatusCode};

/// A failed attempt.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another attempt may go well.
    Passing(anyhow::Error),
    /// It will not.
    Final(ModelError),
}

/// A failure before the reply began. The network layer has retried what passes.
pub(super) fn of_http(error: http::Error) -> Failure {
    let kind = match &error {
        http::Error::Status(response) => {
            let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            let part = |name: &str| body.pointer(name).and_then(Value::as_str).unwrap_or_default();
            of_status(response.status, part("/error/type"), part("/error/message"))
        }
        http::Error::NotSent(_) | http::Error::Broken(_) | http::Error::Deadline(_) => {
            Kind::Unavailable
        }
        http::Error::TooLarge(_) | http::Error::Refused(_) => Kind::Rejected,
    };
    Failure::Final(kind.error(anyhow::Error::new(error)))
}

/// A reply that broke off after it began.
pub(super) fn broken(error: http::Error) -> Failure {
    match error {
        http::Error::Broken(_) | http::Error::NotSent(_) => {
            Failure::Passing(anyhow::Error::new(error))
        }
        _ => of_http(error),
    }
}

/// A stream without a reply.
pub(super) fn of_stream(error: StreamError) -> Failure {
    match error {
        StreamError::Broken(why) => Failure::Passing(anyhow!("the model's reply is broken: {why}")),
        StreamError::Api { kind, message } => {
            let error = anyhow!("the model's provider reports {kind}: {message}");
            match of_type(&kind, &message) {
                Kind::Unavailable => Failure::Passing(error),
                kind => Failure::Final(kind.error(error)),
            }
        }
    }
}

/// Whether a refusal is about something that a request can do without
/// ([`super::Capability`]): gateways and older models know less.
pub(super) fn is_about_extras(error: &ModelError) -> bool {
    let ModelError::Rejected(error) = error else { return false };
    let message = format!("{error:#}").to_ascii_lowercase();
    let extras = ["strict", "schema", "tool_choice", "output_config", "effort", "extra inputs"];
    extras.iter().any(|extra| message.contains(extra))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Denied,
    TooLong,
    Rejected,
    Unavailable,
}

impl Kind {
    fn error(self, error: anyhow::Error) -> ModelError {
        match self {
            Kind::Denied => ModelError::Denied(error),
            Kind::TooLong => ModelError::TooLong(error),
            Kind::Rejected => ModelError::Rejected(error),
            Kind::Unavailable => ModelError::Unavailable(error),
        }
    }
}

fn of_status(status: StatusCode, kind: &str, message: &str) -> Kind {
    match status.as_u16() {
        401..=404 => Kind::Denied,
        413 => Kind::TooLong,
        400 | 422 => of_type("invalid_request_error", message),
        408 | 409 | 429 | 500.. => Kind::Unavailable,
        _ => of_type(kind, message),
    }
}

fn of_type(kind: &str, message: &str) -> Kind {
    match kind {
        "authentication_error" | "permission_error" | "not_found_error" | "billing_error" => {
            Kind::Denied
        }
        "request_too_large" => Kind::TooLong,
        "invalid_request_error" => {
            let message = message.to_ascii_lowercase();
            let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
            if says(&["too long", "context window", "context limit", "context length"]) {
                Kind::TooLong
            } else if says(&["credit balance", "usage limits", "billing"]) {
                Kind::Denied
            } else {
                Kind::Rejected
            }
        }
        _ => Kind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart() {
        let check = |status: u16, kind: &str, message: &str, expect: Kind| {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(of_status(status, kind, message), expect, "{status} {kind} {message}");
        };
        check(401, "authentication_error", "invalid x-api-key", Kind::Denied);
        check(402, "billing_error", "", Kind::Denied);
        check(403, "permission_error", "", Kind::Denied);
        check(404, "not_found_error", "model: claude-x", Kind::Denied);
        check(413, "request_too_large", "", Kind::TooLong);
        check(400, "", "prompt is too long: 213423 tokens > 200000 maximum", Kind::TooLong);
        check(400, "", "input length and `max_tokens` exceed context limit", Kind::TooLong);
        check(400, "", "Your credit balance is too low", Kind::Denied);
        check(400, "", "tools.0.name: string does not match pattern", Kind::Rejected);
        check(422, "", "", Kind::Rejected);
        check(429, "rate_limit_error", "", Kind::Unavailable);
        check(500, "api_error", "", Kind::Unavailable);
        check(529, "overloaded_error", "", Kind::Unavailable);
    }

    #[test]
    fn errors_in_a_stream_pass_or_do_not() {
        let check = |kind: &str, passes: bool| {
            let error = StreamError::Api { kind: kind.to_owned(), message: String::new() };
            assert_eq!(matches!(of_stream(error), Failure::Passing(_)), passes, "{kind}");
        };
        check("overloaded_error", true);
        check("api_error", true);
        check("rate_limit_error", true);
        check("something_new", true);
        check("invalid_request_error", false);
        check("authentication_error", false);
        let cut = StreamError::Broken("the stream ended before the message did");
        assert!(matches!(of_stream(cut), Failure::Passing(_)));
    }
}
