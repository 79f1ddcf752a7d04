//! What stands before the stages.

use super::super::super::{Input, InputKind, Part, Trigger, check};
use super::super::context::{Context, identifier, upper};
use super::super::lower::lower;
use super::code::{Code, single};

pub(super) fn triggers(cx: &Context<'_>, code: &mut Code) {
    let mut lines = Vec::new();
    let mut events = Vec::new();
    for trigger in &cx.portable.triggers {
        match trigger {
            Trigger::Schedule { cron, branches } => {
                lines.push(cron.clone());
                if !branches.is_empty() {
                    cx.lose(
                        format!("the schedule's branches {}", branches.join(", ")),
                        "A schedule runs on every branch that has it in its Jenkinsfile",
                        None,
                    );
                }
            }
            Trigger::Manual { .. } => {}
            Trigger::Foreign(foreign) => cx.lose_foreign("", foreign),
            Trigger::Push(filter) => {
                events.push(format!("pushes to {}", named(&filter.branches, "all branches")));
                lose_paths(cx, &filter.paths, &filter.not_paths);
            }
            Trigger::Change(filter) => {
                events.push(format!("changes against {}", named(&filter.branches, "all branches")));
                lose_paths(cx, &filter.paths, &filter.not_paths);
            }
            Trigger::Tag(tags) => events.push(format!("tags {}", named(tags, "of any name"))),
        }
    }
    if !events.is_empty() {
        cx.lose(
            format!("the events that start it: {}", events.join("; ")),
            "Jenkins keeps them in the multibranch project: set its branch sources and filters so",
            None,
        );
    }
    if !lines.is_empty() {
        let all = std::iter::once("TZ=UTC").chain(lines.iter().map(String::as_str));
        code.block("triggers", &[format!("cron({})", single(&all.collect::<Vec<_>>().join("\n")))]);
    }
}

pub(super) fn lose_paths(cx: &Context<'_>, paths: &[String], not: &[String]) {
    if !paths.is_empty() || !not.is_empty() {
        cx.lose(
            format!("the paths {}", [paths, not].concat().join(", ")),
            "A multibranch project starts for every path; give stages a `changeset` where they need not run",
            None,
        );
    }
}

pub(super) fn named(items: &[String], none: &str) -> String {
    if items.is_empty() { none.to_owned() } else { items.join(", ") }
}

pub(super) fn parameter(input: &Input) -> String {
    let name = single(&upper(&input.name));
    let description = single(&input.description);
    let default = input.default.clone().unwrap_or_default();
    match &input.kind {
        InputKind::Text | InputKind::Number => {
            format!(
                "string(name: {name}, defaultValue: {}, description: {description})",
                single(&default)
            )
        }
        InputKind::Bool => {
            let default = default == "true";
            format!(
                "booleanParam(name: {name}, defaultValue: {default}, description: {description})"
            )
        }
        InputKind::Choice(options) => {
            // The first one is the default.
            let mut options = options.clone();
            options.sort_by_key(|option| *option != default);
            let options: Vec<String> = options.iter().map(|option| single(option)).collect();
            format!(
                "choice(name: {name}, choices: [{}], description: {description})",
                options.join(", ")
            )
        }
    }
}

/// Secrets that scripts read by reference, without the job saying so.
pub(super) fn secrets_read(cx: &Context<'_>, env: &mut Vec<String>) {
    let declared: Vec<&str> = cx
        .portable
        .jobs
        .iter()
        .flat_map(|job| &job.secrets)
        .chain(&cx.portable.secrets)
        .map(|secret| secret.name.as_str())
        .collect();
    let mut add = |name: &str| {
        let line = format!("{} = credentials({})", identifier(name), single(name));
        if !declared.contains(&name) && !env.contains(&line) && !name.is_empty() {
            env.push(line);
            cx.remark(format!("The credential `{name}` (secret text) has to be set in Jenkins"));
        }
    };
    for job in &cx.portable.jobs {
        for step in job.all_steps() {
            match lower(&step.action, job) {
                Some(lowered) => {
                    for part in lowered.script.references() {
                        if let Part::Secret(name) = part {
                            add(name);
                        }
                    }
                }
                None => check::each_part_of(step, &mut |part| {
                    if let Part::Secret(name) = part {
                        add(name);
                    }
                }),
            }
        }
    }
}
