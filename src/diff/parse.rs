//! Reads unified diffs: git's whole patch grammar, plain `---`/`+++` patches,
//! and the bare hunks that code hosts' APIs give for a file.
//!
//! The grammar is that of git-diff(1), "Generating patch text with -p", and of
//! git-apply(1), which settles what is an error: counts are binding.

mod file;

use std::fmt;

use bytes::Bytes;
use memchr::memchr;

use self::file::{Header, finish, submodule_summary};
use super::name::{self, Pair};
use super::{Change, FileDiff, Hunk, Line, LineKind, Mode, Patch};

/// Why a text is not a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The line of the text it was noticed on, from 1.
    pub line: usize,
    /// What is wrong.
    pub kind: ParseErrorKind,
}

/// What is wrong with a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text has content, but no file's diff.
    NoDiff,
    /// 4 GiB or more.
    TooLarge,
    /// `diff --cc`, `diff --combined` or `@@@`: a merge against several parents.
    Combined,
    /// A hunk without a file it belongs to.
    NoFile,
    /// A file whose name cannot be told.
    NoName,
    /// A header line of git's that does not read as it should.
    Header,
    /// A hunk's first line does not read `@@ -a,b +c,d @@`.
    HunkHeader,
    /// Fewer lines than the hunk's first line says.
    Truncated {
        /// Lines missing before.
        old: u32,
        /// Lines missing after.
        new: u32,
    },
    /// More lines than the hunk's first line says.
    Excess,
    /// A hunk that starts before the end of the one above.
    Order,
    /// A line that follows one marked as the file's last.
    AfterLast,
    /// `\ No newline at end of file` with no line above it.
    StrayMarker,
    /// A line of a binary patch that is not of its form.
    BinaryPatch,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match self.kind {
            ParseErrorKind::NoDiff => f.write_str("no diff in this text"),
            ParseErrorKind::TooLarge => f.write_str("a diff of 4 GiB or more cannot be read"),
            ParseErrorKind::Combined => f.write_str(
                "combined diffs (of a merge with several parents) cannot be read; \
                 diff against one parent",
            ),
            ParseErrorKind::NoFile => f.write_str("a hunk without a file header"),
            ParseErrorKind::NoName => f.write_str("the file's name cannot be told"),
            ParseErrorKind::Header => f.write_str("malformed header line"),
            ParseErrorKind::HunkHeader => f.write_str("malformed hunk header"),
            ParseErrorKind::Truncated { old, new } => {
                write!(f, "the hunk ends too early: {old} old and {new} new lines are missing")
            }
            ParseErrorKind::Excess => f.write_str("the hunk has more lines than its header says"),
            ParseErrorKind::Order => f.write_str("the hunk starts before the end of the last one"),
            ParseErrorKind::AfterLast => {
                f.write_str("a line follows one that is marked as the file's last")
            }
            ParseErrorKind::StrayMarker => f.write_str("an end-of-file marker without a line"),
            ParseErrorKind::BinaryPatch => f.write_str("malformed binary patch"),
        }
    }
}

impl std::error::Error for ParseError {}

/// Reads a whole diff. Text before, between and after the files' diffs (mail
/// headers, commit messages, signatures) is passed over. Lines are spans into
/// `text`, which every file's patch shares.
///
/// An empty text is a change without files.
///
/// # Errors
/// If the text has content but no diff, is a combined diff, or breaks the
/// grammar: nothing is guessed and no part of a change is dropped.
pub fn parse(text: Bytes) -> Result<Change, ParseError> {
    let mut parser = Parser::new(text)?;
    let mut files = Vec::new();
    while let Some((start, end)) = parser.peek() {
        let line = &parser.text[start..end];
        if let Some(rest) = line.strip_prefix(b"diff --git ") {
            let at = end - rest.len();
            parser.next();
            files.push(parser.git_file(at, trimmed_end(&parser.text, start, end))?);
        } else if is_combined(line) {
            return Err(parser.error(ParseErrorKind::Combined));
        } else if line.starts_with(b"--- ") && parser.at_plain_file() {
            files.push(parser.plain_file()?);
        } else if line.starts_with(b"@@ -") && hunk_header(line).is_some() {
            return Err(parser.error(ParseErrorKind::NoFile));
        } else if line.starts_with(b"Submodule ") {
            files.extend(submodule_summary(&parser.text, start, end));
            parser.next();
        } else {
            parser.next();
        }
    }
    if files.is_empty() && !parser.text.trim_ascii().is_empty() {
        return Err(ParseError { line: 1, kind: ParseErrorKind::NoDiff });
    }
    Ok(Change { files })
}

/// Reads bare hunks, as in `patch` of GitHub's
/// [files API](https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files):
/// starts at `@@`, no line feed behind the last line. An empty text has no hunks.
///
/// # Errors
/// If the text breaks the grammar or has anything but hunks.
pub fn parse_hunks(patch: Bytes) -> Result<Patch, ParseError> {
    let mut parser = Parser::new(patch)?;
    let patch = parser.hunks(0)?;
    while let Some((start, end)) = parser.peek() {
        let line = &parser.text[start..end];
        if line.starts_with(b"@@@ -") {
            return Err(parser.error(ParseErrorKind::Combined));
        }
        if !line.trim_ascii().is_empty() {
            return Err(parser.error(ParseErrorKind::HunkHeader));
        }
        parser.next();
    }
    Ok(patch)
}

struct Parser {
    text: Bytes,
    at: usize,
    /// Number of the line at `at`, from 1.
    line: usize,
}

impl Parser {
    fn new(text: Bytes) -> Result<Self, ParseError> {
        if u32::try_from(text.len()).is_err() {
            return Err(ParseError { line: 1, kind: ParseErrorKind::TooLarge });
        }
        Ok(Parser { text, at: 0, line: 1 })
    }

    fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError { line: self.line, kind }
    }

    /// The line at the cursor, without its line feed.
    fn peek(&self) -> Option<(usize, usize)> {
        self.line_at(self.at)
    }

    fn line_at(&self, start: usize) -> Option<(usize, usize)> {
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        Some((start, memchr(b'\n', rest).map_or(self.text.len(), |len| start + len)))
    }

    fn next(&mut self) -> Option<(usize, usize)> {
        let (start, end) = self.peek()?;
        self.at = end + 1;
        self.line += 1;
        Some((start, end))
    }

    /// Whether three lines from here read `--- `, `+++ `, `@@ -`: what git
    /// takes for a file without a `diff --git` line.
    fn at_plain_file(&self) -> bool {
        let starts = |line: Option<(usize, usize)>, with: &[u8]| {
            line.is_some_and(|(start, end)| self.text[start..end].starts_with(with))
        };
        let old = self.peek();
        let new = old.and_then(|(_, end)| self.line_at(end + 1));
        let hunk = new.and_then(|(_, end)| self.line_at(end + 1));
        starts(old, b"--- ") && starts(new, b"+++ ") && starts(hunk, b"@@ -")
    }

    /// The file whose `diff --git` line was just read; its names are `start..end`.
    fn git_file(&mut self, start: usize, end: usize) -> Result<FileDiff, ParseError> {
        let first_line = self.line - 1;
        let mut header = Header { pair: name::pair(&self.text, start, end), ..Header::default() };
        while let Some((start, end)) = self.peek() {
            let end = trimmed_end(&self.text, start, end);
            if !self.header_line(&mut header, start, end)? {
                break;
            }
        }
        let patch = if header.binary.is_some() { Patch::default() } else { self.hunks(start)? };
        self.no_excess(patch.hunks.is_empty())?;
        let no_name = ParseError { line: first_line, kind: ParseErrorKind::NoName };
        finish(header, patch).ok_or(no_name)
    }

    /// Takes one header line in; false (and no step) where the header has ended.
    fn header_line(
        &mut self,
        header: &mut Header,
        start: usize,
        end: usize,
    ) -> Result<bool, ParseError> {
        let text = self.text.clone();
        let line = &text[start..end];
        let malformed = self.error(ParseErrorKind::Header);
        let after = |key: &[u8]| line.strip_prefix(key).map(|rest| end - rest.len());
        let mode = |at: usize| mode(&text[at..end]).ok_or_else(|| malformed.clone());
        let name = |at: usize| name::whole(&text, at, end).ok_or_else(|| malformed.clone());
        if let Some(at) = after(b"old mode ") {
            header.old_mode = Some(mode(at)?);
        } else if let Some(at) = after(b"new mode ") {
            header.new_mode = Some(mode(at)?);
        } else if let Some(at) = after(b"deleted file mode ") {
            header.old_mode = Some(mode(at)?);
            header.deleted = true;
        } else if let Some(at) = after(b"new file mode ") {
            header.new_mode = Some(mode(at)?);
            header.added = true;
        } else if let Some(at) = after(b"rename from ").or_else(|| after(b"rename old ")) {
            header.from = Some(name(at)?);
        } else if let Some(at) = after(b"rename to ").or_else(|| after(b"rename new ")) {
            header.to = Some(name(at)?);
        } else if let Some(at) = after(b"copy from ") {
            header.from = Some(name(at)?);
            header.copied = true;
        } else if let Some(at) = after(b"copy to ") {
            header.to = Some(name(at)?);
            header.copied = true;
        } else if let Some(at) = after(b"index ") {
            // `index <old>..<new>[ <mode>]`: the mode is there when it stays.
            if let Some(space) = memchr(b' ', &line[at - start..]) {
                let mode = mode(at + space + 1)?;
                header.old_mode.get_or_insert(mode);
                header.new_mode.get_or_insert(mode);
            }
        } else if line.starts_with(b"similarity index ")
            || line.starts_with(b"dissimilarity index ")
        {
            // How alike the two are changes nothing.
        } else if let Some(at) = after(b"--- ") {
            // Behind the header of an empty file there may be a plain patch.
            let complete = header.old_marked.is_some() || header.binary.is_some();
            if complete || !self.at_plain_file() {
                return Ok(false);
            }
            let marked = name::marked(&text, at, end).ok_or(malformed)?;
            if let Pair { same: Some(same), prefixes: Some((prefix, _)) } = &header.pair
                && !marked.absent
                && marked.name.strip_prefix(&prefix[..]) != Some(&same.0[..])
                && header.from.is_none()
            {
                return Ok(false);
            }
            header.old_marked = Some(marked);
        } else if let Some(at) = after(b"+++ ") {
            if header.old_marked.is_none() || header.new_marked.is_some() {
                return Err(malformed);
            }
            header.new_marked = Some(name::marked(&text, at, end).ok_or(malformed)?);
        } else if line.starts_with(b"Binary files ") && line.ends_with(b" differ") {
            header.binary = Some((None, None));
        } else if line == b"GIT binary patch" {
            self.next();
            header.binary = Some(self.binary_patch()?);
            return Ok(true);
        } else {
            return Ok(false);
        }
        self.next();
        Ok(true)
    }

    /// The two halves of a binary patch: how to make the new bytes, and the old
    /// ones again. A `literal`'s size is its file's; a `delta`'s is not.
    fn binary_patch(&mut self) -> Result<(Option<u64>, Option<u64>), ParseError> {
        let mut sizes = [None, None];
        let mut halves = 0;
        while let Some((start, end)) = self.peek() {
            let end = trimmed_end(&self.text, start, end);
            let line = &self.text[start..end];
            let (size, literal) =
                match (line.strip_prefix(b"literal "), line.strip_prefix(b"delta ")) {
                    (Some(size), _) => (size, true),
                    (_, Some(size)) => (size, false),
                    _ => break,
                };
            if halves == 2 {
                break;
            }
            let size: u64 = std::str::from_utf8(size)
                .ok()
                .and_then(|size| size.parse().ok())
                .ok_or_else(|| self.error(ParseErrorKind::BinaryPatch))?;
            sizes[halves] = literal.then_some(size);
            halves += 1;
            self.next();
            let mut ended = false;
            while let Some((start, end)) = self.peek() {
                let end = trimmed_end(&self.text, start, end);
                if start == end {
                    ended = true;
                    self.next();
                    break;
                }
                if !is_binary_line(&self.text[start..end]) {
                    return Err(self.error(ParseErrorKind::BinaryPatch));
                }
                self.next();
            }
            // Only the very end of the text may stand for the closing empty line.
            if !ended && self.peek().is_some() {
                return Err(self.error(ParseErrorKind::BinaryPatch));
            }
        }
        if halves == 0 {
            return Err(self.error(ParseErrorKind::BinaryPatch));
        }
        Ok((sizes[1], sizes[0]))
    }

    /// A file that starts with `--- `, without a `diff --git` line.
    fn plain_file(&mut self) -> Result<FileDiff, ParseError> {
        let from = self.at;
        let first_line = self.line;
        let mut side = || {
            let error = self.error(ParseErrorKind::NoName);
            let (start, end) = self.next().ok_or_else(|| error.clone())?;
            let end = trimmed_end(&self.text, start, end);
            name::marked(&self.text, start + 4, end).ok_or(error)
        };
        let header =
            Header { old_marked: Some(side()?), new_marked: Some(side()?), ..Header::default() };
        let patch = self.hunks(from)?;
        self.no_excess(false)?;
        let no_name = ParseError { line: first_line, kind: ParseErrorKind::NoName };
        finish(header, patch).ok_or(no_name)
    }

    /// All hunks from here; their text is shared from `from` on.
    fn hunks(&mut self, from: usize) -> Result<Patch, ParseError> {
        let mut patch = Patch::default();
        let mut ends = Ends::default();
        while let Some((start, end)) = self.peek() {
            if !self.text[start..end].starts_with(b"@@ -") {
                break;
            }
            self.hunk(from, &mut patch, &mut ends)?;
        }
        if !patch.hunks.is_empty() {
            patch.text = self.text.slice(from..self.at.min(self.text.len()));
        }
        Ok(patch)
    }

    fn hunk(&mut self, from: usize, patch: &mut Patch, ends: &mut Ends) -> Result<(), ParseError> {
        let span = |at: usize| (at - from) as u32; // the text is under 4 GiB
        let malformed = self.error(ParseErrorKind::HunkHeader);
        let (start, end) = self.peek().ok_or_else(|| malformed.clone())?;
        let end = trimmed_end(&self.text, start, end);
        let (old, new, section) = hunk_header(&self.text[start..end]).ok_or(malformed)?;
        if old.before() < ends.old || new.before() < ends.new {
            return Err(self.error(ParseErrorKind::Order));
        }
        self.next();
        let first = patch.lines.len();
        let (mut old_left, mut new_left) = (old.count, new.count);
        loop {
            let done = old_left == 0 && new_left == 0;
            let next = self.peek();
            if let Some((start, end)) = next
                && self.text[start..end].first() == Some(&b'\\')
            {
                let last = patch.lines.get_mut(first..).and_then(<[Line]>::last_mut);
                match last {
                    Some(line) if line.newline => {
                        line.newline = false;
                        ends.old_last |= line.kind != LineKind::Added;
                        ends.new_last |= line.kind != LineKind::Removed;
                    }
                    _ => return Err(self.error(ParseErrorKind::StrayMarker)),
                }
                self.next();
                continue;
            }
            if done {
                break;
            }
            let truncated = ParseErrorKind::Truncated { old: old_left, new: new_left };
            let Some((start, end)) = next else { return Err(self.error(truncated)) };
            let (kind, text_start) = match self.text[start..end].first() {
                Some(b' ') => (LineKind::Context, start + 1),
                Some(b'+') => (LineKind::Added, start + 1),
                Some(b'-') => (LineKind::Removed, start + 1),
                // Tools that strip spaces at line ends leave this of an empty context line.
                None => (LineKind::Context, start),
                Some(b'\r') if end == start + 1 => (LineKind::Context, start),
                Some(_) => return Err(self.error(truncated)),
            };
            let on_old = kind != LineKind::Added;
            let on_new = kind != LineKind::Removed;
            if (on_old && old_left == 0) || (on_new && new_left == 0) {
                return Err(self.error(ParseErrorKind::Excess));
            }
            if (on_old && ends.old_last) || (on_new && ends.new_last) {
                return Err(self.error(ParseErrorKind::AfterLast));
            }
            old_left -= u32::from(on_old);
            new_left -= u32::from(on_new);
            patch.lines.push(Line {
                kind,
                newline: true,
                start: span(text_start),
                len: (end - text_start) as u32,
            });
            self.next();
        }
        ends.old = old.before() + old.count;
        ends.new = new.before() + new.count;
        patch.hunks.push(Hunk {
            old_start: old.start,
            old_lines: old.count,
            new_start: new.start,
            new_lines: new.count,
            section: span(start + section)..span(end),
            lines: first as u32..patch.lines.len() as u32,
        });
        Ok(())
    }

    /// Refuses a line of a hunk right behind the last one: a wrong count would
    /// otherwise drop it unseen. Mail signatures and the next file may follow.
    fn no_excess(&self, nothing_before: bool) -> Result<(), ParseError> {
        let Some((start, end)) = self.peek() else { return Ok(()) };
        let line = &self.text[start..end];
        if line.starts_with(b"@@@ -") {
            return Err(self.error(ParseErrorKind::Combined));
        }
        if nothing_before || self.at_plain_file() {
            return Ok(());
        }
        if line.starts_with(b"@@ ") {
            return Err(self.error(ParseErrorKind::HunkHeader));
        }
        let signature = matches!(line.trim_ascii_end(), b"--" | b"-- ")
            && !self
                .line_at(end + 1)
                .is_some_and(|(start, _)| matches!(self.text[start], b'+' | b'-' | b' ' | b'@'));
        match line.first() {
            Some(b'+' | b'-' | b' ') if !signature => Err(self.error(ParseErrorKind::Excess)),
            _ => Ok(()),
        }
    }
}

/// Where the hunks read so far end, on both sides.
#[derive(Default)]
struct Ends {
    old: u32,
    new: u32,
    /// Whether the last line before was marked as the file's last.
    old_last: bool,
    new_last: bool,
}

/// One side of a hunk's first line.
struct Extent {
    start: u32,
    count: u32,
}

impl Extent {
    /// How many of the file's lines stand before the hunk.
    fn before(&self) -> u32 {
        if self.count == 0 { self.start } else { self.start - 1 }
    }
}

/// Reads `@@ -a[,b] +c[,d] @@[ section]`; also where the section starts.
fn hunk_header(line: &[u8]) -> Option<(Extent, Extent, usize)> {
    let rest = line.strip_prefix(b"@@ -")?;
    let (old, rest) = extent(rest)?;
    let (new, rest) = extent(rest.strip_prefix(b" +")?)?;
    let rest = rest.strip_prefix(b" @@")?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    Some((old, new, line.len() - rest.len()))
}

fn extent(text: &[u8]) -> Option<(Extent, &[u8])> {
    let (start, rest) = number(text)?;
    let (count, rest) = match rest.strip_prefix(b",") {
        Some(rest) => number(rest)?,
        None => (1, rest),
    };
    let fits = start.checked_add(count).is_some() && (start > 0 || count == 0);
    fits.then_some((Extent { start, count }, rest))
}

fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

fn mode(text: &[u8]) -> Option<Mode> {
    let text = std::str::from_utf8(text.trim_ascii_end()).ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o177_777).map(Mode)
}

fn is_combined(line: &[u8]) -> bool {
    [&b"diff --cc "[..], b"diff --combined ", b"@@@ -"].iter().any(|start| line.starts_with(start))
}

/// The end of a header line without a carriage return.
fn trimmed_end(text: &[u8], start: usize, end: usize) -> usize {
    if text[start..end].ends_with(b"\r") { end - 1 } else { end }
}

/// A line of base 85: a letter for how many bytes, then five characters for
/// every four of them.
fn is_binary_line(line: &[u8]) -> bool {
    let bytes = match line[0] {
        letter @ b'A'..=b'Z' => usize::from(letter - b'A') + 1,
        letter @ b'a'..=b'z' => usize::from(letter - b'a') + 27,
        _ => return false,
    };
    line.len() - 1 == bytes.div_ceil(4) * 5 && line[1..].iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests;
