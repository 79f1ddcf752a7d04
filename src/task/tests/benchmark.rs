//! Proves a benchmark: it runs on the head and on the base, in turns, and what it shows
//! is a ratio of medians with an interval, never a single time.

use anyhow::Result;

use super::bench::{Bench, Came, Side, Written};
use super::copies::Copies;
use super::proposal::Proposal;
use super::report::{Evidence, Verdict};
use crate::code::test_code::Placed;
use crate::diff::between::between;
use crate::runner;

/// Runs on each side, in turns.
const ROUNDS: usize = 7;
/// Resamples of the interval.
const RESAMPLES: usize = 2_000;

/// What it came to.
pub struct Measured {
    /// `proven-base` where both sides ran, `coverage-only` where only the head has what is
    /// measured.
    pub verdict: Verdict,
    /// A sentence.
    pub reason: String,
}

/// Measure a placed benchmark.
///
/// # Errors
/// The time is over.
pub async fn measure(
    bench: &Bench<'_>,
    copies: &mut Copies,
    template: &str,
    proposal: &Proposal,
    path: &str,
    sides: (&Placed, Option<&Placed>),
    evidence: &mut Vec<Evidence>,
) -> Result<Measured> {
    let command = runner::fill(template, &proposal.name, bench.inside(path), 0);
    let (head, base) = sides;
    let mut times: [Vec<f64>; 2] = Default::default();
    let mut fault = None;
    for round in 0..ROUNDS {
        // The order changes from round to round: what warms up serves both.
        let mut order = vec![(Side::Head, Some(head)), (Side::Base, base)];
        if round % 2 == 1 {
            order.reverse();
        }
        for (side, placed) in order {
            let Some(placed) = placed else { continue };
            if fault == Some(side) {
                continue;
            }
            let written = Written::write(bench.copy(side), path, &placed.text)?;
            let done = bench.run(side, &command, bench.time_for_one() * 2).await?;
            drop(written);
            copies.renew(side, path);
            copies.altered(side, &[])?;
            match runner::iteration(bench.commands.kind, &done.output, &proposal.name) {
                Some(seconds) if done.exit() == Some(0) => {
                    times[usize::from(side == Side::Base)].push(seconds);
                }
                _ if side == Side::Head => {
                    let came = done.whole();
                    let why = if came == Came::Passed { "tells no time" } else { came.words() };
                    return Ok(Measured {
                        verdict: Verdict::Rejected,
                        reason: format!(
                            "`{command}` {why} on the head: {}",
                            done.report.said.split_whitespace().collect::<Vec<_>>().join(" ")
                        ),
                    });
                }
                _ => fault = Some(Side::Base),
            }
        }
    }
    for (side, times) in ["head", "base"].into_iter().zip(&times) {
        if times.is_empty() {
            continue;
        }
        let placed = if side == "head" { Some(head) } else { base };
        let which = if side == "head" { Side::Head } else { Side::Base };
        let before = copies.text(which, path);
        evidence.push(Evidence {
            on: side.to_owned(),
            command: command.clone(),
            outcome: format!("median {} of {} runs, in turns", told(median(times)), times.len()),
            patch: placed
                .and_then(|placed| between(path, before.as_deref(), Some(&placed.text)).ok()),
        });
    }
    let [head_times, base_times] = &times;
    if base_times.len() < head_times.len() {
        return Ok(Measured {
            verdict: Verdict::CoverageOnly,
            reason: format!(
                "On the head one iteration takes {} (median of {}); on the base it does not run, so \
                 there is nothing to compare with.",
                told(median(head_times)),
                head_times.len()
            ),
        });
    }
    let (low, ratio, high) = ratio(head_times, base_times);
    Ok(Measured {
        verdict: Verdict::ProvenBase,
        reason: format!(
            "One iteration takes {} with the change and {} without: {ratio:.3} times as long (95% \
             interval {low:.3} to {high:.3}, medians of {} runs in turns).",
            told(median(head_times)),
            told(median(base_times)),
            head_times.len()
        ),
    })
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0,
    }
}

/// The ratio of medians with its interval by the percentile bootstrap (Efron and
/// Tibshirani, 1993, chapter 13), resampled by a fixed sequence so that the same times
/// give the same interval.
fn ratio(head: &[f64], base: &[f64]) -> (f64, f64, f64) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |count: usize| {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % count.max(1) as u64) as usize
    };
    let mut resample = |times: &[f64]| -> f64 {
        let drawn: Vec<f64> = times.iter().map(|_| times[draw(times.len())]).collect();
        median(&drawn)
    };
    let mut ratios: Vec<f64> = (0..RESAMPLES).map(|_| resample(head) / resample(base)).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| ratios[((RESAMPLES - 1) as f64 * share).round() as usize];
    (at(0.025), median(head) / median(base), at(0.975))
}

fn told(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.1} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_hold_the_truth_and_are_the_same_each_time() {
        let head = [1.00, 1.02, 0.98, 1.01, 0.99, 1.03, 0.97];
        let base = [2.00, 2.02, 1.98, 2.01, 1.99, 2.03, 1.97];
        let (low, middle, high) = ratio(&head, &base);
        assert!(low <= 0.5 && 0.5 <= high && high - low < 0.05, "{low} {middle} {high}");
        assert_eq!(ratio(&head, &base), (low, middle, high));
        assert_eq!(told(1.25e-6), "1.25 µs");
    }
}
