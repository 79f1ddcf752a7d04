//! Measures the rules on real changes: what they find, and how long it takes.
//! Ignored, for they read repositories and diffs that are named by variables.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pipewright::diff::{Change, FileDiff, LineKind, RepoPath, parse};
use pipewright::finding::Finding;
use pipewright::scan::{Options, Subject, scan};

/// Standard output of git in a repository; empty if it fails.
fn git(repository: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).output();
    output.ok().filter(|output| output.status.success()).map_or(Vec::new(), |output| output.stdout)
}

fn print(name: &str, findings: &[Finding], change: &Change) {
    for finding in findings {
        let text = change
            .file(&finding.path)
            .and_then(|file| {
                file.lines()
                    .find(|line| line.side() == finding.side && line.number() == finding.line)
            })
            .map(|line| line.text.to_string())
            .unwrap_or_default();
        let shown: String = text.chars().take(110).collect();
        println!(
            "{name} {} {} {:.2} {}:{} {} | {}",
            finding.source,
            finding.severity,
            finding.confidence,
            finding.path,
            finding.line,
            finding.title,
            if finding.category == "secret" { "" } else { shown.trim() },
        );
    }
}

/// `PIPEWRIGHT_SCAN_REPOSITORIES` names git directories, by colons;
/// `PIPEWRIGHT_SCAN_COMMITS` how many commits of each (100).
#[test]
#[ignore = "reads repositories named by PIPEWRIGHT_SCAN_REPOSITORIES"]
fn findings_on_recent_commits() {
    let Ok(repositories) = std::env::var("PIPEWRIGHT_SCAN_REPOSITORIES") else {
        println!("SKIPPED: PIPEWRIGHT_SCAN_REPOSITORIES is not set");
        return;
    };
    let commits = std::env::var("PIPEWRIGHT_SCAN_COMMITS").unwrap_or_else(|_| "100".to_owned());
    for repository in repositories.split(':').map(Path::new) {
        let list = git(repository, &["log", "--no-merges", "-n", &commits, "--format=%H"]);
        let list = String::from_utf8(list).expect("revisions are ASCII");
        let (mut count, mut lines, mut took, mut findings) = (0, 0, Duration::ZERO, 0);
        for commit in list.lines() {
            let diff = git(repository, &["show", "--format=", "-M", "-p", commit]);
            let change = parse::parse(Bytes::from(diff)).expect("git writes diffs");
            let parent = format!("{commit}^");
            let at = |revision: &str, path: &Option<RepoPath>| {
                let name = format!("{revision}:{}", path.as_ref()?.display());
                Some(Bytes::from(git(repository, &["cat-file", "blob", &name])))
            };
            let exists = |path: &str| {
                Some(
                    !git(repository, &["rev-parse", "--verify", "-q", &format!("{commit}:{path}")])
                        .is_empty(),
                )
            };
            let options = Options::default();
            let subject = Subject {
                change: &change,
                old: &|file: &FileDiff| at(&parent, &file.old_path),
                new: &|file: &FileDiff| at(commit, &file.new_path),
                exists: &exists,
                options: &options,
            };
            let start = Instant::now();
            let found = scan(&subject);
            took += start.elapsed();
            count += 1;
            lines += change.changed_lines();
            findings += found.len();
            print(&commit[..8], &found, &change);
        }
        println!(
            "{}: {count} commits, {lines} changed lines, {findings} findings, {took:?}",
            repository.display()
        );
    }
}

/// `PIPEWRIGHT_SCAN_DIFFS` names diff files, by colons.
#[test]
#[ignore = "reads diffs named by PIPEWRIGHT_SCAN_DIFFS"]
fn findings_on_diffs() {
    let Ok(diffs) = std::env::var("PIPEWRIGHT_SCAN_DIFFS") else {
        println!("SKIPPED: PIPEWRIGHT_SCAN_DIFFS is not set");
        return;
    };
    for path in diffs.split(':') {
        let text = std::fs::read(path).expect("the diff can be read");
        let change = parse::parse(Bytes::from(text)).expect("the diff is one");
        let options = Options::default();
        let subject = Subject {
            change: &change,
            old: &|_| None,
            new: &|_| None,
            exists: &|_| None,
            options: &options,
        };
        let mut best = Duration::MAX;
        let mut first = Duration::ZERO;
        let mut found = Vec::new();
        for round in 0..5 {
            let start = Instant::now();
            found = scan(&subject);
            let took = start.elapsed();
            best = best.min(took);
            if round == 0 {
                first = took;
            }
        }
        let added: Vec<usize> = change
            .files
            .iter()
            .flat_map(FileDiff::lines)
            .filter(|line| line.kind == LineKind::Added)
            .map(|line| line.text.len())
            .collect();
        print("", &found, &change);
        println!(
            "{path}: {} files, {} added lines, {} bytes added, {} findings, first {first:?}, best of 5 {best:?}",
            change.files.len(),
            added.len(),
            added.iter().sum::<usize>(),
            found.len(),
        );
    }
}
