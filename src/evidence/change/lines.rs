//! The change's new lines: which report path means which file, which numbers
//! are added, what they read.

use std::cell::OnceCell;
use std::collections::HashMap;

use bstr::{BStr, ByteSlice};

use super::Options;
use crate::diff::{Change, FileDiff, LineKind, Status};
use crate::evidence::paths::{self, Reported};
use crate::finding::{Fingerprint, Side};

/// A change, to be asked by path and line.
pub(super) struct Touched<'c> {
    change: &'c Change,
    index: paths::Index<'c>,
    by_path: HashMap<&'c str, usize>,
    lines: Vec<OnceCell<NewLines<'c>>>,
}

impl<'c> Touched<'c> {
    pub(super) fn new(change: &'c Change, options: &Options<'c>) -> Self {
        let mut by_path = HashMap::new();
        for (index, file) in change.files.iter().enumerate() {
            if let Some(path) = file.new_path.as_ref().and_then(|path| path.to_str()) {
                by_path.insert(path, index);
            }
        }
        let names: std::collections::HashSet<&str> =
            by_path.keys().map(|path| paths::file_name(path)).collect();
        let all = options.files.iter().map(String::as_str).chain(by_path.keys().copied());
        let index = paths::Index::new(all, |name| names.contains(name), options.root);
        let lines = change.files.iter().map(|_| OnceCell::new()).collect();
        Touched { change, index, by_path, lines }
    }

    /// The changed files that the paths of one report mean.
    pub(super) fn resolve_all(&self, reported: &[Reported<'_>]) -> Vec<Option<usize>> {
        let paths = self.index.resolve_all(reported);
        paths.into_iter().map(|path| self.by_path.get(path?).copied()).collect()
    }

    /// The changed file that one path means.
    pub(super) fn resolve(&self, path: &str) -> Option<usize> {
        let reported = Reported { path, ..Reported::default() };
        self.by_path.get(self.index.resolve(reported)?).copied()
    }

    pub(super) fn file(&self, file: usize) -> &'c FileDiff {
        &self.change.files[file]
    }

    pub(super) fn path(&self, file: usize) -> String {
        self.change.files[file].path().display()
    }

    pub(super) fn lines(&self, file: usize) -> &NewLines<'c> {
        self.lines[file].get_or_init(|| NewLines::new(&self.change.files[file]))
    }

    /// The lines that a finding about `start..=end` stands on: as much of them
    /// as one hunk shows. `None` if none of them is added.
    ///
    /// A region that starts on an old line and is wide (a whole class, say) is
    /// not about the few lines of it that are new.
    pub(super) fn place(&self, file: usize, start: u32, end: u32) -> Option<Span> {
        const WIDE: u32 = 30;
        let lines = self.lines(file);
        let first = lines.first_added(start, end)?;
        let number = lines.lines[first].number;
        if number != start && end - start > WIDE {
            return None;
        }
        let hunk = lines.lines[first].hunk;
        let mut from = first;
        while from > 0
            && lines.lines[from - 1].hunk == hunk
            && lines.lines[from - 1].number >= start
        {
            from -= 1;
        }
        let mut to = first;
        while let Some(next) = lines.lines.get(to + 1)
            && next.hunk == hunk
            && next.number <= end
            && next.number - lines.lines[from].number <= WIDE
        {
            to += 1;
        }
        Some(Span { first: from, last: to })
    }

    /// The stable name of a finding on these lines.
    pub(super) fn fingerprint(&self, file: usize, span: Span, what: &str) -> Fingerprint {
        let lines = self.lines(file);
        let quote = lines.quote(span);
        Fingerprint::new(&self.path(file), Side::New, &quote, lines.nth(span), what)
    }

    /// How many lines the file has, where the diff shows its end.
    pub(super) fn length(&self, file: usize) -> Option<u32> {
        let diff = self.file(file);
        let last = self.lines(file).lines.last()?;
        (diff.status == Status::Added || !last.newline).then_some(last.number)
    }
}

/// Positions in [`NewLines::lines`], of one hunk; `first <= last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: usize,
    pub(super) last: usize,
}

/// A file's added and context lines, ascending by number.
pub(super) struct NewLines<'c> {
    pub(super) lines: Vec<NewLine<'c>>,
    /// Added lines by their trimmed text, ascending.
    alike: OnceCell<HashMap<&'c [u8], Vec<usize>>>,
}

/// A line of the new version.
pub(super) struct NewLine<'c> {
    pub(super) number: u32,
    pub(super) hunk: usize,
    pub(super) added: bool,
    pub(super) newline: bool,
    pub(super) text: &'c BStr,
}

impl<'c> NewLines<'c> {
    fn new(file: &'c FileDiff) -> Self {
        let lines = file.patch().into_iter().flat_map(|patch| patch.numbered());
        let lines = lines
            .filter_map(|line| {
                Some(NewLine {
                    number: line.new?,
                    hunk: line.hunk,
                    added: line.kind == LineKind::Added,
                    newline: line.newline,
                    text: line.text,
                })
            })
            .collect();
        NewLines { lines, alike: OnceCell::new() }
    }

    /// Where the line with this number is.
    pub(super) fn at(&self, number: u32) -> Option<usize> {
        self.lines.binary_search_by_key(&number, |line| line.number).ok()
    }

    /// The first added line of `start..=end`.
    fn first_added(&self, start: u32, end: u32) -> Option<usize> {
        let from = self.lines.partition_point(|line| line.number < start);
        let inside = self.lines[from..].iter().take_while(|line| line.number <= end);
        inside.enumerate().find(|(_, line)| line.added).map(|(offset, _)| from + offset)
    }

    /// The lines' text, without carriage returns, joined by line feeds.
    pub(super) fn quote(&self, span: Span) -> String {
        let mut quote = String::new();
        for (offset, line) in self.lines[span.first..=span.last].iter().enumerate() {
            if offset > 0 {
                quote.push('\n');
            }
            let text = line.text.strip_suffix(b"\r").unwrap_or(line.text);
            quote.push_str(&text.to_str_lossy());
        }
        quote
    }

    /// Which of several places that read alike this is, from 0. Only places
    /// whose first line of such text is added count, so that it does not
    /// depend on how much context the diff has.
    fn nth(&self, span: Span) -> usize {
        let alike = self.alike.get_or_init(|| {
            let mut alike: HashMap<&[u8], Vec<usize>> = HashMap::new();
            for (at, line) in self.lines.iter().enumerate().filter(|(_, line)| line.added) {
                alike.entry(line.text.trim()).or_default().push(at);
            }
            alike
        });
        // A span may start with context; its first added line is what is compared.
        let Some(offset) = self.lines[span.first..=span.last].iter().position(|line| line.added)
        else {
            return 0;
        };
        let key = span.first + offset;
        let same = alike.get(self.lines[key].text.trim()).map_or(&[][..], Vec::as_slice);
        let before = &same[..same.partition_point(|&at| at < key)];
        if span.first == span.last {
            return before.len();
        }
        let reads_alike = |&&at: &&usize| {
            let Some(first) = at.checked_sub(offset) else { return false };
            (0..=span.last - span.first).all(|step| {
                let (one, other) = (&self.lines[first + step], &self.lines[span.first + step]);
                one.text.trim() == other.text.trim() && one.hunk == self.lines[first].hunk
            })
        };
        before.iter().filter(reads_alike).count()
    }
}
