//! Every report of the shared collection, read and counted: the figures that
//! its index expects, and no panic wherever a report is cut.

use std::path::{Path, PathBuf};

use pipewright::evidence::coverage::CoverageReport;
use pipewright::evidence::results::TestReport;
use pipewright::evidence::sarif::{self, State};
use pipewright::evidence::{Evidence, Format, ReadError, detect};
use proptest::prelude::*;

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
        let step = (bytes.len() * bytes.len() / 3_000_000).max(1 + bytes.len() / 100);
        for end in (0..bytes.len()).step_by(step) {
            let Err(error) = detect::read(&row.file, &bytes[..end]) else { continue };
            assert!(!error.what.is_empty(), "{}", row.file);
            let lines = bytes[..end].iter().filter(|&&byte| byte == b'\n').count() + 1;
            assert!(error.line.is_none_or(|line| line <= lines), "{}: {error}", row.file);
        }
    }
}

/// One small report of every format, so that each is exercised where the
/// shared collection is absent.
const SAMPLES: [(Format, &str); 13] = [
    (
        Format::Sarif,
        r#"{"$schema":"s","version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[{"id":"A","properties":{"tags":["security"],"security-severity":"7.5"}}]}},"originalUriBaseIds":{"R":{"uri":"file:///ci/"}},"results":[{"ruleIndex":0,"level":"error","message":{"text":"é [x](1) {0}","arguments":["y"]},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a%20b.py","uriBaseId":"R"},"region":{"startLine":1,"startColumn":2,"endLine":3,"endColumn":1}}}],"fixes":[{"artifactChanges":[{"artifactLocation":{"uri":"a.py"},"replacements":[{"deletedRegion":{"startLine":1},"insertedContent":{"text":"z\n"}}]}]}]}]}]}"#,
    ),
    (
        Format::Junit,
        "<?xml version='1.0'?>\n<testsuites><testsuite name='pytest' tests='2'>\n<testcase classname='t' name='x' file='t.py' line='3'><failure message='a &lt; b'>t.py:4: <![CDATA[boom]]>&#10;&amp;</failure></testcase>\n<testcase name='y'><skipped/></testcase></testsuite>\n<testsuite tests='3' failures='1'/></testsuites>",
    ),
    (
        Format::GoTest,
        "{\"Time\":\"t\",\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"A\"}\n{\"Time\":\"t\",\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"A\",\"Output\":\"a_test.go:3: no\\n\"}\n{\"Time\":\"t\",\"Action\":\"fail\",\"Package\":\"p\",\"Test\":\"A\"}\n{\"Action\":\"fail\",\"Package\":\"p\"}\n",
    ),
    (
        Format::Lcov,
        "TN:\nSF:/ci/a.c\nFN:1,f\nDA:1,2,sum\nDA:2,0\nBRDA:1,0,0,-\nLF:2\nLH:1\nend_of_record\n",
    ),
    (
        Format::Cobertura,
        "<?xml version='1.0'?>\n<!DOCTYPE coverage SYSTEM 'http://example.invalid/c.dtd'>\n<coverage line-rate='0.5'><sources><source>/ci</source></sources><packages><package><classes><class filename='a.py'><methods/><lines><line number='1' hits='1' condition-coverage='50% (1/2)'/><line number='2' hits='0'/></lines></class></classes></package></packages></coverage>",
    ),
    (
        Format::Jacoco,
        "<!DOCTYPE report PUBLIC '-//JACOCO//DTD Report 1.1//EN' 'report.dtd'><report name='r'><group name='g'><package name='p'><sourcefile name='A.java'><line nr='1' mi='0' ci='3' mb='1' cb='1'/><line nr='2' mi='3' ci='0' mb='0' cb='0'/></sourcefile></package></group></report>",
    ),
    (
        Format::Clover,
        "<coverage generated='1' clover='3.2.0'><project><file name='a.js' path='/ci/a.js'><line num='1' count='2' type='cond' truecount='1' falsecount='1'/><line num='2' count='0' type='stmt'/></file></project></coverage>",
    ),
    (
        Format::GoCover,
        "mode: count\nexample.com/m/a.go:1.13,2.2 1 4\nexample.com/m/a.go:3.1,4.2 2 0\n",
    ),
    (
        Format::CoveragePy,
        r#"{"meta":{"format":3},"files":{"a.py":{"executed_lines":[1],"missing_lines":[2],"executed_branches":[[1,2]],"missing_branches":[[1,-1]]}},"totals":{}}"#,
    ),
    (
        Format::LlvmCov,
        r#"{"data":[{"files":[{"filename":"a.rs","segments":[[1,1,4,true,true,false],[1,9,0,false,false,false],[2,1,0,true,true,false],[2,9,0,false,false,false]],"summary":{"lines":{"count":2,"covered":1}}}]}],"type":"llvm.coverage.json.export","version":"3.1.0"}"#,
    ),
    (
        Format::Istanbul,
        r#"{"/ci/a.js":{"path":"/ci/a.js","statementMap":{"0":{"start":{"line":1}},"1":{"start":{"line":2}}},"branchMap":{"0":{"line":1}},"s":{"0":3,"1":0},"b":{"0":[1,0]}}}"#,
    ),
    (
        Format::Istanbul,
        r#"{"total":{"lines":{"total":2,"covered":1},"statements":{},"functions":{}},"/ci/a.js":{"lines":{"total":2,"covered":1}}}"#,
    ),
    (Format::Codecov, r#"{"coverage":{"a.rs":{"1":"1/2","2":"0/1","3":null}}}"#),
];

#[test]
fn every_format_is_told_by_content_and_counted() {
    for (format, text) in SAMPLES {
        assert_eq!(detect::detect("", text.as_bytes()), Some(format), "{text}");
        match detect::read("", text.as_bytes()).unwrap() {
            Evidence::Coverage(report) => {
                assert_eq!(report.format, format);
                let totals = match report.declared() {
                    Some(declared) if report.totals().lines == 0 => declared,
                    _ => report.totals(),
                };
                let expect = if format == Format::GoCover { (4, 2) } else { (2, 1) };
                assert_eq!((totals.lines, totals.covered), expect, "{format}");
            }
            Evidence::Tests(report) => {
                let counts = report.counts();
                let expect = if format == Format::Junit { (5, 2, 1) } else { (1, 1, 0) };
                assert_eq!((counts.tests, counts.failed, counts.skipped), expect, "{format}");
            }
            Evidence::Sarif(log) => {
                let result = &log.runs[0].results[0];
                assert_eq!(result.message, "é x y");
                assert_eq!(result.places[0].path, "/ci/a b.py");
            }
            Evidence::Unknown => panic!("{format}"),
        }
    }
}

/// Reads bytes as every format there is, whatever they look like.
fn read_as_everything(bytes: &[u8]) {
    use pipewright::evidence::{
        clover, cobertura, codecov, coveragepy, gocover, gotest, istanbul, jacoco, junit, lcov,
        llvm_cov,
    };
    let _ = detect::read("a.sarif", bytes);
    let coverage = [
        lcov::read,
        cobertura::read,
        jacoco::read,
        clover::read,
        gocover::read,
        coveragepy::read,
        llvm_cov::read,
        istanbul::read,
        codecov::read,
    ];
    for read in coverage {
        if let Ok(report) = read(bytes) {
            for file in &report.files {
                assert!(file.lines.is_sorted_by(|a, b| a.number < b.number), "{}", file.path);
                assert!(file.lines.first().is_none_or(|line| line.number > 0), "{}", file.path);
            }
        }
    }
    for read in [junit::read, gotest::read] {
        if let Ok(report) = read(bytes) {
            let counts = report.counts();
            assert!(counts.tests >= report.cases.len());
        }
    }
    if let Ok(log) = sarif::read(bytes) {
        for result in log.runs.iter().flat_map(|run| &run.results) {
            for region in result.places.iter().filter_map(|place| place.region) {
                assert!(region.start > 0 && region.start <= region.end);
            }
        }
    }
}

#[test]
fn a_sample_cut_at_any_byte_is_read_or_refused() {
    for (_, text) in SAMPLES {
        for end in 0..text.len() {
            read_as_everything(&text.as_bytes()[..end]);
        }
    }
}

#[test]
fn hostile_sizes_end_soon() {
    let started = std::time::Instant::now();
    let many = 200_000;
    for text in [
        format!(
            "<testsuite><testcase><failure message='{}'/></testcase></testsuite>",
            "&".repeat(many)
        ),
        "<testsuite>".repeat(many),
        format!("<testsuite><testcase><failure>{}", "a.b:".repeat(many)),
        format!(
            r#"{{"runs":[{{"results":[{{"message":{{"text":"{}","arguments":["x"]}}}}]}}]}}"#,
            "{".repeat(many)
        ),
        format!(
            r#"{{"runs":[{{"results":[{{"message":{{"text":"{}"}}}}]}}]}}"#,
            "[](".repeat(many)
        ),
        "[".repeat(many),
        format!("{{\"runs\":{}", "[".repeat(many)),
        format!("mode: set\n{}", "a.go:1.1,4000000000.1 1 1\n".repeat(9)),
        format!("SF:a\n{}end_of_record", "DA:1,1\nBRDA:1,0,0,1\n".repeat(many / 10)),
    ] {
        read_as_everything(text.as_bytes());
    }
    // Quadratic work on any of these takes minutes.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn no_damage_to_a_report_makes_a_reader_panic(
        sample in 0..SAMPLES.len(),
        damage in proptest::collection::vec((any::<usize>(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = SAMPLES[sample].1.as_bytes().to_vec();
        for (place, byte, kind) in damage {
            let at = place % bytes.len().max(1);
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        read_as_everything(&bytes);
    }
}
