//! Names of tasks and local scripts: what `make lint`, `npm run test:e2e` and
//! `./deploy.sh` say about themselves. A name is a hint, weaker than a command.

use super::Does;

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// Checks style or types.
    Lint,
    /// Runs tests.
    Test,
    /// Compiles or packs.
    Build,
    /// Builds an image.
    Image,
    /// Pushes an image.
    Push,
    /// Deploys.
    Deploy,
    /// Publishes.
    Publish,
    /// Looks for weaknesses.
    Scan,
    /// Checks what was deployed.
    Health,
    /// Takes a deployment back.
    Rollback,
    /// Installs what is needed.
    Install,
    /// Plans infrastructure.
    Plan,
    /// Tells people.
    Notify,
}

/// Words of names, in the order in which they decide.
const LEADING: &[(&str, Meaning)] = &[
    (
        "test tests unittest unittests pytest e2e spec integration unit coverage jest vitest cypress bench",
        Meaning::Test,
    ),
    (
        "lint lints linter linting eslint format fmt style typecheck types prettier stylelint checkstyle",
        Meaning::Lint,
    ),
];

const WORDS: &[(&str, Meaning)] = &[
    ("rollback undeploy", Meaning::Rollback),
    ("smoke smoketest healthcheck health", Meaning::Health),
    ("deploy deploys deployment rollout promote ship", Meaning::Deploy),
    ("publish release upload", Meaning::Publish),
    ("notify slack", Meaning::Notify),
    (
        "scan sast dast audit security trivy snyk gitleaks sonar semgrep vuln vulnerabilities",
        Meaning::Scan,
    ),
    (
        "lint lints linter linting linters eslint format formatting fmt style typecheck types tsc prettier \
         stylelint checkstyle flake8 ruff mypy black rubocop clippy typing vet phpstan phpcs pylint golangci",
        Meaning::Lint,
    ),
    (
        "test tests testing unittest unittests pytest e2e spec specs integration unit coverage jest vitest \
         cypress playwright check checks verify ci bench benchmark benchmarks rspec phpunit tox cov ctest",
        Meaning::Test,
    ),
    ("image images docker container dockerize", Meaning::Image),
    ("plan preview", Meaning::Plan),
    ("install deps dependencies bootstrap setup prepare", Meaning::Install),
    (
        "build compile bundle package dist generate gen codegen docs doc storybook export transpile all",
        Meaning::Build,
    ),
];

/// What a name means; `None` where its words say nothing.
pub fn meaning(name: &str) -> Option<Meaning> {
    let words = split(name);
    let first = words.first()?;
    // `test:deploy` tests; `deploy-test` deploys.
    let leads =
        LEADING.iter().find(|(known, _)| known.split_ascii_whitespace().any(|word| word == first));
    if let Some((_, meaning)) = leads {
        return Some(*meaning);
    }
    if matches!(first.as_str(), "check" | "verify" | "wait" | "await") {
        let deployed = words
            .iter()
            .any(|word| word.starts_with("deploy") || word == "health" || word == "rollout");
        return Some(if deployed { Meaning::Health } else { Meaning::Test });
    }
    if matches!(
        first.as_str(),
        "pre" | "before" | "prepare" | "predeploy" | "postdeploy" | "undo" | "no"
    ) {
        return None;
    }
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let image = words
        .iter()
        .any(|word| matches!(word.as_str(), "image" | "images" | "docker" | "container"));
    if image && has("push") {
        return Some(Meaning::Push);
    }
    let fetches = ["download", "pull", "fetch", "load", "save", "clean", "list"];
    if (has("post") && has("deploy"))
        || (image && words.iter().any(|word| fetches.contains(&word.as_str())))
    {
        return None;
    }
    if has("prepare") && (has("release") || has("deploy")) {
        return None;
    }
    if (has("build") || has("archive"))
        && (has("release") || has("publish") || has("upload"))
        && !has("and")
    {
        return Some(Meaning::Build);
    }
    let found = WORDS.iter().find(|(known, _)| {
        known.split_ascii_whitespace().any(|known| words.iter().any(|word| word == known))
    });
    found.map(|(_, meaning)| *meaning)
}

/// `deploy_toProd.sh` in words: `deploy`, `to`, `prod`.
fn split(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    let mut upper = false;
    for char in name.chars().take(200) {
        if !char.is_alphanumeric() {
            fresh = true;
            continue;
        }
        if fresh || (char.is_uppercase() && !upper) {
            words.push(String::new());
        }
        fresh = false;
        upper = char.is_uppercase();
        if let Some(word) = words.last_mut() {
            word.extend(char.to_lowercase());
        }
    }
    words
}

/// What a name with a meaning is taken to do; `by` is its runner or path.
pub fn does(meaning: Meaning, by: &str) -> Option<Does> {
    Some(match meaning {
        Meaning::Lint => Does::Lint,
        Meaning::Test => Does::Test,
        Meaning::Build => Does::Build,
        Meaning::Image => Does::BuildImage(super::ImageBuild {
            tool: by.to_owned(),
            context: String::new(),
            ..Default::default()
        }),
        Meaning::Push => Does::PushImage(String::new()),
        Meaning::Deploy => Does::Deploy(by.to_owned()),
        Meaning::Publish => Does::Publish(by.to_owned()),
        Meaning::Scan => {
            Does::Scan { tool: by.to_owned(), target: super::ScanTarget::Source, gating: true }
        }
        Meaning::Health => Does::HealthCheck,
        Meaning::Rollback => Does::Rollback,
        Meaning::Install => Does::Setup(by.to_owned()),
        Meaning::Plan => Does::Plan(by.to_owned()),
        Meaning::Notify => Does::Notify(by.to_owned()),
    })
}
