//! What has to be known of a query's text: its range, and where a share divides.

use crate::deploy::times;

/// What the values of a query count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Counted {
    /// Per second (`rate`).
    PerSecond,
    /// In the length of time (milliseconds) before each point (`increase`).
    Within(Option<i64>),
    /// Since something started (a counter as it stands).
    Cumulative,
    /// Between one point and the next.
    EachStep,
}

/// The longest range (`[5m]`, `[1h:1m]`) in a query, in milliseconds. Texts in quotes
/// are passed over.
pub(super) fn range(query: &str) -> Option<i64> {
    let mut longest = None;
    scan(query, |at, c, _| {
        if c == '['
            && let Some(end) = query[at..].find(']')
        {
            let inner = &query[at + 1..at + end];
            longest = longest.max(times::length(inner.split(':').next().unwrap_or(inner)));
        }
    });
    longest
}

/// What a query's values count, by the functions that it calls; a bare name that ends
/// as counters do is cumulative.
pub(super) fn counted(query: &str) -> Counted {
    let mut names: Vec<(String, bool)> = Vec::new();
    let mut word = String::new();
    let mut depth_in_braces = 0usize;
    scan(query, |_, c, _| {
        if c == '{' {
            depth_in_braces += 1;
        }
        if depth_in_braces == 0 && (c.is_ascii_alphanumeric() || c == '_' || c == ':') {
            word.push(c);
            return;
        }
        if !word.is_empty() {
            names.push((std::mem::take(&mut word), c == '('));
        }
        if c == '}' {
            depth_in_braces = depth_in_braces.saturating_sub(1);
        }
    });
    names.push((word, false));
    let calls = |wanted: &[&str]| names.iter().any(|(n, call)| *call && wanted.contains(&&**n));
    if calls(&["rate", "irate", "deriv"]) {
        Counted::PerSecond
    } else if calls(&["increase", "delta", "idelta", "count_over_time"]) {
        Counted::Within(range(query))
    } else if names.iter().any(|(name, call)| {
        !call && ["_total", "_count", "_bucket", "_sum"].iter().any(|end| name.ends_with(end))
    }) {
        Counted::Cumulative
    } else {
        Counted::EachStep
    }
}

/// The two sides of a query that is one division: failures and all. `None` where it is
/// something else, or the division says how its sides are matched.
pub(super) fn sides(query: &str) -> Option<(String, String)> {
    let mut query = query.trim();
    // Parentheses around the whole.
    while let Some(inner) = query.strip_prefix('(').and_then(|q| q.strip_suffix(')')) {
        let mut closes = false;
        scan(inner, |_, c, depth| closes |= c == ')' && depth == 0);
        if closes {
            break;
        }
        query = inner.trim();
    }
    let mut slashes = Vec::new();
    let mut others = false;
    let mut before = ' ';
    let mut last_word = String::new();
    scan(query, |at, c, depth| {
        if depth == 0 {
            if c == '/' {
                slashes.push(at);
            } else if matches!(c, '+' | '*' | '%' | '^' | '<' | '>' | '!' | '=')
                // A minus inside a metric's name (Datadog) is none.
                || c == '-' && before.is_whitespace()
            {
                others = true;
            }
            if c.is_ascii_alphabetic() {
                last_word.push(c);
            } else {
                others |=
                    matches!(&*last_word, "or" | "and" | "unless" | "on" | "ignoring" | "bool");
                last_word.clear();
            }
        }
        before = c;
    });
    let [slash] = slashes[..] else { return None };
    let (bad, total) = (query[..slash].trim(), query[slash + 1..].trim());
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    if others || bad.is_empty() || total.is_empty() || is_number(bad) || is_number(total) {
        return None;
    }
    Some((bad.to_owned(), total.to_owned()))
}

/// Each character outside texts, with how many brackets are open around it.
fn scan(query: &str, mut see: impl FnMut(usize, char, usize)) {
    let mut depth = 0usize;
    let mut quote = None;
    let mut chars = query.char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            Some(open) => {
                if c == '\\' && open != '`' {
                    chars.next();
                } else if c == open {
                    quote = None;
                }
                continue;
            }
            None if matches!(c, '"' | '\'' | '`') => {
                quote = Some(c);
                continue;
            }
            None => {}
        }
        see(at, c, depth);
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_divide_at_their_one_slash() {
        for (query, expect) in [
            ("sum(rate(e[1m])) / sum(rate(t[1m]))", Some(("sum(rate(e[1m]))", "sum(rate(t[1m]))"))),
            ("(sum(e)/sum(t))", Some(("sum(e)", "sum(t)"))),
            ("(a) / (b)", Some(("(a)", "(b)"))),
            (r#"a{p="/x/"} / b"#, Some((r#"a{p="/x/"}"#, "b"))),
            (
                "sum:a.b-c{x:y}.as_count() / sum:d{x:y}.as_count()",
                Some(("sum:a.b-c{x:y}.as_count()", "sum:d{x:y}.as_count()")),
            ),
            ("a / on(x) b", None),
            ("a / b / c", None),
            ("a / b * 100", None),
            ("1 - a / b", None),
            ("a / 60", None),
            ("a / b or vector(0)", None),
            ("(a / b) > 0", None),
            ("sum(a / b)", None),
            ("a", None),
            ("", None),
            ("/", None),
        ] {
            let got = sides(query);
            let got = got.as_ref().map(|(bad, total)| (bad.as_str(), total.as_str()));
            assert_eq!(got, expect, "{query}");
        }
    }

    #[test]
    fn what_is_counted_is_told_by_the_functions() {
        for (query, expect) in [
            ("sum(rate(http_requests_total{a=\"increase(\"}[5m]))", Counted::PerSecond),
            ("sum(increase(x_total[5m]))", Counted::Within(Some(300_000))),
            ("sum(x_total{code=~\"5..\"})", Counted::Cumulative),
            ("job:errors:1m", Counted::EachStep),
            ("errors{rate_total=\"x\"}", Counted::EachStep),
        ] {
            assert_eq!(counted(query), expect, "{query}");
        }
    }

    #[test]
    fn the_longest_range_counts() {
        for (query, expect) in [
            ("rate(x[5m])", Some(300_000)),
            ("max_over_time(rate(x[1m])[1h:5m])", Some(3_600_000)),
            ("x{a=\"[9d]\"}", None),
            ("x[", None),
            ("rate(x[1h30m])", Some(5_400_000)),
        ] {
            assert_eq!(range(query), expect, "{query}");
        }
    }
}
