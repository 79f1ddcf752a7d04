//! Log lines of both sides from the steps of two executions at Harness.

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::Question;
use crate::decide::spec::Source;
use crate::deploy::harness::{Harness, Subject};
use crate::deploy::{Deployer, Step};
use crate::log::Comparison;

/// Most steps whose logs are read for a side.
const MOST_STEPS: usize = 40;

/// Reads the logs of an execution's steps, and of an earlier one's for the baseline. Keys
/// of the source: `execution` (else the one that this job is a step of),
/// `baseline_execution` (the earlier one), `pipeline`, `steps` (identifiers or names; all
/// where unsaid). Gives what has to be said of them, a sentence each.
///
/// # Errors
/// Harness cannot be asked, or the new version's steps have no logs.
pub async fn read(
    question: &Question<'_>,
    source: &Source,
    comparison: &mut Comparison,
) -> anyhow::Result<Vec<String>> {
    let text = |key: &str| source.options.get(key).and_then(Value::as_str).map(str::to_owned);
    let steps = match source.options.get("steps") {
        None => Vec::new(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(_) => bail!("`logs.steps` has to be a list of steps"),
    };
    let own = question.inputs.servers.harness.execution.clone();
    let new = text("execution").or_else(|| own.clone());
    let mut remarks = Vec::new();
    for (execution, is_canary) in [(new, true), (text("baseline_execution"), false)] {
        if execution.is_none() && !is_canary {
            remarks.push(
                "No execution is named as `logs.baseline_execution`: every error is news."
                    .to_owned(),
            );
            continue;
        }
        let subject = Subject { pipeline: text("pipeline"), execution, own: own.clone() };
        let harness = Harness::of(&question.inputs.servers.harness, question.client, subject)
            .context("logs")?;
        let found = harness.execution().await?;
        let wanted = |step: &&Step| {
            step.log_key.is_some()
                && (steps.is_empty()
                    || steps.iter().any(|name| *name == step.identifier || *name == step.name))
        };
        let chosen: Vec<&Step> = found.steps.iter().filter(wanted).collect();
        if chosen.is_empty() && is_canary {
            bail!("no step of the execution {} that `logs.steps` names has a log", found.id);
        }
        if chosen.len() > MOST_STEPS {
            remarks.push(format!(
                "The logs of the first {MOST_STEPS} of {} steps were read.",
                chosen.len()
            ));
        }
        for step in chosen.into_iter().take(MOST_STEPS) {
            let bytes = harness.log(step).await;
            let read = match (bytes, is_canary) {
                (Ok(bytes), true) => comparison.read_canary(bytes.as_slice()),
                (Ok(bytes), false) => comparison.read_baseline(bytes.as_slice()),
                (Err(why), _) => {
                    remarks.push(format!("The log of the step {} is missing: {why:#}.", step.name));
                    continue;
                }
            };
            read.with_context(|| format!("cannot read the log of the step {}", step.name))?;
        }
    }
    Ok(remarks)
}
