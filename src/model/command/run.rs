//! Runs a program: its whole process group ends with it, with its time, or when
//! nobody waits for it any more.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Most bytes taken from standard output.
pub const MOST_OUTPUT: usize = 16 << 20;
/// Most bytes kept of standard error: its end.
const MOST_ERRORS: usize = 8 << 10;
/// How long output may still come once the program has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A program to run.
pub struct Job {
    /// By its whole path.
    pub program: PathBuf,
    /// As they are.
    pub arguments: Vec<OsString>,
    /// All there are.
    pub variables: Vec<(OsString, OsString)>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Its standard input.
    pub input: Vec<u8>,
    /// Longest time.
    pub timeout: Duration,
}

/// What a program left. Bytes that are no UTF-8 become U+FFFD.
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub text: String,
    /// The end of standard error.
    pub errors: String,
}

/// Why there is no output.
#[derive(Debug)]
pub enum Failed {
    /// It did not start.
    Start(std::io::Error),
    /// It took too long.
    Late,
    /// It wrote too much.
    TooMuch,
    /// Its output could not be read.
    Io(std::io::Error),
}

/// Run it to its end. Dropping the future ends it and all that it started.
pub async fn run(job: Job) -> Result<Output, Failed> {
    let mut child = Command::new(&job.program)
        .args(&job.arguments)
        .env_clear()
        .envs(job.variables)
        .current_dir(&job.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(Failed::Start)?;
    // Dropped before the child, while its number cannot be another's.
    let group = Group::of(child.id());
    watch_for_signals();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut text, mut errors) = (Vec::new(), Vec::new());
    let result = tokio::time::timeout(job.timeout, async {
        let streams = async {
            let write = async {
                if let Some(mut stdin) = stdin {
                    // A program need not read all it is given.
                    let _ = stdin.write_all(&job.input).await;
                    let _ = stdin.shutdown().await;
                }
                Ok(())
            };
            let read = read(stdout, &mut text);
            let read_errors = keep_end(stderr, &mut errors);
            tokio::try_join!(write, read, read_errors).map(drop)
        };
        tokio::pin!(streams);
        tokio::select! {
            done = &mut streams => {
                done?;
                child.wait().await.map_err(Failed::Io)
            }
            status = child.wait() => {
                // What it left running holds the pipes open.
                group.kill();
                match tokio::time::timeout(LAST_WORDS, streams).await {
                    Ok(done) => done?,
                    Err(_) => tracing::debug!("the command's output stayed open behind it"),
                }
                status.map_err(Failed::Io)
            }
        }
    })
    .await;
    group.kill();
    let status = result.unwrap_or(Err(Failed::Late))?;
    let lossy = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output { status, text: lossy(text), errors: lossy(errors) })
}

async fn read(from: Option<impl AsyncRead + Unpin>, to: &mut Vec<u8>) -> Result<(), Failed> {
    let Some(from) = from else { return Ok(()) };
    from.take(MOST_OUTPUT as u64 + 1).read_to_end(to).await.map_err(Failed::Io)?;
    if to.len() > MOST_OUTPUT { Err(Failed::TooMuch) } else { Ok(()) }
}

async fn keep_end(from: Option<impl AsyncRead + Unpin>, to: &mut Vec<u8>) -> Result<(), Failed> {
    let Some(mut from) = from else { return Ok(()) };
    let mut piece = vec![0; MOST_ERRORS];
    loop {
        let length = from.read(&mut piece).await.map_err(Failed::Io)?;
        if length == 0 {
            return Ok(());
        }
        to.extend_from_slice(&piece[..length]);
        let over = to.len().saturating_sub(MOST_ERRORS);
        to.drain(..over);
    }
}

/// Process groups under way, so that a signal ends them too: they are not in the
/// group that a terminal or a CI runner signals.
static UNDER_WAY: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A process group that is killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(id: Option<u32>) -> Self {
        let pid = id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            under_way().insert(pid.as_raw_pid());
        }
        Group(pid)
    }

    fn kill(&self) {
        let Some(pid) = self.0 else { return };
        // Once: later the number may be another's.
        if under_way().remove(&pid.as_raw_pid()) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn under_way() -> std::sync::MutexGuard<'static, BTreeSet<i32>> {
    // Numbers only: a panic elsewhere cannot have left them half changed.
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From the first program on: a signal that ends this process ends them first.
fn watch_for_signals() {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.swap(true, Ordering::Relaxed) {
        return;
    }
    for (kind, number) in
        [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)]
    {
        let Ok(mut signals) = signal(kind) else { continue };
        tokio::spawn(async move {
            if signals.recv().await.is_some() {
                for pid in under_way().iter().copied().filter_map(Pid::from_raw) {
                    let _ = kill_process_group(pid, Signal::KILL);
                }
                // As a shell reports a process that a signal ended.
                std::process::exit(128 + number);
            }
        });
    }
}
