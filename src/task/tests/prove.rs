//! Proves one test: what has to hold, in order, and what was run to know it.
//!
//! 1. It has a place among the tests, changes nothing else, and nothing in its code bars
//!    trust in it.
//! 2. It passes five times of five on the head, alone.
//! 3. It guards something: it fails by assertion on the base, or on a mutant of the
//!    change that the suite lets live; and without its assertions it passes there.
//!
//! That it holds beside all other tests is shown for all of them at once, in `together`.

use anyhow::Result;

use super::bench::{Bench, Came, Side, Written};
use super::benchmark;
use super::changed::ChangedFile;
use super::copies::Copies;
use super::mutate::Live;
use super::probe;
use super::proposal::Proposal;
use super::report::{Candidate, Evidence, Verdict};
use crate::checkout::Checkout;
use crate::code::language::Language;
use crate::code::test_code::{self, FaultKind, Placed, Placement, Proposed, Stripped};
use crate::diff::between::between;

/// How often a test has to pass.
pub const TIMES: usize = 5;
/// How often it has to fail where it guards.
pub(super) const AGAIN: usize = 2;
/// Most bytes of a runner's words in a reason.
const MOST_SAID: usize = 400;

/// A candidate that was looked at.
#[derive(Debug)]
pub struct Judged {
    /// What the report says of it.
    pub candidate: Candidate,
    /// What to tell the model, where another try may help.
    pub feedback: Option<String>,
    /// What was proposed.
    pub proposal: Proposal,
    /// Mutants it kills: that which is its proof first.
    pub kills: Vec<String>,
}

/// What tests are proven with.
pub struct Prover<'a, 'b> {
    /// Where they run.
    pub bench: &'a Bench<'b>,
    /// The copies' contents.
    pub copies: &'a mut Copies,
    /// Mutants that live.
    pub live: &'a [Live],
    /// What changed.
    pub changed: &'a [ChangedFile],
    /// How one benchmark is run, where benchmarks are asked for.
    pub benchmark: Option<&'a str>,
}

/// What one came to, before it is told.
struct Ruling {
    verdict: Verdict,
    reason: String,
    feedback: Option<String>,
    kills: Option<String>,
}

impl Ruling {
    fn rejected(reason: impl Into<String>) -> Ruling {
        let reason = reason.into();
        let feedback = Some(reason.clone());
        Ruling { verdict: Verdict::Rejected, reason, feedback, kills: None }
    }
}

/// A test in its place, on one side.
pub(super) struct There {
    pub(super) language: Language,
    pub(super) path: String,
    pub(super) placed: Placed,
}

impl Prover<'_, '_> {
    /// Prove a test.
    ///
    /// # Errors
    /// The time is over, or nothing can be run here at all.
    pub async fn prove(&mut self, proposal: &Proposal) -> Result<Judged> {
        let mut evidence = Vec::new();
        let mut diff = String::new();
        let proposal = &self.named(proposal);
        let ruling = self.rule(proposal, &mut evidence, &mut diff).await?;
        let Ruling { verdict, reason, feedback, kills } = ruling;
        let mut kills: Vec<String> = kills.into_iter().collect();
        if verdict.is_proven() && self.benchmark.is_none() {
            let more = self.also_kills(proposal, &kills).await;
            kills.extend(more);
        }
        let candidate = Candidate {
            name: proposal.name.clone(),
            path: proposal.path.clone(),
            verdict,
            reason,
            guards: proposal.guards.clone(),
            evidence,
            diff,
        };
        Ok(Judged { candidate, feedback, proposal: proposal.clone(), kills })
    }

    /// The proposal by the name under which it runs: who proposes it cannot know which
    /// module a Rust test is put into.
    fn named(&self, proposal: &Proposal) -> Proposal {
        let mut named = proposal.clone();
        if proposal.placement == Placement::Module
            && let Ok(there) = self.place(proposal, Side::Head)
        {
            named.name = there.placed.name_in_module(&proposal.name);
        }
        named
    }

    async fn rule(
        &mut self,
        proposal: &Proposal,
        evidence: &mut Vec<Evidence>,
        diff: &mut String,
    ) -> Result<Ruling> {
        let there = match self.place(proposal, Side::Head) {
            Ok(there) => there,
            Err(why) => return Ok(Ruling::rejected(why)),
        };
        let before = self.copies.text(Side::Head, &there.path);
        *diff = between(&there.path, before.as_deref(), Some(&there.placed.text))?;
        let mut faults = Vec::new();
        for lines in &there.placed.lines {
            faults.extend(test_code::faults(there.language, &there.placed.text, lines.clone()));
        }
        // A benchmark reads the clock through its harness, and asserts nothing.
        let is_benchmark = self.benchmark.is_some();
        faults.retain(|fault| {
            !is_benchmark || !matches!(fault.kind, FaultKind::Clock | FaultKind::NoAssertion)
        });
        if let Some(fault) = faults.first() {
            return Ok(Ruling::rejected(format!("Line {}: {}", fault.line, fault.why)));
        }
        if let Some(template) = self.benchmark {
            return self.measured(proposal, &there, template, evidence).await;
        }
        let command = self.bench.alone(&proposal.name, &there.path);
        let (came, said) = self.on_head(proposal, &there, &command, evidence).await?;
        if let Some(ruling) = came_on_head(&came, &said) {
            if ruling.verdict == Verdict::SuspectedBug {
                return self.suspected(proposal, &there, ruling, evidence).await;
            }
            return Ok(ruling);
        }
        let mut why = match self.on_base(proposal, &there, evidence).await? {
            Ok(()) => {
                let reason = "It fails by assertion without the change, and passes there once its \
                              assertions are taken out.";
                return Ok(Ruling {
                    verdict: Verdict::ProvenBase,
                    reason: reason.to_owned(),
                    feedback: None,
                    kills: None,
                });
            }
            Err(why) => why,
        };
        match self.on_mutants(proposal, &there, evidence).await? {
            Ok(live) => {
                return Ok(Ruling {
                    verdict: Verdict::ProvenMutant,
                    reason: format!(
                        "It fails by assertion when, at {}, {}, which no other test notices, and \
                         passes there once its assertions are taken out.",
                        live.place(),
                        live.change
                    ),
                    feedback: None,
                    kills: Some(live.id.clone()),
                });
            }
            Err(none) => {
                why.push(' ');
                why += &none;
            }
        }
        self.reaches(proposal, &there, why, evidence).await
    }

    /// A benchmark is measured on both sides.
    async fn measured(
        &mut self,
        proposal: &Proposal,
        there: &There,
        template: &str,
        evidence: &mut Vec<Evidence>,
    ) -> Result<Ruling> {
        let base = self.place(proposal, Side::Base).ok();
        let sides = (&there.placed, base.as_ref().map(|there| &there.placed));
        let path = &there.path;
        let measured =
            benchmark::measure(self.bench, self.copies, template, proposal, path, sides, evidence);
        let benchmark::Measured { verdict, reason } = measured.await?;
        let feedback = (verdict == Verdict::Rejected).then(|| reason.clone());
        Ok(Ruling { verdict, reason, feedback, kills: None })
    }

    /// Put it into the text of a side.
    pub(super) fn place(&self, proposal: &Proposal, side: Side) -> Result<There, String> {
        let Ok(path) = Checkout::plain_path(&proposal.path) else {
            return Err(format!("`{}` is no path inside the checkout.", proposal.path));
        };
        let Some(language) = Language::of_path(&path) else {
            return Err(format!("`{path}` is of no language that tests are written in here."));
        };
        let is_test = test_code::is_test_file(language, &path);
        // In Rust a test may stand in the source's own test module.
        let in_place = language == Language::Rust && proposal.placement != Placement::NewFile;
        if !is_test && !in_place {
            return Err(format!(
                "`{path}` is no test file by the conventions of its language: a test may only \
                 touch test files."
            ));
        }
        let text = self.copies.text(side, &path);
        if proposal.placement != Placement::NewFile && text.is_none() && side == Side::Head {
            return Err(format!("`{path}` does not exist: propose it with `new-file`."));
        }
        let placed = placed(language, text.as_deref(), proposal, &path)?;
        Ok(There { language, path, placed })
    }

    /// Five runs alone; ends with the first that does not pass, unless it may be flaky.
    async fn on_head(
        &mut self,
        proposal: &Proposal,
        there: &There,
        command: &str,
        evidence: &mut Vec<Evidence>,
    ) -> Result<(Vec<Came>, String)> {
        let written = Written::write(&self.bench.head, &there.path, &there.placed.text)?;
        let mut came = Vec::new();
        let mut said = String::new();
        for _ in 0..TIMES {
            let done = self.bench.run(Side::Head, command, self.bench.time_for_one()).await?;
            let (result, words) = done.of(&proposal.name);
            came.push(result);
            if result != Came::Passed && said.is_empty() {
                said = words.to_owned();
            }
            // Once it has passed and not passed, or has no need of another try, all is said.
            let mixed = came.contains(&Came::Passed) && came.iter().any(|one| *one != Came::Passed);
            if mixed || !matches!(result, Came::Passed | Came::Failed | Came::Crashed) {
                break;
            }
        }
        let altered = self.copies.altered(Side::Head, &[&there.path])?;
        drop(written);
        self.copies.renew(Side::Head, &there.path);
        evidence.push(Evidence {
            on: "head".to_owned(),
            command: command.to_owned(),
            outcome: tally(&came),
            patch: None,
        });
        if let Some(path) = altered.first() {
            let said = format!("it changes `{path}` while it runs");
            return Ok((vec![Came::Beyond], said));
        }
        Ok((came, said))
    }

    /// A test that fails on the head each time may have found something, unless it
    /// breaks by itself.
    async fn suspected(
        &mut self,
        proposal: &Proposal,
        there: &There,
        ruling: Ruling,
        evidence: &mut Vec<Evidence>,
    ) -> Result<Ruling> {
        let stripped = self.strip(there);
        let Ok(text) = stripped else { return Ok(ruling) };
        let came = self.stripped(proposal, there, Side::Head, &text, None, evidence).await?;
        if came == Came::Passed {
            return Ok(ruling);
        }
        let words = came.words();
        Ok(Ruling::rejected(format!(
            "It fails on the head, and without its assertions it {words} there too: it is not the \
             assertion that fails."
        )))
    }

    pub(super) fn strip(&self, there: &There) -> Result<Vec<u8>, String> {
        strip(there.language, &there.placed)
    }

    /// Run the text without assertions, on a side or on a mutant of the head.
    pub(super) async fn stripped(
        &mut self,
        proposal: &Proposal,
        there: &There,
        side: Side,
        text: &[u8],
        live: Option<&Live>,
        evidence: &mut Vec<Evidence>,
    ) -> Result<Came> {
        let command = self.bench.alone(&proposal.name, &there.path);
        let copy = self.bench.copy(side).to_path_buf();
        let mut written = Vec::new();
        if let Some(live) = live.filter(|live| live.path != there.path) {
            written.push(Written::write(&copy, &live.path, &live.text)?);
        }
        written.push(Written::write(&copy, &there.path, text)?);
        let mut all = Vec::new();
        for _ in 0..AGAIN {
            let done = self.bench.run(side, &command, self.bench.time_for_one()).await?;
            all.push(done.of(&proposal.name).0);
        }
        drop(written);
        self.settle(side, there, live)?;
        let before = self.copies.text(side, &there.path);
        let on = match (side, live) {
            (_, Some(live)) => format!("stripped, mutant {}", live.id),
            (Side::Head, None) => "stripped, head".to_owned(),
            (Side::Base, None) => "stripped, base".to_owned(),
        };
        evidence.push(Evidence {
            on,
            command,
            outcome: tally(&all),
            patch: between(&there.path, before.as_deref(), Some(text)).ok(),
        });
        Ok(all.into_iter().max().unwrap_or(Came::NotRun))
    }

    /// What a run left behind is taken away.
    pub(super) fn settle(&mut self, side: Side, there: &There, live: Option<&Live>) -> Result<()> {
        self.copies.renew(side, &there.path);
        if let Some(live) = live {
            self.copies.renew(side, &live.path);
        }
        self.copies.altered(side, &[])?;
        Ok(())
    }

    /// Whether it fails by assertion on the base; else why that is no proof.
    async fn on_base(
        &mut self,
        proposal: &Proposal,
        there: &There,
        evidence: &mut Vec<Evidence>,
    ) -> Result<Result<(), String>> {
        let head_text = self.copies.text(Side::Head, &there.path);
        let base_text = self.copies.text(Side::Base, &there.path);
        let mut tries = Vec::new();
        let may_stand =
            base_text.is_some() || proposal.placement == Placement::NewFile || head_text.is_none();
        if may_stand && let Ok(placed) = self.place(proposal, Side::Base) {
            tries.push(placed);
        }
        // A test file that the change itself alters may have what the test needs.
        let is_source = !test_code::is_test_file(there.language, &there.path);
        if head_text != base_text && !is_source {
            tries.push(There {
                language: there.language,
                path: there.path.clone(),
                placed: there.placed.clone(),
            });
        }
        if let Some(name) = self.added(&proposal.code) {
            return Ok(Err(format!(
                "`{name}` is not there on the base, so nothing is proven there."
            )));
        }
        let mut why = "On the base it has no place.".to_owned();
        for there in tries {
            let command = self.bench.alone(&proposal.name, &there.path);
            let written = Written::write(&self.bench.base, &there.path, &there.placed.text)?;
            let mut all = Vec::new();
            for _ in 0..=AGAIN {
                let done = self.bench.run(Side::Base, &command, self.bench.time_for_one()).await?;
                all.push(done.of(&proposal.name).0);
                if all.last() != Some(&Came::Failed) {
                    break;
                }
            }
            drop(written);
            self.settle(Side::Base, &there, None)?;
            let before = self.copies.text(Side::Base, &there.path);
            evidence.push(Evidence {
                on: "base".to_owned(),
                command,
                outcome: tally(&all),
                patch: between(&there.path, before.as_deref(), Some(&there.placed.text)).ok(),
            });
            if !all.iter().all(|came| *came == Came::Failed) {
                let last = all.last().copied().unwrap_or(Came::NotRun);
                why = format!("On the base it {}, which is no proof.", last.words());
                if matches!(last, Came::DidNotBuild | Came::DidNotImport | Came::NotRun) {
                    continue;
                }
                break;
            }
            let text = match self.strip(&there) {
                Ok(text) => text,
                Err(unclear) => {
                    why = format!("It fails on the base, but {unclear}");
                    break;
                }
            };
            let came = self.stripped(proposal, &there, Side::Base, &text, None, evidence).await?;
            if came == Came::Passed {
                return Ok(Ok(()));
            }
            why = format!(
                "On the base it {} even without its assertions: no assertion catches it.",
                came.words()
            );
            break;
        }
        Ok(Err(why))
    }

    /// Whether it runs a changed function at all: shown by one that breaks at once.
    async fn reaches(
        &mut self,
        proposal: &Proposal,
        there: &There,
        why: String,
        evidence: &mut Vec<Evidence>,
    ) -> Result<Ruling> {
        let named: Vec<(&ChangedFile, &super::changed::Function)> = self
            .changed
            .iter()
            .flat_map(|file| file.functions.iter().map(move |function| (file, function)))
            .collect();
        // One that is named first; all at once where none is.
        let probes = probe::all(&named);
        for (path, text) in probes {
            let text = match path == there.path {
                true => match placed(there.language, Some(&text), proposal, &there.path) {
                    Ok(placed) => placed.text,
                    Err(_) => continue,
                },
                false => text,
            };
            let command = self.bench.alone(&proposal.name, &there.path);
            let mut written = vec![Written::write(&self.bench.head, &path, &text)?];
            if path != there.path {
                let test = &there.placed.text;
                written.push(Written::write(&self.bench.head, &there.path, test)?);
            }
            let done = self.bench.run(Side::Head, &command, self.bench.time_for_one()).await?;
            let came = done.of(&proposal.name).0;
            drop(written);
            self.copies.renew(Side::Head, &path);
            self.settle(Side::Head, there, None)?;
            if matches!(came, Came::Failed | Came::Crashed) {
                evidence.push(Evidence {
                    on: format!("changed functions of {path} broken at their start"),
                    command,
                    outcome: came.words().to_owned(),
                    patch: None,
                });
                let feedback = Some(format!(
                    "`{}`: {why} It reaches the change but guards nothing: assert on what the \
                     change makes different.",
                    proposal.name
                ));
                let reason = format!("It reaches the change. {why}");
                return Ok(Ruling {
                    verdict: Verdict::CoverageOnly,
                    reason,
                    feedback,
                    kills: None,
                });
            }
        }
        Ok(Ruling::rejected(format!("It reaches no changed function. {why}")))
    }
}

/// The text with a proposal in it.
pub(super) fn placed(
    language: Language,
    text: Option<&[u8]>,
    proposal: &Proposal,
    path: &str,
) -> Result<Placed, String> {
    let Proposal { name, code, imports, placement, .. } = proposal;
    let proposed = Proposed { path, name, code, imports, placement: *placement };
    test_code::place(language, text, &proposed)
}

/// Without assertions; else why that cannot be.
fn strip(language: Language, placed: &Placed) -> Result<Vec<u8>, String> {
    match test_code::without_assertions(language, &placed.text, placed.test.clone()) {
        Stripped::Text(text) => Ok(text),
        Stripped::NoAssertions => Err("it has no assertion that could be taken out.".to_owned()),
        Stripped::Unclear(why) => {
            Err(format!("its assertions cannot be taken out to show that they catch it: {why}."))
        }
    }
}

/// What five runs on the head say; `None` where it holds so far.
fn came_on_head(came: &[Came], said: &str) -> Option<Ruling> {
    let said = brief(said);
    let all = |one: Came| came.iter().all(|came| *came == one);
    let Some(first) = came.first() else { return Some(Ruling::rejected("It was not run.")) };
    if all(Came::Passed) && came.len() == TIMES {
        return None;
    }
    if all(Came::Failed) {
        return Some(Ruling {
            verdict: Verdict::SuspectedBug,
            reason: format!("It fails on the head each time: {said}"),
            feedback: None,
            kills: None,
        });
    }
    if came.contains(&Came::Passed) {
        return Some(Ruling::rejected(format!(
            "It is flaky: of {} runs on the head {} passed. {said}",
            came.len(),
            came.iter().filter(|came| **came == Came::Passed).count(),
        )));
    }
    Some(Ruling::rejected(match first {
        Came::Beyond => format!("It does what a test may not: {said}"),
        Came::Skipped => "It is skipped.".to_owned(),
        Came::NotRun => "On the head the runner knows no test of that name.".to_owned(),
        other => format!("On the head it {}. {said}", other.words()),
    }))
}

/// `passed 5 of 5`, or each outcome with its number.
pub fn tally(came: &[Came]) -> String {
    let mut kinds: Vec<Came> = came.to_vec();
    kinds.dedup();
    kinds.sort();
    kinds.dedup();
    let count = |kind: &Came| came.iter().filter(|came| *came == kind).count();
    let told: Vec<String> = kinds
        .iter()
        .map(|kind| format!("{} {} of {}", kind.words(), count(kind), came.len()))
        .collect();
    told.join(", ")
}

/// A runner's words, short and in one line.
fn brief(said: &str) -> String {
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    crate::redact::shorten(&line, MOST_SAID).into_owned()
}

/// Whether code names an identifier, as a whole word.
pub fn mentions(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    !name.is_empty()
        && code.match_indices(name).any(|(at, _)| {
            !code[..at].chars().next_back().is_some_and(is_word)
                && !code[at + name.len()..].chars().next().is_some_and(is_word)
        })
}
