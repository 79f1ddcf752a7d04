//! Tests out of the JUnit XML that a run leaves behind.

use crate::evidence::{junit, results};

use super::Outcome;
use super::sum::{Found, Totals};

/// Adds the tests of all reports that can be read. Gives how many could.
/// `name` makes a test's name of a class and a name, `judge` its outcome of
/// what it is said to be and its words.
pub(super) fn add(
    found: &mut Found,
    reports: &[(String, Vec<u8>)],
    name: fn(&results::Case) -> String,
    judge: fn(results::Outcome, &results::Case) -> Outcome,
) -> usize {
    let mut read = 0;
    for (_, bytes) in reports {
        let Ok(report) = junit::read(bytes) else { continue };
        read += 1;
        for case in &report.cases {
            let outcome = match case.outcome {
                results::Outcome::Passed => Outcome::Passed,
                results::Outcome::Skipped => Outcome::Skipped,
                // It failed at first.
                results::Outcome::Flaky => Outcome::Crashed,
                failed => judge(failed, case),
            };
            found.push(&name(case), case.file.as_deref(), outcome, &case.said);
        }
    }
    read
}

/// The totals that a list of tests makes.
pub(super) fn totals(found: &Found) -> Totals {
    let mut totals = Totals::default();
    for test in &found.tests {
        totals.ran += usize::from(matches!(
            test.outcome,
            Outcome::Passed | Outcome::Failed | Outcome::Crashed
        ));
        totals.failed += usize::from(test.outcome.is_failure());
        totals.skipped += usize::from(test.outcome == Outcome::Skipped);
    }
    totals
}
