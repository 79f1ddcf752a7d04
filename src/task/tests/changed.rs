//! What the change adds or alters: functions with the changed lines inside them, and
//! the files for which there is nothing to test.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;

use super::report::Untestable;
use crate::code::definitions::{Definition, definitions};
use crate::code::language::Language;
use crate::code::parse::parse;
use crate::code::test_code;
use crate::diff::skip;
use crate::diff::{Change, FileDiff, LineKind, Status};
use crate::inputs::Globs;

/// A changed file of a language that is read by grammar.
#[derive(Debug, Clone)]
pub struct ChangedFile {
    /// Its path on the head.
    pub path: String,
    /// Its language.
    pub language: Language,
    /// Its text on the head.
    pub text: Bytes,
    /// Lines of the head that were added or altered, or that stand where some were
    /// taken out; from 1.
    pub lines: BTreeSet<u32>,
    /// Functions that hold some of them.
    pub functions: Vec<Function>,
    /// Whether the file is new.
    pub is_new: bool,
}

/// A changed function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name behind that of its container.
    pub name: String,
    /// Its own name.
    pub short: String,
    /// All of its lines, from 1; the end is not held.
    pub lines: Range<u32>,
    /// Changed lines in it.
    pub changed: Vec<u32>,
}

/// What changed, and what of it is not for tests of ours.
#[derive(Debug, Default)]
pub struct Changed {
    /// Files with functions.
    pub files: Vec<ChangedFile>,
    /// The others, and why.
    pub untestable: Vec<Untestable>,
}

/// Read a change; `head` gives a file's text on the head.
pub fn changed(
    change: &Change,
    include: &Globs,
    ignore: &Globs,
    head: &dyn Fn(&FileDiff) -> Option<Bytes>,
) -> Changed {
    let mut changed = Changed::default();
    for file in &change.files {
        let path = file.path().display();
        let mut without = |reason: &str| {
            changed.untestable.push(Untestable { path: path.clone(), reason: reason.to_owned() });
        };
        if file.status == Status::Deleted || file.changed_lines() == 0 {
            continue;
        }
        if ignore.is_match(&path) || !(include.is_empty() || include.is_match(&path)) {
            without("left out by `include` or `ignore`");
            continue;
        }
        let Some(language) = Language::of_path(&path) else {
            if !is_text_of_people(&path) {
                without("its language is not read by grammar");
            }
            continue;
        };
        if test_code::is_test_file(language, &path) {
            continue;
        }
        if let Some(reason) = skip::by_path(&path) {
            without(reason);
            continue;
        }
        let Some(text) = head(file) else {
            without("its text on the head is not at hand");
            continue;
        };
        match functions_of(file, language, &text) {
            Ok((lines, functions)) if !functions.is_empty() => changed.files.push(ChangedFile {
                path,
                language,
                text,
                lines,
                functions,
                is_new: file.old_path.is_none(),
            }),
            Ok(_) => {
                without("the changed lines stand in no function: declarations, constants, types")
            }
            Err(reason) => without(reason),
        }
    }
    changed
}

/// Prose and data, which nobody expects a unit test for.
fn is_text_of_people(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(
        extension,
        "md" | "txt"
            | "rst"
            | "adoc"
            | "toml"
            | "yaml"
            | "yml"
            | "json"
            | "lock"
            | "ini"
            | "cfg"
            | "csv"
            | "svg"
            | "png"
            | "sum"
            | "mod"
            | "xml"
            | "properties"
    ) || name.starts_with('.')
        || !name.contains('.')
}

/// Whether a line holds code: it is neither blank nor a comment.
fn is_code(language: Language, line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let marks: &[&[u8]] = match language {
        Language::Python | Language::Ruby => &[b"#"],
        Language::Php => &[b"//", b"#", b"/*", b"*"],
        // A line that begins with a star may be a product or a pointer.
        Language::C | Language::Go | Language::Rust => &[b"//"],
        _ => &[b"//", b"/*", b"* "],
    };
    !line.is_empty() && !marks.iter().any(|mark| line.starts_with(mark)) && line != b"*/"
}

/// The changed lines of code on the head: added ones, and for each place where lines were
/// only taken out, the line that follows (else the one before).
fn changed_lines(file: &FileDiff, language: Language) -> BTreeSet<u32> {
    let mut lines = BTreeSet::new();
    let Some(patch) = file.patch() else { return lines };
    for hunk in 0..patch.hunks.len() {
        let mut removed = false;
        let mut added = false;
        let mut last = None;
        for line in patch.numbered_hunk(hunk) {
            match line.kind {
                _ if line.kind != LineKind::Context && !is_code(language, line.text) => {}
                LineKind::Removed => removed = true,
                LineKind::Added => {
                    added = true;
                    lines.extend(line.new);
                }
                LineKind::Context => {
                    if removed && !added {
                        lines.extend(line.new);
                    }
                    (removed, added) = (false, false);
                }
            }
            last = line.new.or(last);
        }
        if removed && !added {
            lines.extend(last);
        }
    }
    lines
}

type Lines = (BTreeSet<u32>, Vec<Function>);

fn functions_of(file: &FileDiff, language: Language, text: &[u8]) -> Result<Lines, &'static str> {
    let parsed = parse(language, text).ok_or("it is too long or too broken to be read")?;
    let all = definitions(&parsed);
    let lines = changed_lines(file, language);
    let inside_tests = |one: &Definition| {
        one.is_test
            || all.iter().any(|outer| {
                outer.lines.start <= one.lines.start
                    && outer.lines.end >= one.lines.end
                    && (outer.is_test
                        || matches!(outer.name.as_str(), "tests" | "test") && !outer.is_callable())
            })
    };
    let callable: Vec<&Definition> =
        all.iter().filter(|one| one.is_callable() && one.has_body && !inside_tests(one)).collect();
    let mut functions: Vec<Function> = Vec::new();
    for one in &callable {
        // Of nested functions the innermost has the line.
        let own = |line: u32| {
            one.lines.contains(&line)
                && !callable.iter().any(|inner| {
                    inner.lines.contains(&line)
                        && inner.lines.start >= one.lines.start
                        && inner.lines.end <= one.lines.end
                        && inner.lines != one.lines
                })
        };
        let changed: Vec<u32> = lines.iter().copied().filter(|line| own(*line)).collect();
        if !changed.is_empty() {
            functions.push(Function {
                name: one.qualified(language),
                short: one.name.clone(),
                lines: one.lines.clone(),
                changed,
            });
        }
    }
    Ok((lines, functions))
}
