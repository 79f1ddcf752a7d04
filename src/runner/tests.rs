//! The readers over what runners printed for small projects of our own
//! (`tests/fixtures/runners`), and over text that nobody printed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runners")
}

fn kind_of(folder: &str) -> Kind {
    match folder {
        "cargo" => Kind::Cargo,
        "nextest" => Kind::Nextest,
        "pytest" => Kind::Pytest,
        "unittest" => Kind::Unittest,
        "go" => Kind::Go,
        "maven" => Kind::Maven,
        "gradle" => Kind::Gradle,
        "vitest" => Kind::Vitest,
        "jest" => Kind::Jest,
        "node_test" => Kind::NodeTest,
        "dotnet" => Kind::Dotnet,
        "rspec" => Kind::Rspec,
        "phpunit" => Kind::Phpunit,
        other => panic!("no kind for {other}"),
    }
}

/// A fixture: its command, its exit code, its output, the reports beside it.
struct Fixture {
    kind: Kind,
    command: String,
    exit: Option<i32>,
    output: String,
    reports: Vec<(String, Vec<u8>)>,
}

fn fixture(case: &str) -> Fixture {
    let path = folder().join(format!("{case}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{}", path.display()));
    let mut parts = text.splitn(3, '\n');
    let mut next = || parts.next().unwrap().to_owned();
    let (command, exit, output) = (next(), next(), next());
    let mut reports = Vec::new();
    if let Ok(entries) = std::fs::read_dir(folder().join(format!("{case}-reports"))) {
        for entry in entries {
            let path = entry.unwrap().path();
            reports.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    Fixture {
        kind: kind_of(case.split('/').next().unwrap()),
        command: command.strip_prefix("$ ").unwrap().to_owned(),
        exit: exit.strip_prefix("exit ").unwrap().parse().ok(),
        output,
        reports,
    }
}

fn report(case: &str) -> RunReport {
    let Fixture { kind, exit, output, reports, .. } = fixture(case);
    read(kind, exit, &output, &reports)
}

/// As the table writes it.
fn written(report: &RunReport) -> String {
    let complete = if report.is_complete { "complete" } else { "partial" };
    let mut lines = vec![format!("{}, {complete}", report.whole)];
    for test in &report.tests {
        let place = test.file.as_deref().map(|file| format!(" @ {file}")).unwrap_or_default();
        lines.push(format!("    {}: {}{place}", test.outcome, test.name));
    }
    lines.join("\n")
}

/// `expected.txt`: a line `== case`, then what is read of it.
fn table() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder().join("expected.txt")).unwrap();
    let parts = text.split("\n== ").map(|part| part.trim_start_matches("== "));
    let pairs = parts.filter_map(|part| part.split_once('\n'));
    pairs.map(|(case, rest)| (case.to_owned(), rest.trim_end().to_owned())).collect()
}

#[test]
fn every_output_is_read_as_the_table_says() {
    let table = table();
    let mut cases = BTreeSet::new();
    for kind in std::fs::read_dir(folder()).unwrap() {
        let kind = kind.unwrap().path();
        if !kind.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&kind).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|end| end == "txt") {
                let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
                cases.insert(format!("{}/{}", name(&kind), name(&file)));
            }
        }
    }
    assert!(cases.len() > 150, "{} fixtures", cases.len());
    assert_eq!(cases, table.keys().cloned().collect(), "fixtures and table");
    let mut wrong = Vec::new();
    for (case, expect) in &table {
        let got = written(&report(case));
        if got != *expect {
            wrong.push(format!("== {case}\n{got}\n-- not\n{expect}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_runner_is_seen_to_pass_fail_crash_and_run_nothing() {
    let table = table();
    for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Other) {
        let of_kind =
            table.iter().filter(|(case, _)| kind_of(case.split('/').next().unwrap()) == *kind);
        let text: String = of_kind.map(|(_, expect)| format!("\n{expect}")).collect();
        for outcome in [Outcome::Passed, Outcome::Failed, Outcome::Crashed, Outcome::NotRun] {
            assert!(text.contains(&format!("{outcome}")), "{kind}: no fixture {outcome}");
        }
        let unloaded = text.contains("did not load") || text.contains("did not build");
        assert!(unloaded, "{kind}: no fixture that does not load or build");
    }
}

#[test]
fn what_failed_is_told() {
    for (case, name, said) in [
        ("cargo/fail", "above", "assertion `left == right` failed: clamp(9)"),
        ("cargo/fail-nocapture", "above", "assertion `left == right` failed: clamp(9)"),
        ("nextest/fail", "above", "assertion `left == right` failed: clamp(9)"),
        ("pytest/fail", "test_above", "assert 5 == 6"),
        ("pytest/fail-q", "test_calc.py::test_above", "assert 5 == 6"),
        ("pytest/mixed", "TestClamp::test_above", "cut to the upper bound"),
        ("unittest/fail", "ClampTest.test_above", "AssertionError: 5 != 6"),
        ("go/fail", "TestAbove", "Clamp(9, 0, 5) = 5, want 6"),
        ("go/fail-v", "TestAbove", "Clamp(9, 0, 5) = 5, want 6"),
        ("go/fail-json", "TestTable/high_end", "got 5, want 6"),
        ("go/crash-json", "TestRatio", "integer divide by zero"),
        ("go/crash", "TestRatio", "integer divide by zero"),
        ("maven/fail", "above", "expected: <6> but was: <5>"),
        ("maven/fail-q", "CalcTest.above", "expected: <6> but was: <5>"),
        ("gradle/fail", "x.CalcTest.above", "expected: <6> but was: <5>"),
        ("jest/fail", "clamp cuts above (a+b)", "Expected: 6"),
        ("vitest/fail", "clamp > cuts above (a+b)", "expected 5 to be 6"),
        ("node_test/fail-tap", "cuts above", "5 !== 6"),
        ("node_test/fail-spec", "cuts above", "5 !== 6"),
        ("dotnet/xunit", "ClampTests.Above", "Expected: 6"),
        ("rspec/fail", "Calc.clamp cuts above", "got: 5"),
        ("rspec/fail-json", "Calc.clamp cuts above", "got: 5"),
        ("phpunit/fail", "CalcTest::testAbove", "Failed asserting that 5 is identical to 6."),
        ("phpunit/mixed-teamcity", "testAbove", "cut to the bound"),
    ] {
        let report = report(case);
        let test = result_of(&report, name).unwrap_or_else(|| panic!("{case}: no {name}"));
        assert!(test.said.contains(said), "{case} {name}: {}", test.said);
        assert!(report.said.contains(said) || report.said.len() > 1000, "{case}: {}", report.said);
    }
}

#[test]
fn what_kept_a_run_from_starting_is_told() {
    for (case, said) in [
        ("cargo/build", "error[E0432]: unresolved import `calc::wrap`"),
        ("nextest/build", "error[E0432]: unresolved import `calc::wrap`"),
        ("pytest/import", "cannot import name 'wrap'"),
        ("pytest/missing-own", "not found: "),
        ("unittest/import", "cannot import name 'wrap'"),
        ("go/build", "undefined: Wrap"),
        ("go/build-json", "undefined: Wrap"),
        ("go/syntax", "missing ',' in parameter list"),
        ("maven/build", "cannot find symbol"),
        ("gradle/build", "cannot find symbol"),
        ("jest/import", "Cannot find module './nowhere'"),
        ("vitest/import", "Cannot find module './nowhere.js'"),
        ("node_test/import-tap", "Cannot find module './nowhere'"),
        ("dotnet/build", "error CS0117"),
        ("rspec/import", "cannot load such file"),
        ("rspec/import-json", "cannot load such file"),
        ("phpunit/import", "Failed opening required 'nowhere.php'"),
    ] {
        let report = report(case);
        assert!(report.said.contains(said), "{case}: {}", report.said);
        assert!(report.said.len() <= 6 * 1024);
    }
}

/// With the source at hand, a panic's own message is an assertion where the
/// line is one, and no panic of the code under test is.
#[test]
fn a_rust_message_of_its_own_is_judged_by_its_line() {
    let bounds = include_str!("../../tests/fixtures/runners/cargo/bounds.rs.in");
    let lib = include_str!("../../tests/fixtures/runners/cargo/lib.rs.in");
    let source = |path: &str| match path {
        "tests/bounds.rs" => Some(bounds.to_owned()),
        "src/lib.rs" => Some(lib.to_owned()),
        _ => None,
    };
    for case in ["cargo/fail", "nextest/fail", "cargo/fail-nocapture"] {
        let Fixture { kind, exit, output, reports, .. } = fixture(case);
        let report = read_with(kind, exit, &output, &reports, &source);
        for (name, outcome) in [
            ("above", Outcome::Failed),
            ("named", Outcome::Failed),
            ("told", Outcome::Failed),
            ("panics", Outcome::Failed),
            ("panics_otherwise", Outcome::Failed),
            ("divides", Outcome::Crashed),
            ("unwraps", Outcome::Crashed),
            ("gives_error", Outcome::Crashed),
            ("inside_production", Outcome::Crashed),
            ("passes", Outcome::Passed),
        ] {
            assert_eq!(result_of(&report, name).unwrap().outcome, outcome, "{case} {name}");
        }
        if let Some(cut) = result_of(&report, "tests::cut") {
            assert_eq!(cut.outcome, Outcome::Failed, "{case}");
        }
    }
}

#[test]
fn rust_panics_are_told_apart() {
    let said = |place: &str, message: &str| {
        format!("thread 'x' (1) panicked at {place}:3:5:\n{message}\nnote: run with …\n")
    };
    let none = |_: &str| None;
    let lines = "fn f() {\n    #[test]\n    assert!(x, \"m\");\n}\n";
    let assert_line = |_: &str| Some(lines.to_owned());
    let call_line = |_: &str| Some("#[test]\nfn t() {\n    f(\"assert\");\n}\n".to_owned());
    let production =
        |_: &str| Some("fn f() {\n    let x = 1;\n    assert!(x > 2);\n}\n".to_owned());
    type Source<'a> = &'a dyn Fn(&str) -> Option<String>;
    for (text, source, expect) in [
        (said("tests/a.rs", "assertion failed: a"), &none as Source<'_>, Outcome::Failed),
        (said("tests/a.rs", "m"), &none, Outcome::Crashed),
        (said("tests/a.rs", "m"), &assert_line, Outcome::Failed),
        (said("tests/a.rs", "m"), &call_line, Outcome::Crashed),
        (said("src/a.rs", "m"), &assert_line, Outcome::Failed),
        (said("src/a.rs", "assertion failed: x > 2"), &production, Outcome::Crashed),
        (said("src/a.rs", "assertion failed: x > 2"), &none, Outcome::Failed),
        (said("/rustc/0/library/core/src/x.rs", "assertion failed: x"), &none, Outcome::Crashed),
        (said("tests/a.rs", "attempt to add with overflow"), &assert_line, Outcome::Crashed),
        (
            said("tests/a.rs", "called `Option::unwrap()` on a `None` value"),
            &none,
            Outcome::Crashed,
        ),
        // The test's own words cannot hide a second panic, or an error given back.
        (
            said("tests/a.rs", "assertion failed: a")
                + &said("tests/a.rs", "index out of bounds: x"),
            &none,
            Outcome::Crashed,
        ),
        (said("tests/a.rs", "assertion failed: a") + "Error: X\n", &none, Outcome::Crashed),
        (
            "thread 'x' panicked at 'assertion failed: a', tests/a.rs:3:5\n".to_owned(),
            &none,
            Outcome::Failed,
        ),
        (
            "thread 'x' panicked at 'index out of bounds: x', tests/a.rs:3:5\n".to_owned(),
            &none,
            Outcome::Crashed,
        ),
        (String::new(), &none, Outcome::Crashed),
    ] {
        assert_eq!(panics::judge(&text, source), expect, "{text}");
    }
}

/// A claim that the exit code or the totals contradict is believed neither way.
#[test]
fn contradictions_are_never_a_pass_nor_a_proof() {
    for (case, exit) in [
        ("cargo/fail", Some(0)),
        ("nextest/fail", Some(0)),
        ("pytest/fail", Some(0)),
        ("unittest/fail-v", Some(0)),
        ("go/fail-json", Some(0)),
        ("maven/fail", Some(0)),
        ("gradle/fail", Some(0)),
        ("vitest/fail", Some(0)),
        ("jest/fail", Some(0)),
        ("node_test/fail-tap", Some(0)),
        ("dotnet/xunit", Some(0)),
        ("rspec/fail", Some(0)),
        ("phpunit/fail", Some(0)),
        ("pytest/fail", None),
        ("cargo/fail", None),
    ] {
        let Fixture { kind, output, reports, .. } = fixture(case);
        let report = read(kind, exit, &output, &reports);
        assert_eq!(report.whole, Outcome::Crashed, "{case} {exit:?}");
        assert!(!report.is_complete, "{case} {exit:?}");
        let failed = report.tests.iter().find(|test| test.outcome == Outcome::Failed);
        assert_eq!(failed, None, "{case} {exit:?}");
    }
    for kind in Kind::ALL {
        let passing = format!("{kind:?}").to_lowercase();
        let passing = passing.replace("nodetest", "node_test");
        for case in table().keys().filter(|case| case.starts_with(&format!("{passing}/pass"))) {
            let Fixture { kind, output, reports, .. } = fixture(case);
            for exit in [Some(1), Some(101), None] {
                let report = read(kind, exit, &output, &reports);
                assert_eq!(report.whole, Outcome::Crashed, "{case} {exit:?}");
                assert!(!report.is_complete, "{case} {exit:?}");
            }
        }
    }
}

/// A test that prints what its runner prints. The exit code is that of the
/// whole run, in which another test fails or none does.
#[test]
fn printed_lies_are_not_believed() {
    for (case, lie, honest) in [
        ("cargo/liar", Outcome::Passed, "honest"),
        ("cargo/liar-nocapture", Outcome::Passed, "honest"),
        ("pytest/liar", Outcome::NotRun, "test_honest"),
        ("pytest/liar-own", Outcome::Passed, "test_honest"),
        ("pytest/liar-s", Outcome::Passed, "test_honest"),
        ("unittest/liar", Outcome::NotRun, "test_honest"),
        ("unittest/liar-v", Outcome::NotRun, "test_honest"),
        ("go/fail-json", Outcome::Crashed, "TestAbove"),
        ("go/fail-v", Outcome::Crashed, "TestAbove"),
    ] {
        let report = report(case);
        let name = if case.starts_with("go/") { "TestLiar" } else { "liar" };
        let name = if case.starts_with("pytest") || case.starts_with("unittest") {
            "test_liar"
        } else {
            name
        };
        let got = result_of(&report, name).map_or(Outcome::NotRun, |test| test.outcome);
        assert_eq!(got, lie, "{case}");
        assert_eq!(result_of(&report, honest).unwrap().outcome, Outcome::Failed, "{case}");
    }
}

#[test]
fn only_the_exit_code_of_an_unknown_runner_is_read() {
    for (exit, expect) in
        [(Some(0), Outcome::Passed), (Some(1), Outcome::Crashed), (None, Outcome::Crashed)]
    {
        let report = read(Kind::Other, exit, "FAILED test_x - AssertionError\n1 failed", &[]);
        assert_eq!(report.whole, expect);
        assert!(report.tests.is_empty() && !report.is_complete);
    }
}

#[test]
fn tests_are_found_by_their_printed_names() {
    let test = |name: &str, file: Option<&str>, outcome: Outcome| TestResult {
        name: name.to_owned(),
        file: file.map(str::to_owned),
        outcome,
        said: String::new(),
    };
    use Outcome::{Crashed, DidNotImport, Failed, Passed};
    let tests = vec![
        test("calc::tests::add", Some("src/lib.rs"), Passed),
        test("other::tests::add", Some("src/lib.rs"), Failed),
        test("tests/test_a.py::TestA::test_x[1-a b]", Some("tests/test_a.py"), Passed),
        test("tests/test_a.py::TestA::test_x[2]", Some("tests/test_a.py"), Failed),
        test("clamp › cuts above (a+b)", Some("calc.test.js"), Failed),
        test("x.CalcTest.each(int)[2]", None, Failed),
        test("CalcTest::testEach with data set #0", None, Passed),
        test("test_calc", None, DidNotImport),
        test("sub/test_b.py", Some("sub/test_b.py"), DidNotImport),
        test("TestSame", Some("example.com/a"), Passed),
        test("TestSame", Some("example.com/b"), Crashed),
        test("above", Some("calc::bounds"), Failed),
    ];
    let report = RunReport { whole: Crashed, tests, is_complete: true, said: String::new() };
    for (name, expect) in [
        ("calc::tests::add", Some(0)),
        ("tests::add", Some(1)),
        ("add", Some(1)),
        ("dd", None),
        ("tests/test_a.py::TestA::test_x", Some(3)),
        ("test_x", Some(3)),
        ("TestA::test_x[1-a b]", Some(2)),
        ("clamp cuts above (a+b)", Some(4)),
        ("clamp > cuts above (a+b)", Some(4)),
        ("cuts above (a+b)", Some(4)),
        ("x.CalcTest#each", Some(5)),
        ("CalcTest.each", Some(5)),
        ("CalcTest::testEach", Some(6)),
        ("test_calc.ClampTest.test_above", Some(7)),
        ("test_calculus.ClampTest.test_above", None),
        ("sub/test_b.py::test_y", Some(8)),
        ("TestSame", Some(10)),
        ("example.com/a.TestSame", Some(9)),
        ("calc::bounds above", Some(11)),
        ("bounds::above", Some(11)),
        ("", None),
        ("::", None),
    ] {
        let got = result_of(&report, name);
        assert_eq!(got, expect.map(|at: usize| &report.tests[at]), "{name}");
    }
}

/// Every command that a fixture was made with is known for what it is, but
/// those that hide it.
#[test]
fn commands_of_the_fixtures_are_known() {
    for case in table().keys() {
        let fixture = fixture(case);
        assert_eq!(kind_of_command(&fixture.command), Some(fixture.kind), "{}", fixture.command);
    }
}

fn pieces() -> Vec<String> {
    let mut lines = BTreeSet::new();
    for case in table().keys() {
        lines.extend(fixture(case).output.lines().map(str::to_owned));
    }
    lines.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_read(text in "(?s).{0,400}", exit in proptest::option::of(-1..260_i32)) {
        for kind in Kind::ALL {
            let report = read(kind, exit, &text, &[("r.xml".to_owned(), text.clone().into_bytes())]);
            prop_assert!(report.said.len() <= 6 * 1024);
            prop_assert!(report.whole != Outcome::Passed || exit == Some(0));
        }
    }

    /// Lines of real outputs, shuffled and cut.
    #[test]
    fn any_order_of_lines_is_read(
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
        cuts in proptest::collection::vec(0..80_usize, 60),
        exit in prop::sample::select(vec![Some(0), Some(1), Some(2), Some(5), Some(101), None]),
    ) {
        static PIECES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(pieces);
        let text: String = picks
            .iter()
            .zip(cuts)
            .map(|(pick, cut)| {
                let line = &PIECES[pick.index(PIECES.len())];
                let kept: String = if cut < 60 { line.clone() } else { line.chars().skip(cut - 60).collect() };
                kept + "\n"
            })
            .collect();
        for kind in Kind::ALL {
            let report = read(kind, exit, &text, &[]);
            prop_assert!(report.whole != Outcome::Passed || exit == Some(0));
            prop_assert!(exit != Some(0) || report.tests.iter().all(|test| test.outcome != Outcome::Failed));
            prop_assert!(report.tests.iter().all(|test| test.said.len() <= 4 * 1024));
        }
    }
}
