//! Which jobs of the written file are those of the source.

use std::collections::HashSet;

use super::squeezed;
use crate::pipeline::graph::{self, Pipeline};

/// Whether a job of the written file is the one with this portable id.
pub(in crate::pipeline::convert) fn is(one: &graph::Job, id: &str, source: &graph::Job) -> bool {
    let (id, own) = (squeezed(id), squeezed(&one.id));
    let title = one.name.as_ref().map(|name| squeezed(&name.value));
    let wanted = squeezed(source.title());
    own == id
        // What is a word of the platform becomes a name: `default-job`.
        || own.strip_suffix("job") == Some(id.as_str())
        // Cells stand under the job's id or its title, with the cell's name behind.
        || source.matrix.is_some()
            && (own.contains(&id)
                || !wanted.is_empty()
                    && (own.starts_with(&wanted)
                        || title.as_ref().is_some_and(|title| title.starts_with(&wanted))))
        || own.ends_with(&id)
        || title.as_deref() == Some(id.as_str())
        || !wanted.is_empty()
            && (own == wanted
                || own.ends_with(&wanted)
                || title.as_deref() == Some(wanted.as_str()))
}

pub(in crate::pipeline::convert) fn places<'t>(
    target: &'t Pipeline,
    id: &'t str,
    source: &'t graph::Job,
) -> impl Iterator<Item = &'t graph::Job> {
    target.jobs.iter().filter(move |one| is(one, id, source))
}

pub(in crate::pipeline::convert) fn ancestors(pipeline: &Pipeline) -> Vec<HashSet<usize>> {
    pipeline
        .jobs
        .iter()
        .map(|job| {
            let mut seen = HashSet::new();
            let mut todo: Vec<usize> = job.needs.iter().map(|need| need.job).collect();
            while let Some(at) = todo.pop() {
                if seen.insert(at)
                    && let Some(job) = pipeline.jobs.get(at)
                {
                    todo.extend(job.needs.iter().map(|need| need.job));
                }
            }
            seen
        })
        .collect()
}
