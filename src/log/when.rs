//! When a line was written, where it says so itself.

/// Milliseconds since 1970 out of a date and time among the first words of a line, as in
/// ISO 8601 (`2026-01-02T03:04:05.678Z`, `2026-01-02 03:04:05,678`, `2026/01/02 …`). Zones
/// are not looked at: only differences within one log are of use.
pub fn at(line: &str) -> Option<i64> {
    let head = &line.as_bytes()[..line.len().min(96)];
    let dash = |byte: &u8| matches!(byte, b'-' | b'/');
    let starts = (0..head.len().saturating_sub(18)).filter(|start| {
        head.get(start + 4).is_some_and(dash) && head.get(start + 7).is_some_and(dash)
    });
    starts.filter_map(|start| time(&head[start..])).next()
}

fn time(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        text.get(from..to)?.iter().try_fold(0_i64, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && matches!(text.get(10), Some(b'T' | b't' | b' ' | b'_'))
        && text.get(13) == Some(&b':')
        && text.get(16) == Some(&b':')
        && hour < 25
        && minute < 60
        && second < 61;
    // Days since 1970 by the Gregorian calendar, the year begun in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    let milliseconds = match text.get(19) {
        Some(b'.' | b',') => number(20, 23).unwrap_or(0),
        _ => 0,
    };
    fits.then_some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_where_they_stand() {
        for (line, expect) in [
            ("1970-01-01T00:00:00Z up", Some(0)),
            ("2026-01-02T03:04:05.678Z up", Some(1_767_323_045_678)),
            ("2026-01-02 03:04:05,678 up", Some(1_767_323_045_678)),
            ("2024/02/29 00:00:00 up", Some(1_709_164_800_000)),
            ("[2024-02-29 00:00:00] up", Some(1_709_164_800_000)),
            (r#"{"level":"info","ts":"2024-02-29T00:00:00Z"}"#, Some(1_709_164_800_000)),
            ("2024-13-29T00:00:00Z", None),
            ("2024-02-29", None),
            ("order 1234-56-78 of 12:00:00", None),
            ("ääää-ää-ää ää:ää:ää ää", None),
            ("", None),
        ] {
            assert_eq!(at(line), expect, "{line}");
        }
    }
}
