//! One signal judged: which test, how large an effect, how sure, and what about its
//! limit. Verdicts wait until all signals are tested, since p values are corrected for
//! their number.

pub mod gauge;
pub mod leak;
pub mod limit;
pub mod ratio;
pub mod seasonal;
pub mod sides;
pub mod two;
pub mod windows;

use super::decision::Compared;
use super::frame::Frame;
use super::spec::{Direction, Kind, Signal, Spec};
use leak::Leak;
use limit::Limit;
use sides::Sides;
use two::Two;

/// Significance at which a signal is worse or better, after correction for the number of
/// signals.
pub const ALPHA: f64 = 0.01;
/// The same for a difference of at least [`LARGE`] times what matters.
pub const ALPHA_LARGE: f64 = 0.025;
/// What is a large difference, in multiples of what matters.
pub const LARGE: f64 = 5.0;

/// Whether there is enough to compare.
#[derive(Debug, Clone, PartialEq)]
pub enum Enough {
    /// There is.
    Yes,
    /// There is nothing, for this reason.
    Nothing(String),
    /// There is too little, for this reason.
    Few(String),
    /// Nothing ran before: only the limit counts.
    First,
}

/// In which way a signal is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As a whole.
    Level,
    /// Towards the end.
    Late,
    /// In single windows.
    Spikes,
    /// It varies more, and its upper end is worse.
    Spread,
    /// Its distribution has another shape.
    Shape,
    /// Where the baseline has none at all.
    FromNothing,
    /// It grows without end.
    Leak,
    /// Not as earlier days changed at these hours.
    Season,
}

/// What the tests of a signal say.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Whether there was enough.
    pub enough: Enough,
    /// The comparison as a whole.
    pub two: Option<Two>,
    /// The smallest p value of being worse by as much as matters, corrected for the
    /// number of ways that were looked at; 1 if no difference matters.
    pub worse: f64,
    /// In which way.
    pub way: Way,
    /// How much worse, in multiples of what matters.
    pub badness: f64,
    /// The p value of being better by as much as matters.
    pub better: f64,
    /// Whether it is worse beyond its own significance, whatever the number of signals.
    pub certain: bool,
    /// Whether it was worse at first and is not any more.
    pub settled: bool,
    /// Whether earlier days explain it.
    pub seasonal: bool,
    /// How it stands to its limit.
    pub limit: Limit,
    /// Whether it grows without end.
    pub leak: Option<Leak>,
    /// How much was compared.
    pub n: Compared,
    /// The level in the warm-up.
    pub warmup: Option<f64>,
}

impl Tested {
    /// Nothing found yet.
    pub fn new(enough: Enough, n: Compared) -> Self {
        Tested {
            enough,
            two: None,
            worse: 1.0,
            way: Way::Level,
            badness: 0.0,
            better: 1.0,
            certain: false,
            settled: false,
            seasonal: false,
            limit: Limit::default(),
            leak: None,
            n,
            warmup: None,
        }
    }

    /// Takes the smaller p value of being worse; `badness` is by how many times of what
    /// matters.
    pub fn consider(&mut self, p: f64, way: Way, badness: f64) {
        if p < self.worse {
            self.worse = p.max(0.0);
            self.way = way;
            self.badness = badness;
        }
    }

    /// The significance to hold its p value against.
    pub fn alpha(&self) -> f64 {
        if self.badness >= LARGE { ALPHA_LARGE } else { ALPHA }
    }
}

/// Tests a signal.
pub fn test(spec: &Spec, signal: &Signal, frame: &Frame, sides: &Sides) -> Tested {
    let mut tested = match signal.kind {
        Kind::Ratio => ratio::test(spec, signal, frame, sides),
        Kind::Gauge | Kind::Counter => gauge::test(spec, signal, frame, sides),
    };
    tested.limit = limit::limit(spec, signal, frame, sides);
    let may_leak = signal.kind != Kind::Ratio && signal.direction != Direction::Higher;
    if may_leak && let Some(leak) = leak::leak(signal, frame, sides) {
        if matches!(tested.enough, Enough::Yes | Enough::First) && leak.matters() {
            tested.consider(leak.p, Way::Leak, LARGE);
            tested.settled = false;
        }
        tested.leak = Some(leak);
    }
    if tested.worse < 1.0 && seasonal::explains(spec, signal, frame, sides) {
        tested.worse = 1.0;
        tested.certain = false;
        tested.seasonal = true;
    }
    if tested.enough == Enough::Yes
        && let Some((p, badness)) = seasonal::hidden(spec, signal, frame, sides)
    {
        tested.consider(p, Way::Season, badness);
    }
    tested
}
