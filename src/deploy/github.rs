//! GitHub's deployments (<https://docs.github.com/rest/deployments/deployments>).
//!
//! GitHub has no rollback: it records deployments that others carry out. What was
//! deployed before is deployed again in the way it was deployed then:
//! - by a workflow that the caller names, started by `workflow_dispatch`;
//! - where a job of Actions made the deployment, by running that job again, which
//!   GitHub allows for 30 days;
//! - else by a new deployment of the earlier commit, for whoever carries them out.

mod back;
mod shape;

use anyhow::{Context as _, anyhow, bail};
use async_trait::async_trait;

use self::back::MARK;
use self::shape::{
    Deployment, DeploymentStatus, Given, Job, Jobs, Pending, PendingEnvironment, run_of, short,
    state, step,
};
use super::ask::{Api, Auth, Server, json as read, segment};
use super::{
    Approval, ApprovalStatus, Deployer, Execution, Means, RolledBack, Status, Step, times,
};
use crate::http::{Client, Response, Url};
use crate::policy::RollbackPermit;
use crate::redact::Secret;

/// Earlier deployments that are looked through for one that succeeded.
const EARLIER: usize = 30;

/// How long a run of Actions can be run again, in milliseconds.
const RERUN: i64 = 30 * 24 * 60 * 60_000;

/// A workflow that rolls back, by `workflow_dispatch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// Its file's name or its id: `rollback.yml`.
    pub file: String,
    /// The branch or tag whose version of it runs: a commit is not taken.
    pub branch: String,
}

/// Deployments of a repository.
pub struct GitHub {
    api: Api,
    repository: String,
    environment: Option<String>,
    workflow: Option<Workflow>,
    found: tokio::sync::Mutex<Option<u64>>,
}

/// How an earlier deployment is made once more.
enum Again {
    Dispatch,
    Rerun { run: u64, job: u64 },
    Anew,
}

impl GitHub {
    /// `api_url` is `https://api.github.com`; `deployment` is one's id, else the latest of
    /// `environment`, else the latest of all.
    ///
    /// # Errors
    /// The address or the repository's name is none, or the token would be readable on
    /// the way.
    pub fn new(
        client: &Client,
        api_url: &str,
        repository: &str,
        token: Option<&Secret>,
        environment: Option<String>,
        deployment: Option<u64>,
        workflow: Option<Workflow>,
    ) -> anyhow::Result<Self> {
        let url = Url::parse(api_url).with_context(|| format!("cannot use `{api_url}`"))?;
        let auth = token.map_or(Auth::None, |token| Auth::Bearer(token.clone()));
        let server = Server { url: Some(url), auth, tenant: None };
        let mut api = Api::new(client, "GitHub", &server, None)?;
        api.set_header("accept", "application/vnd.github+json")?;
        api.set_header("x-github-api-version", "2022-11-28")?;
        let parts: Vec<&str> = repository.split('/').collect();
        let [owner, name] = parts[..] else { bail!("`{repository}` is no `owner/name`") };
        let repository = format!("/repos/{}/{}", segment(owner), segment(name));
        let found = tokio::sync::Mutex::new(deployment);
        Ok(GitHub { api, repository, environment, workflow, found })
    }

    async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        what: &str,
    ) -> anyhow::Result<Response> {
        let answer = self.api.get(&format!("{}{path}", self.repository), query).await;
        answer.map_err(|error| self.api.explain(error, what))
    }

    async fn deployment(&self) -> anyhow::Result<Deployment> {
        let mut found = self.found.lock().await;
        if let Some(id) = *found {
            let answer = self.get(&format!("/deployments/{id}"), &[], "the deployment").await?;
            return read(&answer, "GitHub");
        }
        let latest = self.list(self.environment.as_deref(), 1).await?.into_iter().next();
        let latest = latest.ok_or_else(|| match &self.environment {
            Some(name) => anyhow!("there is no deployment to `{name}`"),
            None => anyhow!("the repository has no deployment"),
        })?;
        *found = Some(latest.id);
        Ok(latest)
    }

    /// The latest first.
    async fn list(
        &self,
        environment: Option<&str>,
        most: usize,
    ) -> anyhow::Result<Vec<Deployment>> {
        let most = most.to_string();
        let mut query = vec![("per_page", most.as_str())];
        query.extend(environment.map(|name| ("environment", name)));
        let answer = self.get("/deployments", &query, "the deployments").await?;
        read(&answer, "GitHub")
    }

    /// The latest first.
    async fn statuses(&self, id: u64) -> anyhow::Result<Vec<DeploymentStatus>> {
        let path = format!("/deployments/{id}/statuses");
        let answer = self.get(&path, &[("per_page", "100")], "the deployment's state").await?;
        read(&answer, "GitHub")
    }

    /// What was deployed to the same place before, and worked.
    async fn previous(
        &self,
        all: &[Deployment],
        current: &Deployment,
    ) -> anyhow::Result<Option<(Deployment, Vec<DeploymentStatus>)>> {
        let earlier = all.iter().filter(|one| one.id < current.id && one.sha != current.sha);
        for one in earlier {
            let statuses = self.statuses(one.id).await?;
            if statuses.iter().any(|status| status.state == "success") {
                return Ok(Some((one.clone(), statuses)));
            }
        }
        Ok(None)
    }

    /// How the earlier one would be deployed again.
    fn again(&self, earlier: &Deployment, statuses: &[DeploymentStatus], now: i64) -> Again {
        if self.workflow.is_some() {
            return Again::Dispatch;
        }
        let age = times::of_text(&earlier.created_at).map_or(i64::MAX, |at| now - at);
        match statuses.iter().find_map(run_of) {
            Some((run, Some(job))) if age < RERUN => Again::Rerun { run, job },
            _ => Again::Anew,
        }
    }

    /// What is in the place of a deployment, and what was before it.
    async fn look(&self, id: u64) -> anyhow::Result<Look> {
        let answer = self.get(&format!("/deployments/{id}"), &[], "the deployment").await?;
        let current: Deployment = read(&answer, "GitHub")?;
        let all = self.list(Some(&current.environment), EARLIER).await?;
        let previous = self.previous(&all, &current).await?;
        let later = all.into_iter().find(|one| one.id > current.id);
        Ok(Look { current, previous, later })
    }
}

struct Look {
    current: Deployment,
    previous: Option<(Deployment, Vec<DeploymentStatus>)>,
    later: Option<Deployment>,
}

#[async_trait]
impl Deployer for GitHub {
    fn host(&self) -> &'static str {
        "GitHub"
    }

    async fn execution(&self) -> anyhow::Result<Execution> {
        let deployment = self.deployment().await?;
        let statuses = self.statuses(deployment.id).await?;
        let latest = statuses.first();
        let status = latest.map_or(Status::Queued, |status| state(&status.state));
        let mut steps = Vec::new();
        let run = statuses.iter().find_map(run_of);
        if let Some((run, job)) = run {
            let path = format!("/actions/runs/{run}/jobs");
            let query = [("per_page", "100"), ("filter", "latest")];
            let answer = self.get(&path, &query, "the jobs of the deployment's run").await?;
            let jobs: Jobs = read(&answer, "GitHub")?;
            let own = |found: &Job| job.is_none_or(|job| job == found.id);
            // A job that is run again has another id.
            let any = jobs.jobs.iter().any(own);
            steps.extend(jobs.jobs.iter().filter(|job| own(job) || !any).map(step));
        }
        let ended =
            statuses.iter().find(|one| state(&one.state).is_final() && one.state != "inactive");
        Ok(Execution {
            id: deployment.id.to_string(),
            name: deployment.environment.clone(),
            url: latest
                .and_then(|one| one.log_url.clone().or_else(|| one.target_url.clone()))
                .filter(|url| !url.is_empty()),
            started_at: times::of_text(&deployment.created_at),
            ended_at: ended
                .filter(|_| status.is_final())
                .and_then(|one| times::of_text(&one.created_at)),
            message: latest.and_then(|one| one.description.clone()).filter(|text| !text.is_empty()),
            commit: Some(deployment.sha.clone()),
            is_rollback: deployment
                .description
                .as_deref()
                .is_some_and(|text| text.starts_with(MARK)),
            status,
            steps,
            ..Execution::default()
        })
    }

    async fn log(&self, step: &Step) -> anyhow::Result<Vec<u8>> {
        let Some(job) = &step.log_key else { bail!("`{}` has no log", step.name) };
        let path = format!("/actions/jobs/{}/logs", segment(job));
        let answer = self.get(&path, &[], "the job's log").await?;
        Ok(answer.body.to_vec())
    }

    async fn can_roll_back(&self, execution: &Execution) -> anyhow::Result<Means> {
        let id: u64 = execution.id.parse().context("the execution is no deployment of GitHub")?;
        let look = self.look(id).await?;
        let Some((earlier, statuses)) = &look.previous else {
            return Ok(Means::Impossible {
                why: format!(
                    "nothing else was deployed to `{}` with success before: there is nothing to go back to",
                    look.current.environment
                ),
            });
        };
        let how = match (self.again(earlier, statuses, now()), &self.workflow) {
            (Again::Dispatch, Some(workflow)) => format!("the workflow {}", workflow.file),
            (Again::Rerun { job, .. }, _) => format!("job {job} of Actions, run again"),
            _ => "a new deployment".to_owned(),
        };
        Ok(Means::Host {
            what: format!(
                "deployment {id} to `{}`: back to {} by {how}",
                look.current.environment,
                short(&earlier.sha)
            ),
        })
    }

    async fn roll_back(
        &self,
        _permit: &RollbackPermit,
        means: &Means,
    ) -> anyhow::Result<RolledBack> {
        let what = match means {
            Means::Host { what } => what,
            Means::Impossible { why } => bail!("it cannot be rolled back: {why}"),
            _ => bail!("GitHub has no such means"),
        };
        let id = what
            .strip_prefix("deployment ")
            .and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok())
            .ok_or_else(|| anyhow!("GitHub has no such means"))?;
        let look = self.look(id).await?;
        let Some((earlier, statuses)) = look.previous else {
            bail!("what was deployed before is not there any more");
        };
        if let Some(later) = &look.later {
            return self.instead(later, &earlier).await;
        }
        match self.again(&earlier, &statuses, now()) {
            Again::Dispatch => self.dispatch(&look.current, &earlier).await,
            Again::Rerun { run, job } => self.rerun((run, job), &earlier).await,
            Again::Anew => self.deploy(&look.current, &earlier).await,
        }
    }

    async fn approvals(&self, execution: &Execution) -> anyhow::Result<Vec<Approval>> {
        let id: u64 = execution.id.parse().context("the execution is no deployment of GitHub")?;
        let Some((run, _)) = self.statuses(id).await?.iter().find_map(run_of) else {
            return Ok(Vec::new());
        };
        let path = format!("/actions/runs/{run}/pending_deployments");
        let answer = self.get(&path, &[], "the approvals that wait").await?;
        let pending: Vec<Pending> = read(&answer, "GitHub")?;
        let asked = |environment: PendingEnvironment, status| Approval {
            id: environment.id.to_string(),
            message: Some(format!("deployment to `{}`", environment.name)),
            step: Some(environment.name),
            status,
        };
        // Those that were answered are listed elsewhere.
        let path = format!("/actions/runs/{run}/approvals");
        let answer = self.get(&path, &[], "the approvals that were given").await?;
        let given: Vec<Given> = read(&answer, "GitHub")?;
        let answered = given.into_iter().flat_map(|one| {
            let status = match one.state.as_str() {
                "approved" => ApprovalStatus::Approved,
                "rejected" => ApprovalStatus::Rejected,
                _ => ApprovalStatus::Over,
            };
            one.environments.into_iter().map(move |environment| asked(environment, status))
        });
        let waiting =
            pending.into_iter().map(|one| asked(one.environment, ApprovalStatus::Waiting));
        Ok(answered.chain(waiting).collect())
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
