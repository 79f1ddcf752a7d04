//! Pipewright puts a language model to work inside a CI pipeline without
//! having to trust it. ARCHITECTURE.md draws the house; `tests/layering.rs`
//! holds its floors.

pub mod audit;
pub mod checkout;
pub mod ci;
pub mod code;
pub mod context;
pub mod decide;
pub mod deploy;
pub mod diff;
pub mod evidence;
pub mod failure;
pub mod finding;
pub mod forge;
pub mod http;
pub mod inputs;
pub mod log;
pub mod model;
pub mod notify;
pub mod pipeline;
pub mod policy;
pub mod publish;
pub mod redact;
pub mod report;
pub mod runner;
pub mod sandbox;
pub mod scan;
pub mod stats;
pub mod task;

use std::io::Write as _;

use anyhow::anyhow;

use crate::failure::Failure;
use crate::inputs::{Command, Gathered};
use crate::redact::Scrubber;

/// Carry out what was asked for. Gives the exit code (see `docs/output.md`).
pub fn run(gathered: &Gathered) -> u8 {
    match dispatch(gathered) {
        Ok(code) => code,
        Err(failure) => {
            tracing::debug!(chain = ?failure.error(), "the run failed");
            tell(&format!("{failure}"), gathered);
            failure.exit_code()
        }
    }
}

fn dispatch(gathered: &Gathered) -> Result<u8, Failure> {
    if let Command::Print(text) = &gathered.command {
        return print(text);
    }
    let inputs = gathered.resolve(None).map_err(|errors| Failure::Inputs(anyhow!("{errors}")))?;
    for warning in &inputs.warnings {
        tracing::warn!("{warning}");
    }
    match &gathered.command {
        Command::Print(text) => print(text),
        Command::Config => task::config::run(gathered, &inputs),
        Command::Models { check } => task::models::show::run(gathered, &inputs, *check),
        Command::Learn { since } => task::learn::run(gathered, &inputs, since.as_deref()),
        Command::AuditVerify { file } => task::audit::verify(file),
        Command::Sweep(sweep) => task::sweep::run(gathered, &inputs, sweep),
        Command::Docs => task::docs::run(gathered, &inputs),
        Command::Pipeline(command) => task::pipeline::run(gathered, &inputs, command),
        Command::Tests => task::tests::run(gathered, &inputs),
        Command::Verify { spec } => task::verify::run(gathered, &inputs, spec.as_deref()),
        Command::AuditReport { files, outcomes } => {
            task::audit::report::run(files, outcomes.as_deref(), &inputs)
        }
        Command::Watch(_) | Command::Serve | Command::Doctor { .. } => {
            Err(Failure::Inputs(anyhow!("this command comes with the next merge")))
        }
        Command::Auto if inputs.task == inputs::Task::Verify => {
            task::verify::run(gathered, &inputs, None)
        }
        Command::Auto if inputs.task == inputs::Task::Tests => task::tests::run(gathered, &inputs),
        Command::Auto if inputs.task == inputs::Task::Docs => task::docs::run(gathered, &inputs),
        Command::Auto if inputs.task == inputs::Task::Pipeline => {
            task::pipeline::change::run(gathered, &inputs)
        }
        Command::Review | Command::Plan | Command::Merge { .. } | Command::Auto => {
            task::review::run(gathered, &inputs)
        }
    }
}

fn print(text: &str) -> Result<u8, Failure> {
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(0)
}

/// One line a problem on standard error; in a GitHub job also as its annotation.
/// A host's or a model's own words may be among them.
fn tell(message: &str, gathered: &Gathered) {
    let secrets = gathered.resolve(None).map(|inputs| inputs.secrets).unwrap_or_default();
    let message = &Scrubber::new(&secrets).sanitize_plain(message);
    let mut stderr = anstream::stderr();
    for line in message.lines() {
        let _ = writeln!(stderr, "pipewright: {line}");
    }
    if gathered.env.is_on("GITHUB_ACTIONS") {
        let _ = writeln!(stderr, "{}", publish::annotations::error_command(message));
    }
}
