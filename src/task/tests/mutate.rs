//! Mutants of the change, tried on the suite that is there: those it lets live are what
//! new tests have to notice.

use std::collections::BTreeSet;

use anyhow::Result;

use super::bench::{Bench, Came, Side, Written};
use super::changed::{ChangedFile, Function};
use super::copies::Copies;
use super::report::{Mutants, Survivor};
use crate::code::mutants::{self, Mutant};
use crate::code::parse::parse;
use crate::diff::between::between;

/// A mutant that the suite lets live.
#[derive(Debug, Clone)]
pub struct Live {
    /// `path:line:operator`.
    pub id: String,
    /// Its file.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// The changed function's name behind that of its container.
    pub function: String,
    /// The function's own name.
    pub short: String,
    /// What it changes, in words.
    pub change: String,
    /// The file's text with it.
    pub text: Vec<u8>,
    /// What to apply to have it.
    pub patch: String,
}

impl Live {
    /// `path:line`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.path, self.line)
    }
}

/// A mutant that is still to be tried.
struct Planned<'a> {
    file: &'a ChangedFile,
    function: &'a Function,
    mutant: Mutant,
    id: String,
    /// Whether coverage says that no test runs its line.
    unreached: bool,
}

/// The suite as it is without any mutant.
#[derive(Debug, Default)]
pub struct Known {
    /// Names of tests that fail already; their failure tells nothing.
    pub failing: BTreeSet<String>,
}

/// What came of trying: counts for each function (file, function), and what lives.
#[derive(Debug, Default)]
pub struct Tried {
    /// In the order of the functions.
    pub counts: Vec<((String, String), Mutants)>,
    /// What lives.
    pub live: Vec<Live>,
    /// How many were left out.
    pub left_out: usize,
    /// How many were run, and how long that took.
    pub runs: usize,
    /// Seconds.
    pub seconds: f64,
}

/// Try at most `most` mutants, in turn from each function, until `until` says that it is
/// enough.
///
/// # Errors
/// A copy cannot be written.
pub async fn hunt(
    bench: &Bench<'_>,
    copies: &mut Copies,
    changed: &[&ChangedFile],
    known: &Known,
    most: usize,
    is_unreached: &dyn Fn(&str, u32) -> bool,
    enough: &dyn Fn() -> bool,
) -> Result<Tried> {
    let (planned, left_out) = plan(changed, most, is_unreached);
    let mut tried = Tried { left_out, ..Tried::default() };
    for file in changed {
        for function in &file.functions {
            let name = (file.path.clone(), function.name.clone());
            tried.counts.push((name, Mutants::default()));
        }
    }
    let start = std::time::Instant::now();
    for one in planned {
        let name = (one.file.path.clone(), one.function.name.clone());
        let Some(at) = tried.counts.iter().position(|(known, _)| *known == name) else { continue };
        if enough() {
            tried.left_out += 1;
            continue;
        }
        let text = mutants::apply(&one.file.text, &one.mutant);
        let fate = match one.unreached {
            true => Some(true),
            false => {
                tried.runs += 1;
                fate(bench, copies, &one, &text, known).await?
            }
        };
        let counts = &mut tried.counts[at].1;
        match fate {
            None => counts.set_aside += 1,
            Some(false) => {
                counts.tried += 1;
                counts.killed += 1;
            }
            Some(true) => {
                counts.tried += 1;
                counts.survived.push(Survivor {
                    id: one.id.clone(),
                    line: one.mutant.line,
                    change: one.mutant.change.clone(),
                });
                let patch = between(&one.file.path, Some(&one.file.text), Some(&text))?;
                tried.live.push(Live {
                    id: one.id,
                    path: one.file.path.clone(),
                    line: one.mutant.line,
                    function: one.function.name.clone(),
                    short: one.function.short.clone(),
                    change: one.mutant.change,
                    text,
                    patch,
                });
            }
        }
    }
    tried.seconds = start.elapsed().as_secs_f64();
    Ok(tried)
}

/// Whether it lives; `None` where it does not build, or nothing can be told.
async fn fate(
    bench: &Bench<'_>,
    copies: &mut Copies,
    one: &Planned<'_>,
    text: &[u8],
    known: &Known,
) -> Result<Option<bool>> {
    let written = Written::write(&bench.head, &one.file.path, text)?;
    // Where all pass, the first that fails tells enough.
    let quick = bench.commands.quick.as_ref().filter(|_| known.failing.is_empty());
    let command = quick.unwrap_or(&bench.commands.suite);
    let done = bench.run(Side::Head, command, bench.time_for_mutant()).await;
    drop(written);
    copies.renew(Side::Head, &one.file.path);
    copies.altered(Side::Head, &[])?;
    let done = done?;
    Ok(match done.whole() {
        Came::Passed => Some(true),
        Came::DidNotBuild => None,
        Came::Late | Came::Beyond => Some(false),
        // In a language without a build, what cannot be loaded is broken by the mutant,
        // unless it could not be loaded before.
        _ if !known.failing.is_empty() => {
            let news = done.report.tests.iter().any(|test| {
                let came = Came::from(test.outcome);
                matches!(came, Came::Failed | Came::Crashed | Came::DidNotImport)
                    && !known.failing.contains(&test.name)
            });
            Some(!news)
        }
        _ => Some(false),
    })
}

/// Mutants in turn from each function, telling ones first.
fn plan<'a>(
    changed: &[&'a ChangedFile],
    most: usize,
    is_unreached: &dyn Fn(&str, u32) -> bool,
) -> (Vec<Planned<'a>>, usize) {
    let mut queues: Vec<Vec<Planned<'a>>> = Vec::new();
    for file in changed {
        let Some(parsed) = parse(file.language, &file.text) else { continue };
        let lines: BTreeSet<u32> =
            file.functions.iter().flat_map(|function| function.changed.iter().copied()).collect();
        let all = mutants::mutants(&parsed, &|line| lines.contains(&line));
        let ids = mutants::ids(&file.path, &all);
        let mut of: Vec<Vec<Planned<'a>>> = file.functions.iter().map(|_| Vec::new()).collect();
        for (mutant, id) in all.into_iter().zip(ids) {
            let at =
                file.functions.iter().position(|function| function.changed.contains(&mutant.line));
            let Some(at) = at else { continue };
            let unreached = is_unreached(&file.path, mutant.line);
            let function = &file.functions[at];
            of[at].push(Planned { file, function, mutant, id, unreached });
        }
        for mut queue in of {
            // One of each line first, then the second of each.
            queue = by_turns(queue, |one| one.mutant.line);
            queues.push(queue);
        }
    }
    let total: usize = queues.iter().map(Vec::len).sum();
    let mut planned = Vec::new();
    let mut queues: Vec<_> = queues.into_iter().map(Vec::into_iter).collect();
    // Those that no test reaches cost nothing and are not counted.
    let mut runs = 0;
    loop {
        let mut any = false;
        for queue in &mut queues {
            let Some(next) = queue.next() else { continue };
            any = true;
            if next.unreached || runs < most {
                runs += usize::from(!next.unreached);
                planned.push(next);
            }
        }
        if !any {
            break;
        }
    }
    let left_out = total - planned.len();
    (planned, left_out)
}

/// The first of each key, then the second of each, and so on.
fn by_turns<T>(all: Vec<T>, key: impl Fn(&T) -> u32) -> Vec<T> {
    let mut seen = std::collections::HashMap::new();
    let mut turned: Vec<(usize, T)> = all
        .into_iter()
        .map(|one| {
            let turn = seen.entry(key(&one)).or_insert(0usize);
            *turn += 1;
            (*turn, one)
        })
        .collect();
    turned.sort_by_key(|(turn, _)| *turn);
    turned.into_iter().map(|(_, one)| one).collect()
}
