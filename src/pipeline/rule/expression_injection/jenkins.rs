//! Values that Groovy fills into the script of `sh` and its kin.

use std::collections::HashSet;

use super::hit;
use crate::finding::Severity;
use crate::pipeline::graph::Span;

use crate::pipeline::groovy::{Value, each_call, parse, write};
use crate::pipeline::rule::{Context, Fix, Hit};

/// What whoever opens a change chooses. Source: the variables that Jenkins' branch
/// sources set, <https://plugins.jenkins.io/branch-api/>.
const OUTSIDE: &[&str] = &[
    "CHANGE_TITLE",
    "CHANGE_BRANCH",
    "CHANGE_AUTHOR_DISPLAY_NAME",
    "ghprbPullTitle",
    "ghprbSourceBranch",
    "ghprbPullLongDescription",
    "ghprbCommentBody",
    "gitlabMergeRequestTitle",
    "gitlabMergeRequestDescription",
    "gitlabSourceBranch",
];
/// What whoever pushes a branch chooses.
const BRANCH: &[&str] = &["BRANCH_NAME", "GIT_BRANCH", "GIT_LOCAL_BRANCH", "TAG_NAME"];

pub(super) fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let text = context.file.text.as_str();
    let Ok(tree) = parse(text) else { return };
    // Of choices and switches nobody can choose the text.
    let mut free: HashSet<String> = HashSet::new();
    let mut bound: HashSet<String> = HashSet::new();
    each_call(&tree.statements, &mut |call| {
        let Some(name) = call.named("name").and_then(Value::text) else { return };
        match call.name.as_str() {
            "string" | "text" => free.insert(name.to_owned()),
            "choice" | "booleanParam" => bound.insert(name.to_owned()),
            _ => false,
        };
    });
    each_call(&tree.statements, &mut |call| {
        if !matches!(call.name.as_str(), "sh" | "bat" | "powershell" | "pwsh") {
            return;
        }
        let Some(Value::Text(literal)) = call.arg("script") else { return };
        let mut seen: HashSet<&str> = HashSet::new();
        let mut only_names = !literal.holes.is_empty();
        let start = hits.len();
        for hole in &literal.holes {
            let code = text.get(hole.code.clone()).unwrap_or_default().trim();
            let env = code.strip_prefix("env.").unwrap_or(code);
            let judged = if let Some(name) = code.strip_prefix("params.") {
                (free.contains(name) && !bound.contains(name))
                    .then_some((Severity::Low, "Whoever starts a build chooses this text"))
            } else if OUTSIDE.contains(&env) {
                Some((Severity::High, "Whoever opens a change chooses this text"))
            } else if BRANCH.contains(&env) {
                Some((Severity::Low, "Whoever pushes a branch chooses its name"))
            } else {
                None
            };
            only_names &=
                code.starts_with("env.") && (BRANCH.contains(&env) || env == "CHANGE_BRANCH");
            let Some((severity, who)) = judged.filter(|_| seen.insert(code)) else { continue };
            let remedy = match call.name.as_str() {
                "sh" => {
                    "Write the script in single quotes, so that the shell fills in its own \
                         variable, and put that in double quotes."
                }
                _ => "Hand it over with `withEnv`, and let the script read its own variable.",
            };
            let mut found = hit(Span::new(hole.span.clone()), code, severity, who, remedy);
            found.confidence = 0.8;
            hits.push(found);
        }
        if hits.len() > start && call.name == "sh" {
            let ops = write::unquote_values(text, Span::new(literal.span.clone()));
            hits[start].fix = ops.map(|ops| Fix {
                title: "Let the shell fill in the values".to_owned(),
                ops,
                // Others may hold blanks or signs that the shell is meant to read.
                safe: only_names,
                proof: vec![
                    "Jenkins sets these names as variables of the shell, and a name of a branch \
                     holds no blanks."
                        .to_owned(),
                ],
            });
        }
    });
}
