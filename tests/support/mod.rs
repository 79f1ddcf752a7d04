//! What the black-box tests share: the binary in an empty environment, the
//! events that a host sets off jobs with, and an in-memory GitHub.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod anthropic;
pub mod batch;
mod branches;
pub mod ci;
pub mod ci_others;
pub mod client;
pub mod contract;
pub mod event;
pub mod github;
pub mod graphql;
pub mod harness;
pub mod openai;
mod past;
mod routes;
pub mod server;
mod talk;
pub mod world;

use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use self::github::{GitHub, Phase};

/// The binary, with nothing of the caller's environment but `PATH`.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipewright"));
    command.env_clear().stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Run a command and kill it (SIGKILL) when its request number `nth`, counted
/// from now, is at `phase`. `None`: it was killed. Else its output: it ended
/// before it came that far.
pub fn run_killed_at(
    command: &mut Command,
    github: &GitHub,
    nth: usize,
    phase: Phase,
) -> Option<Output> {
    let (hit, reached) = mpsc::channel();
    let (killed, go_on) = mpsc::channel::<()>();
    let nth = github.requests().len() + nth;
    github.at(nth, phase, move || {
        let _ = hit.send(());
        // Answer nothing until the process is gone.
        let _ = go_on.recv_timeout(Duration::from_secs(20));
    });
    let mut child: Child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let start = Instant::now();
    loop {
        if reached.try_recv().is_ok() {
            child.kill().expect("the process can be killed");
            child.wait().expect("the process ends");
            let _ = killed.send(());
            return None;
        }
        match child.try_wait().expect("the process can be waited for") {
            Some(_) => return Some(child.wait_with_output().expect("its output can be read")),
            None if start.elapsed() > Duration::from_secs(60) => {
                let _ = child.kill();
                panic!("the process hangs");
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}
