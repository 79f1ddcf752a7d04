//! What was asked before: a delivery is taken on once.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

/// How many are remembered. Only what came through the door gets here.
const MOST: usize = 20_000;

/// Names of deliveries, the oldest forgotten first.
#[derive(Default)]
pub struct Seen {
    known: Mutex<(HashSet<String>, VecDeque<String>)>,
}

impl Seen {
    /// Whether it is new; it then no longer is.
    pub fn take(&self, name: &str) -> bool {
        let mut known = self.known.lock().unwrap_or_else(|broken| broken.into_inner());
        let (names, order) = &mut *known;
        if !names.insert(name.to_owned()) {
            return false;
        }
        order.push_back(name.to_owned());
        if order.len() > MOST
            && let Some(oldest) = order.pop_front()
        {
            names.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_once_and_the_oldest_is_forgotten() {
        let seen = Seen::default();
        assert!(seen.take("first"));
        assert!(!seen.take("first"));
        for number in 0..MOST {
            assert!(seen.take(&number.to_string()));
        }
        assert!(seen.take("first"), "the oldest is forgotten");
        assert!(!seen.take("1"));
        assert_eq!(seen.known.lock().unwrap().0.len(), MOST);
    }
}
