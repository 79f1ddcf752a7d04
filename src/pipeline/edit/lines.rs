//! Lines of a source text, and where values end on them.

use std::borrow::Cow;
use std::ops::Range;

use crate::pipeline::yaml::{Id, Style, Tree, Value};

/// A text with the starts of its lines. It ends with a line end.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub text: &'a str,
    /// First byte of each line, without a byte order mark; one more for the end.
    starts: Cow<'a, [usize]>,
}

impl<'a> Lines<'a> {
    /// With the lines' starts from [`Lines::starts`] of the same text.
    pub(super) fn with(text: &'a str, starts: &'a [usize]) -> Self {
        Lines { text, starts: Cow::Borrowed(starts) }
    }

    /// First byte of each line, and the end.
    pub(super) fn starts(text: &str) -> Vec<usize> {
        let mark = text.len() - text.trim_start_matches('\u{feff}').len();
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        let mut starts: Vec<usize> = std::iter::once(mark).chain(breaks).collect();
        if starts.last() != Some(&text.len()) {
            starts.push(text.len());
        }
        starts
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The line of a byte, from 0.
    pub(super) fn of(&self, at: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= at)
            .saturating_sub(1)
            .min(self.count().saturating_sub(1))
    }

    /// A line's first byte; of the line behind the last, the end.
    pub(super) fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// Where a line's text ends, before its line end.
    pub(super) fn end(&self, line: usize) -> usize {
        let start = self.start(line);
        start + self.line(line).len()
    }

    /// A line without its line end.
    pub(super) fn line(&self, line: usize) -> &'a str {
        let whole = &self.text[self.start(line)..self.start(line + 1)];
        let whole = whole.strip_suffix('\n').unwrap_or(whole);
        whole.strip_suffix('\r').unwrap_or(whole)
    }

    /// The line end of a line.
    pub(super) fn ending(&self, line: usize) -> &'static str {
        if self.text[self.start(line)..self.start(line + 1)].ends_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        }
    }

    /// Bytes from the start of its line.
    pub(super) fn column(&self, at: usize) -> usize {
        at - self.start(self.of(at))
    }

    /// What stands before a byte on its line.
    pub(super) fn before(&self, at: usize) -> &'a str {
        &self.text[self.start(self.of(at))..at]
    }

    /// Whether only blanks stand before a byte on its line.
    pub(super) fn is_first(&self, at: usize) -> bool {
        self.before(at).bytes().all(|byte| byte == b' ')
    }

    pub(super) fn is_blank(&self, line: usize) -> bool {
        self.line(line).trim().is_empty()
    }

    /// The column of a line's first character that is no blank.
    pub(super) fn indent(&self, line: usize) -> usize {
        let line = self.line(line);
        line.len() - line.trim_start_matches(' ').len()
    }

    /// Whether a line holds a comment and nothing else.
    pub(super) fn is_comment(&self, line: usize) -> bool {
        self.line(line).trim_start().starts_with('#')
    }

    /// The first of the comment lines directly above `line`, none of them above
    /// `floor` or indented deeper than `column`; `line` where there is none.
    pub(super) fn attached(&self, line: usize, floor: usize, column: usize) -> usize {
        let mut first = line;
        while first > floor && self.is_comment(first - 1) && self.indent(first - 1) <= column {
            first -= 1;
        }
        first
    }

    /// The last of the comment lines below `line` that are indented deeper than
    /// `column`, so that they belong inside of what ends there; only blank lines
    /// come between.
    pub(super) fn inside(&self, line: usize, column: usize) -> usize {
        let mut last = line;
        let mut next = line + 1;
        while next < self.count() {
            if self.is_comment(next) && self.indent(next) > column {
                last = next;
            } else if !self.is_blank(next) {
                break;
            }
            next += 1;
        }
        last
    }

    /// The last of the lines below `line` that hold blanks and nothing else, with
    /// empty ones between; `line` where there is none.
    pub(super) fn ragged(&self, line: usize) -> usize {
        let mut last = line;
        let mut next = line + 1;
        while next < self.count() && self.is_blank(next) {
            if !self.line(next).is_empty() {
                last = next;
            }
            next += 1;
        }
        last
    }

    /// The first line from `line` on that is neither blank nor a comment.
    pub(super) fn content(&self, line: usize) -> Option<usize> {
        (line..self.count()).find(|line| !self.is_blank(*line) && !self.is_comment(*line))
    }

    /// Where the value that stands behind byte `after` ends: what belongs to it by
    /// meaning, so the blank lines too that a block scalar keeps.
    pub(super) fn value_end(&self, tree: &Tree, id: Id, after: usize) -> usize {
        let span = tree.span(id);
        if tree.is_alias(id) {
            return span.end.max(after);
        }
        match (tree.style(id), tree.value(id)) {
            (Style::Literal | Style::Folded, _) => self.block_scalar_end(&span, after),
            (Style::Block, Value::Map(entries)) => {
                let last = entries.iter().rev().find(|entry| !entry.merged);
                self.last_end(
                    tree,
                    last.map(|last| (last.value, self.colon(last.key_span.end))),
                    &span,
                    after,
                )
            }
            (Style::Block, Value::Seq(items)) => {
                let last = items.last().map(|item| {
                    // Where an empty block scalar stands is told by its dash alone.
                    let lost = tree.span(*item).is_empty()
                        && matches!(tree.style(*item), Style::Literal | Style::Folded);
                    let dash = if lost {
                        self.dashes(tree, id).and_then(|all| all.last().copied())
                    } else {
                        None
                    };
                    (*item, dash.map_or(tree.span(*item).start, |dash| dash + 1))
                });
                self.last_end(tree, last, &span, after)
            }
            _ => span.end.max(after),
        }
    }

    /// The byte behind the colon of a key that ends here; the key's end where none follows.
    pub(super) fn colon(&self, key_end: usize) -> usize {
        let rest = self.text.get(key_end..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if rest[blanks..].starts_with(':') { key_end + blanks + 1 } else { key_end }
    }

    /// Where the dashes of a block sequence stand, one for each item.
    pub(super) fn dashes(&self, tree: &Tree, id: Id) -> Option<Vec<usize>> {
        let first = tree.span(id).start;
        let column = self.column(first);
        let bytes = self.text.as_bytes();
        let mut dashes = Vec::with_capacity(tree.items(id).len());
        let mut at = first;
        for (index, item) in tree.items(id).iter().enumerate() {
            if index > 0 {
                let line = self.content(self.of(at) + 1)?;
                at = self.start(line) + column;
                if self.indent(line) != column {
                    return None;
                }
            }
            let blank = bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace);
            if bytes.get(at) != Some(&b'-') || !blank {
                return None;
            }
            dashes.push(at);
            let end = self.value_end(tree, *item, at + 1);
            at = end.max(at + 1);
        }
        Some(dashes)
    }

    fn last_end(
        &self,
        tree: &Tree,
        last: Option<(Id, usize)>,
        span: &Range<usize>,
        after: usize,
    ) -> usize {
        let inner = last.map_or(after, |(id, near)| self.value_end(tree, id, near));
        inner.max(span.end).max(after)
    }

    /// The end of a block scalar whose text stands at `span` and whose header
    /// stands behind `after`, or just before the text where that is not known.
    fn block_scalar_end(&self, span: &Range<usize>, after: usize) -> usize {
        let first = self.of(span.start);
        let header = match self.header(after, span) {
            Some(header) => header,
            None => return span.end,
        };
        let head_line = self.of(header.start);
        let mut last =
            if span.is_empty() { head_line } else { self.of(span.end.saturating_sub(1)) };
        let keep = self.text[header].contains('+');
        let column = self.indent(first);
        let mut line = last + 1;
        while line < self.count() && self.is_blank(line) {
            if keep || (!span.is_empty() && self.line(line).len() > column) {
                last = line;
            }
            line += 1;
        }
        self.end(last).max(span.end)
    }

    /// A block scalar's header (`|-`, `>2`), from its bar to its last indicator.
    pub(super) fn header(&self, after: usize, span: &Range<usize>) -> Option<Range<usize>> {
        // `after` may stand within the text where only a neighbourhood is known: the
        // header is on the nearest line before the text that is not blank.
        let bytes = self.text.as_bytes();
        let from = if after < self.start(self.of(span.start)) {
            after
        } else {
            let mut line = self.of(span.start);
            loop {
                line = line.checked_sub(1)?;
                if !self.is_blank(line) {
                    break self.start(line);
                }
            }
        };
        let line = self.of(from);
        let end = self.end(line);
        let mut at = end;
        // The header is the last token of its line but for a comment.
        let code = &self.text[from..end];
        let code = code.find(" #").map_or(code, |comment| &code[..comment]).trim_end();
        at = at.min(from + code.len());
        let tail = code.len()
            - code
                .trim_end_matches(['+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
                .len();
        let bar = at.checked_sub(tail + 1)?;
        (bar >= from && matches!(bytes.get(bar), Some(b'|' | b'>'))).then_some(bar..at)
    }
}
