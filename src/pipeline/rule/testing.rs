//! What the tests of rules share: a file's findings, and the file after its fixes.

use super::{Context, Hit, Rule};
use crate::pipeline::edit::{Op, splice};
use crate::pipeline::timing::{History, JobTime, Run};
use crate::pipeline::{File, Files, NoFiles, Outcome, Platform, read, yaml};

/// A checkout that has these paths, of which no file can be read.
pub struct Paths(Vec<String>);

impl Paths {
    /// These paths, in any order.
    pub fn of(paths: &[&str]) -> Self {
        let mut paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
        paths.sort();
        Paths(paths)
    }
}

impl Files for Paths {
    fn paths(&self) -> &[String] {
        &self.0
    }

    fn read(&self, _: &str) -> Option<String> {
        None
    }
}

/// A file, and what a rule finds in it.
#[track_caller]
pub fn hits(rule: &Rule, platform: Platform, text: &str, files: &dyn Files) -> (File, Vec<Hit>) {
    look(rule, platform, text, files, None)
}

/// A file, and what a rule finds in it where its runs took these times.
#[track_caller]
pub fn hits_timed(
    rule: &Rule,
    platform: Platform,
    text: &str,
    runs: Vec<Vec<JobTime>>,
) -> (File, Vec<Hit>) {
    let history = History { runs: runs.into_iter().map(|jobs| Run { jobs }).collect() };
    look(rule, platform, text, &NoFiles, Some(&history))
}

#[track_caller]
fn look(
    rule: &Rule,
    platform: Platform,
    text: &str,
    files: &dyn Files,
    history: Option<&History>,
) -> (File, Vec<Hit>) {
    let file = match read(platform, platform.usual_path(), text, files) {
        Outcome::Read(file) => *file,
        other => panic!("{other:?}\n{text}"),
    };
    let mut hits = Vec::new();
    (rule.check)(&Context { file: &file, files, history }, &mut hits);
    for hit in &hits {
        assert!(text.get(hit.span.range()).is_some(), "{hit:?}");
    }
    (file, hits)
}

/// A job that succeeded after so many seconds, without a queue.
pub fn time(name: &str, seconds: f64) -> JobTime {
    JobTime { name: name.to_owned(), queue: 0.0, seconds, steps: Vec::new(), succeeded: true }
}

/// How many findings there are.
#[track_caller]
pub fn count(rule: &Rule, platform: Platform, text: &str) -> usize {
    hits(rule, platform, text, &NoFiles).1.len()
}

/// The text that each finding points at.
#[track_caller]
pub fn finds(rule: &Rule, platform: Platform, text: &str, expect: &[&str]) {
    let (_, hits) = hits(rule, platform, text, &NoFiles);
    let found: Vec<&str> = hits.iter().map(|hit| &text[hit.span.range()]).collect();
    assert_eq!(found, expect, "{hits:#?}\n{text}");
}

/// The text after all fixes that are safe or not, as asked.
#[track_caller]
pub fn fixed(rule: &Rule, platform: Platform, text: &str, safe: bool) -> String {
    let (file, hits) = hits(rule, platform, text, &NoFiles);
    fixed_by(&file, &hits, safe)
}

/// As [`fixed`], by findings that are known.
#[track_caller]
pub fn fixed_by(file: &File, hits: &[Hit], safe: bool) -> String {
    let fixes = hits.iter().filter_map(|hit| hit.fix.as_ref()).filter(|fix| fix.safe == safe);
    let ops: Vec<Op> = fixes.flat_map(|fix| fix.ops.clone()).collect();
    edited(file, &ops)
}

/// A file's text after ops, which can still be read.
#[track_caller]
pub fn edited(file: &File, ops: &[Op]) -> String {
    let out = splice(&file.text, &file.tree, ops).unwrap_or_else(|no| panic!("{no}\n{ops:?}"));
    if file.pipeline.platform != Platform::Jenkins {
        yaml::parse(&out).unwrap_or_else(|broken| panic!("{}: {out}", broken.why));
    }
    out
}
