//! What a model that is a command finds around it: few variables, by name.

use std::path::PathBuf;

use super::env::Env;
use super::resolve::Values;
use super::table::INPUTS;
use super::values::{Value, split_words};
use crate::redact::Secret;

/// Variables that every command gets: where programs are, which language, how to
/// get out, and whom to trust there.
const COMMON: &[&str] = &[
    "PATH",
    "LANG",
    "LC_ALL",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];

/// What Claude Code logs in with, and where.
const CLAUDE: &[&str] =
    &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_OAUTH_TOKEN"];

/// Beginnings of the names that hosts give to their own variables, tokens and
/// files of orders to the runner among them.
const HOSTS: &[&str] = &[
    "ACTIONS_",
    "BITBUCKET_",
    "CI_",
    "DRONE_",
    "GH_",
    "GITHUB_",
    "GITLAB_",
    "HARNESS_",
    "INPUT_",
    "PIPEWRIGHT_",
    "PLUGIN_",
    "RUNNER_",
    "SYSTEM_",
];

/// Whether a variable may be handed to a command.
///
/// # Errors
/// A sentence that says why not.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let shown = super::values::brief(name);
    if !is_name {
        return Err(format!("`{shown}` is not a variable's name"));
    }
    if HOSTS.iter().any(|prefix| name.to_ascii_uppercase().starts_with(prefix)) {
        return Err(format!("`{shown}` is the host's own and is never handed to a command"));
    }
    Ok(())
}

/// What a command finds around it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    common: Vec<(String, Secret)>,
    /// By `command_env`.
    named: Option<Vec<(String, Secret)>>,
    claude: Vec<(String, Secret)>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// Where temporary folders are made.
    pub temp: PathBuf,
}

impl Surroundings {
    pub(super) fn new(values: &Values, env: &Env) -> Self {
        let value = |name: &str| {
            let input = INPUTS.iter().find(|input| input.variables.contains(&name));
            // An input of the action's, or a file, may hold what the variable does not.
            let chosen = input.and_then(|input| values.chosen.get(input.name));
            match chosen {
                Some((Value::Secret(secret), _)) => Some(secret.clone()),
                Some((Value::Text(text), _)) => Some(Secret::new(text.clone())),
                _ => env.get(name).map(Secret::new),
            }
        };
        let all = |names: &[&str]| {
            let pairs = names.iter().map(|name| Some(((*name).to_owned(), value(name)?)));
            pairs.flatten().collect::<Vec<_>>()
        };
        let named = values.is_said("command_env").then(|| {
            let names = values.list("command_env");
            all(&names.iter().map(String::as_str).collect::<Vec<_>>())
        });
        let temp = env.get("RUNNER_TEMP").or_else(|| env.get("TMPDIR")).unwrap_or("/tmp");
        Surroundings {
            common: all(COMMON),
            named,
            claude: all(CLAUDE),
            home: env.get("HOME").map(PathBuf::from),
            temp: env.cwd.join(temp),
        }
    }

    /// The variables for a program, by name.
    pub fn variables(&self, program_is_claude: bool) -> Vec<(String, Secret)> {
        let mut variables = self.common.clone();
        match &self.named {
            Some(named) => variables.extend(named.iter().cloned()),
            None if program_is_claude => variables.extend(self.claude.iter().cloned()),
            None => {}
        }
        variables
    }

    /// Whether there is anything that this command can log in with, as far as
    /// can be told: a program that is not known is taken at its word.
    pub(super) fn can_log_in(&self, line: &str) -> bool {
        let words = split_words(line).unwrap_or_default();
        if !words.first().is_some_and(|program| is_claude(program)) || self.named.is_some() {
            return true;
        }
        let logged_in = |home: &PathBuf| home.join(".claude/.credentials.json").is_file();
        !self.claude.is_empty() || self.home.as_ref().is_some_and(logged_in)
    }
}

/// Whether a program is Claude Code's command line, by its name.
pub fn is_claude(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    matches!(name, "claude" | "claude.exe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_variables_are_refused() {
        for (name, expect) in [
            ("OPENAI_API_KEY", true),
            ("_X1", true),
            ("GITHUB_TOKEN", false),
            ("github_token", false),
            ("GH_TOKEN", false),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", false),
            ("CI_JOB_TOKEN", false),
            ("SYSTEM_ACCESSTOKEN", false),
            ("INPUT_GITHUB_TOKEN", false),
            ("A=B", false),
            ("1A", false),
            ("", false),
        ] {
            assert_eq!(check_name(name).is_ok(), expect, "{name}");
        }
    }

    #[test]
    fn claude_is_known_by_its_name() {
        for (program, expect) in [
            ("claude", true),
            ("/opt/bin/claude", true),
            ("claude-x", false),
            ("my/claude/x", false),
        ] {
            assert_eq!(is_claude(program), expect, "{program}");
        }
    }
}
