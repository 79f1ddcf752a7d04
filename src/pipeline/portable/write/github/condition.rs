//! Conditions as GitHub's expressions.

use super::super::super::{Condition, InputKind, Job, Part, Text};
use super::super::context::Context;
use super::{bare, expanded};
use crate::pipeline::Platform;

/// The condition without `${{ }}`; `None` where nothing of it can be said.
pub fn condition(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<String> {
    let all = |inner: &[Condition], word: &str| {
        let texts: Vec<String> =
            inner.iter().filter_map(|inner| self::condition(cx, job, inner)).collect();
        match texts.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            _ => Some(
                texts
                    .iter()
                    .map(|text| {
                        if text.contains(" || ") || text.contains(" && ") {
                            format!("({text})")
                        } else {
                            text.clone()
                        }
                    })
                    .collect::<Vec<_>>()
                    .join(word),
            ),
        }
    };
    let by_ref = |prefix: &str, glob: &str| {
        let plain = glob.trim_end_matches('*');
        if plain.contains(['*', '?', '[', '{']) {
            cx.lose(
                format!("the condition on `{glob}` of job `{}`", job.id),
                "Expressions have no globs; it is read as what the name begins with",
                job.line,
            );
        }
        let begins = plain.split(['*', '?', '[', '{']).next().unwrap_or_default();
        if begins == glob {
            format!("github.ref == '{prefix}{}'", escaped(glob))
        } else {
            format!("startsWith(github.ref, '{prefix}{}')", escaped(begins))
        }
    };
    Some(match condition {
        Condition::Branch(glob) => by_ref("refs/heads/", glob),
        Condition::DefaultBranch => by_ref("refs/heads/", cx.portable.branch()),
        Condition::Tag(glob) => by_ref("refs/tags/", if glob.is_empty() { "*" } else { glob }),
        Condition::Change => "github.event_name == 'pull_request'".to_owned(),
        Condition::Push => "github.event_name == 'push'".to_owned(),
        Condition::Schedule => "github.event_name == 'schedule'".to_owned(),
        Condition::Manual => "github.event_name == 'workflow_dispatch'".to_owned(),
        Condition::Paths(paths) => {
            cx.lose(
                format!("the path filter {} of job `{}`", paths.join(", "), job.id),
                "GitHub filters paths for whole workflows; give the job a workflow of its own",
                job.line,
            );
            return None;
        }
        Condition::Equals(part, value) => {
            let left = match part {
                // `env` is not there in a job's condition.
                Part::Variable(_) => {
                    let text = expanded(cx, Some(job), &part.clone().into(), &mut Vec::new());
                    joined(cx, job, &text)
                }
                part => bare(cx, Some(job), part).unwrap_or_else(|text| format!("'{text}'")),
            };
            // A boolean input is no text.
            let boolean = matches!(part, Part::Input(name)
                if cx.portable.inputs().any(|i| i.name == *name && i.kind == InputKind::Bool));
            if boolean && matches!(&**value, "true" | "false") {
                format!("{left} == {value}")
            } else {
                format!("{left} == '{}'", escaped(value))
            }
        }
        Condition::Always => "!cancelled()".to_owned(),
        Condition::OnFailure => "failure()".to_owned(),
        Condition::Not(inner) => format!("!({})", self::condition(cx, job, inner)?),
        Condition::All(inner) => all(inner, " && ")?,
        Condition::Any(inner) => all(inner, " || ")?,
        Condition::Foreign(foreign) if foreign.platform == Platform::GitHub => {
            foreign.text.trim().trim_start_matches("${{").trim_end_matches("}}").trim().to_owned()
        }
        Condition::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            return None;
        }
    })
}

/// Text as one expression without `${{ }}`.
fn joined(cx: &Context<'_>, job: &Job, text: &Text) -> String {
    let one = |part: &Part| match (bare(cx, Some(job), part), part) {
        (_, Part::Foreign(Platform::GitHub, text)) => {
            text.trim_start_matches("${{").trim_end_matches("}}").trim().to_owned()
        }
        (Ok(bare), _) => bare,
        (Err(literal), _) => format!("'{}'", escaped(&literal)),
    };
    match text.0.as_slice() {
        [] => "''".to_owned(),
        [part] => one(part),
        parts => {
            let holes: String = (0..parts.len()).map(|at| format!("{{{at}}}")).collect();
            let parts: Vec<String> = parts.iter().map(one).collect();
            format!("format('{holes}', {})", parts.join(", "))
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\'', "''")
}
