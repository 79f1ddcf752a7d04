//! What waits for what, once all stages and jobs are known.

use std::collections::{HashMap, HashSet};

use super::Reader;
use super::expression::Dependency;
use crate::pipeline::graph::{Access, Need, NeedKind, Resource};

/// Jobs by their stage and name, and stages by name, in lower case.
struct Names {
    jobs: HashMap<(Option<usize>, String), Vec<usize>>,
    stages: HashMap<String, Vec<usize>>,
}

/// Fills the edges of stages and jobs, and what they read of each other.
pub(super) fn link(reader: &mut Reader<'_>) {
    let mut names = Names { jobs: HashMap::new(), stages: HashMap::new() };
    for (index, link) in reader.stage_links.iter().enumerate() {
        names.stages.entry(link.name.clone()).or_default().push(index);
    }
    for (index, (job, link)) in reader.pipeline.jobs.iter().zip(&reader.links).enumerate() {
        if !link.name.is_empty() {
            names.jobs.entry((job.stage, link.name.clone())).or_default().push(index);
        }
    }
    stages(reader, &names);
    jobs(reader, &names);
    between(reader);
    reads(reader, &names);
}

/// Stages wait for those they name, else for the one before.
fn stages(reader: &mut Reader<'_>, names: &Names) {
    for (index, link) in reader.stage_links.iter().enumerate() {
        let needs: Vec<usize> = match &link.depends {
            None => index.checked_sub(1).into_iter().collect(),
            Some(named) => {
                let found = named
                    .iter()
                    .filter_map(|(name, _)| names.stages.get(&name.to_ascii_lowercase()));
                found.flatten().copied().collect()
            }
        };
        if let Some(stage) = reader.pipeline.stages.get_mut(index) {
            stage.needs = needs;
        }
    }
}

/// Jobs wait for those of their stage that they name.
fn jobs(reader: &mut Reader<'_>, names: &Names) {
    for (job, link) in reader.pipeline.jobs.iter_mut().zip(&reader.links) {
        for (name, span) in link.depends.iter().flatten() {
            let found = names.jobs.get(&(job.stage, name.to_ascii_lowercase()));
            for place in found.into_iter().flatten() {
                job.needs.push(Need {
                    job: *place,
                    kind: NeedKind::Explicit,
                    span: Some(*span),
                    optional: false,
                    artifacts: false,
                });
            }
        }
    }
}

/// The first jobs of a stage wait for the last ones of the stages it waits for.
fn between(reader: &mut Reader<'_>) {
    let pipeline = &mut reader.pipeline;
    let mut waited: HashSet<usize> = HashSet::new();
    for job in &pipeline.jobs {
        waited.extend(job.needs.iter().map(|need| need.job));
    }
    let mut last: Vec<Vec<usize>> = vec![Vec::new(); pipeline.stages.len()];
    let mut filled = vec![false; pipeline.stages.len()];
    for (index, job) in pipeline.jobs.iter().enumerate() {
        let Some(stage) = job.stage else { continue };
        if let Some(filled) = filled.get_mut(stage) {
            *filled = true;
        }
        if let Some(list) = last.get_mut(stage).filter(|_| !waited.contains(&index)) {
            list.push(index);
        }
    }
    let before: Vec<Vec<usize>> = (0..pipeline.stages.len())
        .map(|stage| {
            // Through stages without jobs.
            let mut seen = HashSet::new();
            let needs = |stage: usize| pipeline.stages.get(stage).map(|one| one.needs.as_slice());
            let mut todo: Vec<usize> = needs(stage).unwrap_or_default().to_vec();
            let mut found = Vec::new();
            while let Some(one) = todo.pop() {
                if one == stage || !seen.insert(one) {
                    continue;
                }
                if filled.get(one) == Some(&true) {
                    found.extend(last.get(one).into_iter().flatten().copied());
                } else {
                    todo.extend(needs(one).unwrap_or_default());
                }
            }
            found.sort_unstable();
            found
        })
        .collect();
    for job in pipeline.jobs.iter_mut().filter(|job| job.needs.is_empty()) {
        let before = job.stage.and_then(|stage| before.get(stage));
        job.needs.extend(before.into_iter().flatten().map(|place| Need {
            job: *place,
            kind: NeedKind::Stage,
            span: None,
            optional: false,
            artifacts: false,
        }));
    }
}

/// Outputs and results of others that expressions name.
fn reads(reader: &mut Reader<'_>, names: &Names) {
    let ids: Vec<String> = reader.pipeline.jobs.iter().map(|job| job.id.clone()).collect();
    for (job, link) in reader.pipeline.jobs.iter_mut().zip(&reader.links) {
        let mut all: Vec<_> = link.reads.iter().collect();
        if let Some(stage) = job.stage.and_then(|stage| reader.stage_links.get(stage)) {
            all.extend(&stage.reads);
        }
        for (dependency, span) in all {
            for what in resources(dependency, job.stage, names, &ids) {
                let access = Access { what, span: *span };
                if !job.reads.contains(&access) {
                    job.reads.push(access);
                }
            }
        }
    }
}

fn resources(
    one: &Dependency,
    stage: Option<usize>,
    names: &Names,
    ids: &[String],
) -> Vec<Resource> {
    let find = |stage: Option<usize>, name: &str| -> Vec<String> {
        let found = names.jobs.get(&(stage, name.to_ascii_lowercase()));
        found.into_iter().flatten().filter_map(|place| ids.get(*place).cloned()).collect()
    };
    let stage_of = |name: &str| {
        names.stages.get(&name.to_ascii_lowercase()).and_then(|list| list.first().copied())
    };
    let mut parts: Vec<&str> = one.output.iter().flat_map(|output| output.split('.')).collect();
    let mut found = match &one.stage {
        Some(named) => stage_of(named).map(|at| find(Some(at), &one.name)).unwrap_or_default(),
        None => find(stage, &one.name),
    };
    let mut written = match &one.stage {
        Some(stage) => format!("{stage}.{}", one.name),
        None => one.name.clone(),
    };
    // In a stage's condition, `dependencies` names a stage and the output its job.
    if found.is_empty()
        && one.stage.is_none()
        && let Some(at) = stage_of(&one.name)
    {
        if parts.len() > 2 {
            let job = parts.remove(0);
            found = find(Some(at), job);
            written = format!("{}.{job}", one.name);
        } else if one.output.is_none() {
            let jobs = names.jobs.iter().filter(|((stage, _), _)| *stage == Some(at));
            let mut places: Vec<usize> = jobs.flat_map(|(_, list)| list).copied().collect();
            places.sort_unstable();
            found = places.iter().filter_map(|place| ids.get(*place).cloned()).collect();
        }
    }
    if found.is_empty() {
        found.push(written);
    }
    // A deployment's outputs have the hook or job before the step.
    let from = parts.len().saturating_sub(2);
    let name = parts.get(from..).unwrap_or_default().join(".");
    let made = |id: String| match one.output {
        Some(_) => Resource::Output(id, name.clone()),
        None => Resource::Status(id),
    };
    found.into_iter().map(made).collect()
}
