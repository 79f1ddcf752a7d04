//! Axes of a plot: where a value stands, and which values are named.

/// From values to pixels.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    /// The first value stands at the first pixel, the second at the second.
    pub fn new(from: (f64, f64), to: (f64, f64)) -> Self {
        Scale { from, to }
    }

    /// The same with a little room above, and for equal values both ways.
    pub fn padded((low, high): (f64, f64), to: (f64, f64)) -> Self {
        let room = if high > low { (high - low) * 0.06 } else { low.abs().max(1.0) * 0.5 };
        let floor = if low == 0.0 { 0.0 } else { low - room };
        Scale { from: (floor, high + room), to }
    }

    /// The values at both ends.
    pub fn domain(&self) -> (f64, f64) {
        self.from
    }

    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.from.0) / (self.from.1 - self.from.0);
        self.to.0 + share * (self.to.1 - self.to.0)
    }
}

/// Three to five round values between two.
pub fn value_ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * power);
    let first = (low / step).ceil();
    (0..12).map(|at| (first + f64::from(at)) * step).take_while(|tick| *tick <= high).collect()
}

/// Up to eight round times between two, in milliseconds since 1970.
pub fn time_ticks(first: i64, last: i64) -> Vec<i64> {
    const STEPS: [i64; 16] =
        [1, 5, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];
    let seconds = last.saturating_sub(first) / 1000;
    let step = STEPS.iter().copied().find(|step| seconds / step <= 7);
    let step = step.unwrap_or((seconds / 7 / 86_400 + 1) * 86_400) * 1000;
    let start = first.div_euclid(step) + i64::from(first.rem_euclid(step) > 0);
    (start..start + 10).map(|at| at.saturating_mul(step)).take_while(|at| *at <= last).collect()
}

/// `10:05`, `10:05:30` where there are seconds; UTC.
pub fn clock(at: i64) -> String {
    let seconds = at.div_euclid(1000).rem_euclid(86_400);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if second == 0 {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (range, expect) in [
            ((0.0, 1.0), vec![0.0, 0.25, 0.5, 0.75, 1.0]),
            ((0.0, 0.05), vec![0.0, 0.02, 0.04]),
            ((120.0, 480.0), vec![200.0, 300.0, 400.0]),
            ((5.0, 5.0), vec![]),
            ((0.0, f64::NAN), vec![]),
        ] {
            let ticks = value_ticks(range);
            assert_eq!(ticks.len(), expect.len(), "{range:?}: {ticks:?}");
            assert!(ticks.iter().zip(&expect).all(|(a, b)| (a - b).abs() < 1e-12), "{ticks:?}");
        }
    }

    #[test]
    fn times_are_round_and_few() {
        let at = |minutes: i64| minutes * 60_000;
        assert_eq!(time_ticks(at(3), at(31)), [at(5), at(10), at(15), at(20), at(25), at(30)]);
        for (first, last) in [(0, 0), (i64::MAX - 5, i64::MAX), (0, 86_400_000 * 400), (-5, 5)] {
            assert!(time_ticks(first, last).len() <= 10);
        }
        assert_eq!((clock(at(605)), clock(1500)), ("10:05".to_owned(), "00:00:01".to_owned()));
        assert_eq!(clock(-60_000), "23:59");
    }
}
