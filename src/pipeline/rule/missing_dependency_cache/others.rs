//! The other platforms: folders of the job that are kept under a key.

use super::install::{Install, node, text};
use super::{Context, Remedy, name};
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, Path, Resource, Seg, Variable};
use crate::pipeline::groovy::write::Wrapper;
use crate::pipeline::platform::Platform;
use crate::pipeline::words::Manager;
use crate::pipeline::yaml::Tree;
use crate::pipeline::yaml::value::Value;

/// How a manager's folder is moved to where it can be kept.
struct Folder {
    /// The variable that names it.
    variable: &'static str,
    /// Below the root of what is kept.
    path: &'static str,
    /// Whether nothing but speed depends on it.
    safe: bool,
}

/// By each manager's own reference of its settings.
fn folder(manager: Manager) -> Folder {
    let (variable, path, safe) = match manager {
        Manager::Npm => ("npm_config_cache", ".npm", true),
        Manager::Yarn => ("YARN_CACHE_FOLDER", ".yarn-cache", true),
        Manager::Pnpm => ("npm_config_store_dir", ".pnpm-store", false),
        Manager::Bun => ("BUN_INSTALL_CACHE_DIR", ".bun-cache", false),
        Manager::Pip => ("PIP_CACHE_DIR", ".cache/pip", true),
        // Its environments lie in the same folder.
        Manager::Poetry => ("POETRY_CACHE_DIR", ".cache/pypoetry", false),
        Manager::Pipenv => ("PIPENV_CACHE_DIR", ".cache/pipenv", false),
        Manager::Uv => ("UV_CACHE_DIR", ".uv-cache", true),
        Manager::Maven => ("MAVEN_OPTS", ".m2/repository", true),
        Manager::Gradle => ("GRADLE_USER_HOME", ".gradle", true),
        // Tools that walk the project would find sources and programs there.
        Manager::Go => ("GOMODCACHE", ".go/pkg/mod", false),
        Manager::Cargo => ("CARGO_HOME", ".cargo-home", false),
        Manager::Nuget => ("NUGET_PACKAGES", ".nuget/packages", true),
        Manager::Bundler => ("BUNDLE_PATH", "vendor/bundle", false),
        Manager::Composer => ("COMPOSER_CACHE_DIR", ".composer-cache", true),
    };
    Folder { variable, path, safe }
}

/// What would keep the packages; `None` where they are kept, or are not wanted to be.
pub(super) fn remedy<'w>(
    context: &Context<'_>,
    wrapper: &dyn Fn() -> Option<&'w Wrapper<'w>>,
    job: &Job,
    group: &[Install],
) -> Option<Remedy> {
    let platform = context.pipeline().platform;
    if platform != Platform::Jenkins && set(context, job, "cache").is_some() {
        return None;
    }
    let mut remedy = match platform {
        Platform::GitLab => gitlab(context, job, group),
        Platform::Azure => azure(context, job, group),
        Platform::Bitbucket => bitbucket(context, job, group),
        Platform::Harness => harness(context, job, group),
        Platform::Jenkins => jenkins(context, wrapper, job, group),
        Platform::GitHub => None,
    }?;
    // A script that stands elsewhere is of other jobs too.
    let own = group.iter().all(|install| {
        job.steps.get(install.step).is_some_and(|step| step.path.starts_with(&job.path))
    });
    if !own {
        remedy.ops.clear();
        remedy.safe = false;
    }
    remedy.safe &= !(job.shared && platform != Platform::GitLab);
    Some(remedy)
}

fn below(path: &Path, keys: &[&str]) -> Path {
    let mut path = path.clone();
    path.extend(keys.iter().map(|key| Seg::Key((*key).to_owned())));
    path
}

/// The path of a key that the job's mapping has.
fn set(context: &Context<'_>, job: &Job, key: &str) -> Option<Path> {
    let path = below(&job.path, &[key]);
    node(&context.file.tree, &path).map(|_| path)
}

fn variable<'c>(context: &'c Context<'_>, job: &'c Job, name: &str) -> Option<&'c Variable> {
    let mut all = job.env.iter().chain(&context.pipeline().env);
    all.find(|variable| variable.name.eq_ignore_ascii_case(name))
}

/// The place of the one item of a script in which a command stands.
fn item(tree: &Tree, script: &Path, command: &str) -> Option<Path> {
    let at = node(tree, script)?;
    let once = |text: &str| text.matches(command).count() == 1;
    if tree.text(at).is_some_and(once) {
        return Some(script.clone());
    }
    let mut places =
        tree.items(at).iter().enumerate().filter(|(_, id)| {
            tree.text(tree.resolve(**id)).is_some_and(|text| text.contains(command))
        });
    let (index, id) = places.next()?;
    if places.next().is_some() || !tree.text(tree.resolve(*id)).is_some_and(once) {
        return None;
    }
    let mut path = script.clone();
    path.push(Seg::Index(index));
    Some(path)
}

/// Another flag at the end of an install command, where it can be written there.
fn flag(context: &Context<'_>, job: &Job, install: &Install, flag: &str) -> Option<Op> {
    let script = job.steps.get(install.step)?.script.as_ref()?;
    let plain = install.folder.is_empty()
        && !install.text.contains(" -- ")
        && !install.text.contains(['\n', '\\', '"', '\'']);
    let at = item(&context.file.tree, &script.path, &install.text).filter(|_| plain)?;
    Some(Op::Text { at, find: install.text.clone(), replace: format!("{} {flag}", install.text) })
}

/// New variables of a job, in the form that stands there.
fn variables(context: &Context<'_>, job: &Job, new: Vec<(String, Value)>) -> Vec<Op> {
    if new.is_empty() {
        return Vec::new();
    }
    let tree = &context.file.tree;
    let at = below(&job.path, &["variables"]);
    let Some(id) = node(tree, &at) else {
        return vec![Op::Insert {
            at: job.path.clone(),
            key: "variables".to_owned(),
            value: Value::map(new),
            place: Place::Before(vec!["before_script", "script", "steps", "strategy"]),
        }];
    };
    let items = tree.items(tree.resolve(id)).len();
    new.into_iter()
        .map(|(key, value)| match items {
            0 => Op::Insert { at: at.clone(), key, value, place: Place::Last },
            _ => Op::Push {
                at: at.clone(),
                index: items,
                value: Value::map([("name", Value::text(key)), ("value", value)]),
            },
        })
        .collect()
}

/// Maven takes its folder as one of several options.
fn moved(install: &Install, folder: &Folder, root: &str, before: Option<&Variable>) -> Value {
    let path = format!("{root}/{}", folder.path);
    Value::text(match (install.manager, before) {
        (Manager::Maven, Some(before)) => {
            format!("{} -Dmaven.repo.local={path}", before.value)
        }
        (Manager::Maven, None) => format!("-Dmaven.repo.local={path}"),
        _ => path,
    })
}

fn proof(group: &[Install]) -> Vec<String> {
    let locks: Vec<&str> = group.iter().flat_map(|one| &one.locks).map(String::as_str).collect();
    vec![
        format!("The key is made from `{}`, which is in the checkout.", locks.join("` and `")),
        "Without a cache, or with an old one, the commands fetch what they fetched before."
            .to_owned(),
    ]
}

fn gitlab(context: &Context<'_>, job: &Job, group: &[Install]) -> Option<Remedy> {
    let (mut ops, mut new, mut caches) = (Vec::new(), Vec::new(), Vec::new());
    let mut safe = true;
    for install in group {
        let folder = folder(install.manager);
        safe &= folder.safe;
        let before = variable(context, job, folder.variable);
        let mut path = folder.path.to_owned();
        let known = before.filter(|_| install.manager != Manager::Maven);
        let written = (install.manager == Manager::Npm)
            .then(|| flag(context, job, install, "--cache .npm --prefer-offline"))
            .flatten();
        if let Some(known) = known {
            // It lies in the project already, or else cannot be kept.
            let inside = known.value.strip_prefix("$CI_PROJECT_DIR/")?;
            path = inside.trim_end_matches('/').to_owned();
        } else if let Some(op) = written.filter(|_| !install.text.contains("--cache")) {
            ops.push(op);
        } else {
            let local = before.is_some_and(|known| known.value.contains("maven.repo.local"));
            let own = before.is_some_and(|known| job.env.contains(known));
            if local || install.text.contains("maven.repo.local") {
                safe = false;
            } else if own {
                ops.push(Op::Replace {
                    at: below(&job.path, &["variables", folder.variable]),
                    value: moved(install, &folder, "$CI_PROJECT_DIR", before),
                });
            } else {
                let value = moved(install, &folder, "$CI_PROJECT_DIR", before);
                new.push((folder.variable.to_owned(), value));
            }
        }
        let paths = match install.manager {
            Manager::Gradle => vec![format!("{path}/caches"), format!("{path}/wrapper")],
            Manager::Npm => vec![format!("{path}/")],
            _ => vec![path],
        };
        let key = Value::map([("files", Value::texts(install.locks.clone()))]);
        caches.push(Value::map([("key", key), ("paths", Value::texts(paths))]));
    }
    ops.extend(variables(context, job, new));
    let value = if caches.len() == 1 { caches.remove(0) } else { Value::Seq(caches) };
    ops.push(Op::Insert {
        at: job.path.clone(),
        key: "cache".to_owned(),
        value,
        place: Place::Before(vec!["variables", "before_script", "script"]),
    });
    // Four caches are the most that a job may have.
    Some(Remedy {
        advice: "A `cache` with a key made from the lockfile keeps them.".to_owned(),
        ops,
        safe: safe && group.len() <= 4,
        proof: proof(group),
    })
}

fn azure(context: &Context<'_>, job: &Job, group: &[Install]) -> Option<Remedy> {
    let (mut ops, mut new) = (Vec::new(), Vec::new());
    let mut safe = true;
    for install in group {
        let folder = folder(install.manager);
        let label = name(install.manager).to_ascii_lowercase();
        safe &= folder.safe;
        let before = variable(context, job, folder.variable);
        let moved_path = format!("$(Pipeline.Workspace)/{}", folder.path);
        let path = match before {
            Some(known) if install.manager != Manager::Maven => known.value.clone(),
            Some(_) => {
                safe = false;
                moved_path
            }
            None => {
                let value = moved(install, &folder, "$(Pipeline.Workspace)", None);
                new.push((folder.variable.to_owned(), value));
                match install.manager {
                    Manager::Maven => moved_path,
                    _ => format!("$({})", folder.variable),
                }
            }
        };
        let step = job.steps.get(install.step)?;
        let (last, above) = step.path.split_last()?;
        let Seg::Index(index) = last else { return None };
        safe &= step.condition.is_none();
        let locks = install.locks.join(" | ");
        ops.push(Op::Push {
            at: above.to_vec(),
            index: *index,
            value: Value::map([
                ("task", Value::text("Cache@2")),
                (
                    "inputs",
                    Value::map([
                        ("key", Value::text(format!("{label} | \"$(Agent.OS)\" | {locks}"))),
                        ("restoreKeys", Value::text(format!("{label} | \"$(Agent.OS)\""))),
                        ("path", Value::text(path)),
                    ]),
                ),
            ]),
        });
    }
    ops.extend(variables(context, job, new));
    Some(Remedy {
        advice: "A `Cache@2` step before the command keeps them.".to_owned(),
        ops,
        safe,
        proof: proof(group),
    })
}

fn bitbucket(context: &Context<'_>, job: &Job, group: &[Install]) -> Option<Remedy> {
    let tree = &context.file.tree;
    let (mut ops, mut names) = (Vec::new(), Vec::new());
    let mut safe = true;
    for install in group {
        let name = match install.manager {
            Manager::Npm => "npm",
            Manager::Pip => "pip",
            Manager::Maven => "maven",
            Manager::Gradle => "gradle",
            Manager::Composer => "composer",
            // Where these keep their packages depends on the image.
            _ => {
                return Some(Remedy {
                    advice: "A cache under `definitions`, with a key made from the lockfile and \
                             the manager's folder as its path, keeps them."
                        .to_owned(),
                    ops: Vec::new(),
                    safe: false,
                    proof: Vec::new(),
                });
            }
        };
        safe &= variable(context, job, folder(install.manager).variable).is_none()
            || install.manager == Manager::Maven;
        names.push(name);
        if name != "npm" {
            continue;
        }
        let key = Value::map([("files", Value::texts(install.locks.clone()))]);
        let value = Value::map([("key", key), ("path", Value::text("~/.npm"))]);
        let root: Path = Vec::new();
        let (at, key, value) = match node(tree, &below(&root, &["definitions"])) {
            None => {
                let caches = Value::map([("npm", value)]);
                (root, "definitions", Value::map([("caches", caches)]))
            }
            Some(_) => match node(tree, &below(&root, &["definitions", "caches"])) {
                None => (below(&root, &["definitions"]), "caches", Value::map([("npm", value)])),
                Some(at) if tree.get(tree.resolve(at), "npm").is_none() => {
                    (below(&root, &["definitions", "caches"]), "npm", value)
                }
                Some(_) => continue,
            },
        };
        let place = if key == "definitions" {
            Place::Before(vec!["pipelines"])
        } else if key == "caches" {
            Place::First
        } else {
            Place::Last
        };
        ops.push(Op::Insert { at, key: key.to_owned(), value, place });
    }
    match set(context, job, "caches") {
        Some(at) => {
            let index = node(tree, &at).map_or(0, |id| tree.items(tree.resolve(id)).len());
            ops.extend(names.iter().map(|name| Op::Push {
                at: at.clone(),
                index,
                value: Value::text(*name),
            }));
        }
        None => ops.push(Op::Insert {
            at: job.path.clone(),
            key: "caches".to_owned(),
            value: Value::texts(names.clone()),
            place: Place::Before(vec!["script"]),
        }),
    }
    Some(Remedy {
        advice: format!("`caches: [{}]` keeps them.", names.join(", ")),
        ops,
        safe,
        proof: proof(group),
    })
}

fn harness(context: &Context<'_>, job: &Job, group: &[Install]) -> Option<Remedy> {
    let tree = &context.file.tree;
    if text(tree, node(tree, &job.path)?, &["type"]) != Some("CI") {
        return None;
    }
    let at = below(&job.path, &["spec"]);
    let spec = tree.resolve(node(tree, &at)?);
    if tree.get(spec, "caching").is_some() || tree.get(spec, "cacheIntel").is_some() {
        return None;
    }
    let mut ops = Vec::new();
    let (mut keys, mut paths, mut safe) = (Vec::new(), Vec::new(), true);
    for install in group {
        // Cache Intelligence knows the folders of these.
        let known = matches!(
            install.manager,
            Manager::Maven | Manager::Gradle | Manager::Yarn | Manager::Go | Manager::Nuget
        );
        let written = (install.manager == Manager::Npm)
            .then(|| flag(context, job, install, "--cache /harness/.npm"))
            .flatten();
        match (written, install.locks.first()) {
            (Some(op), Some(lock)) => {
                ops.push(op);
                keys.push(format!("npm-{{{{ checksum \"{lock}\" }}}}"));
                paths.push("/harness/.npm");
            }
            _ => safe &= known,
        }
    }
    // Folders that are named take the place of those it knows.
    safe &= keys.is_empty() || keys.len() == group.len();
    let mut caching = vec![("enabled", Value::Bool(true))];
    if !keys.is_empty() {
        caching.push(("key", Value::text(keys.join("-"))));
        caching.push(("paths", Value::texts(paths)));
    }
    ops.push(Op::Insert {
        at,
        key: "caching".to_owned(),
        value: Value::map(caching),
        place: Place::After(vec!["cloneCodebase"]),
    });
    Some(Remedy {
        advice: "`caching` of the stage keeps them.".to_owned(),
        ops,
        safe,
        proof: proof(group),
    })
}

fn jenkins<'w>(
    context: &Context<'_>,
    wrapper: &dyn Fn() -> Option<&'w Wrapper<'w>>,
    job: &Job,
    group: &[Install],
) -> Option<Remedy> {
    // A folder of the agent is there for all runs, or the plugin is in use already.
    let text = &context.file.text;
    let kept = ["/.m2", "/.npm", "/.gradle", "/.cache", "FileCache", "jobcacher"];
    if kept.iter().any(|word| text.contains(word)) {
        return None;
    }
    let root = match job.image {
        Some(_) => "",
        None => " Agents that live on between runs keep them by themselves.",
    };
    let caches: Vec<String> = group
        .iter()
        .filter_map(|one| {
            let (path, lock) = (folder(one.manager).path, one.locks.first()?);
            Some(format!("arbitraryFileCache(path: '{path}', cacheValidityDecidingFile: '{lock}')"))
        })
        .collect();
    let settings: Vec<String> = group
        .iter()
        .map(|one| {
            let folder = folder(one.manager);
            match one.manager {
                Manager::Maven => {
                    format!("`{}=-Dmaven.repo.local={}`", folder.variable, folder.path)
                }
                _ => format!("`{}={}`", folder.variable, folder.path),
            }
        })
        .collect();
    let head = format!("cache(maxCacheSize: 1000, caches: [{}])", caches.join(", "));
    let uses_script = job.steps.iter().any(|step| step.uses.is_some());
    Some(Remedy {
        advice: format!(
            "With the Job Cacher plugin, `{head} {{ … }}` around the steps keeps them, once {} \
             moves them there.{root}",
            settings.join(" and ")
        ),
        ops: if uses_script {
            Vec::new()
        } else {
            wrapper().and_then(|wrapper| wrapper.wrap(&job.path, &head)).unwrap_or_default()
        },
        safe: false,
        proof: Vec::new(),
    })
}

/// Whether the job keeps anything that could be these packages.
pub(super) fn named(job: &Job) -> bool {
    job.reads.iter().chain(&job.writes).any(|access| match &access.what {
        Resource::Cache(key) => key != "docker",
        _ => false,
    })
}
