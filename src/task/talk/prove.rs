//! The model's answer, and what of it holds: a quoted line has to stand where it
//! is said to stand, a reference has to lead to a line that is there. Pure.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use bytes::Bytes;
use regex::{Captures, Regex};
use serde_json::{Value, json};

use crate::diff::Change;
use crate::finding::Side;
use crate::model::Tool;

/// The name of the answer tool.
pub const ANSWER: &str = "answer";

/// Most quotes that are looked up.
const MOST_QUOTES: usize = 20;
/// Longest answer that is kept, in bytes.
const LONGEST: usize = 32_000;

/// An answer, read but not proven.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawAnswer {
    /// Markdown.
    pub text: String,
    /// What it rests on.
    pub quotes: Vec<RawQuote>,
}

/// A line as the model quotes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawQuote {
    /// The file.
    pub path: String,
    /// Its number: a hint.
    pub line: u32,
    /// Its text.
    pub quote: String,
}

/// A line that stands where it is said to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// The file.
    pub path: String,
    /// Which version the line counts in.
    pub side: Side,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// The first line's text.
    pub text: String,
}

/// What holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proven {
    /// Markdown, with references that lead nowhere marked.
    pub text: String,
    /// Quotes that stand, each once.
    pub quotes: Vec<Quoted>,
    /// How many quotes do not.
    pub dropped: usize,
    /// How many references were marked.
    pub marked: usize,
}

/// The answer tool.
pub fn tool() -> Tool {
    let text = |description: &str| json!({"type": "string", "description": description});
    Tool {
        name: ANSWER.to_owned(),
        description: "Answer the question. Call it exactly once, when you are done.".to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "text": text("The answer, in Markdown without headings."),
                "quotes": {
                    "type": "array",
                    "description": "The lines of code that the answer rests on; none if it rests on none.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "path": text("The file, from the repository root."),
                            "line": {"type": "integer", "description": "The line's number as it was shown."},
                            "quote": text("The line's text, copied character by character, without number and sign."),
                        },
                        "required": ["path", "line", "quote"],
                        "additionalProperties": false,
                    },
                },
            },
            "required": ["text", "quotes"],
            "additionalProperties": false,
        }),
    }
}

/// Read an answer; a quote that cannot be read is passed over.
///
/// # Errors
/// There is no text: in words that tell a model what to mend.
pub fn parse(value: &Value) -> Result<RawAnswer, String> {
    let text = value.get("text").and_then(Value::as_str).unwrap_or_default().trim();
    if text.is_empty() {
        return Err("`text` is missing or empty".to_owned());
    }
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let quotes = value.get("quotes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let quotes = quotes.iter().filter_map(|quote| {
        Some(RawQuote {
            path: plain_path(quote.get("path")?.as_str()?),
            line: quote.get("line").and_then(number).unwrap_or(0),
            quote: quote.get("quote")?.as_str()?.to_owned(),
        })
    });
    Ok(RawAnswer { text: text[..end].to_owned(), quotes: quotes.take(MOST_QUOTES).collect() })
}

fn number(value: &Value) -> Option<u32> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    u32::try_from(number).ok()
}

fn plain_path(path: &str) -> String {
    path.trim().trim_start_matches("./").trim_start_matches('/').to_owned()
}

/// `` `path:12` `` or `` `path:12-18` ``.
static REFERENCE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"`([^`\s:]+):(\d{1,7})(?:[-–](\d{1,7}))?`").ok());

/// Every file that has to be looked at to prove the answer.
pub fn paths(answer: &RawAnswer) -> BTreeSet<String> {
    let mut paths: BTreeSet<String> = answer.quotes.iter().map(|q| q.path.clone()).collect();
    if let Some(reference) = &*REFERENCE {
        paths.extend(reference.captures_iter(&answer.text).map(|found| plain_path(&found[1])));
    }
    paths
}

/// Hold the answer against the change and against files of the head, which are
/// known as far as they could be had.
pub fn prove(
    answer: &RawAnswer,
    change: &Change,
    heads: &HashMap<String, Option<Bytes>>,
) -> Proven {
    let head = |path: &str| heads.get(path).and_then(Option::as_ref);
    let mut proven = Proven::default();
    for quote in &answer.quotes {
        let found = head(&quote.path)
            .and_then(|content| in_content(quote, content))
            .or_else(|| in_diff(quote, change));
        match found {
            Some(found) if proven.quotes.contains(&found) => {}
            Some(found) => proven.quotes.push(found),
            None => proven.dropped += 1,
        }
    }
    let mut marked = 0;
    let mut mark = |found: &Captures<'_>| {
        let path = plain_path(&found[1]);
        let last = found.get(3).or(found.get(2)).and_then(|n| n.as_str().parse().ok());
        let stands = last.is_some_and(|last: u32| {
            let lines = head(&path).map_or(0, |content| lines_of(content).count());
            (last >= 1 && last as usize <= lines) || shows_line(change, &path, last)
        });
        if stands || !looks_like_path(&path) {
            return found[0].to_owned();
        }
        marked += 1;
        format!("{} _(not found)_", &found[0])
    };
    proven.text = match &*REFERENCE {
        Some(reference) => reference.replace_all(&answer.text, &mut mark).into_owned(),
        None => answer.text.clone(),
    };
    proven.marked = marked;
    proven
}

/// `localhost:8080` is none.
fn looks_like_path(path: &str) -> bool {
    path.contains('/')
        || path
            .rsplit('.')
            .next()
            .is_some_and(|end| end.len() < path.len() && !end.bytes().all(|b| b.is_ascii_digit()))
}

fn lines_of(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = content.strip_suffix(b"\n").unwrap_or(content);
    body.split(|&byte| byte == b'\n')
}

/// The quote in the file as the change leaves it: of several places, the one
/// nearest to the claimed number.
fn in_content(quote: &RawQuote, content: &[u8]) -> Option<Quoted> {
    let wanted = wanted(&quote.quote)?;
    let lines: Vec<&[u8]> = lines_of(content).map(<[u8]>::trim_ascii).collect();
    let at = lines
        .windows(wanted.len())
        .enumerate()
        .filter(|(_, window)| {
            window.iter().zip(&wanted).all(|(have, want)| *have == want.as_bytes())
        })
        .map(|(at, _)| at)
        .min_by_key(|&at| (at as u64 + 1).abs_diff(u64::from(quote.line)))?;
    let line = u32::try_from(at + 1).ok()?;
    Some(Quoted {
        path: quote.path.clone(),
        side: Side::New,
        line,
        end_line: line + u32::try_from(wanted.len() - 1).ok()?,
        text: wanted[0].clone(),
    })
}

/// The quote in the file's diff, removed lines too.
fn in_diff(quote: &RawQuote, change: &Change) -> Option<Quoted> {
    let wanted = wanted(&quote.quote)?;
    let file = change.file(&quote.path)?;
    [Side::New, Side::Old].into_iter().find_map(|side| {
        let lines: Vec<_> = file.lines().filter(|line| line.side() == side).collect();
        lines
            .windows(wanted.len())
            .filter(|window| {
                window.iter().zip(&wanted).all(|(have, want)| {
                    have.text.trim_ascii() == want.as_bytes() && have.hunk == window[0].hunk
                })
            })
            .min_by_key(|window| window[0].number().abs_diff(quote.line))
            .map(|window| Quoted {
                path: quote.path.clone(),
                side,
                line: window[0].number(),
                end_line: window[window.len() - 1].number(),
                text: wanted[0].clone(),
            })
    })
}

/// The quote's lines, trimmed; `None` if they say too little to tell a place.
fn wanted(quote: &str) -> Option<Vec<String>> {
    let lines: Vec<String> = quote.trim().lines().map(|line| line.trim().to_owned()).collect();
    let telling = lines.first().is_some_and(|line| line.chars().any(char::is_alphanumeric));
    telling.then_some(lines)
}

fn shows_line(change: &Change, path: &str, line: u32) -> bool {
    change.file(path).is_some_and(|file| {
        file.lines().any(|shown| shown.new == Some(line) || shown.old == Some(line))
    })
}
