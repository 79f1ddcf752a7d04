//! Small repositories, made with the git binary.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::process::Command;

use pipewright::diff::{FileDiff, LineKind, Status};
use pipewright::forge::local::LocalChange;

/// A repository that is gone when dropped.
pub struct Scratch {
    folder: tempfile::TempDir,
}

/// A repository on branch `main` without a commit; `None`, said loudly, where
/// there is no git binary.
pub fn scratch() -> Option<Scratch> {
    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no git binary to make repositories with");
        return None;
    }
    let scratch = Scratch { folder: tempfile::tempdir().expect("temporary folder") };
    std::fs::create_dir(scratch.path()).expect("folder");
    scratch.git(&["init", "-q", "-b", "main"]);
    Some(scratch)
}

impl Scratch {
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A place beside the repository.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(&self.path(), args)
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let full = self.path().join(path);
        std::fs::create_dir_all(full.parent().expect("parent")).expect("folder");
        std::fs::write(full, content).expect("file");
        self
    }

    pub fn remove(&self, path: &str) -> &Self {
        std::fs::remove_file(self.path().join(path)).expect("removed");
        self
    }

    /// Commit everything.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn change(&self, base: Option<&str>, head: Option<&str>) -> LocalChange {
        change_in(&self.path(), base, head)
    }
}

pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
        .args(["-c", "protocol.file.allow=always", "-c", "commit.gpgsign=false"])
        .args(args)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn change_in(folder: &Path, base: Option<&str>, head: Option<&str>) -> LocalChange {
    pipewright::forge::local::open(folder).expect("opens").change(base, head).expect("change")
}

/// One row a file: `M src/a.rs +1 -2`, `R old -> new`.
pub fn rows(change: &LocalChange) -> Vec<String> {
    change.change.files.iter().map(row).collect()
}

fn row(file: &FileDiff) -> String {
    let letter = match file.status {
        Status::Added => 'A',
        Status::Deleted => 'D',
        Status::Modified => 'M',
        Status::Renamed => 'R',
        Status::Copied => 'C',
    };
    let name = match (&file.old_path, &file.new_path) {
        (Some(old), Some(new)) if old != new => format!("{old} -> {new}"),
        _ => file.path().to_string(),
    };
    let count = |kind| file.lines().filter(|line| line.kind == kind).count();
    let (added, removed) = (count(LineKind::Added), count(LineKind::Removed));
    let counts = if added + removed > 0 { format!(" +{added} -{removed}") } else { String::new() };
    let modes = match (file.old_mode, file.new_mode) {
        (Some(old), Some(new)) if old != new => format!(" {:o}..{:o}", old.0, new.0),
        _ => String::new(),
    };
    format!("{letter} {name}{counts}{modes}")
}
