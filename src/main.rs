//! The binary: start the log, run, turn the result into an exit code.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use pipewright::inputs::{Env, Inputs};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let env = Env::from_process();
    let gathered = Inputs::gather(std::env::args_os().skip(1), env);
    // The log's level is an input like any other; what is wrong with the inputs
    // is told by the run itself.
    let level = gathered.resolve(None).map_or_else(|_| "warn".to_owned(), |inputs| inputs.log);
    let filter = EnvFilter::new(format!("off,pipewright={level}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
    ExitCode::from(pipewright::run(&gathered))
}
