//! What stands around a change that a writer of tests looks at: tests of the same code
//! as a style to follow, the project's own helpers, and who calls the changed functions.

use std::fmt::Write as _;

use super::changed::{ChangedFile, Function};
use super::prove::mentions;
use crate::code::definitions::definitions;
use crate::code::language::Language;
use crate::code::parse::parse;
use crate::code::test_code;

/// Files longer than this are not looked into, in bytes.
const LARGEST: usize = 200_000;
/// Most files that are looked into.
const MOST_FILES: usize = 3_000;
/// Most bytes of neighbouring tests.
const MOST_TESTS: usize = 24_000;
/// Most bytes of callers.
const MOST_CALLERS: usize = 8_000;
/// Most bytes of helpers.
const MOST_HELPERS: usize = 6_000;
/// Lines around a call.
const AROUND: usize = 5;

/// A file of the checkout.
pub struct Source {
    /// Its path.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Texts for the model.
#[derive(Debug, Default)]
pub struct Nearby {
    /// Test files: path, and text, the nearest first.
    pub tests: Vec<(String, String)>,
    /// Signatures of helpers, by file.
    pub helpers: String,
    /// Places that call the changed functions.
    pub callers: String,
}

/// The files of some languages, as far as they can be looked into.
pub fn sources(
    paths: &[String],
    languages: &[Language],
    read: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Vec<Source> {
    let kin = |path: &str| {
        Language::of_path(path).is_some_and(|one| languages.iter().any(|other| one.is_kin(*other)))
    };
    paths
        .iter()
        .filter(|path| kin(path))
        .take(MOST_FILES)
        .filter_map(|path| {
            let bytes = read(path).filter(|bytes| bytes.len() <= LARGEST)?;
            Some(Source { path: path.clone(), text: String::from_utf8(bytes).ok()? })
        })
        .collect()
}

/// Look around the functions.
pub fn nearby(sources: &[Source], functions: &[(&ChangedFile, &Function)]) -> Nearby {
    let mut all = in_place(functions);
    all.extend(tests(sources, functions));
    Nearby { tests: all, helpers: helpers(sources), callers: callers(sources, functions) }
}

/// Tests in the changed files themselves, as Rust has them.
fn in_place(functions: &[(&ChangedFile, &Function)]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (file, _) in functions {
        if file.language != Language::Rust || found.iter().any(|(path, _)| *path == file.path) {
            continue;
        }
        let text = String::from_utf8_lossy(&file.text);
        let lines: Vec<&str> = text.lines().collect();
        let mut tests = String::new();
        for item in test_code::tests_in(file.language, &file.path, &file.text) {
            let from = item.lines.start.saturating_sub(1) as usize;
            let to = (item.lines.end.saturating_sub(1) as usize).min(lines.len());
            for line in lines.get(from..to).unwrap_or_default() {
                let _ = writeln!(tests, "{line}");
            }
            tests.push('\n');
        }
        if !tests.is_empty() {
            found.push((format!("{} (its own tests)", file.path), cut(&tests, MOST_TESTS / 3)));
        }
    }
    found
}

fn is_test(source: &Source) -> bool {
    Language::of_path(&source.path)
        .is_some_and(|language| test_code::is_test_file(language, &source.path))
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}

/// Test files, the nearest first, cut where they are long.
fn tests(sources: &[Source], functions: &[(&ChangedFile, &Function)]) -> Vec<(String, String)> {
    let mut scored: Vec<(usize, &Source)> = sources
        .iter()
        .filter(|source| is_test(source))
        .map(|source| {
            let mut score = 0;
            for (file, function) in functions {
                if mentions(&source.text, &function.short) {
                    score += 12;
                }
                if stem(&source.path).contains(stem(&file.path)) {
                    score += 8;
                }
                let folder =
                    |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
                if folder(&source.path) == folder(&file.path) {
                    score += 2;
                }
            }
            (score, source)
        })
        .collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
    let mut left = MOST_TESTS;
    let mut chosen = Vec::new();
    for (score, source) in scored.into_iter().take(3) {
        // One as a style to follow, even if it is of something else.
        if score == 0 && !chosen.is_empty() {
            break;
        }
        let text = cut(&source.text, left);
        left = left.saturating_sub(text.len());
        chosen.push((source.path.clone(), text));
        if left < 500 {
            break;
        }
    }
    chosen
}

/// The beginning and the end of a text; whole lines.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let (mut head, mut tail) = (String::new(), Vec::new());
    for line in text.lines() {
        if head.len() + line.len() > most * 2 / 3 {
            break;
        }
        head += line;
        head.push('\n');
    }
    let mut size = 0;
    for line in text.lines().rev() {
        size += line.len() + 1;
        if size > most / 3 {
            break;
        }
        tail.push(line);
    }
    tail.reverse();
    format!("{head}[… left out …]\n{}\n", tail.join("\n"))
}

/// Signatures in files that hold helpers for tests.
fn helpers(sources: &[Source]) -> String {
    let is_helper = |path: &str| {
        let name = stem(path).to_ascii_lowercase();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_ascii_lowercase();
        let about_tests = folder.split('/').any(|part| part.contains("test") || part == "spec");
        name == "conftest"
            || name.contains("testutil")
            || name.contains("test_util")
            || name.contains("testhelper")
            || name.contains("test_helper")
            || name == "spec_helper"
            || (about_tests
                && ([
                    "helpers",
                    "helper",
                    "utils",
                    "util",
                    "support",
                    "common",
                    "factories",
                    "fixtures",
                ]
                .contains(&name.as_str())
                    || folder
                        .split('/')
                        .any(|part| matches!(part, "support" | "common" | "helpers"))))
    };
    let mut text = String::new();
    for source in sources.iter().filter(|source| is_helper(&source.path)) {
        let Some(language) = Language::of_path(&source.path) else { continue };
        let Some(parsed) = parse(language, source.text.as_bytes()) else { continue };
        let mut signatures = String::new();
        for one in definitions(&parsed).iter().filter(|one| !one.is_test) {
            if let Some(signature) = source.text.get(one.signature_bytes.clone()) {
                let line = signature.split_whitespace().collect::<Vec<_>>().join(" ");
                let _ = writeln!(signatures, "  {line}");
            }
        }
        if signatures.is_empty() {
            continue;
        }
        if text.len() + signatures.len() > MOST_HELPERS {
            break;
        }
        let _ = write!(text, "{}:\n{signatures}", source.path);
    }
    text
}

/// Lines around calls of the changed functions, outside of tests and of themselves.
fn callers(sources: &[Source], functions: &[(&ChangedFile, &Function)]) -> String {
    let mut text = String::new();
    for (file, function) in functions {
        // A name that stands everywhere says nothing.
        if function.short.len() < 3 {
            continue;
        }
        let call = format!("{}(", function.short);
        let mut found = 0;
        for source in sources.iter().filter(|source| !is_test(source)) {
            if !source.text.contains(&call) {
                continue;
            }
            let lines: Vec<&str> = source.text.lines().collect();
            for (at, line) in lines.iter().enumerate() {
                let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
                let own = source.path == file.path && function.lines.contains(&number);
                if own || !line.contains(&call) || !mentions(line, &function.short) {
                    continue;
                }
                let from = at.saturating_sub(AROUND);
                let to = (at + AROUND + 1).min(lines.len());
                let _ = writeln!(text, "{}:{number} calls {}:", source.path, function.name);
                for (line, number) in lines[from..to].iter().zip(from + 1..) {
                    let _ = writeln!(text, "{number}|{line}");
                }
                found += 1;
                if found >= 2 || text.len() > MOST_CALLERS {
                    break;
                }
            }
            if found >= 2 || text.len() > MOST_CALLERS {
                break;
            }
        }
        if text.len() > MOST_CALLERS {
            break;
        }
    }
    text
}
