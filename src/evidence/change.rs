//! Keeps what reports say to the lines that a change touches.

mod coverage;
mod fix;
mod lines;
mod scanners;
mod tests_run;

use std::collections::{HashMap, HashSet};

use lines::Touched;

use super::Evidence;
use super::coverage::CoverageReport;
use super::results::TestReport;
use crate::diff::Change;
use crate::finding::{Finding, Severity, Source};
use crate::report::TestEvidence;

/// What is known about the checkout that the reports lie in.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Every file of the repository as the change leaves it, with slashes. May
    /// be empty: then only the change's own files are known, and a report's
    /// path is more often taken for one of them or given up as ambiguous.
    pub files: &'a [String],
    /// Where the checkout lies on this machine. Reports of other machines are
    /// read all the same.
    pub root: Option<&'a str>,
    /// How many new executable lines in a row no test may run before that is a
    /// finding; 0 for never.
    pub uncovered_run: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { files: &[], root: None, uncovered_run: 10 }
    }
}

/// A report file: its path relative to the checkout, and what it holds.
pub type NamedEvidence = (String, Evidence);

/// What reports say about lines that the change adds, by path and line.
///
/// - A scanner's open result (source `rule:<tool>/<rule>`) on an added line.
/// - Failing tests (`rule:tests/failed`) where their traces name an added line.
/// - The longest run of new lines in a file that no test executes
///   (`rule:coverage/uncovered`), from [`Options::uncovered_run`] lines on.
///
/// What several reports say about one line is said once.
pub fn findings(change: &Change, reports: &[NamedEvidence], options: &Options<'_>) -> Vec<Finding> {
    if reports.is_empty() || change.files.is_empty() {
        return Vec::new();
    }
    let touched = Touched::new(change, options);
    let mut findings = Vec::new();
    for (_, evidence) in reports {
        if let Evidence::Sarif(log) = evidence {
            scanners::findings(&touched, log, &mut findings);
        }
    }
    tests_run::findings(&touched, &test_reports(reports), &mut findings);
    if options.uncovered_run > 0 {
        let hits = coverage::hits(&touched, coverage_reports(reports).map(|(_, report)| report));
        coverage::findings(&touched, &hits, options.uncovered_run, &mut findings);
    }
    deduplicate(findings)
}

/// Whether tests reach the change's new lines, and what the tests said; `None`
/// if there is neither a coverage nor a test report. Several coverage reports
/// are merged by the most hits of a line; a test that several test reports
/// tell counts once, and failed if it did in one.
pub fn test_evidence(
    change: &Change,
    reports: &[NamedEvidence],
    options: &Options<'_>,
) -> Option<TestEvidence> {
    let tests = test_reports(reports);
    let mut read: Vec<&str> = coverage_reports(reports).map(|(name, _)| name).collect();
    read.extend(tests.iter().map(|(name, _)| *name));
    if read.is_empty() {
        return None;
    }
    let touched = Touched::new(change, options);
    let hits = coverage::hits(&touched, coverage_reports(reports).map(|(_, report)| report));
    let files = coverage::files(&touched, &hits);
    let counts = tests_run::counts(&tests);
    read.sort_unstable();
    Some(TestEvidence {
        lines: files.iter().map(|file| file.lines).sum(),
        covered: files.iter().map(|file| file.covered).sum(),
        files,
        tests: counts.tests,
        failed: counts.failed,
        skipped: counts.skipped,
        reports: read.into_iter().map(str::to_owned).collect(),
    })
}

/// Coverage reports whose line numbers do not fit the change: one sentence
/// each. Such a report was made before the change, or from another version.
pub fn stale(change: &Change, reports: &[NamedEvidence], options: &Options<'_>) -> Vec<String> {
    let touched = Touched::new(change, options);
    coverage_reports(reports)
        .filter_map(|(name, report)| coverage::stale(&touched, name, report))
        .collect()
}

fn coverage_reports(reports: &[NamedEvidence]) -> impl Iterator<Item = (&str, &CoverageReport)> {
    reports.iter().filter_map(|(name, evidence)| match evidence {
        Evidence::Coverage(report) => Some((name.as_str(), report)),
        _ => None,
    })
}

fn test_reports(reports: &[NamedEvidence]) -> Vec<(&str, &TestReport)> {
    let tests = reports.iter().filter_map(|(name, evidence)| match evidence {
        Evidence::Tests(report) => Some((name.as_str(), report)),
        _ => None,
    });
    tests.collect()
}

/// How many findings of one line are compared by their words: a hostile report
/// may put any number there.
const MOST_COMPARED: usize = 32;

/// Sorts by path and line, worst first, and drops what is said twice: by one
/// rule about one place, or in nearly the same words about one line.
fn deduplicate(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| {
        (a.path.as_str(), a.line)
            .cmp(&(b.path.as_str(), b.line))
            .then(b.severity.cmp(&a.severity))
            // One with a suggestion is worth more than one without.
            .then(b.suggestion.is_some().cmp(&a.suggestion.is_some()))
            .then(b.confidence.total_cmp(&a.confidence))
            .then_with(|| a.source.cmp(&b.source))
            .then_with(|| a.title.cmp(&b.title))
    });
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut rules: HashMap<String, HashSet<String>> = HashMap::new();
    let mut first_of_line = 0;
    for finding in findings {
        let same_line = |other: &Finding| other.path == finding.path && other.line == finding.line;
        if !kept.get(first_of_line).is_some_and(same_line) {
            first_of_line = kept.len();
            rules.clear();
        }
        let source = finding.source.to_string();
        if !rules.entry(source).or_default().insert(finding.id.0.clone()) {
            continue;
        }
        let on_line = &mut kept[first_of_line..];
        let twin = on_line
            .iter_mut()
            .take(MOST_COMPARED)
            .find(|other| other.source != finding.source && say_the_same(other, &finding));
        match twin {
            Some(twin) => {
                let also = format!("\n\nAlso reported by `{}`.", finding.source);
                if !twin.body.contains(&also) {
                    twin.body.push_str(&also);
                }
                // A score says more than a level; what is security to one is security.
                if finding.category == "security" {
                    twin.category = finding.category;
                }
            }
            None => kept.push(finding),
        }
    }
    kept
}

/// Whether two findings of one line are one rule of two tools, or read alike.
fn say_the_same(a: &Finding, b: &Finding) -> bool {
    match (shared_rule(&a.source), shared_rule(&b.source)) {
        (Some(one), Some(other)) if one == other => true,
        _ => alike(&a.title, &b.title),
    }
}

/// A rule's id without its tool, where it tells the rule: with a letter and a
/// digit. Tools that take over rules mostly keep their ids (`E501`); ruff
/// writes Bandit's with an `S`.
fn shared_rule(source: &Source) -> Option<(char, &str)> {
    let Source::Rule(rule) = source else { return None };
    let (tool, id) = rule.split_once('/')?;
    let mut letters = id.chars();
    let first = letters.next().filter(char::is_ascii_alphabetic)?;
    let rest = letters.as_str();
    let bandit = tool == "ruff" && first == 'S' && rest.bytes().all(|byte| byte.is_ascii_digit());
    let first = if bandit { 'B' } else { first };
    rest.bytes().any(|byte| byte.is_ascii_digit()).then_some((first, rest))
}

/// Whether two titles say the same but for a word in five.
fn alike(a: &str, b: &str) -> bool {
    fn words(text: &str) -> HashSet<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    }
    let (a, b) = (words(a), words(b));
    let shared = a.intersection(&b).count();
    shared > 0 && shared * 5 >= (a.len() + b.len() - shared) * 4
}

/// The severity that a score from 0 to 10 stands for, as GitHub and CVSS cut it.
fn of_score(score: f64) -> Option<Severity> {
    match score {
        s if s >= 9.0 => Some(Severity::Critical),
        s if s >= 7.0 => Some(Severity::High),
        s if s >= 4.0 => Some(Severity::Medium),
        s if s > 0.0 => Some(Severity::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
