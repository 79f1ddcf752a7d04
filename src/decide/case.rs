//! A spec with all that was counted before any rule speaks.

use super::decision::{DataProblem, Verdict};
use super::frame::{Extents, Frame, extents, frame};
use super::judge::sides::{Sides, sides};
use super::judge::{ALPHA, Enough, Tested, Way, test};
use super::rule::gate::{gap, reset, skew};
use super::spec::{Class, Signal, Spec};
use crate::log::Classes;
use crate::stats::several::holm;

/// Everything the rules look at.
#[derive(Debug)]
pub struct Case<'s> {
    /// The spec.
    pub spec: &'s Spec,
    /// What is compared.
    pub frame: Frame,
    /// The signals, in the spec's order.
    pub signals: Vec<Judged<'s>>,
    /// The log lines by class, where there are any.
    pub classes: Option<Classes>,
}

/// A signal with its verdict.
#[derive(Debug)]
pub struct Judged<'s> {
    /// The signal.
    pub signal: &'s Signal,
    /// What its tests say.
    pub tested: Tested,
    /// The verdict.
    pub verdict: Verdict,
    /// The p value of being worse, corrected for the number of signals.
    pub p: f64,
    /// What is wrong with its data, by rule.
    pub problems: Vec<DataProblem>,
}

impl Judged<'_> {
    /// Whether there is no decision without it: it is required, or it may take a
    /// deployment back.
    pub fn needed(&self) -> bool {
        self.signal.required || self.signal.critical
    }

    /// Whether it tells of the service's health itself.
    pub fn telling(&self) -> bool {
        self.needed() || self.signal.class == Class::Reliability
    }
}

/// From how many signals on they are shared out among threads.
const MANY: usize = 64;

/// Does something with every signal, side by side where there are many; the order of
/// the results is that of the signals.
fn each<'s, T: Send>(
    signals: &'s [Signal],
    threads: usize,
    act: impl Fn(usize, &'s Signal) -> T + Sync,
) -> Vec<T> {
    if signals.len() < MANY || threads < 2 {
        return signals.iter().enumerate().map(|(index, signal)| act(index, signal)).collect();
    }
    let size = signals.len().div_ceil(threads);
    let parts: Vec<Vec<T>> = std::thread::scope(|scope| {
        let act = &act;
        let handles: Vec<_> = signals
            .chunks(size)
            .enumerate()
            .map(|(part, chunk)| {
                scope.spawn(move || {
                    let first = part * size;
                    chunk
                        .iter()
                        .enumerate()
                        .map(|(index, signal)| act(first + index, signal))
                        .collect::<Vec<T>>()
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    parts.into_iter().flatten().collect()
}

impl<'s> Case<'s> {
    /// Counts everything, on all cores where it is much.
    pub fn new(spec: &'s Spec, classes: Option<Classes>) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get()).min(16);
        Case::on(threads, spec, classes)
    }

    /// Counts everything on so many threads; their number makes no difference to what comes
    /// out.
    pub fn on(threads: usize, spec: &'s Spec, classes: Option<Classes>) -> Self {
        let extents: Vec<Extents> = each(&spec.signals, threads, |_, signal| extents(signal));
        let frame = frame(spec, &extents);
        let times = skew::Times::new(&frame, &extents);
        let tested: Vec<(Tested, Vec<DataProblem>)> =
            each(&spec.signals, threads, |index, signal| {
                let sides = sides(spec, signal, &frame);
                let tested = test(spec, signal, &frame, &sides);
                let own = extents.get(index).copied().unwrap_or_default();
                (tested, problems(spec, signal, &frame, &times, own, &sides))
            });
        let judged = |(_, (tested, _)): &(usize, &(Tested, Vec<DataProblem>))| {
            matches!(tested.enough, Enough::Yes | Enough::First)
        };
        let places: Vec<usize> =
            tested.iter().enumerate().filter(judged).map(|(index, _)| index).collect();
        let raw: Vec<f64> =
            places.iter().filter_map(|index| tested.get(*index)).map(|(t, _)| t.worse).collect();
        let mut corrected = vec![1.0; tested.len()];
        for (index, p) in places.into_iter().zip(holm(&raw)) {
            if let Some(slot) = corrected.get_mut(index) {
                *slot = p;
            }
        }
        let signals = spec
            .signals
            .iter()
            .zip(tested)
            .zip(corrected)
            .map(|((signal, (tested, problems)), p)| {
                let verdict = verdict(&tested, p);
                Judged { signal, tested, verdict, p, problems }
            })
            .collect();
        Case { spec, frame, signals, classes }
    }

    /// A signal's series cut to the windows.
    pub fn sides(&self, signal: &Signal) -> Sides {
        sides(self.spec, signal, &self.frame)
    }

    /// The signals that are worse.
    pub fn worse(&self) -> impl Iterator<Item = &Judged<'s>> {
        self.signals.iter().filter(|judged| judged.verdict == Verdict::Worse)
    }
}

fn problems(
    spec: &Spec,
    signal: &Signal,
    frame: &Frame,
    times: &skew::Times,
    extents: Extents,
    sides: &Sides,
) -> Vec<DataProblem> {
    let found = [
        ("clock_skew", skew::signal(spec, frame, times, extents)),
        ("counter_reset", reset::signal(sides)),
        ("gap", gap::signal(spec, signal, frame, times, extents)),
    ];
    found
        .into_iter()
        .filter_map(|(rule, why)| {
            let why = format!("`{}`: {}", signal.name, why?);
            Some(DataProblem { rule, signal: Some(signal.name.clone()), why })
        })
        .collect()
}

fn verdict(tested: &Tested, p: f64) -> Verdict {
    let worse = p < tested.alpha() || tested.certain && tested.worse <= 0.1;
    match &tested.enough {
        Enough::Nothing(_) => Verdict::NoData,
        Enough::Few(_) => Verdict::Insufficient,
        Enough::First => {
            let limit = &tested.limit;
            let beyond = limit.beyond && limit.surely && (limit.persistent || limit.to_the_end);
            if beyond || worse { Verdict::Worse } else { Verdict::Same }
        }
        Enough::Yes if worse => {
            let whole = matches!(tested.way, Way::Level | Way::Spread);
            let over = tested.settled && whole && !tested.limit.to_the_end;
            if over { Verdict::Same } else { Verdict::Worse }
        }
        Enough::Yes if !worse && tested.better < ALPHA => Verdict::Better,
        Enough::Yes => Verdict::Same,
    }
}
