//! Times in words as cron's five fields, in UTC.

use std::sync::LazyLock;

use regex::Regex;

static CRON: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|\s|`|')((?:[\d*/,-]+\s+){4}[\d*/,a-z-]+)(?:`|'|\s|$)").ok());

static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\b(?P<each>nightly|daily|hourly|weekly|monthly|every (?:single )?(?:other )?(?:night|day|morning|evening|hour|week(?:day)?s?|weekend|month|monday|tuesday|wednesday|thursday|friday|saturday|sunday|\d+ (?:hours|minutes))|each (?:night|day|morning|evening|hour|week|month)|once an? (?:night|day|week|month|hour)|(?:mon|tues|wednes|thurs|fri|satur|sun)days|at night)\b",
        r"(?:\s+(?:on\s+)?(?P<day>mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|weekdays?))?",
        r"(?:,?\s+(?:at|around|by)\s+(?P<hour>\d{1,2}|midnight|noon|one|two|three|four|five|six)(?:[:.h](?P<minute>\d{2}))?(?:\s*(?P<half>am|pm|a\.m\.|p\.m\.|o'?clock))?(?:\s+(?P<zone>utc|gmt))?)?",
        r"(?:\s+in the (?P<part>morning|evening|afternoon|night))?",
        r"(?:\s+(?:on\s+)(?P<late>mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|weekdays?))?",
    ))
    .ok()
});

/// A time that was read: where it stands, and as cron has it.
pub struct Time {
    /// In bytes.
    pub range: std::ops::Range<usize>,
    /// Five fields.
    pub cron: String,
}

/// All times in lower-case text.
pub fn times(text: &str) -> Vec<Time> {
    let mut times: Vec<Time> = Vec::new();
    for found in CRON.iter().flat_map(|cron| cron.captures_iter(text)) {
        if let Some(cron) = found.get(1) {
            let fields: Vec<&str> = cron.as_str().split_whitespace().collect();
            times.push(Time { range: cron.range(), cron: fields.join(" ") });
        }
    }
    for found in WORDS.iter().flat_map(|words| words.captures_iter(text)) {
        let Some(all) = found.get(0) else { continue };
        let get = |name: &str| found.name(name).map(|part| part.as_str());
        let each = get("each").unwrap_or_default();
        let weekday = get("day").or_else(|| get("late")).and_then(day).or_else(|| day(each));
        let afternoon = matches!(get("half"), Some("pm" | "p.m."))
            || matches!(get("part"), Some("evening" | "afternoon"));
        let morning = matches!(get("half"), Some("am" | "a.m."));
        let hour = get("hour").map(|hour| match hour {
            "midnight" => 0,
            "noon" => 12,
            "one" => 1,
            "two" => 2,
            "three" => 3,
            "four" => 4,
            "five" => 5,
            "six" => 6,
            number => number.parse::<u32>().unwrap_or(3),
        });
        let hour = hour.map(|hour| match hour {
            12 if morning => 0,
            1..=11 if afternoon => hour + 12,
            hour => hour.min(23),
        });
        let usual = if each.contains("morning") {
            6
        } else if each.contains("evening") {
            18
        } else {
            3
        };
        // Away from the full hour, when the services are busy, where none was named.
        let minute = match (get("minute").and_then(|minute| minute.parse::<u32>().ok()), hour) {
            (Some(minute), _) => minute.min(59),
            (None, Some(_)) => 0,
            (None, None) => 17,
        };
        let hour = hour.unwrap_or(usual);
        let number = each.split_whitespace().find_map(|word| word.parse::<u32>().ok());
        let cron = match (each, number) {
            (each, Some(n)) if each.ends_with("hours") => format!("17 */{} * * *", n.clamp(1, 23)),
            (_, Some(n)) => format!("*/{} * * * *", n.clamp(5, 59)),
            (each, _) if each.contains("hour") => "17 * * * *".to_owned(),
            (each, _) if each.contains("month") => format!("{minute} {hour} 1 * *"),
            (each, _) if weekday.is_none() && each.ends_with("weekend") => {
                format!("{minute} {hour} * * 6,0")
            }
            (each, _) if weekday.is_none() && each.contains("week") => {
                format!("{minute} {hour} * * 1")
            }
            _ => format!("{minute} {hour} * * {}", weekday.unwrap_or("*")),
        };
        times.push(Time { range: all.range(), cron });
    }
    times
}

fn day(text: &str) -> Option<&'static str> {
    let days = [
        ("weekday", "1-5"),
        ("mon", "1"),
        ("tues", "2"),
        ("wednes", "3"),
        ("thurs", "4"),
        ("fri", "5"),
        ("satur", "6"),
        ("sun", "0"),
    ];
    let word = text.split_whitespace().last()?;
    days.iter()
        .find(|(name, _)| word.starts_with(name) && word.contains("day"))
        .map(|(_, day)| *day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_cron() {
        let check = |text: &str, expect: &[&str]| {
            let found: Vec<String> = times(text).into_iter().map(|time| time.cron).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("run it every night at 3", &["0 3 * * *"]);
        check("nightly", &["17 3 * * *"]);
        check("nightly at 2:30 am", &["30 2 * * *"]);
        check("every day at 11pm utc", &["0 23 * * *"]);
        check("every monday at 6", &["0 6 * * 1"]);
        check("weekly on sunday", &["17 3 * * 0"]);
        check("every weekday at 7:15", &["15 7 * * 1-5"]);
        check("every 6 hours", &["17 */6 * * *"]);
        check("each month", &["17 3 1 * *"]);
        check("cron `5 4 * * 1-5` please", &["5 4 * * 1-5"]);
        check("every evening at 8 in the evening", &["0 20 * * *"]);
        check("test on every push", &[]);
    }
}
