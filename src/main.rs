//! The binary: start the log, run, turn the result into an exit code.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::Arc;

use pipewright::inputs::{Env, Inputs};
use pipewright::redact::Scrubber;
use pipewright::sandbox;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Before anything else: a stage of a sandbox must not have a second thread.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == sandbox::STAGE) {
        sandbox::inside(arguments);
    }
    let env = Env::from_process();
    let gathered = Inputs::gather(std::env::args_os().skip(1), env);
    // The log's level is an input like any other; what is wrong with the inputs
    // is told by the run itself.
    let (level, secrets) = gathered
        .resolve(None)
        .map_or_else(|_| ("warn".to_owned(), Vec::new()), |inputs| (inputs.log, inputs.secrets));
    let filter = EnvFilter::new(format!("off,pipewright={level}"));
    let terminal = io::stderr().is_terminal();
    let log = Log { scrubber: Arc::new(Scrubber::new(&secrets)), terminal };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || log.clone())
        .with_ansi(terminal)
        .with_target(false)
        .without_time()
        .init();
    ExitCode::from(pipewright::run(&gathered))
}

/// Standard error for events, which may hold anybody's words: without secrets,
/// and with nothing that a CI runner takes for a command.
#[derive(Clone)]
struct Log {
    scrubber: Arc<Scrubber>,
    terminal: bool,
}

impl Write for Log {
    /// One event, whole: so the formatter writes them.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut text = if self.terminal {
            // The escapes are the formatter's colours; it takes out those of others.
            self.scrubber.scrub(&text).into_owned()
        } else {
            self.scrubber.sanitize_plain(&text)
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        io::stderr().write_all(text.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
