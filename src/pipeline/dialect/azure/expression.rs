//! Template expressions (`${{ … }}`), and what runtime expressions name.

use std::sync::LazyLock;

use regex::Regex;

/// What a key that is an expression does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Directive {
    If(String),
    ElseIf(String),
    Else,
    Each { name: String, over: String },
    Insert,
}

/// The inside of a text that is one expression.
pub(super) fn whole(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("${{")?.strip_suffix("}}")?;
    (!inner.contains("${{")).then(|| inner.trim())
}

/// What a key does, where it is a directive.
pub(super) fn directive(key: &str) -> Option<Directive> {
    if !key.contains("${{") {
        return None;
    }
    let inner = whole(key)?;
    let (word, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let rest = rest.trim().to_owned();
    let (word, rest) = match inner.split_once('(') {
        // `if(eq(…))` without a space.
        Some((word, _)) if matches!(word, "if" | "elseif") => {
            (word, inner.strip_prefix(word).unwrap_or_default().trim().to_owned())
        }
        _ => (word, rest),
    };
    match word.to_ascii_lowercase().as_str() {
        "if" => Some(Directive::If(rest)),
        "elseif" => Some(Directive::ElseIf(rest)),
        "else" => Some(Directive::Else),
        "insert" => Some(Directive::Insert),
        "each" => {
            let (name, over) = rest.split_once(" in ")?;
            Some(Directive::Each { name: name.trim().to_owned(), over: over.trim().to_owned() })
        }
        _ => None,
    }
}

/// The parts of `a.b['c']`; `None` where it is more than a reference.
pub(super) fn reference(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .unwrap_or(rest.len());
        let (name, behind) = rest.split_at_checked(end)?;
        if name.is_empty() {
            return None;
        }
        parts.push(name);
        rest = behind;
        while let Some(index) = rest.strip_prefix("['") {
            let (name, behind) = index.split_once("']")?;
            parts.push(name);
            rest = behind;
        }
        match rest.strip_prefix('.') {
            Some(behind) => rest = behind,
            None => return rest.is_empty().then_some(parts),
        }
    }
}

/// A text with each `${{ … }}` replaced for which `find` knows a value.
pub(super) fn replace(text: &str, find: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${{") {
        let Some((inner, after)) = behind.split_once("}}") else { break };
        out.push_str(before);
        match find(inner.trim()) {
            Some(value) => out.push_str(&value),
            None => {
                out.push_str("${{");
                out.push_str(inner);
                out.push_str("}}");
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What an expression reads of another job or stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    /// The stage, where it is named by `stageDependencies`.
    pub stage: Option<String>,
    /// The job, or the stage in a stage's condition.
    pub name: String,
    /// The output as written between the quotes, or `None` for the result.
    pub output: Option<String>,
}

/// `dependencies.A.outputs['s.x']`, `stageDependencies.S.J.result`, with names in
/// brackets too.
static DEPENDENCY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(stageDependencies|dependencies)((?:\.[A-Za-z_][\w-]*|\['[^'\]]*'\])+)").ok()
});

/// All that a text reads of others.
pub(super) fn dependencies(text: &str) -> Vec<Dependency> {
    // Most texts have none.
    if !text.contains("ependencies") {
        return Vec::new();
    }
    let found = DEPENDENCY.iter().flat_map(|regex| regex.captures_iter(text));
    found
        .filter_map(|found| {
            let staged = found.get(1)?.as_str().len() > "dependencies".len();
            let parts = reference(found.get(2)?.as_str().trim_start_matches('.'))
                .or_else(|| bracketed(found.get(2)?.as_str()))?;
            let (stage, parts) = match (staged, parts.split_first()?) {
                (true, (stage, rest)) => (Some((*stage).to_owned()), rest.to_vec()),
                (false, _) => (None, parts),
            };
            let (name, rest) = parts.split_first()?;
            let output = match rest {
                [word, output @ ..] if word.eq_ignore_ascii_case("outputs") => {
                    Some(output.join("."))
                }
                _ => None,
            };
            Some(Dependency { stage, name: (*name).to_owned(), output })
        })
        .collect()
}

/// A reference that begins with brackets.
fn bracketed(text: &str) -> Option<Vec<&str>> {
    let (first, rest) = text.strip_prefix("['")?.split_once("']")?;
    let mut parts = vec![first];
    if !rest.is_empty() {
        parts.extend(reference(rest.trim_start_matches('.'))?);
    }
    Some(parts)
}

/// `##vso[task.setvariable variable=x;isOutput=true]`
static SET: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)##vso\[task\.setvariable\s+([^\]]*)\]").ok());

/// Names of the output variables that a script sets.
pub(super) fn outputs(script: &str) -> Vec<String> {
    let mut names = Vec::new();
    if !script.contains("##vso[") {
        return names;
    }
    for found in SET.iter().flat_map(|regex| regex.captures_iter(script)) {
        let mut name = None;
        let mut output = false;
        for property in found.get(1).map_or("", |found| found.as_str()).split(';') {
            let Some((key, value)) = property.split_once('=') else { continue };
            match key.trim().to_ascii_lowercase().as_str() {
                "variable" => name = Some(value.trim().to_owned()),
                "isoutput" => output = value.trim().eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        if let Some(name) = name.filter(|name| output && !names.contains(name)) {
            names.push(name);
        }
    }
    names
}

/// `##vso[artifact.upload containerfolder=x;artifactname=y]path`, `artifact.associate`
static ARTIFACT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)##vso\[artifact\.(?:upload|associate)\s+([^\]]*)\]").ok());

/// Names of the artifacts that a script leaves by logging commands; empty: not said.
pub(super) fn artifacts(script: &str) -> Vec<String> {
    if !script.contains("##vso[") {
        return Vec::new();
    }
    let found = ARTIFACT.iter().flat_map(|regex| regex.captures_iter(script));
    found
        .map(|found| {
            let properties = found.get(1).map_or("", |found| found.as_str());
            let mut named = properties.split(';').filter_map(|property| property.split_once('='));
            let name = named.find(|(key, _)| key.trim().eq_ignore_ascii_case("artifactname"));
            name.map_or(String::new(), |(_, value)| value.trim().to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_told_by_their_word() {
        let text = |word: &str| word.to_owned();
        for (key, expect) in [
            ("${{ if eq(a, 'b') }}", Some(Directive::If(text("eq(a, 'b')")))),
            ("${{if(eq(a, 'b'))}}", Some(Directive::If(text("(eq(a, 'b'))")))),
            ("${{ elseif x }}", Some(Directive::ElseIf(text("x")))),
            ("${{ else }}", Some(Directive::Else)),
            ("${{ insert }}", Some(Directive::Insert)),
            (
                "${{ each job in parameters.jobs }}",
                Some(Directive::Each { name: text("job"), over: text("parameters.jobs") }),
            ),
            ("${{ property.key }}", None),
            ("${{ iffy }}", None),
            ("steps", None),
            ("${{", None),
        ] {
            assert_eq!(directive(key), expect, "{key}");
        }
    }

    #[test]
    fn references_are_split() {
        assert_eq!(
            reference("parameters.a-b['c.d'].e"),
            Some(vec!["parameters", "a-b", "c.d", "e"])
        );
        for text in ["eq(a)", "", "a.", "a['b", "a b"] {
            assert_eq!(reference(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_known_is_replaced() {
        let mut find = |inner: &str| (inner == "a").then(|| "1".to_owned());
        assert_eq!(replace("x${{ a }}y${{b}}z${{", &mut find), "x1y${{b}}z${{");
    }

    #[test]
    fn what_others_hand_on_is_found() {
        let one = |text: &str| {
            let found = dependencies(text);
            let one = found.first()?;
            Some((one.stage.clone(), one.name.clone(), one.output.clone()))
        };
        let text = |word: &str| Some(word.to_owned());
        assert_eq!(
            one("$[ dependencies.A.outputs['s.x'] ]"),
            Some((None, "A".to_owned(), text("s.x")))
        );
        assert_eq!(
            one("stageDependencies.S.J.outputs['s.x']"),
            Some((text("S"), "J".to_owned(), text("s.x")))
        );
        assert_eq!(
            one("in(dependencies['A'].result, 'Failed')"),
            Some((None, "A".to_owned(), None))
        );
        assert_eq!(one("dependencies are many"), None);
    }

    #[test]
    fn output_variables_are_those_that_say_so() {
        let script = "echo \"##vso[task.setvariable variable=a;isOutput=true]1\"\necho '##vso[task.setvariable variable=b]2'\n##vso[task.setvariable isoutput=TRUE;variable=c]";
        assert_eq!(outputs(script), ["a", "c"]);
    }
}
