//! What Harness says went wrong, in one line: `{status, code, message, correlationId,
//! responseMessages}`, or whatever a proxy in between put in its place.

use anyhow::anyhow;
use serde::Deserialize;

use crate::http::{Error, Response, StatusCode};
use crate::redact::shorten;

/// Most characters of a line.
const LONGEST: usize = 500;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Said {
    code: Option<String>,
    message: Option<String>,
    detailed_message: Option<String>,
    correlation_id: Option<String>,
    response_messages: Option<Vec<Part>>,
    errors: Option<Vec<Field>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Part {
    message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Field {
    field_id: Option<String>,
    error: Option<String>,
}

/// The fields of an error's body in one line; the words of a page.
pub(super) fn line(answer: &Response) -> String {
    let said: Said = match serde_json::from_slice(&answer.body) {
        Ok(said) => said,
        Err(_) => return shorten(&answer.message(), LONGEST).into_owned(),
    };
    let mut parts: Vec<String> = Vec::new();
    let mut add = |text: String| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    };
    let main = [said.message, said.detailed_message].into_iter().flatten();
    main.for_each(&mut add);
    let more = said.response_messages.unwrap_or_default();
    more.into_iter().take(5).filter_map(|part| part.message).for_each(&mut add);
    for field in said.errors.unwrap_or_default().into_iter().take(5) {
        let name = field.field_id.map(|name| format!("{name}: ")).unwrap_or_default();
        add(format!("{name}{}", field.error.unwrap_or_default()));
    }
    let mut out = parts.join("; ");
    if let Some(code) = said.code.filter(|code| !code.is_empty() && !out.contains(code.as_str())) {
        out = if out.is_empty() { code } else { format!("{code}: {out}") };
    }
    let mut out = shorten(&out, LONGEST).into_owned();
    if let Some(id) = said.correlation_id.filter(|id| !id.is_empty()) {
        // For Harness' support.
        out = format!("{out} (correlation {})", shorten(&id, 80));
    }
    out.trim().to_owned()
}

/// An error in a sentence: what was asked for, what Harness says, what to do.
pub(super) fn explain(error: &Error, what: &str, right: &str) -> anyhow::Error {
    let Error::Status(answer) = error else {
        return anyhow!("cannot get {what} from Harness: {error}");
    };
    let is_page = answer.body.trim_ascii_start().starts_with(b"<");
    let why = match answer.status {
        _ if answer.is_rate_limit() => {
            "too many requests a minute for the account: run again later".to_owned()
        }
        _ if is_page => "a page came in place of an answer: look at the proxy and at \
                         HARNESS_BASE_URL"
            .to_owned(),
        StatusCode::UNAUTHORIZED => {
            "the key is not accepted: it is wrong, expired or of another account".to_owned()
        }
        StatusCode::FORBIDDEN => format!("the key may not: it needs {right}"),
        StatusCode::NOT_FOUND => {
            format!(
                "there is none under this account, organisation and project, or the key may not see it: it needs {right}"
            )
        }
        status if status.is_client_error() => "Harness does not take it".to_owned(),
        _ => "Harness failed".to_owned(),
    };
    let said = match line(answer) {
        said if said.is_empty() => String::new(),
        said => format!(": {said}"),
    };
    anyhow!("cannot get {what} from Harness ({}{said}): {why}", answer.status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Bytes, HeaderMap, HeaderValue, Url};

    fn answer(status: u16, kind: &'static str, body: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(kind));
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            url: Url::parse("https://app.harness.io/x").unwrap(),
            body: Bytes::from(body.to_owned()),
        }
    }

    #[test]
    fn errors_become_one_line_with_their_fields() {
        for (kind, body, expect) in [
            (
                "application/json",
                r#"{"status":"ERROR","code":"ENTITY_NOT_FOUND","message":"no such\npipeline","correlationId":"c-1","detailedMessage":null,"responseMessages":[{"code":"X","level":"ERROR","message":"look at the project"}],"metadata":null}"#,
                "ENTITY_NOT_FOUND: no such pipeline; look at the project (correlation c-1)",
            ),
            (
                "application/json",
                r#"{"status":"FAILURE","code":"INVALID_REQUEST","errors":[{"fieldId":"interruptType","error":"not a valid value"}]}"#,
                "INVALID_REQUEST: interruptType: not a valid value",
            ),
            // The same thing twice is said once.
            (
                "application/json",
                r#"{"code":"X","message":"gone","responseMessages":[{"message":"gone"}]}"#,
                "X: gone",
            ),
            ("application/json", r#"{"message":null,"responseMessages":null}"#, ""),
            ("application/json", "[]", ""),
            ("text/html", "<html><title>502 Bad Gateway</title><p>nginx", "502 Bad Gateway nginx"),
            ("text/plain", "no\nsuch route", "no such route"),
            ("text/plain", "", ""),
        ] {
            assert_eq!(line(&answer(400, kind, body)), expect, "{body}");
        }
        let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(5000));
        assert!(line(&answer(400, "application/json", &long)).chars().count() <= LONGEST + 1);
    }

    #[test]
    fn errors_say_what_to_do() {
        for (status, body, part) in [
            (401, "{}", "the key is not accepted"),
            (403, r#"{"message":"no"}"#, "403: no): the key may not: it needs View on Pipelines"),
            (404, "{}", "or the key may not see it"),
            (429, "{}", "too many requests a minute"),
            (400, r#"{"code":"INVALID_REQUEST"}"#, "400: INVALID_REQUEST): Harness does not"),
            (503, "{}", "Harness failed"),
            (403, "<html><title>Blocked</title>", "a page came in place of an answer"),
        ] {
            let error = Error::Status(Box::new(answer(status, "application/json", body)));
            let text = explain(&error, "the execution x", "View on Pipelines").to_string();
            assert!(
                text.contains(part) && text.starts_with("cannot get the execution x"),
                "{text}"
            );
            assert_eq!(text.lines().count(), 1);
        }
    }
}
