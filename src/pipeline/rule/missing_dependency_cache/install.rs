//! Which commands of a job fetch dependencies, where, and by which lockfile.

use crate::pipeline::Files;
use crate::pipeline::graph::{Job, Phase, Seg, Span, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::rule::Context;
use crate::pipeline::words::shell::Command;
use crate::pipeline::words::{self, Does, Manager};
use crate::pipeline::yaml::{Id, Tree};

/// A command that fetches dependencies.
#[derive(Debug, Clone)]
pub(super) struct Install {
    /// The package manager.
    pub manager: Manager,
    /// The step's place in the job.
    pub step: usize,
    /// The command as it is written.
    pub text: String,
    /// Where it is shown.
    pub span: Span,
    /// The folder it runs in, relative to the checkout, without `/` at its ends; empty
    /// is the root.
    pub folder: String,
    /// What says which versions are fetched, relative to the checkout; at least one,
    /// at most two.
    pub locks: Vec<String>,
}

/// The node at a path of the tree, aliases followed.
pub(super) fn node(tree: &Tree, path: &[Seg]) -> Option<Id> {
    path.iter().try_fold(tree.root()?, |at, seg| {
        let at = tree.resolve(at);
        match seg {
            Seg::Key(key) => tree.get(at, key).map(|entry| entry.value),
            Seg::Index(index) => tree.items(at).get(*index).copied(),
        }
    })
}

/// A scalar's text below a node.
pub(super) fn text<'t>(tree: &'t Tree, at: Id, keys: &[&str]) -> Option<&'t str> {
    let found = keys
        .iter()
        .try_fold(at, |at, key| tree.get(tree.resolve(at), key).map(|entry| entry.value))?;
    tree.text(tree.resolve(found))
}

/// What a job fetches, the first command of each manager.
pub(super) fn installs(context: &Context<'_>, job: &Job) -> Vec<Install> {
    let mut found: Vec<Install> = Vec::new();
    for (place, step) in job.steps.iter().enumerate() {
        // What a template of the checkout says is the job's own on GitLab.
        let included = step.span.file != 0;
        if step.phase != Phase::Main
            || (included && context.pipeline().platform != Platform::GitLab)
        {
            continue;
        }
        let fetches = step.does.iter().any(|does| matches!(does, Does::Install(_)));
        let Some(script) = step.script.as_ref().filter(|_| fetches) else { continue };
        let Some(options) = words::options(context.pipeline().platform, job, script) else {
            continue;
        };
        let Some(mut folder) = start(context, job, step) else { continue };
        for command in words::commands(&script.text, options) {
            if matches!(command.program(), "cd" | "pushd") {
                match command.words.get(1).and_then(|word| joined(&folder, &word.text)) {
                    Some(new) => folder = new,
                    // Where it goes from here is not known.
                    None => break,
                }
                continue;
            }
            let Some(own) = script.text.get(command.span.clone()) else { continue };
            // What runs in a container or on another machine leaves nothing here.
            if matches!(command.program(), "docker" | "podman" | "nerdctl" | "kubectl" | "ssh") {
                continue;
            }
            if command.image.is_some() || command.nested || command.condition || uncached(own) {
                continue;
            }
            let does = words::text(own, options).does;
            let Some(manager) = does.iter().find_map(|does| match does {
                Does::Install(manager) => Some(*manager),
                _ => None,
            }) else {
                continue;
            };
            if found.iter().any(|known| known.manager == manager) {
                continue;
            }
            if names_packages(manager, &command) {
                continue;
            }
            let named = match manager {
                Manager::Nuget => project_of(&command, &folder),
                _ => folder_of(&command, &folder),
            };
            let Some(folder) = named else { continue };
            let locks = locks(context.files, manager, &folder, &command);
            if locks.is_empty() {
                continue;
            }
            found.push(Install {
                manager,
                step: place,
                text: own.to_owned(),
                span: if included { job.key_span } else { place_of(context, script.span, own) },
                folder,
                locks,
            });
        }
    }
    found
}

/// Whether a command says that nothing is to be kept, or fetches nothing.
fn uncached(command: &str) -> bool {
    ["--no-cache-dir", "--no-cache", "--offline", "--no-index", " -g ", "--global", "--help"]
        .iter()
        .any(|word| command.contains(word))
}

/// Whether a command fetches what it names and not what the lockfile does.
fn names_packages(manager: Manager, command: &Command) -> bool {
    let verb = command.words.get(1).map_or("", |word| word.text.as_str());
    let plain = |from: usize| {
        command.words.iter().skip(from).any(|word| !word.text.starts_with(['-', '.', '$', '/']))
    };
    match manager {
        Manager::Npm => {
            matches!(verb, "install" | "i" | "add") && plain(2) && !has(command, "--prefix")
        }
        Manager::Yarn | Manager::Pnpm | Manager::Bun | Manager::Poetry | Manager::Uv => {
            matches!(verb, "add" | "update" | "lock" | "venv")
        }
        Manager::Cargo => matches!(verb, "install" | "update" | "add" | "search"),
        Manager::Go => matches!(verb, "get" | "install"),
        Manager::Composer => matches!(verb, "require" | "update" | "create-project" | "u"),
        Manager::Nuget => verb == "add",
        Manager::Bundler => matches!(verb, "update" | "package" | "cache"),
        _ => false,
    }
}

fn has(command: &Command, option: &str) -> bool {
    command.texts().any(|word| word.starts_with(option))
}

/// Where a command of a script stands in the file; where its lines are folded or
/// escaped, the script.
fn place_of(context: &Context<'_>, script: Span, command: &str) -> Span {
    let source = context.file.text.get(script.range()).unwrap_or_default();
    match source.find(command).filter(|_| script.file == 0) {
        Some(at) => {
            let start = script.range().start + at;
            Span::new(start..start + command.len())
        }
        None => script,
    }
}

/// The folder in which a step's script starts; `None` where it is computed.
fn start(context: &Context<'_>, job: &Job, step: &Step) -> Option<String> {
    let tree = &context.file.tree;
    let own = node(tree, &step.path).and_then(|at| {
        text(tree, at, &["working-directory"]).or_else(|| text(tree, at, &["workingDirectory"]))
    });
    let keys = ["defaults", "run", "working-directory"];
    let of_job = || node(tree, &job.path).and_then(|at| text(tree, at, &keys));
    let of_all = || tree.root().and_then(|at| text(tree, at, &keys));
    let said = own.or_else(of_job).or_else(of_all).unwrap_or("");
    let said = said.strip_prefix("$(Build.SourcesDirectory)").unwrap_or(said);
    let said = said.strip_prefix("${{ github.workspace }}").unwrap_or(said);
    joined("", said.trim_start_matches('/'))
}

/// A folder seen from another one; `None` where it leads out of the checkout or is
/// computed.
fn joined(from: &str, to: &str) -> Option<String> {
    let to = to.strip_prefix("$CI_PROJECT_DIR").map_or(to, |rest| rest.trim_start_matches('/'));
    if to.starts_with(['/', '~', '-']) || to.contains(['$', '`', '*', '<', '\\', ':']) {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder a command is about: its options may name another one.
fn folder_of(command: &Command, folder: &str) -> Option<String> {
    let mut words = command.texts();
    while let Some(word) = words.next() {
        let value = match word {
            "--prefix" | "--cwd" | "-C" | "--dir" | "-p" | "--project-dir" | "--directory" => {
                words.next()
            }
            _ => ["--prefix=", "--cwd=", "--dir=", "--project-dir=", "--directory="]
                .iter()
                .find_map(|option| word.strip_prefix(option)),
        };
        if let Some(value) = value {
            return joined(folder, value);
        }
        if matches!(word, "-f" | "--file" | "--manifest-path") {
            let (above, _) = words.next()?.rsplit_once('/').unwrap_or(("", ""));
            return joined(folder, above);
        }
    }
    Some(folder.to_owned())
}

/// The folder of the project that `dotnet restore` names.
fn project_of(command: &Command, folder: &str) -> Option<String> {
    let named = command.texts().nth(2).filter(|word| !word.starts_with('-'));
    let named = named.filter(|_| command.texts().nth(1) == Some("restore"));
    match named {
        None => Some(folder.to_owned()),
        Some(path)
            if path.ends_with("proj") || path.ends_with(".sln") || path.ends_with(".slnx") =>
        {
            joined(folder, path.rsplit_once('/').map_or("", |(above, _)| above))
        }
        Some(path) => joined(folder, path),
    }
}

/// Files that say which versions are fetched, nearest first from the folder upwards.
fn locks(files: &dyn Files, manager: Manager, folder: &str, command: &Command) -> Vec<String> {
    if manager == Manager::Pip {
        return requirements(files, folder, command);
    }
    let names: &[&str] = match manager {
        Manager::Npm => &["package-lock.json", "npm-shrinkwrap.json"],
        Manager::Yarn => &["yarn.lock"],
        Manager::Pnpm => &["pnpm-lock.yaml"],
        Manager::Bun => &["bun.lock", "bun.lockb"],
        Manager::Pip => &[],
        Manager::Poetry => &["poetry.lock"],
        Manager::Pipenv => &["Pipfile.lock"],
        Manager::Uv => &["uv.lock"],
        Manager::Maven => &["pom.xml"],
        Manager::Gradle => &[
            "gradle.lockfile",
            "gradle/libs.versions.toml",
            "build.gradle.kts",
            "build.gradle",
            "gradle/wrapper/gradle-wrapper.properties",
        ],
        Manager::Go => &["go.sum"],
        Manager::Cargo => &["Cargo.lock"],
        Manager::Nuget => &["packages.lock.json"],
        Manager::Bundler => &["Gemfile.lock"],
        Manager::Composer => &["composer.lock"],
    };
    let most = if manager == Manager::Gradle { 2 } else { 1 };
    let mut at = Some(folder);
    while let Some(folder) = at {
        let found: Vec<String> = names
            .iter()
            .filter_map(|name| joined(folder, name))
            .filter(|path| files.exists(path))
            .take(most)
            .collect();
        if !found.is_empty() {
            return found;
        }
        at = (!folder.is_empty()).then(|| folder.rsplit_once('/').map_or("", |(above, _)| above));
    }
    Vec::new()
}

/// What `pip install` is told to read: `-r FILE`, or the project in a folder.
fn requirements(files: &dyn Files, folder: &str, command: &Command) -> Vec<String> {
    let mut found = Vec::new();
    let mut words = command.texts().peekable();
    while let Some(word) = words.next() {
        let named = match word {
            "-r" | "--requirement" => words.next(),
            "-e" | "--editable" => None,
            _ => word
                .strip_prefix("--requirement=")
                .or_else(|| word.strip_prefix("-r").filter(|rest| !rest.is_empty())),
        };
        let project = || {
            let path = word.split('[').next().unwrap_or(word);
            let here = path == "." || path.starts_with("./") || path.ends_with('/');
            here.then(|| joined(folder, path)).flatten().and_then(|at| {
                ["pyproject.toml", "setup.py"]
                    .iter()
                    .find_map(|name| joined(&at, name).filter(|path| files.exists(path)))
            })
        };
        let path = match named {
            Some(named) => joined(folder, named).filter(|path| files.exists(path)),
            None => project(),
        };
        found.extend(path);
    }
    found.dedup();
    found.truncate(2);
    found
}
