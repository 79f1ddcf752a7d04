//! `$version` and its like in queries, addresses and filters.

/// What a query may name.
#[derive(Debug, Clone, Default)]
pub(in crate::deploy) struct Variables {
    pub(in crate::deploy) version: Option<String>,
    pub(in crate::deploy) previous: Option<String>,
    pub(in crate::deploy) service: String,
    pub(in crate::deploy) instance: Option<String>,
    pub(in crate::deploy) dependency: Option<String>,
    pub(in crate::deploy) role: String,
    /// The question, for addresses that take one.
    pub(in crate::deploy) query: Option<String>,
    pub(in crate::deploy) step: String,
    pub(in crate::deploy) from: i64,
    pub(in crate::deploy) to: i64,
    /// Any version is meant: days on which another one ran.
    pub(in crate::deploy) any_version: bool,
}

/// The language that a value is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::deploy) enum Language {
    /// PromQL and LogQL: inside quotes, perhaps as a regular expression.
    PromQl,
    /// Datadog: a tag's value.
    Datadog,
    /// An address: percent-encoded.
    Address,
    /// JSON: inside quotes.
    JsonText,
    /// As it stands.
    Plain,
}

/// The name of a variable at the start of the text behind `$`, and what follows it.
fn name(text: &str) -> Option<(&str, usize)> {
    if let Some(inner) = text.strip_prefix('{') {
        let end = inner.find('}')?;
        return Some((&inner[..end], end + 2));
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| (&text[..end], end))
}

/// Whether a text names a variable.
pub(in crate::deploy) fn uses(text: &str, wanted: &str) -> bool {
    text.match_indices('$').any(|(at, _)| name(&text[at + 1..]).is_some_and(|(n, _)| n == wanted))
}

/// The text with the values in place of the names. Names that are none of ours stay.
///
/// # Errors
/// The name of a variable that has no value.
pub(in crate::deploy) fn substitute(
    text: &str,
    variables: &Variables,
    language: Language,
) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let Some((name, used)) = name(behind) else {
            out.push('$');
            rest = behind;
            continue;
        };
        rest = &behind[used..];
        let value = match name {
            "version" if variables.any_version && any(&mut out, rest, language) => continue,
            "version" => variables.version.clone(),
            "previous" => variables.previous.clone(),
            "service" => Some(variables.service.clone()).filter(|name| !name.is_empty()),
            "instance" => variables.instance.clone(),
            "dependency" => variables.dependency.clone(),
            "query" => variables.query.clone(),
            "role" => Some(variables.role.clone()),
            "step" | "__interval" | "__rate_interval" => Some(variables.step.clone()),
            "from" => Some((variables.from / 1000).to_string()),
            "to" => Some((variables.to / 1000).to_string()),
            "from_ms" => Some(variables.from.to_string()),
            "to_ms" => Some(variables.to.to_string()),
            "from_time" => Some(super::times::rfc3339(variables.from)),
            "to_time" => Some(super::times::rfc3339(variables.to)),
            _ => {
                out.push('$');
                out.push_str(&behind[..used]);
                continue;
            }
        };
        let value = value.ok_or_else(|| name.to_owned())?;
        let quoted = quote(&value, &out, language);
        out.push_str(&quoted);
    }
    out.push_str(rest);
    Ok(out)
}

/// Turns a matcher of one version into one of any: `version="` + `"` becomes
/// `version=~".+"`. False where the text is no such matcher.
fn any(out: &mut String, rest: &str, language: Language) -> bool {
    match language {
        Language::PromQl if rest.starts_with('"') => {
            if out.ends_with("=~\"") {
                out.push_str(".+");
            } else if out.ends_with("=\"") && !out.ends_with("!=\"") {
                out.truncate(out.len() - 1);
                out.push_str("~\".+");
            } else {
                return false;
            }
            true
        }
        Language::Datadog if out.ends_with(':') && rest.starts_with([',', '}', ' ', ')']) => {
            out.push('*');
            true
        }
        _ => false,
    }
}

fn quote(value: &str, before: &str, language: Language) -> String {
    match language {
        Language::Plain => value.to_owned(),
        Language::Address => encode(value),
        Language::JsonText => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        // What Datadog makes of a tag's value when it takes it in:
        // <https://docs.datadoghq.com/getting_started/tagging/>
        Language::Datadog => value
            .to_lowercase()
            .chars()
            .map(|c| if c.is_alphanumeric() || "_-:./".contains(c) { c } else { '_' })
            .collect(),
        Language::PromQl => {
            let Some((opened, quote)) = open_quote(before) else { return value.to_owned() };
            let value = if before[..opened].trim_end().ends_with('~') {
                regex::escape(value)
            } else {
                value.to_owned()
            };
            if quote == '`' {
                return value.replace('`', "");
            }
            let mut out = String::with_capacity(value.len());
            for c in value.chars() {
                match c {
                    '\\' => out.push_str("\\\\"),
                    '\n' => out.push_str("\\n"),
                    c if c == quote => out.extend(['\\', c]),
                    c => out.push(c),
                }
            }
            out
        }
    }
}

/// Where the text that is still open at the end began, and its quote.
fn open_quote(text: &str) -> Option<(usize, char)> {
    let mut open: Option<(usize, char)> = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match open {
            None if matches!(c, '"' | '\'' | '`') => open = Some((at, c)),
            Some((_, quote)) if c == '\\' && quote != '`' => drop(chars.next()),
            Some((_, quote)) if c == quote => open = None,
            _ => {}
        }
    }
    open
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, language: Language, expect: Result<&str, &str>) {
        let variables = Variables {
            version: Some("1.8.0+b\"1".to_owned()),
            service: "checkout".to_owned(),
            step: "30s".to_owned(),
            from: 1_700_000_000_000,
            to: 1_700_000_060_000,
            ..Variables::default()
        };
        let got = substitute(text, &variables, language);
        assert_eq!(got.as_deref().map_err(String::as_str), expect, "{text}");
    }

    #[test]
    fn values_are_quoted_for_the_place_they_stand_in() {
        use Language::{Address, Datadog, Plain, PromQl};
        check(r#"up{v="$version"}"#, PromQl, Ok(r#"up{v="1.8.0+b\"1"}"#));
        check(r#"up{v=~"${version}|x"}"#, PromQl, Ok(r#"up{v=~"1\\.8\\.0\\+b\"1|x"}"#));
        check(r"up{v=`$version`}", PromQl, Ok(r#"up{v=`1.8.0+b"1`}"#));
        check("rate(x[$step]) > 3", PromQl, Ok("rate(x[30s]) > 3"));
        check(r#"x{a=~"b$",c="$versions"}"#, PromQl, Ok(r#"x{a=~"b$",c="$versions"}"#));
        check("sum:x{version:$version}", Datadog, Ok("sum:x{version:1.8.0_b_1}"));
        check(
            "?v=$version&f=$from&t=$to_ms",
            Address,
            Ok("?v=1.8.0%2Bb%221&f=1700000000&t=1700000060000"),
        );
        check("$service $from_time", Plain, Ok("checkout 2023-11-14T22:13:20Z"));
        check("cost $ 5 ${", Plain, Ok("cost $ 5 ${"));
        check("x{p=\"$previous\"}", PromQl, Err("previous"));
        assert!(uses("a${version}", "version") && !uses("a$versions", "version"));
    }

    #[test]
    fn earlier_days_ran_any_version() {
        let any =
            Variables { version: Some("1".to_owned()), any_version: true, ..Variables::default() };
        for (text, language, expect) in [
            (r#"x{v="$version",b="c"}"#, Language::PromQl, r#"x{v=~".+",b="c"}"#),
            (r#"x{v=~"$version"}"#, Language::PromQl, r#"x{v=~".+"}"#),
            (r#"x{v!="$version"}"#, Language::PromQl, r#"x{v!="1"}"#),
            ("sum:x{version:$version,a:b}", Language::Datadog, "sum:x{version:*,a:b}"),
        ] {
            assert_eq!(substitute(text, &any, language).as_deref(), Ok(expect));
        }
    }
}
