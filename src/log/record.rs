//! A line as a record: its level and what it says, apart from times at its head, out
//! of JSON, logfmt or plain text.

use std::borrow::Cow;

use serde_json::Value;

use super::severity::{Severity, level_word};

/// A line as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// What its level says, where it has one.
    pub level: Option<Severity>,
    /// What it says: level and logger stay in plain text, times at the head do not.
    pub message: Cow<'a, str>,
}

/// Reads a cleaned line.
pub fn read(line: &str) -> Record<'_> {
    let rest = without_times(line);
    if rest.trim_start().starts_with('{')
        && let Some(record) = json(rest)
    {
        return record;
    }
    if let Some(record) = logfmt(line) {
        return record;
    }
    Record { level: super::severity::level(rest), message: Cow::Borrowed(rest) }
}

/// The text after what only says when: timestamps, and the words that container
/// runtimes put beside them (`stdout F`). Its own indentation stays.
pub fn without_times(line: &str) -> &str {
    let mut rest = line;
    for _ in 0..4 {
        let Some(word) = rest.split_whitespace().next() else { break };
        let start = rest.len() - rest.trim_start().len();
        if start > 1 || !is_time(word) {
            break;
        }
        let after = &rest[start + word.len()..];
        if after.trim().is_empty() {
            break;
        }
        rest = after.strip_prefix([' ', '\t']).unwrap_or(after);
        for stream in ["stdout ", "stderr "] {
            if let Some(after) = rest.strip_prefix(stream)
                && let Some(after) = after.strip_prefix("F ").or_else(|| after.strip_prefix("P "))
            {
                rest = after;
            }
        }
    }
    rest
}

/// Whether a word is a date, a time of day, or both.
fn is_time(word: &str) -> bool {
    let word = word.trim_matches(['[', ']', '(', ')', ',', '-', '|']);
    let bytes = word.as_bytes();
    let shape = |pattern: &[u8]| {
        bytes.len() >= pattern.len()
            && pattern.iter().zip(bytes).all(|(wanted, byte)| match wanted {
                b'd' => byte.is_ascii_digit(),
                other => other == byte,
            })
    };
    shape(b"dddd-dd-dd")
        || shape(b"dddd/dd/dd")
        || shape(b"dd:dd:dd")
        || shape(b"dd/dd/dd")
        || shape(b"dd-dd-dd")
}

/// Where the common loggers put what a line says, nearest first.
const MESSAGE: &[&str] = &[
    "message",
    "msg",
    "@m",
    "@mt",
    "short_message",
    "log",
    "event",
    "text",
    "body",
    "Message",
    "MESSAGE",
    "textPayload",
    "RenderedMessage",
    "MessageTemplate",
    "description",
];
const LEVEL: &[&str] = &[
    "level",
    "severity",
    "lvl",
    "log.level",
    "@l",
    "levelname",
    "loglevel",
    "log_level",
    "severityText",
    "severity_text",
    "Level",
    "LogLevel",
    "priority",
    "PRIORITY",
];
const STATUS: &[&str] =
    &["status", "status_code", "statusCode", "http.status_code", "response_code", "http_status"];
const ERROR: &[&str] = &[
    "error",
    "err",
    "exception",
    "error.message",
    "exc_info",
    "error_message",
    "Exception",
    "@x",
    "exception.message",
    "reason",
    "cause",
    "panic",
    "stack_trace",
    "stack",
    "stacktrace",
];

fn json(text: &str) -> Option<Record<'_>> {
    let Value::Object(fields) = serde_json::from_str::<Value>(text).ok()? else { return None };
    let field = |names: &[&str]| {
        names.iter().find_map(|name| {
            fields.get(*name).or_else(|| {
                let (outer, inner) = name.split_once('.')?;
                fields.get(outer)?.get(inner)
            })
        })
    };
    let mut level = field(LEVEL).and_then(|level| match level {
        Value::String(word) => level_word(word),
        Value::Number(number) => number.as_u64().map(numbered),
        _ => None,
    });
    let mut message = match field(MESSAGE) {
        Some(Value::String(text)) => text.trim_end().to_owned(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    if message.starts_with('{')
        && let Some(inner) = json(&message)
    {
        level = level.or(inner.level);
        message = inner.message.into_owned();
    }
    let why = field(ERROR).and_then(|why| match why {
        Value::String(text) if !text.trim().is_empty() => Some(first_line(text)),
        Value::Object(why) => ["message", "msg", "type", "name", "class"]
            .iter()
            .find_map(|name| why.get(*name)?.as_str())
            .map(first_line),
        _ => None,
    });
    let mut said = message.lines().next().unwrap_or_default().to_owned();
    let status = field(STATUS).and_then(|status| match status {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    });
    if status.is_some_and(|status| (500..600).contains(&status)) {
        said.push_str(" server error");
        level = Some(Severity::Error);
    }
    if let Some(why) = why
        && !said.contains(&why)
    {
        said.push_str(" error: ");
        said.push_str(&why);
    }
    if said.trim().is_empty() {
        // Nothing that says anything: the names of its fields do.
        said = fields.keys().cloned().collect::<Vec<_>>().join(" ");
    }
    let level = level.or_else(|| super::severity::level(&said));
    Some(Record { level, message: Cow::Owned(said) })
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().trim().to_owned()
}

/// Levels as numbers: syslog's 0 to 7 (RFC 5424), and tens as of Bunyan and Pino.
fn numbered(number: u64) -> Severity {
    match number {
        0..=3 => Severity::Error,
        4 => Severity::Warning,
        5..=39 => Severity::Other,
        40..=49 => Severity::Warning,
        _ => Severity::Error,
    }
}

/// `time=… level=info msg="…"`: at least a level and a message, or three pairs from
/// the start on.
fn logfmt(line: &str) -> Option<Record<'_>> {
    let head = &line[..super::clean::edge(line, 200)];
    if !(head.contains("level=") || head.contains("lvl=") || head.contains("severity=")) {
        return None;
    }
    let (mut level, mut message, mut why) = (None, None, None);
    let mut is_server_error = false;
    let mut rest = line.trim_start();
    while let Some((name, value, after)) = pair(rest) {
        match name {
            "level" | "lvl" | "severity" => level = level.or_else(|| level_word(&value)),
            "msg" | "message" | "event" => message = Some(value),
            "err" | "error" | "exception" | "reason" => why = Some(value),
            "status" | "status_code" | "code" => {
                is_server_error = value.len() == 3 && value.starts_with('5');
            }
            _ => {}
        }
        rest = after;
    }
    let mut said = message?.into_owned();
    if is_server_error {
        said.push_str(" server error");
        level = Some(Severity::Error);
    }
    if let Some(why) = why
        && !why.is_empty()
        && why != "null"
        && !said.contains(why.as_ref())
    {
        said.push_str(" error: ");
        said.push_str(&why);
    }
    let level = level.or_else(|| super::severity::level(&said));
    Some(Record { level, message: Cow::Owned(said) })
}

/// The next `name=value`, words without `=` passed over, and what follows it.
fn pair(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let mut rest = text.trim_start();
    loop {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace())?;
        if rest[end..].starts_with('=') {
            let name = &rest[..end];
            let value = &rest[end + 1..];
            if let Some(quoted) = value.strip_prefix('"') {
                let mut escaped = false;
                let close = quoted.find(|c: char| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                let close = close.unwrap_or(quoted.len());
                let inner = &quoted[..close];
                let value = if inner.contains('\\') {
                    Cow::Owned(inner.replace("\\\"", "\"").replace("\\n", " "))
                } else {
                    Cow::Borrowed(inner)
                };
                return Some((name, value, quoted.get(close + 1..).unwrap_or_default()));
            }
            let close = value.find(char::is_whitespace).unwrap_or(value.len());
            return Some((name, Cow::Borrowed(&value[..close]), &value[close..]));
        }
        rest = rest[end..].trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_says_and_how_bad_it_is_are_told_from_its_head() {
        use Severity::{Error, Other, Warning};
        for (line, level, message) in [
            ("2026-01-02T03:04:05Z INFO up", Some(Other), "INFO up"),
            ("2026-01-02 03:04:05,123 ERROR it broke", Some(Error), "ERROR it broke"),
            ("2026-01-02T03:04:05Z stderr F WARN slow", Some(Warning), "WARN slow"),
            (
                r#"{"level":"error","msg":"it broke","error":"no route"}"#,
                Some(Error),
                "it broke error: no route",
            ),
            (r#"{"level":50,"msg":"it broke"}"#, Some(Error), "it broke"),
            (r#"{"level":30,"msg":"ok"}"#, Some(Other), "ok"),
            (r#"{"log":{"level":"warn"},"message":"slow"}"#, Some(Warning), "slow"),
            (r#"{"log":"2026 plain\n","stream":"stderr"}"#, None, "2026 plain"),
            (r#"time=x level=warn msg="slow \"disk\"" took=3s"#, Some(Warning), "slow \"disk\""),
            ("level=error msg=broke err=\"no route\"", Some(Error), "broke error: no route"),
            (r#"{"msg":"served","status":503}"#, Some(Error), "served server error"),
            (r#"{"msg":"served","status":200}"#, None, "served"),
            (r#"{"log":"\tat a.B.c(D.java:1)\n"}"#, None, "\tat a.B.c(D.java:1)"),
            ("2026-01-02T03:04:05Z     at a.B.c", None, "    at a.B.c"),
            ("level=info msg=served status=502", Some(Error), "served server error"),
            ("{not json", None, "{not json"),
            ("2026-01-02", None, "2026-01-02"),
            ("", None, ""),
        ] {
            let record = read(line);
            assert_eq!((record.level, record.message.as_ref()), (level, message), "{line}");
        }
    }
}
