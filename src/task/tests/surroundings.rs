//! What a project's tests find around them, so that they find their toolchain and
//! nothing else: the user's home is not theirs.

use std::path::{Path, PathBuf};

use crate::inputs::Testing;
use crate::redact::Secret;
use crate::runner::{self, Kind};

/// Places of toolchains that runs have to be able to read, wherever they lie.
pub fn readable(testing: &Testing) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for (name, value) in &testing.variables {
        let list = matches!(name.as_str(), "PATH" | "PYTHONPATH" | "GOPATH" | "LD_LIBRARY_PATH");
        let parts = if list { value.split(':').collect() } else { vec![value.as_str()] };
        places.extend(parts.into_iter().filter(|part| part.starts_with('/')).map(PathBuf::from));
    }
    // Never the folder of everybody's temporary files, nor one that holds it.
    let shared =
        |place: &Path| testing.temp.starts_with(place) || Path::new("/tmp").starts_with(place);
    places.retain(|place| place.is_dir() && !shared(place));
    places.sort();
    places.dedup();
    places
}

/// The variables for a project's runs. `scratch` is a folder that runs may write to, and
/// that is kept from one to the next.
pub fn variables(
    testing: &Testing,
    kind: Kind,
    scratch: &Path,
    secrets: &[Secret],
) -> Vec<(String, String)> {
    let is_secret = |value: &str| secrets.iter().any(|secret| value.contains(secret.expose()));
    let mut variables: Vec<(String, String)> =
        testing.variables.iter().filter(|(_, value)| !is_secret(value)).cloned().collect();
    let mut set = |name: &str, value: String| {
        if !variables.iter().any(|(known, _)| known == name) {
            variables.push((name.to_owned(), value));
        }
    };
    let below = |folder: &str| scratch.join(folder).to_string_lossy().into_owned();
    if let Some(home) = &testing.home {
        // Where toolchains lie when nobody says otherwise.
        let places = [
            ("CARGO_HOME", ".cargo"),
            ("RUSTUP_HOME", ".rustup"),
            ("PYENV_ROOT", ".pyenv"),
            ("NVM_DIR", ".nvm"),
            ("GOPATH", "go"),
            ("NUGET_PACKAGES", ".nuget/packages"),
            ("RBENV_ROOT", ".rbenv"),
        ];
        for (name, folder) in places {
            let place = home.join(folder);
            if place.is_dir() {
                set(name, place.to_string_lossy().into_owned());
            }
        }
        let repository = home.join(".m2/repository");
        if matches!(kind, Kind::Maven) && repository.is_dir() {
            set("MAVEN_OPTS", format!("-Dmaven.repo.local={}", repository.display()));
        }
    }
    if matches!(kind, Kind::Cargo | Kind::Nextest) {
        cap_lints(&mut variables);
    }
    let mut set = |name: &str, value: String| {
        if !variables.iter().any(|(known, _)| known == name) {
            variables.push((name.to_owned(), value));
        }
    };
    match kind {
        // Kept from one run to the next; each side has its own, see `bench`.
        Kind::Cargo | Kind::Nextest => set("CARGO_TARGET_DIR", below("target")),
        Kind::Go => {
            set("GOCACHE", below("go-build"));
            set("GOTMPDIR", below("tmp"));
        }
        Kind::Dotnet => set("DOTNET_CLI_HOME", below("dotnet")),
        Kind::Gradle => {
            if let Some(home) = &testing.home {
                // Read-only caches, with what is new beside.
                set("GRADLE_RO_DEP_CACHE", home.join(".gradle/caches").display().to_string());
            }
            set("GRADLE_USER_HOME", below("gradle"));
        }
        _ => {}
    }
    if !testing.network {
        for (name, value) in [
            ("CARGO_NET_OFFLINE", "true"),
            ("GOPROXY", "off"),
            ("npm_config_offline", "true"),
            ("PIP_NO_INDEX", "1"),
        ] {
            set(name, value.to_owned());
        }
    }
    for (name, value) in runner::instrument(kind) {
        set(&name, value);
    }
    // A mutant of the same size and second would else run as the code before it.
    set("PYTHONDONTWRITEBYTECODE", "1".to_owned());
    set("PYTHONHASHSEED", "0".to_owned());
    variables
}

/// A mutant, or a test without its assertions, leaves variables unused: where a crate
/// denies warnings it would not build, and tell nothing. Cargo takes the flags from the
/// first of these that is set; those of the last are added to what the project's
/// configuration has.
/// <https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags>
fn cap_lints(variables: &mut Vec<(String, String)>) {
    const FLAG: &str = "--cap-lints=warn";
    for (name, between) in [("CARGO_ENCODED_RUSTFLAGS", "\u{1f}"), ("RUSTFLAGS", " ")] {
        if let Some((_, flags)) = variables.iter_mut().find(|(known, _)| known == name) {
            let between = if flags.is_empty() { "" } else { between };
            *flags = format!("{flags}{between}{FLAG}");
            return;
        }
    }
    let name = "CARGO_BUILD_RUSTFLAGS";
    match variables.iter_mut().find(|(known, _)| known == name) {
        Some((_, flags)) => *flags = format!("{flags} {FLAG}"),
        None => variables.push((name.to_owned(), FLAG.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_capped_beside_flags_that_are_there() {
        let check = |given: &[(&str, &str)], expect: (&str, &str)| {
            let mut variables: Vec<(String, String)> =
                given.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            cap_lints(&mut variables);
            let found = variables.iter().filter(|(_, value)| value.contains("--cap-lints"));
            let found: Vec<_> =
                found.map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(found, [expect]);
        };
        check(&[], ("CARGO_BUILD_RUSTFLAGS", "--cap-lints=warn"));
        check(&[("CARGO_BUILD_RUSTFLAGS", "-g")], ("CARGO_BUILD_RUSTFLAGS", "-g --cap-lints=warn"));
        check(&[("RUSTFLAGS", "-D warnings")], ("RUSTFLAGS", "-D warnings --cap-lints=warn"));
        check(
            &[("RUSTFLAGS", "-g"), ("CARGO_ENCODED_RUSTFLAGS", "-a\u{1f}b")],
            ("CARGO_ENCODED_RUSTFLAGS", "-a\u{1f}b\u{1f}--cap-lints=warn"),
        );
    }
}
