//! What the stages are told, and what they tell.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Access, Limits, Shown};

/// The longest message between the stages.
const MOST_MESSAGE: u32 = 64 << 20;

/// Walls that stand, or are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each wall stands or falls by itself")]
pub(super) struct Held {
    /// A user namespace.
    pub user: bool,
    /// A PID namespace: nothing of it outlives its first process.
    pub pids: bool,
    /// A network namespace.
    pub network: bool,
    /// Its loopback is up.
    pub loopback: bool,
    /// An IPC namespace.
    pub ipc: bool,
    /// A namespace for the host's name.
    pub names: bool,
    /// A mount namespace with everything read-only but what is listed.
    pub mounts: bool,
    /// A `/proc` of its own.
    pub proc: bool,
    /// No further user namespaces can be made inside.
    pub nested: bool,
    /// The kernel bounds the number of processes.
    pub count: bool,
}

impl Held {
    pub(super) const ALL: Held = Held {
        user: true,
        pids: true,
        network: true,
        loopback: true,
        ipc: true,
        names: true,
        mounts: true,
        proc: true,
        nested: true,
        count: true,
    };
}

/// What a run is allowed, as numbers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Caps {
    pub memory_bytes: u64,
    pub processes: u32,
    pub disk_bytes: u64,
    pub file_bytes: u64,
}

impl From<&Limits> for Caps {
    fn from(limits: &Limits) -> Self {
        Caps {
            memory_bytes: limits.memory_bytes,
            processes: limits.processes,
            disk_bytes: limits.disk_bytes,
            file_bytes: limits.file_bytes,
        }
    }
}

/// As [`Shown`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bind {
    pub source: PathBuf,
    pub target: PathBuf,
    pub access: Access,
}

impl From<&Shown> for Bind {
    fn from(shown: &Shown) -> Self {
        Bind { source: shown.source.clone(), target: shown.target.clone(), access: shown.access }
    }
}

/// What to set up and to run. Paths are absolute and without links.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    pub command: String,
    pub folder: PathBuf,
    pub writable: Vec<PathBuf>,
    pub readable: Vec<PathBuf>,
    pub hidden: Vec<PathBuf>,
    pub binds: Vec<Bind>,
    pub variables: Vec<(String, String)>,
    pub caps: Caps,
    /// The walls that have to stand; in a probe, those to try.
    pub want: Held,
    /// Whether it is only to be seen what can be held.
    pub is_probe: bool,
    /// Sockets of this machine that lie in folders, found by the first stage.
    pub sockets: Vec<PathBuf>,
}

/// What the second stage tells at its end, and the first hands on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Report {
    pub held: Held,
    /// What went wrong before the command could start.
    pub failed: Option<String>,
    /// Why a wall does not stand, in a probe.
    pub why: Vec<String>,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// Processes that were left when the command ended.
    pub left: u32,
    /// Hundredths of a second on the processor.
    pub ticks: Option<u64>,
}

/// Send a message: its length, then JSON.
pub(super) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encoded(message)?)
}

pub(super) fn encoded(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let text = serde_json::to_vec(message)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(text);
    Ok(bytes)
}

/// Receive a message.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MOST_MESSAGE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = Vec::new();
    from.take(length.into()).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
