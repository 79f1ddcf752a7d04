//! Every report of the shared collection, read and counted: the figures that
//! its index expects, and no panic wherever a report is cut.

use std::path::{Path, PathBuf};

use pipewright::evidence::coverage::CoverageReport;
use pipewright::evidence::results::TestReport;
use pipewright::evidence::sarif::{self, State};
use pipewright::evidence::{Evidence, Format, ReadError, detect};

/// The folder of reports; `None`, loudly, where it is absent.
fn reports() -> Option<PathBuf> {
    let shared = std::env::var_os("PIPEWRIGHT_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("data/reports");
    if folder.join("index.csv").is_file() {
        return Some(folder);
    }
    println!("SKIPPED: no reports in {}", folder.display());
    None
}

struct Row {
    file: String,
    format: String,
    expected: String,
}

/// RFC 4180, as far as the index uses it: no line breaks in fields.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                fields.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

fn rows(folder: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(folder.join("index.csv")).unwrap();
    let mut lines = index.lines();
    let head = fields(lines.next().unwrap());
    let column = |name: &str| head.iter().position(|field| field == name).unwrap();
    let (file, format, expected) = (column("file"), column("format"), column("expected"));
    lines
        .map(|line| {
            let mut row = fields(line);
            let mut take = |at: usize| std::mem::take(&mut row[at]);
            Row { file: take(file), format: take(format), expected: take(expected) }
        })
        .collect()
}

/// A number that `expected` gives behind `name`, as a word of its own.
fn figure(expected: &str, name: &str) -> Option<usize> {
    let word = |at: &usize| {
        !expected[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    let at = expected.match_indices(name).map(|(at, _)| at).find(word)? + name.len();
    let rest = expected[at..].strip_prefix(['=', '"', ' '])?.trim_start_matches([':', ' ']);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Compares each figure that `expected` gives; counts how many there were.
fn compare(file: &str, expected: &str, figures: &[(&str, usize)]) -> usize {
    let mut compared = 0;
    for &(name, got) in figures {
        if let Some(expected) = figure(expected, name) {
            assert_eq!(got, expected, "{file}: {name}");
            compared += 1;
        }
    }
    compared
}

fn coverage(row: &Row, report: &CoverageReport) -> usize {
    let records = report.records;
    let totals = report.totals();
    let compare = |expected: &str, figures: &[(&str, usize)]| compare(&row.file, expected, figures);
    match report.format {
        Format::Lcov => compare(
            &row.expected,
            &[("files", records.groups), ("DA", records.lines), ("hit", records.hit)],
        ),
        Format::Cobertura => compare(
            &row.expected,
            &[("classes", records.groups), ("class-lines", records.lines), ("hit", records.hit)],
        ),
        Format::Jacoco => {
            let (lines, branches) = row.expected.split_once(" BRANCH ").unwrap();
            let missed = totals.lines - totals.covered;
            let not_taken = totals.branches - totals.branches_covered;
            compare(lines, &[("missed", missed), ("covered", totals.covered)])
                + compare(branches, &[("missed", not_taken), ("covered", totals.branches_covered)])
        }
        Format::GoCover => compare(
            &row.expected,
            &[("blocks", records.groups), ("stmts", records.lines), ("covered", records.hit)],
        ),
        Format::CoveragePy => compare(
            &row.expected,
            &[
                ("covered_lines", totals.covered),
                ("num_statements", totals.lines),
                ("missing_lines", totals.lines - totals.covered),
            ],
        ),
        Format::LlvmCov => {
            let declared = report.declared().unwrap();
            let lines = format!(" lines={}/{}", declared.covered, declared.lines);
            assert!(row.expected.ends_with(&lines), "{}: {lines}", row.file);
            if totals.lines > 0 {
                // Lines made of segments are LLVM's own lines.
                assert_eq!((totals.lines, totals.covered), (declared.lines, declared.covered));
            }
            2 + compare(&row.expected, &[("files", records.groups)])
        }
        _ => 0,
    }
}

fn tests(row: &Row, report: &TestReport) -> usize {
    let elements = report.elements;
    let figures = [
        ("cases", elements.cases),
        ("failure", elements.failures),
        ("error", elements.errors),
        ("skipped", elements.skipped),
    ];
    compare(&row.file, &row.expected, &figures)
}

fn scanners(row: &Row, log: &sarif::Log) -> usize {
    let results = || log.runs.iter().flat_map(|run| &run.results);
    let figures = [
        ("runs", log.runs.len()),
        ("results", results().count()),
        ("rules", log.runs.iter().map(|run| run.rules.len()).sum()),
        ("fingerprints", results().filter(|result| !result.fingerprints.is_empty()).count()),
        ("suppressed", results().filter(|r| r.state == State::Suppressed).count()),
    ];
    compare(&row.file, &row.expected, &figures)
}

fn named(format: &str) -> Format {
    match format {
        "sarif" => Format::Sarif,
        "junit" => Format::Junit,
        "gotest-json" => Format::GoTest,
        "lcov" => Format::Lcov,
        "cobertura" => Format::Cobertura,
        "jacoco" => Format::Jacoco,
        "clover" => Format::Clover,
        "gocover" => Format::GoCover,
        "coveragepy-json" => Format::CoveragePy,
        "llvm-cov-json" => Format::LlvmCov,
        "istanbul-json" => Format::Istanbul,
        "codecov-json" => Format::Codecov,
        other => panic!("the index names a format `{other}` that nothing reads"),
    }
}

#[test]
fn every_report_counts_as_its_index_expects() {
    let Some(folder) = reports() else { return };
    let rows = rows(&folder);
    assert!(rows.len() >= 76, "{}", rows.len());
    let mut compared = 0;
    for row in &rows {
        let bytes = std::fs::read(folder.join(&row.file)).unwrap();
        // The name must not be needed.
        let evidence = detect::read("", &bytes);
        if row.expected.starts_with("root=suites ") {
            assert_eq!(evidence, Ok(Evidence::Unknown));
            continue;
        }
        assert_eq!(detect::detect("", &bytes), Some(named(&row.format)), "{}", row.file);
        if let Some((_, place)) = row.expected.split_once("unparseable: ") {
            let line = figure(place, "line").unwrap();
            let error: ReadError = evidence.unwrap_err();
            assert_eq!(error.line, Some(line), "{}: {error}", row.file);
            continue;
        }
        let figures = match evidence.unwrap_or_else(|error| panic!("{}: {error}", row.file)) {
            Evidence::Coverage(report) => coverage(row, &report),
            Evidence::Tests(report) => tests(row, &report),
            Evidence::Sarif(log) => scanners(row, &log),
            Evidence::Unknown => panic!("{} was not recognised", row.file),
        };
        // All the figures of the row: three at the least.
        if !row.expected.is_empty() {
            assert!(figures >= 3, "{}: {figures} of `{}` compared", row.file, row.expected);
        }
        compared += figures;
    }
    println!("{} reports, {compared} figures agree", rows.len());
}

/// Which lines of the one file with lines are executable, and whether they ran.
fn lines(folder: &Path, name: &str) -> Vec<(u32, bool)> {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let Ok(Evidence::Coverage(report)) = detect::read("", &bytes) else { panic!("{name}") };
    let mut files = report.files.into_iter().filter(|file| !file.lines.is_empty());
    let file = files.next().unwrap();
    assert!(files.next().is_none(), "{name}");
    file.lines.iter().map(|line| (line.number, line.hits > 0)).collect()
}

#[test]
fn formats_of_one_run_agree_line_by_line() {
    let Some(folder) = reports() else { return };
    let python = [
        "lcov__coverage_py.lcov",
        "cobertura__coverage_py.xml",
        "coveragepy-json__coverage_py.json",
    ];
    let jest = [
        "lcov__jest_lcov.info",
        "cobertura__jest_cobertura.xml",
        "clover__jest_clover.xml",
        "istanbul-json__jest_coverage-final.json",
    ];
    for set in [&python[..], &jest] {
        let first = lines(&folder, set[0]);
        assert!(first.len() >= 7);
        for other in &set[1..] {
            assert_eq!(lines(&folder, other), first, "{other}");
        }
    }
}

#[test]
fn totals_without_an_expectation_agree_with_their_siblings() {
    let Some(folder) = reports() else { return };
    let read = |name: &str| detect::read("", &std::fs::read(folder.join(name)).unwrap()).unwrap();
    let covered = |name: &str| match read(name) {
        Evidence::Coverage(report) => report,
        other => panic!("{name}: {other:?}"),
    };
    // The same runs of cargo-llvm-cov, by lcov's, LLVM's and Codecov's own counts.
    for run in ["workspace_root", "all", "bin_crate", "instantiations", "no_test"] {
        let lcov = covered(&format!("lcov__cargo-llvm-cov_{run}.lcov.info")).declared().unwrap();
        let llvm = covered(&format!("llvm-cov-json__cargo-llvm-cov_{run}.json")).declared();
        let llvm = llvm.unwrap();
        assert_eq!((lcov.lines, lcov.covered), (llvm.lines, llvm.covered), "{run}");
        let codecov = covered(&format!("codecov-json__cargo-llvm-cov_{run}.codecov.json"));
        assert_eq!((codecov.totals().lines, codecov.totals().covered), (llvm.lines, llvm.covered));
    }
    let summary = covered("istanbul-json__jest_coverage-summary.json").declared().unwrap();
    assert_eq!((summary.lines, summary.covered), (7, 5));
    let counted = |name: &str| match read(name) {
        Evidence::Tests(report) => report.counts(),
        other => panic!("{name}: {other:?}"),
    };
    // One run of `go test`, as events and as gotestsum tells it.
    assert_eq!(
        counted("gotest-json__go_test_json_fail.json"),
        counted("junit__gotestsum_fail_panic.xml")
    );
    let declared = counted("junit__no-cases-but-tests.xml");
    assert_eq!((declared.tests, declared.failed, declared.skipped), (6, 1, 2));
}

#[test]
fn a_report_cut_anywhere_is_read_or_refused() {
    let Some(folder) = reports() else { return };
    for row in rows(&folder) {
        let bytes = std::fs::read(folder.join(&row.file)).unwrap();
        // Every place in small reports, some dozen in large ones.
        let step = (bytes.len() * bytes.len() / 6_000_000).max(1 + bytes.len() / 300);
        for end in (0..bytes.len()).step_by(step) {
            let Err(error) = detect::read(&row.file, &bytes[..end]) else { continue };
            assert!(!error.what.is_empty(), "{}", row.file);
            let lines = bytes[..end].iter().filter(|&&byte| byte == b'\n').count() + 1;
            assert!(error.line.is_none_or(|line| line <= lines), "{}: {error}", row.file);
        }
    }
}
