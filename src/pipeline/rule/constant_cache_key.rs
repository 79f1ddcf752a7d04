//! A cache that is written once and never again.

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{self, Op, Place};
use crate::pipeline::graph::{Seg, Step, Use};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::Does;
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "constant-cache-key",
    title: "A cache's key never changes",
    doc: "\
GitHub and Azure never write a cache again under a key that is there: with a key that is always \
the same, the cache keeps what the first run put in, and every later run fetches what came since.

**Fix.** The hash of the lockfile at the end of the key, and the old key as the start of those \
that will do (`restore-keys`); where the lockfile is in the checkout and nothing else names the \
key.

**Silent** where the key holds a hash, a commit, a run, a date or anything computed, where the \
cache is of a fixed version of a tool, and on platforms that write a cache anew after every run.",
    group: Group::Performance,
    severity: Severity::Medium,
    fix: FixKind::Proven,
    platforms: &[Platform::GitHub, Platform::Azure],
    check,
};

/// What a path tells of the lockfile: a part of it, and names of lockfiles.
const KINDS: &[(&[&str], &[&str])] = &[
    (&[".npm", "node_modules"], &["package-lock.json", "yarn.lock", "pnpm-lock.yaml"]),
    (&["yarn"], &["yarn.lock"]),
    (&["pnpm"], &["pnpm-lock.yaml"]),
    (&["pypoetry"], &["poetry.lock"]),
    (&["pip"], &["requirements.txt"]),
    (&[".m2"], &["pom.xml"]),
    (&[".gradle"], &["gradle.lockfile", "build.gradle.kts", "build.gradle"]),
    (&["go/pkg/mod", "go-build"], &["go.sum"]),
    (&[".cargo", "target"], &["Cargo.lock"]),
    (&[".nuget"], &["packages.lock.json"]),
    (&["vendor/bundle"], &["Gemfile.lock"]),
    (&["composer"], &["composer.lock"]),
];

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for job in &context.pipeline().jobs {
        for step in job.steps.iter().filter(|step| step.span.file == 0) {
            let Some(used) = &step.uses else { continue };
            let Some((_, key)) = used.inputs.iter().find(|(name, _)| name == "key") else {
                continue;
            };
            let plain = match context.pipeline().platform {
                Platform::GitHub => used.name == "actions/cache" && github_constant(&key.value),
                _ => used.name == "Cache" && azure_constant(&key.value),
            };
            let paths = step.does.iter().find_map(|does| match does {
                Does::Cache { paths, .. } => Some(paths),
                _ => None,
            });
            let Some(lock) = paths.filter(|_| plain).and_then(|paths| lock(context, paths)) else {
                continue;
            };
            hits.push(Hit {
                span: key.span,
                title: format!(
                    "The cache `{}` of `{}` is never written again",
                    key.value,
                    job.title()
                ),
                why: format!(
                    "A key that is there is not written a second time, so it keeps what the first \
                     run put in. Put the hash of `{lock}` into the key."
                ),
                severity: None,
                confidence: 0.9,
                fix: fix(context, step, used, &key.value, lock),
                effect: None,
            });
        }
    }
}

/// Whether nothing in a key changes from run to run. Of what is computed, only the
/// machine is known not to.
fn github_constant(key: &str) -> bool {
    let mut rest = key;
    while let Some((_, tail)) = rest.split_once("${{") {
        let Some((inner, tail)) = tail.split_once("}}") else { return false };
        let inner = inner.trim();
        if !inner.starts_with("runner.") && !inner.starts_with("matrix.") {
            return false;
        }
        rest = tail;
    }
    // A number in it may be raised by hand, with a tool's version.
    !key.is_empty() && !key.chars().any(|c| c == '.' && !key.contains("${{"))
}

/// Segments of Azure's keys are texts in quotes, files, or variables.
fn azure_constant(key: &str) -> bool {
    !key.is_empty()
        && key.split('|').map(str::trim).all(|part| {
            let bare = part.trim_matches('"').to_ascii_lowercase();
            bare == "$(agent.os)"
                || bare.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        })
}

/// The one lockfile at the root that all of the paths are about.
fn lock(context: &Context<'_>, paths: &[String]) -> Option<&'static str> {
    // Tools that were installed by hand do not follow the lockfile.
    if paths.iter().all(|path| path.contains(".cargo/bin") || path.contains(".cargo/.crates")) {
        return None;
    }
    let mut found = None;
    for path in paths {
        let (_, names) =
            KINDS.iter().find(|(marks, _)| marks.iter().any(|mark| path.contains(mark)))?;
        let mut there = names.iter().filter(|name| context.files.exists(name));
        let name = *there.next()?;
        if there.next().is_some() || found.is_some_and(|known| known != name) {
            return None;
        }
        found = Some(name);
    }
    found
}

fn fix(context: &Context<'_>, step: &Step, used: &Use, key: &str, lock: &str) -> Option<Fix> {
    let at = |names: &[&str]| {
        step.path
            .iter()
            .cloned()
            .chain(names.iter().map(|name| Seg::Key((*name).to_owned())))
            .collect()
    };
    let insert = |at, key: &str, value: String| Op::Insert {
        at,
        key: key.to_owned(),
        value: Value::text(value),
        place: Place::After(vec!["key"]),
    };
    let (inputs, key_path, new, again) = match context.pipeline().platform {
        Platform::GitHub => {
            let new = format!("{key}-${{{{ hashFiles('{lock}') }}}}");
            (at(&["with"]), at(&["with", "key"]), new, "restore-keys")
        }
        _ => (at(&["inputs"]), at(&["inputs", "key"]), format!("{key} | {lock}"), "restoreKeys"),
    };
    let mut ops = vec![Op::Replace { at: key_path, value: Value::text(new) }];
    if used.input(again).is_none() {
        let prefix = if again == "restoreKeys" { key.to_owned() } else { format!("{key}-") };
        ops.push(insert(inputs, again, prefix));
    }
    edit::splice(&context.file.text, &context.file.tree, &ops).ok()?;
    let alone = context
        .pipeline()
        .jobs
        .iter()
        .flat_map(|job| &job.steps)
        .filter(|other| other.uses.as_ref().and_then(|used| used.input("key")) == Some(key));
    Some(Fix {
        title: format!("Make the key `{key}` follow `{lock}`"),
        ops,
        safe: alone.count() == 1 && used.input(again).is_none(),
        proof: vec![format!("`{lock}` is in the checkout, and no other step names the key.")],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{Paths, edited, hits};

    /// The text after the one safe fix, where there is an npm lockfile.
    fn after(platform: Platform, text: &str) -> Option<String> {
        let (file, hits) = hits(&RULE, platform, text, &Paths::of(&["package-lock.json"]));
        let fix = hits.first()?.fix.as_ref().unwrap();
        assert!(hits.len() == 1 && fix.safe, "{hits:?}");
        Some(edited(&file, &fix.ops))
    }

    #[test]
    fn keys_follow_the_lockfile() {
        let github = |key: &str, path: &str| {
            format!(
                "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/cache@v4\n        with:\n          path: {path}\n          key: {key}\n"
            )
        };
        let text = github("${{ runner.os }}-npm", "~/.npm");
        let expect = format!(
            "{}-${{{{ hashFiles('package-lock.json') }}}}\n          restore-keys: ${{{{ runner.os }}}}-npm-\n",
            text.trim_end()
        );
        assert_eq!(after(Platform::GitHub, &text), Some(expect));
        for (key, path) in [
            ("${{ runner.os }}-${{ hashFiles('package-lock.json') }}", "~/.npm"),
            ("npm-${{ github.sha }}", "~/.npm"),
            ("npm-${{ steps.date.outputs.day }}", "~/.npm"),
            ("data", "~/data"),
            ("pip", "~/.cache/pip"),
        ] {
            assert_eq!(after(Platform::GitHub, &github(key, path)), None, "{key} {path}");
        }
        let azure = "pool: {vmImage: ubuntu-latest}\nsteps:\n- task: Cache@2\n  inputs:\n    key: npm | \"$(Agent.OS)\"\n    path: $(Pipeline.Workspace)/.npm\n";
        assert_eq!(
            after(Platform::Azure, azure).as_deref(),
            Some(
                "pool: {vmImage: ubuntu-latest}\nsteps:\n- task: Cache@2\n  inputs:\n    key: npm | \"$(Agent.OS)\" | package-lock.json\n    restoreKeys: npm | \"$(Agent.OS)\"\n    path: $(Pipeline.Workspace)/.npm\n"
            )
        );
    }
}
