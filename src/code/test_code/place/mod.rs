//! Puts proposed tests into files: only adds, and only what cannot change what
//! other tests do.

use std::ops::Range;

use super::items::{Item, is_named, items, split_name};
use super::source::Code;
use super::{Placed, Placement, Proposed, is_test_file};
use crate::code::language::Language;
use crate::code::parse::{Parsed, parse};

mod bodies;
mod effects;
mod imports;
mod names;
mod python;
mod rust;
mod script;
mod text;

use text::{Insertion, Layout};

/// Longest code that is taken, in bytes.
const MOST_CODE: usize = 200_000;

/// Where a piece of code goes into a text.
struct Spot {
    /// The place.
    at: usize,
    /// Indentation of what is put there.
    indent: String,
    /// Text before and behind it, such as a module's frame.
    before: String,
    behind: String,
    /// How many lines are kept free before it.
    gap: usize,
}

/// Puts code into a file's text. Never alters or removes what stands there.
///
/// # Errors
///
/// A sentence that says what is wrong and what to do.
pub fn place(
    language: Language,
    existing: Option<&[u8]>,
    proposed: &Proposed<'_>,
) -> Result<Placed, String> {
    let code = checked(language, proposed)?;
    let existing = match (proposed.placement, existing) {
        (Placement::NewFile, Some(_)) => {
            return Err(format!(
                "`{}` exists already; use the placement `append`, or another path.",
                proposed.path
            ));
        }
        (Placement::NewFile, None) => b"",
        (_, None) => {
            return Err(format!(
                "`{}` does not exist; use the placement `new-file`.",
                proposed.path
            ));
        }
        (_, Some(text)) => text,
    };
    let mut block = text::dedented(language, &code);
    if proposed.placement == Placement::NewFile {
        return fresh(language, block, proposed);
    }
    let Some(old) = parse(language, existing) else {
        return Err(format!("`{}` is too long to be read; use a new file.", proposed.path));
    };
    let old = Code::new(&old);
    let layout = Layout::of(existing);
    block = rust::unwrapped(&old, block, proposed.placement);
    let (moved, block) = imports::hoisted(&old, &block)?;
    let wanted = imports::wanted(language, moved, proposed)?;
    effects::check(&old, &block, proposed)?;
    let mut spot = match language {
        Language::Rust => rust::spot(&old, proposed)?,
        Language::Python => python::spot(&old, &block, proposed)?,
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            script::spot(&old, &block, proposed)
        }
        Language::Java | Language::Php | Language::Ruby | Language::Go => {
            bodies::spot(&old, &block, proposed)?
        }
        Language::C => return Err("Tests in C cannot be placed.".to_owned()),
    };
    let mut inserted = imports::insertions(&old, &wanted, &mut spot, proposed)?;
    let text = text::block(language, &layout, &old, &block, &spot);
    inserted.push(Insertion { at: spot.at, text });
    finish(&old, &layout, inserted, proposed)
}

/// A file of its own: the code with its imports on top.
fn fresh(language: Language, mut block: String, proposed: &Proposed<'_>) -> Result<Placed, String> {
    imports::frame(&mut block, proposed, language)?;
    block.push('\n');
    let wanted = imports::wanted(language, Vec::new(), proposed)?;
    let Some(parsed) = parse(language, block.as_bytes()) else {
        return Err("The code is too long; propose one short test.".to_owned());
    };
    let code = Code::new(&parsed);
    effects::check(&code, &block, proposed)?;
    let mut spot =
        Spot { at: 0, indent: String::new(), before: String::new(), behind: String::new(), gap: 0 };
    let inserted = imports::insertions(&code, &wanted, &mut spot, proposed)?;
    let layout = Layout::of(block.as_bytes());
    let (text, _) = text::insert(block.as_bytes(), &layout, inserted);
    let empty = parse(language, b"").ok_or("The language cannot be read.")?;
    let whole = Insertion { at: 0, text: String::from_utf8_lossy(&text).into_owned() };
    finish(&Code::new(&empty), &layout, vec![whole], proposed)
}

/// The code, if its outside is in order.
fn checked(language: Language, proposed: &Proposed<'_>) -> Result<String, String> {
    let code = proposed.code.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    if code.trim().is_empty() {
        return Err("`code` is empty.".to_owned());
    }
    if code.len() > MOST_CODE || proposed.imports.iter().map(String::len).sum::<usize>() > MOST_CODE
    {
        return Err("The code is too long; propose one short test.".to_owned());
    }
    let is_odd = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if code.chars().chain(proposed.imports.iter().flat_map(|line| line.chars())).any(is_odd) {
        return Err("The code holds control characters; write them as escapes.".to_owned());
    }
    if proposed.name.trim().is_empty() {
        return Err("`name` is empty; give the test's name as the runner prints it.".to_owned());
    }
    if !super::files::is_plain(proposed.path) {
        return Err(format!("`{}` is no plain path inside the project.", proposed.path));
    }
    let of_path = Language::of_path(proposed.path);
    if !of_path.is_some_and(|of| of == language || of.is_kin(language)) {
        return Err(format!("`{}` is not a file of this language.", proposed.path));
    }
    if proposed.placement == Placement::Module && language != Language::Rust {
        return Err("The placement `module` is for Rust; use `append` or `new-file`.".to_owned());
    }
    let name = proposed.path.rsplit('/').next().unwrap_or_default();
    if name == "conftest.py" {
        return Err(
            "`conftest.py` changes other tests; put the test into a file of its own.".to_owned()
        );
    }
    let is_in_module = language == Language::Rust && proposed.placement != Placement::NewFile;
    if !is_in_module && !is_test_file(language, proposed.path) {
        return Err(format!("`{}` is no test file: {}.", proposed.path, convention(language)));
    }
    Ok(code)
}

/// Where a language's tests stand.
fn convention(language: Language) -> &'static str {
    match language {
        Language::Rust => {
            "a file of its own goes below `tests/`, and tests in a source file into its test module (`module`)"
        }
        Language::Python => "tests stand in `test_*.py`, or below `tests/`",
        Language::Go => "tests stand in `*_test.go`, beside the code",
        Language::Java => "tests stand below `src/test/`, in `*Test.java`",
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            "tests stand in `*.test.*` or `*.spec.*`, or below `test/` or `__tests__/`"
        }
        Language::Ruby => "tests stand in `*_spec.rb` below `spec/`, or `*_test.rb` below `test/`",
        Language::Php => "tests stand in `*Test.php`, below `tests/`",
        Language::C => "tests stand in `test_*.c`",
    }
}

/// Makes the new text and looks whether it is what was wanted.
fn finish(
    old: &Code<'_>,
    layout: &Layout,
    inserted: Vec<Insertion>,
    proposed: &Proposed<'_>,
) -> Result<Placed, String> {
    let (text, ranges) = text::insert(old.text, layout, inserted);
    let Some(new) = parse(old.language, &text) else {
        return Err("The file would be too long; use a new file.".to_owned());
    };
    let before = parse(old.language, old.text).map_or(0, |old| old.errors());
    if new.errors() > before {
        return Err(broken(&new, &ranges));
    }
    let code = Code::new(&new);
    let lines: Vec<Range<u32>> =
        merged(ranges.iter().map(|range| lines_of(&code, range)).collect());
    let is_new = |item: &Item| lines.iter().any(|new| holds(new, &item.lines));
    let found: Vec<Item> = items(&code).into_iter().filter(is_new).collect();
    let test = found
        .iter()
        .find(|item| is_named(&code, item, proposed.name))
        .ok_or_else(|| unnamed(&code, &found, proposed.name))?;
    let (test, containers) = (test.lines.clone(), test.containers.clone());
    rust::only_tests(&code, &lines, proposed)?;
    names::check(old, &code, &lines)?;
    drop(code);
    drop(new);
    Ok(Placed { lines, test, containers, text })
}

fn holds(outer: &Range<u32>, inner: &Range<u32>) -> bool {
    // Comments above may be another's.
    outer.start < inner.end && inner.end <= outer.end && outer.contains(&(inner.end - 1))
}

/// Ranges that touch become one.
fn merged(mut all: Vec<Range<u32>>) -> Vec<Range<u32>> {
    all.retain(|range| !range.is_empty());
    all.sort_by_key(|range| range.start);
    let mut made: Vec<Range<u32>> = Vec::new();
    for range in all {
        match made.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => made.push(range),
        }
    }
    made
}

/// The lines of inserted bytes: those that they fill.
fn lines_of(code: &Code<'_>, range: &Range<usize>) -> Range<u32> {
    let text = code.at(range.clone());
    let blank = text.len() - text.trim_start_matches(['\n', '\r']).len();
    let filled = range.start + blank..range.start + text.trim_end().len();
    if filled.is_empty() {
        return 1..1;
    }
    code.line_at(filled.start)..code.line_at(filled.end) + 1
}

fn unnamed(code: &Code<'_>, found: &[Item], name: &str) -> String {
    let own = split_name(code.language, name).0;
    let all: Vec<String> = found.iter().take(5).map(|item| format!("`{}`", item.own)).collect();
    if all.is_empty() {
        return format!(
            "The code holds no test that the runner would find; define a test named `{own}`."
        );
    }
    format!(
        "The code holds no test named `{name}`, only {}; give its name as the runner prints it.",
        all.join(", ")
    )
}

/// Says where the new text is not the language.
fn broken(new: &Parsed<'_>, ranges: &[Range<usize>]) -> String {
    let mut at = None;
    super::source::walk(new.tree.root_node(), &mut |node| {
        let is_wrong = node.is_error() || node.is_missing();
        let is_near = ranges
            .iter()
            .any(|range| node.start_byte() <= range.end && node.end_byte() >= range.start);
        if is_wrong && is_near && at.is_none() {
            at = Some(node.start_byte());
        }
        at.is_none() && node.has_error()
    });
    let line = at.and_then(|at| {
        let start =
            new.text.get(..at)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = new.text.get(start..)?.split(|byte| *byte == b'\n').next()?;
        Some(String::from_utf8_lossy(line).trim().chars().take(120).collect::<String>())
    });
    match line {
        Some(line) if !line.is_empty() => {
            format!("The code does not parse, near `{line}`; mend its syntax and send it whole.")
        }
        _ => "The code does not parse; mend its syntax and send it whole.".to_owned(),
    }
}

#[cfg(test)]
mod tests;
