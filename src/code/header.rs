//! Tells whether a line of source starts a definition, and what it names.

use bstr::ByteSlice;
use memchr::{memchr, memchr_iter, memrchr};

use super::lines::Lines;

/// How many lines a signature may take.
const SIGNATURE_LINES: usize = 24;

/// Whether a word may stand before a keyword.
fn is_modifier(word: &[u8]) -> bool {
    matches!(
        word,
        b"abstract"
            | b"actual"
            | b"async"
            | b"auto"
            | b"companion"
            | b"const"
            | b"constexpr"
            | b"consteval"
            | b"data"
            | b"declare"
            | b"default"
            | b"expect"
            | b"explicit"
            | b"export"
            | b"extern"
            | b"external"
            | b"final"
            | b"friend"
            | b"infix"
            | b"inline"
            | b"inner"
            | b"internal"
            | b"local"
            | b"open"
            | b"operator"
            | b"override"
            | b"partial"
            | b"private"
            | b"protected"
            | b"pub"
            | b"public"
            | b"sealed"
            | b"static"
            | b"suspend"
            | b"unsafe"
            | b"virtual"
            | b"typedef"
    )
}

/// Whether a word starts a definition and is followed by its name.
fn is_keyword(word: &[u8]) -> bool {
    matches!(
        word,
        b"class"
            | b"contract"
            | b"def"
            | b"defmacro"
            | b"defmodule"
            | b"defp"
            | b"defprotocol"
            | b"enum"
            | b"extension"
            | b"fn"
            | b"fun"
            | b"func"
            | b"function"
            | b"impl"
            | b"interface"
            | b"library"
            | b"macro_rules!"
            | b"message"
            | b"mod"
            | b"module"
            | b"namespace"
            | b"object"
            | b"proc"
            | b"protocol"
            | b"record"
            | b"service"
            | b"struct"
            | b"sub"
            | b"trait"
            | b"type"
            | b"union"
            | b"actor"
    )
}

/// Whether a word starts a statement that may have a parenthesis and a brace.
fn is_statement(word: &[u8]) -> bool {
    matches!(
        word,
        b"and"
            | b"assert"
            | b"await"
            | b"break"
            | b"case"
            | b"catch"
            | b"const"
            | b"continue"
            | b"debugger"
            | b"defer"
            | b"delete"
            | b"do"
            | b"elif"
            | b"else"
            | b"elseif"
            | b"elsif"
            | b"except"
            | b"finally"
            | b"for"
            | b"foreach"
            | b"function"
            | b"go"
            | b"guard"
            | b"if"
            | b"in"
            | b"let"
            | b"lock"
            | b"loop"
            | b"match"
            | b"new"
            | b"not"
            | b"or"
            | b"print"
            | b"raise"
            | b"repeat"
            | b"return"
            | b"select"
            | b"sizeof"
            | b"switch"
            | b"synchronized"
            | b"throw"
            | b"try"
            | b"typeof"
            | b"unless"
            | b"until"
            | b"using"
            | b"var"
            | b"while"
    )
}

/// Whether a word is a function of test frameworks whose call with a block is
/// worth naming.
fn is_test_block(word: &[u8]) -> bool {
    matches!(
        word,
        b"after"
            | b"afterEach"
            | b"before"
            | b"beforeEach"
            | b"context"
            | b"describe"
            | b"feature"
            | b"it"
            | b"scenario"
            | b"test"
    )
}

/// A line that starts a definition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub name: String,
    /// Whether its block may begin on a later line, or never.
    pub pending: bool,
    /// Whether the whole definition is this line.
    pub single: bool,
}

/// How a file shows where a block ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// By braces.
    Braces,
    /// By indentation, or by words (`end`) at the same indentation.
    Indents,
}

/// Reads the line at `at`, without its indentation.
pub(super) fn header(lines: &Lines<'_>, at: usize, style: Style) -> Option<Header> {
    let line = code(lines.get(at)?.trim_ascii());
    let first = *line.first()?;
    if !(first.is_ascii_alphabetic()
        || matches!(first, b'_' | b'$' | b'~' | b'"' | b'\'' | b'[' | b'-' | b'*' | b'#'))
    {
        return None;
    }
    keyword(line, style)
        .or_else(|| match style {
            Style::Braces => named_function(line).or_else(|| function(lines, at, line)),
            Style::Indents => key(line),
        })
        .or_else(|| test_block(line))
}

/// A line without a comment at its end.
pub(super) fn code(line: &[u8]) -> &[u8] {
    let comment = memchr_iter(b'/', line)
        .find(|at| *at > 0 && line[at - 1] == b' ' && line.get(at + 1) == Some(&b'/'));
    comment.map_or(line, |at| &line[..at]).trim_ascii_end()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// The word at the start, with what is behind it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let len = text.iter().take_while(|byte| is_word(**byte)).count();
    text.split_at(len)
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|other| other.as_bytes() == word)
}

fn braces(line: &[u8]) -> (usize, usize) {
    let count = |brace: u8| line.iter().filter(|byte| **byte == brace).count();
    (count(b'{'), count(b'}'))
}

/// `pub(crate) async fn name`, `export default class Name`, `func (r *T) Name`.
fn keyword(line: &[u8], style: Style) -> Option<Header> {
    let mut rest = line;
    let keyword = loop {
        let (first, behind) = word(rest);
        let first = match behind.first() {
            Some(b'!') if first == b"macro_rules" => &rest[..first.len() + 1],
            _ => first,
        };
        if first.is_empty() {
            return None;
        }
        rest = &rest[first.len()..];
        if is_keyword(first) {
            break first;
        }
        if !is_modifier(first) {
            return None;
        }
        // `pub(crate)`, `extern "C"`.
        if rest.first() == Some(&b'(') {
            rest = &rest[memchr(b')', rest)? + 1..];
        }
        rest = rest.trim_ascii_start();
        if rest.first() == Some(&b'"') {
            rest = &rest[memchr(b'"', &rest[1..])? + 2..];
        }
        rest = rest.trim_ascii_start();
    };
    let name = keyword_name(keyword, rest)?;
    if style == Style::Indents {
        return Some(Header { name, pending: false, single: false });
    }
    let (opens, closes) = braces(line);
    let data = is_one_of(keyword, &["struct", "enum", "union", "class"]);
    if data && keyword != b"class" && line.contains(&b'(') {
        return None; // a function that gives one
    }
    if data && memchr(b'=', line).is_some_and(|at| memchr(b'{', line).is_none_or(|b| at < b)) {
        return None; // a variable of that type
    }
    let single = opens == closes && (opens > 0 || line.ends_with(b";"));
    Some(Header { name, pending: opens <= closes && !single, single })
}

/// The name behind a keyword; for `impl`, all of its head.
fn keyword_name(keyword: &[u8], rest: &[u8]) -> Option<String> {
    let mut rest = rest;
    match rest.first() {
        Some(b' ' | b'\t') => rest = rest.trim_ascii_start(),
        Some(b'<') if keyword == b"impl" => {}
        Some(b'*') if keyword == b"function" => rest = rest[1..].trim_ascii_start(),
        _ => return None,
    }
    if keyword == b"impl" || keyword == b"extension" {
        let end = memchr(b'{', rest).unwrap_or(rest.len());
        let head = rest[..end].trim_ascii();
        let head = match memchr::memmem::find(head, b" where ") {
            Some(at) => &head[..at],
            None => head,
        };
        return (!head.is_empty()).then(|| head.to_str_lossy().into_owned());
    }
    // A Go receiver, `self.` of Ruby, a pointer or a receiver type.
    if keyword == b"func" && rest.first() == Some(&b'(') {
        rest = rest[memchr(b')', rest)? + 1..].trim_ascii_start();
    }
    if keyword == b"function" || keyword == b"func" || keyword == b"fun" {
        rest = rest.strip_prefix(b"*").unwrap_or(rest).trim_ascii_start();
    }
    let len = rest
        .iter()
        .take_while(|byte| is_word(**byte) || matches!(byte, b'.' | b':' | b'?' | b'!'))
        .count();
    let name = rest[..len].trim_end_with(|c| matches!(c, ':' | '.' | '?' | '!'));
    if name.is_empty() || name[0].is_ascii_digit() {
        return None;
    }
    let behind = rest[name.len()..].trim_ascii_start();
    // `type = 3`, `message is`: a plain word, not a keyword.
    let soft = [
        "type",
        "message",
        "service",
        "object",
        "record",
        "module",
        "library",
        "contract",
        "union",
        "actor",
        "sub",
        "proc",
        "protocol",
        "extension",
    ];
    if is_one_of(keyword, &soft) {
        let follows = match behind.first() {
            None => true,
            Some(b'{' | b'(' | b'<' | b':' | b';') => true,
            Some(b'=') => keyword == b"type",
            Some(_) => {
                let (next, _) = word(behind);
                keyword == b"type" || is_one_of(next, &["extends", "implements", "is", "with"])
            }
        };
        if !follows {
            return None;
        }
    }
    Some(name.to_str_lossy().into_owned())
}

/// `const name = (a) => {`, `name: function () {`, `exports.name = async x => {`.
fn named_function(line: &[u8]) -> Option<Header> {
    let body = line.strip_suffix(b"{")?.trim_ascii_end();
    let arrow = body.ends_with(b"=>");
    let function = body.ends_with(b")")
        && (memchr::memmem::find(body, b"function").is_some()
            || memchr::memmem::find(body, b"func(").is_some());
    if !arrow && !function {
        return None;
    }
    let at = line.iter().position(|byte| matches!(byte, b'=' | b':' | b'(' | b'>' | b'{'))?;
    if !matches!(line[at], b'=' | b':') || line.get(at + 1) == Some(&b'>') {
        return None;
    }
    let before = line[..at].trim_ascii_end().trim_end_with(|c| c == ':');
    let name = &before[memrchr(b' ', before).map_or(0, |at| at + 1)..];
    let name = name.trim_with(|c| matches!(c, '"' | '\''));
    let named = !name.is_empty() && name.iter().all(|byte| is_word(*byte) || *byte == b'.');
    let statement = is_one_of(word(line).0, &["return", "case", "if", "for", "while", "await"]);
    (named && !statement).then(|| Header {
        name: name.to_str_lossy().into_owned(),
        pending: false,
        single: false,
    })
}

/// `int name(int a) {`, `name(a) {`, `Type Class::name(` … `)` and then a block.
fn function(lines: &Lines<'_>, at: usize, line: &[u8]) -> Option<Header> {
    let open = memchr(b'(', line)?;
    let before = line[..open].trim_ascii_end();
    let plain = |byte: &u8| is_word(*byte) || b" \t*&<>,:[]~.?@-".contains(byte);
    let (first, behind_first) = word(line);
    if before.is_empty()
        || !before.iter().all(plain)
        || is_statement(first)
        || first == b"default"
        || behind_first.starts_with(b".")
        || line.ends_with(b";")
    {
        return None;
    }
    let start = before.iter().rposition(|b| !(is_word(*b) || matches!(b, b':' | b'~')));
    let name = before[start.map_or(0, |at| at + 1)..].trim_with(|c| c == ':');
    if name.is_empty() || name[0].is_ascii_digit() || is_statement(name) {
        return None;
    }
    // Where the parentheses close, a block has to follow.
    let mut depth = 0i32;
    for (step, later) in lines.from(at).take(SIGNATURE_LINES).enumerate() {
        let later = code(later.trim_ascii());
        let mut closed_at = None;
        for (column, byte) in later.iter().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        closed_at = Some(column);
                    }
                }
                b'{' if depth > 0 => return None,
                b';' => return None,
                b'{' => break,
                _ => {}
            }
        }
        if depth < 0 {
            return None;
        }
        let Some(closed_at) = closed_at.filter(|_| depth == 0) else {
            if depth == 0 && step > 0 {
                return None;
            }
            continue;
        };
        let tail = later[closed_at + 1..].trim_ascii();
        if tail.contains(&b'{') {
            let (opens, closes) = braces(tail);
            // Between the parenthesis and the block: types and words, no operators.
            let between = &tail[..memchr(b'{', tail).unwrap_or(0)];
            if between.iter().any(|byte| matches!(byte, b'=' | b'+' | b'|' | b'!' | b'"')) {
                return None;
            }
            return Some(Header {
                name: name.to_str_lossy().into_owned(),
                pending: false,
                single: step == 0 && opens == closes,
            });
        }
        let mut next = lines.from(at + step + 1).map(<[u8]>::trim_ascii);
        let next = next.find(|line| !line.is_empty()).unwrap_or_default();
        let opens = next.first() == Some(&b'{')
            || ((next.starts_with(b": ") || next.starts_with(b"throws ")) && !tail.ends_with(b","));
        let typed = tail.is_empty() || tail.iter().all(|b| plain(b) || *b == b'>');
        return (opens && typed).then(|| Header {
            name: name.to_str_lossy().into_owned(),
            pending: true,
            single: false,
        });
    }
    None
}

/// A key that has a block below it: `jobs:`, `"on":`, `- name:`.
fn key(line: &[u8]) -> Option<Header> {
    let comment = memchr_iter(b'#', line).find(|at| *at > 0 && line[at - 1] == b' ');
    let line = comment.map_or(line, |at| line[..at].trim_ascii_end());
    let key = line.strip_suffix(b":")?;
    let key = key.strip_prefix(b"- ").unwrap_or(key).trim_ascii();
    let key = key.trim_with(|c| matches!(c, '"' | '\''));
    let plain = |byte: &u8| is_word(*byte) || b"-./".contains(byte);
    let control = ["else", "try", "finally", "except", "do", "then", "default", "lambda"];
    if key.is_empty() || !key.iter().all(plain) || is_one_of(key, &control) {
        return None;
    }
    Some(Header { name: key.to_str_lossy().into_owned(), pending: false, single: false })
}

/// `describe("title", () => {`, `it 'does' do`.
fn test_block(line: &[u8]) -> Option<Header> {
    let (first, rest) = word(line);
    if !is_test_block(first) || !(line.ends_with(b"{") || line.ends_with(b" do")) {
        return None;
    }
    let title = rest.iter().position(|byte| b"\"'`".contains(byte)).and_then(|start| {
        let end = memchr(rest[start], &rest[start + 1..])?;
        Some(&rest[start + 1..start + 1 + end])
    });
    Some(Header {
        name: title.unwrap_or(first).to_str_lossy().into_owned(),
        pending: false,
        single: false,
    })
}
