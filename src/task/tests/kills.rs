//! Tests on mutants of the change: which one a test is the first to notice, and which it
//! notices besides, so that no later test is credited with them.

use std::collections::BTreeSet;

use anyhow::Result;

use super::bench::{Came, Side, Written};
use super::mutate::Live;
use super::proposal::Proposal;
use super::prove::{AGAIN, Prover, There, mentions, placed, tally};
use super::report::Evidence;
use crate::code::definitions::definitions;
use crate::code::language::Language;
use crate::code::parse::parse;

/// Most mutants that one test is tried on.
const MOST_MUTANTS: usize = 40;
/// Most further mutants that an accepted test is tried on, once each.
const MOST_BESIDES: usize = 12;

impl Prover<'_, '_> {
    /// Living mutants, those of functions that a test names first.
    fn nearest(&self, proposal: &Proposal, most: usize) -> Vec<Live> {
        let named = |live: &&Live| mentions(&proposal.code, &live.short);
        let first = self.live.iter().filter(named);
        let others = self.live.iter().filter(|live| !named(live));
        first.chain(others).take(most).cloned().collect()
    }

    /// A name that code uses and the change adds: where it is missing, an assertion that
    /// fails tells no more than that.
    pub(super) fn added(&self, code: &str) -> Option<String> {
        let names = |language: Language, text: &[u8]| -> BTreeSet<String> {
            let parsed = parse(language, text);
            let all = parsed.map(|parsed| definitions(&parsed)).unwrap_or_default();
            all.into_iter().filter(|one| !one.is_test).map(|one| one.name).collect()
        };
        let (mut head, mut base) = (BTreeSet::new(), BTreeSet::new());
        for file in self.changed {
            match self.copies.text(Side::Base, &file.path) {
                Some(text) => base.append(&mut names(file.language, &text)),
                None if file.is_new => {}
                // It had another name: what it held is not known here.
                None => continue,
            }
            head.append(&mut names(file.language, &file.text));
        }
        head.into_iter().find(|name| !base.contains(name) && mentions(code, name))
    }

    /// Mutants that an accepted test notices besides `known`. Once each is enough: this
    /// proves nothing, it only takes them off the list.
    pub(super) async fn also_kills(
        &mut self,
        proposal: &Proposal,
        known: &[String],
    ) -> Vec<String> {
        let mut more = Vec::new();
        let Ok(there) = self.place(proposal, Side::Head) else { return more };
        let mut left = self.nearest(proposal, MOST_MUTANTS);
        left.retain(|live| !known.contains(&live.id) && mentions(&proposal.code, &live.short));
        for live in left.into_iter().take(MOST_BESIDES) {
            // What is proven stays so without this.
            match self.once(proposal, &there, &live).await {
                Ok(Came::Failed) => more.push(live.id),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        more
    }

    async fn once(&mut self, proposal: &Proposal, there: &There, live: &Live) -> Result<Came> {
        let Ok(there) = self.with_mutant(proposal, there, live) else { return Ok(Came::NotRun) };
        let command = self.bench.alone(&proposal.name, &there.path);
        let mut written = Vec::new();
        if live.path != there.path {
            written.push(Written::write(&self.bench.head, &live.path, &live.text)?);
        }
        written.push(Written::write(&self.bench.head, &there.path, &there.placed.text)?);
        let done = self.bench.run(Side::Head, &command, self.bench.time_for_mutant()).await;
        drop(written);
        self.settle(Side::Head, &there, Some(live))?;
        Ok(done?.of(&proposal.name).0)
    }

    /// The mutant that it kills by assertion; else why there is none.
    pub(super) async fn on_mutants(
        &mut self,
        proposal: &Proposal,
        there: &There,
        evidence: &mut Vec<Evidence>,
    ) -> Result<Result<Live, String>> {
        let mut tried = 0;
        let live = self.nearest(proposal, MOST_MUTANTS);
        for live in &live {
            let there = match self.with_mutant(proposal, there, live) {
                Ok(there) => there,
                Err(_) => continue,
            };
            let command = self.bench.alone(&proposal.name, &there.path);
            let mut written = Vec::new();
            if live.path != there.path {
                written.push(Written::write(&self.bench.head, &live.path, &live.text)?);
            }
            written.push(Written::write(&self.bench.head, &there.path, &there.placed.text)?);
            let mut all = Vec::new();
            for _ in 0..AGAIN {
                let done =
                    self.bench.run(Side::Head, &command, self.bench.time_for_mutant()).await?;
                all.push(done.of(&proposal.name).0);
                if all.last() != Some(&Came::Failed) {
                    break;
                }
            }
            drop(written);
            self.settle(Side::Head, &there, Some(live))?;
            tried += 1;
            if !all.iter().all(|came| *came == Came::Failed) {
                continue;
            }
            evidence.push(Evidence {
                on: format!("mutant {}", live.id),
                command,
                outcome: tally(&all),
                patch: Some(live.patch.clone()),
            });
            let Ok(text) = self.strip(&there) else { continue };
            let came =
                self.stripped(proposal, &there, Side::Head, &text, Some(live), evidence).await?;
            if came == Came::Passed {
                return Ok(Ok(live.clone()));
            }
        }
        Ok(Err(match tried {
            0 => "No mutant of the change lives that it could be tried on.".to_owned(),
            1 => "It does not kill the one mutant it was tried on.".to_owned(),
            _ => format!("It kills none of the {tried} mutants it was tried on."),
        }))
    }

    /// The test beside a mutant: where both are in one file, in the mutant's text.
    fn with_mutant(
        &self,
        proposal: &Proposal,
        there: &There,
        live: &Live,
    ) -> Result<There, String> {
        let placed = match live.path == there.path {
            true => placed(there.language, Some(&live.text), proposal, &there.path)?,
            false => there.placed.clone(),
        };
        Ok(There { language: there.language, path: there.path.clone(), placed })
    }
}
