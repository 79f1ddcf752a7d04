//! The critical path: the longest way through a job graph, with what each job takes
//! and how long it waits for a runner.

use crate::pipeline::graph::Pipeline;
use std::collections::HashMap;

/// What each job takes, by its place in [`Pipeline::jobs`]. Copies of a matrix count
/// as their longest. Places that are missing, and numbers that are negative, not
/// finite or beyond 1e9, count as 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Times {
    /// Seconds it runs.
    pub seconds: Vec<f64>,
    /// Seconds it waits for a runner, once it could start.
    pub queue: Vec<f64>,
}

impl Times {
    /// The same number of seconds for each of `jobs` jobs, without waiting.
    pub fn even(jobs: usize, seconds: f64) -> Self {
        Times { seconds: vec![seconds; jobs], queue: vec![0.0; jobs] }
    }

    /// Running alone.
    pub fn running(&self, job: usize) -> f64 {
        clean(self.seconds.get(job))
    }

    /// Waiting and running together.
    pub fn total(&self, job: usize) -> f64 {
        clean(self.queue.get(job)) + clean(self.seconds.get(job))
    }
}

fn clean(seconds: Option<&f64>) -> f64 {
    // More than thirty years is a clock gone wrong, and would drown all else.
    seconds.copied().filter(|seconds| (0.0..=1e9).contains(seconds)).unwrap_or(0.0)
}

/// When jobs start and end, and which of them decide how long the whole takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Critical {
    /// The jobs of the longest way, first to last. Of several that take as long, the
    /// one whose jobs stand first in the file.
    pub jobs: Vec<usize>,
    /// Seconds from the start of the run to the end of its last job.
    pub seconds: f64,
    /// Seconds from the start of the run until the job could start, waiting for a
    /// runner not counted; 0 for jobs in a cycle.
    pub start: Vec<f64>,
    /// Seconds from the start of the run to the job's end; 0 for jobs in a cycle.
    pub finish: Vec<f64>,
    /// Jobs that wait for themselves, or for such a job: they are left out.
    pub cyclic: Vec<usize>,
}

/// The longest way through the pipeline. Graphs that start apart (entries) are never
/// added up: it is the way of the one that takes longest. Linear in jobs and edges.
pub fn critical(pipeline: &Pipeline, times: &Times) -> Critical {
    Order::new(pipeline).critical(times, None)
}

/// The longest way through one entry.
pub fn critical_of(pipeline: &Pipeline, entry: usize, times: &Times) -> Critical {
    let inside: Vec<bool> = pipeline.jobs.iter().map(|job| job.entry == entry).collect();
    Order::new(pipeline).critical(times, Some(&inside))
}

/// Edges in an order in which every job comes behind what it waits for: worked out
/// once, walked many times. Jobs that wait for the same ones, as those of a stage do,
/// share a list, so that a walk is not as long as all pairs of two stages.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    /// Jobs, each behind all it waits for, with the list of what that is.
    jobs: Vec<(u32, u32)>,
    /// Different lists of what jobs wait for.
    lists: Vec<Vec<u32>>,
    /// Jobs that are left out.
    cyclic: Vec<usize>,
    /// How many jobs there are.
    count: usize,
}

/// How much longer each job may take before the whole does.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Slack {
    /// The length of the longest way.
    pub(super) seconds: f64,
    slack: Vec<f64>,
}

impl Slack {
    /// Of a job; 0 for those on a longest way, and for those in a cycle.
    pub(super) fn of(&self, job: usize) -> f64 {
        self.slack.get(job).copied().unwrap_or(0.0)
    }
}

impl Order {
    /// The pipeline's own edges.
    pub(super) fn new(pipeline: &Pipeline) -> Self {
        let needs = pipeline.jobs.iter().map(|job| job.needs.iter().map(|need| need.job));
        Order::of(needs.map(Iterator::collect).collect())
    }

    /// These edges: for each job, what it waits for. Those out of range are dropped.
    pub(super) fn of(needs: Vec<Vec<usize>>) -> Self {
        let count = needs.len();
        let mut places: HashMap<Vec<usize>, usize> = HashMap::new();
        // Which jobs wait by each list.
        let mut waiting: Vec<Vec<usize>> = Vec::new();
        for (job, needs) in needs.into_iter().enumerate() {
            let next = waiting.len();
            let list = *places.entry(needs).or_insert(next);
            if list == next {
                waiting.push(Vec::new());
            }
            if let Some(waiting) = waiting.get_mut(list) {
                waiting.push(job);
            }
        }
        let mut lists: Vec<Vec<u32>> = vec![Vec::new(); waiting.len()];
        for (needs, place) in places {
            if let Some(list) = lists.get_mut(place) {
                *list = needs.into_iter().filter(|n| *n < count).map(|n| n as u32).collect();
            }
        }
        let mut open: Vec<usize> = lists.iter().map(Vec::len).collect();
        let mut lists_of: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (place, list) in lists.iter().enumerate() {
            for need in list {
                if let Some(lists_of) = lists_of.get_mut(*need as usize) {
                    lists_of.push(place as u32);
                }
            }
        }
        let free = |list: usize| {
            let jobs = waiting.get(list).into_iter().flatten();
            jobs.map(move |job| (*job as u32, list as u32))
        };
        let mut jobs: Vec<(u32, u32)> =
            (0..lists.len()).filter(|list| open.get(*list) == Some(&0)).flat_map(free).collect();
        let mut next = 0;
        while let Some((job, _)) = jobs.get(next).copied() {
            next += 1;
            for list in lists_of.get(job as usize).into_iter().flatten() {
                if let Some(open) = open.get_mut(*list as usize) {
                    *open -= 1;
                    if *open == 0 {
                        jobs.extend(free(*list as usize));
                    }
                }
            }
        }
        let mut cyclic: Vec<usize> = (waiting.iter().zip(&open))
            .filter(|(_, open)| **open > 0)
            .flat_map(|(jobs, _)| jobs.iter().copied())
            .collect();
        cyclic.sort_unstable();
        Order { jobs, lists, cyclic, count }
    }

    /// How many jobs are left out, as they wait for themselves.
    pub(super) fn cycles(&self) -> usize {
        self.cyclic.len()
    }

    /// The length of the longest way alone; `finish` is room to work in.
    pub(super) fn seconds(&self, total: impl Fn(usize) -> f64, finish: &mut Vec<f64>) -> f64 {
        finish.clear();
        finish.resize(self.count, 0.0);
        let mut longest = 0.0f64;
        let mut ready: Vec<f64> = vec![-1.0; self.lists.len()];
        for (job, list) in self.jobs.iter().map(|(job, list)| (*job as usize, *list as usize)) {
            let Some(ready) = ready.get_mut(list) else { continue };
            if *ready < 0.0 {
                let ends = self.lists.get(list).into_iter().flatten();
                let ends = ends.filter_map(|need| finish.get(*need as usize));
                *ready = ends.copied().fold(0.0, f64::max);
            }
            let end = *ready + total(job);
            if let Some(finish) = finish.get_mut(job) {
                *finish = end;
            }
            longest = longest.max(end);
        }
        longest
    }

    /// The length of the longest way, and how far each job is from being on one as long.
    pub(super) fn slack(&self, total: impl Fn(usize) -> f64) -> Slack {
        let mut finish = Vec::new();
        let seconds = self.seconds(&total, &mut finish);
        // The longest way from each job's end on; jobs of one list stand together.
        let mut tail = vec![0.0f64; self.count];
        let mut slack = vec![0.0; self.count];
        let mut below = 0.0f64;
        for (place, (job, list)) in self.jobs.iter().enumerate().rev() {
            let (job, list) = (*job as usize, *list);
            let behind = tail.get(job).copied().unwrap_or(0.0);
            if let (Some(slack), Some(finish)) = (slack.get_mut(job), finish.get(job)) {
                *slack = seconds - (finish + behind);
            }
            below = below.max(behind + total(job));
            let first = place.checked_sub(1).and_then(|place| self.jobs.get(place));
            if first.is_some_and(|(_, other)| *other == list) {
                continue;
            }
            for need in self.lists.get(list as usize).into_iter().flatten() {
                if let Some(tail) = tail.get_mut(*need as usize) {
                    *tail = tail.max(below);
                }
            }
            below = 0.0;
        }
        Slack { seconds, slack }
    }

    /// The longest way, of the jobs that are `inside`.
    pub(super) fn critical(&self, times: &Times, inside: Option<&[bool]>) -> Critical {
        let mut start = vec![0.0; self.count];
        let mut finish: Vec<f64> = vec![0.0; self.count];
        let mut before: Vec<Option<usize>> = vec![None; self.count];
        let mut last: Option<(f64, usize)> = None;
        // Later ends win; of equals, what stands first in the file.
        let beats = |end: f64, job: usize, best: Option<(f64, usize)>| {
            best.is_none_or(|(seconds, other)| end > seconds || (end == seconds && job < other))
        };
        let mut latest: Vec<Option<Option<(f64, usize)>>> = vec![None; self.lists.len()];
        for (job, list) in self.jobs.iter().map(|(job, list)| (*job as usize, *list as usize)) {
            if inside.is_some_and(|inside| inside.get(job) != Some(&true)) {
                continue;
            }
            let Some(latest) = latest.get_mut(list) else { continue };
            let best = *latest.get_or_insert_with(|| {
                let mut best: Option<(f64, usize)> = None;
                for need in self.lists.get(list).into_iter().flatten().map(|n| *n as usize) {
                    let end = finish.get(need).copied().unwrap_or(0.0);
                    if beats(end, need, best) {
                        best = Some((end, need));
                    }
                }
                best
            });
            let begin = best.map_or(0.0, |(end, _)| end);
            let end = begin + times.total(job);
            if let (Some(start), Some(finish), Some(before)) =
                (start.get_mut(job), finish.get_mut(job), before.get_mut(job))
            {
                (*start, *finish, *before) = (begin, end, best.map(|(_, need)| need));
            }
            if beats(end, job, last) {
                last = Some((end, job));
            }
        }
        let mut jobs = Vec::new();
        let mut at = last.map(|(_, job)| job);
        while let Some(job) = at {
            jobs.push(job);
            at = before.get(job).copied().flatten();
        }
        jobs.reverse();
        let seconds = last.map_or(0.0, |(seconds, _)| seconds);
        Critical { jobs, seconds, start, finish, cyclic: self.cyclic.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Platform;
    use crate::pipeline::graph::{Job, Need, NeedKind, Span};
    use proptest::prelude::*;

    fn graph(needs: &[&[usize]]) -> Pipeline {
        let mut pipeline = Pipeline::new(Platform::GitHub);
        for (place, needs) in needs.iter().enumerate() {
            let mut job = Job::new(format!("j{place}"), Span::default(), Vec::new());
            job.needs = needs
                .iter()
                .map(|job| Need {
                    job: *job,
                    kind: NeedKind::Explicit,
                    span: None,
                    optional: false,
                    artifacts: false,
                })
                .collect();
            pipeline.jobs.push(job);
        }
        pipeline
    }

    fn check(needs: &[&[usize]], seconds: &[f64], jobs: &[usize], total: f64, cyclic: &[usize]) {
        let times = Times { seconds: seconds.to_vec(), queue: Vec::new() };
        let found = critical(&graph(needs), &times);
        assert_eq!(found.jobs, jobs, "{needs:?}");
        assert_eq!(found.seconds, total, "{needs:?}");
        assert_eq!(found.cyclic, cyclic, "{needs:?}");
    }

    #[test]
    fn the_longest_way_is_found() {
        check(&[], &[], &[], 0.0, &[]);
        check(&[&[]], &[7.0], &[0], 7.0, &[]);
        check(&[&[], &[0], &[0], &[1, 2]], &[1.0, 5.0, 9.0, 2.0], &[0, 2, 3], 12.0, &[]);
        // In any order of the file.
        check(&[&[3], &[3], &[0, 1], &[]], &[4.0, 3.0, 1.0, 2.0], &[3, 0, 2], 7.0, &[]);
        // Two jobs without edges are not added up.
        check(&[&[], &[]], &[3.0, 4.0], &[1], 4.0, &[]);
    }

    #[test]
    fn of_equals_the_first_in_the_file_is_taken() {
        check(&[&[], &[], &[1, 0]], &[3.0, 3.0, 1.0], &[0, 2], 4.0, &[]);
        check(&[&[], &[]], &[3.0, 3.0], &[0], 3.0, &[]);
    }

    #[test]
    fn cycles_are_named_and_the_rest_is_measured() {
        check(&[&[1], &[0], &[]], &[9.0, 9.0, 2.0], &[2], 2.0, &[0, 1]);
        check(&[&[0]], &[9.0], &[], 0.0, &[0]);
        check(&[&[1], &[0], &[1]], &[9.0; 3], &[], 0.0, &[0, 1, 2]);
    }

    #[test]
    fn edges_out_of_range_and_odd_numbers_do_no_harm() {
        check(&[&[7], &[0]], &[f64::NAN, 2.0], &[0, 1], 2.0, &[]);
        check(&[&[], &[0]], &[-5.0], &[0], 0.0, &[]);
    }

    #[test]
    fn waiting_counts_and_an_entry_is_measured_alone() {
        let mut pipeline = graph(&[&[], &[0], &[]]);
        pipeline.jobs[2].entry = 1;
        let times = Times { seconds: vec![1.0, 2.0, 9.0], queue: vec![0.0, 4.0, 0.0] };
        assert_eq!(critical(&pipeline, &times).jobs, [2]);
        let first = critical_of(&pipeline, 0, &times);
        assert_eq!((first.jobs, first.seconds), (vec![0, 1], 7.0));
        assert_eq!(first.start[1], 1.0);
    }

    #[test]
    fn long_chains_and_dense_stages_are_quick() {
        let chain: Vec<Vec<usize>> =
            (0..20_000usize).map(|job| job.checked_sub(1).into_iter().collect()).collect();
        let found = Order::of(chain).critical(&Times::even(20_000, 1.0), None);
        assert_eq!((found.seconds, found.jobs.len()), (20_000.0, 20_000));
    }

    /// All ways, one by one.
    fn brute(needs: &[Vec<usize>], seconds: &[f64], job: usize) -> f64 {
        let before = needs[job].iter().map(|need| brute(needs, seconds, *need)).fold(0.0, f64::max);
        before + seconds[job]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn it_is_as_long_as_the_longest_of_all_ways(
            seconds in prop::collection::vec(0u16..50, 1..9),
            bits in prop::collection::vec(any::<bool>(), 64),
        ) {
            let seconds: Vec<f64> = seconds.into_iter().map(f64::from).collect();
            let needs: Vec<Vec<usize>> = (0..seconds.len())
                .map(|job| (0..job).filter(|need| bits[job * 8 % 64 + need % 8]).collect())
                .collect();
            let times = Times { seconds: seconds.clone(), queue: Vec::new() };
            let order = Order::of(needs.clone());
            let found = order.critical(&times, None);
            let expect =
                (0..seconds.len()).map(|job| brute(&needs, &seconds, job)).fold(0.0, f64::max);
            prop_assert_eq!(found.seconds, expect);
            prop_assert_eq!(order.seconds(|job| times.total(job), &mut Vec::new()), expect);
            // A job may take as much longer as is said, and no second more.
            let slack = order.slack(|job| times.total(job));
            prop_assert_eq!(slack.seconds, expect);
            for job in 0..seconds.len() {
                let with = |more: f64| {
                    let longer = |other| seconds[other] + if other == job { more } else { 0.0 };
                    order.seconds(longer, &mut Vec::new())
                };
                prop_assert_eq!(with(slack.of(job)), expect);
                prop_assert_eq!(with(slack.of(job) + 1.0), expect + 1.0);
            }
            // The way is one: each job waits for the one before, and they add up.
            let sum: f64 = found.jobs.iter().map(|job| seconds[*job]).sum();
            prop_assert_eq!(sum, expect);
            for pair in found.jobs.windows(2) {
                prop_assert!(needs[pair[1]].contains(&pair[0]));
            }
        }
    }
}
