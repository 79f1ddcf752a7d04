//! From flags and variables to what was said; nothing typed yet.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

use super::cli::{self, Command};
use super::env::Env;
use super::nearest::nearest;
use super::table::{INPUTS, Input, Kind};
use super::values::{Raw, brief};
use super::{Origin, Problem};

/// What flags and variables say: the first phase. [`Gathered::resolve`] is the
/// second one, once `.pipewright.toml` at the base revision is known.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// What was asked for.
    pub command: Command,
    /// The surroundings it was gathered from.
    pub env: Env,
    pub(super) said: Vec<Said>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
}

/// One input said once.
#[derive(Clone)]
pub(super) struct Said {
    pub input: &'static Input,
    pub raw: Raw,
    pub origin: Origin,
}

/// Without the value: it may be a secret.
impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} from {}", self.input.name, self.origin)
    }
}

/// Prefixes of our own variables, strongest first: GitHub's, Drone's and Harness's, ours.
const PREFIXES: [&str; 3] = ["INPUT_", "PLUGIN_", "PIPEWRIGHT_"];

/// Variables with our prefix that are not inputs: the test suite's own.
const NOT_INPUTS: &[&str] =
    &["PIPEWRIGHT_SHARED", "PIPEWRIGHT_PYTHON", "PIPEWRIGHT_IMAGE", "PIPEWRIGHT_CLAUDE_CLI"];

/// The largest file that a `*_FILE` variable may name, in bytes.
const SECRET_FILE_LIMIT: u64 = 64 * 1024;

pub(super) fn gather(args: impl IntoIterator<Item = OsString>, env: Env) -> Gathered {
    let line = cli::read(args);
    let mut gathered = Gathered {
        command: line.command,
        said: Vec::new(),
        problems: line.problems,
        warnings: Vec::new(),
        env,
    };
    for (input, text) in line.flags {
        let origin = Origin::Flag(format!("--{}", input.long()));
        gathered.said.push(Said { input, raw: Raw::Text(text), origin });
    }
    for prefix in PREFIXES {
        gathered.prefixed(prefix);
    }
    for input in INPUTS {
        for variable in input.variables {
            gathered.variable(input, variable);
        }
    }
    gathered
}

impl Gathered {
    /// All variables with one of our prefixes.
    fn prefixed(&mut self, prefix: &'static str) {
        let named: Vec<(String, String)> = self
            .env
            .iter()
            .filter_map(|(name, value)| {
                let rest = name.get(prefix.len()..)?;
                name.get(..prefix.len())?.eq_ignore_ascii_case(prefix).then_some(())?;
                (!NOT_INPUTS.contains(&name)).then_some(())?;
                // GitHub keeps dashes, turns spaces to underscores, and upper-cases.
                let rest = rest.to_ascii_uppercase().replace(['-', ' '], "_");
                Some((name.to_owned(), rest)).filter(|_| !value.is_empty())
            })
            .collect();
        for (variable, rest) in named {
            let direct = INPUTS.iter().find(|input| input.upper() == rest);
            if let Some(input) = direct {
                self.variable(input, &variable);
                continue;
            }
            let by_file = rest.strip_suffix("_FILE").and_then(|rest| {
                INPUTS.iter().find(|input| input.kind == Kind::Secret && input.upper() == rest)
            });
            match by_file {
                Some(input) => self.file(input, &variable),
                None => self.unknown(prefix, &variable, &rest),
            }
        }
    }

    fn unknown(&mut self, prefix: &str, variable: &str, rest: &str) {
        let shown = brief(variable);
        if let Some(near) = nearest(rest, INPUTS.iter().map(|input| input.name)) {
            let message = format!("is not an input; did you mean `{near}`?");
            self.problems.push(Problem { source: shown, message });
        } else if prefix == "PIPEWRIGHT_" {
            let message = "is not an input; `pipewright config` lists them".into();
            self.problems.push(Problem { source: shown, message });
        } else {
            // These prefixes are the host's: another program's inputs may still be around.
            self.warnings.push(format!("{shown} is not an input and was left alone"));
        }
    }

    /// An input from a variable, or, for a secret of the host's naming, from the
    /// file its `*_FILE` sibling names.
    fn variable(&mut self, input: &'static Input, variable: &str) {
        if let Some(value) = self.env.get(variable) {
            let raw = Raw::Text(value.to_owned());
            self.said.push(Said { input, raw, origin: Origin::Variable(variable.to_owned()) });
        }
        if input.kind == Kind::Secret && input.variables.contains(&variable) {
            let sibling = format!("{variable}_FILE");
            if self.env.get(&sibling).is_some() {
                self.file(input, &sibling);
            }
        }
    }

    /// A secret from the file that a variable names.
    fn file(&mut self, input: &'static Input, variable: &str) {
        let Some(path) = self.env.get(variable) else { return };
        match read_secret(&self.env.cwd.join(path)) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => self.said.push(Said {
                input,
                raw: Raw::Text(text.trim().to_owned()),
                origin: Origin::File { variable: variable.to_owned(), path: path.to_owned() },
            }),
            Err(error) => {
                let message = format!("cannot read {}: {error}", brief(path));
                self.problems.push(Problem { source: variable.to_owned(), message });
            }
        }
    }
}

fn read_secret(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(SECRET_FILE_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_FILE_LIMIT {
        return Err(std::io::Error::other("it is larger than 64 KB"));
    }
    Ok(text)
}
