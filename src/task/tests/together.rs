//! Shows that tests hold beside all others: with all of them in their places the suite
//! passes five times, and five times in another order where the runner can; no other
//! test comes out otherwise than before.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Examined;
use super::bench::{Bench, Came, Done, Side};
use super::copies::Copies;
use super::proposal::Proposal;
use super::prove::{Judged, TIMES, tally};
use super::report::{Evidence, Verdict};
use crate::checkout::Checkout;
use crate::code::language::Language;
use crate::code::test_code::{self, Proposed};

/// How the suite came out before anything was added.
#[derive(Debug, Default, Clone)]
pub struct Before {
    /// As a whole.
    pub whole: Option<Came>,
    /// By test, where the runner names them.
    pub tests: BTreeMap<String, Came>,
    /// Tests that came out otherwise without any change.
    pub unsteady: Vec<String>,
}

impl Before {
    /// From two runs.
    pub fn of(first: &Done, second: &Done) -> Before {
        let (tests, again) = (by_name(first), by_name(second));
        let unsteady = tests
            .iter()
            .filter(|(name, came)| again.get(*name).is_some_and(|second| second != *came))
            .map(|(name, _)| name.clone())
            .collect();
        Before { whole: Some(first.whole().max(second.whole())), tests, unsteady }
    }

    /// Names of tests that failed.
    pub fn failing(&self) -> Vec<String> {
        let bad = |came: &Came| !matches!(came, Came::Passed | Came::Skipped);
        self.tests.iter().filter(|(_, came)| bad(came)).map(|(name, _)| name.clone()).collect()
    }
}

fn by_name(done: &Done) -> BTreeMap<String, Came> {
    done.report.tests.iter().map(|test| (test.name.clone(), Came::from(test.outcome))).collect()
}

/// Files with tests in them: path, and text.
pub type Texts = BTreeMap<String, Vec<u8>>;

/// Put proposals into the head's files one after the other; the number of one that does
/// not fit beside the others ends up in the second list.
pub fn combined(
    copies: &Copies,
    proposals: &[(usize, &Proposal)],
) -> (Texts, Vec<(usize, String)>) {
    let mut texts = Texts::new();
    let mut unfit = Vec::new();
    for (number, proposal) in proposals {
        let Ok(path) = Checkout::plain_path(&proposal.path) else { continue };
        let Some(language) = Language::of_path(&path) else { continue };
        let there = texts.get(&path).cloned().or_else(|| copies.text(Side::Head, &path));
        // The second of two that want to make the same file is added to it.
        let placement = match proposal.placement {
            test_code::Placement::NewFile if there.is_some() => test_code::Placement::Append,
            placement => placement,
        };
        let proposed = Proposed {
            path: &path,
            name: &proposal.name,
            code: &proposal.code,
            imports: &proposal.imports,
            placement,
        };
        match test_code::place(language, there.as_deref(), &proposed) {
            Ok(placed) => {
                texts.insert(path, placed.text);
            }
            Err(why) => unfit.push((*number, why)),
        }
    }
    (texts, unfit)
}

/// Look at all that was judged: what is proven first, then, beside it, what is only
/// proposed. The files with what is proven go into `examined`.
///
/// # Errors
/// The time is over, or a copy cannot be written.
pub async fn settle(
    bench: &Bench<'_>,
    copies: &mut Copies,
    before: &Before,
    judged: &mut [Judged],
    examined: &mut Examined,
) -> Result<()> {
    let texts = hold(bench, copies, before, judged, Verdict::is_proven).await?;
    for (path, text) in &texts {
        let there = copies.text(Side::Head, path);
        examined.files.push((path.clone(), there, text.clone()));
    }
    for (path, text) in &texts {
        copies.keep(Side::Head, path, text)?;
    }
    hold(bench, copies, before, judged, |verdict| verdict == Verdict::CoverageOnly).await?;
    Ok(())
}

/// Reject what does not hold beside the rest, of those whose verdict is looked at. Gives
/// the files with what is left.
async fn hold(
    bench: &Bench<'_>,
    copies: &mut Copies,
    before: &Before,
    judged: &mut [Judged],
    looked_at: impl Fn(Verdict) -> bool,
) -> Result<Texts> {
    let stands = |one: &Judged| looked_at(one.candidate.verdict);
    loop {
        let all: Vec<(usize, &Proposal)> = judged
            .iter()
            .enumerate()
            .filter(|(_, one)| stands(one))
            .map(|(number, one)| (number, &one.proposal))
            .collect();
        if all.is_empty() {
            return Ok(Texts::new());
        }
        let (texts, unfit) = combined(copies, &all);
        let numbers: Vec<usize> = all.iter().map(|(number, _)| *number).collect();
        if !unfit.is_empty() {
            for (number, why) in unfit {
                reject(&mut judged[number], format!("It does not fit beside the others: {why}"));
            }
            continue;
        }
        let names: Vec<String> = all.iter().map(|(_, one)| one.name.clone()).collect();
        match suite(bench, copies, before, &texts, &names).await? {
            Ok(evidence) => {
                for number in numbers {
                    judged[number].candidate.evidence.extend(evidence.iter().cloned());
                }
                return Ok(texts);
            }
            Err((why, evidence)) if numbers.len() == 1 => {
                let one = &mut judged[numbers[0]];
                one.candidate.evidence.extend(evidence);
                reject(one, why);
            }
            Err((why, _)) => {
                // One by one, to see whose fault it is.
                let mut any = false;
                for number in &numbers {
                    let one = [(*number, &judged[*number].proposal)];
                    let (texts, _) = combined(copies, &one);
                    let names = [judged[*number].proposal.name.clone()];
                    if let Err((why, evidence)) =
                        suite(bench, copies, before, &texts, &names).await?
                    {
                        judged[*number].candidate.evidence.extend(evidence);
                        reject(&mut judged[*number], why);
                        any = true;
                    }
                }
                if !any {
                    // Each holds alone: the last one added is left out, and the rest
                    // looked at again.
                    if let Some(last) = numbers.last() {
                        reject(&mut judged[*last], format!("Beside the other new tests: {why}"));
                    }
                }
            }
        }
    }
}

fn reject(one: &mut Judged, why: String) {
    one.candidate.verdict = Verdict::Rejected;
    one.candidate.reason.clone_from(&why);
    one.feedback = Some(why);
}

type Held = Result<Vec<Evidence>, (String, Vec<Evidence>)>;

/// Run the suite with files in their places.
async fn suite(
    bench: &Bench<'_>,
    copies: &mut Copies,
    before: &Before,
    texts: &Texts,
    names: &[String],
) -> Result<Held> {
    let mut written = Vec::new();
    for (path, text) in texts {
        written.push(super::bench::Written::write(&bench.head, path, text)?);
    }
    let mut commands: Vec<String> = vec![bench.commands.suite.clone(); TIMES];
    if let Some(shuffled) = &bench.commands.shuffled {
        let seeds = 1..=TIMES as u32;
        commands.extend(seeds.map(|seed| crate::runner::fill(shuffled, "", "", seed)));
    }
    let mut runs: Vec<(String, Vec<Came>)> = Vec::new();
    let mut fault = None;
    for (nth, command) in commands.iter().enumerate() {
        let done = bench.run(Side::Head, command, bench.time_for_suite()).await?;
        let kind = usize::from(nth >= TIMES);
        if runs.len() <= kind {
            let name = if kind == 0 { "head, whole suite" } else { "head, shuffled" };
            runs.push((name.to_owned(), Vec::new()));
        }
        let came = verdict(before, &done, names);
        runs[kind].1.push(if came.is_ok() { Came::Passed } else { done.whole() });
        if let Err(why) = came {
            let order = if kind == 0 { "" } else { " in another order" };
            fault = Some(format!("Run with the whole suite{order}, {why}"));
            break;
        }
    }
    drop(written);
    for path in texts.keys() {
        copies.renew(Side::Head, path);
    }
    copies.altered(Side::Head, &[])?;
    let evidence = runs
        .into_iter()
        .enumerate()
        .map(|(kind, (on, came))| Evidence {
            on,
            command: commands[kind * TIMES].clone(),
            outcome: tally(&came),
            patch: None,
        })
        .collect();
    Ok(match fault {
        None => Ok(evidence),
        Some(why) => Err((why, evidence)),
    })
}

/// Whether a run is as it was, with the new tests passing.
fn verdict(before: &Before, done: &Done, names: &[String]) -> Result<(), String> {
    let whole = done.whole();
    if matches!(whole, Came::Late | Came::Beyond | Came::DidNotBuild) {
        return Err(format!("the suite {}.", whole.words()));
    }
    for name in names {
        let (came, _) = done.of(name);
        let is_told = crate::runner::result_of(&done.report, name).is_some();
        if is_told && came != Came::Passed {
            return Err(format!("`{name}` {}.", came.words()));
        }
    }
    let now = by_name(done);
    for (name, came) in &before.tests {
        if before.unsteady.contains(name) {
            continue;
        }
        match now.get(name) {
            Some(now) if now == came => {}
            Some(now) => return Err(format!("another test, `{name}`, {}.", now.words())),
            None if done.report.is_complete => {
                return Err(format!("another test, `{name}`, is no longer run."));
            }
            None => {}
        }
    }
    if before.tests.is_empty() && before.whole == Some(Came::Passed) && whole != Came::Passed {
        return Err(format!("the suite {}.", whole.words()));
    }
    if before.tests.is_empty() && before.whole != Some(Came::Passed) {
        return Err("nothing can be told: it fails without it, and names no tests.".to_owned());
    }
    if before.whole == Some(Came::Passed) && whole != Came::Passed {
        return Err(format!("the suite {}.", whole.words()));
    }
    Ok(())
}
