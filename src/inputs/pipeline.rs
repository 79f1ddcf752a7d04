//! `pipeline …` on the command line, and `[pipeline]` in `.pipewright.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::finding::Severity;
use crate::pipeline::Platform;

/// What is to be done with pipeline files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineCommand {
    /// Which of the five.
    pub action: PipelineAction,
    /// The files; none means every pipeline file of the checkout.
    pub files: Vec<PathBuf>,
}

/// What can be done with pipeline files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PipelineAction {
    /// Say what is wrong.
    Check,
    /// Propose what is proven; write it with `apply`.
    Optimize {
        /// Whether the files are written.
        apply: bool,
    },
    /// Draw the job graph.
    Graph {
        /// As what.
        drawing: Drawing,
        /// By time instead of by what waits for what.
        timeline: bool,
        /// Whether what `optimize` would make of it stands beside.
        after: bool,
    },
    /// Write a file from plain language.
    Generate {
        /// What is asked for.
        wish: String,
    },
    /// Write the same pipeline for another platform.
    Convert {
        /// For which.
        to: Platform,
    },
    /// Say what a rule looks for; all of them in short where none is named.
    Rules {
        /// Its slug.
        rule: Option<String>,
    },
}

/// Forms of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// Mermaid's flowchart.
    Mermaid,
    /// Graphviz.
    Dot,
    /// SVG.
    Svg,
}

/// `[pipeline]` in `.pipewright.toml`, beside the models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PipelineTable {
    /// `rules`: what each may do.
    pub rules: BTreeMap<String, RuleMode>,
    /// `severity`: how bad each one's findings are.
    pub severity: BTreeMap<String, Severity>,
}

/// What a rule may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleMode {
    /// Nothing.
    Off,
    /// Only say so.
    Suggest,
    /// Also mend what it can prove.
    Fix,
}

impl RuleMode {
    /// Every word.
    pub const WORDS: &'static [&'static str] = &["off", "suggest", "fix"];

    /// The mode of this word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "off" => Some(RuleMode::Off),
            "suggest" => Some(RuleMode::Suggest),
            "fix" => Some(RuleMode::Fix),
            _ => None,
        }
    }
}

const ABOUT: &str = "\
Checks, optimises, draws, generates and converts pipeline files of GitHub Actions,
GitLab CI, Azure Pipelines, Jenkins (declarative), Bitbucket Pipelines and Harness.

Without FILE, every pipeline file of the checkout. The platform is told by name and
content; --platform says it. Every change is proven before it is shown: it applies,
the file still reads and validates, nothing is renamed, no job, gate, approval or
condition is lost. What cannot be proven is withheld, and the result says so.";

const EXAMPLES: &str = "\
Examples:
  pipewright pipeline check                            what is wrong, by rule
  pipewright pipeline optimize | git apply             make what is safe
  pipewright pipeline optimize --apply ci.yml          the same, in one step
  pipewright pipeline optimize --history jobs.json     with savings from real times
  pipewright pipeline graph --as svg ci.yml > ci.svg   the job graph, critical path marked
  pipewright pipeline generate --platform gitlab \"test and build the image, deploy to
      staging, then production after approval\"
  pipewright pipeline convert --to github .gitlab-ci.yml
  pipewright pipeline rules missing-timeout            what a rule looks for

A remark in a file puts a rule aside for the line, or for the whole file:
  # pipewright: ignore[missing-timeout] it ends by itself
  # pipewright: ignore-file[missing-timeout]

Exit codes: 0 nothing at or above --fail-on (or a file was written), 1 findings,
2 wrong inputs, 3 the CI server could not be reached or refused, 4 the model could
not answer.";

/// The command's definition; `inputs` adds the flags that all commands take.
pub(super) fn command(inputs: &dyn Fn(clap::Command) -> clap::Command) -> clap::Command {
    let plain = |name: &'static str, about: &'static str| {
        inputs(clap::Command::new(name).about(about))
            .after_long_help(EXAMPLES)
            .after_help("`--help` explains each of them.")
    };
    let files = || {
        Arg::new("files")
            .value_name("FILE")
            .num_args(0..)
            .value_parser(value_parser!(PathBuf))
            .help("Pipeline files; without, all of the checkout")
    };
    clap::Command::new("pipeline")
        .about("Check, optimise, draw, generate and convert pipeline files")
        .long_about(ABOUT)
        .after_long_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(plain("check", "Say what is wrong, by rule").arg(files()))
        .subcommand(
            plain("optimize", "Propose, as a diff, what is proven to be safe").arg(files()).arg(
                Arg::new("apply")
                    .long("apply")
                    .action(ArgAction::SetTrue)
                    .help("Write the files instead of only printing the diff"),
            ),
        )
        .subcommand(
            plain("graph", "Draw the job graph with its critical path")
                .arg(files())
                .arg(
                    Arg::new("as")
                        .long("as")
                        .value_name("WORD")
                        .value_parser(["mermaid", "dot", "svg"])
                        .default_value("mermaid")
                        .help("Form of the drawing"),
                )
                .arg(
                    Arg::new("timeline")
                        .long("timeline")
                        .action(ArgAction::SetTrue)
                        .help("By time, as an SVG: when each job starts and ends"),
                )
                .arg(
                    Arg::new("after")
                        .long("after")
                        .action(ArgAction::SetTrue)
                        .help("Mark what `optimize` would change"),
                ),
        )
        .subcommand(
            plain("generate", "Write a pipeline file from plain language").arg(
                Arg::new("wish")
                    .value_name("TEXT")
                    .required(true)
                    .num_args(1..)
                    .help("What the pipeline should do"),
            ),
        )
        .subcommand(
            plain("convert", "Write the same pipeline for another platform").arg(files()).arg(
                Arg::new("to")
                    .long("to")
                    .value_name("PLATFORM")
                    .required(true)
                    .value_parser(Platform::ALL.map(Platform::as_str))
                    .help("The other platform"),
            ),
        )
        .subcommand(
            plain("rules", "List the rules, or explain one")
                .arg(Arg::new("rule").value_name("RULE").help("The rule's name")),
        )
}

/// What was asked for, below `pipeline`.
pub(super) fn read(name: &str, matches: &ArgMatches) -> PipelineCommand {
    let flag = |name: &str| matches.get_flag(name);
    let word = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let action = match name {
        "optimize" => PipelineAction::Optimize { apply: flag("apply") },
        "graph" => PipelineAction::Graph {
            drawing: match word("as") {
                _ if flag("timeline") => Drawing::Svg,
                Some("dot") => Drawing::Dot,
                Some("svg") => Drawing::Svg,
                _ => Drawing::Mermaid,
            },
            timeline: flag("timeline"),
            after: flag("after"),
        },
        "generate" => {
            let words = matches.get_many::<String>("wish").into_iter().flatten();
            PipelineAction::Generate {
                wish: words.map(String::as_str).collect::<Vec<_>>().join(" "),
            }
        }
        "convert" => PipelineAction::Convert {
            to: word("to").and_then(|word| word.parse().ok()).unwrap_or(Platform::GitHub),
        },
        "rules" => PipelineAction::Rules { rule: word("rule").map(str::to_owned) },
        _ => PipelineAction::Check,
    };
    let files = match action {
        PipelineAction::Generate { .. } | PipelineAction::Rules { .. } => Vec::new(),
        _ => matches.get_many::<PathBuf>("files").into_iter().flatten().cloned().collect(),
    };
    PipelineCommand { action, files }
}
