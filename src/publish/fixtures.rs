//! Reports and changes that the renderers' tests share.

use std::sync::LazyLock;

use super::View;
use crate::diff::{Change, Content, FileDiff, Hunk, Line, LineKind, Patch, Status};
use crate::finding::{Finding, Fingerprint, Severity, Side, Source, Suggestion};
use crate::redact::{ForgeHost, Scrubber, Secret};
use crate::report::{
    Assessment, ChangeKind, Coverage, DropReason, Dropped, FileCoverage, Report, Risk, SCHEMA,
    Skipped, TestEvidence, Usage,
};

pub static SCRUBBER: LazyLock<Scrubber> =
    LazyLock::new(|| Scrubber::new([&Secret::new("hunter2-correct-horse")]));
pub static HOST: LazyLock<ForgeHost> =
    LazyLock::new(|| ForgeHost::new("https://github.com", "octo/shop"));

pub const HEAD: &str = "89abcdef0123456789abcdef0123456789abcdef";

pub struct Fixture {
    pub report: Report,
    pub change: Change,
    pub fail_on: Option<Severity>,
    pub incomplete: bool,
}

impl Fixture {
    pub fn view(&self) -> View<'_> {
        View {
            report: &self.report,
            change: &self.change,
            scrubber: &SCRUBBER,
            host: &HOST,
            fail_on: self.fail_on,
            incomplete: self.incomplete,
        }
    }
}

/// One hunk from lines that begin with `+`, `-` or a space.
pub fn patch(old_start: u32, new_start: u32, lines: &[&str]) -> Patch {
    let mut patch = Patch::default();
    let mut text = Vec::new();
    let (mut old_lines, mut new_lines) = (0, 0);
    for line in lines {
        let (sign, rest) = line.split_at(1);
        let kind = match sign {
            "+" => LineKind::Added,
            "-" => LineKind::Removed,
            _ => LineKind::Context,
        };
        old_lines += u32::from(kind != LineKind::Added);
        new_lines += u32::from(kind != LineKind::Removed);
        let (start, len) = (text.len() as u32, rest.len() as u32);
        patch.lines.push(Line { kind, newline: true, start, len });
        text.extend_from_slice(rest.as_bytes());
    }
    let lines = 0..patch.lines.len() as u32;
    patch.hunks.push(Hunk { old_start, old_lines, new_start, new_lines, section: 0..0, lines });
    patch.text = text.into();
    patch
}

pub fn file(old: Option<&str>, new: Option<&str>, patch: Patch) -> FileDiff {
    let status = match (old, new) {
        (None, _) => Status::Added,
        (_, None) => Status::Deleted,
        (Some(old), Some(new)) if old != new => Status::Renamed,
        _ => Status::Modified,
    };
    FileDiff {
        old_path: old.map(Into::into),
        new_path: new.map(Into::into),
        status,
        old_mode: None,
        new_mode: None,
        content: Content::Text(patch),
    }
}

/// Added files with these lines.
pub fn change_of(files: &[(&str, &[&str])]) -> Change {
    let files = files.iter().map(|(path, lines)| {
        let lines: Vec<String> = lines.iter().map(|line| format!("+{line}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        file(None, Some(path), patch(0, 1, &lines))
    });
    Change { files: files.collect() }
}

fn shop() -> Change {
    Change {
        files: vec![
            file(
                Some("src/login.rs"),
                Some("src/auth.rs"),
                patch(
                    38,
                    38,
                    &[
                        " pub fn token(header: &str) -> Result<Token, Error> {",
                        "     let parts: Vec<&str> = header.split(' ').collect();",
                        "-    let token = parts.get(1).ok_or(Error::Malformed)?;",
                        "+    let token = parts[1];",
                        "+    let scheme = parts[0];",
                        "+\tlog::debug!(\"{scheme} {token}\");",
                        "     verify(token)",
                        " }",
                    ],
                ),
            ),
            file(
                Some("src/cart/mod.rs"),
                Some("src/cart/mod.rs"),
                patch(
                    10,
                    10,
                    &[
                        " use crate::auth;",
                        "+use super::price;",
                        "+",
                        "+pub fn total() -> u64 { price::sum() }",
                    ],
                ),
            ),
            file(
                None,
                Some("src/price.rs"),
                patch(0, 1, &["+use crate::cart;", "+pub fn sum() -> u64 { 0 }"]),
            ),
            file(Some("docs/old.md"), None, patch(1, 0, &["-# Old", "-Call me."])),
        ],
    }
}

pub fn finding(n: usize, path: &str, side: Side, lines: (u32, u32), severity: Severity) -> Finding {
    Finding {
        id: Fingerprint(format!("{n:016x}")),
        path: path.into(),
        side,
        line: lines.0,
        end_line: lines.1,
        severity,
        category: "correctness".into(),
        confidence: 0.9,
        title: "A header of one word makes this panic".into(),
        body: "`parts` has one element when the header holds no space, so `parts[1]` is out of \
               bounds and the request ends in a panic.\n\nTake the element with `get` as before."
            .into(),
        suggestion: None,
        source: Source::Model("anthropic:claude-sonnet-5-5".into()),
    }
}

/// Nothing found, no model.
pub fn empty() -> Fixture {
    let change = shop();
    let report = Report {
        schema: SCHEMA.into(),
        model: "offline".into(),
        base: "0123456789abcdef0123456789abcdef01234567".into(),
        head: HEAD.into(),
        summary: String::new(),
        findings: Vec::new(),
        dropped: Vec::new(),
        coverage: Coverage {
            files: change.files.len(),
            files_reviewed: change.files.len(),
            lines: change.changed_lines(),
            lines_reviewed: change.changed_lines(),
            skipped: Vec::new(),
        },
        usage: Usage::default(),
        tests: None,
        notes: Vec::new(),
        assessment: None,
    };
    Fixture { report, change, fail_on: Some(Severity::High), incomplete: false }
}

/// One finding of a model, with a suggestion.
pub fn one() -> Fixture {
    let mut fixture = empty();
    let mut finding = finding(1, "src/auth.rs", Side::New, (40, 40), Severity::High);
    finding.suggestion = Some(Suggestion {
        replacement: "    let token = parts.get(1).ok_or(Error::Malformed)?;".into(),
    });
    fixture.report.findings = vec![finding];
    fixture.report.model = "anthropic:claude-sonnet-5-5".into();
    fixture.report.summary = "Moves the login code to `auth` and adds a total to the cart.".into();
    fixture.report.usage = Usage {
        requests: 2,
        input_tokens: 18_400,
        cached_tokens: 9_000,
        output_tokens: 730,
        cost_usd: 0.0421,
    };
    fixture
}

/// Everything a report can hold, a cap reached.
pub fn full() -> Fixture {
    let mut fixture = one();
    let report = &mut fixture.report;
    let mut secret = finding(2, "src/auth.rs", Side::New, (41, 42), Severity::Critical);
    secret.source = Source::Rule("debug-output".into());
    secret.category = "security".into();
    secret.title = "The token is written to the log".into();
    secret.body = "Whoever reads the log can log in:\n\n- in CI\n- in the log store, which keeps \
                   lines for a year and is open to every team of the house\n\n```sh\ngrep token app.log\n```"
        .into();
    let mut old = finding(3, "docs/old.md", Side::Old, (2, 2), Severity::Info);
    old.title = "This number is still linked from the imprint".into();
    old.body = String::new();
    let mut away = finding(4, "src/huge.rs", Side::New, (900, 904), Severity::Medium);
    away.title = "Reads the file | twice".into();
    report.findings.extend([secret, old, away]);
    report.dropped = vec![
        Dropped { reason: DropReason::LowConfidence, path: "a".into(), line: 1, title: "x".into() },
        Dropped { reason: DropReason::LowConfidence, path: "b".into(), line: 1, title: "y".into() },
        Dropped { reason: DropReason::QuoteMismatch, path: "c".into(), line: 1, title: "z".into() },
    ];
    report.coverage.files = 9;
    report.coverage.lines = 4200;
    report.coverage.lines_reviewed = 3100;
    let skip = |path: &str, reason: &str| Skipped { path: path.into(), reason: reason.into() };
    report.coverage.skipped = vec![
        skip("Cargo.lock", "lock file"),
        skip("dist/a.js", "generated"),
        skip("dist/b.js", "generated"),
        skip("dist/c.js", "generated"),
        skip("dist/d.js", "generated"),
        skip("src/huge.rs", "beyond max_cost_usd"),
    ];
    report.tests = Some(TestEvidence {
        lines: 40,
        covered: 30,
        files: vec![
            FileCoverage {
                path: "src/auth.rs".into(),
                lines: 20,
                covered: 12,
                uncovered: vec![40, 41, 42, 50, 52, 53, 60, 61],
            },
            FileCoverage {
                path: "src/price.rs".into(),
                lines: 20,
                covered: 18,
                uncovered: vec![1, 2],
            },
        ],
        tests: 128,
        failed: 2,
        skipped: 1,
        reports: vec!["lcov.info".into()],
    });
    report.notes =
        vec!["max_cost_usd ($5) was reached: 1 file was not put before the model.".into()];
    report.assessment = Some(Assessment {
        kind: Some(ChangeKind::Feature),
        effort: 5,
        risk: Risk::High,
        reasons: vec!["1 critical finding".into(), "touches authentication (src/auth.rs)".into()],
        owners: vec!["octo/identity".into(), "ann".into()],
    });
    fixture.incomplete = true;
    fixture
}

/// `count` findings of all severities over a few files.
pub fn many(count: usize) -> Fixture {
    let mut fixture = one();
    fixture.report.findings = (0..count)
        .map(|n| {
            let severity = Severity::ALL[n % 5];
            let mut finding = finding(n + 1, "src/auth.rs", Side::New, (40, 40), severity);
            finding.title = format!("Remark number {n}");
            finding
        })
        .collect();
    fixture
}

/// Text that tries to act on whoever reads it, in every place that takes text.
pub fn hostile() -> Fixture {
    let mut fixture = one();
    let nasty = "<!-- pipewright:summary -->\n::error::owned\n@octocat ![x](https://evil.test/p) \
                 [click](https://evil.test) \u{202e}abc\u{1b}[31m hunter2-correct-horse | </details> ##[error]z";
    let report = &mut fixture.report;
    report.summary = nasty.into();
    report.notes = vec![nasty.into()];
    report.findings[0].title = nasty.into();
    report.findings[0].body = format!("{nasty}\n```suggestion\nrm -rf /");
    report.findings[0].category = nasty.into();
    report.findings[0].path = "src/`a|b`,x:y <b>@octocat.rs".into();
    report.findings[0].source = Source::Rule(nasty.into());
    report.findings[0].suggestion =
        Some(Suggestion { replacement: "key = \"hunter2-correct-horse\"".into() });
    report.coverage.skipped = vec![Skipped { path: nasty.into(), reason: nasty.into() }];
    report.model = format!("anthropic:{nasty}");
    fixture.change.files.push(file(
        None,
        Some("src/`a|b`,x:y <b>@octocat.rs"),
        patch(0, 38, &["+one", "+\u{202e}two hunter2-correct-horse", "+three \u{1b}[31m"]),
    ));
    fixture
}
