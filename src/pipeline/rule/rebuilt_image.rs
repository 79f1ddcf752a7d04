//! The same image is built by two jobs of one run.

mod consume;
mod produce;
mod share;
#[cfg(test)]
mod tests;

use std::cell::LazyCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::File;
use crate::pipeline::access;
use crate::pipeline::graph::{Job, Os, Phase, Seg, Step};
use crate::pipeline::independence::{Set, closure};
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::Effect;
use crate::pipeline::words::{self, Does, ImageBuild};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "rebuilt-image",
    title: "An image is built again in place of being handed on",
    doc: "\
Two jobs of one run build the same image: the same folder, Dockerfile, stage, arguments and \
platforms. That takes the time twice, and what the second job deploys is not what the first one \
tested and scanned: base images and packages move between two builds.

**Fix.** Where both jobs' commands are plain, the first hands on the digest it pushed and the \
second uses that in place of its build: a job output on GitHub, a dotenv report on GitLab, an \
output variable on Azure, `env.IMAGE` in Jenkins, an artifact `image.txt` on Bitbucket, the tag by \
commit on Harness. It is a suggestion, since the second job must be able to fetch from the \
registry.

**Silent** for builds of one job (the builder keeps their layers), for several architectures, for \
differing stages, arguments, folders or matrices, for jobs that never run in the same run, and \
where the Dockerfile or the folder is made by the script.",
    group: Group::Performance,
    severity: Severity::Medium,
    fix: FixKind::Suggest,
    platforms: &Platform::ALL,
    check,
};

/// One build, and whose.
#[derive(Clone, Copy)]
struct Build<'a> {
    job: usize,
    step: usize,
    image: &'a ImageBuild,
    pushed: bool,
}

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let file = context.file;
    let jobs = &file.pipeline.jobs;
    let mut groups: HashMap<(usize, String), usize> = HashMap::new();
    let mut alike: Vec<Vec<Build<'_>>> = Vec::new();
    for (place, job) in jobs.iter().enumerate() {
        let around = LazyCell::new(|| Around::of(file, job));
        for (index, step) in job.steps.iter().enumerate() {
            let main = step.phase == Phase::Main && step.span.file == 0 && job.key_span.file == 0;
            let set = LazyCell::new(|| settings(file, job, step));
            for image in step.does.iter().filter_map(|does| match does {
                Does::BuildImage(image) if main => Some(image),
                _ => None,
            }) {
                let told = identity(file, job, step, image, &around, &set);
                let Some(key) = told else { continue };
                let next = alike.len();
                let group = *groups.entry((job.entry, key)).or_insert(next);
                if group == next {
                    alike.push(Vec::new());
                }
                let Some(list) = alike.get_mut(group) else { continue };
                // The builder of one job keeps its layers.
                if list.last().is_none_or(|last: &Build<'_>| last.job != place) {
                    let pushed = image.push || pushes(job, image);
                    list.push(Build { job: place, step: index, image, pushed });
                }
            }
        }
    }
    if alike.iter().all(|list| list.len() < 2) {
        return;
    }
    let needs: Vec<Vec<usize>> =
        jobs.iter().map(|job| job.needs.iter().map(|need| need.job).collect()).collect();
    let before = closure(&needs);
    for list in alike.iter().filter(|list| list.len() > 1) {
        for again in list {
            // What is dear to tell is asked of the best ones first.
            let best = [(true, true), (true, false), (false, true), (false, false)];
            let first = best.iter().find_map(|(waited, pushed)| {
                let first = list
                    .iter()
                    .filter(|first| first.pushed == *pushed && first.job != again.job)
                    .filter(|first| follows(&before, again.job, first.job) == *waited)
                    .filter(|first| precedes(&before, first, again))
                    .find(|first| same_run(file, first, again) && same_sources(file, first, again));
                first.map(|first| (first, *waited))
            });
            if let Some((first, waited)) = first {
                hits.extend(hit(file, *first, *again, waited));
            }
        }
    }
}

fn follows(before: &[Set], job: usize, on: usize) -> bool {
    before.get(job).is_some_and(|set| set.has(on))
}

/// Whether the first build is the one to keep: the other waits for it, or none waits
/// for the other and it stands first.
fn precedes(before: &[Set], first: &Build<'_>, again: &Build<'_>) -> bool {
    follows(before, again.job, first.job)
        || (!follows(before, first.job, again.job) && first.job < again.job)
}

/// Whether a job pushes an image that it builds, under one of the build's names.
fn pushes(job: &Job, image: &ImageBuild) -> bool {
    words::main_does(job).any(|does| match does {
        Does::PushImage(reference) => {
            image.tags.is_empty()
                || image.tags.iter().any(|tag| {
                    tag == reference || access::image_name(tag) == access::image_name(reference)
                })
        }
        _ => false,
    })
}

/// Tools that read a Dockerfile and say all that goes into the image.
fn is_known(tool: &str) -> bool {
    let lower = tool.to_ascii_lowercase();
    let plain = [
        "docker",
        "podman",
        "nerdctl",
        "img",
        "buildah",
        "buildx",
        "kaniko",
        "buildkit",
        "acr",
        "docker.build",
        "dockerbuild",
        "dockerbuildandpublish",
    ];
    plain.contains(&lower.as_str())
        || lower.starts_with("buildandpush")
        || (lower.contains('/') && !lower.contains("bake"))
}

static WRITES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#">\s*["']?[^\s"']*[Dd]ockerfile"#).expect("the pattern is fixed")
});
static FOLDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\bdir\s*\(?\s*['"]([^'"]+)['"]"#).expect("the pattern is fixed")
});

/// What tells one image from another; `None` where that cannot be said.
fn identity(
    file: &File,
    job: &Job,
    step: &Step,
    image: &ImageBuild,
    around: &Around,
    set: &Option<Vec<Setting>>,
) -> Option<String> {
    if !is_known(&image.tool) {
        return None;
    }
    let pipeline = &file.pipeline;
    let full = |text: &str| access::expand(text, step, job, pipeline);
    let context = folder(&full(&image.context));
    if context == "-" || context.contains("://") {
        return None;
    }
    let mut parts = vec![format!("context {context}")];
    let dockerfile = image.file.as_deref().map(|name| folder(&full(name)));
    let usual = match context.as_str() {
        "." => "Dockerfile".to_owned(),
        context => format!("{context}/Dockerfile"),
    };
    let dockerfile = match dockerfile {
        Some(name) if name == "**/Dockerfile" || name == usual => None,
        Some(name) if name == "-" => return None,
        other => other,
    };
    parts.push(format!("file {dockerfile:?}"));
    parts.push(format!("target {:?}", image.target.as_deref().map(full)));
    let platforms = image.platforms.as_deref().map(full);
    parts.push(format!("platforms {platforms:?}"));
    for arg in &image.args {
        // An argument without a value takes it from the variable of its name.
        let value = if arg.contains('=') { full(arg) } else { full(&format!("{arg}=${arg}")) };
        parts.push(format!("arg {value}"));
    }
    parts.push(format!("machine {:?} {}", job.runner.os.unwrap_or(Os::Linux), arch(job)));
    if let Some(matrix) = &job.matrix {
        parts.push(format!("matrix {:?}", matrix.axes));
    }
    if let Some(uses) = &step.uses {
        for (name, at) in &uses.inputs {
            let name = name.to_ascii_lowercase();
            let counts = matches!(
                name.as_str(),
                "build-contexts" | "arguments" | "args" | "secrets" | "secret-files" | "no-cache"
            );
            if counts {
                parts.push(format!("{name} {}", full(&at.value)));
            }
        }
        // `docker.build(name, arguments)`.
        if pipeline.platform == Platform::Jenkins {
            let more = uses.inputs.iter().skip(1).map(|(_, at)| full(&at.value));
            parts.extend(more.map(|value| format!("more {value}")));
        }
    }
    if around.writes {
        return None;
    }
    parts.extend(place(file, job, step));
    parts.extend(around.folders.iter().cloned());
    let counting = set.as_ref()?.iter().filter(|one| match &one.name {
        Some(name) => counts(image, name),
        None => true,
    });
    parts.extend(counting.map(|one| one.text.clone()));
    parts.extend(around.sources.iter().cloned());
    Some(parts.join("\n"))
}

/// What a job says of all its builds.
struct Around {
    /// Whether a script of it writes a Dockerfile.
    writes: bool,
    /// Folders that a Jenkinsfile goes to.
    folders: Vec<String>,
    /// What is checked out, and where to.
    sources: Vec<String>,
}

impl Around {
    fn of(file: &File, job: &Job) -> Self {
        let mut scripts = job.steps.iter().filter_map(|step| step.script.as_ref());
        let writes = scripts.any(|script| WRITES.is_match(&script.text));
        let mut folders = Vec::new();
        if file.pipeline.platform == Platform::Jenkins {
            let text = file.text.get(job.span.range()).unwrap_or_default();
            for found in FOLDER.captures_iter(text) {
                folders.push(format!("in {}", found.get(1).map_or("", |name| name.as_str())));
            }
        }
        let mut sources = Vec::new();
        for step in job.steps.iter().filter(|step| step.does.contains(&Does::Checkout)) {
            let Some(uses) = &step.uses else { continue };
            for name in ["ref", "repository", "path"] {
                sources.extend(uses.input(name).map(|value| format!("{name} {value}")));
            }
        }
        Around { writes, folders, sources }
    }
}

/// The folder a build stands in, where a key says it.
fn place(file: &File, job: &Job, step: &Step) -> Option<String> {
    let platform = file.pipeline.platform;
    match platform {
        Platform::GitHub | Platform::Azure => {
            let key =
                if platform == Platform::GitHub { "working-directory" } else { "workingDirectory" };
            let own = text_at(file, &step.path, &[key]);
            let of_job = || text_at(file, &job.path, &["defaults", "run", key]);
            let of_all = || text_at(file, &[], &["defaults", "run", key]);
            let place = own.or_else(of_job).or_else(of_all).filter(|_| step.script.is_some());
            Some(format!("in {}", folder(place.unwrap_or("."))))
        }
        _ => None,
    }
}

/// What a script sets for the builds in it.
struct Setting {
    /// Of which variable; it counts for the builds that read that.
    name: Option<String>,
    text: String,
}

/// Where the shell of a step goes, and variables that it sets; `None` where it makes
/// what is built.
fn settings(file: &File, job: &Job, step: &Step) -> Option<Vec<Setting>> {
    let platform = file.pipeline.platform;
    let mut set = Vec::new();
    let mut add = |name: Option<&str>, text: String| {
        set.push(Setting { name: name.map(str::to_owned), text });
    };
    // One shell runs all of the job's scripts.
    let one_shell = matches!(platform, Platform::GitLab | Platform::Bitbucket);
    for other in &job.steps {
        let Some(script) = &other.script else { continue };
        if !one_shell && other.path != step.path {
            continue;
        }
        let options = words::options(platform, job, script)?;
        for command in words::commands(&script.text, options) {
            match command.program() {
                "cd" | "pushd" | "popd" | "Set-Location" => {
                    add(None, command.texts().collect::<Vec<_>>().join(" "));
                }
                "sed" | "cp" | "mv" | "tee" | "envsubst" | "curl" | "wget" | "ln"
                    if command.texts().any(|word| word.contains("ockerfile")) =>
                {
                    return None;
                }
                "docker" | "podman"
                    if command.texts().nth(1) != Some("login")
                        && command.redirects.iter().any(|(sign, _)| sign.starts_with('<')) =>
                {
                    return None;
                }
                "export" => {
                    for word in command.texts().skip(1) {
                        add(Some(word.split('=').next().unwrap_or(word)), word.to_owned());
                    }
                }
                _ => {}
            }
            if command.words.is_empty() {
                for (name, value) in &command.assigns {
                    add(Some(name), format!("{name}={value}"));
                }
            }
        }
    }
    Some(set)
}

/// Whether a variable of the script goes into an image: the builder reads it, or the
/// build names it elsewhere than in its tags.
fn counts(image: &ImageBuild, name: &str) -> bool {
    let tool = ["DOCKER", "BUILD", "CONTAINER", "COMPOSE", "PODMAN", "SOURCE_DATE"];
    let named = |text: &String| {
        text == name || text.contains(&format!("${name}")) || text.contains(&format!("${{{name}"))
    };
    let options = [&image.file, &image.target, &image.platforms];
    tool.iter().any(|start| name.starts_with(start))
        || named(&image.context)
        || options.into_iter().flatten().any(named)
        || image.args.iter().any(named)
}

fn text_at<'f>(file: &'f File, path: &[Seg], keys: &[&str]) -> Option<&'f str> {
    let tree = &file.tree;
    let mut node = super::order::node_at(tree, path)?;
    for key in keys {
        node = tree.resolve(tree.get(node, key)?.value);
    }
    tree.text(node)
}

/// A folder as one writes it briefly: placeholders for the checkout taken off.
fn folder(text: &str) -> String {
    let mut text = text.trim().trim_matches(['"', '\'']);
    let roots = [
        "{{defaultContext}}:",
        "{{defaultContext}}",
        "${{ github.workspace }}",
        "${{github.workspace}}",
        "$GITHUB_WORKSPACE",
        "${CI_PROJECT_DIR}",
        "$CI_PROJECT_DIR",
        "${BITBUCKET_CLONE_DIR}",
        "$BITBUCKET_CLONE_DIR",
        "$(Build.SourcesDirectory)",
        "$(System.DefaultWorkingDirectory)",
        "${WORKSPACE}",
        "$WORKSPACE",
        "$PWD",
        "${PWD}",
        "$(pwd)",
        "dir://",
    ];
    for root in roots {
        text = text.strip_prefix(root).unwrap_or(text);
    }
    let text = text.trim_start_matches('/');
    let mut text = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
    text = text.strip_suffix("/.").unwrap_or(text);
    match text {
        // Azure's `**` looks for the Dockerfile and takes its folder.
        "" | "**" => ".".to_owned(),
        other => other.to_owned(),
    }
}

fn arch(job: &Job) -> &'static str {
    let arm = |label: &String| {
        let lower = label.to_ascii_lowercase();
        ["arm", "aarch", "graviton"].iter().any(|word| lower.contains(word))
    };
    match job.runner.labels.iter().filter(|label| arm(label)).count() {
        0 => "",
        _ => "arm",
    }
}

/// When a build runs: its job's, its stage's and its step's conditions.
fn conditions(file: &File, build: &Build<'_>) -> (String, String) {
    let pipeline = &file.pipeline;
    let Some(job) = pipeline.jobs.get(build.job) else { return Default::default() };
    let squeeze = |text: &str| {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let text = text.trim_start_matches("${{").trim_end_matches("}}").to_owned();
        let always = ["success()", "succeeded()", "on_success", "true", "when:on_success"];
        if always.contains(&text.as_str()) { String::new() } else { text }
    };
    let stage = job.stage.and_then(|stage| pipeline.stages.get(stage));
    let stage = stage.and_then(|stage| stage.condition.as_ref());
    let of_job: Vec<String> = [stage, job.condition.as_ref()]
        .into_iter()
        .flatten()
        .map(|at| squeeze(&at.value))
        .collect();
    let step = job.steps.get(build.step).and_then(|step| step.condition.as_ref());
    (of_job.join(""), step.map(|at| squeeze(&at.value)).unwrap_or_default())
}

/// Whether the first build has run whenever the other does.
fn same_run(file: &File, first: &Build<'_>, again: &Build<'_>) -> bool {
    let (Some(a), Some(b)) = (file.pipeline.jobs.get(first.job), file.pipeline.jobs.get(again.job))
    else {
        return false;
    };
    if a.manual && !b.manual {
        return false;
    }
    let (job, step) = conditions(file, first);
    let (later_job, later_step) = conditions(file, again);
    let even = ["always()", "cancelled()", "failure()", "failed()", "succeededOrFailed()"]
        .iter()
        .any(|word| later_job.contains(word));
    if even {
        return false;
    }
    // On these a job that is skipped skips those that wait for it.
    let skips = matches!(file.pipeline.platform, Platform::GitHub | Platform::Azure)
        && b.needs.iter().any(|need| need.job == first.job && !need.optional);
    let by_job = job.is_empty() || job == later_job || skips;
    let by_step = step.is_empty() || step == later_step || step == later_job;
    by_job && by_step
}

/// Whether both have the same files beside the checkout.
fn same_sources(file: &File, first: &Build<'_>, again: &Build<'_>) -> bool {
    let fetched = |build: &Build<'_>| {
        let job = file.pipeline.jobs.get(build.job);
        let mut names: Vec<&String> = job
            .into_iter()
            .flat_map(words::main_does)
            .filter_map(|does| match does {
                Does::Download(name) => Some(name),
                _ => None,
            })
            .collect();
        names.sort();
        names
    };
    let (a, b) = (fetched(first), fetched(again));
    a.is_empty() || b.is_empty() || a == b
}

fn hit(file: &File, first: Build<'_>, again: Build<'_>, waited: bool) -> Option<Hit> {
    let jobs = &file.pipeline.jobs;
    let (one, other) = (jobs.get(first.job)?, jobs.get(again.job)?);
    let (a, b) = (one.title(), other.title());
    let step = other.steps.get(again.step)?;
    let span = match (&step.uses, &step.script) {
        (Some(uses), _) => uses.span,
        (None, Some(script)) => script.span,
        _ => step.span,
    };
    let named = first.image.tags.first().map(|tag| format!(" `{}`", tag.replace('\n', " ")));
    let named = named.filter(|name| name.len() < 90).unwrap_or_default();
    let fix = if waited && first.pushed { share::fix(file, first, again) } else { None };
    let mut why = match (waited, first.pushed) {
        (true, true) => format!(
            "`{a}` has pushed{named} by then: building it again takes the time twice, and gives \
             another image than the one that was pushed."
        ),
        _ => "Both build the same folder with the same Dockerfile and arguments: that takes the \
             time twice, and what one of them checks is not what the other hands on."
            .to_owned(),
    };
    why.push(' ');
    // An output goes by the job's key.
    let by = if file.pipeline.platform == Platform::GitHub { one.id.as_str() } else { a };
    why.push_str(&share::advice(file.pipeline.platform, by, b, waited, first.pushed));
    if again.image.cached && first.image.cached {
        why.push_str(" The layers come from a cache, which makes the second build shorter.");
    }
    let cached = again.image.cached;
    Some(Hit {
        span,
        title: format!("`{b}` builds the image again that `{a}` builds"),
        why,
        severity: cached.then_some(Severity::Low),
        confidence: match (waited, first.pushed) {
            (true, true) => 0.9,
            (true, false) => 0.8,
            _ => 0.65,
        },
        fix,
        effect: (waited && first.pushed).then(|| Effect::ReuseImage(vec![again.job])),
    })
}
