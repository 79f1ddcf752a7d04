//! Why an execution failed: which steps, the lines of their logs that tell, what the
//! platform says, and what to do.

pub mod known;
mod lines;

use futures_util::future::join_all;
use serde::Serialize;

use self::known::Known;
pub use self::lines::Line;
use super::{Deployer, Execution, Status, Step};

/// Most steps that are looked into.
const MOST_STEPS: usize = 8;

/// Something that failed, with its grounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The step; the stage or the execution where no step failed.
    pub step: String,
    /// Its stage's name, where it is a step.
    pub stage: Option<String>,
    /// How it ended.
    pub status: Status,
    /// What the platform says.
    pub message: Option<String>,
    /// A name for the cause, where it is known (`image-pull`, `quota` …).
    pub cause: Option<&'static str>,
    /// What it is, in a sentence.
    pub what: String,
    /// What to do, in a sentence.
    pub advice: String,
    /// The lines of its log that tell, most telling first.
    pub lines: Vec<Line>,
    /// Why there are no lines, where a log was to be had.
    pub no_log: Option<String>,
}

/// What failed in an execution, in its order; logs are fetched side by side. Nothing of
/// what is to be learned here is worth an error: what cannot be had is said.
pub async fn find(deployer: &dyn Deployer, execution: &Execution) -> Vec<Trouble> {
    let bad: Vec<&Step> = failed_steps(execution);
    if bad.is_empty() {
        return whole(execution).into_iter().collect();
    }
    let each = bad.into_iter().take(MOST_STEPS).map(|step| async move {
        let (lines, no_log) = match &step.log_key {
            None => (Vec::new(), None),
            Some(_) => match deployer.log(step).await {
                Ok(bytes) => (lines::telling(&bytes), None),
                Err(error) => (Vec::new(), Some(format!("{error:#}"))),
            },
        };
        of_step(execution, step, lines, no_log)
    });
    join_all(each).await
}

/// The steps that failed by themselves: what takes a failed one back is no failure, and
/// of a failed step what stands around it says nothing more.
fn failed_steps(execution: &Execution) -> Vec<&Step> {
    let bad = |step: &&Step| step.status.is_bad() || step.status == Status::InterventionWaiting;
    let all: Vec<&Step> = execution.steps.iter().filter(bad).collect();
    let first: Vec<&Step> = all.iter().copied().filter(|step| !step.is_rollback).collect();
    // A rollback that fails is news of its own.
    match first.is_empty() {
        true => all,
        false => {
            let rollback = all.into_iter().filter(|step| step.is_rollback);
            first.iter().copied().chain(rollback).collect()
        }
    }
}

fn of_step(
    execution: &Execution,
    step: &Step,
    lines: Vec<Line>,
    no_log: Option<String>,
) -> Trouble {
    let stage = execution.stages.iter().find(|stage| stage.identifier == step.stage);
    let of_stage = stage.and_then(|stage| stage.message.clone());
    let message = step.message.clone().or(of_stage).or_else(|| execution.message.clone());
    let said = message.as_deref().unwrap_or_default();
    // The status first: an approval that ran out is none of what its message may quote.
    let known = known::status(&step.status, &step.kind)
        .or_else(|| known::message(said))
        .or_else(|| lines.iter().find_map(|line| known::message(&line.text)));
    let known = known.filter(|_| !step.is_marked_failed);
    let (what, advice) = match known {
        Some(known) => (known.what.to_owned(), known.advice.to_owned()),
        None if step.is_marked_failed => (
            "It was marked as failed from outside, which takes the stage back.".to_owned(),
            "Look at who marked it, and at the decision that led to it.".to_owned(),
        ),
        None => (unknown(said, &lines), unknown_advice(&lines, no_log.as_deref())),
    };
    Trouble {
        step: step.name.clone(),
        stage: Some(stage.map_or_else(|| step.stage.clone(), |stage| stage.name.clone()))
            .filter(|name| !name.is_empty()),
        status: step.status.clone(),
        message,
        cause: known.map(|known| known.cause),
        what,
        advice,
        lines,
        no_log,
    }
}

/// The execution's own failure, where none of its steps failed.
fn whole(execution: &Execution) -> Option<Trouble> {
    let stage = execution.stages.iter().find(|stage| stage.status.is_bad());
    let status = stage.map_or(&execution.status, |stage| &stage.status).clone();
    if !status.is_bad() && !execution.status.is_bad() {
        return None;
    }
    let status = if status.is_bad() { status } else { execution.status.clone() };
    let message =
        stage.and_then(|stage| stage.message.clone()).or_else(|| execution.message.clone());
    let said = message.as_deref().unwrap_or_default();
    let kind = stage.map_or("", |stage| stage.kind.as_str());
    let known: Option<Known> = known::status(&status, kind).or_else(|| known::message(said));
    let (what, advice) = match known {
        Some(known) => (known.what.to_owned(), known.advice.to_owned()),
        None => (unknown(said, &[]), unknown_advice(&[], None)),
    };
    Some(Trouble {
        step: stage.map_or_else(|| execution.name.clone(), |stage| stage.name.clone()),
        stage: None,
        status,
        message,
        cause: known.map(|known| known.cause),
        what,
        advice,
        lines: Vec::new(),
        no_log: None,
    })
}

fn unknown(message: &str, lines: &[Line]) -> String {
    match (message.is_empty(), lines.first()) {
        (_, Some(line)) => format!("Its log says: {}", line.text),
        (false, None) => "The platform's message says all that is known.".to_owned(),
        (true, None) => "Neither the platform nor a log says why.".to_owned(),
    }
}

fn unknown_advice(lines: &[Line], no_log: Option<&str>) -> String {
    match (lines.is_empty(), no_log) {
        (false, _) => "Start at these lines.".to_owned(),
        (true, Some(_)) => {
            "Read the step's log on its page: it could not be fetched here.".to_owned()
        }
        (true, None) => "Look at the execution's page and at the target itself.".to_owned(),
    }
}

#[cfg(test)]
mod tests;
