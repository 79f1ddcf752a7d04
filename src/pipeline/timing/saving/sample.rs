//! Random draws that come out the same for the same data, and resampling.

/// A generator of random numbers (splitmix64), seeded from the data it works on.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// Seeded from these numbers' bits.
    pub(super) fn seeded<'a>(data: impl IntoIterator<Item = &'a f64>) -> Self {
        // FNV-1a, word by word.
        let hash = data.into_iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, number| {
            (hash ^ number.to_bits()).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Random(hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From 0 to below `count`; 0 where that is 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// Around 0 with a standard deviation of 1 (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let (one, two) = (1.0 - self.unit(), self.unit());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos()
    }
}

/// How many times runs are drawn again.
pub(super) const RESAMPLES: usize = 1_500;

/// What an interval is about: the middle of this many coming runs.
///
/// A percentile interval of the median itself would be too narrow: P10 to P90 of it
/// holds the true median 8 times of 10 at best, fewer with few runs. Whoever reads
/// the figure compares it with the next runs, so these are drawn too. What is measured
/// of it is in `docs/pipeline-history.md`; `benches/savings.sh` measures it again.
pub(super) const COMING: usize = 10;

/// Below this many runs the interval is widened by how much the middle of so few is
/// off: a resample holds no run that was not seen.
const FEW: usize = 30;

/// Below this many, their own spread is no measure of spread either.
const VERY_FEW: usize = 6;

/// How much of what the middle moved is reckoned with. Runs of one pipeline are not
/// drawn from one distribution: with less, the interval held the middle of the next 30
/// runs 7 to 8 times of 10 in a public history that it now holds 9 times of 10.
const DRIFT: f64 = 1.3;

/// How much runs differ at the least, as the standard deviation of the logarithm: a
/// handful of runs cannot show it. Public histories have 0.1 to 0.4.
const USUAL_SPREAD: f64 = 0.35;

/// How the runs of one resample are drawn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Middle {
    /// The median, for times.
    Median,
    /// The mean, for what adds up.
    Mean,
}

/// P10, P50 and P90 of what the coming runs save. `rows` hold a figure for each past
/// run; each row has other draws of what is not known. Whole runs are drawn, so jobs
/// that are slow together stay so.
pub(super) fn coming(rows: &[Vec<f64>], middle: Middle) -> [f64; 3] {
    let mut random = Random::seeded(rows.iter().flatten());
    let mut found = Vec::with_capacity(RESAMPLES);
    let (mut past, mut next) = (Vec::new(), Vec::with_capacity(COMING));
    let moved: Vec<(f64, f64)> = rows.iter().map(|row| (drift(row), deviation(row))).collect();
    // What helped in every run, or in none, is not told to do the opposite: an edge less
    // cannot make a run longer.
    let all = || rows.iter().flatten();
    let least = if all().all(|figure| *figure >= 0.0) { 0.0 } else { f64::NEG_INFINITY };
    let most = if all().all(|figure| *figure <= 0.0) { 0.0 } else { f64::INFINITY };
    for _ in 0..RESAMPLES {
        let drawn = random.below(rows.len());
        let (Some(row), Some((drift, deviation))) = (rows.get(drawn), moved.get(drawn)) else {
            break;
        };
        let runs = row.len();
        past.clear();
        past.extend((0..runs).filter_map(|_| row.get(random.below(runs)).copied()));
        next.clear();
        next.extend((0..COMING).filter_map(|_| past.get(random.below(runs)).copied()));
        let figure = match middle {
            Middle::Median => median(&mut next),
            Middle::Mean => next.iter().sum::<f64>() / next.len().max(1) as f64,
        };
        let few = if runs < FEW {
            let spread = deviation.max(USUAL_SPREAD * figure.abs());
            spread * if runs < VERY_FEW { 1.5 } else { 1.0 } / (runs.max(1) as f64).sqrt()
        } else {
            0.0
        };
        let off = few.hypot(DRIFT * drift);
        found.push((figure + random.normal() * off).clamp(least, most));
    }
    let told = quantiles(&mut found);
    if rows.len() > 1 { wider(told, rows) } else { told }
}

/// How far the middle moved between the first half of these runs and the second: what
/// moved before may move again. Of runs that only differ by chance it is about as
/// large as the middle's own error.
fn drift(figures: &[f64]) -> f64 {
    if figures.len() < VERY_FEW {
        return 0.0;
    }
    let (first, second) = figures.split_at(figures.len() / 2);
    (median(&mut first.to_vec()) - median(&mut second.to_vec())).abs()
}

/// The standard deviation of these figures.
fn deviation(figures: &[f64]) -> f64 {
    let count = figures.len().max(1) as f64;
    let mean = figures.iter().sum::<f64>() / count;
    (figures.iter().map(|figure| (figure - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// How much wider an interval is that rests on ranges of what is not known: drawn from
/// the ranges themselves, P10 to P90 would hold the truth 8 times of 10 and not 9.
const RANGES: f64 = 1.5;

/// The interval widened about its middle, no further than the figures go.
pub(super) fn wider(told: [f64; 3], rows: &[Vec<f64>]) -> [f64; 3] {
    let all = rows.iter().flatten().copied();
    let (least, most) = (all.clone().fold(told[0], f64::min), all.fold(told[2], f64::max));
    let [low, middle, high] = told;
    [
        (middle - (middle - low) * RANGES).max(least),
        middle,
        (middle + (high - middle) * RANGES).min(most),
    ]
}

/// P10, P50 and P90 of these figures; zeroes of none.
pub(super) fn quantiles(figures: &mut [f64]) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [0.1, 0.5, 0.9].map(|at| quantile(figures, at))
}

/// The middle of these figures; 0 of none.
pub(in crate::pipeline::timing) fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    quantile(figures, 0.5)
}

/// Of sorted figures, between two of them by a straight line.
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let place = at * sorted.len().saturating_sub(1) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => 0.0,
    }
}
