//! Which step of a job writes an output, and which build is the one that is handed on:
//! where steps have names, no two may have the same.

use super::super::super::{Action, ImageBuild, Job, Part, Step};
use super::lower;

fn writes(job: &Job, step: &Step) -> bool {
    let lowered = lower(&step.action, job);
    lowered.is_some_and(|made| made.script.references().any(|part| *part == Part::OutputFile))
}

/// Which of the job's steps that write outputs this is, from 1; `None` for one that
/// writes none. The step has to be one of the job's own.
pub fn writer(job: &Job, step: &Step) -> Option<usize> {
    let mut writers = job.all_steps().filter(|step| writes(job, step));
    writers.position(|one| std::ptr::eq(one, step)).map(|at| at + 1)
}

/// Which of the job's steps that write outputs writes this one, from 1: the first that
/// names it, else the first; `None` where no step writes any.
pub fn writer_of(job: &Job, output: &str) -> Option<usize> {
    let wanted = format!("{output}=");
    let names = |step: &Step| {
        let lowered = lower(&step.action, job);
        lowered.is_some_and(|made| made.script.render(|_| String::new()).contains(&wanted))
    };
    let mut writers = job.all_steps().filter(|step| writes(job, step)).peekable();
    writers.peek()?;
    Some(writers.position(names).map_or(1, |at| at + 1))
}

/// Whether this build of the job is the one that other jobs read as its image: the first
/// that is pushed, else the first.
pub fn is_handed_on(job: &Job, build: &ImageBuild) -> bool {
    let first = || {
        job.all_steps().find_map(|step| match &step.action {
            Action::BuildImage(build) => Some(build),
            _ => None,
        })
    };
    job.pushed_image().or_else(first).is_some_and(|one| one == build)
}

/// Whether an equal build stands before this step: its image is handed on already.
pub fn is_repeated(job: &Job, step: &Step) -> bool {
    let before = job.all_steps().take_while(|one| !std::ptr::eq(*one, step));
    matches!(step.action, Action::BuildImage(_))
        && before.into_iter().any(|one| one.action == step.action)
}
