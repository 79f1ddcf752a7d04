//! Languages that GitHub's own actions set up, and the caches beside them.

use super::super::super::{Action, Job};
use super::super::context::Context;
use super::super::lower::cache_plan;
use super::super::prepare::releases;
use super::super::yaml::{Map, Yaml};
use super::steps::uses;
use crate::pipeline::words::Manager;

/// A release must not read what a pull request may have put into a cache.
pub(super) fn no_cache(cx: &Context<'_>, job: &Job) -> bool {
    let releases = releases(cx.portable);
    if releases {
        cx.lose(
            format!("the cache of job `{}`", job.id),
            "This workflow makes releases, and a release must not read a cache that a pull request may have written",
            job.line,
        );
    }
    releases
}

/// The manager whose cache a `setup-*` action keeps.
fn cached_manager(job: &Job, language: &str) -> Option<(Manager, Vec<String>)> {
    job.steps.iter().find_map(|step| match &step.action {
        Action::CacheDependencies { manager, lockfiles, .. }
            if language_of(*manager) == Some(language) =>
        {
            Some((*manager, lockfiles.clone()))
        }
        _ => None,
    })
}

fn language_of(manager: Manager) -> Option<&'static str> {
    Some(match manager {
        Manager::Npm | Manager::Yarn | Manager::Pnpm => "node",
        Manager::Pip | Manager::Poetry | Manager::Pipenv => "python",
        Manager::Maven | Manager::Gradle => "java",
        Manager::Go => "go",
        Manager::Nuget => "dotnet",
        Manager::Bundler => "ruby",
        _ => return None,
    })
}

pub(super) fn setup(cx: &Context<'_>, job: &Job, language: &str, version: &str) -> Vec<Map> {
    let mut with = Map::new();
    let given =
        |usual: &str| if version.is_empty() { usual.to_owned() } else { version.to_owned() };
    let cached = cached_manager(job, language);
    let cached = if cached.is_some() && no_cache(cx, job) { None } else { cached };
    let mut before = Vec::new();
    let (action, title) = match language {
        "node" => {
            with.set("node-version", given("lts/*"));
            if cached.as_ref().is_some_and(|(manager, _)| *manager == Manager::Pnpm) {
                before.push(uses("Set up pnpm", "pnpm/action-setup", Map::new()));
            }
            ("actions/setup-node", "Set up Node.js")
        }
        "python" => {
            with.set("python-version", given("3.x"));
            ("actions/setup-python", "Set up Python")
        }
        "go" => {
            if version.is_empty() {
                with.set("go-version-file", "go.mod");
            } else {
                with.set("go-version", version);
            }
            ("actions/setup-go", "Set up Go")
        }
        "java" => {
            with.set("distribution", "temurin").set("java-version", given("21"));
            ("actions/setup-java", "Set up Java")
        }
        "dotnet" => {
            with.set("dotnet-version", given("9.0.x"));
            ("actions/setup-dotnet", "Set up .NET")
        }
        "ruby" => {
            with.set("ruby-version", given("3.4"));
            ("ruby/setup-ruby", "Set up Ruby")
        }
        "php" => {
            with.set("php-version", given("8.4")).set("coverage", "none");
            ("shivammathur/setup-php", "Set up PHP")
        }
        "bun" => {
            with.filled("bun-version", Yaml::Text(given("latest")));
            ("oven-sh/setup-bun", "Set up Bun")
        }
        "uv" => {
            with.set("enable-cache", !releases(cx.portable));
            ("astral-sh/setup-uv", "Set up uv")
        }
        "terraform" => {
            if !version.is_empty() {
                with.set("terraform_version", version);
            }
            with.set("terraform_wrapper", false);
            ("hashicorp/setup-terraform", "Set up Terraform")
        }
        "helm" => {
            if !version.is_empty() {
                with.set("version", version);
            }
            ("azure/setup-helm", "Set up Helm")
        }
        "rust" => {
            let mut map = Map::new();
            map.set("name", "Set up Rust");
            let toolchain = given("stable");
            let mut env = Map::new();
            env.set("TOOLCHAIN", toolchain);
            map.set("env", env);
            map.set(
                "run",
                Yaml::script(
                    "rustup toolchain install \"$TOOLCHAIN\" --profile minimal --component clippy,rustfmt\nrustup default \"$TOOLCHAIN\"",
                ),
            );
            return vec![map];
        }
        "kubectl" => {
            cx.remark("`kubectl` is on GitHub's own runners; on others it has to be installed");
            return Vec::new();
        }
        other => {
            cx.lose(
                format!("the set-up of {other} in job `{}`", job.id),
                "No action for it is known here; install it in a step",
                job.line,
            );
            return Vec::new();
        }
    };
    match (language, cached) {
        ("go", None) if releases(cx.portable) => {
            // It keeps a cache unless told not to.
            with.set("cache", false);
        }
        ("go", cached) => {
            let files = cached.map(|(_, files)| files).unwrap_or_default();
            if !files.is_empty() {
                with.set("cache-dependency-path", Yaml::script(&files.join("\n")));
            }
        }
        ("ruby", Some(_)) => {
            with.set("bundler-cache", true);
        }
        ("dotnet", Some((_, files))) => {
            with.set("cache", true);
            if !files.is_empty() {
                with.set("cache-dependency-path", Yaml::script(&files.join("\n")));
            }
        }
        (_, Some((manager, files))) => {
            with.set("cache", cache_plan(manager).name);
            if !files.is_empty() {
                with.set("cache-dependency-path", Yaml::script(&files.join("\n")));
            }
        }
        ("node", None) => {
            // It keeps npm's cache by itself where package.json names the manager.
            with.set("package-manager-cache", false);
        }
        (_, None) => {}
    }
    before.push(uses(title, action, with));
    before
}

pub(super) fn cache_step(
    cx: &Context<'_>,
    job: &Job,
    manager: Manager,
    lockfiles: &[String],
    paths: &[String],
) -> Vec<Map> {
    let with_setup = language_of(manager).is_some_and(|language| {
        job.steps.iter().any(
            |step| matches!(&step.action, Action::Setup { language: known, .. } if known == language),
        )
    });
    let uv = manager == Manager::Uv
        && job
            .steps
            .iter()
            .any(|step| matches!(&step.action, Action::Setup { language, .. } if language == "uv"));
    if with_setup || uv || no_cache(cx, job) {
        return Vec::new();
    }
    let plan = cache_plan(manager);
    let files = if lockfiles.is_empty() {
        vec![format!("**/{}", plan.lockfile)]
    } else {
        lockfiles.to_vec()
    };
    let paths = match (paths, manager) {
        ([], Manager::Cargo) => {
            vec!["~/.cargo/registry".into(), "~/.cargo/git".into(), "target".into()]
        }
        ([], _) => vec![plan.home.to_owned()],
        (paths, _) => paths.to_vec(),
    };
    vec![cache(plan.name, &files, &paths)]
}

pub(super) fn cache(name: &str, files: &[String], paths: &[String]) -> Map {
    let mut with = Map::new();
    let files: Vec<String> =
        files.iter().map(|file| format!("'{}'", file.replace('\'', "''"))).collect();
    with.set("path", Yaml::script(&paths.join("\n")));
    // Without files the newest cache is taken by its name and kept anew by each run.
    let last = if files.is_empty() {
        "github.run_id".to_owned()
    } else {
        format!("hashFiles({})", files.join(", "))
    };
    with.set("key", format!("{name}-${{{{ runner.os }}}}-${{{{ {last} }}}}"));
    with.set("restore-keys", format!("{name}-${{{{ runner.os }}}}-"));
    uses("Restore the cache", "actions/cache", with)
}
