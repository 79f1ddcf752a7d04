//! Conditions as Groovy, where there is no `when`.

use super::super::super::{Condition, Job};
use super::super::context::Context;
use super::code::single;
use super::when;

/// A Groovy expression that is true when the condition holds; `None` where it cannot be
/// said. Globs with more than a star at the end, paths and states cannot.
pub(super) fn guard(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<String> {
    let named = |variable: &str, glob: &str| {
        let plain = glob.trim_end_matches('*');
        if plain.contains(['*', '?', '[', '{']) {
            return None;
        }
        Some(if plain == glob {
            format!("env.{variable} == {}", single(glob))
        } else if plain.is_empty() {
            format!("env.{variable} != null")
        } else {
            format!("env.{variable}?.startsWith({})", single(plain))
        })
    };
    let caused = |cause: &str| format!("currentBuild.getBuildCauses({}).size() > 0", single(cause));
    let all = |inner: &[Condition], word: &str| {
        let texts: Option<Vec<String>> =
            inner.iter().map(|inner| Some(format!("({})", guard(cx, job, inner)?))).collect();
        texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join(word))
    };
    match condition {
        Condition::Branch(glob) => named("BRANCH_NAME", glob),
        Condition::DefaultBranch => named("BRANCH_NAME", cx.portable.branch()),
        Condition::Tag(glob) => named("TAG_NAME", if glob.is_empty() { "*" } else { glob }),
        Condition::Change => Some("env.CHANGE_ID != null".to_owned()),
        Condition::Push => Some("env.CHANGE_ID == null".to_owned()),
        Condition::Schedule => Some(caused("hudson.triggers.TimerTrigger$TimerTriggerCause")),
        Condition::Manual => Some(caused("hudson.model.Cause$UserIdCause")),
        Condition::Equals(..) => {
            let text = when(cx, job, condition)?;
            Some(text.strip_prefix("expression { ")?.strip_suffix(" }")?.to_owned())
        }
        Condition::Not(inner) => Some(format!("!({})", guard(cx, job, inner)?)),
        Condition::All(inner) => all(inner, " && "),
        Condition::Any(inner) => all(inner, " || "),
        Condition::Paths(_) | Condition::Always | Condition::OnFailure | Condition::Foreign(_) => {
            None
        }
    }
}
