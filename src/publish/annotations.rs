//! Findings as check annotations and as workflow commands.
//!
//! Commands: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use super::{View, wording};
use crate::finding::{Finding, Severity, Side};
use crate::forge::Annotation;
use crate::redact::shorten;

/// GitHub shows so many annotations of a kind for a step.
const PER_KIND: usize = 10;

/// Longest title the checks API takes, in characters.
const MAX_TITLE: usize = 255;

/// Longest message, in bytes; the API takes 64 KB.
const MAX_MESSAGE: usize = 60_000;

/// Annotations for a check, worst first. Findings on removed lines have no line
/// in the new version and are left to the summary.
pub fn annotations(view: &View<'_>) -> Vec<Annotation> {
    let on_new = view.worst_first().into_iter().filter(|finding| finding.side == Side::New);
    on_new
        .map(|finding| Annotation {
            path: finding.path.clone(),
            start_line: finding.line,
            end_line: finding.end_line,
            severity: finding.severity,
            title: title(view, finding),
            message: message(view, finding),
        })
        .collect()
}

/// An error of the whole run as a workflow command.
pub fn error_command(message: &str) -> String {
    format!("::error title=Pipewright::{}", data(message))
}

/// A warning about the whole run as a workflow command.
pub fn warning_command(message: &str) -> String {
    format!("::warning title=Pipewright::{}", data(message))
}

/// Workflow commands for standard output, one a line, the verdict last. GitHub
/// shows ten of a kind; the last one says how many are left.
pub fn workflow_commands(view: &View<'_>) -> String {
    let mut out = String::new();
    let mut shown = [0usize; 3];
    let mut left = 0;
    for finding in view.worst_first() {
        let kind = kind(finding.severity);
        // The verdict takes the place of one notice.
        let limit = if kind == Kind::Notice { PER_KIND - 1 } else { PER_KIND };
        if shown[kind as usize] == limit {
            left += 1;
            continue;
        }
        shown[kind as usize] += 1;
        let path = view.scrubber.sanitize_line(&finding.path);
        let mut properties = format!("file={}", property(&path));
        if finding.side == Side::New {
            properties += &format!(",line={},endLine={}", finding.line, finding.end_line);
        }
        properties += &format!(",title={}", property(&title(view, finding)));
        out += &format!("::{} {properties}::{}\n", kind.word(), data(&message(view, finding)));
    }
    let mut verdict = wording::verdict(view);
    if left > 0 {
        let more = wording::plural(left, "finding");
        verdict += &format!(". {more} more in the report: GitHub shows ten of a kind.");
    }
    out += &format!("::notice title=Pipewright::{}\n", data(&verdict));
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Warning,
    Notice,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Error => "error",
            Kind::Warning => "warning",
            Kind::Notice => "notice",
        }
    }
}

fn kind(severity: Severity) -> Kind {
    match severity {
        Severity::Critical | Severity::High => Kind::Error,
        Severity::Medium => Kind::Warning,
        Severity::Low | Severity::Info => Kind::Notice,
    }
}

fn title(view: &View<'_>, finding: &Finding) -> String {
    let title = format!("{}: {}", finding.severity, view.scrubber.sanitize_line(&finding.title));
    shorten(&title, MAX_TITLE).into_owned()
}

fn message(view: &View<'_>, finding: &Finding) -> String {
    let body = view.scrubber.sanitize_plain(finding.body.trim());
    let body = if body.is_empty() { view.scrubber.sanitize_line(&finding.title) } else { body };
    // A character has up to four bytes.
    let body = shorten(&body, MAX_MESSAGE / 4);
    format!("{body}\n\n({})", view.scrubber.sanitize_line(&wording::origin(finding)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fixtures;

    #[test]
    fn commands_escape_what_would_end_them() {
        assert_eq!(property("a,b:c%\r\n::error::x"), "a%2Cb%3Ac%25%0D%0A%3A%3Aerror%3A%3Ax");
        assert_eq!(data("50%\n::x"), "50%25%0A::x");
    }

    #[test]
    fn each_finding_is_one_line_and_no_kind_has_more_than_ten() {
        let fixture = fixtures::many(40);
        let text = workflow_commands(&fixture.view());
        for kind in ["::error ", "::warning ", "::notice "] {
            let count = text.lines().filter(|line| line.starts_with(kind)).count();
            assert!(count <= 10, "{count} of {kind}");
        }
        let commands = text.lines().count() - 1;
        let last = text.lines().last().unwrap_or_default();
        assert!(last.contains(&format!("{} findings more", 40 - commands)), "{last}");
    }

    #[test]
    fn hostile_text_stays_inside_its_command() {
        let fixture = fixtures::hostile();
        insta::assert_snapshot!(workflow_commands(&fixture.view()));
    }

    #[test]
    fn annotations_keep_to_the_new_side_and_the_limits() {
        let mut fixture = fixtures::one();
        fixture.report.findings[0].title = "x".repeat(1000);
        fixture.report.findings[0].body = "y".repeat(100_000);
        let annotations = annotations(&fixture.view());
        assert_eq!(annotations.len(), 1);
        assert!(annotations[0].title.chars().count() <= MAX_TITLE);
        assert!(annotations[0].message.len() <= MAX_MESSAGE);
        fixture.report.findings[0].side = Side::Old;
        assert!(super::annotations(&fixture.view()).is_empty());
    }
}
