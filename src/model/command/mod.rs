//! Any program as a model: the prompt on its standard input, the answer on its
//! standard output.
//!
//! Claude Code's `claude` is known by name and gets the flags that make it answer
//! in the schema and take every tool from it (`claude.rs`). Every other program is
//! given the whole conversation as text and its output is searched ([`answer`]).
//!
//! What stands against misuse: the line is split into words and never given to a
//! shell; the program is found on `PATH` or named by its whole path, and lies
//! outside the checkout, so that a change cannot bring its own; it runs in an
//! empty folder that is gone afterwards, with few variables, as a process group
//! of its own that is killed whole.

pub mod answer;
mod claude;
mod prompt;
mod run;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use async_trait::async_trait;
use tokio::sync::Semaphore;

use self::run::{Failed, Job};
use super::price::{Book, Known, Price};
use super::{About, Limits, Model, ModelError, Reply, Request, Structure, Tool};
use crate::inputs::{Surroundings, is_claude, split_words};
use crate::redact::{Scrubber, Secret, shorten};

/// Programs of one model that run at one time: each may take 200 MB.
const SIDE_BY_SIDE: usize = 4;
/// Longest time for one reply, the same as for a provider.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Most characters of a program's own words in a message.
const LONGEST_WORDS: usize = 400;

/// What to run, and what it may see.
pub struct Options<'a> {
    /// Program and arguments, as a shell would split them.
    pub line: &'a str,
    /// What it finds around it.
    pub surroundings: &'a Surroundings,
    /// No program in here is run.
    pub checkout: &'a Path,
    /// What models cost.
    pub prices: &'a Book,
    /// Values that must not be told in messages.
    pub secrets: &'a [Secret],
    /// Longest time for one reply; [`None`] is a quarter of an hour.
    pub timeout: Option<Duration>,
}

/// A model that is a program.
pub struct Command {
    program: PathBuf,
    arguments: Vec<String>,
    is_claude: bool,
    name: String,
    variables: Vec<(String, Secret)>,
    /// The user's own home folder, where a login lies; else a fresh one.
    home: Option<PathBuf>,
    temp: PathBuf,
    price: Option<Price>,
    limits: Limits,
    scrubber: Scrubber,
    timeout: Duration,
    slots: Semaphore,
}

impl Command {
    /// Make one. Nothing is run yet.
    ///
    /// # Errors
    /// The line cannot be split, its program is not there or lies in the
    /// checkout, or its arguments would give the model tools.
    pub fn new(options: &Options<'_>) -> anyhow::Result<Self> {
        let Options { line, surroundings, checkout, prices, secrets, timeout } = options;
        let mut words = split_words(line).map_err(|message| anyhow!("{message}"))?.into_iter();
        let program = words.next().context("the command names no program")?;
        let arguments: Vec<String> = words.collect();
        let is_claude = is_claude(&program);
        let variables = surroundings.variables(is_claude);
        let path = variables.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.expose());
        let found = find(&program, path.unwrap_or_default(), checkout)?;
        let stem = Path::new(&program).file_name().unwrap_or_default().to_string_lossy();
        let model = value_of(&arguments, "--model").filter(|_| is_claude);
        let mut home = None;
        if is_claude {
            claude::check(&arguments)?;
            if !claude::has_login(&variables) {
                home.clone_from(&surroundings.home);
            }
        }
        let name = match model {
            Some(model) => format!("{stem}:{model}"),
            None => stem.into_owned(),
        };
        let known = |name: &str| prices.price("command", name).1 != Known::No;
        let priced = model.filter(|model| known(model)).unwrap_or(&name);
        Ok(Command {
            price: prices.price("command", priced).0,
            limits: prices.limits("command", priced).0,
            program: found,
            arguments,
            is_claude,
            name,
            home,
            temp: surroundings.temp.clone(),
            // Every value it is given may turn up in its words.
            scrubber: Scrubber::new(
                variables
                    .iter()
                    .filter(|(name, _)| names_secret(name))
                    .map(|(_, v)| v)
                    .chain(*secrets),
            ),
            variables,
            timeout: timeout.unwrap_or(TIMEOUT),
            slots: Semaphore::new(SIDE_BY_SIDE),
        })
    }

    /// The name that prices are looked up by, without `command:`.
    pub fn short_name(&self) -> &str {
        &self.name
    }

    /// Lay out a request for the program, in a folder of its own.
    fn job(&self, request: &Request, folder: &Path) -> std::io::Result<Job> {
        let (work, temp) = (folder.join("work"), folder.join("tmp"));
        for made in [&work, &temp, &folder.join("home")] {
            std::fs::create_dir(made)?;
        }
        let home = self.home.clone().unwrap_or_else(|| folder.join("home"));
        let mut variables: Vec<(OsString, OsString)> = self
            .variables
            .iter()
            .map(|(name, value)| (name.into(), value.expose().into()))
            .collect();
        variables.push(("HOME".into(), home.into()));
        variables.push(("TMPDIR".into(), temp.into()));
        variables.push(("NO_COLOR".into(), "1".into()));
        let mut arguments: Vec<OsString> = self.arguments.iter().map(OsString::from).collect();
        let tool = answer_tool(request);
        let input = if self.is_claude {
            let system = folder.join("system.md");
            std::fs::write(&system, prompt::system(request))?;
            arguments.extend(claude::arguments(&self.arguments, &self.variables, tool, &system));
            let ours = claude::variables(request.max_tokens);
            variables.extend(ours.into_iter().map(|(name, value)| (name.into(), value.into())));
            prompt::conversation(request)
        } else {
            prompt::whole(request, tool)
        };
        Ok(Job {
            program: self.program.clone(),
            arguments,
            variables,
            folder: work,
            input: input.into_bytes(),
            timeout: self.timeout,
        })
    }

    /// What the program said, fit for one line of a message.
    fn words(&self, text: &str) -> String {
        let line = self.scrubber.sanitize_line(text);
        shorten(&line, LONGEST_WORDS).into_owned()
    }

    fn failed(&self, failed: Failed) -> ModelError {
        let program = self.words(&self.program.display().to_string());
        match failed {
            Failed::Start(error) => ModelError::Denied(
                anyhow!(error).context(format!("cannot start the model's command {program}")),
            ),
            Failed::Late => ModelError::Unavailable(anyhow!(
                "the model's command {program} did not answer within {} s and was ended",
                self.timeout.as_secs()
            )),
            Failed::TooMuch => ModelError::Rejected(anyhow!(
                "the model's command {program} wrote more than {} MB and was ended: it has to \
                 write its answer and little else",
                run::MOST_OUTPUT >> 20
            )),
            Failed::Io(error) => ModelError::Unavailable(
                anyhow!(error).context(format!("cannot read from the model's command {program}")),
            ),
        }
    }

    /// A program that ended badly, or without a word.
    fn useless(&self, output: &run::Output) -> ModelError {
        let program = self.words(&self.program.display().to_string());
        let said = match (self.words(&output.errors), self.words(&output.text)) {
            (said, _) | (_, said) if !said.is_empty() => format!(": {said}"),
            _ => String::new(),
        };
        if output.status.success() {
            return ModelError::Unavailable(anyhow!(
                "the model's command {program} wrote nothing to standard output{said}; run it by \
                 hand with a prompt on standard input to see why"
            ));
        }
        ModelError::Unavailable(anyhow!(
            "the model's command {program} ended with {}{said}; run it by hand with a prompt on \
             standard input to see why",
            output.status
        ))
    }
}

#[async_trait]
impl Model for Command {
    fn name(&self) -> String {
        format!("command:{}", self.name)
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn price(&self) -> Option<Price> {
        self.price
    }

    fn calls_tools(&self) -> bool {
        false
    }

    fn about(&self) -> About {
        let words = self.arguments.iter().map(|word| shlex::try_quote(word).unwrap_or_default());
        let mut line = self.program.display().to_string();
        for word in words {
            line.push(' ');
            line.push_str(&word);
        }
        About {
            endpoint: Some(self.scrubber.scrub(&line).into_owned()),
            structure: Some(match self.is_claude {
                true => Structure::Schema,
                false => Structure::Instruction,
            }),
            caches: self.is_claude.then_some(true),
        }
    }

    async fn ask(&self, request: &Request) -> Result<Reply, ModelError> {
        let unusable = |error: anyhow::Error| ModelError::Denied(error);
        let _slot = self.slots.acquire().await.map_err(|error| unusable(error.into()))?;
        let folder = tempfile::Builder::new()
            .prefix("pipewright-")
            .tempdir_in(&self.temp)
            .with_context(|| format!("cannot make a folder in {}", self.temp.display()))
            .map_err(unusable)?;
        let job = self
            .job(request, folder.path())
            .context("cannot write the prompt of the model's command")
            .map_err(unusable)?;
        let output = run::run(job).await.map_err(|failed| self.failed(failed))?;
        let said = answer::Said { text: &output.text, request, price: self.price.as_ref() };
        if self.is_claude
            && let Some(read) = claude::read(&said, &|text| self.words(text))
        {
            return read;
        }
        if !output.status.success() || output.text.trim().is_empty() {
            return Err(self.useless(&output));
        }
        Ok(answer::read(&said, answer_tool(request)))
    }
}

/// The tool that the answer is the input of: the one demanded, else the first.
fn answer_tool(request: &Request) -> Option<&Tool> {
    let name = request.tool_choice.answer();
    let demanded = name.and_then(|name| request.tools.iter().find(|tool| tool.name == name));
    demanded.or_else(|| request.tools.first())
}

/// The value of a flag, in either of its spellings.
fn value_of<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    arguments.iter().enumerate().find_map(|(at, word)| {
        let rest = word.strip_prefix(flag)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => arguments.get(at + 1).map(String::as_str),
            None => None,
        }
    })
}

fn names_secret(name: &str) -> bool {
    ["KEY", "TOKEN", "SECRET", "PASSWORD"].iter().any(|word| name.contains(word))
}

/// The program, by its whole path.
fn find(program: &str, path: &str, checkout: &Path) -> anyhow::Result<PathBuf> {
    let given = Path::new(program);
    let found = if given.is_absolute() {
        given.is_file().then(|| given.to_owned())
    } else if program.contains('/') {
        bail!(
            "cannot use `{program}` as a model's command: name a program on PATH or a whole path; \
             what lies in the checkout is the change's to replace"
        );
    } else {
        // A relative folder would lead into the checkout.
        let folders = path.split(':').map(Path::new).filter(|folder| folder.is_absolute());
        folders.map(|folder| folder.join(program)).find(|file| is_executable(file))
    };
    let install = match is_claude(program) {
        true => "install it with `npm install -g @anthropic-ai/claude-code`",
        false => "install it",
    };
    let found = found.with_context(|| {
        format!(
            "cannot find the model's command `{program}`: {install}, name it by its whole path, or \
             choose another `model`"
        )
    })?;
    let real = found.canonicalize().unwrap_or_else(|_| found.clone());
    let checkout = checkout.canonicalize().unwrap_or_else(|_| checkout.to_owned());
    if real.starts_with(&checkout) {
        bail!(
            "cannot use `{}` as a model's command: it lies in the checkout, where a change could \
             replace it",
            found.display()
        );
    }
    Ok(found)
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests;
