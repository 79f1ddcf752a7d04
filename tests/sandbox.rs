//! Strangers' code in the sandbox: what it tries fails, what it needs works.

#[path = "sandbox/copies.rs"]
mod copies;
#[path = "sandbox/escapes.rs"]
mod escapes;
#[path = "sandbox/excess.rs"]
mod excess;
#[path = "sandbox/good.rs"]
mod good;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pipewright::sandbox::{self, Limits, Network, Options, Ran, Run, Shown, Walls, secret_places};
use tempfile::TempDir;

/// A machine with a home that holds secrets, a folder of the user's, and a copy.
struct World {
    walls: Walls,
    temp: TempDir,
    limits: Limits,
    network: Network,
    shown: Vec<Shown>,
    /// Folders to be read beside the machine's own.
    readable: Vec<PathBuf>,
    /// Folders to be written beside the copy.
    writable: Vec<PathBuf>,
    variables: Vec<(String, String)>,
}

impl World {
    async fn new(tries_namespaces: bool) -> World {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_pipewright"));
        let walls = sandbox::walls(&Options { program, tries_namespaces }).await.unwrap();
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        for folder in ["copy", "home/.ssh", "home/.config/gh", "home/repo/.git"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in
            ["home/.ssh/id", "home/.netrc", "home/.config/gh/hosts.yml", "home/repo/.git/config"]
        {
            fs::write(root.join(file), SECRET).unwrap();
        }
        fs::write(root.join("home/repo/code"), "code of the user").unwrap();
        let limits = Limits {
            time: Duration::from_secs(20),
            memory_bytes: 1 << 30,
            processes: 200,
            output_bytes: 256 << 10,
            disk_bytes: 256 << 20,
            file_bytes: 128 << 20,
        };
        let readable = vec![root.join("home")];
        let variables = vec![("PATH".to_owned(), std::env::var("PATH").unwrap())];
        let (network, shown, writable) = (Network::None, Vec::new(), Vec::new());
        World { walls, temp, limits, network, shown, readable, writable, variables }
    }

    /// With all walls; none, with a word about it, on a machine that refuses them.
    async fn walled() -> Option<World> {
        let world = World::new(true).await;
        let walls = &world.walls;
        if walls.network && walls.processes && walls.files {
            return Some(world);
        }
        eprintln!("SKIPPED: this machine holds not all walls: {:#?}", walls.notes);
        None
    }

    /// With walls where there are any, and as in a container that allows none.
    async fn both() -> [World; 2] {
        [World::new(true).await, World::new(false).await]
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn copy(&self) -> PathBuf {
        self.path("copy")
    }

    async fn run(&self, command: &str) -> Ran {
        self.run_in(&self.copy(), command).await
    }

    async fn run_in(&self, folder: &Path, command: &str) -> Ran {
        let home = self.path("home");
        let mut hidden = secret_places(Some(&home));
        hidden.push(home.join("repo/.git"));
        let mut writable = self.writable.clone();
        writable.push(self.copy());
        let run = Run {
            command,
            folder,
            writable: &writable,
            readable: &self.readable,
            hidden: &hidden,
            shown: &self.shown,
            variables: &self.variables,
            limits: self.limits,
            network: self.network,
            walls: &self.walls,
        };
        sandbox::run(&run).await.unwrap_or_else(|error| panic!("{command}: {error:#}"))
    }
}

/// What no run may print.
const SECRET: &str = "s3cr3t-0f-th3-j0b";

/// A duration for `sleep` that no other process has, to know a process by.
fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("31.{:07}{:03}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a process with this argument runs on the machine.
fn is_running(argument: &str) -> bool {
    fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|one| one == argument.as_bytes())
    })
}

fn wait_until(what: &str, most: Duration, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < most, "not within {most:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a program is there; says so where not.
fn have(program: &str) -> bool {
    let found = Command::new(program)
        .arg(if program == "go" { "version" } else { "--version" })
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let is_there = found.is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("SKIPPED: there is no `{program}` on this machine");
    }
    is_there
}
