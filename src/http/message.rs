//! What a host says went wrong, in one line.

use ::http::HeaderMap;
use ::http::header::CONTENT_TYPE;
use serde_json::Value;

/// Most characters kept.
const LONGEST: usize = 400;

/// The host's own name for a request, for its support: logged, not shown.
pub fn request_id(headers: &HeaderMap) -> &str {
    ["x-github-request-id", "request-id", "x-request-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .unwrap_or("")
}

/// The words of an error body: `message` and `errors` of JSON, the text of
/// HTML without its tags, else the text. One line, cut at 400 characters.
pub fn excerpt(headers: &HeaderMap, body: &[u8]) -> String {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return one_line(&of_json(&value));
    }
    let text = String::from_utf8_lossy(body);
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if kind.contains("html") || text.trim_start().starts_with('<') {
        return one_line(&of_html(&text));
    }
    one_line(&text)
}

fn of_json(value: &Value) -> String {
    let error = value.get("error").filter(|error| error.is_object()).unwrap_or(value);
    let main = ["message", "error_description", "error"]
        .iter()
        .find_map(|key| error.get(*key)?.as_str())
        .unwrap_or("");
    let details: Vec<String> = value
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|detail| match detail {
            Value::String(text) => Some(text.clone()),
            Value::Object(fields) => match fields.get("message").and_then(Value::as_str) {
                Some(text) => Some(text.to_owned()),
                None => {
                    let words: Vec<&str> = ["resource", "field", "code"]
                        .iter()
                        .filter_map(|key| fields.get(*key)?.as_str())
                        .collect();
                    (!words.is_empty()).then(|| words.join(" "))
                }
            },
            _ => None,
        })
        .collect();
    match (main.is_empty(), details.is_empty()) {
        (_, true) => main.to_owned(),
        (true, false) => details.join("; "),
        (false, false) => format!("{main} ({})", details.join("; ")),
    }
}

/// Text outside tags, without scripts and styles.
fn of_html(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        text.push(' ');
        rest = &rest[open + 1..];
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        let end = match name.to_ascii_lowercase().as_str() {
            "script" => rest.find("</script"),
            "style" => rest.find("</style"),
            _ if rest.starts_with("!--") => rest.find("-->"),
            _ => Some(0),
        };
        rest = &rest[end.unwrap_or(rest.len())..];
        rest = rest.find('>').map_or("", |close| &rest[close + 1..]);
    }
    text.push_str(rest);
    text
}

fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > LONGEST {
            line = line.chars().take(LONGEST).collect();
            line.push('…');
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: &str) {
        assert_eq!(excerpt(&HeaderMap::new(), body.as_bytes()), expect, "{body}");
    }

    #[test]
    fn error_bodies_become_one_line() {
        check(r#"{"message":"Not Found","documentation_url":"x"}"#, "Not Found");
        check(
            r#"{"message":"Validation Failed","errors":["line must be part of the diff","b"]}"#,
            "Validation Failed (line must be part of the diff; b)",
        );
        check(
            r#"{"message":"Invalid","errors":[{"resource":"Label","code":"invalid","field":"name"}]}"#,
            "Invalid (Label name invalid)",
        );
        check(r#"{"errors":[{"message":"no node"}]}"#, "no node");
        check(
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "Overloaded",
        );
        check(r#"{"error":"invalid_grant"}"#, "invalid_grant");
        check(
            "<html><head><style>a{}</style><title>502 Bad Gateway</title></head>\n<script>1<2</script><h1>Oh no</h1>",
            "502 Bad Gateway Oh no",
        );
        check("<!-- x > y --><p>gone", "gone");
        check("  plain\n text ", "plain text");
        check("", "");
        check("[1,2]", "");
        check("<", "");
        check("<script", "");
    }

    #[test]
    fn long_bodies_are_cut() {
        assert_eq!(excerpt(&HeaderMap::new(), "é".repeat(5000).as_bytes()).chars().count(), 401);
    }
}
