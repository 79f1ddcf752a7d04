//! Runs strangers' code: without secrets, network, or a way to write or to stay outside its copy.
//!
//! The binary starts itself again as two small stages. The first leaves this machine's
//! namespaces and watches over the second; the second sets up the walls from inside,
//! gives up every power, and starts the command. `docs/tests-sandbox.md` tells what is
//! held where.

mod copy;
mod inner;
mod mounts;
mod output;
mod places;
mod plan;
mod powers;
mod run;
mod space;
mod stage;
mod tree;
mod walls;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use copy::{Copy, copy_of};
pub use places::secret_places;
pub use run::run;
pub use stage::{STAGE, inside};
pub use walls::{Options, Walls, walls};

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest time from start to end.
    pub time: Duration,
    /// Most memory of the whole tree of processes: what is resident and not shared.
    pub memory_bytes: u64,
    /// Most processes and threads at once.
    pub processes: u32,
    /// Bytes of output that are kept: half of them from its start, half from its end.
    /// A run that writes [`ENDLESS`] times as much is ended.
    pub output_bytes: usize,
    /// Most that it may add to the file systems of the writable folders, and the size of
    /// its own `/tmp` (at most as much as it may have memory).
    pub disk_bytes: u64,
    /// Largest file.
    pub file_bytes: u64,
}

/// A run that writes this many times what is kept of its output is ended.
pub const ENDLESS: u64 = 64;

/// What of the network a run sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// A loopback of its own and nothing else, where [`Walls::network`].
    None,
    /// The machine's own.
    Host,
}

/// A folder or file that the command sees elsewhere than where it lies. Only where
/// [`Walls::files`]; otherwise it is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Where it lies.
    pub source: PathBuf,
    /// Where it is seen; what lies there is covered.
    pub target: PathBuf,
    /// What can be done there.
    pub access: Access,
}

/// What can be done with what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// It can be read.
    Read,
    /// It can be read and written.
    Write,
    /// It can be read and written, and what is written is thrown away with the run. Where
    /// the kernel cannot do that, it can be read.
    Discard,
}

/// What to run, and what it may touch.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// For `sh -c`.
    pub command: &'a str,
    /// Where it starts. Where a [`Shown`] covers it, the command starts at the place shown.
    pub folder: &'a Path,
    /// Folders that it may write: the copy, scratch, build folders.
    pub writable: &'a [PathBuf],
    /// Folders and files that stay to be read although they lie below `/tmp`, `/run` or
    /// something hidden.
    pub readable: &'a [PathBuf],
    /// Folders and files that it must not read, beside [`secret_places`]: the checkout's
    /// `.git`, the runner's temporary folder. What is writable below them stays so.
    pub hidden: &'a [PathBuf],
    /// See [`Copy::shown`].
    pub shown: &'a [Shown],
    /// Its whole environment, but for `HOME` and `TMPDIR`, which are its own. `PATH` has a
    /// default.
    pub variables: &'a [(String, String)],
    /// What it may use.
    pub limits: Limits,
    /// Which network it sees.
    pub network: Network,
    /// What this machine holds, from [`walls`]. A run where less can be held fails.
    pub walls: &'a Walls,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// Its time was over.
    Late,
    /// It took more memory than allowed.
    TooMuchMemory,
    /// It had more processes and threads than allowed.
    TooManyProcesses,
    /// It wrote [`ENDLESS`] times what is kept.
    TooMuchOutput,
    /// It filled the disk, or a single file beyond its limit.
    TooMuchDisk,
}

/// What a run left. Nothing of it runs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// Standard output and standard error as they came. Bytes that are no UTF-8 become
    /// U+FFFD; what is left out of the middle is said there.
    pub output: String,
    /// From start to end.
    pub wall: Duration,
    /// Time on the processor of all its processes that were waited for.
    pub cpu: Option<Duration>,
    /// Most memory seen (it is looked at every few hundredths of a second).
    pub peak_memory: Option<u64>,
}
