//! Indentation, line ends, and putting text into text.

use std::ops::Range;

use bstr::ByteSlice as _;

use super::Spot;
use crate::code::language::Language;
use crate::code::parse::parse;
use crate::code::test_code::source::{Code, is_string, walk};

/// Text that is put in at a place of the old text, with line feeds.
pub(super) struct Insertion {
    pub at: usize,
    pub text: String,
}

/// How a file is laid out.
pub(super) struct Layout {
    /// Lines end in `\r\n`.
    pub is_crlf: bool,
    /// One step of indentation, if the file has any.
    pub unit: Option<String>,
}

impl Layout {
    pub fn of(text: &[u8]) -> Self {
        let feeds = memchr::memchr_iter(b'\n', text).count();
        let returns = text.find_iter(b"\r\n").count();
        Layout { is_crlf: returns * 2 > feeds, unit: unit(text) }
    }
}

/// One step of indentation: a tab, or the usual difference of indented lines.
pub(super) fn unit(text: &[u8]) -> Option<String> {
    let (mut tabs, mut steps, mut last) = (0usize, [0usize; 9], 0usize);
    for line in text.lines() {
        let rest = line.trim_start_with(|c| c == ' ' || c == '\t');
        if rest.is_empty() || rest.starts_with(b"*") {
            continue;
        }
        let lead = &line[..line.len() - rest.len()];
        if lead.starts_with(b"\t") {
            tabs += 1;
        }
        let width = lead.len();
        if !lead.contains(&b'\t') && width > last && width - last <= 8 {
            steps[width - last] += 1;
        }
        last = width;
    }
    let best = (1..9).filter(|step| *step > 1).max_by_key(|step| (steps[*step], *step))?;
    if tabs > steps.iter().sum::<usize>() {
        return Some("\t".to_owned());
    }
    (steps[best] > 0).then(|| " ".repeat(best))
}

/// The usual indentation of a language.
fn usual(language: Language) -> &'static str {
    match language {
        Language::Go => "\t",
        Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Ruby => "  ",
        _ => "    ",
    }
}

/// Code without the indentation that all of its lines have, and without empty
/// lines around it. Lines inside of texts stay as they are.
pub(super) fn dedented(language: Language, code: &str) -> String {
    let code = code.trim_end();
    let first = code.find(|c: char| !c.is_whitespace()).unwrap_or(0);
    let start = code[..first].rfind('\n').map_or(0, |at| at + 1);
    let code = &code[start..];
    let lead = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let inside = inside_texts(language, code);
    let shared = code
        .lines()
        .enumerate()
        .filter(|(at, line)| !line.trim().is_empty() && !inside.contains(at))
        .map(|(_, line)| lead(line))
        .min()
        .unwrap_or(0);
    let lines = code.lines().enumerate().map(|(at, line)| {
        if inside.contains(&at) {
            return line;
        }
        line.get(shared.min(lead(line))..).unwrap_or(line).trim_end()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines, from 0, that begin inside of a text.
fn inside_texts(language: Language, code: &str) -> Vec<usize> {
    let mut found = Vec::new();
    // PHP begins where a mark says so.
    let marked = format!("<?php {code}");
    let source = if language == Language::Php { &marked } else { code };
    let Some(parsed) = parse(language, source.as_bytes()) else { return found };
    walk(parsed.tree.root_node(), &mut |node| {
        let rows = node.start_position().row..node.end_position().row;
        if is_string(node) && !rows.is_empty() {
            found.extend(rows.map(|row| row + 1));
            return false;
        }
        true
    });
    found
}

/// Code as it is put at a spot: indented as the file is, with the lines around it.
pub(super) fn block(
    language: Language,
    layout: &Layout,
    old: &Code<'_>,
    code: &str,
    spot: &Spot,
) -> String {
    let own = unit(code.as_bytes());
    let theirs = layout.unit.clone().unwrap_or_else(|| match &own {
        Some(own) if language != Language::Go => own.clone(),
        _ => usual(language).to_owned(),
    });
    let inside = inside_texts(language, code);
    let mut made = String::new();
    // A text that does not end its last line gets an end.
    let before = old.text.get(..spot.at).unwrap_or_default();
    if !before.is_empty() && !before.ends_with(b"\n") {
        made.push('\n');
    }
    let free = before
        .rsplit(|byte| *byte == b'\n')
        .skip(1)
        .take_while(|line| line.trim_ascii().is_empty())
        .count();
    let is_first = before.trim_ascii().is_empty() || before == b"\xef\xbb\xbf";
    let opens = matches!(before.trim_ascii_end().last(), Some(b'{' | b'('));
    if !(is_first || opens && spot.before.is_empty()) {
        made.push_str(&"\n".repeat(spot.gap.saturating_sub(free)));
    }
    made.push_str(&spot.before);
    for (at, line) in code.lines().enumerate() {
        if inside.contains(&at) {
            made.push_str(line);
        } else if !line.is_empty() {
            made.push_str(&spot.indent);
            made.push_str(&reindented(line, own.as_deref(), &theirs));
        }
        made.push('\n');
    }
    made.push_str(&spot.behind);
    made
}

/// A line with its steps of indentation as the file has them.
fn reindented(line: &str, own: Option<&str>, theirs: &str) -> String {
    let rest = line.trim_start_matches([' ', '\t']);
    let lead = &line[..line.len() - rest.len()];
    let Some(own) = own.filter(|own| *own != theirs && !lead.is_empty()) else {
        return line.to_owned();
    };
    let (mut steps, mut left) = (0, lead);
    while let Some(behind) = left.strip_prefix(own) {
        steps += 1;
        left = behind;
    }
    format!("{}{left}{rest}", theirs.repeat(steps))
}

/// The text with the insertions in it, and where they then stand.
pub(super) fn insert(
    old: &[u8],
    layout: &Layout,
    mut inserted: Vec<Insertion>,
) -> (Vec<u8>, Vec<Range<usize>>) {
    // What goes to one place stays in the order given.
    inserted.sort_by_key(|one| one.at);
    let mut text = Vec::with_capacity(old.len() + 1_024);
    let mut ranges = Vec::new();
    let mut done = 0;
    for one in inserted {
        let at = one.at.min(old.len());
        text.extend_from_slice(old.get(done..at).unwrap_or_default());
        done = at;
        let start = text.len();
        let new = if layout.is_crlf { one.text.replace('\n', "\r\n") } else { one.text };
        text.extend_from_slice(new.as_bytes());
        ranges.push(start..text.len());
    }
    text.extend_from_slice(old.get(done..).unwrap_or_default());
    (text, ranges)
}

/// The end of the line that holds a byte, behind its line feed.
pub(super) fn line_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.find_byte(b'\n').map_or(text.len(), |feed| at + feed + 1)
}

/// The start of the line that holds a byte.
pub(super) fn line_start(text: &[u8], at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind_byte(b'\n').map_or(0, |feed| feed + 1)
}

/// The blanks before a line's first word.
pub(super) fn indent_at(text: &[u8], at: usize) -> String {
    let line = text.get(line_start(text, at)..).unwrap_or_default();
    let end = line.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    line[..end].to_str_lossy().into_owned()
}
