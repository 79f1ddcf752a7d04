//! Tables for keeping reports to a change.

use bytes::Bytes;

use super::*;
use crate::diff::{Content, FileDiff, Hunk, Line, LineKind, Patch, RepoPath, Status};
use crate::evidence::detect;

/// A file of a change: hunks are a first line on both sides and lines with signs.
fn file(path: &str, status: Status, hunks: &[(u32, &str)]) -> FileDiff {
    let mut text = Vec::new();
    let (mut lines, mut made) = (Vec::new(), Vec::new());
    for (start, body) in hunks {
        let first = lines.len() as u32;
        for line in body.lines() {
            let (sign, rest) = line.split_at(1);
            let kind = match sign {
                "+" => LineKind::Added,
                "-" => LineKind::Removed,
                _ => LineKind::Context,
            };
            let (start, len) = (text.len() as u32, rest.len() as u32);
            text.extend_from_slice(rest.as_bytes());
            lines.push(Line { kind, newline: true, start, len });
        }
        let count = |not: LineKind| {
            lines[first as usize..].iter().filter(|line| line.kind != not).count() as u32
        };
        let (old_lines, new_lines) = (count(LineKind::Added), count(LineKind::Removed));
        made.push(Hunk {
            old_start: *start,
            old_lines,
            new_start: *start,
            new_lines,
            section: 0..0,
            lines: first..lines.len() as u32,
        });
    }
    FileDiff {
        old_path: (status != Status::Added).then(|| RepoPath::from(path)),
        new_path: (status != Status::Deleted).then(|| RepoPath::from(path)),
        status,
        old_mode: None,
        new_mode: None,
        content: Content::Text(Patch { text: Bytes::from(text), lines, hunks: made }),
    }
}

fn change() -> Change {
    Change {
        files: vec![
            // Lines 10 to 14; 11, 12 and 14 are added.
            file(
                "src/shop/price.py",
                Status::Modified,
                &[(
                    10,
                    " def f():\n+    x = get(url)\n+    assert x\n-    old\n     return x\n+    pass",
                )],
            ),
            file("core/src/main/java/p/Calc.java", Status::Modified, &[(3, "+int a;\n int b;")]),
            file("calc/calc_test.go", Status::Added, &[(1, "+package calc\n+\n+func T() {\n+}")]),
        ],
    }
}

fn report(name: &str, text: &str) -> NamedEvidence {
    let evidence = detect::read(name, text.as_bytes()).unwrap();
    assert_ne!(evidence, Evidence::Unknown, "{text}");
    (name.to_owned(), evidence)
}

fn sarif(tool: &str, rules: &str, results: &str) -> NamedEvidence {
    let text = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"{tool}","rules":[{rules}]}}}},"results":[{results}]}}]}}"#
    );
    report("a.sarif", &text)
}

fn result(rule: &str, uri: &str, region: &str, message: &str, more: &str) -> String {
    format!(
        r#"{{"ruleId":"{rule}","message":{{"text":"{message}"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"{uri}"}}{region}}}}}]{more}}}"#
    )
}

fn at(start: u32, end: u32) -> String {
    format!(r#","region":{{"startLine":{start},"endLine":{end}}}"#)
}

const PRICE: &str = "file:///home/runner/work/r/r/src/shop/price.py";

#[test]
fn only_results_on_added_lines_are_kept() {
    let check = |uri: &str, region: &str, more: &str, expect: Option<(u32, u32)>| {
        let reports = [sarif("t", "", &result("R", uri, region, "m", more))];
        let found = findings(&change(), &reports, &Options::default());
        let got = found.first().map(|finding| (finding.line, finding.end_line));
        assert_eq!(got, expect, "{uri} {region} {more}");
    };
    check(PRICE, &at(11, 11), "", Some((11, 11)));
    check("src/shop/price.py", &at(14, 14), "", Some((14, 14)));
    check(PRICE, &at(10, 10), "", None);
    check(PRICE, &at(13, 13), "", None);
    check(PRICE, &at(99, 99), "", None);
    check(PRICE, &at(10, 12), "", Some((10, 12)));
    check(PRICE, &at(8, 12), "", Some((10, 12)));
    check(PRICE, &at(11, 200), "", Some((11, 14)));
    check(PRICE, &at(1, 200), "", None);
    check(PRICE, "", "", None);
    check("calc/calc_test.go", "", "", Some((1, 1)));
    check("src/other.py", &at(11, 11), "", None);
    check(PRICE, &at(11, 11), r#","suppressions":[{"kind":"inSource"}]"#, None);
    check(PRICE, &at(11, 11), r#","kind":"pass""#, None);
    check(PRICE, &at(11, 11), r#","baselineState":"unchanged""#, None);
}

#[test]
fn severity_category_and_confidence_come_from_rule_and_result() {
    let check = |rule: &str, more: &str, severity: Severity, category: &str, confidence: f64| {
        let rules = format!(r#"{{"id":"R"{rule}}}"#);
        let reports = [sarif("t", &rules, &result("R", PRICE, &at(11, 11), "m", more))];
        let found = findings(&change(), &reports, &Options::default());
        let got = (found[0].severity, found[0].category.as_str(), found[0].confidence);
        assert_eq!(got, (severity, category, confidence), "{rule} {more}");
    };
    let properties = |inner: &str| format!(r#","properties":{{{inner}}}"#);
    check("", "", Severity::Low, "scanner", 0.8);
    check("", r#","level":"error""#, Severity::Medium, "scanner", 0.8);
    check("", r#","level":"note""#, Severity::Low, "scanner", 0.8);
    check("", r#","level":"none""#, Severity::Info, "scanner", 0.8);
    check(r#","defaultConfiguration":{"level":"error"}"#, "", Severity::Medium, "scanner", 0.8);
    let vouched = properties(r#""precision":"high""#);
    check(&vouched, r#","level":"error""#, Severity::High, "scanner", 0.9);
    let tagged = properties(r#""tags":["security"]"#);
    check(&tagged, r#","level":"error""#, Severity::High, "security", 0.8);
    check(&properties(r#""security-severity":"9.8""#), "", Severity::Critical, "security", 0.8);
    check(&properties(r#""security-severity":"0.0""#), "", Severity::Medium, "security", 0.8);
    check(&properties(r#""precision":"very-high""#), "", Severity::Medium, "scanner", 0.95);
    check(&properties(r#""tags":["external/cwe/cwe-79"]"#), "", Severity::Medium, "security", 0.8);
    check(&properties(r#""tags":["vulnerability","LOW"]"#), "", Severity::Low, "security", 0.8);
    check(
        "",
        &properties(r#""issue_severity":"HIGH","issue_confidence":"LOW""#),
        Severity::High,
        "scanner",
        0.5,
    );
}

#[test]
fn what_is_said_twice_is_said_once() {
    let check = |reports: &[NamedEvidence], expect: &[&str]| {
        let found = findings(&change(), reports, &Options::default());
        let sources: Vec<String> = found.iter().map(|f| f.source.to_string()).collect();
        assert_eq!(sources, expect);
        found
    };
    let one = |tool: &str, rule: &str, message: &str| {
        sarif(tool, "", &result(rule, PRICE, &at(11, 11), message, ""))
    };
    let bandit = one("Bandit", "B113", "Call to requests without timeout");
    check(&[bandit.clone(), bandit.clone()], &["rule:bandit/B113"]);
    let ruff = one("ruff", "S113", "Call to `requests` without timeout.");
    let merged = check(&[ruff, bandit.clone()], &["rule:bandit/B113"]);
    assert!(merged[0].body.contains("Also reported by `rule:ruff/S113`."), "{}", merged[0].body);
    let other_words = one("ruff", "S113", "Probable use of `requests` call without timeout");
    check(&[other_words, bandit.clone()], &["rule:bandit/B113"]);
    let flake8 = one("flake8", "E501", "line too long (101 > 88 characters)");
    check(&[one("ruff", "E501", "Line too long"), flake8], &["rule:flake8/E501"]);
    check(
        &[one("x", "no-a", "Unused"), one("y", "no-a", "Different thing altogether")],
        &["rule:x/no-a", "rule:y/no-a"],
    );
    let other = one("Semgrep OSS", "ssrf", "URL comes from the user");
    check(&[bandit, other], &["rule:bandit/B113", "rule:semgrep-oss/ssrf"]);
}

#[test]
fn fingerprints_hold_when_lines_move() {
    let at_start = |start: u32| {
        let body = "+x = 1\n+x = 1\n y\n";
        let change = Change { files: vec![file("a.py", Status::Modified, &[(start, body)])] };
        let results = [start, start + 1].map(|n| result("R", "a.py", &at(n, n), "m", ""));
        let reports = [sarif("t", "", &results.join(","))];
        findings(&change, &reports, &Options::default())
            .into_iter()
            .map(|finding| finding.id)
            .collect::<Vec<_>>()
    };
    let first = at_start(5);
    assert_eq!(first.len(), 2);
    assert_ne!(first[0], first[1]);
    assert_eq!(first, at_start(50));
}

#[test]
fn one_edit_becomes_a_suggestion() {
    // `expect`: lines and replacement.
    let check = |region: &str, text: &str, expect: Option<(u32, u32, &str)>| {
        let fix = format!(
            r#","fixes":[{{"artifactChanges":[{{"artifactLocation":{{"uri":"{PRICE}"}},"replacements":[{{"deletedRegion":{region},"insertedContent":{{"text":"{text}"}}}}]}}]}}]"#
        );
        let reports = [sarif("t", "", &result("R", PRICE, &at(11, 12), "m", &fix))];
        let found = findings(&change(), &reports, &Options::default());
        let finding = &found[0];
        let got = finding.suggestion.as_ref();
        let got = got.map(|s| (finding.line, finding.end_line, s.replacement.as_str()));
        assert_eq!(got, expect, "{region} {text}");
    };
    // Columns of one line: `    x = get(url)`.
    let column = r#"{"startLine":11,"startColumn":16,"endColumn":16}"#;
    check(column, ", timeout=9", Some((11, 11, "    x = get(url, timeout=9)")));
    check(
        r#"{"startLine":11,"startColumn":5,"endLine":12,"endColumn":13}"#,
        "x = 1",
        Some((11, 12, "    x = 1")),
    );
    check(r#"{"startLine":11,"endLine":12}"#, "a\\nb\\n", Some((11, 12, "a\nb")));
    check(r#"{"startLine":11,"startColumn":1,"endLine":12,"endColumn":1}"#, "", Some((11, 11, "")));
    check(
        r#"{"startLine":11,"startColumn":1,"endLine":13,"endColumn":1}"#,
        "z\\n",
        Some((11, 12, "z")),
    );
    check(r#"{"startLine":11,"startColumn":1,"endLine":12,"endColumn":1}"#, "z", None);
    check(r#"{"startLine":11,"startColumn":99}"#, "z", None);
    check(r#"{"startLine":11,"startColumn":5,"endColumn":5}"#, "", None);
    check(r#"{"startLine":10}"#, "z", None);
    check(r#"{"startLine":12,"endLine":40}"#, "z", None);
    check(r#"{"startLine":14}"#, "z", None);
}

#[test]
fn columns_count_utf16_units_unless_said_otherwise() {
    for (kind, column, expect) in [
        ("utf16CodeUnits", 4, Some("\"\u{1f600}b\"")),
        ("unicodeCodePoints", 3, Some("\"\u{1f600}b\"")),
        ("utf16CodeUnits", 3, None),
    ] {
        let change = Change { files: vec![file("a.py", Status::Added, &[(1, "+\"\u{1f600}\"")])] };
        let fix = format!(
            r#","fixes":[{{"artifactChanges":[{{"artifactLocation":{{"uri":"a.py"}},"replacements":[{{"deletedRegion":{{"startLine":1,"startColumn":{column},"endColumn":{column}}},"insertedContent":{{"text":"b"}}}}]}}]}}]"#
        );
        let text = format!(
            r#"{{"version":"2.1.0","runs":[{{"columnKind":"{kind}","results":[{}]}}]}}"#,
            result("R", "a.py", &at(1, 1), "m", &fix)
        );
        let found = findings(&change, &[report("a", &text)], &Options::default());
        let got = found[0].suggestion.as_ref().map(|s| s.replacement.as_str());
        assert_eq!(got, expect, "{kind} {column}");
    }
}

#[test]
fn tests_fail_where_their_traces_meet_the_change() {
    let check = |class: &str, said: &str, attributes: &str, expect: Option<(&str, u32)>| {
        let text = format!(
            "<testsuite name='s'><testcase classname='{class}' name='t' {attributes}>\
             <failure>{said}</failure></testcase></testsuite>"
        );
        let found = findings(&change(), &[report("j.xml", &text)], &Options::default());
        let got = found.first().map(|finding| (finding.path.as_str(), finding.line));
        assert_eq!(got, expect, "{said}");
        if let Some(finding) = found.first() {
            assert_eq!(finding.source, Source::Rule("tests/failed".into()));
            assert_eq!(finding.severity, Severity::High);
        }
    };
    let price = "src/shop/price.py";
    check("", "src/shop/price.py:12: AssertionError", "", Some((price, 12)));
    check("", "src/shop/price.py:10: x\nsrc/shop/price.py:14: y", "", Some((price, 14)));
    check("", "src/shop/price.py:13: AssertionError", "", None);
    check("", "  File \"/ci/src/shop/price.py\", line 11, in f", "", Some((price, 11)));
    check("p.C", "\tat p.Calc.f(Calc.java:3)", "", Some(("core/src/main/java/p/Calc.java", 3)));
    check("example.com/m/calc", "    calc_test.go:3: no", "", Some(("calc/calc_test.go", 3)));
    check("calc", "    calc_test.go:3: no", "", Some(("calc/calc_test.go", 3)));
    check("other", "    calc_test.go:3: no", "", None);
    check("", "boom", "file='src/shop/price.py' line='11'", Some((price, 11)));
    check("", "price.py:11: x", "file='src/shop/price.py'", Some((price, 11)));
    check("", "boom", "", None);
}

#[test]
fn tests_that_fail_on_one_line_are_one_finding() {
    let case =
        |name: &str| format!("<testcase name='{name}'><error message='a.py:1: `b`'/></testcase>");
    let cases: String = (0..7).map(|n| case(&n.to_string())).collect();
    let change = Change { files: vec![file("a.py", Status::Added, &[(1, "+x")])] };
    let text = format!("<testsuite>{cases}</testsuite>");
    let found = findings(&change, &[report("j", &text), report("k", &text)], &Options::default());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].title, "7 tests fail here");
    assert!(found[0].body.contains("- `4`\n- and 2 more\n"), "{}", found[0].body);
    assert!(found[0].body.contains("```text\na.py:1: `b`\n```"), "{}", found[0].body);
}

fn lcov(path: &str, lines: &[(u32, u64)]) -> String {
    let lines: String = lines.iter().map(|(line, hits)| format!("DA:{line},{hits}\n")).collect();
    format!("SF:{path}\n{lines}end_of_record\n")
}

#[test]
fn coverage_of_new_lines_is_merged_over_reports() {
    let reports = [
        report("a.info", &lcov("/ci/src/shop/price.py", &[(10, 0), (11, 0), (12, 1), (14, 0)])),
        report("b.info", &lcov("src/shop/price.py", &[(11, 3), (14, 0), (99, 0)])),
        report("c.info", &lcov("src/other.py", &[(11, 0)])),
    ];
    let evidence = test_evidence(&change(), &reports, &Options::default()).unwrap();
    assert_eq!((evidence.lines, evidence.covered), (3, 2));
    assert_eq!(evidence.files.len(), 1);
    assert_eq!(evidence.files[0].path, "src/shop/price.py");
    assert_eq!(evidence.files[0].uncovered, [14]);
    assert_eq!(evidence.reports, ["a.info", "b.info", "c.info"]);
    assert_eq!(findings(&change(), &reports, &Options::default()), []);
}

#[test]
fn ranges_do_not_make_brackets_and_blanks_executable() {
    let profile = "mode: set\nexample.com/m/calc/calc_test.go:1.1,4.2 3 0\n";
    let evidence =
        test_evidence(&change(), &[report("c.out", profile)], &Options::default()).unwrap();
    // `package calc` and `func T() {`.
    assert_eq!(evidence.files[0].uncovered, [1, 3]);
}

#[test]
fn tests_that_several_reports_tell_count_once() {
    let suite = |cases: &str| format!("<testsuite name='s'>{cases}</testsuite>");
    let reports = [
        report("a.xml", &suite("<testcase name='x'/><testcase name='y'/><testcase name='y'/>")),
        report(
            "b.xml",
            &suite(
                "<testcase name='x'><failure/></testcase><testcase name='z'><skipped/></testcase>",
            ),
        ),
        report("c.xml", "<testsuite tests='10' failures='1' skipped='2'/>"),
        sarif("t", "", ""),
    ];
    let evidence = test_evidence(&change(), &reports, &Options::default()).unwrap();
    assert_eq!((evidence.tests, evidence.failed, evidence.skipped), (14, 2, 3));
    assert_eq!(evidence.reports, ["a.xml", "b.xml", "c.xml"]);
    assert_eq!(test_evidence(&change(), &reports[3..], &Options::default()), None);
}

#[test]
fn a_long_uncovered_run_is_a_finding_of_its_file() {
    let body: String = (0..30).map(|n| format!("+    x{n} = {n}\n")).collect();
    let change = Change { files: vec![file("a.py", Status::Added, &[(1, &body)])] };
    let check = |hits: &[(u32, u64)], least: usize, expect: Option<(u32, u32)>| {
        let reports = [report("a.info", &lcov("a.py", hits))];
        let options = Options { uncovered_run: least, ..Options::default() };
        let found = findings(&change, &reports, &options);
        let got = found.first().map(|finding| (finding.line, finding.end_line));
        assert_eq!(got, expect, "{hits:?}");
        assert!(found.iter().all(|f| f.severity == Severity::Low && f.category == "coverage"));
        assert!(found.len() <= 1);
    };
    let zeros = |from: u32, to: u32| (from..=to).map(|n| (n, 0)).collect::<Vec<_>>();
    check(&zeros(3, 12), 10, Some((3, 12)));
    check(&zeros(3, 11), 10, None);
    check(&zeros(3, 12), 0, None);
    let mut broken = zeros(3, 12);
    broken[5].1 = 1;
    check(&broken, 10, None);
    check(&broken, 4, Some((3, 7)));
    // Lines that are not executable do not break a run.
    let sparse: Vec<_> = (1..=10).map(|n| (n * 2, 0)).collect();
    check(&sparse, 10, Some((2, 20)));
}

#[test]
fn reports_that_do_not_fit_are_told() {
    let body = "+a\n+\n+b\n+\n+c\n+\n";
    let change = Change { files: vec![file("a.py", Status::Added, &[(1, body)])] };
    let check = |hits: &[(u32, u64)], expect: Option<&str>| {
        let notes = stale(&change, &[report("a.info", &lcov("a.py", hits))], &Options::default());
        match expect {
            None => assert_eq!(notes, [""; 0]),
            Some(expect) => assert!(notes[0].contains(expect), "{notes:?}"),
        }
    };
    check(&[(1, 1), (3, 1), (5, 0)], None);
    check(&[(1, 1), (2, 1), (5, 0)], None);
    check(&[(2, 1), (4, 1), (6, 0)], Some("on 3 blank lines, such as line 2 of `a.py`"));
    check(&[(7, 1)], Some("it knows line 7 of `a.py`, which has 6"));
}

#[test]
fn the_whole_repositorys_files_settle_what_the_change_alone_cannot() {
    let files = ["src/shop/price.py", "lib/price.py"].map(str::to_owned);
    let known = Options { files: &files, ..Options::default() };
    let reports = [sarif("t", "", &result("R", "file:///ci/lib/price.py", &at(11, 11), "m", ""))];
    assert_eq!(findings(&change(), &reports, &known), []);
    let root = Options { root: Some("/ci"), ..Options::default() };
    let uri = "file:///ci/src/shop/price.py";
    let reports = [sarif("t", "", &result("R", uri, &at(11, 11), "m", ""))];
    assert_eq!(findings(&change(), &reports, &root).len(), 1);
    let elsewhere = Options { root: Some("/ci/src"), ..Options::default() };
    assert_eq!(findings(&change(), &reports, &elsewhere), []);
}

#[test]
fn nothing_is_found_without_a_change_or_a_report() {
    let reports = [sarif("t", "", &result("R", PRICE, &at(11, 11), "m", ""))];
    assert_eq!(findings(&Change::default(), &reports, &Options::default()), []);
    assert_eq!(findings(&change(), &[], &Options::default()), []);
    assert_eq!(test_evidence(&change(), &[], &Options::default()), None);
}
