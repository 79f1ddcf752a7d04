//! The CI server of this job and its project there, by the host's variables.

use super::env::Env;
use super::resolve::Values;
use crate::pipeline::Platform;
use crate::redact::Secret;

/// Where each host's API is and which project is meant; GitHub's is in
/// [`super::Host`]. Addresses have no slash at the end.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// The host whose job this is.
    pub here: Option<Platform>,
    /// GitLab.
    pub gitlab: GitLabServer,
    /// Azure DevOps.
    pub azure: AzureServer,
    /// Jenkins.
    pub jenkins: JenkinsServer,
    /// Bitbucket.
    pub bitbucket: BitbucketServer,
    /// Harness.
    pub harness: HarnessServer,
}

/// <https://docs.gitlab.com/ci/variables/predefined_variables/>.
#[derive(Debug, Clone, Default)]
pub struct GitLabServer {
    /// `CI_API_V4_URL`.
    pub api_url: Option<String>,
    /// `CI_PROJECT_ID`, else `CI_PROJECT_PATH`.
    pub project: Option<String>,
    /// `CI_DEFAULT_BRANCH`.
    pub default_branch: Option<String>,
    /// `CI_CONFIG_PATH`: the file that pipelines are made of.
    pub config_path: Option<String>,
    /// The input `gitlab_token`.
    pub token: Option<Secret>,
    /// `CI_JOB_TOKEN`, which may do less.
    pub job_token: Option<Secret>,
}

/// <https://learn.microsoft.com/azure/devops/pipelines/build/variables>.
#[derive(Debug, Clone, Default)]
pub struct AzureServer {
    /// `SYSTEM_COLLECTIONURI`.
    pub collection: Option<String>,
    /// `SYSTEM_TEAMPROJECT`.
    pub project: Option<String>,
    /// `BUILD_REPOSITORY_ID`.
    pub repository_id: Option<String>,
    /// `SYSTEM_DEFINITIONID`.
    pub definition_id: Option<String>,
    /// The input `azure_devops_token`.
    pub token: Option<Secret>,
}

/// <https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables>.
#[derive(Debug, Clone, Default)]
pub struct JenkinsServer {
    /// `JOB_URL`, else made of `JENKINS_URL` and `JOB_NAME`.
    pub job_url: Option<String>,
    /// `CHANGE_TARGET`: the branch that a change goes to, in its own job.
    pub change_target: Option<String>,
    /// The input `jenkins_user`.
    pub user: Option<String>,
    /// The input `jenkins_token`.
    pub token: Option<Secret>,
}

/// <https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/>.
#[derive(Debug, Clone, Default)]
pub struct BitbucketServer {
    /// `BITBUCKET_API_URL`, else Bitbucket Cloud's.
    pub api_url: String,
    /// `BITBUCKET_WORKSPACE`.
    pub workspace: Option<String>,
    /// `BITBUCKET_REPO_SLUG`.
    pub repository: Option<String>,
    /// The input `bitbucket_token`.
    pub token: Option<Secret>,
}

/// <https://developer.harness.io/docs/platform/variables-and-expressions/harness-variables>,
/// as variables of the step.
#[derive(Debug, Clone, Default)]
pub struct HarnessServer {
    /// `HARNESS_BASE_URL`, else the hosted one.
    pub base_url: String,
    /// `HARNESS_ACCOUNT_ID`.
    pub account: Option<String>,
    /// `HARNESS_ORG_ID`.
    pub organization: Option<String>,
    /// `HARNESS_PROJECT_ID`.
    pub project: Option<String>,
    /// `HARNESS_EXECUTION_ID`: the execution that this run is a step of.
    pub execution: Option<String>,
    /// The input `harness_api_key`.
    pub key: Option<Secret>,
}

impl Servers {
    pub(super) fn read(env: &Env, values: &Values) -> Self {
        let text = |name: &str| env.get(name).map(str::to_owned);
        let first = |names: &[&str]| names.iter().find_map(|name| text(name));
        let address = |names: &[&str]| first(names).map(|url| url.trim_end_matches('/').to_owned());
        let secret = |name: &str| env.get(name).map(Secret::new);
        let job_url = address(&["JOB_URL"]).or_else(|| {
            let folders = text("JOB_NAME")?;
            let path: String = folders.split('/').map(|folder| format!("/job/{folder}")).collect();
            Some(format!("{}{path}", address(&["JENKINS_URL"])?))
        });
        Servers {
            here: here(env),
            gitlab: GitLabServer {
                api_url: address(&["CI_API_V4_URL"]),
                project: first(&["CI_PROJECT_ID", "CI_PROJECT_PATH"]),
                default_branch: text("CI_DEFAULT_BRANCH"),
                config_path: text("CI_CONFIG_PATH"),
                token: values.secret("gitlab_token"),
                job_token: secret("CI_JOB_TOKEN"),
            },
            azure: AzureServer {
                collection: address(&["SYSTEM_COLLECTIONURI"]),
                project: text("SYSTEM_TEAMPROJECT"),
                repository_id: text("BUILD_REPOSITORY_ID"),
                definition_id: text("SYSTEM_DEFINITIONID"),
                token: values.secret("azure_devops_token"),
            },
            jenkins: JenkinsServer {
                job_url,
                change_target: text("CHANGE_TARGET"),
                user: values.text("jenkins_user"),
                token: values.secret("jenkins_token"),
            },
            bitbucket: BitbucketServer {
                api_url: address(&["BITBUCKET_API_URL"])
                    .unwrap_or_else(|| "https://api.bitbucket.org/2.0".to_owned()),
                workspace: text("BITBUCKET_WORKSPACE"),
                repository: text("BITBUCKET_REPO_SLUG"),
                token: values.secret("bitbucket_token"),
            },
            harness: HarnessServer {
                base_url: address(&["HARNESS_BASE_URL"])
                    .unwrap_or_else(|| "https://app.harness.io".to_owned()),
                account: text("HARNESS_ACCOUNT_ID"),
                organization: first(&["HARNESS_ORG_ID", "HARNESS_ORG_IDENTIFIER"]),
                project: first(&["HARNESS_PROJECT_ID", "HARNESS_PROJECT_IDENTIFIER"]),
                execution: text("HARNESS_EXECUTION_ID"),
                key: values.secret("harness_api_key"),
            },
        }
    }
}

/// Each host sets a variable of its own in its jobs.
fn here(env: &Env) -> Option<Platform> {
    let told = |name: &str| env.get(name).is_some();
    if env.is_on("GITHUB_ACTIONS") {
        Some(Platform::GitHub)
    } else if env.is_on("GITLAB_CI") {
        Some(Platform::GitLab)
    } else if env.is_on("TF_BUILD") {
        Some(Platform::Azure)
    } else if told("BITBUCKET_BUILD_NUMBER") {
        Some(Platform::Bitbucket)
    } else if told("HARNESS_BUILD_ID") || told("HARNESS_PIPELINE_ID") {
        Some(Platform::Harness)
    } else if told("JENKINS_URL") {
        Some(Platform::Jenkins)
    } else {
        None
    }
}
