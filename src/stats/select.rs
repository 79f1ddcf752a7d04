//! Order statistics of all differences between two samples, without making them.

/// All a − b of samples in order and not empty, with what was counted of them: what one
/// rank was looked for by helps the next.
pub(super) struct Differences<'v> {
    a: &'v [f64],
    b: &'v [f64],
    /// Values and how many differences are at most as large, in order.
    known: Vec<(f64, usize)>,
    /// The differences between some quantiles of both, in order: they lie much as all do.
    guesses: Vec<f64>,
}

/// So many quantiles of a side make the guesses.
const QUANTILES: usize = 24;
/// Fewer pairs need no guesses.
const MANY: usize = 16 * QUANTILES * QUANTILES;

impl<'v> Differences<'v> {
    pub(super) fn new(a: &'v [f64], b: &'v [f64]) -> Self {
        Differences { a, b, known: Vec::new(), guesses: Vec::new() }
    }

    /// The `rank`-th smallest (from 0). Narrows a range of values until few differences
    /// are left in it, counting in one walk over both samples (after Johnson and Mizoguchi
    /// 1978).
    pub(super) fn at(&mut self, rank: usize) -> f64 {
        let (a, b) = (self.a, self.b);
        let (Some(first_a), Some(last_a)) = (a.first(), a.last()) else { return 0.0 };
        let (Some(first_b), Some(last_b)) = (b.first(), b.last()) else { return 0.0 };
        let pairs = a.len() * b.len();
        if self.known.is_empty() {
            // All differences are above `low` (or it is the least) and at most `high`.
            let (low, high) = (first_a - last_b, last_a - first_b);
            self.known.extend([(low, at_most(a, b, low)), (high, pairs)]);
            if pairs > MANY {
                self.guesses = guesses(a, b);
            }
        }
        let place = self.known.partition_point(|(_, count)| *count <= rank);
        let Some(&(mut high, mut within)) = self.known.get(place) else { return last_a - first_b };
        let Some(&(mut low, mut below)) = place.checked_sub(1).and_then(|at| self.known.get(at))
        else {
            // The least differences are equal.
            return high;
        };
        let few = 2 * (a.len() + b.len());
        let mut guess = true;
        for step in 0..200 {
            let many = within - below;
            if many <= few {
                break;
            }
            // Where the rank should be if the differences were spread evenly, a little to the
            // side where more of them are left; halves of the values where that helped little;
            // and at last halves in the numbers' own order, which ends where many are equal.
            let half = 0.5 * low + 0.5 * high;
            let aim = if within - rank > rank - below {
                rank + few / 3
            } else {
                rank.saturating_sub(few / 3)
            };
            let part = (aim.clamp(below, within) - below) as f64 / many as f64;
            let middle = match step {
                // At first both sides of where the rank lies among the guesses.
                0..2 if !self.guesses.is_empty() => self.guessed(rank, step == 1, pairs),
                0..24 if guess => low * (1.0 - part) + high * part,
                0..40 => half,
                _ => between(low, high),
            };
            let inside = middle > low && middle < high;
            if step < 2 && !self.guesses.is_empty() && !inside {
                continue;
            }
            let middle = if inside { middle } else { between(low, high) };
            if middle <= low {
                return high;
            }
            let count = at_most(a, b, middle);
            let place = self.known.partition_point(|(value, _)| *value < middle);
            self.known.insert(place, (middle, count));
            if rank < count {
                (high, within) = (middle, count);
            } else {
                (low, below) = (middle, count);
            }
            guess = !guess || step < 2 || (within - below) < many / 3;
        }
        let mut left = Vec::with_capacity(within - below);
        let (mut from, mut to) = (0, 0);
        for value in a {
            // b in [from, to) gives differences above low and at most high; both bounds
            // move up as the value does.
            while from < b.len() && value - b[from] > high {
                from += 1;
            }
            while to < b.len() && value - b[to] > low {
                to += 1;
            }
            left.extend(b[from..to].iter().map(|other| value - other));
        }
        let place = rank - below;
        if place >= left.len() {
            return high;
        }
        *left.select_nth_unstable_by(place, f64::total_cmp).1
    }

    /// The guess a little below (or above) a rank of so many.
    fn guessed(&self, rank: usize, above: bool, pairs: usize) -> f64 {
        let count = self.guesses.len();
        let place = (rank as f64 / pairs as f64 * count as f64) as usize;
        let aside = count / 100 + 1;
        let place = if above { place + aside } else { place.saturating_sub(aside) };
        self.guesses.get(place.min(count - 1)).copied().unwrap_or(0.0)
    }
}

/// The differences between quantiles of both sides, in order.
fn guesses(a: &[f64], b: &[f64]) -> Vec<f64> {
    let quantiles = |values: &[f64]| -> Vec<f64> {
        (0..QUANTILES)
            .filter_map(|at| values.get((2 * at + 1) * values.len() / (2 * QUANTILES)).copied())
            .collect()
    };
    let of_b = quantiles(b);
    let mut all: Vec<f64> = quantiles(a)
        .into_iter()
        .flat_map(|value| of_b.iter().map(move |other| value - other))
        .collect();
    all.sort_unstable_by(f64::total_cmp);
    all
}

/// How many differences are at most `bound`.
fn at_most(a: &[f64], b: &[f64], bound: f64) -> usize {
    let mut from = 0;
    let mut count = 0;
    for value in a {
        while from < b.len() && value - b[from] > bound {
            from += 1;
        }
        count += b.len() - from;
    }
    count
}

/// The number halfway between two in the order of all floating-point numbers.
fn between(low: f64, high: f64) -> f64 {
    let key = |value: f64| {
        let bits = value.to_bits() as i64;
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    let middle = ((i128::from(key(low)) + i128::from(key(high))) >> 1) as i64;
    f64::from_bits(if middle < 0 { i64::MIN - middle } else { middle } as u64)
}
