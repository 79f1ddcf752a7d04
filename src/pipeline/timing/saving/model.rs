//! What an effect does to a job's time, after `docs/pipeline-history.md`.

use super::sample::Random;
use crate::pipeline::graph::{Job, JobKind, Pipeline, Step};
use crate::pipeline::timing::defaults::{self, range};
use crate::pipeline::timing::{Effect, JobTime};
use crate::pipeline::words::{Does, Manager};

/// One copy of a job in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Copy {
    pub queue: f64,
    pub seconds: f64,
    /// Seconds of the parts that effects change, where the history tells.
    pub install: Option<f64>,
    pub image: Option<f64>,
    pub checkout: Option<f64>,
}

impl Copy {
    /// Of a history; parts are told by the steps' names.
    pub(super) fn of(job: &Job, time: &JobTime) -> Self {
        // Waiting for a person is no part of what a pipeline takes.
        let queue = if job.manual || job.kind == JobKind::Approval { 0.0 } else { time.queue };
        Copy {
            queue,
            seconds: if job.kind == JobKind::Approval { 0.0 } else { time.seconds },
            install: part(
                job,
                time,
                |does| matches!(does, Does::Install(_)),
                &["install", "npm ci"],
            ),
            image: part(
                job,
                time,
                |does| matches!(does, Does::BuildImage(_)),
                &["docker build", "build image", "build and push"],
            ),
            checkout: part(
                job,
                time,
                |does| matches!(does, Does::Checkout),
                &["checkout", "get sources"],
            ),
        }
    }
}

/// Seconds of the steps that do this, by their names in the history; `None` where it
/// names no step, or none of these.
fn part(job: &Job, time: &JobTime, does: fn(&Does) -> bool, words: &[&str]) -> Option<f64> {
    if time.steps.is_empty() {
        return None;
    }
    let names: Vec<String> =
        job.steps.iter().filter(|step| step.does.iter().any(does)).flat_map(step_names).collect();
    let mut found = None;
    for (name, seconds) in &time.steps {
        let lower = name.trim().to_lowercase();
        let known = names.iter().any(|known| lower.starts_with(known.as_str()))
            || (names.is_empty() && words.iter().any(|word| lower.contains(word)));
        if known && !lower.starts_with("post ") {
            found = Some(found.unwrap_or(0.0) + seconds);
        }
    }
    found
}

/// How hosts name a step in their answers, in lower case.
fn step_names(step: &Step) -> Vec<String> {
    let mut names: Vec<String> = step.name.iter().map(|name| name.to_lowercase()).collect();
    if names.is_empty() {
        let script = step.script.as_ref().and_then(|script| script.text.lines().next());
        let uses = step.uses.as_ref().map(|uses| uses.name.as_str());
        // GitHub puts `Run` before what has no name.
        for text in script.into_iter().chain(uses).map(str::trim).filter(|text| !text.is_empty()) {
            names.push(format!("run {}", text.to_lowercase()));
            names.push(text.to_lowercase());
        }
    }
    names
}

/// Everything that is drawn once for a whole resample: what is not known of caches and
/// machines is the same for all jobs of a pipeline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unknown {
    hits: f64,
    restore: f64,
    save: f64,
    remaining: f64,
    install: f64,
    layers_gain: f64,
    layers_export: f64,
    image: f64,
    push: f64,
    pull: f64,
    checkout: f64,
    checkout_full: f64,
    serial: f64,
    shard: f64,
    start: f64,
}

impl Unknown {
    /// The same in one run, in which caches hit or miss: all together, as a change of
    /// dependencies is what makes them miss. On average that is the share of hits.
    pub(super) fn in_run(self, random: &mut Random) -> Self {
        Unknown { hits: f64::from(u8::from(random.unit() < self.hits)), ..self }
    }

    pub(super) fn draw(random: &mut Random) -> Self {
        let mut at = || random.unit();
        Unknown {
            hits: range("cache-hits").at(at()).min(1.0),
            restore: range("cache-restore").at(at()),
            save: range("cache-save").at(at()),
            remaining: range("cache-remaining").at(at()),
            install: at(),
            layers_gain: range("layers-gain").at(at()).min(1.0),
            layers_export: range("layers-export").at(at()),
            image: range("image-build").at(at()),
            push: range("image-push").at(at()),
            pull: range("image-pull").at(at()),
            checkout: range("checkout").at(at()),
            checkout_full: range("checkout-full").at(at()),
            serial: range("serial").at(at()).clamp(0.0, 1.0),
            shard: range("shard-overhead").at(at()),
            start: range("start").at(at()),
        }
    }
}

/// What an effect makes of a job's copies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Changed {
    /// Seconds a copy runs.
    pub seconds: f64,
    /// How many copies there are for one before.
    pub copies: f64,
    /// What the machine costs to what it cost.
    pub price: f64,
}

/// A copy's time after all the effects, one upon the other.
pub(super) fn after(
    job: usize,
    graph: &Pipeline,
    copy: Copy,
    effects: &[Effect],
    unknown: &Unknown,
) -> Changed {
    let mut changed = Changed { seconds: copy.seconds, copies: 1.0, price: 1.0 };
    let Some(node) = graph.jobs.get(job) else { return changed };
    let install = |seconds: f64| match copy.install {
        Some(install) => install.min(seconds),
        None => {
            share(node, seconds, installs(node, unknown.install), |d| matches!(d, Does::Install(_)))
        }
    };
    let image = |seconds: f64| match copy.image {
        Some(image) => image.min(seconds),
        None => share(node, seconds, unknown.image, |does| matches!(does, Does::BuildImage(_))),
    };
    for effect in effects {
        let seconds = changed.seconds;
        changed.seconds = match effect {
            Effect::CacheDependencies(jobs) if jobs.contains(&job) => {
                let spared = install(seconds) * (1.0 - unknown.remaining) - unknown.restore;
                seconds - unknown.hits * spared + (1.0 - unknown.hits) * unknown.save
            }
            Effect::CacheLayers(jobs) if jobs.contains(&job) => {
                seconds - unknown.hits * unknown.layers_gain * image(seconds)
                    + unknown.layers_export
            }
            Effect::ReuseImage(jobs) if jobs.contains(&job) => {
                seconds - image(seconds) + unknown.pull
            }
            // Whoever builds the image that others reuse has to push it.
            Effect::ReuseImage(jobs) if builds_for(job, graph, jobs) => seconds + unknown.push,
            Effect::SmallerRunner { job: of, from, to }
                if *of == job && *from > 0.0 && *to > 0.0 =>
            {
                changed.price *= to / from;
                seconds * (unknown.serial + (1.0 - unknown.serial) * from / to)
            }
            Effect::ShallowClone(jobs) if jobs.contains(&job) => {
                let full = copy.checkout.unwrap_or(unknown.checkout_full).min(seconds);
                seconds - (full - unknown.checkout.min(full))
            }
            Effect::Shard { job: of, parts } if *of == job && *parts > 1 => {
                let parts = f64::from(*parts);
                let set_up =
                    (unknown.start + copy.checkout.unwrap_or(unknown.checkout) + install(seconds))
                        .min(0.5 * seconds);
                changed.copies *= parts;
                set_up + (seconds - set_up) / parts * unknown.shard.min(parts)
            }
            _ => seconds,
        }
        .max(0.0);
    }
    changed
}

/// Whether the job builds, and does not push, an image that these jobs build too.
pub(super) fn builds_for(job: usize, graph: &Pipeline, jobs: &[usize]) -> bool {
    let builds = |job: usize| {
        let steps = graph.jobs.get(job).map(|job| job.steps.as_slice()).unwrap_or_default();
        steps.iter().flat_map(|step| &step.does).filter_map(|does| match does {
            Does::BuildImage(build) => Some(build),
            _ => None,
        })
    };
    let pushes = graph.jobs.get(job).is_some_and(|job| {
        job.steps.iter().flat_map(|s| &s.does).any(|d| matches!(d, Does::PushImage(_)))
    });
    !pushes
        && builds(job).any(|own| {
            !own.push
                && jobs.iter().flat_map(|job| builds(*job)).any(|other| {
                    own.context == other.context
                        && own.file == other.file
                        && own.target == other.target
                })
        })
}

/// The part of a job's known time that work of a kind takes, where steps have no times
/// of their own: as much of it as `part` is of what the job's steps usually take.
fn share(job: &Job, seconds: f64, part: f64, does: fn(&Does) -> bool) -> f64 {
    let rest: f64 = (job.steps.iter())
        .filter(|step| !step.does.iter().any(does))
        .map(|step| {
            let works = step.does.iter().map(|does| work(does, 0.5));
            works.reduce(f64::max).unwrap_or_else(|| range("other").usual)
        })
        .sum();
    let all = part + rest + range("start").usual;
    if job.steps.is_empty() || all <= 0.0 { part.min(seconds) } else { seconds * part / all }
}

/// What the job's installs usually take.
fn installs(job: &Job, at: f64) -> f64 {
    let mut seen: Vec<Manager> = Vec::new();
    for does in job.steps.iter().flat_map(|step| &step.does) {
        if let Does::Install(manager) = does
            && !seen.contains(manager)
        {
            seen.push(*manager);
        }
    }
    if seen.is_empty() {
        return defaults::install(Manager::Npm).at(at);
    }
    seen.into_iter().map(|manager| defaults::install(manager).at(at)).sum()
}

/// What a job usually takes, by what its steps do: for each step its dearest work, at
/// the place that `draw` gives for it.
pub(super) fn usual(job: &Job, mut draw: impl FnMut() -> f64) -> Copy {
    if job.kind == JobKind::Approval {
        return Copy::default();
    }
    let queue = range(if job.runner.self_hosted { "queue-own" } else { "queue-hosted" }).at(draw());
    if job.kind == JobKind::Call || job.calls.is_some() {
        return Copy { queue, seconds: range("call").at(draw()), ..Copy::default() };
    }
    let mut copy = Copy { queue, seconds: range("start").at(draw()), ..Copy::default() };
    for step in &job.steps {
        let at = draw();
        let works = step.does.iter().map(|does| (does, work(does, at)));
        let dearest = works.max_by(|one, two| one.1.total_cmp(&two.1));
        let seconds = dearest.map_or_else(|| range("other").at(at), |(_, seconds)| seconds);
        copy.seconds += seconds;
        let part = match dearest {
            Some((Does::Install(_), _)) => &mut copy.install,
            Some((Does::BuildImage(_), _)) => &mut copy.image,
            Some((Does::Checkout, _)) => &mut copy.checkout,
            _ => continue,
        };
        *part = Some(part.unwrap_or(0.0) + seconds);
    }
    if job.steps.is_empty() {
        copy.seconds += range("other").at(draw());
    }
    copy
}

fn work(does: &Does, at: f64) -> f64 {
    let range = match does {
        Does::Install(manager) => defaults::install(*manager),
        Does::Checkout | Does::History => range("checkout"),
        Does::Cache { .. } => range("cache-restore"),
        Does::Setup(_) => range("setup"),
        Does::Lint => range("lint"),
        Does::Test => range("test"),
        Does::Build | Does::Plan(_) => range("build"),
        Does::BuildImage(_) => range("image-build"),
        Does::PushImage(_) => range("image-push"),
        Does::PullImage(_) => range("image-pull"),
        Does::Scan { .. } => range("scan"),
        Does::Deploy(_) | Does::Rollback | Does::HealthCheck => range("deploy"),
        Does::Publish(_) => range("publish"),
        Does::Upload(_) | Does::Download(_) | Does::Notify(_) | Does::Login(_) => range("small"),
        Does::Approval => return 0.0,
    };
    range.at(at)
}
