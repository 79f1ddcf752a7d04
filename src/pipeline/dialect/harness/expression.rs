//! Expressions (`<+…>`) that name another stage, and durations.

use std::sync::LazyLock;

use regex::Regex;

use super::super::walk::Node;
use crate::pipeline::graph::{Resource, Span};

/// `<+pipeline.stages.build.spec.execution.steps.push.output.outputVariables.digest>`
static STAGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:pipeline\.stages|<\+stages)\.([A-Za-z_][0-9A-Za-z_]*)((?:\.[A-Za-z_$][0-9A-Za-z_$]*)*)").ok()
});

/// Makes a resource of another stage's job id.
pub(super) type Make<'m> = &'m dyn Fn(&str) -> Resource;

/// Calls `visit` with each stage that the scalars below `node` name.
pub(super) fn reads(node: &Node<'_>, visit: &mut dyn FnMut(&str, Make<'_>, Span)) {
    if let Some(text) = node.text() {
        if text.contains("stages.") {
            scan(text, node.span(), visit);
        }
        return;
    }
    for item in node.items() {
        reads(&item, visit);
    }
    for field in node.fields() {
        // `useFromStage: build` or `useFromStage: {stage: build}`.
        if field.key == "useFromStage" {
            let inner = field.value.get("stage").unwrap_or_else(|| field.value.clone());
            if let Some(stage) = inner.filled() {
                visit(stage, &|id| Resource::Output(id.to_owned(), String::new()), inner.span());
            }
        }
        reads(&field.value, visit);
    }
}

fn scan(text: &str, span: Span, visit: &mut dyn FnMut(&str, Make<'_>, Span)) {
    for found in STAGE.iter().flat_map(|regex| regex.captures_iter(text)) {
        let stage = found.get(1).map_or("", |found| found.as_str());
        let rest = found.get(2).map_or("", |found| found.as_str());
        let parts: Vec<&str> = rest.split('.').skip(1).collect();
        if matches!(parts.first(), Some(&("status" | "currentStatus"))) {
            visit(stage, &|id| Resource::Status(id.to_owned()), span);
            continue;
        }
        let name = output(&parts);
        visit(stage, &|id| Resource::Output(id.to_owned(), name.clone()), span);
    }
}

/// `step.variable` of `spec.execution.steps.group.steps.step.output.outputVariables.variable`;
/// empty where it is something else of the stage.
fn output(parts: &[&str]) -> String {
    let after = |word: &str| parts.iter().rposition(|part| *part == word).map(|at| at + 1);
    let step = after("steps").and_then(|at| parts.get(at));
    let variable = after("outputVariables").and_then(|at| parts.get(at));
    match (step, variable) {
        (Some(step), Some(variable)) => format!("{step}.{variable}"),
        _ => String::new(),
    }
}

/// Minutes of a duration: `10m`, `1d`, `1h 30m`, `90s`.
pub(super) fn minutes(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let value: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let factor = match rest.get(..letters)? {
            "ms" => 1.0 / 60_000.0,
            "s" => 1.0 / 60.0,
            "m" => 1.0,
            "h" => 60.0,
            "d" => 1440.0,
            "w" => 10_080.0,
            _ => return None,
        };
        total += value * factor;
        rest = rest.get(letters..)?.trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_minutes() {
        for (text, expect) in [
            ("10m", Some(10.0)),
            ("1d", Some(1440.0)),
            ("1h 30m", Some(90.0)),
            ("1h30m", Some(90.0)),
            ("90s", Some(1.5)),
            ("1w", Some(10_080.0)),
            ("", None),
            ("10", None),
            ("m", None),
            ("<+input>", None),
        ] {
            assert_eq!(minutes(text), expect, "{text}");
        }
    }
}
