//! Values as YAML text: block style at an indentation, flow style on one line.
//!
//! A text is quoted exactly where it would otherwise read as something else, under
//! YAML 1.1 (type repository at yaml.org/type) as well as 1.2 (section 10.3.2): the
//! services' own readers differ.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use crate::pipeline::yaml::value::Value;

/// How a file lays out its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Columns from a mapping's key to the keys below it; at least 1.
    pub step: usize,
    /// Columns from a key to the dashes below it; 0 where dashes stand at the key's
    /// column.
    pub dash: usize,
    /// Columns from a dash to what stands behind it; at least 2.
    pub gap: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Layout { step: 2, dash: 2, gap: 2 }
    }
}

/// A value as it is written behind a key or a dash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// What stands on the line of the key or dash; empty where nothing does.
    pub head: String,
    /// The lines below, indented, without line ends.
    pub tail: Vec<String>,
}

/// Behind what a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// A key at this column.
    Key(usize),
    /// A dash at this column.
    Dash(usize),
}

/// Items that a sequence on one line may have, and its width.
const SHORT: (usize, usize) = (6, 60);

/// The lines of an entry at this column.
pub fn entry(key: &str, value: &Value, column: usize, layout: Layout) -> Vec<String> {
    let rendered = block(value, Behind::Key(column), layout, false);
    let pad = " ".repeat(column);
    let space = if rendered.head.is_empty() { "" } else { " " };
    let mut lines = vec![format!("{pad}{}:{space}{}", self::key(key), rendered.head)];
    lines.extend(rendered.tail);
    lines
}

/// The lines of an item whose dash stands at this column.
pub fn item(value: &Value, column: usize, layout: Layout) -> Vec<String> {
    let rendered = block(value, Behind::Dash(column), layout, false);
    let pad = " ".repeat(column);
    let gap = if rendered.head.is_empty() { String::new() } else { " ".repeat(layout.gap - 1) };
    let mut lines = vec![format!("{pad}-{gap}{}", rendered.head)];
    lines.extend(rendered.tail);
    lines
}

/// A value behind a key or a dash. Short sequences of short scalars stand in
/// brackets, unless they are `spread`.
pub fn block(value: &Value, behind: Behind, layout: Layout, spread: bool) -> Rendered {
    let (column, inner) = match behind {
        Behind::Key(column) => (column, column + layout.step),
        Behind::Dash(column) => (column, column + layout.gap),
    };
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            let mut lines = Vec::new();
            for (key, value) in entries {
                lines.extend(entry(key, value, inner, layout));
            }
            placed(lines, behind, inner)
        }
        Value::Seq(items) if !items.is_empty() && (spread || !is_short(items)) => {
            let inner = match behind {
                Behind::Key(_) => column + layout.dash,
                Behind::Dash(_) => inner,
            };
            let mut lines = Vec::new();
            for value in items {
                lines.extend(item(value, inner, layout));
            }
            placed(lines, behind, inner)
        }
        Value::Null => match behind {
            Behind::Key(_) => Rendered::default(),
            Behind::Dash(_) => Rendered { head: "null".to_owned(), tail: Vec::new() },
        },
        Value::Text(text) => {
            match literal(text) {
                Some((header, lines)) => {
                    let pad = " ".repeat(column + layout.step.max(1));
                    let lines = lines.map(|line| {
                        if line.is_empty() { String::new() } else { format!("{pad}{line}") }
                    });
                    Rendered { head: header.to_owned(), tail: lines.collect() }
                }
                None => Rendered { head: scalar(text, false), tail: Vec::new() },
            }
        }
        other => Rendered { head: flow(other), tail: Vec::new() },
    }
}

/// Lines of a collection, the first one behind a dash.
fn placed(mut lines: Vec<String>, behind: Behind, column: usize) -> Rendered {
    match behind {
        Behind::Key(_) => Rendered { head: String::new(), tail: lines },
        Behind::Dash(_) => {
            let first = lines.remove(0);
            Rendered { head: first.get(column..).unwrap_or_default().to_owned(), tail: lines }
        }
    }
}

fn is_short(items: &[Value]) -> bool {
    let scalars = items.iter().all(|item| match item {
        Value::Text(text) => !text.contains('\n'),
        Value::Seq(_) | Value::Map(_) => false,
        _ => true,
    });
    scalars
        && items.len() <= SHORT.0
        && items.iter().map(|item| flow(item).len() + 2).sum::<usize>() <= SHORT.1
}

/// A literal block scalar's header and lines, where a text of several lines can
/// stand so without an indentation indicator.
fn literal(text: &str) -> Option<(&'static str, std::str::Lines<'_>)> {
    let body = text.trim_end_matches('\n');
    let header = match text.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => return None,
    };
    let several = body.contains('\n') || (header == "|" && !body.is_empty());
    let fits = !body.starts_with([' ', '\t', '\n'])
        && body.chars().all(|c| c == '\n' || is_printable(c))
        && body.split('\n').all(|line| line.is_empty() || !line.trim().is_empty());
    (several && fits).then(|| (header, body.lines()))
}

/// Whether a character may stand in a scalar that has no escapes.
fn is_printable(c: char) -> bool {
    c == '\t'
        || (!c.is_control()
            && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

/// A value on one line.
pub fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(text) => text.clone(),
        Value::Text(text) => scalar(text, true),
        Value::Seq(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| flow_entry(key, value));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// An entry between braces.
pub fn flow_entry(key: &str, value: &Value) -> String {
    let key = if is_plain(key, true) || key == "on" { key.to_owned() } else { scalar(key, true) };
    format!("{key}: {}", flow(value))
}

/// A mapping's key. `on` stays as GitHub writes it.
pub fn key(text: &str) -> String {
    if text == "on" { text.to_owned() } else { scalar(text, false) }
}

/// A text on one line, quoted where needed; in brackets or braces, more is.
pub fn scalar(text: &str, in_flow: bool) -> String {
    if is_plain(text, in_flow) {
        text.to_owned()
    } else {
        single(text).unwrap_or_else(|| double(text))
    }
}

/// In single quotes, where that can be.
pub fn single(text: &str) -> Option<String> {
    text.chars().all(is_printable).then(|| format!("'{}'", text.replace('\'', "''")))
}

/// In double quotes.
pub fn double(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

/// What stands between double quotes for a text.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = if code <= 0xff {
                    write!(out, "\\x{code:02x}")
                } else if code <= 0xffff {
                    write!(out, "\\u{code:04x}")
                } else {
                    write!(out, "\\U{code:08x}")
                };
            }
        }
    }
    out
}

/// Words and numbers of YAML 1.1 and 1.2 that are no text without quotes.
static TYPED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|y|Y|n|N|=|<<",
        r"|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF",
        r"|[-+]?0b[01_]+|[-+]?0o[0-7_]+|[-+]?0x[0-9a-fA-F_]+",
        r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?",
        r"|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?",
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?)$",
    ))
    .ok()
});

/// Whether a text can stand without quotes and reads as itself.
pub fn is_plain(text: &str, in_flow: bool) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let mut rest = text.chars();
    rest.next();
    let second = rest.next();
    let leading = match first {
        '-' | '?' | ':' => {
            !in_flow && first == '-' && second.is_some_and(|c| c != ' ') && !text.starts_with("---")
        }
        '.' => !text.starts_with("..."),
        c => !matches!(
            c,
            ',' | '['
                | ']'
                | '{'
                | '}'
                | '#'
                | '&'
                | '*'
                | '!'
                | '|'
                | '>'
                | '\''
                | '"'
                | '%'
                | '@'
                | '`'
        ),
    };
    leading
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(|c| c != '\t' && is_printable(c))
        && !(in_flow && text.contains([',', '[', ']', '{', '}', ':']))
        && !TYPED.as_ref().is_none_or(|typed| typed.is_match(text))
        && matches!(Value::from_plain_scalar(text), Value::Text(_))
}
