//! Where in a stream something was seen, in a few bytes whatever the stream's length.

/// Places seen, in 64 buckets whose width doubles as the stream grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    bits: u64,
    shift: u8,
}

impl Spread {
    /// Marks a place, counted from the stream's start.
    pub fn mark(&mut self, place: u64) {
        while place >> self.shift >= 64 {
            self.widen();
        }
        self.bits |= 1 << (place >> self.shift);
    }

    /// Marks what another has marked of the same stream.
    pub fn join(&mut self, mut other: Spread) {
        while self.shift < other.shift {
            self.widen();
        }
        while other.shift < self.shift {
            other.widen();
        }
        self.bits |= other.bits;
    }

    fn widen(&mut self) {
        let mut halved = 0_u64;
        for bit in 0..32 {
            if self.bits >> (2 * bit) & 0b11 != 0 {
                halved |= 1 << bit;
            }
        }
        self.bits = halved;
        self.shift += 1;
    }

    /// In how many of `parts` equal parts of a stream of this length it was seen, and
    /// the first and last of them. `None` if never.
    pub fn over(mut self, length: u64, parts: u64) -> Option<(usize, u64, u64)> {
        let last = length.saturating_sub(1);
        while last >> self.shift >= 64 {
            self.widen();
        }
        let length = u128::from(length.max(1));
        let mut seen = std::collections::BTreeSet::new();
        for bit in (0..64_u64).filter(|bit| self.bits >> bit & 1 == 1) {
            let place = u128::from(bit << self.shift);
            let part = (place * u128::from(parts) / length) as u64;
            seen.insert(part.min(parts - 1));
        }
        Some((seen.len(), *seen.first()?, *seen.last()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_at_any_length() {
        for (places, length, expect) in [
            (vec![], 10, None),
            (vec![0], 10, Some((1, 0, 0))),
            (vec![0, 9], 10, Some((2, 0, 9))),
            ((0..1000).collect(), 1000, Some((10, 0, 9))),
            (vec![999_999], 1_000_000, Some((1, 9, 9))),
            (vec![0, 1, 2], 1_000_000, Some((1, 0, 0))),
        ] {
            let mut spread = Spread::default();
            places.iter().for_each(|place| spread.mark(*place));
            assert_eq!(spread.over(length, 10), expect, "{places:?}");
        }
    }
}
