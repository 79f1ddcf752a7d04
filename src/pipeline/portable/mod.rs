//! A pipeline in no platform's words: what `generate` fills from plain language and
//! `convert` from the job graph, and what the six writers make files of.
//!
//! Nothing here is lost in silence: what a writer cannot say on its platform, it
//! reports as [`NotCarried`].
//!
//! Invariants that a writer relies on, and [`Portable::faults`] checks: job ids are
//! unique, not empty, and made of ASCII letters, digits, `-` and `_`, beginning with a
//! letter or `_`; every name in [`Job::needs`] is a job's id and there is no cycle; a
//! [`Part::Output`] or [`Part::Image`] names a job that comes before.

pub mod check;
pub mod pins;
pub mod step;
pub mod text;
pub mod write;

use super::platform::Platform;
pub use step::{
    Action, Deploy, DeployKind, ImageBuild, Login, Shell, Step, Strategy, Terraform, TestReport,
};
pub use text::{Part, Text};
pub use write::{Written, write};

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Portable {
    /// Its display name.
    pub name: String,
    /// What sets it off. None means: only by hand or by API.
    pub triggers: Vec<Trigger>,
    /// The branch that releases come from; empty reads as `main`.
    pub default_branch: String,
    /// Variables for all jobs.
    pub variables: Vec<Variable>,
    /// Secrets that all jobs see.
    pub secrets: Vec<Secret>,
    /// The token's rights for jobs that say none.
    pub rights: Rights,
    /// Whether a newer run of the same branch or change cancels this one. Jobs with an
    /// environment or a lock are never cancelled.
    pub cancel_superseded: bool,
    /// The jobs, in an order that people read well; `needs` decide what waits.
    pub jobs: Vec<Job>,
    /// What stands at the top of the file and has no meaning elsewhere.
    pub foreign: Vec<Foreign>,
}

/// What sets a pipeline off. Branches, tags and paths are globs as GitHub reads them:
/// `*` stops at `/`, `**` does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A push to a branch.
    Push(Filter),
    /// A tag, by glob (`v*`); none means every tag.
    Tag(Vec<String>),
    /// A pull or merge request against these branches.
    Change(Filter),
    /// By the clock.
    Schedule {
        /// Five fields, in UTC.
        cron: String,
        /// On these branches; none means the default branch.
        branches: Vec<String>,
    },
    /// By hand.
    Manual {
        /// What is asked.
        inputs: Vec<Input>,
    },
    /// What has no meaning elsewhere (`workflow_run`, `issues`).
    Foreign(Foreign),
}

/// What a trigger is confined to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Branches; none means all.
    pub branches: Vec<String>,
    /// Branches it is not for.
    pub not_branches: Vec<String>,
    /// Only where a file at one of these paths changed; none means any.
    pub paths: Vec<String>,
    /// Not where all changed files are at these paths.
    pub not_paths: Vec<String>,
}

/// A question put to the person who starts a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name, an identifier.
    pub name: String,
    /// What is asked, in words.
    pub description: String,
    /// What an answer looks like.
    pub kind: InputKind,
    /// The answer where none is given.
    pub default: Option<String>,
    /// Whether an answer must be given.
    pub required: bool,
}

/// What an answer looks like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum InputKind {
    /// Any text.
    #[default]
    Text,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// One of these.
    Choice(Vec<String>),
}

/// A variable that scripts see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Text,
}

/// A secret that scripts see as a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name where the platform keeps secrets.
    pub name: String,
    /// The variable's name; `None` is the same.
    pub variable: Option<String>,
}

/// What the job's token may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Rights {
    /// Nothing is said: writers take the least that the steps need.
    #[default]
    Least,
    /// These alone, in GitHub's words: `("contents", Access::Read)`.
    Only(Vec<(String, Access)>),
    /// Whatever the platform gives; converted from a file that says nothing or all.
    All,
}

/// How far a right goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// None.
    None,
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// A piece of work on one runner.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Job {
    /// How `needs` names it.
    pub id: String,
    /// What people see, where it differs.
    pub title: Option<String>,
    /// Where it stands in the file it was converted from, from 1.
    pub line: Option<u32>,
    /// Ids of the jobs it waits for.
    pub needs: Vec<String>,
    /// What it is part of (`test`, `deploy`): a label, which makes no order by itself.
    pub stage: Option<String>,
    /// Where it runs.
    pub runner: Runner,
    /// Images beside it.
    pub services: Vec<Service>,
    /// What it deploys to.
    pub environment: Option<Environment>,
    /// When it runs, beside that all it needs succeeded.
    pub condition: Option<Condition>,
    /// Most minutes it may take.
    pub timeout: Option<u32>,
    /// Copies of it.
    pub matrix: Option<Matrix>,
    /// Whether its failure is let pass.
    pub soft_fail: bool,
    /// Runs with the same lock wait for each other.
    pub lock: Option<String>,
    /// Variables.
    pub variables: Vec<Variable>,
    /// Secrets.
    pub secrets: Vec<Secret>,
    /// The token's rights.
    pub rights: Rights,
    /// What it hands on by name, beside the image it builds: each is set by a line
    /// `name=value` that a script writes to [`Part::OutputFile`].
    pub outputs: Vec<String>,
    /// How often it is tried again.
    pub retries: u32,
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// What it does when a step failed.
    pub on_failure: Vec<Step>,
    /// What it does at its end, whatever happened.
    pub always: Vec<Step>,
    /// What has no meaning elsewhere.
    pub foreign: Vec<Foreign>,
}

/// Where a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Runner {
    /// Its operating system.
    pub os: Os,
    /// Its version, as the image of machines is named (`22.04`, `2022`, `14`).
    pub version: Option<String>,
    /// How large it is.
    pub size: Size,
    /// Labels of a machine of one's own; none means one that the platform hosts.
    pub labels: Vec<String>,
    /// The container image the steps run in.
    pub image: Option<Text>,
}

/// Operating systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Os {
    /// Linux.
    #[default]
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    MacOs,
}

/// How large a runner is, against the platform's usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Size {
    /// Half of it.
    Small,
    /// The usual one.
    #[default]
    Usual,
    /// Twice.
    Large,
    /// Four times.
    Huge,
}

/// An image that runs beside a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// The name it is reached by.
    pub name: String,
    /// Its image with tag.
    pub image: Text,
    /// Its variables.
    pub variables: Vec<Variable>,
    /// Ports it listens on.
    pub ports: Vec<u16>,
    /// A command that succeeds once it is ready.
    pub ready: Option<String>,
}

/// What a job deploys to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Where it is seen.
    pub url: Option<Text>,
    /// Whether a person has to approve.
    pub approval: Option<Approval>,
}

/// A person has to say yes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approval {
    /// What they are asked.
    pub message: String,
    /// Groups or people, as the platform names them; none means whoever may deploy.
    pub approvers: Vec<String>,
    /// Most hours to wait; `None` is a day.
    pub hours: Option<u32>,
}

/// When a job or step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// On branches of this glob.
    Branch(String),
    /// On the default branch.
    DefaultBranch,
    /// On tags of this glob.
    Tag(String),
    /// In a pull or merge request.
    Change,
    /// On a push to a branch.
    Push,
    /// When the clock started it.
    Schedule,
    /// When a person started it.
    Manual,
    /// Where a file at one of these globs changed.
    Paths(Vec<String>),
    /// When an input, variable or output equals this.
    Equals(Part, String),
    /// Even when something before failed.
    Always,
    /// Only when something before failed.
    OnFailure,
    /// Not so.
    Not(Box<Condition>),
    /// All of them.
    All(Vec<Condition>),
    /// One of them.
    Any(Vec<Condition>),
    /// As that platform says it. Written on that platform alone, reported on others.
    Foreign(Foreign),
}

/// Copies of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matrix {
    /// Axes with their values.
    pub axes: Vec<(String, Vec<String>)>,
    /// Further cells, or more values for some.
    pub include: Vec<Vec<(String, String)>>,
    /// Cells left out.
    pub exclude: Vec<Vec<(String, String)>>,
    /// Whether a failed copy stops the others.
    pub fail_fast: bool,
    /// Most copies at a time.
    pub max_parallel: Option<u32>,
}

/// A piece of one platform's file that is kept as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Whose words they are.
    pub platform: Platform,
    /// What it is, in a few words (`the trigger workflow_run`).
    pub what: String,
    /// The piece itself.
    pub text: String,
    /// Where it stands, from 1.
    pub line: Option<u32>,
}

/// Something that the written file does not do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotCarried {
    /// What, with the name of its job.
    pub what: String,
    /// Why, and what to do instead.
    pub why: String,
    /// Where it stands in the file it was converted from, from 1.
    pub line: Option<u32>,
}

impl Portable {
    /// The default branch's name.
    pub fn branch(&self) -> &str {
        if self.default_branch.is_empty() { "main" } else { &self.default_branch }
    }

    /// The job with this id.
    pub fn job(&self, id: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// The inputs of all manual triggers.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.triggers.iter().flat_map(|trigger| match trigger {
            Trigger::Manual { inputs } => inputs.as_slice(),
            _ => &[],
        })
    }
}

impl Job {
    /// An empty job.
    pub fn new(id: impl Into<String>) -> Self {
        Job { id: id.into(), ..Job::default() }
    }

    /// What people see.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.id)
    }

    /// All its steps: the main ones, then those on failure, then those at the end.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.on_failure).chain(&self.always)
    }

    /// The image it builds and pushes, so that [`Part::Image`] may name it.
    pub fn pushed_image(&self) -> Option<&ImageBuild> {
        self.steps.iter().find_map(|step| match &step.action {
            Action::BuildImage(build) if build.push => Some(build),
            _ => None,
        })
    }
}

impl Secret {
    /// A secret under its own name.
    pub fn new(name: impl Into<String>) -> Self {
        Secret { name: name.into(), variable: None }
    }

    /// The variable's name.
    pub fn variable(&self) -> &str {
        self.variable.as_deref().unwrap_or(&self.name)
    }
}

impl Variable {
    /// A variable.
    pub fn new(name: impl Into<String>, value: impl Into<Text>) -> Self {
        Variable { name: name.into(), value: value.into() }
    }
}
