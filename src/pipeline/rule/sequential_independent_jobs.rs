//! Jobs that wait for others and need nothing of them.

use super::order::{self, Node, Slot};
use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::File;
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Job, NeedKind, Seg};
use crate::pipeline::groovy;
use crate::pipeline::independence::{Facts, fails_fast, title};
use crate::pipeline::platform::Platform;
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "sequential-independent-jobs",
    title: "A job waits for another and needs nothing of it",
    doc: "\
A job that waits for another adds that one's time to its own. Where it reads nothing that the \
other leaves, both can start at once, and the run is done sooner.

An edge goes only where it is proven idle: the job reads no output, artifact, variables, cache, \
image, package or workspace of the other, no condition asks how the other ended, and every step of \
both is known and changes nothing outside. What deploys, publishes, pushes, waits for a person, \
runs in an environment or calls another pipeline never loses an edge, and what waits for such a job \
keeps waiting.

**Fix.** GitHub: `needs` is narrowed. GitLab: `needs: []`, or the jobs that count. Azure: \
`dependsOn: []` at the job or the stage. Jenkins: a stage with `failFast true` and `parallel`. \
Bitbucket and Harness: a `parallel` group. Whatever deploys or publishes later goes on waiting for \
every job it waited for, by a `needs` of its own where the way there is cut.

**Only a suggestion** where the job runs many times or on a dear machine and the other is a cheap \
check in front of it, or where it runs on the project's own machines.

**Silent** where a step is unknown, a job is skipped with the other, or Jenkins' stages share one \
workspace.",
    group: Group::Performance,
    severity: Severity::Medium,
    fix: FixKind::Proven,
    platforms: &Platform::ALL,
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let file = context.file;
    if file.pipeline.jobs.len() < 2 {
        return;
    }
    let facts = Facts::of(&file.pipeline);
    match file.pipeline.platform {
        Platform::GitHub | Platform::GitLab => jobs(file, &facts, hits),
        Platform::Azure => {
            jobs(file, &facts, hits);
            stages(file, &facts, hits);
        }
        Platform::Bitbucket | Platform::Harness | Platform::Jenkins => lists(file, &facts, hits),
    }
}

/// Whether a job and its needs are written in the file itself, in a place of its own.
fn is_local(job: &Job) -> bool {
    job.key_span.file == 0 && !job.path.is_empty()
}

fn jobs(file: &File, facts: &Facts<'_>, hits: &mut Vec<Hit>) {
    let pipeline = &file.pipeline;
    let gitlab = pipeline.platform == Platform::GitLab;
    let needs: Vec<Vec<usize>> = if gitlab {
        pipeline.jobs.iter().map(|job| job.needs.iter().map(|need| need.job).collect()).collect()
    } else {
        order::written_needs(&pipeline.jobs)
    };
    let stage = |job: usize| pipeline.jobs.get(job).and_then(|job| job.stage);
    let special = |job: usize| {
        let id =
            stage(job).and_then(|stage| pipeline.stages.get(stage)).map_or("", |s| s.id.as_str());
        id == ".pre" || id == ".post"
    };
    let edited = |job: usize| {
        pipeline
            .jobs
            .get(job)
            .is_some_and(|job| is_local(job) && (gitlab || order::is_own(file, job)))
    };
    let movable = |job: usize| facts.bound(job).is_none() && edited(job) && !special(job);
    let required = |job: usize, on: usize| special(on) || facts.holds(job, on).is_some();
    let Some(mut after) = order::relax(&needs, movable, required) else { return };
    if gitlab {
        keep_stages(file, &needs, &mut after, &movable);
    }
    let mut ops = Vec::new();
    let mut moved: Vec<(usize, usize)> = Vec::new();
    for (place, (old, new)) in needs.iter().zip(&after).enumerate() {
        let Some(job) = pipeline.jobs.get(place) else { continue };
        let same = old.len() == new.needs.len() && old.iter().all(|on| new.needs.contains(on));
        if same {
            continue;
        }
        if movable(place)
            && let Some(lost) = old.iter().find(|on| !new.ancestors.has(**on))
        {
            moved.push((place, *lost));
        }
        let mut named: Vec<usize> = new.needs.clone();
        if old.len() < 2 {
            named.sort_unstable();
        }
        let names: Vec<String> = named
            .iter()
            .filter_map(|on| pipeline.jobs.get(*on))
            .map(|on| order::known_as(pipeline.platform, on))
            .collect();
        // What is named must be there whenever this job is.
        let fits = !gitlab
            || new.needs.iter().filter(|on| !old.contains(on) || job.needs_span.is_none()).all(
                |on| {
                    let other = pipeline.jobs.get(*on).and_then(|on| on.condition.as_ref());
                    other.is_none_or(|at| {
                        job.condition.as_ref().is_some_and(|own| own.value == at.value)
                    })
                },
            );
        let empty = pipeline.platform != Platform::GitHub;
        match order::write(file, &job.path, &names, empty).filter(|_| edited(place) && fits) {
            Some(more) => ops.push(more),
            None => {
                // All or nothing: the order would be cut somewhere.
                ops.clear();
                push(file, facts, &moved, None, hits);
                return;
            }
        }
    }
    // `dependencies` must stand in `needs`; what is inherited is not seen here.
    let hidden = gitlab && file.text.contains("dependencies:");
    let ops: Vec<Op> = ops.into_iter().flatten().collect();
    push(file, facts, &moved, (!ops.is_empty() && !hidden).then_some(ops), hits);
}

/// GitLab's jobs without `needs` wait for all earlier stages whatever the jobs there
/// name, so that they need no edges of their own.
fn keep_stages(
    file: &File,
    needs: &[Vec<usize>],
    after: &mut [Node],
    movable: &impl Fn(usize) -> bool,
) {
    for (place, job) in file.pipeline.jobs.iter().enumerate() {
        let implied =
            job.needs_span.is_none() && job.needs.iter().all(|n| n.kind == NeedKind::Stage);
        if let (true, Some(old), Some(new)) = (implied, needs.get(place), after.get_mut(place)) {
            let free = movable(place);
            // A job that loses nothing keeps the order of stages.
            if !free || old.iter().all(|on| new.ancestors.has(*on)) {
                new.needs.clone_from(old);
            }
        }
    }
}

/// Azure's stages.
fn stages(file: &File, facts: &Facts<'_>, hits: &mut Vec<Hit>) {
    let pipeline = &file.pipeline;
    if pipeline.stages.len() < 2 {
        return;
    }
    let mut jobs: Vec<Vec<usize>> = vec![Vec::new(); pipeline.stages.len()];
    for (place, job) in pipeline.jobs.iter().enumerate() {
        if let Some(list) = job.stage.and_then(|stage| jobs.get_mut(stage)) {
            list.push(place);
        }
    }
    let of = |stage: usize| jobs.get(stage).map_or(&[][..], Vec::as_slice);
    let needs: Vec<Vec<usize>> = pipeline.stages.iter().map(|stage| stage.needs.clone()).collect();
    let plain = |stage: usize| {
        pipeline.stages.get(stage).is_some_and(|stage| {
            stage.span.file == 0
                && !stage.path.is_empty()
                && stage.condition.as_ref().is_none_or(|at| at.value.trim() == "succeeded()")
        })
    };
    let unread = pipeline.unread.iter().any(|unread| unread.span.file == 0);
    if unread {
        return;
    }
    let movable = |stage: usize| {
        plain(stage)
            && !of(stage).is_empty()
            && of(stage).iter().all(|job| {
                facts.bound(*job).is_none()
                    && pipeline.jobs.get(*job).is_some_and(|job| !job.shared)
            })
    };
    let required = |stage: usize, on: usize| {
        !plain(on)
            || of(on).is_empty()
            || of(stage)
                .iter()
                .any(|job| of(on).iter().any(|other| facts.holds(*job, *other).is_some()))
    };
    let Some(after) = order::relax(&needs, movable, required) else { return };
    let mut ops = Vec::new();
    let mut moved = Vec::new();
    for (place, (old, new)) in needs.iter().zip(&after).enumerate() {
        let Some(stage) = pipeline.stages.get(place) else { continue };
        let same = old.len() == new.needs.len() && old.iter().all(|on| new.needs.contains(on));
        if same {
            continue;
        }
        if movable(place)
            && let Some(lost) = old.iter().find(|on| !new.ancestors.has(**on))
            && let (Some(job), Some(other)) = (of(place).first(), of(*lost).first())
        {
            moved.push((*job, *other));
        }
        let mut named = new.needs.clone();
        named.sort_unstable();
        let names: Vec<String> = named
            .iter()
            .filter_map(|on| pipeline.stages.get(*on))
            .map(|stage| stage.id.clone())
            .collect();
        match order::write(file, &stage.path, &names, true).filter(|_| stage.span.file == 0) {
            Some(more) => ops.extend(more),
            None => {
                push(file, facts, &moved, None, hits);
                return;
            }
        }
    }
    push(file, facts, &moved, (!ops.is_empty()).then_some(ops), hits);
}

/// Steps and stages that run in the order of the file.
fn lists(file: &File, facts: &Facts<'_>, hits: &mut Vec<Hit>) {
    for list in order::slots(file) {
        let mut run: Vec<&Slot> = Vec::new();
        for slot in &list {
            if joins(file, facts, &run, slot) {
                run.push(slot);
                continue;
            }
            group(file, facts, &run, hits);
            run.clear();
            if joins(file, facts, &run, slot) {
                run.push(slot);
            }
        }
        group(file, facts, &run, hits);
    }
}

/// Whether an item may stand beside those of a run.
fn joins(file: &File, facts: &Facts<'_>, run: &[&Slot], slot: &Slot) -> bool {
    let [job] = slot.jobs.as_slice() else { return false };
    let follows = run.last().is_none_or(|last| last.index + 1 == slot.index);
    let local = file.pipeline.jobs.get(*job).is_some_and(is_local);
    follows
        && local
        && slot.single
        && facts.bound(*job).is_none()
        && facts.relied(*job).is_none()
        && run.iter().flat_map(|one| &one.jobs).all(|on| facts.holds(*job, *on).is_none())
}

fn group(file: &File, facts: &Facts<'_>, run: &[&Slot], hits: &mut Vec<Hit>) {
    let [first, rest @ ..] = run else { return };
    let (Some(on), Some(last)) = (first.jobs.first(), rest.last()) else { return };
    let moved: Vec<(usize, usize)> =
        rest.iter().flat_map(|slot| &slot.jobs).map(|job| (*job, *on)).collect();
    let ops = match file.pipeline.platform {
        Platform::Jenkins => {
            let path = |slot: &&Slot| {
                let mut path = slot.list.clone();
                path.push(Seg::Index(slot.index));
                path
            };
            let paths: Vec<_> = run.iter().map(path).collect();
            groovy::write::parallelise(&file.text, &paths)
        }
        _ => grouped(file, first, last),
    };
    push(file, facts, &moved, ops, hits);
}

/// The items of a run as one item of the platform's form. `None` where they come from
/// elsewhere.
fn grouped(file: &File, first: &Slot, last: &Slot) -> Option<Vec<Op>> {
    let tree = &file.tree;
    let items = tree.items(tree.resolve(order::node_at(tree, &first.list)?));
    items.get(first.index..=last.index)?;
    let (keys, beside) = match file.pipeline.platform {
        Platform::Bitbucket => (vec!["parallel", "steps"], vec![("fail-fast", Value::Bool(true))]),
        _ => (vec!["parallel"], Vec::new()),
    };
    let (from, to) = (first.index, last.index + 1);
    Some(vec![Op::Wrap { at: first.list.clone(), from, to, keys, beside }])
}

/// One finding for all that may start sooner, with one fix for all of it.
fn push(
    file: &File,
    facts: &Facts<'_>,
    moved: &[(usize, usize)],
    ops: Option<Vec<Op>>,
    hits: &mut Vec<Hit>,
) {
    let jobs = &file.pipeline.jobs;
    let Some((job, on)) = moved.first().copied() else { return };
    let (Some(one), Some(other)) = (jobs.get(job), jobs.get(on)) else { return };
    let (a, b) = (title(one), title(other));
    let more = match moved.len() - 1 {
        0 => String::new(),
        1 => ", and so does one more job".to_owned(),
        count => format!(", and so do {count} more jobs"),
    };
    let doubts: Vec<String> = moved
        .iter()
        .filter_map(|(job, on)| {
            let one = jobs.get(*job)?;
            if one.runner.self_hosted {
                return Some(format!("`{}` runs on the project's own machines", title(one)));
            }
            fails_fast(&file.pipeline, *job, *on)
        })
        .collect();
    let mut proof: Vec<String> = Vec::new();
    for (job, on) in moved.iter().take(5) {
        if let (Some(one), Some(other)) = (jobs.get(*job), jobs.get(*on)) {
            for sentence in facts.sentences(one, other) {
                if !proof.contains(&sentence) {
                    proof.push(sentence);
                }
            }
        }
    }
    proof.push("Every job that deploys, publishes or waits for a person still waits for all it waited for.".to_owned());
    let why = match doubts.first() {
        None => format!(
            "`{a}` reads nothing that `{b}` leaves, so that both can start at once and the run is done sooner."
        ),
        Some(doubt) => format!(
            "`{a}` reads nothing that `{b}` leaves, so that both could start at once. {doubt}: weigh the time against the cost."
        ),
    };
    let names: Vec<String> = moved
        .iter()
        .filter_map(|(job, _)| jobs.get(*job))
        .map(|job| format!("`{}`", title(job)))
        .collect();
    hits.push(Hit {
        span: one
            .needs
            .iter()
            .find(|need| need.job == on)
            .and_then(|need| need.span)
            .unwrap_or(one.key_span),
        title: format!("Job `{a}` waits for `{b}` and needs nothing of it{more}"),
        why,
        severity: None,
        confidence: if doubts.is_empty() { 0.9 } else { 0.6 },
        fix: ops.map(|ops| Fix {
            title: format!("Let {} start at once", names.join(", ")),
            ops,
            safe: doubts.is_empty(),
            proof,
        }),
        effect: None,
    });
}

#[cfg(test)]
#[path = "sequential_independent_jobs/handed_on.rs"]
mod handed_on;
#[cfg(test)]
#[path = "sequential_independent_jobs/tests.rs"]
mod tests;
