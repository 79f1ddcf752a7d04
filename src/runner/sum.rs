//! What a reader found, held against the exit code and the runner's totals.

use std::collections::HashMap;

use super::text::{self, MOST_SAID, MOST_TOLD};
use super::{Kind, Outcome, RunReport, TestResult};

/// What a reader is given.
pub(super) struct Heard<'a> {
    pub(super) exit: Option<i32>,
    /// Without escape sequences.
    pub(super) text: &'a str,
    pub(super) reports: &'a [(String, Vec<u8>)],
    pub(super) source: &'a dyn Fn(&str) -> Option<String>,
}

/// What a reader found, before it is believed.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// A test may be there several times.
    pub(super) tests: Vec<TestResult>,
    /// What befell the run as a whole, and the words for it, if there are any.
    pub(super) broke: Option<(Outcome, String)>,
    /// The runner's own totals.
    pub(super) totals: Option<Totals>,
    /// How many failures were listed, where that is not the number of failing tests.
    pub(super) listed: Option<usize>,
    /// The names of all tests are known although there are no totals.
    pub(super) is_whole: bool,
    /// Tests were left out because others failed.
    pub(super) is_partial: bool,
    /// Something in the output contradicts something else in it.
    pub(super) is_doubtful: bool,
}

/// A runner's totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Tests that ran, however they ended.
    pub(super) ran: usize,
    /// Failures of any kind.
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Totals {
    pub(super) fn add(&mut self, other: Totals) {
        self.ran = self.ran.saturating_add(other.ran);
        self.failed = self.failed.saturating_add(other.failed);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }
}

impl Found {
    pub(super) fn push(
        &mut self,
        name: &str,
        file: Option<&str>,
        outcome: Outcome,
        said: impl AsRef<str>,
    ) {
        self.tests.push(TestResult {
            name: text::cut(name.trim(), 1000),
            file: file.map(str::to_owned),
            outcome,
            said: text::cut(said.as_ref(), MOST_SAID),
        });
    }

    /// What befell the whole run; the worst of several.
    pub(super) fn breaks(&mut self, outcome: Outcome, said: impl Into<String>) {
        if self.broke.as_ref().is_none_or(|(known, _)| *known < outcome) {
            self.broke = Some((outcome, said.into()));
        }
    }
}

/// One entry a test. Of several that tell of one test the worst counts; that it
/// both passed and failed by assertion is believed neither way.
fn merge(tests: Vec<TestResult>) -> Vec<TestResult> {
    let mut merged: Vec<TestResult> = Vec::with_capacity(tests.len());
    let mut known: HashMap<(Option<String>, String), usize> = HashMap::new();
    for test in tests {
        let key = (test.file.clone(), test.name.clone());
        let Some(&at) = known.get(&key) else {
            known.insert(key, merged.len());
            merged.push(test);
            continue;
        };
        let first = &mut merged[at];
        let pair = (first.outcome.min(test.outcome), first.outcome.max(test.outcome));
        let is_worse = test.outcome > first.outcome;
        first.outcome =
            if pair == (Outcome::Passed, Outcome::Failed) { Outcome::Crashed } else { pair.1 };
        if (is_worse && !test.said.is_empty()) || first.said.is_empty() {
            first.said = test.said;
        }
    }
    merged
}

/// What may be believed of what was found.
pub(super) fn conclude(kind: Kind, heard: &Heard<'_>, found: Found) -> RunReport {
    let Found { tests, broke, totals, listed, is_whole, is_partial, is_doubtful } = found;
    let mut tests = merge(tests);
    let failing = tests.iter().filter(|test| test.outcome.is_failure()).count();
    let listed = listed.unwrap_or(failing);
    let ran = tests.iter().filter(|test| has_run(test.outcome)).count();

    let broken = broke.as_ref().is_some_and(|(outcome, _)| outcome.is_failure());
    let claims = failing > 0 || broken || totals.is_some_and(|totals| totals.failed > 0);
    let said_well = heard.exit == Some(0) && claims;
    let too_many = totals.is_some_and(|totals| listed > totals.failed);
    let doubtful = is_doubtful || said_well || too_many || heard.exit.is_none();
    if doubtful {
        for test in tests.iter_mut().filter(|test| test.outcome == Outcome::Failed) {
            test.outcome = Outcome::Crashed;
        }
    }

    let worst = tests.iter().map(|test| test.outcome).max();
    let mut whole = match (worst, totals) {
        (Some(worst), _) if worst.is_failure() => worst,
        _ if ran > 0 || totals.is_some_and(|totals| totals.ran > 0) => Outcome::Passed,
        (Some(_), _) => Outcome::Skipped,
        (None, Some(totals)) if totals.skipped > 0 => Outcome::Skipped,
        (None, Some(_)) => Outcome::NotRun,
        // Nothing is known but the exit code.
        (None, None) => Outcome::Passed,
    };
    let mut told = String::new();
    if let Some((outcome, said)) = broke {
        whole = if outcome.is_failure() { whole.max(outcome) } else { whole_of(whole, outcome) };
        told = said;
    }
    let contradiction = match heard.exit {
        Some(0) if claims => {
            whole = whole.max(Outcome::Crashed);
            Some("The exit code is 0, yet the output speaks of failures.".to_owned())
        }
        Some(code) if code != 0 && !whole.is_failure() && whole != Outcome::NotRun => {
            whole = Outcome::Crashed;
            Some(format!("{kind} ended with {code}, though no test is said to have failed."))
        }
        None if !whole.is_failure() => {
            whole = Outcome::Crashed;
            Some("The run did not end by itself.".to_owned())
        }
        _ => None,
    };
    // A failure that no list names.
    if !whole.is_failure() && totals.is_some_and(|totals| totals.failed > 0) {
        whole = Outcome::Crashed;
    }
    let agree = match totals {
        Some(totals) => listed == totals.failed && ran == totals.ran,
        None => is_whole,
    };
    let is_complete = agree && !doubtful && !is_partial && !broken && contradiction.is_none();
    let said = told_of(heard, &tests, whole, &told, contradiction);
    RunReport { whole, tests, is_complete, said }
}

/// A test that was run to some end.
fn has_run(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Passed | Outcome::Failed | Outcome::Crashed)
}

/// What is left when nothing broke: that there was nothing to run counts only
/// where nothing ran.
fn whole_of(whole: Outcome, broke: Outcome) -> Outcome {
    match whole {
        Outcome::Passed | Outcome::Skipped => broke,
        other => other,
    }
}

fn told_of(
    heard: &Heard<'_>,
    tests: &[TestResult],
    whole: Outcome,
    told: &str,
    contradiction: Option<String>,
) -> String {
    let mut said = contradiction.unwrap_or_default();
    let mut add = |part: &str| {
        if !part.trim().is_empty() {
            if !said.is_empty() {
                said.push('\n');
            }
            said.push_str(part.trim_end());
        }
    };
    if !told.trim().is_empty() {
        add(told);
    } else if whole.is_failure() {
        let mut any = false;
        let mut room = MOST_TOLD;
        for test in tests.iter().filter(|test| test.outcome.is_failure()) {
            if room < 200 {
                break;
            }
            let part = text::cut(&format!("{}: {}\n{}", test.name, test.outcome, test.said), room);
            room = room.saturating_sub(part.len() + 1);
            add(&part);
            any = true;
        }
        if !any {
            add(text::tail(heard.text, MOST_TOLD / 2));
        }
    } else if whole == Outcome::NotRun {
        add(text::tail(heard.text, 1000));
    }
    text::cut(&said, MOST_TOLD)
}

/// See [`super::result_of`].
pub(super) fn result_of<'r>(report: &'r RunReport, name: &str) -> Option<&'r TestResult> {
    let wanted = Names::of(name.trim());
    if wanted.even.is_empty() {
        return None;
    }
    let mut best: Option<(u8, &TestResult)> = None;
    for test in &report.tests {
        let rank = wanted.rank(test);
        let Some(rank) = rank else { continue };
        let better = match best {
            None => true,
            Some((known, first)) => rank < known || (rank == known && test.outcome > first.outcome),
        };
        if better {
            best = Some((rank, test));
        }
    }
    best.map(|(_, test)| test)
}

/// A name in the spellings that it is compared in.
struct Names {
    plain: String,
    even: String,
}

impl Names {
    fn of(name: &str) -> Names {
        Names { plain: name.to_owned(), even: even(name) }
    }

    /// How well a test's name fits, 0 the best.
    fn rank(&self, test: &TestResult) -> Option<u8> {
        let loads = matches!(test.outcome, Outcome::DidNotImport | Outcome::DidNotBuild);
        let name = even(&test.name);
        let full = test.file.as_deref().map(|file| format!("{}.{name}", even(file)));
        let full = full.as_deref().unwrap_or(&name);
        if test.name == self.plain || name == self.even {
            Some(0)
        } else if full == self.even {
            Some(1)
        } else if ends(full, &self.even) || (ends(&self.even, &name) && fits(&self.even, test)) {
            Some(2)
        } else if starts(&name, &self.even) || starts(full, &self.even) || holds(full, &self.even) {
            Some(3)
        } else if loads && (starts(&self.even, &name) || starts(&self.even, full)) {
            Some(4)
        } else {
            None
        }
    }
}

/// Whether a longer wanted name can mean a test that is printed shortly: what
/// it has in front does not speak of another file.
fn fits(wanted: &str, test: &TestResult) -> bool {
    let Some(file) = test.file.as_deref().map(even) else { return true };
    let name = even(&test.name);
    let front = wanted.strip_suffix(&name).unwrap_or(wanted).trim_end_matches('.');
    file == front || ends(&file, front) || ends(front, &file)
}

/// Separators are written in many ways: `::`, ` > `, ` › `, `#`, `\`, `/`.
fn even(name: &str) -> String {
    let name = name
        .replace("::", ".")
        .replace(" > ", ".")
        .replace(" › ", ".")
        .replace(['#', '\\', '/', '$', ' '], ".");
    name.trim_start_matches('.').to_owned()
}

/// Whether a name ends with another, from a separator on.
fn ends(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

/// Whether a name begins with another, up to a separator, a parameter or data.
fn starts(name: &str, start: &str) -> bool {
    !start.is_empty()
        && name
            .strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '(', '{']))
}

/// Whether a name holds another between a separator and a parameter.
fn holds(name: &str, part: &str) -> bool {
    name.match_indices(part).any(|(at, _)| {
        let rest = &name[at + part.len()..];
        name[..at].ends_with('.') && rest.starts_with(['[', '(', '{'])
    })
}
