//! The host's variables that are no inputs: which run this is, and how to get out.

use std::path::PathBuf;

use super::env::Env;

/// The run, by the host's variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// A job of any CI system.
    pub ci: bool,
    /// A job of GitHub Actions.
    pub github_actions: bool,
    /// `GITHUB_EVENT_NAME`.
    pub event_name: Option<String>,
    /// `GITHUB_EVENT_PATH`.
    pub event_path: Option<PathBuf>,
    /// `GITHUB_REPOSITORY`: `owner/name`.
    pub repository: Option<String>,
    /// `GITHUB_SHA`.
    pub sha: Option<String>,
    /// `GITHUB_REF`.
    pub git_ref: Option<String>,
    /// The checkout: `GITHUB_WORKSPACE` in GitHub Actions, else the working directory.
    pub workspace: PathBuf,
    /// `GITHUB_ACTOR`: who started the run.
    pub actor: Option<String>,
    /// `GITHUB_TRIGGERING_ACTOR`: who started it again.
    pub triggering_actor: Option<String>,
    /// `GITHUB_RUN_ID`.
    pub run_id: Option<String>,
    /// `GITHUB_RUN_ATTEMPT`.
    pub run_attempt: Option<String>,
    /// `GITHUB_SERVER_URL`, without a slash at the end.
    pub server_url: String,
    /// `GITHUB_API_URL`, without a slash at the end.
    pub api_url: String,
    /// `GITHUB_GRAPHQL_URL`, or what `api_url` implies.
    pub graphql_url: String,
    /// `GITHUB_OUTPUT`.
    pub output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`.
    pub step_summary: Option<PathBuf>,
    /// `RUNNER_TEMP`.
    pub runner_temp: Option<PathBuf>,
    /// `XDG_STATE_HOME`, or `.local/state` in `HOME`.
    pub state_home: Option<PathBuf>,
    /// How to get to other machines.
    pub proxy: Proxy,
    /// The working directory.
    pub cwd: PathBuf,
    /// Whether standard output is a terminal.
    pub stdout_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_terminal: bool,
}

/// Proxies. Addresses may hold a password: do not log them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// For `https` addresses.
    pub https: Option<String>,
    /// For `http` addresses.
    pub http: Option<String>,
    /// Hosts that are asked directly, by commas, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
}

/// Without addresses: they may hold a password.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("https", &self.https.is_some())
            .field("http", &self.http.is_some())
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

impl Host {
    /// The run's page on the host, where all its parts are known.
    pub fn run_url(&self) -> Option<String> {
        let (repository, id) = (self.repository.as_ref()?, self.run_id.as_ref()?);
        let attempt = self.run_attempt.as_deref().filter(|attempt| *attempt != "1");
        let attempt = attempt.map(|attempt| format!("/attempts/{attempt}")).unwrap_or_default();
        Some(format!("{}/{repository}/actions/runs/{id}{attempt}", self.server_url))
    }

    pub(super) fn from_env(env: &Env) -> Self {
        let text = |name: &str| env.get(name).map(str::to_owned);
        let path = |name: &str| env.get(name).map(PathBuf::from);
        let address = |name: &str| env.get(name).map(|url| url.trim_end_matches('/').to_owned());
        let github_actions = env.is_on("GITHUB_ACTIONS");
        let api_url =
            address("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned());
        // A GitHub Enterprise Server has `/api/v3` and `/api/graphql`; github.com
        // has `/` and `/graphql`.
        let graphql_url = address("GITHUB_GRAPHQL_URL").unwrap_or_else(|| {
            format!("{}/graphql", api_url.strip_suffix("/v3").unwrap_or(&api_url))
        });
        let all = env.get_any_case("ALL_PROXY").map(str::to_owned);
        let proxy = |name: &str| env.get_any_case(name).map(str::to_owned).or_else(|| all.clone());
        let workspace = path("GITHUB_WORKSPACE").filter(|_| github_actions);
        let state_home = path("XDG_STATE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| path("HOME").map(|home| home.join(".local/state")));
        Host {
            ci: github_actions || env.is_on("CI"),
            github_actions,
            event_name: text("GITHUB_EVENT_NAME"),
            event_path: path("GITHUB_EVENT_PATH"),
            repository: text("GITHUB_REPOSITORY"),
            sha: text("GITHUB_SHA"),
            git_ref: text("GITHUB_REF"),
            workspace: workspace.unwrap_or_else(|| env.cwd.clone()),
            actor: text("GITHUB_ACTOR"),
            triggering_actor: text("GITHUB_TRIGGERING_ACTOR"),
            run_id: text("GITHUB_RUN_ID"),
            run_attempt: text("GITHUB_RUN_ATTEMPT"),
            server_url: address("GITHUB_SERVER_URL")
                .unwrap_or_else(|| "https://github.com".to_owned()),
            api_url,
            graphql_url,
            output: path("GITHUB_OUTPUT"),
            step_summary: path("GITHUB_STEP_SUMMARY"),
            runner_temp: path("RUNNER_TEMP"),
            state_home,
            proxy: Proxy {
                https: proxy("HTTPS_PROXY"),
                http: proxy("HTTP_PROXY"),
                no_proxy: env.get_any_case("NO_PROXY").map(str::to_owned),
            },
            cwd: env.cwd.clone(),
            stdout_terminal: env.stdout_terminal,
            stderr_terminal: env.stderr_terminal,
        }
    }
}
