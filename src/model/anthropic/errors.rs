//! What a failure means: by HTTP status, and by the error type in the body
//! (<https://platform.claude.com/docs/en/api/errors>).

use anyhow::anyhow;
use serde_json::Value;

use super::super::ModelError;
use super::super::exchange::{Failure, Kind, of_kind};
use super::reply::StreamError;
use crate::http::{self, StatusCode};

/// A failure before the reply began. What passes was tried again before.
pub(in crate::model) fn of_http(error: http::Error) -> Failure {
    Failure::Final(kind_of(&error).error(anyhow::Error::new(error)))
}

/// What a failure before the reply began means.
pub(in crate::model) fn kind_of(error: &http::Error) -> Kind {
    let http::Error::Status(response) = error else { return of_kind(error) };
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let part = |name: &str| body.pointer(name).and_then(Value::as_str).unwrap_or_default();
    of_status(response.status, part("/error/type"), part("/error/message"))
}

/// A stream without a reply.
pub(in crate::model) fn of_stream(error: StreamError) -> Failure {
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
pub(in crate::model) fn is_about_extras(error: &ModelError) -> bool {
    let ModelError::Rejected(error) = error else { return false };
    let message = format!("{error:#}").to_ascii_lowercase();
    let extras = ["strict", "schema", "tool_choice", "output_config", "effort", "extra inputs"];
    extras.iter().any(|extra| message.contains(extra))
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

pub(in crate::model) fn of_type(kind: &str, message: &str) -> Kind {
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
