//! Checks of single sections.

use std::collections::HashSet;

use super::{POST, Problem, no_step, tell};
use crate::pipeline::groovy::{Arg, Block, Call, Statement, Value};

/// Options that a whole pipeline has and a stage has not.
const NO_STAGE_OPTIONS: [&str; 11] = [
    "buildDiscarder",
    "disableConcurrentBuilds",
    "parallelsAlwaysFailFast",
    "preserveStashes",
    "quietPeriod",
    "newContainerPerStage",
    "disableResume",
    "skipStagesAfterUnstable",
    "checkoutToSubdirectory",
    "durabilityHint",
    "overrideIndexTriggers",
];
/// Steps and sections that are no options.
const NO_OPTIONS: [&str; 21] = [
    "sh",
    "bat",
    "powershell",
    "pwsh",
    "echo",
    "checkout",
    "git",
    "archiveArtifacts",
    "junit",
    "stash",
    "unstash",
    "agent",
    "environment",
    "when",
    "post",
    "tools",
    "triggers",
    "steps",
    "stage",
    "stages",
    "parameters",
];

/// Sections that a pipeline, a stage and a matrix have alike.
pub fn shared(body: &Block, in_stage: bool, out: &mut Vec<Problem>) {
    for call in body.calls() {
        match (call.name.as_str(), &call.block) {
            ("agent", _) => agent(call, out),
            ("environment", Some(block)) => environment(call, block, out),
            ("options", Some(block)) => {
                listed(call, block, true, out);
                options(block, in_stage, out);
            }
            ("triggers", Some(block)) if !in_stage => listed(call, block, true, out),
            ("parameters", Some(block)) if !in_stage => listed(call, block, false, out),
            ("libraries" | "tools", Some(block)) => listed(call, block, false, out),
            ("post", Some(block)) => post(call, block, out),
            ("when", Some(block)) if in_stage => when(call, block, out),
            ("input", Some(block))
                if in_stage
                    && block.find("message").is_none()
                    && call.named("message").is_none() =>
            {
                tell(
                    out,
                    "input-without-message",
                    &call.name_span,
                    "`input` has no `message`".to_owned(),
                );
            }
            _ => {}
        }
    }
}

fn agent(call: &Call, out: &mut Vec<Problem>) {
    let bad = |out: &mut Vec<Problem>, what: &str| {
        tell(out, "invalid-agent", &call.head(), what.to_owned())
    };
    match (&call.block, call.first()) {
        (Some(block), _) if block.statements.is_empty() => {
            bad(out, "`agent` names no kind of agent")
        }
        (Some(block), _) if block.statements.len() > 1 => {
            bad(out, "`agent` names more than one kind of agent");
        }
        (None, None) => bad(out, "`agent` says nothing"),
        (None, Some(Value::Name(name, _)))
            if !matches!(name.as_str(), "any" | "none") && !name.contains('.') =>
        {
            bad(
                out,
                &format!("`agent {name}` is none of `agent any`, `agent none` and `agent {{ … }}`"),
            );
        }
        _ => {}
    }
}

fn environment(call: &Call, block: &Block, out: &mut Vec<Problem>) {
    if block.statements.is_empty() {
        tell(out, "empty-section", &call.name_span, "`environment` sets no variable".to_owned());
    }
    let mut seen = HashSet::new();
    for statement in &block.statements {
        match statement {
            Statement::Assign(assign) if !assign.declares => {
                let name = assign.target.as_str();
                let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if !plain {
                    let what = format!("`{name}` is no name of a variable");
                    tell(out, "invalid-variable", &assign.target_span, what);
                } else if !seen.insert(name) {
                    let what = format!("`environment` sets `{name}` twice");
                    tell(out, "duplicate-variable", &assign.target_span, what);
                }
            }
            other => {
                let what = "`environment` may only hold `NAME = value`".to_owned();
                tell(out, "invalid-variable", &other.span(), what);
            }
        }
    }
}

/// A section that lists calls: none is too few, and some may not stand twice.
fn listed(call: &Call, block: &Block, once: bool, out: &mut Vec<Problem>) {
    let name = &call.name;
    if block.statements.is_empty() {
        tell(out, "empty-section", &call.name_span, format!("`{name}` is empty"));
    }
    let mut seen = HashSet::new();
    for inner in block.calls() {
        let (keyed, bare): (Vec<&Arg>, Vec<&Arg>) =
            inner.args.iter().partition(|arg| arg.key.is_some());
        if inner.block.is_some() && name != "tools" {
            let what = format!("`{}` of `{name}` may not have a block", inner.name);
            tell(out, "invalid-entry", &inner.name_span, what);
        } else if name == "tools" && inner.args.is_empty() {
            let what = format!("`{}` of `tools` names no installation", inner.name);
            tell(out, "invalid-entry", &inner.name_span, what);
        } else if name != "tools" && !keyed.is_empty() && !bare.is_empty() {
            let what =
                format!("`{}` of `{name}` mixes arguments with and without names", inner.name);
            tell(out, "invalid-entry", &inner.name_span, what);
        }
        if once && !seen.insert(inner.name.as_str()) {
            let what = format!("`{}` stands twice in `{name}`", inner.name);
            tell(out, "duplicate-entry", &inner.name_span, what);
        }
    }
}

fn options(block: &Block, in_stage: bool, out: &mut Vec<Problem>) {
    for option in block.calls() {
        let name = option.name.as_str();
        if NO_OPTIONS.contains(&name) {
            tell(out, "invalid-option", &option.name_span, format!("`{name}` is no option"));
        } else if in_stage && NO_STAGE_OPTIONS.contains(&name) {
            let what = format!("`{name}` is an option of the pipeline, not of a stage");
            tell(out, "invalid-option", &option.name_span, what);
        }
    }
}

fn post(call: &Call, block: &Block, out: &mut Vec<Problem>) {
    if block.statements.is_empty() {
        tell(out, "empty-section", &call.name_span, "`post` is empty".to_owned());
    }
    let mut seen = HashSet::new();
    for statement in &block.statements {
        match statement {
            Statement::Call(condition) => {
                let name = condition.name.as_str();
                if !POST.contains(&name) {
                    let what = format!(
                        "`{name}` is no condition of `post`: those are {}",
                        POST.join(", ")
                    );
                    tell(out, "unknown-post-condition", &condition.name_span, what);
                } else if !seen.insert(name) {
                    let what = format!("`{name}` stands twice in `post`");
                    tell(out, "duplicate-entry", &condition.name_span, what);
                }
                if let Some(body) = &condition.block
                    && POST.contains(&name)
                {
                    steps(condition, body, out);
                }
            }
            other => {
                let what = "Only conditions with blocks may stand in `post`".to_owned();
                tell(out, "unknown-post-condition", &other.span(), what);
            }
        }
    }
}

fn when(call: &Call, block: &Block, out: &mut Vec<Problem>) {
    let settings = ["beforeAgent", "beforeInput", "beforeOptions"];
    let conditions = block.statements.iter().filter(|statement| {
        !matches!(statement, Statement::Call(call) if settings.contains(&call.name.as_str()))
    });
    if conditions.count() == 0 {
        tell(out, "empty-section", &call.name_span, "`when` has no condition".to_owned());
    }
    conditions_in(block, out);
}

fn conditions_in(block: &Block, out: &mut Vec<Problem>) {
    for call in block.calls() {
        let name = call.name.as_str();
        match (name, &call.block) {
            ("allOf" | "anyOf" | "not", Some(inner)) => {
                let count = inner.statements.len();
                if count == 0 || (name == "not" && count != 1) {
                    let wanted = if name == "not" {
                        "exactly one condition"
                    } else {
                        "at least one condition"
                    };
                    let what = format!("`{name}` of `when` takes {wanted}");
                    tell(out, "invalid-condition", &call.name_span, what);
                }
                conditions_in(inner, out);
            }
            ("sh" | "bat" | "powershell" | "echo" | "script" | "steps", _) => {
                let what = format!("`{name}` is no condition of `when`");
                tell(out, "invalid-condition", &call.name_span, what);
            }
            _ => {}
        }
    }
}

/// A block of steps, and the blocks of steps in it.
pub fn steps(owner: &Call, block: &Block, out: &mut Vec<Problem>) {
    if block.statements.is_empty() {
        tell(out, "empty-steps", &owner.name_span, format!("`{}` holds no step", owner.name));
    }
    for statement in &block.statements {
        if let Some(what) = no_step(statement) {
            tell(out, "not-a-step", &statement.span(), what);
            continue;
        }
        if let Statement::Call(call) = statement
            && call.name != "script"
            && let Some(inner) = &call.block
            && inner.params.is_empty()
            && !inner.statements.is_empty()
        {
            steps(call, inner, out);
        }
    }
}

/// Axes and exclusions of a matrix.
pub fn matrix(call: &Call, block: &Block, out: &mut Vec<Problem>) {
    for needed in ["axes", "stages"] {
        if block.find(needed).is_none() {
            tell(out, "missing-section", &call.name_span, format!("`matrix` has no `{needed}`"));
        }
    }
    if let Some(axes) = block.find("axes") {
        axis_list(axes, "axis", out);
    }
    let Some(excludes) = block.find("excludes") else { return };
    let Some(inner) = &excludes.block else { return };
    if inner.statements.is_empty() {
        tell(out, "empty-section", &excludes.name_span, "`excludes` is empty".to_owned());
    }
    for exclude in inner.calls() {
        if exclude.name == "exclude" {
            axis_list(exclude, "axis", out);
        } else {
            let what = format!("`{}` may not stand in `excludes`", exclude.name);
            tell(out, "unknown-section", &exclude.name_span, what);
        }
    }
}

fn axis_list(list: &Call, wanted: &str, out: &mut Vec<Problem>) {
    let Some(block) = &list.block else { return };
    if block.statements.is_empty() {
        tell(out, "empty-section", &list.name_span, format!("`{}` holds no axis", list.name));
    }
    let mut names = HashSet::new();
    for axis in block.calls() {
        let Some(inner) = axis.block.as_ref().filter(|_| axis.name == wanted) else {
            let what = format!("Only `{wanted} {{ … }}` may stand in `{}`", list.name);
            tell(out, "unknown-section", &axis.name_span, what);
            continue;
        };
        match inner.find("name").and_then(Call::first) {
            None => {
                tell(out, "missing-section", &axis.name_span, "This axis has no `name`".to_owned())
            }
            Some(value) => {
                if let Some(name) = value.text()
                    && !names.insert(name.to_owned())
                {
                    tell(
                        out,
                        "duplicate-entry",
                        &axis.name_span,
                        format!("Two axes are named `{name}`"),
                    );
                }
            }
        }
        let values: Vec<&Call> = inner
            .calls()
            .filter(|call| matches!(call.name.as_str(), "values" | "notValues"))
            .collect();
        match values.as_slice() {
            [] => tell(
                out,
                "missing-section",
                &axis.name_span,
                "This axis has no `values`".to_owned(),
            ),
            [one] => {
                let mut seen = HashSet::new();
                for text in one.args.iter().filter_map(|arg| arg.value.text()) {
                    if !seen.insert(text) {
                        tell(
                            out,
                            "duplicate-entry",
                            &one.name_span,
                            format!("This axis has the value `{text}` twice"),
                        );
                    }
                }
                if one.args.is_empty() {
                    tell(
                        out,
                        "missing-section",
                        &axis.name_span,
                        "This axis has no `values`".to_owned(),
                    );
                }
            }
            _ => {
                let what = "This axis has both `values` and `notValues`".to_owned();
                tell(out, "duplicate-entry", &axis.name_span, what);
            }
        }
    }
}
