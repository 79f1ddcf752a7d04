//! Measures decisions on deployments of many kinds, drawn from seeds, and those of a
//! Kayenta-style judge on the same data.
//!
//!     cargo run --release --example simulate_deployments -- [--seeds N] [--kind TEXT] [--why]
//!
//! Prints a table of the kinds (see `benches/deployments/kinds`), and for both judges
//! how many of the deployments whose version was not to blame were rolled back, how many of
//! the clear regressions were, and how many that do harm were let through.
//! The other judge is not told what is no metric (the state of the deployment, other
//! changes, health, logs), so its part of what was no version's fault says what metrics
//! alone would have done.
//! `--kind` takes the kinds whose name contains the text, `--why` tells of each wrong
//! decision the rule and the reason, most frequent first. It fails if a rate is missed:
//! false rollbacks at most 0.1%, clear regressions rolled back at least 99%, harmful ones
//! let through at most 1%.

#[path = "../benches/deployments/judged.rs"]
mod judged;
#[path = "../benches/deployments/kayenta.rs"]
mod kayenta;
#[path = "../benches/deployments/kinds/mod.rs"]
mod kinds;
#[path = "../benches/deployments/random.rs"]
mod random;
#[path = "../benches/deployments/table.rs"]
mod table;
#[path = "../benches/deployments/world.rs"]
mod world;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use pipewright::decide::decide;

use kinds::Kind;
use random::Random;
use table::Tally;

/// What is asked for.
struct Asked {
    seeds: u64,
    kind: String,
    why: bool,
}

fn asked() -> Result<Asked> {
    let mut asked = Asked { seeds: 200, kind: String::new(), why: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => asked.seeds = words.next().context("--seeds N")?.parse()?,
            "--kind" => asked.kind = words.next().context("--kind TEXT")?,
            "--why" => asked.why = true,
            other => bail!("{other} is not known: [--seeds N] [--kind TEXT] [--why]"),
        }
    }
    Ok(asked)
}

fn main() -> Result<ExitCode> {
    let asked = asked()?;
    let kinds: Vec<&Kind> = kinds::all().filter(|kind| kind.name.contains(&asked.kind)).collect();
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tallies: Vec<(usize, Tally)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(kind) = kinds.get(index) else { return done };
                        done.push((index, judge(kind, asked.seeds)));
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    if tallies.len() < kinds.len() {
        bail!("a kind could not be judged: see above");
    }
    tallies.sort_by_key(|(index, _)| *index);
    let rows: Vec<(&Kind, Tally)> =
        kinds.into_iter().zip(tallies.into_iter().map(|(_, tally)| tally)).collect();
    print!("{}", table::markdown(&rows));
    if asked.why {
        print!("{}", table::reasons(&rows));
    }
    Ok(ExitCode::from(u8::from(!table::rates_hold(&rows))))
}

/// Judges all seeds of a kind.
fn judge(kind: &Kind, seeds: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..seeds {
        let spec = (kind.make)(&mut Random::new(kind.name, seed));
        let decision = decide(&spec, None);
        if !kind.right.contains(&decision.action) {
            tally.note(seed, &decision);
        }
        tally.ours.add(decision.action);
        tally.kayenta.add(judged::kayenta(&spec));
    }
    tally
}
