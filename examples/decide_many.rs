//! Measures how long a decision on many long series takes, and in what memory.
//!
//!     cargo run --release --example decide_many -- [SIGNALS] [POINTS]
//!
//! 10,000 signals of 1,440 points of each side where unsaid: a third ratios, a third
//! gauges, a third gauges that hang together over time, all healthy. The peak is the
//! whole process's, the series themselves (two times 24 bytes a point) included; it is
//! read from `/proc` and left out where that is not there.

#[path = "../benches/deployments/random.rs"]
#[allow(dead_code, reason = "the simulator uses the rest of it")]
mod random;

use std::time::Instant;

use anyhow::{Context, Result};
use pipewright::decide::series::{Point, Series};
use pipewright::decide::spec::{Class, Direction, Kind, Role, Signal, Strategy};
use pipewright::decide::{Spec, decide};

use random::Random;

const START: i64 = 1_767_261_600_000;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1).map(|word| word.parse::<usize>().context(word));
    let signals = words.next().transpose()?.unwrap_or(10_000);
    let points = words.next().transpose()?.unwrap_or(1_440);
    let mut spec = Spec { service: "checkout".to_owned(), ..Spec::default() };
    spec.deployment.started_at = Some(START);
    spec.deployment.previous = Some("1.7.3".to_owned());
    spec.deployment.strategy = Some(Strategy::Canary);
    let random = &mut Random::new("decide_many", 1);
    for index in 0..signals {
        let ratio = index % 3 == 0;
        let correlation = if index % 3 == 2 { 0.8 } else { 0.0 };
        let side = [Role::Canary, Role::Baseline];
        let series = side.map(|role| (role, series(random, points, ratio, correlation)));
        spec.signals.push(Signal {
            name: format!("signal_{index}"),
            kind: if ratio { Kind::Ratio } else { Kind::Gauge },
            class: if ratio { Class::Reliability } else { Class::Latency },
            direction: Direction::Lower,
            unit: None,
            limit: None,
            critical: false,
            required: false,
            series: series.into(),
            source: None,
        });
    }
    let before = peak();
    let start = Instant::now();
    let decision = decide(&spec, None);
    let took = start.elapsed();
    println!("{signals} signals of {points} points of each side: {took:.1?}");
    println!("{:?}: {}", decision.action, decision.reason);
    if let (Some(before), Some(after)) = (before, peak()) {
        println!("peak memory {after} MB, {before} MB of them before the decision");
    }
    Ok(())
}

/// A healthy side: a point a minute.
fn series(random: &mut Random, points: usize, ratio: bool, correlation: f64) -> Series {
    let mut level = 0.0_f64;
    (0..points as i64)
        .map(|minute| {
            level =
                correlation * level + (1.0 - correlation * correlation).sqrt() * random.normal();
            let (value, total) = if ratio {
                let total = random.poisson(1_000.0);
                (random.binomial(total, 0.002), total)
            } else {
                (100.0 * (0.1 * level).exp(), 0.0)
            };
            Point { at: START + 60_000 * minute, value, total }
        })
        .collect()
}

/// The process's largest memory so far, in megabytes.
fn peak() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1_024)
}
