//! The commands of a project: its runner's own, or those that the user gave.

use super::Kind;
use super::detect::Files;
use super::kinds::{self, Place, Tail, Tree};

/// How tests are run: commands for `sh -c`, in the project's root. Fill them
/// with [`super::fill()`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// Whose output it is.
    pub kind: Kind,
    /// Every test.
    pub suite: String,
    /// One test; has one of the placeholders of a name, perhaps `{path}`.
    pub one: Option<String>,
    /// Every test in an order that `{seed}` gives; `None` where the runner cannot.
    pub shuffled: Option<String>,
    /// Every test until the first that fails: enough where none may. `None` where the
    /// runner knows no such thing.
    pub quick: Option<String>,
    /// Every test, with coverage.
    pub coverage: Option<Coverage>,
    /// Compiles or collects the tests and runs none: only its exit code counts.
    pub build: Option<String>,
    /// Globs, from the project's root, of the JUnit XML that a run leaves.
    pub results: Vec<String>,
}

/// A run with coverage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The command. It needs the tool for it (`cargo-llvm-cov`, `pytest-cov`,
    /// JaCoCo in the build, …); whether that is there is for the caller to see.
    pub command: String,
    /// Globs, from the project's root, of the reports that it writes.
    pub reports: Vec<String>,
}

impl Commands {
    /// Only a command for all tests.
    pub(super) fn of(kind: Kind, suite: impl Into<String>) -> Commands {
        Commands {
            kind,
            suite: suite.into(),
            one: None,
            shuffled: None,
            quick: None,
            coverage: None,
            build: None,
            results: Vec::new(),
        }
    }

    /// The same with a command for one test.
    pub(super) fn one(mut self, one: impl Into<String>) -> Commands {
        self.one = Some(one.into());
        self
    }

    /// The same with a command in another order.
    pub(super) fn shuffled(mut self, shuffled: impl Into<String>) -> Commands {
        self.shuffled = Some(shuffled.into());
        self
    }

    /// The same with a command that ends at the first failure.
    pub(super) fn quick(mut self, quick: impl Into<String>) -> Commands {
        self.quick = Some(quick.into());
        self
    }

    /// The same with a command that builds.
    pub(super) fn build(mut self, build: impl Into<String>) -> Commands {
        self.build = Some(build.into());
        self
    }
}

/// The commands of a project. What the user gave (`command`, `one`) is used as
/// it is; the rest is the runner's own, and what `one` can be is made from
/// `command` where that is a plain call of the runner. Next to a command of the
/// user's, shuffling, ending early, coverage and building are left out: they would run
/// something else than what was asked for.
pub fn commands(
    kind: Kind,
    command: Option<&str>,
    one: Option<&str>,
    files: &dyn Files,
    root: &str,
) -> Commands {
    let tree = Tree::of(files);
    let place = Place { tree: &tree, root };
    let runner = kinds::runner(kind);
    let own = (runner.commands)(&place);
    let mut commands = match command {
        None => own,
        Some(command) => {
            let mut given = Commands::of(kind, command);
            given.results = own.results;
            given.one = match kind_of_command(command) {
                // A script of the project's (`npm test`): what it calls is known
                // by the files.
                None => own.one,
                Some(_) => narrowed(command, kind, runner.one, &place),
            };
            given
        }
    };
    if let Some(one) = one {
        commands.one = Some(one.to_owned());
    }
    commands
}

/// A given command, for one test.
fn narrowed(command: &str, kind: Kind, tail: Tail, place: &Place<'_>) -> Option<String> {
    let calls = calls(command);
    let last = calls.last()?;
    // What follows on the runner (`| tee`, `> log`) would get the name.
    if kind_of_call(&last.words) != Some(kind) || last.is_open || command.contains(['\n', '#']) {
        return None;
    }
    let (front, call) = command.split_at(last.start);
    let call = call.trim_end();
    let program = last.program?;
    match tail {
        Tail::None => None,
        Tail::Append(what) => Some(match call.split_once(" -- ") {
            // Behind `--` stand words for the test binary.
            Some((before, behind)) if matches!(kind, Kind::Cargo | Kind::Nextest) => {
                format!("{front}{before} {what} -- {behind}")
            }
            _ => format!("{front}{call} {what}"),
        }),
        Tail::After(word, what) => {
            let at = call.find(word)? + word.len();
            Some(format!("{front}{}{what}{}", &call[..at], &call[at..]))
        }
        Tail::InsteadOfAll(what) => {
            let words = last.words.get(..=program)?;
            Some(format!("{front}{} {what}", joined(words)?))
        }
        Tail::InsteadOfPaths(what) => {
            let mut words = last.words.get(..=program)?.to_vec();
            let mut behind = last.words[program + 1..].iter();
            while let Some(word) = behind.next() {
                let is_path = !word.starts_with('-')
                    && (word.contains("::")
                        || place.has(word)
                        || matches!(word.as_str(), "." | "./")
                        || place.paths().any(|path| {
                            path.strip_prefix(word.trim_start_matches("./").trim_end_matches('/'))
                                .is_some_and(|rest| rest.starts_with('/'))
                        }));
                // The word behind is no path to run.
                if PYTEST_VALUES.contains(&word.as_str()) {
                    words.push(word.clone());
                    words.extend(behind.next().cloned());
                    continue;
                }
                // What the tests are chosen by would rule the one out.
                if matches!(word.as_str(), "-k" | "-m" | "--lf" | "--ff") {
                    if word.len() == 2 {
                        behind.next();
                    }
                } else if !is_path {
                    words.push(word.clone());
                }
            }
            Some(format!("{front}{} {what}", joined(&words)?))
        }
    }
}

/// Options of pytest that take a path or a name as a word of its own.
/// <https://docs.pytest.org/en/stable/reference/reference.html#command-line-flags>
const PYTEST_VALUES: &[&str] = &[
    "--ignore",
    "--ignore-glob",
    "--deselect",
    "--rootdir",
    "--confcutdir",
    "--basetemp",
    "--junitxml",
    "--junit-xml",
    "--cov-config",
    "--log-file",
    "-c",
    "--config-file",
    "-p",
    "-o",
];

/// Words as a shell reads them back.
fn joined(words: &[String]) -> Option<String> {
    // A word with `$` in it was meant to be expanded: it cannot be put back.
    if words.iter().any(|word| word.contains(['$', '`', '*', '~'])) {
        return None;
    }
    // An assignment in front of a command is none once its name is quoted.
    let assigns = |word: &&String| {
        word.split_once('=').is_some_and(|(name, _)| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let front = words.iter().take_while(assigns).count();
    let mut joined = Vec::new();
    for word in &words[..front] {
        let (name, value) = word.split_once('=')?;
        joined.push(format!("{name}={}", shlex::try_quote(value).ok()?));
    }
    if front < words.len() {
        joined.push(shlex::try_join(words[front..].iter().map(String::as_str)).ok()?);
    }
    Some(joined.join(" "))
}

/// A simple command of a longer one.
struct Call {
    /// Where it starts.
    start: usize,
    words: Vec<String>,
    /// The index of the runner's last own word.
    program: Option<usize>,
    /// It is redirected.
    is_open: bool,
}

/// The simple commands of a command, split at `&&`, `;`, `|`, `&` outside of quotes.
fn calls(command: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut start = 0;
    let mut quote = None;
    let mut escaped = false;
    let mut bounds = Vec::new();
    for (at, c) in command.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            // `2>&1` is no end of a command.
            (None, '&') if command[..at].ends_with('>') => {}
            (None, '&' | '|' | ';' | '\n') => {
                bounds.push((start, at));
                start = at + 1;
            }
            _ => {}
        }
    }
    bounds.push((start, command.len()));
    for (start, end) in bounds {
        let text = &command[start..end];
        let front = text.len() - text.trim_start().len();
        let words = shlex::split(text)
            .unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect());
        if words.is_empty() {
            continue;
        }
        let is_open = words.iter().any(|word| word.contains(['>', '<']));
        let program = program_of(&words).map(|(_, index)| index);
        calls.push(Call { start: start + front, words, program, is_open });
    }
    calls
}

/// The runner that a command calls: that of its last call that is one of a
/// runner. `cd x && python3 -m pytest -q` is pytest's. `npm test` and the like
/// say nothing of themselves.
pub fn kind_of_command(command: &str) -> Option<Kind> {
    calls(command).iter().rev().find_map(|call| {
        kind_of_call(&call.words).or_else(|| {
            // `sh -c '…'`: what stands inside.
            let shell = call
                .words
                .iter()
                .position(|word| matches!(base(word), "sh" | "bash" | "dash" | "zsh" | "ash"))?;
            let inner = call.words[shell + 1..].iter().find(|word| word.contains(' '))?;
            // Each level is shorter than the one around it.
            kind_of_command(inner)
        })
    })
}

fn kind_of_call(words: &[String]) -> Option<Kind> {
    program_of(words).map(|(kind, _)| kind)
}

fn base(word: &str) -> &str {
    let base = word.rsplit(['/', '\\']).next().unwrap_or(word);
    base.strip_suffix(".exe").or(base.strip_suffix(".cmd")).unwrap_or(base)
}

/// The runner that a simple command calls, and the index of the last word that
/// names it: 2 in `python3 -m pytest -q`.
fn program_of(words: &[String]) -> Option<(Kind, usize)> {
    for (at, word) in words.iter().enumerate() {
        let next = |offset: usize| words.get(at + offset).map(String::as_str);
        let has = |wanted: &str| {
            words[at + 1..].iter().position(|word| word == wanted).map(|index| at + 1 + index)
        };
        let found = match base(word) {
            "cargo" | "cross" => {
                if let Some(index) = has("nextest") {
                    Some((Kind::Nextest, has("run").unwrap_or(index)))
                } else {
                    has("test").or(has("t")).map(|index| (Kind::Cargo, index))
                }
            }
            "cargo-nextest" => Some((Kind::Nextest, has("run").unwrap_or(at))),
            "pytest" | "py.test" => Some((Kind::Pytest, at)),
            "unittest" if at > 0 && words[at - 1] == "-m" => Some((Kind::Unittest, at)),
            "manage.py" => has("test").map(|index| (Kind::Unittest, index)),
            "go" if next(1) == Some("test") => Some((Kind::Go, at + 1)),
            "gotestsum" => Some((Kind::Go, at)),
            "mvn" | "mvnw" | "mvnd" => ["test", "verify", "install", "package", "surefire:test"]
                .into_iter()
                .find_map(has)
                .map(|index| (Kind::Maven, index)),
            "gradle" | "gradlew" | "gradlew.bat" => words[at + 1..]
                .iter()
                .position(|word| {
                    let task = word.rsplit(':').next().unwrap_or(word);
                    !task.starts_with('-')
                        && (task.ends_with("est") || task == "check" || task == "build")
                })
                .map(|index| (Kind::Gradle, at + 1 + index)),
            "vitest" => Some((Kind::Vitest, has("run").unwrap_or(at))),
            "jest" => Some((Kind::Jest, at)),
            "react-scripts" => has("test").map(|index| (Kind::Jest, index)),
            "node" => has("--test").map(|index| (Kind::NodeTest, index)),
            "dotnet" => has("test").map(|index| (Kind::Dotnet, index)),
            "rspec" => Some((Kind::Rspec, at)),
            "phpunit" | "phpunit.phar" | "pest" | "simple-phpunit" | "paratest" => {
                Some((Kind::Phpunit, at))
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::detect::tests::Fake;
    use super::*;

    #[test]
    fn commands_tell_their_runner() {
        for (command, expect) in [
            ("cargo test", Some(Kind::Cargo)),
            ("cargo +nightly test --all-features", Some(Kind::Cargo)),
            ("cargo nextest run -p x", Some(Kind::Nextest)),
            ("cargo build", None),
            ("cd x && python3 -m pytest -q", Some(Kind::Pytest)),
            ("poetry run pytest", Some(Kind::Pytest)),
            (".venv/bin/pytest tests | tee log", Some(Kind::Pytest)),
            ("python -m unittest discover", Some(Kind::Unittest)),
            ("python3 -m coverage run -m unittest", Some(Kind::Unittest)),
            ("GOFLAGS=-mod=mod go test ./...", Some(Kind::Go)),
            ("go vet ./... && go test ./...", Some(Kind::Go)),
            ("mvn -q test", Some(Kind::Maven)),
            ("./mvnw -B verify", Some(Kind::Maven)),
            ("mvn compile", None),
            ("./gradlew :app:test", Some(Kind::Gradle)),
            ("gradle assemble", None),
            ("npx vitest run", Some(Kind::Vitest)),
            ("yarn jest", Some(Kind::Jest)),
            ("node --test", Some(Kind::NodeTest)),
            ("node --import tsx --test", Some(Kind::NodeTest)),
            ("node server.js", None),
            ("dotnet test", Some(Kind::Dotnet)),
            ("bundle exec rspec", Some(Kind::Rspec)),
            ("vendor/bin/phpunit", Some(Kind::Phpunit)),
            ("bash -c 'cd x && pytest -q'", Some(Kind::Pytest)),
            ("docker run x sh -c \"cargo test\"", Some(Kind::Cargo)),
            ("npm test", None),
            ("make test", None),
            ("echo 'a", None),
            ("", None),
        ] {
            assert_eq!(kind_of_command(command), expect, "{command}");
        }
    }

    /// What one test is run with next to a command that was given.
    fn check(kind: Kind, command: &str, expect: Option<&str>) {
        let files = Fake::of(&["tests/test_a.py", "Cargo.toml", "package.json"]);
        let got = commands(kind, Some(command), None, &files, "");
        assert_eq!(got.suite, command);
        assert_eq!(got.one.as_deref(), expect, "{command}");
        assert_eq!((got.shuffled, got.coverage, got.build), (None, None, None));
    }

    #[test]
    fn a_given_command_is_narrowed_to_one_test() {
        check(Kind::Cargo, "cargo test", Some("cargo test {name}"));
        check(
            Kind::Cargo,
            "cargo test -p a --features b -- --test-threads 1",
            Some("cargo test -p a --features b {name} -- --test-threads 1"),
        );
        check(Kind::Cargo, "cargo test > log", None);
        check(Kind::Cargo, "cargo test | tee log", None);
        check(Kind::Pytest, "pytest", Some("pytest -rA {name}"));
        check(
            Kind::Pytest,
            "cd x && python3 -m pytest -q tests/ -k 'a b' -n 4 --cov",
            Some("cd x && python3 -m pytest -q -n 4 --cov -rA {name}"),
        );
        check(
            Kind::Pytest,
            "pytest --ignore tests/test_a.py tests -c tests/test_a.py",
            Some("pytest --ignore tests/test_a.py -c tests/test_a.py -rA {name}"),
        );
        check(Kind::Pytest, "pytest $ARGS", None);
        check(
            Kind::Pytest,
            "PYTHONPATH=src A='b c' python3 -m pytest -q",
            Some("PYTHONPATH=src A='b c' python3 -m pytest -q -rA {name}"),
        );
        check(
            Kind::Unittest,
            "python3 -m unittest discover -s tests",
            Some("python3 -m unittest -v {name}"),
        );
        check(Kind::Go, "go test ./...", Some("go test ./... -run '^{pattern}$'"));
        check(Kind::Vitest, "npx vitest run", Some("npx vitest run -t '{pattern}$'"));
        check(
            Kind::NodeTest,
            "node --test test/",
            Some("node --test --test-name-pattern='{leaf}$' test/"),
        );
        check(Kind::Rspec, "bundle exec rspec", Some("bundle exec rspec -e {name}"));
        check(Kind::Other, "./test.sh", None);
        // What `npm test` calls is known by the files.
        let own = "npx --no-install jest --ci --verbose --colors=false -t '{pattern}$'";
        check(Kind::Jest, "npm test", Some(own));
    }

    #[test]
    fn what_the_user_gives_is_kept() {
        let files = Fake::of(&["Cargo.toml"]);
        let got = commands(Kind::Cargo, Some("make test"), Some("make one T={name}"), &files, "");
        assert_eq!(
            (got.suite.as_str(), got.one.as_deref()),
            ("make test", Some("make one T={name}"))
        );
        let got = commands(Kind::Cargo, None, Some("x {name}"), &files, "");
        assert_eq!(got.suite, "cargo test --no-fail-fast");
        assert_eq!(got.one.as_deref(), Some("x {name}"));
    }

    #[test]
    fn own_commands_follow_the_project() {
        let suite = |kind, files: &[&str]| commands(kind, None, None, &Fake::of(files), "").suite;
        let shuffled =
            |kind, files: &[&str]| commands(kind, None, None, &Fake::of(files), "").shuffled;
        let covers =
            |kind, files: &[&str]| commands(kind, None, None, &Fake::of(files), "").coverage;
        let workspace = "Cargo.toml: [workspace]\nmembers = []";
        assert_eq!(suite(Kind::Cargo, &[workspace]), "cargo test --workspace --no-fail-fast");
        assert!(suite(Kind::Maven, &["pom.xml", "mvnw"]).starts_with("sh ./mvnw "));
        assert!(
            suite(Kind::Jest, &["package.json", "pnpm-lock.yaml"]).starts_with("pnpm exec jest")
        );
        assert!(suite(Kind::Rspec, &["Gemfile"]).starts_with("bundle exec rspec"));
        assert!(suite(Kind::Unittest, &["tests/test_a.py"]).contains("discover -s tests"));
        assert!(
            !suite(Kind::Unittest, &["tests/__init__.py", "tests/test_a.py"]).contains("discover")
        );
        assert_eq!(shuffled(Kind::Pytest, &["pytest.ini"]), None);
        let randomly = shuffled(Kind::Pytest, &["requirements.txt: pytest-randomly==3"]);
        assert!(randomly.unwrap().contains("--randomly-seed={seed}"));
        assert_eq!(covers(Kind::Maven, &["pom.xml"]), None);
        assert!(covers(Kind::Maven, &["pom.xml: jacoco-maven-plugin"]).is_some());
        // Every placeholder of every command is known.
        for kind in Kind::ALL {
            let own = commands(kind, None, None, &Fake::of(&["package.json"]), "");
            let all = [own.one, own.shuffled, own.build, own.coverage.map(|own| own.command)];
            for command in all.into_iter().flatten().chain([own.suite]) {
                let filled = super::super::fill(&command, "a::b", "p", 7);
                let left = filled.replace("${PYTHONPATH", "");
                assert!(!left.contains('{') || left.contains("+:$PYTHONPATH}"), "{kind}: {filled}");
            }
        }
    }
}
