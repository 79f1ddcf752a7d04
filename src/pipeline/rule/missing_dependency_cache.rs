//! A job that fetches its dependencies anew on every run.

mod github;
mod install;
mod others;
#[cfg(test)]
mod tests;

use std::cell::LazyCell;

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{self, Op};
use crate::pipeline::graph::{Job, JobKind, Resource, TriggerKind};
use crate::pipeline::groovy::{self, write::Wrapper};
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::Effect;
use crate::pipeline::words::{self, Does, Manager};
use install::Install;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "missing-dependency-cache",
    title: "A job fetches its dependencies anew on every run",
    doc: "\
An install command fetches the same packages on every run, though a lockfile says that they did \
not change.

**Fix.** GitHub: `cache:` of the `setup-*` action, with `cache-dependency-path` where the \
lockfile is not at the root. GitLab: `cache` with a key made from the lockfile, and the flag or \
variable that moves the manager's folder into the project. Azure: a `Cache@2` step. Bitbucket: \
`caches`. Harness: `caching` of the stage. Jenkins, and managers whose cache needs an action of \
somebody else: a suggestion.

**Silent** without a lockfile in the checkout, where anything keeps the folder already \
(`setup-go` from v4 and `setup-uv` do by themselves), in container builds, and where the command \
says that nothing is to be kept. Jobs that publish or deploy, and jobs whose files those take, \
never get a cache: what other runs wrote there would end up in the release.",
    group: Group::Performance,
    severity: Severity::Medium,
    fix: FixKind::Proven,
    platforms: &[
        Platform::GitHub,
        Platform::GitLab,
        Platform::Azure,
        Platform::Jenkins,
        Platform::Bitbucket,
        Platform::Harness,
    ],
    check,
};

/// What would keep a manager's packages.
struct Remedy {
    /// What to do, as a sentence.
    advice: String,
    /// The edits; empty where they cannot be written.
    ops: Vec<Op>,
    /// Whether nobody could object to them.
    safe: bool,
    /// Why it is safe.
    proof: Vec<String>,
}

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let released = released(context);
    let text = LazyCell::new(|| edit::Text::new(&context.file.text, &context.file.tree));
    let tree = LazyCell::new(|| groovy::parse(&context.file.text).ok());
    let wrapper =
        LazyCell::new(|| Wrapper::new(&context.file.text, LazyCell::force(&tree).as_ref()?));
    for (place, job) in pipeline.jobs.iter().enumerate() {
        if job.kind != JobKind::Work || job.span.file != 0 {
            continue;
        }
        // What Jenkins keeps is seldom open to pull requests.
        if released[place] && pipeline.platform == Platform::Jenkins {
            continue;
        }
        let mut installs = install::installs(context, job);
        installs.retain(|install| !kept(pipeline.platform, job, install));
        if installs.is_empty() {
            continue;
        }
        // GitHub's actions keep one manager each; others keep folders of the job.
        let groups: Vec<Vec<Install>> = match pipeline.platform {
            Platform::GitHub => installs.into_iter().map(|one| vec![one]).collect(),
            _ => vec![installs],
        };
        for group in groups {
            let remedy = match pipeline.platform {
                Platform::GitHub => github::remedy(context, job, &group),
                _ => others::remedy(context, &|| wrapper.as_ref(), job, &group),
            };
            let (Some(remedy), Some(first)) = (remedy, group.first()) else { continue };
            if hits.iter().any(|known| known.span == first.span) {
                continue;
            }
            hits.push(hit(context, &text, place, &group, remedy, released[place]));
        }
    }
}

fn hit(
    context: &Context<'_>,
    text: &edit::Text<'_>,
    place: usize,
    group: &[Install],
    remedy: Remedy,
    released: bool,
) -> Hit {
    let job = &context.pipeline().jobs[place];
    let names: Vec<&str> = group.iter().map(|one| name(one.manager)).collect();
    let mut locks: Vec<String> =
        group.iter().flat_map(|one| &one.locks).map(|lock| format!("`{lock}`")).collect();
    locks.dedup();
    let (what, locks) = (names.join(" and "), locks.join(" and "));
    let names =
        if group.iter().map(|one| one.locks.len()).sum::<usize>() > 1 { "name" } else { "names" };
    let fetched =
        format!("Every run fetches again what {locks} {names}, though that seldom changes.");
    let title = format!("Job `{}` fetches packages of {what} without a cache", job.title());
    let span = group.first().map_or(job.key_span, |one| one.span);
    if released {
        return Hit {
            span,
            title,
            why: format!(
                "{fetched} It publishes or deploys what it builds, so a cache that other runs \
                 write could change what is released: keep it without one, or give it a cache \
                 of its own."
            ),
            severity: Some(Severity::Info),
            confidence: 0.6,
            fix: None,
            effect: None,
        };
    }
    let jenkins = context.pipeline().platform == Platform::Jenkins;
    let fits = jenkins || text.takes(&remedy.ops);
    let fix = (fits && !remedy.ops.is_empty()).then(|| Fix {
        title: format!("Cache packages of {what} in `{}`", job.title()),
        ops: remedy.ops,
        safe: remedy.safe && !job.runner.self_hosted,
        proof: remedy.proof,
    });
    let own = match job.runner.self_hosted {
        true if jenkins => "",
        true => " On the project's own machines the packages may lie there already.",
        false => "",
    };
    Hit {
        span,
        title,
        why: format!("{fetched} {}{own}", remedy.advice),
        severity: (job.runner.self_hosted || jenkins).then_some(Severity::Low),
        confidence: if job.runner.self_hosted { 0.6 } else { 0.9 },
        effect: fix.is_some().then(|| Effect::CacheDependencies(vec![place])),
        fix,
    }
}

/// Of each job, whether it publishes or deploys, or leaves files for one that does.
fn released(context: &Context<'_>) -> Vec<bool> {
    let pipeline = context.pipeline();
    let file = context.file.path.rsplit('/').next().unwrap_or("").to_ascii_lowercase();
    let harmless = |kind: &TriggerKind| {
        matches!(kind, TriggerKind::Tag | TriggerKind::Manual | TriggerKind::Pipeline)
    };
    let named = pipeline.platform == Platform::GitHub
        && ["release", "publish", "deploy"].iter().any(|word| file.contains(word));
    let triggers = || pipeline.triggers.iter().map(|trigger| &trigger.kind);
    let tags = triggers().any(|kind| *kind == TriggerKind::Tag) && triggers().all(harmless);
    let privileged = pipeline.has_trigger(TriggerKind::ChangeWithSecrets);
    if named || tags || privileged {
        return vec![true; pipeline.jobs.len()];
    }
    let mut released: Vec<bool> =
        pipeline.jobs.iter().map(|job| words::is_release(job) || words::is_deploy(job)).collect();
    let leaves: Vec<bool> = pipeline.jobs.iter().map(leaves).collect();
    // Backwards along the edges: what a released job waits for and takes files of.
    let mut open: Vec<usize> = (0..released.len()).filter(|at| released[*at]).collect();
    let mut seen = released.clone();
    while let Some(at) = open.pop() {
        for need in &pipeline.jobs[at].needs {
            released[need.job] |= leaves[need.job];
            if !std::mem::replace(&mut seen[need.job], true) {
                open.push(need.job);
            }
        }
    }
    released
}

/// Whether a job leaves what a later one may publish.
fn leaves(job: &Job) -> bool {
    let written = job.writes.iter().any(|access| {
        matches!(access.what, Resource::Artifact(_) | Resource::Workspace(_) | Resource::Image(_))
    });
    // Azure's `upload` is an older name of `publish`.
    let used = |name: &str| name.eq_ignore_ascii_case("upload");
    written
        || job.steps.iter().any(|step| step.uses.as_ref().is_some_and(|one| used(&one.name)))
        || words::job_does(job).any(|does| matches!(does, Does::Upload(_) | Does::BuildImage(_)))
}

/// How people call a manager.
fn name(manager: Manager) -> &'static str {
    match manager {
        Manager::Npm => "npm",
        Manager::Yarn => "Yarn",
        Manager::Pnpm => "pnpm",
        Manager::Bun => "Bun",
        Manager::Pip => "pip",
        Manager::Poetry => "Poetry",
        Manager::Pipenv => "Pipenv",
        Manager::Uv => "uv",
        Manager::Maven => "Maven",
        Manager::Gradle => "Gradle",
        Manager::Go => "Go",
        Manager::Cargo => "Cargo",
        Manager::Nuget => "NuGet",
        Manager::Bundler => "Bundler",
        Manager::Composer => "Composer",
    }
}

/// Parts of the folders in which a manager keeps what it fetched, and words of keys
/// under which people keep them.
fn marks(manager: Manager) -> &'static [&'static str] {
    match manager {
        Manager::Npm => &["npm", "node"],
        Manager::Yarn => &["yarn", "node"],
        Manager::Pnpm => &["pnpm", "node"],
        Manager::Bun => &["bun", "node"],
        Manager::Pip => &["pip", "venv", "virtualenv", "site-packages", "wheel", "python"],
        Manager::Poetry => &["poetry", "pypoetry", "venv", "virtualenv", "python"],
        Manager::Pipenv => &["pipenv", "venv", "virtualenv", "python"],
        Manager::Uv => &["uv", "venv", "python"],
        Manager::Maven => &["m2", "maven", "mvn"],
        Manager::Gradle => &["gradle"],
        Manager::Go => &["go"],
        Manager::Cargo => &["cargo", "rust", "target"],
        Manager::Nuget => &["nuget", "dotnet"],
        Manager::Bundler => &["bundle", "gem", "ruby"],
        Manager::Composer => &["composer", "vendor", "php"],
    }
}

/// Whether something keeps what the command fetches already, as far as the job shows.
fn kept(platform: Platform, job: &Job, install: &Install) -> bool {
    let marks = marks(install.manager);
    let says = |text: &str| {
        let text = text.to_ascii_lowercase();
        marks.iter().any(|mark| text.contains(mark))
    };
    // Of a computed folder nobody knows what it is.
    let unknown = |path: &String| path.contains("${{") || path.starts_with("$(");
    let steps = job.steps.iter().any(|step| {
        let used = step.uses.as_ref().is_some_and(|used| {
            let name = used.name.to_ascii_lowercase();
            let cache = step.does.iter().any(|does| matches!(does, Does::Cache { .. }));
            // An action of the checkout that could not be read may do anything.
            cache && says(&name) || name.starts_with("./")
        });
        used || step.does.iter().any(|does| match does {
            Does::Cache { key, paths } => {
                says(key) || paths.iter().any(|path| says(path) || unknown(path))
            }
            _ => false,
        })
    });
    // Other platforms name caches at the job: what their names tell nothing of counts.
    steps || platform != Platform::GitHub && platform != Platform::Azure && others::named(job)
}
