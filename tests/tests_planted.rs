//! `tests`, black box, against planted answers of a model: no bad test is accepted, and
//! every good one is; each proof is run again by hand.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::anthropic::{Anthropic, calls};

#[derive(Deserialize)]
struct Planted {
    /// Where there is none, the project's files tell it.
    command: Option<String>,
    needs: String,
    /// Packages that have to lie in the folder that `PIPEWRIGHT_NODE_MODULES` names; they
    /// are laid into the project.
    #[serde(default)]
    modules: Vec<String>,
    /// Files of this machine that the project takes.
    #[serde(default)]
    files: Vec<PathBuf>,
    base: BTreeMap<String, String>,
    head: BTreeMap<String, String>,
    #[serde(rename = "case")]
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    path: String,
    code: String,
    #[serde(default)]
    imports: Vec<String>,
    placement: Option<String>,
    /// The verdict; where there is none, any but the proven ones.
    expect: Option<String>,
}

fn planted(language: &str) -> Planted {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/planted")
        .join(format!("{language}.toml"));
    toml::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// A repository with the change as its last commit.
fn repository(planted: &Planted) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "-q", "-b", "main"]);
    for (commit, files) in [("base", &planted.base), ("head", &planted.head)] {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.trim_start_matches('\n')).unwrap();
        }
        git(root, &["add", "-A"]);
        git(root, &["commit", "-q", "-m", commit]);
        if commit == "base" {
            git(root, &["tag", "base"]);
        }
    }
    folder
}

fn git(folder: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(folder)
        .env_remove("GIT_DIR")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: there is no `{program}` here");
    }
    found
}

/// The folder with all of the packages that are asked for; said where there is none.
fn node_modules(planted: &Planted) -> Option<PathBuf> {
    let folder = std::env::var_os("PIPEWRIGHT_NODE_MODULES").map(PathBuf::from)?;
    planted.modules.iter().all(|name| folder.join(name).is_dir()).then_some(folder)
}

/// Lay packages into a project, or its copy.
fn lay(modules: Option<&Path>, root: &Path) {
    let Some(modules) = modules else { return };
    let copied = Command::new("cp")
        .args(["-al"])
        .arg(modules)
        .arg(root.join("node_modules"))
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

/// The binary over a checkout, with the toolchains' own places in its environment.
fn run(root: &Path, model: &Anthropic, args: &[&str]) -> Output {
    let mut command = support::binary();
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "PYENV_ROOT", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .arg("tests")
        .args(args)
        .env("ANTHROPIC_BASE_URL", model.url())
        .env("ANTHROPIC_API_KEY", "sk-ant-test-0123456789")
        .env("PIPEWRIGHT_LIGHT_MODEL", "offline")
        .env("XDG_STATE_HOME", root.join("../state"))
        .current_dir(root)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn check(language: &str) {
    let planted = planted(language);
    if !has(&planted.needs) || !has("git") {
        return;
    }
    let modules = node_modules(&planted);
    if !planted.modules.is_empty() && modules.is_none() {
        eprintln!("SKIPPED: PIPEWRIGHT_NODE_MODULES names no folder with {:?}", planted.modules);
        return;
    }
    if let Some(file) = planted.files.iter().find(|file| !file.exists()) {
        eprintln!("SKIPPED: there is no {}", file.display());
        return;
    }
    let folder = repository(&planted);
    let root = folder.path();
    lay(modules.as_deref(), root);
    let model = Anthropic::start();
    let tests: Vec<Value> = planted
        .cases
        .iter()
        .map(|case| {
            json!({
                "path": case.path,
                "name": case.name,
                "code": case.code.trim_start_matches('\n'),
                "imports": case.imports,
                "placement": case.placement.as_deref().unwrap_or("append"),
                "guards": "What it is called.",
            })
        })
        .collect();
    model.on("", calls([("propose_tests", json!({ "tests": tests }))]));
    model.always("", calls([("propose_tests", json!({ "tests": [] }))]));
    let mut args = vec!["--base", "base", "--head", "HEAD", "--format", "json", "--log", "info"];
    args.extend(["--timeout-minutes", "20"]);
    if let Some(command) = &planted.command {
        args.extend(["--command", command]);
    }
    let output = run(root, &model, &args);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(model.violations(), Vec::<String>::new());
    let candidates = report["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), planted.cases.len(), "{report:#}");
    let mut wrong = Vec::new();
    for case in &planted.cases {
        let one = candidates.iter().find(|one| {
            one["name"] == case.name.as_str()
                && one["path"] == case.path.as_str()
                && (one["diff"] == "" || one["diff"].as_str().unwrap().contains(key(&case.code)))
        });
        let one = one.unwrap_or_else(|| panic!("{} is not in the report", case.name));
        let verdict = one["verdict"].as_str().unwrap();
        let right = match &case.expect {
            Some(expect) => verdict == expect,
            None => !verdict.starts_with("proven"),
        };
        eprintln!("{language}: {verdict:<13} {}: {}", case.name, one["reason"]);
        if !right {
            wrong.push(format!("{} is {verdict}: {one:#}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), said(&output));
    let status = Command::new("git").args(["status", "--porcelain"]).current_dir(root).output();
    assert_eq!(String::from_utf8_lossy(&status.unwrap().stdout), "", "the checkout is untouched");
    let accepted: Vec<&Case> = planted
        .cases
        .iter()
        .filter(|case| case.expect.as_deref().is_some_and(|expect| expect.starts_with("proven")))
        .collect();
    by_hand(root, modules.as_deref(), &report, &accepted);
}

/// A line that tells one code from another.
fn key(code: &str) -> &str {
    code.lines().map(str::trim).max_by_key(|line| line.len()).unwrap_or("")
}

/// Each proof again: the diff applies, the suite passes with it; by the evidence's own
/// patches and commands each test fails where it has to, and passes once stripped.
fn by_hand(root: &Path, modules: Option<&Path>, report: &Value, accepted: &[&Case]) {
    let diff = report["diff"].as_str().unwrap();
    let all = worktree(root, "HEAD");
    lay(modules, all.path());
    apply(all.path(), diff);
    let suite = report["command"].as_str().unwrap();
    assert!(shell(all.path(), suite).status.success(), "the suite passes with them");
    for case in accepted {
        let one = report["candidates"].as_array().unwrap().iter().find(|one| {
            one["name"] == case.name.as_str()
                && one["verdict"].as_str().unwrap().starts_with("proven")
        });
        let evidence = one.unwrap()["evidence"].as_array().unwrap();
        let mut fails = 0;
        for one in evidence {
            let text = |key: &str| one[key].as_str().unwrap_or_default();
            let on = text("on");
            let outcome = text("outcome");
            let fresh = match on {
                "base" | "stripped, base" => worktree(root, "base"),
                _ => worktree(root, "HEAD"),
            };
            lay(modules, fresh.path());
            if let Some(mutant) = on.strip_prefix("stripped, mutant ") {
                let patch = evidence.iter().find(|one| one["on"] == format!("mutant {mutant}"));
                let patch = patch.unwrap()["patch"].as_str().unwrap();
                // Where both are in one file, the stripped text is the mutant's.
                if !shares_file(patch, text("patch")) {
                    apply(fresh.path(), patch);
                }
            }
            let ours = one_diff(report, &case.name);
            match on {
                "head" => apply(fresh.path(), &ours),
                _ if on.starts_with("mutant ") => {
                    apply(fresh.path(), text("patch"));
                    apply(fresh.path(), &ours);
                }
                _ if on.starts_with("head,") => continue,
                _ => apply(fresh.path(), text("patch")),
            }
            let ran = shell(fresh.path(), text("command"));
            let passes = outcome.starts_with("passed");
            assert_eq!(
                ran.status.success(),
                passes,
                "{} on {on}: {outcome}\n{}{}",
                case.name,
                String::from_utf8_lossy(&ran.stdout),
                String::from_utf8_lossy(&ran.stderr)
            );
            fails += usize::from(outcome.starts_with("failed by assertion"));
        }
        assert!(fails > 0, "{} fails nowhere", case.name);
    }
}

fn shares_file(one: &str, other: &str) -> bool {
    let file = |diff: &str| diff.lines().next().unwrap_or_default().to_owned();
    file(one) == file(other)
}

fn one_diff(report: &Value, name: &str) -> String {
    let candidates = report["candidates"].as_array().unwrap();
    let one = candidates
        .iter()
        .find(|one| one["name"] == name && one["verdict"].as_str().unwrap().starts_with("proven"));
    one.unwrap()["diff"].as_str().unwrap().to_owned()
}

fn worktree(root: &Path, revision: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let archive = Command::new("sh")
        .args(["-c", "git archive \"$1\" | tar -x -C \"$2\"", "sh", revision])
        .arg(folder.path())
        .current_dir(root)
        .output()
        .unwrap();
    assert!(archive.status.success(), "{}", String::from_utf8_lossy(&archive.stderr));
    folder
}

fn apply(folder: &Path, diff: &str) {
    let file: PathBuf = folder.join(".applied.diff");
    fs::write(&file, diff).unwrap();
    let output = Command::new("git")
        .args(["apply", ".applied.diff"])
        .current_dir(folder)
        .env("GIT_CEILING_DIRECTORIES", "/")
        .output()
        .unwrap();
    assert!(output.status.success(), "{diff}\n{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_file(file).unwrap();
}

fn shell(folder: &Path, command: &str) -> Output {
    Command::new("sh")
        .args(["-c", command])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CARGO_NET_OFFLINE", "true")
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn python() {
    check("python");
}

#[test]
fn javascript() {
    check("javascript");
}

#[test]
fn rust() {
    check("rust");
}

#[test]
fn go() {
    check("go");
}

#[test]
fn jest() {
    check("jest");
}

#[test]
fn vitest() {
    check("vitest");
}

#[test]
fn rspec() {
    check("rspec");
}

#[test]
fn phpunit() {
    check("phpunit");
}

#[test]
#[ignore = "each run starts Gradle anew, which takes ten minutes in all: cargo test --test tests_planted gradle -- --ignored"]
fn gradle() {
    check("gradle");
}
