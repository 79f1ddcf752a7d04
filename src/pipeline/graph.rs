//! The job graph: what every dialect is read into, and what rules, drawings,
//! savings and conversions work on.
//!
//! Invariants: every index (`Need::job`, `Job::stage`, `Job::entry`) is in range;
//! edges of `needs` stay within one entry; job ids are unique; a span with
//! `file == 0` lies within the file that was read, on character boundaries.

use super::platform::Platform;

/// Bytes of one of the files that a pipeline was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// 0 is the file itself; others are its local includes, by their place in
    /// [`Pipeline::included`], from 1.
    pub file: u16,
    /// First byte.
    pub start: u32,
    /// Byte behind the last one.
    pub end: u32,
}

impl Span {
    /// A place in the file itself. Files are below 4 GiB.
    pub fn new(range: std::ops::Range<usize>) -> Self {
        let clip = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: 0, start: clip(range.start), end: clip(range.end) }
    }

    /// As a range of bytes.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// One step down into a file's tree. For Jenkins, the path of a section: stages by
/// their place among their siblings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seg {
    /// An entry's key.
    Key(String),
    /// An item, from 0.
    Index(usize),
}

/// From a file's root to a node.
pub type Path = Vec<Seg>;

/// A whole pipeline file.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Whose.
    pub platform: Platform,
    /// Its display name.
    pub name: Option<At<String>>,
    /// What sets it off, of all entries together where they are not told apart.
    pub triggers: Vec<Trigger>,
    /// Graphs that start apart (Bitbucket's `default`, `branches.main`, …); others
    /// have exactly one.
    pub entries: Vec<Entry>,
    /// Stages in order; empty where the platform has none or none is used.
    pub stages: Vec<Stage>,
    /// All jobs, in order of source. Bitbucket: steps. Jenkins: leaf stages.
    /// Harness: stages.
    pub jobs: Vec<Job>,
    /// Variables for all jobs.
    pub env: Vec<Variable>,
    /// The token's rights for all jobs.
    pub permissions: Permissions,
    /// Runs that exclude each other.
    pub concurrency: Option<Concurrency>,
    /// Whether a newer run of the same branch cancels this one, where it is said
    /// apart from `concurrency` (GitLab `workflow:auto_cancel`, Azure
    /// `pr.autoCancel`, Jenkins `abortPrevious`).
    pub auto_cancel: Option<At<bool>>,
    /// How the source is fetched, for all jobs.
    pub clone: Checkout,
    /// Local files that were read in, by path.
    pub included: Vec<String>,
    /// What could not be followed.
    pub unread: Vec<Unread>,
}

/// A graph that starts by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As the platform names it: `branches.main`; of others, empty.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// What sets a pipeline off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Which kind.
    pub kind: TriggerKind,
    /// The platform's own word (`pull_request_target`).
    pub name: String,
    /// Branches it is for; empty means all.
    pub branches: Vec<String>,
    /// Tags it is for.
    pub tags: Vec<String>,
    /// Paths it is for, or not for.
    pub paths: Vec<String>,
    /// Whether it is confined to some paths.
    pub path_filter: bool,
    /// When, for a schedule.
    pub cron: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

/// Kinds of triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    /// A push to a branch.
    Push,
    /// A tag, or a release.
    Tag,
    /// A pull or merge request.
    Change,
    /// A pull request, with the rights of the base (`pull_request_target`).
    ChangeWithSecrets,
    /// By the clock.
    Schedule,
    /// By hand or by API.
    Manual,
    /// Another pipeline (`workflow_run`, `workflow_call`, upstream jobs).
    Pipeline,
    /// Anything else.
    Other,
}

/// Jobs that belong together and, on most platforms, wait for the stage before.
#[derive(Debug, Clone)]
pub struct Stage {
    /// As it is named.
    pub id: String,
    /// Stages it waits for.
    pub needs: Vec<usize>,
    /// Whether those are written down, and where.
    pub explicit: Option<Span>,
    /// When it runs.
    pub condition: Option<At<String>>,
    /// Where it stands.
    pub span: Span,
    /// The path to it.
    pub path: Path,
}

/// A piece of work on one runner.
#[derive(Debug, Clone)]
pub struct Job {
    /// How `needs` names it, unique in the file. Azure: `stage.job`; where a
    /// platform has no names, made of entry and place.
    pub id: String,
    /// What people and required checks see, where it differs.
    pub name: Option<At<String>>,
    /// Its graph.
    pub entry: usize,
    /// Its stage.
    pub stage: Option<usize>,
    /// From its key (or dash) to its end.
    pub span: Span,
    /// Its key or name.
    pub key_span: Span,
    /// The path to its mapping.
    pub path: Path,
    /// What kind of node it is.
    pub kind: JobKind,
    /// What it waits for.
    pub needs: Vec<Need>,
    /// Where `needs` is written, its value; `None` where it is not.
    pub needs_span: Option<Span>,
    /// Where it runs.
    pub runner: Runner,
    /// The container image it runs in.
    pub image: Option<At<String>>,
    /// Images beside it.
    pub services: Vec<String>,
    /// The environment it deploys to.
    pub environment: Option<At<String>>,
    /// When it runs (`if`, `rules`, `when`, `condition`), as written.
    pub condition: Option<At<String>>,
    /// Whether a person must start or approve it.
    pub manual: bool,
    /// The token's rights.
    pub permissions: Permissions,
    /// Runs that exclude each other (`concurrency`, `resource_group`, lock, queue).
    pub concurrency: Option<Concurrency>,
    /// Most minutes it may take.
    pub timeout: Option<At<f64>>,
    /// Whether a newer run may cancel it, where it is said for the job.
    pub interruptible: Option<bool>,
    /// Copies of it.
    pub matrix: Option<Matrix>,
    /// Whether its failure is let pass (`continue-on-error`, `allow_failure`).
    pub soft_fail: bool,
    /// What is done when it fails, where that is no step but a word of the platform:
    /// Harness' failure actions (`StageRollback`).
    pub on_failure: Vec<At<String>>,
    /// Variables.
    pub env: Vec<Variable>,
    /// How its source is fetched.
    pub clone: Checkout,
    /// What it does, in order; handlers after the main steps.
    pub steps: Vec<Step>,
    /// What it reads of others.
    pub reads: Vec<Access>,
    /// What it leaves for others.
    pub writes: Vec<Access>,
    /// What it hands on by name: GitHub's `outputs`.
    pub outputs: Vec<(String, String)>,
    /// What it calls, where it is a call: a reusable workflow, a template, a child pipeline.
    pub calls: Option<At<String>>,
    /// Whether part of it stands elsewhere (an anchor, `extends`, a template), so
    /// that an edit here may not be local.
    pub shared: bool,
}

/// Kinds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum JobKind {
    /// Runs steps.
    #[default]
    Work,
    /// Waits for a person and does nothing else.
    Approval,
    /// Calls another pipeline.
    Call,
}

/// An edge: this job waits for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Which job, by its place in [`Pipeline::jobs`].
    pub job: usize,
    /// Where the edge comes from.
    pub kind: NeedKind,
    /// Where it is written, the name alone.
    pub span: Option<Span>,
    /// Whether it may be missing.
    pub optional: bool,
    /// Whether the job's artifacts are fetched.
    pub artifacts: bool,
}

/// Where an edge comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NeedKind {
    /// It is written.
    Explicit,
    /// By the order of stages.
    Stage,
    /// By the order in the file.
    Sequence,
}

/// Where a job runs.
#[derive(Debug, Clone, Default)]
pub struct Runner {
    /// Labels, tags, an image of machines, a pool: as written.
    pub labels: Vec<String>,
    /// Its operating system, where it can be told.
    pub os: Option<Os>,
    /// Its size, where one is written (`2x`, `large`, `16-cores`).
    pub size: Option<String>,
    /// Whether it is the user's own machine.
    pub self_hosted: bool,
    /// Where it is written, the value.
    pub span: Option<Span>,
}

/// Operating systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Os {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    MacOs,
}

/// What the job's token may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Permissions {
    /// Nothing is said, or the platform has no such thing.
    #[default]
    Unsaid,
    /// `read-all`.
    ReadAll(Span),
    /// `write-all`.
    WriteAll(Span),
    /// Scope by scope; empty means none.
    Scopes(Vec<(String, String)>, Span),
}

/// Runs of one group exclude each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concurrency {
    /// The group's name.
    pub group: String,
    /// `cancel-in-progress`, as written: an expression may stand there.
    pub cancel: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// Copies of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// How many; `None` where it is computed.
    pub cells: Option<usize>,
    /// Axes with their values, as written.
    pub axes: Vec<(String, Vec<String>)>,
    /// `fail-fast`, where it is said.
    pub fail_fast: Option<bool>,
    /// Where it stands.
    pub span: Span,
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, as written.
    pub value: String,
    /// Where the value stands.
    pub span: Span,
}

/// How the source is fetched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkout {
    /// Commits; 0 is all of them; `None` is the platform's default.
    pub depth: Option<At<u64>>,
    /// Whether submodules are fetched, as written.
    pub submodules: Option<At<String>>,
    /// Whether large files are fetched.
    pub lfs: Option<At<bool>>,
    /// Whether nothing is fetched.
    pub none: bool,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its id, where it has one.
    pub id: Option<String>,
    /// What people see.
    pub name: Option<String>,
    /// From its first key or dash to its end.
    pub span: Span,
    /// The path to it.
    pub path: Path,
    /// An action, a task, a pipe, a plugin, a step type.
    pub uses: Option<Use>,
    /// A shell script.
    pub script: Option<Script>,
    /// Variables.
    pub env: Vec<Variable>,
    /// When it runs, as written.
    pub condition: Option<At<String>>,
    /// Whether its failure is let pass.
    pub soft_fail: bool,
    /// When, beside the main steps.
    pub phase: Phase,
    /// What it does, as far as its words tell. Filled by [`super::words`].
    pub does: Vec<super::words::Does>,
}

/// When a step has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Phase {
    /// In order.
    #[default]
    Main,
    /// When something failed.
    Failure,
    /// Afterwards, whatever happened.
    Always,
}

/// Something ready-made that a step uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// `actions/checkout`, `Docker`, `atlassian/aws-s3-deploy`, `K8sRollingDeploy`, `junit`.
    pub name: String,
    /// What stands behind `@` or `:`.
    pub version: Option<String>,
    /// Its inputs, as written, with the value's place.
    pub inputs: Vec<(String, At<String>)>,
    /// Where name and version stand.
    pub span: Span,
}

impl Use {
    /// An input's text; names are compared without case. A leading `spec.`, as Harness
    /// nests its inputs, may be left out.
    pub fn input(&self, name: &str) -> Option<&str> {
        let name = name.strip_prefix("spec.").unwrap_or(name);
        let found = self.inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, at)| at.value.as_str())
    }
}

/// A step's script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// All of it, one command a line where the platform has a list of commands.
    pub text: String,
    /// `bash`, `pwsh`, `python`, …; `None` is the platform's default.
    pub shell: Option<String>,
    /// Where it stands.
    pub span: Span,
    /// The path to its value (a scalar or a sequence of scalars).
    pub path: Path,
}

/// What a job reads or leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// What.
    pub what: Resource,
    /// Where it is written.
    pub span: Span,
}

/// What jobs hand to each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A job's named output: the job's id and the name (empty: any).
    Output(String, String),
    /// Another job's result (`needs.a.result`, `failure()`): the job's id, empty for any.
    Status(String),
    /// An artifact by name; empty: all of the jobs before.
    Artifact(String),
    /// A path of the workspace that is handed on.
    Workspace(String),
    /// Variables in a file (dotenv).
    Dotenv(String),
    /// A cache by its key.
    Cache(String),
    /// A container image by its reference without tag.
    Image(String),
    /// A package or release that is published under a name.
    Package(String),
    /// A deployed environment: what deploys writes it, what follows deploys reads it.
    Environment(String),
    /// State of infrastructure (terraform).
    State(String),
}

/// What could not be followed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// As it is written: `org/repo/.github/workflows/x.yml@v1`.
    pub what: String,
    /// Why: `remote`, `missing`, `computed`, `cyclic`, `broken`.
    pub why: &'static str,
    /// Where.
    pub span: Span,
}

impl Pipeline {
    /// An empty pipeline of this platform.
    pub fn new(platform: Platform) -> Self {
        Pipeline {
            platform,
            name: None,
            triggers: Vec::new(),
            entries: Vec::new(),
            stages: Vec::new(),
            jobs: Vec::new(),
            env: Vec::new(),
            permissions: Permissions::Unsaid,
            concurrency: None,
            auto_cancel: None,
            clone: Checkout::default(),
            included: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// The job that `needs` would name so.
    pub fn job(&self, id: &str) -> Option<usize> {
        self.jobs.iter().position(|job| job.id == id)
    }

    /// Whether it has a trigger of this kind.
    pub fn has_trigger(&self, kind: TriggerKind) -> bool {
        self.triggers.iter().any(|trigger| trigger.kind == kind)
    }
}

impl Job {
    /// An empty job.
    pub fn new(id: impl Into<String>, span: Span, path: Path) -> Self {
        Job {
            id: id.into(),
            name: None,
            entry: 0,
            stage: None,
            span,
            key_span: span,
            path,
            kind: JobKind::Work,
            needs: Vec::new(),
            needs_span: None,
            runner: Runner::default(),
            image: None,
            services: Vec::new(),
            environment: None,
            condition: None,
            manual: false,
            permissions: Permissions::Unsaid,
            concurrency: None,
            timeout: None,
            interruptible: None,
            matrix: None,
            soft_fail: false,
            on_failure: Vec::new(),
            env: Vec::new(),
            clone: Checkout::default(),
            steps: Vec::new(),
            reads: Vec::new(),
            writes: Vec::new(),
            outputs: Vec::new(),
            calls: None,
            shared: false,
        }
    }

    /// Its display name, or its id.
    pub fn title(&self) -> &str {
        self.name.as_ref().map_or(self.id.as_str(), |name| name.value.as_str())
    }
}

impl Step {
    /// An empty step.
    pub fn new(span: Span, path: Path) -> Self {
        Step {
            id: None,
            name: None,
            span,
            path,
            uses: None,
            script: None,
            env: Vec::new(),
            condition: None,
            soft_fail: false,
            phase: Phase::Main,
            does: Vec::new(),
        }
    }
}
