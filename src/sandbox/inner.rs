//! The second stage: sets up the walls from inside, gives up every power, starts the
//! command, and ends with it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::process::{
    Signal, WaitOptions, WaitStatus, geteuid, getpid, set_child_subreaper,
    set_parent_process_death_signal, setsid, wait,
};

use super::plan::{Plan, Report, receive, send};
use super::{mounts, powers, stage, tree};

/// What the kernel may count beyond the run's own where the count is not the run's alone:
/// processes of the same user in other containers are not seen.
const UNSEEN: u64 = 4096;
/// Process numbers below this are not given a second time.
const FIRST_NUMBERS: u32 = 300;

pub(super) fn run() -> io::Result<()> {
    let mut control = stage::control()?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    control.write_all(b"r")?;
    let plan: Plan = receive(&mut control)?;
    let mut report = Report::default();
    if let Err(error) = follow(&plan, &mut report) {
        report.failed = Some(format!("{error:#}"));
    }
    send(&mut control, &report)
}

fn follow(plan: &Plan, report: &mut Report) -> Result<()> {
    // No terminal to type into.
    let _ = setsid();
    report.held = plan.want;
    report.held.mounts = plan.want.mounts && wall(plan, report, "mounts", &mounts::raise)?;
    let has_mounts = report.held.mounts;
    report.held.proc =
        has_mounts && plan.want.proc && wall(plan, report, "`/proc`", &|_| mounts::fresh_proc())?;
    let has_proc = report.held.proc;
    report.held.nested =
        has_mounts && plan.want.nested && wall(plan, report, "namespaces", &|_| no_namespaces())?;
    let is_counted = plan.want.user && !geteuid().is_root();
    report.held.count = plan.want.count
        && (is_counted || (has_proc && wall(plan, report, "process numbers", &bound_numbers)?));
    if has_mounts {
        mounts::close()?;
    }
    let others = if plan.want.user { 0 } else { others() };
    powers::limit(&plan.caps, others).context("cannot set the limits")?;
    powers::give_up().context("cannot give up powers")?;
    powers::close_off()?;
    if !plan.want.pids {
        // What loses its parent is to come to us.
        set_child_subreaper(Some(getpid()))?;
    }
    let child = Command::new("/bin/sh")
        .arg("-c")
        .arg(&plan.command)
        .env_clear()
        .envs(plan.variables.iter().map(|(name, value)| (name, value)))
        .current_dir(&plan.folder)
        .process_group(0)
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start `sh` in {}", plan.folder.display()))?;
    let status = reap_until(child.id())?;
    let left = tree::below(getpid().as_raw_pid()).len();
    report.left = u32::try_from(left).unwrap_or(u32::MAX);
    report.code = status.exit_status();
    report.signal = status.terminating_signal();
    Ok(())
}

/// Whether a wall stands. In a probe it may fail.
fn wall(
    plan: &Plan,
    report: &mut Report,
    what: &str,
    raise: &dyn Fn(&Plan) -> Result<()>,
) -> Result<bool> {
    match raise(plan) {
        Ok(()) => Ok(true),
        Err(error) if plan.is_probe => {
            report.why.push(format!("{what}: {error:#}"));
            Ok(false)
        }
        Err(error) => Err(error.context(format!("cannot hold {what}"))),
    }
}

/// User namespaces are a door to much of the kernel: none can be made from here on.
fn no_namespaces() -> Result<()> {
    Ok(fs::write("/proc/sys/user/max_user_namespaces", "0")?)
}

/// Since Linux 6.14 each PID namespace has a bound of its own. Before, there is one for
/// the whole machine, which root could set from here: it must not be touched.
fn bound_numbers(plan: &Plan) -> Result<()> {
    const BOUND: &str = "/proc/sys/kernel/pid_max";
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    anyhow::ensure!(has_own_numbers(&release), "Linux {} has no bound of its own", release.trim());
    let most = plan.caps.processes.saturating_add(powers::SLACK).saturating_add(FIRST_NUMBERS);
    let machine: u32 = fs::read_to_string(BOUND)?.trim().parse()?;
    fs::write(BOUND, most.min(machine).to_string())?;
    Ok(())
}

fn has_own_numbers(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (6, 14),
        _ => false,
    }
}

/// Processes and threads of our user that are counted with the run's.
fn others() -> u64 {
    let us = geteuid().as_raw().to_string();
    let Ok(entries) = fs::read_dir("/proc") else { return UNSEEN };
    let seen: u64 = entries
        .filter_map(Result::ok)
        .filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok())
        .filter_map(|status| {
            let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
            let user = field("Uid:")?.split_whitespace().next()?;
            if user == us { field("Threads:")?.trim().parse::<u64>().ok() } else { None }
        })
        .sum();
    seen.saturating_add(UNSEEN)
}

/// Wait for what ends until the command itself did.
fn reap_until(command: u32) -> Result<WaitStatus> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if u32::try_from(pid.as_raw_pid()) == Ok(command) => {
                return Ok(status);
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::has_own_numbers;

    #[test]
    fn old_kernels_are_left_alone() {
        for (release, expect) in [
            ("6.14.0-rc1", true),
            ("6.18.44-fc-v669\n", true),
            ("7.0.1", true),
            ("10.1", true),
            ("6.13.9", false),
            ("6.8.0-1021-azure", false),
            ("5.15.153.1-microsoft-standard-WSL2", false),
            ("4.18.0-553.el8_10.x86_64", false),
            ("6", false),
            ("unknown", false),
            ("", false),
        ] {
            assert_eq!(has_own_numbers(release), expect, "{release}");
        }
    }
}
