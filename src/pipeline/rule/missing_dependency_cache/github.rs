//! GitHub: `cache` of the actions that set a language up. Inputs by the actions' own
//! `action.yml`; they fail where no lockfile is found, which decides what is safe.

use super::install::Install;
use super::{Context, Remedy};
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, Seg, Step, Use};
use crate::pipeline::words::{Does, Manager};
use crate::pipeline::yaml::value::Value;

/// What would keep the packages; `None` where they are kept, or are not wanted to be.
pub(super) fn remedy(context: &Context<'_>, job: &Job, group: &[Install]) -> Option<Remedy> {
    let install = group.first()?;
    let action = match install.manager {
        Manager::Npm | Manager::Yarn | Manager::Pnpm => "actions/setup-node",
        Manager::Pip | Manager::Poetry | Manager::Pipenv => "actions/setup-python",
        Manager::Maven | Manager::Gradle => "actions/setup-java",
        Manager::Go => "actions/setup-go",
        Manager::Nuget => "actions/setup-dotnet",
        Manager::Bundler => "ruby/setup-ruby",
        Manager::Cargo => return cargo(job, install),
        // The tool's own action keeps them, or it is seldom worth it.
        Manager::Uv | Manager::Bun => return None,
        Manager::Composer => return step(job, install, "~/.cache/composer", "composer"),
    };
    let before = job.steps.get(..install.step)?;
    let setup = before.iter().enumerate().rev().find_map(|(place, step)| {
        let used = step.uses.as_ref()?;
        used.name.eq_ignore_ascii_case(action).then_some((place, step, used))
    });
    // Gradle's own actions keep its folder.
    let gradle =
        |step: &Step| step.uses.as_ref().is_some_and(|used| used.name.starts_with("gradle/"));
    if install.manager == Manager::Gradle && job.steps.iter().any(gradle) {
        return None;
    }
    match setup {
        Some((place, step, used)) => with(context, job, install, place, step, used),
        None => match install.manager {
            Manager::Npm => step_at(job, install, "~/.npm", "npm"),
            Manager::Maven => step_at(job, install, "~/.m2/repository", "maven"),
            Manager::Gradle => step_at(job, install, "~/.gradle/caches", "gradle"),
            Manager::Pip => step_at(job, install, "~/.cache/pip", "pip"),
            _ => None,
        },
    }
}

/// The major version an action is pinned to: of its tag, or of the comment behind its
/// commit.
fn major(context: &Context<'_>, used: &Use) -> Option<u32> {
    let number = |text: &str| {
        let digits: String =
            text.trim_start_matches('v').chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let version = used.version.as_deref()?;
    if version.len() >= 40 {
        let line = context.file.text.get(used.span.range().end..)?.lines().next()?;
        return number(line.split_once('#')?.1.trim());
    }
    version.starts_with('v').then(|| number(version))?
}

fn with(
    context: &Context<'_>,
    job: &Job,
    install: &Install,
    place: usize,
    step: &Step,
    used: &Use,
) -> Option<Remedy> {
    let manager = install.manager;
    if ["cache", "bundler-cache", "package-manager-cache"]
        .iter()
        .any(|one| used.input(one).is_some())
        || step.span.file != 0
    {
        return None;
    }
    let major = major(context, used);
    let since = match manager {
        Manager::Poetry | Manager::Go => 3,
        Manager::Nuget => 4,
        Manager::Bundler => 1,
        _ => 2,
    };
    if manager == Manager::Go && major.is_none_or(|major| major >= 4) {
        return None;
    }
    if major.is_some_and(|major| major < since) {
        return None;
    }
    if used.name.eq_ignore_ascii_case("actions/setup-node")
        && major.is_none_or(|major| major >= 5)
        && by_itself(context)
    {
        return None;
    }
    let (key, value) = match manager {
        Manager::Npm => ("cache", Value::text("npm")),
        Manager::Yarn => ("cache", Value::text("yarn")),
        Manager::Pnpm => ("cache", Value::text("pnpm")),
        Manager::Pip => ("cache", Value::text("pip")),
        Manager::Poetry => ("cache", Value::text("poetry")),
        Manager::Pipenv => ("cache", Value::text("pipenv")),
        Manager::Maven => ("cache", Value::text("maven")),
        Manager::Gradle => ("cache", Value::text("gradle")),
        Manager::Bundler => ("bundler-cache", Value::Bool(true)),
        _ => ("cache", Value::Bool(true)),
    };
    let default = match manager {
        Manager::Pip => "requirements.txt",
        Manager::Maven | Manager::Gradle => "",
        _ => install.locks.first().map_or("", |lock| lock.rsplit('/').next().unwrap_or(lock)),
    };
    let mut entries = vec![(key.to_owned(), value.clone())];
    // Java's are looked for in all folders.
    if !default.is_empty()
        && key == "cache"
        && (install.locks.len() > 1 || install.locks.first().is_none_or(|lock| lock != default))
    {
        entries.push(("cache-dependency-path".to_owned(), Value::text(install.locks.join("\n"))));
    }
    let ops = if used.inputs.is_empty() {
        vec![Op::Insert {
            at: step.path.clone(),
            key: "with".to_owned(),
            value: Value::map(entries),
            place: Place::After(vec!["uses"]),
        }]
    } else {
        let mut at = step.path.clone();
        at.push(Seg::Key("with".to_owned()));
        let insert = |(key, value)| Op::Insert { at: at.clone(), key, value, place: Place::Last };
        entries.into_iter().map(insert).collect()
    };
    let earlier = job.steps.get(..place)?;
    let checkout = earlier.iter().any(own_source);
    let moved = job.steps.iter().any(|step| {
        step.does.contains(&Does::Checkout) && step.uses.is_some() && !own_source(step)
    });
    let installing = job.steps.get(install.step)?;
    let safe = checkout
        && !moved
        && major.is_some()
        && step.condition.is_none()
        && installing.condition.is_none()
        && ready(context, job, install, earlier, used);
    let said = match &value {
        Value::Bool(_) => format!("`{key}: true`"),
        _ => format!("`cache: {}`", super::name(manager).to_ascii_lowercase()),
    };
    Some(Remedy {
        advice: format!("`{}` keeps them with {said}.", used.name),
        ops,
        safe,
        proof: vec![format!(
            "`{}` is in the checkout, which is fetched before `{}` looks for it.",
            install.locks.join("` and `"),
            used.name
        )],
    })
}

/// Whether a step fetches the project itself, into the workspace.
fn own_source(step: &Step) -> bool {
    step.does.contains(&Does::Checkout)
        && step.condition.is_none()
        && step.uses.as_ref().is_some_and(|used| {
            ["path", "repository"].iter().all(|input| used.input(input).is_none())
                && used.input("sparse-checkout").is_none()
        })
}

/// Whether `setup-node` keeps packages by itself: from v5 it does where `package.json`
/// names the manager.
fn by_itself(context: &Context<'_>) -> bool {
    context
        .files
        .read("package.json")
        .is_some_and(|text| text.contains("\"packageManager\"") || text.contains("\"devEngines\""))
}

/// Whether what the action asks the manager for works when it has its turn.
fn ready(
    context: &Context<'_>,
    job: &Job,
    install: &Install,
    earlier: &[Step],
    used: &Use,
) -> bool {
    let scripts = || earlier.iter().filter_map(|step| step.script.as_ref());
    let says = |word: &str| scripts().any(|script| script.text.contains(word));
    let uses = |name: &str| {
        earlier.iter().any(|step| step.uses.as_ref().is_some_and(|used| used.name == name))
    };
    match install.manager {
        // The action runs the manager, which has to be there before it.
        Manager::Pnpm => uses("pnpm/action-setup") || says("corepack enable"),
        Manager::Poetry => says("poetry") || uses("snok/install-poetry"),
        // Later versions come by Corepack, which the action's call would miss.
        Manager::Yarn => {
            !context.files.exists(".yarnrc.yml")
                && !context
                    .files
                    .read("package.json")
                    .is_some_and(|text| text.contains("\"packageManager\""))
                && job.image.is_none()
        }
        // `pip cache dir` came with pip 20.1.
        Manager::Pip | Manager::Pipenv => {
            let old = ["2.7", "3.4", "3.5", "pypy-2", "pypy2"];
            let axes = job.matrix.iter().flat_map(|matrix| &matrix.axes);
            let mut said: Vec<&str> =
                axes.flat_map(|(_, values)| values).map(String::as_str).collect();
            said.extend(used.input("python-version"));
            !said.iter().any(|text| old.iter().any(|old| text.contains(old)))
        }
        // It runs `bundle install` itself, with settings of its own.
        Manager::Bundler => false,
        _ => true,
    }
}

/// A step of `actions/cache` before the install.
fn step(job: &Job, install: &Install, path: &str, name: &str) -> Option<Remedy> {
    let at = job.steps.get(install.step)?;
    let (Some(Seg::Index(index)), Some(above)) =
        (at.path.last(), at.path.len().checked_sub(1).and_then(|len| at.path.get(..len)))
    else {
        return None;
    };
    let files: Vec<String> = install.locks.iter().map(|lock| format!("'{lock}'")).collect();
    let value = Value::map([
        ("uses", Value::text("actions/cache@v4")),
        (
            "with",
            Value::map([
                ("path", Value::text(path)),
                (
                    "key",
                    Value::text(format!(
                        "{name}-${{{{ runner.os }}}}-${{{{ hashFiles({}) }}}}",
                        files.join(", ")
                    )),
                ),
                ("restore-keys", Value::text(format!("{name}-${{{{ runner.os }}}}-"))),
            ]),
        ),
    ]);
    Some(Remedy {
        advice: format!("`actions/cache` can keep `{path}` under a key made from the lockfile."),
        ops: vec![Op::Push { at: above.to_vec(), index: *index, value }],
        safe: false,
        proof: Vec::new(),
    })
}

/// The same, where no image of somebody else's may keep them elsewhere.
fn step_at(job: &Job, install: &Install, path: &str, name: &str) -> Option<Remedy> {
    (job.image.is_none()).then(|| step(job, install, path, name)).flatten()
}

/// What compiles crates keeps more than the packages: an action made for it knows what.
fn cargo(job: &Job, install: &Install) -> Option<Remedy> {
    // These keep them unless they are told not to.
    let keeps = |step: &Step| {
        step.uses.as_ref().is_some_and(|used| {
            ["actions-rust-lang/setup-rust-toolchain", "moonrepo/setup-rust"]
                .iter()
                .any(|known| used.name.eq_ignore_ascii_case(known))
                && used.input("cache").is_none_or(|value| value != "false")
        })
    };
    if job.steps.iter().any(keeps) {
        return None;
    }
    // What checks compiles as well, and has to find what is kept.
    let compiles = |step: &Step| {
        step.script.as_ref().is_some_and(|script| {
            script.text.contains("cargo")
                && [" check", " clippy", " build", " test"]
                    .iter()
                    .any(|verb| script.text.contains(verb))
        })
    };
    let first = job.steps.iter().take(install.step).position(compiles);
    let install = &Install { step: first.unwrap_or(install.step), ..install.clone() };
    let mut remedy = step(job, install, "", "")?;
    let value = match install.folder.as_str() {
        "" => Value::map([("uses", Value::text("Swatinem/rust-cache@v2"))]),
        folder => Value::map([
            ("uses", Value::text("Swatinem/rust-cache@v2")),
            ("with", Value::map([("workspaces", Value::text(folder))])),
        ]),
    };
    if let Some(Op::Push { value: old, .. }) = remedy.ops.first_mut() {
        *old = value;
    }
    remedy.advice = "`Swatinem/rust-cache` keeps crates and what was compiled of them.".to_owned();
    Some(remedy)
}
