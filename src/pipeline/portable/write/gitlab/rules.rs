//! When pipelines and jobs of GitLab run.

use super::super::super::{Condition, Filter, Job, Part, Trigger};
use super::super::context::Context;
use super::super::prepare::is_approval;
use super::super::stages::glob_to_regex;
use super::super::yaml::{Map, Yaml};
use crate::pipeline::Platform;

/// A condition as a shell's test, by variables.
pub(super) fn shell_test(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<String> {
    Some(match condition {
        Condition::Branch(name) if !name.contains(['*', '?', '[']) => {
            format!("[ \"$CI_COMMIT_BRANCH\" = \"{name}\" ]")
        }
        Condition::DefaultBranch => "[ \"$CI_COMMIT_BRANCH\" = \"$CI_DEFAULT_BRANCH\" ]".to_owned(),
        Condition::Tag(_) => "[ -n \"$CI_COMMIT_TAG\" ]".to_owned(),
        Condition::Change => "[ \"$CI_PIPELINE_SOURCE\" = merge_request_event ]".to_owned(),
        Condition::Push => "[ \"$CI_PIPELINE_SOURCE\" = push ]".to_owned(),
        Condition::Schedule => "[ \"$CI_PIPELINE_SOURCE\" = schedule ]".to_owned(),
        Condition::Manual => "[ \"$CI_PIPELINE_SOURCE\" = web ]".to_owned(),
        Condition::Equals(part, value) => {
            format!("[ \"{}\" = \"{value}\" ]", cx.expression(Some(job), part))
        }
        Condition::Not(inner) => format!("! {{ {}; }}", shell_test(cx, job, inner)?),
        Condition::All(all) => {
            let all: Option<Vec<String>> = all.iter().map(|c| shell_test(cx, job, c)).collect();
            all?.join(" && ")
        }
        Condition::Any(any) => {
            let any: Option<Vec<String>> = any.iter().map(|c| shell_test(cx, job, c)).collect();
            format!("{{ {}; }}", any?.join(" || "))
        }
        _ => return None,
    })
}

pub(super) fn changes(filter: &Filter) -> Option<Map> {
    (!filter.paths.is_empty()).then(|| {
        let mut map = Map::new();
        map.set("paths", Yaml::flow(filter.paths.clone()));
        map
    })
}

pub(super) fn branch_test(glob: &str, variable: &str) -> String {
    if glob.contains(['*', '?', '[']) {
        format!("{variable} =~ /{}/", glob_to_regex(glob))
    } else {
        format!("{variable} == \"{glob}\"")
    }
}

pub(super) fn triggers(cx: &Context<'_>) -> Yaml {
    let mut rules = Vec::new();
    let mut add = |test: String, changes: Option<Map>| {
        let mut rule = Map::new();
        rule.set("if", test).maybe("changes", changes);
        rules.push(Yaml::from(rule));
    };
    let branches = |filter: &Filter, variable: &str| -> Vec<String> {
        let not: String = filter
            .not_branches
            .iter()
            .map(|glob| format!(" && {variable} !~ /{}/", glob_to_regex(glob)))
            .collect();
        if filter.branches.is_empty() {
            return vec![format!("{variable}{not}")];
        }
        filter
            .branches
            .iter()
            .map(|glob| {
                if glob == cx.portable.branch() {
                    format!("{variable} == $CI_DEFAULT_BRANCH{not}")
                } else {
                    format!("{}{not}", branch_test(glob, variable))
                }
            })
            .collect()
    };
    for trigger in &cx.portable.triggers {
        match trigger {
            Trigger::Push(filter) => {
                for test in branches(filter, "$CI_COMMIT_BRANCH") {
                    add(format!("$CI_PIPELINE_SOURCE == \"push\" && {test}"), changes(filter));
                }
            }
            Trigger::Change(filter) => {
                let event = "$CI_PIPELINE_SOURCE == \"merge_request_event\"";
                if filter.branches.is_empty() {
                    add(event.to_owned(), changes(filter));
                } else {
                    for test in branches(filter, "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME") {
                        add(format!("{event} && {test}"), changes(filter));
                    }
                }
            }
            Trigger::Tag(tags) if tags.is_empty() => add("$CI_COMMIT_TAG".to_owned(), None),
            Trigger::Tag(tags) => {
                for tag in tags {
                    add(format!("$CI_COMMIT_TAG =~ /{}/", glob_to_regex(tag)), None);
                }
            }
            Trigger::Schedule { cron, .. } => {
                add("$CI_PIPELINE_SOURCE == \"schedule\"".to_owned(), None);
                cx.lose(
                    format!("the schedule `{cron}`"),
                    "GitLab keeps schedules in the project: add it under Build, Pipeline schedules, in UTC",
                    None,
                );
            }
            Trigger::Manual { .. } => add(
                "$CI_PIPELINE_SOURCE == \"web\" || $CI_PIPELINE_SOURCE == \"api\"".to_owned(),
                None,
            ),
            Trigger::Foreign(foreign) => cx.lose_foreign("", foreign),
        }
        if let Trigger::Push(filter) | Trigger::Change(filter) = trigger
            && !filter.not_paths.is_empty()
        {
            cx.lose(
                format!("the excluded paths {}", filter.not_paths.join(", ")),
                "`changes` has no exclusion; the pipeline runs for them too",
                None,
            );
        }
    }
    if rules.is_empty() {
        let mut rule = Map::new();
        rule.set("if", "$CI_PIPELINE_SOURCE == \"web\" || $CI_PIPELINE_SOURCE == \"api\"");
        rules.push(rule.into());
    }
    rules.into()
}

pub(super) fn rules(cx: &Context<'_>, job: &Job) -> Yaml {
    let manual = is_approval(job)
        || job.environment.as_ref().is_some_and(|environment| environment.approval.is_some());
    let mut when: Option<&str> = manual.then_some("manual");
    let mut tests: Vec<(Option<String>, Option<Vec<String>>)> = Vec::new();
    if let Some(condition) = &job.condition {
        for alternative in alternatives(condition) {
            let mut paths = None;
            let mut texts = Vec::new();
            for single in flat(alternative) {
                match single {
                    Condition::Paths(globs) => paths = Some(globs.clone()),
                    Condition::Always => when = when.or(Some("always")),
                    Condition::OnFailure => when = when.or(Some("on_failure")),
                    single => texts.extend(test(cx, job, single)),
                }
            }
            tests.push(((!texts.is_empty()).then(|| texts.join(" && ")), paths));
        }
    }
    if tests.is_empty() {
        tests.push((None, None));
    }
    let mut rules: Vec<Yaml> = Vec::new();
    for (test, paths) in tests {
        let mut rule = Map::new();
        rule.maybe("if", test);
        rule.maybe("changes", paths.map(Yaml::flow));
        rule.maybe("when", when);
        if !rule.is_empty() {
            rules.push(rule.into());
        }
    }
    rules.into()
}

pub(super) fn alternatives(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::Any(any) => any.iter().flat_map(alternatives).collect(),
        other => vec![other],
    }
}

pub(super) fn flat(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::All(all) => all.iter().flat_map(flat).collect(),
        other => vec![other],
    }
}

pub(super) fn test(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<String> {
    Some(match condition {
        Condition::Branch(glob) => branch_test(glob, "$CI_COMMIT_BRANCH"),
        Condition::DefaultBranch => "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH".to_owned(),
        Condition::Tag(glob) if glob.is_empty() || glob == "*" || glob == "**" => {
            "$CI_COMMIT_TAG".to_owned()
        }
        Condition::Tag(glob) => branch_test(glob, "$CI_COMMIT_TAG"),
        Condition::Change => "$CI_PIPELINE_SOURCE == \"merge_request_event\"".to_owned(),
        Condition::Push => "$CI_PIPELINE_SOURCE == \"push\"".to_owned(),
        Condition::Schedule => "$CI_PIPELINE_SOURCE == \"schedule\"".to_owned(),
        Condition::Manual => "$CI_PIPELINE_SOURCE == \"web\"".to_owned(),
        Condition::Equals(part @ (Part::Output(..) | Part::Image(_)), value) => {
            cx.lose(
                format!("the condition on `{value}` of job `{}`", job.id),
                format!(
                    "Rules are read before any job has run, and {} is not known then",
                    cx.expression(Some(job), part)
                ),
                job.line,
            );
            return None;
        }
        Condition::Equals(part, value) => {
            let variable = cx.expression(Some(job), part).replace(['{', '}'], "");
            format!("{variable} == \"{value}\"")
        }
        Condition::Not(inner) => match &**inner {
            Condition::Branch(glob) => not_fits("$CI_COMMIT_BRANCH", glob),
            Condition::Tag(glob) if glob.is_empty() || glob == "*" => {
                "$CI_COMMIT_TAG == null".to_owned()
            }
            Condition::Tag(glob) => not_fits("$CI_COMMIT_TAG", glob),
            Condition::DefaultBranch => "$CI_COMMIT_BRANCH != $CI_DEFAULT_BRANCH".to_owned(),
            inner @ (Condition::Change
            | Condition::Push
            | Condition::Schedule
            | Condition::Manual
            | Condition::Equals(..)) => test(cx, job, inner)?.replacen(" == ", " != ", 1),
            _ => {
                lose_condition(cx, job);
                return None;
            }
        },
        Condition::Any(any) => {
            let texts: Vec<String> = any.iter().filter_map(|inner| test(cx, job, inner)).collect();
            // What cannot be said is listed; nothing is left to ask.
            if texts.is_empty() {
                return None;
            }
            format!("({})", texts.join(" || "))
        }
        Condition::All(all) => {
            let texts: Vec<String> = all.iter().filter_map(|inner| test(cx, job, inner)).collect();
            if texts.is_empty() {
                return None;
            }
            texts.join(" && ")
        }
        Condition::Foreign(foreign) if foreign.platform == Platform::GitLab => foreign.text.clone(),
        Condition::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            return None;
        }
        Condition::Paths(_) | Condition::Always | Condition::OnFailure => {
            lose_condition(cx, job);
            return None;
        }
    })
}

pub(super) fn lose_condition(cx: &Context<'_>, job: &Job) {
    cx.lose(
        format!("a part of the condition of job `{}`", job.id),
        "Rules cannot say it; check when the job runs",
        job.line,
    );
}

pub(super) fn not_fits(variable: &str, glob: &str) -> String {
    if glob.contains(['*', '?', '[']) {
        format!("{variable} !~ /{}/", glob_to_regex(glob))
    } else {
        format!("{variable} != \"{glob}\"")
    }
}

pub(super) fn rules_tests(cx: &Context<'_>, job: &Job) -> Vec<String> {
    let Some(condition) = &job.condition else { return Vec::new() };
    alternatives(condition)
        .into_iter()
        .filter_map(|alternative| {
            let texts: Vec<String> = flat(alternative)
                .into_iter()
                .filter(|single| {
                    !matches!(
                        single,
                        Condition::Paths(_) | Condition::Always | Condition::OnFailure
                    )
                })
                .filter_map(|single| test(cx, job, single))
                .collect();
            (!texts.is_empty()).then(|| texts.join(" && "))
        })
        .collect()
}
