//! CI servers: what their APIs tell of past runs.

mod ask;
mod azure;
mod bitbucket;
mod github;
mod gitlab;
mod harness;
mod jenkins;
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
        Platform::GitLab => {
            let host = &inputs.servers.gitlab;
            let api = given(host.api_url.as_deref(), platform, "`CI_API_V4_URL`")?;
            let project = given(host.project.as_deref(), platform, "`CI_PROJECT_ID`")?;
            let own = host.token.as_ref().map(gitlab::Token::Own);
            let token = own.or_else(|| host.job_token.as_ref().map(gitlab::Token::Job));
            let token = given(token, platform, "`GITLAB_TOKEN`")?;
            let branch = host.default_branch.clone();
            boxed(gitlab::GitLab::new(client, api, project, branch, token))
        }
        Platform::Azure => {
            let host = &inputs.servers.azure;
            let collection = given(host.collection.as_deref(), platform, "`SYSTEM_COLLECTIONURI`")?;
            let project = given(host.project.as_deref(), platform, "`SYSTEM_TEAMPROJECT`")?;
            let token = given(
                host.token.as_ref(),
                platform,
                "`SYSTEM_ACCESSTOKEN` (`env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`)",
            )?;
            boxed(azure::Azure::new(client, collection, project, token, host))
        }
        Platform::Jenkins => {
            let host = &inputs.servers.jenkins;
            let job = given(host.job_url.as_deref(), platform, "`JOB_URL`")?;
            let user = given(host.user.as_deref(), platform, "`JENKINS_USER`")?;
            let token = given(host.token.as_ref(), platform, "`JENKINS_API_TOKEN`")?;
            boxed(jenkins::Jenkins::new(client, job, host.change_target.as_deref(), user, token))
        }
        Platform::Bitbucket => {
            let host = &inputs.servers.bitbucket;
            let workspace = given(host.workspace.as_deref(), platform, "`BITBUCKET_WORKSPACE`")?;
            let slug = given(host.repository.as_deref(), platform, "`BITBUCKET_REPO_SLUG`")?;
            let token = given(host.token.as_ref(), platform, "`BITBUCKET_TOKEN`")?;
            boxed(bitbucket::Bitbucket::new(client, &host.api_url, workspace, slug, token))
        }
        Platform::Harness => {
            let host = &inputs.servers.harness;
            let account = given(host.account.as_deref(), platform, "`HARNESS_ACCOUNT_ID`")?;
            let organization = given(host.organization.as_deref(), platform, "`HARNESS_ORG_ID`")?;
            let project = given(host.project.as_deref(), platform, "`HARNESS_PROJECT_ID`")?;
            let key = given(host.key.as_ref(), platform, "`HARNESS_API_KEY`")?;
            let place = [account, organization, project];
            boxed(harness::Harness::new(client, &host.base_url, place, key))
        }
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
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match platform {
        Platform::GitHub => folder == ".github/workflows",
        Platform::GitLab => match &inputs.servers.gitlab.config_path {
            Some(config) => config == path,
            None => path == ".gitlab-ci.yml",
        },
        Platform::Bitbucket => path == "bitbucket-pipelines.yml",
        // A job knows one file, and does not say which.
        Platform::Jenkins => path == "Jenkinsfile",
        Platform::Azure | Platform::Harness => true,
    }
}
