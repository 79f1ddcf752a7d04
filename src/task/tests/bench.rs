//! A project on the bench: copies of its head and its base, and runs of its tests in
//! them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use crate::checkout::Checkout;
use crate::inputs::Testing;
use crate::runner::{self, Commands, Kind, Outcome, RunReport};
use crate::sandbox::{self, Ended, Limits, Network, Run, Shown, Walls};

/// Most that a run of tests may write to a file system.
const MOST_DISK: u64 = 4 << 30;
/// Most bytes of one file that it writes.
const MOST_FILE: u64 = 1 << 30;
/// Most memory of all its processes.
const MOST_MEMORY: u64 = 4 << 30;
/// Most processes, threads included.
const MOST_PROCESSES: u32 = 2_048;
/// Most output that is kept of a run.
const MOST_OUTPUT: usize = 4 << 20;
/// Most report files that are read behind a run.
const MOST_REPORTS: usize = 2_000;
/// Largest report file that is read.
const LARGEST_REPORT: u64 = 8 << 20;
/// How much longer than without us a suite may take.
const SLACK: u32 = 10;
/// The same with a mutant.
const MUTANT_SLACK: u32 = 5;
/// What a run on a mutant may take at least.
const LEAST_FOR_MUTANT: Duration = Duration::from_secs(5);

/// A side of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// With the change.
    Head,
    /// Without it.
    Base,
}

/// A project with its copies.
pub struct Bench<'a> {
    /// The copy with the change.
    pub head: PathBuf,
    /// The copy without.
    pub base: PathBuf,
    /// The project's folder in them; empty for the whole.
    pub root: String,
    /// How it is tested.
    pub commands: Commands,
    /// What was asked for.
    pub testing: &'a Testing,
    /// What tests find around them.
    pub variables: Vec<(String, String)>,
    /// Places that no test may look into.
    pub hidden: Vec<PathBuf>,
    /// Places of toolchains, which are to be read wherever they lie.
    pub readable: Vec<PathBuf>,
    /// What runs on the head and on the base see elsewhere than where it lies.
    pub shown: [Vec<Shown>; 2],
    /// What this machine can hold.
    pub walls: &'a Walls,
    /// Where runs see the project's folder.
    pub seen_at: PathBuf,
    /// Where tests may write beside the copies: build folders, scratch.
    pub scratch: PathBuf,
    /// How long the suite takes.
    pub suite_time: Duration,
    /// When everything has to be over.
    pub deadline: Instant,
}

/// What came of a run.
#[derive(Debug)]
pub struct Done {
    /// What its output says.
    pub report: RunReport,
    /// How it ended.
    pub ended: Ended,
    /// How long it took.
    pub wall: Duration,
    /// All that it wrote.
    pub output: String,
}

/// How a test did, or a whole suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// All is well.
    Passed,
    /// It was skipped.
    Skipped,
    /// A check in it failed.
    Failed,
    /// It broke beside its checks.
    Crashed,
    /// It, or the code, did not build.
    DidNotBuild,
    /// It could not be loaded.
    DidNotImport,
    /// There is no test of that name.
    NotRun,
    /// It took too long.
    Late,
    /// It went beyond another limit.
    Beyond,
}

impl Came {
    /// In words, as evidence has it.
    pub fn words(self) -> &'static str {
        match self {
            Came::Passed => "passed",
            Came::Skipped => "was skipped",
            Came::Failed => "failed by assertion",
            Came::Crashed => "crashed",
            Came::DidNotBuild => "did not build",
            Came::DidNotImport => "could not be loaded",
            Came::NotRun => "was not run: no test of that name",
            Came::Late => "took too long",
            Came::Beyond => "went beyond its limits",
        }
    }
}

impl From<Outcome> for Came {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Passed => Came::Passed,
            Outcome::Skipped => Came::Skipped,
            Outcome::Failed => Came::Failed,
            Outcome::Crashed => Came::Crashed,
            Outcome::DidNotBuild => Came::DidNotBuild,
            Outcome::DidNotImport => Came::DidNotImport,
            Outcome::NotRun => Came::NotRun,
        }
    }
}

impl Done {
    /// How the whole run did.
    pub fn whole(&self) -> Came {
        match self.ended {
            Ended::Exited(_) | Ended::Signalled(_) => self.report.whole.into(),
            Ended::Late => Came::Late,
            _ => Came::Beyond,
        }
    }

    /// Its exit code, if it ended by itself.
    pub fn exit(&self) -> Option<i32> {
        match self.ended {
            Ended::Exited(code) => Some(code),
            _ => None,
        }
    }

    /// How the test of this name did, with what it said.
    pub fn of(&self, name: &str) -> (Came, &str) {
        let whole = self.whole();
        if matches!(whole, Came::Late | Came::Beyond) {
            return (whole, &self.report.said);
        }
        match runner::result_of(&self.report, name) {
            Some(found) if found.outcome == Outcome::Passed && whole == Came::DidNotBuild => {
                (whole, &self.report.said)
            }
            Some(found) => (found.outcome.into(), &found.said),
            // It names all tests, and this is none of them.
            None if self.report.is_complete && whole == Came::Passed => (Came::NotRun, ""),
            None => (whole, &self.report.said),
        }
    }
}

impl Bench<'_> {
    /// A side's copy.
    pub fn copy(&self, side: Side) -> &Path {
        match side {
            Side::Head => &self.head,
            Side::Base => &self.base,
        }
    }

    /// A path in the checkout as one in the project's folder.
    pub fn inside<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(&self.root).map_or(path, |rest| rest.trim_start_matches('/'))
    }

    /// The command for one test; the suite's where there is none for one.
    pub fn alone(&self, name: &str, path: &str) -> String {
        let path = self.inside(path);
        match &self.commands.one {
            Some(one) if self.commands.kind == Kind::Pytest => {
                runner::fill(one, &node_id(one, name, path), path, 0)
            }
            Some(one) => runner::fill(one, name, path, 0),
            None => self.commands.suite.clone(),
        }
    }

    /// How long one test may take: with a build before it where it runs for the first time.
    pub fn time_for_one(&self) -> Duration {
        match self.commands.one {
            // A command for one test builds as the suite does.
            Some(_) => self.testing.timeout + self.suite_time * 2,
            None => self.time_for_suite(),
        }
    }

    /// How long the suite may take.
    pub fn time_for_suite(&self) -> Duration {
        (self.suite_time * SLACK).max(self.testing.timeout)
    }

    /// How long a run on a mutant may take: some never end, and that proves nothing.
    pub fn time_for_mutant(&self) -> Duration {
        (self.suite_time * MUTANT_SLACK).max(LEAST_FOR_MUTANT).min(self.time_for_suite())
    }

    /// Run a command in the project's folder of a copy.
    ///
    /// # Errors
    /// It could not be started, or the run's time is over.
    pub async fn run(&self, side: Side, command: &str, time: Duration) -> Result<Done> {
        self.run_with(side, command, time, Network::None).await
    }

    /// The same; the setup may use the network.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_with(
        &self,
        side: Side,
        command: &str,
        time: Duration,
        network: Network,
    ) -> Result<Done> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        anyhow::ensure!(left > Duration::from_secs(1), "the time is over (`timeout_minutes`)");
        let folder = self.copy(side).join(&self.root);
        let started = std::time::SystemTime::now();
        let network = if self.testing.network { Network::Host } else { network };
        let variables = of_side(&self.variables, &self.scratch, side);
        let writable = [self.copy(side).to_path_buf(), self.scratch.clone()];
        let ran = sandbox::run(&Run {
            command,
            folder: &folder,
            writable: &writable,
            readable: &self.readable,
            hidden: &self.hidden,
            shown: &self.shown[usize::from(side == Side::Base)],
            walls: self.walls,
            variables: &variables,
            limits: Limits {
                time: time.min(left),
                memory_bytes: MOST_MEMORY,
                processes: MOST_PROCESSES,
                output_bytes: MOST_OUTPUT,
                disk_bytes: MOST_DISK,
                file_bytes: MOST_FILE,
            },
            network,
        })
        .await
        .with_context(|| format!("cannot run `{command}`"))?;
        let exit = match ran.ended {
            Ended::Exited(code) => Some(code),
            _ => None,
        };
        // What the whole run's time cut off says nothing of the test.
        if ran.ended == Ended::Late && time > left {
            anyhow::bail!("the time is over (`timeout_minutes`)");
        }
        let reports = reports(&folder, &self.commands.results, started);
        // A path out of a run's output may lead anywhere; links may have been made.
        let inside = Checkout::new(&folder).ok();
        let source = |path: &str| {
            let path = match Path::new(path).strip_prefix(&self.seen_at) {
                Ok(rest) => rest.to_str()?,
                Err(_) => path,
            };
            let text = inside.as_ref()?.read(path, LARGEST_REPORT).ok()?;
            String::from_utf8(text).ok()
        };
        let kind = self.commands.kind;
        let mut report = runner::read_with(kind, exit, &ran.output, &reports, &source);
        // Where copies lie is no one's business, and differs from run to run.
        for said in report.tests.iter_mut().map(|test| &mut test.said).chain([&mut report.said]) {
            for place in [&self.seen_at, &folder] {
                let place = place.to_string_lossy();
                *said = said.replace(&format!("{}/", place.trim_end_matches('/')), "");
            }
        }
        tracing::debug!(command, ?side, whole = ?report.whole, ended = ?ran.ended, "ran");
        Ok(Done { report, ended: ran.ended, wall: ran.wall, output: ran.output })
    }
}

/// The variables for a side. Cargo tells by times alone whether a build is fresh: with one
/// build folder for both sides, the base would be tested with the head's library.
fn of_side(variables: &[(String, String)], scratch: &Path, side: Side) -> Vec<(String, String)> {
    let folder = if side == Side::Head { "head" } else { "base" };
    let mut variables = variables.to_vec();
    for (name, value) in &mut variables {
        if name == "CARGO_TARGET_DIR" && Path::new(value).starts_with(scratch) {
            *value = format!("{value}/{folder}");
        }
    }
    variables
}

/// A pytest name as a command wants it: a whole node id, one without its file where the
/// command gives that, or the function's own name behind `-k`.
fn node_id(template: &str, name: &str, path: &str) -> String {
    let bare = match name.split_once("::") {
        Some((file, rest)) if file.contains('/') || file.ends_with(".py") => rest,
        _ => name,
    };
    if template.contains("{path}") {
        bare.to_owned()
    } else if template.split_whitespace().any(|word| word == "-k" || word.starts_with("-k=")) {
        bare.rsplit("::").next().unwrap_or(bare).to_owned()
    } else {
        format!("{path}::{bare}")
    }
}

/// Report files that a run wrote: those not older than its start.
fn reports(
    folder: &Path,
    globs: &[String],
    since: std::time::SystemTime,
) -> Vec<(String, Vec<u8>)> {
    if globs.is_empty() {
        return Vec::new();
    }
    let mut set = globset::GlobSetBuilder::new();
    for glob in globs {
        if let Ok(glob) = globset::Glob::new(glob) {
            set.add(glob);
        }
    }
    let Ok(set) = set.build() else { return Vec::new() };
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            // Links are not followed: a test may have made them.
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                if !matches!(entry.file_name().to_str(), Some("node_modules" | ".git" | "debug")) {
                    folders.push(path);
                }
                continue;
            }
            let fresh = meta.modified().is_ok_and(|time| time + Duration::from_secs(1) >= since);
            let Ok(inside) = path.strip_prefix(folder) else { continue };
            if meta.is_file() && fresh && meta.len() <= LARGEST_REPORT && set.is_match(inside) {
                if let Ok(bytes) = std::fs::read(&path) {
                    found.push((inside.to_string_lossy().into_owned(), bytes));
                }
                if found.len() >= MOST_REPORTS {
                    return found;
                }
            }
        }
    }
    found
}

/// A file in a copy that reads otherwise for a while: as before again when dropped.
#[derive(Debug)]
pub struct Written {
    path: PathBuf,
    before: Option<Vec<u8>>,
    made: Option<PathBuf>,
}

impl Written {
    /// Write a file in a copy; folders that lack are made.
    ///
    /// # Errors
    /// It leads out of the copy by a link, or cannot be written.
    pub fn write(copy: &Path, path: &str, text: &[u8]) -> Result<Written> {
        let whole = copy.join(path);
        let folder = whole.parent().unwrap_or(copy).to_path_buf();
        // The first folder that is not there yet, to take it away again.
        let made = folder
            .ancestors()
            .take_while(|folder| folder.starts_with(copy) && !folder.exists())
            .last()
            .map(Path::to_path_buf);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder of {path}"))?;
        let real = folder.canonicalize().context("cannot look at a copy")?;
        let inside = copy.canonicalize().context("cannot look at a copy")?;
        anyhow::ensure!(real.starts_with(&inside), "{path} leads out of the checkout by a link");
        let is_link = std::fs::symlink_metadata(&whole).is_ok_and(|meta| meta.is_symlink());
        anyhow::ensure!(!is_link, "{path} is a link");
        let before = std::fs::read(&whole).ok();
        std::fs::write(&whole, text).with_context(|| format!("cannot write {path} in a copy"))?;
        Ok(Written { path: whole, before, made })
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let done = match &self.before {
            Some(before) => std::fs::write(&self.path, before),
            None => std::fs::remove_file(&self.path),
        };
        if let Some(made) = &self.made {
            let _ = std::fs::remove_dir_all(made);
        }
        if let Err(error) = done {
            tracing::warn!(%error, "a copy could not be put back as it was");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pytest_names_are_spelled_as_the_command_wants_them() {
        for (template, name, expect) in [
            ("pytest {name}", "test_a", "t/test_x.py::test_a"),
            ("pytest {name}", "TestA::test_a", "t/test_x.py::TestA::test_a"),
            ("pytest {name}", "t/test_x.py::test_a", "t/test_x.py::test_a"),
            ("pytest {name}", "test_x.py::test_a", "t/test_x.py::test_a"),
            ("pytest {path}::{name}", "t/test_x.py::TestA::test_a", "TestA::test_a"),
            ("pytest -k {name}", "t/test_x.py::TestA::test_a", "test_a"),
        ] {
            assert_eq!(node_id(template, name, "t/test_x.py"), expect, "{template} {name}");
        }
    }
}
