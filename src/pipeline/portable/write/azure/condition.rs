//! When Azure's stages, jobs and steps run.

use super::super::super::{Condition, InputKind, Job, Part};
use super::super::context::{Context, upper};
use super::id;
use crate::pipeline::Platform;

/// The whole condition with the default that writing one replaces.
pub(super) fn whole_condition(
    cx: &Context<'_>,
    job: &Job,
    condition: &Condition,
) -> Option<String> {
    pub(super) fn says(condition: &Condition) -> Option<&'static str> {
        match condition {
            Condition::Always => Some("succeededOrFailed()"),
            Condition::OnFailure => Some("failed()"),
            Condition::All(all) | Condition::Any(all) => all.iter().find_map(says),
            _ => None,
        }
    }
    let state = says(condition).unwrap_or("succeeded()");
    Some(match test(cx, job, condition) {
        Some(test) => format!("and({state}, {test})"),
        None => says(condition)?.to_owned(),
    })
}

/// The condition's test without the states of what came before.
pub(super) fn test(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<String> {
    let by_ref = |prefix: &str, glob: &str| {
        let begins = glob.split(['*', '?', '[']).next().unwrap_or_default();
        if begins == glob {
            format!("eq(variables['Build.SourceBranch'], '{prefix}{}')", escaped(glob))
        } else {
            if glob.trim_end_matches('*') != begins {
                cx.lose(
                    format!("the condition on `{glob}` of job `{}`", job.id),
                    "Expressions have no globs; it is read as what the name begins with",
                    job.line,
                );
            }
            format!("startsWith(variables['Build.SourceBranch'], '{prefix}{}')", escaped(begins))
        }
    };
    let reason = |reason: &str| format!("eq(variables['Build.Reason'], '{reason}')");
    let all = |inner: &[Condition], word: &str| {
        let texts: Vec<String> = inner.iter().filter_map(|inner| test(cx, job, inner)).collect();
        match texts.len() {
            0 => None,
            1 => texts.into_iter().next(),
            _ => Some(format!("{word}({})", texts.join(", "))),
        }
    };
    Some(match condition {
        Condition::Branch(glob) => by_ref("refs/heads/", glob),
        Condition::DefaultBranch => by_ref("refs/heads/", cx.portable.branch()),
        Condition::Tag(glob) => by_ref("refs/tags/", if glob.is_empty() { "*" } else { glob }),
        Condition::Change => reason("PullRequest"),
        Condition::Push => "in(variables['Build.Reason'], 'IndividualCI', 'BatchedCI')".to_owned(),
        Condition::Schedule => reason("Schedule"),
        Condition::Manual => reason("Manual"),
        Condition::Equals(Part::Input(name), value) => {
            let boolean =
                cx.portable.inputs().any(|i| i.name == *name && i.kind == InputKind::Bool);
            let value = escaped(value);
            // A parameter is known before the run, as text it is compared.
            if boolean {
                format!("eq('${{{{ lower(parameters.{}) }}}}', '{value}')", id(name))
            } else {
                format!("eq('${{{{ parameters.{} }}}}', '{value}')", id(name))
            }
        }
        Condition::Equals(part, value) => {
            let name = match part {
                Part::Matrix(name) => upper(name),
                Part::Variable(name) => name.clone(),
                Part::Output(other, name) => cx.output_variable(other, name),
                Part::Branch | Part::Tag => "Build.SourceBranchName".to_owned(),
                part => cx.expression(Some(job), part).trim_matches(['$', '(', ')']).to_owned(),
            };
            if let Part::Output(other, _) = part
                && *other != job.id
            {
                cx.lose(
                    format!("the condition on an output in job `{}`", job.id),
                    "A job's variables are filled after its condition is read; put the test into its steps",
                    job.line,
                );
                return None;
            }
            format!("eq(variables['{name}'], '{}')", escaped(value))
        }
        Condition::Not(inner) => format!("not({})", test(cx, job, inner)?),
        Condition::All(inner) => all(inner, "and")?,
        Condition::Any(inner) => all(inner, "or")?,
        Condition::Foreign(foreign) if foreign.platform == Platform::Azure => foreign.text.clone(),
        Condition::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            return None;
        }
        Condition::Paths(paths) => {
            cx.lose(
                format!("the path filter {} of job `{}`", paths.join(", "), job.id),
                "Azure filters paths for whole pipelines; give the job a pipeline of its own",
                job.line,
            );
            return None;
        }
        Condition::Always | Condition::OnFailure => return None,
    })
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('\'', "''")
}
