//! What jobs read of others and leave for them, beyond what their dialect says:
//! images, packages, caches, states of infrastructure, environments.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;

use super::graph::{Access, Job, Pipeline, Resource, Span, Step, Variable};
use super::words::{self, Does, Manager, ScanTarget};

/// Adds what the words of the steps tell.
///
/// An image goes by its reference without tag and digest, variables filled in where
/// the pipeline defines them, else as written; an empty name is an image of which no
/// name is known. A package goes by its registry's name (`npm`).
pub fn infer(pipeline: &mut Pipeline) {
    let pushed = pushed(pipeline);
    let mentions = Mentions::of(&pushed);
    let platform = pipeline.platform;
    for job in &mut pipeline.jobs {
        let mut found = Found::default();
        let built = built(job, &pipeline.env);
        for step in &job.steps {
            let scope = Scope { step: &step.env, job: &job.env, pipeline: &pipeline.env };
            for does in &step.does {
                of(does, job, step.span, &scope, &built, &mut found);
            }
            for key in restored(step) {
                found.read(Resource::Cache(key), step.span);
            }
            for reference in scanned(platform, job, step) {
                let name = image_name(&scope.expand(&reference));
                if !built.contains(&name) {
                    found.read(Resource::Image(name), step.span);
                }
            }
            if step.does.iter().any(|does| matches!(does, Does::Deploy(_))) {
                for name in mentions.of_step(step).into_iter().filter_map(|at| pushed.get(at)) {
                    found.read(Resource::Image(name.clone()), step.span);
                }
            }
        }
        if let Some(image) = &job.image {
            let scope = Scope { step: &[], job: &job.env, pipeline: &pipeline.env };
            let name = image_name(&scope.expand(&image.value));
            if pushed.contains(&name) {
                found.read(Resource::Image(name), image.span);
            }
        }
        for (list, more) in [(&mut job.reads, found.reads), (&mut job.writes, found.writes)] {
            for access in more {
                if !list.iter().any(|known| known.what == access.what) {
                    list.push(access);
                }
            }
        }
    }
}

#[derive(Default)]
struct Found {
    reads: Vec<Access>,
    writes: Vec<Access>,
}

impl Found {
    fn read(&mut self, what: Resource, span: Span) {
        self.reads.push(Access { what, span });
    }

    fn write(&mut self, what: Resource, span: Span) {
        self.writes.push(Access { what, span });
    }
}

/// Variables, the nearest first.
struct Scope<'a> {
    step: &'a [Variable],
    job: &'a [Variable],
    pipeline: &'a [Variable],
}

impl Scope<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        let all = [self.step, self.job, self.pipeline];
        let found = all.iter().find_map(|list| list.iter().find(|one| one.name == name));
        found.map(|one| one.value.as_str())
    }

    /// Fills in variables that the pipeline defines, up to three deep.
    fn expand(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..3 {
            let next = self.once(&text);
            if next == text || next.len() > 2000 {
                break;
            }
            text = next;
        }
        text
    }

    fn once(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '<']) {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let (length, name) = variable(from);
            match name.and_then(|name| self.value(name)) {
                Some(value) => out.push_str(value),
                None => out.push_str(from.get(..length).unwrap_or("")),
            }
            rest = from.get(length..).unwrap_or("");
        }
        out.push_str(rest);
        out
    }
}

/// A step's text with the variables filled in that the file defines for it, up to
/// three deep; others stay as written.
pub fn expand(text: &str, step: &Step, job: &Job, pipeline: &Pipeline) -> String {
    Scope { step: &step.env, job: &job.env, pipeline: &pipeline.env }.expand(text)
}

/// The length of the placeholder that a text begins with, and its variable's name:
/// `$A`, `${A}`, `$(A)`, `${{ env.A }}`, `<+pipeline.variables.A>`.
fn variable(text: &str) -> (usize, Option<&str>) {
    let closed = |open: &str, close: &str| {
        let inner = text.strip_prefix(open)?;
        let end = inner.find(close)?;
        Some((open.len() + end + close.len(), inner.get(..end)?.trim()))
    };
    let last = |name: &str| name.rsplit('.').next().map_or(0, str::len);
    let found = closed("${{", "}}")
        .or_else(|| closed("${", "}"))
        .or_else(|| closed("$(", ")"))
        .or_else(|| closed("<+", ">"));
    if let Some((length, name)) = found {
        let known = ["env.", "variables.", "pipeline.variables.", "stage.variables.", "vars."];
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let scoped = known.iter().any(|start| name.starts_with(start));
        let tail = name.get(name.len() - last(name)..).filter(|_| plain || scoped);
        return (length, tail);
    }
    let Some(rest) = text.strip_prefix('$') else { return (1, None) };
    let length =
        rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    (1 + length, rest.get(..length).filter(|name| !name.is_empty()))
}

/// An image's reference without tag, digest and transport.
pub fn image_name(reference: &str) -> String {
    let text = reference.trim().trim_matches(['"', '\'']);
    let text = text.strip_prefix("docker://").unwrap_or(text);
    let text = text.split('@').next().unwrap_or(text);
    // A colon before a slash belongs to a registry's port; one within a placeholder
    // is none of ours.
    let mut depth = 0_usize;
    let mut cut = text.len();
    for (at, char) in text.char_indices() {
        match char {
            '{' | '(' | '<' => depth += 1,
            '}' | ')' | '>' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => cut = text.len(),
            ':' if depth == 0 => cut = cut.min(at),
            _ => {}
        }
    }
    text.get(..cut).unwrap_or(text).to_owned()
}

/// The beginnings of keys that a cache step falls back on, each with `*` behind it.
fn restored(step: &Step) -> Vec<String> {
    let caches = step.does.iter().any(|does| matches!(does, Does::Cache { .. }));
    let Some(uses) = step.uses.as_ref().filter(|_| caches) else { return Vec::new() };
    let keys = ["restore-keys", "restoreKeys"].iter().find_map(|name| uses.input(name));
    let lines = keys.unwrap_or("").lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("{line}*")).collect()
}

/// Names of the images that any job pushes.
fn pushed(pipeline: &Pipeline) -> Vec<String> {
    let mut names = Vec::new();
    for job in &pipeline.jobs {
        for step in &job.steps {
            let scope = Scope { step: &step.env, job: &job.env, pipeline: &pipeline.env };
            for does in &step.does {
                if let Does::PushImage(reference) = does {
                    names.push(image_name(&scope.expand(reference)));
                }
            }
        }
    }
    names.sort();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names
}

/// Names of the images that a job builds itself.
fn built(job: &Job, global: &[Variable]) -> Vec<String> {
    let mut names = Vec::new();
    for step in &job.steps {
        let scope = Scope { step: &step.env, job: &job.env, pipeline: global };
        for does in &step.does {
            if let Does::BuildImage(build) = does {
                names.extend(build.tags.iter().map(|tag| image_name(&scope.expand(tag))));
            }
        }
    }
    names
}

/// Which images a step names, by the last parts of their names: all are looked for at
/// once, as there may be many of them and many steps.
struct Mentions {
    search: Option<AhoCorasick>,
    /// Which image each pattern is of.
    images: Vec<usize>,
}

impl Mentions {
    fn of(names: &[String]) -> Self {
        let lasts = names.iter().map(|name| name.rsplit('/').next().unwrap_or(name)).enumerate();
        let (images, lasts): (Vec<usize>, Vec<&str>) =
            lasts.filter(|(_, last)| last.len() >= 3).unzip();
        // Only more patterns than memory holds are refused.
        let search = (!lasts.is_empty()).then(|| AhoCorasick::new(lasts).ok()).flatten();
        Mentions { search, images }
    }

    /// Their places, in order.
    fn of_step(&self, step: &Step) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let Some(search) = &self.search else { return found };
        let script = step.script.iter().map(|script| &script.text);
        let inputs = step.uses.iter().flat_map(|uses| &uses.inputs).map(|(_, at)| &at.value);
        for text in script.chain(inputs) {
            let hits = search.find_overlapping_iter(text.as_str());
            found.extend(hits.filter_map(|hit| self.images.get(hit.pattern().as_usize()).copied()));
        }
        found
    }
}

/// Images that the scanners of a step look at, as written.
fn scanned(platform: super::Platform, job: &Job, step: &Step) -> Vec<String> {
    let looks = |does: &Does| matches!(does, Does::Scan { target: ScanTarget::Image, .. });
    if !step.does.iter().any(looks) {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let Some(uses) = &step.uses {
        let names = [
            "image-ref",
            "imageRef",
            "image",
            "image.name",
            "image-name",
            "images",
            "IMAGE_NAME",
            "image_name",
        ];
        found.extend(names.iter().filter_map(|name| uses.input(name)).map(str::to_owned));
    }
    if let Some(script) = &step.script
        && let Some(options) = words::options(platform, job, script)
    {
        found.extend(words::scanned_images(&script.text, options));
    }
    found
}

/// The registry that a package manager installs from.
fn registry(manager: Manager) -> &'static str {
    match manager {
        Manager::Npm | Manager::Yarn | Manager::Pnpm | Manager::Bun => "npm",
        Manager::Pip | Manager::Poetry | Manager::Pipenv | Manager::Uv => "pypi",
        Manager::Maven | Manager::Gradle => "maven",
        Manager::Go => "go",
        Manager::Cargo => "crates",
        Manager::Nuget => "nuget",
        Manager::Bundler => "gem",
        Manager::Composer => "packagist",
    }
}

fn of(does: &Does, job: &Job, span: Span, scope: &Scope<'_>, built: &[String], found: &mut Found) {
    let environment = || {
        let named = job.environment.as_ref().map(|at| at.value.clone());
        Resource::Environment(named.unwrap_or_default())
    };
    match does {
        Does::PushImage(reference) => {
            found.write(Resource::Image(image_name(&scope.expand(reference))), span);
        }
        Does::PullImage(reference) => {
            let name = image_name(&scope.expand(reference));
            if !built.contains(&name) {
                found.read(Resource::Image(name), span);
            }
        }
        Does::Publish(registry) => found.write(Resource::Package(registry.clone()), span),
        Does::Install(manager) => {
            found.read(Resource::Package(registry(*manager).to_owned()), span);
        }
        Does::Cache { key, .. } if !key.is_empty() => {
            found.read(Resource::Cache(key.clone()), span);
            found.write(Resource::Cache(key.clone()), span);
        }
        Does::Deploy(tool) => {
            found.write(environment(), span);
            if is_state(tool) {
                found.read(Resource::State(tool.clone()), span);
                found.write(Resource::State(tool.clone()), span);
            }
        }
        Does::Plan(tool) => found.read(Resource::State(tool.clone()), span),
        Does::Rollback => {
            found.read(environment(), span);
            found.write(environment(), span);
        }
        Does::HealthCheck | Does::Scan { target: ScanTarget::Live, .. } => {
            found.read(environment(), span);
        }
        Does::Upload(name) if !name.is_empty() => {
            found.write(Resource::Artifact(name.clone()), span);
        }
        _ => {}
    }
}

fn is_state(tool: &str) -> bool {
    ["terraform", "terragrunt", "pulumi", "cdk", "cdktf", "iac", "cloudformation"].contains(&tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_go_by_their_reference_without_tag() {
        let cases = [
            ("ghcr.io/a/b:1", "ghcr.io/a/b"),
            ("localhost:5000/a", "localhost:5000/a"),
            ("localhost:5000/a:${{ github.sha }}", "localhost:5000/a"),
            ("a@sha256:0", "a"),
            ("$REGISTRY/app:$TAG", "$REGISTRY/app"),
            ("acme/app:<+codebase.commitSha>", "acme/app"),
            ("${IMAGE:-app}:1", "${IMAGE:-app}"),
            ("docker://a:b", "a"),
            ("", ""),
        ];
        for (reference, expect) in cases {
            assert_eq!(image_name(reference), expect, "{reference}");
        }
    }

    #[test]
    fn variables_that_are_defined_are_filled_in() {
        let one = |name: &str, value: &str| Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            span: Span::default(),
        };
        let job = [one("A", "x/$B")];
        let all = [one("B", "y"), one("A", "far")];
        let scope = Scope { step: &[], job: &job, pipeline: &all };
        let cases = [
            ("$A:1", "x/y:1"),
            ("${A}/${{ env.B }}", "x/y/y"),
            ("$(B)", "y"),
            ("<+pipeline.variables.B>-", "y-"),
            ("$C ${D} $", "$C ${D} $"),
            ("${{ github.sha }}", "${{ github.sha }}"),
        ];
        for (text, expect) in cases {
            assert_eq!(scope.expand(text), expect, "{text}");
        }
    }
}
