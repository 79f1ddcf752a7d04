//! Times of jobs, the critical path, and what a change would save.

pub mod defaults;
pub mod history;
pub mod path;
pub mod rates;
pub mod saving;

/// What a fix does to the graph and its times. Jobs are named by their place in the
/// pipeline before the fix.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// These edges go: (job, the job it waited for).
    DropEdges(Vec<(usize, usize)>),
    /// These edges come.
    AddEdges(Vec<(usize, usize)>),
    /// Dependencies of these jobs come from a cache.
    CacheDependencies(Vec<usize>),
    /// Layers of the image these jobs build come from a cache.
    CacheLayers(Vec<usize>),
    /// These jobs pull an image instead of building it.
    ReuseImage(Vec<usize>),
    /// A job on a smaller runner: its cores now and then.
    SmallerRunner {
        /// Which.
        job: usize,
        /// Cores now.
        from: f64,
        /// Cores then.
        to: f64,
    },
    /// A job fetches less of the source.
    ShallowClone(Vec<usize>),
    /// A job is split into this many.
    Shard {
        /// Which.
        job: usize,
        /// Into how many.
        parts: u32,
    },
    /// Runs that are superseded or double do not happen: this share of all, where it
    /// can be told from history.
    FewerRuns,
}

/// Times of past runs.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Runs, oldest first.
    pub runs: Vec<Run>,
}

/// One run's jobs.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Its jobs.
    pub jobs: Vec<JobTime>,
}

/// One job's time in one run.
#[derive(Debug, Clone, PartialEq)]
pub struct JobTime {
    /// As the pipeline or its display name names it; copies of a matrix as the host
    /// writes them.
    pub name: String,
    /// Seconds it waited for a runner, once it could start.
    pub queue: f64,
    /// Seconds it ran.
    pub seconds: f64,
    /// Seconds of its steps by name, in order, where they are known.
    pub steps: Vec<(String, f64)>,
    /// Whether it succeeded.
    pub succeeded: bool,
}
