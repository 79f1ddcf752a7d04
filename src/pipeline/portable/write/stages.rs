//! Stages for platforms that want them, and events for those that list jobs by event.

use std::collections::HashMap;

use super::super::{Action, Condition, Job, Portable, Trigger};

/// What a job is part of: its label, else what its steps tell.
pub fn label(job: &Job) -> String {
    if let Some(stage) = &job.stage {
        return stage.clone();
    }
    let does = |test: fn(&Action) -> bool| job.steps.iter().any(|step| test(&step.action));
    let label = if job.environment.is_some()
        || does(|action| matches!(action, Action::Deploy(_) | Action::TerraformApply(_)))
    {
        return match &job.environment {
            Some(environment) if !environment.name.is_empty() => {
                format!("deploy-{}", super::context::identifier(&environment.name))
            }
            _ => "deploy".to_owned(),
        };
    } else if does(|action| matches!(action, Action::BuildImage(_))) {
        "image"
    } else if does(|action| matches!(action, Action::ScanImage { .. })) {
        "scan"
    } else if does(|action| matches!(action, Action::TerraformPlan(_))) {
        "plan"
    } else if does(|action| matches!(action, Action::Approval(_))) {
        "approve"
    } else if job.needs.is_empty() {
        "test"
    } else {
        "build"
    };
    label.to_owned()
}

/// Jobs by stage, stages in an order in which no job needs one of a later stage. By
/// label where the labels allow it, else by level.
pub fn stages(portable: &Portable) -> Vec<(String, Vec<usize>)> {
    by_label(portable).unwrap_or_else(|| {
        let levels = portable.levels().unwrap_or_default();
        levels
            .into_iter()
            .enumerate()
            .map(|(at, jobs)| (format!("stage-{}", at + 1), jobs))
            .collect()
    })
}

/// Jobs by their labels; `None` where the labels contradict the order of the jobs.
pub fn by_label(portable: &Portable) -> Option<Vec<(String, Vec<usize>)>> {
    let mut names: Vec<String> = Vec::new();
    let mut stage_of: Vec<usize> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for job in &portable.jobs {
        let label = label(job);
        let at = *known.entry(label.clone()).or_insert_with(|| {
            names.push(label);
            names.len() - 1
        });
        stage_of.push(at);
    }
    let index: HashMap<&str, usize> =
        portable.jobs.iter().enumerate().map(|(at, job)| (job.id.as_str(), at)).collect();
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    for (at, job) in portable.jobs.iter().enumerate() {
        for need in job.needs.iter().filter_map(|need| index.get(need.as_str())) {
            if stage_of[*need] != stage_of[at] && !before[stage_of[at]].contains(&stage_of[*need]) {
                before[stage_of[at]].push(stage_of[*need]);
            }
        }
    }
    let mut order: Vec<usize> = Vec::new();
    while order.len() < names.len() {
        let next = (0..names.len()).find(|stage| {
            !order.contains(stage) && before[*stage].iter().all(|b| order.contains(b))
        })?;
        order.push(next);
    }
    let jobs_of =
        |stage: usize| (0..portable.jobs.len()).filter(|at| stage_of[*at] == stage).collect();
    Some(order.into_iter().map(|stage| (names[stage].clone(), jobs_of(stage))).collect())
}

/// What starts a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A push to the default branch.
    Default,
    /// A push to a branch of this glob.
    Branch(&'a str),
    /// A push to any other branch.
    OtherBranch,
    /// A tag of this glob.
    Tag(&'a str),
    /// A change.
    Change,
    /// The clock.
    Schedule,
    /// A person.
    Manual,
}

/// Whether a condition holds at an event; `None` where only the run can tell.
pub fn holds(condition: &Condition, event: Event<'_>, default: &str) -> Option<bool> {
    match condition {
        Condition::Branch(glob) => match event {
            Event::Default => Some(glob_fits(glob, default)),
            Event::Branch(branch) => Some(glob == branch || glob_fits(glob, branch)),
            Event::OtherBranch => {
                if glob == "**" {
                    Some(true)
                } else {
                    Some(false)
                }
            }
            // A schedule runs on the default branch unless it says otherwise.
            Event::Schedule => Some(glob_fits(glob, default)),
            Event::Manual => None,
            Event::Tag(_) | Event::Change => Some(false),
        },
        Condition::DefaultBranch => match event {
            Event::Default | Event::Schedule => Some(true),
            Event::Manual => None,
            Event::Branch(branch) => Some(branch == default),
            _ => Some(false),
        },
        Condition::Tag(glob) => match event {
            Event::Tag(tag) => {
                Some(glob.is_empty() || glob == "*" || glob == tag || glob_fits(glob, tag))
            }
            Event::Manual => None,
            _ => Some(false),
        },
        Condition::Change => Some(event == Event::Change),
        Condition::Push => Some(matches!(
            event,
            Event::Default | Event::Branch(_) | Event::OtherBranch | Event::Tag(_)
        )),
        Condition::Schedule => Some(event == Event::Schedule),
        Condition::Manual => Some(event == Event::Manual),
        Condition::Always => Some(true),
        Condition::Not(inner) => holds(inner, event, default).map(|holds| !holds),
        Condition::All(all) => {
            let known: Vec<Option<bool>> =
                all.iter().map(|inner| holds(inner, event, default)).collect();
            if known.contains(&Some(false)) {
                Some(false)
            } else if known.contains(&None) {
                None
            } else {
                Some(true)
            }
        }
        Condition::Any(any) => {
            let known: Vec<Option<bool>> =
                any.iter().map(|inner| holds(inner, event, default)).collect();
            if known.contains(&Some(true)) {
                Some(true)
            } else if known.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        Condition::Paths(_)
        | Condition::Equals(..)
        | Condition::OnFailure
        | Condition::Foreign(_) => None,
    }
}

/// Whether a name fits a glob as GitHub reads it.
pub fn glob_fits(glob: &str, name: &str) -> bool {
    globset::GlobBuilder::new(glob)
        .literal_separator(true)
        .build()
        .is_ok_and(|glob| glob.compile_matcher().is_match(name))
}

/// A glob as a regular expression, anchored, for `/` as a delimiter.
pub fn glob_to_regex(glob: &str) -> String {
    let mut out = String::from("^");
    let mut chars = glob.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                out.push_str(".*");
            }
            '*' => out.push_str("[^\\/]*"),
            '?' => out.push('.'),
            '/' => out.push_str("\\/"),
            '.' | '+' | '(' | ')' | '|' | '^' | '$' | '\\' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push('$');
    out
}

/// Whether any trigger asks for it.
pub fn has_change(portable: &Portable) -> bool {
    portable.triggers.iter().any(|trigger| matches!(trigger, Trigger::Change(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_decided_by_the_event_where_they_can_be() {
        let check = |condition: Condition, event: Event<'_>, expect: Option<bool>| {
            assert_eq!(holds(&condition, event, "main"), expect, "{condition:?} at {event:?}");
        };
        let main = || Condition::Branch("main".to_owned());
        check(main(), Event::Default, Some(true));
        check(main(), Event::Change, Some(false));
        check(Condition::Not(Box::new(Condition::Change)), Event::Default, Some(true));
        check(Condition::Branch("release/*".into()), Event::Branch("release/*"), Some(true));
        check(Condition::Tag("v*".into()), Event::Tag("v1.0"), Some(true));
        check(Condition::All(vec![main(), Condition::Paths(vec![])]), Event::Default, None);
        check(Condition::All(vec![main(), Condition::Paths(vec![])]), Event::Change, Some(false));
        check(Condition::Any(vec![main(), Condition::Change]), Event::Change, Some(true));
    }

    #[test]
    fn globs_become_anchored_expressions() {
        assert_eq!(glob_to_regex("release/*"), "^release\\/[^\\/]*$");
        assert_eq!(glob_to_regex("v1.*"), "^v1\\.[^\\/]*$");
        assert_eq!(glob_to_regex("**"), "^.*$");
    }

    #[test]
    fn stages_stand_in_an_order_that_the_needs_allow() {
        let mut portable = Portable::default();
        for (id, stage, needs) in [("d", "deploy", "b"), ("b", "build", "t"), ("t", "test", "")] {
            portable.jobs.push(Job {
                stage: Some(stage.to_owned()),
                needs: Some(needs.to_owned()).into_iter().filter(|n| !n.is_empty()).collect(),
                ..Job::new(id)
            });
        }
        let names = |portable: &Portable| -> Vec<String> {
            stages(portable).into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&portable), ["test", "build", "deploy"]);
        portable.jobs[2].needs = vec!["x".to_owned()];
        portable.jobs.push(Job { stage: Some("deploy".to_owned()), ..Job::new("x") });
        assert_eq!(names(&portable), ["stage-1", "stage-2", "stage-3", "stage-4"]);
    }
}
