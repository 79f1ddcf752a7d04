//! The process's surroundings, read once: variables, working directory, terminals.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

/// What the process finds around it. [`Env::from_process`] is the only reader of
/// the real environment in the program; everything else takes this or less.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env {
    vars: BTreeMap<String, String>,
    /// The working directory.
    pub cwd: PathBuf,
    /// Whether standard output is a terminal.
    pub stdout_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_terminal: bool,
}

/// Without values: they may be secrets.
impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env")
            .field("vars", &self.vars.keys().collect::<Vec<_>>())
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

impl Env {
    /// The process's own. Bytes that are not UTF-8 become U+FFFD.
    pub fn from_process() -> Self {
        let vars = std::env::vars_os().map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        });
        Env {
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
            ..Env::from_vars(vars)
        }
    }

    /// These variables, a working directory of `.`, no terminal.
    pub fn from_vars<N, V>(vars: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        Env {
            vars: vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            cwd: PathBuf::from("."),
            stdout_terminal: false,
            stderr_terminal: false,
        }
    }

    /// A variable's value without surrounding white space; an empty one is unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A variable in either case, upper case first, as with `HTTPS_PROXY`.
    pub fn get_any_case(&self, name: &str) -> Option<&str> {
        self.get(name).or_else(|| self.get(&name.to_ascii_lowercase()))
    }

    /// Whether a variable is set to something that does not mean "no".
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !matches!(value, "0" | "false" | "no" | "off"))
    }

    /// Every variable that is not empty, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars
            .iter()
            .map(|(name, value)| (name.as_str(), value.trim()))
            .filter(|(_, value)| !value.is_empty())
    }
}
