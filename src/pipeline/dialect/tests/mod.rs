//! What holds for the graphs of real files, whatever their dialect.

mod graphs;
mod real;

use std::path::PathBuf;

use crate::pipeline::Platform;
use crate::pipeline::graph::{Pipeline, Span};

/// Real files of a platform: name and text. Empty where they are not at hand.
fn files(platform: Platform) -> Vec<(String, String)> {
    let shared = std::env::var_os("PIPEWRIGHT_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("data/pipelines").join(platform.as_str());
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: no pipelines in {}", folder.display());
        return Vec::new();
    };
    let mut files: Vec<(String, String)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some((name, std::fs::read_to_string(path).ok()?))
        })
        .collect();
    files.sort();
    files
}

/// Every span of a graph.
fn spans(pipeline: &Pipeline) -> Vec<Span> {
    let mut all: Vec<Span> = Vec::new();
    all.extend(pipeline.triggers.iter().map(|one| one.span));
    all.extend(pipeline.stages.iter().map(|one| one.span));
    all.extend(pipeline.entries.iter().map(|one| one.span));
    all.extend(pipeline.env.iter().map(|one| one.span));
    all.extend(pipeline.unread.iter().map(|one| one.span));
    all.extend(pipeline.name.iter().map(|one| one.span));
    all.extend(pipeline.concurrency.iter().map(|one| one.span));
    for job in &pipeline.jobs {
        all.extend([job.span, job.key_span]);
        all.extend(job.needs_span.into_iter().chain(job.runner.span));
        all.extend(job.needs.iter().filter_map(|need| need.span));
        for at in [&job.name, &job.image, &job.environment, &job.condition, &job.calls] {
            all.extend(at.iter().map(|at| at.span));
        }
        all.extend(job.env.iter().map(|one| one.span));
        all.extend(job.reads.iter().chain(&job.writes).map(|one| one.span));
        all.extend(job.matrix.iter().map(|one| one.span));
        all.extend(job.timeout.iter().map(|one| one.span));
        all.extend(job.concurrency.iter().map(|one| one.span));
        for step in &job.steps {
            all.push(step.span);
            all.extend(step.script.iter().map(|one| one.span));
            all.extend(step.condition.iter().map(|one| one.span));
            if let Some(uses) = &step.uses {
                all.push(uses.span);
                all.extend(uses.inputs.iter().map(|(_, at)| at.span));
            }
        }
    }
    all
}
