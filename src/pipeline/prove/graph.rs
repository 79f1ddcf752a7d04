//! What stands between the start of a run and a job: the jobs it waits for, and
//! which of them are gates.

use crate::pipeline::graph::{Job, JobKind, Pipeline};
use crate::pipeline::words::Does;

/// Sets of jobs, one for each job.
#[derive(Debug)]
pub(super) struct Ancestors {
    words: usize,
    bits: Vec<u64>,
}

impl Ancestors {
    /// All jobs that a job waits for, directly or through others.
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let count = pipeline.jobs.len();
        let words = count.div_ceil(64);
        let mut ancestors = Ancestors { words, bits: vec![0; words * count] };
        // 0: not seen, 1: open, 2: done. Cycles end where they are met again.
        let mut state = vec![0u8; count];
        let mut stack: Vec<(usize, usize)> = Vec::new();
        for start in 0..count {
            if state[start] != 0 {
                continue;
            }
            state[start] = 1;
            stack.push((start, 0));
            while let Some((job, next)) = stack.pop() {
                match pipeline.jobs[job].needs.get(next) {
                    Some(need) => {
                        stack.push((job, next + 1));
                        if state[need.job] == 0 {
                            state[need.job] = 1;
                            stack.push((need.job, 0));
                        }
                    }
                    None => {
                        for need in &pipeline.jobs[job].needs {
                            ancestors.join(job, need.job);
                        }
                        state[job] = 2;
                    }
                }
            }
        }
        ancestors
    }

    fn join(&mut self, job: usize, need: usize) {
        for word in 0..self.words {
            let of_need = self.bits[need * self.words + word];
            self.bits[job * self.words + word] |= of_need;
        }
        self.bits[job * self.words + need / 64] |= 1 << (need % 64);
    }

    /// Whether `job` waits for `other`.
    pub(super) fn has(&self, job: usize, other: usize) -> bool {
        self.bits[job * self.words + other / 64] >> (other % 64) & 1 == 1
    }

    /// The jobs that `job` waits for.
    pub(super) fn each(&self, job: usize) -> impl Iterator<Item = usize> {
        let row = &self.bits[job * self.words..(job + 1) * self.words];
        row.iter().enumerate().flat_map(|(at, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
                word &= word - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

/// Whether what comes behind a job depends on a person, an environment's rules or a
/// condition.
pub(super) fn is_gate(pipeline: &Pipeline, job: &Job) -> bool {
    let staged = job.stage.and_then(|stage| pipeline.stages.get(stage));
    job.manual
        || job.kind == JobKind::Approval
        || job.environment.is_some()
        || job.condition.is_some()
        || staged.is_some_and(|stage| stage.condition.is_some())
        || job.steps.iter().flat_map(|step| &step.does).any(|does| matches!(does, Does::Approval))
}

/// Whether a job puts something where others use it.
pub(super) fn delivers(job: &Job) -> bool {
    let does = |does: &Does| {
        matches!(does, Does::Deploy(_) | Does::Publish(_) | Does::PushImage(_))
            || matches!(does, Does::BuildImage(image) if image.push)
    };
    job.environment.is_some() || job.steps.iter().flat_map(|step| &step.does).any(does)
}
