//! What the words of scripts and steps mean: installs, tests, builds, scans, deploys.
//! Words are matched on commands, never on parts of paths or of what is printed.

mod commands;
mod delivery;
mod image;
mod names;
mod reading;
mod ready;
mod scan;
pub mod shell;
pub mod table;
mod wrap;

#[cfg(test)]
mod tests;

pub use reading::{Reading, commands, options, scanned_images, step, text};

use super::graph::{Job, JobKind, Phase, Pipeline, Script};

/// Something a step does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Does {
    /// Fetches the source.
    Checkout,
    /// Installs dependencies with this package manager.
    Install(Manager),
    /// Restores or keeps a cache, with its key as written.
    Cache {
        /// The key.
        key: String,
        /// What is kept.
        paths: Vec<String>,
    },
    /// Sets up a language's tools: `node`, `python`, `go`, `java`, `rust`, `dotnet`, `ruby`, `php`.
    Setup(String),
    /// Checks style or types.
    Lint,
    /// Runs tests.
    Test,
    /// Compiles or packs.
    Build,
    /// Builds a container image.
    BuildImage(ImageBuild),
    /// Pushes an image, by its reference as written.
    PushImage(String),
    /// Uses an image, by its reference as written.
    PullImage(String),
    /// Looks for weaknesses with this tool.
    Scan {
        /// Its name: `trivy`.
        tool: String,
        /// What it looks at.
        target: ScanTarget,
        /// Whether what it finds fails the job.
        gating: bool,
    },
    /// Puts something where people use it, with this tool.
    Deploy(String),
    /// Publishes a package or a release.
    Publish(String),
    /// Looks whether what was deployed works.
    HealthCheck,
    /// Takes a deployment back.
    Rollback,
    /// Keeps an artifact under a name.
    Upload(String),
    /// Fetches an artifact by name; empty: all.
    Download(String),
    /// Plans infrastructure.
    Plan(String),
    /// Tells people.
    Notify(String),
    /// Logs in somewhere.
    Login(String),
    /// Reads the history of the source (`git describe`, blame, a changelog).
    History,
    /// Waits for a person.
    Approval,
}

/// Package managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Manager {
    /// npm.
    Npm,
    /// Yarn.
    Yarn,
    /// pnpm.
    Pnpm,
    /// Bun.
    Bun,
    /// pip.
    Pip,
    /// Poetry.
    Poetry,
    /// Pipenv.
    Pipenv,
    /// uv.
    Uv,
    /// Maven.
    Maven,
    /// Gradle.
    Gradle,
    /// Go modules.
    Go,
    /// Cargo.
    Cargo,
    /// NuGet.
    Nuget,
    /// Bundler.
    Bundler,
    /// Composer.
    Composer,
}

/// What a scanner looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScanTarget {
    /// The source, its dependencies, its configuration.
    Source,
    /// An image.
    Image,
    /// A running service: it has to follow the deployment.
    Live,
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ImageBuild {
    /// `docker`, `buildx`, `kaniko`, `buildah`, `podman`, or an action's name.
    pub tool: String,
    /// Folder.
    pub context: String,
    /// Dockerfile, where named.
    pub file: Option<String>,
    /// Stage, where named.
    pub target: Option<String>,
    /// Platforms, where named.
    pub platforms: Option<String>,
    /// Arguments, sorted.
    pub args: Vec<String>,
    /// Tags it gets, as written.
    pub tags: Vec<String>,
    /// Whether it is pushed at once.
    pub push: bool,
    /// Whether layers come from a cache elsewhere.
    pub cached: bool,
}

/// Says of every step what it does. A job that starts a cluster or a cloud on its own
/// runner deploys to that one, which is a test and no deployment.
pub fn fill(pipeline: &mut Pipeline) {
    let platform = pipeline.platform;
    for job in &mut pipeline.jobs {
        let readings: Vec<Reading> = job.steps.iter().map(|one| step(platform, job, one)).collect();
        let sandbox = readings.iter().any(|reading| reading.sandbox);
        for (step, reading) in job.steps.iter_mut().zip(readings) {
            step.does = reading.does;
            if sandbox {
                step.does.retain(|does| !matches!(does, Does::Deploy(_) | Does::Rollback));
            }
        }
    }
}

/// What a job's steps do, in order.
pub fn job_does(job: &Job) -> impl Iterator<Item = &Does> {
    job.steps.iter().flat_map(|step| &step.does)
}

/// What a job's main steps do: what runs when nothing failed.
pub fn main_does(job: &Job) -> impl Iterator<Item = &Does> {
    job.steps.iter().filter(|step| step.phase != Phase::Failure).flat_map(|step| &step.does)
}

/// Whether what a job does cannot be told, so that its name is all there is: nothing
/// of note is known of it, and some step is not known at all.
fn opaque(job: &Job) -> bool {
    let quiet = job_does(job).all(|does| {
        matches!(does, Does::Checkout | Does::Setup(_) | Does::Login(_) | Does::Install(_))
    });
    let dark = |one: &super::graph::Step| match (&one.script, &one.uses) {
        (Some(script), _) => {
            is_program(script) || !text(&script.text, shell::Options::POSIX).unknown.is_empty()
        }
        (None, Some(_)) => one.does.is_empty(),
        (None, None) => false,
    };
    job.kind != JobKind::Approval && quiet && (job.calls.is_some() || job.steps.iter().any(dark))
}

fn named(job: &Job, wanted: &[names::Meaning]) -> bool {
    let says = |name: &str| names::meaning(name).is_some_and(|meaning| wanted.contains(&meaning));
    let last = job.id.rsplit(['.', '/']).next().unwrap_or(&job.id);
    opaque(job) && (says(last) || job.name.as_ref().is_some_and(|name| says(&name.value)))
}

/// Whether a job runs tests.
pub fn is_test(job: &Job) -> bool {
    main_does(job).any(|does| *does == Does::Test) || named(job, &[names::Meaning::Test])
}

/// Whether a job checks style or types.
pub fn is_lint(job: &Job) -> bool {
    main_does(job).any(|does| *does == Does::Lint) || named(job, &[names::Meaning::Lint])
}

/// Whether a job looks for weaknesses.
pub fn is_scan(job: &Job) -> bool {
    main_does(job).any(|does| matches!(does, Does::Scan { .. }))
        || named(job, &[names::Meaning::Scan])
}

/// Whether a job puts something where people use it.
pub fn is_deploy(job: &Job) -> bool {
    main_does(job).any(|does| matches!(does, Does::Deploy(_)))
        || job.environment.as_ref().is_some_and(|at| !at.value.is_empty())
        || named(job, &[names::Meaning::Deploy])
}

/// Whether a job publishes a package, an image or a release.
pub fn is_release(job: &Job) -> bool {
    main_does(job).any(|does| matches!(does, Does::Publish(_) | Does::PushImage(_)))
        || named(job, &[names::Meaning::Publish, names::Meaning::Push])
}

/// Whether a name says that what bears it deploys, publishes or takes back.
pub fn sounds_lasting(name: &str) -> bool {
    use names::Meaning::{Deploy, Publish, Push, Rollback};
    names::meaning(name)
        .is_some_and(|meaning| matches!(meaning, Deploy | Publish | Push | Rollback))
}

/// Whether a script is of a language of its own and says nothing about commands.
pub fn is_program(script: &Script) -> bool {
    let shell = script.shell.as_deref().unwrap_or("");
    let first = shell.split_ascii_whitespace().next().unwrap_or("");
    let name = shell::base_name(first).to_ascii_lowercase();
    ["python", "node", "perl", "ruby", "groovy", "deno", "bun", "r", "julia", "javascript"]
        .iter()
        .any(|known| name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') == *known)
}
