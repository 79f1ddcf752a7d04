//! The command line, made from the table.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::Problem;
use super::deployment::{self, Watch};
use super::pipeline::{self, PipelineCommand};
use super::table::{INPUTS, Input, Kind};

/// What was asked for on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// No command: the input `task` decides.
    Auto,
    /// `review`.
    Review,
    /// `review --plan`: how a review is best divided into jobs.
    Plan,
    /// `merge FILE…`: put together what the jobs of a review learned.
    Merge {
        /// The shards' files; none means those that lie around under their usual names.
        files: Vec<PathBuf>,
    },
    /// `sweep`: review many changes of many repositories.
    Sweep(Sweep),
    /// `config`: print every input's value and source.
    Config,
    /// `docs`.
    Docs,
    /// `pipeline …`.
    Pipeline(PipelineCommand),
    /// `tests`.
    Tests,
    /// `models`: say which model each task would ask.
    Models {
        /// Whether to ask each of them something.
        check: bool,
    },
    /// `learn`: propose to drop what people put aside again and again.
    Learn {
        /// Only what was touched from this day on.
        since: Option<String>,
    },
    /// `verify SPEC`.
    Verify {
        /// The spec; the input `spec` where unsaid.
        spec: Option<PathBuf>,
    },
    /// `watch …`.
    Watch(Watch),
    /// `serve`.
    Serve,
    /// `doctor`.
    Doctor {
        /// Only Harness.
        harness: bool,
    },
    /// `audit report FILE…`.
    AuditReport {
        /// Records, or folders of them.
        files: Vec<PathBuf>,
        /// What people know of how deployments came out.
        outcomes: Option<PathBuf>,
    },
    /// `audit verify FILE`.
    AuditVerify {
        /// The record.
        file: PathBuf,
    },
    /// `--help` or `--version`: print this, with its ANSI styles, and stop.
    Print(String),
}

/// What `sweep` looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Repositories, as `owner/name`.
    pub repositories: Vec<String>,
    /// All of an organisation's, or of a person's.
    pub organization: Option<String>,
    /// Only changes that were updated in this time before now.
    pub since: Option<std::time::Duration>,
    /// Most changes, those updated last before others.
    pub limit: usize,
    /// Which changes.
    pub state: SweepState,
}

/// Which changes a sweep looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SweepState {
    /// Those that are open.
    #[default]
    Open,
    /// Those that were closed or merged.
    Closed,
    /// Both.
    All,
}

impl SweepState {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            SweepState::Open => "open",
            SweepState::Closed => "closed",
            SweepState::All => "all",
        }
    }
}

/// A time as `90m`, `12h`, `7d` or `2w`.
fn span(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("`{text}` is no time: write `90m`, `12h`, `7d` or `2w`");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(std::time::Duration::from_secs(u64::from(number) * seconds))
}

/// A read command line.
pub(super) struct Line {
    pub command: Command,
    /// Input and text, in the table's order.
    pub flags: Vec<(&'static Input, String)>,
    pub problems: Vec<Problem>,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const ABOUT: &str = "\
Reviews a change and says only what it can prove.

In a checkout, `pipewright review` looks at what differs from the default branch:
secrets, widened CI permissions, leftovers, and whatever scanners and test reports
lie around. With a key it also asks a model, and drops what does not hold. In a
GitHub workflow it reads the event and posts one review, one summary, one check.";

const EXAMPLES: &str = "\
Examples:
  pipewright review                          this checkout against its default branch
  pipewright review --base v1.2 --head v1.3  what a release changed
  pipewright review --format sarif           for tools that read SARIF
  pipewright review --fail-on none           never fail the job
  ANTHROPIC_API_KEY=… pipewright review      ask a model as well

Every flag is also an input of the action (`max_findings`), a variable
(`PIPEWRIGHT_MAX_FINDINGS`) and, where it belongs to the repository, a key of
`.pipewright.toml` at the base revision: strongest first. `pipewright config`
shows which one won. Secrets are variables, or files named by `*_FILE`.

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong inputs,
3 the host could not be reached or refused, 4 the model could not answer.";

const SHARDS: &str = "\
A review in several jobs:
  pipewright review --plan                   how many jobs the change is worth
  pipewright review --shard 2/8              one of them: asks, and leaves a file
  pipewright merge pipewright-shard-*.json   once: rules, proof, publishing

All jobs need the same revision and the same configuration. docs/sharding.md has
an example for each CI system.";

const SWEEP: &str = "\
Reviews the open pull requests of several repositories in one run.

All are read side by side by one model, through its provider's batch interface at half
the price where it has one, within one --max-cost-usd for all. Each change is held to
the `.pipewright.toml` at its own base; `model = \"offline\"` there keeps it from the
model. Drafts, archived repositories, forks in an organisation, and changes whose head
was reviewed before are passed over, and the result says so. Nothing is posted unless
--autonomy is `propose`.";

const SWEEP_EXAMPLES: &str = "\
Examples:
  pipewright sweep --repositories acme/api,acme/web
  pipewright sweep --organization acme --since 7d --format json
  pipewright sweep --organization acme --autonomy propose --max-cost-usd 20

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong inputs, 3 a repository
or a change could not be read or written to, 4 the model could not answer.";

const DOCS: &str = "\
Lists the public definitions that a change adds, removes or gives another signature,
with the documents that mention each by line, and whether the changelog has an entry.

With a model it also proposes edits of those documents and the missing entry. They
are proven: a quote has to stand, a name in backticks has to be there. On a pull
request they become one change request from a branch of its own; in a terminal,
`--format diff` prints them.";

const DOCS_EXAMPLES: &str = "\
Examples:
  pipewright docs                            this checkout against its default branch
  pipewright docs --base v1.2 --format json  for a script; see docs/output.md
  pipewright docs --format diff | git apply  with a model: the edits

Exit codes: 0 done, 2 wrong inputs, 3 the host could not be reached or refused,
4 the model could not answer.";

const TESTS: &str = "\
Finds what a change adds or alters and no test guards: changed functions, lines that no
test reaches, and mutants (small changes of their sense) that the suite lets live.

With a model it also asks for tests, and keeps only those that it can prove: each builds
and passes five times of five, alone and with all others; without the change it fails, by
assertion, or it kills a mutant that lived; and with its assertions taken out it passes
there, so that nothing but the assertion catches it.

All of it runs in copies of the checkout that are thrown away, with few variables, no
credentials and no network. The project's kind (Cargo, pytest, go test, JUnit, vitest,
jest, node:test and others) is told by its files, printed, and overruled by --command.";

const TESTS_EXAMPLES: &str = "\
Examples:
  pipewright tests                                   what no test guards, by the project's kind
  pipewright tests --base main --command \"cargo test\" --one \"cargo test {name}\"
  pipewright tests --coverage lcov.info              with coverage that was measured before
  pipewright tests --setup \"npm ci\"                 prepare each copy first
  pipewright tests --format diff | git apply         with a model: take the proven tests

Exit codes: 0 done, 1 gaps at or above --fail-on, 2 wrong inputs or a suite that does not
run, 3 the host could not be reached or refused, 4 the model could not answer.";

/// The id of the flag of `models` that is no input.
const CHECK: &str = "check_models";

const MODELS: &str = "\
Says which model each task would ask, and why.

A task has a heavy model for what needs judgement, a light one for what is short and
plain, and models to fall back on when one is overloaded, refuses or is asked too
much. A flag, an input or a variable names them for all tasks; `.pipewright.toml` at
the base revision for all (`model = …`) or for one (`[review] model = …`). Where none
is named, the keys given decide.

With each model: where it is asked, what it costs and by which list, how much fits,
and what holds its answers to their schema. Nothing is sent, unless with --check.";

const MODELS_EXAMPLES: &str = "\
Models:
  offline                     none: rules and reports answer alone
  claude-…, anthropic:NAME    Anthropic's, or a gateway's that speaks its interface
  command:claude              an installed Claude Code, without tools
  command:LINE                any program: prompt on standard input, JSON on output

Examples:
  pipewright models                                what would be asked
  pipewright models --check                        whether it answers, and how fast
  pipewright models --model command:claude --check
  pipewright models --format json                  for a script; see docs/output.md

Exit codes: 0 all is well, 2 wrong inputs, 4 a model does not answer (--check).";

const LEARN: &str = "\
Proposes to no longer report what people put aside again and again.

Reads the last 100 closed pull requests and what became of each remark of ours. One
that was put aside at least three times, in two pull requests, by two people, and
never led to a change, becomes a line of `.pipewright.toml`. In a workflow it opens one
pull request from the branch pipewright/learn, and keeps it up to date; elsewhere it
prints. docs/learning.md says what counts.";

const REPORT: &str = "\
Reads the records of `verify` and shows, by rule and service, what was decided, what it
would have been right to do, and how often the two agree.

What would have been right is told by what came later: a version that the next
deployment of the service built on was good, one that was gone back from within a week
was bad. What people know better stands in a file (--outcomes): `deployment,outcome`
lines, where the first is a deployment's id or `service@version`, the second `good` or
`bad`. The rest is counted as not known.";

/// The command line's definition.
pub fn command() -> clap::Command {
    let plain = |name: &'static str, about: &'static str| clap::Command::new(name).about(about);
    let record = Arg::new("file")
        .value_name("FILE")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("The record of a run");
    let verify = plain("verify", "Check that nobody changed the record of a run").arg(record);
    let records = Arg::new("files")
        .value_name("FILE")
        .num_args(1..)
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("Records, or folders of them");
    let report = plain("report", "Say how often the decisions on deployments were right")
        .long_about(REPORT)
        .arg(records)
        .arg(
            Arg::new("outcomes")
                .long("outcomes")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("How deployments came out, where people know: `deployment,good` a line"),
        );
    with_inputs(plain("pipewright", "Reviews a change and says only what it can prove"))
        .version(env!("CARGO_PKG_VERSION"))
        .long_about(ABOUT)
        .after_long_help(EXAMPLES)
        .after_help("`--help` explains each of them, `pipewright config` shows their values.")
        .styles(STYLES)
        .max_term_width(100)
        .disable_help_subcommand(true)
        .subcommand(
            with_inputs(plain("review", "Review a change"))
                .arg(
                    Arg::new("plan")
                        .long("plan")
                        .action(ArgAction::SetTrue)
                        .help("Say how the review is best divided into jobs, and ask nothing"),
                )
                .after_long_help(EXAMPLES)
                .after_help("`--help` explains each of them."),
        )
        .subcommand(
            with_inputs(plain("merge", "Put together what the jobs of a review learned, and publish it"))
                .arg(
                    Arg::new("files")
                        .value_name("FILE")
                        .num_args(0..)
                        .value_parser(value_parser!(PathBuf))
                        .help("What the shards left; without, every `pipewright-shard-*.json` below this folder"),
                )
                .after_long_help(SHARDS),
        )
        .subcommand(sweep(with_inputs(plain(
            "sweep",
            "Review the open pull requests of several repositories, at half the price",
        ))))
        .subcommand(
            with_inputs(plain("docs", "Say which documents a change makes wrong, and mend them"))
                .long_about(DOCS)
                .after_long_help(DOCS_EXAMPLES)
                .after_help("`--help` explains each of them."),
        )
        .subcommand(pipeline::command(&with_inputs))
        .subcommand(
            with_inputs(plain("tests", "Write tests for a change, and prove every one of them"))
                .long_about(TESTS)
                .after_long_help(TESTS_EXAMPLES)
                .after_help("`--help` explains each of them."),
        )
        .subcommand(with_inputs(plain(
            "config",
            "Print every input's value and where it came from, secrets masked",
        )))
        .subcommand(
            with_inputs(plain(
                "models",
                "Say which model each task would ask, why, and whether it answers",
            ))
            .long_about(MODELS)
            .after_long_help(MODELS_EXAMPLES)
            .after_help("`--help` explains each of them.")
            .arg(
                Arg::new(CHECK)
                    .long("check")
                    .action(ArgAction::SetTrue)
                    .help("Ask each model one tiny question; exit code 4 if one does not answer"),
            ),
        )
        .subcommand(
            with_inputs(plain(
                "learn",
                "Propose to no longer report what people put aside again and again",
            ))
            .long_about(LEARN)
            .after_help("`--help` explains each of them.")
            .arg(
                Arg::new("since")
                    .long("since")
                    .value_name("DAY")
                    .help("Only pull requests touched from this day on, as in 2026-01-31"),
            ),
        )
        .subcommand(
            plain("audit", "Work with the record of a run")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .disable_help_subcommand(true)
                .subcommand(verify)
                .subcommand(report),
        )
        .subcommands(deployment::commands(&with_inputs))
}

fn sweep(command: clap::Command) -> clap::Command {
    command
        .long_about(SWEEP)
        .after_long_help(SWEEP_EXAMPLES)
        .after_help("`--help` explains each of them.")
        .arg(
            Arg::new("repositories")
                .long("repositories")
                .value_name("OWNER/NAME")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .required_unless_present("organization")
                .help("These repositories"),
        )
        .arg(
            Arg::new("organization")
                .long("organization")
                .value_name("NAME")
                .help("All repositories of an organisation that are neither archived nor forks"),
        )
        .arg(
            Arg::new("since")
                .long("since")
                .value_name("TIME")
                .value_parser(span)
                .help("Only changes updated in this time before now: `12h`, `7d`, `2w`"),
        )
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..=1_000))
                .default_value("100")
                .help("Most changes, those updated last before others"),
        )
        .arg(
            Arg::new("state")
                .long("state")
                .value_name("WORD")
                .value_parser(["open", "closed", "all"])
                .default_value("open")
                .help("Which changes"),
        )
}

fn sweep_of(matches: &ArgMatches) -> Sweep {
    let text = |name: &str| matches.get_one::<String>(name).map(|text| text.trim().to_owned());
    let repositories = matches.get_many::<String>("repositories").into_iter().flatten();
    Sweep {
        repositories: repositories
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
        organization: text("organization"),
        since: matches.get_one("since").copied(),
        limit: matches.get_one::<u32>("limit").map_or(100, |limit| *limit as usize),
        state: match text("state").as_deref() {
            Some("closed") => SweepState::Closed,
            Some("all") => SweepState::All,
            _ => SweepState::Open,
        },
    }
}

fn with_inputs(command: clap::Command) -> clap::Command {
    command.args(INPUTS.iter().map(argument))
}

fn argument(input: &'static Input) -> Arg {
    let arg = Arg::new(input.name).long(input.long());
    if !input.flag {
        // Known only to be refused with a reason.
        return arg.hide(true).num_args(0..=1).action(ArgAction::Append);
    }
    let action = if input.kind.is_list() { ArgAction::Append } else { ArgAction::Set };
    let words = match input.kind {
        Kind::Choice(words) => format!(" [{}]", words.join(", ")),
        Kind::Choices(words) => format!(" [{}, none]", words.join(", ")),
        _ => String::new(),
    };
    let default = match input.default_text() {
        text if text.is_empty() => String::new(),
        text => format!(" [default: {}]", text.replace('`', "")),
    };
    let plain = |help: &str| format!("{}{words}{default}", help.replace('`', ""));
    arg.value_name(input.kind.placeholder())
        .action(action)
        .help(plain(input.short_help()))
        .long_help(plain(input.help))
        .help_heading(input.group.title())
}

/// Reads the arguments after the program's name. An unknown flag is taken out and
/// the rest is read again, so that one run shows everything that is wrong.
pub(super) fn read(args: impl IntoIterator<Item = OsString>) -> Line {
    let mut args: Vec<OsString> =
        std::iter::once(OsString::from("pipewright")).chain(args).collect();
    let mut problems = Vec::new();
    loop {
        let error = match command().try_get_matches_from(&args) {
            Ok(matches) => {
                let mut line = from_matches(&matches);
                problems.append(&mut line.problems);
                return Line { problems, ..line };
            }
            Err(error) => error,
        };
        let mut command = Command::Auto;
        if error.exit_code() == 0 || is_help(error.kind()) {
            command = Command::Print(error.render().ansi().to_string());
        } else {
            let message = one_line(&error.render().to_string());
            problems.push(Problem { source: "command line".into(), message });
            if problems.len() < PROBLEMS && take_out(&mut args, &error) {
                continue;
            }
        }
        return Line { command, flags: Vec::new(), problems };
    }
}

/// After so many unknown flags, more of them help nobody.
const PROBLEMS: usize = 8;

/// Takes out the unknown flag that an error names, with what looks like its value.
fn take_out(args: &mut Vec<OsString>, error: &clap::Error) -> bool {
    use clap::error::{ContextKind, ContextValue};
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return false };
    if error.kind() != ErrorKind::UnknownArgument || !flag.starts_with("--") {
        return false;
    }
    let is_it = |arg: &OsString| {
        let arg = arg.to_string_lossy();
        arg.split('=').next() == Some(flag.as_str())
    };
    let Some(at) = args.iter().skip(1).position(is_it).map(|at| at + 1) else { return false };
    let has_value = args[at].to_string_lossy().contains('=');
    args.remove(at);
    let is_value = |arg: &OsString| {
        let arg = arg.to_string_lossy();
        !arg.starts_with('-') && command().find_subcommand(arg.as_ref()).is_none()
    };
    if !has_value && args.get(at).is_some_and(is_value) {
        args.remove(at);
    }
    true
}

fn is_help(kind: ErrorKind) -> bool {
    kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// Folds the parser's message: what is wrong and the tips, not the usage.
fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let kept: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.is_empty())
        .collect();
    kept.join("; ").replace(":; ", ": ").replace("; tip: ", "; ")
}

fn from_matches(root: &ArgMatches) -> Line {
    let mut levels = vec![root];
    let command = match root.subcommand() {
        Some(("audit", audit)) => match audit.subcommand() {
            Some(("report", report)) => Command::AuditReport {
                files: report.get_many("files").into_iter().flatten().cloned().collect(),
                outcomes: report.get_one("outcomes").cloned(),
            },
            other => {
                let file = other.and_then(|(_, verify)| verify.get_one::<PathBuf>("file"));
                Command::AuditVerify { file: file.cloned().unwrap_or_default() }
            }
        },
        Some(("pipeline", outer)) => {
            let (name, matches) = outer.subcommand().unwrap_or(("check", outer));
            levels.push(matches);
            Command::Pipeline(pipeline::read(name, matches))
        }
        Some((name, matches)) => {
            levels.push(matches);
            match name {
                "config" => Command::Config,
                "docs" => Command::Docs,
                "tests" => Command::Tests,
                "merge" => Command::Merge {
                    files: matches.get_many("files").into_iter().flatten().cloned().collect(),
                },
                "sweep" => Command::Sweep(sweep_of(matches)),
                "learn" => Command::Learn { since: matches.get_one("since").cloned() },
                "models" => Command::Models { check: matches.get_flag(CHECK) },
                "review" if matches.get_flag("plan") => Command::Plan,
                other => deployment::read(other, matches).unwrap_or(Command::Review),
            }
        }
        None => Command::Auto,
    };
    let mut line = Line { command, flags: Vec::new(), problems: Vec::new() };
    for input in INPUTS {
        // What stands after the command wins over what stands before it.
        let given = levels.iter().rev().find(|level| level.contains_id(input.name));
        let Some(given) = given else { continue };
        if !input.flag {
            line.problems.push(Problem {
                source: format!("--{}", input.long()),
                message: format!(
                    "a secret is never a flag, which every process on the machine can read; set \
                     {upper}, or {upper}_FILE to a file that holds it",
                    upper = input.variables.first().copied().unwrap_or_default(),
                ),
            });
            continue;
        }
        let texts: Vec<&str> =
            given.get_many::<String>(input.name).into_iter().flatten().map(|s| s.trim()).collect();
        let text = texts.join("\n");
        if !text.is_empty() {
            line.flags.push((input, text));
        }
    }
    line
}
