//! Any report against a small change: what is found stands on an added line.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pipewright::diff::{Change, Content, FileDiff, Hunk, Line, LineKind, Patch, RepoPath, Status};
use pipewright::evidence::change::{self, Options};
use pipewright::evidence::detect;

/// A file with lines 1 to 4, the second and third of them added.
fn file(path: &str) -> FileDiff {
    let text = "one\ntwo\nthree\nfour";
    let mut start = 0;
    let lines = text.lines().enumerate().map(|(at, line)| {
        let kind = if (1..3).contains(&at) { LineKind::Added } else { LineKind::Context };
        let len = line.len() as u32;
        let line = Line { kind, newline: true, start, len };
        start += len + 1;
        line
    });
    let lines = lines.collect();
    let hunk =
        Hunk { old_start: 1, old_lines: 2, new_start: 1, new_lines: 4, section: 0..0, lines: 0..4 };
    FileDiff {
        old_path: Some(RepoPath::from(path)),
        new_path: Some(RepoPath::from(path)),
        status: Status::Modified,
        old_mode: None,
        new_mode: None,
        content: Content::Text(Patch { text: Bytes::from(text), lines, hunks: vec![hunk] }),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(evidence) = detect::read("report.sarif", bytes) else { return };
    let change = Change { files: vec![file("a.py"), file("src/p/A.java")] };
    let reports = [("report".to_owned(), evidence)];
    let options = Options { uncovered_run: 1, ..Options::default() };
    for finding in change::findings(&change, &reports, &options) {
        assert!(finding.line >= 1 && finding.line <= finding.end_line && finding.end_line <= 4);
        assert!(finding.line <= 3 && finding.end_line >= 2);
    }
    if let Some(tests) = change::test_evidence(&change, &reports, &options) {
        assert!(tests.covered <= tests.lines && tests.lines <= 4);
    }
    let _ = change::stale(&change, &reports, &options);
});
