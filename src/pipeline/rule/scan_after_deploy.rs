//! Scans that run once everything is delivered, or that nobody has to heed.

use std::collections::{BTreeMap, BTreeSet};

use super::order::{self, Slot};
use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Job, JobKind, Phase, Pipeline, Resource, Seg};
use crate::pipeline::independence::{Facts, closure, tie, title};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does, ScanTarget};
use crate::pipeline::yaml::Style;
use crate::pipeline::yaml::value::Value;
use crate::pipeline::{File, groovy};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "scan-after-deploy",
    title: "A security scan runs only after the deployment",
    doc: "\
A scan of the source or of the image that runs behind the deployment tells what is wrong once it \
is delivered. Before it, the same scan keeps it from being delivered.

**Fix.** The scan takes the place of the deployment in the order: it waits for what the deployment \
waited for (the image, where it scans one), and the deployment waits for the scan. GitHub: `needs`. \
GitLab: the order of `stages` and `needs`. Azure: `dependsOn` of jobs or stages. Bitbucket, \
Harness, Jenkins: the step or stage moves in front. What waited for the scan goes on waiting for \
the deployment too. Whether the scan fails the run is not changed.

**Silent** for what has to follow a deployment: scans of a running service (ZAP, Nuclei, …), smoke \
and health tests, and scans between a trial environment and production.

**No fix** where the scan reads something that the deployment leaves, scans an image that the \
deploying job builds itself, has a condition of its own, or has steps that are not known.",
    group: Group::Delivery,
    severity: Severity::Medium,
    fix: FixKind::Proven,
    platforms: &Platform::ALL,
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let file = context.file;
    let pipeline = &file.pipeline;
    let deploys: Vec<bool> = pipeline.jobs.iter().map(is_deployment).collect();
    if !deploys.contains(&true) {
        return;
    }
    let facts = Facts::of(pipeline);
    let mut late: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, job) in pipeline.jobs.iter().enumerate() {
        if deploys.get(place) == Some(&true) || !scans(job) {
            continue;
        }
        let before: Vec<usize> = facts
            .ancestors(place)
            .into_iter()
            .flat_map(|set| set.iter())
            .filter(|on| deploys.get(*on) == Some(&true))
            .collect();
        if !before.is_empty() && !between(pipeline, &facts, place, &before, &deploys) {
            late.insert(place, before);
        }
    }
    let doubt = late.iter().find_map(|(scan, before)| doubt(pipeline, *scan, before));
    let fix = match doubt {
        None => mend(file, &facts, &late),
        Some(_) => None,
    };
    let mut fix = fix.map(|(ops, safe)| Fix {
        title: "Scan before deploying".to_owned(),
        ops,
        safe,
        proof: vec![
            if safe {
                "The scan is not seen to read anything that the deployment leaves.".to_owned()
            } else {
                "The scan and the deployment work in one workspace: look whether the scan reads files that the deployment makes.".to_owned()
            },
            "The scan waits for all that the deployment waited for, and the deployment for the scan."
                .to_owned(),
            "What waited for the scan goes on waiting for the deployment too.".to_owned(),
        ],
    });
    for (scan, before) in &late {
        let (Some(job), Some(on)) =
            (pipeline.jobs.get(*scan), before.first().and_then(|on| pipeline.jobs.get(*on)))
        else {
            continue;
        };
        let (a, b) = (title(job), title(on));
        let advice = match (&doubt, late.len()) {
            (Some(why), _) => format!("Move it by hand: {why}."),
            (None, 2..) => "All scans of this file move at once.".to_owned(),
            (None, _) => format!("Let `{b}` wait for it."),
        };
        hits.push(Hit {
            span: job.key_span,
            title: format!("`{a}` looks for weaknesses only after `{b}` has delivered them"),
            why: format!(
                "What the scan finds is in use by then. It looks at {}, which is there before. {advice}",
                looked_at(job)
            ),
            severity: None,
            confidence: 0.9,
            fix: fix.take(),
            effect: None,
        });
    }
    for job in &pipeline.jobs {
        within(job, hits);
    }
}

/// Whether a job delivers and is no scan with an environment.
fn is_deployment(job: &Job) -> bool {
    job.kind == JobKind::Work
        && words::is_deploy(job)
        && !only_decides(job)
        && (!scans(job) || words::main_does(job).any(|does| matches!(does, Does::Deploy(_))))
}

/// Whether a job has the name of a deployment that it decides about or makes ready
/// (`deploy-gate`), and does nothing that is known to deploy.
fn only_decides(job: &Job) -> bool {
    let name = job.id.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let decides = |word: &str| {
        matches!(
            word,
            "gate" | "decide" | "decision" | "check" | "plan" | "changes" | "config" | "matrix"
        )
    };
    job.environment.is_none()
        && words.any(decides)
        && !words::main_does(job).any(|does| matches!(does, Does::Deploy(_)))
}

/// Whether a job scans what is there before a deployment, and nothing that runs.
fn scans(job: &Job) -> bool {
    let looks = |target: ScanTarget| {
        words::main_does(job)
            .any(|does| matches!(does, Does::Scan { target: known, .. } if *known == target))
    };
    let runs = words::main_does(job).any(|does| *does == Does::HealthCheck);
    (looks(ScanTarget::Source) || looks(ScanTarget::Image)) && !looks(ScanTarget::Live) && !runs
}

fn looked_at(job: &Job) -> &'static str {
    let image = words::main_does(job)
        .any(|does| matches!(does, Does::Scan { target: ScanTarget::Image, .. }));
    if image { "an image" } else { "the source" }
}

/// Whether all deployments before a scan are to trial environments and another one
/// waits for the scan.
fn between(
    pipeline: &Pipeline,
    facts: &Facts<'_>,
    scan: usize,
    before: &[usize],
    deploys: &[bool],
) -> bool {
    let trial = |job: &usize| {
        pipeline.jobs.get(*job).is_some_and(|job| {
            let environment = job.environment.as_ref().map_or("", |at| at.value.as_str());
            let text = format!("{environment} {}", title(job)).to_ascii_lowercase();
            let words = [
                "dev",
                "development",
                "test",
                "testing",
                "stage",
                "staging",
                "qa",
                "preview",
                "review",
                "uat",
                "sandbox",
                "preprod",
            ];
            text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| words.contains(&word))
        })
    };
    before.iter().all(trial)
        && (0..pipeline.jobs.len()).any(|other| {
            deploys.get(other) == Some(&true)
                && facts.ancestors(other).is_some_and(|set| set.has(scan))
        })
}

/// Why a scan is not moved; the end of a sentence.
fn doubt(pipeline: &Pipeline, scan: usize, before: &[usize]) -> Option<String> {
    let job = pipeline.jobs.get(scan)?;
    let name = title(job);
    if job.manual || job.environment.is_some() {
        return Some(format!("`{name}` is started by a person or has an environment"));
    }
    if words::main_does(job).any(|does| matches!(does, Does::Publish(_) | Does::PushImage(_))) {
        return Some(format!("`{name}` publishes too"));
    }
    for step in &job.steps {
        let reading = words::step(pipeline.platform, job, step);
        if let Some(unknown) = reading.unknown.first() {
            return Some(format!("nothing is known of what `{unknown}` does in `{name}`"));
        }
    }
    for on in before {
        let other = pipeline.jobs.get(*on)?;
        if let Some(at) = &job.condition
            && other.condition.as_ref().is_none_or(|own| own.value != at.value)
            && pipeline.platform != Platform::Bitbucket
        {
            return Some(format!("`{name}` has a condition of its own"));
        }
        if let Some(why) = tie(pipeline, scan, *on).filter(|_| reads_of(pipeline, scan, *on)) {
            return Some(why);
        }
        let builds = words::job_does(other).any(|does| matches!(does, Does::BuildImage(_)));
        let pushed = pipeline.jobs.iter().any(|from| {
            from.id != other.id
                && from.writes.iter().any(|written| {
                    matches!(&written.what, Resource::Image(name) if job.reads.iter().any(|read| {
                        matches!(&read.what, Resource::Image(own) if own == name)
                    }))
                })
        });
        if builds && looked_at(job) == "an image" && !pushed {
            return Some(format!("`{}` builds the image itself", title(other)));
        }
    }
    None
}

/// Whether a scan reads of a deployment more than that it was there and the files
/// around it.
fn reads_of(pipeline: &Pipeline, scan: usize, on: usize) -> bool {
    let (Some(job), Some(other)) = (pipeline.jobs.get(scan), pipeline.jobs.get(on)) else {
        return true;
    };
    let idle = |what: &Resource| {
        matches!(what, Resource::Environment(_) | Resource::Workspace(_) | Resource::Cache(_))
    };
    let mut one = job.clone();
    one.reads.retain(|access| !idle(&access.what));
    let mut pipeline = Pipeline::new(pipeline.platform);
    pipeline.jobs = vec![one, other.clone()];
    tie(&pipeline, 0, 1).is_some()
}

/// All scans moved in front of the deployments before them; whether unread.
fn mend(
    file: &File,
    facts: &Facts<'_>,
    late: &BTreeMap<usize, Vec<usize>>,
) -> Option<(Vec<Op>, bool)> {
    if late.is_empty() {
        return None;
    }
    let jobs = &file.pipeline.jobs;
    let local = |place: &usize| {
        jobs.get(*place).is_some_and(|job| job.key_span.file == 0 && !job.path.is_empty())
    };
    if !late.iter().all(|(scan, before)| local(scan) && before.iter().all(local)) {
        return None;
    }
    match file.pipeline.platform {
        Platform::GitHub => needs(file, late).map(|ops| (ops, true)),
        Platform::GitLab => gitlab(file, late).map(|ops| (ops, true)),
        Platform::Azure => azure(file, late).map(|ops| (ops, true)),
        Platform::Bitbucket | Platform::Harness | Platform::Jenkins => {
            let (scan, before) = late.iter().next().filter(|_| late.len() == 1)?;
            moved(file, facts, *scan, before)
        }
    }
}

/// New edges: each scan in the place of the deployments before it, each deployment
/// behind the scans, and all others behind all they waited for.
fn rewired(old: &[Vec<usize>], late: &[(usize, Vec<usize>)]) -> Option<Vec<Vec<usize>>> {
    let mut new = old.to_vec();
    for (scan, before) in late {
        let mut list: Vec<usize> = Vec::new();
        let mut todo: Vec<usize> = old.get(*scan)?.iter().rev().copied().collect();
        let mut seen = Vec::new();
        while let Some(on) = todo.pop() {
            if seen.contains(&on) {
                continue;
            }
            seen.push(on);
            if before.contains(&on) {
                todo.extend(old.get(on)?.iter().rev());
            } else if !list.contains(&on) {
                list.push(on);
            }
        }
        *new.get_mut(*scan)? = list;
    }
    let reach = closure(old);
    for (scan, before) in late {
        for on in before {
            // The first of the deployments is enough.
            let behind =
                reach.get(*on).is_some_and(|set| before.iter().any(|other| set.has(*other)));
            let list = new.get_mut(*on)?;
            if !behind && !list.contains(scan) {
                list.push(*scan);
            }
        }
    }
    let after = closure(&new);
    let moved: BTreeSet<usize> =
        late.iter().flat_map(|(scan, before)| before.iter().chain([scan])).copied().collect();
    let scans: BTreeSet<usize> = late.iter().map(|(scan, _)| *scan).collect();
    let touched = |node: usize| moved.contains(&node);
    for node in (0..old.len()).filter(|node| !touched(*node)) {
        let (all, kept) = (reach.get(node)?, after.get(node)?);
        let missing: Vec<usize> = all.iter().filter(|on| !kept.has(*on)).collect();
        let direct: Vec<usize> = missing
            .iter()
            .copied()
            .filter(|on| {
                !missing.iter().any(|other| after.get(*other).is_some_and(|set| set.has(*on)))
            })
            .collect();
        // Only where it waited for a scan by name; what follows it comes along.
        if old.get(node)?.iter().any(|on| scans.contains(on)) {
            new.get_mut(node)?.extend(direct);
        }
    }
    let after = closure(&new);
    let cyclic = after.iter().enumerate().any(|(node, set)| set.has(node));
    let lost = (0..old.len()).filter(|node| !touched(*node)).any(|node| {
        match (reach.get(node), after.get(node)) {
            (Some(all), Some(kept)) => all.iter().any(|on| !kept.has(on)),
            _ => true,
        }
    });
    (!cyclic && !lost).then_some(new)
}

fn pairs(late: &BTreeMap<usize, Vec<usize>>) -> Vec<(usize, Vec<usize>)> {
    late.iter().map(|(scan, before)| (*scan, before.clone())).collect()
}

/// Edits of `needs` or `dependsOn` of jobs.
fn needs(file: &File, late: &BTreeMap<usize, Vec<usize>>) -> Option<Vec<Op>> {
    let jobs = &file.pipeline.jobs;
    let old = order::written_needs(jobs);
    let new = rewired(&old, &pairs(late))?;
    let mut ops = Vec::new();
    for (place, (old, new)) in old.iter().zip(&new).enumerate() {
        if old == new {
            continue;
        }
        let job = jobs.get(place).filter(|job| order::is_own(file, job))?;
        let names: Vec<String> = new
            .iter()
            .filter_map(|on| jobs.get(*on))
            .map(|on| order::known_as(file.pipeline.platform, on))
            .collect();
        ops.extend(order::write(file, &job.path, &names, false)?);
    }
    Some(ops)
}

/// GitLab: the scans' stage moves in front of the deployments', and jobs that name
/// their needs name others.
fn gitlab(file: &File, late: &BTreeMap<usize, Vec<usize>>) -> Option<Vec<Op>> {
    let pipeline = &file.pipeline;
    let jobs = &pipeline.jobs;
    let mut ops = Vec::new();
    let mut moves: BTreeMap<usize, usize> = BTreeMap::new();
    for (scan, before) in late {
        let from = jobs.get(*scan)?.stage?;
        let first = before.iter().filter_map(|on| jobs.get(*on)?.stage).min()?;
        if from > first {
            let own = moves.entry(from).or_insert(first);
            *own = first.min(*own);
        } else {
            // One stage: its order comes from `needs` alone.
            let named =
                |place: &usize| jobs.get(*place).is_some_and(|job| job.needs_span.is_some());
            if !named(scan) || !before.iter().all(named) {
                return None;
            }
        }
    }
    let alone = |stage: usize| {
        jobs.iter()
            .enumerate()
            .filter(|(_, job)| job.stage == Some(stage))
            .all(|(place, _)| late.contains_key(&place))
    };
    let list = vec![Seg::Key("stages".to_owned())];
    let mut places: Vec<(usize, usize)> = Vec::new();
    let items = order::node_at(&file.tree, &list).map(|node| file.tree.resolve(node));
    for (from, to) in &moves {
        let place = |stage: usize| {
            let id = pipeline.stages.get(stage)?.id.as_str();
            let items = file.tree.items(items?);
            items.iter().position(|item| file.tree.text(*item) == Some(id))
        };
        let (from_item, to_item) = (place(*from)?, place(*to)?);
        if !alone(*from) {
            return None;
        }
        places.push((from_item, to_item));
    }
    // On one line there is no line to move.
    let flow = items.filter(|node| file.tree.style(*node) == Style::Flow);
    match (flow, places.as_slice()) {
        (Some(node), [(from, to)]) => {
            let mut names: Vec<String> = file
                .tree
                .items(node)
                .iter()
                .map(|item| file.tree.text(*item).map(str::to_owned))
                .collect::<Option<_>>()?;
            let name = (*from < names.len()).then(|| names.remove(*from))?;
            names.insert((*to).min(names.len()), name);
            ops.push(Op::Replace { at: list.clone(), value: Value::texts(names) });
        }
        (Some(_), [_, _, ..]) => return None,
        _ => ops.extend(places.iter().map(|(from, to)| Op::Move {
            at: list.clone(),
            from: *from,
            to: *to,
        })),
    }
    // What names its needs.
    let explicit = |place: usize| jobs.get(place).is_some_and(|job| job.needs_span.is_some());
    let old: Vec<Vec<usize>> =
        jobs.iter().map(|job| job.needs.iter().map(|n| n.job).collect()).collect();
    let new = rewired(&old, &pairs(late))?;
    for (place, (old, new)) in old.iter().zip(&new).enumerate() {
        if old == new || !explicit(place) {
            continue;
        }
        let job = jobs.get(place)?;
        let names: Vec<String> =
            new.iter().filter_map(|on| jobs.get(*on)).map(|on| on.id.clone()).collect();
        // What is named must be there whenever this job is.
        let fits =
            new.iter().filter(|on| !old.contains(on)).filter_map(|on| jobs.get(*on)).all(|on| {
                let own = job.condition.as_ref().map(|at| &at.value);
                on.condition.as_ref().is_none_or(|at| own == Some(&at.value))
            });
        if !fits {
            return None;
        }
        ops.extend(order::write(file, &job.path, &names, true)?);
    }
    (!ops.is_empty()).then_some(ops)
}

/// Azure: jobs of one stage, or whole stages.
fn azure(file: &File, late: &BTreeMap<usize, Vec<usize>>) -> Option<Vec<Op>> {
    let pipeline = &file.pipeline;
    let stage = |job: usize| pipeline.jobs.get(job).and_then(|job| job.stage);
    let inside =
        late.iter().all(|(scan, before)| before.iter().all(|on| stage(*on) == stage(*scan)));
    if inside {
        return needs(file, late);
    }
    let mut stages: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (scan, before) in late {
        let own = stage(*scan)?;
        for on in before {
            let other = stage(*on).filter(|other| *other != own)?;
            let list = stages.entry(own).or_default();
            if !list.contains(&other) {
                list.push(other);
            }
        }
    }
    // The whole stage has to move.
    let whole = stages.keys().all(|one| {
        pipeline
            .jobs
            .iter()
            .enumerate()
            .filter(|(_, job)| job.stage == Some(*one))
            .all(|(place, _)| late.contains_key(&place))
    });
    let plain = stages
        .keys()
        .all(|one| pipeline.stages.get(*one).is_some_and(|stage| stage.condition.is_none()));
    if !whole || !plain {
        return None;
    }
    let old: Vec<Vec<usize>> = pipeline.stages.iter().map(|stage| stage.needs.clone()).collect();
    let new = rewired(&old, &pairs(&stages))?;
    let mut ops = Vec::new();
    for (place, (old, new)) in old.iter().zip(&new).enumerate() {
        if old == new {
            continue;
        }
        let stage = pipeline.stages.get(place).filter(|stage| stage.span.file == 0)?;
        let names: Vec<String> = new
            .iter()
            .filter_map(|on| pipeline.stages.get(*on))
            .map(|stage| stage.id.clone())
            .collect();
        ops.extend(order::write(file, &stage.path, &names, true)?);
    }
    (!ops.is_empty()).then_some(ops)
}

/// The scan's step or stage moves before the first deployment.
fn moved(file: &File, facts: &Facts<'_>, scan: usize, before: &[usize]) -> Option<(Vec<Op>, bool)> {
    let lists = order::slots(file);
    let list = lists.iter().find(|list| list.iter().any(|slot| slot.jobs.contains(&scan)))?;
    let own: &Slot = list.iter().find(|slot| slot.single && slot.jobs == [scan])?;
    let first = list
        .iter()
        .filter(|slot| slot.jobs.iter().any(|job| before.contains(job)))
        .min_by_key(|slot| slot.index)
        .filter(|slot| slot.index < own.index)?;
    // What stands between must leave nothing that the scan reads.
    let mut clean = true;
    let passed = list.iter().filter(|slot| slot.index >= first.index && slot.index < own.index);
    for job in passed.flat_map(|slot| &slot.jobs) {
        if reads_of(&file.pipeline, scan, *job) {
            return None;
        }
        clean &= tie(&file.pipeline, scan, *job).is_none()
            || (before.contains(job)
                && facts.bound(*job).is_some()
                && !shares(&file.pipeline, scan, *job));
    }
    let path = |slot: &Slot| {
        let mut path = slot.list.clone();
        path.push(Seg::Index(slot.index));
        path
    };
    let ops = match file.pipeline.platform {
        Platform::Jenkins => groovy::write::move_stage(&file.text, &path(own), &path(first))?,
        _ => vec![Op::Move { at: own.list.clone(), from: own.index, to: first.index }],
    };
    Some((ops, clean))
}

/// Whether two jobs work in one workspace.
fn shares(pipeline: &Pipeline, one: usize, other: usize) -> bool {
    let works = |job: usize| {
        pipeline.jobs.get(job).is_some_and(|job| {
            job.reads.iter().any(|access| matches!(access.what, Resource::Workspace(_)))
        })
    };
    works(one) && works(other)
}

/// Scans behind a deployment in one job.
fn within(job: &Job, hits: &mut Vec<Hit>) {
    let main = || job.steps.iter().filter(|step| step.phase == Phase::Main);
    let first =
        main().position(|step| step.does.iter().any(|does| matches!(does, Does::Deploy(_))));
    let Some(first) = first else { return };
    let early = |does: &Does| {
        matches!(does, Does::Scan { target: ScanTarget::Source | ScanTarget::Image, .. })
    };
    let later = main().skip(first + 1).find(|step| step.does.iter().any(early));
    let Some(step) = later else { return };
    let tool = step.does.iter().find_map(|does| match does {
        Does::Scan { tool, .. } => Some(tool.as_str()),
        _ => None,
    });
    hits.push(Hit {
        span: step.span,
        title: format!(
            "In `{}`, `{}` looks for weaknesses only after they are delivered",
            title(job),
            tool.unwrap_or("a scanner")
        ),
        why: "What the scan finds is in use by then. Let it run before the deploying step, or in a job that the deployment waits for.".to_owned(),
        severity: None,
        confidence: 0.8,
        fix: None,
        effect: None,
    });
}

#[cfg(test)]
#[path = "scan_after_deploy/tests.rs"]
mod tests;
