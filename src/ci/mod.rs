//! CI servers: what their APIs tell of past runs.

mod ask;
mod github;
mod runs;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use crate::http::Client;
use crate::inputs::Inputs;
use crate::pipeline::graph::Pipeline;
use crate::pipeline::timing::History;
use crate::pipeline::{File, Platform};

/// A pipeline as its server knows it.
#[derive(Debug, Clone, Copy)]
pub struct PipelineId<'a> {
    /// Its file, relative to the checkout, with `/`.
    pub path: &'a str,
    /// The file's text: some servers know it by a name that stands in there.
    pub text: &'a str,
    /// Its graph, which tells what a job waited for.
    pub pipeline: &'a Pipeline,
}

impl<'a> PipelineId<'a> {
    /// Of a file that was read.
    pub fn of(file: &'a File) -> Self {
        PipelineId { path: &file.path, text: &file.text, pipeline: &file.pipeline }
    }
}

/// What a server told of past runs.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The runs, oldest first; none where nothing ran yet.
    pub history: History,
    /// What is missing from them, a sentence each. A server's words may be in there.
    pub notes: Vec<String>,
}

/// A CI server: a run, its jobs, their times.
#[async_trait]
pub trait CiServer: Send + Sync {
    /// Times of the newest successful runs of the default branch, `limit` at most;
    /// of other branches where there is none. Each run is whole or left out, and
    /// what is left out is said.
    ///
    /// # Errors
    /// The server could not be reached, refused, or does not know the pipeline.
    async fn history(&self, pipeline: &PipelineId<'_>, limit: usize) -> anyhow::Result<Past>;
}

/// Why a server cannot be asked: what is missing, and what to do.
#[derive(Debug)]
pub struct Missing(pub String);

/// The server of a platform, as the job's variables and tokens name it. Asks
/// nothing yet.
///
/// # Errors
/// A variable or a token is missing, or the address is one that no token is sent to.
pub fn server(
    platform: Platform,
    inputs: &Inputs,
    client: Client,
) -> Result<Box<dyn CiServer>, Missing> {
    match platform {
        Platform::GitHub => {
            let host = &inputs.host;
            let repository = given(host.repository.as_deref(), platform, "`GITHUB_REPOSITORY`")?;
            let token = given(inputs.github_token.as_ref(), platform, "`GITHUB_TOKEN`")?;
            boxed(github::GitHub::new(client, &host.api_url, repository, token))
        }
        other => Err(Missing(format!(
            "past runs are not read from the server of {}: give `--history FILE` \
             (docs/pipeline-history.md says where to get one)",
            other.name()
        ))),
    }
}

fn given<T>(value: Option<T>, platform: Platform, what: &str) -> Result<T, Missing> {
    value.ok_or_else(|| {
        let name = platform.name();
        Missing(format!("cannot ask {name} for past runs: set {what}, or give `--history FILE`"))
    })
}

fn boxed(made: anyhow::Result<impl CiServer + 'static>) -> Result<Box<dyn CiServer>, Missing> {
    match made {
        Ok(server) => Ok(Box::new(server)),
        Err(error) => Err(Missing(format!("{error:#}; or give `--history FILE`"))),
    }
}

/// Whether a server runs a file of this name: others are parts of pipelines, or no
/// pipelines at all, and asking for them is in vain.
pub fn is_run(platform: Platform, path: &str, inputs: &Inputs) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match platform {
        Platform::GitHub => folder == ".github/workflows",
        Platform::GitLab => match &inputs.servers.gitlab.config_path {
            Some(config) => config == path,
            None => path == ".gitlab-ci.yml",
        },
        Platform::Bitbucket => path == "bitbucket-pipelines.yml",
        Platform::Azure | Platform::Jenkins | Platform::Harness => !name.is_empty(),
    }
}
