//! `${{ }}` in `run` and in `actions/github-script`.

use std::sync::LazyLock;

use regex::Regex;

use super::{hit, is_posix, place, quotes};
use crate::finding::Severity;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, Pipeline, Script, Seg, Span, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::rule::{Context, Fix, Hit};
use crate::pipeline::yaml::value::Value;

/// What people without write access choose. Source: the events' payloads,
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads>, and
/// <https://docs.github.com/en/actions/concepts/security/script-injections>.
static OUTSIDE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?xi)\bgithub\.(?:
            head_ref\b
            |event\.(?:
                (?:issue|pull_request|discussion)\.(?:title|body)\b
                |(?:comment|review|review_comment|discussion_comment)\.body\b
                |pull_request\.head\.(?:ref|label|repo\.(?:default_branch|description|homepage))\b
                |pages[\w.*\[\]]*\.page_name\b
                |(?:head_commit|commits[\w.*\[\]]*)\.(?:message|(?:author|committer)\.(?:email|name))\b
                |workflow_run\.(?:head_branch|display_title|head_commit\.(?:message|(?:author|committer)\.(?:email|name))|head_repository\.description)\b
                |workflow_run\.pull_requests[\w.*\[\]]*\.head\.ref\b
            )
        )|\btoJSON\(\s*github(?:\.event(?:\.(?:pull_request|issue|comment|review|discussion|head_commit|commits))?)?\s*\)",
    )
    .ok()
});

/// What the caller of an action or a workflow hands over, or who starts a run.
static INPUT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(?:github\.event\.)?inputs\.([\w-]+)").ok());

static EXPRESSION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?s)\$\{\{(.*?)\}\}").ok());

/// A value in a script.
struct Pasted {
    range: std::ops::Range<usize>,
    /// The context that makes it so: `github.event.issue.title`.
    context: String,
    outside: bool,
}

pub(super) fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    for job in &pipeline.jobs {
        for step in job.steps.iter().filter(|step| step.span.file == 0) {
            if let Some(script) = &step.script {
                let found = pasted(pipeline, context, &script.text);
                report(context, job, step, script, &found, hits);
            }
            let Some(used) = &step.uses else { continue };
            let js = used.name.eq_ignore_ascii_case("actions/github-script");
            let code = used.inputs.iter().find(|(name, _)| js && name == "script");
            if let Some((_, code)) = code {
                let found = pasted(pipeline, context, &code.value);
                for one in found.iter().filter(|one| one.outside) {
                    let name = variable(&one.context);
                    hits.push(hit(
                        code.span,
                        &one.context,
                        Severity::High,
                        "An outsider chooses this text",
                        &format!(
                            "Hand it over as `env: {name}: …` and read `process.env.{name}`, or \
                             take it from `context.payload`."
                        ),
                    ));
                }
            }
        }
    }
}

/// What of a script others choose, each value as often as it stands.
fn pasted(pipeline: &Pipeline, context: &Context<'_>, text: &str) -> Vec<Pasted> {
    let found = EXPRESSION.iter().flat_map(|form| form.captures_iter(text));
    found
        .filter_map(|found| {
            let (whole, code) = (found.get(0)?, found.get(1)?.as_str());
            // What only is asked about is not pasted: `inputs.name != '' && '-' || ''`.
            let truth = ["contains(", "startsWith(", "endsWith(", "==", "!=", "hashFiles("];
            let asks = |part: &&str| truth.iter().any(|word| part.contains(word));
            let parts = code.split("||").flat_map(|part| part.split("&&"));
            let code: String = parts.filter(|part| !asks(part)).collect::<Vec<_>>().join(" ");
            let code = code.as_str();
            if let Some(outside) = OUTSIDE.as_ref().and_then(|form| form.find(code)) {
                let context = outside.as_str().to_owned();
                return Some(Pasted { range: whole.range(), context, outside: true });
            }
            let input = INPUT.as_ref().and_then(|form| form.captures(code))?;
            let name = input.get(1)?.as_str();
            is_text(pipeline, context, name).then(|| Pasted {
                range: whole.range(),
                context: input.get(0).map_or(name, |at| at.as_str()).to_owned(),
                outside: false,
            })
        })
        .collect()
}

/// Whether an input may hold any text: a string of an action, a call or a run by hand.
fn is_text(pipeline: &Pipeline, context: &Context<'_>, name: &str) -> bool {
    let tree = &context.file.tree;
    let Some(root) = tree.root() else { return false };
    let declared = if pipeline.triggers.is_empty() {
        tree.get(root, "inputs").and_then(|inputs| tree.get(inputs.value, name))
    } else {
        ["workflow_call", "workflow_dispatch"].iter().find_map(|event| {
            let inputs = tree.at(&["on", event, "inputs"])?;
            tree.get(inputs.value, name)
        })
    };
    let kind = declared.and_then(|input| tree.get(input.value, "type"));
    let kind = kind.and_then(|kind| tree.text(kind.value));
    declared.is_some() && kind.is_none_or(|kind| kind == "string")
}

fn report(
    context: &Context<'_>,
    job: &Job,
    step: &Step,
    script: &Script,
    found: &[Pasted],
    hits: &mut Vec<Hit>,
) {
    let mut fix = fix(context, job, step, script, found);
    let mut seen: Vec<&str> = Vec::new();
    for one in found {
        if seen.contains(&one.context.as_str()) {
            continue;
        }
        seen.push(&one.context);
        let piece = script.text.get(one.range.clone()).unwrap_or_default();
        let span: Span = place(context, script, piece);
        let name = variable(&one.context);
        let (severity, who) = match one.outside {
            true => (Severity::High, "An outsider chooses this text"),
            false => (Severity::Low, "Whoever starts or calls this hands over any text"),
        };
        let several = match one.outside {
            true => "",
            false => ", without the quotes where it is meant to be several words",
        };
        let remedy = format!("Hand it over as `env: {name}: …` and use `\"${name}\"`{several}.");
        let mut hit = hit(span, &one.context, severity, who, &remedy);
        if !one.outside {
            hit.confidence = 0.6;
        }
        hit.fix = fix.take();
        hits.push(hit);
    }
}

/// A variable's name for a context: `PULL_REQUEST_TITLE`.
fn variable(context: &str) -> String {
    let inner = context.trim_start_matches("toJSON(").trim_end_matches(')');
    let inner = inner.strip_prefix("github.").unwrap_or(inner);
    let inner = inner.strip_prefix("event.").unwrap_or(inner);
    let name: String = inner
        .chars()
        .map(|sign| if sign.is_ascii_alphanumeric() { sign.to_ascii_uppercase() } else { '_' })
        .collect();
    let mut name = name.trim_matches('_').to_owned();
    while name.contains("__") {
        name = name.replace("__", "_");
    }
    name
}

/// Whether the value cannot hold blanks: the names of branches.
fn is_name(context: &str) -> bool {
    context.ends_with(".ref") || context.ends_with("head_ref") || context.ends_with("head_branch")
}

fn fix(
    context: &Context<'_>,
    job: &Job,
    step: &Step,
    script: &Script,
    found: &[Pasted],
) -> Option<Fix> {
    if found.is_empty() || !is_posix(Platform::GitHub, job, script) || script.span.file != 0 {
        return None;
    }
    let mut set: Vec<(String, String)> = Vec::new();
    let mut uses = Vec::new();
    for one in found {
        let expression = script.text.get(one.range.clone())?.to_owned();
        let name = match set.iter().find(|(_, value)| *value == expression) {
            Some((name, _)) => name.clone(),
            None => {
                let name = variable(&one.context);
                let taken = set.iter().any(|(known, _)| *known == name)
                    || step.env.iter().chain(&job.env).any(|known| known.name == name)
                    || context.pipeline().env.iter().any(|known| known.name == name)
                    || script.text.contains(&name);
                if taken || name.starts_with("GITHUB_") {
                    return None;
                }
                set.push((name.clone(), expression));
                name
            }
        };
        uses.push(quotes::Use { range: one.range.clone(), name, blanks: !is_name(&one.context) });
    }
    let changed = quotes::rewrite(&script.text, &uses)?;
    let mut ops =
        vec![Op::Text { at: script.path.clone(), find: changed.find, replace: changed.replace }];
    let names: Vec<String> = set.iter().map(|(name, _)| format!("`{name}`")).collect();
    let tree = &context.file.tree;
    let mut env = step.path.clone();
    env.push(Seg::Key("env".to_owned()));
    if has(tree, &step.path, "env") {
        ops.extend(set.into_iter().map(|(key, value)| Op::Insert {
            at: env.clone(),
            key,
            value: Value::text(value),
            place: Place::Last,
        }));
    } else {
        ops.push(Op::Insert {
            at: step.path.clone(),
            key: "env".to_owned(),
            value: Value::map(set.into_iter().map(|(key, value)| (key, Value::text(value)))),
            place: Place::Before(vec!["run"]),
        });
    }
    Some(Fix {
        title: format!("Hand it over as the variable {}", names.join(", ")),
        ops,
        // Others may hold what the shell is meant to read.
        safe: found.iter().all(|one| one.outside),
        proof: vec![
            "The value stands in double quotes, or holds no blanks, so the shell sees the same \
             text."
                .to_owned(),
        ],
    })
}

/// Whether the mapping at a path has a key.
fn has(tree: &crate::pipeline::yaml::Tree, path: &[Seg], key: &str) -> bool {
    let mut id = tree.root();
    for seg in path {
        id = id.and_then(|id| match seg {
            Seg::Key(key) => tree.get(id, key).map(|entry| entry.value),
            Seg::Index(index) => tree.items(id).get(*index).copied(),
        });
    }
    id.is_some_and(|id| tree.get(id, key).is_some())
}
