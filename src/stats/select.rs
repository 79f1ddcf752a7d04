//! Order statistics of all differences between two samples, without making them.

/// The `rank`-th smallest (from 0) of all a − b, of samples in order and not empty.
/// Halves the range of values until few differences are left in it, counting in
/// one walk over both samples (after Johnson and Mizoguchi 1978).
pub(super) fn difference(a: &[f64], b: &[f64], rank: usize) -> f64 {
    let (Some(first_a), Some(last_a)) = (a.first(), a.last()) else { return 0.0 };
    let (Some(first_b), Some(last_b)) = (b.first(), b.last()) else { return 0.0 };
    // All differences are above `low` (or it is the least) and at most `high`.
    let (mut low, mut high) = (first_a - last_b, last_a - first_b);
    let least = at_most(a, b, low);
    if rank < least {
        return low;
    }
    let (mut below, mut within) = (least, a.len() * b.len());
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
            0..24 if guess => low * (1.0 - part) + high * part,
            0..40 => half,
            _ => between(low, high),
        };
        let middle = if middle > low && middle < high { middle } else { between(low, high) };
        if middle <= low {
            return high;
        }
        let count = at_most(a, b, middle);
        if rank < count {
            (high, within) = (middle, count);
        } else {
            (low, below) = (middle, count);
        }
        guess = !guess || (within - below) < many / 3;
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
