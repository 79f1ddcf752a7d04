//! Counters that start again: at the restart that a deployment is, that is normal; later
//! it is another restart, and what was counted in between is lost.

use crate::decide::judge::sides::Sides;
use crate::decide::text;

/// What is wrong with a counter.
pub fn signal(sides: &Sides) -> Option<String> {
    let told = |who: &str, resets: &[i64]| {
        let first = resets.first()?;
        let times = if resets.len() == 1 {
            String::new()
        } else {
            format!(", {} times in all", resets.len())
        };
        Some(format!(
            "{who} counter started again from nothing at {}{times}: something restarted.",
            text::time(*first)
        ))
    };
    told("the new version's", &sides.resets)
        .or_else(|| told("the baseline's", &sides.baseline_resets))
}
