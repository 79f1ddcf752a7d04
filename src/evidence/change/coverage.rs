//! Coverage of the change's new lines.

use std::collections::BTreeMap;

use bstr::ByteSlice;

use super::lines::{NewLine, Span, Touched};
use crate::evidence::Format;
use crate::evidence::coverage::CoverageReport;
use crate::evidence::paths::Reported;
use crate::finding::{Finding, Severity, Side, Source};
use crate::report::FileCoverage;

const RULE: &str = "coverage/uncovered";

/// Executable lines of one file, by position among its new lines: how often
/// each ran. Context lines are among them.
type FileLines = BTreeMap<usize, u64>;

/// Per changed file, by index, the new version's lines that reports know.
pub(super) type Hits = BTreeMap<usize, FileLines>;

/// Merges all reports by the most hits.
pub(super) fn hits<'r>(
    touched: &Touched<'_>,
    reports: impl Iterator<Item = &'r CoverageReport>,
) -> Hits {
    let mut hits = Hits::new();
    for report in reports {
        for (file, index) in resolved(touched, report) {
            let lines = touched.lines(file);
            // Files that a report knows without a line of the change still count as known.
            let known = hits.entry(file).or_default();
            each_known(touched, file, report, index, |at, count| {
                if !(spreads(report.format) && says_nothing(&lines.lines[at])) {
                    let most = known.entry(at).or_insert(0);
                    *most = count.max(*most);
                }
            });
        }
    }
    hits
}

/// The changed files that a report knows, with their place in it.
fn resolved(touched: &Touched<'_>, report: &CoverageReport) -> Vec<(usize, usize)> {
    let reported: Vec<_> = report
        .files
        .iter()
        .map(|file| Reported {
            path: &file.path,
            sources: &report.sources,
            module: file.module.as_deref(),
        })
        .collect();
    let files = touched.resolve_all(&reported);
    files.into_iter().enumerate().filter_map(|(index, file)| Some((file?, index))).collect()
}

/// Calls `each` with every line that is in both the diff and the report's file:
/// its position among the new lines, and its hits. Both ascend: one pass.
fn each_known(
    touched: &Touched<'_>,
    file: usize,
    report: &CoverageReport,
    index: usize,
    mut each: impl FnMut(usize, u64),
) {
    let mut known = report.files[index].lines.iter().peekable();
    for (at, line) in touched.lines(file).lines.iter().enumerate() {
        while known.next_if(|hit| hit.number < line.number).is_some() {}
        if let Some(hit) = known.next_if(|hit| hit.number == line.number) {
            each(at, hit.hits);
        }
    }
}

/// Whether a format tells ranges, so that lines without code are in them.
fn spreads(format: Format) -> bool {
    matches!(format, Format::GoCover | Format::LlvmCov)
}

/// Nothing but white space, brackets or a comment: no statement starts here.
fn says_nothing(line: &NewLine<'_>) -> bool {
    let text = line.text.trim();
    text.starts_with(b"//") || text.iter().all(|byte| b"{}()[];,".contains(byte))
}

/// What is known about each file's added lines.
pub(super) fn files(touched: &Touched<'_>, hits: &Hits) -> Vec<FileCoverage> {
    let files = hits.iter().filter_map(|(&file, known)| {
        let lines = &touched.lines(file).lines;
        let added = || known.iter().filter(|(at, _)| lines[**at].added);
        let count = added().count();
        let uncovered: Vec<u32> =
            added().filter(|(_, hits)| **hits == 0).map(|(at, _)| lines[*at].number).collect();
        (count > 0).then(|| FileCoverage {
            path: touched.path(file),
            lines: count,
            covered: count - uncovered.len(),
            uncovered,
        })
    });
    let mut files: Vec<FileCoverage> = files.collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// For each file the longest run of uncovered new lines, if it is of `least`
/// executable lines or more.
pub(super) fn findings(
    touched: &Touched<'_>,
    hits: &Hits,
    least: usize,
    findings: &mut Vec<Finding>,
) {
    for (&file, known) in hits {
        let runs = runs(touched, file, known);
        let long: Vec<&(Span, usize)> = runs.iter().filter(|(_, count)| *count >= least).collect();
        let Some(&&(span, count)) = long.iter().max_by_key(|(span, count)| {
            // Of equally long ones the first.
            (*count, std::cmp::Reverse(span.first))
        }) else {
            continue;
        };
        let lines = touched.lines(file);
        let (line, end_line) = (lines.lines[span.first].number, lines.lines[span.last].number);
        let mut body = format!(
            "The coverage reports know {count} executable lines from {line} to {end_line} that \
             this change adds, and no test runs any of them."
        );
        let others: Vec<String> = long
            .iter()
            .filter(|(other, _)| *other != span)
            .take(5)
            .map(|(other, _)| {
                format!("{}–{}", lines.lines[other.first].number, lines.lines[other.last].number)
            })
            .collect();
        if !others.is_empty() {
            body.push_str(&format!(" The same goes for lines {}.", others.join(", ")));
        }
        findings.push(Finding {
            id: touched.fingerprint(file, Span { first: span.first, last: span.first }, RULE),
            path: touched.path(file),
            side: Side::New,
            line,
            end_line,
            severity: Severity::Low,
            category: "coverage".to_owned(),
            confidence: 0.9,
            title: format!("{count} new lines in a row are run by no test"),
            body,
            suggestion: None,
            source: Source::Rule(RULE.to_owned()),
        });
    }
}

/// Runs of added, executable, uncovered lines inside one hunk, and how many
/// lines of that kind each has. A line that ran, new or old, ends a run.
fn runs(touched: &Touched<'_>, file: usize, known: &FileLines) -> Vec<(Span, usize)> {
    let lines = &touched.lines(file).lines;
    let mut runs: Vec<(Span, usize)> = Vec::new();
    let mut open = false;
    for (&at, &hits) in known {
        if hits > 0 {
            open = false;
        } else if lines[at].added {
            match runs.last_mut() {
                Some((span, count)) if open && lines[span.last].hunk == lines[at].hunk => {
                    span.last = at;
                    *count += 1;
                }
                _ => runs.push((Span { first: at, last: at }, 1)),
            }
            open = true;
        }
    }
    runs
}

/// Says so if the report's line numbers do not fit: a line behind the file's
/// end, or statements on blank lines.
pub(super) fn stale(touched: &Touched<'_>, name: &str, report: &CoverageReport) -> Option<String> {
    let (mut seen, mut blank) = (0_usize, 0_usize);
    let mut example = None;
    for (file, index) in resolved(touched, report) {
        let last = report.files[index].lines.last().map(|line| line.number);
        if let (Some(last), Some(length)) = (last, touched.length(file))
            && last > length
        {
            return Some(format!(
                "`{name}` does not fit the change: it knows line {last} of `{}`, which has {length}",
                touched.path(file)
            ));
        }
        if spreads(report.format) {
            continue;
        }
        let lines = &touched.lines(file).lines;
        each_known(touched, file, report, index, |at, _| {
            seen += 1;
            if lines[at].text.trim().is_empty() {
                blank += 1;
                example.get_or_insert_with(|| (touched.path(file), lines[at].number));
            }
        });
    }
    // One or two may be a quirk of the tool.
    let (path, line) = example.filter(|_| blank >= 3 && blank * 20 >= seen)?;
    Some(format!(
        "`{name}` does not fit the change: it knows statements on {blank} blank lines, such as \
         line {line} of `{path}`"
    ))
}
