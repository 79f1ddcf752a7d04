//! Processes below one, as `/proc` tells them.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, getpgrp, getpid, kill_process, kill_process_group, wait,
};

/// Every process below `root`, without itself.
pub(super) fn below(root: i32) -> Vec<i32> {
    let (mut found, mut next) = (Vec::new(), vec![root]);
    let listed = fs::exists(format!("/proc/{root}/task/{root}/children")).unwrap_or(false);
    let parents = if listed { Vec::new() } else { parents() };
    while let Some(process) = next.pop() {
        let children = if listed {
            children(process)
        } else {
            parents.iter().filter(|(_, parent)| *parent == process).map(|(id, _)| *id).collect()
        };
        for child in children {
            if child != root && !found.contains(&child) {
                found.push(child);
                next.push(child);
            }
        }
    }
    found
}

fn children(process: i32) -> Vec<i32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    tasks
        .filter_map(Result::ok)
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

/// All processes with their parents, for kernels that do not list children.
fn parents() -> Vec<(i32, i32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let fields = stat(id)?;
            Some((id, fields.get(1)?.parse().ok()?))
        })
        .collect()
}

/// The fields of `/proc/PID/stat` behind the name: state, parent, …
pub(super) fn stat(process: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name may hold anything, parentheses too.
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// End all below this process, which has to be a subreaper, and wait for them.
pub(super) fn end_below_us() {
    let us = getpid().as_raw_pid();
    let ours = getpgrp();
    let until = Instant::now() + Duration::from_secs(4);
    loop {
        // What has lost its parent comes to us. Killing a whole group is one step for the
        // kernel: nothing in it can start another in the meantime, however many they are.
        let near = children(us);
        end_groups(&near, ours);
        let deep = below(us);
        end_groups(&deep, ours);
        signal_all(&deep, Signal::KILL);
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                // None is left.
                Err(_) => return,
                Ok(None) => break,
            }
        }
        if Instant::now() > until {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// End the process groups of these, but `ours`. A group never reaches beyond a session,
/// and the run has sessions of its own.
fn end_groups(processes: &[i32], ours: Pid) {
    let groups: BTreeSet<i32> = processes
        .iter()
        .filter_map(|process| stat(*process)?.get(2)?.parse().ok())
        .filter(|group| *group > 1 && *group != ours.as_raw_pid())
        .collect();
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn signal_all(processes: &[i32], signal: Signal) {
    for pid in processes.iter().copied().filter_map(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// End processes that have `mark` in their environment: those of a run whose first stage
/// was killed by the run itself.
pub(super) fn end_marked(mark: &str) {
    for _ in 0..20 {
        let Ok(entries) = fs::read_dir("/proc") else { return };
        let found: Vec<i32> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let id: i32 = entry.file_name().to_str()?.parse().ok()?;
                let variables = fs::read(entry.path().join("environ")).ok()?;
                variables.split(|byte| *byte == 0).any(|one| one == mark.as_bytes()).then_some(id)
            })
            .collect();
        if found.is_empty() {
            return;
        }
        signal_all(&found, Signal::STOP);
        signal_all(&found, Signal::KILL);
        std::thread::sleep(Duration::from_millis(2));
    }
}
