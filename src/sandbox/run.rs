//! Starts the stages, reads what the command writes, watches it, and ends it in time.

use std::fs;
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::sync::oneshot;

use super::output::Kept;
use super::plan::{Bind, Held, Plan, Report, encoded, receive};
use super::stage::{OUTER, STAGE};
use super::watch::Watch;
use super::{ENDLESS, Ended, Network, Ran, Run, mounts, tree, walls};

/// How often a run is looked at: often at first, so that short runs are seen too.
const LOOKS: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(50)];
/// How many looks are early ones.
const EARLY: u32 = 10;
/// How long the stages have to end a run.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long what was written is waited for once all is over.
const DRAIN: Duration = Duration::from_millis(500);
/// `PATH` where none is given.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The signal for a file beyond its limit.
const FILE_TOO_LARGE: i32 = 25;
/// The variable by which processes of a run are known where there is no namespace.
const MARK: &str = "PIPEWRIGHT_RUN";

/// Run a command. When this returns, and when its future is dropped, nothing of the run
/// is left, as far as [`Walls::processes`](super::Walls::processes) holds.
///
/// # Errors
/// A folder is missing, or a wall that stood when [`walls`](super::walls) looked does not
/// stand now. That a command fails is no error.
pub async fn run(run: &Run<'_>) -> Result<Ran> {
    let mut plan = plan_of(run)?;
    // Where the walls do not stand, its own folders lie among everybody's.
    let scratch = if run.walls.files {
        None
    } else {
        Some(tempfile::tempdir().context("cannot make a temporary folder")?)
    };
    let own = |name: &str| scratch.as_ref().map(|scratch| scratch.path().join(name));
    let (home, temp) = (own("home"), own("tmp"));
    for folder in [&home, &temp].into_iter().flatten() {
        fs::create_dir(folder).context("cannot make a temporary folder")?;
    }
    let word = |path: Option<&Path>, fixed: &str| -> Result<String> {
        path.map_or(Ok(fixed.to_owned()), |path| {
            path.to_str().map(str::to_owned).context("the temporary folder's name is no UTF-8")
        })
    };
    plan.variables.push(("HOME".to_owned(), word(home.as_deref(), mounts::HOME)?));
    plan.variables.push(("TMPDIR".to_owned(), word(temp.as_deref(), "/tmp")?));
    let mark = scratch.as_ref().and_then(|scratch| scratch.path().file_name()?.to_str());
    let mark = mark.map(|mark| {
        plan.variables.push((MARK.to_owned(), mark.to_owned()));
        format!("{MARK}={mark}")
    });
    let (report, mut ran) = carry_out(run, &plan).await?;
    if let Some(mark) = mark.filter(|_| !plan.want.pids) {
        tree::end_marked(&mark);
    }
    if let Some(failed) = report.as_ref().and_then(|report| report.failed.as_ref()) {
        anyhow::bail!("cannot set the sandbox up: {failed}");
    }
    ran.cpu = report.and_then(|report| report.ticks).map(|ticks| {
        let second = rustix::param::clock_ticks_per_second().max(1);
        Duration::from_millis(ticks.saturating_mul(1000) / second)
    });
    Ok(ran)
}

/// What the stages are told.
pub(super) fn plan_of(run: &Run<'_>) -> Result<Plan> {
    let real = |path: &Path| {
        fs::canonicalize(path).with_context(|| format!("cannot find {}", path.display()))
    };
    let there = |paths: &[PathBuf]| -> Vec<PathBuf> {
        paths.iter().filter_map(|path| fs::canonicalize(path).ok()).collect()
    };
    let mut folder = real(run.folder)?;
    ensure!(folder.is_dir(), "{} is no folder", run.folder.display());
    let writable = run.writable.iter().map(|path| real(path)).collect::<Result<Vec<_>>>()?;
    for path in &writable {
        ensure!(path.parent().is_some(), "everything cannot be writable");
    }
    let mut binds: Vec<Bind> = Vec::new();
    if run.walls.files {
        for shown in run.shown {
            let mut bind = Bind::from(shown);
            bind.source = real(&bind.source)?;
            // The last part may be ours to make.
            bind.target = real(&bind.target).unwrap_or(bind.target);
            binds.push(bind);
        }
        let place = binds
            .iter()
            .rev()
            .find_map(|bind| Some(bind.target.join(folder.strip_prefix(&bind.source).ok()?)));
        folder = place.unwrap_or(folder);
    }
    let mut want = run.walls.held;
    if run.network == Network::Host {
        want = Held { network: false, loopback: false, ..want };
    }
    let is_ours = |name: &str| matches!(name, "HOME" | "TMPDIR");
    let mut variables: Vec<(String, String)> =
        run.variables.iter().filter(|(name, _)| !is_ours(name)).cloned().collect();
    if !variables.iter().any(|(name, _)| name == "PATH") {
        variables.push(("PATH".to_owned(), PATH.to_owned()));
    }
    for (name, value) in &variables {
        let is_sound = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
        ensure!(is_sound, "`{}` cannot be a variable", name.escape_default());
    }
    ensure!(!run.command.contains('\0'), "a command cannot hold a NUL");
    Ok(Plan {
        command: run.command.to_owned(),
        folder,
        writable,
        readable: there(run.readable),
        hidden: there(run.hidden),
        binds,
        variables,
        caps: walls::caps(&run.limits),
        want,
        is_probe: false,
        sockets: Vec::new(),
    })
}

/// Ends the stages when dropped, and waits for them: with the future, too.
struct Guard {
    control: StdStream,
    pid: Option<Pid>,
    is_done: bool,
}

impl Guard {
    /// Tell the first stage that nobody waits any more.
    fn close(&self) {
        let _ = self.control.shutdown(Shutdown::Write);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        self.close();
        let until = Instant::now() + LAST_WORDS;
        let mut buffer = [0; 1024];
        while Instant::now() < until {
            match io::Read::read(&mut &self.control, &mut buffer) {
                // It has closed its end: all is over.
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return,
            }
        }
        if let Some(pid) = self.pid {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Start the stages and see the command through to its end.
pub(super) async fn carry_out(run: &Run<'_>, plan: &Plan) -> Result<(Option<Report>, Ran)> {
    let started = Instant::now();
    let (reader, writer) = io::pipe().context("cannot make a pipe")?;
    let (ours, theirs) = StdStream::pair().context("cannot make a socket")?;
    ours.set_nonblocking(true)?;
    let mut child = Command::new(&run.walls.program)
        .args([STAGE, OUTER])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(writer.try_clone()?))
        .stderr(Stdio::from(writer))
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", run.walls.program.display()))?;
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let control = ours.try_clone()?;
    // Dropped before the child.
    let mut guard = Guard { control, pid: id.and_then(Pid::from_raw), is_done: false };
    let mut control = UnixStream::from_std(ours)?;
    let mut output = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let mut kept = Kept::new(run.limits.output_bytes);
    control.write_all(&encoded(plan)?).await.context("the stage does not listen")?;

    let watch = Watch::new(id.unwrap_or_default(), plan.caps, plan.writable.clone());
    let mut looking = Looking::start(watch).context("cannot start a thread")?;
    let most = (run.limits.output_bytes as u64).saturating_mul(ENDLESS);
    let why = tokio::select! {
        why = read(&mut output, &mut kept, most) => why,
        why = looking.verdict() => Some(why),
        _ = child.wait() => None,
        () = tokio::time::sleep(run.limits.time) => Some(Ended::Late),
    };
    if why.is_some() {
        guard.close();
    }
    if tokio::time::timeout(LAST_WORDS, child.wait()).await.is_err() {
        // The second stage ends with the first, and all else with the second.
        let _ = child.kill().await;
    }
    guard.is_done = true;
    let mut told = Vec::new();
    let _ = tokio::time::timeout(DRAIN, control.read_to_end(&mut told)).await;
    let report: Option<Report> = receive(&mut told.as_slice()).ok();
    // What is left in the pipe; what escaped could hold it open.
    let _ = tokio::time::timeout(DRAIN, read(&mut output, &mut kept, u64::MAX)).await;
    let (code, signal) = report.as_ref().map_or((None, None), |told| (told.code, told.signal));
    let left = report.as_ref().map_or(0, |told| told.left);
    let ended = why.unwrap_or(match (code, signal) {
        // A bomb may be quicker than a look at it.
        _ if left > run.limits.processes => Ended::TooManyProcesses,
        (_, Some(FILE_TOO_LARGE)) => Ended::TooMuchDisk,
        (Some(code), None) if code == 128 + FILE_TOO_LARGE => Ended::TooMuchDisk,
        (Some(code), None) => Ended::Exited(code),
        (_, signal) => Ended::Signalled(signal.unwrap_or(9)),
    });
    let peak_memory = looking.peak();
    let (output, wall) = (kept.text(), started.elapsed());
    Ok((report, Ran { ended, output, wall, cpu: None, peak_memory }))
}

/// Read to the end, or until there is too much.
async fn read(from: &mut pipe::Receiver, kept: &mut Kept, most: u64) -> Option<Ended> {
    let mut piece = vec![0; 64 << 10];
    loop {
        match from.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(bytes) => kept.push(piece.get(..bytes).unwrap_or_default()),
        }
        if kept.total > most {
            return Some(Ended::TooMuchOutput);
        }
    }
}

/// Looks at a run from a thread of its own, which is there before the run can use up
/// what threads there are, until this is dropped.
struct Looking {
    watch: Arc<Mutex<Watch>>,
    is_over: Arc<AtomicBool>,
    found: oneshot::Receiver<Ended>,
}

impl Looking {
    fn start(watch: Watch) -> io::Result<Looking> {
        let watch = Arc::new(Mutex::new(watch));
        let is_over = Arc::new(AtomicBool::new(false));
        let (tell, found) = oneshot::channel();
        let (look, over) = (Arc::clone(&watch), Arc::clone(&is_over));
        std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            for turn in 0u32.. {
                std::thread::sleep(if turn < EARLY { LOOKS[0] } else { LOOKS[1] });
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let why = look.lock().unwrap_or_else(PoisonError::into_inner).look();
                if let Some(why) = why {
                    let _ = tell.send(why);
                    return;
                }
            }
        })?;
        Ok(Looking { watch, is_over, found })
    }

    /// Why the run has to end, once it has to.
    async fn verdict(&mut self) -> Ended {
        match (&mut self.found).await {
            Ok(why) => why,
            Err(_) => std::future::pending().await,
        }
    }

    fn peak(&self) -> Option<u64> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).peak
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
