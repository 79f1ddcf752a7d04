//! When Harness's stages and steps run.

use super::super::super::{Condition, Job};
use super::super::context::Context;
use super::super::stages::glob_to_regex;
use super::super::yaml::Map;
use super::{Kind, expression, kind};
use crate::pipeline::Platform;

/// The condition of a stage.
pub(super) fn when(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<Map> {
    let mut map = Map::new();
    map.set("pipelineStatus", status(condition));
    let text = test(cx, job, condition);
    if text.is_none() && status(condition) == "Success" {
        return None;
    }
    map.maybe("condition", text);
    Some(map)
}

pub(super) fn status(condition: &Condition) -> &'static str {
    match condition {
        Condition::Always => "All",
        Condition::OnFailure => "Failure",
        Condition::All(all) | Condition::Any(all) => {
            all.iter().map(status).find(|status| *status != "Success").unwrap_or("Success")
        }
        _ => "Success",
    }
}

/// The condition as an expression.
pub(super) fn test(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<String> {
    let named = |value: &str, glob: &str| {
        if glob.contains(['*', '?', '[']) {
            format!(
                "{value} =~ \"{}\"",
                glob_to_regex(glob).replace("\\/", "/").replace('\\', "\\\\")
            )
        } else {
            format!("{value} == \"{glob}\"")
        }
    };
    let all = |inner: &[Condition], word: &str| {
        let texts: Vec<String> = inner.iter().filter_map(|inner| test(cx, job, inner)).collect();
        match texts.len() {
            0 => None,
            1 => texts.into_iter().next(),
            _ => Some(format!("({})", texts.join(word))),
        }
    };
    Some(match condition {
        Condition::Branch(glob) => {
            format!("({} && {})", about(cx, "branch"), named(&source(cx, "branch"), glob))
        }
        Condition::DefaultBranch => {
            let branch = named(&source(cx, "branch"), cx.portable.branch());
            format!("({} && {branch})", about(cx, "branch"))
        }
        Condition::Tag(glob) if glob.is_empty() || glob == "*" => about(cx, "tag"),
        Condition::Tag(glob) => named(&source(cx, "tag"), glob),
        Condition::Change => about(cx, "PR"),
        Condition::Push => {
            format!("(<+pipeline.triggerType> == \"WEBHOOK\" && !({}))", about(cx, "PR"))
        }

        Condition::Schedule => "<+pipeline.triggerType> == \"SCHEDULER_CRON\"".to_owned(),
        Condition::Manual => "<+pipeline.triggerType> == \"MANUAL\"".to_owned(),
        Condition::Paths(paths) => {
            cx.lose(
                format!("the path filter {} of job `{}`", paths.join(", "), job.id),
                "Harness filters paths at the trigger; give the stage a pipeline of its own",
                job.line,
            );
            return None;
        }
        Condition::Equals(part, value) => {
            format!("{} == \"{}\"", expression(cx, Some(job), part), value.replace('"', "\\\""))
        }
        Condition::Not(inner) => format!("!({})", test(cx, job, inner)?),
        Condition::All(inner) => all(inner, " && ")?,
        Condition::Any(inner) => all(inner, " || ")?,
        Condition::Foreign(foreign) if foreign.platform == Platform::Harness => {
            foreign.text.clone()
        }
        Condition::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            return None;
        }
        Condition::Always | Condition::OnFailure => return None,
    })
}

/// A word of the codebase; where no stage has one, of the trigger.
pub(super) fn source(cx: &Context<'_>, word: &str) -> String {
    let ci = cx.portable.jobs.iter().any(|job| kind(job) == Kind::Ci);
    if ci { format!("<+codebase.{word}>") } else { format!("<+trigger.{word}>") }
}

/// Whether it is about a branch, a change or a tag.
pub(super) fn about(cx: &Context<'_>, what: &str) -> String {
    let ci = cx.portable.jobs.iter().any(|job| kind(job) == Kind::Ci);
    match what {
        what if ci => format!("<+codebase.build.type> == \"{what}\""),
        "PR" => "<+trigger.event> == \"PR\"".to_owned(),
        "tag" => "<+trigger.payload.ref> =~ \"^refs/tags/.*$\"".to_owned(),
        _ => "<+trigger.event> == \"PUSH\"".to_owned(),
    }
}
