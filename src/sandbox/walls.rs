//! What this machine can hold: seen by trying.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::plan::{Caps, Held, Plan};
use super::{Limits, Network, Run, powers, run};

/// How runs are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The binary whose `main` calls [`inside`](super::inside): this one.
    pub program: PathBuf,
    /// Whether namespaces are tried at all.
    pub tries_namespaces: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { program: PathBuf::from("/proc/self/exe"), tries_namespaces: true }
    }
}

/// What this machine can hold, and what it cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walls {
    /// A run reaches nothing but itself.
    pub network: bool,
    /// A run neither sees nor reaches processes that are not its own, and none of its
    /// processes outlives it.
    pub processes: bool,
    /// A run writes only what it is given, and cannot read what is hidden.
    pub files: bool,
    /// The memory of a run is bounded (by watching it).
    pub memory: bool,
    /// What is not held and why, in sentences. Empty where all is held.
    pub notes: Vec<String>,
    pub(super) held: Held,
    pub(super) program: PathBuf,
}

/// See what this machine can hold, by starting an empty run. Where runs will see this
/// process, nobody can look into it from then on, nor can it leave a core dump.
///
/// # Errors
/// The binary cannot start itself, or there is no `sh`.
pub async fn walls(options: &Options) -> Result<Walls> {
    let want = if options.tries_namespaces { Held::ALL } else { Held::default() };
    let mut walls = Walls {
        network: false,
        processes: false,
        files: false,
        memory: Path::new("/proc/self/status").exists(),
        notes: Vec::new(),
        held: want,
        program: options.program.clone(),
    };
    let limits = Limits {
        time: Duration::from_secs(20),
        memory_bytes: 1 << 30,
        processes: 100,
        output_bytes: 4096,
        disk_bytes: 1 << 30,
        file_bytes: 1 << 30,
    };
    let empty = Run {
        command: "exit 0",
        folder: Path::new("/"),
        writable: &[],
        readable: &[],
        hidden: &[],
        shown: &[],
        variables: &[],
        limits,
        network: Network::None,
        walls: &walls,
    };
    let plan = Plan { is_probe: true, ..run::plan_of(&empty)? };
    let (report, _) = run::carry_out(&empty, &plan).await?;
    let report =
        report.with_context(|| format!("{} does not start itself", options.program.display()))?;
    if let Some(failed) = report.failed {
        anyhow::bail!("cannot run anything: {failed}");
    }
    tracing::debug!(held = ?report.held, why = ?report.why, "what can be held");
    let held = report.held;
    walls.held = held;
    if !held.user && !held.pids {
        // Runs see this process, which may hold every secret of the job in its environment.
        powers::close_off().context("cannot keep others from looking into this process")?;
    }
    walls.network = held.network;
    walls.processes = held.pids;
    walls.files = held.mounts;
    walls.notes = notes(held, &report.why, walls.memory, options.tries_namespaces);
    Ok(walls)
}

fn notes(held: Held, why: &[String], memory: bool, tried: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |stands: bool, text: &str| {
        if !stands {
            notes.push(text.to_owned());
        }
    };
    note(held.network, "Tests can reach the network: this machine allows no network namespace.");
    note(
        held.pids,
        "Tests can see and signal other processes of the same user, and one that sets its mind \
         to it may outlive its run: this machine allows no PID namespace.",
    );
    note(
        held.mounts,
        "Tests can read and write what the user of this process can, beside their copy: this \
         machine allows no mount namespace. Keep secrets out of the job's files.",
    );
    note(
        held.user || held.pids,
        "The environment of other processes of the same user (the shell of this job) can be \
         read: keep secrets out of the job's variables, or give them to the step of this \
         program only.",
    );
    if held.network && !held.loopback {
        notes.push("Tests have no loopback: a test with a server of its own fails.".to_owned());
    }
    if held.mounts && held.pids && !held.proc {
        notes.push(
            "Tests see the list of other processes, though not into them: `/proc` cannot be \
             mounted afresh (in Docker, `--security-opt systempaths=unconfined` allows it)."
                .to_owned(),
        );
    }
    if !held.count {
        notes.push(
            "The number of processes is bounded by watching only, not by the kernel.".to_owned(),
        );
    }
    if !memory {
        notes.push("Memory is not bounded: there is no `/proc`.".to_owned());
    }
    if !tried {
        notes.push("Namespaces were not tried.".to_owned());
    } else if !why.is_empty() && !notes.is_empty() {
        notes.push(format!("Refused: {}.", why.join("; ")));
    }
    notes
}

/// Limits for a plan, as numbers.
pub(super) fn caps(limits: &Limits) -> Caps {
    limits.into()
}
