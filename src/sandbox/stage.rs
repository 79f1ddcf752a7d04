//! The first stage: leaves the machine's namespaces, starts the second stage there, and
//! sees to it that nothing stays behind.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::net::Shutdown;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{getpid, set_child_subreaper};

use super::plan::{Plan, Report, receive, send};
use super::{inner, powers, space, tree};

/// The hidden first argument with which the binary becomes a stage.
pub const STAGE: &str = "__sandbox";

/// The second argument of the stages.
pub(super) const OUTER: &str = "outer";
const INNER: &str = "inner";

/// The hidden entry of the binary: called with the arguments behind [`STAGE`], at the
/// very start of the process, while it has a single thread. The stage is told what to do
/// on its standard input.
pub fn inside(arguments: impl IntoIterator<Item = OsString>) -> ! {
    let stage = arguments.into_iter().next();
    let done = match stage.as_ref().and_then(|stage| stage.to_str()) {
        Some(OUTER) => outer(),
        Some(INNER) => inner::run(),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    std::process::exit(i32::from(done.is_err()))
}

/// The socket that stands at standard input.
pub(super) fn control() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn outer() -> io::Result<()> {
    let mut control = control()?;
    let mut plan: Plan = receive(&mut control)?;
    let report = keep(&control, &mut plan)
        .unwrap_or_else(|error| Report { failed: Some(error.to_string()), ..Report::default() });
    send(&mut control, &report)
}

fn keep(control: &UnixStream, plan: &mut Plan) -> io::Result<Report> {
    if plan.want.mounts {
        plan.sockets = space::sockets();
    }
    let mut why = Vec::new();
    let held = space::leave_all(plan.want, &mut why);
    if !plan.is_probe && !why.is_empty() {
        return Err(io::Error::other(why.join("; ")));
    }
    plan.want = super::plan::Held {
        mounts: plan.want.mounts,
        proc: plan.want.proc && held.pids,
        nested: plan.want.nested && held.user,
        count: plan.want.count,
        ..held
    };
    space::keep_powers()?;
    if !held.pids {
        set_child_subreaper(Some(getpid()))?;
    }
    let (child, mut line) = start(plan)?;
    // Only now: what belongs to a closed-off process is root's in `/proc`.
    powers::close_off()?;
    let mut report = until_end(child, &mut line, control)?;
    why.append(&mut report.why);
    report.why = why;
    Ok(report)
}

/// Start the second stage.
fn start(plan: &Plan) -> io::Result<(Child, UnixStream)> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let child = Command::new("/proc/self/exe")
        .args([STAGE, INNER])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    // It dies with us from when it says so.
    let mut ready = [0];
    ours.read_exact(&mut ready)?;
    send(&mut ours, plan)?;
    ours.shutdown(Shutdown::Write)?;
    Ok((child, ours))
}

/// Wait for the second stage, with which its whole PID namespace ends; without one, end
/// what it left. Once nobody listens any more, for whatever reason, the run is over.
fn until_end(mut child: Child, line: &mut UnixStream, control: &UnixStream) -> io::Result<Report> {
    loop {
        // No thread: none can be started once the PID namespace is left.
        let closed = PollFlags::RDHUP;
        let mut both = [PollFd::new(control, closed), PollFd::new(&*line, closed)];
        match poll(&mut both, None) {
            Ok(_) if !both[1].revents().is_empty() => break,
            Ok(_) if !both[0].revents().is_empty() => {
                child.kill()?;
                break;
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let status = child.wait()?;
    tree::end_below_us();
    let mut report: Report = receive(line).unwrap_or_else(|_| Report {
        signal: Some(status.signal().unwrap_or(9)),
        ..Report::default()
    });
    // Times of children that were waited for, in user code and in the kernel.
    report.ticks = tree::stat(getpid().as_raw_pid()).and_then(|fields| {
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(number(13)? + number(14)?)
    });
    Ok(report)
}
