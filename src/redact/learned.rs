//! Secrets that come in while the program runs: tokens that another secret was
//! exchanged for. One list for the whole process, so that no scrubber made
//! earlier can miss one.

use std::sync::{PoisonError, RwLock};

use regex::Regex;

use super::Secret;

/// Most that are kept; a run that lasts long loses the oldest, which have expired.
const MOST: usize = 64;

static LEARNED: RwLock<(Vec<Secret>, Option<Regex>)> = RwLock::new((Vec::new(), None));

/// From here on every [`super::Scrubber`] masks this value.
pub fn learn(secret: &Secret) {
    let mut learned = LEARNED.write().unwrap_or_else(PoisonError::into_inner);
    let (secrets, finder) = &mut *learned;
    if secrets.contains(secret) {
        return;
    }
    if secrets.len() == MOST {
        secrets.remove(0);
    }
    secrets.push(secret.clone());
    *finder = super::finder(&*secrets);
}

/// Finds what was learned. Clones share the machine.
pub(super) fn finder() -> Option<Regex> {
    LEARNED.read().unwrap_or_else(PoisonError::into_inner).1.clone()
}

#[cfg(test)]
mod tests {
    use super::super::Scrubber;
    use super::*;

    #[test]
    fn what_is_learned_later_is_masked_by_scrubbers_made_before() {
        let scrubber = Scrubber::new([]);
        let text = "the value zq-learned-at-run-time-0001 and dog";
        assert_eq!(scrubber.scrub(text), text);
        learn(&Secret::new("zq-learned-at-run-time-0001"));
        learn(&Secret::new("dog"));
        assert_eq!(scrubber.scrub(text), "the value *** and dog");
        assert_eq!(scrubber.scrub("zq-learned-at-run-time-0001%2F"), "***%2F");
    }
}
