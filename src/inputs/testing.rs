//! How tests are run and which are written, and what they find around them.

use std::path::PathBuf;
use std::time::Duration;

use super::Globs;
use super::env::Env;
use super::resolve::Values;
use super::values::TestKind;

/// Variables that tests get: where programs and toolchains are, and which language.
/// None of them holds a secret by its meaning; a value that is one is left out.
const COMMON: &[&str] = &[
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTC_WRAPPER",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "CONDA_PREFIX",
    "GOROOT",
    "GOPATH",
    "GOMODCACHE",
    "GOFLAGS",
    "GOTOOLCHAIN",
    "CGO_ENABLED",
    "JAVA_HOME",
    "M2_HOME",
    "MAVEN_HOME",
    "GRADLE_HOME",
    "GRADLE_USER_HOME",
    "NVM_DIR",
    "NODE_PATH",
    "VOLTA_HOME",
    "DOTNET_ROOT",
    "NUGET_PACKAGES",
    "GEM_HOME",
    "GEM_PATH",
    "BUNDLE_PATH",
    "BUNDLE_GEMFILE",
    "RBENV_ROOT",
    "COMPOSER_HOME",
    "LD_LIBRARY_PATH",
    "PKG_CONFIG_PATH",
];

/// How tests are run, and which are written.
#[derive(Debug, Clone)]
pub struct Testing {
    /// Runs the suite.
    pub command: Option<String>,
    /// Runs one test: `{name}`, `{path}`.
    pub one: Option<String>,
    /// Runs once in each copy, before anything that was generated is there.
    pub setup: Option<String>,
    /// Coverage reports of the head; `None` says that none is wanted.
    pub coverage: Option<Globs>,
    /// What is written.
    pub kind: TestKind,
    /// Longest time for one test.
    pub timeout: Duration,
    /// Most mutants that are tried on the suite that is there.
    pub mutants: usize,
    /// Whether tests may reach what the job can reach.
    pub network: bool,
    /// What tests find around them: names and values.
    pub variables: Vec<(String, String)>,
    /// The user's home folder, where toolchains lie and secrets too.
    pub home: Option<PathBuf>,
    /// Where copies are made.
    pub temp: PathBuf,
}

impl Testing {
    pub(super) fn read(values: &Values, globs: Globs, env: &Env) -> Self {
        let named = values.list("test_env");
        let names = COMMON.iter().copied().chain(named.iter().map(String::as_str));
        let mut variables: Vec<(String, String)> = Vec::new();
        for name in names {
            if let Some(value) = env.get(name).filter(|_| variables.iter().all(|(n, _)| n != name))
            {
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
        let seconds = match values.get("test_timeout") {
            Some(super::values::Value::Whole(seconds)) => seconds,
            _ => 60,
        };
        let mutants = match values.get("mutants") {
            Some(super::values::Value::Whole(number)) => number,
            _ => 0,
        };
        let none = matches!(values.list("coverage").as_slice(), [only] if only == "none");
        let temp = env.get("RUNNER_TEMP").or_else(|| env.get("TMPDIR")).unwrap_or("/tmp");
        Testing {
            command: values.text("command"),
            one: values.text("one"),
            setup: values.text("setup"),
            coverage: (!none).then_some(globs),
            kind: values.text("kind").and_then(|word| word.parse().ok()).unwrap_or(TestKind::Unit),
            timeout: Duration::from_secs(seconds),
            mutants: usize::try_from(mutants).unwrap_or(usize::MAX),
            network: values.text("network").as_deref() == Some("host"),
            variables,
            home: env.get("HOME").map(PathBuf::from),
            temp: env.cwd.join(temp),
        }
    }
}
