//! What a job does, step by step.

use super::{Approval, Condition, Foreign, Text, Variable};
use crate::pipeline::words::Manager;

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What people see.
    pub title: Option<String>,
    /// Where it stands in the file it was converted from, from 1.
    pub line: Option<u32>,
    /// When it runs, beside that all before it succeeded.
    pub condition: Option<Condition>,
    /// Variables.
    pub variables: Vec<Variable>,
    /// Whether its failure is let pass.
    pub soft_fail: bool,
    /// Most minutes it may take.
    pub timeout: Option<u32>,
    /// The folder it works in, relative to the checkout.
    pub folder: Option<String>,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Fetches the source.
    Checkout {
        /// Commits; 0 is all of them; `None` is one.
        depth: Option<u32>,
        /// Whether submodules are fetched.
        submodules: bool,
        /// Whether large files are fetched.
        lfs: bool,
    },
    /// Sets up a language's tools.
    Setup {
        /// `node`, `python`, `go`, `java`, `rust`, `dotnet`, `ruby`, `php`, `terraform`,
        /// `helm`, `kubectl`.
        language: String,
        /// Its version; empty is the newest.
        version: Text,
    },
    /// Runs a script.
    Run {
        /// Its lines.
        script: Text,
        /// What reads it.
        shell: Shell,
    },
    /// Keeps what a package manager fetched from run to run.
    CacheDependencies {
        /// Which manager.
        manager: Manager,
        /// The files that the key is made of; none means the manager's usual one.
        lockfiles: Vec<String>,
        /// What is kept; none means the manager's usual folder.
        paths: Vec<String>,
    },
    /// Keeps files from run to run under a key of one's own.
    Cache {
        /// A name, the key's first part.
        name: String,
        /// The files that the rest of the key is made of.
        files: Vec<String>,
        /// What is kept.
        paths: Vec<String>,
    },
    /// Keeps files for later jobs and for people.
    SaveArtifact {
        /// Its name.
        name: String,
        /// What is kept, as globs.
        paths: Vec<String>,
        /// For how many days; `None` is a week.
        days: Option<u32>,
    },
    /// Fetches what an earlier job kept.
    FetchArtifact {
        /// Its name; empty is all of them.
        name: String,
        /// Where it is put, relative to the checkout; `None` is where it lay.
        path: Option<String>,
    },
    /// Shows the results of tests.
    SaveTestReport(TestReport),
    /// Shows how much the tests covered.
    SaveCoverage {
        /// The report.
        file: String,
        /// `cobertura`, `lcov`, `jacoco`.
        format: String,
    },
    /// Builds a container image.
    BuildImage(ImageBuild),
    /// Looks an image over for known weaknesses and fails where it finds grave ones.
    ScanImage {
        /// `trivy`, `grype`.
        tool: String,
        /// The image.
        image: Text,
        /// What fails: `HIGH,CRITICAL`.
        severity: String,
    },
    /// Looks the source over and fails where it finds grave weaknesses.
    ScanSource {
        /// `trivy`, `semgrep`, `gitleaks`, `checkov`.
        tool: String,
        /// The folder.
        path: String,
        /// What fails: `HIGH,CRITICAL`.
        severity: String,
    },
    /// Puts something where people use it.
    Deploy(Deploy),
    /// Looks whether what was deployed works.
    HealthCheck {
        /// A command that succeeds when it does.
        command: Text,
        /// How often it is tried.
        attempts: u32,
        /// Seconds between.
        seconds: u32,
    },
    /// Takes a deployment back.
    Rollback(Deploy),
    /// Waits for a person.
    Approval(Approval),
    /// Tells people.
    Notify {
        /// `slack`, `teams`, `email`, `webhook`.
        channel: String,
        /// The secret that holds the address of the web hook; for mail, the address.
        target: String,
        /// What they are told.
        message: Text,
    },
    /// Logs in to a registry of images or a cloud.
    Login(Login),
    /// Plans infrastructure and keeps the plan for [`Action::TerraformApply`].
    TerraformPlan(Terraform),
    /// Checks the plan against policies.
    PolicyCheck {
        /// `conftest`, `checkov`, `opa`.
        tool: String,
        /// Folder of the policies.
        policies: String,
        /// What is planned.
        terraform: Terraform,
    },
    /// Applies what was planned.
    TerraformApply(Terraform),
    /// What has no meaning elsewhere: written on its platform alone, reported on others.
    Foreign(Foreign),
}

/// What reads a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Shell {
    /// The runner's own: `sh` or `bash`, on Windows PowerShell.
    #[default]
    Usual,
    /// `sh`.
    Sh,
    /// `bash`.
    Bash,
    /// PowerShell 7.
    Pwsh,
    /// Windows' own PowerShell.
    PowerShell,
    /// Windows' `cmd`.
    Cmd,
    /// Python.
    Python,
}

/// Where results of tests lie.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestReport {
    /// Globs of files in JUnit's format.
    pub paths: Vec<String>,
}

/// How a container image is built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageBuild {
    /// Its name without tag: `ghcr.io/acme/app`.
    pub image: Text,
    /// Its tags; none means the commit.
    pub tags: Vec<Text>,
    /// The folder; empty is the checkout.
    pub context: String,
    /// The Dockerfile; `None` is the one in the folder.
    pub file: Option<String>,
    /// The stage of the Dockerfile.
    pub target: Option<String>,
    /// Arguments.
    pub args: Vec<Variable>,
    /// Platforms (`linux/arm64`); none means the runner's.
    pub platforms: Vec<String>,
    /// Whether it is pushed: later jobs name it by digest with [`super::Part::Image`].
    pub push: bool,
    /// Whether layers are kept from run to run.
    pub cache: bool,
}

/// How one logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// To a registry of images.
    Registry {
        /// Its host: `ghcr.io`; empty is Docker Hub.
        host: String,
        /// The secret or variable with the user; empty: the platform's own token is used
        /// where it is the platform's own registry.
        user: String,
        /// The secret with the password.
        password: String,
    },
    /// To a cluster: the secret that holds a kubeconfig.
    Kubernetes {
        /// The secret's name.
        kubeconfig: String,
    },
    /// To AWS, with a role taken by the job's identity.
    Aws {
        /// The role's ARN.
        role: Text,
        /// The region.
        region: String,
    },
    /// To Azure.
    Azure {
        /// The service connection, or the secret with the client's id.
        connection: String,
    },
    /// To Google Cloud.
    Gcp {
        /// The provider of identities.
        provider: Text,
        /// The service account.
        account: Text,
    },
}

/// A deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deploy {
    /// What is deployed.
    pub kind: DeployKind,
    /// How it replaces what runs.
    pub strategy: Strategy,
    /// The image; `None` where there is none.
    pub image: Option<Text>,
    /// The name of the application: of the workload, the release or the service.
    pub app: String,
    /// The namespace; empty is the environment's name.
    pub namespace: String,
}

/// What is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeployKind {
    /// Manifests, applied with `kubectl`.
    Kubernetes {
        /// Files or folders.
        manifests: Vec<String>,
    },
    /// A folder for `kubectl apply -k`.
    Kustomize {
        /// The folder.
        folder: String,
    },
    /// A chart.
    Helm {
        /// The chart: a folder or a reference.
        chart: String,
        /// Files of values.
        values: Vec<String>,
    },
    /// Infrastructure.
    Terraform(Terraform),
    /// Whatever a script does; the image is in its variable `IMAGE`.
    Script {
        /// The script that deploys.
        deploy: Text,
        /// The script that takes it back; empty where there is none.
        rollback: Text,
    },
    /// Nothing is known.
    #[default]
    Unknown,
}

/// How a deployment replaces what runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Strategy {
    /// One after another.
    #[default]
    Rolling,
    /// Beside it, then all at once.
    BlueGreen,
    /// For a part of the traffic first, in these percents.
    Canary {
        /// Rising, each from 1 to 99.
        percents: Vec<u8>,
        /// Seconds between.
        seconds: u32,
    },
}

/// Infrastructure as code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terraform {
    /// The folder; empty is the checkout.
    pub folder: String,
    /// The workspace; empty is the usual one.
    pub workspace: String,
    /// Files of variables, relative to the folder.
    pub var_files: Vec<String>,
    /// Settings of the backend: files or `key=value`.
    pub backend: Vec<String>,
}

impl Step {
    /// A step that does this.
    pub fn new(action: Action) -> Self {
        Step {
            title: None,
            line: None,
            condition: None,
            variables: Vec::new(),
            soft_fail: false,
            timeout: None,
            folder: None,
            action,
        }
    }

    /// A script in the runner's own shell.
    pub fn run(script: impl Into<Text>) -> Self {
        Step::new(Action::Run { script: script.into(), shell: Shell::Usual })
    }

    /// The same with a title.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }
}

impl ImageBuild {
    /// Its tags as references: name and tag.
    pub fn references(&self) -> Vec<Text> {
        let commit = [Text::from(super::Part::Commit)];
        let tags = if self.tags.is_empty() { commit.as_slice() } else { &self.tags };
        tags.iter().map(|tag| self.image.clone().then(":").then(tag.clone())).collect()
    }
}

impl From<Text> for Action {
    fn from(script: Text) -> Self {
        Action::Run { script, shell: Shell::Usual }
    }
}
