//! What the program was told, from flags, variables and `.pipewright.toml`.
//!
//! This is the only reader of the environment. It works in two phases, since the
//! file is read from the base revision, which only the event and the host know:
//!
//! 1. [`Inputs::gather`] takes flags and variables;
//! 2. [`Gathered::resolve`] adds the file's text and gives typed [`Inputs`], or
//!    every error at once. Without a text it gives what is known so far: enough
//!    to reach the host and fetch the file.

mod choice;
mod cli;
mod cloud;
mod command_env;
mod config;
mod deployment;
pub mod docs;
mod env;
mod gather;
mod host;
mod nearest;
mod pipeline;
mod prices;
mod resolve;
mod servers;
mod shard;
mod show;
pub mod table;
mod testing;
#[cfg(test)]
mod tests;
mod values;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use choice::{ModelSet, PROVIDERS, Picked, ProviderRow, TaskModels};
pub use cli::{Command, Sweep, SweepState, command};
pub use cloud::{Aws, Cloud, Federation, Google, Oidc};
pub use command_env::{Surroundings, is_claude};
pub use config::{CONFIG_FILE, ConfigText, PathRule, Tables};
pub use deployment::{Alerts, Deployment, Telemetry, Watch};
pub use env::Env;
pub use gather::Gathered;
pub use host::{Host, Proxy};
pub use nearest::nearest;
pub use pipeline::{Drawing, PipelineAction, PipelineCommand, PipelineTable, RuleMode};
pub use prices::PriceRule;
pub use servers::{
    AzureServer, BitbucketServer, GitLabServer, HarnessServer, JenkinsServer, Servers,
};
pub use shard::Shard;
pub use show::{Setting, show};
pub use table::{INPUTS, Input, Kind};
pub use testing::Testing;
pub use values::{
    Access, Approval, Autonomy, Color, Format, Globs, Labels, ModelChoice, Provider, Publish, Task,
    TestKind, split_words,
};

use crate::finding::{Finding, Severity, Source};
use crate::pipeline::Platform;
use crate::redact::Secret;

/// Everything the program was told. See `docs/inputs.md` for each input.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// What was asked for on the command line.
    pub command: Command,
    /// What to do where the command line does not say.
    pub task: Task,
    /// Revision the change starts from.
    pub base: Option<String>,
    /// Revision under review.
    pub head: Option<String>,
    /// Change request to review where the event names none.
    pub number: Option<u64>,
    /// Only these files; empty means all.
    pub include: Globs,
    /// Not these files.
    pub ignore: Globs,
    /// Reports to read; empty means the usual names.
    pub reports: Globs,
    /// The model, with what the keys given allow.
    pub model: ModelChoice,
    /// The one for what is short and plain.
    pub light_model: ModelChoice,
    /// Those to ask, in order, when the first cannot answer.
    pub fallback_models: Vec<ModelChoice>,
    /// The models of each task, which its table may name; see [`Inputs::models_of`].
    pub task_models: Vec<(Task, ModelSet)>,
    /// What a model that is a command finds around it.
    pub surroundings: Surroundings,
    /// Instructions of the user's, on top of ours.
    pub prompt: Option<String>,
    /// Key for the Anthropic API.
    pub anthropic_api_key: Option<Secret>,
    /// Bearer token instead of a key.
    pub anthropic_auth_token: Option<Secret>,
    /// Address of the API, without a slash at the end.
    pub anthropic_base_url: String,
    /// Who the job is to the clouds that models are reached through.
    pub cloud: Cloud,
    /// Key for the OpenAI API, or for a server that speaks it.
    pub openai_api_key: Option<Secret>,
    /// Address of that API, without a slash at the end.
    pub openai_base_url: String,
    /// Key for Azure OpenAI.
    pub azure_openai_api_key: Option<Secret>,
    /// Token from Entra instead of a key.
    pub azure_openai_ad_token: Option<Secret>,
    /// Address of the Azure OpenAI resource.
    pub azure_openai_endpoint: Option<String>,
    /// Dated version of its interface; `None` for v1.
    pub azure_openai_api_version: Option<String>,
    /// Key for the Gemini API.
    pub gemini_api_key: Option<Secret>,
    /// Address of its OpenAI-compatible interface.
    pub gemini_base_url: String,
    /// Where Ollama listens, as its own variable says it.
    pub ollama_host: String,
    /// Most that a run may spend, in US dollars.
    pub max_cost_usd: f64,
    /// Most tokens that a run may use, input and output together.
    pub max_tokens: Option<u64>,
    /// Longest time that a run may take.
    pub timeout: Duration,
    /// Whether models are asked through their providers' batch interfaces.
    pub batch: bool,
    /// Severity from which a finding fails; `None` never fails.
    pub fail_on: Option<Severity>,
    /// Most findings that are published.
    pub max_findings: usize,
    /// Which part of the run this job is; `None` if it is all of it.
    pub shard: Option<Shard>,
    /// Into how many jobs a plan divides the run.
    pub shards: Option<usize>,
    /// Where a shard leaves what it learned.
    pub shard_file: Option<PathBuf>,
    /// Findings below this are dropped, 0 to 1.
    pub min_confidence: f64,
    /// What is written to the change request.
    pub publish: Publish,
    /// The most this run may do, by the input alone; see `policy`.
    pub autonomy: Autonomy,
    /// What begins a line of a comment that asks for something.
    pub trigger_phrase: String,
    /// Labels that are set on the change request.
    pub labels: Labels,
    /// Token for the GitHub API.
    pub github_token: Option<Secret>,
    /// CI servers that times of past runs are asked of; GitHub is in `host`.
    pub servers: Servers,
    /// Times of past runs, for savings: a file, or the word `server`.
    pub history: Option<PathBuf>,
    /// Whose pipeline files are meant, where names and contents do not tell.
    pub platform: Option<Platform>,
    /// How tests are run, and which are written.
    pub testing: Testing,
    /// What deployments are judged by, and who is told.
    pub deployment: Deployment,
    /// Form of the result on standard output.
    pub format: Format,
    /// Where the result goes as JSON.
    pub findings_file: Option<PathBuf>,
    /// Where the findings go as SARIF.
    pub sarif_file: Option<PathBuf>,
    /// Where the summary goes as Markdown.
    pub summary_file: Option<PathBuf>,
    /// Where the run's record goes: a file or a folder.
    pub record: Option<PathBuf>,
    /// Whether text is coloured.
    pub color: Color,
    /// A word of [`table::LOG_LEVELS`].
    pub log: String,
    /// Certificate authorities to trust besides the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// What `.pipewright.toml` says beyond the inputs.
    pub tables: Tables,
    /// The host and the run, by its variables.
    pub host: Host,
    /// Every secret found around the process, ours or not: what must never be
    /// written anywhere.
    pub secrets: Vec<Secret>,
    /// What the user should know; one sentence each.
    pub warnings: Vec<String>,
    /// Every input's value and source, for `pipewright config`.
    pub settings: Vec<Setting>,
}

impl Inputs {
    /// The first phase: flags (the arguments after the program's name) and variables.
    pub fn gather(args: impl IntoIterator<Item = OsString>, env: Env) -> Gathered {
        gather::gather(args, env)
    }

    /// The models of a task, and why they are the ones.
    pub fn models_of(&self, task: Task) -> ModelSet {
        let own = self.task_models.iter().find(|(of, _)| *of == task);
        own.map(|(_, models)| models.clone()).unwrap_or_else(|| {
            let said = |choice: &ModelChoice| Picked { choice: choice.clone(), why: String::new() };
            ModelSet {
                heavy: said(&self.model),
                light: said(&self.light_model),
                fallbacks: self.fallback_models.iter().map(said).collect(),
            }
        })
    }

    /// Whether standard output is coloured.
    pub fn color_stdout(&self) -> bool {
        self.colored(self.host.stdout_terminal)
    }

    /// Whether standard error is coloured.
    pub fn color_stderr(&self) -> bool {
        self.colored(self.host.stderr_terminal)
    }

    fn colored(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal,
        }
    }

    /// Whether a path is to be reviewed, by `include`, `ignore` and `[[path]] ignore`.
    pub fn wants(&self, path: &str) -> bool {
        (self.include.is_empty() || self.include.is_match(path))
            && !self.ignore.is_match(path)
            && !self.tables.rules_for(path).any(|rule| rule.ignore)
    }

    /// Whether a rule's finding is not to be reported, by `[[path]] ignore_rules`.
    pub fn ignores(&self, finding: &Finding) -> bool {
        let Source::Rule(id) = &finding.source else { return false };
        self.tables.rules_for(&finding.path).any(|rule| rule.ignore_rules.contains(id))
    }
}

impl Gathered {
    /// The second phase: with `.pipewright.toml` at the base revision, or
    /// without one.
    ///
    /// # Errors
    /// Everything that is wrong with flags, variables and the file.
    pub fn resolve(&self, config: Option<&ConfigText>) -> Result<Inputs, Errors> {
        resolve::resolve(self, config)
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag, with its dashes.
    Flag(String),
    /// A variable.
    Variable(String),
    /// A file that a variable names.
    File {
        /// The variable.
        variable: String,
        /// The file.
        path: String,
    },
    /// `.pipewright.toml`.
    Config {
        /// The file and its revision, as [`ConfigText::origin`].
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) | Origin::Variable(name) => f.write_str(name),
            Origin::File { variable, path } => write!(f, "{variable} ({path})"),
            Origin::Config { file, line } => write!(f, "{file}, line {line}"),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A flag, a variable, or a file and its line.
    pub source: String,
    /// What is wrong with it, and the nearest right word where there is one.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.message)
    }
}

/// Everything that is wrong with the inputs: at least one problem, each on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors(pub Vec<Problem>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}
