//! Jenkins' `when`, and the names of `post`.
//! Source: <https://www.jenkins.io/doc/book/pipeline/syntax/#when>.

use super::{Holds, Lift, all, any, expression, foreign};
use crate::pipeline::graph::Span;
use crate::pipeline::groovy::{Block, Call, parse};
use crate::pipeline::portable::{Condition, Part};

/// A `when` with its block, or a section of `post`.
pub fn read(lift: &Lift<'_>, job: Option<usize>, text: &str, span: Span) -> Holds {
    match text {
        "success" | "fixed" => return Holds::Always,
        "post" | "always" | "cleanup" | "changed" => return Holds::When(Condition::Always),
        "failure" | "unsuccessful" | "aborted" | "unstable" | "regression" => {
            return Holds::When(Condition::OnFailure);
        }
        _ => {}
    }
    let whole =
        if text.starts_with("when") { text.to_owned() } else { format!("when {{\n{text}\n}}") };
    let Ok(tree) = parse(&whole) else { return Holds::When(foreign(lift, text, span)) };
    let when =
        Block { params: Vec::new(), statements: tree.statements.clone(), span: 0..whole.len() };
    let Some(block) = when.find("when").and_then(|call| call.block.as_ref()) else {
        return Holds::When(foreign(lift, text, span));
    };
    all(parts(lift, job, block, &whole, span))
}

fn parts(lift: &Lift<'_>, job: Option<usize>, block: &Block, text: &str, span: Span) -> Vec<Holds> {
    let mut found = Vec::new();
    for statement in &block.statements {
        match statement.call() {
            Some(call) if call.name.starts_with("before") => {}
            Some(call) => found.push(one(lift, job, call, text, span)),
            None => {
                let code = text.get(statement.span()).unwrap_or_default();
                found.push(expression(lift, job, code, span));
            }
        }
    }
    found
}

fn one(lift: &Lift<'_>, job: Option<usize>, call: &Call, text: &str, span: Span) -> Holds {
    let code = text.get(call.span.clone()).unwrap_or_default();
    let unknown = || Holds::When(foreign(lift, code, span));
    let arg = |key: &str| call.named(key).or_else(|| call.first()).and_then(|value| value.text());
    let inner = || call.block.as_ref().map(|block| parts(lift, job, block, text, span));
    let by_name = |make: fn(String) -> Condition, key: &str| match arg(key) {
        Some(glob) if call.named("comparator").is_none() => Holds::When(make(glob.to_owned())),
        _ => unknown(),
    };
    match call.name.as_str() {
        "branch" => by_name(Condition::Branch, "pattern"),
        "tag" => by_name(Condition::Tag, "pattern"),
        "buildingTag" => Holds::When(Condition::Tag("*".to_owned())),
        "changeRequest" if call.args.is_empty() => Holds::When(Condition::Change),
        "changeset" => match arg("pattern") {
            Some(glob) => Holds::When(Condition::Paths(vec![glob.to_owned()])),
            None => unknown(),
        },
        "triggeredBy" => match arg("cause") {
            Some("TimerTrigger") => Holds::When(Condition::Schedule),
            Some("UserIdCause") => Holds::When(Condition::Manual),
            Some("SCMTrigger" | "BranchIndexingCause") => Holds::When(Condition::Push),
            _ => unknown(),
        },
        "environment" => match (
            call.named("name").and_then(|v| v.text()),
            call.named("value").and_then(|v| v.text()),
        ) {
            (Some("BRANCH_NAME" | "GIT_BRANCH"), Some(value)) => {
                Holds::When(Condition::Branch(value.to_owned()))
            }
            (Some(name), Some(value)) => {
                Holds::When(Condition::Equals(Part::Variable(name.to_owned()), value.to_owned()))
            }
            _ => unknown(),
        },
        "not" => match inner() {
            Some(parts) => all(parts).not(lift, code, span),
            None => unknown(),
        },
        "anyOf" => inner().map_or_else(unknown, any),
        "allOf" => inner().map_or_else(unknown, all),
        "expression" => {
            let Some(block) = &call.block else { return unknown() };
            let code = text.get(block.inner()).unwrap_or_default().trim();
            let code = code.strip_prefix("return ").unwrap_or(code).trim().trim_end_matches(';');
            expression(lift, job, code, span)
        }
        _ => unknown(),
    }
}
