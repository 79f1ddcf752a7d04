//! What Jenkins refuses in a declarative pipeline before it runs anything: the checks
//! of its plugin Pipeline: Model Definition that need no running Jenkins and hold
//! whatever other plugins are there (<https://www.jenkins.io/doc/book/pipeline/syntax/>).

mod sections;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::Range;

use crate::pipeline::dialect::jenkins::model::{self, Inner, Stage};
use crate::pipeline::graph::{Pipeline, Span};
use crate::pipeline::groovy::tree::CONTROL;
use crate::pipeline::groovy::{Block, Call, Statement, Value, parse};

/// A problem: what kind, where, and what is wrong as a sentence.
pub type Problem = (&'static str, Span, String);

/// What may stand in `pipeline`.
const PIPELINE: [&str; 9] = [
    "agent",
    "stages",
    "post",
    "environment",
    "tools",
    "options",
    "parameters",
    "triggers",
    "libraries",
];
/// What may stand in a stage.
const STAGE: [&str; 12] = [
    "agent",
    "environment",
    "failFast",
    "input",
    "matrix",
    "options",
    "parallel",
    "post",
    "stages",
    "steps",
    "tools",
    "when",
];
/// What may stand in `matrix`.
const MATRIX: [&str; 10] = [
    "agent",
    "axes",
    "environment",
    "excludes",
    "input",
    "options",
    "post",
    "stages",
    "tools",
    "when",
];
/// Conditions of `post`.
const POST: [&str; 11] = [
    "always",
    "changed",
    "fixed",
    "regression",
    "aborted",
    "success",
    "unsuccessful",
    "unstable",
    "failure",
    "notBuilt",
    "cleanup",
];

/// What Jenkins refuses in this file.
pub fn problems(text: &str, _pipeline: &Pipeline) -> Vec<Problem> {
    let mut found = Vec::new();
    let Ok(tree) = parse(text) else { return found };
    let Ok(model) = model::find(text, &tree) else { return found };
    let out = &mut found;
    let at = model.call.name_span.clone();
    places(model.body, "`pipeline`", &PIPELINE, out);
    for needed in ["agent", "stages"] {
        if model.body.find(needed).is_none() {
            tell(out, "missing-section", &at, format!("`pipeline` has no `{needed}`"));
        }
    }
    for section in model.body.calls().filter(|call| call.name == "stages") {
        list(section, &model.stages, out);
    }
    sections::shared(model.body, false, out);
    for stage in &model.stages {
        self::stage(stage, false, out);
    }
    found.sort_by_key(|(_, span, _)| span.start);
    found
}

fn tell(out: &mut Vec<Problem>, slug: &'static str, span: &Range<usize>, what: String) {
    out.push((slug, Span::new(span.clone()), what));
}

/// Sections that do not belong here, stand twice, or have no block.
fn places(body: &Block, place: &str, known: &[&str], out: &mut Vec<Problem>) {
    let mut seen = HashSet::new();
    for statement in &body.statements {
        let Statement::Call(call) = statement else {
            let what = format!("Only sections may stand in {place}, no other code");
            tell(out, "unknown-section", &statement.span(), what);
            continue;
        };
        let name = call.name.as_str();
        if !known.contains(&name) {
            let what = format!("`{name}` is no section of {place}");
            tell(out, "unknown-section", &call.name_span, what);
        } else if !seen.insert(name) {
            let what = format!("`{name}` stands more than once in {place}");
            tell(out, "repeated-section", &call.name_span, what);
        } else if call.block.is_none()
            && !matches!(name, "agent" | "failFast" | "input" | "parallel" | "libraries")
        {
            tell(
                out,
                "section-without-block",
                &call.name_span,
                format!("`{name}` of {place} has no block"),
            );
        }
    }
}

/// A list of stages: `stages { … }` or `parallel { … }`.
fn list(section: &Call, stages: &[Stage<'_>], out: &mut Vec<Problem>) {
    let Some(block) = &section.block else { return };
    let name = &section.name;
    if block.statements.is_empty() {
        tell(out, "empty-stages", &section.name_span, format!("`{name}` holds no stage"));
    }
    for statement in &block.statements {
        match statement {
            Statement::Call(call) if call.name == "stage" => {
                if call.block.is_none() {
                    tell(
                        out,
                        "section-without-block",
                        &call.name_span,
                        "This stage has no block".to_owned(),
                    );
                }
                if call.arg("name").is_none() {
                    tell(
                        out,
                        "stage-without-name",
                        &call.name_span,
                        "This stage has no name".to_owned(),
                    );
                }
            }
            other => {
                let what = format!("Only stages may stand in `{name}`");
                tell(out, "not-a-stage", &other.span(), what);
            }
        }
    }
    let mut seen = HashSet::new();
    for stage in stages.iter().filter(|stage| {
        block.span.start < stage.call.span.start && stage.call.span.end <= block.span.end
    }) {
        if !stage.name.is_empty() && !seen.insert(stage.name.as_str()) {
            let what = format!("Two stages of the same `{name}` are named `{}`", stage.name);
            tell(out, "duplicate-stage", &stage.call.head(), what);
        }
    }
}

fn stage(stage: &Stage<'_>, nested: bool, out: &mut Vec<Problem>) {
    let title = format!("stage `{}`", stage.name);
    let head = stage.call.head();
    places(stage.body, &title, &STAGE, out);
    let work: Vec<&Call> = stage
        .body
        .calls()
        .filter(|call| matches!(call.name.as_str(), "steps" | "stages" | "parallel" | "matrix"))
        .collect();
    let mut kinds: Vec<&str> = work.iter().map(|call| call.name.as_str()).collect();
    kinds.dedup();
    if kinds.is_empty() {
        let what = format!("The {title} has no `steps`, `stages`, `parallel` or `matrix`");
        tell(out, "empty-stage", &head, what);
    } else if kinds.len() > 1 {
        let what =
            format!("The {title} has more than one of `steps`, `stages`, `parallel` and `matrix`");
        tell(out, "ambiguous-stage", &head, what);
    }
    let splits = kinds.iter().any(|kind| matches!(*kind, "parallel" | "matrix"));
    if nested && splits {
        let what = format!("The {title} holds a `parallel` or `matrix` inside another one");
        tell(out, "nested-parallel", &head, what);
    }
    if splits {
        for name in ["agent", "tools"] {
            if let Some(call) = stage.section(name) {
                let what = format!(
                    "`{name}` may not stand in the {title}, which holds a `parallel` or `matrix`"
                );
                tell(out, "misplaced-section", &call.name_span, what);
            }
        }
    }
    if let Some(call) = stage.section("failFast") {
        if !splits && !kinds.is_empty() {
            let what =
                format!("`failFast` of the {title} means nothing without `parallel` or `matrix`");
            tell(out, "fail-fast-without-parallel", &call.name_span, what);
        }
        if !matches!(call.first(), Some(Value::Name(value, _)) if value == "true" || value == "false")
        {
            let what = "`failFast` takes `true` or `false`".to_owned();
            tell(out, "fail-fast-without-parallel", &call.name_span, what);
        }
    }
    sections::shared(stage.body, true, out);
    for call in work {
        let Some(block) = &call.block else { continue };
        match call.name.as_str() {
            "steps" => sections::steps(call, block, out),
            "matrix" => {
                places(block, "`matrix`", &MATRIX, out);
                sections::shared(block, true, out);
                sections::matrix(call, block, out);
                if let Some(section) = block.find("stages") {
                    list(section, stage.stages(), out);
                }
            }
            _ => list(call, stage.stages(), out),
        }
    }
    let inner = nested || matches!(stage.inner, Inner::Parallel(_) | Inner::Matrix(..));
    for stage in stage.stages() {
        self::stage(stage, inner, out);
    }
}

/// Whether a statement can be a step of a declarative pipeline; why not, where it is
/// none.
fn no_step(statement: &Statement) -> Option<String> {
    match statement {
        Statement::Call(call) => {
            let name = call.name.as_str();
            if CONTROL.contains(&name) {
                return Some(format!("`{name}` may only stand in a `script` block"));
            }
            if name.contains('.') {
                return Some(format!(
                    "`{name}` is called on an object, which only a `script` block may do"
                ));
            }
            if matches!(name, "stage" | "stages" | "steps") {
                return Some(format!("`{name}` may not stand among steps"));
            }
            None
        }
        Statement::Assign(_) => Some("Variables may only be set in a `script` block".to_owned()),
        Statement::Method(_) | Statement::Block(_) => {
            Some("Only steps may stand here; other code belongs in a `script` block".to_owned())
        }
        Statement::Other { .. } => None,
    }
}
