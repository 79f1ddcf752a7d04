//! The event stream of `go test -json`, as `go doc test2json` describes it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::results::{Case, Counts, Elements, Outcome, TestReport};
use super::{Format, ReadError, text};

/// The most bytes that are kept of what one test says.
const MOST_SAID: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    package: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    test: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    output: Option<Cow<'a, str>>,
}

/// Reads a stream. A test that started and never ended failed, if its package
/// did; a package that failed without a failing test (it did not build) is a
/// case of its own. Lines that are not JSON are other programs' words.
pub fn read(bytes: &[u8]) -> Result<TestReport, ReadError> {
    let text = text::decode(bytes);
    let mut cases: Vec<(Case, Option<Outcome>)> = Vec::new();
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    let mut failed_packages: Vec<usize> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.starts_with('{') {
            continue;
        }
        let event: Event<'_> = serde_json::from_str(line).map_err(|error| {
            let inner = ReadError::json(Format::GoTest, &error);
            ReadError { line: Some(index + 1), ..inner }
        })?;
        let Some(package) = event.package else { continue };
        let test = event.test.unwrap_or_default();
        // An empty name stands for the package itself.
        let key = (package.into_owned(), test.into_owned());
        let at = match known.get(&key) {
            Some(&at) => at,
            None => {
                let case = Case { class: key.0.clone(), name: key.1.clone(), ..Case::default() };
                cases.push((case, None));
                known.insert(key, cases.len() - 1);
                cases.len() - 1
            }
        };
        let (case, ended) = &mut cases[at];
        match &*event.action {
            "pass" => *ended = Some(Outcome::Passed),
            "skip" => *ended = Some(Outcome::Skipped),
            "fail" => {
                *ended = Some(Outcome::Failed);
                if case.name.is_empty() {
                    failed_packages.push(at);
                }
            }
            "output" => {
                if let Some(output) = &event.output
                    && case.said.len() < MOST_SAID
                {
                    case.said.push_str(output);
                }
            }
            _ => {}
        }
    }
    let failed: HashSet<String> =
        failed_packages.iter().map(|&at| cases[at].0.class.clone()).collect();
    Ok(collect(cases, &failed))
}

fn collect(cases: Vec<(Case, Option<Outcome>)>, failed_packages: &HashSet<String>) -> TestReport {
    let mut report = TestReport {
        format: Format::GoTest,
        cases: Vec::new(),
        uncounted: Counts::default(),
        elements: Elements::default(),
    };
    let (packages, tests): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|(case, _)| case.name.is_empty());
    let mut broken: HashSet<String> = HashSet::new();
    for (mut case, ended) in tests {
        case.outcome = match ended {
            Some(outcome) => outcome,
            None if failed_packages.contains(&case.class) => Outcome::Error,
            None => Outcome::Passed,
        };
        if case.outcome.is_failure() {
            if !broken.contains(&case.class) {
                broken.insert(case.class.clone());
            }
        } else {
            case.said.clear();
        }
        report.cases.push(case);
    }
    for (mut case, ended) in packages {
        if ended == Some(Outcome::Failed) && !broken.contains(&case.class) {
            case.outcome = Outcome::Error;
            case.name.clone_from(&case.class);
            report.cases.push(case);
        }
    }
    report.elements.cases = report.cases.len();
    for case in &report.cases {
        match case.outcome {
            Outcome::Failed => report.elements.failures += 1,
            Outcome::Error => report.elements.errors += 1,
            Outcome::Skipped => report.elements.skipped += 1,
            Outcome::Passed | Outcome::Flaky => {}
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expect`: tests, failed, skipped.
    fn check(text: &str, expect: (usize, usize, usize)) {
        let counts = read(text.as_bytes()).unwrap().counts();
        assert_eq!((counts.tests, counts.failed, counts.skipped), expect, "{text}");
    }

    #[test]
    fn events_become_cases() {
        let event = |action: &str, test: &str| {
            format!("{{\"Action\":\"{action}\",\"Package\":\"p\",\"Test\":\"{test}\"}}\n")
        };
        let package = |action: &str| format!("{{\"Action\":\"{action}\",\"Package\":\"p\"}}\n");
        check(&(event("run", "A") + &event("pass", "A") + &package("pass")), (1, 0, 0));
        check(&(event("fail", "A") + &event("skip", "B") + &package("fail")), (2, 1, 1));
        // Killed in the middle of a test.
        check(&(event("pass", "A") + &event("run", "B") + &package("fail")), (2, 1, 0));
        // Did not build.
        check(&("# p\nx.go:1: boom\n".to_owned() + &package("fail")), (1, 1, 0));
        check(&package("skip"), (0, 0, 0));
        check("", (0, 0, 0));
    }

    #[test]
    fn malformed_events_are_refused() {
        let error = read(b"{\"Action\":\"run\"}\n{\"Action\":").unwrap_err();
        assert_eq!(error.line, Some(2), "{error}");
    }
}
