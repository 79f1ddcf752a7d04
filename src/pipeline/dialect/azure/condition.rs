//! Conditions of template expressions that are decided by what is known: parameters
//! handed to a template, its defaults, and what `each` runs over.
//!
//! Source: <https://learn.microsoft.com/azure/devops/pipelines/process/expressions>.

/// Deepest nesting of functions that is looked into.
const MAX_DEPTH: u32 = 32;

/// What a reference stands for: `None` is unknown, `Some(None)` a list or a mapping.
type Lookup<'l> = &'l dyn Fn(&str) -> Option<Option<String>>;

/// A value that is known.
#[derive(Clone, PartialEq)]
enum Known {
    Text(String),
    Other,
}

/// Whether a condition holds; `None` where that is not known.
pub(super) fn holds(text: &str, lookup: Lookup<'_>) -> Option<bool> {
    let mut rest = text;
    let found = value(&mut rest, lookup, MAX_DEPTH)?;
    if rest.trim().is_empty() { found.as_ref().map(truth) } else { None }
}

fn truth(known: &Known) -> bool {
    match known {
        Known::Text(text) => {
            !(text.is_empty() || text == "0" || text.eq_ignore_ascii_case("false"))
        }
        Known::Other => true,
    }
}

fn word(value: bool) -> Known {
    Known::Text(if value { "true" } else { "false" }.to_owned())
}

/// Reads one value off the front; `None` where the text is no expression, `Some(None)`
/// where the value is not known.
fn value(rest: &mut &str, lookup: Lookup<'_>, depth: u32) -> Option<Option<Known>> {
    let depth = depth.checked_sub(1)?;
    *rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('(') {
        *rest = inner;
        let part = value(rest, lookup, depth)?;
        *rest = rest.trim_start().strip_prefix(')')?;
        return Some(part);
    }
    if rest.starts_with('\'') {
        return Some(Some(Known::Text(quoted(rest)?)));
    }
    let text: &str = rest;
    let end = end_of_word(text);
    let (name, behind) = text.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    if let Some(inner) = behind.strip_prefix('(') {
        *rest = inner;
        let arguments = arguments(rest, lookup, depth)?;
        return Some(call(name, &arguments));
    }
    *rest = behind;
    let literal = name.eq_ignore_ascii_case("true")
        || name.eq_ignore_ascii_case("false")
        || name.parse::<f64>().is_ok();
    if literal {
        return Some(Some(Known::Text(name.to_owned())));
    }
    let found = lookup(name);
    Some(found.map(|text| text.map_or(Known::Other, Known::Text)))
}

/// Where a name or a reference ends, its indices included.
fn end_of_word(text: &str) -> usize {
    let mut inside = false;
    for (at, c) in text.char_indices() {
        match c {
            '\'' => inside = !inside,
            _ if inside => {}
            'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '-' | '.' | '[' | ']' | '*' => {}
            _ => return at,
        }
    }
    text.len()
}

/// A text in quotes; a quote inside is doubled.
fn quoted(rest: &mut &str) -> Option<String> {
    let mut found = String::new();
    let mut left = rest.strip_prefix('\'')?;
    loop {
        let (before, behind) = left.split_once('\'')?;
        found.push_str(before);
        match behind.strip_prefix('\'') {
            Some(behind) => {
                found.push('\'');
                left = behind;
            }
            None => {
                *rest = behind;
                return Some(found);
            }
        }
    }
}

fn arguments(rest: &mut &str, lookup: Lookup<'_>, depth: u32) -> Option<Vec<Option<Known>>> {
    let mut found = Vec::new();
    if let Some(behind) = rest.trim_start().strip_prefix(')') {
        *rest = behind;
        return Some(found);
    }
    loop {
        found.push(value(rest, lookup, depth)?);
        *rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix(',') {
            *rest = behind;
        } else {
            *rest = rest.strip_prefix(')')?;
            return Some(found);
        }
    }
}

fn call(name: &str, arguments: &[Option<Known>]) -> Option<Known> {
    let truths = || arguments.iter().map(|one| one.as_ref().map(truth));
    let found = match (name.to_ascii_lowercase().as_str(), arguments) {
        ("eq", [Some(one), Some(two)]) => same(one, two)?,
        ("ne", [Some(one), Some(two)]) => !same(one, two)?,
        ("not", [Some(one)]) => !truth(one),
        ("and", _) if truths().any(|one| one == Some(false)) => false,
        ("and", _) if truths().all(|one| one == Some(true)) => true,
        ("or", _) if truths().any(|one| one == Some(true)) => true,
        ("or", _) if truths().all(|one| one == Some(false)) => false,
        ("in" | "notin", [Some(one), others @ ..]) => {
            let others: Option<Vec<bool>> =
                others.iter().map(|other| same(one, other.as_ref()?)).collect();
            others?.contains(&true) == name.eq_ignore_ascii_case("in")
        }
        _ => return None,
    };
    Some(word(found))
}

/// Whether two values are equal: texts are compared without case. Two lists are not
/// looked into.
fn same(one: &Known, two: &Known) -> Option<bool> {
    match (one, two) {
        (Known::Text(one), Known::Text(two)) => Some(one.eq_ignore_ascii_case(two)),
        (Known::Other, Known::Other) => None,
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decide(text: &str) -> Option<bool> {
        holds(text, &|name| match name {
            "parameters.on" => Some(Some("True".to_owned())),
            "parameters.none" => Some(Some(String::new())),
            "parameters['a, b']" => Some(Some("x".to_owned())),
            "parameters.list" => Some(None),
            _ => None,
        })
    }

    #[test]
    fn conditions_are_decided_by_what_is_known() {
        for (text, expect) in [
            ("eq(parameters.on, true)", Some(true)),
            ("eq( parameters.on , 'false' )", Some(false)),
            ("ne(parameters.none, '')", Some(false)),
            ("ne(parameters.list, '')", Some(true)),
            ("parameters.on", Some(true)),
            ("(not(parameters.none))", Some(true)),
            ("eq(parameters['a, b'], 'X')", Some(true)),
            ("eq('it''s', 'it''s')", Some(true)),
            ("in(parameters.on, 'a', 'true')", Some(true)),
            ("notIn(parameters.on, 'a')", Some(true)),
            ("eq(variables['Build.Reason'], 'x')", None),
            ("and(eq(parameters.on, 'no'), eq(variables.x, 'y'))", Some(false)),
            ("and(eq(parameters.on, true), eq(variables.x, 'y'))", None),
            ("or(parameters.on, startsWith(variables.x, 'y'))", Some(true)),
            ("and(parameters.on, not(parameters.none))", Some(true)),
            ("length(parameters.list)", None),
            ("eq(parameters.on, true", None),
            ("eq(parameters.on, true) x", None),
            ("", None),
        ] {
            assert_eq!(decide(text), expect, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_text_panics(text in "[a-z(),.'\\[\\] é-]{0,60}") {
            decide(&text);
        }
    }
}
