//! Which of Bitbucket's pipelines an event starts.

use super::super::super::{Condition, Job, Part, Trigger};
use super::super::context::Context;
use super::super::stages::{Event, holds};

/// The entries that the triggers ask for: section, name and event.
pub(super) fn entries<'a>(cx: &Context<'a>) -> Vec<(&'static str, String, Event<'a>)> {
    let portable = cx.portable;
    let mut out: Vec<(&'static str, String, Event<'a>)> = Vec::new();
    for trigger in &portable.triggers {
        match trigger {
            Trigger::Push(filter) => {
                if filter.branches.is_empty() {
                    // A branch of its own wins over the default entry.
                    out.push(("branches", portable.branch().to_owned(), Event::Default));
                    out.push(("default", String::new(), Event::OtherBranch));
                }
                for branch in &filter.branches {
                    let event = if branch == portable.branch() {
                        Event::Default
                    } else {
                        Event::Branch(branch)
                    };
                    out.push(("branches", branch.clone(), event));
                }
                if !filter.not_branches.is_empty() {
                    cx.lose(
                        format!("the excluded branches {}", filter.not_branches.join(", ")),
                        "Bitbucket lists the branches it is for; name them under `branches`",
                        None,
                    );
                }
                lose_paths(cx, &filter.paths, &filter.not_paths);
            }
            Trigger::Change(filter) => {
                out.push(("pull-requests", "**".to_owned(), Event::Change));
                if !filter.branches.is_empty() {
                    cx.lose(
                        format!("that changes are against {}", filter.branches.join(", ")),
                        "`pull-requests` goes by the source branch, not by the target",
                        None,
                    );
                }
                lose_paths(cx, &filter.paths, &filter.not_paths);
            }
            Trigger::Tag(tags) if tags.is_empty() => {
                out.push(("tags", "*".to_owned(), Event::Tag("*")));
            }
            Trigger::Tag(tags) => {
                for tag in tags {
                    out.push(("tags", tag.clone(), Event::Tag(tag)));
                }
            }
            Trigger::Schedule { cron, .. } => {
                out.push(("custom", "scheduled".to_owned(), Event::Schedule));
                cx.lose(
                    format!("the schedule `{cron}`"),
                    "Bitbucket keeps schedules in the repository's settings: add one for the custom pipeline `scheduled`",
                    None,
                );
            }
            Trigger::Manual { .. } => out.push(("custom", "run".to_owned(), Event::Manual)),
            Trigger::Foreign(foreign) => cx.lose_foreign("", foreign),
        }
    }
    out.sort_by_key(|(section, ..)| {
        ["default", "branches", "pull-requests", "tags", "custom"].iter().position(|s| s == section)
    });
    out
}

pub(super) fn lose_paths(cx: &Context<'_>, paths: &[String], not: &[String]) {
    if !paths.is_empty() || !not.is_empty() {
        cx.lose(
            format!("the paths {} of a trigger", [paths, not].concat().join(", ")),
            "Bitbucket filters paths for steps: give them `condition: changesets`",
            None,
        );
    }
}

/// Paths of a condition; what cannot be decided by the event is reported.
pub(super) fn paths_of(
    cx: &Context<'_>,
    job: &Job,
    condition: &Condition,
    event: Event<'_>,
) -> Option<Vec<String>> {
    match condition {
        Condition::Paths(paths) => Some(paths.clone()),
        Condition::All(all) => {
            let found: Vec<Vec<String>> =
                all.iter().filter_map(|inner| paths_of(cx, job, inner, event)).collect();
            found.into_iter().next()
        }
        Condition::OnFailure => {
            cx.lose(
                format!("that job `{}` runs on failure", job.id),
                "A step runs only when those before it succeeded; put the commands into an after-script",
                job.line,
            );
            None
        }
        Condition::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            None
        }
        condition if holds(condition, event, cx.portable.branch()).is_none() => {
            if !test_possible(condition) {
                cx.lose(
                    format!("a part of the condition of job `{}`", job.id),
                    "Bitbucket decides by branch, tag and path alone; the step runs always",
                    job.line,
                );
            }
            None
        }
        _ => None,
    }
}

pub(super) fn test_possible(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Equals(Part::Input(_) | Part::Variable(_) | Part::Output(..), _)
            | Condition::DefaultBranch
            | Condition::Branch(_)
            | Condition::Tag(_)
    )
}
