//! Which part of a run this job is, where several jobs share one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::env::Env;

/// Which of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub number: usize,
    /// At least `number`.
    pub of: usize,
}

impl FromStr for Shard {
    type Err = String;

    /// `2/8`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a shard: write `2/8` for the second of eight");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let (number, of) = (number.trim().parse(), of.trim().parse());
        match (number, of) {
            (Ok(number), Ok(of)) if (1..=of).contains(&number) && of <= Shard::MOST => {
                Ok(Shard { number, of })
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Shard {
    /// Most shards: what GitHub's matrix takes.
    pub const MOST: usize = 256;

    /// The parts that it asks about, of so many.
    pub fn parts(self, total: usize) -> Vec<usize> {
        (self.number - 1..total).step_by(self.of).collect()
    }
}

/// Where CI systems tell a job its number and how many there are, and from what
/// they count.
const TOLD: [(&str, &str, usize); 6] = [
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    ("SYSTEM_JOBPOSITIONINPHASE", "SYSTEM_TOTALJOBSINPHASE", 1),
    ("BITBUCKET_PARALLEL_STEP", "BITBUCKET_PARALLEL_STEP_COUNT", 0),
    ("HARNESS_STAGE_INDEX", "HARNESS_STAGE_TOTAL", 0),
    ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0),
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
];

/// The shard that the CI system made this job; `of` where it tells the number
/// alone, as Kubernetes does its indexed jobs.
pub(super) fn told(env: &Env, of: Option<usize>) -> Option<Shard> {
    let number = |name: &str| env.get(name)?.trim().parse::<usize>().ok();
    let shard = |number: usize, from: usize, of: usize| {
        format!("{}/{of}", (number + 1).checked_sub(from)?).parse::<Shard>().ok()
    };
    for (index, total, from) in TOLD {
        if let (Some(index), Some(total)) = (number(index), number(total)) {
            return shard(index, from, total);
        }
    }
    shard(number("JOB_COMPLETION_INDEX")?, 0, of?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_one_of_some() {
        let check = |text: &str, expect: Option<(usize, usize)>| {
            let read = text.parse::<Shard>().ok().map(|shard| (shard.number, shard.of));
            assert_eq!(read, expect, "{text}");
        };
        check("1/1", Some((1, 1)));
        check("2/8", Some((2, 8)));
        check(" 2 / 8 ", Some((2, 8)));
        check("0/8", None);
        check("9/8", None);
        check("1/257", None);
        check("1", None);
        check("a/b", None);
    }

    #[test]
    fn every_part_is_in_exactly_one_shard() {
        for (total, of) in [(0, 3), (1, 3), (7, 3), (42, 8), (5, 5)] {
            let mut all: Vec<usize> =
                (1..=of).flat_map(|number| Shard { number, of }.parts(total)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..total).collect::<Vec<_>>(), "{total} in {of}");
        }
    }

    #[test]
    fn ci_systems_tell_a_job_its_shard() {
        let check = |vars: &[(&str, &str)], of: Option<usize>, expect: Option<&str>| {
            let env = Env::from_vars(vars.iter().copied());
            assert_eq!(
                told(&env, of).map(|shard| shard.to_string()).as_deref(),
                expect,
                "{vars:?}"
            );
        };
        check(&[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "4")], None, Some("2/4"));
        check(
            &[("BITBUCKET_PARALLEL_STEP", "0"), ("BITBUCKET_PARALLEL_STEP_COUNT", "3")],
            None,
            Some("1/3"),
        );
        check(&[("JOB_COMPLETION_INDEX", "7")], Some(8), Some("8/8"));
        check(&[("JOB_COMPLETION_INDEX", "8")], Some(8), None);
        check(&[("JOB_COMPLETION_INDEX", "7")], None, None);
        check(&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "4")], None, None);
        check(&[], Some(8), None);
    }
}
