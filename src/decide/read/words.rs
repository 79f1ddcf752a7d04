//! Durations, times and names as people write them.

use jiff::Timestamp;

/// Milliseconds of a duration: `5m`, `1h30m`, `90s`, `2d`, `250ms`, or seconds
/// without a unit.
pub fn duration(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return from_seconds(seconds);
    }
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let seconds = match unit {
            "ms" => 0.001,
            "s" | "sec" | "secs" => 1.0,
            "m" | "min" | "mins" => 60.0,
            "h" | "hr" | "hrs" => 3_600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * seconds;
        rest = tail.trim_start();
    }
    if text.is_empty() { None } else { from_seconds(sum) }
}

/// Milliseconds of seconds that are neither negative nor longer than a century.
pub fn from_seconds(seconds: f64) -> Option<i64> {
    (seconds.is_finite() && (0.0..=3.2e9).contains(&seconds))
        .then(|| (seconds * 1000.0).round() as i64)
}

/// Milliseconds since 1970 of a time: RFC 3339 with an offset (`T` or a space between
/// day and time), or a number as in [`epoch`].
pub fn time(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return epoch(number);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    // Without an offset it is UTC, as every metric system writes it.
    let day_and_time = text.len() >= 16 && text.as_bytes().get(4) == Some(&b'-');
    let offsetless = text.parse::<jiff::civil::DateTime>().ok().filter(|_| day_and_time)?;
    offsetless.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp().as_millisecond())
}

/// Milliseconds since 1970 of a number: seconds, or by its size milli-, micro- or
/// nanoseconds.
pub fn epoch(number: f64) -> Option<i64> {
    let milliseconds = match number.abs() {
        size if !size.is_finite() => return None,
        size if size < 1e11 => number * 1e3,
        size if size < 1e14 => number,
        size if size < 1e17 => number / 1e3,
        size if size < 1e20 => number / 1e6,
        _ => return None,
    };
    Some(milliseconds.round() as i64)
}

/// The name among these that `word` was probably meant to be.
pub fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', ' ', '.'], "_");
    let word = plain(word);
    let allowed = match word.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    names
        .iter()
        .map(|name| (distance(&word, &plain(name)), *name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Letters to change, add, leave out or swap with their neighbour until one word is the
/// other (optimal string alignment). Words longer than any name of ours are far.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let mut best =
                (above[j] + usize::from(letter != other)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == b[j - 1] && a[i - 1] == *other {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expect) in [
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("1h 30m", Some(5_400_000)),
            ("90s", Some(90_000)),
            ("90", Some(90_000)),
            ("0", Some(0)),
            ("1.5h", Some(5_400_000)),
            ("250ms", Some(250)),
            ("2d", Some(172_800_000)),
            ("", None),
            ("m", None),
            ("5x", None),
            ("-5m", None),
            ("-5", None),
            ("5m3", None),
            ("1e300", None),
        ] {
            assert_eq!(duration(text), expect, "{text}");
        }
    }

    #[test]
    fn times_are_read_with_offsets_and_by_the_size_of_numbers() {
        let ten = Some(1_767_261_600_000);
        for text in [
            "2026-01-01T10:00:00Z",
            "2026-01-01T11:00:00+01:00",
            "2026-01-01 10:00:00Z",
            "2026-01-01T10:00:00",
            "2026-01-01T10:00",
            "2026-01-01T10:00:00.000Z",
            "1767261600",
            "1767261600.0",
            "1767261600000",
        ] {
            assert_eq!(time(text), ten, "{text}");
        }
        for text in ["", "tomorrow", "10:00", "2026-13-01T10:00:00Z", "inf", "NaN"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_told_from_another_word() {
        for (word, expect) in [
            ("signal", Some("signals")),
            ("started-at", Some("started_at")),
            ("sgnals", Some("signals")),
            ("owner", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, &["signals", "started_at", "health"]), expect, "{word}");
        }
    }
}
