//! What coverage reports have in common: files, lines and how often they ran.

use std::collections::HashMap;

use super::{Format, ReadError};

/// The most lines that the ranges of one report may spread over. A hostile
/// report of a few bytes could else name billions.
const MOST_LINES: usize = 4_000_000;

/// Which lines of which files a test run executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageReport {
    /// What it was read from.
    pub format: Format,
    /// Directories that the files' paths may be relative to.
    pub sources: Vec<String>,
    /// In the report's order; a path and module occur once.
    pub files: Vec<FileHits>,
    /// What was read, in the format's own units, before equal lines are merged.
    pub records: Records,
}

/// Counts in a format's own units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Records {
    /// What stands above a line: files for most, classes for Cobertura,
    /// source blocks for Go.
    pub groups: usize,
    /// Line records; statements for Go.
    pub lines: usize,
    /// Of them, executed.
    pub hit: usize,
}

/// One file's executable lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileHits {
    /// As the report spells it.
    pub path: String,
    /// The module or group it belongs to, where the report has such.
    pub module: Option<String>,
    /// Ascending by number, each once.
    pub lines: Vec<LineHits>,
    /// What the report itself counts, where it gives a count beside or instead of lines.
    pub declared: Option<Totals>,
}

/// One executable line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineHits {
    /// From 1.
    pub number: u32,
    /// How often it ran; formats that only say whether it ran give 1.
    pub hits: u64,
    /// Ways out of the line, if it branches.
    pub branches: u32,
    /// Of them, taken.
    pub branches_hit: u32,
}

impl LineHits {
    /// A line without branches.
    pub fn new(number: u32, hits: u64) -> Self {
        LineHits { number, hits, branches: 0, branches_hit: 0 }
    }

    fn merge(&mut self, other: &LineHits) {
        self.hits = self.hits.max(other.hits);
        self.branches = self.branches.max(other.branches);
        self.branches_hit = self.branches_hit.max(other.branches_hit);
    }
}

/// Lines and branches, and how many of them ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Executable lines.
    pub lines: usize,
    /// Of them, executed.
    pub covered: usize,
    /// Branches.
    pub branches: usize,
    /// Of them, taken.
    pub branches_covered: usize,
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, more: Totals) {
        self.lines = self.lines.saturating_add(more.lines);
        self.covered = self.covered.saturating_add(more.covered);
        self.branches = self.branches.saturating_add(more.branches);
        self.branches_covered = self.branches_covered.saturating_add(more.branches_covered);
    }
}

impl FileHits {
    /// Counted over the lines.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { lines: self.lines.len(), ..Totals::default() };
        for line in &self.lines {
            totals.covered += usize::from(line.hits > 0);
            totals.branches += line.branches as usize;
            totals.branches_covered += line.branches_hit as usize;
        }
        totals
    }
}

impl CoverageReport {
    /// Counted over the lines of all files.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for file in &self.files {
            totals += file.totals();
        }
        totals
    }

    /// What the report itself counts, over all files that give a count.
    pub fn declared(&self) -> Option<Totals> {
        let mut declared = self.files.iter().filter_map(|file| file.declared).peekable();
        declared.peek()?;
        let mut totals = Totals::default();
        for file in declared {
            totals += file;
        }
        Some(totals)
    }
}

/// Gathers lines and puts files together that a report tells in parts.
pub(super) struct Builder {
    report: CoverageReport,
    known: HashMap<(String, Option<String>), usize>,
    spread: usize,
}

impl Builder {
    pub(super) fn new(format: Format) -> Self {
        Builder {
            report: CoverageReport {
                format,
                sources: Vec::new(),
                files: Vec::new(),
                records: Records::default(),
            },
            known: HashMap::new(),
            spread: 0,
        }
    }

    pub(super) fn source(&mut self, source: &str) {
        let source = source.trim();
        if !source.is_empty() {
            self.report.sources.push(source.to_owned());
        }
    }

    pub(super) fn records(&mut self) -> &mut Records {
        &mut self.report.records
    }

    /// The file with this path and module, new or met before.
    pub(super) fn file(&mut self, path: &str, module: Option<&str>) -> &mut FileHits {
        let key = (path.to_owned(), module.map(str::to_owned));
        let files = &mut self.report.files;
        let index = *self.known.entry(key).or_insert_with(|| {
            files.push(FileHits {
                path: path.to_owned(),
                module: module.map(str::to_owned),
                ..FileHits::default()
            });
            files.len() - 1
        });
        &mut files[index]
    }

    /// Whether `lines` more may come from ranges.
    pub(super) fn spread(&mut self, lines: usize) -> Result<(), ReadError> {
        self.spread = self.spread.saturating_add(lines);
        if self.spread <= MOST_LINES {
            return Ok(());
        }
        Err(ReadError {
            format: self.report.format,
            line: None,
            column: None,
            what: format!("its ranges span more than {MOST_LINES} lines"),
        })
    }

    pub(super) fn finish(mut self) -> CoverageReport {
        for file in &mut self.report.files {
            sort_and_merge(&mut file.lines);
        }
        self.report
    }
}

fn sort_and_merge(lines: &mut Vec<LineHits>) {
    // Most reports are in order already; then this is one cheap pass.
    if !lines.is_sorted_by(|a, b| a.number < b.number) {
        lines.sort_by_key(|line| line.number);
        lines.dedup_by(|next, kept| {
            let same = next.number == kept.number;
            if same {
                kept.merge(next);
            }
            same
        });
    }
    // Line 0 stands for code that has no line.
    if lines.first().is_some_and(|line| line.number == 0) {
        lines.remove(0);
    }
}

/// An execution count. gcov writes negative ones when a counter overflows or
/// threads race, and some writers use exponents.
pub(super) fn count(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Ok(count) = text.parse() {
        return Some(count);
    }
    let number: f64 = text.parse().ok()?;
    // Saturates at both ends; not-a-number becomes 0.
    Some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_told_twice_are_merged_by_the_most_hits() {
        let mut builder = Builder::new(Format::Lcov);
        builder.file("a", None).lines.extend([LineHits::new(2, 1), LineHits::new(1, 0)]);
        builder.file("b", None).lines.push(LineHits::new(0, 5));
        builder.file("a", None).lines.extend([LineHits::new(1, 3), LineHits::new(2, 0)]);
        let report = builder.finish();
        assert_eq!(report.files.len(), 2);
        assert_eq!(report.files[0].lines, [LineHits::new(1, 3), LineHits::new(2, 1)]);
        assert_eq!(report.files[1].lines, []);
        assert_eq!(report.totals().covered, 2);
    }

    #[test]
    fn ranges_may_not_span_more_lines_than_fit_in_memory() {
        let mut builder = Builder::new(Format::GoCover);
        assert!(builder.spread(1000).is_ok());
        let error = builder.spread(usize::MAX).unwrap_err();
        assert!(error.to_string().contains("span more than"), "{error}");
    }
}
