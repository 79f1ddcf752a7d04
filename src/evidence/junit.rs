//! JUnit XML in its dialects: Ant, surefire, pytest, gotestsum, jest-junit,
//! googletest, Bazel, nextest and their kin. There is no one schema.

use quick_xml::events::{BytesStart, Event};

use super::results::{Case, Counts, Elements, Outcome, TestReport};
use super::xml::{self, Events};
use super::{Format, ReadError, text};

/// The most bytes that are kept of what one failure says.
const MOST_SAID: usize = 64 * 1024;

/// Reads a report. Suites may nest to any depth; several results in one case
/// count once, by the worst. A suite without cases or suites inside counts
/// with the numbers it gives.
pub fn read(bytes: &[u8]) -> Result<TestReport, ReadError> {
    let text = text::decode(bytes);
    let mut events = Events::new(&text, Format::Junit);
    let mut reader = Reader::default();
    let mut rooted = false;
    while let Some(event) = events.next()? {
        match &event {
            Event::Start(element) | Event::Empty(element) => {
                let name = element.local_name();
                let name = name.as_ref();
                if !rooted {
                    if !matches!(name, "testsuites" | "testsuite") {
                        let what = format!("the root is <{name}>, not <testsuites> or <testsuite>");
                        return Err(events.error(what));
                    }
                    rooted = true;
                }
                reader.open(name, element);
                if matches!(event, Event::Empty(_)) {
                    reader.close(name);
                }
            }
            Event::End(element) => reader.close(element.local_name().as_ref()),
            _ => {
                if let Some(said) = &mut reader.said
                    && said.len() < MOST_SAID
                {
                    xml::push_text(&event, said);
                }
            }
        }
    }
    if !rooted {
        return Err(events.error("it has no element"));
    }
    Ok(TestReport {
        format: Format::Junit,
        cases: reader.cases,
        uncounted: reader.uncounted,
        elements: reader.elements,
    })
}

#[derive(Default)]
struct Reader {
    suites: Vec<Suite>,
    case: Option<Case>,
    /// What the failure says that is open now: its attribute and its text.
    message: String,
    said: Option<String>,
    cases: Vec<Case>,
    uncounted: Counts,
    elements: Elements,
}

#[derive(Default)]
struct Suite {
    name: String,
    file: Option<String>,
    declared: Counts,
    leaf: bool,
}

impl Reader {
    fn open(&mut self, name: &str, element: &BytesStart<'_>) {
        match name {
            "testsuites" | "testsuite" if self.case.is_none() => {
                if let Some(parent) = self.suites.last_mut() {
                    parent.leaf = false;
                }
                self.suites.push(suite(element));
            }
            "testcase" if self.case.is_none() => {
                self.elements.cases += 1;
                let zero_based = self.suites.iter().any(|suite| suite.name == "pytest");
                let mut case = case(element, zero_based);
                if let Some(suite) = self.suites.last_mut() {
                    suite.leaf = false;
                    if case.class.is_empty() {
                        case.class.clone_from(&suite.name);
                    }
                    if case.file.is_none() {
                        case.file.clone_from(&suite.file);
                    }
                }
                self.case = Some(case);
            }
            _ => self.result(name, element),
        }
    }

    fn result(&mut self, name: &str, element: &BytesStart<'_>) {
        let Some(case) = &mut self.case else { return };
        let (outcome, speaks) = match name {
            "failure" => (Outcome::Failed, true),
            "error" => (Outcome::Error, true),
            "skipped" => (Outcome::Skipped, false),
            "flakyFailure" | "flakyError" => (Outcome::Flaky, false),
            // The failure that it repeats stands beside it.
            "rerunFailure" | "rerunError" => (Outcome::Passed, true),
            _ => return,
        };
        match outcome {
            Outcome::Failed => self.elements.failures += 1,
            Outcome::Error => self.elements.errors += 1,
            Outcome::Skipped => self.elements.skipped += 1,
            Outcome::Passed | Outcome::Flaky => {}
        }
        case.outcome = case.outcome.max(outcome);
        if speaks && case.said.len() < MOST_SAID {
            self.message = xml::attribute(element, "message").unwrap_or_default();
            self.said = Some(String::new());
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "testsuites" | "testsuite" if self.case.is_none() => {
                if let Some(suite) = self.suites.pop().filter(|suite| suite.leaf) {
                    let sum = |a: &mut usize, b: usize| *a = a.saturating_add(b);
                    sum(&mut self.uncounted.tests, suite.declared.tests);
                    sum(&mut self.uncounted.failed, suite.declared.failed);
                    sum(&mut self.uncounted.skipped, suite.declared.skipped);
                }
            }
            "testcase" => self.cases.extend(self.case.take()),
            "failure" | "error" | "rerunFailure" | "rerunError" => {
                if let (Some(case), Some(said)) = (&mut self.case, self.said.take()) {
                    // Many writers begin the text with the message.
                    let message = std::mem::take(&mut self.message);
                    let repeated = text::head(&said, MOST_SAID).contains(message.trim());
                    for part in [if repeated { "" } else { &message }, said.trim_end()] {
                        if !case.said.is_empty() && !part.is_empty() {
                            case.said.push('\n');
                        }
                        case.said.push_str(text::head(part, MOST_SAID));
                    }
                }
            }
            _ => {}
        }
    }
}

fn suite(element: &BytesStart<'_>) -> Suite {
    let mut suite = Suite { leaf: true, ..Suite::default() };
    let mut errors = 0_usize;
    let mut disabled = 0_usize;
    xml::attributes(element, |name, value| {
        let number = || value.trim().parse().unwrap_or(0);
        match name {
            "name" => suite.name = value.into_owned(),
            "file" | "filepath" if !value.is_empty() => suite.file = Some(value.into_owned()),
            "tests" => suite.declared.tests = number(),
            "failures" => suite.declared.failed = number(),
            "errors" => errors = number(),
            "skipped" | "skip" | "ignored" => suite.declared.skipped = number(),
            "disabled" => disabled = number(),
            _ => {}
        }
    });
    suite.declared.failed = suite.declared.failed.saturating_add(errors);
    suite.declared.skipped = suite.declared.skipped.saturating_add(disabled);
    suite
}

/// pytest's `xunit1` counts lines from 0.
fn case(element: &BytesStart<'_>, zero_based: bool) -> Case {
    let mut case = Case::default();
    xml::attributes(element, |name, value| match name {
        "name" => case.name = value.into_owned(),
        "classname" => case.class = value.into_owned(),
        "file" | "filepath" if !value.is_empty() => case.file = Some(value.into_owned()),
        "line" | "lineno" => {
            let line = value.trim().parse::<u32>().ok();
            case.line = line.map(|line| line.saturating_add(u32::from(zero_based)));
        }
        "status" | "result" => case.outcome = case.outcome.max(outcome(&value)),
        _ => {}
    });
    case.line = case.line.filter(|&line| line > 0);
    case
}

/// What an attribute says that some writers use instead of an element.
fn outcome(word: &str) -> Outcome {
    match word.to_ascii_lowercase().as_str() {
        "disabled" | "notrun" | "skipped" | "suppressed" | "ignored" => Outcome::Skipped,
        "failed" | "failure" => Outcome::Failed,
        "error" | "errored" => Outcome::Error,
        _ => Outcome::Passed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expect`: tests, failed, skipped.
    fn check(text: &str, expect: Result<(usize, usize, usize), &str>) {
        match (read(text.as_bytes()), expect) {
            (Ok(report), Ok(expect)) => {
                let counts = report.counts();
                assert_eq!((counts.tests, counts.failed, counts.skipped), expect, "{text}");
            }
            (Err(error), Err(expect)) => {
                assert!(error.to_string().contains(expect), "{error}");
            }
            (got, expect) => panic!("{text}: {got:?}, not {expect:?}"),
        }
    }

    #[test]
    fn dialects_are_counted() {
        let suite = |inner: &str| format!("<testsuite name='s'>{inner}</testsuite>");
        check(&suite("<testcase name='a'/><testcase name='b'></testcase>"), Ok((2, 0, 0)));
        check(&suite("<testcase><failure/><error/><skipped/></testcase>"), Ok((1, 1, 0)));
        check(&suite("<testcase><skipped message='x'/></testcase>"), Ok((1, 0, 1)));
        check(&suite("<testcase status='disabled'/>"), Ok((1, 0, 1)));
        check(&suite("<testcase status='run' result='completed'/>"), Ok((1, 0, 0)));
        check(&suite("<testcase><flakyFailure>x</flakyFailure></testcase>"), Ok((1, 0, 0)));
        let rerun = "<testcase><failure>x</failure><rerunFailure>y</rerunFailure></testcase>";
        check(&suite(rerun), Ok((1, 1, 0)));
        check(&suite(&suite(&suite("<testcase/>"))), Ok((1, 0, 0)));
        check(
            "<testsuites tests='9'><testsuite tests='6' failures='1' errors='1' skipped='2' disabled='1'/></testsuites>",
            Ok((6, 2, 3)),
        );
        check("<testsuites tests='3'/>", Ok((3, 0, 0)));
        check("<suites/>", Err("the root is <suites>"));
        check("<!-- nothing -->", Err("it has no element"));
        check(
            "<testsuite>\n<testcase>\n<failure>x",
            Err("line 3, column 11: the file ends inside <failure>"),
        );
    }

    #[test]
    fn failures_keep_what_they_say() {
        let text = "<testsuite name='pytest'><testcase classname='t.A' name='x' file='t.py' line='3'>\
            <failure message='1 &lt; 2&#10;no'>a<![CDATA[<b>&amp;]]>&amp;c &bad; & d</failure>\
            <system-out>noise</system-out></testcase></testsuite>";
        let report = read(text.as_bytes()).unwrap();
        let case = &report.cases[0];
        assert_eq!(case.said, "1 < 2\nno\na<b>&amp;&c &bad; & d");
        assert_eq!((case.file.as_deref(), case.line), (Some("t.py"), Some(4)));
        assert_eq!(case.outcome, Outcome::Failed);
    }
}
