//! What Bedrock's errors mean, by their name and message
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>).

use anyhow::anyhow;
use serde_json::Value;

use crate::http;
use crate::model::exchange::{Failure, Kind, of_kind};

/// A request that got no reply. `advice` says what to do where access is
/// denied; `renewable`: other credentials can be had.
pub(super) fn of_http(error: http::Error, advice: &str, renewable: bool) -> Failure {
    let http::Error::Status(response) = &error else {
        return Failure::Final(of_kind(&error).error(anyhow::Error::new(error)));
    };
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    // The header may go on with a colon and an address, the field begin with one.
    let header = response.headers.get("x-amzn-errortype").and_then(|name| name.to_str().ok());
    let named = header.or_else(|| body.get("__type").and_then(Value::as_str)).unwrap_or_default();
    let name = named.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().to_owned();
    let message = message(&body);
    let status = response.status.as_u16();
    let error = match name.as_str() {
        "" => anyhow::Error::new(error),
        _ => anyhow::Error::new(error).context(format!("Amazon Bedrock answers {name}")),
    };
    match of_name(&name, &message, status) {
        Verdict::Stale if renewable => Failure::Stale(denied(error, advice)),
        Verdict::Stale | Verdict::Is(Kind::Denied) => {
            Failure::Final(Kind::Denied.error(denied(error, advice)))
        }
        Verdict::Passing => Failure::Passing(error),
        Verdict::Is(kind) => Failure::Final(kind.error(error)),
    }
}

fn denied(error: anyhow::Error, advice: &str) -> anyhow::Error {
    error.context(format!("Amazon Bedrock denies access ({advice})"))
}

/// An exception or an error in the middle of a stream.
pub(super) fn in_stream(name: &str, payload: &[u8]) -> Failure {
    let body: Value = serde_json::from_slice(payload).unwrap_or_default();
    of_words(name, &message(&body))
}

/// The same by its name and message.
pub(super) fn of_words(name: &str, message: &str) -> Failure {
    let error = anyhow!("Amazon Bedrock reports {name}: {message}");
    match of_name(name, message, 0) {
        Verdict::Passing | Verdict::Is(Kind::Unavailable) => Failure::Passing(error),
        Verdict::Stale => Failure::Final(Kind::Denied.error(error)),
        Verdict::Is(kind) => Failure::Final(kind.error(error)),
    }
}

fn message(body: &Value) -> String {
    let part = ["message", "Message", "originalMessage"]
        .iter()
        .find_map(|name| body.get(*name)?.as_str())
        .unwrap_or_default();
    part.chars().take(400).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Worth another request.
    Passing,
    /// The credentials have expired or are not known (yet).
    Stale,
    Is(Kind),
}

/// `name` begins in lower case within a stream, in upper case elsewhere. What a
/// status already had tried again is not passing any more.
fn of_name(name: &str, message: &str, status: u16) -> Verdict {
    let lower = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let mut name = name.trim_end_matches("Exception").to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match name.as_str() {
        "ExpiredToken" | "UnrecognizedClient" | "InvalidClientTokenId" => Verdict::Stale,
        "AccessDenied"
        | "InvalidSignature"
        | "MissingAuthenticationToken"
        | "IncompleteSignature"
        | "ResourceNotFound" => Verdict::Is(Kind::Denied),
        // The model failed at this very request: 424, which nothing else retries.
        "ModelError" | "ModelStreamError" => Verdict::Passing,
        "Throttling"
        | "ModelNotReady"
        | "ServiceUnavailable"
        | "InternalServer"
        | "ModelTimeout"
        | "ServiceQuotaExceeded"
        | "InternalFailure" => Verdict::Is(Kind::Unavailable),
        "Validation" if says(&TOO_LONG) => Verdict::Is(Kind::TooLong),
        // Models that need an inference profile, or are not there, are reported so.
        "Validation" if says(&["on-demand throughput", "model identifier is invalid"]) => {
            Verdict::Is(Kind::Denied)
        }
        "Validation" => Verdict::Is(Kind::Rejected),
        _ => match status {
            401..=404 => Verdict::Is(Kind::Denied),
            413 => Verdict::Is(Kind::TooLong),
            424 => Verdict::Passing,
            400..=499 if status != 408 && status != 429 => Verdict::Is(Kind::Rejected),
            _ => Verdict::Is(Kind::Unavailable),
        },
    }
}

/// How models say that the request is longer than their context.
const TOO_LONG: [&str; 7] = [
    "too long",
    "too many input tokens",
    "context length",
    "context window",
    "context limit",
    "maximum context",
    "exceeds the model's maximum",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart() {
        let check = |name: &str, message: &str, status: u16, expect: Verdict| {
            assert_eq!(of_name(name, message, status), expect, "{name} {message} {status}");
        };
        let is = Verdict::Is;
        check("ThrottlingException", "Too many tokens", 429, is(Kind::Unavailable));
        check("throttlingException", "", 0, is(Kind::Unavailable));
        check("ModelNotReadyException", "", 429, is(Kind::Unavailable));
        check("serviceUnavailableException", "", 0, is(Kind::Unavailable));
        check("internalServerException", "", 0, is(Kind::Unavailable));
        check("modelTimeoutException", "", 0, is(Kind::Unavailable));
        check("ServiceQuotaExceededException", "", 400, is(Kind::Unavailable));
        check("modelStreamErrorException", "", 0, Verdict::Passing);
        check("ModelErrorException", "", 424, Verdict::Passing);
        check("AccessDeniedException", "not authorized", 403, is(Kind::Denied));
        check("ExpiredTokenException", "", 403, Verdict::Stale);
        check("UnrecognizedClientException", "", 403, Verdict::Stale);
        check("ResourceNotFoundException", "", 404, is(Kind::Denied));
        check(
            "ValidationException",
            "Input is too long for requested model.",
            400,
            is(Kind::TooLong),
        );
        check("validationException", "prompt is too long: 1 > 0", 0, is(Kind::TooLong));
        check("ValidationException", "tools.0: extra inputs", 400, is(Kind::Rejected));
        check(
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn't supported.",
            400,
            is(Kind::Denied),
        );
        check("", "", 403, is(Kind::Denied));
        check("", "", 400, is(Kind::Rejected));
        check("", "", 500, is(Kind::Unavailable));
        check("", "", 0, is(Kind::Unavailable));
        check("é", "", 0, is(Kind::Unavailable));
    }
}
