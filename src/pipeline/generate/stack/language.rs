//! Languages, and how their projects are installed, linted, tested and built.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::super::super::Files;
use super::node::node;
use super::python::python;
use super::script::targets;
use crate::pipeline::words::Manager;

/// A language with its tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// JavaScript or TypeScript on Node.js.
    Node,
    /// Python.
    Python,
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// Java or Kotlin.
    Java,
    /// .NET.
    Dotnet,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// C or C++ with `CMake`.
    Cpp,
}

impl Language {
    /// As `Action::Setup` names it; none where the runner brings the compiler.
    pub fn setup(self) -> Option<&'static str> {
        Some(match self {
            Language::Node => "node",
            Language::Python => "python",
            Language::Go => "go",
            Language::Rust => "rust",
            Language::Java => "java",
            Language::Dotnet => "dotnet",
            Language::Ruby => "ruby",
            Language::Php => "php",
            Language::Cpp => return None,
        })
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Language::Node => "Node.js",
            Language::Python => "Python",
            Language::Go => "Go",
            Language::Rust => "Rust",
            Language::Java => "Java",
            Language::Dotnet => ".NET",
            Language::Ruby => "Ruby",
            Language::Php => "PHP",
            Language::Cpp => "C++",
        }
    }

    /// The version that is taken where nothing names one.
    pub fn usual_version(self) -> &'static str {
        match self {
            Language::Node => "22",
            Language::Python => "3.13",
            Language::Go => "1.24",
            Language::Java => "21",
            Language::Dotnet => "9.0.x",
            Language::Ruby => "3.4",
            Language::Php => "8.4",
            Language::Rust | Language::Cpp => "",
        }
    }
}

/// A project in one language in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartOf {
    /// Its language.
    pub language: Language,
    /// Its folder; empty is the checkout.
    pub folder: String,
    /// The version that a file of the project names.
    pub version: Option<String>,
    /// What fetches its dependencies.
    pub manager: Option<Manager>,
    /// The file that fixes their versions, relative to the checkout.
    pub lockfile: Option<String>,
    /// Lines that fetch dependencies.
    pub install: String,
    /// Lines that lint.
    pub lint: Option<String>,
    /// Lines that test.
    pub test: Option<String>,
    /// Lines that test and measure coverage.
    pub coverage: Option<(String, Coverage)>,
    /// Where tests leave their results in `JUnit`'s format, relative to the folder.
    pub report: Option<String>,
    /// Lines that run tests in a browser or against running services.
    pub end_to_end: Option<String>,
    /// Lines that build.
    pub build: Option<String>,
    /// What a build leaves, relative to the folder.
    pub output: Vec<String>,
    /// What was assumed, a sentence each.
    pub assumed: Vec<String>,
    /// Whether it stands for a project that only its Makefile is known of.
    pub by_make: bool,
}

impl PartOf {
    /// A project of an unknown language with the usual targets in its Makefile.
    pub fn by_make() -> Self {
        PartOf {
            lint: Some("make lint".to_owned()),
            test: Some("make test".to_owned()),
            build: Some("make build".to_owned()),
            by_make: true,
            ..empty(Language::Cpp, "")
        }
    }
}

fn empty(language: Language, folder: &str) -> PartOf {
    PartOf {
        language,
        folder: folder.to_owned(),
        version: None,
        manager: None,
        lockfile: None,
        install: String::new(),
        lint: None,
        test: None,
        coverage: None,
        report: None,
        end_to_end: None,
        build: None,
        output: Vec::new(),
        assumed: Vec::new(),
        by_make: false,
    }
}

/// A report of coverage: file, relative to the folder, and format.
pub type Coverage = (String, &'static str);

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d+(?:\.\d+)*").ok());

pub(super) fn number(text: &str) -> Option<String> {
    Some(NUMBER.as_ref()?.find(text)?.as_str().to_owned())
}

/// The number behind a mark, such as `<java.version>`.
pub(super) fn number_after(text: &str, marks: &[&str]) -> Option<String> {
    marks.iter().find_map(|mark| {
        let at = text.find(mark)? + mark.len();
        let rest: String = text.get(at..)?.chars().take(24).collect();
        number(rest.lines().next().unwrap_or_default())
    })
}

pub(super) fn short(version: &str, parts: usize) -> String {
    version.split('.').take(parts).collect::<Vec<_>>().join(".")
}

const MARKS: &[(&str, Language)] = &[
    ("package.json", Language::Node),
    ("pyproject.toml", Language::Python),
    ("setup.cfg", Language::Python),
    ("setup.py", Language::Python),
    ("requirements.txt", Language::Python),
    ("Pipfile", Language::Python),
    ("go.mod", Language::Go),
    ("Cargo.toml", Language::Rust),
    ("pom.xml", Language::Java),
    ("build.gradle", Language::Java),
    ("build.gradle.kts", Language::Java),
    ("global.json", Language::Dotnet),
    ("Gemfile", Language::Ruby),
    ("composer.json", Language::Php),
    ("CMakeLists.txt", Language::Cpp),
];

/// The projects of a checkout. A project inside another of its language belongs to it,
/// unless the outer one is a mere folder of tools.
pub fn parts(files: &dyn Files, passed_over: &dyn Fn(&str) -> bool) -> Vec<PartOf> {
    let mut found: BTreeMap<(Language, String), ()> = BTreeMap::new();
    for path in files.paths().iter().filter(|path| !passed_over(path)) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if folder.matches('/').count() > 2 {
            continue;
        }
        let marked = MARKS.iter().find(|(mark, _)| *mark == name).map(|(_, language)| *language);
        let dotnet = [".csproj", ".fsproj", ".sln", ".slnx"].iter().any(|end| name.ends_with(end));
        if let Some(language) = marked.or(dotnet.then_some(Language::Dotnet)) {
            found.insert((language, folder.to_owned()), ());
        }
    }
    let keys: Vec<(Language, String)> = found.into_keys().collect();
    let mut outer: Vec<(Language, String)> = Vec::new();
    for (language, folder) in keys {
        let inside = |(other, above): &(Language, String)| {
            *other == language && (above.is_empty() || folder.starts_with(&format!("{above}/")))
        };
        // Sorted: what is above comes first.
        if !outer.iter().any(inside) {
            // A solution file is not always above its projects.
            if language == Language::Dotnet && outer.iter().any(|(other, _)| *other == language) {
                continue;
            }
            let folder = if language == Language::Dotnet && folder.contains('/') {
                String::new()
            } else {
                folder
            };
            outer.push((language, folder));
        }
    }
    outer.into_iter().map(|(language, folder)| project(files, language, &folder)).collect()
}

/// A project in this folder, by the files that are there; what they do not say is
/// assumed and remarked.
pub fn project(files: &dyn Files, language: Language, folder: &str) -> PartOf {
    let at = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let mut part = empty(language, folder);
    match language {
        Language::Node => node(files, &at, &mut part),
        Language::Python => python(files, &at, &mut part),
        Language::Go => go(files, &at, &mut part),
        Language::Rust => rust(files, &at, &mut part),
        Language::Java => java(files, &at, &mut part),
        Language::Dotnet => dotnet(files, &at, &mut part),
        Language::Ruby => ruby(files, &at, &mut part),
        Language::Php => php(files, &at, &mut part),
        Language::Cpp => cpp(&mut part),
    }
    // What the project itself calls lint and test goes before what is customary.
    let targets = targets(files, &at);
    if part.lint.is_none() && targets.iter().any(|target| target == "lint") {
        part.lint = Some("make lint".to_owned());
    }
    if part.test.is_none() && targets.iter().any(|target| target == "test") {
        part.test = Some("make test".to_owned());
    }
    part
}

pub(super) fn set_lock(
    files: &dyn Files,
    at: &str,
    part: &mut PartOf,
    names: &[(&str, Manager)],
) -> bool {
    for (name, manager) in names {
        let path = format!("{at}{name}");
        if files.exists(&path) {
            part.manager = Some(*manager);
            part.lockfile = Some(path);
            return true;
        }
    }
    false
}

fn go(files: &dyn Files, at: &str, part: &mut PartOf) {
    let module = files.read(&format!("{at}go.mod"));
    part.manager = Some(Manager::Go);
    if files.exists(&format!("{at}go.sum")) || module.is_none() {
        part.lockfile = Some(format!("{at}go.sum"));
    }
    if module.is_none() {
        part.assumed.push("Assumed: a Go module at the top of the checkout".to_owned());
    }
    part.version = module.and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("go "))?;
        number(line).map(|version| short(&version, 2))
    });
    part.install = "go mod download".to_owned();
    let configured = [".golangci.yml", ".golangci.yaml", ".golangci.toml"]
        .iter()
        .any(|name| files.exists(&format!("{at}{name}")));
    let golangci = "\ngo run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.1.6 run";
    part.lint = Some(format!("go vet ./...{}", if configured { golangci } else { "" }));
    let summed = "mkdir -p test-results\ngo run gotest.tools/gotestsum@v1.12.3 --junitfile test-results/junit.xml -- -race";
    part.test = Some(format!("{summed} ./..."));
    part.report = Some("test-results/junit.xml".to_owned());
    part.coverage = Some((
        format!(
            "{summed} -coverprofile=coverage.out ./...\ngo run github.com/boumenot/gocover-cobertura@v1.3.0 < coverage.out > coverage.xml"
        ),
        ("coverage.xml".to_owned(), "cobertura"),
    ));
    part.build = Some("mkdir -p bin\ngo build -trimpath -o bin/ ./...".to_owned());
    part.output = vec!["bin".to_owned()];
}

fn rust(files: &dyn Files, at: &str, part: &mut PartOf) {
    let chain = files
        .read(&format!("{at}rust-toolchain.toml"))
        .or_else(|| files.read(&format!("{at}rust-toolchain")));
    part.version = chain
        .as_deref()
        .and_then(|text| number_after(text, &["channel = \""]).or_else(|| number(text)));
    part.manager = Some(Manager::Cargo);
    let locked =
        files.exists(&format!("{at}Cargo.lock")) || !files.exists(&format!("{at}Cargo.toml"));
    part.lockfile = locked.then(|| format!("{at}Cargo.lock"));
    let flag = if locked { " --locked" } else { "" };
    part.install = String::new();
    part.lint = Some(format!(
        "rustup component add clippy rustfmt\ncargo fmt --all --check\ncargo clippy{flag} --all-targets -- -D warnings"
    ));
    part.test = Some(format!("cargo test{flag} --all-features"));
    part.coverage = Some((
        format!(
            "rustup component add llvm-tools\ncargo install --locked cargo-llvm-cov@0.6.16\ncargo llvm-cov{flag} --all-features --lcov --output-path lcov.info"
        ),
        ("lcov.info".to_owned(), "lcov"),
    ));
    part.build = Some(format!("cargo build --release{flag}"));
    part.output = vec!["target/release".to_owned()];
}

fn java(files: &dyn Files, at: &str, part: &mut PartOf) {
    let has = |name: &str| files.exists(&format!("{at}{name}"));
    let gradle = has("build.gradle") || has("build.gradle.kts");
    let text = ["pom.xml", "build.gradle", "build.gradle.kts", "gradle.properties"]
        .iter()
        .filter_map(|name| files.read(&format!("{at}{name}")))
        .collect::<Vec<_>>()
        .join("\n");
    part.version = number_after(
        &text,
        &[
            "<java.version>",
            "<maven.compiler.release>",
            "<maven.compiler.source>",
            "JavaLanguageVersion.of(",
            "JavaVersion.VERSION_",
            "jvmToolchain(",
            "sourceCompatibility = ",
        ],
    )
    .map(|version| version.trim_start_matches("1.").to_owned());
    if gradle {
        let run = if has("gradlew") { "./gradlew" } else { "gradle" };
        part.manager = Some(Manager::Gradle);
        part.lockfile =
            ["gradle/wrapper/gradle-wrapper.properties", "build.gradle.kts", "build.gradle"]
                .into_iter()
                .find(|name| has(name))
                .map(|name| format!("{at}{name}"));
        part.test = Some(format!("{run} test --no-daemon"));
        part.report = Some("**/build/test-results/test/*.xml".to_owned());
        if ["checkstyle", "spotless", "ktlint", "detekt", "pmd"]
            .iter()
            .any(|tool| text.contains(tool))
        {
            part.lint = Some(format!("{run} check --exclude-task test --no-daemon"));
        }
        if text.contains("jacoco") {
            part.coverage = Some((
                format!("{run} test jacocoTestReport --no-daemon"),
                ("build/reports/jacoco/test/jacocoTestReport.xml".to_owned(), "jacoco"),
            ));
        }
        part.build = Some(format!("{run} assemble --no-daemon"));
        part.output = vec!["build/libs".to_owned()];
    } else {
        let run = if has("mvnw") { "./mvnw" } else { "mvn" };
        if !has("pom.xml") {
            part.assumed.push(
                "Assumed: a Maven project with a `pom.xml` at the top of the checkout".to_owned(),
            );
        }
        part.manager = Some(Manager::Maven);
        part.lockfile = Some(format!("{at}pom.xml"));
        part.test = Some(format!("{run} --batch-mode --no-transfer-progress verify"));
        part.report = Some("**/target/surefire-reports/*.xml".to_owned());
        let lint = [
            ("spotless", "spotless:check"),
            ("checkstyle", "checkstyle:check"),
            ("pmd", "pmd:check"),
        ];
        part.lint = lint
            .iter()
            .find(|(name, _)| text.contains(name))
            .map(|(_, goal)| format!("{run} --batch-mode --no-transfer-progress {goal}"));
        if text.contains("jacoco") {
            part.coverage = part
                .test
                .clone()
                .map(|test| (test, ("target/site/jacoco/jacoco.xml".to_owned(), "jacoco")));
        }
        part.build = Some(format!("{run} --batch-mode --no-transfer-progress package -DskipTests"));
        part.output = vec!["target/*.jar".to_owned()];
    }
}

fn dotnet(files: &dyn Files, at: &str, part: &mut PartOf) {
    let projects: Vec<String> = files
        .paths()
        .iter()
        .filter(|path| path.ends_with(".csproj"))
        .filter_map(|path| files.read(path))
        .collect();
    let all = projects.join("\n");
    part.version = files
        .read(&format!("{at}global.json"))
        .and_then(|text| number_after(&text, &["\"version\": \""]))
        .or_else(|| number_after(&all, &["<TargetFramework>net", "<TargetFrameworks>net"]))
        .map(|version| format!("{}.x", short(&version, 2)));
    part.manager = Some(Manager::Nuget);
    let lock = files.paths().iter().find(|path| path.ends_with("packages.lock.json"));
    part.lockfile = lock.cloned();
    part.install = format!("dotnet restore{}", if lock.is_some() { " --locked-mode" } else { "" });
    part.lint = Some("dotnet format --no-restore --verify-no-changes".to_owned());
    let junit = all.contains("JunitXml.TestLogger");
    let logger =
        if junit { " --logger \"junit;LogFilePath=../test-results/{assembly}.xml\"" } else { "" };
    part.report = junit.then(|| "**/test-results/*.xml".to_owned());
    part.test = Some(format!("dotnet test --no-restore --configuration Release{logger}"));
    if all.contains("coverlet.collector") {
        part.coverage = Some((
            format!(
                "dotnet test --no-restore --configuration Release{logger} --collect \"XPlat Code Coverage\" --results-directory coverage\ncp coverage/*/coverage.cobertura.xml coverage/"
            ),
            ("coverage/coverage.cobertura.xml".to_owned(), "cobertura"),
        ));
    }
    part.build =
        Some("dotnet publish --no-restore --configuration Release --output out".to_owned());
    part.output = vec!["out".to_owned()];
}

fn ruby(files: &dyn Files, at: &str, part: &mut PartOf) {
    let gems = files.read(&format!("{at}Gemfile")).unwrap_or_default();
    let has = |name: &str| files.exists(&format!("{at}{name}"));
    part.version = files
        .read(&format!("{at}.ruby-version"))
        .and_then(|text| number(&text))
        .or_else(|| number_after(&gems, &["ruby \"", "ruby '"]));
    set_lock(files, at, part, &[("Gemfile.lock", Manager::Bundler)]);
    part.manager = Some(Manager::Bundler);
    part.install = "bundle install --jobs 4 --retry 3".to_owned();
    if gems.contains("rubocop") || has(".rubocop.yml") {
        part.lint = Some("bundle exec rubocop".to_owned());
    }
    let specs = files.paths().iter().any(|path| path.starts_with(&format!("{at}spec/")));
    if gems.contains("rspec") || specs {
        let junit = gems.contains("rspec_junit_formatter");
        let more =
            if junit { " --format RspecJunitFormatter --out test-results/rspec.xml" } else { "" };
        part.test = Some(format!("bundle exec rspec --format progress{more}"));
        part.report = junit.then(|| "test-results/rspec.xml".to_owned());
    } else if gems.contains("rails") {
        part.test = Some("bundle exec rails test".to_owned());
    } else {
        part.test = Some("bundle exec rake test".to_owned());
    }
}

fn php(files: &dyn Files, at: &str, part: &mut PartOf) {
    let composer = files.read(&format!("{at}composer.json")).unwrap_or_default();
    let has = |name: &str| files.exists(&format!("{at}{name}"));
    part.version = number_after(&composer, &["\"php\": \""])
        .map(|version| short(&version, 2))
        .filter(|version| version.contains('.'));
    set_lock(files, at, part, &[("composer.lock", Manager::Composer)]);
    part.manager = Some(Manager::Composer);
    part.install = "composer install --no-interaction --prefer-dist".to_owned();
    let mut lints = Vec::new();
    if composer.contains("phpstan") || has("phpstan.neon") || has("phpstan.neon.dist") {
        lints.push("vendor/bin/phpstan analyse --no-progress");
    }
    if composer.contains("php_codesniffer") {
        lints.push("vendor/bin/phpcs");
    }
    if composer.contains("laravel/pint") {
        lints.push("vendor/bin/pint --test");
    }
    part.lint = (!lints.is_empty()).then(|| lints.join("\n"));
    part.test = Some("vendor/bin/phpunit --log-junit test-results/junit.xml".to_owned());
    part.report = Some("test-results/junit.xml".to_owned());
}

fn cpp(part: &mut PartOf) {
    part.install = "command -v cmake > /dev/null || (apt-get update && apt-get install --yes --no-install-recommends cmake g++ make)".to_owned();
    let build = "cmake -S . -B build -DCMAKE_BUILD_TYPE=Release\ncmake --build build --parallel";
    part.test = Some(format!(
        "{build}\nctest --test-dir build --output-on-failure --output-junit junit.xml"
    ));
    part.report = Some("build/junit.xml".to_owned());
    part.build = Some(build.to_owned());
    part.output = vec!["build".to_owned()];
}
