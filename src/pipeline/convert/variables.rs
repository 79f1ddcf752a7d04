//! Predefined variables of the six platforms that mean the same.
//!
//! Sources: <https://docs.github.com/en/actions/reference/workflows-and-actions/contexts> and
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>,
//! <https://docs.gitlab.com/ci/variables/predefined_variables/>,
//! <https://learn.microsoft.com/azure/devops/pipelines/build/variables>,
//! <https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables>,
//! <https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/>,
//! <https://developer.harness.io/docs/platform/variables-and-expressions/harness-variables/>.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::pipeline::Platform;
use crate::pipeline::portable::Part;

/// What a predefined variable tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The commit's full id.
    Commit,
    /// Its first characters.
    ShortCommit,
    /// `refs/heads/main`.
    Ref,
    /// The branch's or the tag's name.
    RefName,
    /// The branch's name alone.
    Branch,
    /// The branch that a change is made from.
    Source,
    /// The branch that a change is to go into.
    Target,
    /// The tag's name.
    Tag,
    /// The change's number.
    Change,
    /// The repository's name without its owner.
    Repository,
    /// With its owner.
    FullRepository,
    /// Its owner.
    Owner,
    /// A number that counts the runs.
    Run,
    /// What names the run.
    RunId,
    /// The folder of the checkout.
    Workspace,
    /// What set the run off.
    Event,
    /// The default branch.
    DefaultBranch,
    /// Who set the run off.
    Actor,
    /// The server's address.
    Server,
    /// The run's page.
    RunUrl,
    /// The job's name.
    Job,
    /// A folder for what is thrown away.
    Temp,
    /// The commit's message.
    Message,
    /// The runner's name.
    Runner,
    /// The file that takes a job's outputs.
    Outputs,
    /// The token of the platform itself.
    Token,
}

/// A row: what is told; then on GitHub, GitLab, Azure, Jenkins, Bitbucket, Harness. Of
/// several spellings the first is for values and the last for scripts.
type Row = (Role, [&'static str; 6]);

const ROWS: &[Row] = &[
    (
        Role::Commit,
        [
            "github.sha github.event.pull_request.head.sha GITHUB_SHA",
            "CI_COMMIT_SHA",
            "Build.SourceVersion BUILD_SOURCEVERSION",
            "GIT_COMMIT",
            "BITBUCKET_COMMIT",
            "codebase.commitSha trigger.commitSha",
        ],
    ),
    (Role::ShortCommit, ["", "CI_COMMIT_SHORT_SHA", "", "", "", "codebase.shortCommitSha"]),
    (Role::Ref, ["github.ref GITHUB_REF", "", "Build.SourceBranch BUILD_SOURCEBRANCH", "", "", ""]),
    (
        Role::RefName,
        [
            "github.ref_name GITHUB_REF_NAME",
            "CI_COMMIT_REF_NAME CI_COMMIT_REF_SLUG CI_COMMIT_REF_NAME",
            "Build.SourceBranchName BUILD_SOURCEBRANCHNAME",
            "BRANCH_NAME",
            "BITBUCKET_BRANCH",
            "codebase.branch",
        ],
    ),
    (
        Role::Branch,
        [
            "github.ref_name GITHUB_REF_NAME",
            "CI_COMMIT_BRANCH",
            "Build.SourceBranchName BUILD_SOURCEBRANCHNAME",
            "BRANCH_NAME GIT_BRANCH GIT_LOCAL_BRANCH BRANCH_NAME",
            "BITBUCKET_BRANCH",
            "codebase.branch trigger.branch codebase.build.spec.branch",
        ],
    ),
    (
        Role::Source,
        [
            "github.head_ref github.event.pull_request.head.ref GITHUB_HEAD_REF",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
            "System.PullRequest.SourceBranch SYSTEM_PULLREQUEST_SOURCEBRANCH",
            "CHANGE_BRANCH",
            "BITBUCKET_BRANCH",
            "codebase.sourceBranch trigger.sourceBranch",
        ],
    ),
    (
        Role::Target,
        [
            "github.base_ref github.event.pull_request.base.ref GITHUB_BASE_REF",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
            "System.PullRequest.TargetBranch SYSTEM_PULLREQUEST_TARGETBRANCH",
            "CHANGE_TARGET",
            "BITBUCKET_PR_DESTINATION_BRANCH",
            "codebase.targetBranch trigger.targetBranch",
        ],
    ),
    (
        Role::Tag,
        [
            "",
            "CI_COMMIT_TAG",
            "",
            "TAG_NAME",
            "BITBUCKET_TAG",
            "codebase.tag codebase.build.spec.tag",
        ],
    ),
    (
        Role::Change,
        [
            "github.event.pull_request.number github.event.number",
            "CI_MERGE_REQUEST_IID",
            "System.PullRequest.PullRequestNumber System.PullRequest.PullRequestId SYSTEM_PULLREQUEST_PULLREQUESTNUMBER SYSTEM_PULLREQUEST_PULLREQUESTID",
            "CHANGE_ID",
            "BITBUCKET_PR_ID",
            "codebase.prNumber trigger.prNumber",
        ],
    ),
    (
        Role::Repository,
        [
            "github.event.repository.name",
            "CI_PROJECT_NAME",
            "",
            "",
            "BITBUCKET_REPO_SLUG",
            "codebase.gitRepoName",
        ],
    ),
    (
        Role::FullRepository,
        [
            "github.repository GITHUB_REPOSITORY",
            "CI_PROJECT_PATH",
            "Build.Repository.Name BUILD_REPOSITORY_NAME",
            "",
            "BITBUCKET_REPO_FULL_NAME",
            "",
        ],
    ),
    (
        Role::Owner,
        [
            "github.repository_owner GITHUB_REPOSITORY_OWNER",
            "CI_PROJECT_NAMESPACE",
            "",
            "",
            "BITBUCKET_REPO_OWNER BITBUCKET_WORKSPACE",
            "",
        ],
    ),
    (
        Role::Run,
        [
            "github.run_number GITHUB_RUN_NUMBER",
            "CI_PIPELINE_IID",
            "Build.BuildNumber BUILD_BUILDNUMBER",
            "BUILD_NUMBER",
            "BITBUCKET_BUILD_NUMBER",
            "pipeline.sequenceId",
        ],
    ),
    (
        Role::RunId,
        [
            "github.run_id GITHUB_RUN_ID",
            "CI_PIPELINE_ID",
            "Build.BuildId BUILD_BUILDID",
            "BUILD_ID",
            "BITBUCKET_PIPELINE_UUID",
            "pipeline.executionId",
        ],
    ),
    (
        Role::Workspace,
        [
            "github.workspace GITHUB_WORKSPACE",
            "CI_PROJECT_DIR",
            "Build.SourcesDirectory System.DefaultWorkingDirectory Pipeline.Workspace BUILD_REPOSITORY_LOCALPATH SYSTEM_DEFAULTWORKINGDIRECTORY BUILD_SOURCESDIRECTORY",
            "WORKSPACE",
            "BITBUCKET_CLONE_DIR",
            "",
        ],
    ),
    (
        Role::Event,
        [
            "github.event_name GITHUB_EVENT_NAME",
            "CI_PIPELINE_SOURCE",
            "Build.Reason BUILD_REASON",
            "",
            "",
            "trigger.type trigger.event",
        ],
    ),
    (
        Role::DefaultBranch,
        ["github.event.repository.default_branch", "CI_DEFAULT_BRANCH", "", "", "", ""],
    ),
    (
        Role::Actor,
        [
            "github.actor github.triggering_actor GITHUB_ACTOR",
            "GITLAB_USER_LOGIN",
            "Build.RequestedFor BUILD_REQUESTEDFOR",
            "BUILD_USER_ID",
            "BITBUCKET_STEP_TRIGGERER_UUID",
            "pipeline.triggeredBy.name",
        ],
    ),
    (
        Role::Server,
        [
            "github.server_url GITHUB_SERVER_URL",
            "CI_SERVER_URL",
            "System.CollectionUri System.TeamFoundationCollectionUri SYSTEM_COLLECTIONURI",
            "",
            "",
            "",
        ],
    ),
    (
        Role::RunUrl,
        [
            "",
            "CI_PIPELINE_URL",
            "",
            "BUILD_URL RUN_DISPLAY_URL BUILD_URL",
            "",
            "pipeline.executionUrl",
        ],
    ),
    (
        Role::Job,
        [
            "github.job GITHUB_JOB",
            "CI_JOB_NAME",
            "Agent.JobName AGENT_JOBNAME",
            "STAGE_NAME",
            "",
            "stage.name",
        ],
    ),
    (
        Role::Temp,
        [
            "runner.temp RUNNER_TEMP",
            "",
            "Agent.TempDirectory AGENT_TEMPDIRECTORY",
            "WORKSPACE_TMP",
            "",
            "",
        ],
    ),
    (
        Role::Message,
        [
            "github.event.head_commit.message",
            "CI_COMMIT_MESSAGE",
            "Build.SourceVersionMessage BUILD_SOURCEVERSIONMESSAGE",
            "",
            "",
            "codebase.commitMessage",
        ],
    ),
    (
        Role::Runner,
        [
            "runner.name RUNNER_NAME",
            "CI_RUNNER_DESCRIPTION",
            "Agent.MachineName AGENT_MACHINENAME",
            "NODE_NAME",
            "",
            "",
        ],
    ),
    (Role::Outputs, ["GITHUB_OUTPUT", "", "", "", "", ""]),
    (
        Role::Token,
        [
            "github.token secrets.GITHUB_TOKEN",
            "CI_JOB_TOKEN",
            "System.AccessToken SYSTEM_ACCESSTOKEN",
            "",
            "",
            "",
        ],
    ),
];

fn place(platform: Platform) -> usize {
    match platform {
        Platform::GitHub => 0,
        Platform::GitLab => 1,
        Platform::Azure => 2,
        Platform::Jenkins => 3,
        Platform::Bitbucket => 4,
        Platform::Harness => 5,
    }
}

static KNOWN: LazyLock<HashMap<(usize, String), Role>> = LazyLock::new(|| {
    let mut known = HashMap::new();
    for (role, names) in ROWS {
        for (place, names) in names.iter().enumerate() {
            for name in names.split_ascii_whitespace() {
                known.entry((place, name.to_ascii_lowercase())).or_insert(*role);
            }
        }
    }
    known
});

/// What this variable or expression of a platform tells.
pub fn role(platform: Platform, name: &str) -> Option<Role> {
    KNOWN.get(&(place(platform), name.trim().to_ascii_lowercase())).copied()
}

/// Whether the name is one of the platform's own, known here or not.
pub fn is_predefined(platform: Platform, name: &str) -> bool {
    let starts: &[&str] = match platform {
        Platform::GitHub => &["GITHUB_", "RUNNER_"],
        Platform::GitLab => &["CI_", "GITLAB_"],
        Platform::Azure => &["BUILD_", "SYSTEM_", "AGENT_"],
        Platform::Jenkins => &["BUILD_", "JENKINS_", "CHANGE_", "GIT_", "BRANCH_", "JOB_", "NODE_"],
        Platform::Bitbucket => &["BITBUCKET_"],
        Platform::Harness => &["HARNESS_", "DRONE_", "CI_"],
    };
    starts.iter().any(|start| name.starts_with(start))
}

/// The spelling for values, without the platform's brackets; `None` where the platform
/// does not tell it.
pub fn name(role: Role, platform: Platform) -> Option<&'static str> {
    let row = ROWS.iter().find(|(known, _)| *known == role)?;
    row.1.get(place(platform))?.split_ascii_whitespace().next()
}

/// The variable that scripts see by themselves.
pub fn script_name(role: Role, platform: Platform) -> Option<&'static str> {
    let row = ROWS.iter().find(|(known, _)| *known == role)?;
    let last = row.1.get(place(platform))?.split_ascii_whitespace().last()?;
    (!last.contains('.')).then_some(last)
}

/// The portable reference.
pub fn part(role: Role) -> Option<Part> {
    Some(match role {
        Role::Commit => Part::Commit,
        Role::Branch | Role::RefName | Role::Source => Part::Branch,
        Role::Tag => Part::Tag,
        Role::Change => Part::ChangeNumber,
        Role::Repository => Part::Repository,
        Role::Run => Part::RunNumber,
        Role::Workspace => Part::Workspace,
        Role::Outputs => Part::OutputFile,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_by_what_they_tell() {
        for (platform, name, expect) in [
            (Platform::GitHub, "github.sha", Some(Role::Commit)),
            (Platform::GitLab, "CI_PIPELINE_IID", Some(Role::Run)),
            (Platform::Azure, "build.sourcebranch", Some(Role::Ref)),
            (Platform::Jenkins, "TAG_NAME", Some(Role::Tag)),
            (Platform::Bitbucket, "BITBUCKET_PR_ID", Some(Role::Change)),
            (Platform::Harness, "pipeline.sequenceId", Some(Role::Run)),
            (Platform::Harness, "github.sha", None),
        ] {
            assert_eq!(role(platform, name), expect, "{name}");
        }
    }
}
