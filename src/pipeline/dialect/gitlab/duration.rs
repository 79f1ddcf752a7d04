//! Durations in words: `1h 30m`, `90 minutes`, `3600`, `1:30:00`.

use std::sync::LazyLock;

use regex::Regex;

static PART: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d+(?:\.\d+)?)\s*([a-z]*)").expect("the pattern is fixed"));

/// Minutes of a duration. A number without a unit is of seconds, as the service
/// reads it. `None` where it is none.
pub(super) fn minutes(text: &str) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    if text.contains(':') {
        let mut seconds = 0.0;
        for part in text.split(':') {
            seconds = seconds * 60.0 + part.trim().parse::<f64>().ok()?;
        }
        return Some(seconds / 60.0).filter(|minutes| minutes.is_finite());
    }
    let mut total = None;
    for part in PART.captures_iter(&text) {
        let number: f64 = part.get(1)?.as_str().parse().ok()?;
        let unit = match part.get(2)?.as_str() {
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0 / 60.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 1.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 60.0,
            "d" | "day" | "days" => 60.0 * 24.0,
            "w" | "wk" | "wks" | "week" | "weeks" => 60.0 * 24.0 * 7.0,
            "mo" | "mos" | "month" | "months" => 60.0 * 24.0 * 30.0,
            _ => return None,
        };
        total = Some(total.unwrap_or(0.0) + number * unit);
    }
    total.filter(|minutes: &f64| minutes.is_finite())
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn durations_are_read_in_all_spellings() {
        for (text, expect) in [
            ("1h 30m", Some(90.0)),
            ("1 hour 30 minutes", Some(90.0)),
            ("3600", Some(60.0)),
            ("90 minutes", Some(90.0)),
            ("2 days and 1h", Some(2940.0)),
            ("1:30:00", Some(90.0)),
            ("30 seconds", Some(0.5)),
            ("never", None),
            ("3 moons", None),
            ("", None),
        ] {
            assert_eq!(minutes(text), expect, "{text}");
        }
    }
}
