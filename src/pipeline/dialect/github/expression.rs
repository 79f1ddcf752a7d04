//! What expressions of a job read of other jobs.

use std::sync::LazyLock;

use regex::Regex;

use crate::pipeline::dialect::Source;
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::{Access, Job, Resource, Span};

static NEEDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:^|[^.\w-])(needs((?:\s*\.\s*[A-Za-z0-9_*-]+|\s*\[\s*(?:'[^']*'|[^\]]*)\s*\])*))",
    )
    .expect("the pattern is fixed")
});
static PART: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\.\s*([A-Za-z0-9_*-]+)|\[\s*'([^']*)'\s*\]|\[([^\]]*)\]")
        .expect("the pattern is fixed")
});
static STATUS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:success|failure|always|cancelled)\s*\(\s*\)").expect("the pattern is fixed")
});

/// Adds what the job's expressions read: outputs and results of the jobs it needs.
pub(super) fn reads(source: &Source<'_>, node: &Node<'_>, job: &mut Job) {
    let mut found: Vec<Access> = Vec::new();
    each_scalar(node, false, &mut |leaf, whole| {
        let span = leaf.word();
        // What stands behind an alias is written with its anchor, which is read there.
        let Some(text) = source.text.get(span.range()) else { return };
        for (offset, code) in expressions(text, whole) {
            needs(code, span.start as usize + offset, &mut found);
        }
    });
    if node.get("needs").is_some_and(|needs| !needs.one_or_many().is_empty())
        && let Some(condition) = &job.condition
        && STATUS.is_match(&condition.value)
    {
        let what = Resource::Status(String::new());
        found.push(Access { what, span: condition.span });
    }
    for access in found {
        if !job.reads.iter().any(|known| known.what == access.what) {
            job.reads.push(access);
        }
    }
}

/// Calls `visit` with every scalar below a node, and whether all of it is an
/// expression, as the value of `if` is.
fn each_scalar<'t>(node: &Node<'t>, whole: bool, visit: &mut dyn FnMut(&Node<'t>, bool)) {
    if node.is_map() {
        for field in node.fields() {
            each_scalar(&field.value, field.key == "if", visit);
        }
    } else if node.is_seq() {
        for item in node.items() {
            each_scalar(&item, false, visit);
        }
    } else {
        visit(node, whole);
    }
}

/// The insides of `${{ … }}` with their offsets; all of it where it is an expression
/// anyway.
fn expressions(text: &str, whole: bool) -> Vec<(usize, &str)> {
    if whole {
        return vec![(0, text)];
    }
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text.get(from..).and_then(|rest| rest.find("${{")) {
        let start = from + start + 3;
        let Some(length) = text.get(start..).and_then(|rest| rest.find("}}")) else { break };
        if let Some(code) = text.get(start..start + length) {
            found.push((start, code));
        }
        from = start + length + 2;
    }
    found
}

/// The uses of `needs` in an expression that starts at this byte.
fn needs(code: &str, base: usize, found: &mut Vec<Access>) {
    for captures in NEEDS.captures_iter(code) {
        let (Some(whole), Some(chain)) = (captures.get(1), captures.get(2)) else { continue };
        let span = Span::new(base + whole.start()..base + whole.end());
        let parts: Vec<&str> = PART
            .captures_iter(chain.as_str())
            .filter_map(|part| part.get(1).or_else(|| part.get(2)).or_else(|| part.get(3)))
            .map(|part| part.as_str().trim())
            .collect();
        // `*` and a computed name stand for any.
        let name = |place: usize| {
            let part = parts.get(place).copied().unwrap_or_default();
            let plain = part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if plain { part.to_owned() } else { String::new() }
        };
        let mut add = |what| found.push(Access { what, span });
        match name(1).as_str() {
            "outputs" => add(Resource::Output(name(0), name(2))),
            "result" => add(Resource::Status(name(0))),
            _ => {
                add(Resource::Output(name(0), String::new()));
                add(Resource::Status(name(0)));
            }
        }
    }
}
