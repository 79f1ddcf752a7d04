//! What somebody wants, read from plain language. What is not understood is kept as
//! such, never guessed.

mod clock;
mod phrase;
mod read;
mod typo;

pub use read::read;

use super::super::portable::{Os, Strategy};
use super::stack::Language;

/// Whether something is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ask {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// It is wanted.
    Yes,
    /// It is not wanted.
    No,
}

impl Ask {
    /// Whether it is wanted expressly.
    pub fn yes(self) -> bool {
        self == Ask::Yes
    }

    /// Whether it is ruled out.
    pub fn no(self) -> bool {
        self == Ask::No
    }

    fn set(&mut self, negated: bool) {
        // Said both ways, the wish stands: a negation often confines only one place.
        if !negated {
            *self = Ask::Yes;
        } else if *self == Ask::Unsaid {
            *self = Ask::No;
        }
    }
}

/// Which runs deploy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeployWhen {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// Those of a branch.
    Branch(String),
    /// Those of a tag.
    Tag,
}

/// Where images are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registry {
    /// `ghcr.io`.
    GitHub,
    /// The one of a GitLab project.
    GitLab,
    /// Amazon ECR.
    Ecr,
    /// Azure Container Registry.
    Acr,
    /// Google Artifact Registry.
    Google,
    /// Docker Hub.
    DockerHub,
    /// Any other, with the image's name: `registry.acme.io/shop/api`.
    Other(String),
}

/// What is deployed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A cluster, by whatever the checkout has.
    Kubernetes,
    /// A Helm chart.
    Helm,
    /// A kustomization.
    Kustomize,
    /// Argo CD.
    ArgoCd,
    /// Amazon ECS.
    Ecs,
    /// AWS Lambda.
    Lambda,
    /// Google Cloud Run.
    CloudRun,
    /// An Azure web app.
    AzureWebApp,
    /// Files in an S3 bucket.
    S3,
    /// A machine by SSH.
    Ssh,
}

/// Where a package is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publish {
    /// npm.
    Npm,
    /// `PyPI`.
    Pypi,
    /// crates.io.
    Crates,
    /// Maven Central or another repository that the project names.
    Maven,
    /// `NuGet`.
    Nuget,
    /// `RubyGems`.
    Gems,
}

/// A service that tests can have beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceKind {
    /// Its name.
    pub name: &'static str,
    /// Other words for it, parted by `|`.
    pub words: &'static str,
    /// Its image.
    pub image: &'static str,
    /// Its port.
    pub port: u16,
    /// Its variables.
    pub variables: &'static [(&'static str, &'static str)],
    /// A command that succeeds once it is ready.
    pub ready: &'static str,
    /// The variable that tests read its address from, and the address with `@` for
    /// the host.
    pub address: (&'static str, &'static str),
}

/// All services that are known.
pub const SERVICES: &[ServiceKind] = &[
    ServiceKind {
        name: "postgres",
        words: "postgresql|postgis|pg",
        image: "postgres:17",
        port: 5432,
        variables: &[
            ("POSTGRES_USER", "test"),
            ("POSTGRES_PASSWORD", "test"),
            ("POSTGRES_DB", "test"),
        ],
        ready: "pg_isready -U test",
        address: ("DATABASE_URL", "postgresql://test:test@@:5432/test"),
    },
    ServiceKind {
        name: "mysql",
        words: "mariadb",
        image: "mysql:8.4",
        port: 3306,
        variables: &[("MYSQL_ROOT_PASSWORD", "test"), ("MYSQL_DATABASE", "test")],
        ready: "mysqladmin ping -h 127.0.0.1 -ptest",
        address: ("DATABASE_URL", "mysql://root:test@@:3306/test"),
    },
    ServiceKind {
        name: "redis",
        words: "valkey",
        image: "redis:7.4",
        port: 6379,
        variables: &[],
        ready: "redis-cli ping",
        address: ("REDIS_URL", "redis://@:6379/0"),
    },
    ServiceKind {
        name: "mongo",
        words: "mongodb",
        image: "mongo:8.0",
        port: 27017,
        variables: &[],
        ready: "mongosh --quiet --eval 'db.runCommand({ping: 1}).ok'",
        address: ("MONGODB_URI", "mongodb://@:27017/test"),
    },
    ServiceKind {
        name: "rabbitmq",
        words: "rabbit",
        image: "rabbitmq:4.0",
        port: 5672,
        variables: &[],
        ready: "rabbitmq-diagnostics -q ping",
        address: ("AMQP_URL", "amqp://guest:guest@@:5672/"),
    },
];

/// Whom to tell, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notify {
    /// `slack`, `teams`, `email` or `webhook`, with the address for mail.
    pub channels: Vec<(String, String)>,
    /// When something failed.
    pub failure: bool,
    /// When it is done.
    pub success: bool,
}

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// On pull and merge requests.
    pub change: Ask,
    /// On pushes to these branches.
    pub push: Vec<String>,
    /// On pushes to any branch.
    pub push_any: bool,
    /// On tags, by glob.
    pub tag: Option<String>,
    /// By the clock: five fields, in UTC.
    pub schedules: Vec<String>,
    /// By hand.
    pub manual: Ask,
    /// Only where one of these folders changed.
    pub paths: Vec<String>,
    /// Languages with versions.
    pub languages: Vec<(Language, Vec<String>)>,
    /// Operating systems that tests run on.
    pub systems: Vec<Os>,
    /// Linting.
    pub lint: Ask,
    /// Testing.
    pub test: Ask,
    /// Tests against running services or in a browser.
    pub end_to_end: Ask,
    /// Coverage.
    pub coverage: Ask,
    /// Building what is not an image.
    pub build: Ask,
    /// Scans of the source and its dependencies.
    pub scan_source: Ask,
    /// A search for secrets in the source.
    pub scan_secrets: Ask,
    /// Scans of the image.
    pub scan_image: Ask,
    /// A list of what is in the image or source.
    pub sbom: Ask,
    /// A container image.
    pub image: Ask,
    /// Platforms of the image.
    pub architectures: Vec<String>,
    /// Where the image goes.
    pub registry: Option<Registry>,
    /// Publishing a package.
    pub publish: Ask,
    /// Where to.
    pub publish_to: Vec<Publish>,
    /// A release on the platform itself.
    pub release: Ask,
    /// Services beside the tests.
    pub services: Vec<&'static str>,
    /// Deploying.
    pub deploy: Ask,
    /// Which runs deploy.
    pub deploy_when: DeployWhen,
    /// What is deployed to.
    pub target: Option<Target>,
    /// `aws`, `azure` or `gcp`.
    pub cloud: Option<&'static str>,
    /// Environments in the order they are reached.
    pub environments: Vec<String>,
    /// Approval by a person.
    pub approval: Ask,
    /// Environments that want one; none means the last.
    pub approval_for: Vec<String>,
    /// Who approves.
    pub approvers: Vec<String>,
    /// How a deployment replaces what runs.
    pub strategy: Option<Strategy>,
    /// Health checks.
    pub health: Ask,
    /// Where health is asked for.
    pub health_urls: Vec<String>,
    /// Rolling back.
    pub rollback: Ask,
    /// Telling people.
    pub notify: Notify,
    /// Infrastructure.
    pub terraform: Ask,
    /// Applying it.
    pub apply: Ask,
    /// What checks policies.
    pub policy: Option<&'static str>,
    /// Caching.
    pub cache: Ask,
    /// Minutes that a job may take.
    pub timeout: Option<u32>,
    /// Cancelling runs that a newer one replaces.
    pub cancel: Ask,
    /// Words that were taken for others.
    pub corrected: Vec<(String, String)>,
    /// What was understood and is not written, a sentence each.
    pub unsupported: Vec<String>,
    /// What was not understood.
    pub not_understood: Vec<String>,
}
