//! All safe fixes of a file, made and proven.
//!
//! In rounds: the rules look at the file as it is, all their safe fixes that do not
//! touch each other are made and proven together; where that fails, halves are tried
//! down to single fixes, and those that fail are withheld. A round's result is what
//! the next one looks at, until there is nothing new.

use std::collections::HashSet;
use std::ops::Range;

use super::check::{Chosen, Found, check};
use super::edit::Op;
use super::prove::{Baseline, Check, Gates, Proven, Withheld};
use super::rule::Rule;
use super::timing::{Effect, History};
use super::{File, Files};
use crate::finding::Severity;

/// Most rounds; each makes at least one change.
const ROUNDS: usize = 10;
/// Most proofs of one round, and most bytes that they read in sum: what fails in
/// large numbers is not worth more.
const PROOFS: (usize, usize) = (100, 12 << 20);

/// A file as the safe fixes leave it.
#[derive(Debug)]
pub struct Optimized {
    /// The file; as it was where nothing changed.
    pub after: Box<File>,
    /// What changed, by line.
    pub changes: Vec<Change>,
    /// What could be better but is not changed unread, by line.
    pub suggestions: Vec<Suggestion>,
    /// Fixes that are not shown because they could not be proven, by line.
    pub withheld: Vec<Held>,
}

/// A fix that was made.
#[derive(Debug, Clone)]
pub struct Change {
    /// Whose.
    pub rule: &'static Rule,
    /// How bad what it mends was.
    pub severity: Severity,
    /// What was wrong.
    pub title: String,
    /// Where, in the file as it was, from 1.
    pub line: u32,
    /// Why it was wrong.
    pub why: String,
    /// What the fix does.
    pub fix: String,
    /// What it does to the times. Jobs by their place, which no fix changes.
    pub effect: Option<Effect>,
    /// What shows that it is safe: the rule's reasons, then what was checked.
    pub proof: Vec<String>,
    /// What was done, on the file as it was in its round.
    pub ops: Vec<Op>,
}

/// Something a rule found that is left to people.
#[derive(Debug, Clone)]
pub struct Suggestion {
    /// Whose.
    pub rule: &'static Rule,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub title: String,
    /// Where, in the file as it was, from 1.
    pub line: u32,
    /// Why, and what to do.
    pub why: String,
    /// What a change would do to the times.
    pub effect: Option<Effect>,
    /// A fix that is not safe unread: what it does, and its ops on `after`.
    pub fix: Option<(String, Vec<Op>)>,
}

/// A fix that is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Whose.
    pub rule: &'static str,
    /// What was to be mended.
    pub title: String,
    /// Where, in the file as it was, from 1.
    pub line: u32,
    /// Which check failed.
    pub check: Check,
    /// Why.
    pub reason: String,
}

/// A fix of this round.
struct Candidate {
    found: Found,
    ops: Vec<Op>,
    line: u32,
}

/// How a fix is known from one round to the next.
type Mark = (&'static str, u32, String);

/// Makes all safe fixes of a file. Idempotent: the result has no further ones, but
/// for those that were withheld.
pub fn optimize(
    file: Box<File>,
    chosen: &[Chosen],
    files: &dyn Files,
    history: Option<&History>,
    gates: &Gates<'_>,
) -> Optimized {
    let mut file = file;
    let lines = u32::try_from(file.text.matches('\n').count()).unwrap_or(u32::MAX);
    let mut origin: Vec<u32> = (0..=lines).collect();
    let mut tried: HashSet<Mark> = HashSet::new();
    let (mut changes, mut withheld) = (Vec::new(), Vec::new());
    let mut rounds = 0;
    let left = loop {
        let found = check(&file, chosen, files, history);
        let is_new = |found: &Found| {
            let line = original(&origin, found.line);
            let safe = found.hit.fix.as_ref().is_some_and(|fix| fix.safe && !fix.ops.is_empty());
            safe && !tried.contains(&(found.rule.slug, line, found.hit.title.clone()))
        };
        if rounds == ROUNDS || !found.iter().any(is_new) {
            break found;
        }
        rounds += 1;
        let candidate = |found: Found| {
            let line = original(&origin, found.line);
            let ops = found.hit.fix.as_ref().map(|fix| fix.ops.clone()).unwrap_or_default();
            Candidate { found, ops, line }
        };
        let fixes: Vec<Candidate> =
            found.iter().filter(|one| is_new(one)).cloned().map(candidate).collect();
        let round = round(&file, fixes, files, gates);
        for (candidate, failed) in round.failed {
            tried.insert(mark(&candidate));
            withheld.push(Held {
                rule: candidate.found.rule.slug,
                title: candidate.found.hit.title,
                line: candidate.line,
                check: failed.check,
                reason: failed.reason,
            });
        }
        let Some(proven) = round.proven else { break found };
        for candidate in round.made {
            tried.insert(mark(&candidate));
            changes.push(change(candidate, &proven.proof));
        }
        origin = proven
            .origin
            .iter()
            .map(|line| origin.get(*line as usize).or(origin.last()).copied().unwrap_or(0))
            .collect();
        file = proven.after;
    };
    let held: HashSet<(&str, u32)> =
        withheld.iter().map(|held: &Held| (held.rule, held.line)).collect();
    let mut suggestions = Vec::new();
    for found in left {
        let line = original(&origin, found.line);
        let safe = found.hit.fix.as_ref().is_some_and(|fix| fix.safe && !fix.ops.is_empty());
        if safe && held.contains(&(found.rule.slug, line)) {
            continue;
        }
        suggestions.push(Suggestion {
            rule: found.rule,
            severity: found.severity,
            title: found.hit.title,
            line,
            why: found.hit.why,
            effect: found.hit.effect,
            fix: found.hit.fix.map(|fix| (fix.title, fix.ops)),
        });
    }
    changes.sort_by_key(|change: &Change| (change.line, change.rule.slug));
    suggestions.sort_by_key(|one: &Suggestion| (one.line, one.rule.slug));
    withheld.sort_by(|a: &Held, b: &Held| (a.line, a.rule).cmp(&(b.line, b.rule)));
    Optimized { after: file, changes, suggestions, withheld }
}

/// A line of the file as it was, from 1, for one of the file as it is.
fn original(origin: &[u32], line: u32) -> u32 {
    let at = (line as usize).saturating_sub(1);
    origin.get(at).or(origin.last()).map_or(line, |line| line + 1)
}

fn mark(candidate: &Candidate) -> Mark {
    (candidate.found.rule.slug, candidate.line, candidate.found.hit.title.clone())
}

fn change(candidate: Candidate, checked: &[String]) -> Change {
    let Found { rule, severity, hit, .. } = candidate.found;
    let fix = hit.fix.unwrap_or(super::rule::Fix {
        title: String::new(),
        ops: Vec::new(),
        safe: true,
        proof: Vec::new(),
    });
    let mut proof = fix.proof;
    proof.extend_from_slice(checked);
    Change {
        rule,
        severity,
        title: hit.title,
        line: candidate.line,
        why: hit.why,
        fix: fix.title,
        effect: hit.effect,
        proof,
        ops: candidate.ops,
    }
}

/// What came of one round.
struct Round {
    proven: Option<Proven>,
    made: Vec<Candidate>,
    failed: Vec<(Candidate, Withheld)>,
}

/// Makes what can be made of these fixes; those that touch another one wait.
fn round(file: &File, fixes: Vec<Candidate>, files: &dyn Files, gates: &Gates<'_>) -> Round {
    let baseline = Baseline::new(file, gates);
    let mut round = Round { proven: None, made: Vec::new(), failed: Vec::new() };
    let mut taken: Vec<Range<usize>> = Vec::new();
    let mut batch = Vec::new();
    for candidate in fixes {
        match baseline.stretches(&candidate.ops) {
            Err(failed) => round.failed.push((candidate, failed)),
            Ok(stretches) if stretches.iter().any(|new| touches(&taken, new)) => {}
            Ok(stretches) => {
                for new in stretches {
                    let place =
                        taken.partition_point(|old| (old.start, old.end) < (new.start, new.end));
                    taken.insert(place, new);
                }
                batch.push(candidate);
            }
        }
    }
    let left = (PROOFS.1 / file.text.len().max(1)).clamp(24, PROOFS.0);
    let mut attempt = Attempt { baseline: &baseline, files, gates, ops: Vec::new(), left };
    attempt.settle(batch, &mut round);
    round
}

/// Whether a stretch overlaps one of those taken, which are sorted and apart. Two
/// insertions at one place do not.
fn touches(taken: &[Range<usize>], new: &Range<usize>) -> bool {
    let place = taken.partition_point(|old| (old.start, old.end) < (new.start, new.end));
    let around = place.saturating_sub(2)..(place + 2).min(taken.len());
    taken[around].iter().any(|old| match (old.is_empty(), new.is_empty()) {
        (true, true) => false,
        _ => old.start < new.end && new.start < old.end || old == new,
    })
}

struct Attempt<'a> {
    baseline: &'a Baseline<'a>,
    files: &'a dyn Files,
    gates: &'a Gates<'a>,
    /// Of the fixes made so far.
    ops: Vec<Op>,
    left: usize,
}

impl Attempt<'_> {
    /// Makes these fixes beside those made so far, or as many of them as can be.
    fn settle(&mut self, batch: Vec<Candidate>, round: &mut Round) {
        if batch.is_empty() {
            return;
        }
        let failed = match self.left.checked_sub(1) {
            None => Withheld {
                check: Check::Edit,
                reason: "too many changes of this file fail together".to_owned(),
            },
            Some(left) => {
                self.left = left;
                let ops = self.ops.iter().chain(batch.iter().flat_map(|one| &one.ops));
                let ops: Vec<Op> = ops.cloned().collect();
                match self.baseline.prove(&ops, self.files, self.gates) {
                    Ok(proven) => {
                        self.ops = ops;
                        round.proven = Some(proven);
                        round.made.extend(batch);
                        return;
                    }
                    Err(failed) => failed,
                }
            }
        };
        // It may only get in the way of those that were made: the next round, which
        // starts from their result, tries it again.
        if batch.len() == 1 && !self.ops.is_empty() {
            return;
        }
        if batch.len() == 1 || self.left == 0 {
            round.failed.extend(batch.into_iter().map(|one| (one, failed.clone())));
            return;
        }
        let mut first = batch;
        let second = first.split_off(first.len() / 2);
        self.settle(first, round);
        self.settle(second, round);
    }
}

#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
