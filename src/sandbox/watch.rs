//! Watches a run from outside: memory, processes, disk.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::statvfs;

use super::plan::Caps;
use super::{Ended, tree};

/// Room that a file takes at least.
const LEAST_FILE: u64 = 4096;
/// A machine on which this many times the limit was lost is being filled, whoever it is.
const ALARM: u64 = 4;
/// Files and folders that are looked at before counting gives up.
const MOST_FILES: usize = 500_000;

/// What is watched.
pub(super) struct Watch {
    /// The first stage.
    root: i32,
    caps: Caps,
    folders: Vec<PathBuf>,
    /// Free room at the start: bytes, files.
    free: Vec<(u64, u64)>,
    since: SystemTime,
    /// Lost room at which it was last counted who took it.
    counted_at: u64,
    /// Most memory seen.
    pub peak: Option<u64>,
}

impl Watch {
    pub(super) fn new(root: i32, caps: Caps, folders: Vec<PathBuf>) -> Watch {
        let free = folders.iter().map(|folder| free(folder)).collect();
        let since = SystemTime::now();
        Watch { root, caps, folders, free, since, counted_at: 0, peak: None }
    }

    /// Why the run has to end, if it has to.
    pub(super) fn look(&mut self) -> Option<Ended> {
        let processes = tree::below(self.root);
        let (mut private, mut shared, mut count) = (0u64, 0u64, 0u64);
        for process in &processes {
            let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else {
                continue;
            };
            let number = |name: &str| -> u64 {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
            };
            private += number("RssAnon:") << 10;
            shared = shared.max(number("RssShmem:") << 10);
            count += number("Threads:").max(1);
        }
        let memory = private + shared;
        self.peak = self.peak.max(Some(memory).filter(|memory| *memory > 0));
        // The second stage is ours.
        if count > u64::from(self.caps.processes) + 1 {
            return Some(Ended::TooManyProcesses);
        }
        if memory > self.caps.memory_bytes && is_over(&processes, self.caps.memory_bytes, memory) {
            return Some(Ended::TooMuchMemory);
        }
        self.fills_disk(&processes).then_some(Ended::TooMuchDisk)
    }

    fn fills_disk(&mut self, processes: &[i32]) -> bool {
        let lost = self.folders.iter().zip(&self.free).map(|(folder, (bytes, files))| {
            let (bytes_now, files_now) = free(folder);
            let files_lost = files.saturating_sub(files_now);
            bytes.saturating_sub(bytes_now).max(files_lost.saturating_mul(LEAST_FILE))
        });
        let lost = lost.max().unwrap_or(0);
        if lost > self.caps.disk_bytes.saturating_mul(ALARM) {
            return true;
        }
        // Others may have taken it: then it is counted again when as much more is gone.
        let step = self.caps.disk_bytes / 4;
        if lost <= self.caps.disk_bytes.saturating_sub(step)
            || lost < self.counted_at.saturating_add(step)
        {
            return false;
        }
        self.counted_at = lost;
        self.taken(processes) > self.caps.disk_bytes.saturating_sub(step)
    }

    /// Bytes in the folders that came or changed since the start, and in files without a
    /// name that are held open.
    fn taken(&self, processes: &[i32]) -> u64 {
        let since = self.since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let since = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        let (mut sum, mut room) = (0u64, MOST_FILES);
        let mut next = self.folders.clone();
        while let Some(folder) = next.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.filter_map(Result::ok) {
                if room == 0 {
                    return u64::MAX;
                }
                room -= 1;
                let Ok(found) = entry.metadata() else { continue };
                if found.ctime() >= since {
                    sum = sum.saturating_add((found.blocks() * 512).max(LEAST_FILE));
                }
                if found.is_dir() {
                    next.push(entry.path());
                }
            }
        }
        for process in processes {
            let Ok(entries) = fs::read_dir(format!("/proc/{process}/fd")) else { continue };
            for entry in entries.filter_map(Result::ok) {
                if let Ok(found) = fs::metadata(entry.path())
                    && found.is_file()
                    && found.nlink() == 0
                {
                    sum = sum.saturating_add(found.blocks() * 512);
                }
            }
        }
        sum
    }
}

/// Whether it is really that much: memory that forked processes share was counted for
/// each. Counting exactly takes longer, so it is done only at the limit.
fn is_over(processes: &[i32], most: u64, rough: u64) -> bool {
    let exact: Vec<u64> = processes
        .iter()
        .filter_map(|process| fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok())
        .filter_map(|text| {
            let sum = |name: &str| -> Option<u64> {
                let line = text.lines().find_map(|line| line.strip_prefix(name))?;
                line.split_whitespace().next()?.parse().ok()
            };
            Some((sum("Pss_Anon:")? + sum("Pss_Shmem:")?) << 10)
        })
        .collect();
    // A process that has just ended, or an old kernel: then the rough sum has to do, with
    // some room.
    if exact.is_empty() { rough > most.saturating_mul(2) } else { exact.iter().sum::<u64>() > most }
}

fn free(folder: &Path) -> (u64, u64) {
    statvfs(folder).map_or((0, 0), |found| (found.f_bavail * found.f_frsize, found.f_ffree))
}
