//! Tables for kind, effort, risk and owners.

use super::*;
use crate::diff::parse;
use crate::finding::{Fingerprint, Side, Source};

/// A change of files: path, lines removed, lines added.
fn change(files: &[(&str, &[&str], &[&str])]) -> Change {
    let mut text = String::new();
    for (path, removed, added) in files {
        let (old, new) = (removed.len(), added.len());
        let start = |lines: usize| usize::from(lines > 0);
        let side = |lines: usize, name: &str| match lines {
            0 => "/dev/null".to_owned(),
            _ => format!("{name}/{path}"),
        };
        text += &format!("diff --git a/{path} b/{path}\n");
        if old == 0 {
            text += "new file mode 100644\n";
        } else if new == 0 {
            text += "deleted file mode 100644\n";
        }
        text += &format!("--- {}\n+++ {}\n", side(old, "a"), side(new, "b"));
        text += &format!("@@ -{},{old} +{},{new} @@\n", start(old), start(new));
        removed.iter().for_each(|line| text += &format!("-{line}\n"));
        added.iter().for_each(|line| text += &format!("+{line}\n"));
    }
    parse::parse(text.into()).expect("the test's diff is one")
}

fn assessed<'a>(change: &'a Change, with: impl FnOnce(&mut Subject<'a>)) -> Assessment {
    let mut subject = Subject {
        change,
        skips: &[],
        title: "",
        commits: &[],
        findings: &[],
        tests: None,
        owners: None,
        authors: &[],
    };
    with(&mut subject);
    assess(&subject)
}

/// A file, its added lines and its removed ones.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

#[test]
fn kinds_come_from_paths_then_words_then_shape() {
    use ChangeKind::*;
    let code: (&str, &[&str], &[&str]) = ("src/a.rs", &["a"], &["b"]);
    let new: (&str, &[&str], &[&str]) = ("src/new.rs", &[], &["x"; 12]);
    let cases: &[(&[Row], &str, Option<ChangeKind>)] = &[
        (&[("docs/a.md", &["a"], &["b"])], "fix: words", Some(Docs)),
        (&[("tests/a.rs", &["a"], &["b"])], "feat: x", Some(Tests)),
        (&[(".github/workflows/ci.yml", &["a"], &["b"])], "", Some(Ci)),
        (&[("Cargo.toml", &["a"], &["b"]), ("Cargo.lock", &["a"], &["b"])], "", Some(Dependencies)),
        (&[("config/app.yaml", &["a"], &["b"])], "", Some(Config)),
        (&[code], "feat(parser)!: more", Some(Feature)),
        (&[code], "Fix the parser", Some(Bugfix)),
        (&[code], "chore(deps): bump x", Some(Dependencies)),
        (&[code], "Rename things", Some(Refactor)),
        (&[code], "http: whatever", None),
        (&[new], "", Some(Feature)),
        (&[("src/a.rs", &["a"; 9], &[])], "", Some(Refactor)),
        (&[code], "", None),
    ];
    for (files, title, expect) in cases {
        let change = change(files);
        let found = assessed(&change, |subject| subject.title = title).kind;
        assert_eq!(found, *expect, "{title:?} {:?}", files[0].0);
    }
    let change = change(&[code]);
    let commits = ["fix: a".to_owned(), "fix(b): c".to_owned(), "whatever".to_owned()];
    assert_eq!(assessed(&change, |s| s.commits = &commits).kind, Some(Bugfix));
    let commits = ["fix: a".to_owned(), "feat: c".to_owned()];
    assert_eq!(assessed(&change, |s| s.commits = &commits).kind, None);
}

#[test]
fn effort_grows_with_lines_that_have_to_be_read() {
    let cases: &[(&str, usize, u8)] = &[
        ("src/a.rs", 1, 1),
        ("src/a.rs", 17, 1),
        ("src/a.rs", 18, 2),
        ("src/a.rs", 97, 2),
        ("src/a.rs", 98, 3),
        ("src/a.rs", 298, 4),
        ("src/a.rs", 898, 5),
        ("tests/a.rs", 194, 2),
        ("docs/a.md", 194, 2),
        ("docs/a.md", 3000, 4),
    ];
    for (path, lines, expect) in cases {
        let added = vec!["x"; *lines];
        let change = change(&[(path, &[], &added)]);
        assert_eq!(assessed(&change, |_| {}).effort, *expect, "{path} {lines}");
    }
    let added = vec!["x"; 5000];
    let change = change(&[("dist/a.js", &[], &added)]);
    let skipped = [Some("generated")];
    assert_eq!(assessed(&change, |s| s.skips = &skipped).effort, 1);
}

#[test]
fn risk_says_which_facts_decided_it() {
    let cases: &[(&[Row], Risk, &str)] = &[
        (&[("docs/auth.md", &["a"], &["b"])], Risk::Low, "only documentation"),
        (&[("tests/auth.rs", &["a"], &["b"])], Risk::Low, "only tests"),
        (&[("src/a.rs", &["a"], &["b"])], Risk::Low, "2 changed lines, nothing sensitive touched"),
        (
            &[("src/userLogin.ts", &["a"], &["b"])],
            Risk::Medium,
            "touches authentication or permissions (src/userLogin.ts)",
        ),
        (
            &[("src/author.rs", &["a"], &["b"])],
            Risk::Low,
            "2 changed lines, nothing sensitive touched",
        ),
        (
            &[("db/migrate/1_users.rb", &[], &["x"]), ("src/billing.py", &["a"], &["b"])],
            Risk::High,
            "touches payments (src/billing.py); touches the database's schema (db/migrate/1_users.rb)",
        ),
        (
            &[("src/a.rs", &["pub fn f(a: u8) {"], &["pub fn f(a: u16) {"])],
            Risk::Medium,
            "changes or removes 1 public declaration",
        ),
        (&[("src/a.rs", &["    pub fn f() {"], &["pub fn f() {"])], Risk::Low, ""),
        (&[("a.go", &["func (s *S) Do() {"], &["func (s *S) do() {"])], Risk::Medium, ""),
        (
            &[("src/a.rs", &["a"], &["let m = Mutex::new(1);"])],
            Risk::Medium,
            "touches locks or threads (src/a.rs)",
        ),
        (&[("tests/a.rs", &["a"], &[])], Risk::Medium, "deletes 1 test file"),
        (
            &[("infra/main.tf", &["a"], &["b"])],
            Risk::Medium,
            "touches infrastructure (infra/main.tf)",
        ),
        (
            &[(".github/workflows/ci.yml", &["a"], &["b"])],
            Risk::Medium,
            "touches CI (.github/workflows/ci.yml)",
        ),
    ];
    for (files, risk, reasons) in cases {
        let found = assessed(&change(files), |_| {});
        assert_eq!(found.risk, *risk, "{files:?}: {:?}", found.reasons);
        if !reasons.is_empty() {
            assert_eq!(found.reasons.join("; "), *reasons);
        }
    }
}

#[test]
fn findings_and_tests_weigh_in() {
    let change = change(&[("src/a.rs", &["a"], &["b"])]);
    let finding = |severity| Finding {
        id: Fingerprint("0".into()),
        path: "src/a.rs".into(),
        side: Side::New,
        line: 1,
        end_line: 1,
        severity,
        category: "x".into(),
        confidence: 1.0,
        title: "t".into(),
        body: String::new(),
        suggestion: None,
        source: Source::Rule("r".into()),
    };
    for (severity, risk) in [
        (Severity::Low, Risk::Low),
        (Severity::Medium, Risk::Medium),
        (Severity::High, Risk::Medium),
        (Severity::Critical, Risk::High),
    ] {
        let findings = [finding(severity)];
        assert_eq!(assessed(&change, |s| s.findings = &findings).risk, risk, "{severity}");
    }
    let tests = TestEvidence { lines: 40, covered: 10, failed: 1, ..TestEvidence::default() };
    let found = assessed(&change, |s| s.tests = Some(&tests));
    assert_eq!(found.reasons, ["1 test failed", "30 new lines without a test"]);
    assert_eq!(found.risk, Risk::High);
}

#[test]
fn owners_come_most_specific_first_and_authors_only_without_them() {
    let change = change(&[("src/a.rs", &["a"; 9], &["b"]), ("src/db/b.rs", &["a"], &["b"])]);
    let owners = Owners::parse("* @everyone\n/src/ @org/core @zoe\n/src/db/ @dba\n");
    let authors = ["Ann".to_owned()];
    let found = assessed(&change, |s| {
        s.owners = Some(&owners);
        s.authors = &authors;
    });
    assert_eq!(found.owners, ["dba", "org/core", "zoe"]);
    assert_eq!(assessed(&change, |s| s.authors = &authors).owners, ["Ann"]);
}
