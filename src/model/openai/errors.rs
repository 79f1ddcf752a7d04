//! What a failure means: by HTTP status, and by the error in the body
//! (<https://developers.openai.com/api/docs/guides/error-codes>), in the forms
//! that the servers of this protocol give it.

use anyhow::anyhow;
use serde_json::Value;

use super::super::ModelError;
use crate::http;

/// A failed attempt.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another attempt may go well.
    Passing(anyhow::Error),
    /// It will not, as it is. The refusal may say what to leave out.
    Final(ModelError, Option<Refusal>),
    /// A filter in front of the model took offence: why.
    Filtered(String),
}

/// What a server says of a request that it does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Code, parameter and message, in lower case.
    pub text: String,
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamError {
    /// The server said so.
    Api(ApiError),
    /// The stream ended before the reply did, or holds no reply.
    Broken(&'static str),
}

/// An error as servers put it into a body or an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiError {
    /// `invalid_request_error`, `server_error`, `INVALID_ARGUMENT`, …
    pub kind: String,
    /// `context_length_exceeded`, `insufficient_quota`, `429`, …
    pub code: String,
    /// The parameter that is wrong.
    pub param: String,
    /// In words.
    pub message: String,
}

impl ApiError {
    /// The error of a body, if there is one: `{"error": {…}}`, the same in a
    /// list (Gemini), `{"error": "…"}` (Ollama), `{"detail": …}` (FastAPI) or
    /// `{"object": "error", …}` (vLLM).
    pub fn find(body: &Value) -> Option<ApiError> {
        let body = body.get(0).unwrap_or(body);
        let error = match (body.get("error"), body.get("detail")) {
            (Some(Value::Null) | None, None) => {
                body.get("object").is_some_and(|object| object == "error").then_some(body)?
            }
            (Some(Value::Null) | None, Some(detail)) => detail,
            (Some(error), _) => error,
        };
        Some(ApiError::of(error))
    }

    /// The error of this value.
    pub fn of(error: &Value) -> ApiError {
        if !error.is_object() {
            let message = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
            return ApiError { message, ..ApiError::default() };
        }
        let part = |names: &[&str]| {
            let text = |name: &&str| match error.get(*name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            names.iter().find_map(text).unwrap_or_default()
        };
        // A gateway's error may hold that of the server behind it.
        let behind = error.pointer("/metadata/raw").and_then(Value::as_str).unwrap_or_default();
        let message = part(&["message", "msg"]);
        ApiError {
            kind: part(&["type", "status"]),
            code: part(&["code"]),
            param: part(&["param"]),
            message: if behind.is_empty() { message } else { format!("{message}: {behind}") },
        }
    }

    fn text(&self) -> String {
        let ApiError { kind, code, param, message } = self;
        format!("{kind} {code} {param} {message}").to_lowercase()
    }
}

impl Refusal {
    /// How many output tokens there is room for, where the server says that too
    /// many were `asked` for; `None` if that is not what it says, or hardly any
    /// room is left.
    pub fn room(&self, asked: u32) -> Option<u32> {
        /// Too few for an answer.
        const LEAST: u64 = 1_024;
        let number_after = |words: &str| {
            let rest = &self.text[self.text.find(words)? + words.len()..];
            let digits: String = rest
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse::<u64>().ok()
        };
        let number_before = |words: &str| {
            let rest = self.text[..self.text.find(words)?].trim_end();
            let digits: String = rest.chars().rev().take_while(char::is_ascii_digit).collect();
            digits.chars().rev().collect::<String>().parse::<u64>().ok()
        };
        let room = match number_after("supports at most ") {
            Some(most) => most,
            None => {
                let context = number_after("context length is ")?;
                let input = number_before(" in the messages")
                    .or_else(|| number_before(" in the prompt"))
                    .or_else(|| number_before(" input tokens"))
                    .or_else(|| number_before(" tokens from the input messages"))?;
                context.checked_sub(input)?
            }
        };
        if room < LEAST || room >= u64::from(asked) {
            return None;
        }
        u32::try_from(room).ok()
    }
}

/// A failure before the reply began. The network layer has retried what passes.
pub(super) fn of_http(error: http::Error) -> Failure {
    let (kind, refusal, message) = match &error {
        http::Error::Status(response) => {
            let status = response.status.as_u16();
            let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            let api = ApiError::find(&body)
                .unwrap_or_else(|| ApiError { message: response.message(), ..ApiError::default() });
            let text = api.text();
            if matches!(status, 400 | 403) && is_filter(&text) {
                return Failure::Filtered(api.message);
            }
            let shown = response.message();
            let hidden = if shown.is_empty() { api.message.clone() } else { String::new() };
            let kind = of_status(status, &api);
            // A wrong key is not mended by asking in another form; a wrong path may be.
            let teaches = kind != Kind::Denied || status == 404;
            (kind, teaches.then_some(Refusal { status, text }), hidden)
        }
        http::Error::NotSent(_) | http::Error::Broken(_) | http::Error::Deadline(_) => {
            (Kind::Unavailable, None, String::new())
        }
        http::Error::TooLarge(_) | http::Error::Refused(_) => (Kind::Rejected, None, String::new()),
    };
    let error = anyhow::Error::new(error);
    let error = if message.is_empty() { error } else { error.context(message) };
    Failure::Final(kind.error(error), refusal)
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
        StreamError::Api(api) => {
            let text = api.text();
            if is_filter(&text) {
                return Failure::Filtered(api.message);
            }
            let kind = match api.code.parse::<u16>() {
                Ok(status @ 400..) => of_status(status, &api),
                _ => of_type(&api),
            };
            let error = anyhow!("the model's provider reports {} {}", api.kind, api.message);
            let status = api.code.parse().unwrap_or(400);
            match kind {
                Kind::Unavailable => Failure::Passing(error),
                Kind::Denied => Failure::Final(ModelError::Denied(error), None),
                kind => Failure::Final(kind.error(error), Some(Refusal { status, text })),
            }
        }
    }
}

/// Azure's filter, and OpenAI's, in front of the model.
fn is_filter(text: &str) -> bool {
    ["content_filter", "responsibleaipolicyviolation", "content management policy", "bio_policy"]
        .iter()
        .any(|word| text.contains(word))
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

fn of_status(status: u16, api: &ApiError) -> Kind {
    match status {
        401..=404 => Kind::Denied,
        413 => Kind::TooLong,
        429 if is_spent(&api.text()) => Kind::Denied,
        408 | 409 | 429 => Kind::Unavailable,
        500.. => {
            // llama.cpp and some gateways answer 500 to what does not fit.
            let kind = of_words(&api.text());
            if kind == Some(Kind::TooLong) { Kind::TooLong } else { Kind::Unavailable }
        }
        _ => of_words(&api.text()).unwrap_or(Kind::Rejected),
    }
}

/// Nothing is left to spend, and waiting does not help. Gemini says "quota" of
/// rate limits as well: only OpenAI's codes count.
fn is_spent(text: &str) -> bool {
    ["insufficient_quota", "billing_hard_limit", "billing_not_active"]
        .iter()
        .any(|code| text.contains(code))
}

/// Of an error in a stream, which has no status.
fn of_type(api: &ApiError) -> Kind {
    let text = api.text();
    if is_spent(&text) {
        return Kind::Denied;
    }
    match of_words(&text) {
        Some(kind) => kind,
        None if ["invalid_request", "invalid_argument", "invalid_prompt"]
            .iter()
            .any(|word| text.contains(word)) =>
        {
            Kind::Rejected
        }
        None => Kind::Unavailable,
    }
}

/// What the words say, where they say it.
fn of_words(text: &str) -> Option<Kind> {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let too_long = says(&[
        "context_length_exceeded",
        "maximum context length",
        "context length is only",
        "exceeds the context",
        "exceed_context_size",
        "available context size",
        "context window",
        "context limit",
        "exceeds the maximum number of tokens",
        "prompt is too long",
        "input is too long",
        "request too large",
        "string_above_max_length",
        "longer than the model's context",
    ]) || text.contains("token count") && text.contains("exceed");
    let denied = says(&[
        "invalid_api_key",
        "api key not valid",
        "api_key_invalid",
        "invalid_authentication",
        "authentication_error",
        "permission_error",
        "permission_denied",
        "model_not_found",
        "deploymentnotfound",
        "insufficient_quota",
        "billing",
        "credit balance",
    ]) || text.contains("model") && says(&["does not exist", "not found"]);
    match (too_long, denied) {
        (true, _) => Some(Kind::TooLong),
        (_, true) => Some(Kind::Denied),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn failures_are_told_apart() {
        let check = |status: u16, code: &str, message: &str, expect: Kind| {
            let api =
                ApiError { code: code.into(), message: message.into(), ..ApiError::default() };
            assert_eq!(of_status(status, &api), expect, "{status} {code} {message}");
        };
        check(401, "invalid_api_key", "Incorrect API key provided", Kind::Denied);
        check(403, "", "Country not supported", Kind::Denied);
        check(404, "model_not_found", "The model `x` does not exist", Kind::Denied);
        check(400, "", "API key not valid. Please pass a valid API key.", Kind::Denied);
        check(413, "", "", Kind::TooLong);
        check(400, "context_length_exceeded", "", Kind::TooLong);
        check(400, "", "This model's maximum context length is 8192 tokens.", Kind::TooLong);
        check(400, "", "the request exceeds the available context size", Kind::TooLong);
        check(500, "", "exceed_context_size_error", Kind::TooLong);
        check(400, "", "Your input exceeds the context window of this model.", Kind::TooLong);
        check(
            400,
            "",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            Kind::TooLong,
        );
        check(429, "insufficient_quota", "You exceeded your current quota", Kind::Denied);
        check(429, "429", "You exceeded your current quota", Kind::Unavailable);
        check(429, "rate_limit_exceeded", "", Kind::Unavailable);
        check(500, "", "", Kind::Unavailable);
        check(503, "", "Loading model", Kind::Unavailable);
        check(400, "", "Invalid type for 'messages[0]'", Kind::Rejected);
        check(422, "", "", Kind::Rejected);
    }

    #[test]
    fn errors_are_found_in_every_form() {
        let check = |body: Value, kind: &str, code: &str, message: &str| {
            let expect = ApiError {
                kind: kind.into(),
                code: code.into(),
                message: message.into(),
                ..ApiError::default()
            };
            assert_eq!(ApiError::find(&body), Some(expect), "{body}");
        };
        check(
            json!({"error": {"message": "m", "type": "t", "param": null, "code": "c"}}),
            "t",
            "c",
            "m",
        );
        check(
            json!([{"error": {"message": "m", "status": "INVALID_ARGUMENT", "code": 400}}]),
            "INVALID_ARGUMENT",
            "400",
            "m",
        );
        check(json!({"error": "m"}), "", "", "m");
        check(json!({"detail": "m"}), "", "", "m");
        check(json!({"detail": [{"msg": "m"}]}), "", "", r#"[{"msg":"m"}]"#);
        check(
            json!({"object": "error", "message": "m", "type": "t", "code": 400}),
            "t",
            "400",
            "m",
        );
        check(
            json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": "why"}}}),
            "",
            "400",
            "Provider returned error: why",
        );
        for body in [json!({"choices": []}), json!({"error": null}), json!(null), json!([])] {
            assert_eq!(ApiError::find(&body), None, "{body}");
        }
    }

    #[test]
    fn room_is_read_from_words() {
        let check = |text: &str, asked: u32, expect: Option<u32>| {
            let refusal = Refusal { status: 400, text: text.to_lowercase() };
            assert_eq!(refusal.room(asked), expect, "{text}");
        };
        let openai = "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.";
        check(openai, 100_000, Some(16_384));
        check(openai, 10_000, None);
        check(
            "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (1000 in the messages, 8000 in the completion).",
            8_000,
            Some(7_192),
        );
        check(
            "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 8192 tokens and your request has 500 input tokens (32000 > 8192 - 500).",
            32_000,
            Some(7_692),
        );
        check(
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
            100,
            None,
        );
        check(
            "maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages, 1000 in the completion).",
            1_000,
            None,
        );
        check("", 100, None);
    }

    #[test]
    fn errors_in_a_stream_pass_or_do_not() {
        let check = |kind: &str, code: &str, passes: bool| {
            let api = ApiError { kind: kind.into(), code: code.into(), ..ApiError::default() };
            let failure = of_stream(StreamError::Api(api));
            assert_eq!(matches!(failure, Failure::Passing(_)), passes, "{kind} {code}");
        };
        check("server_error", "", true);
        check("", "502", true);
        check("", "429", true);
        check("rate_limit_error", "rate_limit_exceeded", true);
        check("something_new", "", true);
        check("invalid_request_error", "", false);
        check("", "context_length_exceeded", false);
        check("", "401", false);
        check("", "insufficient_quota", false);
        assert!(matches!(of_stream(StreamError::Broken("x")), Failure::Passing(_)));
    }
}
