//! Times and lengths of time as sources write them.

use serde_json::Value;

/// Milliseconds since 1970 of a number of seconds, milliseconds, microseconds or
/// nanoseconds, told apart by its size: seconds reach 1e11 in the year 5138.
pub(in crate::deploy) fn of_number(number: f64) -> Option<i64> {
    let ms = match number.abs() {
        n if !n.is_finite() => return None,
        n if n < 1e11 => number * 1e3,
        n if n < 1e14 => number,
        n if n < 1e17 => number / 1e3,
        _ => number / 1e6,
    };
    (ms.abs() < 9e15).then_some(ms.round() as i64)
}

/// A number as text, RFC 3339, or a date and time without a zone, which is UTC.
pub(in crate::deploy) fn of_text(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return of_number(number);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// Any of these in JSON.
pub(in crate::deploy) fn of_json(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => of_number(number.as_f64()?),
        Value::String(text) => of_text(text),
        _ => None,
    }
}

/// A length as Prometheus writes it (`1h30m`, `15s`, `250ms`, `1d`), in
/// milliseconds; a bare number is seconds. At most ten years.
pub(in crate::deploy) fn length(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = seconds * 1e3;
        return (1.0..3.2e11).contains(&ms).then_some(ms as i64);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(unit);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let ms = match &tail[..end] {
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 6e4,
            "h" => 3.6e6,
            "d" => 8.64e7,
            "w" => 6.048e8,
            "y" => 3.1536e10,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * ms;
        rest = &tail[end..];
    }
    (1.0..3.2e11).contains(&total).then_some(total as i64)
}

/// A length as Prometheus reads it.
pub(in crate::deploy) fn written(ms: i64) -> String {
    if ms % 1000 == 0 { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}

/// RFC 3339 in UTC.
pub(in crate::deploy) fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

/// A number, or one as text; `NaN` for what is no number.
pub(in crate::deploy) fn number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => number_of_text(text),
        _ => f64::NAN,
    }
}

/// The same of a text. Infinite counts as missing: no comparison can use it.
pub(in crate::deploy) fn number_of_text(text: &str) -> f64 {
    text.trim().parse::<f64>().ok().filter(|n| n.is_finite()).unwrap_or(f64::NAN)
}
