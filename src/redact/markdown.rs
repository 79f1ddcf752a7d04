//! One pass that takes the teeth out of Markdown.
//!
//! What this pass takes for code, a forge must take for code as well, or what
//! hides in it comes alive. So everything ambiguous is either written anew in
//! one form that all parsers read alike (fences at column 0, code spans within
//! a line) or escaped (backticks without a partner, fences inside list items).
//! The other way round, code taken for text, costs looks only.

use std::sync::LazyLock;

use regex::Regex;

use super::ForgeHost;

/// Deeper nested links are shown as the characters they are.
const MAX_DEPTH: usize = 4;

/// One pass; [`super::Scrubber::sanitize_markdown`] repeats it until nothing changes.
pub(super) fn neutralise(text: &str, host: &ForgeHost) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    // In a table, a pipe ends the cell even inside a code span.
    let tables = lines.iter().any(|line| may_delimit_table(line));
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut at = 0;
    while at < lines.len() {
        if at > 0 {
            out.push('\n');
        }
        if let Some(fence) = Fence::open(lines[at]) {
            at = fence.rewrite(&lines, at, &mut out);
        } else {
            text_line(lines[at], &Inline { host, tables }, &mut out);
            at += 1;
        }
    }
    out
}

/// Whether a line could be the row of dashes below a table's head.
fn may_delimit_table(line: &str) -> bool {
    line.contains('-') && line.bytes().all(|b| b" \t|:->*+.)0123456789".contains(&b))
}

/// The line that opens a block of code.
struct Fence<'a> {
    mark: u8,
    run: usize,
    indent: usize,
    language: &'a str,
}

impl<'a> Fence<'a> {
    fn open(line: &'a str) -> Option<Self> {
        let body = line.trim_start_matches([' ', '\t']);
        let mark = *body.as_bytes().first().filter(|b| matches!(b, b'`' | b'~'))?;
        let run = run_length(body.as_bytes(), 0);
        let info = &body[run..];
        if run < 3 || (mark == b'`' && info.contains('`')) {
            return None;
        }
        let language = info.split_whitespace().next().unwrap_or("");
        let acted_on = ["suggestion", "mermaid", "math", "geojson", "topojson", "stl"];
        let plain = language.len() <= 20
            && language.bytes().all(|b| b.is_ascii_alphanumeric() || b"+#._-".contains(&b))
            && !acted_on.iter().any(|word| language.to_ascii_lowercase().starts_with(word));
        let language = if plain { language } else { "" };
        Some(Fence { mark, run, indent: line.len() - body.len(), language })
    }

    fn closes(&self, line: &str) -> bool {
        let body = line.trim();
        body.len() >= self.run && body.bytes().all(|b| b == self.mark)
    }

    /// Writes the block at column 0, closed; returns the line behind it.
    fn rewrite(&self, lines: &[&str], start: usize, out: &mut String) -> usize {
        let inside = &lines[start + 1..];
        let closed = inside.iter().position(|line| self.closes(line));
        let mut content = &inside[..closed.unwrap_or(inside.len())];
        if closed.is_none() && content.last().is_some_and(|line| line.is_empty()) {
            content = &content[..content.len() - 1];
        }
        let longest = content.iter().map(|line| longest_run(line)).max().unwrap_or(0);
        let fence = "`".repeat((longest + 1).max(3));
        *out += &fence;
        *out += self.language;
        for line in content {
            let margin = line.bytes().take(self.indent).take_while(|&b| b == b' ' || b == b'\t');
            let line = &line[margin.count()..];
            out.push('\n');
            if COMMAND_LINE.is_match(line) {
                out.push(' ');
            }
            *out += line;
        }
        out.push('\n');
        *out += &fence;
        closed.map_or(lines.len(), |at| start + at + 2)
    }
}

fn run_length(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().take_while(|&&b| b == bytes[at]).count()
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A line that bots which read raw text take for an order.
pub(super) static COMMAND_LINE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^/[A-Za-z][A-Za-z-]*(?:\s|$)").expect("constant"));

fn text_line(line: &str, inline: &Inline<'_>, out: &mut String) {
    let body = line.trim_start_matches([' ', '\t']);
    *out += &line[..line.len() - body.len()];
    match body.strip_prefix('/') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            *out += "\\/";
            inline.write(rest, 0, out);
        }
        _ => inline.write(body, 0, out),
    }
}

/// Things that a forge links by itself, at the start of a word.
static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        r"(?<url>(?:[\w.+%-]*://|[\w.+%-]*?(?i:www)\.|[\w.+%-]*?(?i:mailto|xmpp):)[^\s<>`|]*)",
        r"(?<name>[\w.+%/-]*@[A-Za-z0-9][\w./-]*)",
        r"(?<reference>[\w.+%-]+(?:/[\w.-]+)?#[0-9]+|#[0-9]+|(?i:gh)-[0-9]+)",
    ];
    Regex::new(&format!("^(?-u:{})", patterns.join("|")).replace("[^\\s<>`|]", "(?u:[^\\s<>`|])"))
        .expect("constant")
});

static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]*);").expect("constant")
});

/// How text outside fences is written.
struct Inline<'a> {
    host: &'a ForgeHost,
    tables: bool,
}

impl Inline<'_> {
    fn write(&self, text: &str, depth: usize, out: &mut String) {
        let bytes = text.as_bytes();
        let wordy = |b: u8| b.is_ascii_alphanumeric() || b"_.+%-".contains(&b);
        // Most lines hold nothing that a forge would link.
        let linked = memchr::memchr3(b'@', b'#', b':', bytes).is_some()
            || text.to_ascii_lowercase().contains("www.")
            || text.to_ascii_lowercase().contains("gh-");
        let mut at = 0;
        // Whether a word may start here: not inside a run of word characters
        // that was looked at from its start and copied.
        let mut fresh = true;
        while at < bytes.len() {
            if linked
                && fresh
                && (wordy(bytes[at]) || matches!(bytes[at], b'@' | b':' | b'#'))
                // Part of a character reference that was taken apart.
                && !(bytes[at] == b'#' && out.ends_with("&amp;"))
                && let Some(length) = self.word(&text[at..], out)
            {
                at += length;
                continue;
            }
            fresh = !wordy(bytes[at]);
            at += match bytes[at] {
                b'\\' => escape(text, at, out),
                b'`' => self.code(text, at, out),
                b'<' => self.angle(text, at, out),
                b'&' => {
                    let kept = ["&lt;", "&gt;", "&amp;", "&quot;"];
                    let harmless = kept.iter().any(|name| text[at..].starts_with(name));
                    let opens = !harmless && REFERENCE.is_match(&text[at..]);
                    *out += if opens { "&amp;" } else { "&" };
                    1
                }
                b'!' if bytes.get(at + 1) == Some(&b'[') => {
                    match Link::parse(text, at + 1, depth) {
                        Some(link) => {
                            let mut alt = String::new();
                            self.write(link.text, depth + 1, &mut alt);
                            *out += if alt.is_empty() { "(image" } else { "(image: " };
                            *out += &alt;
                            out.push(')');
                            link.end - at
                        }
                        None => copy(text, at, out),
                    }
                }
                b'[' => match Link::parse(text, at, depth) {
                    Some(link) => {
                        self.link(&link, depth, out);
                        link.end - at
                    }
                    None => copy(text, at, out),
                },
                b']' if matches!(bytes.get(at + 1), Some(b'(' | b':')) => {
                    *out += "\\]";
                    1
                }
                b'$' if matches!(bytes.get(at + 1), Some(b'$' | b'\\')) => {
                    let run = run_length(bytes, at);
                    *out += &"\\$".repeat(run);
                    run
                }
                b'~' if bytes[at..].starts_with(b"~~~") => {
                    let run = run_length(bytes, at);
                    *out += &"\\~".repeat(run);
                    run
                }
                _ => copy(text, at, out),
            };
        }
    }

    /// Something a forge would link by itself; returns its length in the text.
    fn word(&self, rest: &str, out: &mut String) -> Option<usize> {
        let found = WORDS.captures(rest)?;
        let whole = found.get(0)?.as_str();
        let word = match found.name("reference") {
            Some(_) => whole,
            None => whole.trim_end_matches(|c: char| c.is_ascii_punctuation()),
        };
        // `https://` alone is nothing but punctuation at its end.
        let word = if word.contains(['.', ':', '@']) || word == whole { word } else { whole };
        if found.name("url").is_some() && self.host.allows(word) {
            *out += word;
        } else {
            push_code(word, out);
        }
        Some(word.len())
    }

    fn code(&self, text: &str, at: usize, out: &mut String) -> usize {
        let bytes = text.as_bytes();
        let run = run_length(bytes, at);
        let mut next = at + run;
        while let Some(offset) = memchr::memchr(b'`', &bytes[next..]) {
            let length = run_length(bytes, next + offset);
            if length == run {
                let content = &text[at + run..next + offset];
                if self.tables && content.contains('|') {
                    break;
                }
                push_code(content, out);
                return next + offset + run - at;
            }
            next += offset + length;
        }
        *out += &"\\`".repeat(run);
        run
    }

    fn angle(&self, text: &str, at: usize, out: &mut String) -> usize {
        // An address in angle brackets: the brackets go, the address is judged alone.
        let rest = &text[at + 1..];
        if let Some(end) = memchr::memchr(b'>', rest.as_bytes())
            && let address = &rest[..end]
            && (address.contains("://") || address.contains('@') || address.contains(':'))
            && !address.contains([' ', '\t', '<', '`', '|', '"', '\'', '=', '\\'])
            && WORDS.find(address).is_some_and(|found| found.end() == address.len())
        {
            if self.host.allows(address) {
                *out += address;
            } else {
                push_code(address, out);
            }
            return end + 2;
        }
        *out += "&lt;";
        1
    }

    fn link(&self, link: &Link<'_>, depth: usize, out: &mut String) {
        let mut inner = String::new();
        self.write(link.text, depth + 1, &mut inner);
        // A link inside a link would break the outer one up.
        let odd = inner.trim().is_empty()
            || inner.contains(['[', ']', '!'])
            || inner.contains("://")
            || (self.tables && inner.contains('|'));
        let stays = !odd && self.host.allows(link.target);
        if stays {
            out.push('[');
            *out += &inner;
            *out += "](";
            *out += link.target;
            out.push(')');
        } else {
            *out += &inner;
        }
    }
}

/// Copies the character at `at`; returns its length.
fn copy(text: &str, at: usize, out: &mut String) -> usize {
    let c = text[at..].chars().next().unwrap_or_default();
    out.push(c);
    c.len_utf8()
}

/// A backslash and what it escapes. A forge looks for mentions and references
/// after escapes are undone, so escapes that would hide one from us go.
fn escape(text: &str, at: usize, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    let Some(&next) = bytes.get(at + 1).filter(|b| b.is_ascii_punctuation()) else {
        // Written out, so that it cannot escape what we put behind it.
        *out += "\\\\";
        return 1;
    };
    let between = |at: usize| {
        at > 0
            && bytes[at - 1].is_ascii_alphanumeric()
            && bytes.get(at + 2).is_some_and(u8::is_ascii_alphanumeric)
    };
    match next {
        b'<' => *out += "&lt;",
        b'&' => *out += "&amp;",
        b'@' | b':' => out.push(next as char),
        // A reference to an issue: looked at next, without the backslash.
        b'#' if bytes.get(at + 2).is_some_and(u8::is_ascii_digit) && !between(at) => return 1,
        b'/' if at > 0 => out.push('/'),
        b'#' | b'.' | b'_' | b'-' if between(at) => out.push(next as char),
        _ => {
            out.push('\\');
            out.push(next as char);
        }
    }
    2
}

/// Writes a code span that no neighbour can open or close.
fn push_code(content: &str, out: &mut String) {
    if out.ends_with(['`', '$']) {
        out.push(' ');
    }
    let mark = "`".repeat(shortest_free_run(content));
    let pad = if content.starts_with('`') || content.ends_with('`') { " " } else { "" };
    *out += &format!("{mark}{pad}{content}{pad}{mark}");
}

/// The shortest run of backticks that is not in the text.
fn shortest_free_run(text: &str) -> usize {
    let runs: Vec<usize> = text.split(|c| c != '`').map(str::len).collect();
    (1..).find(|length| !runs.contains(length)).unwrap_or(1)
}

/// `[text](target "title")`, the brackets matched as widely as any parser would.
struct Link<'a> {
    text: &'a str,
    target: &'a str,
    end: usize,
}

impl<'a> Link<'a> {
    fn parse(text: &'a str, open: usize, depth: usize) -> Option<Self> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let close = matching(text.as_bytes(), open, b'[', b']')?;
        if text.as_bytes().get(close + 1) != Some(&b'(') {
            return None;
        }
        let end = matching(text.as_bytes(), close + 1, b'(', b')')?;
        let inside = text[close + 2..end].trim();
        let target = inside.split([' ', '\t']).next().unwrap_or("");
        // `handlers[name](event)` is code that lost its backticks.
        if !target.is_empty() && !target.contains(['/', '.', '#', ':', '<', '%', '&', '?']) {
            return None;
        }
        Some(Link { text: &text[open + 1..close], target, end: end + 1 })
    }
}

/// Where the bracket at `open` is closed, on this line.
fn matching(bytes: &[u8], open: usize, left: u8, right: u8) -> Option<usize> {
    let mut depth = 0;
    let mut at = open;
    // Bounded, so that a line of brackets costs no square of its length.
    let limit = bytes.len().min(open + 1000);
    while at < limit {
        match bytes[at] {
            b'\\' => at += 1,
            // A title may hold the closing bracket.
            quote @ (b'"' | b'\'') if left == b'(' && matches!(bytes[at - 1], b' ' | b'\t') => {
                at += 1 + memchr::memchr(quote, &bytes[at + 1..limit])?;
            }
            b if b == left => depth += 1,
            b if b == right => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}
