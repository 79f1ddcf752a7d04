//! What the tests of rules share: a file's findings, and the file after its fixes.

use super::{Context, Hit, Rule};
use crate::pipeline::edit::{Op, splice};
use crate::pipeline::{File, Files, NoFiles, Outcome, Platform, read, yaml};

/// A file, and what a rule finds in it.
pub fn hits(rule: &Rule, platform: Platform, text: &str, files: &dyn Files) -> (File, Vec<Hit>) {
    let file = match read(platform, platform.usual_path(), text, files) {
        Outcome::Read(file) => *file,
        other => panic!("{other:?}\n{text}"),
    };
    let mut hits = Vec::new();
    (rule.check)(&Context { file: &file, files, history: None }, &mut hits);
    for hit in &hits {
        assert!(text.get(hit.span.range()).is_some(), "{hit:?}");
    }
    (file, hits)
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
    let fixes = hits.iter().filter_map(|hit| hit.fix.as_ref()).filter(|fix| fix.safe == safe);
    let ops: Vec<Op> = fixes.flat_map(|fix| fix.ops.clone()).collect();
    if platform != Platform::Jenkins {
        let out = splice(text, &file.tree, &ops).unwrap_or_else(|refused| panic!("{refused}"));
        yaml::parse(&out).unwrap_or_else(|broken| panic!("{}: {out}", broken.why));
        return out;
    }
    let mut out = text.to_owned();
    let mut splices: Vec<_> = ops
        .iter()
        .map(|op| match op {
            Op::Splice { span, text } => (span.range(), text),
            other => panic!("{other:?}"),
        })
        .collect();
    splices.sort_by_key(|(range, _)| (range.start, range.end));
    for (range, new) in splices.into_iter().rev() {
        out.replace_range(range, new);
    }
    out
}
