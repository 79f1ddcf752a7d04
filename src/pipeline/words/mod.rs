//! What the words of scripts and steps mean: installs, tests, builds, scans, deploys.

/// Something a step does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Does {
    /// Fetches the source.
    Checkout,
    /// Installs dependencies with this package manager.
    Install(Manager),
    /// Restores or keeps a cache, with its key as written.
    Cache {
        /// The key.
        key: String,
        /// What is kept.
        paths: Vec<String>,
    },
    /// Sets up a language's tools: `node`, `python`, `go`, `java`, `rust`, `dotnet`, `ruby`, `php`.
    Setup(String),
    /// Checks style or types.
    Lint,
    /// Runs tests.
    Test,
    /// Compiles or packs.
    Build,
    /// Builds a container image.
    BuildImage(ImageBuild),
    /// Pushes an image, by its reference as written.
    PushImage(String),
    /// Uses an image, by its reference as written.
    PullImage(String),
    /// Looks for weaknesses with this tool.
    Scan {
        /// Its name: `trivy`.
        tool: String,
        /// What it looks at.
        target: ScanTarget,
        /// Whether what it finds fails the job.
        gating: bool,
    },
    /// Puts something where people use it, with this tool.
    Deploy(String),
    /// Publishes a package or a release.
    Publish(String),
    /// Looks whether what was deployed works.
    HealthCheck,
    /// Takes a deployment back.
    Rollback,
    /// Keeps an artifact under a name.
    Upload(String),
    /// Fetches an artifact by name; empty: all.
    Download(String),
    /// Plans infrastructure.
    Plan(String),
    /// Tells people.
    Notify(String),
    /// Logs in somewhere.
    Login(String),
    /// Reads the history of the source (`git describe`, blame, a changelog).
    History,
    /// Waits for a person.
    Approval,
}

/// Package managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Manager {
    /// npm.
    Npm,
    /// Yarn.
    Yarn,
    /// pnpm.
    Pnpm,
    /// Bun.
    Bun,
    /// pip.
    Pip,
    /// Poetry.
    Poetry,
    /// Pipenv.
    Pipenv,
    /// uv.
    Uv,
    /// Maven.
    Maven,
    /// Gradle.
    Gradle,
    /// Go modules.
    Go,
    /// Cargo.
    Cargo,
    /// NuGet.
    Nuget,
    /// Bundler.
    Bundler,
    /// Composer.
    Composer,
}

/// What a scanner looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScanTarget {
    /// The source, its dependencies, its configuration.
    Source,
    /// An image.
    Image,
    /// A running service: it has to follow the deployment.
    Live,
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ImageBuild {
    /// `docker`, `buildx`, `kaniko`, `buildah`, `podman`, or an action's name.
    pub tool: String,
    /// Folder.
    pub context: String,
    /// Dockerfile, where named.
    pub file: Option<String>,
    /// Stage, where named.
    pub target: Option<String>,
    /// Platforms, where named.
    pub platforms: Option<String>,
    /// Arguments, sorted.
    pub args: Vec<String>,
    /// Tags it gets, as written.
    pub tags: Vec<String>,
    /// Whether it is pushed at once.
    pub push: bool,
    /// Whether layers come from a cache elsewhere.
    pub cached: bool,
}

/// Says of every step what it does.
pub fn fill(_pipeline: &mut super::graph::Pipeline) {}
