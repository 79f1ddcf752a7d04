//! Numbers, units and times in sentences for a person on call.

use super::spec::{Kind, Signal};

/// A number with three significant digits, without trailing zeros, thousands grouped.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { "unbounded".into() };
    }
    let size = value.abs();
    if size >= 1e15 {
        return format!("{value:.2e}");
    }
    if size >= 100.0 {
        return grouped(value.round());
    }
    let digits = (2 - size.log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// A signal's level with its unit.
pub fn level(signal: &Signal, value: f64) -> String {
    match (signal.kind, &signal.unit) {
        (Kind::Ratio, _) => percent(value),
        (Kind::Gauge, Some(unit)) => format!("{} {unit}", number(value)),
        (Kind::Gauge, None) => number(value),
        (Kind::Counter, Some(unit)) => format!("{} {unit} a second", number(value)),
        (Kind::Counter, None) => format!("{} a second", number(value)),
    }
}

/// A signal's effect with its sign: percentage points of a ratio, or else relative.
pub fn effect(signal: &Signal, effect: f64) -> String {
    let sign = if effect > 0.0 { "+" } else { "" };
    match signal.kind {
        Kind::Ratio => format!("{sign}{} points", number(effect * 100.0)),
        _ => format!("{sign}{} %", number(effect * 100.0)),
    }
}

/// A time of day in UTC.
pub fn time(at: i64) -> String {
    match jiff::Timestamp::from_millisecond(at) {
        Ok(time) => time.strftime("%H:%M UTC").to_string(),
        Err(_) => "an unknown time".to_owned(),
    }
}

/// A duration in its two largest units.
pub fn duration(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .take(2)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

/// Names as `a, b and c`; of many the first few.
pub fn names(names: &[String]) -> String {
    const MOST: usize = 5;
    match names {
        [] => String::new(),
        [one] => one.clone(),
        many if many.len() > MOST => {
            format!("{} and {} more", many[..MOST].join(", "), many.len() - MOST)
        }
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (value, expect) in [
            (0.0, "0"),
            (0.0512, "0.0512"),
            (1.0, "1"),
            (12.345, "12.3"),
            (99.96, "100"),
            (1234.6, "1,235"),
            (-1_234_567.0, "-1,234,567"),
            (0.000_012_3, "0.0000123"),
            (f64::INFINITY, "unbounded"),
        ] {
            assert_eq!(number(value), expect);
        }
        assert_eq!(duration(5_400_000), "1 h 30 min");
        assert_eq!(time(1_767_261_600_000), "10:00 UTC");
    }
}
