//! Actions, tasks, pipes, plugins and step types that have an equal elsewhere.
//!
//! Sources: each one's own page; the list follows
//! <https://docs.github.com/en/actions/tutorials/migrate-to-github-actions/automated-migrations>.

use super::Lift;
use super::step::{checkout, name_of, rewritten_path};
use crate::pipeline::Platform;
use crate::pipeline::convert::rewrite::{Place, rewrite};
use crate::pipeline::graph::{self, Use};
use crate::pipeline::portable::{
    Action, Approval, ImageBuild, Job, Login, Part, Shell, Step, TestReport, Text, Variable,
};

/// The steps that do the same; `None` where there are none known. Empty where nothing
/// has to be done.
pub fn lift(
    lift: &Lift<'_>,
    at: usize,
    graph: &graph::Job,
    step: &graph::Step,
    used: &Use,
    job: &mut Job,
) -> Option<Vec<Step>> {
    let name = used.name.to_ascii_lowercase();
    let name = name.as_str();
    let cx = Cx { lift, at, used };
    match lift.from() {
        Platform::GitHub => github(&cx, name, graph, step),
        Platform::Azure => azure(&cx, name, graph),
        Platform::Jenkins => jenkins(&cx, name, graph, job),
        Platform::Bitbucket => bitbucket(&cx, name),
        Platform::Harness => harness(&cx, name),
        Platform::GitLab => None,
    }
}

struct Cx<'a> {
    lift: &'a Lift<'a>,
    at: usize,
    used: &'a Use,
}

impl Cx<'_> {
    fn input(&self, name: &str) -> Option<&str> {
        self.used.input(name).filter(|text| !text.trim().is_empty())
    }

    fn text(&self, name: &str) -> Text {
        self.value(self.input(name).unwrap_or(""))
    }

    fn value(&self, text: &str) -> Text {
        rewrite(self.lift, Some(self.at), text.trim(), Place::Value)
    }

    fn yes(&self, name: &str) -> bool {
        self.input(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    fn paths(&self, name: &str) -> Vec<String> {
        let text = self.input(name).unwrap_or("");
        text.split(['\n', ','])
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .filter_map(|path| rewritten_path(self.lift, self.at, path))
            .collect()
    }

    fn setup(&self, language: &str, inputs: &[&str]) -> Vec<Step> {
        let version = inputs.iter().find_map(|name| self.input(name)).unwrap_or("");
        let version = match self.lift.from() {
            Platform::Azure => version.trim_end_matches(".x"),
            _ => version,
        };
        let lines: Vec<&str> = version.lines().collect();
        if lines.len() > 1 {
            self.lose(
                &format!("all but the first of the versions {}", lines.join(", ")),
                "One version is set up here",
            );
        }
        let version = self.value(lines.first().copied().unwrap_or(""));
        vec![Step::new(Action::Setup { language: language.to_owned(), version })]
    }

    fn run(&self, script: impl Into<Text>) -> Vec<Step> {
        vec![Step::new(Action::Run { script: script.into(), shell: Shell::Usual })]
    }

    fn command(&self, text: &str) -> Vec<Step> {
        self.run(rewrite(self.lift, Some(self.at), text.trim(), Place::Shell))
    }

    fn lose(&self, what: &str, why: &str) {
        self.lift.lose(
            format!("{what} of `{}` in job `{}`", self.used.name, self.lift.id(self.at)),
            why,
            self.lift.line(self.used.span),
        );
    }

    /// Inputs that are not carried, listed.
    fn only(&self, known: &[&str]) {
        for (key, at) in &self.used.inputs {
            let short = key.strip_prefix("spec.").unwrap_or(key);
            if at.value.trim().is_empty()
                || known.iter().any(|known| known.eq_ignore_ascii_case(short))
            {
                continue;
            }
            self.lift.lose(
                format!(
                    "the input `{key}` of `{}` in job `{}`",
                    self.used.name,
                    self.lift.id(self.at)
                ),
                "What does the same here has no such setting",
                self.lift.line(at.span),
            );
        }
    }

    fn secret(&self, name: &str) -> Option<String> {
        match self.text(name).0.as_slice() {
            [Part::Secret(secret) | Part::Variable(secret)] => Some(secret.clone()),
            _ => None,
        }
    }

    fn cache(&self, key: &str, path: &str) -> Option<Vec<Step>> {
        let files = self.input(key).map(hashed).unwrap_or_default();
        let paths = self.paths(path);
        if paths.is_empty() {
            return None;
        }
        Some(vec![Step::new(Action::Cache {
            name: name_of(self.input(key).unwrap_or("cache")),
            files,
            paths,
        })])
    }
}

/// The files in `hashFiles('a', 'b')`, or the parts of Azure's key that are files.
fn hashed(key: &str) -> Vec<String> {
    if let Some((_, rest)) = key.split_once("hashFiles(") {
        let inner = rest.split(')').next().unwrap_or("");
        return inner
            .split(',')
            .map(|one| one.trim().trim_matches(['\'', '"']).to_owned())
            .filter(|one| !one.is_empty() && !one.contains('$'))
            .collect();
    }
    key.split(['|', '\n'])
        .map(|one| one.trim().trim_matches('"'))
        .filter(|one| one.contains('.') && !one.contains("$(Agent") && !one.contains("${{"))
        .map(|one| {
            one.replace("$(Build.SourcesDirectory)/", "")
                .replace("$(System.DefaultWorkingDirectory)/", "")
        })
        .filter(|one| !one.contains("$("))
        .collect()
}

fn github(cx: &Cx<'_>, name: &str, graph: &graph::Job, step: &graph::Step) -> Option<Vec<Step>> {
    let _ = step;
    Some(match name {
        "actions/checkout" => {
            if cx.input("repository").is_some() {
                return None;
            }
            cx.only(&["fetch-depth", "submodules", "lfs", "persist-credentials", "token", "clean"]);
            let depth = cx.input("fetch-depth").and_then(|text| text.parse().ok());
            let mut made = checkout(cx.lift, graph);
            if let Action::Checkout { depth: own, submodules, lfs } = &mut made.action {
                *own = depth;
                *submodules = cx.input("submodules").is_some_and(|text| text != "false");
                *lfs = cx.yes("lfs");
            }
            vec![made]
        }
        "actions/setup-node" => with_cache(cx, cx.setup("node", &["node-version"])),
        "actions/setup-python" => with_cache(cx, cx.setup("python", &["python-version"])),
        "actions/setup-go" => cx.setup("go", &["go-version"]),
        "actions/setup-java" => with_cache(cx, cx.setup("java", &["java-version"])),
        "actions/setup-dotnet" => cx.setup("dotnet", &["dotnet-version"]),
        "ruby/setup-ruby" | "actions/setup-ruby" => {
            let mut made = cx.setup("ruby", &["ruby-version"]);
            if cx.yes("bundler-cache") {
                made.extend(cx.run("bundle install"));
            }
            made
        }
        "shivammathur/setup-php" => {
            cx.only(&["php-version"]);
            cx.setup("php", &["php-version"])
        }
        "dtolnay/rust-toolchain"
        | "actions-rs/toolchain"
        | "actions-rust-lang/setup-rust-toolchain" => {
            let version = cx.input("toolchain").or(cx.used.version.as_deref()).unwrap_or("stable");
            let parts = cx.input("components").map(|text| text.replace(',', " "));
            let mut made = vec![Step::new(Action::Setup {
                language: "rust".to_owned(),
                version: cx.value(match version {
                    "master" | "v1" | "main" => "stable",
                    other => other,
                }),
            })];
            if let Some(parts) = parts {
                made.extend(cx.run(format!(
                    "rustup component add {}",
                    parts.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
                )));
            }
            if let Some(target) = cx.input("target").or(cx.input("targets")) {
                made.extend(cx.command(&format!("rustup target add {}", target.replace(',', " "))));
            }
            made
        }
        "hashicorp/setup-terraform" => cx.setup("terraform", &["terraform_version"]),
        "azure/setup-helm" => cx.setup("helm", &["version"]),
        "azure/setup-kubectl" => cx.setup("kubectl", &["version"]),
        "swatinem/rust-cache" => vec![Step::new(Action::CacheDependencies {
            manager: crate::pipeline::words::Manager::Cargo,
            lockfiles: Vec::new(),
            paths: Vec::new(),
        })],
        "actions/cache" | "actions/cache/restore" => cx.cache("key", "path")?,
        "actions/cache/save" => Vec::new(),
        "actions/upload-artifact" => {
            cx.only(&["name", "path", "retention-days", "if-no-files-found", "overwrite"]);
            let paths = cx.paths("path");
            if paths.is_empty() {
                return None;
            }
            vec![Step::new(Action::SaveArtifact {
                name: artifact(cx, "name"),
                paths,
                days: cx.input("retention-days").and_then(|text| text.parse().ok()),
            })]
        }
        "actions/download-artifact" => {
            cx.only(&["name", "path", "merge-multiple", "pattern"]);
            let name =
                if cx.input("name").is_some() { artifact(cx, "name") } else { String::new() };
            vec![Step::new(Action::FetchArtifact {
                name,
                path: cx.paths("path").pop().filter(|path| path != "."),
            })]
        }
        "docker/setup-qemu-action" | "docker/setup-buildx-action" => Vec::new(),
        "docker/login-action" => {
            let (Some(user), Some(password)) = (cx.input("username"), cx.secret("password")) else {
                return None;
            };
            let user = match cx.value(user).0.as_slice() {
                [Part::Secret(name) | Part::Variable(name)] => name.clone(),
                _ => {
                    cx.lift.remark(
                        "The user of a registry has to be kept as the variable `REGISTRY_USER`",
                    );
                    "REGISTRY_USER".to_owned()
                }
            };
            let host = cx.text("registry");
            let host = host.as_literal()?.to_owned();
            vec![Step::new(Action::Login(Login::Registry { host, user, password }))]
        }
        "docker/build-push-action" => {
            cx.only(&[
                "context",
                "file",
                "target",
                "push",
                "tags",
                "build-args",
                "platforms",
                "cache-from",
                "cache-to",
            ]);
            image(cx, "tags", "build-args")?
        }
        "azure/login" => return None,
        "aws-actions/configure-aws-credentials" => {
            let role = cx.input("role-to-assume")?;
            vec![Step::new(Action::Login(Login::Aws {
                role: cx.value(role),
                region: cx.input("aws-region").unwrap_or("us-east-1").to_owned(),
            }))]
        }
        "aquasecurity/trivy-action" => {
            cx.only(&[
                "image-ref",
                "scan-type",
                "scan-ref",
                "severity",
                "exit-code",
                "format",
                "output",
            ]);
            let severity = cx.input("severity").unwrap_or("HIGH,CRITICAL").to_owned();
            if cx.input("image-ref").is_some() {
                vec![Step::new(Action::ScanImage {
                    tool: "trivy".to_owned(),
                    image: cx.text("image-ref"),
                    severity,
                })]
            } else {
                vec![Step::new(Action::ScanSource {
                    tool: "trivy".to_owned(),
                    path: cx.input("scan-ref").unwrap_or(".").to_owned(),
                    severity,
                })]
            }
        }
        "gitleaks/gitleaks-action" => vec![Step::new(Action::ScanSource {
            tool: "gitleaks".to_owned(),
            path: String::new(),
            severity: "HIGH,CRITICAL".to_owned(),
        })],
        "pnpm/action-setup" => cx.run("corepack enable pnpm"),
        "actions-rs/cargo" => {
            let args = format!(
                "cargo {} {}",
                cx.input("command").unwrap_or(""),
                cx.input("args").unwrap_or("")
            );
            cx.command(&args)
        }
        "golangci/golangci-lint-action" => {
            cx.command(&format!("golangci-lint run {}", cx.input("args").unwrap_or("")))
        }
        "nick-fields/retry" | "nick-invision/retry" => cx.command(cx.input("command")?),
        "dorny/test-reporter" | "mikepenz/action-junit-report" => {
            let paths = if cx.input("path").is_some() {
                cx.paths("path")
            } else {
                cx.paths("report_paths")
            };
            vec![Step::new(Action::SaveTestReport(TestReport { paths }))]
        }
        // The steps of a local action stand behind it.
        local if local.starts_with("./") => {
            let folder = local.trim_start_matches("./").trim_end_matches('/');
            let read = cx
                .lift
                .pipeline()
                .included
                .iter()
                .any(|path| path.to_ascii_lowercase().starts_with(folder));
            if !read {
                return None;
            }
            cx.lose("inputs", "Its steps are taken in; where they read inputs, put values");
            Vec::new()
        }
        _ => return None,
    })
}

fn artifact(cx: &Cx<'_>, input: &str) -> String {
    let text = cx.text(input);
    match text.as_literal() {
        Some("") => "artifact".to_owned(),
        Some(name) => name.to_owned(),
        None => {
            // Copies of a job are told apart by the writers.
            let name = name_of(cx.input(input).unwrap_or("artifact"));
            cx.lose(
                &format!("the computed name `{}`", cx.input(input).unwrap_or("")),
                &format!("It is called `{name}`"),
            );
            if name == "cache" { "artifact".to_owned() } else { name }
        }
    }
}

fn with_cache(cx: &Cx<'_>, mut steps: Vec<Step>) -> Vec<Step> {
    use crate::pipeline::words::Manager;
    let manager = match cx.input("cache") {
        Some("npm") => Manager::Npm,
        Some("yarn") => Manager::Yarn,
        Some("pnpm") => Manager::Pnpm,
        Some("pip") => Manager::Pip,
        Some("poetry") => Manager::Poetry,
        Some("pipenv") => Manager::Pipenv,
        Some("maven") => Manager::Maven,
        Some("gradle") => Manager::Gradle,
        _ => return steps,
    };
    let lockfiles = cx.paths("cache-dependency-path");
    steps.push(Step::new(Action::CacheDependencies { manager, lockfiles, paths: Vec::new() }));
    steps
}

fn image(cx: &Cx<'_>, tags: &str, args: &str) -> Option<Vec<Step>> {
    let references: Vec<&str> = cx
        .input(tags)
        .unwrap_or("")
        .split(['\n', ','])
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .collect();
    let mut build = ImageBuild {
        context: cx.paths("context").pop().unwrap_or_default(),
        file: cx.paths("file").pop(),
        target: cx.input("target").map(str::to_owned),
        platforms: cx
            .input("platforms")
            .map(|text| text.split(',').map(|one| one.trim().to_owned()).collect())
            .unwrap_or_default(),
        push: cx.yes("push"),
        cache: cx.input("cache-to").is_some(),
        ..ImageBuild::default()
    };
    if build.context == "." {
        build.context.clear();
    }
    for line in cx.input(args).unwrap_or("").lines() {
        if let Some((name, value)) = line.trim().split_once('=') {
            build.args.push(Variable { name: name.to_owned(), value: cx.value(value) });
        }
    }
    for reference in &references {
        let (name, tag) = split_tag(reference);
        if build.image.is_empty() {
            build.image = cx.value(name);
        }
        build.tags.push(cx.value(tag));
    }
    if build.image.is_empty() {
        return None;
    }
    Some(vec![Step::new(Action::BuildImage(build))])
}

fn split_tag(reference: &str) -> (&str, &str) {
    let mut depth = 0i32;
    let mut cut = None;
    for (at, c) in reference.char_indices() {
        match c {
            '{' | '(' | '<' => depth += 1,
            '}' | ')' | '>' => depth -= 1,
            '/' if depth == 0 => cut = None,
            ':' if depth == 0 => cut = Some(at),
            _ => {}
        }
    }
    match cut {
        Some(at) => (&reference[..at], &reference[at + 1..]),
        None => (reference, "latest"),
    }
}

fn azure(cx: &Cx<'_>, name: &str, graph: &graph::Job) -> Option<Vec<Step>> {
    Some(match name {
        "checkout" => {
            if graph.clone.none {
                return Some(Vec::new());
            }
            vec![checkout(cx.lift, graph)]
        }
        "nodetool" | "usenode" => cx.setup("node", &["versionSpec", "version"]),
        "usepythonversion" => cx.setup("python", &["versionSpec"]),
        "gotool" => cx.setup("go", &["version"]),
        "javatoolinstaller" => cx.setup("java", &["versionSpec"]),
        "usedotnet" | "dotnetcoreinstaller" => cx.setup("dotnet", &["version"]),
        "userubyversion" => cx.setup("ruby", &["versionSpec"]),
        "terraforminstaller" => cx.setup("terraform", &["terraformVersion"]),
        "helminstaller" => cx.setup("helm", &["helmVersionToInstall"]),
        "kubectlinstaller" => cx.setup("kubectl", &["kubectlVersion"]),
        "cache" => cx.cache("key", "path")?,
        "publish" | "publishpipelineartifact" | "publishbuildartifacts" => {
            let keys = ["publish", "targetPath", "path", "pathToPublish", "publishLocation"];
            let from = keys.iter().find(|key| cx.input(key).is_some())?;
            let paths = cx.paths(from);
            if paths.is_empty() {
                return None;
            }
            let key = if cx.input("artifactName").is_some() { "artifactName" } else { "artifact" };
            vec![Step::new(Action::SaveArtifact { name: artifact(cx, key), paths, days: None })]
        }
        "download" | "downloadpipelineartifact" | "downloadbuildartifacts" => {
            if cx.input("download").is_some_and(|from| from.eq_ignore_ascii_case("none")) {
                return Some(Vec::new());
            }
            let key = if cx.input("artifactName").is_some() { "artifactName" } else { "artifact" };
            let name = if cx.input(key).is_some() { artifact(cx, key) } else { String::new() };
            let key = ["path", "targetPath", "downloadPath"]
                .into_iter()
                .find(|key| cx.input(key).is_some())
                .unwrap_or("path");
            vec![Step::new(Action::FetchArtifact {
                name,
                path: cx.paths(key).pop().filter(|path| path != "."),
            })]
        }
        "publishtestresults" => {
            let format =
                cx.input("testResultsFormat").or(cx.input("testRunner")).unwrap_or("JUnit");
            if !format.eq_ignore_ascii_case("junit") {
                cx.lose(
                    &format!("the format {format}"),
                    "Reports are read as JUnit's here; convert them",
                );
            }
            vec![Step::new(Action::SaveTestReport(TestReport {
                paths: cx.paths("testResultsFiles"),
            }))]
        }
        "publishcodecoverageresults" => {
            let file = cx.paths("summaryFileLocation").pop()?;
            let format = cx.input("codeCoverageTool").unwrap_or("cobertura").to_ascii_lowercase();
            vec![Step::new(Action::SaveCoverage { file, format })]
        }
        "docker" => {
            let tags = cx.input("tags").unwrap_or("$(Build.BuildId)");
            let push = matches!(
                cx.input("command").unwrap_or("buildAndPush").to_ascii_lowercase().as_str(),
                "buildandpush"
            );
            match cx.input("command").unwrap_or("buildAndPush").to_ascii_lowercase().as_str() {
                "buildandpush" | "build" => {}
                _ => return None,
            }
            let repository = cx.input("repository")?;
            if let Some(registry) = cx.input("containerRegistry") {
                cx.lose(
                    &format!("the service connection `{registry}`"),
                    "Log in to the registry before with secrets",
                );
            }
            let mut build =
                ImageBuild { image: cx.value(repository), push, ..ImageBuild::default() };
            build.file = cx
                .input("Dockerfile")
                .or(cx.input("dockerfile"))
                .map(|text| {
                    text.trim_start_matches("**/").replace("$(Build.SourcesDirectory)/", "")
                })
                .filter(|text| !text.contains("$("));
            build.context = cx
                .paths("buildContext")
                .pop()
                .filter(|path| path != "." && path != "**")
                .unwrap_or_default();
            build.tags = tags.lines().map(|tag| cx.value(tag)).collect();
            vec![Step::new(Action::BuildImage(build))]
        }
        "npm" => {
            let folder = cx.input("workingDir").map(str::to_owned);
            let text = match cx.input("command").unwrap_or("install") {
                "custom" => format!("npm {}", cx.input("customCommand")?),
                command => format!("npm {command}"),
            };
            let mut made = cx.command(&text);
            for one in &mut made {
                one.folder = folder
                    .clone()
                    .map(|text| text.replace("$(Build.SourcesDirectory)/", ""))
                    .filter(|text| !text.contains("$("));
            }
            made
        }
        "dotnetcorecli" => {
            let command = cx.input("command").unwrap_or("build");
            let word = if command == "custom" { cx.input("custom")? } else { command };
            let projects = cx.input("projects").unwrap_or("");
            if projects.contains('*') {
                cx.lose(
                    &format!("the glob `{projects}`"),
                    "The command takes one project or solution; the one in the folder is taken",
                );
            }
            let project = if projects.contains('*') { "" } else { projects };
            cx.command(&format!("dotnet {word} {project} {}", cx.input("arguments").unwrap_or("")))
        }
        "maven" => cx.command(&format!(
            "mvn -f {} {} {}",
            cx.input("mavenPomFile").unwrap_or("pom.xml"),
            cx.input("options").unwrap_or(""),
            cx.input("goals").unwrap_or("package")
        )),
        "gradle" => cx.command(&format!(
            "./gradlew {} {}",
            cx.input("options").unwrap_or(""),
            cx.input("tasks").unwrap_or("build")
        )),
        "go" => cx.command(&format!(
            "go {} {}",
            cx.input("command").unwrap_or("build"),
            cx.input("arguments").unwrap_or("")
        )),
        "copyfiles" => return None,
        "manualvalidation" | "manualintervention" => {
            vec![Step::new(Action::Approval(approval(cx, "instructions")))]
        }
        _ => return None,
    })
}

fn approval(cx: &Cx<'_>, message: &str) -> Approval {
    let text = cx.text(message);
    Approval { message: text.as_literal().unwrap_or("Go on?").to_owned(), ..Approval::default() }
}

fn jenkins(cx: &Cx<'_>, name: &str, graph: &graph::Job, job: &mut Job) -> Option<Vec<Step>> {
    let _ = job;
    Some(match name {
        "checkout" | "git" => {
            let elsewhere =
                cx.input("url").is_some() || cx.input("scm").is_some_and(|scm| scm != "scm");
            if elsewhere {
                cx.lose(
                    "the repository that it names",
                    "The pipeline's own repository is checked out",
                );
            }
            vec![checkout(cx.lift, graph)]
        }
        "tools" => {
            let mut made = Vec::new();
            for (tool, at) in &cx.used.inputs {
                let language = match tool.as_str() {
                    "nodejs" => "node",
                    "jdk" => "java",
                    "maven" | "gradle" => {
                        cx.lift.remark(format!(
                            "`{tool}` ({}) has to be on the machine or in the image",
                            at.value
                        ));
                        continue;
                    }
                    "go" => "go",
                    "terraform" => "terraform",
                    "python" => "python",
                    _ => {
                        cx.lose(&format!("the tool `{tool} {}`", at.value), "Install it in a step");
                        continue;
                    }
                };
                // Installations are named freely; a number in the name is its version.
                let version: String = at
                    .value
                    .chars()
                    .skip_while(|c| !c.is_ascii_digit())
                    .take_while(|c| c.is_ascii_digit() || *c == '.')
                    .collect();
                made.push(Step::new(Action::Setup {
                    language: language.to_owned(),
                    version: Text::literal(version.trim_end_matches('.')),
                }));
            }
            made
        }
        "archiveartifacts" => {
            let paths = cx.paths("artifacts");
            if paths.is_empty() {
                return None;
            }
            vec![Step::new(Action::SaveArtifact {
                name: format!("{}-files", cx.lift.id(cx.at)),
                paths,
                days: None,
            })]
        }
        "stash" => {
            let paths = cx.paths("includes");
            let paths = if paths.is_empty() { vec![".".to_owned()] } else { paths };
            vec![Step::new(Action::SaveArtifact {
                name: artifact(cx, "name"),
                paths,
                days: Some(1),
            })]
        }
        "unstash" => {
            vec![Step::new(Action::FetchArtifact { name: artifact(cx, "name"), path: None })]
        }
        "junit" => {
            vec![Step::new(Action::SaveTestReport(TestReport { paths: cx.paths("testResults") }))]
        }
        "input" => vec![Step::new(Action::Approval(approval(cx, "message")))],
        "echo" => {
            let text = cx.input("message").unwrap_or("");
            let text = rewrite(cx.lift, Some(cx.at), text, Place::Value);
            let mut script = Text::literal("echo \"");
            for part in text.0 {
                script.push(match part {
                    Part::Literal(text) => {
                        Part::Literal(text.replace(['\\', '"', '`'], "'").replace("$(", "("))
                    }
                    part => part,
                });
            }
            cx.run(script.then("\""))
        }
        "deletedir" | "cleanws" | "timestamps" | "timeout" | "retry" | "wrap" | "ansicolor"
        | "withenv" | "withcredentials" | "catcherror" | "warnerror" | "node" | "stage"
        | "withmaven" | "withant" | "withgradle" | "nodejs" | "lock" | "milestone" => {
            if matches!(
                name,
                "withmaven" | "withgradle" | "withant" | "nodejs" | "retry" | "timeout" | "lock"
            ) {
                cx.lose(
                    "what it does for the steps in it",
                    "Its steps are carried, what it sets for them is not",
                );
            }
            Vec::new()
        }
        "dir" | "ws" => {
            cx.lose(
                &format!("the folder `{}` for the steps in it", cx.input("path").unwrap_or("")),
                "Put `cd` before their commands",
            );
            Vec::new()
        }
        "sleep" => cx.command(&format!("sleep {}", cx.input("time").unwrap_or("1"))),
        "error" => cx.command(&format!(
            "echo \"{}\"\nexit 1",
            cx.input("message").unwrap_or("failed").replace('"', "'")
        )),
        _ => return None,
    })
}

fn bitbucket(cx: &Cx<'_>, name: &str) -> Option<Vec<Step>> {
    let _ = (cx, name);
    None
}

fn harness(cx: &Cx<'_>, name: &str) -> Option<Vec<Step>> {
    Some(match name {
        "gitclone" => {
            cx.lose("its settings", "The pipeline's own repository is checked out");
            vec![Step::new(Action::Checkout { depth: None, submodules: false, lfs: false })]
        }
        "harnessapproval" | "jiraapproval" | "servicenowapproval" => {
            let message = cx
                .input("spec.approvalMessage")
                .or(cx.input("approvalMessage"))
                .unwrap_or("Go on?");
            let text = cx.value(message);
            let approvers = cx
                .input("approvers.userGroups")
                .map(|text| text.lines().map(str::to_owned).collect());
            vec![Step::new(Action::Approval(Approval {
                message: text.as_literal().unwrap_or("Go on?").to_owned(),
                approvers: approvers.unwrap_or_default(),
                hours: None,
            }))]
        }
        "buildandpushdockerregistry"
        | "buildandpushecr"
        | "buildandpushgar"
        | "buildandpushacr"
        | "buildandpushgcr" => {
            if let Some(connector) = cx.input("connectorRef") {
                cx.lose(
                    &format!("the connector `{connector}`"),
                    "Log in to the registry before with secrets",
                );
            }
            let repo = cx.input("repo").or(cx.input("imageName")).or(cx.input("repository"))?;
            let mut build =
                ImageBuild { image: cx.value(repo), push: true, ..ImageBuild::default() };
            build.tags =
                cx.input("tags").unwrap_or("latest").lines().map(|tag| cx.value(tag)).collect();
            build.file =
                cx.input("dockerfile").map(str::to_owned).filter(|text| !text.contains("<+"));
            build.context =
                cx.paths("context").pop().filter(|path| path != ".").unwrap_or_default();
            vec![Step::new(Action::BuildImage(build))]
        }
        "wait" => cx.command(&format!("sleep {}", cx.input("duration").unwrap_or("10s"))),
        "barrier" | "queue" | "resourceconstraint" => Vec::new(),
        _ => return None,
    })
}
