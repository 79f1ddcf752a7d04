//! Changes read from real histories are those that git itself reports, and
//! their hunks turn the old files into the new ones.
//!
//! Needs the git binary and repositories: `PIPEWRIGHT_HISTORIES` names their
//! folders, separated by colons. `PIPEWRIGHT_HISTORY_PAIRS` (40) says how many
//! pairs of commits are tried in each.

use std::path::Path;
use std::process::Command;

use pipewright::diff::{Content, FileDiff, LineKind, Status};
use pipewright::forge::local;

fn git(dir: &Path, args: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(["-c", "diff.renameLimit=1000", "-c", "safe.directory=*"])
        .args(args)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout)
}

/// `git diff --raw`, one row a file: status, old path, new path.
///
/// `None` where git itself lacks a file that it would have to compare.
fn expected(dir: &Path, base: &str, head: &str) -> Option<Vec<(char, String, String)>> {
    let out = git(dir, &["diff", "--raw", "-M", "-z", "--no-abbrev", base, head])?;
    let text = String::from_utf8_lossy(&out).into_owned();
    let mut parts = text.split('\0').filter(|part| !part.is_empty());
    let mut rows = Vec::new();
    while let Some(meta) = parts.next() {
        let status = meta.rsplit(' ').next().and_then(|word| word.chars().next()).expect("status");
        let old = parts.next().expect("path").to_owned();
        match status {
            'R' | 'C' => rows.push((status, old, parts.next().expect("new path").to_owned())),
            'T' => {
                rows.push(('D', old.clone(), old.clone()));
                rows.push(('A', old.clone(), old));
            }
            _ => rows.push((status, old.clone(), old)),
        }
    }
    Some(rows)
}

fn row(file: &FileDiff) -> (char, String, String) {
    let letter = match file.status {
        Status::Added => 'A',
        Status::Deleted => 'D',
        Status::Modified => 'M',
        Status::Renamed => 'R',
        Status::Copied => 'C',
    };
    let name =
        |path: &Option<pipewright::diff::RepoPath>| path.as_ref().unwrap_or(file.path()).display();
    (letter, name(&file.old_path), name(&file.new_path))
}

/// The old file with the hunks carried out.
fn apply(old: &[u8], file: &FileDiff) -> Vec<u8> {
    let patch = file.patch().expect("text");
    let lines: Vec<&[u8]> = old.split_inclusive(|&byte| byte == b'\n').collect();
    let mut new = Vec::new();
    let mut at = 0;
    for hunk in &patch.hunks {
        let start = hunk.old_start as usize - usize::from(hunk.old_lines > 0);
        lines[at..start].iter().for_each(|line| new.extend_from_slice(line));
        at = start + hunk.old_lines as usize;
        for line in &patch.lines[hunk.lines.start as usize..hunk.lines.end as usize] {
            if line.kind != LineKind::Removed {
                new.extend_from_slice(patch.text_of(line));
                new.extend(line.newline.then_some(b'\n'));
            }
        }
    }
    lines[at..].iter().for_each(|line| new.extend_from_slice(line));
    new
}

#[test]
fn changes_of_real_histories_are_as_git_reports_them() {
    let Some(folders) = std::env::var_os("PIPEWRIGHT_HISTORIES") else {
        eprintln!("SKIPPED: PIPEWRIGHT_HISTORIES names no repositories");
        return;
    };
    let pairs: u64 = std::env::var("PIPEWRIGHT_HISTORY_PAIRS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(40);
    for folder in std::env::split_paths(&folders) {
        history(&folder, pairs);
    }
}

fn history(folder: &Path, pairs: u64) {
    let out = git(folder, &["rev-list", "--first-parent", "HEAD"]).expect("rev-list");
    let commits: Vec<&str> =
        std::str::from_utf8(&out).expect("ids").lines().filter(|line| !line.is_empty()).collect();
    let started = std::time::Instant::now();
    let repo = local::open(folder).expect("opens");
    let opened = started.elapsed();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let (mut files, mut renames, mut lines, mut unknown) = (0, 0, 0, 0);
    let mut time = std::time::Duration::ZERO;
    let mut slowest = (time, 0);
    for _ in 0..pairs {
        let head = random(commits.len() as u64 - 1);
        let reach = [1, 3, 10, 100, 300][random(5) as usize];
        let gap = 1 + random(reach);
        let base = (head + gap).min(commits.len() as u64 - 1);
        let (base, head) = (commits[base as usize], commits[head as usize]);
        let started = std::time::Instant::now();
        let read = repo.change(Some(base), Some(head)).expect("change");
        let took = started.elapsed();
        time += took;
        slowest = slowest.max((took, read.change.files.len()));
        assert_eq!((read.base.as_str(), read.head.as_str()), (base, head));
        let rows: Vec<_> = read.change.files.iter().map(row).collect();
        let Some(expected) = expected(folder, base, head) else {
            unknown += 1;
            continue;
        };
        let ours: Vec<_> = rows.iter().filter(|row| !expected.contains(row)).collect();
        let theirs: Vec<_> = expected.iter().filter(|row| !rows.contains(row)).collect();
        assert_eq!(ours, theirs, "{} {base}..{head}", folder.display());
        assert!(rows == expected, "the order differs in {} {base}..{head}", folder.display());
        for file in &read.change.files {
            files += 1;
            renames += usize::from(file.status == Status::Renamed);
            if matches!(file.content, Content::Missing { .. }) {
                let object = format!("{head}:{}", file.path());
                assert!(git(folder, &["cat-file", "-e", &object]).is_none(), "{object} is there");
                continue;
            }
            let side = |revision: &str, path: &Option<pipewright::diff::RepoPath>| {
                let path = path.as_ref()?;
                repo.file_at(revision, path).expect("file")
            };
            let (old, new) = (side(base, &file.old_path), side(head, &file.new_path));
            match &file.content {
                Content::Text(_) => {
                    lines += file.changed_lines();
                    let applied = apply(old.as_deref().unwrap_or_default(), file);
                    assert!(applied == new.unwrap_or_default(), "{} {head}", file.path());
                }
                Content::Binary { old_size, new_size } => {
                    assert_eq!(*old_size, old.map(|data| data.len() as u64));
                    assert_eq!(*new_size, new.map(|data| data.len() as u64));
                }
                Content::Submodule { .. } | Content::Missing { .. } => {}
            }
        }
    }
    eprintln!(
        "{}: {pairs} changes ({unknown} not comparable), {files} files, {renames} renames, {lines} lines, {:?} each, slowest {:?} \
         with {} files; opened in {opened:?}",
        folder.display(),
        time / u32::try_from(pairs).unwrap_or(1),
        slowest.0,
        slowest.1
    );
}
