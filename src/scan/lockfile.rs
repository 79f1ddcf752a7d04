//! Rule `lockfile-out-of-step`: dependencies changed, the lock file did not.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use bstr::ByteSlice;
use regex::Regex;

use crate::diff::{LineKind, apply};
use crate::finding::Severity;
use crate::scan::scope::File;
use crate::scan::{Hit, Place, Rule, Scope};

pub(super) const RULE: Rule = Rule {
    id: "lockfile-out-of-step",
    title: "Lock file out of step with its manifest",
    severity: Severity::Medium,
    category: "hygiene",
    help: "Finds manifests (`Cargo.toml`, `package.json`, `pyproject.toml`, `Pipfile`, \
`Gemfile`, `composer.json`, `mix.exs`, `requirements.in`) whose dependencies a change adds, drops \
or moves to another version while the lock file that stands beside or above it stays as it was. \
Only differences that a lock file records count. It needs both versions of the manifest, and to \
know that a lock file is there; else it is silent. A lock file that changes alone is an update \
and no finding. Go is left out: `go.sum` often holds a module's checksum before `go.mod` names it.",
    check,
};

/// A package manager's pair of files.
struct Manager {
    manifest: &'static str,
    locks: &'static [&'static str],
    read: fn(&str) -> Option<Dependencies>,
    /// Whether the lock file keeps the wanted versions too, or only names.
    versions: bool,
    renew: &'static str,
}

/// What a manifest asks for: by name, in its own words.
type Dependencies = BTreeMap<String, String>;

const MANAGERS: &[Manager] = &[
    Manager {
        manifest: "cargo.toml",
        locks: &["Cargo.lock"],
        read: cargo,
        versions: false,
        renew: "cargo update --workspace",
    },
    Manager {
        manifest: "package.json",
        locks: &[
            "package-lock.json",
            "npm-shrinkwrap.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "bun.lock",
        ],
        read: npm,
        versions: true,
        renew: "the package manager's install",
    },
    Manager {
        manifest: "pyproject.toml",
        locks: &["uv.lock", "poetry.lock", "pdm.lock"],
        read: python,
        versions: true,
        renew: "uv lock` or `poetry lock",
    },
    Manager {
        manifest: "pipfile",
        locks: &["Pipfile.lock"],
        read: pipfile,
        versions: true,
        renew: "pipenv lock",
    },
    Manager {
        manifest: "gemfile",
        locks: &["Gemfile.lock"],
        read: gems,
        versions: true,
        renew: "bundle install",
    },
    Manager {
        manifest: "composer.json",
        locks: &["composer.lock"],
        read: composer,
        versions: true,
        renew: "composer update --lock",
    },
    Manager {
        manifest: "mix.exs",
        locks: &["mix.lock"],
        read: mix,
        versions: false,
        renew: "mix deps.get",
    },
    Manager {
        manifest: "requirements.in",
        locks: &["requirements.txt"],
        read: requirements,
        versions: false,
        renew: "pip-compile",
    },
];

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    let changed: HashSet<String> =
        scope.subject.change.files.iter().map(|file| file.path().display()).collect();
    // One finding for a lock file, on the first manifest that has left it behind.
    let mut said: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for file in &scope.files {
        let Some(manager) = MANAGERS.iter().find(|manager| manager.manifest == file.name()) else {
            continue;
        };
        if file.foreign || file.diff.new_path.is_none() || file.diff.old_path.is_none() {
            continue;
        }
        let path = file.diff.path().display();
        let Some(lock) = standing_lock(scope, file, &path, manager, &changed) else { continue };
        let Some((name, what)) = difference(scope, file, manager) else { continue };
        if let Some((_, more)) = said.get_mut(&lock) {
            *more += 1;
            continue;
        }
        let Some(place) = place(file, &name) else { continue };
        let mut hit = Hit::on_file(
            file.index,
            Severity::Medium,
            format!("Dependencies changed, {lock} did not"),
        )
        .confidence(0.85)
        .body(format!(
            "{what}, but the lock file is as before. A locked install fails, or the build \
resolves anew and is not the one that was tested. Run `{}` and commit the lock file.",
            manager.renew
        ));
        hit.place = place;
        said.insert(lock, (hits.len(), 0));
        hits.push(hit);
    }
    for (at, more) in said.into_values().filter(|(_, more)| *more > 0) {
        let manifests = if more == 1 { "manifest" } else { "manifests" };
        hits[at]
            .body
            .push_str(&format!("\n\nThe same for {more} more {manifests} of this change."));
    }
}

/// The lock file that belongs to the manifest, unless the change touches one
/// that could: beside it, or above it where it may be a workspace's member.
fn standing_lock(
    scope: &Scope<'_>,
    file: &File<'_>,
    path: &str,
    manager: &Manager,
    changed: &HashSet<String>,
) -> Option<String> {
    let mut folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut standing = None;
    let mut beside = true;
    loop {
        for name in manager.locks {
            let lock =
                if folder.is_empty() { (*name).to_owned() } else { format!("{folder}/{name}") };
            if changed.contains(&lock) {
                return None;
            }
            // What examples and tests hold is often no member, and Yarn's file
            // names neither members nor whose wish a version was.
            let member = !file.test && *name != "yarn.lock";
            if standing.is_none()
                && (beside || member)
                && (scope.subject.exists)(&lock) == Some(true)
            {
                standing = Some(lock);
            }
        }
        if folder.is_empty() {
            return standing;
        }
        beside = false;
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// The first dependency that differs in a way the lock file records, and how.
fn difference(scope: &Scope<'_>, file: &File<'_>, manager: &Manager) -> Option<(String, String)> {
    let new = (scope.subject.new)(file.diff)?;
    let old = match apply::unapply(file.diff, &new) {
        Ok(old) => old,
        Err(_) => (scope.subject.old)(file.diff)?.to_vec(),
    };
    let old = (manager.read)(old.to_str().ok()?)?;
    let new = (manager.read)(new.to_str().ok()?)?;
    for (name, wanted) in &new {
        match old.get(name) {
            None => return Some((name.clone(), format!("`{name}` is new"))),
            Some(before) if manager.versions && before != wanted => {
                return Some((name.clone(), format!("`{name}` asks for another version")));
            }
            Some(_) => {}
        }
    }
    let gone = old.keys().find(|name| !new.contains_key(*name))?;
    Some((gone.clone(), format!("`{gone}` is gone")))
}

/// The changed line that names the dependency, an added one first, else the first changed line.
fn place(file: &File<'_>, name: &str) -> Option<Place> {
    let changed = || file.diff.lines().filter(|line| line.kind != LineKind::Context);
    let line = changed()
        .find(|line| line.kind == LineKind::Added && line.text.contains_str(name))
        .or_else(|| changed().find(|line| line.text.contains_str(name)))
        .or_else(|| changed().next())?;
    Some(Place::Lines(line.side(), line.number(), line.number()))
}

fn tables(value: &toml::Value, keys: &[&str], found: &mut Dependencies) {
    for key in keys {
        if let Some(toml::Value::Table(table)) = value.get(key) {
            found.extend(table.iter().map(|(name, wanted)| (name.clone(), wanted.to_string())));
        }
    }
}

fn cargo(text: &str) -> Option<Dependencies> {
    const KINDS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];
    let value: toml::Value = toml::from_str::<toml::Table>(text).ok()?.into();
    let mut found = Dependencies::new();
    tables(&value, KINDS, &mut found);
    if let Some(toml::Value::Table(targets)) = value.get("target") {
        targets.values().for_each(|target| tables(target, KINDS, &mut found));
    }
    // What the lock file names is the package, not the name it goes by here.
    Some(
        found
            .into_iter()
            .map(|(name, wanted)| (renamed(&wanted).unwrap_or(name), wanted))
            .collect(),
    )
}

fn renamed(wanted: &str) -> Option<String> {
    static PACKAGE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"\bpackage = "([^"]+)""#).expect("the pattern is fixed"));
    Some(PACKAGE.captures(wanted)?[1].to_owned())
}

fn objects(text: &str, keys: &[&str]) -> Option<Dependencies> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let mut found = Dependencies::new();
    for key in keys {
        for (name, wanted) in value.get(key).and_then(|v| v.as_object()).into_iter().flatten() {
            found.insert(name.clone(), wanted.to_string());
        }
    }
    Some(found)
}

fn npm(text: &str) -> Option<Dependencies> {
    let mut found = objects(text, &["dependencies", "devDependencies", "optionalDependencies"])?;
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let of = |key: &str| value.get(key).and_then(|value| value.as_str());
    // Packages of the same workspace are released together and not locked.
    let scope =
        of("name").and_then(|name| Some(name.split_once('/')?.0)).filter(|s| s.starts_with('@'));
    found.retain(|name, wanted| {
        let wanted = wanted.trim_matches('"');
        let sibling = scope.is_some_and(|scope| name.split('/').next() == Some(scope));
        let local = ["workspace:", "file:", "link:", "portal:", "catalog:"];
        !(sibling && Some(wanted) == of("version")
            || local.iter().any(|prefix| wanted.starts_with(prefix))
            || wanted == "*")
    });
    Some(found)
}

fn composer(text: &str) -> Option<Dependencies> {
    objects(text, &["require", "require-dev"])
}

fn python(text: &str) -> Option<Dependencies> {
    let value: toml::Value = toml::from_str::<toml::Table>(text).ok()?.into();
    let mut found = Dependencies::new();
    let mut lists: Vec<&toml::Value> = Vec::new();
    let groups = |value: Option<&'_ toml::Value>| -> Vec<toml::Value> {
        value.and_then(|v| v.as_table()).into_iter().flatten().map(|(_, v)| v.clone()).collect()
    };
    let project = value.get("project");
    lists.extend(project.and_then(|project| project.get("dependencies")));
    let more = groups(project.and_then(|project| project.get("optional-dependencies")));
    let grouped = groups(value.get("dependency-groups"));
    lists.extend(more.iter().chain(&grouped));
    for item in lists.into_iter().filter_map(|list| list.as_array()).flatten() {
        if let Some(wanted) = item.as_str() {
            let end = wanted.find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c));
            let name = wanted[..end.unwrap_or(wanted.len())].to_owned();
            let entry: &mut String = found.entry(name).or_default();
            entry.push_str(wanted);
            entry.push(';');
        }
    }
    if let Some(poetry) = value.get("tool").and_then(|tool| tool.get("poetry")) {
        tables(poetry, &["dependencies", "dev-dependencies"], &mut found);
        for group in groups(poetry.get("group")) {
            tables(&group, &["dependencies"], &mut found);
        }
    }
    Some(found)
}

fn pipfile(text: &str) -> Option<Dependencies> {
    let value: toml::Value = toml::from_str::<toml::Table>(text).ok()?.into();
    let mut found = Dependencies::new();
    tables(&value, &["packages", "dev-packages"], &mut found);
    Some(found)
}

/// Pairs that a pattern with a name and a version finds, line by line.
fn pairs(text: &str, pattern: &Regex) -> Option<Dependencies> {
    let pair = |line: &str| {
        let found = pattern.captures(line)?;
        let wanted = found.get(2).map_or("", |wanted| wanted.as_str());
        Some((found[1].to_owned(), wanted.to_owned()))
    };
    Some(text.lines().filter_map(pair).collect())
}

fn gems(text: &str) -> Option<Dependencies> {
    static GEM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"^\s*gem\s*\(?\s*["']([\w-]+)["']((?:\s*,\s*["'][^"']*["'])*)"#)
            .expect("the pattern is fixed")
    });
    pairs(text, &GEM)
}

fn mix(text: &str) -> Option<Dependencies> {
    static DEP: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"^\s*\{:(\w+),\s*"([~><=]+ [^"]*)""#).expect("the pattern is fixed")
    });
    pairs(text, &DEP)
}

fn requirements(text: &str) -> Option<Dependencies> {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^([A-Za-z0-9][\w.-]*)(.*)$").expect("the pattern is fixed"));
    pairs(text, &NAME)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::scan::testing::{change, edited};
    use crate::scan::{Options, Subject, scan};

    /// The title and line when `old` becomes `new` and these files stand in the repository.
    #[track_caller]
    fn check(path: &str, old: &str, new: &str, standing: &[&str], more: &str, expect: Option<u32>) {
        let diff = edited(path, old, new) + more;
        let change = change(&diff);
        let bytes = Bytes::copy_from_slice(new.as_bytes());
        let options = Options::default();
        let subject = Subject {
            change: &change,
            old: &|_| None,
            new: &|_| Some(bytes.clone()),
            exists: &|path| Some(standing.contains(&path)),
            options: &options,
        };
        let found = scan(&subject);
        let lines: Vec<u32> = found
            .iter()
            .filter(|f| f.source.to_string() == "rule:lockfile-out-of-step")
            .map(|f| f.line)
            .collect();
        assert_eq!(lines, expect.into_iter().collect::<Vec<_>>(), "{old} -> {new}");
    }

    const CARGO: &str = "[package]\nname = \"a\"\n\n[dependencies]\nb = \"1\"\n";

    #[test]
    fn a_new_dependency_wants_the_lock_file() {
        let new = CARGO.to_owned() + "c = \"1\"\n";
        check("Cargo.toml", CARGO, &new, &["Cargo.lock"], "", Some(6));
        check("x/y/Cargo.toml", CARGO, &new, &["Cargo.lock"], "", Some(6));
        check("Cargo.toml", CARGO, &new, &[], "", None);
        let lock = edited("Cargo.lock", "a\n", "b\n");
        check("Cargo.toml", CARGO, &new, &["Cargo.lock"], &lock, None);
    }

    #[test]
    fn only_what_a_lock_file_records_counts() {
        let bump = CARGO.replace("b = \"1\"", "b = \"1.2\"");
        check("Cargo.toml", CARGO, &bump, &["Cargo.lock"], "", None);
        let meta = CARGO.replace("\"a\"", "\"z\"");
        check("Cargo.toml", CARGO, &meta, &["Cargo.lock"], "", None);
        let npm = "{\n \"version\": \"1\",\n \"dependencies\": {\n  \"a\": \"^1\"\n }\n}\n";
        check("package.json", npm, &npm.replace("^1", "^2"), &["yarn.lock"], "", Some(4));
        check("package.json", npm, &npm.replace("\"1\"", "\"2\""), &["yarn.lock"], "", None);
        check("a/package.json", npm, &npm.replace("^1", "^2"), &["yarn.lock"], "", None);
        check("a/package.json", npm, &npm.replace("^1", "^2"), &["pnpm-lock.yaml"], "", Some(4));
        check(
            "examples/a/package.json",
            npm,
            &npm.replace("^1", "^2"),
            &["pnpm-lock.yaml"],
            "",
            None,
        );
        let sibling = "{\n\"name\": \"@x/a\",\n\"version\": \"1.0\",\n\"dependencies\": {\n\"@x/b\": \"1.0\"\n}\n}\n";
        check(
            "package.json",
            sibling,
            &sibling.replace("1.0", "1.1"),
            &["package-lock.json"],
            "",
            None,
        );
    }

    #[test]
    fn every_manager_is_read() {
        let uv = "[project]\ndependencies = [\n  \"a>=1\",\n]\n";
        check("pyproject.toml", uv, &uv.replace(">=1", ">=2"), &["uv.lock"], "", Some(3));
        let poetry = "[tool.poetry.dependencies]\na = \"1\"\n";
        check("pyproject.toml", poetry, &poetry.replace('1', "2"), &["poetry.lock"], "", Some(2));
        let gem = "gem \"a\", \"~> 1\"\n";
        check("Gemfile", gem, &gem.replace('1', "2"), &["Gemfile.lock"], "", Some(1));
        check("Gemfile", gem, "gem \"a\", \"~> 1\", require: false\n", &["Gemfile.lock"], "", None);
        let mix = "  {:a, \"~> 1.0\"},\n";
        check(
            "mix.exs",
            mix,
            "  {:a, \"~> 1.0\"},\n  {:b, \"~> 1.0\"},\n",
            &["mix.lock"],
            "",
            Some(2),
        );
        let php = "{\n\"require\": {\n\"a/b\": \"1\"\n}\n}\n";
        check(
            "composer.json",
            php,
            &php.replace("\"1\"", "\"2\""),
            &["composer.lock"],
            "",
            Some(3),
        );
        check("requirements.in", "a\n", "a\nb\n", &["requirements.txt"], "", Some(2));
        check(
            "Pipfile",
            "[packages]\na = \"1\"\n",
            "[packages]\na = \"2\"\n",
            &["Pipfile.lock"],
            "",
            Some(2),
        );
    }

    #[test]
    fn without_contents_it_is_silent() {
        let change = change(&edited("Cargo.toml", CARGO, &(CARGO.to_owned() + "c = \"1\"\n")));
        let options = Options::default();
        let subject = Subject {
            change: &change,
            old: &|_| None,
            new: &|_| None,
            exists: &|_| Some(true),
            options: &options,
        };
        assert!(scan(&subject).is_empty());
    }
}
