//! Which jobs deploy, for the rules that ask how they do it.

use crate::pipeline::graph::{Job, JobKind, Phase, Pipeline, Resource};
use crate::pipeline::words::{self, Does};

/// Names of environments that people use or try things on.
const ENVIRONMENTS: &[&str] = &[
    "prod",
    "production",
    "prd",
    "live",
    "staging",
    "stage",
    "stg",
    "dev",
    "development",
    "test",
    "testing",
    "qa",
    "uat",
    "preprod",
    "preview",
    "review",
    "sandbox",
    "canary",
    "demo",
    "integration",
    "acceptance",
    "pages",
];

/// Tools that put a whole version of a site in place at once, and keep the ones before.
const AT_ONCE: &[&str] = &["pages", "netlify", "vercel", "wrangler", "firebase", "surge"];

/// Whether a job of this file puts a version where people use it, itself: it is no
/// call, starts no stop of an environment, and does not only publish a package.
pub(super) fn is_deployment(job: &Job) -> bool {
    if job.kind != JobKind::Work || job.calls.is_some() || job.span.file != 0 {
        return false;
    }
    // What stops an environment, or only looks at it, reads it.
    if job.reads.iter().any(|access| matches!(access.what, Resource::Environment(_))) {
        return false;
    }
    // What a version is to run on is made before it is put there.
    let prepares = says_first(job.title(), &["create", "provision", "prepare"]);
    if let Some(tool) = tool(job) {
        return !(prepares && tool == "azure");
    }
    if job.environment.is_none() && only_prints(job) {
        return false;
    }
    let publishes = words::main_does(job)
        .any(|does| matches!(does, Does::Publish(_) | Does::PushImage(_) | Does::Test));
    // A stage that prints what it would do, with something known to nobody afterwards.
    let acts = job.environment.is_some()
        || job.steps.iter().filter(|step| step.phase == Phase::Main).any(|step| {
            step.script.is_some() || step.uses.as_ref().is_some_and(|used| used.name != "echo")
        });
    if publishes || !acts || !words::is_deploy(job) {
        return false;
    }
    let last = job.id.rsplit(['.', '/']).next().unwrap_or(&job.id);
    let environment = job.environment.as_ref().map_or("", |at| at.value.as_str());
    says(last, |word| word.starts_with("deploy"))
        || says(job.title(), |word| word.starts_with("deploy"))
        || (says(environment, |word| ENVIRONMENTS.contains(&word)) && !builds(job))
}

/// Whether a name starts with one of these words.
fn says_first(name: &str, known: &[&str]) -> bool {
    let lower = name.to_ascii_lowercase();
    let first = lower.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    known.contains(&first)
}

/// Whether a job is a placeholder: its steps print and do nothing else.
fn only_prints(job: &Job) -> bool {
    let prints = |line: &str| {
        let line = line.trim_start();
        let first = line.split_ascii_whitespace().next().unwrap_or("");
        let chained = ["&&", "||", ";", "|", ">", "$("].iter().any(|sign| line.contains(sign));
        first.is_empty() || first.starts_with('#') || (first == "echo" && !chained)
    };
    let mut steps = job.steps.iter().filter(|step| step.phase == Phase::Main).peekable();
    steps.peek().is_some()
        && steps.all(|step| match (&step.script, &step.uses) {
            (Some(script), None) => script.text.lines().all(prints),
            (None, Some(used)) => used.name == "echo",
            _ => false,
        })
}

/// The word of a name that is an environment's.
pub(super) fn environment_word(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    words.find(|word| ENVIRONMENTS.contains(word)).map(str::to_owned)
}

fn builds(job: &Job) -> bool {
    words::main_does(job).any(|does| matches!(does, Does::Build | Does::Lint | Does::Upload(_)))
}

fn says(text: &str, known: impl Fn(&str) -> bool) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.split(|c: char| !c.is_ascii_alphanumeric()).any(known)
}

/// What the job deploys with, where its steps tell. Setting off another pipeline is
/// left to that one.
pub(super) fn tool(job: &Job) -> Option<&str> {
    words::main_does(job).find_map(|does| match does {
        Does::Deploy(tool) if tool != "trigger" => Some(tool.as_str()),
        _ => None,
    })
}

/// Whether a version is put in place as a whole, so that a deployment that is broken
/// off leaves the one before.
pub(super) fn at_once(job: &Job) -> bool {
    let mut tools = words::main_does(job).filter_map(|does| match does {
        Does::Deploy(tool) => Some(tool.as_str()),
        _ => None,
    });
    tools.next().is_some_and(|tool| AT_ONCE.contains(&tool))
        && tools.all(|tool| AT_ONCE.contains(&tool))
}

/// The jobs that deploy, with their places.
pub(super) fn deployments(pipeline: &Pipeline) -> impl Iterator<Item = (usize, &Job)> {
    pipeline.jobs.iter().enumerate().filter(|(_, job)| is_deployment(job))
}
